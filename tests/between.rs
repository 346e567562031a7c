//! Between runs: two logs side by side, who wrote a line, questions in SQL, heads noted in git.

use crate::run::shell;
use crate::server::{Reply, Server};
use crate::suite::World;
use serde_json::Value;

/// Two sessions of the same prompt: one makes a file in two steps, one in one and a half.
fn world() -> (World, Vec<String>) {
    let first = std::sync::atomic::AtomicUsize::new(0);
    let world = World::with_model(Server::by(move |answers| match answers {
        0 => Reply::Calls("", vec![shell("printf 'one\\ntwo\\n' > made.txt")]),
        1 if first.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0 => {
            Reply::Calls("", vec![shell("sed -i 's/two/2/; 1i zero' made.txt")])
        }
        1 => Reply::Calls("", vec![shell("false")]),
        _ => Reply::Text("Made."),
    }))
    .repository(&[("a.txt", "a\n")]);
    world.add_config("[prices.\"test/scripted\"]\ninput = 10\noutput = 10\n");
    for name in ["left", "right"] {
        let _ = world.run("ace", &["run", "-q", "--mode", "auto", "--name", name, "make it"]).done();
    }
    let sessions = world.sessions();
    (world, sessions)
}

#[test]
fn two_logs_are_aligned_by_turn_and_call() {
    let (world, _) = world();
    let run = world.run("ace-log", &["diff", "left", "right"]);
    assert_eq!(run.code, Some(1), "{run:?}");
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert_eq!(lines[0], "turn 1  make it");
    assert!(lines[1].starts_with("- shell sed -i") && lines[2].starts_with("+ shell false  exit 1"), "{lines:#?}");
    assert!(!run.stdout.contains("printf"), "what is the same is left out");
    let same = world.run("ace-log", &["diff", "left", "left"]).ok();
    assert_eq!(same, "");
    let json = world.run("ace-log", &["diff", "--json", "--whole", "left", "right"]);
    let rows: Vec<Value> = json.stdout.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let signs: String = rows.iter().filter(|r| r["what"] == "call").map(|r| r["sign"].as_str().unwrap()).collect();
    assert_eq!(signs, " -+");
}

#[test]
fn a_line_leads_to_the_call_the_prompt_the_model_and_the_price() {
    let (world, sessions) = world();
    let _ = world.run("ace", &["land", "left"]).done();
    // Shifted by what a person wrote afterwards.
    let path = world.project().join("made.txt");
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text, "zero\none\n2\n");
    std::fs::write(&path, format!("mine\n{text}")).unwrap();
    let blame = |line: &str| -> Value {
        let run = world.run("ace", &["blame", "--json", &format!("made.txt:{line}"), "left"]).done();
        serde_json::from_str(&run.stdout).unwrap()
    };
    let one = blame("3");
    assert_eq!((one["text"].as_str(), one["session"].as_str()), (Some("one"), Some(sessions[0].as_str())));
    assert!(one["call"].as_str().unwrap().starts_with("shell printf"), "{one}");
    assert_eq!((one["prompt"].as_str(), one["model"].as_str()), (Some("make it"), Some("test/scripted")));
    assert!(one["cost_micro_usd"].as_u64().unwrap() > 0);
    for line in ["2", "4"] {
        let row = blame(line);
        assert!(row["call"].as_str().unwrap().starts_with("shell sed"), "{row}");
        let record = world.log(&sessions[0]).into_iter().find(|l| l["seq"] == row["seq"]).unwrap();
        assert_eq!(record["type"], "tool.completed");
    }
    let _ = world.run("ace", &["blame", "made.txt:1", "left"]).fails(1, &["no session wrote line 1"]);
    let _ = world.run("ace", &["blame", "a.txt:1"]).fails(1, &["no session wrote line 1"]);
    let _ = world.run("ace", &["blame", "made.txt:99"]).fails(2, &["no line 99"]);
    let _ = world.run("ace", &["blame", "made.txt"]).fails(2, &["FILE:LINE"]);
    let shown = world.run("ace", &["blame", "made.txt:3", "left"]).ok();
    assert!(shown.starts_with("left@") && shown.contains("turn 1  make it"), "{shown}");
}

#[test]
fn questions_are_answered_from_all_logs_and_change_nothing() {
    let (world, sessions) = world();
    let ask = |sql: &str| world.run("ace", &["query", sql]);
    let out = ask("SELECT name, turns, calls, errors FROM sessions ORDER BY name").ok();
    let rows: Vec<Vec<&str>> = out.lines().map(|l| l.split_whitespace().collect()).collect();
    assert_eq!(rows, [["NAME", "TURNS", "CALLS", "ERRORS"], ["left", "1", "2", "0"], ["right", "1", "2", "1"]]);
    let run =
        world.run("ace", &["query", "--json", "SELECT tool, exit, session FROM calls WHERE state = 'failed'"]).done();
    let row: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(
        (row["tool"].as_str(), row["exit"].as_i64(), row["session"].as_str()),
        (Some("shell"), Some(1), Some(sessions[1].as_str()))
    );
    let spent: Value =
        serde_json::from_str(&world.run("ace", &["query", "--json", "SELECT sum(cost) AS c FROM answers"]).ok())
            .unwrap();
    let logged: u64 = sessions.iter().flat_map(|s| world.log(s)).filter_map(|l| l["data"]["cost"].as_u64()).sum();
    assert_eq!(spent["c"].as_u64(), Some(logged));
    // What grows is told anew, what goes is forgotten.
    let _ = world.run("ace-session", &["say", "left", "and again"]).done();
    let _ = world.run("ace-session", &["run", "left"]).done();
    assert!(
        ask("SELECT count(*) AS n FROM turns WHERE prompt = 'and again' AND state = 'completed'").ok().ends_with("1\n")
    );
    let _ = world.run("ace", &["rm", "--force", "right"]).done();
    assert_eq!(ask("SELECT name FROM sessions").ok(), "NAME\nleft\n");
    for bad in [
        "DELETE FROM sessions",
        "ATTACH DATABASE '/tmp/x' AS x",
        "PRAGMA user_version=3",
        "SELECT",
        "SELECT * FROM nothing",
    ] {
        let _ = ask(bad).fails(2, &["cannot answer"]);
    }
    let _ = ask("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n LIMIT 200001) SELECT i FROM n").done();
    assert_eq!(ask("SELECT name FROM sessions WHERE 0").code, Some(1));
}

#[test]
fn e02_a_head_noted_in_git_finds_a_log_that_was_cut() {
    let (world, sessions) = world();
    let _ = world.run("ace-log", &["verify", "left", "--noted"]).fails(1, &["nothing is noted"]);
    assert_eq!(world.run("ace-log", &["verify", "left", "--note"]).ok(), "");
    let note = world.git(&["notes", "--ref=ace", "show", "HEAD"]);
    assert!(note.starts_with(&format!("Ace-Session: {}@", sessions[0])), "{note}");
    let _ = world.run("ace-log", &["verify", "left", "--noted"]).done();
    let log = world.log_file(&sessions[0]);
    let text = std::fs::read_to_string(&log).unwrap();
    let cut: Vec<&str> = text.lines().collect();
    std::fs::write(&log, cut[..cut.len() - 1].join("\n") + "\n").unwrap();
    let _ = world.run("ace-log", &["verify", "left"]).code;
    let _ = world.run("ace-log", &["verify", "left", "--noted"]).fails(65, &["left"]);
}
