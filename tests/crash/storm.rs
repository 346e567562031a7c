//! Kill storms: any program of a running session, at any moment.

use super::*;
use crate::suite::{eventually, finish};
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// Calls of one session.
const STEPS: usize = 4;

/// The longest a session may take to come to rest after its last kill. Far above what it takes: this tells a hang.
const PATIENCE: Duration = Duration::from_secs(60);

/// A reader of acknowledged lines.
struct Witness {
    child: Child,
    lines: Receiver<Vec<u8>>,
}

impl Witness {
    fn of(mut child: Child) -> Self {
        let stdout = child.stdout.take().unwrap();
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            let mut reader = BufReader::new(stdout);
            let mut line = Vec::new();
            while reader.read_until(b'\n', &mut line).is_ok_and(|n| n > 0) {
                let _ = sender.send(std::mem::take(&mut line));
            }
        });
        Self { child, lines }
    }

    /// Every whole recorded line that was handed on stands in the log as it was. How many there were.
    fn check(self, log: &[u8]) -> usize {
        kill(self.child);
        let stands: Vec<&[u8]> = log.split_inclusive(|&b| b == b'\n').collect();
        let mut acknowledged = 0;
        for line in self.lines {
            let Ok(value) = serde_json::from_slice::<Value>(&line) else { continue };
            let Some(seq) = value["seq"].as_u64().filter(|_| line.ends_with(b"\n")) else { continue };
            let there = stands.get(seq as usize - 1).copied().unwrap_or_default();
            assert_eq!(there, &line[..], "acknowledged line {seq} is lost");
            acknowledged += 1;
        }
        acknowledged
    }
}

/// How a session is kept going.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Way {
    Star,
    Chain,
}

fn start(world: &World, session: &str, way: Way) -> Child {
    match way {
        Way::Star => world.command("ace-session", &["run", session]).stderr(Stdio::null()).spawn().unwrap(),
        Way::Chain => {
            let script = format!(
                "ace-log follow {session} --until idle | ace-session step | ace-model | ace-permit | ace-tool | \
                 ace-log append {session} --tee"
            );
            let mut command = world.shell(&script);
            command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
        }
    }
}

#[derive(Debug, Default)]
struct Figures {
    kills: usize,
    sessions: usize,
    runs: usize,
    acknowledged: usize,
    unknown: usize,
    by_name: BTreeMap<String, usize>,
}

/// One session, killed `kills` times, brought to its end.
fn batter(world: &World, dice: &mut Dice, kills: usize, span: Duration, figures: &mut Figures) {
    let id = session(world);
    let mut witnesses = Vec::new();
    let follow = |world: &World| world.command("ace-log", &["follow", &id]).stderr(Stdio::null()).spawn().unwrap();
    let mut follower = Witness::of(follow(world));
    let way = |dice: &mut Dice| if dice.below(3) == 0 { Way::Chain } else { Way::Star };
    let mut runner = Witness::of(start(world, &id, way(dice)));
    figures.runs += 1;
    let mut seen: Vec<Process> = Vec::new();
    for _ in 0..kills {
        std::thread::sleep(Duration::from_micros(dice.below(span.as_micros() as usize) as u64));
        let root = runner.child.id();
        let tree = descendants(root);
        let mut targets: Vec<(u32, String)> = tree.iter().map(|p| (p.pid, title(p))).collect();
        targets.push((root, "runner".to_owned()));
        targets.push((follower.child.id(), "follow".to_owned()));
        seen.extend(tree);
        let (pid, name) = targets.swap_remove(dice.below(targets.len()));
        signal("KILL", pid);
        figures.kills += 1;
        *figures.by_name.entry(name).or_default() += 1;
        if follower.child.try_wait().unwrap().is_some() {
            witnesses.push(std::mem::replace(&mut follower, Witness::of(follow(world))));
        }
        // At once, while what was left of the last one may still be going down.
        if runner.child.try_wait().unwrap().is_some() {
            witnesses.push(std::mem::replace(&mut runner, Witness::of(start(world, &id, way(dice)))));
            figures.runs += 1;
        }
    }
    // A chain that lost a part ends; what is left to do is done by another run.
    let begin = Instant::now();
    loop {
        while runner.child.try_wait().unwrap().is_none() {
            assert!(
                begin.elapsed() < PATIENCE,
                "hangs: {}\n{:#?}",
                brief(&world.log(&id)),
                descendants(runner.child.id())
            );
            std::thread::sleep(Duration::from_millis(2));
        }
        if world.types(&id).iter().any(|t| t == "turn.completed") {
            break;
        }
        witnesses.push(std::mem::replace(&mut runner, Witness::of(start(world, &id, Way::Star))));
        figures.runs += 1;
    }
    let log = std::fs::read(world.log_file(&id)).unwrap();
    witnesses.extend([runner, follower]);
    figures.acknowledged += witnesses.into_iter().map(|w| w.check(&log)).sum::<usize>();
    check_whole(world, &id);
    figures.unknown += check_steps(world, &id, STEPS);
    let ends = world.types(&id).into_iter().filter(|t| t.starts_with("turn.") && t != "turn.started").count();
    assert_eq!(ends, 1, "{}", brief(&world.log(&id)));
    let again = world.run("ace-session", &["run", &id]);
    assert_eq!(again.code, Some(0), "a finished session stays so: {again:?}");
    assert_eq!(std::fs::read(world.log_file(&id)).unwrap(), log, "a finished session is a fixed point");
    eventually("all that was started has ended", || seen.iter().all(|p| !p.lives()));
    figures.sessions += 1;
}

fn title(process: &Process) -> String {
    let words = process.words();
    let mut words = words.split(' ');
    let first = words.next().unwrap_or_default().rsplit('/').next().unwrap_or_default().to_owned();
    match words.next() {
        Some(verb) if first.starts_with("ace-") && !verb.starts_with('-') => {
            format!("{first} {verb}").trim().to_owned()
        }
        _ => first,
    }
}

#[test]
fn f09_a_killed_session_loses_nothing_and_repeats_nothing() {
    let (all, seed) = (number("ACE_KILLS", 100), number("ACE_KILL_SEED", 1));
    let mut dice = Dice::new(seed);
    let world = world(stepping(STEPS));
    let begin = Instant::now();
    let undisturbed = session(&world);
    let _ = finish(start(&world, &undisturbed, Way::Star), None);
    let span = begin.elapsed();
    let mut figures = Figures::default();
    while figures.kills < all {
        let kills = (1 + dice.below(4)).min(all - figures.kills);
        batter(&world, &mut dice, kills, span / 2, &mut figures);
    }
    eventually("nothing of this world is left", || inhabitants(&world).is_empty());
    println!("{figures:#?} in {:?}, seed {seed}", begin.elapsed());
}
