//! When those who follow a session may leave.

use crate::State;

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// The turn has ended, its claims are closed and no message waits. A person who is asked is waited for.
    Turn,
    /// The same, or only a person can go on and no client has registered to be asked.
    Idle,
}

impl Until {
    /// Whether it has come about.
    #[must_use]
    pub fn is_reached(self, state: &State) -> bool {
        // Who has registered to be asked is there.
        state.is_settled() || (self == Self::Idle && state.asks.is_none() && state.waits_for_person())
    }
}
