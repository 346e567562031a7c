//! How a filter ends: its loop's error in words and as an exit.

use ace_cli::{Complaint, Exit};
use ace_host::Rounds;
use ace_pipe::{Filter, Options, Out, PipeError};
use ace_schema::draft::BlobPartLine;
use ace_schema::{Line, LineError};

/// Runs a filter over stdin.
///
/// # Errors
/// In words for people.
pub fn run(program: &'static str, filter: &mut dyn Filter, out: &Out, drafts_only: bool) -> Result<Exit, Complaint> {
    match ace_pipe::run(&mut Settling { filter, rounds: Rounds::default() }, out, Options { drafts_only }) {
        Ok(()) => Ok(Exit::Done),
        Err(PipeError::Broken) => Ok(Exit::BrokenPipe),
        Err(PipeError::NotEvents { line, why: why @ LineError::Version(_) }) => {
            Err(Complaint::new(program, Exit::Damaged, format!("line {line} of the input {why}")))
        }
        Err(PipeError::NotEvents { line, why }) => Err(not_events(program, line, &why)),
        Err(PipeError::Endless { line, why }) => Err(not_events(program, line, &why)),
        Err(PipeError::Unrecorded(what)) => Err(Complaint::new(program, Exit::Usage, what)),
        Err(PipeError::Io(e)) => Err(Complaint::io(program, "cannot go on", &e)),
    }
}

/// A filter, and how often it has done what is due: one that has been at work for a while holds no memory that only its start needed.
struct Settling<'f> {
    filter: &'f mut dyn Filter,
    rounds: Rounds,
}

impl Filter for Settling<'_> {
    fn fold(&mut self, line: &Line) {
        self.filter.fold(line);
    }

    fn due(&mut self, drafts: &mut Vec<u8>) {
        self.filter.due(drafts);
        self.rounds.count();
    }

    fn unrecorded(&mut self) -> Result<(), String> {
        self.filter.unrecorded()
    }

    fn blob(&mut self, part: &BlobPartLine) {
        self.filter.blob(part);
    }

    fn finish(&mut self) {
        self.filter.finish();
    }
}

fn not_events(program: &'static str, line: u64, why: &dyn std::fmt::Display) -> Complaint {
    Complaint::new(program, Exit::Damaged, format!("line {line} of the input is {why}"))
        .hint("a filter reads what 'ace-log follow S' or 'cat S' prints")
}

/// What a program's main returns: its exit, after its complaint was said.
#[must_use]
pub fn ended(result: Result<Exit, Complaint>, color: ace_cli::When) -> std::process::ExitCode {
    match result {
        Ok(exit) => exit.into(),
        Err(complaint) => ace_cli::complain(&complaint, color),
    }
}
