//! `ace-many`: many sessions at once, a worktree each: a list of tasks, one task over several models, the first that passes.

mod tasks;

use ace_cli::many::{Command, Many, Options};
use ace_cli::{Complaint, Exit};
use ace_front::many::{Batch, Seen, report, run as run_batch};
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
        Command::Map { prompt, from, retry, options } => (
            Batch {
                part: "map",
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
    };
    let opening = open(PROGRAM, options.session(options.model.first().map(String::as_str)).layers())?;
    begin::key(&opening)?;
    let seen = Seen { quiet: args.quiet, json: options.json, color: args.color };
    let outcome = run_batch(&opening, &batch, seen)?;
    let several = batch.part != "map";
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
        money: options.budget.map(|money| money.0),
        ..Batch::default()
    }
}
