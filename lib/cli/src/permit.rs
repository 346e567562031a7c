//! Arguments of `ace-permit`.

use clap::{Parser, Subcommand};
use std::path::PathBuf;

use crate::{CallAddress, Filter, Program, SessionAddress, When};

/// Decide each call: allow, deny or ask
#[derive(Debug, Parser)]
#[command(name = "ace-permit", version, args_conflicts_with_subcommands = true)]
#[command(before_help = "without a command: a filter")]
#[command(after_help = "ace-permit allow fix-median @25
ace-permit deny @last @25 --why \"use the standard library\"
ace-permit ask fix-median
ace-permit explain 'git push'
ace-log follow \"$S\" | ace-permit | ace-log append \"$S\"")]
#[command(after_long_help = "0 done, 1 nothing waits under that ID, 65 not events, 78 configuration")]
pub struct Permit {
    /// As a filter.
    #[command(flatten)]
    pub filter: Filter,
    /// auto, always or never
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", hide = true)]
    pub color: When,
    /// A person's answer; without it a filter.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// The commands of `ace-permit`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Let a waiting call run
    #[command(subcommand_help_heading = "Answer", before_help = "ID: of the call, or @LINE")]
    #[command(after_help = "ace-permit allow fix-median @25
ace-permit allow fix-median @25 --session
ace-permit allow fix-median @25 --always --rule 'cargo test ...'
ace-permit allow fix-median @25 --answer sqlite")]
    Allow(Allow),
    /// Answer what waits, here and now
    #[command(subcommand_help_heading = "Answer")]
    #[command(after_help = "ace-permit ask fix-median
ace-permit ask @last --client editor --json")]
    #[command(after_long_help = "0 nothing waits any more, 1 nothing waited, 3 left without an answer")]
    Ask(Ask),
    /// Refuse a waiting call
    #[command(subcommand_help_heading = "Answer", before_help = "ID: of the call, or @LINE")]
    #[command(after_help = "ace-permit deny fix-median @25 --why \"use the standard library\"")]
    Deny(Answer),
    /// See what a waiting call does, in a copy
    #[command(subcommand_help_heading = "Answer", before_help = "ID: of the call, or @LINE")]
    #[command(after_help = "ace-permit effect fix-median @25
ace-permit allow fix-median @25")]
    Effect(Waiting),
    /// How a call would be decided, and why
    #[command(subcommand_help_heading = "Rules")]
    #[command(after_help = "ace-permit explain 'git push'
ace-permit explain --call '{\"tool\":\"read\",\"args\":{\"path\":\".env\"}}'")]
    #[command(after_long_help = "0 allow, 1 deny, 3 ask, 78 rules")]
    Explain(Explain),
    /// Run the examples that rules carry
    #[command(subcommand_help_heading = "Rules", after_help = "ace-permit test .ace/rules.toml")]
    #[command(after_long_help = "0 all as written, 1 one is not, 78 rules")]
    Test(Test),
    /// What other rules would have decided
    #[command(subcommand_help_heading = "Rules", after_help = "ace-permit try rules.toml @last")]
    #[command(after_long_help = "0 nothing changes, 1 something does, 78 rules")]
    Try(Try),
    /// Propose rules from what people decided
    #[command(subcommand_help_heading = "Rules", after_help = "ace-permit learn @last > rules.toml")]
    Learn(Learn),
}

/// A person's yes.
#[derive(Debug, clap::Args)]
pub struct Allow {
    /// Which call.
    #[command(flatten)]
    pub answer: Answer,
    /// Such calls too, while the session goes on
    #[arg(long = "session", conflicts_with_all = ["project", "always"])]
    pub for_session: bool,
    /// Such calls too, in this project
    #[arg(long, conflicts_with = "always")]
    pub project: bool,
    /// Such calls too, everywhere
    #[arg(long)]
    pub always: bool,
    /// The rule for such calls, in place of the one proposed
    #[arg(long, value_name = "PATTERN")]
    pub rule: Option<String>,
    /// The answer to what the model asks, or its number
    #[arg(long = "answer", value_name = "TEXT", conflicts_with_all = ["for_session", "project", "always"])]
    pub reply: Option<String>,
}

/// A person, or the program that asks them.
#[derive(Debug, clap::Args)]
pub struct Ask {
    /// The session
    #[arg(value_name = "S", default_value = "@last")]
    pub session: SessionAddress,
    /// Be asked in place of the user, under this name
    #[arg(long, value_name = "NAME")]
    pub client: Option<String>,
    /// Questions and answers, a JSON line each
    #[arg(long)]
    pub json: bool,
}

/// A call that is only looked at.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("what").required(true))]
pub struct Explain {
    /// The command of a shell call
    #[arg(value_name = "CMD", group = "what")]
    pub command: Option<String>,
    /// The same
    #[arg(long, value_name = "COMMAND", group = "what")]
    pub shell: Option<String>,
    /// Any call: tool, args and if need be source
    #[arg(long, value_name = "JSON", group = "what")]
    pub call: Option<String>,
    /// These rules alone
    #[arg(long, value_name = "FILE")]
    pub rules: Option<PathBuf>,
    /// plan, ask, edit or auto
    #[arg(long, value_name = "MODE")]
    pub mode: Option<String>,
    /// One JSON line
    #[arg(long)]
    pub json: bool,
}

/// Rules whose examples are run.
#[derive(Debug, clap::Args)]
pub struct Test {
    /// Rules; without it those in force here
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
}

/// Rules over the past.
#[derive(Debug, clap::Args)]
pub struct Try {
    /// The rules
    #[arg(value_name = "RULES")]
    pub rules: PathBuf,
    /// Sessions
    #[arg(value_name = "LOG", required = true)]
    pub logs: Vec<SessionAddress>,
}

/// The past as a teacher.
#[derive(Debug, clap::Args)]
pub struct Learn {
    /// Sessions
    #[arg(value_name = "LOG", required = true)]
    pub logs: Vec<SessionAddress>,
}

/// A call that waits.
#[derive(Debug, clap::Args)]
pub struct Waiting {
    /// The session
    #[arg(value_name = "S")]
    pub session: SessionAddress,
    /// The call: its id or @LINE
    #[arg(value_name = "ID")]
    pub call: CallAddress,
}

/// A person's answer to one call.
#[derive(Debug, clap::Args)]
pub struct Answer {
    /// The session
    #[arg(value_name = "S")]
    pub session: SessionAddress,
    /// The call: its id or @LINE
    #[arg(value_name = "ID")]
    pub call: CallAddress,
    /// Words that the model reads
    #[arg(long, value_name = "WORDS")]
    pub why: Option<String>,
}

impl Program for Permit {
    const NAME: &'static str = "ace-permit";
}
