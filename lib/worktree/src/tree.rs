//! A work tree as a git tree: HEAD's tree with every changed path as it is on disk. It must never follow
//! a link out of the work tree, and never run a filter.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use gix::bstr::{BStr, BString, ByteSlice};
use gix::index::entry::{Mode, Stat};
use gix::objs::tree::EntryKind;

use ace_schema::limits::worktree as limits;

use crate::commit;
use crate::error::Error;
use crate::scan::Scan;

/// What is on disk at a path.
pub(crate) enum Disk {
    /// A regular file of so many bytes.
    File { len: u64, meta: Metadata },
    /// A symbolic link.
    Link,
    /// A folder.
    Folder,
    /// Nothing, something git cannot hold, or something behind a link.
    Absent,
}

/// Looks at `path` below `root` without following any link.
pub(crate) fn look(root: &Path, path: &Path) -> Disk {
    let mut folder = root.to_owned();
    for part in path.parent().into_iter().flat_map(Path::components) {
        folder.push(part);
        if !folder.symlink_metadata().is_ok_and(|meta| meta.is_dir()) {
            return Disk::Absent;
        }
    }
    match root.join(path).symlink_metadata() {
        Ok(meta) if meta.is_symlink() => Disk::Link,
        Ok(meta) if meta.is_dir() => Disk::Folder,
        Ok(meta) if meta.is_file() => Disk::File { len: meta.len(), meta },
        _ => Disk::Absent,
    }
}

/// A path of git's as a path of the file system's.
pub(crate) fn native(path: &BString) -> Result<PathBuf, Error> {
    let path = gix::path::from_bstr(path.as_bstr()).map_err(Error::git("read a path"))?;
    Ok(path.into_owned())
}

/// The changed paths in the new tree; `None` for one that is gone.
pub(crate) type Entries = BTreeMap<BString, Option<Entry>>;

/// A changed path.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub kind: EntryKind,
    pub id: gix::ObjectId,
    /// What the file system said about it before it was read.
    pub stat: Option<Stat>,
    /// Whether its content is in the object store; if not, the tree does not name it.
    pub stored: bool,
}

/// How much content is stored; the rest is only hashed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keep {
    /// Bytes of one file.
    each: u64,
    /// Bytes of all files that may still come.
    rest: u64,
}

impl Keep {
    /// Everything.
    pub(crate) fn all() -> Self {
        Self { each: u64::MAX, rest: u64::MAX }
    }

    /// Files of up to `each` bytes, as long as all together have up to `total`.
    pub(crate) fn up_to(each: u64, total: u64) -> Self {
        Self { each, rest: total }
    }

    fn take(&mut self, len: u64) -> bool {
        let fits = len <= self.each && len <= self.rest;
        if fits {
            self.rest -= len;
        }
        fits
    }
}

/// The tree of everything in the work tree.
pub(crate) struct Snapshot {
    pub tree: gix::ObjectId,
    pub entries: Entries,
}

/// Writes the tree into the object store of `repo` (which may be in memory).
pub(crate) fn snapshot(repo: &gix::Repository, scan: &Scan, mut keep: Keep) -> Result<Snapshot, Error> {
    let what = "write the tree";
    let head = repo.head_tree_id_or_empty().map_err(Error::git(what))?.detach();
    let mut entries = Entries::new();
    {
        let (mut pipeline, index) = repo.filter_pipeline(None).map_err(Error::git(what))?;
        for path in scan.paths.keys() {
            let entry = entry(repo, &mut pipeline, &index, path.as_bstr(), &mut keep)?;
            entries.insert(path.clone(), entry);
        }
    }
    let mut editor = repo.edit_tree(head).map_err(Error::git(what))?;
    for path in entries.iter().filter(|(_, entry)| entry.is_none()).map(|(path, _)| path) {
        editor.remove(path.as_bstr()).map_err(Error::git(what))?;
    }
    for (path, entry) in &entries {
        if let Some(Entry { kind, id, stored: true, .. }) = entry {
            editor.upsert(path.as_bstr(), *kind, *id).map_err(Error::git(what))?;
        }
    }
    let tree = editor.write().map_err(Error::git(what))?.detach();
    drop(editor);
    Ok(Snapshot { tree, entries })
}

/// One path as it is now.
fn entry(
    repo: &gix::Repository,
    pipeline: &mut gix::filter::Pipeline<'_>,
    index: &gix::index::State,
    path: &BStr,
    keep: &mut Keep,
) -> Result<Option<Entry>, Error> {
    let root = repo.workdir().ok_or(Error::Bare)?;
    let native = gix::path::from_bstr(path).map_err(Error::git("read a path"))?;
    let staged = index.entry_by_path(path);
    let stat = commit::stat(&root.join(&native));
    match look(root, &native) {
        Disk::File { len, .. } if len > limits::FILE_BYTES => {
            Err(Error::TooMuch { what: "bytes in a file", limit: limits::FILE_BYTES })
        }
        Disk::File { len, meta } if !keep.take(len) => {
            let full = root.join(&native);
            let mut file = std::fs::File::open(&full).map_err(Error::io(&full))?;
            let id = gix::objs::compute_stream_hash(
                repo.object_hash(),
                gix::objs::Kind::Blob,
                &mut file,
                len,
                &mut gix::progress::Discard,
                &std::sync::atomic::AtomicBool::new(false),
            )
            .map_err(Error::git("hash a file"))?;
            let runs = meta.permissions().mode() & 0o100 != 0;
            let kind = if runs { EntryKind::BlobExecutable } else { EntryKind::Blob };
            Ok(Some(Entry { kind, id, stat, stored: false }))
        }
        Disk::File { .. } | Disk::Link => {
            let made = pipeline.worktree_file_to_object(path, index).map_err(Error::git("store a file"))?;
            Ok(made.map(|(id, kind, _)| Entry { kind, id, stat, stored: true }))
        }
        // A submodule's entry is kept as it was staged, checked out or not.
        Disk::Folder | Disk::Absent => Ok(staged.filter(|entry| entry.mode == Mode::COMMIT).map(|entry| Entry {
            kind: EntryKind::Commit,
            id: entry.id,
            stat: None,
            stored: true,
        })),
    }
}
