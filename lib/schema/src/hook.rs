//! Hooks: moments at which programs of a person's own are heard. It knows no program.

use serde::{Deserialize, Serialize};

/// A moment at which programs are heard, under the names that Claude Code and crush give them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub enum Hook {
    /// A call is about to be decided.
    PreToolUse,
    /// A call has run.
    PostToolUse,
    /// A message is about to be taken up.
    UserPromptSubmit,
    /// The turn is about to end with its answer.
    Stop,
}

impl Hook {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::PreToolUse, Self::PostToolUse, Self::UserPromptSubmit, Self::Stop];

    /// The name as written.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::PreToolUse => "PreToolUse",
            Self::PostToolUse => "PostToolUse",
            Self::UserPromptSubmit => "UserPromptSubmit",
            Self::Stop => "Stop",
        }
    }

    /// Whether a session waits for it: what a turn may go on to depends on it.
    #[must_use]
    pub fn is_awaited(self) -> bool {
        matches!(self, Self::UserPromptSubmit | Self::Stop)
    }
}

/// What a hook makes of what it was told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It goes on.
    #[default]
    Passes,
    /// It does not.
    Blocks,
    /// It has not said anything that can be read, or not in time: nobody goes on as if it had agreed.
    Fails,
}
