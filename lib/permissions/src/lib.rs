//! Rules over calls: what a mode allows, denies or asks, and what no mode lifts.
//!
//! Values in, a verdict out. It knows no file, clock, environment or terminal, and it is not the sandbox: paths are judged by their
//! text alone and commands by a careful reading, so what it allows must still be held by the kernel.

mod decide;
pub mod decider;
mod denied;
mod effect;
pub mod hooks;
mod judge;
mod path;
mod propose;
mod reading;
mod rules;
mod shell;

pub use ace_schema::data::Proposal;
pub use ace_schema::permission::Risk;
pub use ace_schema::permission::{Decision, Mode};
pub use decide::{About, CallFacts, Verdict, decide, decide_by};
pub use effect::{Effect, of as effect_of};
pub use reading::{Arg, Reading, Segment, read as read_command};
pub use rules::{Example, Layer, Problem, Rule, RuleText, Rulebook};
