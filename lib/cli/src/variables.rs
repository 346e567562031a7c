//! Every environment variable the suite reads, with one line each. It reads none itself.

/// A variable and what it does.
#[derive(Debug, Clone, Copy)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// What it does, one line for the man pages.
    pub line: &'static str,
}

/// Where sessions, blobs and worktrees live.
pub const HOME: &str = "ACE_HOME";
/// The user's configuration file.
pub const CONFIG: &str = "ACE_CONFIG";
/// `json` makes complaints lines of JSON.
pub const ERRORS: &str = "ACE_ERRORS";
/// Seconds between two lines of progress where nothing is repainted.
pub const PROGRESS: &str = "ACE_PROGRESS";
/// Folders whose recordings `ace-model` may read.
pub const RECORDINGS: &str = "ACE_RECORDINGS";
/// Marks in ASCII.
pub const ASCII: &str = "ACE_ASCII";
/// Nothing is repainted.
pub const PLAIN: &str = "ACE_PLAIN";

/// All of them: ours by name, then those of others that we obey.
pub const VARIABLES: &[Variable] = &[
    Variable { name: HOME, line: "folder of sessions, blobs and worktrees (default ~/.local/share/ace)" },
    Variable { name: CONFIG, line: "the user's configuration file (default ~/.config/ace/config.toml)" },
    Variable { name: ace_config::MODEL_VARIABLE, line: "the model, NAME/MODEL, over every configuration file" },
    Variable { name: ace_config::MODE_VARIABLE, line: "the mode: plan, ask, edit or auto" },
    Variable { name: ace_config::ANSWERS_VARIABLE, line: "stop a turn after so many model answers" },
    Variable { name: ace_config::CONTEXT_VARIABLE, line: "the model's context window, tokens (default 128000)" },
    Variable { name: ERRORS, line: "json: complaints on stderr are lines of JSON" },
    Variable { name: RECORDINGS, line: "folders, parted by ':', whose recordings ace-model may read as recorded/PATH" },
    Variable { name: PROGRESS, line: "seconds between two lines of progress off a terminal (default 10, 0 for none)" },
    Variable { name: ASCII, line: "1: marks in ASCII" },
    Variable { name: PLAIN, line: "1: nothing on the terminal is repainted, for screen readers" },
    Variable { name: "ACE_BISECT_SEQ", line: "set for the command of ace bisect: the line of the state it looks at" },
    Variable { name: "ACE_SEED", line: "a number: ids that are the same at every run, for tests" },
    Variable { name: "ACE_CLOCK", line: "ms since 1970: records are stamped from there on, 1 ms apart, for tests" },
    Variable { name: "ACE_PACE", line: "0: recorded answers are played at once" },
    Variable { name: "ACE_BLESS", line: "1: tests rewrite generated files instead of comparing them" },
    Variable { name: "ACE_COMMIT", line: "while building: the commit that ace-serve says it was built from" },
    Variable { name: "XDG_DATA_HOME", line: "folders of data, if ACE_HOME is not set (default ~/.local/share)" },
    Variable {
        name: "XDG_CONFIG_HOME",
        line: "folders of configuration, if ACE_CONFIG is not set (default ~/.config)",
    },
    Variable { name: "NO_COLOR", line: "set: no colour, unless --color asks for it" },
    Variable { name: "TERM", line: "dumb: no colour, nothing is repainted" },
    Variable { name: "OPENAI_API_KEY", line: "key of the provider openai" },
    Variable { name: "OPENAI_BASE_URL", line: "where openai is, unless the configuration says" },
    Variable { name: "ANTHROPIC_API_KEY", line: "key of the provider anthropic" },
    Variable { name: "ANTHROPIC_AUTH_TOKEN", line: "the same as a bearer token, if the key is not set" },
    Variable { name: "ANTHROPIC_BASE_URL", line: "where anthropic is, unless the configuration says" },
    Variable { name: "GEMINI_API_KEY", line: "key of the provider gemini" },
    Variable { name: "GOOGLE_API_KEY", line: "the same, if GEMINI_API_KEY is not set" },
    Variable { name: "GOOGLE_GEMINI_BASE_URL", line: "where gemini is, unless the configuration says" },
    Variable { name: "OPENROUTER_API_KEY", line: "key of the provider openrouter" },
    Variable { name: "OPENROUTER_BASE_URL", line: "where openrouter is, unless the configuration says" },
    Variable { name: "DASHSCOPE_API_KEY", line: "key of the provider dashscope" },
    Variable { name: "DASHSCOPE_BASE_URL", line: "where dashscope is, unless the configuration says" },
    Variable { name: "ZHIPUAI_API_KEY", line: "key of the provider zhipu" },
    Variable { name: "ZHIPU_API_KEY", line: "the same, if ZHIPUAI_API_KEY is not set" },
    Variable { name: "ZAI_API_KEY", line: "the same, if neither is set" },
    Variable { name: "ZHIPUAI_BASE_URL", line: "where zhipu is, unless the configuration says" },
    Variable { name: "DEEPSEEK_API_KEY", line: "key of the provider deepseek" },
    Variable { name: "DEEPSEEK_BASE_URL", line: "where deepseek is, unless the configuration says" },
    Variable { name: "OLLAMA_HOST", line: "where ollama is, HOST:PORT (default localhost:11434)" },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stands_once_and_all_variables_of_providers_are_there() {
        let mut names: Vec<&str> = VARIABLES.iter().map(|v| v.name).collect();
        for provider in ace_config::BUILT_IN {
            let own = [provider.api_key_env, provider.base_url_env].into_iter().flatten();
            for name in own.chain(provider.other_key_envs.iter().copied()) {
                assert!(names.contains(&name), "{name} of {}", provider.name);
            }
        }
        names.sort_unstable();
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all);
    }
}
