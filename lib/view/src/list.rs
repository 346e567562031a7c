//! Tables and lines about many things: sessions, worktrees, checks. It must never find them itself.

use crate::clean::visible;
use crate::diff::counts;
use crate::style::{Mark, Role, Style};
use crate::table::{Column, LongTable, Table};
use crate::text::{Text, plural};
use crate::units;

/// One session in `ace ls`.
#[derive(Debug, Clone)]
pub struct Row {
    /// How it stands.
    pub mark: Mark,
    /// Name.
    pub name: String,
    /// How it stands, in words: `asks: cargo add serde`, `done, not landed`.
    pub state: String,
    /// Name of the project.
    pub project: String,
    /// `provider/model`; its last part is shown.
    pub model: String,
    /// Micro-dollars; `None` if unknown.
    pub cost: Option<u64>,
    /// Files changed, lines added, lines removed.
    pub changed: (u64, u64, u64),
    /// Ms since the last line.
    pub age: u64,
}

/// `ace ls`: the rows in the caller's order (who waits first, then newest). [`sessions`] draws all of them; who has very many draws
/// them in parts.
#[must_use]
pub fn session_table(style: &Style) -> LongTable<'_, Row> {
    let columns = vec![
        Column::text("SESSION"),
        Column::text("STATE").grows(),
        Column::text("PROJECT"),
        Column::text("MODEL"),
        Column::number("COST"),
        Column::number("CHANGED"),
        Column::number("AGE"),
    ];
    LongTable::new(columns, session_cells, style)
}

fn session_cells(row: &Row, style: &Style) -> (Text, Vec<Text>) {
    let state = match row.mark {
        Mark::Waits | Mark::Warns | Mark::Refused => Role::Edge,
        Mark::Failed => Role::Bad,
        Mark::Runs | Mark::Done => Role::Plain,
    };
    let (files, added, removed) = row.changed;
    let cost = Text::of(if row.cost.is_some() { Role::Plain } else { Role::Edge }, units::cost(row.cost));
    let cells = vec![
        visible(&row.name, Role::Bold),
        visible(&row.state, state),
        visible(&row.project, Role::Plain),
        visible(row.model.rsplit('/').next().unwrap_or_default(), Role::Plain),
        cost,
        if files == 0 { Text::of(Role::Dim, "-") } else { counts(added, removed) },
        Text::of(Role::Dim, units::age(row.age)),
    ];
    (Text::marked(row.mark, style), cells)
}

/// The rows, and a line that sums them up.
#[must_use]
pub fn sessions(rows: &[Row], style: &Style) -> Vec<Text> {
    let table = session_table(style);
    let widths = table.fit(&[table.measure(rows)]);
    let mut out = Vec::new();
    if !rows.is_empty() {
        out.push(table.head(&widths));
        out.extend(table.draw(rows, &widths));
    }
    out.extend(session_sum(rows, style));
    out
}

/// The line that sums sessions up, wrapped.
#[must_use]
pub fn session_sum(rows: &[Row], style: &Style) -> Vec<Text> {
    summary(rows).wrap(style.width, 0)
}

fn summary(rows: &[Row]) -> Text {
    let mut line = Text::of(Role::Plain, plural(rows.len() as u64, "session"));
    if rows.is_empty() {
        return Text::of(Role::Plain, "no sessions");
    }
    let sum = rows.iter().filter_map(|r| r.cost).fold(0u64, u64::saturating_add);
    let unpriced = rows.iter().filter(|r| r.cost.is_none()).count();
    if unpriced < rows.len() {
        line = line.plain(format!(", {}", units::money(sum)));
    }
    if unpriced > 0 {
        line = line.plain(", ").with(Role::Edge, format!("{unpriced} unpriced"));
    }
    let waiting: Vec<&Row> = rows.iter().filter(|r| r.mark == Mark::Waits).collect();
    if let Some(first) = waiting.first() {
        let verb = if waiting.len() == 1 { "waits" } else { "wait" };
        line = line.plain(format!(", {} {verb} for you: ", waiting.len()));
        line = line.with(Role::Typed, "ace resume ").and(visible(&first.name, Role::Typed));
    }
    line
}

/// One limit in `ace-quota show`.
#[derive(Debug, Clone)]
pub struct Limit {
    /// How it stands.
    pub mark: Mark,
    /// Whose: `group nightly`, `day`.
    pub whose: String,
    /// The time it counts for.
    pub period: String,
    /// What is spent, in words.
    pub used: String,
    /// What is set aside for calls under way, in words.
    pub reserved: String,
    /// The limit, in words.
    pub limit: String,
    /// Spent, set aside, allowed.
    pub parts: (u64, u64, u64),
}

/// Cells of a bar.
const BAR: u64 = 20;

/// `ace-quota show`: a bar each, full for what is spent, light for what is set aside.
#[must_use]
pub fn limits(rows: &[Limit], style: &Style) -> Vec<Text> {
    let mut table = Table::new(vec![
        Column::text("LIMIT"),
        Column::text("PERIOD"),
        Column::number("SPENT"),
        Column::number("SET ASIDE"),
        Column::number("OF"),
        Column::number("SHARE"),
        Column::text(""),
    ]);
    for row in rows {
        let (used, reserved, allowed) = row.parts;
        let role = match row.mark {
            Mark::Failed => Role::Bad,
            Mark::Warns => Role::Edge,
            _ => Role::Plain,
        };
        let taken = used.saturating_add(reserved);
        table.row(
            Text::marked(row.mark, style),
            vec![
                visible(&row.whose, Role::Bold),
                Text::of(Role::Dim, &row.period),
                Text::of(Role::Plain, &row.used),
                Text::of(Role::Dim, &row.reserved),
                Text::of(Role::Plain, &row.limit),
                Text::of(role, units::percent(taken, allowed)),
                Text::of(role, bar(row.parts, style)),
            ],
        );
    }
    table.draw(style)
}

fn bar((used, reserved, allowed): (u64, u64, u64), style: &Style) -> String {
    let cells = |n: u64| {
        let cells = u128::from(n) * u128::from(BAR);
        u64::try_from(cells.div_ceil(u128::from(allowed.max(1)))).unwrap_or(BAR).min(BAR)
    };
    let (full, taken) = (cells(used), cells(used.saturating_add(reserved)));
    let (on, held, off) = if style.ascii { ("#", "+", ".") } else { ("█", "▒", "░") };
    let parts = [(on, full), (held, taken - full), (off, BAR - taken)];
    parts.iter().map(|(mark, n)| mark.repeat(usize::try_from(*n).unwrap_or(0))).collect()
}

/// One worktree in `ace-worktree list`.
#[derive(Debug, Clone)]
pub struct Tree {
    /// How it stands: runs, done, …
    pub mark: Mark,
    /// Its session's name.
    pub name: String,
    /// Its branch.
    pub branch: String,
    /// Commits since its base.
    pub commits: u64,
    /// Uncommitted changes are in it.
    pub dirty: bool,
    /// All of it is in the branch it came from.
    pub merged: bool,
    /// Bytes on the disk.
    pub disk: u64,
    /// Ms since it was last changed.
    pub age: u64,
    /// `prune` may take it.
    pub can_go: bool,
}

/// `ace-worktree list`.
#[must_use]
pub fn worktrees(trees: &[Tree], style: &Style) -> Vec<Text> {
    let mut table = Table::new(vec![
        Column::text("WORKTREE"),
        Column::text("BRANCH").path().grows(),
        Column::text("STATE"),
        Column::number("DISK"),
        Column::number("AGE"),
    ]);
    for tree in trees {
        let mut state = if tree.merged {
            Text::of(Role::Plain, "merged")
        } else {
            Text::of(Role::Plain, plural(tree.commits, "commit"))
        };
        if tree.dirty {
            state = state.plain(", ").with(Role::Edge, "dirty");
        }
        table.row(
            Text::marked(tree.mark, style),
            vec![
                visible(&tree.name, Role::Bold),
                visible(&tree.branch, Role::Plain),
                state,
                Text::of(Role::Dim, units::bytes(tree.disk)),
                Text::of(Role::Dim, units::age(tree.age)),
            ],
        );
    }
    let mut out = if trees.is_empty() { Vec::new() } else { table.draw(style) };
    let disk = trees.iter().fold(0u64, |sum, t| sum.saturating_add(t.disk));
    let mut line = if trees.is_empty() {
        Text::of(Role::Plain, "no worktrees")
    } else {
        Text::of(Role::Plain, format!("{}, {}", plural(trees.len() as u64, "worktree"), units::bytes(disk)))
    };
    let go = trees.iter().filter(|t| t.can_go).count();
    if go > 0 {
        line = line.plain(format!(", {go} can go: ")).with(Role::Typed, "ace-worktree prune");
    }
    out.extend(line.wrap(style.width, 0));
    out
}

/// `ace-log verify` of a whole log: lines, blobs, and the head (seq and hash).
#[must_use]
pub fn verified(name: &str, lines: u64, blobs: u64, head: (u64, &str), style: &Style) -> Vec<Text> {
    let hash: String = head.1.chars().take(8).collect();
    let words = format!("  {}, {}, chain whole, head ", plural(lines, "line"), plural(blobs, "blob"));
    Text::marked(Mark::Done, style)
        .and(visible(name, Role::Bold))
        .plain(words)
        .with(Role::Typed, format!("@{}", head.0))
        .plain(" ")
        .and(visible(&hash, Role::Dim))
        .wrap(style.width, 2)
}

/// `ace-log recover`: what was kept, what was not (lines, bytes), and where that (`places`: the bytes, the damaged folder) is.
#[must_use]
pub fn recovered(name: &str, lines: u64, last: u64, left: (u64, u64), places: [&str; 2], style: &Style) -> Vec<Text> {
    let [bytes, folder] = places;
    let first = Text::marked(Mark::Done, style)
        .and(visible(name, Role::Bold))
        .plain(format!("  kept {}, up to ", plural(lines, "line")))
        .with(Role::Typed, format!("@{last}"))
        .plain(format!("; not kept: {}, {}", plural(left.0, "line"), units::bytes(left.1)));
    let place = |what: &str, path: &str| Text::of(Role::Dim, format!("  {what} ")).and(visible(path, Role::Plain));
    let mut out = first.wrap(style.width, 2);
    out.push(place("not kept:", bytes));
    out.push(place("damaged: ", folder));
    out
}

/// One thing that `ace doctor` looked at.
#[derive(Debug, Clone)]
pub struct Check {
    /// How it stands.
    pub mark: Mark,
    /// What.
    pub name: String,
    /// What was found.
    pub found: String,
    /// The command that cures it; empty if nothing has to be done.
    pub cure: String,
}

/// `ace doctor`: a line a thing, the cure in it.
#[must_use]
pub fn checks(checks: &[Check], style: &Style) -> Vec<Text> {
    let widest = checks.iter().map(|c| crate::text::cells(&c.name)).max().unwrap_or(0).min(20);
    let draw = |check: &Check| {
        let head = Text::marked(check.mark, style).and(visible(&check.name, Role::Bold)).to(2 + widest).gap(2);
        let mut line = head.and(visible(&check.found, Role::Plain));
        if !check.cure.is_empty() {
            line = line.plain(": ").and(visible(&check.cure, Role::Typed));
        }
        line.wrap(style.width, widest + 4)
    };
    checks.iter().flat_map(draw).collect()
}
