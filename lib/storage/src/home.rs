//! The home of all sessions: where each lies, which there are, and how one begins. It must never read the environment: the
//! caller says where it is.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use ace_schema::{Kind, id, limits, ty};

use crate::batch::{Item, sort};
use crate::bell::Bell;
use crate::blobs::{Blobs, random, sync_folder};
use crate::clock::Clock;
use crate::ledger::Ledger;
use crate::log::Log;
use crate::parts::Parts;
use crate::store::{AppendError, Nib, Refusal, is_full};

/// The folder that holds every session, blob and worktree.
#[derive(Debug, Clone)]
pub struct Home {
    path: PathBuf,
}

/// A session that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRef {
    /// Its id.
    pub id: String,
    /// Its folder.
    pub path: PathBuf,
}

/// Why a session could not be created. Nothing of it is there then.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// It is there already, or the id has not the shape of one.
    #[error("session {0:?} exists already or is no session id")]
    Taken(String),
    /// The first batch holds lines that may not be recorded, or none that creates a session.
    #[error("the first batch is refused")]
    Refused(Vec<Refusal>),
    /// No room.
    #[error("no space left")]
    Full,
    /// Writing failed.
    #[error(transparent)]
    Io(io::Error),
}

impl From<io::Error> for CreateError {
    fn from(e: io::Error) -> Self {
        if is_full(&e) { Self::Full } else { Self::Io(e) }
    }
}

impl From<CreateError> for AppendError {
    fn from(e: CreateError) -> Self {
        match e {
            CreateError::Full => Self::Full { kept: 0 },
            CreateError::Io(e) => Self::Io(e),
            other => Self::Io(io::Error::other(other)),
        }
    }
}

impl Home {
    /// The home in that folder, which need not be there yet.
    #[must_use]
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Its folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the session of that id lies, there or not.
    #[must_use]
    pub fn session(&self, id: &str) -> PathBuf {
        self.path.join("sessions").join(id)
    }

    /// The log of that id, there or not.
    #[must_use]
    pub fn log(&self, id: &str) -> Log {
        Log::at(self.session(id)).with_blobs(self.blobs())
    }

    /// Where the worktree of that session lies, there or not.
    #[must_use]
    pub fn worktree(&self, id: &str) -> PathBuf {
        self.path.join("worktrees").join(id)
    }

    /// The pool of blobs.
    #[must_use]
    pub fn blobs(&self) -> Blobs {
        Blobs::at(self.path.join("blobs"))
    }

    /// The sessions that are there, newest first, at most [`limits::SESSIONS`].
    ///
    /// # Errors
    /// The folder cannot be read; that there is none yet is no error.
    pub fn sessions(&self) -> io::Result<Vec<SessionRef>> {
        Ok(self.session_ids()?.into_iter().map(|id| SessionRef { path: self.session(&id), id }).collect())
    }

    /// Their ids alone, in the same order.
    ///
    /// # Errors
    /// The folder cannot be read; that there is none yet is no error.
    pub fn session_ids(&self) -> io::Result<Vec<String>> {
        let entries = match fs::read_dir(self.path.join("sessions")) {
            Ok(entries) => entries,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(e),
        };
        let mut all = Vec::new();
        for entry in entries {
            if let Some(id) = entry?.file_name().into_string().ok().filter(|name| id::is_session(name)) {
                all.push(id);
            }
        }
        all.sort_unstable_by(|a, b| b.cmp(a));
        all.truncate(limits::SESSIONS);
        Ok(all)
    }

    /// Bytes of the log of each of these sessions, in their order; 0 for one that is not there.
    #[must_use]
    pub fn log_bytes(&self, sessions: &[String]) -> Vec<u64> {
        // From the folder of all, so that the way to it is walked once.
        let Ok(folder) = fs::File::open(self.path.join("sessions")) else { return vec![0; sessions.len()] };
        let bytes = |id: &String| {
            let stat = rustix::fs::statat(&folder, format!("{id}/log.jsonl"), rustix::fs::AtFlags::empty());
            stat.ok().and_then(|stat| u64::try_from(stat.st_size).ok()).unwrap_or(0)
        };
        sessions.iter().map(bytes).collect()
    }

    /// The sessions that were forked from this one: it cannot go before they do.
    ///
    /// # Errors
    /// The home cannot be read.
    pub fn children(&self, id: &str) -> io::Result<Vec<SessionRef>> {
        let is_child = |one: &SessionRef| one.origin().is_some_and(|from| from.session == id);
        Ok(self.sessions()?.into_iter().filter(is_child).collect())
    }

    /// Creates a session as a whole: written aside with its first batch (`session.created` first; `log.blob` lines are stored),
    /// brought to the disk, and renamed in. Returns its folder.
    ///
    /// # Errors
    /// Any [`CreateError`]; nothing is left behind then but blobs.
    pub fn create(&self, id: &str, kind: Kind, drafts: &[u8], clock: &Clock) -> Result<PathBuf, CreateError> {
        let path = self.session(id);
        if !id::is_session(id) || path.exists() {
            return Err(CreateError::Taken(id.to_owned()));
        }
        let sessions = self.path.join("sessions");
        let new_home = !sessions.exists();
        DirBuilder::new().recursive(true).mode(0o700).create(&sessions)?;
        if new_home {
            sync_folder(&self.path)?;
        }
        let aside = sessions.join(format!(".new-{id}-{:08x}", random() as u32));
        let made = self.create_aside(&aside, id, kind, drafts, clock).and_then(|()| Ok(fs::rename(&aside, &path)?));
        if let Err(e) = made {
            let _ = fs::remove_dir_all(&aside);
            return Err(match e {
                CreateError::Io(e) if e.kind() == io::ErrorKind::DirectoryNotEmpty => CreateError::Taken(id.to_owned()),
                other => other,
            });
        }
        sync_folder(&sessions)?;
        Ok(path)
    }

    fn create_aside(
        &self,
        aside: &Path,
        id: &str,
        kind: Kind,
        drafts: &[u8],
        clock: &Clock,
    ) -> Result<(), CreateError> {
        let items = sort(drafts);
        let mut parts = Parts::default();
        let mut refused = Vec::new();
        for item in &items {
            let Item::Part(at, line) = item else { continue };
            if let Err(why) = parts.take(&self.blobs(), Nib::FIRST, line)? {
                refused.push(Refusal { line: *at, id: line.sha.to_string(), ty: ty::LOG_BLOB.into(), why });
            }
        }
        let stamped = Ledger::new(id).stamp(Nib { number: Nib::FIRST, kind }, &items, clock);
        refused.extend(stamped.refused);
        if !refused.is_empty() || stamped.lines.is_empty() {
            return Err(CreateError::Refused(refused));
        }
        DirBuilder::new().mode(0o700).create(aside)?;
        DirBuilder::new().mode(0o700).create(aside.join("pens"))?;
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(aside.join("log.jsonl"))?;
        file.write_all(&stamped.lines)?;
        // Before the syncs, since a file made between them would make each wait for the disk. Nobody looks at it yet.
        Bell::open(&aside.join("bell"))?.publish(stamped.lines.len() as u64);
        file.sync_all()?;
        sync_folder(aside)?;
        Ok(())
    }
}
