//! The end of the log as an appender finds it: lines of others are read on, a torn one is cut aside. It must never mend anything
//! else.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, OpenOptionsExt};

use ace_schema::LineError;
use ace_schema::data::LogRecovered;

use crate::append::{Appender, full_or};
use crate::lines::{Lines, Piece};
use crate::store::{AppendError, Fault};

impl Appender {
    /// Reads the lines up to the byte `to` into the book; the bytes of a torn last line.
    pub(crate) fn read_on(&mut self, to: u64, chained: bool) -> Result<u64, AppendError> {
        let mut lines = Lines::within(At { file: &self.file, at: self.end, to }, to.saturating_sub(self.end));
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
                    fault = Some(Fault::Line(LineError::TooLong(usize::try_from(bytes).unwrap_or(usize::MAX))));
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
    pub(crate) fn cut_aside(&mut self, torn: u64) -> Result<(), AppendError> {
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
