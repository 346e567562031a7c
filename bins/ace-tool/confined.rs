//! The worker's side: confines itself once, then runs calls. And the plan by which the broker starts it.

use ace_cli::{Complaint, Exit};
use ace_host::deciders::Start;
use ace_local_tools::{Place, Worker, serve};
use ace_sandbox::{Git, Layer, Profile, enter};
use ace_schema::data::SessionCreated;
use ace_schema::limits::ORDER_BYTES;
use ace_schema::permission::Confinement;
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::egress;

/// The variable that carries the plan to the worker. It holds no secret, and the worker's commands do not inherit it.
const PLAN: &str = "ACE_WORKER_PLAN";

/// Everything a worker needs to know, decided outside of it.
#[derive(Debug, Serialize, Deserialize)]
struct Plan {
    place: Place,
    /// `None`: no sandbox, on a person's word.
    profile: Option<Profile>,
    /// It starts this one program and tells what became of it, instead of answering calls.
    #[serde(default)]
    hook: Option<Heard>,
    /// Number of the line to the proxy that is the only way out.
    #[serde(default)]
    egress: Option<i32>,
}

/// A program that hears something inside the sandbox.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Heard {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// The person's own work tree.
    pub root: PathBuf,
    /// How long it may take, ms.
    pub ms: u64,
}

/// What holds the calls of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cage {
    /// The sandbox.
    Sandbox,
    /// Nothing: a person said so.
    Open,
    /// Nothing: this kernel has too little, and this is what it lacks.
    None(String),
}

/// What will hold calls here.
pub fn cage(unsandboxed: bool) -> Cage {
    match ace_sandbox::missing() {
        _ if unsandboxed => Cage::Open,
        None => Cage::Sandbox,
        Some(lack) => Cage::None(format!("this kernel has no {}", lack.layer)),
    }
}

/// What the tools of a session may reach.
#[derive(Debug, Clone, Default)]
pub struct Reach {
    /// Profile of the sandbox.
    pub profile: Confinement,
    /// The person's further folders, and hosts.
    pub more: ace_config::Sandbox,
    /// Number of the line to the proxy.
    pub egress: Option<i32>,
}

impl Reach {
    /// The person's further folders as paths.
    fn folders(list: &[String]) -> Vec<PathBuf> {
        let home = std::env::var_os("HOME").map(PathBuf::from);
        let whole = |text: &String| match (text.strip_prefix("~/"), &home) {
            (Some(rest), Some(home)) => Some(home.join(rest)),
            (Some(_), None) => None,
            (None, _) => Some(PathBuf::from(text)),
        };
        list.iter().filter_map(whole).collect()
    }
}

/// Starts the worker of a session within its reach, and with a store for what it commits if there is one.
///
/// # Errors
/// Its folders cannot be made or it cannot be started: why, in words.
pub fn start(
    created: &SessionCreated,
    session: &str,
    ace_home: &Path,
    reach: &Reach,
    commits: bool,
) -> Result<Worker, String> {
    let mut command = planned(created, session, ace_home, reach, Wants { commits, hook: None })?;
    command.arg("worker");
    Worker::start(command).map_err(|e| format!("cannot start the worker: {e}"))
}

/// What else a worker is for.
#[derive(Debug, Default)]
pub struct Wants {
    /// There is a store for what it commits.
    pub commits: bool,
    /// It hears something in place of answering calls: of the person's own work tree it reads the files that the command names.
    pub hook: Option<Heard>,
}

/// This program again, in an environment that holds its plan and nothing else.
///
/// # Errors
/// Its folders cannot be made: why, in words.
pub fn planned(
    created: &SessionCreated,
    session: &str,
    ace_home: &Path,
    reach: &Reach,
    Wants { commits, hook }: Wants,
) -> Result<Command, String> {
    let sandboxed = reach.profile != Confinement::Off;
    let tree = created.worktree.as_ref();
    let root = PathBuf::from(tree.map_or(&created.cwd, |t| &t.path));
    let tmp = private_tmp(ace_home, session).map_err(|e| format!("cannot make the session's temporary folder: {e}"))?;
    let home = std::env::var_os("HOME").map_or_else(|| PathBuf::from("/nonexistent"), PathBuf::from);
    let git = Git::find(&root).filter(|git| tree.is_none_or(|t| git.dir == Path::new(&t.git_dir)));
    let mut read = toolchains(ace_home, TOOLCHAINS, true);
    read.extend(hook.iter().flat_map(own_files));
    let profile = sandboxed.then(|| {
        let place = ace_sandbox::Worker {
            worktree: root.clone(),
            git: git.clone(),
            home,
            ace_home: ace_home.to_owned(),
            tmp: Some(tmp.clone()),
            read: [read, Reach::folders(&reach.more.read)].concat(),
            write: [own_caches(created), Reach::folders(&reach.more.write)].concat(),
            caches: toolchains(ace_home, CACHES, false),
        };
        let mut profile = Profile::worker(&place).requiring(Layer::LEAST.iter().copied());
        if reach.profile == Confinement::ReadOnly {
            profile = profile.read(&root);
            profile.grants.retain(|grant| grant.access != ace_sandbox::Access::Write);
        }
        if let Some(line) = reach.egress {
            // Without a network of its own nothing would lead through the proxy.
            profile = profile.requiring([Layer::Net]);
            profile.keep.insert(line);
        }
        match git.filter(|_| commits) {
            Some(git) => profile.committing(&git, &store(ace_home, session)),
            None => profile,
        }
    });
    let extra = match &profile {
        Some(profile) => profile.variables().into_iter().chain(commits.then(identity).into_iter().flatten()).collect(),
        None => vec![("TMPDIR".into(), tmp.clone().into_os_string())],
    };
    let own = tree.map(|t| t.variables.iter()).into_iter().flatten();
    let extra = extra.into_iter().chain(own.map(|own| (own.name.clone().into(), own.value.clone().into())));
    let env = ace_sandbox::environment(&root, &[], std::env::vars_os(), extra)
        .into_iter()
        .map(|(k, v)| (k.to_string_lossy().into_owned(), v.to_string_lossy().into_owned()))
        .collect();
    let place = Place { root, tmp, env, unsandboxed: !sandboxed };
    let plan =
        serde_json::to_string(&Plan { place, profile, hook, egress: reach.egress }).map_err(|e| e.to_string())?;
    let exe = std::env::current_exe().map_err(|e| e.to_string())?;
    let mut command = Command::new(exe);
    command.env_clear().env(PLAN, plan);
    Ok(command)
}

/// Becomes a command that runs where the tools of a session run, in the same sandbox: it has this process's streams, and its exit is
/// this one's. What it may see of this process's environment is what tools see.
///
/// # Errors
/// It cannot be started, or tools need a sandbox that this kernel does not have.
pub fn become_guest(
    created: &SessionCreated,
    session: &str,
    ace_home: &Path,
    (unsandboxed, more): (bool, ace_config::Sandbox),
    argv: &[std::ffi::OsString],
) -> Complaint {
    use std::os::unix::process::CommandExt;
    let complain = |exit, what: String| Complaint::new("ace-tool", exit, what);
    let profile = match cage(unsandboxed || created.unsandboxed) {
        Cage::None(lack) => {
            return complain(Exit::Config, format!("no sandbox: {lack}")).hint("--unsandboxed runs it without one");
        }
        Cage::Open => Confinement::Off,
        Cage::Sandbox => Confinement::parse(&created.sandbox).unwrap_or_default(),
    };
    // The proxy of the profile `network` is the session's own: here is no way out.
    let reach = Reach { profile, more, egress: None };
    // A temporary folder of its own: that of the session goes with the broker, which may be leaving just now.
    match planned(created, &format!("{session}.guest"), ace_home, &reach, Wants::default()) {
        Ok(mut command) => Complaint::io("ace-tool", "cannot start itself", &command.arg("guest").args(argv).exec()),
        Err(why) => complain(Exit::Io, why),
    }
}

/// The other side of [`become_guest`].
///
/// # Errors
/// The plan or the command cannot be carried out.
pub fn guest(argv: &[std::ffi::OsString]) -> Result<Exit, Complaint> {
    use std::os::unix::process::CommandExt;
    let (place, ..) = confine()?;
    let Some((program, args)) = argv.split_first() else { return Ok(Exit::Done) };
    let mut command = Command::new(program);
    command.args(args).current_dir(&place.root).env_clear().envs(place.env);
    let e = command.exec();
    let what = format!("cannot start '{}': {}", program.to_string_lossy(), e.to_string().to_lowercase());
    let mut complaint = Complaint::new("ace-tool", Exit::Usage, what);
    if e.kind() == std::io::ErrorKind::NotFound {
        complaint = complaint.hint("it is looked for where the session's tools find their programs");
    }
    Err(complaint)
}

/// Folders of a project that hold what tools of its people run; a script in one may need what lies beside it.
const TOOL_FOLDERS: [&str; 3] = [".ace", ".claude", ".crush"];

/// The files that a command names, which a session's worktree may hold in another state: with the folder, where that is one of tools.
fn own_files(hook: &Heard) -> Vec<PathBuf> {
    let named = ace_host::deciders::files(&hook.root, &hook.argv).into_iter().map(|(_, path)| path);
    let beside = |file: &PathBuf| {
        let folder = file.parent()?;
        let below = folder.strip_prefix(&hook.root).ok()?;
        let first = below.components().next()?.as_os_str().to_str()?;
        TOOL_FOLDERS.contains(&first).then(|| folder.to_owned())
    };
    named.map(|file| beside(&file).unwrap_or(file)).collect()
}

/// Folders of a worktree's own caches: those beside it that its variables name.
fn own_caches(created: &SessionCreated) -> Vec<PathBuf> {
    let Some(tree) = &created.worktree else { return Vec::new() };
    let own = tree.variables.iter();
    let own = own.filter(|own| ace_worktree::cache_of(Path::new(&tree.path), &own.name) == Path::new(&own.value));
    own.map(|own| PathBuf::from(&own.value)).collect()
}

/// Variables that name a folder of a toolchain, with the parts of it that are read; no parts for all of it. Credentials lie beside
/// the parts.
const TOOLCHAINS: &[(&str, &[&str])] = &[
    ("CARGO_HOME", &["bin", "config", "config.toml"]),
    ("RUSTUP_HOME", &[]),
    ("GOROOT", &[]),
    ("GOPATH", &["bin"]),
    ("JAVA_HOME", &[]),
    ("PYENV_ROOT", &[]),
    ("VIRTUAL_ENV", &[]),
    ("CONDA_PREFIX", &[]),
    ("NVM_DIR", &[]),
    ("VOLTA_HOME", &[]),
    ("RBENV_ROOT", &[]),
    ("DOTNET_ROOT", &[]),
];

/// The same for caches, which builds fill.
const CACHES: &[(&str, &[&str])] = &[
    ("CARGO_HOME", &["git", "registry"]),
    ("GOMODCACHE", &[]),
    ("GOCACHE", &[]),
    ("GOPATH", &["pkg"]),
    ("npm_config_cache", &["_cacache", "_npx"]),
    ("PIP_CACHE_DIR", &[]),
    ("UV_CACHE_DIR", &[]),
    ("XDG_CACHE_HOME", &["go-build", "pip", "uv", "yarn", "pnpm", "pypoetry", "node-gyp", "ccache", "zig"]),
];

/// Folders of toolchains at unusual places, as the person's environment names them; with `searched` those of programs too. None that
/// holds a whole home, and none in ace's own.
fn toolchains(ace_home: &Path, table: &[(&str, &[&str])], searched: bool) -> Vec<PathBuf> {
    let named = table.iter().flat_map(|(name, parts)| {
        let folder = std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let parts: Vec<&str> = if parts.is_empty() { vec![""] } else { parts.to_vec() };
        folder.into_iter().flat_map(move |folder| parts.clone().into_iter().map(move |part| folder.join(part)))
    });
    let path = std::env::var_os("PATH").filter(|_| searched).unwrap_or_default();
    let searched: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let is_narrow = |folder: &PathBuf| {
        let real = folder.canonicalize().unwrap_or_else(|_| folder.clone());
        let holds = |inner: &Path| {
            inner.starts_with(folder) || inner.canonicalize().is_ok_and(|inner| inner.starts_with(&real))
        };
        folder.is_absolute()
            && !real.starts_with(ace_home)
            && ![home.as_path(), ace_home, &std::env::temp_dir()].into_iter().any(holds)
    };
    named.chain(searched).filter(is_narrow).collect()
}

/// A session's private temporary folder. It lives as long as the session has something to do: the broker that leaves a settled
/// session takes it away, and the next one makes it again. Long outputs, which lie here for the tools, are blobs besides.
pub fn tmp(ace_home: &Path, session: &str) -> PathBuf {
    ace_home.join("tmp").join(session)
}

/// Where a session's tools put what they stage and commit.
pub fn store(ace_home: &Path, session: &str) -> PathBuf {
    ace_home.join("commits").join(session)
}

/// In whose name tools commit: the person's settings of git are out of their reach. And git packs nothing by itself.
fn identity() -> Vec<(OsString, OsString)> {
    let who = ace_worktree::user_identity()
        .unwrap_or_else(|| ace_worktree::Identity { name: "ace".to_owned(), email: "ace@localhost".to_owned() });
    let mut all = vec![
        ("GIT_CONFIG_COUNT".into(), "1".into()),
        ("GIT_CONFIG_KEY_0".into(), "gc.auto".into()),
        ("GIT_CONFIG_VALUE_0".into(), "0".into()),
    ];
    for role in ["AUTHOR", "COMMITTER"] {
        all.push((format!("GIT_{role}_NAME").into(), who.name.clone().into()));
        all.push((format!("GIT_{role}_EMAIL").into(), who.email.clone().into()));
    }
    all
}

fn private_tmp(ace_home: &Path, session: &str) -> std::io::Result<PathBuf> {
    use std::os::unix::fs::DirBuilderExt;
    let tmp = tmp(ace_home, session);
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&tmp)?;
    Ok(tmp)
}

/// Takes away what a worker that was killed in the middle of a call has left of its output: nobody has looked through it. What the
/// record holds was written by [`keep_output`] and stays.
pub fn sweep_outputs(tmp: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let Ok(entries) = std::fs::read_dir(tmp) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let is_output = name.to_str().is_some_and(|n| n.starts_with("output-") && n.ends_with(".txt"));
        if is_output && entry.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o200 != 0) {
            // What cannot be removed belongs to the tools, like all else here.
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// Puts an output where the model was told it is, as the record has it: what a gate took out on the way to the log is not here
/// either. The folder belongs to the tools, so nothing that lies there is followed or replaced.
pub fn keep_output(tmp: &Path, name: &str, blob: &Path) -> std::io::Result<()> {
    use rustix::fs::{Mode, OFlags};
    let mut blob = std::fs::File::open(blob)?;
    let folder = rustix::fs::open(tmp, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = rustix::fs::openat(&folder, name, flags, Mode::RUSR)?;
    std::io::copy(&mut blob, &mut std::fs::File::from(file)).map(drop)
}

/// Takes a session's temporary folder away, as far as its modes allow.
pub fn remove_tmp(ace_home: &Path, session: &str) {
    if !session.is_empty() {
        // What stays is private all the same, and the next broker tries again.
        let _ = std::fs::remove_dir_all(tmp(ace_home, session));
        let _ = std::fs::remove_dir_all(store(ace_home, session));
    }
}

/// Lets `go` use the person's own cache where it can be written here: what was compiled once is not compiled again.
fn settle_go(env: &mut Vec<(String, String)>) {
    let home = env.iter().find(|(name, _)| name == "HOME").map(|(_, home)| Path::new(home).join(".cache/go-build"));
    let can_write = |path: PathBuf| rustix::fs::access(path, rustix::fs::Access::WRITE_OK).is_ok();
    if home.is_some_and(can_write) {
        env.retain(|(name, _)| name != "GOCACHE");
    }
}

/// The worker process: confines itself while it has one thread, then answers calls until its input ends.
pub fn work() -> Result<(), Complaint> {
    let (place, hook, greeting) = confine()?;
    if let Some(hook) = hook {
        return hear(&place, &hook).map_err(|e| Complaint::io("ace-tool", "cannot tell of a hook", &e));
    }
    serve(place, &greeting, std::io::stdin(), std::io::stdout())
        .map_err(|e| Complaint::io("ace-tool", "the worker cannot read its orders", &e))
}

/// Confines this process as its plan says; where it works then, what it hears in place of answering calls, and what holds it, in words.
fn confine() -> Result<(Place, Option<Heard>, String), Complaint> {
    let complain = |exit, what: String| Complaint::new("ace-tool", exit, what);
    let usage = || complain(Exit::Usage, "a worker is started by ace-tool, not by hand".to_owned());
    let text = std::env::var(PLAN).map_err(|_| usage())?;
    let mut plan: Plan = serde_json::from_str(&text).map_err(|_| usage())?;
    let greeting = match &plan.profile {
        None => "off".to_owned(),
        Some(profile) => {
            let applied = enter(profile).map_err(|e| {
                complain(Exit::Config, format!("no sandbox: {e}"))
                    .hint("--unsandboxed runs tools without one (recorded with each call)")
            })?;
            settle_go(&mut plan.place.env);
            if let Some(line) = plan.egress {
                let proxy = egress::offer(line);
                plan.place.env.extend(proxy.map_err(|e| complain(Exit::Config, format!("no way to the proxy: {e}")))?);
            }
            applied.to_string()
        }
    };
    Ok((plan.place, plan.hook, greeting))
}

/// Starts the one program, tells it what stands on stdin, and tells what became of it.
fn hear(place: &Place, hook: &Heard) -> std::io::Result<()> {
    let mut request = String::new();
    std::io::stdin().take(ORDER_BYTES as u64).read_to_string(&mut request)?;
    let start =
        Start { argv: &hook.argv, root: &hook.root, cwd: &place.root, ms: hook.ms, env: Some(place.env.as_slice()) };
    let ended = ace_host::deciders::ask(&start, request.trim_end());
    serde_json::to_writer(std::io::stdout(), &ended).map_err(std::io::Error::from)
}
