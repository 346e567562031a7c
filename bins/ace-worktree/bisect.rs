//! Which step broke it: a binary search over the states of a session, each brought back in a scratch worktree.

use ace_cli::worktree::Bisect;
use ace_cli::{Complaint, Exit};
use ace_core::bisect::{Found, Verdict, search};
use ace_front::{Attended, Ended, Interrupt, Opening, clock, interrupt, random};
use ace_host::{Scratch, Step, pool, pools, steps};
use ace_worktree as git;
use std::io::{IsTerminal, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Instant;

use crate::look::{print, subject};
use crate::{PROGRAM, failed};

/// The exit by which a command says that it cannot tell, as in `git bisect run`.
const UNTESTABLE: i32 = 125;

/// From this exit on the command itself did not work: a shell says 126 and 127 for what it cannot start, a signal is 128 and more.
const BROKEN: i32 = 126;

/// Searches, and tells the first step after which the command fails (or, the other way round, succeeds).
pub fn bisect(opening: &Opening, args: &Bisect) -> Result<Exit, Complaint> {
    let name = args.session.place_text();
    let log = opening.log(&opening.find(&args.session)?);
    let cannot = |e| Complaint::io(PROGRAM, &format!("cannot read '{name}'"), &e);
    let (state, steps) = steps(&log).map_err(cannot)?;
    let nothing = || Complaint::new(PROGRAM, Exit::No, format!("nothing is recorded of the files of '{name}'"));
    let pool = pool(&state.created, &pools(opening.home())).map_err(failed)?.ok_or_else(nothing)?;
    let states = distinct(&pool, state.created.worktree.as_ref().map(|tree| tree.base.as_str()), steps)?;
    let Some(first) = states.first() else { return Err(nothing()) };
    let root = state.created.repository.as_ref().map(|r| r.root.clone()).unwrap_or_default();
    let base = state.created.worktree.as_ref().map(|tree| tree.base.clone());
    let base = base.or(Some(state.commit.clone()).filter(|commit| !commit.is_empty()));
    let stop = interrupt("ace-worktree: killed", || {});
    let place_of = (Path::new(&root), base.as_deref());
    let scratch = Scratch::make(opening.home(), &pool, place_of, "bisect", (&clock(), random())).map_err(failed)?;
    let mut trial = Trial { scratch, args, stop, runs: 0 };
    let (mut good, mut bad) = (0, states.len() - 1);
    let found: Result<Found, Complaint> = search(states.len() - 1, |at| {
        let begun = Instant::now();
        let verdict = trial.judge(&states[at])?;
        match verdict {
            Verdict::Good => good = good.max(at),
            Verdict::Bad => bad = bad.min(at),
            Verdict::Untestable => {}
        }
        if std::io::stderr().is_terminal() {
            let ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(0);
            let (took, left) = (ace_view::units::duration(ms), bad.saturating_sub(good));
            eprintln!("@{}  {}  {took}  {left} left", states[at].seq, word(verdict, args.good_after));
        }
        Ok(verdict)
    });
    let runs = trial.runs;
    drop(trial);
    if matches!(&found, Err(complaint) if complaint.exit == Exit::Cancelled) {
        return Ok(Exit::Cancelled);
    }
    let no = |what: String| Complaint::new(PROGRAM, Exit::No, what);
    let (now, then) = if args.good_after { ("succeeds", "fails") } else { ("fails", "succeeds") };
    match found? {
        Found::First(at) => tell(&name, &pool, &states, at..=at, (args, runs, now)),
        Found::Among(all) => tell(&name, &pool, &states, all, (args, runs, now)),
        Found::AlwaysBad => Err(no(format!("the command {now} from the beginning, {}", place(&name, first)))),
        Found::NeverBad => Err(no(format!("the command {then} at the end: there is no step to find"))),
        Found::Unknown => Err(no("the first or the last state cannot be tested".to_owned())),
    }
}

/// The states in order, of those that follow each other and are equal only the first; where the session began is the first of all.
fn distinct(pool: &git::Pool, base: Option<&str>, steps: Vec<Step>) -> Result<Vec<Step>, Complaint> {
    let mut states: Vec<Step> = Vec::new();
    if let Some(base) = base {
        states.push(Step { seq: 1, tree: pool.tree(base).map_err(failed)?, ..Step::default() });
    }
    for step in steps {
        if states.last().is_none_or(|last| last.tree != step.tree) {
            states.push(step);
        }
    }
    Ok(states)
}

fn place(name: &str, step: &Step) -> String {
    format!("{name}@{}", step.seq)
}

fn word(verdict: Verdict, good_after: bool) -> &'static str {
    match (verdict, good_after) {
        (Verdict::Good, false) | (Verdict::Bad, true) => "passes",
        (Verdict::Bad, false) | (Verdict::Good, true) => "fails",
        (Verdict::Untestable, _) => "skipped",
    }
}

/// Runs the command in a worktree that goes with it.
struct Trial<'a> {
    scratch: Scratch,
    args: &'a Bisect,
    stop: Interrupt,
    runs: u64,
}

/// The number of SIGINT.
const INTERRUPT: i32 = 2;

/// A person has stopped the search.
const STOPPED: &str = "stopped";

impl Trial<'_> {
    /// Brings a state back and runs the command there, as often as it was told to; one failure is enough.
    fn judge(&mut self, step: &Step) -> Result<Verdict, Complaint> {
        let args = self.args;
        self.scratch.restore(&step.tree).map_err(failed)?;
        for _ in 0..args.repeat {
            self.runs += 1;
            let status = self.run(step, &args.command)?;
            // What died of ^C has judged nothing, wherever that came from.
            let Some(status) = status.filter(|status| status.signal() != Some(INTERRUPT)) else {
                return Err(Complaint::new(PROGRAM, Exit::Cancelled, STOPPED));
            };
            let is_good = match status.code() {
                Some(0) => !args.good_after,
                Some(UNTESTABLE) => return Ok(Verdict::Untestable),
                Some(code) if code < BROKEN => args.good_after,
                code => {
                    let how = code.map_or_else(|| "was killed".to_owned(), |code| format!("ended with exit {code}"));
                    let what = format!("the command {how} at @{}: that is neither good nor bad", step.seq);
                    return Err(Complaint::new(PROGRAM, Exit::No, what));
                }
            };
            if !is_good {
                return Ok(Verdict::Bad);
            }
        }
        Ok(Verdict::Good)
    }

    /// How it ended; `None` if a person ended it.
    fn run(&self, step: &Step, command: &[String]) -> Result<Option<ExitStatus>, Complaint> {
        let Some((program, rest)) = command.split_first() else { return Ok(None) };
        let mut child = Command::new(program);
        child.args(rest).current_dir(self.scratch.path()).stdin(Stdio::null());
        // What it prints is for a person to see; stdout is for what was found.
        child.stdout(Stdio::from(std::io::stderr())).env("ACE_BISECT_SEQ", step.seq.to_string());
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_str().is_none_or(|n| n.starts_with("GIT_"))) {
            child.env_remove(name);
        }
        let cannot = |e| Complaint::io(PROGRAM, &format!("cannot start '{program}'"), &e);
        match Attended::start(&mut child).and_then(|child| child.wait(&self.stop, None)).map_err(cannot)? {
            Ended::Exited(status) => Ok(Some(status)),
            Ended::Stopped | Ended::Late => Ok(None),
        }
    }
}

/// Prints the step (or those it is among): the record, the call, what had been said, and the diff.
fn tell(
    name: &str,
    pool: &git::Pool,
    states: &[Step],
    among: std::ops::RangeInclusive<usize>,
    (args, runs, now): (&Bisect, u64, &str),
) -> Result<Exit, Complaint> {
    let (from, step) = (&states[among.start() - 1], &states[*among.end()]);
    let diff = pool.diff(&from.tree, &step.tree).map_err(failed)?;
    let others: Vec<u64> = states[*among.start()..*among.end()].iter().map(|s| s.seq).collect();
    if args.json {
        let call: Option<serde_json::Value> = serde_json::from_str(&step.args).ok();
        let changed: Vec<_> = diff.files.iter().map(|f| f.path.display().to_string()).collect();
        let line = serde_json::json!({
            "seq": step.seq, "type": step.ty, "turn": step.turn, "tool": step.tool, "args": call, "prompt": step.prompt,
            "tree": step.tree, "before": from.tree, "untestable": others, "runs": runs, "changed": changed,
            "patch": String::from_utf8_lossy(&diff.patch),
        });
        return print(format!("{line}\n").as_bytes());
    }
    let what = if step.tool.is_empty() { "changed outside of calls".to_owned() } else { subject(step) };
    let mut out = format!("{}  {what}\n", place(name, step));
    if !step.prompt.is_empty() {
        out += &format!("turn {}: {}\n", step.turn, ace_view::clean(&step.prompt));
    }
    let times = if runs == 1 { "1 run".to_owned() } else { format!("{runs} runs") };
    out += &format!("the first step after which the command {now}, {times}\n");
    if !others.is_empty() {
        let others: Vec<String> = others.iter().map(|seq| format!("@{seq}")).collect();
        out += &format!("or one of {}, which cannot be tested\n", others.join(", "));
    }
    out.push('\n');
    let mut stdout = std::io::stdout().lock();
    let written = stdout.write_all(out.as_bytes()).and_then(|()| stdout.write_all(&diff.patch));
    written.map(|()| Exit::Done).map_err(|e| Complaint::io(PROGRAM, "cannot print", &e))
}
