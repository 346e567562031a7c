//! Money: what a call is billed, what a session, a group and a day may spend, and that nobody can spend more, whoever falls.

use crate::server::{Reply, Server};
use crate::suite::{Run, World, eventually, finish};
use serde_json::Value;
use std::process::{Child, Stdio};

/// `test/scripted` at a dollar a million tokens of input, two of output; a cached one a tenth. An answer of the scripted model (40
/// tokens of input, 60 cached, 10 of output) costs 66 micro-dollars.
const PRICES: &str = "[prices.\"test/scripted\"]\ninput = 1\noutput = 2\ncache_read = 0.1\n";
const ANSWER: u64 = 66;

fn world(replies: Vec<Reply>) -> World {
    let world = World::with_model(Server::start(replies));
    world.add_config(PRICES);
    world
}

fn list() -> Reply {
    Reply::Calls("", vec![("list", serde_json::json!({"path": "."}).to_string())])
}

fn run(world: &World, flags: &[&str]) -> Run {
    world.run("ace", &[&["run", "--mode", "auto", "--no-worktree", "--unsandboxed"], flags, &["go"]].concat())
}

fn requests(world: &World) -> usize {
    world.model.as_ref().unwrap().bodies().len()
}

fn count(world: &World, ty: &str) -> usize {
    world.types("@only").iter().filter(|t| *t == ty).count()
}

/// What `ace-quota show` says of every limit, as JSON.
fn limits(world: &World, args: &[&str]) -> Vec<Value> {
    let out = world.run("ace-quota", &[&["show", "--json"], args].concat()).ok();
    out.lines().map(|l| serde_json::from_str(l).unwrap()).collect()
}

#[test]
fn a_budget_is_set_aside_spent_warned_of_once_and_never_exceeded() {
    let world = world(vec![list()]);
    let stopped = run(&world, &["--budget", "0.005"]).fails(4, &["budget exceeded: the next call may cost $"]);
    assert!(
        stopped.stderr.contains("hint: ace say go \"go on\" && ace resume go --budget 0.01\n"),
        "{}",
        stopped.stderr
    );
    let log = world.log("@only");
    let of = |ty: &str| log.iter().filter(|l| l["type"] == ty).map(|l| l["data"].clone()).collect::<Vec<_>>();
    let (asked, answers) = (of("model.requested").len(), of("model.completed"));
    assert_eq!(asked, requests(&world), "the call that would exceed it never left");
    assert_eq!((of("budget.reserved").len(), answers.len()), (asked, asked));
    let spent: u64 = answers.iter().map(|a| a["cost"].as_u64().unwrap()).sum();
    assert_eq!(spent, ANSWER * asked as u64);
    for (reserved, body) in of("budget.reserved").iter().zip(world.model.as_ref().unwrap().bodies()) {
        assert!(reserved["money"].as_u64().unwrap() <= 5000, "{reserved}");
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(reserved["output"].as_u64().unwrap(), body["max_tokens"], "the answer was kept that short");
    }
    let exceeded = world.last("@only", "budget.exceeded");
    assert_eq!((exceeded["limit"].as_str(), exceeded["used"].as_u64()), (Some("money"), Some(spent)));
    assert!(spent + exceeded["next"].as_u64().unwrap() > 5000);
    let standing = &limits(&world, &["--session", "@last"])[0];
    assert_eq!((standing["used"].as_u64(), standing["reserved"].as_u64()), (Some(spent), Some(0)));
}

#[test]
fn most_of_a_budget_is_told_once() {
    // Four fifths of 400 are spent with the fifth answer: calls are worth their price, and 512 tokens of output.
    let world = world(vec![list(), list(), list(), list(), list(), list(), list(), Reply::Text("done")]);
    world.add_config("[quota.session]\ncalls = 10\n");
    let _ = run(&world, &[]).done();
    assert_eq!(count(&world, "budget.warned"), 1, "{:?}", world.types("@only"));
    let warned = world.last("@only", "budget.warned");
    assert_eq!(
        (warned["limit"].as_str(), warned["used"].as_u64(), warned["allowed"].as_u64()),
        (Some("calls"), Some(8), Some(10))
    );
}

#[test]
fn a_session_goes_on_with_a_larger_budget() {
    let world = world(vec![list(), list(), list(), Reply::Text("all done")]);
    world.add_config("[quota.session]\ncalls = 2\n");
    let _ = run(&world, &[]).fails(4, &["limit reached: 2 calls"]);
    // The configuration is for new sessions; this one has its own limits.
    let _ = world.run("ace", &["say", "@last", "go on"]).ok();
    let _ = world.run("ace", &["resume", "@last", "--budget", "0.01"]).fails(4, &["limit reached: 2 calls"]);
    assert_eq!(requests(&world), 2);
    let configured = world.last("@only", "session.configured");
    assert_eq!(
        (configured["limits"]["money"].as_u64(), configured["limits"]["calls"].as_u64()),
        (Some(10_000), Some(2))
    );
}

#[test]
fn time_stops_a_turn_before_its_next_call() {
    let world =
        world(vec![Reply::Calls("", vec![("shell", r#"{"command":"sleep 1.2"}"#.to_owned())]), Reply::Text("late")]);
    let _ = run(&world, &["--max-time", "1s"]).fails(4, &["limit reached: 1 s"]);
    assert_eq!(requests(&world), 1);
}

#[test]
fn a_question_without_a_log_is_limited_and_entered_too() {
    let world = world(vec![Reply::Text("hello")]);
    world.add_config("[quota.day]\ncalls = 2\n");
    for _ in 0..2 {
        assert_eq!(world.run("ace", &["ask", "hi"]).ok(), "hello\n");
    }
    let third = world.run("ace", &["ask", "hi"]).fails(4, &[]);
    assert_eq!(
        third.stderr,
        "ace-quota: limit of the day reached: 2 calls\nhint: ace-quota show tells how the limits stand\n"
    );
    assert_eq!(requests(&world), 2);
    let day = &limits(&world, &[])[0];
    assert_eq!((day["used"].as_u64(), day["reserved"].as_u64()), (Some(2), Some(0)));
    let _ = world.run("ace", &["ask", "--group", "nihgtly", "hi"]).fails(2, &["no limits of a group 'nihgtly'"]);
}

/// A question as a stream of its own: what `ace-quota` reads before the model.
fn stream(n: usize) -> String {
    let line = |id: &str, cause: &str, ty: &str, data: &str| {
        format!(
            r#"{{"v":1,"id":"{id}","session":"00000000000000{n:02}","turn":1,"cause":"{cause}","by":"t","type":"{ty}","data":{data}}}"#
        )
    };
    let created = r#"{"name":"once","cwd":"/","model":"test/scripted","mode":"ask","limits":{"groups":["g"]}}"#;
    [
        r#"{"type":"log.none"}"#.to_owned(),
        line("s-1", "", "session.created", created),
        line("s-2", "", "user.message", r#"{"text":"hi"}"#),
        line("turn-1", "s-2", "turn.started", "{}"),
        line("ctx-turn-1", "turn-1", "context.built", r#"{"system":"","ranges":[[1]],"model":"test/scripted"}"#),
    ]
    .map(|l| l + "\n")
    .concat()
}

/// Sixty-four processes at once: how many were admitted, and what was set aside for them.
fn sixty_four(limit: &str) -> (World, usize, u64) {
    let world = world(vec![Reply::Text("hi")]);
    world.add_config(&format!("[quota.groups.g]\nper = \"ever\"\n{limit}\n"));
    let all: Vec<(Child, usize)> =
        (0..64).map(|n| (world.command("ace-quota", &[]).stdin(Stdio::piped()).spawn().unwrap(), n)).collect();
    let ends: Vec<std::thread::JoinHandle<Run>> = all
        .into_iter()
        .map(|(child, n)| std::thread::spawn(move || finish(child, Some(stream(n).into_bytes()))))
        .collect();
    let (mut admitted, mut money) = (0, 0);
    for end in ends {
        let out = end.join().unwrap().done().stdout;
        let own: Vec<Value> = out.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
        let said: Vec<&Value> = own.iter().filter(|l| l["by"] == "ace-quota").collect();
        assert_eq!(said.len(), 1, "{out}");
        match said[0]["type"].as_str() {
            Some("budget.reserved") => {
                admitted += 1;
                money += said[0]["data"]["money"].as_u64().unwrap();
            }
            Some("budget.exceeded") => {}
            other => panic!("{other:?}"),
        }
    }
    (world, admitted, money)
}

#[test]
fn c02_sixty_four_at_once_with_a_budget_for_four_calls_are_at_most_four() {
    let (world, admitted, _) = sixty_four("calls = 4");
    assert_eq!(admitted, 4);
    assert_eq!(limits(&world, &[])[0]["reserved"].as_u64(), Some(4));
    // The least that such a call may cost is 512 tokens of output and a little input.
    let (world, admitted, money) = sixty_four("money = 0.0043");
    assert!((1..=4).contains(&admitted), "{admitted}");
    assert!(money <= 4300, "{money}");
    assert_eq!(limits(&world, &[])[0]["reserved"].as_u64(), Some(money));
    let _ = world.run("ace-quota", &["check", "--group", "g", "--amount", "0.004"]).fails(4, &[]);
}

#[test]
fn c03_what_falls_in_the_middle_of_a_call_counts_and_admits_nobody_else() {
    let world = world(vec![Reply::Hang("begun ")]);
    world.add_config("[quota.groups.g]\ncalls = 2\n");
    let model = world.model.as_ref().unwrap();
    let start = || {
        let args = ["run", "--mode", "auto", "--no-worktree", "--unsandboxed", "--group", "g", "go"];
        world.command("ace", &args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    };
    let mut children: Vec<Child> = (0..2).map(|_| start()).collect();
    eventually("two calls are under way", || model.bodies().len() == 2);
    let third = run(&world, &["--group", "g"]).fails(4, &["limit of group 'g' reached: 2 calls, 2 is set aside"]);
    assert!(third.stderr.contains("ace resume"), "{}", third.stderr);
    for child in &mut children {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    eventually("their filters go with them", || model.open() == 0);
    let check = || world.run("ace-quota", &["check", "--group", "g"]);
    eventually("what fell is found", || limits(&world, &[])[0]["reserved"].as_u64() == Some(0));
    assert_eq!(check().fails(4, &[]).stdout, "group g: 0 of 2 calls left\n");
    let used = || limits(&world, &[])[0]["used"].as_u64();
    assert_eq!(used(), Some(2), "it may have been answered: it counts");
    // One of them goes on: its call is closed as interrupted, and asking again would be the third.
    let first = world.sessions().remove(0);
    let _ = world.run("ace", &["resume", &first]).fails(4, &["limit of group 'g' reached"]);
    assert_eq!((model.bodies().len(), used()), (2, Some(2)), "nothing is entered twice");
}

#[test]
fn c03_a_filter_that_falls_is_started_again_and_goes_on_with_what_it_had_set_aside() {
    let world = world(vec![Reply::Hang("begun "), Reply::Text("over")]);
    let id = world.run("ace-session", &["new", "--no-worktree", "--unsandboxed", "--budget", "1", "go"]).done().stdout;
    let id = id.trim();
    let child = world.command("ace-session", &["run", id]).spawn().unwrap();
    let model = world.model.as_ref().unwrap();
    eventually("the call is under way", || model.bodies().len() == 1);
    // By its parent and its own name: of this run alone.
    let quota = format!("pgrep -P {} -x ace-quota", child.id());
    let pid = world.sh(&quota).stdout;
    assert!(!pid.trim().is_empty(), "ace-quota runs where limits hold");
    let _ = world.sh(&format!("kill -9 {pid}")).ok();
    eventually("another one runs", || {
        let now = world.sh(&quota).stdout;
        !now.trim().is_empty() && now != pid
    });
    let _ = world.run("ace-session", &["cancel", id]).ok();
    assert_eq!(finish(child, None).code, Some(130));
    let standing = &limits(&world, &["--session", id])[0];
    assert_eq!(standing["reserved"].as_u64(), Some(0));
    let failed = world.last(id, "model.failed");
    assert_eq!(failed["estimated"], true, "{failed}");
    assert_eq!(standing["used"], failed["cost"]);
    assert!(failed["cost"].as_u64().unwrap() > 0);
}

#[test]
fn c04_a_model_without_a_price_is_not_asked_on_a_budget() {
    let world = World::with_model(Server::start(vec![Reply::Text("hi")]));
    let stopped =
        run(&world, &["--budget", "5"]).fails(4, &["'test/scripted' has no price, so that no budget can hold"]);
    assert!(stopped.stderr.contains("hint: [prices.\"test/scripted\"] in the configuration"), "{}", stopped.stderr);
    assert_eq!(requests(&world), 0);
    // Counted in calls it can be limited, and without limits it is asked, and listed as what it is.
    world.add_config("[quota.session]\ncalls = 9\n");
    let _ = run(&world, &[]).done();
    let shown = world.run("ace", &["cost", "@last"]).ok();
    assert!(
        shown.contains("unpriced") && shown.contains("unpriced: test/scripted, see [prices] in ace-config(5)"),
        "{shown}"
    );
    assert!(world.run("ace", &["ls"]).ok().contains("1 unpriced"), "never a cost of nothing");
}

#[test]
fn c05_a_stream_that_is_cut_is_billed_by_an_estimate_and_leaves_nothing_set_aside() {
    let cut = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"some words of an answer\"}}]}\n\n".to_owned();
    let world = world(vec![Reply::Raw(cut)]);
    let run = run(&world, &["--budget", "1"]);
    assert!(run.code.is_some_and(|c| c != 0), "{run:?}");
    let failed = world.last("@only", "model.failed");
    assert_eq!(failed["estimated"], true);
    let (cost, reserved) = (failed["cost"].as_u64().unwrap(), world.last("@only", "budget.reserved"));
    assert!(cost > 0 && cost <= reserved["money"].as_u64().unwrap(), "{failed} {reserved}");
    let standing = &limits(&world, &["--session", "@last"])[0];
    assert_eq!((standing["used"].as_u64(), standing["reserved"].as_u64()), (Some(cost), Some(0)));
}

#[test]
fn c06_nobody_is_asked_while_nobody_can_tell_what_was_spent() {
    for damage in ["a folder that is a file", "a ledger that is none"] {
        let world = world(vec![Reply::Text("hi")]);
        let quota = world.ace_home().join("quota");
        if damage == "a folder that is a file" {
            std::fs::write(&quota, "").unwrap();
        } else {
            std::fs::create_dir(&quota).unwrap();
            std::fs::write(
                quota.join("ledger.db"),
                "no ledger, but words enough to be read as one page of it".repeat(20),
            )
            .unwrap();
        }
        let _ = run(&world, &["--budget", "1"]).fails(4, &["cannot tell what was spent, so no call is made: "]);
        assert_eq!(requests(&world), 0, "{damage}");
        assert_eq!(world.last("@only", "budget.exceeded")["limit"], "ledger");
        world.add_config("[quota.day]\nmoney = 1\n");
        let _ = world.run("ace-quota", &["check"]).fails(74, &["ace-quota: cannot tell what was spent"]);
        if damage == "a ledger that is none" {
            assert_eq!(world.run("ace-quota", &["rebuild"]).ok(), "");
            assert_eq!(
                world.run("ace-quota", &["check"]).ok(),
                "day: $1.0000 of $1.00 left, month: no limit\n".replace(", month: no limit", "")
            );
        }
    }
}

/// The cost that is recorded for an answer of 24 bytes with these figures.
fn billed(usage: &str) -> (u64, bool) {
    let answer = format!(
        "data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"four words of an answer.\"}}}}]}}\n\n\
         data: {{\"choices\":[{{\"index\":0,\"delta\":{{}},\"finish_reason\":\"stop\"}}]{usage}}}\n\ndata: [DONE]\n\n"
    );
    let world = world(vec![Reply::Raw(answer)]);
    let _ = run(&world, &[]).done();
    let done = world.last("@only", "model.completed");
    (done["cost"].as_u64().unwrap(), done["estimated"] == true)
}

#[test]
fn c07_figures_that_cannot_be_true_are_marked_and_never_lower_what_is_spent() {
    assert_eq!(billed(r#","usage":{"prompt_tokens":100,"completion_tokens":10}"#), (120, false));
    for odd in [
        "",
        r#","usage":null"#,
        r#","usage":{"prompt_tokens":-5,"completion_tokens":-5}"#,
        r#","usage":{"prompt_tokens":"NaN","completion_tokens":null}"#,
        r#","usage":{"prompt_tokens":0,"completion_tokens":0}"#,
    ] {
        let (cost, estimated) = billed(odd);
        assert!(estimated && cost > 120, "{odd}: {cost}");
    }
}

#[test]
fn c14_a_changed_price_list_leaves_old_answers_as_they_were() {
    let world = world(vec![Reply::Text("hi")]);
    let _ = run(&world, &[]).done();
    let before = world.last("@only", "model.completed");
    let rest = std::fs::read_to_string(world.config_file()).unwrap();
    world.config(&rest.replace("output = 2", "output = 200"));
    let _ = world.run("ace", &["say", "@last", "again"]).ok();
    let _ = world.run("ace", &["resume", "@last"]).done();
    let answers: Vec<Value> =
        world.log("@only").into_iter().filter(|l| l["type"] == "model.completed").map(|l| l["data"].clone()).collect();
    assert_eq!(answers[0], before);
    assert_ne!(answers[0]["prices"], answers[1]["prices"]);
    assert_eq!((answers[0]["cost"].as_u64(), answers[1]["cost"].as_u64()), (Some(ANSWER), Some(46 + 2000)));
    let rows = world.run("ace", &["cost", "@last", "--json"]).ok();
    let costs: Vec<Value> =
        rows.lines().map(|l| serde_json::from_str::<Value>(l).unwrap()["cost_micro_usd"].clone()).collect();
    assert_eq!(costs, [ANSWER, 2046], "what is recorded is what it cost");
}

#[test]
fn the_cost_of_a_session_is_the_same_wherever_it_is_shown() {
    let world = world(vec![list(), Reply::Text("done")]);
    let _ = run(&world, &[]).done();
    let shown = world.run("ace", &["cost", "@last"]).ok();
    let wanted = "  TURN  MODEL     CALLS  INPUT  CACHED  OUTPUT     COST  WITHOUT CACHE
     1  scripted      2    200    60 %      20  $0.0001        $0.0002
        total         2    200    60 %      20  $0.0001  saved $0.0001
";
    assert!(shown.starts_with(wanted), "{shown}");
    let row: Value = serde_json::from_str(&world.run("ace", &["cost", "@last", "--json"]).ok()).unwrap();
    assert_eq!(row["cost_micro_usd"].as_u64(), Some(2 * ANSWER));
    // From the logs, and from the index that the first listing has made.
    for _ in 0..2 {
        let line: Value = serde_json::from_str(&world.run("ace", &["ls", "--json"]).ok()).unwrap();
        assert_eq!(line["cost_micro_usd"], row["cost_micro_usd"]);
    }
    let all: Value = serde_json::from_str(&world.run("ace", &["cost", "--since", "1d", "--json"]).ok()).unwrap();
    assert_eq!((&all["cost_micro_usd"], all["session"].as_str()), (&row["cost_micro_usd"], Some("go")));
    assert_eq!(world.run("ace", &["cost", "--project", "elsewhere"]).ok(), "no model was asked\n");
}

#[test]
fn two_on_one_session_set_aside_once() {
    let world = world(vec![list(), list(), Reply::Text("done")]);
    let id =
        world.run("ace-session", &["new", "--mode", "auto", "--no-worktree", "--unsandboxed", "--budget", "1", "go"]);
    let id = id.done().stdout.trim().to_owned();
    let mut rival = world.command("ace-log", &["join", &id, "--", "ace-quota", "--drafts-only"]).spawn().unwrap();
    let _ = world.run("ace-session", &["run", &id]).done();
    let types = world.types(&id);
    let count = |ty: &str| types.iter().filter(|t| *t == ty).count();
    assert_eq!((count("budget.reserved"), count("model.requested"), count("log.refused")), (3, 3, 0), "{types:?}");
    rival.kill().unwrap();
    rival.wait().unwrap();
    let standing = &limits(&world, &["--session", &id])[0];
    assert_eq!((standing["used"].as_u64(), standing["reserved"].as_u64()), (Some(3 * ANSWER), Some(0)));
}

#[test]
fn the_typed_chain_keeps_a_budget_and_without_its_keeper_nobody_asks() {
    let world = world(vec![Reply::Text("hello")]);
    let chain = |quota: &str| {
        format!(
            "S=$(ace-session new --no-worktree --unsandboxed --budget 1 hi) && ace-log follow \"$S\" --until idle | ace-session step | {quota}\
             ace-model | ace-permit | ace-tool --unsandboxed | ace-log append \"$S\" && ace-log text \"$S\""
        )
    };
    assert_eq!(world.sh(&chain("ace-quota | ")).done().stdout, "hello\n");
    assert_eq!(requests(&world), 1);
    let child = world.shell(&chain("")).spawn().unwrap();
    eventually("a context waits", || {
        world
            .sessions()
            .last()
            .is_some_and(|s| world.sessions().len() == 2 && world.types(s).iter().any(|t| t == "context.built"))
    });
    let last = world.sessions().last().unwrap().clone();
    let _ = world.run("ace-session", &["cancel", &last]).ok();
    let _ = finish(child, None);
    assert_eq!(requests(&world), 1, "a model is not asked where nobody keeps the budget");
}
