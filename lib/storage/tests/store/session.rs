//! Sessions to try things on.

use std::path::PathBuf;
use std::time::Duration;

use ace_schema::data::{SessionCreated, UserMessage};
use ace_schema::{Drafter, Kind, Line, id, ty};
use ace_storage::{Appender, Clock, Follow, Home, Log, Memory, Nib, Store, hex, sha256};

pub const TIME: i64 = 1_795_156_860_000;

/// A drafter for a session of its own.
pub fn drafter(random: u64) -> Drafter {
    let mut drafter = Drafter::new("test", random);
    drafter.set_session(&id::session(TIME as u64, random));
    drafter
}

pub fn created(drafter: &mut Drafter, name: &str) -> Vec<u8> {
    let data = SessionCreated { name: name.into(), cwd: "/".into(), model: "none/none".into(), ..Default::default() };
    drafter.draft(0, "", ty::SESSION_CREATED, &data).1
}

pub fn message(drafter: &mut Drafter, text: &str) -> Vec<u8> {
    drafter.draft(0, "", ty::USER_MESSAGE, &UserMessage { text: text.into(), ..Default::default() }).1
}

/// A pen without a lock, as tests need many.
pub fn nib(kind: Kind) -> Nib {
    Nib { number: 9, kind }
}

/// A home that is removed at the end, with one session in it.
pub struct Place {
    pub dir: tempfile::TempDir,
    pub home: Home,
    pub drafter: Drafter,
    pub path: PathBuf,
}

impl Place {
    pub fn new(random: u64) -> Self {
        Self::within(tempfile::tempdir().unwrap(), random)
    }

    pub fn within(dir: tempfile::TempDir, random: u64) -> Self {
        let home = Home::at(dir.path().join("ace"));
        let mut drafter = drafter(random);
        let mut first = created(&mut drafter, "sample");
        first.extend(message(&mut drafter, "go"));
        let path = home.create(drafter.session(), Kind::Person, &first, &Clock::fixed(TIME, 1)).unwrap();
        Self { dir, home, drafter, path }
    }

    pub fn log(&self) -> Log {
        self.home.log(self.drafter.session())
    }

    pub fn appender(&self) -> Appender {
        self.log().append(Clock::fixed(TIME + 1000, 1)).unwrap()
    }

    pub fn bytes(&self) -> Vec<u8> {
        std::fs::read(self.path.join("log.jsonl")).unwrap()
    }

    /// The log has no damage.
    pub fn assert_good(&self) -> ace_storage::Report {
        let report = self.log().verify().unwrap();
        assert_eq!(report.damage, None);
        report
    }
}

pub fn memory(random: u64) -> (Memory, Drafter) {
    let mut drafter = drafter(random);
    let mut store = Memory::new(drafter.session(), Clock::fixed(TIME, 1));
    let mut first = created(&mut drafter, "sample");
    first.extend(message(&mut drafter, "go"));
    let done = store.append(Nib { number: Nib::FIRST, kind: Kind::Person }, &first).unwrap();
    assert!(done.refused.is_empty(), "{:?}", done.refused);
    (store, drafter)
}

/// Everything a follower hands on until it has `lines` lines, or ten seconds without one.
pub fn read_lines(follower: &mut impl Follow, lines: usize) -> Vec<u8> {
    let mut out = Vec::new();
    while out.iter().filter(|&&b| b == b'\n').count() < lines {
        let more = follower.read().unwrap();
        if !more.is_empty() {
            assert_eq!(more.last(), Some(&b'\n'), "only whole lines");
            out.extend_from_slice(more);
        } else if !follower.wait(Duration::from_secs(10)).unwrap() {
            break;
        }
    }
    out
}

/// Checks numbers, chain and session of a whole log by hand, not by the code under test; the ids in order.
pub fn assert_chain(bytes: &[u8]) -> Vec<String> {
    let mut prev = "0".repeat(64);
    let mut ids = Vec::new();
    assert_eq!(bytes.last(), Some(&b'\n'));
    for (at, line) in bytes[..bytes.len() - 1].split(|&b| b == b'\n').enumerate() {
        let read = Line::parse(line).unwrap();
        assert_eq!(read.seq, Some(at as u64 + 1));
        assert_eq!(read.prev, prev);
        prev = hex(&sha256(line));
        ids.push(read.id.into_owned());
    }
    ids
}
