//! How a person is called to a terminal that they do not look at: a bell, and a message of their desktop where the terminal can pass
//! one on. It must never decide when.

use ace_config::Desktop;
use ace_view::clean;

/// Characters of a message; what is longer is cut.
const CHARS: usize = 120;

/// A way to call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Notice {
    bell: bool,
    desktop: Desktop,
}

impl Default for Notice {
    fn default() -> Self {
        Self { bell: true, desktop: Desktop::Never }
    }
}

impl Notice {
    /// The way that is configured; `variable` reads the environment, from which the terminal is known.
    #[must_use]
    pub fn new(bell: bool, desktop: Desktop, variable: impl Fn(&str) -> Option<String>) -> Self {
        let desktop = if desktop == Desktop::Auto { known(variable) } else { desktop };
        Self { bell, desktop }
    }

    /// What a terminal is sent to call. Who looks at it hears the bell alone.
    #[must_use]
    pub fn call(&self, words: &str, away: bool) -> String {
        let mut out = if self.bell { "\x07".to_owned() } else { String::new() };
        if !away {
            return out;
        }
        // A semicolon would begin a field of the sequence, and a control character end it.
        let words: String = clean(words).replace(['\n', '\t'], " ").replace(';', ",").chars().take(CHARS).collect();
        match self.desktop {
            Desktop::Never | Desktop::Auto => {}
            Desktop::Osc9 => out += &format!("\x1b]9;{words}\x1b\\"),
            Desktop::Osc777 => out += &format!("\x1b]777;notify;ace;{words}\x1b\\"),
            Desktop::Osc99 => out += &format!("\x1b]99;i=ace:d=0;ace\x1b\\\x1b]99;i=ace:d=1:p=body;{words}\x1b\\"),
        }
        out
    }
}

/// What this terminal passes on, by the names that terminals give themselves. A multiplexer passes nothing on but the bell.
fn known(variable: impl Fn(&str) -> Option<String>) -> Desktop {
    let is_set = |name: &str| variable(name).is_some_and(|v| !v.is_empty());
    let term = variable("TERM").unwrap_or_default();
    if is_set("TMUX") || is_set("STY") || term.starts_with("screen") || term.starts_with("tmux") {
        return Desktop::Never;
    }
    if is_set("KITTY_WINDOW_ID") || term == "xterm-kitty" {
        return Desktop::Osc99;
    }
    match variable("TERM_PROGRAM").unwrap_or_default().as_str() {
        "iTerm.app" | "WezTerm" | "ghostty" => return Desktop::Osc9,
        _ => {}
    }
    if term.starts_with("foot") || term.starts_with("rxvt-unicode") || is_set("VTE_VERSION") {
        return Desktop::Osc777;
    }
    if term == "xterm-ghostty" { Desktop::Osc9 } else { Desktop::Never }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(variables: &[(&str, &str)]) -> Notice {
        let find = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
        Notice::new(true, Desktop::Auto, find)
    }

    #[test]
    fn terminals_are_called_in_their_own_way_and_unknown_ones_by_the_bell() {
        for (variables, expect) in [
            (&[("TERM", "xterm-kitty")][..], "\x07\x1b]99;i=ace:d=0;ace\x1b\\\x1b]99;i=ace:d=1:p=body;a asks\x1b\\"),
            (&[("TERM_PROGRAM", "iTerm.app")], "\x07\x1b]9;a asks\x1b\\"),
            (&[("TERM", "xterm-256color"), ("VTE_VERSION", "7800")], "\x07\x1b]777;notify;ace;a asks\x1b\\"),
            (&[("TERM", "foot")], "\x07\x1b]777;notify;ace;a asks\x1b\\"),
            (&[("TERM", "xterm-256color")], "\x07"),
            (&[("TERM_PROGRAM", "WezTerm"), ("TMUX", "/tmp/x")], "\x07"),
            (&[], "\x07"),
        ] {
            assert_eq!(on(variables).call("a asks", true), expect, "{variables:?}");
            assert_eq!(on(variables).call("a asks", false), "\x07", "who looks needs no message");
        }
        assert_eq!(Notice::new(false, Desktop::Never, |_| None).call("a", true), "");
    }

    #[test]
    fn no_words_end_or_change_the_sequence() {
        let said = on(&[("TERM_PROGRAM", "WezTerm")]).call("rm\x1b]52;c;x\x07\x1b\\ -rf; \u{9c} a\nb", true);
        assert_eq!(said.matches('\x1b').count(), 2, "{said:?}");
        assert_eq!(said.matches('\x07').count(), 1, "{said:?}");
        assert!(!said.contains(['\u{9c}', '\n']), "{said:?}");
        assert!(on(&[("TERM", "foot")]).call(&"x".repeat(1000), true).len() < 200);
    }
}
