//! Crashes: programs killed at any moment, torn logs, full disks, rivals. After each the log is whole, nothing acknowledged is lost,
//! nothing was done twice, and the session goes on to its end.

use crate::run::shell;
use crate::server::{Reply, Server};
use crate::suite::World;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

mod cuts;
mod disk;
mod filters;
mod rivals;
mod storm;
mod tails;
mod tree;

/// A number that a variable may raise.
pub fn number(variable: &str, default: usize) -> usize {
    std::env::var(variable).ok().and_then(|v| v.parse().ok()).unwrap_or(default)
}

/// A model that asks for `n` steps, each a line in `steps.txt`, and then says that all is done.
pub fn stepping(n: usize) -> Server {
    Server::by(move |answers| {
        if answers < n {
            Reply::Calls("", vec![shell(&format!("echo step-{answers} >> steps.txt"))])
        } else {
            Reply::Text("all is done")
        }
    })
}

/// A world whose sessions work in worktrees of a small repository.
pub fn world(model: Server) -> World {
    World::with_model(model).repository(&[("hello.txt", "hello\n")])
}

/// Makes a session in mode `auto`; its id.
pub fn session(world: &World) -> String {
    let run = world.run("ace-session", &["new", "--mode", "auto", "take the steps"]).done();
    run.stdout.trim().to_owned()
}

/// The folder a session works in.
pub fn place(world: &World, session: &str) -> PathBuf {
    PathBuf::from(world.log(session)[0]["data"]["cwd"].as_str().unwrap())
}

/// How often each line stands in the session's `steps.txt`.
pub fn steps(world: &World, session: &str) -> BTreeMap<String, usize> {
    let text = std::fs::read_to_string(place(world, session).join("steps.txt")).unwrap_or_default();
    let mut count = BTreeMap::new();
    for line in text.lines() {
        *count.entry(line.to_owned()).or_default() += 1;
    }
    count
}

/// Each step was taken at most once, and one that was not taken is recorded as interrupted or killed. How many were not taken.
#[track_caller]
pub fn check_steps(world: &World, session: &str, n: usize) -> usize {
    check_steps_or(world, session, n, &["interrupted", "killed"])
}

/// The same where there are other excuses too.
#[track_caller]
pub fn check_steps_or(world: &World, session: &str, n: usize, excuses: &[&str]) -> usize {
    let taken = steps(world, session);
    let log = world.log(session);
    let mut missing = 0;
    for k in 0..n {
        match taken.get(&format!("step-{k}")) {
            Some(1) => {}
            Some(times) => panic!("step {k} was taken {times} times: {}", brief(&log)),
            None => {
                let why = outcome(&log, &format!("step-{k} "));
                assert!(excuses.contains(&&*why), "step {k} is lost, {why}: {}", brief(&log));
                missing += 1;
            }
        }
    }
    missing
}

/// What is recorded of the call whose command holds these words: `completed`, a failure's code, or why there is none.
pub fn outcome(log: &[Value], words: &str) -> String {
    let follows = |cause: &str, types: &[&str]| {
        log.iter().find(|l| l["cause"] == cause && types.iter().any(|t| l["type"] == *t)).cloned()
    };
    let asked = log.iter().rfind(|l| {
        l["type"] == "model.tool_call_requested"
            && l["data"]["args"]["command"].as_str().is_some_and(|c| c.contains(words))
    });
    let Some(call) = asked else { return "never asked".to_owned() };
    let id = |line: &Value| line["id"].as_str().unwrap().to_owned();
    let Some(decision) = follows(&id(call), &["permission.resolved"]) else { return "undecided".to_owned() };
    let Some(claim) = follows(&id(&decision), &["tool.started"]) else { return "not started".to_owned() };
    match follows(&id(&claim), &["tool.completed", "tool.failed"]) {
        None => "open".to_owned(),
        // A command that was shot down itself is told as such: what it had done by then is its own affair.
        Some(end) if end["data"]["signal"].is_number() => "killed".to_owned(),
        Some(end) if end["type"] == "tool.completed" => "completed".to_owned(),
        Some(end) => end["data"]["code"].as_str().unwrap_or("failed").to_owned(),
    }
}

/// A log, a word a line, for messages.
pub fn brief(log: &[Value]) -> String {
    let word = |l: &Value| {
        format!(
            "{} {} pen {} {} <- {} {}\n",
            l["seq"],
            l["type"].as_str().unwrap(),
            l["pen"],
            l["id"].as_str().unwrap(),
            l["cause"].as_str().unwrap_or_default(),
            l["data"]["code"].as_str().unwrap_or_default()
        )
    };
    log.iter().map(word).collect()
}

/// `ace-log verify` finds the session whole.
#[track_caller]
pub fn check_whole(world: &World, session: &str) {
    let run = world.run("ace-log", &["verify", session]);
    assert_eq!(run.code, Some(0), "{run:?}");
}

/// The conversation that a log comes to, free of ids, times and retries: each answer's calls with their outcomes, its text, and how
/// the turn ended.
pub fn canonical(log: &[Value]) -> Vec<String> {
    let mut out = Vec::new();
    for line in log {
        let data = &line["data"];
        match line["type"].as_str().unwrap() {
            "user.message" => out.push(format!("user {}", data["text"])),
            "model.completed" => {
                let claim = &line["cause"];
                let calls = log.iter().filter(|l| l["type"] == "model.tool_call_requested" && l["cause"] == *claim);
                for call in calls {
                    let command = call["data"]["args"]["command"].as_str().unwrap();
                    out.push(format!("call {command}: {}", outcome(log, command)));
                }
                out.push(format!("answer {} {}", data["parts"], data["stop"]));
            }
            end @ ("turn.completed" | "turn.failed" | "turn.cancelled") => out.push(format!("{end} {data}")),
            _ => {}
        }
    }
    out
}

/// One process: number, start time (so that a number given again is not taken for it), parent, command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    pub pid: u32,
    pub start: u64,
    pub parent: u32,
    pub name: String,
}

impl Process {
    fn read(pid: u32) -> Option<Self> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let (head, tail) = stat.rsplit_once(')')?;
        let fields: Vec<&str> = tail.split_ascii_whitespace().collect();
        if fields[0] == "Z" || fields[0] == "X" {
            return None;
        }
        let name = head.split_once('(')?.1.to_owned();
        Some(Self { pid, start: fields[19].parse().ok()?, parent: fields[1].parse().ok()?, name })
    }

    /// Whether it still runs.
    pub fn lives(&self) -> bool {
        Self::read(self.pid).is_some_and(|now| now.start == self.start)
    }

    /// Its command line, words by spaces.
    pub fn words(&self) -> String {
        let bytes = std::fs::read(format!("/proc/{}/cmdline", self.pid)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).replace('\0', " ")
    }
}

/// All running processes.
pub fn processes() -> Vec<Process> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    entries.filter_map(|e| Process::read(e.file_name().to_str()?.parse().ok()?)).collect()
}

/// The descendants of a process, without itself.
pub fn descendants(root: u32) -> Vec<Process> {
    let all = processes();
    let mut tree = vec![root];
    let mut found = Vec::new();
    let mut at = 0;
    while at < tree.len() {
        let children = all.iter().filter(|p| p.parent == tree[at]);
        let children: Vec<Process> = children.cloned().collect();
        tree.extend(children.iter().map(|p| p.pid));
        found.extend(children);
        at += 1;
    }
    found
}

/// Processes that belong to a world: what they were started with, or where they stand, names its folder.
pub fn inhabitants(world: &World) -> Vec<Process> {
    let root = world.path("").display().to_string();
    let root = root.trim_end_matches('/');
    let belongs = |p: &Process| {
        let environment = std::fs::read(format!("/proc/{}/environ", p.pid)).unwrap_or_default();
        let cwd = std::fs::read_link(format!("/proc/{}/cwd", p.pid)).unwrap_or_default();
        String::from_utf8_lossy(&environment).contains(root) || cwd.starts_with(Path::new(root))
    };
    processes().into_iter().filter(belongs).collect()
}

/// Sends a signal, by its name.
pub fn signal(name: &str, pid: u32) {
    // It may be gone already.
    let _ =
        Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).stderr(std::process::Stdio::null()).status();
}

/// Kills a child without mercy and waits for its end.
pub fn kill(mut child: Child) {
    let _ = child.kill();
    let _ = child.wait();
}

/// A small random number generator: the same kills again for the same seed.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: usize) -> Self {
        Self(seed as u64 ^ 0x9e37_79b9_7f4a_7c15)
    }

    /// A number below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % n.max(1)
    }
}
