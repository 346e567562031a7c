//! Thirty-two sessions at once: what each holds in memory, and how much of the cores' worth comes out as calls.

use std::num::NonZero;

use crate::model::Model;
use crate::scene::Scene;
use crate::system::{children_cpu, trees_memory};
use crate::table::{Table, median, timed};

const SESSIONS: usize = 32;
const CALLS: usize = 20;
const ROUNDS: usize = 3;

/// Memory while all their last requests wait; then their calls against those of one alone.
pub fn measure(table: &mut Table) {
    let scene = Scene::new(200);
    let models: Vec<Model> = (0..SESSIONS).map(|_| Model::halting(CALLS, vec![CALLS])).collect();
    let begun: Vec<_> = models.iter().map(|m| scene.begin(m, &[])).collect();
    let roots: Vec<u32> = begun.iter().map(|b| b.0.id()).collect();
    let all = look_all(&models, &|| trees_memory(&roots));
    for (model, begun) in models.iter().zip(begun) {
        scene.finish(model, begun, CALLS);
    }
    let each = |sum: f64| sum / SESSIONS as f64;
    table.most(format!("{SESSIONS} sessions at once, proportional, each"), each(all.pss), 40.0, "MiB");
    table.tell(format!("{SESSIONS} sessions at once, anonymous, each"), each(all.anonymous), "MiB");
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get) as f64;
    // What a session takes of the processor with nobody beside it.
    let before = children_cpu();
    for _ in 0..ROUNDS {
        let model = Model::new(CALLS);
        let begun = scene.begin(&model, &[]);
        scene.finish(&model, begun, CALLS);
    }
    let alone = (children_cpu() - before) / ROUNDS as f64;
    let walls: Vec<f64> = (0..ROUNDS).map(|_| together(&scene)).collect();
    let wall = median(&walls);
    let worth = alone * SESSIONS as f64 / (wall * cores);
    table.least(format!("{SESSIONS} sessions at once, of the cores' worth"), worth, 0.8, "");
    table.tell(format!("{SESSIONS} sessions at once, {CALLS} calls each"), wall / 1e3, "s");
    table.tell("calls in a second", (SESSIONS * CALLS) as f64 / (wall / 1e3), "");
}

/// All of them from begin to end, ms.
fn together(scene: &Scene) -> f64 {
    let models: Vec<Model> = (0..SESSIONS).map(|_| Model::new(CALLS)).collect();
    timed(|| {
        let begun: Vec<_> = models.iter().map(|m| scene.begin(m, &[])).collect();
        for (model, begun) in models.iter().zip(begun) {
            scene.finish(model, begun, CALLS);
        }
    })
}

/// Looks when the requests of all models wait.
fn look_all<T>(models: &[Model], look: &dyn Fn() -> T) -> T {
    match models.split_first() {
        Some((model, rest)) => model.look(|_| look_all(rest, look)),
        None => look(),
    }
}
