//! Arguments of `ace-quota`, and the limits that other programs take.

use std::str::FromStr;

use ace_schema::limits::QUOTA_MOST;
use clap::{Args, Parser, Subcommand};

use crate::{Filter, Program, SessionAddress, When};

/// Keep model calls within their limits
#[derive(Debug, Parser)]
#[command(name = "ace-quota", version, args_conflicts_with_subcommands = true)]
#[command(before_help = "without a command: a filter")]
#[command(after_help = "ace-quota check --group ci || exit 0
ace-quota show
ace-log follow \"$S\" | ace-quota | ace-log append \"$S\"")]
#[command(after_long_help = "0 within limits, 4 a limit is reached, 65 not events, 74 no ledger")]
pub struct Quota {
    /// As a filter.
    #[command(flatten)]
    pub filter: Filter,
    /// auto, always or never
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", hide = true)]
    pub color: When,
    /// To ask about limits; without it a filter.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// The commands of `ace-quota`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Whether something is left
    #[command(subcommand_help_heading = "Ask", before_help = "without a limit named: day and month")]
    #[command(after_help = "ace-quota check --group nightly --amount 0.50\nace-quota check --session @last")]
    #[command(after_long_help = "0 as much is left, 4 it is not, 74 the ledger does not answer")]
    Check {
        /// Of this group, too
        #[arg(long, value_name = "NAME")]
        group: Vec<String>,
        /// Of this session and all that limits it
        #[arg(long, value_name = "S")]
        session: Option<SessionAddress>,
        /// So much money (default: anything)
        #[arg(long, value_name = "MONEY")]
        amount: Option<Money>,
    },
    /// Limits, and what is spent of them
    #[command(subcommand_help_heading = "Ask")]
    #[command(after_help = "ace-quota show\nace-quota show --session @last --json")]
    Show {
        /// Those of this session
        #[arg(long, value_name = "S")]
        session: Option<SessionAddress>,
        /// A line of JSON each
        #[arg(long)]
        json: bool,
    },
    /// Tell the ledger anew from the logs
    #[command(subcommand_help_heading = "Keep")]
    #[command(after_help = "ace-quota rebuild")]
    Rebuild,
}

/// Limits of a session.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct Limits {
    /// Stop before a call that could exceed it
    #[arg(long, value_name = "MONEY", help_heading = "Limits")]
    pub budget: Option<Money>,
    /// Spend from the limits of this group, too
    #[arg(long, value_name = "NAME", help_heading = "Limits")]
    pub group: Vec<String>,
    /// Stop after so much work: 90s, 10m, 2h
    #[arg(long, value_name = "DURATION", help_heading = "Limits")]
    pub max_time: Option<Span>,
}

impl Limits {
    /// The layers of configuration that these flags are; groups are none.
    #[must_use]
    pub fn layers(&self) -> Vec<ace_config::Layer> {
        let mut layers = Vec::new();
        if let Some(Money(micro)) = self.budget {
            let text = ace_config::decimal(micro);
            layers.push(ace_config::Layer::flag("--budget", "quota.session.money", &text));
        }
        if let Some(Span(seconds)) = self.max_time {
            layers.push(ace_config::Layer::flag("--max-time", "quota.session.seconds", &seconds.to_string()));
        }
        layers
    }

    /// The flags again, to hand them on.
    #[must_use]
    pub fn arguments(&self) -> Vec<String> {
        let mut out = Vec::new();
        out.extend(self.budget.map(|m| format!("--budget={}", ace_config::decimal(m.0))));
        out.extend(self.group.iter().map(|g| format!("--group={g}")));
        out.extend(self.max_time.map(|s| format!("--max-time={}s", s.0)));
        out
    }
}

/// Micro-dollars, typed as dollars: `0.50`, `$2`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Money(pub u64);

impl FromStr for Money {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match ace_config::millionths(text).filter(|n| (1..=QUOTA_MOST).contains(n)) {
            Some(n) => Ok(Self(n)),
            None => Err("money is dollars, 0.50 or $2, more than nothing".to_owned()),
        }
    }
}

/// Seconds, typed as `90s`, `10m`, `2h`, or a bare number of seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span(pub u64);

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (number, unit) = match text.char_indices().last() {
            Some((at, 's')) => (&text[..at], 1),
            Some((at, 'm')) => (&text[..at], 60),
            Some((at, 'h')) => (&text[..at], 3600),
            _ => (text, 1),
        };
        let seconds = number.parse::<u64>().ok().and_then(|n| n.checked_mul(unit));
        match seconds.filter(|n| (1..=QUOTA_MOST).contains(n)) {
            Some(n) if number.bytes().all(|b| b.is_ascii_digit()) => Ok(Self(n)),
            _ => Err("a duration is 90s, 10m or 2h".to_owned()),
        }
    }
}

impl Program for Quota {
    const NAME: &'static str = "ace-quota";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_and_time_as_typed() {
        assert_eq!("0.50".parse(), Ok(Money(500_000)));
        assert_eq!("$2".parse(), Ok(Money(2_000_000)));
        for odd in ["0", "-1", "", "free", "1e3", "NaN"] {
            assert!(odd.parse::<Money>().is_err(), "{odd}");
        }
        for (text, want) in [("90", 90), ("90s", 90), ("10m", 600), ("2h", 7200)] {
            assert_eq!(text.parse(), Ok(Span(want)), "{text}");
        }
        for odd in ["", "s", "0", "+5s", "1d", "-1s", "99999999999999999999h", "5ü"] {
            assert!(odd.parse::<Span>().is_err(), "{odd}");
        }
    }
}
