//! One layer's TOML into settings: known keys, right types, usable values, each with its line. How layers meet is decided elsewhere.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use ace_schema::limits::{
    ANSWERS_PER_TURN_MOST, CONFIG_BYTES, CONTEXT_TOKENS_RANGE, HOOK_SECONDS_MOST, NAME_BYTES, QUOTA_MOST, USER_FILTERS,
};
use ace_schema::permission::{Confinement, Mode};

use crate::hooks::{Matcher, Row};
use crate::{Desktop, Layer, LayerName, Per, Problem, What, Wire, millionths, models, nearest, split_model};

/// The dearest price, in millionths of a dollar a million tokens: a million dollars is a slip of a digit.
const PRICE_MOST: u64 = 1_000_000_000_000;

/// A checked value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A string.
    Text(String),
    /// A whole number.
    Number(u32),
    /// `true` or `false`.
    Flag(bool),
    /// A large one.
    Count(u64),
    /// Millionths of a decimal number: dollars as micro-dollars.
    Decimal(u64),
    /// Words.
    Words(Vec<String>),
    /// Commands, each a program and its arguments.
    Commands(Vec<Vec<String>>),
    /// Programs that are heard.
    Hooks(Vec<Row>),
}

/// As TOML has it.
impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = |text: &str| toml::Value::String(text.to_owned());
        match self {
            Self::Text(one) => text(one).fmt(f),
            Self::Number(number) => number.fmt(f),
            Self::Flag(flag) => flag.fmt(f),
            Self::Count(number) => number.fmt(f),
            Self::Decimal(millionths) => f.write_str(&crate::decimal(*millionths)),
            Self::Words(words) => toml::Value::Array(words.iter().map(|w| text(w)).collect()).fmt(f),
            Self::Commands(all) => {
                let row = |words: &Vec<String>| toml::Value::Array(words.iter().map(|w| text(w)).collect());
                toml::Value::Array(all.iter().map(row).collect()).fmt(f)
            }
            Self::Hooks(rows) => {
                let rows: Vec<String> = rows.iter().map(ToString::to_string).collect();
                write!(f, "[{}]", rows.join(", "))
            }
        }
    }
}

/// A text as TOML writes it.
#[must_use]
pub fn quoted(text: &str) -> String {
    // Always between double quotes, whatever it holds.
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// One value of one layer.
pub struct Setting {
    /// Full path, `providers.NAME.base_url`.
    pub key: String,
    /// What it is set to.
    pub value: Value,
    /// From 1.
    pub line: usize,
}

const TOP: &[&str] = &[
    "model",
    "mode",
    "providers",
    "pipeline",
    "hooks",
    "limits",
    "quota",
    "prices",
    "notify",
    "redact",
    "sandbox",
    "serve",
    "worktree",
];
const PROVIDER: &[&str] = &["wire", "base_url", "api_key_env", "version", "reasoning", "think_tags", "images"];
const PIPELINE: &[&str] = &["filters", "gates"];
const HOOKS: &[&str] = &["PreToolUse", "PostToolUse", "UserPromptSubmit", "Stop"];
const HOOK: &[&str] = &["matcher", "timeout", "command", "type", "hooks"];
const LIMITS: &[&str] = &["answers", "context"];
const NOTIFY: &[&str] = &["bell", "desktop"];
const QUOTA: &[&str] = &["session", "day", "month", "groups"];
const AMOUNTS: &[&str] = &["money", "tokens", "calls", "turns", "seconds"];
const GROUP: &[&str] = &["money", "tokens", "calls", "turns", "seconds", "per"];
const PRICE: &[&str] = &["input", "output", "cache_read", "cache_write", "cache_write_1h"];
const SANDBOX: &[&str] = &["profile", "hosts", "read", "write"];
const WORKTREE: &[&str] = &["bring", "setup", "ports", "caches", "land", "message"];
const REDACT: &[&str] = &["gate", "personal", "prefixes", "variables", "leave"];

const SERVE: &[&str] = &["hosts", "trusted_proxies"];

/// Words that one list may hold.
const WORDS: usize = 256;

/// Every key that a file may set, with `NAME` where a name of the user's own stands; for the manual.
#[must_use]
pub fn keys() -> Vec<String> {
    let tables = [
        ("providers", "providers.NAME.", PROVIDER),
        ("pipeline", "pipeline.", PIPELINE),
        ("hooks", "hooks.", HOOKS),
        ("limits", "limits.", LIMITS),
        ("notify", "notify.", NOTIFY),
        ("quota", "quota.SCOPE.", AMOUNTS),
        ("quota", "quota.groups.NAME.", &GROUP[AMOUNTS.len()..]),
        ("prices", "prices.\"MODEL\".", PRICE),
        ("redact", "redact.", REDACT),
        ("serve", "serve.", SERVE),
        ("sandbox", "sandbox.", SANDBOX),
        ("worktree", "worktree.", WORKTREE),
    ];
    let leaf = |top: &&&str| tables.iter().all(|(table, ..)| table != *top);
    let inner = tables.iter().flat_map(|(_, path, leaves)| leaves.iter().map(move |l| format!("{path}{l}")));
    TOP.iter().filter(leaf).map(|top| (*top).to_owned()).chain(inner).collect()
}

/// The settings of a layer; what is wrong goes to `problems`.
pub fn read(layer: &Layer, problems: &mut Vec<Problem>) -> Vec<Setting> {
    let mut reader = Reader { layer, settings: Vec::new(), problems };
    if layer.text.len() > CONFIG_BYTES {
        let why = format!("has more than {CONFIG_BYTES} bytes");
        reader.problem(0, What::Syntax { message: why });
        return reader.settings;
    }
    match DeTable::parse(&layer.text) {
        Ok(table) => reader.top(table.get_ref()),
        Err(error) => {
            let message = error.message().lines().next().unwrap_or_default().to_owned();
            reader.problem(error.span().map_or(0, |s| s.start), What::Syntax { message });
        }
    }
    reader.settings
}

struct Reader<'a> {
    layer: &'a Layer,
    settings: Vec<Setting>,
    problems: &'a mut Vec<Problem>,
}

type Node<'i> = Spanned<DeValue<'i>>;

impl Reader<'_> {
    fn top(&mut self, table: &DeTable<'_>) {
        for (key, node) in table {
            match key.get_ref().as_ref() {
                "model" => self.text("model", node, model),
                "mode" => self.text("mode", node, mode),
                "providers" => self.each(node, "providers", |r, name, at, node| r.provider(name, at, node)),
                "pipeline" => self.each(node, "pipeline", |r, name, at, node| match PIPELINE.contains(&name) {
                    true => r.commands(&format!("pipeline.{name}"), node),
                    false => r.unknown("pipeline.", name, at, PIPELINE),
                }),
                "hooks" => self.each(node, "hooks", |r, name, at, node| match HOOKS.contains(&name) {
                    true => r.hooks(&format!("hooks.{name}"), node),
                    false => r.unknown("hooks.", name, at, HOOKS),
                }),
                "limits" => self.each(node, "limits", |r, name, at, node| match name {
                    "answers" => r.number("limits.answers", node, (1, ANSWERS_PER_TURN_MOST)),
                    "context" => r.number("limits.context", node, CONTEXT_TOKENS_RANGE),
                    _ => r.unknown("limits.", name, at, LIMITS),
                }),
                "notify" => self.each(node, "notify", |r, name, at, node| match name {
                    "bell" => r.flag("notify.bell", node),
                    "desktop" => r.text("notify.desktop", node, desktop),
                    other => r.unknown("notify.", other, at, NOTIFY),
                }),
                "quota" => self.each(node, "quota", |r, name, at, node| match name {
                    "groups" => r.each(node, "quota.groups", |r, name, at, node| match is_plain(name) {
                        true => r.amounts(&format!("quota.groups.{name}"), node, GROUP),
                        false => r.no_name(&format!("quota.groups.{name}"), at),
                    }),
                    _ if QUOTA.contains(&name) => r.amounts(&format!("quota.{name}"), node, AMOUNTS),
                    _ => r.unknown("quota.", name, at, QUOTA),
                }),
                "prices" => self.each(node, "prices", |r, model, at, node| r.price(model, at, node)),
                "redact" => self.each(node, "redact", Self::redact),
                "serve" => self.each(node, "serve", |r, name, at, node| match name {
                    "hosts" => r.words("serve.hosts", node, host),
                    "trusted_proxies" => r.words("serve.trusted_proxies", node, network),
                    _ => r.unknown("serve.", name, at, SERVE),
                }),
                "sandbox" => self.each(node, "sandbox", Self::sandbox),
                "worktree" => self.each(node, "worktree", Self::worktree),
                other => self.unknown("", other, key.span().start, TOP),
            }
        }
    }

    fn no_name(&mut self, key: &str, at: usize) {
        let why = "is no name: small letters, digits, - and _".to_owned();
        self.problem(at, What::BadValue { key: key.to_owned(), why, hint: None });
    }

    fn amounts(&mut self, path: &str, node: &Node<'_>, known: &'static [&'static str]) {
        self.each(node, path, |r, leaf, at, node| {
            let key = format!("{path}.{leaf}");
            match leaf {
                _ if !known.contains(&leaf) => r.unknown(&format!("{path}."), leaf, at, known),
                "money" => r.decimal(&key, node, QUOTA_MOST),
                "per" => r.text(&key, node, per),
                _ => r.count(&key, node, QUOTA_MOST),
            }
        });
    }

    fn price(&mut self, model: &str, at: usize, node: &Node<'_>) {
        let path = format!("prices.{}", toml::Value::String(model.to_owned()));
        if split_model(model).is_none() || model.contains(['"', '\\']) || model.contains(char::is_control) {
            let why = "takes NAME/MODEL in quotes".to_owned();
            return self.problem(at, What::BadValue { key: path, why, hint: None });
        }
        let mut said = Vec::new();
        self.each(node, &path, |r, leaf, at, node| match PRICE.contains(&leaf) {
            true => {
                said.push(leaf.to_owned());
                r.decimal(&format!("{path}.{leaf}"), node, PRICE_MOST);
            }
            false => r.unknown(&format!("{path}."), leaf, at, PRICE),
        });
        // Half a price would make the other half free.
        if let Some(lacks) = ["input", "output"].into_iter().find(|must| !said.iter().any(|s| s == must)) {
            let why = format!("has no {lacks}");
            self.problem(at, What::BadValue { key: path, why, hint: Some("dollars a million tokens".to_owned()) });
        }
    }

    /// A number of dollars, exactly.
    fn decimal(&mut self, key: &str, node: &Node<'_>, most: u64) {
        let text = match node.get_ref() {
            DeValue::Integer(n) if n.radix() == 10 => n.as_str().to_owned(),
            DeValue::Float(n) => n.as_str().to_owned(),
            DeValue::String(text) => text.clone().into_owned(),
            _ => return self.wrong_type(key, "a number of dollars", node),
        };
        match millionths(&text).filter(|n| *n <= most) {
            Some(n) => self.set(key, Value::Decimal(n), node),
            None => {
                let why = format!("must be a plain number from 0 to {}, with six decimals at most", most / 1_000_000);
                self.problem(node.span().start, What::BadValue { key: key.to_owned(), why, hint: None });
            }
        }
    }

    fn count(&mut self, key: &str, node: &Node<'_>, most: u64) {
        let DeValue::Integer(number) = node.get_ref() else { return self.wrong_type(key, "a whole number", node) };
        match u64::from_str_radix(number.as_str(), number.radix()).ok().filter(|n| *n <= most) {
            Some(number) => self.set(key, Value::Count(number), node),
            None => {
                let why = format!("must be from 0 to {most}");
                self.problem(node.span().start, What::BadValue { key: key.to_owned(), why, hint: None });
            }
        }
    }

    fn provider(&mut self, name: &str, at: usize, node: &Node<'_>) {
        if !is_plain(name) {
            return self.no_name(&format!("providers.{name}"), at);
        }
        let path = format!("providers.{name}");
        self.each(node, &path, |r, leaf, at, node| {
            let key = format!("{path}.{leaf}");
            match leaf {
                "wire" => r.text(&key, node, wire),
                "base_url" => r.text(&key, node, address),
                "api_key_env" => r.text(&key, node, variable),
                "version" | "reasoning" => r.text(&key, node, word),
                "think_tags" | "images" => r.flag(&key, node),
                "api_key" | "key" | "token" => {
                    let why = "does not belong into a file".to_owned();
                    let hint = Some("api_key_env = \"NAME\" says which variable holds the key".to_owned());
                    r.problem(at, What::BadValue { key, why, hint });
                }
                other => r.unknown(&format!("{path}."), other, at, PROVIDER),
            }
        });
    }

    /// Calls `take` with every name, its place and its value of a table.
    fn each(&mut self, node: &Node<'_>, key: &str, mut take: impl FnMut(&mut Self, &str, usize, &Node<'_>)) {
        match node.get_ref() {
            DeValue::Table(table) => {
                for (name, node) in table {
                    take(self, name.get_ref(), name.span().start, node);
                }
            }
            _ => self.wrong_type(key, "a table", node),
        }
    }

    fn text(&mut self, key: &str, node: &Node<'_>, check: impl Fn(&str) -> Result<(), (String, Option<String>)>) {
        let DeValue::String(text) = node.get_ref() else { return self.wrong_type(key, "a string", node) };
        match check(text) {
            Ok(()) => self.set(key, Value::Text(text.clone().into_owned()), node),
            Err((why, hint)) => self.problem(node.span().start, What::BadValue { key: key.to_owned(), why, hint }),
        }
    }

    fn number(&mut self, key: &str, node: &Node<'_>, (least, most): (u32, u32)) {
        let DeValue::Integer(number) = node.get_ref() else { return self.wrong_type(key, "a whole number", node) };
        match u32::from_str_radix(number.as_str(), number.radix()).ok().filter(|n| (least..=most).contains(n)) {
            Some(number) => self.set(key, Value::Number(number), node),
            None => {
                let why = format!("must be from {least} to {most}");
                self.problem(node.span().start, What::BadValue { key: key.to_owned(), why, hint: None });
            }
        }
    }

    fn flag(&mut self, key: &str, node: &Node<'_>) {
        match node.get_ref() {
            DeValue::Boolean(flag) => self.set(key, Value::Flag(*flag), node),
            _ => self.wrong_type(key, "true or false", node),
        }
    }

    fn redact(&mut self, name: &str, at: usize, node: &Node<'_>) {
        let key = format!("redact.{name}");
        match name {
            "gate" => self.text(&key, node, switch),
            "personal" => self.words(&key, node, personal),
            "prefixes" => self.words(&key, node, prefix),
            "variables" => self.words(&key, node, variable),
            "leave" => self.words(&key, node, |_| Ok(())),
            other => self.unknown("redact.", other, at, REDACT),
        }
    }

    fn sandbox(&mut self, name: &str, at: usize, node: &Node<'_>) {
        let key = format!("sandbox.{name}");
        // Without a sandbox a session runs on a person's word, for this very session.
        let most = if self.layer.name == LayerName::Flag { Confinement::Off } else { Confinement::Network };
        match name {
            "profile" => self.text(&key, node, |text| confinement(text, most)),
            "hosts" => self.words(&key, node, reached),
            "read" | "write" => self.words(&key, node, folder),
            other => self.unknown("sandbox.", other, at, SANDBOX),
        }
    }

    fn worktree(&mut self, name: &str, at: usize, node: &Node<'_>) {
        let key = format!("worktree.{name}");
        match name {
            "bring" => self.words(&key, node, path),
            "setup" => self.commands(&key, node),
            "ports" | "caches" => self.words(&key, node, own_variable),
            "land" => self.text(&key, node, landing),
            "message" => self.text(&key, node, |text| match text.trim().is_empty() {
                true => Err(("is empty".to_owned(), None)),
                false => Ok(()),
            }),
            other => self.unknown("worktree.", other, at, WORKTREE),
        }
    }

    fn words(&mut self, key: &str, node: &Node<'_>, check: impl Fn(&str) -> Verdict) {
        const WANTS: &str = "a list of words, [\"word\"]";
        let DeValue::Array(rows) = node.get_ref() else { return self.wrong_type(key, WANTS, node) };
        let mut words = Vec::new();
        for row in rows {
            let DeValue::String(text) = row.get_ref() else { return self.wrong_type(key, WANTS, row) };
            if let Err((why, hint)) = check(text) {
                return self.problem(row.span().start, What::BadValue { key: key.to_owned(), why, hint });
            }
            words.push(text.clone().into_owned());
        }
        if words.len() > WORDS {
            let why = format!("has more than {WORDS} words");
            return self.problem(node.span().start, What::BadValue { key: key.to_owned(), why, hint: None });
        }
        self.set(key, Value::Words(words), node);
    }

    /// Programs that are heard: a program and its arguments, or a table that says which calls it hears.
    fn hooks(&mut self, key: &str, node: &Node<'_>) {
        const WANTS: &str =
            "a list of hooks, [[\"program\", \"argument\"]] or [{ matcher = \"Bash\", command = \"…\" }]";
        let DeValue::Array(list) = node.get_ref() else { return self.wrong_type(key, WANTS, node) };
        let mut rows = Vec::new();
        for node in list {
            match node.get_ref() {
                DeValue::Table(table) => match self.hook(key, table, &Row::default()) {
                    Some(more) => rows.extend(more),
                    None => return,
                },
                DeValue::Array(_) => match self.program(key, node) {
                    Some(argv) => rows.push(Row { argv, ..Row::default() }),
                    None => return,
                },
                _ => return self.wrong_type(key, WANTS, node),
            }
        }
        if rows.len() > USER_FILTERS {
            let why = format!("has more than {USER_FILTERS} commands");
            return self.problem(node.span().start, What::BadValue { key: key.to_owned(), why, hint: None });
        }
        self.set(key, Value::Hooks(rows), node);
    }

    /// One table of such a list, or of the list inside one; what it does not say is as `outer` says. `None` where something is wrong.
    fn hook(&mut self, key: &str, table: &DeTable<'_>, outer: &Row) -> Option<Vec<Row>> {
        let (mut row, mut inner) = (outer.clone(), Vec::new());
        // What it says of itself holds for the list inside, wherever it stands.
        for (name, node) in table.iter().filter(|(name, _)| name.get_ref() != "hooks") {
            let at = name.span().start;
            let bad = |why: String| What::BadValue { key: key.to_owned(), why, hint: None };
            match (name.get_ref().as_ref(), node.get_ref()) {
                ("type", DeValue::String(kind)) if kind == "command" => {}
                ("type", _) => {
                    self.problem(at, bad("knows hooks of the type \"command\" alone".to_owned()));
                    return None;
                }
                ("matcher", DeValue::String(text)) => match Matcher::parse(text) {
                    Some(matcher) => row.matcher = matcher,
                    None => {
                        self.problem(
                            at,
                            bad("has a matcher that is not names of tools with | and * between them".to_owned()),
                        );
                        return None;
                    }
                },
                ("timeout", DeValue::Integer(n)) => {
                    let seconds = u64::from_str_radix(n.as_str(), n.radix()).ok();
                    match seconds.filter(|n| (1..=HOOK_SECONDS_MOST).contains(n)) {
                        Some(seconds) => row.seconds = Some(seconds),
                        None => {
                            self.problem(at, bad(format!("has a timeout that is not from 1 to {HOOK_SECONDS_MOST} s")));
                            return None;
                        }
                    }
                }
                ("command", DeValue::String(line)) if !line.trim().is_empty() => {
                    row.argv = ["sh", "-c", line].map(str::to_owned).to_vec();
                }
                ("command", DeValue::Array(_)) => row.argv = self.program(key, node)?,
                ("matcher", _) => return self.wrong(key, "a string", node),
                ("timeout", _) => return self.wrong(key, "a whole number", node),
                ("command", _) => return self.wrong(key, "a command", node),
                (other, _) => {
                    self.unknown(&format!("{key}."), other, at, HOOK);
                    return None;
                }
            }
        }
        for (_, node) in table.iter().filter(|(name, _)| name.get_ref() == "hooks" && outer.argv.is_empty()) {
            let DeValue::Array(list) = node.get_ref() else { return self.wrong(key, "a list of tables", node) };
            for node in list {
                let DeValue::Table(table) = node.get_ref() else { return self.wrong(key, "a table", node) };
                if table.iter().any(|(name, _)| name.get_ref() == "hooks") {
                    return self.wrong(key, "a hook with a command", node);
                }
                inner.extend(self.hook(key, table, &row)?);
            }
        }
        match (row.argv.is_empty(), inner.is_empty()) {
            (_, false) => Some(inner),
            (false, true) => Some(vec![row]),
            (true, true) => {
                let at = table.iter().next().map_or(0, |(name, _)| name.span().start);
                let why = "has a hook without a command".to_owned();
                self.problem(at, What::BadValue { key: key.to_owned(), why, hint: None });
                None
            }
        }
    }

    fn wrong<T>(&mut self, key: &str, wants: &'static str, node: &Node<'_>) -> Option<T> {
        self.wrong_type(key, wants, node);
        None
    }

    /// A program and its arguments.
    fn program(&mut self, key: &str, node: &Node<'_>) -> Option<Vec<String>> {
        const WANTS: &str = "a list of commands, [[\"program\", \"argument\"]]";
        let DeValue::Array(words) = node.get_ref() else { return self.wrong(key, WANTS, node) };
        let mut argv = Vec::new();
        for word in words {
            let DeValue::String(text) = word.get_ref() else { return self.wrong(key, WANTS, word) };
            argv.push(text.clone().into_owned());
        }
        if argv.first().is_none_or(String::is_empty) {
            let why = "has a command without a program".to_owned();
            self.problem(node.span().start, What::BadValue { key: key.to_owned(), why, hint: None });
            return None;
        }
        Some(argv)
    }

    fn commands(&mut self, key: &str, node: &Node<'_>) {
        const WANTS: &str = "a list of commands, [[\"program\", \"argument\"]]";
        let DeValue::Array(rows) = node.get_ref() else { return self.wrong_type(key, WANTS, node) };
        let mut commands = Vec::new();
        for row in rows {
            let Some(command) = self.program(key, row) else { return };
            commands.push(command);
        }
        if commands.len() > USER_FILTERS {
            let why = format!("has more than {USER_FILTERS} commands");
            return self.problem(node.span().start, What::BadValue { key: key.to_owned(), why, hint: None });
        }
        self.set(key, Value::Commands(commands), node);
    }

    fn set(&mut self, key: &str, value: Value, node: &Node<'_>) {
        let line = self.line(node.span().start);
        self.settings.push(Setting { key: key.to_owned(), value, line });
    }

    fn unknown(&mut self, path: &str, name: &str, at: usize, known: &[&str]) {
        let near = nearest(name, known.iter().copied()).map(|near| format!("{path}{near}"));
        self.problem(at, What::UnknownKey { key: format!("{path}{name}"), near });
    }

    fn wrong_type(&mut self, key: &str, wants: &'static str, node: &Node<'_>) {
        let has = match node.get_ref() {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) => "a whole number",
            DeValue::Float(_) => "a fraction",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        self.problem(node.span().start, What::WrongType { key: key.to_owned(), wants, has });
    }

    fn problem(&mut self, at: usize, what: What) {
        let at = self.layer.origin(self.line(at));
        self.problems.push(Problem { what, at });
    }

    /// The line of a byte, from 1.
    fn line(&self, at: usize) -> usize {
        self.layer.text.bytes().take(at).filter(|b| *b == b'\n').count() + 1
    }
}

fn is_plain(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_');
    !name.is_empty() && name.len() <= NAME_BYTES && name.bytes().all(plain)
}

type Verdict = Result<(), (String, Option<String>)>;

fn model(text: &str) -> Verdict {
    if split_model(models().full(text)).is_some() {
        return Ok(());
    }
    let near = nearest(text, models().alias.keys().map(String::as_str));
    let hint = near.map(|near| format!("did you mean '{near}', which is {}?", models().full(near)));
    Err((format!("takes NAME/MODEL, not '{text}',"), hint))
}

/// A word that a vendor knows, such as `high` or `2023-06-01`.
fn word(text: &str) -> Verdict {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    match (1..=32).contains(&text.len()) && text.bytes().all(plain) {
        true => Ok(()),
        false => Err(("takes a word of letters and digits".to_owned(), None)),
    }
}

fn per(text: &str) -> Verdict {
    match Per::parse(text) {
        Some(_) => Ok(()),
        None => Err((format!("knows no '{text}'"), Some(format!("one of {}", Per::ALL.map(Per::name).join(", "))))),
    }
}

fn mode(text: &str) -> Verdict {
    if Mode::parse(text).is_some() {
        return Ok(());
    }
    let hint = match nearest(text, Mode::ALL.map(Mode::name)) {
        Some(near) => format!("did you mean '{near}'?"),
        None => format!("one of {}", Mode::ALL.map(Mode::name).join(", ")),
    };
    Err((format!("knows no '{text}'"), Some(hint)))
}

fn wire(text: &str) -> Verdict {
    match Wire::parse(text) {
        Some(_) => Ok(()),
        None => Err((format!("knows no '{text}'"), Some(format!("one of {}", Wire::ALL.map(Wire::name).join(", "))))),
    }
}

fn desktop(text: &str) -> Verdict {
    match Desktop::parse(text) {
        Some(_) => Ok(()),
        None => {
            let all = Desktop::ALL.map(Desktop::name).join(", ");
            Err((format!("knows no '{text}'"), Some(format!("one of {all}"))))
        }
    }
}

fn confinement(text: &str, most: Confinement) -> Verdict {
    match Confinement::parse(text) {
        Some(profile) if profile <= most => Ok(()),
        Some(_) => Err((format!("cannot be '{text}' in a file"), Some("--sandbox off, for one session".to_owned()))),
        None => {
            let all = Confinement::ALL.into_iter().filter(|profile| *profile <= most).map(Confinement::name);
            Err((format!("knows no '{text}'"), Some(format!("one of {}", all.collect::<Vec<_>>().join(", ")))))
        }
    }
}

fn landing(text: &str) -> Verdict {
    match text {
        "merge" | "squash" | "rebase" => Ok(()),
        other => Err((format!("knows no '{other}'"), Some("one of merge, squash, rebase".to_owned()))),
    }
}

/// A path within the project, with `copy:`, `link:` or `reflink:` before it or nothing.
fn path(text: &str) -> Verdict {
    let path = match text.split_once(':') {
        Some(("copy" | "link" | "reflink", path)) => path,
        _ => text,
    };
    let parts: Vec<&str> = path.trim_end_matches('/').split('/').collect();
    let is_plain = |part: &&str| !matches!(*part, "" | "." | "..") && !part.eq_ignore_ascii_case(".git");
    match parts.iter().all(is_plain) {
        true => Ok(()),
        false => {
            let hint = Some("\".env\", \"copy:PATH\", \"link:PATH\": a file or folder of the project".to_owned());
            Err((format!("takes no path '{text}'"), hint))
        }
    }
}

/// `example.org`, `*.example.org`, each with a port or without.
fn reached(text: &str) -> Verdict {
    let name = text.strip_prefix("*.").unwrap_or(text);
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':' | b'[' | b']');
    match () {
        () if text == "*" => {
            Err(("takes no '*'".to_owned(), Some("without any host all public ones are reached".to_owned())))
        }
        () if name.is_empty() || name.len() > 253 || !name.bytes().all(plain) => Err((
            format!("takes hosts, not '{}'", text.escape_debug()),
            Some("\"example.org\" or \"*.example.org\"".to_owned()),
        )),
        () => Ok(()),
    }
}

fn folder(text: &str) -> Verdict {
    let is_narrow = text
        .strip_prefix("~/")
        .or_else(|| text.strip_prefix('/'))
        .is_some_and(|rest| !rest.trim_matches('/').is_empty());
    let is_plain = !text.split('/').any(|part| part == "..") && !text.contains(|c: char| c.is_control());
    if is_narrow && is_plain {
        return Ok(());
    }
    Err((format!("takes whole paths, not '{}'", text.escape_debug()), Some("\"~/folder\" or \"/folder\"".to_owned())))
}

/// A variable that may say where a port or a cache is: none that programs are found or steered by.
fn own_variable(text: &str) -> Verdict {
    let is_steering = |name: &str| {
        ["PATH", "HOME", "USER", "SHELL", "TMPDIR", "IFS", "ENV"].contains(&name)
            || ["LD_", "DYLD_", "GIT_", "BASH", "ACE"].iter().any(|start| name.starts_with(start))
    };
    match is_steering(text) {
        true => Err((format!("may not set '{text}'"), None)),
        false => variable(text),
    }
}

fn switch(text: &str) -> Verdict {
    match text {
        "on" | "off" => Ok(()),
        other => Err((format!("knows no '{other}'"), Some("one of on, off".to_owned()))),
    }
}

fn personal(text: &str) -> Verdict {
    match text {
        "card" | "iban" => Ok(()),
        other => Err((format!("knows no '{other}'"), Some("one of card, iban".to_owned()))),
    }
}

/// A name by which a server is known, with its port if need be.
fn host(text: &str) -> Verdict {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':' | b'[' | b']');
    match (1..=255).contains(&text.len()) && text.bytes().all(plain) {
        true => Ok(()),
        false => {
            Err(("takes names of hosts".to_owned(), Some("as in ace.example.org or ace.example.org:8443".to_owned())))
        }
    }
}

/// An address, or a network of them.
fn network(text: &str) -> Verdict {
    let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
    let most = match address.parse::<std::net::IpAddr>() {
        Ok(std::net::IpAddr::V4(_)) => Some(32),
        Ok(std::net::IpAddr::V6(_)) => Some(128),
        Err(_) => None,
    };
    let fits = most.is_some_and(|most| bits.is_none_or(|bits| bits.parse::<u8>().is_ok_and(|bits| bits <= most)));
    match fits {
        true => Ok(()),
        false => Err(("takes addresses and networks".to_owned(), Some("as in 127.0.0.1 or 10.0.0.0/8".to_owned()))),
    }
}

/// The value is not shown: it may be a whole key.
fn prefix(text: &str) -> Verdict {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
    match (3..=32).contains(&text.len()) && text.bytes().all(plain) {
        true => Ok(()),
        false => Err(("takes beginnings of 3 to 32 letters, digits, '_', '-' and '.',".to_owned(), None)),
    }
}

/// The value is not shown: an address may hold a password.
fn address(text: &str) -> Verdict {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let host = rest.unwrap_or_default().split(['/', '?', '#']).next().unwrap_or_default();
    match () {
        () if rest.is_none() => Err(("must begin with https:// or http://".to_owned(), None)),
        () if host.contains('@') => {
            let hint = "api_key_env = \"NAME\" says which variable holds the key".to_owned();
            Err(("holds a password, which does not belong into a file,".to_owned(), Some(hint)))
        }
        () if host.is_empty() || text.contains(|c: char| c.is_whitespace() || c.is_control()) => {
            Err(("is no address".to_owned(), None))
        }
        () => Ok(()),
    }
}

/// The value is not shown: it may be the key itself.
fn variable(text: &str) -> Verdict {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    match !text.is_empty() && text.bytes().all(plain) && !text.starts_with(|c: char| c.is_ascii_digit()) {
        true => Ok(()),
        false => Err(("is the name of a variable, not a key,".to_owned(), None)),
    }
}
