//! Lines for people: results on stdout, and on stderr how far it is, where a person looks.

use ace_cli::{Complaint, Exit, When};
use ace_front::listing;
use ace_view::{Style, Text, render};
use std::io::{IsTerminal, Write};

use crate::PROGRAM;

/// Prints results and says how far it is.
pub struct Teller {
    pub style: Style,
    shown: bool,
}

impl Teller {
    pub fn new(color: When) -> Self {
        Self { style: listing(color), shown: false }
    }

    /// How far it is: one line on a terminal, written again each time.
    pub fn progress(&mut self, words: &str) {
        if std::io::stderr().is_terminal() {
            let line = Text::of(ace_view::Role::Dim, ace_view::clean(words).replace('\n', " "));
            let line = render(
                &line.cut_end(self.style.width.saturating_sub(1), &Style { whole: false, ..self.style }),
                &self.style,
            );
            let _ = write!(std::io::stderr(), "\r\x1b[2K{line}");
            self.shown = true;
        }
    }

    /// Takes that line away.
    pub fn clear(&mut self) {
        if std::mem::take(&mut self.shown) {
            let _ = write!(std::io::stderr(), "\r\x1b[2K");
        }
    }

    pub fn print(&mut self, lines: &[Text]) -> Result<(), Complaint> {
        let out: String = lines.iter().map(|line| render(line, &self.style) + "\n").collect();
        self.raw(&out)
    }

    pub fn raw(&mut self, text: &str) -> Result<(), Complaint> {
        self.clear();
        let mut stdout = std::io::stdout().lock();
        let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
        written.map_err(|e| Complaint::io(PROGRAM, "cannot print", &e))
    }
}

impl Drop for Teller {
    fn drop(&mut self) {
        self.clear();
    }
}

/// A truthful no.
pub fn no(what: impl Into<String>) -> Complaint {
    Complaint::new(PROGRAM, Exit::No, what)
}

/// `1 call`, `3 calls`.
pub fn count(n: usize, one: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{n} {one}s") }
}

/// A text on one line, without control characters.
pub fn flat(text: &str) -> String {
    ace_view::clean(text).replace('\n', " ").trim_end().to_owned()
}
