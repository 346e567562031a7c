//! The wire `openai-chat`: Chat Completions as OpenAI made it and many servers speak it, each a little differently. Knows no socket.

mod calls;
mod chunk;
mod request;

use ace_schema::message::Message;
use reqwest::Url;

use crate::provider::Provider;
use crate::wire::{Ask, Capabilities, Decoder, Role, Wire};

/// See the module.
pub struct OpenAiChat;

impl Wire for OpenAiChat {
    fn capabilities(&self) -> Capabilities {
        Capabilities { parallel_calls: true, reasoning: true, cache_figures: true, schema: true }
    }

    fn url(&self, base: &str, _model: &str) -> Result<Url, String> {
        request::url(base)
    }

    fn headers(&self, provider: &Provider) -> Vec<(&'static str, String)> {
        let key = provider.api_key.as_ref();
        key.map(|k| ("authorization", format!("Bearer {}", k.reveal()))).into_iter().collect()
    }

    fn push(&self, list: &mut Vec<u8>, _before: Option<Role>, message: &Message) {
        request::push(list, message);
    }

    fn body(&self, provider: &Provider, ask: &Ask<'_>, list: &[u8]) -> Vec<u8> {
        request::body(provider, ask, list)
    }

    fn decoder(&self) -> Box<dyn Decoder + Send> {
        Box::<chunk::Chunks>::default()
    }
}
