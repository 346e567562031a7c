//! What went wrong, in words for people. The last gate before anything leaves this room: whatever a provider says is cleaned,
//! cut, and searched for the key.

use std::time::Duration;

use ace_schema::data::Code;
use ace_schema::limits;

use crate::fault::Fault;
use crate::provider::Provider;
use crate::retry::Demand;
use crate::upstream::{Chance, Upstream};
use crate::wire::StreamError;

/// An answer that did not come.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// Its kind.
    pub code: Code,
    /// One line for people: lower case, no full stop.
    pub message: String,
    /// What to do about it, one line; may be empty.
    pub hint: String,
    /// How often the request was sent again before.
    pub retried: u32,
}

impl Failure {
    /// One without a hint.
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), hint: String::new(), retried: 0 }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }
}

/// Whom a failure is about.
#[derive(Debug, Clone, Copy)]
pub struct Whom<'a> {
    /// The provider.
    pub provider: &'a Provider,
    /// The model.
    pub model: &'a str,
    /// Where the request goes, if it is known.
    pub url: Option<&'a reqwest::Url>,
}

impl Whom<'_> {
    /// Puts a fault into words.
    pub fn failure(&self, fault: Fault, retried: u32) -> Failure {
        let plain = self.words(fault);
        Failure { message: self.tidy(&plain.message), hint: self.tidy(&plain.hint), retried, ..plain }
    }

    fn words(&self, fault: Fault) -> Failure {
        let name = &self.provider.name;
        let base = format!("check base_url in [providers.{name}]");
        let (code, message, hint) = match fault {
            Fault::NoKey => {
                let var = &self.provider.key_env;
                (Code::Credentials, format!("no key for '{name}': {var} is not set"), format!("export {var}=..."))
            }
            Fault::OddKey => {
                let what = format!("the key for '{name}' holds characters that no header may carry");
                (Code::Credentials, what, self.export())
            }
            Fault::Wire => {
                let what = format!("unknown wire '{}' of provider '{name}'", self.provider.wire);
                (Code::Config, what, format!("one of: {}", crate::names().join(", ")))
            }
            Fault::Base(why) => (Code::Config, format!("base_url of '{name}' is no address: {why}"), base),
            Fault::Setup(why) => (Code::Config, format!("cannot set up TLS: {why}"), String::new()),
            Fault::Connect(why) => {
                let start = if name == "ollama" { "ollama serve" } else { "start it" };
                let what = format!("cannot reach '{name}' at {}: {why}", self.place());
                (Code::Unreachable, what, format!("{start}, or {base}"))
            }
            Fault::Tls(why) => (Code::Unreachable, format!("cannot trust '{name}' at {}: {why}", self.place()), base),
            Fault::Lost(why) => {
                (Code::Unreachable, format!("'{name}' hung up before it answered: {why}"), String::new())
            }
            Fault::Redirect(to) => {
                let what = format!("'{name}' at {} sends to {to}, which is never followed with a key", self.place());
                (Code::Config, what, base)
            }
            Fault::WebPage => {
                (Code::Format, format!("'{name}' answered with a web page (HTML), not an event stream"), base)
            }
            Fault::NoStream(media) => {
                (Code::Format, format!("'{name}' answered with {media}, not an event stream"), base)
            }
            Fault::Fell(why) => (Code::Cut, format!("the stream of '{name}' was cut off: {why}"), String::new()),
            Fault::Silence(time) => (Code::Timeout, format!("'{name}' was silent for {}", span(time)), String::new()),
            Fault::Event(bytes) => {
                (Code::Limit, format!("'{name}' sent an event of more than {bytes} bytes"), String::new())
            }
            Fault::Answer(bytes) => {
                (Code::Limit, format!("'{name}' sent an answer of more than {bytes} bytes"), String::new())
            }
            Fault::Status(error, demand, page) => return self.refusal(&error, demand, page),
            Fault::Stream(StreamError::Reported(error)) => return self.refusal(&error, Demand::default(), false),
            Fault::Stream(error) => return self.stream(&error),
        };
        Failure::new(code, message).hint(hint)
    }

    fn stream(&self, error: &StreamError) -> Failure {
        let name = &self.provider.name;
        match error {
            StreamError::Cut => Failure::new(Code::Cut, format!("the stream of '{name}' was cut off")),
            StreamError::Calls(_) | StreamError::Long(_) => Failure::new(Code::Limit, format!("'{name}' sent {error}")),
            _ => Failure::new(Code::Format, format!("the stream of '{name}' cannot be read: {error}")),
        }
    }

    /// An error that the provider reports.
    fn refusal(&self, error: &Upstream, demand: Demand, page: bool) -> Failure {
        let (name, model) = (&self.provider.name, self.model);
        let status = if error.status == 0 { String::new() } else { format!(" ({})", error.status) };
        let said = match (page, self.said(&error.message)) {
            (true, _) => ": a web page (HTML)".into(),
            (false, said) if said.is_empty() => String::new(),
            (false, said) => format!(": {said}"),
        };
        let (code, message, hint) = if error.is_money() {
            (Code::Refused, format!("the account at '{name}' has no credit left{status}{said}"), String::new())
        } else if error.is_spent {
            (Code::Refused, format!("the quota at '{name}' is used up{status}{said}"), String::new())
        } else if error.is_credentials() {
            let what = if self.provider.api_key.is_some() { "refused the key" } else { "wants a key" };
            (Code::Credentials, format!("'{name}' {what}{status}{said}"), self.export())
        } else if error.is_model_unknown() {
            let hint = format!("ace config set model {name}/MODEL");
            (Code::NotFound, format!("'{name}' has no model '{model}'{status}{said}"), hint)
        } else if error.is_too_long() {
            (Code::Context, format!("the context is too long for '{name}/{model}'{status}{said}"), String::new())
        } else if matches!(error.status, 404 | 405) {
            let url = self.url.map(|u| u.as_str().to_owned()).unwrap_or_default();
            let hint = format!("check base_url in [providers.{name}]");
            (Code::Config, format!("'{name}' has nothing at {url}{status}{said}"), hint)
        } else if error.status == 429 || error.chance() == Chance::Overloaded {
            let hint = demand.wait.filter(|w| w.as_millis() > u128::from(limits::RETRY_WAIT_MS));
            let hint = hint.map(|w| format!("it asks to wait {}", span(w))).unwrap_or_default();
            (Code::Unreachable, format!("'{name}' is busy{status}{said}"), hint)
        } else if error.chance() == Chance::Some {
            (Code::Unreachable, format!("'{name}' failed{status}{said}"), String::new())
        } else {
            (Code::Refused, format!("'{name}' refused the request{status}{said}"), String::new())
        };
        Failure::new(code, message).hint(hint)
    }

    fn export(&self) -> String {
        match self.provider.key_env.as_str() {
            "" => format!("name the key's variable: api_key_env in [providers.{}]", self.provider.name),
            var => format!("export {var}=..., with a key that '{}' takes", self.provider.name),
        }
    }

    /// `host:port`.
    fn place(&self) -> String {
        let Some(url) = self.url else { return self.provider.base_url.clone() };
        let host = url.host_str().unwrap_or_default();
        url.port_or_known_default().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    /// A provider's own words: at most so many characters.
    fn said(&self, text: &str) -> String {
        let text = self.tidy(text);
        match text.char_indices().nth(limits::ERROR_TEXT_CHARS) {
            Some((end, _)) => format!("{}…", &text[..end]),
            None => text,
        }
    }

    /// One line without control characters and without the key. The order matters: a key that controls were strewn into is whole
    /// again before it is looked for, and it is looked for before anything is cut.
    fn tidy(&self, text: &str) -> String {
        let text: String =
            text.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).filter(|c| shown(*c)).collect();
        let key = self.provider.api_key.as_ref().map(crate::Secret::reveal).filter(|k| !k.is_empty());
        let text = key.map_or(text.clone(), |key| text.replace(key, "[key]"));
        text.split(' ').filter(|w| !w.is_empty()).collect::<Vec<_>>().join(" ")
    }
}

/// No control characters, nothing that turns the direction of text, nothing without width.
fn shown(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// A time for people: `812 ms`, `4 s`, `6.2 s`, `2m05s`, `1h12m`, `3d`.
pub fn span(time: Duration) -> String {
    let ms = time.as_millis();
    let s = (ms + 500) / 1000;
    match ms {
        0..1000 => format!("{ms} ms"),
        1000..60_000 if ms % 1000 < 50 || ms % 1000 >= 950 => format!("{s} s"),
        1000..60_000 => format!("{:.1} s", time.as_secs_f64()),
        60_000..3_600_000 => format!("{}m{:02}s", s / 60, s % 60),
        3_600_000..86_400_000 => format!("{}h{:02}m", s / 3600, s / 60 % 60),
        _ => format!("{}d", s / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Secret;

    fn provider() -> Provider {
        Provider {
            name: "openai".into(),
            wire: "openai-chat".into(),
            base_url: "http://h:1/v1".into(),
            api_key: Some(Secret::new("sk-secret-1234")),
            key_env: "OPENAI_API_KEY".into(),
            options: crate::Options::default(),
        }
    }

    fn words(fault: Fault) -> Failure {
        let provider = provider();
        let url = reqwest::Url::parse("http://h:1/v1/chat/completions").unwrap();
        Whom { provider: &provider, model: "gpt", url: Some(&url) }.failure(fault, 0)
    }

    fn status(status: u16, kind: &str, message: &str) -> Failure {
        words(Fault::Status(
            Upstream { status, kind: kind.into(), message: message.into(), ..Upstream::default() },
            Demand::default(),
            false,
        ))
    }

    #[test]
    fn the_key_is_replaced_wherever_it_is_hidden() {
        for message in ["bad sk-secret-1234!", "bad sk-se\u{1b}cret\u{202e}-12\u{0}34!", "bad sk-secret\u{200b}-1234!"]
        {
            let failure = status(401, "", message);
            assert_eq!(failure.message, "'openai' refused the key (401): bad [key]!");
            assert_eq!(failure.hint, "export OPENAI_API_KEY=..., with a key that 'openai' takes");
        }
        let long = format!("{}sk-secret-1234", "x".repeat(limits::ERROR_TEXT_CHARS - 4));
        let failure = status(400, "", &long);
        assert!(!failure.message.contains("sk-s"), "not even its head, cut at the end: {}", failure.message);
    }

    #[test]
    fn words_are_one_line_and_bounded() {
        let failure = status(400, "", &format!("a\r\n\tb\u{7}{}", "é".repeat(5000)));
        assert!(failure.message.starts_with("'openai' refused the request (400): a bé"), "{}", failure.message);
        assert!(failure.message.chars().count() < limits::ERROR_TEXT_CHARS + 50);
        assert!(!failure.message.chars().any(char::is_control));
    }

    #[test]
    fn each_status_has_its_code_and_words() {
        for (got, code, message) in [
            (status(402, "", ""), Code::Refused, "the account at 'openai' has no credit left (402)"),
            (status(429, "insufficient_quota", ""), Code::Refused, "the account at 'openai' has no credit left (429)"),
            (status(403, "", "no"), Code::Credentials, "'openai' refused the key (403): no"),
            (
                status(404, "", "The model `gpt` does not exist"),
                Code::NotFound,
                "'openai' has no model 'gpt' (404): The model `gpt` does not exist",
            ),
            (
                status(404, "", "Not Found"),
                Code::Config,
                "'openai' has nothing at http://h:1/v1/chat/completions (404): Not Found",
            ),
            (
                status(400, "context_length_exceeded", "x"),
                Code::Context,
                "the context is too long for 'openai/gpt' (400): x",
            ),
            (
                status(400, "", "This model's maximum context length is 9"),
                Code::Context,
                "the context is too long for 'openai/gpt' (400): This model's maximum context length is 9",
            ),
            (status(429, "", ""), Code::Unreachable, "'openai' is busy (429)"),
            (status(529, "", ""), Code::Unreachable, "'openai' is busy (529)"),
            (status(500, "", "oops"), Code::Unreachable, "'openai' failed (500): oops"),
            (status(422, "", "x"), Code::Refused, "'openai' refused the request (422): x"),
        ] {
            assert_eq!((&got.code, got.message.as_str()), (&code, message));
        }
    }

    #[test]
    fn spans() {
        for (ms, want) in [
            (0, "0 ms"),
            (812, "812 ms"),
            (4000, "4 s"),
            (6200, "6.2 s"),
            (125_000, "2m05s"),
            (4_320_000, "1h12m"),
            (3 * 86_400_000, "3d"),
        ] {
            assert_eq!(span(Duration::from_millis(ms)), want);
        }
    }
}
