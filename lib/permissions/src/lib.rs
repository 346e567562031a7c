//! Rules over calls: what a mode allows, denies or asks, and what no mode lifts.
//!
//! Values in, a verdict out. It knows no file, clock, environment or terminal, and it is not the sandbox: paths are judged by their
//! text alone and commands by a careful reading, so what it allows must still be held by the kernel.

mod decide;
mod denied;
mod path;
mod propose;
mod shell;

pub use ace_schema::data::Proposal;
pub use ace_schema::permission::{Decision, Mode};
pub use decide::{CallFacts, Verdict, decide};
