//! Short names, default models and what models cannot do: the dated table in `lib/model-gateway/data/models.toml`. It asks nobody.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;

const TEXT: &str = include_str!("../../model-gateway/data/models.toml");

/// The table.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Models {
    /// When it was last looked over, `YYYY-MM-DD`.
    pub date: String,
    /// The model that is taken when a provider's key is all there is, by provider.
    pub default: BTreeMap<String, String>,
    /// `NAME/MODEL` by short name.
    pub alias: BTreeMap<String, String>,
    /// How the names of models begin that see no pictures, by provider.
    pub blind: BTreeMap<String, Vec<String>>,
}

/// The table of this build. That it can be read is proven by a test.
#[must_use]
pub fn models() -> &'static Models {
    static MODELS: OnceLock<Models> = OnceLock::new();
    MODELS.get_or_init(|| toml::from_str(TEXT).unwrap_or_default())
}

impl Models {
    /// `NAME/MODEL` of what somebody writes: a short name, or the long one as it is.
    #[must_use]
    pub fn full<'a>(&'a self, text: &'a str) -> &'a str {
        self.alias.get(text).map_or(text, String::as_str)
    }

    /// Whether a provider's model is known to see no pictures.
    #[must_use]
    pub fn is_blind(&self, provider: &str, model: &str) -> bool {
        self.blind.get(provider).is_some_and(|names| names.iter().any(|name| model.starts_with(name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BUILT_IN, split_model};

    #[test]
    fn the_table_can_be_read_and_names_only_what_there_is() {
        let models: Models = toml::from_str(TEXT).unwrap();
        let known = |name: &str| BUILT_IN.iter().any(|b| b.name == name);
        assert_eq!(models.date.len(), 10);
        assert!(models.default.keys().chain(models.blind.keys()).all(|name| known(name)));
        for (alias, model) in &models.alias {
            assert!(split_model(alias).is_none(), "{alias}");
            assert!(split_model(model).is_some_and(|(name, _)| known(name)), "{alias} = {model}");
        }
        for keyed in BUILT_IN.iter().filter(|b| b.api_key_env.is_some()) {
            assert!(models.default.contains_key(keyed.name), "{} has no default", keyed.name);
        }
    }

    #[test]
    fn short_names_are_made_long_and_long_ones_left_alone() {
        assert_eq!(models().full("sonnet"), models().alias["sonnet"]);
        assert_eq!(models().full("x/sonnet"), "x/sonnet");
        assert!(models().is_blind("zhipu", "glm-5.3") && !models().is_blind("openai", "glm-5.3"));
    }
}
