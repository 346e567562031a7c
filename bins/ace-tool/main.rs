//! `ace-tool`: runs what was allowed. The broker holds no key and no network; its worker runs everything, confined.

mod confined;
mod egress;
mod filter;
mod hints;
mod hooks;
mod outcome;
mod runner;
mod setup;
mod states;
mod trial;

use ace_cli::tool::Command;
use ace_cli::{Complaint, Exit};
use ace_front::{ended, open, random, rights, run_filter, sessions};
use ace_pipe::Out;
use ace_schema::hook::Hook;
use std::process::ExitCode;

const PROGRAM: &str = "ace-tool";

fn main() -> ExitCode {
    match ace_cli::parse::<ace_cli::tool::Tool>() {
        Ok(args) => ended(run(&args), args.color),
        Err(code) => code,
    }
}

fn run(args: &ace_cli::tool::Tool) -> Result<Exit, Complaint> {
    match &args.command {
        Some(Command::Worker) => return confined::work().map(|()| Exit::Done),
        Some(Command::Guest { command }) => return confined::guest(command),
        Some(Command::Within { session, unsandboxed, command }) => {
            let opening = open(PROGRAM, Vec::new())?;
            let (id, created) = (opening.find(session)?.id, sessions::created(&opening, session)?);
            return Err(confined::become_guest(
                &created,
                &id,
                opening.home().path(),
                (*unsandboxed, opening.settings.config.sandbox.clone()),
                command,
            ));
        }
        Some(Command::Setup { .. }) | None => {}
    }
    let opening = open(PROGRAM, Vec::new())?;
    rights::leave_secrets(&opening)?;
    if let Some(Command::Setup { unsandboxed }) = args.command {
        return setup::set_up(&opening, unsandboxed);
    }
    let out = Out::stdout(PROGRAM);
    let home = opening.home();
    let granted = filter::Granted { unrecorded: args.unrecorded, unsandboxed: args.unsandboxed };
    let hears = |one: &&ace_config::Hooked| matches!(one.on, Hook::PostToolUse | Hook::Stop);
    let hooks = opening.settings.config.hooks.iter().filter(hears).cloned().collect();
    let places = (home.path().to_owned(), home.blobs());
    let sandbox = opening.settings.config.sandbox.clone();
    let mut filter =
        filter::Broker::new(random(), places, out.clone(), (granted, sandbox, opening.settings.user.clone()), hooks);
    run_filter(PROGRAM, &mut filter, &out, args.filter.drafts_only)
}
