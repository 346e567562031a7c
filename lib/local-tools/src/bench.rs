//! Where calls are run: the folders and environment they get, what running calls share, and the way from a name to its
//! executor. It knows no protocol.

use std::collections::VecDeque;
use std::io::{self, PipeReader, PipeWriter};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use ace_schema::data::Code;
use ace_schema::limits;
use serde::{Deserialize, Serialize};

use crate::arguments::Arguments;
use crate::call::{Completed, Failed, Outcome, Request};
use crate::jobs::Jobs;
use crate::kept::Kept;
use crate::leash::Leash;
use crate::tool;

/// What calls may touch and what their commands inherit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The worktree, absolute: paths are relative to it, files are written in it, commands start in it.
    pub root: PathBuf,
    /// The session's private temporary folder, absolute: long output is kept there, and the reading tools may look into it.
    pub tmp: PathBuf,
    /// The whole environment of commands; nothing else is inherited.
    #[serde(default)]
    pub env: Vec<(String, String)>,
    /// No sandbox is around the worker. The tools keep to the same folders by themselves; commands do not.
    #[serde(default)]
    pub unsandboxed: bool,
}

/// A place and what its running calls share.
#[derive(Debug)]
pub struct Bench {
    pub(crate) place: Place,
    pub(crate) leash: Arc<Leash>,
    pub(crate) jobs: Jobs,
    kept: Mutex<Option<Kept>>,
    pub(crate) spills: Mutex<VecDeque<String>>,
}

/// The order to stop a call; it may come before the call starts.
#[derive(Debug, Default)]
pub struct Cancel {
    given: AtomicBool,
    bell: Mutex<Option<PipeWriter>>,
}

impl Cancel {
    /// Stops the call.
    pub fn give(&self) {
        self.given.store(true, Ordering::SeqCst);
        // Closing its writing end wakes whoever polls the pipe.
        self.bell.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Whether the order was given.
    #[must_use]
    pub fn is_given(&self) -> bool {
        self.given.load(Ordering::SeqCst)
    }

    /// A pipe that is hung up when the order comes.
    pub(crate) fn bell(&self) -> io::Result<PipeReader> {
        let (reader, writer) = io::pipe()?;
        let mut bell = self.bell.lock().unwrap_or_else(PoisonError::into_inner);
        // Checked under the lock, so that an order given just now is not missed.
        *bell = if self.is_given() { None } else { Some(writer) };
        Ok(reader)
    }

    /// Fails if the order was given.
    pub(crate) fn check(&self) -> Result<(), Failed> {
        if self.is_given() { Err(Failed::new(Code::Cancelled, "cancelled")) } else { Ok(()) }
    }
}

/// One running call, as its executor sees it.
pub(crate) struct Job<'a> {
    pub bench: &'a Bench,
    pub id: u64,
    pub args: Arguments,
    pub cancel: &'a Cancel,
    pub delta: &'a mut dyn FnMut(&str),
}

impl Bench {
    /// A bench in a process that has other children of its own: strays of commands are left to the system.
    #[must_use]
    pub fn new(place: Place) -> Self {
        Self::holding(place, Leash::default())
    }

    /// A bench in a process made for it: orphans of commands become its children and are killed with it.
    pub(crate) fn leading(place: Place) -> Self {
        Self::holding(place, Leash::leading())
    }

    fn holding(place: Place, leash: Leash) -> Self {
        let leash = Arc::new(leash);
        Self { place, leash, jobs: Jobs::default(), kept: Mutex::default(), spills: Mutex::default() }
    }

    /// Where the next kept command begins. A folder that is gone is left for the worktree.
    pub(crate) fn kept(&self) -> Kept {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut kept = kept.unwrap_or_else(|| Kept::first(&self.place));
        if !kept.cwd.is_dir() {
            kept.cwd.clone_from(&self.place.root);
        }
        kept
    }

    /// What a kept command has left.
    pub(crate) fn keep(&self, kept: Kept) {
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(kept);
    }

    /// Runs a call to its end. `delta` gets pieces of output meanwhile. Never panics, whatever the arguments are.
    pub fn execute(&self, request: &Request, cancel: &Cancel, delta: &mut dyn FnMut(&str)) -> Outcome {
        let start = Instant::now();
        let done = self.dispatch(request, cancel, delta);
        let ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        match done {
            Ok(done) => Outcome::Completed(Completed { ms, ..done }),
            Err(failed) => Outcome::Failed(Failed { ms, ..failed }),
        }
    }

    fn dispatch(&self, request: &Request, cancel: &Cancel, delta: &mut dyn FnMut(&str)) -> Result<Completed, Failed> {
        cancel.check()?;
        let Some(tool) = ace_schema::tool::find(&request.tool) else {
            let names = ace_schema::tool::TOOLS.iter().map(|tool| tool.name);
            let near = crate::names::nearest(&request.tool, names);
            return Err(Failed::new(Code::NotFound, format!("no tool '{}'{near}", crate::names::shown(&request.tool))));
        };
        let args = Arguments::parse(tool, request.args.get())?;
        let job = Job { bench: self, id: request.id, args, cancel, delta };
        match tool.name {
            "read" => tool::read::run(job),
            "list" => tool::list::run(job),
            "glob" => tool::glob::run(job),
            "grep" => tool::grep::run(job),
            "write" => tool::write::run(job),
            "edit" => tool::edit::run(job),
            "patch" => tool::patch::run(job),
            "shell" => tool::shell::run(job),
            "job" => tool::job::run(job),
            "todo" => tool::todo::run(job),
            other => Err(Failed::new(Code::NotFound, format!("no tool '{other}' here"))),
        }
    }

    /// Remembers a spill file and forgets, with its bytes, the oldest beyond the limit.
    pub(crate) fn remember_spill(&self, name: &str) {
        let mut spills = self.spills.lock().unwrap_or_else(PoisonError::into_inner);
        spills.push_back(name.to_owned());
        while spills.len() > limits::SPILLS {
            if let Some(old) = spills.pop_front() {
                // It may have been removed by a command: then nothing is left to do.
                let _ = std::fs::remove_file(self.place.tmp.join(old));
            }
        }
    }
}
