//! Which attacks and faults have a test: a test whose name carries the id (`a34_`, `p62_`, `f05_`, `e01_`). One that is named for
//! this suite and has none must be explained here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// What has to be met: a letter and the numbers from one to another. `a` commands, files and git, `b` browsers and the server, `c` keys and money, `e` the log's
/// integrity, `f` streams and storage, `p` what has gone wrong in other agents.
const NAMED: &[(char, u8, u8)] = &[
    ('a', 1, 40),
    ('b', 1, 10),
    ('b', 12, 25),
    ('b', 27, 32),
    ('c', 2, 7),
    ('c', 11, 11),
    ('c', 13, 14),
    ('c', 16, 16),
    ('e', 1, 4),
    ('f', 1, 9),
    ('f', 10, 14),
    ('f', 16, 18),
    ('f', 22, 25),
    ('p', 1, 64),
];

/// Those without a test, and why.
const EXPLAINED: &[(&str, &str)] = &[
    (
        "b28",
        "the server fetches no address that anybody names: there is no webhook, picture or discovery to be led elsewhere",
    ),
    ("b30", "nothing is exported as a table"),
    (
        "f07",
        "the standard library goes on after a short write and an interrupted call; nothing here can make the kernel give them at will",
    ),
    ("f17", "there is no client of MCP servers here yet"),
    ("f18", "there is no client of MCP servers here yet"),
    ("p47", "there is no client of MCP servers here yet; what rules say of their tools is tested with the rules"),
    ("p49", "nothing here registers for links, and no program takes a prompt from one"),
];

/// The ids in one name: `a05_p26_a_link` has two.
fn ids(name: &str) -> impl Iterator<Item = &str> {
    name.split('_').filter(|part| {
        let bytes = part.as_bytes();
        bytes.len() == 3 && b"abcefp".contains(&bytes[0]) && bytes[1..].iter().all(u8::is_ascii_digit)
    })
}

/// Names of tests: functions behind `#[test]`, in macros too, and the cases of programs that test themselves.
fn names(text: &str) -> Vec<&str> {
    let word = |rest: &'_ str| rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
    let behind = |mark: &'static str| {
        text.match_indices(mark).map(move |(at, _)| {
            let rest = &text[at + mark.len()..];
            &rest[..word(rest)]
        })
    };
    behind("fn ").chain(behind("case(\"")).filter(|name| !name.is_empty()).collect()
}

fn scan(folder: &Path, found: &mut BTreeMap<String, BTreeSet<String>>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            scan(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            for name in names(&std::fs::read_to_string(&path).unwrap()) {
                for id in ids(name) {
                    found.entry(id.to_owned()).or_default().insert(name.to_owned());
                }
            }
        }
    }
}

#[test]
fn every_named_attack_has_a_test_or_a_reason() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = BTreeMap::new();
    ["lib", "bins", "tests"].iter().for_each(|folder| scan(&root.join(folder), &mut found));
    let named: Vec<String> =
        NAMED.iter().flat_map(|(kind, from, to)| (*from..=*to).map(move |n| format!("{kind}{n:02}"))).collect();
    let explained: BTreeMap<&str, &str> = EXPLAINED.iter().copied().collect();
    let (with, without): (Vec<&String>, Vec<&String>) = named.iter().partition(|id| found.contains_key(*id));
    println!("{} of {} ids have a test: {}", with.len(), named.len(), list(&with));
    for id in &without {
        println!("{id} has none: {}", explained.get(id.as_str()).unwrap_or(&"NOT EXPLAINED"));
    }
    for id in explained.keys().filter(|id| found.contains_key(**id)) {
        println!("{id} has a test by now, its reason can go");
    }
    let silent: Vec<&&String> = without.iter().filter(|id| !explained.contains_key(id.as_str())).collect();
    assert!(silent.is_empty(), "neither a test nor a reason: {silent:?}");
    assert!(explained.keys().all(|id| named.iter().any(|n| n == id)), "a reason for what nobody named");
}

fn list(ids: &[&String]) -> String {
    ids.iter().map(|id| id.as_str()).collect::<Vec<_>>().join(" ")
}

#[test]
fn ids_are_read_from_names() {
    assert_eq!(ids("a05_p26_a_link_of_f5").collect::<Vec<_>>(), ["a05", "p26"]);
    assert_eq!(names("#[test]\nfn a01_x() {}\n case(\"p62_y\", z)"), ["a01_x", "p62_y"]);
}
