//! A clean copy of a damaged log: the lines that its chain proves, in a session folder of their own. It must never change or
//! remove a byte of the damaged one.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use ace_schema::LineError;
use ace_schema::data::LogRecovered;

use crate::blobs::sync_folder;
use crate::clock::{Clock, stamp};
use crate::lines::{Lines, Piece};
use crate::log::Log;
use crate::pens::{self, Runner};
use crate::store::{AppendError, Fault};
use crate::tail::At;
use crate::verify::Damage;

/// What a recovery kept, and where the rest is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovered {
    /// Why there was something to recover.
    pub damage: Damage,
    /// Lines that were kept, from the first on.
    pub lines: u64,
    /// Number of the last of them.
    pub last_seq: u64,
    /// Lines that were not kept; a torn last one counts.
    pub left: u64,
    /// Their bytes.
    pub left_bytes: u64,
    /// The folder of the clean log.
    pub clean: PathBuf,
    /// The file in it that holds the bytes that were not kept.
    pub aside: String,
    /// The damaged folder as it was, where it lies now.
    pub damaged: PathBuf,
}

/// Why nothing was recovered. Nothing is changed then.
#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    /// Every line is whole; a blob may be missing.
    #[error("every line is whole")]
    Whole(Option<Damage>),
    /// Not even the first line can be relied on.
    #[error("{0}")]
    Nothing(Damage),
    /// A newer version wrote it: that is no damage.
    #[error("{0}")]
    Newer(Damage),
    /// Somebody runs or writes the session.
    #[error("somebody writes it")]
    Busy,
    /// The folder for the copy is there already.
    #[error("{} is there already", .0.display())]
    Taken(PathBuf),
    /// Reading or writing failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The copy takes no record of the recovery.
    #[error(transparent)]
    Append(#[from] AppendError),
}

impl Log {
    /// Puts a clean copy in the place of the damaged session, whose folder is renamed to `<id>.damaged-<time>` in one step, whole
    /// and unchanged. The copy records `log.recovered`; blobs are shared and left alone.
    ///
    /// # Errors
    /// Any [`RecoverError`].
    pub fn recover(&self, clock: Clock) -> Result<Recovered, RecoverError> {
        // The exchange below needs true names, not a way through a link.
        let folder = fs::canonicalize(self.folder().ok_or(io::Error::from(io::ErrorKind::NotADirectory))?)?;
        let _runner = Runner::take(&folder)?.ok_or(RecoverError::Busy)?;
        let file = File::open(folder.join("log.jsonl"))?;
        // Held until the copy is in its place: whoever waits for it finds then that the log has moved.
        pens::lock(&file)?;
        if pens::are_held(&folder.join("pens"))? {
            return Err(RecoverError::Busy);
        }
        let found = self.examine()?;
        let parent = folder.parent().ok_or(io::Error::from(io::ErrorKind::NotADirectory))?;
        let name = folder.file_name().and_then(|n| n.to_str()).ok_or(io::Error::from(io::ErrorKind::InvalidInput))?;
        // 2026-11-20T06:41:00.123Z as 20261120T064100: a time that sorts and needs no quotes.
        let when: String = stamp(clock.now()).chars().take(19).filter(|c| !matches!(c, '-' | ':')).collect();
        let damaged = free(parent, &format!("{name}.damaged-{when}"))?;
        let mut recovered = self.copy(&damaged, found, clock)?;
        if let Err(e) = exchange(&damaged, &folder) {
            let _ = fs::remove_dir_all(&damaged);
            return Err(e.into());
        }
        sync_folder(parent)?;
        (recovered.clean, recovered.damaged) = (folder, damaged);
        Ok(recovered)
    }

    /// Writes the clean copy to a folder that is not there yet, and leaves the damaged one where it is.
    ///
    /// # Errors
    /// Any [`RecoverError`].
    pub fn recover_to(&self, out: &Path, clock: Clock) -> Result<Recovered, RecoverError> {
        let found = self.examine()?;
        self.copy(out, found, clock)
    }

    /// What of the log is proven.
    fn examine(&self) -> Result<(Damage, u64), RecoverError> {
        let report = self.verify()?;
        let damage = match report.damage {
            Some(d) if !matches!(d.fault, Fault::BlobMissing(_) | Fault::BlobDamaged(_)) => d,
            blob => return Err(RecoverError::Whole(blob)),
        };
        if matches!(damage.fault, Fault::Line(LineError::Version(_))) {
            return Err(RecoverError::Newer(damage));
        }
        match damage.proven(report.lines) {
            0 => Err(RecoverError::Nothing(damage)),
            lines => Ok((damage, lines)),
        }
    }

    /// Makes the copy as a whole: nothing of it is there if it fails.
    fn copy(&self, to: &Path, (damage, lines): (Damage, u64), clock: Clock) -> Result<Recovered, RecoverError> {
        match DirBuilder::new().mode(0o700).create(to) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => return Err(RecoverError::Taken(to.to_owned())),
            made => made?,
        }
        let copied = self.fill(to, damage, lines, clock);
        if copied.is_err() {
            let _ = fs::remove_dir_all(to);
        }
        copied
    }

    fn fill(&self, to: &Path, damage: Damage, lines: u64, clock: Clock) -> Result<Recovered, RecoverError> {
        let pens = to.join("pens");
        DirBuilder::new().mode(0o700).create(&pens)?;
        if let Some(old) = self.beside("pens") {
            pens::copy(&old, &pens)?;
        }
        let from = File::open(self.file())?;
        let mut log = new_file(&to.join("log.jsonl"))?;
        let end = copy_lines(&from, lines, &mut log)?;
        log.sync_all()?;
        let aside = format!("torn-{end}");
        let mut rest = Counted { to: new_file(&to.join(&aside))?, lines: 0, last: b'\n' };
        let left_bytes = io::copy(&mut At { file: &from, at: end, to: u64::MAX }, &mut rest)?;
        rest.to.sync_all()?;
        sync_folder(to)?;
        let copy = Log::at(to).with_blobs(self.blobs().clone());
        let mut appender = copy.append(clock)?;
        let last_seq = appender.last_seq();
        appender.record_recovered(LogRecovered { bytes: left_bytes, aside: aside.clone() })?;
        sync_folder(to)?;
        if let Some(parent) = to.parent().filter(|p| !p.as_os_str().is_empty()) {
            sync_folder(parent)?;
        }
        Ok(Recovered {
            damage,
            lines,
            last_seq,
            left: rest.lines + u64::from(rest.last != b'\n'),
            left_bytes,
            clean: to.to_owned(),
            aside,
            damaged: self.folder().unwrap_or(self.file()).to_owned(),
        })
    }
}

/// The first `lines` lines; the byte behind them.
fn copy_lines(from: &File, lines: u64, to: &mut File) -> io::Result<u64> {
    let mut pieces = Lines::new(At { file: from, at: 0, to: u64::MAX });
    let mut out = io::BufWriter::with_capacity(1 << 20, to);
    let mut end = 0;
    for _ in 0..lines {
        // They were whole a moment ago.
        let Some(Piece::Line(line)) = pieces.next_piece()? else { return Err(io::ErrorKind::UnexpectedEof.into()) };
        out.write_all(line)?;
        out.write_all(b"\n")?;
        end += line.len() as u64 + 1;
    }
    out.flush()?;
    Ok(end)
}

/// Counts the ends of lines that go by.
struct Counted {
    to: File,
    lines: u64,
    last: u8,
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.to.write(bytes)?;
        self.lines += memchr::memchr_iter(b'\n', &bytes[..n]).count() as u64;
        self.last = bytes[..n].last().copied().unwrap_or(self.last);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

fn new_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// A name in the folder that nothing bears yet.
pub(crate) fn free(parent: &Path, name: &str) -> io::Result<PathBuf> {
    let tries = (1..1000).map(|n| if n == 1 { name.to_owned() } else { format!("{name}-{n}") });
    tries.map(|n| parent.join(n)).find(|p| !p.exists()).ok_or(io::ErrorKind::AlreadyExists.into())
}

/// Lets two folders change places in one step; in two where the system knows no better.
pub(crate) fn exchange(copy: &Path, place: &Path) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        use rustix::io::Errno;
        match renameat_with(CWD, copy, CWD, place, RenameFlags::EXCHANGE) {
            Err(Errno::INVAL | Errno::NOSYS) => {}
            done => return done.map_err(io::Error::from),
        }
    }
    let between = copy.with_extension("moving");
    fs::rename(copy, &between)?;
    fs::rename(place, copy)?;
    fs::rename(between, place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_is_counted_in_lines_and_a_torn_one_is_one() {
        let dir = tempfile::tempdir().unwrap();
        for (text, lines) in [("", 0), ("a\nb\n", 2), ("a\nb", 2), ("\n", 1)] {
            let mut rest = Counted { to: File::create(dir.path().join("x")).unwrap(), lines: 0, last: b'\n' };
            rest.write_all(text.as_bytes()).unwrap();
            assert_eq!(rest.lines + u64::from(rest.last != b'\n'), lines, "{text:?}");
        }
    }

    #[test]
    fn folders_change_places() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (dir.path().join("a"), dir.path().join("b"));
        for (folder, text) in [(&a, "1"), (&b, "2")] {
            fs::create_dir(folder).unwrap();
            fs::write(folder.join("x"), text).unwrap();
        }
        exchange(&a, &b).unwrap();
        assert_eq!((fs::read(a.join("x")).unwrap(), fs::read(b.join("x")).unwrap()), (b"2".to_vec(), b"1".to_vec()));
        assert_eq!(free(dir.path(), "a").unwrap(), dir.path().join("a-2"));
    }
}
