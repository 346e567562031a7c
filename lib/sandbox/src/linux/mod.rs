//! Confinement on Linux: the order of the steps. Each step lives in a file of its own and knows nothing of the others; what
//! the next one needs is opened before the way to it is closed.

mod fence;
mod filter;
mod group;
mod leash;
mod namespaces;
mod program;
mod raw;
mod view;

use std::fs;

use rustix::process::DumpableBehavior;

use crate::plan::Plan;
use crate::{Applied, Ceiling, Lack, Layer, Profile, Refused, Resource, places};
use group::Group;
use leash::Leash;
use raw::Fork;

/// The kernel's own floor for the largest process number.
const PROCESSES_MIN: u32 = 301;

/// Gives the pages back that hold the program's code and constants. Most of them were needed to start and are not needed again;
/// those that are come back from the file, at the cost of a fault for each 64 KiB.
pub fn give_back() {
    raw::give_back();
}

/// Confines this process, for good. Call it first thing after the arguments are parsed, with one thread and no descriptor in
/// use beside `profile.keep`. The pid layer needs [`enter`] and is lacking here. After an error the process must end.
pub fn confine(profile: &Profile) -> Result<Applied, Refused> {
    let (mut plan, mut applied) = begin(profile)?;
    if profile.layers.contains(&Layer::Mount) {
        fit(&mut plan, profile, &mut applied);
    }
    leave(profile, &mut applied)?;
    if profile.layers.contains(&Layer::Pid) {
        applied.lack(Layer::Pid, "only a worker that is entered gets one");
    }
    finish(profile, &plan, applied)
}

/// Confines a worker: like [`confine`], but in a process tree of its own. Of the processes this makes, only the worker
/// returns; the one that called stays outside as its leash and ends with the worker's exit code (128 + n for signal n). When
/// the leash ends, in whatever way, or the process that started it does, the whole tree ends with it. The worker has left
/// its terminal and session. If the tree cannot be had, the leash ends what the worker leaves behind as far as it can.
pub fn enter(profile: &Profile) -> Result<Applied, Refused> {
    let (mut plan, mut applied) = begin(profile)?;
    let made = if profile.layers.contains(&Layer::Mount) { fit(&mut plan, profile, &mut applied) } else { Vec::new() };
    let group = Group::make(&profile.limits);
    let leash = Leash::take(made);
    leave(profile, &mut applied)?;
    if profile.layers.contains(&Layer::Pid) {
        namespaces::leave_tree(&mut applied);
    }
    let tree = applied.holds(Layer::Pid);
    if !tree {
        rustix::process::set_child_subreaper(Some(rustix::process::getpid())).map_err(Refused::at("adopt orphans"))?;
        applied.gaps.push("what a worker leaves behind outlives the kill of its leash".to_owned());
    }
    if let Fork::Parent(child) = raw::fork().map_err(Refused::at("fork the worker"))? {
        let _ = rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable);
        leash.hold(child, tree, &group);
    }
    leash::follow(&leash);
    drop(leash);
    join(&group, profile, &mut applied);
    let _ = rustix::process::setsid();
    let applied = finish(profile, &plan, applied)?;
    if tree && let Fork::Parent(worker) = raw::fork().map_err(Refused::at("fork the worker"))? {
        leash::reap(worker);
    }
    Ok(applied)
}

/// The first of the two layers without which nothing is called a sandbox (Landlock, seccomp) that this kernel does not have.
/// Two system calls: for who must decide before a worker is started.
pub fn missing() -> Option<Lack> {
    if let Err(error) = raw::landlock_abi() {
        return Some(Lack { layer: Layer::Landlock, why: error.to_string() });
    }
    let why = raw::seccomp_filters().err()?;
    Some(Lack { layer: Layer::Seccomp, why: why.to_string() })
}

/// Tries every layer for real, in a child that is thrown away, and says what holds on this kernel for a worker. Call it with
/// one thread.
pub fn probe() -> Result<Applied, Refused> {
    use std::io::{Read, Write};
    only_thread()?;
    let (reader, writer) =
        rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).map_err(Refused::at("make a pipe"))?;
    let child = match raw::fork().map_err(Refused::at("fork a probe"))? {
        Fork::Child => {
            use std::os::fd::AsRawFd;
            let mut profile = Profile::reader().read("/usr");
            profile.hosts = true;
            profile.limits = crate::Limits::of_machine();
            profile.network = crate::Network::Loopback;
            profile.layers = Layer::ALL.iter().copied().collect();
            profile.keep = [writer.as_raw_fd()].into();
            let mut writer = fs::File::from(writer);
            let report = match enter(&profile) {
                Ok(applied) => encode(&applied),
                Err(refused) => format!("refused\t{refused}\n"),
            };
            let _ = writer.write_all(report.as_bytes());
            raw::exit(0)
        }
        Fork::Parent(child) => child,
    };
    drop(writer);
    let mut report = String::new();
    let read = fs::File::from(reader).read_to_string(&mut report);
    let _ = rustix::process::waitpid(Some(child), rustix::process::WaitOptions::empty());
    read.map_err(Refused::at("read what the probe found"))?;
    decode(&report)
}

fn encode(applied: &Applied) -> String {
    let mut lines = format!("abi\t{}\n", applied.landlock_abi);
    for layer in &applied.held {
        lines.push_str(&format!("held\t{layer}\n"));
    }
    for lack in &applied.lacking {
        lines.push_str(&format!("lack\t{}\t{}\n", lack.layer, lack.why.replace(['\n', '\t'], " ")));
    }
    for ceiling in &applied.ceilings {
        lines.push_str(&format!("ceiling\t{}\t{}\t{}\n", ceiling.what.name(), ceiling.most, ceiling.how));
    }
    for gap in &applied.gaps {
        lines.push_str(&format!("gap\t{}\n", gap.replace(['\n', '\t'], " ")));
    }
    lines
}

fn decode(report: &str) -> Result<Applied, Refused> {
    let mut applied = Applied::default();
    let layer = |name: &str| Layer::ALL.iter().copied().find(|layer| layer.name() == name);
    for line in report.lines() {
        match line.split('\t').collect::<Vec<_>>()[..] {
            ["abi", number] => applied.landlock_abi = number.parse().unwrap_or(0),
            ["held", name] => applied.held.extend(layer(name)),
            ["lack", name, why] => {
                if let Some(layer) = layer(name) {
                    applied.lack(layer, why);
                }
            }
            ["ceiling", what, most, how] => {
                let what = if what == Resource::Memory.name() { Resource::Memory } else { Resource::Processes };
                applied.ceilings.push(Ceiling { what, most: most.parse().unwrap_or(0), how: how.to_owned() });
            }
            ["gap", text] => applied.gaps.push(text.to_owned()),
            _ => {
                return Err(Refused::System { step: "probe", source: std::io::Error::other(line.to_owned()) });
            }
        }
    }
    Ok(applied)
}

/// Goes into the group, and tells which ceilings hold for the tree as a whole.
fn join(group: &Group, profile: &Profile, applied: &mut Applied) {
    if let Err(error) = group.join() {
        applied.gaps.push(format!("the control group cannot be entered: {error}"));
        return;
    }
    if let (Some(bytes), Some(how)) = (profile.limits.memory, group.memory) {
        applied.ceilings.push(Ceiling { what: Resource::Memory, most: bytes, how: how.to_owned() });
    }
    if let (Some(number), Some(how)) = (profile.limits.processes, group.processes) {
        applied.ceilings.push(Ceiling { what: Resource::Processes, most: u64::from(number), how: how.to_owned() });
    }
}

/// Makes a plan fit a view. Returns the folders made for it.
fn fit(plan: &mut Plan, profile: &Profile, applied: &mut Applied) -> Vec<std::path::PathBuf> {
    let private: Vec<_> = plan
        .entries
        .iter()
        .filter(|(_, access)| **access == crate::Access::Private)
        .map(|(path, _)| path.clone())
        .collect();
    let replaced = profile.hosts || plan.tmp.is_some();
    let inherits = |path: &std::path::Path| {
        private.iter().any(|own| path.starts_with(own))
            || replaced && places::TEMPORARY.iter().any(|name| path.starts_with(name))
    };
    plan.take_apart(inherits, &mut applied.gaps);
    plan.fill(&mut applied.gaps)
}

/// What comes before any change: one thread, no foreign descriptor, paths resolved.
fn begin(profile: &Profile) -> Result<(Plan, Applied), Refused> {
    only_thread()?;
    raw::close_all_but(&profile.keep).map_err(Refused::at("close descriptors"))?;
    Ok((Plan::of(profile)?, Applied::default()))
}

/// Leaves the namespaces that hold no path: user first, since it gives the right to leave the others.
fn leave(profile: &Profile, applied: &mut Applied) -> Result<(), Refused> {
    if profile.layers.contains(&Layer::User) {
        namespaces::leave_user(applied)?;
    }
    if profile.layers.contains(&Layer::Net) {
        if profile.network == crate::Network::Full {
            applied.lack(Layer::Net, "the profile gives the host's network");
        } else {
            namespaces::leave_network(profile, applied);
        }
    }
    Ok(())
}

/// The rest, in the process that stays confined: limits while `/proc` can be written, the view, then what forbids mounts.
fn finish(profile: &Profile, plan: &Plan, mut applied: Applied) -> Result<Applied, Refused> {
    let stood = std::env::current_dir().ok();
    namespaces::limit(profile, &mut applied)?;
    if profile.layers.contains(&Layer::Mount) {
        view::step_into(profile, plan, &mut applied)?;
    }
    stand(profile, stood.as_deref())?;
    namespaces::drop_capabilities(profile, &applied)?;
    rustix::thread::set_no_new_privs(true).map_err(Refused::at("give up new privileges"))?;
    if profile.layers.contains(&Layer::Landlock) {
        fence::raise(profile, plan, &mut applied)?;
    }
    if profile.hosts && !applied.holds(Layer::Mount) {
        applied.gaps.push("modes and times of files outside can be changed".to_owned());
    }
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(Refused::at("hide memory"))?;
    if profile.layers.contains(&Layer::Seccomp) {
        filter::install(profile, &mut applied);
    }
    applied.check(profile)
}

/// Goes to the profile's folder. It gives no rights, and one that was asked for must be there.
fn stand(profile: &Profile, stood: Option<&std::path::Path>) -> Result<(), Refused> {
    match &profile.cwd {
        Some(cwd) => {
            std::env::set_current_dir(cwd).map_err(|error| Refused::Path { path: cwd.clone(), why: error.to_string() })
        }
        None => {
            let there = stood.is_some_and(|path| std::env::set_current_dir(path).is_ok());
            if there { Ok(()) } else { std::env::set_current_dir("/").map_err(Refused::at("enter /")) }
        }
    }
}

fn only_thread() -> Result<(), Refused> {
    let threads = fs::read_dir("/proc/self/task").map_err(Refused::at("count threads"))?.count();
    if threads == 1 { Ok(()) } else { Err(Refused::Threads(threads)) }
}
