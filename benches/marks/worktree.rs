//! Worktrees of a larger repository beside git's own: made, looked at, forked.

use std::path::{Path, PathBuf};

use ace_worktree::{Carry, Ground, Lens, Pool};

use crate::scene::Scene;
use crate::table::{Table, median, timed};

const FILES: usize = 2000;

/// The larger ones; `ACE_BENCH_FILES` says otherwise.
const MANY: usize = 50_000;

/// Makes worktrees in turn with git.
pub fn measure(table: &mut Table) {
    made(table, FILES, 1.0, 7);
    let many = std::env::var("ACE_BENCH_FILES").ok().and_then(|n| n.parse().ok()).unwrap_or(MANY);
    made(table, many, 0.6, 3);
    looked(table, many);
    forked(table);
}

fn made(table: &mut Table, files: usize, mark: f64, rounds: usize) {
    let scene = Scene::new(files);
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for n in 0..rounds {
        let name = format!("ours-{n}");
        ours.push(timed(|| assert!(scene.command("ace-worktree", &["create", &name]).status().unwrap().success())));
        let (name, path) = (format!("theirs-{n}"), format!("../tree-{n}"));
        theirs.push(timed(|| scene.git(&["worktree", "add", "-q", "-b", &name, &path])));
    }
    let theirs = median(&theirs);
    let name = format!("worktree of {files} files");
    table.most(name, median(&ours), theirs * mark, "ms").beside(theirs, "git worktree add");
}

/// The states of a worktree beside `git status`: nothing changed, ten files changed, and the first look of a new process.
fn looked(table: &mut Table, files: usize) {
    let scene = Scene::new(files);
    let repository = ace_worktree::discover(&scene.path("project")).unwrap().unwrap();
    let place = ace_worktree::create(&repository, "x", &scene.path("tree/project"), None, Carry::Leave).unwrap().place;
    let ground = Ground::of(&place).unwrap();
    let pool = Pool::open(&scene.path("pools"), &ground.common_dir).unwrap();
    let open = || Lens::open(&pool, &ground, None).unwrap();
    let root = place.path.to_str().unwrap();
    let status = || timed(|| scene.git(&["-C", root, "status", "--porcelain"]));
    status();
    let mut lens = open();
    lens.look().unwrap();
    let (mut first, mut unchanged, mut theirs) = (Vec::new(), Vec::new(), Vec::new());
    let (mut ten, mut theirs_ten) = (Vec::new(), Vec::new());
    for _ in 0..7 {
        theirs.push(status());
        unchanged.push(timed(|| assert!(!lens.look().unwrap().is_new())));
        first.push(timed(|| assert!(!open().look().unwrap().is_new())));
    }
    for round in 0..7 {
        for path in some(&place.path, 10) {
            std::fs::write(path, format!("round {round}\n")).unwrap();
        }
        ten.push(timed(|| assert!(lens.look().unwrap().is_new())));
        theirs_ten.push(status());
    }
    let (theirs, theirs_ten) = (median(&theirs), median(&theirs_ten));
    let name = |what: &str| format!("state of {files} files, {what}");
    table.most(name("unchanged"), median(&unchanged), theirs * 1.5, "ms").beside(theirs, "git status");
    table.most(name("10 changed"), median(&ten), theirs_ten * 2.0, "ms").beside(theirs_ten, "git status");
    table.tell(name("first look"), median(&first), "ms").beside(theirs, "git status");
}

/// The first so many files that a scene has.
fn some(root: &Path, count: usize) -> Vec<PathBuf> {
    (0..count).map(|n| root.join(format!("d{}/f{n}.txt", n % 50))).collect()
}

/// A fork, without what its worktree takes.
fn forked(table: &mut Table) {
    let scene = Scene::new(10);
    let _ = scene.run(3, &[]);
    let (mut forks, mut trees) = (Vec::new(), Vec::new());
    for n in 0..7 {
        let name = format!("tree-{n}");
        trees.push(timed(|| assert!(scene.command("ace-worktree", &["create", &name]).status().unwrap().success())));
        let args = ["fork", "@last"];
        forks.push(timed(|| assert!(scene.command("ace-session", &args).status().unwrap().success())));
    }
    let tree = median(&trees);
    table.most("fork besides its worktree", median(&forks) - tree, 30.0, "ms").beside(tree, "ace-worktree create");
}
