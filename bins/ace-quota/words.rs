//! What `ace-quota` says: why a call is not made, and what to do about it.

use ace_quota::{Kind, Refused, Scope, Why};
use ace_schema::data::Budget;
use ace_view::units;

/// Whose limit it is, as records have it: empty for the session's own.
pub fn whose(scope: &Scope) -> String {
    if scope.name.starts_with("session ") { String::new() } else { scope.name.clone() }
}

/// So much of that kind, for people.
pub fn amount(kind: Kind, n: u64) -> String {
    match kind {
        Kind::Money => units::money(n),
        Kind::Seconds => units::seconds(n.saturating_mul(1000)),
        _ => units::count(n),
    }
}

/// A limit of that kind, for people: `$0.50`, `4 calls`.
pub fn limit(kind: Kind, n: u64) -> String {
    match kind {
        Kind::Money => units::limit(n),
        Kind::Seconds => units::seconds(n.saturating_mul(1000)),
        _ => format!("{} {}", units::count(n), kind.name()),
    }
}

/// The end of a turn for which nothing can be set aside.
pub fn exceeded(refused: &Refused, go_on: &str, model: &str) -> Budget {
    let Refused { standing, kind, next, why } = refused;
    let scope = whose(&standing.scope);
    let allowed = standing.scope.allowed.of(*kind).unwrap_or(0);
    let left = standing.left(*kind).unwrap_or(0);
    let of = if scope.is_empty() { String::new() } else { format!(" of {}", quoted(&scope)) };
    let held = match why {
        Why::Held => format!(", {} is set aside for calls under way", amount(*kind, standing.reserved.of(*kind))),
        _ => String::new(),
    };
    let message = match (why, kind) {
        (Why::Unpriced, _) => format!("'{model}' has no price, so that no budget can hold"),
        (_, Kind::Money) => {
            let (next, left) = (units::money(*next), units::money(left));
            format!("budget{of} exceeded: the next call may cost {next}, {left} is left{held}")
        }
        (_, Kind::Tokens) => {
            let (next, left) = (units::count(*next), units::count(left));
            format!("limit{of} exceeded: the next call may take {next} tokens, {left} are left{held}")
        }
        (_, kind) => format!("limit{of} reached: {}{held}", limit(*kind, allowed)),
    };
    let go_on = |flag: String| match (go_on, flag.trim()) {
        ("", "") => "when they have ended".to_owned(),
        ("", flag) => flag.to_owned(),
        (go_on, "") => go_on.to_owned(),
        (go_on, flag) => format!("{go_on} {flag}"),
    };
    let hint = match (why, kind, scope.is_empty()) {
        (Why::Unpriced, ..) => format!("[prices.\"{model}\"] in the configuration says what it costs"),
        (Why::Held, ..) => go_on(String::new()),
        (_, Kind::Money, true) => go_on(format!(" --budget {}", ace_config::decimal(allowed.saturating_mul(2)))),
        (_, Kind::Seconds, true) => go_on(format!(" --max-time {}s", allowed.saturating_mul(2))),
        _ => "ace-quota show tells how the limits stand".to_owned(),
    };
    let limit = kind.name().to_owned();
    Budget { limit, allowed, used: standing.settled.of(*kind), scope, next: *next, message, hint }
}

fn quoted(scope: &str) -> String {
    match scope.split_once(' ') {
        Some((kind, name)) => format!("{kind} '{name}'"),
        None => format!("the {scope}"),
    }
}

/// Nobody can tell what was spent: no call is made.
pub fn no_ledger(e: &dyn std::fmt::Display, go_on: &str) -> Budget {
    Budget {
        limit: "ledger".to_owned(),
        message: format!("cannot tell what was spent, so no call is made: {e}"),
        hint: then("ace-quota rebuild", go_on),
        ..Budget::default()
    }
}

/// A group without limits is none.
pub fn no_group(group: &str, go_on: &str) -> Budget {
    Budget {
        limit: "ledger".to_owned(),
        scope: format!("group {group}"),
        message: format!("no limits of a group '{group}' are configured, so no call is made"),
        hint: then(&format!("ace config set quota.groups.{group}.money 5"), go_on),
        ..Budget::default()
    }
}

fn then(cure: &str, go_on: &str) -> String {
    if go_on.is_empty() { cure.to_owned() } else { format!("{cure}, then: {go_on}") }
}
