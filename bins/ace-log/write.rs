//! What `ace-log` writes: the end of a typed chain, and one filter joined to a log.

use ace_cli::{Complaint, Exit, SessionAddress};
use ace_core::{State, TurnEnd};
use ace_front::answer::{state_of, waits};
use ace_front::rights::{self, Hand};
use ace_front::{Opening, clock, random, redaction, words};
use ace_host::{Begins, Stage, Undertaker, join as join_filter, kind_of};
use ace_pipe::Lines;
use ace_schema::Kind;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::ffi::OsString;
use std::io::{self, Read, Write};

use crate::PROGRAM;

/// How long there is nothing to record before it looks who is still there.
const SILENCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 500_000_000 };

/// Stamps and keeps the drafts on stdin; ends with the exit that the log's state stands for.
pub fn append(opening: &Opening, session: &SessionAddress, tee: bool) -> Result<Exit, Complaint> {
    let found = opening.find(session)?;
    rights::log(opening, &found, Hand::Keeps)?;
    let log = opening.log(&found);
    let name = session.to_string();
    let refused = |e| words::append(PROGRAM, &name, &e);
    let mut appender = log.append(clock()).map_err(refused)?;
    let mut undertaker = Undertaker::open(&log, random()).map_err(|e| cannot_read(&e))?;
    undertaker.look(&mut appender).map_err(refused)?;
    // One pen serves all stages of a typed chain: each is trusted by those to its right.
    let pen = appender.open_pen(Kind::Chain).map_err(refused)?;
    let mut lines = Lines::default();
    let mut buffer = vec![0; 64 * 1024];
    let mut stdin = io::stdin().lock();
    loop {
        while !has_input()? {
            // What ran this session before may end later than this begins.
            if undertaker.has_claims().map_err(|e| cannot_read(&e))? {
                undertaker.look(&mut appender).map_err(refused)?;
            }
        }
        let n = match stdin.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(Complaint::io(PROGRAM, "cannot read drafts", &e)),
        };
        let whole = lines.push(&buffer[..n]);
        let whole = whole.map_err(|e| Complaint::new(PROGRAM, Exit::Damaged, format!("stdin holds {e}")))?;
        let appended = appender.append(pen.nib(), whole).map_err(refused)?;
        for refusal in &appended.refused {
            ace_cli::note(PROGRAM, &format!("refused {refusal}"), None, ace_cli::When::Auto);
        }
        if tee && !appended.lines.is_empty() {
            let mut stdout = io::stdout().lock();
            let written = stdout.write_all(&appended.lines).and_then(|()| stdout.flush());
            written.map_err(|e| Complaint::io(PROGRAM, "cannot print", &e))?;
        }
    }
    drop(pen);
    let (state, _) = state_of(&log).map_err(|e| cannot_read(&e))?;
    Ok(exit_of(&state))
}

fn cannot_read(e: &io::Error) -> Complaint {
    Complaint::io(PROGRAM, "cannot read the log", e)
}

/// Waits a while for something to read; `false` if there was nothing.
fn has_input() -> Result<bool, Complaint> {
    let stdin = rustix::stdio::stdin();
    let mut fds = [PollFd::new(&stdin, PollFlags::IN)];
    match poll(&mut fds, Some(&SILENCE)) {
        Ok(n) => Ok(n > 0),
        Err(rustix::io::Errno::INTR) => Ok(false),
        Err(e) => Err(Complaint::io(PROGRAM, "cannot wait for drafts", &e.into())),
    }
}

/// The exit that a session's state stands for.
fn exit_of(state: &State) -> Exit {
    if waits(state) {
        return Exit::Undecided;
    }
    match &state.ended {
        Some(TurnEnd::Failed { code, .. }) => words::exit_of(code),
        Some(TurnEnd::Cancelled) => Exit::Cancelled,
        Some(TurnEnd::Completed) | None => Exit::Done,
    }
}

/// Runs a filter on the log; ends with the filter's exit.
pub fn join(opening: &Opening, session: &SessionAddress, filter: &[OsString]) -> Result<Exit, Complaint> {
    let found = opening.find(session)?;
    let log = opening.log(&found);
    let name = session.to_string();
    let argv: Vec<String> = filter.iter().map(|a| a.to_string_lossy().into_owned()).collect();
    let stage = Stage { kind: kind_of(&argv), argv, begins: Begins::AtOnce };
    let note = |words: String| ace_cli::note(PROGRAM, &words, None, ace_cli::When::Auto);
    let redactor = redaction::redactor(opening, &found.id)?;
    let code =
        join_filter(&log, &stage, redactor.as_ref(), clock(), note).map_err(|e| words::star(PROGRAM, &name, &e))?;
    let exit = u8::try_from(code).ok().and_then(Exit::from_number);
    exit.ok_or_else(|| Complaint::new(PROGRAM, Exit::No, format!("'{}' ended with exit {code}", stage.argv[0])))
}
