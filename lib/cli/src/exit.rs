//! The exit codes of every program: one enum, each number with one meaning everywhere. It never knows who exits.

use std::io;
use std::process::ExitCode;

/// How a program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Exit {
    /// Done, or a truthful yes.
    Done = 0,
    /// A truthful no: the turn failed, nothing matched.
    No = 1,
    /// Wrong usage.
    Usage = 2,
    /// Stopped for a permission that nobody gave.
    Undecided = 3,
    /// Stopped by a budget or another limit.
    Limit = 4,
    /// Not events, or a damaged log.
    Damaged = 65,
    /// The provider is out of reach.
    Unreachable = 69,
    /// A fault of this suite.
    Bug = 70,
    /// Reading or writing failed.
    Io = 74,
    /// Somebody else holds what is needed.
    Busy = 75,
    /// No key, or a refused one.
    Credentials = 77,
    /// The configuration is wrong or missing.
    Config = 78,
    /// Cancelled by a person.
    Cancelled = 130,
    /// The reader of our output has gone.
    BrokenPipe = 141,
}

impl Exit {
    /// All of them, by number.
    pub const ALL: [Self; 14] = [
        Self::Done,
        Self::No,
        Self::Usage,
        Self::Undecided,
        Self::Limit,
        Self::Damaged,
        Self::Unreachable,
        Self::Bug,
        Self::Io,
        Self::Busy,
        Self::Credentials,
        Self::Config,
        Self::Cancelled,
        Self::BrokenPipe,
    ];

    /// The number the shell sees.
    #[must_use]
    pub fn number(self) -> u8 {
        self as u8
    }

    /// One word for machines, `code` in the JSON form of a complaint.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::No => "no",
            Self::Usage => "usage",
            Self::Undecided => "undecided",
            Self::Limit => "limit",
            Self::Damaged => "damaged",
            Self::Unreachable => "unreachable",
            Self::Bug => "bug",
            Self::Io => "io",
            Self::Busy => "busy",
            Self::Credentials => "credentials",
            Self::Config => "config",
            Self::Cancelled => "cancelled",
            Self::BrokenPipe => "broken_pipe",
        }
    }

    /// What it means, for the man pages.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Done => "done, or yes",
            Self::No => "a truthful no: the turn failed, nothing matched",
            Self::Usage => "wrong usage",
            Self::Undecided => "stopped for a permission that nobody gave",
            Self::Limit => "stopped by a budget or limit",
            Self::Damaged => "not events, or a damaged log",
            Self::Unreachable => "the provider is out of reach",
            Self::Bug => "a fault of ace",
            Self::Io => "reading or writing failed",
            Self::Busy => "somebody else holds what is needed",
            Self::Credentials => "no key, or a refused one",
            Self::Config => "the configuration is wrong or missing",
            Self::Cancelled => "cancelled",
            Self::BrokenPipe => "the reader of the output has gone",
        }
    }

    /// The exit of that number, when another program of the suite ended with it.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|e| e.number() == number)
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.number())
    }
}

/// A reader that hung up is no fault and gets no words: the complaint with this exit prints nothing.
impl From<&io::Error> for Exit {
    fn from(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::BrokenPipe,
            _ => Self::Io,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_number_and_word_stands_for_one_exit() {
        let numbers: BTreeSet<u8> = Exit::ALL.iter().map(|e| e.number()).collect();
        let names: BTreeSet<&str> = Exit::ALL.iter().map(|e| e.name()).collect();
        assert_eq!((numbers.len(), names.len()), (Exit::ALL.len(), Exit::ALL.len()));
        for exit in Exit::ALL {
            assert_eq!(Exit::from_number(exit.number()), Some(exit));
        }
        assert_eq!(Exit::from_number(5), None);
    }

    #[test]
    fn a_reader_that_hung_up_is_told_from_a_full_disk() {
        assert_eq!(Exit::from(&io::Error::from(io::ErrorKind::BrokenPipe)), Exit::BrokenPipe);
        assert_eq!(Exit::from(&io::Error::from(io::ErrorKind::StorageFull)), Exit::Io);
    }
}
