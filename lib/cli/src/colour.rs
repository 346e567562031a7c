//! Whether to colour. What the colours mean is said where they are used.

use std::ffi::{OsStr, OsString};

/// `--color`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum When {
    /// On a terminal, unless `NO_COLOR` is set or the terminal is dumb.
    #[default]
    Auto,
    /// Also into pipes.
    Always,
    /// Not at all.
    Never,
}

impl When {
    /// Whether a stream is coloured; `terminal` says whether it is one. Reads `NO_COLOR` and `TERM`.
    #[must_use]
    pub fn colours(self, terminal: bool) -> bool {
        self.decide(terminal, std::env::var_os("NO_COLOR").as_deref(), std::env::var_os("TERM").as_deref())
    }

    fn decide(self, terminal: bool, no_color: Option<&OsStr>, term: Option<&OsStr>) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto => terminal && no_color.is_none_or(OsStr::is_empty) && term.is_none_or(|t| t != "dumb"),
        }
    }

    /// What the raw arguments ask for: needed before they are parsed, to complain about them in the right colour.
    #[must_use]
    pub fn of_arguments(args: &[OsString]) -> Self {
        let mut found = Self::Auto;
        let mut rest = args.iter().take_while(|a| *a != "--").filter_map(|a| a.to_str());
        while let Some(arg) = rest.next() {
            let value = match arg.strip_prefix("--color") {
                Some("") => rest.next().unwrap_or_default(),
                Some(value) => value.strip_prefix('=').unwrap_or_default(),
                None => continue,
            };
            found = match value {
                "always" => Self::Always,
                "never" => Self::Never,
                _ => found,
            };
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flag_wins_over_the_variable_and_the_variable_over_the_terminal() {
        let set = Some(OsStr::new("1"));
        assert!(When::Auto.decide(true, None, None));
        assert!(!When::Auto.decide(false, None, None));
        assert!(!When::Auto.decide(true, set, None));
        assert!(When::Auto.decide(true, Some(OsStr::new("")), None));
        assert!(!When::Auto.decide(true, None, Some(OsStr::new("dumb"))));
        assert!(When::Always.decide(false, set, None));
        assert!(!When::Never.decide(true, None, None));
    }

    #[test]
    fn the_flag_is_found_before_parsing() {
        let args = |text: &str| text.split(' ').map(OsString::from).collect::<Vec<_>>();
        assert_eq!(When::of_arguments(&args("ls --color=never --foo")), When::Never);
        assert_eq!(When::of_arguments(&args("ls --color always")), When::Always);
        assert_eq!(When::of_arguments(&args("join S -- ls --color=always")), When::Auto);
        assert_eq!(When::of_arguments(&args("ls --colorful --color")), When::Auto);
    }
}
