//! Providers behind one normalised stream: ask a model, get [`Event`]s.
//!
//! The only room that knows a wire format or a key, and it must never let either out: pieces are the same for every provider, and a
//! key appears in no error, note or debug print. It must never know a session, a log or a tool.
//!
//! A caller keeps a [`Transcript`] (the conversation, each message written down once), builds one [`Client`], and asks
//! [`Client::answer`] for every answer. Dropping that future closes the socket.

pub mod cassette;
mod client;
mod failure;
mod fault;
mod http;
mod openai_chat;
mod provider;
mod reach;
mod reason;
mod retry;
mod sse;
mod tape;
mod transcript;
mod upstream;
mod wire;

pub use client::{Client, Done, Event, Pace, Settings};
pub use failure::Failure;
pub use provider::{Provider, Secret};
pub use sse::{Sse, TooLong};
pub use tape::Tape;
pub use transcript::Transcript;
pub use wire::{Ask, Capabilities, Decoder, RECORDED, Role, State, StreamError, Wire, find, names};
