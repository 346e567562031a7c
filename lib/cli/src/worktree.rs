//! Arguments of `ace-worktree`.

use clap::{Parser, Subcommand};

use crate::{Program, SessionAddress, When};

/// A worktree and a branch for each session
#[derive(Debug, Parser)]
#[command(name = "ace-worktree", version)]
#[command(before_help = "S: name, id, @last, or a path")]
#[command(after_help = "ace-worktree diff fix-median
ace-worktree land fix-median && ace-worktree prune")]
#[command(after_long_help = "0 done, 1 no: dirty, conflicts, nothing to do, 74 I/O, 75 busy")]
pub struct Worktree {
    /// auto, always or never
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", hide = true)]
    pub color: When,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands of `ace-worktree`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// A worktree on a new branch, print its path
    #[command(subcommand_help_heading = "Make", after_help = "cd \"$(ace-worktree create try-gix --base main)\"")]
    Create {
        /// Of the worktree; the branch is ace/NAME
        #[arg(value_name = "NAME")]
        name: String,
        /// Start there (default HEAD)
        #[arg(long, value_name = "REV")]
        base: Option<String>,
        /// Bring uncommitted changes along
        #[arg(long)]
        carry: bool,
    },
    /// The worktrees of this repository
    #[command(subcommand_help_heading = "Look", after_help = "ace-worktree list --json | jq -r .path")]
    List {
        /// A line of JSON each
        #[arg(long)]
        json: bool,
    },
    /// What was changed there
    #[command(subcommand_help_heading = "Look", after_help = "ace-worktree diff fix-median | git apply --check")]
    Diff {
        /// The session
        #[arg(value_name = "S")]
        session: SessionAddress,
        /// Paths and counts only
        #[arg(long)]
        stat: bool,
    },
    /// Bring the work to the branch it came from
    #[command(subcommand_help_heading = "Keep", after_help = "ace-worktree land fix-median")]
    Land {
        /// The session
        #[arg(value_name = "S")]
        session: SessionAddress,
        /// Another branch than the one it came from
        #[arg(long, value_name = "BRANCH")]
        onto: Option<String>,
    },
    /// Remove one worktree, keep its branch
    #[command(subcommand_help_heading = "Keep", after_help = "ace-worktree remove fix-median")]
    Remove {
        /// The session
        #[arg(value_name = "S")]
        session: SessionAddress,
        /// Also when uncommitted changes are lost
        #[arg(long)]
        force: bool,
    },
    /// Remove what is merged or belongs to nobody
    #[command(subcommand_help_heading = "Keep", after_help = "ace-worktree prune --dry-run")]
    Prune {
        /// Say what would go
        #[arg(short = 'n', long)]
        dry_run: bool,
    },
}

impl Program for Worktree {
    const NAME: &'static str = "ace-worktree";
}
