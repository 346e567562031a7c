//! A look at a work tree that costs a stat for each file that has not changed: which tree it is now. It knows the tree of the
//! look before and the times its files had. It must never write in the work tree or its repository, and never follow a link.

use std::collections::BTreeMap;

use gix::bstr::{BStr, BString, ByteSlice};
use gix::index::entry::Flags;
use gix::objs::tree::EntryKind;

use crate::diff::{self, Diff};
use crate::error::Error;
use crate::ground::Ground;
use crate::pass::{self, Known, LeftOut, Stamp};
use crate::pool::{self, Pool};

/// What is known of a folder's content: files that belong to the state, folders that hold some, and what was left out.
#[derive(Debug, Default)]
pub(crate) struct Folder {
    pub files: BTreeMap<BString, Known>,
    pub folders: BTreeMap<BString, Folder>,
    pub left_out: BTreeMap<BString, Stamp>,
    /// The pass that saw it last.
    pub seen: u32,
}

impl Folder {
    pub(crate) fn is_empty(&self) -> bool {
        self.files.is_empty() && self.folders.is_empty() && self.left_out.is_empty()
    }

    /// The folder of a path, made on the way, and the path's last part.
    pub(crate) fn of<'p>(&mut self, path: &'p BStr) -> (&mut Self, &'p BStr) {
        match path.rfind_byte(b'/') {
            None => (self, path),
            Some(at) => {
                let mut folder = self;
                for part in path[..at].split_str("/") {
                    folder = folder.folders.entry(part.into()).or_default();
                }
                (folder, path[at + 1..].as_bstr())
            }
        }
    }
}

/// One work tree, watched.
pub struct Lens {
    pub(crate) ground: Ground,
    pub(crate) repo: gix::Repository,
    pub(crate) top: Folder,
    pub(crate) tree: gix::ObjectId,
    pub(crate) passes: u32,
    /// Nothing is taken out of the pool meanwhile.
    _held: std::fs::File,
}

impl std::fmt::Debug for Lens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lens").field("root", &self.ground.root).field("tree", &self.tree).finish_non_exhaustive()
    }
}

/// What a look has found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Look {
    /// The tree before, 40 hexadecimal digits.
    pub before: String,
    /// The tree now.
    pub tree: String,
    /// Files that are new or changed since the last look and are not in the tree.
    pub left_out: Vec<LeftOut>,
}

impl Look {
    /// Whether the tree is another than before.
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.before != self.tree
    }
}

impl Lens {
    /// A lens on the work tree, whose last known state is `last` (HEAD's, if none is known). Nothing is looked at yet.
    ///
    /// # Errors
    /// [`Error::BadRevision`] when that state is not in the pool, [`Error::Io`], [`Error::Git`].
    pub fn open(pool: &Pool, ground: &Ground, last: Option<&str>) -> Result<Self, Error> {
        let held = pool.hold()?;
        let own = ground.open()?;
        let repo = pool.around(&ground.root, &own)?;
        let tree = match last {
            Some(last) => pool::tree(&repo, last)?,
            None => own.head_tree_id_or_empty().map_err(Error::git("read HEAD"))?.detach(),
        };
        let mut lens = Self { ground: ground.clone(), repo, top: Folder::default(), tree, passes: 0, _held: held };
        lens.learn(&own)?;
        Ok(lens)
    }

    /// Takes in what the tree holds, and from the work tree's own index the times of those files that are the same there: so a
    /// first look reads nothing that git has read.
    fn learn(&mut self, own: &gix::Repository) -> Result<(), Error> {
        let what = "read the tree";
        let tree = self.repo.find_tree(self.tree).map_err(Error::git(what))?;
        let files = tree.traverse().breadthfirst.files().map_err(Error::git(what))?;
        let index = own.index_or_empty().map_err(Error::git("read the index"))?;
        let written = index.timestamp();
        for file in files {
            let kind = file.mode.kind();
            if kind == EntryKind::Tree {
                continue;
            }
            let entry = index.entry_by_path(file.filepath.as_bstr());
            let same = entry.filter(|entry| entry.id == file.oid && entry.mode.to_tree_entry_mode() == Some(file.mode));
            let stamp = same.map(|entry| Stamp::of_index(&entry.stat)).filter(|stamp| {
                // A file as young as the index itself may have changed in the moment after.
                !stamp.is_young((u32::try_from(written.unix_seconds()).unwrap_or(0), written.nanoseconds()))
            });
            let sparse = entry.is_some_and(|entry| entry.flags.contains(Flags::SKIP_WORKTREE));
            let (folder, name) = self.top.of(file.filepath.as_bstr());
            folder.files.insert(name.to_owned(), Known { kind, id: file.oid, stamp, sparse, seen: 0 });
        }
        Ok(())
    }

    /// Looks: stores what is new or changed, and tells the tree.
    ///
    /// # Errors
    /// [`Error::TooMuch`], [`Error::Io`], [`Error::Git`]; the tree known stays the one before.
    pub fn look(&mut self) -> Result<Look, Error> {
        let before = self.tree;
        self.passes = self.passes.wrapping_add(1);
        let found = pass::pass(&self.repo, &self.ground.root, &mut self.top, self.passes)?;
        if !found.edits.is_empty() {
            match self.write(&found.edits) {
                Ok(tree) => self.tree = tree,
                Err(error) => {
                    // What is known by now and what the tree says are two things: begin again.
                    self.forget()?;
                    return Err(error);
                }
            }
        }
        Ok(Look { before: before.to_hex().to_string(), tree: self.tree.to_hex().to_string(), left_out: found.left_out })
    }

    fn forget(&mut self) -> Result<(), Error> {
        self.top = Folder::default();
        let own = self.ground.open()?;
        self.learn(&own)
    }

    fn write(&self, edits: &pass::Edits) -> Result<gix::ObjectId, Error> {
        let what = "write the tree";
        let mut editor = self.repo.edit_tree(self.tree).map_err(Error::git(what))?;
        for (path, _) in edits.iter().filter(|(_, edit)| edit.is_none()) {
            editor.remove(path.as_bstr()).map_err(Error::git(what))?;
        }
        for (path, edit) in edits {
            if let Some((kind, id)) = edit {
                editor.upsert(path.as_bstr(), *kind, *id).map_err(Error::git(what))?;
            }
        }
        Ok(editor.write().map_err(Error::git(what))?.detach())
    }

    /// The tree of the last look.
    #[must_use]
    pub fn tree(&self) -> String {
        self.tree.to_hex().to_string()
    }

    /// What differs between two trees of this pool.
    ///
    /// # Errors
    /// [`Error::BadRevision`], [`Error::Git`].
    pub fn diff(&self, old: &str, new: &str) -> Result<Diff, Error> {
        diff::between(&self.repo, pool::tree(&self.repo, old)?, pool::tree(&self.repo, new)?)
    }
}
