//! `ace run`: a new session, kept going on a screen until its turn has ended.

use ace_cli::ace::{Ace, Run};
use ace_cli::quota::Limits;
use ace_cli::{Complaint, Exit, SessionAddress};
use ace_core::{State, TurnEnd, Until};
use ace_front::{Output, Screen, begin, ended, open, prompt, shown, watch};
use ace_view::{Next, SessionFacts};
use std::io::IsTerminal;
use std::process::ExitCode;

use crate::PROGRAM;

/// Makes the session and runs it.
pub fn run(args: &Ace, run: &Run) -> Result<Exit, Complaint> {
    let opening = open(PROGRAM, run.options.layers())?;
    let prompt = begin::prompt(PROGRAM, run.prompt.as_deref())?;
    begin::key(&opening)?;
    let made = begin::make(&opening, prompt, &run.options, args.color)?;
    let log = opening.home().log(&made.id);
    let output = Output {
        json: args.json,
        quiet: args.quiet,
        reasoning: run.reasoning,
        color: args.color,
        show_prompt: run.prompt.is_none(),
        played: made.created.model.starts_with("recorded/"),
        shaped: run.options.schema.is_some(),
    };
    let screen = Screen::new(output);
    // Somebody who sits here is waited for; nobody is not.
    let until = if screen.answerable() { Until::Turn } else { Until::Idle };
    let place = match &made.created.worktree {
        Some(_) => format!("{} (worktree of {})", shown(opening.cwd.as_path()), made.created.name),
        None => shown(opening.cwd.as_path()),
    };
    let facts = SessionFacts { log: shown(log.file()), place, ..SessionFacts::of(&made.created) };
    let mut plan = begin::plan(&opening, log, until);
    if let Some(folder) = &run.record {
        begin::model_with(&mut plan.stages, "--record", &folder.display().to_string());
    }
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

/// `ace` without a command: the prompt where somebody sits, or how to get a model; elsewhere the page.
pub fn alone(args: &Ace) -> ExitCode {
    let color = args.color;
    let sits = std::io::stdin().is_terminal() && std::io::stdout().is_terminal() && std::io::stderr().is_terminal();
    if !sits {
        return Ace::help(None, color);
    }
    let opened = crate::enter(args).and_then(|()| open(PROGRAM, Vec::new()));
    match opened.map(|opening| (begin::first_screen(&opening, color), opening)) {
        Ok((Some(text), _)) => {
            eprint!("{text}");
            Exit::Config.into()
        }
        Ok((None, opening)) => ended(prompt::interactive(opening, None, color), color),
        Err(complaint) => ended(Err(complaint), color),
    }
}

/// `ace resume`: goes on with what is due, then the prompt; where nobody sits, what `ace-session run` does.
pub fn resume(args: &Ace, session: &SessionAddress, limits: &Limits) -> Result<Exit, Complaint> {
    if !std::io::stdin().is_terminal() || !std::io::stdout().is_terminal() || args.json || args.quiet {
        let words = ["run".to_owned()].into_iter().chain(limits.arguments()).chain([session.to_string()]);
        return crate::other::become_program("ace-session", &words.map(Into::into).collect::<Vec<_>>());
    }
    let opening = open(PROGRAM, Vec::new())?;
    let found = opening.find(session)?;
    begin::limit(&opening, &opening.log(&found), limits)?;
    prompt::interactive(opening, Some(&found), args.color)
}
