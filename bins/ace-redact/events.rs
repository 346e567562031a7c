//! The stream of events: lines in, lines out, what waits in a file without a name.

use ace_cli::{Complaint, Exit};
use ace_front::redaction;
use ace_pipe::{Lines, Out};
use ace_redact::{Gate, GateError, Memory, Policy, Spool};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use crate::PROGRAM;

/// What is gathered before it is written, bytes.
const GATHERED: usize = 256 * 1024;

/// The file, or memory where there is none.
enum Kept {
    File(File),
    Memory(Memory),
}

impl Spool for Kept {
    fn write(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::File(file) => file.write_all_at(bytes, at),
            Self::Memory(memory) => memory.write(at, bytes),
        }
    }

    fn read(&mut self, at: u64, bytes: &mut [u8]) -> io::Result<()> {
        match self {
            Self::File(file) => file.read_exact_at(bytes, at),
            Self::Memory(memory) => memory.read(at, bytes),
        }
    }

    fn clear(&mut self) -> io::Result<()> {
        match self {
            Self::File(file) => file.set_len(0),
            Self::Memory(memory) => memory.clear(),
        }
    }
}

/// Runs until the input ends. A batch that came together goes on together.
pub fn run(policy: Policy, session: &str, spool: Option<File>, out: &Out) -> Result<Exit, Complaint> {
    let spool = spool.map_or_else(|| Kept::Memory(Memory::default()), Kept::File);
    let mut gate = Gate::new(policy, session, spool);
    let mut lines = Lines::default();
    let mut gathered = Vec::new();
    let passed = redaction::pieces(|piece| {
        let whole =
            lines.push(piece).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "a line without an end"))?;
        for line in whole.split_inclusive(|&b| b == b'\n') {
            let mut hand_on = |bytes: &[u8]| {
                gathered.extend_from_slice(bytes);
                if gathered.len() < GATHERED { Ok(()) } else { flush(&mut gathered, out) }
            };
            gate.line(line.strip_suffix(b"\n").unwrap_or(line), &mut hand_on).map_err(|e| match e {
                GateError::Spool(e) | GateError::Out(e) => e,
            })?;
        }
        flush(&mut gathered, out)?;
        if out.is_known_broken() { Err(io::ErrorKind::BrokenPipe.into()) } else { Ok(()) }
    });
    match passed {
        Ok(()) => {}
        Err(_) if out.is_known_broken() => return Ok(Exit::BrokenPipe),
        // Whatever it is: nothing passes that was not looked through.
        Err(e) => return Err(Complaint::io(PROGRAM, "cannot go on", &e)),
    }
    // An unfinished last line is not there yet for any reader, but it passes all the same.
    let rest = lines.rest();
    let clean = gate.redactor().bytes(rest);
    out.write(clean.as_deref().unwrap_or(rest)).map_err(|e| Complaint::io(PROGRAM, "cannot go on", &e))?;
    Ok(if out.is_known_broken() { Exit::BrokenPipe } else { Exit::Done })
}

fn flush(gathered: &mut Vec<u8>, out: &Out) -> io::Result<()> {
    if gathered.is_empty() {
        return Ok(());
    }
    let written = out.write(gathered);
    gathered.clear();
    written
}
