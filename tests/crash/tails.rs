//! Torn and damaged logs, as the programs meet them.

use super::*;
use std::fs;
use std::io::Write;

#[test]
fn f01_a_last_line_torn_at_any_byte_is_cut_aside_and_the_session_goes_on() {
    let world = World::with_model(stepping(1));
    let id = session(&world);
    let file = world.log_file(&id);
    let folder = file.parent().unwrap();
    let _ = world.run("ace-session", &["say", &id, "and then some more"]).done();
    let whole = fs::read(&file).unwrap();
    let last = whole[..whole.len() - 1].iter().rposition(|&b| b == b'\n').unwrap() + 1;
    let every = number("ACE_TEAR_EVERY", 7);
    let mut torn = 0;
    for cut in (last + 1..whole.len()).filter(|cut| (cut - last) % every == 1 || whole.len() - cut < 4) {
        fs::write(&file, &whole[..cut]).unwrap();
        // The bell survives a kill and does not survive a restart of the machine: both.
        if cut % 2 == 0 {
            let _ = fs::remove_file(folder.join("bell"));
        }
        let cat = world.run("ace-log", &["cat", &id]).done();
        assert_eq!(cat.stdout.lines().count(), 3, "a torn line is not there yet: {}", cat.stdout);
        let _ = world.run("ace-session", &["say", &id, "again"]).done();
        let now = fs::read(&file).unwrap();
        assert!(now.starts_with(&whole[..last]), "what was whole stays as it was");
        let log = world.log(&id);
        assert_eq!(log[2]["type"], "log.recovered", "{}", brief(&log));
        assert_eq!(log[2]["data"]["bytes"], cut - last);
        assert_eq!(log[3]["data"]["text"], "again");
        let aside = folder.join(log[2]["data"]["aside"].as_str().unwrap());
        assert_eq!(fs::read(&aside).unwrap(), &whole[last..cut]);
        fs::remove_file(aside).unwrap();
        check_whole(&world, &id);
        torn += 1;
    }
    println!("{torn} tears of a line of {} bytes", whole.len() - last);
    let run = world.run("ace-session", &["run", &id]);
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(world.types(&id).contains(&"turn.completed".to_owned()));
    check_whole(&world, &id);
}

#[test]
fn p61_a_tail_of_garbage_is_cut_aside_by_the_runner_too() {
    for garbage in [&b"\0\0\0\0"[..], b"{\"seq\":3,", b"\xff\xfe", b"x"] {
        let world = World::with_model(stepping(1));
        let id = session(&world);
        fs::OpenOptions::new().append(true).open(world.log_file(&id)).unwrap().write_all(garbage).unwrap();
        let run = world.run("ace-session", &["run", &id]);
        assert_eq!(run.code, Some(0), "{garbage:?}: {run:?}");
        assert_eq!(world.types(&id).iter().filter(|t| *t == "log.recovered").count(), 1);
        assert_eq!(check_steps(&world, &id, 1), 0);
        check_whole(&world, &id);
    }
}

#[test]
fn p61_damage_in_the_middle_is_refused_with_its_line_and_nothing_is_written() {
    let world = World::with_model(stepping(1));
    let id = session(&world);
    let _ = world.run("ace-session", &["run", &id]).done();
    let file = world.log_file(&id);
    let whole = fs::read_to_string(&file).unwrap();
    let lines: Vec<&str> = whole.split_inclusive('\n').collect();
    let without = |n: usize| lines.iter().enumerate().filter(|(i, _)| *i != n).map(|(_, l)| *l).collect::<String>();
    let instead = |n: usize, line: &str| {
        let mut all = lines.clone();
        all[n] = line;
        all.concat()
    };
    for (damaged, line) in [
        (without(4), 5),
        (instead(4, "{\"no\":\"event\"}\n"), 5),
        (instead(4, "\n"), 5),
        (instead(4, lines[3]), 5),
        (instead(6, &lines[6].replace("\"v\":1", "\"v\":9")), 7),
        (without(0), 1),
    ] {
        fs::write(&file, &damaged).unwrap();
        let _ = fs::remove_file(file.with_file_name("bell"));
        let says = format!("line {line}");
        let draft = b"{\"v\":1,\"id\":\"abcdefgh-1\",\"session\":\"x\",\"turn\":0,\"cause\":\"\",\"by\":\"t\",\"type\":\"user.message\",\"data\":{\"text\":\"a\"}}\n";
        let _ = world.run("ace-session", &["run", &id]).fails(65, &[&says]);
        let _ = world.run("ace-session", &["say", &id, "more"]).fails(65, &[&says]);
        let _ = world.feed("ace-log", &["append", &id], draft).fails(65, &[&says]);
        let _ = world.run("ace-log", &["verify", &id]).fails(65, &[&says]);
        assert_eq!(fs::read_to_string(&file).unwrap(), damaged, "nothing was written");
    }
}
