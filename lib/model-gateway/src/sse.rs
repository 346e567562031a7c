//! Server-sent events, decoded from bytes however they are cut. Dispatches on nothing: only the data matters here.
//!
//! Follows the field rules of the HTML standard (LF, CR and CRLF end a line, a BOM may open the stream, a comment begins with a colon,
//! several `data` lines are one event), and is wider in two places: an event at the end of the stream needs no blank line, and a
//! field named `error` is data too, because some servers report that way.

/// An event is larger than it may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an event of more than {0} bytes")]
pub struct TooLong(pub usize);

/// The decoder. Bytes go in, the data of each event comes out.
#[derive(Debug)]
pub struct Sse {
    /// The line so far, without its end.
    line: Vec<u8>,
    /// Data lines of the event so far.
    data: String,
    has_data: bool,
    after_cr: bool,
    first: bool,
    limit: usize,
}

impl Sse {
    /// A decoder that refuses events of more than `limit` bytes.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { line: Vec::new(), data: String::new(), has_data: false, after_cr: false, first: true, limit }
    }

    /// Takes bytes and calls `on` with the data of every event that they end.
    ///
    /// # Errors
    /// [`TooLong`], or what `on` returns.
    pub fn push<E: From<TooLong>>(
        &mut self,
        mut bytes: &[u8],
        on: &mut (impl FnMut(&str) -> Result<(), E> + ?Sized),
    ) -> Result<(), E> {
        while !bytes.is_empty() {
            if std::mem::take(&mut self.after_cr) && bytes[0] == b'\n' {
                bytes = &bytes[1..];
                continue;
            }
            let end = memchr::memchr2(b'\n', b'\r', bytes);
            let part = &bytes[..end.unwrap_or(bytes.len())];
            if self.line.len() + self.data.len() + part.len() > self.limit {
                return Err(TooLong(self.limit).into());
            }
            self.line.extend_from_slice(part);
            let Some(end) = end else { return Ok(()) };
            self.after_cr = bytes[end] == b'\r';
            bytes = &bytes[end + 1..];
            self.line_ends(on)?;
        }
        Ok(())
    }

    /// The stream has ended: what stands there is an event too.
    ///
    /// # Errors
    /// What `on` returns.
    pub fn finish<E>(&mut self, on: &mut (impl FnMut(&str) -> Result<(), E> + ?Sized)) -> Result<(), E> {
        self.line_ends(on)?;
        self.event_ends(on)
    }

    fn line_ends<E>(&mut self, on: &mut (impl FnMut(&str) -> Result<(), E> + ?Sized)) -> Result<(), E> {
        let mut line = self.line.as_slice();
        if std::mem::take(&mut self.first) {
            line = line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line);
        }
        if line.is_empty() {
            self.line.clear();
            return self.event_ends(on);
        }
        let colon = line.iter().position(|b| *b == b':').unwrap_or(line.len());
        if matches!(&line[..colon], b"data" | b"error") {
            let value = line.get(colon + 1..).unwrap_or_default();
            let value = value.strip_prefix(b" ").unwrap_or(value);
            if std::mem::replace(&mut self.has_data, true) {
                self.data.push('\n');
            }
            // Whole lines only, so a character cut between two reads is whole again here.
            self.data.push_str(&String::from_utf8_lossy(value));
        }
        self.line.clear();
        Ok(())
    }

    fn event_ends<E>(&mut self, on: &mut (impl FnMut(&str) -> Result<(), E> + ?Sized)) -> Result<(), E> {
        if !std::mem::take(&mut self.has_data) {
            return Ok(());
        }
        let result = on(&self.data);
        self.data.clear();
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Events of `parts` pushed one after the other.
    fn events<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Vec<String> {
        let mut out = Vec::new();
        let mut sse = Sse::new(1 << 20);
        let mut on = |data: &str| {
            out.push(data.to_owned());
            Ok::<(), TooLong>(())
        };
        for part in parts {
            sse.push(part, &mut on).unwrap();
        }
        sse.finish(&mut on).unwrap();
        out
    }

    const CASES: &[(&str, &[&str])] = &[
        ("data: a\n\ndata: b\n\n", &["a", "b"]),
        ("data: a\r\rdata: b\r\r", &["a", "b"]),
        ("data: a\r\n\r\ndata: b\r\n\r\n", &["a", "b"]),
        ("data: a\r\n\ndata: b\n\r\ndata: c\r\r\n", &["a", "b", "c"]),
        ("data:a\n\ndata:  b\n\n", &["a", " b"]),
        ("data: a\ndata: b\n\n", &["a\nb"]),
        ("data: a\rdata\r\rdata: b", &["a\n", "b"]),
        ("data: a\r\ndata: b", &["a\nb"]),
        ("data: a", &["a"]),
        ("data: a\n", &["a"]),
        ("\u{feff}data: a\n\n\u{feff}data: b\n\n", &["a"]),
        ("\u{feff}\u{feff}data: a\n\n", &[]),
        (": comment\n\n: OPENROUTER PROCESSING\ndata: a\n: more\n\n:\n", &["a"]),
        ("event: x\nid: 7\nretry: 9\ndata: a\nunknown: z\nnocolon\n\n", &["a"]),
        ("event: ping\n\n\n\n", &[]),
        ("data\n\n", &[""]),
        ("data:\n\n", &[""]),
        ("error: {\"code\":500}\n\n", &["{\"code\":500}"]),
        ("DATA: a\n\n data: b\n\n", &[]),
        ("data: grüße 🦀 你\n\n", &["grüße 🦀 你"]),
        ("", &[]),
    ];

    #[test]
    fn every_case_as_a_whole_and_split_at_every_byte() {
        for (text, want) in CASES {
            let bytes = text.as_bytes();
            assert_eq!(events([bytes]), *want, "{text:?}");
            for at in 0..=bytes.len() {
                assert_eq!(events([&bytes[..at], &bytes[at..]]), *want, "{text:?} split at {at}");
            }
            assert_eq!(events(bytes.chunks(1)), *want, "{text:?} byte by byte");
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_replaced() {
        assert_eq!(events([&b"data: a\xff\xf0\x9f\n\n"[..]]), ["a\u{fffd}\u{fffd}"]);
    }

    #[test]
    fn an_event_over_the_limit_is_refused_however_it_comes() {
        let run = |text: &str| {
            let mut sse = Sse::new(16);
            text.as_bytes().chunks(3).try_for_each(|c| sse.push(c, &mut |_| Ok::<(), TooLong>(())))
        };
        assert_eq!(run("data: 12345678\n\ndata: 12345678\n\n"), Ok(()));
        assert_eq!(run("data: 12345678901234567890"), Err(TooLong(16)));
        assert_eq!(run("data: 12345\ndata: 123456\n"), Err(TooLong(16)));
        assert_eq!(run(&": a comment without end ".repeat(9)), Err(TooLong(16)));
    }

    proptest::proptest! {
        #[test]
        fn any_chunking_of_any_bytes_is_the_same(
            lines in proptest::collection::vec("(data:? ?|: |event: |)[a-z\u{e4}\u{1f980}]{0,4}(\n|\r|\r\n)", 0..24),
            cuts in proptest::collection::vec(0usize..200, 0..12),
        ) {
            let text = lines.concat();
            let bytes = text.as_bytes();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|c| c.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let parts = cuts.windows(2).map(|w| &bytes[w[0]..w[1]]);
            proptest::prop_assert_eq!(events(parts), events([bytes]));
        }
    }
}
