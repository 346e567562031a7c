//! Uncommitted work, copied into a fresh worktree. It must never write outside that worktree, whatever
//! links either tree holds, and never touch the tree it copies from.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use ace_schema::limits::worktree as limits;

use crate::error::Error;
use crate::scan;
use crate::tree::{Disk, look, native};

/// What came along.
#[derive(Debug, Default)]
pub(crate) struct Carried {
    /// Files written or deleted.
    pub paths: usize,
    /// Repositories within the tree, which stay where they are.
    pub left_behind: Vec<PathBuf>,
}

/// Makes the tree at `target`, a checkout of the same HEAD, look like the work tree of `source`.
pub(crate) fn carry(source: &gix::Repository, target: &Path) -> Result<Carried, Error> {
    let root = source.workdir().ok_or(Error::Bare)?;
    let scan = scan::scan(source)?;
    let paths: Vec<PathBuf> = scan.paths.keys().map(native).collect::<Result<_, _>>()?;
    // First everything that goes, so that a folder can take the place of a file and the other way round.
    for path in &paths {
        remove(target, path)?;
    }
    let mut bytes = 0;
    let mut folders = BTreeSet::new();
    for path in &paths {
        match look(root, path) {
            Disk::File { len, .. } => {
                bytes += len;
                if bytes > limits::CARRY_BYTES {
                    return Err(Error::TooMuch { what: "bytes to carry", limit: limits::CARRY_BYTES });
                }
                make_folders(target, path, &mut folders)?;
                std::fs::copy(root.join(path), target.join(path)).map_err(Error::io(root.join(path)))?;
            }
            Disk::Link => {
                make_folders(target, path, &mut folders)?;
                let to = std::fs::read_link(root.join(path)).map_err(Error::io(root.join(path)))?;
                std::os::unix::fs::symlink(to, target.join(path)).map_err(Error::io(target.join(path)))?;
            }
            Disk::Folder | Disk::Absent => {}
        }
    }
    let left_behind = scan.nested.iter().map(native).collect::<Result<_, _>>()?;
    Ok(Carried { paths: paths.len(), left_behind })
}

/// Removes a file or link at `path`, and the folders that are empty without it.
fn remove(target: &Path, path: &Path) -> Result<(), Error> {
    match look(target, path) {
        Disk::File { .. } | Disk::Link => {
            std::fs::remove_file(target.join(path)).map_err(Error::io(target.join(path)))?
        }
        Disk::Folder | Disk::Absent => return Ok(()),
    }
    for folder in path.ancestors().skip(1).filter(|folder| !folder.as_os_str().is_empty()) {
        if std::fs::remove_dir(target.join(folder)).is_err() {
            break;
        }
    }
    Ok(())
}

/// Makes the folders above `path` in `target`; a link in their place was removed before or is refused.
fn make_folders(target: &Path, path: &Path, known: &mut BTreeSet<PathBuf>) -> Result<(), Error> {
    let mut above: Vec<&Path> = path.ancestors().skip(1).filter(|folder| !folder.as_os_str().is_empty()).collect();
    above.reverse();
    for folder in above {
        if known.contains(folder) {
            continue;
        }
        let full = target.join(folder);
        match full.symlink_metadata() {
            Ok(meta) if meta.is_dir() => {}
            Ok(_) => return Err(Error::Occupied { path: full }),
            Err(_) => std::fs::create_dir(&full).map_err(Error::io(&full))?,
        }
        known.insert(folder.to_owned());
    }
    Ok(())
}
