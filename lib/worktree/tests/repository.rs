//! Finding a repository and its facts.

use crate::fixture::*;

#[test]
fn finds_the_repository_from_a_folder_within() {
    let fixture = Fixture::new();
    let repo = ace_worktree::discover(&fixture.root().join("src")).unwrap().unwrap();
    let facts = repo.facts();
    assert_eq!(facts.root, Some(fixture.root()));
    assert_eq!(facts.git_dir, fixture.root().join(".git"));
    assert_eq!(facts.common_dir, fixture.root().join(".git"));
    assert_eq!(facts.branch.as_deref(), Some("main"));
    assert_eq!(facts.head.as_deref(), Some(fixture.git(&["rev-parse", "HEAD"]).trim()));
    assert_eq!(facts.head_short(), Some(fixture.git(&["rev-parse", "--short=7", "HEAD"]).trim()));
    assert!(!facts.unborn && !facts.bare);
}

#[test]
fn no_repository_is_no_error() {
    let home = tempfile::TempDir::new().unwrap();
    assert!(ace_worktree::discover(home.path()).unwrap().is_none());
    assert!(ace_worktree::discover(&home.path().join("missing")).is_err());
}

#[test]
fn a_repository_without_commits_is_unborn() {
    let fixture = Fixture::empty();
    let repo = fixture.open();
    assert!(repo.facts().unborn);
    assert_eq!(repo.facts().head, None);
    assert_eq!(repo.facts().branch.as_deref(), Some("main"));
    assert_eq!(repo.root_commit().unwrap(), None);
    fixture.write("new", "x");
    assert_eq!(repo.changed().unwrap().untracked, 1);
}

#[test]
fn a_detached_head_has_no_branch() {
    let fixture = Fixture::new();
    fixture.git(&["checkout", "-q", "--detach"]);
    assert_eq!(fixture.open().facts().branch, None);
    assert!(fixture.open().facts().head.is_some());
}

#[test]
fn a_bare_repository_has_no_root() {
    let fixture = Fixture::new();
    let bare = fixture.home.path().join("bare.git");
    git(&fixture.root(), &["clone", "-q", "--bare", ".", bare.to_str().unwrap()]);
    let repo = ace_worktree::discover(&bare).unwrap().unwrap();
    assert!(repo.facts().bare);
    assert_eq!(repo.facts().root, None);
    assert!(matches!(repo.changed(), Err(ace_worktree::Error::Bare)));
}

#[test]
fn the_root_commit_is_the_first_one() {
    let fixture = Fixture::new();
    for n in 0..5 {
        fixture.write("a.txt", format!("{n}\n"));
        fixture.commit("more");
    }
    let first = fixture.git(&["rev-list", "--max-parents=0", "HEAD"]);
    assert_eq!(fixture.open().root_commit().unwrap().as_deref(), Some(first.trim()));
}

#[test]
fn counts_what_git_status_counts() {
    let fixture = Fixture::new();
    assert!(fixture.open().changed().unwrap().is_clean());
    fixture.write("a.txt", "changed\n");
    fixture.write("staged.txt", "new\n");
    fixture.git(&["add", "staged.txt"]);
    std::fs::remove_file(fixture.root().join("src/lib.rs")).unwrap();
    fixture.write("loose/one", "1");
    fixture.write("loose/two", "2");
    fixture.write("ignored.o", "3");
    let changed = fixture.open().changed().unwrap();
    let status = porcelain(&fixture.root());
    let untracked = status.lines().filter(|line| line.starts_with("??")).count();
    assert_eq!((changed.tracked, changed.untracked), (status.lines().count() - untracked, untracked));
    assert_eq!((changed.tracked, changed.untracked), (3, 2));
}

#[test]
fn a_work_tree_elsewhere_in_the_configuration_is_not_followed() {
    let fixture = Fixture::new();
    fixture.git(&["config", "core.worktree", "/etc"]);
    assert_eq!(fixture.open().facts().root, Some(fixture.root()));
}

#[test]
fn the_identity_is_the_users_and_never_a_repositorys() {
    let home = tempfile::TempDir::new().unwrap();
    let inner = |file: Option<&str>| {
        let _ = std::fs::remove_file(home.path().join(".gitconfig"));
        if let Some(text) = file {
            std::fs::write(home.path().join(".gitconfig"), text).unwrap();
        }
        let out = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "repository::inner_identity", "--ignored", "--nocapture"])
            .env_clear()
            .env("HOME", home.path())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .current_dir(Fixture::new().root())
            .output()
            .unwrap();
        String::from_utf8(out.stdout).unwrap()
    };
    assert!(inner(Some("[user]\n\tname = Ida\n\temail = ida@example.org\n")).contains("Ida <ida@example.org>"));
    assert!(inner(Some("[user]\n\tname = Ida\n")).contains("nobody"));
    assert!(inner(None).contains("nobody"));
}

#[test]
#[ignore = "run by the_identity_is_the_users_and_never_a_repositorys, in a process of its own"]
fn inner_identity() {
    match ace_worktree::user_identity() {
        Some(who) => println!("{} <{}>", who.name, who.email),
        None => println!("nobody"),
    }
}
