//! States of a work tree: what a look stores, what it costs, and the way back.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use ace_worktree::{Error, Ground, Lens, Pool};

use crate::fixture::*;

struct Scene {
    fixture: Fixture,
    pool: Pool,
    ground: Ground,
}

impl Scene {
    /// A worktree of the little repository, and its pool.
    fn new() -> Self {
        Self::of(Fixture::new())
    }

    fn of(fixture: Fixture) -> Self {
        let place = fixture.create("work").place;
        let ground = Ground::of(&place).unwrap();
        let pool = Pool::open(&fixture.home.path().join("pools"), &ground.common_dir).unwrap();
        Self { fixture, pool, ground }
    }

    fn lens(&self, last: Option<&str>) -> Lens {
        Lens::open(&self.pool, &self.ground, last).unwrap()
    }

    fn write(&self, path: impl AsRef<Path>, text: impl AsRef<[u8]>) {
        write(&self.ground.root.join(path), text);
    }

    /// What git says the tree holds: mode, kind, id and path of each file.
    fn tree(&self, id: &str) -> String {
        let pools = self.fixture.home.path().join("pools");
        let pool = std::fs::read_dir(pools).unwrap().next().unwrap().unwrap().path();
        git(&pool, &["ls-tree", "-r", id])
    }

    /// The tree git itself makes of the work tree.
    fn by_git(&self) -> String {
        git(&self.ground.root, &["add", "-A"]);
        let tree = git(&self.ground.root, &["write-tree"]);
        git(&self.ground.root, &["reset", "-q"]);
        tree.trim().to_owned()
    }
}

#[test]
fn an_unchanged_tree_is_heads_and_nothing_is_stored() {
    let scene = Scene::new();
    let mut lens = scene.lens(None);
    let look = lens.look().unwrap();
    assert!(!look.is_new() && look.left_out.is_empty());
    assert_eq!(look.tree, scene.fixture.git(&["rev-parse", "HEAD^{tree}"]).trim());
    assert!(!lens.look().unwrap().is_new());
    let stored = walk(&scene.fixture.home.path().join("pools")).into_iter().filter(|p| Path::new(p).is_file());
    assert_eq!(stored.filter(|p| p.contains("/objects/") && !p.ends_with("alternates")).count(), 0);
}

#[test]
fn a_look_makes_the_tree_that_git_makes() {
    let scene = Scene::new();
    let mut lens = scene.lens(None);
    lens.look().unwrap();
    scene.write("a.txt", "one\n2\nthree\n");
    scene.write("new/deep/x.txt", "x\n");
    scene.write("a.o", "ignored\n");
    scene.write("target/debug/x", "ignored\n");
    scene.write(bytes(b"odd \xff\n\"name"), "odd\n");
    scene.write("tool", "#!/bin/sh\n");
    std::fs::set_permissions(scene.ground.root.join("tool"), std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::remove_file(scene.ground.root.join("run.sh")).unwrap();
    std::fs::remove_file(scene.ground.root.join("link")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", scene.ground.root.join("link")).unwrap();
    let look = lens.look().unwrap();
    assert_eq!(look.tree, scene.by_git());
    let diff = lens.diff(&look.before, &look.tree).unwrap();
    let files: Vec<_> =
        diff.files.iter().map(|f| (f.path.to_string_lossy().into_owned(), f.added, f.removed)).collect();
    assert!(files.contains(&("a.txt".into(), 1, 1)) && files.contains(&("run.sh".into(), 0, 1)), "{files:?}");
    assert!(!lens.look().unwrap().is_new());
    // Somebody who begins anew, from the record or from HEAD, sees the same.
    assert!(!scene.lens(Some(&look.tree)).look().unwrap().is_new());
    assert_eq!(scene.lens(None).look().unwrap().tree, look.tree);
}

#[test]
fn a_file_and_a_folder_change_places() {
    let scene = Scene::new();
    let mut lens = scene.lens(None);
    lens.look().unwrap();
    let root = &scene.ground.root;
    std::fs::remove_dir_all(root.join("src")).unwrap();
    scene.write("src", "now a file\n");
    std::fs::remove_file(root.join("a.txt")).unwrap();
    scene.write("a.txt/inner", "now a folder\n");
    let there = lens.look().unwrap();
    assert_eq!(there.tree, scene.by_git());
    let back = lens.restore(&there.before).unwrap();
    assert_eq!(back.tree, there.before);
    assert_eq!(porcelain(root), "");
    assert_eq!(lens.restore(&there.tree).unwrap().tree, there.tree);
    assert_eq!(std::fs::read_to_string(root.join("a.txt/inner")).unwrap(), "now a folder\n");
}

#[test]
fn a_change_in_the_same_moment_and_of_the_same_size_is_seen() {
    let scene = Scene::new();
    let mut lens = scene.lens(None);
    let mut trees = std::collections::BTreeSet::new();
    for n in 0..50 {
        scene.write("a.txt", format!("{n:04}"));
        trees.insert(lens.look().unwrap().tree);
    }
    assert_eq!(trees.len(), 50);
}

#[test]
fn a_time_that_was_set_back_hides_nothing() {
    let scene = Scene::new();
    let path = scene.ground.root.join("a.txt");
    let old = std::fs::metadata(&path).unwrap().modified().unwrap();
    let mut lens = scene.lens(None);
    lens.look().unwrap();
    scene.write("a.txt", "ONE\ntwo\nthree\n");
    std::fs::File::options().append(true).open(&path).unwrap().set_modified(old).unwrap();
    assert!(lens.look().unwrap().is_new());
}

#[test]
fn files_too_large_are_named_once_and_kept_by_a_way_back() {
    let scene = Scene::new();
    let mut lens = scene.lens(None);
    let base = lens.look().unwrap().tree;
    let big = scene.ground.root.join("big.bin");
    std::fs::File::create(&big).unwrap().set_len(65 << 20).unwrap();
    scene.write("small", "s\n");
    let look = lens.look().unwrap();
    assert_eq!(look.left_out.len(), 1);
    assert_eq!((look.left_out[0].path.to_str(), look.left_out[0].bytes), (Some("big.bin"), 65 << 20));
    assert!(!scene.tree(&look.tree).contains("big.bin"));
    assert!(lens.look().unwrap().left_out.is_empty(), "it has not changed since");
    lens.restore(&base).unwrap();
    assert!(big.exists() && !scene.ground.root.join("small").exists());
}

#[test]
fn nothing_is_changed_when_an_ignored_file_is_in_the_way() {
    let scene = Scene::new();
    let mut lens = scene.lens(None);
    let base = lens.look().unwrap().tree;
    scene.write("out/data", "mine\n");
    let with = lens.look().unwrap().tree;
    lens.restore(&base).unwrap();
    scene.write(".gitignore", "out/\n");
    scene.write("out/data", "precious\n");
    scene.write("a.txt", "changed\n");
    let Err(Error::InTheWay { paths }) = scene.lens(None).restore(&with) else { panic!("it was let through") };
    assert_eq!(paths, [Path::new("out/data")]);
    assert_eq!(std::fs::read_to_string(scene.ground.root.join("out/data")).unwrap(), "precious\n");
    assert_eq!(std::fs::read_to_string(scene.ground.root.join("a.txt")).unwrap(), "changed\n");
}

#[test]
fn the_way_back_brings_modes_links_and_odd_names() {
    let scene = Scene::new();
    let root = scene.ground.root.clone();
    scene.write(bytes(b"odd \xff\n\"name"), "odd\n");
    let mut lens = scene.lens(None);
    let full = lens.look().unwrap().tree;
    for name in ["a.txt", "run.sh", "link"] {
        std::fs::remove_file(root.join(name)).unwrap();
    }
    std::fs::remove_file(root.join(bytes(b"odd \xff\n\"name"))).unwrap();
    std::fs::remove_dir_all(root.join("src")).unwrap();
    lens.look().unwrap();
    let back = lens.restore(&full).unwrap();
    assert_eq!((back.tree.as_str(), back.written, back.removed), (full.as_str(), 5, 0));
    assert_eq!(std::fs::metadata(root.join("run.sh")).unwrap().permissions().mode() & 0o111, 0o111);
    assert_eq!(std::fs::read_link(root.join("link")).unwrap(), Path::new("a.txt"));
    assert_eq!(std::fs::read(root.join(bytes(b"odd \xff\n\"name"))).unwrap(), b"odd\n");
}

#[test]
fn line_ends_and_pointers_of_large_files_stay_what_they_are() {
    let fixture = Fixture::new();
    fixture.write(".gitattributes", "*.txt text eol=crlf\n*.bin filter=lfs\n");
    fixture.write("x.bin", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n");
    fixture.commit("attributes");
    let scene = Scene::of(fixture);
    let mut lens = scene.lens(None);
    assert!(!lens.look().unwrap().is_new());
    scene.write("a.txt", "one\r\n2\r\n");
    let look = lens.look().unwrap();
    assert_eq!(look.tree, scene.by_git());
    lens.restore(&look.before).unwrap();
    assert_eq!(std::fs::read(scene.ground.root.join("a.txt")).unwrap(), b"one\r\ntwo\r\nthree\r\n");
    lens.restore(&look.tree).unwrap();
    assert_eq!(std::fs::read(scene.ground.root.join("a.txt")).unwrap(), b"one\r\n2\r\n");
}

#[test]
fn repositories_within_and_submodules_are_not_entered() {
    let fixture = Fixture::new();
    let inner = fixture.home.path().join("inner");
    std::fs::create_dir(&inner).unwrap();
    git(&inner, &["init", "-q"]);
    git(&inner, &["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "x", "--allow-empty"]);
    fixture.git(&["-c", "protocol.file.allow=always", "submodule", "add", "-q", inner.to_str().unwrap(), "sub"]);
    fixture.commit("sub");
    let scene = Scene::of(fixture);
    let mut lens = scene.lens(None);
    assert!(!lens.look().unwrap().is_new());
    git(&scene.ground.root, &["init", "-q", "nested"]);
    scene.write("nested/file", "not ours\n");
    scene.write("sub/file", "the submodule's own\n");
    assert!(!lens.look().unwrap().is_new());
}

#[test]
fn a_work_tree_of_the_users_own_and_one_without_a_commit() {
    for fixture in [Fixture::new(), Fixture::empty()] {
        fixture.write("u.txt", "untracked\n");
        let ground = Ground::around(&fixture.open()).unwrap();
        let pool = Pool::open(&fixture.home.path().join("pools"), &ground.common_dir).unwrap();
        let before = fixture.git(&["status", "--porcelain"]);
        let mut lens = Lens::open(&pool, &ground, None).unwrap();
        let look = lens.look().unwrap();
        assert!(look.is_new());
        fixture.write("v.txt", "more\n");
        lens.look().unwrap();
        lens.restore(&look.tree).unwrap();
        assert_eq!(fixture.git(&["status", "--porcelain"]), before);
    }
}

/// What a repository says of itself, but for its objects: equal before and after what must not touch it.
fn settings(fixture: &Fixture) -> String {
    std::fs::read_to_string(fixture.root().join(".git/config")).unwrap() + &fixture.traces()
}

#[test]
fn two_pools_made_at_once_are_one_and_the_repository_is_not_touched() {
    let fixture = Fixture::new();
    let ground = Ground::around(&fixture.open()).unwrap();
    let pools = fixture.home.path().join("pools");
    let objects = || walk(&fixture.root().join(".git/objects")).len();
    let (before, count) = (settings(&fixture), objects());
    std::thread::scope(|scope| {
        for n in 0..4 {
            let (pools, ground) = (&pools, &ground);
            scope.spawn(move || {
                let pool = Pool::open(pools, &ground.common_dir).unwrap();
                write(&ground.root.join(format!("n{n}.o")), "x");
                Lens::open(&pool, ground, None).unwrap().look().unwrap();
            });
        }
    });
    for n in 0..4 {
        std::fs::remove_file(fixture.root().join(format!("n{n}.o"))).unwrap();
    }
    assert_eq!(std::fs::read_dir(&pools).unwrap().count(), 1);
    std::fs::remove_dir_all(&pools).unwrap();
    assert_eq!((settings(&fixture), objects()), (before, count));
}

#[test]
fn a_link_that_leads_out_is_never_followed_on_the_way_back() {
    let scene = Scene::new();
    let outside = scene.fixture.home.path().join("outside");
    std::fs::create_dir(&outside).unwrap();
    let mut lens = scene.lens(None);
    let base = lens.look().unwrap().tree;
    std::fs::remove_dir_all(scene.ground.root.join("src")).unwrap();
    std::os::unix::fs::symlink(&outside, scene.ground.root.join("src")).unwrap();
    assert_eq!(lens.restore(&base).unwrap().tree, base);
    assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 0);
    assert!(scene.ground.root.join("src/lib.rs").symlink_metadata().unwrap().is_file());
    // The same with a link that nobody records.
    scene.write(".gitignore", "src\n*.o\ntarget/\n");
    let base = lens.look().unwrap().tree;
    scene.write("src/more.rs", "x\n");
    lens.look().unwrap();
    let _ = lens.restore(&base);
    assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 0);
}
