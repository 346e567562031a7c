//! Arguments of `ace-permit`.

use clap::{Parser, Subcommand};

use crate::{CallAddress, Filter, Program, SessionAddress, When};

/// Decide each call: allow, deny or ask
#[derive(Debug, Parser)]
#[command(name = "ace-permit", version, args_conflicts_with_subcommands = true)]
#[command(before_help = "without a command: a filter")]
#[command(after_help = "ace-permit allow fix-median @25
ace-permit deny @last @25 --why \"use the standard library\"
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
    /// Let a waiting call run, once
    #[command(subcommand_help_heading = "Answer", before_help = "ID: of the call, or @LINE")]
    #[command(after_help = "ace-permit allow fix-median @25")]
    Allow(Answer),
    /// Refuse a waiting call
    #[command(subcommand_help_heading = "Answer", before_help = "ID: of the call, or @LINE")]
    #[command(after_help = "ace-permit deny fix-median @25 --why \"use the standard library\"")]
    Deny(Answer),
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
