//! Figures, printed and not judged: `cargo test --release -p ace-storage speed -- --nocapture`.

use std::fs::{self, File};
use std::io::Write;
use std::time::{Duration, Instant};

use ace_schema::{Kind, ty};
use ace_storage::Clock;
use serde_json::json;

use crate::session::{Place, message, nib};

/// Seconds this thread has been on a processor, so that a busy machine does not spoil the figure; 0 where nobody says.
fn busy() -> f64 {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|n| n.parse::<f64>().ok()).unwrap_or(0.0) / 1e9
}

fn median(mut times: Vec<Duration>) -> (Duration, Duration) {
    times.sort_unstable();
    (times[times.len() / 2], times[times.len() * 99 / 100])
}

fn timed(n: usize, mut work: impl FnMut()) -> (Duration, Duration) {
    median(
        (0..n)
            .map(|_| {
                let start = Instant::now();
                work();
                start.elapsed()
            })
            .collect(),
    )
}

#[test]
fn appending_against_a_bare_write_and_sync() {
    let place = Place::new(80);
    let mut drafter = place.drafter.clone();
    let mut appender = place.appender();
    let line = [vec![b'x'; 437], b"\n".to_vec()].concat();
    let mut bare = File::create(place.dir.path().join("bare")).unwrap();
    let n = 500;
    let written = timed(n, || {
        bare.write_all(&line).unwrap();
        bare.sync_data().unwrap();
    });
    let synced = timed(n, || {
        appender.append(nib(Kind::Person), &message(&mut drafter, &"x".repeat(150))).unwrap();
    });
    let unsynced = timed(n, || {
        let draft = drafter.draft(1, "", ty::TURN_STARTED, &json!({})).1;
        appender.append(nib(Kind::Step), &draft).unwrap();
    });
    println!("bare write + fdatasync: median {:?}, p99 {:?}", written.0, written.1);
    println!("append, synced:         median {:?}, p99 {:?}", synced.0, synced.1);
    println!("append, not synced:     median {:?}, p99 {:?}", unsynced.0, unsynced.1);
    assert_eq!(place.assert_good().last_seq as usize, 2 + 2 * n);
}

#[test]
fn opening_checking_and_following_a_log_of_100_mb() {
    let place = Place::new(81);
    let mut drafter = place.drafter.clone();
    let mut appender = place.appender();
    let megabytes = if cfg!(debug_assertions) { 4 } else { 100 };
    while fs::metadata(place.path.join("log.jsonl")).unwrap().len() < megabytes << 20 {
        let batch: Vec<u8> = (0..5000)
            .flat_map(|_| {
                drafter
                    .draft(
                        1,
                        "c-1",
                        ty::CONTEXT_BUILT,
                        &json!({"system": "", "ranges": [[1, 200]], "model": "a/b", "text": "x".repeat(120)}),
                    )
                    .1
            })
            .collect();
        assert!(appender.append(nib(Kind::Step), &batch).unwrap().refused.is_empty());
    }
    let mb = place.bytes().len() as f64 / 1e6;
    let rate = |what: &str, start: (Instant, f64)| {
        let (took, cpu) = (start.0.elapsed(), busy() - start.1);
        println!("{what} {mb:.0} MB: {took:?}, {:.0} MB/s, {:.0} MB per CPU second", mb / took.as_secs_f64(), mb / cpu);
    };
    for _ in 0..2 {
        let start = (Instant::now(), busy());
        let opened = place.log().append(Clock::System).unwrap();
        rate("open to append", start);
        assert_eq!(opened.last_seq(), appender.last_seq());
        let start = (Instant::now(), busy());
        place.assert_good();
        rate("verify", start);
        let start = (Instant::now(), busy());
        let mut follower = place.log().follow(0).unwrap();
        while !follower.read().unwrap().is_empty() {}
        rate("follow from 1", start);
        let start = (Instant::now(), busy());
        let mut follower = place.log().follow(appender.last_seq()).unwrap();
        assert!(!follower.read().unwrap().is_empty());
        rate("follow from the last", start);
    }
}
