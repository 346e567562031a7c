//! The shell tool: one command, its output in the order it comes, its whole family stopped in time; or one left in the background.

use std::fs::File;
use std::io::{PipeReader, Read};
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ace_schema::data::Code;
use ace_schema::limits;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal};

use super::ms;
use crate::bench::{Bench, Cancel, Job};
use crate::call::{Completed, Failed};
use crate::capture::{Capture, nameless};
use crate::delta::Deltas;
use crate::kept::{self, Kept};
use crate::names::shown_path;
use crate::spawn::{Start, Started};

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
    if job.args.flag("background") {
        return background(&job, command);
    }
    let io = |e: std::io::Error| Failed::new(Code::Io, format!("cannot start sh: {}", e.to_string().to_lowercase()));
    let bell = job.cancel.bell().map_err(io)?;
    let place = &job.bench.place;
    let keeps = job.args.flag("keep");
    let before = if keeps { Some(job.bench.kept()) } else { None };
    let terminal = job.args.flag("terminal");
    let told = place.tmp.join(Kept::file(job.id));
    let told = told.to_string_lossy();
    let start = Start {
        command,
        around: keeps.then_some(kept::AROUND),
        cwd: before.as_ref().map_or(&place.root, |kept| &kept.cwd),
        env: before.as_ref().map_or(&place.env, |kept| &kept.env),
        extra: keeps.then_some((kept::VARIABLE, &told)),
        terminal,
        input: false,
    };
    let Started { child, pid, output, .. } = start.run(job.bench)?;
    let id = job.id;
    let run = Run {
        bench: job.bench,
        leader: pidfd(pid),
        child,
        pid,
        pipe: Some(output),
        bell,
        status: None,
        terminal,
        held_return: false,
        capture: Capture::new(job.bench, job.id),
        deltas: Deltas::new(job.delta),
        kept: before.map(|before| (before, id)),
    };
    run.finish(job.cancel, limit)
}

/// Starts a command and leaves it running.
fn background(job: &Job<'_>, command: &str) -> Result<Completed, Failed> {
    if job.args.flag("keep") || job.args.number("timeout_ms").is_some() {
        return Err(Failed::new(Code::Arguments, "a background command has no time limit and keeps nothing"));
    }
    let bench = job.bench;
    bench.jobs.room()?;
    let file = nameless(&bench.place.tmp).ok();
    let terminal = job.args.flag("terminal");
    let place = &bench.place;
    let start = Start { command, around: None, cwd: &place.root, env: &place.env, extra: None, terminal, input: true };
    let started = start.run(bench)?;
    let running = bench.jobs.keep(bench.jobs.next(), command, started, file, Arc::clone(&bench.leash))?;
    // What fails at once is told at once.
    let news = running.news(ms(limits::LINGER_MS), || job.cancel.is_given());
    let mut capture = Capture::new(bench, job.id);
    capture.push(&news.text);
    let standing = news.ended.unwrap_or_else(|| "runs".to_owned());
    let line = format!("[job {} {standing}]\n", running.id);
    if !news.text.is_empty() && !news.text.ends_with(b"\n") {
        capture.push(b"\n");
    }
    capture.push(line.as_bytes());
    Ok(super::told(capture.finish()))
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
    pipe: Option<File>,
    /// Hung up when the order to stop comes.
    bell: PipeReader,
    status: Option<ExitStatus>,
    terminal: bool,
    /// A carriage return of a terminal that may belong to a line feed still to come.
    held_return: bool,
    capture: Capture<'a>,
    deltas: Deltas<'a>,
    /// The state a kept command started from, and the call's number.
    kept: Option<(Kept, u64)>,
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
            Ok(n) if self.terminal => {
                let plain = self.without_returns(&chunk[..n]);
                self.capture.push(&plain);
                self.deltas.push(&plain);
            }
            Ok(n) => {
                self.capture.push(&chunk[..n]);
                self.deltas.push(&chunk[..n]);
            }
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => self.pipe = None,
        }
    }

    /// A terminal ends lines with CR LF; models and people read them better without.
    fn without_returns(&mut self, chunk: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(chunk.len() + 1);
        for byte in chunk {
            if std::mem::take(&mut self.held_return) && *byte != b'\n' {
                out.push(b'\r');
            }
            match byte {
                b'\r' => self.held_return = true,
                byte => out.push(*byte),
            }
        }
        out
    }

    /// What a kept command has changed for the next one, said if it is another folder.
    fn keep(&mut self) {
        let Some((before, id)) = self.kept.take() else { return };
        match Kept::take(self.bench, id) {
            Some(after) => {
                if after.cwd != before.cwd {
                    self.capture.push(format!("[now in {}]\n", shown_path(&after.cwd)).as_bytes());
                }
                self.bench.keep(after);
            }
            None => self.capture.push(b"[the working directory and variables are as before this command]\n"),
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
        self.keep();
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
fn drain(mut pipe: File) {
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
