//! Sessions recorded from a provider over real HTTP and played again; and what `ace-model` says about models.

use crate::run::shell;
use crate::server::{Reply, Server};
use crate::suite::World;
use serde_json::{Value, json};

/// Two calls, then an answer with characters of several bytes.
fn script() -> Vec<Reply> {
    vec![
        Reply::Calls("Looking around. ", vec![shell("echo one"), shell("cat file")]),
        Reply::Calls("", vec![shell("echo two >> file; cat file")]),
        Reply::Text("Größe: 3 → 4, 日本語 ✓ done"),
    ]
}

fn fixed(model: Server) -> World {
    let mut world = World::with_model(model).repository(&[("file", "old\n")]);
    for (name, value) in [("ACE_SEED", "7"), ("ACE_CLOCK", "1795156860000"), ("ACE_PACE", "0")] {
        world.env.push((name, value.to_owned()));
    }
    world
}

/// What a session's lines say, without the chain, which hashes the model's name, and without what a recording costs.
fn told(world: &World, session: &str) -> Vec<Value> {
    let mut lines = world.log(session);
    for line in &mut lines {
        let map = line.as_object_mut().unwrap();
        for field in ["prev", "session", "seq", "ts", "pen"] {
            map.remove(field);
        }
        if let Some(data) = map["data"].as_object_mut() {
            for field in ["model", "cost", "prices", "config", "name", "worktree", "cwd", "repository"] {
                data.remove(field);
            }
            // Whose answer it was, before what its wire says.
            for field in ["wire", "provider", "model"] {
                data.get_mut("_meta").and_then(Value::as_object_mut).map(|meta| meta.remove(field));
            }
        }
    }
    // Who comes first among those that start together is nobody's to say.
    lines.sort_by_key(|line| (line["turn"].as_u64(), line["id"].as_str().unwrap().to_owned()));
    lines
}

#[test]
fn a_recorded_session_plays_as_the_same_lines() {
    let world = fixed(Server::start(script()));
    let args = ["run", "--mode", "auto", "--name", "live", "--record", "tape", "look around"];
    let live = world.run("ace", &args).done();
    assert_eq!(live.stdout, "Größe: 3 → 4, 日本語 ✓ done\n");
    let tape = std::fs::read_to_string(world.project().join("tape/cassette.jsonl")).unwrap();
    assert!(!tape.contains("sk-test"), "no key is in a recording");
    assert!(tape.contains("data: {") && tape.contains("\"wire\":\"openai-chat\""), "{tape}");
    let asked = world.model.as_ref().unwrap().heads().len();
    let first = told(&world, &world.sessions()[0]);

    for _ in 0..2 {
        let args = ["run", "--mode", "auto", "--name", "live", "-m", "recorded/tape", "look around"];
        let mut again = World::new().repository(&[("file", "old\n")]);
        again.env.clone_from(&world.env);
        let _ = again.sh(&format!("cp -r {} .", world.project().join("tape").display())).ok();
        let played = again.run("ace", &args).done();
        assert_eq!(played.stdout, live.stdout);
        let second = told(&again, "@only");
        for (a, b) in first.iter().zip(&second) {
            assert_eq!(a, b);
        }
        assert_eq!(first.len(), second.len());
    }
    assert_eq!(world.model.as_ref().unwrap().heads().len(), asked, "nobody was asked again");
}

#[test]
fn a_failure_is_part_of_a_recording() {
    let body = r#"{"error":{"message":"too odd"}}"#;
    let refused = Reply::Http(format!(
        "HTTP/1.1 400 Bad Request\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    ));
    let half = "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Half of\"},\"finish_reason\":null}]}\n\n";
    for (reply, says) in
        [(refused, "'test' refused the request (400): too odd"), (Reply::Raw(half.to_owned()), "'test' was cut off")]
    {
        let world = World::with_model(Server::start(vec![reply])).repository(&[]);
        let _ = world.run("ace", &["run", "--name", "live", "--record", "tape", "go"]).fails(1, &[says]);
        let live = world.last("@only", "model.failed");
        let _ = world.run("ace", &["run", "--name", "played", "-m", "recorded/tape", "go"]).fails(1, &[says]);
        let sessions = world.sessions();
        let played = sessions.iter().find(|s| world.created(s)["name"] == "played").unwrap();
        // What it took is billed where it was asked, and costs nothing where it is played.
        let again = world.last(played, "model.failed");
        for field in ["code", "message", "hint", "text"] {
            assert_eq!(again[field], live[field], "{field}: {again}");
        }
        assert!(live["cost"].is_null() && (again["usage"].is_null() || again["cost"] == 0), "{again}");
    }
}

#[test]
fn a_folder_that_holds_another_recording_is_not_written_over() {
    let world = World::with_model(Server::start(vec![Reply::Text("First.")])).repository(&[]);
    let _ = world.run("ace", &["run", "--record", "tape", "go"]).done();
    let before = std::fs::read(world.project().join("tape/cassette.jsonl")).unwrap();
    let _ = world.run("ace", &["run", "--record", "tape", "go"]).fails(78, &["record into another folder"]);
    assert_eq!(std::fs::read(world.project().join("tape/cassette.jsonl")).unwrap(), before);
    let run = world.run("ace", &["ask", "-m", "recorded/tape", "anything"]).ok();
    assert_eq!(run, "First.\n");
}

#[test]
fn one_answer_is_recorded_in_a_plain_pipe_too() {
    let world = World::with_model(Server::start(vec![Reply::Text("Looks good.")])).repository(&[("file", "x\n")]);
    assert_eq!(world.sh("echo diff | ace ask --record tape 'review this'").ok(), "Looks good.\n");
    assert_eq!(world.sh("echo diff | ace ask -m recorded/tape 'review this'").ok(), "Looks good.\n");
    let line = world.run("ace", &["-x", "ask", "-m", "recorded/tape/", "review this"]).ok();
    assert_eq!(line, "ace-session once --model=recorded/tape/ 'review this' | ace-model --play=tape/ | ace-log text\n");
    assert_eq!(world.sh(&line).ok(), "Looks good.\n");
}

#[test]
fn the_list_says_which_providers_have_a_key_and_which_model_is_taken() {
    let world = World::with_model(Server::start(vec![Reply::Text("ok")]));
    let text = world.run("ace-model", &["list"]).ok();
    let row = text.lines().find(|l| l.contains("test/scripted")).unwrap_or_else(|| panic!("{text}"));
    assert!(row.contains("TEST_KEY is set"), "{text}");
    assert!(text.contains("OPENAI_API_KEY is not set") && text.contains("needs none"), "{text}");
    assert!(!text.contains("sk-test"), "{text}");
    assert_eq!(world.run("ace", &["model", "list"]).ok(), text);
    let rows: Vec<Value> = world
        .run("ace-model", &["list", "--json"])
        .ok()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let chosen: Vec<&Value> = rows.iter().filter(|r| r["chosen"] == true).collect();
    assert_eq!(chosen.len(), 1);
    assert_eq!((&chosen[0]["model"], &chosen[0]["ready"]), (&json!("test/scripted"), &json!(true)));
    assert!(rows.iter().any(|r| r["provider"] == "openai" && r["ready"] == false));
}

#[test]
fn a_check_is_one_tiny_call_and_its_exit_tells() {
    let ping = Reply::Calls("", vec![("ping", "{}".to_owned())]);
    let world = World::with_model(Server::start(vec![ping]));
    let text = world.run("ace-model", &["check"]).ok();
    assert!(text.contains("test/scripted  answers in ") && text.contains(", tools yes, 100 in, 10 out"), "{text}");
    let body = &world.model.as_ref().unwrap().bodies()[0];
    assert!(body.len() < 700 && body.contains("\"ping\""), "{} bytes", body.len());
    let row: Value = serde_json::from_str(&world.run("ace-model", &["check", "test/other", "--json"]).ok()).unwrap();
    assert_eq!((&row["model"], &row["tools"]), (&json!("test/other"), &json!(true)));

    let world = World::with_model(Server::start(vec![Reply::Text("pong")]));
    assert!(world.run("ace-model", &["check"]).ok().contains("tools no"));
    let _ =
        world.sh("unset TEST_KEY; ace-model check").fails(77, &["ace-model: no key for 'test': TEST_KEY is not set"]);
    let _ = world.run("ace-model", &["check", "nobody/x"]).fails(78, &["no provider 'nobody'", "ace-model list"]);
    let _ = world.run("ace-model", &["check", "ollama"]).fails(78, &["name one, ollama/MODEL"]);
    world.add_config("[providers.away]\nbase_url = \"http://127.0.0.1:9/v1\"\n");
    let _ = world.run("ace-model", &["check", "away/m"]).fails(69, &["cannot reach 'away'"]);
}
