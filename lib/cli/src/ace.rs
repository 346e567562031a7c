//! Arguments of `ace`, the front command.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::{Goal, Program, SessionAddress, SessionOptions, When};

/// Coding models at work in your repository, a log and a worktree a session
#[derive(Debug, Parser)]
#[command(name = "ace", disable_help_subcommand = true, version)]
#[command(before_help = "without a command: the prompt")]
#[command(after_help = "ace run \"make the tests pass\"        work on a branch of its own
git diff | ace ask \"review this\"     one answer, no tools
ace ls                               what runs, what waits, what it cost")]
pub struct Ace {
    /// Start in DIR
    #[arg(short = 'C', value_name = "DIR")]
    pub directory: Option<PathBuf>,
    /// Print the pipeline instead of running it
    #[arg(short = 'x')]
    pub explain: bool,
    /// Errors only
    #[arg(short, long, global = true, hide_short_help = true, help_heading = "Output")]
    pub quiet: bool,
    /// Events, or the one thing asked for, as JSON
    #[arg(long, global = true, hide_short_help = true, help_heading = "Output")]
    pub json: bool,
    /// auto, always or never
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        default_value = "auto",
        hide_short_help = true,
        hide_default_value = true
    )]
    #[arg(help_heading = "Output")]
    pub color: When,
    /// What to do; without it the interactive prompt.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// The front's own verbs; all others are rows of [`crate::suite::SUITE`] or programs `ace-WORD`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Work until the turn has ended
    #[command(before_help = "PROMPT, stdin, or both")]
    #[command(after_help = "ace run \"make the tests pass\"
ace run --until \"make test\" --budget 0.50 \"fix the build\"
ace run --json < todo.md | jq -c 'select(.type==\"tool.completed\")'")]
    #[command(after_long_help = "0 done, 1 failed, 3 needs a decision, 4 limit, 69 no provider, 130 ^C")]
    Run(Run),
    /// One answer, no tools
    #[command(before_help = "PROMPT, stdin, or both")]
    #[command(
        after_help = "git diff | ace ask \"review this\"\ngit diff main | ace ask --gate --format sarif \"review\" > review.sarif"
    )]
    #[command(after_long_help = "0 done or pass, 1 failed, 69 no provider, 77 no key, 130 ^C")]
    Ask(Ask),
    /// Go on with what is due, then the prompt
    #[command(before_help = "S: name, id, @last, or a path")]
    #[command(after_help = "ace resume @last\nace resume fix-median")]
    #[command(after_long_help = "0 done, 1 failed, 3 needs a decision, 4 limit, 69 no provider, 130 ^C")]
    Resume {
        /// The session
        #[arg(value_name = "S")]
        session: SessionAddress,
        /// New limits from here on.
        #[command(flatten)]
        limits: crate::quota::Limits,
    },
    /// Play a recorded session, here, for nothing
    #[command(after_help = "ace demo")]
    Demo,
    /// What this machine gives: sandbox, home, git, keys
    #[command(after_help = "ace doctor\nace doctor --online")]
    #[command(after_long_help = "0 done, 1 something has to be done")]
    Doctor {
        /// Try to reach the providers too; nothing is sent
        #[arg(long)]
        online: bool,
    },
    /// Sessions: what runs, what waits, what it cost
    #[command(after_help = "ace ls\nace ls --json | jq -r .name")]
    Ls {
        /// Archived ones too
        #[arg(short, long)]
        all: bool,
    },
    /// One session, or one recorded line of it
    #[command(before_help = "S: name, id, @last, path; S@23 a line")]
    #[command(after_help = "ace show @last\nace show fix-median@11")]
    Show {
        /// The session, or one line of it
        #[arg(value_name = "S")]
        session: SessionAddress,
        /// Outputs too
        #[arg(long)]
        full: bool,
    },
    /// What is configured, and where it was said
    #[command(after_help = "ace config --origin\nace config set model ollama/qwen3")]
    #[command(after_long_help = "0 done, 2 usage, 78 the configuration is wrong")]
    Config {
        /// Where each value comes from
        #[arg(long)]
        origin: bool,
        /// Defaults too
        #[arg(long)]
        all: bool,
        /// To change a value; without it the effective configuration.
        #[command(subcommand)]
        change: Option<Change>,
    },
    /// Let this project start what its configuration names
    #[command(after_help = "ace trust --show\nace trust")]
    #[command(after_long_help = "0 done, 1 nothing to trust")]
    Trust {
        /// Say what would start, change nothing
        #[arg(long)]
        show: bool,
        /// Take it back
        #[arg(long, conflicts_with = "show")]
        revoke: bool,
    },
    /// Explain a command, or the parts of the pipe
    #[command(after_help = "ace help run\nace help pipe")]
    Help {
        /// A command; `pipe` for the programs behind them
        #[arg(value_name = "COMMAND")]
        word: Option<String>,
    },
    /// Any other word and what follows it.
    #[command(external_subcommand)]
    Other(Vec<OsString>),
}

/// `ace config set`.
#[derive(Debug, Subcommand)]
pub enum Change {
    /// Write a value into your own file
    #[command(before_help = "KEY as ace config shows it", after_help = "ace config set limits.answers 40")]
    Set {
        /// The key
        key: String,
        /// The value
        value: String,
    },
}

/// `ace run`.
#[derive(Debug, Args)]
pub struct Run {
    /// What to do
    pub prompt: Option<String>,
    /// The new session.
    #[command(flatten)]
    pub options: SessionOptions,
    /// Turn by turn, until CMD succeeds
    #[command(flatten)]
    pub goal: Goal,
    /// Skip it if nothing of this has changed
    #[arg(long, value_name = "GLOB", num_args = 1, help_heading = "Limits")]
    pub inputs: Vec<String>,
    /// Keep the answers, for -m recorded/DIR
    #[arg(long, value_name = "DIR", hide_short_help = true, help_heading = "Output")]
    pub record: Option<PathBuf>,
    /// The model's reasoning whole
    #[arg(long, hide_short_help = true, help_heading = "Output")]
    pub reasoning: bool,
}

/// `ace ask`.
#[derive(Debug, Clone, Args)]
pub struct Ask {
    /// The question
    pub prompt: Option<String>,
    /// Provider and model
    #[arg(short, long, value_name = "NAME/MODEL")]
    pub model: Option<String>,
    /// Show a picture, again for each
    #[arg(long = "image", value_name = "FILE")]
    pub images: Vec<PathBuf>,
    /// The answer is JSON that fits FILE
    #[arg(long, value_name = "FILE")]
    pub schema: Option<PathBuf>,
    /// The exit is a verdict; findings on stdout
    #[arg(long, conflicts_with = "schema")]
    pub gate: bool,
    /// text (default), sarif, github
    #[arg(long, value_name = "FORMAT", requires = "gate", hide_possible_values = true)]
    pub format: Option<Format>,
    /// Keep the answer, for -m recorded/DIR
    #[arg(long, value_name = "DIR")]
    pub record: Option<PathBuf>,
    /// Of money, groups and time.
    #[command(flatten)]
    pub limits: crate::quota::Limits,
}

/// How findings are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A line each, for people.
    #[default]
    Text,
    /// SARIF 2.1.0.
    Sarif,
    /// Annotations of GitHub Actions.
    Github,
}

impl Program for Ace {
    const NAME: &'static str = "ace";
}
