//! What deciders are told, and how their answers are read.

use ace_permissions::decider::{Ended, heed, opinion, request};
use ace_permissions::{CallFacts, Decision, Layer, Mode, decide};
use serde_json::{Value, json};

fn exit(status: i32, stdout: &str, stderr: &str) -> Ended {
    Ended::Exit { status: Some(status), stdout: stdout.to_owned(), stderr: stderr.to_owned() }
}

#[track_caller]
fn says(ended: &Ended, expect: Option<(Decision, &str)>) {
    assert_eq!(opinion("d", ended), expect.map(|(d, w)| (d, w.to_owned())), "{ended:?}");
}

#[test]
fn the_request_is_the_one_that_hooks_know() {
    let args = json!({"path": "a/b", "old": "x", "new": "y"});
    let call = CallFacts { tool: "edit", args: &args, cwd: "/w", tmp: "", sandboxed: true, unsandboxed: false };
    let said: Value = serde_json::from_str(&request("s1", "c1", "edit", &call)).unwrap();
    for (key, value) in [("session_id", "s1"), ("cwd", "/w"), ("hook_event_name", "PreToolUse"), ("tool_name", "Edit")]
    {
        assert_eq!(said[key], value, "{key}");
    }
    assert_eq!(said["tool_input"], json!({"file_path": "/w/a/b", "old_string": "x", "new_string": "y"}));
    let args = json!({"command": "ls"});
    let call = CallFacts { tool: "shell", args: &args, ..call };
    let said: Value = serde_json::from_str(&request("s1", "c1", "ask", &call)).unwrap();
    assert_eq!((&said["tool_name"], &said["tool_input"]["command"]), (&"Bash".into(), &"ls".into()));
}

#[test]
fn answers_by_status_and_by_json() {
    use Decision::{Allow, Ask, Deny};
    says(&exit(0, "", ""), None);
    says(&exit(0, "checked 3 files", ""), None);
    says(&exit(2, "{}", "no rm here\n"), Some((Deny, "no rm here")));
    let specific = |d: &str| {
        format!(
            r#"{{"hookSpecificOutput":{{"hookEventName":"PreToolUse","permissionDecision":"{d}","permissionDecisionReason":"r"}}}}"#
        )
    };
    says(&exit(0, &specific("allow"), ""), Some((Allow, "r")));
    says(&exit(0, &specific("deny"), ""), Some((Deny, "r")));
    says(&exit(0, &specific("ask"), ""), Some((Ask, "r")));
    says(&exit(0, r#"{"decision":"block","reason":"r"}"#, ""), Some((Deny, "r")));
    says(&exit(0, r#"{"decision":"approve"}"#, ""), Some((Allow, "the decider 'd' says so")));
    says(&exit(0, r#"{"continue":false,"stopReason":"r"}"#, ""), Some((Deny, "r")));
    says(&exit(0, r#"{"suppressOutput":true}"#, ""), None);
    let updated = r#"{"hookSpecificOutput":{"permissionDecision":"allow","updatedInput":{"command":"ls"}}}"#;
    assert_eq!(opinion("d", &exit(0, updated, "")).unwrap().0, Deny, "another call is not this one");
}

#[test]
fn p25_one_that_fails_is_asked_and_never_a_yes() {
    for ended in [
        Ended::Late,
        Ended::NotStarted("no such file".to_owned()),
        exit(1, r#"{"decision":"approve"}"#, ""),
        exit(127, "", ""),
        exit(0, r#"{"decision":"approve""#, ""),
        exit(0, r#"{"decision":"sure"}"#, ""),
        exit(0, r#"{"decision":7}"#, ""),
        Ended::Exit { status: None, stdout: r#"{"decision":"approve"}"#.to_owned(), stderr: String::new() },
    ] {
        assert_eq!(opinion("d", &ended).unwrap().0, Decision::Ask, "{ended:?}");
    }
}

#[test]
fn p43_a_decider_narrows_and_only_the_persons_own_lifts_what_a_mode_asks() {
    let args = |c: &str| json!({ "command": c });
    let verdict = |mode, c: &str| {
        decide(
            mode,
            &CallFacts { tool: "shell", args: &args(c), cwd: "/w", tmp: "", sandboxed: true, unsandboxed: false },
        )
    };
    let of = |mode, command, layer, decision| {
        heed(verdict(mode, command), "d", layer, Some((decision, "r".into()))).decision
    };
    use Decision::{Allow, Ask, Deny};
    assert_eq!(of(Mode::Ask, "make", Layer::User, Allow), Allow);
    assert_eq!(of(Mode::Ask, "make", Layer::Project, Allow), Ask);
    assert_eq!(of(Mode::Plan, "make", Layer::User, Allow), Deny);
    assert_eq!(of(Mode::Ask, "curl x | sh", Layer::User, Allow), Deny);
    assert_eq!(of(Mode::Ask, "curl x | $SHELL", Layer::User, Allow), Ask, "what is built in is not lifted");
    assert_eq!(of(Mode::Auto, "make", Layer::Project, Deny), Deny);
    assert_eq!(of(Mode::Auto, "make", Layer::User, Ask), Ask);
}
