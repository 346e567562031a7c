//! The worktree room against the real `git` program, in temporary folders.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod create;
mod fixture;
mod measure;
mod repository;
