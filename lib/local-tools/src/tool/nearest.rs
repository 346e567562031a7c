//! Where a text that was not found was probably meant, so that the next try can be right. It changes nothing.

/// The part of a file that is most like a text.
pub(crate) struct Nearest {
    /// Its first line, from 0.
    pub first: usize,
    pub lines: Vec<String>,
    /// Lines that are the same but for white space around them.
    pub equal: usize,
}

/// Lines of the file and of `old` that are looked at, so that the search stays short.
const NEAR_FILE_LINES: usize = 50_000;
const NEAR_OLD_LINES: usize = 200;

/// The part of `bytes` most like `old`, if anything is like it at all.
pub(crate) fn nearest(bytes: &[u8], old: &str) -> Option<Nearest> {
    let text = String::from_utf8_lossy(bytes);
    let lines: Vec<&str> = text.lines().take(NEAR_FILE_LINES).collect();
    let wanted: Vec<&str> = old.trim_matches('\n').lines().map(str::trim).take(NEAR_OLD_LINES).collect();
    if lines.is_empty() || wanted.is_empty() {
        return None;
    }
    let trimmed: Vec<&str> = lines.iter().map(|line| line.trim()).collect();
    let same = |a: &str, b: &str| a == b && !a.is_empty();
    let score = |first: usize| trimmed[first..].iter().zip(&wanted).filter(|(a, b)| same(a, b)).count();
    let (equal, _, first) = (0..lines.len()).map(|first| (score(first), std::cmp::Reverse(first), first)).max()?;
    let first = if equal > 0 { first } else { alike(&trimmed, wanted.iter().find(|line| !line.is_empty())?)? };
    let shown = lines[first..].iter().take(wanted.len()).map(|line| (*line).to_owned()).collect();
    Some(Nearest { first, lines: shown, equal })
}

/// The line most like `wanted`, if one is like it at all.
fn alike(lines: &[&str], wanted: &str) -> Option<usize> {
    if wanted.len() > 300 {
        return None;
    }
    let likeness = |line: &str| {
        let worth = !line.is_empty() && line.len() <= 2 * wanted.len() + 8;
        if worth { strsim::normalized_damerau_levenshtein(line, wanted) } else { 0.0 }
    };
    let best = lines.iter().take(5_000).map(|line| likeness(line)).enumerate();
    let best = best.max_by(|(i, a), (j, b)| a.total_cmp(b).then(j.cmp(i)))?;
    (best.1 > 0.6).then_some(best.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_place_is_found() {
        let file = "fn a() {\n    one();\n}\n\nfn b() {\n    two();\n    three();\n}\n";
        let near = nearest(file.as_bytes(), "fn b() {\n  two();\n  four();\n}\n").unwrap();
        assert_eq!((near.first, near.equal), (4, 3));
        assert_eq!(near.lines, ["fn b() {", "    two();", "    three();", "}"]);
        let near = nearest(file.as_bytes(), "threee()").unwrap();
        assert_eq!((near.first, near.equal), (6, 0));
        assert!(nearest(file.as_bytes(), "nothing of the kind at all").is_none());
        assert!(nearest(b"", "x").is_none());
    }
}
