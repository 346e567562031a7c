//! Real text in which nothing may be found: this repository's own sources, fixtures, pages and lock file, and whatever folder
//! `ACE_PRECISION` names.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a test says what went wrong by failing")]

use ace_redact::{Gate, Memory, Policy, Redactor};
use ace_schema::redaction;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// What holds keys on purpose: texts that test this room, and those that test what others do with one.
const PLANTED: &[&str] = &["lib/redact/tests"];

fn walk(folder: &Path, all: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|e| e.path()) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let meta = path.symlink_metadata().unwrap();
        if meta.is_dir()
            && !matches!(name.as_str(), "target" | ".git" | "node_modules" | "dist")
            && !PLANTED.iter().any(|p| path.ends_with(p))
        {
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

/// Printed, not asserted: `cargo test --release -p ace-redact --test precision -- --nocapture speed`.
#[test]
fn speed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap();
    let redactor = Redactor::new(&Policy::default(), "s");
    let mut files = Vec::new();
    walk(&root.join("lib"), &mut files);
    let text: Vec<u8> = files.iter().flat_map(|f| std::fs::read(f).unwrap()).collect();
    let start = Instant::now();
    assert_eq!(redactor.bytes(&text), None);
    let whole = start.elapsed();
    let draft = br#"{"v":1,"id":"k3f9a2xq-17","session":"06fz3k9q2mtw8c1d","turn":3,"cause":"p0m4zz81-9","by":"ace-tool","type":"tool.completed","data":{"output":{"text":"running 3 tests\ntest a ... ok\n","bytes":31},"exit":0,"ms":4,"sandbox":"workspace"}}"#;
    let mut gate = Gate::new(&Redactor::new(&Policy::default(), ""), "s", Memory::default());
    let (n, start) = (20_000, Instant::now());
    for _ in 0..n {
        gate.line(draft, &mut |_| Ok(())).unwrap();
    }
    let line = start.elapsed() / n;
    let start = Instant::now();
    Redactor::new(&Policy::default(), "s").get_ready();
    let mb = text.len() as f64 / 1e6;
    println!(
        "{mb:.1} MB of source at {:.0} MB/s, a plain draft {line:?}, begun in {:?}",
        mb / whole.as_secs_f64(),
        start.elapsed()
    );
}

#[test]
fn nothing_is_found_in_another_folder() {
    let Some(folder) = std::env::var_os("ACE_PRECISION") else {
        return println!("SKIPPED: ACE_PRECISION names no folder to look through");
    };
    let (lines, bytes) = found(Path::new(&folder));
    println!("{} in {bytes} bytes\n{}", lines.len(), lines.join("\n"));
}
