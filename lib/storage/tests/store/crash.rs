//! Writers that are killed: nothing acknowledged is lost, and what was not finished is cut aside and told.

use std::collections::HashSet;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use ace_schema::data::LogRecovered;
use ace_schema::{Drafter, Kind, Line, ty};
use ace_storage::{AppendError, Clock, Fault, Log};
use serde_json::json;

use crate::session::{Place, assert_chain, message, nib, read_lines};

/// Runs one test of this program, which is a helper in truth, as a process of its own.
pub fn helper(test: &str, log: &Log, more: &[(&str, String)]) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture", "--test-threads=1"])
        .env("ACE_TEST_LOG", log.file())
        .envs(more.iter().cloned())
        .stdout(Stdio::null())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap()
}

/// The log a helper is told to work on; `None` in an ordinary run of the tests.
pub fn helper_log() -> Option<Log> {
    std::env::var_os("ACE_TEST_LOG").map(Log::at)
}

fn number(name: &str) -> u64 {
    std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(0)
}

#[test]
fn helper_appends_and_acknowledges() {
    let Some(log) = helper_log() else { return };
    let mut acks = OpenOptions::new().append(true).create(true).open(std::env::var("ACE_TEST_ACKS").unwrap()).unwrap();
    let mut appender = log.append(Clock::System).unwrap();
    let mut drafter = Drafter::new("helper", number("ACE_TEST_SEED"));
    drafter.set_session(appender.session());
    for n in 0..number("ACE_TEST_COUNT") {
        let mut batch = Vec::new();
        let mut ids = String::new();
        for _ in 0..=n % 3 {
            let (id, line) = drafter.draft(0, "", ty::USER_MESSAGE, &json!({"text": "x".repeat((n % 700) as usize)}));
            batch.extend(line);
            ids += &format!("{id}\n");
        }
        let done = appender.append(nib(Kind::Person), &batch).unwrap();
        assert!(done.refused.is_empty());
        acks.write_all(ids.as_bytes()).unwrap();
    }
}

fn acknowledged(path: &std::path::Path) -> Vec<String> {
    fs::read_to_string(path).unwrap_or_default().lines().map(str::to_owned).collect()
}

#[test]
fn processes_share_one_order() {
    let place = Place::new(20);
    let acks = place.dir.path().join("acks");
    let mut follower = place.log().follow(0).unwrap();
    let helpers: Vec<_> = (0..4)
        .map(|n| {
            let more = [
                ("ACE_TEST_ACKS", acks.display().to_string()),
                ("ACE_TEST_SEED", (n + 1).to_string()),
                ("ACE_TEST_COUNT", "30".to_string()),
            ];
            helper("crash::helper_appends_and_acknowledges", &place.log(), &more)
        })
        .collect();
    let read = read_lines(&mut follower, 2 + 4 * 60);
    for mut helper in helpers {
        assert!(helper.wait().unwrap().success());
    }
    assert_eq!(read, place.bytes());
    let ids: HashSet<_> = assert_chain(&read).into_iter().collect();
    assert_eq!(ids.len(), 242);
    assert!(acknowledged(&acks).iter().all(|id| ids.contains(id)));
}

#[test]
fn a_writer_killed_at_any_time_loses_nothing_it_acknowledged() {
    let mut unpublished = 0;
    for round in 0..20_u64 {
        let place = Place::new(21);
        let acks = place.dir.path().join("acks");
        let more = [
            ("ACE_TEST_ACKS", acks.display().to_string()),
            ("ACE_TEST_SEED", "1".to_string()),
            ("ACE_TEST_COUNT", "1000000".to_string()),
        ];
        let mut helper = helper("crash::helper_appends_and_acknowledges", &place.log(), &more);
        while acknowledged(&acks).is_empty() {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_micros(2000 + round * 137));
        helper.kill().unwrap();
        helper.wait().unwrap();
        let killed = place.bytes();
        unpublished += u32::from(place.published() != killed.len() as u64);
        let mut follower = place.log().follow(0).unwrap();
        let mut seen = Vec::new();
        loop {
            let more = follower.read().unwrap();
            if more.is_empty() {
                break;
            }
            seen.extend_from_slice(more);
        }
        let ids: HashSet<_> = assert_chain(&seen).into_iter().collect();
        let acknowledged = acknowledged(&acks);
        assert!(!acknowledged.is_empty());
        for id in &acknowledged {
            assert!(ids.contains(id), "round {round}: {id} is lost");
        }
        let mut drafter = place.drafter.clone();
        place.appender().append(nib(Kind::Person), &message(&mut drafter, "after it")).unwrap();
        assert!(place.bytes().starts_with(&seen));
        place.assert_good();
    }
    println!("20 writers killed, {unpublished} of them between write and publication");
}

#[test]
fn f01_p61_a_last_line_cut_at_any_byte_is_put_aside_and_told() {
    let place = Place::new(22);
    let whole = place.bytes();
    let last = whole[..whole.len() - 1].iter().rposition(|&b| b == b'\n').unwrap() + 1;
    for cut in last..whole.len() {
        fs::write(place.path.join("log.jsonl"), &whole[..cut]).unwrap();
        let damage = place.log().verify().unwrap().damage.map(|d| (d.line, d.fault));
        assert_eq!(damage, (cut > last).then_some((2, Fault::Torn((cut - last) as u64))));
        let mut follower = place.log().follow(0).unwrap();
        assert_eq!(follower.read().unwrap(), &whole[..last]);
        let mut drafter = place.drafter.clone();
        let done = place.appender().append(nib(Kind::Person), &message(&mut drafter, "next")).unwrap();
        assert!(done.refused.is_empty());
        assert_eq!(read_lines(&mut follower, 1 + usize::from(cut > last)), done.lines);
        let now = place.bytes();
        assert_eq!(now, [&whole[..last], &done.lines].concat());
        place.assert_good();
        let first = ace_storage::split(&done.lines).next().unwrap();
        let line = Line::parse(first).unwrap();
        if cut == last {
            assert_eq!(line.ty, ty::USER_MESSAGE);
            continue;
        }
        assert_eq!((line.ty.as_ref(), line.pen), (ty::LOG_RECOVERED, Some(0)));
        let data: LogRecovered = line.data().unwrap();
        assert_eq!(data.bytes, (cut - last) as u64);
        assert_eq!(fs::read(place.path.join(data.aside)).unwrap(), &whole[last..cut]);
    }
}

#[test]
fn a_first_line_cut_at_any_byte_is_no_session() {
    let place = Place::new(23);
    let whole = place.bytes();
    let first = whole.iter().position(|&b| b == b'\n').unwrap();
    for cut in [0, 1, first / 2, first] {
        fs::write(place.path.join("log.jsonl"), &whole[..cut]).unwrap();
        let opened = place.log().append(Clock::System).map(|_| ());
        assert!(matches!(opened, Err(AppendError::Damaged { line: 1, fault: Fault::Creation })), "{opened:?}");
        assert!(place.log().verify().unwrap().damage.is_some());
        assert!(place.log().follow(0).unwrap().read().unwrap().is_empty());
        assert_eq!(place.bytes(), &whole[..cut], "nothing is repaired away");
    }
}

#[test]
fn a_torn_line_of_another_is_cut_by_an_appender_that_was_open_before() {
    let place = Place::new(24);
    let mut appender = place.appender();
    let mut drafter = place.drafter.clone();
    for round in 1..=2 {
        let garbage = [0_u8; 70_000];
        let mut file = OpenOptions::new().append(true).open(place.path.join("log.jsonl")).unwrap();
        file.write_all(&garbage).unwrap();
        let done = appender.append(nib(Kind::Person), &message(&mut drafter, "next")).unwrap();
        assert_eq!(done.last_seq, done.first_seq + 1);
        assert_eq!(done.last_seq, 2 + 2 * round);
    }
    place.assert_good();
}

#[test]
fn e03_a_thousand_reopened_writers_make_one_chain() {
    let place = Place::new(25);
    let mut drafter = place.drafter.clone();
    for _ in 0..1000 {
        let draft = drafter.draft(1, "", ty::TURN_STARTED, &json!({})).1;
        let mut appender = place.appender();
        appender.append(nib(Kind::Step), &draft).unwrap();
    }
    assert_eq!(assert_chain(&place.bytes()).len(), 1002);
}
