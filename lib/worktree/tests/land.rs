//! Landing a worktree's branch.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use ace_worktree::{Error, How};

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
    let landed = land_as(&fixture.open(), &made.place, How::Merge, "work").unwrap();
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
    let landed = land_as(&fixture.open(), &made.place, How::Merge, "bring x").unwrap();
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
        let landed = land_as(&fixture.open(), &made.place, How::Squash, "all of x").unwrap();
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
    let landed = land_as(&fixture.open(), &made.place, How::Branch, "work").unwrap();
    assert_eq!((landed.onto, landed.files), (None, 0));
    assert_eq!(fixture.git(&["rev-parse", "ace/x"]).trim(), landed.commit);
    assert_eq!(state(&fixture), before);
}

#[test]
fn nothing_new_lands_as_nothing() {
    let (fixture, made) = changed(&[], &[("other", "o\n")]);
    let before = state(&fixture);
    let landed = land_as(&fixture.open(), &made.place, How::Merge, "work").unwrap();
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
        let refused = land_as(&fixture.open(), &made.place, how, "work");
        match refused {
            Err(Error::Conflicts { clashes }) => {
                let told: Vec<_> = clashes.iter().map(|c| (c.path.to_str().unwrap(), c.how.as_str())).collect();
                assert_eq!(told, [("a.txt", "content"), ("b", "add/add")]);
                let by = fixture.git(&["log", "-1", "--format=%h %s", "--abbrev=7"]);
                assert!(clashes.iter().all(|c| c.theirs == by.trim()), "{clashes:?}");
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
        match land_as(&fixture.open(), &made.place, how, "work") {
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
        land_as(&fixture.open(), &made.place, How::Merge, "work").unwrap();
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
        let refused = land_as(&fixture.open(), &made.place, how, "work");
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
        match land_as(&fixture.open(), &made.place, how, "work") {
            Err(Error::Git { source, .. }) => {
                assert!(source.to_string().contains("hook says no"), "{source}")
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(state(&fixture), before);
        std::fs::remove_file(&path).unwrap();
        land_as(&fixture.open(), &made.place, how, "work").unwrap();
    }
}

#[test]
fn needs_a_branch_to_land_on() {
    let (fixture, made) = changed(&[("new", "n\n")], &[]);
    fixture.git(&["checkout", "-q", "--detach"]);
    let refused = land_as(&fixture.open(), &made.place, How::Merge, "work");
    assert!(matches!(refused, Err(Error::ForeignHead { .. })));
    fixture.git(&["checkout", "-q", "main"]);
    std::fs::write(fixture.root().join(".git/MERGE_HEAD"), format!("{}\n", made.base_commit)).unwrap();
    let refused = land_as(&fixture.open(), &made.place, How::Merge, "work");
    assert!(matches!(refused, Err(Error::Busy { .. })));
}

#[test]
fn from_within_the_worktree_it_lands_in_the_main_one() {
    let (fixture, made) = changed(&[("new", "n\n")], &[]);
    let inside = ace_worktree::discover(&made.place.path).unwrap().unwrap();
    let landed = land_as(&inside, &made.place, How::Merge, "work").unwrap();
    assert_eq!(landed.onto.as_deref(), Some("main"));
    assert!(fixture.root().join("new").exists());
    assert_eq!(porcelain(&fixture.root()), "");
}

#[test]
fn rebase_plants_each_commit_on_the_users() {
    let (fixture, made) = changed(&[("new", "n\n")], &[("other", "o\n")]);
    ace_worktree::commit_all(&made.place, "one", &uma()).unwrap().unwrap();
    write(&made.place.path.join("a.txt"), "two\n");
    let tip = fixture.git(&["rev-parse", "ace/x"]);
    let words = ace_worktree::Words { message: "two", trailer: "Ace-Session: s@7", author: &uma() };
    let landed = ace_worktree::land(&fixture.open(), &made.place, How::Rebase, words).unwrap();
    assert_eq!((landed.files, landed.onto.as_deref()), (2, Some("main")));
    assert_eq!(fixture.git(&["log", "-3", "--format=%s"]), "two\none\nthe user's own\n");
    assert_eq!(
        fixture.git(&["log", "-2", "--format=%(trailers:key=Ace-Session,valueonly)"]).replace('\n', ""),
        "s@7s@7"
    );
    assert_eq!(fixture.git(&["rev-list", "--merges", "HEAD"]), "");
    assert_eq!(porcelain(&fixture.root()), "");
    assert_eq!(fixture.git(&["rev-parse", "ace/x^"]), tip, "the branch itself stays as it was");
    assert!(ace_worktree::list(&fixture.open()).unwrap()[0].merged);
    fixture.git(&["fsck"]);
    // What is there already is not planted twice.
    let again = land_as(&fixture.open(), &made.place, How::Rebase, "two").unwrap();
    assert_eq!((again.files, again.commit), (0, landed.commit));
}

#[test]
fn a_commit_that_does_not_fit_is_named_and_nothing_moves() {
    let (fixture, made) = changed(&[("new", "n\n")], &[("a.txt", "ours\n")]);
    ace_worktree::commit_all(&made.place, "fits", &uma()).unwrap().unwrap();
    write(&made.place.path.join("a.txt"), "theirs\n");
    let before = state(&fixture);
    match land_as(&fixture.open(), &made.place, How::Rebase, "does not") {
        Err(Error::Unfit { commit, clashes }) => {
            assert!(commit.ends_with(" does not"), "{commit}");
            assert_eq!((clashes.len(), clashes[0].path.as_path()), (1, Path::new("a.txt")));
            assert!(clashes[0].theirs.ends_with("the user's own"), "{clashes:?}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(state(&fixture), before);
}

#[test]
fn patches_carry_every_commit_binary_files_too() {
    let (fixture, made) = changed(&[("new", "n\n")], &[]);
    ace_worktree::commit_all(&made.place, "one\n\nwhy", &uma()).unwrap().unwrap();
    std::fs::write(made.place.path.join("b.bin"), (0..=255u8).cycle().take(5000).collect::<Vec<u8>>()).unwrap();
    let landed = land_as(&fixture.open(), &made.place, How::Branch, "two").unwrap();
    let patch = ace_worktree::patches(&fixture.open(), &made.base_commit, &landed.tip).unwrap();
    let file = fixture.home.path().join("x.mbox");
    std::fs::write(&file, patch).unwrap();
    fixture.git(&["am", "-q", file.to_str().unwrap()]);
    assert_eq!(fixture.git(&["diff", "ace/x"]), "");
    assert_eq!(fixture.git(&["log", "-2", "--format=%s"]), "two\none\n");
}

#[test]
fn a_branch_is_pushed_and_nothing_is_forced() {
    let (fixture, made) = changed(&[("new", "n\n")], &[]);
    let bare = fixture.home.path().join("far.git");
    land_as(&fixture.open(), &made.place, How::Branch, "one").unwrap();
    let remote = || ace_worktree::remote(&fixture.open(), "main", None);
    let none = remote();
    assert!(matches!(none, Err(Error::NoRemote { .. })), "{none:?}");
    git(fixture.home.path(), &["init", "-q", "--bare", bare.to_str().unwrap()]);
    fixture.git(&["remote", "add", "far", bare.to_str().unwrap()]);
    fixture.git(&["push", "-q", "-u", "far", "main:trunk"]);
    let far = remote().unwrap();
    assert_eq!((far.name.as_str(), far.base.as_str()), ("far", "trunk"));
    ace_worktree::push(&fixture.open(), "ace/x", &far).unwrap();
    assert_eq!(git(&bare, &["rev-parse", "ace/x"]), fixture.git(&["rev-parse", "ace/x"]));
    // Somebody else has moved it on: nothing of theirs is lost.
    fixture.git(&["push", "-q", "-f", "far", "main~0:refs/heads/ace/x"]);
    write(&made.place.path.join("other"), "o\n");
    fixture.git(&["commit", "-q", "--allow-empty", "-m", "theirs"]);
    fixture.git(&["push", "-q", "far", "main:refs/heads/ace/x"]);
    let refused = ace_worktree::push(&fixture.open(), "ace/x", &far).unwrap_err().to_string();
    assert!(refused.contains("rejected"), "{refused}");
}
