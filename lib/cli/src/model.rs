//! Arguments of `ace-model`.

use clap::Parser;

use crate::{Filter, Program, When};

/// Answer contexts: a provider, or a recording
#[derive(Debug, Parser)]
#[command(name = "ace-model", version)]
#[command(before_help = "events in, events and drafts out")]
#[command(after_help = "ace-session once \"say hello\" | ace-model | ace-log text
ace-log follow \"$S\" | ace-session step | ace-model | ace-log append \"$S\"")]
#[command(after_long_help = "0 done, 65 not events, 69 no provider, 77 no key, 78 configuration")]
pub struct Model {
    /// As a filter.
    #[command(flatten)]
    pub filter: Filter,
    /// auto, always or never
    #[arg(long, value_name = "WHEN", default_value = "auto", hide = true)]
    pub color: When,
}

impl Program for Model {
    const NAME: &'static str = "ace-model";
}
