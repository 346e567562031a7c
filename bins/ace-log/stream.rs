//! What `ace-log` streams: the log as lines, and the answers of a stream on stdin.

use ace_cli::log::Until as Wanted;
use ace_cli::{Complaint, Exit, SessionAddress};
use ace_core::{State, Until};
use ace_front::rights::{self, Hand};
use ace_front::{Opening, words};
use ace_pipe::{Lines, Out};
use ace_schema::data::{BlobRef, ModelCompleted, ModelDelta, ModelFailed};
use ace_schema::draft::{BlobPartLine, control};
use ace_schema::{Line, limits, ty};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::time::Duration;

use crate::PROGRAM;

/// How often a follower looks whether anybody still reads it.
const LOOK: Duration = Duration::from_millis(250);

fn cannot_read(e: &io::Error) -> Complaint {
    Complaint::io(PROGRAM, "cannot read the log", e)
}

/// Every line, then the word that history has ended.
pub fn cat(opening: &Opening, session: &SessionAddress) -> Result<Exit, Complaint> {
    let found = opening.find(session)?;
    rights::log(opening, &found, Hand::Reads)?;
    let log = opening.log(&found);
    let out = Out::stdout(PROGRAM);
    let mut follow = log.follow(session.seq.unwrap_or(0)).map_err(|e| cannot_read(&e))?;
    let mut first = true;
    loop {
        let lines = follow.read().map_err(|e| cannot_read(&e))?;
        if lines.is_empty() {
            break;
        }
        if std::mem::take(&mut first) {
            check_header(lines, session)?;
        }
        write(&out, lines)?;
        if out.is_known_broken() {
            return Ok(Exit::BrokenPipe);
        }
    }
    write(&out, &control(ty::LOG_LIVE))?;
    Ok(Exit::Done)
}

/// The header is strict: a log of a version this code does not read is not handed on.
fn check_header(lines: &[u8], session: &SessionAddress) -> Result<(), Complaint> {
    let first = ace_storage::split(lines).next().unwrap_or_default();
    match Line::parse(first) {
        Ok(_) => Ok(()),
        Err(e) => Err(words::damaged(PROGRAM, &session.to_string(), 1, &ace_storage::Fault::Line(e))),
    }
}

/// The same, and what comes, until what is waited for has come about.
pub fn follow(opening: &Opening, session: &SessionAddress, until: Option<Wanted>) -> Result<Exit, Complaint> {
    let found = opening.find(session)?;
    rights::log(opening, &found, Hand::Follows)?;
    let log = opening.log(&found);
    let out = Out::stdout(PROGRAM);
    let until = until.map(|u| match u {
        Wanted::Turn => Until::Turn,
        Wanted::Idle => Until::Idle,
    });
    let from = session.seq.unwrap_or(0);
    // Whether the turn has ended is known only to who has read all of it, whatever part is printed.
    let mut follow = log.follow(if until.is_some() { 0 } else { from }).map_err(|e| cannot_read(&e))?;
    let mut state = State::new();
    let (mut live, mut first) = (false, true);
    loop {
        let lines = follow.read().map_err(|e| cannot_read(&e))?;
        if lines.is_empty() {
            if !live {
                live = true;
                write(&out, &control(ty::LOG_LIVE))?;
            }
            if until.is_some_and(|u| u.is_reached(&state)) {
                return Ok(Exit::Done);
            }
            follow.wait(LOOK).map_err(|e| cannot_read(&e))?;
            if out.is_broken() {
                return Ok(Exit::BrokenPipe);
            }
            continue;
        }
        if std::mem::take(&mut first) {
            check_header(lines, session)?;
        }
        if until.is_some() {
            state.fold_all(lines);
        }
        write(&out, since(lines, from))?;
        if out.is_known_broken() {
            return Ok(Exit::BrokenPipe);
        }
    }
}

/// The rest of these lines from the record `from` on.
fn since(lines: &[u8], from: u64) -> &[u8] {
    let mut rest = lines;
    while from > 1
        && let Some(end) = rest.iter().position(|&b| b == b'\n')
        && Line::parse(&rest[..end]).is_ok_and(|line| line.seq.is_some_and(|seq| seq < from))
    {
        rest = &rest[end + 1..];
    }
    rest
}

fn write(out: &Out, bytes: &[u8]) -> Result<(), Complaint> {
    out.write(bytes).map_err(|e| Complaint::io(PROGRAM, "cannot print", &e))
}

/// The answers of the stream on stdin, as they come; 1 if one failed.
pub fn text() -> Result<Exit, Complaint> {
    let mut reader =
        Answers { out: Out::stdout(PROGRAM), blobs: HashMap::new(), shown: String::new(), failed: None, any: false };
    let mut lines = Lines::default();
    let mut buffer = vec![0; 64 * 1024];
    let mut stdin = io::stdin().lock();
    let mut number = 0;
    loop {
        let n = match stdin.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(Complaint::io(PROGRAM, "cannot read the stream", &e)),
        };
        let whole = lines.push(&buffer[..n]);
        let whole = whole.map_err(|e| Complaint::new(PROGRAM, Exit::Damaged, format!("the input holds {e}")))?;
        for bytes in ace_storage::split(whole) {
            number += 1;
            match Line::parse(bytes) {
                Ok(line) => reader.take(&line, bytes)?,
                Err(why) if number == 1 => {
                    return Err(Complaint::new(PROGRAM, Exit::Damaged, format!("line 1 of the input is {why}")));
                }
                Err(_) => {}
            }
        }
        if reader.out.is_known_broken() {
            return Ok(Exit::BrokenPipe);
        }
    }
    match reader.failed {
        Some(failed) => {
            let exit = match words::exit_of(&failed.code) {
                Exit::Done => Exit::No,
                exit => exit,
            };
            let complaint = Complaint::new("ace-model", exit, failed.message);
            Err(if failed.hint.is_empty() { complaint } else { complaint.hint(failed.hint) })
        }
        None if reader.any => Ok(Exit::Done),
        None => Err(Complaint::new(PROGRAM, Exit::No, "the stream holds no answer")),
    }
}

struct Answers {
    out: Out,
    blobs: HashMap<String, Vec<u8>>,
    /// What of the running answer is on stdout already.
    shown: String,
    failed: Option<ModelFailed>,
    any: bool,
}

impl Answers {
    fn take(&mut self, line: &Line, bytes: &[u8]) -> Result<(), Complaint> {
        match &*line.ty {
            ty::LOG_BLOB => self.keep(bytes),
            ty::MODEL_DELTA => {
                if let Ok(delta) = line.data::<ModelDelta>() {
                    self.shown.push_str(&delta.text);
                    if self.shown.len() > limits::ANSWER_BYTES {
                        let what = format!("the input holds an answer of more than {} bytes", limits::ANSWER_BYTES);
                        return Err(Complaint::new(PROGRAM, Exit::Damaged, what));
                    }
                    write(&self.out, delta.text.as_bytes())?;
                }
            }
            ty::MODEL_COMPLETED => {
                if let Ok(done) = line.data::<ModelCompleted>() {
                    let fetch = |b: &BlobRef| self.blobs.get(&b.sha).map(|b| String::from_utf8_lossy(b).into_owned());
                    let whole = ace_view::answer::text(&done.parts, &fetch);
                    let rest = whole.strip_prefix(self.shown.as_str()).unwrap_or_default().to_owned();
                    write(&self.out, (rest + "\n").as_bytes())?;
                    self.shown.clear();
                    (self.any, self.failed) = (true, None);
                }
            }
            ty::MODEL_FAILED => {
                if !self.shown.is_empty() {
                    write(&self.out, b"\n")?;
                    self.shown.clear();
                }
                self.failed = line.data().ok();
            }
            _ => {}
        }
        Ok(())
    }

    fn keep(&mut self, bytes: &[u8]) {
        let held: usize = self.blobs.values().map(Vec::len).sum();
        if let Ok(part) = BlobPartLine::parse(bytes)
            && let Ok(data) = BASE64_STANDARD.decode(part.data.as_bytes())
            && held + data.len() <= limits::ANSWER_BYTES
        {
            self.blobs.entry(part.sha.to_string()).or_default().extend(data);
        }
    }
}

/// Flushes what is printed.
pub fn flush() -> Result<Exit, Complaint> {
    io::stdout().flush().map(|()| Exit::Done).map_err(|e| Complaint::io(PROGRAM, "cannot print", &e))
}
