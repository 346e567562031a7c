//! Arguments of `ace-redact`.

use clap::Parser;

use crate::{Program, When};

/// Take secrets out of drafts before they are kept
#[derive(Debug, Parser)]
#[command(name = "ace-redact", version)]
#[command(before_help = "drafts in, drafts without secrets out")]
#[command(after_help = "ace-log follow \"$S\" | ace-session step | ace-model | ace-permit | ace-tool |
  ace-redact | ace-log append \"$S\"
journalctl -u app | ace-redact --text > app.log")]
#[command(after_long_help = "0 done, 74 I/O, 78 configuration")]
pub struct Redact {
    /// Plain text instead of events
    #[arg(long)]
    pub text: bool,
    /// The session, where no line tells it
    #[arg(long, value_name = "ID", hide = true, default_value = "")]
    pub session: String,
    /// auto, always or never
    #[arg(long, value_name = "WHEN", default_value = "auto", hide = true)]
    pub color: When,
}

impl Program for Redact {
    const NAME: &'static str = "ace-redact";
}
