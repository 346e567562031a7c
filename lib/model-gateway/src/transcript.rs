//! The conversation as request bytes. Request N is request N-1 and a few messages, so each message is written down once. Knows no
//! socket.

use ace_schema::message::Message;

use crate::provider::Provider;
use crate::wire::{Ask, Role, To, Wire, find};

/// Messages in a wire format.
#[derive(Debug, Default)]
pub struct List {
    /// JSON without the brackets around it; only ever longer. A wire may leave its last message open for what belongs to it.
    pub bytes: Vec<u8>,
    /// Whose message is open or was written last.
    pub open: Option<Role>,
    /// Where each message of the conversation ended, and whose it was.
    pub ends: Vec<(usize, Role)>,
    /// What stands behind the last result and before whatever comes next: pictures, where no result may hold them.
    pub behind: Vec<u8>,
}

impl List {
    /// Ends what is there with a comma, if there is something.
    pub fn separate(&mut self) {
        if !self.bytes.is_empty() {
            self.bytes.push(b',');
        }
    }

    /// Writes what waits behind the results, as something else comes.
    pub fn settle(&mut self) {
        let behind = std::mem::take(&mut self.behind);
        self.bytes.extend_from_slice(&behind);
    }
}

/// The messages so far in the wire format of one provider.
pub struct Transcript {
    wire: Option<&'static dyn Wire>,
    provider: Provider,
    model: String,
    list: List,
    answers: usize,
}

impl Transcript {
    /// An empty one for this model, without the provider's name; another model needs a new one. An unknown wire is reported by
    /// [`crate::Client::answer`].
    #[must_use]
    pub fn new(provider: &Provider, model: &str) -> Self {
        // Nothing here has a use for the key.
        let provider = Provider { api_key: None, ..provider.clone() };
        Self { wire: find(&provider.wire), provider, model: model.to_owned(), list: List::default(), answers: 0 }
    }

    /// Adds a message.
    pub fn push(&mut self, message: &Message) {
        let role = Role::of(message);
        if let Some(wire) = self.wire {
            wire.push(&mut self.list, To { provider: &self.provider, model: &self.model }, message);
            self.list.ends.push((self.list.bytes.len(), role));
        }
        self.answers += usize::from(role == Role::Assistant);
    }

    /// Adds messages.
    pub fn extend<'a>(&mut self, messages: impl IntoIterator<Item = &'a Message>) {
        for message in messages {
            self.push(message);
        }
    }

    /// Says how many answers the model has given in all: after a compaction the messages no longer tell.
    pub fn answered(&mut self, answers: usize) {
        self.answers = answers;
    }

    /// Answers of the model so far: a recording plays the next one.
    #[must_use]
    pub fn answers(&self) -> usize {
        self.answers
    }

    /// The exact bytes of the next request; empty for a recording. The same messages and ask give the same bytes.
    #[must_use]
    pub fn body(&self, provider: &Provider, ask: &Ask<'_>) -> Vec<u8> {
        self.wire.map_or_else(Vec::new, |wire| wire.body(provider, ask, &self.list))
    }
}
