//! The shell tool, run in this process.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ace_local_tools::{Cancel, open_spill};
use ace_schema::data::Code;
use ace_schema::limits;
use serde_json::json;

use crate::scene::{Scene, failed, request};

#[test]
fn a_command_runs_in_the_worktree_with_the_given_environment_alone() {
    let scene = Scene::new();
    let done = scene.done("shell", json!({"command": "pwd -P; echo err >&2; echo out; exit 3"}));
    assert_eq!(done.output.text, format!("{}\nerr\nout\n", scene.root.canonicalize().unwrap().display()));
    assert_eq!((done.exit, done.signal), (Some(3), None));
    let env = scene.told("shell", json!({"command": "/usr/bin/env"}));
    let names: Vec<&str> = env
        .lines()
        .filter_map(|line| line.split('=').next())
        .filter(|n| !["PWD", "_", "SHLVL", "OLDPWD"].contains(n))
        .collect();
    assert_eq!(names.len(), 2, "{env}");
    assert_eq!(scene.told("shell", json!({"command": "cat"})), "");
    assert_eq!(scene.done("shell", json!({"command": "kill -9 $$"})).signal, Some(9));
}

#[test]
fn arguments_out_of_range_are_refused() {
    let scene = Scene::new();
    for args in [
        json!({"command": "true", "timeout_ms": 0}),
        json!({"command": "true", "timeout_ms": -1}),
        json!({"command": "a\u{0}b"}),
        json!({"command": "x".repeat(limits::COMMAND_BYTES + 1)}),
    ] {
        assert_eq!(scene.failed("shell", args).code, Code::Arguments);
    }
}

#[test]
fn long_output_is_head_and_tail_and_kept_whole() {
    let scene = Scene::new();
    let output = scene.done("shell", json!({"command": "seq 1 20000"})).output;
    let whole: String = (1..=20000).map(|n| format!("{n}\n")).collect();
    assert_eq!(output.bytes, whole.len() as u64);
    assert!(output.truncated);
    let (head, rest) = output.text.split_once("[… ").unwrap();
    let (note, tail) = rest.split_once(" …]\n").unwrap();
    assert!(whole.starts_with(head) && head.ends_with('\n') && head.len() > limits::OUTPUT_HEAD_BYTES / 2);
    assert!(whole.ends_with(tail) && whole[..whole.len() - tail.len()].ends_with('\n'));
    let left = whole.len() - head.len() - tail.len();
    let name = output.spill.unwrap();
    let path = scene.place.tmp.join(&name);
    assert_eq!(note.replace(',', ""), format!("{left} bytes left out the whole is in {}", path.display()));
    assert_eq!(std::fs::read_to_string(path).unwrap(), whole);
    assert!(open_spill(&scene.place.tmp, &name).is_ok());
}

#[test]
fn a_spill_that_was_replaced_is_not_opened() {
    let scene = Scene::new();
    let tmp = &scene.place.tmp;
    std::os::unix::fs::symlink(&scene.secret, tmp.join("output-1.txt")).unwrap();
    std::fs::hard_link(&scene.secret, tmp.join("output-3.txt")).unwrap();
    std::fs::create_dir(tmp.join("output-4.txt")).unwrap();
    for name in [
        "output-1.txt",
        "output-3.txt",
        "output-4.txt",
        "output-9.txt",
        "../secret",
        "output-/../../secret.txt",
        "output-.txt",
    ] {
        assert!(open_spill(tmp, name).is_err(), "{name}");
    }
    // A worker does not write through it either.
    let output = scene.done("shell", json!({"command": "seq 1 20000"})).output;
    assert_eq!(output.spill.as_deref(), Some("output-1-2.txt"));
    assert!(std::fs::read_to_string(&scene.secret).unwrap().starts_with("the secret"));
}

#[test]
fn old_spills_make_room() {
    let scene = Scene::new();
    for _ in 0..limits::SPILLS + 3 {
        scene.done("shell", json!({"command": "seq 1 4000"}));
    }
    assert_eq!(std::fs::read_dir(&scene.place.tmp).unwrap().count(), limits::SPILLS);
}

#[test]
fn f16_any_bytes_come_through() {
    let scene = Scene::new();
    let output = scene.done("shell", json!({"command": r"printf '\377\000\001ok\n'"})).output;
    assert_eq!(output.text, "\u{fffd}\0\u{1}ok\n");
    assert!(output.truncated);
    assert_eq!(std::fs::read(scene.place.tmp.join(output.spill.unwrap())).unwrap(), b"\xff\0\x01ok\n");
    // Text that doubles and more as JSON still fits a line.
    let output = scene.done("shell", json!({"command": r"head -c 16000 /dev/zero | tr '\0' '\001'"})).output;
    assert!(serde_json::to_string(&output.text).unwrap().len() < 40_000);
    let output = scene.done("shell", json!({"command": "head -c 1000000 /dev/urandom"})).output;
    assert!(serde_json::to_string(&output.text).unwrap().len() < 40_000);
    assert_eq!(output.bytes, 1_000_000);
}

#[test]
fn characters_are_not_cut() {
    let scene = Scene::new();
    for shift in 0..4 {
        let command = format!("printf '%{shift}s' ''; i=0; while [ $i -lt 9000 ]; do printf '€'; i=$((i+1)); done");
        let output = scene.done("shell", json!({"command": command})).output;
        assert!(output.truncated && !output.text.contains('\u{fffd}'), "{shift}");
    }
}

#[test]
fn a_command_that_takes_too_long_is_stopped_with_its_family() {
    let scene = Scene::new();
    let start = Instant::now();
    let failed = scene
        .failed("shell", json!({"command": "echo begun; (trap '' TERM; sleep 77.1) & sleep 77.1", "timeout_ms": 200}));
    assert_eq!(failed.code, Code::Timeout);
    assert_eq!(failed.message, "ran longer than 200 ms");
    assert_eq!(failed.output.unwrap().text, "begun\n");
    assert!(failed.ms >= 200 && start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    assert!(!running("sleep 77.1"));
}

#[test]
fn a_polite_command_may_clean_up() {
    let scene = Scene::new();
    let command = "trap 'echo cleaned; exit 0' TERM; while :; do sleep 0.01; done";
    let failed = scene.failed("shell", json!({"command": command, "timeout_ms": 100}));
    assert!(failed.output.unwrap().text.ends_with("cleaned\n"));
}

#[test]
fn a_cancelled_command_stops_at_once() {
    let scene = Scene::new();
    let cancel = Arc::new(Cancel::default());
    let order = Arc::clone(&cancel);
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(100));
        order.give();
    });
    let start = Instant::now();
    let outcome =
        scene.bench.execute(&request(1, "shell", &json!({"command": "echo x; sleep 77.2"})), &cancel, &mut |_| {});
    assert_eq!(failed(outcome).code, Code::Cancelled);
    assert!(start.elapsed() < Duration::from_secs(1) && !running("sleep 77.2"));
    let outcome = scene.bench.execute(&request(1, "shell", &json!({"command": "touch late"})), &cancel, &mut |_| {});
    assert_eq!(failed(outcome).code, Code::Cancelled);
    assert!(!scene.root.join("late").exists());
}

#[test]
fn a_background_process_does_not_hold_the_call() {
    let scene = Scene::new();
    let start = Instant::now();
    let command = "(while :; do echo tick; sleep 0.05; touch alive; done) & echo done; echo $! > pid";
    let done = scene.done("shell", json!({"command": command}));
    assert!(start.elapsed() < Duration::from_millis(1500), "{:?}", start.elapsed());
    assert_eq!(done.exit, Some(0));
    assert!(
        done.output.text.contains("done\n") && done.output.text.ends_with("any further]\n"),
        "{}",
        done.output.text
    );
    // It is not ended by a closed pipe.
    std::fs::remove_file(scene.root.join("alive")).unwrap();
    std::thread::sleep(Duration::from_millis(300));
    assert!(scene.root.join("alive").exists());
    scene.done("shell", json!({"command": "kill $(cat pid)"}));
}

#[test]
fn pieces_arrive_while_it_runs() {
    let scene = Scene::new();
    let (mut pieces, start) = (Vec::new(), Instant::now());
    let mut first = None;
    let ask = request(1, "shell", &json!({"command": "echo one; sleep 0.3; echo two"}));
    scene.bench.execute(&ask, &Cancel::default(), &mut |text| {
        first.get_or_insert_with(|| start.elapsed());
        pieces.push(text.to_owned());
    });
    assert_eq!(pieces[0], "one\n");
    assert!(first.unwrap() < Duration::from_millis(250));
    let start = Instant::now();
    let mut pieces = 0;
    scene.bench.execute(
        &request(1, "shell", &json!({"command": "head -c 50000000 /dev/zero"})),
        &Cancel::default(),
        &mut |text| {
            assert!(text.len() <= limits::DELTA_BYTES);
            pieces += 1;
        },
    );
    assert!(pieces <= 2 + start.elapsed().as_millis() as u64 / (1000 / limits::DELTAS_PER_SECOND), "{pieces}");
}

/// Whether a process with this command line runs.
pub fn running(command: &str) -> bool {
    let Ok(processes) = std::fs::read_dir("/proc") else { return false };
    processes.flatten().any(|process| {
        let line = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).trim_end_matches('\0').replace('\0', " ") == command
    })
}
