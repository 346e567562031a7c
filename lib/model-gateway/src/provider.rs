//! Who is asked, and with which key. Knows no wire format; the key leaves only into a header of that provider.

use std::fmt;

/// A key. Neither `Debug` nor `Display` shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes a key; the white space that a copy or a file leaves around it is dropped.
    #[must_use]
    pub fn new(key: &str) -> Self {
        Self(key.trim().to_owned())
    }

    /// The key itself: for a header, and to find it in what comes back.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl Provider {
    /// The key as a bearer token's header, if there is one.
    pub(crate) fn bearer(&self) -> Option<(&'static str, String)> {
        self.api_key.as_ref().map(|key| ("authorization", format!("Bearer {}", key.reveal())))
    }

    /// Whether its address is on that host.
    pub(crate) fn is_at(&self, host: &str) -> bool {
        crate::address::is_of(&self.base_url, host)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// A provider as the configuration names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provider {
    /// Its name: the part of `name/model` before the slash.
    pub name: String,
    /// Its wire format: one of [`crate::names`].
    pub wire: String,
    /// Where it is, as the vendor's own SDK takes it; empty for a recording.
    pub base_url: String,
    /// Its key, if there is one.
    pub api_key: Option<Secret>,
    /// The variable that holds the key, for messages; empty if it needs none.
    pub key_env: String,
    /// What is its own.
    pub options: Options,
}

/// What is said of one provider beside its address and key. The default asks for nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// Version of the protocol where the wire has several (`anthropic-version`); empty: the one we know best.
    pub version: String,
    /// How much the model thinks, `none`, `low`, `medium`, `high` or a word of the vendor's own; empty: as it does by itself.
    pub reasoning: String,
    /// What stands between `<think>` and `</think>` in the text is reasoning: for local servers that do not tell it apart.
    pub think_tags: bool,
    /// The model cannot see: pictures are named to it, not shown.
    pub blind: bool,
}

impl Provider {
    /// The provider that plays recordings: `recorded/NAME`.
    #[must_use]
    pub fn recorded() -> Self {
        Self {
            name: crate::RECORDED.into(),
            wire: crate::RECORDED.into(),
            base_url: String::new(),
            api_key: None,
            key_env: String::new(),
            options: Options::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c13_debug_of_a_provider_hides_its_key() {
        let provider = Provider { api_key: Some(Secret::new(" sk-hidden\n")), ..Provider::recorded() };
        assert_eq!(provider.api_key.as_ref().unwrap().reveal(), "sk-hidden");
        assert!(!format!("{provider:?} {provider:#?}").contains("hidden"));
    }
}
