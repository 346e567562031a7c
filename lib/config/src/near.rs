//! The nearest of some names. It never knows what they name.

/// Edits that still count as a slip of the finger.
const EDITS: usize = 2;

/// The candidate nearest to `word`, at most two edits away (a swap of neighbours is one); the first of equals.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let size = word.chars().count();
    candidates
        .into_iter()
        // Two edits turn any word of two letters into any other: shorter words must be nearer.
        .map(|c| (strsim::damerau_levenshtein(word, c), c))
        .filter(|(edits, c)| *edits <= EDITS && *edits < size.max(c.chars().count()).div_ceil(2).max(2))
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, c)| c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_caught_and_other_words_are_not() {
        let keys = ["model", "mode", "providers", "pipeline", "limits"];
        assert_eq!(nearest("modle", keys), Some("model"));
        assert_eq!(nearest("limit", keys), Some("limits"));
        assert_eq!(nearest("piplin", keys), Some("pipeline"));
        assert_eq!(nearest("x", keys), None);
        assert_eq!(nearest("telemetry", keys), None);
        assert_eq!(nearest("xy", ["ls", "ask"]), None);
    }
}
