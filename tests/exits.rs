//! One test an exit code, with the programs as a script would meet them; and the last record says the same.

use crate::run::calls_then;
use crate::server::{Reply, Server};
use crate::suite::World;

fn talking() -> World {
    World::with_model(Server::start(vec![Reply::Text("ok")])).repository(&[])
}

fn http(status: &str) -> Server {
    Server::start(vec![Reply::Http(format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"))])
}

/// Runs `ace run go`; its exit, and the type and code of the last record.
#[track_caller]
fn ends(world: &World, exit: i32, ty: &str, code: &str) {
    let run = world.run("ace", &["run", "-q", "go"]);
    assert_eq!(run.code, Some(exit), "{run:?}");
    assert_eq!(run.stderr.is_empty(), exit == 0, "a word for each failure, none for success: {}", run.stderr);
    let log = world.log("@only");
    let last = log.last().unwrap();
    assert_eq!((last["type"].as_str(), last["data"]["code"].as_str().unwrap_or("")), (Some(ty), code), "{last}");
}

#[test]
fn e0_done() {
    ends(&talking(), 0, "turn.completed", "");
}

#[test]
fn e1_a_truthful_no() {
    ends(&World::with_model(http("400 Bad Request")).repository(&[]), 1, "turn.failed", "refused");
}

#[test]
fn e2_wrong_usage() {
    let world = talking();
    for line in [
        "ace run --frob x",
        "ace frob",
        "ace show nosuch",
        "ace-log append",
        "ace-permit allow x",
        "ace run --mode wild x",
    ] {
        let run = world.sh(line).fails(2, &[]);
        assert!(run.stdout.is_empty() && (1..=2).contains(&run.stderr.lines().count()), "{line}: {run:?}");
    }
    assert!(world.sessions().is_empty());
}

#[test]
fn e3_nobody_to_ask() {
    ends(&World::with_model(calls_then("touch x", "ok")).repository(&[]), 3, "permission.requested", "");
}

#[test]
fn e4_a_limit() {
    let world = World::with_model(calls_then("true", "ok")).repository(&[]);
    world.config(&std::fs::read_to_string(world.config_file()).unwrap().replacen('\n', "\nmode = \"auto\"\n", 1));
    world.add_config("[limits]\nanswers = 1\n");
    ends(&world, 4, "turn.failed", "limit");
}

#[test]
fn e65_not_events_and_damage() {
    let world = talking();
    let _ = world.sh("echo nonsense | ace-model").fails(65, &["line 1 of the input is "]);
    let _ = world.sh("echo nonsense | ace-log text").fails(65, &["line 1 of the input is "]);
}

#[test]
fn e69_out_of_reach() {
    let world = World::new().repository(&[]);
    world.config(
        "model = \"local/m\"\n[providers.local]\nwire = \"openai-chat\"\nbase_url = \"http://127.0.0.1:9/v1\"\n",
    );
    ends(&world, 69, "turn.failed", "unreachable");
}

#[test]
fn e74_reading_or_writing_failed() {
    let world = talking();
    let _ = world.run("ace", &["run", "-q", "go"]).ok();
    for line in [
        "ace-log cat @last",
        "ace-log show @last",
        "ace ls",
        "ace show @last",
        "ace run -q go",
        "ace run --json go",
        "ace -h",
    ] {
        let run = world.sh(&format!("{line} > /dev/full")).fails(74, &["no space left on device"]);
        assert_eq!(run.stderr.lines().count(), 1, "{line}: {run:?}");
    }
}

#[test]
fn e75_busy() {
    let world = World::with_model(Server::start(vec![Reply::Hang("wait")])).repository(&[]);
    let mut child = world.command("ace", &["run", "go"]).spawn().unwrap();
    crate::suite::eventually("it runs", || {
        world.sessions().len() == 1 && world.types("@only").iter().any(|t| t == "model.requested")
    });
    let _ = world.run("ace-worktree", &["remove", "go"]).fails(75, &["ace-worktree: 'go' runs", "hint: ace cancel go"]);
    assert!(world.place("@only").exists());
    let _ = world.run("ace", &["cancel", "go"]).ok();
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[test]
fn e77_no_key_and_a_refused_one() {
    ends(&World::with_model(http("401 Unauthorized")).repository(&[]), 77, "turn.failed", "credentials");
}

#[test]
fn e78_configuration() {
    ends(&World::with_model(http("404 Not Found")).repository(&[]), 78, "turn.failed", "config");
    let world = World::new();
    let run = world.run("ace", &["run", "go"]).fails(78, &["ace: no model: ", "hint: export OPENAI_API_KEY"]);
    assert!(world.sessions().is_empty() && run.stdout.is_empty());
}

#[test]
fn e130_cancelled_from_elsewhere() {
    let world = World::with_model(Server::start(vec![Reply::Hang("Once")])).repository(&[]);
    let child = world.command("ace", &["run", "go"]).spawn().unwrap();
    crate::suite::eventually("the model is asked", || {
        world.sessions().len() == 1 && world.types("@only").iter().any(|t| t == "model.requested")
    });
    assert_eq!(world.run("ace-session", &["cancel", "go"]).ok(), "");
    let run = crate::suite::finish(child, None);
    assert_eq!((run.code, run.stdout.as_str()), (Some(130), ""), "{run:?}");
    let log = world.log("@only");
    assert!(log.iter().any(|l| l["type"] == "turn.cancelled" && l["data"]["who"] == "tester"));
    let _ = world.run("ace-session", &["cancel", "go"]).fails(1, &["ace-session: no turn runs in 'go'"]);
}

#[test]
fn e141_a_reader_that_went() {
    let world = talking();
    let _ = world.run("ace", &["run", "-q", "go"]).ok();
    let run = world.bash("ace-log follow @last | head -1 > /dev/null");
    assert_eq!((run.code, run.stderr.as_str()), (Some(141), ""));
}
