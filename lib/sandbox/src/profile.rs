//! A profile: the plain value that says what a process may reach, and one builder per kind of program. It touches no file
//! but to look which toolchain folders exist.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use ace_schema::limits;

use crate::{Git, Layer, places};

/// What may be done below a path. The longest path that covers a file decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Access {
    /// Nothing: it looks absent or empty.
    Hidden,
    /// Read and execute. Inside a writable path this closes a part of it, also a part that does not exist yet.
    Read,
    /// Read, execute and, in a view, write: what is written stays in memory, nobody outside sees it and it vanishes with the
    /// process. Without the mount layer, or where the kernel layers nothing, the same as `Read`.
    Layered,
    /// Read, execute, create, change, remove.
    Write,
    /// An empty folder of the process's own that vanishes with it; without the mount layer nothing at all.
    Private,
}

/// One path and what may be done below it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Absolute. Links in it are followed when the profile is applied.
    pub path: PathBuf,
    /// What may be done.
    pub access: Access,
    /// What stands there instead of what the host has there; it may be the same. Only a view can show it: without the mount layer
    /// such a grant gives nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<PathBuf>,
}

/// How far the network reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Network {
    /// No socket but a `socketpair`.
    None,
    /// A loopback device of its own, so that tests can serve and connect. Without the net layer the same as `None`.
    Loopback,
    /// The host's network: TCP, UDP, no raw sockets.
    Full,
}

/// Ceilings for what a process tree may use up. `None` leaves the inherited one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Processes and threads of the tree. Held by a control group where one can be had, else by the pid layer (Linux 6.14), else,
    /// but not for root, by the user layer.
    pub processes: Option<u32>,
    /// Bytes of memory of the tree as a whole, by a control group. Where none can be had each process is held to it by itself.
    pub memory: Option<u64>,
    /// Bytes of private memory a single process may map for writing (`RLIMIT_DATA`).
    pub data: Option<u64>,
    /// Bytes a single file may grow to (`RLIMIT_FSIZE`).
    pub file: Option<u64>,
}

impl Limits {
    /// What a tree of tools may use up of this machine: not all of its memory, so that the keeper of the log lives on, and no
    /// more processes than any build needs.
    pub fn of_machine() -> Limits {
        let total = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| {
            let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
            line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()
        });
        let memory = total.map(|kib| kib * 1024 / 8 * 7);
        Limits { processes: Some(limits::WORKER_PROCESSES), memory, ..Limits::default() }
    }
}

/// What a process may reach. A plain value: it can be written as JSON and handed to the process that applies it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// The name recorded beside the layers, `worker` for instance.
    pub name: String,
    /// Paths and what may be done with them. What no grant covers is out of reach.
    pub grants: Vec<Grant>,
    /// A folder of the session that stands in for `/tmp` and `/var/tmp`; it is writable under its own path too, so that one
    /// path means the same file inside and outside. Without it the temporary folders are empty and vanish with the process.
    pub tmp: Option<PathBuf>,
    /// Where the process stands afterwards; `None`: where it stood, if that can still be reached, else `/`. Never a source of rights.
    pub cwd: Option<PathBuf>,
    /// How far the network reaches.
    pub network: Network,
    /// Whether sockets with a path or an abstract name may be made. They lead to daemons (agents, containers, the desktop) that
    /// act for whoever connects, so only a profile that needs them says yes.
    pub unix_sockets: bool,
    /// Whether the process starts programs it does not trust: it then gets the system's devices and a leash.
    pub hosts: bool,
    /// File descriptors that stay open; all others are closed.
    pub keep: BTreeSet<i32>,
    /// Ceilings.
    pub limits: Limits,
    /// The layers to try.
    pub layers: BTreeSet<Layer>,
    /// The layers without which the process must not run.
    pub require: BTreeSet<Layer>,
}

/// What a worker is made for. Everything is absolute.
#[derive(Debug, Clone, Default)]
pub struct Worker {
    /// The session's worktree: writable, but for what decides over code that runs outside.
    pub worktree: PathBuf,
    /// Where the worktree's git data lies. It comes from the session's record, not from the `.git` file, which the agent may have changed.
    pub git: Option<Git>,
    /// The user's home: empty and private inside, with the toolchains and caches that exist put into it read-only.
    pub home: PathBuf,
    /// The home of `ace`: sessions, blobs, private git data. Hidden.
    pub ace_home: PathBuf,
    /// The session's own temporary folder.
    pub tmp: Option<PathBuf>,
    /// Further folders to read (toolchains and caches at unusual places).
    pub read: Vec<PathBuf>,
    /// Further folders to write.
    pub write: Vec<PathBuf>,
    /// Further caches at unusual places, which a build fills: read, and what is written stays inside.
    pub caches: Vec<PathBuf>,
}

impl Profile {
    /// A profile that reaches nothing and tries every layer that costs next to nothing: the start of all others.
    fn bare(name: &str) -> Profile {
        Profile {
            name: name.to_owned(),
            grants: Vec::new(),
            tmp: None,
            cwd: None,
            network: Network::None,
            unix_sockets: false,
            hosts: false,
            keep: [0, 1, 2].into(),
            limits: Limits::default(),
            layers: Layer::LEAST.iter().copied().collect(),
            require: BTreeSet::new(),
        }
    }

    /// For filters that only read (`ace-permit`, `ace-session step`) and, with a write grant, `ace-log`: no network, and of the
    /// files what is added with [`Profile::read`] and [`Profile::write`]. They run no foreign code, so Landlock and seccomp do.
    pub fn reader() -> Profile {
        Profile::bare("reader")
    }

    /// For `ace-model`: the network, name resolution and certificates, and `blobs` read. The only one that may hold a key.
    pub fn model(blobs: &Path) -> Profile {
        let mut profile = Profile::bare("model").read(blobs);
        profile.network = Network::Full;
        places::RESOLUTION.iter().fold(profile, |profile, path| profile.read(path))
    }

    /// For `ace-fetch`: the network, name resolution and certificates, and no other file.
    pub fn fetch() -> Profile {
        let mut profile = Profile::bare("fetch");
        profile.network = Network::Full;
        places::RESOLUTION.iter().fold(profile, |profile, path| profile.read(path))
    }

    /// For `ace-tool`, the broker: it starts the workers and keeps the private git data, has no key and no network. Landlock and
    /// seccomp would pass on to the workers and keep them from building their own view, so it gets a user and an empty network
    /// namespace instead, and gives up its capabilities. A broker whose workers are to have the host's network
    /// ([`Profile::online`]) must not leave it first: take [`Layer::Net`] out of `layers` then.
    pub fn broker() -> Profile {
        let mut profile = Profile::bare("broker");
        profile.layers = [Layer::User, Layer::Net].into();
        profile
    }

    /// For the processes that run tools: the system and the toolchains read-only, the worktree writable, `.git` and `.ace`
    /// closed, no network but a loopback of its own, its own processes only.
    pub fn worker(place: &Worker) -> Profile {
        let mut profile = Profile::bare("worker");
        profile.layers = Layer::ALL.iter().copied().collect();
        profile.hosts = true;
        profile.limits = Limits::of_machine();
        profile.network = Network::Loopback;
        profile.tmp = place.tmp.clone();
        profile.cwd = Some(place.worktree.clone());
        profile.grant_all(places::SYSTEM.iter().map(PathBuf::from), Access::Read);
        profile.grant_all(places::SECRET.iter().map(PathBuf::from), Access::Hidden);
        profile.grant_all(places::closed_to_others(Path::new("/etc")), Access::Hidden);
        profile = profile.grant(&place.home, Access::Private);
        profile.grant_all(places::HOME.iter().map(|name| place.home.join(name)), Access::Read);
        profile.grant_all(place.read.iter().cloned(), Access::Read);
        let caches = places::CACHES.iter().map(|name| place.home.join(name));
        profile.grant_all(caches.chain(place.caches.iter().cloned()), Access::Layered);
        profile.grant_all(place.write.iter().cloned(), Access::Write);
        profile = profile.grant(&place.ace_home, Access::Hidden).grant(&place.worktree, Access::Write);
        for name in places::CLOSED {
            profile = profile.grant(&place.worktree.join(name), Access::Read);
        }
        for name in places::CLOSED_IF_THERE {
            let path = place.worktree.join(name);
            if path.symlink_metadata().is_ok_and(|meta| !meta.is_symlink()) {
                profile = profile.grant(&path, Access::Read);
            }
        }
        if let Some(git) = &place.git {
            profile.grant_all(git.folders(), Access::Read);
        }
        profile
    }

    /// Opens in git's data what a commit in this worktree writes: its index, HEAD and logs; and, instead of the repository's, the
    /// objects and the branch of a store of the session's own, since whoever writes to a repository's objects can destroy them
    /// and whoever writes beside a branch can move others. Hooks, configuration and all other references stay closed. `store`
    /// holds the folders `objects`, `heads`, `logs` and `shared`, in which the repository's objects are shown. Nothing is opened
    /// for a worktree that is not a linked one, or without a view.
    pub fn committing(mut self, git: &Git, store: &Path) -> Profile {
        let (Some(branch), true) = (&git.branch, git.dir != git.common) else { return self };
        let heads = git.common.join(branch);
        let Some(heads) = heads.parent() else { return self };
        let logs = git.common.join("logs").join(heads.strip_prefix(&git.common).unwrap_or(heads));
        let shown = [
            (git.dir.clone(), git.dir.clone(), Access::Write),
            (git.common.join("objects"), store.join("objects"), Access::Write),
            (heads.to_owned(), store.join("heads"), Access::Write),
            (logs, store.join("logs"), Access::Write),
            (store.join("shared"), git.common.join("objects"), Access::Read),
        ];
        for (path, from, access) in shown {
            self.grants.retain(|grant| grant.path != path);
            self.grants.push(Grant { path, access, from: Some(from) });
        }
        self.grant_all(git.commit_closed(), Access::Read);
        self
    }

    /// Adds `path`, readable.
    pub fn read(self, path: impl AsRef<Path>) -> Profile {
        self.grant(path.as_ref(), Access::Read)
    }

    /// Adds `path`, writable.
    pub fn write(self, path: impl AsRef<Path>) -> Profile {
        self.grant(path.as_ref(), Access::Write)
    }

    /// Adds `path` with `access`. A second grant of the same path replaces the first.
    pub fn grant(mut self, path: &Path, access: Access) -> Profile {
        self.grants.retain(|grant| grant.path != path);
        self.grants.push(Grant { path: path.to_owned(), access, from: None });
        self
    }

    /// The same profile with the whole network of the host.
    pub fn online(mut self) -> Profile {
        self.network = Network::Full;
        places::RESOLUTION.iter().fold(self, |profile, path| profile.read(path))
    }

    /// The same profile that must not run without `layers`.
    pub fn requiring(mut self, layers: impl IntoIterator<Item = Layer>) -> Profile {
        self.require.extend(layers);
        self
    }

    /// The same profile on Landlock and seccomp alone, as in a container that forbids user namespaces.
    pub fn without_namespaces(mut self) -> Profile {
        self.layers.retain(|layer| matches!(layer, Layer::Landlock | Layer::Seccomp));
        self
    }

    /// What a child's environment needs to fit this profile, for the `extra` of [`crate::environment`]: where temporary files
    /// go, that git is not to look for the user's configuration, which is out of reach and may hold credentials, and a place for
    /// what `go` must write to build at all, in case the user's own cache can only be read.
    pub fn variables(&self) -> Vec<(OsString, OsString)> {
        let mut variables = vec![(OsString::from("GIT_CONFIG_GLOBAL"), OsString::from("/dev/null"))];
        if let Some(tmp) = &self.tmp {
            variables.push((OsString::from("TMPDIR"), tmp.clone().into_os_string()));
            variables.push((OsString::from("GOCACHE"), tmp.join("go-build").into_os_string()));
        }
        variables
    }

    fn grant_all(&mut self, paths: impl IntoIterator<Item = PathBuf>, access: Access) {
        for path in paths {
            self.grants.retain(|grant| grant.path != path);
            self.grants.push(Grant { path, access, from: None });
        }
    }
}
