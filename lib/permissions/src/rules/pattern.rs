//! Command patterns: words as the shell would read them, and a final ` ...` that leaves further arguments open.

use crate::effect::Effect;
use crate::reading::{Segment, system_name};
use crate::shell::Word;

/// How sure a match is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sure {
    /// It is not that.
    No,
    /// It could be.
    Maybe,
    /// It is.
    Yes,
}

/// One pattern.
#[derive(Debug, Clone)]
pub struct Pattern {
    /// The words; empty when only the very line is meant.
    words: Vec<String>,
    open: bool,
    whole: String,
}

impl Pattern {
    /// Reads a pattern.
    pub fn parse(text: &str) -> Result<Self, String> {
        let whole = text.trim().to_owned();
        let (body, open) = match whole.strip_suffix("...") {
            Some(body) if body.is_empty() || body.ends_with(' ') => (body.trim_end().to_owned(), true),
            _ => (whole.clone(), false),
        };
        if body.is_empty() {
            return Err("names no program".to_owned());
        }
        match crate::propose::simple(&body) {
            Some(words) if !words.is_empty() => Ok(Self { words, open, whole }),
            _ if open => Err(format!("'{whole}' leaves arguments open and is more than one plain command")),
            _ => Ok(Self { words: Vec::new(), open, whole }),
        }
    }

    /// Words that it fixes.
    pub fn words(&self) -> usize {
        if self.words.is_empty() { self.whole.split_whitespace().count() } else { self.words.len() }
    }

    /// Whether further arguments may follow.
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// The program's name in small letters without its folder.
    pub fn program(&self) -> String {
        let word =
            self.words.first().map_or_else(|| self.whole.split_whitespace().next().unwrap_or(""), String::as_str);
        word.rsplit('/').next().unwrap_or_default().to_lowercase()
    }

    /// Whether it is the whole command line, letter for letter.
    pub fn is_line(&self, command: &str) -> bool {
        !self.open && self.whole == command.trim()
    }

    /// Whether an allowing rule covers this command: every fixed word stands there as it is, and nothing behind them makes the
    /// program do more than the rule could have meant.
    pub fn covers(&self, segment: &Segment, effect: &Effect) -> bool {
        let Some((program, fixed)) = self.words.split_first() else { return false };
        let Some((first, rest)) = segment.words.split_first() else { return false };
        let named = first.text == *program || (!program.contains('/') && system_name(&first.text) == Some(program));
        let begins = rest.len() >= fixed.len() && fixed.iter().zip(rest).all(|(f, w)| w.is_exact() && w.text == *f);
        if !segment.doubts.is_empty() || !named || !begins {
            return false;
        }
        if !self.open {
            return rest.len() == fixed.len();
        }
        let grave = effect.hazard.as_ref().is_some_and(|hazard| !fixed.contains(hazard));
        !grave && rest[fixed.len()..].iter().all(|w| !w.unknown)
    }

    /// Whether a denying or asking rule is met by these words, program first. Options may stand between the words it fixes, and
    /// each may have a value.
    pub fn meets(&self, program: &str, args: &[Word]) -> Sure {
        let Some((own, fixed)) = self.words.split_first() else { return Sure::No };
        let base = own.rsplit('/').next().unwrap_or_default().to_lowercase();
        if program.is_empty() {
            return Sure::Maybe;
        }
        if base != program {
            return Sure::No;
        }
        follows(fixed, args, self.open)
    }
}

/// Whether the fixed words follow each other among the arguments.
fn follows(fixed: &[String], args: &[Word], open: bool) -> Sure {
    let made_up = |w: &Word| w.dynamic || w.text.contains(['*', '?', '[', '{']);
    let Some((next, behind)) = fixed.split_first() else {
        let more = args.iter().any(|w| !w.text.starts_with('-'));
        return if open || !more { Sure::Yes } else { Sure::No };
    };
    let mut sure = Sure::No;
    let mut skipped_option = false;
    for (at, word) in args.iter().enumerate() {
        if word.text == *next {
            sure = sure.max(follows(behind, &args[at + 1..], open));
        } else if made_up(word) {
            sure = sure.max(follows(behind, &args[at + 1..], open).min(Sure::Maybe));
        }
        if sure == Sure::Yes {
            return sure;
        }
        // An option, and at most one word behind it that may be its value.
        let option = word.text.starts_with(['-', '+']);
        if !option && !skipped_option && !made_up(word) {
            return sure;
        }
        skipped_option = option;
    }
    sure
}
