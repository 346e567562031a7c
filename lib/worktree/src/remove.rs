//! Taking worktrees away. It must never lose a commit, nor anything uncommitted unless told to, and never
//! touch a worktree whose links are not the ones we made.

use std::path::{Path, PathBuf};

use gix::bstr::ByteSlice;
use gix::refs::FullName;
use gix::worktree::remove::Force as GixForce;

use ace_schema::limits::worktree as limits;

use crate::branch::{delete_branch, free_lock};
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

/// Deletes the folder, the git folder and, if told so, the branch. The shared objects stay. The folder leaves its place as a whole
/// first: who dies among its files leaves nothing behind that looks like a worktree.
fn take_away(repo: &Repository, place: &Place, note: &Note, with_branch: bool) -> Result<Removed, Error> {
    let what = "remove the worktree";
    // Where the branch stands is asked before the folder goes, and once more by git when it is deleted.
    let tip = tip(&repo.inner, note);
    let aside = set_aside(&place.path)?;
    let all = repo.inner.worktrees().map_err(Error::git(what))?;
    match all.into_iter().find(|proxy| proxy.git_dir() == place.git_dir) {
        Some(proxy) => proxy.remove(GixForce::OverrideLock, gix::progress::Discard).map_err(Error::git(what))?,
        // Taken away already.
        None if place.git_dir.symlink_metadata().is_err() => {}
        None => return Err(Error::NoWorktree { path: place.path.clone() }),
    }
    let name: Option<FullName> = format!("refs/heads/{}", note.branch).try_into().ok();
    let branch_deleted = match (with_branch, tip, name) {
        (true, Some(tip), Some(name)) => delete_branch(&repo.inner, name, tip).is_ok(),
        _ => false,
    };
    if let Some(aside) = aside {
        clear_away(&aside)?;
    }
    Ok(Removed { path: place.path.clone(), branch: note.branch.clone(), branch_deleted })
}

/// The folder beside worktrees in which their caches lie.
const CACHES: &str = ".caches";

/// The folder beside the worktree at `root` for a cache of its own; it goes with the worktree.
#[must_use]
pub fn cache_of(root: &Path, name: &str) -> PathBuf {
    root.with_file_name(CACHES).join(name)
}

/// How the name of a folder begins that is on its way out.
const ASIDE: &str = ".gone-";

/// Renames a folder within its own; nothing when it is not there.
fn set_aside(path: &Path) -> Result<Option<PathBuf>, Error> {
    let Some(leaf) = path.file_name() else { return Ok(None) };
    let mut name = std::ffi::OsString::from(format!("{ASIDE}{}-", crate::note::nanoseconds_now()));
    name.push(leaf);
    let aside = path.with_file_name(name);
    match std::fs::rename(path, &aside) {
        Ok(()) => Ok(Some(aside)),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(Error::io(path)(e)),
    }
}

/// Deletes a folder, those in it that were closed to us included.
fn clear_away(folder: &Path) -> Result<(), Error> {
    use std::os::unix::fs::PermissionsExt;
    match std::fs::remove_dir_all(folder) {
        Err(e) if e.kind() == std::io::ErrorKind::PermissionDenied => {}
        done => return done.map_err(Error::io(folder)),
    }
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        // What cannot be opened is told by the removal.
        let _ = std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700));
        let inner = std::fs::read_dir(&folder).into_iter().flatten().flatten();
        folders.extend(inner.filter(|e| e.file_type().is_ok_and(|t| t.is_dir())).map(|e| e.path()));
    }
    std::fs::remove_dir_all(folder).map_err(Error::io(folder))
}

/// Deletes what removals that were cut short have left in a folder of worktrees (`<worktrees>/<id>/`). How much there was.
#[must_use]
pub fn sweep(folder: &Path) -> usize {
    let all = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let gone = all.filter(|e| e.file_name().as_encoded_bytes().starts_with(ASIDE.as_bytes()));
    let swept = gone.filter(|e| clear_away(&e.path()).is_ok()).count();
    let mut left = std::fs::read_dir(folder).into_iter().flatten().flatten();
    if left.all(|entry| entry.file_name() == CACHES) {
        // What cannot be removed is tried again by the next one.
        let _ = clear_away(&folder.join(CACHES));
    }
    // Gone with its last worktree; somebody's who still has one stays.
    let _ = std::fs::remove_dir(folder);
    swept
}

/// Why a worktree went, or stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Its commits are elsewhere and nothing is uncommitted: it goes.
    Merged,
    /// It belongs to nobody and nothing is uncommitted: it goes; its branch stays if it holds commits.
    Orphan,
    /// It belongs to nobody, and whoever made it died before it was finished: it goes, filled half or whole.
    Torn,
    /// The record of its session holds its files as they are: it goes, its branch stays, and it can be had back.
    Anchored,
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
        matches!(self, Self::Merged | Self::Orphan | Self::Torn | Self::Anchored | Self::Gone)
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

/// What the caller knows about worktrees, and git does not.
pub struct Rules<'a> {
    /// It may be looked at: a session at work keeps its own.
    pub settled: &'a dyn Fn(&Listed) -> bool,
    /// It belongs to no session.
    pub orphan: &'a dyn Fn(&Listed) -> bool,
    /// Its files, uncommitted ones included, are recorded elsewhere as they are now, and it may go for that. Asked once more just
    /// before it goes.
    pub anchored: &'a dyn Fn(&Listed) -> bool,
}

/// Removes worktrees that nobody needs: clean ones whose commits are elsewhere, clean ones that are orphans, and what is left of
/// ones that were never finished. With `dry_run` nothing is changed.
///
/// # Errors
/// [`Error::Io`] when the repository's folder cannot be read.
pub fn prune(repo: &Repository, rules: &Rules<'_>, dry_run: bool) -> Result<Vec<Pruned>, Error> {
    let mut out = Vec::new();
    if !dry_run && let Ok(_turn) = wait_for_turn(&repo.facts().common_dir) {
        clear_torn(&repo.facts().common_dir);
    }
    for listed in list(repo)? {
        let orphan = (rules.orphan)(&listed);
        if !orphan && !(rules.settled)(&listed) {
            continue;
        }
        let verdict = judge(&listed, orphan, rules);
        let mut pruned = Pruned { listed, verdict, branch_deleted: false };
        if verdict.goes() && !dry_run {
            match carry_out(repo, &pruned.listed, orphan, rules) {
                Ok(removed) => pruned.branch_deleted = removed.branch_deleted,
                Err(_) => pruned.verdict = Verdict::Failed,
            }
        }
        out.push(pruned);
    }
    Ok(out)
}

fn judge(listed: &Listed, orphan: bool, rules: &Rules<'_>) -> Verdict {
    let kept = match listed {
        _ if listed.torn && orphan => return Verdict::Torn,
        _ if listed.pointer_changed => return Verdict::PointerChanged,
        _ if listed.locked.is_some() => return Verdict::Locked,
        _ if listed.gone => return Verdict::Gone,
        Listed { changed: None, .. } => return Verdict::Failed,
        Listed { changed: Some(changed), .. } if !changed.is_clean() => Verdict::Dirty,
        _ if listed.merged => return Verdict::Merged,
        _ if orphan => return Verdict::Orphan,
        _ => Verdict::Unmerged,
    };
    if !orphan && (rules.anchored)(listed) { Verdict::Anchored } else { kept }
}

/// Removes it, after one more look: time has passed since it was listed.
fn carry_out(repo: &Repository, listed: &Listed, orphan: bool, rules: &Rules<'_>) -> Result<Removed, Error> {
    let none = || Error::NoWorktree { path: listed.place.path.clone() };
    let now = inspect(repo, &listed.place)?.ok_or_else(none)?;
    if !judge(&now, orphan, rules).goes() {
        return Err(none());
    }
    let note = Note::read(&listed.place.git_dir).ok_or_else(none)?;
    take_away(repo, &listed.place, &note, now.merged || now.torn)
}

/// What the log of a branch says when we make it.
pub(crate) const MADE: &str = "branch: made by ace";

/// Branches of ours that nothing but their making ever moved and whose worktree never came to be: their commit is elsewhere, they
/// are deleted (not in a dry run), and told.
///
/// # Errors
/// [`Error::Busy`], [`Error::Io`], [`Error::Git`].
pub fn stray_branches(repo: &Repository, dry_run: bool) -> Result<Vec<String>, Error> {
    let what = "read the branches";
    // Whoever has made a branch and not yet its worktree has the turn.
    let _turn = wait_for_turn(&repo.facts().common_dir)?;
    let mut heads: Vec<Vec<u8>> = Vec::new();
    for place in places(&repo.facts().common_dir)? {
        heads.extend(Note::read(&place.git_dir).map(|note| note.branch.into_bytes()));
        let head = crate::linked::read_pointer(&place.git_dir.join("HEAD")).unwrap_or_default();
        heads.extend(head.strip_prefix(b"ref: refs/heads/").map(<[u8]>::to_vec));
    }
    let own = repo.inner.head_name().ok().flatten();
    let all = repo.inner.references().map_err(Error::git(what))?;
    let mut out = Vec::new();
    for branch in all.prefixed("refs/heads/ace/").map_err(Error::git(what))?.flatten() {
        let name = branch.name().to_owned();
        let short = name.shorten().to_owned();
        if own.as_ref() == Some(&name) || heads.iter().any(|head| head.as_slice() == short.as_bytes()) {
            continue;
        }
        let Some(tip) = branch.try_id().map(|id| id.detach()) else { continue };
        if !was_only_made(&branch) || !is_elsewhere(&repo.inner, name.as_ref(), tip) {
            continue;
        }
        if !dry_run {
            free_lock(&repo.facts().common_dir, &short.to_str_lossy());
        }
        if dry_run || delete_branch(&repo.inner, name, tip).is_ok() {
            out.push(short.to_str_lossy().into_owned());
        }
    }
    Ok(out)
}

/// Whether a branch's log has one line, that of its making.
fn was_only_made(branch: &gix::Reference<'_>) -> bool {
    let mut log = branch.log_iter();
    let Ok(Some(lines)) = log.all() else { return false };
    let lines: Vec<_> = lines.take(2).collect();
    matches!(lines.as_slice(), [Ok(line)] if line.message == MADE)
}

/// Whether some other branch or tag stands on the commit or behind it.
fn is_elsewhere(repo: &gix::Repository, name: &gix::refs::FullNameRef, tip: gix::ObjectId) -> bool {
    let Ok(all) = repo.references() else { return false };
    let Ok(all) = all.all() else { return false };
    let others = all.flatten().filter(|other| other.name() != name).take(limits::REFERENCES);
    others.into_iter().any(|mut other| {
        let id = other.peel_to_id().map(|id| id.detach());
        id.is_ok_and(|id| id == tip || repo.merge_base(id, tip).is_ok_and(|base| base.is_some_and(|base| base == tip)))
    })
}
