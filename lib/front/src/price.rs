//! The table of prices with the user's own rows. It must never reckon with them.

use ace_config::Price;
use ace_prices::{Rates, Table};

use crate::opening::Opening;

/// The table that holds here.
#[must_use]
pub fn prices(opening: &Opening) -> Table {
    let own = opening.settings.config.prices.iter().map(|(model, price)| (model.clone(), rates(price)));
    Table::with(&own.collect::<Vec<_>>())
}

/// What nobody said costs as much as what it is part of.
fn rates(price: &Price) -> Rates {
    let write = price.cache_write.unwrap_or(price.input);
    Rates {
        input: price.input,
        read: price.cache_read.unwrap_or(price.input),
        write,
        write_1h: price.cache_write_1h.unwrap_or(write),
        output: price.output,
        reasoning: price.output,
    }
}
