//! What every program says and does for the person in front of it: the words of complaints, the screen of a run, the question
//! that waits for an answer, the prompt.
//!
//! Invariant: it decides nothing about a session. It shows what `ace-host` tells and records what a person says.

pub mod answer;
mod attend;
pub mod begin;
pub mod blame;
pub mod check;
pub mod filter;
pub mod image;
pub mod inputs;
mod interrupt;
mod keys;
pub mod many;
mod modes;
mod notice;
mod ollama;
pub mod opening;
pub mod pack;
pub mod pager;
mod paint;
mod price;
pub mod prompt;
pub mod query;
pub mod redaction;
pub mod rights;
pub mod say;
pub mod screen;
pub mod scrub;
pub mod search;
pub mod sessions;
mod stage;
mod typing;
pub mod until;
pub mod words;

pub use answer::{AnswerError, Said, Waiting, answer_as, effect_of, find_call, note_late, try_call};
pub use attend::{Attended, Ended};
pub use filter::{ended, run as run_filter};
pub use interrupt::{Interrupt, interrupt};
pub use modes::forget_typed;
pub use opening::{Opening, clock, find, machine, open, person, random, shown, took};
pub use price::prices;
pub use screen::{Output, Screen, listing, watch};
