//! The house rules that can be checked: who may know whom, how long a main is, what every file opens with.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Rank of each room: a room may use rooms of lower rank only.
const RANKS: &[(&str, u8)] = &[
    ("schema", 0),
    ("core", 1),
    ("permissions", 1),
    ("redact", 1),
    ("config", 1),
    ("answers", 1),
    ("prices", 1),
    ("quota", 1),
    ("pipe", 2),
    ("replay", 2),
    ("storage", 2),
    ("worktree", 2),
    ("sandbox", 2),
    ("model-gateway", 3),
    ("fetch", 3),
    ("local-tools", 3),
    ("host", 3),
    ("cli", 4),
    ("view", 4),
    ("web", 4),
    ("front", 5),
];

/// Rooms in which a library may appear; libraries that are not named here may appear anywhere.
const GUESTS: &[(&str, &[&str])] = &[
    ("clap", &["cli"]),
    ("gix", &["worktree"]),
    ("rusqlite", &["storage"]),
    ("reqwest", &["model-gateway", "fetch"]),
    ("tokio", &["model-gateway", "fetch", "web"]),
    ("axum", &["web"]),
    ("nu-ansi-term", &["cli", "view", "front"]),
    ("reedline", &["front"]),
    ("crossterm", &["front"]),
    ("similar", &["view", "local-tools"]),
    ("landlock", &["sandbox"]),
    ("seccompiler", &["sandbox"]),
];

/// The rooms each program may use beside schema, core, pipe, cli, front, config, host, storage and view, which any may.
const PROGRAMS: &[(&str, &[&str])] = &[
    ("ace", &["ace_answers", "ace_worktree", "ace_sandbox"]),
    ("ace-session", &["ace_answers", "ace_prices", "ace_worktree"]),
    ("ace-model", &["ace_model_gateway", "ace_prices", "ace_quota"]),
    ("ace-quota", &["ace_prices", "ace_quota"]),
    ("ace-permit", &["ace_permissions"]),
    ("ace-tool", &["ace_permissions", "ace_local_tools", "ace_sandbox", "ace_worktree"]),
    ("ace-fetch", &["ace_fetch"]),
    ("ace-log", &["ace_redact", "ace_worktree"]),
    ("ace-redact", &["ace_redact"]),
    ("ace-replay", &["ace_replay", "ace_sandbox", "ace_worktree"]),
    ("ace-serve", &["ace_redact", "ace_web"]),
    ("ace-many", &[]),
    ("ace-worktree", &["ace_worktree"]),
];
const COMMON: &[&str] = &[
    "ace_schema",
    "ace_core",
    "ace_pipe",
    "ace_cli",
    "ace_front",
    "ace_config",
    "ace_host",
    "ace_storage",
    "ace_view",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &Path, ending: &str, all: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(&path, ending, all);
        } else if path.extension().is_some_and(|e| e == ending) {
            all.push(path);
        }
    }
}

fn sources(folders: &[&str]) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for folder in folders {
        files(&root().join(folder), "rs", &mut all);
    }
    assert!(!all.is_empty(), "no sources in {folders:?}");
    all
}

/// The dependencies of a manifest outside `[dev-dependencies]`.
fn dependencies(manifest: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(manifest).unwrap();
    let mut wanted = false;
    let mut names = Vec::new();
    for line in text.lines() {
        if line.starts_with('[') {
            wanted = line == "[dependencies]" || (line.starts_with("[target.") && line.ends_with(".dependencies]"));
        } else if wanted && let Some((name, _)) = line.split_once(['.', ' ', '=']) {
            names.push(name.trim().to_owned());
        }
    }
    names
}

#[test]
fn rooms_know_only_rooms_of_lower_rank() {
    let ranks: BTreeMap<&str, u8> = RANKS.iter().copied().collect();
    let mut rooms: Vec<String> = crate::suite::folders(&root().join("lib"));
    rooms.retain(|r| root().join("lib").join(r).join("Cargo.toml").exists());
    let listed: Vec<&str> = ranks.keys().copied().collect();
    assert_eq!(rooms, listed, "every room has its rank here");
    for room in &rooms {
        for dependency in dependencies(&root().join("lib").join(room).join("Cargo.toml")) {
            if let Some(other) = dependency.strip_prefix("ace-") {
                assert!(
                    ranks[other] < ranks[room.as_str()],
                    "{room} (rank {}) must not know {other}",
                    ranks[room.as_str()]
                );
            }
            for (guest, where_) in GUESTS {
                assert!(*guest != dependency || where_.contains(&room.as_str()), "{guest} is no guest of {room}");
            }
        }
    }
}

#[test]
fn programs_use_only_the_rooms_their_verb_needs() {
    for (program, own) in PROGRAMS {
        for file in sources(&[&format!("bins/{program}")]) {
            let text = std::fs::read_to_string(&file).unwrap();
            for word in text.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|w| w.starts_with("ace_")) {
                let is_room = RANKS.iter().any(|(r, _)| word == format!("ace_{}", r.replace('-', "_")));
                let allowed = COMMON.contains(&word) || own.contains(&word);
                assert!(!is_room || allowed, "{program} must not use {word} ({})", file.display());
            }
        }
    }
    let mut there = crate::suite::folders(&root().join("bins"));
    there.sort();
    let mut listed: Vec<&str> = PROGRAMS.iter().map(|(p, _)| *p).collect();
    listed.sort_unstable();
    assert_eq!(there, listed, "every program has its rooms here");
}

#[test]
fn mains_are_wiring() {
    for program in crate::suite::folders(&root().join("bins")) {
        let file = root().join("bins").join(&program).join("main.rs");
        let lines = std::fs::read_to_string(&file).unwrap().lines().count();
        assert!(lines <= 80, "{}: {lines} lines", file.display());
    }
}

#[test]
fn every_file_opens_with_what_it_is_for() {
    for file in sources(&["lib", "bins", "tests", "benches"]) {
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.starts_with("//!"), "{} does not open with //!", file.display());
    }
}

#[test]
fn nothing_unfinished_and_no_path_of_a_machine_is_left() {
    // Built from parts, so that this file does not hold them itself.
    let marks =
        [["todo", "!("].concat(), ["unimplemented", "!("].concat(), ["FIX", "ME"].concat(), ["#[ig", "nore]"].concat()];
    let paths = [format!("{}/", root().display())];
    for file in sources(&["lib", "bins", "tests", "benches"]) {
        let text = std::fs::read_to_string(&file).unwrap();
        for mark in marks.iter().chain(&paths) {
            assert!(!text.contains(mark.as_str()), "{} holds {mark:?}", file.display());
        }
    }
}

#[test]
fn the_table_of_the_suite_and_the_programs_agree() {
    let mut parts: Vec<&str> =
        ace_cli::suite::SUITE.iter().filter(|r| r.group == ace_cli::suite::Group::Parts).map(|r| r.name).collect();
    parts.sort_unstable();
    let mut there = crate::suite::folders(&root().join("bins"));
    there.sort();
    assert_eq!(parts, there);
}
