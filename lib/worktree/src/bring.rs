//! Ignored files that a worktree cannot do without, brought from the user's own tree: shared with it by the file system where that
//! can, copied, or linked. It must never bring what would then be committed, follow a link out of the tree, or replace a file.

use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};

use ace_schema::limits::worktree as limits;
use gix::index::entry::Mode;
use gix::worktree::stack::state::ignore::Source;

use crate::error::Error;
use crate::linked::Place;
use crate::tree::{Disk, look};

/// How a file comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Way {
    /// As a copy that shares its blocks until one side writes, where the file system has that; else as a copy.
    #[default]
    Reflink,
    /// As a copy.
    Copy,
    /// As a symbolic link to the user's own: what is written there is written for all.
    Link,
}

/// What shall come: a path relative to the root, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Relative to the root; a file or a folder.
    pub path: PathBuf,
    /// How.
    pub way: Way,
}

impl Item {
    /// Reads `path`, `copy:path`, `link:path` or `reflink:path`; `None` for a path that is absolute, leads upwards or into git's own.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (way, path) = match text.split_once(':') {
            Some(("copy", path)) => (Way::Copy, path),
            Some(("link", path)) => (Way::Link, path),
            Some(("reflink", path)) => (Way::Reflink, path),
            _ => (Way::default(), text),
        };
        let path = PathBuf::from(path.trim_end_matches('/'));
        let is_plain = |part: Component<'_>| match part {
            Component::Normal(part) => !part.eq_ignore_ascii_case(".git"),
            _ => false,
        };
        (path.components().next().is_some() && path.components().all(is_plain)).then_some(Self { path, way })
    }
}

/// What came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Brought {
    /// Files and links that were made.
    pub files: usize,
    /// Of these, files that share their blocks with the user's.
    pub shared: usize,
    /// Paths that are not there, or are there in the worktree already; they are left out.
    pub absent: Vec<PathBuf>,
}

/// Brings `items` from the tree at `root` into the fresh worktree at `place`.
///
/// # Errors
/// [`Error::Beyond`] when one is not ignored there, [`Error::TooMuch`], [`Error::PointerChanged`], [`Error::Io`], [`Error::Git`].
pub fn bring(root: &Path, place: &Place, items: &[Item]) -> Result<Brought, Error> {
    let what = "read what is ignored";
    let repo = place.open()?;
    let index = repo.index_or_empty().map_err(Error::git(what))?;
    let mut ignores =
        repo.excludes(&index, None, Source::WorktreeThenIdMappingIfNotSkipped).map_err(Error::git(what))?;
    let mut hand = Hand { brought: Brought::default(), room: limits::CARRY_BYTES, entries: 0 };
    for item in items {
        let disk = look(root, &item.path);
        let there = place.path.join(&item.path).symlink_metadata().is_ok();
        if there || matches!(disk, Disk::Absent) {
            hand.brought.absent.push(item.path.clone());
            continue;
        }
        let mode = if matches!(disk, Disk::Folder) { Mode::DIR } else { Mode::FILE };
        let name = gix::path::into_bstr(item.path.as_path()).map_err(Error::git(what))?;
        if !ignores.at_entry(name.as_ref(), Some(mode)).map_err(Error::git(what))?.is_excluded() {
            let what = format!("'{}' is not ignored, so it would be committed", item.path.display());
            return Err(Error::Beyond { what });
        }
        // A folder of the worktree's own may stand above it, never a link.
        let above = item.path.parent().unwrap_or(Path::new(""));
        for part in above.ancestors().collect::<Vec<_>>().into_iter().rev().filter(|p| !p.as_os_str().is_empty()) {
            let folder = place.path.join(part);
            match folder.symlink_metadata() {
                Ok(meta) if meta.is_dir() => {}
                Ok(_) => return Err(Error::Occupied { path: folder }),
                Err(_) => std::fs::create_dir(&folder).map_err(Error::io(&folder))?,
            }
        }
        let (from, to) = (root.join(&item.path), place.path.join(&item.path));
        match item.way {
            Way::Link => {
                std::os::unix::fs::symlink(&from, &to).map_err(Error::io(&to))?;
                hand.brought.files += 1;
            }
            way => hand.take(&from, &to, way, 0)?,
        }
    }
    Ok(hand.brought)
}

struct Hand {
    brought: Brought,
    room: u64,
    entries: usize,
}

impl Hand {
    /// Copies a file, a link as it is, or a folder with all in it; what is neither is left out.
    fn take(&mut self, from: &Path, to: &Path, way: Way, depth: usize) -> Result<(), Error> {
        self.entries += 1;
        if self.entries > limits::DISK_ENTRIES || depth > limits::DISK_DEPTH {
            return Err(Error::TooMuch { what: "files to bring", limit: limits::DISK_ENTRIES as u64 });
        }
        let meta = from.symlink_metadata().map_err(Error::io(from))?;
        if meta.is_symlink() {
            let target = std::fs::read_link(from).map_err(Error::io(from))?;
            std::os::unix::fs::symlink(target, to).map_err(Error::io(to))?;
            self.brought.files += 1;
        } else if meta.is_dir() {
            std::fs::create_dir(to).map_err(Error::io(to))?;
            for entry in std::fs::read_dir(from).map_err(Error::io(from))? {
                let entry = entry.map_err(Error::io(from))?;
                self.take(&entry.path(), &to.join(entry.file_name()), way, depth + 1)?;
            }
            let mode = std::fs::Permissions::from_mode(meta.permissions().mode() | 0o700);
            std::fs::set_permissions(to, mode).map_err(Error::io(to))?;
        } else if meta.is_file() {
            self.room = self
                .room
                .checked_sub(meta.len())
                .ok_or(Error::TooMuch { what: "bytes to bring", limit: limits::CARRY_BYTES })?;
            if way == Way::Reflink && share(from, to, &meta) {
                self.brought.shared += 1;
            } else {
                std::fs::copy(from, to).map_err(Error::io(from))?;
            }
            self.brought.files += 1;
        }
        Ok(())
    }
}

/// Makes a copy that shares its blocks; `false`, with nothing left, where the file system cannot.
#[cfg(target_os = "linux")]
fn share(from: &Path, to: &Path, meta: &std::fs::Metadata) -> bool {
    let Ok(source) = std::fs::File::open(from) else { return false };
    let Ok(target) = std::fs::OpenOptions::new().write(true).create_new(true).open(to) else { return false };
    let done =
        rustix::fs::ioctl_ficlone(&target, &source).is_ok() && target.set_permissions(meta.permissions()).is_ok();
    if !done {
        // What cannot be removed is written over by the copy.
        let _ = std::fs::remove_file(to);
    }
    done
}

/// Other systems copy as they see fit.
#[cfg(not(target_os = "linux"))]
fn share(_: &Path, _: &Path, _: &std::fs::Metadata) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::{Item, Way};

    #[test]
    fn p33_a_path_to_bring_stays_within_the_tree() {
        let way = |text: &str| Item::parse(text).map(|item| (item.way, item.path.display().to_string()));
        assert_eq!(way(".env"), Some((Way::Reflink, ".env".into())));
        assert_eq!(way("link:web/node_modules/"), Some((Way::Link, "web/node_modules".into())));
        assert_eq!(way("copy:a:b"), Some((Way::Copy, "a:b".into())));
        for bad in ["", "/etc/passwd", "../x", "a/../../x", ".git/config", "a/.GIT", "copy:", "."] {
            assert_eq!(way(bad), None, "{bad}");
        }
    }
}
