//! Who stays outside: the process that holds the leash, and the first process of the tree, which only reaps. Neither runs
//! anything foreign; both end with what they hold.

use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions, WaitStatus, pidfd_open, wait, waitpid};

use super::group::Group;
use super::raw;

/// Rounds of ending what is left when there is no namespace to end it at once; each round gets all children there are.
const ROUNDS_MAX: usize = 1000;

/// What the leash keeps from before anything was left behind.
pub(super) struct Leash {
    /// The one who started us: when it ends, all ends. By descriptor, because a death signal would come at the end of the
    /// thread that started us already.
    pub(super) owner: Option<OwnedFd>,
    /// The leash itself, so that its child can tell whether it is still held.
    pub(super) own: Option<OwnedFd>,
    /// Empty folders to take away afterwards.
    pub(super) made: Vec<PathBuf>,
}

impl Leash {
    /// Opens what is needed. Without process descriptors the owner's end shows only at the closed pipes.
    pub(super) fn take(made: Vec<PathBuf>) -> Leash {
        let open = |pid: Option<Pid>| pid.and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok());
        Leash { owner: open(rustix::process::getppid()), own: open(Some(rustix::process::getpid())), made }
    }

    /// Holds `child` until it or the owner ends, then ends with the child's status. With `tree` the child is the first of a
    /// process tree and the kernel ends the rest; otherwise what has been left behind is looked for and ended here.
    pub(super) fn hold(self, child: Pid, tree: bool, group: &Group) -> ! {
        let _ = raw::close_all_but(&self.kept());
        // Out of the terminal's foreground: an interrupt is for the one who started us to judge.
        let _ = rustix::process::setsid();
        let status = self.wait_for(child);
        if !tree {
            end_descendants();
        }
        group.remove();
        for folder in &self.made {
            // Not empty any more, or gone: then it is somebody else's.
            let _ = fs::remove_dir(folder);
        }
        raw::exit(status)
    }

    fn kept(&self) -> std::collections::BTreeSet<i32> {
        use std::os::fd::AsRawFd;
        [&self.owner, &self.own].into_iter().flatten().map(|fd| fd.as_raw_fd()).collect()
    }

    fn wait_for(&self, child: Pid) -> i32 {
        if let (Some(owner), Ok(held)) = (&self.owner, pidfd_open(child, PidfdFlags::empty())) {
            loop {
                let mut watched =
                    [PollFd::new(owner, PollFlags::IN), PollFd::from_borrowed_fd(held.as_fd(), PollFlags::IN)];
                match poll(&mut watched, None) {
                    Err(rustix::io::Errno::INTR) => {}
                    Err(_) => break,
                    Ok(_) => {
                        if !watched[0].revents().is_empty() {
                            let _ = rustix::process::kill_process(child, Signal::KILL);
                        }
                        break;
                    }
                }
            }
        }
        loop {
            match waitpid(Some(child), WaitOptions::empty()) {
                Ok(Some((_, status))) => return code(status),
                Err(rustix::io::Errno::INTR) | Ok(None) => {}
                Err(_) => return 1,
            }
        }
    }
}

/// For the child of the leash: end when it ends, also if it has ended already.
pub(super) fn follow(leash: &Leash) {
    let _ = rustix::process::set_parent_process_death_signal(Some(Signal::KILL));
    if let Some(own) = &leash.own {
        let mut watched = [PollFd::new(own, PollFlags::IN)];
        let now = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
        if poll(&mut watched, Some(&now)).is_ok_and(|ended| ended > 0) {
            raw::exit(1);
        }
    }
}

/// The first process of a tree: reaps what is orphaned, and ends, and so ends the tree, when the worker does.
pub(super) fn reap(worker: Pid) -> ! {
    let _ = raw::close_all_but(&std::collections::BTreeSet::new());
    loop {
        match wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) if pid == worker => raw::exit(code(status)),
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(_) => raw::exit(1),
        }
    }
}

/// The exit code by which a shell would report `status`.
fn code(status: WaitStatus) -> i32 {
    status.exit_status().or_else(|| status.terminating_signal().map(|signal| 128 + signal)).unwrap_or(1)
}

/// Ends all orphans, which as a subreaper we inherit, until there are none.
fn end_descendants() {
    for _ in 0..ROUNDS_MAX {
        for child in children() {
            let _ = rustix::process::kill_process(child, Signal::KILL);
        }
        loop {
            match wait(WaitOptions::NOHANG) {
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(_) => return,
            }
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
}

/// Our children, from `/proc`.
fn children() -> Vec<Pid> {
    let own = rustix::process::getpid().as_raw_nonzero().get();
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter(|pid| parent_of(*pid) == Some(own)).filter_map(Pid::from_raw).collect()
}

fn parent_of(pid: i32) -> Option<i32> {
    let text = fs::read(format!("/proc/{pid}/stat")).ok()?;
    let text = String::from_utf8_lossy(&text).into_owned();
    // The name in parentheses may hold anything, parentheses too.
    text.rsplit_once(')')?.1.split_ascii_whitespace().nth(1)?.parse().ok()
}
