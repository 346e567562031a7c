//! What a wire format is: one small file each, behind [`Wire`] and [`Decoder`]. Knows no socket.

use ace_schema::message::{Image, Kept, Message, Piece};
use reqwest::Url;

use crate::anthropic::Anthropic;
use crate::gemini::Gemini;
use crate::gemini_generate::GeminiGenerate;
use crate::openai_chat::OpenAiChat;
use crate::openai_responses::OpenAiResponses;
use crate::provider::Provider;
use crate::transcript::List;
use crate::upstream::Upstream;

/// The wire that plays a recording and asks nobody.
pub const RECORDED: &str = "recorded";

/// One request without its messages, which a [`crate::Transcript`] holds.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// The model, without the provider's name before it.
    pub model: &'a str,
    /// System text; may be empty.
    pub system: &'a str,
    /// JSON list of `{name, description, parameters}`; may be empty.
    pub tools: &'a str,
    /// JSON Schema that the answer has to fit, on one line; empty if any will do. A wire that says [`Capabilities::schema`] puts it
    /// into its body; for others it is empty.
    pub schema: &'a str,
    /// Session id: lets a provider find its prompt cache again.
    pub session: &'a str,
    /// Tokens the answer may have; `None` leaves it to the model.
    pub output: Option<u64>,
}

/// What a wire format can do. Callers branch on these, never on a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// Several calls in one answer.
    pub parallel_calls: bool,
    /// Reasoning may come in the stream.
    pub reasoning: bool,
    /// Usage tells what a prompt cache held.
    pub cache_figures: bool,
    /// It has a way of its own to hold an answer to a JSON Schema.
    pub schema: bool,
    /// Pictures can be shown.
    pub images: bool,
    /// It wants things of its own back with the next request.
    pub keeps: bool,
}

/// Whom messages are written for.
#[derive(Debug, Clone, Copy)]
pub struct To<'a> {
    /// The provider.
    pub provider: &'a Provider,
    /// The model, without the provider's name.
    pub model: &'a str,
}

impl To<'_> {
    /// What is kept, if it is this very model's: what another has signed or encrypted is nothing to it.
    #[must_use]
    pub fn own<'k>(&self, kept: Option<&'k Kept>) -> Option<&'k str> {
        let own = |k: &&Kept| k.wire == self.provider.wire && k.provider == self.provider.name && k.model == self.model;
        kept.filter(own).map(|k| k.value.as_str())
    }

    /// Text and the pictures to show; where the model cannot see, the text says that they are there.
    #[must_use]
    pub fn seen<'m>(&self, text: &'m str, images: &'m [Image]) -> (std::borrow::Cow<'m, str>, &'m [Image]) {
        if images.is_empty() || !self.provider.options.blind {
            return (text.into(), images);
        }
        let mut text = text.to_owned();
        for image in images {
            let line = if text.is_empty() { "" } else { "\n" };
            text.push_str(&format!("{line}[a picture, {}, that this model cannot see]", image.media));
        }
        (text.into(), &[])
    }
}

/// Who spoke: some wires join neighbours of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A person.
    User,
    /// The model.
    Assistant,
    /// A call's result.
    Result,
}

impl Role {
    /// Of a message.
    #[must_use]
    pub fn of(message: &Message) -> Self {
        match message {
            Message::User(_) => Self::User,
            Message::Assistant { .. } => Self::Assistant,
            Message::Result { .. } => Self::Result,
        }
    }
}

/// A wire format over HTTP and server-sent events. Deterministic: the same ask gives the same bytes.
pub trait Wire: Sync {
    /// What it can do.
    fn capabilities(&self) -> Capabilities;

    /// Where to send the request. `base` is as the vendor's SDK takes it, with or without its version segment.
    ///
    /// # Errors
    /// In words, if `base` is no HTTP address.
    fn url(&self, base: &str, model: &str) -> Result<Url, String>;

    /// Headers beside content type and agent; the key among them.
    fn headers(&self, provider: &Provider) -> Vec<(&'static str, String)>;

    /// Writes one more message to `list`. What stands there stays as it is, so that a provider's prompt cache holds from request
    /// to request.
    fn push(&self, list: &mut List, to: To<'_>, message: &Message);

    /// The whole body around `list`.
    fn body(&self, provider: &Provider, ask: &Ask<'_>, list: &List) -> Vec<u8>;

    /// A decoder for one answer.
    fn decoder(&self, provider: &Provider) -> Box<dyn Decoder + Send>;
}

/// How far a stream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Its end was not said yet.
    Open,
    /// Its end was said; figures may follow.
    Ended,
    /// Nothing may follow.
    Over,
}

/// Turns the data of server-sent events into pieces.
pub trait Decoder {
    /// Takes the data of one event and adds the pieces it gives.
    ///
    /// # Errors
    /// [`StreamError`] when the provider reports one, or when the data is not of this wire.
    fn push(&mut self, data: &str, out: &mut Vec<Piece>) -> Result<State, StreamError>;

    /// Ends it: gives the calls, the usage, what is kept and the stop, in this order. Calls come only from here: a call is given
    /// whole or not at all. On error only usage counts.
    ///
    /// # Errors
    /// [`StreamError::Cut`] if the stream never said its end; [`StreamError::Arguments`] for a call that cannot be one.
    fn finish(&mut self, out: &mut Vec<Piece>) -> Result<(), StreamError>;
}

/// Why a stream cannot be read on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StreamError {
    /// Not of this wire format.
    #[error("not of its wire format: {0}")]
    Format(String),
    /// The provider reports an error inside the stream.
    #[error("{}", .0.message)]
    Reported(Upstream),
    /// It ended before its end.
    #[error("the stream was cut off")]
    Cut,
    /// A call of that tool has no name, or arguments that are no JSON object.
    #[error("a call of '{0}' came with arguments that are no JSON object")]
    Arguments(String),
    /// More calls than one answer may hold.
    #[error("more than {0} calls in one answer")]
    Calls(usize),
    /// More bytes of arguments than an answer may hold.
    #[error("calls of more than {0} bytes")]
    Long(usize),
}

/// The wire format of that name; none for [`RECORDED`] and for unknown ones.
#[must_use]
pub fn find(name: &str) -> Option<&'static dyn Wire> {
    match name {
        "anthropic" => Some(&Anthropic),
        "gemini" => Some(&Gemini),
        "gemini-generate" => Some(&GeminiGenerate),
        "openai-chat" => Some(&OpenAiChat),
        "openai-responses" => Some(&OpenAiResponses),
        _ => None,
    }
}

/// Every wire a provider may name, [`RECORDED`] included.
#[must_use]
pub fn names() -> &'static [&'static str] {
    &["openai-chat", "openai-responses", "anthropic", "gemini", "gemini-generate", RECORDED]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_known() {
        for name in names() {
            assert!(find(name).is_some() || *name == RECORDED, "{name}");
        }
        assert!(find("smoke-signals").is_none());
    }
}
