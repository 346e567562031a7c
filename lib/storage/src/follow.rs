//! The reading end of a log file. It must never hand on a line that is not yet on the disk, and never write to the log.

use std::collections::VecDeque;
use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use ace_schema::{Line, limits};

use crate::ancestry;
use crate::bell::{Bell, EVERYONE, LOOK};
use crate::chalk::ChalkReader;
use crate::log::Log;
use crate::pens;
use crate::store::Follow;

/// One log, open for reading as it grows.
#[derive(Debug)]
pub struct Follower {
    log: Log,
    file: File,
    bell: Option<Bell>,
    chalk: Option<ChalkReader>,
    bits: u32,
    /// The next byte to hand on.
    at: u64,
    /// The first record wanted, until it is known how many lines that leaves out.
    from: u64,
    skip: u64,
    buf: Vec<u8>,
    /// What of other logs comes first: files, and how far each counts.
    past: VecDeque<(File, u64)>,
    /// Bytes of the first of them that were handed on.
    past_at: u64,
    /// Bytes of all of them that were handed on or left out.
    past_done: u64,
}

impl Follower {
    /// Opens a log for reading from the record `from` on (0 or 1: all; one that is yet to come: from there).
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn open(log: &Log, from: u64) -> io::Result<Self> {
        let past = ancestry::segments(log)?.into();
        Self::open_at(log, from, past)
    }

    fn open_at(log: &Log, from: u64, past: VecDeque<(File, u64)>) -> io::Result<Self> {
        let file = File::open(log.file())?;
        let bell = log.beside("bell").and_then(|path| Bell::open(&path).ok());
        Ok(Self {
            log: log.clone(),
            file,
            bell,
            chalk: None,
            bits: EVERYONE,
            at: 0,
            from,
            skip: 0,
            buf: Vec::new(),
            past,
            past_at: 0,
            past_done: 0,
        })
    }

    /// Reads the chalk of the running turn as well, by [`chalk`](Self::chalk).
    #[must_use]
    pub fn with_chalk(mut self) -> Self {
        self.chalk = self.log.beside("live.jsonl").map(ChalkReader::new);
        self
    }

    /// Bytes of the log, and of those it goes on from, that were handed on or left out so far.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.past_done + self.at
    }

    /// A second reader that stands where this one stands.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn fork(&self) -> io::Result<Self> {
        let past = self.past.iter().map(|(file, len)| Ok((file.try_clone()?, *len))).collect::<io::Result<_>>()?;
        let mut twin = Self::open_at(&self.log, 0, past)?;
        (twin.at, twin.from, twin.skip) = (self.at, self.from, self.skip);
        (twin.past_at, twin.past_done) = (self.past_at, self.past_done);
        Ok(twin)
    }

    /// Leaves out all that is on the disk by now.
    ///
    /// # Errors
    /// Looking failed.
    pub fn skip_to_end(&mut self) -> io::Result<()> {
        self.past_done += self.past.drain(..).map(|(_, len)| len).sum::<u64>() - self.past_at;
        self.past_at = 0;
        self.at = self.limit()?;
        (self.from, self.skip) = (0, 0);
        Ok(())
    }

    /// Waits on one bit (1 to 31) only, so that an appender of the same process can [`spare`](crate::Appender::spare) it.
    #[must_use]
    pub fn on_bit(mut self, bit: u32) -> Self {
        self.bits = 1_u32.checked_shl(bit).unwrap_or(EVERYONE);
        self
    }

    /// Chalk that is new since the last call, whole lines; empty if there is none or it was not asked for.
    ///
    /// # Errors
    /// Reading failed.
    pub fn chalk(&mut self) -> io::Result<&[u8]> {
        match (&mut self.chalk, &self.bell) {
            (Some(chalk), Some(bell)) => chalk.read(bell),
            _ => Ok(&[]),
        }
    }

    /// Whole lines on the disk that were not handed on yet; empty if there are none.
    ///
    /// # Errors
    /// Reading failed.
    pub fn read(&mut self) -> io::Result<&[u8]> {
        while let Some((file, len)) = self.past.front() {
            let got = fill(file, &mut self.buf, self.past_at, *len)?;
            if got == 0 && self.past_at < *len {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "the log it was forked from was cut"));
            }
            self.past_at += got as u64;
            self.past_done += got as u64;
            if self.past_at == *len {
                self.past.pop_front();
                self.past_at = 0;
            }
            let begin = self.left_out(got);
            if begin < got {
                return Ok(&self.buf[begin..got]);
            }
        }
        let limit = self.limit()?;
        let mut begin = 0;
        let mut end = 0;
        while begin == end && self.at < limit {
            let got = fill(&self.file, &mut self.buf, self.at, limit)?;
            if got == 0 {
                break;
            }
            self.at += got as u64;
            begin = self.left_out(got);
            end = got;
        }
        Ok(&self.buf[begin..end])
    }

    /// How many of the first bytes in the buffer are lines before the first record wanted.
    fn left_out(&mut self, got: usize) -> usize {
        if self.from > 1 {
            let end = memchr::memchr(b'\n', &self.buf[..got]).unwrap_or(got);
            let first = Line::parse(&self.buf[..end]).ok().and_then(|line| line.seq).unwrap_or(1);
            self.skip = self.from.saturating_sub(first);
            self.from = 0;
        }
        let mut begin = 0;
        while self.skip > 0 {
            let Some(lf) = memchr::memchr(b'\n', &self.buf[begin..got]) else { break };
            begin += lf + 1;
            self.skip -= 1;
        }
        begin
    }

    /// Up to which byte lines may be handed on.
    fn limit(&mut self) -> io::Result<u64> {
        let len = self.file.metadata()?.len();
        let published = self.bell.as_ref().and_then(Bell::committed);
        match published {
            Some(bytes) if bytes == self.at && len == bytes => Ok(bytes),
            Some(bytes) if bytes > self.at && bytes <= len && self.ends_line(bytes)? => Ok(bytes),
            // No word, no credible word, or bytes beyond it: somebody is writing now, or was killed at it.
            _ if len > self.at => self.settle(),
            _ => Ok(self.at),
        }
    }

    fn ends_line(&self, at: u64) -> io::Result<bool> {
        let mut last = [0];
        Ok(at > 0 && read_full(&self.file, &mut last, at - 1)? == 1 && last == *b"\n")
    }

    /// Nobody holds the append lock, so what is there was left by a writer that was killed: brings it to the disk and says so
    /// in its place. While somebody does hold it there is nothing new.
    fn settle(&mut self) -> io::Result<u64> {
        let locked = match self.file.try_lock() {
            Ok(()) => true,
            Err(TryLockError::WouldBlock) => return Ok(self.at),
            // No locks here: then nobody writes here either.
            Err(TryLockError::Error(_)) => false,
        };
        let settled = self.settle_locked();
        if locked {
            pens::unlock(&self.file)?;
        }
        let (end, news) = settled?;
        if let Some(bell) = self.bell.as_ref().filter(|_| news) {
            bell.ring(EVERYONE);
        }
        Ok(end)
    }

    fn settle_locked(&mut self) -> io::Result<(u64, bool)> {
        if let Some(bell) = &mut self.bell {
            // Read-only media may have lost theirs: then it is as if there never was one.
            let _ = bell.refresh();
        } else if let Some(path) = self.log.beside("bell") {
            self.bell = Bell::open(&path).ok();
        }
        let len = self.file.metadata()?.len();
        let published = self.bell.as_ref().and_then(Bell::committed);
        let end = self.last_line_end(len)?;
        if published == Some(end) || end <= self.at {
            return Ok((end.max(self.at), false));
        }
        if self.bell.as_ref().is_some_and(Bell::is_poisoned) {
            return Ok((published.filter(|&p| p <= len).unwrap_or(0).max(self.at), false));
        }
        match self.file.sync_data() {
            // Media that cannot be written have nothing to lose.
            Err(e) if e.kind() == io::ErrorKind::ReadOnlyFilesystem || e.kind() == io::ErrorKind::InvalidInput => {}
            Err(e) => {
                if let Some(bell) = &self.bell {
                    bell.poison();
                }
                return Err(e);
            }
            Ok(()) => {}
        }
        let Some(bell) = &self.bell else { return Ok((end, false)) };
        bell.publish(end);
        Ok((end, bell.is_writable()))
    }

    /// Where the last whole line ends, not before what was handed on.
    fn last_line_end(&self, len: u64) -> io::Result<u64> {
        let mut buf = vec![0; limits::LINE_BYTES];
        let mut to = len;
        while to > self.at {
            let from = to.saturating_sub(buf.len() as u64).max(self.at);
            let got = read_full(&self.file, &mut buf[..(to - from) as usize], from)?;
            if let Some(lf) = memchr::memrchr(b'\n', &buf[..got]) {
                return Ok(from + lf as u64 + 1);
            }
            to = from;
        }
        Ok(self.at)
    }

    fn has_more(&mut self) -> io::Result<bool> {
        if !self.past.is_empty() {
            return Ok(true);
        }
        if let (Some(chalk), Some(bell)) = (&self.chalk, &self.bell)
            && chalk.has_more(bell)
        {
            return Ok(true);
        }
        Ok(self.limit()? > self.at)
    }

    /// Sleeps until there is something to read, chalk included if it was asked for; `false` after `timeout`.
    ///
    /// # Errors
    /// Looking failed.
    pub fn wait(&mut self, timeout: Duration) -> io::Result<bool> {
        let until = Instant::now().checked_add(timeout);
        loop {
            let armed = self.bell.as_ref().map(Bell::arm);
            if self.has_more()? {
                return Ok(true);
            }
            let left = until.map_or(LOOK, |until| until.saturating_duration_since(Instant::now())).min(LOOK);
            if left.is_zero() {
                return Ok(false);
            }
            match (&self.bell, armed) {
                (Some(bell), Some(armed)) => bell.wait(armed, self.bits, left),
                _ => std::thread::sleep(left),
            }
        }
    }
}

impl Follow for Follower {
    fn read(&mut self) -> io::Result<&[u8]> {
        Self::read(self)
    }

    fn wait(&mut self, timeout: Duration) -> io::Result<bool> {
        Self::wait(self, timeout)
    }
}

/// Reads whole lines between two places into the buffer; their length.
fn fill(file: &File, buf: &mut Vec<u8>, at: u64, limit: u64) -> io::Result<usize> {
    let left = usize::try_from(limit - at).unwrap_or(usize::MAX);
    let mut most = left.min(limits::FOLLOW_BYTES);
    loop {
        buf.resize(most, 0);
        let got = read_full(file, buf, at)?;
        if let Some(lf) = memchr::memrchr(b'\n', &buf[..got]) {
            return Ok(lf + 1);
        }
        if got < most || most == left {
            return Ok(0);
        }
        most = left.min(most.saturating_mul(2));
    }
}

/// Fills the buffer from a place in the file; less at its end.
pub(crate) fn read_full(file: &File, buf: &mut [u8], at: u64) -> io::Result<usize> {
    let mut got = 0;
    while got < buf.len() {
        match file.read_at(&mut buf[got..], at + got as u64) {
            Ok(0) => break,
            Ok(n) => got += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(got)
}
