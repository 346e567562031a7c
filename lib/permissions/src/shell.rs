//! A careful reading of shell text: pipelines of simple commands, with quotes removed and substitutions read in turn.
//!
//! It is no shell: keywords are words, nothing is expanded, and what it cannot read makes the script not whole. A real grammar takes
//! its place later; the shape of the result is meant to stay.

mod reader;
mod words;

use reader::Reader;

/// Commands in a row.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Script {
    /// In order; what stands between them (`;`, `&&`, `||`, `&`, newline) does not matter to a rule.
    pub pipelines: Vec<Pipeline>,
    /// Whether all of it was understood.
    pub whole: bool,
}

/// Commands whose output feeds the next.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pipeline {
    /// At least one.
    pub commands: Vec<Command>,
    /// Followed by a single `&`.
    pub background: bool,
}

/// One command, or a group in its place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Command {
    /// Assignments, keywords, program and arguments.
    pub words: Vec<Word>,
    /// Files written or read.
    pub redirects: Vec<Redirect>,
    /// Texts given on stdin: here-documents and here-strings.
    pub here: Vec<Word>,
    /// `( … )`.
    pub group: Option<Script>,
}

/// One redirection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirect {
    /// Whether the file is written.
    pub writes: bool,
    /// The file, or a file descriptor.
    pub target: Word,
}

/// A word without its quotes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Word {
    /// Its text; variables stand as they were written, substitutions are left out.
    pub text: String,
    /// Whether the shell will put something else in its place: variables, substitutions.
    pub dynamic: bool,
    /// Scripts inside: `$( … )`, backquotes, `<( … )`.
    pub inner: Vec<Script>,
}

/// Reads a command line.
#[must_use]
pub fn parse(text: &str) -> Script {
    nested(text, 0)
}

fn nested(text: &str, depth: usize) -> Script {
    let chars: Vec<char> = text.chars().collect();
    let mut reader = Reader::new(&chars, depth);
    let mut script = reader.script(None);
    script.whole = reader.whole;
    script
}
