//! The mount layer: a new root in which the granted paths stand where they stand outside, everything else does not exist,
//! and only what is writable can be written. Sources are opened before anything is covered, and mounted by descriptor. What
//! is written to a layered path goes to a layer in memory above it.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, ResolveFlags};
use rustix::mount::{MountFlags, MountPropagationFlags, MoveMountFlags, OpenTreeFlags, UnmountFlags};
use rustix::thread::UnshareFlags;

use super::raw::{self, attribute};
use crate::plan::Plan;
use crate::{Access, Applied, Ceiling, Layer, Profile, Refused, Resource, places};

/// Sizes of the memory file systems, in bytes, as `mount` takes them: the skeleton of the root, a private home, shared memory.
const ROOT_OPTIONS: &CStr = c"mode=0755,size=1048576";
const HIDDEN_OPTIONS: &CStr = c"mode=0755,size=4096";
const PRIVATE_OPTIONS: &CStr = c"mode=0755,size=1073741824";
const LAYERS_OPTIONS: &CStr = c"mode=0700,size=4294967296";
const SHARED_OPTIONS: &CStr = c"mode=1777,size=268435456";

/// A mount that waits for its place.
struct Piece {
    at: PathBuf,
    tree: Option<OwnedFd>,
    access: Access,
}

/// Builds the view and steps into it. A kernel or container that allows no mounts shows at the first step, before anything
/// has changed, and is a lack; later failures are refusals.
pub(super) fn step_into(profile: &Profile, plan: &Plan, applied: &mut Applied) -> Result<(), Refused> {
    let pieces = match raw::unshare(UnshareFlags::NEWNS).and_then(|()| gather(profile, plan, &mut applied.gaps)) {
        Ok(pieces) => pieces,
        Err(error) => {
            applied.lack(Layer::Mount, error);
            return Ok(());
        }
    };
    let system = |step| move |error: io::Error| Refused::System { step, source: error };
    let tmpfs = |at: &str, options| {
        rustix::mount::mount("tmpfs", at, "tmpfs", MountFlags::NOSUID | MountFlags::NODEV, Some(options))
    };
    // `/proc` always exists and is replaced anyway; what is needed of the old one was opened above.
    tmpfs("/proc", ROOT_OPTIONS).map_err(Refused::at("mount a new root"))?;
    rustix::process::chdir("/proc").map_err(Refused::at("enter the new root"))?;
    let root = rustix::fs::open(".", OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
        .map_err(Refused::at("open the new root"))?;
    let mut pieces = pieces;
    layer(&mut pieces, &mut applied.gaps);
    let mut closed = Vec::new();
    for piece in &pieces {
        place(&root, piece, &mut closed)
            .map_err(|error| Refused::Path { path: piece.at.clone(), why: error.to_string() })?;
    }
    for (place, target) in &plan.links {
        let within = relative(place);
        if let Some(parent) = within.parent() {
            let _ = make_folders(&root, parent);
        }
        // A link inside a granted path is there already, and nothing can be added to that.
        let _ = rustix::fs::symlinkat(target, &root, within);
    }
    if profile.hosts {
        devices(&root).map_err(system("set up devices"))?;
    }
    processes(profile, &root, applied).map_err(system("mount /proc"))?;
    for folder in closed {
        raw::set_mount(folder.as_fd(), c"", attribute::RDONLY, false).map_err(system("close a folder"))?;
    }
    rustix::process::pivot_root(".", ".").map_err(Refused::at("change the root"))?;
    rustix::mount::unmount(".", UnmountFlags::DETACH).map_err(Refused::at("let go of the old root"))?;
    rustix::process::chdir("/").map_err(Refused::at("enter the new root"))?;
    raw::set_mount(CWD, c"/", attribute::RDONLY, false).map_err(system("close the new root"))?;
    applied.held.insert(Layer::Mount);
    Ok(())
}

/// Opens every source as a detached mount with the attributes it will have.
fn gather(profile: &Profile, plan: &Plan, gaps: &mut Vec<String>) -> io::Result<Vec<Piece>> {
    rustix::mount::mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?;
    let mut pieces = Vec::new();
    for name in places::TEMPORARY {
        let piece = match &plan.tmp {
            Some(tmp) => Piece { at: name.into(), tree: Some(take(tmp, Access::Write)?), access: Access::Write },
            None if profile.hosts => Piece { at: name.into(), tree: None, access: Access::Private },
            None => continue,
        };
        pieces.push(piece);
    }
    for (path, access) in &plan.entries {
        let source = plan.sources.get(path).unwrap_or(path);
        let tree = match access {
            Access::Private => None,
            Access::Hidden if path.is_dir() => None,
            Access::Hidden => Some(take(Path::new("/dev/null"), Access::Read)?),
            Access::Write => Some(take(source, *access)?),
            // In case no layer can be laid over it.
            Access::Read | Access::Layered => match take(source, *access) {
                Ok(tree) => Some(tree),
                // Gone since, or on a file system that gives itself to its owner only: one path less to read.
                Err(error) if !forbids_mounts(&error) => {
                    gaps.push(format!("{} cannot be read: {error}", path.display()));
                    continue;
                }
                Err(error) => return Err(error),
            },
        };
        pieces.push(Piece { at: path.clone(), tree, access: *access });
    }
    if profile.hosts {
        for name in places::DEVICES {
            let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
            let tree = rustix::mount::open_tree(CWD, *name, flags)?;
            raw::set_mount(tree.as_fd(), c"", attribute::RDONLY | attribute::NOSUID, false)?;
            pieces.push(Piece { at: name.into(), tree: Some(tree), access: Access::Read });
        }
    }
    // The host's `/proc`, in case no new one may be mounted; read-only, because root keeps its uid and with it the kernel's switches.
    pieces.push(Piece {
        at: "/proc".into(),
        tree: Some(take(Path::new("/proc"), Access::Read)?),
        access: Access::Read,
    });
    Ok(pieces)
}

/// Where the layers of memory stand while the view is built, below the new root.
const LAYERS: &str = "layers";

/// Lays memory over the layered pieces. Where that cannot be done they stay as they are, to be read.
fn layer(pieces: &mut [Piece], gaps: &mut Vec<String>) {
    if !pieces.iter().any(|piece| piece.access == Access::Layered) {
        return;
    }
    let quiet = MountFlags::NOSUID | MountFlags::NODEV;
    let made = rustix::fs::mkdir(LAYERS, Mode::RWXU)
        .and_then(|()| rustix::mount::mount("tmpfs", LAYERS, "tmpfs", quiet, Some(LAYERS_OPTIONS)));
    for (number, piece) in pieces.iter_mut().enumerate().filter(|(_, piece)| piece.access == Access::Layered) {
        match made.map_err(io::Error::from).and_then(|()| overlay(&piece.at, number)) {
            Ok(tree) => piece.tree = Some(tree),
            Err(error) => {
                gaps.push(format!("caches can only be read: {error}"));
                break;
            }
        }
    }
    // The layers hold on to what they need of it.
    let _ = rustix::mount::unmount(LAYERS, UnmountFlags::DETACH);
    let _ = rustix::fs::rmdir(LAYERS);
}

/// A detached mount of a folder under a fresh layer.
fn overlay(lower: &Path, number: usize) -> io::Result<OwnedFd> {
    use rustix::mount::{FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_set_flag, fsconfig_set_string};
    use std::os::unix::ffi::OsStrExt;
    let (upper, work) = (format!("{LAYERS}/{number}"), format!("{LAYERS}/{number}w"));
    // Its mode is what the folder shows.
    let mode = rustix::fs::stat(lower)?.st_mode & 0o777;
    rustix::fs::mkdir(&upper, Mode::from_raw_mode(mode))?;
    rustix::fs::mkdir(&work, Mode::RWXU)?;
    // A colon would begin the next of several.
    let mut escaped = Vec::new();
    for byte in lower.as_os_str().as_bytes() {
        if matches!(byte, b':' | b'\\') {
            escaped.push(b'\\');
        }
        escaped.push(*byte);
    }
    let new = rustix::mount::fsopen("overlay", FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_set_string(&new, "lowerdir", escaped.as_slice())?;
    fsconfig_set_string(&new, "upperdir", &upper)?;
    fsconfig_set_string(&new, "workdir", &work)?;
    fsconfig_set_flag(&new, "userxattr")?;
    rustix::mount::fsconfig_create(&new)?;
    let attributes = MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NODEV;
    Ok(rustix::mount::fsmount(&new, FsMountFlags::FSMOUNT_CLOEXEC, attributes)?)
}

fn forbids_mounts(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EPERM | libc::ENOSYS | libc::EINVAL))
}

fn take(path: &Path, access: Access) -> io::Result<OwnedFd> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_RECURSIVE;
    let tree = rustix::mount::open_tree(CWD, path, flags)?;
    let closed = if access == Access::Write { 0 } else { attribute::RDONLY };
    raw::set_mount(tree.as_fd(), c"", closed | attribute::NOSUID | attribute::NODEV, true)?;
    Ok(tree)
}

/// Mounts one piece below `root`. Its place is found without following links: what is under a writable path is not ours.
fn place(root: &OwnedFd, piece: &Piece, closed: &mut Vec<OwnedFd>) -> io::Result<()> {
    let within = relative(&piece.at);
    let is_folder = match &piece.tree {
        None => true,
        Some(tree) => FileType::from_raw_mode(rustix::fs::fstat(tree)?.st_mode) == FileType::Directory,
    };
    let spot = match open_spot(root, within) {
        Ok(spot) => spot,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if is_folder {
                make_folders(root, within)?;
            } else {
                make_folders(root, within.parent().unwrap_or(Path::new("")))?;
                rustix::fs::openat(
                    root,
                    within,
                    OFlags::CREATE | OFlags::RDONLY | OFlags::CLOEXEC,
                    Mode::from_raw_mode(0o444),
                )?;
            }
            open_spot(root, within)?
        }
        Err(error) => return Err(error),
    };
    let Some(tree) = &piece.tree else {
        let options = if piece.access == Access::Hidden { HIDDEN_OPTIONS } else { PRIVATE_OPTIONS };
        let fresh = memory(options)?;
        attach(&fresh, &spot)?;
        if piece.access == Access::Hidden {
            closed.push(fresh);
        }
        return Ok(());
    };
    attach(tree, &spot)
}

/// A detached memory file system.
fn memory(options: &CStr) -> io::Result<OwnedFd> {
    use rustix::mount::{FsMountFlags, FsOpenFlags, MountAttrFlags};
    let new = rustix::mount::fsopen("tmpfs", FsOpenFlags::FSOPEN_CLOEXEC)?;
    for option in options.to_string_lossy().split(',') {
        if let Some((key, value)) = option.split_once('=') {
            rustix::mount::fsconfig_set_string(&new, key, value)?;
        }
    }
    rustix::mount::fsconfig_create(&new)?;
    let attributes = MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NODEV;
    Ok(rustix::mount::fsmount(&new, FsMountFlags::FSMOUNT_CLOEXEC, attributes)?)
}

fn attach(tree: &OwnedFd, spot: &OwnedFd) -> io::Result<()> {
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    Ok(rustix::mount::move_mount(tree, c"", spot, c"", flags)?)
}

fn open_spot(root: &OwnedFd, within: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
    Ok(rustix::fs::openat2(root, within, flags, Mode::empty(), resolve)?)
}

fn make_folders(root: &OwnedFd, within: &Path) -> io::Result<()> {
    let mut made = PathBuf::new();
    for part in within.components() {
        made.push(part);
        match rustix::fs::mkdirat(root, &made, Mode::from_raw_mode(0o755)) {
            Ok(()) | Err(rustix::io::Errno::EXIST) => {}
            // Inside a read-only mount what exists may answer "read-only" instead of "exists".
            Err(rustix::io::Errno::ROFS) if rustix::fs::statat(root, &made, AtFlags::SYMLINK_NOFOLLOW).is_ok() => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// `/dev` beside the device files that are mounted one by one: terminals of its own, shared memory, the usual links.
fn devices(root: &OwnedFd) -> io::Result<()> {
    make_folders(root, Path::new("dev/pts"))?;
    make_folders(root, Path::new("dev/shm"))?;
    let quiet = MountFlags::NOSUID | MountFlags::NOEXEC;
    rustix::mount::mount("devpts", "dev/pts", "devpts", quiet, Some(c"newinstance,ptmxmode=0666,mode=0620"))?;
    rustix::mount::mount("tmpfs", "dev/shm", "tmpfs", quiet | MountFlags::NODEV, Some(SHARED_OPTIONS))?;
    let links = [
        ("pts/ptmx", "dev/ptmx"),
        ("/proc/self/fd", "dev/fd"),
        ("/proc/self/fd/0", "dev/stdin"),
        ("/proc/self/fd/1", "dev/stdout"),
        ("/proc/self/fd/2", "dev/stderr"),
    ];
    for (target, place) in links {
        rustix::fs::symlinkat(target, root, place)?;
    }
    Ok(())
}

/// A `/proc` of the new tree, on top of the host's. Where a container masks parts of its own, no new one may be mounted.
fn processes(profile: &Profile, root: &OwnedFd, applied: &mut Applied) -> io::Result<()> {
    if !applied.holds(Layer::Pid) {
        return Ok(());
    }
    let quiet = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    if let Err(error) = rustix::mount::mount("proc", "proc", "proc", quiet, None) {
        applied.gaps.push(format!("/proc shows the host's processes: {error}"));
        return Ok(());
    }
    // The ceiling of the tree: process numbers are its own since Linux 6.14, and no later one exceeds the largest.
    if let Some(ceiling) = profile.limits.processes {
        let file = OFlags::WRONLY | OFlags::CLOEXEC;
        let written = rustix::fs::openat(root, "proc/sys/kernel/pid_max", file, Mode::empty())
            .and_then(|file| rustix::io::write(file, ceiling.max(super::PROCESSES_MIN).to_string().as_bytes()));
        if written.is_ok() && !applied.limits(Resource::Processes) {
            let most = u64::from(ceiling.max(super::PROCESSES_MIN));
            applied.ceilings.push(Ceiling {
                what: Resource::Processes,
                most,
                how: "the tree's own numbers".to_owned(),
            });
        }
        if let Err(error) = written
            && !applied.limits(Resource::Processes)
        {
            applied.gaps.push(format!("the number of processes is limited for each user only: {error}"));
        }
    }
    raw::set_mount(root.as_fd(), c"proc", attribute::RDONLY, false)
}

fn relative(path: &Path) -> &Path {
    path.strip_prefix("/").unwrap_or(path)
}
