//! A worktree of a larger repository, beside git's own.

use crate::scene::Scene;
use crate::table::{Table, median, timed};

const FILES: usize = 2000;

/// Makes worktrees in turn with git.
pub fn measure(table: &mut Table) {
    let scene = Scene::new(FILES);
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for n in 0..7 {
        let name = format!("ours-{n}");
        ours.push(timed(|| assert!(scene.command("ace-worktree", &["create", &name]).status().unwrap().success())));
        let (name, path) = (format!("theirs-{n}"), format!("../tree-{n}"));
        theirs.push(timed(|| scene.git(&["worktree", "add", "-q", "-b", &name, &path])));
    }
    let theirs = median(&theirs);
    table.most(format!("worktree of {FILES} files"), median(&ours), theirs, "ms").beside(theirs, "git worktree add");
}
