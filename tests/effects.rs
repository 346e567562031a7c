//! Approving the effect of a call: it is run in a copy, seen, and adopted as it was seen; nothing is run twice.

use crate::run::{calls_then, shell};
use crate::server::{Reply, Server};
use crate::suite::{World, eventually, folders};
use serde_json::{Value, json};

/// A command that never does the same twice.
const ODD: &str = "cat /proc/sys/kernel/random/uuid | tee made; echo line >> file";

/// The rule of a person who wants to see what commands do.
const SEEN: &str = "[[rule]]\nid = 'seen'\ntool = 'shell'\ndecision = 'ask'\neffect = true\n";

fn world(model: Server) -> World {
    World::with_model(model).repository(&[("file", "old\n"), (".gitignore", "built\n")])
}

fn line_of(world: &World, ty: &str) -> String {
    format!("@{}", world.log("@only").iter().rposition(|l| l["type"] == ty).unwrap() + 1)
}

fn count(world: &World, ty: &str) -> usize {
    world.types("@only").iter().filter(|t| *t == ty).count()
}

/// A session whose one call waits and was tried, by the rule.
fn tried(command: &str) -> World {
    let world = world(calls_then(command, "ok"));
    std::fs::write(world.path("rules.toml"), SEEN).unwrap();
    let _ = world.run("ace", &["run", "--name", "go", "go"]).fails(3, &["tried in a copy"]);
    assert_eq!(count(&world, "effect.completed"), 1, "{:?}", world.types("@only"));
    world
}

#[test]
fn what_a_rule_asks_about_is_seen_first_and_a_yes_adopts_exactly_that() {
    let world = tried(ODD);
    let place = world.place("@only");
    assert!(!place.join("made").exists(), "nothing has changed");
    assert_eq!(std::fs::read_to_string(place.join("file")).unwrap(), "old\n");
    let seen = world.last("@only", "effect.completed");
    let outcome = &seen["outcome"];
    assert_eq!((&outcome["exit"], &outcome["sandbox"]), (&0.into(), &"workspace".into()), "{seen}");
    let word = outcome["output"]["text"].as_str().unwrap();
    assert!(outcome["patch"].as_str().unwrap().contains(&format!("+{word}")), "{outcome}");
    let _ = world.run("ace-permit", &["allow", "go", &line_of(&world, "effect.completed")]).ok();
    assert_eq!(world.run("ace", &["resume", "go"]).done().stdout, "ok\n");
    let done = world.last("@only", "tool.completed");
    assert_eq!(done, *outcome, "the call is what was seen of it");
    assert_eq!(std::fs::read_to_string(place.join("made")).unwrap(), word);
    assert_eq!(std::fs::read_to_string(place.join("file")).unwrap(), "old\nline\n");
    assert!(world.model.as_ref().unwrap().bodies()[1].contains(word.trim()), "the model reads it");
    assert_eq!(folders(&world.ace_home().join("trials")).len(), 0, "the copy is gone");
    let _ = world.run("ace-log", &["verify", "@last"]).ok();
}

#[test]
fn a_no_drops_it() {
    let world = tried(ODD);
    let _ = world.run("ace-permit", &["deny", "go", &line_of(&world, "effect.completed")]).ok();
    assert_eq!(world.run("ace", &["resume", "go"]).done().stdout, "ok\n");
    assert!(!world.place("@only").join("made").exists());
    assert_eq!(count(&world, "tool.started"), 0);
}

#[test]
fn a_person_has_a_call_tried_from_another_terminal() {
    let edit = ("edit", json!({"path": "file", "old": "old", "new": "new"}).to_string());
    let model = Server::start(vec![Reply::Calls("", vec![edit]), Reply::Text("ok")]);
    let world = world(model);
    let _ = world.run("ace", &["run", "--name", "go", "go"]).fails(3, &[]);
    let asked = line_of(&world, "permission.requested");
    let _ = world.run("ace-permit", &["effect", "go", &asked]).ok();
    let _ = world.run("ace", &["resume", "go"]).fails(3, &[]);
    let seen = world.last("@only", "effect.completed");
    assert!(seen["outcome"]["patch"].as_str().unwrap().contains("+new"), "{seen}");
    assert_eq!(world.last("@only", "effect.requested")["who"], "tester");
    let _ = world.run("ace-permit", &["allow", "go", &asked]).ok();
    let _ = world.run("ace", &["resume", "go"]).done();
    assert_eq!(std::fs::read_to_string(world.place("@only").join("file")).unwrap(), "new\n");
    let _ = world.run("ace-permit", &["effect", "go", &asked]).fails(1, &["was answered before"]);
}

#[test]
fn files_that_changed_since_are_not_overwritten() {
    let world = tried(ODD);
    let file = world.place("@only").join("file");
    std::fs::write(&file, "mine\n").unwrap();
    let _ = world.run("ace-permit", &["allow", "go", &line_of(&world, "effect.completed")]).ok();
    let _ = world.run("ace", &["resume", "go"]).done();
    let failed = world.last("@only", "tool.failed");
    assert!(failed["message"].as_str().unwrap().contains("files have changed since it was tried"), "{failed}");
    assert_eq!(std::fs::read_to_string(file).unwrap(), "mine\n");
    assert!(!world.place("@only").join("made").exists());
}

#[test]
fn the_copy_has_no_network_commits_nothing_and_leaves_nothing_outside_of_it() {
    let probe = "git commit -qam x && echo COMMITTED; (exec 3<>/dev/tcp/1.1.1.1/53) 2>/dev/null && echo NET; \
                 echo x > \"$OLD/planted\"; mkdir -p built && echo y > built/x; echo ran";
    let world = world(calls_then(&probe.replace("$OLD", "/var/tmp"), "ok"));
    std::fs::write(world.path("rules.toml"), SEEN).unwrap();
    let _ = world.run("ace", &["run", "--name", "go", "go"]).fails(3, &[]);
    let seen = world.last("@only", "effect.completed");
    let text = seen["outcome"]["output"]["text"].as_str().unwrap();
    assert!(text.contains("ran") && !text.contains("COMMITTED") && !text.contains("NET"), "{seen}");
    assert!(seen["outcome"].get("changed").is_none(), "what is ignored is no part of it: {seen}");
    assert_eq!(world.git(&["log", "--oneline", "--all"]).lines().count(), 1);
}

#[test]
fn a_crash_while_it_is_tried_changes_nothing_and_asks_as_before() {
    let world = world(calls_then("echo x > made; sleep 300", "ok"));
    std::fs::write(world.path("rules.toml"), SEEN).unwrap();
    let mut child = world.command("ace", &["run", "--name", "go", "go"]).spawn().unwrap();
    let trials = world.ace_home().join("trials");
    let runs = || folders(&trials).iter().any(|f| trials.join(f).join("tree/made").exists());
    eventually("it is tried", || trials.exists() && runs());
    child.kill().unwrap();
    child.wait().unwrap();
    let _ = world.run("ace", &["resume", "go"]).fails(3, &["whoever tried it is gone"]);
    assert_eq!(world.last("@only", "effect.failed")["code"], "interrupted");
    assert!(!world.place("@only").join("made").exists());
    assert_eq!(count(&world, "effect.started"), 1, "it is not tried again by itself");
    let _ = world.run("ace-permit", &["deny", "go", &line_of(&world, "permission.requested")]).ok();
    let _ = world.run("ace", &["resume", "go"]).done();
}

#[test]
fn an_answer_while_it_is_tried_ends_the_trial() {
    let world = world(calls_then("echo x > made; sleep 300", "ok"));
    std::fs::write(world.path("rules.toml"), SEEN).unwrap();
    let child = world.command("ace", &["run", "--name", "go", "go"]).spawn().unwrap();
    eventually("it is tried", || world.sessions().first().is_some_and(|_| count(&world, "effect.started") == 1));
    let _ = world.run("ace-permit", &["deny", "go", &line_of(&world, "permission.requested")]).ok();
    assert_eq!(crate::suite::finish(child, None).code, Some(0));
    assert_eq!(world.last("@only", "effect.failed")["code"], "cancelled");
}

#[test]
fn a27_a_repository_has_nothing_run_before_it_is_approved() {
    let model = Server::start(vec![Reply::Calls("", vec![shell("touch made")]), Reply::Text("ok")]);
    let world = World::with_model(model).repository(&[(".ace/rules.toml", SEEN)]);
    let _ = world.run("ace", &["run", "--name", "go", "go"]).fails(3, &[]);
    let asked: Value = world.last("@only", "permission.requested");
    assert_eq!((&asked["rule"], asked.get("effect")), (&"seen".into(), None), "{asked}");
    assert_eq!(count(&world, "effect.started"), 0);
}
