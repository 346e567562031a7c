//! What a worktree changed.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use ace_worktree::{Diff, Error, FileStatus, diff};

use crate::fixture::*;

/// `git diff --numstat` of everything, untracked included.
fn numstat(folder: &Path, base: &str) -> Vec<(String, String, String)> {
    git(folder, &["add", "-AN"]);
    let out = git(folder, &["diff", "--no-renames", "--numstat", "-z", base]);
    git(folder, &["reset", "-q"]);
    let row = |row: &str| {
        let mut parts = row.splitn(3, '\t').map(str::to_owned);
        (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap())
    };
    out.split('\0').filter(|text| !text.is_empty()).map(row).collect()
}

fn ours(diff: &Diff) -> Vec<(String, String, String)> {
    let count = |n: u32, binary| if binary { "-".into() } else { n.to_string() };
    let row = |file: &ace_worktree::FileChange| {
        let path = file.path.to_string_lossy().into_owned();
        (count(file.added, file.binary), count(file.removed, file.binary), path)
    };
    diff.files.iter().map(row).collect()
}

/// Applies the patch to a fresh checkout of the base and compares the trees.
fn apply(fixture: &Fixture, diff: &Diff, folder: &Path) {
    let fresh = fixture.home.path().join("fresh");
    fixture.git(&["worktree", "add", "-q", "--detach", fresh.to_str().unwrap(), &diff.base]);
    let patch = fixture.home.path().join("patch");
    std::fs::write(&patch, &diff.patch).unwrap();
    git(&fresh, &["apply", "--index", patch.to_str().unwrap()]);
    git(folder, &["add", "-A"]);
    assert_eq!(git(&fresh, &["write-tree"]), git(folder, &["write-tree"]));
}

#[test]
fn a_fresh_worktree_has_none() {
    let fixture = Fixture::new();
    let made = fixture.create("x");
    let diff = diff(&made.place, &made.base_commit).unwrap();
    assert_eq!(diff.files, []);
    assert_eq!(diff.patch, b"");
    assert!(!diff.truncated);
}

#[test]
fn agrees_with_git_and_applies() {
    let fixture = Fixture::new();
    let long: String = (1..100).map(|n| format!("line {n}\n")).collect();
    fixture.write("long.txt", &long);
    fixture.write("bare-end.txt", "no\nend");
    fixture.write("empty", "");
    fixture.commit("more");
    let made = fixture.create("x");
    let at = |path: &str| made.place.path.join(path);
    write(
        &at("long.txt"),
        long.replace("line 3\n", "third\n").replace("line 8\n", "").replace("line 70\n", "line 70\nplus\n"),
    );
    write(&at("bare-end.txt"), "no\nend\nnow\n");
    write(&at("a.txt"), "one\ntwo\nthree");
    write(&at("new/file with space"), "a\nb\n");
    write(&at("new/\"quoted\"\n"), "x\n");
    write(&made.place.path.join(bytes(b"\xff\xfe")), b"latin \xe9\n");
    write(&at("umläut"), "ü\n");
    write(&at("nothing"), "");
    write(&at("ignored.o"), "");
    std::fs::remove_file(at("src/lib.rs")).unwrap();
    std::fs::remove_file(at("empty")).unwrap();
    std::fs::set_permissions(at("run.sh"), std::fs::Permissions::from_mode(0o644)).unwrap();
    std::fs::remove_file(at("link")).unwrap();
    std::os::unix::fs::symlink("src", at("link")).unwrap();
    let diff = diff(&made.place, &made.base_commit).unwrap();
    assert_eq!(ours(&diff), numstat(&made.place.path, &made.base_commit));
    assert_eq!(diff.added, diff.files.iter().map(|file| u64::from(file.added)).sum::<u64>());
    let status = |path: &str| diff.files.iter().find(|file| file.path == Path::new(path)).unwrap().status;
    assert_eq!(status("src/lib.rs"), FileStatus::Deleted);
    assert_eq!(status("umläut"), FileStatus::Added);
    assert_eq!(status("run.sh"), FileStatus::Modified);
    apply(&fixture, &diff, &made.place.path);
}

#[test]
fn a_link_that_became_a_file_and_a_file_that_became_a_folder_apply() {
    let fixture = Fixture::new();
    let made = fixture.create("x");
    let at = |path: &str| made.place.path.join(path);
    std::fs::remove_file(at("link")).unwrap();
    write(&at("link"), "a file now\n");
    std::fs::remove_file(at("a.txt")).unwrap();
    write(&at("a.txt/inner"), "deeper\n");
    let diff = diff(&made.place, &made.base_commit).unwrap();
    apply(&fixture, &diff, &made.place.path);
}

#[test]
fn staged_and_committed_changes_count_too() {
    let fixture = Fixture::new();
    let made = fixture.create("x");
    write(&made.place.path.join("committed"), "1\n");
    git(&made.place.path, &["add", "-A"]);
    git(&made.place.path, &["commit", "-qm", "by hand"]);
    write(&made.place.path.join("staged"), "2\n");
    git(&made.place.path, &["add", "-A"]);
    write(&made.place.path.join("loose"), "3\n");
    let diff = diff(&made.place, &made.base_commit).unwrap();
    let paths: Vec<_> = diff.files.iter().map(|file| file.path.to_str().unwrap()).collect();
    assert_eq!(paths, ["committed", "loose", "staged"]);
}

#[test]
fn binary_and_large_files_are_named_without_lines() {
    let fixture = Fixture::new();
    let made = fixture.create("x");
    write(&made.place.path.join("picture"), b"\x89PNG\0\0");
    write(&made.place.path.join("large"), "x\n".repeat(3 << 20));
    let diff = diff(&made.place, &made.base_commit).unwrap();
    let [large, picture] = diff.files.as_slice() else { panic!("{:?}", diff.files) };
    assert!(large.too_large && !large.binary);
    assert!(picture.binary && !picture.too_large);
    assert!(diff.patch.len() < 1000);
}

#[test]
fn a_diff_leaves_no_objects_behind() {
    let fixture = Fixture::new();
    let made = fixture.create("x");
    write(&made.place.path.join("loose"), "never stored\n");
    let before = walk(&fixture.root().join(".git/objects"));
    diff(&made.place, &made.base_commit).unwrap();
    assert_eq!(walk(&fixture.root().join(".git/objects")), before);
}

#[test]
fn other_repositories_within_are_named_only() {
    let fixture = Fixture::new();
    let made = fixture.create("x");
    std::fs::create_dir(made.place.path.join("nested")).unwrap();
    git(&made.place.path.join("nested"), &["init", "-q"]);
    let diff = diff(&made.place, &made.base_commit).unwrap();
    assert_eq!(diff.nested, [Path::new("nested")]);
    assert_eq!(diff.files, []);
}

#[test]
fn an_unknown_base_is_refused() {
    let fixture = Fixture::new();
    let made = fixture.create("x");
    assert!(matches!(diff(&made.place, "nope"), Err(Error::BadRevision { .. })));
}

#[test]
fn bits_in_the_index_hide_nothing() {
    let fixture = Fixture::new();
    let made = fixture.create("x");
    for bit in ["--assume-unchanged", "--skip-worktree"] {
        git(&made.place.path, &["update-index", bit, "a.txt"]);
    }
    write(&made.place.path.join("a.txt"), "hidden\n");
    assert_eq!(porcelain(&made.place.path), "");
    assert_eq!(diff(&made.place, &made.base_commit).unwrap().files.len(), 1);
}
