//! The first lines of a run, the prompt, and the line of a budget. It must never know what follows them.

use ace_schema::data::{Budget, SessionCompacted, Shortening, UserMessage};

use crate::clean::{clean, visible};
use crate::facts::SessionFacts;
use crate::style::{Mark, Role, Style};
use crate::text::Text;
use crate::{units, verdict};

/// `> make the tests pass`; further lines have no mark, so that a copy is clean.
pub(crate) fn prompt(text: &str, style: &Style) -> Vec<Text> {
    let mut out = Vec::new();
    for (i, line) in clean(text).trim_end().lines().enumerate() {
        let head = if i == 0 { Text::of(Role::Bold, "> ") } else { Text::new().gap(2) };
        out.extend(head.plain(line).wrap(style.width, 2));
    }
    out
}

/// A picture that was shown: `[image PNG 640x480 12.0 KiB]`; its width and height are left out where they are not known.
#[must_use]
pub fn image(media: &str, bytes: u64, size: Option<(usize, usize)>) -> Text {
    let kind = visible(media.strip_prefix("image/").unwrap_or(media), Role::Plain).words().to_uppercase();
    let size = size.map(|(width, height)| format!(" {width}x{height}")).unwrap_or_default();
    Text::of(Role::Dim, format!("[image {kind}{size} {}]", units::bytes(bytes)))
}

/// What a person said, and what they showed with it.
pub(crate) fn said(said: &UserMessage, style: &Style) -> Vec<Text> {
    let images = said.images.iter().map(|i| Text::new().gap(2).and(image(&i.media, i.bytes, None)));
    prompt(&said.text, style).into_iter().chain(images).collect()
}

/// `! budget $0.0204 of $0.025 spent (82 %)`, all yellow.
pub(crate) fn budget_line(budget: &Budget, style: &Style) -> Text {
    Text::marked(Mark::Warns, style).with(Role::Edge, limit(budget)).all(Role::Edge)
}

/// How far a limit is used, and whose it is if not the session's own.
pub(crate) fn limit(budget: &Budget) -> String {
    let share = units::percent(budget.used, budget.allowed);
    let clean = |words: &str| visible(words, Role::Plain).words();
    let whose = if budget.scope.is_empty() { String::new() } else { format!(" of {}", clean(&budget.scope)) };
    match budget.limit.as_str() {
        "money" | "cost" | "budget" => {
            let (used, allowed) = (units::money(budget.used), units::limit(budget.allowed));
            format!("budget{whose} {used} of {allowed} spent ({share})")
        }
        "ledger" => clean(&budget.message),
        what => {
            let (used, allowed) = (units::count(budget.used), units::count(budget.allowed));
            format!("limit{whose} {used} of {allowed} {} used ({share})", clean(what))
        }
    }
}

/// `compacted  18.4k to 2.1k tokens, 3 outputs trimmed`.
pub(crate) fn compacted(done: &SessionCompacted) -> Text {
    let how = match done.how {
        Shortening::Summary => "summarized".to_owned(),
        Shortening::Trim => format!("{} trimmed", crate::text::plural(done.trimmed.len() as u64, "old output")),
    };
    let size = format!("  {} to {} tokens, {how}", units::tokens(done.before), units::tokens(done.after));
    Text::of(Role::Plain, "compacted").dim(size)
}

/// Where the session is, and with what powers.
pub(crate) fn head(facts: &SessionFacts, style: &Style) -> Vec<Text> {
    let field = |label: &str, value: &str| {
        let label = if label.is_empty() { String::new() } else { format!("{label} ") };
        Text::of(Role::Dim, label).and(visible(value, Role::Plain))
    };
    let sandbox = match facts.sandbox.as_str() {
        "" => None,
        "off" => Some(Text::of(Role::EdgeBold, "sandbox off")),
        name => Some(field("sandbox", name)),
    };
    let mode = (!facts.mode.is_empty()).then(|| field("mode", &facts.mode));
    let budget = facts.budget.map(|b| field("budget", &units::limit(b)));
    let first = Text::of(Role::Dim, "session ").and(visible(&facts.name, Role::Bold));
    let branch = |label: &str, origin: bool| {
        let mut from = String::new();
        if origin && !facts.base.is_empty() {
            let base: String = facts.base.chars().take(7).collect();
            let space = if facts.from.is_empty() { "" } else { " " };
            from = format!(" from {}{space}{base}", facts.from);
        }
        (!facts.branch.is_empty()).then(|| field(label, &facts.branch).and(visible(&from, Role::Dim)))
    };
    let model = |name: &str| (!name.is_empty()).then(|| visible(name, Role::Plain));
    if style.width < verdict::NARROW {
        let off = sandbox.filter(|_| facts.sandbox == "off");
        let rest = fields(branch("", false).into_iter().chain(mode).chain(off), style);
        return first.wrap(style.width, 8).into_iter().chain(rest).collect();
    }
    let place = [branch("branch", true), branch("", true), branch("", false)]
        .into_iter()
        .flatten()
        .find(|b| first.cells() + 2 + b.cells() <= style.width);
    let mut out = Vec::new();
    match (place, branch("", false)) {
        (Some(place), _) => out.push(first.gap(2).and(place)),
        (None, branch) => {
            out.push(first.cut_end(style.width, style));
            out.extend(fields(branch.into_iter(), style));
        }
    }
    let powers = |name: &str| -> Vec<Text> {
        model(name).into_iter().chain(mode.clone()).chain(sandbox.clone()).chain(budget.clone()).collect()
    };
    let long = fields(powers(&facts.model).into_iter(), style);
    let short = facts.model.split_once('/').map_or(facts.model.as_str(), |(_, m)| m);
    out.extend(if long.len() > 1 { fields(powers(short).into_iter(), style) } else { long });
    out
}

/// Fields under the session's name, two spaces between; a field wraps whole.
fn fields(all: impl Iterator<Item = Text>, style: &Style) -> Vec<Text> {
    let mut out: Vec<Text> = Vec::new();
    for field in all {
        match out.last_mut() {
            Some(line) if line.cells() + 2 + field.cells() <= style.width => {
                *line = std::mem::take(line).gap(2).and(field);
            }
            _ => out.push(Text::new().gap(8).and(field).cut_end(style.width, style)),
        }
    }
    out
}
