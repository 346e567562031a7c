//! Everything that grows has a limit, and reaching one is an event and a clear line: descriptors, floods of tiny writes, and bytes
//! that are no text.

use crate::run::shell;
use crate::server::{Reply, Server};
use crate::suite::{World, folders};
use ace_cli::Exit;
use ace_schema::limits::DELTAS_PER_SECOND;
use std::os::unix::ffi::OsStrExt;
use std::time::Instant;

#[test]
fn f08_with_few_descriptors_a_run_says_so_and_loses_nothing() {
    let model = Server::start(vec![
        Reply::Calls("", vec![shell("echo one >> steps.txt"), shell("echo two >> steps.txt")]),
        Reply::Text("done"),
    ]);
    let world = World::with_model(model).repository(&[("hello.txt", "hello\n")]);
    let (mut refused, mut ran) = (0, 0);
    for files in [6, 8, 10, 12, 16, 20, 24, 28, 32, 40, 64] {
        let before = folders(&world.ace_home().join("sessions"));
        let run = world.sh(&format!("ulimit -n {files}; exec ace run --mode auto 'take the steps'"));
        assert!(!run.stderr.contains("panicked"), "{files}: {run:?}");
        // The loader itself finds no descriptor.
        if run.code == Some(127) {
            continue;
        }
        let exit = run.code.and_then(|c| u8::try_from(c).ok()).and_then(Exit::from_number);
        match exit {
            Some(Exit::Done) => ran += 1,
            // The turn failed, or the run: either way the words are there.
            Some(Exit::Io | Exit::No | Exit::Unreachable | Exit::Config) => {
                refused += 1;
                assert!(run.stderr.to_lowercase().contains("too many open files"), "{files}: {run:?}");
            }
            _ => panic!("{files}: {run:?}"),
        }
        let now = folders(&world.ace_home().join("sessions"));
        for new in now.iter().filter(|n| !before.contains(n)) {
            let _ = world.run("ace-log", &["verify", new]).ok();
            // Nothing is lost: with descriptors enough the same session goes on to its end.
            let _ = world.run("ace-session", &["run", new]);
            let types = world.types(new);
            let ends = ["turn.completed", "turn.failed"];
            assert!(types.iter().any(|t| ends.contains(&t.as_str())), "{files}: {types:?}");
            let place = world.log(new)[0]["data"]["cwd"].as_str().unwrap().to_owned();
            let steps = std::fs::read_to_string(std::path::Path::new(&place).join("steps.txt")).unwrap_or_default();
            for step in ["one", "two"] {
                assert!(steps.lines().filter(|l| l == &step).count() <= 1, "{files}: {steps}");
            }
            let _ = world.run("ace-log", &["verify", new]).ok();
        }
    }
    assert!(refused > 0 && ran > 0, "the limits were not felt: {refused} refused, {ran} ran");
}

/// A world in which one command went through the whole pipeline.
fn world_after(command: &str) -> World {
    let model = Server::start(vec![Reply::Calls("", vec![shell(command)]), Reply::Text("done")]);
    let world = World::with_model(model).repository(&[("hello.txt", "hello\n")]);
    let _ = world.run("ace", &["run", "--mode", "auto", "one command"]).done();
    world
}

#[test]
fn f14_a_million_tiny_writes_and_progress_bars_are_joined() {
    for (what, write) in [("lines", "printf \"%d\\n\", i"), ("a progress bar", "printf \"\\r%d of 1000000\", i")] {
        let command = format!("awk 'BEGIN {{ for (i = 1; i <= 1000000; i++) {{ {write}; fflush() }} }}'");
        let model = Server::start(vec![Reply::Calls("", vec![shell(&command)]), Reply::Text("done")]);
        let world = World::with_model(model).repository(&[("hello.txt", "hello\n")]);
        let start = Instant::now();
        // The chain as it is typed, and a look at what goes to the log.
        let chain = "S=$(ace-session new --mode auto flood) && ace-log follow \"$S\" --until idle | ace-session step | ace-model | \
                     ace-permit | ace-tool | tee stream.jsonl | ace-log append \"$S\"";
        let run = world.sh(chain).done();
        let seconds = start.elapsed().as_secs_f64();
        assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
        let stream = std::fs::read_to_string(world.project().join("stream.jsonl")).unwrap();
        let deltas = stream.lines().filter(|l| l.contains("\"type\":\"tool.delta\"")).count();
        // One more for the piece in hand at the start and at the end.
        let most = (seconds * DELTAS_PER_SECOND as f64) as usize + 2;
        assert!(deltas > 0 && deltas <= most, "{what}: {deltas} deltas in {seconds:.1} s");
        let log = world.log("@only");
        let done = log.iter().find(|l| l["type"] == "tool.completed").unwrap();
        let bytes = done["data"]["output"]["bytes"].as_u64().unwrap();
        assert!(bytes > 5_000_000, "{what}: {done}");
        assert!(done["data"]["output"]["text"].as_str().unwrap().contains("1000000"), "{what}: the end is missing");
        let size = std::fs::metadata(world.log_file("@only")).unwrap().len();
        assert!(size < 256 * 1024, "{what}: a log of {size} bytes");
        println!("{what}: a million writes in {seconds:.1} s, {deltas} deltas, log of {size} bytes");
    }
}

#[test]
fn f16_bytes_that_are_no_text_are_kept_as_they_were_and_can_be_shown() {
    // NUL, bytes that are never UTF-8, a lone surrogate, an overlong slash, an escape that would clear a screen.
    let raw = b"a\0b\xff\xfec\xed\xa0\x80d\xc0\xafe\x1b[2Jf\n";
    let octal: String = raw.iter().map(|b| format!("\\{b:03o}")).collect();
    let command =
        format!("printf '{octal}'; touch \"$(printf 'n\\377me')\" \"$(printf 'li\\nne')\" \"$(printf 'e\\033[2Jsc')\"");
    let world = world_after(&command);
    let log = world.log("@only");
    let done = log.iter().find(|l| l["type"] == "tool.completed").unwrap();
    let output = &done["data"]["output"];
    assert_eq!(output["bytes"], raw.len());
    let blob = output["blob"]["sha"].as_str().unwrap_or_else(|| panic!("bytes that are no text need a blob: {done}"));
    assert_eq!(std::fs::read(world.ace_home().join("blobs").join(blob)).unwrap(), raw);
    for view in [&["ace-log", "show", "@last", "-v"][..], &["ace-log", "text", "@last"], &["ace", "diff", "@last"]] {
        let run = world.run(view[0], &view[1..]).done();
        let steers = |c: char| c == '\0' || c == '\u{1b}' || c == '\u{7f}';
        assert!(!run.stdout.contains(steers), "{view:?}: {:?}", run.stdout);
    }
    let place = log[0]["data"]["cwd"].as_str().unwrap();
    let names: Vec<Vec<u8>> =
        std::fs::read_dir(place).unwrap().map(|e| e.unwrap().file_name().as_bytes().to_vec()).collect();
    assert!(names.contains(&b"n\xffme".to_vec()), "the command did not make it");
    let _ = world.run("ace-log", &["verify", "@last"]).ok();
}

#[test]
fn f16_file_names_that_are_no_text_are_listed_and_do_not_stop_the_tools() {
    let calls = [("list", r#"{"path":"."}"#), ("glob", r#"{"pattern":"**/*"}"#), ("grep", r#"{"pattern":"needle"}"#)];
    let make =
        "printf needle > \"$(printf 'n\\377me')\"; printf needle > \"$(printf 'li\\nne')\"; printf needle > plain";
    let mut all = vec![shell(make)];
    all.extend(calls.iter().map(|(tool, args)| (*tool, (*args).to_owned())));
    let model = Server::start(vec![Reply::Calls("", all), Reply::Text("done")]);
    let world = World::with_model(model).repository(&[("hello.txt", "hello\n")]);
    let run = world.run("ace", &["run", "--mode", "auto", "names"]).done();
    assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
    let log = world.log("@only");
    let texts: Vec<&str> = log
        .iter()
        .filter(|l| l["type"] == "tool.completed")
        .map(|l| l["data"]["output"]["text"].as_str().unwrap_or_default())
        .collect();
    assert_eq!(texts.len(), 4, "a tool failed: {:?}", world.types("@only"));
    assert!(texts[1..].iter().all(|t| t.contains("plain")), "{texts:?}");
    let _ = world.run("ace-log", &["verify", "@last"]).ok();
}

#[test]
fn f16_lone_surrogates_in_arguments_stop_nothing() {
    let model = Server::start(vec![
        Reply::Calls("", vec![("shell", r#"{"command":"echo \ud800 > lone.txt"}"#.to_owned())]),
        Reply::Text("done"),
    ]);
    let world = World::with_model(model).repository(&[("hello.txt", "hello\n")]);
    let run = world.run("ace", &["run", "--mode", "auto", "surrogates"]);
    assert!([Some(0), Some(1)].contains(&run.code), "{run:?}");
    assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
    let types = world.types("@only");
    assert!(types.iter().any(|t| t == "turn.completed" || t == "turn.failed"), "{types:?}");
    let _ = world.run("ace-log", &["verify", "@last"]).ok();
}
