//! From a path as a model writes it to an open file. The kernel resolves it beneath a folder that is held open
//! (`openat2` with `RESOLVE_BENEATH`), so that links and races lead nowhere else. It knows no tool.
//!
//! Invariant: what is opened here lies in the worktree or the session's temporary folder; what a [`Target`] names lies in
//! the worktree and not in `.git`.

use std::ffi::OsString;
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

use ace_schema::data::Code;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use crate::bench::Place;
use crate::beneath::{FOLDER, LOOK, beneath, kind, real_path, stands_at};
use crate::call::Failed;
use crate::names::{names_git, shown, shown_path};

/// The folders that paths may lie in.
pub(crate) struct Fence {
    root: Base,
    tmp: Option<Base>,
}

/// A folder that is held open.
pub(crate) struct Base {
    /// As configured.
    given: PathBuf,
    /// Without links.
    pub path: PathBuf,
    folder: OwnedFd,
}

/// A place inside the fence, not looked at yet.
pub(crate) struct Spot<'a> {
    pub base: &'a Base,
    /// Below the base; `.` for the base itself. May hold `..`, which the kernel resolves.
    pub below: PathBuf,
    /// In the worktree, not in the temporary folder.
    pub in_root: bool,
}

/// A file that may be written: a name in an open folder.
pub(crate) struct Target {
    pub folder: OwnedFd,
    pub name: OsString,
    /// Below the root, links resolved.
    pub below: PathBuf,
    /// What stands there now.
    pub stat: Option<Stat>,
}

impl Base {
    fn open(given: &Path) -> Result<Self, Failed> {
        let folder = rustix::fs::open(given, FOLDER, Mode::empty()).map_err(|e| failed(e, &given.to_string_lossy()))?;
        let path = match real_path(&folder) {
            Some(path) => path,
            None => std::fs::canonicalize(given).map_err(|e| Failed::new(Code::Io, e.to_string()))?,
        };
        Ok(Self { given: given.to_owned(), path, folder })
    }

    fn below(&self, path: &Path) -> Option<PathBuf> {
        path.strip_prefix(&self.path).or_else(|_| path.strip_prefix(&self.given)).ok().map(Path::to_owned)
    }
}

impl Fence {
    /// Opens the folders of a place. A temporary folder that is missing closes only itself.
    pub fn open(place: &Place) -> Result<Self, Failed> {
        Ok(Self { root: Base::open(&place.root)?, tmp: Base::open(&place.tmp).ok() })
    }

    /// The bases, the innermost first: one may lie in the other.
    fn bases(&self) -> Vec<&Base> {
        let mut all: Vec<&Base> = self.tmp.iter().chain([&self.root]).collect();
        all.sort_by_key(|base| std::cmp::Reverse(base.path.as_os_str().len()));
        all
    }

    fn is_root(&self, base: &Base) -> bool {
        std::ptr::eq(base, &raw const self.root)
    }

    /// Judges the text of a path, without a look at the disk.
    pub fn locate(&self, text: &str) -> Result<Spot<'_>, Failed> {
        let outside = || outside(text);
        if text.is_empty() || text.contains('\0') {
            return Err(Failed::new(Code::Arguments, format!("not a path: {}", shown(text))));
        }
        let scheme = text.split_once("://").map_or("", |(scheme, _)| scheme);
        if text == "~"
            || text.starts_with("~/")
            || (scheme.len() > 1 && scheme.bytes().all(|b| b.is_ascii_alphanumeric()))
        {
            return Err(outside());
        }
        let path = Path::new(text);
        let (base, rest) = if path.is_absolute() {
            self.bases().into_iter().find_map(|base| Some((base, base.below(path)?))).ok_or_else(outside)?
        } else {
            (&self.root, path.to_owned())
        };
        let mut below = PathBuf::new();
        let mut depth = 0_i64;
        for part in rest.components() {
            match part {
                Component::CurDir => continue,
                Component::ParentDir => depth -= 1,
                Component::Normal(_) => depth += 1,
                Component::RootDir | Component::Prefix(_) => return Err(outside()),
            }
            if depth < 0 {
                return Err(outside());
            }
            below.push(part);
        }
        if below.as_os_str().is_empty() {
            below.push(".");
        }
        Ok(Spot { base, below, in_root: self.is_root(base) })
    }

    /// Opens what the text names, wherever links inside the fence lead.
    fn open_at(&self, text: &str, flags: OFlags) -> Result<(OwnedFd, &Base), Failed> {
        let spot = self.locate(text)?;
        match beneath(&spot.base.folder, &spot.below, flags, true) {
            Ok(fd) => Ok((fd, spot.base)),
            // A link with an absolute target may still lead inside: its end is opened without following any link.
            Err(Errno::XDEV | Errno::LOOP) => {
                let end = std::fs::canonicalize(spot.base.path.join(&spot.below)).map_err(|_| outside(text))?;
                let inside = self.bases().into_iter().find_map(|base| Some((base, base.below(&end)?)));
                let (base, below) = inside.ok_or_else(|| outside(text))?;
                let fd = beneath(&base.folder, &below, flags, false).map_err(|e| match e {
                    Errno::XDEV | Errno::LOOP => outside(text),
                    e => failed(e, text),
                })?;
                Ok((fd, base))
            }
            Err(e) => Err(failed(e, text)),
        }
    }

    /// A plain file, open for reading. Never waits: a pipe, socket or device is told apart and refused.
    pub fn read(&self, text: &str) -> Result<(File, Stat), Failed> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        // Looked at before it is opened: opening alone wakes who waits at a pipe, or turns a device on.
        let (look, _) = self.open_at(text, LOOK)?;
        plain(&stat(&look, text)?, text)?;
        let (fd, _) = self.open_at(text, flags)?;
        let stat = stat(&fd, text)?;
        plain(&stat, text)?;
        Ok((File::from(fd), stat))
    }

    /// A folder, open for listing.
    pub fn folder(&self, text: &str) -> Result<OwnedFd, Failed> {
        let (look, _) = self.open_at(text, LOOK)?;
        if kind(&stat(&look, text)?) != FileType::Directory {
            return Err(Failed::new(Code::Arguments, format!("not a folder: {}; read shows files", shown(text))));
        }
        Ok(self.open_at(text, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC)?.0)
    }

    /// Where something stands, links resolved: its base, the path below it, and whether it is a folder.
    pub fn find(&self, text: &str) -> Result<(&Base, PathBuf, bool), Failed> {
        let (fd, base) = self.open_at(text, LOOK)?;
        let is_folder = kind(&stat(&fd, text)?) == FileType::Directory;
        let spot = self.locate(text)?;
        let below = whereabouts(base, &fd, &spot.base.path.join(&spot.below)).ok_or_else(|| outside(text))?;
        Ok((base, below, is_folder))
    }

    /// Whether a base is the worktree.
    pub fn shows_short(&self, base: &Base) -> bool {
        self.is_root(base)
    }

    /// Opens a plain file found by walking below a base; `None` if it is none any more.
    pub fn reopen(&self, base: &Base, below: &Path) -> Option<File> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let fd = beneath(&base.folder, below, flags, false).ok()?;
        let stat = rustix::fs::fstat(&fd).ok()?;
        (kind(&stat) == FileType::RegularFile).then(|| File::from(fd))
    }

    /// Where a write to `text` goes. A link at the end is followed inside the worktree; with `make`, missing folders are made.
    pub fn target(&self, text: &str, make: bool) -> Result<Target, Failed> {
        let spot = self.locate(text)?;
        if !spot.in_root {
            return Err(Failed::new(
                Code::PathOutside,
                format!("outside of the worktree: {}; only commands write there", shown(text)),
            ));
        }
        guard(&spot.below, text)?;
        let existing = match self.open_at(text, LOOK) {
            Ok((fd, base)) if self.is_root(base) => fd,
            Ok(_) => return Err(outside(text)),
            Err(failed) if failed.code == Code::NotFound => return self.new_target(&spot, text, make),
            Err(failed) => return Err(failed),
        };
        let stat = stat(&existing, text)?;
        plain(&stat, text)?;
        let below =
            whereabouts(&self.root, &existing, &self.root.path.join(&spot.below)).ok_or_else(|| outside(text))?;
        guard(&below, text)?;
        let name = below.file_name().ok_or_else(|| outside(text))?.to_owned();
        let parent = below.parent().unwrap_or(Path::new(""));
        let folder = beneath(&self.root.folder, parent, FOLDER, false).map_err(|e| failed(e, text))?;
        Ok(Target { folder, name, below, stat: Some(stat) })
    }

    fn new_target(&self, spot: &Spot<'_>, text: &str, make: bool) -> Result<Target, Failed> {
        let name = match spot.below.components().next_back() {
            Some(Component::Normal(name)) if !text.ends_with('/') => name.to_owned(),
            _ => return Err(Failed::new(Code::Arguments, format!("not the name of a file: {}", shown(text)))),
        };
        let parent = spot.below.parent().unwrap_or(Path::new(""));
        let folder = self.open_parent(parent, text, make)?;
        // Something is there and yet cannot be reached: a link to nothing, which could be made something anywhere.
        if rustix::fs::statat(&folder, &name, AtFlags::SYMLINK_NOFOLLOW).is_ok() {
            return Err(Failed::new(Code::PathOutside, format!("a link that leads nowhere: {}", shown(text))));
        }
        let below =
            whereabouts(&self.root, &folder, &self.root.path.join(parent)).ok_or_else(|| outside(text))?.join(&name);
        guard(&below, text)?;
        Ok(Target { folder, name, below, stat: None })
    }

    fn open_parent(&self, parent: &Path, text: &str, make: bool) -> Result<OwnedFd, Failed> {
        let parent_text = if parent.as_os_str().is_empty() { ".".into() } else { parent.to_string_lossy() };
        match self.open_at(&parent_text, FOLDER) {
            Ok((fd, base)) if self.is_root(base) => return Ok(fd),
            Ok(_) => return Err(outside(text)),
            Err(failed) if failed.code != Code::NotFound || !make => return Err(failed),
            Err(_) => {}
        }
        let Some(Component::Normal(name)) = parent.components().next_back() else {
            return Err(failed(Errno::NOENT, text));
        };
        let higher = parent.parent().unwrap_or(Path::new(""));
        let above = self.open_parent(higher, text, make)?;
        guard(&whereabouts(&self.root, &above, &self.root.path.join(higher)).ok_or_else(|| outside(text))?, text)?;
        match rustix::fs::mkdirat(&above, name, Mode::from_raw_mode(0o777)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(e) => return Err(failed(e, text)),
        }
        beneath(&above, Path::new(name), FOLDER, false).map_err(|e| failed(e, text))
    }
}

/// Where something open stands below a base, links resolved. Where the system does not tell, the name it was opened by is
/// followed and must lead to the same thing.
fn whereabouts(base: &Base, fd: &OwnedFd, name: &Path) -> Option<PathBuf> {
    let path = match real_path(fd) {
        Some(path) => path,
        None => std::fs::canonicalize(name).ok().filter(|path| stands_at(fd, path))?,
    };
    base.below(&path)
}

fn stat(fd: &impl AsFd, text: &str) -> Result<Stat, Failed> {
    rustix::fs::fstat(fd).map_err(|e| failed(e, text))
}

fn plain(stat: &Stat, text: &str) -> Result<(), Failed> {
    let what = match kind(stat) {
        FileType::RegularFile => return Ok(()),
        FileType::Directory => "a folder, list shows it",
        FileType::Fifo => "a pipe",
        FileType::Socket => "a socket",
        FileType::CharacterDevice | FileType::BlockDevice => "a device",
        FileType::Symlink => "a link",
        FileType::Unknown => "of an unknown kind",
    };
    Err(Failed::new(Code::Arguments, format!("not a file: {} is {what}", shown(text))))
}

fn guard(below: &Path, text: &str) -> Result<(), Failed> {
    if names_git(below) {
        return Err(Failed::new(Code::PathOutside, format!("the tools never write to .git: {}", shown(text))));
    }
    Ok(())
}

fn outside(text: &str) -> Failed {
    Failed::new(Code::PathOutside, format!("outside of the worktree: {}", shown(text)))
}

/// An error of the system about a path, in one line.
pub(crate) fn failed(error: Errno, text: &str) -> Failed {
    let path = shown_path(Path::new(text));
    match error {
        Errno::NOENT | Errno::NOTDIR => Failed::new(Code::NotFound, format!("no such file or folder: {path}")),
        Errno::ACCESS | Errno::PERM => Failed::new(Code::Io, format!("permission denied: {path}")),
        Errno::ROFS => Failed::new(Code::Io, format!("may only be read here: {path}")),
        Errno::XDEV => outside(text),
        Errno::LOOP => Failed::new(Code::Io, format!("too many links: {path}")),
        Errno::NOSPC | Errno::DQUOT => Failed::new(Code::Io, format!("no space left for {path}")),
        Errno::NAMETOOLONG => Failed::new(Code::Arguments, format!("name too long: {path}")),
        Errno::NXIO => Failed::new(Code::Arguments, format!("not a file: {path}")),
        error => {
            let text = std::io::Error::from(error).to_string().to_lowercase();
            let text = text.split(" (os error").next().unwrap_or_default().to_owned();
            Failed::new(Code::Io, format!("{text}: {path}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_judged_by_its_text_first() {
        let home = tempfile::TempDir::new().unwrap();
        let (root, tmp) = (home.path().join("r"), home.path().join("r/tmp"));
        std::fs::create_dir_all(&tmp).unwrap();
        let fence = Fence::open(&Place { root: root.clone(), tmp: tmp.clone(), ..Place::default() }).unwrap();
        let below = |text: &str| fence.locate(text).map(|spot| (spot.below.display().to_string(), spot.in_root)).ok();
        assert_eq!(below("./a//b/."), Some(("a/b".to_owned(), true)));
        assert_eq!(below("."), Some((".".to_owned(), true)));
        assert_eq!(below("a/../b"), Some(("a/../b".to_owned(), true)));
        assert_eq!(below(tmp.join("o").to_str().unwrap()), Some(("o".to_owned(), false)));
        assert_eq!(below(root.to_str().unwrap()), Some((".".to_owned(), true)));
        assert_eq!(below("~x"), Some(("~x".to_owned(), true)));
        assert_eq!(below("a:b//c"), Some(("a:b/c".to_owned(), true)));
        for text in ["", "a\0b", "~", "~/x", "..", "a/../../r/b", "/", "file:///x", "https://x"] {
            assert_eq!(below(text), None, "{text}");
        }
    }
}
