//! Whether a run came out as its scenario says. It must never look at a file: whoever asks brings what lies there.

use ace_core::{State, TurnEnd};
use ace_schema::Line;
use ace_schema::data::Code;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::scenario::{EventExpected, FileExpected, Scenario};
use crate::story::{Call, Story};

/// How a session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The turn has its answer.
    Done,
    /// It has none.
    Failed,
    /// A limit stopped it.
    Stopped,
    /// Only a person can go on.
    Asks,
    /// A person stopped it.
    Cancelled,
    /// It is not over.
    Open,
}

impl Verdict {
    /// As it is written.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
            Self::Asks => "asks",
            Self::Cancelled => "cancelled",
            Self::Open => "open",
        }
    }
}

/// How the session stands in this state.
#[must_use]
pub fn verdict(state: &State) -> Verdict {
    if state.turn.is_some() || !state.waiting.is_empty() {
        return if state.asked().next().is_some() { Verdict::Asks } else { Verdict::Open };
    }
    match &state.ended {
        Some(TurnEnd::Completed) => Verdict::Done,
        Some(TurnEnd::Failed { code: Code::Limit, .. }) => Verdict::Stopped,
        Some(TurnEnd::Failed { .. }) => Verdict::Failed,
        Some(TurnEnd::Cancelled) => Verdict::Cancelled,
        None => Verdict::Open,
    }
}

/// One expectation that was not met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// Which: `verdict`, `calls`, `says 1`, `event 2`, `file a.txt`, `check`.
    pub expectation: String,
    /// What was wanted and what is there.
    pub words: String,
}

/// A call as scenarios write it: `shell make test: exit 2`.
#[must_use]
pub fn told(call: &Call, place: &str) -> String {
    let subject =
        if place.is_empty() { call.subject() } else { call.subject().replace(place, crate::cassette::WORKTREE) };
    let subject = if subject.is_empty() { String::new() } else { format!(" {subject}") };
    format!("{}{subject}: {}", call.tool, call.result())
}

/// Everything about the log that did not come out as the scenario says. `place` is the folder the session worked in.
#[must_use]
pub fn judge(scenario: &Scenario, lines: &[Line], story: &Story, place: &str) -> Vec<Failure> {
    let expect = &scenario.expect;
    let mut failures = Vec::new();
    let mut fail = |expectation: String, words: String| failures.push(Failure { expectation, words });
    let now = verdict(&story.state);
    if let Some(wanted) = expect.verdict.filter(|wanted| *wanted != now) {
        let why = match &story.state.ended {
            Some(TurnEnd::Failed { message, .. }) if now != Verdict::Open => format!(": {message}"),
            _ => String::new(),
        };
        fail("verdict".to_owned(), format!("{} was expected, it is {}{why}", wanted.name(), now.name()));
    }
    if let Some(wanted) = &expect.calls {
        let there: Vec<String> = story.calls().map(|call| told(call, place)).collect();
        if let Some(words) = other_calls(wanted, &there) {
            fail("calls".to_owned(), words);
        }
    }
    let said = story.last_words();
    for (n, text) in expect.says.iter().enumerate().filter(|(_, text)| !said.contains(text.as_str())) {
        fail(format!("says {}", n + 1), format!("the answer does not say '{text}'"));
    }
    for (n, event) in expect.events.iter().enumerate() {
        if let Some(words) = other_events(event, lines) {
            fail(format!("event {}", n + 1), words);
        }
    }
    failures
}

fn other_calls(wanted: &[String], there: &[String]) -> Option<String> {
    let at = wanted.iter().zip(there).position(|(a, b)| a != b).unwrap_or(wanted.len().min(there.len()));
    match (wanted.get(at), there.get(at)) {
        (None, None) => None,
        (Some(wanted), Some(there)) => Some(format!("call {}: '{wanted}' was expected, it is '{there}'", at + 1)),
        (Some(wanted), None) => Some(format!("call {}: '{wanted}' was expected, there is none", at + 1)),
        (None, Some(there)) => Some(format!("call {}: none was expected, there is '{there}'", at + 1)),
    }
}

fn other_events(expected: &EventExpected, lines: &[Line]) -> Option<String> {
    let fits = |line: &&Line| {
        let text = line.data.map_or("{}", serde_json::value::RawValue::get);
        let data = || serde_json::from_str::<Value>(text).unwrap_or_default();
        line.ty == expected.ty
            && expected.turn.is_none_or(|turn| turn == line.turn)
            && (expected.has.is_empty() || says(&data(), &expected.has))
            && (expected.fields.is_empty() || {
                let data = data();
                expected.fields.iter().all(|(path, wanted)| field(&data, path).is_some_and(|v| same(v, wanted)))
            })
    };
    let count = lines.iter().filter(fits).count() as u64;
    let what = || {
        let fields: String = expected.fields.iter().map(|(path, value)| format!(" {path} = {value}")).collect();
        let has = if expected.has.is_empty() { String::new() } else { format!(" with '{}'", expected.has) };
        format!("{}{fields}{has}", expected.ty)
    };
    match expected.count {
        None if count == 0 => Some(format!("no {}", what())),
        Some(wanted) if wanted != count => Some(format!("{}: {wanted} were expected, there are {count}", what())),
        _ => None,
    }
}

/// Whether any text within a value holds these words.
fn says(value: &Value, words: &str) -> bool {
    match value {
        Value::String(text) => text.contains(words),
        Value::Array(all) => all.iter().any(|v| says(v, words)),
        Value::Object(all) => all.values().any(|v| says(v, words)),
        _ => false,
    }
}

/// The field at a path: `output.text`, `changed.0.path`.
fn field<'v>(data: &'v Value, path: &str) -> Option<&'v Value> {
    path.split('.').try_fold(data, |at, name| match at {
        Value::Array(all) => all.get(name.parse::<usize>().ok()?),
        other => other.get(name),
    })
}

fn same(there: &Value, wanted: &toml::Value) -> bool {
    match wanted {
        toml::Value::Integer(n) => there.as_i64() == Some(*n),
        toml::Value::Boolean(b) => there.as_bool() == Some(*b),
        toml::Value::String(s) => there.as_str() == Some(s),
        other => serde_json::to_value(other).is_ok_and(|wanted| wanted == *there),
    }
}

/// Whether a file is as it should be: what lies there, and what the scenario has for it. `None` for what is not there.
#[must_use]
pub fn file(expected: &FileExpected, there: Option<&[u8]>, wanted: Option<&[u8]>) -> Option<Failure> {
    let words = match there {
        None if expected.absent => return None,
        None => "it is not there".to_owned(),
        Some(_) if expected.absent => "it is there".to_owned(),
        Some(bytes) if expected.same && Some(bytes) != wanted => match wanted {
            Some(wanted) => differs(wanted, bytes),
            None => "the scenario does not have it in expected/".to_owned(),
        },
        Some(bytes) => {
            let text = String::from_utf8_lossy(bytes);
            let lacking = expected.has.iter().find(|has| !text.contains(has.as_str()));
            let holding = expected.lacks.iter().find(|lacks| text.contains(lacks.as_str()));
            match (lacking, holding) {
                (Some(has), _) => format!("it does not hold '{has}'"),
                (None, Some(lacks)) => format!("it holds '{lacks}'"),
                (None, None) => return None,
            }
        }
    };
    Some(Failure { expectation: format!("file {}", expected.path), words: format!("{}: {words}", expected.path) })
}

fn differs(wanted: &[u8], there: &[u8]) -> String {
    let (wanted, there) = (String::from_utf8_lossy(wanted), String::from_utf8_lossy(there));
    let (removed, added) = crate::drift::lines(&wanted, &there, 1);
    let at = wanted.lines().zip(there.lines()).take_while(|(a, b)| a == b).count() + 1;
    let line = |lines: &[&str]| lines.first().map_or_else(|| "nothing".to_owned(), |l| format!("'{l}'"));
    format!("line {at}: {} was expected, it is {}", line(&removed), line(&added))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(expect: &str) -> Vec<String> {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/sessions/work.jsonl");
        let text = std::fs::read(path).unwrap();
        let lines: Vec<Line> =
            text.split(|&b| b == b'\n').filter(|l| !l.is_empty()).map(|l| Line::parse(l).unwrap()).collect();
        let scenario = Scenario::parse(&format!("prompts = [\"x\"]\n[expect]\n{expect}")).unwrap();
        judge(&scenario, &lines, &Story::of(&lines), "").into_iter().map(|f| f.expectation).collect()
    }

    #[test]
    fn what_is_there_meets_and_what_is_not_fails() {
        assert_eq!(with("verdict = \"done\""), Vec::<String>::new());
        assert_eq!(with("verdict = \"asks\""), ["verdict"]);
        assert_eq!(with("calls = []"), ["calls"]);
        assert_eq!(with("says = [\"no such words\"]"), ["says 1"]);
        assert_eq!(with("[[expect.event]]\ntype = \"session.created\"\ncount = 1"), Vec::<String>::new());
        assert_eq!(with("[[expect.event]]\ntype = \"session.created\"\ncount = 2"), ["event 1"]);
        assert_eq!(with("[[expect.event]]\ntype = \"no.such\""), ["event 1"]);
        assert_eq!(with("[[expect.event]]\ntype = \"no.such\"\ncount = 0"), Vec::<String>::new());
        assert_eq!(with("[[expect.event]]\ntype = \"tool.completed\"\nhas = \"no such words\""), ["event 1"]);
        assert_eq!(with("[[expect.event]]\ntype = \"session.created\"\nwhere = { mode = \"nope\" }"), ["event 1"]);
    }

    #[test]
    fn files_are_compared_by_what_they_hold() {
        let expected = |toml: &str| -> FileExpected { toml::from_str(&format!("path = \"a\"\n{toml}")).unwrap() };
        let fails = |toml: &str, there: Option<&str>, wanted: Option<&str>| {
            file(&expected(toml), there.map(str::as_bytes), wanted.map(str::as_bytes)).map(|f| f.words)
        };
        assert_eq!(fails("same = true", Some("x\n"), Some("x\n")), None);
        let words = fails("same = true", Some("x\nz\n"), Some("x\ny\n")).unwrap();
        assert_eq!(words, "a: line 2: 'y' was expected, it is 'z'");
        assert!(fails("same = true", Some("x"), None).is_some());
        assert!(fails("absent = true", Some("x"), None).is_some());
        assert_eq!(fails("absent = true", None, None), None);
        assert_eq!(fails("", None, None).unwrap(), "a: it is not there");
        assert_eq!(fails("has = [\"x\"]\nlacks = [\"y\"]", Some("x"), None), None);
        assert!(
            fails("has = [\"y\"]", Some("x"), None).is_some() && fails("lacks = [\"x\"]", Some("x"), None).is_some()
        );
    }
}
