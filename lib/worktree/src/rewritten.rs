//! States written anew with some of their files' contents changed: what is asked for when a session leaves this machine without its
//! secrets. The states that were stay as they are; what is new lies beside them in the pool until it is cleaned.

use std::collections::HashMap;

use gix::ObjectId;
use gix::objs::tree::{Entry, EntryKind};
use gix::objs::{Commit, Tree};

use crate::error::Error;
use crate::pool::{self, Pool};

/// What became of states and commits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rewritten {
    /// Commits, trees and files that became others: old id to new id, 40 hexadecimal digits each.
    pub renamed: HashMap<String, String>,
    /// How many of them are contents of files.
    pub files: usize,
    /// A file whose name may not stay, if there is one: then nothing of the rest is to be used.
    pub refused: Option<String>,
}

/// What is asked about each content and each name.
pub trait Editor {
    /// Another content for a file, or none if it stays.
    fn content(&mut self, bytes: &[u8]) -> Option<Vec<u8>>;
    /// Whether a file may be called so.
    fn may_be_named(&mut self, name: &[u8]) -> bool;
    /// Another text for what a commit says, or none if it stays.
    fn message(&mut self, text: &[u8]) -> Option<Vec<u8>>;
}

impl Pool {
    /// Writes these states (trees or commits) anew as the editor wants them. Each content is asked about once. A commit keeps its
    /// parents, though what they hold is not looked at.
    ///
    /// # Errors
    /// [`Error::BadRevision`], [`Error::Git`].
    pub fn rewrite(&self, ids: &[String], editor: &mut impl Editor) -> Result<Rewritten, Error> {
        let _hold = self.hold()?;
        let mut writing = Writing { repo: self.bare()?, editor, done: HashMap::new(), out: Rewritten::default() };
        for id in ids {
            writing.state(id)?;
            if writing.out.refused.is_some() {
                break;
            }
        }
        let changed = writing.done.iter().filter(|(old, new)| old != new);
        let renamed = changed.map(|(old, new)| (old.to_hex().to_string(), new.to_hex().to_string())).collect();
        Ok(Rewritten { renamed, ..writing.out })
    }
}

struct Writing<'e, E> {
    repo: gix::Repository,
    editor: &'e mut E,
    done: HashMap<ObjectId, ObjectId>,
    out: Rewritten,
}

const WHAT: &str = "write a state anew";

impl<E: Editor> Writing<'_, E> {
    fn state(&mut self, id: &str) -> Result<(), Error> {
        let tree = pool::tree(&self.repo, id)?;
        let new = self.tree(tree)?;
        let bad = |_| Error::BadRevision { rev: id.to_owned() };
        let own = ObjectId::from_hex(id.as_bytes()).map_err(|_| Error::BadRevision { rev: id.to_owned() })?;
        if own == tree {
            return Ok(());
        }
        let commit = self.repo.find_commit(own).map_err(|e| bad(e.to_string()))?;
        let mut commit: Commit = commit.decode().and_then(TryInto::try_into).map_err(Error::git(WHAT))?;
        let message = self.editor.message(&commit.message);
        if new == tree && message.is_none() {
            return Ok(());
        }
        commit.tree = new;
        if let Some(message) = message {
            commit.message = message.into();
        }
        // Whoever signed it has not signed this.
        commit.extra_headers.retain(|(name, _)| !name.starts_with(b"gpgsig"));
        let new = self.repo.write_object(&commit).map_err(Error::git(WHAT))?.detach();
        self.done.insert(own, new);
        Ok(())
    }

    fn tree(&mut self, old: ObjectId) -> Result<ObjectId, Error> {
        if old == ObjectId::empty_tree(self.repo.object_hash()) {
            return Ok(old);
        }
        if let Some(new) = self.done.get(&old) {
            return Ok(*new);
        }
        let found = self.repo.find_tree(old).map_err(Error::git(WHAT))?;
        let mut tree: Tree = found.decode().map_err(Error::git(WHAT))?.into();
        drop(found);
        let mut changed = false;
        for entry in &mut tree.entries {
            let new = self.entry(entry)?;
            changed |= std::mem::replace(&mut entry.oid, new) != new;
        }
        let new = if changed { self.repo.write_object(&tree).map_err(Error::git(WHAT))?.detach() } else { old };
        self.done.insert(old, new);
        Ok(new)
    }

    fn entry(&mut self, entry: &Entry) -> Result<ObjectId, Error> {
        if self.out.refused.is_none() && !self.editor.may_be_named(&entry.filename) {
            self.out.refused = Some(entry.filename.to_string());
        }
        match entry.mode.kind() {
            EntryKind::Tree => self.tree(entry.oid),
            // What a submodule stands on is not here.
            EntryKind::Commit => Ok(entry.oid),
            EntryKind::Blob | EntryKind::BlobExecutable | EntryKind::Link => self.content(entry.oid),
        }
    }

    fn content(&mut self, old: ObjectId) -> Result<ObjectId, Error> {
        if let Some(new) = self.done.get(&old) {
            return Ok(*new);
        }
        let blob = self.repo.find_blob(old).map_err(Error::git(WHAT))?;
        let new = match self.editor.content(&blob.data) {
            Some(bytes) => {
                self.out.files += 1;
                self.repo.write_blob(bytes).map_err(Error::git(WHAT))?.detach()
            }
            None => old,
        };
        drop(blob);
        self.done.insert(old, new);
        Ok(new)
    }
}
