//! The filter loop: lines in, the same lines out, drafts between them.
//!
//! It keeps the laws that need no knowledge of events: input passes byte for byte (1), drafts are carried unread (2), nothing is
//! done before the present is reached (3), reading never waits for work (5). What an event means is the filter's own business.
//! Invariant: it knows the envelope and the control lines, and nothing of turns, models or tools.

mod lines;
mod out;

pub use lines::{Endless, Lines};
pub use out::Out;

use ace_schema::draft::BlobPartLine;
use ace_schema::event::Class;
use ace_schema::{Line, LineError, ty};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::io::{self, Read};

/// A program of the pipe: what it makes of lines, and what it does when they are due.
pub trait Filter {
    /// Takes in one fact: a recorded line, or any line of a stream without a log.
    fn fold(&mut self, line: &Line);

    /// Adds to `drafts` what is due now. Called after each chunk of input once the present is reached.
    fn due(&mut self, drafts: &mut Vec<u8>);

    /// The stream has no log behind it: believe every line, claim nothing. An error ends the filter with usage.
    ///
    /// # Errors
    /// One line for people, if this filter does not work without a log.
    fn unrecorded(&mut self) -> Result<(), String>;

    /// A blob travels in a stream without a log; most filters do not care.
    fn blob(&mut self, _part: &BlobPartLine) {}

    /// Input has ended: waits for what has been read back and is at work, polling [`Out::is_broken`] meanwhile.
    fn finish(&mut self);
}

/// How the loop treats its streams.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Do not echo input: a supervisor feeds every filter itself.
    pub drafts_only: bool,
}

/// Why a loop ended before its input did.
#[derive(Debug, thiserror::Error)]
pub enum PipeError {
    /// The input is not a stream of events.
    #[error("line {line} of the input: {why}")]
    NotEvents {
        /// Ordinal of the line, from 1.
        line: u64,
        /// Why.
        why: LineError,
    },
    /// The input holds a line that does not end.
    #[error("line {line} of the input: {why}")]
    Endless {
        /// Ordinal of the line, from 1.
        line: u64,
        /// How much of it was read.
        why: Endless,
    },
    /// The filter does not work without a log.
    #[error("{0}")]
    Unrecorded(String),
    /// Nobody reads the output any more.
    #[error("nobody reads the output")]
    Broken,
    /// Reading or writing failed.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// Silence before the present after which the loop says that it waits, s.
const PATIENCE_S: i64 = 10;

/// Runs the filter over stdin until its end.
///
/// # Errors
/// See [`PipeError`]; what was read back before is finished in every case but a broken output.
pub fn run(filter: &mut dyn Filter, out: &Out, options: Options) -> Result<(), PipeError> {
    let mut stdin = io::stdin().lock();
    let mut looped = Loop { filter, out, options, live: false, unrecorded: false, line: 0, drafts: Vec::new() };
    let mut lines = Lines::default();
    let mut buffer = vec![0; 64 * 1024];
    let mut patient = true;
    let ended = loop {
        match wait_for_input(patient && !looped.live)? {
            Wake::Input => {}
            Wake::Broken => break Err(PipeError::Broken),
            Wake::Silence => {
                out.note("has read no log.live for 10 s: is there an 'ace-log follow' or 'cat' before it?");
                patient = false;
                continue;
            }
        }
        let n = match stdin.read(&mut buffer) {
            Ok(0) => break Ok(()),
            Ok(n) => n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => break Err(e.into()),
        };
        match lines.push(&buffer[..n]) {
            Ok(whole) => {
                if let Err(e) = looped.chunk(whole) {
                    break Err(e);
                }
            }
            Err(why) => break Err(PipeError::Endless { line: looped.line + 1, why }),
        }
    };
    if matches!(ended, Err(PipeError::Broken)) {
        return ended;
    }
    looped.filter.finish();
    // An unfinished last line is not there yet for any reader, but it passes all the same.
    let rest = lines.rest();
    if !options.drafts_only && !rest.is_empty() {
        out.write(rest)?;
    }
    if out.is_broken() { Err(PipeError::Broken) } else { ended }
}

enum Wake {
    Input,
    Broken,
    Silence,
}

/// Waits for input, or for the news that nobody reads the output: work must not go on for nobody.
fn wait_for_input(patiently: bool) -> io::Result<Wake> {
    let (stdin, stdout) = (rustix::stdio::stdin(), rustix::stdio::stdout());
    let mut fds = [PollFd::new(&stdin, PollFlags::IN), PollFd::new(&stdout, PollFlags::empty())];
    let limit = Timespec { tv_sec: PATIENCE_S, tv_nsec: 0 };
    match poll(&mut fds, patiently.then_some(&limit)) {
        Ok(0) => Ok(Wake::Silence),
        Ok(_) if fds[1].revents().contains(PollFlags::ERR) => Ok(Wake::Broken),
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(Wake::Input),
        Err(e) => Err(e.into()),
    }
}

struct Loop<'f> {
    filter: &'f mut dyn Filter,
    out: &'f Out,
    options: Options,
    live: bool,
    unrecorded: bool,
    line: u64,
    drafts: Vec<u8>,
}

impl Loop<'_> {
    /// Whole lines: passes them on, folds them, then does what is due.
    fn chunk(&mut self, whole: &[u8]) -> Result<(), PipeError> {
        // Before they are folded: a task that the fold starts may answer at once, and must not speak ahead of what it answers.
        if !self.options.drafts_only && !whole.is_empty() {
            self.out.write(whole)?;
        }
        let mut bad = None;
        for line in lines::split(whole) {
            self.line += 1;
            if let Err(e) = self.take(line) {
                bad = Some(e);
                break;
            }
        }
        if self.live && bad.is_none() {
            self.filter.due(&mut self.drafts);
        }
        if !self.drafts.is_empty() {
            self.out.write(&self.drafts)?;
            self.drafts.clear();
        }
        if self.out.is_known_broken() {
            return Err(PipeError::Broken);
        }
        bad.map_or(Ok(()), Err)
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), PipeError> {
        let line = match Line::parse(bytes) {
            Ok(line) => line,
            // A neighbour's stray output passes by; a stream that begins with none of ours is a mistake worth a word.
            Err(LineError::NotAnEvent(_) | LineError::TooLong(_)) if self.line > 1 => return Ok(()),
            Err(why) => return Err(PipeError::NotEvents { line: self.line, why }),
        };
        match (line.class(), &*line.ty) {
            (Class::Control, ty::LOG_LIVE) => self.live = true,
            // Only a source says so, in its first word; nobody behind a log can make its drafts be believed.
            (Class::Control, ty::LOG_NONE) if self.line == 1 => {
                self.filter.unrecorded().map_err(PipeError::Unrecorded)?;
                (self.live, self.unrecorded) = (true, true);
            }
            (Class::Control, ty::LOG_BLOB) if self.unrecorded => {
                if let Ok(part) = BlobPartLine::parse(bytes) {
                    self.filter.blob(&part);
                }
            }
            (Class::Stone, _) if line.is_recorded() || self.unrecorded => self.filter.fold(&line),
            _ => {}
        }
        Ok(())
    }
}
