//! `ace run --until` and `--inputs`: turn by turn until a command succeeds, and not at all when nothing has changed.

use crate::run::shell;
use crate::server::{Reply, Server};
use crate::suite::World;

/// A model that writes one more line to `done.txt` in each turn, then says so.
fn counting() -> Server {
    Server::by(|answers| match answers % 2 {
        0 => Reply::Calls("", vec![shell("echo line >> done.txt")]),
        _ => Reply::Text("One line more."),
    })
}

fn world(model: Server) -> World {
    World::with_model(model).repository(&[("a.txt", "a\n"), ("src/b.txt", "b\n"), (".gitignore", "made\n")])
}

/// Succeeds with the third line.
const THREE: &str = "wc -l < done.txt; test $(wc -l < done.txt) -ge 3";

fn checks(world: &World) -> Vec<serde_json::Value> {
    let log = world.log("@only");
    log.into_iter().filter(|l| l["type"] == "check.completed").map(|l| l["data"].clone()).collect()
}

#[test]
fn it_goes_on_turn_by_turn_until_the_command_succeeds() {
    let world = world(counting());
    let run = world.run("ace", &["run", "--mode", "auto", "--until", THREE, "add lines"]).done();
    assert_eq!(run.stdout, "One line more.\n", "the last answer alone");
    assert!(run.stderr.contains("check wc -l < done.txt; test $(wc -l < done.txt) -ge 3: exit 1"), "{}", run.stderr);
    let types = world.types("@only");
    assert_eq!(types.iter().filter(|t| *t == "turn.completed").count(), 3);
    let checks = checks(&world);
    let passed: Vec<_> = checks.iter().map(|c| (c["passed"].as_bool(), c["output"].as_str().unwrap())).collect();
    assert_eq!(passed, [(Some(false), "1\n"), (Some(false), "2\n"), (Some(true), "3\n")]);
    let bodies = world.model.as_ref().unwrap().bodies();
    assert!(
        bodies[2].contains("does not succeed yet: exit 1") && bodies[2].contains("no instruction"),
        "{}",
        bodies[2]
    );
    let _ = world.run("ace-log", &["verify", "@last"]).done();
}

#[test]
fn each_limit_ends_it_with_its_own_exit() {
    let world = world(counting());
    let args = ["run", "--mode", "auto", "--until", "false", "--rounds", "2", "add lines"];
    let _ = world.run("ace", &args).fails(4, &["stopped: 'false' still fails after 2 turns", "hint: ace-session run"]);
    world.add_config("[prices.\"test/scripted\"]\ninput = 1000\noutput = 1000\n");
    let args = ["run", "--mode", "auto", "--until", "false", "--budget", "0.3", "add lines"];
    let _ = world.run("ace", &args).fails(4, &["budget exceeded"]);
}

#[test]
fn a_session_that_stopped_goes_on_until_it_succeeds() {
    let world = world(counting());
    let _ = world.run("ace", &["run", "--mode", "auto", "--until", THREE, "--rounds", "1", "add lines"]).fails(4, &[]);
    let run = world.run("ace-session", &["run", "@last", "--until", THREE]).done();
    assert_eq!(run.stdout, "One line more.\n");
    // The command comes first where nothing is due.
    let asked = world.model.as_ref().unwrap().bodies().len();
    let _ = world.run("ace-session", &["run", "@last", "--until", THREE]).done();
    assert_eq!(world.model.as_ref().unwrap().bodies().len(), asked);
}

#[test]
fn json_prints_each_record_once() {
    let world = world(counting());
    let out = world.run("ace", &["--json", "run", "--mode", "auto", "--until", THREE, "add lines"]).done().stdout;
    assert_eq!(out, std::fs::read_to_string(world.log_file("@only")).unwrap());
}

#[test]
fn p50_the_command_runs_in_the_sandbox_of_the_session() {
    if let Some(lack) = ace_sandbox::missing() {
        return println!("SKIPPED the sandbox of a check: this kernel has no {}", lack.layer);
    }
    // What a model has written is started by the check: it must reach no more than the model's own commands.
    let world = world(counting());
    let outside = world.path("home").join("planted");
    let check =
        format!("touch {}; env | grep TEST_KEY; cat {}/config.toml", outside.display(), world.path("").display());
    let _ = world.run("ace", &["run", "--mode", "auto", "--until", &check, "--rounds", "1", "x"]).fails(4, &[]);
    assert!(!outside.exists());
    let check = checks(&world).remove(0);
    assert!(!check["output"].as_str().unwrap().contains("TEST_KEY"), "{check}");
}

#[test]
fn within_has_the_exit_and_the_streams_of_its_command() {
    let world = world(counting());
    let _ = world.run("ace", &["run", "--mode", "auto", "--until", "true", "add lines"]).done();
    let run = world.run("ace-tool", &["within", "@last", "--", "sh", "-c", "cat done.txt; echo no >&2; exit 7"]);
    assert_eq!((run.code, run.stdout.as_str(), run.stderr.as_str()), (Some(7), "line\n", "no\n"));
}

#[test]
fn unchanged_inputs_skip_the_run_and_give_its_answer() {
    let world = world(counting());
    let asked = || world.model.as_ref().unwrap().bodies().len();
    let run = |more: &[&str]| {
        let args = [&["run", "--mode", "auto", "--inputs", "src/**", "--inputs", "a.txt"], more].concat();
        world.run("ace", &args).done()
    };
    assert_eq!(run(&["add lines"]).stdout, "One line more.\n");
    let once = asked();
    let again = run(&["add lines"]);
    assert_eq!((again.stdout.as_str(), asked()), ("One line more.\n", once));
    assert!(again.stderr.contains("nothing has changed since 'add-lines'"), "{}", again.stderr);
    // What is no input changes nothing; each input, the prompt and the check do.
    std::fs::write(world.project().join("other.txt"), "new\n").unwrap();
    let _ = run(&["add lines"]);
    assert_eq!(asked(), once);
    for change in 0..4 {
        let before = asked();
        let _ = match change {
            0 => run(&["add more lines"]),
            1 => run(&["--until", "true", "add lines"]),
            2 => {
                std::fs::write(world.project().join("src/b.txt"), "changed\n").unwrap();
                run(&["add lines"])
            }
            _ => {
                std::fs::write(world.project().join("src/new.txt"), "").unwrap();
                run(&["add lines"])
            }
        };
        assert!(asked() > before, "change {change}");
    }
    let _ = world.run("ace", &["run", "--inputs", "*.rs", "x"]).fails(2, &["no file matches '*.rs'"]);
}

#[test]
fn a_run_that_did_not_end_well_is_no_reason_to_skip() {
    let world = world(counting());
    let args = ["run", "--mode", "auto", "--inputs", "a.txt", "--until", THREE, "--rounds", "2", "add lines"];
    let _ = world.run("ace", &args).fails(4, &[]);
    let _ = world.run("ace", &args).fails(4, &[]);
    assert_eq!(world.sessions().len(), 2);
}

#[test]
fn explained_it_is_two_programs() {
    let world = world(counting());
    let args = ["-x", "run", "--mode", "auto", "--until", THREE, "add lines"];
    let line = world.run("ace", &args).ok();
    assert!(line.contains("ace-session run \"$S\" --until 'wc"), "{line}");
    assert_eq!(world.sh(&line).done().stdout, "One line more.\n");
}
