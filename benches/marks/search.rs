//! A search through a large tree, beside ripgrep.

use crate::scene::Scene;
use crate::table::{Table, median, timed};
use std::process::Command;

const FILES: usize = 50_000;
const RUNS: usize = 9;
/// In a few files only, so that all are read to their ends.
const PATTERN: &str = "needle-[0-9]+";

/// The tool `grep` in a session, by the time that its record tells; then `rg` on the same tree.
pub fn measure(table: &mut Table) {
    let rg = |scene: &Scene| {
        let mut rg = Command::new("rg");
        rg.args(["--hidden", "--glob", "!.git", "--line-number", PATTERN, "."]).current_dir(scene.path("project"));
        rg.output().ok().filter(|out| out.status.success())
    };
    let scene = Scene::new(FILES);
    for n in [7, 20_007, 49_999] {
        std::fs::write(scene.path("project").join(format!("d{}/needle-{n}.txt", n % 50)), format!("a needle-{n}\n"))
            .unwrap();
    }
    let Some(found) = rg(&scene) else {
        return table.note("grep beside ripgrep: SKIPPED, no rg here");
    };
    assert_eq!(found.stdout.iter().filter(|b| **b == b'\n').count(), 3, "rg finds them");
    let mut cassette = String::from("{\"cassette\":1,\"model\":\"x/y\"}\n");
    for n in 0..RUNS {
        cassette.push_str(&format!(
            "{{\"answer\":{n},\"call\":{{\"tool\":\"grep\",\"args\":{{\"pattern\":\"{PATTERN}\"}}}}}}\n{{\"answer\":{n},\"stop\":\"tools\"}}\n"
        ));
    }
    cassette.push_str(&format!("{{\"answer\":{RUNS},\"text\":\"done\"}}\n{{\"answer\":{RUNS},\"stop\":\"end\"}}\n"));
    let tape = scene.path("search.jsonl");
    std::fs::write(&tape, cassette).unwrap();
    let model = format!("recorded/{}", tape.display());
    let done = scene.command("ace", &["run", "--no-worktree", "-m", &model, "search"]).status().unwrap();
    assert!(done.success(), "the session ends well");
    let log = std::fs::read_to_string(scene.newest_log().unwrap()).unwrap();
    let number = |line: &str| line.split("\"ms\":").nth(1)?.split([',', '}']).next()?.parse::<f64>().ok();
    let ours: Vec<f64> = log.lines().filter(|l| l.contains("\"type\":\"tool.completed\"")).filter_map(number).collect();
    assert_eq!(ours.len(), RUNS, "every call is recorded");
    assert_eq!(log.matches("a needle-").count(), RUNS * 3, "each finds them");
    let theirs: Vec<f64> = (0..RUNS).map(|_| timed(|| drop(rg(&scene)))).collect();
    let theirs = median(&theirs);
    table.most(format!("grep over {FILES} files"), median(&ours), theirs * 1.3, "ms").beside(theirs, "rg");
}
