//! `ace-permit` as a filter: a decision on every call, before anything runs.

use ace_config::Hooked;
use ace_core::{Call, Desk, Due};
use ace_front::{Opening, rights, words};
use ace_permissions::hooks::{self, Place};
use ace_permissions::{About, CallFacts, Layer, Rulebook, Verdict, decide_by, decider};
use ace_pipe::{Filter, Out};
use ace_schema::data::{MessageVetted, PermissionRequested, PermissionResolved, ToolCall, Unattended, UserMessage};
use ace_schema::hook::Hook;
use ace_schema::permission::{Decision, Scope};
use ace_schema::{Line, id, redaction, ty};
use ace_storage::Blobs;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::deciders::{Deciders, Matter, Question};

/// The programs that this program starts: they decide, and change nothing.
pub fn heard(opening: &Opening) -> impl Iterator<Item = &Hooked> {
    let hooks = opening.settings.config.hooks.iter();
    hooks.filter(|hooked| matches!(hooked.on, Hook::PreToolUse | Hook::UserPromptSubmit))
}

/// Decides by built-in rules, by people's, and by mode.
pub struct Permit {
    desk: Desk,
    blobs: Blobs,
    opening: Opening,
    /// The rules of files, and of the answers of this session; `None` until it is known.
    book: Option<Rulebook>,
    /// Answers that are rules already.
    granted: usize,
    /// Asks programs about calls and messages, where there are any.
    deciders: Option<Deciders>,
    /// Messages that no turn has taken up, for those that hear them.
    said: BTreeMap<String, UserMessage>,
}

impl Permit {
    /// A decider that finds long arguments and files of rules where `opening` says.
    pub fn new(random: u64, opening: Opening, out: Out) -> Self {
        let blobs = opening.home().blobs();
        let all: Vec<Hooked> = heard(&opening).cloned().collect();
        let deciders = (!all.is_empty()).then(|| Deciders::start(all, random.rotate_left(17), out));
        let (desk, said) = (Desk::new("ace-permit", random), BTreeMap::new());
        Self { desk, blobs, opening, book: None, granted: 0, deciders, said }
    }

    /// Reads the rules of this session's project, and reads nothing else from then on. Half of the rules are none: what is wrong
    /// with them ends the program.
    fn settle_in(&mut self) {
        if self.book.is_some() {
            return;
        }
        let program = self.opening.program;
        let root = self.desk.state.created.repository.as_ref().map(|r| Path::new(&r.root));
        let root = root.unwrap_or(Path::new(&self.desk.state.created.cwd));
        match ace_host::rules::rulebook(&self.opening.settings.user, Some(root)) {
            Ok(book) => {
                for (rule, why) in &book.ignored {
                    Out::stdout(program).note(&format!("rule '{rule}' is left out: {why}"));
                }
                self.book = Some(book);
            }
            Err(e) => rights::or_end(Err(words::rules(program, &e))),
        }
        // Who starts deciders has given up what it could before, and they need the rest.
        if self.deciders.is_none() {
            rights::or_end(rights::permit_in(&self.opening));
        }
    }

    /// Takes the rules in hand, with what was granted since.
    fn take_rules(&mut self) -> Rulebook {
        self.settle_in();
        let mut book = self.book.take().unwrap_or_default();
        for (answer, grant) in self.desk.state.grants.iter().skip(self.granted) {
            // What no rule could say was granted for that call alone.
            let _ = book.grant(grant, answer);
        }
        self.granted = self.desk.state.grants.len();
        book
    }

    fn verdict(&self, book: &Rulebook, call: &Call) -> Verdict {
        let args = self.arguments(call);
        // What would run is not what the model asked for: a file would be written with a placeholder where its key stood.
        if redaction::holds(&args.to_string()) {
            return Verdict::built_in(Decision::Deny, "redacted", redaction::WHY);
        }
        let state = &self.desk.state;
        let cwd = state.created.worktree.as_ref().map_or(&state.created.cwd, |w| &w.path);
        let tmp = self.opening.home().path().join("tmp").join(&state.session).display().to_string();
        let facts = CallFacts {
            tool: &call.tool,
            args: &args,
            cwd,
            tmp: &tmp,
            // ace-tool refuses to run what no sandbox holds, unless a person has said so; so one or the other is true.
            sandboxed: !state.created.unsandboxed,
            unsandboxed: state.created.unsandboxed,
        };
        let project = state.created.repository.as_ref().map_or("", |r| r.root.as_str());
        let source = serde_json::from_str::<ToolCall>(&call.data).map(|d| d.source).unwrap_or_default();
        decide_by(book, state.mode, &facts, &About { source, project, ..About::default() })
    }

    /// Lets hooks hear the messages that wait for it; where there are none they pass.
    fn vet(&mut self, drafts: &mut Vec<u8>) {
        let waiting = self.desk.state.due().filter_map(|due| match due {
            Due::Vet { message } => Some(message.to_owned()),
            _ => None,
        });
        for message in waiting.collect::<Vec<_>>() {
            let id = id::vet(&message);
            match &self.deciders {
                Some(deciders) if self.hears(Hook::UserPromptSubmit) => {
                    if self.desk.pencil.first(&id) {
                        let (session, root, request) = self.told(&message);
                        deciders.ask(Question { session, root, request, about: Matter::Message(message) });
                    }
                }
                _ => {
                    let data = MessageVetted::default();
                    self.desk.pencil.conclude(drafts, &id, (0, &message), ty::MESSAGE_VETTED, &data);
                }
            }
        }
    }

    /// Whether a decider is asked about a call.
    fn hears_of(&self, call: &str) -> bool {
        let tool = self.desk.state.call(call).map_or("", |call| call.tool.as_str());
        let names = decider::names(tool);
        self.opening.settings.config.hooks_on(Hook::PreToolUse).any(|one| one.hears_of(&names))
    }

    fn hears(&self, on: Hook) -> bool {
        self.opening.settings.config.hooks_on(on).next().is_some()
    }

    /// The session, the person's work tree and what hooks read of a message.
    fn told(&self, message: &str) -> (String, PathBuf, String) {
        let state = &self.desk.state;
        let said = self.said.get(message);
        let text = match said {
            Some(UserMessage { blob: Some(blob), .. }) => {
                self.blobs.get(&blob.sha).map(|b| String::from_utf8_lossy(&b).into_owned()).unwrap_or_default()
            }
            said => said.map(|said| said.text.clone()).unwrap_or_default(),
        };
        let cwd = state.created.worktree.as_ref().map_or(&state.created.cwd, |w| &w.path);
        let place = Place { session: &state.session, cwd, mode: state.mode.name() };
        (state.session.clone(), self.root(), hooks::prompt(place, &text))
    }

    /// The person's own work tree.
    fn root(&self) -> PathBuf {
        let created = &self.desk.state.created;
        created.repository.as_ref().map_or(&created.cwd, |r| &r.root).into()
    }

    /// What the deciders are asked.
    fn question(&self, turn: u32, call: String, digest: String, verdict: Verdict) -> Question {
        let state = &self.desk.state;
        let asked = state.call(&call);
        let args = asked.map(|c| self.arguments(c)).unwrap_or_default();
        let cwd = state.created.worktree.as_ref().map_or(&state.created.cwd, |w| &w.path);
        let tool = asked.map_or("", |c| c.tool.as_str());
        let facts = CallFacts { tool, args: &args, cwd, tmp: "", sandboxed: true, unsandboxed: false };
        let request = decider::request(&state.session, &call, state.mode.name(), &facts);
        let (tool, client) = (tool.to_owned(), self.client());
        let about = Matter::Call { turn, call, digest, verdict: Box::new(verdict), tool, client };
        Question { session: state.session.clone(), root: self.root(), request, about }
    }

    /// The client that has registered to be asked; empty for the user.
    fn client(&self) -> String {
        self.desk.state.asks.as_ref().map_or_else(String::new, |(_, name)| name.clone())
    }

    /// The arguments; nothing that can be read as arguments is an empty object, which no tool takes.
    fn arguments(&self, call: &Call) -> Value {
        let Ok(data) = serde_json::from_str::<ToolCall>(&call.data) else { return Value::Null };
        match (data.args, data.blob) {
            (Some(args), _) => serde_json::from_str(args.get()).unwrap_or_default(),
            (None, Some(blob)) => {
                self.blobs.get(&blob.sha).ok().and_then(|b| serde_json::from_slice(&b).ok()).unwrap_or_default()
            }
            (None, None) => Value::Object(serde_json::Map::new()),
        }
    }
}

impl Filter for Permit {
    fn fold(&mut self, line: &Line) {
        self.desk.fold(line);
        match &*line.ty {
            ty::SESSION_CREATED => self.settle_in(),
            ty::USER_MESSAGE if self.deciders.is_some() => {
                if let Ok(said) = line.data() {
                    self.said.insert(line.id.to_string(), said);
                }
            }
            ty::TURN_STARTED | ty::MESSAGE_VETTED | ty::MESSAGE_WITHDRAWN => drop(self.said.remove(&*line.cause)),
            _ => {}
        }
    }

    fn due(&mut self, drafts: &mut Vec<u8>) {
        self.vet(drafts);
        if !self.desk.state.due().any(|d| matches!(d, Due::Decide { .. })) {
            return;
        }
        let book = self.take_rules();
        let mut decided = Vec::new();
        for due in self.desk.state.due() {
            if let Due::Decide { turn, call } = due {
                decided.push((turn, call.id.clone(), call.digest.clone(), self.verdict(&book, call)));
            }
        }
        self.book = Some(book);
        for (turn, call, digest, verdict) in decided {
            match &self.deciders {
                Some(deciders) if verdict.decision != Decision::Deny && self.hears_of(&call) => {
                    // Its draft comes from the deciders' thread; here it is only remembered that it is on its way.
                    if self.desk.pencil.first(&id::answer(&call)) {
                        deciders.ask(self.question(turn, call, digest, verdict));
                    }
                }
                _ => {
                    let (id, ty, data) = record(&call, digest, verdict, &self.client());
                    self.desk.pencil.conclude(drafts, &id, (turn, &call), ty, &data);
                }
            }
        }
    }

    fn unrecorded(&mut self) -> Result<(), String> {
        self.desk.state.unrecorded = true;
        Ok(())
    }

    fn finish(&mut self) {
        if let Some(deciders) = self.deciders.take() {
            deciders.finish();
        }
    }
}

/// The record of a verdict: its id, type and payload. `client` is asked in place of the user if there is one.
pub fn record(call: &str, digest: String, verdict: Verdict, client: &str) -> (String, &'static str, Value) {
    let Verdict { decision, rule, why, proposal, risk, layer, effect, .. } = verdict;
    let layer = if layer == Layer::BuiltIn { String::new() } else { layer.name().to_owned() };
    let risk = Some(risk);
    if decision == Decision::Ask {
        let (addressee, unattended) = match client {
            "" => ("user".to_owned(), Unattended::Wait),
            client => (client.to_owned(), Unattended::User),
        };
        let data = PermissionRequested { addressee, unattended, why, rule, proposal, layer, risk, effect };
        return (id::ask(call), ty::PERMISSION_REQUESTED, serde_json::to_value(data).unwrap_or_default());
    }
    let why = if decision == Decision::Allow { String::new() } else { why };
    let who = PermissionResolved::RULE.to_owned();
    let data = PermissionResolved {
        decision,
        who,
        rule,
        scope: Scope::Once,
        digest,
        why,
        layer,
        risk,
        grant: None,
        answer: String::new(),
        effect: String::new(),
    };
    (id::answer(call), ty::PERMISSION_RESOLVED, serde_json::to_value(data).unwrap_or_default())
}
