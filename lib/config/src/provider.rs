//! Providers: the built-in ones and what a configuration makes of them. It speaks to none and never holds a key.

/// How a provider is spoken to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Wire {
    /// The chat completions that OpenAI began.
    #[default]
    OpenaiChat,
    /// A recording: no network at all.
    Recorded,
}

impl Wire {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::OpenaiChat, Self::Recorded];

    /// The name as configured.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::OpenaiChat => "openai-chat",
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
    /// Its address; empty for a recording.
    pub base_url: &'static str,
    /// The vendor's own variable for the address.
    pub base_url_env: Option<&'static str>,
    /// The variable that holds the key.
    pub api_key_env: Option<&'static str>,
    /// The model that is taken when a key is all there is.
    pub default_model: Option<&'static str>,
}

/// The built-in providers, in the order in which they are taken when several have a key. A default model is one that the vendor
/// keeps current under that name, made for tool calls.
pub const BUILT_IN: &[BuiltIn] = &[
    BuiltIn {
        name: "openai",
        wire: Wire::OpenaiChat,
        base_url: "https://api.openai.com/v1",
        base_url_env: Some("OPENAI_BASE_URL"),
        api_key_env: Some("OPENAI_API_KEY"),
        default_model: Some("gpt-5"),
    },
    BuiltIn {
        name: "openrouter",
        wire: Wire::OpenaiChat,
        base_url: "https://openrouter.ai/api/v1",
        base_url_env: None,
        api_key_env: Some("OPENROUTER_API_KEY"),
        default_model: Some("openrouter/auto"),
    },
    BuiltIn {
        name: "dashscope",
        wire: Wire::OpenaiChat,
        base_url: "https://dashscope.aliyuncs.com/compatible-mode/v1",
        base_url_env: None,
        api_key_env: Some("DASHSCOPE_API_KEY"),
        default_model: Some("qwen3-coder-plus"),
    },
    BuiltIn {
        name: "zhipu",
        wire: Wire::OpenaiChat,
        base_url: "https://open.bigmodel.cn/api/paas/v4",
        base_url_env: None,
        api_key_env: Some("ZHIPUAI_API_KEY"),
        default_model: Some("glm-4.6"),
    },
    BuiltIn {
        name: "ollama",
        wire: Wire::OpenaiChat,
        base_url: "http://localhost:11434/v1",
        base_url_env: Some("OLLAMA_HOST"),
        api_key_env: None,
        default_model: None,
    },
    BuiltIn {
        name: "recorded",
        wire: Wire::Recorded,
        base_url: "",
        base_url_env: None,
        api_key_env: None,
        default_model: None,
    },
];

/// A provider as configured.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Provider {
    /// The first half of `NAME/MODEL`.
    pub name: String,
    /// How it is spoken to.
    pub wire: Wire,
    /// Its address, as the vendor's own SDK takes it; empty for a recording.
    pub base_url: String,
    /// The vendor's variable that replaces the built-in address; `None` once a configuration says one.
    pub base_url_env: Option<String>,
    /// The variable that holds the key; `None` if it needs none.
    pub api_key_env: Option<String>,
    /// The model that is taken when a key is all there is.
    pub default_model: Option<String>,
}

impl From<&BuiltIn> for Provider {
    fn from(b: &BuiltIn) -> Self {
        let own = |text: Option<&str>| text.map(str::to_owned);
        Self {
            name: b.name.to_owned(),
            wire: b.wire,
            base_url: b.base_url.to_owned(),
            base_url_env: own(b.base_url_env),
            api_key_env: own(b.api_key_env),
            default_model: own(b.default_model),
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
