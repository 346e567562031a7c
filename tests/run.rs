//! The main job: `ace run` against a model over real HTTP, in a real repository: where it works, what it takes, what it prints.

use crate::server::{Reply, Server};
use crate::suite::{World, finish};
use std::path::Path;

/// Arguments of a shell call.
pub fn shell(command: &str) -> (&'static str, String) {
    ("shell", serde_json::json!({ "command": command }).to_string())
}

/// One shell call, then an answer.
pub fn calls_then(command: &str, answer: &'static str) -> Server {
    Server::start(vec![Reply::Calls("", vec![shell(command)]), Reply::Text(answer)])
}

/// A world with a repository and a model that only talks.
fn talking() -> World {
    World::with_model(Server::start(vec![Reply::Text("Well said.")])).repository(&[("hello.txt", "hello\n")])
}

#[test]
fn it_works_on_a_branch_of_its_own_and_prints_the_answer_alone() {
    let model = Server::start(vec![
        Reply::Calls("Looking.", vec![shell("printf step >> steps.txt; cat hello.txt")]),
        Reply::Text("All is well."),
    ]);
    let world = World::with_model(model).repository(&[("hello.txt", "hello\n")]);
    let run = world.run("ace", &["run", "--mode", "auto", "say hello"]).done();
    assert_eq!(run.stdout, "All is well.\n");
    assert!(run.stderr.contains("ace: done in"), "{}", run.stderr);
    assert!(!world.project().join("steps.txt").exists(), "the user's own tree is left alone");
    let created = &world.log("@only")[0]["data"];
    assert_eq!(created["worktree"]["branch"], "ace/say-hello");
    let steps = Path::new(created["cwd"].as_str().unwrap()).join("steps.txt");
    assert_eq!(std::fs::read_to_string(steps).unwrap(), "step");
    let bodies = world.model.as_ref().unwrap().bodies();
    assert_eq!(bodies.len(), 2);
    assert!(bodies[1].contains(r#""role":"tool""#) && bodies[1].contains("hello"), "{}", bodies[1]);
}

#[test]
fn the_same_session_twice_gives_the_same_request_bytes() {
    let bodies = || {
        let model =
            Server::start(vec![Reply::Calls("", vec![shell("echo one"), shell("echo two")]), Reply::Text("done")]);
        let world = World::with_model(model).repository(&[("AGENTS.md", "be brief\n")]);
        let _ = world.run("ace", &["run", "--mode", "auto", "twice"]).done();
        world.model.as_ref().unwrap().bodies()
    };
    let (first, second) = (bodies(), bodies());
    assert_eq!(first.len(), 2);
    assert!(first[0].contains("be brief"));
    assert_eq!(first, second);
}

#[test]
fn runs_that_begin_at_once_with_the_same_words_have_names_of_their_own() {
    let world = World::with_model(Server::by(|_| Reply::Text("ok"))).repository(&[("hello.txt", "hello\n")]);
    let start = |_| {
        let mut command = world.command("ace", &["run", "-q", "the same"]);
        // Ids of one seed would be the same.
        command.env_remove("ACE_SEED");
        command.spawn().unwrap()
    };
    let children: Vec<_> = (0..4).map(start).collect();
    for child in children {
        let _ = finish(child, None).done();
    }
    let mut names: Vec<String> = world
        .sessions()
        .iter()
        .map(|id| {
            let created = world.created(id);
            assert_eq!(created["worktree"]["branch"], format!("ace/{}", created["name"].as_str().unwrap()));
            created["name"].as_str().unwrap().to_owned()
        })
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["the-same", "the-same-2", "the-same-3", "the-same-4"]);
}

#[test]
fn in_place_it_changes_the_tree_it_was_called_in() {
    let world = World::with_model(calls_then("echo here > made.txt", "ok")).repository(&[("hello.txt", "hello\n")]);
    let run = world.run("ace", &["run", "--no-worktree", "--mode", "auto", "go"]).done();
    assert_eq!(run.stdout, "ok\n");
    assert!(world.project().join("made.txt").exists());
    assert_eq!(world.created("@only")["worktree"], serde_json::Value::Null);
    assert_eq!(world.git(&["branch", "--list", "ace/*"]), "", "no branch was made");
}

#[test]
fn outside_git_it_says_that_it_works_in_place() {
    let world = World::with_model(calls_then("echo here > made.txt", "ok"));
    let run = world.run("ace", &["run", "--mode", "auto", "go"]).done();
    assert!(
        run.stderr.starts_with("ace: not a git repository: works in place, without branch and rewind\n"),
        "{}",
        run.stderr
    );
    assert!(world.project().join("made.txt").exists());
}

#[test]
fn a_repository_without_a_commit_is_worked_on_in_place_and_that_is_said() {
    let world = World::with_model(calls_then("echo here > made.txt", "ok"));
    let _ = world.git(&["init", "-q"]);
    let run = world.run("ace", &["run", "--mode", "auto", "go"]).done();
    assert!(run.stderr.contains("ace: no commit yet: works in place"), "{}", run.stderr);
    assert!(world.project().join("made.txt").exists());
}

#[test]
fn on_a_detached_head_it_starts_there_and_says_what_that_means() {
    let world = talking();
    let _ = world.git(&["checkout", "-q", "--detach"]);
    let head = world.git(&["rev-parse", "HEAD"]);
    let run = world.run("ace", &["run", "go"]).done();
    assert!(run.stderr.contains("HEAD is detached"), "{}", run.stderr);
    assert_eq!(world.created("@only")["worktree"]["base"], head.trim());
    assert_eq!(world.created("@only")["worktree"]["from"], serde_json::Value::Null);
}

#[test]
fn uncommitted_changes_stay_behind_and_that_is_said() {
    let world = talking();
    std::fs::write(world.project().join("hello.txt"), "changed\n").unwrap();
    std::fs::write(world.project().join("new.txt"), "new\n").unwrap();
    let run = world.run("ace", &["run", "go"]).done();
    assert!(
        run.stderr.contains("ace: 2 uncommitted files stay behind: the worktree starts at HEAD "),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains("\nhint: --carry brings them along\n"), "{}", run.stderr);
    let place = world.place("@only");
    assert_eq!(std::fs::read_to_string(place.join("hello.txt")).unwrap(), "hello\n");
    assert!(!place.join("new.txt").exists());
}

#[test]
fn with_carry_uncommitted_changes_come_along_and_stay_where_they_were() {
    let world = talking();
    std::fs::write(world.project().join("hello.txt"), "changed\n").unwrap();
    std::fs::write(world.project().join("new.txt"), "new\n").unwrap();
    let run = world.run("ace", &["run", "--carry", "go"]).done();
    assert!(!run.stderr.contains("stay behind"), "{}", run.stderr);
    for root in [world.place("@only"), world.project()] {
        assert_eq!(std::fs::read_to_string(root.join("hello.txt")).unwrap(), "changed\n");
        assert_eq!(std::fs::read_to_string(root.join("new.txt")).unwrap(), "new\n");
    }
}

#[test]
fn from_a_subfolder_the_whole_project_is_at_hand_and_the_model_knows_the_folder() {
    let world = World::with_model(calls_then("cat a/b/file", "ok")).repository(&[("a/b/file", "deep\n")]);
    let _ = world.run("ace", &["-C", "a/b", "run", "--mode", "auto", "go"]).done();
    assert!(world.place("@only").ends_with("a/b"), "{:?}", world.place("@only"));
    let bodies = world.model.as_ref().unwrap().bodies();
    assert!(bodies[0].contains("called from the folder a/b"), "{}", bodies[0]);
    assert_eq!(world.last("@only", "tool.completed")["output"]["text"], "deep\n");
}

#[test]
fn base_names_the_commit_it_starts_from() {
    let world = talking();
    let _ = world.git(&["tag", "old"]);
    std::fs::write(world.project().join("hello.txt"), "later\n").unwrap();
    let _ = world.git(&["commit", "-qam", "second"]);
    let _ = world.run("ace", &["run", "--base", "old", "go"]).done();
    assert_eq!(std::fs::read_to_string(world.place("@only").join("hello.txt")).unwrap(), "hello\n");
    let _ = world.run("ace", &["run", "--base", "nope", "go"]).fails(2, &["ace: no commit 'nope'"]);
    assert_eq!(world.sessions().len(), 1, "nothing is left of a session that was not made");
    assert_eq!(world.git(&["branch", "--list", "ace/*"]).lines().count(), 1);
}

#[test]
fn a_name_that_is_taken_gets_a_number() {
    let world = talking();
    for _ in 0..2 {
        let _ = world.run("ace", &["run", "--name", "mine", "go"]).done();
    }
    let names: Vec<_> = world.sessions().iter().map(|s| world.created(s)["name"].clone()).collect();
    assert_eq!(names, ["mine", "mine-2"]);
    let branches: Vec<_> = world.sessions().iter().map(|s| world.created(s)["worktree"]["branch"].clone()).collect();
    assert_eq!(branches, ["ace/mine", "ace/mine-2"]);
    let _ = world.run("ace", &["run", "--name", "a/b", "go"]).fails(2, &["no branch can have the name 'a/b'"]);
}

#[test]
fn model_and_mode_of_the_command_line_are_the_sessions() {
    let world = talking();
    let _ = world.run("ace", &["run", "-m", "test/other", "--mode", "plan", "go"]).done();
    let created = world.created("@only");
    assert_eq!((&created["model"], &created["mode"]), (&"test/other".into(), &"plan".into()));
    assert!(world.model.as_ref().unwrap().bodies()[0].contains(r#""model":"other""#));
}

#[test]
fn a_turn_that_reaches_its_limit_is_stopped_and_can_go_on() {
    let world = World::with_model(calls_then("true", "ok")).repository(&[]);
    let run = world.run("ace", &["run", "--max-turns", "1", "--mode", "auto", "go"]);
    let run = run.fails(4, &["ace: stopped after 1 model answer\n", "ace say go \"go on\" && ace resume go"]);
    assert_eq!(run.stdout, "", "no answer unless the turn is done");
    assert_eq!(world.last("@only", "turn.failed")["code"], "limit");
    let _ = world.sh("ace say go 'go on' && ace resume go").done();
    assert_eq!(world.types("@only").last().unwrap(), "turn.completed");
}

#[test]
fn the_prompt_is_the_argument_stdin_or_both() {
    let world = talking();
    let said = |n: usize| world.last(&world.sessions()[n], "user.message")["text"].clone();
    let _ = world.run("ace", &["run", "argument"]).done();
    assert_eq!(said(0), "argument");
    let _ = world.feed("ace", &["run"], b"from stdin\n").done();
    assert_eq!(said(1), "from stdin");
    let _ = world.feed("ace", &["run", "review"], b"+a\n-b\n").done();
    assert_eq!(said(2), "review\n\n+a\n-b");
}

#[test]
fn an_empty_prompt_makes_nothing() {
    let world = talking();
    for (args, input) in [(&["run", ""][..], ""), (&["run"], ""), (&["run", "  "], "\n\n")] {
        let run = world.feed("ace", args, input.as_bytes());
        let _ = run.fails(2, &["ace: nothing to do: the prompt is empty\n", "hint: ace run -h shows how\n"]);
    }
    assert!(world.sessions().is_empty() && world.git(&["branch", "--list", "ace/*"]).is_empty());
}

#[test]
fn a_long_prompt_travels_as_a_blob_and_reaches_the_model_whole() {
    let world = talking();
    let prompt = format!("begin {} end-of-prompt", "word ".repeat(40_000));
    let _ = world.feed("ace", &["run"], prompt.as_bytes()).done();
    let message = world.last("@only", "user.message");
    assert_eq!(message["blob"]["bytes"], prompt.len());
    assert!(message["text"].is_null());
    assert!(world.model.as_ref().unwrap().bodies()[0].contains("word  end-of-prompt"));
    let longest = std::fs::read_to_string(world.log_file("@only")).unwrap().lines().map(str::len).max().unwrap();
    assert!(longest < 64 * 1024, "{longest}");
}

#[test]
fn a_prompt_over_the_limit_is_refused_before_anything_is_made() {
    let world = talking();
    let run = world.feed("ace", &["run"], &vec![b'x'; 5 * 1024 * 1024]);
    let _ = run.fails(2, &["the limit of a prompt", "hint: name the file in the prompt"]);
    assert!(world.sessions().is_empty());
}

#[test]
fn json_prints_exactly_the_lines_of_the_log_and_nothing_else() {
    let world = World::with_model(calls_then("echo hi", "ok")).repository(&[]);
    let stdout = world.run("ace", &["run", "--json", "--mode", "auto", "go"]).ok();
    assert_eq!(stdout, std::fs::read_to_string(world.log_file("@only")).unwrap());
}

#[test]
fn json_of_a_turn_that_fails_leaves_one_complaint_on_stderr() {
    let world = World::with_model(calls_then("true", "ok")).repository(&[]);
    let run = world.run("ace", &["run", "--json", "go"]).fails(3, &["ace: stopped at @"]);
    assert_eq!(run.stdout, std::fs::read_to_string(world.log_file("@only")).unwrap());
    assert_eq!(run.stderr.lines().count(), 2, "{}", run.stderr);
}

#[test]
fn quiet_says_nothing_but_the_answer() {
    let world = World::with_model(calls_then("exit 3", "ok")).repository(&[]);
    assert_eq!(world.run("ace", &["run", "-q", "--mode", "auto", "go"]).ok(), "ok\n");
}

#[test]
fn a_log_file_gets_the_lines_of_a_run_and_the_verdict_last() {
    let world = World::with_model(calls_then("exit 3", "ok")).repository(&[]);
    let run = world.run("ace", &["run", "--mode", "auto", "go"]).done();
    let lines: Vec<&str> = run.stderr.lines().collect();
    assert_eq!(lines[0], "ace: session go, branch ace/go, test/scripted, auto");
    assert!(lines[1].starts_with("ace: @") && lines[1].contains(" shell exit 3: exit 3, "), "{}", lines[1]);
    assert!(lines[2].starts_with("ace: log ") && lines[2].ends_with("/log.jsonl"), "{}", lines[2]);
    assert!(lines[3].starts_with("ace: done in "), "{}", lines[3]);
    assert!(lines[3].contains("200 in (60 % cached), 20 out"), "{}", lines[3]);
    assert_eq!(lines.len(), 4);
}

#[test]
fn usage_is_recorded_as_the_provider_counts_it() {
    let world = talking();
    let _ = world.run("ace", &["run", "go"]).done();
    let usage = &world.last("@only", "model.completed")["usage"];
    assert_eq!(
        (&usage["input"], &usage["output"], &usage["cache_read"]),
        (&40.into(), &10.into(), &60.into()),
        "{usage}"
    );
}

#[test]
fn reading_calls_run_beside_each_other_and_each_gets_its_result() {
    let read = |path: &str| ("read", serde_json::json!({ "path": path }).to_string());
    let model = Server::start(vec![Reply::Calls("", vec![read("a"), read("b"), read("c")]), Reply::Text("ok")]);
    let world = World::with_model(model).repository(&[("a", "alpha-1\n"), ("b", "beta-2\n"), ("c", "gamma-3\n")]);
    let _ = world.run("ace", &["run", "go"]).done();
    let types = world.types("@only");
    let first_end = types.iter().position(|t| t == "tool.completed").unwrap();
    let started = types[..first_end].iter().filter(|t| *t == "tool.started").count();
    assert_eq!(started, 3, "{types:?}");
    let body = &world.model.as_ref().unwrap().bodies()[1];
    let at = |s: &str| body.find(s).unwrap_or_else(|| panic!("no {s} in {body}"));
    assert!(at("alpha-1") < at("beta-2") && at("beta-2") < at("gamma-3"), "in the order of the calls");
}

#[test]
fn instructions_of_user_project_and_folder_reach_the_model_by_reference() {
    let world = World::with_model(Server::start(vec![Reply::Text("ok")])).repository(&[
        ("AGENTS.md", "of the project\n"),
        ("a/AGENTS.md", "of the folder\n"),
        ("b/AGENTS.md", "of another\n"),
    ]);
    std::fs::write(world.config_file().with_file_name("AGENTS.md"), "of the user\n").unwrap();
    let _ = world.run("ace", &["-C", "a", "run", "go"]).done();
    let body = &world.model.as_ref().unwrap().bodies()[0];
    let at = |s: &str| body.find(s).unwrap_or_else(|| panic!("no {s} in {body}"));
    assert!(at("of the user") < at("of the project") && at("of the project") < at("of the folder"));
    assert!(!body.contains("of another"));
    let log = std::fs::read_to_string(world.log_file("@only")).unwrap();
    assert!(!log.contains("of the project"), "the record names it, it does not copy it");
    assert_eq!(world.last("@only", "context.built")["system"].as_str().unwrap().len(), 64);
}

#[test]
fn instructions_are_capped_and_a_link_out_of_the_project_is_not_read() {
    let world = World::with_model(Server::start(vec![Reply::Text("ok")])).repository(&[("a/x", "")]);
    std::fs::write(world.path("secret"), "the secret\n").unwrap();
    std::os::unix::fs::symlink(world.path("secret"), world.project().join("AGENTS.md")).unwrap();
    std::fs::write(world.project().join("a/AGENTS.md"), "much ".repeat(100_000)).unwrap();
    let _ = world.git(&["add", "-A"]);
    let _ = world.git(&["commit", "-qm", "link"]);
    let _ = world.run("ace", &["-C", "a", "run", "go"]).done();
    let body = &world.model.as_ref().unwrap().bodies()[0];
    assert!(!body.contains("the secret"));
    assert!(body.contains("[cut here"));
    assert!(body.len() < 64 * 1024, "{}", body.len());
}

#[test]
fn an_interrupt_records_the_order_and_ends_with_130() {
    let world = World::with_model(Server::start(vec![Reply::Hang("Once upon")])).repository(&[]);
    let child = world.command("ace", &["run", "go"]).spawn().unwrap();
    crate::suite::eventually("the model is asked", || {
        world.sessions().len() == 1 && world.types("@only").iter().any(|t| t == "model.requested")
    });
    crate::suite::eventually("the answer begins", || {
        std::fs::read_to_string(world.log_file("@only").with_file_name("live.jsonl"))
            .is_ok_and(|live| live.contains("Once upon"))
    });
    let _ = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    let run = finish(child, None);
    assert_eq!((run.code, run.stdout.as_str()), (Some(130), ""), "{run:?}");
    assert_eq!(world.last("@only", "model.failed")["text"], "Once upon", "what was said is kept");
    assert!(world.types("@only").contains(&"turn.cancelled".to_owned()));
    crate::suite::eventually("the socket is closed", || world.model.as_ref().unwrap().open() == 0);
}

#[test]
fn who_attaches_sees_the_answer_and_leaves_without_stopping_it() {
    let go = || (("shell"), serde_json::json!({"command": "until [ -e go ]; do sleep 0.01; done"}).to_string());
    let model = Server::start(vec![Reply::Calls("", vec![go()]), Reply::Text("Well done.")]);
    let world = World::with_model(model).repository(&[]);
    let id = world.run("ace-session", &["new", "--mode", "auto", "wait"]).ok().trim().to_owned();
    let star = world.command("ace-session", &["run", &id]).spawn().unwrap();
    crate::suite::eventually("the call runs", || world.types(&id).iter().any(|t| t == "tool.started"));
    let first = world.command("ace-session", &["attach", &id]).spawn().unwrap();
    let second = world.command("ace", &["attach", &id]).spawn().unwrap();
    // A reader of the log's end has the log open: then it hears a signal as one who watches.
    let opened = |pid: u32| {
        crate::suite::folders(std::path::Path::new(&format!("/proc/{pid}/fd")))
            .iter()
            .any(|fd| std::fs::read_link(format!("/proc/{pid}/fd/{fd}")).is_ok_and(|l| l == world.log_file(&id)))
    };
    crate::suite::eventually("both watch", || opened(first.id()) && opened(second.id()));
    std::thread::sleep(std::time::Duration::from_millis(200));
    let _ = std::process::Command::new("kill").args(["-INT", &first.id().to_string()]).status();
    assert_eq!(crate::suite::finish(first, None).code, Some(130));
    let made: serde_json::Value = world.log(&id)[0].clone();
    std::fs::write(std::path::Path::new(made["data"]["cwd"].as_str().unwrap()).join("go"), "").unwrap();
    assert_eq!(crate::suite::finish(second, None).done().stdout, "Well done.\n");
    assert_eq!(crate::suite::finish(star, None).done().stdout, "Well done.\n");
    assert!(!world.types(&id).iter().any(|t| t == "turn.cancelled"));
}
