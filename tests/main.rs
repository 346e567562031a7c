//! wip
mod server;
mod suite;
