//! Arguments of `ace-worktree`.

use clap::{Parser, Subcommand};
use std::path::PathBuf;

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
    /// A new one on a new branch; prints where
    #[command(subcommand_help_heading = "Make", after_help = "cd \"$(ace-worktree create try-gix --base main)\"")]
    Create {
        /// Of the worktree; the branch is ace/NAME
        #[arg(value_name = "NAME")]
        name: String,
        /// Start there (default HEAD)
        #[arg(long, value_name = "REV")]
        base: Option<String>,
        /// With the files of a session, S or S@LINE
        #[arg(long, value_name = "S", conflicts_with_all = ["base", "carry"])]
        from: Option<SessionAddress>,
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
    /// The files of a moment, in a folder
    #[command(subcommand_help_heading = "Look", before_help = "FOLDER: a new one, default ./S@LINE")]
    #[command(after_help = "ls \"$(ace-worktree at fix-median@23)\"")]
    At {
        /// The session, S or S@LINE
        #[arg(value_name = "S")]
        session: SessionAddress,
        /// Where to
        #[arg(value_name = "FOLDER")]
        folder: Option<PathBuf>,
    },
    /// The first step after which CMD fails
    #[command(subcommand_help_heading = "Look", before_help = "CMD runs as you, 125: unknown")]
    #[command(after_help = "ace-worktree bisect fix-median -- make test")]
    Bisect(Bisect),
    /// Put the steps together anew
    #[command(subcommand_help_heading = "Keep", before_help = "without options: list them")]
    #[command(after_help = "ace-worktree rebase -i fix-median\nace-worktree rebase fix-median --drop 17")]
    #[command(after_long_help = "0 done, 1 a step does not fit: nothing was changed, 75 it runs")]
    Rebase(Rebase),
    /// Bring the work to its branch of origin
    #[command(subcommand_help_heading = "Keep", before_help = "T: {prompt} {name} {branch} {seq} {model}")]
    #[command(after_help = "ace-worktree land fix-median
ace-worktree land fix-median --pr")]
    Land(Land),
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
    /// Bring back one that is gone or broken
    #[command(subcommand_help_heading = "Keep", after_help = "ace-worktree recover fix-median")]
    Recover {
        /// The session
        #[arg(value_name = "S")]
        session: SessionAddress,
    },
    /// Keep a worktree from prune and remove
    #[command(subcommand_help_heading = "Keep", after_help = "ace-worktree lock fix-median \"for the review\"")]
    Lock {
        /// The session
        #[arg(value_name = "S")]
        session: SessionAddress,
        /// Shown to who asks
        #[arg(value_name = "REASON", default_value = "")]
        reason: String,
    },
    /// Let prune and remove have it
    #[command(subcommand_help_heading = "Keep", after_help = "ace-worktree unlock fix-median")]
    Unlock {
        /// The session
        #[arg(value_name = "S")]
        session: SessionAddress,
    },
    /// Its states as commits under refs/ace/
    #[command(subcommand_help_heading = "Keep", after_help = "git log -p \"$(ace-worktree mirror fix-median)\"")]
    Mirror {
        /// The session
        #[arg(value_name = "S")]
        session: SessionAddress,
    },
    /// Remove what is merged or nobody's
    #[command(subcommand_help_heading = "Keep", after_help = "ace-worktree prune --dry-run")]
    Prune {
        /// Say what would go
        #[arg(short = 'n', long)]
        dry_run: bool,
        /// Also what a record holds as it is now
        #[arg(long)]
        anchored: bool,
        /// Old states that no record of this home names
        #[arg(long, conflicts_with = "anchored")]
        states: bool,
    },
}

/// Arguments of `ace-worktree land`.
#[derive(Debug, clap::Args)]
pub struct Land {
    /// The session
    #[arg(value_name = "S")]
    pub session: SessionAddress,
    /// Another branch than the one it came from
    #[arg(long, value_name = "BRANCH")]
    pub onto: Option<String>,
    /// Merge, whatever is configured
    #[arg(long, group = "how")]
    pub merge: bool,
    /// As one commit
    #[arg(long, group = "how")]
    pub squash: bool,
    /// Its commits one by one on top
    #[arg(long, group = "how")]
    pub rebase: bool,
    /// Only commit, on its own branch
    #[arg(long, group = "how")]
    pub branch: bool,
    /// Push, and open a pull request by your gh or glab
    #[arg(long, group = "how")]
    pub pr: bool,
    /// With --branch: its commits for git am, - is stdout
    #[arg(long, value_name = "FILE", requires = "branch")]
    pub patch: Option<PathBuf>,
    /// With --pr: push there
    #[arg(long, value_name = "NAME", requires = "pr")]
    pub remote: Option<String>,
    /// Message of the commit that is made
    #[arg(short, long, value_name = "T")]
    pub message: Option<String>,
}

/// Arguments of `ace-worktree rebase`.
#[derive(Debug, clap::Args)]
pub struct Rebase {
    /// The session
    #[arg(value_name = "S")]
    pub session: SessionAddress,
    /// Change the list in your editor
    #[arg(short, long)]
    pub interactive: bool,
    /// Without this step, again for each
    #[arg(long, value_name = "SEQ", conflicts_with = "interactive")]
    pub drop: Vec<u64>,
    /// The changed list; - for stdin
    #[arg(long, value_name = "FILE", conflicts_with_all = ["interactive", "drop"])]
    pub todo: Option<std::path::PathBuf>,
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
