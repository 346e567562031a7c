//! The table: models by their exact names, aliases, and the id that names this very table. It must never guess a name.

use std::collections::BTreeMap;

use ace_schema::message::Usage;
use sha2::{Digest, Sha256};

use crate::cost::{Rates, Service};
use crate::read;

/// How much a model takes in and gives out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// Tokens of input; 0 if unknown.
    pub window: u64,
    /// Tokens of one answer; 0 if unknown.
    pub output: u64,
}

/// Other rates, for requests of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tier {
    /// The service they hold for.
    pub service: Service,
    /// They hold for requests with more input tokens than this, of all kinds together.
    pub above: u64,
    /// The rates.
    pub rates: Rates,
}

/// One model.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Model {
    /// How much it takes in and gives out.
    pub limits: Limits,
    /// What it costs, unless a tier says otherwise.
    pub rates: Rates,
    /// Other rates.
    pub tiers: Vec<Tier>,
}

impl Model {
    /// The rates for a request with so many input tokens of all kinds. A service without rates of its own has the usual ones.
    #[must_use]
    pub fn rates(&self, input: u64, service: Service) -> &Rates {
        let of = |service: Service| {
            let fits = |t: &&Tier| t.service == service && input > t.above;
            self.tiers.iter().filter(fits).max_by_key(|t| t.above).map(|t| &t.rates)
        };
        of(service).or_else(|| of(Service::Usual)).unwrap_or(&self.rates)
    }

    /// The highest rates that a request with at most so many input tokens can meet.
    #[must_use]
    pub fn worst_rates(&self, input: u64, service: Service) -> Rates {
        let fits = |t: &&Tier| (t.service == service || t.service == Service::Usual) && input > t.above;
        self.tiers.iter().filter(fits).fold(self.rates, |worst, tier| worst.max(&tier.rates))
    }

    /// What an answer costs, micro-dollars, rounded up.
    #[must_use]
    pub fn cost(&self, usage: &Usage, service: Service) -> u64 {
        self.rates(crate::cost::input(usage), service).cost(usage)
    }
}

/// Models and their prices.
#[derive(Debug, Clone, Default)]
pub struct Table {
    date: String,
    id: String,
    models: BTreeMap<String, Model>,
    aliases: BTreeMap<String, String>,
    short: BTreeMap<String, String>,
}

impl Table {
    /// The table in the repository.
    #[must_use]
    pub fn built_in() -> Self {
        Self::with(&[])
    }

    /// The same with rows of the user's own (`provider/model` and its rates, which replace all that was known of its price). Its
    /// id is another one then.
    #[must_use]
    pub fn with(own: &[(String, Rates)]) -> Self {
        let read::Read { date, models, aliases, short, .. } = read::read(crate::TEXT);
        let mut table = Self { date, models, aliases, short, ..Self::default() };
        let mut hash = Sha256::new();
        hash.update(crate::TEXT.as_bytes());
        for (name, rates) in own {
            let exact = table.aliases.get(name).unwrap_or(name).clone();
            hash.update(format!("{exact} {rates:?}\n").as_bytes());
            let model = table.models.entry(exact).or_default();
            (model.rates, model.tiers) = (*rates, Vec::new());
        }
        let digest: String = hash.finalize().iter().take(4).map(|b| format!("{b:02x}")).collect();
        table.id = format!("{}-{digest}", table.date);
        table
    }

    /// `DATE-DIGEST`: names this very table, the user's own rows included.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The day of the prices, `2026-11-20`.
    #[must_use]
    pub fn date(&self) -> &str {
        &self.date
    }

    /// The model of that exact `provider/name`, or of a declared alias of it. Never of a part of a name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Model> {
        self.models.get(name).or_else(|| self.models.get(self.aliases.get(name)?))
    }

    /// What an answer of that model costs, micro-dollars; `None` if it has no price.
    #[must_use]
    pub fn cost(&self, name: &str, usage: &Usage, service: Service) -> Option<u64> {
        self.find(name).map(|model| model.cost(usage, service))
    }

    /// How much that model takes in and gives out.
    #[must_use]
    pub fn limits(&self, name: &str) -> Option<Limits> {
        self.find(name).map(|model| model.limits).filter(|l| *l != Limits::default())
    }

    /// The whole name behind a short one (`sonnet`), for people.
    #[must_use]
    pub fn short(&self, word: &str) -> Option<&str> {
        self.short.get(word).map(String::as_str)
    }

    /// Every exact name.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.models.keys().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_exact_or_declared_never_parts_of_names() {
        let table = Table::built_in();
        let priced = |name: &str| table.find(name).is_some();
        assert!(priced("openai/gpt-4o-mini") && priced("openai/gpt-4"));
        assert_ne!(table.find("openai/gpt-4o-mini"), table.find("openai/gpt-4"), "a longer name is another model");
        for unknown in [
            "openai/gpt-4o-mini-2099-01-01",
            "openai/gpt",
            "gpt-5",
            "openai/GPT-5",
            "openrouter/openai/gpt-5",
            "",
            "/",
            "x/gpt-5",
        ] {
            assert!(!priced(unknown), "{unknown}");
        }
        assert_eq!(table.find("anthropic/claude-sonnet-4-5-latest"), table.find("anthropic/claude-sonnet-4-5"));
    }

    #[test]
    fn every_row_has_a_price_and_facts_that_can_be_true() {
        let table = Table::built_in();
        assert!(table.names().count() > 100);
        for name in table.names() {
            let model = table.find(name).unwrap();
            assert!(model.limits.window < 100_000_000 && model.limits.output <= 2_000_000, "{name}");
            for rates in model.tiers.iter().map(|t| &t.rates).chain([&model.rates]) {
                // A thousand dollars a million tokens is a slip of a digit.
                for rate in [rates.input, rates.read, rates.write, rates.write_1h, rates.output, rates.reasoning] {
                    assert!(rate < 1_000_000_000, "{name} {rates:?}");
                }
            }
        }
        for word in ["sonnet", "gpt", "flash"] {
            assert!(table.find(table.short(word).unwrap()).is_some(), "{word}");
        }
    }

    #[test]
    fn own_rows_replace_a_price_and_give_the_table_another_id() {
        let (built, own) = (Table::built_in(), ("openai/gpt-5".to_owned(), Rates::flat(1, 2)));
        let mine = Table::with(&[own]);
        assert_ne!(built.id(), mine.id());
        assert!(mine.id().starts_with(&format!("{}-", built.date())));
        assert_eq!(mine.find("openai/gpt-5").unwrap().rates.output, 2);
        assert_eq!(mine.limits("openai/gpt-5"), built.limits("openai/gpt-5"), "what it takes in stays known");
        assert_eq!(
            Table::with(&[("local/x".into(), Rates::flat(0, 0))]).cost("local/x", &Usage::default(), Service::Usual),
            Some(0)
        );
        assert_eq!(mine.limits("local/x"), None);
    }

    #[test]
    fn tiers_hold_for_the_whole_request_once_it_is_long() {
        let table = Table::built_in();
        let of = |input, output| {
            table.cost("gemini/gemini-2.5-pro", &Usage { input, output, ..Usage::default() }, Service::Usual)
        };
        assert_eq!(of(200_000, 0), Some(250_000));
        assert_eq!(of(200_001, 0), Some(500_003), "every token of it, rounded up");
        assert_eq!(of(0, 1000), Some(10_000));
        let cached = Usage { input: 1, cache_read: 200_000, ..Usage::default() };
        assert_eq!(
            table.cost("gemini/gemini-2.5-pro", &cached, Service::Usual),
            Some(50_003),
            "cached input makes it long as well"
        );
        let priority = Usage { input: 1_000_000, ..Usage::default() };
        assert_eq!(table.cost("openai/gpt-5", &priority, Service::Priority), Some(2_500_000));
        assert_eq!(table.cost("openai/gpt-5", &priority, Service::Usual), Some(1_250_000));
    }
}
