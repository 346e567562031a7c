//! The thread that asks deciders, one call after the other, and lets hooks hear messages: the filter goes on reading meanwhile.

use ace_config::{Hooked, LayerName};
use ace_host::deciders::{Start, ask, name};
use ace_permissions::{Layer, Verdict, decider, hooks};
use ace_pipe::Out;
use ace_schema::data::MessageVetted;
use ace_schema::hook::Hook;
use ace_schema::permission::Decision;
use ace_schema::{Drafter, id, ty};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use crate::filter::record;

/// What they are asked about.
pub enum Matter {
    /// A call, and what the rules have said of it.
    Call {
        /// Turn.
        turn: u32,
        /// Id of the call.
        call: String,
        /// Digest of its exact arguments.
        digest: String,
        /// What the rules say.
        verdict: Box<Verdict>,
        /// The tool.
        tool: String,
        /// The client that is asked; empty for the user.
        client: String,
    },
    /// A message, by its id.
    Message(String),
}

/// One question.
pub struct Question {
    /// Session id.
    pub session: String,
    /// The person's own work tree.
    pub root: PathBuf,
    /// What they read.
    pub request: String,
    /// What it is about.
    pub about: Matter,
}

/// The handle on the thread.
pub struct Deciders {
    questions: Sender<Question>,
    thread: JoinHandle<()>,
}

impl Deciders {
    /// Starts the thread, which sends its drafts to `out`.
    pub fn start(all: Vec<Hooked>, random: u64, out: Out) -> Self {
        let (questions, inbox) = channel();
        let thread = std::thread::spawn(move || work(&all, random, &inbox, &out));
        Self { questions, thread }
    }

    /// Asks one question.
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

fn work(all: &[Hooked], random: u64, inbox: &Receiver<Question>, out: &Out) {
    let mut drafter = Drafter::new("ace-permit", random);
    for Question { session, root, request, about } in inbox {
        if drafter.session().is_empty() {
            drafter.set_session(&session);
        }
        let line = match about {
            Matter::Call { turn, call, digest, verdict, tool, client } => {
                let decided = decided(all, *verdict, &tool, (&root, &request));
                let (id, ty, data) = record(&call, digest, decided, &client);
                drafter.line(&id, turn, &call, ty, &data)
            }
            Matter::Message(message) => {
                let data = vetted(all, &root, &request);
                drafter.line(&id::vet(&message), 0, &message, ty::MESSAGE_VETTED, &data)
            }
        };
        // A closed output is noticed by the filter's loop.
        let _ = out.write(&line);
    }
}

fn layer(of: &Hooked) -> Layer {
    match of.layer {
        LayerName::System => Layer::Operator,
        LayerName::Project => Layer::Project,
        _ => Layer::User,
    }
}

/// The verdict after every decider; what is denied is asked no further.
fn decided(all: &[Hooked], verdict: Verdict, tool: &str, (root, request): (&Path, &str)) -> Verdict {
    let (mut heeded, names) = (verdict, decider::names(tool));
    for one in all.iter().filter(|one| one.on == Hook::PreToolUse && one.hears_of(&names)) {
        if heeded.decision == Decision::Deny {
            break;
        }
        let name = name(&one.argv);
        let opinion = decider::opinion(name, &ask(&Start::decider(&one.argv, one.ms, root), request));
        heeded = decider::heed(heeded, name, layer(one), opinion);
    }
    heeded
}

fn vetted(all: &[Hooked], root: &Path, request: &str) -> MessageVetted {
    let on = Hook::UserPromptSubmit;
    hooks::vetted(all.iter().filter(|one| one.on == on).map(|one| {
        let name = name(&one.argv);
        let said = hooks::heard(on, name, &ask(&Start::decider(&one.argv, one.ms, root), request));
        (name.to_owned(), layer(one).name(), said)
    }))
}
