//! `ace-replay shrink`: takes away from a failing scenario whatever it fails without, the same way.

use ace_cli::replay::Shrink;
use ace_cli::{Complaint, Exit, When};
use ace_front::{Interrupt, interrupt};
use ace_replay::Failure;
use ace_replay::cassette::{self, calls, with_calls};
use ace_replay::scenario::{CASSETTE, EXPECTED, Expect, FILE, FILES, Scenario};
use ace_replay::shrink::smallest;
use ace_schema::limits;
use ace_view::{Mark, Role, Text};
use serde_json::Value;
use std::path::{Path, PathBuf};

use crate::PROGRAM;
use crate::folder::{Folder, copy, read};
use crate::tell::{Teller, count, no};
use crate::world::{How, run, signature};

/// What is taken from.
#[derive(Debug, Clone)]
struct Part {
    scenario: Scenario,
    rows: Vec<Value>,
    /// Calls that are kept, by their rows; the expected calls beside them.
    calls: Vec<usize>,
    files: Vec<PathBuf>,
}

/// Makes a smaller one beside it.
pub fn shrink(args: &Shrink, color: When) -> Result<Exit, Complaint> {
    let folder = read(&args.folder)?;
    let out = args.out.clone().unwrap_or_else(|| {
        let name = folder.path.file_name().map_or_else(|| "scenario".into(), std::ffi::OsStr::to_owned);
        folder.path.with_file_name([name.to_string_lossy().as_ref(), "-small"].concat())
    });
    if out.exists() {
        return Err(Complaint::new(PROGRAM, Exit::Usage, format!("'{}' is there already", out.display())));
    }
    let stop = interrupt("ace-replay: killed", || {});
    let mut teller = Teller::new(color);
    let first = run(&folder, How::here(false), &stop);
    if stop.is_wanted() {
        return Ok(Exit::Cancelled);
    }
    if first.passed() {
        return Err(no(format!("'{}' does not fail", args.folder.display())));
    }
    let trial = Trial { folder: &folder, wanted: signature(&first), stop: &stop, runs: 1, work: out.clone() };
    let small = trial.reduce(first.failures.first(), &mut teller);
    teller.clear();
    let (small, runs) = match small {
        Ok(small) => small,
        Err(complaint) => {
            let _ = std::fs::remove_dir_all(&out);
            return Err(complaint);
        }
    };
    if stop.is_wanted() {
        let _ = std::fs::remove_dir_all(&out);
        return Ok(Exit::Cancelled);
    }
    write(&folder, &small, &out)
        .map_err(|e| Complaint::io(PROGRAM, &format!("cannot write '{}'", out.display()), &e))?;
    let before = (calls(&folder.rows).len(), folder.files.iter().filter(|path| path.starts_with(FILES)).count());
    let line = Text::marked(Mark::Done, &teller.style).with(Role::Typed, out.display().to_string()).plain(format!(
        "  {} of {}, {} of {}, {} of {}, {}",
        small.scenario.prompts.len(),
        count(folder.scenario.prompts.len(), "prompt"),
        small.calls.len(),
        count(before.0, "call"),
        small.files.len(),
        count(before.1, "file"),
        count(runs as usize, "run"),
    ));
    let why = first.failures.first().map(|failure| failure.words.clone()).or(first.error).unwrap_or_default();
    teller.print(&[line, Text::new().plain("    still fails: ").plain(crate::tell::flat(&why))])?;
    Ok(Exit::Done)
}

struct Trial<'f> {
    folder: &'f Folder,
    wanted: String,
    stop: &'f Interrupt,
    runs: u32,
    work: PathBuf,
}

impl Trial<'_> {
    fn reduce(mut self, failure: Option<&Failure>, teller: &mut Teller) -> Result<(Part, u32), Complaint> {
        let files = self.folder.files.iter().filter(|path| path.starts_with(FILES)).cloned().collect();
        let (scenario, rows) = (self.folder.scenario.clone(), self.folder.rows.clone());
        let mut part = Part { scenario, calls: calls(&rows), rows, files };
        if let Some(failure) = failure {
            let mut alone = part.clone();
            alone.scenario.expect = only(&part.scenario.expect, failure);
            // `event 3` alone is `event 1`.
            let renamed = failure.expectation.split_once(' ').map_or(String::new(), |(kind, _)| format!("{kind} 1"));
            let numbered = matches!(failure.expectation.split(' ').next(), Some("event" | "says"));
            let expectation = if numbered { renamed } else { failure.expectation.clone() };
            let failures = vec![Failure { expectation, words: failure.words.clone() }];
            let wanted = signature(&crate::world::Outcome { failures, ..Default::default() });
            let before = std::mem::replace(&mut self.wanted, wanted);
            if self.fails(&alone, teller)? {
                part = alone;
            } else {
                self.wanted = before;
            }
        }
        let mut broken = None;
        for _ in 0..2 {
            let kept = smallest(&part.calls, |calls| {
                self.still(&Part { calls: calls.to_vec(), ..part.clone() }, teller, &mut broken)
            });
            part.calls = kept;
            let files = smallest(&part.files, |files| {
                self.still(&Part { files: files.to_vec(), ..part.clone() }, teller, &mut broken)
            });
            part.files = files;
            while part.scenario.prompts.len() > 1 {
                let mut less = part.clone();
                less.scenario.prompts.pop();
                if !self.still(&less, teller, &mut broken) {
                    break;
                }
                part = less;
            }
            let answers = smallest(&part.scenario.answers.clone(), |answers| {
                let mut less = part.clone();
                less.scenario.answers = answers.to_vec();
                self.still(&less, teller, &mut broken)
            });
            part.scenario.answers = answers;
        }
        broken.map_or(Ok((part, self.runs)), Err)
    }

    fn still(&mut self, part: &Part, teller: &mut Teller, broken: &mut Option<Complaint>) -> bool {
        if broken.is_some() || self.stop.is_wanted() || self.runs >= limits::SHRINK_RUNS {
            return false;
        }
        self.fails(part, teller).unwrap_or_else(|complaint| {
            *broken = Some(complaint);
            false
        })
    }

    /// Whether this part fails the same way.
    fn fails(&mut self, part: &Part, teller: &mut Teller) -> Result<bool, Complaint> {
        self.runs += 1;
        let left = format!("{}, {}", count(part.calls.len(), "call"), count(part.files.len(), "file"));
        teller.progress(&format!("run {}: {left}", self.runs));
        let work = &self.work;
        let cannot = |e| Complaint::io(PROGRAM, &format!("cannot write '{}'", work.display()), &e);
        write(self.folder, part, work).map_err(cannot)?;
        let outcome = read(work).map(|folder| run(&folder, How::here(false), self.stop));
        std::fs::remove_dir_all(work).map_err(cannot)?;
        Ok(outcome.is_ok_and(|outcome| !outcome.passed() && signature(&outcome) == self.wanted))
    }
}

/// The expectations without those that hold.
fn only(expect: &Expect, failure: &Failure) -> Expect {
    let (kind, rest) = failure.expectation.split_once(' ').unwrap_or((&failure.expectation, ""));
    let at = rest.parse::<usize>().unwrap_or(1).saturating_sub(1);
    match kind {
        "verdict" => Expect { verdict: expect.verdict, ..Expect::default() },
        "calls" => Expect { calls: expect.calls.clone(), ..Expect::default() },
        "says" => Expect { says: expect.says.get(at).cloned().into_iter().collect(), ..Expect::default() },
        "event" => Expect { events: expect.events.get(at).cloned().into_iter().collect(), ..Expect::default() },
        "file" => {
            let files = expect.files.iter().filter(|file| file.path == rest).cloned().collect();
            Expect { files, ..Expect::default() }
        }
        _ => Expect { check: expect.check.clone(), ..Expect::default() },
    }
}

/// Writes a part as a folder.
fn write(folder: &Folder, part: &Part, out: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(out)?;
    let mut scenario = part.scenario.clone();
    let all = calls(&folder.rows);
    if let Some(expected) = &mut scenario.expect.calls {
        // The expected calls stand beside those of the recording, one for one; what is expected beyond them stays.
        let gone: Vec<usize> = (0..all.len()).filter(|n| !part.calls.contains(&all[*n])).collect();
        let mut at = 0;
        expected.retain(|_| {
            at += 1;
            !gone.contains(&(at - 1))
        });
    }
    std::fs::write(out.join(FILE), scenario.text())?;
    std::fs::write(out.join(CASSETTE), cassette::text(&with_calls(&part.rows, &part.calls)))?;
    for path in &folder.files {
        let is_own = path == Path::new(FILE) || path == Path::new(CASSETTE);
        let is_gone = path.starts_with(FILES) && !part.files.contains(path);
        let is_unused = path
            .strip_prefix(EXPECTED)
            .is_ok_and(|inner| !scenario.expect.files.iter().any(|file| Path::new(&file.path) == inner && file.same));
        if !is_own && !is_gone && !is_unused {
            copy(&folder.path.join(path), &out.join(path))?;
        }
    }
    Ok(())
}
