//! `ace-log show`: a line a record, for people. It must never leave a record out, whatever its type.

use ace_schema::Line;
use jiff::tz::TimeZone;

use crate::clean::{clean, visible};
use crate::diff::counts;
use crate::head;
use crate::ledger::Ledger;
use crate::step::{Call, Step, outcome};
use crate::style::{Role, Style};
use crate::text::{Text, cells};
use crate::verdict::NARROW;
use crate::{time, units};

/// Cells of seq, of program and type with the gap after them; longer ones push what follows.
const SEQ: usize = 5;
const BY: usize = 12;
const TYPE: usize = 18;

/// The state between two records: calls are named in the lines about them.
#[derive(Debug, Clone, Default)]
pub struct LogView {
    ledger: Ledger,
}

impl LogView {
    /// The next record. `whole` adds its payload and cuts nothing.
    pub fn record(&mut self, line: &Line, zone: &TimeZone, whole: bool, style: &Style) -> Vec<Text> {
        let seq = line.seq.map_or_else(|| "-".to_owned(), |seq| format!("@{seq}"));
        let pad = |text: &str, width: usize, gap: usize| {
            let text = visible(text, Role::Plain);
            let least = text.cells() + gap;
            text.to(width.max(least))
        };
        let about = self.about(line);
        let mut row = Text::new().gap(SEQ.saturating_sub(cells(&seq))).with(Role::Typed, seq).gap(2);
        if whole || style.width >= NARROW {
            row = row.dim(time::clock(&line.ts, zone)).gap(2).and(pad(&line.by, BY, 1));
        }
        let row = row.and(pad(&line.ty, TYPE, 2)).and(about);
        if !whole {
            return vec![row.cut_end(style.width, style)];
        }
        let mut out = vec![row];
        if let Some(data) = line.data {
            out.extend(
                crate::clean::visible_lines(data.get(), Role::Dim).into_iter().map(|l| Text::new().gap(7).and(l)),
            );
        }
        out
    }

    fn about(&mut self, line: &Line) -> Text {
        let step = self.ledger.fold(line);
        match step {
            Step::Created(created) => one(&format!("{}  {}  {}", created.name, created.model, created.mode.name())),
            Step::Answered(done) => {
                let text = crate::answer::text(&done.parts, &|_| None);
                let used = format!("{} in, {} out", units::tokens(input(&done)), units::tokens(done.usage.output));
                let line = Text::of(Role::Plain, used).plain("  ").plain(units::cost(done.cost));
                if text.is_empty() { line } else { line.plain("  ").and(one(&text)) }
            }
            Step::AnswerFailed(failed) => {
                Text::of(Role::Bad, outcome(&failed.code)).plain("  ").and(one(&failed.message))
            }
            Step::Asked(call) => {
                let why = call.asked.as_ref().map(|(_, asked)| asked.why.clone()).unwrap_or_default();
                named(&call).plain("  ").and(one(&why))
            }
            Step::Tried(call) => named(&call),
            Step::Untried(failed) => one(&failed.message),
            Step::Decided { call, decided, .. } => {
                let (word, role) = match decided.decision {
                    ace_schema::permission::Decision::Deny => ("refused", Role::Edge),
                    _ => ("allowed", Role::Plain),
                };
                let by = if decided.who == "rule" { decided.rule.clone() } else { decided.who.clone() };
                Text::of(role, word).plain("  ").and(named(&call)).dim(format!("  {}", one(&by).words()))
            }
            Step::Called(call) | Step::Started(call) => named(&call),
            Step::Ran { call, ran } => {
                let exit = ran.exit.map(|c| format!(" exit {c}")).unwrap_or_default();
                let signal = ran.signal.map(|s| format!(" signal {s}")).unwrap_or_default();
                let role = if crate::step::is_failure(&ran) { Role::Bad } else { Role::Plain };
                let mut line = visible(&call.tool, Role::Plain).with(role, exit).with(role, signal);
                for file in &ran.changed {
                    line = line.plain("  ").and(one(&file.path)).plain(" ").and(counts(file.added, file.removed));
                }
                let size = units::bytes(ran.output.text.len() as u64);
                line.dim(format!("  {}  {size}", units::duration(ran.ms)))
            }
            Step::Broke { call, broke } => {
                named(&call).plain("  ").with(Role::Bad, outcome(&broke.code)).plain("  ").and(one(&broke.message))
            }
            Step::Said(said) if said.compact => one(&format!("compact  {}", said.text)),
            Step::Said(said) => one(&said.text),
            Step::Unsaid(vetted) => {
                Text::of(Role::Edge, "refused").plain("  ").and(one(&format!("{}: {}", vetted.hook, vetted.why)))
            }
            Step::Held(held) => one(&format!("{}: {}", held.hook, held.why)),
            Step::Compacted(done) => crate::head::compacted(&done),
            Step::Budget { budget, .. } => one(&head::limit(&budget)),
            Step::Ended(crate::step::End::Failed(failed)) => one(&failed.message),
            _ => Text::new(),
        }
    }
}

fn input(done: &ace_schema::data::ModelCompleted) -> u64 {
    let usage = &done.usage;
    usage.input.saturating_add(usage.cache_read).saturating_add(usage.cache_write)
}

fn named(call: &Call) -> Text {
    visible(&call.tool, Role::Plain).plain(" ").and(visible(&call.subject, Role::Plain))
}

/// Text of any length as the one line that fits a row.
fn one(text: &str) -> Text {
    let start: String = text.chars().take(400).collect();
    visible(clean(&start).trim(), Role::Plain)
}
