//! The worker's side: confines itself once, then runs calls. And the plan by which the broker starts it.

use ace_cli::{Complaint, Exit};
use ace_local_tools::{Place, Worker, serve};
use ace_sandbox::{Git, Layer, Profile, enter};
use ace_schema::data::SessionCreated;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The variable that carries the plan to the worker. It holds no secret, and the worker's commands do not inherit it.
const PLAN: &str = "ACE_WORKER_PLAN";

/// The name under which a call in the default profile is recorded.
pub const WORKSPACE: &str = "workspace";

/// Everything a worker needs to know, decided outside of it.
#[derive(Debug, Serialize, Deserialize)]
struct Plan {
    place: Place,
    /// `None`: no sandbox, on a person's word.
    profile: Option<Profile>,
}

/// Starts the worker of a session.
///
/// # Errors
/// Its folders cannot be made or it cannot be started: why, in words.
pub fn start(created: &SessionCreated, session: &str, ace_home: &Path, unsandboxed: bool) -> Result<Worker, String> {
    let tree = created.worktree.as_ref();
    let root = PathBuf::from(tree.map_or(&created.cwd, |t| &t.path));
    let tmp = private_tmp(ace_home, session).map_err(|e| format!("cannot make the session's temporary folder: {e}"))?;
    let home = std::env::var_os("HOME").map_or_else(|| PathBuf::from("/nonexistent"), PathBuf::from);
    let git = Git::find(&root).filter(|git| tree.is_none_or(|t| git.dir == Path::new(&t.git_dir)));
    let profile = (!unsandboxed).then(|| {
        let place = ace_sandbox::Worker {
            worktree: root.clone(),
            git,
            home,
            ace_home: ace_home.to_owned(),
            tmp: Some(tmp.clone()),
            ..ace_sandbox::Worker::default()
        };
        // What a kernel without user namespaces still gives is the least that is called a sandbox.
        Profile::worker(&place).requiring([Layer::Landlock, Layer::Seccomp])
    });
    let extra = match &profile {
        Some(profile) => profile.variables(),
        None => vec![("TMPDIR".into(), tmp.clone().into_os_string())],
    };
    let env = ace_sandbox::environment(&root, &[], std::env::vars_os(), extra)
        .into_iter()
        .map(|(k, v)| (k.to_string_lossy().into_owned(), v.to_string_lossy().into_owned()))
        .collect();
    let place = Place { root, tmp, env, unsandboxed };
    let plan = serde_json::to_string(&Plan { place, profile }).map_err(|e| e.to_string())?;
    let exe = std::env::current_exe().map_err(|e| e.to_string())?;
    let mut command = Command::new(exe);
    command.arg("worker").env_clear().env(PLAN, plan);
    Worker::start(command).map_err(|e| format!("cannot start the worker: {e}"))
}

fn private_tmp(ace_home: &Path, session: &str) -> std::io::Result<PathBuf> {
    use std::os::unix::fs::DirBuilderExt;
    let tmp = ace_home.join("tmp").join(session);
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&tmp)?;
    Ok(tmp)
}

/// The worker process: confines itself while it has one thread, then answers calls until its input ends.
pub fn work() -> Result<(), Complaint> {
    let complain = |exit, what: String| Complaint::new("ace-tool", exit, what);
    let usage = || complain(Exit::Usage, "a worker is started by ace-tool, not by hand".to_owned());
    let text = std::env::var(PLAN).map_err(|_| usage())?;
    let plan: Plan = serde_json::from_str(&text).map_err(|_| usage())?;
    let greeting = match &plan.profile {
        None => "off".to_owned(),
        Some(profile) => enter(profile)
            .map_err(|e| {
                complain(Exit::Config, format!("no sandbox: {e}"))
                    .hint("--unsandboxed runs tools without one (recorded with each call)")
            })?
            .to_string(),
    };
    serve(plan.place, &greeting, std::io::stdin(), std::io::stdout())
        .map_err(|e| Complaint::io("ace-tool", "the worker cannot read its orders", &e))
}
