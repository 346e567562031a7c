//! Which paths of a work tree differ from its HEAD. It must never change anything, and it never
//! looks into submodules or other repositories: their settings are not even read.

use std::collections::BTreeMap;

use gix::bstr::BString;
use gix::index::entry::{Flags, Mode};
use gix::status::index_worktree::Item as WorkItem;
use gix::status::plumbing::index_as_worktree::EntryStatus;
use gix::status::tree_index::TrackRenames;
use gix::status::{Item, UntrackedFiles};
use gix::worktree::IndexPersistedOrInMemory as AnyIndex;

use crate::error::Error;
use crate::limits;

/// What a work tree has that HEAD has not.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    /// Paths relative to the root, that differ in the index, in the work tree or in both.
    pub paths: BTreeMap<BString, Kind>,
    /// Untracked folders that are repositories of their own: named, never entered.
    pub nested: Vec<BString>,
}

/// Why a path is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// HEAD or the index knows it.
    Tracked,
    /// Neither does.
    Untracked,
}

/// Looks once at everything.
pub(crate) fn scan(repo: &gix::Repository) -> Result<Scan, Error> {
    if repo.workdir().is_none() {
        return Err(Error::Bare);
    }
    let what = "compare the work tree";
    let head = repo
        .head_tree_id_or_empty()
        .map_err(Error::git(what))?
        .detach();
    let status = repo
        .status(gix::progress::Discard)
        .map_err(Error::git(what))?
        .head_tree(head)
        .index(AnyIndex::InMemory(honest_index(repo)?))
        .tree_index_track_renames(TrackRenames::Disabled)
        .index_worktree_rewrites(None)
        .index_worktree_submodules(None)
        .index_worktree_options_mut(|options| {
            options.dirwalk_options = repo.dirwalk_options().ok();
        })
        .untracked_files(UntrackedFiles::Files);
    let mut scan = Scan::default();
    for item in status.into_iter(None).map_err(Error::git(what))? {
        match item.map_err(Error::git(what))? {
            Item::TreeIndex(change) => {
                scan.paths
                    .insert(change.location().to_owned(), Kind::Tracked);
            }
            Item::IndexWorktree(item) => scan.take(item),
        }
        if scan.paths.len() + scan.nested.len() > limits::PATHS {
            return Err(Error::TooMuch {
                what: "changed files",
                limit: limits::PATHS as u64,
            });
        }
    }
    Ok(scan)
}

impl Scan {
    fn take(&mut self, item: WorkItem) {
        match item {
            WorkItem::Modification {
                entry,
                rela_path,
                status,
                ..
            } => {
                // A submodule that is not checked out is no change: its entry is kept as it is.
                let kept = matches!(status, EntryStatus::NeedsUpdate(_))
                    || entry.mode == Mode::COMMIT
                        && !matches!(status, EntryStatus::Conflict { .. });
                if !kept {
                    self.paths.insert(rela_path, Kind::Tracked);
                }
            }
            WorkItem::DirectoryContents { entry, .. } => {
                use gix::dir::entry::{Kind as Disk, Status};
                if entry.status != Status::Untracked {
                    return;
                }
                match entry.disk_kind {
                    Some(Disk::File | Disk::Symlink) => {
                        self.paths.entry(entry.rela_path).or_insert(Kind::Untracked);
                    }
                    Some(Disk::Repository) => self.nested.push(entry.rela_path),
                    Some(Disk::Directory | Disk::Untrackable) | None => {}
                }
            }
            // Renames are not looked for.
            WorkItem::Rewrite { .. } => {}
        }
    }
}

/// The index without the bits that say "do not look": whoever owns a work tree could hide its changes
/// behind them. A path that sparse checkout left out stays left out, as long as nothing is there.
fn honest_index(repo: &gix::Repository) -> Result<gix::index::File, Error> {
    let shared = repo
        .index_or_empty()
        .map_err(Error::git("read the index"))?;
    let mut index: gix::index::File = (**shared).clone();
    let (entries, paths) = index.entries_mut_and_pathbacking();
    for entry in entries {
        entry
            .flags
            .remove(Flags::ASSUME_VALID | Flags::FSMONITOR_VALID);
        if entry.flags.contains(Flags::SKIP_WORKTREE) {
            let there = repo
                .workdir_path(entry.path_in(paths))
                .is_some_and(|path| path.symlink_metadata().is_ok());
            if there {
                entry.flags.remove(Flags::SKIP_WORKTREE);
            }
        }
    }
    Ok(index)
}
