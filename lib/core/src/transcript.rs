//! The conversation that a context names: recorded lines as messages for a model.
//!
//! The same lines give the same messages, and the messages of one context are a prefix of those of the next, so that request
//! bytes repeat and provider caches stay warm.

use ace_schema::data::{
    BlobRef, Code, ModelCompleted, ModelFailed, Part, PermissionResolved, SessionRewound, ToolCall, ToolCompleted,
    ToolFailed, UserMessage,
};
use ace_schema::message::{Call, Image, Kept, Message, Meta, Said};
use ace_schema::permission::Decision;
use ace_schema::{Line, limits, ty};
use serde_json::value::RawValue;
use std::collections::HashMap;

use crate::past::Past;

/// Finds the text of a blob, or of a picture (media type `image/…`) its bytes in base64; `None` if it is missing.
pub type Resolve<'a> = &'a dyn Fn(&BlobRef) -> Option<String>;

/// The records behind a message.
#[derive(Debug, Default)]
struct Origin {
    /// The record that made it.
    born: u64,
    /// The record that gave a result its text and pictures; 0 if none did.
    closed: u64,
    /// Those, while the record that gave them does not count.
    said: Option<Said>,
}

/// What stands for the result of a call that never ran.
const NOT_RUN: &str = "not run: the turn ended first";

/// The messages so far.
#[derive(Debug, Default)]
pub struct Transcript {
    messages: Vec<Message>,
    /// Beside each message: where it came from.
    origins: Vec<Origin>,
    /// What was left behind by a way back, in the order of the record.
    aside: Vec<(Origin, Message)>,
    past: Past,
    /// How often messages that were there have become others.
    changes: u64,
    /// Messages that no turn has taken up, by id.
    waiting: HashMap<String, Said>,
    /// Steering messages for the next context, by id, in order.
    steering: Vec<(String, Said)>,
    /// A turn runs.
    running: bool,
    /// The context that nobody has claimed yet.
    context: String,
    /// The claim that won it: an answer under any other is none.
    asked: String,
    /// Calls recorded ahead of their `model.completed`.
    arriving: Vec<Call>,
    /// Where the result of an open call stands in `messages`, by the id that its next record answers.
    open: HashMap<String, usize>,
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

    /// A number that is another whenever messages that were there are gone or have become others; else they only grow.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.changes
    }

    fn push(&mut self, line: &Line, message: Message) {
        self.origins.push(Origin { born: line.seq.unwrap_or_default(), ..Origin::default() });
        self.messages.push(message);
    }

    /// Takes in one recorded line.
    pub fn fold(&mut self, line: &Line, blob: Resolve) {
        match &*line.ty {
            ty::USER_MESSAGE => self.on_message(line, blob),
            ty::MESSAGE_STEERED if self.running => {
                self.steering.extend(self.waiting.remove_entry(line.cause.as_ref()));
            }
            ty::MESSAGE_WITHDRAWN => {
                self.waiting.remove(line.cause.as_ref());
                self.steering.retain(|(id, _)| *id != line.cause);
            }
            ty::TURN_STARTED => self.on_started(line),
            ty::SESSION_CREATED => self.leave_behind(),
            ty::SESSION_REWOUND => self.on_rewound(line),
            ty::CONTEXT_BUILT => {
                line.id.as_ref().clone_into(&mut self.context);
                for (_, said) in std::mem::take(&mut self.steering) {
                    self.push(line, Message::User(said));
                }
            }
            ty::MODEL_REQUESTED if !self.context.is_empty() && self.context == line.cause => {
                self.context.clear();
                line.id.as_ref().clone_into(&mut self.asked);
                self.arriving.clear();
            }
            ty::MODEL_CALL if self.is_asked(line) => self.on_call(line, blob),
            ty::MODEL_COMPLETED if self.is_asked(line) => self.on_answer(line, blob),
            ty::MODEL_FAILED if self.is_asked(line) => {
                self.asked.clear();
                self.arriving.clear();
                self.partial = line.data::<ModelFailed>().map(|d| d.text).unwrap_or_default();
            }
            ty::PERMISSION_RESOLVED => self.on_resolved(line),
            ty::TOOL_STARTED => self.follow(line),
            ty::TOOL_COMPLETED | ty::TOOL_FAILED => self.on_outcome(line, blob),
            ty::TURN_COMPLETED | ty::TURN_FAILED | ty::TURN_CANCELLED => {
                self.running = false;
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

    fn on_message(&mut self, line: &Line, blob: Resolve) {
        let Ok(message) = line.data::<UserMessage>() else { return };
        let text = match &message.blob {
            Some(b) => blob(b).unwrap_or_else(|| "[this message is missing]".to_owned()),
            None => message.text,
        };
        let mut said = Said::from(text);
        show(&mut said.text, &mut said.images, &message.images, blob);
        if message.now && self.running {
            self.steering.push((line.id.to_string(), said));
        } else {
            self.waiting.insert(line.id.to_string(), said);
        }
    }

    fn on_started(&mut self, line: &Line) {
        let partial = std::mem::take(&mut self.partial);
        if !partial.is_empty() {
            self.push(line, Message::Assistant { text: partial, calls: Vec::new(), kept: None });
        }
        self.open.clear();
        self.running = true;
        if let Some(said) = self.waiting.remove(line.cause.as_ref()) {
            self.push(line, Message::User(said));
        }
    }

    /// What was under way is not under way any more.
    fn leave_behind(&mut self) {
        (self.running, self.context, self.asked) = (false, String::new(), String::new());
        self.waiting.clear();
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
            if !counts(origin.born) {
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
        self.calls = self.messages.iter().filter(|m| matches!(m, Message::Result { .. })).count() as u64;
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
        let Ok(answer) = line.data::<ModelCompleted>() else { return };
        let mut text = String::new();
        for part in &answer.parts {
            match part {
                Part::Text(t) => text.push_str(t),
                Part::TextBlob(b) => text.push_str(&blob(b).unwrap_or_default()),
                Part::Reasoning(_) | Part::ReasoningBlob(_) => {}
            }
        }
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
            if let Some(origin) = self.origins.get_mut(at) {
                origin.closed = line.seq.unwrap_or_default();
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
