//! Providers: the built-in ones and what a configuration makes of them. It speaks to none and never holds a key.

use crate::models;

/// How a provider is spoken to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Wire {
    /// The chat completions that OpenAI began.
    #[default]
    OpenaiChat,
    /// OpenAI's Responses.
    OpenaiResponses,
    /// Anthropic's Messages.
    Anthropic,
    /// Google's Interactions.
    Gemini,
    /// Google's generateContent.
    GeminiGenerate,
    /// A recording: no network at all.
    Recorded,
}

impl Wire {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::OpenaiChat, Self::OpenaiResponses, Self::Anthropic, Self::Gemini, Self::GeminiGenerate, Self::Recorded];

    /// The name as configured.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::OpenaiChat => "openai-chat",
            Self::OpenaiResponses => "openai-responses",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
            Self::GeminiGenerate => "gemini-generate",
            Self::Recorded => "recorded",
        }
    }

    /// The wire of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|w| w.name() == name)
    }
}

/// A provider that needs no configuration.
#[derive(Debug, Clone, Copy)]
pub struct BuiltIn {
    /// The first half of `NAME/MODEL`.
    pub name: &'static str,
    /// How it is spoken to.
    pub wire: Wire,
    /// How a server at another address is spoken to: the form that everybody else has taken over.
    pub wire_elsewhere: Wire,
    /// Its address; empty for a recording.
    pub base_url: &'static str,
    /// The vendor's own variable for the address.
    pub base_url_env: Option<&'static str>,
    /// The variable that holds the key.
    pub api_key_env: Option<&'static str>,
    /// Other variables that do, looked at after it.
    pub other_key_envs: &'static [&'static str],
}

/// The built-in providers, in the order in which they are taken when several have a key.
pub const BUILT_IN: &[BuiltIn] = &[
    BuiltIn {
        name: "openai",
        wire: Wire::OpenaiResponses,
        wire_elsewhere: Wire::OpenaiChat,
        base_url: "https://api.openai.com/v1",
        base_url_env: Some("OPENAI_BASE_URL"),
        api_key_env: Some("OPENAI_API_KEY"),
        other_key_envs: &[],
    },
    BuiltIn {
        name: "anthropic",
        wire: Wire::Anthropic,
        wire_elsewhere: Wire::Anthropic,
        base_url: "https://api.anthropic.com",
        base_url_env: Some("ANTHROPIC_BASE_URL"),
        api_key_env: Some("ANTHROPIC_API_KEY"),
        other_key_envs: &["ANTHROPIC_AUTH_TOKEN"],
    },
    BuiltIn {
        name: "gemini",
        wire: Wire::Gemini,
        wire_elsewhere: Wire::GeminiGenerate,
        base_url: "https://generativelanguage.googleapis.com",
        base_url_env: Some("GOOGLE_GEMINI_BASE_URL"),
        api_key_env: Some("GEMINI_API_KEY"),
        other_key_envs: &["GOOGLE_API_KEY"],
    },
    BuiltIn {
        name: "openrouter",
        wire: Wire::OpenaiChat,
        wire_elsewhere: Wire::OpenaiChat,
        base_url: "https://openrouter.ai/api/v1",
        base_url_env: Some("OPENROUTER_BASE_URL"),
        api_key_env: Some("OPENROUTER_API_KEY"),
        other_key_envs: &[],
    },
    BuiltIn {
        name: "dashscope",
        wire: Wire::OpenaiChat,
        wire_elsewhere: Wire::OpenaiChat,
        base_url: "https://dashscope.aliyuncs.com/compatible-mode/v1",
        base_url_env: Some("DASHSCOPE_BASE_URL"),
        api_key_env: Some("DASHSCOPE_API_KEY"),
        other_key_envs: &[],
    },
    BuiltIn {
        name: "zhipu",
        wire: Wire::OpenaiChat,
        wire_elsewhere: Wire::OpenaiChat,
        base_url: "https://open.bigmodel.cn/api/paas/v4",
        base_url_env: Some("ZHIPUAI_BASE_URL"),
        api_key_env: Some("ZHIPUAI_API_KEY"),
        other_key_envs: &["ZHIPU_API_KEY", "ZAI_API_KEY"],
    },
    BuiltIn {
        name: "deepseek",
        wire: Wire::OpenaiChat,
        wire_elsewhere: Wire::OpenaiChat,
        base_url: "https://api.deepseek.com",
        base_url_env: Some("DEEPSEEK_BASE_URL"),
        api_key_env: Some("DEEPSEEK_API_KEY"),
        other_key_envs: &[],
    },
    BuiltIn {
        name: "ollama",
        wire: Wire::OpenaiChat,
        wire_elsewhere: Wire::OpenaiChat,
        base_url: "http://localhost:11434/v1",
        base_url_env: Some("OLLAMA_HOST"),
        api_key_env: None,
        other_key_envs: &[],
    },
    BuiltIn {
        name: "recorded",
        wire: Wire::Recorded,
        wire_elsewhere: Wire::Recorded,
        base_url: "",
        base_url_env: None,
        api_key_env: None,
        other_key_envs: &[],
    },
];

/// A provider as configured.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Provider {
    /// The first half of `NAME/MODEL`.
    pub name: String,
    /// How it is spoken to, unless it is built in and somewhere else.
    pub wire: Wire,
    /// How it is spoken to at another address than the built-in one; `None` once a configuration says how.
    pub wire_elsewhere: Option<Wire>,
    /// Its address, as the vendor's own SDK takes it; empty for a recording.
    pub base_url: String,
    /// The vendor's variable that replaces the built-in address; `None` once a configuration says one.
    pub base_url_env: Option<String>,
    /// The variable that holds the key; `None` if it needs none.
    pub api_key_env: Option<String>,
    /// Other variables that may, looked at after it; none once a configuration says one.
    pub other_key_envs: Vec<String>,
    /// The model that is taken when a key is all there is.
    pub default_model: Option<String>,
    /// Version of the protocol, where its wire has several; empty: the one known best.
    pub version: String,
    /// How much the model thinks; empty: as it does by itself.
    pub reasoning: String,
    /// Thinking stands in the text, between tags.
    pub think_tags: bool,
    /// Whether its models see pictures; `None`: as the table of models says.
    pub images: Option<bool>,
}

impl From<&BuiltIn> for Provider {
    fn from(b: &BuiltIn) -> Self {
        let own = |text: Option<&str>| text.map(str::to_owned);
        Self {
            name: b.name.to_owned(),
            wire: b.wire,
            wire_elsewhere: Some(b.wire_elsewhere),
            base_url: b.base_url.to_owned(),
            base_url_env: own(b.base_url_env),
            api_key_env: own(b.api_key_env),
            other_key_envs: b.other_key_envs.iter().map(|name| (*name).to_owned()).collect(),
            default_model: models().default.get(b.name).cloned(),
            ..Self::default()
        }
    }
}

impl Provider {
    /// The address to use; `variable` reads the environment. A configured address wins over the vendor's variable, and that over
    /// the built-in address. `OLLAMA_HOST` may lack scheme, port and path, and names a listening address.
    #[must_use]
    pub fn address(&self, variable: impl Fn(&str) -> Option<String>) -> String {
        let Some(name) = &self.base_url_env else { return self.base_url.clone() };
        match variable(name).map(|v| v.trim().to_owned()).filter(|v| !v.is_empty()) {
            None => self.base_url.clone(),
            Some(host) if name == "OLLAMA_HOST" => ollama(&host),
            Some(url) => url,
        }
    }

    /// How it is spoken to at that address: servers that stand in for a vendor speak the older form of its wire.
    #[must_use]
    pub fn wire_at(&self, address: &str) -> Wire {
        let home = BUILT_IN.iter().find(|b| b.name == self.name).map_or("", |b| b.base_url);
        let host = |url: &str| url.split_once("://").map(|(_, rest)| rest.split(['/', '?']).next().map(str::to_owned));
        match self.wire_elsewhere {
            Some(elsewhere) if host(address) != host(home) => elsewhere,
            _ => self.wire,
        }
    }

    /// Every variable that may hold its key, in order.
    pub fn key_envs(&self) -> impl Iterator<Item = &str> {
        self.api_key_env.iter().chain(&self.other_key_envs).map(String::as_str)
    }

    /// The variable that holds its key: the first that is set, else the one that ought to be. `None` if it needs none.
    #[must_use]
    pub fn key_env(&self, is_set: impl Fn(&str) -> bool) -> Option<&str> {
        self.key_envs().find(|name| is_set(name)).or(self.api_key_env.as_deref())
    }

    /// Whether that model of it sees pictures, as far as is known.
    #[must_use]
    pub fn sees(&self, model: &str) -> bool {
        self.images.unwrap_or_else(|| !models().is_blind(&self.name, model))
    }
}

fn ollama(host: &str) -> String {
    let (scheme, rest) = host.split_once("://").unwrap_or(("http", host));
    let rest = rest.trim_end_matches('/');
    let (place, path) = rest.split_once('/').map_or((rest, "v1"), |(place, path)| (place, path));
    let (name, port) = match place.rsplit_once(':') {
        Some((name, port)) if !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) => (name, port),
        _ if scheme == "https" => (place, "443"),
        _ => (place, "11434"),
    };
    // The server listens everywhere; nobody can be reached there.
    let name = if matches!(name, "" | "0.0.0.0" | "[::]") { "localhost" } else { name };
    format!("{scheme}://{name}:{port}/{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_of_the_vendor_replaces_the_built_in_address_only() {
        let mut openai = Provider::from(&BUILT_IN[0]);
        let set = |name: &str| (name == "OPENAI_BASE_URL").then(|| "http://localhost:1/v1".to_owned());
        assert_eq!(openai.address(set), "http://localhost:1/v1");
        assert_eq!(openai.address(|_| Some("  ".to_owned())), "https://api.openai.com/v1");
        openai.base_url_env = None;
        assert_eq!(openai.address(set), "https://api.openai.com/v1");
    }

    #[test]
    fn who_stands_in_for_a_vendor_speaks_the_older_form() {
        let provider = |name: &str| Provider::from(BUILT_IN.iter().find(|b| b.name == name).unwrap());
        let openai = provider("openai");
        assert_eq!(openai.wire_at("https://api.openai.com"), Wire::OpenaiResponses);
        assert_eq!(openai.wire_at("http://localhost:8000/v1"), Wire::OpenaiChat);
        assert_eq!(provider("gemini").wire_at("http://localhost:1"), Wire::GeminiGenerate);
        assert_eq!(provider("anthropic").wire_at("http://localhost:1"), Wire::Anthropic);
        let said = Provider { wire_elsewhere: None, ..openai };
        assert_eq!(said.wire_at("http://localhost:1"), Wire::OpenaiResponses);
    }

    #[test]
    fn the_first_key_variable_that_is_set_is_taken() {
        let anthropic = Provider::from(&BUILT_IN[1]);
        assert_eq!(anthropic.key_env(|name| name == "ANTHROPIC_AUTH_TOKEN"), Some("ANTHROPIC_AUTH_TOKEN"));
        assert_eq!(anthropic.key_env(|_| true), Some("ANTHROPIC_API_KEY"));
        assert_eq!(anthropic.key_env(|_| false), Some("ANTHROPIC_API_KEY"));
        assert_eq!(Provider::default().key_env(|_| true), None);
    }

    #[test]
    fn the_host_of_ollama_in_all_its_forms() {
        for (host, url) in [
            ("gpu", "http://gpu:11434/v1"),
            ("gpu:8080", "http://gpu:8080/v1"),
            ("0.0.0.0", "http://localhost:11434/v1"),
            ("0.0.0.0:5000", "http://localhost:5000/v1"),
            (":5000", "http://localhost:5000/v1"),
            ("https://gpu.example/", "https://gpu.example:443/v1"),
            ("http://gpu:1/api/v1", "http://gpu:1/api/v1"),
            ("[::1]:11434", "http://[::1]:11434/v1"),
            ("[::]", "http://localhost:11434/v1"),
        ] {
            assert_eq!(ollama(host), url, "{host}");
        }
    }
}
