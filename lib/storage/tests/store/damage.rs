//! Logs that somebody has touched: the check says where and how, and nobody writes on.

use std::fs::{self, File};

use ace_schema::{Kind, LineError, limits, ty};
use ace_storage::{AppendError, Clock, Fault, Log};
use proptest::prelude::*;
use serde_json::json;

use crate::session::{Place, message, nib};

/// A session of some lines that name blobs.
fn sample() -> (Place, Vec<Vec<u8>>, String) {
    let place = Place::new(40);
    let mut drafter = place.drafter.clone();
    let mut appender = place.appender();
    let blob = place.home.blobs().put(b"the whole output", "text/plain").unwrap();
    let system = place.home.blobs().put(b"be good", "text/plain").unwrap();
    let mut batch = drafter.line("turn-1", 1, "", ty::TURN_STARTED, &json!({}));
    batch.extend(drafter.draft(1, "", "lint.found", &json!({"deep": [{"er": {"file": &blob}}], "n": -1.5})).1);
    appender.append(nib(Kind::Chain), &batch).unwrap();
    let context = json!({"system": system.sha, "ranges": [[1, 2]], "model": "a/b"});
    appender.append(nib(Kind::Step), &drafter.draft(1, "", ty::CONTEXT_BUILT, &context).1).unwrap();
    appender.append(nib(Kind::Person), &message(&mut drafter, "last")).unwrap();
    let lines = place.bytes().split_inclusive(|&b| b == b'\n').map(<[u8]>::to_vec).collect();
    let report = place.assert_good();
    assert_eq!((report.lines, report.blobs, report.unknown), (6, 2, 1));
    (place, lines, blob.sha)
}

impl Place {
    /// What a check says of these bytes in place of the log: the line and the fault.
    fn check(&self, bytes: &[u8]) -> Option<(u64, u64, Fault)> {
        fs::write(self.path.join("log.jsonl"), bytes).unwrap();
        self.log().verify().unwrap().damage.map(|d| (d.line, d.seq, d.fault))
    }
}

#[test]
fn e01_every_byte_of_every_line_counts() {
    let (place, lines, _) = sample();
    let whole = lines.concat();
    let head = place.log().verify().unwrap().head;
    let mut line = 1;
    let last = lines[..5].concat().len();
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        let damage = place.check(&bytes);
        if at < last {
            let found = damage.unwrap_or_else(|| panic!("byte {at} of line {line} is not missed")).0;
            assert!(found == line || found == line + 1, "byte {at}: line {found} instead of {line}");
        } else {
            assert!(damage.is_some() || place.log().verify().unwrap().head != head, "byte {at} of the last line");
        }
        line += u64::from(whole[at] == b'\n');
    }
}

#[test]
fn e02_lines_dropped_doubled_moved_or_brought_in_are_named() {
    let (place, l, _) = sample();
    let seq = |expected, found| Fault::Seq { expected, found };
    let cat = |order: &[usize]| order.iter().flat_map(|&n| l[n].clone()).collect::<Vec<_>>();
    assert_eq!(place.check(&cat(&[0, 1, 3, 4, 5])), Some((3, 3, seq(3, 4))));
    assert_eq!(place.check(&cat(&[0, 1, 1, 2, 3])), Some((3, 3, seq(3, 2))));
    assert_eq!(place.check(&cat(&[0, 1, 3, 2, 4])), Some((3, 3, seq(3, 4))));
    assert_eq!(place.check(&cat(&[1, 2])), Some((1, 1, Fault::Creation)));
    assert_eq!(place.check(b""), Some((1, 1, Fault::Creation)));
    let renumbered = String::from_utf8(l[3].clone()).unwrap().replace("\"seq\":4", "\"seq\":3");
    assert_eq!(place.check(&[cat(&[0, 1]), renumbered.into()].concat()), Some((3, 3, Fault::Prev)));
    let foreign = Place::new(41);
    let other: Vec<u8> = foreign.bytes().split_inclusive(|&b| b == b'\n').nth(1).unwrap().to_vec();
    assert_eq!(
        place.check(&[l[0].clone(), other].concat()),
        Some((2, 2, Fault::Session(foreign.drafter.session().to_owned())))
    );
    // A cut tail is a good log: only a head kept elsewhere tells.
    assert_eq!(place.check(&cat(&[0, 1, 2])), None);
}

#[test]
fn f02_bytes_that_are_no_lines_are_named() {
    let (place, l, _) = sample();
    let with = |bad: &[u8]| [&l[0], bad, &l[2]].concat();
    let crlf =
        l.concat().iter().flat_map(|&b| if b == b'\n' { vec![b'\r', b'\n'] } else { vec![b] }).collect::<Vec<_>>();
    assert_eq!(place.check(&crlf), Some((2, 2, Fault::Prev)), "CR is a byte like any other");
    let text = String::from_utf8(l[1].clone()).unwrap();
    let is_no_event =
        |damage: Option<(u64, u64, Fault)>| matches!(damage, Some((2, 2, Fault::Line(LineError::NotAnEvent(_)))));
    assert!(is_no_event(place.check(&with(b"\n"))));
    assert!(is_no_event(place.check(&with(b"\r\n"))));
    assert!(is_no_event(place.check(&with(&[&[0; 5000][..], b"\n"].concat()))));
    assert!(is_no_event(place.check(&with(&[b"\xef\xbb\xbf", &l[1][..]].concat()))));
    let later = text.replace("\"text\":\"go\"", "\"text\":\"go\",\"later\":\"\u{fffd}\"").into_bytes();
    let at = later.windows(3).position(|w| w == "\u{fffd}".as_bytes()).unwrap();
    assert!(is_no_event(place.check(&with(&[&later[..at], b"\xff", &later[at + 3..]].concat()))));
    let newer = text.replace("\"v\":1", "\"v\":7");
    assert_eq!(place.check(&with(newer.as_bytes())), Some((2, 2, Fault::Line(LineError::Version(7)))));
    let long = text.replace("go", &"x".repeat(limits::LINE_BYTES));
    assert!(matches!(place.check(&with(long.as_bytes())), Some((2, 2, Fault::Line(LineError::TooLong(_))))));
    assert_eq!(place.check(&[&l[0], &l[1][..9]].concat()), Some((2, 2, Fault::Torn(9))));
}

#[test]
fn f02_a_line_of_200_mb_has_a_defined_result_and_costs_no_memory() {
    let (place, l, _) = sample();
    let path = place.path.join("log.jsonl");
    fs::write(&path, &l[0]).unwrap();
    let bytes = 200 << 20;
    File::options().write(true).open(&path).unwrap().set_len(l[0].len() as u64 + bytes).unwrap();
    let damage = place.log().verify().unwrap().damage.unwrap();
    assert_eq!((damage.line, damage.fault), (2, Fault::Torn(bytes)));
    assert_eq!(place.log().follow(0).unwrap().read().unwrap(), l[0]);
}

#[test]
fn blobs_that_are_missing_or_changed_are_named_after_all_lines_were_read() {
    let (place, l, sha) = sample();
    let path = place.home.blobs().path(&sha).unwrap();
    for content in [&b"the whole outpuT"[..], b"", b"the whole output and more"] {
        fs::write(&path, content).unwrap();
        let report = place.log().verify().unwrap();
        let damage = report.damage.unwrap();
        assert_eq!((damage.line, damage.seq, damage.fault), (4, 4, Fault::BlobDamaged(sha.clone())));
        assert_eq!(report.lines, 6);
    }
    fs::remove_file(&path).unwrap();
    assert_eq!(place.check(&l.concat()), Some((4, 4, Fault::BlobMissing(sha))));
    assert_eq!(place.check(&[l.concat(), b"x".to_vec()].concat()), Some((7, 7, Fault::Torn(1))), "lines come first");
}

#[test]
fn nobody_writes_on_behind_damage() {
    let (place, l, _) = sample();
    let mut drafter = place.drafter.clone();
    let bad = [&l[0][..], b"garbage\n", &l[2]].concat();
    fs::write(place.path.join("log.jsonl"), &bad).unwrap();
    let opened = place.log().append(Clock::System).map(|_| ());
    assert!(matches!(opened, Err(AppendError::Damaged { line: 2, fault: Fault::Line(_) })), "{opened:?}");
    assert_eq!(fs::read(place.path.join("log.jsonl")).unwrap(), bad);
    fs::write(place.path.join("log.jsonl"), l.concat()).unwrap();
    let mut appender = place.appender();
    let forged = String::from_utf8(l[5].clone()).unwrap().replace("\"seq\":6", "\"seq\":7");
    fs::write(place.path.join("log.jsonl"), [l.concat(), forged.into()].concat()).unwrap();
    for _ in 0..2 {
        let done = appender.append(nib(Kind::Person), &message(&mut drafter, "x")).map(|_| ());
        assert!(matches!(done, Err(AppendError::Damaged { line: 7, fault: Fault::Prev })), "{done:?}");
    }
    fs::write(place.path.join("log.jsonl"), l[..3].concat()).unwrap();
    let done = appender.append(nib(Kind::Person), &message(&mut drafter, "x")).map(|_| ());
    assert!(matches!(done, Err(AppendError::Damaged { fault: Fault::Cut { .. }, .. })), "{done:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_file_breaks_the_readers(bytes in proptest::collection::vec(any::<u8>(), 0..2000), keep in 0_usize..3) {
        let place = Place::new(42);
        let lines: Vec<Vec<u8>> = place.bytes().split_inclusive(|&b| b == b'\n').map(<[u8]>::to_vec).collect();
        let all = [lines[..keep].concat(), bytes].concat();
        let path = place.dir.path().join("any.jsonl");
        fs::write(&path, &all).unwrap();
        let report = Log::at(&path).verify().unwrap();
        prop_assert!(report.lines >= keep as u64);
        let mut follower = Log::at(&path).follow(0).unwrap();
        let whole = all.iter().rposition(|&b| b == b'\n').map_or(0, |lf| lf + 1);
        prop_assert_eq!(follower.read().unwrap(), &all[..whole]);
        fs::write(place.path.join("log.jsonl"), &all).unwrap();
        let mut drafter = place.drafter.clone();
        if let Ok(mut appender) = place.log().append(Clock::System) {
            match appender.append(nib(Kind::Person), &message(&mut drafter, "x")) {
                Ok(_) => {
                    place.assert_good();
                }
                Err(AppendError::Damaged { line, .. }) => prop_assert_eq!(line, keep as u64 + 1),
                Err(e) => prop_assert!(false, "{}", e),
            }
        }
    }
}
