//! Which paths of a work tree differ from its HEAD. It must never change anything, and it never
//! looks into submodules or other repositories: their settings are not even read.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use gix::bstr::{BStr, BString};
use gix::index::entry::{Flags, Mode};
use gix::status::plumbing::index_as_worktree::EntryStatus;
use gix::status::plumbing::index_as_worktree::traits::{FastEq, SubmoduleStatus};
use gix::status::plumbing::index_as_worktree_with_renames::{Entry, VisitEntry};
use gix::status::tree_index::TrackRenames;

use ace_schema::limits::worktree as limits;

use crate::error::Error;

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
    /// The index differs from HEAD, whatever the work tree says.
    Staged,
    /// Only the work tree differs.
    Changed,
    /// Neither HEAD nor the index knows it.
    Untracked,
}

/// How often a tree is looked at again that changed under the look.
const LOOKS: usize = 3;

/// Looks at everything. A folder that goes away meanwhile, as they do where a build runs, makes the library give up: then once more.
pub(crate) fn scan(repo: &gix::Repository) -> Result<Scan, Error> {
    let mut looks = 1;
    loop {
        match look(repo) {
            Err(Error::Git { .. }) if looks < LOOKS => looks += 1,
            done => return done,
        }
    }
}

/// Looks once.
fn look(repo: &gix::Repository) -> Result<Scan, Error> {
    if repo.workdir().is_none() {
        return Err(Error::Bare);
    }
    let what = "compare the work tree";
    let enough = AtomicBool::new(false);
    let index = honest_index(repo)?;
    let mut seen = Seen { scan: Scan::default(), enough: &enough };
    let head = repo.head_tree_id_or_empty().map_err(Error::git(what))?.detach();
    repo.tree_index_status(&head, &index, None, TrackRenames::Disabled, |change, _, _| {
        seen.add(change.fields().0.to_owned(), Kind::Staged);
        Ok(if enough.load(Ordering::Relaxed) {
            std::ops::ControlFlow::Break(())
        } else {
            std::ops::ControlFlow::Continue(())
        })
    })
    .map_err(Error::git(what))?;
    let walk = repo.dirwalk_options().map_err(Error::git(what))?;
    let walked = repo.index_worktree_status(
        &index,
        None::<&BStr>,
        &mut seen,
        FastEq,
        Unseen,
        &mut gix::progress::Discard,
        &enough,
        gix::status::index_worktree::Options {
            dirwalk_options: Some(walk.emit_untracked(gix::dir::walk::EmissionMode::Matching)),
            ..Default::default()
        },
    );
    if enough.load(Ordering::Relaxed) {
        return Err(Error::TooMuch { what: "changed files", limit: limits::PATHS as u64 });
    }
    walked.map_err(Error::git(what))?;
    Ok(seen.scan)
}

/// Collects what the library sees, until it is enough.
struct Seen<'a> {
    scan: Scan,
    enough: &'a AtomicBool,
}

impl Seen<'_> {
    fn add(&mut self, path: BString, kind: Kind) {
        // Staged is said first, and stays.
        self.scan.paths.entry(path).or_insert(kind);
        self.count();
    }

    fn count(&self) {
        if self.scan.paths.len() + self.scan.nested.len() > limits::PATHS {
            self.enough.store(true, Ordering::Relaxed);
        }
    }
}

impl<'a> VisitEntry<'a> for Seen<'_> {
    type ContentChange = ();
    type SubmoduleStatus = ();

    fn visit_entry(&mut self, entry: Entry<'a, (), ()>) {
        match entry {
            Entry::Modification { entry, rela_path, status, .. } => {
                // A submodule that is not checked out is no change: its entry is kept as it is.
                let kept = matches!(status, EntryStatus::NeedsUpdate(_))
                    || entry.mode == Mode::COMMIT && !matches!(status, EntryStatus::Conflict { .. });
                if !kept {
                    self.add(rela_path.to_owned(), Kind::Changed);
                }
            }
            Entry::DirectoryContents { entry, .. } => {
                use gix::dir::entry::{Kind as Disk, Status};
                match entry.disk_kind {
                    _ if entry.status != Status::Untracked => {}
                    Some(Disk::File | Disk::Symlink) => self.add(entry.rela_path, Kind::Untracked),
                    Some(Disk::Repository) => {
                        self.scan.nested.push(entry.rela_path);
                        self.count();
                    }
                    Some(Disk::Directory | Disk::Untrackable) | None => {}
                }
            }
            // Renames are not looked for.
            Entry::Rewrite { .. } => {}
        }
    }
}

/// Says of every submodule that nothing changed, without looking: not even `.gitmodules` is read.
#[derive(Clone)]
struct Unseen;

impl SubmoduleStatus for Unseen {
    type Output = ();

    fn status(&mut self, _: &gix::index::Entry, _: &BStr) -> gix::Result<Option<()>> {
        Ok(None)
    }
}

/// The index without the bits that say "do not look": whoever owns a work tree could hide its changes
/// behind them. A path that sparse checkout left out stays left out, as long as nothing is there.
fn honest_index(repo: &gix::Repository) -> Result<gix::index::File, Error> {
    let shared = repo.index_or_empty().map_err(Error::git("read the index"))?;
    let mut index: gix::index::File = (**shared).clone();
    let (entries, paths) = index.entries_mut_and_pathbacking();
    for entry in entries {
        entry.flags.remove(Flags::ASSUME_VALID | Flags::FSMONITOR_VALID);
        if entry.flags.contains(Flags::SKIP_WORKTREE) {
            let there = repo.workdir_path(entry.path_in(paths)).is_some_and(|path| path.symlink_metadata().is_ok());
            if there {
                entry.flags.remove(Flags::SKIP_WORKTREE);
            }
        }
    }
    Ok(index)
}
