//! One scenario in a world of its own: a home, a user, a repository, a clock that stands still. The programs are the real ones.

use ace_core::digest;
use ace_front::{Attended, Ended, Interrupt};
use ace_host::Programs;
use ace_replay::judge::file;
use ace_replay::scenario::{EXPECTED, FILES, Reply, SCRIPT, Scenario, USER};
use ace_replay::{Failure, Story, cassette, judge};
use ace_schema::data::SessionCreated;
use ace_schema::{Line, limits, ty};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::folder::{Folder, copy_all, limited};

/// The moment at which every scenario happens, ms: 2026-11-20 06:40:00 UTC.
const CLOCK: &str = "1795156800000";
/// Exits after which nothing can be said of a session: usage, damage, a fault, I/O, credentials, configuration.
const BROKEN: [i32; 7] = [2, 65, 70, 74, 75, 77, 78];
/// Variables that name toolchains, which the tools of a scenario may need as those of a session do.
const TOOLCHAINS: [&str; 6] = ["CARGO_HOME", "RUSTUP_HOME", "GOROOT", "GOPATH", "GOMODCACHE", "JAVA_HOME"];

/// What came of one.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    pub failures: Vec<Failure>,
    /// It could not be run, and why.
    pub error: Option<String>,
    pub events: u64,
    pub ms: u64,
    /// Where it was run, if that was left.
    pub left: Option<PathBuf>,
    /// Its session.
    pub session: Option<String>,
    /// That session as one file, if it was wanted.
    pub packed: Option<String>,
}

impl Outcome {
    pub fn passed(&self) -> bool {
        self.error.is_none() && self.failures.is_empty()
    }
}

/// How scenarios are run.
#[derive(Debug, Clone, Copy, Default)]
pub struct How {
    /// What failed is left.
    pub keep: bool,
    /// Sessions are packed.
    pub pack: bool,
    /// There is no sandbox on this machine.
    pub unsandboxed: bool,
}

impl How {
    /// As this machine can.
    pub fn here(keep: bool) -> Self {
        Self { keep, pack: false, unsandboxed: ace_sandbox::missing().is_some() }
    }
}

/// Runs one.
pub fn run(folder: &Folder, how: How, stop: &Interrupt) -> Outcome {
    let begun = Instant::now();
    let seconds = if folder.scenario.seconds == 0 { limits::SCENARIO_SECONDS } else { folder.scenario.seconds };
    let world = match World::make(stop.clone(), begun + Duration::from_secs(seconds), seconds, &folder.name) {
        Ok(world) => world,
        Err(e) => return Outcome { error: Some(format!("cannot make its folder: {e}")), ..Outcome::default() },
    };
    let mut outcome = match world.play(folder, how) {
        Ok(outcome) => outcome,
        Err(error) => Outcome { error: Some(error), ..Outcome::default() },
    };
    outcome.ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(0);
    if how.keep && !outcome.passed() {
        outcome.left = Some(world.root.clone());
        std::mem::forget(world);
    }
    outcome
}

struct World {
    root: PathBuf,
    stop: Interrupt,
    deadline: Instant,
    seconds: u64,
    /// Programs that were started: each has a seed of its own, the same each time.
    started: AtomicU64,
}

impl Drop for World {
    fn drop(&mut self) {
        // What cannot be removed lies in the folder for such things.
        let _ = std::fs::remove_dir_all(&self.root);
    }
}

impl World {
    fn make(stop: Interrupt, deadline: Instant, seconds: u64, name: &str) -> std::io::Result<Self> {
        use std::os::unix::fs::DirBuilderExt;
        // Not by `ACE_SEED`: two of one seed must not meet.
        let unique = std::collections::hash_map::RandomState::new();
        let number = std::hash::BuildHasher::hash_one(&unique, std::process::id());
        let root = std::env::temp_dir().canonicalize()?.join(format!("ace-scenario-{number:016x}"));
        std::fs::DirBuilder::new().mode(0o700).create(&root)?;
        // By its name, so that the sessions of two scenarios are two.
        let first = u64::from_str_radix(&digest(name.as_bytes())[..8], 16).unwrap_or(0) << 16;
        let world = Self { root, stop, deadline, seconds, started: AtomicU64::new(first) };
        for name in ["home", "ace", "model", "project"] {
            std::fs::create_dir(world.root.join(name))?;
        }
        Ok(world)
    }

    /// A program with nothing of this machine's but its PATH and toolchains.
    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        let own = std::env::current_exe().ok().and_then(|exe| exe.parent().map(Path::to_owned));
        let path = std::env::var_os("PATH").unwrap_or_default();
        let paths = own.into_iter().chain(std::env::split_paths(&path));
        let user = self.root.join(USER);
        command
            .env_clear()
            .env("PATH", std::env::join_paths(paths).unwrap_or(path.clone()))
            .envs(toolchains())
            .env("HOME", self.root.join("home"))
            .env("USER", "tester")
            .env("LANG", "C.UTF-8")
            .env("TZ", "UTC")
            .env("ACE_HOME", self.root.join("ace"))
            .env("ACE_CONFIG", user.join("config.toml"))
            .env("ACE_RECORDINGS", self.root.join("model"))
            .env("ACE_SEED", (self.started.fetch_add(1, Ordering::Relaxed) + 1).to_string())
            .env("ACE_CLOCK", CLOCK)
            .env("ACE_PACE", "0")
            .env("OLLAMA_HOST", "127.0.0.1:1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .current_dir(self.root.join("project"))
            .stdin(Stdio::null());
        command
    }

    /// Waits for a program: its exit code, what it printed.
    fn finish(&self, command: &mut Command, what: &str) -> Result<(i32, String), String> {
        let (out, err) = (self.root.join("stdout"), self.root.join("stderr"));
        let file = |path: &Path| std::fs::File::create(path).map_err(|e| format!("cannot keep what {what} says: {e}"));
        command.stdout(file(&out)?).stderr(file(&err)?);
        let child = Attended::start(command).map_err(|e| format!("cannot start {what}: {e}"))?;
        match child.wait(&self.stop, Some(self.deadline)) {
            Ok(Ended::Exited(status)) => {
                let text = std::fs::read(&out).unwrap_or_default();
                Ok((status.code().unwrap_or(128), String::from_utf8_lossy(&text).into_owned()))
            }
            Ok(Ended::Stopped) => Err("stopped".to_owned()),
            Ok(Ended::Late) => Err(format!("{what} did not end within {} s", self.seconds)),
            Err(e) => Err(format!("cannot wait for {what}: {e}")),
        }
    }

    /// What a program said last on stderr.
    fn said(&self) -> String {
        let text = std::fs::read(self.root.join("stderr")).unwrap_or_default();
        let text = String::from_utf8_lossy(&text).into_owned();
        let line = text.lines().rev().find(|line| !line.starts_with("hint:") && !line.trim().is_empty());
        line.map_or_else(|| "it says nothing".to_owned(), ace_view::clean)
    }

    fn must(&self, command: &mut Command, what: &str) -> Result<String, String> {
        match self.finish(command, what)? {
            (0, out) => Ok(out),
            (code, _) => Err(format!("{what} ended with exit {code}: {}", self.said())),
        }
    }

    /// The repository, by its files and its script, with one commit that is the same each time.
    fn repository(&self, folder: &Folder) -> Result<(), String> {
        let project = self.root.join("project");
        let io = |e: std::io::Error| format!("cannot make the repository: {e}");
        copy_all(&folder.path.join(FILES), &project).map_err(io)?;
        copy_all(&folder.path.join(USER), &self.root.join(USER)).map_err(io)?;
        let git = |args: &[&str]| {
            let date = "2026-11-20T06:00:00Z";
            let mut command = self.command(Path::new("git"));
            command.args(["-c", "user.name=scenario", "-c", "user.email=scenario@localhost"]).args(args);
            self.must(command.env("GIT_AUTHOR_DATE", date).env("GIT_COMMITTER_DATE", date), "git").map(drop)
        };
        git(&["init", "-q", "-b", "main"])?;
        let script = folder.path.join(SCRIPT);
        if script.is_file() {
            let script = script.canonicalize().map_err(io)?;
            self.must(self.command(Path::new("sh")).arg("-e").arg(script), SCRIPT)?;
        }
        git(&["add", "-A"])?;
        git(&["commit", "-q", "--allow-empty", "--no-verify", "-m", "first"])
    }

    fn program(&self, name: &str, args: &[&str]) -> Command {
        let mut command = self.command(&Programs::beside_this().find(name));
        command.args(args);
        command
    }

    /// Begins the session; its id.
    fn begin(&self, scenario: &Scenario, how: How) -> Result<String, String> {
        let model = format!("--model=recorded/{}", self.cassette().display());
        let mode = format!("--mode={}", scenario.mode.name());
        let mut args = vec!["new", &model, &mode, "--name=scenario"];
        args.extend(how.unsandboxed.then_some("--unsandboxed"));
        args.extend(["--", scenario.prompts.first().map_or("", String::as_str)]);
        let out = self.must(&mut self.program("ace-session", &args), "ace-session new")?;
        Ok(out.trim().to_owned())
    }

    fn cassette(&self) -> PathBuf {
        self.root.join("model").join("cassette.jsonl")
    }

    fn log(&self, session: &str) -> Result<Vec<u8>, String> {
        std::fs::read(self.root.join("ace/sessions").join(session).join("log.jsonl"))
            .map_err(|e| format!("cannot read the log: {e}"))
    }

    /// Runs the session until nobody can go on, answering as the scenario's person does.
    fn turn(&self, session: &str, answers: &mut dyn Iterator<Item = &Reply>) -> Result<(), String> {
        loop {
            let (code, _) = self.finish(&mut self.program("ace-session", &["run", session]), "ace-session run")?;
            if BROKEN.contains(&code) || code > 130 {
                return Err(format!("ace-session run ended with exit {code}: {}", self.said()));
            }
            if code != 3 {
                return Ok(());
            }
            let Some(reply) = answers.next() else { return Ok(()) };
            let Some(call) = waiting(&self.log(session)?) else { return Ok(()) };
            self.must(&mut self.program("ace-permit", &answer(session, &call, reply)), "ace-permit")?;
        }
    }

    fn play(&self, folder: &Folder, how: How) -> Result<Outcome, String> {
        let scenario = &folder.scenario;
        self.repository(folder)?;
        // It is looked for before its calls can be known: they name folders that are not there yet.
        std::fs::write(self.cassette(), cassette::text(&folder.rows)).map_err(|e| e.to_string())?;
        let session = self.begin(scenario, how)?;
        let created: SessionCreated = created(&self.log(&session)?).ok_or("the log does not begin with a session")?;
        let place = created.worktree.as_ref().map_or(&created.cwd, |tree| &tree.path).clone();
        let rows = cassette::placed(&folder.rows, &place);
        std::fs::write(self.cassette(), cassette::text(&rows)).map_err(|e| e.to_string())?;
        let mut answers = scenario.answers.iter();
        self.turn(&session, &mut answers)?;
        for prompt in scenario.prompts.iter().skip(1) {
            self.must(&mut self.program("ace-session", &["say", &session, "--", prompt]), "ace-session say")?;
            self.turn(&session, &mut answers)?;
        }
        let bytes = self.log(&session)?;
        let lines: Vec<Line> = ace_storage::split(&bytes).filter_map(|line| Line::parse(line).ok()).collect();
        let story = Story::of(&lines);
        let mut failures = judge(scenario, &lines, &story, &place);
        for expected in &scenario.expect.files {
            let most = limits::SCENARIO_FILES_BYTES;
            let there = limited(&Path::new(&place).join(&expected.path), most).ok();
            let wanted = limited(&folder.path.join(EXPECTED).join(&expected.path), most).ok();
            failures.extend(file(expected, there.as_deref(), wanted.as_deref()));
        }
        failures.extend(self.check(&scenario.expect.check, &place)?);
        let pack = || self.must(&mut self.program("ace-session", &["pack", &session]), "ace-session pack").ok();
        let packed = how.pack.then(pack).flatten();
        let events = lines.len() as u64;
        Ok(Outcome { failures, events, session: Some(session), packed, ..Outcome::default() })
    }

    fn check(&self, check: &str, place: &str) -> Result<Option<Failure>, String> {
        if check.is_empty() {
            return Ok(None);
        }
        let (code, _) =
            self.finish(self.command(Path::new("sh")).args(["-c", check]).current_dir(place), "the check")?;
        let words = || format!("'{check}' ended with exit {code}: {}", self.said());
        Ok((code != 0).then(|| Failure { expectation: "check".to_owned(), words: words() }))
    }
}

fn created(log: &[u8]) -> Option<SessionCreated> {
    Line::parse(ace_storage::split(log).next()?).ok()?.data().ok()
}

/// The call that waits for a person longest.
fn waiting(log: &[u8]) -> Option<String> {
    let lines: Vec<Line> = ace_storage::split(log).filter_map(|line| Line::parse(line).ok()).collect();
    let answered = |id: &str| lines.iter().any(|l| l.ty == ty::PERMISSION_RESOLVED && l.cause == id);
    let asked = lines.iter().filter(|l| l.ty == ty::PERMISSION_REQUESTED).map(|l| l.cause.to_string());
    asked.into_iter().find(|id| !answered(id))
}

fn answer<'a>(session: &'a str, call: &'a str, reply: &'a Reply) -> Vec<&'a str> {
    let mut args = vec![if reply.allow { "allow" } else { "deny" }, session, call];
    if !reply.why.is_empty() {
        args.extend(["--why", &reply.why]);
    }
    if reply.allow && !reply.text.is_empty() {
        args.extend(["--answer", &reply.text]);
    }
    args
}

/// The toolchains of the person, which a home of their own would hide.
fn toolchains() -> Vec<(&'static str, OsString)> {
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let usual = |name: &str| match name {
        "CARGO_HOME" => Some(home.join(".cargo")),
        "RUSTUP_HOME" => Some(home.join(".rustup")),
        _ => None,
    };
    let found = |name: &'static str| {
        let there = || usual(name).filter(|path| path.is_dir()).map(PathBuf::into_os_string);
        std::env::var_os(name).or_else(there).map(|value| (name, value))
    };
    TOOLCHAINS.into_iter().filter_map(found).collect()
}

/// What names a folder's content for a history; here so that all of a run is in one place.
pub fn short(text: &str) -> String {
    let most = limits::SCENARIO_FAILURE_BYTES;
    if text.len() <= most { text.to_owned() } else { format!("{} …", &text[..text.floor_char_boundary(most)]) }
}

/// A digest of what was expected and failed, to tell two failures from each other.
pub fn signature(outcome: &Outcome) -> String {
    let words = |failure: &Failure| {
        // Which call it is changes when others go.
        let words = match (failure.expectation.as_str(), failure.words.split_once(": ")) {
            ("calls", Some((_, rest))) => rest.to_owned(),
            _ => failure.words.clone(),
        };
        format!("{}\n{words}\n", failure.expectation)
    };
    let text = outcome.failures.first().map(words).or_else(|| outcome.error.clone()).unwrap_or_default();
    digest(text.as_bytes())
}
