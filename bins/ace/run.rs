//! `ace run`: a new session, kept going on a screen until its turn has ended.

use ace_cli::ace::{Ace, Run};
use ace_cli::{Complaint, Exit, When};
use ace_core::{State, TurnEnd, Until};
use ace_front::{Output, Screen, begin, open, shown, watch};
use ace_view::{Next, SessionFacts};
use std::io::IsTerminal;
use std::process::ExitCode;

use crate::PROGRAM;

/// Makes the session and runs it.
pub fn run(args: &Ace, run: &Run) -> Result<Exit, Complaint> {
    let opening = open(PROGRAM, run.options.layers())?;
    let prompt = begin::prompt(PROGRAM, run.prompt.as_deref())?;
    let made = begin::make(&opening, prompt, &run.options, args.color)?;
    let log = opening.home().log(&made.id);
    let output = Output {
        json: args.json,
        quiet: args.quiet,
        reasoning: run.reasoning,
        color: args.color,
        show_prompt: run.prompt.is_none(),
        played: made.created.model.starts_with("recorded/"),
    };
    let screen = Screen::new(output);
    // Somebody who sits here is waited for; nobody is not.
    let until = if screen.answerable() { Until::Turn } else { Until::Idle };
    let place = match &made.created.worktree {
        Some(_) => format!("{} (worktree of {})", shown(opening.cwd.as_path()), made.created.name),
        None => shown(opening.cwd.as_path()),
    };
    let facts = SessionFacts { log: shown(log.file()), place, ..SessionFacts::of(&made.created) };
    let plan = begin::plan(&opening, log, until);
    watch(PROGRAM, plan, screen, move |_| facts, |state, changed| next(state, "ace", changed))
}

/// What a person may want to do next, by how the session stands. `ace` is how the front is called here.
/// `changed` says whether files were changed.
pub fn next(state: &State, ace: &str, changed: bool) -> Vec<Next> {
    let name = &state.name;
    let mut next = Vec::new();
    if state.turn.is_some() {
        next.push(Next::new(format!("{ace} resume {name}"), "goes on"));
    }
    match &state.ended {
        Some(TurnEnd::Failed { .. } | TurnEnd::Cancelled) => {
            next.push(Next::new(format!("{ace} say {name} \"...\" && {ace} resume {name}"), "goes on from here"));
        }
        Some(TurnEnd::Completed) if changed && state.created.worktree.is_some() => {
            next.push(Next::new(format!("{ace} diff {name}"), "what changed"));
            next.push(Next::new(format!("{ace} land {name}"), "bring it to your branch"));
        }
        _ => {}
    }
    next
}

/// `ace` without a command: the page, or how to get a model where somebody sits who has none.
pub fn alone(color: When) -> ExitCode {
    let sits = std::io::stderr().is_terminal() && std::io::stdout().is_terminal();
    let first = open(PROGRAM, Vec::new()).ok().filter(|_| sits).and_then(|o| begin::first_screen(&o, color));
    match first {
        Some(text) => {
            eprint!("{text}");
            Exit::Config.into()
        }
        None => Ace::help(None, color),
    }
}
