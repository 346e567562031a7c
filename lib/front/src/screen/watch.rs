//! A session that is kept going on a screen until its turn has ended, and what that end means for whoever started it. It must
//! never know how a screen looks.

use ace_cli::{Complaint, Exit};
use ace_core::{State, TurnEnd};
use ace_host::{Outcome, Plan, Seen, Star};
use ace_storage::Log;
use ace_view::{Next, SessionFacts};
use std::io::Write;
use std::sync::{Arc, OnceLock};

use super::Screen;
use crate::keys::Keys;
use crate::modes::{catch_signals, leave};
use crate::opening::{clock, random};
use crate::words;

/// Runs a session on a screen, until its turn has ended, or only a person can go on and none sits here. `next` learns whether files
/// were changed.
///
/// # Errors
/// In words; also when the turn ended without an answer.
pub fn watch(
    program: &'static str,
    plan: Plan,
    mut screen: Screen,
    facts: impl FnOnce(&State) -> SessionFacts,
    next: impl FnOnce(&State, bool) -> Vec<Next>,
) -> Result<Exit, Complaint> {
    let (log, person): (Log, String) = (plan.log.clone(), plan.person.clone());
    let (redactor, rules) = (plan.redactor.clone(), plan.rules.clone());
    let opened = |e: &ace_host::StarError| words::star(program, "the session", e);
    let star = Star::open(plan, clock(), random()).map_err(|e| opened(&e))?;
    let known = Arc::new(OnceLock::<String>::new());
    let told = known.clone();
    let (interrupt, nudge) = (star.interrupter(), star.teller());
    let (typing, stage) = (screen.typing.clone(), screen.stage.clone());
    let cleared = move || {
        if stage.is_lent() {
            // It is for the program that has the terminal.
            return false;
        }
        if let Some(typing) = typing.as_ref().filter(|t| !t.is_empty()) {
            // ^C clears what is typed first.
            let _ = typing.take();
            nudge(None);
            return false;
        }
        interrupt();
        true
    };
    catch_signals(cleared, move || {
        let session = told.get().map_or("@last", String::as_str);
        let _ = writeln!(std::io::stderr(), "{program}: killed\nhint: nothing is lost: ace resume {session}");
    });
    let stop = star.interrupter();
    if screen.answerable() {
        let painted = screen.is_painted();
        screen.keys = Some(Keys::new(
            (log.clone(), person, redactor),
            rules,
            painted,
            (screen.typing.clone(), screen.stage.clone()),
            Box::new(star.teller()),
        ));
    }
    let mut facts = Some(facts);
    let mut name = String::new();
    let ended = star.run(|seen, state| {
        if matches!(seen, Seen::Present)
            && let Some(facts) = facts.take()
        {
            name.clone_from(&state.name);
            let _ = known.set(state.name.clone());
            let facts = facts(state);
            screen.begin(facts);
        }
        let read = screen.gone.is_none();
        screen.see(seen, state);
        if read && screen.gone.is_some() {
            // Who reads the events is who wanted the run: it ends in order, as by ^C, and nothing is left at work.
            stop();
        }
    });
    let outcome = ended.map_err(|e| {
        screen.close();
        leave();
        words::star(program, &name, &e)
    })?;
    if let Some(e) = screen.gone.take() {
        screen.close();
        leave();
        return Err(Complaint::io(program, "cannot print", &e));
    }
    let changed = screen.has_changes();
    let next = next(&outcome.state, changed);
    screen
        .end(&outcome.state, &next, log.blobs())
        .map_err(|e| Complaint::io(program, "cannot write the answer", &e))?;
    let has_told = screen.has_told();
    match verdict(program, &name, &outcome, &log) {
        // The verdict has said it all, but for the question that nobody was there to answer.
        Err(complaint) if has_told && complaint.exit != Exit::Undecided => Ok(complaint.exit),
        ended => ended,
    }
}

/// What a run's end means for whoever started it.
fn verdict(program: &'static str, name: &str, outcome: &Outcome, log: &Log) -> Result<Exit, Complaint> {
    let state = &outcome.state;
    if outcome.interrupted {
        return Ok(Exit::Cancelled);
    }
    if state.turn.is_some() {
        return Err(nobody_to_ask(program, name, log));
    }
    match &state.ended {
        Some(TurnEnd::Failed { code, message, hint }) => {
            let whose = match code {
                ace_schema::data::Code::Limit
                | ace_schema::data::Code::Interrupted
                | ace_schema::data::Code::Hook
                | ace_schema::data::Code::Schema => program,
                _ => "ace-model",
            };
            let complaint = Complaint::new(whose, words::exit_of(code), message.clone());
            Err(if hint.is_empty() { complaint } else { complaint.hint(hint.clone()) })
        }
        Some(TurnEnd::Cancelled) => Ok(Exit::Cancelled),
        Some(TurnEnd::Completed) | None => Ok(Exit::Done),
    }
}

/// Exit 3, with the question and the command that answers it.
fn nobody_to_ask(program: &'static str, name: &str, log: &Log) -> Complaint {
    let waiting = crate::answer::state_of(log).ok().and_then(|(state, asked)| {
        let call = state.asked().next()?.clone();
        let line = asked.iter().rev().find(|(_, id)| *id == call.id).map_or(call.seq, |(seq, _)| *seq);
        Some((call, line))
    });
    match waiting {
        Some((call, line)) => {
            let what = subject(&call);
            let reply = if call.tool == ace_schema::question::TOOL { " --answer TEXT" } else { "" };
            Complaint::new(
                program,
                Exit::Undecided,
                format!("stopped at @{line}: nobody to ask about {} '{what}'", call.tool),
            )
            .hint(format!("ace-permit allow {name} @{line}{reply}{}, then: ace resume {name}", lasting(&call.id, log)))
        }
        None => Complaint::new(program, Exit::Undecided, "stopped: nobody to ask"),
    }
}

/// How the same answer would allow such calls from now on: ` [--always: shell 'cargo test ...']`. Nothing where no rule may.
fn lasting(call: &str, log: &Log) -> String {
    let waiting = crate::answer::find_call(log, Some(call), None).ok();
    waiting.and_then(|w| w.proposal).map_or_else(String::new, |rule| {
        let what = std::iter::once(&rule.command).chain(&rule.paths).find(|w| !w.is_empty()).cloned();
        let what = ace_view::visible(&what.unwrap_or_default(), ace_view::Role::Plain).words();
        format!(" [--always: {} '{what}']", rule.tool)
    })
}

/// The path or command of a call.
#[must_use]
pub fn subject(call: &ace_core::Call) -> String {
    let argument = ace_schema::tool::find(&call.tool).map_or("", |t| t.subject);
    serde_json::from_str::<serde_json::Value>(&call.data)
        .ok()
        .and_then(|data| Some(data.get("args")?.get(argument)?.as_str()?.to_owned()))
        .unwrap_or_default()
}
