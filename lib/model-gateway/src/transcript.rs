//! The conversation as request bytes. Request N is request N-1 and a few messages, so each message is written down once. Knows no
//! socket.

use ace_schema::message::Message;

use crate::provider::Provider;
use crate::wire::{Ask, Role, Wire, find};

/// The messages so far in the wire format of one provider.
pub struct Transcript {
    wire: Option<&'static dyn Wire>,
    list: Vec<u8>,
    last: Option<Role>,
    answers: usize,
}

impl Transcript {
    /// An empty one for this provider; a model of another provider needs a new one. An unknown wire is reported by
    /// [`crate::Client::answer`].
    #[must_use]
    pub fn new(provider: &Provider) -> Self {
        Self { wire: find(&provider.wire), list: Vec::new(), last: None, answers: 0 }
    }

    /// Adds a message.
    pub fn push(&mut self, message: &Message) {
        if let Some(wire) = self.wire {
            wire.push(&mut self.list, self.last, message);
        }
        let role = Role::of(message);
        self.last = Some(role);
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
