//! Cutting a byte stream into lines. LF is the only separator; an unfinished last line is not there yet, and one that does not
//! end is not waited for without a limit.

use ace_schema::limits;

/// A line that has not ended after so many bytes, more than [`limits::UNFINISHED_BYTES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a line that has not ended after {0} bytes")]
pub struct Endless(pub usize);

/// Holds the beginning of a line until its LF arrives.
#[derive(Debug, Default)]
pub struct Lines {
    buffer: Vec<u8>,
    given: usize,
}

impl Lines {
    /// Takes bytes in and gives out all lines that are whole now, with their LFs, as one slice.
    ///
    /// # Errors
    /// [`Endless`]; nothing more can be made of the stream then. What is held stays the [`rest`](Self::rest).
    pub fn push(&mut self, bytes: &[u8]) -> Result<&[u8], Endless> {
        self.buffer.drain(..self.given);
        self.given = 0;
        let kept = self.buffer.len();
        self.buffer.extend_from_slice(bytes);
        if let Some(at) = memchr::memrchr(b'\n', bytes) {
            self.given = kept + at + 1;
        }
        let unfinished = self.buffer.len() - self.given;
        if unfinished > limits::UNFINISHED_BYTES {
            // The lines before it were given up to here, or come too late: whoever sends such a line sends no events.
            return Err(Endless(unfinished));
        }
        Ok(&self.buffer[..self.given])
    }

    /// The unfinished last line.
    #[must_use]
    pub fn rest(&self) -> &[u8] {
        &self.buffer[self.given..]
    }
}

/// The lines of a slice of whole lines, each without its LF.
pub fn split(whole: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut start = 0;
    memchr::memchr_iter(b'\n', whole).map(move |end| {
        let line = &whole[start..end];
        start = end + 1;
        line
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_cutting_gives_the_same_lines() {
        let text = b"one\ntwo\xff\n\nthree\n four";
        for cut in 0..text.len() {
            let mut lines = Lines::default();
            let mut all = Vec::new();
            all.extend_from_slice(lines.push(&text[..cut]).unwrap());
            all.extend_from_slice(lines.push(&text[cut..]).unwrap());
            assert_eq!(all, b"one\ntwo\xff\n\nthree\n", "cut at {cut}");
            assert_eq!(lines.rest(), b" four");
        }
    }

    #[test]
    fn f02_a_line_without_an_end_is_not_held_for_ever() {
        let mut lines = Lines::default();
        let chunk = vec![b'x'; 64 * 1024];
        for _ in 0..limits::UNFINISHED_BYTES / chunk.len() {
            assert_eq!(lines.push(&chunk), Ok(&b""[..]));
        }
        assert!(matches!(lines.push(&chunk), Err(Endless(_))));
        assert!(lines.rest().len() <= limits::UNFINISHED_BYTES + chunk.len());
    }

    #[test]
    fn split_keeps_empty_lines() {
        assert_eq!(split(b"a\n\nb\n").collect::<Vec<_>>(), [&b"a"[..], b"", b"b"]);
    }
}
