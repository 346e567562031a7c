//! `ace-redact`: the last gate of a typed pipeline, and texts. Drafts go on without their secrets, recorded lines untouched.

mod events;

use ace_cli::redact::Redact;
use ace_cli::{Complaint, Exit};
use ace_front::{ended, open, redaction, rights};
use ace_host::Kept;
use ace_pipe::Out;
use ace_redact::{Gate, Redactor};
use std::os::fd::AsRawFd;
use std::process::ExitCode;

const PROGRAM: &str = "ace-redact";

fn main() -> ExitCode {
    match ace_cli::parse::<Redact>() {
        Ok(args) => ended(run(&args), args.color),
        Err(code) => code,
    }
}

fn run(args: &Redact) -> Result<Exit, Complaint> {
    let opening = open(PROGRAM, Vec::new())?;
    let redactor = Redactor::new(&redaction::policy(&opening)?, &args.session);
    // Before the first draft waits for it.
    redactor.get_ready();
    let out = Out::stdout(PROGRAM);
    if args.text {
        rights::gate(PROGRAM, None)?;
        return text(&redactor, &out);
    }
    let kept = Kept::within(opening.home().path());
    let file = if let Kept::File(file) = &kept { Some(file.as_raw_fd()) } else { None };
    rights::gate(PROGRAM, file)?;
    events::run(Gate::new(&redactor, &args.session, kept), &out)
}

/// Plain text, as it comes.
fn text(redactor: &Redactor, out: &Out) -> Result<Exit, Complaint> {
    let mut stream = redactor.stream();
    let cleaned = redaction::pieces(|piece| out.write(&stream.push(piece)));
    cleaned.and_then(|()| out.write(&stream.finish())).map_err(|e| Complaint::io(PROGRAM, "cannot go on", &e))?;
    Ok(if out.is_known_broken() { Exit::BrokenPipe } else { Exit::Done })
}
