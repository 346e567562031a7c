//! Commands in the background: each with a thread that takes its output, so that it never waits for a reader, and a file
//! without a name that holds it: what nobody has looked through is not found on a disk. They end with the worker. It knows no
//! arguments.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::FileExt;
use std::os::unix::process::ExitStatusExt;
use std::process::Child;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ace_schema::data::Code;
use ace_schema::limits::{self, OUTPUT_HEAD_BYTES, OUTPUT_TAIL_BYTES};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, waitid};

use crate::call::Failed;
use crate::capture::head_length;
use crate::leash::Leash;
use crate::names::number;
use crate::spawn::Started;

/// What is told of new output: with the lines that go with it, no more than a call tells whole. The job keeps the rest.
const HEAD_BYTES: usize = OUTPUT_HEAD_BYTES - 256;
const TAIL_BYTES: usize = OUTPUT_TAIL_BYTES - 256;
/// Output of one page: fits the output of a call with a line that says where it goes on.
const PAGE_BYTES: usize = OUTPUT_HEAD_BYTES;

/// The background commands of a worker, those that have ended until they are forgotten included.
#[derive(Debug, Default)]
pub(crate) struct Jobs {
    all: Mutex<BTreeMap<u64, Arc<Running>>>,
    last: AtomicU64,
}

/// One of them.
#[derive(Debug)]
pub(crate) struct Running {
    pub id: u64,
    pub command: String,
    pid: Pid,
    input: Mutex<Option<File>>,
    state: Mutex<State>,
    /// Rings when there is output or the end.
    news: Condvar,
}

#[derive(Debug, Default)]
struct State {
    unread: Unread,
    bytes: u64,
    file: Option<File>,
    /// Bytes in the file.
    kept: u64,
    /// Nothing more goes into it.
    full: bool,
    /// How it ended, in words.
    ended: Option<String>,
}

/// Output that nobody has asked for yet: its head and its tail.
#[derive(Debug, Default)]
struct Unread {
    head: Vec<u8>,
    tail: Vec<u8>,
    bytes: u64,
}

impl Unread {
    fn push(&mut self, chunk: &[u8]) {
        self.bytes += chunk.len() as u64;
        let room = HEAD_BYTES.saturating_sub(self.head.len()).min(chunk.len());
        self.head.extend_from_slice(&chunk[..room]);
        let rest = &chunk[room..];
        self.tail.extend_from_slice(&rest[rest.len().saturating_sub(TAIL_BYTES)..]);
        if self.tail.len() > 2 * TAIL_BYTES {
            self.tail.drain(..self.tail.len() - TAIL_BYTES);
        }
    }

    fn take(&mut self) -> Self {
        std::mem::take(self)
    }
}

/// A part of all that a background command has said.
pub(crate) struct Page {
    pub text: Vec<u8>,
    /// Its first byte, and the one behind its last.
    pub from: u64,
    pub to: u64,
    /// So much is kept to be read.
    pub kept: u64,
}

/// What is told of a background command.
pub(crate) struct News {
    /// Output since it was last asked for, with a line for what is left out.
    pub text: Vec<u8>,
    /// `None` while it runs.
    pub ended: Option<String>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Jobs {
    /// The number of the next one.
    pub fn next(&self) -> u64 {
        self.last.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// Fails if there are as many as there may be. The oldest that have ended are forgotten for it.
    pub fn room(&self) -> Result<(), Failed> {
        let mut all = lock(&self.all);
        while all.len() >= limits::JOBS {
            let Some(ended) = all.values().find(|job| job.has_ended()).map(|job| job.id) else {
                let what = format!("{} commands run in the background; kill one first", limits::JOBS);
                return Err(Failed::new(Code::Limit, what));
            };
            all.remove(&ended);
        }
        Ok(())
    }

    /// Keeps a command that was started; `file` takes its output.
    pub fn keep(
        &self,
        id: u64,
        command: &str,
        started: Started,
        file: Option<File>,
        leash: Arc<Leash>,
    ) -> Result<Arc<Running>, Failed> {
        let Started { mut child, pid, mut output, input } = started;
        let state = Mutex::new(State { file, ..State::default() });
        let job = Arc::new(Running {
            id,
            command: command.to_owned(),
            pid,
            input: Mutex::new(input),
            state,
            news: Condvar::new(),
        });
        let mine = Arc::clone(&job);
        let thread = std::thread::Builder::new().stack_size(256 * 1024).spawn(move || {
            let mut chunk = [0_u8; 16 * 1024];
            loop {
                match output.read(&mut chunk) {
                    // A terminal whose last user is gone fails instead of ending.
                    Ok(0) | Err(_) => break,
                    Ok(n) => mine.take(&chunk[..n]),
                }
            }
            // Waited for, but not reaped yet: until then its number names its group and no other.
            let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
            while matches!(waitid(WaitId::Pid(pid), options), Err(rustix::io::Errno::INTR)) {}
            mine.end(&mut child);
            leash.ended(pid);
        });
        if thread.is_err() {
            let _ = rustix::process::kill_process_group(pid, Signal::KILL);
            return Err(Failed::new(Code::Limit, "no thread to be had"));
        }
        lock(&self.all).insert(id, Arc::clone(&job));
        Ok(job)
    }

    /// The one of that number.
    pub fn find(&self, id: u64) -> Option<Arc<Running>> {
        lock(&self.all).get(&id).cloned()
    }

    /// All there are, in the order of their start.
    pub fn list(&self) -> Vec<Arc<Running>> {
        lock(&self.all).values().cloned().collect()
    }
}

impl Running {
    fn take(&self, chunk: &[u8]) {
        let mut state = lock(&self.state);
        state.unread.push(chunk);
        let most = if state.full { 0 } else { limits::JOB_KEPT_BYTES };
        let room = most.saturating_sub(state.bytes).min(chunk.len() as u64);
        let room = usize::try_from(room).unwrap_or(chunk.len());
        state.bytes += chunk.len() as u64;
        let kept = state.kept;
        if let Some(file) = &state.file {
            match file.write_all_at(&chunk[..room], kept) {
                Ok(()) => state.kept += room as u64,
                // A full disk: what is there can be read on.
                Err(_) => state.full = true,
            }
        }
        drop(state);
        self.news.notify_all();
    }

    /// Reaps it. Under the lock, so that a signal meets it or knows that it is gone.
    fn end(&self, child: &mut Child) {
        let mut state = lock(&self.state);
        let status = child.wait().unwrap_or_default();
        state.ended = Some(match (status.code(), status.signal()) {
            (Some(code), _) => format!("exit {code}"),
            (None, signal) => format!("signal {}", signal.unwrap_or_default()),
        });
        drop(state);
        lock(&self.input).take();
        self.news.notify_all();
    }

    fn signal(&self, signal: Signal) {
        let state = lock(&self.state);
        if state.ended.is_none() {
            // Gone meanwhile is as good.
            let _ = rustix::process::kill_process_group(self.pid, signal);
        }
    }

    /// Whether it is over.
    pub fn has_ended(&self) -> bool {
        lock(&self.state).ended.is_some()
    }

    /// How it is doing, in words.
    pub fn standing(&self) -> String {
        let state = lock(&self.state);
        let standing = state.ended.clone().unwrap_or_else(|| "runs".to_owned());
        format!("{standing}, {} bytes of output, {} unread", number(state.bytes), number(state.unread.bytes))
    }

    /// What is new. Waits up to `patience` for the end; `stop` ends the waiting.
    pub fn news(&self, patience: Duration, stop: impl Fn() -> bool) -> News {
        let end = Instant::now() + patience;
        let mut state = lock(&self.state);
        while state.ended.is_none() && !stop() {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            // In short steps, since nobody rings for the order to stop.
            let wait = left.min(Duration::from_millis(100));
            state = self.news.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner).0;
        }
        let Unread { head, tail, bytes } = state.unread.take();
        let tail = &tail[tail.len().saturating_sub(TAIL_BYTES)..];
        let left = bytes - head.len() as u64 - tail.len() as u64;
        let mut text = head;
        if left > 0 {
            text.extend_from_slice(format!("\n[… {} bytes left out …]\n", number(left)).as_bytes());
        }
        text.extend_from_slice(tail);
        News { text, ended: state.ended.clone() }
    }

    /// All of its output from a byte on, as much as is told at once: whole words, since half a secret is one that nobody knows.
    pub fn page(&self, from: u64) -> Result<Page, Failed> {
        let io = |e: std::io::Error| Failed::new(Code::Io, format!("cannot read: {}", e.to_string().to_lowercase()));
        let state = lock(&self.state);
        let kept = state.kept;
        let Some(file) = &state.file else { return Err(Failed::new(Code::Io, "its output could not be kept")) };
        // One byte before: where a word has begun.
        let start = from.min(kept).saturating_sub(1);
        let mut text = Vec::new();
        let mut at = start;
        let most = start + 1 + PAGE_BYTES as u64;
        while at < kept.min(most) {
            let mut part = [0; 4096];
            let room = usize::try_from(kept.min(most) - at).unwrap_or(part.len()).min(part.len());
            match file.read_at(&mut part[..room], at).map_err(io)? {
                0 => break,
                n => text.extend_from_slice(&part[..n]),
            }
            at = start + text.len() as u64;
        }
        drop(state);
        let near = &text[..text.len().min(PAGE_BYTES / 4)];
        let gap = near.iter().position(u8::is_ascii_whitespace).map(|gap| gap + 1);
        // Something without any gaps goes on where it was left.
        let skipped = if from == 0 { 0 } else { gap.unwrap_or(text.len().min(1)) };
        let length = if at < kept { head_length(&text) } else { text.len() };
        let text = text.get(skipped..length).unwrap_or_default().to_vec();
        let from = start + skipped as u64;
        Ok(Page { to: from + text.len() as u64, text, from, kept })
    }

    /// Types something.
    pub fn type_in(&self, text: &str) -> Result<(), Failed> {
        let mut input = lock(&self.input);
        let file = input.as_mut().ok_or_else(|| Failed::new(Code::Arguments, "it has ended and reads nothing"))?;
        // A pipe holds more than one call may type, so a command that does not read blocks nobody for long: it is refused.
        let ready = {
            let mut fds = [rustix::event::PollFd::new(file, rustix::event::PollFlags::OUT)];
            let soon = rustix::event::Timespec { tv_sec: 1, tv_nsec: 0 };
            rustix::event::poll(&mut fds, Some(&soon)).is_ok_and(|n| n > 0)
        };
        if !ready {
            return Err(Failed::new(Code::Timeout, "it does not read what was typed before"));
        }
        file.write_all(text.as_bytes())
            .map_err(|e| Failed::new(Code::Io, format!("cannot type: {}", e.to_string().to_lowercase())))
    }

    /// Ends it: politely, then for good.
    pub fn kill(&self) {
        self.signal(Signal::TERM);
        let ended = |patience: u64| {
            let state = lock(&self.state);
            let wait = self.news.wait_timeout_while(state, Duration::from_millis(patience), |s| s.ended.is_none());
            wait.unwrap_or_else(PoisonError::into_inner).0.ended.is_some()
        };
        if !ended(limits::TERM_MS) {
            self.signal(Signal::KILL);
            ended(limits::TERM_MS);
        }
    }
}
