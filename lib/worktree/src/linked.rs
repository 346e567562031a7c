//! The two links between a worktree and its repository, and whether they are still the ones we made.
//! It must never follow a link that an agent could have rewritten.

use std::io::Read;
use std::path::{Component, Path, PathBuf};

use ace_schema::limits::worktree as limits;

use crate::error::Error;
use crate::repository;

/// Where a worktree is, as it was recorded when it was made. The `.git` file inside the worktree is
/// never asked: who writes there could make it point anywhere.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// Its own git folder, `<common>/worktrees/<id>`, absolute.
    pub git_dir: PathBuf,
    /// Its root, absolute.
    pub path: PathBuf,
}

impl Place {
    /// The git folder all work trees share.
    pub(crate) fn common_dir(&self) -> Result<&Path, Error> {
        let changed = || Error::PointerChanged { path: self.git_dir.clone() };
        let folder = self.git_dir.parent().ok_or_else(changed)?;
        if folder.file_name() != Some("worktrees".as_ref()) {
            return Err(changed());
        }
        folder.parent().ok_or_else(changed)
    }

    /// Refuses unless both links say what they said when the worktree was made.
    pub(crate) fn verify(&self) -> Result<(), Error> {
        let common = self.common_dir()?;
        real_folder(&self.git_dir)?;
        real_folder(&self.path)?;
        let dot_git = self.path.join(".git");
        same(&self.git_dir.join("gitdir"), &self.git_dir, "", &dot_git)?;
        same(&self.git_dir.join("commondir"), &self.git_dir, "", common)?;
        same(&dot_git, &self.path, "gitdir: ", &self.git_dir)
    }

    /// Opens the worktree through its recorded git folder, after [`Place::verify`].
    pub(crate) fn open(&self) -> Result<gix::Repository, Error> {
        self.verify()?;
        repository::open(&self.git_dir, Some(&self.path))
    }
}

/// Refuses when `path` is anything but a folder, a link to one included.
fn real_folder(path: &Path) -> Result<(), Error> {
    let meta = path.symlink_metadata().map_err(Error::io(path))?;
    if meta.is_dir() { Ok(()) } else { Err(Error::PointerChanged { path: path.to_owned() }) }
}

/// Refuses unless the plain file `pointer` names `expected` (relative to `from`, after `prefix`).
fn same(pointer: &Path, from: &Path, prefix: &str, expected: &Path) -> Result<(), Error> {
    let changed = || Error::PointerChanged { path: pointer.to_owned() };
    let said = read_pointer(pointer).ok_or_else(changed)?;
    let said = said.strip_prefix(prefix.as_bytes()).ok_or_else(changed)?;
    let said = from.join(gix::path::from_byte_slice(said).map_err(|_| changed())?);
    if lexical(&said) == lexical(expected) || real(&said).is_some_and(|said| Some(said) == real(expected)) {
        Ok(())
    } else {
        Err(changed())
    }
}

/// The path with links resolved in its folder but not in its last part, which may be a `.git` file.
fn real(path: &Path) -> Option<PathBuf> {
    let path = lexical(path);
    Some(path.parent()?.canonicalize().ok()?.join(path.file_name()?))
}

/// The path without `.` and `..`.
fn lexical(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                out.pop();
            }
            other => out.push(other),
        }
    }
    out
}

/// The content of a small plain file without its line end; `None` for anything else.
pub(crate) fn read_pointer(path: &Path) -> Option<Vec<u8>> {
    if !path.symlink_metadata().ok()?.is_file() {
        return None;
    }
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).ok()?;
    file.take(limits::POINTER_BYTES).read_to_end(&mut bytes).ok()?;
    while matches!(bytes.last(), Some(b'\n' | b'\r')) {
        bytes.pop();
    }
    Some(bytes)
}
