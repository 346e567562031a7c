//! The local tools from outside: calls in, outcomes and files out. Names carry the ids of the attacks they ward off.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that breaks has failed")]

mod change;
mod look;
mod paths;
mod scene;
mod search;
mod shell;
mod worker;
