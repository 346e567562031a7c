//! What can be said of a past session: what was called and what came of it, how another run of the same differs, what a scenario
//! expects, and how often something passes.
//!
//! Invariant: pure functions over recorded lines and texts. It opens no file, starts no process and asks no clock; whoever runs
//! something again brings the lines.

pub mod cassette;
pub mod drift;
pub mod filtered;
pub mod interval;
pub mod judge;
pub mod junit;
pub mod pace;
pub mod scenario;
pub mod shrink;
pub mod story;

pub use drift::{Difference, What};
pub use interval::{Interval, wilson};
pub use judge::{Failure, Verdict, judge, verdict};
pub use scenario::{Scenario, ScenarioError};
pub use story::{Answer, Call, Outcome, Story, Turn};
