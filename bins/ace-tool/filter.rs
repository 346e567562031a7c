//! `ace-tool` as a filter, the broker: offers the tools, claims allowed calls, records what came of them. It runs nothing itself.

use ace_cli::{Complaint, Exit};
use ace_config::Hooked;
use ace_core::{Call, CallState, Desk, Due, Effect, Phase, Role, digest};
use ace_front::rights;
use ace_pipe::{Filter, Out};
use ace_schema::data::{
    Code, EffectCompleted, EffectFailed, EffectStarted, HookCompleted, HookStarted, ModelCompleted, Output, Part,
    ToolCall, ToolCompleted, ToolDiscovered, ToolFailed, ToolStarted,
};
use ace_schema::hook::Hook;
use ace_schema::permission::{Confinement, Mode};
use ace_schema::{Line, draft, id, question, redaction, tool, ty};
use ace_storage::Blobs;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::PROGRAM;
use crate::confined::{Cage, Reach, cage};
use crate::egress::{self, Egress};
use crate::runner::{Confined, Ending, Held, Job, Runner, Session};
use crate::states::Since;

/// The server name of the tools of this program.
const LOCAL: &str = "local";

/// What a person said on the command line.
#[derive(Debug, Clone, Copy)]
pub struct Granted {
    /// A stream without a log may be believed.
    pub unrecorded: bool,
    /// Tools run without a sandbox.
    pub unsandboxed: bool,
}

/// Trees by which changes are told; empty where the record names none.
#[derive(Default)]
struct Marks {
    first: String,
    turn: String,
}

/// Runs allowed calls.
pub struct Broker {
    desk: Desk,
    ace_home: PathBuf,
    blobs: Blobs,
    /// Started once the session is known, since that says which rights the broker gives up, and it can do so only before it has
    /// a second thread.
    runner: Option<Runner>,
    cage: Cage,
    /// The workers will have no view of their own: what lies inside a writable folder stays writable.
    flat: bool,
    out: Out,
    granted: Granted,
    /// What the person's configuration lets tools reach besides.
    sandbox: ace_config::Sandbox,
    /// The person's configuration, beside which their rules lie.
    rules: PathBuf,
    random: u64,
    unrecorded: bool,
    prepared: bool,
    warned: bool,
    last: u64,
    /// Calls at work: number, claim and turn.
    working: Vec<(u64, String, u32)>,
    /// Which states of the files the record names: the first of all, and the last before this turn.
    marks: Marks,
    /// Programs that hear of calls and of the ends of turns.
    hooks: Arc<[Hooked]>,
    /// What the model said last, where somebody hears it.
    last_said: String,
    /// What calls that wait have done in a copy, by the id of the record.
    effects: BTreeMap<String, EffectCompleted>,
}

impl Broker {
    /// A broker that starts its worker when a session is there. `random` makes the ids of its drafts unique.
    pub fn new(
        random: u64,
        (ace_home, blobs): (PathBuf, Blobs),
        out: Out,
        (granted, sandbox, rules): (Granted, ace_config::Sandbox, PathBuf),
        hooks: Arc<[Hooked]>,
    ) -> Self {
        Self {
            desk: Desk::new("ace-tool", random),
            ace_home,
            blobs,
            runner: None,
            cage: Cage::Sandbox,
            flat: false,
            out,
            granted,
            sandbox,
            rules,
            random: random.rotate_left(17),
            unrecorded: false,
            prepared: false,
            warned: false,
            last: 0,
            working: Vec::new(),
            marks: Marks::default(),
            hooks,
            last_said: String::new(),
            effects: BTreeMap::new(),
        }
    }

    /// The runner. The first to ask for it gives up what the workers do not need.
    fn runner(&mut self) -> &Runner {
        let (held, flat, out) = (&mut self.cage, &mut self.flat, &self.out);
        let (unsandboxed, random) = (self.granted.unsandboxed || self.desk.state.created.unsandboxed, self.random);
        let recorded = !self.unrecorded;
        let (ace_home, blobs, hooks) = (&self.ace_home, &self.blobs, &self.hooks);
        let (named, sandbox) = (self.desk.state.created.sandbox.clone(), &self.sandbox);
        let created = &self.desk.state.created;
        let (rules, root) = (&self.rules, created.repository.as_ref().map_or(&created.cwd, |r| &r.root));
        self.runner.get_or_insert_with(|| {
            *held = cage(unsandboxed);
            let mut reach =
                Reach { profile: rights::or_end(profile(&named, held)), more: sandbox.clone(), egress: None };
            // As long as there is a network, and one thread.
            let egress = (reach.profile == Confinement::Network).then(|| {
                let started = Egress::start(&egress::hosts(sandbox, rules, Path::new(root)));
                rights::or_end(started.map_err(|e| Complaint::io(PROGRAM, "cannot start the proxy 'ace-fetch'", &e)))
            });
            reach.egress = egress.as_ref().map(Egress::line);
            match held {
                Cage::Sandbox => {
                    *flat =
                        !rights::or_end(rights::broker(PROGRAM, &egress.as_ref().map(Egress::kept).unwrap_or_default()))
                }
                Cage::Open | Cage::None(_) => rights::free_broker(),
            }
            let worker = match held {
                Cage::Sandbox if *flat => Held::Flat,
                Cage::Sandbox => Held::View,
                Cage::Open | Cage::None(_) => Held::Open,
            };
            let held = Confined { worker, reach, egress };
            Runner::start((ace_home.clone(), blobs.clone()), hooks.clone(), (held, recorded), random, out.clone())
        })
    }

    /// Ends the program where nothing would hold what nobody looks at.
    fn refuse_auto(&mut self) {
        self.runner();
        if self.flat {
            self.refuse_open_git();
        }
        let Cage::None(why) = &self.cage else { return };
        if self.desk.state.mode == Mode::Auto {
            let what = format!("no sandbox: {why}, and mode 'auto' needs one");
            let hint = "--mode ask, or --unsandboxed (recorded with each call)";
            rights::or_end::<()>(Err(Complaint::new(PROGRAM, Exit::Config, what).hint(hint)));
        }
        if !std::mem::replace(&mut self.warned, true) {
            self.out.note(&format!("no sandbox: {why}; what you allow runs without one"));
        }
    }

    /// Without mounts nothing inside the writable worktree can be closed. In a repository's own folder that is all of git's data:
    /// its hooks and its configuration run in the person's name. (Landlock only adds rights, so that whoever may make files in a
    /// folder may make them in every folder below it.)
    fn refuse_open_git(&self) {
        let state = &self.desk.state;
        let git = Path::new(&state.created.cwd).join(".git");
        // An empty folder of that name keeps others from making one, and is none.
        let is_open = state.created.worktree.is_none() && (git.is_file() || git.join("HEAD").exists());
        if is_open && matches!(state.mode, Mode::Auto | Mode::Edit) {
            let mode = if state.mode == Mode::Auto { "auto" } else { "edit" };
            let what =
                format!("nothing can be mounted here, so that tools could write .git, and mode '{mode}' lets them");
            let hint = "leave --no-worktree out, or --mode ask, or --unsandboxed (recorded with each call)";
            rights::or_end::<()>(Err(Complaint::new(PROGRAM, Exit::Config, what).hint(hint)));
        }
    }

    /// Says which tools there are, if the record says otherwise.
    fn offer(&mut self, drafts: &mut Vec<u8>) {
        let offer = tool::offer();
        let schema = digest(offer.as_bytes());
        if self.desk.state.offer.as_ref().is_some_and(|o| o.schema == schema) || !self.desk.pencil.first(&schema) {
            return;
        }
        drafts.extend(draft::blob_lines(&schema, offer.as_bytes(), |b| BASE64_STANDARD.encode(b)).concat());
        let names = tool::TOOLS.iter().map(|t| t.name.to_owned()).collect();
        let data = ToolDiscovered { server: LOCAL.to_owned(), names, schema };
        drafts.extend(self.desk.pencil.write((0, ""), ty::TOOL_DISCOVERED, &data).1);
    }

    /// Runs the call that this claim is for.
    fn start(&mut self, claim: &str, turn: u32, call: &Call) {
        if call.tool == question::TOOL {
            return self.answered(claim, turn, call);
        }
        if !call.adopts.is_empty() {
            let effect = self.effects.get(&call.adopts).cloned().unwrap_or_default();
            self.prepare();
            return self.runner().adopt(claim, turn, effect);
        }
        match self.arguments(call) {
            Ok(args) if call.tool == "diff" => {
                let since = match Since::of(args.get()) {
                    Since::Turn => self.marks.turn.clone(),
                    Since::Session => self.marks.first.clone(),
                };
                let since = (Since::of(args.get()), since);
                let job = self.job(claim, turn, args, call);
                self.runner().diff(job, since);
            }
            Ok(args) => {
                let job = self.job(claim, turn, args, call);
                self.working.push((job.id, claim.to_owned(), turn));
                self.runner().run(job);
            }
            Err(message) => {
                let data = ToolFailed { code: Code::Arguments, message, output: None, ms: 0, ..ToolFailed::default() };
                let (_, line) = self.desk.pencil.write((turn, claim), ty::TOOL_FAILED, &data);
                // A closed output is noticed by the loop.
                let _ = self.out.write(&line);
            }
        }
    }

    /// A call as the runner takes it.
    fn job(&mut self, claim: &str, turn: u32, args: Box<RawValue>, call: &Call) -> Job {
        self.last += 1;
        let (tool, mode) = (call.tool.clone(), self.desk.state.mode);
        Job { id: self.last, claim: claim.to_owned(), turn, tool, args, call: call.id.clone(), mode }
    }

    /// Whether hooks hear of calls of this tool that have run.
    fn hears_of(&self, tool: &str) -> bool {
        let names = ace_permissions::decider::names(tool);
        self.hooks.iter().any(|one| one.on == Hook::PostToolUse && one.hears_of(&names))
    }

    /// A question to the user: what was answered stands in the decision, and nothing is run.
    fn answered(&mut self, claim: &str, turn: u32, call: &Call) {
        let bytes = call.answer.len() as u64;
        let at = (turn, claim);
        let (_, line) = if call.answer.is_empty() {
            let (code, message) = (Code::Refused, "it was allowed, but nobody has answered it".to_owned());
            self.desk.pencil.write(at, ty::TOOL_FAILED, &ToolFailed { code, message, ..ToolFailed::default() })
        } else {
            let output = Output { text: call.answer.clone(), bytes, ..Output::default() };
            let data = ToolCompleted { output, ..ToolCompleted::default() };
            if let (true, Ok(args)) = (self.hears_of(&call.tool), self.arguments(call)) {
                let job = self.job(claim, turn, args, call);
                self.prepare();
                return self.runner().told(job, data);
            }
            self.desk.pencil.write(at, ty::TOOL_COMPLETED, &data)
        };
        // A closed output is noticed by the loop.
        let _ = self.out.write(&line);
    }

    fn arguments(&self, call: &Call) -> Result<Box<RawValue>, String> {
        let data: ToolCall = serde_json::from_str(&call.data).map_err(|e| format!("not a call: {e}"))?;
        let args = match (data.args, data.blob) {
            (Some(args), _) => Ok(args),
            (None, Some(blob)) => {
                let bytes = self.blobs.get(&blob.sha).map_err(|e| format!("arguments: {e}"))?;
                let text = String::from_utf8(bytes).map_err(|_| "arguments are not UTF-8".to_owned())?;
                RawValue::from_string(text).map_err(|e| format!("arguments are not JSON: {e}"))
            }
            (None, None) => Ok(draft::raw("{}".to_owned())),
        }?;
        // Whoever allowed it: the decision was over what is recorded, and that is not what was asked for.
        if redaction::holds(args.get()) { Err(redaction::WHY.to_owned()) } else { Ok(args) }
    }

    fn started(&mut self, claim: &str) {
        let is_mine = |c: &&Call| matches!(&c.state, CallState::Started(id) if id == claim);
        let Some(call) = self.desk.state.calls().find(is_mine).cloned() else { return };
        let turn = self.desk.state.turn.as_ref().map_or(0, |t| t.n);
        self.start(claim, turn, &call);
    }

    /// Runs a call that waits in a copy.
    fn try_call(&mut self, claim: &str, turn: u32) {
        let is_mine = |c: &&Call| matches!(&c.effect, Effect::Running(id) if id == claim);
        let Some(call) = self.desk.state.calls().find(is_mine).cloned() else { return };
        match self.arguments(&call) {
            Ok(args) => {
                let job = self.job(claim, turn, args, &call);
                self.prepare();
                self.runner().try_call(job);
            }
            Err(message) => {
                let data = EffectFailed { call: call.id, code: Code::Arguments, message };
                let (_, line) = self.desk.pencil.write((turn, claim), ty::EFFECT_FAILED, &data);
                // A closed output is noticed by the loop.
                let _ = self.out.write(&line);
            }
        }
    }

    /// Somebody has answered, or stopped the turn: what is still being tried for it ends.
    fn give_up_trials(&self) {
        let Some(runner) = &self.runner else { return };
        let wanted = |id: &str| {
            let asks = |c: &Call| c.state == CallState::Asked && c.effect == Effect::Running(id.to_owned());
            self.desk.state.calls().any(asks)
        };
        for claim in self.desk.state.claims.iter().filter(|c| c.role == Role::Effect && !wanted(&c.id)) {
            runner.give_up(&claim.id);
        }
    }

    /// Lets hooks hear the answer that the turn would end with.
    fn hear(&mut self, claim: &str, turn: u32) {
        let held = self.desk.state.turn.as_ref().map_or(0, |t| t.held);
        let (mode, last) = (self.desk.state.mode, self.last_said.clone());
        self.prepare();
        self.runner().hear(Ending { claim: claim.to_owned(), turn, mode, held, last });
    }

    /// Makes a worker for this session, once.
    fn prepare(&mut self) {
        if std::mem::replace(&mut self.prepared, true) {
            return;
        }
        let state = &self.desk.state;
        let session = Session {
            created: state.created.clone(),
            id: state.session.clone(),
            tree: state.tree.clone(),
            recorded: !self.unrecorded,
        };
        self.runner().prepare(session);
    }

    /// A turn has ended: what still runs in it is stopped.
    fn cancel(&mut self, turn: u32) {
        let Some(runner) = &self.runner else { return };
        runner.stop_hooks(turn);
        self.working.iter().filter(|(_, _, n)| *n == turn).for_each(|(number, ..)| runner.cancel(*number));
    }
}

/// What an answer says aloud, as far as it stands in its line.
fn aloud(parts: &[Part]) -> String {
    let said = parts.iter().filter_map(|part| match part {
        Part::Text(text) => Some(text.as_str()),
        _ => None,
    });
    said.collect()
}

/// The profile that a session's record names, where something holds its tools.
fn profile(named: &str, held: &Cage) -> Result<Confinement, Complaint> {
    match held {
        Cage::Open | Cage::None(_) => Ok(Confinement::Off),
        Cage::Sandbox if named.is_empty() => Ok(Confinement::Workspace),
        Cage::Sandbox => Confinement::parse(named).ok_or_else(|| {
            let what = format!("the session wants a sandbox of the profile '{named}', which is not known here");
            Complaint::new(PROGRAM, Exit::Config, what)
        }),
    }
}

/// The blob of a recorded output, if it was long.
fn blob_of(line: &Line) -> Option<String> {
    let output = match &*line.ty {
        ty::TOOL_COMPLETED => line.data::<ToolCompleted>().ok()?.output,
        _ => line.data::<ToolFailed>().ok()?.output?,
    };
    output.blob.map(|blob| blob.sha)
}

impl Filter for Broker {
    fn fold(&mut self, line: &Line) {
        self.desk.fold(line);
        if self.marks.first.is_empty() {
            self.marks.first.clone_from(&self.desk.state.tree);
        }
        match &*line.ty {
            ty::TURN_STARTED => self.marks.turn.clone_from(&self.desk.state.tree),
            ty::TOOL_STARTED if self.desk.holds(&line.id) => self.started(&line.id),
            ty::MODEL_COMPLETED if self.hooks.iter().any(|one| one.on == Hook::Stop) => {
                self.last_said = line.data::<ModelCompleted>().map(|d| aloud(&d.parts)).unwrap_or_default();
            }
            ty::EFFECT_STARTED if self.desk.holds(&line.id) => self.try_call(&line.id, line.turn),
            ty::EFFECT_COMPLETED => {
                if let Ok(effect) = line.data() {
                    self.effects.insert(line.id.to_string(), effect);
                }
            }
            ty::PERMISSION_RESOLVED => self.give_up_trials(),
            ty::HOOK_STARTED if self.desk.holds(&line.id) => self.hear(&line.id, line.turn),
            ty::TOOL_COMPLETED | ty::TOOL_FAILED => {
                self.working.retain(|(_, claim, _)| *claim != line.cause);
                if let (Some(runner), Some(sha)) = (&self.runner, blob_of(line)) {
                    runner.keep(&line.cause, &sha);
                }
            }
            ty::TURN_COMPLETED | ty::TURN_FAILED | ty::TURN_CANCELLED => {
                self.effects.clear();
                self.give_up_trials();
                self.cancel(line.turn);
            }
            _ => {}
        }
    }

    fn due(&mut self, drafts: &mut Vec<u8>) {
        // Rights go as soon as the session is known: the last one to be created, if it has ancestors.
        if !self.desk.state.session.is_empty() {
            self.runner();
        }
        if self.desk.state.is_settled() {
            return;
        }
        self.refuse_auto();
        // A worker is made while the model thinks, not while the first request is still being put together.
        let phase = self.desk.state.turn.as_ref().map(|t| &t.phase);
        if !self.prepared && matches!(phase, Some(Phase::Asking { claim: Some(_), .. } | Phase::Calls(_))) {
            self.prepare();
        }
        if !self.unrecorded {
            self.offer(drafts);
        }
        let mut now = Vec::new();
        for due in self.desk.state.due() {
            match due {
                Due::Run { call, .. } if call.program() != PROGRAM => {}
                Due::Run { turn, decision, call } if self.unrecorded => {
                    now.push((turn, decision.to_owned(), call.clone()))
                }
                Due::Run { turn, decision, .. } => {
                    self.desk.pencil.claim(drafts, (turn, decision), ty::TOOL_STARTED, &ToolStarted {});
                }
                Due::Close { turn, claim, role: Role::Tool } => {
                    let message = "whoever ran it is gone; it is unknown whether it ran".to_owned();
                    let data =
                        ToolFailed { code: Code::Interrupted, message, output: None, ms: 0, ..ToolFailed::default() };
                    self.desk.pencil.conclude(drafts, &id::close(claim), (turn, claim), ty::TOOL_FAILED, &data);
                }
                Due::Close { turn, claim, role: Role::Hook } => {
                    let data =
                        HookCompleted::failed("whoever ran the hooks is gone; it is unknown what they made of it");
                    self.desk.pencil.conclude(drafts, &id::close(claim), (turn, claim), ty::HOOK_COMPLETED, &data);
                }
                Due::Close { turn, claim, role: Role::Effect } => {
                    let message = "whoever tried it is gone".to_owned();
                    let data = EffectFailed { code: Code::Interrupted, message, ..EffectFailed::default() };
                    self.desk.pencil.conclude(drafts, &id::close(claim), (turn, claim), ty::EFFECT_FAILED, &data);
                }
                Due::Try { turn, wanted } => {
                    self.desk.pencil.claim(drafts, (turn, wanted), ty::EFFECT_STARTED, &EffectStarted {});
                }
                Due::Hear { turn, answer } => {
                    let data = HookStarted { on: Hook::Stop };
                    self.desk.pencil.claim(drafts, (turn, answer), ty::HOOK_STARTED, &data);
                }
                _ => {}
            }
        }
        for (turn, decision, call) in now {
            if self.desk.pencil.first(&decision) {
                self.start(&decision, turn, &call);
            }
        }
    }

    fn unrecorded(&mut self) -> Result<(), String> {
        if !self.granted.unrecorded {
            return Err("there is no log behind this stream: --unrecorded runs calls all the same".to_owned());
        }
        (self.unrecorded, self.desk.state.unrecorded) = (true, true);
        Ok(())
    }

    fn finish(&mut self) {
        let Some(runner) = &self.runner else { return };
        while !runner.is_idle(Duration::from_millis(20)) {
            if self.out.is_broken() {
                return;
            }
        }
        // Nothing runs and nothing is due: what the tools left in the temporary folder is over. Long outputs are blobs by now.
        if self.desk.state.is_settled() {
            runner.clean();
        }
    }
}
