//! Arguments of `ace-session`.

use clap::{Parser, Subcommand};
use std::path::PathBuf;

use crate::{Filter, Goal, Program, SessionAddress, SessionOptions, When};

/// Begin sessions and take their turns
#[derive(Debug, Parser)]
#[command(name = "ace-session", version)]
#[command(before_help = "S: name, id, @last, or a path")]
#[command(after_help = "ace-session run \"$(ace-session new 'make the tests pass')\"
git diff | ace-session once \"review this\" | ace-model | ace-log text")]
#[command(after_long_help = "0 done, 1 failed, 3 needs a decision, 4 limit, 75 busy, 78 config")]
pub struct Session {
    /// auto, always or never
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", hide = true)]
    pub color: When,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands of `ace-session`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make worktree, branch, log, print the id
    #[command(subcommand_help_heading = "Begin", before_help = "PROMPT, stdin, or both")]
    #[command(after_help = "S=$(ace-session new --mode auto \"make the tests pass\")")]
    New {
        /// The first message
        prompt: Option<String>,
        /// The session.
        #[command(flatten)]
        options: SessionOptions,
    },
    /// A session on stdout alone, never kept
    #[command(subcommand_help_heading = "Begin")]
    #[command(after_help = "git diff | ace-session once \"review this\" | ace-model | ace-log text")]
    Once {
        /// The message; stdin joins it
        prompt: Option<String>,
        /// Provider and model
        #[arg(short, long, value_name = "NAME/MODEL")]
        model: Option<String>,
        /// Show a picture, again for each
        #[arg(long = "image", value_name = "FILE")]
        images: Vec<PathBuf>,
        /// The answer is JSON that fits FILE
        #[arg(long, value_name = "FILE")]
        schema: Option<PathBuf>,
        /// Of money, groups and time.
        #[command(flatten)]
        limits: crate::quota::Limits,
    },
    /// Queue a message for the next turn
    #[command(subcommand_help_heading = "Begin")]
    #[command(after_help = "ace-session say @last --now \"leave the tests alone\"")]
    Say {
        /// The session
        #[arg(value_name = "S")]
        session: SessionAddress,
        /// The message; without it, stdin
        #[arg(value_name = "TEXT")]
        text: Option<String>,
        /// Show a picture, again for each
        #[arg(long = "image", value_name = "FILE")]
        images: Vec<PathBuf>,
        /// Steer the running turn; alone: with what waits
        #[arg(long)]
        now: bool,
    },
    /// Take back what still waits, print it
    #[command(subcommand_help_heading = "Begin")]
    #[command(after_help = "ace-session unsay @last")]
    #[command(after_long_help = "0 taken back, 1 nothing waits")]
    Unsay {
        /// The session
        #[arg(value_name = "S")]
        session: SessionAddress,
    },
    /// Start the filters, go on with what is due
    #[command(subcommand_help_heading = "Go on")]
    #[command(after_help = "ace-session run fix-median\nace-session run fix-median --until \"make test\"")]
    Run {
        /// The session
        #[arg(value_name = "S")]
        session: SessionAddress,
        /// Turn by turn.
        #[command(flatten)]
        goal: Goal,
        /// New limits from here on.
        #[command(flatten)]
        limits: crate::quota::Limits,
    },
    /// Watch a session that runs elsewhere
    #[command(subcommand_help_heading = "Go on")]
    #[command(after_help = "ace-session attach fix-median")]
    Attach {
        /// The session
        #[arg(value_name = "S")]
        session: SessionAddress,
    },
    /// Stop the running turn, keep what was said
    #[command(subcommand_help_heading = "Go on")]
    #[command(after_help = "ace-session cancel @last")]
    Cancel {
        /// The session
        #[arg(value_name = "S")]
        session: SessionAddress,
    },
    /// Make the conversation shorter, now
    #[command(subcommand_help_heading = "Go on")]
    #[command(after_help = "ace-session compact fix-median \"the names of the tables\"")]
    Compact {
        /// The session
        #[arg(value_name = "S")]
        session: SessionAddress,
        /// What to keep above all
        #[arg(value_name = "TEXT")]
        text: Option<String>,
    },
    /// Filter: take turns, build contexts
    #[command(subcommand_help_heading = "Go on", before_help = "events in, events and drafts out")]
    #[command(after_help = "ace-log follow \"$S\" | ace-session step | ace-log append \"$S\"")]
    Step {
        /// As a filter.
        #[command(flatten)]
        filter: Filter,
    },
    /// A session with that past, print its id
    #[command(subcommand_help_heading = "Travel", before_help = "S@LINE: its past ends there")]
    #[command(after_help = "ace-session fork fix-median@23 \"try it without awk\"")]
    Fork {
        /// The session, or S@LINE
        #[arg(value_name = "S")]
        session: SessionAddress,
        /// Its first message
        #[arg(value_name = "TEXT")]
        prompt: Option<String>,
        /// Its name (default: its parent's, numbered)
        #[arg(long)]
        name: Option<String>,
        /// A line of JSON instead of the id
        #[arg(long)]
        json: bool,
    },
    /// Conversation and files back to a line
    #[command(subcommand_help_heading = "Travel", before_help = "nothing is erased")]
    #[command(after_help = "ace-session rewind fix-median@23")]
    Rewind {
        /// The session and the line
        #[arg(value_name = "S@LINE")]
        session: SessionAddress,
    },
    /// Take the last turn back, files too
    #[command(subcommand_help_heading = "Travel")]
    #[command(after_help = "ace-session undo @last")]
    Undo {
        /// The session
        #[arg(value_name = "S")]
        session: SessionAddress,
    },
    /// Put a session away; its log stays
    #[command(subcommand_help_heading = "Keep")]
    #[command(after_help = "ace-session archive fix-median")]
    Archive {
        /// The session
        #[arg(value_name = "S")]
        session: SessionAddress,
    },
    /// The session as one file, on stdout
    #[command(subcommand_help_heading = "Keep", before_help = "log, blobs, states of files, no secrets")]
    #[command(after_help = "ace-session pack fix-median | zstd > fix-median.ace.zst")]
    #[command(after_long_help = "0 packed, 1 a file's name is a secret")]
    Pack {
        /// The session
        #[arg(value_name = "S")]
        session: SessionAddress,
        /// Secrets stay in
        #[arg(long)]
        raw: bool,
        /// Without the states of files
        #[arg(long)]
        no_files: bool,
    },
    /// Take in a packed session, to be looked at
    #[command(subcommand_help_heading = "Keep", before_help = "stdin, or FILE; prints the id")]
    #[command(after_help = "zstd -d < fix-median.ace.zst | ace-session unpack")]
    #[command(after_long_help = "0 here, 2 another one has its id, 65 it is not whole")]
    Unpack {
        /// The file
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// Remove log, worktree and the rest for good
    #[command(subcommand_help_heading = "Keep")]
    #[command(after_help = "ace-session rm fix-median")]
    Rm {
        /// The session
        #[arg(value_name = "S")]
        session: SessionAddress,
        /// Also when work that is nowhere else is lost
        #[arg(long)]
        force: bool,
    },
    /// The sessions, newest first
    #[command(subcommand_help_heading = "Look")]
    #[command(after_help = "ace-session list --json | jq -r .name")]
    List {
        /// A line of JSON each
        #[arg(long)]
        json: bool,
    },
}

impl Program for Session {
    const NAME: &'static str = "ace-session";
}
