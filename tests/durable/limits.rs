//! Everything that grows has a limit, and reaching one is an event and a clear line: descriptors, floods of tiny writes, and bytes
//! that are no text.

use super::{grouped, number};
use crate::crash::descendants;
use crate::run::shell;
use crate::server::{Reply, Server};
use crate::suite::{World, folders};
use ace_cli::Exit;
use ace_schema::limits::{DELTAS_PER_SECOND, UNFINISHED_BYTES};
use std::collections::BTreeMap;
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

/// Programs that read a stream of events, and how each is started.
const READERS: [&str; 6] =
    ["ace-session step", "ace-model", "ace-permit", "ace-tool", "ace-log append \"$S\"", "ace-log text"];

#[test]
fn f02_f14_a_line_of_a_gigabyte_without_an_end_ends_every_reader_and_fills_none() {
    let world = world_after("true");
    for reader in READERS {
        for first in ["true", "ace-log cat @last | head -n 1"] {
            // With an address space that could not hold half of it.
            let script = format!(
                "S=$(ls \"$ACE_HOME/sessions\"); {{ {first}; head -c 1000000000 /dev/zero | tr '\\0' x; }} 2>&- | \
                 {{ ulimit -v 450000; {reader} >passed.txt; }}"
            );
            let run = world.sh(&script).fails(65, &["a line that has not ended after"]);
            let told = run.stderr.lines().filter(|l| !l.starts_with("hint: ")).count();
            assert_eq!(told, 1, "{reader}: {}", run.stderr);
            let passed = std::fs::metadata(world.project().join("passed.txt")).unwrap().len();
            assert!(passed < 3 * UNFINISHED_BYTES as u64, "{reader}: {passed} bytes passed");
        }
    }
    let _ = world.run("ace-log", &["verify", "@last"]).ok();
}

/// What a filter and a gate of the user's own must not do to the star.
#[test]
fn f14_a_filter_or_gate_that_never_ends_its_line_is_no_longer_heard() {
    let endless = "head -c 3000000000 /dev/zero | tr '\\0' x; sleep 60";
    for (key, exits) in [("filters", [0, 0]), ("gates", [70, 74])] {
        let model = Server::start(vec![Reply::Text("done")]);
        let world = World::with_model(model).repository(&[("hello.txt", "hello\n")]);
        world.add_config(&format!("[pipeline]\n{key} = [[\"sh\", \"-c\", \"{}\"]]\n", endless.replace('\\', "\\\\")));
        let run = world.sh("ulimit -v 1500000; exec ace run hello");
        assert!(run.code.is_some_and(|c| exits.contains(&c)), "{key}: {run:?}");
        assert!(run.stderr.contains("no longer heard") || run.stderr.contains("without an end"), "{key}: {run:?}");
        assert!(!run.stderr.contains("panicked"), "{run:?}");
        let _ = world.run("ace-log", &["verify", "@last"]).ok();
    }
}

/// Memory of their own that our programs below a process have now, bytes. The pages of their files are not counted: a build for
/// tests has many of them, and the kernel may drop them at any time.
fn memory(root: u32) -> BTreeMap<String, u64> {
    let mut all = BTreeMap::new();
    for pid in descendants(root).iter().map(|p| p.pid).chain([root]) {
        let field =
            |text: &str, name: &str| text.lines().find_map(|l| l.strip_prefix(name).map(|l| l.trim().to_owned()));
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let Some(name) = field(&status, "Name:").filter(|name| name.starts_with("ace")) else { continue };
        let kib = |name| field(&status, name).and_then(|b| b.trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0);
        all.insert(format!("{name} {pid}"), (kib("RssAnon:") + kib("RssShmem:")) * 1024);
    }
    all
}

#[test]
fn f13_ten_gigabytes_of_output_cost_no_program_memory() {
    // 1 GB here; ACE_FLOOD_BYTES=10000000000 for the whole.
    let bytes = number("ACE_FLOOD_BYTES", 1_000_000_000, 1_000_000_000);
    let command = format!("head -c {bytes} /dev/zero | tr '\\0' x");
    let mut call = shell(&command);
    call.1 = serde_json::json!({"command": command, "timeout_ms": 600_000}).to_string();
    let model = Server::start(vec![Reply::Calls("", vec![call]), Reply::Text("done")]);
    let world = World::with_model(model).repository(&[("hello.txt", "hello\n")]);
    let start = Instant::now();
    let mut child = world.command("ace", &["run", "--mode", "auto", "a flood"]).spawn().unwrap();
    let (mut peak, mut most) = (0, BTreeMap::new());
    while child.try_wait().unwrap().is_none() {
        let now = memory(child.id());
        let sum: u64 = now.values().sum();
        if sum > peak {
            (peak, most) = (sum, now);
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let run = crate::suite::finish(child, None).done();
    let seconds = start.elapsed().as_secs_f64();
    assert_eq!(run.stdout, "done\n");
    let done = world.last("@only", "tool.completed");
    assert_eq!(done["output"]["bytes"], bytes, "{done}");
    let kept = ace_schema::limits::OUTPUT_KEPT_BYTES;
    let sha = done["output"]["blob"]["sha"].as_str().unwrap();
    let blob = std::fs::read(world.ace_home().join("blobs").join(sha)).unwrap();
    assert_eq!(blob.len() as u64, kept.min(bytes as u64));
    assert!(blob.iter().all(|&b| b == b'x'), "not what was printed");
    let digest = world.sh(&format!("sha256sum < \"$ACE_HOME/blobs/{sha}\"")).ok();
    assert_eq!(digest.split(' ').next(), Some(sha));
    assert_eq!(done["output"]["blob"]["bytes"], blob.len());
    let peak = peak as f64 / 1048576.0;
    println!("{} bytes of output in {seconds:.1} s; at most {peak:.1} MiB in {} programs", grouped(bytes), most.len());
    assert!(most.len() >= 6, "not all programs were seen: {most:?}");
    assert!(peak < 64.0, "{peak} MiB: {most:?}");
}
