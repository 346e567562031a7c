//! What sessions cost, by turn and model: sums of what is recorded. A cost is never reckoned anew; only what it would have been
//! without a cache is, by the prices of today.

use std::collections::{BTreeSet, HashMap};

use ace_prices::{Service, Table as Prices, Without};
use ace_schema::Line;
use ace_schema::data::{ContextBuilt, ModelCompleted, ModelFailed};
use ace_schema::message::Usage;
use ace_schema::ty;

use crate::clean::visible;
use crate::style::{Role, Style};
use crate::table::{Column, Table};
use crate::text::Text;
use crate::units;

/// One row: the calls of one turn, or one session, to one model.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Row {
    /// The turn, or the session's name.
    pub of: String,
    /// `provider/model`.
    pub model: String,
    /// Calls that have ended.
    pub calls: u64,
    /// Tokens.
    pub usage: Usage,
    /// Micro-dollars of the calls that have a price.
    pub cost: u64,
    /// Micro-dollars that these would have cost without a cache.
    pub without: u64,
    /// Calls without a price.
    pub unpriced: u64,
    /// Calls whose figures are an estimate.
    pub estimated: u64,
}

/// The sums of one session or of many.
#[derive(Debug, Clone, Default)]
pub struct Costs {
    /// In the order in which they came.
    pub rows: Vec<Row>,
    /// Ids of the price tables behind the costs.
    pub prices: BTreeSet<String>,
    contexts: HashMap<String, String>,
    claims: HashMap<String, String>,
}

/// Both together.
#[must_use]
pub fn sum(a: &Usage, b: &Usage) -> Usage {
    Usage {
        input: a.input.saturating_add(b.input),
        output: a.output.saturating_add(b.output),
        cache_read: a.cache_read.saturating_add(b.cache_read),
        cache_write: a.cache_write.saturating_add(b.cache_write),
        cache_write_1h: a.cache_write_1h.saturating_add(b.cache_write_1h),
        reasoning: a.reasoning.saturating_add(b.reasoning),
    }
}

fn input(usage: &Usage) -> u64 {
    usage.input.saturating_add(usage.cache_read).saturating_add(usage.cache_write)
}

/// A call that has ended.
#[derive(Default)]
struct Ended {
    usage: Usage,
    cost: Option<u64>,
    prices: String,
    estimated: bool,
}

impl Costs {
    /// Takes in one recorded line of a session; `of` names the row it belongs to, its turn if there is no name.
    pub fn fold(&mut self, line: &Line, of: Option<&str>, prices: &Prices) {
        match &*line.ty {
            ty::CONTEXT_BUILT => {
                let model = line.data::<ContextBuilt>().map(|c| c.model).unwrap_or_default();
                self.contexts.insert(line.id.to_string(), model);
            }
            ty::MODEL_REQUESTED => {
                // The first claim of a context wins.
                if let Some(model) = self.contexts.remove(&*line.cause) {
                    self.claims.insert(line.id.to_string(), model);
                }
            }
            ty::MODEL_COMPLETED | ty::MODEL_FAILED => {
                let Some(model) = self.claims.remove(&*line.cause) else { return };
                let turn = line.turn.to_string();
                self.add(of.unwrap_or(&turn), &model, ended(line), prices);
            }
            _ => {}
        }
    }

    fn add(&mut self, of: &str, model: &str, ended: Ended, prices: &Prices) {
        let at = self.rows.iter().position(|r| r.of == of && r.model == model).unwrap_or_else(|| {
            self.rows.push(Row { of: of.to_owned(), model: model.to_owned(), ..Row::default() });
            self.rows.len() - 1
        });
        let row = &mut self.rows[at];
        row.calls += 1;
        row.usage = sum(&row.usage, &ended.usage);
        row.estimated += u64::from(ended.estimated);
        let Some(cost) = ended.cost else {
            // A call that took nothing costs nothing, priced or not.
            row.unpriced += u64::from(ended.usage != Usage::default());
            return;
        };
        let by = |usage: &Usage| prices.cost(model, usage, Service::Usual).unwrap_or(0);
        let (with, without) = (by(&ended.usage), by(&ended.usage.without_cache()));
        row.cost = row.cost.saturating_add(cost);
        // What is recorded, and the difference by today's prices: an old table is not here any more.
        let without = if cost == 0 { 0 } else { cost.saturating_add(without).saturating_sub(with) };
        row.without = row.without.saturating_add(without);
        if !ended.prices.is_empty() {
            self.prices.insert(ended.prices);
        }
    }

    /// All rows together.
    #[must_use]
    pub fn total(&self) -> Row {
        self.rows.iter().fold(Row { of: String::new(), ..Row::default() }, |all, row| Row {
            calls: all.calls + row.calls,
            usage: sum(&all.usage, &row.usage),
            cost: all.cost.saturating_add(row.cost),
            without: all.without.saturating_add(row.without),
            unpriced: all.unpriced + row.unpriced,
            estimated: all.estimated + row.estimated,
            ..all
        })
    }
}

fn ended(line: &Line) -> Ended {
    if line.ty == ty::MODEL_COMPLETED {
        let done: ModelCompleted = line.data().unwrap_or_default();
        return Ended { usage: done.usage, cost: done.cost, prices: done.prices, estimated: done.estimated };
    }
    let Ok(failed) = line.data::<ModelFailed>() else { return Ended::default() };
    let usage = failed.usage.unwrap_or_default();
    Ended { usage, cost: failed.cost, prices: failed.prices, estimated: failed.estimated }
}

/// A model as a table shows it: without its provider, unless nobody knows its price.
fn short(row: &Row) -> &str {
    if row.unpriced > 0 { &row.model } else { row.model.rsplit('/').next().unwrap_or(&row.model) }
}

/// The table, its sum, and where the prices come from. `head` is that of the first column.
#[must_use]
pub fn table(costs: &Costs, head: &'static str, style: &Style) -> Vec<Text> {
    let turns = head == "TURN";
    let first = if turns { Column::number(head) } else { Column::text(head) };
    let mut table = Table::new(vec![
        first,
        Column::text("MODEL"),
        Column::number("CALLS"),
        Column::number("INPUT"),
        Column::number("CACHED"),
        Column::number("OUTPUT"),
        Column::number("COST"),
        Column::number("WITHOUT CACHE"),
    ]);
    let total = costs.total();
    for row in &costs.rows {
        let of = visible(&row.of, if turns { Role::Plain } else { Role::Bold });
        let without =
            if row.cost == 0 { Text::of(Role::Dim, "-") } else { Text::of(Role::Plain, units::money(row.without)) };
        let mut cells = vec![of, visible(short(row), Role::Plain)];
        cells.extend(numbers(row, Role::Plain));
        cells.push(without);
        table.row(Text::new(), cells);
    }
    let mut cells = vec![Text::new(), Text::of(Role::Bold, "total")];
    cells.extend(numbers(&total, Role::Bold));
    let saved = match total.without.checked_sub(total.cost) {
        Some(0) => Text::of(Role::Dim, "-"),
        Some(saved) => Text::of(Role::Bold, format!("saved {}", units::money(saved))),
        None => Text::of(Role::Bold, format!("{} more", units::money(total.cost - total.without))),
    };
    cells.push(saved);
    table.row(Text::new(), cells);
    let mut out = table.draw(style);
    out.extend(notes(costs, &total).into_iter().flat_map(|note| note.wrap(style.width, 0)));
    out
}

fn numbers(row: &Row, role: Role) -> Vec<Text> {
    let input = input(&row.usage);
    let cost = match (row.unpriced, row.cost) {
        (1.., 0) => Text::of(Role::Edge, "unpriced"),
        _ => Text::of(role, units::money(row.cost)),
    };
    vec![
        Text::of(role, units::count(row.calls)),
        Text::of(role, units::tokens(input)),
        Text::of(role, units::percent(row.usage.cache_read, input)),
        Text::of(role, units::tokens(row.usage.output)),
        cost,
    ]
}

fn notes(costs: &Costs, total: &Row) -> Vec<Text> {
    let mut parts = Vec::new();
    let dates: BTreeSet<&str> =
        costs.prices.iter().map(|p| p.get(..10).filter(|_| p.len() > 11).unwrap_or(p)).collect();
    if !dates.is_empty() {
        parts.push(Text::of(Role::Dim, format!("prices of {}", dates.into_iter().collect::<Vec<_>>().join(", "))));
    }
    let unpriced: BTreeSet<&str> = costs.rows.iter().filter(|r| r.unpriced > 0).map(|r| r.model.as_str()).collect();
    if !unpriced.is_empty() {
        let names = visible(&unpriced.into_iter().collect::<Vec<_>>().join(", "), Role::Edge);
        parts.push(Text::of(Role::Dim, "unpriced: ").and(names).dim(", see [prices] in ace-config(5)"));
    }
    if total.estimated > 0 {
        let what = format!("{} of {} calls estimated", units::count(total.estimated), units::count(total.calls));
        parts.push(Text::of(Role::Dim, what));
    }
    let line = parts.into_iter().reduce(|line, part| line.dim("; ").and(part));
    line.into_iter().collect()
}
