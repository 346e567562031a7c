//! One test program: the real programs in an empty world, one module a pipeline.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    dead_code,
    reason = "a test says what went wrong by failing"
)]

mod asks;
mod between;
mod budget;
mod builds;
mod chain;
mod compact;
mod completion;
mod crash;
mod durable;
mod effects;
mod egress;
mod errors;
mod exits;
mod furnish;
mod generated;
mod gullible;
mod hooks;
mod ids;
mod images;
mod install;
mod landing;
mod laws;
mod lesser;
mod many;
mod networks;
mod once;
mod outputs;
mod packed;
mod pages;
mod peers;
mod permits;
mod prompt;
mod provider;
mod readme;
mod rebase;
mod record;
mod redact;
mod replay;
mod rights;
mod run;
mod schema;
#[cfg(feature = "serve")]
mod serve;
mod server;
mod settings;
mod suite;
mod terminal;
mod tidy;
mod tools;
mod travel;
mod trees;
mod ui;
mod until;
