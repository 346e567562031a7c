//! A recorded state as a person looks through it: its files, and one of them. It must never touch a work tree.

use gix::bstr::ByteSlice;
use gix::objs::tree::EntryKind;
use std::path::{Component, Path};

use crate::error::Error;
use crate::pool::Pool;

/// One file of a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filed {
    /// Path from the root; bytes that are no UTF-8 are replaced.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// `file`, `exec` or `link`.
    pub kind: &'static str,
}

impl Pool {
    /// The files of a tree, by path, at most so many.
    ///
    /// # Errors
    /// [`Error::BadRevision`] when it is not there, [`Error::Git`].
    pub fn files(&self, tree: &str, most: usize) -> Result<Vec<Filed>, Error> {
        let what = "read a tree";
        let repo = self.bare()?;
        let id = crate::pool::tree(&repo, tree)?;
        let tree = repo.find_object(id).map_err(Error::git(what))?.peel_to_tree().map_err(Error::git(what))?;
        let mut entries = tree.traverse().breadthfirst.files().map_err(Error::git(what))?;
        entries.retain(|entry| kind(entry.mode.kind()).is_some());
        entries.sort_by(|a, b| a.filepath.cmp(&b.filepath));
        let mut all = Vec::with_capacity(entries.len().min(most));
        for entry in entries.iter().take(most) {
            let Some(kind) = kind(entry.mode.kind()) else { continue };
            let bytes = repo.find_header(entry.oid).map_err(Error::git(what))?.size();
            all.push(Filed { path: entry.filepath.to_str_lossy().into_owned(), bytes, kind });
        }
        Ok(all)
    }

    /// The bytes of a file of a tree; `Err` inside with its size if it has more than `most`, `None` if it is not there.
    ///
    /// # Errors
    /// [`Error::BadRevision`] when the tree is not there, [`Error::Git`].
    #[allow(clippy::type_complexity, reason = "a size in place of bytes is said nowhere else")]
    pub fn file(&self, tree: &str, path: &str, most: u64) -> Result<Option<Result<Vec<u8>, u64>>, Error> {
        let what = "read a file of a tree";
        let path = Path::new(path);
        let plain = path.components().all(|part| matches!(part, Component::Normal(_)));
        if !plain || path.as_os_str().is_empty() {
            return Ok(None);
        }
        let repo = self.bare()?;
        let id = crate::pool::tree(&repo, tree)?;
        let tree = repo.find_object(id).map_err(Error::git(what))?.peel_to_tree().map_err(Error::git(what))?;
        let found = tree.lookup_entry_by_path(path).map_err(Error::git(what))?;
        let Some(entry) = found.filter(|entry| kind(entry.mode().kind()).is_some()) else { return Ok(None) };
        let bytes = repo.find_header(entry.object_id()).map_err(Error::git(what))?.size();
        if bytes > most {
            return Ok(Some(Err(bytes)));
        }
        let object = repo.find_object(entry.object_id()).map_err(Error::git(what))?;
        Ok(Some(Ok(object.data.clone())))
    }
}

fn kind(kind: EntryKind) -> Option<&'static str> {
    match kind {
        EntryKind::Blob => Some("file"),
        EntryKind::BlobExecutable => Some("exec"),
        EntryKind::Link => Some("link"),
        EntryKind::Tree | EntryKind::Commit => None,
    }
}
