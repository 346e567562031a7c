//! The logs a forked session goes on from: they are named by its first line and lie beside it. It must never write.

use std::fs::File;
use std::io;

use ace_schema::data::ForkedFrom;
use ace_schema::{Line, limits, ty};

use crate::find::first_line;
use crate::follow::read_full;
use crate::log::Log;

/// The record in another log that this one goes on from; `None` if it begins by itself or cannot be read.
///
/// # Errors
/// Reading failed.
pub(crate) fn origin(log: &Log) -> io::Result<Option<ForkedFrom>> {
    Ok(first_line(log.file())?.and_then(|line| origin_of(&line)))
}

/// The same of a first line.
pub(crate) fn origin_of(first: &[u8]) -> Option<ForkedFrom> {
    #[derive(serde::Deserialize)]
    struct Origin {
        forked_from: Option<ForkedFrom>,
    }
    let line = Line::parse(first).ok().filter(|line| line.ty == ty::SESSION_CREATED)?;
    line.data::<Origin>().ok()?.forked_from
}

/// The log of another session that lies beside this one.
///
/// # Errors
/// It is not there, or the name is none of a session.
pub(crate) fn beside(log: &Log, session: &str) -> io::Result<Log> {
    let gone =
        || io::Error::new(io::ErrorKind::NotFound, format!("session {session}, which it was forked from, is gone"));
    let folder = log.folder().filter(|_| ace_schema::id::is_session(session)).ok_or_else(gone)?;
    let parent = Log::at(folder.canonicalize()?.with_file_name(session)).with_blobs(log.blobs().clone());
    if parent.file().is_file() { Ok(parent) } else { Err(gone()) }
}

/// The parts of other logs that come before this one, the oldest first: each with the byte where its part ends. A bare file has
/// none: nothing lies beside it.
pub(crate) fn segments(log: &Log) -> io::Result<Vec<(File, u64)>> {
    let mut out = Vec::new();
    if log.folder().is_none() {
        return Ok(out);
    }
    let mut log = log.clone();
    while let Some(from) = origin(&log)? {
        if out.len() == limits::ANCESTORS {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "it was forked too often in a row"));
        }
        log = beside(&log, &from.session)?;
        let file = File::open(log.file())?;
        let end = end_of(&log, &file, from.seq)?;
        out.push((file, end));
    }
    out.reverse();
    Ok(out)
}

/// The byte behind the record of that number.
fn end_of(log: &Log, file: &File, seq: u64) -> io::Result<u64> {
    let first = first_line(log.file())?.and_then(|line| Line::parse(&line).ok().and_then(|line| line.seq)).unwrap_or(1);
    let cut = || io::Error::new(io::ErrorKind::InvalidData, format!("the log it was forked from has no line @{seq}"));
    let mut lines = (seq + 1).checked_sub(first).ok_or_else(cut)?;
    let mut buf = vec![0; limits::FOLLOW_BYTES];
    let mut at = 0;
    while lines > 0 {
        let got = read_full(file, &mut buf, at)?;
        if got == 0 {
            return Err(cut());
        }
        let mut rest = 0;
        while lines > 0 {
            match memchr::memchr(b'\n', &buf[rest..got]) {
                Some(lf) => {
                    rest += lf + 1;
                    lines -= 1;
                }
                None => {
                    rest = got;
                    break;
                }
            }
        }
        at += rest as u64;
    }
    Ok(at)
}
