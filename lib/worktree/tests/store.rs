//! What tools commit into a store of their own comes into the repository, and nothing else does.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use ace_worktree::{Created, Error, Store};

use crate::fixture::*;

struct Scene {
    fixture: Fixture,
    made: Created,
    folder: PathBuf,
    store: Store,
}

fn scene() -> Scene {
    let fixture = Fixture::new();
    let made = fixture.create("x");
    let folder = fixture.root().parent().unwrap().join("store");
    let store = Store::open(&folder, &made.place, "ace/x").unwrap();
    Scene { fixture, made, folder, store }
}

impl Scene {
    fn common(&self) -> PathBuf {
        self.made.place.git_dir.parent().unwrap().parent().unwrap().to_owned()
    }

    /// Git as it works under a view: its objects go to the store, the repository's are read.
    fn inside(&self, args: &[&str]) -> String {
        let out = Command::new("git")
            .args(["-c", "user.name=t", "-c", "user.email=t@example.org"])
            .args(args)
            .current_dir(&self.made.place.path)
            .env("GIT_OBJECT_DIRECTORY", self.folder.join("objects"))
            .env("GIT_ALTERNATE_OBJECT_DIRECTORIES", self.common().join("objects"))
            .output()
            .unwrap();
        assert!(out.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).unwrap().trim().to_owned()
    }

    /// A commit in the store, at which its branch stands then.
    fn commit(&self, text: &str) -> String {
        write(&self.made.place.path.join("a.txt"), text);
        self.inside(&["add", "-A"]);
        let tree = self.inside(&["write-tree"]);
        let head = std::fs::read_to_string(self.folder.join("heads/x")).unwrap();
        let commit = self.inside(&["commit-tree", &tree, "-p", head.trim(), "-m", text.trim()]);
        write(&self.folder.join("heads/x"), format!("{commit}\n"));
        commit
    }

    fn has(&self, id: &str) -> bool {
        run(&self.fixture.root(), &["cat-file", "-e", id]).status.success()
    }

    fn tip(&self) -> String {
        self.fixture.git(&["rev-parse", "ace/x"]).trim().to_owned()
    }

    fn loose(&self) -> usize {
        let folders = std::fs::read_dir(self.folder.join("objects")).unwrap().flatten();
        folders.filter(|f| f.file_name().len() == 2).map(|f| std::fs::read_dir(f.path()).unwrap().count()).sum()
    }
}

#[test]
fn p31_commits_and_what_is_staged_are_taken_over() {
    let mut scene = scene();
    assert!(!scene.store.adopt().unwrap(), "nothing yet");
    let first = scene.commit("one more\n");
    let second = scene.commit("two more\n");
    assert!(!scene.has(&second));
    assert!(scene.store.adopt().unwrap());
    assert_eq!((scene.tip(), scene.loose()), (second.clone(), 0));
    assert_eq!(scene.fixture.git(&["log", "--format=%H", "ace/x"]).lines().nth(1), Some(first.as_str()));
    assert!(!scene.store.adopt().unwrap(), "the same only once");
    write(&scene.made.place.path.join("b.txt"), "staged\n");
    scene.inside(&["add", "b.txt"]);
    assert!(scene.store.adopt().unwrap());
    assert_eq!(git(&scene.made.place.path, &["diff", "--cached", "--name-only"]).trim(), "b.txt");
    scene.fixture.git(&["fsck", "--strict"]);
}

#[test]
fn p31_a_commit_that_lacks_something_moves_nothing() {
    let mut scene = scene();
    let before = scene.tip();
    let head = scene.commit("one more\n");
    let tree = scene.inside(&["rev-parse", &format!("{head}^{{tree}}")]);
    let path = |id: &str| scene.folder.join("objects").join(&id[..2]).join(&id[2..]);
    std::fs::remove_file(path(&tree)).unwrap();
    assert!(matches!(scene.store.adopt(), Err(Error::Git { .. })));
    assert!(!scene.store.adopt().unwrap(), "it is told once");
    assert_eq!(scene.tip(), before);
}

#[test]
fn p31_what_is_not_what_its_name_says_stays_out() {
    let mut scene = scene();
    scene.commit("one more\n");
    let name = "ab".to_owned() + &"c".repeat(38);
    let folder = scene.folder.join("objects/ab");
    std::fs::create_dir_all(&folder).unwrap();
    let other = std::fs::read_dir(scene.folder.join("objects"))
        .unwrap()
        .flatten()
        .find(|f| f.file_name().len() == 2 && f.file_name() != "ab");
    let other = std::fs::read_dir(other.unwrap().path()).unwrap().flatten().next().unwrap().path();
    std::fs::copy(other, folder.join(&name[2..])).unwrap();
    assert!(matches!(scene.store.adopt(), Err(Error::Git { .. })));
    assert!(!scene.has(&name));
}

#[test]
fn p32_links_in_the_store_lead_nowhere() {
    let mut scene = scene();
    let before = scene.tip();
    // Objects of another repository, and its branch.
    let other = Fixture::new();
    write(&other.root().join("secret"), "secret\n");
    other.git(&["add", "-A"]);
    other.git(&["commit", "-qm", "secret"]);
    let secret = other.git(&["rev-parse", "HEAD:secret"]).trim().to_owned();
    let head = other.root().join(".git/refs/heads").join(other.git(&["branch", "--show-current"]).trim());
    let theirs = other.root().join(".git/objects");
    let _ = std::fs::remove_dir_all(scene.folder.join("objects").join(&secret[..2]));
    symlink(theirs.join(&secret[..2]), scene.folder.join("objects").join(&secret[..2])).unwrap();
    std::fs::write(scene.folder.join("objects/info/alternates"), theirs.to_str().unwrap()).unwrap();
    std::fs::remove_file(scene.folder.join("heads/x")).unwrap();
    symlink(&head, scene.folder.join("heads/x")).unwrap();
    assert!(!scene.store.adopt().unwrap());
    assert_eq!(scene.tip(), before);
    assert!(!scene.has(&secret));
}

#[test]
fn p31_damage_is_refused() {
    let mut scene = scene();
    let id = "ab".to_owned() + &"d".repeat(38);
    let path = scene.folder.join("objects/ab").join(&id[2..]);
    for bytes in [&b""[..], b"\x78\x9c", b"not packed at all", &[0x78, 0x9c, 0x03, 0x00, 0x00, 0x00, 0x00, 0x01]] {
        write(&path, bytes);
        assert!(matches!(scene.store.adopt(), Err(Error::Git { .. })), "{bytes:?}");
    }
}

#[test]
fn a_branch_that_a_person_moves_is_seen_and_never_moved_back() {
    let mut scene = scene();
    let mine = scene.commit("mine\n");
    let theirs = scene.fixture.git(&["commit-tree", "HEAD^{tree}", "-p", "HEAD", "-m", "theirs"]).trim().to_owned();
    scene.fixture.git(&["update-ref", "refs/heads/ace/x", &theirs]);
    assert!(scene.store.adopt().is_err());
    assert_eq!(scene.tip(), theirs);
    scene.store.refresh().unwrap();
    assert_eq!(std::fs::read_to_string(scene.folder.join("heads/x")).unwrap().trim(), theirs);
    assert!(scene.fixture.git(&["cat-file", "-t", &mine]).starts_with("commit"), "what was committed is not lost");
}

#[test]
fn only_branches_of_ours_have_a_store() {
    let fixture = Fixture::new();
    let made = fixture.create("x");
    for branch in ["main", "ace/", "ace/../main", "ace/nowhere"] {
        let folder: &Path = &fixture.root().parent().unwrap().join("store");
        assert!(matches!(Store::open(folder, &made.place, branch), Err(Error::ForeignHead { .. })), "{branch}");
    }
}
