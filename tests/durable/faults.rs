//! One system call fails, the first, the second, … until there is none left to fail: whatever a program was doing, what it
//! acknowledged is there, it says in one line what went wrong, and it works again afterwards.
//!
//! strace(1) makes the calls fail: it needs no change in the programs, sees those that libraries make without the C library, and
//! counts from one. Short writes it cannot make; those come from libfiu's preload library.

use super::{Lack, grouped, number, skip};
use crate::suite::{Run, World, finish, folders};
use ace_cli::Exit;
use ace_schema::data::UserMessage;
use ace_schema::{Drafter, ty};
use ace_storage::{Home, split};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Calls that fail together under one name, and how. The dynamic loader's own reads and maps are left alone.
const CALLS: &[(&str, &str, &str)] = &[
    ("write", "write,pwrite64,writev", "EIO"),
    ("write, disk full", "write,pwrite64,writev", "ENOSPC"),
    ("sync", "fdatasync,fsync", "EIO"),
    ("rename", "rename,renameat,renameat2", "ENOSPC"),
    ("mkdir", "mkdir,mkdirat", "ENOSPC"),
    ("ftruncate", "ftruncate", "EIO"),
    ("open", "openat", "EMFILE"),
];
/// Faults of one kind after which a program that goes on failing is called endless.
const MOST: usize = 600;

fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|p| p.is_file())
}

/// strace, if it is there and may trace.
pub fn strace() -> Result<String, Lack> {
    let path = program("strace").ok_or(Lack::Curable("strace is not installed".into()))?;
    let works = std::process::Command::new(&path).args(["-qq", "-o", "/dev/null", "true"]).status();
    match works.is_ok_and(|s| s.success()) {
        true => Ok(path.display().to_string()),
        false => Err(Lack::Kernel("no process may be traced here".into())),
    }
}

/// One program under faults.
struct Rig<'a> {
    world: &'a World,
    strace: String,
    program: &'static str,
}

impl Rig<'_> {
    /// Runs it with the fault at the `n`th of `calls` in each of its processes; `None` if there were not so many.
    fn run(&self, calls: &str, error: &str, n: &str, args: &[&str], input: &[u8]) -> (Run, bool) {
        let told = self.world.path("faults");
        let trace = format!("trace={calls}");
        let inject = format!("inject={calls}:error={error}:when={n}");
        let exe = crate::suite::programs().join(self.program).display().to_string();
        let told_text = told.display().to_string();
        let mut all = vec![
            "-f",
            "-qq",
            "--seccomp-bpf",
            "-o",
            &told_text,
            "-e",
            "signal=none",
            "-e",
            &trace,
            "-e",
            &inject,
            &exe,
        ];
        all.extend(args);
        let mut command = self.world.command(&self.strace, &all);
        // The key would be dropped by starting again, which is not what is tried here.
        command.env_remove("TEST_KEY").stdin(std::process::Stdio::piped());
        let run = finish(command.spawn().unwrap(), Some(input.to_vec()));
        let fired = std::fs::read_to_string(&told).unwrap().contains("(INJECTED)");
        (run, fired)
    }

    /// Goes through all faults of all kinds; `after` looks at what each left. The number of faults.
    fn go_through(
        &self,
        mut once: impl FnMut(usize) -> (Vec<String>, Vec<u8>),
        mut after: impl FnMut(&str, &Run),
    ) -> BTreeMap<&'static str, usize> {
        let mut fired = BTreeMap::new();
        let mut tries = 0;
        for (name, calls, error) in CALLS {
            // The two ways of a write to fail lead the same way in all but the log.
            if *name == "write, disk full" && self.program != "ace-log" {
                continue;
            }
            // On a desk every fourth of the many, in CI all.
            let step = match *name {
                "open" | "write" if self.program != "ace-log" => number("ACE_FAULT_STEP", 4, 1),
                _ => 1,
            };
            for n in (1..).step_by(step.max(1)) {
                assert!(n < MOST, "{} has no end of {name}", self.program);
                tries += 1;
                let (args, input) = once(tries);
                let args: Vec<&str> = args.iter().map(String::as_str).collect();
                let (run, hit) = self.run(calls, error, &n.to_string(), &args, &input);
                if !hit {
                    assert_eq!(run.code, Some(0), "{name} {n} was not hit: {run:?}");
                    break;
                }
                *fired.entry(*name).or_insert(0) += 1;
                // The loader did not find its libraries: nothing of ours ran.
                if run.code == Some(127) {
                    continue;
                }
                self.check(&format!("{} at {name} {n}", self.program), &run);
                after(&format!("{} at {name} {n}", self.program), &run);
            }
        }
        fired
    }

    /// The exit is one of the table, and says why in one line and perhaps a hint.
    fn check(&self, what: &str, run: &Run) {
        assert!(!run.stderr.contains("panicked"), "{what}: {run:?}");
        let exit = run.code.and_then(|c| u8::try_from(c).ok()).and_then(Exit::from_number);
        let Some(exit) = exit else { panic!("{what}: no exit of the table: {run:?}") };
        assert!(exit != Exit::Bug, "{what}: {run:?}");
        if exit != Exit::Done {
            let lines: Vec<&str> = run.stderr.lines().collect();
            let mine = lines.iter().filter(|l| l.starts_with("ace")).count();
            let hints = lines.iter().filter(|l| l.starts_with("hint: ")).count();
            assert!(mine >= 1 && hints <= 1 && mine + hints == lines.len(), "{what}: {run:?}");
        }
    }
}

fn say(program: &str, fired: &BTreeMap<&'static str, usize>) {
    let all: usize = fired.values().sum();
    let each: Vec<String> = fired.iter().map(|(name, n)| format!("{n} {name}")).collect();
    println!("faults: {} in {program} ({}), nothing lost", grouped(all), each.join(", "));
    assert!(all > 10, "the faults did not arrive: {fired:?}");
}

/// Every session that is there is whole.
#[track_caller]
fn all_whole(world: &World, what: &str) {
    let home = Home::at(world.ace_home());
    for session in home.sessions().unwrap() {
        let report = home.log(&session.id).verify().unwrap();
        assert_eq!(report.damage, None, "{what}: {}", session.id);
    }
}

fn message(session: &str, n: usize, text: String) -> Vec<u8> {
    let mut drafter = Drafter::new("test", n as u64);
    drafter.set_session(session);
    drafter.draft(0, "", ty::USER_MESSAGE, &UserMessage { text, ..Default::default() }).1
}

fn world() -> World {
    let world = World::new().repository(&[("hello.txt", "hello\n"), ("src/deep.txt", "deep\n")]);
    world.config(
        "model = \"test/none\"\n[providers.test]\nwire = \"openai-chat\"\nbase_url = \"http://127.0.0.1:9/v1\"\n",
    );
    world
}

/// The world as it began, to be had again and again: else each run would have more to read than the one before.
struct Fresh<'a> {
    world: &'a World,
    kept: PathBuf,
}

impl<'a> Fresh<'a> {
    fn of(world: &'a World) -> Self {
        let kept = world.path("kept");
        copy(&world.project(), &kept);
        Self { world, kept }
    }

    fn put(&self) {
        for folder in [self.world.project(), self.world.ace_home()] {
            std::fs::remove_dir_all(folder).unwrap();
        }
        std::fs::create_dir(self.world.ace_home()).unwrap();
        copy(&self.kept, &self.world.project());
    }
}

fn copy(from: &Path, to: &Path) {
    let done = std::process::Command::new("cp").arg("-a").args([from, to]).status();
    assert!(done.unwrap().success());
}

/// A bell that tells of a failed sync, as long as the machine is up: without it, as after a restart.
fn restart(world: &World) {
    for session in folders(&world.ace_home().join("sessions")) {
        let _ = std::fs::remove_file(world.ace_home().join("sessions").join(session).join("bell"));
    }
}

#[test]
fn f05_f06_f08_no_single_fault_loses_a_line_that_append_acknowledged() {
    let strace = match strace() {
        Ok(path) => path,
        Err(lack) => return skip("faults in ace-log append", &lack),
    };
    let world = world();
    let id = world.run("ace-session", &["new", "take notes"]).done().stdout.trim().to_owned();
    let file = world.log_file(&id);
    let rig = Rig { world: &world, strace, program: "ace-log" };
    let draft = |n: usize| {
        // Two messages, so that there is more than one write.
        [message(&id, 2 * n, "x".repeat(n % 500)), message(&id, 2 * n + 1, "y".repeat(70))].concat()
    };
    let fired = rig.go_through(
        |n| (vec!["append".into(), id.clone(), "--tee".into()], draft(n)),
        |what, run| {
            let log = std::fs::read(&file).unwrap();
            let there: std::collections::HashSet<&[u8]> = split(&log).collect();
            for line in split(run.stdout.as_bytes()) {
                assert!(there.contains(line), "{what}: an acknowledged line is lost: {run:?}");
            }
            if what.contains(" sync ") && run.code != Some(0) {
                let again = world.feed("ace-log", &["append", &id], b"");
                assert!([Some(0), Some(74)].contains(&again.code), "{what}: {again:?}");
                restart(&world);
            }
            // Nothing of the batch, or all of it; and the next writer goes on.
            let again = world.feed("ace-log", &["append", &id], &message(&id, 1_000_000 + log.len(), "next".into()));
            assert_eq!(again.code, Some(0), "{what}, then: {again:?}");
            all_whole(&world, what);
        },
    );
    say("ace-log append", &fired);
}

#[test]
fn f05_f08_a_session_is_made_whole_or_not_at_all_whatever_fails() {
    let strace = match strace() {
        Ok(path) => path,
        Err(lack) => return skip("faults in ace-session new", &lack),
    };
    let world = world();
    let fresh = Fresh::of(&world);
    let rig = Rig { world: &world, strace, program: "ace-session" };
    let fired = rig.go_through(
        |_| {
            fresh.put();
            (vec!["new".into(), "the task".into()], Vec::new())
        },
        |what, run| {
            let there = || folders(&world.ace_home().join("sessions"));
            all_whole(&world, what);
            let named = run.stdout.trim();
            assert!(named.is_empty() || there().contains(&named.to_owned()), "{what}: {run:?}");
            assert!(run.code != Some(0) || !named.is_empty(), "{what}: {run:?}");
            let again = world.run("ace-session", &["new", "the task"]);
            assert_eq!(again.code, Some(0), "{what}, then: {again:?}");
            assert!(there().contains(&again.stdout.trim().to_owned()), "{what}, then: {again:?}");
            all_whole(&world, what);
        },
    );
    say("ace-session new", &fired);
}

#[test]
fn f05_f08_a_worktree_that_fails_is_said_and_the_next_one_works() {
    let strace = match strace() {
        Ok(path) => path,
        Err(lack) => return skip("faults in ace-worktree create", &lack),
    };
    let world = world();
    let before = world.git(&["rev-parse", "HEAD"]);
    let fresh = Fresh::of(&world);
    let rig = Rig { world: &world, strace, program: "ace-worktree" };
    let deep = |run: &Run| std::fs::read(PathBuf::from(run.stdout.trim()).join("src/deep.txt")).ok();
    let fired = rig.go_through(
        |_| {
            fresh.put();
            (vec!["create".into(), "tree".into()], Vec::new())
        },
        |what, run| {
            if run.code == Some(0) {
                assert_eq!(deep(run).as_deref(), Some(&b"deep\n"[..]), "{what}: {run:?}");
            }
            let again = world.run("ace-worktree", &["create", "tree"]);
            assert_eq!(again.code, Some(0), "{what}, then: {again:?}");
            assert_eq!(deep(&again).as_deref(), Some(&b"deep\n"[..]), "{what}, then: {again:?}");
            // The user's own branch is as it was.
            let head = std::fs::read_to_string(world.project().join(".git/refs/heads/main")).unwrap();
            assert_eq!(head, before, "{what}");
        },
    );
    say("ace-worktree create", &fired);
}

/// The drafts of a longer stream.
fn stream(id: &str) -> Vec<u8> {
    (0..40).flat_map(|n| message(id, n, "z".repeat(n * 211 % 3000))).collect()
}

/// Appends a stream in a fixed world of its own; the log.
fn fixed(run: impl FnOnce(&World, &str, &[u8]) -> Run) -> Vec<u8> {
    let world = world();
    let mut command = world.command("ace-session", &["new", "--no-worktree", "the same"]);
    command.env("ACE_CLOCK", "1795156860000").env("ACE_SEED", "7");
    let id = finish(command.spawn().unwrap(), None).done().stdout.trim().to_owned();
    let _ = run(&world, &id, &stream(&id)).done();
    let text = std::fs::read_to_string(world.log_file(&id)).unwrap();
    // What differs between two worlds is their path, and with it every hash behind it.
    let mut lines = text.lines().map(|l| serde_json::from_str::<serde_json::Value>(l).unwrap()).collect::<Vec<_>>();
    lines.remove(0);
    for line in &mut lines {
        line["prev"].take();
    }
    all_whole(&world, "the same");
    lines.iter().map(|l| format!("{l}\n")).collect::<String>().into_bytes()
}

fn plainly(world: &World, id: &str, input: &[u8]) -> Run {
    let mut command = world.command("ace-log", &["append", id]);
    command.env("ACE_CLOCK", "1795156869000").stdin(std::process::Stdio::piped());
    finish(command.spawn().unwrap(), Some(input.to_vec()))
}

#[test]
fn f07_interrupted_calls_leave_the_same_log() {
    let strace = match strace() {
        Ok(path) => path,
        Err(lack) => return skip("interrupted calls", &lack),
    };
    let expected = fixed(plainly);
    for (calls, when) in [("write,pwrite64,writev", "1+2"), ("read,pread64", "6+2"), ("flock,fcntl", "1+2")] {
        let got = fixed(|world, id, input| {
            let told = world.path("faults").display().to_string();
            let (trace, inject) = (format!("trace={calls}"), format!("inject={calls}:error=EINTR:when={when}"));
            let exe = crate::suite::programs().join("ace-log").display().to_string();
            let args = ["-f", "-qq", "-o", &told, "-e", "signal=none", "-e", &trace, "-e", &inject, &exe, "append", id];
            let mut command = world.command(&strace, &args);
            command.env("ACE_CLOCK", "1795156869000").env_remove("TEST_KEY").stdin(std::process::Stdio::piped());
            let run = finish(command.spawn().unwrap(), Some(input.to_vec()));
            assert!(std::fs::read_to_string(&told).unwrap().contains("(INJECTED)"), "{calls}: no call was interrupted");
            run
        });
        assert!(got == expected, "{calls}");
    }
}

#[test]
fn f07_short_writes_leave_the_same_log() {
    let Some(fiu) = program("fiu-run") else {
        return skip("short writes", &Lack::Curable("fiu-utils is not installed".into()));
    };
    let expected = fixed(plainly);
    for round in 0..3 {
        let got = fixed(|world, id, input| {
            let exe = crate::suite::programs().join("ace-log").display().to_string();
            let point = |name: &str| format!("enable_random name=posix/io/rw/{name}/reduce,probability=0.6");
            let (write, pwrite, read) = (point("write"), point("pwrite"), point("read"));
            let args = ["-x", "-f", "", "-c", &write, "-c", &pwrite, "-c", &read, &exe, "append", id];
            let mut command = world.command(&fiu.display().to_string(), &args);
            command.env("ACE_CLOCK", "1795156869000").env_remove("TEST_KEY").stdin(std::process::Stdio::piped());
            finish(command.spawn().unwrap(), Some(input.to_vec()))
        });
        assert!(got == expected, "round {round}");
    }
}
