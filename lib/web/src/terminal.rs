//! Terminals in worktrees: a shell of the owner's own behind a PTY, with the owner's own rights. What it says is kept for a while, so
//! that who lost the connection comes back to the same screen. A terminal dies with the server.

use std::collections::{HashMap, VecDeque};
use std::io::{Read, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ace_schema::limits::web as limits;
use axum::Json;
use axum::extract::ws::{Message, WebSocketUpgrade};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use pty_process::Size;
use pty_process::blocking::{Command, Pty, open};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::access::Door;
use crate::app::{App, blocking};
use crate::body::Body;
use crate::problem::{Code, Problem};
use crate::read::Ask;
use crate::socket::{End, Heard, Wire};

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a terminal has said.
#[derive(Default)]
struct Output {
    /// Bytes that are not kept any more.
    lost: u64,
    kept: VecDeque<u8>,
    ended: Option<i32>,
}

struct Terminal {
    session: String,
    pty: Pty,
    output: Mutex<Output>,
    news: watch::Sender<u64>,
    child: u32,
    started: i64,
    size: Mutex<(u16, u16)>,
}

impl Drop for Terminal {
    fn drop(&mut self) {
        hang_up(self.child);
    }
}

/// Ends a shell and what it has in hand, as a terminal that is closed does.
fn hang_up(child: u32) {
    if let Some(pid) = i32::try_from(child).ok().and_then(rustix::process::Pid::from_raw) {
        let _ = rustix::process::kill_process_group(pid, rustix::process::Signal::HUP);
    }
}

/// The terminals of a server.
#[derive(Default)]
pub struct Terminals(Mutex<HashMap<String, Arc<Terminal>>>);

impl Terminals {
    fn get(&self, id: &str) -> Option<Arc<Terminal>> {
        lock(&self.0).get(id).cloned()
    }
}

/// How large.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Screen {
    /// Columns.
    #[serde(default = "eighty")]
    pub cols: u16,
    /// Rows.
    #[serde(default = "twenty_four")]
    pub rows: u16,
}

fn eighty() -> u16 {
    80
}

fn twenty_four() -> u16 {
    24
}

fn size(cols: u16, rows: u16) -> Size {
    Size::new(rows.clamp(1, 1000), cols.clamp(1, 1000))
}

fn closed() -> Problem {
    Problem::forbidden("this server opens no terminals").hint("ace serve --terminal")
}

/// A terminal that was opened.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Opened {
    /// Its name.
    pub terminal: String,
    /// Where it stands.
    pub cwd: String,
    /// Under whose rights.
    pub notice: String,
}

/// `POST /sessions/{id}/terminals`.
pub async fn begin(
    State(app): State<App>,
    Path(id): Path<String>,
    Body(screen): Body<Screen>,
) -> Result<(StatusCode, Json<Opened>), Problem> {
    if !app.options.terminal {
        return Err(closed());
    }
    let log = app.board.log(&id).ok_or_else(Problem::unknown)?;
    blocking(move || {
        let created = app.board.with(&id, &log, |fold| fold.state.created.clone());
        let created = created.map_err(|e| Problem::io("cannot read the log", &e))?;
        let tree = created.worktree.map(|w| PathBuf::from(w.path));
        let cwd = tree.filter(|p| p.is_dir()).or(Some(PathBuf::from(created.cwd)).filter(|p| p.is_dir()));
        let cwd =
            cwd.ok_or_else(|| Problem::new(Code::No, "its worktree is gone").hint("ace-worktree says where it was"))?;
        let mut all = lock(&app.terminals.0);
        all.retain(|_, one| lock(&one.output).ended.is_none() || Arc::strong_count(one) > 1);
        if all.len() >= limits::TERMINALS {
            return Err(Problem::new(Code::Limit, format!("{} terminals are open", limits::TERMINALS)));
        }
        let name = getrandom::u64().map_err(|_| Problem::new(Code::Bug, "no randomness"))?;
        let name = format!("{name:016x}");
        all.insert(name.clone(), shell(id, &cwd, &screen)?);
        let notice = "your own shell, with your own rights: not the agent's sandbox".to_owned();
        Ok((StatusCode::CREATED, Json(Opened { terminal: name, cwd: cwd.display().to_string(), notice })))
    })
    .await
}

fn shell(session: String, cwd: &std::path::Path, screen: &Screen) -> Result<Arc<Terminal>, Problem> {
    let cannot = |e: &dyn std::fmt::Display| Problem::new(Code::Io, format!("cannot open a terminal: {e}"));
    let (pty, pts) = open().map_err(|e| cannot(&e))?;
    pty.resize(size(screen.cols, screen.rows)).map_err(|e| cannot(&e))?;
    let program = std::env::var_os("SHELL").filter(|s| !s.is_empty()).unwrap_or_else(|| "/bin/sh".into());
    let command = Command::new(program).current_dir(cwd).env("TERM", "xterm-256color");
    let mut child = command.spawn(pts).map_err(|e| cannot(&e))?;
    let terminal = Arc::new(Terminal {
        session,
        pty,
        output: Mutex::default(),
        news: watch::Sender::new(0),
        child: child.id(),
        started: ace_storage::Clock::System.now(),
        size: Mutex::new((screen.cols, screen.rows)),
    });
    let reading = terminal.clone();
    let read = move || {
        let mut buffer = [0; 16 * 1024];
        // The other end is gone when every program on it is.
        while let Ok(n @ 1..) = (&reading.pty).read(&mut buffer) {
            let mut output = lock(&reading.output);
            output.kept.extend(&buffer[..n]);
            let over = output.kept.len().saturating_sub(limits::TERMINAL_BYTES);
            output.kept.drain(..over);
            output.lost += over as u64;
            drop(output);
            reading.news.send_modify(|n| *n += 1);
        }
        let exit = child.wait().ok().and_then(|status| status.code()).unwrap_or(-1);
        lock(&reading.output).ended = Some(exit);
        reading.news.send_modify(|n| *n += 1);
    };
    let started = std::thread::Builder::new().name("ace-terminal".into()).stack_size(256 * 1024).spawn(read);
    started.map_err(|e| cannot(&e))?;
    Ok(terminal)
}

/// `GET /sessions/{id}/terminals`.
pub async fn list(State(app): State<App>, Path(id): Path<String>) -> Result<Json<Value>, Problem> {
    let all = lock(&app.terminals.0);
    let row = |(name, one): (&String, &Arc<Terminal>)| {
        let (cols, rows) = *lock(&one.size);
        json!({"terminal": name, "started_ms": one.started, "cols": cols, "rows": rows, "ended": lock(&one.output).ended})
    };
    let rows: Vec<Value> = all.iter().filter(|(_, one)| one.session == id).map(row).collect();
    Ok(Json(json!({"terminals": rows})))
}

/// `DELETE /terminals/{terminal}`.
pub async fn end(State(app): State<App>, Path(terminal): Path<String>) -> Result<StatusCode, Problem> {
    let gone = lock(&app.terminals.0).remove(&terminal).ok_or_else(Problem::unknown)?;
    hang_up(gone.child);
    Ok(StatusCode::NO_CONTENT)
}

/// From which byte on.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Offset {
    offset: u64,
}

/// `GET /terminals/{terminal}/stream`.
pub async fn stream(
    State(app): State<App>,
    Path(terminal): Path<String>,
    Ask(Offset { offset }): Ask<Offset>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    let door = Door::Terminal(terminal.clone());
    crate::socket::open(app, upgrade, &headers, door, async move |app, mut wire| {
        let end = match app.terminals.get(&terminal).filter(|_| app.options.terminal) {
            Some(one) => attach(&app, &mut wire, &one, offset).await,
            None => End::Close(crate::socket::REMOVED, "no such terminal"),
        };
        (wire, end)
    })
}

async fn attach(app: &App, wire: &mut Wire, terminal: &Arc<Terminal>, mut at: u64) -> End {
    let mut news = terminal.news.subscribe();
    let (lost, end) = {
        let output = lock(&terminal.output);
        (output.lost, output.lost + output.kept.len() as u64)
    };
    at = if at > end { lost } else { at.max(lost) };
    if let Err(end) = wire.say(json!({"frame": "hello", "offset": at, "lost": lost}).to_string()).await {
        return end;
    }
    loop {
        let (bytes, ended) = {
            let output = lock(&terminal.output);
            // What was not taken in time is lost: a terminal is a screen, not a record.
            at = at.max(output.lost);
            let from = usize::try_from(at - output.lost).unwrap_or(usize::MAX);
            let bytes: Vec<u8> = output.kept.iter().skip(from).take(limits::FRAME_BYTES).copied().collect();
            (bytes, output.ended)
        };
        if !bytes.is_empty() {
            at += bytes.len() as u64;
            if let Err(end) = wire.send(Message::Binary(bytes.into())).await {
                return end;
            }
            continue;
        }
        if let Some(status) = ended {
            let _ = wire.say(json!({"frame": "exit", "status": status}).to_string()).await;
            return End::Close(1000, "ended");
        }
        tokio::select! {
            _ = news.changed() => {}
            heard = wire.hear(app) => match heard {
                Ok(Heard::Bytes(bytes)) => {
                    let terminal = terminal.clone();
                    // A program that reads nothing must hold up nobody but this one.
                    let written = tokio::task::spawn_blocking(move || (&terminal.pty).write_all(&bytes));
                    if !matches!(tokio::time::timeout(limits::FRAME_TIME, written).await, Ok(Ok(Ok(())))) {
                        return End::Close(1011, "the terminal takes nothing");
                    }
                }
                Ok(Heard::Text(text)) => resize(terminal, &text),
                Err(end) => return end,
            },
        }
    }
}

fn resize(terminal: &Terminal, text: &str) {
    #[derive(Deserialize)]
    struct Resize {
        frame: String,
        cols: u16,
        rows: u16,
    }
    if let Ok(Resize { frame, cols, rows }) = serde_json::from_str(text)
        && frame == "resize"
    {
        *lock(&terminal.size) = (cols, rows);
        let _ = terminal.pty.resize(size(cols, rows));
    }
}
