//! The thread that asks deciders, one call after the other: the filter goes on reading meanwhile.

use ace_config::{Decider, LayerName};
use ace_permissions::{Layer, Verdict, decider};
use ace_pipe::Out;
use ace_schema::Drafter;
use ace_schema::permission::Decision;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use crate::filter::record;

/// One call and what the rules have said of it.
pub struct Question {
    /// Session id.
    pub session: String,
    /// Turn.
    pub turn: u32,
    /// Id of the call.
    pub call: String,
    /// Digest of its exact arguments.
    pub digest: String,
    /// What the rules say.
    pub verdict: Verdict,
    /// What deciders read.
    pub request: String,
    /// The person's own work tree.
    pub root: PathBuf,
}

/// The handle on the thread.
pub struct Deciders {
    questions: Sender<Question>,
    thread: JoinHandle<()>,
}

impl Deciders {
    /// Starts the thread, which sends its drafts to `out`.
    pub fn start(all: Vec<Decider>, random: u64, out: Out) -> Self {
        let (questions, inbox) = channel();
        let thread = std::thread::spawn(move || work(&all, random, &inbox, &out));
        Self { questions, thread }
    }

    /// Asks about one call.
    pub fn ask(&self, question: Question) {
        // The thread lives as long as this handle does.
        let _ = self.questions.send(question);
    }

    /// Waits for what was asked.
    pub fn finish(self) {
        drop(self.questions);
        let _ = self.thread.join();
    }
}

fn work(all: &[Decider], random: u64, inbox: &Receiver<Question>, out: &Out) {
    let mut drafter = Drafter::new("ace-permit", random);
    for question in inbox {
        let Question { session, turn, call, digest, verdict, request, root } = question;
        let mut heeded = verdict;
        for one in all {
            if heeded.decision == Decision::Deny {
                break;
            }
            let name = one.argv.first().map_or("", |program| program.rsplit('/').next().unwrap_or(program));
            let layer = match one.layer {
                LayerName::System => Layer::Operator,
                LayerName::Project => Layer::Project,
                _ => Layer::User,
            };
            let opinion = decider::opinion(name, &ace_host::deciders::ask(&one.argv, &root, &request));
            heeded = decider::heed(heeded, name, layer, opinion);
        }
        if drafter.session().is_empty() {
            drafter.set_session(&session);
        }
        let (id, ty, data) = record(&call, digest, heeded);
        // A closed output is noticed by the filter's loop.
        let _ = out.write(&drafter.line(&id, turn, &call, ty, &data));
    }
}
