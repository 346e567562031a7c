//! The conversation as every provider understands it, and the normalised stream that comes back.

use serde::{Deserialize, Serialize};

/// One message of the context.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Message {
    /// A person speaks.
    User(String),
    /// An answer of the model, with the calls it asked for.
    Assistant {
        /// What was said; reasoning is not sent again.
        text: String,
        /// Calls, in order.
        calls: Vec<Call>,
    },
    /// What came of one call.
    Result {
        /// Id of the call.
        call: String,
        /// Its tool.
        tool: String,
        /// Text for the model.
        text: String,
    },
}

/// A call inside an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// Id within the conversation: `call_N`, the N-th call.
    pub id: String,
    /// Tool name.
    pub tool: String,
    /// Arguments, a JSON object.
    pub args: String,
}

/// Why an answer stopped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stop {
    /// It is finished.
    #[default]
    End,
    /// It waits for its calls.
    Tools,
    /// The output limit was reached.
    Length,
    /// A filter of the provider stopped it.
    Filter,
    /// The model declined.
    Refusal,
}

/// Tokens of one answer. The input kinds are disjoint; reasoning is part of output.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Input that no cache held.
    #[serde(default)]
    pub input: u64,
    /// Output, reasoning included.
    #[serde(default)]
    pub output: u64,
    /// Input read from a cache.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cache_read: u64,
    /// Input written to a cache.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cache_write: u64,
    /// Reasoning inside output.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub reasoning: u64,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(n: &u64) -> bool {
    *n == 0
}

/// One normalised piece of a provider's stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Text.
    Text(String),
    /// Reasoning.
    Reasoning(String),
    /// A call begins: its tool name.
    CallBegins(String),
    /// A call is whole.
    Call {
        /// Tool name.
        tool: String,
        /// Arguments, a JSON object.
        args: String,
        /// Provider extras as JSON, or empty.
        meta: String,
    },
    /// Tokens so far: the last one counts.
    Usage(Usage),
    /// Why it stopped. A stream that ends without one was cut.
    Stop(Stop),
}
