//! How long programs take to start, and a session to its first request.

use std::process::{Command, Stdio};

use crate::scene::Scene;
use crate::table::{Table, median, timed};

/// Starts `true` and waits for it: the least a program costs.
pub fn spawn_true() -> f64 {
    timed(|| drop(Command::new("/bin/true").stdin(Stdio::null()).status()))
}

/// `--version`, and the way to the first request.
pub fn measure(table: &mut Table) {
    let scene = Scene::new(10);
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..60 {
        let mut version = scene.command("ace", &["--version"]);
        ours.push(timed(|| assert!(version.status().unwrap().success())));
        bare.push(spawn_true());
    }
    table.most("ace --version", median(&ours), 2.0, "ms").beside(median(&bare), "start of 'true'");
    for name in ["ace-session", "ace-model", "ace-permit", "ace-tool"] {
        // An empty input ends a filter at once: what it costs to start one.
        let args: &[&str] = if name == "ace-session" { &["step"] } else { &[] };
        let times: Vec<f64> = (0..30).map(|_| timed(|| drop(scene.command(name, args).status()))).collect();
        table.tell(format!("{name}, empty input"), median(&times), "ms").beside(median(&bare), "start of 'true'");
    }
    // Its own repository: what ends in one must not stand in the way of what begins in the other.
    let apart = Scene::new(10);
    let _ = (scene.run(0, &["--no-worktree"]), apart.run(0, &[]));
    let (mut in_place, mut worktree, mut five, mut whole, mut add) = (vec![], vec![], vec![], vec![], vec![]);
    let mut bytes = 0;
    for n in 0..20 {
        let ran = scene.run(0, &["--no-worktree"]);
        in_place.push(ran.first_request());
        whole.push(ran.wall);
        bytes = ran.requests[0].bytes;
        worktree.push(apart.run(0, &[]).first_request());
        five.push((0..5).map(|_| spawn_true()).sum());
        add.push(timed(|| apart.git(&["worktree", "add", "-q", "-b", &format!("b{n}"), &format!("../tree-{n}")])));
    }
    table.most("first request, in place", median(&in_place), 10.0, "ms").beside(median(&five), "5 starts of 'true'");
    table
        .most("first request, worktree of 10 files", median(&worktree), 25.0, "ms")
        .beside(median(&add), "git worktree add");
    table.tell("session without a call, in place", median(&whole), "ms").beside(median(&five), "5 starts of 'true'");
    table.most("first request, body", bytes as f64 / 1024.0, 6.0, "KiB");
}
