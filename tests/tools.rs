//! The tools in a session: real programs, the real sandbox, what is recorded.

use crate::run::shell;
use crate::server::{Reply, Server};
use crate::suite::World;
use serde_json::{Value, json};

/// A call of a tool.
fn call(tool: &'static str, args: &Value) -> (&'static str, String) {
    (tool, args.to_string())
}

/// The outcomes of one session that makes these calls, one an answer.
fn outcomes(world: &World) -> Vec<Value> {
    let done = |line: &Value| line["type"] == "tool.completed" || line["type"] == "tool.failed";
    world.log("@only").into_iter().filter(done).map(|line| line["data"].clone()).collect()
}

fn world(calls: Vec<(&'static str, String)>) -> World {
    let mut replies: Vec<Reply> = calls.into_iter().map(|call| Reply::Calls("", vec![call])).collect();
    replies.push(Reply::Text("done"));
    let world = World::with_model(Server::start(replies)).repository(&[("a.txt", "one\ntwo\n"), ("sub/b.txt", "b\n")]);
    let _ = world.run("ace", &["run", "--mode", "auto", "go"]).done();
    world
}

#[test]
fn a_patch_is_recorded_with_every_file_it_changes() {
    let text = "*** Begin Patch\n*** Update File: a.txt\n one\n-two\n+TWO\n*** Delete File: sub/b.txt\n*** End Patch\n";
    let world = world(vec![call("patch", &json!({"patch": text}))]);
    let outcome = &outcomes(&world)[0];
    assert_eq!(outcome["output"]["text"], "changed a.txt\ndeleted sub/b.txt\n");
    let changed: Vec<&str> =
        outcome["changed"].as_array().unwrap().iter().map(|change| change["path"].as_str().unwrap()).collect();
    assert_eq!(changed, ["a.txt", "sub/b.txt"]);
    let shown = world.run("ace", &["show", "@last"]).done();
    assert!(shown.stdout.contains("patch") && shown.stdout.contains("a.txt and 1 more"), "{}", shown.stdout);
}

#[test]
fn kept_shells_terminals_and_background_commands_work_in_the_sandbox() {
    let world = world(vec![
        call("shell", &json!({"command": "cd sub && export WORD=kept", "keep": true})),
        call("shell", &json!({"command": "basename \"$PWD\"; echo $WORD", "keep": true})),
        call("shell", &json!({"command": "test -t 1 && echo terminal", "terminal": true})),
        call("shell", &json!({"command": "read line; echo \"got $line\"", "background": true})),
        call("job", &json!({"id": "1", "input": "word\n", "wait_ms": 10_000})),
        shell("pwd; basename \"$PWD\""),
    ]);
    let outcomes = outcomes(&world);
    let told: Vec<&str> = outcomes.iter().map(|data| data["output"]["text"].as_str().unwrap_or("failed")).collect();
    assert!(told[0].ends_with("/sub]\n"), "{told:?}");
    assert_eq!(told[1], "sub\nkept\n", "{told:?}");
    assert_eq!(told[2], "terminal\n", "{told:?}");
    assert!(told[3].starts_with("[job 1 runs"), "{told:?}");
    assert_eq!(told[4], "got word\n[job 1 exit 0]\n");
    assert!(!told[5].ends_with("sub\n"));
    assert!(outcomes.iter().all(|data| data["sandbox"] == "workspace"), "{outcomes:?}");
}

#[test]
fn what_changed_is_told_since_the_turn_and_since_the_session() {
    let edit = |path: &str, content: &str| call("write", &json!({"path": path, "content": content}));
    let replies = vec![
        Reply::Calls("", vec![call("diff", &json!({}))]),
        Reply::Calls("", vec![edit("one.txt", "1\n")]),
        Reply::Text("first"),
        Reply::Calls("", vec![edit("two.txt", "2\n")]),
        Reply::Calls("", vec![call("diff", &json!({})), call("diff", &json!({"since": "session"}))]),
        Reply::Text("second"),
    ];
    for place in [vec!["run", "--mode", "auto", "go"], vec!["run", "--mode", "auto", "--no-worktree", "go"]] {
        let world = World::with_model(Server::start(replies.clone())).repository(&[("a.txt", "a\n")]);
        let _ = world.run("ace", &place).done();
        let _ = world.run("ace-session", &["say", "@last", "and on"]).done();
        let _ = world.run("ace-session", &["run", "@last"]).done();
        let told: Vec<String> = outcomes(&world)
            .iter()
            .filter_map(|data| data["output"]["text"].as_str())
            .filter(|text| text.starts_with('['))
            .map(str::to_owned)
            .collect();
        assert_eq!(told.len(), 3, "{told:?}");
        assert!(told[0].starts_with("[nothing has changed") || told[0].starts_with("[no call has written"), "{told:?}");
        assert!(told[1].starts_with("[changed since the turn began:]\ntwo.txt  +1 -0\n\n"), "{}", told[1]);
        assert!(told[1].contains("+2") && !told[1].contains("one.txt"), "{}", told[1]);
        assert!(
            told[2].starts_with("[changed since the session began:]\none.txt  +1 -0\ntwo.txt  +1 -0\n"),
            "{}",
            told[2]
        );
    }
    let replies = vec![Reply::Calls("", vec![call("diff", &json!({}))]), Reply::Text("so be it")];
    let world = World::with_model(Server::start(replies));
    std::fs::create_dir_all(world.project()).unwrap();
    let _ = world.run("ace", &["run", "--mode", "auto", "go"]).done();
    let failed = outcomes(&world).remove(0);
    assert!(failed["message"].as_str().unwrap().contains("outside git"), "{failed}");
}

#[test]
fn p63_a_background_command_does_not_outlive_its_session() {
    let world = world(vec![shell("true"), call("shell", &json!({"command": "sleep 4242", "background": true}))]);
    assert!(outcomes(&world)[1]["output"]["text"].as_str().unwrap().starts_with("[job 1 runs"));
    crate::suite::eventually("the command is gone", || {
        let running = std::process::Command::new("pgrep").args(["-f", "sleep 4242"]).output().unwrap();
        !running.status.success()
    });
}

#[test]
fn a_picture_is_a_blob_of_its_kind() {
    let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x02\0\0\0\x03\x08\x06\0\0\0";
    let replies = vec![Reply::Calls("", vec![call("read", &json!({"path": "p.png"}))]), Reply::Text("seen")];
    let world = World::with_model(Server::start(replies)).repository(&[("a.txt", "a\n")]);
    std::fs::write(world.project().join("p.png"), png).unwrap();
    world.git(&["add", "p.png"]);
    world.git(&["commit", "-qm", "a picture"]);
    let _ = world.run("ace", &["run", "--mode", "auto", "look"]).done();
    let output = &outcomes(&world)[0]["output"];
    assert_eq!(output["text"], "[PNG image 2x3, 29 bytes]\n");
    let image = &output["images"][0];
    assert_eq!((image["media"].as_str(), image["bytes"].as_u64()), (Some("image/png"), Some(29)));
    let sha = image["sha"].as_str().unwrap();
    let blob = crate::suite::find_file(&world.ace_home(), sha).unwrap();
    assert_eq!(std::fs::read(blob).unwrap(), png);
}

#[test]
fn f19_a_page_of_this_machine_is_refused_and_nobody_fetches_until_somebody_allows_it() {
    let inner = Server::start(vec![Reply::Text("never")]);
    let url = inner.url();
    let replies = vec![Reply::Calls("", vec![call("fetch", &json!({"url": url}))]), Reply::Text("so be it")];
    let world = World::with_model(Server::start(replies)).repository(&[("a.txt", "a\n")]);
    // The net is outside of every sandbox: also mode auto asks.
    let _ = world.run("ace", &["run", "--mode", "auto", "look it up"]).fails(3, &["fetch"]);
    let _ = world.run("ace-permit", &["allow", "@last", &format!("@{}", asked(&world))]).done();
    let _ = world.run("ace-session", &["run", "@last"]).done();
    let outcome = &outcomes(&world)[0];
    assert_eq!(outcome["code"], "refused", "{outcome}");
    assert!(outcome["message"].as_str().unwrap().contains("not of the public net"), "{outcome}");
    assert!(inner.bodies().is_empty());
    assert!(world.types("@only").contains(&"turn.completed".to_owned()));
    let pens: Vec<Value> = world.log("@only").into_iter().filter(|line| line["type"] == "tool.started").collect();
    assert_eq!(pens[0]["by"], "ace-fetch");
}

/// The record of the call that waits.
fn asked(world: &World) -> u64 {
    let mut calls = world.log("@only").into_iter().filter(|line| line["type"] == "model.tool_call_requested");
    calls.next_back().unwrap()["seq"].as_u64().unwrap()
}
