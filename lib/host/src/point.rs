//! A session as it was at one of its records: the fold up to there, and what names that record for ever.

use ace_core::State;
use ace_schema::data::{ForkedFrom, Stated, WorktreeSnapshot};
use ace_schema::{Line, ty};
use ace_storage::{Log, hex, sha256};
use std::io;

/// A session at one of its records.
#[derive(Debug, Clone)]
pub struct Point {
    /// The record, named by the session that wrote it.
    pub at: ForkedFrom,
    /// The state up to it.
    pub state: State,
    /// The tree found before the next call, when it was recorded as found: what had changed outside of calls is in it.
    pub next: Option<String>,
}

impl Point {
    /// The tree the files had then: the one recorded last, or before the first call the one it found; else that of the commit the
    /// session's worktree began at.
    #[must_use]
    pub fn tree(&self) -> Option<&str> {
        if !self.state.tree.is_empty() {
            return Some(&self.state.tree);
        }
        let base = self.state.created.worktree.as_ref().map(|tree| tree.base.as_str());
        self.next.as_deref().or(base)
    }

    /// The commit a worktree with those files begins at: the one the session's own began at, else the one HEAD stood on.
    #[must_use]
    pub fn commit(&self) -> Option<&str> {
        let base = self.state.created.worktree.as_ref().map(|tree| tree.base.as_str());
        base.or(Some(self.state.commit.as_str()).filter(|commit| !commit.is_empty()))
    }
}

/// The session at the record `seq`, or at its last one; `Err` with the number of the last one if there is no such record.
///
/// # Errors
/// Reading failed.
pub fn point(log: &Log, seq: Option<u64>) -> io::Result<Result<Point, u64>> {
    let mut state = State::new();
    let mut last: Option<ForkedFrom> = None;
    let mut next = Next::default();
    let mut follow = log.follow(0)?;
    while !next.is_known {
        let lines = follow.read()?;
        if lines.is_empty() {
            break;
        }
        for bytes in ace_storage::split(lines) {
            let line = Line::parse(bytes).map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))?;
            let here = line.seq.unwrap_or_default();
            if seq.is_some_and(|seq| here > seq) {
                next.take(&line);
                continue;
            }
            state.fold(&line);
            if seq.is_none_or(|seq| here == seq) {
                let at =
                    ForkedFrom { session: line.session.into_owned(), seq: here, hash: String::new(), goes_on: false };
                // Of many candidates for the last one only the last needs its hash.
                last = Some(if seq.is_some() { ForkedFrom { hash: hex(&sha256(bytes)), ..at } } else { at });
            }
        }
    }
    let head = state.head;
    let Some(mut at) = last else { return Ok(Err(head)) };
    if at.hash.is_empty() {
        at.hash = hash_of(log, at.seq)?;
    }
    Ok(Ok(Point { at, state, next: next.tree }))
}

fn hash_of(log: &Log, seq: u64) -> io::Result<String> {
    let mut follow = log.follow(seq)?;
    let lines = follow.read()?;
    Ok(ace_storage::split(lines).next().map(|line| hex(&sha256(line))).unwrap_or_default())
}

/// The first state recorded behind a point.
#[derive(Default)]
struct Next {
    is_known: bool,
    tree: Option<String>,
}

impl Next {
    fn take(&mut self, line: &Line) {
        if self.is_known {
            return;
        }
        match &*line.ty {
            ty::WORKTREE_SNAPSHOT => {
                let found = line.data::<WorktreeSnapshot>().ok().filter(|s| s.why != "rewind");
                (self.is_known, self.tree) = (true, found.map(|s| s.tree));
            }
            // A call that may have written has run, or somebody went back or sideways.
            ty::SESSION_REWOUND | ty::SESSION_CREATED => self.is_known = true,
            ty::TOOL_COMPLETED | ty::TOOL_FAILED => {
                self.is_known = line.data::<Stated>().is_ok_and(|stated| !stated.tree.is_empty());
            }
            _ => {}
        }
    }
}
