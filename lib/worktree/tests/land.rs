//! Landing a worktree's branch.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use ace_worktree::{Error, How, land};

use crate::fixture::*;

/// A change in the worktree and, if told, one in the user's tree.
fn changed(theirs: &[(&str, &str)], ours: &[(&str, &str)]) -> (Fixture, ace_worktree::Created) {
    let fixture = Fixture::new();
    let made = fixture.create("x");
    for (path, text) in theirs {
        write(&made.place.path.join(path), text);
    }
    for (path, text) in ours {
        fixture.write(path, text);
    }
    if !ours.is_empty() {
        fixture.commit("the user's own");
    }
    (fixture, made)
}

/// The user's tree and branch, to be compared before and after.
fn state(fixture: &Fixture) -> String {
    let head = fixture.git(&["rev-parse", "HEAD"]);
    let diff = fixture.git(&["diff", "HEAD"]);
    let git_dir: Vec<_> =
        walk(&fixture.root().join(".git")).into_iter().filter(|path| path.contains("MERGE")).collect();
    format!("{head}{}{diff}{git_dir:?}", porcelain(&fixture.root()))
}

#[test]
fn forward_when_the_user_did_not_move() {
    let (fixture, made) = changed(&[("new", "n\n"), ("a.txt", "changed\n")], &[]);
    std::fs::remove_file(made.place.path.join("run.sh")).unwrap();
    let landed = land(&fixture.open(), &made.place, How::Merge, "work", &uma()).unwrap();
    assert!(landed.fast_forward);
    assert_eq!((landed.branch.as_str(), landed.onto.as_deref(), landed.files), ("ace/x", Some("main"), 3));
    assert_eq!(fixture.git(&["rev-parse", "main"]).trim(), landed.commit);
    assert_eq!(fixture.git(&["rev-parse", "ace/x"]).trim(), landed.commit);
    assert_eq!(std::fs::read_to_string(fixture.root().join("new")).unwrap(), "n\n");
    assert!(!fixture.root().join("run.sh").exists());
    assert_eq!(porcelain(&fixture.root()), "");
    assert_eq!(fixture.git(&["symbolic-ref", "HEAD"]), "refs/heads/main\n");
}

#[test]
fn a_merge_commit_when_both_moved() {
    let (fixture, made) = changed(&[("new", "n\n")], &[("other", "o\n")]);
    let landed = land(&fixture.open(), &made.place, How::Merge, "bring x", &uma()).unwrap();
    assert!(!landed.fast_forward);
    assert_eq!(landed.files, 1);
    assert_eq!(fixture.git(&["log", "-1", "--format=%s|%an"]), "bring x|Uma\n");
    assert_eq!(fixture.git(&["rev-list", "--parents", "-1", "HEAD"]).split_whitespace().count(), 3);
    assert!(fixture.root().join("new").exists() && fixture.root().join("other").exists());
    assert_eq!(porcelain(&fixture.root()), "");
    fixture.git(&["fsck"]);
}

#[test]
fn squash_is_one_commit() {
    for moved in [&[][..], &[("other", "o\n")][..]] {
        let (fixture, made) = changed(&[("new", "n\n")], moved);
        ace_worktree::commit_all(&made.place, "one", &uma()).unwrap().unwrap();
        write(&made.place.path.join("newer"), "n\n");
        let before = fixture.git(&["rev-parse", "HEAD"]);
        let landed = land(&fixture.open(), &made.place, How::Squash, "all of x", &uma()).unwrap();
        assert_eq!(fixture.git(&["rev-parse", "HEAD^"]), before);
        assert_eq!(fixture.git(&["log", "-1", "--format=%s"]), "all of x\n");
        assert_eq!(fixture.git(&["rev-list", "--parents", "-1", "HEAD"]).split_whitespace().count(), 2);
        assert_eq!((landed.files, landed.fast_forward), (2, false));
        assert_eq!(porcelain(&fixture.root()), "");
        let listed = ace_worktree::list(&fixture.open()).unwrap();
        assert!(listed[0].merged, "a squashed branch is nowhere else, and yet landed");
    }
}

#[test]
fn branch_only_commits() {
    let (fixture, made) = changed(&[("new", "n\n")], &[]);
    let before = state(&fixture);
    let landed = land(&fixture.open(), &made.place, How::Branch, "work", &uma()).unwrap();
    assert_eq!((landed.onto, landed.files), (None, 0));
    assert_eq!(fixture.git(&["rev-parse", "ace/x"]).trim(), landed.commit);
    assert_eq!(state(&fixture), before);
}

#[test]
fn nothing_new_lands_as_nothing() {
    let (fixture, made) = changed(&[], &[("other", "o\n")]);
    let before = state(&fixture);
    let landed = land(&fixture.open(), &made.place, How::Merge, "work", &uma()).unwrap();
    assert_eq!(landed.files, 0);
    assert_eq!(state(&fixture), before);
}

#[test]
fn conflicts_are_named_and_change_nothing() {
    for how in [How::Merge, How::Squash] {
        let (fixture, made) =
            changed(&[("a.txt", "theirs\n"), ("b", "theirs\n")], &[("a.txt", "ours\n"), ("b", "ours\n")]);
        fixture.write("src/lib.rs", "uncommitted\n");
        let before = state(&fixture);
        let refused = land(&fixture.open(), &made.place, how, "work", &uma());
        match refused {
            Err(Error::Conflicts { paths }) => {
                assert_eq!(paths, [Path::new("a.txt"), Path::new("b")])
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(state(&fixture), before);
    }
}

#[test]
fn the_users_uncommitted_files_in_the_way_are_named_and_kept() {
    for (ours, how) in [(&[][..], How::Merge), (&[("other", "o\n")][..], How::Merge), (&[][..], How::Squash)] {
        let (fixture, made) =
            changed(&[("a.txt", "theirs\n"), ("new", "n\n"), ("folder/new", "n\n"), ("made.o", "n\n")], ours);
        git(&made.place.path, &["add", "-f", "made.o"]);
        fixture.write("a.txt", "mine\n");
        fixture.write("new", "untracked\n");
        fixture.write("folder", "a file\n");
        fixture.write("made.o", "ignored\n");
        fixture.write("src/lib.rs", "not in the way\n");
        let before = state(&fixture);
        match land(&fixture.open(), &made.place, how, "work", &uma()) {
            Err(Error::Dirty { paths }) => {
                let expected = ["a.txt", "folder", "folder/new", "made.o", "new"];
                assert_eq!(paths, expected.map(std::path::PathBuf::from));
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(state(&fixture), before);
        assert_eq!(std::fs::read_to_string(fixture.root().join("made.o")).unwrap(), "ignored\n");
    }
}

#[test]
fn uncommitted_files_elsewhere_are_kept() {
    for ours in [&[][..], &[("other", "o\n")][..]] {
        let (fixture, made) = changed(&[("new", "n\n")], ours);
        fixture.write("a.txt", "mine\n");
        fixture.write("loose", "mine\n");
        let before = porcelain(&fixture.root());
        land(&fixture.open(), &made.place, How::Merge, "work", &uma()).unwrap();
        assert_eq!(porcelain(&fixture.root()), before);
        assert_eq!(std::fs::read_to_string(fixture.root().join("a.txt")).unwrap(), "mine\n");
    }
}

#[test]
fn what_is_staged_never_slips_into_a_commit() {
    for how in [How::Merge, How::Squash] {
        let (fixture, made) = changed(&[("new", "n\n")], &[("other", "o\n")]);
        fixture.write("staged", "s\n");
        fixture.git(&["add", "staged"]);
        let before = state(&fixture);
        let refused = land(&fixture.open(), &made.place, how, "work", &uma());
        assert!(matches!(&refused, Err(Error::Dirty { paths }) if paths == &[Path::new("staged")]), "{refused:?}");
        assert_eq!(state(&fixture), before);
    }
}

#[test]
fn the_users_hooks_run_and_may_refuse() {
    for (how, hook) in [(How::Merge, "pre-merge-commit"), (How::Squash, "pre-commit")] {
        let (fixture, made) = changed(&[("new", "n\n")], &[("other", "o\n")]);
        fixture.write("a.txt", "mine\n");
        let path = fixture.root().join(".git/hooks").join(hook);
        write(&path, "#!/bin/sh\necho hook says no >&2\nexit 1\n");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        let before = state(&fixture);
        match land(&fixture.open(), &made.place, how, "work", &uma()) {
            Err(Error::Git { source, .. }) => {
                assert!(source.to_string().contains("hook says no"), "{source}")
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(state(&fixture), before);
        std::fs::remove_file(&path).unwrap();
        land(&fixture.open(), &made.place, how, "work", &uma()).unwrap();
    }
}

#[test]
fn needs_a_branch_to_land_on() {
    let (fixture, made) = changed(&[("new", "n\n")], &[]);
    fixture.git(&["checkout", "-q", "--detach"]);
    let refused = land(&fixture.open(), &made.place, How::Merge, "work", &uma());
    assert!(matches!(refused, Err(Error::ForeignHead { .. })));
    fixture.git(&["checkout", "-q", "main"]);
    std::fs::write(fixture.root().join(".git/MERGE_HEAD"), format!("{}\n", made.base_commit)).unwrap();
    let refused = land(&fixture.open(), &made.place, How::Merge, "work", &uma());
    assert!(matches!(refused, Err(Error::Busy { .. })));
}

#[test]
fn from_within_the_worktree_it_lands_in_the_main_one() {
    let (fixture, made) = changed(&[("new", "n\n")], &[]);
    let inside = ace_worktree::discover(&made.place.path).unwrap().unwrap();
    let landed = land(&inside, &made.place, How::Merge, "work", &uma()).unwrap();
    assert_eq!(landed.onto.as_deref(), Some("main"));
    assert!(fixture.root().join("new").exists());
    assert_eq!(porcelain(&fixture.root()), "");
}
