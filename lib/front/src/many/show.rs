//! A batch on a terminal: rows that live, repainted; elsewhere a line for each change. And the table at the end. It decides nothing.

use ace_view::many::{Row, live, table, told};
use ace_view::{Mark, Role, Style, Text, clean, render};
use std::io::{IsTerminal, Write};

use super::lane::{Lane, Verdict};
use super::{Outcome, Seen};
use crate::paint::Painter;
use crate::screen::{listing, on_stderr};

/// Where progress is shown.
pub struct Show {
    program: &'static str,
    seen: Seen,
    budget: Option<u64>,
    painter: Painter,
    painted: bool,
    last: Vec<String>,
}

impl Show {
    pub fn new(program: &'static str, seen: Seen, budget: Option<u64>) -> Self {
        let painted = std::io::stderr().is_terminal() && !on_stderr(seen.color).plain;
        Self { program, seen, budget, painter: Painter::default(), painted, last: Vec::new() }
    }

    /// Shows how the lanes stand now.
    pub fn update(&mut self, lanes: &[Lane]) {
        if self.seen.quiet {
            return;
        }
        let rows: Vec<Row> = lanes.iter().map(row).collect();
        if !self.painted {
            return self.tell(&rows);
        }
        let style = on_stderr(self.seen.color);
        let (columns, height) = crate::screen::size_of_stderr();
        self.paint(&live(&rows, self.budget, height.max(4), &style), &style, columns);
    }

    /// A line for each session that has come to another state.
    fn tell(&mut self, rows: &[Row]) {
        self.last.resize(rows.len(), String::new());
        for (row, last) in rows.iter().zip(&mut self.last) {
            // Of one that runs, only that it has begun: its calls are in its log.
            let state = if row.over || row.mark == Mark::Waits {
                told(row)
            } else if row.waits {
                String::new()
            } else {
                format!("{} begun", clean(&row.label).replace('\n', " "))
            };
            if *last != state && !state.is_empty() {
                let _ = writeln!(std::io::stderr(), "{}: {state}", self.program);
                *last = state;
            }
        }
    }

    fn paint(&mut self, tail: &[Text], style: &Style, columns: usize) {
        let out = self.painter.update(&[], tail, false, style, columns);
        // A terminal that is gone is no reason to stop.
        let _ = std::io::stderr().write_all(out.as_bytes());
    }

    /// Takes the rows away: the table stands for them.
    pub fn end(&mut self, lanes: &[Lane]) {
        self.update(lanes);
        if self.painted && !self.seen.quiet {
            let style = on_stderr(self.seen.color);
            let (columns, _) = crate::screen::size_of_stderr();
            self.paint(&[], &style, columns);
        }
    }
}

/// A lane as a row.
fn row(lane: &Lane) -> Row {
    let ledger = lane.ledger();
    let usage = &ledger.usage;
    let (mark, words) = match lane.verdict() {
        Some(verdict) => verdict_words(lane, verdict),
        None => (Mark::Runs, lane.doing()),
    };
    Row {
        n: lane.n,
        mark,
        label: lane.task.label.clone(),
        words,
        cost: ledger.cost(),
        tokens: ledger.input().saturating_add(usage.output),
        wall: lane.wall(),
        calls: ledger.tool_calls,
        errors: ledger.outcomes.values().sum(),
        changed: ledger.changes(),
        waits: lane.waits(),
        over: lane.verdict().is_some(),
    }
}

fn verdict_words(lane: &Lane, verdict: &Verdict) -> (Mark, String) {
    match verdict {
        Verdict::Passed if lane.judges() > 1 => (Mark::Done, format!("passed {} of {}", lane.passed(), lane.judges())),
        Verdict::Passed => (Mark::Done, "passed".to_owned()),
        Verdict::Done => (Mark::Done, "done".to_owned()),
        Verdict::Failed if lane.judges() > 1 => {
            (Mark::Failed, format!("passed {} of {}", lane.passed(), lane.judges()))
        }
        Verdict::Failed => (Mark::Failed, "failed".to_owned()),
        Verdict::Broke(why) => (Mark::Failed, format!("broke: {why}")),
        Verdict::Stopped(why) => (Mark::Warns, format!("stopped: {why}")),
        Verdict::Asks(what) => (Mark::Waits, format!("asks: {what}")),
        Verdict::Cancelled => (Mark::Warns, "cancelled".to_owned()),
        Verdict::Clashes(path, with) => (Mark::Failed, format!("changed {path}, which is {with}'s")),
    }
}

/// One word for a verdict, as scripts read it.
fn word(verdict: Option<&Verdict>) -> &'static str {
    match verdict {
        Some(Verdict::Passed) => "passed",
        Some(Verdict::Done) => "done",
        Some(Verdict::Failed) => "failed",
        Some(Verdict::Broke(_)) => "broke",
        Some(Verdict::Stopped(_)) => "stopped",
        Some(Verdict::Asks(_)) => "asks",
        Some(Verdict::Cancelled) => "cancelled",
        Some(Verdict::Clashes(..)) => "clashes",
        None => "waits",
    }
}

/// The table, or a line of JSON each, on stdout.
pub fn report(outcome: &Outcome, ranked: bool, seen: Seen) -> std::io::Result<()> {
    let lanes: Vec<&Lane> = if ranked { outcome.ranked() } else { outcome.lanes.iter().collect() };
    let mut stdout = std::io::stdout().lock();
    if seen.json {
        for lane in lanes {
            writeln!(stdout, "{}", json(&outcome.id, lane))?;
        }
        return stdout.flush();
    }
    let style = listing(seen.color);
    let rows: Vec<Row> = lanes.into_iter().map(row).collect();
    let head = if ranked { "MODEL" } else { "TASK" };
    let mut out: String = table(&rows, head, &style).iter().map(|t| render(t, &style) + "\n").collect();
    if std::io::stdout().is_terminal() {
        out += &next(outcome, ranked).iter().map(|t| render(t, &style) + "\n").collect::<String>();
    }
    stdout.write_all(out.as_bytes())?;
    stdout.flush()
}

/// What a person may want to do next.
fn next(outcome: &Outcome, ranked: bool) -> Vec<Text> {
    let typed = |line: Text, words: String| line.gap(2).with(Role::Typed, words);
    let name = |lane: &Lane| clean(&lane.state().name);
    if let Some(asks) = outcome.lanes.iter().find(|l| matches!(l.verdict(), Some(Verdict::Asks(_)))) {
        return vec![typed(Text::of(Role::Dim, "next"), format!("ace resume {}", name(asks)))];
    }
    let Some(winner) = outcome.winner().filter(|lane| ranked && lane.state().created.worktree.is_some()) else {
        return Vec::new();
    };
    let line = typed(Text::of(Role::Dim, "next"), format!("ace land {}", name(winner)));
    vec![typed(line, format!("ace diff {}", name(winner)))]
}

fn json(batch: &str, lane: &Lane) -> serde_json::Value {
    let row = row(lane);
    let (files, added, removed) = row.changed;
    let state = lane.state();
    let why = match lane.verdict() {
        Some(Verdict::Broke(why) | Verdict::Stopped(why) | Verdict::Asks(why) | Verdict::Clashes(why, _)) => {
            why.as_str()
        }
        _ => "",
    };
    serde_json::json!({
        "batch": batch, "n": lane.n, "task": lane.task.label, "verdict": word(lane.verdict()), "why": why,
        "session": lane.session(), "name": state.name, "model": state.model,
        "branch": state.created.worktree.as_ref().map(|t| &t.branch),
        "checks_passed": lane.passed(), "checks": lane.judges(), "cost_micro_usd": row.cost, "tokens": row.tokens,
        "wall_ms": row.wall, "model_calls": lane.ledger().model_calls, "calls": row.calls, "errors": row.errors,
        "turns": state.turns, "files_changed": files, "lines_added": added, "lines_removed": removed,
    })
}
