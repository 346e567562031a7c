//! The writing end of a log file. It must never act on what it records, and never call anything recorded that may be lost.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;

use ace_schema::data::LogRecovered;
use ace_schema::ty;

use crate::batch::{Item, sort};
use crate::bell::{Bell, EVERYONE};
use crate::chalk::Chalk;
use crate::clock::Clock;
use crate::follow::Follower;
use crate::hash::hex;
use crate::ledger::{Ledger, Stamped};
use crate::log::Log;
use crate::parts::{Parts, Taken};
use crate::pens;
use crate::store::{AppendError, Appended, Fault, Nib, Refusal, Store, is_full};

/// One log, open for appending. Any number of them, in any number of processes, make one gapless order.
#[derive(Debug)]
pub struct Appender {
    pub(crate) log: Log,
    pub(crate) file: File,
    clock: Clock,
    pub(crate) ledger: Ledger,
    bell: Option<Bell>,
    chalk: Chalk,
    pub(crate) parts: Parts,
    /// Bytes of whole lines in the book.
    pub(crate) end: u64,
    /// A torn line that was cut off and is not yet recorded.
    pub(crate) recovered: Option<LogRecovered>,
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
        if let Some(folder) = log.folder() {
            crate::foreign::refuse(folder)?;
        }
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
                pens::unlock(&appender.file)?;
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
    pub(crate) fn locked<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, AppendError>,
    ) -> Result<T, AppendError> {
        if self.poisoned {
            return Err(AppendError::Poisoned);
        }
        pens::lock(&self.file)?;
        let done = self.prepare().and_then(|()| work(self));
        let unlocked = pens::unlock(&self.file);
        let done = done?;
        unlocked?;
        Ok(done)
    }

    /// What has to be true before anything is written: the session is there, and the book is up to date.
    fn prepare(&mut self) -> Result<(), AppendError> {
        let meta = self.file.metadata()?;
        // Removed, or put aside for a recovered copy: what is written here would be read by nobody.
        let stands = std::fs::metadata(self.log.file()).is_ok_and(|m| (m.ino(), m.dev()) == (meta.ino(), meta.dev()));
        if !stands {
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
        let items = sort(drafts);
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

    /// Records that bytes were cut aside, by nobody's wish but the keeper's.
    pub(crate) fn record_recovered(&mut self, cut: LogRecovered) -> Result<(), AppendError> {
        self.locked(|this| {
            this.recovered = Some(cut);
            this.record(Nib::KEEPER, &[]).map(|_| ())
        })
    }

    /// Stamps, writes, syncs and publishes, with the lock held.
    fn record(&mut self, pen: Nib, items: &[Item<'_>]) -> Result<Stamped, AppendError> {
        let mut stamped = Stamped::default();
        if let Some(recovered) = &self.recovered {
            let id = format!("log-{}", self.ledger.seq() + 1);
            let draft = self.ledger.keeper_draft(&id, ty::LOG_RECOVERED, recovered);
            stamped = self.ledger.stamp(Nib::KEEPER, &sort(&draft), &self.clock);
        }
        let more = self.ledger.stamp_and_note(pen, items, &self.clock);
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

pub(crate) fn full_or(e: io::Error, kept: u64) -> AppendError {
    if is_full(&e) { AppendError::Full { kept } } else { AppendError::Io(e) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Home;
    use ace_schema::{Drafter, Kind, id};
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

    #[test]
    fn what_a_rule_allows_waits_for_the_claim_and_what_a_person_says_does_not() {
        let (_dir, log, mut drafter) = place();
        let mut one = log.append(Clock::System).unwrap();
        let permit = Nib { number: 3, kind: Kind::Permit };
        let mut decided = |decision: &str, who: &str, rule: &str| {
            let data = serde_json::json!({"decision": decision, "who": who, "rule": rule, "digest": ""});
            drafter.draft(1, "", ty::PERMISSION_RESOLVED, &data).1
        };
        let (rule, denied) = (decided("allow", "rule", "mode-auto"), decided("deny", "rule", "no-rm"));
        let (person, forged) = (decided("allow", "me", ""), decided("allow", "rule", "mode-auto"));
        let decider = decided("allow", "rule", "decider ask-the-team");
        one.failing_sync = true;
        assert!(one.append(permit, &rule).is_ok());
        for (pen, draft) in [(permit, denied), (permit, decider), (PERSON, person), (PERSON, forged)] {
            let (_dir, log, _) = place();
            let mut other = log.append(Clock::System).unwrap();
            other.failing_sync = true;
            assert!(matches!(other.append(pen, &draft), Err(AppendError::Poisoned)), "it must have tried to sync");
        }
    }
}
