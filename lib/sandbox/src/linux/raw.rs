//! The system calls that no safe wrapper offers, one small function each. The only unsafe code of this room.
#![allow(unsafe_code)]

use std::collections::BTreeSet;
use std::ffi::CStr;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use rustix::process::Pid;
use rustix::thread::UnshareFlags;

/// Which side of a fork this is.
pub(super) enum Fork {
    /// The one that called; the child's id.
    Parent(Pid),
    /// The new one.
    Child,
}

/// Attributes for [`set_mount`] (`MOUNT_ATTR_*` of `linux/mount.h`).
pub(super) mod attribute {
    /// Nothing below can be written.
    pub(in super::super) const RDONLY: u64 = 0x1;
    /// No set-user-id.
    pub(in super::super) const NOSUID: u64 = 0x2;
    /// Device files do not work.
    pub(in super::super) const NODEV: u64 = 0x4;
}

/// Splits the process in two. The caller has a single thread.
pub(super) fn fork() -> io::Result<Fork> {
    // SAFETY: `super::only_thread` was checked before, so no other thread can hold a lock that the child would inherit locked.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(Fork::Child),
        pid => Pid::from_raw(pid).map(Fork::Parent).ok_or_else(|| io::Error::other("fork gave no id")),
    }
}

// Set by the linker: where the program begins in memory, and where its code ends. Between them nothing can be written.
unsafe extern "C" {
    static __executable_start: u8;
    static etext: u8;
}

/// Lets go of the pages of the program's own code and constants. They are the file's: what is needed again comes back with a fault.
pub(super) fn give_back() {
    // SAFETY: `sysconf` has no preconditions.
    let Some(page) = usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).ok().filter(|page| *page > 0) else {
        return;
    };
    let from = (&raw const __executable_start).addr().next_multiple_of(page);
    let to = (&raw const etext).addr() / page * page;
    let length = to.saturating_sub(from);
    if length > 0 {
        let start = (&raw const __executable_start).with_addr(from).cast_mut().cast();
        // SAFETY: the range is the program's own read-only part, mapped from its file and never changed, so that every page of it can
        // be read again. Where the advice is refused nothing happens.
        let _ = unsafe { libc::madvise(start, length, libc::MADV_DONTNEED) };
    }
}

/// Ends the process at once, running nothing that was meant for the other side of a fork.
pub(super) fn exit(code: i32) -> ! {
    // SAFETY: `_exit` has no preconditions.
    unsafe { libc::_exit(code) }
}

/// What `attempt` says in a process that is thrown away. The caller has a single thread.
pub(super) fn in_child(attempt: impl FnOnce() -> io::Result<()>) -> io::Result<io::Result<()>> {
    let child = match fork()? {
        Fork::Child => {
            let code = attempt().map_or_else(|error| error.raw_os_error().unwrap_or(libc::EIO), |()| 0);
            exit(code)
        }
        Fork::Parent(child) => child,
    };
    loop {
        match rustix::process::waitpid(Some(child), rustix::process::WaitOptions::empty()) {
            Ok(Some((_, status))) => {
                return match status.exit_status() {
                    Some(0) => Ok(Ok(())),
                    Some(code) => Ok(Err(io::Error::from_raw_os_error(code))),
                    // Says nothing about the kernel, so nothing may be left out for it.
                    None => Err(io::Error::other("it was killed")),
                };
            }
            Ok(None) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Leaves the namespaces named by `flags`.
pub(super) fn unshare(flags: UnshareFlags) -> io::Result<()> {
    // SAFETY: only `FILES` is dangerous, and no caller passes it; there is a single thread besides.
    unsafe { rustix::thread::unshare_unsafe(flags & !UnshareFlags::FILES) }.map_err(io::Error::from)
}

/// Adds `attributes` to the mount at `path` below `at` (or `at` itself if empty); with `deep` to all below it too.
pub(super) fn set_mount(at: BorrowedFd<'_>, path: &CStr, attributes: u64, deep: bool) -> io::Result<()> {
    let wanted = libc::mount_attr { attr_set: attributes, attr_clr: 0, propagation: 0, userns_fd: 0 };
    let flags = libc::AT_EMPTY_PATH | libc::AT_SYMLINK_NOFOLLOW | if deep { libc::AT_RECURSIVE } else { 0 };
    // SAFETY: both pointers outlive the call, and the size is that of the structure behind the second.
    let done = unsafe {
        libc::syscall(libc::SYS_mount_setattr, at.as_raw_fd(), path.as_ptr(), flags, &wanted, size_of_val(&wanted))
    };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Closes every descriptor that `keep` does not name. Called first of all, before this room opens any.
pub(super) fn close_all_but(keep: &BTreeSet<i32>) -> io::Result<()> {
    let mut from: u32 = 0;
    let ends = keep.iter().filter_map(|fd| u32::try_from(*fd).ok()).map(Some).chain([None]);
    for end in ends {
        let to = end.map_or(Some(u32::MAX), |end| end.checked_sub(1));
        if let Some(to) = to.filter(|to| *to >= from) {
            // SAFETY: by contract of `confine` and `enter`, the caller owns no descriptor beside the ones it lists.
            if unsafe { libc::syscall(libc::SYS_close_range, from, to, 0) } != 0 {
                return Err(io::Error::last_os_error());
            }
        }
        from = end.map_or(u32::MAX, |end| end.saturating_add(1));
    }
    Ok(())
}

/// Switches the loopback device of this network namespace on.
pub(super) fn loopback_up() -> io::Result<()> {
    // SAFETY: plain numbers; the descriptor is closed below on every way out.
    let socket = unsafe { libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) };
    if socket < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: all-zero is a valid `ifreq`.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(*b"lo") {
        *to = from as libc::c_char;
    }
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
    // SAFETY: `request` is an initialised `ifreq` that outlives the call, which is what SIOCSIFFLAGS reads.
    let done = unsafe { libc::ioctl(socket, libc::SIOCSIFFLAGS as _, &request) };
    let error = io::Error::last_os_error();
    // SAFETY: the descriptor was opened above and is used nowhere else.
    unsafe { libc::close(socket) };
    if done == 0 { Ok(()) } else { Err(error) }
}

/// The version of the kernel's Landlock interface.
pub(super) fn landlock_abi() -> io::Result<i64> {
    const VERSION: u32 = 1; // LANDLOCK_CREATE_RULESET_VERSION
    // SAFETY: with this flag the kernel takes no structure and makes nothing.
    let abi = unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, std::ptr::null::<u8>(), 0_usize, VERSION) };
    if abi < 1 { Err(io::Error::last_os_error()) } else { Ok(abi) }
}

/// Whether the kernel takes filters that answer with an error.
pub(super) fn seccomp_filters() -> io::Result<()> {
    const GET_ACTION_AVAIL: u32 = 2;
    let action: u32 = 0x0005_0000; // SECCOMP_RET_ERRNO
    // SAFETY: the pointer is that of a number that outlives the call.
    let done = unsafe { libc::syscall(libc::SYS_seccomp, GET_ACTION_AVAIL, 0_u32, &raw const action) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
