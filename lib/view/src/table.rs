//! Tables: heads dim, text left, numbers right, two spaces between. A row never wraps: the widest text cell is cut, then columns
//! leave from the right. It must never know what a column means.

use crate::style::{Role, Style};
use crate::text::Text;

/// A column.
#[derive(Debug, Clone)]
pub struct Column {
    head: &'static str,
    right: bool,
    grows: bool,
    path: bool,
}

impl Column {
    /// Text, left, cut at the end.
    #[must_use]
    pub fn text(head: &'static str) -> Self {
        Self { head, right: false, grows: false, path: false }
    }

    /// A number, right, never cut.
    #[must_use]
    pub fn number(head: &'static str) -> Self {
        Self { right: true, ..Self::text(head) }
    }

    /// The column that takes the room the others leave.
    #[must_use]
    pub fn grows(self) -> Self {
        Self { grows: true, ..self }
    }

    /// Holds paths: cut in the middle.
    #[must_use]
    pub fn path(self) -> Self {
        Self { path: true, ..self }
    }
}

/// A table: rows of a mark and cells.
#[derive(Debug, Clone)]
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<(Text, Vec<Text>)>,
}

/// What a text cell keeps before columns leave, cells.
const LEAST: usize = 12;

impl Table {
    /// An empty table.
    #[must_use]
    pub fn new(columns: Vec<Column>) -> Self {
        Self { columns, rows: Vec::new() }
    }

    /// Adds a row; missing cells are empty, surplus ones are left out.
    pub fn row(&mut self, mark: Text, mut cells: Vec<Text>) {
        cells.resize(self.columns.len(), Text::new());
        self.rows.push((mark, cells));
    }

    /// Head and rows, with room for marks in column 1.
    #[must_use]
    pub fn draw(&self, style: &Style) -> Vec<Text> {
        let widths = self.widths(style.width.saturating_sub(2), style);
        std::iter::once(head(&self.columns, &widths, style))
            .chain(self.rows.iter().map(|(mark, cells)| self.line(mark.clone().to(2), cells, &widths, style)))
            .collect()
    }

    /// Rows alone, without head and marks.
    #[must_use]
    pub fn draw_bare(&self, style: &Style) -> Vec<Text> {
        let widths = self.widths(style.width, style);
        self.rows.iter().map(|(_, cells)| self.line(Text::new(), cells, &widths, style)).collect()
    }

    fn line(&self, mark: Text, cells: &[Text], widths: &[usize], style: &Style) -> Text {
        line(&self.columns, mark, cells, widths, style)
    }

    fn widths(&self, room: usize, style: &Style) -> Vec<usize> {
        let mut natural = vec![0; self.columns.len()];
        for (_, cells) in &self.rows {
            widen(&mut natural, cells.iter().map(Text::cells));
        }
        widths(&self.columns, natural, room, style)
    }
}

/// A table of so many rows that none of them is kept: each is made to be measured, and again to be drawn, by whoever likes a part
/// of them.
#[derive(Debug)]
pub struct LongTable<'a, T> {
    columns: Vec<Column>,
    row: fn(&T, &Style) -> (Text, Vec<Text>),
    style: &'a Style,
}

/// The width of each column, cells.
#[derive(Debug, Clone, Default)]
pub struct Widths(Vec<usize>);

impl<'a, T> LongTable<'a, T> {
    /// A table of things that `row` makes a mark and cells of, as many as there are columns.
    #[must_use]
    pub fn new(columns: Vec<Column>, row: fn(&T, &Style) -> (Text, Vec<Text>), style: &'a Style) -> Self {
        Self { columns, row, style }
    }

    /// How wide these would like to be.
    #[must_use]
    pub fn measure(&self, part: &[T]) -> Widths {
        let mut natural = vec![0; self.columns.len()];
        for one in part {
            widen(&mut natural, (self.row)(one, self.style).1.iter().map(Text::cells));
        }
        Widths(natural)
    }

    /// The widths that hold for all parts.
    #[must_use]
    pub fn fit(&self, parts: &[Widths]) -> Widths {
        let mut natural = vec![0; self.columns.len()];
        for part in parts {
            widen(&mut natural, part.0.iter().copied());
        }
        Widths(widths(&self.columns, natural, self.style.width.saturating_sub(2), self.style))
    }

    /// The head.
    #[must_use]
    pub fn head(&self, widths: &Widths) -> Text {
        head(&self.columns, &widths.0, self.style)
    }

    /// A line for each of these.
    pub fn draw(&self, part: &[T], widths: &Widths) -> impl Iterator<Item = Text> {
        part.iter().map(|one| {
            let (mark, cells) = (self.row)(one, self.style);
            line(&self.columns, mark.to(2), &cells, &widths.0, self.style)
        })
    }
}

fn head(columns: &[Column], widths: &[usize], style: &Style) -> Text {
    let heads: Vec<Text> = columns.iter().map(|c| Text::of(Role::Dim, c.head)).collect();
    line(columns, Text::new().gap(2), &heads, widths, style)
}

fn widen(natural: &mut [usize], cells: impl Iterator<Item = usize>) {
    for (width, cells) in natural.iter_mut().zip(cells) {
        *width = cells.max(*width);
    }
}

fn line(columns: &[Column], mark: Text, cells: &[Text], widths: &[usize], style: &Style) -> Text {
    let mut line = mark;
    // Where the line ends, and where the column begins.
    let mut end = line.cells();
    let mut column = end;
    for (i, ((cell, kind), width)) in cells.iter().zip(columns).zip(widths).enumerate() {
        if i > 0 {
            column += 2;
        }
        let cut = match cell.cells() > *width && !style.whole {
            true if kind.path => Some(cell.clone().cut_middle(*width, style)),
            true => Some(cell.clone().cut_end(*width, style)),
            false => None,
        };
        let cell = cut.as_ref().unwrap_or(cell);
        let taken = cell.cells();
        let begin = if kind.right { (column + width).saturating_sub(taken) } else { column };
        line = line.gap(begin.saturating_sub(end));
        line.append_copy(cell);
        end = end.max(begin) + taken;
        column += width;
    }
    line
}

/// The width of each column that stays, of what its cells would like to have.
fn widths(columns: &[Column], natural: Vec<usize>, room: usize, style: &Style) -> Vec<usize> {
    let wish = |(cells, column): (usize, &Column)| {
        let cells = cells.max(column.head.len());
        if style.whole { cells } else { cells.min(room) }
    };
    let all: Vec<usize> = natural.into_iter().zip(columns).map(wish).collect();
    if style.whole {
        return all;
    }
    let mut widths = all.clone();
    let total = |widths: &[usize]| widths.iter().sum::<usize>() + 2 * widths.len().saturating_sub(1);
    loop {
        let over = total(&widths).saturating_sub(room);
        if over == 0 {
            break;
        }
        let texts = widths.iter().enumerate().filter(|(i, _)| !columns[*i].right);
        let widest = texts.max_by_key(|(i, w)| (**w, usize::MAX - i)).map(|(i, w)| (i, *w));
        match widest {
            Some((i, w)) if w > LEAST => widths[i] = w.saturating_sub(1),
            _ if widths.len() > 1 => {
                // With one column less the others may have their room back.
                widths = all[..widths.len() - 1].to_vec();
            }
            _ => {
                widths[0] = room;
                break;
            }
        }
    }
    if let Some(i) = columns.iter().position(|c| c.grows).filter(|i| *i < widths.len()) {
        widths[i] += room.min(style.width).saturating_sub(total(&widths));
    }
    widths
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(lines: &[Text]) -> Vec<String> {
        lines.iter().map(|l| crate::render(l, &Style { color: false, ..Style::new(80) })).collect()
    }

    #[test]
    fn rows_are_cut_then_columns_leave_from_the_right() {
        let mut table = Table::new(vec![Column::text("NAME"), Column::text("PATH").path(), Column::number("N")]);
        table.row(Text::new(), ["a", "src/some/long/path/of/main.rs", "12"].map(|c| Text::of(Role::Plain, c)).to_vec());
        assert_eq!(
            words(&table.draw(&Style::new(41))),
            ["  NAME  PATH                            N", "  a     src/some/long/path/of/main.rs  12"]
        );
        assert_eq!(
            words(&table.draw(&Style::new(30))),
            ["  NAME  PATH                 N", "  a     src/s…h/of/main.rs  12"]
        );
        assert_eq!(words(&table.draw(&Style::new(22))), ["  NAME  PATH", "  a     src/…f/main.rs"]);
    }

    #[test]
    fn a_column_takes_the_slack() {
        let mut table = Table::new(vec![Column::text("A").grows(), Column::number("N")]);
        table.row(Text::new(), ["x", "1"].map(|c| Text::of(Role::Plain, c)).to_vec());
        assert_eq!(words(&table.draw(&Style::new(20))), ["  A                N", "  x                1"]);
    }
}
