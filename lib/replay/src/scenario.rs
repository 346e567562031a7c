//! A scenario: a folder that says what is asked, what the model answers, and what must come of it. Here is its file
//! `scenario.toml`; the folder's other parts are named by constants.

use ace_schema::permission::Mode;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What is asked and expected.
pub const FILE: &str = "scenario.toml";
/// The recorded model, as `ace-model` plays it.
pub const CASSETTE: &str = "cassette.jsonl";
/// The files of the repository's first commit.
pub const FILES: &str = "files";
/// A script that goes on from them, before that commit.
pub const SCRIPT: &str = "repository.sh";
/// The user's own configuration folder: `config.toml`, `rules.toml`, `AGENTS.md`.
pub const USER: &str = "user";
/// Files as they should be at the end.
pub const EXPECTED: &str = "expected";

/// The file of a scenario.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What it shows, one line.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub about: String,
    /// What a person says, a turn each.
    pub prompts: Vec<String>,
    /// What needs asking: plan, ask (default), edit, auto.
    #[serde(default, skip_serializing_if = "is_default")]
    pub mode: Mode,
    /// Seconds after which it counts as failed; 0 for the usual.
    #[serde(default, skip_serializing_if = "is_default")]
    pub seconds: u64,
    /// What a person answers to what is asked, in order.
    #[serde(default, rename = "answer", skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<Reply>,
    /// What must come of it.
    #[serde(default)]
    pub expect: Expect,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// What a person answers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reply {
    /// It may run.
    #[serde(default, skip_serializing_if = "is_default")]
    pub allow: bool,
    /// Words for the model.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
    /// The answer to a question of the model's.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
}

/// What must come of it. What is not said is not looked at.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// How the last turn ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<crate::Verdict>,
    /// Every call in order: `shell make test: exit 2`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calls: Option<Vec<String>>,
    /// What the last answer holds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub says: Vec<String>,
    /// A shell command that must succeed in the worktree afterwards.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub check: String,
    /// What must stand in the log.
    #[serde(default, rename = "event", skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<EventExpected>,
    /// What must lie in the worktree.
    #[serde(default, rename = "file", skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<FileExpected>,
}

impl Expect {
    /// Every expectation: the name that a failure of it has, and what is expected in words.
    #[must_use]
    pub fn all(&self) -> Vec<(String, String)> {
        let mut all = Vec::new();
        let mut add = |name: &str, words: String| all.push((name.to_owned(), words));
        if let Some(verdict) = self.verdict {
            add("verdict", format!("the last turn is {}", verdict.name()));
        }
        if let Some(calls) = &self.calls {
            add("calls", format!("calls: {}", if calls.is_empty() { "none".to_owned() } else { calls.join(" · ") }));
        }
        for (n, text) in self.says.iter().enumerate() {
            add(&format!("says {}", n + 1), format!("the answer says '{text}'"));
        }
        for (n, event) in self.events.iter().enumerate() {
            let count = event.count.map_or_else(|| "at least one".to_owned(), |count| count.to_string());
            let fields: String = event.fields.iter().map(|(path, value)| format!(" {path} = {value}")).collect();
            add(&format!("event {}", n + 1), format!("{} in the log: {count}{fields}", event.ty));
        }
        for file in &self.files {
            let how = match (file.absent, file.same) {
                (true, _) => "is not there",
                (false, true) => "is as expected",
                (false, false) => "holds what it should",
            };
            add(&format!("file {}", file.path), format!("{} {how}", file.path));
        }
        if !self.check.is_empty() {
            add("check", format!("'{}' succeeds", self.check));
        }
        all
    }
}

/// An event that must stand in the log, or must not.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventExpected {
    /// Its type.
    #[serde(rename = "type")]
    pub ty: String,
    /// Its turn; any if it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<u32>,
    /// How many there are; at least one if it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// Fields of its data by path: `exit = 2`, `"output.truncated" = true`.
    #[serde(default, rename = "where", skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, toml::Value>,
    /// Text that stands in its data.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub has: String,
}

/// A file that must be as it should, at the end.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileExpected {
    /// Its path in the worktree.
    pub path: String,
    /// It holds exactly what the file of that path in `expected/` holds.
    #[serde(default, skip_serializing_if = "is_default")]
    pub same: bool,
    /// It is not there.
    #[serde(default, skip_serializing_if = "is_default")]
    pub absent: bool,
    /// Text that it holds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub has: Vec<String>,
    /// Text that it does not hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lacks: Vec<String>,
}

/// Why a text is no scenario.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScenarioError {
    /// Not of the shape.
    #[error("line {line}: {why}")]
    Shape {
        /// From 1; 0 if it cannot be told.
        line: usize,
        /// One line.
        why: String,
    },
    /// Nobody says anything.
    #[error("no prompt")]
    NoPrompt,
    /// A path that leaves the worktree.
    #[error("'{0}' is no path inside the worktree")]
    Path(String),
}

impl Scenario {
    /// Reads a `scenario.toml`.
    ///
    /// # Errors
    /// See [`ScenarioError`].
    pub fn parse(text: &str) -> Result<Self, ScenarioError> {
        let scenario: Self = toml::from_str(text).map_err(|e| {
            let line = e.span().map_or(0, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
            ScenarioError::Shape { line, why: e.message().lines().next().unwrap_or("not TOML").to_owned() }
        })?;
        if scenario.prompts.iter().all(|prompt| prompt.trim().is_empty()) {
            return Err(ScenarioError::NoPrompt);
        }
        match scenario.expect.files.iter().find(|file| !is_inside(&file.path)) {
            Some(file) => Err(ScenarioError::Path(file.path.clone())),
            None => Ok(scenario),
        }
    }

    /// The same as a file has it.
    #[must_use]
    pub fn text(&self) -> String {
        // Of strings, numbers and lists of them: writing cannot fail.
        toml::to_string_pretty(self).unwrap_or_default()
    }
}

/// Whether a path stays below the folder it is joined to.
#[must_use]
pub fn is_inside(path: &str) -> bool {
    use std::path::{Component, Path};
    !path.is_empty() && Path::new(path).components().all(|part| matches!(part, Component::Normal(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = r#"
about = "an edit"
prompts = ["make the tests pass", "and now?"]
mode = "auto"
seconds = 5

[[answer]]
allow = true

[[answer]]
why = "use the standard library"

[expect]
verdict = "done"
calls = ["shell make test: exit 0"]
says = ["pass"]
check = "make test"

[[expect.event]]
type = "tool.completed"
turn = 1
count = 2
where = { exit = 0, "output.bytes" = 12 }
has = "ok"

[[expect.file]]
path = "a/b.txt"
has = ["two"]
lacks = ["one"]
"#;

    #[test]
    fn a_scenario_is_read_and_written() {
        let scenario = Scenario::parse(WHOLE).unwrap();
        assert_eq!((scenario.prompts.len(), scenario.mode, scenario.answers.len()), (2, Mode::Auto, 2));
        assert_eq!(scenario.expect.events[0].count, Some(2));
        assert_eq!(Scenario::parse(&scenario.text()).unwrap(), scenario);
        let least = Scenario::parse("prompts = [\"x\"]").unwrap();
        assert_eq!((least.mode, &least.expect), (Mode::Ask, &Expect::default()));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        let wrong = |text: &str| Scenario::parse(text).unwrap_err();
        assert_eq!(wrong("prompts = []"), ScenarioError::NoPrompt);
        assert!(matches!(wrong("prompts = [\"x\"]\nmodel = 3"), ScenarioError::Shape { line: 2, .. }));
        assert!(matches!(wrong("prompts = [\"x\"]\nmode = \"yolo\""), ScenarioError::Shape { line: 2, .. }));
        assert!(matches!(wrong("x"), ScenarioError::Shape { .. }));
        for path in ["../x", "/etc/passwd", "", "a/../../b"] {
            let text = format!("prompts = [\"x\"]\n[[expect.file]]\npath = \"{path}\"");
            assert_eq!(wrong(&text), ScenarioError::Path(path.to_owned()));
        }
    }
}
