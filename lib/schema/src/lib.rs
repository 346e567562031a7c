//! Every event, id, draft, limit, tool and permission type of the suite.
//!
//! This is the contract between programs that may be written in any language, so it holds data and nothing else: no file,
//! clock, socket, thread or environment, and no decision that more than one value is needed for (those live in `ace-core`).

pub mod data;
pub mod draft;
pub mod event;
pub mod hook;
pub mod id;
pub mod limits;
pub mod line;
pub mod message;
pub mod patch;
pub mod pen;
pub mod permission;
pub mod question;
pub mod redaction;
pub mod tool;

pub use draft::{Draft, Drafter};
pub use event::{Class, Event, ty};
pub use line::{Line, LineError};
pub use pen::Kind;

/// The version of the line format that this code writes and reads (`v` of every line).
pub const VERSION: u32 = 1;
