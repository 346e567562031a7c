//! `ace-replay what-if`: the same moment with something changed, so many times; how often it passes, and how sure that is.

use ace_cli::replay::WhatIf;
use ace_cli::{Complaint, Exit, When};
use ace_config::Layer;
use ace_core::State;
use ace_front::{Attended, Ended, Interrupt, Opening, begin, interrupt};
use ace_host::{Made, Programs};
use ace_replay::{Verdict, verdict, wilson};
use ace_schema::data::ModelCompleted;
use ace_schema::permission::Mode;
use ace_schema::{Line, ty};
use ace_view::{Mark, Role, Text, units};
use serde_json::json;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Instant;

use crate::PROGRAM;
use crate::folder::limited;
use crate::forks::{Fresh, Way, make, way};
use crate::tell::{Teller, count, flat};
use crate::tools::remove;

/// Exits of a run that say nothing of the change: usage, damage, no provider, a fault, I/O, busy, credentials, configuration.
const BROKEN: [i32; 8] = [2, 65, 69, 70, 74, 75, 77, 78];

/// What is changed.
#[derive(Default)]
struct Changes {
    fresh: Fresh,
    /// Files of the worktree and what they hold instead.
    files: Vec<(PathBuf, Vec<u8>)>,
}

/// One run.
struct Ran {
    name: String,
    passed: bool,
    verdict: Verdict,
    cost: u64,
    ms: u64,
}

/// Runs them and tells the rate.
pub fn what_if(opening: &Opening, args: &WhatIf, color: When) -> Result<Exit, Complaint> {
    let (opening, changes) = read(opening, args)?;
    let way = way(&opening, &args.session, None)?;
    let (runs, jobs) = (args.runs as usize, (args.jobs.min(args.runs)) as usize);
    let stop = interrupt("ace-replay: killed", || {});
    let mut teller = Teller::new(color);
    let mut done: Vec<Ran> = Vec::new();
    let mut broken = None;
    let (next, enough) = (AtomicUsize::new(0), AtomicBool::new(false));
    let (sender, results) = mpsc::channel();
    // Made one after the other: forks of one moment differ in nothing but their names.
    let forks = std::sync::Mutex::new(());
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            let (sender, next, enough, forks, stop) = (sender.clone(), &next, &enough, &forks, &stop);
            let (opening, way, changes) = (&opening, &way, &changes);
            scope.spawn(move || {
                while next.fetch_add(1, Ordering::Relaxed) < runs {
                    if stop.is_wanted() || enough.load(Ordering::Relaxed) {
                        return;
                    }
                    let held = forks.lock();
                    let made = fork(opening, way, changes);
                    drop(held);
                    let ran = made.and_then(|made| {
                        let ran = one(opening, &made, args, stop);
                        if !args.keep || ran.is_err() {
                            remove(&made.id);
                        }
                        ran
                    });
                    if sender.send(ran).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        for ran in results {
            match ran {
                Ok(Some(ran)) => {
                    let told = tell(&mut teller, done.len() + 1, &ran, args);
                    broken = broken.take().or(told.err());
                    done.push(ran);
                }
                Ok(None) => {}
                Err(complaint) => broken = broken.take().or(Some(complaint)),
            }
            if broken.is_some() {
                enough.store(true, Ordering::Relaxed);
            }
            teller.progress(&format!("{} of {runs}", done.len()));
        }
    });
    teller.clear();
    if let Some(complaint) = broken {
        return Err(complaint);
    }
    sum(&mut teller, &done, args.json)?;
    let all = done.iter().all(|ran| ran.passed);
    Ok(if stop.is_wanted() {
        Exit::Cancelled
    } else if all {
        Exit::Done
    } else {
        Exit::No
    })
}

/// The changes as typed; and settings in which a model's alias stands for it.
fn read(opening: &Opening, args: &WhatIf) -> Result<(Opening, Changes), Complaint> {
    let usage = |what: String| {
        Complaint::new(PROGRAM, Exit::Usage, what).hint("--change model=NAME, mode=MODE, prompt=TEXT or file:PATH=FILE")
    };
    let mut changes = Changes::default();
    let mut opening = opening.clone();
    for change in &args.changes {
        let (what, value) = change.split_once('=').ok_or_else(|| usage(format!("'{change}' changes nothing")))?;
        match what {
            "model" => {
                let cwd = opening.cwd.clone();
                opening = ace_front::open(PROGRAM, vec![Layer::flag("--change", "model", value)])?;
                opening.cwd = cwd;
                begin::key(&opening)?;
                changes.fresh.model = opening.settings.config.model.clone().unwrap_or_else(|| value.to_owned());
            }
            "mode" => {
                let mode = Mode::parse(value).ok_or_else(|| usage(format!("'{value}' is no mode")))?;
                changes.fresh.mode = Some(mode);
            }
            "prompt" if !value.trim().is_empty() => changes.fresh.prompt = value.to_owned(),
            _ => {
                let path = what.strip_prefix("file:").filter(|path| ace_replay::scenario::is_inside(path));
                let path = path.ok_or_else(|| usage(format!("'{what}' is nothing that can be changed")))?;
                let bytes = limited(&opening.cwd.join(value), ace_schema::limits::SCENARIO_FILES_BYTES)
                    .map_err(|e| Complaint::io(PROGRAM, &format!("cannot read '{value}'"), &e))?;
                changes.files.push((PathBuf::from(path), bytes));
            }
        }
    }
    Ok((opening, changes))
}

/// A fork at that moment, with what is changed.
fn fork(opening: &Opening, way: &Way, changes: &Changes) -> Result<Made, Complaint> {
    let made = make(opening, way, &changes.fresh)?;
    let root = made.created.worktree.as_ref().map(|tree| PathBuf::from(&tree.path));
    for (path, bytes) in &changes.files {
        let Some(file) = root.as_ref().map(|root| root.join(path)) else { continue };
        // A fresh checkout may hold links: what is written stays in it.
        let inside = file.parent().and_then(|folder| {
            std::fs::create_dir_all(folder).ok()?;
            Some(folder.canonicalize().ok()?.starts_with(root.as_ref()?.canonicalize().ok()?))
        });
        let written = match inside {
            Some(true) if !file.is_symlink() => std::fs::write(&file, bytes),
            _ => Err(std::io::Error::other("it leads out of the worktree")),
        };
        written.map_err(|e| {
            remove(&made.id);
            Complaint::io(PROGRAM, &format!("cannot change '{}'", path.display()), &e)
        })?;
    }
    Ok(made)
}

/// Runs one fork to its end and judges it; `None` if a person stopped it.
fn one(opening: &Opening, made: &Made, args: &WhatIf, stop: &Interrupt) -> Result<Option<Ran>, Complaint> {
    let begun = Instant::now();
    let mut command = Command::new(Programs::beside_this().find("ace-session"));
    command.args(["run", &made.id]);
    let (code, said) = finish(&mut command, "ace-session run", stop)?;
    let Some(code) = code else { return Ok(None) };
    if BROKEN.contains(&code) {
        let exit = ace_cli::Exit::ALL.into_iter().find(|exit| i32::from(exit.number()) == code).unwrap_or(Exit::Bug);
        return Err(Complaint::new(PROGRAM, exit, format!("the run of '{}' broke: {said}", made.created.name)));
    }
    let log = opening.home().log(&made.id);
    let (state, cost) = read_log(&log).map_err(|e| Complaint::io(PROGRAM, "cannot read the log of a fork", &e))?;
    let verdict = verdict(&state);
    let passed = match (&args.check, &made.created.worktree) {
        (Some(check), Some(tree)) => {
            let mut command = Command::new("sh");
            command.args(["-c", check]).current_dir(&tree.path);
            let (code, _) = finish(&mut command, "the check", stop)?;
            let Some(code) = code else { return Ok(None) };
            code == 0
        }
        _ => verdict == Verdict::Done,
    };
    let ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(0);
    Ok(Some(Ran { name: made.created.name.clone(), passed, verdict, cost, ms }))
}

/// Waits for a program; no code if a person stopped it.
fn finish(command: &mut Command, what: &str, stop: &Interrupt) -> Result<(Option<i32>, String), Complaint> {
    let cannot = |e| Complaint::io(PROGRAM, &format!("cannot start {what}"), &e);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = Attended::start(command).map_err(cannot)?;
    let stderr = child.stderr();
    let listener = std::thread::spawn(move || {
        use std::io::{BufRead, BufReader};
        let mut last = String::new();
        for line in stderr.into_iter().flat_map(|s| BufReader::new(s).lines()).map_while(Result::ok) {
            if !line.starts_with("hint:") && !line.trim().is_empty() {
                last = line;
            }
        }
        ace_view::clean(&last)
    });
    let ended = child.wait(stop, None).map_err(cannot)?;
    let said = listener.join().unwrap_or_default();
    let code = match ended {
        Ended::Exited(status) => Some(status.code().unwrap_or(128)),
        Ended::Stopped | Ended::Late => None,
    };
    Ok((code, said))
}

/// The state at the end, and what the fork itself has cost.
fn read_log(log: &ace_storage::Log) -> std::io::Result<(State, u64)> {
    let (mut state, mut cost) = (State::new(), 0);
    let mut follow = log.follow(0)?;
    loop {
        let lines = follow.read()?;
        if lines.is_empty() {
            return Ok((state, cost));
        }
        for line in ace_storage::split(lines).filter_map(|bytes| Line::parse(bytes).ok()) {
            state.fold(&line);
            match &*line.ty {
                ty::SESSION_CREATED => cost = 0,
                ty::MODEL_COMPLETED => cost += line.data::<ModelCompleted>().ok().and_then(|d| d.cost).unwrap_or(0),
                _ => {}
            }
        }
    }
}

fn tell(teller: &mut Teller, n: usize, ran: &Ran, args: &WhatIf) -> Result<(), Complaint> {
    if args.json {
        let name = args.keep.then_some(&ran.name);
        let line = json!({ "run": n, "passed": ran.passed, "verdict": ran.verdict, "cost": ran.cost, "ms": ran.ms, "session": name });
        return teller.raw(&format!("{line}\n"));
    }
    let (mark, role, word) =
        if ran.passed { (Mark::Done, Role::Good, "passed") } else { (Mark::Failed, Role::Bad, "failed") };
    let mut line = Text::marked(mark, &teller.style).plain(format!("{n:>3}  ")).with(role, word);
    line = line.plain(format!("  {}", ran.verdict.name())).to(24).dim(units::money(ran.cost));
    line = line.plain("  ").dim(units::duration(ran.ms));
    if args.keep {
        line = line.plain("  ").with(Role::Typed, flat(&ran.name));
    }
    teller.print(&[line])
}

fn sum(teller: &mut Teller, done: &[Ran], json: bool) -> Result<(), Complaint> {
    let passed = done.iter().filter(|ran| ran.passed).count();
    let interval = wilson(passed as u64, done.len() as u64);
    let cost: u64 = done.iter().map(|ran| ran.cost).sum();
    if json {
        let line = json!({
            "runs": done.len(), "passed": passed, "rate": interval.rate, "low": interval.low, "high": interval.high,
            "confidence": 0.95, "cost": cost,
        });
        return teller.raw(&format!("{line}\n"));
    }
    let share = |x: f64| format!("{:.0} %", x * 100.0);
    let line = Text::of(Role::Bold, format!("{passed} of {} passed", count(done.len(), "run")))
        .plain(format!(", {}  ", share(interval.rate)))
        .dim(format!("between {} and {} (95 %)  {}", share(interval.low), share(interval.high), units::money(cost)));
    teller.print(&[line])
}
