//! A session kept in memory, for tests and for streams without a log: the same book as the file's, without the file.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ace_schema::{draft::BlobPartLine, limits, ty};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::batch::{Item, sort};
use crate::clock::Clock;
use crate::hash::{hex, is_sha, sha256};
use crate::ledger::Ledger;
use crate::store::{AppendError, Appended, Follow, Nib, Refusal, Store, Why};

/// A handle to one session; clones share it.
#[derive(Debug, Clone)]
pub struct Memory {
    shared: Arc<Shared>,
    clock: Clock,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    grown: Condvar,
}

#[derive(Debug)]
struct State {
    ledger: Ledger,
    lines: Vec<u8>,
    blobs: HashMap<String, Vec<u8>>,
    begun: HashMap<(u32, String), (usize, Vec<u8>)>,
    room: usize,
}

impl Memory {
    /// A session of that id without records.
    #[must_use]
    pub fn new(session: &str, clock: Clock) -> Self {
        let state = State {
            ledger: Ledger::new(session),
            lines: Vec::new(),
            blobs: HashMap::new(),
            begun: HashMap::new(),
            room: usize::MAX,
        };
        Self { shared: Arc::new(Shared { state: Mutex::new(state), grown: Condvar::new() }), clock }
    }

    /// How many bytes of lines it holds at most: the way to try a full disk.
    pub fn set_room(&self, bytes: usize) {
        self.state().room = bytes;
    }

    /// The bytes of a blob that arrived whole.
    #[must_use]
    pub fn blob(&self, sha: &str) -> Option<Vec<u8>> {
        self.state().blobs.get(sha).cloned()
    }

    /// Every recorded line.
    #[must_use]
    pub fn lines(&self) -> Vec<u8> {
        self.state().lines.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A thread that panicked elsewhere leaves the book whole: nothing in here stops half way.
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn take(&mut self, pen: u32, line: &BlobPartLine<'_>) -> Result<bool, Why> {
        if !is_sha(&line.sha) || line.of == 0 || line.part >= line.of {
            return Err(Why::Blob("part is not below of, or sha is none"));
        }
        let bytes = STANDARD.decode(line.data.as_bytes()).map_err(|_| Why::Blob("data is not base64"))?;
        if self.blobs.contains_key(line.sha.as_ref()) {
            return Ok(false);
        }
        let key = (pen, line.sha.to_string());
        if !self.begun.contains_key(&key) && self.begun.len() >= limits::BLOBS_BEGUN {
            return Err(Why::Blob("too many blobs have begun and not ended"));
        }
        let (next, whole) = self.begun.entry(key.clone()).or_default();
        let fits = (whole.len() + bytes.len()) as u64 <= limits::BLOB_BYTES;
        if line.part > *next || !fits {
            self.begun.remove(&key);
            return Err(Why::Blob("a part without the ones before it, or larger than a blob may be"));
        }
        if line.part < *next {
            return Ok(false);
        }
        whole.extend(bytes);
        *next += 1;
        if *next < line.of {
            return Ok(false);
        }
        let whole = self.begun.remove(&key).map(|(_, whole)| whole).unwrap_or_default();
        if hex(&sha256(&whole)) != line.sha {
            return Err(Why::Blob("the bytes do not have that hash"));
        }
        self.blobs.insert(line.sha.to_string(), whole);
        Ok(true)
    }
}

impl Store for Memory {
    type Follow = MemoryFollower;

    fn append(&mut self, pen: Nib, drafts: &[u8]) -> Result<Appended, AppendError> {
        let items = sort(drafts);
        let mut state = self.state();
        let (mut blobs, mut refused) = (0, Vec::new());
        for item in &items {
            let Item::Part(at, line) = item else { continue };
            match state.take(pen.number, line) {
                Ok(whole) => blobs += usize::from(whole),
                Err(why) => {
                    refused.push(Refusal { line: *at, id: line.sha.to_string(), ty: ty::LOG_BLOB.into(), why });
                }
            }
        }
        let kept = state.ledger.seq();
        let stamped = state.ledger.stamp_and_note(pen, &items, &self.clock);
        if stamped.lines.len() > state.room.saturating_sub(state.lines.len()) {
            state.ledger.undo(&stamped);
            return Err(AppendError::Full { kept });
        }
        state.lines.extend_from_slice(&stamped.lines);
        self.shared.grown.notify_all();
        refused.extend(stamped.refused);
        refused.sort_by_key(|r| r.line);
        Ok(Appended {
            first_seq: stamped.first,
            last_seq: state.ledger.seq(),
            lines: stamped.lines,
            chalk: stamped.chalk,
            dropped: stamped.dropped,
            refused,
            blobs,
        })
    }

    fn follow(&self, from: u64) -> io::Result<MemoryFollower> {
        Ok(MemoryFollower { of: self.clone(), at: 0, from, buf: Vec::new() })
    }
}

/// Reads a session kept in memory.
#[derive(Debug)]
pub struct MemoryFollower {
    of: Memory,
    at: usize,
    from: u64,
    buf: Vec<u8>,
}

impl Follow for MemoryFollower {
    fn read(&mut self) -> io::Result<&[u8]> {
        self.buf.clear();
        let state = self.of.shared.state.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(lf) = memchr::memchr(b'\n', &state.lines[self.at..]) {
            let line = &state.lines[self.at..=self.at + lf];
            if self.from > 1 {
                let first = ace_schema::Line::parse(&line[..lf]).ok().and_then(|l| l.seq).unwrap_or(0);
                if first >= self.from {
                    self.from = 0;
                }
            }
            if self.from <= 1 {
                self.buf.extend_from_slice(line);
            }
            self.at += lf + 1;
            if self.buf.len() >= limits::FOLLOW_BYTES {
                break;
            }
        }
        Ok(&self.buf)
    }

    fn wait(&mut self, timeout: Duration) -> io::Result<bool> {
        let until = Instant::now().checked_add(timeout);
        let mut state = self.of.shared.state.lock().unwrap_or_else(PoisonError::into_inner);
        while state.lines.len() <= self.at {
            let left = until.map_or(Duration::from_secs(3600), |u| u.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return Ok(false);
            }
            let woken = self.of.shared.grown.wait_timeout(state, left);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        Ok(true)
    }
}
