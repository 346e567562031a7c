//! Recorded lines as bytes: where they end, what number they have. It must never look at what they say.

use ace_schema::Line;

/// The number of a recorded line. The log writes it first, so most are read without the rest.
#[must_use]
pub fn seq_of(line: &[u8]) -> Option<u64> {
    const HEAD: &[u8] = b"{\"seq\":";
    if let Some(rest) = line.strip_prefix(HEAD) {
        let end = rest.iter().position(|b| !b.is_ascii_digit()).filter(|end| (1..=19).contains(end));
        if let Some(end) = end {
            return std::str::from_utf8(&rest[..end]).ok()?.parse().ok();
        }
    }
    Line::parse(line).ok()?.seq
}

/// How many bytes of these lines have numbers up to that one.
#[must_use]
pub fn up_to(lines: &[u8], seq: u64) -> usize {
    // Numbers have no gaps, so the first one says where the wanted one stands.
    let mut end = 0;
    for line in ace_storage::split(lines) {
        if seq_of(line).is_some_and(|n| n > seq) {
            return end;
        }
        end += line.len() + 1;
    }
    end.min(lines.len())
}

/// Adds a line as an element of a JSON list that is being written.
pub fn push(list: &mut Vec<u8>, line: &[u8]) {
    if !list.ends_with(b"[") {
        list.push(b',');
    }
    list.extend_from_slice(line);
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: &[u8] = b"{\"seq\":9,\"v\":1}\n{\"seq\":10,\"v\":1}\n{\"seq\":11,\"v\":1}\n";

    #[test]
    fn numbers_are_read_from_the_beginning_or_from_the_whole() {
        assert_eq!(seq_of(b"{\"seq\":41,\"ts\":\"x\"}"), Some(41));
        assert_eq!(seq_of(b"{\"v\":1,\"id\":\"a-1\",\"type\":\"a.b\",\"seq\":7}"), Some(7));
        for bad in [&b""[..], b"{\"seq\":}", b"{\"seq\":99999999999999999999}", b"{\"after\":3}", b"{\"seq\":\"1\"}"] {
            assert_eq!(seq_of(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn lines_are_cut_behind_a_number() {
        assert_eq!(up_to(LINES, 8), 0);
        assert_eq!(&LINES[..up_to(LINES, 10)], b"{\"seq\":9,\"v\":1}\n{\"seq\":10,\"v\":1}\n");
        assert_eq!(up_to(LINES, 99), LINES.len());
    }
}
