//! `ace-quota`: sets aside what a call may take before it is made, and enters what it took; and tells how limits stand.

mod filter;
mod look;
mod words;
mod worker;

use ace_cli::quota::Command;
use ace_cli::{Complaint, Exit};
use ace_front::{ended, open, random, rights, run_filter};
use ace_pipe::Out;
use std::process::ExitCode;

const PROGRAM: &str = "ace-quota";

fn main() -> ExitCode {
    match ace_cli::parse::<ace_cli::quota::Quota>() {
        Ok(args) => ended(run(&args), args.color),
        Err(code) => code,
    }
}

fn run(args: &ace_cli::quota::Quota) -> Result<Exit, Complaint> {
    let opening = open(PROGRAM, Vec::new())?;
    match &args.command {
        None => {
            rights::leave_secrets(&opening)?;
            rights::quota(&opening)?;
            let out = Out::stdout(PROGRAM);
            let mut filter = filter::Keeper::start(&opening, random(), out.clone())
                .map_err(|e| Complaint::io(PROGRAM, "cannot start its thread", &e))?;
            run_filter(PROGRAM, &mut filter, &out, args.filter.drafts_only)
        }
        Some(Command::Check { group, session, amount }) => look::check(&opening, group, session.as_ref(), *amount),
        Some(Command::Show { session, json }) => look::show(&opening, session.as_ref(), *json, args.color),
        Some(Command::Rebuild) => look::rebuild(&opening),
    }
}
