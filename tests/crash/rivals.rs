//! Rivals: several stars on one session, and several filters for one role.

use super::*;
use crate::suite::{eventually, finish};
use std::fs;
use std::time::Duration;

/// One step that waits until the file `go` is there.
fn waiting_step() -> Server {
    Server::start(vec![
        Reply::Calls("", vec![shell("until [ -e go ]; do sleep 0.05; done; echo step-0 >> steps.txt")]),
        Reply::Text("all is done"),
    ])
}

fn has(world: &World, session: &str, ty: &str) -> bool {
    world.types(session).iter().any(|t| t == ty)
}

/// The process has the session open.
fn reads(child: &Child, session: &str) -> bool {
    fs::read_to_string(format!("/proc/{}/maps", child.id())).is_ok_and(|maps| maps.contains(&format!("{session}/bell")))
}

fn last_pen(world: &World, session: &str) -> String {
    fs::read_to_string(world.log_file(session).with_file_name("pens").join("last")).unwrap_or_default()
}

#[test]
fn f04_the_second_runner_watches_and_takes_over() {
    let world = world(waiting_step());
    let id = session(&world);
    let run = || world.command("ace-session", &["run", &id]).spawn().unwrap();
    let first = run();
    eventually("the step has begun", || has(&world, &id, "tool.started"));
    let pens = last_pen(&world, &id);
    let second = run();
    eventually("the second watches", || reads(&second, &id));
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(descendants(second.id()), [], "it starts no filters");
    assert_eq!(last_pen(&world, &id), pens);
    let tree = descendants(first.id());
    kill(first);
    eventually("the second leads", || has(&world, &id, "turn.completed"));
    let second = finish(second, None);
    assert_eq!((second.code, second.stdout.as_str()), (Some(0), "all is done\n"), "{second:?}");
    assert_eq!(outcome(&world.log(&id), "step-0"), "interrupted");
    eventually("the first one's filters are gone", || tree.iter().all(|p| !p.lives()));
    fs::write(place(&world, &id).join("go"), "").unwrap();
    assert_eq!(steps(&world, &id).len(), 0, "the first one's step was stopped");
    check_whole(&world, &id);
}

#[test]
fn f03_rival_starts_never_run_two() {
    let starts = number("ACE_RIVALS", 200);
    let world = world(stepping(1));
    let at_once = 8;
    for _ in 0..starts.div_ceil(at_once) {
        let id = session(&world);
        let all: Vec<Child> =
            (0..at_once).map(|_| world.command("ace-session", &["run", &id]).spawn().unwrap()).collect();
        for child in all {
            let run = finish(child, None);
            assert_eq!(run.code, Some(0), "{run:?}\n{}", brief(&world.log(&id)));
        }
        assert_eq!(check_steps(&world, &id, 1), 0);
        assert_eq!(last_pen(&world, &id), "5", "one star's four pens after the first: {}", brief(&world.log(&id)));
        let claims = world.types(&id).into_iter().filter(|t| t == "model.requested" || t == "tool.started").count();
        assert_eq!(claims, 3, "{}", brief(&world.log(&id)));
        check_whole(&world, &id);
    }
}

#[test]
fn e03_many_starts_beside_a_runner_leave_it_alone() {
    let starts = number("ACE_RIVALS", 200) / 4;
    let world = world(waiting_step());
    let id = session(&world);
    let runner = world.command("ace-session", &["run", &id]).spawn().unwrap();
    eventually("the step has begun", || has(&world, &id, "tool.started"));
    let pens = last_pen(&world, &id);
    for _ in 0..starts.div_ceil(10) {
        let rivals: Vec<Child> =
            (0..10).map(|_| world.command("ace-session", &["run", &id]).spawn().unwrap()).collect();
        for rival in &rivals {
            eventually("it watches", || reads(rival, &id));
        }
        for rival in rivals {
            assert_eq!(descendants(rival.id()), []);
            kill(rival);
        }
    }
    assert_eq!(last_pen(&world, &id), pens);
    fs::write(place(&world, &id).join("go"), "").unwrap();
    assert_eq!(finish(runner, None).code, Some(0));
    assert_eq!(check_steps(&world, &id, 1), 0);
    check_whole(&world, &id);
}

/// The four roles as one would join them.
const ROLES: [&[&str]; 4] = [&["ace-session", "step"], &["ace-model"], &["ace-permit"], &["ace-tool"]];

fn join(world: &World, session: &str, role: &[&str]) -> Child {
    let args = [&["join", session, "--"], role].concat();
    let mut command = world.command("ace-log", &args);
    command.stderr(std::process::Stdio::null()).spawn().unwrap()
}

#[test]
fn a_rival_for_every_role_changes_no_effect() {
    let n = 3;
    let world = world(stepping(n));
    for round in 0..number("ACE_RIVAL_ROUNDS", 4) {
        let id = session(&world);
        // Two rivals a role and the star; in every other round they are there first and may do it all.
        let mut rivals: Vec<Child> = Vec::new();
        let hire = |rivals: &mut Vec<Child>| rivals.extend(ROLES.iter().chain(&ROLES).map(|r| join(&world, &id, r)));
        if round % 2 == 0 {
            hire(&mut rivals);
        }
        let star = world.command("ace-session", &["run", &id]).spawn().unwrap();
        if round % 2 == 1 {
            hire(&mut rivals);
        }
        let run = finish(star, None);
        assert_eq!(run.code, Some(0), "{run:?}\n{}", brief(&world.log(&id)));
        assert_eq!(check_steps(&world, &id, n), 0, "nobody was killed");
        let log = world.log(&id);
        let ended = log.iter().filter(|l| l["type"] == "tool.completed").count();
        assert_eq!(ended, n, "{}", brief(&log));
        assert_eq!(canonical(&log).last().unwrap(), "turn.completed {}", "{}", brief(&log));
        for rival in rivals {
            let tree = descendants(rival.id());
            kill(rival);
            eventually("its filter goes with it", || tree.iter().all(|p| !p.lives()));
        }
        check_whole(&world, &id);
    }
}

#[test]
fn the_claim_of_a_rival_that_fell_is_closed_by_the_star() {
    let world = world(waiting_step());
    let id = session(&world);
    // Nobody but joined filters: the claim is the rival's.
    let rivals: Vec<Child> = ROLES.iter().map(|role| join(&world, &id, role)).collect();
    eventually("the rival runs the step", || has(&world, &id, "tool.started"));
    let star = world.command("ace-session", &["run", &id]).spawn().unwrap();
    eventually("the star is there", || descendants(star.id()).len() >= 4);
    let broker = descendants(rivals[3].id()).into_iter().find(|p| p.parent == rivals[3].id()).unwrap();
    signal("KILL", broker.pid);
    let run = finish(star, None);
    assert_eq!(run.code, Some(0), "{run:?}\n{}", brief(&world.log(&id)));
    assert_eq!(outcome(&world.log(&id), "step-0"), "interrupted");
    assert!(has(&world, &id, "pen.dropped"));
    rivals.into_iter().for_each(kill);
    check_whole(&world, &id);
}

#[test]
fn a_follower_from_the_middle_of_a_turn_waits_for_its_end() {
    let world = world(waiting_step());
    let id = session(&world);
    let star = world.command("ace-session", &["run", &id]).spawn().unwrap();
    eventually("the step has begun", || has(&world, &id, "tool.started"));
    let from = world.log(&id).iter().find(|l| l["type"] == "tool.started").unwrap()["seq"].clone();
    let follower = world.command("ace-log", &["follow", &format!("{id}@{from}"), "--until", "turn"]).spawn().unwrap();
    eventually("it follows", || reads(&follower, &id));
    std::thread::sleep(Duration::from_millis(100));
    fs::write(place(&world, &id).join("go"), "").unwrap();
    assert_eq!(finish(star, None).code, Some(0));
    let run = finish(follower, None).done();
    // The file is read here ahead of its sync; the follower may have said that it is live before it may hand that line on.
    let recorded = run.stdout.lines().find(|l| l.contains("\"seq\"")).unwrap();
    let first: Value = serde_json::from_str(recorded).unwrap();
    assert_eq!(first["seq"], from);
    assert!(run.stdout.contains("\"turn.completed\""), "{}", run.stdout);
}
