//! The end of a run: what happened, what changed, what it cost, where it is written, what next.
//! All its numbers come from the record; it must never believe the model's own words about them.

use crate::clean::{clean, visible};
use crate::diff::counts;
use crate::facts::{Next, SessionFacts};
use crate::ledger::Ledger;
use crate::step::End;
use crate::style::{Mark, Role, Style};
use crate::text::{Text, plural};
use crate::units;

use ace_schema::data::Code;

/// Where the rows' text begins, cells.
const LABEL: usize = 11;
/// Cells of a command before what it does.
const COMMAND: usize = 25;
/// Below this the verdict is one line.
pub(crate) const NARROW: usize = 60;

/// The verdict as mark and word.
pub(crate) fn word(ledger: &Ledger) -> (Mark, &'static str) {
    match &ledger.end {
        Some(End::Completed) => (Mark::Done, "done"),
        Some(End::Cancelled(_)) => (Mark::Warns, "cancelled"),
        Some(End::Failed(failed)) => match failed.code {
            Code::Limit | Code::Context => (Mark::Warns, "stopped"),
            Code::Cancelled => (Mark::Warns, "cancelled"),
            _ => (Mark::Failed, "failed"),
        },
        None if ledger.waiting().next().is_some() => (Mark::Waits, "waits"),
        None if ledger.exceeded => (Mark::Warns, "stopped"),
        None => (Mark::Runs, "runs"),
    }
}

/// Time, calls, failures: `6.2 s, 5 model calls, 6 tool calls: 1 failed, 1 refused`.
fn happened(ledger: &Ledger) -> String {
    let (worked, waited) = ledger.wall();
    let mut out = units::duration(worked);
    if waited > 0 {
        out += &format!(" (+{} waiting)", units::duration(waited));
    }
    if ledger.model_calls > 0 {
        out += &format!(", {}", plural(ledger.model_calls, "model call"));
    }
    if ledger.tool_calls > 0 {
        out += &format!(", {}", plural(ledger.tool_calls, "tool call"));
        let bad: Vec<String> = ledger.outcomes.iter().map(|(word, n)| format!("{} {word}", units::count(*n))).collect();
        if !bad.is_empty() {
            out += &format!(": {}", bad.join(", "));
        }
    }
    out
}

/// The sum, and how it stands to the budget.
fn sum(facts: &SessionFacts, ledger: &Ledger) -> Text {
    if facts.played {
        let live = ledger.cost().filter(|c| *c > 0).map(|c| format!(" (live {})", units::money(c)));
        return Text::of(Role::Bold, units::money(0))
            .plain(", played from a recording")
            .plain(live.unwrap_or_default());
    }
    match ledger.cost() {
        Some(cost) => {
            let of = facts.budget.map(|b| format!(" of {}", units::limit(b))).unwrap_or_default();
            Text::of(Role::Bold, units::money(cost)).plain(of)
        }
        None => Text::of(Role::Edge, "unpriced"),
    }
}

/// `18.4k in (82 % cached), 412 out`; nothing if nothing was used.
pub(crate) fn tokens(ledger: &Ledger) -> String {
    let input = ledger.input();
    if input == 0 && ledger.usage.output == 0 {
        return String::new();
    }
    let cached = match ledger.usage.cache_read {
        0 => String::new(),
        read => format!(" ({} cached)", units::percent(read, input)),
    };
    format!("{} in{cached}, {} out", units::tokens(input), units::tokens(ledger.usage.output))
}

/// The whole block, without the blank line before it.
pub(crate) fn block(facts: &SessionFacts, ledger: &Ledger, next: &[Next], style: &Style) -> Vec<Text> {
    let (mark, word) = word(ledger);
    let head = Text::marked(mark, style).with(mark.role().bold(), word);
    let mut out = Vec::new();
    if style.width < NARROW {
        out.push(narrow(head, facts, ledger, style));
    } else {
        out.extend(whole_fields(&head.plain("  ").plain(glued(&happened(ledger))), style.width, 2));
    }
    out.extend(reasons(ledger, style));
    if style.width >= NARROW {
        out.extend(changed(facts, ledger, style));
        let tokens = tokens(ledger);
        let tokens = if tokens.is_empty() || facts.played { String::new() } else { glued(&format!(", {tokens}")) };
        if ledger.model_calls > 0 {
            out.extend(whole_fields(&row("cost", sum(facts, ledger).dim(tokens)), style.width, LABEL));
        }
        if !facts.log.is_empty() {
            out.push(row("log", visible(&facts.log, Role::Plain)));
        }
    }
    out.extend(commands(next, style));
    out
}

/// Joins the words of each field, so that a line is broken between fields only.
fn glued(words: &str) -> String {
    words.split(", ").map(|field| field.replace(' ', "\u{a0}")).collect::<Vec<_>>().join(", ")
}

fn whole_fields(line: &Text, width: usize, indent: usize) -> Vec<Text> {
    let unglue = |line: Text| Text(line.0.into_iter().map(|(role, t)| (role, t.replace('\u{a0}', " "))).collect());
    line.wrap(width, indent).into_iter().map(unglue).collect()
}

fn row(label: &str, text: Text) -> Text {
    Text::new().gap(2).dim(label).to(LABEL).and(text)
}

fn narrow(head: Text, facts: &SessionFacts, ledger: &Ledger, style: &Style) -> Text {
    let mut line = head;
    let (files, added, removed) = ledger.changes();
    let cost = if facts.played { Some(0) } else { ledger.cost() };
    let mut fields = vec![Text::of(Role::Plain, units::duration(ledger.wall().0))];
    if ledger.model_calls > 0 {
        let role = if cost.is_some() { Role::Bold } else { Role::Edge };
        fields.push(Text::of(role, units::cost(cost)));
    }
    if files > 0 {
        fields.push(counts(added, removed));
    }
    for field in fields {
        if line.cells() + 2 + field.cells() > style.width {
            break;
        }
        line = line.gap(2).and(field);
    }
    line
}

/// Why it did not end well, or what it waits for.
fn reasons(ledger: &Ledger, style: &Style) -> Vec<Text> {
    let mut out = Vec::new();
    match &ledger.end {
        Some(End::Failed(failed)) => {
            for (label, words, role) in [("why", &failed.message, Role::Plain), ("hint", &failed.hint, Role::Typed)] {
                if !words.is_empty() {
                    let words = clean(words).replace('\n', " ");
                    out.extend(row(label, Text::of(role, words)).wrap(style.width, LABEL));
                }
            }
        }
        Some(End::Cancelled(cancelled)) if !cancelled.who.is_empty() => {
            out.push(row("by", visible(&cancelled.who, Role::Plain)));
        }
        _ => {}
    }
    if ledger.end.is_none() {
        for call in ledger.waiting() {
            let seq = call.asked.as_ref().map_or(0, |(seq, _)| *seq);
            let what = visible(&call.tool, Role::Plain).plain(" ").and(visible(&call.subject, Role::Bold));
            out.push(row("asks", what.plain("  ").with(Role::Typed, format!("@{seq}"))));
        }
    }
    out
}

/// `changed  median.awk +1 -1  on ace/fix-median`; what does not fit is counted.
fn changed(facts: &SessionFacts, ledger: &Ledger, style: &Style) -> Option<Text> {
    let (files, added, removed) = ledger.changes();
    if files == 0 {
        return None;
    }
    let on = if facts.branch.is_empty() {
        Text::new()
    } else {
        Text::of(Role::Dim, "  on ").and(visible(&facts.branch, Role::Plain))
    };
    let file = |(path, a, r): &(String, u64, u64)| visible(path, Role::Plain).plain(" ").and(counts(*a, *r));
    let room = style.width.saturating_sub(LABEL + on.cells());
    let all = ledger.changed();
    let join = |n: usize| {
        let mut line = Text::new();
        for (i, one) in all[..n].iter().enumerate() {
            line = line.plain(if i > 0 { ", " } else { "" }).and(file(one));
        }
        line
    };
    // Only so many names can stand in a line at all.
    if files == all.len() as u64 && all.len() < style.width / 4 && join(all.len()).cells() <= room {
        return Some(row("changed", join(all.len()).and(on)));
    }
    if files == 1 {
        let counts = counts(added, removed);
        let path = visible(&all[0].0, Role::Plain).cut_middle(room.saturating_sub(counts.cells() + 1), style);
        return Some(row("changed", path.plain(" ").and(counts).and(on)));
    }
    Some(row("changed", Text::of(Role::Plain, plural(files, "file")).plain(" ").and(counts(added, removed)).and(on)))
}

/// The commands to go on with, aligned; they are never cut.
fn commands(next: &[Next], style: &Style) -> Vec<Text> {
    let label = if style.width < NARROW { 8 } else { LABEL };
    let widest = next.iter().map(|n| crate::text::cells(&n.command) + 2).max().unwrap_or(0).max(COMMAND);
    let draw = |(i, next): (usize, &Next)| {
        let head = if i == 0 { Text::new().gap(2).dim("next").to(label) } else { Text::new().gap(label) };
        let line = head.and(visible(&next.command, Role::Typed));
        let about = Text::of(Role::Dim, &next.about);
        if label + widest + about.cells() > style.width { line } else { line.to(label + widest).and(about) }
    };
    next.iter().enumerate().map(draw).collect()
}
