//! The wire `anthropic`: Messages. Knows no socket.

mod request;
mod stream;

use ace_schema::message::Message;
use reqwest::Url;

use crate::address;
use crate::provider::Provider;
use crate::transcript::List;
use crate::wire::{Ask, Capabilities, Decoder, To, Wire};

/// The version of the protocol this was written for. Gateways and other servers may want `2023-06-01`.
const VERSION: &str = "2026-10-21";

/// See the module.
pub struct Anthropic;

/// Whether a provider speaks the newest version, so that what came with it may be used.
fn is_newest(provider: &Provider) -> bool {
    provider.options.version.is_empty() || provider.options.version == VERSION
}

impl Wire for Anthropic {
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
        address::base(base).map(|url| address::versioned(url, "v1", "messages"))
    }

    /// A key goes as the vendor's own header, a token (a variable whose name says so) as a bearer's.
    fn headers(&self, provider: &Provider) -> Vec<(&'static str, String)> {
        let version = if is_newest(provider) { VERSION } else { &provider.options.version };
        let key = match provider.key_env.ends_with("_TOKEN") {
            true => provider.bearer(),
            false => provider.api_key.as_ref().map(|key| ("x-api-key", key.reveal().to_owned())),
        };
        [("anthropic-version", version.to_owned())].into_iter().chain(key).collect()
    }

    fn push(&self, list: &mut List, to: To<'_>, message: &Message) {
        request::push(list, to, message);
    }

    fn body(&self, provider: &Provider, ask: &Ask<'_>, list: &List) -> Vec<u8> {
        request::body(provider, ask, list)
    }

    fn decoder(&self, _provider: &Provider) -> Box<dyn Decoder + Send> {
        Box::<stream::Blocks>::default()
    }
}
