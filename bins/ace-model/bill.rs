//! What an answer is billed: by the provider's figures where they can be true, by a careful estimate where they cannot. It must
//! never lower what was spent.

use ace_prices::{Service, Table, Without};
use ace_schema::limits::{QUOTA_BYTES_PER_TOKEN, QUOTA_MESSAGE_TOKENS};
use ace_schema::message::{Message, Usage};

/// Bytes of output above which a token of the provider's figure is not believed to have made them.
const BYTES_MOST: u64 = 64;

/// What bills an answer.
pub struct Bill<'a> {
    /// The prices that hold.
    pub prices: &'a Table,
    /// `provider/name`.
    pub model: &'a str,
    /// It is played and costs nothing.
    pub recorded: bool,
    /// Tokens of the request, rather too many.
    pub input: u64,
}

/// A bill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Billed {
    /// Figures that can be true.
    pub usage: Usage,
    /// Micro-dollars; `None` without a price.
    pub cost: Option<u64>,
    /// Where the price stands.
    pub prices: String,
    /// The provider gave no figures that can be true.
    pub estimated: bool,
}

/// Tokens that a request may have, rather too many.
pub fn input(system: &str, tools: &str, messages: &[Message]) -> u64 {
    let bytes = (system.len() + tools.len()) as u64 + ace_core::compaction::bytes(messages);
    tokens(bytes) + messages.len() as u64 * QUOTA_MESSAGE_TOKENS
}

fn tokens(bytes: u64) -> u64 {
    bytes.div_ceil(QUOTA_BYTES_PER_TOKEN)
}

impl Bill<'_> {
    /// The bill for an answer of so many bytes, its provider's figures, and what the provider says it cost, micro-dollars.
    pub fn of(&self, said: &Usage, bytes: u64, reported: Option<u64>) -> Billed {
        if self.recorded {
            // It was paid when it was recorded; its figures are shown as they were.
            let usage = said.clamped().0;
            return Billed { usage, cost: Some(0), prices: "recorded".to_owned(), estimated: false };
        }
        let (mut usage, mut estimated) = said.clamped();
        if usage.output.saturating_mul(BYTES_MOST) < bytes {
            usage.output = usage.output.max(tokens(bytes));
            estimated = true;
        }
        if usage.input == 0 && usage.cache_read == 0 && usage.cache_write == 0 {
            usage.input = self.input;
            estimated = true;
        }
        match (self.prices.cost(self.model, &usage, Service::Usual), reported) {
            (Some(cost), _) => Billed { usage, cost: Some(cost), prices: self.prices.id().to_owned(), estimated },
            // Nobody knows its price but the provider.
            (None, Some(cost)) => Billed { usage, cost: Some(cost), prices: "reported".to_owned(), estimated },
            (None, None) => Billed { usage, cost: None, prices: String::new(), estimated },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ace_prices::Rates;

    fn bill(said: Usage, bytes: u64, reported: Option<u64>) -> Billed {
        let prices = Table::with(&[("a/b".into(), Rates::flat(1_000_000, 2_000_000))]);
        Bill { prices: &prices, model: "a/b", recorded: false, input: 100 }.of(&said, bytes, reported)
    }

    #[test]
    fn figures_that_can_be_true_are_taken() {
        let billed = bill(Usage { input: 10, output: 5, ..Usage::default() }, 20, None);
        assert_eq!((billed.cost, billed.estimated), (Some(20), false));
        assert!(billed.prices.starts_with("20"));
    }

    #[test]
    fn c07_figures_that_are_missing_or_too_small_never_lower_what_is_spent() {
        let none = bill(Usage::default(), 40, None);
        assert_eq!((none.usage.input, none.usage.output, none.cost, none.estimated), (100, 20, Some(140), true));
        let low = bill(Usage { input: 10, output: 1, ..Usage::default() }, 1000, None);
        assert_eq!((low.usage.output, low.estimated), (500, true), "a token is no thousand bytes");
        let wild = bill(Usage { input: u64::MAX, output: u64::MAX, ..Usage::default() }, 1, None);
        assert!(wild.estimated && wild.usage.output < u64::MAX);
        let silent = bill(Usage { input: 10, ..Usage::default() }, 0, None);
        assert_eq!((silent.cost, silent.estimated), (Some(10), false), "nothing was said, nothing is billed");
    }

    #[test]
    fn c07_the_providers_own_cost_stands_beside_and_counts_where_there_is_no_price() {
        let said = Usage { input: 10, output: 5, ..Usage::default() };
        let beside = bill(said, 10, Some(500_000));
        assert_eq!(beside.cost, Some(20));
        let prices = Table::built_in();
        let unpriced = |reported| {
            let billed = Bill { prices: &prices, model: "x/y", recorded: false, input: 1 }.of(&said, 10, reported);
            (billed.cost, billed.prices)
        };
        assert_eq!(unpriced(Some(1235)), (Some(1235), "reported".to_owned()));
        assert_eq!(unpriced(None), (None, String::new()));
    }

    #[test]
    fn c14_each_answer_names_the_table_it_was_billed_by() {
        let (old, new) = (Rates::flat(1_000_000, 1), Rates::flat(9_000_000, 1));
        let by = |rates| {
            let prices = Table::with(&[("a/b".into(), rates)]);
            let usage = Usage { input: 10, output: 1, ..Usage::default() };
            let billed = Bill { prices: &prices, model: "a/b", recorded: false, input: 1 }.of(&usage, 1, None);
            (billed.cost, billed.prices)
        };
        assert_ne!(by(old).1, by(new).1);
        assert_eq!(by(old), by(old), "the same table has the same name");
        assert_eq!((by(old).0, by(new).0), (Some(11), Some(91)));
    }
}
