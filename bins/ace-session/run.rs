//! `ace-session new`, `run` and `list`: a session made, one kept going on a screen, and the sessions there are.

use ace_cli::{Complaint, Exit, SessionAddress, SessionOptions, When};
use ace_core::Until;
use ace_front::until::{Goal, until};
use ace_front::{Opening, Output, Screen, begin, listing, open, sessions, shown, watch};
use ace_schema::limits;
use ace_view::{Next, SessionFacts};

use crate::{PROGRAM, print};

/// Makes a session and prints its id.
pub fn new(prompt: Option<&str>, options: &SessionOptions, color: When) -> Result<Exit, Complaint> {
    let opening = open(PROGRAM, options.layers())?;
    let prompt = begin::prompt(PROGRAM, prompt)?;
    let made = begin::make(&opening, prompt, options, color)?;
    print(&format!("{}\n", made.id))
}

/// Starts the filters, settles what a crash left, and runs until the turn has ended; or, if it does not lead, watches who does.
pub fn run(opening: &Opening, session: &SessionAddress, color: When, leads: bool) -> Result<Exit, Complaint> {
    let found = opening.find(session)?;
    let log = opening.log(&found);
    let shown_log = shown(log.file());
    let screen = Screen::new(Output { color, ..Output::default() });
    let until = if screen.answerable() { Until::Turn } else { Until::Idle };
    let mut plan = begin::plan(opening, log, until)?;
    plan.leads = leads;
    let facts = move |state: &ace_core::State| facts_of(state, shown_log);
    let next = |state: &ace_core::State, _: bool| match &state.created.worktree {
        Some(_) => vec![Next::new(format!("ace diff {}", state.name), "what changed")],
        None => Vec::new(),
    };
    watch(PROGRAM, plan, screen, facts, next)
}

/// The head lines of a session as it stands.
fn facts_of(state: &ace_core::State, log: String) -> SessionFacts {
    SessionFacts {
        name: state.name.clone(),
        model: state.model.clone(),
        mode: state.mode.name().to_owned(),
        log,
        budget: Some(state.limits.money).filter(|money| *money > 0),
        place: place_of(&state.created),
        ..SessionFacts::of(&state.created)
    }
}

/// Goes on, turn by turn, until a command succeeds.
pub fn until_passed(
    opening: &Opening,
    session: &SessionAddress,
    command: &str,
    rounds: Option<u32>,
    color: When,
) -> Result<Exit, Complaint> {
    let log = opening.log(&opening.find(session)?);
    let goal = Goal { command: command.to_owned(), rounds: rounds.unwrap_or(limits::ROUNDS) };
    let shown_log = shown(log.file());
    let facts = |state: &ace_core::State| facts_of(state, shown_log.clone());
    until(opening, &log, &goal, Output { color, ..Output::default() }, facts, &[])
}

/// Where calls run, as a person knows it.
fn place_of(created: &ace_schema::data::SessionCreated) -> String {
    match (&created.worktree, &created.repository) {
        (Some(_), Some(repository)) => {
            format!("{} (worktree of {})", shown(std::path::Path::new(&repository.root)), created.name)
        }
        _ => shown(std::path::Path::new(&created.cwd)),
    }
}

/// The sessions, who waits for a person first, then newest.
pub fn list(opening: &Opening, json: bool, color: When) -> Result<Exit, Complaint> {
    let all = sessions::list(opening, true)?;
    if json {
        let lines: Vec<String> = all.iter().map(|s| s.json(opening.home()) + "\n").collect();
        return print(&lines.concat());
    }
    print(&sessions::table(all, &listing(color)))
}
