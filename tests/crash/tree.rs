//! Whole trees: nothing outlives its supervisor, and a person's ^C stops all of it.

use super::*;
use crate::suite::{Run, eventually, finish};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// A call that leaves something in its group, something in a session of its own, and goes on.
const SPREAD: &str = "echo step-0 >> steps.txt; sleep 1000 & setsid sleep 1001 & sleep 1002";

fn spreading() -> Server {
    Server::start(vec![Reply::Calls("", vec![shell(SPREAD)]), Reply::Text("all is done")])
}

/// Starts `ace run` and waits until its tool has spread.
fn spread(world: &World) -> (Child, String, Vec<Process>) {
    let star = world.command("ace", &["run", "--mode", "auto", "spread"]).spawn().unwrap();
    let sleeps = || {
        let tree = inhabitants(world);
        ["sleep 1000", "sleep 1001", "sleep 1002"].iter().all(|s| tree.iter().any(|p| p.words().trim() == *s))
    };
    eventually("the tool has spread", sleeps);
    let sessions = crate::suite::folders(&world.ace_home().join("sessions"));
    (star, sessions[0].clone(), inhabitants(world))
}

#[test]
fn p63_nothing_outlives_a_killed_star() {
    let world = world(spreading());
    let (star, _, tree) = spread(&world);
    assert!(tree.len() > 7, "{tree:?}");
    for sleep in tree.iter().filter(|p| p.name == "sleep") {
        let open = std::fs::read_dir(format!("/proc/{}/fd", sleep.pid)).unwrap().flatten();
        let pens =
            open.filter(|e| std::fs::read_link(e.path()).is_ok_and(|to| to.to_string_lossy().contains("/pens/")));
        assert_eq!(pens.count(), 0, "a pen is never inherited by what a tool starts");
    }
    kill(star);
    let begin = Instant::now();
    eventually("the tree is gone", || tree.iter().all(|p| !p.lives()) && inhabitants(&world).is_empty());
    println!("{} processes gone {:?} after the star", tree.len(), begin.elapsed());
}

#[test]
fn p63_nothing_outlives_a_killed_part_of_the_tree() {
    for part in ["ace-tool --drafts-only", "ace-tool worker"] {
        let world = world(spreading());
        let (star, id, tree) = spread(&world);
        let doomed: Vec<&Process> = tree.iter().filter(|p| p.words().contains(part)).collect();
        assert!(!doomed.is_empty(), "{:?}", tree.iter().map(Process::words).collect::<Vec<_>>());
        signal("KILL", doomed[0].pid);
        let run = finish(star, None);
        assert_eq!(run.code, Some(0), "{part}: {run:?}");
        assert_eq!(outcome(&world.log(&id), "step-0"), "interrupted");
        assert_eq!(steps(&world, &id).len(), 1);
        eventually(part, || tree.iter().all(|p| !p.lives()) && inhabitants(&world).is_empty());
    }
}

#[test]
fn an_interrupt_stops_the_tool_and_is_recorded() {
    let world = world(spreading());
    let (star, id, tree) = spread(&world);
    signal("INT", star.id());
    let run = finish(star, None);
    assert_eq!(run.code, Some(130), "{run:?}");
    assert_eq!(outcome(&world.log(&id), "step-0"), "cancelled");
    assert_eq!(
        world.types(&id).iter().filter(|t| t.starts_with("turn.")).collect::<Vec<_>>(),
        ["turn.started", "turn.cancelled"]
    );
    eventually("the tree is gone", || tree.iter().all(|p| !p.lives()) && inhabitants(&world).is_empty());
    check_whole(&world, &id);
}

#[test]
fn the_second_and_the_third_interrupt_do_not_wait() {
    for times in [2, 3] {
        let world = world(Server::start(vec![Reply::Calls(
            "",
            vec![shell(
                "trap '' TERM INT; echo step-0 >> steps.txt; sleep 1000 & setsid sleep 1001 & sleep 1002; sleep 1003",
            )],
        )]));
        let (star, id, tree) = spread(&world);
        for _ in 0..times {
            signal("INT", star.id());
            // Signals of one kind that wait are one.
            std::thread::sleep(std::time::Duration::from_millis(30));
        }
        let run = finish(star, None);
        assert_eq!(run.code, Some(130), "{run:?}");
        eventually("the tree is gone", || tree.iter().all(|p| !p.lives()) && inhabitants(&world).is_empty());
        check_whole(&world, &id);
        let run = world.run("ace", &["resume", &id]);
        assert_eq!(run.code, Some(130), "it says how the turn ended: {run:?}");
        assert!(world.log(&id).iter().any(|l| l["type"] == "turn.cancelled"));
    }
}

/// Begins to answer and falls silent at the first request, and answers all others.
fn thoughtful() -> Server {
    let asked = AtomicUsize::new(0);
    Server::by(move |_| match asked.fetch_add(1, Ordering::SeqCst) {
        0 => Reply::Hang("half a thought"),
        _ => Reply::Text("a whole answer"),
    })
}

/// A session whose model has begun to answer.
fn thinking(world: &World) -> (Child, String) {
    let star = world.command("ace", &["run", "--mode", "auto", "think"]).spawn().unwrap();
    let sessions = world.ace_home().join("sessions");
    eventually("the answer has begun", || {
        crate::suite::folders(&sessions)
            .first()
            .and_then(|id| std::fs::read_to_string(sessions.join(id).join("live.jsonl")).ok())
            .is_some_and(|live| live.contains("half a thought"))
    });
    (star, crate::suite::folders(&sessions)[0].clone())
}

#[track_caller]
fn check_cancelled(world: &World, id: &str, run: &Run) {
    assert_eq!(run.code, Some(130), "{run:?}");
    let log = world.log(id);
    let kept = log.iter().find(|l| l["type"] == "model.failed").unwrap();
    assert_eq!((&kept["data"]["code"], &kept["data"]["text"]), (&"cancelled".into(), &"half a thought".into()));
    assert!(log.iter().any(|l| l["type"] == "turn.cancelled"));
    eventually("nobody is left", || inhabitants(world).is_empty() && world.model.as_ref().unwrap().open() == 0);
    let _ = world.run("ace", &["say", id, "go on"]).done();
    let run = world.run("ace", &["resume", id]);
    assert_eq!((run.code, run.stdout.as_str()), (Some(0), "a whole answer\n"), "{run:?}");
    let bodies = world.model.as_ref().unwrap().bodies();
    assert!(bodies.last().unwrap().contains("half a thought"), "what was said is kept: {bodies:?}");
    check_whole(world, id);
}

#[test]
fn an_interrupt_keeps_the_partial_answer_and_the_session_goes_on() {
    let world = world(thoughtful());
    let (star, id) = thinking(&world);
    signal("INT", star.id());
    let run = finish(star, None);
    check_cancelled(&world, &id, &run);
}

#[test]
fn a_cancel_from_elsewhere_does_the_same() {
    let world = world(thoughtful());
    let (star, id) = thinking(&world);
    let _ = world.run("ace", &["cancel", &id]).done();
    let run = finish(star, None);
    let again = world.run("ace", &["cancel", &id]);
    let _ = again.fails(1, &["no turn runs"]);
    check_cancelled(&world, &id, &run);
}

#[test]
fn an_interrupt_of_the_one_who_watches_stops_the_turn_too() {
    let world = world(thoughtful());
    let (star, id) = thinking(&world);
    let watcher = world.command("ace-session", &["run", &id]).spawn().unwrap();
    eventually("it listens to signals", || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", watcher.id())).unwrap_or_default();
        let caught = status.lines().find_map(|l| l.strip_prefix("SigCgt:"));
        caught.is_some_and(|mask| u64::from_str_radix(mask.trim(), 16).unwrap() & 2 != 0)
    });
    signal("INT", watcher.id());
    let watched = finish(watcher, None);
    assert_eq!(watched.code, Some(130), "{watched:?}");
    let run = finish(star, None);
    check_cancelled(&world, &id, &run);
}

#[test]
fn the_second_interrupt_does_not_wait_for_one_who_does_not_listen() {
    let world = world(spreading());
    let (star, id, tree) = spread(&world);
    let broker = tree.iter().find(|p| p.words().contains("ace-tool --drafts-only")).unwrap();
    signal("STOP", broker.pid);
    signal("INT", star.id());
    eventually("the order is recorded", || world.types(&id).iter().any(|t| t == "turn.cancelled"));
    signal("INT", star.id());
    let run = finish(star, None);
    assert_eq!(run.code, Some(130), "{run:?}");
    eventually("the tree is gone", || tree.iter().all(|p| !p.lives()) && inhabitants(&world).is_empty());
    // What it left open is closed by the next one.
    let run = world.run("ace", &["resume", &id]);
    assert_eq!(run.code, Some(130), "it says how the turn ended: {run:?}");
    assert_eq!(outcome(&world.log(&id), "step-0"), "interrupted");
    check_whole(&world, &id);
}
