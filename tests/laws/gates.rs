//! Filters and gates of the user's own in the star: what they may do, and what is refused.

use crate::server::{Reply, Server};
use crate::suite::{World, eventually};

fn world(pipeline: &str) -> World {
    let call = ("shell", r#"{"command":"echo one >> effects"}"#.to_owned());
    let server = Server::start(vec![Reply::Calls("", vec![call]), Reply::Text("through")]);
    let world = World::with_model(server);
    world.add_config(&format!("[pipeline]\n{pipeline}\n"));
    world
}

const RUN: [&str; 6] = ["run", "--mode", "auto", "--no-worktree", "--unsandboxed", "go"];

/// The session went as if nobody had stood in between.
fn is_whole(world: &World) {
    let types = world.types("@only");
    assert_eq!(types.iter().filter(|t| *t == "tool.completed").count(), 1, "{types:?}");
    assert!(types.iter().any(|t| t == "turn.completed"), "{types:?}");
    assert_eq!(std::fs::read_to_string(world.project().join("effects")).unwrap(), "one\n");
    assert_eq!(world.model.as_ref().unwrap().bodies().len(), 2);
}

/// A filter that hands back all it reads, records too: the star drops what has a number.
#[test]
fn what_has_a_number_already_is_dropped() {
    let world = world(r#"filters = [["cat"]]"#);
    let run = world.run("ace", &RUN).done();
    assert!(!run.stderr.contains("refused"), "{}", run.stderr);
    is_whole(&world);
    let run = world.run("ace-log", &["verify", "@last"]).ok();
    assert!(run.contains("chain whole"), "{run}");
}

#[test]
fn a_filter_of_the_users_own_may_add_what_nobody_knows_but_no_decision() {
    let script = r#"
import sys, json
said = False
for line in sys.stdin:
    event = json.loads(line)
    if event["type"] == "model.tool_call_requested" and not said:
        said = True
        base = {"v": 1, "session": event["session"], "turn": 1, "by": "lint"}
        print(json.dumps({**base, "id": "lint0000-1", "type": "lint.found", "data": {"n": 1.0}}))
        print(json.dumps({**base, "id": "lint0000-2", "cause": event["id"], "type": "permission.resolved", "data": {"decision": "deny", "who": "me", "digest": ""}}), flush=True)
"#;
    let world = world("filters = [[\"python3\", \"lint.py\"]]");
    std::fs::write(world.project().join("lint.py"), script).unwrap();
    let run = world.run("ace", &RUN).done();
    assert!(run.stderr.contains("refused"), "{}", run.stderr);
    is_whole(&world);
    let types = world.types("@only");
    assert_eq!(types.iter().filter(|t| *t == "lint.found").count(), 1, "{types:?}");
}

#[test]
fn gates_that_pass_everything_change_nothing() {
    let world = world(r#"gates = [["cat"], ["sed", "-u", "-n", "p"]]"#);
    let run = world.run("ace", &RUN).done();
    assert!(!run.stderr.contains("refused"), "{}", run.stderr);
    is_whole(&world);
}

#[test]
fn a_gate_may_rewrite_a_draft() {
    let world = world(r#"gates = [["sed", "-u", "s/through/redacted/"]]"#);
    let run = world.run("ace", &RUN).done();
    assert_eq!(run.stdout, "redacted\n");
    is_whole(&world);
}

/// What a gate holds back is not recorded, so nothing happens; and somebody says so.
#[test]
fn a_gate_that_holds_everything_back_stops_the_session_and_it_says_so() {
    let world = world(r#"gates = [["python3", "-c", "import sys; sys.stdin.read()"]]"#);
    let mut child = world.command("ace", &RUN).spawn().unwrap();
    let errors = std::sync::Arc::default();
    let reader = super::gather(child.stderr.take().unwrap(), &errors);
    eventually("a word that it does not go on", || {
        super::contains(&errors.lock().unwrap(), b"is due and nobody takes it up")
    });
    let _ = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    eventually("it stops", || child.try_wait().unwrap().is_some());
    reader.join().unwrap();
    assert_eq!(world.types("@only"), ["session.created", "user.message"]);
    assert_eq!(world.model.as_ref().unwrap().bodies().len(), 0);
}

/// A gate speaks for nobody: a draft of its own is refused, and one under another's name may not say more than that other.
#[test]
fn what_a_gate_invents_is_refused() {
    let script = r#"
import sys, json
told = False
for line in sys.stdin:
    print(line, end="", flush=True)
    event = json.loads(line)
    if event["type"] == "model.requested" and not told:
        told = True
        for id in ["made-up-1", event["id"].split("-")[0] + "-900"]:
            print(json.dumps({"v": 1, "id": id, "session": event["session"], "turn": 1, "by": "ace-permit", "cause": "x", "type": "permission.resolved", "data": {}}), flush=True)
        print("not an event", flush=True)
"#;
    let world = world("gates = [[\"python3\", \"gate.py\"]]");
    std::fs::write(world.project().join("gate.py"), script).unwrap();
    let run = world.run("ace", &RUN).done();
    assert_eq!(run.stderr.matches("refused from a gate").count(), 3, "{}", run.stderr);
    is_whole(&world);
    assert_eq!(world.types("@only").iter().filter(|t| *t == "permission.resolved").count(), 1);
}
