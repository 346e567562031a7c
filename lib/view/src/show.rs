//! `ace show`: a session's turns without outputs, or one record whole. It must never cut what it shows whole.

use ace_schema::Line;
use ace_schema::data::{Part, PermissionResolved, ToolCompleted, ToolFailed};
use ace_schema::permission::Decision;
use ace_schema::ty;
use jiff::tz::TimeZone;

use crate::call::{self, CallLine};
use crate::clean::{clean, visible, visible_lines};
use crate::diff;
use crate::head::{budget_line, said as what_was_said};
use crate::ledger::Ledger;
use crate::run::RunView;
use crate::step::{Call, End, Step, outcome};
use crate::style::{Mark, Role, Style};
use crate::text::Text;
use crate::{facts::SessionFacts, time, units};

/// What the caller knows about the session beside its log.
#[derive(Debug, Clone, Default)]
pub struct Head {
    /// Its name now.
    pub name: String,
    /// Its id.
    pub id: String,
    /// How it stands: `done, not landed`.
    pub state: String,
}

/// A session's turns: a head, then a head and the calls of each turn. With `full`, outputs of failures, diffs and the model's words
/// too.
#[must_use]
pub fn session(head: &Head, lines: &[Line], zone: &TimeZone, full: bool, style: &Style) -> Vec<Text> {
    let begun = lines.first().map_or("", |l| &*l.ts);
    let mut left = Text::of(Role::Dim, "session ").and(visible(&head.name, Role::Bold));
    if style.width >= crate::verdict::NARROW {
        left = left.plain("  ").and(visible(&head.id, Role::Dim));
    }
    let left = left.plain("  ").and(visible(&head.state, Role::Plain));
    let when = Text::of(Role::Dim, time::day_and_minute(begun, zone));
    let mut out = vec![edges(left, when, style)];
    let mut turn: Vec<&Line> = Vec::new();
    let mut ledger = Ledger::default();
    for line in lines {
        // A message belongs to the turn that its `turn.started` opens.
        if line.ty == ty::TURN_STARTED && !turn.is_empty() {
            out.extend(one_turn(&turn, lines, head, full, style));
            turn.clear();
        }
        ledger.fold(line);
        if ledger.turn > 0 || line.ty == ty::TURN_STARTED {
            turn.push(line);
        }
    }
    if !turn.is_empty() {
        out.extend(one_turn(&turn, lines, head, full, style));
    }
    out
}

/// Text left, text at the right edge; what does not fit goes below.
fn edges(left: Text, right: Text, style: &Style) -> Text {
    let room = style.width.saturating_sub(right.cells());
    if left.cells() + 2 > room {
        return if style.whole { left.gap(2).and(right) } else { left.cut_end(style.width, style) };
    }
    left.to(room).and(right)
}

fn one_turn(turn: &[&Line], all: &[Line], head: &Head, full: bool, style: &Style) -> Vec<Text> {
    let mut ledger = Ledger::default();
    let mut view = RunView::new(*style);
    let facts = SessionFacts { name: head.name.clone(), ..SessionFacts::default() };
    view.begin(&facts);
    let mut body = Vec::new();
    for line in turn {
        let seq = line.seq.unwrap_or(0);
        if full {
            ledger.fold(line);
            body.extend(view.recorded(line));
            continue;
        }
        let shown = match ledger.fold(line) {
            Step::Ran { call, ran } => call::ran(&call, &ran, seq, &facts, style),
            Step::Broke { call, broke } => call::broke(&call, &broke, seq, &facts, style),
            Step::Decided { call, decided, .. } if decided.decision == Decision::Deny => {
                call::refused(&call, &decided, seq, &facts, style)
            }
            Step::Compacted(done) => {
                let line = Text::marked(Mark::Done, style).and(crate::head::compacted(&done));
                vec![call::numbered(line, seq, style)]
            }
            Step::Budget { budget, .. } => vec![call::numbered(budget_line(&budget, style), seq, style)],
            Step::Ended(End::Cancelled(_)) => {
                vec![call::numbered(Text::marked(Mark::Warns, style).plain("cancelled"), seq, style)]
            }
            _ => Vec::new(),
        };
        body.extend(shown.into_iter().take(1));
    }
    let said = turn.first().and_then(|start| all.iter().find(|l| l.id == start.cause && l.ty == ty::USER_MESSAGE));
    let mut said = said.and_then(|l| l.data::<ace_schema::data::UserMessage>().ok()).unwrap_or_default();
    if said.compact {
        said.text = format!("compact {}", said.text);
    }
    let number = turn.first().map_or(0, |l| l.turn);
    let mut lines = vec![turn_head(number, &said.text, &ledger, style)];
    if full {
        lines.extend(what_was_said(&said, style));
    }
    lines.extend(body);
    lines
}

fn turn_head(number: u32, words: &str, ledger: &Ledger, style: &Style) -> Text {
    let left = Text::of(Role::Dim, format!("turn {number}")).plain("  ");
    let (cost, role) = (ledger.cost(), if ledger.cost().is_some() { Role::Bold } else { Role::Edge });
    let mut right = Text::of(Role::Dim, units::duration(ledger.wall().0)).plain("  ").with(role, units::cost(cost));
    if style.width >= 47 {
        let seq = format!("@{}", ledger.seq);
        right = right.gap(7usize.saturating_sub(seq.len())).with(Role::Typed, seq);
    }
    let room = style.width.saturating_sub(left.cells() + right.cells() + 2);
    let first = clean(words.lines().next().unwrap_or(""));
    edges(left.and(visible(&first, Role::Plain).cut_end(room, style)), right, style)
}

/// The record `seq` whole: for a decision or outcome, the call with its arguments, decision, output; else its payload. `None` if
/// there is no such record.
#[must_use]
pub fn record<'l, 'a: 'l>(lines: impl IntoIterator<Item = &'l Line<'a>>, seq: u64, style: &Style) -> Option<Vec<Text>> {
    let mut ledger = Ledger::default();
    let mut decisions: Vec<(String, u64, PermissionResolved)> = Vec::new();
    for line in lines {
        let here = line.seq == Some(seq);
        match ledger.fold(line) {
            Step::Decided { call, decided, .. } => {
                if here {
                    return Some(one_call(&call, Some((seq, &decided)), &Outcome::None, seq, style));
                }
                decisions.push((call.id, seq_of(line), *decided));
            }
            Step::Ran { call, ran } if here => {
                return Some(one_call(&call, decision(&decisions, &call), &Outcome::Ran(&ran), seq, style));
            }
            Step::Broke { call, broke } if here => {
                return Some(one_call(&call, decision(&decisions, &call), &Outcome::Broke(&broke), seq, style));
            }
            Step::Answered(done) if here && !done.summary.is_empty() => return Some(answer(&done.summary, style)),
            Step::Answered(done) if here => return Some(answer(&done.parts, style)),
            Step::Said(said) if here => return Some(what_was_said(&said, style)),
            _ if here => return Some(payload(line)),
            _ => {}
        }
    }
    None
}

fn seq_of(line: &Line) -> u64 {
    line.seq.unwrap_or(0)
}

fn decision<'a>(all: &'a [(String, u64, PermissionResolved)], call: &Call) -> Option<(u64, &'a PermissionResolved)> {
    all.iter().find(|(id, ..)| *id == call.id).map(|(_, seq, decided)| (*seq, decided))
}

enum Outcome<'a> {
    None,
    Ran(&'a ToolCompleted),
    Broke(&'a ToolFailed),
}

fn one_call(
    call: &Call,
    decided: Option<(u64, &PermissionResolved)>,
    outcome_of: &Outcome,
    seq: u64,
    style: &Style,
) -> Vec<Text> {
    let facts = SessionFacts::default();
    let mut out = match outcome_of {
        Outcome::Ran(ran) => call::ran(call, ran, seq, &facts, style),
        Outcome::Broke(broke) => call::broke(call, broke, seq, &facts, style),
        Outcome::None => match decided {
            Some((_, decided)) if decided.decision == Decision::Deny => {
                call::refused(call, decided, seq, &facts, style)
            }
            _ => {
                let result = Text::of(Role::Dim, "allowed");
                vec![CallLine { seq: Some(seq), result, ..CallLine::of(Mark::Done, call, false) }.draw(style)]
            }
        },
    };
    out.truncate(1);
    let row = |label: &str, text: Text| Text::new().gap(2).dim(format!("{label:<9}")).and(text);
    for (i, line) in visible_lines(&call.subject, Role::Bold).into_iter().enumerate() {
        let field = ace_schema::tool::find(&call.tool).map_or("args", |t| t.subject);
        out.push(row(if i == 0 { field } else { "" }, line));
    }
    let args: Option<serde_json::Map<String, serde_json::Value>> = serde_json::from_str(&call.args).ok();
    if args.is_some_and(|a| a.len() > 1) {
        out.push(row("args", visible(&call.args, Role::Plain)));
    }
    if let Some((at, decided)) = decided {
        let word = if decided.decision == Decision::Deny { "refused" } else { "allowed" };
        let mut line = Text::of(Role::Plain, word).plain(" by ").and(visible(&decided.who, Role::Plain));
        if !decided.rule.is_empty() && decided.rule != decided.who {
            line = line.plain(" ").and(visible(&decided.rule, Role::Plain));
        }
        if !decided.why.is_empty() {
            line = line.plain(": ").and(visible(&decided.why, Role::Plain));
        }
        out.push(row("rule", line.plain("  ").with(Role::Typed, format!("@{at}"))));
    }
    match outcome_of {
        Outcome::Ran(ran) => {
            let role = if ran.sandbox == "off" { Role::EdgeBold } else { Role::Plain };
            out.push(row("sandbox", visible(&ran.sandbox, role)));
            if !ran.patch.is_empty() {
                out.push(Text::new());
                out.extend(diff::rows(&ran.patch).iter().map(|r| diff::draw(r, true, style)));
            } else if !ran.output.text.is_empty() {
                out.push(Text::new());
                out.extend(verbatim(&ran.output.text));
            }
        }
        Outcome::Broke(broke) => {
            out.push(row("why", Text::of(Role::Plain, format!("{}: {}", outcome(&broke.code), clean(&broke.message)))));
            if let Some(output) = &broke.output {
                out.push(Text::new());
                out.extend(verbatim(&output.text));
            }
        }
        Outcome::None => {}
    }
    out
}

fn verbatim(text: &str) -> Vec<Text> {
    clean(text).lines().map(|l| Text::of(Role::Plain, l)).collect()
}

fn answer(parts: &[Part], style: &Style) -> Vec<Text> {
    let mut state = crate::markdown::Markdown::default();
    let text = crate::answer::text(parts, &|_| None);
    let mut out: Vec<Text> = text.lines().flat_map(|l| state.line(l, style)).collect();
    out.extend(state.end(style));
    out
}

/// Any record: its type and its payload, indented.
fn payload(line: &Line) -> Vec<Text> {
    let mut out = vec![visible(&line.ty, Role::Bold).dim("  ").and(visible(&line.by, Role::Dim))];
    let value: Option<serde_json::Value> = line.data.and_then(|d| serde_json::from_str(d.get()).ok());
    let text = value.and_then(|v| serde_json::to_string_pretty(&v).ok()).unwrap_or_default();
    out.extend(visible_lines(&text, Role::Plain));
    out
}
