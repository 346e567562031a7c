//! `ace-tool`: runs what was allowed. The broker holds no key and no network; its worker runs everything, confined.

mod confined;
mod filter;
mod runner;
mod states;

use ace_cli::{Complaint, Exit};
use ace_front::{ended, open, random, rights, run_filter};
use ace_pipe::Out;
use std::process::ExitCode;

const PROGRAM: &str = "ace-tool";

fn main() -> ExitCode {
    match ace_cli::parse::<ace_cli::tool::Tool>() {
        Ok(args) => ended(run(&args), args.color),
        Err(code) => code,
    }
}

fn run(args: &ace_cli::tool::Tool) -> Result<Exit, Complaint> {
    if args.command.is_some() {
        return confined::work().map(|()| Exit::Done);
    }
    let opening = open(PROGRAM, Vec::new())?;
    rights::leave_secrets(&opening)?;
    let out = Out::stdout(PROGRAM);
    let home = opening.home();
    let granted = filter::Granted { unrecorded: args.unrecorded, unsandboxed: args.unsandboxed };
    let mut filter = filter::Broker::new(random(), home.path().to_owned(), home.blobs(), out.clone(), granted);
    run_filter(PROGRAM, &mut filter, &out, args.filter.drafts_only)
}
