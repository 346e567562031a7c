//! One call as lines: mark, tool, argument; result, time, bytes to the model, seq; and an excerpt where it matters.
//! It must never know what comes before or after it.

use ace_schema::data::{HookCompleted, MessageVetted, PermissionResolved, ToolCompleted, ToolFailed};
use ace_schema::limits::{VIEW_DIFF_LINES, VIEW_EXCERPT_LINES};

use crate::clean::{clean, visible};
use crate::diff;
use crate::facts::SessionFacts;
use crate::step::{Call, is_failure, outcome};
use crate::style::{Mark, Role, Style};
use crate::text::Text;
use crate::units;

/// Cells of the tool's name, of the result, and what the measures take with the gap before them.
const TOOL: usize = 5;
const RESULT: usize = 10;
const TIME: usize = 8;
const BYTES: usize = 10;
const SEQ: usize = 7;
/// Cells the argument keeps before a measure leaves.
const ARGUMENT: usize = 20;

/// The fields of a call's line.
#[derive(Debug, Clone)]
pub struct CallLine {
    /// Mark in column 1.
    pub mark: Mark,
    /// Tool name, styled.
    pub tool: Text,
    /// Path, pattern or command.
    pub argument: Text,
    /// The argument is a path: its middle is cut.
    pub is_path: bool,
    /// What came of it.
    pub result: Text,
    /// Duration as text.
    pub time: String,
    /// Bytes to the model as text.
    pub bytes: String,
    /// Its record.
    pub seq: Option<u64>,
    /// It runs, or would, without a sandbox: the name has a mark of its own.
    pub unsandboxed: bool,
}

impl CallLine {
    /// The line of a call with nothing measured yet.
    #[must_use]
    pub fn of(mark: Mark, call: &Call, unsandboxed: bool) -> Self {
        let name = if call.tool.is_empty() { "call" } else { &call.tool };
        let tool =
            if unsandboxed { visible(name, Role::Edge).with(Role::Edge, "!") } else { visible(name, Role::Plain) };
        Self {
            mark,
            tool,
            argument: visible(&call.subject, Role::Plain),
            is_path: call.is_path,
            result: Text::new(),
            time: String::new(),
            bytes: String::new(),
            seq: None,
            unsandboxed,
        }
    }

    /// The line at the style's width: the argument is cut; bytes, time and seq leave in this order when it is narrow.
    #[must_use]
    pub fn draw(self, style: &Style) -> Text {
        let left = Text::marked(self.mark, style)
            .and(self.tool.cut_end(style.width / 4, style))
            .to(2 + TOOL + usize::from(self.unsandboxed))
            .gap(2);
        let least = left.cells() + ARGUMENT + 2 + RESULT;
        let seq_at = style.width >= least + SEQ - 1;
        let time_at = style.width >= least + SEQ + TIME - 1;
        let bytes_at = style.width >= least + SEQ + TIME + BYTES - 1;
        let measures = if seq_at { SEQ } else { 0 } + if time_at { TIME } else { 0 } + if bytes_at { BYTES } else { 0 };
        let column = style.width.saturating_sub(measures);
        let result = self.result.cut_end(column.saturating_sub(left.cells() + 4), style);
        let room = column.saturating_sub(left.cells() + 2 + result.cells().max(RESULT));
        let argument =
            if self.is_path { self.argument.cut_middle(room, style) } else { self.argument.cut_end(room, style) };
        let mut line = left.and(argument);
        let before = line.cells();
        line = line.to((column - result.cells()).max(if result.is_empty() { 0 } else { before + 2 })).and(result);
        if time_at {
            line = line.gap(TIME.saturating_sub(self.time.len())).dim(self.time);
        }
        if bytes_at {
            line = line.gap(BYTES.saturating_sub(self.bytes.len())).dim(self.bytes);
        }
        match self.seq {
            Some(seq) if seq_at => line.and(at(seq, SEQ)),
            _ => line,
        }
    }
}

/// `@23` at the right of so many cells.
fn at(seq: u64, cells: usize) -> Text {
    let handle = format!("@{seq}");
    Text::new().gap(cells.saturating_sub(handle.len())).with(Role::Typed, handle)
}

/// A line of its own with its record at the right edge; the record leaves when the line is narrow, as on calls.
#[must_use]
pub fn numbered(line: Text, seq: u64, style: &Style) -> Text {
    let handle = at(seq, 0);
    if style.width < 2 + TOOL + 2 + ARGUMENT + 2 + RESULT + SEQ - 1 {
        return line.cut_end(style.width, style);
    }
    let room = style.width.saturating_sub(handle.cells());
    let line = line.cut_end(room.saturating_sub(2), style);
    let before = line.cells();
    line.to(room.max(before + 2)).and(handle)
}

/// A call that has run: its line, and what failed or changed.
#[must_use]
pub fn ran(call: &Call, ran: &ToolCompleted, seq: u64, facts: &SessionFacts, style: &Style) -> Vec<Text> {
    let failure = is_failure(ran);
    let mark = if failure { Mark::Failed } else { Mark::Done };
    let mut line = CallLine::of(mark, call, ran.sandbox == "off");
    line.result = result(ran);
    line.time = units::duration(ran.ms);
    line.bytes = units::bytes(ran.output.text.len() as u64);
    line.seq = Some(seq);
    let mut out = vec![line.draw(style)];
    if failure {
        out.extend(excerpt(&ran.output.text, ran.output.truncated, seq, &facts.name, style));
    } else if !ran.patch.is_empty() {
        out.extend(patch(&ran.patch, seq, &facts.name, style));
    }
    if !ran.feedback.is_empty() {
        out.extend(told(&ran.feedback, seq, &facts.name, style));
    }
    out
}

fn result(ran: &ToolCompleted) -> Text {
    if let Some(signal) = ran.signal {
        return Text::of(Role::BadBold, format!("signal {signal}"));
    }
    match ran.exit {
        Some(0) => return Text::of(Role::Dim, "exit 0"),
        Some(code) => return Text::of(Role::BadBold, format!("exit {code}")),
        None => {}
    }
    if !ran.changed.is_empty() {
        let (added, removed) = ran
            .changed
            .iter()
            .fold((0u64, 0u64), |(a, r), file| (a.saturating_add(file.added), r.saturating_add(file.removed)));
        return diff::counts(added, removed);
    }
    if ran.output.truncated {
        return Text::of(Role::Dim, "in part");
    }
    Text::of(Role::Dim, crate::text::plural(ran.output.text.lines().count() as u64, "line"))
}

/// A call that could not run, or whose outcome is unknown.
#[must_use]
pub fn broke(call: &Call, broke: &ToolFailed, seq: u64, facts: &SessionFacts, style: &Style) -> Vec<Text> {
    let word = outcome(&broke.code);
    let mark = if word == "failed" { Mark::Failed } else { Mark::Warns };
    let mut line = CallLine::of(mark, call, facts.sandbox == "off");
    line.result = Text::of(mark.role().bold(), word);
    line.seq = Some(seq);
    if broke.ms > 0 {
        line.time = units::duration(broke.ms);
    }
    let mut out = vec![line.draw(style)];
    if broke.message != word {
        out.extend(quoted(&clean(&broke.message), style));
    }
    if let Some(output) = broke.output.as_ref().filter(|o| !o.text.is_empty()) {
        out.extend(excerpt(&output.text, output.truncated, seq, &facts.name, style));
    }
    out
}

/// A call that was refused: by which rule or person, and why. It never ran, so nothing is measured.
#[must_use]
pub fn refused(call: &Call, decided: &PermissionResolved, seq: u64, facts: &SessionFacts, style: &Style) -> Vec<Text> {
    let mut line = CallLine::of(Mark::Refused, call, facts.sandbox == "off");
    line.result = Text::of(Role::Edge, "refused");
    line.seq = Some(seq);
    let mut why = Text::new().gap(4);
    if decided.who == "rule" || decided.who.is_empty() {
        why = why.dim("rule ").and(visible(&decided.rule, Role::Plain));
    } else {
        why = why.dim("by ").and(visible(&decided.who, Role::Plain));
    }
    if !decided.why.is_empty() {
        why = why.plain(": ").and(visible(&decided.why, Role::Plain));
    }
    std::iter::once(line.draw(style)).chain(why.wrap(style.width, 4)).collect()
}

/// What a call did in a copy, as much of it as a run shows of a call.
pub(crate) fn effect(ran: &ToolCompleted, seq: u64, facts: &SessionFacts, style: &Style) -> Vec<Text> {
    if is_failure(ran) {
        excerpt(&ran.output.text, ran.output.truncated, seq, &facts.name, style)
    } else if !ran.patch.is_empty() {
        patch(&ran.patch, seq, &facts.name, style)
    } else {
        Vec::new()
    }
}

/// A message that hooks did not let pass.
#[must_use]
pub fn unsaid(vetted: &MessageVetted, seq: u64, style: &Style) -> Vec<Text> {
    let line = numbered(Text::marked(Mark::Refused, style).plain("message refused"), seq, style);
    let mut why = Text::new().gap(4).dim("hook ").and(visible(&vetted.hook, Role::Plain));
    if !vetted.layer.is_empty() {
        why = why.dim(format!(" ({})", vetted.layer));
    }
    let why = why.plain(": ").and(visible(&vetted.why, Role::Plain));
    std::iter::once(line).chain(why.wrap(style.width, 4)).collect()
}

/// A turn that hooks did not let end.
#[must_use]
pub fn held(held: &HookCompleted, seq: u64, facts: &SessionFacts, style: &Style) -> Vec<Text> {
    let line = Text::marked(Mark::Warns, style).plain("not over yet  ").dim(units::duration(held.ms));
    let head = Text::new().gap(4).dim("hook ").and(visible(&held.hook, Role::Plain)).plain(":");
    std::iter::once(numbered(line, seq, style)).chain([head]).chain(told(&held.why, seq, &facts.name, style)).collect()
}

/// What a hook says, its first lines.
fn told(words: &str, seq: u64, session: &str, style: &Style) -> Vec<Text> {
    let words = clean(words);
    let lines: Vec<&str> = words.trim_end().lines().collect();
    let shown = lines.len().min(VIEW_EXCERPT_LINES);
    let mut out: Vec<Text> = lines[..shown].iter().map(|l| bar().plain(*l).cut_end(style.width, style)).collect();
    if shown < lines.len() {
        out.extend(more_lines(Some(lines.len() - shown), seq, session, style));
    }
    out
}

/// The part of an output that says what went wrong: the first block with an error in it, else its end.
fn excerpt(output: &str, truncated: bool, seq: u64, session: &str, style: &Style) -> Vec<Text> {
    let text = clean(output);
    let lines: Vec<&str> = text.trim_end().lines().collect();
    let shown = match lines.iter().position(|l| tells_failure(l)) {
        Some(start) => {
            let block = lines[start..].iter().position(|l| l.trim().is_empty()).unwrap_or(lines.len() - start);
            &lines[start..start + block.min(VIEW_EXCERPT_LINES)]
        }
        None => &lines[lines.len().saturating_sub(VIEW_EXCERPT_LINES)..],
    };
    let mut out: Vec<Text> = shown.iter().map(|l| bar().plain(*l).cut_end(style.width, style)).collect();
    let more = lines.len() - shown.len();
    if truncated || more > 0 {
        out.extend(more_lines(if truncated { None } else { Some(more) }, seq, session, style));
    }
    out
}

fn tells_failure(line: &str) -> bool {
    let small = line.to_ascii_lowercase();
    let none = ["0 error", "no error", "0 fail"].iter().any(|w| small.contains(w));
    (line.contains("FAIL") || ["error", "panic", "assert"].iter().any(|w| small.contains(w))) && !none
}

fn bar() -> Text {
    Text::new().gap(4).dim("| ")
}

fn quoted(text: &str, style: &Style) -> Vec<Text> {
    let width = style.width.saturating_sub(6);
    text.lines().flat_map(|l| Text::of(Role::Plain, l).wrap(width, 0)).map(|l| bar().and(l)).collect()
}

/// The command that shows a record whole.
pub(crate) fn show(session: &str, seq: u64) -> Text {
    Text::of(Role::Typed, "ace show ").and(visible(session, Role::Typed)).with(Role::Typed, format!("@{seq}"))
}

/// `| 11 more lines: ace show NAME@11`; the command is never cut.
fn more_lines(more: Option<usize>, seq: u64, session: &str, style: &Style) -> Vec<Text> {
    let count = match more {
        Some(n) if style.width < 60 => format!("{} more: ", units::count(n as u64)),
        Some(1) => "1 more line: ".to_owned(),
        Some(n) => format!("{} more lines: ", units::count(n as u64)),
        None => "more: ".to_owned(),
    };
    let command = show(session, seq);
    if 6 + count.len() + command.cells() > style.width {
        return vec![bar().dim(count.trim_end()), bar().and(command)];
    }
    vec![bar().dim(count).and(command)]
}

fn patch(patch: &str, seq: u64, session: &str, style: &Style) -> Vec<Text> {
    let rows = diff::rows(patch);
    let mut out: Vec<Text> = rows.iter().take(VIEW_DIFF_LINES).map(|row| diff::draw(row, false, style)).collect();
    if rows.len() > VIEW_DIFF_LINES {
        out.extend(more_lines(Some(rows.len() - VIEW_DIFF_LINES), seq, session, style));
    }
    out
}
