//! Limits: what a call may take of them, what it took, and whether the next one fits.
//!
//! A call is worth its worst case before it is made and its recorded usage afterwards. What is set aside and what is spent
//! together never exceed a limit; a figure that is not known counts as the most it may be.
//! Invariant: no file, clock, socket, thread or environment; no price table, provider or model by name.

mod amount;
mod decide;
mod moment;
mod tally;

pub use amount::{Allowed, Kind, Spent};
pub use decide::{Ask, Granted, Refused, Scope, Standing, Verdict, Why, decide, warnings};
pub use moment::moment;
pub use tally::{Closed, Settled, Tally};
