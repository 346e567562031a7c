//! `ace-permit` as a filter: a decision on every call, before anything runs.

use ace_core::{Call, Desk, Due};
use ace_front::{Opening, rights, words};
use ace_permissions::{About, CallFacts, Layer, Rulebook, Verdict, decide_by, decider};
use ace_pipe::{Filter, Out};
use ace_schema::data::{PermissionRequested, PermissionResolved, ToolCall};
use ace_schema::permission::{Decision, Scope};
use ace_schema::{Line, id, redaction, ty};
use ace_storage::Blobs;
use serde_json::Value;
use std::path::Path;

use crate::deciders::{Deciders, Question};

/// Decides by built-in rules, by people's, and by mode.
pub struct Permit {
    desk: Desk,
    blobs: Blobs,
    opening: Opening,
    /// The rules of files, and of the answers of this session; `None` until it is known.
    book: Option<Rulebook>,
    /// Answers that are rules already.
    granted: usize,
    /// Asks programs about calls, where there are any.
    deciders: Option<Deciders>,
}

impl Permit {
    /// A decider that finds long arguments and files of rules where `opening` says.
    pub fn new(random: u64, opening: Opening, out: Out) -> Self {
        let blobs = opening.home().blobs();
        let all = opening.settings.config.deciders.clone();
        let deciders = (!all.is_empty()).then(|| Deciders::start(all, random.rotate_left(17), out));
        Self { desk: Desk::new("ace-permit", random), blobs, opening, book: None, granted: 0, deciders }
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

    /// What the deciders are asked.
    fn question(&self, turn: u32, call: String, digest: String, verdict: Verdict) -> Question {
        let state = &self.desk.state;
        let asked = state.call(&call);
        let args = asked.map(|c| self.arguments(c)).unwrap_or_default();
        let cwd = state.created.worktree.as_ref().map_or(&state.created.cwd, |w| &w.path);
        let tool = asked.map_or("", |c| c.tool.as_str());
        let facts = CallFacts { tool, args: &args, cwd, tmp: "", sandboxed: true, unsandboxed: false };
        let request = decider::request(&state.session, &call, state.mode.name(), &facts);
        let root = state.created.repository.as_ref().map_or(&state.created.cwd, |r| &r.root).into();
        Question { session: state.session.clone(), turn, call, digest, verdict, request, root }
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
        if line.ty == ty::SESSION_CREATED {
            self.settle_in();
        }
    }

    fn due(&mut self, drafts: &mut Vec<u8>) {
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
                Some(deciders) if verdict.decision != Decision::Deny => {
                    // Its draft comes from the deciders' thread; here it is only remembered that it is on its way.
                    if self.desk.pencil.first(&id::answer(&call)) {
                        deciders.ask(self.question(turn, call, digest, verdict));
                    }
                }
                _ => {
                    let (id, ty, data) = record(&call, digest, verdict);
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

/// The record of a verdict: its id, type and payload.
pub fn record(call: &str, digest: String, verdict: Verdict) -> (String, &'static str, Value) {
    let Verdict { decision, rule, why, proposal, risk, layer, .. } = verdict;
    let layer = if layer == Layer::BuiltIn { String::new() } else { layer.name().to_owned() };
    let risk = Some(risk);
    if decision == Decision::Ask {
        let data = PermissionRequested { addressee: "user".to_owned(), why, rule, proposal, layer, risk };
        return (id::ask(call), ty::PERMISSION_REQUESTED, serde_json::to_value(data).unwrap_or_default());
    }
    let why = if decision == Decision::Allow { String::new() } else { why };
    let who = "rule".to_owned();
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
    };
    (id::answer(call), ty::PERMISSION_RESOLVED, serde_json::to_value(data).unwrap_or_default())
}
