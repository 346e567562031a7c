//! Where values come from: the layers, from the weakest, and the origin that each value keeps. It opens nothing.

use std::fmt;

/// The model, over every file.
pub const MODEL_VARIABLE: &str = "ACE_MODEL";
/// The mode, over every file.
pub const MODE_VARIABLE: &str = "ACE_MODE";
/// Model answers in one turn, over every file.
pub const ANSWERS_VARIABLE: &str = "ACE_MAX_TURNS";
/// Context window of the model in tokens, over every file.
pub const CONTEXT_VARIABLE: &str = "ACE_CONTEXT";

/// Variables that are configuration, and the keys they set.
pub const VARIABLE_KEYS: &[(&str, &str)] = &[
    (MODEL_VARIABLE, "model"),
    (MODE_VARIABLE, "mode"),
    (ANSWERS_VARIABLE, "limits.answers"),
    (CONTEXT_VARIABLE, "limits.context"),
];

/// The layers, from the weakest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum LayerName {
    /// Built in.
    #[default]
    Default,
    /// Of this machine.
    System,
    /// Of the user.
    User,
    /// Of the repository, which may only narrow.
    Project,
    /// A variable of the environment.
    Env,
    /// A flag, or what a client asks for its session.
    Flag,
}

impl LayerName {
    /// The word `ace config --origin` shows.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::System => "system",
            Self::User => "user",
            Self::Project => "project",
            Self::Env => "env",
            Self::Flag => "flag",
        }
    }
}

/// One text of configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Layer {
    /// Which layer.
    pub name: LayerName,
    /// The file as a person would write it (`~/.config/ace/config.toml`); for `Env` and `Flag` the variable or the flag.
    pub file: Option<String>,
    /// TOML.
    pub text: String,
    /// For the project's layer: the person has said, of exactly this text, that it may start programs.
    pub trusted: bool,
}

impl Layer {
    /// The layer of a file.
    pub fn file(name: LayerName, file: impl Into<String>, text: impl Into<String>) -> Self {
        Self { name, file: Some(file.into()), text: text.into(), trusted: false }
    }

    /// The layers of those variables that are configuration; all others, and empty ones, are left alone.
    #[must_use]
    pub fn variables(pairs: &[(&str, &str)]) -> Vec<Self> {
        let one = |(name, value): &(&str, &str)| {
            let (_, key) = VARIABLE_KEYS.iter().find(|(n, _)| n == name)?;
            (!value.is_empty()).then(|| Self {
                name: LayerName::Env,
                file: Some((*name).to_owned()),
                text: line(key, value),
                trusted: false,
            })
        };
        pairs.iter().filter_map(one).collect()
    }

    /// The layer of one flag; numbers are numbers, all else is a string.
    #[must_use]
    pub fn flag(flag: &str, key: &str, value: &str) -> Self {
        Self { name: LayerName::Flag, file: Some(flag.to_owned()), text: line(key, value), trusted: false }
    }

    /// Where line `line` of it is.
    pub(crate) fn origin(&self, line: usize) -> Origin {
        Origin { layer: self.name, file: self.file.clone(), line }
    }
}

fn line(key: &str, value: &str) -> String {
    let counts = key.starts_with("limits.") || key.starts_with("quota.");
    let whole: Option<u64> = if counts { value.parse().ok() } else { None };
    match whole {
        Some(number) => format!("{key} = {number}"),
        None => format!("{key} = {}", toml::Value::String(value.to_owned())),
    }
}

/// Where a value was set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// In which layer.
    pub layer: LayerName,
    /// In which file; the variable or the flag if it is none.
    pub file: Option<String>,
    /// On which line, from 1; 0 for defaults.
    pub line: usize,
}

impl Origin {
    /// The place alone: `FILE:LINE`, the variable, the flag, or `default`.
    #[must_use]
    pub fn place(&self) -> String {
        match (&self.file, self.layer) {
            (Some(name), LayerName::Env | LayerName::Flag) => name.clone(),
            (Some(file), _) => format!("{file}:{}", self.line),
            (None, layer) => layer.name().to_owned(),
        }
    }
}

/// `user, ~/.config/ace/config.toml:3` or `flag, --mode`.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.file {
            Some(_) => write!(f, "{}, {}", self.layer.name(), self.place()),
            None => f.write_str(self.layer.name()),
        }
    }
}
