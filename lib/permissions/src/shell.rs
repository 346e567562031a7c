//! A careful reading of shell text: pipelines of simple commands, with quotes removed and substitutions read in turn.
//!
//! It is no shell: keywords are words, nothing is expanded, and what it cannot read makes the script not whole. A real grammar takes
//! its place later; the shape of the result is meant to stay.

/// How deep substitutions and groups may nest before the rest counts as unread.
const DEPTH: usize = 24;

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
    let mut reader = Reader { chars: &chars, at: 0, depth, whole: true, pending: Vec::new() };
    let mut script = reader.script(None);
    script.whole = reader.whole && reader.pending.is_empty();
    script
}

/// A here-document whose body has not come yet.
struct Pending {
    delimiter: String,
    tabs: bool,
    quoted: bool,
    /// Which pipeline and command of the script being read.
    owner: (usize, usize),
}

struct Reader<'a> {
    chars: &'a [char],
    at: usize,
    depth: usize,
    whole: bool,
    pending: Vec<Pending>,
}

impl Reader<'_> {
    fn peek(&self, ahead: usize) -> Option<char> {
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
    fn script(&mut self, end: Option<char>) -> Script {
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
    fn deeper(&mut self, end: char) -> Script {
        if self.depth >= DEPTH {
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
            if !quoted && self.depth < DEPTH {
                // Substitutions in it run, as between double quotes.
                let chars: Vec<char> = word.text.chars().collect();
                let mut reader =
                    Reader { chars: &chars, at: 0, depth: self.depth + 1, whole: true, pending: Vec::new() };
                reader.expansions(&mut word);
            }
            if let Some(command) = script.pipelines.get_mut(owner.0).and_then(|p| p.commands.get_mut(owner.1)) {
                command.here.push(word);
            } else {
                self.whole = false;
            }
        }
    }

    /// The substitutions of text that is not otherwise shell.
    fn expansions(&mut self, word: &mut Word) {
        let mut ignored = String::new();
        while let Some(c) = self.peek(0) {
            match c {
                '\\' => self.at += 2,
                '$' => self.dollar(word, &mut ignored),
                '`' => self.backquote(word),
                _ => self.at += 1,
            }
        }
    }

    fn word(&mut self) -> Word {
        let mut word = Word::default();
        let mut text = String::new();
        let start = self.at;
        while let Some(c) = self.peek(0) {
            match c {
                ' ' | '\t' | '\n' | ';' | '&' | '|' | ')' => break,
                '(' if self.at > start => break,
                '<' | '>' if self.peek(1) == Some('(') && self.at == start => {
                    self.at += 2;
                    let inner = self.deeper(')');
                    word.inner.push(inner);
                    word.dynamic = true;
                }
                '<' | '>' => break,
                '\'' => self.single(&mut text),
                '"' => self.double(&mut word, &mut text),
                '`' => self.backquote(&mut word),
                '$' => self.dollar(&mut word, &mut text),
                '\\' => {
                    match self.peek(1) {
                        Some('\n') => {}
                        Some(c) => text.push(c),
                        None => self.whole = false,
                    }
                    self.at += 2;
                }
                c => {
                    text.push(c);
                    self.at += 1;
                }
            }
        }
        if self.at == start {
            // A name is missing. What separates commands still does; over anything else, never stand still.
            self.whole = false;
            self.at += usize::from(!matches!(self.peek(0), Some('\n' | ';' | '&' | '|' | ')')));
        }
        self.at = self.at.min(self.chars.len());
        word.text = text;
        word
    }

    fn single(&mut self, text: &mut String) {
        self.at += 1;
        while let Some(c) = self.peek(0) {
            self.at += 1;
            if c == '\'' {
                return;
            }
            text.push(c);
        }
        self.whole = false;
    }

    fn double(&mut self, word: &mut Word, text: &mut String) {
        self.at += 1;
        while let Some(c) = self.peek(0) {
            match c {
                '"' => {
                    self.at += 1;
                    return;
                }
                '$' => self.dollar(word, text),
                '`' => self.backquote(word),
                '\\' => {
                    match self.peek(1) {
                        Some('\n') => {}
                        Some(c @ ('$' | '`' | '"' | '\\')) => text.push(c),
                        Some(c) => text.extend(['\\', c]),
                        None => {}
                    }
                    self.at += 2;
                }
                c => {
                    text.push(c);
                    self.at += 1;
                }
            }
        }
        self.whole = false;
    }

    /// `$name`, `${…}`, `$(…)`, `$((…))`, `$'…'`.
    fn dollar(&mut self, word: &mut Word, text: &mut String) {
        match self.peek(1) {
            Some('(') => {
                self.at += 2;
                let inner = self.deeper(')');
                word.inner.push(inner);
                word.dynamic = true;
            }
            Some('\'') => {
                self.at += 1;
                self.escaped(text);
            }
            Some('{') => {
                word.dynamic = true;
                self.braced(word, text);
            }
            Some(c) if c.is_alphanumeric() || matches!(c, '_' | '@' | '*' | '#' | '?' | '!' | '$' | '-') => {
                word.dynamic = true;
                text.push('$');
                self.at += 1;
                text.push(c);
                self.at += 1;
                while let Some(c) = self.peek(0).filter(|c| c.is_alphanumeric() || *c == '_') {
                    text.push(c);
                    self.at += 1;
                }
            }
            _ => {
                text.push('$');
                self.at += 1;
            }
        }
    }

    /// `${name…}`, with what it holds kept as text and its substitutions read.
    fn braced(&mut self, word: &mut Word, text: &mut String) {
        let mut depth = 0usize;
        while let Some(c) = self.peek(0) {
            match c {
                '$' if self.peek(1) == Some('(') => {
                    self.dollar(word, text);
                    continue;
                }
                '`' => {
                    self.backquote(word);
                    continue;
                }
                '{' => depth += 1,
                '}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            text.push(c);
            self.at += 1;
            if c == '}' && depth == 0 {
                return;
            }
        }
        self.whole = false;
    }

    fn backquote(&mut self, word: &mut Word) {
        self.at += 1;
        let mut body = String::new();
        let mut closed = false;
        while let Some(c) = self.peek(0) {
            self.at += 1;
            match (c, self.peek(0)) {
                ('`', _) => {
                    closed = true;
                    break;
                }
                ('\\', Some(next @ ('`' | '\\' | '$'))) => {
                    body.push(next);
                    self.at += 1;
                }
                (c, _) => body.push(c),
            }
        }
        self.whole &= closed && self.depth < DEPTH;
        if self.depth < DEPTH {
            let inner = nested(&body, self.depth + 1);
            self.whole &= inner.whole;
            word.inner.push(inner);
        }
        word.dynamic = true;
    }

    /// `$'…'` with the escapes that can spell a command.
    fn escaped(&mut self, text: &mut String) {
        self.at += 1;
        while let Some(c) = self.peek(0) {
            self.at += 1;
            match c {
                '\'' => return,
                '\\' => self.escape(text),
                c => text.push(c),
            }
        }
        self.whole = false;
    }

    fn escape(&mut self, text: &mut String) {
        let Some(c) = self.peek(0) else { return };
        self.at += 1;
        let (radix, most) = match c {
            'n' => return text.push('\n'),
            't' => return text.push('\t'),
            'x' => (16, 2),
            'u' => (16, 4),
            'U' => (16, 8),
            '0'..='7' => {
                self.at -= 1;
                (8, 3)
            }
            c => return text.push(c),
        };
        let mut code = 0u32;
        for _ in 0..most {
            let Some(digit) = self.peek(0).and_then(|c| c.to_digit(radix)) else { break };
            code = code.wrapping_mul(radix).wrapping_add(digit);
            self.at += 1;
        }
        text.extend(char::from_u32(code));
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
