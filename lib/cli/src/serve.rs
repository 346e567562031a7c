//! Arguments of `ace-serve`.

use clap::Parser;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::{Program, When};

/// Sessions in a browser, and over HTTP
#[derive(Debug, Parser)]
#[command(name = "ace-serve", version)]
#[command(before_help = "prints one link; sessions run without it")]
#[command(after_help = "ace serve
ace serve --listen 127.0.0.1:4000 --terminal
ace serve --listen 0.0.0.0:443 --tls-cert cert.pem --tls-key key.pem
ace serve --unix ace.sock")]
#[command(after_long_help = "0 stopped, 2 usage: no TLS, 74 I/O, 75 the address is taken")]
pub struct Serve {
    /// Listen there; without TLS on loopback only
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0", help_heading = "Listen")]
    pub listen: SocketAddr,
    /// Listen on a Unix socket instead
    #[arg(long, value_name = "FILE", help_heading = "Listen", conflicts_with_all = ["tls_cert", "tls_key"])]
    pub unix: Option<PathBuf>,
    /// Certificates for TLS, PEM
    #[arg(long, value_name = "FILE", help_heading = "Listen", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// Their key, PEM
    #[arg(long, value_name = "FILE", help_heading = "Listen", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Terminals in worktrees may be opened
    #[arg(long, help_heading = "Rights")]
    pub terminal: bool,
    /// A new link; the old one and every login end
    #[arg(long, help_heading = "Rights")]
    pub new_token: bool,
    /// Pages of this origin count as our own, to develop them
    #[arg(long, value_name = "ORIGIN", help_heading = "Rights", hide_short_help = true)]
    pub dev_origin: Option<String>,
    /// auto, always or never
    #[arg(long, value_name = "WHEN", default_value = "auto", hide = true)]
    pub color: When,
}

impl Program for Serve {
    const NAME: &'static str = "ace-serve";
}
