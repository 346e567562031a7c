//! `ace-replay check`: scenarios, so many at once, each in a world of its own; results for people, build servers and the history.

use ace_cli::replay::Check;
use ace_cli::{Complaint, Exit, When};
use ace_front::{Interrupt, Opening, interrupt};
use ace_replay::junit::{Case, report};
use ace_schema::data::ScenarioCompleted;
use ace_view::{Mark, Role, Text, units};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use crate::folder::{self, Folder};
use crate::history;
use crate::tell::{Teller, count, flat};
use crate::world::{How, Outcome, run};
use crate::{PROGRAM, tell};

/// Runs them all.
pub fn check(opening: &Opening, args: &Check, color: When) -> Result<Exit, Complaint> {
    let folders: Vec<Folder> =
        folder::all(&args.folders)?.iter().map(|path| folder::read(path)).collect::<Result<_, _>>()?;
    let how = How { pack: args.pack.is_some(), ..How::here(args.keep) };
    if let Some(folder) = &args.pack {
        let cannot = |e| Complaint::io(PROGRAM, &format!("cannot make '{}'", folder.display()), &e);
        std::fs::create_dir_all(folder).map_err(cannot)?;
    }
    if how.unsandboxed {
        ace_cli::note(PROGRAM, "no sandbox here: tools run without one", None, color);
    }
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let jobs = args.jobs.map_or(cores, |n| n as usize).min(folders.len());
    let stop = interrupt("ace-replay: killed", || {});
    let mut teller = Teller::new(color);
    let mut done: Vec<Option<Outcome>> = folders.iter().map(|_| None).collect();
    let widest = folders.iter().map(|f| f.name.chars().count()).max().unwrap_or(0).min(40);
    let mut broken = None;
    at_once(&folders, jobs, (how, &stop), |at, outcome| {
        let packed = keep(args.pack.as_deref(), &folders[at], &outcome);
        let shown = if args.json {
            teller.raw(&format!("{}\n", as_json(&folders[at], &outcome, packed.as_deref())))
        } else {
            let lines = told(&folders[at], &outcome, widest, &teller.style);
            teller.print(&lines)
        };
        broken = broken.take().or(shown.err());
        done[at] = Some(outcome);
        let left = done.iter().filter(|d| d.is_none()).count();
        if left > 0 {
            teller.progress(&format!("{left} of {} left", folders.len()));
        }
        // Nobody reads it any more.
        broken.is_none()
    });
    teller.clear();
    if let Some(complaint) = broken {
        return Err(complaint);
    }
    let finished: Vec<(&Folder, &Outcome)> =
        folders.iter().zip(&done).filter_map(|(folder, outcome)| Some((folder, outcome.as_ref()?))).collect();
    if stop.is_wanted() {
        return Ok(Exit::Cancelled);
    }
    if let Some(file) = &args.junit {
        let cases: Vec<Case> = finished.iter().map(|(folder, outcome)| case(folder, outcome)).collect();
        std::fs::write(file, report("ace scenarios", &cases))
            .map_err(|e| Complaint::io(PROGRAM, &format!("cannot write '{}'", file.display()), &e))?;
    }
    if !args.no_record {
        let results: Vec<ScenarioCompleted> =
            finished.iter().map(|(folder, outcome)| history::result(folder, outcome)).collect();
        history::record(opening, &results)?;
    }
    let passed = finished.iter().filter(|(_, outcome)| outcome.passed()).count();
    if args.json {
        let sum = json!({ "scenarios": finished.len(), "passed": passed, "failed": finished.len() - passed });
        teller.raw(&format!("{sum}\n"))?;
    } else {
        let all = count(finished.len(), "scenario");
        let line = match finished.len() - passed {
            0 => Text::of(Role::GoodBold, format!("{all} passed")),
            failed => Text::of(Role::BadBold, format!("{failed} of {all} failed")),
        };
        teller.print(&[line])?;
    }
    Ok(if passed == finished.len() { Exit::Done } else { Exit::No })
}

/// Runs them on so many threads and tells of each as it ends, until nobody wants more.
pub fn at_once(
    folders: &[Folder],
    jobs: usize,
    (how, stop): (How, &Interrupt),
    mut told: impl FnMut(usize, Outcome) -> bool,
) {
    let next = AtomicUsize::new(0);
    let (sender, results) = mpsc::channel();
    let enough = Mutex::new(false);
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            let (sender, next, enough) = (sender.clone(), &next, &enough);
            scope.spawn(move || {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let is_enough = enough.lock().is_ok_and(|enough| *enough);
                    let Some(folder) = folders.get(at).filter(|_| !stop.is_wanted() && !is_enough) else { return };
                    let outcome = run(folder, how, stop);
                    if stop.is_wanted() || sender.send((at, outcome)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        for (at, outcome) in results {
            if !told(at, outcome)
                && let Ok(mut enough) = enough.lock()
            {
                *enough = true;
            }
        }
    });
}

/// Leaves a session as one file; where.
fn keep(folder: Option<&Path>, of: &Folder, outcome: &Outcome) -> Option<PathBuf> {
    let file = folder?.join(format!("{}.ace", of.name));
    std::fs::write(&file, outcome.packed.as_ref()?).ok()?;
    Some(file)
}

fn as_json(folder: &Folder, outcome: &Outcome, packed: Option<&Path>) -> serde_json::Value {
    let result = history::result(folder, outcome);
    let said = |name: &str| outcome.failures.iter().find(|failure| failure.expectation == name);
    let met = |name: &str| outcome.error.is_none().then(|| said(name).is_none());
    let expectations: Vec<_> = folder
        .scenario
        .expect
        .all()
        .into_iter()
        .map(|(name, wanted)| {
            let words = said(&name).map(|failure| failure.words.clone());
            json!({ "expectation": name, "wanted": wanted, "met": met(&name), "words": words })
        })
        .collect();
    json!({
        "name": folder.name, "folder": folder.path.display().to_string(), "verdict": result.verdict,
        "failures": outcome.failures, "error": outcome.error, "events": outcome.events, "ms": outcome.ms,
        "digest": folder.digest, "left": outcome.left.as_ref().map(|path| path.display().to_string()),
        "about": folder.scenario.about, "expectations": expectations, "session": outcome.session,
        "packed": packed.map(|path| path.display().to_string()),
    })
}

fn case(folder: &Folder, outcome: &Outcome) -> Case {
    let failures = outcome.failures.iter().map(|failure| failure.words.clone()).collect();
    Case { name: folder.name.clone(), ms: outcome.ms, failures, error: outcome.error.clone() }
}

fn told(folder: &Folder, outcome: &Outcome, widest: usize, style: &ace_view::Style) -> Vec<Text> {
    let (mark, role) = match (&outcome.error, outcome.passed()) {
        (Some(_), _) => (Mark::Warns, Role::Edge),
        (None, true) => (Mark::Done, Role::Good),
        (None, false) => (Mark::Failed, Role::Bad),
    };
    let word = match mark {
        Mark::Done => "passed",
        Mark::Warns => "broken",
        _ => "failed",
    };
    let head = Text::marked(mark, style).with(Role::Bold, tell::flat(&folder.name)).to(widest + 4);
    let head = head.with(role, word).plain("  ").dim(units::duration(outcome.ms));
    let about = flat(&folder.scenario.about);
    let head = if about.is_empty() { head } else { head.plain("  ").plain(about).cut_end(style.width, style) };
    let mut lines = vec![head];
    let words = outcome.failures.iter().map(|failure| &failure.words).chain(&outcome.error);
    lines.extend(words.map(|words| Text::new().plain("    ").plain(flat(words))));
    if let Some(left) = &outcome.left {
        lines.push(Text::new().plain("    ").dim("left in ").with(Role::Typed, left.display().to_string()));
    }
    lines
}
