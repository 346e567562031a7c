//! Reads commands: what separates them, groups, redirections and here-documents. Words are read next door.

use ace_schema::limits::SHELL_NESTING;

use super::{Command, Pipeline, Redirect, Script, Word};

/// A here-document whose body has not come yet.
pub(super) struct Pending {
    delimiter: String,
    tabs: bool,
    quoted: bool,
    /// Which pipeline and command of the script being read.
    owner: (usize, usize),
}

pub(super) struct Reader<'a> {
    pub(super) chars: &'a [char],
    pub(super) at: usize,
    pub(super) depth: usize,
    pub(super) whole: bool,
    pending: Vec<Pending>,
}

impl<'a> Reader<'a> {
    /// At the beginning of a text that stands `depth` levels inside another.
    pub(super) fn new(chars: &'a [char], depth: usize) -> Self {
        Self { chars, at: 0, depth, whole: true, pending: Vec::new() }
    }

    pub(super) fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    fn takes(&mut self, text: &str) -> bool {
        let found = text.chars().enumerate().all(|(i, c)| self.peek(i) == Some(c));
        if found {
            self.at += text.chars().count();
        }
        found
    }

    /// Commands up to `end` (which is taken) or the end of the text.
    pub(super) fn script(&mut self, end: Option<char>) -> Script {
        let outer = std::mem::take(&mut self.pending);
        let mut script = Script { pipelines: Vec::new(), whole: true };
        let (mut pipeline, mut command) = (Pipeline::default(), Command::default());
        let mut closed = end.is_none();
        while let Some(c) = self.peek(0) {
            if Some(c) == end {
                self.at += 1;
                closed = true;
                break;
            }
            match c {
                ' ' | '\t' => self.at += 1,
                '\\' if self.peek(1) == Some('\n') => self.at += 2,
                '#' => self.comment(),
                '\n' | ';' | '&' | '|' => self.separator(&mut script, &mut pipeline, &mut command),
                '(' if self.defines(&command) => finish(&mut script, &mut pipeline, &mut command),
                '(' => self.group(&mut command),
                ')' => {
                    // Of a case pattern, or of nothing: what follows is a command of its own.
                    self.at += 1;
                    self.whole = false;
                    finish(&mut script, &mut pipeline, &mut command);
                }
                _ => {
                    let owner = (script.pipelines.len(), pipeline.commands.len());
                    self.word_or_redirect(&mut command, owner);
                }
            }
        }
        finish(&mut script, &mut pipeline, &mut command);
        self.whole &= closed && self.pending.is_empty();
        self.pending = outer;
        script.whole = self.whole;
        script
    }

    fn comment(&mut self) {
        while self.peek(0).is_some_and(|c| c != '\n') {
            self.at += 1;
        }
    }

    fn separator(&mut self, script: &mut Script, pipeline: &mut Pipeline, command: &mut Command) {
        // `&>file` writes both streams.
        if self.peek(0) == Some('&') && self.peek(1) == Some('>') {
            self.at += 1;
            let owner = (script.pipelines.len(), pipeline.commands.len());
            return self.word_or_redirect(command, owner);
        }
        let newline = self.peek(0) == Some('\n');
        let background = !self.starts("&&") && self.peek(0) == Some('&');
        let double = ["&&", "||", ";;"].iter().any(|t| self.takes(t));
        if !double && (self.takes("|&") || self.takes("|")) {
            push(pipeline, command);
            // A line may end after a bar.
            while self.peek(0).is_some_and(char::is_whitespace) {
                self.at += 1;
            }
            return;
        }
        if !double {
            self.at += 1;
        }
        push(pipeline, command);
        pipeline.background = background;
        if newline {
            // Bodies belong to commands of this or of earlier pipelines, so they are given out before those move on.
            script.pipelines.extend(take_pipeline(pipeline));
            self.bodies(script);
        } else {
            finish(script, pipeline, command);
        }
    }

    fn starts(&self, text: &str) -> bool {
        text.chars().enumerate().all(|(i, c)| self.peek(i) == Some(c))
    }

    /// Takes the `()` of a function: its body is read as commands, and who calls it is not followed.
    fn defines(&mut self, command: &Command) -> bool {
        let blank = self.chars[self.at + 1..].iter().take_while(|c| matches!(c, ' ' | '\t')).count();
        let found = !command.words.is_empty() && self.peek(1 + blank) == Some(')');
        if found {
            self.at += blank + 2;
            self.whole = false;
        }
        found
    }

    fn group(&mut self, command: &mut Command) {
        self.at += 1;
        if !command.words.is_empty() {
            // `a=(…)` is a list: what is inside is read as commands all the same.
            self.whole = false;
        }
        let inner = self.deeper(')');
        match &mut command.group {
            Some(group) => group.pipelines.extend(inner.pipelines),
            empty => *empty = Some(inner),
        }
    }

    /// A script inside, up to `end`.
    pub(super) fn deeper(&mut self, end: char) -> Script {
        if self.depth >= SHELL_NESTING {
            self.whole = false;
            self.at = self.chars.len();
            return Script::default();
        }
        self.depth += 1;
        let script = self.script(Some(end));
        self.depth -= 1;
        script
    }

    fn word_or_redirect(&mut self, command: &mut Command, owner: (usize, usize)) {
        let start = self.at;
        while self.peek(0).is_some_and(|c| c.is_ascii_digit()) {
            self.at += 1;
        }
        let arrow = matches!(self.peek(0), Some('<' | '>'));
        let process = matches!((self.peek(0), self.peek(1)), (Some('<' | '>'), Some('('))) && self.at == start;
        if !arrow || process {
            self.at = start;
            let word = self.word();
            return command.words.push(word);
        }
        if self.takes("<<<") {
            self.blanks();
            let word = self.word();
            return command.here.push(word);
        }
        if self.takes("<<") {
            return self.here_document(owner);
        }
        let writes = self.peek(0) == Some('>') || self.starts("<>");
        while matches!(self.peek(0), Some('<' | '>')) && !matches!(self.peek(1), Some('(')) {
            self.at += 1;
        }
        if matches!(self.peek(0), Some('&' | '|')) {
            self.at += 1;
        }
        self.blanks();
        let target = self.word();
        command.redirects.push(Redirect { writes, target });
    }

    fn blanks(&mut self) {
        while matches!(self.peek(0), Some(' ' | '\t')) {
            self.at += 1;
        }
    }

    fn here_document(&mut self, owner: (usize, usize)) {
        let tabs = self.takes("-");
        self.blanks();
        let start = self.at;
        let delimiter = self.word().text;
        let quoted = self.chars[start..self.at.max(start)].iter().any(|c| matches!(c, '\'' | '"' | '\\'));
        self.pending.push(Pending { delimiter, tabs, quoted, owner });
    }

    /// The bodies that begin on this line.
    fn bodies(&mut self, script: &mut Script) {
        for Pending { delimiter, tabs, quoted, owner } in std::mem::take(&mut self.pending) {
            let mut body = String::new();
            let mut closed = false;
            while self.at < self.chars.len() && !closed {
                let rest = &self.chars[self.at..];
                let length = rest.iter().position(|c| *c == '\n').unwrap_or(rest.len());
                let line: String = rest[..length].iter().collect();
                self.at = (self.at + length + 1).min(self.chars.len());
                let line = if tabs { line.trim_start_matches('\t') } else { &line };
                closed = line == delimiter;
                if !closed {
                    body += line;
                    body.push('\n');
                }
            }
            self.whole &= closed;
            let mut word = Word { text: body, ..Word::default() };
            if !quoted && self.depth < SHELL_NESTING {
                // Substitutions in it run, as between double quotes.
                let chars: Vec<char> = word.text.chars().collect();
                let mut reader = Reader::new(&chars, self.depth + 1);
                reader.expansions(&mut word);
            }
            if let Some(command) = script.pipelines.get_mut(owner.0).and_then(|p| p.commands.get_mut(owner.1)) {
                command.here.push(word);
            } else {
                self.whole = false;
            }
        }
    }
}

fn push(pipeline: &mut Pipeline, command: &mut Command) {
    let command = std::mem::take(command);
    if command != Command::default() {
        pipeline.commands.push(command);
    }
}

fn take_pipeline(pipeline: &mut Pipeline) -> Option<Pipeline> {
    let pipeline = std::mem::take(pipeline);
    (!pipeline.commands.is_empty()).then_some(pipeline)
}

fn finish(script: &mut Script, pipeline: &mut Pipeline, command: &mut Command) {
    push(pipeline, command);
    script.pipelines.extend(take_pipeline(pipeline));
}
