//! The processes that commands leave behind: none outlives the worker. It knows no call and no output.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitOptions};

/// Children of this process, by group leader, and orphans that became its children.
#[derive(Debug, Default)]
pub(crate) struct Leash {
    /// This process takes in orphans and may reap any child.
    leads: bool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Shells of running calls.
    running: HashSet<Pid>,
    /// Orphans of calls that have ended.
    strays: HashSet<Pid>,
    closed: bool,
}

impl Leash {
    /// Makes this process the one that orphans of its descendants fall to.
    pub fn leading() -> Self {
        #[cfg(target_os = "linux")]
        let leads = rustix::process::set_child_subreaper(Some(rustix::process::getpid())).is_ok();
        #[cfg(not(target_os = "linux"))]
        let leads = false;
        Self { leads, state: Mutex::default() }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts a child with `spawn`; nothing is reaped before its pid is known. `None` when the leash is closed.
    pub fn start<E>(
        &self,
        spawn: impl FnOnce() -> Result<(std::process::Child, Pid), E>,
    ) -> Option<Result<std::process::Child, E>> {
        let mut state = self.state();
        if state.closed {
            return None;
        }
        Some(spawn().map(|(child, pid)| {
            state.running.insert(pid);
            child
        }))
    }

    /// A shell has ended and was reaped; what it left behind is noted.
    pub fn ended(&self, pid: Pid) {
        let mut state = self.state();
        state.running.remove(&pid);
        if !self.leads || !state.running.is_empty() {
            return;
        }
        // No other wait is under way, so any child may be reaped here.
        let alive = reap();
        state.strays = if alive { children().into_iter().collect() } else { HashSet::new() };
    }

    /// Kills what a call has put out of its group: orphans that were not there when the last call ended.
    pub fn kill_new_strays(&self) {
        if !self.leads {
            return;
        }
        for _ in 0..20 {
            let state = self.state();
            let new: Vec<Pid> = children()
                .into_iter()
                .filter(|pid| !state.running.contains(pid) && !state.strays.contains(pid))
                .collect();
            for pid in &new {
                // It is our child and not reaped, so the number is still its own.
                let _ = rustix::process::kill_process(*pid, Signal::KILL);
                let _ = rustix::process::waitpid(Some(*pid), WaitOptions::NOHANG);
            }
            drop(state);
            if new.is_empty() {
                return;
            }
            // Their own children fall to us only when they are gone.
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Kills everything and lets nothing start any more.
    pub fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        for pid in &state.running {
            let _ = rustix::process::kill_process_group(*pid, Signal::KILL);
        }
        if !self.leads {
            return;
        }
        for _ in 0..100 {
            let all = children();
            if all.is_empty() {
                return;
            }
            for pid in &all {
                let _ = rustix::process::kill_process(*pid, Signal::KILL);
                if !state.running.contains(pid) {
                    let _ = rustix::process::waitpid(Some(*pid), WaitOptions::NOHANG);
                }
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

/// Reaps every child that has ended; whether any is left.
fn reap() -> bool {
    loop {
        match rustix::process::wait(WaitOptions::NOHANG) {
            Ok(Some(_)) => {}
            Ok(None) => return true,
            Err(_) => return false,
        }
    }
}

/// The children of this process. Empty where the system does not tell, or tells about another process namespace than ours.
fn children() -> Vec<Pid> {
    let own = rustix::process::getpid().as_raw_nonzero().get();
    if std::fs::read_link("/proc/self").ok().and_then(|name| name.to_str()?.parse::<i32>().ok()) != Some(own) {
        return Vec::new();
    }
    let Ok(tasks) = std::fs::read_dir("/proc/self/task") else { return Vec::new() };
    let lists = tasks.flatten().filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
    let mut all: Vec<Pid> = Vec::new();
    for list in lists {
        all.extend(list.split_ascii_whitespace().filter_map(|pid| Pid::from_raw(pid.parse().ok()?)));
    }
    all
}
