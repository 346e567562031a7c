//! Taking worktrees away. It must never lose a commit, nor anything uncommitted unless told to, and never
//! touch a worktree whose links are not the ones we made.

use std::path::{Path, PathBuf};

use gix::refs::FullName;
use gix::worktree::remove::Force as GixForce;

use ace_schema::limits::worktree as limits;

use crate::branch::delete_branch;
use crate::create::{clear_torn, wait_for_turn};
use crate::error::Error;
use crate::linked::Place;
use crate::list::{Listed, ahead, inspect, is_merged, list, locked, places, tip};
use crate::note::Note;
use crate::repository::Repository;
use crate::scan;
use crate::tree::native;

/// Whether work may be lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Force {
    /// Never.
    #[default]
    No,
    /// Uncommitted changes may, and a lock is passed over. Commits never: a branch that holds some stays.
    Yes,
}

/// A worktree that is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Removed {
    /// Where it was.
    pub path: PathBuf,
    /// Its branch, without `refs/heads/`.
    pub branch: String,
    /// Whether the branch is gone too: only if its commits are elsewhere.
    pub branch_deleted: bool,
}

/// Removes the worktree at `path` with its git folder, and its branch if nothing is lost by that.
///
/// # Errors
/// [`Error::NoWorktree`] if none of ours is there, [`Error::PointerChanged`]; without force
/// [`Error::Dirty`], [`Error::Unmerged`], [`Error::Locked`]; [`Error::Nested`], [`Error::Git`].
pub fn remove(repo: &Repository, path: &Path, force: Force) -> Result<Removed, Error> {
    let none = || Error::NoWorktree { path: path.to_owned() };
    let wanted = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let all = places(&repo.facts().common_dir)?;
    let place = all.iter().find(|place| place.path == wanted || place.path == path).ok_or_else(none)?;
    let note = Note::read(&place.git_dir).ok_or_else(none)?;
    if let Some(inner) = all.iter().find(|other| *other != place && other.path.starts_with(&place.path)) {
        return Err(Error::Nested { path: inner.path.clone() });
    }
    let there = place.path.symlink_metadata().is_ok();
    if there {
        place.verify()?;
    }
    let tip = tip(&repo.inner, &note);
    let merged = tip.is_none_or(|tip| is_merged(&repo.inner, tip, &note));
    if force == Force::No {
        if let Some(reason) = locked(place, &note) {
            return Err(Error::Locked { reason });
        }
        if there {
            clean(place)?;
        }
        if let (false, Some(tip)) = (merged, tip) {
            return Err(Error::Unmerged { branch: note.branch, ahead: ahead(&repo.inner, tip, &note.base) });
        }
    }
    take_away(repo, place, &note, merged)
}

/// Refuses when anything is uncommitted.
fn clean(place: &Place) -> Result<(), Error> {
    let scan = scan::scan(&place.open()?)?;
    let found = scan.paths.keys().chain(&scan.nested);
    let paths: Vec<PathBuf> = found.take(limits::NAMED_PATHS).map(native).collect::<Result<_, _>>()?;
    if paths.is_empty() { Ok(()) } else { Err(Error::Dirty { paths }) }
}

/// Deletes the folder, the git folder and, if told so, the branch. The shared objects stay.
fn take_away(repo: &Repository, place: &Place, note: &Note, with_branch: bool) -> Result<Removed, Error> {
    let what = "remove the worktree";
    // Where the branch stands is asked before the folder goes, and once more by git when it is deleted.
    let tip = tip(&repo.inner, note);
    let all = repo.inner.worktrees().map_err(Error::git(what))?;
    let proxy = all.into_iter().find(|proxy| proxy.git_dir() == place.git_dir);
    let proxy = proxy.ok_or_else(|| Error::NoWorktree { path: place.path.clone() })?;
    proxy.remove(GixForce::OverrideLock, gix::progress::Discard).map_err(Error::git(what))?;
    let name: Option<FullName> = format!("refs/heads/{}", note.branch).try_into().ok();
    let branch_deleted = match (with_branch, tip, name) {
        (true, Some(tip), Some(name)) => delete_branch(&repo.inner, name, tip).is_ok(),
        _ => false,
    };
    Ok(Removed { path: place.path.clone(), branch: note.branch.clone(), branch_deleted })
}

/// Why a worktree went, or stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Its commits are elsewhere and nothing is uncommitted: it goes.
    Merged,
    /// It belongs to nobody and nothing is uncommitted: it goes; its branch stays if it holds commits.
    Orphan,
    /// Its folder was gone already: its registration goes.
    Gone,
    /// Something is uncommitted: it stays.
    Dirty,
    /// Its commits are nowhere else: it stays.
    Unmerged,
    /// It is locked: it stays.
    Locked,
    /// Somebody rewrote its links: it stays, untouched.
    PointerChanged,
    /// It could not be looked at or removed: it stays.
    Failed,
}

impl Verdict {
    /// Whether it goes.
    #[must_use]
    pub fn goes(self) -> bool {
        matches!(self, Self::Merged | Self::Orphan | Self::Gone)
    }
}

/// A worktree that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pruned {
    /// How it stood.
    pub listed: Listed,
    /// What became of it.
    pub verdict: Verdict,
    /// Whether its branch is gone too; false in a dry run.
    pub branch_deleted: bool,
}

/// Removes worktrees that nobody needs: clean ones whose commits are elsewhere, and clean ones that are
/// orphans. `settled` says which may be looked at (a session at work keeps its own), `orphan` which
/// belong to no session. With `dry_run` nothing is changed.
///
/// # Errors
/// [`Error::Io`] when the repository's folder cannot be read.
pub fn prune(
    repo: &Repository,
    settled: impl Fn(&Listed) -> bool,
    orphan: impl Fn(&Listed) -> bool,
    dry_run: bool,
) -> Result<Vec<Pruned>, Error> {
    let mut out = Vec::new();
    if !dry_run && let Ok(_turn) = wait_for_turn(&repo.facts().common_dir) {
        clear_torn(&repo.facts().common_dir);
    }
    for listed in list(repo)? {
        let orphan = orphan(&listed);
        if !orphan && !settled(&listed) {
            continue;
        }
        let verdict = judge(&listed, orphan);
        let mut pruned = Pruned { listed, verdict, branch_deleted: false };
        if verdict.goes() && !dry_run {
            match carry_out(repo, &pruned.listed, orphan) {
                Ok(removed) => pruned.branch_deleted = removed.branch_deleted,
                Err(_) => pruned.verdict = Verdict::Failed,
            }
        }
        out.push(pruned);
    }
    Ok(out)
}

fn judge(listed: &Listed, orphan: bool) -> Verdict {
    match listed {
        _ if listed.pointer_changed => Verdict::PointerChanged,
        _ if listed.locked.is_some() => Verdict::Locked,
        _ if listed.gone => Verdict::Gone,
        Listed { changed: None, .. } => Verdict::Failed,
        Listed { changed: Some(changed), .. } if !changed.is_clean() => Verdict::Dirty,
        _ if listed.merged => Verdict::Merged,
        _ if orphan => Verdict::Orphan,
        _ => Verdict::Unmerged,
    }
}

/// Removes it, after one more look: time has passed since it was listed.
fn carry_out(repo: &Repository, listed: &Listed, orphan: bool) -> Result<Removed, Error> {
    let none = || Error::NoWorktree { path: listed.place.path.clone() };
    let now = inspect(repo, &listed.place)?.ok_or_else(none)?;
    if !judge(&now, orphan).goes() {
        return Err(none());
    }
    let note = Note::read(&listed.place.git_dir).ok_or_else(none)?;
    take_away(repo, &listed.place, &note, now.merged)
}
