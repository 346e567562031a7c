//! Arguments of `ace-tool`.

use clap::{Parser, Subcommand};

use crate::{Filter, Program, When};

/// Run the calls that were allowed
#[derive(Debug, Parser)]
#[command(name = "ace-tool", version, args_conflicts_with_subcommands = true)]
#[command(before_help = "events in, events and drafts out")]
#[command(after_help = "ace-log follow \"$S\" | ace-tool | ace-log append \"$S\"")]
#[command(after_long_help = "0 done, 65 not events, 70 our bug, 74 I/O, 78 no sandbox for mode auto")]
pub struct Tool {
    /// As a filter.
    #[command(flatten)]
    pub filter: Filter,
    /// Act on drafts too, where no log stands behind the pipe
    #[arg(long)]
    pub unrecorded: bool,
    /// Tools without a sandbox, recorded with each call
    #[arg(long)]
    pub unsandboxed: bool,
    /// auto, always or never
    #[arg(long, value_name = "WHEN", default_value = "auto", hide = true)]
    pub color: When,
    /// A part of itself; without it a filter.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// The commands of `ace-tool`, none for people.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// One process of the broker, behind the sandbox
    #[command(hide = true)]
    Worker,
}

impl Program for Tool {
    const NAME: &'static str = "ace-tool";
}
