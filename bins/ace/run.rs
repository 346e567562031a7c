//! `ace run`: a new session, kept going on a screen until its turn has ended.

use ace_cli::ace::{Ace, Run};
use ace_cli::quota::Limits;
use ace_cli::{Complaint, Exit, SessionAddress};
use ace_core::{State, TurnEnd, Until};
use ace_front::begin::Origin;
use ace_front::until::{self, Goal, until};
use ace_front::{Opening, Output, Screen, begin, ended, inputs, open, prompt, shown, watch};
use ace_schema::limits;
use ace_storage::Log;
use ace_view::{Next, SessionFacts};
use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use crate::PROGRAM;

/// Makes the session and runs it; or tells of the run before that had the same inputs.
pub fn run(args: &Ace, run: &Run) -> Result<Exit, Complaint> {
    let opening = open(PROGRAM, run.options.layers())?;
    let prompt = begin::prompt(PROGRAM, run.prompt.as_deref())?;
    let origin = match digest(&opening, args, run, &prompt)? {
        Ok(origin) => origin,
        Err(before) => return before_now(args, run, before),
    };
    begin::key(&opening)?;
    let made = begin::make_as(&opening, prompt, &run.options, origin, args.color)?;
    let log = opening.home().log(&made.id).with_blobs(opening.home().blobs());
    let output = Output {
        json: args.json,
        quiet: args.quiet,
        reasoning: run.reasoning,
        color: args.color,
        show_prompt: run.prompt.is_none(),
        played: made.created.model.starts_with("recorded/"),
        shaped: run.options.schema.is_some(),
        more: false,
    };
    let place = match &made.created.worktree {
        Some(_) => format!("{} (worktree of {})", shown(opening.cwd.as_path()), made.created.name),
        None => shown(opening.cwd.as_path()),
    };
    let facts = SessionFacts { log: shown(log.file()), place, ..SessionFacts::of(&made.created) };
    let record = run.record.as_ref().map(|folder| ("--record", folder.display().to_string()));
    if let Some(command) = &run.goal.until {
        let goal = Goal { command: command.clone(), rounds: run.goal.rounds.unwrap_or(limits::ROUNDS) };
        return until(&opening, &log, &goal, output, |_| facts.clone(), record.as_slice());
    }
    let screen = Screen::new(output);
    // Somebody who sits here is waited for; nobody is not.
    let until = if screen.answerable() { Until::Turn } else { Until::Idle };
    let mut plan = begin::plan(&opening, log, until)?;
    if let Some((option, folder)) = &record {
        begin::model_with(&mut plan.stages, option, folder);
    }
    watch(PROGRAM, plan, screen, move |_| facts, |state, changed| next(state, "ace", changed))
}

/// What the run depends on, where its inputs are named; or the session that did the same before.
fn digest(opening: &Opening, args: &Ace, run: &Run, prompt: &str) -> Result<Result<Origin, (String, Log)>, Complaint> {
    if run.inputs.is_empty() {
        return Ok(Ok(Origin::default()));
    }
    let model = begin::model(opening, args.color)?;
    let options = &run.options;
    let check = run.goal.until.as_deref();
    let more = [
        opening.settings.config.mode.name().to_owned(),
        check.unwrap_or_default().to_owned(),
        begin::schema(PROGRAM, options.schema.as_deref())?,
        format!("{:?} {:?} {}", options.images, options.base, options.no_worktree),
    ];
    let inputs = inputs::of(opening, &run.inputs, prompt, &model, &more)?;
    Ok(match inputs::done_before(opening, &inputs, check)? {
        Some((session, log)) => Err((session.name().unwrap_or(session.id), log)),
        None => Ok(Origin { inputs, ..Origin::default() }),
    })
}

/// Nothing is to be done: the answer of the run before stands for this one.
fn before_now(args: &Ace, run: &Run, (name, log): (String, Log)) -> Result<Exit, Complaint> {
    if !args.quiet && !args.json {
        eprintln!("{PROGRAM}: nothing has changed since '{name}': not run again");
    }
    let cannot = |e| Complaint::io(PROGRAM, "cannot print", &e);
    if args.json {
        let mut follow = log.follow(0).map_err(cannot)?;
        let mut stdout = std::io::stdout().lock();
        loop {
            let lines = follow.read().map_err(cannot)?;
            if lines.is_empty() {
                return Ok(Exit::Done);
            }
            stdout.write_all(lines).map_err(cannot)?;
        }
    }
    until::print_answer(&log, run.options.schema.is_some()).map(|()| Exit::Done).map_err(cannot)
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
