//! The fold and what is due.
//!
//! A session's state is a pure function of its recorded lines. Every filter folds the same lines, asks [`State::due`] and does
//! the part that is its own; so nobody is told what to do, and a crash needs no repair beyond reading the log again.
//! Invariant: no file, clock, socket, thread or environment; no provider, MCP, client or terminal by name.

pub mod bisect;
pub mod compaction;
pub mod desk;
pub mod due;
pub mod past;
pub mod state;
mod summary;
pub mod transcript;
pub mod until;

pub use compaction::{Plan, Whole};
pub use desk::{Desk, Pencil};
pub use due::{Due, End, Length};
pub use past::Past;
pub use state::{Call, CallState, Claim, Effect, Phase, Role, State, Turn, TurnEnd};
pub use transcript::Transcript;
pub use until::Until;

use sha2::{Digest, Sha256};

/// Lower-case hex SHA-256: what a decision says about a call's exact `data` bytes, and what names a blob.
#[must_use]
pub fn digest(bytes: &[u8]) -> String {
    let mut digester = Digester::default();
    digester.update(bytes);
    digester.finish()
}

/// The same over bytes that come in parts.
#[derive(Debug, Clone, Default)]
pub struct Digester(Sha256);

impl Digester {
    /// Takes in the next part.
    pub fn update(&mut self, part: &[u8]) {
        self.0.update(part);
    }

    /// The digest of all parts.
    #[must_use]
    pub fn finish(self) -> String {
        use std::fmt::Write;
        let mut out = String::with_capacity(64);
        for byte in self.0.finalize() {
            // Writing to a String cannot fail.
            let _ = write!(out, "{byte:02x}");
        }
        out
    }
}

#[cfg(test)]
mod state_tests;
