//! A call in a copy of the work tree that is thrown away: what it would print and what files would be afterwards. It decides nothing,
//! and writes nothing but the copy.

use ace_core::digest;
use ace_host::Site;
use ace_local_tools::{Answer, Outcome, Request};
use ace_schema::data::{Code, SessionCreated};
use ace_schema::limits::{COPIED_BYTES, COPIED_FILES};
use ace_worktree::{Diff, LeftOut, Lens};
use std::fs::{DirBuilder, File, FileTimes};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::time::Duration;

use crate::confined::{self, Reach};

/// How long a worker may take to get ready.
const READY: Duration = Duration::from_secs(20);

/// What is tried.
pub struct Trial<'a> {
    /// The session.
    pub created: &'a SessionCreated,
    /// Its id.
    pub session: &'a str,
    /// The home of ace.
    pub ace_home: &'a Path,
    /// What its tools may reach.
    pub reach: &'a Reach,
    /// The claim under which it is tried.
    pub claim: &'a str,
    /// The call.
    pub request: Request,
    /// Somebody wants it no more.
    pub given_up: &'a AtomicBool,
}

/// What came of it.
pub struct Tried {
    /// As the worker tells it.
    pub outcome: Outcome,
    /// What holds a worker, in words.
    pub greeting: String,
    /// The tree after it.
    pub tree: String,
    /// What differs from the tree before.
    pub diff: Diff,
    /// Files that the tree leaves out.
    pub left_out: Vec<LeftOut>,
    /// Its temporary folder, in which long outputs lie.
    pub tmp: PathBuf,
}

type Failure = (Code, String);

fn io_failed(what: &str) -> impl Fn(io::Error) -> Failure + '_ {
    move |e| (Code::Io, format!("cannot {what}: {e}"))
}

/// The folder of copies in a home.
fn trials(ace_home: &Path) -> PathBuf {
    ace_home.join("trials")
}

/// The name of a session's temporary folder for what is tried.
pub fn session_of(session: &str) -> String {
    format!("{session}-try")
}

/// Takes away the copies of this session that a broker which was killed has left.
pub fn sweep(ace_home: &Path, session: &str) {
    let Ok(entries) = std::fs::read_dir(trials(ace_home)) else { return };
    for entry in entries.flatten().filter(|e| e.file_name().to_string_lossy().starts_with(session)) {
        // What cannot be removed lies in nobody's way.
        let _ = std::fs::remove_dir_all(entry.path());
    }
    confined::remove_tmp(ace_home, &session_of(session));
}

impl Trial<'_> {
    /// Copies the work tree, whose state is `base`, runs the call there without a network, and looks what it did.
    ///
    /// # Errors
    /// In words: it could not be tried, or nobody wants it any more. Nothing has changed.
    pub fn run(&self, base: &str) -> Result<Tried, Failure> {
        let folder = trials(self.ace_home).join(format!("{}-{}", self.session, &digest(self.claim.as_bytes())[..8]));
        let tried = self.run_in(&folder, base);
        // The next one takes away what cannot be removed now.
        let _ = std::fs::remove_dir_all(&folder);
        tried
    }

    fn run_in(&self, folder: &Path, base: &str) -> Result<Tried, Failure> {
        let git = |e: ace_worktree::Error| (Code::Io, e.to_string());
        let site = Site::of(self.created, &self.ace_home.join("git")).map_err(git)?;
        let Some(Site { ground, pool, .. }) = site else {
            return Err((Code::NotFound, "outside git nothing says what could be adopted".to_owned()));
        };
        let copy = folder.join("tree");
        DirBuilder::new().recursive(true).mode(0o700).create(&copy).map_err(io_failed("make the copy"))?;
        let copied = Copy { files: 0, bytes: 0, given_up: self.given_up }.folder(&ground.root, &copy);
        copied.map_err(|e| match self.is_given_up() {
            true => (Code::Cancelled, e.to_string()),
            false => io_failed("copy the work tree")(e),
        })?;
        // Git's own folder is no part of the copy: it is named, and read.
        if !copy.join(".git").exists() {
            let pointer = format!("gitdir: {}\n", ground.git_dir.display());
            std::fs::write(copy.join(".git"), pointer).map_err(io_failed("make the copy"))?;
        }
        let (outcome, greeting, tmp) = self.call(&copy)?;
        let ground = ace_worktree::Ground { root: copy, ..ground };
        let mut lens = Lens::open(&pool, &ground, Some(base)).map_err(git)?;
        let look = lens.look().map_err(git)?;
        let diff = lens.diff(base, &look.tree).map_err(git)?;
        Ok(Tried { outcome, greeting, tree: look.tree, diff, left_out: look.left_out, tmp })
    }

    /// Runs the call in a worker of its own.
    fn call(&self, copy: &Path) -> Result<(Outcome, String, PathBuf), Failure> {
        let mut created = self.created.clone();
        let place = copy.display().to_string();
        match &mut created.worktree {
            Some(tree) => {
                // A worktree's own caches are beside it, and not copied: what builds here builds inside.
                let own = Path::new(&tree.path);
                tree.variables.retain(|v| ace_worktree::cache_of(own, &v.name) != Path::new(&v.value));
                tree.path = place;
            }
            None => created.cwd = place,
        }
        // Nothing outside of the copy changes, and there is no way out.
        let mut reach = Reach { egress: None, ..self.reach.clone() };
        let writable = std::mem::take(&mut reach.more.write);
        reach.more.read.extend(writable);
        let session = session_of(self.session);
        let no_sandbox = |why| (Code::Sandbox, why);
        let worker = confined::start(&created, &session, self.ace_home, &reach, false).map_err(no_sandbox)?;
        let greeting = worker.greeting(READY).map_err(|e| (Code::Sandbox, format!("no sandbox for tools: {e}")))?;
        let (sender, answers) = channel();
        worker.call(&self.request, move |answer| drop(sender.send(answer)));
        let outcome = loop {
            match answers.recv_timeout(Duration::from_millis(50)) {
                Ok(Answer::Done(outcome)) => break outcome,
                Ok(Answer::Delta(_)) => {}
                Err(_) if self.is_given_up() => {
                    return Err((Code::Cancelled, "nobody waits for it any more".to_owned()));
                }
                Err(_) => {}
            }
        };
        // What it has started ends with it, before anybody looks.
        drop(worker);
        Ok((outcome, greeting, confined::tmp(self.ace_home, &session)))
    }

    fn is_given_up(&self) -> bool {
        self.given_up.load(Ordering::Relaxed)
    }
}

/// A work tree on its way into a copy.
struct Copy<'a> {
    files: u64,
    bytes: u64,
    given_up: &'a AtomicBool,
}

impl Copy<'_> {
    /// Copies what lies in a folder: files with their times, so that builds find what is built, and links as links.
    fn folder(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        for entry in std::fs::read_dir(from)? {
            let entry = entry?;
            let (kind, name) = (entry.file_type()?, entry.file_name());
            let (source, target) = (entry.path(), to.join(&name));
            self.files += 1;
            if kind.is_symlink() {
                std::os::unix::fs::symlink(std::fs::read_link(&source)?, &target)?;
            } else if kind.is_dir() && name == ".git" {
                // A repository's own data, which the copy must not share.
            } else if kind.is_dir() {
                std::fs::create_dir(&target)?;
                self.folder(&source, &target)?;
            } else if kind.is_file() {
                let meta = entry.metadata()?;
                self.bytes = self.bytes.saturating_add(meta.len());
                self.check()?;
                std::fs::copy(&source, &target)?;
                let times = FileTimes::new().set_accessed(meta.accessed()?).set_modified(meta.modified()?);
                // Without its time a file is only built again.
                let _ = File::options().append(true).open(&target).and_then(|file| file.set_times(times));
            }
            self.check()?;
        }
        Ok(())
    }

    fn check(&self) -> io::Result<()> {
        if self.given_up.load(Ordering::Relaxed) {
            return Err(io::Error::other("nobody waits for it any more"));
        }
        if self.files > COPIED_FILES || self.bytes > COPIED_BYTES {
            return Err(io::Error::other(format!("it has more than {COPIED_FILES} files or {COPIED_BYTES} bytes")));
        }
        Ok(())
    }
}
