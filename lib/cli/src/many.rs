//! Arguments of `ace-many`.

use ace_schema::limits::{BATCH_JOBS, BATCH_REPEATS, RELAY_REVIEWS, ROUNDS_MOST};
use ace_schema::permission::Mode;
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

use crate::options::modes;
use crate::quota::{Limits, Money, Span};
use crate::{Program, SessionOptions, When};

/// Many sessions at once, a worktree each
#[derive(Debug, Parser)]
#[command(name = "ace-many", version)]
#[command(before_help = "the same command again goes on")]
#[command(after_help = "git ls-files '*.c' | ace map -j 8 --check 'make test' \"port {} to C23\"
ace race -m A,B --check \"make test\" \"make the tests pass\"")]
#[command(after_long_help = "0 done, 1 failed, 3 needs a decision, 4 limit, 130 ^C")]
pub struct Many {
    /// auto, always or never
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", hide = true)]
    pub color: When,
    /// Errors only
    #[arg(short, long, global = true, hide_short_help = true, help_heading = "Output")]
    pub quiet: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands of `ace-many`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// A session for each task
    #[command(subcommand_help_heading = "Do", before_help = "tasks: lines of stdin or --from")]
    #[command(
        after_help = "git ls-files '*.c' | ace map -j 8 --check 'make test' \"port {} to C23\"\nace map --from todo.txt --budget 5"
    )]
    #[command(after_long_help = "0 all done, 1 some failed, 3 needs a decision, 4 limit, 130 ^C")]
    Map {
        /// Said for each line, which stands for {}
        #[arg(value_name = "PROMPT")]
        prompt: Option<String>,
        /// Lines of FILE in place of stdin
        #[arg(long, value_name = "FILE", help_heading = "Tasks")]
        from: Option<PathBuf>,
        /// A path is of whoever changes it first
        #[arg(long, help_heading = "Tasks")]
        claims: bool,
        /// Again what has failed
        #[arg(long, help_heading = "Tasks")]
        retry: bool,
        /// The sessions.
        #[command(flatten)]
        options: Options,
    },
    /// One task, the first to pass wins
    #[command(subcommand_help_heading = "Do", before_help = "models times prompts times -n")]
    #[command(
        after_help = "ace race -m A,B --check \"make test\" \"make the tests pass\"\nace race -n 3 --check ./judge.sh \"make it fast\""
    )]
    #[command(after_long_help = "0 one passed, 1 none, 3 needs a decision, 4 limit, 130 ^C")]
    Race {
        /// What to do, again for each other wording
        #[arg(value_name = "PROMPT", required = true)]
        prompts: Vec<String>,
        /// So many of each
        #[arg(short, value_name = "N", default_value_t = 1, hide_default_value = true, help_heading = "Tasks", value_parser = clap::value_parser!(u32).range(1..=i64::from(BATCH_REPEATS)))]
        n: u32,
        /// The sessions.
        #[command(flatten)]
        options: Options,
    },
    /// One task: a plan, the work, a review
    #[command(subcommand_help_heading = "Do", before_help = "plan and review only read")]
    #[command(
        after_help = "ace relay --mode edit --check \"make test\" \"make the tests pass\"\nace relay -m PLANS,WORKS,REVIEWS --reviews 3 \"fix it\""
    )]
    #[command(after_long_help = "0 accepted, 1 not, 3 needs a decision, 4 limit, 130 ^C")]
    Relay {
        /// What to do
        #[arg(value_name = "PROMPT")]
        prompt: String,
        /// Reviews at most (default 2)
        #[arg(long, value_name = "N", default_value_t = 2, hide_default_value = true, help_heading = "Verdict", value_parser = clap::value_parser!(u32).range(1..=i64::from(RELAY_REVIEWS)))]
        reviews: u32,
        /// The sessions.
        #[command(flatten)]
        options: Options,
    },
    /// One task, all side by side
    #[command(subcommand_help_heading = "Do", before_help = "the most checks passed come first")]
    #[command(
        after_help = "ace compare -m A,B --check \"make test\" \"make the tests pass\"\nace compare -m A,B --check ./a.sh --check ./b.sh \"fix it\""
    )]
    #[command(after_long_help = "0 one passed, 1 none, 3 needs a decision, 4 limit, 130 ^C")]
    Compare {
        /// What to do, again for each other wording
        #[arg(value_name = "PROMPT", required = true)]
        prompts: Vec<String>,
        /// So many of each
        #[arg(short, value_name = "N", default_value_t = 1, hide_default_value = true, help_heading = "Tasks", value_parser = clap::value_parser!(u32).range(1..=i64::from(BATCH_REPEATS)))]
        n: u32,
        /// The sessions.
        #[command(flatten)]
        options: Options,
    },
}

/// What the sessions of a batch are like.
#[derive(Debug, Clone, Default, Args)]
pub struct Options {
    /// So many at once (default: a core each)
    #[arg(short, value_name = "N", help_heading = "Tasks", value_parser = clap::value_parser!(u32).range(1..=i64::from(BATCH_JOBS)))]
    pub jobs: Option<u32>,
    /// Of the batch: it goes on where it stands
    #[arg(long, value_name = "NAME", help_heading = "Tasks")]
    pub name: Option<String>,
    /// Passed when CMD succeeds, again for each
    #[arg(long, value_name = "CMD", help_heading = "Verdict")]
    pub check: Vec<String>,
    /// So many checks are enough (default all)
    #[arg(long, value_name = "N", requires = "check", conflicts_with = "rounds", help_heading = "Verdict", value_parser = clap::value_parser!(u32).range(1..))]
    pub votes: Option<u32>,
    /// Turns until the checks pass (default 1)
    #[arg(long, value_name = "N", requires = "check", help_heading = "Verdict", value_parser = clap::value_parser!(u32).range(1..=i64::from(ROUNDS_MOST)))]
    pub rounds: Option<u32>,
    /// Providers and models: A,B
    #[arg(short, long, value_name = "NAME/MODEL", value_delimiter = ',', help_heading = "Model")]
    pub model: Vec<String>,
    /// plan, ask (default), edit, auto
    #[arg(long, value_name = "MODE", value_parser = modes(), hide_possible_values = true, help_heading = "Rights")]
    pub mode: Option<Mode>,
    /// Tools without a sandbox, recorded
    #[arg(long, help_heading = "Rights")]
    pub unsandboxed: bool,
    /// The worktrees start there (default HEAD)
    #[arg(long, value_name = "REV", help_heading = "Place")]
    pub base: Option<String>,
    /// Of all together
    #[arg(long, value_name = "MONEY", help_heading = "Limits")]
    pub budget: Option<Money>,
    /// Of each
    #[arg(long, value_name = "MONEY", help_heading = "Limits")]
    pub budget_each: Option<Money>,
    /// Spend from the limits of this group, too
    #[arg(long, value_name = "NAME", help_heading = "Limits")]
    pub group: Vec<String>,
    /// Stop each after so much work: 90s, 10m, 2h
    #[arg(long, value_name = "DURATION", help_heading = "Limits")]
    pub max_time: Option<Span>,
    /// A line of JSON each
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}

impl Options {
    /// Those of one session.
    #[must_use]
    pub fn session(&self, model: Option<&str>) -> SessionOptions {
        SessionOptions {
            model: model.map(str::to_owned),
            mode: self.mode,
            unsandboxed: self.unsandboxed,
            base: self.base.clone(),
            limits: Limits { budget: self.budget_each, group: self.group.clone(), max_time: self.max_time },
            ..SessionOptions::default()
        }
    }
}

impl Program for Many {
    const NAME: &'static str = "ace-many";
}
