//! Logs that somebody or something has changed, through the programs: the first bad line is named, nobody writes on behind it, what
//! is proven can be saved, and damage of anything beside the log is harmless.

use crate::run::shell;
use crate::server::{Reply, Server};
use crate::suite::{Run, World, folders};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// A world with one finished session that has every kind of record an ordinary turn leaves, and its lines.
fn finished() -> (World, Vec<Vec<u8>>) {
    let model = Server::start(vec![
        Reply::Calls("Looking.", vec![shell("printf hello > new.txt; cat hello.txt")]),
        Reply::Text("All is well."),
    ]);
    let world = World::with_model(model).repository(&[("hello.txt", "hello\n")]);
    let _ = world.run("ace", &["run", "--mode", "auto", "say hello"]).done();
    let lines = lines(&std::fs::read(world.log_file("@only")).unwrap());
    assert!(lines.len() > 10);
    (world, lines)
}

fn lines(bytes: &[u8]) -> Vec<Vec<u8>> {
    bytes.split_inclusive(|&b| b == b'\n').map(<[u8]>::to_vec).collect()
}

fn put(world: &World, bytes: &[u8]) {
    // In place: the file is the same one.
    let file = std::fs::OpenOptions::new().write(true).truncate(true).open(world.log_file("@only")).unwrap();
    std::io::Write::write_all(&mut &file, bytes).unwrap();
}

fn verify(world: &World) -> Run {
    world.run("ace-log", &["verify", "@last"])
}

/// Where a field of the envelope has its value, the quotes not counted.
fn place(line: &str, field: &str) -> Option<usize> {
    let at = line.find(&format!("\"{field}\":"))? + field.len() + 3;
    Some(at + usize::from(line.as_bytes()[at] == b'"'))
}

/// A byte that keeps the kind of the value: another digit for a digit, another letter for a letter.
fn other(byte: u8) -> u8 {
    match byte {
        b'9' | b'f' | b'z' | b'Z' => byte - 1,
        b'0'..=b'8' | b'a'..=b'e' | b'g'..=b'y' | b'A'..=b'Y' => byte + 1,
        b'{' | b'[' => b'(',
        _ => byte ^ 1,
    }
}

#[test]
fn e01_a_byte_changed_in_any_field_of_any_kind_of_record_is_named() {
    let (world, lines) = finished();
    let head = world.run("ace-log", &["verify", "@last", "--anchor"]).ok();
    let head = head.trim();
    let fields = ["seq", "ts", "prev", "pen", "v", "id", "session", "turn", "cause", "by", "type", "data"];
    let mut kinds = BTreeSet::new();
    let mut flips = 0;
    for (at, line) in lines.iter().enumerate() {
        let text = std::str::from_utf8(line).unwrap();
        let kind = serde_json::from_str::<serde_json::Value>(text).unwrap()["type"].as_str().unwrap().to_owned();
        let is_last = at + 1 == lines.len();
        if !kinds.insert(kind.clone()) && !is_last {
            continue;
        }
        // And the byte before the LF, and the LF itself.
        let places = fields.iter().filter_map(|f| Some((*f, place(text, f)?)));
        for (field, byte) in places.chain([("end", text.len() - 2), ("LF", text.len() - 1)]) {
            let mut bytes = lines.concat();
            let start = lines[..at].concat().len();
            bytes[start + byte] = other(bytes[start + byte]);
            put(&world, &bytes);
            flips += 1;
            let n = at + 1;
            let run = match is_last {
                // Nothing behind the last line vouches for it but what was noted elsewhere.
                true => world.run("ace-log", &["verify", "@last", "--anchor", head]),
                false => verify(&world),
            };
            let named = [
                format!("damaged at line {n}:"),
                format!("damaged at line {}: prev is not the hash of line {n}\n", n + 1),
                format!("needs a newer ace: line {n} "),
                format!("@{n} is not the line that was noted"),
                // The first line alone says of which session the log is.
                format!("damaged at line {}: belongs to session", if n == 1 { 2 } else { n }),
            ];
            assert_eq!(run.code, Some(65), "{kind}, {field}: {run:?}");
            assert!(named.iter().any(|words| run.stderr.contains(words)), "{kind}, {field}, line {n}: {}", run.stderr);
            assert!(run.stderr.starts_with("ace-log: "), "{}", run.stderr);
        }
    }
    assert!(kinds.len() >= 10, "{kinds:?}");
    println!("bytes changed: {flips} in {} kinds of records, each found and named", kinds.len());
}

#[test]
fn e02_lines_deleted_doubled_swapped_or_brought_in_are_named_and_a_cut_tail_behind_its_anchor() {
    let (world, l) = finished();
    let n = l.len();
    let head = world.run("ace-log", &["verify", "@last", "--anchor"]).ok();
    let with = |lines: &[&[Vec<u8>]]| lines.concat().concat();
    let foreign = {
        let (_, other) = finished();
        other[3].clone()
    };
    let invented = String::from_utf8(l[3].clone()).unwrap().replace("\"id\":\"", "\"id\":\"x");
    let cases: [(&str, Vec<u8>, usize); 6] = [
        ("deleted", with(&[&l[..3], &l[4..]]), 4),
        ("doubled", with(&[&l[..4], &l[3..]]), 5),
        ("swapped", with(&[&l[..3], &l[4..5], &l[3..4], &l[5..]]), 4),
        ("brought in", with(&[&l[..3], &[invented.into_bytes()], &l[3..]]), 5),
        ("spliced", with(&[&l[..3], &[foreign], &l[4..]]), 4),
        ("beginning cut", with(&[&l[2..]]), 1),
    ];
    for (what, bytes, line) in cases {
        put(&world, &bytes);
        let run = verify(&world).fails(65, &[&format!("is damaged at line {line}: ")]);
        let hinted = run.stderr.contains("hint: line") && run.stderr.contains("ace-log recover ");
        assert_eq!(hinted, line > 2, "{what}: {}", run.stderr);
        // Nobody writes on behind it, where the numbers alone tell already.
        let refused = world.run("ace-session", &["say", "@last", "go on"]);
        assert_eq!(refused.code, Some(65), "{what}: {refused:?}");
        assert_eq!(std::fs::read(world.log_file("@only")).unwrap(), bytes, "{what}");
    }
    for kept in [n - 1, 3] {
        put(&world, &l[..kept].concat());
        let _ = verify(&world).done();
        let cut = world.run("ace-log", &["verify", "@last", "--anchor", head.trim()]);
        let _ = cut.fails(65, &[&format!("'say-hello' was cut: it ends at @{kept}, but had a line @{n}")]);
    }
    put(&world, &l.concat());
    let _ = world.run("ace-log", &["verify", "@last", "--anchor", head.trim()]).ok();
    let _ = world.run("ace-log", &["verify", "@last", "--anchor", "12:zz"]).fails(2, &["SEQ:HASH"]);
}

#[test]
fn e03_a_writer_started_again_and_again_makes_one_chain() {
    let (world, lines) = finished();
    for n in 0..20 {
        let _ = world.run("ace-session", &["say", "@last", &format!("message {n}")]).done();
    }
    let _ = verify(&world).ok();
    assert_eq!(world.log("@only").len(), lines.len() + 20);
}

#[test]
fn e04_f23_clock_steps_change_no_order_and_are_told() {
    let (world, lines) = finished();
    let hour = 3_600_000_i64;
    let now = 1_795_156_860_000;
    for (n, clock) in [now, now - hour, now + 10 * 365 * 24 * hour, now + 1, 0, -1, i64::MAX].into_iter().enumerate() {
        let mut command = world.command("ace-session", &["say", "@last", &format!("at {n}")]);
        let _ = crate::suite::finish(command.env("ACE_CLOCK", clock.to_string()).spawn().unwrap(), None).done();
    }
    let run = verify(&world).done();
    assert!(run.stderr.contains("the clock was set back"), "{}", run.stderr);
    let log = world.log("@only");
    assert_eq!(log.len(), lines.len() + 7);
    assert!(log.iter().enumerate().all(|(at, l)| l["seq"] == at + 1));
    let said: Vec<&str> =
        log.iter().filter_map(|l| l["data"]["text"].as_str()).filter(|t| t.starts_with("at ")).collect();
    assert_eq!(said, ["at 0", "at 1", "at 2", "at 3", "at 4", "at 5", "at 6"]);
    let _ = world.run("ace-log", &["show", "@last"]).ok();
    let _ = world.run("ace", &["ls"]).ok();
}

#[test]
fn f02_bytes_that_are_no_lines_have_a_defined_result() {
    let (world, l) = finished();
    let whole = l.concat();
    let crlf = String::from_utf8(whole.clone()).unwrap().replace('\n', "\r\n").into_bytes();
    // What the log is, what a check says, and whether a writer mends it: only what has no end of line was never told to anybody.
    let cases: Vec<(&str, Vec<u8>, i32, bool)> = vec![
        ("NULs at the tail", [whole.clone(), vec![0; 8192]].concat(), 65, true),
        ("NULs and an LF", [whole.clone(), vec![0; 8192], b"\n".to_vec()].concat(), 65, false),
        ("garbage at the tail", [whole.clone(), b"\xff\xfe{\"seq\":".to_vec()].concat(), 65, true),
        ("half a line", whole[..whole.len() - 20].to_vec(), 65, true),
        ("CRLF", crlf, 65, false),
        ("BOM", [b"\xef\xbb\xbf".to_vec(), whole.clone()].concat(), 65, false),
        ("an empty line", [whole.clone(), b"\n".to_vec()].concat(), 65, false),
        ("an empty file", Vec::new(), 65, false),
    ];
    for (what, bytes, code, mends) in cases {
        put(&world, &bytes);
        let id = folders(&world.ace_home().join("sessions")).remove(0);
        let run = world.run("ace-log", &["verify", &id]);
        assert_eq!(run.code, Some(code), "{what}: {run:?}");
        assert_eq!(
            run.stderr.lines().next().map(|l| l.starts_with("ace-log: '")),
            Some(true),
            "{what}: {}",
            run.stderr
        );
        for program in [&["cat", &id][..], &["show", &id], &["text", &id]] {
            let run = world.run("ace-log", program);
            assert!([Some(0), Some(65)].contains(&run.code), "{what}, {program:?}: {run:?}");
            assert!(!run.stderr.contains("panicked"), "{what}: {}", run.stderr);
        }
        let said = world.run("ace-session", &["say", &id, "go on"]);
        // A CR is a byte like any other to a writer, which reads numbers and links its own line: only a check hashes all.
        let expected: &[i32] = match (mends, what) {
            (true, _) => &[0],
            (false, "CRLF") => &[0, 65],
            (false, _) => &[65],
        };
        assert!(said.code.is_some_and(|c| expected.contains(&c)), "{what}: {said:?}");
        if mends {
            let _ = world.run("ace-log", &["verify", &id]).ok();
            assert!(world.types("@only").contains(&"log.recovered".to_owned()), "{what}");
        }
    }
}

#[test]
fn f02_a_line_of_200_mb_is_counted_and_not_held() {
    let (world, l) = finished();
    let file = std::fs::OpenOptions::new().write(true).open(world.log_file("@only")).unwrap();
    let whole = l.concat().len() as u64;
    file.set_len(whole + (200 << 20)).unwrap();
    let _ = verify(&world).fails(65, &["torn: 209715200 bytes"]);
    std::os::unix::fs::FileExt::write_all_at(&file, b"\n", whole + (200 << 20) - 1).unwrap();
    // With an address space that could not hold it.
    let limited = world.sh("ulimit -v 120000; exec ace-log verify @last");
    let _ = limited.fails(65, &[&format!("damaged at line {}", l.len() + 1)]);
    let _ = world.run("ace-log", &["recover", "@last"]).done();
    let _ = verify(&world).ok();
}

/// Everything beside the log is a help and no part of it.
#[test]
fn damage_beside_the_log_is_harmless() {
    let (world, l) = finished();
    let folder = world.log_file("@only").parent().unwrap().to_owned();
    let mut count = l.len();
    let contents: [(&str, Option<Vec<u8>>); 6] = [
        ("gone", None),
        ("empty", Some(Vec::new())),
        ("short", Some(b"x".to_vec())),
        ("garbage", Some((0..9000_u32).map(|n| ((n * 7919) >> 3) as u8).collect())),
        ("ones", Some(vec![0xff; 4096])),
        ("zeros", Some(vec![0; 4096])),
    ];
    for name in ["bell", "live.jsonl", "runner", "pens/last", "pens/7", "pens/999999", "pens/no number", "torn-12"] {
        for (what, content) in &contents {
            let path = folder.join(name);
            match content {
                None => drop(std::fs::remove_file(&path)),
                Some(bytes) => std::fs::write(&path, bytes).unwrap(),
            }
            let all = world.run("ace-log", &["cat", "@last"]).ok();
            assert_eq!(all.lines().count(), count + 1, "{name} is {what}");
            let said = world.run("ace-session", &["say", "@last", "go on"]);
            assert_eq!(said.code, Some(0), "{name} is {what}: {said:?}");
            let _ = verify(&world).ok();
            let now = world.log("@only").len();
            assert!(now > count, "{name} is {what}");
            count = now;
        }
    }
    // The folder of the pens is gone, or is none.
    std::fs::remove_dir_all(folder.join("pens")).unwrap();
    let _ = world.feed("ace-log", &["append", "@last"], b"").done();
    // A whole run goes on from there.
    for name in ["bell", "live.jsonl", "runner"] {
        std::fs::write(folder.join(name), vec![0xff; 5000]).unwrap();
    }
    let run = world.run("ace-session", &["run", "@last"]).done();
    assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
    let _ = verify(&world).ok();
}

#[test]
fn recover_keeps_what_is_proven_and_the_session_goes_on() {
    let (world, l) = finished();
    let bytes = String::from_utf8(l.concat()).unwrap().replacen("say hello", "pay hello", 20).into_bytes();
    let bytes = [l[..6].concat(), b"{\"seq\":7,".to_vec(), bytes[bytes.len() - 100..].to_vec()].concat();
    put(&world, &bytes);
    let id = folders(&world.ace_home().join("sessions")).remove(0);
    let out = world.path("clean");
    let out_text = out.display().to_string();
    let told = verify(&world).fails(65, &["lines 1 to 6 are whole: ace-log recover say-hello goes on from there"]);
    assert_eq!(told.stderr.lines().count(), 2);
    let copied = world.run("ace-log", &["recover", "@last", "--out", &out_text]).ok();
    assert!(copied.contains("kept 6 lines, up to @6; not kept: 1 line"), "{copied}");
    assert_eq!(std::fs::read(world.log_file("@only")).unwrap(), bytes, "--out leaves the session as it is");
    let _ = world.run("ace-log", &["verify", &out_text]).ok();
    let _ = world.run("ace-log", &["recover", "@last", "--out", &out_text]).fails(2, &["is there already"]);
    let recovered = world.run("ace-log", &["recover", "@last"]).ok();
    assert!(recovered.contains(&format!("{id}.damaged-")), "{recovered}");
    let log = std::fs::read(world.ace_home().join("sessions").join(&id).join("log.jsonl")).unwrap();
    assert!(log.starts_with(&l[..6].concat()));
    let aside: Vec<PathBuf> = folders(&world.ace_home().join("sessions"))
        .into_iter()
        .filter(|n| n.starts_with(&format!("{id}.damaged-")))
        .map(|n| world.ace_home().join("sessions").join(n))
        .collect();
    assert_eq!(aside.len(), 1);
    assert_eq!(std::fs::read(aside[0].join("log.jsonl")).unwrap(), bytes, "the damaged folder is unchanged");
    let _ = world.run("ace-log", &["verify", &id]).ok();
    assert!(world.run("ace-log", &["recover", &id]).ok().contains("is whole: there is nothing to recover"));
    // The turn that was cut in the middle is finished by the next run.
    let _ = world.run("ace-session", &["run", &id]).done();
    let last = world.log(&id).pop().unwrap();
    assert_eq!(last["type"], "turn.completed");
    let _ = world.run("ace-log", &["verify", &id]).ok();
}
