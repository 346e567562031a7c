//! A log as answers: events by number, columns for a timeline, and a stream for who has no socket.

use std::convert::Infallible;
use std::io;

use ace_schema::data::{ToolCompleted, ToolFailed};
use ace_schema::limits::web as limits;
use ace_schema::{Line, ty};
use ace_storage::Log;
use axum::Json;
use axum::body::Body;
use axum::extract::{Extension, FromRequestParts, Path, RawQuery, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::mpsc;

use crate::app::{App, Who, blocking};
use crate::hub::News;
use crate::lines;
use crate::problem::Problem;
use crate::stream::{Cursor, Next, Viewer, head};

/// The query of a request, read or refused as a problem.
pub struct Ask<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Ask<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let read = axum::extract::Query::<T>::try_from_uri(&parts.uri);
        read.map(|query| Self(query.0)).map_err(|e| Problem::usage(e.body_text()))
    }
}

fn cannot(e: io::Error) -> Problem {
    match e.kind() {
        io::ErrorKind::NotFound => Problem::unknown(),
        _ => Problem::io("cannot read the log", &e),
    }
}

/// Which events are wanted.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Range {
    from: Option<u64>,
    to: Option<u64>,
    limit: Option<usize>,
    tail: Option<u64>,
}

/// `GET /sessions/{id}/events`.
pub async fn events(
    State(app): State<App>,
    Extension(who): Extension<Who>,
    Path(id): Path<String>,
    Ask(range): Ask<Range>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let log = app.board.log(&id).ok_or_else(Problem::unknown)?;
    let veil = crate::share::veil(&app, &who.grant, &id).await?;
    let types: Vec<String> = query
        .unwrap_or_default()
        .split('&')
        .filter_map(|pair| pair.strip_prefix("type="))
        .flat_map(|list| list.split(','))
        .map(str::to_owned)
        .collect();
    let raw = headers.get(header::ACCEPT).is_some_and(|v| v.as_bytes().starts_with(b"application/x-ndjson"));
    if raw {
        return Ok(lines_of(log, range, types, veil));
    }
    blocking(move || {
        let head = head(&log).map_err(cannot)?;
        let from = range.tail.map_or(range.from.unwrap_or(1), |tail| head.saturating_sub(tail) + 1).max(1);
        let most = range.limit.unwrap_or(1000).clamp(1, limits::EVENTS);
        let (mut out, mut taken, mut next) = (b"{\"events\":[".to_vec(), 0, None);
        let mut follow = log.follow(from).map_err(cannot)?;
        'all: loop {
            let read = follow.read().map_err(cannot)?;
            if read.is_empty() {
                break;
            }
            for line in ace_storage::split(read) {
                let Some(seq) = lines::seq_of(line) else { continue };
                if range.to.is_some_and(|to| seq > to) {
                    break 'all;
                }
                if taken == most || out.len() > limits::EVENTS_BYTES {
                    next = Some(seq);
                    break 'all;
                }
                if is_one(line, &types) {
                    match &veil {
                        Some(veil) => lines::push(&mut out, &veil.line(line)),
                        None => lines::push(&mut out, line),
                    }
                    taken += 1;
                }
            }
        }
        let tail = json!({"head": head, "from": from, "next": next}).to_string();
        out.extend_from_slice(b"],");
        out.extend_from_slice(&tail.as_bytes()[1..]);
        Ok(([(header::CONTENT_TYPE, "application/json")], out).into_response())
    })
    .await
}

/// Whether a line is of one of these types; of any if there are none.
fn is_one(line: &[u8], types: &[String]) -> bool {
    types.is_empty() || Line::parse(line).is_ok_and(|line| types.iter().any(|ty| line.ty == ty.as_str()))
}

/// The lines as they are, read as fast as they are taken.
fn lines_of(
    log: Log,
    range: Range,
    types: Vec<String>,
    veil: Option<std::sync::Arc<crate::redacted::Veil>>,
) -> Response {
    let (give, take) = mpsc::channel::<io::Result<Bytes>>(4);
    tokio::task::spawn_blocking(move || {
        let read = || -> io::Result<()> {
            let from = match range.tail {
                Some(tail) => head(&log)?.saturating_sub(tail) + 1,
                None => range.from.unwrap_or(1),
            };
            let mut follow = log.follow(from.max(1))?;
            let mut left = range.limit.unwrap_or(usize::MAX);
            loop {
                let read = follow.read()?;
                if read.is_empty() || left == 0 {
                    return Ok(());
                }
                let mut out = Vec::with_capacity(read.len());
                for line in ace_storage::split(read) {
                    if left == 0 || range.to.is_some_and(|to| lines::seq_of(line).is_some_and(|seq| seq > to)) {
                        left = 0;
                        break;
                    }
                    if is_one(line, &types) {
                        match &veil {
                            Some(veil) => out.extend_from_slice(&veil.line(line)),
                            None => out.extend_from_slice(line),
                        }
                        out.push(b'\n');
                        left -= 1;
                    }
                }
                if give.blocking_send(Ok(out.into())).is_err() {
                    return Ok(());
                }
            }
        };
        if let Err(e) = read() {
            // Cut, so that nobody takes it for the whole.
            let _ = give.blocking_send(Err(e));
        }
    });
    ([(header::CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(received(take))).into_response()
}

/// What a channel gives, as a stream that may be asked again after its end: whoever packs it does so.
pub fn received<T>(mut take: mpsc::Receiver<T>) -> impl futures_util::Stream<Item = T> {
    futures_util::stream::poll_fn(move |context| take.poll_recv(context))
}

/// `GET /sessions/{id}/events/{seq}`.
pub async fn event(
    State(app): State<App>,
    Extension(who): Extension<Who>,
    Path((id, seq)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let seq: u64 = seq.parse().map_err(|_| Problem::unknown())?;
    let log = app.board.log(&id).ok_or_else(Problem::unknown)?;
    let veil = crate::share::veil(&app, &who.grant, &id).await?;
    blocking(move || {
        let mut follow = log.follow(seq).map_err(cannot)?;
        let read = follow.read().map_err(cannot)?;
        let line = ace_storage::split(read).next().filter(|line| lines::seq_of(line) == Some(seq));
        let line = line.ok_or_else(Problem::unknown)?;
        let line = veil.map_or_else(|| line.to_owned(), |veil| veil.line(line));
        Ok(([(header::CONTENT_TYPE, "application/json")], line).into_response())
    })
    .await
}

/// A session as columns, a row an event.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub struct Outline {
    /// The last record.
    pub head: u64,
    /// Number of the first row.
    pub first: u64,
    /// Its time, ms since 1970.
    pub t0: i64,
    /// The types that occur.
    pub types: Vec<String>,
    /// The programs that occur.
    pub by: Vec<String>,
    /// The columns, all of one length.
    pub rows: Rows,
}

/// The columns of an outline.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub struct Rows {
    /// Place in `types`.
    #[serde(rename = "type")]
    pub ty: Vec<u16>,
    /// Place in `by`.
    pub by: Vec<u16>,
    /// Ms since the row before.
    pub dt: Vec<i64>,
    /// Turn; 0 outside turns.
    pub turn: Vec<u32>,
    /// 1 failed, 2 somebody is asked, 4 files changed, 8 by a person.
    pub flag: Vec<u8>,
}

/// Time of a record, ms since 1970.
#[must_use]
pub fn moment(ts: &str) -> Option<i64> {
    ts.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_millisecond)
}

fn place(names: &mut Vec<String>, name: &str) -> u16 {
    let at = names.iter().position(|n| n == name).unwrap_or_else(|| {
        if names.len() < usize::from(u16::MAX) {
            names.push(name.to_owned());
        }
        names.len() - 1
    });
    u16::try_from(at).unwrap_or(u16::MAX)
}

fn flags(line: &Line) -> u8 {
    let changed = |paths: usize, tree: &str| if paths > 0 || !tree.is_empty() { 4 } else { 0 };
    match &*line.ty {
        ty::MODEL_FAILED | ty::TURN_FAILED => 1,
        ty::PERMISSION_REQUESTED => 2,
        ty::USER_MESSAGE | ty::TURN_CANCELLED => 8,
        ty::TOOL_COMPLETED => line.data::<ToolCompleted>().map_or(0, |d| {
            u8::from(d.exit.is_some_and(|e| e != 0) || d.signal.is_some()) | changed(d.changed.len(), "")
        }),
        ty::TOOL_FAILED => line.data::<ToolFailed>().map_or(1, |d| 1 | changed(d.changed.len(), "")),
        ty::WORKTREE_SNAPSHOT => changed(0, "x"),
        _ => 0,
    }
}

/// `GET /sessions/{id}/outline`.
pub async fn outline(
    State(app): State<App>,
    Path(id): Path<String>,
    Ask(range): Ask<Range>,
) -> Result<Json<Outline>, Problem> {
    let log = app.board.log(&id).ok_or_else(Problem::unknown)?;
    blocking(move || {
        let mut out = Outline::default();
        let mut follow = log.follow(range.from.unwrap_or(1).max(1)).map_err(cannot)?;
        let mut before = None;
        loop {
            let read = follow.read().map_err(cannot)?;
            if read.is_empty() {
                return Ok(Json(out));
            }
            for bytes in ace_storage::split(read) {
                let Ok(line) = Line::parse(bytes) else { continue };
                let now = moment(&line.ts).or(before).unwrap_or(0);
                if before.is_none() {
                    (out.first, out.t0) = (line.seq.unwrap_or_default(), now);
                }
                out.head = line.seq.unwrap_or(out.head);
                out.rows.ty.push(place(&mut out.types, &line.ty));
                out.rows.by.push(place(&mut out.by, &line.by));
                out.rows.dt.push(now - before.unwrap_or(now));
                out.rows.turn.push(line.turn);
                out.rows.flag.push(flags(&line));
                before = Some(now);
            }
        }
    })
    .await
}

/// Where a viewer stands, as it says it in an address.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct CursorAsk {
    after: u64,
    id: String,
    tail: Option<u64>,
    chalk: u8,
}

/// Where a viewer stands; what the browser remembers of a stream wins.
#[must_use]
pub fn cursor(ask: &CursorAsk, last: Option<u64>) -> Cursor {
    let tail = ask.tail.filter(|_| last.is_none());
    Cursor { after: last.unwrap_or(ask.after), id: ask.id.clone(), tail, chalk: ask.chalk != 0 }
}

/// One event of a stream of server-sent events.
fn sent(event: &str, id: Option<u64>, data: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(format!("event: {event}\n").as_bytes());
    if let Some(id) = id {
        out.extend_from_slice(format!("id: {id}\n").as_bytes());
    }
    out.extend_from_slice(b"data: ");
    out.extend_from_slice(data);
    out.extend_from_slice(b"\n\n");
}

fn sent_lines(lines: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(lines.len() + lines.len() / 8);
    for line in ace_storage::split(lines) {
        sent("event", lines::seq_of(line), line, &mut out);
    }
    out
}

/// An answer of server-sent events.
pub fn sse(take: mpsc::Receiver<Bytes>) -> Response {
    use futures_util::StreamExt;
    let body = Body::from_stream(received(take).map(Ok::<_, Infallible>));
    let headers = [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-store")];
    (headers, [("x-accel-buffering", "no")], body).into_response()
}

/// `GET /sessions/{id}/sse`.
pub async fn session_sse(
    State(app): State<App>,
    Extension(who): Extension<Who>,
    Path(id): Path<String>,
    Ask(ask): Ask<CursorAsk>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let last = headers.get("last-event-id").and_then(|v| v.to_str().ok()).and_then(|v| v.parse().ok());
    let from = cursor(&ask, last);
    let log = app.board.log(&id).ok_or_else(Problem::unknown)?;
    let veil = crate::share::veil(&app, &who.grant, &id).await?;
    let (mut viewer, _) = {
        let (app, id) = (app.clone(), id.clone());
        blocking(move || Viewer::new(&app.hub, &id, log, veil, &from).map_err(cannot)).await?
    };
    let (give, take) = mpsc::channel::<Bytes>(2);
    tokio::spawn(async move {
        let mut changes = app.access.changes();
        while app.access.holds(&who.grant) {
            let mut out = Vec::new();
            let mut ends = false;
            tokio::select! {
                next = viewer.next() => match next {
                    Ok(Next::Events(news)) => if let News::Events(batch) = &*news { out = sent_lines(&batch.lines) },
                    Ok(Next::Own(batch)) => out = sent_lines(&batch.lines),
                    Ok(Next::Live(head)) => sent("live", None, json!({"head": head}).to_string().as_bytes(), &mut out),
                    Ok(Next::Chalk(lines)) => for line in ace_storage::split(&lines) {
                        sent("chalk", None, line, &mut out);
                    },
                    Ok(Next::Lost(lost, resume, head)) => {
                        let data = json!({"reason": lost.name(), "resume": resume, "head": head});
                        sent("lost", None, data.to_string().as_bytes(), &mut out);
                        ends = true;
                    }
                    Ok(Next::Gone) => {
                        sent("gone", None, b"{}", &mut out);
                        ends = true;
                    }
                    Err(_) => ends = true,
                },
                _ = changes.changed() => continue,
                () = give.closed() => return,
                () = tokio::time::sleep(limits::PING) => out.extend_from_slice(b": alive\n\n"),
            }
            let given = tokio::time::timeout(limits::FRAME_TIME, give.send(out.into())).await;
            if ends || !matches!(given, Ok(Ok(()))) {
                return;
            }
        }
    });
    Ok(sse(take))
}

/// `GET /sse`.
pub async fn list_sse(State(app): State<App>, Extension(who): Extension<Who>) -> Response {
    let (give, take) = mpsc::channel::<Bytes>(2);
    tokio::spawn(async move {
        let mut list = crate::list::Changes::default();
        let mut quiet = 0;
        while app.access.holds(&who.grant) && !give.is_closed() {
            let mut out = Vec::new();
            if let Ok(Some(frame)) = list.next(&app).await {
                sent("cards", None, frame.as_bytes(), &mut out);
            }
            quiet += 1;
            if out.is_empty() && quiet % 30 == 0 {
                out.extend_from_slice(b": alive\n\n");
            }
            if !out.is_empty()
                && !matches!(tokio::time::timeout(limits::FRAME_TIME, give.send(out.into())).await, Ok(Ok(())))
            {
                return;
            }
            tokio::time::sleep(crate::list::PACE).await;
        }
    });
    sse(take)
}
