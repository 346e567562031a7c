//! Hooks as configured: which program hears which calls, and for how long. The words are those of Claude Code and crush.

use ace_schema::hook::Hook;
use ace_schema::limits::{DECIDER_MS, HOOK_MS};

use crate::LayerName;
use crate::read::quoted;

/// A program that is heard at some moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hooked {
    /// When.
    pub on: Hook,
    /// Program and arguments.
    pub argv: Vec<String>,
    /// Which tools it is heard about.
    pub matcher: Matcher,
    /// How long it may take, ms.
    pub ms: u64,
    /// Who wants it heard.
    pub layer: LayerName,
}

impl Hooked {
    /// Whether it is heard about a tool of these names.
    #[must_use]
    pub fn hears_of(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.matcher.fits(name))
    }
}

/// One row of a list of hooks, as written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Row {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// Which tools it is heard about.
    pub matcher: Matcher,
    /// How long it may take, s, if anybody said.
    pub seconds: Option<u64>,
}

impl Row {
    /// The hook that it stands for.
    #[must_use]
    pub fn hooked(&self, on: Hook, layer: LayerName) -> Hooked {
        let usual = match on {
            Hook::PreToolUse | Hook::UserPromptSubmit => DECIDER_MS,
            Hook::PostToolUse | Hook::Stop => HOOK_MS,
        };
        let ms = self.seconds.map_or(usual, |seconds| seconds * 1000);
        Hooked { on, argv: self.argv.clone(), matcher: self.matcher.clone(), ms, layer }
    }
}

/// As TOML has it: the program alone where nothing else was said.
impl std::fmt::Display for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let words: Vec<String> = self.argv.iter().map(|word| quoted(word)).collect();
        let words = format!("[{}]", words.join(", "));
        if self.matcher.is_all() && self.seconds.is_none() {
            return f.write_str(&words);
        }
        f.write_str("{ ")?;
        if !self.matcher.is_all() {
            write!(f, "matcher = {}, ", quoted(&self.matcher.0))?;
        }
        if let Some(seconds) = self.seconds {
            write!(f, "timeout = {seconds}, ")?;
        }
        write!(f, "command = {words} }}")
    }
}

/// Names of tools with `|` between them, `*` and `.*` for any letters; empty for all tools. It is the part of regular expressions that
/// such matchers are written in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Matcher(String);

impl Matcher {
    /// Reads one; `None` if it holds what is no name and no wildcard.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '|' | '*' | '.' | ':' | '/');
        let bare = text.strip_prefix('^').unwrap_or(text);
        let bare = bare.strip_suffix('$').unwrap_or(bare);
        let bare = bare.strip_prefix('(').and_then(|inner| inner.strip_suffix(')')).unwrap_or(bare);
        // A dot alone would be any letter to some readers and itself to others.
        let has_loose_dot = bare.replace(".*", "").contains('.');
        (bare.chars().all(plain) && !has_loose_dot).then(|| Self(bare.to_owned()))
    }

    /// Whether it fits all tools.
    #[must_use]
    pub fn is_all(&self) -> bool {
        matches!(self.0.as_str(), "" | "*" | ".*")
    }

    /// As written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }

    /// Whether it fits a tool of that name; large and small letters are the same.
    #[must_use]
    pub fn fits(&self, name: &str) -> bool {
        self.is_all() || self.0.split('|').any(|one| !one.is_empty() && is_like(&one.replace(".*", "*"), name))
    }
}

/// Whether a name is like a pattern in which `*` stands for any letters.
fn is_like(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.to_ascii_lowercase(), name.to_ascii_lowercase());
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut left) = name.strip_prefix(first) else { return false };
    let parts: Vec<&str> = rest.split('*').collect();
    let Some((last, middle)) = parts.split_last() else { return true };
    for part in middle {
        match left.find(part) {
            Some(at) => left = &left[at + part.len()..],
            None => return false,
        }
    }
    left.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_matcher_fits_the_tools_that_it_names() {
        for (matcher, fits, not) in [
            ("", "Bash", None),
            ("*", "Bash", None),
            ("Bash", "bash", Some("BashOutput")),
            ("Edit|Write", "Write", Some("MultiEdit")),
            ("^(Edit|Write)$", "Edit", Some("Read")),
            ("mcp__.*", "mcp__github__push", Some("Bash")),
            ("mcp__*__push*", "mcp__github__push_all", Some("mcp__github__pull")),
            ("Notebook.*|fetch", "fetch", Some("Read")),
        ] {
            let read = Matcher::parse(matcher).unwrap();
            assert!(read.fits(fits), "{matcher} {fits}");
            assert!(not.is_none_or(|not| !read.fits(not)), "{matcher} {not:?}");
        }
        for none in ["Ba.h", "[A-Z]+", "a b", "Edit|(Write", "\\w"] {
            assert_eq!(Matcher::parse(none), None, "{none}");
        }
    }
}
