//! Opening beneath a folder that is held open, and asking the system where something open stands. It knows neither worktree
//! nor tool.

use std::os::fd::OwnedFd;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

#[cfg(target_os = "linux")]
pub(crate) const FOLDER: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
#[cfg(not(target_os = "linux"))]
pub(crate) const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
/// Only to look at.
#[cfg(target_os = "linux")]
pub(crate) const LOOK: OFlags = OFlags::PATH.union(OFlags::CLOEXEC);
#[cfg(not(target_os = "linux"))]
pub(crate) const LOOK: OFlags = OFlags::RDONLY.union(OFlags::NONBLOCK).union(OFlags::CLOEXEC);

/// Opens `below` beneath `folder`. `links`: follow those that stay inside.
#[cfg(target_os = "linux")]
pub(crate) fn beneath(folder: &OwnedFd, below: &Path, flags: OFlags, links: bool) -> Result<OwnedFd, Errno> {
    use rustix::fs::ResolveFlags;
    let below = if below.as_os_str().is_empty() { Path::new(".") } else { below };
    let mut resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    if !links {
        resolve |= ResolveFlags::NO_SYMLINKS;
    }
    // The kernel says "again" when something was renamed meanwhile; a storm of renames must not keep us for ever.
    for _ in 0..256 {
        match rustix::fs::openat2(folder, below, flags, Mode::empty(), resolve) {
            Err(Errno::AGAIN) => {}
            Err(Errno::NOSYS) => return step_by_step(folder, below, flags),
            other => return other,
        }
    }
    Err(Errno::AGAIN)
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn beneath(folder: &OwnedFd, below: &Path, flags: OFlags, _links: bool) -> Result<OwnedFd, Errno> {
    step_by_step(folder, below, flags)
}

/// The same without the kernel's help: one name at a time and no link at all, which callers answer by asking where it ends.
fn step_by_step(folder: &OwnedFd, below: &Path, flags: OFlags) -> Result<OwnedFd, Errno> {
    let mut parts = below.components().filter(|part| *part != Component::CurDir).peekable();
    let mut here = rustix::io::fcntl_dupfd_cloexec(folder, 0)?;
    if parts.peek().is_none() {
        return rustix::fs::openat(&here, ".", flags | OFlags::NOFOLLOW, Mode::empty());
    }
    while let Some(part) = parts.next() {
        let Component::Normal(name) = part else { return Err(Errno::XDEV) };
        let is_last = parts.peek().is_none();
        let stat = rustix::fs::statat(&here, name, AtFlags::SYMLINK_NOFOLLOW)?;
        if kind(&stat) == FileType::Symlink {
            return Err(Errno::LOOP);
        }
        let flags = if is_last { flags } else { FOLDER };
        here = rustix::fs::openat(&here, name, flags | OFlags::NOFOLLOW, Mode::empty())?;
        // With `O_PATH` a link put there meanwhile is opened itself.
        if kind(&rustix::fs::fstat(&here)?) == FileType::Symlink {
            return Err(Errno::LOOP);
        }
    }
    Ok(here)
}

/// The path of what is open, as this process sees it now.
#[cfg(target_os = "linux")]
pub(crate) fn real_path(fd: &OwnedFd) -> Option<PathBuf> {
    use std::os::fd::AsRawFd;
    let path = std::fs::read_link(format!("/proc/self/fd/{}", fd.as_raw_fd())).ok()?;
    // Checked, since a deleted folder has a made-up name, and a foreign /proc tells of another process.
    stands_at(fd, &path).then_some(path)
}

#[cfg(target_vendor = "apple")]
pub(crate) fn real_path(fd: &OwnedFd) -> Option<PathBuf> {
    use std::os::unix::ffi::OsStringExt;
    Some(std::ffi::OsString::from_vec(rustix::fs::getpath(fd).ok()?.into_bytes()).into())
}

#[cfg(not(any(target_os = "linux", target_vendor = "apple")))]
pub(crate) fn real_path(_fd: &OwnedFd) -> Option<PathBuf> {
    None
}

pub(crate) fn stands_at(fd: &OwnedFd, path: &Path) -> bool {
    let key = |stat: Stat| (stat.st_dev, stat.st_ino);
    matches!((rustix::fs::fstat(fd), rustix::fs::lstat(path)), (Ok(ours), Ok(there)) if key(ours) == key(there))
}

/// The type of what was looked at.
pub(crate) fn kind(stat: &Stat) -> FileType {
    FileType::from_raw_mode(stat.st_mode)
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    #[test]
    fn a03_without_the_kernels_help_no_link_is_followed() {
        let home = tempfile::TempDir::new().unwrap();
        std::fs::create_dir_all(home.path().join("a/b")).unwrap();
        std::fs::write(home.path().join("a/b/f"), "x").unwrap();
        std::os::unix::fs::symlink("/etc", home.path().join("a/link")).unwrap();
        std::os::unix::fs::symlink("b", home.path().join("a/inside")).unwrap();
        let folder = rustix::fs::open(home.path(), FOLDER, Mode::empty()).unwrap();
        let open =
            |path: &str| step_by_step(&folder, Path::new(path), OFlags::RDONLY | OFlags::CLOEXEC).map(File::from);
        assert!(open("a/b/f").is_ok() && open(".").is_ok() && open("./a").is_ok());
        assert_eq!(open("a/link/passwd").err(), Some(Errno::LOOP));
        assert_eq!(open("a/link").err(), Some(Errno::LOOP));
        assert_eq!(open("a/inside/f").err(), Some(Errno::LOOP));
        assert_eq!(open("a/../../x").err(), Some(Errno::XDEV));
        assert_eq!(open("a/none").err(), Some(Errno::NOENT));
        assert_eq!(step_by_step(&folder, Path::new("a/link"), LOOK).err(), Some(Errno::LOOP));
    }
}
