//! Arguments of `ace-replay`.

use ace_schema::limits::WHAT_IF_RUNS;
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

use crate::{Program, SessionAddress, When};

/// Play a session, run it again, check scenarios
#[derive(Debug, Parser)]
#[command(name = "ace-replay", version, args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
#[command(before_help = "S: name, id, @last, path")]
#[command(after_help = "ace-replay fix-median --speed 4
ace-replay fix-median -- ace-permit   today's rules on that log
ace-replay tools fix-median           does it still come out so?
ace-replay check fixtures/scenarios")]
#[command(after_long_help = "0 done, the same, passed; 1 otherwise, 2 usage, 65 damaged, 130 ^C")]
pub struct Replay {
    /// Without a command: the session is played.
    #[command(flatten)]
    pub play: Play,
    /// auto, always or never
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", hide = true)]
    pub color: When,
    /// Anything else than playing.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// How a session is played.
#[derive(Debug, Clone, Args)]
pub struct Play {
    /// The session
    #[arg(value_name = "S", required = true)]
    pub session: Option<SessionAddress>,
    /// So many times as fast, 0 at once
    #[arg(long, value_name = "X", default_value_t = 1.0, value_parser = speed, hide_default_value = true, help_heading = "Play")]
    pub speed: f64,
    /// No pause longer than this
    #[arg(long, value_name = "SECONDS", help_heading = "Play")]
    pub idle: Option<u64>,
    /// A key for each step, q ends
    #[arg(long, help_heading = "Play")]
    pub step: bool,
    /// Begin at this line
    #[arg(long, value_name = "LINE", help_heading = "Play", value_parser = clap::value_parser!(u64).range(1..))]
    pub from: Option<u64>,
    /// End with this line
    #[arg(long, value_name = "LINE", help_heading = "Play", value_parser = clap::value_parser!(u64).range(1..))]
    pub to: Option<u64>,
    /// Into a home in DIR, for ace serve
    #[arg(long, value_name = "DIR", help_heading = "Play", conflicts_with = "json")]
    pub home: Option<PathBuf>,
    /// Events, or differences, as JSON
    #[arg(long, help_heading = "Play")]
    pub json: bool,
    /// What it would add today, beside what was added
    #[arg(last = true, value_name = "FILTER")]
    pub filter: Vec<String>,
}

fn speed(text: &str) -> Result<f64, String> {
    let speed = text.strip_suffix('x').unwrap_or(text).parse::<f64>().ok();
    speed.filter(|x| x.is_finite() && *x >= 0.0).ok_or_else(|| "a speed is a number such as 2 or 0.5".to_owned())
}

/// The commands of `ace-replay`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run its calls again and tell what differs
    #[command(subcommand_help_heading = "Again", before_help = "in a fresh worktree, decided anew")]
    #[command(after_help = "ace-replay tools fix-median
ace-replay tools fix-median --loose --json | jq -c 'select(.same==false)'")]
    #[command(after_long_help = "0 nothing has drifted, 1 something has, 130 ^C")]
    Tools(Tools),
    /// The same context to another model, and on
    #[command(subcommand_help_heading = "Again", before_help = "goes on as a fork of its own")]
    #[command(after_help = "ace-replay model fix-median --model openai/gpt-5
ace-replay model fix-median --model sonnet --to 23")]
    #[command(after_long_help = "0 done, 1 failed, 3 needs a decision, 4 limit, 69 no provider, 130 ^C")]
    Model(Model),
    /// How often it passes with something changed
    #[command(subcommand_help_heading = "Again", before_help = "each run is a fork and costs")]
    #[command(after_help = "ace-replay what-if fix-median@9 --change model=haiku --check 'make test'
ace-replay what-if fix-median --change file:AGENTS.md=./new.md -n 5")]
    #[command(after_long_help = "0 all passed, 1 some did not, 4 limit, 130 ^C")]
    WhatIf(WhatIf),
    /// Run scenarios, in parallel
    #[command(subcommand_help_heading = "Scenario", before_help = "DIR: a scenario, or a folder of them")]
    #[command(after_help = "ace-replay check fixtures/scenarios
ace-replay check scenarios -j 4 --junit report.xml")]
    #[command(after_long_help = "0 all passed, 1 one did not, 2 no scenario, 130 ^C")]
    Check(Check),
    /// A session as a scenario
    #[command(subcommand_help_heading = "Scenario", before_help = "it expects what happened")]
    #[command(after_help = "ace-replay distil fix-median scenarios/fix-median")]
    #[command(after_long_help = "0 done, 1 it cannot be one, 2 usage")]
    Distil(Distil),
    /// The smallest scenario that still fails
    #[command(subcommand_help_heading = "Scenario", before_help = "the same way; DIR stays as it is")]
    #[command(after_help = "ace-replay shrink scenarios/broken scenarios/broken-small")]
    #[command(after_long_help = "0 done, 1 it does not fail, 130 ^C")]
    Shrink(Shrink),
    /// How scenarios came out so far
    #[command(subcommand_help_heading = "Scenario", after_help = "ace-replay history\nace-replay history edit --json")]
    History(History),
}

/// Calls again.
#[derive(Debug, Args)]
pub struct Tools {
    /// The session
    #[arg(value_name = "S")]
    pub session: SessionAddress,
    /// Numbers in outputs may differ
    #[arg(long)]
    pub loose: bool,
    /// Leave the session it was run in
    #[arg(long)]
    pub keep: bool,
    /// A line a call
    #[arg(long)]
    pub json: bool,
}

/// Another model.
#[derive(Debug, Args)]
pub struct Model {
    /// The session
    #[arg(value_name = "S")]
    pub session: SessionAddress,
    /// Who goes on
    #[arg(short, long, value_name = "NAME/MODEL")]
    pub model: String,
    /// The last line it sees (default: the last turn)
    #[arg(long, value_name = "LINE", value_parser = clap::value_parser!(u64).range(1..))]
    pub to: Option<u64>,
    /// Of session and branch
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Events
    #[arg(long)]
    pub json: bool,
}

/// Many forks, one change.
#[derive(Debug, Args)]
pub struct WhatIf {
    /// The session, S@LINE for a moment of it
    #[arg(value_name = "S")]
    pub session: SessionAddress,
    /// model=, mode=, prompt=, file:PATH=FILE
    #[arg(long = "change", value_name = "WHAT=VALUE")]
    pub changes: Vec<String>,
    /// So many runs
    #[arg(short = 'n', long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=i64::from(WHAT_IF_RUNS)))]
    pub runs: u32,
    /// Passes if CMD succeeds there, not if done
    #[arg(long, value_name = "CMD")]
    pub check: Option<String>,
    /// So many at once
    #[arg(short, long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=256))]
    pub jobs: u32,
    /// Leave the forks
    #[arg(long)]
    pub keep: bool,
    /// A line a run, then the sum
    #[arg(long)]
    pub json: bool,
}

/// Scenarios.
#[derive(Debug, Args)]
pub struct Check {
    /// Scenarios, or folders of them
    #[arg(value_name = "DIR", required = true)]
    pub folders: Vec<PathBuf>,
    /// So many at once, else one a core
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=256))]
    pub jobs: Option<u32>,
    /// Results as build servers read them
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// Leave what failed where it was run
    #[arg(long)]
    pub keep: bool,
    /// Leave each session there, as ace unpack reads it
    #[arg(long, value_name = "DIR")]
    pub pack: Option<PathBuf>,
    /// Nothing goes into the history
    #[arg(long)]
    pub no_record: bool,
    /// A line a scenario
    #[arg(long)]
    pub json: bool,
}

/// A session as a scenario.
#[derive(Debug, Args)]
pub struct Distil {
    /// The session
    #[arg(value_name = "S")]
    pub session: SessionAddress,
    /// Where to write it
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// What it shows, one line
    #[arg(long, value_name = "TEXT")]
    pub about: Option<String>,
}

/// A smaller scenario.
#[derive(Debug, Args)]
pub struct Shrink {
    /// The scenario that fails
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// Where to write it, else DIR-small
    #[arg(value_name = "OUT")]
    pub out: Option<PathBuf>,
}

/// Results so far.
#[derive(Debug, Args)]
pub struct History {
    /// One scenario alone
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// The records
    #[arg(long)]
    pub json: bool,
}

impl Program for Replay {
    const NAME: &'static str = "ace-replay";
}
