//! The mark of a worktree that is still being made, held by whoever makes it and let go by the kernel when they die. It must never
//! be put on one in which somebody has worked: what bears it and is held by nobody was never finished, and is nobody's work.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};

use crate::error::Error;

/// The name of the mark in the worktree's git folder.
const FILE: &str = "ace.making";

/// How the making of a worktree stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Making {
    /// Done.
    Finished,
    /// Somebody is at it.
    Held,
    /// Whoever was at it is gone.
    Torn,
}

/// The mark, held.
#[derive(Debug)]
pub(crate) struct Mark {
    path: PathBuf,
    /// Locked as long as it is open.
    _held: File,
}

impl Mark {
    /// Puts it: whoever sees it sees it held.
    pub(crate) fn put(git_dir: &Path) -> Result<Self, Error> {
        let (path, fresh) = (git_dir.join(FILE), git_dir.join("ace.making.new"));
        let held =
            OpenOptions::new().write(true).create(true).truncate(true).open(&fresh).map_err(Error::io(&fresh))?;
        held.lock().map_err(Error::io(&fresh))?;
        std::fs::rename(&fresh, &path).map_err(Error::io(&path))?;
        Ok(Self { path, _held: held })
    }

    /// Takes it away: the worktree is somebody's from now on.
    pub(crate) fn clear(self) {
        // A mark that cannot be removed counts only as long as the worktree belongs to nobody.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// How the making of the worktree with this git folder stands.
pub(crate) fn making(git_dir: &Path) -> Making {
    let path = git_dir.join(FILE);
    if !path.symlink_metadata().is_ok_and(|meta| meta.is_file()) {
        return Making::Finished;
    }
    match File::open(&path).map(|file| file.try_lock()) {
        Ok(Ok(())) => Making::Torn,
        // What cannot be told counts as held: nobody touches it.
        _ => Making::Held,
    }
}
