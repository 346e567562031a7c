//! The bell is missing, wrong or silent: followers are slower then, never wrong.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ace_schema::{Kind, Line, limits, ty};
use serde_json::json;

use crate::session::{Place, assert_chain, message, nib, read_lines};

/// Where the page keeps the committed length.
const COMMITTED: u64 = 16;

impl Place {
    /// The committed length as it stands in the bell.
    pub fn published(&self) -> u64 {
        let mut bytes = [0; 8];
        File::open(self.path.join("bell")).unwrap().read_exact_at(&mut bytes, COMMITTED).unwrap();
        u64::from_ne_bytes(bytes)
    }

    fn set_published(&self, bytes: u64) {
        let file = OpenOptions::new().write(true).open(self.path.join("bell")).unwrap();
        file.write_all_at(&bytes.to_ne_bytes(), COMMITTED).unwrap();
    }
}

#[test]
fn a_bell_of_any_kind_of_garbage_is_repaired_and_nothing_is_lost() {
    let place = Place::new(30);
    let good = fs::read(place.path.join("bell")).unwrap();
    assert_eq!(good.len(), 4096);
    let mut drafter = place.drafter.clone();
    let mut lines = 2;
    let garbage: [&[u8]; 7] =
        [b"", b"x", &[0; 4096], &[0xff; 4096], &[0xa5; 100_000], &good[..40], &[&good[..], b"more"].concat()];
    for (at, content) in garbage.into_iter().enumerate() {
        for remove in [false, true] {
            fs::write(place.path.join("bell"), content).unwrap();
            if remove {
                fs::remove_file(place.path.join("bell")).unwrap();
            }
            let mut follower = place.log().follow(0).unwrap();
            assert_eq!(read_lines(&mut follower, lines), place.bytes(), "garbage {at}");
            let mut appender = place.appender();
            let done = appender.append(nib(Kind::Person), &message(&mut drafter, "more")).unwrap();
            assert_eq!(read_lines(&mut follower, 1), done.lines, "garbage {at}");
            assert_eq!(place.published(), place.bytes().len() as u64);
            lines += 1;
        }
    }
    assert_chain(&place.bytes());
}

#[test]
fn a_wrong_committed_length_is_clamped() {
    let place = Place::new(31);
    let len = place.bytes().len() as u64;
    for wrong in [0, 1, 5, len - 1, len + 1, len * 1000, u64::MAX] {
        place.set_published(wrong);
        let mut follower = place.log().follow(0).unwrap();
        assert_eq!(read_lines(&mut follower, 2), place.bytes(), "{wrong}");
        assert_eq!(place.published(), len, "put right by the reader");
    }
}

#[test]
fn bytes_that_are_not_committed_are_not_handed_on_while_a_writer_is_at_it() {
    let place = Place::new(32);
    let mut follower = place.log().follow(0).unwrap();
    let before = read_lines(&mut follower, 2);
    let mut drafter = place.drafter.clone();
    place.appender().append(nib(Kind::Person), &message(&mut drafter, "more")).unwrap();
    place.set_published(before.len() as u64);
    let writer = File::open(place.path.join("log.jsonl")).unwrap();
    writer.lock().unwrap();
    assert!(follower.read().unwrap().is_empty());
    assert!(!follower.wait(Duration::from_millis(300)).unwrap());
    let mut late = place.log().follow(0).unwrap();
    assert_eq!(late.read().unwrap(), before);
    // The writer is killed: its lock falls, nobody rings.
    writer.unlock().unwrap();
    assert!(follower.wait(Duration::from_secs(10)).unwrap());
    assert_eq!(follower.read().unwrap(), &place.bytes()[before.len()..]);
    assert_eq!(place.published(), place.bytes().len() as u64);
}

#[test]
fn a_follower_never_runs_ahead_of_the_published_length() {
    let place = Place::new(33);
    let done = AtomicBool::new(false);
    let seen = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..2)
            .map(|n| {
                let mut appender = place.appender();
                let mut drafter = ace_schema::Drafter::new("test", 50 + n);
                drafter.set_session(place.drafter.session());
                scope.spawn(move || {
                    for _ in 0..150 {
                        appender.append(nib(Kind::Person), &message(&mut drafter, "more")).unwrap();
                    }
                })
            })
            .collect();
        let reader = scope.spawn(|| {
            let mut follower = place.log().follow(0).unwrap();
            let mut seen = 0;
            loop {
                let last = done.load(Ordering::Acquire);
                let more = follower.read().unwrap().len() as u64;
                seen += more;
                assert!(seen <= place.published(), "handed on before it was published");
                if last && more == 0 {
                    return seen;
                }
            }
        });
        for writer in writers {
            writer.join().unwrap();
        }
        done.store(true, Ordering::Release);
        reader.join().unwrap()
    });
    assert_eq!(seen, place.bytes().len() as u64);
}

#[test]
fn a_bell_removed_under_way_is_found_again() {
    let place = Place::new(34);
    let mut appender = place.appender();
    let mut drafter = place.drafter.clone();
    let mut follower = place.log().follow(3).unwrap();
    assert!(follower.read().unwrap().is_empty());
    for _ in 0..3 {
        fs::remove_file(place.path.join("bell")).unwrap();
        let done = appender.append(nib(Kind::Person), &message(&mut drafter, "more")).unwrap();
        assert_eq!(read_lines(&mut follower, 1), done.lines);
    }
}

#[test]
fn a_bare_file_of_lines_is_read_to_its_last_whole_line() {
    let place = Place::new(35);
    let path = place.dir.path().join("copy.jsonl");
    fs::write(&path, [&place.bytes()[..], b"{\"torn"].concat()).unwrap();
    let mut follower = ace_storage::Log::at(&path).follow(0).unwrap();
    assert_eq!(follower.read().unwrap(), place.bytes());
    assert!(!follower.wait(Duration::from_millis(10)).unwrap());
    OpenOptions::new().append(true).open(&path).unwrap().write_all(b"\n").unwrap();
    assert!(follower.wait(Duration::from_secs(10)).unwrap());
    assert_eq!(follower.read().unwrap(), b"{\"torn\n", "what lines mean is for others to say");
    assert_eq!(fs::read_dir(place.dir.path()).unwrap().count(), 2, "no bell beside a bare file");
}

#[test]
fn a_waiting_follower_is_woken_at_once_and_a_spared_one_is_not() {
    if !cfg!(target_os = "linux") {
        println!("SKIPPED: needs a futex shared between processes");
        return;
    }
    let place = Place::new(36);
    let mut drafter = place.drafter.clone();
    // How long after the append the follower is awake.
    let mut sleep = |bit: Option<u32>| {
        let mut appender = place.appender();
        let mut follower = place.log().follow(appender.last_seq() + 1).unwrap();
        if let Some(bit) = bit {
            appender.spare(bit);
            follower = follower.on_bit(bit);
        }
        assert!(follower.read().unwrap().is_empty());
        std::thread::scope(|scope| {
            let woken = scope.spawn(move || {
                assert!(follower.wait(Duration::from_secs(10)).unwrap());
                Instant::now()
            });
            std::thread::sleep(Duration::from_millis(40));
            appender.append(nib(Kind::Person), &message(&mut drafter, "ring")).unwrap();
            let rung = Instant::now();
            woken.join().unwrap().saturating_duration_since(rung)
        })
    };
    // The best of several: the machine may be busy with other things.
    let fastest = (0..5).map(|_| sleep(None)).min().unwrap();
    assert!(fastest < Duration::from_millis(100), "woken after {fastest:?}, so by the clock and not by the bell");
    let slowest = (0..5).map(|_| sleep(Some(3))).max().unwrap();
    assert!(slowest > Duration::from_millis(limits::LOOK_MS / 2), "woken after {slowest:?}, so by the bell");
}

#[test]
fn chalk_reaches_followers_that_ask_and_is_wiped_when_the_turn_ends() {
    let place = Place::new(37);
    let mut appender = place.appender();
    let mut drafter = place.drafter.clone();
    let live = place.path.join("live.jsonl");
    let mut plain = place.log().follow(3).unwrap();
    assert!(plain.read().unwrap().is_empty());
    let mut follower = place.log().follow(3).unwrap().with_chalk();
    assert!(follower.read().unwrap().is_empty());
    for turn in 1..=2 {
        let mut said = String::new();
        for text in ["a", "b", "c"] {
            let delta = drafter.draft(turn, "", ty::MODEL_DELTA, &json!({"text": text})).1;
            let done = appender.append(nib(Kind::Model), &delta).unwrap();
            assert!(follower.wait(Duration::from_secs(10)).unwrap());
            let chalk = follower.chalk().unwrap();
            assert_eq!(chalk, done.chalk);
            let line = Line::parse(&chalk[..chalk.len() - 1]).unwrap();
            assert_eq!(line.after, Some(u64::from(turn) + 1));
            said += &line.data::<ace_schema::data::ModelDelta>().unwrap().text;
        }
        assert_eq!(said, "abc");
        assert!(!plain.wait(Duration::ZERO).unwrap(), "who does not ask is not troubled");
        assert!(fs::metadata(&live).unwrap().len() > 0);
        let mut late = place.log().follow(0).unwrap().with_chalk();
        assert_eq!(late.chalk().unwrap().iter().filter(|&&b| b == b'\n').count(), 3);
        let end = drafter.line(&ace_schema::id::end(turn), turn, "", ty::TURN_COMPLETED, &json!({}));
        let done = appender.append(nib(Kind::Step), &end).unwrap();
        assert_eq!(fs::metadata(&live).unwrap().len(), 0);
        assert_eq!(read_lines(&mut follower, 1), done.lines);
        assert_eq!(read_lines(&mut plain, 1), done.lines);
        assert!(follower.chalk().unwrap().is_empty());
        assert!(!follower.wait(Duration::ZERO).unwrap());
    }
    place.assert_good();
}

#[test]
fn chalk_starts_afresh_at_its_limit() {
    let place = Place::new(38);
    let mut appender = place.appender();
    let mut drafter = place.drafter.clone();
    let text = "x".repeat(60_000);
    let mut follower = place.log().follow(3).unwrap().with_chalk();
    let mut written = 0;
    let mut read = 0;
    while written < limits::LIVE_BYTES as usize * 2 {
        let batch: Vec<u8> =
            (0..50).flat_map(|_| drafter.draft(1, "", ty::MODEL_DELTA, &json!({ "text": &text })).1).collect();
        written += appender.append(nib(Kind::Model), &batch).unwrap().chalk.len();
        let chalk = follower.chalk().unwrap();
        read += chalk.len();
        assert!(ace_storage::split(chalk).all(|l| Line::parse(l).is_ok()));
        assert!(fs::metadata(place.path.join("live.jsonl")).unwrap().len() <= limits::LIVE_BYTES);
    }
    assert_eq!(read, written);
    assert_eq!(place.assert_good().lines, 2);
}

#[test]
fn a_second_reader_stands_where_the_first_one_stands() {
    let place = Place::new(39);
    let mut appender = place.appender();
    let mut drafter = place.drafter.clone();
    let mut one = place.log().follow(4).unwrap();
    assert!(one.read().unwrap().is_empty());
    assert_eq!(one.position(), place.bytes().len() as u64);
    let mut two = one.fork().unwrap();
    let mut late = place.log().follow(0).unwrap();
    late.skip_to_end().unwrap();
    assert_eq!(late.position(), one.position());
    let third = appender.append(nib(Kind::Person), &message(&mut drafter, "left out")).unwrap().lines;
    let fourth = appender.append(nib(Kind::Person), &message(&mut drafter, "wanted")).unwrap().lines;
    assert_eq!(one.read().unwrap(), fourth);
    assert_eq!(two.read().unwrap(), fourth);
    assert_eq!(late.read().unwrap(), [third, fourth].concat());
}
