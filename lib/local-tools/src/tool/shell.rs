//! The shell tool: one command, its output in the order it comes, its whole family stopped in time.

use std::io::{PipeReader, Read};
use std::os::fd::OwnedFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ace_schema::data::Code;
use ace_schema::limits;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal};

use super::ms;
use crate::bench::{Bench, Cancel, Job};
use crate::call::{Completed, Failed};
use crate::capture::Capture;
use crate::delta::Deltas;

/// With a slash in it the standard library need not look it up in a changed PATH, and can use `posix_spawn`.
const SHELL: &str = "/bin/sh";

/// Threads that drain the pipes of processes left in the background.
static DRAINS: AtomicUsize = AtomicUsize::new(0);

pub(crate) fn run(job: Job<'_>) -> Result<Completed, Failed> {
    let command = job.args.text("command").unwrap_or_default();
    if command.len() > limits::COMMAND_BYTES {
        return Err(Failed::new(Code::Arguments, format!("command is longer than {} bytes", limits::COMMAND_BYTES)));
    }
    if command.contains('\0') {
        return Err(Failed::new(Code::Arguments, "command holds a null character"));
    }
    let limit = match job.args.number("timeout_ms") {
        None => limits::SHELL_MS,
        Some(asked) if asked > 0 => asked.unsigned_abs().min(limits::SHELL_MAX_MS),
        Some(_) => return Err(Failed::new(Code::Arguments, "timeout_ms must be above 0")),
    };
    let io = |e: std::io::Error| Failed::new(Code::Io, format!("cannot start sh: {}", e.to_string().to_lowercase()));
    let bell = job.cancel.bell().map_err(io)?;
    let (child, pid, pipe) = spawn(job.bench, command)?;
    let run = Run {
        bench: job.bench,
        leader: pidfd(pid),
        child,
        pid,
        pipe: Some(pipe),
        bell,
        status: None,
        capture: Capture::new(job.bench, job.id),
        deltas: Deltas::new(job.delta),
    };
    run.finish(job.cancel, limit)
}

fn spawn(bench: &Bench, command: &str) -> Result<(Child, Pid, PipeReader), Failed> {
    let place = &bench.place;
    let io = |e: std::io::Error| match std::fs::metadata(&place.root) {
        Err(_) => Failed::new(Code::NotFound, "the worktree is gone"),
        Ok(_) => Failed::new(Code::Io, format!("cannot start sh: {}", e.to_string().to_lowercase())),
    };
    let (pipe, writer) = std::io::pipe().map_err(io)?;
    let mut sh = Command::new(SHELL);
    sh.arg("-c").arg(command).current_dir(&place.root).env_clear().process_group(0);
    sh.envs(place.env.iter().map(|(name, value)| (name, value)));
    sh.stdin(Stdio::null()).stdout(writer.try_clone().map_err(io)?).stderr(writer);
    let started = bench.leash.start(|| {
        let child = sh.spawn()?;
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        pid.map(|pid| (child, pid)).ok_or_else(|| std::io::Error::other("no process id"))
    });
    // `sh` holds the writing ends until here; as long as one is open here, the pipe would never end.
    drop(sh);
    let child = started.ok_or_else(|| Failed::new(Code::Cancelled, "the worker is ending"))?.map_err(io)?;
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let pid = pid.ok_or_else(|| Failed::new(Code::Io, "no process id"))?;
    Ok((child, pid, pipe))
}

/// Something to poll for the end of the shell; without it, it is asked every now and then.
#[cfg(target_os = "linux")]
fn pidfd(pid: Pid) -> Option<OwnedFd> {
    rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()).ok()
}

#[cfg(not(target_os = "linux"))]
fn pidfd(_pid: Pid) -> Option<OwnedFd> {
    None
}

struct Run<'a> {
    bench: &'a Bench,
    child: Child,
    pid: Pid,
    /// Readable when the shell has ended.
    leader: Option<OwnedFd>,
    /// `None` once every writer has closed it.
    pipe: Option<PipeReader>,
    /// Hung up when the order to stop comes.
    bell: PipeReader,
    status: Option<ExitStatus>,
    capture: Capture<'a>,
    deltas: Deltas<'a>,
}

/// What woke the loop.
struct Woken {
    leader_ended: bool,
    bell: bool,
}

impl Run<'_> {
    fn finish(mut self, cancel: &Cancel, limit: u64) -> Result<Completed, Failed> {
        let deadline = Instant::now() + ms(limit);
        let mut linger: Option<Instant> = None;
        loop {
            let woken = self.wait(linger.unwrap_or(deadline), true);
            if self.status.is_none() && woken.leader_ended {
                self.reap();
            }
            if self.status.is_some() {
                let end = *linger.get_or_insert_with(|| Instant::now() + ms(limits::LINGER_MS));
                if self.pipe.is_none() || Instant::now() >= end {
                    return Ok(self.completed());
                }
            } else if woken.bell || cancel.is_given() {
                return Err(self.stopped(Failed::new(Code::Cancelled, "cancelled")));
            } else if Instant::now() >= deadline {
                return Err(self.stopped(Failed::new(Code::Timeout, format!("ran longer than {limit} ms"))));
            }
        }
    }

    /// Waits for output, the end of the shell, the order to stop, or `until`; takes what output there is.
    fn wait(&mut self, until: Instant, with_bell: bool) -> Woken {
        let mut time = until.saturating_duration_since(Instant::now());
        if let Some(due) = self.deltas.due() {
            time = time.min(due);
        }
        if self.leader.is_none() && self.status.is_none() {
            time = time.min(ms(5));
        }
        let mut woken = Woken { leader_ended: self.leader.is_none(), bell: false };
        let mut readable = false;
        {
            let mut fds: Vec<PollFd<'_>> = Vec::with_capacity(3);
            let mut roles: Vec<u8> = Vec::with_capacity(3);
            if let Some(pipe) = &self.pipe {
                fds.push(PollFd::new(pipe, PollFlags::IN));
                roles.push(b'o');
            }
            if let (Some(leader), None) = (&self.leader, self.status) {
                fds.push(PollFd::new(leader, PollFlags::IN));
                roles.push(b'l');
            }
            if with_bell && self.status.is_none() {
                fds.push(PollFd::new(&self.bell, PollFlags::IN));
                roles.push(b'b');
            }
            // Rounded up, so that the loop does not turn in place for the last part of a millisecond.
            let time = time + Duration::from_micros(50);
            let time = Timespec {
                tv_sec: i64::try_from(time.as_secs()).unwrap_or(i64::MAX),
                tv_nsec: time.subsec_nanos().into(),
            };
            if poll(&mut fds, Some(&time)).is_ok() {
                for (fd, role) in fds.iter().zip(roles) {
                    let ready = !fd.revents().is_empty();
                    match role {
                        b'o' => readable = ready,
                        b'l' => woken.leader_ended = ready,
                        _ => woken.bell = ready,
                    }
                }
            }
        }
        if readable {
            self.take();
        }
        self.deltas.send();
        woken
    }

    /// Reads once; there is something, or the end.
    fn take(&mut self) {
        let mut chunk = [0_u8; 64 * 1024];
        let Some(pipe) = &mut self.pipe else { return };
        match pipe.read(&mut chunk) {
            Ok(0) => self.pipe = None,
            Ok(n) => {
                self.capture.push(&chunk[..n]);
                self.deltas.push(&chunk[..n]);
            }
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => self.pipe = None,
        }
    }

    fn reap(&mut self) {
        self.status = self.child.try_wait().unwrap_or_else(|_| Some(ExitStatus::from_raw(0)));
        if self.status.is_some() {
            self.bench.leash.ended(self.pid);
        }
    }

    fn completed(mut self) -> Completed {
        let background = self.pipe.take();
        if let Some(pipe) = background {
            drain(pipe);
            let note = "[what still runs in the background holds the output; it is not read any further]\n";
            self.capture.push(note.as_bytes());
        }
        let status = self.status.unwrap_or_default();
        Completed {
            output: self.capture.finish(),
            exit: status.code(),
            signal: status.signal(),
            ..Completed::default()
        }
    }

    /// Stops the whole group, politely first, and what has left the group.
    fn stopped(mut self, failed: Failed) -> Failed {
        // The shell is not reaped before the last signal: until then its number names this group and no other.
        let _ = rustix::process::kill_process_group(self.pid, Signal::TERM);
        let end = Instant::now() + ms(limits::TERM_MS);
        let mut ended = false;
        while Instant::now() < end && !(ended && self.pipe.is_none()) {
            if ended {
                // Only the pipe is of interest now; its end is near, or the final signal.
                self.leader = None;
                self.wait(end.min(Instant::now() + ms(5)), false);
            } else {
                ended = self.wait(end, false).leader_ended && self.has_ended();
            }
        }
        let _ = rustix::process::kill_process_group(self.pid, Signal::KILL);
        self.status = self.child.wait().ok();
        self.bench.leash.kill_new_strays();
        self.bench.leash.ended(self.pid);
        let end = Instant::now() + ms(limits::LINGER_MS);
        while self.pipe.is_some() && Instant::now() < end {
            self.wait(end, false);
        }
        let output = self.capture.finish();
        if output.bytes == 0 { failed } else { failed.with(output) }
    }

    /// Whether the shell has ended, without reaping it.
    fn has_ended(&self) -> bool {
        use rustix::process::{WaitId, WaitIdOptions, waitid};
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        matches!(waitid(WaitId::Pid(self.pid), options), Ok(Some(_)) | Err(_))
    }
}

/// Reads a pipe to its end and forgets it, so that a process left in the background is not ended by a closed pipe.
fn drain(mut pipe: PipeReader) {
    if DRAINS.fetch_add(1, Ordering::SeqCst) >= limits::DRAINS {
        DRAINS.fetch_sub(1, Ordering::SeqCst);
        return;
    }
    let drained = std::thread::Builder::new().stack_size(128 * 1024).spawn(move || {
        let mut chunk = [0_u8; 16 * 1024];
        while !matches!(pipe.read(&mut chunk), Ok(0) | Err(_)) {}
        DRAINS.fetch_sub(1, Ordering::SeqCst);
    });
    if drained.is_err() {
        DRAINS.fetch_sub(1, Ordering::SeqCst);
    }
}
