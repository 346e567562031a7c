//! Painting: final lines go above, the tail below them is painted again only if it changed, in one write and without an empty
//! moment in between. It must never know what the lines mean.

use ace_view::{Style, Text, render};
use std::fmt::Write;

/// What stands below the scrollback now.
#[derive(Debug, Default)]
pub struct Painter {
    /// The tail's lines as they were written.
    tail: Vec<String>,
    /// Their widths, cells.
    cells: Vec<usize>,
    /// The cursor stands at the end of the last line, not below it.
    within: bool,
}

/// Rows that a line of so many cells takes.
fn rows(cells: usize, columns: usize) -> usize {
    cells.div_ceil(columns.max(1)).max(1)
}

impl Painter {
    /// Forgets the tail: it stays where it stands.
    pub fn forget(&mut self) {
        *self = Self::default();
    }

    /// Bytes that put `lines` above the tail and `tail` in its place; empty if nothing changed. With `within`, the cursor stays at
    /// the end of the last line. `columns` is the terminal's width now: it has wrapped anew what was wider.
    pub fn update(&mut self, lines: &[Text], tail: &[Text], within: bool, style: &Style, columns: usize) -> String {
        let drawn: Vec<String> = tail.iter().map(|line| render(line, style)).collect();
        let within = within && !drawn.is_empty();
        if lines.is_empty() && drawn == self.tail && within == self.within {
            return String::new();
        }
        let mut out = String::new();
        let up = self.cells.iter().map(|c| rows(*c, columns)).sum::<usize>() - usize::from(self.within);
        let painted = !self.tail.is_empty();
        if painted {
            out.push('\r');
        }
        if up > 0 {
            // Writing to a string cannot fail.
            let _ = write!(out, "\x1b[{up}A");
        }
        self.cells = tail.iter().map(Text::cells).collect();
        let all = lines.iter().map(|line| (render(line, style), line.cells()));
        for (line, cells) in all.chain(drawn.iter().cloned().zip(self.cells.iter().copied())) {
            if painted {
                // A line of several rows has nothing to spare below its first one.
                out.push_str(if cells > columns { "\x1b[J" } else { "\x1b[K" });
            }
            out.push_str(&line);
            out.push('\n');
        }
        if within {
            out.pop();
        }
        if painted {
            out.push_str("\x1b[J");
        }
        (self.tail, self.within) = (drawn, within);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ace_view::Role;

    fn texts(lines: &[&str]) -> Vec<Text> {
        lines.iter().map(|l| Text::of(Role::Plain, l)).collect()
    }

    /// What a terminal of so many columns shows after these updates.
    fn shown(columns: usize, updates: &[(&[&str], &[&str], bool)]) -> Vec<String> {
        let style = Style { color: false, ..Style::new(80) };
        let mut painter = Painter::default();
        let mut screen: Vec<Vec<char>> = vec![Vec::new()];
        let (mut row, mut column) = (0, 0);
        for (lines, tail, within) in updates {
            let bytes = painter.update(&texts(lines), &texts(tail), *within, &style, columns);
            let mut rest = bytes.as_str();
            while let Some(c) = rest.chars().next() {
                rest = &rest[c.len_utf8()..];
                match c {
                    '\r' => column = 0,
                    '\n' => {
                        (row, column) = (row + 1, 0);
                        if screen.len() <= row {
                            screen.push(Vec::new());
                        }
                    }
                    '\x1b' => {
                        let end = rest.find(|c: char| c.is_ascii_alphabetic()).unwrap();
                        match &rest[end..=end] {
                            "A" => row -= rest[1..end].parse::<usize>().unwrap(),
                            "K" => screen[row].truncate(column),
                            _ => {
                                screen.truncate(row + 1);
                                screen[row].truncate(column);
                            }
                        }
                        rest = &rest[end + 1..];
                    }
                    c => {
                        if column == columns {
                            (row, column) = (row + 1, 0);
                            if screen.len() <= row {
                                screen.push(Vec::new());
                            }
                        }
                        // What is written over is replaced, what stands behind it stays.
                        match screen[row].get_mut(column) {
                            Some(old) => *old = c,
                            None => screen[row].push(c),
                        }
                        column += 1;
                    }
                }
            }
        }
        screen.iter().map(|r| r.iter().collect()).collect()
    }

    #[test]
    fn the_tail_is_replaced_and_the_rest_stays() {
        assert_eq!(
            shown(10, &[(&["a"], &["t1", "t2"], false), (&["b"], &["t3"], false), (&["c"], &[], false)]),
            ["a", "b", "c", ""]
        );
        assert_eq!(shown(4, &[(&[], &["12345678", "x"], false), (&["a"], &["y"], false)]), ["a", "y", ""]);
        assert_eq!(
            shown(9, &[(&[], &["ask"], true), (&[], &["ask me"], true), (&["a"], &["t"], false)]),
            ["a", "t", ""]
        );
        assert_eq!(shown(4, &[(&[], &["t"], false), (&["123456", "b"], &["u"], false)]), ["1234", "56", "b", "u", ""]);
    }

    #[test]
    fn nothing_is_written_when_nothing_changed() {
        let style = Style { color: false, ..Style::new(80) };
        let mut painter = Painter::default();
        assert_eq!(painter.update(&[], &texts(&["t"]), false, &style, 80), "t\n");
        assert_eq!(painter.update(&[], &texts(&["t"]), false, &style, 80), "");
        assert_eq!(painter.update(&[], &[], false, &style, 80), "\r\x1b[1A\x1b[J");
        assert_eq!(painter.update(&[], &[], false, &style, 80), "");
    }
}
