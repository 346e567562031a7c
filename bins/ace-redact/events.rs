//! The stream of events: lines in, lines out.

use ace_cli::{Complaint, Exit};
use ace_front::redaction;
use ace_host::{GATHERED, Kept};
use ace_pipe::{Lines, Out};
use ace_redact::{Gate, GateError};
use std::io;

use crate::PROGRAM;

/// Runs until the input ends. A batch that came together goes on together.
pub fn run(mut gate: Gate<Kept>, out: &Out) -> Result<Exit, Complaint> {
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
