//! Keys that answer a question: `y` once, `n` no, `N` no with words. Typing ahead never approves: keys of the first half second
//! after a question appears are dropped, and there is no default.

use ace_core::{CallState, State};
use ace_schema::permission::Decision;
use ace_storage::Log;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use std::io::{BufRead, Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::answer::{answer, find_call};
use crate::opening::{clock, random};

/// How long a question must have been seen before a key counts.
const SEEN: Duration = Duration::from_millis(500);

type Open = Arc<Mutex<Option<(String, Instant)>>>;

/// Listens while a question is open.
pub struct Keys {
    open: Open,
    ended: Arc<AtomicBool>,
    listener: Option<JoinHandle<()>>,
}

impl Keys {
    /// A listener on stdin for one session.
    #[must_use]
    pub fn new(log: Log, person: String) -> Self {
        let (open, ended) = (Open::default(), Arc::new(AtomicBool::new(false)));
        let (theirs, end) = (open.clone(), ended.clone());
        let listener = std::thread::spawn(move || listen(&log, &person, &theirs, &end));
        Self { open, ended, listener: Some(listener) }
    }

    /// Learns from the state which question is open, if any.
    pub fn watch(&self, state: &State) {
        let waiting = state.calls().find(|c| c.state == CallState::Asked).map(|c| c.id.clone());
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        match (&*open, waiting) {
            (Some((old, _)), Some(new)) if *old == new => {}
            (_, Some(new)) => *open = Some((new, Instant::now())),
            (_, None) => *open = None,
        }
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        if let Some(listener) = self.listener.take() {
            // It looks around ten times a second; a terminal must not be left without echo.
            let _ = listener.join();
        }
    }
}

/// Keys come one by one and are not echoed, until this is dropped.
struct KeyByKey(Termios);

impl KeyByKey {
    fn begin() -> Option<Self> {
        let stdin = rustix::stdio::stdin();
        let before = tcgetattr(stdin).ok()?;
        let mut raw = before.clone();
        raw.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
        tcsetattr(stdin, OptionalActions::Now, &raw).ok()?;
        Some(Self(before))
    }
}

impl Drop for KeyByKey {
    fn drop(&mut self) {
        let _ = tcsetattr(rustix::stdio::stdin(), OptionalActions::Now, &self.0);
    }
}

fn listen(log: &Log, person: &str, open: &Open, ended: &AtomicBool) {
    let mut mode: Option<KeyByKey> = None;
    while !ended.load(Ordering::Relaxed) {
        let question = open.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some((call, since)) = question else {
            mode = None;
            std::thread::sleep(Duration::from_millis(30));
            continue;
        };
        if mode.is_none() {
            mode = KeyByKey::begin();
        }
        let Some(key) = key() else { continue };
        if since.elapsed() < SEEN {
            continue;
        }
        let (decision, why) = match key {
            b'y' => (Decision::Allow, String::new()),
            b'n' => (Decision::Deny, "the user said no".to_owned()),
            b'N' => {
                mode = None;
                let Some(why) = words() else { continue };
                (Decision::Deny, why)
            }
            _ => continue,
        };
        let recorded = find_call(log, Some(&call), None).and_then(|waiting| {
            let mut appender = log.append(clock())?;
            answer(&mut appender, &waiting, (decision, person, &why), random())
        });
        // Somebody else was faster: the record tells, and the screen shows it.
        drop(recorded);
        let mut open = open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.as_ref().is_some_and(|(id, _)| *id == call) {
            *open = None;
        }
    }
}

fn key() -> Option<u8> {
    let stdin = rustix::stdio::stdin();
    let mut fds = [PollFd::new(&stdin, PollFlags::IN)];
    let patience = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
    if !poll(&mut fds, Some(&patience)).is_ok_and(|n| n > 0) {
        return None;
    }
    let mut byte = [0];
    match std::io::stdin().lock().read(&mut byte) {
        Ok(1) => Some(byte[0]),
        _ => {
            // The terminal is gone: no key will come any more.
            std::thread::sleep(Duration::from_millis(100));
            None
        }
    }
}

/// A line of words for the model.
fn words() -> Option<String> {
    let _ = write!(std::io::stderr(), "  no, but: ");
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).ok()?;
    let line = line.trim();
    (!line.is_empty()).then(|| line.to_owned())
}
