//! Clean copies of damaged logs: what is kept is proven, what is not kept is still there, and nothing is changed in between.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use ace_schema::data::LogRecovered;
use ace_schema::{Kind, Line, ty};
use ace_storage::{Anchor, AppendError, Clock, Fault, Log, RecoverError, split};

use crate::session::{Place, TIME, assert_chain, message, nib};

fn clock() -> Clock {
    Clock::fixed(TIME + 5000, 1)
}

/// A session of ten lines.
fn sample(random: u64) -> (Place, Vec<Vec<u8>>) {
    let place = Place::new(random);
    let mut drafter = place.drafter.clone();
    for n in 3..=10 {
        place.appender().append(nib(Kind::Person), &message(&mut drafter, &format!("message {n}"))).unwrap();
    }
    let lines = place.bytes().split_inclusive(|&b| b == b'\n').map(<[u8]>::to_vec).collect();
    (place, lines)
}

fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let all = fs::read_dir(folder).unwrap().map(|e| e.unwrap()).filter(|e| e.path().is_file());
    all.map(|e| (e.file_name().into_string().unwrap(), fs::read(e.path()).unwrap())).collect()
}

fn recovered_line(bytes: &[u8]) -> LogRecovered {
    let last = split(bytes).last().unwrap();
    let line = Line::parse(last).unwrap();
    assert_eq!((line.ty.as_ref(), line.pen), (ty::LOG_RECOVERED, Some(0)));
    line.data().unwrap()
}

#[test]
fn what_is_proven_takes_the_place_of_the_damaged_log_which_is_kept_beside_it() {
    let (place, lines) = sample(80);
    let damages: Vec<(Vec<u8>, usize)> = vec![
        // Line 6 is no JSON any more; a line is dropped, doubled, moved; the file ends within a line.
        (lines.concat().replacen_at(lines[..5].concat().len(), b'x'), 5),
        ([&lines[..4], &lines[5..]].concat().concat(), 4),
        ([&lines[..4], &lines[3..]].concat().concat(), 4),
        ([&lines[..4], &lines[5..6], &lines[4..5], &lines[6..]].concat().concat(), 4),
        (lines.concat()[..lines.concat().len() - 7].to_vec(), 9),
        ([lines.concat(), vec![0; 5000]].concat(), 10),
        // A letter of message 7 is another now: line 8 tells, and neither of the two is proven.
        (String::from_utf8(lines.concat()).unwrap().replace("message 7", "massage 7").into_bytes(), 6),
    ];
    for (at, (bytes, kept)) in damages.into_iter().enumerate() {
        fs::write(place.path.join("log.jsonl"), &bytes).unwrap();
        let before = files(&place.path);
        let done = place.log().recover(clock()).unwrap();
        assert_eq!((done.lines, done.last_seq), (kept as u64, kept as u64), "damage {at}");
        let end = lines[..kept].concat().len();
        let now = place.bytes();
        assert!(now.starts_with(&lines[..kept].concat()), "damage {at}");
        assert_eq!(assert_chain(&now).len(), kept + 1);
        let told = recovered_line(&now);
        assert_eq!((told.bytes, told.aside.as_str()), ((bytes.len() - end) as u64, done.aside.as_str()));
        assert_eq!(fs::read(place.path.join(&told.aside)).unwrap(), &bytes[end..]);
        let mut damaged = files(&done.damaged);
        assert_eq!(damaged.remove("runner"), Some(Vec::new()));
        assert_eq!(damaged.get("log.jsonl"), before.get("log.jsonl"), "damage {at}");
        assert!(done.damaged.file_name().unwrap().to_str().unwrap().contains(".damaged-20261120T"));
        place.assert_good();
        // It is a session like any other.
        let mut drafter = place.drafter.clone();
        (0..10).for_each(|_| drop(message(&mut drafter, "")));
        place.appender().append(nib(Kind::Person), &message(&mut drafter, "goes on")).unwrap();
        assert_eq!(place.assert_good().lines, kept as u64 + 2);
        assert_eq!(place.home.sessions().unwrap().len(), 1, "the damaged one is in no list");
    }
}

/// Puts one byte in.
trait Replace {
    fn replacen_at(self, at: usize, byte: u8) -> Self;
}

impl Replace for Vec<u8> {
    fn replacen_at(mut self, at: usize, byte: u8) -> Self {
        self[at] = byte;
        self
    }
}

#[test]
fn a_copy_elsewhere_leaves_the_session_as_it_is() {
    let (place, lines) = sample(81);
    fs::write(place.path.join("log.jsonl"), [&lines[..4].concat(), &b"no line\n"[..], &lines[4]].concat()).unwrap();
    let before = files(&place.path);
    let out = place.dir.path().join("clean");
    let done = place.log().recover_to(&out, clock()).unwrap();
    assert_eq!((done.lines, done.left, &done.clean), (4, 2, &out));
    assert_eq!(files(&place.path), before);
    assert_eq!(Log::at(&out).verify().unwrap().lines, 5);
    assert!(matches!(place.log().recover_to(&out, clock()), Err(RecoverError::Taken(_))));
    // A bare file has no folder to change places with, but can be copied from.
    let bare = place.dir.path().join("bare.jsonl");
    fs::copy(place.path.join("log.jsonl"), &bare).unwrap();
    assert!(matches!(Log::at(&bare).recover(clock()), Err(RecoverError::Io(_))));
    assert_eq!(Log::at(&bare).recover_to(&place.dir.path().join("other"), clock()).unwrap().lines, 4);
}

#[test]
fn what_is_whole_hopeless_newer_or_in_use_is_left_alone() {
    let (place, lines) = sample(82);
    assert!(matches!(place.log().recover(clock()), Err(RecoverError::Whole(None))));
    let with = |bytes: Vec<u8>| fs::write(place.path.join("log.jsonl"), bytes).unwrap();
    let newer = String::from_utf8(lines[2].clone()).unwrap().replace("\"v\":1", "\"v\":7").into_bytes();
    with([lines[..2].concat(), newer].concat());
    assert!(matches!(place.log().recover(clock()), Err(RecoverError::Newer(_))));
    let first = String::from_utf8(lines[0].clone()).unwrap().replace("sample", "simple").into_bytes();
    for bytes in [Vec::new(), b"x".to_vec(), lines[1].clone(), [first, lines[1].clone()].concat()] {
        with(bytes.clone());
        let refused = place.log().recover(clock());
        assert!(matches!(refused, Err(RecoverError::Nothing(_))), "{refused:?}");
        assert_eq!(place.bytes(), bytes);
    }
    with(lines.concat());
    let mut appender = place.appender();
    with([&lines[..4].concat(), &b"no line\n"[..]].concat());
    let runner = place.log().runner().unwrap().unwrap();
    assert!(matches!(place.log().recover(clock()), Err(RecoverError::Busy)));
    drop(runner);
    with(lines.concat());
    let pen = appender.open_pen(Kind::Tool).unwrap();
    with([&lines[..4].concat(), &b"no line\n"[..]].concat());
    assert!(matches!(place.log().recover(clock()), Err(RecoverError::Busy)));
    pen.leave();
    let done = place.log().recover(clock()).unwrap();
    // The pen that was gone is still known, and its number is not given twice.
    assert_eq!(place.appender().gone_pens().unwrap().len(), 1);
    assert!(place.appender().open_pen(Kind::Tool).unwrap().number() > 2);
    // Who had the damaged log open does not write on into what nobody reads.
    let mut drafter = place.drafter.clone();
    let late = appender.append(nib(Kind::Person), &message(&mut drafter, "late"));
    assert!(matches!(late, Err(AppendError::Gone)), "{late:?}");
    assert_eq!(fs::read(done.damaged.join("log.jsonl")).unwrap(), [&lines[..4].concat(), &b"no line\n"[..]].concat());
    let others: Vec<_> = fs::read_dir(place.home.path().join("sessions")).unwrap().collect();
    assert_eq!(others.len(), 2, "no half copy is left");
}

#[test]
fn e02_a_cut_tail_and_an_older_copy_are_seen_against_an_anchor() {
    let (place, lines) = sample(83);
    let report = place.assert_good();
    let anchor = Anchor { seq: report.last_seq, hash: report.head };
    let check = |bytes: Vec<u8>| {
        fs::write(place.path.join("log.jsonl"), bytes).unwrap();
        place.log().verify_against(&anchor).unwrap().damage.map(|d| d.fault)
    };
    assert_eq!(check(lines.concat()), None);
    let behind = |found| Some(Fault::Behind { expected: 10, found });
    assert_eq!(check(lines[..9].concat()), behind(9));
    assert_eq!(check(lines[..1].concat()), behind(1));
    // Written anew from line 8 on, by the true program: whole, but not what it was.
    check(lines[..8].concat());
    let mut drafter = place.drafter.clone();
    (0..20).for_each(|_| drop(message(&mut drafter, "")));
    for text in ["other", "history", "it has"] {
        place.appender().append(nib(Kind::Person), &message(&mut drafter, text)).unwrap();
    }
    place.assert_good();
    assert_eq!(check(place.bytes()), Some(Fault::Anchor(10)));
    // Grown since: the anchor is not the head any more and still holds.
    check(lines.concat());
    place.appender().append(nib(Kind::Person), &message(&mut drafter, "more")).unwrap();
    assert_eq!(check(place.bytes()), None);
    // A damaged line is what is named first.
    assert!(matches!(check([&lines[..3].concat(), &b"{}\n"[..]].concat()), Some(Fault::Line(_))));
}
