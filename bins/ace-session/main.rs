//! `ace-session`: begins sessions, takes their turns, keeps them going.

mod keep;
mod once;
mod pack;
mod run;
mod say;
mod step;
mod travel;

use ace_cli::session::Command;
use ace_cli::{Complaint, Exit};
use ace_config::Layer;
use ace_front::pack::Want;
use ace_front::{begin, ended, open};
use std::process::ExitCode;

const PROGRAM: &str = "ace-session";

fn main() -> ExitCode {
    match ace_cli::parse::<ace_cli::session::Session>() {
        Ok(args) => ended(run(&args), args.color),
        Err(code) => code,
    }
}

fn run(args: &ace_cli::session::Session) -> Result<Exit, Complaint> {
    let color = args.color;
    match &args.command {
        Command::New { prompt, options } => run::new(prompt.as_deref(), options, color),
        Command::Once { prompt, model, images, schema, limits } => {
            let flags = model.iter().map(|m| Layer::flag("--model", "model", m)).chain(limits.layers()).collect();
            let with = once::With { images, schema: schema.as_deref(), limits };
            once::once(&open(PROGRAM, flags)?, prompt.as_deref(), &with, color)
        }
        Command::Say { session, text, images, now } => {
            say::say(&open(PROGRAM, Vec::new())?, session, (text.as_deref(), images), *now)
        }
        Command::Unsay { session } => say::unsay(&open(PROGRAM, Vec::new())?, session),
        Command::Run { session, goal, limits } => {
            let opening = open(PROGRAM, Vec::new())?;
            begin::limit(&opening, &opening.log(&opening.find(session)?), limits)?;
            match &goal.until {
                Some(command) => run::until_passed(&opening, session, command, goal.rounds, color),
                None => run::run(&opening, session, color, true),
            }
        }
        Command::Attach { session } => run::run(&open(PROGRAM, Vec::new())?, session, color, false),
        Command::Compact { session, text } => {
            let opening = open(PROGRAM, Vec::new())?;
            say::compact(&opening, session, text.as_deref())?;
            run::run(&opening, session, color, true)
        }
        Command::Cancel { session } => say::cancel(&open(PROGRAM, Vec::new())?, session),
        Command::Step { filter } => step::run(open(PROGRAM, Vec::new())?, filter.drafts_only),
        Command::Fork { session, prompt, name, json } => {
            travel::fork(&open(PROGRAM, Vec::new())?, session, prompt.as_deref(), name.as_deref(), *json)
        }
        Command::Rewind { session } => travel::rewind(&open(PROGRAM, Vec::new())?, session),
        Command::Undo { session } => travel::undo(&open(PROGRAM, Vec::new())?, session),
        Command::Archive { session } => keep::archive(&open(PROGRAM, Vec::new())?, session),
        Command::Pack { session, raw, no_files } => {
            pack::pack(&open(PROGRAM, Vec::new())?, session, Want { raw: *raw, no_files: *no_files }, color)
        }
        Command::Unpack { file } => pack::unpack(&open(PROGRAM, Vec::new())?, file.as_deref(), color),
        Command::Rm { session, force } => keep::remove(&open(PROGRAM, Vec::new())?, session, *force),
        Command::List { json } => run::list(&open(PROGRAM, Vec::new())?, *json, color),
    }
}

/// Prints the one thing that was asked for.
fn print(text: &str) -> Result<Exit, Complaint> {
    use std::io::Write;
    let mut stdout = std::io::stdout().lock();
    let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    written.map(|()| Exit::Done).map_err(|e| Complaint::io(PROGRAM, "cannot print", &e))
}
