//! Providers behind one normalised stream: ask a model, get [`Event`]s.
//!
//! The only room that knows a wire format or a key, and it must never let either out: pieces are the same for every provider, and a
//! key appears in no error, note or debug print. It must never know a session, a log or a tool.
//!
//! A caller keeps a [`Transcript`] (the conversation, each message written down once), builds one [`Client`], and asks
//! [`Client::answer`] for every answer. Dropping that future closes the socket.

mod address;
mod anthropic;
mod calls;
pub mod cassette;
mod client;
mod failure;
mod fault;
mod gemini;
mod gemini_generate;
mod http;
mod json;
mod layout;
mod offer;
mod openai_chat;
mod openai_responses;
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
pub use provider::{Options, Provider, Secret};
pub use sse::{Sse, TooLong};
pub use tape::Tape;
pub use transcript::{List, Transcript};
pub use wire::{Ask, Capabilities, Decoder, RECORDED, Role, State, StreamError, To, Wire, find, names};
