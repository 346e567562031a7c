//! Chalk: the deltas of the running turn beside the log, for followers outside of the star. Nothing depends on it; it must never
//! hold up a record.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::PathBuf;

use ace_schema::limits;

use crate::bell::Bell;
use crate::follow::read_full;

/// The file `live.jsonl`, opened when it is first needed.
#[derive(Debug)]
pub(crate) struct Chalk {
    path: PathBuf,
    file: Option<File>,
}

impl Chalk {
    pub fn at(path: PathBuf) -> Self {
        Self { path, file: None }
    }

    /// Adds lines and publishes their length. Call it with the append lock held.
    pub fn write(&mut self, bell: &Bell, lines: &[u8]) -> io::Result<()> {
        if lines.is_empty() || !bell.is_writable() {
            return Ok(());
        }
        let (mut generation, mut bytes) = bell.live();
        let file = self.open()?;
        if u64::from(bytes) + lines.len() as u64 > limits::LIVE_BYTES {
            file.set_len(0)?;
            generation = generation.wrapping_add(1);
            bytes = 0;
            // Readers must not take what comes now for the rest of what was there.
            bell.publish_live(generation, 0);
        }
        file.write_all_at(lines, u64::from(bytes))?;
        bell.publish_live(generation, bytes.saturating_add(u32::try_from(lines.len()).unwrap_or(u32::MAX)));
        Ok(())
    }

    /// Wipes it: the turn has ended.
    pub fn clear(&mut self, bell: &Bell) -> io::Result<()> {
        let (generation, bytes) = bell.live();
        if bytes > 0 {
            bell.publish_live(generation.wrapping_add(1), 0);
            self.open()?.set_len(0)?;
        }
        Ok(())
    }

    fn open(&mut self) -> io::Result<&File> {
        let file = match self.file.take() {
            Some(file) => file,
            None => {
                OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&self.path)?
            }
        };
        Ok(self.file.insert(file))
    }
}

/// The reading end.
#[derive(Debug)]
pub(crate) struct ChalkReader {
    path: PathBuf,
    file: Option<File>,
    generation: u32,
    at: u32,
    buf: Vec<u8>,
}

impl ChalkReader {
    pub fn new(path: PathBuf) -> Self {
        Self { path, file: None, generation: 0, at: 0, buf: Vec::new() }
    }

    pub fn has_more(&self, bell: &Bell) -> bool {
        let (generation, bytes) = bell.live();
        (generation != self.generation && bytes > 0) || bytes > self.at
    }

    /// Whole lines that are new.
    pub fn read(&mut self, bell: &Bell) -> io::Result<&[u8]> {
        let (generation, bytes) = bell.live();
        if generation != self.generation {
            self.generation = generation;
            self.at = 0;
        }
        self.buf.clear();
        if bytes <= self.at {
            return Ok(&self.buf);
        }
        let file = match self.file.take() {
            Some(file) => file,
            None => File::open(&self.path)?,
        };
        let most = ((bytes - self.at) as usize).min(limits::LIVE_BYTES as usize);
        self.buf.resize(most, 0);
        let got = read_full(&file, &mut self.buf, u64::from(self.at))?;
        self.file = Some(file);
        // Wiped while we read: what we have may be of both.
        let fresh = bell.live().0 == generation;
        let whole = memchr::memrchr(b'\n', &self.buf[..got]).map_or(0, |lf| lf + 1);
        self.buf.truncate(if fresh { whole } else { 0 });
        self.at += u32::try_from(self.buf.len()).unwrap_or(0);
        Ok(&self.buf)
    }
}
