//! A line of styled spans: building, measuring in cells, cutting, wrapping, and the bytes for a terminal.
//! It must never know what the words mean.

use nu_ansi_term::{AnsiStrings, Style as Sgr};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use crate::style::{Mark, Role, Style};

/// One line without its newline.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Text(pub Vec<(Role, String)>);

/// Cells of one piece of text, counted by grapheme.
#[must_use]
pub fn cells(text: &str) -> usize {
    // Nearly every text is of this kind, and long tables of nothing else.
    if text.bytes().all(|b| matches!(b, b' '..=b'~')) {
        return text.len();
    }
    text.graphemes(true).map(grapheme_cells).sum()
}

/// A grapheme is never wider than two cells, however many characters are stacked in it.
fn grapheme_cells(grapheme: &str) -> usize {
    grapheme.width().min(2)
}

impl Text {
    /// An empty line.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A line of one span.
    #[must_use]
    pub fn of(role: Role, text: impl AsRef<str>) -> Self {
        Self::new().with(role, text)
    }

    /// A mark and a space.
    #[must_use]
    pub fn marked(mark: Mark, style: &Style) -> Self {
        Self::of(mark.role(), style.glyph(mark)).plain(" ")
    }

    /// Adds a span.
    #[must_use]
    pub fn with(mut self, role: Role, text: impl AsRef<str>) -> Self {
        self.push(role, text);
        self
    }

    /// Adds plain text.
    #[must_use]
    pub fn plain(self, text: impl AsRef<str>) -> Self {
        self.with(Role::Plain, text)
    }

    /// Adds dim text.
    #[must_use]
    pub fn dim(self, text: impl AsRef<str>) -> Self {
        self.with(Role::Dim, text)
    }

    /// Adds another line's spans.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.append(other);
        self
    }

    /// Adds so many spaces.
    #[must_use]
    pub fn gap(self, cells: usize) -> Self {
        if cells == 0 { self } else { self.plain(" ".repeat(cells)) }
    }

    /// Adds spaces up to the column.
    #[must_use]
    pub fn to(self, column: usize) -> Self {
        let missing = column.saturating_sub(self.cells());
        self.gap(missing)
    }

    /// Adds a span in place; empty ones are left out, equal roles are joined.
    pub fn push(&mut self, role: Role, text: impl AsRef<str>) {
        let text = text.as_ref();
        if text.is_empty() {
            return;
        }
        match self.0.last_mut() {
            Some((last, tail)) if *last == role => tail.push_str(text),
            _ => self.0.push((role, text.to_owned())),
        }
    }

    /// Adds another line's spans in place.
    pub fn append(&mut self, other: Self) {
        for (role, text) in other.0 {
            self.push(role, text);
        }
    }

    /// Adds another line's spans in place, which keeps them.
    pub fn append_copy(&mut self, other: &Self) {
        for (role, text) in &other.0 {
            self.push(*role, text);
        }
    }

    /// Whether nothing is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Its width in cells.
    #[must_use]
    pub fn cells(&self) -> usize {
        self.0.iter().map(|(_, text)| cells(text)).sum()
    }

    /// Its words without style.
    #[must_use]
    pub fn words(&self) -> String {
        self.0.iter().map(|(_, text)| text.as_str()).collect()
    }

    /// The same words, all in one role.
    #[must_use]
    pub fn all(self, role: Role) -> Self {
        Self::of(role, self.words())
    }

    fn graphemes(&self) -> impl Iterator<Item = (Role, &str)> {
        self.0.iter().flat_map(|(role, text)| text.graphemes(true).map(move |g| (*role, g)))
    }

    /// At most so many cells: the end is cut.
    #[must_use]
    pub fn cut_end(self, width: usize, style: &Style) -> Self {
        if style.whole || self.cells() <= width {
            return self;
        }
        let mut out = Self::new();
        let mut used = 0;
        for (role, g) in self.graphemes() {
            if used + grapheme_cells(g) + 1 > width {
                break;
            }
            used += grapheme_cells(g);
            out.push(role, g);
        }
        if width > 0 { out.dim(style.ellipsis()) } else { out }
    }

    /// At most so many cells: the middle is cut, the end gets the larger half (the end of a path names the file).
    #[must_use]
    pub fn cut_middle(self, width: usize, style: &Style) -> Self {
        let whole = self.cells();
        if style.whole || whole <= width || width < 2 {
            return self.cut_end(width, style);
        }
        let keep = width - 1;
        let head = keep / 3;
        let (mut out, mut used) = (Self::new(), 0);
        for (role, g) in self.graphemes() {
            if used + grapheme_cells(g) > head {
                break;
            }
            used += grapheme_cells(g);
            out.push(role, g);
        }
        out.push(Role::Dim, style.ellipsis());
        let mut left = whole;
        let mut tail = Self::new();
        for (role, g) in self.graphemes() {
            if left <= keep - used {
                tail.push(role, g);
            }
            left -= grapheme_cells(g);
        }
        out.and(tail)
    }

    /// Wraps at spaces to `width` cells; lines after the first begin with `indent` spaces. A word that is wider than a line is
    /// broken, except an address (with `://`), which stays whole so that it can be copied.
    #[must_use]
    pub fn wrap(&self, width: usize, indent: usize) -> Vec<Self> {
        let indent = indent.min(width / 2);
        let mut lines = Vec::new();
        let mut line = Self::new();
        let mut used = 0;
        let mut fresh = true;
        for (space, word) in self.split_words() {
            let (gap, size) = (space.cells(), word.cells());
            if used + gap + size <= width || (fresh && word.is_empty()) {
                line.append(space);
                line.append(word);
                used += gap + size;
                fresh = fresh && size == 0;
                continue;
            }
            // A word that no line can hold begins where it stands; an address begins a line of its own.
            let breaks = size > width - indent && !word.words().contains("://") && used + gap < width;
            if !fresh && breaks {
                line.append(space);
                used += gap;
            } else if !fresh {
                lines.push(std::mem::take(&mut line));
                line = Self::new().gap(indent);
                used = indent;
            } else if gap < width / 2 {
                line.append(space);
                used += gap;
            }
            if word.words().contains("://") {
                used += size;
                line.append(word);
            } else {
                for (role, g) in word.graphemes() {
                    if used + grapheme_cells(g) > width {
                        lines.push(std::mem::take(&mut line));
                        line = Self::new().gap(indent);
                        used = indent;
                    }
                    used += grapheme_cells(g);
                    line.push(role, g);
                }
            }
            fresh = false;
        }
        lines.push(line);
        lines
    }

    /// Words, each with the spaces before it.
    fn split_words(&self) -> Vec<(Self, Self)> {
        let mut out: Vec<(Self, Self)> = vec![(Self::new(), Self::new())];
        for (role, g) in self.graphemes() {
            if g == " " && out.last().is_some_and(|(_, word)| !word.is_empty()) {
                out.push((Self::new(), Self::new()));
            }
            if let Some((space, word)) = out.last_mut() {
                if g == " " { space.push(role, g) } else { word.push(role, g) }
            }
        }
        out
    }
}

/// The bytes for the place: with escape sequences if it has colour, without a newline. Spaces at the end are left out.
#[must_use]
pub fn render(text: &Text, style: &Style) -> String {
    let mut spans = text.0.as_slice();
    let mut end = "";
    while let Some(((_, last), before)) = spans.split_last() {
        end = last.trim_end_matches(' ');
        if !end.is_empty() {
            break;
        }
        spans = before;
    }
    let Some(((role, _), before)) = spans.split_last() else { return String::new() };
    if !style.color {
        let mut out = String::with_capacity(before.iter().map(|(_, text)| text.len()).sum::<usize>() + end.len());
        out.extend(before.iter().map(|(_, text)| text.as_str()));
        out.push_str(end);
        return out;
    }
    let mut parts: Vec<_> = before.iter().map(|(role, text)| paint(role.sgr(), text)).collect();
    parts.push(paint(role.sgr(), end));
    AnsiStrings(&parts).to_string()
}

fn paint(sgr: Sgr, text: &str) -> nu_ansi_term::AnsiString<'_> {
    sgr.paint(text)
}

/// Words with a number: `1 file`, `2 files`.
#[must_use]
pub fn plural(n: u64, word: &str) -> String {
    let s = if n == 1 { "" } else { "s" };
    format!("{} {word}{s}", crate::units::count(n))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(words: &str) -> Text {
        Text::of(Role::Plain, words)
    }

    #[test]
    fn cutting_keeps_the_width_and_the_telling_end() {
        let style = Style::new(80);
        for (words, width, end, middle) in [
            ("abc", 3, "abc", "abc"),
            ("abcdef", 4, "abc…", "a…ef"),
            ("src/deep/down/main.rs", 12, "src/deep/do…", "src…/main.rs"),
            ("日本語テキスト", 6, "日本…", "…スト"),
            ("abc", 1, "…", "…"),
            ("abc", 0, "", ""),
        ] {
            assert_eq!(text(words).cut_end(width, &style).words(), end);
            assert_eq!(text(words).cut_middle(width, &style).words(), middle);
        }
    }

    #[test]
    fn wrapping_breaks_at_words_and_hangs() {
        let lines = |words: &str, width, indent| -> Vec<String> {
            text(words).wrap(width, indent).iter().map(Text::words).collect()
        };
        assert_eq!(lines("one two three", 7, 0), ["one two", "three"]);
        assert_eq!(lines("- one two three", 9, 2), ["- one two", "  three"]);
        assert_eq!(lines("abcdefgh", 3, 0), ["abc", "def", "gh"]);
        assert_eq!(lines("see https://example.org/a/long/one", 10, 0), ["see", "https://example.org/a/long/one"]);
        assert_eq!(lines("", 10, 0), [""]);
    }

    #[test]
    fn emoji_count_as_they_are_drawn() {
        for (words, want) in [("a", 1), ("é", 1), ("e\u{301}", 1), ("日", 2), ("👩‍💻", 2), ("✓", 1), ("⊘", 1), ("▸", 1)]
        {
            assert_eq!(cells(words), want, "{words}");
        }
    }

    #[test]
    fn without_colour_the_words_are_the_same() {
        let line = Text::of(Role::Good, "✓").plain(" a  ");
        assert_eq!(render(&line, &Style::new(80)), "\u{1b}[32m✓\u{1b}[0m a");
        assert_eq!(render(&line, &Style { color: false, ..Style::new(80) }), "✓ a");
    }
}
