//! The programs of a pipeline: which there are, how each is started, and what its environment holds.

use ace_schema::Kind;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};

/// One program of a pipeline.
#[derive(Debug, Clone)]
pub struct Stage {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// What its pen may write.
    pub kind: Kind,
    /// When it is started.
    pub begins: Begins,
}

/// When a stage is started. What a session does not need yet must not stand in the way of its first request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begins {
    /// With the session.
    AtOnce,
    /// When the first context is there, so that an answer may come.
    Asking,
    /// When a call that it runs was allowed.
    Called,
}

/// Finds the suite's programs: beside our own executable first, then on PATH.
#[derive(Debug, Clone, Default)]
pub struct Programs {
    beside: Option<PathBuf>,
}

impl Programs {
    /// The programs beside the running one.
    #[must_use]
    pub fn beside_this() -> Self {
        let beside = std::env::current_exe().ok().and_then(|p| p.parent().map(Path::to_owned));
        Self { beside }
    }

    /// The path to start a program of that name by. Names with a slash are taken as they are.
    #[must_use]
    pub fn find(&self, name: &str) -> PathBuf {
        let ours = name == "ace" || name.starts_with("ace-");
        match &self.beside {
            Some(folder) if ours && folder.join(name).is_file() => folder.join(name),
            _ => PathBuf::from(name),
        }
    }
}

/// The four filters of the loop, in the order in which a session waits for them: the first context needs what `ace-tool` offers,
/// the first request needs the context. `more` holds further arguments of `ace-tool` and `ace-permit`.
#[must_use]
pub fn suite(more: &[String]) -> Vec<Stage> {
    let stage = |argv: &[&str], kind, more: &[String]| {
        let argv = argv.iter().map(|&a| a.to_owned()).chain(more.iter().cloned()).collect();
        Stage { argv, kind, begins: Begins::AtOnce }
    };
    vec![
        stage(&["ace-tool", "--drafts-only"], Kind::Tool, more),
        stage(&["ace-session", "step", "--drafts-only"], Kind::Step, &[]),
        stage(&["ace-model", "--drafts-only"], Kind::Model, &[]),
        Stage { begins: Begins::Asking, ..stage(&["ace-permit", "--drafts-only"], Kind::Permit, more) },
        // Most sessions fetch nothing: they need not pay for a process that has the network.
        Stage { begins: Begins::Called, ..stage(&["ace-fetch", "--drafts-only"], Kind::Tool, &[]) },
    ]
}

/// The filter that sets aside what a call may take, for sessions with limits.
#[must_use]
pub fn quota() -> Stage {
    Stage { argv: vec!["ace-quota".to_owned(), "--drafts-only".to_owned()], kind: Kind::Quota, begins: Begins::AtOnce }
}

/// What a filter that was started gives its supervisor.
pub struct Started {
    /// The process.
    pub child: Child,
    /// Its input.
    pub stdin: OwnedFd,
    /// Its output.
    pub stdout: std::process::ChildStdout,
}

/// Starts a stage. The key variables go to the model's program alone; every other gets an environment without secrets.
///
/// # Errors
/// The program cannot be started.
pub fn start(stage: &Stage, programs: &Programs, stderr: Stdio) -> std::io::Result<Started> {
    let mut command = Command::new(programs.find(&stage.argv[0]));
    command.args(&stage.argv[1..]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(stderr);
    if stage.kind != Kind::Model {
        command.env_clear().envs(clean_environment());
    }
    // What is started once more would write under the same ids.
    if let Some((name, seed)) = another_seed(&stage.argv) {
        command.env(name, seed);
    }
    // ^C is the supervisor's to understand: a filter in its own group is not stopped by the terminal behind its back.
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let mut child = command.spawn()?;
    let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(std::io::Error::other("a filter without stdin and stdout"));
    };
    Ok(Started { child, stdin: OwnedFd::from(stdin), stdout })
}

/// Where runs are made repeatable by a seed: another one for each further start of the same program, made of it.
fn another_seed(argv: &[String]) -> Option<(&'static str, String)> {
    static STARTS: Mutex<BTreeMap<Vec<String>, u64>> = Mutex::new(BTreeMap::new());
    let seed = std::env::var(SEED).ok()?.parse::<u64>().ok()?;
    let mut starts = STARTS.lock().unwrap_or_else(PoisonError::into_inner);
    let n = starts.entry(argv.to_vec()).or_default();
    *n += 1;
    (*n > 1).then(|| (SEED, seed.wrapping_add((*n - 1).wrapping_mul(1_000_003)).to_string()))
}

/// The variable of the seed.
const SEED: &str = "ACE_SEED";

/// The environment of a program that holds no key: what the suite needs to find its own things, and nothing secret.
pub fn clean_environment() -> Vec<(OsString, OsString)> {
    ace_sandbox::environment(Path::new("/dev/null"), OURS, std::env::vars_os(), [])
}

/// Further variables that our own programs and a user's filters get.
const OURS: &[&str] = &["ACE_*", "XDG_*", "PWD", "RUST_BACKTRACE"];
