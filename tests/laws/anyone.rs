//! `ace laws` on filters of somebody else's: the ones of the manual keep every law, and for each law there is one that breaks it and
//! no other.

use crate::suite::{Run, World};
use std::process::Command;

/// An awk that does not wait for a full block.
fn awk() -> Vec<&'static str> {
    let version = Command::new("awk").args(["-W", "version"]).output().unwrap();
    let said = [version.stdout, version.stderr].concat();
    let is_mawk = String::from_utf8_lossy(&said).contains("mawk");
    if is_mawk { vec!["awk", "-W", "interactive"] } else { vec!["awk"] }
}

/// The program of the manual under that name.
fn of_the_manual(name: &str) -> String {
    let page = std::fs::read_to_string(crate::generated::root("man/ace-pipe.7")).unwrap();
    let (_, text) = page.split_once(&format!(".\\\" run: {name}\n")).unwrap();
    let (_, text) = text.split_once(".EX\n").unwrap();
    let (text, _) = text.split_once(".EE").unwrap();
    text.replace("\\-", "-").replace("\\(ha", "^").replace("\\(aq", "'").replace("\\e", "\\")
}

fn laws(world: &World, filter: &[&str]) -> Run {
    world.run("ace", &[&["laws", "--"], filter].concat())
}

/// A filter in awk that keeps all laws, with one place to spoil it: it marks every answer of a model once.
fn marker(spoiled: &[(&str, &str)]) -> String {
    let mut text = r#"
function field(name) {
  if (!match($0, "\"" name "\":\"[^\"]*\"")) return ""
  return substr($0, RSTART + length(name) + 4, RLENGTH - length(name) - 5)
}
function say(cause) {
  printf "{\"v\":1,\"id\":\"%s-%d\",\"session\":\"%s\",\"cause\":\"%s\",", me, ++n, session, cause
  printf "\"by\":\"marker\",\"type\":\"mark.made\",\"data\":{\"at\":%d}}\n", at
}
BEGIN { srand(); me = sprintf("m%07d", rand() * 9999999); at = 1 }
{ print; fact = /^\{"seq":/; type = field("type") }
fact && !session { session = field("session") }
fact && type == "model.completed" { due[field("id")] }
fact && type == "mark.made" { delete due[field("cause")] }
type == "log.live" { live = 1 }
live { for (id in due) say(id); split("", due) }
{ fflush() }
"#
    .to_owned();
    for (was, is) in spoiled {
        assert!(text.contains(was), "{was}");
        text = text.replace(was, is);
    }
    text
}

/// Which laws are told as broken, and what else was printed.
fn broken(run: &Run) -> Vec<String> {
    let law = |line: &str| Some(line.strip_prefix("✗ ")?.split_whitespace().next()?.to_owned());
    run.stdout.lines().filter_map(law).collect()
}

#[test]
fn the_filters_of_the_manual_keep_every_law() {
    let world = World::new();
    std::fs::write(world.project().join("refused.awk"), of_the_manual("refused.awk")).unwrap();
    let run = laws(&world, &[&awk()[..], &["-f", "refused.awk"]].concat());
    let told: Vec<&str> = run.stdout.lines().collect();
    assert_eq!((run.code, told.len(), broken(&run).len()), (Some(0), 7, 0), "{run:?}");
    assert_eq!(told[0], "✓ pass     its input comes out again, byte for byte");
    if !crate::pages::there("python3", "the laws on a filter in Python") {
        return;
    }
    std::fs::write(world.project().join("tally.py"), of_the_manual("tally.py")).unwrap();
    // A launcher in front of it would be started a hundred times.
    let python = if std::path::Path::new("/usr/bin/python3").exists() { "/usr/bin/python3" } else { "python3" };
    let run = laws(&world, &[python, "tally.py"]);
    assert_eq!((run.code, broken(&run).len()), (Some(0), 0), "{run:?}");
}

#[test]
fn a_filter_that_breaks_one_law_is_told_which_and_where() {
    let world = World::new();
    let whole = laws_of(&world, &[]);
    assert_eq!((whole.code, broken(&whole).len()), (Some(0), 0), "{whole:?}");
    for (law, spoiled, says) in [
        (
            "pass",
            &[("{ print; fact", "{ l = $0; if (/^{\"seq\":/) sub(/\"turn\":1,/, \"\", l); print l; fact")][..],
            "does not come out as it went in",
        ),
        ("believe", &[("fact = /^\\{\"seq\":/", "fact = 1")], "without a seq after line"),
        ("wait", &[("live { for", "{ for")], "without log.live, and it drafts"),
        ("claim", &[("me, ++n, session", "\"same\", 1, session")], "an id that is taken"),
        ("time", &[("at = 1", "srand(); at = srand()")], "read twice give different drafts"),
        ("fixed", &[("type == \"mark.made\" { delete", "type == \"never\" { delete")], "never comes to rest"),
    ] {
        let run = laws_of(&world, spoiled);
        // Who does not wait for the present does not know either what it has drafted before.
        let expected = if law == "wait" { vec!["wait", "fixed"] } else { vec![law] };
        assert_eq!(
            (run.code, broken(&run)),
            (Some(1), expected.into_iter().map(str::to_owned).collect()),
            "{}",
            run.stdout
        );
        assert!(run.stdout.contains(says), "{law}: {}", run.stdout);
        assert!(run.stderr.is_empty(), "{}", run.stderr);
    }
}

fn laws_of(world: &World, spoiled: &[(&str, &str)]) -> Run {
    std::fs::write(world.project().join("marker.awk"), marker(spoiled)).unwrap();
    laws(world, &[&awk()[..], &["-f", "marker.awk"]].concat())
}

#[test]
fn a_filter_that_buffers_or_does_not_run_is_no_filter() {
    let world = World::new();
    let run = laws(&world, &["awk", "{ all = all $0 \"\\n\" } END { printf \"%s\", all }"]);
    assert_eq!((run.code, broken(&run)), (Some(1), vec!["read".to_owned()]), "{run:?}");
    assert!(run.stdout.contains("does it buffer?"), "{}", run.stdout);
    let run = laws(&world, &["sh", "-c", "cat > /dev/null; echo it broke >&2; exit 3"]);
    assert_eq!((run.code, broken(&run)), (Some(1), vec!["pass".to_owned()]), "{run:?}");
    assert!(run.stdout.contains("it broke") && run.stdout.matches("not tried").count() == 6, "{}", run.stdout);
    let run = laws(&world, &["no-such-filter"]);
    assert_eq!(run.code, Some(1), "{run:?}");
    assert!(run.stdout.contains("cannot start 'no-such-filter'"), "{}", run.stdout);
}

#[test]
fn the_suites_own_filters_keep_them_too() {
    let world = World::new();
    for filter in [&["ace-session", "step"][..], &["ace-permit"]] {
        let run = laws(&world, filter);
        assert_eq!((run.code, broken(&run).len()), (Some(0), 0), "{filter:?} {run:?}");
    }
}
