//! One file of rules: TOML with `[[rule]]` tables. What is wrong is said with its line and what would be right.

use ace_schema::data::Source;
use ace_schema::limits::{RULE_PATTERNS, RULES, RULES_BYTES};
use ace_schema::permission::{Decision, Mode, Risk};
use serde::Deserialize;
use serde_json::{Value, json};
use toml::Spanned;

use super::{Host, Layer, Pattern, Places, Rule, RuleText};

/// What is wrong in a file of rules.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {what}")]
pub struct Problem {
    /// The file as a person would write it.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// What, lower case, no full stop.
    pub what: String,
}

/// A call whose decision a rule's author has written down.
#[derive(Debug, Clone, PartialEq)]
pub struct Example {
    /// Tool name.
    pub tool: String,
    /// Its arguments.
    pub args: Value,
    /// What is expected.
    pub expect: Decision,
    /// The call as written, for reports.
    pub shown: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    rule: Vec<Spanned<Raw>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Words {
    One(String),
    Many(Vec<String>),
}

impl Default for Words {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl Words {
    fn all(self) -> Vec<String> {
        match self {
            Self::One(word) => vec![word],
            Self::Many(words) => words,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    #[serde(default)]
    id: String,
    #[serde(default)]
    tool: Words,
    #[serde(default)]
    command: Words,
    #[serde(default)]
    paths: Words,
    #[serde(default)]
    hosts: Words,
    #[serde(default)]
    mcp: Words,
    #[serde(default)]
    source: Words,
    #[serde(default)]
    mode: Words,
    #[serde(default)]
    risk: Words,
    #[serde(default)]
    project: String,
    #[serde(default)]
    effect: bool,
    decision: Decision,
    #[serde(default)]
    why: String,
    #[serde(default)]
    examples: RawExamples,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct RawExamples {
    #[serde(default)]
    allow: Vec<toml::Value>,
    #[serde(default)]
    ask: Vec<toml::Value>,
    #[serde(default)]
    deny: Vec<toml::Value>,
}

/// The rules of a text, or everything that is wrong with it.
pub fn read(text: &RuleText) -> Result<Vec<Rule>, Vec<Problem>> {
    let problem = |at: usize, what: String| Problem { file: text.file.clone(), line: line(&text.text, at), what };
    if text.text.len() > RULES_BYTES {
        return Err(vec![problem(0, format!("has more than {RULES_BYTES} bytes"))]);
    }
    let file: File = toml::from_str(&text.text).map_err(|e| {
        let what = e.message().lines().next().unwrap_or_default().to_owned();
        vec![problem(e.span().map_or(0, |s| s.start), what)]
    })?;
    if file.rule.len() > RULES {
        return Err(vec![problem(0, format!("has more than {RULES} rules"))]);
    }
    let (mut rules, mut problems): (Vec<Rule>, Vec<Problem>) = (Vec::new(), Vec::new());
    for (n, spanned) in file.rule.into_iter().enumerate() {
        let at = spanned.span().start;
        match rule(spanned.into_inner(), text.layer, n + 1) {
            Ok(rule) if rules.iter().any(|r| r.id == rule.id) => {
                problems.push(problem(at, format!("there are two rules '{}'", rule.id)));
            }
            Ok(rule) => rules.push(rule),
            Err(what) => problems.push(problem(at, what)),
        }
    }
    if problems.is_empty() { Ok(rules) } else { Err(problems) }
}

fn line(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|b| *b == b'\n').count() + 1
}

fn rule(raw: Raw, layer: Layer, n: usize) -> Result<Rule, String> {
    let id = if raw.id.is_empty() { format!("{}-{n}", layer.name()) } else { raw.id };
    let named = |what: String| format!("rule '{id}': {what}");
    let allows = raw.decision == Decision::Allow;
    let (mut tools, paths) = (raw.tool.all(), raw.paths.all());
    let commands: Vec<Pattern> = each(raw.command, |c| Pattern::parse(&c)).map_err(named)?;
    if !commands.is_empty() && tools.is_empty() {
        tools.push("shell".to_owned());
    }
    if let Some(odd) = tools.iter().find(|t| ace_schema::tool::find(t).is_none()) {
        let names: Vec<&str> = ace_schema::tool::TOOLS.iter().map(|t| t.name).collect();
        return Err(named(format!("there is no tool '{odd}': one of {}", names.join(", "))));
    }
    let mcp = each(raw.mcp, |text| match text.split_once('/') {
        Some((server, tool)) if !server.is_empty() && !tool.is_empty() => Ok((server.to_owned(), tool.to_owned())),
        _ => Err(format!("'{text}' is no 'SERVER/TOOL'")),
    })
    .map_err(named)?;
    let hosts = each(raw.hosts, |h| Host::parse(&h, allows)).map_err(named)?;
    let risks = each(raw.risk, |r| word(&r, &Risk::ALL.map(|r| (r.name(), r)), "risk")).map_err(named)?;
    let modes = each(raw.mode, |m| word(&m, &Mode::ALL.map(|m| (m.name(), m)), "mode")).map_err(named)?;
    const SOURCES: [(&str, Source); 4] =
        [("model", Source::Model), ("user", Source::User), ("skill", Source::Skill), ("mcp_prompt", Source::McpPrompt)];
    let sources = each(raw.source, |s| word(&s, &SOURCES, "source")).map_err(named)?;
    if paths.len() > RULE_PATTERNS {
        return Err(named(format!("has more than {RULE_PATTERNS} patterns")));
    }
    let places = if paths.is_empty() { None } else { Some(Places::parse(&paths).map_err(named)?) };
    let says_nothing = tools.is_empty()
        && commands.is_empty()
        && places.is_none()
        && hosts.is_empty()
        && mcp.is_empty()
        && risks.is_empty();
    if allows && says_nothing {
        return Err(named("allows everything: it must say a tool, a command, paths, hosts, mcp or a risk".to_owned()));
    }
    if raw.effect && raw.decision != Decision::Ask {
        return Err(named("effect goes with decision = 'ask': what is seen has to be approved".to_owned()));
    }
    let examples = examples(raw.examples, &tools, !commands.is_empty()).map_err(named)?;
    Ok(Rule {
        id: id.clone(),
        layer,
        decision: raw.decision,
        why: raw.why,
        examples,
        tools,
        commands,
        paths: places,
        hosts,
        mcp,
        sources,
        modes,
        risks,
        project: raw.project,
        // What nobody has approved runs there: a repository does not have that done.
        effect: raw.effect && layer != Layer::Project,
    })
}

fn each<T>(words: Words, read: impl Fn(String) -> Result<T, String>) -> Result<Vec<T>, String> {
    let words = words.all();
    if words.len() > RULE_PATTERNS {
        return Err(format!("has more than {RULE_PATTERNS} patterns"));
    }
    words.into_iter().map(read).collect()
}

fn word<T: Copy>(text: &str, known: &[(&str, T)], what: &str) -> Result<T, String> {
    known.iter().find(|(name, _)| *name == text).map(|(_, value)| *value).ok_or_else(|| {
        let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
        format!("there is no {what} '{text}': one of {}", names.join(", "))
    })
}

fn examples(raw: RawExamples, tools: &[String], commands: bool) -> Result<Vec<Example>, String> {
    let kinds = [(Decision::Allow, raw.allow), (Decision::Ask, raw.ask), (Decision::Deny, raw.deny)];
    let mut out = Vec::new();
    for (expect, values) in kinds {
        if values.len() > RULE_PATTERNS {
            return Err(format!("has more than {RULE_PATTERNS} examples of one kind"));
        }
        for value in values {
            out.push(example(value, expect, tools, commands)?);
        }
    }
    Ok(out)
}

/// A string is a command, or the path of the rule's first file tool; a table names its tool, and all else in it are arguments.
fn example(value: toml::Value, expect: Decision, tools: &[String], commands: bool) -> Result<Example, String> {
    match value {
        toml::Value::String(text) => {
            let tool =
                tools.iter().find(|t| *t != "shell").filter(|_| !commands && !tools.iter().any(|t| t == "shell"));
            let (tool, key) = tool.map_or(("shell", "command"), |t| (t.as_str(), "path"));
            Ok(Example { tool: tool.to_owned(), args: json!({ key: text }), expect, shown: text })
        }
        toml::Value::Table(mut table) => {
            let Some(toml::Value::String(tool)) = table.remove("tool") else {
                return Err("an example that is a table names its tool".to_owned());
            };
            let args = serde_json::to_value(&table).map_err(|e| e.to_string())?;
            Ok(Example { shown: format!("{tool} {args}"), tool, args, expect })
        }
        _ => Err("an example is a command, a path or a table with a tool".to_owned()),
    }
}
