//! `ace-log diff`: two sessions side by side, turn by turn and call by call. It must never read a log itself.

use ace_schema::Line;
use similar::{Algorithm, DiffOp, capture_diff_slices};

use crate::clean::visible;
use crate::ledger::Ledger;
use crate::step::{End, Step, is_failure, outcome};
use crate::style::{Role, Style};
use crate::text::Text;
use crate::units;

/// What was done in a turn.
#[derive(Debug, Clone, Default)]
pub struct Turn {
    /// Its ordinal.
    pub n: u32,
    /// What was said, its first line.
    pub prompt: String,
    /// How it ended.
    pub ended: String,
    /// The calls that have an outcome, in its order.
    pub calls: Vec<Did>,
    /// The last answer.
    pub answer: String,
    /// Micro-dollars of its answers; `None` if unknown.
    pub cost: Option<u64>,
}

/// A call with its outcome.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Did {
    /// The record of its outcome.
    pub seq: u64,
    /// Tool and what it was about.
    pub words: String,
    /// Tool and exact arguments: what makes two calls the same.
    pub key: String,
    /// How it ended, with what it changed and the digest of its output: `exit 0 +1 -1`.
    pub outcome: String,
    /// Hash or head of what came out, for telling two apart; never shown.
    pub output: String,
}

/// One thing that differs, or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The turn.
    pub turn: u32,
    /// ` ` in both, `~` in both with another outcome, `-` in the first alone, `+` in the second alone.
    pub sign: char,
    /// What it is: `prompt`, `call`, `answer`, `end`.
    pub what: &'static str,
    /// In the first: record (0 if none) and words.
    pub old: (u64, String),
    /// In the second.
    pub new: (u64, String),
}

/// The turns of a session.
#[must_use]
pub fn turns(lines: &[Line]) -> Vec<Turn> {
    let (mut ledger, mut all) = (Ledger::default(), Vec::<Turn>::new());
    let mut said = std::collections::HashMap::new();
    for line in lines {
        let step = ledger.fold(line);
        match step {
            Step::Said(message) => {
                said.insert(line.id.to_string(), message.text.lines().next().unwrap_or_default().to_owned());
            }
            Step::TurnStarted => {
                let prompt = said.remove(&*line.cause).unwrap_or_default();
                all.push(Turn { n: line.turn, prompt, ended: "open".to_owned(), cost: Some(0), ..Turn::default() });
            }
            step => {
                if let Some(turn) = all.last_mut() {
                    take(turn, line, step);
                }
            }
        }
    }
    all
}

fn take(turn: &mut Turn, line: &Line, step: Step) {
    let seq = line.seq.unwrap_or(0);
    let did = |call: crate::step::Call, outcome: String, output: String| Did {
        seq,
        words: format!("{} {}", call.tool, call.subject).trim_end().to_owned(),
        key: format!("{} {}", call.tool, call.args),
        outcome,
        output,
    };
    match step {
        Step::Answered(done) => {
            turn.cost = turn.cost.zip(done.cost).map(|(a, b)| a.saturating_add(b));
            turn.answer = crate::answer::text(&done.parts, &|_| None);
        }
        Step::Ran { call, ran } => {
            let (added, removed) = ran.changed.iter().fold((0, 0), |(a, r), f| (a + f.added, r + f.removed));
            let mut words = match ran.exit {
                Some(code) => format!("exit {code}"),
                None if is_failure(&ran) => "killed".to_owned(),
                None => "done".to_owned(),
            };
            if !ran.changed.is_empty() {
                words += &format!(" +{added} -{removed}");
            }
            let output = ran.output.blob.as_ref().map_or(ran.output.text.clone(), |blob| blob.sha.clone());
            turn.calls.push(did(call, words, format!("{output}{}", ran.tree)));
        }
        Step::Broke { call, broke } => turn.calls.push(did(call, outcome(&broke.code).to_owned(), broke.message)),
        Step::Ended(end) => {
            turn.ended = match end {
                End::Completed => "done".to_owned(),
                End::Failed(failed) => format!("failed: {}", failed.message),
                End::Cancelled(_) => "cancelled".to_owned(),
            };
        }
        _ => {}
    }
}

/// Everything of both, in order, aligned.
#[must_use]
pub fn changes(a: &[Turn], b: &[Turn]) -> Vec<Change> {
    let mut out = Vec::new();
    let none = Turn::default();
    for at in 0..a.len().max(b.len()) {
        let (old, new) = (a.get(at), b.get(at));
        let n = old.or(new).map_or(0, |turn| turn.n);
        let words = |what, of: fn(&Turn) -> &String| words(n, what, old.map(of), new.map(of));
        out.push(words("prompt", |turn| &turn.prompt));
        calls(n, old.unwrap_or(&none), new.unwrap_or(&none), &mut out);
        // What neither has said is no line.
        let ends = [words("answer", |turn| &turn.answer), words("end", |turn| &turn.ended)];
        out.extend(ends.into_iter().filter(|change| !(change.old.1.is_empty() && change.new.1.is_empty())));
    }
    out
}

/// Words of a turn on both sides.
fn words(turn: u32, what: &'static str, old: Option<&String>, new: Option<&String>) -> Change {
    let sign = match (old, new) {
        (Some(a), Some(b)) if a == b => ' ',
        (Some(_), Some(_)) => '~',
        (Some(_), None) => '-',
        _ => '+',
    };
    let side = |words: Option<&String>| (0, words.cloned().unwrap_or_default());
    Change { turn, sign, what, old: side(old), new: side(new) }
}

fn calls(turn: u32, a: &Turn, b: &Turn, out: &mut Vec<Change>) {
    let keys = |turn: &Turn| turn.calls.iter().map(|call| call.key.clone()).collect::<Vec<_>>();
    let side = |call: &Did| (call.seq, format!("{}  {}", call.words, call.outcome));
    let none = || (0, String::new());
    let mut push = |sign, old, new| out.push(Change { turn, sign, what: "call", old, new });
    for op in capture_diff_slices(Algorithm::Myers, &keys(a), &keys(b)) {
        match op {
            DiffOp::Equal { old_index, new_index, len } => {
                for i in 0..len {
                    let (old, new) = (&a.calls[old_index + i], &b.calls[new_index + i]);
                    let same = old.outcome == new.outcome && old.output == new.output;
                    push(if same { ' ' } else { '~' }, side(old), side(new));
                }
            }
            op => {
                a.calls[op.old_range()].iter().for_each(|call| push('-', side(call), none()));
                b.calls[op.new_range()].iter().for_each(|call| push('+', none(), side(call)));
            }
        }
    }
}

/// As lines: the changes, with what is the same only if `whole`; a head for each turn that has some.
#[must_use]
pub fn lines(all: &[Change], whole: bool, style: &Style) -> Vec<Text> {
    let mut out = Vec::new();
    let mut turn = None;
    for change in all.iter().filter(|c| whole || c.sign != ' ') {
        if turn != Some(change.turn) {
            turn = Some(change.turn);
            let prompt = all
                .iter()
                .find(|c| c.turn == change.turn && c.what == "prompt")
                .map_or("", |c| first(&c.old.1, &c.new.1));
            out.push(
                Text::of(Role::Bold, format!("turn {}", change.turn))
                    .gap(2)
                    .and(visible(line_of(prompt), Role::Plain))
                    .cut_end(style.width, style),
            );
        }
        if change.what == "prompt" && change.sign != '~' {
            continue;
        }
        let row = |sign: char, role: Role, (seq, words): &(u64, String)| {
            let at = if *seq > 0 { format!("  @{seq}") } else { String::new() };
            let what = if change.what == "call" { String::new() } else { format!("{} ", change.what) };
            Text::of(role, format!("{sign} {what}"))
                .and(visible(line_of(words), role))
                .with(Role::Typed, at)
                .cut_end(style.width, style)
        };
        match change.sign {
            '-' => out.push(row('-', Role::Bad, &change.old)),
            '+' => out.push(row('+', Role::Good, &change.new)),
            '~' if change.old.1 == change.new.1 => {
                out.push(row('~', Role::Edge, &change.new).with(Role::Dim, "  another output"));
            }
            '~' => {
                out.push(row('-', Role::Bad, &change.old));
                out.push(row('+', Role::Good, &change.new));
            }
            _ => out.push(row(' ', Role::Dim, &change.new)),
        }
    }
    out
}

fn first<'a>(a: &'a str, b: &'a str) -> &'a str {
    if a.is_empty() { b } else { a }
}

fn line_of(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// What all turns cost, for the last line.
#[must_use]
pub fn cost(turns: &[Turn]) -> String {
    units::cost(turns.iter().try_fold(0u64, |sum, turn| turn.cost.map(|cost| sum.saturating_add(cost))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn did(seq: u64, key: &str, outcome: &str) -> Did {
        Did { seq, words: key.to_owned(), key: key.to_owned(), outcome: outcome.to_owned(), output: String::new() }
    }

    fn turn(calls: Vec<Did>, answer: &str) -> Turn {
        Turn { n: 1, prompt: "fix it".into(), ended: "done".into(), calls, answer: answer.into(), cost: Some(5) }
    }

    #[test]
    fn calls_are_aligned_by_what_was_asked_for() {
        let a = [turn(
            vec![did(7, "read a", "done"), did(9, "shell make", "exit 2"), did(12, "edit a", "done +1 -1")],
            "ok",
        )];
        let b = [turn(vec![did(7, "read a", "done"), did(8, "read b", "done"), did(11, "shell make", "exit 0")], "ok")];
        let style = Style { color: false, ..Style::new(80) };
        let shown =
            |whole| lines(&changes(&a, &b), whole, &style).iter().map(|t| crate::render(t, &style)).collect::<Vec<_>>();
        assert_eq!(
            shown(false),
            [
                "turn 1  fix it",
                "+ read b  done  @8",
                "- shell make  exit 2  @9",
                "+ shell make  exit 0  @11",
                "- edit a  done +1 -1  @12",
            ]
        );
        assert_eq!(shown(true)[1], "  read a  done  @7");
        assert!(lines(&changes(&a, &a), false, &style).is_empty());
    }
}
