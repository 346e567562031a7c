//! What travels between the broker and the worker: one JSON line each way. It knows no pipe and no process.

use ace_schema::data::{BlobRef, Changed, Code, Output, ToolCompleted, ToolFailed};
use ace_schema::limits;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// A call for the worker.
#[derive(Debug, Clone, Serialize)]
pub struct Request {
    /// Unique among the calls of one worker; names the call in its answers.
    pub id: u64,
    /// Tool name.
    pub tool: String,
    /// Arguments: a JSON object, as the model wrote it.
    pub args: Box<RawValue>,
}

/// A line to the worker: a call, or the order to stop one.
#[derive(Debug, Deserialize)]
pub(crate) struct Order {
    #[serde(default)]
    pub id: Option<u64>,
    #[serde(default)]
    pub tool: String,
    #[serde(default)]
    pub args: Option<Box<RawValue>>,
    #[serde(default)]
    pub cancel: Option<u64>,
}

/// A line from the worker.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Reply {
    pub id: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delta: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done: Option<Outcome>,
}

/// What a call gives: any number of pieces, then one outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// A piece of output while it runs, at most [`limits::DELTA_BYTES`]; not all output comes this way.
    Delta(String),
    /// How it ended. Nothing follows.
    Done(Outcome),
}

/// Output of a call as the worker keeps it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The whole, or head and tail around a line that says what is left out.
    #[serde(default)]
    pub text: String,
    /// Bytes of the whole.
    #[serde(default)]
    pub bytes: u64,
    /// Something is left out of `text`, or its bytes were not UTF-8.
    #[serde(default)]
    pub truncated: bool,
    /// File in the session's temporary folder with the whole (up to [`limits::OUTPUT_KEPT_BYTES`]): a name, not a path. Open
    /// it with [`crate::open_spill`] alone, since the folder belongs to the tools.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spill: Option<String>,
    /// Pictures for the model.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<KeptImage>,
}

/// What was made from the files of a [`Kept`].
#[derive(Debug, Default)]
pub struct Blobs {
    /// Of the spill file.
    pub whole: Option<BlobRef>,
    /// Of the images, those that could be read.
    pub images: Vec<BlobRef>,
}

/// A picture that a call shows to the model, as the worker keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptImage {
    /// Its file in the session's temporary folder: a name as of [`Kept::spill`].
    pub spill: String,
    /// Media type, `image/png` and the like.
    pub media: String,
}

impl Kept {
    /// A short text that is all there is.
    pub(crate) fn whole(text: String) -> Self {
        Self { bytes: text.len() as u64, text, ..Self::default() }
    }

    /// As an event holds it.
    #[must_use]
    pub fn into_output(self, blobs: Blobs) -> Output {
        let Blobs { whole, images } = blobs;
        Output { text: self.text, bytes: self.bytes, truncated: self.truncated, blob: whole, images }
    }
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It ran to its end (a command may still have failed by its exit status).
    Completed(Completed),
    /// It did not.
    Failed(Failed),
}

/// A call that ran to its end.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Completed {
    /// What came out.
    pub output: Kept,
    /// Exit status of a command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<i32>,
    /// Signal that ended a command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<i32>,
    /// Duration, ms.
    pub ms: u64,
    /// Files that write or edit changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<Changed>,
    /// Unified diff of them, unless its JSON is longer than [`limits::INLINE_BYTES`].
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub patch: String,
}

impl Completed {
    /// As an event holds it. `sandbox` is the profile it ran in.
    #[must_use]
    pub fn into_event(self, sandbox: &str, blobs: Blobs) -> ToolCompleted {
        ToolCompleted {
            output: self.output.into_output(blobs),
            exit: self.exit,
            signal: self.signal,
            ms: self.ms,
            sandbox: sandbox.to_owned(),
            changed: self.changed,
            patch: self.patch,
            ..ToolCompleted::default()
        }
    }
}

/// A call that did not run to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failed {
    /// Kind of failure.
    pub code: Code,
    /// One line, for the model and for people.
    pub message: String,
    /// What had come out, or what helps to get it right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Box<Kept>>,
    /// Duration, ms.
    #[serde(default)]
    pub ms: u64,
}

impl Failed {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        let message: String = message.into().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        Self { code, message: clip(message, limits::MESSAGE_BYTES), output: None, ms: 0 }
    }

    /// The same with something said in front of it.
    pub(crate) fn preceded(mut self, by: &str) -> Self {
        self.message = clip(format!("{by}{}", self.message), limits::MESSAGE_BYTES);
        self
    }

    pub(crate) fn with(mut self, output: Kept) -> Self {
        self.output = Some(Box::new(output));
        self
    }

    /// As an event holds it.
    #[must_use]
    pub fn into_event(self, blobs: Blobs) -> ToolFailed {
        ToolFailed {
            code: self.code,
            message: self.message,
            output: self.output.map(|kept| kept.into_output(blobs)),
            ms: self.ms,
            ..ToolFailed::default()
        }
    }
}

impl Outcome {
    /// The output, if there is one.
    #[must_use]
    pub fn output(&self) -> Option<&Kept> {
        match self {
            Self::Completed(done) => Some(&done.output),
            Self::Failed(failed) => failed.output.as_deref(),
        }
    }

    /// Bounds every field: what a worker sends is not believed to keep the limits.
    pub(crate) fn bounded(mut self) -> Self {
        match &mut self {
            Self::Completed(done) => {
                bound(&mut done.output);
                done.changed.truncate(limits::MATCHES);
                if done.patch.len() > limits::INLINE_BYTES {
                    done.patch.clear();
                }
            }
            Self::Failed(failed) => {
                failed.message = clip(std::mem::take(&mut failed.message), limits::MESSAGE_BYTES);
                if let Some(kept) = &mut failed.output {
                    bound(kept);
                }
            }
        }
        self
    }
}

fn bound(kept: &mut Kept) {
    kept.images.truncate(limits::IMAGES);
    // Head, tail, and the line between them, which holds a path.
    let most = limits::OUTPUT_HEAD_BYTES + limits::OUTPUT_TAIL_BYTES + 8 * 1024;
    if kept.text.len() > most {
        kept.text = clip(std::mem::take(&mut kept.text), most);
        kept.truncated = true;
    }
}

fn clip(mut text: String, most: usize) -> String {
    if text.len() > most {
        text.truncate(text.floor_char_boundary(most));
        text.push('…');
    }
    text
}
