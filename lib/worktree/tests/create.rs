//! Making worktrees.

use std::os::unix::fs::PermissionsExt;

use ace_worktree::{Carry, Error, create, discover};

use crate::fixture::*;

#[test]
fn makes_a_worktree_that_git_agrees_with() {
    let fixture = Fixture::new();
    let made = fixture.create("fix-median");
    assert_eq!(made.branch, "ace/fix-median");
    assert_eq!(made.place.path, fixture.place("fix-median"));
    assert_eq!(made.base_commit, fixture.git(&["rev-parse", "HEAD"]).trim());
    assert_eq!(porcelain(&made.place.path), "");
    let list = fixture.git(&["worktree", "list", "--porcelain"]);
    assert!(list.contains(&format!("worktree {}", made.place.path.display())), "{list}");
    assert!(list.contains("branch refs/heads/ace/fix-median"), "{list}");
    assert!(!list.contains("locked"), "{list}");
    fixture.git(&["fsck", "--strict"]);
    let git_dir = git(&made.place.path, &["rev-parse", "--absolute-git-dir"]);
    assert_eq!(made.place.git_dir.to_str(), Some(git_dir.trim()));
    let mode = made.place.path.join("run.sh").metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o111, 0o111);
    assert_eq!(std::fs::read_link(made.place.path.join("link")).unwrap().to_str(), Some("a.txt"));
}

#[test]
fn a_taken_name_gets_a_number() {
    let fixture = Fixture::new();
    let repo = fixture.open();
    for (n, branch) in ["ace/x", "ace/x-2", "ace/x-3"].into_iter().enumerate() {
        let made = create(&repo, "x", &fixture.place(&n.to_string()), None, Carry::Leave).unwrap();
        assert_eq!(made.branch, branch);
    }
}

#[test]
fn any_name_makes_a_branch() {
    let fixture = Fixture::new();
    for (n, (name, branch)) in [
        ("fix the\nmedian", "ace/fix-the-median"),
        ("--force", "ace/force"),
        ("../../etc", "ace/etc"),
        ("a..b@{1}~^:?*[\\", "ace/a.b-1"),
        ("x.lock", "ace/x"),
        ("", "ace/session"),
        ("größe", "ace/größe"),
        ("HEAD", "ace/HEAD"),
    ]
    .into_iter()
    .enumerate()
    {
        let made = create(&fixture.open(), name, &fixture.place(&n.to_string()), None, Carry::Leave).unwrap();
        assert_eq!(made.branch, branch, "{name:?}");
    }
    fixture.git(&["fsck"]);
}

#[test]
fn begins_at_any_revision() {
    let fixture = Fixture::new();
    fixture.write("a.txt", "second\n");
    fixture.commit("second");
    let made = create(&fixture.open(), "old", &fixture.place("old"), Some("HEAD~1"), Carry::Leave).unwrap();
    assert_eq!(std::fs::read_to_string(made.place.path.join("a.txt")).unwrap(), "one\ntwo\nthree\n");
    assert_eq!(porcelain(&made.place.path), "");
}

#[test]
fn a_failure_leaves_nothing_behind() {
    let fixture = Fixture::new();
    let repo = fixture.open();
    let before = fixture.traces();
    let bad = create(&repo, "x", &fixture.place("x"), Some("no-such-rev"), Carry::Leave);
    assert!(matches!(bad, Err(Error::BadRevision { rev }) if rev == "no-such-rev"));
    assert_eq!(fixture.traces(), before);
    // A blob is missing: the checkout fails in the middle.
    let blob = fixture.git(&["rev-parse", "HEAD:src/lib.rs"]);
    let (dir, file) = blob.trim().split_at(2);
    let object = fixture.root().join(".git/objects").join(dir).join(file);
    std::fs::set_permissions(&object, std::fs::Permissions::from_mode(0o644)).unwrap();
    std::fs::remove_file(&object).unwrap();
    let before = fixture.traces();
    let broken = create(&fixture.open(), "x", &fixture.place("x"), None, Carry::Leave);
    assert!(matches!(broken, Err(Error::Git { .. })), "{broken:?}");
    // Git's own folders for worktrees and branches may stay, empty.
    let after: Vec<String> = fixture.traces().lines().filter(|line| !before.contains(line)).map(Into::into).collect();
    let harmless = ["/.git/worktrees", "/refs/heads/ace", "/logs/refs/heads/ace"];
    assert!(after.iter().all(|line| harmless.iter().any(|end| line.ends_with(end))), "{after:#?}");
}

#[test]
fn refuses_a_folder_in_use_and_leaves_it_alone() {
    let fixture = Fixture::new();
    write(&fixture.place("x").join("mine"), "precious");
    let before = fixture.traces();
    let refused = create(&fixture.open(), "x", &fixture.place("x"), None, Carry::Leave);
    assert!(matches!(refused, Err(Error::Occupied { .. })));
    assert_eq!(fixture.traces(), before);
}

#[test]
fn a_repository_without_commits_has_nothing_to_begin_from() {
    let fixture = Fixture::empty();
    let refused = create(&fixture.open(), "x", &fixture.place("x"), None, Carry::Leave);
    assert!(matches!(refused, Err(Error::Unborn)));
}

#[test]
fn works_from_bare_detached_and_linked() {
    let fixture = Fixture::new();
    let bare = fixture.home.path().join("bare.git");
    fixture.git(&["clone", "-q", "--bare", ".", bare.to_str().unwrap()]);
    let repo = discover(&bare).unwrap().unwrap();
    let made = create(&repo, "x", &fixture.place("bare"), None, Carry::Leave).unwrap();
    assert_eq!(porcelain(&made.place.path), "");
    assert!(matches!(create(&repo, "y", &fixture.place("y"), None, Carry::Bring), Err(Error::Bare)));

    fixture.git(&["checkout", "-q", "--detach"]);
    let made = fixture.create("detached");
    assert_eq!(porcelain(&made.place.path), "");

    let linked = discover(&made.place.path).unwrap().unwrap();
    let again = create(&linked, "inner", &fixture.place("inner"), None, Carry::Leave).unwrap();
    assert_eq!(again.place.git_dir.parent(), Some(fixture.root().join(".git/worktrees").as_path()));
    assert_eq!(porcelain(&again.place.path), "");
}

#[test]
fn a_branch_called_ace_is_in_the_way() {
    let fixture = Fixture::new();
    fixture.git(&["branch", "ace"]);
    let refused = create(&fixture.open(), "x", &fixture.place("x"), None, Carry::Leave);
    assert!(matches!(refused, Err(Error::NameTaken { name }) if name == "ace"));
}

#[test]
fn carries_what_is_not_committed() {
    let fixture = Fixture::new();
    fixture.write("a.txt", "changed\n");
    fixture.write("staged", "s\n");
    fixture.git(&["add", "staged"]);
    fixture.write("deep/er/untracked", "u\n");
    fixture.write("ignored.o", "o");
    std::fs::remove_file(fixture.root().join("src/lib.rs")).unwrap();
    fixture.mode("run.sh", 0o644);
    std::fs::remove_file(fixture.root().join("link")).unwrap();
    std::os::unix::fs::symlink("src", fixture.root().join("link")).unwrap();
    let before = porcelain(&fixture.root());
    let made = create(&fixture.open(), "x", &fixture.place("x"), None, Carry::Bring).unwrap();
    assert_eq!(porcelain(&fixture.root()), before);
    let there = |folder: &std::path::Path| {
        let add = ["add", "-AN"];
        git(folder, &add);
        git(folder, &["diff", "HEAD"])
    };
    assert_eq!(made.carried, 6);
    assert_eq!(there(&made.place.path), there(&fixture.root()));
    assert!(!made.place.path.join("ignored.o").exists());
}

#[test]
fn carries_a_file_that_became_a_folder_and_the_other_way_round() {
    let fixture = Fixture::new();
    std::fs::remove_file(fixture.root().join("link")).unwrap();
    fixture.write("link/inner", "now a folder\n");
    std::fs::remove_dir_all(fixture.root().join("src")).unwrap();
    fixture.write("src", "now a file\n");
    let made = create(&fixture.open(), "x", &fixture.place("x"), None, Carry::Bring).unwrap();
    assert_eq!(std::fs::read_to_string(made.place.path.join("link/inner")).unwrap(), "now a folder\n");
    assert_eq!(std::fs::read_to_string(made.place.path.join("src")).unwrap(), "now a file\n");
    assert_eq!(porcelain(&made.place.path), porcelain(&fixture.root()));
}

#[test]
fn carries_odd_names_and_leaves_repositories_behind() {
    let fixture = Fixture::new();
    let odd: [&[u8]; 5] = [b"new\nline", b"-rf", b"\xff\xfe", b" space ", "übung".as_bytes()];
    for name in odd {
        fixture.write(bytes(name), name);
    }
    std::fs::create_dir(fixture.root().join("nested")).unwrap();
    git(&fixture.root().join("nested"), &["init", "-q"]);
    fixture.write("nested/file", "x");
    let made = create(&fixture.open(), "x", &fixture.place("x"), None, Carry::Bring).unwrap();
    for name in odd {
        assert_eq!(std::fs::read(made.place.path.join(bytes(name))).unwrap(), name);
    }
    assert_eq!(made.left_behind, [std::path::PathBuf::from("nested")]);
    assert!(!made.place.path.join("nested").exists());
}

#[test]
fn carries_only_to_the_commit_the_changes_were_made_on() {
    let fixture = Fixture::new();
    fixture.write("a.txt", "second\n");
    fixture.commit("second");
    let refused = create(&fixture.open(), "x", &fixture.place("x"), Some("HEAD~1"), Carry::Bring);
    assert!(matches!(refused, Err(Error::CarryBase)));
}

#[test]
fn keeps_odd_names_submodules_and_line_ends() {
    let fixture = Fixture::new();
    let odd: [&[u8]; 3] = [b"new\nline", b"-rf", b"\xff\xfe"];
    for name in odd {
        fixture.write(bytes(name), name);
    }
    fixture.write("dos.txt", "one\r\ntwo\r\n");
    fixture.write(".gitattributes", "dos.txt text eol=crlf\n");
    let sub = fixture.git(&["rev-parse", "HEAD"]);
    fixture.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{},sub", sub.trim())]);
    fixture.git(&["add", "-A", "--", ":!sub"]);
    fixture.git(&["commit", "-qm", "odd"]);
    let made = fixture.create("odd");
    for name in odd {
        assert_eq!(std::fs::read(made.place.path.join(bytes(name))).unwrap(), name);
    }
    assert_eq!(std::fs::read(made.place.path.join("dos.txt")).unwrap(), b"one\r\ntwo\r\n");
    assert_eq!(porcelain(&made.place.path), "");
}

#[test]
fn thirty_two_at_once_all_succeed() {
    let fixture = Fixture::new();
    let made: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..32)
            .map(|n| {
                let fixture = &fixture;
                scope.spawn(move || {
                    // Half of them want the very same name.
                    let name = if n % 2 == 0 { "same".to_owned() } else { format!("n{n}") };
                    let place = fixture.place(&n.to_string());
                    create(&fixture.open(), &name, &place, None, Carry::Leave).unwrap().branch
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let distinct: std::collections::BTreeSet<_> = made.iter().collect();
    assert_eq!(distinct.len(), 32);
    assert_eq!(fixture.git(&["worktree", "list"]).lines().count(), 33);
    fixture.git(&["fsck"]);
    for n in 0..32 {
        assert_eq!(porcelain(&fixture.place(&n.to_string())), "");
    }
}

#[test]
fn a_registration_that_was_torn_does_not_stop_the_next_one() {
    let fixture = Fixture::new();
    fixture.create("first");
    let torn = |n: usize| fixture.root().join(format!(".git/worktrees/torn{n}"));
    write(&torn(0).join("gitdir"), "");
    write(&torn(0).join("locked"), "initializing");
    write(&torn(1).join("gitdir"), "/nowhere/.git\n");
    write(&torn(1).join("HEAD"), "ref: refs/heads/x\n");
    write(&torn(1).join("commondir"), "");
    assert!(!run(&fixture.root(), &["fsck"]).status.success(), "git itself stops at it");
    fixture.create("second");
    assert!(!torn(0).exists() && !torn(1).exists() && fixture.place("first").join("a.txt").exists());
    fixture.git(&["fsck"]);
}
