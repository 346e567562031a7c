//! Which model to use when nobody said, and why. Whether a variable is set is for the caller to know.

use crate::{BUILT_IN, Config};

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// Somebody said: `NAME/MODEL`.
    Configured(String),
    /// Nobody said, but a key shows the way; said aloud until a model is configured.
    Found {
        /// `NAME/MODEL`.
        model: String,
        /// `OPENAI_API_KEY is set`.
        because: String,
    },
    /// No way in.
    None,
}

/// The configured model, else the default model of the first provider, in the order of [`BUILT_IN`], whose key is set.
pub fn choose_model(config: &Config, env_has: impl Fn(&str) -> bool) -> Choice {
    if let Some(model) = &config.model {
        return Choice::Configured(model.clone());
    }
    let found = BUILT_IN.iter().filter_map(|b| config.providers.get(b.name)).find_map(|provider| {
        let key = provider.key_envs().find(|key| env_has(key))?;
        let model = provider.default_model.as_deref()?;
        Some(Choice::Found { model: format!("{}/{model}", provider.name), because: format!("{key} is set") })
    });
    found.unwrap_or(Choice::None)
}

/// Provider and model of `NAME/MODEL`; the model may hold slashes of its own.
#[must_use]
pub fn split_model(model: &str) -> Option<(&str, &str)> {
    model.split_once('/').filter(|(name, model)| !name.is_empty() && !model.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Layer, LayerName, load, models};

    fn check(text: &str, set: &[&str], expect: Choice) {
        let config = load(&[Layer::file(LayerName::User, "c.toml", text)]).unwrap();
        assert_eq!(choose_model(&config, |name| set.contains(&name)), expect, "{text} {set:?}");
    }

    fn found(model: &str, because: &str) -> Choice {
        Choice::Found { model: model.to_owned(), because: because.to_owned() }
    }

    #[test]
    fn configured_then_found_in_the_order_of_the_house_then_none() {
        check("model = 'ollama/qwen3'", &["OPENAI_API_KEY"], Choice::Configured("ollama/qwen3".to_owned()));
        check("model = 'sonnet'", &[], Choice::Configured(models().alias["sonnet"].clone()));
        let of = |name: &str| format!("{name}/{}", models().default[name]);
        check("", &["ZHIPUAI_API_KEY"], found(&of("zhipu"), "ZHIPUAI_API_KEY is set"));
        check("", &["ZHIPUAI_API_KEY", "OPENAI_API_KEY"], found(&of("openai"), "OPENAI_API_KEY is set"));
        check("", &["ANTHROPIC_AUTH_TOKEN"], found(&of("anthropic"), "ANTHROPIC_AUTH_TOKEN is set"));
        check("", &["GOOGLE_API_KEY"], found(&of("gemini"), "GOOGLE_API_KEY is set"));
        check("", &["OLLAMA_HOST", "PATH"], Choice::None);
        check("", &[], Choice::None);
    }

    #[test]
    fn another_variable_for_the_key_is_looked_at_instead() {
        let text = "[providers.openai]\napi_key_env = 'WORK_KEY'";
        check(text, &["OPENAI_API_KEY"], Choice::None);
        check(text, &["WORK_KEY"], found(&format!("openai/{}", models().default["openai"]), "WORK_KEY is set"));
    }

    #[test]
    fn an_own_address_has_no_default_model() {
        check("[providers.openai]\nbase_url = 'http://localhost:1'", &["OPENAI_API_KEY"], Choice::None);
    }

    #[test]
    fn models_may_hold_slashes() {
        assert_eq!(split_model("openrouter/anthropic/claude"), Some(("openrouter", "anthropic/claude")));
        assert_eq!(split_model("gpt-5"), None);
        assert_eq!(split_model("/x"), None);
        assert_eq!(split_model("x/"), None);
    }
}
