//! The conversation that a context names: recorded lines as messages for a model.
//!
//! The same lines give the same messages, and the messages of one context are a prefix of those of the next, so that request
//! bytes repeat and provider caches stay warm.

use ace_schema::data::{
    BlobRef, Code, Compacts, ContextBuilt, HookCompleted, MessageVetted, ModelCompleted, ModelFailed, Part,
    PermissionResolved, SessionCompacted, SessionConfigured, SessionCreated, SessionRewound, Shortening, ToolCall,
    ToolCompleted, ToolFailed, UserMessage,
};
use ace_schema::hook::{Hook, Verdict};
use ace_schema::message::{Call, Image, Kept, Message, Meta, Said};
use ace_schema::permission::Decision;
use ace_schema::{Line, limits, ty};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::{BTreeMap, BTreeSet};

use crate::compaction::{self, Gauge, Plan, Whole};
use crate::due::Length;
use crate::state::State;

use crate::past::Past;

/// Finds the text of a blob, or of a picture (media type `image/…`) its bytes in base64; `None` if it is missing.
pub type Resolve<'a> = &'a dyn Fn(&BlobRef) -> Option<String>;

/// The records behind a message.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
struct Origin {
    /// The record that made it.
    born: u64,
    /// The record that gave a result its text and pictures; 0 if none did.
    closed: u64,
    /// The compaction that something shorter took its place in; 0 if none did.
    gone: u64,
    /// Those, while the record that gave them does not count.
    said: Option<Said>,
}

/// What stands for the result of a call that never ran.
const NOT_RUN: &str = "not run: the turn ended first";

/// The messages so far.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Transcript {
    messages: Vec<Message>,
    /// Beside each message: where it came from.
    origins: Vec<Origin>,
    /// What was left behind by a way back, in the order of the record.
    #[serde(skip)]
    aside: Vec<(Origin, Message)>,
    past: Past,
    /// How often messages that were there have become others.
    changes: u64,
    /// The record after which the messages were as they are.
    changed: u64,
    /// Requests that have ended so far.
    answers: u64,
    /// Everything people said, in order; the messages may no longer hold it.
    requests: Vec<(u64, String)>,
    /// Files that calls have changed.
    files: BTreeMap<String, u64>,
    /// How many tokens the conversation has.
    gauge: Gauge,
    /// System text and tool list that the gauge knows.
    texts: (String, String),
    /// Orders to compact, by id: what to keep above all.
    orders: BTreeMap<String, String>,
    /// What the order of the running turn wants kept.
    focus: String,
    /// The context that nobody has claimed yet, or the one that is asked about, wants a summary.
    compacts: Option<Compacts>,
    /// The last summary: id of its answer, and text.
    summary: (String, String),
    /// Messages that no turn has taken up, by id.
    waiting: BTreeMap<String, Said>,
    /// Steering messages for the next context, by id, in order.
    steering: Vec<(String, Said)>,
    /// Hooks hear messages before they are taken up.
    vets: bool,
    /// Messages that wait and have passed.
    vetted: BTreeSet<String>,
    /// The claim under which hooks hear the last answer; empty without one.
    hearing: String,
    /// A turn runs.
    running: bool,
    /// The context that nobody has claimed yet.
    context: String,
    /// The claim that won it: an answer under any other is none.
    asked: String,
    /// Calls recorded ahead of their `model.completed`.
    arriving: Vec<Call>,
    /// Where the result of an open call stands in `messages`, by the id that its next record answers.
    open: BTreeMap<String, usize>,
    /// Calls so far: their ordinals are the ids a provider sees, so that the same story gives the same bytes.
    calls: u64,
    /// Text of an answer that was cut off; said aloud, so kept if the turn ends with it.
    partial: String,
}

impl Transcript {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The messages that a context built at this point names.
    #[must_use]
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// Requests to the model that have ended so far, well or not: the place in a recording. One that a crash interrupted is asked
    /// again and does not count.
    #[must_use]
    pub fn answers(&self) -> usize {
        usize::try_from(self.answers).unwrap_or(usize::MAX)
    }

    /// What the model said last.
    #[must_use]
    pub fn last_said(&self) -> &str {
        let said = self.messages.iter().rev().find_map(|message| match message {
            Message::Assistant { text, .. } => Some(text.as_str()),
            _ => None,
        });
        said.unwrap_or_default()
    }

    /// What the running turn was told to keep above all in its summary; empty if nothing.
    #[must_use]
    pub fn focus(&self) -> &str {
        &self.focus
    }

    /// What to do before the next context, in a window of so many tokens.
    #[must_use]
    pub fn plan(&self, window: u64, length: Length) -> Plan {
        // What steers, or waits for its turn to begin, is about to become part of it.
        let said = self.steering.iter().map(|(_, said)| said).chain(self.waiting.values());
        let more = said.map(|said| compaction::heard(&said.text, &said.images) as u64).sum();
        compaction::plan(&self.messages, &self.gauge, window, more, length)
    }

    /// The conversation as it is shown for a summary, with the request for it at its end.
    #[must_use]
    pub fn shown(&self, compacts: &Compacts, request: &str) -> Vec<Message> {
        let mut shown = compaction::shown(&self.messages, compacts.room.saturating_sub(self.gauge.fixed));
        shown.push(Message::User(request.into()));
        shown
    }

    /// The record that wrote a message last.
    fn record(&self, at: usize) -> u64 {
        self.origins.get(at).map_or(0, |origin| origin.born.max(origin.closed))
    }

    /// The state after old outputs were cut down, and what its record says beside the blob.
    #[must_use]
    pub fn trim(&self, state: &State, window: u64) -> (Whole, SessionCompacted) {
        let until = compaction::tail(&self.messages, self.gauge.allowed(window) / 4);
        let (messages, cut) = compaction::trim(&self.messages, until, |i| self.record(i));
        let trimmed = cut.into_iter().map(|i| self.record(i)).collect();
        self.shorten(state, messages, SessionCompacted { trimmed, ..SessionCompacted::default() })
    }

    /// The state after the summary took the place of all but the end.
    #[must_use]
    pub fn summarize(&self, state: &State, window: u64) -> (Whole, SessionCompacted) {
        let ordered = state.turn.as_ref().is_some_and(|t| t.order);
        let room = if ordered { 0 } else { self.gauge.allowed(window) / 4 };
        let from = compaction::tail(&self.messages, room);
        let tail = &self.messages[from..];
        let stays = |text: &String| tail.iter().any(|m| matches!(m, Message::User(said) if said.text == *text));
        let counts = |seq: u64| self.past.counts(state.head, seq);
        let requests = self.requests.iter().filter(|(seq, text)| counts(*seq) && !stays(text));
        let requests: Vec<String> = requests.map(|(_, text)| text.clone()).collect();
        let files: Vec<String> = self.files.iter().filter(|(_, seq)| counts(**seq)).map(|(f, _)| f.clone()).collect();
        let goes_on = !ordered && tail.is_empty();
        let head = compaction::head(&self.summary.1, &requests, &files, goes_on);
        let messages = std::iter::once(head).chain(tail.iter().cloned()).collect();
        let record = SessionCompacted { how: Shortening::Summary, ..SessionCompacted::default() };
        self.shorten(state, messages, record)
    }

    fn shorten(&self, state: &State, messages: Vec<Message>, record: SessionCompacted) -> (Whole, SessionCompacted) {
        let tokens = |messages: &[Message]| self.gauge.tokens_of(compaction::bytes(messages) + self.gauge.fixed);
        let (before, after) = (tokens(&self.messages), tokens(&messages));
        let origins = messages.iter().map(|_| Origin { born: state.head, ..Origin::default() }).collect();
        let conversation = Self { messages, origins, aside: Vec::new(), ..self.clone() };
        let whole = Whole { v: Whole::VERSION, session: state.clone(), conversation };
        (whole, SessionCompacted { upto: state.head, before, after, ..record })
    }

    /// A number that is another whenever messages that were there are gone or have become others; else they only grow.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.changes
    }

    fn push(&mut self, line: &Line, message: Message) {
        let seq = line.seq.unwrap_or_default();
        if let Message::User(said) = &message {
            self.requests.push((seq, said.text.clone()));
        }
        self.changed = seq;
        self.origins.push(Origin { born: line.seq.unwrap_or_default(), ..Origin::default() });
        self.messages.push(message);
    }

    /// Takes in one recorded line.
    pub fn fold(&mut self, line: &Line, blob: Resolve) {
        match &*line.ty {
            ty::SESSION_COMPACTED => self.on_compacted(line, blob),
            ty::USER_MESSAGE => self.on_message(line, blob),
            ty::MESSAGE_STEERED if self.running => {
                self.steering.extend(self.waiting.remove_entry(line.cause.as_ref()));
            }
            ty::MESSAGE_WITHDRAWN => {
                self.waiting.remove(line.cause.as_ref());
                self.steering.retain(|(id, _)| *id != line.cause);
                self.orders.remove(line.cause.as_ref());
            }
            ty::MESSAGE_VETTED => self.on_vetted(line),
            ty::TURN_STARTED => self.on_started(line),
            ty::SESSION_CREATED => {
                let created = line.data::<SessionCreated>().ok();
                let goes_on = created.as_ref().and_then(|d| d.forked_from.as_ref()).is_some_and(|from| from.goes_on);
                let running = self.running && goes_on;
                self.leave_behind();
                self.running = running;
                self.vets = created.is_some_and(|d| d.hooks.contains(&Hook::UserPromptSubmit));
            }
            ty::SESSION_CONFIGURED => {
                if let Some(hooks) = line.data::<SessionConfigured>().ok().and_then(|d| d.hooks) {
                    self.vets = hooks.contains(&Hook::UserPromptSubmit);
                }
            }
            ty::SESSION_REWOUND => self.on_rewound(line),
            ty::CONTEXT_BUILT => self.on_context(line, blob),
            ty::MODEL_REQUESTED if !self.context.is_empty() && self.context == line.cause => {
                self.context.clear();
                line.id.as_ref().clone_into(&mut self.asked);
                self.arriving.clear();
                self.gauge.asked = compaction::bytes(&self.messages) + self.gauge.fixed;
            }
            ty::MODEL_CALL if self.is_asked(line) => self.on_call(line, blob),
            ty::MODEL_COMPLETED if self.is_asked(line) => self.on_answer(line, blob),
            ty::MODEL_FAILED if self.is_asked(line) => {
                self.asked.clear();
                self.arriving.clear();
                let failed = line.data::<ModelFailed>();
                self.answers += u64::from(!matches!(&failed, Ok(f) if f.code == Code::Interrupted));
                if matches!(&failed, Ok(f) if f.code == Code::Context) {
                    let known = self.gauge.refused;
                    self.gauge.refused = if known == 0 { self.gauge.asked } else { known.min(self.gauge.asked) };
                }
                // What was heard of a summary is nobody's answer.
                let wanted = self.compacts.is_none();
                self.partial = failed.ok().filter(|_| wanted).map(|d| d.text).unwrap_or_default();
            }
            ty::HOOK_STARTED if self.hearing.is_empty() => line.id.as_ref().clone_into(&mut self.hearing),
            ty::HOOK_COMPLETED if self.hearing == line.cause => self.on_heard(line),
            ty::PERMISSION_RESOLVED => self.on_resolved(line),
            ty::TOOL_STARTED => self.follow(line),
            ty::TOOL_COMPLETED | ty::TOOL_FAILED => self.on_outcome(line, blob),
            ty::TURN_COMPLETED | ty::TURN_FAILED | ty::TURN_CANCELLED => {
                self.running = false;
                self.focus.clear();
                self.hearing.clear();
                // What came too late to steer is a message like any other.
                self.waiting.extend(self.steering.drain(..));
            }
            _ => {}
        }
    }

    /// Whether the line answers the claim that is open. A rival whose claim came too late says nothing that counts.
    fn is_asked(&self, line: &Line) -> bool {
        !self.asked.is_empty() && self.asked == line.cause
    }

    fn on_context(&mut self, line: &Line, blob: Resolve) {
        line.id.as_ref().clone_into(&mut self.context);
        let Ok(built) = line.data::<ContextBuilt>() else { return };
        let seq = line.seq.unwrap_or_default();
        self.changed = seq;
        self.compacts = built.compacts;
        if self.compacts.is_none() {
            for (id, said) in std::mem::take(&mut self.steering) {
                if self.vets && !self.vetted.remove(&id) {
                    self.steering.push((id, said));
                } else {
                    self.push(line, Message::User(said));
                }
            }
        }
        if !built.repair.is_empty() {
            self.origins.push(Origin { born: seq, ..Origin::default() });
            self.messages.push(Message::User(built.repair.into()));
        }
        if (&self.texts.0, &self.texts.1) != (&built.system, &built.tools) {
            let size = |sha: &str| {
                let named = BlobRef { sha: sha.to_owned(), bytes: 0, media: String::new() };
                if sha.is_empty() { 0 } else { blob(&named).map_or(0, |text| text.len() as u64) }
            };
            self.gauge.fixed = size(&built.system) + size(&built.tools);
            self.texts = (built.system, built.tools);
        }
    }

    /// The messages are replaced by those of the state, if they are what the state was made of. What waits stays as it is: more may
    /// have come since.
    fn on_compacted(&mut self, line: &Line, blob: Resolve) {
        let Ok(record) = line.data::<SessionCompacted>() else { return };
        if !self.running || self.changed > record.upto {
            return;
        }
        let Some(whole) = blob(&record.state).and_then(|text| Whole::read(&text)) else { return };
        let seq = line.seq.unwrap_or_default();
        // A way back may lead to before it.
        for (origin, message) in self.origins.drain(..).zip(self.messages.drain(..)) {
            self.aside.push((Origin { gone: seq, ..origin }, message));
        }
        self.messages = whole.conversation.messages;
        self.origins = self.messages.iter().map(|_| Origin { born: seq, ..Origin::default() }).collect();
        self.changed = seq;
        self.changes += 1;
        self.open.clear();
        self.summary = Default::default();
    }

    fn on_message(&mut self, line: &Line, blob: Resolve) {
        let Ok(message) = line.data::<UserMessage>() else { return };
        let text = match &message.blob {
            Some(b) => blob(b).unwrap_or_else(|| "[this message is missing]".to_owned()),
            None => message.text,
        };
        if message.compact {
            self.orders.insert(line.id.to_string(), text);
            return;
        }
        let mut said = Said::from(text);
        show(&mut said.text, &mut said.images, &message.images, blob);
        if message.now && self.running {
            self.steering.push((line.id.to_string(), said));
        } else {
            self.waiting.insert(line.id.to_string(), said);
        }
    }

    /// What hooks make of a message: what they add stands behind it; one that they block no model reads.
    fn on_vetted(&mut self, line: &Line) {
        let Ok(vetted) = line.data::<MessageVetted>() else { return };
        let id = line.cause.as_ref();
        if vetted.verdict != Verdict::Passes {
            self.waiting.remove(id);
            self.steering.retain(|(steers, _)| steers != id);
            return;
        }
        let steering = self.steering.iter_mut().find(|(steers, _)| steers == id).map(|(_, said)| said);
        let Some(said) = self.waiting.get_mut(id).or(steering) else { return };
        if self.vetted.insert(id.to_owned()) && !vetted.context.is_empty() {
            said.text.push_str("\n\n");
            said.text.push_str(&vetted.context);
        }
    }

    /// The turn goes on with what a hook says.
    fn on_heard(&mut self, line: &Line) {
        self.hearing.clear();
        if let Ok(said) = line.data::<HookCompleted>()
            && said.verdict == Verdict::Blocks
        {
            self.origins.push(Origin { born: line.seq.unwrap_or_default(), ..Origin::default() });
            self.changed = line.seq.unwrap_or_default();
            self.messages.push(Message::User(said.why.into()));
        }
    }

    fn on_started(&mut self, line: &Line) {
        let seq = line.seq.unwrap_or_default();
        let partial = std::mem::take(&mut self.partial);
        if !partial.is_empty() {
            self.push(line, Message::Assistant { text: partial, calls: Vec::new(), kept: None });
        }
        self.open.clear();
        self.running = true;
        self.changed = seq;
        if let Some(said) = self.waiting.remove(line.cause.as_ref()) {
            self.vetted.remove(line.cause.as_ref());
            self.push(line, Message::User(said));
        }
        self.focus = self.orders.remove(line.cause.as_ref()).unwrap_or_default();
    }

    /// What was under way is not under way any more.
    fn leave_behind(&mut self) {
        (self.running, self.context, self.asked) = (false, String::new(), String::new());
        self.waiting.clear();
        self.vetted.clear();
        self.hearing.clear();
        self.orders.clear();
        self.focus.clear();
        self.compacts = None;
        self.steering.clear();
        self.arriving.clear();
        self.open.clear();
    }

    /// Messages whose records count no more are put aside, and those come back whose records count again.
    fn on_rewound(&mut self, line: &Line) {
        let Ok(rewound) = line.data::<SessionRewound>() else { return };
        let seq = line.seq.unwrap_or_default();
        self.leave_behind();
        self.partial.clear();
        self.past.go_back(seq, rewound.to);
        let ranges = self.past.ranges(seq);
        let counts = |seq: u64| ranges.iter().any(|(first, last)| (*first..=*last).contains(&seq));
        let mut all: Vec<(Origin, Message)> =
            self.origins.drain(..).zip(self.messages.drain(..)).chain(self.aside.drain(..)).collect();
        all.sort_by_key(|(origin, _)| origin.born);
        for (mut origin, mut message) in all {
            if !counts(origin.born) || (origin.gone > 0 && counts(origin.gone)) {
                self.aside.push((origin, message));
                continue;
            }
            if let Message::Result { text, images, .. } = &mut message {
                match origin.said.take() {
                    Some(own) if counts(origin.closed) => (*text, *images) = (own.text, own.images),
                    Some(own) => origin.said = Some(own),
                    None if origin.closed > 0 && !counts(origin.closed) => {
                        let text = std::mem::replace(text, NOT_RUN.to_owned());
                        origin.said = Some(Said { text, images: std::mem::take(images) });
                    }
                    None => {}
                }
            }
            self.origins.push(origin);
            self.messages.push(message);
        }
        // The numbers go on: a compaction leaves calls out, but not their numbers.
        let number = |m: &Message| match m {
            Message::Result { call, .. } => call.strip_prefix("call_").and_then(|n| n.parse().ok()).unwrap_or(0),
            _ => 0,
        };
        self.calls = self.messages.iter().map(number).max().unwrap_or(0);
        self.changed = seq;
        self.changes += 1;
    }

    fn on_call(&mut self, line: &Line, blob: Resolve) {
        let Ok(call) = line.data::<ToolCall>() else { return };
        let args = match (&call.args, &call.blob) {
            (Some(args), _) => args.get().to_owned(),
            (None, Some(b)) => blob(b).unwrap_or_else(|| "{}".to_owned()),
            (None, None) => "{}".to_owned(),
        };
        let kept = call.meta.as_deref().and_then(|meta| kept(meta, blob));
        self.arriving.push(Call { id: line.id.to_string(), tool: call.tool, args, kept });
    }

    fn on_answer(&mut self, line: &Line, blob: Resolve) {
        self.asked.clear();
        self.answers += 1;
        let Ok(answer) = line.data::<ModelCompleted>() else { return };
        if self.compacts.is_some() {
            self.arriving.clear();
            self.partial.clear();
            // One that was made without knowing of summaries says it as an answer.
            let parts = if answer.summary.is_empty() { &answer.parts } else { &answer.summary };
            self.summary = (line.id.to_string(), said(parts, blob));
            return;
        }
        let used = answer.usage.input.saturating_add(answer.usage.cache_read).saturating_add(answer.usage.cache_write);
        if used > 0 && self.gauge.asked > 0 {
            (self.gauge.bytes, self.gauge.tokens) = (self.gauge.asked, used);
        }
        let text = said(&answer.parts, blob);
        self.partial.clear();
        let mut calls = std::mem::take(&mut self.arriving);
        let own: Vec<String> = calls.iter().map(|c| c.id.clone()).collect();
        for call in &mut calls {
            self.calls += 1;
            call.id = format!("call_{}", self.calls);
        }
        // Every call gets its place at once, in order; what never runs keeps this text.
        let results: Vec<Message> = calls
            .iter()
            .map(|c| Message::Result {
                call: c.id.clone(),
                tool: c.tool.clone(),
                text: NOT_RUN.to_owned(),
                images: Vec::new(),
            })
            .collect();
        let kept = answer.meta.as_deref().and_then(|meta| kept(meta, blob));
        self.push(line, Message::Assistant { text, calls, kept });
        for (id, result) in own.into_iter().zip(results) {
            self.open.insert(id, self.messages.len());
            self.push(line, result);
        }
    }

    /// The line's own id takes the place of the id it answers.
    fn follow(&mut self, line: &Line) {
        if let Some(at) = self.open.remove(line.cause.as_ref()) {
            self.open.insert(line.id.to_string(), at);
        }
    }

    fn close(&mut self, line: &Line, outcome: Said) {
        if let Some(at) = self.open.remove(line.cause.as_ref())
            && let Some(Message::Result { text, images, .. }) = self.messages.get_mut(at)
        {
            (*text, *images) = (outcome.text, outcome.images);
            self.changed = line.seq.unwrap_or_default();
            if let Some(origin) = self.origins.get_mut(at) {
                origin.closed = self.changed;
            }
        }
    }

    fn on_resolved(&mut self, line: &Line) {
        let Ok(resolved) = line.data::<PermissionResolved>() else { return };
        if resolved.decision == Decision::Allow {
            self.follow(line);
        } else {
            let why = if resolved.why.is_empty() { String::new() } else { format!(": {}", resolved.why) };
            let rule = if resolved.rule.is_empty() { String::new() } else { format!(" (rule {})", resolved.rule) };
            self.close(line, format!("refused{why}{rule}").into());
        }
    }

    fn on_outcome(&mut self, line: &Line, blob: Resolve) {
        let outcome = if line.ty == ty::TOOL_COMPLETED {
            line.data::<ToolCompleted>().map(|d| {
                for file in d.changed.iter().filter(|_| self.open.contains_key(line.cause.as_ref())) {
                    if self.files.len() < limits::FILES_NAMED {
                        self.files.insert(file.path.clone(), line.seq.unwrap_or_default());
                    }
                }
                let mut said = Said::from(completed_text(&d));
                show(&mut said.text, &mut said.images, &d.output.images, blob);
                said
            })
        } else {
            line.data::<ToolFailed>().map(|d| failed_text(&d).into())
        };
        if let Ok(outcome) = outcome {
            self.close(line, outcome);
        }
    }
}

/// What the parts of an answer say aloud.
fn said(parts: &[Part], blob: Resolve) -> String {
    let mut text = String::new();
    for part in parts {
        match part {
            Part::Text(t) => text.push_str(t),
            Part::TextBlob(b) => text.push_str(&blob(b).unwrap_or_default()),
            Part::Reasoning(_) | Part::ReasoningBlob(_) => {}
        }
    }
    text
}

/// Puts pictures beside a text; one that cannot be shown leaves a word there instead.
fn show(text: &mut String, images: &mut Vec<Image>, named: &[BlobRef], blob: Resolve) {
    for (n, image) in named.iter().enumerate() {
        let fits = n < limits::IMAGES && image.bytes <= limits::IMAGE_BYTES && image.media.starts_with("image/");
        match fits.then(|| blob(image)).flatten() {
            Some(base64) => images.push(Image { media: image.media.clone(), base64: base64.into() }),
            None => text.push_str("\n[a picture is missing]"),
        }
    }
}

/// What is kept of an answer or a call, in its line or beside it.
fn kept(meta: &RawValue, blob: Resolve) -> Option<Kept> {
    let meta: Meta = serde_json::from_str(meta.get()).ok()?;
    let value = match (meta.kept, meta.blob) {
        (Some(kept), _) => kept.get().to_owned(),
        (None, Some(beside)) => blob(&beside)?,
        (None, None) => return None,
    };
    Some(Kept { wire: meta.wire, provider: meta.provider, model: meta.model, value })
}

fn completed_text(done: &ToolCompleted) -> String {
    let mut text = ran_text(done);
    if !done.feedback.is_empty() {
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        text += &format!("[{}]", done.feedback);
    }
    text
}

fn ran_text(done: &ToolCompleted) -> String {
    let mut text = done.output.text.clone();
    let ending = match (done.exit, done.signal) {
        (_, Some(signal)) => format!("[ended by signal {signal}]"),
        (Some(0), _) if text.is_empty() => "[exit 0, no output]".to_owned(),
        (Some(0) | None, None) => return text,
        (Some(exit), None) => format!("[exit {exit}]"),
    };
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text + &ending
}

fn failed_text(failed: &ToolFailed) -> String {
    let head = match failed.code {
        Code::Interrupted => "interrupted: it is unknown whether it ran".to_owned(),
        _ => format!("failed: {}", failed.message),
    };
    match &failed.output {
        Some(output) if !output.text.is_empty() => format!("{head}\n{}", output.text),
        _ => head,
    }
}
