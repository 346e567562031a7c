//! A command line by a real grammar: the commands in it, their words as the shell would hand them over, what each writes, and
//! everything that could not be understood.
//!
//! Only a reading without doubts may be allowed by a rule. It is made twice: by the careful reader of [`crate::shell`], and where
//! that one has no doubt by a real grammar; where the two differ, that is a doubt as well. The grammar's parser is written in
//! another language and has been seen to fall over hostile text, so here-documents, expansions and broken lines never reach it.

mod peel;
mod tree;

use ace_schema::limits::{SHELL_GRAMMAR_BYTES, SHELL_NESTING, SHELL_OPENINGS, SHELL_SEGMENTS};

pub(crate) use peel::system_name;

use crate::shell::{self, Script, Word};

/// What a command line says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reading {
    /// Its commands in order, those of nested scripts behind the shell that runs them.
    pub segments: Vec<Segment>,
    /// Why it is not understood; empty if it is. Lower case, no full stop.
    pub doubts: Vec<String>,
    /// There are more commands than anybody reads.
    pub crowded: bool,
}

/// One command.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Segment {
    /// Program and arguments, wrappers such as `timeout 5` taken off.
    pub words: Vec<Arg>,
    /// Files that redirections write.
    pub writes: Vec<Arg>,
    /// Files that redirections read.
    pub reads: Vec<Arg>,
    /// Why this command is not understood.
    pub doubts: Vec<String>,
    /// The wrappers that were taken off, outermost first.
    pub behind: Vec<String>,
    /// It runs in a folder that a `cd` before it chose.
    pub moved: bool,
    /// It is fed by a here-document or a here-string.
    pub fed: bool,
}

/// One word.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Arg {
    /// Without quotes and escapes.
    pub text: String,
    /// The shell puts file names in its place.
    pub glob: bool,
    /// The shell puts something else in its place: `text` is what was written.
    pub unknown: bool,
}

impl Arg {
    /// A word that is what it says.
    #[must_use]
    pub fn exact(text: &str) -> Self {
        Self { text: text.to_owned(), ..Self::default() }
    }

    /// Whether it is handed over as it stands.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        !self.glob && !self.unknown
    }
}

impl Segment {
    /// The program as written; empty if there is none.
    #[must_use]
    pub fn program(&self) -> &str {
        self.words.first().map_or("", |w| &w.text)
    }

    fn doubt(&mut self, why: impl Into<String>) {
        let why = why.into();
        if !self.doubts.contains(&why) {
            self.doubts.push(why);
        }
    }
}

impl Reading {
    /// Whether nothing about it is in doubt.
    #[must_use]
    pub fn is_sure(&self) -> bool {
        self.doubts.is_empty() && !self.crowded && self.segments.iter().all(|s| s.doubts.is_empty())
    }

    /// The first doubt.
    #[must_use]
    pub fn doubt(&self) -> Option<&str> {
        self.doubts.iter().chain(self.segments.iter().flat_map(|s| &s.doubts)).map(String::as_str).next()
    }

    fn of_doubt(why: &str) -> Self {
        Self { doubts: vec![why.to_owned()], ..Self::default() }
    }

    fn note(&mut self, why: impl Into<String>) {
        let why = why.into();
        if self.doubts.len() < 8 && !self.doubts.contains(&why) {
            self.doubts.push(why);
        }
    }
}

/// Reads a command line. It never fails: what is too long or too deep is a doubt, found before anything is parsed.
#[must_use]
pub fn read(command: &str) -> Reading {
    nested(command, 0)
}

fn nested(command: &str, depth: usize) -> Reading {
    if let Some(why) = refuses(command) {
        return Reading { crowded: is_crowded(command), ..Reading::of_doubt(why) };
    }
    // The careful reader comes first: the grammar's parser is not ours, and never sees what is in doubt anyhow.
    let script = shell::parse(command);
    let mut reading = Reading::default();
    loosely(&script, &mut reading, 0);
    if reading.segments.len() > SHELL_SEGMENTS {
        reading.crowded = true;
        return reading;
    }
    if reading.is_sure() {
        reading = tree::read(command);
        if reading.is_sure() && !agrees(&reading, &script) {
            reading.note("two readings of it differ");
        }
    }
    peel::peel_all(&mut reading, depth);
    follow(&mut reading);
    reading
}

/// The commands of a script as the careful reader has them, and everything in it that the shell would fill in.
fn loosely(script: &Script, reading: &mut Reading, depth: usize) {
    if !script.whole {
        reading.note("is no whole command line, or a compound one");
    }
    for command in script.pipelines.iter().flat_map(|p| &p.commands) {
        if depth > SHELL_NESTING || reading.segments.len() > SHELL_SEGMENTS {
            return reading.note("nests too deep");
        }
        let mut segment = Segment { fed: !command.here.is_empty(), ..Segment::default() };
        segment.words = command.words.iter().skip_while(|w| is_assignment(w)).map(arg).collect();
        if command.words.iter().any(|w| w.dynamic) {
            segment.doubt("has words that the shell makes up");
        }
        if segment.fed {
            segment.doubt("has a here-document or a here-string");
        }
        for redirect in &command.redirects {
            let to = if redirect.writes { &mut segment.writes } else { &mut segment.reads };
            to.push(arg(&redirect.target));
            if redirect.target.dynamic {
                segment.doubt("redirects to what the shell makes up");
            }
        }
        if command.group.is_none() || !segment.words.is_empty() || !command.redirects.is_empty() {
            reading.segments.push(segment);
        }
        let words = command.words.iter().chain(&command.here).chain(command.redirects.iter().map(|r| &r.target));
        for inner in command.group.iter().chain(words.flat_map(|w| &w.inner)) {
            loosely(inner, reading, depth + 1);
        }
    }
}

fn arg(word: &Word) -> Arg {
    let glob = word.text.contains(['*', '?', '[']);
    Arg { text: word.text.clone(), glob, unknown: word.dynamic }
}

fn is_assignment(word: &Word) -> bool {
    word.text.split_once('=').is_some_and(|(name, _)| {
        let name = name.trim_end_matches('+');
        !name.is_empty()
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
            && !name.as_bytes()[0].is_ascii_digit()
    })
}

/// What is not even parsed, and why.
fn refuses(command: &str) -> Option<&'static str> {
    let odd = |c: char| (c.is_control() && !matches!(c, '\n' | '\t')) || is_invisible(c);
    let opens = |b: &u8| matches!(b, b'(' | b'{' | b'[' | b'`' | b'\'' | b'"');
    match () {
        () if command.len() > SHELL_GRAMMAR_BYTES => Some("is too long to be read word by word"),
        () if command.bytes().filter(opens).count() > SHELL_OPENINGS => Some("nests or quotes too much"),
        () if command.contains(odd) => Some("holds characters that do not show"),
        () => None,
    }
}

/// Without a grammar: whether there are more separators than a line may hold.
fn is_crowded(command: &str) -> bool {
    command.bytes().filter(|b| matches!(b, b';' | b'|' | b'&' | b'\n')).count() > SHELL_SEGMENTS
}

/// White space other than blanks, and what has no width.
fn is_invisible(c: char) -> bool {
    (c.is_whitespace() && !matches!(c, ' ' | '\n' | '\t'))
        || matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// Whether the careful reader sees the same commands with the same words.
fn agrees(reading: &Reading, script: &Script) -> bool {
    let mut words = Vec::new();
    flatten(script, &mut words);
    let ours: Vec<Vec<&str>> =
        reading.segments.iter().map(|s| s.words.iter().map(|w| w.text.as_str()).collect()).collect();
    script.whole && ours == words
}

fn flatten<'a>(script: &'a Script, out: &mut Vec<Vec<&'a str>>) {
    for command in script.pipelines.iter().flat_map(|p| &p.commands) {
        match &command.group {
            Some(group) => flatten(group, out),
            None => out.push(command.words.iter().skip_while(|w| is_assignment(w)).map(|w| w.text.as_str()).collect()),
        }
    }
}

/// What an earlier command does to later ones: where they run.
fn follow(reading: &mut Reading) {
    let mut moved = false;
    for segment in &mut reading.segments {
        segment.moved |= moved;
        moved |= matches!(segment.program(), "cd" | "pushd" | "popd");
    }
}
