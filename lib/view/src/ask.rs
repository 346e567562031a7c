//! A question to a person: exactly what would happen, where, why it is asked, and which rule would allow it.
//! It must never cut anything, and never know how the answer is given.

use ace_schema::data::{PermissionRequested, PermissionResolved, Proposal};
use ace_schema::permission::{Decision, Scope};
use ace_schema::question;

use crate::call::numbered;
use crate::clean::{visible, visible_lines};
use crate::diff;
use crate::facts::SessionFacts;
use crate::step::Call;
use crate::style::{Mark, Role, Style};
use crate::text::Text;

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The call.
    pub call: &'a Call,
    /// Why it is asked.
    pub asked: &'a PermissionRequested,
    /// Which of how many open questions, from 1.
    pub position: (usize, usize),
    /// What an edit would do as a unified diff, if the caller could find out; else it is drawn from the call's own words.
    pub patch: Option<&'a str>,
}

/// The block of a question, without the line of keys.
#[must_use]
pub fn block(question: &Question, facts: &SessionFacts, style: &Style) -> Vec<Text> {
    let call = question.call;
    if let Some(asked) = of_model(call) {
        return to_user(&asked, question, style);
    }
    let (head, body) = match call.tool.as_str() {
        "edit" | "write" | "patch" => change(call, question.patch, style),
        tool => {
            let reads = ace_schema::tool::find(tool).is_some_and(|t| t.reads);
            let verb = if reads { "wants to read" } else { "wants to run" };
            let body = visible_lines(&call.subject, Role::Bold).into_iter().map(|l| Text::new().gap(4).and(l));
            (wants(call, verb, style), body.collect())
        }
    };
    let mut out = vec![positioned(head, question, style)];
    out.extend(body);
    let label = |name: &str, text: Text| Text::new().gap(2).dim(format!("{name:<6}")).and(text).wrap(style.width, 8);
    if !facts.place.is_empty() {
        out.extend(label("in", visible(&facts.place, Role::Plain)));
    }
    let mut why = visible(&question.asked.why, Role::Plain);
    // The rule that a mode stands for says nothing that the mode does not say.
    let of_mode = question.asked.rule.strip_prefix("mode-") == Some(facts.mode.as_str());
    let by: Vec<String> = [("rule ", &question.asked.rule), ("mode ", &facts.mode)]
        .into_iter()
        .filter(|(word, name)| !name.is_empty() && (!of_mode || *word != "rule "))
        .map(|(word, name)| format!("{word}{}", visible(name, Role::Plain).words()))
        .collect();
    let mut by = by;
    if !matches!(question.asked.addressee.as_str(), "" | "user") {
        by.push(format!("asked of {}", visible(&question.asked.addressee, Role::Plain).words()));
    }
    if !by.is_empty() {
        let by = by.join("; ");
        why = if why.is_empty() { Text::of(Role::Dim, by) } else { why.dim(format!(" ({by})")) };
    }
    out.extend(label("why", why));
    if let Some(proposal) = &question.asked.proposal {
        out.extend(label("rule", rule(proposal)));
    }
    out
}

/// What the model asks the user, if that is what the call is for.
fn of_model(call: &Call) -> Option<question::Question> {
    if call.tool == question::TOOL { question::Question::parse(&call.args) } else { None }
}

/// A question of the model's, with the choices it offers.
fn to_user(asked: &question::Question, question: &Question, style: &Style) -> Vec<Text> {
    let mut lines = visible_lines(asked.question.trim(), Role::Bold).into_iter();
    let head = Text::marked(Mark::Waits, style).and(lines.next().unwrap_or_default());
    let mut out = match head.cells() < style.width {
        true => vec![positioned(head, question, style)],
        false => head.wrap(style.width, 2),
    };
    out.extend(lines.flat_map(|line| Text::new().gap(2).and(line).wrap(style.width, 2)));
    let label = |choice: &question::Choice| visible(choice.label.trim(), Role::Plain);
    let wide = asked.choices.iter().map(|choice| label(choice).cells()).max().unwrap_or(0).min(24);
    for (i, choice) in asked.choices.iter().enumerate() {
        let name = label(choice);
        let gap = (wide + 2).saturating_sub(name.cells()).max(2);
        let mut line = Text::new().gap(2).with(Role::Typed, (i + 1).to_string()).plain(" ").and(name);
        if !choice.detail.trim().is_empty() {
            line = line.gap(gap).and(visible(choice.detail.trim(), Role::Dim));
        }
        out.extend(line.wrap(style.width, 4));
    }
    out
}

fn wants(call: &Call, verb: &str, style: &Style) -> Text {
    Text::marked(Mark::Waits, style).and(visible(&call.tool, Role::Bold)).plain(format!(" {verb}"))
}

/// The head's right edge: `turn 2, call 3`, and which question it is when there are several.
fn positioned(head: Text, question: &Question, style: &Style) -> Text {
    let (n, of) = question.position;
    let mut right = if of > 1 { Text::of(Role::Edge, format!("{n} of {of}  ")) } else { Text::new() };
    if question.call.ordinal > 0 && style.width >= crate::verdict::NARROW {
        right = right.dim(format!("turn {}, call {}", question.call.turn, question.call.ordinal));
    }
    if head.cells() + 2 + right.cells() > style.width {
        return head;
    }
    head.to(style.width - right.cells()).and(right)
}

/// The diff of an edit or a new file, whole.
fn change(call: &Call, patch: Option<&str>, style: &Style) -> (Text, Vec<Text>) {
    let rows = match patch {
        Some(patch) => diff::rows(patch),
        None if call.tool == "patch" => {
            let text = call.argument("patch").unwrap_or_default();
            diff::of_patch(&ace_schema::patch::parse(&text).unwrap_or_default())
        }
        None if call.tool == "edit" && call.argument("old").is_none() => {
            call.pairs("edits").iter().flat_map(|(old, new)| diff::between(old, new)).collect()
        }
        None => {
            let old = call.argument("old").unwrap_or_default();
            let new = call.argument("new").or_else(|| call.argument("content")).unwrap_or_default();
            diff::between(&old, &new)
        }
    };
    let (added, removed) = diff::count(&rows);
    let head = wants(call, "wants to change ", style).and(visible(&call.subject, Role::Bold)).plain("  ");
    (head.and(diff::counts(added, removed)), rows.iter().map(|row| diff::draw(row, true, style)).collect())
}

/// What the call did in a copy, once it was tried there.
#[must_use]
pub fn tried(call: &Call, facts: &SessionFacts, style: &Style) -> Vec<Text> {
    let Some((seq, tried)) = &call.tried else { return Vec::new() };
    let ran = &tried.outcome;
    let ended = match (ran.signal, ran.exit) {
        (Some(signal), _) => format!("signal {signal}"),
        (None, Some(exit)) => format!("exit {exit}"),
        (None, None) => "done".to_owned(),
    };
    let mut line = Text::marked(Mark::Waits, style)
        .plain(format!("tried in a copy, no network: {ended}, {}", crate::units::duration(ran.ms)));
    for file in &ran.changed {
        line = line.plain(", ").and(visible(&file.path, Role::Plain)).plain(" ");
        line = line.and(diff::counts(file.added, file.removed));
    }
    if ran.changed_more > 0 {
        line = line.plain(format!(", {} more", ran.changed_more));
    }
    if ran.changed.is_empty() {
        line = line.plain(", no file changed");
    }
    let mut out = line.wrap(style.width, 2);
    out.extend(crate::call::effect(ran, *seq, facts, style));
    out
}

/// A rule as a person would say it: `allow shell 'cargo add ...'`.
fn rule(proposal: &Proposal) -> Text {
    let mut out = Text::of(Role::Typed, "allow ").and(visible(&proposal.tool, Role::Typed));
    let patterns = std::iter::once(&proposal.command).filter(|c| !c.is_empty()).chain(&proposal.paths);
    for pattern in patterns {
        out = out.with(Role::Typed, " '").and(visible(pattern, Role::Typed)).with(Role::Typed, "'");
    }
    out
}

/// The keys that answer: those that make a rule only where one is proposed, for a project only where there is one. As many rows as
/// the width asks for.
#[must_use]
pub fn keys(ruled: bool, in_project: bool, tries: bool, style: &Style) -> Vec<Text> {
    rows(
        &[
            ("y", "once", true),
            ("s", "session", ruled),
            ("p", "project", ruled && in_project),
            ("a", "always", ruled),
            ("e", "edit rule", ruled),
            ("t", "try", tries),
            ("n", "no", true),
            ("N", "no, but", true),
        ],
        style,
    )
}

/// The same where an answer is a line of its own: a rule may stand behind the letter that grants one.
#[must_use]
pub fn typed_keys(call: &Call, ruled: bool, in_project: bool, style: &Style) -> Vec<Text> {
    if let Some(asked) = of_model(call) {
        let choose = match asked.choices.len() {
            0 => String::new(),
            1 => "1 or ".to_owned(),
            n => format!("1-{n} or "),
        };
        return rows(&[(&format!("{choose}words"), "answer", true), ("/n", "no answer", true)], style);
    }
    let tries = matches!(call.tool.as_str(), "shell" | "write" | "edit" | "patch");
    let (yes, again) = if call.tried.is_some() { ("adopt exactly this", "try again") } else { ("once", "try") };
    let ruled = ruled && call.tried.is_none();
    rows(
        &[
            ("y", yes, true),
            ("s [RULE]", "session", ruled),
            ("p [RULE]", "project", ruled && in_project),
            ("a [RULE]", "always", ruled),
            ("t", again, tries),
            ("n [WHY]", "no", true),
        ],
        style,
    )
}

/// Keys that are offered, as many rows as the width asks for.
fn rows(all: &[(&str, &str, bool)], style: &Style) -> Vec<Text> {
    let mut rows: Vec<Text> = Vec::new();
    for (key, does, _) in all.iter().filter(|(.., offered)| *offered) {
        let key = Text::new().gap(2).with(Role::Typed, *key).dim(format!(" {does}"));
        match rows.last_mut() {
            Some(row) if row.cells() + key.cells() <= style.width => *row = std::mem::take(row).and(key),
            _ => rows.push(key),
        }
    }
    rows
}

/// What an answer would allow from now on, before it is given: nobody makes a rule by a key that was meant for a message.
#[must_use]
pub fn lasting(scope: Scope, proposal: &Proposal, style: &Style) -> Vec<Text> {
    let asked = Text::new().gap(2).and(rule(proposal)).plain(format!(" {}", reach(scope)));
    let key = |key: &str, does: &str| Text::new().gap(2).with(Role::Typed, key).dim(format!(" {does}"));
    let mut rows = asked.wrap(style.width, 2);
    rows.push(key("Enter", "yes").and(key("Esc", "back")));
    rows
}

/// How far an answer reaches, in words.
fn reach(scope: Scope) -> &'static str {
    match scope {
        Scope::Once => "once",
        Scope::Session => "for this session",
        Scope::Project => "for this project",
        Scope::Always => "always",
    }
}

/// The keys that answer this call's question.
#[must_use]
pub fn keys_of(call: &Call, ruled: bool, in_project: bool, style: &Style) -> Vec<Text> {
    let Some(asked) = of_model(call) else {
        let Some((_, tried)) = &call.tried else {
            let tries = matches!(call.tool.as_str(), "shell" | "write" | "edit" | "patch");
            return keys(ruled, in_project, tries, style);
        };
        let has_diff = !tried.outcome.patch.is_empty() || tried.outcome.patch_blob.is_some();
        let has_output = !tried.outcome.output.text.is_empty();
        let all = [
            ("y", "adopt exactly this", true),
            ("v", "view diff", has_diff),
            ("o", "output", has_output),
            ("t", "try again", true),
            ("n", "drop it", true),
            ("N", "no, but", true),
        ];
        return rows(&all, style);
    };
    let key = |key: String, does: &str| Text::of(Role::Typed, key).dim(format!(" {does}"));
    let mut out = Text::new();
    match asked.choices.len() {
        0 => {}
        1 => out = out.gap(2).and(key("1".to_owned(), "choose")),
        n => out = out.gap(2).and(key(format!("1-{n}"), "choose")),
    }
    let out = out.gap(2).dim("type an answer, ").and(key("Enter".to_owned(), "sends it"));
    vec![out.gap(2).and(key("^N".to_owned(), "no answer"))]
}

/// The line on which a person types an answer.
#[must_use]
pub fn reply(words: &str) -> Text {
    Text::new().gap(2).dim("answer: ").and(visible(words, Role::Plain))
}

/// What a key would do that may as well begin a message.
#[must_use]
pub fn trying() -> Text {
    let key = |key: &str, does: &str| Text::new().gap(2).with(Role::Typed, key).dim(format!(" {does}"));
    Text::new().gap(2).plain("run it in a copy, no network").and(key("Enter", "yes")).and(key("Esc", "back"))
}

/// The line on which a person changes the rule that is proposed.
#[must_use]
pub fn ruling(words: &str) -> Text {
    Text::new().gap(2).dim("rule: ").and(visible(words, Role::Typed))
}

/// The line on which a person says what they want instead.
#[must_use]
pub fn instead(words: &str) -> Text {
    Text::new().gap(2).dim("no, but: ").and(visible(words, Role::Plain))
}

/// What a question shrinks to once it is answered: `✓ allowed once  cargo add serde  @41`.
#[must_use]
pub fn answered(call: &Call, decided: &PermissionResolved, seq: u64, facts: &SessionFacts, style: &Style) -> Text {
    let here = decided.who == facts.person || decided.who.is_empty();
    let who = || if here { Text::of(Role::Plain, "you") } else { visible(&decided.who, Role::Plain) };
    let line = if decided.decision == Decision::Deny {
        let line = Text::marked(Mark::Refused, style).plain("refused by ").and(who());
        if decided.why.is_empty() { line } else { line.plain(": ").and(visible(&decided.why, Role::Plain)) }
    } else if !decided.answer.is_empty() {
        let line = Text::marked(Mark::Done, style).plain("answered");
        let line = if here { line } else { line.plain(" by ").and(who()).plain(" elsewhere") };
        line.plain(": ").and(visible(&decided.answer, Role::Plain))
    } else if here {
        Text::marked(Mark::Done, style).plain(format!("allowed {}", reach(decided.scope)))
    } else {
        Text::marked(Mark::Done, style).plain("allowed by ").and(who()).plain(" elsewhere")
    };
    numbered(line.plain("  ").and(visible(&call.subject, Role::Plain)), seq, style)
}
