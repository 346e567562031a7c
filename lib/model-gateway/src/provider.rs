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
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_of_a_provider_hides_its_key() {
        let provider = Provider { api_key: Some(Secret::new(" sk-hidden\n")), ..Provider::recorded() };
        assert_eq!(provider.api_key.as_ref().unwrap().reveal(), "sk-hidden");
        assert!(!format!("{provider:?} {provider:#?}").contains("hidden"));
    }
}
