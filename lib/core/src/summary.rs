//! A state as text: the same for the same state in every version, so that a test can tell when a fold has changed its mind about
//! old logs. It must never know JSON, and never print what a type happens to look like in memory.

use ace_schema::data::Code;
use std::fmt::Write;

use crate::state::{CallState, Effect, Phase, Role, State, TurnEnd};

impl State {
    /// Everything that decides what happens next, a line a fact. A new fact is added only where it is not at its default, so that
    /// summaries of old logs stay what they were.
    #[must_use]
    pub fn summary(&self) -> String {
        let mut out = String::new();
        // Writing to a String cannot fail.
        let _ = self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        writeln!(out, "head {}", self.head)?;
        writeln!(out, "session {}", self.session)?;
        writeln!(out, "name {}", self.name)?;
        writeln!(out, "model {}", self.model)?;
        writeln!(out, "mode {}", self.mode.name())?;
        writeln!(out, "turns {}", self.turns)?;
        if self.ordinal > self.turns {
            writeln!(out, "ordinal {}", self.ordinal)?;
        }
        writeln!(out, "system {}", self.system)?;
        writeln!(out, "unknown {}", self.unknown)?;
        let l = &self.limits;
        let limits = [
            ("answers", l.answers),
            ("money", l.money),
            ("tokens", l.tokens),
            ("calls", l.calls),
            ("turns", l.turns),
            ("seconds", l.seconds),
        ];
        for (name, limit) in limits.into_iter().filter(|(_, limit)| *limit > 0) {
            writeln!(out, "limit {name} {limit}")?;
        }
        if l.shared {
            writeln!(out, "limit shared")?;
        }
        for group in &l.groups {
            writeln!(out, "limit group {group}")?;
        }
        if self.family != self.session {
            writeln!(out, "family {}", self.family)?;
        }
        for id in &self.warned {
            writeln!(out, "warned {id}")?;
        }
        if self.limits.context > 0 {
            writeln!(out, "limit context {}", self.limits.context)?;
        }
        if self.compacted() > 0 {
            writeln!(out, "compacted {}", self.compacted())?;
        }
        if let Some(offer) = &self.offer {
            writeln!(out, "offer {} {} {}", offer.server, offer.schema, offer.names.join(","))?;
        }
        if !self.tree.is_empty() {
            writeln!(out, "tree {}", self.tree)?;
        }
        for hook in &self.hooks {
            writeln!(out, "hook {}", hook.name())?;
        }
        if let Some((pen, name)) = &self.asks {
            writeln!(out, "asks {name} {pen}")?;
        }
        if self.past.ways() > 0 {
            let ranges = self.past.ranges(self.head);
            writeln!(out, "counts {}", ranges.iter().map(|(a, b)| format!("{a}-{b}")).collect::<Vec<_>>().join(","))?;
        }
        for waiting in &self.waiting {
            let order = if waiting.compact { " compact" } else { "" };
            let vetted = if waiting.vetted { " vetted" } else { "" };
            writeln!(out, "waiting {} {} now={}{order}{vetted}", waiting.seq, waiting.id, waiting.now)?;
        }
        for claim in &self.claims {
            let role = match claim.role {
                Role::Model => "model",
                Role::Tool => "tool",
                Role::Quota => "quota",
                Role::Hook => "hook",
                Role::Effect => "effect",
            };
            writeln!(out, "claim {} {role} {} {} orphaned={}", claim.id, claim.turn, claim.pen, claim.orphaned)?;
        }
        match &self.ended {
            None => {}
            Some(TurnEnd::Completed) => writeln!(out, "ended completed")?,
            Some(TurnEnd::Cancelled) => writeln!(out, "ended cancelled")?,
            Some(TurnEnd::Failed { code, .. }) => writeln!(out, "ended failed {}", code_name(code))?,
        }
        self.write_turn(out)
    }

    fn write_turn(&self, out: &mut String) -> std::fmt::Result {
        let Some(turn) = &self.turn else { return Ok(()) };
        writeln!(out, "turn {} answers={} interrupted={}", turn.n, turn.answers, turn.interrupted)?;
        if !turn.schema.is_empty() {
            writeln!(out, "turn schema {} repairs={}", turn.schema, turn.repairs)?;
        }
        if turn.held > 0 {
            writeln!(out, "turn held {}", turn.held)?;
        }
        let flags = [
            ("order", turn.order),
            ("overflowed", turn.overflowed),
            ("summarized", turn.summarized),
            ("heard", turn.heard),
            ("stopped", !turn.stopped.is_empty()),
        ];
        for (flag, is) in flags {
            if is {
                writeln!(out, "turn {flag}")?;
            }
        }
        match &turn.phase {
            Phase::Context(cause) => writeln!(out, "phase context {cause}")?,
            Phase::Asking { context, model, system, tools, claim, compacts, reserved, .. } => {
                let claim = claim.as_deref().unwrap_or("-");
                let what = if compacts.is_some() { "summary" } else { "asking" };
                writeln!(out, "phase {what} {context} {model} {system} {tools} {claim}")?;
                if let Some(r) = reserved {
                    writeln!(out, "reserved {} {} {} {}", r.money, r.tokens, r.input, r.output)?;
                }
            }
            Phase::Compacting(answer) => writeln!(out, "phase compacting {answer}")?,
            Phase::Calls(answer) => writeln!(out, "phase calls {answer}")?,
            Phase::Ending { cause, failed: None } => writeln!(out, "phase ending {cause}")?,
            Phase::Ending { cause, failed: Some((code, ..)) } => {
                writeln!(out, "phase ending {cause} {}", code_name(code))?;
            }
        }
        for call in &turn.calls {
            let (state, by) = match &call.state {
                CallState::Requested => ("requested", ""),
                CallState::Asked => ("asked", ""),
                CallState::Allowed(id) => ("allowed", id.as_str()),
                CallState::Started(id) => ("started", id.as_str()),
                CallState::Closed => ("closed", ""),
            };
            let (effect, of) = match &call.effect {
                Effect::None => ("", ""),
                Effect::Wanted(id) => (" wanted ", id.as_str()),
                Effect::Running(id) => (" tried ", id.as_str()),
                Effect::Seen(id) => (" seen ", id.as_str()),
            };
            writeln!(out, "call {} {} {} {} {state} {by}{effect}{of}", call.seq, call.id, call.tool, call.digest)?;
        }
        Ok(())
    }
}

/// The code as the log spells it.
fn code_name(code: &Code) -> &str {
    match code {
        Code::Interrupted => "interrupted",
        Code::Cancelled => "cancelled",
        Code::Unreachable => "unreachable",
        Code::Credentials => "credentials",
        Code::Refused => "refused",
        Code::Cut => "cut",
        Code::Format => "format",
        Code::Limit => "limit",
        Code::Context => "context",
        Code::Schema => "schema",
        Code::Timeout => "timeout",
        Code::Arguments => "arguments",
        Code::Hook => "hook",
        Code::PathOutside => "path_outside",
        Code::NotFound => "not_found",
        Code::Sandbox => "sandbox",
        Code::Config => "config",
        Code::Io => "io",
        Code::Other(name) => name,
    }
}
