//! What is done, is done by the suite's own programs: the same that a person would type, with the same refusals. A session that is to
//! go on gets a runner of its own, which lives without us.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use ace_schema::limits::web as limits;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

use crate::app::{App, blocking};
use crate::problem::{Code, Problem};

/// What a program said.
#[derive(Debug, Default)]
pub struct Said {
    /// Its output.
    pub out: Vec<u8>,
    /// What it noted for people, a line each.
    pub notes: Vec<String>,
    /// Its exit.
    pub exit: i32,
}

impl Said {
    /// Its output as text without the last line feed.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.out).trim_end().to_owned()
    }

    /// Its output as JSON, a value a line.
    #[must_use]
    pub fn lines(&self) -> Vec<Value> {
        self.out.split(|b| *b == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect()
    }
}

/// A program and its arguments.
#[derive(Debug, Clone)]
pub struct Task {
    program: &'static str,
    args: Vec<OsString>,
    cwd: PathBuf,
    stdin: Vec<u8>,
    /// Exits that are no failure.
    fine: &'static [i32],
    /// How long it may take.
    within: Duration,
}

impl Task {
    /// `program` with these arguments.
    #[must_use]
    pub fn new(program: &'static str, args: &[&str]) -> Self {
        let args = args.iter().map(OsString::from).collect();
        Self { program, args, cwd: PathBuf::from("/"), stdin: Vec::new(), fine: &[0], within: limits::ACT_TIME }
    }

    /// With one more argument.
    #[must_use]
    pub fn with(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// With `--name=value` where there is a value.
    #[must_use]
    pub fn option(self, name: &str, value: Option<&str>) -> Self {
        match value.filter(|value| !value.is_empty()) {
            Some(value) => self.with(format!("{name}={value}")),
            None => self,
        }
    }

    /// With the flag where it is wanted.
    #[must_use]
    pub fn flag(self, name: &str, wanted: bool) -> Self {
        if wanted { self.with(name) } else { self }
    }

    /// In that folder.
    #[must_use]
    pub fn at(self, cwd: impl Into<PathBuf>) -> Self {
        Self { cwd: cwd.into(), ..self }
    }

    /// With that on its input.
    #[must_use]
    pub fn fed(self, stdin: impl Into<Vec<u8>>) -> Self {
        Self { stdin: stdin.into(), ..self }
    }

    /// These exits are answers, not failures.
    #[must_use]
    pub fn fine(self, fine: &'static [i32]) -> Self {
        Self { fine, ..self }
    }

    /// It may take that long.
    #[must_use]
    pub fn within(self, within: Duration) -> Self {
        Self { within, ..self }
    }

    /// As a person would type it.
    #[must_use]
    pub fn typed(&self) -> String {
        let quoted = |arg: &OsString| {
            let arg = arg.to_string_lossy();
            let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_./=@:,+%".contains(&b);
            match !arg.is_empty() && arg.bytes().all(plain) {
                true => arg.into_owned(),
                false => format!("'{}'", arg.replace('\'', "'\\''")),
            }
        };
        let words = self.args.iter().map(quoted);
        std::iter::once(self.program.to_owned()).chain(words).collect::<Vec<_>>().join(" ")
    }

    fn command(&self, app: &App) -> Command {
        let mut command = Command::new(app.options.programs.find(self.program));
        command.args(&self.args).current_dir(if self.cwd.is_dir() { &self.cwd } else { Path::new("/") });
        command.env("ACE_ERRORS", "json").env("ACE_HOME", app.options.home.path()).env("NO_COLOR", "1");
        command
    }

    /// Runs it to its end.
    ///
    /// # Errors
    /// What it complains of, in its words and with its exit's name; it took too long; it cannot be started.
    pub async fn run(&self, app: &App) -> Result<Said, Problem> {
        let busy = || Problem::new(Code::Busy, "too much is being done at once").status(503).hint("try again");
        let _turn = tokio::time::timeout(limits::ACT_TIME, app.acts.acquire()).await.map_err(|_| busy())?;
        let mut command = self.command(app);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().map_err(|e| Problem::io(&format!("cannot start {}", self.program), &e))?;
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let feed = async {
            if let Some(mut stdin) = stdin {
                // It may end before it has read all.
                let _ = stdin.write_all(&self.stdin).await;
            }
        };
        let done = async { tokio::join!(feed, taken(stdout), taken(stderr), child.wait()) };
        let slow = || Problem::new(Code::Busy, format!("{} took too long", self.program)).status(504);
        let ((), out, err, status) = tokio::time::timeout(self.within, done).await.map_err(|_| slow())?;
        let status = status.map_err(|e| Problem::io(&format!("cannot wait for {}", self.program), &e))?;
        let exit = status.code().unwrap_or(70);
        let lines: Vec<Value> = err.split(|b| *b == b'\n').filter_map(|l| serde_json::from_slice(l).ok()).collect();
        if !self.fine.contains(&exit) {
            return Err(complaint(self.program, exit, &lines));
        }
        let note = |line: &Value| line["note"].as_str().map(str::to_owned);
        Ok(Said { out, notes: lines.iter().filter_map(note).collect(), exit })
    }
}

/// What a program complains of.
fn complaint(program: &str, exit: i32, lines: &[Value]) -> Problem {
    let said = lines.iter().rev().find(|line| line["error"].is_string());
    let text = |key: &str| said.and_then(|line| line[key].as_str()).map(str::to_owned);
    let words = text("error").unwrap_or_else(|| format!("{program} ended with {exit}"));
    let mut problem = Problem::new(Code::of_exit(exit), words);
    problem.hint = text("hint");
    // What is not there is not there, whoever says it.
    if problem.code == Code::No && problem.detail.starts_with("no session") {
        problem.status = 404;
    }
    problem
}

async fn taken(from: Option<impl AsyncReadExt + Unpin>) -> Vec<u8> {
    let mut out = Vec::new();
    if let Some(mut from) = from {
        let mut most = (&mut from).take(limits::SAYS_BYTES as u64);
        let _ = most.read_to_end(&mut out).await;
        // The rest is read and forgotten, so that it can end.
        let _ = tokio::io::copy(&mut from, &mut tokio::io::sink()).await;
    }
    out
}

/// Starts who runs a session, unless somebody does: in a group of its own, so that it lives on when this server does not.
fn start(app: &App, session: &str) {
    let task = Task::new("ace-session", &["run", session]);
    let mut command = task.command(app);
    command.env_remove("ACE_ERRORS").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
    // Who cannot be started is seen by the session's state, which says that nobody runs it.
    if let Ok(mut child) = command.spawn() {
        tokio::spawn(async move { child.wait().await });
    }
}

/// Sees to it that somebody runs a session in which something is due. Who runs it may just be ending: then it is looked again.
pub fn nudge(app: &App, session: &str) {
    let (app, session) = (app.clone(), session.to_owned());
    tokio::spawn(async move {
        for _ in 0..20 {
            let (inside, id) = (app.clone(), session.clone());
            let looked = blocking(move || {
                let log = inside.board.log(&id).ok_or_else(Problem::unknown)?;
                let due =
                    inside.board.with(&id, &log, |fold| !fold.state.is_settled() && !fold.state.waits_for_person());
                let held = log.folder().and_then(ace_storage::Runner::holder).is_some();
                Ok((due.unwrap_or(false), held))
            });
            match looked.await {
                Ok((true, false)) => return start(&app, &session),
                Ok((true, true)) => tokio::time::sleep(Duration::from_millis(250)).await,
                Ok((false, _)) | Err(_) => return,
            }
        }
    });
}
