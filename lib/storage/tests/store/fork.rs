//! Logs that go on from others: read through, checked through, and kept as long as somebody needs them.

use std::fs;

use ace_schema::data::ForkedFrom;
use ace_schema::{Drafter, Kind, Line, id, ty};
use ace_storage::{Clock, Fault, Home, Log, sha256};
use serde_json::json;

use crate::session::{TIME, created, message, nib};

/// A home with a session of five lines, a child from its third and a grandchild from the child's fifth.
fn family() -> (tempfile::TempDir, Home, Vec<String>) {
    let dir = tempfile::tempdir().unwrap();
    let home = Home::at(dir.path());
    let mut ids: Vec<String> = Vec::new();
    for n in 1..=3_u64 {
        let mut drafter = Drafter::new("test", n);
        drafter.set_session(&id::session(n, n));
        let first = match ids.last() {
            None => created(&mut drafter, "root"),
            Some(parent) => {
                let at = if n == 2 { 3 } else { 5 };
                let from = origin(&home.log(parent), at);
                let data = json!({"name": "child", "cwd": "/", "model": "m", "mode": "ask", "forked_from": from});
                drafter.draft(0, "", ty::SESSION_CREATED, &data).1
            }
        };
        let all = [first, message(&mut drafter, "one"), message(&mut drafter, "two"), message(&mut drafter, "three")];
        home.create(drafter.session(), Kind::Person, &all.concat(), &Clock::fixed(TIME, 1)).unwrap();
        let mut log = home.log(drafter.session()).append(Clock::fixed(TIME, 1)).unwrap();
        log.append(nib(Kind::Person), &message(&mut drafter, "four")).unwrap();
        ids.push(drafter.session().to_owned());
    }
    (dir, home, ids)
}

fn origin(log: &Log, seq: u64) -> ForkedFrom {
    let text = fs::read_to_string(log.file()).unwrap();
    let line = text.lines().find(|l| Line::parse(l.as_bytes()).unwrap().seq == Some(seq)).unwrap();
    let session = Line::parse(line.as_bytes()).unwrap().session.into_owned();
    ForkedFrom { session, seq, hash: ace_storage::hex(&sha256(line.as_bytes())), goes_on: false }
}

fn seqs(log: &Log, from: u64) -> Vec<u64> {
    let mut follow = log.follow(from).unwrap();
    let mut all = Vec::new();
    loop {
        let lines = follow.read().unwrap().to_vec();
        if lines.is_empty() {
            assert_eq!(follow.position(), log_bytes(log));
            return all;
        }
        all.extend(ace_storage::split(&lines).map(|l| Line::parse(l).unwrap().seq.unwrap()));
    }
}

/// Bytes of the log and of what it goes on from.
fn log_bytes(log: &Log) -> u64 {
    let mut follow = log.follow(0).unwrap();
    follow.skip_to_end().unwrap();
    follow.position()
}

#[test]
fn a_reader_goes_through_the_ancestors_first() {
    let (_dir, home, ids) = family();
    for (id, last) in ids.iter().zip([5, 8, 10]) {
        let log = home.log(id);
        assert_eq!(seqs(&log, 0), (1..=last).collect::<Vec<_>>(), "{id}");
        for from in 1..=last + 1 {
            assert_eq!(seqs(&log, from), (from..=last).collect::<Vec<_>>(), "from {from}");
        }
    }
    // A twin goes on where the first one stands, whichever log that is in.
    let log = home.log(&ids[2]);
    let mut follow = log.follow(0).unwrap();
    follow.read().unwrap();
    let mut twin = follow.fork().unwrap();
    assert_eq!(twin.position(), follow.position());
    assert_eq!(twin.read().unwrap(), follow.read().unwrap());
}

#[test]
fn what_is_recorded_in_the_parent_later_does_not_reach_the_child() {
    let (_dir, home, ids) = family();
    let mut drafter = Drafter::new("test", 9);
    drafter.set_session(&ids[0]);
    let mut log = home.log(&ids[0]).append(Clock::System).unwrap();
    log.append(nib(Kind::Person), &message(&mut drafter, "later")).unwrap();
    assert_eq!(seqs(&home.log(&ids[2]), 0), (1..=10).collect::<Vec<_>>());
    assert_eq!(home.log(&ids[2]).verify().unwrap().damage, None);
}

#[test]
fn a_check_goes_through_the_ancestors_up_to_where_they_matter() {
    let (_dir, home, ids) = family();
    let report = home.log(&ids[2]).verify().unwrap();
    assert_eq!((report.damage, report.lines, report.last_seq), (None, 5, 10));
    let file = home.log(&ids[0]).file().to_owned();
    let whole = fs::read_to_string(&file).unwrap();
    let lines: Vec<&str> = whole.lines().collect();
    // Behind the fork: nobody's past.
    fs::write(&file, whole.replace("four", "five")).unwrap();
    assert_eq!(home.log(&ids[2]).verify().unwrap().damage, None);
    // Before it.
    fs::write(&file, whole.replace("one", "eno")).unwrap();
    let fault = home.log(&ids[2]).verify().unwrap().damage.unwrap().fault;
    assert!(matches!(&fault, Fault::Ancestor { session, .. } if *session == ids[0]), "{fault}");
    // The very line: the chain of the parent cannot tell, the child can.
    fs::write(&file, lines[..3].join("\n").replace("two", "owt") + "\n").unwrap();
    let fault = home.log(&ids[1]).verify().unwrap().damage.unwrap().fault;
    assert!(matches!(&fault, Fault::Origin { seq: 3, .. }), "{fault}");
    fs::remove_dir_all(home.session(&ids[0])).unwrap();
    assert!(matches!(home.log(&ids[2]).verify().unwrap().damage.unwrap().fault, Fault::Parent(_)));
    assert_eq!(home.log(&ids[2]).follow(0).unwrap_err().kind(), std::io::ErrorKind::NotFound);
}

#[test]
fn children_are_known_to_whoever_wants_to_remove_a_parent() {
    let (_dir, home, ids) = family();
    let of = |n: usize| home.children(&ids[n]).unwrap().into_iter().map(|s| s.id).collect::<Vec<_>>();
    assert_eq!((of(0), of(1), of(2)), (vec![ids[1].clone()], vec![ids[2].clone()], vec![]));
}

#[test]
fn a_circle_of_ancestors_ends() {
    let (_dir, home, ids) = family();
    let file = home.log(&ids[0]).file().to_owned();
    let whole = fs::read_to_string(&file).unwrap();
    let from = serde_json::to_string(&origin(&home.log(&ids[2]), 7)).unwrap();
    fs::write(&file, whole.replacen("\"cwd\"", &format!("\"forked_from\":{from},\"cwd\""), 1)).unwrap();
    assert!(home.log(&ids[2]).follow(0).is_err());
    assert!(home.log(&ids[2]).verify().unwrap().damage.is_some());
}
