//! The way out, shared by the loop and by tasks at work: whole lines, never torn, and the news that nobody listens.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// A handle to stdout. Clones write to the same stream.
#[derive(Debug, Clone)]
pub struct Out {
    lock: Arc<Mutex<()>>,
    broken: Arc<AtomicBool>,
    program: &'static str,
}

impl Out {
    /// The process's stdout, for the program of that name.
    #[must_use]
    pub fn stdout(program: &'static str) -> Self {
        Self { lock: Arc::default(), broken: Arc::default(), program }
    }

    /// Writes whole lines at once.
    ///
    /// # Errors
    /// The write failed; a broken pipe is remembered, and quiet from then on.
    pub fn write(&self, lines: &[u8]) -> io::Result<()> {
        let _guard = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        let stdout = io::stdout();
        let mut stdout = stdout.lock();
        let written = stdout.write_all(lines).and_then(|()| stdout.flush());
        match written {
            Err(e) if e.kind() == io::ErrorKind::BrokenPipe => {
                self.broken.store(true, Ordering::Relaxed);
                Ok(())
            }
            other => other,
        }
    }

    /// Whether a write has met a broken pipe.
    #[must_use]
    pub fn is_known_broken(&self) -> bool {
        self.broken.load(Ordering::Relaxed)
    }

    /// Whether nobody reads any more. Asks the kernel, so it works while there is nothing to write.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        if self.broken.load(Ordering::Relaxed) {
            return true;
        }
        let stdout = rustix::stdio::stdout();
        let mut fds = [PollFd::new(&stdout, PollFlags::empty())];
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        let gone = poll(&mut fds, Some(&now)).is_ok() && fds[0].revents().intersects(PollFlags::ERR | PollFlags::NVAL);
        if gone {
            self.broken.store(true, Ordering::Relaxed);
        }
        gone
    }

    /// One line for people, on stderr.
    pub fn note(&self, text: &str) {
        // A closed stderr is no reason to stop.
        let _ = writeln!(io::stderr(), "{}: {text}", self.program);
    }
}
