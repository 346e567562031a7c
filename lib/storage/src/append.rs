//! The writing end of a log file. It must never act on what it records, and never call anything recorded that may be lost.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};

use ace_schema::data::{LogRecovered, PenDropped};
use ace_schema::{Kind, ty};

use crate::bell::{Bell, EVERYONE};
use crate::blobs::{Parts, Taken};
use crate::chalk::Chalk;
use crate::clock::Clock;
use crate::follow::Follower;
use crate::hash::hex;
use crate::ledger::{self, Item, Ledger, Stamped};
use crate::lines::{Lines, Piece};
use crate::log::Log;
use crate::pens::{self, Pen};
use crate::store::{AppendError, Appended, Fault, Nib, Refusal, Store, is_full};

/// One log, open for appending. Any number of them, in any number of processes, make one gapless order.
#[derive(Debug)]
pub struct Appender {
    log: Log,
    file: File,
    clock: Clock,
    ledger: Ledger,
    bell: Option<Bell>,
    chalk: Chalk,
    parts: Parts,
    /// Bytes of whole lines in the book.
    end: u64,
    /// A torn line that was cut off and is not yet recorded.
    recovered: Option<LogRecovered>,
    wakes: u32,
    poisoned: bool,
    #[cfg(test)]
    pub(crate) failing_sync: bool,
}

impl Appender {
    /// Opens the log and reads it through. A torn last line is left for the first append to cut aside.
    ///
    /// # Errors
    /// [`AppendError::Damaged`], or reading failed.
    pub fn open(log: &Log, clock: Clock) -> Result<Self, AppendError> {
        let live = log.beside("live.jsonl").ok_or(io::Error::from(io::ErrorKind::NotADirectory))?;
        let file = OpenOptions::new().read(true).append(true).open(log.file())?;
        let bell = log.beside("bell").and_then(|path| Bell::open(&path).ok());
        let mut appender = Self {
            log: log.clone(),
            file,
            clock,
            ledger: Ledger::new(""),
            bell,
            chalk: Chalk::at(live),
            parts: Parts::default(),
            end: 0,
            recovered: None,
            wakes: EVERYONE,
            poisoned: false,
            #[cfg(test)]
            failing_sync: false,
        };
        // What is committed stays as it is and may be read without the lock. Without a bell nobody says what that is.
        let len = appender.file.metadata()?.len();
        match appender.bell.as_ref().and_then(Bell::committed).filter(|&c| c <= len) {
            Some(committed) => appender.read_on(committed, false)?,
            None => {
                pens::lock(&appender.file)?;
                let len = appender.file.metadata()?.len();
                let read = appender.read_on(len, false);
                appender.file.unlock()?;
                read?
            }
        };
        appender.begun()?;
        Ok(appender)
    }

    /// Its session's id; empty while the log is.
    #[must_use]
    pub fn session(&self) -> &str {
        self.ledger.session()
    }

    /// Number of the last record it knows of.
    #[must_use]
    pub fn last_seq(&self) -> u64 {
        self.ledger.seq()
    }

    /// Hash of the last line it knows of, hex.
    #[must_use]
    pub fn head(&self) -> String {
        hex(&self.ledger.head())
    }

    /// Leaves followers that wait on this bit (1 to 31) alone of this process asleep when it appends: they know already.
    pub fn spare(&mut self, bit: u32) {
        self.wakes = !(1_u32.checked_shl(bit).unwrap_or(0));
    }

    /// Takes the append lock for the time of `work`.
    fn locked<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T, AppendError>) -> Result<T, AppendError> {
        if self.poisoned {
            return Err(AppendError::Poisoned);
        }
        pens::lock(&self.file)?;
        let done = self.prepare().and_then(|()| work(self));
        let unlocked = self.file.unlock();
        let done = done?;
        unlocked?;
        Ok(done)
    }

    /// What has to be true before anything is written: the session is there, and the book is up to date.
    fn prepare(&mut self) -> Result<(), AppendError> {
        let meta = self.file.metadata()?;
        if meta.nlink() == 0 {
            return Err(AppendError::Gone);
        }
        let current = self.bell.as_ref().is_some_and(Bell::is_current);
        if !current {
            self.bell = self.log.beside("bell").and_then(|path| Bell::open(&path).ok());
        }
        if self.bell.as_ref().is_some_and(Bell::is_poisoned) {
            self.poisoned = true;
            return Err(AppendError::Poisoned);
        }
        let len = meta.len();
        if len < self.end {
            let fault = Fault::Cut { expected: self.end, found: len };
            return Err(AppendError::Damaged { line: self.ledger.lines(), fault });
        }
        if len > self.end {
            let torn = self.read_on(len, true)?;
            self.begun()?;
            if torn > 0 {
                self.cut_aside(torn)?;
            }
        }
        self.begun()
    }

    /// A session begins as a whole: a log without a first line is none that can be mended.
    fn begun(&self) -> Result<(), AppendError> {
        match self.ledger.lines() {
            0 => Err(AppendError::Damaged { line: 1, fault: Fault::Creation }),
            _ => Ok(()),
        }
    }

    /// Reads the lines up to the byte `to` into the book; the bytes of a torn last line.
    fn read_on(&mut self, to: u64, chained: bool) -> Result<u64, AppendError> {
        let mut lines = Lines::new(At { file: &self.file, at: self.end, to });
        let mut last = 0;
        let mut torn = 0;
        let mut fault = None;
        while let Some(piece) = lines.next_piece()? {
            match piece {
                Piece::Line(line) => match self.ledger.absorb(line, chained) {
                    Ok(_) => {
                        last = line.len();
                        self.end += last as u64 + 1;
                    }
                    Err(e) => fault = Some(e),
                },
                Piece::Long(bytes) => {
                    fault =
                        Some(Fault::Line(ace_schema::LineError::TooLong(usize::try_from(bytes).unwrap_or(usize::MAX))));
                }
                Piece::Torn(bytes) => torn = bytes,
            }
            if fault.is_some() {
                break;
            }
        }
        if !chained && last > 0 {
            let mut line = vec![0; last];
            self.file.read_exact_at(&mut line, self.end - 1 - last as u64)?;
            self.ledger.set_head(&line);
        }
        match fault {
            Some(fault) => Err(AppendError::Damaged { line: self.ledger.lines() + 1, fault }),
            None => Ok(torn),
        }
    }

    /// Moves a torn last line to a file of its own, so that the log ends with a whole one again.
    fn cut_aside(&mut self, torn: u64) -> Result<(), AppendError> {
        let kept = self.ledger.seq();
        let cut = || -> io::Result<String> {
            let (name, mut aside) = self.torn_file()?;
            io::copy(&mut At { file: &self.file, at: self.end, to: self.end + torn }, &mut aside)?;
            aside.sync_all()?;
            self.file.set_len(self.end)?;
            self.file.sync_all()?;
            Ok(name)
        };
        let aside = cut().map_err(|e| full_or(e, kept))?;
        self.recovered = Some(LogRecovered { bytes: torn, aside });
        Ok(())
    }

    fn torn_file(&self) -> io::Result<(String, File)> {
        for n in 0..1000 {
            let more = if n == 0 { String::new() } else { format!("-{n}") };
            let name = format!("torn-{}{more}", self.end);
            let path = self.log.beside(&name).ok_or(io::ErrorKind::NotADirectory)?;
            match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                done => return done.map(|file| (name, file)),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    /// Stores the blobs that arrive in a batch; what was wrong with their lines.
    fn take_parts(&mut self, pen: Nib, items: &[Item<'_>]) -> Result<(usize, Vec<Refusal>), AppendError> {
        let (mut whole, mut refused) = (0, Vec::new());
        for item in items {
            let Item::Part(at, line) = item else { continue };
            let taken = self.parts.take(self.log.blobs(), pen.number, line);
            match taken.map_err(|e| full_or(e, self.ledger.seq()))? {
                Ok(Taken::Whole) => whole += 1,
                Ok(Taken::Part) => {}
                Err(why) => {
                    refused.push(Refusal { line: *at, id: line.sha.to_string(), ty: ty::LOG_BLOB.into(), why });
                }
            }
        }
        Ok((whole, refused))
    }

    /// Records drafts under a pen's number; see [`Store::append`].
    ///
    /// # Errors
    /// Any [`AppendError`]; nothing of the batch is recorded then.
    pub fn append(&mut self, pen: Nib, drafts: &[u8]) -> Result<Appended, AppendError> {
        let items = ledger::sort(drafts);
        let (blobs, mut refused) = self.take_parts(pen, &items)?;
        if items.iter().all(|item| matches!(item, Item::Part(..))) {
            let last_seq = self.ledger.seq();
            return Ok(Appended { first_seq: last_seq + 1, last_seq, blobs, refused, ..Appended::default() });
        }
        let mut stamped = self.locked(|this| this.record(pen, &items))?;
        if let Some(bell) = self.bell.as_ref().filter(|_| !stamped.lines.is_empty() || !stamped.chalk.is_empty()) {
            bell.ring(self.wakes);
        }
        refused.append(&mut stamped.refused);
        refused.sort_by_key(|r| r.line);
        Ok(Appended {
            first_seq: stamped.first,
            last_seq: self.ledger.seq(),
            lines: stamped.lines,
            chalk: stamped.chalk,
            dropped: stamped.dropped,
            refused,
            blobs,
        })
    }

    /// Stamps, writes, syncs and publishes, with the lock held.
    fn record(&mut self, pen: Nib, items: &[Item<'_>]) -> Result<Stamped, AppendError> {
        let mut stamped = Stamped::default();
        if let Some(recovered) = &self.recovered {
            let id = format!("log-{}", self.ledger.seq() + 1);
            let draft = self.ledger.keeper_draft(&id, ty::LOG_RECOVERED, recovered);
            stamped = self.ledger.stamp(Nib::KEEPER, &ledger::sort(&draft), &self.clock);
        }
        let more = self.ledger.stamp(pen, items, &self.clock);
        stamped.extend(more);
        if let Err(e) = self.write(&stamped) {
            self.ledger.undo(&stamped);
            return Err(e);
        }
        self.recovered = None;
        self.end += stamped.lines.len() as u64;
        if let Some(bell) = &self.bell {
            bell.publish(self.end);
            // Chalk that finds no room is gone: it is worth nothing once the turn has ended.
            let _ = self.chalk.write(bell, &stamped.chalk);
            if stamped.ends {
                let _ = self.chalk.clear(bell);
            }
        }
        Ok(stamped)
    }

    /// Brings lines to the file and, where they or what stands before them must not be lost, to the disk.
    fn write(&mut self, stamped: &Stamped) -> Result<(), AppendError> {
        let kept = stamped.first - 1;
        if !stamped.lines.is_empty()
            && let Err(e) = (&self.file).write_all(&stamped.lines)
        {
            self.take_back();
            return Err(full_or(e, kept));
        }
        // Others may have been killed between their write and their sync: then the bell does not reach up to here.
        let published = self.bell.as_ref().and_then(Bell::committed) == Some(self.end);
        if (stamped.sync || !published) && self.sync().is_err() {
            self.poisoned = true;
            if let Some(bell) = &self.bell {
                bell.poison();
            }
            self.take_back();
            return Err(AppendError::Poisoned);
        }
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        #[cfg(test)]
        if self.failing_sync {
            return Err(io::Error::other("told to fail"));
        }
        self.file.sync_data()
    }

    /// Cuts a batch off again that did not get through. If that fails too, its lines stand or are torn: whoever reads on sees.
    fn take_back(&mut self) {
        if self.file.set_len(self.end).is_err() {
            self.poisoned = true;
        }
    }

    /// Opens a pen with a number no other pen of this session ever had.
    ///
    /// # Errors
    /// [`AppendError::Pens`], or what [`append`](Self::append) may meet.
    pub fn open_pen(&mut self, kind: Kind) -> Result<Pen, AppendError> {
        let folder = self.pens_folder()?;
        let kept = self.ledger.seq();
        self.locked(|this| pens::open(&folder, kind, this.ledger.max_pen())).map_err(|e| match e {
            AppendError::Io(e) => full_or(e, kept),
            other => other,
        })
    }

    /// Pens that nobody holds any more and that are not yet recorded as dropped.
    ///
    /// # Errors
    /// As [`append`](Self::append).
    pub fn gone_pens(&mut self) -> Result<Vec<u32>, AppendError> {
        let folder = self.pens_folder()?;
        self.locked(|_| Ok(pens::gone(&folder)?))
    }

    /// Forgets a pen that left nothing open, so that nobody records it as dropped.
    ///
    /// # Errors
    /// Its file cannot be removed.
    pub fn forget_pen(&mut self, pen: u32) -> io::Result<()> {
        self.parts.forget(pen);
        pens::remove(&self.pens_folder()?, pen)
    }

    /// Records `pen.dropped` for every pen that is gone, then removes its file. Two that do it at once record it once.
    ///
    /// # Errors
    /// As [`append`](Self::append).
    pub fn drop_gone_pens(&mut self) -> Result<Appended, AppendError> {
        let gone = self.gone_pens()?;
        self.record_dropped(&gone)
    }

    /// Records `pen.dropped` for a pen whose filter has fallen while we hold it, and gives it up.
    ///
    /// # Errors
    /// As [`append`](Self::append); the pen is then left for [`drop_gone_pens`](Self::drop_gone_pens).
    pub fn drop_pen(&mut self, pen: Pen) -> Result<Appended, AppendError> {
        let number = pen.number();
        pen.leave();
        self.record_dropped(&[number])
    }

    fn record_dropped(&mut self, pens: &[u32]) -> Result<Appended, AppendError> {
        let draft = |&pen: &u32| self.ledger.keeper_draft(&format!("drop-{pen}"), ty::PEN_DROPPED, &PenDropped { pen });
        let drafts: Vec<u8> = pens.iter().flat_map(draft).collect();
        let appended = self.append(Nib::KEEPER, &drafts)?;
        let folder = self.pens_folder()?;
        for &pen in pens {
            self.parts.forget(pen);
            pens::remove(&folder, pen)?;
        }
        Ok(appended)
    }

    fn pens_folder(&self) -> io::Result<std::path::PathBuf> {
        self.log.beside("pens").ok_or(io::ErrorKind::NotADirectory.into())
    }
}

impl Store for Appender {
    type Follow = Follower;

    fn append(&mut self, pen: Nib, drafts: &[u8]) -> Result<Appended, AppendError> {
        Self::append(self, pen, drafts)
    }

    fn follow(&self, from: u64) -> io::Result<Follower> {
        self.log.follow(from)
    }
}

fn full_or(e: io::Error, kept: u64) -> AppendError {
    if is_full(&e) { AppendError::Full { kept } } else { AppendError::Io(e) }
}

/// Bytes of a file between two places, whatever its own position is.
pub(crate) struct At<'a> {
    pub file: &'a File,
    pub at: u64,
    pub to: u64,
}

impl Read for At<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.to.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let most = left.min(out.len());
        let n = self.file.read_at(&mut out[..most], self.at)?;
        self.at += n as u64;
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Home;
    use ace_schema::{Drafter, id};
    use std::time::Duration;

    const PERSON: Nib = Nib { number: 2, kind: Kind::Person };

    fn place() -> (tempfile::TempDir, Log, Drafter) {
        let dir = tempfile::tempdir().unwrap();
        let mut drafter = Drafter::new("test", 1);
        drafter.set_session(&id::session(1, 1));
        let data = serde_json::json!({"name": "a", "cwd": "/", "model": "m", "mode": "ask"});
        let (_, first) = drafter.draft(0, "", ty::SESSION_CREATED, &data);
        let home = Home::at(dir.path());
        home.create(drafter.session(), Kind::Person, &first, &Clock::System).unwrap();
        let log = home.log(drafter.session());
        (dir, log, drafter)
    }

    fn message(drafter: &mut Drafter) -> Vec<u8> {
        drafter.draft(0, "", ty::USER_MESSAGE, &serde_json::json!({"text": "hello"})).1
    }

    #[test]
    fn a_failed_sync_is_final_for_everyone_and_acknowledges_nothing() {
        let (_dir, log, mut drafter) = place();
        let before = std::fs::read(log.file()).unwrap();
        let (mut one, mut two) = (log.append(Clock::System).unwrap(), log.append(Clock::System).unwrap());
        let mut follower = log.follow(2).unwrap();
        assert!(follower.read().unwrap().is_empty());
        one.failing_sync = true;
        assert!(matches!(one.append(PERSON, &message(&mut drafter)), Err(AppendError::Poisoned)));
        assert_eq!(std::fs::read(log.file()).unwrap(), before);
        one.failing_sync = false;
        for appender in [&mut one, &mut two] {
            assert!(matches!(appender.append(PERSON, &message(&mut drafter)), Err(AppendError::Poisoned)));
        }
        let mut three = log.append(Clock::System).unwrap();
        assert!(matches!(three.append(PERSON, &message(&mut drafter)), Err(AppendError::Poisoned)));
        std::fs::OpenOptions::new().append(true).open(log.file()).unwrap().write_all(b"{}\n").unwrap();
        assert!(!follower.wait(Duration::from_millis(20)).unwrap(), "nobody vouches for what came after it");
    }

    #[test]
    fn what_another_left_unsynced_is_synced_even_if_the_batch_needs_it_not() {
        let (_dir, log, mut drafter) = place();
        let mut one = log.append(Clock::System).unwrap();
        let bell = Bell::open(&log.beside("bell").unwrap()).unwrap();
        let before = bell.committed().unwrap();
        one.append(PERSON, &message(&mut drafter)).unwrap();
        bell.publish(before);
        let draft = drafter.line("turn-1", 1, "", ty::TURN_STARTED, &serde_json::json!({}));
        one.failing_sync = true;
        let pen = Nib { number: 3, kind: Kind::Step };
        assert!(matches!(one.append(pen, &draft), Err(AppendError::Poisoned)), "it must have tried to sync");
    }
}
