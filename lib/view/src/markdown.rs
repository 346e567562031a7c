//! Light Markdown, line by line as it streams: heads bold, code cyan, lists, links with their addresses, fenced code verbatim.
//! It must never need a later line to style an earlier one, but for tables, which it holds until they end.

use ace_schema::limits::VIEW_TABLE_LINES;

use crate::clean::clean;
use crate::style::{Role, Style};
use crate::table::{Column, Table};
use crate::text::Text;

/// The state between two lines.
#[derive(Debug, Clone, Default)]
pub struct Markdown {
    fence: Option<String>,
    table: Vec<Vec<String>>,
}

impl Markdown {
    /// Takes the next line, without its newline; gives the lines that can be shown now.
    pub fn line(&mut self, line: &str, style: &Style) -> Vec<Text> {
        let line = clean(line);
        let trimmed = line.trim_start();
        if let Some(fence) = &self.fence {
            if trimmed.starts_with(fence.as_str()) && trimmed.trim_end().trim_start_matches(['`', '~']).is_empty() {
                self.fence = None;
                return Vec::new();
            }
            return vec![Text::new().gap(4).with(Role::Typed, line)];
        }
        if trimmed.starts_with('|') && self.table.len() < VIEW_TABLE_LINES {
            self.table.push(cells_of(trimmed));
            return Vec::new();
        }
        let mut out = self.end_table(style);
        if let Some(fence) = ["```", "~~~"].into_iter().find(|f| trimmed.starts_with(f)) {
            let mark = fence.chars().next().unwrap_or('`');
            self.fence = Some(trimmed.chars().take_while(|c| *c == mark).collect());
            return out;
        }
        out.extend(draw(&line, style));
        out
    }

    /// What a line that has not ended yet looks like so far. Tables and fences are held.
    #[must_use]
    pub fn begun(&self, line: &str, style: &Style) -> Vec<Text> {
        let line = clean(line);
        let trimmed = line.trim_start();
        if self.fence.is_some() {
            let closes = trimmed.starts_with(['`', '~']);
            return if closes { Vec::new() } else { vec![Text::new().gap(4).with(Role::Typed, line)] };
        }
        if ["|", "```", "~~~"].iter().any(|held| trimmed.starts_with(held)) {
            return Vec::new();
        }
        draw(&line, style)
    }

    /// The text has ended: what was held back.
    pub fn end(&mut self, style: &Style) -> Vec<Text> {
        self.fence = None;
        self.end_table(style)
    }

    fn end_table(&mut self, style: &Style) -> Vec<Text> {
        let mut rows = std::mem::take(&mut self.table);
        rows.retain(|row| !row.iter().all(|c| c.chars().all(|c| matches!(c, '-' | ':' | ' '))));
        let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
        if columns == 0 {
            return Vec::new();
        }
        let mut table = Table::new((0..columns).map(|_| Column::text("")).collect());
        for (i, row) in rows.into_iter().enumerate() {
            let cells = row.iter().map(|c| if i == 0 { inline(c).all(Role::Dim) } else { inline(c) }).collect();
            table.row(Text::new(), cells);
        }
        table.draw_bare(style)
    }
}

fn cells_of(line: &str) -> Vec<String> {
    let inner = line.trim().trim_start_matches('|');
    let inner = inner.strip_suffix('|').unwrap_or(inner);
    inner.split('|').map(|cell| cell.trim().to_owned()).collect()
}

fn draw(line: &str, style: &Style) -> Vec<Text> {
    let depth = line.len() - line.trim_start_matches(' ').len();
    let text = line.trim();
    let hashes = text.len() - text.trim_start_matches('#').len();
    if (1..=6).contains(&hashes) && (text.len() == hashes || text[hashes..].starts_with(' ')) {
        let head = text[hashes..].trim().trim_end_matches('#').trim_end();
        return inline(head).all(Role::Bold).wrap(style.width, 0);
    }
    if let Some(quote) = text.strip_prefix('>') {
        let inner = inline(quote.trim_start()).wrap(style.width.saturating_sub(2), 0);
        return inner.into_iter().map(|l| Text::of(Role::Dim, "| ").and(l)).collect();
    }
    let indent = depth.min(style.width / 4);
    for bullet in ["- ", "* ", "+ "] {
        if let Some(item) = text.strip_prefix(bullet) {
            return Text::new().gap(indent).plain("- ").and(inline(item)).wrap(style.width, indent + 2);
        }
    }
    let number = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let hang = if number > 0 && text[number..].starts_with(". ") { number + 2 } else { 0 };
    Text::new().gap(indent).and(inline(text)).wrap(style.width, indent + hang)
}

/// Code, bold and links within a line. Anything not closed stays as it is written.
#[must_use]
pub fn inline(text: &str) -> Text {
    let mut out = Text::new();
    let mut rest = text;
    while let Some(at) = rest.find(['`', '*', '[']) {
        let (before, from) = rest.split_at(at);
        out.push(Role::Plain, before);
        let taken = code(from).or_else(|| bold(from)).or_else(|| link(from));
        if let Some((span, after)) = taken {
            out.append(span);
            rest = after;
        } else {
            let run = from.len() - from.trim_start_matches(&from[..1]).len();
            out.push(Role::Plain, &from[..run]);
            rest = &from[run..];
        }
    }
    out.push(Role::Plain, rest);
    out
}

fn code(from: &str) -> Option<(Text, &str)> {
    let ticks = from.len() - from.trim_start_matches('`').len();
    let (fence, inner) = from.split_at(ticks);
    if ticks == 0 {
        return None;
    }
    let end = inner.find(fence)?;
    let body = &inner[..end];
    let body = if body.trim().is_empty() { body } else { body.strip_prefix(' ').unwrap_or(body) };
    let body = if ticks > 1 { body.strip_suffix(' ').unwrap_or(body) } else { body };
    Some((Text::of(Role::Typed, body), &inner[end + ticks..]))
}

fn bold(from: &str) -> Option<(Text, &str)> {
    let inner = from.strip_prefix("**")?;
    let end = inner.find("**")?;
    let body = &inner[..end];
    if body.is_empty() || body.starts_with(' ') || body.ends_with(' ') {
        return None;
    }
    let spans = inline(body).0.into_iter().map(|(role, t)| (role.bold(), t)).collect();
    Some((Text(spans), &inner[end + 2..]))
}

/// `[words](address)` as `words (address)`.
fn link(from: &str) -> Option<(Text, &str)> {
    let (words, rest) = from.strip_prefix('[')?.split_once("](")?;
    let (address, after) = rest.split_once(')')?;
    if words.contains('[') || address.contains(' ') {
        return None;
    }
    let mut out = Text::of(Role::Plain, words);
    if words != address {
        out = out.plain(" (").with(Role::Typed, address).plain(")");
    }
    Some((out, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(source: &str) -> Vec<String> {
        let (mut state, style) = (Markdown::default(), Style::new(30));
        let mut out: Vec<Text> = source.lines().flat_map(|l| state.line(l, &style)).collect();
        out.extend(state.end(&style));
        out.iter().map(Text::words).collect()
    }

    #[test]
    fn blocks() {
        for (source, want) in [
            ("## A head ##", vec!["A head"]),
            ("#no head", vec!["#no head"]),
            ("* one\n  + two", vec!["- one", "  - two"]),
            ("- a list item that is longer than a line", vec!["- a list item that is longer", "  than a line"]),
            ("12. a numbered item that is too long", vec!["12. a numbered item that is", "    too long"]),
            ("```rust\nfn  a() {}\n# b\n```\nafter", vec!["    fn  a() {}", "    # b", "after"]),
            ("````\n```\n````\nx", vec!["    ```", "x"]),
            ("> said", vec!["| said"]),
            ("| a | bb |\n|---|:--|\n| ccc | `d` |\nend", vec!["a    bb", "ccc  d", "end"]),
        ] {
            assert_eq!(shown(source), want, "{source}");
        }
    }

    #[test]
    fn spans() {
        let want = |source: &str, spans: &[(Role, &str)]| {
            let spans: Vec<_> = spans.iter().map(|(r, t)| (*r, (*t).to_owned())).collect();
            assert_eq!(inline(source).0, spans, "{source}");
        };
        use Role::{Bold, Plain, Typed};
        want("a `b` **c**", &[(Plain, "a "), (Typed, "b"), (Plain, " "), (Bold, "c")]);
        want("``a`b``", &[(Typed, "a`b")]);
        want("2 * 3 ** 4 `x", &[(Plain, "2 * 3 ** 4 `x")]);
        want("[w](http://x/)", &[(Plain, "w ("), (Typed, "http://x/"), (Plain, ")")]);
        want("a[0](b c)", &[(Plain, "a[0](b c)")]);
    }
}
