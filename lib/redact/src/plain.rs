//! Text as a reader sees it: without terminal sequences, control characters and marks of no width, and where each byte of it stood.
//!
//! What a sequence swallows is text all the same to whoever reads the file: a title, or the first letter behind a lone escape. So
//! there is a second way to look, in which a sequence is text that the escape character cuts from what stands before it.

use std::borrow::Cow;

/// Longest terminal sequence that is understood, bytes; a longer one is text.
pub(crate) const SEQUENCE: usize = 512;

/// Begins a sequence.
pub(crate) const ESCAPE: u8 = 0x1b;

/// What counts as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum View {
    /// What a terminal shows.
    Shown,
    /// What a file holds: sequences as well.
    Written,
}

/// The ways a text is looked at, one after the other.
pub(crate) const VIEWS: [View; 2] = [View::Shown, View::Written];

/// Text without what is not seen.
pub(crate) struct Plain<'a> {
    /// The bytes that are seen.
    pub bytes: Cow<'a, [u8]>,
    /// Where each of them stood; `None` if nothing was left out.
    at: Option<Vec<usize>>,
    /// Bytes of the source that were read; less than all if it ends within a sequence.
    pub read: usize,
}

impl Plain<'_> {
    /// Where the byte at `i` stood in the source; the end of what was read for the end.
    pub fn source(&self, i: usize) -> usize {
        match &self.at {
            None => i.min(self.read),
            Some(at) => at.get(i).copied().unwrap_or(self.read),
        }
    }

    /// Where what was seen up to `i` ended in the source: behind the last seen byte before it.
    pub fn source_end(&self, i: usize) -> usize {
        if i == 0 { 0 } else { self.source(i - 1) + 1 }
    }
}

/// What is not seen begins with one of these.
fn begins(b: u8) -> bool {
    matches!(b, 0..=8 | 0x0e..=0x1f | 0x7f | 0xc2 | 0xe2 | 0xef)
}

/// Leaves out what is not seen. `end`: nothing follows, so that a sequence without its end is text.
pub(crate) fn plain(source: &[u8], view: View, end: bool) -> Plain<'_> {
    if !source.iter().copied().any(begins) {
        return Plain { bytes: Cow::Borrowed(source), at: None, read: source.len() };
    }
    let (mut bytes, mut at) = (Vec::with_capacity(source.len()), Vec::with_capacity(source.len()));
    let mut i = 0;
    while i < source.len() {
        match unseen(&source[i..]) {
            _ if view == View::Written && source[i] == ESCAPE => {
                bytes.push(ESCAPE);
                at.push(i);
                i += 1;
            }
            Unseen::Bytes(n) => i += n,
            Unseen::More if !end => break,
            Unseen::None | Unseen::More => {
                bytes.push(source[i]);
                at.push(i);
                i += 1;
            }
        }
    }
    Plain { bytes: Cow::Owned(bytes), at: Some(at), read: i }
}

/// Whether a reader sees all of it.
pub(crate) fn is_all_seen(source: &[u8]) -> bool {
    !source.iter().enumerate().any(|(i, b)| begins(*b) && !matches!(unseen(&source[i..]), Unseen::None))
}

enum Unseen {
    None,
    Bytes(usize),
    /// It may be; the next bytes tell.
    More,
}

fn unseen(rest: &[u8]) -> Unseen {
    let whole = |mark: &[u8]| match rest.len() {
        n if n >= mark.len() => {
            if rest.starts_with(mark) {
                Some(Unseen::Bytes(mark.len()))
            } else {
                None
            }
        }
        _ if mark.starts_with(rest) => Some(Unseen::More),
        _ => None,
    };
    match rest[0] {
        ESCAPE => sequence(rest),
        0..=8 | 0x0e..=0x1f | 0x7f => Unseen::Bytes(1),
        // Soft hyphen; spaces and joiners of no width; byte order mark.
        0xc2 => whole("\u{ad}".as_bytes()).unwrap_or(Unseen::None),
        0xe2 => ["\u{200b}", "\u{200c}", "\u{200d}", "\u{2060}"]
            .iter()
            .find_map(|mark| whole(mark.as_bytes()))
            .unwrap_or(Unseen::None),
        0xef => whole("\u{feff}".as_bytes()).unwrap_or(Unseen::None),
        _ => Unseen::None,
    }
}

/// A terminal sequence (ECMA-48): CSI up to its final byte, OSC, DCS and the like up to BEL or ST, others of two bytes.
fn sequence(rest: &[u8]) -> Unseen {
    let ends = |from: usize, is_end: &dyn Fn(usize) -> Option<usize>| {
        let most = rest.len().min(SEQUENCE);
        match (from..most).find_map(is_end) {
            Some(end) => Unseen::Bytes(end),
            // The introducer alone is left out then, what follows it is text.
            None if rest.len() >= SEQUENCE => Unseen::Bytes(1),
            None => Unseen::More,
        }
    };
    match rest.get(1) {
        None => Unseen::More,
        Some(b'[') => ends(2, &|i| match rest[i] {
            0x40..=0x7e => Some(i + 1),
            0x20..=0x3f => None,
            // Broken off: what is there is left out, this byte is text.
            _ => Some(i),
        }),
        Some(b']' | b'P' | b'X' | b'^' | b'_') => ends(2, &|i| match (rest[i], rest.get(i + 1)) {
            (7, _) => Some(i + 1),
            (0x1b, Some(b'\\')) => Some(i + 2),
            // Broken off by the end of the line or by another sequence.
            (b'\n', _) | (0x1b, Some(_)) => Some(i),
            _ => None,
        }),
        // A character set is named by one byte more.
        Some(b'(' | b')') => {
            if rest.len() > 2 {
                Unseen::Bytes(3)
            } else {
                Unseen::More
            }
        }
        Some(_) => Unseen::Bytes(2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a30_what_a_reader_does_not_see_is_left_out_and_found_again() {
        let source = "a\u{1b}[31;1mb\u{1b}]8;;http://x\u{1b}\\c\u{200b}d\u{ad}e\u{8}f é‹›";
        let plain = plain(source.as_bytes(), View::Shown, true);
        assert_eq!(String::from_utf8_lossy(&plain.bytes), "abcdef é‹›");
        assert_eq!((plain.source(0), plain.source(1)), (0, 8));
        assert_eq!(plain.source_end(1), 1);
        assert_eq!(plain.source(100), source.len());
    }

    #[test]
    fn a_sequence_without_its_end_waits_for_it() {
        for cut in ["a\u{1b}", "a\u{1b}[3", "a\u{1b}]0;title", "a\u{1b}("] {
            assert_eq!(plain(cut.as_bytes(), View::Shown, false).read, 1, "{cut:?}");
            assert!(plain(cut.as_bytes(), View::Shown, true).read == cut.len());
        }
        assert_eq!(plain(&[0xe2, 0x80], View::Shown, false).read, 0);
        assert!(
            plain(&[b"\x1b]".as_slice(), &[b'x'; 2000]].concat(), View::Shown, false).read > 1000,
            "no end in sight: text"
        );
    }
}
