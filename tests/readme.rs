//! The README: every block of code in it is run, and what it shows of a run is what a run says.

use crate::generated::{blesses, root};
use crate::pages::there;
use crate::run::shell;
use crate::server::{Reply, Server};
use crate::suite::{World, finish};
use ace_cli::Exit;

fn readme() -> String {
    std::fs::read_to_string(root("README.md")).unwrap()
}

/// Puts a part of it in place of another; one test at a time.
fn rewrite(there: &str, now: &str) {
    static WRITER: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _one = WRITER.lock();
    std::fs::write(root("README.md"), readme().replacen(there, now, 1)).unwrap();
}

/// The blocks with the mark before each: `run: NAME` or `file: NAME`.
fn blocks() -> Vec<(String, String)> {
    let mut all = Vec::new();
    let text = readme();
    let mut lines = text.lines();
    let mut mark = None;
    while let Some(line) = lines.next() {
        if line.starts_with("```") {
            let mark = mark.take().unwrap_or_else(|| panic!("a block of code that nothing runs: {line}"));
            let code: Vec<&str> = lines.by_ref().take_while(|l| *l != "```").collect();
            all.push((mark, code.iter().map(|l| format!("{l}\n")).collect()));
        }
        mark = line.strip_prefix("<!-- ").and_then(|l| l.strip_suffix(" -->")).map(str::to_owned);
    }
    all
}

#[track_caller]
fn block(mark: &str) -> String {
    blocks().into_iter().find(|(m, _)| m == mark).unwrap_or_else(|| panic!("no block {mark}")).1
}

#[test]
fn every_block_of_code_has_a_test_here() {
    let marks: Vec<String> = blocks().into_iter().map(|(m, _)| m).collect();
    let tested = ["demo", "work", "pipe", "swap", "ask", "many", "target", "make", "quota", "ci", "config"]
        .map(|n| format!("run: {n}"));
    for mark in &marks {
        assert!(tested.contains(mark) || mark == "file: only.py", "{mark} is run by nothing");
    }
    assert_eq!(marks.len(), tested.len() + 1);
}

/// A repository whose tests pass once `done.txt` is there, and a model that writes it.
fn world() -> World {
    let write = ("write", serde_json::json!({"path": "done.txt", "content": "done\n"}).to_string());
    let model = Server::start(vec![Reply::Calls("", vec![write]), Reply::Text("The tests pass.")]);
    World::with_model(model).repository(&[("Makefile", "test:\n\ttest -f done.txt\n"), ("a.txt", "a\n")])
}

#[test]
fn the_work_of_the_first_block_lands() {
    let world = world();
    let config = std::fs::read_to_string(world.config_file()).unwrap();
    world.config(&format!("mode = \"edit\"\n{config}"));
    let run = world.sh(&block("run: work")).done();
    assert!(run.stdout.contains("The tests pass.") && run.stdout.contains("done.txt"), "{run:?}");
    assert!(world.project().join("done.txt").exists());
}

#[test]
fn the_typed_pipe_works() {
    let world = world();
    assert_eq!(world.sh(&block("run: pipe")).done().stdout, "The tests pass.\n");
    assert!(world.types("@only").contains(&"tool.completed".to_owned()));
}

#[test]
fn a_stage_can_be_swapped_for_a_program_in_python() {
    if !there("python3", "a permit stage in Python") {
        return;
    }
    let calls = vec![shell("make test"), ("write", serde_json::json!({"path": "x", "content": ""}).to_string())];
    let model = Server::start(vec![Reply::Calls("", calls), Reply::Text("done")]);
    let world = World::with_model(model).repository(&[("Makefile", "test:\n\t@echo fine\n")]);
    std::fs::write(world.project().join("only.py"), block("file: only.py")).unwrap();
    let _ = world.sh(&block("run: swap")).done();
    let log = world.log("@only");
    let decisions: Vec<&str> =
        log.iter().filter(|l| l["by"] == "only.py").map(|l| l["data"]["decision"].as_str().unwrap()).collect();
    assert_eq!(decisions, ["allow", "deny"]);
    let ran: Vec<&str> = log.iter().filter_map(|l| l["data"]["output"]["text"].as_str()).collect();
    assert_eq!(ran, ["fine\n"]);
}

#[test]
fn one_answer_comes_without_a_log() {
    let model = Server::start(vec![Reply::Text("Looks right.")]);
    let world = World::with_model(model).repository(&[("a.txt", "a\n")]);
    std::fs::write(world.project().join("a.txt"), "b\n").unwrap();
    assert_eq!(world.sh(&block("run: ask")).ok(), "Looks right.\nLooks right.\n");
    assert!(world.model.as_ref().unwrap().bodies()[0].contains("+b"));
    assert!(!world.ace_home().join("sessions").exists());
}

#[test]
fn many_are_begun_raced_and_compared() {
    let write = ("write", serde_json::json!({"path": "done.txt", "content": "done\n"}).to_string());
    let model = Server::start(vec![Reply::Calls("", vec![write]), Reply::Text("The tests pass.")]);
    let files = [("Makefile", "test:\n\ttest -f done.txt\n"), ("a.c", "int a;\n"), ("b.c", "int b;\n")];
    let world = World::with_model(model).repository(&files);
    world.add_config("[prices.\"test/scripted\"]\ninput = 1\noutput = 2\n");
    let run = world.sh(&block("run: many")).done();
    let tables: Vec<&str> = run.stdout.lines().collect();
    assert!(tables[1].contains("a.c") && tables[1].contains("passed") && tables[2].contains("b.c"), "{run:?}");
    assert!(run.stdout.contains("default 3"), "{run:?}");
    let best: serde_json::Value = serde_json::from_str(tables.last().unwrap()).unwrap();
    assert_eq!(best["verdict"], "passed");
}

const FINDING: &str = r#"[{"severity":"error","file":"a.txt","line":1,"title":"wrong","message":"It says b."}]"#;

#[test]
fn the_rule_for_a_makefile_fails_and_passes_with_the_verdict() {
    for (verdict, findings, exit) in [("pass", "[]", 0), ("fail", FINDING, 2)] {
        let said = format!("{{\"verdict\":\"{verdict}\",\"summary\":\"Read.\",\"findings\":{findings}}}");
        let model = Server::start(vec![Reply::Text(said.leak())]);
        let world = World::with_model(model).repository(&[("Makefile", &block("run: make")), ("a.txt", "a\n")]);
        std::fs::write(world.project().join("a.txt"), "b\n").unwrap();
        let run = world.sh("unset MAKEFLAGS MAKELEVEL; make -s review");
        assert_eq!(run.code, Some(exit), "{run:?}");
        assert!(world.model.as_ref().unwrap().bodies()[0].contains("+b"));
        assert_eq!(run.stdout.contains("a.txt:1: error: wrong: It says b."), exit > 0, "{run:?}");
    }
}

#[test]
fn a_session_is_a_target_that_is_made_again_only_when_its_inputs_change() {
    let write = ("write", serde_json::json!({"path": "done.txt", "content": "done\n"}).to_string());
    let model = Server::by(move |answers| match answers {
        0 => Reply::Text("It should pass."),
        1 => Reply::Calls("", vec![write.clone()]),
        _ => Reply::Text("It lacked a file."),
    });
    let makefile = block("run: target") + "test:\n\ttest -f done.txt\n";
    let world = World::with_model(model).repository(&[("Makefile", &makefile), ("src/a.c", "int a;\n")]);
    let made = || std::fs::read_to_string(world.project().join("changes.md")).unwrap();
    let asked = || world.model.as_ref().unwrap().bodies().len();
    let make = "unset MAKEFLAGS MAKELEVEL; make -s changes.md";
    let first = world.sh(make).done();
    assert!(first.stderr.contains("check make test: exit 2"), "{first:?}");
    assert_eq!((made().as_str(), asked()), ("It lacked a file.\n", 3));
    // Newer, but not another: make asks for it, and nothing is paid.
    let again = world.sh(&format!("rm changes.md; {make}")).done();
    assert!(again.stderr.contains("nothing has changed"), "{again:?}");
    assert_eq!((made().as_str(), asked()), ("It lacked a file.\n", 3));
    let _ = world.sh(&format!("rm changes.md; echo 'int b;' > src/b.c; {make}")).done();
    assert_eq!(asked(), 6);
}

#[test]
fn the_rule_with_a_limit_works_until_the_limit_is_reached() {
    let model = Server::start(vec![Reply::Text("Looks right.")]);
    let world = World::with_model(model).repository(&[("Makefile", &block("run: quota"))]);
    world.add_config("[quota.groups.ci]\ncalls = 1\n");
    let first = world.sh("make -s nightly.md").done();
    assert_eq!(first.stdout, "group ci: 1 of 1 calls left\n");
    assert_eq!(std::fs::read_to_string(world.project().join("nightly.md")).unwrap(), "Looks right.\n");
    let second = world.sh("make -s nightly.md").done();
    assert_eq!((second.stdout.as_str(), second.stderr.as_str()), ("group ci: 0 of 1 calls left\n", ""));
    assert_eq!(world.model.as_ref().unwrap().bodies().len(), 1);
}

#[test]
fn the_recipe_for_ci_works() {
    if !there("jq", "the recipe for CI") {
        return;
    }
    let world = world();
    let _ = world.sh(&block("run: ci")).done();
    assert!(world.project().join("done.txt").exists());
}

#[test]
fn the_configuration_loads() {
    let layer = ace_config::Layer::file(ace_config::LayerName::User, "README.md", block("run: config"));
    let config = ace_config::load(&[layer]).unwrap();
    assert_eq!(config.quota.groups["ci"].amounts.money, 5_000_000);
    assert_eq!((config.answers, config.providers["local"].api_key_env.as_deref()), (50, Some("LOCAL_KEY")));
}

/// What another machine says too: no times, and not whether it has a sandbox.
fn the_same_everywhere(text: &str) -> String {
    text.lines().filter(|l| !l.contains("sandbox")).map(without_times).collect::<Vec<_>>().join("\n")
}

fn without_times(text: &str) -> String {
    let words: Vec<&str> = text.split(' ').collect();
    let is_number = |w: &str| w.starts_with(|c: char| c.is_ascii_digit());
    let unit = |w: Option<&&str>| w.is_some_and(|w| matches!(w.trim_end_matches([',', '\n']), "ms" | "s"));
    let shown = words.iter().enumerate().map(|(i, w)| if is_number(w) && unit(words.get(i + 1)) { "N" } else { w });
    shown.collect::<Vec<_>>().join(" ").replace(" ms", " s")
}

#[test]
fn the_run_it_shows_is_a_run() {
    let world = World::new();
    std::fs::create_dir(world.path("tmp")).unwrap();
    let mut command = world.command("/bin/sh", &["-c", "ace demo 2>&1"]);
    command.env_remove("ACE_HOME").env("TMPDIR", world.path("tmp"));
    command.env("ACE_SEED", "7").env("ACE_CLOCK", "1795156860000").env("ACE_PACE", "0");
    let said = finish(command.spawn().unwrap(), None).ok();
    // A long path of a temporary folder stands in a line of its own; a short one would not.
    let said = said.replace(&world.path("tmp").display().to_string(), "/tmp").replace(":\n/tmp/", ": /tmp/");
    let now = format!("$ ace demo 2>&1 | cat\n{said}");
    let there = block("run: demo");
    if blesses() {
        return rewrite(&format!("```console\n{there}```"), &format!("```console\n{now}```"));
    }
    assert_eq!(the_same_everywhere(&there), the_same_everywhere(&now), "ACE_BLESS=1 rewrites it");
}

#[test]
fn the_exits_it_lists_are_all_of_them() {
    let mut rows = String::from("| exit | |\n|---|---|\n");
    for exit in Exit::ALL {
        rows += &format!("| {} | {} |\n", exit.number(), exit.meaning());
    }
    let text = readme();
    let (_, rest) = text.split_once("<!-- made: exits -->\n").unwrap();
    let (there, _) = rest.split_once("<!-- end -->").unwrap();
    if blesses() {
        let (open, close) = ("<!-- made: exits -->\n", "<!-- end -->");
        return rewrite(&format!("{open}{there}{close}"), &format!("{open}{rows}{close}"));
    }
    assert_eq!(there, rows, "ACE_BLESS=1 rewrites it");
}
