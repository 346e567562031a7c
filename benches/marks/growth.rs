//! Whether call number 1,000 costs what number 10 did.

use crate::model::Model;
use crate::scene::Scene;
use crate::system::{tree_cpu, trees_memory};
use crate::table::{Table, median};

/// Two stretches of calls that are compared.
const EARLY: (usize, usize) = (10, 210);
const LATE: (usize, usize) = (900, 1100);

/// One long session, looked at four times.
pub fn measure(table: &mut Table) {
    let scene = Scene::new(10);
    let stops = vec![EARLY.0, EARLY.1, LATE.0, LATE.1];
    let model = Model::halting(LATE.1, stops.clone());
    let begun = scene.begin(&model, &["--no-worktree", "--max-turns", "2000"]);
    let root = begun.0.id();
    let look = |_| {
        let log = std::fs::metadata(scene.newest_log().unwrap()).unwrap().len();
        (tree_cpu(root), log as f64, trees_memory(&[root]).anonymous)
    };
    let at: Vec<(f64, f64, f64)> = stops.iter().map(|_| model.look(look)).collect();
    let ran = scene.finish(&model, begun, LATE.1);
    let calls = ran.calls();
    let wall = |part: (usize, usize)| median(&calls[part.0..part.1]);
    let each = |f: &dyn Fn(&(f64, f64, f64)) -> f64, from: usize| {
        (f(&at[from + 1]) - f(&at[from])) / (EARLY.1 - EARLY.0) as f64
    };
    let mut row = |name: &str, late: f64, early: f64, unit: &'static str| {
        table.most(name, late, early * 1.2, unit).beside(early, "call 10 to 210");
    };
    row("call 900 to 1100, wall", wall(LATE), wall(EARLY), "ms");
    row("call 900 to 1100, processor", each(&|a| a.0, 2), each(&|a| a.0, 0), "ms");
    row("call 900 to 1100, log", each(&|a| a.1, 2) / 1024.0, each(&|a| a.1, 0) / 1024.0, "KiB");
    table.tell("anonymous memory, 1100 calls", at[3].2, "MiB").beside(at[1].2, "at 210");
    table.tell("request, 1100 calls", ran.requests[LATE.1].bytes as f64 / 1024.0, "KiB");
}
