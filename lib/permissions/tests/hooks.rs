//! What hooks that hear are told, and how their answers are read.

use ace_permissions::CallFacts;
use ace_permissions::decider::Ended;
use ace_permissions::hooks::{Place, Said, after_call, heard, prompt, stop, vetted};
use ace_schema::data::{Output, ToolCompleted};
use ace_schema::hook::{Hook, Verdict};
use serde_json::{Value, json};

const PLACE: Place = Place { session: "s1", cwd: "/w", mode: "edit" };

fn exit(status: i32, stdout: &str, stderr: &str) -> Ended {
    Ended::Exit { status: Some(status), stdout: stdout.to_owned(), stderr: stderr.to_owned() }
}

fn said(on: Hook, ended: &Ended) -> Said {
    heard(on, "h", ended)
}

#[test]
fn each_is_told_what_such_hooks_know() {
    let args = json!({"path": "a.rs", "content": "x"});
    let call = CallFacts { tool: "write", args: &args, cwd: "/w", tmp: "", sandboxed: true, unsandboxed: false };
    let done = ToolCompleted {
        output: Output { text: "wrote".into(), ..Output::default() },
        exit: Some(1),
        ..ToolCompleted::default()
    };
    let told: Value = serde_json::from_str(&after_call(PLACE, "c1", &call, &done)).unwrap();
    for (key, value) in [
        ("session_id", "s1"),
        ("cwd", "/w"),
        ("permission_mode", "acceptEdits"),
        ("hook_event_name", "PostToolUse"),
        ("tool_name", "Write"),
        ("tool_use_id", "c1"),
    ] {
        assert_eq!(told[key], value, "{key}");
    }
    assert_eq!(told["tool_input"], json!({"file_path": "/w/a.rs", "content": "x"}));
    let response = &told["tool_response"];
    assert_eq!((&response["stdout"], &response["filePath"]), (&"wrote".into(), &"/w/a.rs".into()), "{response}");
    assert_eq!((&response["exit_code"], &response["success"]), (&1.into(), &false.into()), "{response}");
    let told: Value = serde_json::from_str(&prompt(PLACE, "go\n\"on\"")).unwrap();
    assert_eq!((&told["hook_event_name"], &told["prompt"]), (&"UserPromptSubmit".into(), &"go\n\"on\"".into()));
    let told: Value = serde_json::from_str(&stop(PLACE, true, "done")).unwrap();
    assert_eq!((&told["hook_event_name"], &told["stop_hook_active"]), (&"Stop".into(), &true.into()));
    assert_eq!(told["last_assistant_message"], "done");
}

#[test]
fn answers_by_status_and_by_json() {
    for on in [Hook::PostToolUse, Hook::UserPromptSubmit, Hook::Stop] {
        assert_eq!(said(on, &exit(0, "", "")), Said::default());
        assert_eq!(said(on, &exit(0, "{\"suppressOutput\":true}", "noise")), Said::default());
        let no = said(on, &exit(2, "{\"decision\":\"approve\"}", " not so \n"));
        assert_eq!((no.verdict, no.why.as_str()), (Verdict::Blocks, "not so"));
        let no = said(on, &exit(0, r#"{"decision":"block","reason":"r"}"#, ""));
        assert_eq!((no.verdict, no.why.as_str()), (Verdict::Blocks, "r"));
        assert_eq!(said(on, &exit(0, r#"{"decision":"block"}"#, "")).why, "the hook 'h' says so");
        let more = r#"{"hookSpecificOutput":{"hookEventName":"x","additionalContext":"so it is"}}"#;
        assert_eq!(said(on, &exit(0, more, "")), Said { context: "so it is".into(), ..Said::default() });
        let end = said(on, &exit(0, r#"{"continue":false,"stopReason":"enough","decision":"block"}"#, ""));
        assert_eq!(end.stops.as_deref(), Some("enough"));
        assert_eq!(end.verdict == Verdict::Blocks, on == Hook::UserPromptSubmit, "{on:?}");
    }
    assert_eq!(said(Hook::UserPromptSubmit, &exit(0, "it is Friday\n", "")).context, "it is Friday");
    assert_eq!(said(Hook::Stop, &exit(0, "3 tests\n", "")), Said::default());
}

#[test]
fn p25_one_that_fails_is_never_a_yes() {
    for on in [Hook::PostToolUse, Hook::UserPromptSubmit, Hook::Stop] {
        for ended in [
            Ended::Late,
            Ended::NotStarted("no such file".to_owned()),
            exit(1, r#"{"decision":"approve"}"#, ""),
            exit(127, "", "not found"),
            exit(0, "{\"decision\":", ""),
            exit(0, r#"{"decision":"sure"}"#, ""),
            exit(0, r#"{"decision":7}"#, ""),
            Ended::Exit { status: None, stdout: String::new(), stderr: String::new() },
        ] {
            let said = said(on, &ended);
            assert_eq!(said.verdict, Verdict::Fails, "{ended:?}");
            assert!(said.why.starts_with("the hook 'h' "), "{said:?}");
        }
    }
}

#[test]
fn of_a_message_the_first_that_does_not_let_it_pass_decides() {
    let pass = |context: &str| Said { context: context.into(), ..Said::default() };
    let block = Said { verdict: Verdict::Blocks, why: "no".into(), ..Said::default() };
    let all = vetted([("a".into(), "user", pass("one")), ("b".into(), "user", pass("two"))]);
    assert_eq!((all.verdict, all.context.as_str(), all.hook.as_str()), (Verdict::Passes, "one\ntwo", ""));
    let no = vetted([("a".into(), "user", pass("one")), ("b".into(), "project", block)]);
    assert_eq!((no.verdict, no.why.as_str(), no.hook.as_str()), (Verdict::Blocks, "no", "b"));
    assert_eq!((no.context.as_str(), no.layer.as_str()), ("", "project"));
}

#[test]
fn what_a_hook_says_has_a_limit() {
    let long = "ä".repeat(100_000);
    let most = ace_schema::limits::HOOK_SAYS_BYTES + 8;
    assert!(said(Hook::UserPromptSubmit, &exit(0, &long, "")).context.len() <= most);
    assert!(said(Hook::Stop, &exit(2, "", &long)).why.len() <= most);
    let many = (0..20).map(|n| (n.to_string(), "user", Said { context: long[..1000].into(), ..Said::default() }));
    assert!(vetted(many).context.len() <= most);
}
