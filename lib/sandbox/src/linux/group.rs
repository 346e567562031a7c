//! Control groups: ceilings that hold for a process tree as a whole, also for root. Only what is ours is divided: a tree that was
//! delegated to us (cgroup v2), or the root of a hierarchy in which nobody has put us into a group of theirs (v1). Being root is
//! no leave to build in the group of a service manager, a container engine or a batch system. It knows no profile but its
//! numbers; what cannot be had is told, and other ceilings stand in.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::Limits;

const ROOT: &str = "/sys/fs/cgroup";

/// Groups are named so, with the process id of their leash.
const PREFIX: &str = "ace-";

/// How long processes that have ended may still be counted before a group is left for the next worker to remove.
const PATIENCE: u32 = 100;

/// The groups of one process tree; empty where none can be had.
#[derive(Debug, Default)]
pub(super) struct Group {
    folders: Vec<PathBuf>,
    /// What holds the memory of the tree, for people.
    pub(super) memory: Option<&'static str>,
    /// What holds its number of processes, for people.
    pub(super) processes: Option<&'static str>,
}

impl Group {
    /// Makes what `limits` ask for, as far as it can be had.
    pub(super) fn make(limits: &Limits) -> Group {
        let mut group = Group::default();
        if limits.memory.is_none() && limits.processes.is_none() {
            return group;
        }
        let Ok(own) = fs::read_to_string("/proc/self/cgroup") else { return group };
        for line in own.lines() {
            let mut fields = line.splitn(3, ':').skip(1);
            let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else { continue };
            let path = path.trim_start_matches('/');
            let has = |name: &str| controllers.split(',').any(|c| c == name);
            if controllers.is_empty() {
                group.unified(&Path::new(ROOT).join(path), limits);
            } else if !path.is_empty() {
                // Somebody's group, and v1 knows no delegation.
            } else if let Some(bytes) = limits.memory.filter(|_| has("memory") && group.memory.is_none()) {
                let parent = Path::new(ROOT).join("memory").join(path);
                let set = |at: &Path| set(at, "memory.limit_in_bytes", bytes);
                group.memory = group.add(&parent, set).then_some("cgroup v1");
            } else if let Some(number) = limits.processes.filter(|_| has("pids") && group.processes.is_none()) {
                let parent = Path::new(ROOT).join("pids").join(path);
                let set = |at: &Path| set(at, "pids.max", u64::from(number));
                group.processes = group.add(&parent, set).then_some("cgroup v1");
            }
        }
        group
    }

    /// Version 2: a group with processes of its own cannot have children with controllers, so that the new one often stands
    /// beside it.
    fn unified(&mut self, own: &Path, limits: &Limits) {
        for parent in [Some(own), own.parent().filter(|above| above.starts_with(ROOT))].into_iter().flatten() {
            if !is_ours(parent) {
                continue;
            }
            let given = fs::read_to_string(parent.join("cgroup.subtree_control")).unwrap_or_default();
            let memory =
                limits.memory.filter(|_| self.memory.is_none() && given.split(' ').any(|c| c.trim() == "memory"));
            let number =
                limits.processes.filter(|_| self.processes.is_none() && given.split(' ').any(|c| c.trim() == "pids"));
            if memory.is_none() && number.is_none() {
                continue;
            }
            let (mut holds_memory, mut holds_number) = (false, false);
            let made = self.add(parent, |at| {
                holds_memory = memory.is_some_and(|bytes| set(at, "memory.max", bytes).is_ok());
                // What a tree may not hold it may not push out to the disk either.
                let _ = set(at, "memory.swap.max", 0);
                holds_number = number.is_some_and(|number| set(at, "pids.max", u64::from(number)).is_ok());
                if holds_memory || holds_number { Ok(()) } else { Err(io::Error::from(io::ErrorKind::Unsupported)) }
            });
            if made {
                self.memory = holds_memory.then_some("cgroup v2").or(self.memory);
                self.processes = holds_number.then_some("cgroup v2").or(self.processes);
                return;
            }
        }
    }

    /// Makes one group below `parent`; whether it is there and `set` went well.
    fn add(&mut self, parent: &Path, set: impl FnOnce(&Path) -> io::Result<()>) -> bool {
        clear(parent);
        let folder = parent.join(format!("{PREFIX}{}", std::process::id()));
        if fs::create_dir(&folder).is_err() {
            return false;
        }
        // Whether it may be entered shows before anything relies on it.
        let enterable = || fs::OpenOptions::new().write(true).open(folder.join("cgroup.procs")).map(drop);
        let done = set(&folder).and_then(|()| enterable()).is_ok();
        if done {
            self.folders.push(folder);
        } else {
            let _ = fs::remove_dir(&folder);
        }
        done
    }

    /// Takes the calling process into the groups; its children follow.
    pub(super) fn join(&self) -> io::Result<()> {
        self.folders.iter().try_for_each(|folder| fs::write(folder.join("cgroup.procs"), "0"))
    }

    /// Takes the groups away, once nothing is left in them.
    pub(super) fn remove(&self) {
        for folder in &self.folders {
            for _ in 0..PATIENCE {
                match fs::remove_dir(folder) {
                    Err(e) if e.kind() == io::ErrorKind::ResourceBusy => std::thread::sleep(Duration::from_millis(1)),
                    _ => break,
                }
            }
        }
    }
}

/// Whether a tree of version 2 was given to us: a user owns it; for root, who owns all, the service manager has marked it.
fn is_ours(folder: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let uid = rustix::process::geteuid();
    if !uid.is_root() {
        return fs::metadata(folder).is_ok_and(|meta| meta.uid() == uid.as_raw());
    }
    let mark = |name: &str| {
        let mut value = [0_u8; 8];
        rustix::fs::getxattr(folder, name, &mut value[..]).is_ok_and(|n| value[..n] == *b"1")
    };
    folder == Path::new(ROOT) || mark("trusted.delegate") || mark("user.delegate")
}

fn set(folder: &Path, file: &str, number: u64) -> io::Result<()> {
    fs::write(folder.join(file), number.to_string())
}

/// Removes groups whose leash was killed. One that still holds somebody cannot be removed.
fn clear(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let leash = name.to_str().and_then(|name| name.strip_prefix(PREFIX)).and_then(|pid| pid.parse::<u32>().ok());
        if leash.is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists()) {
            let _ = fs::remove_dir(entry.path());
        }
    }
}
