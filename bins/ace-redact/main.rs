//! `ace-redact`: the last gate before the log. Drafts go on without their secrets, recorded lines untouched.

mod events;

use ace_cli::redact::Redact;
use ace_cli::{Complaint, Exit};
use ace_front::{ended, open, redaction, rights};
use ace_pipe::Out;
use ace_redact::{Policy, Redactor};
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
    let policy = redaction::policy(&opening)?;
    let out = Out::stdout(PROGRAM);
    if args.text {
        rights::gate(PROGRAM, None)?;
        return text(&policy, &args.session, &out);
    }
    let spool = redaction::nameless(opening.home().path());
    rights::gate(PROGRAM, spool.as_ref().map(AsRawFd::as_raw_fd))?;
    events::run(policy, &args.session, spool, &out)
}

/// Plain text, as it comes.
fn text(policy: &Policy, session: &str, out: &Out) -> Result<Exit, Complaint> {
    let mut stream = Redactor::new(policy, session).stream();
    let cleaned = redaction::pieces(|piece| out.write(&stream.push(piece)));
    cleaned.and_then(|()| out.write(&stream.finish())).map_err(|e| Complaint::io(PROGRAM, "cannot go on", &e))?;
    Ok(if out.is_known_broken() { Exit::BrokenPipe } else { Exit::Done })
}
