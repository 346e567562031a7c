//! The worktree room against the real `git` program, in temporary folders.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod bring;
mod clean;
mod commit;
mod create;
mod diff;
mod fixture;
mod hostile;
mod land;
mod list;
mod making;
mod recover;
mod remove;
mod repository;
mod rewritten;
mod states;
mod store;
