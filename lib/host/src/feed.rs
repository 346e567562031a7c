//! The way of recorded lines into one filter's stdin.
//!
//! Whoever has just recorded something hands it straight on, without blocking. A filter that does not keep up, or that was just
//! started, is caught up by a thread of its own with a reader of its own, so that it holds up nobody else. Lines on which it has
//! nothing to do wait for one on which it has, so that it is not woken for each.

use ace_schema::{Kind, Line, limits};
use ace_storage::Follower;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};

use crate::hub::{Hub, pump};
use crate::urgency::is_urgent;

/// One filter's stdin.
#[derive(Debug)]
pub struct Feed {
    stdin: Option<Arc<OwnedFd>>,
    /// A thread is catching it up.
    behind: bool,
    kind: Kind,
    /// Lines that wait for one that is urgent.
    waiting: Vec<u8>,
}

/// What a filter still has to get.
pub struct Backlog {
    stdin: Arc<OwnedFd>,
    /// The rest of a chunk that did not fit the pipe.
    rest: Vec<u8>,
    /// The line that tells it that the present is reached, if it has not been told.
    live: Option<Vec<u8>>,
}

impl Feed {
    /// A feed of a filter of that kind, which has got nothing yet, and the work to catch it up.
    ///
    /// # Errors
    /// The pipe cannot be made non-blocking.
    pub fn new(stdin: OwnedFd, kind: Kind) -> io::Result<(Self, Backlog)> {
        rustix::io::ioctl_fionbio(&stdin, true)?;
        let stdin = Arc::new(stdin);
        let live = Some(ace_schema::draft::control(ace_schema::ty::LOG_LIVE));
        let backlog = Backlog { stdin: stdin.clone(), rest: Vec::new(), live };
        Ok((Self { stdin: Some(stdin), behind: true, kind, waiting: Vec::new() }, backlog))
    }

    /// Hands whole lines on, now or with those that are urgent; `read` holds the same, if they can be read. What does not fit comes
    /// back as work for a thread.
    pub fn push(&mut self, lines: &[u8], read: Option<&[Line<'_>]>) -> Option<Backlog> {
        if self.behind || self.stdin.is_none() {
            return None;
        }
        let full = self.waiting.len() + lines.len() > limits::FEED_WAITING_BYTES;
        if !full && read.is_some_and(|read| !is_urgent(self.kind, read)) {
            self.waiting.extend_from_slice(lines);
            return None;
        }
        if self.waiting.is_empty() {
            return self.write(lines);
        }
        let mut all = std::mem::take(&mut self.waiting);
        all.extend_from_slice(lines);
        let backlog = self.write(&all);
        all.clear();
        self.waiting = all;
        backlog
    }

    /// Whether lines wait.
    pub fn holds(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Hands on what waits.
    pub fn flush(&mut self) -> Option<Backlog> {
        let all = std::mem::take(&mut self.waiting);
        self.write(&all)
    }

    fn write(&mut self, lines: &[u8]) -> Option<Backlog> {
        let stdin = self.stdin.clone()?;
        let mut rest = lines;
        while !rest.is_empty() {
            match rustix::io::write(&*stdin, rest) {
                Ok(n) => rest = &rest[n..],
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => {
                    self.behind = true;
                    return Some(Backlog { stdin, rest: rest.to_vec(), live: None });
                }
                // The filter is gone; whoever watches it knows.
                Err(_) => {
                    self.close();
                    return None;
                }
            }
        }
        None
    }

    /// The filter gets no more input: it finishes what it has read back and ends.
    pub fn close(&mut self) {
        self.stdin = None;
    }

    /// Whether this is still the feed that the backlog belongs to, and it is open: the filter may have fallen and been started
    /// again meanwhile, with a feed and a backlog of its own.
    fn is_of(&self, backlog: &Backlog) -> bool {
        self.stdin.as_ref().is_some_and(|stdin| Arc::ptr_eq(stdin, &backlog.stdin))
    }
}

/// Catches feed `at` of the hub up with the log, then hands it back. Runs until then, or until the filter is gone.
///
/// # Errors
/// The log cannot be read.
pub fn catch_up(hub: &Arc<Mutex<Hub>>, at: usize, mut backlog: Backlog, mut follow: Follower) -> io::Result<()> {
    let rest = std::mem::take(&mut backlog.rest);
    if !write_all(&backlog.stdin, &rest) {
        return Ok(());
    }
    loop {
        let lines = follow.read()?;
        if !lines.is_empty() {
            if !write_all(&backlog.stdin, lines) {
                return Ok(());
            }
            continue;
        }
        // History has ended for it; what comes now is the present, whoever hands it on.
        if let Some(live) = backlog.live.take() {
            if !write_all(&backlog.stdin, &live) {
                return Ok(());
            }
            continue;
        }
        // While it is behind, the hub passes it by. When both have read equally far, it can be handed back.
        pump(hub)?;
        let mut hub = hub.lock().unwrap_or_else(PoisonError::into_inner);
        if !hub.feed(at).is_of(&backlog) {
            return Ok(());
        }
        if follow.position() == hub.position() {
            hub.feed(at).behind = false;
            return Ok(());
        }
        // Ahead of the hub (it could not look while a writer held the lock): handed back now, it would get those lines twice.
        let ahead = follow.position() > hub.position();
        drop(hub);
        if ahead {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
    }
}

/// Writes all, waiting for room; `false` if the reader is gone.
fn write_all(stdin: &OwnedFd, mut bytes: &[u8]) -> bool {
    while !bytes.is_empty() {
        match rustix::io::write(stdin, bytes) {
            Ok(n) => bytes = &bytes[n..],
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => {
                let mut fds = [PollFd::new(stdin, PollFlags::OUT)];
                if poll(&mut fds, None).is_err_and(|e| e != Errno::INTR) {
                    return false;
                }
            }
            Err(_) => return false,
        }
    }
    true
}
