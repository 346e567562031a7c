//! The wire `gemini-generate`: generateContent. Knows no socket.

mod request;
mod stream;

use ace_schema::message::Message;
use reqwest::Url;

use crate::address;
use crate::provider::Provider;
use crate::transcript::List;
use crate::wire::{Ask, Capabilities, Decoder, To, Wire};

/// See the module.
pub struct GeminiGenerate;

/// What stands in for the signature of a call that another model made, as the vendor says: without one the newest models refuse
/// the conversation.
pub const UNSIGNED: &str = "skip_thought_signature_validator";

/// Whether a model signs its calls and wants the signatures back (the third generation and later).
pub fn signs(model: &str) -> bool {
    !["gemini-1", "gemini-2", "gemma"].iter().any(|old| model.strip_prefix("models/").unwrap_or(model).starts_with(old))
}

/// The key in the vendor's own header.
pub fn key(provider: &Provider) -> Vec<(&'static str, String)> {
    provider.api_key.as_ref().map(|key| ("x-goog-api-key", key.reveal().to_owned())).into_iter().collect()
}

impl Wire for GeminiGenerate {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            parallel_calls: true,
            reasoning: true,
            cache_figures: true,
            schema: true,
            images: true,
            keeps: true,
        }
    }

    fn url(&self, base: &str, model: &str) -> Result<Url, String> {
        let model = model.strip_prefix("models/").unwrap_or(model);
        let mut url =
            address::versioned(address::base(base)?, "v1beta", &format!("models/{model}:streamGenerateContent"));
        url.set_query(Some(&url.query().map_or_else(|| "alt=sse".to_owned(), |q| format!("{q}&alt=sse"))));
        Ok(url)
    }

    fn headers(&self, provider: &Provider) -> Vec<(&'static str, String)> {
        key(provider)
    }

    fn push(&self, list: &mut List, to: To<'_>, message: &Message) {
        request::push(list, to, message);
    }

    fn body(&self, provider: &Provider, ask: &Ask<'_>, list: &List) -> Vec<u8> {
        request::body(provider, ask, list)
    }

    fn decoder(&self, _provider: &Provider) -> Box<dyn Decoder + Send> {
        Box::<stream::Chunks>::default()
    }
}
