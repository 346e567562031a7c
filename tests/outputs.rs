//! Outputs and arguments of any size and kind: nothing is lost, nothing floods, nothing hangs.

use crate::run::{calls_then, shell};
use crate::server::{Reply, Server};
use crate::suite::World;
use serde_json::json;

fn ran(model: Server) -> World {
    let world = World::with_model(model).repository(&[]);
    let _ = world.run("ace", &["run", "--mode", "auto", "go"]).done();
    assert!(world.run("ace", &["verify", "@last"]).ok().contains("chain whole"));
    world
}

#[test]
fn a_flood_is_kept_whole_beside_the_log_and_shown_as_head_and_tail() {
    let world = ran(calls_then("yes | head -c 5000000", "ok"));
    let output = &world.last("@only", "tool.completed")["output"];
    assert_eq!((&output["bytes"], &output["truncated"]), (&5_000_000.into(), &true.into()));
    assert!(output["text"].as_str().unwrap().len() < 20 * 1024);
    assert_eq!(output["blob"]["bytes"], 5_000_000);
    assert!(world.model.as_ref().unwrap().bodies()[1].len() < 64 * 1024, "the model gets head and tail");
    assert!(std::fs::metadata(world.log_file("@only")).unwrap().len() < 128 * 1024);
}

#[test]
fn bytes_that_are_no_text_are_kept_as_they_were() {
    let world = ran(calls_then(r"printf 'a\377\376\000b'", "ok"));
    let output = &world.last("@only", "tool.completed")["output"];
    assert_eq!(output["truncated"], true, "the text is not all there is");
    let sha = output["blob"]["sha"].as_str().unwrap();
    let kept = crate::suite::find_file(&world.ace_home().join("blobs"), sha).unwrap();
    assert_eq!(std::fs::read(kept).unwrap(), b"a\xff\xfe\0b");
}

#[test]
fn a_command_that_does_not_end_is_ended_at_its_limit() {
    let slow = ("shell", json!({"command": "echo begun; sleep 600", "timeout_ms": 200}).to_string());
    let world = ran(Server::start(vec![Reply::Calls("", vec![slow]), Reply::Text("ok")]));
    let failed = world.last("@only", "tool.failed");
    assert_eq!((&failed["code"], &failed["output"]["text"]), (&"timeout".into(), &"begun\n".into()), "{failed}");
    assert!(world.model.as_ref().unwrap().bodies()[1].contains("begun"), "the model sees how far it got");
}

#[test]
fn a_long_answer_is_printed_whole() {
    let text: &'static str = Box::leak(format!("{}the end", "long answer ".repeat(10_000)).into_boxed_str());
    let world = World::with_model(Server::start(vec![Reply::Text(text)])).repository(&[]);
    let run = world.run("ace", &["run", "go"]).done();
    assert_eq!(run.stdout, format!("{text}\n"));
    assert_eq!(world.last("@only", "model.completed")["parts"][0]["text_blob"]["bytes"], text.len());
    assert_eq!(world.run("ace", &["text", "@last"]).ok(), format!("{text}\n"));
    assert_eq!(world.feed("ace", &["ask"], b"go").ok(), format!("{text}\n"), "also where there is no log");
}

#[test]
fn long_arguments_reach_the_tool_whole() {
    let content = format!("{}last\n", "line of a file\n".repeat(10_000));
    let write = ("write", json!({"path": "big.txt", "content": content}).to_string());
    let world = ran(Server::start(vec![Reply::Calls("", vec![write]), Reply::Text("ok")]));
    assert!(world.last("@only", "model.tool_call_requested")["blob"]["bytes"].as_u64().unwrap() > 64 * 1024);
    assert_eq!(std::fs::read_to_string(world.place("@only").join("big.txt")).unwrap(), content);
}

#[test]
fn tools_see_no_key_and_no_token() {
    for chain in ["ace run --mode auto go", "sh -c \"$(ace -x run --mode auto go)\""] {
        let world = World::with_model(calls_then("printenv; cat /proc/*/environ 2>/dev/null | tr '\\0' '\\n'", "ok"))
            .repository(&[]);
        let secrets =
            "export GITHUB_TOKEN=hidden-1 AWS_SECRET_ACCESS_KEY=hidden-2 MY_TOKEN=hidden-3 OPENAI_API_KEY=hidden-4";
        let run = world.sh(&format!("{secrets}; {chain}")).done();
        let output = world.last("@only", "tool.completed")["output"]["text"].as_str().unwrap().to_owned();
        assert!(output.contains("PATH="), "{output}");
        assert!(!output.contains("hidden-") && !output.contains("sk-test"), "{chain}: {output}");
        assert!(!run.stderr.contains("sk-test"), "{}", run.stderr);
        assert_eq!(crate::suite::files_with(&world.ace_home(), "sk-test-0123456789"), Vec::<String>::new());
        assert!(world.model.as_ref().unwrap().heads()[0].contains("sk-test-0123456789"), "the provider got it");
    }
}

#[test]
fn calls_of_one_answer_that_write_run_in_their_order() {
    let calls = (0..4).map(|n| shell(Box::leak(format!("sleep 0.0{}; echo {n} >> order", 4 - n).into_boxed_str())));
    let world = ran(Server::start(vec![Reply::Calls("", calls.collect()), Reply::Text("ok")]));
    assert_eq!(std::fs::read_to_string(world.place("@only").join("order")).unwrap(), "0\n1\n2\n3\n");
}
