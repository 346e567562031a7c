//! The port: what any place that keeps a session must do, and the words for how it goes. It must never name a file, so that it
//! fits a stream engine as well.

use std::io;
use std::time::Duration;

use ace_schema::{Kind, LineError};

/// A pen as records name it, and what it may write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Nib {
    /// Number, unique within the session.
    pub number: u32,
    /// The kind of program that holds it.
    pub kind: Kind,
}

impl Nib {
    /// The keeper's own.
    pub const KEEPER: Self = Self { number: 0, kind: Kind::Keeper };
    /// The one that creates a session.
    pub const FIRST: u32 = 1;
}

/// A place that keeps one session: a gapless order of lines, each stamped and chained to the one before.
pub trait Store {
    /// What reads it.
    type Follow: Follow;

    /// Records drafts (whole lines) in order, under one number each. Lines that have a `seq` are left alone, so that a whole
    /// stream may be fed back.
    ///
    /// # Errors
    /// Nothing of the batch is recorded then. A line that is refused is no error: the rest of the batch goes on.
    fn append(&mut self, pen: Nib, drafts: &[u8]) -> Result<Appended, AppendError>;

    /// Reads from the record `from` on (0 or 1: all).
    ///
    /// # Errors
    /// Whatever opening it may meet.
    fn follow(&self, from: u64) -> io::Result<Self::Follow>;
}

/// A reader that never hands on what may still be lost.
pub trait Follow {
    /// Whole lines recorded since the last call; empty if there are none. At most about
    /// [`limits::FOLLOW_BYTES`](ace_schema::limits::FOLLOW_BYTES) at once: call until it is empty.
    ///
    /// # Errors
    /// Reading failed.
    fn read(&mut self) -> io::Result<&[u8]>;

    /// Sleeps until the log has grown beyond what was read; `false` after `timeout`. Read first, then wait: what was there
    /// before counts as growth, and so do records before the first one wanted.
    ///
    /// # Errors
    /// Looking failed.
    fn wait(&mut self, timeout: Duration) -> io::Result<bool>;
}

/// What became of a batch.
#[derive(Debug, Clone, Default)]
pub struct Appended {
    /// Number of the first record of the batch; one more than `last_seq` if nothing was recorded.
    pub first_seq: u64,
    /// Number of the last record of the session.
    pub last_seq: u64,
    /// The recorded lines as they stand in the log.
    pub lines: Vec<u8>,
    /// The chalk, stamped with `after`.
    pub chalk: Vec<u8>,
    /// Derived ids that were recorded before.
    pub dropped: Vec<String>,
    /// Lines that may not be recorded.
    pub refused: Vec<Refusal>,
    /// Blobs that became whole and are stored.
    pub blobs: usize,
}

/// A line that was not recorded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {} of the batch{}{}: {why}", line + 1, named(" ", ty), named(" ", id))]
pub struct Refusal {
    /// Its place in the batch, from 0.
    pub line: usize,
    /// Its id, as far as it could be read.
    pub id: String,
    /// Its type, as far as it could be read.
    pub ty: String,
    /// What is wrong with it.
    pub why: Why,
}

fn named(before: &str, name: &str) -> String {
    if name.is_empty() { String::new() } else { format!("{before}{name:?}") }
}

/// Why a line is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// Not an event, of another version, or too long.
    #[error(transparent)]
    Line(#[from] LineError),
    /// It says what only the log may say (`seq`, `ts`, `prev`, `pen`, `after`), or says a thing twice.
    #[error("carries a stamp of its own or a field twice")]
    Stamp,
    /// It is of another session.
    #[error("belongs to session {0:?}")]
    Session(String),
    /// It has no id, or one that is too long.
    #[error("has no id of 1 to {} bytes", ace_schema::limits::ID_BYTES)]
    Id,
    /// A derived id that belongs to conclusions of another type.
    #[error("an id of that shape is for other types")]
    Shape,
    /// The id is taken.
    #[error("the id was recorded before")]
    Repeated,
    /// A pen of this kind may not write this type.
    #[error("a pen of kind {0:?} may not write it")]
    Kind(Kind),
    /// The first record creates the session, and no other does.
    #[error("a session is created by its first record and no other")]
    Creation,
    /// A part of a blob that does not fit.
    #[error("blob: {0}")]
    Blob(&'static str),
}

/// Why nothing of a batch was recorded.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// A line of the log is not what the log wrote.
    #[error("damaged log: line {line}: {fault}")]
    Damaged {
        /// Its number in the file, from 1.
        line: u64,
        /// What is wrong with it.
        fault: Fault,
    },
    /// No room for it. Everything up to `kept` stands; the same store takes more when there is room again.
    #[error("no space left, the log is kept up to record {kept}")]
    Full {
        /// The last record.
        kept: u64,
    },
    /// The disk failed to keep what it took: nobody may write to this log before the machine has restarted.
    #[error("the disk failed to keep the log's last lines")]
    Poisoned,
    /// The session was removed.
    #[error("the session was removed")]
    Gone,
    /// As many pens are open as may be.
    #[error("{} pens are open, the limit", ace_schema::limits::PENS)]
    Pens,
    /// Anything else that reading and writing may meet.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Damage of a log, one kind each.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The last line has no LF.
    #[error("torn: {0} bytes without an end of line")]
    Torn(u64),
    /// Not an event, too long, or of a newer version.
    #[error(transparent)]
    Line(LineError),
    /// A number is missing, doubled or out of order.
    #[error("seq {found} where {expected} is due")]
    Seq {
        /// The number due.
        expected: u64,
        /// The number there; 0 for none.
        found: u64,
    },
    /// It does not continue the line before: one of the two was changed.
    #[error("prev is not the hash of the line before")]
    Prev,
    /// It is of another session.
    #[error("belongs to session {0:?}")]
    Session(String),
    /// The first line does not create a session.
    #[error("the log does not begin with session.created")]
    Creation,
    /// Bytes that were on the disk are gone.
    #[error("cut from {expected} to {found} bytes")]
    Cut {
        /// Bytes that were there.
        expected: u64,
        /// Bytes that are there.
        found: u64,
    },
    /// It ends before a record that was noted elsewhere: its tail is gone.
    #[error("ends at @{found}, but had a line @{expected}")]
    Behind {
        /// The number that was noted.
        expected: u64,
        /// The last number there.
        found: u64,
    },
    /// A record is another than was noted elsewhere: the log was written anew from there or before.
    #[error("@{0} is not the line that was noted")]
    Anchor(u64),
    /// The session it was forked from is not there.
    #[error("session {0}, which it was forked from, is gone")]
    Parent(String),
    /// The session it was forked from is damaged before the record it goes on from.
    #[error("session {session}, which it was forked from, line {line}: {fault}")]
    Ancestor {
        /// That session.
        session: String,
        /// Line of its file, from 1.
        line: u64,
        /// What is wrong there.
        fault: Box<Fault>,
    },
    /// The record it goes on from is another than it was.
    #[error("@{seq} of session {session} is not the line it was forked from")]
    Origin {
        /// The session it was forked from.
        session: String,
        /// The record.
        seq: u64,
    },
    /// It names a blob that is not stored.
    #[error("blob {0} is missing")]
    BlobMissing(String),
    /// It names a blob whose bytes have another hash or length.
    #[error("blob {0} is damaged")]
    BlobDamaged(String),
}

/// Whether an error says that there is no room.
pub(crate) fn is_full(e: &io::Error) -> bool {
    matches!(e.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge)
}
