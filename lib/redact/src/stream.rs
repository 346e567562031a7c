//! A text that comes in pieces. What goes out is final; what may still become a secret, or may be the first half of one, waits.
//!
//! However the text is cut, what has come out at the end is the same. Only for eyes that watch a text being written
//! ([`Stream::eager`]) the first two bytes of what may become a secret do not wait: nearly every word ends so, and a text whose last
//! letter is always missing reads badly. If it is one, its first bytes stand before its placeholder then.

use crate::plain::{VIEWS, View, plain};
use crate::policy::Redactor;
use crate::scan::CONTEXT;

/// How many bytes of a beginning an eager stream lets go.
const EAGER: usize = 2;

/// The state between two pieces.
#[derive(Debug)]
pub struct Stream {
    redactor: Redactor,
    /// One behind the other: what the first lets go is read by the second.
    passes: [Pass; 2],
    eager: bool,
    /// Secrets taken out so far.
    found: usize,
}

/// One way to look, and what it waits for.
#[derive(Debug)]
struct Pass {
    view: View,
    /// What waits, as it came.
    held: Vec<u8>,
    /// The last bytes that were seen before it.
    before: Vec<u8>,
    /// So many of them are out already and may still be the beginning of a secret.
    loose: usize,
}

impl Stream {
    pub(crate) fn new(redactor: Redactor) -> Self {
        let passes = VIEWS.map(|view| Pass { view, held: Vec::new(), before: Vec::new(), loose: 0 });
        Self { redactor, passes, eager: false, found: 0 }
    }

    /// The same for somebody who watches: see above.
    #[must_use]
    pub fn eager(self) -> Self {
        Self { eager: true, ..self }
    }

    /// Takes a piece in, gives out what is final.
    pub fn push(&mut self, piece: &[u8]) -> Vec<u8> {
        self.clean(piece, false)
    }

    /// Nothing follows: gives out what waited.
    pub fn finish(&mut self) -> Vec<u8> {
        self.clean(&[], true)
    }

    /// Secrets taken out so far.
    #[must_use]
    pub fn found(&self) -> usize {
        self.found
    }

    /// Whether something waits.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.passes.iter().any(|pass| !pass.held.is_empty())
    }

    fn clean(&mut self, piece: &[u8], end: bool) -> Vec<u8> {
        let mut text = piece.to_vec();
        for pass in &mut self.passes {
            let (out, found) = pass.clean(&self.redactor, &text, self.eager, end);
            text = out;
            self.found += found;
        }
        text
    }
}

impl Pass {
    /// What is final, and how many secrets were taken out of it.
    fn clean(&mut self, redactor: &Redactor, piece: &[u8], eager: bool, end: bool) -> (Vec<u8>, usize) {
        self.held.extend_from_slice(piece);
        let held = std::mem::take(&mut self.held);
        let seen = plain(&held, self.view, end);
        let skip = self.before.len();
        let text = [&self.before, seen.bytes.as_ref()].concat();
        let (found, final_to) = redactor.scanner().scan(&text, skip - self.loose, end);
        let waits = text.len() - final_to;
        let (final_to, loose) = match eager && !end && waits <= EAGER {
            true => (text.len(), waits),
            // Bytes that are out already are not held any more, whatever they have become the beginning of.
            false => (final_to.max(skip), skip.saturating_sub(final_to)),
        };
        let mut out = Vec::with_capacity(held.len());
        let mut at = 0;
        for hit in &found {
            let start = hit.start.max(skip) - skip;
            out.extend_from_slice(&held[at..seen.source(start).max(at)]);
            out.extend_from_slice(redactor.mark(hit, &text).as_bytes());
            at = seen.source_end(hit.end - skip);
        }
        let stop = match () {
            () if end => held.len(),
            // Up to the first byte that waits; what is not seen before it is on its way.
            () if final_to < text.len() => seen.source(final_to - skip).max(at),
            () => seen.read.max(at),
        };
        out.extend_from_slice(&held[at..stop]);
        self.before = text[final_to.saturating_sub(CONTEXT + EAGER)..final_to].to_vec();
        self.loose = loose;
        self.held = held[stop..].to_vec();
        (out, found.len())
    }
}
