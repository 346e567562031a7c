//! The rules of the record: what may be recorded, and the stamp. It must never touch a file: every store keeps the same book.

use std::collections::HashSet;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};
use std::sync::LazyLock;

use ace_schema::data::{ForkedFrom, LogRefused, PermissionResolved};
use ace_schema::permission::Decision;
use ace_schema::{Kind, Line, LineError, event, id, limits, ty};
use memchr::memmem::Finder;

use crate::batch::{Item, parse, shape_fits, sort};
use crate::clock::{self, Clock};
use crate::hash::{self, Sha, hex, sha256};
use crate::store::{Fault, Nib, Refusal, Why};

/// Ids are kept as 64 random-keyed bits each: a clash refuses one line in 2^64 / ids.
#[derive(Default)]
struct Same(u64);

impl Hasher for Same {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, _: &[u8]) {}
    fn write_u64(&mut self, n: u64) {
        self.0 = n;
    }
}

/// What a rule allows can be drawn again from what stands before it, and nobody acts on it before the claim that follows is on the
/// disk, and this with it. A person is not asked twice, nor is a decider, which may have asked one.
fn is_drawn_again(pen: Nib, line: &Line<'_>) -> bool {
    pen.kind == Kind::Permit
        && line.ty == ty::PERMISSION_RESOLVED
        && line.data::<PermissionResolved>().is_ok_and(|data| {
            data.decision == Decision::Allow && data.who == PermissionResolved::RULE && !data.is_by_decider()
        })
}

/// The state a store needs to go on: the last line's number and hash, and the ids.
#[derive(Debug)]
pub(crate) struct Ledger {
    session: String,
    /// Number of the last record; of the one before the first if there is none.
    seq: u64,
    prev: Sha,
    begun: bool,
    /// Nothing will be stamped: ids need not be kept.
    reads_only: bool,
    ids: HashSet<u64, BuildHasherDefault<Same>>,
    key: RandomState,
    max_pen: u32,
    lines: u64,
    /// Refusals that were recorded so far.
    refusals: usize,
    /// The last time that a line was stamped with, and how it is written.
    time: (i64, String),
}

/// A stamped batch.
#[derive(Debug, Default)]
pub(crate) struct Stamped {
    pub lines: Vec<u8>,
    pub chalk: Vec<u8>,
    pub first: u64,
    pub dropped: Vec<String>,
    pub refused: Vec<Refusal>,
    /// Something in it must be on the disk before it counts.
    pub sync: bool,
    /// A turn ends with it.
    pub ends: bool,
    undo: Undo,
}

#[derive(Debug, Default)]
struct Undo {
    seq: u64,
    prev: Sha,
    begun: bool,
    max_pen: u32,
    lines: u64,
    ids: Vec<u64>,
}

impl Stamped {
    /// Adds a batch that was stamped right after this one.
    pub fn extend(&mut self, more: Self) {
        if self.lines.is_empty() {
            // Nothing was stamped before: the later batch is where the numbers begin, and where an undo leads back to.
            self.first = more.first;
            self.undo = more.undo;
        } else {
            self.undo.ids.extend(more.undo.ids);
        }
        self.lines.extend(more.lines);
        self.chalk.extend(more.chalk);
        self.dropped.extend(more.dropped);
        self.refused.extend(more.refused);
        self.sync |= more.sync;
        self.ends |= more.ends;
    }
}

impl Ledger {
    /// The book of a session that has no record yet; an empty name is learnt from the first line.
    pub fn new(session: &str) -> Self {
        Self {
            session: session.to_owned(),
            seq: 0,
            prev: hash::NONE,
            begun: false,
            reads_only: false,
            ids: HashSet::default(),
            key: RandomState::new(),
            max_pen: 0,
            lines: 0,
            refusals: 0,
            time: (0, clock::stamp(0)),
        }
    }

    /// A book for checking lines that are there, not for stamping.
    pub fn for_reading() -> Self {
        Self { reads_only: true, ..Self::new("") }
    }

    pub fn session(&self) -> &str {
        &self.session
    }

    pub fn seq(&self) -> u64 {
        self.seq
    }

    pub fn head(&self) -> Sha {
        self.prev
    }

    /// Lines read or written so far.
    pub fn lines(&self) -> u64 {
        self.lines
    }

    pub fn max_pen(&self) -> u32 {
        self.max_pen
    }

    /// Takes in a line that stands in the log. `chained`: check that it continues the one before, which costs its hash.
    pub fn absorb<'a>(&mut self, bytes: &'a [u8], chained: bool) -> Result<Line<'a>, Fault> {
        let line = parse(bytes).map_err(Fault::Line)?;
        if !self.begun {
            self.open(&line)?;
        }
        let expected = self.seq + 1;
        if line.seq != Some(expected) {
            return Err(Fault::Seq { expected, found: line.seq.unwrap_or(0) });
        }
        if line.session != self.session {
            return Err(Fault::Session(line.session.clone().into_owned()));
        }
        if chained && !hash::is_hex_of(&line.prev, &self.prev) {
            return Err(Fault::Prev);
        }
        self.begun = true;
        self.seq = expected;
        self.lines += 1;
        self.max_pen = self.max_pen.max(line.pen.unwrap_or(0));
        if !self.reads_only {
            self.ids.insert(self.key.hash_one(line.id.as_bytes()));
        }
        if chained {
            self.prev = sha256(bytes);
        }
        Ok(line)
    }

    /// Takes the hash of the line absorbed last, for those who did not have every line checked.
    pub fn set_head(&mut self, last: &[u8]) {
        self.prev = sha256(last);
    }

    fn open(&mut self, first: &Line<'_>) -> Result<(), Fault> {
        #[derive(serde::Deserialize)]
        struct Origin {
            forked_from: Option<ForkedFrom>,
        }
        if first.ty != ty::SESSION_CREATED {
            return Err(Fault::Creation);
        }
        if self.session.is_empty() {
            self.session = first.session.clone().into_owned();
        }
        // A fork goes on from its parent's record: number and hash continue.
        if let Some(from) = first.data::<Origin>().ok().and_then(|o| o.forked_from) {
            self.seq = from.seq;
            self.prev = hash::unhex(&from.hash).unwrap_or(hash::NONE);
        }
        Ok(())
    }

    /// Stamps what may be recorded, in order. The book counts it as recorded until [`undo`](Self::undo).
    pub fn stamp(&mut self, pen: Nib, items: &[Item<'_>], clock: &Clock) -> Stamped {
        let undo = Undo {
            seq: self.seq,
            prev: self.prev,
            begun: self.begun,
            max_pen: self.max_pen,
            lines: self.lines,
            ids: Vec::new(),
        };
        let mut out = Stamped { first: self.seq + 1, undo, ..Stamped::default() };
        for item in items {
            match item {
                Item::Refused(refusal) => out.refused.push(refusal.clone()),
                Item::Part(..) => {}
                Item::Stone(at, bytes, line) => self.stone(pen, *at, bytes, line, clock, &mut out),
                Item::Chalk(at, bytes, line) => {
                    let result = self.common(pen, bytes, line).and_then(|()| {
                        let stamp = format!("{{\"after\":{},", self.seq);
                        join(&mut out.chalk, &stamp, bytes, |line| line.after == Some(self.seq))
                    });
                    refuse(*at, line, result, &mut out);
                }
            }
        }
        out
    }

    /// The same, and a record of what a pen may not say, and of decisions that came too late.
    pub fn stamp_and_note(&mut self, pen: Nib, items: &[Item<'_>], clock: &Clock) -> Stamped {
        let mut stamped = self.stamp(pen, items, clock);
        let noted = self.note_refusals(pen, &stamped, clock);
        if !noted.lines.is_empty() {
            stamped.extend(noted);
        }
        stamped
    }

    /// What a pen tried to say and may not, and decisions that came too late, are themselves facts worth keeping; a flood of them
    /// is not.
    fn note_refusals(&mut self, pen: Nib, stamped: &Stamped, clock: &Clock) -> Stamped {
        let mut out = Stamped::default();
        if pen.kind == Kind::Keeper {
            return out;
        }
        let late = |id: &&String| pen.kind == Kind::Person && id.starts_with("answer-");
        let forged = stamped.refused.iter().filter(|r| matches!(r.why, Why::Kind(_) | Why::Shape));
        let late = stamped
            .dropped
            .iter()
            .filter(late)
            .map(|id| (id.as_str(), ty::PERMISSION_RESOLVED, "answered before".to_owned()));
        let all: Vec<LogRefused> = forged
            .map(|r| (r.id.as_str(), r.ty.as_str(), r.why.to_string()))
            .chain(late)
            .take(limits::REFUSALS.saturating_sub(self.refusals))
            .map(|(id, ty, why)| LogRefused { pen: pen.number, id: id.to_owned(), ty: ty.to_owned(), why })
            .collect();
        self.refusals += all.len();
        for refused in all {
            let id = format!("log-{}", self.seq + 1);
            let draft = self.keeper_draft(&id, ty::LOG_REFUSED, &refused);
            out.extend(self.stamp(Nib::KEEPER, &sort(&draft), clock));
        }
        out
    }

    fn stone(&mut self, pen: Nib, at: usize, bytes: &[u8], line: &Line<'_>, clock: &Clock, out: &mut Stamped) {
        let known = self.key.hash_one(line.id.as_bytes());
        if self.ids.contains(&known) && id::is_derived(&line.id) && self.may(pen, line).is_ok() {
            out.dropped.push(line.id.clone().into_owned());
            return;
        }
        let begin = out.lines.len();
        let result = self.common(pen, bytes, line).and_then(|()| {
            if self.ids.contains(&known) {
                return Err(Why::Repeated);
            }
            if self.begun == (line.ty == ty::SESSION_CREATED) {
                return Err(Why::Creation);
            }
            if !self.begun {
                self.open(line).map_err(|_| Why::Creation)?;
                out.first = self.seq + 1;
            }
            let seq = self.seq + 1;
            let now = clock.now();
            if self.time.0 != now {
                self.time = (now, clock::stamp(now));
            }
            let (time, prev) = (&self.time.1, hex(&self.prev));
            let stamp = format!("{{\"seq\":{seq},\"ts\":\"{time}\",\"prev\":\"{prev}\",\"pen\":{},", pen.number);
            join(&mut out.lines, &stamp, bytes, |line| line.seq == Some(seq))
        });
        if result.is_ok() {
            self.seq += 1;
            self.begun = true;
            self.lines += 1;
            self.prev = sha256(&out.lines[begin..out.lines.len() - 1]);
            self.max_pen = self.max_pen.max(pen.number);
            self.ids.insert(known);
            out.undo.ids.push(known);
            out.sync |= event::synced(&line.ty) && !is_drawn_again(pen, line);
            out.ends |= [ty::TURN_COMPLETED, ty::TURN_FAILED, ty::TURN_CANCELLED].contains(&line.ty.as_ref());
        }
        refuse(at, line, result, out);
    }

    /// What holds for chalk as well as for stone.
    fn common(&self, pen: Nib, bytes: &[u8], line: &Line<'_>) -> Result<(), Why> {
        if bytes.len() + limits::STAMP_BYTES >= limits::LINE_BYTES {
            return Err(LineError::TooLong(bytes.len()).into());
        }
        if line.id.is_empty() || line.id.len() > limits::ID_BYTES {
            return Err(Why::Id);
        }
        self.may(pen, line)
    }

    fn may(&self, pen: Nib, line: &Line<'_>) -> Result<(), Why> {
        if line.session != self.session {
            return Err(Why::Session(line.session.clone().into_owned()));
        }
        if !pen.kind.may(&line.ty) {
            return Err(Why::Kind(pen.kind));
        }
        if !shape_fits(&line.id, &line.ty) {
            return Err(Why::Shape);
        }
        Ok(())
    }

    /// Takes a stamped batch back: it could not be written.
    pub fn undo(&mut self, stamped: &Stamped) {
        let undo = &stamped.undo;
        self.seq = undo.seq;
        self.prev = undo.prev;
        self.begun = undo.begun;
        self.max_pen = undo.max_pen;
        self.lines = undo.lines;
        for id in &undo.ids {
            self.ids.remove(id);
        }
    }

    /// A draft of the keeper's own for this session.
    pub fn keeper_draft(&self, id: &str, name: &str, data: &impl serde::Serialize) -> Vec<u8> {
        let mut drafter = ace_schema::Drafter::new("ace-log", 0);
        drafter.set_session(&self.session);
        drafter.line(id, 0, "", name, data)
    }
}

/// Puts the stamp in place of the draft's `{`, and keeps every other byte. What comes out must read back as a line with that
/// stamp: a draft that brought a field of the stamp itself has it twice now, which the parser refuses. A draft that names none
/// of them need not be read a second time.
fn join(out: &mut Vec<u8>, stamp: &str, draft: &[u8], holds: impl Fn(&Line<'_>) -> bool) -> Result<(), Why> {
    let begin = out.len();
    let brace = memchr::memchr(b'{', draft).unwrap_or(0);
    out.extend_from_slice(stamp.as_bytes());
    out.extend_from_slice(&draft[brace + 1..]);
    if !may_name_the_stamp(draft) || Line::parse(&out[begin..]).is_ok_and(|line| holds(&line)) {
        out.push(b'\n');
        return Ok(());
    }
    out.truncate(begin);
    Err(Why::Stamp)
}

/// Whether a field of the stamp may stand in a draft, at its top or anywhere; a name can also be written by escapes.
fn may_name_the_stamp(draft: &[u8]) -> bool {
    static NAMES: LazyLock<[Finder<'static>; 6]> =
        LazyLock::new(|| ["\"seq\"", "\"ts\"", "\"prev\"", "\"pen\"", "\"after\"", "\\u"].map(Finder::new));
    NAMES.iter().any(|name| name.find(draft).is_some())
}

fn refuse(at: usize, line: &Line<'_>, result: Result<(), Why>, out: &mut Stamped) {
    if let Err(why) = result {
        let id = line.id.chars().take(limits::ID_BYTES).collect();
        let ty = line.ty.chars().take(limits::ID_BYTES).collect();
        out.refused.push(Refusal { line: at, id, ty, why });
    }
}
