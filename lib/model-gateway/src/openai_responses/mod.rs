//! The wire `openai-responses`: Responses, without anything kept at the provider. Reasoning travels encrypted and comes back with
//! the next request. Knows no socket.

mod request;
mod stream;

use ace_schema::message::Message;
use reqwest::Url;

use crate::address;
use crate::provider::Provider;
use crate::transcript::List;
use crate::wire::{Ask, Capabilities, Decoder, To, Wire};

/// See the module.
pub struct OpenAiResponses;

impl Wire for OpenAiResponses {
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
        address::base(base).map(|url| address::versioned(url, "v1", "responses"))
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

    fn decoder(&self, _provider: &Provider) -> Box<dyn Decoder + Send> {
        Box::<stream::Items>::default()
    }
}
