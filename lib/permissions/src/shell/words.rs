//! Reads words: quotes, escapes, variables and substitutions. Where a word may stand is decided next door.

use ace_schema::limits::SHELL_NESTING;

use super::reader::Reader;
use super::{Word, nested};

impl Reader<'_> {
    /// The substitutions of text that is not otherwise shell.
    pub(super) fn expansions(&mut self, word: &mut Word) {
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

    pub(super) fn word(&mut self) -> Word {
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
        self.whole &= closed && self.depth < SHELL_NESTING;
        if self.depth < SHELL_NESTING {
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
