//! Arguments of `ace-tool`.

use std::ffi::OsString;

use clap::{Parser, Subcommand};

use crate::{Filter, Program, SessionAddress, When};

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
    /// Act on drafts too: no log is behind
    #[arg(long)]
    pub unrecorded: bool,
    /// No sandbox, recorded with each call
    #[arg(long)]
    pub unsandboxed: bool,
    /// auto, always or never
    #[arg(long, value_name = "WHEN", default_value = "auto", hide = true)]
    pub color: When,
    /// A part of itself; without it a filter.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// The commands of `ace-tool`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run CMD where the tools of S run
    #[command(subcommand_help_heading = "Run", before_help = "in their sandbox")]
    #[command(after_help = "ace-tool within @last -- make test")]
    #[command(after_long_help = "that of CMD; 78 no sandbox")]
    Within {
        /// The session
        #[arg(value_name = "S")]
        session: SessionAddress,
        /// Without a sandbox
        #[arg(long)]
        unsandboxed: bool,
        /// The command and its arguments
        #[arg(value_name = "CMD", required = true, last = true, num_args = 1..)]
        command: Vec<OsString>,
    },
    /// One process of the broker, behind the sandbox
    #[command(hide = true)]
    Worker,
    /// Runs the commands of a new worktree's setup, as a tool would
    #[command(hide = true)]
    Setup {
        /// Without a sandbox
        #[arg(long)]
        unsandboxed: bool,
    },
    /// One command, behind the sandbox
    #[command(hide = true)]
    Guest {
        /// The command and its arguments
        #[arg(value_name = "CMD", trailing_var_arg = true, allow_hyphen_values = true)]
        command: Vec<OsString>,
    },
}

impl Program for Tool {
    const NAME: &'static str = "ace-tool";
}
