//! Committing a worktree.

use std::os::unix::fs::PermissionsExt;

use ace_worktree::{Error, Identity, commit_all};

use crate::fixture::*;

#[test]
fn commits_everything_and_git_finds_it_clean() {
    let fixture = Fixture::new();
    let sub = fixture.git(&["rev-parse", "HEAD"]);
    fixture.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{},sub", sub.trim())]);
    fixture.git(&["commit", "-qm", "with a submodule"]);
    let made = fixture.create("x");
    let at = |path: &str| made.place.path.join(path);
    write(&at("a.txt"), "changed\n");
    write(&at("new/deep"), "new\n");
    write(&at("tool"), "#!/bin/sh\n");
    std::fs::set_permissions(at("tool"), std::fs::Permissions::from_mode(0o755)).unwrap();
    std::os::unix::fs::symlink("nowhere", at("dangling")).unwrap();
    std::fs::remove_file(at("src/lib.rs")).unwrap();
    write(&at("ignored.o"), "no");
    for name in [b"new\nline".as_slice(), b"-rf", b"\xff\xfe"] {
        write(&made.place.path.join(bytes(name)), name);
    }
    let done = commit_all(&made.place, "first line\n\nmore\n\n", &uma()).unwrap().unwrap();
    assert_eq!(porcelain(&made.place.path), "");
    assert_eq!(git(&made.place.path, &["rev-parse", "ace/x"]).trim(), done.commit);
    assert_eq!(
        git(&made.place.path, &["log", "-1", "--format=%an <%ae>|%P|%B"]),
        format!("Uma <uma@example.org>|{}|first line\n\nmore\n\n", made.base_commit)
    );
    let tree = git(&made.place.path, &["ls-tree", "-r", "HEAD"]);
    for row in ["100755 blob", "120000 blob", "160000 commit"] {
        assert!(tree.contains(row), "{tree}");
    }
    assert!(tree.contains(&format!("{}\tsub", sub.trim())), "{tree}");
    assert!(!tree.contains("src/lib.rs") && !tree.contains("ignored.o"), "{tree}");
    assert_eq!(done.files, 8);
    fixture.git(&["fsck", "--strict"]);
    assert!(git(&made.place.path, &["reflog", "-1"]).contains("commit: first line"));
}

#[test]
fn nothing_to_commit_is_none() {
    let fixture = Fixture::new();
    let made = fixture.create("x");
    assert_eq!(commit_all(&made.place, "m", &uma()).unwrap(), None);
    write(&made.place.path.join("a.txt"), "one\ntwo\nthree\n");
    assert_eq!(commit_all(&made.place, "m", &uma()).unwrap(), None);
    write(&made.place.path.join("b"), "");
    assert!(commit_all(&made.place, "m", &uma()).unwrap().is_some());
    assert_eq!(commit_all(&made.place, "m", &uma()).unwrap(), None);
}

#[test]
fn a_change_right_after_the_commit_is_seen() {
    let fixture = Fixture::new();
    let made = fixture.create("x");
    write(&made.place.path.join("b"), "1\n");
    commit_all(&made.place, "m", &uma()).unwrap().unwrap();
    write(&made.place.path.join("b"), "2\n");
    assert_eq!(porcelain(&made.place.path), " M b\n");
}

#[test]
fn what_was_unstaged_and_staged_differently_is_committed_as_it_is_on_disk() {
    let fixture = Fixture::new();
    let made = fixture.create("x");
    let folder = &made.place.path;
    write(&folder.join("a.txt"), "staged\n");
    git(folder, &["add", "a.txt"]);
    write(&folder.join("a.txt"), "on disk\n");
    git(folder, &["rm", "-q", "--cached", "run.sh"]);
    commit_all(&made.place, "m", &uma()).unwrap().unwrap();
    assert_eq!(git(folder, &["show", "HEAD:a.txt"]), "on disk\n");
    assert_eq!(git(folder, &["show", "HEAD:run.sh"]), "#!/bin/sh\n");
    assert_eq!(porcelain(folder), "");
}

#[test]
fn line_ends_are_stored_as_git_would() {
    let fixture = Fixture::new();
    fixture.write(".gitattributes", "*.txt text eol=crlf\n");
    fixture.commit("attributes");
    let made = fixture.create("x");
    write(&made.place.path.join("dos.txt"), "one\r\ntwo\r\n");
    commit_all(&made.place, "m", &uma()).unwrap().unwrap();
    assert_eq!(git(&made.place.path, &["cat-file", "blob", "HEAD:dos.txt"]), "one\ntwo\n");
    assert_eq!(porcelain(&made.place.path), "");
}

#[test]
fn odd_names_and_messages_make_a_valid_commit() {
    let fixture = Fixture::new();
    let made = fixture.create("x");
    write(&made.place.path.join("b"), "");
    let odd = Identity { name: "A <b>\n\0author x".into(), email: "<a@b>\n".into() };
    commit_all(&made.place, "\0\n  ", &odd).unwrap().unwrap();
    fixture.git(&["fsck", "--strict"]);
}

#[test]
fn only_our_own_branch_is_committed_to() {
    let fixture = Fixture::new();
    fixture.git(&["branch", "precious"]);
    let made = fixture.create("x");
    git(&made.place.path, &["checkout", "-q", "precious"]);
    write(&made.place.path.join("b"), "");
    let refused = commit_all(&made.place, "m", &uma());
    assert!(matches!(refused, Err(Error::ForeignHead { head }) if head == "precious"));
    git(&made.place.path, &["checkout", "-q", "--detach"]);
    assert!(matches!(commit_all(&made.place, "m", &uma()), Err(Error::ForeignHead { .. })));
}

#[test]
fn a_half_made_merge_is_not_committed_over() {
    let fixture = Fixture::new();
    let made = fixture.create("x");
    write(&made.place.path.join("b"), "");
    std::fs::write(made.place.git_dir.join("MERGE_HEAD"), format!("{}\n", made.base_commit)).unwrap();
    let refused = commit_all(&made.place, "m", &uma());
    assert!(matches!(refused, Err(Error::Busy { what }) if what == "merge"));
}
