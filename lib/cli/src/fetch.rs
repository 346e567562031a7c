//! Arguments of `ace-fetch`.

use clap::Parser;

use crate::{Filter, Program, When};

/// Fetch pages of the web as text
#[derive(Debug, Parser)]
#[command(name = "ace-fetch", version)]
#[command(before_help = "without a URL: a filter")]
#[command(after_help = "ace-fetch https://example.com/
ace-log follow \"$S\" | ace-fetch | ace-log append \"$S\"")]
#[command(after_long_help = "0 done, 1 no such page, 65 not events, 69 out of reach")]
pub struct Fetch {
    /// A web address; its page is printed as Markdown or text
    #[arg(value_name = "URL")]
    pub url: Option<String>,
    /// As a filter.
    #[command(flatten)]
    pub filter: Filter,
    /// Act on drafts too, where no log stands behind the pipe
    #[arg(long)]
    pub unrecorded: bool,
    /// The way out of a sandbox: serves listeners that come on stdin
    #[arg(long, hide = true, conflicts_with = "url")]
    pub proxy: bool,
    /// A host that the proxy reaches
    #[arg(long, hide = true, requires = "proxy", value_name = "HOST")]
    pub host: Vec<String>,
    /// auto, always or never
    #[arg(long, value_name = "WHEN", default_value = "auto", hide = true)]
    pub color: When,
}

impl Program for Fetch {
    const NAME: &'static str = "ace-fetch";
}
