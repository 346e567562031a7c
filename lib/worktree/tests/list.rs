//! Listing worktrees.

use ace_worktree::{Carry, create, list};

use crate::fixture::*;

#[test]
fn an_untouched_repository_has_none() {
    let fixture = Fixture::new();
    assert_eq!(list(&fixture.open()).unwrap(), []);
    // One that the user made is not ours.
    let at = fixture.home.path().join("mine");
    fixture.git(&["worktree", "add", "-q", at.to_str().unwrap()]);
    assert_eq!(list(&fixture.open()).unwrap(), []);
}

#[test]
fn says_how_each_stands() {
    let fixture = Fixture::new();
    let (a, b) = (fixture.create("a"), fixture.create("b"));
    for n in 0..3 {
        write(&b.place.path.join("new"), format!("{n}"));
        ace_worktree::commit_all(&b.place, "m", &uma()).unwrap().unwrap();
    }
    write(&b.place.path.join("new"), "loose");
    write(&b.place.path.join("big"), "x".repeat(100_000));
    fixture.git(&["worktree", "lock", "--reason", "mine now", b.place.path.to_str().unwrap()]);
    let listed = list(&fixture.open()).unwrap();
    let of = |branch: &str| listed.iter().find(|listed| listed.branch == branch).unwrap();
    let (first, second) = (of("ace/a"), of("ace/b"));
    assert_eq!(first.place, a.place);
    assert_eq!((first.ahead, first.merged, first.locked.as_deref()), (0, true, None));
    assert!(first.changed.unwrap().is_clean());
    assert_eq!(first.base, a.base_commit);
    assert_eq!((second.ahead, second.merged, second.locked.as_deref()), (3, false, Some("mine now")));
    let changed = second.changed.unwrap();
    assert_eq!((changed.tracked, changed.untracked), (1, 1));
    assert!(second.disk > first.disk + 90_000 && first.disk > 0);
    assert!(first.age < 60 && !first.gone && !first.pointer_changed);
    assert_eq!(second.tip.as_deref(), Some(fixture.git(&["rev-parse", "ace/b"]).trim()));
    fixture.git(&["merge", "-q", "ace/b"]);
    assert!(list(&fixture.open()).unwrap().iter().all(|listed| listed.merged));
}

#[test]
fn merged_is_asked_of_the_branch_it_came_from_too() {
    let fixture = Fixture::new();
    fixture.git(&["checkout", "-qb", "topic"]);
    let made = fixture.create("x");
    write(&made.place.path.join("new"), "n");
    ace_worktree::commit_all(&made.place, "m", &uma()).unwrap().unwrap();
    fixture.git(&["merge", "-q", "ace/x"]);
    fixture.git(&["checkout", "-q", "main"]);
    assert!(list(&fixture.open()).unwrap()[0].merged);
}

#[test]
fn the_worktrees_own_head_does_not_count_as_merged() {
    let fixture = Fixture::new();
    let made = fixture.create("x");
    write(&made.place.path.join("new"), "n");
    ace_worktree::commit_all(&made.place, "m", &uma()).unwrap().unwrap();
    let inside = ace_worktree::discover(&made.place.path).unwrap().unwrap();
    assert!(!list(&inside).unwrap()[0].merged);
}

#[test]
fn a_folder_that_is_gone_is_said_so() {
    let fixture = Fixture::new();
    let made = fixture.create("x");
    std::fs::remove_dir_all(&made.place.path).unwrap();
    let listed = list(&fixture.open()).unwrap();
    assert!(listed[0].gone && !listed[0].pointer_changed);
    assert_eq!(listed[0].changed, None);
    create(&fixture.open(), "y", &fixture.place("y"), None, Carry::Leave).unwrap();
}

#[test]
fn a_lock_is_gits_own_and_is_told() {
    let fixture = Fixture::new();
    let made = fixture.create("x");
    ace_worktree::lock(&made.place, "on a\nstick").unwrap();
    assert!(fixture.git(&["worktree", "list", "--porcelain"]).contains("locked on a stick\n"));
    let again = ace_worktree::lock(&made.place, "");
    assert!(matches!(again, Err(ace_worktree::Error::Locked { ref reason }) if reason == "on a stick"), "{again:?}");
    assert_eq!(ace_worktree::list(&fixture.open()).unwrap()[0].locked.as_deref(), Some("on a stick"));
    assert!(ace_worktree::unlock(&made.place).unwrap() && !ace_worktree::unlock(&made.place).unwrap());
    assert!(ace_worktree::list(&fixture.open()).unwrap()[0].locked.is_none());
}
