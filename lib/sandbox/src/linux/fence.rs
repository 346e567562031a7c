//! The Landlock layer: what may be opened, made and removed by path, where TCP may go, whom a signal may reach. It is laid
//! over the view if there is one, and stands alone where mounts are forbidden.

use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, LandlockStatus, PathBeneath, Ruleset,
    RulesetAttr, RulesetCreatedAttr, Scope,
};
use rustix::fs::{Mode, OFlags};

use crate::plan::Plan;
use crate::{Access, Applied, Layer, Network, Profile, Refused, places};

/// The newest interface this was written for; older kernels give what they have.
const NEWEST: ABI = ABI::V9;

/// Applies the layer. A kernel without Landlock is a lack.
pub(super) fn raise(profile: &Profile, plan: &Plan, applied: &mut Applied) -> Result<(), Refused> {
    let refused = |error: landlock::RulesetError| Refused::System {
        step: "apply landlock",
        source: std::io::Error::other(error.to_string()),
    };
    let mut ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(NEWEST))
        .map_err(refused)?
        .scope(Scope::Signal | Scope::AbstractUnixSocket)
        .map_err(refused)?;
    let tcp = closed_tcp(profile, applied);
    if !tcp.is_empty() {
        ruleset = ruleset.handle_access(tcp).map_err(refused)?;
    }
    let mut ruleset = ruleset.create().map_err(refused)?;
    for (path, rights) in rules(profile, plan, applied) {
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        let Ok(fd) = rustix::fs::open(&path, flags, Mode::empty()) else {
            continue;
        };
        let is_folder = rustix::fs::fstat(&fd)
            .is_ok_and(|meta| rustix::fs::FileType::from_raw_mode(meta.st_mode) == rustix::fs::FileType::Directory);
        let rights = if is_folder { rights } else { rights & AccessFs::from_file(NEWEST) };
        ruleset = ruleset.add_rule(PathBeneath::new(fd, rights)).map_err(refused)?;
    }
    let status = ruleset.restrict_self().map_err(refused)?;
    match status.landlock {
        LandlockStatus::Available { effective_abi, .. } => {
            applied.held.insert(Layer::Landlock);
            applied.landlock_abi = effective_abi as u32;
            gaps_of(applied);
        }
        LandlockStatus::NotEnabled => applied.lack(Layer::Landlock, "switched off at boot"),
        LandlockStatus::NotImplemented => applied.lack(Layer::Landlock, "the kernel has none"),
    }
    Ok(())
}

/// What an older interface leaves open and no other layer closes.
fn gaps_of(applied: &mut Applied) {
    let abi = applied.landlock_abi;
    if abi < 3 && !applied.holds(Layer::Mount) {
        applied.gaps.push(format!("landlock:{abi} lets files be cut short outside the writable paths"));
    }
    if abi < 6 && !applied.holds(Layer::Pid) {
        applied.gaps.push(format!("landlock:{abi} lets signals reach the user's other processes"));
    }
}

/// The TCP rights that no rule will give back.
fn closed_tcp(profile: &Profile, applied: &Applied) -> BitFlags<AccessNet> {
    match profile.network {
        Network::Full if profile.hosts => BitFlags::EMPTY,
        // A filter with a network is a client.
        Network::Full => AccessNet::BindTcp.into(),
        Network::Loopback if applied.holds(Layer::Net) => BitFlags::EMPTY,
        Network::Loopback | Network::None => AccessNet::from_all(NEWEST),
    }
}

/// Every path with its rights.
fn rules(profile: &Profile, plan: &Plan, applied: &mut Applied) -> Vec<(PathBuf, BitFlags<AccessFs>)> {
    let reading = AccessFs::Execute | AccessFs::ReadFile | AccessFs::ReadDir;
    let writing = AccessFs::from_all(NEWEST) & !(AccessFs::MakeChar | AccessFs::MakeBlock | AccessFs::IoctlDev);
    let device = AccessFs::ReadFile | AccessFs::WriteFile;
    let in_view = applied.holds(Layer::Mount);
    let mut rules = Vec::new();
    for (path, access) in &plan.entries {
        if !in_view && plan.sources.contains_key(path) {
            continue;
        }
        match access {
            // In a view too: what is hidden there is covered, but what is made later in a readable folder would show.
            Access::Layered if !in_view => around(path, plan, reading, &mut rules),
            Access::Read => around(path, plan, reading, &mut rules),
            Access::Write => rules.push((path.clone(), writing)),
            Access::Private | Access::Layered if in_view => rules.push((path.clone(), writing)),
            Access::Private | Access::Layered | Access::Hidden => {}
        }
    }
    if !in_view {
        applied.gaps.extend(plan.carved().map(|path| format!("{} stays writable", path.display())));
    }
    if profile.hosts {
        rules.push(("/proc".into(), reading));
        rules.extend(places::DEVICES.iter().map(|name| (name.into(), device | AccessFs::IoctlDev)));
        if in_view {
            rules.push(("/".into(), AccessFs::ReadDir.into()));
            rules.push(("/dev/pts".into(), device | AccessFs::ReadDir | AccessFs::IoctlDev));
            // What is mounted below them inherits these rights, for which [`Plan::take_apart`] has cared.
            rules.extend(places::TEMPORARY.into_iter().chain(["/dev/shm"]).map(|name| (name.into(), writing)));
        }
    }
    rules
}

/// Grants `path` but for the hidden paths below it: entry by entry where one lies, so that what is made there later stays
/// closed as well. The names in such a folder can be listed.
fn around(path: &Path, plan: &Plan, rights: BitFlags<AccessFs>, rules: &mut Vec<(PathBuf, BitFlags<AccessFs>)>) {
    if plan.hidden.contains(path) {
        return;
    }
    if !plan.hidden.iter().any(|hidden| hidden.starts_with(path)) {
        rules.push((path.to_owned(), rights));
        return;
    }
    rules.push((path.to_owned(), AccessFs::ReadDir.into()));
    let Ok(entries) = std::fs::read_dir(path) else {
        return;
    };
    for entry in entries.flatten() {
        // What a link leads to is granted, or not, under its own path.
        if entry.file_type().is_ok_and(|kind| !kind.is_symlink()) {
            around(&entry.path(), plan, rights, rules);
        }
    }
}
