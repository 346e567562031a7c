//! An answer while it streams: pieces in, whole lines out. It must never know how a line looks.

use ace_schema::limits::ANSWER_BYTES;

/// Text that arrives in pieces and is shown by the line.
#[derive(Debug, Clone, Default)]
pub(crate) struct Feed {
    pub(crate) got: String,
    shown: usize,
}

impl Feed {
    /// Takes a piece; gives the lines that are whole now.
    pub(crate) fn push(&mut self, piece: &str) -> Vec<String> {
        if self.got.len() + piece.len() > ANSWER_BYTES {
            return Vec::new();
        }
        self.got.push_str(piece);
        let Some(end) = self.got[self.shown..].rfind('\n').map(|i| self.shown + i) else { return Vec::new() };
        let lines = self.got[self.shown..end].split('\n').map(str::to_owned).collect();
        self.shown = end + 1;
        lines
    }

    /// Takes a piece that is shown only with the whole.
    pub(crate) fn hold(&mut self, piece: &str) {
        if self.got.len() + piece.len() <= ANSWER_BYTES {
            self.got.push_str(piece);
        }
    }

    /// What is left when the whole is known (empty: only what came is known).
    pub(crate) fn finish(&mut self, whole: &str) -> Vec<String> {
        let text = std::mem::take(self);
        let rest = if whole.is_empty() {
            &text.got[text.shown..]
        } else if whole.starts_with(&text.got[..text.shown]) {
            &whole[text.shown..]
        } else {
            whole
        };
        if rest.is_empty() { Vec::new() } else { rest.trim_end_matches('\n').split('\n').map(str::to_owned).collect() }
    }

    pub(crate) fn partial(&self) -> &str {
        &self.got[self.shown..]
    }
}

/// The answer that is on its way.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stream {
    pub(crate) words: Feed,
    pub(crate) thought: Feed,
    /// When reasoning began and last came, ms since 1970.
    pub(crate) thinking: Option<(i64, i64)>,
    pub(crate) thought_told: bool,
    pub(crate) call: String,
    pub(crate) note: String,
    pub(crate) heard: i64,
}
