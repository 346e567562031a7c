//! A stream of drafts without their secrets. Recorded lines and lines about the stream pass byte for byte; a draft without a secret
//! does too.
//!
//! A blob comes in parts ahead of the event that names it, under the hash of what it was. So its parts are kept, cleaned, until it is
//! whole; then it goes on under the hash of what it is, and every later mention of the old hash becomes the new one. What is kept
//! meanwhile is cleaned already: no secret is ever written anywhere on its way.
//!
//! Pieces of a running answer or output (chalk) are cleaned as one text each: what may be the first half of a secret waits for the
//! next piece, and what waits when the whole is recorded is dropped, since the whole says it.

use ace_schema::draft::BlobPartLine;
use ace_schema::{Class, Line, limits, ty};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::io;

use crate::json::{Change, Place, rewrite};
use crate::plain::is_all_seen;
use crate::policy::Redactor;
use crate::stream::Stream;

/// Running texts that are followed at once.
const STREAMS: usize = 256;

/// Blobs that have changed and whose new names are remembered.
const RENAMED: usize = 16 * 1024;

/// Fields of a line that say what it is; what a person or a model says stands in none of them.
const ENVELOPE: &[&str] = &["seq", "ts", "prev", "pen", "v", "id", "session", "turn", "cause", "by", "type"];

/// Where cleaned parts of blobs wait.
pub trait Spool {
    /// Keeps bytes at a place.
    ///
    /// # Errors
    /// There is no room.
    fn write(&mut self, at: u64, bytes: &[u8]) -> io::Result<()>;

    /// Gives back as many bytes from a place.
    ///
    /// # Errors
    /// They are not there.
    fn read(&mut self, at: u64, bytes: &mut [u8]) -> io::Result<()>;

    /// Nothing is needed any more.
    ///
    /// # Errors
    /// It cannot be forgotten.
    fn clear(&mut self) -> io::Result<()>;
}

/// A spool in memory, up to the size of the largest output that is kept.
#[derive(Debug, Default)]
pub struct Memory(Vec<u8>);

impl Spool for Memory {
    fn write(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        let full = || io::Error::from(io::ErrorKind::StorageFull);
        let at = usize::try_from(at).map_err(|_| full())?;
        let end = at.saturating_add(bytes.len());
        if end as u64 > limits::OUTPUT_KEPT_BYTES * 2 {
            return Err(full());
        }
        if self.0.len() < end {
            self.0.resize(end, 0);
        }
        self.0[at..end].copy_from_slice(bytes);
        Ok(())
    }

    fn read(&mut self, at: u64, bytes: &mut [u8]) -> io::Result<()> {
        let at = usize::try_from(at).unwrap_or(usize::MAX);
        let kept =
            self.0.get(at..at.saturating_add(bytes.len())).ok_or(io::Error::from(io::ErrorKind::UnexpectedEof))?;
        bytes.copy_from_slice(kept);
        Ok(())
    }

    fn clear(&mut self) -> io::Result<()> {
        self.0 = Vec::new();
        Ok(())
    }
}

/// Why a gate cannot go on. Nothing may pass it then.
#[derive(Debug, thiserror::Error)]
pub enum GateError {
    /// What waits cannot be kept or read back.
    #[error("cannot keep what waits: {0}")]
    Spool(io::Error),
    /// What is done cannot be handed on.
    #[error("cannot hand on: {0}")]
    Out(io::Error),
}

/// A blob that has begun.
struct Begun {
    stream: Stream,
    /// Where its cleaned bytes wait: place and length of each run.
    runs: Vec<(u64, usize)>,
    bytes: u64,
    hasher: Sha256,
    next: usize,
    of: usize,
}

/// The gate.
pub struct Gate<S> {
    redactor: Redactor,
    session: String,
    streams: HashMap<(String, String), Stream>,
    blobs: HashMap<String, Begun>,
    renamed: HashMap<String, (String, u64)>,
    spool: S,
    /// Bytes of the spool in use.
    used: u64,
    found: u64,
}

type Out<'o> = &'o mut dyn FnMut(&[u8]) -> io::Result<()>;

impl<S: Spool> Gate<S> {
    /// A gate for a session; empty if the stream will tell.
    pub fn new(redactor: &Redactor, session: &str, spool: S) -> Self {
        Self {
            redactor: redactor.of_session(session),
            session: session.to_owned(),
            streams: HashMap::new(),
            blobs: HashMap::new(),
            renamed: HashMap::new(),
            spool,
            used: 0,
            found: 0,
        }
    }

    /// Strings and blobs that were changed so far.
    #[must_use]
    pub fn found(&self) -> u64 {
        self.found
    }

    /// What cleans the rest of a stream that ends within a line.
    #[must_use]
    pub fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    /// Takes one line without its LF; `out` gets what goes on, with it.
    ///
    /// # Errors
    /// See [`GateError`]; the line has not passed then.
    pub fn line(&mut self, bytes: &[u8], out: Out<'_>) -> Result<(), GateError> {
        let Ok(line) = Line::parse(bytes) else { return self.stray(bytes, out) };
        if !line.session.is_empty() && line.session != self.session.as_str() {
            self.session = line.session.to_string();
            self.redactor = self.redactor.of_session(&self.session);
        }
        match line.class() {
            _ if line.is_recorded() => whole(bytes, out),
            Class::Control if line.ty == ty::LOG_BLOB => match BlobPartLine::parse(bytes) {
                Ok(part) => self.part(&part, bytes, out),
                Err(_) => self.stray(bytes, out),
            },
            Class::Control => self.stray(bytes, out),
            Class::Chalk => self.chalk(&line, bytes, out),
            Class::Stone => {
                if !self.streams.is_empty() && !line.cause.is_empty() {
                    self.streams.retain(|(cause, _), _| *cause != line.cause.as_ref());
                }
                self.stone(bytes, out)
            }
        }
    }

    /// What is no event of ours, or speaks about the stream.
    fn stray(&mut self, bytes: &[u8], out: Out<'_>) -> Result<(), GateError> {
        match self.redactor.bytes(bytes) {
            Some(clean) => {
                self.found += 1;
                whole(&clean, out)
            }
            None => whole(bytes, out),
        }
    }

    fn stone(&mut self, bytes: &[u8], out: Out<'_>) -> Result<(), GateError> {
        if self.renamed.is_empty() && is_plain_json(bytes) && !self.redactor.may_hold(bytes) {
            return whole(bytes, out);
        }
        let (redactor, renamed, found) = (&self.redactor, &self.renamed, &mut self.found);
        let rewritten = rewrite(bytes, |place, text| {
            if is_envelope(place) {
                return Change::Keep;
            }
            if let Some((sha, bytes)) = renamed.get(text) {
                return Change::Blob(sha.clone(), *bytes);
            }
            match redactor.field(place.key, text) {
                Some(clean) => {
                    *found += 1;
                    Change::Text(clean)
                }
                None => Change::Keep,
            }
        });
        whole(rewritten.as_deref().unwrap_or(bytes), out)
    }

    fn chalk(&mut self, line: &Line<'_>, bytes: &[u8], out: Out<'_>) -> Result<(), GateError> {
        if self.streams.len() >= STREAMS {
            // What waited in them is said again by their records.
            self.streams.clear();
        }
        let (mut said, mut left) = (false, false);
        let (redactor, streams, found) = (&self.redactor, &mut self.streams, &mut self.found);
        let rewritten = rewrite(bytes, |place, text| {
            if is_envelope(place) || place.is_key || place.depth < 2 {
                return Change::Keep;
            }
            let clean = if place.depth == 2 && matches!(place.key, "text" | "reasoning") {
                let at = (line.cause.to_string(), place.key.to_owned());
                let stream = streams.entry(at).or_insert_with(|| redactor.stream().eager());
                let before = stream.found();
                let clean = String::from_utf8_lossy(&stream.push(text.as_bytes())).into_owned();
                *found += (stream.found() - before) as u64;
                clean
            } else {
                redactor.field(place.key, text).unwrap_or_else(|| text.to_owned())
            };
            said |= !text.is_empty();
            left |= !clean.is_empty();
            if clean == text { Change::Keep } else { Change::Text(clean) }
        });
        if said && !left {
            return Ok(());
        }
        whole(rewritten.as_deref().unwrap_or(bytes), out)
    }

    /// A part of a blob: cleaned and kept, or, if it is the only one, handed on at once.
    fn part(&mut self, part: &BlobPartLine<'_>, line: &[u8], out: Out<'_>) -> Result<(), GateError> {
        let Ok(bytes) = BASE64_STANDARD.decode(part.data.as_bytes()) else { return Ok(()) };
        let sha = part.sha.as_ref();
        if part.of == 1 && part.part == 0 {
            let Some(clean) = self.redactor.bytes(&bytes) else { return whole(line, out) };
            self.found += 1;
            let new = hex(&Sha256::digest(&clean));
            self.rename(sha, &new, clean.len() as u64);
            return blob_line(&new, (0, 1), &clean, out);
        }
        if part.part == 0 && !self.blobs.contains_key(sha) && self.blobs.len() < limits::BLOBS_BEGUN {
            let stream = self.redactor.stream();
            let begun = Begun { stream, runs: Vec::new(), bytes: 0, hasher: Sha256::new(), next: 0, of: part.of };
            self.blobs.insert(sha.to_owned(), begun);
        }
        // A part that came before is passed over; one without those before it names nothing that could be kept.
        let Some(begun) = self.blobs.get_mut(sha).filter(|b| b.next == part.part && b.of == part.of) else {
            return Ok(());
        };
        begun.next += 1;
        let last = begun.next == begun.of;
        let mut clean = begun.stream.push(&bytes);
        if last {
            clean.extend(begun.stream.finish());
        }
        self.spool.write(self.used, &clean).map_err(GateError::Spool)?;
        begun.runs.push((self.used, clean.len()));
        begun.hasher.update(&clean);
        begun.bytes += clean.len() as u64;
        self.used += clean.len() as u64;
        if last { self.hand_on(sha, out) } else { Ok(()) }
    }

    /// Hands on a blob that is whole.
    fn hand_on(&mut self, sha: &str, out: Out<'_>) -> Result<(), GateError> {
        let Some(begun) = self.blobs.remove(sha) else { return Ok(()) };
        let new = hex(&begun.hasher.clone().finalize());
        if begun.stream.found() > 0 {
            self.found += begun.stream.found() as u64;
            self.rename(sha, &new, begun.bytes);
        }
        // Under the hash it was announced by where nothing was found: one that lies is found out by the keeper.
        let name = if begun.stream.found() > 0 { new.as_str() } else { sha };
        let of = usize::try_from(begun.bytes.div_ceil(limits::BLOB_PART_BYTES as u64)).unwrap_or(usize::MAX).max(1);
        let (mut chunk, mut n) = (Vec::with_capacity(limits::BLOB_PART_BYTES), 0);
        for (at, length) in &begun.runs {
            let mut run = vec![0; *length];
            self.spool.read(*at, &mut run).map_err(GateError::Spool)?;
            for piece in run.chunks(limits::BLOB_PART_BYTES) {
                let room = limits::BLOB_PART_BYTES - chunk.len();
                let (now, later) = piece.split_at(room.min(piece.len()));
                chunk.extend_from_slice(now);
                if chunk.len() == limits::BLOB_PART_BYTES {
                    blob_line(name, (n, of), &chunk, out)?;
                    n += 1;
                    chunk.clear();
                }
                chunk.extend_from_slice(later);
            }
        }
        if !chunk.is_empty() || n == 0 {
            blob_line(name, (n, of), &chunk, out)?;
        }
        if self.blobs.is_empty() {
            self.used = 0;
            self.spool.clear().map_err(GateError::Spool)?;
        }
        Ok(())
    }

    fn rename(&mut self, old: &str, new: &str, bytes: u64) {
        if self.renamed.len() >= RENAMED {
            self.renamed.clear();
        }
        self.renamed.insert(old.to_owned(), (new.to_owned(), bytes));
    }
}

fn is_envelope(place: Place<'_>) -> bool {
    place.depth <= 1 && (place.is_key || ENVELOPE.contains(&place.key))
}

/// Whether what is written is what is said, so that the line itself can be looked through.
fn is_plain_json(line: &[u8]) -> bool {
    !line.windows(2).any(|pair| pair[0] == b'\\' && matches!(pair[1], b'u' | b'b' | b'f' | b'/')) && is_all_seen(line)
}

fn whole(line: &[u8], out: Out<'_>) -> Result<(), GateError> {
    out(line).and_then(|()| out(b"\n")).map_err(GateError::Out)
}

fn blob_line(sha: &str, (part, of): (usize, usize), bytes: &[u8], out: Out<'_>) -> Result<(), GateError> {
    let data = BASE64_STANDARD.encode(bytes);
    let line = format!("{{\"type\":\"log.blob\",\"sha\":\"{sha}\",\"part\":{part},\"of\":{of},\"data\":\"{data}\"}}");
    whole(line.as_bytes(), out)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
