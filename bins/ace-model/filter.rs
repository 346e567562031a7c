//! `ace-model` as a filter: claims a context, asks the provider, records the answer. The asking is [`crate::asking`]'s.

use ace_core::{Desk, Due, Phase, Role, Transcript};
use ace_pipe::{Filter, Out};
use ace_schema::data::{BlobRef, Code, ModelFailed, ModelRequested};
use ace_schema::draft::BlobPartLine;
use ace_schema::{Line, id, limits, ty};
use ace_storage::Blobs;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::asking::{Asking, Job};

/// The way of blobs that travel in a stream without a log.
type Travelling = HashMap<String, Vec<u8>>;

/// Answers contexts.
pub struct Answerer {
    desk: Desk,
    transcript: Transcript,
    blobs: Blobs,
    travelling: Travelling,
    /// The system text and tool list asked with last, by hash: nearly every context names the same.
    texts: Vec<(String, Arc<str>)>,
    asking: Asking,
    out: Out,
    unrecorded: bool,
    /// Messages that the asking thread has already.
    sent: usize,
    /// Of which conversation: it becomes another when somebody goes back.
    changes: u64,
    /// Requests at work: claim and turn.
    working: Vec<(String, u32)>,
}

impl Answerer {
    /// An answerer that finds long texts in `blobs`.
    pub fn new(random: u64, blobs: Blobs, asking: Asking, out: Out) -> Self {
        Self {
            desk: Desk::new("ace-model", random),
            transcript: Transcript::new(),
            blobs,
            travelling: Travelling::new(),
            texts: Vec::new(),
            asking,
            out,
            unrecorded: false,
            sent: 0,
            changes: 0,
            working: Vec::new(),
        }
    }

    /// Asks for the answer to the context that is due, under this claim.
    fn start(&mut self, claim: &str) {
        let Some(turn) = &self.desk.state.turn else { return };
        let Phase::Asking { model, system, tools, compacts, schema, reserved, .. } = &turn.phase else { return };
        let n = turn.n;
        let reserved = reserved.clone();
        let text = |sha: &str| match self.texts.iter().find(|(known, _)| known == sha) {
            Some((_, text)) => Ok(text.clone()),
            None if sha.is_empty() => Ok(Arc::from("")),
            None => {
                find(&self.blobs, &self.travelling, sha).map(Arc::from).ok_or_else(|| format!("blob {sha} is missing"))
            }
        };
        let messages = self.transcript.messages();
        let changes = self.transcript.changes();
        let anew = self.changes != changes;
        let sent = if anew { 0 } else { self.sent };
        let names = [system.clone(), tools.clone()];
        let summary = compacts.as_ref().map(|c| text(&c.prompt).map(|request| self.transcript.shown(c, &request)));
        let job = summary.transpose().and_then(|summary| Ok((summary, text(system)?))).and_then(|(summary, system)| {
            Ok(Job {
                session: self.desk.state.session.clone(),
                claim: claim.to_owned(),
                turn: n,
                model: model.clone(),
                system,
                tools: text(tools)?,
                schema: text(schema)?,
                anew,
                news: messages[sent.min(messages.len())..].to_vec(),
                reserved,
                answers: self.transcript.answers(),
                summary,
            })
        });
        match job {
            Ok(job) => {
                self.texts = names.into_iter().zip([job.system.clone(), job.tools.clone()]).collect();
                (self.sent, self.changes) = (messages.len(), changes);
                self.working.push((claim.to_owned(), n));
                self.asking.ask(job);
            }
            Err(message) => {
                let data = failed(Code::Io, message);
                let (_, line) = self.desk.pencil.write((n, claim), ty::MODEL_FAILED, &data);
                // A closed output is noticed by the loop.
                let _ = self.out.write(&line);
            }
        }
    }

    /// A turn has ended: what is still asked in it is let go.
    fn cancel(&mut self, turn: u32) {
        self.working.retain(|(claim, n)| {
            if *n == turn {
                self.asking.cancel(claim);
            }
            *n != turn
        });
    }
}

fn find(blobs: &Blobs, travelling: &Travelling, sha: &str) -> Option<String> {
    let bytes = bytes(blobs, travelling, sha)?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

fn bytes(blobs: &Blobs, travelling: &Travelling, sha: &str) -> Option<Vec<u8>> {
    travelling.get(sha).cloned().or_else(|| blobs.get(sha).ok())
}

/// The text of a blob, or a picture as a provider takes it.
fn resolve(blobs: &Blobs, travelling: &Travelling, blob: &BlobRef) -> Option<String> {
    if blob.media.starts_with("image/") {
        return bytes(blobs, travelling, &blob.sha).map(|bytes| BASE64_STANDARD.encode(bytes));
    }
    find(blobs, travelling, &blob.sha)
}

/// A failure without any text.
pub fn failed(code: Code, message: impl Into<String>) -> ModelFailed {
    ModelFailed {
        code,
        message: message.into(),
        hint: String::new(),
        text: String::new(),
        dropped_call: String::new(),
        usage: None,
        cost: None,
        prices: String::new(),
        estimated: false,
    }
}

impl Filter for Answerer {
    fn fold(&mut self, line: &Line) {
        self.desk.fold(line);
        let (blobs, travelling) = (&self.blobs, &self.travelling);
        self.transcript.fold(line, &|b: &BlobRef| resolve(blobs, travelling, b));
        match &*line.ty {
            ty::MODEL_REQUESTED if self.desk.holds(&line.id) => self.start(&line.id),
            ty::TURN_COMPLETED | ty::TURN_FAILED | ty::TURN_CANCELLED => self.cancel(line.turn),
            ty::MODEL_COMPLETED | ty::MODEL_FAILED => self.working.retain(|(claim, _)| *claim != line.cause),
            _ => {}
        }
    }

    fn due(&mut self, drafts: &mut Vec<u8>) {
        let mut unrecorded = None;
        for due in self.desk.state.due() {
            match due {
                Due::Ask { context, .. } if self.unrecorded => unrecorded = Some(context.to_owned()),
                Due::Ask { turn, context } => {
                    self.desk.pencil.claim(drafts, (turn, context), ty::MODEL_REQUESTED, &ModelRequested {});
                }
                Due::Close { turn, claim, role: Role::Model } => {
                    let data = failed(Code::Interrupted, "whoever asked is gone");
                    self.desk.pencil.conclude(drafts, &id::close(claim), (turn, claim), ty::MODEL_FAILED, &data);
                }
                _ => {}
            }
        }
        if let Some(context) = unrecorded
            && self.desk.pencil.first(&context)
        {
            self.start(&context);
        }
    }

    fn unrecorded(&mut self) -> Result<(), String> {
        self.unrecorded = true;
        Ok(())
    }

    fn blob(&mut self, part: &BlobPartLine) {
        let held: usize = self.travelling.values().map(Vec::len).sum();
        if let Ok(bytes) = BASE64_STANDARD.decode(part.data.as_bytes())
            && held + bytes.len() <= limits::PROMPT_BYTES * 2
        {
            self.travelling.entry(part.sha.to_string()).or_default().extend(bytes);
        }
    }

    fn finish(&mut self) {
        while !self.asking.is_idle(Duration::from_millis(20)) {
            if self.out.is_broken() {
                return;
            }
        }
    }
}
