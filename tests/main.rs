//! One test program: the real programs in an empty world, one module a pipeline.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    dead_code,
    reason = "a test says what went wrong by failing"
)]

mod crash;
mod generated;
mod ids;
mod laws;
mod lesser;
mod rights;
mod run;
mod server;
mod suite;
mod tidy;
