//! What may be spent, and what models cost by the user's own word: `[quota]` and `[prices]`. It adds nothing up.

use std::collections::BTreeMap;

use crate::read::Value;

/// Limits; 0 is none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Amounts {
    /// Micro-dollars.
    pub money: u64,
    /// Tokens of all kinds.
    pub tokens: u64,
    /// Model calls.
    pub calls: u64,
    /// Turns.
    pub turns: u64,
    /// Seconds of work.
    pub seconds: u64,
}

impl Amounts {
    /// Whether nothing is limited.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn at(&mut self, kind: &str) -> Option<&mut u64> {
        Some(match kind {
            "money" => &mut self.money,
            "tokens" => &mut self.tokens,
            "calls" => &mut self.calls,
            "turns" => &mut self.turns,
            "seconds" => &mut self.seconds,
            _ => return None,
        })
    }
}

/// How long a group's spending counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Per {
    /// A day, UTC.
    #[default]
    Day,
    /// A month, UTC.
    Month,
    /// For good.
    Ever,
}

impl Per {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Day, Self::Month, Self::Ever];

    /// As configured.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Month => "month",
            Self::Ever => "ever",
        }
    }

    /// The one of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|p| p.name() == name)
    }
}

/// Limits that many sessions share.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Group {
    /// How much.
    pub amounts: Amounts,
    /// In how long.
    pub per: Per,
}

/// Everything under `[quota]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Quota {
    /// Of each new session.
    pub session: Amounts,
    /// Of a day, UTC.
    pub day: Amounts,
    /// Of a month, UTC.
    pub month: Amounts,
    /// By name.
    pub groups: BTreeMap<String, Group>,
}

impl Quota {
    /// Whether limits hold for every session.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        !(self.day.is_empty() && self.month.is_empty())
    }

    /// Takes the value of a key below `quota.`.
    pub(crate) fn take(&mut self, key: &str, value: &Value) {
        let (scope, kind) = key.rsplit_once('.').unwrap_or(("", key));
        let amounts = match scope.strip_prefix("groups.") {
            Some(name) => {
                let group = self.groups.entry(name.to_owned()).or_default();
                if let (Value::Text(per), "per") = (value, kind) {
                    group.per = Per::parse(per).unwrap_or_default();
                }
                &mut group.amounts
            }
            None => match scope {
                "session" => &mut self.session,
                "day" => &mut self.day,
                "month" => &mut self.month,
                _ => return,
            },
        };
        if let (Some(at), Value::Count(n) | Value::Decimal(n)) = (amounts.at(kind), value) {
            *at = *n;
        }
    }

    /// The limit under that key; 0 if there is none.
    pub(crate) fn limit(&self, key: &str) -> u64 {
        let (scope, kind) = key.rsplit_once('.').unwrap_or(("", key));
        let amounts = match scope.strip_prefix("groups.") {
            Some(name) => self.groups.get(name).map(|g| g.amounts),
            None => match scope {
                "session" => Some(self.session),
                "day" => Some(self.day),
                "month" => Some(self.month),
                _ => None,
            },
        };
        amounts.and_then(|mut a| a.at(kind).copied()).unwrap_or(0)
    }
}

/// What a model costs by the user's own word: pico-dollars a token (dollars a million tokens, times 1,000,000).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Price {
    /// Input.
    pub input: u64,
    /// Output.
    pub output: u64,
    /// Input read from a cache; what input costs if nobody said.
    pub cache_read: Option<u64>,
    /// Input written to a cache, likewise.
    pub cache_write: Option<u64>,
    /// Input written to a cache for an hour; what writing costs if nobody said.
    pub cache_write_1h: Option<u64>,
}

impl Price {
    /// Takes the value of a leaf.
    pub(crate) fn take(&mut self, leaf: &str, n: u64) {
        match leaf {
            "input" => self.input = n,
            "output" => self.output = n,
            "cache_read" => self.cache_read = Some(n),
            "cache_write" => self.cache_write = Some(n),
            "cache_write_1h" => self.cache_write_1h = Some(n),
            _ => {}
        }
    }
}

/// Millionths of a plain decimal number (`0.50`, `$3`), exactly; `None` for anything else, or more than six decimals.
#[must_use]
pub fn millionths(text: &str) -> Option<u64> {
    let text = text.trim().trim_start_matches('$').trim_start_matches('+');
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
    let part = part.trim_end_matches('0');
    if (whole.is_empty() && part.is_empty()) || !digits(whole) || !digits(part) || part.len() > 6 {
        return None;
    }
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let part: u64 = format!("{part:0<6}").parse().ok()?;
    whole.checked_mul(1_000_000)?.checked_add(part)
}

/// Such a number as text again, with two decimals at least.
#[must_use]
pub fn decimal(millionths: u64) -> String {
    let part = format!("{:06}", millionths % 1_000_000);
    format!("{}.{:0<2}", millionths / 1_000_000, part.trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_read_exactly_or_not_at_all() {
        for (text, want) in [
            ("0.50", 500_000),
            ("$3", 3_000_000),
            (".025", 25_000),
            ("1.0000010", 1_000_001),
            ("0", 0),
            ("12.", 12_000_000),
        ] {
            assert_eq!(millionths(text), Some(want), "{text}");
        }
        for odd in ["", ".", "-1", "1e3", "0.0000001", "nan", "inf", "1,5", "1_000", "99999999999999999999"] {
            assert_eq!(millionths(odd), None, "{odd}");
        }
        for n in [0, 1, 25_000, 500_000, 3_000_000, u64::MAX] {
            assert_eq!(millionths(&decimal(n)), Some(n));
        }
        assert_eq!(decimal(25_000), "0.025");
        assert_eq!(decimal(1_000_000), "1.00");
    }
}
