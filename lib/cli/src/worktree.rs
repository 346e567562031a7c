//! Arguments of `ace-worktree`.

use clap::{Parser, Subcommand};

use crate::{Program, SessionAddress, SpanAddress, When};

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
    /// A worktree on a new branch; prints where
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
    #[command(subcommand_help_heading = "Look", before_help = "S@LINE: a call or turn; S@A..B: between")]
    #[command(after_help = "ace-worktree diff fix-median | git apply --check
ace-worktree diff fix-median@23")]
    Diff {
        /// The session, S@LINE or S@FROM..TO
        #[arg(value_name = "S")]
        session: SpanAddress,
        /// Paths and counts only
        #[arg(long)]
        stat: bool,
    },
    /// The first step after which CMD fails
    #[command(subcommand_help_heading = "Look", before_help = "CMD runs as you, 125: unknown")]
    #[command(after_help = "ace-worktree bisect fix-median -- make test")]
    Bisect(Bisect),
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
    /// Remove what is merged or nobody's
    #[command(subcommand_help_heading = "Keep", after_help = "ace-worktree prune --dry-run")]
    Prune {
        /// Say what would go
        #[arg(short = 'n', long)]
        dry_run: bool,
    },
}

/// Arguments of `ace-worktree bisect`.
#[derive(Debug, clap::Args)]
pub struct Bisect {
    /// The session
    #[arg(value_name = "S")]
    pub session: SessionAddress,
    /// A line of JSON
    #[arg(long)]
    pub json: bool,
    /// The first step after which CMD succeeds
    #[arg(long)]
    pub good_after: bool,
    /// Run CMD N times, one failure is enough
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub repeat: u32,
    /// What says whether a state is good
    #[arg(last = true, required = true, value_name = "CMD")]
    pub command: Vec<String>,
}

impl Program for Worktree {
    const NAME: &'static str = "ace-worktree";
}
