//! Recorded sessions to try a filter on, whole or in part, and lines that test its patience. It must never start anything.

use ace_schema::Line;
use std::collections::BTreeSet;

/// The line that says that history has ended.
pub const LIVE: &[u8] = b"{\"type\":\"log.live\"}\n";

macro_rules! sessions {
    ($($name:literal),*) => {
        [$(($name, include_bytes!(concat!("../../../../fixtures/sessions/", $name, ".jsonl")).as_slice())),*]
    };
}

/// Real sessions: finished, failed and cancelled ones, one that waits for a person, one that crashed twice, one with lines that
/// nobody knows yet.
const SESSIONS: [(&str, &[u8]); 9] =
    sessions!["short", "work", "cancelled", "failed", "waiting", "crash", "queued", "withdrawn", "future"];

/// A recorded session.
#[derive(Debug, Clone)]
pub struct Record {
    /// Its name among the fixtures.
    pub name: &'static str,
    /// Its lines, each with its LF.
    pub lines: Vec<Vec<u8>>,
}

/// All of them.
pub fn sessions() -> Vec<Record> {
    let lines = |bytes: &[u8]| bytes.split_inclusive(|&b| b == b'\n').map(<[u8]>::to_vec).collect();
    SESSIONS.iter().map(|(name, bytes)| Record { name, lines: lines(bytes) }).collect()
}

impl Record {
    /// Places to stop at: after so many lines.
    pub fn cuts(&self) -> impl Iterator<Item = usize> {
        let n = self.lines.len();
        // In the middle something is mostly due; at the end mostly nothing.
        [n * 5 / 8, n].into_iter()
    }

    /// The first lines, and that they are all.
    pub fn until(&self, at: usize) -> Vec<u8> {
        [&*self.lines[..at].concat(), LIVE].concat()
    }

    fn session(&self) -> String {
        let first = self.lines.first().and_then(|l| Line::parse(l).ok());
        first.map(|l| l.session.into_owned()).unwrap_or_default()
    }

    /// Records a draft, as the log would.
    pub fn add(&mut self, draft: &[u8]) {
        let seq = self.lines.len() + 1;
        let stamp = format!("{{\"seq\":{seq},\"ts\":\"2026-11-20T07:00:00.000Z\",\"prev\":\"\",\"pen\":99,");
        let rest = draft.iter().position(|&b| b == b'{').map_or(draft, |at| &draft[at + 1..]);
        self.lines.push([stamp.as_bytes(), rest].concat());
    }

    /// Lines that are hard to hand on unchanged: chalk, a draft, a record of a type, field and number that nobody knows, one of
    /// nearly the longest length.
    pub fn odd(&self) -> Vec<u8> {
        let mut record = self.clone();
        let session = self.session();
        let line = |id: &str, ty: &str, data: &str| {
            format!(r#"{{"v":1,"id":"{id}","session":"{session}","by":"odd","type":"{ty}","data":{data}}}"#) + "\n"
        };
        let strange = r#"{"x":1.0,"big":12345678901234567890123,"e":"\u00e9\/é","z":[1e5,-0, 2],"x":2}"#;
        record.add(line("odd00001-1", "odd.seen", strange).as_bytes());
        record.add(line("odd00001-2", "odd.seen", &format!(r#"{{"text":"{}"}}"#, "x".repeat(60_000))).as_bytes());
        let mut out = record.lines[self.lines.len()..].concat();
        out.extend(self.chalk());
        out.extend(line("odd00001-3", "odd.seen", strange).as_bytes());
        out
    }

    /// A line of chalk.
    pub fn chalk(&self) -> Vec<u8> {
        let after = self.lines.len();
        let session = self.session();
        let words = "a piece of an answer, ".repeat(12);
        format!(
            r#"{{"after":{after},"v":1,"id":"odd00002-1","session":"{session}","turn":1,"by":"odd","type":"model.delta","data":{{"text":"{words}"}}}}"#
        )
        .into_bytes()
        .into_iter()
        .chain([b'\n'])
        .collect()
    }
}

/// Records as drafts of somebody else, with ids that nobody draws.
pub fn as_drafts(lines: &[Vec<u8>]) -> Vec<u8> {
    let draft = |line: &Vec<u8>| {
        let at = line.windows(5).position(|w| w == b",\"v\":").map_or(0, |at| at + 1);
        let draft = String::from_utf8_lossy(&line[at..]).replacen("\"id\":\"", "\"id\":\"other", 1);
        ["{", &draft].concat().into_bytes()
    };
    lines.iter().flat_map(draft).collect()
}

/// What drafts say, without the ids that are new each time.
pub fn told(drafts: &[Vec<u8>]) -> BTreeSet<String> {
    let what = |draft: &Vec<u8>| {
        let line = Line::parse(draft).ok()?;
        let data = line.data.map_or("{}", |d| d.get());
        Some(shortened(format!("{} turn {} cause '{}' {data}", line.ty, line.turn, line.cause).as_bytes()))
    };
    drafts.iter().filter_map(what).collect()
}

/// A line for people: its begin.
pub fn shortened(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line.trim_ascii_end());
    let mut out: String = text.chars().take(160).collect();
    if out.len() < text.len() {
        out.push('…');
    }
    out
}
