//! The wire `openai-chat`: Chat Completions as OpenAI made it and many servers speak it, each a little differently. Knows no socket.

mod chunk;
mod details;
mod request;
mod think;

use ace_schema::message::Message;
use reqwest::Url;

use crate::provider::Provider;
use crate::transcript::List;
use crate::wire::{Ask, Capabilities, Decoder, To, Wire};

/// See the module.
pub struct OpenAiChat;

impl Wire for OpenAiChat {
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

    fn url(&self, base: &str, _model: &str) -> Result<Url, String> {
        request::url(base)
    }

    fn headers(&self, provider: &Provider) -> Vec<(&'static str, String)> {
        provider.bearer().into_iter().collect()
    }

    fn push(&self, list: &mut List, to: To<'_>, message: &Message) {
        request::push(list, to, message);
    }

    fn body(&self, provider: &Provider, ask: &Ask<'_>, list: &List) -> Vec<u8> {
        request::body(provider, ask, list)
    }

    fn decoder(&self, provider: &Provider) -> Box<dyn Decoder + Send> {
        Box::new(chunk::Chunks::new(provider.options.think_tags))
    }
}
