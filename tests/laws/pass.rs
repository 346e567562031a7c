//! Laws 1, 3 and 6 and the fixed point, over every recorded session.

use super::sessions::{NAMES, install, load};
use super::{FILTERS, LIVE, contains, drafts, drafts_of};
use crate::suite::World;
use ace_schema::Line;
use std::io::Write;
use std::process::Stdio;

/// Lines that no filter may stumble over or touch. The first of a stream must be ours, so these come later.
const ODD: &[&[u8]] = &[
    br#"{"seq":9001,"v":1,"id":"u-1","session":"s","type":"lint.found","data":{"n":1.0,"e":1e5,"z":-0,"big":12345678901234567890123}}"#,
    br#"{ "type" : "lint.found" , "v" : 1, "seq":9002, "data":{"dup":1,"dup":2},"\u0069d":"u-2" }"#,
    "{\"seq\":9003,\"v\":1,\"id\":\"u-3\",\"type\":\"lint.found\",\"data\":\"\u{2028}\u{2029}\\u2028 \\/ \\ud83d\\ude00 \u{feff}\"}".as_bytes(),
    br#"{"v":1,"id":"d-1","type":"user.message","data":{"text":"a draft"}}"#,
    br#"{"after":3,"v":1,"id":"d-2","turn":1,"cause":"m-1","type":"model.delta","data":{"text":"chalk"}}"#,
    br#"{"type":"log.blob","sha":"00","part":0,"of":1,"data":"AA=="}"#,
    br#"{"type":"log.unknown"}"#,
    br#"{"seq":9004,"v":1,"id":"u-4","type":"tool.completed","cause":"nobody","data":[1.0]}"#,
    br#"{"seq":9005,"v":1,"id":"u-5","type":"model.completed","data":null}"#,
    b"not json at all",
    b"{\"type\":",
    b"[]",
    b"null",
    b"",
    b"  ",
    b"\r",
    b"\xff\xfe\x00 bytes",
    b"{\"type\":\"log.live\"",
];

/// A recorded session with odd lines woven in, chosen so that each session sees each of them somewhere.
fn woven(log: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for (n, line) in log.split_inclusive(|&b| b == b'\n').enumerate() {
        out.extend_from_slice(line);
        for odd in [ODD[n % ODD.len()], ODD[(n * 7 + 3) % ODD.len()]] {
            out.extend_from_slice(odd);
            out.push(b'\n');
        }
    }
    for odd in ODD {
        out.extend_from_slice(odd);
        out.push(b'\n');
    }
    // A stray line longer than any of ours.
    out.extend_from_slice(&[b'x'; 100_000]);
    out.push(b'\n');
    out.extend_from_slice(LIVE);
    // Not there yet, and yet it passes.
    out.extend_from_slice(br#"{"seq":9006,"v":1,"type":"turn.sta"#);
    out
}

/// Feeds input in pieces of this size.
fn in_pieces(world: &World, program: &str, args: &[&str], input: &[u8], size: usize) -> (Option<i32>, Vec<u8>, String) {
    let mut child = world.command(program, args).stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let bytes = input.to_vec();
    let feeder = std::thread::spawn(move || {
        // A filter that ends too early is found out by what it has not passed on.
        for piece in bytes.chunks(size) {
            if stdin.write_all(piece).is_err() {
                return;
            }
        }
    });
    let out = child.wait_with_output().unwrap();
    feeder.join().unwrap();
    (out.status.code(), out.stdout, String::from_utf8_lossy(&out.stderr).into_owned())
}

fn law_1(size: usize) {
    let world = World::new();
    // One of the user's own, and the gate, which adds nothing and rewrites only what holds a secret.
    let users: [(&str, &[&str]); 2] = [("cat", &[]), ("ace-redact", &[])];
    for name in NAMES {
        let input = woven(&load(name));
        for (program, args) in FILTERS.into_iter().chain(users) {
            let path = if program == "cat" { "/bin/cat" } else { program };
            let (code, output, stderr) = in_pieces(&world, path, args, &input, size);
            assert_eq!((code, stderr.as_str()), (Some(0), ""), "{program} over {name}");
            for draft in drafts(&input, &output) {
                assert!(draft.contains(&format!("\"by\":\"{program}\"")) || draft.contains("log.blob"), "{draft}");
            }
        }
    }
}

#[test]
fn input_passes_byte_for_byte_in_large_pieces() {
    law_1(64 * 1024);
}

#[test]
fn input_passes_byte_for_byte_seven_bytes_at_a_time() {
    law_1(7);
}

#[test]
fn input_passes_byte_for_byte_a_byte_at_a_time() {
    law_1(1);
}

#[test]
fn a_stream_that_begins_with_none_of_ours_is_a_mistake() {
    let world = World::new();
    for (program, args) in FILTERS {
        let _ = world.feed(program, args, b"hello\nworld\n").fails(65, &["line 1"]);
        let newer = [&load("short")[..], b"{\"v\":2,\"seq\":99,\"type\":\"later.thing\"}\n"].concat();
        let run = world.feed(program, args, &newer).fails(65, &["newer"]);
        assert_eq!(drafts(&newer, run.stdout.as_bytes()), [""; 0], "what came is passed on all the same");
    }
}

/// A session keeps the offer of tools of its time; a later ace-tool that offers others may say so in a session that is not over.
fn is_new_offer(log: &[u8], draft: &str) -> bool {
    let schema = ace_core::digest(ace_schema::tool::offer().as_bytes());
    !contains(log, schema.as_bytes()) && draft.contains(&schema)
}

/// A session that is over stays as it is, whoever reads it. So does one that waits for a person.
#[test]
fn every_filter_adds_nothing_to_a_session_that_is_over() {
    let world = World::new();
    for name in NAMES {
        let id = install(&world, name);
        let input = [&load(name)[..], LIVE].concat();
        for filter in FILTERS {
            let mut added = drafts_of(&world, filter, &input);
            added.retain(|d| !is_new_offer(&input, d));
            assert_eq!(added, [""; 0], "{filter:?} over {name}");
        }
        let chain = format!("ace-log cat {id} | ace-session step | ace-model | ace-permit | ace-tool --unsandboxed");
        let mut added = drafts(&input, world.sh(&chain).ok().as_bytes());
        added.retain(|d| !is_new_offer(&input, d));
        assert_eq!(added, [""; 0], "the chain over {name}");
        std::fs::remove_dir_all(world.log_file(&id).parent().unwrap()).unwrap();
    }
}

/// The part of a line that says what was concluded: type, cause, and the id where it is derived.
fn conclusion(line: &Line) -> Option<String> {
    let kinds = [
        "turn.started",
        "context.built",
        "model.requested",
        "permission.requested",
        "permission.resolved",
        "tool.started",
        "tool.discovered",
        "turn.completed",
        "turn.failed",
    ];
    let closes = line.id.starts_with("close-");
    (closes || kinds.contains(&line.ty.as_ref())).then(|| format!("{} {}", line.ty, line.cause))
}

/// Stops a real session after each of its lines. What the filters draft there is what the record says came next, and each conclusion
/// in the record is drafted by the filter that wrote it as soon as the line it answers is there.
#[test]
fn what_is_drafted_is_what_the_record_says_came_next() {
    let world = World::new();
    for name in ["work", "queued"] {
        let log = load(name);
        let lines: Vec<&[u8]> = log.split_inclusive(|&b| b == b'\n').collect();
        let parsed: Vec<Line> = lines.iter().map(|l| Line::parse(l.trim_ascii_end()).unwrap()).collect();
        for upto in 1..lines.len() {
            let head = lines[..upto].concat();
            let later: Vec<String> = parsed[upto..].iter().filter_map(conclusion).collect();
            let mut all = Vec::new();
            for filter in FILTERS {
                for draft in drafts_of(&world, filter, &[&head[..], LIVE].concat()) {
                    let line = Line::parse(draft.as_bytes()).unwrap();
                    if line.ty == "log.blob" {
                        continue;
                    }
                    // The tools of today are offered where those of the fixture's day were.
                    if is_new_offer(&log, &draft) {
                        all.extend(conclusion(&line));
                        continue;
                    }
                    let drawn = conclusion(&line).unwrap_or_else(|| panic!("no conclusion: {draft}"));
                    assert!(later.contains(&drawn), "{name}@{upto}: {draft}\nis none of {later:?}");
                    all.push(drawn);
                }
            }
            if let Some(next) = conclusion(&parsed[upto]) {
                assert!(all.contains(&next), "{name}@{upto}: nobody drew '{next}': {all:?}");
            }
        }
    }
}

/// Law 6: time is in the record and decides nothing. The same log with other times gives the same drafts, ids and all.
#[test]
fn other_times_give_the_same_drafts() {
    let mut world = World::new();
    world.env.push(("ACE_SEED", "5".to_owned()));
    let at = |text: &str| text.find("\"ts\":\"").unwrap() + 6;
    for name in NAMES {
        let log = String::from_utf8(load(name)).unwrap();
        let lines: Vec<&str> = log.split_inclusive('\n').collect();
        let times: Vec<&str> = lines.iter().map(|l| &l[at(l)..at(l) + 24]).collect();
        let with = |time: &dyn Fn(usize) -> String, upto: usize| -> Vec<u8> {
            let each = lines[..upto].iter().enumerate().map(|(n, l)| {
                let at = at(l);
                format!("{}{}{}", &l[..at], time(n), &l[at + 24..])
            });
            [each.collect::<String>().as_bytes(), LIVE].concat()
        };
        for upto in (1..=lines.len()).step_by(4) {
            for filter in FILTERS {
                let as_it_was = drafts_of(&world, filter, &with(&|n| times[n].to_owned(), upto));
                let reversed = drafts_of(&world, filter, &with(&|n| times[upto - 1 - n].to_owned(), upto));
                let shifted = drafts_of(&world, filter, &with(&|_| "2206-02-30T99:00:00.000Z".to_owned(), upto));
                assert_eq!(as_it_was, reversed, "{filter:?} over {name}@{upto}");
                assert_eq!(as_it_was, shifted, "{filter:?} over {name}@{upto}");
            }
        }
    }
}

#[test]
fn the_chain_works_with_a_users_filter_in_its_middle() {
    let server = crate::server::Server::start(vec![
        crate::server::Reply::Calls("", vec![("shell", r#"{"command":"echo one"}"#.to_owned())]),
        crate::server::Reply::Text("through"),
    ]);
    let world = World::with_model(server);
    let id = world.run("ace-session", &["new", "--mode", "auto", "--no-worktree", "go"]).done().stdout;
    let id = id.trim();
    let chain = format!(
        "ace-log follow {id} --until idle | cat | ace-session step | sed -u -n p | ace-model | ace-permit | sed -u '' | ace-tool | ace-log append {id} && ace-log text {id}"
    );
    let run = world.sh(&chain);
    assert_eq!((run.code, run.stdout.as_str()), (Some(0), "through\n"), "{run:?}");
}
