//! The fold, told as short logs: each test writes records and asks what is due.

use crate::{Due, End, State, Transcript, TurnEnd};
use ace_schema::Line;
use ace_schema::message::{Image, Kept, Message};
use std::fmt::Write;

/// A log in the making: `pen type id cause data`, numbered as they come.
#[derive(Default)]
struct Log(Vec<String>);

impl Log {
    fn add(mut self, pen: u32, turn: u32, ty: &str, id: &str, cause: &str, data: &str) -> Self {
        let seq = self.0.len() + 1;
        self.0.push(format!(
            r#"{{"seq":{seq},"ts":"","prev":"","pen":{pen},"v":1,"id":"{id}","session":"s","turn":{turn},"cause":"{cause}","by":"t","type":"{ty}","data":{data}}}"#
        ));
        self
    }

    fn state(&self) -> State {
        let mut state = State::new();
        for line in &self.0 {
            state.fold(&Line::parse(line.as_bytes()).unwrap());
        }
        state
    }

    fn messages(&self) -> Vec<Message> {
        let mut transcript = Transcript::new();
        for line in &self.0 {
            transcript.fold(&Line::parse(line.as_bytes()).unwrap(), &|_| None);
        }
        transcript.messages().to_vec()
    }

    /// What is due, one word each.
    fn due(&self) -> String {
        let mut out = String::new();
        for due in self.state().due() {
            let _ = match due {
                Due::Turn { n, message } => write!(out, "turn {n} on {message}; "),
                Due::Context { cause, .. } => write!(out, "context after {cause}; "),
                Due::End { end: End::Completed, cause, .. } => write!(out, "complete by {cause}; "),
                Due::End { end: End::Failed(code, ..), .. } => write!(out, "fail {code:?}; "),
                Due::Reserve { context, .. } => write!(out, "reserve {context}; "),
                Due::Ask { context, .. } => write!(out, "ask {context}; "),
                Due::Decide { call, .. } => write!(out, "decide {}; ", call.id),
                Due::Run { call, .. } => write!(out, "run {}; ", call.id),
                Due::Check { answer, repairs, .. } => write!(out, "check {answer} after {repairs}; "),
                Due::Compact { answer, .. } => write!(out, "compact by {answer}; "),
                Due::Close { claim, .. } => write!(out, "close {claim}; "),
                Due::Vet { message } => write!(out, "vet {message}; "),
                Due::Try { wanted, .. } => write!(out, "try by {wanted}; "),
                Due::Hear { answer, .. } => write!(out, "hear {answer}; "),
            };
        }
        out.trim_end_matches("; ").to_owned()
    }
}

fn asked() -> Log {
    Log::default()
        .add(1, 0, "session.created", "p-1", "", r#"{"name":"n","cwd":"/w","model":"a/b","mode":"auto"}"#)
        .add(1, 0, "user.message", "p-2", "", r#"{"text":"go"}"#)
        .add(2, 1, "turn.started", "turn-1", "p-2", "{}")
        .add(2, 1, "context.built", "ctx-turn-1", "turn-1", r#"{"system":"x","ranges":[[1]],"model":"a/b"}"#)
}

/// The same with a budget.
fn limited() -> Log {
    let mut log = asked();
    log.0[0] = log.0[0].replace(r#""mode":"auto""#, r#""mode":"auto","limits":{"money":5000}"#);
    log
}

#[test]
fn where_limits_hold_nobody_asks_before_something_is_set_aside() {
    assert_eq!(limited().due(), "reserve ctx-turn-1");
    let reserve = |log: Log, cause: &str| {
        log.add(7, 1, "budget.reserved", "hold-ctx-turn-1", cause, r#"{"money":900,"tokens":80,"output":40}"#)
    };
    assert_eq!(reserve(limited(), "ctx-turn-0").due(), "reserve ctx-turn-1", "that of another context is none");
    let reserved = reserve(limited(), "ctx-turn-1");
    assert_eq!(reserved.due(), "ask ctx-turn-1");
    assert_eq!(reserved.state().claims.len(), 1, "it is held until the call takes its place");
    let under_way = reserved.add(3, 1, "model.requested", "m-1", "ctx-turn-1", "{}");
    assert_eq!((under_way.due().as_str(), under_way.state().claims.len()), ("", 1));
    let answered = under_way.add(3, 1, "model.completed", "a-1", "m-1", r#"{"stop":"end"}"#);
    assert_eq!((answered.due().as_str(), answered.state().claims.len()), ("complete by a-1", 0));
    // A session without limits never waits for it.
    assert_eq!(asked().due(), "ask ctx-turn-1");
}

#[test]
fn what_cannot_be_set_aside_ends_the_turn_before_anybody_asks() {
    let exceeded = |log: Log| {
        log.add(7, 1, "budget.exceeded", "hold-ctx-turn-1", "ctx-turn-1", r#"{"limit":"money","allowed":5,"used":5}"#)
    };
    assert_eq!(exceeded(limited()).due(), "fail Limit");
    let claimed = limited().add(7, 1, "budget.reserved", "hold-x", "ctx-turn-1", r#"{"money":1,"tokens":1}"#).add(
        3,
        1,
        "model.requested",
        "m-1",
        "ctx-turn-1",
        "{}",
    );
    assert_eq!(exceeded(claimed).due(), "", "what was asked goes on");
    let other =
        limited().add(7, 1, "budget.exceeded", "hold-y", "ctx-turn-0", r#"{"limit":"money","allowed":5,"used":5}"#);
    assert_eq!(other.due(), "reserve ctx-turn-1");
}

#[test]
fn a_reservation_whose_holder_is_gone_is_made_anew_for_a_new_context() {
    let gone = limited()
        .add(7, 1, "budget.reserved", "hold-ctx-turn-1", "ctx-turn-1", r#"{"money":900,"tokens":80}"#)
        .add(0, 0, "pen.dropped", "drop-7", "", r#"{"pen":7}"#);
    assert_eq!(gone.due(), "close hold-ctx-turn-1", "nobody asks on what others may have had since");
    let released = gone.add(8, 1, "budget.released", "close-hold-ctx-turn-1", "hold-ctx-turn-1", "{}");
    assert_eq!(released.due(), "context after close-hold-ctx-turn-1");
    let late = released.add(3, 1, "model.requested", "m-1", "ctx-turn-1", "{}");
    assert_eq!(late.due(), "context after close-hold-ctx-turn-1", "a claim that comes too late is none");
    let again = late.add(
        2,
        1,
        "context.built",
        "ctx-2",
        "close-hold-ctx-turn-1",
        r#"{"system":"x","ranges":[[1]],"model":"a/b"}"#,
    );
    assert_eq!(again.due(), "reserve ctx-2");
}

#[test]
fn a_turn_that_ends_lets_go_of_what_was_set_aside() {
    let cancelled = limited()
        .add(7, 1, "budget.reserved", "hold-ctx-turn-1", "ctx-turn-1", r#"{"money":900,"tokens":80}"#)
        .add(1, 1, "turn.cancelled", "end-1", "turn-1", "{}");
    assert!(cancelled.state().is_settled());
}

fn claimed() -> Log {
    asked().add(3, 1, "model.requested", "m-1", "ctx-turn-1", "{}")
}

fn called(tools: &[&str]) -> Log {
    let mut log = claimed();
    for (i, tool) in tools.iter().enumerate() {
        let data = format!(r#"{{"tool":"{tool}","args":{{"n":{i}}}}}"#);
        log = log.add(3, 1, "model.tool_call_requested", &format!("m-c{i}"), "m-1", &data);
    }
    log.add(3, 1, "model.completed", "m-9", "m-1", r#"{"stop":"tools","calls":1}"#)
}

fn decide(log: Log, call: &str, decision: &str) -> Log {
    let digest = log.state().call(call).unwrap().digest.clone();
    let data = format!(r#"{{"decision":"{decision}","who":"rule","digest":"{digest}","why":"w"}}"#);
    log.add(4, 1, "permission.resolved", &format!("answer-{call}"), call, &data)
}

#[test]
fn a_message_leads_through_turn_and_context_to_a_request() {
    let two = Log(asked().0[..2].to_vec());
    assert_eq!(two.due(), "turn 1 on p-2");
    assert_eq!(Log(asked().0[..3].to_vec()).due(), "context after turn-1");
    assert_eq!(asked().due(), "ask ctx-turn-1");
    assert_eq!(claimed().due(), "");
}

#[test]
fn a_rivals_claim_is_not_tracked_and_clears_nothing() {
    let log = claimed().add(7, 1, "model.requested", "r-1", "ctx-turn-1", "{}");
    assert_eq!(log.state().claims.len(), 1);
    let log = log.add(7, 1, "model.completed", "r-2", "r-1", r#"{"stop":"end"}"#);
    assert_eq!(log.due(), "");
    let log = log.add(3, 1, "model.completed", "m-2", "m-1", r#"{"stop":"end"}"#);
    assert_eq!(log.due(), "complete by m-2");
}

#[test]
fn calls_are_due_only_when_their_answer_is_recorded() {
    let cut = claimed().add(3, 1, "model.tool_call_requested", "m-c0", "m-1", r#"{"tool":"shell","args":{}}"#);
    assert_eq!(cut.due(), "");
    let failed = cut.add(3, 1, "model.failed", "m-2", "m-1", r#"{"code":"cut"}"#);
    assert_eq!(failed.due(), "fail Cut");
    assert!(failed.state().calls().next().is_none());
}

#[test]
fn reading_calls_run_together_and_writing_ones_in_order() {
    let log = called(&["read", "glob", "shell", "read"]);
    assert_eq!(log.due(), "decide m-c0; decide m-c1; decide m-c2; decide m-c3");
    let log = ["m-c0", "m-c1", "m-c2", "m-c3"].iter().fold(log, |l, c| decide(l, c, "allow"));
    assert_eq!(log.due(), "run m-c0; run m-c1");
    let log = log
        .add(5, 1, "tool.started", "t-1", "answer-m-c0", "{}")
        .add(5, 1, "tool.completed", "t-2", "t-1", r#"{"sandbox":"x"}"#)
        .add(5, 1, "tool.started", "t-3", "answer-m-c1", "{}");
    assert_eq!(log.due(), "");
    let log = log.add(5, 1, "tool.failed", "t-4", "t-3", r#"{"code":"not_found","message":"no"}"#);
    assert_eq!(log.due(), "run m-c2");
}

#[test]
fn a_denied_call_is_closed_and_the_next_context_follows_the_answer() {
    let log = decide(called(&["shell"]), "m-c0", "deny");
    assert_eq!(log.due(), "context after m-9");
    let Message::Result { text, .. } = &log.messages()[2] else { panic!() };
    assert_eq!(text, "refused: w");
}

#[test]
fn a20_a_decision_over_other_arguments_allows_nothing() {
    let log = called(&["shell"]).add(
        4,
        1,
        "permission.resolved",
        "answer-m-c0",
        "m-c0",
        r#"{"decision":"allow","who":"x","digest":"00"}"#,
    );
    assert_eq!(log.due(), "context after m-9");
}

#[test]
fn a_call_whose_runner_is_gone_is_closed_as_unknown_and_never_run_again() {
    let log = decide(called(&["shell"]), "m-c0", "allow").add(5, 1, "tool.started", "t-1", "answer-m-c0", "{}");
    let log = log.add(0, 0, "pen.dropped", "drop-5", "", r#"{"pen":5}"#);
    assert_eq!(log.due(), "close t-1");
    let log = log.add(6, 1, "tool.failed", "close-t-1", "t-1", r#"{"code":"interrupted","message":""}"#);
    assert_eq!(log.due(), "context after m-9");
    let Message::Result { text, .. } = &log.messages()[2] else { panic!() };
    assert!(text.contains("unknown whether it ran"), "{text}");
}

#[test]
fn an_interrupted_request_is_asked_again_a_bounded_number_of_times() {
    let mut log = claimed();
    for i in 0..ace_schema::limits::INTERRUPTED_RETRIES {
        let (claim, closing) = if i == 0 {
            ("m-1".to_owned(), "close-m-1".to_owned())
        } else {
            (format!("n-{i}"), format!("close-n-{i}"))
        };
        if i > 0 {
            let cause = log.due().replace("context after ", "");
            let ctx = format!("ctx-{cause}");
            log = log.add(2, 1, "context.built", &ctx, &cause, r#"{"system":"x","ranges":[[1]],"model":"a/b"}"#).add(
                3,
                1,
                "model.requested",
                &claim,
                &ctx,
                "{}",
            );
        }
        log = log.add(3, 1, "model.failed", &closing, &claim, r#"{"code":"interrupted","text":"half"}"#);
        assert_eq!(log.due(), format!("context after {closing}"));
    }
    let cause = log.due().replace("context after ", "");
    let log = log
        .add(2, 1, "context.built", "ctx-z", &cause, r#"{"system":"x","ranges":[[1]],"model":"a/b"}"#)
        .add(3, 1, "model.requested", "z-1", "ctx-z", "{}")
        .add(3, 1, "model.failed", "z-2", "z-1", r#"{"code":"interrupted"}"#);
    assert_eq!(log.due(), "fail Interrupted");
}

#[test]
fn cancel_leaves_claims_to_their_owners_and_the_turn_settles_after_them() {
    let log = claimed().add(1, 1, "turn.cancelled", "end-1", "p-2", "{}");
    let state = log.state();
    assert!(state.turn.is_none() && !state.is_settled());
    assert_eq!(state.ended, Some(TurnEnd::Cancelled));
    let log = log.add(3, 1, "model.failed", "m-2", "m-1", r#"{"code":"cancelled","text":"I was say"}"#).add(
        1,
        0,
        "user.message",
        "p-3",
        "",
        r#"{"text":"other"}"#,
    );
    assert_eq!(log.due(), "turn 2 on p-3");
    let log = log.add(2, 2, "turn.started", "turn-2", "p-3", "{}");
    let said: Vec<Message> = log.messages();
    assert_eq!(said[1], Message::Assistant { text: "I was say".into(), calls: vec![], kept: None });
    assert_eq!(said[2], Message::User("other".into()));
}

#[test]
fn a_queued_message_waits_and_a_steering_one_joins_the_next_context() {
    let log = called(&["read"]).add(1, 0, "user.message", "p-3", "", r#"{"text":"later"}"#).add(
        1,
        0,
        "user.message",
        "p-4",
        "",
        r#"{"text":"sooner","now":true}"#,
    );
    let log = decide(log, "m-c0", "deny").add(
        2,
        1,
        "context.built",
        "ctx-m-9",
        "m-9",
        r#"{"system":"x","ranges":[[1]],"model":"a/b"}"#,
    );
    assert_eq!(log.messages().last(), Some(&Message::User("sooner".into())));
    let log = log
        .add(3, 1, "model.requested", "m-10", "ctx-m-9", "{}")
        .add(3, 1, "model.completed", "m-11", "m-10", r#"{"stop":"end","parts":[{"text":"ok"}]}"#)
        .add(2, 1, "turn.completed", "end-1", "m-11", "{}");
    assert_eq!(log.due(), "turn 2 on p-3");
}

#[test]
fn a_message_that_came_too_late_to_steer_gets_its_own_turn_in_both_folds() {
    let log = claimed()
        .add(1, 0, "user.message", "p-4", "", r#"{"text":"late","now":true}"#)
        .add(3, 1, "model.completed", "m-2", "m-1", r#"{"stop":"end","parts":[{"text":"ok"}]}"#)
        .add(2, 1, "turn.completed", "end-1", "m-2", "{}");
    assert_eq!(log.due(), "turn 2 on p-4");
    let log = log.add(2, 2, "turn.started", "turn-2", "p-4", "{}");
    assert_eq!(log.messages().last(), Some(&Message::User("late".into())));
}

#[test]
fn the_limit_of_answers_ends_the_turn_before_the_next_request() {
    let mut log = decide(called(&["shell"]), "m-c0", "deny");
    log.0[0] = log.0[0].replace(r#""mode":"auto""#, r#""mode":"auto","limits":{"answers":1}"#);
    assert_eq!(log.due(), "fail Limit");
}

#[test]
fn messages_of_a_context_are_a_prefix_of_the_next_ones() {
    let log = decide(called(&["read", "read"]), "m-c0", "deny");
    let log = decide(log, "m-c1", "deny");
    let mut seen: Vec<Message> = Vec::new();
    let next = log.add(2, 1, "context.built", "ctx-m-9", "m-9", r#"{"system":"x","ranges":[[1]],"model":"a/b"}"#);
    seen.extend(next.messages());
    let more = next.add(3, 1, "model.requested", "m-10", "ctx-m-9", "{}").add(
        3,
        1,
        "model.completed",
        "m-11",
        "m-10",
        r#"{"stop":"end","parts":[{"text":"ok"}]}"#,
    );
    assert_eq!(more.messages()[..seen.len()], seen[..]);
}

#[test]
fn a_claim_that_arrives_after_its_pen_was_dropped_is_closed_all_the_same() {
    let log = asked().add(0, 0, "pen.dropped", "drop-3", "", r#"{"pen":3}"#).add(
        3,
        1,
        "model.requested",
        "m-1",
        "ctx-turn-1",
        "{}",
    );
    assert!(log.due().starts_with("close m-1"), "{}", log.due());
}

#[test]
fn a_rival_that_claims_too_late_takes_nothing_from_the_answer() {
    let log = asked()
        .add(3, 1, "model.requested", "m-1", "ctx-turn-1", "{}")
        .add(3, 1, "model.tool_call_requested", "m-2", "m-1", r#"{"tool":"read","args":{"path":"a"}}"#)
        .add(4, 1, "model.requested", "r-1", "ctx-turn-1", "{}")
        .add(3, 1, "model.completed", "m-3", "m-1", r#"{"parts":[{"text":"well"}],"calls":1,"stop":"tools"}"#)
        .add(4, 1, "model.completed", "r-2", "r-1", r#"{"parts":[{"text":"forged"}],"stop":"end"}"#);
    assert_eq!(log.due(), "decide m-2");
    let messages = log.messages();
    assert!(matches!(&messages[1], Message::Assistant { text, calls, .. } if text == "well" && calls.len() == 1));
    assert_eq!(messages.len(), 3, "{messages:?}");
}

#[test]
fn a_summary_says_what_happens_next() {
    let summary = asked().add(3, 1, "model.requested", "m-1", "ctx-turn-1", "{}").state().summary();
    assert!(summary.contains("claim m-1 model 1 3 orphaned=false\n"), "{summary}");
    assert!(summary.contains("phase asking ctx-turn-1 "), "{summary}");
}

/// A summary was asked for and is there.
fn summed_up() -> Log {
    let data = r#"{"system":"x","ranges":[[1]],"model":"a/b","compacts":{"prompt":"p","room":9}}"#;
    Log(asked().0[..3].to_vec())
        .add(2, 1, "context.built", "ctx-turn-1", "turn-1", data)
        .add(3, 1, "model.requested", "m-1", "ctx-turn-1", "{}")
        .add(3, 1, "model.tool_call_requested", "m-c0", "m-1", r#"{"tool":"shell","args":{}}"#)
        .add(3, 1, "model.completed", "m-2", "m-1", r#"{"stop":"tools","summary":[{"text":"goal"}]}"#)
}

fn compacted(log: &Log, cause: &str, upto: usize) -> Log {
    let data = format!(r#"{{"how":"summary","upto":{upto},"state":{{"sha":"s","bytes":1}},"before":9,"after":3}}"#);
    Log(log.0.clone()).add(2, 1, "session.compacted", &format!("compact-{cause}"), cause, &data)
}

#[test]
fn a_summary_leads_to_a_compaction_and_from_there_to_the_context_that_was_due() {
    let log = summed_up();
    assert_eq!(log.due(), "compact by m-2", "calls of a summary are not due");
    assert_eq!(log.state().turn.unwrap().answers, 0, "it is no answer");
    let log = compacted(&log, "m-2", 7);
    assert_eq!(log.due(), "context after compact-m-2");
    assert_eq!((log.state().compacted(), log.state().turn.unwrap().length()), (8, crate::Length::Least));
}

#[test]
fn a_compaction_that_comes_too_late_changes_nothing() {
    // The context was quicker, and a rival trims what it was built from.
    let late = compacted(&asked(), "turn-1", 3);
    assert_eq!((late.due(), late.state().compacted()), ("ask ctx-turn-1".to_owned(), 0));
    // The turn was cancelled.
    let cancelled = compacted(&summed_up().add(1, 1, "turn.cancelled", "end-1", "turn-1", "{}"), "m-2", 7);
    assert_eq!((cancelled.due(), cancelled.state().compacted()), (String::new(), 0));
}

#[test]
fn too_long_for_the_provider_is_told_once_and_then_ends_the_turn() {
    let failed = |log: Log, id: &str, claim: &str| log.add(3, 1, "model.failed", id, claim, r#"{"code":"context"}"#);
    let log = failed(claimed(), "m-2", "m-1");
    assert_eq!(log.due(), "context after m-2");
    assert_eq!(log.state().turn.unwrap().length(), crate::Length::TooLong);
    let log = compacted(&log, "m-2", 6)
        .add(2, 1, "context.built", "ctx-c", "compact-m-2", r#"{"system":"x","ranges":[[7]],"model":"a/b"}"#)
        .add(3, 1, "model.requested", "m-3", "ctx-c", "{}");
    assert_eq!(failed(log, "m-4", "m-3").due(), "fail Context");
}

#[test]
fn an_order_to_compact_is_a_turn_of_its_own_and_no_part_of_the_conversation() {
    let log = Log(asked().0[..1].to_vec())
        .add(1, 0, "user.message", "p-2", "", r#"{"text":"the names","compact":true,"now":true}"#)
        .add(2, 1, "turn.started", "turn-1", "p-2", "{}");
    assert_eq!(log.due(), "context after turn-1");
    assert_eq!(log.state().turn.unwrap().length(), crate::Length::Ordered);
    assert!(log.messages().is_empty());
    let done = compacted(&log, "turn-1", 3);
    assert_eq!(done.due(), "complete by compact-turn-1");
}

/// A running turn with a message that waits behind it.
fn behind() -> Log {
    asked().add(1, 0, "user.message", "p-3", "", r#"{"text":"and then"}"#)
}

#[test]
fn a_message_that_waits_may_steer_the_turn_that_runs() {
    let end = |log: Log| {
        log.add(3, 1, "model.requested", "m-1", "ctx-turn-1", "{}")
            .add(3, 1, "model.tool_call_requested", "m-2", "m-1", r#"{"tool":"read","args":{}}"#)
            .add(3, 1, "model.completed", "m-3", "m-1", r#"{"stop":"tools","calls":1}"#)
            .add(4, 1, "permission.resolved", "answer-m-2", "m-2", r#"{"decision":"deny","who":"rule","digest":""}"#)
            .add(2, 1, "context.built", "ctx-m-3", "m-3", r#"{"system":"x","ranges":[[1]],"model":"a/b"}"#)
    };
    let steered = end(behind().add(1, 0, "message.steered", "p-4", "p-3", "{}"));
    assert_eq!(steered.messages().last(), Some(&Message::User("and then".into())));
    assert!(steered.state().waiting.is_empty());
    let waits = end(behind());
    assert_ne!(waits.messages().last(), Some(&Message::User("and then".into())));
    assert_eq!(waits.state().waiting.len(), 1);
    // Too late: the turn has ended, and the message begins the next one.
    let late =
        behind().add(1, 1, "turn.cancelled", "end-1", "turn-1", "{}").add(1, 0, "message.steered", "p-4", "p-3", "{}");
    assert_eq!((late.due(), late.state().waiting[0].now), ("turn 2 on p-3".to_owned(), false));
}

#[test]
fn a_message_that_is_taken_back_begins_no_turn_and_uses_up_its_number() {
    let back = behind().add(1, 0, "message.withdrawn", "turn-2", "p-3", "{}");
    assert!(back.state().waiting.is_empty());
    let next = back.add(1, 1, "turn.cancelled", "end-1", "turn-1", "{}").add(
        1,
        0,
        "user.message",
        "p-5",
        "",
        r#"{"text":"x"}"#,
    );
    assert_eq!(next.due(), "turn 3 on p-5");
    assert_eq!((next.state().turns, next.state().ordinal), (1, 2));
    // A context that was drawn for the turn that did not begin means nothing.
    let void =
        next.add(2, 2, "context.built", "ctx-turn-2", "turn-2", r#"{"system":"y","ranges":[[1]],"model":"a/b"}"#);
    assert_eq!(void.due(), "turn 3 on p-5");
    let begun = void.add(2, 3, "turn.started", "turn-3", "p-5", "{}");
    assert_eq!(begun.due(), "context after turn-3");
    assert_eq!(begun.messages().len(), 2, "{:?}", begun.messages());
}

#[test]
fn a_steering_message_can_be_taken_back_until_a_context_has_it() {
    let back = behind()
        .add(1, 0, "message.steered", "p-4", "p-3", "{}")
        .add(1, 0, "message.withdrawn", "turn-2", "p-3", "{}")
        .add(1, 1, "turn.cancelled", "end-1", "turn-1", "{}");
    assert!(back.state().waiting.is_empty() && back.state().is_settled());
}

/// One whole turn that says something: message, start, context, claim, answer, end.
fn turn(mut log: Log, n: u32, text: &str) -> Log {
    let (m, t, c, r, a, e) = (
        format!("u-{n}"),
        format!("turn-{n}"),
        format!("ctx-turn-{n}"),
        format!("m-{n}"),
        format!("a-{n}"),
        format!("end-{n}"),
    );
    log = log.add(1, 0, "user.message", &m, "", &format!(r#"{{"text":"{text}"}}"#));
    log = log.add(2, n, "turn.started", &t, &m, "{}");
    log = log.add(2, n, "context.built", &c, &t, r#"{"system":"x","ranges":[[1]],"model":"a/b"}"#);
    log = log.add(3, n, "model.requested", &r, &c, "{}");
    let answer = format!(r#"{{"parts":[{{"text":"re {text}"}}],"stop":"end"}}"#);
    log = log.add(3, n, "model.completed", &a, &r, &answer);
    log.add(2, n, "turn.completed", &e, &a, "{}")
}

fn created() -> Log {
    let data = r#"{"name":"n","cwd":"/w","model":"a/b","mode":"auto"}"#;
    Log::default().add(1, 0, "session.created", "p-1", "", data)
}

fn back(log: Log, to: u64) -> Log {
    let id = format!("r-{}", log.0.len());
    log.add(1, 0, "session.rewound", &id, "", &format!(r#"{{"to":{to},"tree":"t{to}"}}"#))
}

fn said(log: &Log) -> Vec<String> {
    let text = |m: Message| match m {
        Message::User(said) => said.text,
        Message::Assistant { text, .. } | Message::Result { text, .. } => text,
    };
    log.messages().into_iter().map(text).collect()
}

#[test]
fn after_a_way_back_what_lies_between_counts_no_more() {
    let log = turn(turn(created(), 1, "one"), 2, "two");
    let state = log.state();
    assert_eq!(state.before_last_turn(), Some(7));
    let log = back(log, 7);
    let state = log.state();
    assert_eq!((state.turns, state.tree.as_str()), (2, "t7"));
    assert_eq!(state.ended, Some(TurnEnd::Completed));
    assert_eq!(state.before_last_turn(), Some(1));
    assert!(state.is_settled());
    assert_eq!(said(&log), ["one", "re one"]);
    // The next turn has a number of its own, and its context names what counts.
    let log = log.add(1, 0, "user.message", "u-3", "", r#"{"text":"three"}"#);
    assert_eq!(log.due(), "turn 3 on u-3");
    assert_eq!(log.state().past.context(), [vec![1, 7], vec![14]]);
    let log = turn(back(turn(turn(created(), 1, "one"), 2, "two"), 7), 3, "three");
    assert_eq!(said(&log), ["one", "re one", "three", "re three"]);
}

#[test]
fn a_way_back_can_itself_be_undone() {
    let log = back(turn(turn(created(), 1, "one"), 2, "two"), 7);
    let log = back(log, 13);
    assert_eq!(said(&log), ["one", "re one", "two", "re two"]);
    assert_eq!(log.state().before_last_turn(), Some(7));
    let log = back(log, 1);
    assert!(said(&log).is_empty());
    assert_eq!((log.state().ended, log.state().before_last_turn()), (None, None));
}

#[test]
fn a_way_back_into_a_turn_leaves_its_open_calls_unrun() {
    let log = called(&["shell", "shell"]);
    let log = decide(log, "m-c0", "allow");
    let log = log.add(5, 1, "tool.started", "t-1", "answer-m-c0", "{}");
    let before = log.0.len() as u64;
    let log =
        log.add(5, 1, "tool.completed", "t-2", "t-1", r#"{"output":{"text":"out"},"sandbox":"off","tree":"abc"}"#);
    let after = log.0.len() as u64;
    let log = log.add(1, 1, "turn.cancelled", "end-1", "turn-1", "{}");
    assert_eq!(log.state().tree, "abc");
    let log = back(log, before);
    assert_eq!(said(&log)[2..], ["not run: the turn ended first", "not run: the turn ended first"]);
    assert_eq!(log.state().ended, None);
    let log = back(log, after);
    assert_eq!(said(&log)[2..], ["out", "not run: the turn ended first"]);
}

#[test]
fn a_fork_goes_on_from_its_past_under_its_own_name() {
    let log = called(&["shell"]);
    let past = log.0.len() as u64;
    let data = format!(
        r#"{{"name":"fork","cwd":"/f","model":"c/d","mode":"ask","forked_from":{{"session":"s","seq":{past},"hash":"h"}}}}"#
    );
    let mut log = log.add(1, 0, "session.created", "q-1", "", &data);
    let line = log.0.pop().unwrap().replace(r#""session":"s""#, r#""session":"child""#);
    log.0.push(line);
    let state = log.state();
    assert_eq!((state.session.as_str(), state.name.as_str(), state.model.as_str()), ("child", "fork", "c/d"));
    assert_eq!((state.turns, state.ended.clone()), (1, None));
    assert!(state.is_settled());
    let log = log.add(1, 0, "user.message", "u-2", "", r#"{"text":"on"}"#);
    assert_eq!(log.due(), "turn 2 on u-2");
    assert_eq!(log.messages().len(), 3, "message, answer with its call, the call that never ran");
}

#[test]
fn a_fork_may_go_on_with_a_turn_that_waits_for_a_context_and_with_no_other() {
    let fork = |log: &Log| {
        let data = format!(
            r#"{{"name":"fork","cwd":"/f","model":"c/d","mode":"ask","forked_from":{{"session":"s","seq":{},"hash":"h","goes_on":true}}}}"#,
            log.0.len()
        );
        Log(log.0.clone()).add(1, 0, "session.created", "q-1", "", &data)
    };
    let begun = asked();
    let begun = Log(begun.0[..begun.0.len() - 1].to_vec());
    let forked = fork(&begun);
    assert_eq!((forked.due(), forked.state().model), ("context after turn-1".to_owned(), "c/d".to_owned()));
    assert_eq!(forked.messages(), begun.messages());
    // What is asked already, or runs, is left behind.
    for log in [asked(), called(&["shell"])] {
        assert!(fork(&log).state().is_settled());
    }
}

#[test]
fn what_a_provider_wants_back_stands_beside_its_answer_and_calls_in_the_line_or_in_a_blob() {
    let meta = |kept: &str| format!(r#"{{"wire":"w","provider":"p","model":"m","id":"x",{kept}}}"#);
    let log = asked()
        .add(3, 1, "model.requested", "q-1", "ctx-turn-1", "{}")
        .add(
            3,
            1,
            "model.tool_call_requested",
            "c-1",
            "q-1",
            &format!(r#"{{"tool":"read","args":{{}},"_meta":{}}}"#, meta(r#""kept":{"sig": 1}"#)),
        )
        .add(
            3,
            1,
            "model.completed",
            "a-1",
            "q-1",
            &format!(r#"{{"calls":1,"stop":"tools","_meta":{}}}"#, meta(r#""blob":{"sha":"ab","bytes":9}"#)),
        );
    let mut transcript = Transcript::new();
    for line in &log.0 {
        transcript.fold(&Line::parse(line.as_bytes()).unwrap(), &|b| (b.sha == "ab").then(|| "[7]".to_owned()));
    }
    let Some(Message::Assistant { calls, kept, .. }) = transcript.messages().get(1) else {
        panic!("{:?}", transcript.messages())
    };
    let own =
        |value: &str| Some(Kept { wire: "w".into(), provider: "p".into(), model: "m".into(), value: value.to_owned() });
    assert_eq!((kept, &calls[0].kept), (&own("[7]"), &own(r#"{"sig": 1}"#)));
}

#[test]
fn pictures_are_shown_and_a_missing_one_leaves_a_word() {
    let log = Log::default()
        .add(1, 0, "session.created", "p-1", "", r#"{"name":"n","cwd":"/w","model":"a/b","mode":"auto"}"#)
        .add(1, 0, "user.message", "p-2", "", concat!(
            r#"{"text":"look","images":[{"sha":"a","bytes":3,"media":"image/png"},{"sha":"b","bytes":3,"media":"image/png"},"#,
            r#"{"sha":"a","bytes":3,"media":"text/html"},{"sha":"a","bytes":99000000,"media":"image/png"}]}"#))
        .add(2, 1, "turn.started", "turn-1", "p-2", "{}");
    let mut transcript = Transcript::new();
    for line in &log.0 {
        transcript.fold(&Line::parse(line.as_bytes()).unwrap(), &|b| (b.sha == "a").then(|| "QUJD".to_owned()));
    }
    let Message::User(said) = &transcript.messages()[0] else { panic!() };
    assert_eq!(said.images, [Image { media: "image/png".into(), base64: "QUJD".into() }]);
    assert_eq!(said.text.matches("[a picture is missing]").count(), 3);
}

#[test]
fn an_answer_that_pauses_is_asked_on() {
    let log = asked().add(3, 1, "model.requested", "q-1", "ctx-turn-1", "{}").add(
        3,
        1,
        "model.completed",
        "a-1",
        "q-1",
        r#"{"parts":[{"text":"so far"}],"stop":"pause"}"#,
    );
    assert_eq!(log.due(), "context after a-1");
}

/// A call that a person is asked about, with the digest of it.
fn waiting() -> (Log, String) {
    let log = asked()
        .add(3, 1, "model.requested", "m-1", "ctx-turn-1", "{}")
        .add(3, 1, "model.tool_call_requested", "c-1", "m-1", r#"{"tool":"shell","args":{"command":"make"}}"#)
        .add(3, 1, "model.completed", "a-1", "m-1", r#"{"stop":"tools","calls":1}"#);
    let digest = log.state().call("c-1").unwrap().digest.clone();
    (log, digest)
}

#[test]
fn an_effect_is_seen_before_it_is_adopted_and_only_the_one_that_was_seen_is() {
    let (log, digest) = waiting();
    let ask = |more: &str| format!(r#"{{"addressee":"user","why":"w","rule":"r"{more}}}"#);
    let plain = || Log(log.0.clone()).add(4, 1, "permission.requested", "ask-c-1", "c-1", &ask(""));
    let by_rule = Log(log.0.clone()).add(4, 1, "permission.requested", "ask-c-1", "c-1", &ask(r#","effect":true"#));
    assert_eq!((plain().due(), by_rule.due()), (String::new(), "try by ask-c-1".to_owned()));
    let want = |digest: &str| format!(r#"{{"who":"tester","digest":"{digest}"}}"#);
    assert_eq!(plain().add(1, 1, "effect.requested", "e-1", "c-1", &want("0")).due(), "", "of another call");
    let wanted = || plain().add(1, 1, "effect.requested", "e-1", "c-1", &want(&digest));
    assert_eq!(wanted().due(), "try by e-1");
    let running = || wanted().add(5, 1, "effect.started", "t-1", "e-1", "{}");
    assert_eq!(running().due(), "", "its owner is at work");
    let gone = running().add(0, 0, "pen.dropped", "drop-5", "", r#"{"pen":5}"#);
    assert_eq!(gone.due(), "close t-1");
    let failed = gone.add(6, 1, "effect.failed", "close-t-1", "t-1", r#"{"code":"interrupted","message":"m"}"#);
    assert_eq!((failed.due().as_str(), failed.state().waits_for_person()), ("", true), "it is asked as before");
    let seen = || {
        running().add(
            5,
            1,
            "effect.completed",
            "f-1",
            "t-1",
            r#"{"call":"c-1","base":"b","outcome":{"sandbox":"w","tree":"t"}}"#,
        )
    };
    assert!(seen().state().waits_for_person());
    assert_eq!(seen().state().tree, "", "nothing has changed");
    let allow =
        |effect: &str| format!(r#"{{"decision":"allow","who":"tester","digest":"{digest}","effect":"{effect}"}}"#);
    let adopted = seen().add(1, 1, "permission.resolved", "answer-c-1", "c-1", &allow("f-1"));
    assert_eq!((adopted.due().as_str(), adopted.state().call("c-1").unwrap().adopts.as_str()), ("run c-1", "f-1"));
    let forged = seen().add(1, 1, "permission.resolved", "answer-c-1", "c-1", &allow("f-0"));
    assert_eq!(forged.due(), "context after a-1", "nothing is run on it");
    let anew = seen().add(1, 1, "effect.requested", "e-2", "c-1", &want(&digest));
    assert_eq!(anew.due(), "try by e-2");
}

/// A session that waits for hooks, and one message.
fn hooked() -> Log {
    let mut log = Log::default()
        .add(1, 0, "session.created", "p-1", "", r#"{"name":"n","cwd":"/w","model":"a/b","mode":"auto"}"#)
        .add(1, 0, "user.message", "p-2", "", r#"{"text":"go"}"#);
    log.0[0] = log.0[0].replace(r#""mode":"auto""#, r#""mode":"auto","hooks":["UserPromptSubmit","Stop"]"#);
    log
}

fn vet(log: Log, message: &str, data: &str) -> Log {
    log.add(4, 0, "message.vetted", &format!("vet-{message}"), message, data)
}

#[test]
fn a_message_is_taken_up_when_hooks_have_let_it_pass_and_no_model_reads_one_they_block() {
    assert_eq!(hooked().due(), "vet p-2");
    let passed = vet(hooked(), "p-2", r#"{"verdict":"passes","context":"it is Friday"}"#);
    assert_eq!(passed.due(), "turn 1 on p-2");
    let begun = passed.add(2, 1, "turn.started", "turn-1", "p-2", "{}");
    assert_eq!(begun.messages(), [Message::User("go\n\nit is Friday".into())]);
    let blocked = vet(hooked(), "p-2", r#"{"verdict":"blocks","why":"no secrets"}"#);
    assert_eq!(blocked.due(), "");
    assert!(blocked.state().is_settled() && matches!(blocked.state().ended, Some(TurnEnd::Failed { .. })));
    let next = blocked.add(1, 0, "user.message", "p-3", "", r#"{"text":"again"}"#);
    let next = vet(next, "p-3", r#"{"verdict":"passes"}"#).add(2, 1, "turn.started", "turn-1", "p-3", "{}");
    assert_eq!(next.messages(), [Message::User("again".into())]);
    // One that has failed to say anything lets nothing pass, and the first word counts.
    let twice = vet(vet(hooked(), "p-2", r#"{"verdict":"fails"}"#), "p-2", r#"{"verdict":"passes"}"#);
    assert_eq!(twice.due(), "");
}

#[test]
fn a_message_that_steers_reaches_no_context_before_hooks_have_heard_it() {
    let log = vet(hooked(), "p-2", r#"{"verdict":"passes"}"#).add(2, 1, "turn.started", "turn-1", "p-2", "{}").add(
        1,
        1,
        "user.message",
        "p-3",
        "",
        r#"{"text":"hurry","now":true}"#,
    );
    assert_eq!(log.due(), "vet p-3; context after turn-1");
    let context = r#"{"system":"x","ranges":[[1]],"model":"a/b"}"#;
    let built = |log: Log| log.add(2, 1, "context.built", "ctx-turn-1", "turn-1", context);
    let early = built(Log(log.0.clone()));
    assert_eq!(early.messages().len(), 1);
    assert_eq!(early.state().waiting.len(), 1);
    let late = built(vet(log, "p-3", r#"{"verdict":"passes"}"#));
    assert_eq!(late.messages()[1..], [Message::User("hurry".into())]);
    assert!(late.state().waiting.is_empty());
}

/// The turn has an answer.
fn answered() -> Log {
    vet(hooked(), "p-2", r#"{"verdict":"passes"}"#)
        .add(2, 1, "turn.started", "turn-1", "p-2", "{}")
        .add(2, 1, "context.built", "ctx-turn-1", "turn-1", r#"{"system":"x","ranges":[[1]],"model":"a/b"}"#)
        .add(3, 1, "model.requested", "m-1", "ctx-turn-1", "{}")
        .add(3, 1, "model.completed", "a-1", "m-1", r#"{"parts":[{"text":"done"}],"stop":"end"}"#)
}

#[test]
fn a_turn_ends_when_hooks_have_heard_its_answer() {
    assert_eq!(answered().due(), "hear a-1");
    let claimed = || answered().add(5, 1, "hook.started", "h-1", "a-1", r#"{"on":"Stop"}"#);
    assert_eq!(claimed().due(), "", "its owner is at work");
    let rival = claimed().add(6, 1, "hook.started", "g-1", "a-1", r#"{"on":"Stop"}"#);
    assert_eq!(rival.state().claims.len(), 1, "the first claim wins");
    let said = |log: Log, data: &str| log.add(5, 1, "hook.completed", "h-2", "h-1", data);
    assert_eq!(said(claimed(), r#"{"on":"Stop","verdict":"passes"}"#).due(), "complete by a-1");
    assert_eq!(said(claimed(), r#"{"on":"Stop","verdict":"fails","why":"late"}"#).due(), "fail Hook");
    assert_eq!(said(answered(), r#"{"on":"Stop","verdict":"passes"}"#).due(), "hear a-1", "unclaimed, unheard");
    let blocked = said(claimed(), r#"{"on":"Stop","verdict":"blocks","why":"tests fail"}"#);
    assert_eq!(blocked.due(), "context after h-2");
    assert_eq!(blocked.messages().last(), Some(&Message::User("tests fail".into())));
    // Whoever ran it is gone: that is no yes.
    let gone = claimed().add(0, 0, "pen.dropped", "drop-5", "", r#"{"pen":5}"#);
    assert_eq!(gone.due(), "close h-1");
}

#[test]
fn hooks_cannot_keep_a_turn_for_ever() {
    let mut log = answered();
    for n in 0..=ace_schema::limits::STOPS_HELD {
        let (answer, claim, word) = (format!("a-{}", n + 1), format!("h-{n}"), format!("w-{n}"));
        assert_eq!(log.due(), format!("hear {answer}"));
        log = log.add(5, 1, "hook.started", &claim, &answer, r#"{"on":"Stop"}"#).add(
            5,
            1,
            "hook.completed",
            &word,
            &claim,
            r#"{"on":"Stop","verdict":"blocks","why":"more"}"#,
        );
        let (context, asks, next) = (format!("ctx-{word}"), format!("m-{}", n + 2), format!("a-{}", n + 2));
        log = log
            .add(2, 1, "context.built", &context, &word, r#"{"system":"x","ranges":[[1]],"model":"a/b"}"#)
            .add(3, 1, "model.requested", &asks, &context, "{}")
            .add(3, 1, "model.completed", &next, &asks, r#"{"stop":"end"}"#);
    }
    assert_eq!(log.due(), "fail Hook");
}

#[test]
fn a_hook_that_stops_after_a_call_ends_the_turn_and_nothing_else_runs() {
    let calls = asked()
        .add(3, 1, "model.requested", "m-1", "ctx-turn-1", "{}")
        .add(3, 1, "model.tool_call_requested", "c-1", "m-1", r#"{"tool":"shell","args":{}}"#)
        .add(3, 1, "model.tool_call_requested", "c-2", "m-1", r#"{"tool":"shell","args":{}}"#)
        .add(3, 1, "model.completed", "a-1", "m-1", r#"{"stop":"tools","calls":2}"#);
    let digest = calls.state().call("c-1").unwrap().digest.clone();
    let allow = format!(r#"{{"decision":"allow","who":"rule","digest":"{digest}"}}"#);
    let ran = calls
        .add(4, 1, "permission.resolved", "answer-c-1", "c-1", &allow)
        .add(5, 1, "tool.started", "t-1", "answer-c-1", "{}")
        .add(5, 1, "tool.completed", "t-2", "t-1", r#"{"sandbox":"workspace","feedback":"odd","stops":"enough"}"#);
    assert_eq!(ran.due(), "fail Hook");
    let told = ran.messages().into_iter().rev().find_map(|m| match m {
        Message::Result { call, text, .. } if call == "call_1" => Some(text),
        _ => None,
    });
    assert_eq!(told.as_deref(), Some("[odd]"));
}
