//! Real text in which nothing may be found: this repository's own sources, fixtures, pages and lock file, and whatever folder
//! `ACE_PRECISION` names.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a test says what went wrong by failing")]

use ace_redact::{Policy, Redactor};
use ace_schema::redaction;
use std::path::{Path, PathBuf};

/// What holds keys on purpose: texts that test this room, and those that test what others do with one.
const PLANTED: &[&str] = &["lib/redact/tests"];

fn walk(folder: &Path, all: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|e| e.path()) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let meta = path.symlink_metadata().unwrap();
        if meta.is_dir() && !matches!(name.as_str(), "target" | ".git") && !PLANTED.iter().any(|p| path.ends_with(p)) {
            walk(&path, all);
        } else if meta.is_file() && meta.len() < 8 << 20 {
            all.push(path);
        }
    }
}

/// Lines in which something is found, and bytes looked through.
fn found(root: &Path) -> (Vec<String>, usize) {
    let redactor = Redactor::new(&Policy::default(), "s");
    let mut files = Vec::new();
    walk(root, &mut files);
    let (mut lines, mut bytes) = (Vec::new(), 0);
    for file in files {
        let text = std::fs::read(&file).unwrap();
        bytes += text.len();
        let Some(clean) = redactor.bytes(&text) else { continue };
        let clean = String::from_utf8_lossy(&clean).into_owned();
        let hit = clean.lines().filter(|l| redaction::holds(l));
        lines.extend(hit.map(|l| format!("{}: {}", file.display(), l.trim().chars().take(300).collect::<String>())));
    }
    (lines, bytes)
}

#[test]
fn p54_nothing_is_found_in_this_repository() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap();
    let (lines, bytes) = found(&root);
    assert!(bytes > 1 << 20, "{bytes} bytes are no repository");
    assert_eq!(lines, [""; 0], "{} false alarms in {bytes} bytes", lines.len());
}

#[test]
fn nothing_is_found_in_another_folder() {
    let Some(folder) = std::env::var_os("ACE_PRECISION") else {
        return println!("SKIPPED: ACE_PRECISION names no folder to look through");
    };
    let (lines, bytes) = found(Path::new(&folder));
    println!("{} in {bytes} bytes\n{}", lines.len(), lines.join("\n"));
}
