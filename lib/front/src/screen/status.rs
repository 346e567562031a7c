//! The line that says how a session stands while it works: most important first, as narrow terminals lose the rest. It must never
//! ask a log or a clock.

use ace_view::{Ledger, Mark, Role, SessionFacts, Style, Text, units};

/// Which session works, in which mode and turn; what it has cost; how much of the model's window is used.
pub fn status(facts: &SessionFacts, sums: &Ledger, style: &Style) -> Vec<Text> {
    let dim = |words: String| Text::of(Role::Dim, words);
    let mut out = vec![
        Text::marked(Mark::Runs, style).with(Role::Bold, &facts.name),
        dim(format!("turn {}", sums.turn.max(1))),
        dim(facts.mode.clone()),
    ];
    if sums.model_calls > 0 {
        let cost = if facts.played { units::money(0) } else { units::cost(sums.cost()) };
        let limit = facts.budget.map(|budget| format!(" of {}", units::limit(budget))).unwrap_or_default();
        out.push(dim(cost + &limit));
        let used = match facts.window {
            Some(window) => units::percent(sums.context, window),
            None => units::tokens(sums.context),
        };
        out.push(dim(format!("context {used}")));
    }
    out
}
