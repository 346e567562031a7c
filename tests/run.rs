//! The main job: `ace run` against a model over real HTTP, in a real repository.

use crate::server::{Reply, Server};
use crate::suite::World;

/// Arguments of a shell call.
pub fn shell(command: &str) -> (&'static str, String) {
    ("shell", serde_json::json!({ "command": command }).to_string())
}

#[test]
fn it_works_on_a_branch_of_its_own_and_prints_the_answer_alone() {
    let model = Server::start(vec![
        Reply::Calls("Looking.", vec![shell("printf step >> steps.txt; cat hello.txt")]),
        Reply::Text("All is well."),
    ]);
    let world = World::with_model(model).repository(&[("hello.txt", "hello\n")]);
    let run = world.run("ace", &["run", "--mode", "auto", "say hello"]).done();
    assert_eq!(run.stdout, "All is well.\n");
    assert!(run.stderr.contains("ace: done in"), "{}", run.stderr);
    assert!(!world.project().join("steps.txt").exists(), "the user's own tree is left alone");
    let created = &world.log("@only")[0]["data"];
    assert_eq!(created["worktree"]["branch"], "ace/say-hello");
    let steps = std::path::Path::new(created["cwd"].as_str().unwrap()).join("steps.txt");
    assert_eq!(std::fs::read_to_string(steps).unwrap(), "step");
    let bodies = world.model.as_ref().unwrap().bodies();
    assert_eq!(bodies.len(), 2);
    assert!(bodies[1].contains(r#""role":"tool""#) && bodies[1].contains("hello"), "{}", bodies[1]);
}

#[test]
fn the_same_session_twice_gives_the_same_request_bytes() {
    let bodies = || {
        let model =
            Server::start(vec![Reply::Calls("", vec![shell("echo one"), shell("echo two")]), Reply::Text("done")]);
        let world = World::with_model(model).repository(&[("AGENTS.md", "be brief\n")]);
        let _ = world.run("ace", &["run", "--mode", "auto", "twice"]).done();
        world.model.as_ref().unwrap().bodies()
    };
    let (first, second) = (bodies(), bodies());
    assert_eq!(first.len(), 2);
    assert!(first[0].contains("be brief"));
    assert_eq!(first, second);
}
