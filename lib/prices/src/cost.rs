//! Rates and sums: pico-dollars a token in, micro-dollars a call out, rounded up once. It must never know a model's name.

use ace_schema::limits::USAGE_MOST;
use ace_schema::message::Usage;

use crate::table::Model;

/// Pico-dollars in a micro-dollar.
const PICO: u128 = 1_000_000;

/// How a provider serves a request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Service {
    /// As ever.
    #[default]
    Usual,
    /// Slower and cheaper.
    Flex,
    /// Sooner and dearer.
    Priority,
}

impl Service {
    /// The service that a provider names in its answer; anything unknown is the usual one.
    #[must_use]
    pub fn named(name: &str) -> Self {
        match name {
            "flex" => Self::Flex,
            "priority" => Self::Priority,
            _ => Self::Usual,
        }
    }
}

/// Pico-dollars a token (dollars a million tokens, times 1,000,000).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rates {
    /// Input that no cache held.
    pub input: u64,
    /// Input read from a cache.
    pub read: u64,
    /// Input written to a cache.
    pub write: u64,
    /// Input written to a cache for an hour.
    pub write_1h: u64,
    /// Output.
    pub output: u64,
    /// Reasoning.
    pub reasoning: u64,
}

impl Rates {
    /// Rates of a model that has no others: what a cache holds costs as much as what it does not.
    #[must_use]
    pub fn flat(input: u64, output: u64) -> Self {
        Self { input, read: input, write: input, write_1h: input, output, reasoning: output }
    }

    /// The higher one of each.
    #[must_use]
    pub fn max(&self, other: &Self) -> Self {
        Self {
            input: self.input.max(other.input),
            read: self.read.max(other.read),
            write: self.write.max(other.write),
            write_1h: self.write_1h.max(other.write_1h),
            output: self.output.max(other.output),
            reasoning: self.reasoning.max(other.reasoning),
        }
    }

    /// Micro-dollars, rounded up once. What the kinds within others claim to be more than these is not believed.
    #[must_use]
    pub fn cost(&self, usage: &Usage) -> u64 {
        let hour = usage.cache_write_1h.min(usage.cache_write);
        let reasoning = usage.reasoning.min(usage.output);
        let pico = [
            (usage.input, self.input),
            (usage.cache_read, self.read),
            (usage.cache_write - hour, self.write),
            (hour, self.write_1h),
            (usage.output - reasoning, self.output),
            (reasoning, self.reasoning),
        ];
        up(pico.iter().map(|(tokens, rate)| u128::from(*tokens) * u128::from(*rate)).fold(0, u128::saturating_add))
    }

    /// The dearest way in which a token of input can be billed.
    #[must_use]
    pub fn worst_input(&self) -> u64 {
        self.input.max(self.read).max(self.write).max(self.write_1h)
    }

    /// The dearest way in which a token of output can be billed.
    #[must_use]
    pub fn worst_output(&self) -> u64 {
        self.output.max(self.reasoning)
    }
}

fn up(pico: u128) -> u64 {
    u64::try_from(pico.div_ceil(PICO)).unwrap_or(u64::MAX)
}

/// Input tokens of all kinds.
pub fn input(usage: &Usage) -> u64 {
    usage.input.saturating_add(usage.cache_read).saturating_add(usage.cache_write)
}

/// The most that a request can cost, micro-dollars: so many tokens in, so many out at most, every token in its dearest way, at the
/// highest rates that so much input can meet.
#[must_use]
pub fn worst(model: &Model, input: u64, output: u64, service: Service) -> u64 {
    let rates = model.worst_rates(input, service);
    let of = |tokens: u64, rate: u64| u128::from(tokens) * u128::from(rate);
    up(of(input, rates.worst_input()).saturating_add(of(output, rates.worst_output())))
}

/// What an answer would have cost without a cache.
pub trait Without {
    /// The same tokens, none of them read from a cache or written to one.
    #[must_use]
    fn without_cache(&self) -> Self;

    /// Figures that can be true: none above [`USAGE_MOST`], no part above its whole. The second says whether any was not.
    #[must_use]
    fn clamped(&self) -> (Usage, bool);
}

impl Without for Usage {
    fn without_cache(&self) -> Self {
        Self { input: input(self), cache_read: 0, cache_write: 0, cache_write_1h: 0, ..*self }
    }

    fn clamped(&self) -> (Usage, bool) {
        let most = |n: u64| n.min(USAGE_MOST);
        let output = most(self.output);
        let cache_write = most(self.cache_write);
        let clamped = Self {
            input: most(self.input),
            output,
            cache_read: most(self.cache_read),
            cache_write,
            cache_write_1h: self.cache_write_1h.min(cache_write),
            reasoning: self.reasoning.min(output),
        };
        (clamped, clamped != *self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{Limits, Tier};
    use proptest::prelude::*;

    const SONNET: Rates = Rates {
        input: 3_000_000,
        read: 300_000,
        write: 3_750_000,
        write_1h: 6_000_000,
        output: 15_000_000,
        reasoning: 15_000_000,
    };

    #[test]
    fn each_kind_of_token_has_its_own_price() {
        let one = |usage: Usage| SONNET.cost(&usage);
        assert_eq!(one(Usage { input: 1_000_000, ..Usage::default() }), 3_000_000);
        assert_eq!(one(Usage { cache_read: 1_000_000, ..Usage::default() }), 300_000);
        assert_eq!(one(Usage { cache_write: 1_000_000, ..Usage::default() }), 3_750_000);
        assert_eq!(one(Usage { cache_write: 1_000_000, cache_write_1h: 1_000_000, ..Usage::default() }), 6_000_000);
        assert_eq!(one(Usage { output: 1_000_000, reasoning: 400_000, ..Usage::default() }), 15_000_000);
    }

    #[test]
    fn a_call_is_rounded_up_once() {
        assert_eq!(Rates::flat(1, 1).cost(&Usage { input: 1, output: 1, ..Usage::default() }), 1);
        assert_eq!(Rates::flat(1, 1).cost(&Usage::default()), 0);
        assert_eq!(Rates::flat(500_000, 500_000).cost(&Usage { input: 1, output: 1, ..Usage::default() }), 1);
        assert_eq!(Rates::flat(500_000, 500_001).cost(&Usage { input: 1, output: 1, ..Usage::default() }), 2);
    }

    #[test]
    fn figures_that_cannot_be_true_are_cut_down_and_said_so() {
        let wild =
            Usage { input: u64::MAX, output: 5, reasoning: 9, cache_write: 2, cache_write_1h: 7, ..Usage::default() };
        let (clamped, odd) = wild.clamped();
        assert!(odd);
        assert_eq!((clamped.input, clamped.reasoning, clamped.cache_write_1h), (USAGE_MOST, 5, 2));
        assert!(!Usage { input: 7, ..Usage::default() }.clamped().1);
        assert!(Rates::flat(u64::MAX, u64::MAX).cost(&wild) > 0, "no overflow");
    }

    fn tier(service: Service, above: u64, rates: Rates) -> Tier {
        Tier { service, above, rates }
    }

    proptest! {
        /// C04: whatever kinds the tokens turn out to be, and whatever tier they meet, the reservation was not too small.
        #[test]
        fn c04_no_answer_within_its_bounds_costs_more_than_its_worst_case(
            kinds in prop::array::uniform4(0u64..400_000), output in 0u64..200_000, reasoning in 0u64..200_000,
            hour in 0u64..400_000, rates in prop::array::uniform6(0u64..100_000_000), dear in 1u64..4, above in 0u64..500_000,
            service in prop::sample::select(vec![Service::Usual, Service::Flex, Service::Priority]),
        ) {
            let [input, read, write, spare] = kinds;
            let [a, b, c, d, e, f] = rates;
            let base = Rates { input: a, read: b, write: c, write_1h: d, output: e, reasoning: f };
            let twice = Rates { input: a * dear, output: e / dear, ..base };
            let model = Model {
                limits: Limits::default(),
                rates: base,
                tiers: vec![tier(Service::Usual, above, twice), tier(Service::Flex, 0, Rates::flat(a / 2, e / 2)), tier(Service::Priority, 0, Rates::flat(a * 2, e * 2))],
            };
            let usage = Usage { input, cache_read: read, cache_write: write, cache_write_1h: hour.min(write), output, reasoning: reasoning.min(output) };
            let all = input + read + write;
            prop_assert!(model.cost(&usage, service) <= worst(&model, all + spare, output, service));
        }
    }
}
