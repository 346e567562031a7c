//! Laws 2 to 5 with records written by hand: nobody acts on a draft, before the present, or without a claim read back; and nobody
//! stops reading.

use super::{FILTERS, LIVE, Story, Talk, allow, contains, draft, drafts, drafts_of};
use crate::server::{Reply, Server};
use crate::suite::{World, eventually};
use serde_json::json;
use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;
use std::sync::{Arc, Condvar, Mutex};

/// Law 3 and the other half of it: what is due is drafted when history has ended, and not a line earlier.
#[test]
fn nothing_is_drafted_before_the_present_and_what_is_due_then_is() {
    let world = World::with_model(Server::start(vec![Reply::Text("never")]));
    let stories = [
        (Story::said(&world), "turn.started", 0),
        (Story::asking(&world), "model.requested", 1),
        (Story::called(&world, "true"), "permission.resolved", 2),
        (Story::allowed(&world, "true"), "tool.started", 3),
    ];
    for (story, due, whose) in stories {
        for (at, filter) in FILTERS.into_iter().enumerate() {
            assert_eq!(drafts_of(&world, filter, &story.bytes), [""; 0], "{filter:?} before {due}");
            let drafts = drafts_of(&world, filter, &story.live());
            let drawn = drafts.iter().any(|d| d.contains(&format!("\"type\":\"{due}\"")));
            assert_eq!(drawn, at == whose, "{filter:?} after {due}: {drafts:?}");
        }
    }
    assert_eq!(world.model.as_ref().unwrap().bodies().len(), 0, "no claim was recorded");
}

#[test]
fn whoever_waits_long_for_the_present_says_so() {
    let world = World::new();
    let mut talk = Talk::with(&world, "ace-permit", &[]);
    talk.pass(&Story::said(&world).bytes);
    eventually("a word on stderr", || talk.errors.lock().unwrap().ends_with(b"\n"));
    let (drafts, run) = talk.end();
    assert_eq!((drafts.len(), run.code), (0, Some(0)));
    assert!(run.stderr.contains("log.live"), "{}", run.stderr);
}

/// Law 2: a draft is carried, whatever it says. Each of these would be acted on if it were recorded.
#[test]
fn a_draft_moves_nobody() {
    let world = World::with_model(Server::start(vec![Reply::Text("never")]));
    let command = "touch ran";
    let claim = json!({});
    let context = json!({"system": "", "ranges": [[1]], "model": "test/scripted"});
    let begun = Story::said(&world).add("turn.started", "turn-1", "p-2", json!({}));
    let cases = [
        (FILTERS[0], Story::default(), draft(0, "user.message", "p-9", "", &json!({"text": "go"}))),
        (FILTERS[1], begun, draft(1, "context.built", "ctx-turn-1", "turn-1", &context)),
        (
            FILTERS[2],
            Story::asking(&world).add("model.requested", "m-1", "ctx-turn-1", claim.clone()),
            draft(1, "model.completed", "m-3", "m-1", &json!({"stop": "end"})),
        ),
        (
            FILTERS[3],
            Story::called(&world, command),
            draft(1, "permission.resolved", "answer-m-2", "m-2", &allow(command)),
        ),
        (FILTERS[3], Story::called(&world, command), draft(1, "tool.started", "x-1", "answer-m-2", &claim)),
    ];
    for (filter, story, line) in cases {
        let unsaid = drafts_of(&world, filter, &story.live());
        for input in [
            [&story.bytes[..], line.as_bytes(), b"\n", LIVE].concat(),
            [&story.bytes[..], LIVE, line.as_bytes(), b"\n"].concat(),
        ] {
            let count = drafts_of(&world, filter, &input).len();
            assert_eq!(count, unsaid.len(), "{filter:?} moved by {line}");
        }
    }
    assert_eq!(world.model.as_ref().unwrap().bodies().len(), 0);
    assert!(!world.project().join("ran").exists());
}

/// A word in the middle of a recorded stream does not make drafts count.
#[test]
fn only_a_source_says_that_there_is_no_log() {
    let world = World::new();
    let none = b"{\"type\":\"log.none\"}\n";
    let order = draft(1, "permission.resolved", "answer-m-2", "m-2", &allow("touch ran"));
    let claim = draft(1, "tool.started", "x-1", "answer-m-2", &json!({}));
    let story = Story::called(&world, "touch ran");
    let input = [&story.live()[..], none, order.as_bytes(), b"\n", claim.as_bytes(), b"\n"].concat();
    for args in [&[][..], &["--unrecorded"]] {
        assert_eq!(drafts_of(&world, ("ace-tool", args), &input), [""; 0]);
    }
    assert!(!world.project().join("ran").exists());
}

/// Law 4: the claim is drafted, never recorded, and so nothing happens. Then the same with the claim recorded, so that this test
/// could have failed.
#[test]
fn a_claim_that_is_not_read_back_has_no_effect() {
    let world = World::with_model(Server::start(vec![Reply::Text("an answer")]));
    let model = world.model.as_ref().unwrap();
    for is_recorded in [false, true] {
        let mut story = Story::asking(&world);
        let mut talk = Talk::with(&world, "ace-model", &[]);
        talk.say(&story.live());
        let claim = talk.draft("model.requested");
        // As a draft it comes by again, and is not believed then either.
        talk.pass(&[claim.as_bytes(), b"\n"].concat());
        if is_recorded {
            let line = story.record(&claim, 7);
            talk.say(&line);
            talk.draft("model.completed");
        }
        let (_, run) = talk.end();
        assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
        assert_eq!(model.bodies().len(), usize::from(is_recorded));
    }
    let command = "echo ran >> effects";
    for is_recorded in [false, true] {
        let mut story = Story::allowed(&world, command);
        let mut talk = Talk::with(&world, "ace-tool", &[]);
        talk.say(&story.live());
        let claim = talk.draft("tool.started");
        talk.pass(&[claim.as_bytes(), b"\n"].concat());
        if is_recorded {
            let line = story.record(&claim, 7);
            talk.say(&line);
        }
        let (drafts, run) = talk.end();
        assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
        let ends = drafts.iter().filter(|d| d.contains("tool.completed")).count();
        assert_eq!(ends, usize::from(is_recorded), "at its end it finishes what it has read back: {drafts:?}");
        let effects = std::fs::read_to_string(world.project().join("effects")).unwrap_or_default();
        assert_eq!(effects, if is_recorded { "ran\n" } else { "" });
    }
}

/// The first claim recorded wins, and whoever lost does nothing, ever.
#[test]
fn a_claim_that_comes_second_has_no_effect() {
    let world = World::with_model(Server::start(vec![Reply::Text("never")]));
    let cases = [
        (
            "ace-model",
            Story::asking(&world),
            "model.requested",
            "ctx-turn-1",
            "model.completed",
            json!({"stop": "end"}),
        ),
        ("ace-tool", Story::allowed(&world, "touch ran"), "tool.started", "answer-m-2", "tool.completed", json!({})),
    ];
    for (program, mut story, ty, cause, outcome, data) in cases {
        let mut talk = Talk::with(&world, program, &[]);
        talk.say(&story.live());
        let own = talk.draft(ty);
        let mut lines = story.record(&draft(1, ty, "rival-1", cause, &json!({})), 8);
        lines.extend(story.record(&own, 7));
        lines.extend(story.record(&draft(1, outcome, "rival-2", "rival-1", &data), 8));
        talk.pass(&lines);
        let (drafts, run) = talk.end();
        assert_eq!(run.code, Some(0));
        let said = drafts.iter().filter(|d| !d.contains("tool.discovered")).count();
        assert_eq!(said, 1, "its claim and nothing more: {drafts:?}");
    }
    assert_eq!(world.model.as_ref().unwrap().bodies().len(), 0);
    assert!(!world.project().join("ran").exists());
}

/// Between a claim and its record the turn may end; then the claim is for nothing.
#[test]
fn a_claim_recorded_after_the_turn_has_ended_has_no_effect() {
    let world = World::with_model(Server::start(vec![Reply::Text("never")]));
    let cases = [
        ("ace-model", Story::asking(&world), "model.requested"),
        ("ace-tool", Story::allowed(&world, "touch ran"), "tool.started"),
    ];
    for (program, mut story, ty) in cases {
        let mut talk = Talk::with(&world, program, &[]);
        talk.say(&story.live());
        let own = talk.draft(ty);
        let mut lines = story.record(&draft(1, "turn.cancelled", "end-1", "turn-1", &json!({"who": "me"})), 2);
        lines.extend(story.record(&own, 7));
        talk.pass(&lines);
        let (drafts, run) = talk.end();
        assert_eq!(run.code, Some(0), "{drafts:?}");
    }
    assert_eq!(world.model.as_ref().unwrap().bodies().len(), 0);
    assert!(!world.project().join("ran").exists());
}

/// A claim of an earlier process is not this one's, even under the same fixed seed: it is asked or run by nobody again.
#[test]
fn a_claim_from_before_a_restart_is_not_taken_for_an_own_one() {
    let mut world = World::with_model(Server::start(vec![Reply::Text("never")]));
    world.env.push(("ACE_SEED", "1".to_owned()));
    let cases = [
        ("ace-model", Story::asking(&world), "model.requested"),
        ("ace-tool", Story::allowed(&world, "touch ran"), "tool.started"),
    ];
    for (program, mut story, ty) in cases {
        let claims = drafts_of(&world, (program, &[]), &story.live());
        story.record(claims.iter().find(|c| c.contains(ty)).unwrap(), 7);
        assert_eq!(drafts_of(&world, (program, &[]), &story.live()), [""; 0], "{program}");
    }
    assert_eq!(world.model.as_ref().unwrap().bodies().len(), 0);
    assert!(!world.project().join("ran").exists());
}

/// A megabyte of chalk and of records of an unknown type.
fn megabyte(story: &mut Story) -> Vec<u8> {
    let mut bytes = Vec::new();
    let text = "x".repeat(1000);
    while bytes.len() < 1 << 20 {
        let id = format!("z-{}", story.seq);
        bytes.extend_from_slice(&story.record(&draft(0, "lint.found", &id, "", &json!({"text": text, "n": 1.0})), 9));
        let chalk = format!(
            "{{\"after\":{},{}\n",
            story.seq,
            &draft(1, "model.delta", "d-1", "m-1", &json!({"text": text}))[1..]
        );
        bytes.extend_from_slice(chalk.as_bytes());
    }
    bytes
}

/// Law 5, for the model: the provider hangs, the reading goes on.
#[test]
fn a_hanging_provider_stops_no_reading() {
    let gate = Arc::new((Mutex::new(false), Condvar::new()));
    let inside = gate.clone();
    let server = Server::by(move |_| {
        let open = inside.0.lock().unwrap();
        drop(inside.1.wait_while(open, |open| !*open).unwrap());
        Reply::Text("at last")
    });
    let world = World::with_model(server);
    let mut story = Story::asking(&world);
    let mut talk = Talk::with(&world, "ace-model", &[]);
    talk.say(&story.live());
    let claim = talk.draft("model.requested");
    let line = story.record(&claim, 7);
    talk.say(&line);
    eventually("the request", || world.model.as_ref().unwrap().bodies().len() == 1);
    talk.pass(&megabyte(&mut story));
    talk.hang_up();
    assert!(talk.is_alive(), "it has still to finish what it has read back");
    *gate.0.lock().unwrap() = true;
    gate.1.notify_all();
    let (drafts, run) = talk.end();
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    assert!(drafts.last().unwrap().contains("at last"), "{drafts:?}");
    assert_eq!(drafts.iter().filter(|d| d.contains("model.requested")).count(), 1);
}

/// Law 5, for the tools.
#[test]
fn a_running_tool_stops_no_reading() {
    let world = World::new();
    let command = "touch begun; while [ ! -e go ]; do sleep 0.01; done; echo done";
    let mut story = Story::allowed(&world, command);
    let mut talk = Talk::with(&world, "ace-tool", &[]);
    talk.say(&story.live());
    let claim = talk.draft("tool.started");
    let line = story.record(&claim, 7);
    talk.say(&line);
    eventually("the command", || world.project().join("begun").exists());
    talk.pass(&megabyte(&mut story));
    talk.hang_up();
    assert!(talk.is_alive(), "it has still to finish what it has read back");
    std::fs::write(world.project().join("go"), "").unwrap();
    let (drafts, run) = talk.end();
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    assert!(drafts.last().unwrap().contains(r#""type":"tool.completed""#), "{drafts:?}");
}

/// Starts a filter, records its claim, waits for the effect to begin, and lets go of its output while its input stays open.
fn let_go(world: &World, program: &str, mut story: Story, ty: &str, begun: impl Fn() -> bool) -> Option<i32> {
    let mut child = world.command(program, &["--drafts-only"]).stdin(Stdio::piped()).spawn().unwrap();
    let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
    stdin.write_all(&story.live()).unwrap();
    let mut claim = String::new();
    while !claim.contains(ty) {
        claim.clear();
        assert!(stdout.read_line(&mut claim).unwrap() > 0);
    }
    stdin.write_all(&story.record(&claim, 7)).unwrap();
    eventually("the effect begins", begun);
    drop(stdout);
    eventually("it ends by itself", || child.try_wait().unwrap().is_some());
    child.wait().unwrap().code()
}

/// Nobody reads the output any more: what runs is stopped, not finished for nobody.
#[test]
fn work_for_nobody_is_stopped() {
    let world = World::with_model(Server::start(vec![Reply::Hang("half")]));
    let model = world.model.as_ref().unwrap();
    let asks = || model.bodies().len() == 1;
    assert_eq!(let_go(&world, "ace-model", Story::asking(&world), "model.requested", asks), Some(141));
    eventually("the socket closes", || model.open() == 0);
    let pid = world.project().join("pid");
    let story = Story::allowed(&world, "echo $$ > pid.new; mv pid.new pid; exec sleep 300");
    assert_eq!(let_go(&world, "ace-tool", story, "tool.started", || pid.exists()), Some(141));
    let pid = std::fs::read_to_string(pid).unwrap();
    eventually("the command ends", || world.sh(&format!("kill -0 {pid}")).code != Some(0));
}

#[test]
fn without_a_log_tools_need_a_word_and_step_has_nothing_to_do() {
    let world = World::with_model(Server::start(vec![Reply::Text("yes")]));
    let said = world.feed("ace-session", &["once", "well?"], b"").ok();
    for (program, args) in [FILTERS[3], FILTERS[0]] {
        let run = world.feed(program, args, said.as_bytes());
        assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
        let _ = run.fails(2, &["log"]);
    }
    let run = world.feed("ace-model", &[], said.as_bytes());
    let drafts = drafts(said.as_bytes(), run.stdout.as_bytes());
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(!drafts.iter().any(|d| d.contains("model.requested")), "claims nothing: {drafts:?}");
    assert!(drafts.last().unwrap().contains("model.completed"), "{drafts:?}");
    assert_eq!(world.model.as_ref().unwrap().bodies().len(), 1);
}

#[test]
fn without_a_log_tools_run_on_a_persons_word() {
    let world = World::new();
    let story = Story::called(&world, "echo ran >> effects");
    let text = String::from_utf8(story.bytes).unwrap();
    // The same lines as drafts.
    let bare: String = text.lines().map(|l| format!("{{{}\n", &l[l.find("\"v\":").unwrap()..])).collect();
    let stream = format!("{{\"type\":\"log.none\"}}\n{bare}");
    let decided = world.feed("ace-permit", &[], stream.as_bytes()).ok();
    assert!(contains(decided.as_bytes(), b"permission.resolved"), "{decided}");
    let run = world.feed("ace-tool", &["--unrecorded"], decided.as_bytes()).done();
    let drafts = drafts(decided.as_bytes(), run.stdout.as_bytes());
    assert!(drafts.iter().all(|d| !d.contains("tool.started")), "claims nothing: {drafts:?}");
    assert!(drafts.last().is_some_and(|d| d.contains("tool.completed")), "{drafts:?}");
    assert_eq!(std::fs::read_to_string(world.project().join("effects")).unwrap(), "ran\n");
}
