//! The rules of the record, the same for every store.

use std::collections::HashSet;
use std::time::Duration;

use ace_schema::draft::{blob_lines, control};
use ace_schema::{Drafter, Kind, Line, LineError, event, limits, ty};
use ace_storage::{AppendError, Appended, Clock, Follow, Nib, Store, Why, hex, sha256};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use serde_json::json;

use crate::session::{Place, assert_chain, created, drafter, memory, message, nib, read_lines};

/// Runs one test on both stores.
fn on_both(test: impl Fn(&mut dyn Any, &mut Drafter)) {
    let place = Place::new(1);
    let mut drafter = place.drafter.clone();
    test(&mut place.appender(), &mut drafter);
    let bytes = place.bytes();
    assert_chain(&bytes);
    place.assert_good();
    let (mut store, mut drafter) = memory(1);
    test(&mut store, &mut drafter);
    assert_eq!(store.lines().len(), bytes.len(), "both stores must keep the same");
}

/// A store without its follower's type.
trait Any {
    fn put(&mut self, pen: Nib, drafts: &[u8]) -> Result<Appended, AppendError>;
    fn lines(&self, from: u64, lines: usize) -> Vec<u8>;
}

impl<S: Store> Any for S {
    fn put(&mut self, pen: Nib, drafts: &[u8]) -> Result<Appended, AppendError> {
        self.append(pen, drafts)
    }
    fn lines(&self, from: u64, lines: usize) -> Vec<u8> {
        read_lines(&mut self.follow(from).unwrap(), lines)
    }
}

fn seqs(lines: &[u8]) -> Vec<u64> {
    ace_storage::split(lines).map(|l| Line::parse(l).unwrap().seq.unwrap()).collect()
}

/// The reason of the one refusal; nothing but a note of the keeper's may have been recorded.
fn only(done: &Appended) -> &Why {
    assert_eq!(done.refused.len(), 1, "{:?}", done.refused);
    for line in ace_storage::split(&done.lines) {
        assert_eq!(Line::parse(line).unwrap().ty, ty::LOG_REFUSED);
    }
    &done.refused[0].why
}

#[test]
fn a_batch_is_stamped_in_order_and_read_back_from_anywhere() {
    on_both(|store, drafter| {
        let mut batch = message(drafter, "one");
        batch.extend(message(drafter, "two"));
        let done = store.put(nib(Kind::Person), &batch).unwrap();
        assert_eq!((done.first_seq, done.last_seq), (3, 4));
        assert!(done.refused.is_empty() && done.dropped.is_empty());
        let all = store.lines(0, 4);
        assert_eq!(seqs(&all), [1, 2, 3, 4]);
        assert!(all.ends_with(&done.lines));
        for from in 1..=4 {
            assert_eq!(seqs(&store.lines(from, 5 - from as usize)), (from..=4).collect::<Vec<_>>());
        }
        let third = ace_storage::split(&all).nth(2).unwrap();
        let line = Line::parse(third).unwrap();
        assert_eq!((line.pen, line.after, line.turn), (Some(9), None, 0));
        assert_eq!(line.ts.len(), 24);
        let draft = ace_storage::split(&batch).next().unwrap();
        assert!(third.ends_with(&draft[1..]), "the draft's own bytes");
    });
}

#[test]
fn what_is_recorded_already_and_what_speaks_about_the_stream_is_left_alone() {
    on_both(|store, drafter| {
        let mut stream = store.lines(0, 2);
        stream.extend(control(ty::LOG_LIVE));
        stream.extend(message(drafter, "new"));
        stream.extend(control(ty::LOG_NONE));
        let done = store.put(nib(Kind::Person), &stream).unwrap();
        assert_eq!((done.first_seq, done.last_seq, done.refused.len()), (3, 3, 0));
        let done = store.put(nib(Kind::Person), &control(ty::LOG_LIVE)).unwrap();
        assert_eq!((done.first_seq, done.last_seq), (4, 3));
        assert_eq!(store.put(nib(Kind::Person), b"").unwrap().last_seq, 3);
    });
}

/// A bad line and what is said of it.
type Case = (Vec<u8>, fn(&Why) -> bool);

#[test]
fn a_bad_line_is_refused_and_the_rest_goes_on() {
    on_both(|store, drafter| {
        let good = message(drafter, "good");
        let long = message(drafter, &"x".repeat(limits::LINE_BYTES - limits::STAMP_BYTES));
        let huge = message(drafter, &"x".repeat(limits::LINE_BYTES));
        let text = String::from_utf8(message(drafter, "x")).unwrap();
        let cases: Vec<Case> = vec![
            (b"\n".to_vec(), |w| matches!(w, Why::Line(LineError::NotAnEvent(_)))),
            (b"hello\n".to_vec(), |w| matches!(w, Why::Line(LineError::NotAnEvent(_)))),
            (b"\xff\xfe\n".to_vec(), |w| matches!(w, Why::Line(LineError::NotAnEvent(_)))),
            (b"{}\n".to_vec(), |w| matches!(w, Why::Line(LineError::NotAnEvent(_)))),
            (text.replace("\"by\"", "\"later\":\"\u{1}\",\"by\"").into(), |w| {
                matches!(w, Why::Line(LineError::NotAnEvent(_)))
            }),
            ([&text.as_bytes()[..1], b"\"later\":\"\xff\",", &text.as_bytes()[1..]].concat(), |w| {
                matches!(w, Why::Line(LineError::NotAnEvent(_)))
            }),
            (format!("\u{feff}{text}").into(), |w| matches!(w, Why::Line(LineError::NotAnEvent(_)))),
            (text.replace("\"v\":1", "\"v\":2").into(), |w| matches!(w, Why::Line(LineError::Version(2)))),
            (long, |w| matches!(w, Why::Line(LineError::TooLong(_)))),
            (huge, |w| matches!(w, Why::Line(LineError::TooLong(_)))),
            (text.replace("\"session\":\"", "\"session\":\"x").into(), |w| matches!(w, Why::Session(_))),
            (text.replace("\"id\":\"", "\"id\":\"\",\"x\":\"").into(), |w| *w == Why::Id),
            (text.replace("\"id\":\"", &format!("\"id\":\"{}", "a".repeat(200))).into(), |w| *w == Why::Id),
            (text.replace("{\"v\"", "{\"ts\":\"\",\"v\"").into(), |w| *w == Why::Stamp),
            (text.replace("{\"v\"", "{\"prev\":\"\",\"v\"").into(), |w| *w == Why::Stamp),
            (text.replace("{\"v\"", "{\"pen\":1,\"v\"").into(), |w| *w == Why::Stamp),
            (text.replace("{\"v\"", "{\"p\\u0065n\":1,\"v\"").into(), |w| *w == Why::Stamp),
            (text.replace("{\"v\"", "{\"seq\":null,\"v\"").into(), |w| *w == Why::Stamp),
        ];
        let mut last = 2;
        for (bad, expected) in cases {
            let mut batch = bad.clone();
            let mut fresh = message(drafter, "after it");
            batch.append(&mut fresh);
            let done = store.put(nib(Kind::Person), &batch).unwrap();
            assert_eq!((done.refused.len(), done.last_seq), (1, last + 1), "{}", String::from_utf8_lossy(&bad));
            assert!(expected(&done.refused[0].why), "{:?}", done.refused);
            assert_eq!(done.refused[0].line, 0);
            last += 1;
        }
        assert_eq!(store.put(nib(Kind::Person), &good).unwrap().last_seq, last + 1);
    });
}

#[test]
fn an_array_of_the_right_values_is_no_line() {
    on_both(|store, drafter| {
        let line = json!([null, "", "", null, null, 1, "a-1", drafter.session(), 0, "", "x", "user.message", {}]);
        let done = store.put(nib(Kind::Person), format!("{line}\n").as_bytes()).unwrap();
        assert!(matches!(only(&done), Why::Line(_)));
    });
}

#[test]
fn a_repeated_id_is_refused_unless_anyone_may_draw_it() {
    on_both(|store, drafter| {
        let one = message(drafter, "one");
        let twice = [one.clone(), one.clone()].concat();
        let done = store.put(nib(Kind::Person), &twice).unwrap();
        assert_eq!((done.last_seq, done.refused.len()), (3, 1));
        assert_eq!(done.refused[0].why, Why::Repeated);
        assert_eq!(*only(&store.put(nib(Kind::Person), &one).unwrap()), Why::Repeated);
        let end = drafter.line("end-1", 1, "", ty::TURN_CANCELLED, &json!({}));
        let other = drafter.line("end-1", 1, "", ty::TURN_COMPLETED, &json!({}));
        assert_eq!(store.put(nib(Kind::Person), &end).unwrap().last_seq, 4);
        let done = store.put(nib(Kind::Step), &other).unwrap();
        assert_eq!((done.dropped, done.refused.len(), done.last_seq), (vec!["end-1".to_string()], 0, 4));
        let done = store.put(nib(Kind::Model), &other).unwrap();
        assert_eq!(*only(&done), Why::Kind(Kind::Model), "a repeat that was never allowed is refused");
    });
}

#[test]
fn a_derived_id_is_only_for_its_own_conclusions() {
    on_both(|store, drafter| {
        for (kind, id, ty) in [
            (Kind::Model, "answer-x", ty::MODEL_FAILED),
            (Kind::Tool, "end-1", ty::TOOL_FAILED),
            (Kind::Step, "turn-1", ty::TURN_COMPLETED),
            (Kind::Person, "ctx-1", ty::USER_MESSAGE),
            (Kind::Filter, "drop-1", "lint.found"),
        ] {
            let draft = drafter.line(id, 1, "", ty, &json!({}));
            assert_eq!(*only(&store.put(nib(kind), &draft).unwrap()), Why::Shape, "{id}");
        }
        let draft = drafter.line("close-x-1", 1, "", ty::TOOL_FAILED, &json!({}));
        assert!(store.put(nib(Kind::Tool), &draft).unwrap().refused.is_empty());
    });
}

#[test]
fn no_pen_writes_what_its_kind_may_not() {
    use Kind::{Chain, Filter, Import, Keeper, Model, Permit, Person, Step, Tool};
    on_both(|store, drafter| {
        for kind in [Keeper, Step, Model, Permit, Tool, Person, Filter, Chain, Import] {
            for event in event::EVENTS {
                if event.class == event::Class::Control || event.name == ty::SESSION_CREATED {
                    continue;
                }
                let (_, draft) = drafter.draft(1, "", event.name, &json!({}));
                let done = store.put(nib(kind), &draft).unwrap();
                let mut recorded = ace_storage::split(&done.lines).map(|l| Line::parse(l).unwrap().ty.into_owned());
                let taken = recorded.any(|ty| ty == event.name) || !done.chalk.is_empty();
                let noted = kind != Keeper && event.name == ty::LOG_REFUSED;
                assert_eq!(taken && !noted, kind.may(event.name), "{kind:?} {}", event.name);
                assert_eq!(done.refused.is_empty(), kind.may(event.name));
            }
        }
    });
}

#[test]
fn a_forged_decision_and_a_late_answer_are_refused_and_recorded() {
    on_both(|store, drafter| {
        let forged = drafter.line("answer-c-1", 1, "c-1", ty::PERMISSION_RESOLVED, &json!({"decision": "allow"}));
        let done = store.put(nib(Kind::Tool), &forged).unwrap();
        assert_eq!(*only(&done), Why::Kind(Kind::Tool));
        let text = String::from_utf8(done.lines).unwrap();
        assert!(text.contains(r#""type":"log.refused""#) && text.contains(r#""pen":0"#), "{text}");
        assert!(text.contains(r#""id":"answer-c-1","type":"permission.resolved""#), "{text}");
        // The forgery has not taken the id: the person's own answer still counts, and a second one comes too late.
        let said = store.put(nib(Kind::Person), &forged).unwrap();
        assert!(said.refused.is_empty() && said.dropped.is_empty(), "{said:?}");
        let late = store.put(nib(Kind::Person), &forged).unwrap();
        assert_eq!(late.dropped, ["answer-c-1"]);
        assert!(String::from_utf8(late.lines).unwrap().contains("answered before"));
    });
}

#[test]
fn one_record_creates_a_session_and_it_is_the_first() {
    on_both(|store, drafter| {
        let again = created(drafter, "again");
        assert_eq!(*only(&store.put(nib(Kind::Person), &again).unwrap()), Why::Creation);
    });
    let mut drafter = drafter(5);
    let mut store = ace_storage::Memory::new(drafter.session(), Clock::fixed(0, 1));
    let first = message(&mut drafter, "too early");
    assert_eq!(*only(&store.append(nib(Kind::Person), &first).unwrap()), Why::Creation);
}

#[test]
fn chalk_is_stamped_with_what_stands_before_it_and_never_recorded() {
    on_both(|store, drafter| {
        let mut batch = drafter.draft(1, "", ty::MODEL_DELTA, &json!({"text":"a"})).1;
        batch.extend(drafter.draft(1, "", ty::MODEL_REQUESTED, &json!({})).1);
        batch.extend(drafter.draft(1, "", ty::MODEL_DELTA, &json!({"text":"b"})).1);
        let done = store.put(nib(Kind::Model), &batch).unwrap();
        assert_eq!(seqs(&done.lines), [3]);
        let after: Vec<_> = ace_storage::split(&done.chalk).map(|l| Line::parse(l).unwrap().after).collect();
        assert_eq!(after, [Some(2), Some(3)]);
        let mut forged = batch[..batch.len() - 1].to_vec();
        forged.splice(..1, *b"{\"after\":7,");
        let done = store.put(nib(Kind::Model), ace_storage::split(&forged).next().unwrap()).unwrap();
        assert_eq!((done.chalk.len(), only(&done)), (0, &Why::Stamp));
    });
}

#[test]
fn a_record_is_refused_room_and_taken_when_there_is_room() {
    let (mut store, mut drafter) = memory(3);
    let draft = message(&mut drafter, "big");
    store.set_room(store.lines().len() + 10);
    assert!(matches!(store.append(nib(Kind::Person), &draft), Err(AppendError::Full { kept: 2 })));
    store.set_room(usize::MAX);
    assert_eq!(store.append(nib(Kind::Person), &draft).unwrap().last_seq, 3, "the id is free again");
    assert_chain(&store.lines());
}

#[test]
fn blobs_arrive_in_parts_over_several_batches() {
    let place = Place::new(4);
    let mut appender = place.appender();
    let (mut store, _) = memory(4);
    let bytes = vec![7_u8; 100_000];
    let sha = hex(&sha256(&bytes));
    let lines = blob_lines(&sha, &bytes, |b| STANDARD.encode(b));
    assert_eq!(lines.len(), 3);
    for (at, line) in lines.iter().enumerate() {
        for store in [&mut appender as &mut dyn Any, &mut store] {
            let done = store.put(nib(Kind::Tool), line).unwrap();
            assert_eq!((done.refused.len(), done.blobs, done.last_seq), (0, usize::from(at == 2), 2));
        }
        assert_eq!(place.home.blobs().has(&sha), at == 2);
    }
    assert_eq!(place.home.blobs().get(&sha).unwrap(), bytes);
    assert_eq!(store.blob(&sha).unwrap(), bytes);
    for store in [&mut appender as &mut dyn Any, &mut store] {
        let bad = br#"{"type":"log.blob","sha":"x","part":0,"of":1,"data":""}"#;
        assert!(matches!(only(&store.put(nib(Kind::Tool), bad).unwrap()), Why::Blob(_)));
        let bad = br#"{"type":"log.blob"}"#;
        assert!(matches!(only(&store.put(nib(Kind::Tool), bad).unwrap()), Why::Blob(_)));
    }
}

fn many_writers<S: Store + Send>(stores: Vec<S>, drafter: &Drafter) -> Vec<u8> {
    const EACH: usize = 40;
    let writers = stores.len();
    let mut follower = stores[0].follow(0).unwrap();
    std::thread::scope(|scope| {
        for (n, mut store) in stores.into_iter().enumerate() {
            let mut own = Drafter::new("test", 100 + n as u64);
            own.set_session(drafter.session());
            scope.spawn(move || {
                for text in 0..EACH {
                    let batch = [message(&mut own, &text.to_string()), message(&mut own, "and")].concat();
                    let done = store.append(nib(Kind::Person), &batch).unwrap();
                    assert_eq!(done.last_seq, done.first_seq + 1, "a batch stays together");
                }
            });
        }
        read_lines(&mut follower, 2 + writers * EACH * 2)
    })
}

#[test]
fn many_writers_make_one_gapless_order() {
    let place = Place::new(6);
    let read = many_writers((0..6).map(|_| place.appender()).collect(), &place.drafter);
    assert_eq!(read, place.bytes());
    let ids = assert_chain(&read);
    assert_eq!(ids.len(), 2 + 6 * 80);
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len());
    place.assert_good();
    let (store, drafter) = memory(6);
    let read = many_writers((0..6).map(|_| store.clone()).collect(), &drafter);
    assert_eq!(assert_chain(&read).len(), 2 + 6 * 80);
}

#[test]
fn a_follower_from_beyond_the_end_waits_for_it() {
    on_both(|store, drafter| {
        store.put(nib(Kind::Person), &message(drafter, "three")).unwrap();
    });
    let place = Place::new(7);
    let mut drafter = place.drafter.clone();
    let mut appender = place.appender();
    let mut follower = place.log().follow(4).unwrap();
    assert!(follower.read().unwrap().is_empty());
    assert!(!Follow::wait(&mut follower, Duration::from_millis(20)).unwrap());
    for _ in 0..2 {
        appender.append(nib(Kind::Person), &message(&mut drafter, "more")).unwrap();
    }
    assert_eq!(seqs(&read_lines(&mut follower, 1)), [4]);
}

#[test]
fn e04_the_order_holds_whatever_the_clock_does() {
    for step in [-3_600_000, 0, 315_000_000_000] {
        let place = Place::new(8);
        let mut drafter = place.drafter.clone();
        let mut appender = place.log().append(Clock::fixed(crate::session::TIME + 1000, step)).unwrap();
        for n in 0..5 {
            appender.append(nib(Kind::Person), &message(&mut drafter, &n.to_string())).unwrap();
        }
        assert_chain(&place.bytes());
        let report = place.assert_good();
        assert_eq!((report.lines, report.clock_set_back > 0), (7, step < 0));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_draft_keeps_every_byte_behind_its_stamp(
        text in any::<String>(),
        before in "[ \t\r]{0,3}",
        inside in "[ \t\r]{0,3}",
        behind in "[ \t\r]{0,3}",
        name in "[a-z]{1,8}\\.[a-z]{1,8}",
        extra in any::<f64>(),
    ) {
        let (mut store, mut drafter) = memory(11);
        let (_, draft) = drafter.draft(3, "c-1", &name, &json!({"text": text, "n": extra}));
        let body = &draft[1..draft.len() - 1];
        let line = [before.as_bytes(), b"{", inside.as_bytes(), body, behind.as_bytes()].concat();
        let done = store.append(nib(Kind::Filter), &line).unwrap();
        prop_assert!(done.refused.is_empty(), "{:?}", done.refused);
        let kept = [inside.as_bytes(), body, behind.as_bytes(), b"\n"].concat();
        prop_assert!(done.lines.ends_with(&kept));
        let read = Line::parse(&done.lines[..done.lines.len() - 1]).unwrap();
        prop_assert_eq!((read.seq, read.pen, read.turn), (Some(3), Some(9), 3));
        assert_chain(&store.lines());
    }

    #[test]
    fn no_bytes_break_the_store(bytes in proptest::collection::vec(any::<u8>(), 0..400), cut in 0_usize..300) {
        let (mut store, mut drafter) = memory(12);
        store.append(nib(Kind::Import), &bytes).unwrap();
        let draft = message(&mut drafter, "x");
        store.append(nib(Kind::Import), &draft[..cut.min(draft.len())]).unwrap();
        let mut mixed = draft.clone();
        let at = cut.min(mixed.len());
        mixed.splice(at..at, bytes);
        store.append(nib(Kind::Import), &mixed).unwrap();
        assert_chain(&store.lines());
    }
}
