//! `ace-log`: keeps, reads and checks the log of a session.

mod between;
mod check;
mod cost;
mod laws;
mod read;
mod scrub;
mod stream;
mod write;

use ace_cli::log::Command;
use ace_cli::{Complaint, Exit};
use ace_front::{ended, open, rights};
use std::process::ExitCode;

const PROGRAM: &str = "ace-log";

fn main() -> ExitCode {
    match ace_cli::parse::<ace_cli::log::Log>() {
        Ok(args) => ended(run(&args), args.color),
        Err(code) => code,
    }
}

fn run(args: &ace_cli::log::Log) -> Result<Exit, Complaint> {
    if let Command::Text { session: None } = &args.command {
        rights::nothing(PROGRAM)?;
        return stream::text();
    }
    if let Command::Laws { filter } = &args.command {
        return laws::laws(filter, args.color);
    }
    let opening = open(PROGRAM, Vec::new())?;
    // A joined filter is the person's own, and may be the one that needs the keys; who scrubs has to know what is secret.
    if !matches!(args.command, Command::Join { .. } | Command::Scrub { .. }) {
        rights::leave_secrets(&opening)?;
    }
    match &args.command {
        Command::Append { session, tee } => write::append(&opening, session, *tee),
        Command::Join { session, filter } => write::join(&opening, session, filter),
        Command::Cat { session } => stream::cat(&opening, session),
        Command::Follow { session, until } => stream::follow(&opening, session, *until),
        Command::Show { session, verbose } => read::show(&opening, session, *verbose, args.color),
        Command::Text { session } => session.as_ref().map_or(Ok(Exit::Done), |s| read::text(&opening, s)),
        Command::Cost { session, since, project, json } => {
            cost::cost(&opening, session, since.as_ref(), project.as_deref(), (*json, args.color))
        }
        Command::Search { words, json } => read::search(&opening, &words.join(" "), *json, args.color),
        Command::Diff { a, b, whole, json } => between::diff(&opening, a, b, *whole, (*json, args.color)),
        Command::Blame { at, session, json } => between::blame(&opening, at, session.as_ref(), (*json, args.color)),
        Command::Query { sql, json } => between::query(&opening, sql, (*json, args.color)),
        Command::Verify { session, note: Some(commit), .. } => check::note(&opening, session, commit, args.color),
        Command::Verify { session, noted: true, .. } => check::noted(&opening, session, args.color),
        Command::Verify { session, anchor, .. } => check::verify(&opening, session, anchor.as_ref(), args.color),
        Command::Scrub { session, remove } => scrub::scrub(&opening, session, *remove),
        Command::Recover { session, out } => check::recover(&opening, session, out.as_deref(), args.color),
        Command::Laws { .. } => Ok(Exit::Done),
    }
}
