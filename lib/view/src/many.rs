//! Many sessions at once: the rows that live, and the table at the end. It must never find or judge a session.

use crate::clean::visible;
use crate::diff::counts;
use crate::style::{Mark, Role, Style};
use crate::table::{Column, Table};
use crate::text::{Text, plural};
use crate::units;

/// One session of many.
#[derive(Debug, Clone)]
pub struct Row {
    /// Its place, from 1.
    pub n: u64,
    /// How it stands.
    pub mark: Mark,
    /// How it is called here: the model, or the task.
    pub label: String,
    /// What it does, or what came of it.
    pub words: String,
    /// Micro-dollars; `None` if unknown.
    pub cost: Option<u64>,
    /// Tokens of all kinds.
    pub tokens: u64,
    /// Ms of work.
    pub wall: u64,
    /// Tool calls.
    pub calls: u64,
    /// Calls that did not end well.
    pub errors: u64,
    /// Files changed, lines added, lines removed.
    pub changed: (u64, u64, u64),
    /// Nothing was begun yet.
    pub waits: bool,
    /// Nothing more happens.
    pub over: bool,
}

/// The rows that live, in at most `room` lines: who waits for a person and who runs first, and a line that sums up. `budget` is in
/// micro-dollars, of all together.
#[must_use]
pub fn live(rows: &[Row], budget: Option<u64>, room: usize, style: &Style) -> Vec<Text> {
    let mut shown: Vec<&Row> = rows.iter().filter(|row| !row.waits).collect();
    let most = room.saturating_sub(2).max(1);
    if shown.len() > most {
        shown.sort_by_key(|row| (row.over, row.mark != Mark::Waits, row.n));
        shown.truncate(most);
        shown.sort_by_key(|row| row.n);
    }
    let mut table =
        Table::new(vec![Column::text(""), Column::text("").grows(), Column::number(""), Column::number("")]);
    for row in shown {
        table.row(
            Text::marked(row.mark, style),
            vec![
                visible(&row.label, Role::Bold).cut_end(24, style),
                visible(&row.words, role(row)),
                Text::of(Role::Dim, units::duration(row.wall)),
                cost(row),
            ],
        );
    }
    let mut out: Vec<Text> = table.draw(style).into_iter().skip(1).collect();
    out.push(sum(rows, budget).cut_end(style.width, style));
    out
}

/// `3 of 8 done, 1 failed, 2 run, 2 wait, $0.0412 of $5`.
fn sum(rows: &[Row], budget: Option<u64>) -> Text {
    let count = |wanted: &dyn Fn(&&Row) -> bool| rows.iter().filter(wanted).count();
    let done = count(&|r| r.over && r.mark == Mark::Done);
    let mut words = format!("{done} of {} done", rows.len());
    let mut add = |n: usize, what: &str| {
        if n > 0 {
            words += &format!(", {n} {what}");
        }
    };
    add(count(&|r| r.over && r.mark == Mark::Failed), "failed");
    add(count(&|r| r.over && matches!(r.mark, Mark::Warns | Mark::Refused)), "stopped");
    add(count(&|r| r.mark == Mark::Waits), "ask");
    add(count(&|r| !r.over && !r.waits), "run");
    add(count(&|r| r.waits), "to come");
    let spent: u64 = rows.iter().filter_map(|r| r.cost).fold(0, u64::saturating_add);
    words += &format!(", {}", units::money(spent));
    if let Some(budget) = budget {
        words += &format!(" of {}", units::limit(budget));
    }
    Text::of(Role::Dim, words)
}

fn role(row: &Row) -> Role {
    match row.mark {
        Mark::Done if row.over => Role::Good,
        Mark::Failed => Role::Bad,
        Mark::Waits | Mark::Warns | Mark::Refused => Role::Edge,
        Mark::Runs | Mark::Done => Role::Plain,
    }
}

fn cost(row: &Row) -> Text {
    Text::of(if row.cost.is_some() { Role::Plain } else { Role::Edge }, units::cost(row.cost))
}

/// The table at the end, in the caller's order. `head` is over the labels.
#[must_use]
pub fn table(rows: &[Row], head: &'static str, style: &Style) -> Vec<Text> {
    let mut table = Table::new(vec![
        Column::number("#"),
        Column::text(head).grows(),
        Column::text("VERDICT"),
        Column::number("COST"),
        Column::number("TOKENS"),
        Column::number("WALL"),
        Column::number("CALLS"),
        Column::number("ERRORS"),
        Column::number("CHANGED"),
    ]);
    for row in rows {
        let (files, added, removed) = row.changed;
        table.row(
            Text::marked(row.mark, style),
            vec![
                Text::of(Role::Dim, row.n.to_string()),
                visible(&row.label, Role::Bold),
                visible(&row.words, role(row)),
                cost(row),
                Text::new().plain(units::tokens(row.tokens)),
                Text::new().plain(units::duration(row.wall)),
                Text::new().plain(units::count(row.calls)),
                Text::of(if row.errors > 0 { Role::Bad } else { Role::Dim }, units::count(row.errors)),
                if files == 0 { Text::of(Role::Dim, "-") } else { counts(added, removed) },
            ],
        );
    }
    table.draw(style)
}

/// What has changed about one session, where nothing is painted anew: `gpt passed, 1m02s, $0.0681`.
#[must_use]
pub fn told(row: &Row) -> String {
    let words = crate::clean(&format!("{} {}", row.label, row.words)).replace('\n', " ");
    if !row.over {
        return words;
    }
    let calls = plural(row.calls, "call");
    format!("{words}, {}, {calls}, {}", units::duration(row.wall), units::cost(row.cost))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render;

    fn row(n: u64, mark: Mark, words: &str, over: bool) -> Row {
        Row {
            n,
            mark,
            label: format!("model-{n}"),
            words: words.to_owned(),
            cost: Some(68_100 * n),
            tokens: 41_000,
            wall: 62_000,
            calls: 11,
            errors: n - 1,
            changed: (1, 1, n),
            waits: false,
            over,
        }
    }

    fn lines(texts: &[Text]) -> Vec<String> {
        let style = Style { color: false, ..Style::new(80) };
        texts.iter().map(|t| render(t, &style)).collect()
    }

    #[test]
    fn rows_that_live_fit_the_window_and_are_summed_up() {
        let style = Style { color: false, ..Style::new(80) };
        let mut rows: Vec<Row> = (1..=9).map(|n| row(n, Mark::Done, "passed", true)).collect();
        rows.push(row(10, Mark::Runs, "turn 1, call 9  shell make test", false));
        rows.push(Row { waits: true, ..row(11, Mark::Runs, "waits", false) });
        let live = live(&rows, Some(5_000_000), 6, &style);
        let lines = lines(&live);
        assert_eq!(lines.len(), 5, "{lines:#?}");
        assert!(lines[3].starts_with("▸ model-10  turn 1, call 9  shell make test"), "{lines:#?}");
        assert_eq!(lines[4], "9 of 11 done, 1 run, 1 to come, $4.4946 of $5.00");
    }

    #[test]
    fn the_table_fits_its_terminal() {
        let rows = [row(1, Mark::Done, "passed", true), row(2, Mark::Failed, "failed", true)];
        let lines = lines(&table(&rows, "MODEL", &Style { color: false, ..Style::new(80) }));
        assert_eq!(
            lines,
            [
                "  #  MODEL               VERDICT     COST  TOKENS   WALL  CALLS  ERRORS  CHANGED",
                "✓ 1  model-1             passed   $0.0681   41.0k  1m02s     11       0    +1 -1",
                "✗ 2  model-2             failed   $0.1362   41.0k  1m02s     11       1    +1 -2",
            ]
        );
    }

    #[test]
    fn b19_labels_and_words_move_no_cursor() {
        let mut bad = row(1, Mark::Waits, "asks: \u{1b}[2J", false);
        bad.label = "a\u{1b}]0;x\u{7}".to_owned();
        assert!(!told(&bad).contains('\u{1b}'));
        let style = Style { color: false, ..Style::new(80) };
        assert!(!lines(&live(&[bad], None, 9, &style)).concat().contains('\u{1b}'));
    }
}
