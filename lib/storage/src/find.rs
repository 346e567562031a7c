//! What a person means by a word: names, ids and paths of sessions. It must never write.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use ace_schema::data::{SessionCreated, SessionNamed};
use ace_schema::{Line, ty};

use crate::follow::read_full;
use crate::home::{Home, SessionRef};
use crate::lines::{Lines, Piece};
use crate::log::Log;

/// How much of a log is read first for its first line.
const HEAD_BYTES: usize = 4096;

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

impl Home {
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

    /// The record of another session that it goes on from, if it was forked.
    #[must_use]
    pub fn origin(&self) -> Option<ace_schema::data::ForkedFrom> {
        crate::ancestry::origin(&self.log()).ok()?
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
pub(crate) fn first_line(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let file = File::open(path)?;
    // One small read nearly always holds it; a list of sessions is as many of these.
    let mut head = [0; HEAD_BYTES];
    let got = read_full(&file, &mut head, 0)?;
    if let Some(lf) = memchr::memchr(b'\n', &head[..got]) {
        return Ok(Some(head[..lf].to_vec()));
    }
    let mut lines = Lines::within(file, 0);
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
