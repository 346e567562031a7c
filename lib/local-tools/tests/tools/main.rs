//! The local tools from outside: calls in, outcomes and files out. Names carry the ids of the attacks they ward off.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that breaks has failed")]

mod background;
mod change;
mod look;
mod patching;
mod paths;
mod pictures;
mod scene;
mod search;
mod shell;
mod worker;
