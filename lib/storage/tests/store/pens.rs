//! Pens over a real log, held by real processes.

use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::process::{Command, Stdio};

use ace_schema::data::PenDropped;
use ace_schema::{Kind, Line, ty};
use ace_storage::{Clock, Nib};
use serde_json::json;

use crate::crash::{helper, helper_log};
use crate::session::{Place, message};

#[test]
fn helper_holds_a_pen_until_it_is_killed() {
    let Some(log) = helper_log() else { return };
    let mut appender = log.append(Clock::System).unwrap();
    let pen = appender.open_pen(Kind::Model).unwrap();
    let mut drafter = ace_schema::Drafter::new("helper", 1);
    drafter.set_session(appender.session());
    appender.append(pen.nib(), &drafter.draft(1, "", ty::MODEL_REQUESTED, &json!({})).1).unwrap();
    std::thread::sleep(std::time::Duration::from_secs(60));
}

fn dropped(lines: &[u8]) -> Vec<u32> {
    ace_storage::split(lines)
        .map(|l| {
            let line = Line::parse(l).unwrap();
            assert_eq!((line.ty.as_ref(), line.pen), (ty::PEN_DROPPED, Some(Nib::KEEPER.number)));
            line.data::<PenDropped>().unwrap().pen
        })
        .collect()
}

#[test]
fn the_pen_of_a_killed_process_is_recorded_as_dropped_once() {
    let place = Place::new(50);
    let mut follower = place.log().follow(3).unwrap();
    let mut child = helper("pens::helper_holds_a_pen_until_it_is_killed", &place.log(), &[]);
    let claim = crate::session::read_lines(&mut follower, 1);
    let number = Line::parse(&claim[..claim.len() - 1]).unwrap().pen.unwrap();
    let (mut one, mut two) = (place.appender(), place.appender());
    assert_eq!(one.gone_pens().unwrap(), Vec::<u32>::new());
    assert!(one.drop_gone_pens().unwrap().lines.is_empty());
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(one.gone_pens().unwrap(), [number]);
    assert_eq!(two.gone_pens().unwrap(), [number]);
    assert_eq!(dropped(&one.drop_gone_pens().unwrap().lines), [number]);
    assert!(two.drop_gone_pens().unwrap().lines.is_empty());
    assert!(one.open_pen(Kind::Model).unwrap().number() > number);
    place.assert_good();
}

#[test]
fn a_child_that_inherits_the_lock_keeps_the_pen() {
    let place = Place::new(51);
    let mut appender = place.appender();
    let pen = appender.open_pen(Kind::Tool).unwrap();
    let number = pen.number();
    // The shell's own descriptor 9 is the pen's file; it says so and waits for its stdin to end.
    let mut child = Command::new("sh")
        .arg("-c")
        .arg(format!("exec 9</proc/{}/fd/{}; echo ready; cat", std::process::id(), pen.fd().as_raw_fd()))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut ready = [0; 6];
    child.stdout.as_mut().unwrap().read_exact(&mut ready).unwrap();
    // Opened anew through /proc it is no share of the lock: this child does not hold it.
    pen.leave();
    assert_eq!(appender.gone_pens().unwrap(), [number]);
    drop(child.stdin.take());
    child.wait().unwrap();
    let pen = appender.open_pen(Kind::Tool).unwrap();
    let number = pen.number();
    // Handed down as its stdout it is one.
    let mut child =
        Command::new("cat").stdin(Stdio::piped()).stdout(pen.fd().try_clone_to_owned().unwrap()).spawn().unwrap();
    pen.leave();
    assert!(!appender.gone_pens().unwrap().contains(&number));
    child.stdin.take().unwrap().write_all(b"").unwrap();
    child.wait().unwrap();
    assert!(appender.gone_pens().unwrap().contains(&number));
}

#[test]
fn numbers_go_on_where_log_and_folder_end() {
    let place = Place::new(52);
    let mut drafter = place.drafter.clone();
    let mut appender = place.appender();
    let first = appender.open_pen(Kind::Person).unwrap().number();
    assert_eq!(first, 2, "1 created the session");
    let far = Nib { number: 700, kind: Kind::Person };
    place.appender().append(far, &message(&mut drafter, "far")).unwrap();
    assert_eq!(appender.open_pen(Kind::Person).unwrap().number(), 701);
    std::fs::remove_dir_all(place.path.join("pens")).unwrap();
    assert_eq!(place.appender().open_pen(Kind::Person).unwrap().number(), 701, "the log alone knows 700");
}

#[test]
fn threads_that_open_pens_at_once_get_different_ones() {
    let place = Place::new(53);
    let mut numbers: Vec<u32> = std::thread::scope(|scope| {
        let all: Vec<_> = (0..4)
            .map(|_| {
                let mut appender = place.appender();
                scope.spawn(move || {
                    (0..20).map(|_| appender.open_pen(Kind::Filter).unwrap().number()).collect::<Vec<_>>()
                })
            })
            .collect();
        all.into_iter().flat_map(|t| t.join().unwrap()).collect()
    });
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), 80);
}

#[test]
fn a_pen_we_hold_can_be_given_up_with_a_record() {
    let place = Place::new(54);
    let mut appender = place.appender();
    let pen = appender.open_pen(Kind::Model).unwrap();
    let number = pen.number();
    assert_eq!(dropped(&appender.drop_pen(pen).unwrap().lines), [number]);
    assert!(!place.path.join("pens").join(number.to_string()).exists());
    assert!(appender.gone_pens().unwrap().is_empty());
}

#[test]
fn a_pen_that_left_nothing_open_can_be_forgotten() {
    let place = Place::new(55);
    let mut appender = place.appender();
    let pen = appender.open_pen(Kind::Model).unwrap();
    let number = pen.number();
    pen.leave();
    assert_eq!(appender.gone_pens().unwrap(), [number]);
    appender.forget_pen(number).unwrap();
    appender.forget_pen(number).unwrap();
    assert!(appender.drop_gone_pens().unwrap().lines.is_empty());
    assert!(appender.open_pen(Kind::Model).unwrap().number() > number);
}
