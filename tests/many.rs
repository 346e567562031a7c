//! `ace map`, `ace race`, `ace compare`: many sessions at once, and the same command again after whatever happened.

use crate::run::shell;
use crate::server::{Reply, Server};
use crate::suite::{World, eventually, finish};
use serde_json::Value;
use std::process::Command;

/// Each session writes a file named after what it was told last, then answers; `bad` in a task writes nothing.
fn writing() -> Server {
    Server::reading(|body| {
        let said = last_said(body);
        if body.contains(r#""role":"assistant""#) || said.contains("bad") {
            return Reply::Text("Done with it.");
        }
        Reply::Calls("", vec![shell(&format!("echo made > made-{}.txt", said.trim()))])
    })
}

/// The first message of a person in a request.
fn last_said(body: &str) -> String {
    let body: Value = serde_json::from_str(body).unwrap();
    let said = body["messages"].as_array().unwrap().iter().find(|m| m["role"] == "user").unwrap();
    match &said["content"] {
        Value::String(text) => text.lines().last().unwrap_or_default().to_owned(),
        parts => parts[0]["text"].as_str().unwrap_or_default().lines().last().unwrap_or_default().to_owned(),
    }
}

fn world(model: Server) -> World {
    World::with_model(model).repository(&[("a.txt", "a\n")])
}

fn rows(out: &str) -> Vec<Value> {
    out.lines().map(|l| serde_json::from_str(l).unwrap_or_else(|e| panic!("{e}: {l}"))).collect()
}

const CHECK: &str = "ls made-*.txt";

#[test]
fn map_does_each_task_in_a_worktree_of_its_own() {
    let world = world(writing());
    let args = ["map", "--mode", "auto", "-j", "3", "--check", CHECK, "--json"];
    let run = world.feed("ace", &args, b"one\ntwo\n\n  bad  \nfour\n");
    assert_eq!(run.code, Some(1), "{run:?}");
    let rows = rows(&run.stdout);
    let told: Vec<_> = rows.iter().map(|r| (r["task"].as_str().unwrap(), r["verdict"].as_str().unwrap())).collect();
    assert_eq!(told, [("one", "passed"), ("two", "passed"), ("bad", "failed"), ("four", "passed")]);
    assert!(
        run.stderr.contains("ace-many: one passed, ") && run.stderr.contains("ace-many: bad failed, "),
        "{}",
        run.stderr
    );
    for row in &rows {
        let place = world.place(row["session"].as_str().unwrap());
        let file = place.join(format!("made-{}.txt", row["task"].as_str().unwrap()));
        assert_eq!(file.exists(), row["verdict"] == "passed", "{row}");
        assert_eq!(
            crate::suite::folders(&place).iter().filter(|f| f.starts_with("made-")).count(),
            usize::from(file.exists())
        );
    }
    assert!(!world.project().join("made-one.txt").exists());
}

#[test]
fn a_prompt_takes_each_line_in_its_hole() {
    let world = world(writing());
    let _ = world.feed("ace", &["map", "--mode", "auto", "-q", "port {} now"], b"x\n").done();
    let _ = world.feed("ace", &["map", "--mode", "auto", "-q", "port this"], b"y\n").done();
    let said: Vec<String> = world
        .sessions()
        .iter()
        .map(|s| {
            world.log(s).iter().find(|l| l["type"] == "user.message").unwrap()["data"]["text"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    assert_eq!(said, ["port x now", "port this\n\ny"]);
    let _ = world.feed("ace", &["map"], b"\n \n").fails(2, &["no tasks"]);
}

#[test]
fn a_named_batch_does_nothing_twice_and_takes_more_tasks() {
    let world = world(writing());
    let args = ["map", "--mode", "auto", "--name", "night", "--check", CHECK, "--json"];
    assert_eq!(rows(&world.feed("ace", &args, b"one\nbad\n").stdout).len(), 2);
    let asked = || world.model.as_ref().unwrap().bodies().len();
    let before = asked();
    let again = rows(&world.feed("ace", &args, b"bad\none\n").stdout);
    assert_eq!((asked(), world.sessions().len()), (before, 2), "in another order they are the same");
    assert_eq!((again[0]["verdict"].as_str(), again[1]["verdict"].as_str()), (Some("failed"), Some("passed")));
    let more = rows(&world.feed("ace", &args, b"three\none\nbad\n").stdout);
    assert_eq!((more[0]["verdict"].as_str(), world.sessions().len()), (Some("passed"), 3));
    // What has failed is begun again when that is wanted.
    let before = asked();
    let _ = world.feed("ace", &[&args[..], &["--retry"]].concat(), b"one\nbad\n").fails(1, &[]);
    assert!(asked() > before && world.sessions().len() == 3);
}

#[test]
fn f09_killed_at_any_moment_the_same_command_goes_on_and_does_nothing_twice() {
    for wait in [1, 3, 6] {
        let world = world(writing());
        let tasks: String = (0..4).map(|n| format!("task{n}\n")).collect();
        std::fs::write(world.path("tasks"), tasks).unwrap();
        let from = world.path("tasks").display().to_string();
        let args = ["map", "--mode", "auto", "-j", "2", "--check", CHECK, "--json", "--from", &from];
        let mut child = world.command("ace-many", &args).spawn().unwrap();
        eventually("some requests", || world.model.as_ref().unwrap().bodies().len() >= wait);
        child.kill().unwrap();
        child.wait().unwrap();
        let run = world.run("ace-many", &args).done();
        let rows = rows(&run.stdout);
        assert!(rows.iter().all(|r| r["verdict"] == "passed"), "{rows:?}");
        let with_turn =
            world.sessions().into_iter().filter(|s| world.types(s).contains(&"turn.started".to_owned())).count();
        assert_eq!(with_turn, 4, "killed after {wait} requests: a task has two sessions that were at work");
        for session in world.sessions() {
            let calls = world.types(&session).iter().filter(|t| *t == "tool.started").count();
            assert!(calls <= 1, "a call ran twice");
        }
        assert_eq!(rows.iter().map(|r| r["batch"].clone()).collect::<std::collections::HashSet<_>>().len(), 1);
        // What is done is another batch when it is wanted again.
        let again = world.run("ace-many", &args).done();
        assert_eq!(world.sessions().len(), 8, "{again:?}");
    }
}

#[test]
fn money_that_all_share_ends_them_together() {
    let world = world(Server::by(|_| Reply::Calls("", vec![shell("true")])));
    world.add_config("[prices.\"test/scripted\"]\ninput = 1000\noutput = 1000\n");
    let args = ["map", "--mode", "auto", "-j", "4", "--budget", "5", "--json"];
    let run = world.feed("ace", &args, b"one\ntwo\nthree\nfour\n");
    assert_eq!(run.code, Some(4), "{run:?}");
    let rows = rows(&run.stdout);
    let spent: u64 = rows.iter().map(|r| r["cost_micro_usd"].as_u64().unwrap()).sum();
    assert!(spent <= 5_000_000 && spent > 0, "{spent} of 5,000,000: {rows:?}");
    assert!(rows.iter().all(|r| r["verdict"] == "stopped"), "{rows:?}");
    // Also when it is asked for again.
    let again = world.feed("ace", &args, b"one\ntwo\nthree\nfour\n");
    assert!(again.code == Some(4), "{again:?}");
}

#[test]
fn race_keeps_the_first_that_passes_and_cancels_the_rest() {
    // The one told to be quick answers; the other never does.
    let world = world(Server::reading(|body| {
        if !last_said(body).contains("quick") {
            return Reply::Hang("thinking ");
        }
        match body.contains(r#""role":"assistant""#) {
            true => Reply::Text("Done."),
            false => Reply::Calls("", vec![shell("echo x > made-x.txt")]),
        }
    }));
    let args = ["race", "--mode", "auto", "-j", "4", "--check", CHECK, "be slow", "be quick"];
    let run = world.run("ace", &[&args[..], &["--json"]].concat()).done();
    let rows = rows(&run.stdout);
    let told: Vec<_> = rows.iter().map(|r| (r["task"].as_str().unwrap(), r["verdict"].as_str().unwrap())).collect();
    assert_eq!(told, [("default prompt 2", "passed"), ("default prompt 1", "cancelled")]);
    let loser = rows[1]["session"].as_str().unwrap();
    assert!(world.types(loser).contains(&"turn.cancelled".to_owned()), "{:?}", world.types(loser));
    assert_eq!(world.model.as_ref().unwrap().open(), 0, "nobody is asked any more");
    let name = rows[0]["name"].as_str().unwrap();
    let _ = world.run("ace", &["land", name]).done();
    assert!(world.project().join("made-x.txt").exists());
}

#[test]
fn compare_shows_all_side_by_side_the_most_checks_passed_first() {
    let world = world(Server::reading(|body| {
        let file = if last_said(body).contains("both") { "touch one two" } else { "touch one; false" };
        match body.contains(r#""role":"assistant""#) {
            true => Reply::Text("Done."),
            false => Reply::Calls("", vec![shell(file)]),
        }
    }));
    let args =
        ["compare", "--mode", "auto", "--check", "test -f one", "--check", "test -f two", "make one", "make both"];
    let run = world.run("ace", &args).done();
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert!(lines[0].contains("MODEL") && lines[0].ends_with("CHANGED"), "{run:?}");
    assert!(lines[1].contains("default prompt 2") && lines[1].contains("passed 2 of 2"), "{run:?}");
    assert!(lines[2].contains("default prompt 1") && lines[2].contains("passed 1 of 2"), "{run:?}");
    let args = [&args[..], &["--json", "--name", "again"]].concat();
    let rows = rows(&world.run("ace", &args).done().stdout);
    let errors: Vec<_> = rows.iter().map(|r| (r["checks_passed"].as_u64(), r["errors"].as_u64())).collect();
    assert_eq!(errors, [(Some(2), Some(0)), (Some(1), Some(1))]);
}

#[test]
fn what_nobody_can_answer_is_told_and_goes_on_after_the_answer() {
    let world = world(writing());
    let run = world.feed("ace", &["map", "--name", "asks", "--json"], b"one\n");
    assert_eq!(run.code, Some(3), "{run:?}");
    assert!(run.stderr.contains("one asks: shell echo made > made-one.txt"), "{}", run.stderr);
    let row = rows(&run.stdout).remove(0);
    let line = format!("@{}", world.log(row["session"].as_str().unwrap()).len());
    let _ = world.run("ace", &["allow", row["name"].as_str().unwrap(), &line]).done();
    let again = rows(&world.feed("ace", &["map", "--name", "asks", "--json"], b"one\n").done().stdout);
    assert_eq!((again[0]["verdict"].as_str(), again[0]["session"].clone()), (Some("done"), row["session"].clone()));
}

#[test]
fn interrupted_all_are_cancelled_and_the_same_command_goes_on() {
    let first = std::sync::atomic::AtomicUsize::new(0);
    let world = world(Server::reading(move |body| {
        if first.fetch_add(1, std::sync::atomic::Ordering::SeqCst) < 2 {
            return Reply::Hang("thinking ");
        }
        if body.contains("made-") { Reply::Text("Done.") } else { Reply::Calls("", vec![shell("echo x > made-x.txt")]) }
    }));
    std::fs::write(world.path("tasks"), "one\ntwo\n").unwrap();
    let from = world.path("tasks").display().to_string();
    let args = ["map", "--mode", "auto", "-j", "2", "--check", CHECK, "--json", "--from", &from];
    let child = world.command("ace-many", &args).spawn().unwrap();
    eventually("both ask", || world.model.as_ref().unwrap().bodies().len() == 2);
    let _ = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    let run = finish(child, None);
    assert_eq!(run.code, Some(130), "{run:?}");
    assert!(rows(&run.stdout).iter().all(|r| r["verdict"] == "cancelled"), "{run:?}");
    assert_eq!(world.sessions().len(), 2);
    let again = rows(&world.run("ace-many", &args).done().stdout);
    assert!(again.iter().all(|r| r["verdict"] == "passed"), "{again:?}");
    assert_eq!(world.sessions().len(), 2);
}

#[test]
fn rounds_go_on_until_the_checks_pass() {
    let world = world(Server::by(|answers| match answers % 2 {
        0 => Reply::Calls("", vec![shell("echo line >> made-x.txt")]),
        _ => Reply::Text("One more."),
    }));
    let args = ["map", "--mode", "auto", "--check", "test $(wc -l < made-x.txt) -ge 2", "--rounds", "3", "--json"];
    let rows = rows(&world.feed("ace", &args, b"one\n").done().stdout);
    assert_eq!((rows[0]["verdict"].as_str(), rows[0]["turns"].as_u64()), (Some("passed"), Some(2)));
}

/// Plans, works and reviews by what it is told: the first review wants more, the second is content.
fn relaying() -> Server {
    Server::reading(|body| {
        let answered = body.contains(r#""role":"assistant""#);
        if body.contains("Do not do this yet") {
            return Reply::Text("Write made-1.txt. That is the plan.");
        }
        if body.contains("This was to be done") {
            let done = body.contains("made-2.txt");
            return Reply::Text(if done { "All there.\n\nACCEPT" } else { "made-2.txt is missing.\n\nREJECT" });
        }
        let asked = body.contains("asks for more");
        match (asked, body.contains("echo 1 >"), body.contains("echo 2 >")) {
            (false, false, _) if !answered => Reply::Calls("", vec![shell("echo 1 > made-1.txt")]),
            (true, _, false) => Reply::Calls("", vec![shell("echo 2 > made-2.txt")]),
            _ => Reply::Text("Done with it."),
        }
    })
}

const RELAY: [&str; 7] = ["relay", "--mode", "auto", "--check", CHECK, "--json", "make the files"];

#[test]
fn a_relay_plans_works_and_reviews_until_the_review_is_content() {
    let world = world(relaying());
    let run = world.run("ace", &RELAY).done();
    let told = rows(&run.stdout);
    let told: Vec<_> = told.iter().map(|r| [&r["task"], &r["verdict"]].map(|v| v.as_str().unwrap())).collect();
    assert_eq!(told, [["plan", "done"], ["work", "passed"], ["review", "done"]], "{run:?}");
    let created = |id: &String| world.log(id).remove(0)["data"].clone();
    let modes: Vec<_> = world.sessions().iter().map(|id| created(id)["mode"].as_str().unwrap().to_owned()).collect();
    // A plan, the work, two reviews; only the work may write.
    assert_eq!((modes.len(), modes.iter().filter(|mode| *mode == "plan").count()), (4, 3), "{modes:?}");
    let said = |body: &&String| body.contains("That is the plan") && body.contains("Follow it");
    assert!(world.model.as_ref().unwrap().bodies().iter().any(|body| said(&body)), "the plan reaches the work");
    // Who reviews stands on the files of the work.
    let reviews: Vec<_> =
        world.sessions().into_iter().filter(|id| world.place(id).join("made-1.txt").exists()).collect();
    assert_eq!(reviews.len(), 3);
    // The same command again asks nobody.
    let asked = world.model.as_ref().unwrap().bodies().len();
    let again = world.run("ace", &RELAY).done();
    assert_eq!((world.model.as_ref().unwrap().bodies().len(), world.sessions().len()), (asked, 4), "{again:?}");
}

#[test]
fn a_relay_whose_reviews_are_never_content_says_so() {
    let world = world(Server::reading(|body| match body.contains("This was to be done") {
        true => Reply::Text("No.\nREJECT"),
        false => Reply::Text("Done."),
    }));
    let run = world.run("ace", &["relay", "--reviews", "1", "--json", "make the files"]).fails(1, &[]);
    assert_eq!(rows(&run.stdout).last().unwrap()["verdict"], "failed", "{run:?}");
    let unclear = self::world(Server::start(vec![Reply::Text("Plan."), Reply::Text("Done."), Reply::Text("Hm.")]));
    let run = unclear.run("ace", &["relay", "--json", "make the files"]).fails(1, &[]);
    assert!(run.stdout.contains("neither ACCEPT nor REJECT"), "{run:?}");
}

#[test]
fn f09_a_relay_that_was_killed_goes_on_where_it_stood() {
    for wait in [1, 2, 4, 6] {
        let world = world(relaying());
        let mut child = world.command("ace-many", &RELAY).spawn().unwrap();
        eventually("some requests", || world.model.as_ref().unwrap().bodies().len() >= wait);
        child.kill().unwrap();
        child.wait().unwrap();
        let run = world.run("ace-many", &RELAY).done();
        assert_eq!(rows(&run.stdout).last().unwrap()["task"], "review", "{run:?}");
        let asked = |id: &String| {
            let told = |line: &&Value| line["data"]["text"].as_str().is_some_and(|text| text.contains("asks for more"));
            world.log(id).iter().filter(told).count()
        };
        assert_eq!(world.sessions().iter().map(asked).sum::<usize>(), 1, "killed after {wait} requests");
    }
}

#[test]
fn enough_checks_are_enough() {
    let world = world(writing());
    let args = ["compare", "--mode", "auto", "--check", CHECK, "--check", "false", "--check", "true", "--json", "one"];
    let all = rows(&world.run("ace", &args).fails(1, &[]).stdout);
    assert_eq!((&all[0]["verdict"], &all[0]["checks_passed"]), (&"failed".into(), &2.into()));
    let votes = [&args[..args.len() - 1], &["--votes", "2", "two"]].concat();
    let enough = rows(&world.run("ace", &votes).done().stdout);
    assert_eq!((&enough[0]["verdict"], &enough[0]["checks_passed"]), (&"passed".into(), &2.into()));
}

#[test]
fn with_claims_a_path_is_of_whoever_changes_it_first() {
    let world = world(Server::reading(|body| {
        let last = last_said(body);
        let steps = body.matches(r#""role":"tool""#).count();
        match (last.trim(), steps) {
            ("alone", 0) => Reply::Calls("", vec![shell("echo x > other.txt")]),
            (_, 0) => Reply::Calls("", vec![shell("echo x > same.txt")]),
            _ => Reply::Text("Done."),
        }
    }));
    let args = ["map", "--mode", "auto", "-j", "1", "--claims", "--json"];
    let tasks = b"first\nalone\nsecond\n";
    let run = world.feed("ace", &args, tasks);
    assert_eq!(run.code, Some(1), "{run:?}");
    let told: Vec<_> = rows(&run.stdout).iter().map(|r| r["verdict"].as_str().unwrap().to_owned()).collect();
    assert_eq!(told, ["done", "done", "clashes"], "{run:?}");
    assert!(run.stdout.contains("same.txt"), "{run:?}");
    let again = world.feed("ace", &args, tasks);
    assert_eq!(rows(&again.stdout).len(), 3, "{again:?}");
}
