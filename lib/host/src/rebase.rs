//! The steps of a session put together anew: some left out, in another order, or with steps of another session between them. Each
//! is brought in by a three-way merge of trees; nothing is erased, and the files before are recorded first.

use ace_schema::data::WorktreeSnapshot;
use ace_schema::{Drafter, Kind, ty};
use ace_storage::{Clock, Home, Log};
use ace_worktree as git;
use std::io;

use crate::site::{Site, pools};
use crate::steps::{Step, steps};
use crate::travel::TravelError;

/// A step with the files before it.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// The step.
    pub step: Step,
    /// The tree before.
    pub before: String,
}

/// The steps that changed something, in order; the first is against the commit that the session began at.
///
/// # Errors
/// Reading failed.
pub fn changes(log: &Log) -> io::Result<Vec<Change>> {
    let (state, steps) = steps(log)?;
    let mut before = state.created.worktree.as_ref().map(|tree| tree.base.clone()).unwrap_or_default();
    let mut all = Vec::new();
    for step in steps {
        let after = step.tree.clone();
        if before != after && !before.is_empty() {
            all.push(Change { step, before: before.clone() });
        }
        before = after;
    }
    Ok(all)
}

/// What came of it.
#[derive(Debug, Clone)]
pub struct Rebased {
    /// The record of it; 0 if the files are what they were.
    pub seq: u64,
    /// The record to go back to for undoing this.
    pub from: u64,
    /// Files that were written and removed.
    pub files: (usize, usize),
}

/// Why it did not work out: nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum RebaseError {
    /// A step does not fit on those before it: its record, and the paths.
    #[error("@{seq} does not fit on the steps before it")]
    Conflict {
        /// Its record.
        seq: u64,
        /// Files that both sides changed.
        paths: Vec<std::path::PathBuf>,
    },
    /// As of any way through a session.
    #[error(transparent)]
    Travel(#[from] TravelError),
}

/// Puts these changes on the files that the session began with, and brings its worktree there.
///
/// # Errors
/// See [`RebaseError`].
pub fn rebase(home: &Home, log: &Log, picked: &[Change], clock: &Clock, random: u64) -> Result<Rebased, RebaseError> {
    let Some(_runner) = log.runner().map_err(TravelError::from)? else { return Err(TravelError::Busy.into()) };
    let (state, _) = steps(log).map_err(TravelError::from)?;
    if state.turn.is_some() || !state.claims.is_empty() {
        return Err(TravelError::Running.into());
    }
    let site = Site::of(&state.created, &pools(home)).map_err(TravelError::from)?;
    let nothing = || TravelError::FilesGone;
    let site = site.ok_or_else(nothing)?;
    let base = site.base.clone().ok_or_else(nothing)?;
    let mut tree = site.pool.tree(&base).map_err(TravelError::from)?;
    for change in picked {
        tree = match site.pool.merge(&change.before, &tree, &change.step.tree) {
            Ok(tree) => tree,
            Err(git::Error::Conflicts { clashes }) => {
                let paths = clashes.into_iter().map(|clash| clash.path).collect();
                return Err(RebaseError::Conflict { seq: change.step.seq, paths });
            }
            Err(e) => return Err(TravelError::from(e).into()),
        };
    }
    let mut appender = log.append(clock.clone()).map_err(TravelError::from)?;
    let pen = appender.open_pen(Kind::Person).map_err(TravelError::from)?;
    let mut drafter = Drafter::new("ace-worktree", random);
    drafter.set_session(&state.session);
    let mut record = |tree: &str, why: &str| -> Result<u64, TravelError> {
        let commit = site.ground.head()?.unwrap_or_default();
        let snapshot =
            WorktreeSnapshot { tree: tree.to_owned(), commit, why: why.to_owned(), ..WorktreeSnapshot::default() };
        let (_, line) = drafter.draft(0, "", ty::WORKTREE_SNAPSHOT, &snapshot);
        let appended = appender.append(pen.nib(), &line)?;
        match appended.refused.first() {
            Some(refusal) => Err(io::Error::other(refusal.to_string()).into()),
            None => Ok(appended.last_seq),
        }
    };
    let known = if state.tree.is_empty() { base.as_str() } else { state.tree.as_str() };
    let mut lens = git::Lens::open(&site.pool, &site.ground, Some(known)).map_err(TravelError::from)?;
    let look = lens.look().map_err(TravelError::from)?;
    if look.tree == tree {
        return Ok(Rebased { seq: 0, from: state.head, files: (0, 0) });
    }
    let mut from = state.head;
    if look.is_new() || state.tree.is_empty() {
        from = record(&look.tree, "found")?;
    }
    let restored = lens.restore(&tree).map_err(TravelError::from)?;
    let seq = record(&restored.tree, "rebase")?;
    Ok(Rebased { seq, from, files: (restored.written, restored.removed) })
}
