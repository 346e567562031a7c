//! What a tool call costs, what a session holds, and eight of them at once.

use std::fs::File;
use std::io::Write;
use std::process::{Command, Stdio};

use crate::model::Model;
use crate::scene::Scene;
use crate::system::{children_cpu, memory, name, tree, trees_memory};
use crate::table::{Table, median, timed};

const IN_PLACE: &[&str] = &["--no-worktree"];
/// The calls of the short and of the long session, whose difference is counted.
const SHORT: usize = 20;
const LONG: usize = 100;
const ROUNDS: usize = 5;

/// The least that a durable call costs: the shell, and five lines written and synced.
fn bare_call(file: &mut File, folder: &std::path::Path) {
    let mut sh = Command::new("/bin/sh");
    sh.args(["-c", "printf step >> steps.txt"]).current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null());
    assert!(sh.status().unwrap().success());
    let line = [b'x'; 400];
    for _ in 0..5 {
        file.write_all(&line).unwrap();
        file.sync_data().unwrap();
    }
}

/// A call, a session, eight sessions.
pub fn measure(table: &mut Table) {
    let scene = Scene::new(10);
    let mut bare_file = File::create(scene.path("bare")).unwrap();
    let (mut gaps, mut bare, mut walls) = (vec![], vec![], (vec![], vec![]));
    let (mut cpu, mut bare_cpu, mut bytes) = (0.0, 0.0, 0.0);
    for _ in 0..ROUNDS {
        let before = children_cpu();
        let short = scene.run(SHORT, IN_PLACE);
        let between = children_cpu();
        let long = scene.run(LONG, IN_PLACE);
        let after = children_cpu();
        cpu += (after - between) - (between - before);
        gaps.extend(long.calls());
        bytes = (long.log - short.log) as f64 / (LONG - SHORT) as f64;
        walls.0.push(short.wall);
        walls.1.push(long.wall);
        bare.extend((0..LONG).map(|_| timed(|| bare_call(&mut bare_file, scene.root()))));
        bare_cpu += children_cpu() - after;
    }
    let text = std::fs::read_to_string(scene.newest_log().unwrap()).unwrap();
    let confined = text.matches(r#""sandbox":"workspace""#).count();
    let cpu = cpu / (ROUNDS * (LONG - SHORT)) as f64;
    let bare_cpu = bare_cpu / (ROUNDS * LONG) as f64;
    table.most("a tool call, wall", median(&gaps), 2.5, "ms").beside(median(&bare), "sh -c, 5 write + fdatasync");
    let difference = (median(&walls.1) - median(&walls.0)) / (LONG - SHORT) as f64;
    table.tell(format!("the same, {LONG} less {SHORT} calls"), difference, "ms").beside(median(&bare), "the same");
    table.most("a tool call, processor", cpu, 2.2, "ms").beside(bare_cpu, "sh alone");
    table.most("a tool call, log", bytes / 1024.0, 2.6, "KiB");
    if confined != LONG {
        table.note(format!("only {confined} of {LONG} calls ran in the whole sandbox: this kernel lacks something"));
    }
    held(table, &scene);
    at_once(table, &scene);
}

/// Memory at the end of a long session, while the last request waits for its answer.
fn held(table: &mut Table, scene: &Scene) {
    let model = Model::halting(LONG, vec![LONG]);
    let begun = scene.begin(&model, IN_PLACE);
    let root = begun.0.id();
    let (all, lines) = model.look(|_| {
        let line = |&pid: &u32| {
            let m = memory(pid);
            format!("  {:24} {:6.2} anonymous {:6.2} pss {:3} threads", name(pid), m.anonymous, m.pss, m.threads)
        };
        (trees_memory(&[root]), tree(root).iter().map(line).collect::<Vec<_>>())
    });
    scene.finish(&model, begun, LONG);
    table.most(format!("anonymous memory, {LONG} calls"), all.anonymous, 8.0, "MiB");
    table.most(format!("proportional memory, {LONG} calls"), all.pss, 25.0, "MiB");
    table.note(format!("memory at call {LONG}, MiB, {} processes, {} threads:", all.processes, all.threads));
    for line in lines {
        table.note(line);
    }
    if all.hidden > 0 {
        table.note(format!("  {} processes do not show their memory: run as root", all.hidden));
    }
}

/// Eight sessions at once: time, then memory while all their last requests wait.
fn at_once(table: &mut Table, scene: &Scene) {
    let time = |calls: usize, args: &[&str]| {
        let models: Vec<Model> = (0..8).map(|_| Model::new(calls)).collect();
        timed(|| {
            let begun: Vec<_> = models.iter().map(|m| scene.begin(m, args)).collect();
            for (model, begun) in models.iter().zip(begun) {
                scene.finish(model, begun, calls);
            }
        }) / 1e3
    };
    let one: Vec<f64> = (0..3).map(|_| scene.run(SHORT, IN_PLACE).wall / 1e3).collect();
    let eight: Vec<f64> = (0..3).map(|_| time(SHORT, IN_PLACE)).collect();
    table
        .most(format!("8 sessions at once, {SHORT} calls"), median(&eight), 0.5, "s")
        .beside(median(&one), "one of them");
    let trees: Vec<f64> = (0..3).map(|_| time(SHORT, &[])).collect();
    table.tell("the same, a worktree each", median(&trees), "s").beside(median(&one), "one in place");
    let models: Vec<Model> = (0..8).map(|_| Model::halting(SHORT, vec![SHORT])).collect();
    let begun: Vec<_> = models.iter().map(|m| scene.begin(m, IN_PLACE)).collect();
    let roots: Vec<u32> = begun.iter().map(|b| b.0.id()).collect();
    let all = look_all(&models, &|| trees_memory(&roots));
    for (model, begun) in models.iter().zip(begun) {
        scene.finish(model, begun, SHORT);
    }
    table.most("8 sessions at once, anonymous", all.anonymous, 80.0, "MiB");
    table.tell("8 sessions at once, proportional", all.pss, "MiB");
}

/// Looks when the requests of all models wait.
fn look_all<T>(models: &[Model], look: &dyn Fn() -> T) -> T {
    match models.split_first() {
        Some((model, rest)) => model.look(|_| look_all(rest, look)),
        None => look(),
    }
}
