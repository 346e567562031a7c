//! Worktrees whose making was cut short: told from real work, and taken away.

use ace_worktree::{Carry, Force, Verdict, begin, discover, list, remove, stray_branches, sweep};

use crate::fixture::*;

/// Makes a worktree in a process of its own that dies before it is finished: a forgotten handle keeps nothing but the mark.
fn torn(fixture: &Fixture, name: &str) -> ace_worktree::Created {
    let making = begin(&fixture.open(), name, &fixture.place(name), None, Carry::Leave).unwrap();
    let made = making.created().clone();
    let mark = made.place.git_dir.join("ace.making");
    std::mem::forget(making);
    // The kernel lets go of a dead maker's lock: an unlocked file in its place is the same.
    std::fs::remove_file(&mark).unwrap();
    std::fs::write(&mark, "").unwrap();
    made
}

#[test]
fn what_is_being_made_is_locked_and_what_is_dropped_was_never_there() {
    let fixture = Fixture::new();
    let before = fixture.traces();
    let making = begin(&fixture.open(), "x", &fixture.place("x"), None, Carry::Leave).unwrap();
    write(&making.created().place.path.join("half"), "filled\n");
    let listed = list(&fixture.open()).unwrap().remove(0);
    assert!(listed.locked.is_some() && !listed.torn, "{listed:?}");
    let pruned = prune(&fixture.open(), |_| true, |_| true, false).unwrap();
    assert_eq!(pruned[0].verdict, Verdict::Locked);
    drop(making);
    std::fs::remove_dir(fixture.root().join(".git/worktrees")).ok();
    let gone = fixture.traces();
    assert!(!gone.contains("worktrees/x") && !gone.contains("ace/x"), "{gone}\n{before}");
    let made = begin(&fixture.open(), "x", &fixture.place("x"), None, Carry::Leave).unwrap().finish();
    assert_eq!(made.branch, "ace/x");
    assert!(list(&fixture.open()).unwrap()[0].locked.is_none());
}

#[test]
fn a_torn_one_that_was_filled_half_goes_when_it_is_nobodys() {
    let fixture = Fixture::new();
    let made = torn(&fixture, "x");
    write(&made.place.path.join("half"), "of a fork\n");
    std::fs::write(made.place.git_dir.join("locked"), "initializing\n").unwrap();
    let verdict = |orphan: bool, dry| prune(&fixture.open(), |_| true, |_| orphan, dry).unwrap()[0].verdict;
    assert_eq!(verdict(false, true), Verdict::Dirty, "a session's own is its work, whatever the mark says");
    assert_eq!(verdict(true, true), Verdict::Torn);
    assert!(made.place.path.exists(), "a dry run changes nothing");
    assert_eq!(verdict(true, false), Verdict::Torn);
    assert!(!made.place.path.exists() && !made.place.git_dir.exists());
    assert!(!fixture.git(&["branch"]).contains("ace/x"));
    // And the work of somebody that belongs to no session stays.
    let made = fixture.create("y");
    write(&made.place.path.join("new"), "work\n");
    assert_eq!(verdict(true, false), Verdict::Dirty);
}

#[test]
fn a_torn_one_without_its_link_goes_too() {
    let fixture = Fixture::new();
    let made = torn(&fixture, "x");
    std::fs::remove_file(made.place.path.join(".git")).unwrap();
    assert_eq!(prune(&fixture.open(), |_| true, |_| true, false).unwrap()[0].verdict, Verdict::Torn);
    assert!(!made.place.path.exists() && !made.place.git_dir.exists());
}

#[test]
fn a_registration_without_a_note_does_not_stand_in_the_way() {
    let fixture = Fixture::new();
    let made = torn(&fixture, "x");
    for name in ["ace", "ace.making", "index"] {
        std::fs::remove_file(made.place.git_dir.join(name)).unwrap();
    }
    std::fs::write(made.place.git_dir.join("locked"), "initializing\n").unwrap();
    for entry in std::fs::read_dir(&made.place.path).unwrap().flatten().filter(|e| e.file_name() != ".git") {
        std::fs::remove_file(entry.path()).or_else(|_| std::fs::remove_dir_all(entry.path())).unwrap();
    }
    // One of the user's own that looks alike is not ours.
    let theirs = fixture.place("theirs");
    fixture.git(&["worktree", "add", "-q", "--no-checkout", "--detach", theirs.to_str().unwrap()]);
    let git_dir = std::fs::read_to_string(theirs.join(".git")).unwrap();
    let git_dir = std::path::PathBuf::from(git_dir.trim().strip_prefix("gitdir: ").unwrap());
    std::fs::write(git_dir.join("locked"), "initializing\n").unwrap();
    let _ = std::fs::remove_file(git_dir.join("index"));
    prune(&fixture.open(), |_| true, |_| true, false).unwrap();
    assert!(!made.place.git_dir.exists() && !made.place.path.exists());
    assert!(git_dir.exists() && theirs.exists());
}

#[test]
fn branches_that_never_got_a_worktree_are_strays_and_nothing_else_is() {
    let fixture = Fixture::new();
    let stray = torn(&fixture, "stray");
    std::fs::remove_dir_all(&stray.place.git_dir).unwrap();
    std::fs::remove_dir_all(&stray.place.path).unwrap();
    let used = fixture.create("used");
    fixture.git(&["branch", "ace/mine", "main"]);
    let kept = fixture.create("kept");
    write(&kept.place.path.join("new"), "n\n");
    ace_worktree::commit_all(&kept.place, "work", &uma()).unwrap();
    remove(&fixture.open(), &kept.place.path, Force::Yes).unwrap();
    let before = fixture.git(&["for-each-ref"]);
    assert_eq!(stray_branches(&fixture.open(), true).unwrap(), ["ace/stray"]);
    assert_eq!(fixture.git(&["for-each-ref"]), before);
    assert_eq!(stray_branches(&fixture.open(), false).unwrap(), ["ace/stray"]);
    let left = fixture.git(&["branch", "--format=%(refname:short)", "--list", "ace/*"]);
    assert_eq!(left, "ace/kept\nace/mine\nace/used\n");
    assert!(used.place.path.exists());
}

#[test]
fn a_removal_that_is_cut_short_leaves_nothing_that_looks_like_a_worktree() {
    let fixture = Fixture::new();
    let made = fixture.create("x");
    // As it stands after the folder has left its place.
    let aside = made.place.path.with_file_name(".gone-1-repo");
    std::fs::rename(&made.place.path, &aside).unwrap();
    assert_eq!(prune(&fixture.open(), |_| true, |_| false, false).unwrap()[0].verdict, Verdict::Gone);
    assert!(!fixture.git(&["branch"]).contains("ace/x"));
    assert_eq!(sweep(aside.parent().unwrap()), 1);
    assert!(!aside.parent().unwrap().exists());
}

#[test]
fn thirty_two_at_once_are_thirty_two() {
    let fixture = Fixture::new();
    let root = fixture.root();
    let make = |n: usize| {
        let (root, place) = (root.clone(), fixture.place(&format!("w{n}")));
        move || begin(&discover(&root).unwrap().unwrap(), "same", &place, None, Carry::Leave).unwrap().finish()
    };
    let all: Vec<_> = (0..32).map(|n| std::thread::spawn(make(n))).collect();
    let all: Vec<_> = all.into_iter().map(|thread| thread.join().unwrap()).collect();
    let mut branches: Vec<&str> = all.iter().map(|made| made.branch.as_str()).collect();
    branches.sort_unstable();
    branches.dedup();
    assert_eq!(branches.len(), 32);
    assert!(all.iter().all(|made| porcelain(&made.place.path).is_empty()));
    assert_eq!(fixture.git(&["worktree", "list"]).lines().count(), 33);
    fixture.git(&["fsck"]);
    let gone: Vec<_> = all
        .into_iter()
        .map(|made| (root.clone(), made.place.path))
        .map(|(root, path)| {
            std::thread::spawn(move || remove(&discover(&root).unwrap().unwrap(), &path, Force::No).unwrap())
        })
        .collect();
    assert!(gone.into_iter().all(|thread| thread.join().unwrap().branch_deleted));
    assert_eq!(fixture.git(&["for-each-ref", "--format=%(refname)"]), "refs/heads/main\n");
}
