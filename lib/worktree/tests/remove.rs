//! Removing and pruning worktrees.

use ace_worktree::{Error, Force, Verdict, commit_all, remove};

use crate::fixture::*;

#[test]
fn a_finished_worktree_goes_without_a_trace() {
    let fixture = Fixture::new();
    let made = fixture.create("x");
    let removed = remove(&fixture.open(), &made.place.path, Force::No).unwrap();
    assert_eq!((removed.branch.as_str(), removed.branch_deleted), ("ace/x", true));
    assert!(!made.place.path.exists() && !made.place.git_dir.exists());
    assert_eq!(fixture.git(&["worktree", "list"]).lines().count(), 1);
    assert!(!fixture.git(&["branch", "-a"]).contains("ace"));
    assert_eq!(fixture.create("x").branch, "ace/x");
}

#[test]
fn dirty_and_unmerged_work_is_refused() {
    let fixture = Fixture::new();
    let made = fixture.create("x");
    write(&made.place.path.join("new"), "n");
    match remove(&fixture.open(), &made.place.path, Force::No) {
        Err(Error::Dirty { paths }) => assert_eq!(paths, [std::path::PathBuf::from("new")]),
        other => panic!("{other:?}"),
    }
    commit_all(&made.place, "m", &uma()).unwrap().unwrap();
    let refused = remove(&fixture.open(), &made.place.path, Force::No);
    assert!(matches!(refused, Err(Error::Unmerged { ref branch, ahead: 1 }) if branch == "ace/x"), "{refused:?}");
    write(&made.place.path.join("new"), "more");
    let removed = remove(&fixture.open(), &made.place.path, Force::Yes).unwrap();
    assert!(!removed.branch_deleted, "commits are never lost");
    assert!(fixture.git(&["branch"]).contains("ace/x"));
    assert!(!made.place.path.exists());
}

#[test]
fn locked_nested_and_foreign_worktrees_are_refused() {
    let fixture = Fixture::new();
    let made = fixture.create("x");
    let path = made.place.path.to_str().unwrap();
    fixture.git(&["worktree", "lock", path]);
    assert!(matches!(remove(&fixture.open(), &made.place.path, Force::No), Err(Error::Locked { .. })));
    fixture.git(&["worktree", "unlock", path]);
    let inner = made.place.path.join("target/inner");
    fixture.git(&["worktree", "add", "-q", inner.to_str().unwrap()]);
    assert!(matches!(remove(&fixture.open(), &made.place.path, Force::Yes), Err(Error::Nested { .. })));
    assert!(matches!(remove(&fixture.open(), &inner, Force::Yes), Err(Error::NoWorktree { .. })));
    assert!(matches!(remove(&fixture.open(), &fixture.root(), Force::Yes), Err(Error::NoWorktree { .. })));
}

#[test]
fn folders_without_rights_go_too() {
    use std::os::unix::fs::PermissionsExt;
    let fixture = Fixture::new();
    let made = fixture.create("x");
    write(&made.place.path.join("target/closed/file"), "");
    let closed = made.place.path.join("target/closed");
    std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o500)).unwrap();
    remove(&fixture.open(), &made.place.path, Force::No).unwrap();
    assert!(!made.place.path.exists());
}

#[test]
fn prune_takes_only_what_nobody_needs() {
    let fixture = Fixture::new();
    let names = ["merged", "dirty", "unmerged", "orphan", "working", "gone"];
    let made = names.map(|name| fixture.create(name));
    write(&made[1].place.path.join("new"), "n");
    for made in [&made[2], &made[3]] {
        write(&made.place.path.join("new"), "n");
        commit_all(&made.place, "m", &uma()).unwrap().unwrap();
    }
    std::fs::remove_dir_all(&made[5].place.path).unwrap();
    let repo = fixture.open();
    let settled = |listed: &ace_worktree::Listed| listed.branch != "ace/working";
    let orphan = |listed: &ace_worktree::Listed| matches!(listed.branch.as_str(), "ace/orphan");
    let expected = [
        ("ace/dirty", Verdict::Dirty),
        ("ace/gone", Verdict::Gone),
        ("ace/merged", Verdict::Merged),
        ("ace/orphan", Verdict::Orphan),
        ("ace/unmerged", Verdict::Unmerged),
    ];
    for dry_run in [true, false] {
        let mut out: Vec<_> = prune(&repo, settled, orphan, dry_run).unwrap();
        out.sort_by(|left, right| left.listed.branch.cmp(&right.listed.branch));
        let verdicts: Vec<_> = out.iter().map(|pruned| (pruned.listed.branch.as_str(), pruned.verdict)).collect();
        assert_eq!(verdicts, expected);
        let left = fixture.git(&["worktree", "list"]).lines().count();
        assert_eq!(left, if dry_run { 7 } else { 4 });
    }
    let branches = fixture.git(&["branch", "--format=%(refname:short)", "--list", "ace/*"]);
    assert_eq!(branches, "ace/dirty\nace/orphan\nace/unmerged\nace/working\n");
    fixture.git(&["fsck"]);
}

#[test]
fn what_was_never_finished_goes_after_a_while() {
    let fixture = Fixture::new();
    let made = fixture.create("x");
    std::fs::write(made.place.git_dir.join("locked"), "initializing\n").unwrap();
    let verdict = || prune(&fixture.open(), |_| true, |_| false, true).unwrap()[0].verdict;
    assert_eq!(verdict(), Verdict::Locked);
    let note = made.place.git_dir.join("ace");
    let text = std::fs::read_to_string(&note).unwrap();
    let old: Vec<&str> = text.lines().map(|line| if line.starts_with("made") { "made 1000" } else { line }).collect();
    std::fs::write(&note, old.join("\n")).unwrap();
    assert_eq!(verdict(), Verdict::Merged);
    let repo = fixture.open();
    prune(&repo, |_| true, |_| false, false).unwrap();
    assert!(!made.place.path.exists());
}
