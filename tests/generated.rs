//! What is made from the one definition of a thing and committed: man pages and completions from the arguments, the page of events
//! and the JSON Schema from the schema. Compared byte for byte; `ACE_BLESS=1` rewrites.

pub mod completions;
mod events;
pub mod manual;
pub mod roff;
mod schema;
mod source;
mod tools;

use std::path::PathBuf;

/// A file of the source tree.
pub fn root(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}

pub fn blesses() -> bool {
    std::env::var_os("ACE_BLESS").is_some_and(|v| v == "1")
}

/// Compares with the committed file, or rewrites it.
#[track_caller]
pub fn same(path: &str, text: &str) {
    let file = root(path);
    if blesses() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        return std::fs::write(file, text).unwrap();
    }
    let there = std::fs::read_to_string(&file).unwrap_or_default();
    if there != text {
        let at = there.lines().zip(text.lines()).take_while(|(a, b)| a == b).count();
        let line = |t: &str| t.lines().nth(at).unwrap_or("(end)").to_owned();
        panic!(
            "{path} is stale at line {}:\n  there: {}\n  now:   {}\nACE_BLESS=1 rewrites it",
            at + 1,
            line(&there),
            line(text)
        );
    }
}

/// The lines of all recorded sessions among the fixtures, by file.
pub fn sessions() -> Vec<(String, Vec<String>)> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(root("fixtures/sessions")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if !name.ends_with(".jsonl") || name.ends_with(".cassette.jsonl") {
            continue;
        }
        let text = std::fs::read_to_string(root("fixtures/sessions").join(&name)).unwrap();
        all.push((name, text.lines().map(str::to_owned).collect()));
    }
    all.sort();
    assert!(!all.is_empty());
    all
}

/// Those lines that are whole events of our version: some fixtures are damaged on purpose.
fn events_of_sessions() -> Vec<String> {
    let lines = sessions().into_iter().flat_map(|(_, lines)| lines);
    lines.filter(|l| ace_schema::Line::parse(l.as_bytes()).is_ok_and(|l| l.is_recorded())).collect()
}

#[test]
fn man_pages_are_made_from_the_arguments() {
    for row in manual::programs() {
        same(&format!("man/{}.1", row.name), &manual::page(row));
    }
}

#[test]
fn completions_are_made_from_the_arguments() {
    for row in manual::programs() {
        for (shell, path) in completions::shells(row.name) {
            same(&path, &completions::script(shell, row.name));
        }
    }
}

#[test]
fn the_page_of_tools_is_made_from_their_table_and_the_limits() {
    same("man/ace-tools.7", &tools::page());
}

#[test]
fn the_page_of_events_is_made_from_the_schema_and_the_fixtures() {
    same("man/ace-events.7", &events::page(&events_of_sessions()));
}

#[test]
fn the_json_schema_is_made_from_the_schema_and_every_recorded_line_fits() {
    let schema = schema::schema();
    same("fixtures/events/schema.json", &(serde_json::to_string_pretty(&schema).unwrap() + "\n"));
    for line in events_of_sessions() {
        let mut found = Vec::new();
        schema::faults(&schema, &schema, &serde_json::from_str(&line).unwrap(), "line", &mut found);
        assert!(found.is_empty(), "{found:?}\n{line}");
    }
}
