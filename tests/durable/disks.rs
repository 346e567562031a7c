//! Small file systems of our own in a file, whose power can be cut.
#![allow(unsafe_code, reason = "one ioctl has no wrapper")]

use super::Lack;
use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Which file system.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    pub name: &'static str,
    maker: &'static str,
    quiet: &'static [&'static str],
    mib: u64,
}

/// The usual one.
pub const EXT4: Kind = Kind { name: "ext4", maker: "mkfs.ext4", quiet: &["-q", "-F"], mib: 64 };
/// Its smallest size is 300 MiB.
pub const XFS: Kind = Kind { name: "xfs", maker: "mkfs.xfs", quiet: &["-q", "-f"], mib: 320 };
/// One that can copy a file in no time and at one point in time.
pub const BTRFS: Kind = Kind { name: "btrfs", maker: "mkfs.btrfs", quiet: &["-q", "-f"], mib: 512 };

/// `EXT4_IOC_SHUTDOWN` and `XFS_IOC_GOINGDOWN`, `_IOR('X', 125, __u32)`: fs/ext4/ext4.h, fs/xfs/libxfs/xfs_fs.h.
const SHUTDOWN: u32 = 0x8004_587d;
/// Nothing more reaches the device, not even the journal's own memory.
const WITHOUT_FLUSHING: u32 = 2;

/// A mounted image, gone at the end.
pub struct Disk {
    image: PathBuf,
    at: PathBuf,
    mounted: bool,
    /// The image is not ours to remove, only the mount is.
    _folder: tempfile::TempDir,
}

impl Disk {
    /// Makes and mounts one; the image lies in memory where that has room, since it is the disk that is cut off, not this machine.
    pub fn new(kind: Kind) -> Result<Self, Lack> {
        if !rustix::process::geteuid().is_root() {
            return Err(Lack::Curable(format!("mounting {} needs root", kind.name)));
        }
        let folder = match Path::new("/dev/shm").is_dir() && room("/dev/shm") > 1 << 30 {
            true => tempfile::tempdir_in("/dev/shm"),
            false => tempfile::tempdir(),
        }
        .unwrap();
        let image = folder.path().join("disk.img");
        make(kind, &image)?;
        Self::mount(image, folder, kind)
    }

    /// Mounts an image that is there, which is left where it is.
    pub fn of(image: PathBuf, kind: Kind) -> Result<Self, Lack> {
        Self::mount(image, tempfile::tempdir().unwrap(), kind)
    }

    fn mount(image: PathBuf, folder: tempfile::TempDir, kind: Kind) -> Result<Self, Lack> {
        stand_apart().map_err(Lack::Curable)?;
        let at = folder.path().join("at");
        std::fs::create_dir(&at).unwrap();
        let mut disk = Self { image, at, mounted: false, _folder: folder };
        disk.attach().map_err(|why| match why.contains("unknown filesystem type") {
            true => Lack::Kernel(why),
            false => Lack::Curable(format!("{}: {why}", kind.name)),
        })?;
        Ok(disk)
    }

    /// Where it is mounted.
    pub fn at(&self) -> &Path {
        &self.at
    }

    /// The file it lies in.
    pub fn image(&self) -> &Path {
        &self.image
    }

    fn attach(&mut self) -> Result<(), String> {
        run(Command::new("mount").args(["-o", "loop"]).args([&self.image, &self.at]))?;
        self.mounted = true;
        Ok(())
    }

    /// Cuts the power: from now on nothing reaches the disk.
    pub fn cut(&self) {
        let root = File::open(&self.at).unwrap();
        // SAFETY: the call reads one number of 32 bits through the pointer, which outlives it.
        let how = WITHOUT_FLUSHING;
        let done = unsafe { libc::ioctl(root.as_raw_fd(), SHUTDOWN.into(), &raw const how) };
        assert_eq!(done, 0, "cannot cut the power: {}", std::io::Error::last_os_error());
    }

    /// Takes it away and mounts it again, as a machine that starts does.
    pub fn restart(&mut self) {
        self.detach();
        self.attach().unwrap();
    }

    fn detach(&mut self) {
        if self.mounted {
            // Whoever was killed may hold it for a moment longer.
            crate::suite::eventually("unmounting", || run(Command::new("umount").arg(&self.at)).is_ok());
            self.mounted = false;
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if self.mounted && run(Command::new("umount").arg(&self.at)).is_err() {
            let _ = Command::new("umount").arg("-l").arg(&self.at).status();
        }
    }
}

/// Gives this thread, and what it starts, mounts of its own. Sandboxes of tests beside this one take copies of all mounts they see:
/// a disk would stay in use after it was unmounted, and what is mounted next would be the one whose power was cut.
fn stand_apart() -> Result<(), String> {
    thread_local!(static APART: std::cell::Cell<bool> = const { std::cell::Cell::new(false) });
    if APART.get() {
        return Ok(());
    }
    // SAFETY: the call takes a number; a thread may have mounts, and with them a working folder, of its own.
    if unsafe { libc::unshare(libc::CLONE_NEWNS) } != 0 {
        return Err(format!("no mounts of our own: {}", std::io::Error::last_os_error()));
    }
    run(Command::new("mount").args(["--make-rprivate", "/"]))?;
    APART.set(true);
    Ok(())
}

/// Makes an image with an empty file system in it.
pub fn make(kind: Kind, image: &Path) -> Result<(), Lack> {
    File::create(image).unwrap().set_len(kind.mib << 20).unwrap();
    run(Command::new(kind.maker).args(kind.quiet).arg(image)).map_err(Lack::Curable)
}

/// Free bytes.
fn room(path: &str) -> u64 {
    rustix::fs::statvfs(path).map_or(0, |s| s.f_bavail * s.f_frsize)
}

/// Runs a program to its end; what it said if it failed.
pub fn run(command: &mut Command) -> Result<(), String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let path = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/sbin";
    match command.env("PATH", path).stdin(Stdio::null()).output() {
        Ok(out) if out.status.success() => Ok(()),
        Ok(out) => Err(String::from_utf8_lossy(&out.stderr).trim().to_owned()),
        Err(e) => Err(format!("{name}: {e}")),
    }
}
