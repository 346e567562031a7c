//! The server: sessions over HTTP, for browsers, scripts and other machines.
//!
//! Invariant: nothing here is the truth of a session. What it shows it reads from logs, what it does the suite's own programs do, and
//! killed at any moment it takes nothing with it. Whoever watches never makes a writer wait.

mod access;
mod act;
mod app;
mod assets;
mod board;
mod body;
mod card;
mod doing;
mod export;
mod guard;
mod hub;
mod lines;
mod list;
mod login;
mod looking;
pub mod openapi;
mod origin;
mod problem;
mod read;
mod redacted;
mod routes;
mod scenarios;
pub mod server;
mod share;
mod socket;
mod stream;
mod terminal;

pub use access::Access;
pub use app::{App, Asset, Inside, Options, Person};
pub use guard::Right;
pub use origin::{Network, Origins};
pub use problem::{Code, Problem};
pub use routes::routes;
