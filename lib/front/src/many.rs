//! Many sessions at once: each is an ordinary one, in a worktree of its own, kept going by a program of its own. What is known of a
//! batch stands in the logs of its sessions, so that the same command goes on after any crash and does nothing twice.
//!
//! It must never know how a turn is taken; it starts programs, reads logs and says what it sees.

mod batch;
mod claims;
mod lane;
mod relay;
mod show;
mod signals;

use ace_cli::{Complaint, Exit, SessionOptions, When};
use std::time::Duration;

use crate::opening::Opening;
pub use batch::tasks;
pub use lane::{Lane, Verdict};
pub use relay::{Relay, relay};
use show::Show;
use signals::Stop;

/// How often all are looked at.
const TICK: Duration = Duration::from_millis(100);

/// One thing to be done in a session.
#[derive(Debug, Clone, Default)]
pub struct Task {
    /// How it is called in tables.
    pub label: String,
    /// What is said.
    pub prompt: String,
    /// What the session is like.
    pub options: SessionOptions,
}

/// What is to be done at once.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    /// Why: `map`, `race`, `compare`.
    pub part: &'static str,
    /// Its name; empty for one that the tasks give.
    pub name: String,
    /// The tasks.
    pub tasks: Vec<Task>,
    /// So many at once.
    pub jobs: usize,
    /// What judges each; none for the turn's own end.
    pub checks: Vec<String>,
    /// Turns until the checks pass.
    pub rounds: u32,
    /// Micro-dollars of all together.
    pub money: Option<u64>,
    /// The first that passes ends the others.
    pub first_wins: bool,
    /// What has failed is begun again.
    pub retry: bool,
    /// So many checks are enough; none for all of them.
    pub votes: Option<usize>,
    /// A path is of whoever changes it first: another that does is stopped.
    pub claims: bool,
}

/// How people see it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Seen {
    /// Errors only.
    pub quiet: bool,
    /// Lines of JSON in place of the table.
    pub json: bool,
    /// Colour.
    pub color: When,
}

/// What came of a batch.
#[derive(Debug)]
pub struct Outcome {
    /// The batch.
    pub id: String,
    /// The lanes, in the order of the tasks.
    pub lanes: Vec<Lane>,
    /// A person stopped it.
    pub interrupted: bool,
}

/// Runs a batch to its end, or goes on with one that was begun.
///
/// # Errors
/// In words: a task that cannot be begun ends nothing else, but a home that cannot be read does.
pub fn run(opening: &Opening, batch: &Batch, seen: Seen) -> Result<Outcome, Complaint> {
    let stop = Stop::catch();
    let (id, known) = batch::find(opening, batch)?;
    let mut lanes = batch::lanes(opening, batch, &id, known)?;
    let mut show = Show::new(opening.program, seen, batch.money);
    let settle = |lanes: &mut [Lane]| {
        if batch.claims {
            claims::settle(lanes);
        }
    };
    settle(&mut lanes);
    let mut told = 0;
    loop {
        let won = batch.first_wins && lanes.iter().any(|lane| lane.verdict().is_some_and(Verdict::is_good));
        // Each step once: a second ^C means more than the first.
        let asked = stop.asked().max(u32::from(won));
        let ending = asked > 0;
        if asked > told {
            told = asked;
            lanes.iter_mut().for_each(|lane| lane.cancel(asked));
        }
        let mut free = batch.jobs.saturating_sub(lanes.iter().filter(|lane| lane.is_busy()).count());
        for lane in &mut lanes {
            lane.look()?;
            if free > 0 && !ending && lane.waits() {
                lane.begin();
                free -= 1;
            }
        }
        settle(&mut lanes);
        show.update(&lanes);
        if lanes.iter().all(|lane| !lane.is_busy() && (ending || !lane.waits())) {
            break;
        }
        std::thread::sleep(TICK);
    }
    show.end(&lanes);
    let interrupted = stop.asked() > 0;
    Ok(Outcome { id, lanes, interrupted })
}

impl Outcome {
    /// What it means for whoever started it.
    #[must_use]
    pub fn exit(&self, any: bool) -> Exit {
        let good = |lane: &Lane| lane.verdict().is_some_and(Verdict::is_good);
        let has = |wanted: fn(&Verdict) -> bool| self.lanes.iter().filter_map(Lane::verdict).any(wanted);
        if self.interrupted {
            Exit::Cancelled
        } else if (any && self.lanes.iter().any(good)) || self.lanes.iter().all(good) {
            Exit::Done
        } else if has(|v| matches!(v, Verdict::Asks(_))) {
            Exit::Undecided
        } else if has(|v| matches!(v, Verdict::Stopped(_))) && !has(|v| matches!(v, Verdict::Failed)) {
            Exit::Limit
        } else {
            Exit::No
        }
    }

    /// The lanes, best first: the most checks passed, then by what they cost.
    #[must_use]
    pub fn ranked(&self) -> Vec<&Lane> {
        let mut all: Vec<&Lane> = self.lanes.iter().collect();
        all.sort_by_key(|lane| {
            let good = lane.verdict().is_some_and(Verdict::is_good);
            (!good, std::cmp::Reverse(lane.passed()), lane.ledger().cost().unwrap_or(u64::MAX), lane.n)
        });
        all
    }

    /// The lane that won, if one came to a good end.
    #[must_use]
    pub fn winner(&self) -> Option<&Lane> {
        self.ranked().into_iter().next().filter(|lane| lane.verdict().is_some_and(Verdict::is_good))
    }
}

/// Prints the table, or a line of JSON each; what to do next on stderr.
///
/// # Errors
/// Printing failed.
pub fn report(program: &str, outcome: &Outcome, ranked: bool, seen: Seen) -> Result<(), Complaint> {
    let cannot = |e: std::io::Error| Complaint::io(program, "cannot print", &e);
    show::report(outcome, ranked, seen).map_err(cannot)
}
