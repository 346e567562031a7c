//! The wire `gemini`: Interactions, without anything kept at the provider. Knows no socket.

mod request;
mod stream;

use ace_schema::message::Message;
use reqwest::Url;

use crate::address;
use crate::gemini_generate::key;
use crate::provider::Provider;
use crate::transcript::List;
use crate::wire::{Ask, Capabilities, Decoder, To, Wire};

/// See the module.
pub struct Gemini;

impl Wire for Gemini {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            parallel_calls: true,
            reasoning: true,
            cache_figures: true,
            schema: false,
            images: true,
            keeps: true,
        }
    }

    fn url(&self, base: &str, _model: &str) -> Result<Url, String> {
        address::base(base).map(|url| address::versioned(url, "v1beta", "interactions"))
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
        Box::<stream::Steps>::default()
    }
}
