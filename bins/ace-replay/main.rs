//! `ace-replay`: a recorded session in time, its calls and its model again, and scenarios. It adds nothing to the session itself.

mod again;
mod check;
mod distil;
mod filter;
mod folder;
mod forks;
mod history;
mod play;
mod shrink;
mod tell;
mod tools;
mod what_if;
mod world;

use ace_cli::replay::{Command, Replay};
use ace_cli::{Complaint, Exit};
use ace_front::{ended, open};
use std::process::ExitCode;

const PROGRAM: &str = "ace-replay";

fn main() -> ExitCode {
    match ace_cli::parse::<Replay>() {
        Ok(args) => ended(run(&args), args.color),
        Err(code) => code,
    }
}

fn run(args: &Replay) -> Result<Exit, Complaint> {
    let opening = open(PROGRAM, Vec::new())?;
    match (&args.command, &args.play.session) {
        (Some(Command::Tools(tools)), _) => tools::tools(&opening, tools, args.color),
        (Some(Command::Model(model)), _) => forks::model(&opening, model, args.color),
        (Some(Command::WhatIf(what)), _) => what_if::what_if(&opening, what, args.color),
        (Some(Command::Check(check)), _) => check::check(&opening, check, args.color),
        (Some(Command::Distil(distil)), _) => distil::distil(&opening, distil),
        (Some(Command::Shrink(shrink)), _) => shrink::shrink(shrink, args.color),
        (Some(Command::History(of)), _) => history::show(&opening, of, args.color),
        (None, Some(session)) if args.play.filter.is_empty() => play::play(&opening, session, &args.play, args.color),
        (None, Some(session)) => filter::filter(&opening, session, &args.play, args.color),
        (None, None) => Err(Complaint::new(PROGRAM, Exit::Usage, "S is missing").hint("ace-replay -h")),
    }
}
