//! Answers of a stated shape, and verdicts for Makefiles and CI.

use crate::run::shell;
use crate::server::{Reply, Server};
use crate::suite::World;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};

const SCHEMA: &str =
    "{\n  \"type\": \"object\",\n  \"properties\": {\"n\": {\"type\": \"integer\"}},\n  \"required\": [\"n\"]\n}\n";

fn world(replies: Vec<Reply>) -> World {
    let world = World::with_model(numbered(replies)).repository(&[("file", "old\n")]);
    std::fs::write(world.project().join("n.json"), SCHEMA).unwrap();
    world
}

/// Answers request after request, whatever they hold.
fn numbered(replies: Vec<Reply>) -> Server {
    let asked = AtomicUsize::new(0);
    Server::by(move |_| replies[asked.fetch_add(1, Ordering::SeqCst).min(replies.len() - 1)].clone())
}

const GOOD: Reply = Reply::Text("{\"n\": 3}");
const FENCED: Reply = Reply::Text("Here it is:\n```json\n{\"n\": 3}\n```\n");
const BAD: Reply = Reply::Text("{\"n\": \"three\"}");

#[test]
fn an_answer_that_fits_is_all_of_stdout() {
    for reply in [GOOD, FENCED] {
        let world = world(vec![reply]);
        let out = world.run("ace", &["ask", "--schema", "n.json", "how many?"]).ok();
        assert_eq!(serde_json::from_str::<Value>(&out).unwrap(), json!({"n": 3}), "{out}");
        let run = world.run("ace", &["run", "--schema", "n.json", "how many?"]).done();
        assert_eq!(serde_json::from_str::<Value>(&run.stdout).unwrap(), json!({"n": 3}), "{run:?}");
        for body in world.model.as_ref().unwrap().bodies() {
            let body: Value = serde_json::from_str(&body).unwrap();
            let shape = &body["response_format"]["json_schema"]["schema"];
            assert_eq!(*shape, serde_json::from_str::<Value>(SCHEMA).unwrap(), "{body}");
        }
    }
}

#[test]
fn one_that_does_not_fit_is_told_why_and_asked_again() {
    let world = world(vec![BAD, GOOD]);
    let out = world.run("ace", &["ask", "--schema", "n.json", "how many?"]).ok();
    assert_eq!(out, "{\"n\":3}\n");
    let again = &world.model.as_ref().unwrap().bodies()[1];
    assert!(
        again.contains("does not fit the JSON Schema") && again.contains("/n: ") && again.contains("three"),
        "{again}"
    );

    let world = self::world(vec![Reply::Calls("", vec![shell("cat file")]), BAD, GOOD]);
    let run = world.run("ace", &["run", "--mode", "auto", "--schema", "n.json", "how many?"]).done();
    assert_eq!(run.stdout, "{\"n\": 3}\n");
    let log = world.log("@only");
    let repairs: Vec<&Value> = log.iter().filter(|l| l["data"]["repair"].is_string()).collect();
    assert_eq!(repairs.len(), 1);
    // The schema is in the record, so that a replay knows it.
    let sha = repairs[0]["data"]["schema"].as_str().unwrap();
    assert_eq!(log[1]["data"]["schema"]["sha"], sha);
    let kept: Value =
        serde_json::from_slice(&std::fs::read(world.ace_home().join("blobs").join(sha)).unwrap()).unwrap();
    assert_eq!(kept, serde_json::from_str::<Value>(SCHEMA).unwrap());
    let _ = world.run("ace-log", &["verify", "@last"]).ok();
}

#[test]
fn one_that_never_fits_ends_with_1_and_the_reason_and_nothing_on_stdout() {
    for args in [&["ask"][..], &["run", "--mode", "auto"]] {
        let world = world(vec![BAD]);
        let run = world.run("ace", &[args, &["--schema", "n.json", "how many?"]].concat());
        let run = run.fails(1, &["the answer does not fit the schema after 4 tries: /n: "]);
        assert_eq!(run.stdout, "");
        assert_eq!(world.model.as_ref().unwrap().bodies().len(), 4);
    }
}

#[test]
fn a_schema_that_is_none_is_wrong_usage_before_anything_is_asked() {
    let world = world(vec![GOOD]);
    std::fs::write(world.project().join("far.json"), "{\"$ref\":\"http://127.0.0.1:9/x\"}").unwrap();
    let file = |name: &str| world.run("ace", &["run", "--schema", name, "go"]);
    let _ = file("none.json").fails(2, &["cannot read the schema 'none.json'"]);
    let _ = file("file").fails(2, &["cannot use the schema 'file': it is no JSON"]);
    let _ = file("far.json").fails(2, &["which lies outside of it"]);
    assert!(world.sessions().is_empty() && world.model.as_ref().unwrap().bodies().is_empty());
}

const PASS: &str = r#"{"verdict":"pass","summary":"Fine.","findings":[]}"#;
const FAIL: &str = r#"{"verdict":"fail","summary":"One bug.","findings":[{"severity":"error","file":"file","line":1,"title":"wrong word","message":"It says new."}]}"#;

#[test]
fn a_verdict_is_the_exit_and_findings_are_lines_sarif_or_annotations() {
    let world = world(vec![Reply::Text(PASS)]);
    assert_eq!(world.sh("echo diff | ace ask --gate review").ok(), "pass: Fine.\n");
    let world = self::world(vec![Reply::Text(FAIL)]);
    let run = world.sh("echo diff | ace ask --gate review");
    assert_eq!(
        (run.code, &*run.stdout, &*run.stderr),
        (Some(1), "file:1: error: wrong word: It says new.\nfail: One bug.\n", "")
    );
    let run = world.sh("echo diff | ace ask --gate --format github review");
    assert_eq!(run.code, Some(1));
    assert!(run.stdout.starts_with("::error file=file,line=1,title=wrong word::It says new.\n"), "{}", run.stdout);
    let run = world.sh("echo diff | ace ask --gate --format sarif review");
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!((run.code, &report["version"]), (Some(1), &json!("2.1.0")));
    assert_eq!(report["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"]["startLine"], 1);
    // Who cannot be asked gives no verdict: neither 0 nor 1.
    let _ = world.sh("unset TEST_KEY; echo diff | ace ask --gate review").fails(77, &["TEST_KEY is not set"]);
    assert!(world.sessions().is_empty());
}

/// The examples that people copy, as they stand in the repository.
#[test]
fn the_example_makefile_and_ci_job_fail_and_pass_with_the_verdict() {
    let examples = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/examples/review");
    for (reply, exit) in [(PASS, 0), (FAIL, 2)] {
        let world = world(vec![Reply::Text(reply)]);
        std::fs::copy(examples.join("Makefile"), world.project().join("Makefile")).unwrap();
        world.git(&["checkout", "-q", "-b", "work"]);
        std::fs::write(world.project().join("file"), "new\n").unwrap();
        let run = world.sh("unset MAKEFLAGS MAKELEVEL; make review");
        assert_eq!(run.code, Some(exit), "{run:?}");
        let body = &world.model.as_ref().unwrap().bodies()[0];
        assert!(body.contains("+new"), "{body}");

        let job = std::fs::read_to_string(examples.join("ci.yml")).unwrap();
        let steps: Vec<&str> = job.lines().filter_map(|l| l.trim().strip_prefix("- run: ")).collect();
        let run = world.bash(&steps.last().unwrap().replace("origin/main", "main"));
        assert_eq!(run.code, Some(exit.min(1)), "{run:?}\n{steps:?}");
        let report: Value =
            serde_json::from_slice(&std::fs::read(world.project().join("review.sarif")).unwrap()).unwrap();
        assert_eq!(report["runs"][0]["results"].as_array().unwrap().len(), usize::from(exit > 0));
    }
}
