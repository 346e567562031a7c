//! Layers into one configuration: the stronger wins, a project only narrows, and every value keeps its origin.

use std::collections::BTreeMap;

use ace_schema::hook::Hook;
use ace_schema::limits::ANSWERS_PER_TURN;
use ace_schema::permission::{Confinement, Mode};

use crate::hooks::Hooked;
pub use crate::read::Value;
use crate::read::{Setting, read};
use crate::{
    BUILT_IN, Desktop, Layer, LayerName, Origin, Price, Problem, Provider, Quota, What, Wire, models, nearest,
    split_model,
};

/// The effective configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Config {
    /// `NAME/MODEL`, if anybody said.
    pub model: Option<String>,
    /// What runs without asking.
    pub mode: Mode,
    /// Model answers in one turn.
    pub answers: u32,
    /// Context window of the model, tokens; 0 if nobody says.
    pub context: u64,
    /// Built-in and configured providers by name.
    pub providers: BTreeMap<String, Provider>,
    /// Filters of the user's own: program and arguments each.
    pub filters: Vec<Vec<String>>,
    /// Gates before the appenders: program and arguments each.
    pub gates: Vec<Vec<String>>,
    /// A person is called by the bell.
    pub bell: bool,
    /// A person who looks elsewhere is called by their desktop.
    pub desktop: Desktop,
    /// What may be spent.
    pub quota: Quota,
    /// What models cost by the user's own word, by `NAME/MODEL`.
    pub prices: BTreeMap<String, Price>,
    /// Programs that are heard, of all layers: one never takes the place of another.
    pub hooks: Vec<Hooked>,
    /// What is taken out of drafts before they are recorded.
    pub redact: Redact,
    /// Names by which a server is known besides those of loopback.
    pub serve_hosts: Vec<String>,
    /// Proxies, as addresses or networks, whose word on client and scheme a server takes.
    pub serve_proxies: Vec<String>,
    /// What tools may reach.
    pub sandbox: Sandbox,
    /// What a session's own worktree is like, and how it lands.
    pub worktree: Worktree,
    /// What a project said and may not.
    pub ignored: Vec<Ignored>,
    set: BTreeMap<String, (Value, Origin)>,
}

/// What is taken out of drafts before they are recorded, as configured.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Redact {
    /// A person has switched the gate off.
    pub off: bool,
    /// Classes of personal data: `card`, `iban`.
    pub personal: Vec<String>,
    /// Beginnings of the user's own tokens.
    pub prefixes: Vec<String>,
    /// Further variables whose values are secret.
    pub variables: Vec<String>,
    /// Rules that are left out.
    pub leave: Vec<String>,
}

/// What tools may reach, as configured.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sandbox {
    /// Profile of new sessions.
    pub profile: Confinement,
    /// Hosts that the profile `network` reaches; none for all public ones.
    pub hosts: Vec<String>,
    /// Further folders that are read, `~/` for the home.
    pub read: Vec<String>,
    /// Further folders that are written.
    pub write: Vec<String>,
}

/// What a session's own worktree is like, as configured.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Worktree {
    /// Ignored files that come along: a path within the project, with `copy:`, `link:` or `reflink:` before it or nothing.
    pub bring: Vec<String>,
    /// Commands that are run there before the first turn, each a program and its arguments.
    pub setup: Vec<Vec<String>>,
    /// Variables that each get a port of its own.
    pub ports: Vec<String>,
    /// Variables that each get a folder of its own.
    pub caches: Vec<String>,
    /// How it lands, if nobody says otherwise: `merge`, `squash`, `rebase`; empty for `merge`.
    pub land: String,
    /// What its commits say, with fields in braces; empty for the prompt.
    pub message: String,
}

/// A value of a project that would widen what may happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ignored {
    /// Its full path.
    pub key: String,
    /// The project's file.
    pub file: Option<String>,
    /// From 1.
    pub line: usize,
    /// Why, in words.
    pub why: &'static str,
}

/// Puts the layers together, the strongest last whatever their order here.
///
/// # Errors
/// Everything that is wrong in any layer, in the order of layers and lines; there is no configuration then.
pub fn load(layers: &[Layer]) -> Result<Config, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut config = Config { answers: ANSWERS_PER_TURN, bell: true, ..Config::default() };
    let mut layers: Vec<&Layer> = layers.iter().collect();
    layers.sort_by_key(|l| l.name);
    for layer in layers {
        for setting in read(layer, &mut problems) {
            config.take(layer, setting);
        }
    }
    config.build(&mut problems);
    problems.sort_by_key(|p| (p.at.layer, p.at.line));
    if problems.is_empty() { Ok(config) } else { Err(problems) }
}

impl Config {
    /// The programs that are heard then.
    pub fn hooks_on(&self, on: Hook) -> impl Iterator<Item = &Hooked> {
        self.hooks.iter().filter(move |hooked| hooked.on == on)
    }

    /// The hooks that a session waits for.
    #[must_use]
    pub fn awaited(&self) -> Vec<Hook> {
        Hook::ALL.into_iter().filter(|on| on.is_awaited() && self.hooks_on(*on).next().is_some()).collect()
    }

    /// Where the value of a key (`mode`, `providers.NAME.base_url`) comes from; the default layer if nobody set it.
    #[must_use]
    pub fn origin(&self, key: &str) -> Origin {
        self.set.get(key).map(|(_, origin)| origin.clone()).unwrap_or_default()
    }

    /// Every value that was set, with its key and origin, by key.
    pub fn settings(&self) -> impl Iterator<Item = (&str, &Value, &Origin)> {
        self.set.iter().map(|(key, (value, origin))| (key.as_str(), value, origin))
    }

    /// The effective values as text that is the same whenever they are, whichever layer they come from: what the configuration
    /// digest of a session is taken of. It holds no secret.
    #[must_use]
    pub fn canonical(&self) -> String {
        let mut values: BTreeMap<&str, String> =
            self.set.iter().map(|(k, (v, _))| (k.as_str(), v.to_string())).collect();
        values.insert("mode", Value::Text(self.mode.name().to_owned()).to_string());
        values.insert("limits.answers", Value::Number(self.answers).to_string());
        // How somebody is called, and by whom a server is reached, changes nothing in a session.
        values.retain(|key, _| !key.starts_with("notify.") && !key.starts_with("serve."));
        values.iter().map(|(key, value)| format!("{key} = {value}\n")).collect()
    }

    /// Believes one setting, or notes why not.
    fn take(&mut self, layer: &Layer, Setting { key, value, line }: Setting) {
        if layer.name == LayerName::Project
            && let Some(why) = self.widens(layer, &key, &value)
        {
            return self.ignored.push(Ignored { key, file: layer.file.clone(), line, why });
        }
        match (key.as_str(), &value) {
            ("mode", Value::Text(mode)) => self.mode = Mode::parse(mode).unwrap_or(self.mode),
            ("limits.answers", Value::Number(answers)) => self.answers = *answers,
            ("limits.context", Value::Number(tokens)) => self.context = u64::from(*tokens),
            ("notify.bell", Value::Flag(bell)) => self.bell = *bell,
            ("notify.desktop", Value::Text(desktop)) => self.desktop = Desktop::parse(desktop).unwrap_or_default(),
            ("sandbox.profile", Value::Text(profile)) => {
                self.sandbox.profile = Confinement::parse(profile).unwrap_or_default();
            }
            (key, Value::Hooks(rows)) if key.starts_with("hooks.") => {
                if let Some(on) = Hook::ALL.into_iter().find(|on| key == format!("hooks.{}", on.name())) {
                    self.hooks.extend(rows.iter().map(|row| row.hooked(on, layer.name)));
                }
            }
            _ => {
                if let Some(key) = key.strip_prefix("quota.") {
                    self.quota.take(key, &value);
                }
            }
        }
        self.set.insert(key, (value, layer.origin(line)));
    }

    /// Why a project may not say so; `None` if it narrows, or only chooses.
    fn widens(&self, layer: &Layer, key: &str, value: &Value) -> Option<&'static str> {
        let rank = |mode: Mode| Mode::ALL.into_iter().position(|m| m == mode);
        let narrows = match (key, value) {
            // A person names the file that is read as a recording.
            ("model", Value::Text(model)) if model.starts_with("recorded/") => {
                return Some("a project may not name a recording");
            }
            ("model" | "worktree.land" | "worktree.message", _) => true,
            ("mode", Value::Text(mode)) => Mode::parse(mode).is_some_and(|mode| rank(mode) <= rank(self.mode)),
            ("sandbox.profile", Value::Text(profile)) => {
                Confinement::parse(profile).is_some_and(|profile| profile <= self.sandbox.profile)
            }
            _ if key.starts_with("sandbox.") => return Some("a project may not open the sandbox"),
            ("limits.answers", Value::Number(answers)) => *answers <= self.answers,
            ("limits.context", Value::Number(tokens)) => self.context == 0 || u64::from(*tokens) <= self.context,
            // A limit where there was none narrows, and so does a lower one.
            (_, Value::Count(n) | Value::Decimal(n)) if key.starts_with("quota.") => {
                let now = self.quota.limit(&key["quota.".len()..]);
                *n > 0 && (now == 0 || *n <= now)
            }
            _ if key.starts_with("prices.") => return Some("a project may not say what a model costs"),
            _ if key.starts_with("providers.") => return Some("a project may not say where keys and code are sent"),
            _ if starts(key) && layer.trusted => true,
            _ if starts(key) => return Some("a project starts programs only after: ace trust"),
            _ => false,
        };
        (!narrows).then_some("a project may only narrow")
    }

    /// From single values to providers, pipeline and model, and what only shows when all are there.
    fn build(&mut self, problems: &mut Vec<Problem>) {
        self.providers = BUILT_IN.iter().map(|b| (b.name.to_owned(), Provider::from(b))).collect();
        for (key, (value, _)) in &self.set {
            match value {
                Value::Commands(commands) if key == "pipeline.filters" => self.filters.clone_from(commands),
                Value::Commands(commands) if key == "pipeline.gates" => self.gates.clone_from(commands),
                Value::Commands(commands) if key == "worktree.setup" => self.worktree.setup.clone_from(commands),
                Value::Decimal(n) => {
                    let rest = key.strip_prefix("prices.\"").and_then(|rest| rest.rsplit_once("\"."));
                    if let Some((model, leaf)) = rest {
                        self.prices.entry(model.to_owned()).or_default().take(leaf, *n);
                    }
                }
                Value::Text(text) if key == "redact.gate" => self.redact.off = text == "off",
                Value::Text(text) if key == "worktree.land" => self.worktree.land.clone_from(text),
                Value::Text(text) if key == "worktree.message" => self.worktree.message.clone_from(text),
                Value::Words(words) => {
                    let list = match key.as_str() {
                        "redact.personal" => &mut self.redact.personal,
                        "redact.prefixes" => &mut self.redact.prefixes,
                        "redact.variables" => &mut self.redact.variables,
                        "serve.hosts" => &mut self.serve_hosts,
                        "serve.trusted_proxies" => &mut self.serve_proxies,
                        "sandbox.hosts" => &mut self.sandbox.hosts,
                        "sandbox.read" => &mut self.sandbox.read,
                        "sandbox.write" => &mut self.sandbox.write,
                        "worktree.bring" => &mut self.worktree.bring,
                        "worktree.ports" => &mut self.worktree.ports,
                        "worktree.caches" => &mut self.worktree.caches,
                        _ => &mut self.redact.leave,
                    };
                    list.clone_from(words);
                }
                Value::Text(text) if key == "model" => self.model = Some(models().full(text).to_owned()),
                Value::Text(_) | Value::Flag(_) => configure(&mut self.providers, key, value),
                _ => {}
            }
        }
        self.check_providers(problems);
        self.check_model(problems);
    }

    fn check_providers(&self, problems: &mut Vec<Problem>) {
        for provider in self.providers.values().filter(|p| p.wire != Wire::Recorded && p.base_url.is_empty()) {
            let key = format!("providers.{}", provider.name);
            let first = self.set.iter().find(|(k, _)| k.strip_prefix(&key).is_some_and(|rest| rest.starts_with('.')));
            let at = first.map(|(_, (_, origin))| origin.clone()).unwrap_or_default();
            let hint =
                nearest(&provider.name, BUILT_IN.iter().map(|b| b.name)).map(|near| format!("did you mean '{near}'?"));
            problems.push(Problem { what: What::BadValue { key, why: "has no base_url".to_owned(), hint }, at });
        }
    }

    fn check_model(&self, problems: &mut Vec<Problem>) {
        let Some((provider, name)) = self.model.as_deref().and_then(split_model) else { return };
        if self.providers.contains_key(provider) {
            return;
        }
        let hint = match nearest(provider, self.providers.keys().map(String::as_str)) {
            Some(near) => format!("did you mean '{near}/{name}'?"),
            None => format!("one of {}", self.providers.keys().cloned().collect::<Vec<_>>().join(", ")),
        };
        let why = format!("names provider '{provider}', which is not configured,");
        let what = What::BadValue { key: "model".to_owned(), why, hint: Some(hint) };
        problems.push(Problem { what, at: self.origin("model") });
    }
}

/// Whether the key names programs.
fn starts(key: &str) -> bool {
    // What is brought may be a secret, and a variable may make a program do something else.
    key.starts_with("pipeline.") || key.starts_with("hooks.") || key.starts_with("worktree.")
}

/// One value of `providers.NAME.LEAF`; other keys are left alone.
fn configure(providers: &mut BTreeMap<String, Provider>, key: &str, value: &Value) {
    let Some((name, leaf)) = key.strip_prefix("providers.").and_then(|rest| rest.split_once('.')) else { return };
    let provider =
        providers.entry(name.to_owned()).or_insert_with(|| Provider { name: name.to_owned(), ..Provider::default() });
    match (leaf, value) {
        ("wire", Value::Text(text)) => {
            provider.wire = Wire::parse(text).unwrap_or_default();
            provider.wire_elsewhere = None;
        }
        ("api_key_env", Value::Text(text)) => {
            provider.api_key_env = Some(text.clone());
            provider.other_key_envs.clear();
        }
        ("version", Value::Text(text)) => provider.version.clone_from(text),
        ("reasoning", Value::Text(text)) => provider.reasoning.clone_from(text),
        ("think_tags", Value::Flag(flag)) => provider.think_tags = *flag,
        ("images", Value::Flag(flag)) => provider.images = Some(*flag),
        ("base_url", Value::Text(text)) => {
            text.clone_into(&mut provider.base_url);
            // Another address is another vendor: neither its variable nor its models are known.
            (provider.base_url_env, provider.default_model) = (None, None);
        }
        _ => {}
    }
}
