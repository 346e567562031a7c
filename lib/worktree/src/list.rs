//! The worktrees we made, and how each stands. It must never open one whose links were rewritten.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use gix::bstr::ByteSlice;
use gix::refs::FullName;

use ace_schema::limits::worktree as limits;

use crate::error::Error;
use crate::linked::{Place, read_pointer};
use crate::making::{Making, making};
use crate::note::{Note, seconds_now};
use crate::repository::{Changed, Repository};
use crate::scan;

/// A worktree of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Listed {
    /// Its root and its git folder.
    pub place: Place,
    /// Its branch when it was made, without `refs/heads/`.
    pub branch: String,
    /// The commit that branch stands on, 40 hexadecimal digits; none if somebody deleted it.
    pub tip: Option<String>,
    /// The commit it began at, 40 hexadecimal digits.
    pub base: String,
    /// Commits since then; counted up to a limit.
    pub ahead: usize,
    /// What is uncommitted; none when it could not be looked at (`gone`, `pointer_changed`).
    pub changed: Option<Changed>,
    /// Whether its commits are in the user's branch too, or in the one it came from.
    pub merged: bool,
    /// Bytes on disk, the shared objects not counted.
    pub disk: u64,
    /// Seconds since it was made.
    pub age: u64,
    /// Why it is locked, if it is; may be empty. One that is being made is locked too.
    pub locked: Option<String>,
    /// Whether its making was never finished: whoever made it died.
    pub torn: bool,
    /// Whether its folder is no longer there.
    pub gone: bool,
    /// Whether somebody rewrote its links: it was not read any further.
    pub pointer_changed: bool,
}

/// All worktrees of this repository that we made, oldest first. One that cannot be read is listed as far
/// as it can.
///
/// # Errors
/// [`Error::Io`] when the repository's folder cannot be read.
pub fn list(repo: &Repository) -> Result<Vec<Listed>, Error> {
    let mut out = Vec::new();
    for place in places(&repo.facts().common_dir)? {
        if let Some(listed) = inspect(repo, &place)? {
            out.push(listed);
        }
    }
    out.sort_by_key(|listed| std::cmp::Reverse(listed.age));
    Ok(out)
}

/// Every registered worktree, ours or not.
pub(crate) fn places(common_dir: &Path) -> Result<Vec<Place>, Error> {
    let folder = common_dir.join("worktrees");
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => {
            return Err(Error::Io { path: folder, source });
        }
    };
    let mut out = Vec::new();
    for entry in entries.flatten() {
        let git_dir = entry.path();
        let dot_git = read_pointer(&git_dir.join("gitdir"));
        let path = dot_git.and_then(|bytes| Some(gix::path::from_byte_slice(&bytes).ok()?.parent()?.to_owned()));
        if let Some(path) = path.filter(|path| path.is_absolute()) {
            out.push(Place { git_dir, path });
        }
    }
    Ok(out)
}

/// How one worktree stands; `None` if it is not one of ours.
///
/// # Errors
/// [`Error::PointerChanged`] when `place` is not within this repository.
pub fn inspect(repo: &Repository, place: &Place) -> Result<Option<Listed>, Error> {
    if place.common_dir()?.canonicalize().ok().as_ref() != Some(&repo.facts().common_dir) {
        return Err(Error::PointerChanged { path: place.git_dir.clone() });
    }
    let Some(note) = Note::read(&place.git_dir) else {
        return Ok(None);
    };
    let gone = place.path.symlink_metadata().is_err();
    let opened = if gone { Err(None) } else { place.open().map_err(Some) };
    let tip = tip(&repo.inner, &note);
    let ahead = tip.map_or(0, |tip| ahead(&repo.inner, tip, &note.base));
    Ok(Some(Listed {
        branch: note.branch.clone(),
        tip: tip.map(|tip| tip.to_hex().to_string()),
        base: note.base.clone(),
        ahead,
        changed: opened.as_ref().ok().and_then(|work| scan::scan(work).ok()).map(|scan| scan.counts()),
        merged: tip.is_none_or(|tip| is_merged(&repo.inner, tip, &note)),
        disk: disk(&place.path) + disk(&place.git_dir),
        age: seconds_now().saturating_sub(note.made),
        locked: locked(place, &note),
        torn: making(&place.git_dir) == Making::Torn,
        gone,
        pointer_changed: matches!(opened, Err(Some(Error::PointerChanged { .. }))),
        place: place.clone(),
    }))
}

/// Where a worktree's branch stands.
pub(crate) fn tip(repo: &gix::Repository, note: &Note) -> Option<gix::ObjectId> {
    let name: FullName = format!("refs/heads/{}", note.branch).try_into().ok()?;
    let mut found = repo.try_find_reference(name.as_ref()).ok()??;
    Some(found.peel_to_id().ok()?.detach())
}

/// Commits of `tip` that `base` has not, up to a limit.
pub(crate) fn ahead(repo: &gix::Repository, tip: gix::ObjectId, base: &str) -> usize {
    let Ok(base) = gix::ObjectId::from_hex(base.as_bytes()) else {
        return 0;
    };
    let walk = repo.rev_walk([tip]).with_hidden([base]).all();
    walk.map_or(0, |walk| walk.take(limits::AHEAD).filter(Result::is_ok).count())
}

/// Whether the commits of `tip` are in HEAD or in the branch it came from, or landed as one.
pub(crate) fn is_merged(repo: &gix::Repository, tip: gix::ObjectId, note: &Note) -> bool {
    if note.landed.as_deref().and_then(|id| gix::ObjectId::from_hex(id.as_bytes()).ok()) == Some(tip) {
        return true;
    }
    let from = note.from.as_ref().and_then(|from| {
        let name: FullName = format!("refs/heads/{from}").try_into().ok()?;
        Some(repo.try_find_reference(name.as_ref()).ok()??.peel_to_id().ok()?.detach())
    });
    let head = repo.head_id().ok().map(|id| id.detach());
    [from, head].into_iter().flatten().any(|other| {
        // A HEAD that stands on the very branch says nothing.
        let own =
            repo.head_name().ok().flatten().is_some_and(|name| name.shorten() == note.branch.as_bytes().as_bstr());
        !(own && Some(other) == head && Some(other) != from)
            && repo.merge_base(other, tip).is_ok_and(|base| base.is_some_and(|base| base == tip))
    })
}

/// Why git says it is locked. What is being made is locked too; who died over that does not come back.
pub(crate) fn locked(place: &Place, note: &Note) -> Option<String> {
    let state = making(&place.git_dir);
    if state == Making::Held {
        return Some("it is being made".to_owned());
    }
    let path = place.git_dir.join(LOCK);
    path.symlink_metadata().ok()?;
    let reason = String::from_utf8_lossy(&read_pointer(&path).unwrap_or_default()).trim().to_owned();
    let old = state == Making::Torn || seconds_now().saturating_sub(note.made) > limits::MAKING_SECONDS;
    (reason != "initializing" || !old).then_some(reason)
}

/// The file by which git locks a worktree.
const LOCK: &str = "locked";

/// Locks the worktree at `place`, for git as well: neither `prune` nor `remove` without force takes it. `reason` is shown to who asks.
///
/// # Errors
/// [`Error::Locked`] if it is already, [`Error::PointerChanged`], [`Error::Io`].
pub fn lock(place: &Place, reason: &str) -> Result<(), Error> {
    place.verify()?;
    let path = place.git_dir.join(LOCK);
    let reason = reason.replace(char::is_control, " ");
    let made = std::fs::OpenOptions::new().write(true).create_new(true).open(&path);
    let mut file = match made {
        Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {
            let reason = String::from_utf8_lossy(&read_pointer(&path).unwrap_or_default()).trim().to_owned();
            return Err(Error::Locked { reason });
        }
        made => made.map_err(Error::io(&path))?,
    };
    std::io::Write::write_all(&mut file, format!("{}\n", reason.trim()).as_bytes()).map_err(Error::io(&path))
}

/// Unlocks it; `false` if it was not locked.
///
/// # Errors
/// [`Error::PointerChanged`], [`Error::Io`].
pub fn unlock(place: &Place) -> Result<bool, Error> {
    place.verify()?;
    let path = place.git_dir.join(LOCK);
    match std::fs::remove_file(&path) {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(e) => Err(Error::io(&path)(e)),
    }
}

/// Bytes a folder takes on disk; links are not followed.
fn disk(top: &Path) -> u64 {
    let (mut bytes, mut seen) = (0, 0);
    let mut folders: Vec<(PathBuf, usize)> = vec![(top.to_owned(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let Ok(meta) = entry.metadata() else { continue };
            // A block is 512 bytes in stat(2), whatever the file system's own are.
            bytes += meta.blocks() * 512;
            seen += 1;
            if seen >= limits::DISK_ENTRIES {
                return bytes;
            }
            if meta.is_dir() && depth < limits::DISK_DEPTH {
                folders.push((entry.path(), depth + 1));
            }
        }
    }
    bytes
}
