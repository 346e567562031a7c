//! Arguments, exit codes, variables, complaints and the table of the suite.
//!
//! One file per program holds its arguments; the doc comments there are the help, and later the man pages and completions. This
//! crate starts no process, opens no file and never knows what a program does with what was typed.

mod address;
mod colour;
mod complaint;
mod exit;
mod help;
mod options;
mod parse;
pub mod suite;
pub mod variables;

pub mod ace;
pub mod fetch;
pub mod log;
pub mod many;
pub mod model;
pub mod permit;
pub mod quota;
pub mod redact;
pub mod replay;
pub mod serve;
pub mod session;
pub mod tool;
pub mod worktree;

pub use address::{CallAddress, Place, SessionAddress, SpanAddress};
pub use colour::When;
pub use complaint::{Complaint, complain, note};
pub use exit::Exit;
pub use options::{Filter, Goal, SessionOptions, join_prompt};
pub use parse::{Early, Program, command, parse, parse_from};
pub use variables::VARIABLES;

/// The version every program says.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
