//! `ace-permit` as a filter: a decision on every call, before anything runs.

use ace_core::{Call, Desk, Due};
use ace_permissions::{CallFacts, decide};
use ace_pipe::Filter;
use ace_schema::data::{PermissionRequested, PermissionResolved, ToolCall};
use ace_schema::permission::{Decision, Scope};
use ace_schema::{Line, id, ty};
use ace_storage::Blobs;

/// Decides by mode and by built-in rules.
pub struct Permit {
    desk: Desk,
    blobs: Blobs,
    /// A sandbox will hold what runs.
    sandboxed: bool,
}

impl Permit {
    /// A decider that finds long arguments in `blobs`.
    pub fn new(random: u64, blobs: Blobs, sandboxed: bool) -> Self {
        Self { desk: Desk::new("ace-permit", random), blobs, sandboxed }
    }
}
