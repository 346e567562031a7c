//! A crash between every pair of records of a session: what was recorded up to there is all that the next run has.

use super::*;
use ace_core::State;
use std::fs;

const STEPS: usize = 3;

fn state(log: &Path) -> State {
    let mut state = State::new();
    state.fold_all(&fs::read(log).unwrap());
    state
}

/// What must be the same whatever happened on the way.
fn essence(state: &State) -> impl PartialEq + std::fmt::Debug + use<> {
    let offer = state.offer.as_ref().map(|o| o.schema.clone());
    let (name, model, system) = (state.name.clone(), state.model.clone(), state.system.clone());
    (name, model, system, state.mode, state.turns, state.ended.clone(), state.is_settled(), offer)
}

/// Puts the session back to a moment: these lines, the pens of their writers without a holder, no bell.
fn put_back(folder: &Path, lines: &[&str]) {
    let keep = ["log.jsonl"];
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let name = entry.file_name().into_string().unwrap();
        if entry.file_type().unwrap().is_dir() {
            fs::remove_dir_all(entry.path()).unwrap();
        } else if !keep.contains(&name.as_str()) {
            fs::remove_file(entry.path()).unwrap();
        }
    }
    fs::write(folder.join("log.jsonl"), lines.concat()).unwrap();
    fs::create_dir(folder.join("pens")).unwrap();
    for line in lines {
        let line: Value = serde_json::from_str(line).unwrap();
        let pen = line["pen"].as_u64().unwrap();
        if pen > 1 {
            fs::write(folder.join("pens").join(pen.to_string()), "\"model\"\n").unwrap();
        }
    }
}

#[test]
fn f09_a_cut_between_any_two_records_changes_no_outcome() {
    let world = World::with_model(stepping(STEPS));
    let id = session(&world);
    let _ = world.run("ace-session", &["run", &id]).done();
    let file = world.log_file(&id);
    let folder = file.parent().unwrap();
    let text = fs::read_to_string(&file).unwrap();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let (whole, end) = (canonical(&world.log(&id)), essence(&state(&file)));
    assert_eq!(check_steps(&world, &id, STEPS), 0);
    let steps_file = place(&world, &id).join("steps.txt");
    let (mut resumed, mut unknown) = (0, 0);
    // The first batch creates the session as a whole: before its end there is none.
    let created = lines.iter().position(|l| l.contains("user.message")).unwrap() + 1;
    for cut in created..=lines.len() {
        let before: Vec<Value> = lines[..cut].iter().map(|l| serde_json::from_str(l).unwrap()).collect();
        let of = |k: usize| outcome(&before, &format!("step-{k} "));
        let open = (0..STEPS).find(|k| of(*k) == "open");
        // Of a call that was under way nobody knows whether it has left its trace: both.
        for ran in [false, true] {
            if ran && open.is_none() {
                continue;
            }
            put_back(folder, &lines[..cut]);
            let done = (0..STEPS).filter(|k| of(*k) == "completed" || (ran && open == Some(*k)));
            fs::write(&steps_file, done.map(|k| format!("step-{k}\n")).collect::<String>()).unwrap();
            let run = world.run("ace-session", &["run", &id]);
            let log = world.log(&id);
            assert_eq!(run.code, Some(0), "cut after {cut}: {run:?}\n{}", brief(&log));
            check_whole(&world, &id);
            let mut expected = whole.clone();
            if let Some(k) = open {
                let call = expected.iter_mut().find(|l| l.contains(&format!("step-{k} "))).unwrap();
                *call = call.replace(": completed", ": interrupted");
                unknown += 1;
            }
            assert_eq!(canonical(&log), expected, "cut after {cut}: {}", brief(&log));
            assert_eq!(essence(&state(&file)), end, "cut after {cut}");
            check_steps(&world, &id, STEPS);
            if ran {
                assert_eq!(steps(&world, &id).len(), STEPS, "what had run is there once");
            }
            resumed += 1;
        }
    }
    println!("{} records, {resumed} resumed, {unknown} with a call of unknown outcome", lines.len());
    assert_eq!(unknown, 2 * STEPS);
}

#[test]
fn f23_a_clock_set_back_or_forward_between_runs_changes_no_outcome() {
    let world = World::with_model(stepping(STEPS));
    let year: i64 = 365 * 24 * 3600 * 1000;
    let now: i64 = 1_795_156_860_000;
    let id = session(&world);
    let _ = world.run("ace-session", &["run", &id]).done();
    let whole = canonical(&world.log(&id));
    for shift in [-30 * year, -3_600_000, 3_600_000, 30 * year] {
        let id = session(&world);
        let _ = fs::remove_file(world.project().join("steps.txt"));
        let run =
            |ms: i64| world.command("ace-session", &["run", &id]).env("ACE_CLOCK", ms.to_string()).spawn().unwrap();
        let first = run(now);
        crate::suite::eventually("one step is taken", || {
            world.types(&id).iter().filter(|t| *t == "tool.completed").count() > 0
        });
        kill(first);
        let second = crate::suite::finish(run(now + shift), None);
        assert_eq!(second.code, Some(0), "{second:?}");
        let took = canonical(&world.log(&id)).join("\n").replace(": interrupted", ": completed");
        assert_eq!(took, whole.join("\n"), "shifted by {shift} ms");
        check_whole(&world, &id);
        check_steps(&world, &id, STEPS);
    }
}
