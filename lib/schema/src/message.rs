//! The conversation as every provider understands it, and the normalised stream that comes back.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::sync::Arc;

use crate::data::BlobRef;

/// A picture that a model is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// Media type, `image/png` and the like.
    pub media: String,
    /// Its bytes in base64.
    pub base64: Arc<str>,
}

/// Text with the pictures shown beside it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Form", into = "Form")]
pub struct Said {
    /// The text.
    pub text: String,
    /// Pictures, in order.
    pub images: Vec<Image>,
}

/// How it is written down: most say nothing but text.
#[derive(Serialize, Deserialize)]
#[serde(untagged, rename_all = "snake_case")]
enum Form {
    Text(String),
    Shown { text: String, images: Vec<Image> },
}

impl From<Form> for Said {
    fn from(form: Form) -> Self {
        match form {
            Form::Text(text) => Self { text, images: Vec::new() },
            Form::Shown { text, images } => Self { text, images },
        }
    }
}

impl From<Said> for Form {
    fn from(said: Said) -> Self {
        if said.images.is_empty() {
            Self::Text(said.text)
        } else {
            Self::Shown { text: said.text, images: said.images }
        }
    }
}

impl From<String> for Said {
    fn from(text: String) -> Self {
        Self { text, images: Vec::new() }
    }
}

impl From<&str> for Said {
    fn from(text: &str) -> Self {
        Self::from(text.to_owned())
    }
}

/// What a provider wants back unchanged: signatures, encrypted reasoning. Opaque to all but the wire that made it, and never sent
/// to anybody else.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The wire format it is of.
    pub wire: String,
    /// The provider's name.
    pub provider: String,
    /// The model, without the provider's name.
    pub model: String,
    /// The thing itself, JSON.
    pub value: String,
}

/// The `_meta` of `model.completed` and `model.tool_call_requested`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Meta {
    /// The wire format.
    #[serde(default)]
    pub wire: String,
    /// The provider's name.
    #[serde(default)]
    pub provider: String,
    /// The model, without the provider's name.
    #[serde(default)]
    pub model: String,
    /// The provider's own id for the answer, to ask its people about.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// What the provider says the answer costs, micro-dollars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<u64>,
    /// See [`Kept`], unless it is in a blob.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<Box<RawValue>>,
    /// What is kept, when it is too long for a line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blob: Option<BlobRef>,
}

/// One message of the context.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Message {
    /// A person speaks.
    User(Said),
    /// An answer of the model, with the calls it asked for.
    Assistant {
        /// What was said; reasoning is sent again only as what is kept.
        text: String,
        /// Calls, in order.
        calls: Vec<Call>,
        /// What its provider wants back with it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        kept: Option<Kept>,
    },
    /// What came of one call.
    Result {
        /// Id of the call.
        call: String,
        /// Its tool.
        tool: String,
        /// Text for the model.
        text: String,
        /// Pictures, in order.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        images: Vec<Image>,
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
    /// What its provider wants back with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<Kept>,
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
    /// It is not finished: asked again with what it has said, it goes on.
    Pause,
    /// The model's context window is full.
    Context,
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
    /// Input written to a cache, for however long.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cache_write: u64,
    /// Of `cache_write`, what was written to be kept for an hour.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cache_write_1h: u64,
    /// Reasoning inside output.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub reasoning: u64,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(n: &u64) -> bool {
    *n == 0
}

/// What a provider tells about a whole answer beside the answer itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extras {
    /// Its own id for the answer; may be empty.
    pub id: String,
    /// What it says the answer costs, micro-dollars.
    pub cost: Option<u64>,
    /// What it wants back with the answer, JSON; may be empty.
    pub kept: String,
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
        /// What the provider wants back with the call, JSON; may be empty.
        meta: String,
    },
    /// What belongs to the answer as a whole.
    Extras(Extras),
    /// Tokens so far: the last one counts.
    Usage(Usage),
    /// Why it stopped. A stream that ends without one was cut.
    Stop(Stop),
}
