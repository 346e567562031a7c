//! The user, IPC and network namespaces and the ceilings: what can be left behind without looking at a path.

use std::fs;
use std::io;

use rustix::process::{DumpableBehavior, Resource, Rlimit};
use rustix::thread::{CapabilitySet, CapabilitySets, UnshareFlags};

use super::raw;
use crate::{Applied, Layer, Limits, Network, Profile, Refused};

/// Raised for whoever hosts foreign programs, so that memory running out ends a tool and not the keeper of the log.
const OOM_SCORE: &str = "500";

/// What root keeps inside its user namespace, where it means nothing to the host: what builds do as root.
const ROOT_KEEPS: CapabilitySet = CapabilitySet::CHOWN
    .union(CapabilitySet::DAC_OVERRIDE)
    .union(CapabilitySet::FOWNER)
    .union(CapabilitySet::FSETID)
    .union(CapabilitySet::KILL)
    .union(CapabilitySet::NET_BIND_SERVICE);

/// A user namespace in which user and group keep their numbers, and no other exists.
pub(super) fn leave_user(applied: &mut Applied) -> Result<(), Refused> {
    let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    // The map files belong to root while the process is not dumpable; a caller may have hardened itself already.
    rustix::process::set_dumpable_behavior(DumpableBehavior::Dumpable).map_err(Refused::at("make /proc/self ours"))?;
    let capable = rustix::thread::capabilities(None).map_err(Refused::at("read capabilities"))?;
    if uid == 0 && !capable.effective.contains(CapabilitySet::SETFCAP) {
        // Since Linux 5.12; without a number the process would be nobody, and could not write what it owns.
        applied.lack(Layer::User, "root may not keep its number without CAP_SETFCAP");
        return Ok(());
    }
    // Some systems let anyone make one and then forbid to number its users: there is no way back out of it, so where that may be
    // a process that does not matter goes first.
    if may_trap()
        && let Err(error) = raw::in_child(|| numbered(uid, gid)).map_err(Refused::at("fork a forerunner"))?
    {
        applied.lack(Layer::User, words(&error));
        return Ok(());
    }
    if let Err(error) = raw::unshare(UnshareFlags::NEWUSER) {
        applied.lack(Layer::User, words(&error));
        return Ok(());
    }
    number(uid, gid).map_err(Refused::at("number the user of a namespace"))?;
    applied.held.insert(Layer::User);
    if let Err(error) = raw::unshare(UnshareFlags::NEWIPC) {
        applied.gaps.push(format!("shared memory and queues of System V are the host's: {error}"));
    }
    Ok(())
}

/// Whether this system may let one make a user namespace and not number its users: AppArmor does where it restricts them, and so
/// does a `/proc` that nobody may write to.
fn may_trap() -> bool {
    let restricted = fs::read("/proc/sys/kernel/apparmor_restrict_unprivileged_userns");
    restricted.is_ok_and(|value| value.trim_ascii() != b"0")
        || fs::OpenOptions::new().write(true).open("/proc/self/uid_map").is_err()
}

/// Makes the namespace and numbers its one user and group.
fn numbered(uid: u32, gid: u32) -> io::Result<()> {
    raw::unshare(UnshareFlags::NEWUSER)?;
    number(uid, gid)
}

fn number(uid: u32, gid: u32) -> io::Result<()> {
    fs::write("/proc/self/uid_map", format!("{uid} {uid} 1"))?;
    fs::write("/proc/self/setgroups", "deny")?;
    fs::write("/proc/self/gid_map", format!("{gid} {gid} 1"))
}

/// A network namespace, empty but for its loopback.
pub(super) fn leave_network(profile: &Profile, applied: &mut Applied) {
    if let Err(error) = raw::unshare(UnshareFlags::NEWNET) {
        applied.lack(Layer::Net, words(&error));
        return;
    }
    applied.held.insert(Layer::Net);
    if profile.network == Network::Loopback
        && let Err(error) = raw::loopback_up()
    {
        applied.gaps.push(format!("the loopback device stays down: {error}"));
    }
}

/// Makes the next fork the first process of a tree of its own.
pub(super) fn leave_tree(applied: &mut Applied) {
    match raw::unshare(UnshareFlags::NEWPID) {
        Ok(()) => {
            applied.held.insert(Layer::Pid);
        }
        Err(error) => applied.lack(Layer::Pid, words(&error)),
    }
}

/// No core dumps, and the ceilings of the profile.
pub(super) fn limit(profile: &Profile, applied: &mut Applied) -> Result<(), Refused> {
    let Limits { processes, memory, data, file } = profile.limits;
    // In a user namespace of its own only the tree is counted; outside, all that the user runs.
    let processes = processes.filter(|_| applied.holds(Layer::User));
    // What no group holds together is held for each process at least.
    let data = data.or(memory.filter(|_| !applied.limits(crate::Resource::Memory)));
    if let (Some(bytes), Some(_)) = (data, memory) {
        let how = "rlimit, each process".to_owned();
        applied.ceilings.push(crate::Ceiling { what: crate::Resource::Memory, most: bytes, how });
    }
    let ceilings = [
        (Resource::Core, Some(0)),
        (Resource::Nproc, processes.map(u64::from)),
        (Resource::Data, data),
        (Resource::Fsize, file),
    ];
    for (resource, ceiling) in ceilings {
        if let Some(ceiling) = ceiling {
            let held = rustix::process::getrlimit(resource).maximum.unwrap_or(u64::MAX).min(ceiling);
            let limit = Rlimit { current: Some(held), maximum: Some(held) };
            rustix::process::setrlimit(resource, limit).map_err(Refused::at("set a limit"))?;
        }
    }
    let root = rustix::process::geteuid().is_root();
    if let Some(number) = processes.filter(|_| !root && !applied.limits(crate::Resource::Processes)) {
        let how = "rlimit, the user namespace".to_owned();
        applied.ceilings.push(crate::Ceiling { what: crate::Resource::Processes, most: u64::from(number), how });
    }
    if profile.hosts
        && let Err(error) = fs::write("/proc/self/oom_score_adj", OOM_SCORE)
    {
        applied.gaps.push(format!("when memory runs out tools are not ended first: {error}"));
    }
    Ok(())
}

/// Gives up capabilities for good: all of them, but for what root keeps inside a user namespace.
pub(super) fn drop_capabilities(profile: &Profile, applied: &Applied) -> Result<(), Refused> {
    let root = rustix::process::geteuid().is_root();
    let mut kept = if root && applied.holds(Layer::User) { ROOT_KEEPS } else { CapabilitySet::empty() };
    if !kept.is_empty() && !profile.layers.contains(&Layer::Seccomp) {
        // A broker's workers make namespaces of their own, and root keeps its number in them only with this one.
        kept |= CapabilitySet::SETFCAP;
    }
    let held = rustix::thread::capabilities(None).map_err(Refused::at("read capabilities"))?;
    // Only who may change the set can drop from it; who may not has nothing that executing a program would bring back.
    if held.effective.contains(CapabilitySet::SETPCAP) {
        for bit in 0..u64::BITS {
            let one = CapabilitySet::from_bits_retain(1 << bit);
            if !kept.contains(one) && rustix::thread::remove_capability_from_bounding_set(one).is_err() {
                break; // The first number the kernel does not know.
            }
        }
    }
    let kept = kept & held.permitted;
    let sets = CapabilitySets { effective: kept, permitted: kept, inheritable: CapabilitySet::empty() };
    rustix::thread::set_capabilities(None, sets).map_err(Refused::at("drop capabilities"))
}

/// What a refusal to make a namespace means, in words a user can act on.
fn words(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(libc::ENOSPC) => "user.max_*_namespaces is reached or 0".to_owned(),
        Some(libc::EPERM) => "forbidden here (container, AppArmor or sysctl)".to_owned(),
        Some(libc::EINVAL) => "the kernel has no such namespace".to_owned(),
        _ => error.to_string(),
    }
}
