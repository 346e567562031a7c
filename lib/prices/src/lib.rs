//! What models cost, and how much they take in and give out: a dated table of exact names, and integer arithmetic over it.
//!
//! A price is looked up by exact name, then by a declared alias, never by a part of a name; a model without a price has no cost,
//! which is something else than a cost of nothing. Money is micro-dollars, rounded up once a call.
//! Invariant: no file, clock, socket, thread or environment; no floating point; no provider's own words for tokens.

mod cost;
mod read;
mod table;

pub use cost::{Rates, Service, Without, worst};
pub use table::{Limits, Model, Table, Tier};

/// The table as it is in the repository, made by `tools/prices.py`.
const TEXT: &str = include_str!("../data/prices.txt");

/// The facts of a model of the table in the repository: window and most output in tokens.
#[must_use]
pub fn limits(provider: &str, model: &str) -> Option<Limits> {
    use std::sync::OnceLock;
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(Table::built_in).limits(&format!("{provider}/{model}"))
}
