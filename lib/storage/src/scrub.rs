//! A log written anew with some of its lines changed: the same records under the same numbers, in a chain of their own. It must
//! never know what is changed or why, and never touch the log that was.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::PathBuf;

use ace_schema::Line;

use crate::blobs::sync_folder;
use crate::clock::{Clock, stamp};
use crate::hash::{hex, sha256};
use crate::lines::{Lines, Piece};
use crate::log::Log;
use crate::pens::{self, Runner};
use crate::recover::{RecoverError, exchange, free};
use crate::tail::At;

/// What became of a log that was written anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scrubbed {
    /// Its lines.
    pub lines: u64,
    /// How many of them say something else now.
    pub changed: u64,
    /// Its head: the hash of the last line, hex.
    pub head: String,
    /// The folder as it was, where it lies now.
    pub old: PathBuf,
}

impl Log {
    /// Writes the log anew and puts it in the place of the old one, whose folder is renamed to `<id>.scrubbed-<time>` in one step.
    /// `change` gets each line and gives another one with the same stamp, or `None` to keep it. `None` if nothing is changed: then
    /// the log stays as it is.
    ///
    /// # Errors
    /// [`RecoverError::Busy`] while somebody runs or writes it, [`RecoverError::Nothing`] if it is damaged, or the disk's.
    pub fn scrub(
        &self,
        clock: &Clock,
        mut change: impl FnMut(&Line<'_>, &[u8]) -> io::Result<Option<Vec<u8>>>,
    ) -> Result<Option<Scrubbed>, RecoverError> {
        let folder = fs::canonicalize(self.folder().ok_or(io::Error::from(io::ErrorKind::NotADirectory))?)?;
        let _runner = Runner::take(&folder)?.ok_or(RecoverError::Busy)?;
        let file = File::open(folder.join("log.jsonl"))?;
        // Held until the copy is in its place: whoever waits for it finds then that the log has moved.
        pens::lock(&file)?;
        if pens::are_held(&folder.join("pens"))? {
            return Err(RecoverError::Busy);
        }
        if let Some(damage) = self.verify()?.damage {
            return Err(RecoverError::Nothing(damage));
        }
        let parent = folder.parent().ok_or(io::Error::from(io::ErrorKind::NotADirectory))?;
        let name = folder.file_name().and_then(|n| n.to_str()).ok_or(io::Error::from(io::ErrorKind::InvalidInput))?;
        let when: String = stamp(clock.now()).chars().take(19).filter(|c| !matches!(c, '-' | ':')).collect();
        let old = free(parent, &format!("{name}.scrubbed-{when}"))?;
        DirBuilder::new().mode(0o700).create(&old)?;
        let done = self.write_anew(&file, &old, &mut change).and_then(|done| {
            if done.as_ref().is_some_and(|done| done.changed > 0) {
                exchange(&old, &folder)?;
                sync_folder(parent)?;
            }
            Ok(done)
        });
        match done {
            Ok(Some(done)) if done.changed > 0 => Ok(Some(Scrubbed { old, ..done })),
            other => {
                // What was begun holds nothing that anybody waits for.
                let _ = fs::remove_dir_all(&old);
                other.map(|_| None).map_err(RecoverError::Io)
            }
        }
    }

    fn write_anew(
        &self,
        from: &File,
        to: &std::path::Path,
        change: &mut impl FnMut(&Line<'_>, &[u8]) -> io::Result<Option<Vec<u8>>>,
    ) -> io::Result<Option<Scrubbed>> {
        let folder = to.join("pens");
        DirBuilder::new().mode(0o700).create(&folder)?;
        if let Some(old) = self.beside("pens") {
            pens::copy(&old, &folder)?;
        }
        let log = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to.join("log.jsonl"))?;
        let mut out = io::BufWriter::with_capacity(1 << 20, log);
        let mut pieces = Lines::new(At { file: from, at: 0, to: u64::MAX });
        let mut done = Scrubbed { lines: 0, changed: 0, head: String::new(), old: PathBuf::new() };
        while let Some(Piece::Line(bytes)) = pieces.next_piece()? {
            let line = Line::parse(bytes).map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e.to_string()))?;
            let prev = line.prev.to_string();
            let mut new = change(&line, bytes)?;
            done.changed += u64::from(new.is_some());
            // From the first change on each line names another one before it. The first line names none, or one of another log.
            if done.lines > 0 && prev != done.head {
                let mut bytes = new.take().unwrap_or_else(|| bytes.to_vec());
                let mark = format!("\"prev\":\"{prev}\"");
                let at = bytes.windows(mark.len()).position(|w| w == mark.as_bytes());
                let at = at.ok_or(io::Error::from(io::ErrorKind::InvalidData))? + "\"prev\":\"".len();
                bytes[at..at + prev.len()].copy_from_slice(done.head.as_bytes());
                new = Some(bytes);
            }
            let bytes = new.as_deref().unwrap_or(bytes);
            done.head = hex(&sha256(bytes));
            done.lines += 1;
            out.write_all(bytes)?;
            out.write_all(b"\n")?;
        }
        out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        sync_folder(to)?;
        Ok(Some(done))
    }
}
