//! Reads a log as if it came from a stranger: every line, every link of the chain, every blob. It must never write or repair.

use std::collections::HashSet;
use std::fs::File;
use std::io;

use ace_schema::data::{ContextBuilt, ToolDiscovered};
use ace_schema::{Line, LineError, limits, ty};
use memchr::memmem;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::ancestry;
use crate::blobs::{BlobError, Blobs};
use crate::hash::{hex, is_hex_of, is_sha};
use crate::ledger::Ledger;
use crate::lines::{Lines, Piece};
use crate::log::Log;
use crate::store::Fault;

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The session; empty if no line could be read.
    pub session: String,
    /// Good lines before the first damage, or all.
    pub lines: u64,
    /// Number of the last good record.
    pub last_seq: u64,
    /// Hash of the last good line, hex: what can be anchored elsewhere.
    pub head: String,
    /// Bytes of the good lines.
    pub bytes: u64,
    /// Different blobs that were read and checked.
    pub blobs: u64,
    /// Records whose time is before that of the one before them: a clock was set back. No damage.
    pub clock_set_back: u64,
    /// Types this version does not know, lines. No damage.
    pub unknown: u64,
    /// The first damage.
    pub damage: Option<Damage>,
}

/// The first thing that is not as the log wrote it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {fault}")]
pub struct Damage {
    /// Line of the file, from 1.
    pub line: u64,
    /// The number this line has or should have.
    pub seq: u64,
    /// What is wrong.
    pub fault: Fault,
}

impl Damage {
    /// How many of the `good` lines before it the chain proves. Where a line does not continue the one before, nobody can say
    /// which of the two was changed, so that neither is proven.
    #[must_use]
    pub fn proven(&self, good: u64) -> u64 {
        good.saturating_sub(u64::from(self.fault == Fault::Prev))
    }
}

/// A head that was noted elsewhere: the one thing that can tell a log whose tail was cut from one that never had it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anchor {
    /// Number of the record.
    pub seq: u64,
    /// Hash of its line, hex.
    pub hash: String,
}

/// Checks a log up to the first damage, then those it was forked from, up to where it was. Blob damage stops nothing but is what
/// the report names if no line is damaged. The report counts the log's own lines.
pub(crate) fn verify(log: &Log, anchor: Option<&Anchor>) -> io::Result<Report> {
    let mut report = verify_to(log, anchor, u64::MAX)?;
    let mut log = log.clone();
    for _ in 0..limits::ANCESTORS {
        if report.damage.is_some() || log.folder().is_none() {
            break;
        }
        let Some(from) = ancestry::origin(&log)? else { break };
        let damage = |fault| Some(Damage { line: 1, seq: from.seq + 1, fault });
        match ancestry::beside(&log, &from.session) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                report.damage = damage(Fault::Parent(from.session.clone()));
                break;
            }
            parent => log = parent?,
        }
        let above = verify_to(&log, None, from.seq)?;
        if let Some(Damage { line, fault, .. }) = above.damage {
            report.damage = damage(Fault::Ancestor { session: from.session.clone(), line, fault: Box::new(fault) });
        } else if above.last_seq != from.seq || above.head != from.hash {
            report.damage = damage(Fault::Origin { session: from.session.clone(), seq: from.seq });
        }
    }
    Ok(report)
}

/// Checks the lines of one log up to the record `last`.
fn verify_to(log: &Log, anchor: Option<&Anchor>, last: u64) -> io::Result<Report> {
    let mut check = Check {
        ledger: Ledger::for_reading(),
        blobs: log.blobs(),
        key: memmem::Finder::new("\"sha\""),
        seen: HashSet::new(),
        named: Vec::new(),
    };
    let mut lines = Lines::new(File::open(log.file())?);
    let mut report = Report {
        session: String::new(),
        lines: 0,
        last_seq: 0,
        head: String::new(),
        bytes: 0,
        blobs: 0,
        clock_set_back: 0,
        unknown: 0,
        damage: None,
    };
    let mut last_time = String::new();
    let mut anchored = None;
    let mut missing = None;
    while check.ledger.seq() < last
        && let Some(piece) = lines.next_piece()?
    {
        let fault = match piece {
            Piece::Line(bytes) => match check.line(bytes) {
                Ok(line) => {
                    let is_anchor = |a: &&Anchor| line.seq == Some(a.seq);
                    if let Some(anchor) = anchor.filter(is_anchor) {
                        anchored = Some(is_hex_of(&anchor.hash, &check.ledger.head()));
                    }
                    report.bytes += bytes.len() as u64 + 1;
                    report.unknown += u64::from(ace_schema::event::find(&line.ty).is_none());
                    report.clock_set_back += u64::from(*line.ts < *last_time);
                    last_time.clear();
                    last_time.push_str(&line.ts);
                    check.blobs_of(&line, bytes).err()
                }
                Err(fault) => Some(fault),
            },
            Piece::Long(n) => Some(Fault::Line(LineError::TooLong(usize::try_from(n).unwrap_or(usize::MAX)))),
            Piece::Torn(n) => Some(Fault::Torn(n)),
        };
        let Some(fault) = fault else { continue };
        if matches!(fault, Fault::BlobMissing(_) | Fault::BlobDamaged(_)) {
            missing.get_or_insert(Damage { line: check.ledger.lines(), seq: check.ledger.seq(), fault });
            continue;
        }
        report.damage = Some(Damage { line: check.ledger.lines() + 1, seq: check.ledger.seq() + 1, fault });
        break;
    }
    report.session = check.ledger.session().to_owned();
    report.lines = check.ledger.lines();
    report.last_seq = check.ledger.seq();
    report.head = hex(&check.ledger.head());
    report.blobs = check.seen.len() as u64;
    let line = report.lines;
    let seq = report.last_seq;
    let unanchored = anchor.and_then(|anchor| match anchored {
        Some(true) => None,
        Some(false) => Some(Fault::Anchor(anchor.seq)),
        None => Some(Fault::Behind { expected: anchor.seq, found: seq }),
    });
    report.damage = report.damage.or(unanchored.map(|fault| Damage { line, seq, fault })).or(missing);
    if report.lines == 0 && report.damage.is_none() {
        report.damage = Some(Damage { line: 1, seq: 1, fault: Fault::Creation });
    }
    Ok(report)
}

struct Check<'a> {
    ledger: Ledger,
    blobs: &'a Blobs,
    /// Finds the lines worth walking.
    key: memmem::Finder<'static>,
    seen: HashSet<String>,
    named: Vec<(String, Option<u64>)>,
}

impl Check<'_> {
    fn line<'b>(&mut self, bytes: &'b [u8]) -> Result<Line<'b>, Fault> {
        if std::str::from_utf8(bytes).is_err() {
            return Err(Fault::Line(LineError::NotAnEvent("not UTF-8".into())));
        }
        self.ledger.absorb(bytes, true)
    }

    /// Checks the blobs a line names that were not checked before.
    fn blobs_of(&mut self, line: &Line<'_>, bytes: &[u8]) -> Result<(), Fault> {
        self.named.clear();
        match line.ty.as_ref() {
            ty::CONTEXT_BUILT => {
                if let Ok(context) = line.data::<ContextBuilt>() {
                    self.named.extend([context.system, context.tools].map(|sha| (sha, None)));
                }
            }
            ty::TOOL_DISCOVERED => {
                if let Ok(tools) = line.data::<ToolDiscovered>() {
                    self.named.push((tools.schema, None));
                }
            }
            _ => {}
        }
        if let Some(data) = line.data.filter(|_| self.key.find(bytes).is_some()) {
            let mut json = serde_json::Deserializer::from_str(data.get());
            // What nests deeper than the parser goes is no blob of ours.
            let _ = Walk(&mut self.named).deserialize(&mut json);
        }
        for (sha, expected) in self.named.drain(..) {
            if sha.is_empty() || self.seen.contains(&sha) {
                continue;
            }
            match self.blobs.check(&sha) {
                Ok(bytes) if expected.is_none_or(|e| e == bytes) => {
                    self.seen.insert(sha);
                }
                Err(BlobError::Missing(_)) => return Err(Fault::BlobMissing(sha)),
                Ok(_) | Err(_) => return Err(Fault::BlobDamaged(sha)),
            }
        }
        Ok(())
    }
}

/// Walks any JSON and collects the objects that have `sha` and `bytes`: what names a blob.
struct Walk<'a>(&'a mut Vec<(String, Option<u64>)>);

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();
    fn deserialize<D: serde::Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

/// A value that may be a hash or a length; anything else is walked on.
#[derive(Default)]
struct Leaf {
    sha: Option<String>,
    bytes: Option<u64>,
}

struct LeafSeed<'a>(&'a mut Vec<(String, Option<u64>)>);

impl<'de> DeserializeSeed<'de> for LeafSeed<'_> {
    type Value = Leaf;
    fn deserialize<D: serde::Deserializer<'de>>(self, json: D) -> Result<Leaf, D::Error> {
        json.deserialize_any(self)
    }
}

macro_rules! scalars {
    ($($name:ident: $t:ty),*) => { $(fn $name<E>(self, _: $t) -> Result<Self::Value, E> { Ok(Self::Value::default()) })* };
}

impl<'de> Visitor<'de> for LeafSeed<'_> {
    type Value = Leaf;
    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JSON")
    }
    scalars!(visit_bool: bool, visit_i64: i64, visit_f64: f64);
    fn visit_unit<E>(self) -> Result<Leaf, E> {
        Ok(Leaf::default())
    }
    fn visit_u64<E>(self, n: u64) -> Result<Leaf, E> {
        Ok(Leaf { bytes: Some(n), sha: None })
    }
    fn visit_str<E>(self, text: &str) -> Result<Leaf, E> {
        Ok(Leaf { sha: is_sha(text).then(|| text.to_owned()), bytes: None })
    }
    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Leaf, A::Error> {
        Walk(self.0).visit_seq(seq).map(|()| Leaf::default())
    }
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Leaf, A::Error> {
        Walk(self.0).visit_map(map).map(|()| Leaf::default())
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();
    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JSON")
    }
    scalars!(visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_str: &str);
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element_seed(Walk(self.0))?.is_some() {}
        Ok(())
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let (mut sha, mut bytes) = (None, None);
        while let Some(key) = map.next_key::<std::borrow::Cow<'de, str>>()? {
            match key.as_ref() {
                "sha" => sha = map.next_value_seed(LeafSeed(self.0))?.sha,
                "bytes" => bytes = map.next_value_seed(LeafSeed(self.0))?.bytes,
                // Arguments are the model's own words and name nothing.
                "args" | "_meta" => {
                    map.next_value::<IgnoredAny>()?;
                }
                _ => map.next_value_seed(Walk(self.0))?,
            }
        }
        if let (Some(sha), Some(bytes)) = (sha, bytes) {
            self.0.push((sha, Some(bytes)));
        }
        Ok(())
    }
}
