//! Questions answered from elsewhere: by a person in another terminal, or by a client that has registered to be asked.

use crate::run::{calls_then, shell};
use crate::server::{Reply, Server};
use crate::suite::{World, eventually, finish};
use crate::terminal::{Terminal, has_tmux};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

/// A client that is asked: what it is told and what it says, a JSON line each.
struct Client {
    child: Child,
    says: ChildStdin,
    hears: BufReader<ChildStdout>,
}

impl Client {
    fn of(world: &World, args: &[&str]) -> Self {
        let mut command = world.command("ace-permit", &[&["ask", "@last", "--json"], args].concat());
        // Its ids must be others than those of the client before it.
        command.env_remove("ACE_SEED");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (says, hears) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, says, hears }
    }

    fn hear(&mut self) -> Value {
        let mut line = String::new();
        self.hears.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line:?}"))
    }

    fn say(&mut self, what: &Value) {
        writeln!(self.says, "{what}").unwrap();
    }
}

fn asked(world: &World) -> Vec<(String, String)> {
    let lines = world.log("@only");
    let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    let asked = lines.iter().filter(|l| l["type"] == "permission.requested");
    asked.map(|l| (text(&l["data"]["addressee"]), text(&l["data"]["unattended"]))).collect()
}

#[test]
fn a_client_that_registers_is_asked_and_a_run_that_nobody_sits_at_waits_for_it() {
    let calls = |command| Reply::Calls("", vec![shell(command)]);
    let script = vec![calls("touch one"), calls("touch two"), calls("touch three"), Reply::Text("ok")];
    let world = World::with_model(Server::start(script)).repository(&[]);
    let _ = world.run("ace", &["run", "--name", "go", "go"]).fails(3, &[]);
    assert_eq!(asked(&world), [("user".to_owned(), "wait".to_owned())], "nobody has registered");
    let mut client = Client::of(&world, &["--client", "editor"]);
    let first = client.hear();
    assert_eq!((&first["tool"], &first["args"]["command"]), (&"shell".into(), &"touch one".into()), "{first}");
    client.say(&json!({"call": first["call"], "decision": "allow"}));
    assert_eq!(client.hear()["resolved"]["who"], "tester");
    let run = world.command("ace", &["resume", "go"]).stdin(Stdio::null()).spawn().unwrap();
    let second = client.hear();
    assert_eq!(asked(&world)[1], ("editor".to_owned(), "user".to_owned()));
    assert_eq!(second["args"]["command"], "touch two");
    client.say(&json!({"call": "zzzzzzzz-1", "decision": "allow"}));
    assert!(client.hear()["refused"].as_str().unwrap().contains("nothing waits under 'zzzzzzzz-1'"));
    client.say(&json!({"call": second["call"], "decision": "deny", "why": "use one"}));
    assert_eq!(client.hear()["resolved"]["why"], "use one");
    // It leaves in the middle: the third question is the user's again, and nobody sits there.
    let _third = client.hear();
    client.child.kill().unwrap();
    client.child.wait().unwrap();
    let ended = finish(run, None);
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(world.place("@only").join("one").exists() && !world.place("@only").join("two").exists());
    assert!(world.types("@only").contains(&"pen.dropped".to_owned()), "its end is recorded");
    let _ = world.run("ace-permit", &["allow", "go", &format!("@{}", asked_line(&world))]).ok();
    let _ = world.run("ace", &["resume", "go"]).done();
    assert!(world.place("@only").join("three").exists());
    let _ = world.run("ace-log", &["verify", "go"]).ok();
}

fn asked_line(world: &World) -> usize {
    world.log("@only").iter().rposition(|l| l["type"] == "permission.requested").unwrap() + 1
}

#[test]
fn a_client_that_leaves_in_order_takes_its_name_back() {
    let script = vec![Reply::Calls("", vec![shell("touch one")]), Reply::Text("ok"), Reply::Text("ok")];
    let world = World::with_model(Server::start(script)).repository(&[]);
    let _ = world.run("ace", &["run", "--name", "go", "go"]).fails(3, &[]);
    let mut client = Client::of(&world, &["--client", "editor"]);
    let first = client.hear();
    client.say(&json!({"call": first["call"], "decision": "allow"}));
    let _ = client.hear();
    drop(client.says);
    assert_eq!(client.child.wait().unwrap().code(), Some(0));
    let lines = world.log("@only");
    let said: Vec<&Value> = lines.iter().filter_map(|l| l["data"].get("asks")).collect();
    assert_eq!(said, [&json!("editor"), &json!("")]);
    for name in ["user", "", "Ed itor"] {
        let _ = world
            .feed("ace-permit", &["ask", "go", "--json", "--client", name], b"")
            .fails(2, &["no name of a client"]);
    }
}

#[test]
fn a21_the_first_answer_wins_wherever_it_comes_from_and_a_late_one_is_recorded() {
    let world = World::with_model(calls_then("touch one", "ok")).repository(&[]);
    let _ = world.run("ace", &["run", "--name", "go", "go"]).fails(3, &[]);
    let line = format!("@{}", asked_line(&world));
    let mut client = Client::of(&world, &[]);
    let question = client.hear();
    let _ = world.run("ace-permit", &["deny", "go", &line, "--why", "no"]).ok();
    assert_eq!(client.hear()["resolved"]["decision"], "deny", "it hears of an answer from elsewhere");
    // Nothing waits any more: it has ended, whatever is said to it.
    assert_eq!(client.child.wait().unwrap().code(), Some(0));
    let _ =
        world.run("ace-permit", &["allow", "go", question["call"].as_str().unwrap()]).fails(1, &["answered before"]);
    let refused = world.last("@only", "log.refused");
    assert_eq!(
        (&refused["type"], &refused["why"]),
        (&"permission.resolved".into(), &"answered before".into()),
        "{refused}"
    );
    let _ = world.run("ace", &["resume", "go"]).done();
    assert!(!world.place("@only").join("one").exists());
    let _ = world.feed("ace-permit", &["ask", "go", "--json"], b"").fails(1, &[]);
    let _ = world.feed("ace-permit", &["ask", "go"], b"").fails(2, &["no terminal to ask in"]);
}

#[test]
fn a_person_answers_in_another_terminal() {
    if !has_tmux() {
        return;
    }
    let edit = ("edit", json!({"path": "file", "old": "old", "new": "new"}).to_string());
    let script = vec![
        Reply::Calls("", vec![shell("touch one")]),
        Reply::Calls("", vec![edit]),
        Reply::Calls("", vec![shell("touch two && touch three")]),
        Reply::Text("ok"),
    ];
    let world = World::with_model(Server::start(script)).repository(&[("file", "old\n")]);
    let terminal = Terminal::open(&world, 80, 40, "ACE_SEED=");
    let answer = |shows: &str, line: &str, then: &str, code: i32| {
        let left = format!("left-{}", world.log("@only").len());
        terminal.line(&format!("ace-permit ask go; echo \"{left}=$?\""));
        terminal.shows(shows);
        // What is typed before it can have been seen is dropped: it is typed until it counts.
        eventually(then, || {
            terminal.line(line);
            std::thread::sleep(std::time::Duration::from_millis(500));
            terminal.screen().contains(then)
        });
        terminal.shows(&format!("\n{left}=0"));
        assert_eq!(world.run("ace", &["resume", "go"]).code, Some(code));
    };
    let _ = world.run("ace", &["run", "--name", "go", "go"]).fails(3, &[]);
    answer("touch one", "y", "allowed once", 3);
    answer("wants to change file", "n keep it", "refused by you: keep it", 3);
    answer("touch two && touch three", "s touch ...", "allowed for this session", 0);
    assert!(world.place("@only").join("one").exists() && world.place("@only").join("three").exists());
    assert_eq!(std::fs::read_to_string(world.place("@only").join("file")).unwrap(), "old\n");
    assert_eq!(world.last("@only", "permission.resolved")["scope"], "session");
}
