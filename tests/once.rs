//! One answer without a log: the plain pipe, and the same in one word.

use crate::run::shell;
use crate::server::{Reply, Server};
use crate::suite::{World, eventually};

/// Both ways to ask: what is typed, and who complains in it.
const WAYS: [&str; 2] = ["ace-session once 'review this' | ace-model | ace-log text", "ace ask 'review this'"];

fn world(reply: Reply) -> World {
    let world = World::with_model(Server::start(vec![reply])).repository(&[("file", "old\n")]);
    std::fs::write(world.project().join("file"), "new\n").unwrap();
    world
}

#[test]
fn a_diff_is_answered_and_nothing_is_kept() {
    for way in WAYS {
        let world = world(Reply::Text("Looks good."));
        assert_eq!(world.sh(&format!("git diff | {way}")).ok(), "Looks good.\n", "{way}");
        let body = &world.model.as_ref().unwrap().bodies()[0];
        assert!(body.contains("review this") && body.contains("+new"), "{body}");
        assert!(!body.contains(r#""tools""#), "no tools are on offer");
        assert!(world.sessions().is_empty(), "{way}");
    }
}

#[test]
fn the_answer_is_printed_while_it_comes() {
    for way in WAYS {
        let world = world(Reply::Hang("Once upon"));
        let script = format!("{way} > {}", world.path("out").display());
        let mut child = world.shell(&script).spawn().unwrap();
        eventually("the first words", || std::fs::read_to_string(world.path("out")).is_ok_and(|t| t == "Once upon"));
        let group = format!("-{}", child.id());
        let _ = std::process::Command::new("kill").args(["-TERM", "--", &*group]).status().unwrap();
        let _ = child.wait().unwrap();
        eventually("the socket is closed", || world.model.as_ref().unwrap().open() == 0);
    }
}

#[test]
fn a_model_that_fails_ends_both_with_its_exit_and_its_words() {
    let http = |status: &str, body: &str| {
        let length = body.len();
        Reply::Http(format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"))
    };
    for way in WAYS {
        let refused = world(http("400 Bad Request", r#"{"error":{"message":"too odd"}}"#)).sh(way);
        assert_eq!(
            (refused.code, &*refused.stderr),
            (Some(1), "ace-model: 'test' refused the request (400): too odd\n")
        );
        let no_key = world(Reply::Text("ok")).sh(&format!("unset TEST_KEY; {way}")).fails(77, &["TEST_KEY is not set"]);
        assert_eq!((no_key.stderr.lines().count(), &*no_key.stdout), (2, ""), "{no_key:?}");
        let wrong = world(http("404 Not Found", "")).sh(way);
        let _ = wrong.fails(78, &["has nothing at http://", "hint: check base_url"]);
    }
}

#[test]
fn a_provider_out_of_reach_ends_both_with_69() {
    for way in WAYS {
        let world = World::new();
        world.config(
            "model = \"local/m\"\n[providers.local]\nwire = \"openai-chat\"\nbase_url = \"http://127.0.0.1:9/v1\"\n",
        );
        let _ = world.sh(way).fails(69, &["ace-model: cannot reach 'local' at 127.0.0.1:9: connection refused"]);
    }
}

#[test]
fn what_was_said_before_a_cut_is_printed_and_the_exit_tells() {
    let half = "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Half of\"},\"finish_reason\":null}]}\n\n";
    for way in WAYS {
        let run = world(Reply::Raw(half.to_owned())).sh(way).fails(1, &["'test' was cut off"]);
        assert!(run.stdout.starts_with("Half of"), "{run:?}");
    }
}

#[test]
fn an_empty_question_is_wrong_usage_in_the_words_of_who_was_called() {
    let world = world(Reply::Text("ok"));
    let run = world.run("ace", &["ask"]).fails(2, &[]);
    assert_eq!(run.stderr, "ace: nothing to ask: the prompt is empty\nhint: ace ask -h shows how\n");
    let run = world.run("ace-session", &["once"]).fails(2, &[]);
    assert_eq!(run.stderr, "ace-session: nothing to ask: the prompt is empty\nhint: ace-session once -h shows how\n");
}

#[test]
fn tools_do_not_run_on_a_stream_without_a_log_unless_a_person_says_so() {
    let calls = || world(Reply::Calls("", vec![shell("touch made")]));
    let run = calls().sh("ace-session once go | ace-model | ace-permit | ace-tool > /dev/null");
    assert!(run.stderr.contains("ace-tool: there is no log behind this stream: --unrecorded"), "{run:?}");
    let world = calls();
    let run = world.sh("ace-session once go | ace-tool > /dev/null");
    assert_eq!(run.code, Some(2), "{run:?}");
    assert!(!world.project().join("made").exists());

    let world = calls();
    let out =
        world.sh("export ACE_MODE=auto; ace-session once go | ace-model | ace-permit | ace-tool --unrecorded").ok();
    assert!(out.contains("\"tool.completed\"") && world.project().join("made").exists(), "{out}");
    let world = calls();
    let out = world.sh("ace-session once go | ace-model | ace-permit | ace-tool --unrecorded").ok();
    assert!(out.contains("\"permission.requested\"") && !world.project().join("made").exists(), "{out}");
}

#[test]
fn x_prints_the_pipe_behind_ask() {
    let world = world(Reply::Text("Looks good."));
    let line = world.run("ace", &["-x", "ask", "-m", "test/other", "review this"]).ok();
    assert_eq!(line, "ace-session once --model=test/other 'review this' | ace-model | ace-log text\n");
    assert_eq!(world.sh(&line).ok(), "Looks good.\n");
}
