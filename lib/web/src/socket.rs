//! Streams over WebSocket: a session's events, and the list of sessions. The ticket stands in the protocol, since a browser can say
//! nothing else when it opens a socket.

use std::time::Instant;

use ace_schema::limits::web as limits;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use tokio::time::timeout;

use crate::access::{Door, Grant};
use crate::app::App;
use crate::hub::{News, frame};
use crate::problem::Problem;
use crate::read::{Ask, CursorAsk, cursor};
use crate::stream::{Lost, Next, Viewer};

/// The protocol's name.
pub const PROTOCOL: &str = "ace.v1";
/// The ticket is not good.
pub const NO_TICKET: u16 = 4401;
/// What the ticket was good for has ended.
pub const ENDED: u16 = 4403;
/// The session was removed.
pub const REMOVED: u16 = 4404;
/// The viewer did not keep up.
pub const TOO_SLOW: u16 = 4408;
/// The cursor is not of this log.
pub const NOT_OF_THIS: u16 = 4409;

/// An open socket, and what it is good for.
pub struct Wire {
    socket: WebSocket,
    grant: Grant,
    changes: tokio::sync::watch::Receiver<u64>,
    heard: (Instant, u32),
}

/// What ends a socket.
#[derive(Debug)]
pub enum End {
    /// The other side has gone, or takes nothing.
    Gone,
    /// Closed with a code and a word.
    Close(u16, &'static str),
}

/// What a viewer said.
#[derive(Debug)]
pub enum Heard {
    /// A text.
    Text(Utf8Bytes),
    /// Bytes.
    Bytes(bytes::Bytes),
}

/// Takes the socket if its ticket opens that door; otherwise it is closed at once, with a code that says why.
pub fn open<F>(
    app: App,
    upgrade: WebSocketUpgrade,
    headers: &HeaderMap,
    door: Door,
    serve: impl FnOnce(App, Wire) -> F + Send + 'static,
) -> Response
where
    F: Future<Output = (Wire, End)> + Send,
{
    let protocols = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|v| v.to_str().ok());
    let ticket = protocols.flat_map(|v| v.split(',')).find_map(|p| p.trim().strip_prefix("ticket."));
    let grant = ticket.and_then(|ticket| app.access.redeem(ticket, &door));
    upgrade
        .protocols([PROTOCOL])
        .read_buffer_size(4 * 1024)
        .write_buffer_size(0)
        .max_write_buffer_size(4 * limits::FRAME_BYTES)
        .max_message_size(limits::VIEWER_FRAME_BYTES)
        .max_frame_size(limits::VIEWER_FRAME_BYTES)
        .on_upgrade(async move |socket| {
            let changes = app.access.changes();
            let good = grant.is_some();
            let wire = Wire { socket, grant: grant.unwrap_or_else(Grant::owner), changes, heard: (Instant::now(), 0) };
            let (wire, end) = match good {
                true => serve(app, wire).await,
                false => (wire, End::Close(NO_TICKET, "no good ticket")),
            };
            wire.close(end).await;
        })
        .into_response()
}

impl Wire {
    /// What it is good for.
    #[must_use]
    pub fn grant(&self) -> &Grant {
        &self.grant
    }

    /// Sends a text; a viewer that does not take it is gone.
    ///
    /// # Errors
    /// See [`End`].
    pub async fn say(&mut self, text: impl Into<Utf8Bytes>) -> Result<(), End> {
        self.send(Message::Text(text.into())).await
    }

    /// Sends a message; a viewer that does not take it is gone.
    ///
    /// # Errors
    /// See [`End`].
    pub async fn send(&mut self, message: Message) -> Result<(), End> {
        match timeout(limits::FRAME_TIME, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(End::Gone),
        }
    }

    /// Waits until the viewer says something, or what it is good for has ended. Meanwhile it sends signs of life. May be dropped
    /// while it waits.
    ///
    /// # Errors
    /// See [`End`].
    pub async fn hear(&mut self, app: &App) -> Result<Heard, End> {
        loop {
            if !app.access.holds(&self.grant) {
                return Err(End::Close(ENDED, "ended"));
            }
            let until = self.grant.until.map(|until| until - ace_storage::Clock::System.now());
            let left =
                until.map_or(limits::PING, |ms| std::time::Duration::from_millis(u64::try_from(ms).unwrap_or(0)));
            tokio::select! {
                said = self.socket.recv() => match said {
                    Some(Ok(message)) => {
                        self.count()?;
                        match message {
                            Message::Text(text) => return Ok(Heard::Text(text)),
                            Message::Binary(bytes) => return Ok(Heard::Bytes(bytes)),
                            Message::Close(_) => return Err(End::Gone),
                            Message::Ping(_) | Message::Pong(_) => {}
                        }
                    }
                    Some(Err(e)) if too_long(&e) => return Err(End::Close(1009, "too long")),
                    Some(Err(_)) | None => return Err(End::Gone),
                },
                _ = self.changes.changed() => {}
                () = tokio::time::sleep(left.min(limits::PING)) => self.send(Message::Ping(bytes::Bytes::new())).await?,
            }
        }
    }

    /// A viewer that says too much is shown out.
    fn count(&mut self) -> Result<(), End> {
        if self.heard.0.elapsed().as_secs() >= 1 {
            self.heard = (Instant::now(), 0);
        }
        self.heard.1 += 1;
        if self.heard.1 > limits::VIEWER_FRAMES { Err(End::Close(1008, "too many frames")) } else { Ok(()) }
    }

    async fn close(mut self, end: End) {
        if let End::Close(code, reason) = end {
            let frame = CloseFrame { code, reason: Utf8Bytes::from_static(reason) };
            let _ = timeout(std::time::Duration::from_secs(1), self.socket.send(Message::Close(Some(frame)))).await;
            // The other side's close, so that the connection ends in order.
            let _ = timeout(std::time::Duration::from_secs(1), self.socket.recv()).await;
        }
    }
}

/// Whether a socket failed because a message was longer than allowed.
fn too_long(e: &axum::Error) -> bool {
    let mut cause: Option<&dyn std::error::Error> = Some(e);
    while let Some(error) = cause {
        let words = error.to_string();
        if words.contains("too long") || words.contains("too large") || words.contains("too big") {
            return true;
        }
        cause = error.source();
    }
    false
}

/// The events of a session as they are recorded.
pub async fn session(
    State(app): State<App>,
    Path(id): Path<String>,
    Ask(ask): Ask<CursorAsk>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    let door = Door::Session(id.clone());
    open(app, upgrade, &headers, door, async move |app, mut wire| {
        let end = follow(&app, &mut wire, id, ask).await;
        (wire, end)
    })
}

async fn follow(app: &App, wire: &mut Wire, id: String, ask: CursorAsk) -> End {
    let from = cursor(&ask, None);
    let Some(log) = app.board.log(&id) else { return End::Close(REMOVED, "no such session") };
    let veil = match crate::share::veil(app, wire.grant(), &id).await {
        Ok(veil) => veil,
        Err(_) => return End::Close(1011, "cannot be shown"),
    };
    let opened = {
        let (app, id, from) = (app.clone(), id.clone(), from.clone());
        crate::app::blocking(move || {
            Viewer::new(&app.hub, &id, log, veil, &from).map_err(|e| Problem::io("cannot read the log", &e))
        })
        .await
    };
    let Ok((mut viewer, head)) = opened else { return End::Close(1011, "the log cannot be read") };
    let hello = json!({"frame": "hello", "session": id, "head": head, "after": viewer.cursor(), "proto": 1});
    if let Err(end) = wire.say(hello.to_string()).await {
        return end;
    }
    loop {
        let next = tokio::select! {
            heard = wire.hear(app) => match heard {
                Ok(Heard::Text(text)) if text.contains("\"ping\"") => match wire.say("{\"frame\":\"pong\"}").await {
                    Ok(()) => continue,
                    Err(end) => return end,
                },
                Ok(_) => continue,
                Err(end) => return end,
            },
            next = viewer.next() => next,
        };
        let said = match next {
            Ok(Next::Events(news)) => match &*news {
                News::Events(batch) => wire.say(batch.frame()).await,
                News::Chalk(_) | News::Gone => Ok(()),
            },
            Ok(Next::Own(batch)) => wire.say(batch.frame()).await,
            Ok(Next::Live(head)) => wire.say(json!({"frame": "live", "head": head}).to_string()).await,
            Ok(Next::Chalk(lines)) => wire.say(frame("chalk", &lines, viewer.cursor())).await,
            Ok(Next::Lost(lost, resume, head)) => {
                let text = json!({"frame": "lost", "reason": lost.name(), "resume": resume, "head": head});
                let _ = wire.say(text.to_string()).await;
                let code = if lost == Lost::Slow { TOO_SLOW } else { NOT_OF_THIS };
                Err(End::Close(code, "cursor lost"))
            }
            Ok(Next::Gone) => {
                let _ = wire.say("{\"frame\":\"gone\"}").await;
                Err(End::Close(REMOVED, "removed"))
            }
            Err(_) => Err(End::Close(1011, "the log cannot be read")),
        };
        if let Err(end) = said {
            return end;
        }
    }
}

/// The list of sessions as it changes.
pub async fn list(State(app): State<App>, headers: HeaderMap, upgrade: WebSocketUpgrade) -> Response {
    open(app, upgrade, &headers, Door::List, async move |app, mut wire| {
        let end = cards(&app, &mut wire).await;
        (wire, end)
    })
}

async fn cards(app: &App, wire: &mut Wire) -> End {
    if let Err(end) = wire.say("{\"frame\":\"hello\",\"proto\":1}").await {
        return end;
    }
    let mut list = crate::list::Changes::default();
    loop {
        if let Ok(Some(frame)) = list.next(app).await
            && let Err(end) = wire.say(frame).await
        {
            return end;
        }
        let pause = tokio::time::sleep(crate::list::PACE);
        tokio::pin!(pause);
        loop {
            tokio::select! {
                () = &mut pause => break,
                heard = wire.hear(app) => if let Err(end) = heard {
                    return end;
                },
            }
        }
    }
}
