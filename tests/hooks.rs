//! Hooks as they are written for Claude Code and crush: scripts in sh and Python that hear of messages, of calls that have run and of
//! the ends of turns, and answer by status or by JSON.

use crate::run::{calls_then, shell};
use crate::server::{Reply, Server};
use crate::suite::{Run, World, eventually};
use serde_json::{Value, json};

/// A world with hooks in the person's own configuration; the scripts lie in the project, which stands for any folder of theirs.
fn world(model: Server, hooks: &str, scripts: &[(&str, &str)]) -> World {
    let files: Vec<(&str, &str)> = [("file", "old\n")].iter().chain(scripts).copied().collect();
    let world = World::with_model(model).repository(&files);
    world.add_config(&format!("[hooks]\n{hooks}\n"));
    world
}

fn edit() -> (&'static str, String) {
    ("edit", json!({"path": "file", "old": "old", "new": "new"}).to_string())
}

fn go(world: &World) -> Run {
    world.run("ace", &["run", "--mode", "auto", "--name", "go", "go"])
}

/// What the model was sent last.
fn last_body(world: &World) -> String {
    world.model.as_ref().unwrap().bodies().pop().unwrap()
}

fn all(world: &World, ty: &str) -> Vec<Value> {
    world.log("@only").into_iter().filter(|l| l["type"] == ty).collect()
}

/// The system's own, where there is one: a version manager's is a script that looks for its own things in a home.
fn python() -> &'static str {
    if std::path::Path::new("/usr/bin/python3").exists() { "/usr/bin/python3" } else { "python3" }
}

/// Says what is wrong by its status, as linters do.
const LINT: &str = r#"#!/bin/sh
input=$(cat)
case "$input" in
*'"hook_event_name":"PostToolUse"'*'"tool_name":"Edit"'*'"file_path":"/'*) echo "line 1 is too new" >&2; exit 2 ;;
esac
"#;

/// Formats what was edited, and says so by JSON.
const FORMAT: &str = r#"#!/usr/bin/env python3
import json, sys
told = json.load(sys.stdin)
assert told["hook_event_name"] == "PostToolUse" and "tool_response" in told, told
if told["tool_name"] in ("Edit", "Write"):
    path = told["tool_input"]["file_path"]
    text = open(path).read()
    open(path, "w").write(text.upper())
    print(json.dumps({"hookSpecificOutput": {"hookEventName": "PostToolUse", "additionalContext": "formatted it"}}))
"#;

#[test]
fn a_call_that_has_run_is_heard_by_scripts_in_sh_and_python_and_the_model_reads_what_they_say() {
    let model = Server::start(vec![Reply::Calls("", vec![edit()]), Reply::Text("ok")]);
    let hooks = format!("PostToolUse = [['sh', './lint.sh'], ['{}', 'format.py']]", python());
    let world = world(model, &hooks, &[("lint.sh", LINT), ("format.py", FORMAT)]);
    let run = go(&world).done();
    assert!(run.stderr.contains("line 1 is too new"), "{run:?}");
    let done = world.last("@only", "tool.completed");
    assert_eq!(done["feedback"], "line 1 is too new\nformatted it", "{done}");
    assert!(done["tree"].is_string() && done["changed"][0]["path"] == "file", "{done}");
    assert!(done["patch"].as_str().unwrap().contains("+NEW"), "what it changed is the call's doing: {done}");
    assert_eq!(std::fs::read_to_string(world.place("@only").join("file")).unwrap(), "NEW\n", "it may format");
    assert!(last_body(&world).contains("[line 1 is too new\\nformatted it]"), "{}", last_body(&world));
    assert_eq!(std::fs::read_to_string(world.project().join("file")).unwrap(), "old\n", "and only the worktree");
}

#[test]
fn a_hook_that_says_stop_after_a_call_ends_the_turn() {
    let stop = r#"echo '{"continue": false, "stopReason": "enough for today"}'"#;
    let model = Server::start(vec![Reply::Calls("", vec![shell("touch one"), shell("touch two")]), Reply::Text("no")]);
    let world = world(model, &format!("PostToolUse = [['sh', '-c', '''{stop}''']]"), &[]);
    let _ = go(&world).fails(1, &["enough for today"]);
    assert_eq!(world.last("@only", "turn.failed")["code"], "hook");
    assert_eq!(all(&world, "tool.started").len(), 1, "what had not begun never does");
    assert_eq!(world.model.as_ref().unwrap().bodies().len(), 1);
}

#[test]
fn p25_a_hook_after_a_call_that_fails_is_told_of_and_undoes_nothing() {
    for (script, says) in
        [("exit 7", "failed with status 7"), ("echo '{'", "broken JSON"), ("kill -9 $$", "was killed")]
    {
        let world =
            world(calls_then("touch made", "ok"), &format!("PostToolUse = [['sh', '-c', '''{script}''']]"), &[]);
        let _ = go(&world).done();
        let done = world.last("@only", "tool.completed");
        assert!(done["feedback"].as_str().is_some_and(|f| f.contains(says)), "{script}: {done}");
        assert!(world.place("@only").join("made").exists());
    }
}

#[test]
fn hooks_run_in_the_sandbox_of_calls_and_never_from_the_worktree() {
    let probe = r#"cat >/dev/null
if ls "$ACE_HOME/sessions" >/dev/null 2>&1; then echo SESSIONS >&2; exit 2; fi
if [ -n "$TEST_KEY" ]; then echo KEY >&2; exit 2; fi
if (exec 3<>/dev/tcp/127.0.0.1/1) 2>/dev/null; then echo NET >&2; exit 2; fi
echo x > "$(dirname "$0")/planted" 2>/dev/null
echo "from $0 in $PWD" >&2; exit 2
"#;
    // The model writes another script in its place.
    let replies = vec![
        Reply::Calls("", vec![shell("printf 'echo EVIL >&2; exit 2\\n' > probe.sh")]),
        Reply::Calls("", vec![shell("true")]),
        Reply::Text("ok"),
    ];
    let world = world(Server::start(replies), "PostToolUse = [['sh', './probe.sh']]", &[("probe.sh", probe)]);
    let _ = go(&world).done();
    let project = world.project().canonicalize().unwrap();
    let place = world.place("@only").canonicalize().unwrap();
    for done in all(&world, "tool.completed") {
        let says = format!("from {}/./probe.sh in {}", project.display(), place.display());
        assert_eq!(done["data"]["feedback"], says, "{done}");
    }
    assert!(!world.project().join("planted").exists());
}

/// Lets nothing through that looks like a key, and tells the model what day it is.
const VET: &str = r#"#!/usr/bin/env python3
import json, sys
told = json.load(sys.stdin)
assert told["hook_event_name"] == "UserPromptSubmit", told
if "forbidden" in told["prompt"]:
    print(json.dumps({"decision": "block", "reason": "not that word"}))
else:
    print("it is Friday")
"#;

#[test]
fn a_message_is_heard_before_a_turn_takes_it_up() {
    let scripts = [("vet.py", VET)];
    let hooks = format!("UserPromptSubmit = [['{}', 'vet.py'], ['sh', '-c', 'exit 0']]", python());
    let world = self::world(Server::start(vec![Reply::Text("ok"), Reply::Text("ok too")]), &hooks, &scripts);
    let _ = go(&world).done();
    let vetted = world.last("@only", "message.vetted");
    assert_eq!((&vetted["verdict"], &vetted["context"]), (&"passes".into(), &"it is Friday".into()), "{vetted}");
    assert!(last_body(&world).contains("go\\n\\nit is Friday"), "{}", last_body(&world));
    assert_eq!(world.created("@only")["hooks"], json!(["UserPromptSubmit"]));
    // The next one is refused, and the session goes on without it.
    let _ = world.run("ace", &["say", "go", "a forbidden wish"]).done();
    let run = world.run("ace", &["resume", "go"]).fails(1, &["not that word"]);
    assert!(run.stderr.contains("message refused"), "{run:?}");
    let _ = world.run("ace", &["say", "go", "another"]).done();
    assert_eq!(world.run("ace", &["resume", "go"]).done().stdout, "ok too\n");
    assert!(!last_body(&world).contains("forbidden"), "no model reads it: {}", last_body(&world));
    assert_eq!(all(&world, "turn.started").len(), 2);
    let _ = world.run("ace-log", &["verify", "@last"]).ok();
}

#[test]
fn p25_a_message_passes_no_hook_that_fails() {
    for (script, says) in [
        ("exit 3", "failed with status 3"),
        ("echo no >&2; exit 2", "no"),
        ("echo '{\"decision\":\"perhaps\"}'", "a word that nobody knows"),
        ("exec ./missing", "failed with status"),
    ] {
        let model = Server::start(vec![Reply::Text("ok")]);
        let hooks = format!("UserPromptSubmit = [['sh', '-c', '''{script}''']]");
        let world = self::world(model, &hooks, &[]);
        let _ = go(&world).fails(1, &[says]);
        assert_eq!(world.model.as_ref().unwrap().bodies().len(), 0, "{script}");
        assert!(all(&world, "turn.started").is_empty(), "{script}");
    }
}

/// Keeps the turn going until a file is there, as one that runs the tests does.
const TESTS: &str = r#"#!/bin/sh
input=$(cat)
case "$input" in *'"hook_event_name":"Stop"'*) ;; *) exit 9 ;; esac
case "$input" in *'"stop_hook_active":true'*) touch active ;; esac
[ -f made ] || { echo "test made: FAIL" >&2; exit 2; }
"#;

#[test]
fn a_turn_ends_when_its_hooks_let_it() {
    let model = Server::start(vec![
        Reply::Text("all done"),
        Reply::Calls("", vec![shell("touch made")]),
        Reply::Text("now it is"),
    ]);
    let world = world(model, "Stop = [['sh', './tests.sh']]", &[("tests.sh", TESTS)]);
    let run = go(&world).done();
    assert_eq!(run.stdout, "now it is\n");
    assert!(run.stderr.contains("test made: FAIL"), "{run:?}");
    let verdicts: Vec<Value> = all(&world, "hook.completed").iter().map(|l| l["data"]["verdict"].clone()).collect();
    assert_eq!(verdicts, ["blocks", "passes"]);
    let bodies = world.model.as_ref().unwrap().bodies();
    assert!(bodies[1].contains("test made: FAIL"), "{}", bodies[1]);
    assert!(world.place("@only").join("active").exists(), "it is told that it has kept the turn before");
    assert_eq!(world.last("@only", "worktree.snapshot")["changed"][0]["path"], "active", "what it changed is recorded");
    let _ = world.run("ace-log", &["verify", "@last"]).ok();
}

#[test]
fn p25_a_turn_does_not_end_well_when_its_hook_fails_or_never_agrees() {
    for (script, says, answers) in
        [("exit 1", "failed with status 1", 1), ("echo again >&2; exit 2", "8 times: again", 9)]
    {
        let model = Server::start(vec![Reply::Text("done")]);
        let world = world(model, &format!("Stop = [['sh', '-c', '''{script}''']]"), &[]);
        let run = go(&world).fails(1, &[says]);
        assert_eq!(run.stdout, "");
        assert_eq!(world.last("@only", "turn.failed")["code"], "hook");
        assert_eq!(world.model.as_ref().unwrap().bodies().len(), answers, "{script}");
    }
}

#[test]
fn a_crash_while_a_hook_hears_the_end_of_a_turn_is_no_yes_and_runs_nothing_twice() {
    let model = Server::start(vec![Reply::Text("done")]);
    let world = world(model, "Stop = [['sh', '-c', 'echo x >> ran; sleep 300']]", &[]);
    let mut child = world.command("ace", &["run", "--mode", "auto", "--name", "go", "go"]).spawn().unwrap();
    let ran = || world.sessions().first().map(|_| world.place("@only").join("ran"));
    eventually("the hook runs", || ran().is_some_and(|ran| ran.exists()));
    let ran = ran().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let _ = world.run("ace", &["resume", "go"]).fails(1, &["unknown what they made of it"]);
    assert_eq!(std::fs::read_to_string(ran).unwrap(), "x\n");
    let closed = world.last("@only", "hook.completed");
    assert_eq!(closed["verdict"], "fails", "{closed}");
}

#[test]
fn a_stopped_turn_stops_its_hooks() {
    let model = Server::start(vec![Reply::Text("done")]);
    let world = world(model, "Stop = [['sh', '-c', 'touch ran; sleep 300']]", &[]);
    let child = world.command("ace", &["run", "--mode", "auto", "--name", "go", "go"]).spawn().unwrap();
    eventually("the hook runs", || world.sessions().first().is_some_and(|_| world.place("@only").join("ran").exists()));
    let _ = world.run("ace-session", &["cancel", "go"]).done();
    assert_eq!(crate::suite::finish(child, None).code, Some(130));
    assert_eq!(all(&world, "hook.completed").len(), 1, "whoever ran it has closed it");
}

#[test]
fn hooks_that_are_configured_later_hold_for_a_session_that_is_there() {
    let model = Server::start(vec![Reply::Text("one"), Reply::Text("two")]);
    let world = World::with_model(model).repository(&[]);
    let _ = go(&world).done();
    world.add_config("[hooks]\nUserPromptSubmit = [['sh', '-c', 'echo no >&2; exit 2']]\n");
    let _ = world.sh("ace say go more && ace resume go").fails(1, &["no"]);
    assert_eq!(world.model.as_ref().unwrap().bodies().len(), 1);
    assert_eq!(world.last("@only", "session.configured")["hooks"], json!(["UserPromptSubmit"]));
}

#[test]
fn a25_p45_a_repositorys_hooks_are_shown_run_once_trusted_and_an_edit_of_their_scripts_asks_again() {
    let config = "[hooks]\nStop = [['sh', '-c', '\"$CLAUDE_PROJECT_DIR\"/.claude/check.sh; true']]\nUserPromptSubmit = [['sh', './note.sh']]\nPostToolUse = [['true']]\n";
    let files = [(".ace/config.toml", config), (".claude/check.sh", "touch ran\n"), ("note.sh", "echo noted\n")];
    let model = Server::start(vec![Reply::Text("ok")]);
    let world = World::with_model(model).repository(&files);
    let run = go(&world).done();
    assert!(run.stderr.contains("ace trust"), "{run:?}");
    assert!(all(&world, "message.vetted").is_empty() && all(&world, "hook.started").is_empty());
    let shown = world.run("ace", &["trust", "--show"]).ok();
    for line in ["not trusted", "PostToolUse       true", "UserPromptSubmit  sh ./note.sh", "Stop              sh -c "]
    {
        assert!(shown.contains(line), "{line}: {shown}");
    }
    let _ = world.run("ace", &["trust"]).ok();
    assert!(world.run("ace", &["trust", "--show"]).ok().contains("trusted as it stands"));
    let run = world.run("ace", &["run", "--mode", "auto", "--name", "two", "go"]).done();
    assert!(!run.stderr.contains("ace trust"), "{run:?}");
    assert!(last_body(&world).contains("noted"), "{}", last_body(&world));
    for script in [".claude/check.sh", "note.sh"] {
        let _ = world.run("ace", &["trust"]).ok();
        std::fs::write(world.project().join(script), "exit 0\n").unwrap();
        assert!(world.run("ace", &["trust", "--show"]).ok().contains("not trusted"), "{script}");
    }
}

#[test]
fn p25_a_matcher_says_which_calls_a_hook_hears_and_a_limit_how_long() {
    let replies = vec![
        Reply::Calls("", vec![shell("touch made"), edit(), ("read", json!({"path": "file"}).to_string())]),
        Reply::Text("ok"),
    ];
    // As Claude Code has it, as crush has it, and as it was here before.
    let hooks = "PreToolUse = [{ matcher = 'Edit|Write', hooks = [{ type = 'command', command = 'echo not that one >&2; exit 2' }] }]\n\
                 PostToolUse = [{ matcher = '^(bash)$', timeout = 1, command = 'sleep 1000' }, { matcher = 'Read', command = ['sh', '-c', 'echo heard >&2; exit 2'] }]";
    let world = world(Server::start(replies), hooks, &[]);
    let _ = go(&world).done();
    let denied = all(&world, "permission.resolved").into_iter().find(|l| l["data"]["decision"] == "deny").unwrap();
    assert_eq!(denied["data"]["why"], "not that one", "{denied}");
    assert_eq!(all(&world, "permission.resolved").len(), 3, "the others are not asked about");
    let told: Vec<Value> = all(&world, "tool.completed").into_iter().map(|l| l["data"]["feedback"].clone()).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told.iter().any(|t| t == "heard"), "{told:?}");
    assert!(told.iter().any(|t| t.as_str().unwrap_or_default().contains("took too long")), "{told:?}");
    let config = world.run("ace", &["config"]).ok();
    assert!(config.contains("{ matcher = \"Edit|Write\", command = [\"sh\", \"-c\""), "{config}");
}

#[test]
fn a_diff_and_an_answer_of_the_user_are_heard_too() {
    let question = json!({"question": "which?", "choices": [{"label": "red"}]}).to_string();
    let replies = vec![
        Reply::Calls("", vec![("diff", "{}".to_owned())]),
        Reply::Calls("", vec![("ask_user", question)]),
        Reply::Text("ok"),
    ];
    let hooks = "PostToolUse = [{ matcher = 'diff|ask_user', command = 'grep -o red >&2; exit 2' }]";
    let world = world(Server::start(replies), hooks, &[]);
    let _ = go(&world).fails(3, &[]);
    assert_eq!(world.last("@only", "tool.completed")["feedback"], "the hook 'sh' says so");
    let line = world.log("@only").iter().rposition(|l| l["type"] == "permission.requested").unwrap() + 1;
    let _ = world.run("ace-permit", &["allow", "go", &format!("@{line}"), "--answer", "red"]).ok();
    let _ = world.run("ace", &["resume", "go"]).done();
    let done = world.last("@only", "tool.completed");
    assert!(done["feedback"].as_str().unwrap().starts_with("red"), "{done}");
}
