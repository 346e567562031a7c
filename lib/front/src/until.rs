//! Turn by turn until a command succeeds. It must never know how a turn is taken, only how one ends.

use ace_cli::{Complaint, Exit};
use ace_core::Until;
use ace_schema::data::CheckCompleted;
use ace_storage::Log;
use ace_view::{Mark, Role, SessionFacts, Text, render, units, visible};
use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::answer::state_of;
use crate::modes::catch_signals;
use crate::opening::Opening;
use crate::screen::{Output, Screen, watch};
use crate::{begin, check, inputs, redaction, say, words};

/// What has to come about.
#[derive(Debug, Clone)]
pub struct Goal {
    /// The command, as a shell takes it.
    pub command: String,
    /// Turns at most.
    pub rounds: u32,
}

/// Goes on until the command succeeds, or a limit or a person ends it. A session that has nothing to do begins with the command.
/// `facts` are the head lines of the first turn; `model` gives the program that asks models more arguments.
///
/// # Errors
/// In words; [`Exit::Limit`] after the last turn.
pub fn until(
    opening: &Opening,
    log: &Log,
    goal: &Goal,
    output: Output,
    facts: impl Fn(&ace_core::State) -> SessionFacts,
    arguments: &[(&str, String)],
) -> Result<Exit, Complaint> {
    let program = opening.program;
    let unread = |e: std::io::Error| Complaint::io(program, "cannot read the log", &e);
    let output = Output { more: true, ..output };
    let mut seen: Option<u64> = None;
    let mut own = String::new();
    for round in 1..=goal.rounds {
        let mut screen = Screen::new(output);
        let until = if screen.answerable() { Until::Turn } else { Until::Idle };
        let mut plan = begin::plan(opening, log.clone(), until)?;
        for (option, value) in arguments {
            begin::model_with(&mut plan.stages, option, value);
        }
        let (state, _) = state_of(log).map_err(unread)?;
        if let Some(seen) = seen {
            screen.go_on(facts(&state), seen, std::mem::take(&mut own));
        }
        if seen.is_some() || !state.is_settled() || state.turns == 0 {
            let facts = &facts;
            let exit = watch(program, plan, screen, move |state| facts(state), |_, _| Vec::new())?;
            if exit != Exit::Done {
                return Ok(exit);
            }
        }
        let (state, _) = state_of(log).map_err(unread)?;
        seen = Some(state.head);
        let Some(done) = judged(opening, log, &state.session, goal)? else { return Ok(Exit::Cancelled) };
        tell(program, &done, output);
        if done.passed {
            return finish(program, log, output, state.head);
        }
        if round == goal.rounds {
            break;
        }
        let redactor = redaction::redactor(opening, &state.session)?;
        let text = check::told(&done);
        let said = say::message(log, &state.session, (&text, &[]), &opening.person(), false, redactor.as_ref());
        own = said.map_err(|e| words::append(program, &state.name, &e))?.0;
    }
    if let (true, Some(seen)) = (output.json, seen) {
        rest(log, seen).map_err(|e| Complaint::io(program, "cannot print", &e))?;
    }
    let (state, _) = state_of(log).map_err(unread)?;
    let turns = if goal.rounds == 1 { "1 turn".to_owned() } else { format!("{} turns", goal.rounds) };
    let what = format!("stopped: '{}' still fails after {turns}, the limit", goal.command);
    Err(Complaint::new(program, Exit::Limit, what).hint(format!(
        "ace-session run {} --until '{}'",
        state.name,
        goal.command.replace('\'', "'\\''")
    )))
}

/// Runs the command; `None` when a person stopped it.
fn judged(opening: &Opening, log: &Log, session: &str, goal: &Goal) -> Result<Option<CheckCompleted>, Complaint> {
    let stop = Arc::new(AtomicBool::new(false));
    let told = stop.clone();
    let interrupt = move || {
        told.store(true, Ordering::Relaxed);
        true
    };
    catch_signals(interrupt, || {});
    check::run(opening, log, session, &goal.command, &stop)
}

/// Says how the command ended, where the story of the turns stands.
fn tell(program: &str, done: &CheckCompleted, output: Output) {
    if output.quiet || output.json {
        return;
    }
    let ending = check::ending(done);
    let aside = !std::io::stdout().is_terminal();
    if aside && !std::io::stderr().is_terminal() {
        let command = ace_view::clean(&done.command).replace('\n', " ");
        let _ = writeln!(std::io::stderr(), "{program}: check {command}: {ending}, {}", units::duration(done.ms));
        return;
    }
    let style = if aside { crate::screen::on_stderr(output.color) } else { crate::screen::listing(output.color) };
    let mark = if done.passed { Mark::Done } else { Mark::Failed };
    let line = Text::marked(mark, &style)
        .with(Role::Bold, "check")
        .plain("  ")
        .and(visible(&done.command.replace('\n', " "), Role::Plain))
        .plain("  ")
        .with(if done.passed { Role::Dim } else { Role::Bad }, ending)
        .dim(format!("  {}", units::duration(done.ms)));
    let mut out = String::from("\n");
    let mut put = |text: &Text| out += &(render(text, &style) + "\n");
    line.wrap(style.width, 2).iter().for_each(&mut put);
    if !done.passed {
        let said = ace_view::clean(&done.output);
        let all: Vec<&str> = said.trim_end().lines().collect();
        let last = &all[all.len().saturating_sub(SHOWN)..];
        last.iter().for_each(|l| put(&Text::new().dim("    | ").plain(l).cut_end(style.width, &style)));
    }
    let _ =
        if aside { std::io::stderr().write_all(out.as_bytes()) } else { std::io::stdout().write_all(out.as_bytes()) };
}

/// Lines of a failed command that are shown.
const SHOWN: usize = 6;

/// Prints what stdout waits for: the answer, or the last records.
fn finish(program: &str, log: &Log, output: Output, seen: u64) -> Result<Exit, Complaint> {
    let cannot = |e: std::io::Error| Complaint::io(program, "cannot print", &e);
    if output.json {
        return rest(log, seen).map(|()| Exit::Done).map_err(cannot);
    }
    if std::io::stdout().is_terminal() {
        return Ok(Exit::Done);
    }
    print_answer(log, output.shaped).map(|()| Exit::Done).map_err(cannot)
}

/// The last answer of a session, on stdout.
///
/// # Errors
/// Reading or printing failed.
pub fn print_answer(log: &Log, shaped: bool) -> std::io::Result<()> {
    let Some(text) = inputs::answer(log)? else { return Ok(()) };
    let text = if shaped { ace_answers::extract(&text) } else { &text };
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.write_all(b"\n")?;
    stdout.flush()
}

/// Records behind the one that was seen last, on stdout.
fn rest(log: &Log, seen: u64) -> std::io::Result<()> {
    let mut follow = log.follow(seen + 1)?;
    let mut stdout = std::io::stdout().lock();
    loop {
        let lines = follow.read()?;
        if lines.is_empty() {
            return stdout.flush();
        }
        stdout.write_all(lines)?;
    }
}
