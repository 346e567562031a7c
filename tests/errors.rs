//! How a session is named, what is said when there is none, and what damage looks like: one line, the right exit, a hint that works.

use crate::server::{Reply, Server};
use crate::suite::World;

fn world() -> World {
    let world = World::with_model(Server::start(vec![Reply::Text("Said.")])).repository(&[]);
    let _ = world.run("ace", &["run", "-q", "--name", "fix-median", "go"]).ok();
    world
}

#[test]
fn a_session_is_found_by_name_id_last_four_last_and_path() {
    let world = world();
    let id = world.sessions().remove(0);
    let log = world.log_file(&id);
    for name in ["fix-median", &id, &id[12..], "@last", log.to_str().unwrap(), log.parent().unwrap().to_str().unwrap()]
    {
        assert_eq!(world.run("ace-log", &["text", name]).ok(), "Said.\n", "{name}");
        assert_eq!(world.run("ace", &["text", name]).ok(), "Said.\n", "{name}");
    }
}

#[test]
fn every_view_of_a_session_says_the_same() {
    let world = world();
    let ls = world.run("ace", &["ls"]).ok();
    assert!(ls.lines().nth(1).unwrap().contains("fix-median") && ls.contains("done"), "{ls}");
    assert!(world.run("ace", &["ls", "--json"]).ok().contains("\"name\":\"fix-median\""));
    let show = world.run("ace", &["show", "fix-median"]).ok();
    assert!(show.starts_with("session fix-median  ") && show.contains("turn 1  go"), "{show}");
    let lines = world.log("@only").len();
    assert_eq!(world.run("ace", &["log", "fix-median"]).ok().lines().count(), lines);
    let line = world.log("@only").iter().position(|l| l["type"] == "model.completed").unwrap() + 1;
    assert!(world.run("ace", &["show", &format!("fix-median@{line}")]).ok().contains("Said."));
    for typed in ["fix-median", "@last", &world.sessions()[0]] {
        let said = world.run("ace", &["verify", typed]).ok();
        assert!(said.contains(&format!("fix-median  {lines} lines")), "by its name, however it was typed: {said}");
    }
    let beyond = world.run("ace", &["show", "fix-median@999"]).fails(1, &[]);
    assert_eq!(beyond.stderr, format!("ace: 'fix-median' has no line 999, the last is @{lines}\n"));
}

#[test]
fn a_session_that_is_not_there_gets_the_nearest_name() {
    let world = world();
    let run = world.run("ace", &["show", "fix-medain"]).fails(2, &[]);
    assert_eq!(run.stderr, "ace: no session 'fix-medain'\nhint: did you mean 'fix-median'? ace ls shows all\n");
    let run = world.run("ace-log", &["cat", "zzz"]).fails(2, &[]);
    assert_eq!(run.stderr, "ace-log: no session 'zzz'\nhint: ace ls shows all\n");
    let run = World::new().run("ace", &["show", "@last"]).fails(2, &[]);
    assert_eq!(run.stderr.lines().next(), Some("ace: no session '@last'"));
}

#[test]
fn a_name_of_several_sessions_lists_their_ids() {
    let world = world();
    let first = world.sessions().remove(0);
    // Copied from another machine: the same name, an id of its own.
    let (from, to) = (world.log_file(&first), format!("{}zzzz", &first[..12]));
    std::fs::create_dir(world.ace_home().join("sessions").join(&to)).unwrap();
    std::fs::write(world.log_file(&to), std::fs::read_to_string(from).unwrap()).unwrap();
    let run =
        world.run("ace", &["show", "fix-median"]).fails(2, &["'fix-median' names 2 sessions", "hint: take an id: "]);
    assert!(run.stderr.contains(&first) && run.stderr.contains(&to), "{}", run.stderr);
}

#[test]
fn messages_are_queued_as_turns_of_their_own() {
    let world = world();
    assert_eq!(world.run("ace-session", &["say", "@last", "and again"]).ok(), "");
    assert_eq!(world.feed("ace-session", &["say", "@last"], b"from stdin\n").ok(), "");
    let _ = world.run("ace-session", &["run", "@last"]).done();
    assert_eq!(world.types("@only").iter().filter(|t| *t == "turn.completed").count(), 3);
    assert_eq!(world.run("ace", &["text", "@last"]).ok(), "Said.\n\nSaid.\n\nSaid.\n");
    let _ = world.run("ace", &["say", "@last", " "]).fails(2, &["nothing to say: the message is empty"]);
    let before = world.log("@only").len();
    let _ = world.run("ace", &["resume", "@last"]).done();
    assert_eq!(world.log("@only").len(), before, "with nothing due nothing is added");
}

#[test]
fn a_message_with_now_steers_the_running_turn() {
    let wait = crate::run::shell("while ! test -e go-on; do sleep 0.01; done");
    let model = Server::start(vec![Reply::Calls("", vec![wait]), Reply::Text("ok")]);
    let world = World::with_model(model).repository(&[]);
    let child = world.command("ace", &["run", "--mode", "auto", "go"]).spawn().unwrap();
    crate::suite::eventually("the tool runs", || {
        world.sessions().len() == 1 && world.types("@only").iter().any(|t| t == "tool.started")
    });
    let _ = world.run("ace-session", &["say", "@last", "--now", "leave the tests alone"]).ok();
    std::fs::write(world.place("@only").join("go-on"), "").unwrap();
    let _ = crate::suite::finish(child, None).done();
    assert!(world.model.as_ref().unwrap().bodies()[1].contains("leave the tests alone"));
    assert_eq!(world.types("@only").iter().filter(|t| *t == "turn.started").count(), 1);
}

/// Writes the log anew, changed.
fn damage(world: &World, change: impl Fn(&mut Vec<String>)) {
    let file = world.log_file("@only");
    let mut lines: Vec<String> = std::fs::read_to_string(&file).unwrap().lines().map(str::to_owned).collect();
    change(&mut lines);
    std::fs::write(&file, lines.join("\n") + "\n").unwrap();
}

#[test]
fn a_changed_line_is_named_and_nothing_goes_on_from_it() {
    let world = world();
    damage(&world, |lines| lines[1] = lines[1].replace("\"go\"", "\"no\""));
    let run = world.run("ace", &["verify", "fix-median"]).fails(65, &[]);
    assert_eq!(
        run.stderr.lines().next(),
        Some("ace-log: 'fix-median' is damaged at line 3: prev is not the hash of line 2")
    );
    assert!(run.stderr.lines().nth(1).unwrap().starts_with("hint: "), "{}", run.stderr);
    let json = world.sh("ACE_ERRORS=json ace verify fix-median").fails(65, &[]);
    let json: serde_json::Value = serde_json::from_str(&json.stderr).unwrap();
    assert_eq!((&json["program"], &json["exit"], &json["code"]), (&"ace-log".into(), &65.into(), &"damaged".into()));
}

#[test]
fn a_line_that_is_no_event_stops_who_would_write() {
    let world = world();
    damage(&world, |lines| lines[2] = "garbage".to_owned());
    let before = std::fs::read(world.log_file("@only")).unwrap();
    let _ = world.run("ace", &["verify", "fix-median"]).fails(65, &["'fix-median' is damaged at line 3: "]);
    for line in ["ace say fix-median more", "ace resume fix-median", "ace-log append fix-median"] {
        let _ = world.sh(line).fails(65, &["damaged at line 3"]);
    }
    assert_eq!(std::fs::read(world.log_file("@only")).unwrap(), before, "nothing was written");
}

#[test]
fn a_log_of_a_newer_ace_is_refused_by_its_version() {
    let world = world();
    damage(&world, |lines| lines.iter_mut().for_each(|l| *l = l.replace("\"v\":1,", "\"v\":2,")));
    for line in
        ["ace verify fix-median", "ace-log cat fix-median", "ace-log follow fix-median --until turn", "ace say @last x"]
    {
        let run = world
            .sh(&line.replace("fix-median", "@last"))
            .fails(65, &["needs a newer ace: line 1 has v 2, this one reads v 1"]);
        assert!(run.stdout.is_empty(), "{line}: {run:?}");
    }
}

#[test]
fn a_slip_in_the_configuration_is_named_with_its_place_and_the_nearest_key() {
    let world = world();
    world.config("# mine\nmodle = \"x\"\n");
    let file = world.config_file().display().to_string();
    for program in [&["ace", "ls"][..], &["ace", "run", "x"], &["ace-log", "cat", "@last"], &["ace-permit"]] {
        let run = world.run(program[0], &program[1..]).fails(78, &[]);
        let expected = format!("{}: unknown key 'modle' in {file}:2\nhint: did you mean 'model'?\n", program[0]);
        assert_eq!(run.stderr, expected);
    }
}

#[test]
fn a_wrong_verb_and_a_wrong_flag_get_the_nearest() {
    let world = World::new();
    let run = world.run("ace", &["shwo", "x"]).fails(2, &[]);
    assert_eq!(
        run.stderr,
        "ace: unknown command 'shwo', and no ace-shwo on the PATH\nhint: did you mean 'show'? ace -h shows all\n"
    );
    let run = world
        .run("ace", &["run", "--modle", "x"])
        .fails(2, &["unexpected argument '--modle'", "hint: did you mean '--mod"]);
    assert_eq!(run.stderr.lines().count(), 2);
}

#[test]
fn any_other_word_runs_the_program_of_that_name() {
    let world = World::new();
    let bin = world.path("bin");
    std::fs::create_dir(&bin).unwrap();
    std::fs::write(bin.join("ace-lint"), "#!/bin/sh\necho \"linted $*\"\nexit 5\n").unwrap();
    let run = world.sh(&format!("chmod +x {0}/ace-lint; PATH={0}:$PATH ace lint a 'b c'", bin.display()));
    assert_eq!((run.code, run.stdout.as_str()), (Some(5), "linted a b c\n"));
}
