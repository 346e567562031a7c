//! All that a worktree changed since it began, committed or not. It must never write to the repository
//! and never run a filter, an external diff or a text conversion.

use std::ops::Range;
use std::path::PathBuf;

use gix::bstr::{BString, ByteSlice};
use gix::diff::tree::Recorder;
use gix::diff::tree::recorder::Change;
use gix::objs::tree::{EntryKind, EntryMode};

use ace_schema::limits::worktree as limits;

use crate::error::Error;
use crate::linked::Place;
use crate::patch::{self, Side};
use crate::scan;
use crate::tree::{self, Entry, Keep, Snapshot, native};

/// What happened to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileStatus {
    /// It is new.
    Added,
    /// Its content, mode or kind changed.
    Modified,
    /// It is gone.
    Deleted,
}

/// One changed file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileChange {
    /// Relative to the root.
    pub path: PathBuf,
    /// What happened to it.
    pub status: FileStatus,
    /// Lines that are new.
    pub added: u32,
    /// Lines that are gone.
    pub removed: u32,
    /// Whether it holds a zero byte near its beginning, so that lines are not compared.
    pub binary: bool,
    /// Whether it is too large to compare.
    pub too_large: bool,
    /// Its part of [`Diff::patch`], a range of bytes; empty when the patch was cut before it.
    pub patch: Range<usize>,
}

/// A worktree's changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Diff {
    /// The commit compared with, 40 hexadecimal digits.
    pub base: String,
    /// The files, in git's order of paths.
    pub files: Vec<FileChange>,
    /// Lines that are new, in all files.
    pub added: u64,
    /// Lines that are gone, in all files.
    pub removed: u64,
    /// The patch, which `git apply` takes unless a file is binary or too large. Not always UTF-8.
    pub patch: Vec<u8>,
    /// Whether files or text are missing because there was too much.
    pub truncated: bool,
    /// Repositories within the worktree, which are not looked into, relative to the root.
    pub nested: Vec<PathBuf>,
}

/// Compares the work tree at `place`, untracked files that are not ignored included, with the revision
/// `base`.
///
/// # Errors
/// [`Error::PointerChanged`], [`Error::BadRevision`], [`Error::TooMuch`], [`Error::Io`], [`Error::Git`].
pub fn diff(place: &Place, base: &str) -> Result<Diff, Error> {
    let what = "compare trees";
    let repo = place.open()?.with_object_memory();
    let bad = || Error::BadRevision { rev: base.to_owned() };
    let base = repo.rev_parse_single(base).map_err(|_| bad())?.object().map_err(|_| bad())?;
    let base = base.peel_to_commit().map_err(|_| bad())?;
    let scan = scan::scan(&repo)?;
    let snapshot = tree::snapshot(&repo, &scan, Keep::up_to(limits::DIFF_FILE_BYTES, limits::DIFF_TOTAL_BYTES))?;
    let old = base.tree().map_err(Error::git(what))?;
    let new = repo.find_tree(snapshot.tree).map_err(Error::git(what))?;
    let mut changes = compare(&repo, &old, &new)?;
    with_unstored(&mut changes, &snapshot, &old)?;
    let nested = scan.nested.iter().map(native).collect::<Result<_, _>>()?;
    shown(&repo, changes, Diff { base: base.id.to_hex().to_string(), nested, ..Diff::default() })
}

/// Compares two trees that are stored.
pub(crate) fn between(repo: &gix::Repository, old: gix::ObjectId, new: gix::ObjectId) -> Result<Diff, Error> {
    let what = "compare trees";
    let base = old.to_hex().to_string();
    let old = repo.find_tree(old).map_err(Error::git(what))?;
    let new = repo.find_tree(new).map_err(Error::git(what))?;
    let changes = compare(repo, &old, &new)?;
    shown(repo, changes, Diff { base, ..Diff::default() })
}

/// The changes with their numbers and the patch, as far as there is room.
fn shown(repo: &gix::Repository, mut changes: Vec<Differs>, mut out: Diff) -> Result<Diff, Error> {
    out.truncated = changes.len() > limits::DIFF_FILES;
    changes.truncate(limits::DIFF_FILES);
    for change in changes {
        let change = show(repo, change, &mut out)?;
        out.added += u64::from(change.added);
        out.removed += u64::from(change.removed);
        out.files.push(change);
    }
    Ok(out)
}

/// One path that differs between two trees.
pub(crate) struct Differs {
    pub path: BString,
    pub old: Option<(EntryMode, gix::ObjectId)>,
    pub new: Option<(EntryMode, gix::ObjectId)>,
}

/// The paths of files that differ, in order; folders and renames are not named.
pub(crate) fn compare(repo: &gix::Repository, old: &gix::Tree<'_>, new: &gix::Tree<'_>) -> Result<Vec<Differs>, Error> {
    // Not the repository's own comparison: it gets ready to look for renames and reads the index for that.
    let mut seen = Recorder::default();
    let entries = (
        gix::objs::TreeRefIter::from_bytes(&old.data, repo.object_hash()),
        gix::objs::TreeRefIter::from_bytes(&new.data, repo.object_hash()),
    );
    gix::diff::tree(entries.0, entries.1, gix::diff::tree::State::default(), &repo.objects, &mut seen)
        .map_err(Error::git("compare trees"))?;
    let mut out: Vec<Differs> = seen
        .records
        .into_iter()
        .filter_map(|change| {
            let file = |mode: EntryMode, id| (!mode.is_tree()).then_some((mode, id));
            let (path, old, new) = match change {
                Change::Addition { path, entry_mode, oid, .. } => (path, None, file(entry_mode, oid)),
                Change::Deletion { path, entry_mode, oid, .. } => (path, file(entry_mode, oid), None),
                Change::Modification { path, previous_entry_mode, previous_oid, entry_mode, oid } => {
                    (path, file(previous_entry_mode, previous_oid), file(entry_mode, oid))
                }
            };
            (old.is_some() || new.is_some()).then_some(Differs { path, old, new })
        })
        .collect();
    out.sort_by(|left, right| left.path.cmp(&right.path));
    Ok(out)
}

/// Names the files that were too large to store as what they are on disk now.
fn with_unstored(changes: &mut Vec<Differs>, snapshot: &Snapshot, old: &gix::Tree<'_>) -> Result<(), Error> {
    for (path, entry) in &snapshot.entries {
        let Some(Entry { kind, id, stored: false, .. }) = entry else {
            continue;
        };
        changes.retain(|change| change.path != *path);
        let old = old.lookup_entry_by_path(native(path)?).map_err(Error::git("read a tree"))?;
        let old = old.filter(|old| !old.mode().is_tree()).map(|old| (old.mode(), old.object_id()));
        let new = Some((EntryMode::from(*kind), *id));
        if old != new {
            changes.push(Differs { path: path.clone(), old, new });
        }
    }
    changes.sort_by(|left, right| left.path.cmp(&right.path));
    Ok(())
}

/// Appends one file's patch, as long as there is room.
fn show(repo: &gix::Repository, change: Differs, out: &mut Diff) -> Result<FileChange, Error> {
    let read = |side: Option<(EntryMode, gix::ObjectId)>| side.map(|(mode, id)| read(repo, mode, id)).transpose();
    let (old, new) = (read(change.old)?, read(change.new)?);
    let start = out.patch.len();
    let counts = patch::write(&mut out.patch, change.path.as_bytes(), old.as_ref(), new.as_ref());
    if out.patch.len() > limits::PATCH_BYTES {
        out.patch.truncate(start);
        out.truncated = true;
    }
    Ok(FileChange {
        path: native(&change.path)?,
        status: match (change.old, change.new) {
            (None, _) => FileStatus::Added,
            (_, None) => FileStatus::Deleted,
            _ => FileStatus::Modified,
        },
        added: counts.added,
        removed: counts.removed,
        binary: counts.binary,
        too_large: counts.too_large,
        patch: start..out.patch.len(),
    })
}

/// One version's content, unless it is too large or was not even stored.
fn read(repo: &gix::Repository, mode: EntryMode, id: gix::ObjectId) -> Result<Side, Error> {
    if mode.kind() == EntryKind::Commit {
        return Ok(Side { mode, id, text: Some(format!("Subproject commit {id}\n").into_bytes()) });
    }
    let what = "read a file";
    let small = repo
        .try_find_header(id)
        .map_err(Error::git(what))?
        .is_some_and(|header| header.size() <= limits::DIFF_FILE_BYTES);
    let text = if small { Some(repo.find_blob(id).map_err(Error::git(what))?.take_data()) } else { None };
    Ok(Side { mode, id, text })
}
