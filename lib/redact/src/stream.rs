//! A text that comes in pieces. What goes out is final; what may still become a secret, or may be the first half of one, waits.
//!
//! However the text is cut, what has come out at the end is the same.

use crate::plain::plain;
use crate::policy::Redactor;
use crate::scan::CONTEXT;

/// The state between two pieces.
#[derive(Debug)]
pub struct Stream {
    redactor: Redactor,
    /// What waits, as it came.
    held: Vec<u8>,
    /// The last bytes that were seen before it.
    before: Vec<u8>,
    /// Secrets taken out so far.
    found: usize,
}

impl Stream {
    pub(crate) fn new(redactor: Redactor) -> Self {
        Self { redactor, held: Vec::new(), before: Vec::new(), found: 0 }
    }

    /// Takes a piece in, gives out what is final.
    pub fn push(&mut self, piece: &[u8]) -> Vec<u8> {
        self.held.extend_from_slice(piece);
        self.clean(false)
    }

    /// Nothing follows: gives out what waited.
    pub fn finish(&mut self) -> Vec<u8> {
        self.clean(true)
    }

    /// Secrets taken out so far.
    #[must_use]
    pub fn found(&self) -> usize {
        self.found
    }

    /// Whether something waits.
    #[must_use]
    pub fn holds(&self) -> bool {
        !self.held.is_empty()
    }

    fn clean(&mut self, end: bool) -> Vec<u8> {
        let held = std::mem::take(&mut self.held);
        let seen = plain(&held, end);
        let skip = self.before.len();
        let text = [&self.before, seen.bytes.as_ref()].concat();
        let (found, final_to) = self.redactor.scanner.scan(&text, skip, end);
        let mut out = Vec::with_capacity(held.len());
        let mut at = 0;
        for hit in &found {
            out.extend_from_slice(&held[at..seen.source(hit.start - skip)]);
            out.extend_from_slice(self.redactor.mark(hit, &text).as_bytes());
            at = seen.source_end(hit.end - skip);
        }
        let stop = match () {
            () if end => held.len(),
            // Up to the first byte that waits; what is not seen before it is on its way.
            () if final_to < text.len() => seen.source(final_to - skip).max(at),
            () => seen.read.max(at),
        };
        out.extend_from_slice(&held[at..stop]);
        self.found += found.len();
        self.before = text[final_to.saturating_sub(CONTEXT)..final_to].to_vec();
        self.held = held[stop..].to_vec();
        out
    }
}
