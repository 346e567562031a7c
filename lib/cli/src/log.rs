//! Arguments of `ace-log`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Parser, Subcommand, ValueEnum};

use crate::{Program, SessionAddress, When};

/// Keep, read and check the log of a session
#[derive(Debug, Parser)]
#[command(name = "ace-log", version)]
#[command(before_help = "S: name, id, @last, or a path")]
#[command(after_help = "ace-log follow @last | jq -c --unbuffered .type
ace-log join @last -- awk -W interactive -f watch.awk")]
#[command(after_long_help = "0 yes, 1 no or failed, 3 needs a decision, 4 limit, 65 damaged, 74 I/O")]
pub struct Log {
    /// auto, always or never
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", hide = true)]
    pub color: When,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// When following ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Until {
    /// The running turn has ended and no message waits.
    Turn,
    /// Nothing goes on without a person.
    Idle,
}

/// The commands of `ace-log`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Stamp and keep the drafts on stdin
    #[command(
        subcommand_help_heading = "Write",
        after_help = "ace-log follow \"$S\" | ace-permit | ace-log append \"$S\""
    )]
    Append {
        /// The session
        #[arg(value_name = "S")]
        session: SessionAddress,
        /// Print what was kept
        #[arg(long)]
        tee: bool,
    },
    /// Run FILTER on the log, keep what it adds
    #[command(subcommand_help_heading = "Write", after_help = "ace-log join @last -- ssh box ace-tool --drafts-only")]
    Join {
        /// The session
        #[arg(value_name = "S")]
        session: SessionAddress,
        /// The filter and its arguments
        #[arg(value_name = "FILTER", required = true, last = true, num_args = 1..)]
        filter: Vec<OsString>,
    },
    /// Every line, then log.live
    #[command(subcommand_help_heading = "Read", after_help = "ace-log cat @last | jq -r .type | sort | uniq -c")]
    Cat {
        /// The session
        #[arg(value_name = "S")]
        session: SessionAddress,
    },
    /// Every line, and what comes
    #[command(subcommand_help_heading = "Read", after_help = "ace-log follow @last --until turn")]
    Follow {
        /// The session
        #[arg(value_name = "S")]
        session: SessionAddress,
        /// End with the turn, or when only a person can go on
        #[arg(long, value_name = "turn|idle", hide_possible_values = true)]
        until: Option<Until>,
    },
    /// A line a record, for people
    #[command(subcommand_help_heading = "Read", after_help = "ace-log show fix-median\nace-log show fix-median@11")]
    Show {
        /// The session, or one line of it
        #[arg(value_name = "S")]
        session: SessionAddress,
        /// With the data of each record
        #[arg(short, long)]
        verbose: bool,
    },
    /// The answers alone
    #[command(
        subcommand_help_heading = "Read",
        after_help = "ace-log text @last > answer.md\nace-session once \"say hello\" | ace-model | ace-log text"
    )]
    Text {
        /// The session; without it, the stream on stdin
        #[arg(value_name = "S")]
        session: Option<SessionAddress>,
    },
    /// What it cost, by turn and model
    #[command(subcommand_help_heading = "Read", before_help = "without S: a row a session")]
    #[command(after_help = "ace-log cost fix-median\nace cost --since 7d --project stats --json")]
    Cost {
        /// The sessions
        #[arg(value_name = "S")]
        session: Vec<SessionAddress>,
        /// Sessions that spoke since: 90m, 12h, 7d, a day
        #[arg(long, value_name = "TIME", conflicts_with = "session")]
        since: Option<Since>,
        /// Sessions of this project
        #[arg(long, value_name = "NAME", conflicts_with = "session")]
        project: Option<String>,
        /// A line of JSON each
        #[arg(long)]
        json: bool,
    },
    /// Words over all sessions
    #[command(
        subcommand_help_heading = "Read",
        after_help = "ace-log search median test\nace search --json median | jq -r .session"
    )]
    Search {
        /// Words that must all be there
        #[arg(value_name = "WORD", required = true)]
        words: Vec<String>,
        /// A line of JSON each
        #[arg(long)]
        json: bool,
    },
    /// What two sessions did differently
    #[command(
        subcommand_help_heading = "Read",
        before_help = "aligned by turn and call",
        after_help = "ace-log diff fix-median fix-median-2\nace-log diff --whole fix-median@1 @last"
    )]
    #[command(after_long_help = "0 nothing, 1 something")]
    Diff {
        /// The one
        #[arg(value_name = "A")]
        a: SessionAddress,
        /// The other
        #[arg(value_name = "B")]
        b: SessionAddress,
        /// Also what is the same
        #[arg(long)]
        whole: bool,
        /// A line of JSON each
        #[arg(long)]
        json: bool,
    },
    /// Which call wrote a line, and why
    #[command(
        subcommand_help_heading = "Read",
        before_help = "of S, or of any session",
        after_help = "ace-log blame median.awk:8\nace blame median.awk:8 fix-median --json"
    )]
    #[command(after_long_help = "0 found, 1 no session wrote it")]
    Blame {
        /// The file as it is now, and the line
        #[arg(value_name = "FILE:LINE")]
        at: FileLine,
        /// The session
        #[arg(value_name = "S")]
        session: Option<SessionAddress>,
        /// A line of JSON
        #[arg(long)]
        json: bool,
    },
    /// Ask all sessions in SQL, read-only
    #[command(
        subcommand_help_heading = "Read",
        before_help = "sessions, turns, answers, calls, checks",
        after_help = "ace-log query 'SELECT tool, count(*) n FROM calls GROUP BY 1 ORDER BY 2 DESC'\nace query --json 'SELECT model, sum(cost) FROM answers GROUP BY 1'"
    )]
    #[command(after_long_help = "0 rows, 1 none, 2 no question, 4 it takes too long")]
    Query {
        /// One SELECT
        #[arg(value_name = "SQL")]
        sql: String,
        /// A line of JSON each
        #[arg(long)]
        json: bool,
    },
    /// Chain, blobs, head
    #[command(
        subcommand_help_heading = "Check",
        after_help = "ace-log verify @last && echo whole\nA=$(ace-log verify \"$S\" --anchor)\nace-log verify \"$S\" --anchor \"$A\""
    )]
    #[command(after_long_help = "0 whole, 65 damaged or behind the anchor, 74 I/O")]
    Verify {
        /// The session
        #[arg(value_name = "S")]
        session: SessionAddress,
        /// That line must still stand; alone: print it
        #[arg(long, value_name = "SEQ:HASH", num_args = 0..=1, default_missing_value = "")]
        anchor: Option<Anchor>,
        /// Note the head in git, at COMMIT or HEAD
        #[arg(long, value_name = "COMMIT", num_args = 0..=1, default_missing_value = "HEAD", conflicts_with = "anchor")]
        note: Option<String>,
        /// What is noted in git must still stand
        #[arg(long, conflicts_with_all = ["anchor", "note"])]
        noted: bool,
    },
    /// Whether FILTER keeps the laws of a filter
    #[command(
        subcommand_help_heading = "Check",
        after_help = "ace-log laws -- python3 ./tally.py\nace laws -- awk -f refused.awk"
    )]
    #[command(after_long_help = "0 it keeps them all, 1 it breaks one")]
    Laws {
        /// The filter and its arguments
        #[arg(value_name = "FILTER", required = true, last = true, num_args = 1..)]
        filter: Vec<OsString>,
    },
    /// The log anew without its secrets
    #[command(
        subcommand_help_heading = "Check",
        before_help = "a new chain: old anchors do not hold",
        after_help = "ace-log scrub fix-median\nace-log scrub fix-median --remove && ace-log verify fix-median"
    )]
    #[command(after_long_help = "0 done, 2 a fork names its lines, 65 damaged, 75 being written")]
    Scrub {
        /// The session
        #[arg(value_name = "S")]
        session: SessionAddress,
        /// Keep neither the old log nor its old blobs
        #[arg(long)]
        remove: bool,
    },
    /// A clean copy, the damaged one kept
    #[command(
        subcommand_help_heading = "Check",
        after_help = "ace-log recover fix-median\nace-log recover fix-median --out ./fix-median-clean"
    )]
    #[command(after_long_help = "0 recovered or whole, 65 nothing is proven, 74 I/O, 75 being written")]
    Recover {
        /// The session
        #[arg(value_name = "S")]
        session: SessionAddress,
        /// Write the copy there, leave S as it is
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
}

/// A file and a line of it, from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileLine {
    /// The file.
    pub file: PathBuf,
    /// The line.
    pub line: usize,
}

impl FromStr for FileLine {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let read = text.rsplit_once(':').and_then(|(file, line)| Some((file, line.parse::<usize>().ok()?)));
        match read {
            Some((file, line)) if line > 0 && !file.is_empty() => Ok(Self { file: file.into(), line }),
            _ => Err("a line of a file is FILE:LINE, as median.awk:8".to_owned()),
        }
    }
}

/// So long ago, or from the beginning of a day (UTC).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Since {
    /// Ms ago.
    Ago(u64),
    /// `2026-11-20`.
    Day(String),
}

impl FromStr for Since {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let shape = |t: &str| {
            t.len() == 10
                && t.bytes().enumerate().all(|(i, b)| if matches!(i, 4 | 7) { b == b'-' } else { b.is_ascii_digit() })
        };
        if shape(text) {
            return Ok(Self::Day(text.to_owned()));
        }
        let unit = match text.as_bytes().last() {
            Some(b'm') => 60_000,
            Some(b'h') => 3_600_000,
            Some(b'd') => 86_400_000,
            _ => 0,
        };
        let number = text.get(..text.len().saturating_sub(1)).filter(|n| n.bytes().all(|b| b.is_ascii_digit()));
        match number.and_then(|n| n.parse::<u64>().ok()).and_then(|n| n.checked_mul(unit)).filter(|n| *n > 0) {
            Some(ms) => Ok(Self::Ago(ms)),
            None => Err("a time is 90m, 12h, 7d, or a day as 2026-11-20".to_owned()),
        }
    }
}

/// `SEQ:HASH`: a head that was noted; empty to have it told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anchor {
    /// Number and SHA-256 (64 hex digits, lower case) of the line.
    pub at: Option<(u64, String)>,
}

impl FromStr for Anchor {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Ok(Self { at: None });
        }
        let is_hash = |h: &str| h.len() == 64 && h.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let read = text.split_once(':').and_then(|(seq, hash)| Some((seq.parse().ok()?, hash)));
        match read {
            Some((seq, hash)) if seq > 0 && is_hash(hash) => Ok(Self { at: Some((seq, hash.to_owned())) }),
            _ => Err("an anchor is SEQ:HASH, as ace-log verify S --anchor prints it".to_owned()),
        }
    }
}

impl Program for Log {
    const NAME: &'static str = "ace-log";
}
