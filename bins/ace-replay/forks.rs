//! `ace-replay model`: another model gets the very context of then, and goes on from there in a fork.

use ace_cli::replay::Model;
use ace_cli::{Complaint, Exit, When};
use ace_core::{State, Until};
use ace_front::{Opening, Output, Screen, begin, clock, machine, random, sessions, shown, watch, words};
use ace_host::{Made, NewFork, fork};
use ace_replay::filtered::asked_at;
use ace_schema::permission::Mode;
use ace_view::{Next, SessionFacts};
use std::io::IsTerminal;

use crate::PROGRAM;
use crate::tell::no;

/// What a fork is to be like beside its past.
#[derive(Debug, Clone, Default)]
pub struct Fresh {
    pub model: String,
    pub mode: Option<Mode>,
    pub name: String,
    /// Said instead of what was said then.
    pub prompt: String,
}

/// Where a session can be gone on from: at that line the model was about to be asked, in a session inside git.
pub struct Way {
    pub log: ace_storage::Log,
    pub state: State,
    /// The last line of the past; with another prompt, the one before the message.
    pub at: u64,
    /// The line before the message of that turn.
    pub before: u64,
}

/// Looks for it: at the line of the address or `to`, else where the last turn began.
pub fn way(opening: &Opening, session: &ace_cli::SessionAddress, to: Option<u64>) -> Result<Way, Complaint> {
    let name = session.place_text();
    let (log, all) = sessions::load_unread(opening, session)?;
    let lines = sessions::lines(opening, session, &all)?;
    let mut state = State::new();
    lines.iter().for_each(|line| state.fold(line));
    if state.created.repository.is_none() {
        return Err(no(format!("'{name}' worked outside git: a fork would work in its own files")));
    }
    let wanted = to.or(session.seq);
    if let Some(wanted) = wanted.filter(|wanted| *wanted > state.head) {
        return Err(no(format!("'{name}' has no line {wanted}, the last is @{}", state.head)));
    }
    let last = || state.last_turn().map(|turn| turn.began);
    let nobody = || no(format!("no model was asked in '{name}' up to there"));
    let at = asked_at(&lines, wanted.or_else(last).ok_or_else(nobody)?).ok_or_else(nobody)?;
    let turn = state.marks.iter().rev().find(|mark| mark.began <= at);
    let before = turn.map_or(at, |turn| turn.message.min(turn.began).saturating_sub(1)).max(1);
    if wanted.is_some_and(|wanted| wanted != at) && std::io::stderr().is_terminal() {
        eprintln!("from @{at}, the last line up to there at which a model was asked");
    }
    Ok(Way { log, state, at, before })
}

/// Makes the fork.
pub fn make(opening: &Opening, way: &Way, fresh: &Fresh) -> Result<Made, Complaint> {
    let new = NewFork {
        seq: Some(if fresh.prompt.is_empty() { way.at } else { way.before }),
        name: fresh.name.clone(),
        prompt: fresh.prompt.clone(),
        owner: opening.person(),
        host: machine(),
        client: PROGRAM.to_owned(),
        model: fresh.model.clone(),
        mode: fresh.mode,
        goes_on: fresh.prompt.is_empty(),
        cwd: opening.cwd.clone(),
        wishes: opening.settings.config.worktree.clone(),
    };
    fork(opening.home(), &way.log, &new, &clock(), (random(), random()))
        .map_err(|e| words::travel(PROGRAM, &way.state.name, &e))
}

/// Goes on with another model, on a screen as `ace run` does.
pub fn model(opening: &Opening, args: &Model, color: When) -> Result<Exit, Complaint> {
    let opening = &ace_front::open(PROGRAM, vec![ace_config::Layer::flag("--model", "model", &args.model)])
        .map(|flagged| Opening { cwd: opening.cwd.clone(), ..flagged })?;
    // An alias stands for a model of somebody's.
    let named = opening.settings.config.model.clone().unwrap_or_else(|| args.model.clone());
    begin::key(opening)?;
    let way = way(opening, &args.session, args.to)?;
    let fresh = Fresh { model: named, name: args.name.clone().unwrap_or_default(), ..Fresh::default() };
    let made = make(opening, &way, &fresh)?;
    for note in &made.notes {
        let (what, hint) = words::note(note);
        ace_cli::note(PROGRAM, &what, hint, color);
    }
    let log = opening.home().log(&made.id);
    let screen = Screen::new(Output { color, json: args.json, ..Output::default() });
    let until = if screen.answerable() { Until::Turn } else { Until::Idle };
    let plan = begin::plan(opening, log.clone(), until)?;
    let facts =
        SessionFacts { log: shown(log.file()), model: made.created.model.clone(), ..SessionFacts::of(&made.created) };
    let (child, parent) = (made.created.name.clone(), way.state.name.clone());
    let next = move |_: &State, changed: bool| {
        let diff = Next::new(format!("ace diff {child}"), "what it changed");
        let other = Next::new(format!("ace show {parent}"), "what the other did");
        if changed { vec![diff, other] } else { vec![other] }
    };
    watch(PROGRAM, plan, screen, move |_| facts, next)
}
