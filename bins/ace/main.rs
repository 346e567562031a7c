//! `ace`: the front command.

mod ask;
mod demo;
mod doctor;
mod explain;
mod look;
mod other;
mod run;
mod settings;

use ace_cli::ace::{Ace, Command};
use ace_cli::{Complaint, Exit};
use ace_front::ended;
use std::process::ExitCode;

const PROGRAM: &str = "ace";

fn main() -> ExitCode {
    match ace_cli::parse::<Ace>() {
        Ok(args) => {
            let color = args.color;
            match &args.command {
                None => run::alone(&args),
                Some(Command::Help { word }) => Ace::help(word.as_deref(), color),
                Some(command) => ended(start(&args, command), color),
            }
        }
        Err(code) => code,
    }
}

/// Goes to the folder that was named.
fn enter(args: &Ace) -> Result<(), Complaint> {
    let Some(dir) = &args.directory else { return Ok(()) };
    std::env::set_current_dir(dir).map_err(|e| {
        let mut complaint = Complaint::io(PROGRAM, &format!("cannot start in '{}'", dir.display()), &e);
        complaint.exit = Exit::Usage;
        complaint
    })
}

fn start(args: &Ace, command: &Command) -> Result<Exit, Complaint> {
    enter(args)?;
    if args.explain {
        return explain::explain(command);
    }
    match command {
        Command::Run(run) => run::run(args, run),
        Command::Resume { session, limits } => run::resume(args, session, limits),
        Command::Ask(ask) => ask::ask(ask),
        Command::Demo => demo::demo(args),
        Command::Doctor { online } => doctor::doctor(*online, args.json, args.color),
        Command::Ls { all } => look::ls(args, *all),
        Command::Show { session, full } => look::show(args, session, *full),
        Command::Config { origin, all, change } => settings::config(args, *origin, *all, change.as_ref()),
        Command::Trust { show, revoke } => settings::trust(*show, *revoke),
        Command::Help { .. } => Ok(Exit::Done),
        Command::Other(words) => other::other(words),
    }
}
