//! The client: one answer from one provider, asked again where that may help. Knows no session and no log.

use std::collections::HashMap;
use std::io::{self, Read as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ace_schema::data::Code;
use ace_schema::limits;
use ace_schema::message::Piece;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use reqwest::{Method, Request, Url};

use crate::cassette::{self, Cassette};
use crate::failure::{Failure, Whom, span};
use crate::fault::Fault;
use crate::http::{self, Patience};
use crate::provider::Provider;
use crate::reach::Reaches;
use crate::retry::{self, Waits};
use crate::tape::Tape;
use crate::transcript::Transcript;
use crate::wire::{Ask, RECORDED, Wire, find};

/// What comes while an answer is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A piece of the answer.
    Piece(Piece),
    /// A note on the connection for people: `anthropic busy (529), try 2 of 4 in 4 s`.
    Note(String),
}

/// An answer is whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Done {
    /// How often the request was sent again.
    pub retried: u32,
}

/// How fast a recording plays.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Pace {
    /// As it was recorded.
    Recorded,
    /// Without waiting.
    #[default]
    AtOnce,
}

/// Everything about the client that is not the provider's. The default takes [`ace_schema::limits`].
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Seed of the jitter between attempts.
    pub seed: u64,
    /// How fast recordings play.
    pub pace: Pace,
    /// Attempts of one request, the first included.
    pub attempts: u32,
    /// Time to connect.
    pub connect: Duration,
    /// Time to the first piece.
    pub start: Duration,
    /// Silence between pieces.
    pub idle: Duration,
    /// Silence after the end was said.
    pub tail: Duration,
    /// First wait between attempts.
    pub backoff: Duration,
    /// How a recording's file is read.
    pub read: fn(&str) -> io::Result<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            seed: 0,
            pace: Pace::default(),
            attempts: limits::PROVIDER_ATTEMPTS,
            connect: Duration::from_millis(limits::CONNECT_MS),
            start: Duration::from_millis(limits::ANSWER_START_MS),
            idle: Duration::from_millis(limits::STREAM_IDLE_MS),
            tail: Duration::from_millis(limits::STREAM_TAIL_MS),
            backoff: Duration::from_millis(limits::BACKOFF_MS),
            read: read_file,
        }
    }
}

fn read_file(path: &str) -> io::Result<String> {
    let mut text = String::new();
    let folder = std::path::Path::new(path).join(cassette::FILE);
    let path = if folder.is_file() { folder } else { path.into() };
    std::fs::File::open(path)?.take(limits::CASSETTE_BYTES + 1).read_to_string(&mut text)?;
    Ok(text)
}

/// Asks providers. Connections are made when first needed and kept for the next request. Its futures need a tokio runtime with
/// time and I/O.
#[derive(Debug, Default)]
pub struct Client {
    settings: Settings,
    reaches: Arc<Reaches>,
    cassettes: Mutex<HashMap<String, Arc<Cassette>>>,
}

impl Client {
    /// A client; nothing is opened yet.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { settings, ..Self::default() }
    }

    /// Gets ready for a provider without making the caller wait: certificates are loaded on a thread of its own. Call it before
    /// rights to read files are given up.
    pub fn warm(&self, provider: &Provider) {
        let Some(Ok(url)) = find(&provider.wire).map(|wire| wire.url(&provider.base_url, "")) else { return };
        let (reaches, connect, slow) = (Arc::clone(&self.reaches), self.settings.connect, url.scheme() == "https");
        // What cannot be made is told by the answer that needs it.
        let work = move || {
            let _ = reaches.client(&url, connect);
        };
        if slow {
            let _ = std::thread::Builder::new().name("certificates".into()).spawn(work);
        } else {
            work();
        }
    }

    /// Loads a recording now instead of when it is first played.
    ///
    /// # Errors
    /// [`Failure`] if there is no such recording or it cannot be played.
    pub fn load(&self, model: &str) -> Result<(), Failure> {
        self.cassette(model).map(drop)
    }

    /// Asks for one answer and gives every event to `on` as it comes. Dropping the future closes the socket.
    ///
    /// # Errors
    /// [`Failure`]; pieces given before it stand, but no call is among them unless the answer was whole.
    pub async fn answer(
        &self,
        provider: &Provider,
        ask: &Ask<'_>,
        transcript: &Transcript,
        on: &mut (dyn FnMut(Event) + Send),
    ) -> Result<Done, Failure> {
        self.answer_taped(provider, ask, transcript, None, on).await
    }

    /// The same, with everything that comes kept on `tape` as it comes.
    ///
    /// # Errors
    /// The same; and a recording cannot be recorded.
    pub async fn answer_taped(
        &self,
        provider: &Provider,
        ask: &Ask<'_>,
        transcript: &Transcript,
        tape: Option<&mut Tape>,
        on: &mut (dyn FnMut(Event) + Send),
    ) -> Result<Done, Failure> {
        if provider.wire == RECORDED {
            if tape.is_some() {
                return Err(Failure::new(Code::Config, "a recording is played, so there is nothing to record"));
            }
            let cassette = self.cassette(ask.model)?;
            cassette.play(transcript.answers(), self.settings.pace, on).await?;
            return Ok(Done { retried: 0 });
        }
        let whom = Whom { provider, model: ask.model, url: None };
        let fail = |fault| whom.failure(fault, 0);
        let wire = find(&provider.wire).ok_or(Fault::Wire).map_err(fail)?;
        let url = wire.url(&provider.base_url, ask.model).map_err(|why| fail(Fault::Base(why)))?;
        let whom = Whom { url: Some(&url), ..whom };
        let fail = |fault| whom.failure(fault, 0);
        if provider.api_key.is_none() && !provider.key_env.is_empty() {
            return Err(fail(Fault::NoKey));
        }
        let client = self.reaches.client(&url, self.settings.connect).map_err(|why| fail(Fault::Setup(why)))?;
        let request = request(wire, provider, &url, transcript.body(provider, ask)).map_err(fail)?;
        self.attempts(client, wire, &request, whom, tape, on).await
    }

    /// The same bytes, again and again, as long as nothing was handed on and it may help.
    async fn attempts(
        &self,
        client: &reqwest::Client,
        wire: &dyn Wire,
        request: &Request,
        whom: Whom<'_>,
        mut tape: Option<&mut Tape>,
        on: &mut (dyn FnMut(Event) + Send),
    ) -> Result<Done, Failure> {
        let s = &self.settings;
        let patience = Patience { start: s.start, idle: s.idle, tail: s.tail };
        let mut retried = 0;
        loop {
            let mut given = false;
            let mut give = |piece: Piece| {
                given |= !matches!(piece, Piece::Usage(_));
                on(Event::Piece(piece));
            };
            // A body of bytes can always be cloned.
            let Some(copy) = request.try_clone() else { return Err(whom.failure(Fault::Lost(String::new()), retried)) };
            let decoder = wire.decoder(whom.provider);
            let fault = match http::attempt(client, copy, decoder, patience, tape.as_deref_mut(), &mut give).await {
                Ok(()) => return Ok(Done { retried }),
                Err(fault) => fault,
            };
            if given || retried + 1 >= s.attempts || fault.chance() == crate::upstream::Chance::None {
                return Err(whom.failure(fault, retried));
            }
            retried += 1;
            if let Some(tape) = tape.as_deref_mut() {
                tape.again();
            }
            // A kept connection that the server closed meanwhile is nobody's fault: no wait, no word.
            if retried > 1 || !matches!(fault, Fault::Lost(_)) {
                let wait = retry::wait(self.waits(), fault.chance(), fault.demand(), retried + 1, s.seed);
                let (name, next, of) = (&whom.provider.name, retried + 1, s.attempts);
                let note = format!("{name} {}, try {next} of {of} in {}", fault.brief(), span(wait));
                if let Some(tape) = tape.as_deref_mut() {
                    tape.note(&note);
                }
                on(Event::Note(note));
                tokio::time::sleep(wait).await;
            }
        }
    }

    fn waits(&self) -> Waits {
        Waits {
            first: self.settings.backoff,
            longest: Duration::from_millis(limits::BACKOFF_MAX_MS),
            demanded: Duration::from_millis(limits::RETRY_WAIT_MS),
        }
    }

    fn cassette(&self, model: &str) -> Result<Arc<Cassette>, Failure> {
        let mut loaded = self.cassettes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cassette) = loaded.get(model) {
            return Ok(Arc::clone(cassette));
        }
        let cassette = cassette::load(model, self.settings.read).map(Arc::new).map_err(|e| {
            let code = if matches!(e, cassette::Error::Unknown { .. }) { Code::NotFound } else { Code::Config };
            let forbidden =
                matches!(&e, cassette::Error::Read { why, .. } if why.kind() == io::ErrorKind::PermissionDenied);
            let failure = Failure::new(code, e.to_string());
            if forbidden { failure.hint("ACE_RECORDINGS=FOLDER names where recordings may be read") } else { failure }
        })?;
        loaded.insert(model.to_owned(), Arc::clone(&cassette));
        Ok(cassette)
    }
}

fn request(wire: &dyn Wire, provider: &Provider, url: &Url, body: Vec<u8>) -> Result<Request, Fault> {
    let mut request = Request::new(Method::POST, url.clone());
    let headers = request.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
    for (name, value) in wire.headers(provider) {
        let mut value = HeaderValue::from_str(&value).map_err(|_| Fault::OddKey)?;
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    *request.body_mut() = Some(body.into());
    Ok(request)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_future_may_move_between_threads() {
        fn is_send<T: Send>(_: &T) {}
        let (client, provider) = (Client::default(), Provider::recorded());
        let ask = Ask { model: "demo", system: "", tools: "", schema: "", session: "", output: None };
        let transcript = Transcript::new(&provider, "demo");
        is_send(&client.answer(&provider, &ask, &transcript, &mut |_| {}));
    }
}
