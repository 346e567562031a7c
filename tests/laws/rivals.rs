//! Law 4 with rivals: two of every filter on one session, each joined by itself. Every call has exactly one effect, every context
//! exactly one request, and the session finishes.

use crate::server::{Reply, Server};
use crate::suite::{World, eventually};
use std::process::{Child, Stdio};

/// Rounds of tool calls; `ACE_ROUNDS` raises it.
fn rounds() -> usize {
    std::env::var("ACE_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(6)
}

/// Filters joined to a session by hand; they go with the test.
struct Joined(Vec<Child>);

impl Drop for Joined {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

const ROLES: [&[&str]; 4] = [&["ace-session", "step"], &["ace-model"], &["ace-permit"], &["ace-tool"]];

/// Joins so many of each role.
fn join(world: &World, id: &str, counts: [usize; 4]) -> Joined {
    let mut all = Vec::new();
    for (role, count) in ROLES.iter().zip(counts) {
        for _ in 0..count {
            let args = [&["join", id, "--"], *role, &["--drafts-only"]].concat();
            let quiet = || Stdio::null();
            all.push(world.command("ace-log", &args).stdout(quiet()).stderr(quiet()).spawn().unwrap());
        }
    }
    Joined(all)
}

/// Takes a session through all rounds with these rivals, in this mode; `meanwhile` may answer what is asked.
fn compete(counts: [usize; 4], mode: &str, meanwhile: impl Fn(&World, &str)) {
    let last = rounds();
    let server = Server::by(move |answers| match answers {
        n if n < last => Reply::Calls(
            "",
            (0..2)
                .map(|c| ("shell", serde_json::json!({"command": format!("echo {n}.{c} >> effects")}).to_string()))
                .collect(),
        ),
        _ => Reply::Text("over"),
    });
    let world = World::with_model(server);
    let made = world.run("ace-session", &["new", "--mode", mode, "--no-worktree", "--unsandboxed", "compete"]).done();
    let id = made.stdout.trim().to_owned();
    let joined = join(&world, &id, counts);
    eventually("the session finishes", || {
        meanwhile(&world, &id);
        world.types(&id).iter().any(|t| t == "turn.completed")
    });
    drop(joined);
    let effects = std::fs::read_to_string(world.project().join("effects")).unwrap();
    let wanted: String = (0..last).map(|n| format!("{n}.0\n{n}.1\n")).collect();
    assert_eq!(effects, wanted, "{counts:?}: each call once, in order");
    assert_eq!(world.model.as_ref().unwrap().bodies().len(), last + 1, "{counts:?}: each context asked once");
    let types = world.types(&id);
    let count = |ty: &str| types.iter().filter(|t| *t == ty).count();
    for (ty, wanted) in [
        ("turn.started", 1),
        ("context.built", last + 1),
        ("model.completed", last + 1),
        ("permission.resolved", 2 * last),
        ("tool.completed", 2 * last),
        ("turn.completed", 1),
        ("permission.requested", if mode == "ask" { 2 * last } else { 0 }),
    ] {
        assert_eq!(count(ty), wanted, "{counts:?}: {ty} in {types:?}");
    }
    let _ = world.run("ace-log", &["verify", &id]).done();
}

#[test]
fn two_steps_take_each_turn_once() {
    compete([2, 1, 1, 1], "auto", |_, _| {});
}

#[test]
fn two_models_ask_each_context_once() {
    compete([1, 2, 1, 1], "auto", |_, _| {});
}

#[test]
fn two_deciders_decide_each_call_once() {
    compete([1, 1, 2, 1], "auto", |_, _| {});
}

#[test]
fn two_tools_run_each_call_once() {
    compete([1, 1, 1, 2], "auto", |_, _| {});
}

#[test]
fn two_of_everybody_do_everything_once() {
    compete([2, 2, 2, 2], "auto", |_, _| {});
}

/// Two deciders ask once, and two answers are one decision.
#[test]
fn a_person_is_asked_once() {
    let answer = |world: &World, id: &str| {
        let lines = world.log(id);
        let is_open = |ask: &&serde_json::Value| {
            !lines.iter().any(|l| l["type"] == "permission.resolved" && l["cause"] == ask["cause"])
        };
        for ask in lines.iter().filter(|l| l["type"] == "permission.requested").filter(is_open) {
            let call = ask["cause"].as_str().unwrap();
            // Whoever comes second is told so; here both say the same.
            let _ = world.run("ace-permit", &["allow", id, call]).code;
            let _ = world.run("ace-permit", &["deny", id, call]).fails(1, &[]);
        }
    };
    compete([1, 1, 2, 1], "ask", answer);
}
