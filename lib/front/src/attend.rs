//! Commands that are waited for: each in a group of its own, so that ^C, a deadline, or the end of this program ends all of it. A
//! shell may go on after ^C (dash forgets one that comes while it starts a command): who leads a group is not relied on.

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::interrupt::Interrupt;

/// How often it is looked whether a command has ended.
const LOOK: Duration = Duration::from_millis(3);
/// How long a command that was told to end may take.
const FAREWELL: Duration = Duration::from_secs(5);

/// The groups that run now: who ends this process ends them.
static GROUPS: Mutex<Vec<Pid>> = Mutex::new(Vec::new());

/// How the wait for a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// By itself, so.
    Exited(ExitStatus),
    /// A person wanted it to end; nothing of it runs any more.
    Stopped,
    /// It took too long; nothing of it runs any more.
    Late,
}

/// A command that runs.
#[derive(Debug)]
pub struct Attended {
    child: Child,
    group: Option<Pid>,
}

impl Attended {
    /// Starts it in a group of its own.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(command: &mut Command) -> io::Result<Self> {
        // Held from before the start: no signal comes between it and the entry.
        let mut groups = GROUPS.lock().unwrap_or_else(PoisonError::into_inner);
        let child = command.process_group(0).spawn()?;
        let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        groups.extend(group);
        Ok(Self { child, group })
    }

    /// What it says on stderr, if that was asked for; the first time.
    pub fn stderr(&mut self) -> Option<std::process::ChildStderr> {
        self.child.stderr.take()
    }

    /// Waits until it ends, is not wanted any more, or the deadline has passed.
    ///
    /// # Errors
    /// It cannot be waited for.
    pub fn wait(mut self, stop: &Interrupt, deadline: Option<Instant>) -> io::Result<Ended> {
        loop {
            // Looked at first: what ^C has made of a command is not what it says.
            let stopped = stop.is_wanted();
            if stopped || deadline.is_some_and(|deadline| Instant::now() > deadline) {
                self.end()?;
                return Ok(if stopped { Ended::Stopped } else { Ended::Late });
            }
            if self.has_ended()? {
                let status = self.child.wait()?;
                return Ok(if stop.is_wanted() { Ended::Stopped } else { Ended::Exited(status) });
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Whether its first process has; it stays there to be asked, so that its number is nobody else's.
    fn has_ended(&self) -> io::Result<bool> {
        let Some(pid) = self.group else { return Ok(true) };
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        match waitid(WaitId::Pid(pid), options) {
            Ok(found) => Ok(found.is_some()),
            Err(rustix::io::Errno::INTR) => Ok(false),
            Err(e) => Err(e.into()),
        }
    }

    /// Asks all of it to end, waits a while, and ends what is left.
    fn end(&mut self) -> io::Result<()> {
        let asked = Instant::now();
        self.tell(Signal::INT);
        while asked.elapsed() < FAREWELL && !self.has_ended()? {
            std::thread::sleep(LOOK);
        }
        self.tell(Signal::KILL);
        self.child.wait().map(drop)
    }

    fn tell(&self, signal: Signal) {
        if let Some(group) = self.group {
            let _ = kill_process_group(group, signal);
        }
    }
}

impl Drop for Attended {
    fn drop(&mut self) {
        GROUPS.lock().unwrap_or_else(PoisonError::into_inner).retain(|group| Some(*group) != self.group);
    }
}

/// Tells all that runs to end, since this process does.
pub fn end_all(signal: Signal) {
    for group in GROUPS.lock().unwrap_or_else(PoisonError::into_inner).iter() {
        let _ = kill_process_group(*group, signal);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Attended {
        Attended::start(Command::new("sh").args(["-c", script])).unwrap()
    }

    #[test]
    fn a_command_says_how_it_ended() {
        let ended = shell("exit 3").wait(&Interrupt::default(), None).unwrap();
        assert!(matches!(ended, Ended::Exited(status) if status.code() == Some(3)), "{ended:?}");
    }

    #[test]
    fn a_shell_that_does_not_hear_the_first_signal_ends_with_what_it_started() {
        let here = tempfile::tempdir().unwrap();
        let path = here.path().join("pids");
        // The shell ignores ^C, what it starts does as well; the last is not waited for by anybody.
        let script =
            format!("trap '' INT; sleep 600 & echo $$ $! > {0}.part; mv {0}.part {0}; sleep 600", path.display());
        let command = shell(&script);
        let stop = Interrupt::default();
        let wanted = stop.clone();
        let read = path.clone();
        let person = std::thread::spawn(move || {
            while !read.exists() {
                std::thread::sleep(LOOK);
            }
            wanted.want();
        });
        assert_eq!(command.wait(&stop, None).unwrap(), Ended::Stopped);
        person.join().unwrap();
        for pid in std::fs::read_to_string(path).unwrap().split_whitespace() {
            let pid = Pid::from_raw(pid.parse().unwrap()).unwrap();
            // Killed is not yet reaped, by whoever reaps orphans here.
            let state = || std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap_or_default();
            let gone = || state().rsplit(") ").next().is_none_or(|rest| rest.is_empty() || rest.starts_with('Z'));
            let begun = Instant::now();
            while !gone() && begun.elapsed() < Duration::from_secs(30) {
                std::thread::sleep(LOOK);
            }
            assert!(gone(), "{}", state());
        }
    }

    #[test]
    fn a_command_that_takes_too_long_is_ended() {
        let ended = shell("sleep 600").wait(&Interrupt::default(), Some(Instant::now())).unwrap();
        assert_eq!(ended, Ended::Late);
    }
}
