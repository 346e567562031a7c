//! One attempt over HTTP: request out, pieces in. Knows sockets and time; decides nothing about trying again.

use std::time::Duration;

use ace_schema::limits;
use ace_schema::message::Piece;
use reqwest::header::{CONTENT_TYPE, LOCATION};
use reqwest::{Request, Response, Url};
use serde_json::Value;
use tokio::time::{Instant, timeout, timeout_at};

use crate::fault::Fault;
use crate::reason::{cause, unsent};
use crate::retry::Demand;
use crate::sse::{Sse, TooLong};
use crate::tape::Tape;
use crate::upstream::Upstream;
use crate::wire::{Decoder, State, StreamError};

/// Time for the rest of an error's body, and for the end of a connection that may be used again.
const REST: Duration = Duration::from_secs(2);
/// How long an answer that is over waits for its connection to be free again, before that goes on beside it.
const FREE: Duration = Duration::from_millis(5);

/// How long silence may last.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Until the first piece.
    pub start: Duration,
    /// Between pieces.
    pub idle: Duration,
    /// After the end was said.
    pub tail: Duration,
}

impl From<TooLong> for Fault {
    fn from(TooLong(bytes): TooLong) -> Self {
        Self::Event(bytes)
    }
}

impl From<StreamError> for Fault {
    fn from(error: StreamError) -> Self {
        Self::Stream(error)
    }
}

/// Sends the request and gives `give` every piece until the answer is whole. What comes is kept on `tape`.
pub async fn attempt(
    client: &reqwest::Client,
    request: Request,
    decoder: Box<dyn Decoder + Send>,
    patience: Patience,
    tape: Option<&mut Tape>,
    give: &mut (dyn FnMut(Piece) + Send),
) -> Result<(), Fault> {
    let url = request.url().clone();
    let response = match timeout(patience.start, client.execute(request)).await {
        Ok(response) => response.map_err(|e| unsent(&e))?,
        Err(_) => return Err(Fault::Silence(patience.start)),
    };
    if response.status().is_redirection() {
        return Err(Fault::Redirect(target(&response, &url)));
    }
    if !response.status().is_success() {
        return Err(refused(response).await);
    }
    let media = media(&response);
    receive(Source::Live(response, tape), &media, decoder, patience, give).await
}

/// Plays the bytes of an answer that was recorded; `wait` says whether to wait as long as its provider did. `whole`: it ended well
/// then, or with an error that the bytes themselves tell.
pub async fn play(
    pieces: &[(Duration, &[u8])],
    wait: bool,
    whole: bool,
    decoder: Box<dyn Decoder + Send>,
    give: &mut (dyn FnMut(Piece) + Send),
) -> Result<(), Fault> {
    // Its provider was waited for when it was recorded.
    let long = pieces.iter().map(|(wait, _)| *wait).sum::<Duration>() + REST;
    let patience = Patience { start: long, idle: long, tail: long };
    receive(Source::Tape { pieces, wait, whole }, "text/event-stream", decoder, patience, give).await
}

async fn receive(
    source: Source<'_>,
    media: &str,
    decoder: Box<dyn Decoder + Send>,
    patience: Patience,
    give: &mut (dyn FnMut(Piece) + Send),
) -> Result<(), Fault> {
    let mut answer = Answer {
        sse: Sse::new(limits::SSE_EVENT_BYTES),
        decoder,
        form: Form::Unknown,
        state: State::Open,
        events: 0,
        bytes: 0,
        out: Vec::new(),
    };
    let read = answer.read(source, media, patience, give).await;
    let result = answer.finish(read);
    answer.hand_on(give)?;
    result
}

/// Where the bytes of an answer come from.
enum Source<'a> {
    Live(Response, Option<&'a mut Tape>),
    Tape { pieces: &'a [(Duration, &'a [u8])], wait: bool, whole: bool },
}

impl Source<'_> {
    /// The next bytes; `None` at the end.
    async fn chunk(&mut self) -> Result<Option<Vec<u8>>, Fault> {
        match self {
            Self::Live(response, tape) => {
                let chunk = response.chunk().await.map_err(|e| Fault::Fell(cause(&e)))?;
                if let (Some(tape), Some(chunk)) = (tape, &chunk) {
                    tape.raw(chunk);
                }
                Ok(chunk.map(|bytes| bytes.to_vec()))
            }
            Self::Tape { pieces, wait, whole } => {
                let Some(((time, bytes), rest)) = pieces.split_first() else {
                    return if *whole { Ok(None) } else { Err(Fault::Fell(String::new())) };
                };
                *pieces = rest;
                if *wait && !time.is_zero() {
                    tokio::time::sleep(*time).await;
                }
                Ok(Some(bytes.to_vec()))
            }
        }
    }
}

/// What the body turned out to be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Unknown,
    Events,
    /// JSON at once, from servers that do not stream.
    Whole,
}

struct Answer {
    sse: Sse,
    decoder: Box<dyn Decoder + Send>,
    form: Form,
    state: State,
    events: u64,
    bytes: usize,
    out: Vec<Piece>,
}

impl Answer {
    async fn read(
        &mut self,
        mut source: Source<'_>,
        media: &str,
        patience: Patience,
        give: &mut (dyn FnMut(Piece) + Send),
    ) -> Result<(), Fault> {
        let mut whole = Vec::new();
        let mut event = (0, Instant::now());
        loop {
            if event.0 != self.events {
                event = (self.events, Instant::now());
            }
            let end = self.deadline(patience, event.1);
            let chunk = match timeout_at(end, source.chunk()).await {
                Err(_) => return Err(Fault::Silence(end - event.1)),
                Ok(chunk) => chunk?,
            };
            let Some(chunk) = chunk else { break };
            if self.form == Form::Unknown {
                self.form = form(&chunk)?;
            }
            if self.form == Form::Whole {
                if whole.len() + chunk.len() > limits::SSE_EVENT_BYTES {
                    return Err(Fault::Event(limits::SSE_EVENT_BYTES));
                }
                whole.extend_from_slice(&chunk);
                continue;
            }
            self.feed(|sse, on| sse.push(&chunk, on))?;
            self.hand_on(give)?;
            if self.state == State::Over {
                if let Source::Live(response, _) = source {
                    free(response).await;
                }
                return Ok(());
            }
        }
        if self.form == Form::Whole {
            let text = String::from_utf8_lossy(&whole);
            self.events += 1;
            self.state = self.decoder.push(&text, &mut self.out)?;
        } else {
            self.feed(|sse, on| sse.finish(on))?;
        }
        if self.events == 0 && media != "text/event-stream" {
            return Err(Fault::NoStream(media.to_owned()));
        }
        Ok(())
    }

    /// Until when the next bytes must come. Comments that keep a connection alive extend it, but not for ever: after the last event
    /// (`event`) a provider has as long as for its first.
    fn deadline(&self, patience: Patience, event: Instant) -> Instant {
        match self.state {
            State::Open if self.bytes == 0 => event + patience.start,
            State::Open => (Instant::now() + patience.idle).min(event + patience.start.max(patience.idle)),
            State::Ended | State::Over => event + patience.tail,
        }
    }

    /// Ends the answer after it was read. A connection that falls or is silent after the end was said does no harm; any other
    /// fault means that no call may leave, only the usage: it was paid for.
    fn finish(&mut self, read: Result<(), Fault>) -> Result<(), Fault> {
        let mut rest = Vec::new();
        let finished = self.decoder.finish(&mut rest);
        let result = match (read, finished) {
            (Ok(()) | Err(Fault::Fell(_) | Fault::Silence(_)), Ok(())) => Ok(()),
            (Err(fault), _) => Err(fault),
            (Ok(()), Err(error)) => Err(error.into()),
        };
        rest.retain(|piece| result.is_ok() || matches!(piece, Piece::Usage(_)));
        self.out.append(&mut rest);
        result
    }

    /// Lets the event decoder run and gives its data to the wire's.
    fn feed(
        &mut self,
        run: impl FnOnce(&mut Sse, &mut dyn FnMut(&str) -> Result<(), Fault>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let Self { sse, decoder, state, events, out, .. } = self;
        run(sse, &mut |data| {
            *events += 1;
            *state = decoder.push(data, out)?;
            Ok(())
        })
    }

    fn hand_on(&mut self, give: &mut (dyn FnMut(Piece) + Send)) -> Result<(), Fault> {
        self.bytes += self.out.iter().map(size).sum::<usize>();
        if self.bytes > limits::ANSWER_BYTES {
            return Err(Fault::Answer(limits::ANSWER_BYTES));
        }
        self.out.drain(..).for_each(give);
        Ok(())
    }
}

fn size(piece: &Piece) -> usize {
    match piece {
        Piece::Text(text) | Piece::Reasoning(text) | Piece::CallBegins(text) => text.len(),
        Piece::Call { args, meta, .. } => args.len() + meta.len(),
        Piece::Extras(extras) => extras.kept.len(),
        Piece::Usage(_) | Piece::Stop(_) => 0,
    }
}

/// Looks at the first bytes: servers and proxies get the media type wrong, but no event begins like a page or like JSON.
fn form(chunk: &[u8]) -> Result<Form, Fault> {
    let text = chunk.strip_prefix("\u{feff}".as_bytes()).unwrap_or(chunk);
    match text.iter().find(|b| !b.is_ascii_whitespace()) {
        Some(b'<') => Err(Fault::WebPage),
        Some(b'{' | b'[') => Ok(Form::Whole),
        Some(_) => Ok(Form::Events),
        None => Ok(Form::Unknown),
    }
}

/// Reads to the end of the body, so that the connection serves the next request; what does not end at once is left to a task.
async fn free(mut response: Response) {
    let rest = async move { while let Ok(Some(_)) = response.chunk().await {} };
    let mut rest = Box::pin(timeout(REST, rest));
    if timeout(FREE, &mut rest).await.is_err() {
        tokio::spawn(rest);
    }
}

async fn refused(response: Response) -> Fault {
    let status = response.status().as_u16();
    let demand = Demand::read(response.headers());
    let body = body(response).await;
    let text = String::from_utf8_lossy(&body);
    let page = matches!(form(&body), Err(Fault::WebPage));
    let mut error = serde_json::from_str::<Value>(&text).ok().as_ref().and_then(Upstream::read).unwrap_or_else(|| {
        Upstream { message: if page { String::new() } else { text.into_owned() }, ..Upstream::default() }
    });
    error.status = status;
    Fault::Status(error, demand, page)
}

/// The first bytes of an error's body.
async fn body(mut response: Response) -> Vec<u8> {
    let mut body = Vec::new();
    let read = async {
        while let Ok(Some(chunk)) = response.chunk().await {
            body.extend_from_slice(&chunk);
            if body.len() > limits::ERROR_BODY_BYTES {
                break;
            }
        }
    };
    // A body that does not end says enough with what came.
    let _ = timeout(REST, read).await;
    body.truncate(limits::ERROR_BODY_BYTES);
    body
}

fn target(response: &Response, url: &Url) -> String {
    let to = response.headers().get(LOCATION).and_then(|l| l.to_str().ok()).and_then(|l| url.join(l).ok());
    to.and_then(|u| u.host_str().map(|h| format!("{}://{h}", u.scheme()))).unwrap_or_else(|| "another place".into())
}

fn media(response: &Response) -> String {
    let media = response.headers().get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or("an untyped body");
    media.split(';').next().unwrap_or_default().trim().to_lowercase()
}
