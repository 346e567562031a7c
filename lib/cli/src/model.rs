//! Arguments of `ace-model`.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::{Filter, Program, When};

/// Answer contexts: a provider, or a recording
#[derive(Debug, Parser)]
#[command(name = "ace-model", version, args_conflicts_with_subcommands = true)]
#[command(before_help = "without a command: a filter")]
#[command(after_help = "ace-session once \"say hello\" | ace-model | ace-log text
ace-log follow \"$S\" | ace-session step | ace-model | ace-log append \"$S\"
ace-model check openai/gpt-5")]
#[command(after_long_help = "0 done, 65 not events, 69 no provider, 77 no key, 78 configuration")]
pub struct Model {
    /// As a filter.
    #[command(flatten)]
    pub filter: Filter,
    /// Keep the answers, for -m recorded/DIR
    #[arg(long, value_name = "DIR")]
    pub record: Option<PathBuf>,
    /// A recording that may be read
    #[arg(long, value_name = "PATH", hide_short_help = true)]
    pub play: Option<PathBuf>,
    /// auto, always or never
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", hide = true)]
    pub color: When,
    /// What to look at; without it a filter.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// The commands of `ace-model`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Providers, their keys and models
    #[command(subcommand_help_heading = "Look")]
    #[command(after_help = "ace-model list\nace-model list --json | jq -r 'select(.ready).model'")]
    List {
        /// A line of JSON each
        #[arg(long)]
        json: bool,
    },
    /// One tiny call: how soon, and whether with tools
    #[command(subcommand_help_heading = "Look", before_help = "NAME: PROVIDER/MODEL, or PROVIDER")]
    #[command(after_help = "ace-model check\nace-model check ollama/qwen3")]
    #[command(after_long_help = "0 answers, 1 refuses, 69 out of reach, 77 no key, 78 configuration")]
    Check {
        /// The model; without it, the one that is configured
        #[arg(value_name = "NAME")]
        name: Option<String>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

impl Program for Model {
    const NAME: &'static str = "ace-model";
}
