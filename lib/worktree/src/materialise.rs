//! A recorded state as files in a folder of its own, on all cores. It must never write into a folder that holds something, and
//! what it leaves when it is killed does not bear the folder's name.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use crate::create::is_free;
use crate::error::Error;
use crate::pool::{self, Pool};

impl Pool {
    /// Writes the files of a state or commit into `folder`, which is made; how many there were. Submodules are empty folders.
    ///
    /// # Errors
    /// [`Error::Occupied`], [`Error::BadRevision`], [`Error::Io`], [`Error::Git`].
    pub fn materialise(&self, state: &str, folder: &Path) -> Result<usize, Error> {
        let what = "write the files";
        let repo = self.bare()?;
        let tree = pool::tree(&repo, state)?;
        let occupied = || Error::Occupied { path: folder.to_owned() };
        let (Some(above), Some(name)) = (folder.parent(), folder.file_name()) else { return Err(occupied()) };
        if !is_free(folder) {
            return Err(occupied());
        }
        let above = if above.as_os_str().is_empty() { Path::new(".") } else { above };
        std::fs::create_dir_all(above).map_err(Error::io(above))?;
        let aside = above.join(format!(".{}.part-{}", name.to_string_lossy(), std::process::id()));
        std::fs::create_dir(&aside).map_err(Error::io(&aside))?;
        let done = write(&repo, tree, &aside).and_then(|files| {
            // An empty folder that stood there gives way.
            let _ = std::fs::remove_dir(folder);
            std::fs::rename(&aside, folder).map(|()| files).map_err(Error::io(folder))
        });
        if done.is_err() {
            let _ = std::fs::remove_dir_all(&aside);
        }
        done.map_err(|e| match e {
            Error::Git { source, .. } => Error::Git { what, source },
            e => e,
        })
    }
}

fn write(repo: &gix::Repository, tree: gix::ObjectId, folder: &Path) -> Result<usize, Error> {
    let what = "write a file";
    let mut index = repo.index_from_tree(&tree).map_err(Error::git(what))?;
    let source = gix::worktree::stack::state::attributes::Source::IdMapping;
    let mut options = repo.checkout_options(source).map_err(Error::git(what))?;
    options.destination_is_initially_empty = true;
    let objects = repo.objects.clone().into_arc().map_err(Error::git(what))?;
    let (files, bytes) = (gix::progress::Discard, gix::progress::Discard);
    let (stop, all) = (AtomicBool::new(false), index.entries().len());
    let outcome = gix::worktree::state::checkout(&mut index, folder, objects, &files, &bytes, &stop, options);
    let outcome = outcome.map_err(Error::git(what))?;
    if let Some(lost) = outcome.errors.into_iter().next() {
        return Err(Error::git(what)(format!("{}: {}", lost.path, lost.error)));
    }
    if let Some(collision) = outcome.collisions.into_iter().next() {
        return Err(Error::git(what)(format!("{} is there twice", collision.path)));
    }
    Ok(all)
}
