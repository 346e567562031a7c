//! The home of all sessions: which there are, what a person means by a name, and how one begins. It must never read the
//! environment: the caller says where it is.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use ace_schema::data::{SessionCreated, SessionNamed};
use ace_schema::{Kind, Line, id, limits, ty};

use crate::bell::Bell;
use crate::blobs::{Blobs, Parts, random, sync_folder};
use crate::clock::Clock;
use crate::ledger::{self, Item, Ledger};
use crate::lines::{Lines, Piece};
use crate::log::Log;
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

/// What a person meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Session folder, or the bare log file that was named.
    pub path: PathBuf,
    /// Session id; empty if a bare file's first line has none.
    pub id: String,
    /// The record behind `@`.
    pub seq: Option<u64>,
}

impl Found {
    /// The log of it.
    #[must_use]
    pub fn log(&self) -> Log {
        Log::at(&self.path)
    }
}

/// Why a word names no session.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// There is none.
    #[error("no session {name:?}")]
    NoSession {
        /// What was asked for.
        name: String,
        /// Names that look like it, best first, at most three.
        nearest: Vec<String>,
    },
    /// There are several.
    #[error("{name:?} names {} sessions", ids.len())]
    Ambiguous {
        /// What was asked for.
        name: String,
        /// Their ids, newest first.
        ids: Vec<String>,
    },
    /// The home cannot be read.
    #[error(transparent)]
    Io(#[from] io::Error),
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
        let entries = match fs::read_dir(self.path.join("sessions")) {
            Ok(entries) => entries,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(e),
        };
        let mut all = Vec::new();
        for entry in entries {
            let entry = entry?;
            if let Some(id) = entry.file_name().to_str().filter(|name| id::is_session(name)) {
                all.push(SessionRef { id: id.to_owned(), path: entry.path() });
            }
        }
        all.sort_unstable_by(|a, b| b.id.cmp(&a.id));
        all.truncate(limits::SESSIONS);
        Ok(all)
    }

    /// The session a person means: its id, its name, the last four characters of its id, `@last`, or the path of its folder or
    /// log; with `@23` behind it, the record 23 of it. The first of these kinds that fits counts.
    ///
    /// # Errors
    /// Any [`FindError`].
    pub fn find(&self, word: &str) -> Result<Found, FindError> {
        let (name, seq) = match word.rsplit_once('@') {
            Some((name, seq)) if !name.is_empty() && !seq.is_empty() && seq.bytes().all(|b| b.is_ascii_digit()) => {
                (name, seq.parse().ok())
            }
            _ => (word, None),
        };
        let found = |s: SessionRef| Ok(Found { path: s.path, id: s.id, seq });
        if name.contains('/') {
            return self.find_path(name, seq);
        }
        let all = self.sessions()?;
        let fitting = |fits: &dyn Fn(&SessionRef) -> bool| all.iter().filter(|s| fits(s)).cloned().collect::<Vec<_>>();
        let mut some = match name {
            "@last" => all.iter().take(1).cloned().collect(),
            _ => fitting(&|s| s.id == name),
        };
        if some.is_empty() {
            some = fitting(&|s| s.first_name().as_deref() == Some(name));
        }
        if some.is_empty() {
            some = fitting(&|s| s.was_renamed_to(name));
        }
        if some.is_empty() && name.len() == 4 {
            some = fitting(&|s| s.id.ends_with(name));
        }
        if some.len() > 1 {
            return Err(FindError::Ambiguous { name: name.to_owned(), ids: some.into_iter().map(|s| s.id).collect() });
        }
        match some.pop() {
            Some(one) => found(one),
            None if Path::new(name).exists() => self.find_path(name, seq),
            None => Err(FindError::NoSession { name: name.to_owned(), nearest: nearest(name, &all) }),
        }
    }

    fn find_path(&self, name: &str, seq: Option<u64>) -> Result<Found, FindError> {
        let none = || FindError::NoSession { name: name.to_owned(), nearest: Vec::new() };
        let log = Log::at(name);
        let first = first_line(log.file()).map_err(|_| none())?.ok_or_else(none)?;
        let id = Line::parse(&first).map(|line| line.session.into_owned()).unwrap_or_default();
        let path = log.folder().unwrap_or(log.file()).to_owned();
        Ok(Found { path, id, seq })
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
        let items = ledger::sort(drafts);
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
        file.sync_all()?;
        Bell::open(&aside.join("bell"))?.publish(stamped.lines.len() as u64);
        sync_folder(aside)?;
        Ok(())
    }
}

impl SessionRef {
    /// Its log.
    #[must_use]
    pub fn log(&self) -> Log {
        Log::at(&self.path)
    }

    /// The name it was created with.
    #[must_use]
    pub fn first_name(&self) -> Option<String> {
        let first = first_line(&self.path.join("log.jsonl")).ok()??;
        let line = Line::parse(&first).ok().filter(|line| line.ty == ty::SESSION_CREATED)?;
        line.data::<SessionCreated>().ok().map(|data| data.name)
    }

    /// The name it has: the last one it was given. Reads the whole log.
    #[must_use]
    pub fn name(&self) -> Option<String> {
        self.given_names().pop().or_else(|| self.first_name())
    }

    fn was_renamed_to(&self, name: &str) -> bool {
        self.given_names().pop().is_some_and(|last| last == name)
    }

    fn given_names(&self) -> Vec<String> {
        let mut names = Vec::new();
        let Ok(file) = File::open(self.path.join("log.jsonl")) else { return names };
        let named = memchr::memmem::Finder::new(ty::SESSION_NAMED);
        let mut lines = Lines::new(file);
        while let Ok(Some(piece)) = lines.next_piece() {
            let Piece::Line(bytes) = piece else { continue };
            if named.find(bytes).is_none() {
                continue;
            }
            if let Ok(line) = Line::parse(bytes)
                && line.ty == ty::SESSION_NAMED
                && let Ok(data) = line.data::<SessionNamed>()
            {
                names.push(data.name);
            }
        }
        names
    }
}

/// The first line of a file without its LF; `None` if it has no whole line of a lawful length.
fn first_line(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let mut lines = Lines::new(File::open(path)?);
    Ok(match lines.next_piece()? {
        Some(Piece::Line(bytes)) => Some(bytes.to_vec()),
        _ => None,
    })
}

fn nearest(name: &str, all: &[SessionRef]) -> Vec<String> {
    let mut near: Vec<(f64, String)> = all
        .iter()
        .filter_map(SessionRef::first_name)
        .map(|other| (strsim::jaro_winkler(name, &other), other))
        .filter(|(score, _)| *score > 0.7)
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0));
    near.dedup_by(|a, b| a.1 == b.1);
    near.into_iter().take(3).map(|(_, name)| name).collect()
}
