//! Cuts a file or a buffer into lines without copying them, however long a broken one is. It must never know what a line means.

use std::io::{self, Read};

use ace_schema::limits;

const CHUNK: usize = 1 << 20;

/// One piece of a log.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// A whole line without its LF.
    Line(&'a [u8]),
    /// A line longer than [`limits::LINE_BYTES`]: its length with its LF. Its bytes are not kept.
    Long(u64),
    /// The end has no LF: so many bytes are no line yet.
    Torn(u64),
}

/// Lines of a reader, in order.
#[derive(Debug)]
pub struct Lines<R> {
    from: R,
    buf: Vec<u8>,
    start: usize,
    end: usize,
}

impl<R: Read> Lines<R> {
    /// Lines from where the reader stands.
    pub fn new(from: R) -> Self {
        Self::within(from, u64::MAX)
    }

    /// The same of a reader that gives at most so many bytes: a short log costs no large buffer.
    pub(crate) fn within(from: R, bytes: u64) -> Self {
        let room = usize::try_from(bytes).unwrap_or(usize::MAX).clamp(2 * limits::LINE_BYTES, CHUNK);
        Self { from, buf: vec![0; room], start: 0, end: 0 }
    }

    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// Whatever the reader says.
    pub fn next_piece(&mut self) -> io::Result<Option<Piece<'_>>> {
        let mut seen = 0;
        loop {
            if let Some(at) = memchr::memchr(b'\n', &self.buf[self.start + seen..self.end]) {
                let (from, to) = (self.start, self.start + seen + at);
                self.start = to + 1;
                if to - from >= limits::LINE_BYTES {
                    return Ok(Some(Piece::Long((to - from + 1) as u64)));
                }
                return Ok(Some(Piece::Line(&self.buf[from..to])));
            }
            seen = self.end - self.start;
            if seen > limits::LINE_BYTES {
                return self.skip(seen as u64).map(Some);
            }
            if self.fill()? == 0 {
                return Ok((seen > 0).then(|| {
                    self.start = self.end;
                    Piece::Torn(seen as u64)
                }));
            }
        }
    }

    /// Reads over a line that is too long to be one.
    fn skip(&mut self, mut bytes: u64) -> io::Result<Piece<'_>> {
        loop {
            self.start = 0;
            self.end = 0;
            let got = self.fill()?;
            if got == 0 {
                return Ok(Piece::Torn(bytes));
            }
            if let Some(at) = memchr::memchr(b'\n', &self.buf[..got]) {
                self.start = at + 1;
                return Ok(Piece::Long(bytes + at as u64 + 1));
            }
            bytes += got as u64;
        }
    }

    fn fill(&mut self) -> io::Result<usize> {
        if self.start > 0 {
            self.buf.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        loop {
            match self.from.read(&mut self.buf[self.end..]) {
                Ok(n) => {
                    self.end += n;
                    return Ok(n);
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
    }
}

/// Lines of a buffer with their LFs left out; a last one without LF counts as a line.
pub fn split(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let at = memchr::memchr(b'\n', rest);
        let (line, tail) = at.map_or((rest, &[][..]), |at| (&rest[..at], &rest[at + 1..]));
        rest = tail;
        Some(line)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hands out a few bytes at a time, and an interruption in between.
    struct Drip<'a>(&'a [u8], usize, bool);

    impl Read for Drip<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            self.2 = !self.2;
            if self.2 {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let n = self.1.min(self.0.len()).min(out.len());
            out[..n].copy_from_slice(&self.0[..n]);
            self.0 = &self.0[n..];
            Ok(n)
        }
    }

    fn all(bytes: &[u8], step: usize) -> Vec<String> {
        let mut lines = Lines::new(Drip(bytes, step, false));
        let mut out = Vec::new();
        while let Some(piece) = lines.next_piece().unwrap() {
            out.push(match piece {
                Piece::Line(l) => String::from_utf8_lossy(l).into_owned(),
                other => format!("{other:?}"),
            });
        }
        out
    }

    #[test]
    fn lines_come_whole_whatever_the_reader_hands_out() {
        for step in [1, 2, 7, 4096] {
            assert_eq!(all(b"one\n\ntwo\r\nthr", step), ["one", "", "two\r", "Torn(3)"]);
            assert!(all(b"", step).is_empty());
        }
    }

    #[test]
    fn a_line_too_long_is_counted_and_left_out() {
        let limit = limits::LINE_BYTES;
        for (n, step) in [(limit, 1000), (3 * CHUNK, CHUNK), (2 * CHUNK - 1, 65_537)] {
            let mut bytes = vec![b'x'; n];
            bytes.extend_from_slice(b"\nshort\n");
            assert_eq!(all(&bytes, step), [format!("Long({})", n + 1), "short".into()]);
            assert_eq!(all(&bytes[..n - 1], step), [format!("Torn({})", n - 1)]);
        }
        let mut bytes = vec![b'x'; limit - 1];
        bytes.push(b'\n');
        assert_eq!(all(&bytes, 1000)[0].len(), limit - 1);
    }

    #[test]
    fn splitting_a_buffer_takes_the_unended_last_line_too() {
        assert_eq!(split(b"a\n\nb").collect::<Vec<_>>(), [&b"a"[..], b"", b"b"]);
        assert_eq!(split(b"a\n").count(), 1);
        assert_eq!(split(b"").count(), 0);
    }
}
