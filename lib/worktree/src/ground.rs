//! Where a work tree's files and its git data lie, as it was recorded or found before anybody worked there. It must never follow
//! what somebody could have rewritten since.

use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::linked::Place;
use crate::repository::{self, Repository};

/// A work tree, of a session's own or the user's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ground {
    /// Its root, absolute.
    pub root: PathBuf,
    /// Its git folder, absolute.
    pub git_dir: PathBuf,
    /// The git folder that all work trees of the repository share, absolute.
    pub common_dir: PathBuf,
}

impl Ground {
    /// A session's own worktree, if its links are still the ones that were made.
    ///
    /// # Errors
    /// [`Error::PointerChanged`], [`Error::Io`].
    pub fn of(place: &Place) -> Result<Self, Error> {
        place.verify()?;
        let common_dir = place.common_dir()?.to_owned();
        Ok(Self { root: place.path.clone(), git_dir: place.git_dir.clone(), common_dir })
    }

    /// The work tree of a repository that was found; `None` for a bare one.
    #[must_use]
    pub fn around(repository: &Repository) -> Option<Self> {
        let facts = repository.facts();
        let root = facts.root.clone()?;
        Some(Self { root, git_dir: facts.git_dir.clone(), common_dir: facts.common_dir.clone() })
    }

    /// Its repository, as data.
    pub(crate) fn open(&self) -> Result<gix::Repository, Error> {
        repository::open(&self.git_dir, Some(&self.root))
    }

    /// The commit HEAD stands on, 40 hexadecimal digits; none when unborn.
    ///
    /// # Errors
    /// [`Error::Git`].
    pub fn head(&self) -> Result<Option<String>, Error> {
        Ok(self.open()?.head_id().ok().map(|id| id.to_hex().to_string()))
    }
}

/// The shared git folder of the repository whose own root is `root`; what can be told when no work tree is left to ask.
///
/// # Errors
/// [`Error::NotARepository`], [`Error::Git`].
pub fn common_dir_of(root: &Path) -> Result<PathBuf, Error> {
    let found = repository::discover(root)?.ok_or_else(|| Error::NotARepository { path: root.to_owned() })?;
    Ok(found.facts().common_dir.clone())
}
