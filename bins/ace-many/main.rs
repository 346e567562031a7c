//! `ace-many`: many sessions at once, a worktree each: a list of tasks, one task over several models, the first that passes.

mod tasks;

use ace_cli::many::{Command, Many, Options};
use ace_cli::{Complaint, Exit};
use ace_front::many::{Batch, Relay, Seen, relay, report, run as run_batch};
use ace_front::{begin, ended, open};
use std::process::ExitCode;

const PROGRAM: &str = "ace-many";

fn main() -> ExitCode {
    match ace_cli::parse::<Many>() {
        Ok(args) => ended(run(&args), args.color),
        Err(code) => code,
    }
}

fn run(args: &Many) -> Result<Exit, Complaint> {
    let (batch, options) = match &args.command {
        Command::Map { prompt, from, claims, retry, options } => (
            Batch {
                part: "map",
                claims: *claims,
                retry: *retry,
                tasks: tasks::map(prompt.as_deref(), from.as_deref(), options)?,
                ..of(options)
            },
            options,
        ),
        Command::Race { prompts, n, options } => (
            Batch { part: "race", first_wins: true, tasks: tasks::side_by_side(prompts, *n, options), ..of(options) },
            options,
        ),
        Command::Compare { prompts, n, options } => {
            (Batch { part: "compare", tasks: tasks::side_by_side(prompts, *n, options), ..of(options) }, options)
        }
        Command::Relay { prompt, options, .. } => {
            (Batch { part: "relay", tasks: vec![tasks::work(prompt, options)], ..of(options) }, options)
        }
    };
    let opening = open(PROGRAM, options.session(options.model.first().map(String::as_str)).layers())?;
    begin::key(&opening)?;
    let seen = Seen { quiet: args.quiet, json: options.json, color: args.color };
    let (outcome, several) = match &args.command {
        Command::Relay { prompt, reviews, options } => {
            let readers = tasks::readers(prompt, options);
            (relay(&opening, &Relay { batch, readers, reviews: u64::from(*reviews) }, seen)?, false)
        }
        Command::Race { .. } | Command::Compare { .. } => (run_batch(&opening, &batch, seen)?, true),
        Command::Map { .. } => (run_batch(&opening, &batch, seen)?, false),
    };
    report(PROGRAM, &outcome, several, seen)?;
    if outcome.interrupted && !args.quiet {
        eprintln!("{PROGRAM}: cancelled; the same command goes on");
    }
    Ok(outcome.exit(several))
}

/// What is the same for every batch.
fn of(options: &Options) -> Batch {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    Batch {
        name: options.name.clone().unwrap_or_default(),
        jobs: options.jobs.map_or(cores, |n| n as usize),
        checks: options.check.clone(),
        rounds: options.rounds.unwrap_or(1),
        votes: options.votes.map(|n| n as usize),
        money: options.budget.map(|money| money.0),
        ..Batch::default()
    }
}
