//! What each program may reach, a function a program. A program calls its own once its arguments are parsed and before it has a
//! second thread; it decides nothing of what a session may do.
//!
//! | program | network | files | may start programs |
//! |---|---|---|---|
//! | `ace-log append`, `follow`, `cat` | none | the session's folder, blobs; other sessions read | no |
//! | `ace-session step` | none | worktree, the user's instructions and blobs read | no |
//! | `ace-model` | a client's | blobs, certificates, name resolution, recordings read | no |
//! | `ace-quota`, the filter | none | blobs and sessions read, the ledger's folder | no |
//! | `ace-permit`, the filter | none | blobs read | no |
//! | `ace-fetch`, as a filter and as the proxy of a sandbox | a client's | certificates, name resolution | no |
//! | `ace-redact` | none | none | no |
//! | `ace-tool`, the broker | none | the user's, without capabilities | its workers |
//!
//! Not here, because they act for the person who typed them: `ace`, `ace-worktree`, the other verbs of `ace-session` (also `run`,
//! the star, which starts the filters), `ace-permit allow` and `deny`, the views of `ace-log`, and `ace-log join`, whose filter is
//! the person's own. What a kernel does not have is left out in silence: the worker is the one that says so.

use ace_cli::variables::RECORDINGS;
use ace_cli::{Complaint, Exit, When};
use ace_host::clean_environment;
use ace_sandbox::{Applied, Layer, Profile, confine, is_secret};
use ace_schema::data::SessionCreated;
use ace_storage::{Blobs, Found};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};

use crate::opening::Opening;

/// Where time zones are told.
const ZONES: [&str; 3] = ["/etc/localtime", "/etc/timezone", "/usr/share/zoneinfo"];

/// Starts this program again without the secrets of its environment, if there are any: in a typed chain nobody else has taken
/// them out. It can happen once only, since what it is started with holds none.
///
/// # Errors
/// It cannot be started again.
pub fn leave_secrets(opening: &Opening) -> Result<(), Complaint> {
    let keys: Vec<&str> = opening.settings.config.providers.values().flat_map(ace_config::Provider::key_envs).collect();
    let is_kept = |name: &OsStr, kept: &[(std::ffi::OsString, std::ffi::OsString)]| kept.iter().any(|(n, _)| n == name);
    let is_named = |name: &OsStr| keys.iter().any(|key| OsStr::new(key) == name);
    if !std::env::vars_os().any(|(name, _)| is_secret(&name) || is_named(&name)) {
        return Ok(());
    }
    let kept = clean_environment();
    if !std::env::vars_os().any(|(name, _)| (is_secret(&name) || is_named(&name)) && !is_kept(&name, &kept)) {
        return Ok(());
    }
    let cannot = |e| Complaint::io(opening.program, "cannot start again without secrets", &e);
    let exe = std::env::current_exe().map_err(cannot)?;
    let mut again = std::process::Command::new(exe);
    again.args(std::env::args_os().skip(1)).env_clear().envs(kept);
    Err(cannot(std::os::unix::process::CommandExt::exec(&mut again)))
}

/// `ace-session step` before it knows its session: it reads, and that is all.
///
/// # Errors
/// Rights that should be gone are not.
pub fn step(opening: &Opening) -> Result<(), Complaint> {
    pool(opening);
    take(opening.program, Profile::reader().read("/"))
}

/// `ace-session step` once it knows its session: its worktree, the user's instructions, and the texts of the conversation.
///
/// # Errors
/// Rights that should be gone are not.
pub fn step_in(program: &'static str, created: &SessionCreated, user: &Path, blobs: &Blobs) -> Result<(), Complaint> {
    let root = created.worktree.as_ref().map_or(&created.cwd, |tree| &tree.path);
    let mut profile = ["AGENTS.md", "CLAUDE.md", "skills"].iter().fold(Profile::reader(), |profile, name| {
        if user.is_absolute() { profile.read(user.join(name)) } else { profile }
    });
    if Path::new(root).is_absolute() {
        profile = profile.read(root);
    }
    profile = profile.read(blobs.folder());
    // The filter of system calls is there already.
    profile.layers.remove(&Layer::Seccomp);
    take(program, profile)
}

/// `ace-model`: recordings are read from the folders of `ACE_RECORDINGS`, where the configured model is one, as that file, and from
/// `play`; one is written into `record`.
///
/// # Errors
/// Rights that should be gone are not.
pub fn model(opening: &Opening, play: Option<&Path>, record: Option<&Path>) -> Result<(), Complaint> {
    let mut profile = Profile::model(&pool(opening));
    let configured = opening.settings.config.model.as_deref().and_then(|model| model.strip_prefix("recorded/"));
    let folders = std::env::var_os(RECORDINGS).unwrap_or_default();
    let certificates = ["SSL_CERT_FILE", "SSL_CERT_DIR"].iter().filter_map(std::env::var_os);
    let paths = std::env::split_paths(&folders)
        .chain(configured.map(PathBuf::from))
        .chain(play.map(Path::to_owned))
        .chain(certificates.flat_map(|value| std::env::split_paths(&value).collect::<Vec<_>>()));
    for path in paths.filter(|path| !path.as_os_str().is_empty()) {
        profile = profile.read(opening.cwd.join(path));
    }
    if let Some(folder) = record {
        profile = profile.write(opening.cwd.join(folder));
    }
    take(opening.program, profile)
}

/// `ace-fetch`: the network, and no file but what names and certificates need.
///
/// # Errors
/// Rights that should be gone are not.
pub fn fetch(opening: &Opening) -> Result<(), Complaint> {
    take(opening.program, Profile::fetch())
}

/// `ace-fetch` as the proxy of a sandbox: the network, and the listeners that come on its stdin.
///
/// # Errors
/// Rights that should be gone are not.
pub fn proxy(program: &'static str) -> Result<(), Complaint> {
    take(program, Profile::fetch())
}

/// `ace-quota` as a filter: what is set aside for sessions that are gone is told from their logs.
///
/// # Errors
/// Rights that should be gone are not.
pub fn quota(opening: &Opening) -> Result<(), Complaint> {
    let home = opening.home();
    let mut profile = Profile::reader().read(pool(opening));
    // Where it cannot be made the ledger cannot be had, and no call is made.
    if let Ok(folder) = ace_storage::Quota::make_folder(home.path()) {
        profile = profile.write(folder);
    }
    let sessions = home.path().join("sessions");
    take(opening.program, if sessions.exists() { profile.read(sessions) } else { profile })
}

/// `ace-permit` as a filter, before it knows its session: it reads, and that is all.
///
/// # Errors
/// Rights that should be gone are not.
pub fn permit(opening: &Opening) -> Result<(), Complaint> {
    let _ = pool(opening);
    take(opening.program, Profile::reader().read("/"))
}

/// `ace-permit` that asks deciders, for good: what it starts has its rights, which are to read and to run. Secrets of the environment
/// are gone by now.
///
/// # Errors
/// Rights that should be gone are not.
pub fn permit_with_deciders(opening: &Opening) -> Result<(), Complaint> {
    use ace_sandbox::Layer;
    let _ = pool(opening);
    let mut profile = Profile::reader().read("/").write("/dev/null");
    profile.layers = [Layer::User, Layer::Net, Layer::Landlock].into();
    take(opening.program, profile)
}

/// `ace-permit` once its rules are read: the blobs with long arguments, nothing else.
///
/// # Errors
/// Rights that should be gone are not.
pub fn permit_in(opening: &Opening) -> Result<(), Complaint> {
    let mut profile = Profile::reader().read(pool(opening));
    // The filter of system calls is there already.
    profile.layers.remove(&ace_sandbox::Layer::Seccomp);
    take(opening.program, profile)
}

/// `ace-tool`, the broker. Its workers make namespaces and mounts of their own, which Landlock and seccomp would forbid them as
/// well; so it leaves the network and its capabilities instead, and nobody can look into its memory.
///
/// Whether its workers will have a view of their own of the files: for one without a user namespace nothing can be mounted, and
/// what lies inside a writable folder cannot be closed. The descriptors `keep` stay open.
///
/// # Errors
/// Rights that should be gone are not.
pub fn broker(program: &'static str, keep: &[i32]) -> Result<bool, Complaint> {
    let mut profile = Profile::broker();
    profile.keep.extend(keep);
    taken(program, profile).map(|applied| applied.holds(Layer::User))
}

/// The broker whose workers a person wants without a sandbox: whatever it gave up, they would lack. Nobody looks into its memory.
pub fn free_broker() {
    #[cfg(target_os = "linux")]
    {
        // Where it fails nothing was promised.
        let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
    }
    for fd in inherited() {
        close_on_exec(fd);
    }
}

/// What `ace-log` does with a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hand {
    /// Looks at what is there.
    Reads,
    /// Waits for more: the bell in the session's folder is memory that all share.
    Follows,
    /// Keeps lines and blobs.
    Keeps,
}

/// `ace-log` on a session. Other sessions may be ancestors and are read.
///
/// # Errors
/// Rights that should be gone are not.
pub fn log(opening: &Opening, found: &Found, hand: Hand) -> Result<(), Complaint> {
    let (home, blobs) = (opening.home(), pool(opening));
    let log = found.log();
    let folder = log.folder().map_or_else(|| log.file().to_owned(), Path::to_owned);
    let mut profile = Profile::reader().read(home.path().join("sessions"));
    let folder = std::path::absolute(&folder).unwrap_or(folder);
    profile = if hand == Hand::Reads { profile.read(folder) } else { profile.write(folder) };
    profile = if hand == Hand::Keeps { profile.write(blobs) } else { profile.read(blobs) };
    take(opening.program, ZONES.iter().fold(profile, |profile, path| profile.read(path)))
}

/// `ace-redact`: it knows every secret of the machine, so it reaches nothing but its streams and the nameless file `kept`.
///
/// # Errors
/// Rights that should be gone are not.
pub fn gate(program: &'static str, kept: Option<i32>) -> Result<(), Complaint> {
    let mut profile = Profile::reader();
    profile.keep.extend(kept);
    take(program, profile)
}

/// A program that has all it needs on its stdin.
///
/// # Errors
/// Rights that should be gone are not.
pub fn nothing(program: &'static str) -> Result<(), Complaint> {
    take(program, Profile::reader())
}

/// Ends the process with its complaint: after a refusal part of the confinement may be in force, and the rest is not.
pub fn or_end<T>(taken: Result<T, Complaint>) -> T {
    taken.unwrap_or_else(|complaint| {
        let exit = complaint.exit;
        let _ = ace_cli::complain(&complaint, When::Auto);
        std::process::exit(i32::from(exit.number()))
    })
}

/// The folder of the blobs. A filter is started before the first blob is stored, and what does not exist cannot be granted.
fn pool(opening: &Opening) -> PathBuf {
    use std::os::unix::fs::DirBuilderExt;
    let folder = opening.home().blobs().folder().to_owned();
    // Where it cannot be made nothing will be stored in it either, and who stores says so.
    let _ = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder);
    folder
}

fn take(program: &'static str, profile: Profile) -> Result<(), Complaint> {
    taken(program, profile).map(drop)
}

fn taken(program: &'static str, mut profile: Profile) -> Result<Applied, Complaint> {
    for fd in inherited() {
        close_on_exec(fd);
        profile.keep.insert(fd);
    }
    confine(&profile).map_err(|e| Complaint::new(program, Exit::Config, format!("cannot give up rights: {e}")))
}

/// A pen that the supervisor handed down: as long as this process lives it is held. Anything else above stderr is a stranger's.
fn inherited() -> BTreeSet<i32> {
    let Ok(open) = std::fs::read_dir("/proc/self/fd") else { return BTreeSet::new() };
    let is_pen = |target: &Path| target.parent().and_then(Path::file_name).is_some_and(|name| name == "pens");
    open.flatten()
        .filter(|entry| std::fs::read_link(entry.path()).is_ok_and(|target| is_pen(&target)))
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|fd| *fd > 2)
        .collect()
}

/// A pen is never for what a filter starts.
fn close_on_exec(fd: i32) {
    // SAFETY: the number was listed as open a moment ago, in a process with one thread.
    #[allow(unsafe_code, reason = "the descriptor was inherited as a number, nobody owns it")]
    let fd = unsafe { BorrowedFd::borrow_raw(fd) };
    // It is open, so this cannot fail.
    let _ = rustix::io::fcntl_setfd(fd, rustix::io::FdFlags::CLOEXEC);
}
