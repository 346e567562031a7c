//! Repositories made by the real `git` program, and a way to ask it what it sees.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use ace_worktree::{Carry, Created, Error, How, Identity, Landed, Listed, Place, Pruned, Repository, Rules, Words};
use tempfile::TempDir;

/// A temporary home with a repository `repo` in it.
pub struct Fixture {
    pub home: TempDir,
}

impl Fixture {
    /// A repository without a commit.
    pub fn empty() -> Self {
        let fixture = Self { home: TempDir::new().unwrap() };
        std::fs::create_dir(fixture.root()).unwrap();
        fixture.git(&["init", "-q", "-b", "main"]);
        for (key, value) in [("user.name", "Uma"), ("user.email", "uma@example.org")] {
            fixture.git(&["config", key, value]);
        }
        fixture
    }

    /// A repository with one commit of a little of everything.
    pub fn new() -> Self {
        let fixture = Self::empty();
        fixture.write("a.txt", "one\ntwo\nthree\n");
        fixture.write("src/lib.rs", "fn main() {}\n");
        fixture.write("run.sh", "#!/bin/sh\n");
        fixture.mode("run.sh", 0o755);
        std::os::unix::fs::symlink("a.txt", fixture.root().join("link")).unwrap();
        fixture.write(".gitignore", "*.o\ntarget/\n");
        fixture.commit("first");
        fixture
    }

    pub fn root(&self) -> PathBuf {
        self.home.path().canonicalize().unwrap().join("repo")
    }

    pub fn open(&self) -> Repository {
        ace_worktree::discover(&self.root()).unwrap().unwrap()
    }

    /// Where a worktree called `id` goes.
    pub fn place(&self, id: &str) -> PathBuf {
        self.root().parent().unwrap().join("worktrees").join(id).join("repo")
    }

    pub fn create(&self, name: &str) -> Created {
        ace_worktree::create(&self.open(), name, &self.place(name), None, Carry::Leave).unwrap()
    }

    pub fn write(&self, path: impl AsRef<Path>, text: impl AsRef<[u8]>) {
        write(&self.root().join(path), text);
    }

    pub fn mode(&self, path: &str, mode: u32) {
        let path = self.root().join(path);
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    pub fn commit(&self, message: &str) {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-qm", message]);
    }

    /// What `git` in the repository says; it must succeed.
    pub fn git(&self, args: &[&str]) -> String {
        git(&self.root(), args)
    }

    /// Every file, folder, ref and worktree there is: equal before and after what must leave no trace.
    pub fn traces(&self) -> String {
        let top = self.home.path();
        let mut names: Vec<String> = walk(top).into_iter().filter(|path| !path.contains("/objects/")).collect();
        names.sort();
        format!("{}\n{}\n{}", names.join("\n"), self.git(&["for-each-ref"]), self.git(&["worktree", "list"]))
    }
}

pub fn write(path: &Path, text: impl AsRef<[u8]>) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

pub fn walk(top: &Path) -> Vec<String> {
    let mut out = Vec::new();
    for entry in std::fs::read_dir(top).unwrap().flatten() {
        out.push(entry.path().to_string_lossy().into_owned());
        if entry.file_type().unwrap().is_dir() {
            out.extend(walk(&entry.path()));
        }
    }
    out
}

/// Runs `git` in `folder` with none of the machine's settings.
pub fn run(folder: &Path, args: &[&str]) -> Output {
    Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(args)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", "/nonexistent")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("LC_ALL", "C.UTF-8")
        .output()
        .unwrap()
}

pub fn git(folder: &Path, args: &[&str]) -> String {
    let out = run(folder, args);
    assert!(out.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8_lossy(&out.stdout).into_owned()
}

pub fn porcelain(folder: &Path) -> String {
    git(folder, &["status", "--porcelain", "--untracked-files=all"])
}

pub fn bytes(name: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(name))
}

pub fn uma() -> Identity {
    Identity { name: "Uma".into(), email: "uma@example.org".into() }
}

/// Lands in Uma's name.
pub fn land_as(repo: &Repository, place: &Place, how: How, message: &str) -> Result<Landed, Error> {
    ace_worktree::land(repo, place, how, Words { message, trailer: "", author: &uma() })
}

/// Prunes where nothing is anchored.
pub fn prune(
    repo: &Repository,
    settled: impl Fn(&Listed) -> bool,
    orphan: impl Fn(&Listed) -> bool,
    dry_run: bool,
) -> Result<Vec<Pruned>, Error> {
    ace_worktree::prune(repo, &Rules { settled: &settled, orphan: &orphan, anchored: &|_| false }, dry_run)
}
