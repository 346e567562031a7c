//! Routes that look: at words in all logs, at files as they were, at what differs, at what it cost, at how things are set up.

use std::collections::BTreeMap;

use ace_schema::data::{ModelCompleted, ModelFailed, PermissionRequested, ToolCompleted, ToolFailed};
use ace_schema::limits::web as limits;
use ace_schema::{Line, ty};
use ace_storage::Log;
use axum::Json;
use axum::extract::{Extension, Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::act::Task;
use crate::app::{App, Who, blocking};
use crate::card::Tokens;
use crate::problem::{Code, Problem};
use crate::read::{Ask, moment};

fn cannot(e: std::io::Error) -> Problem {
    Problem::io("cannot read the log", &e)
}

/// What is looked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Words {
    q: String,
    limit: Option<usize>,
}

/// `GET /search`.
pub async fn search(State(app): State<App>, Ask(words): Ask<Words>) -> Result<Json<Value>, Problem> {
    let list: Vec<&str> = words.q.split_whitespace().collect();
    if list.is_empty() {
        return Ok(Json(json!({"hits": []})));
    }
    let task = Task::new("ace-log", &["search", "--json", "--"]).fine(&[0, 1]);
    let task = list.into_iter().fold(task, |task, word| task.with(word));
    let mut hits = task.run(&app).await?.lines();
    // What the program calls a session is its name.
    for hit in hits.iter_mut().filter_map(Value::as_object_mut) {
        let (name, id) = (hit.remove("session"), hit.remove("id"));
        hit.insert("session".to_owned(), id.unwrap_or_default());
        hit.insert("name".to_owned(), name.unwrap_or_default());
    }
    hits.truncate(words.limit.unwrap_or(50).clamp(1, limits::CARDS));
    Ok(Json(json!({"hits": hits})))
}

/// Whether a log is whole.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Whole {
    /// It is.
    pub whole: bool,
    /// Good lines.
    pub lines: u64,
    /// Hash of the last good one.
    pub head: String,
    /// Blobs that were read and checked.
    pub blobs: u64,
    /// The record at which it is damaged.
    pub seq: Option<u64>,
    /// What is wrong there.
    pub fault: Option<String>,
}

/// `GET /sessions/{id}/verify`.
pub async fn verify(State(app): State<App>, Path(id): Path<String>) -> Result<Json<Whole>, Problem> {
    let log = app.board.log(&id).ok_or_else(Problem::unknown)?;
    blocking(move || {
        let report = log.verify().map_err(cannot)?;
        Ok(Json(Whole {
            whole: report.damage.is_none(),
            lines: report.lines,
            head: report.head,
            blobs: report.blobs,
            seq: report.damage.as_ref().map(|d| d.seq),
            fault: report.damage.map(|d| d.fault.to_string()),
        }))
    })
    .await
}

/// One request to a model.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Request {
    /// Record of its answer.
    pub seq: u64,
    /// Its turn.
    pub turn: u32,
    /// When the answer was recorded.
    pub ts: String,
    /// `provider/model`.
    pub model: String,
    /// Micro-dollars; null without a price.
    pub cost: Option<u64>,
    /// Tokens.
    #[serde(flatten)]
    pub tokens: Tokens,
    /// From the request to the last byte, ms.
    pub ms: u64,
    /// Why it stopped; `failed` if it did.
    pub stop: String,
}

/// One tool.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub struct ToolUse {
    /// Its name.
    pub tool: String,
    /// Calls that have ended.
    pub calls: u64,
    /// Of these, how many did not end well.
    pub failed: u64,
    /// Ms they took.
    pub ms: u64,
}

/// A sum.
#[derive(Debug, Default, Clone, Copy, Serialize, JsonSchema)]
pub struct Total {
    /// Micro-dollars; null if any part has no price.
    pub cost: Option<u64>,
    /// Tokens.
    pub tokens: Tokens,
}

/// One turn.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub struct TurnCost {
    /// Its ordinal.
    pub turn: u32,
    /// Micro-dollars; null if any part has no price.
    pub cost: Option<u64>,
    /// Requests to a model.
    pub calls: u64,
    /// Ms they took.
    pub ms: u64,
}

/// How full the window is.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub struct Filled {
    /// Tokens of the last answer and of all that it was given.
    pub tokens: u64,
    /// The model's window, if it is known.
    pub window: Option<u64>,
}

/// What a session cost.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub struct Costs {
    /// All of it.
    pub total: Total,
    /// By turn.
    pub turns: Vec<TurnCost>,
    /// Every request.
    pub requests: Vec<Request>,
    /// By tool.
    pub tools: Vec<ToolUse>,
    /// Ms that a person was waited for.
    pub waited_ms: u64,
    /// How full the window is.
    pub context: Filled,
}

/// `GET /sessions/{id}/cost`.
pub async fn cost(State(app): State<App>, Path(id): Path<String>) -> Result<Json<Costs>, Problem> {
    let log = app.board.log(&id).ok_or_else(Problem::unknown)?;
    blocking(move || costs(&log).map(Json)).await
}

fn costs(log: &Log) -> Result<Costs, Problem> {
    let mut out = Costs { total: Total { cost: Some(0), ..Total::default() }, ..Costs::default() };
    let mut state = ace_core::State::new();
    let mut tools: BTreeMap<String, ToolUse> = BTreeMap::new();
    let mut named: std::collections::HashMap<String, String> = std::collections::HashMap::new();
    let mut asked: std::collections::HashMap<String, i64> = std::collections::HashMap::new();
    let mut follow = log.follow(0).map_err(cannot)?;
    loop {
        let lines = follow.read().map_err(cannot)?;
        if lines.is_empty() {
            break;
        }
        for line in ace_storage::split(lines).filter_map(|l| Line::parse(l).ok()) {
            state.fold(&line);
            let request = |cost, usage: &ace_schema::message::Usage, ms, stop: String| {
                let mut tokens = Tokens::default();
                tokens.add(usage);
                let (seq, turn, ts) = (line.seq.unwrap_or_default(), line.turn, line.ts.to_string());
                Request { seq, turn, ts, model: state.model.clone(), cost, tokens, ms, stop }
            };
            let mut ended = |cause: &str, failed: bool, ms: u64| {
                let Some(tool) = named.remove(cause) else { return };
                let one = tools.entry(tool.clone()).or_insert_with(|| ToolUse { tool, ..ToolUse::default() });
                (one.calls, one.failed, one.ms) =
                    (one.calls + 1, one.failed + u64::from(failed), one.ms.saturating_add(ms));
            };
            match &*line.ty {
                // What a fork's past has cost is counted where it happened.
                ty::SESSION_CREATED => (out.requests, out.waited_ms, tools) = (Vec::new(), 0, BTreeMap::new()),
                ty::MODEL_COMPLETED => {
                    if let Ok(data) = line.data::<ModelCompleted>() {
                        let stop = serde_json::to_value(data.stop).unwrap_or_default();
                        let stop = stop.as_str().unwrap_or_default().to_owned();
                        out.requests.push(request(data.cost, &data.usage, data.ms, stop));
                    }
                }
                ty::MODEL_FAILED => {
                    if let Ok(ModelFailed { usage: Some(usage), cost, .. }) = line.data() {
                        out.requests.push(request(cost, &usage, 0, "failed".to_owned()));
                    }
                }
                ty::MODEL_CALL => {
                    if let Ok(call) = line.data::<ace_schema::data::ToolCall>() {
                        named.insert(line.id.to_string(), call.tool);
                    }
                }
                ty::PERMISSION_REQUESTED if line.data::<PermissionRequested>().is_ok() => {
                    asked.extend(moment(&line.ts).map(|at| (line.cause.to_string(), at)));
                }
                ty::PERMISSION_RESOLVED | ty::TOOL_STARTED => {
                    if let (Some(since), Some(now)) = (asked.remove(line.cause.as_ref()), moment(&line.ts)) {
                        out.waited_ms += u64::try_from(now - since).unwrap_or(0);
                    }
                    // The answer to a record takes its place.
                    if let Some(tool) = named.remove(line.cause.as_ref()) {
                        named.insert(line.id.to_string(), tool);
                    }
                }
                ty::TOOL_COMPLETED => {
                    if let Ok(data) = line.data::<ToolCompleted>() {
                        let failed = data.exit.is_some_and(|exit| exit != 0) || data.signal.is_some();
                        ended(&line.cause, failed, data.ms);
                    }
                }
                ty::TOOL_FAILED => {
                    if let Ok(data) = line.data::<ToolFailed>() {
                        ended(&line.cause, true, data.ms);
                    }
                }
                _ => {}
            }
        }
    }
    for request in &out.requests {
        out.total.cost = out.total.cost.zip(request.cost).map(|(a, b)| a.saturating_add(b));
        out.total.tokens.join(&request.tokens);
        out.context.tokens = request.tokens.total();
        match out.turns.last_mut().filter(|turn| turn.turn == request.turn) {
            Some(turn) => {
                turn.cost = turn.cost.zip(request.cost).map(|(a, b)| a.saturating_add(b));
                (turn.calls, turn.ms) = (turn.calls + 1, turn.ms.saturating_add(request.ms));
            }
            None => out.turns.push(TurnCost { turn: request.turn, cost: request.cost, calls: 1, ms: request.ms }),
        }
    }
    out.context.window = Some(state.limits.context).filter(|n| *n > 0);
    out.tools = tools.into_values().collect();
    Ok(out)
}

/// Since when, and of which project.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Since {
    since: Option<String>,
    project: Option<String>,
}

/// One day of all sessions.
#[derive(Debug, Default)]
struct Day {
    cost: u64,
    tokens: u64,
    unpriced: u64,
    sessions: std::collections::BTreeSet<String>,
    models: BTreeMap<String, (u64, u64)>,
}

/// The beginning of the time that is asked for, as records write it.
fn since(text: Option<&str>) -> Result<String, Problem> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(String::new()) };
    let unit = match text.as_bytes().last() {
        Some(b'm') => 60_000,
        Some(b'h') => 3_600_000,
        Some(b'd') => 86_400_000,
        _ if text.len() == 10 && text.is_ascii() => return Ok(text.to_owned()),
        _ => 0,
    };
    let number = text.get(..text.len() - 1).and_then(|n| n.parse::<i64>().ok()).filter(|_| unit > 0);
    let ms = number
        .and_then(|n| n.checked_mul(unit))
        .ok_or_else(|| Problem::usage("a time is 90m, 12h, 7d, or a day as 2026-11-20"))?;
    Ok(ace_storage::stamp(ace_storage::Clock::System.now().saturating_sub(ms)))
}

/// `GET /cost`.
pub async fn cost_of_all(State(app): State<App>, Ask(ask): Ask<Since>) -> Result<Json<Value>, Problem> {
    let begin = since(ask.since.as_deref())?;
    let mut cards = crate::list::all(&app).await?;
    cards.retain(|c| c.last >= begin && ask.project.as_ref().is_none_or(|p| p.is_empty() || *p == c.project));
    cards.truncate(limits::CARDS);
    blocking(move || {
        let mut days: BTreeMap<String, Day> = BTreeMap::new();
        let mut hours: BTreeMap<(i8, i8), u64> = BTreeMap::new();
        for card in &cards {
            let Some(log) = app.board.log(&card.id) else { continue };
            // A damaged log says so in the list; here it counts as far as it can be read.
            let Ok(costs) = costs(&log) else { continue };
            for request in costs.requests.iter().filter(|r| r.ts >= begin) {
                let day = days.entry(request.ts.get(..10).unwrap_or_default().to_owned()).or_default();
                let (cost, tokens) = (request.cost.unwrap_or(0), request.tokens.total());
                (day.cost, day.tokens) = (day.cost.saturating_add(cost), day.tokens.saturating_add(tokens));
                day.unpriced += u64::from(request.cost.is_none());
                day.sessions.insert(card.id.clone());
                let model = day.models.entry(request.model.clone()).or_default();
                *model = (model.0.saturating_add(cost), model.1.saturating_add(tokens));
                if let Ok(at) = request.ts.parse::<jiff::Timestamp>() {
                    let at = at.to_zoned(jiff::tz::TimeZone::UTC);
                    *hours.entry((at.weekday().to_monday_zero_offset(), at.hour())).or_default() += 1;
                }
            }
        }
        let day = |(day, d): (String, Day)| {
            let models: BTreeMap<String, Value> =
                d.models.into_iter().map(|(name, (cost, tokens))| (name, json!({"cost": cost, "tokens": tokens}))).collect();
            json!({"day": day, "cost": d.cost, "tokens": d.tokens, "sessions": d.sessions.len(), "unpriced": d.unpriced, "models": models})
        };
        let session = |c: &crate::card::Card| {
            json!({"id": c.id, "name": c.name, "project": c.project, "model": c.model, "cost": c.cost, "tokens": c.tokens,
                   "created": c.created, "last": c.last})
        };
        Ok(Json(json!({
            "sessions": cards.iter().map(session).collect::<Vec<_>>(),
            "days": days.into_iter().map(day).collect::<Vec<_>>(),
            "hours": hours.into_iter().map(|((day, hour), n)| json!([day, hour, n])).collect::<Vec<_>>(),
        })))
    })
    .await
}

/// `GET /models`.
pub async fn models(State(app): State<App>) -> Result<Json<Value>, Problem> {
    let cards = crate::list::all(&app).await?;
    let config = blocking(move || app.options.hands.config(std::path::Path::new("/"))).await?;
    let of = |key: &str| {
        let found = config["values"].as_array().into_iter().flatten().find(|v| v["key"] == key);
        found.and_then(|v| v["value"].as_str()).map(|v| v.trim_matches('"').to_owned()).unwrap_or_default()
    };
    let default = of("model");
    let mut names: Vec<String> =
        cards.into_iter().map(|c| c.model).chain([default.clone()]).filter(|m| !m.is_empty()).collect();
    names.sort_unstable();
    names.dedup();
    let known = |name: &str| {
        let provider = name.split('/').next().unwrap_or_default();
        config["providers"].as_array().into_iter().flatten().any(|p| p == provider)
    };
    let models: Vec<Value> = names.iter().map(|name| json!({"name": name, "configured": known(name)})).collect();
    Ok(Json(json!({"models": models, "default": default, "mode": of("mode")})))
}

/// A moment.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct When {
    at: Option<u64>,
    base: Option<u64>,
    path: String,
}

/// A file of a tree.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Entry {
    /// Path from the root.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// file, exec or link.
    pub kind: String,
}

/// A file that differs.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Differs {
    /// Its path; the new one if it was renamed.
    pub path: String,
    /// Its old path, if it was renamed.
    pub old_path: Option<String>,
    /// added, modified, deleted or renamed.
    pub status: String,
    /// Lines added.
    pub added: u64,
    /// Lines removed.
    pub removed: u64,
    /// Its bytes are no text.
    pub binary: bool,
}

/// All files at a moment.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Files {
    /// The record.
    pub at: u64,
    /// The git tree.
    pub tree: Option<String>,
    /// Why there is none.
    pub why: Option<String>,
    /// The files, by path.
    pub files: Vec<Entry>,
    /// There are more.
    pub truncated: bool,
    /// What differs from the base that was asked for.
    pub changed: Option<Vec<Differs>>,
}

/// The pool of a session and its tree after a record.
fn tree_at(app: &App, log: &Log, at: Option<u64>) -> Result<(u64, Option<(ace_worktree::Pool, String)>), Problem> {
    let point = ace_host::point(log, at).map_err(cannot)?.map_err(|_| Problem::unknown())?;
    let pool = ace_host::pool(&point.state.created, &ace_host::pools(&app.options.home)).map_err(|e| git(&e))?;
    Ok((point.at.seq, pool.zip(point.tree().map(str::to_owned))))
}

/// What git says, without the places it names.
fn git(e: &ace_worktree::Error) -> Problem {
    match e {
        ace_worktree::Error::BadRevision { .. } => Problem::unknown(),
        _ => Problem::new(Code::Io, "the repository cannot be read"),
    }
}

/// `GET /sessions/{id}/tree`.
pub async fn tree(
    State(app): State<App>,
    Path(id): Path<String>,
    Ask(when): Ask<When>,
) -> Result<Json<Files>, Problem> {
    let log = app.board.log(&id).ok_or_else(Problem::unknown)?;
    blocking(move || {
        let (at, found) = tree_at(&app, &log, when.at)?;
        let Some((pool, tree)) = found else {
            let why = Some("its files are not recorded".to_owned());
            return Ok(Json(Files { at, tree: None, why, files: Vec::new(), truncated: false, changed: None }));
        };
        let tree = pool.tree(&tree).map_err(|e| git(&e))?;
        let mut files = pool.files(&tree, limits::TREE_FILES + 1).map_err(|e| git(&e))?;
        let truncated = files.len() > limits::TREE_FILES;
        files.truncate(limits::TREE_FILES);
        let changed = match when.base {
            None => None,
            Some(base) => match tree_at(&app, &log, Some(base))?.1 {
                Some((_, old)) => {
                    let diff = pool.diff(&old, &tree).map_err(|e| git(&e))?;
                    Some(differing(&String::from_utf8_lossy(&diff.patch)))
                }
                None => None,
            },
        };
        let entry = |f: ace_worktree::Filed| Entry { path: f.path, bytes: f.bytes, kind: f.kind.to_owned() };
        let files = files.into_iter().map(entry).collect();
        Ok(Json(Files { at, tree: Some(tree), why: None, files, truncated, changed }))
    })
    .await
}

/// `GET /sessions/{id}/file`.
pub async fn file(State(app): State<App>, Path(id): Path<String>, Ask(when): Ask<When>) -> Result<Response, Problem> {
    let log = app.board.log(&id).ok_or_else(Problem::unknown)?;
    blocking(move || {
        let (_, found) = tree_at(&app, &log, when.at)?;
        let (pool, tree) = found.ok_or_else(Problem::unknown)?;
        let tree = pool.tree(&tree).map_err(|e| git(&e))?;
        match pool.file(&tree, &when.path, limits::FILE_BYTES).map_err(|e| git(&e))? {
            Some(Ok(bytes)) => Ok(handed(bytes, None)),
            Some(Err(bytes)) => Err(Problem::new(Code::Limit, format!("the file has {bytes} bytes")).status(413)),
            None => Err(Problem::unknown()),
        }
    })
    .await
}

/// Bytes of somebody else's making: text as text, pictures as pictures, all else to be saved. Never a page, and never run.
#[must_use]
pub fn handed(bytes: Vec<u8>, name: Option<&str>) -> Response {
    let media = media_of(&bytes);
    let mut response = ([(header::CONTENT_TYPE, media)], bytes).into_response();
    if media == "application/octet-stream" || name.is_some() {
        let name: String =
            name.unwrap_or("file").chars().filter(|c| c.is_ascii_alphanumeric() || "._-".contains(*c)).collect();
        if let Ok(value) = header::HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
            response.headers_mut().insert(header::CONTENT_DISPOSITION, value);
        }
    }
    response
}

/// What the bytes are, by themselves.
fn media_of(bytes: &[u8]) -> &'static str {
    match bytes {
        [0x89, b'P', b'N', b'G', ..] => "image/png",
        [0xff, 0xd8, 0xff, ..] => "image/jpeg",
        [b'G', b'I', b'F', b'8', ..] => "image/gif",
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => "image/webp",
        _ if std::str::from_utf8(bytes).is_ok() && !bytes.contains(&0) => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// The name to save it by.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Save {
    download: Option<String>,
}

/// `GET /blobs/{sha}`.
pub async fn blob(
    State(app): State<App>,
    Extension(who): Extension<Who>,
    Path(sha): Path<String>,
    Ask(save): Ask<Save>,
) -> Result<Response, Problem> {
    if !ace_storage::is_sha(&sha) {
        return Err(Problem::unknown());
    }
    let session = match &who.grant.scope {
        crate::access::Scope::Owner => None,
        crate::access::Scope::Share { session, .. } => Some(session.clone()),
    };
    let veil = match &session {
        Some(session) => Some(crate::share::drawn(&app, session).await?),
        None => None,
    };
    blocking(move || {
        let blobs = app.options.home.blobs();
        // Who may look at one session may look at what it names.
        if let Some(session) = &session
            && !names(&app.options.home.log(session), &sha).map_err(cannot)?
        {
            return Err(Problem::unknown());
        }
        let path = blobs.path(&sha).map_err(|_| Problem::unknown())?;
        let length = std::fs::metadata(path).map_err(|_| Problem::unknown())?.len();
        if length > limits::FILE_BYTES {
            return Err(Problem::new(Code::Limit, format!("the blob has {length} bytes")).status(413));
        }
        let mut bytes = blobs.get(&sha).map_err(|_| Problem::unknown())?;
        if let Some(veil) = veil {
            match media_of(&bytes) {
                "text/plain; charset=utf-8" => bytes = veil.text(&String::from_utf8_lossy(&bytes)).into_bytes(),
                media if media.starts_with("image/") => {}
                _ => return Err(Problem::unknown()),
            }
        }
        let mut response = handed(bytes, save.download.as_deref());
        let keep = header::HeaderValue::from_static("private, max-age=31536000, immutable");
        response.headers_mut().insert(header::CACHE_CONTROL, keep);
        Ok(response)
    })
    .await
}

/// Whether a log names a blob.
fn names(log: &Log, sha: &str) -> std::io::Result<bool> {
    let finder = memchr::memmem::Finder::new(sha);
    let mut follow = log.follow(0)?;
    loop {
        let lines = follow.read()?;
        if lines.is_empty() {
            return Ok(false);
        }
        if finder.find(lines).is_some() {
            return Ok(true);
        }
    }
}

/// Between which states.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Span {
    seq: Option<u64>,
    from: Option<u64>,
    to: Option<u64>,
}

/// What differs.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Difference {
    /// The record it begins at.
    pub from: Option<u64>,
    /// The record it ends at.
    pub to: Option<u64>,
    /// The files.
    pub files: Vec<Differs>,
    /// As git writes it.
    pub patch: String,
    /// There is more.
    pub truncated: bool,
}

/// `GET /sessions/{id}/diff`.
pub async fn diff(
    State(app): State<App>,
    Path(id): Path<String>,
    Ask(span): Ask<Span>,
) -> Result<Json<Difference>, Problem> {
    app.board.log(&id).ok_or_else(Problem::unknown)?;
    let shown = |n: Option<u64>| n.map(|n| n.to_string()).unwrap_or_default();
    let address = match (span.seq, span.from, span.to) {
        (Some(seq), ..) => format!("{id}@{seq}"),
        (None, None, None) => id.clone(),
        (None, from, to) => format!("{id}@{}..{}", shown(from), shown(to)),
    };
    let said = Task::new("ace-worktree", &["diff", &address]).run(&app).await?;
    let truncated = said.out.len() >= limits::SAYS_BYTES;
    let patch = String::from_utf8_lossy(&said.out).into_owned();
    Ok(Json(Difference { from: span.from, to: span.to, files: differing(&patch), patch, truncated }))
}

/// The files of a patch as git writes it.
fn differing(patch: &str) -> Vec<Differs> {
    let mut all: Vec<Differs> = Vec::new();
    let mut body = false;
    for line in patch.lines() {
        if let Some(rest) = line.strip_prefix("diff --git ") {
            let path = rest.rsplit_once(" b/").map_or(rest, |(_, path)| path).trim_end_matches('"').to_owned();
            all.push(Differs { path, old_path: None, status: "modified".into(), added: 0, removed: 0, binary: false });
            body = false;
            continue;
        }
        let Some(file) = all.last_mut() else { continue };
        match line.as_bytes().first() {
            Some(b'+') if body => file.added += 1,
            Some(b'-') if body => file.removed += 1,
            Some(b'@') => body = true,
            _ if body => {}
            _ if line.starts_with("new file") => "added".clone_into(&mut file.status),
            _ if line.starts_with("deleted file") => "deleted".clone_into(&mut file.status),
            _ if line.starts_with("Binary files") || line.starts_with("GIT binary") => file.binary = true,
            _ => {
                if let Some(old) = line.strip_prefix("rename from ") {
                    "renamed".clone_into(&mut file.status);
                    file.old_path = Some(old.to_owned());
                }
            }
        }
    }
    all
}

/// Whose configuration.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Whose {
    session: Option<String>,
    repository: Option<String>,
}

/// `GET /config`.
pub async fn config(State(app): State<App>, Ask(whose): Ask<Whose>) -> Result<Json<Value>, Problem> {
    let place = match (&whose.session, &whose.repository) {
        (Some(session), _) => {
            let log = app.board.log(session).ok_or_else(Problem::unknown)?;
            let (app, session) = (app.clone(), session.clone());
            blocking(move || {
                let created = app.board.with(&session, &log, |fold| fold.state.created.clone()).map_err(cannot)?;
                Ok(created.repository.map_or(created.cwd, |r| r.root))
            })
            .await?
        }
        (None, Some(repository)) => repository.clone(),
        (None, None) => "/".to_owned(),
    };
    blocking(move || app.options.hands.config(std::path::Path::new(&place)).map(Json)).await
}

/// `GET /worktrees`.
pub async fn worktrees(State(app): State<App>) -> Result<Json<Value>, Problem> {
    let cards = crate::list::all(&app).await?;
    let mut repositories: Vec<&str> = cards.iter().map(|c| c.repository.as_str()).filter(|r| !r.is_empty()).collect();
    repositories.sort_unstable();
    repositories.dedup();
    let mut all = Vec::new();
    for repository in repositories {
        // A repository that is gone has no worktrees to show.
        let Ok(said) = Task::new("ace-worktree", &["list", "--json"]).at(repository).run(&app).await else { continue };
        for mut tree in said.lines() {
            let owner = cards
                .iter()
                .find(|c| c.repository == repository && !c.branch.is_empty() && tree["branch"] == *c.branch);
            tree["session"] = owner.map(|c| c.id.clone()).into();
            tree["name"] = owner.map(|c| c.name.clone()).into();
            tree["repository"] = repository.into();
            all.push(tree);
        }
    }
    Ok(Json(json!({"worktrees": all})))
}

/// `GET /repositories`.
pub async fn repositories(State(app): State<App>) -> Result<Json<Value>, Problem> {
    let mut all: BTreeMap<String, (String, u64, String)> = BTreeMap::new();
    for card in crate::list::all(&app).await? {
        if !card.repository.is_empty() {
            let (last, sessions, project) = all.entry(card.repository).or_default();
            *sessions += 1;
            project.clone_from(&card.project);
            if card.last > *last {
                *last = card.last;
            }
        }
    }
    let mut rows: Vec<Value> = all
        .into_iter()
        .map(|(path, (last, sessions, project))| json!({"path": path, "project": project, "last": last, "sessions": sessions}))
        .collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row["last"].as_str().unwrap_or_default().to_owned()));
    Ok(Json(json!({"repositories": rows})))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_of_a_patch_are_counted() {
        let patch = "diff --git a/x y.rs b/x y.rs\nindex 1..2 100644\n--- a/x y.rs\n+++ b/x y.rs\n@@ -1,2 +1,2 @@\n-a\n+b\n+--- c\n c\n\
                     diff --git a/n b/n\nnew file mode 100644\n--- /dev/null\n+++ b/n\n@@ -0,0 +1 @@\n+x\n\
                     diff --git a/o b/p\nrename from o\nrename to p\ndiff --git a/i b/i\nBinary files a/i and b/i differ\n";
        let files = differing(patch);
        let seen: Vec<_> =
            files.iter().map(|f| (f.path.as_str(), f.status.as_str(), f.added, f.removed, f.binary)).collect();
        assert_eq!(
            seen,
            [
                ("x y.rs", "modified", 2, 1, false),
                ("n", "added", 1, 0, false),
                ("p", "renamed", 0, 0, false),
                ("i", "modified", 0, 0, true)
            ]
        );
    }

    #[test]
    fn b15_b16_bytes_are_what_they_are_and_never_a_page() {
        for (bytes, media) in [
            (&b"<html><script>alert(1)</script>"[..], "text/plain; charset=utf-8"),
            (b"<svg onload=alert(1)>", "text/plain; charset=utf-8"),
            (b"\x89PNG\r\n", "image/png"),
            (b"\x00\x01", "application/octet-stream"),
            (b"\xff\xfe", "application/octet-stream"),
        ] {
            assert_eq!(media_of(bytes), media);
        }
    }
}
