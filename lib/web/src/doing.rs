//! Routes that do something: each is one command of the suite, and says which.

use ace_schema::data::SessionConfigured;
use ace_schema::permission::Mode;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

use ace_schema::limits::{IMAGES, PROMPT_BYTES, web as limits};

use crate::act::{Said, Task, nudge};
use crate::app::{App, blocking};
use crate::body::Body;
use crate::problem::Problem;
use crate::read::Ask;
use crate::stream::head;

/// Something was done.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub struct Done {
    /// It was.
    pub ok: bool,
    /// The last record of the session now.
    pub head: u64,
    /// The same as a person would type it.
    pub command: String,
    /// What people should know.
    pub note: Option<String>,
    /// The message that was recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The session that was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// What the program printed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

type Answer = Result<Json<Done>, Problem>;

/// The folder from which a session's commands are given: its repository's, so that the project's own settings hold.
async fn place(app: &App, id: &str) -> Result<PathBuf, Problem> {
    let log = app.board.log(id).ok_or_else(Problem::unknown)?;
    let (app, id) = (app.clone(), id.to_owned());
    blocking(move || {
        let created = app.board.with(&id, &log, |fold| fold.state.created.clone());
        let created = created.map_err(|e| Problem::io("cannot read the log", &e))?;
        Ok(created.repository.map_or(PathBuf::from(created.cwd), |r| PathBuf::from(r.root)))
    })
    .await
}

async fn done(app: &App, id: &str, command: String, said: &Said) -> Result<Done, Problem> {
    let log = app.board.log(id);
    let head = blocking(move || Ok(log.and_then(|log| head(&log).ok()).unwrap_or(0))).await?;
    let note = (!said.notes.is_empty()).then(|| said.notes.join("\n"));
    let text = Some(said.text()).filter(|text| !text.is_empty());
    Ok(Done { ok: true, head, command, note, text, ..Done::default() })
}

/// Does one thing to a session, from its repository; afterwards somebody runs it if something is due.
async fn act(app: &App, id: &str, task: Task) -> Result<Done, Problem> {
    let task = task.at(place(app, id).await?);
    let said = task.run(app).await?;
    nudge(app, id);
    done(app, id, task.typed(), &said).await
}

/// A picture that is shown.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Picture {
    /// Media type.
    pub media: String,
    /// Its bytes.
    pub base64: String,
}

/// Pictures as files while a program reads them.
struct Shown {
    files: Vec<PathBuf>,
}

impl Drop for Shown {
    fn drop(&mut self) {
        for file in &self.files {
            let _ = std::fs::remove_file(file);
        }
    }
}

impl Shown {
    fn of(app: &App, pictures: &[Picture]) -> Result<Self, Problem> {
        use std::io::Write;
        use std::os::unix::fs::OpenOptionsExt;
        if pictures.len() > IMAGES {
            return Err(Problem::usage(format!("{IMAGES} pictures at most")));
        }
        let mut shown = Self { files: Vec::new() };
        for picture in pictures {
            let ending = match picture.media.as_str() {
                "image/png" => "png",
                "image/jpeg" => "jpg",
                "image/gif" => "gif",
                "image/webp" => "webp",
                other => return Err(Problem::usage(format!("'{other}' is no picture that a model is shown"))),
            };
            let bytes =
                BASE64_STANDARD.decode(&picture.base64).map_err(|_| Problem::usage("a picture is not base64"))?;
            let name = getrandom::u64().map_err(|_| Problem::usage("no randomness"))?;
            let file = app.folder().join(format!("picture-{name:016x}.{ending}"));
            let mut open = std::fs::OpenOptions::new();
            let written =
                open.write(true).create_new(true).mode(0o600).open(&file).and_then(|mut f| f.write_all(&bytes));
            shown.files.push(file);
            written.map_err(|e| Problem::io("cannot keep the picture", &e))?;
        }
        Ok(shown)
    }

    fn with(&self, task: Task) -> Task {
        self.files.iter().fold(task, |task, file| {
            let mut arg = std::ffi::OsString::from("--image=");
            arg.push(file);
            task.with(arg)
        })
    }
}

/// What a new session is to be like.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct NewSession {
    /// The first message.
    pub prompt: String,
    /// Folder of the repository.
    pub repository: String,
    /// `provider/model`.
    pub model: Option<String>,
    /// plan, ask, edit or auto.
    pub mode: Option<String>,
    /// Of session and branch.
    pub name: Option<String>,
    /// The worktree starts there.
    pub base: Option<String>,
    /// Bring uncommitted changes along.
    pub carry: bool,
    /// Work in place.
    pub in_place: bool,
    /// Tools without a sandbox.
    pub unsandboxed: bool,
    /// Stop before a call that could cost more, dollars: `0.50`.
    pub budget_usd: Option<String>,
    /// Model answers in one turn.
    pub max_turns: Option<u32>,
    /// Stop after so much work: `90s`.
    pub max_time: Option<String>,
    /// Spend from the limits of this group, too.
    pub group: Option<String>,
    /// Pictures shown with the prompt.
    pub images: Vec<Picture>,
    /// So many sessions of it.
    pub runs: Option<u32>,
    /// Begin its turn; if not, it waits for whoever resumes it.
    pub start: Option<bool>,
}

/// Sessions that were made.
#[derive(Debug, Serialize, JsonSchema)]
pub struct NewSessions {
    /// Their ids.
    pub sessions: Vec<String>,
    /// What people should know.
    pub notes: Vec<String>,
    /// The same as a person would type it.
    pub command: String,
}

/// `POST /sessions`.
pub async fn create(
    State(app): State<App>,
    Body(new): Body<NewSession>,
) -> Result<(StatusCode, Json<NewSessions>), Problem> {
    let place = PathBuf::from(&new.repository);
    if !place.is_absolute() || !place.is_dir() {
        return Err(Problem::usage(format!("'{}' is no folder", new.repository)).hint("repository is an absolute path"));
    }
    if new.prompt.trim().is_empty() || new.prompt.len() > PROMPT_BYTES {
        return Err(Problem::usage(format!("the prompt is empty or longer than {PROMPT_BYTES} bytes")));
    }
    let runs = new.runs.unwrap_or(1);
    if runs == 0 || runs > limits::RUNS {
        return Err(Problem::usage(format!("between 1 and {} runs", limits::RUNS)));
    }
    let shown = Shown::of(&app, &new.images)?;
    let task = Task::new("ace-session", &["new"])
        .option("--model", new.model.as_deref())
        .option("--mode", new.mode.as_deref())
        .option("--name", new.name.as_deref())
        .option("--base", new.base.as_deref())
        .option("--budget", new.budget_usd.as_deref())
        .option("--max-turns", new.max_turns.map(|n| n.to_string()).as_deref())
        .option("--max-time", new.max_time.as_deref())
        .option("--group", new.group.as_deref())
        .flag("--carry", new.carry)
        .flag("--no-worktree", new.in_place)
        .flag("--unsandboxed", new.unsandboxed)
        .at(&place);
    let typed = task.clone().with(&new.prompt).typed().replacen("ace-session new", "ace run", 1);
    let task = shown.with(task).fed(new.prompt.as_bytes());
    let mut made = NewSessions { sessions: Vec::new(), notes: Vec::new(), command: typed };
    for _ in 0..runs {
        let said = task.run(&app).await?;
        let id = said.text();
        if new.start != Some(false) {
            nudge(&app, &id);
        }
        made.sessions.push(id);
        made.notes.extend(said.notes.into_iter().filter(|note| !made.notes.contains(note)).collect::<Vec<_>>());
    }
    Ok((StatusCode::CREATED, Json(made)))
}

/// A message.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Message {
    /// The text.
    pub text: String,
    /// It steers the running turn instead of waiting for the next one.
    pub now: bool,
    /// Pictures shown with it.
    pub images: Vec<Picture>,
}

/// `POST /sessions/{id}/messages`.
pub async fn say(
    State(app): State<App>,
    Path(id): Path<String>,
    Body(message): Body<Message>,
) -> Result<(StatusCode, Json<Done>), Problem> {
    if message.text.trim().is_empty() && message.images.is_empty() {
        return Err(Problem::usage("the message is empty"));
    }
    let before = {
        let log = app.board.log(&id).ok_or_else(Problem::unknown)?;
        blocking(move || head(&log).map_err(|e| Problem::io("cannot read the log", &e))).await?
    };
    let shown = Shown::of(&app, &message.images)?;
    let task = shown.with(Task::new("ace-session", &["say"]).flag("--now", message.now).with(&id)).fed(message.text);
    let mut done = act(&app, &id, task).await?;
    done.message = recorded(&app, &id, before).await?;
    Ok((StatusCode::CREATED, Json(done)))
}

/// The first message recorded behind a record.
async fn recorded(app: &App, id: &str, before: u64) -> Result<Option<String>, Problem> {
    let Some(log) = app.board.log(id) else { return Ok(None) };
    blocking(move || {
        let mut follow = log.follow(before + 1).map_err(|e| Problem::io("cannot read the log", &e))?;
        let lines = follow.read().map_err(|e| Problem::io("cannot read the log", &e))?;
        let said = ace_storage::split(lines)
            .filter_map(|l| ace_schema::Line::parse(l).ok())
            .find(|l| l.ty == ace_schema::ty::USER_MESSAGE);
        Ok(said.map(|l| l.id.into_owned()))
    })
    .await
}

/// `DELETE /sessions/{id}/messages/{message}`.
pub async fn unsay(State(app): State<App>, Path((id, message)): Path<(String, String)>) -> Answer {
    app.board.log(&id).ok_or_else(Problem::unknown)?;
    let (inside, session) = (app.clone(), id.clone());
    let taken = blocking(move || inside.options.hands.withdraw(&session, &message)).await?;
    if !taken {
        return Err(Problem::new(crate::problem::Code::No, "too late: it waits no more"));
    }
    Ok(Json(done(&app, &id, format!("ace unsay {id}"), &Said::default()).await?))
}

/// `POST /sessions/{id}/messages/{message}/steer`.
pub async fn steer(State(app): State<App>, Path((id, message)): Path<(String, String)>) -> Answer {
    app.board.log(&id).ok_or_else(Problem::unknown)?;
    let (inside, session) = (app.clone(), id.clone());
    blocking(move || inside.options.hands.steer(&session, &message)).await?;
    Ok(Json(done(&app, &id, format!("ace say --now {id}"), &Said::default()).await?))
}

/// What changes.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Configure {
    /// `provider/model`.
    pub model: Option<String>,
    /// plan, ask, edit or auto.
    pub mode: Option<String>,
}

/// `POST /sessions/{id}/configure`.
pub async fn configure(State(app): State<App>, Path(id): Path<String>, Body(change): Body<Configure>) -> Answer {
    app.board.log(&id).ok_or_else(Problem::unknown)?;
    let mode = change
        .mode
        .as_deref()
        .map(|mode| Mode::parse(mode).ok_or_else(|| Problem::usage("one of plan, ask, edit, auto")));
    let change = SessionConfigured { model: change.model, mode: mode.transpose()?, ..SessionConfigured::default() };
    if change == SessionConfigured::default() {
        return Err(Problem::usage("nothing is to be changed").hint("model, mode or both"));
    }
    let (inside, session) = (app.clone(), id.clone());
    blocking(move || inside.options.hands.configure(&session, &change)).await?;
    Ok(Json(done(&app, &id, String::new(), &Said::default()).await?))
}

/// `POST /sessions/{id}/cancel`.
pub async fn cancel(State(app): State<App>, Path(id): Path<String>) -> Answer {
    act(&app, &id, Task::new("ace-session", &["cancel", &id])).await.map(Json)
}

/// `POST /sessions/{id}/resume`.
pub async fn resume(State(app): State<App>, Path(id): Path<String>) -> Answer {
    app.board.log(&id).ok_or_else(Problem::unknown)?;
    nudge(&app, &id);
    Ok(Json(done(&app, &id, format!("ace resume {id}"), &Said::default()).await?))
}

/// What to keep.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Compact {
    /// What the summary must hold above all.
    pub keep: String,
}

/// `POST /sessions/{id}/compact`.
pub async fn compact(State(app): State<App>, Path(id): Path<String>, Body(Compact { keep }): Body<Compact>) -> Answer {
    app.board.log(&id).ok_or_else(Problem::unknown)?;
    let (inside, session) = (app.clone(), id.clone());
    blocking(move || inside.options.hands.shorten(&session, &keep)).await?;
    nudge(&app, &id);
    Ok(Json(done(&app, &id, format!("ace compact {id}"), &Said::default()).await?))
}

/// An answer to a call that waits.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Decision {
    /// allow or deny.
    pub decision: String,
    /// once, session, project or always.
    #[serde(default)]
    pub scope: Option<String>,
    /// Words that the model reads.
    #[serde(default)]
    pub why: Option<String>,
    /// The answer to what the model asks.
    #[serde(default)]
    pub answer: Option<String>,
    /// The rule for more than once, in place of the one proposed: a command or path pattern.
    #[serde(default)]
    pub rule: Option<String>,
    /// The digest of what the person was shown: it is refused if something else waits there by now.
    #[serde(default)]
    pub digest: Option<String>,
}

/// Refuses an answer to something else than what was shown.
async fn shown(app: &App, id: &str, call: &str, digest: Option<String>) -> Result<(), Problem> {
    let Some(digest) = digest else { return Ok(()) };
    let log = app.board.log(id).ok_or_else(Problem::unknown)?;
    let (app, id, call) = (app.clone(), id.to_owned(), call.to_owned());
    blocking(move || {
        let other = app
            .board
            .with(&id, &log, |fold| fold.state.calls().find(|c| c.id == call).is_some_and(|c| c.digest != digest));
        match other.map_err(|e| Problem::io("cannot read the log", &e))? {
            true => Err(Problem::new(crate::problem::Code::No, "what waits there is not what you were shown")
                .hint("look again")),
            false => Ok(()),
        }
    })
    .await
}

/// `POST /sessions/{id}/calls/{call}/decision`.
pub async fn decide(
    State(app): State<App>,
    Path((id, call)): Path<(String, String)>,
    Body(said): Body<Decision>,
) -> Answer {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'@');
    if call.is_empty() || call.starts_with('-') || !call.bytes().all(plain) {
        return Err(Problem::unknown());
    }
    let verb = match said.decision.as_str() {
        "allow" => "allow",
        "deny" => "deny",
        _ => return Err(Problem::usage("a decision is allow or deny")),
    };
    let reach = match said.scope.as_deref() {
        None | Some("once") => None,
        Some("session") => Some("--session"),
        Some("project") => Some("--project"),
        Some("always") => Some("--always"),
        Some(_) => return Err(Problem::usage("a scope is once, session, project or always")),
    };
    if verb == "deny" && (reach.is_some() || said.answer.is_some() || said.rule.is_some()) {
        return Err(Problem::usage("a call is denied once, with words if you like"));
    }
    if said.rule.is_some() && reach.is_none() {
        return Err(Problem::usage("a rule is for more than once").hint("scope: session, project or always"));
    }
    shown(&app, &id, &call, said.digest).await?;
    let mut task = Task::new("ace-permit", &[verb])
        .option("--why", said.why.as_deref())
        .option("--rule", said.rule.as_deref())
        .option("--answer", said.answer.as_deref());
    task = reach.into_iter().fold(task, |task, reach| task.with(reach));
    act(&app, &id, task.with(&id).with(call)).await.map(Json)
}

/// From where, and with what.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Fork {
    /// The last record of its past; the newest if it is not said.
    pub at: Option<u64>,
    /// Its first message.
    pub prompt: Option<String>,
    /// Its name.
    pub name: Option<String>,
}

fn addressed(id: &str, at: Option<u64>) -> String {
    at.map_or_else(|| id.to_owned(), |at| format!("{id}@{at}"))
}

/// `POST /sessions/{id}/fork`.
pub async fn fork(
    State(app): State<App>,
    Path(id): Path<String>,
    Body(fork): Body<Fork>,
) -> Result<(StatusCode, Json<Done>), Problem> {
    let mut task = Task::new("ace-session", &["fork"]).option("--name", fork.name.as_deref());
    task = task.with("--").with(addressed(&id, fork.at));
    task = fork.prompt.iter().filter(|p| !p.trim().is_empty()).fold(task, |task, prompt| task.with(prompt));
    let task = task.at(place(&app, &id).await?);
    let said = task.run(&app).await?;
    let session = said.text();
    nudge(&app, &session);
    let mut done = done(&app, &session, task.typed(), &said).await?;
    (done.session, done.text) = (Some(session), None);
    Ok((StatusCode::CREATED, Json(done)))
}

/// Back to where.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Rewind {
    /// The last record that counts.
    pub to: u64,
}

/// `POST /sessions/{id}/rewind`.
pub async fn rewind(State(app): State<App>, Path(id): Path<String>, Body(Rewind { to }): Body<Rewind>) -> Answer {
    act(&app, &id, Task::new("ace-session", &["rewind", &addressed(&id, Some(to))])).await.map(Json)
}

/// `POST /sessions/{id}/undo`.
pub async fn undo(State(app): State<App>, Path(id): Path<String>) -> Answer {
    act(&app, &id, Task::new("ace-session", &["undo", &id])).await.map(Json)
}

/// `POST /sessions/{id}/archive`.
pub async fn archive(State(app): State<App>, Path(id): Path<String>) -> Answer {
    act(&app, &id, Task::new("ace-session", &["archive", &id])).await.map(Json)
}

/// Also when something is lost.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Force {
    force: bool,
}

/// `DELETE /sessions/{id}`.
pub async fn remove(State(app): State<App>, Path(id): Path<String>, Ask(Force { force }): Ask<Force>) -> Answer {
    let task = Task::new("ace-session", &["rm"]).flag("--force", force).with(&id);
    act(&app, &id, task).await.map(Json)
}

/// Where to.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Land {
    /// Another branch than the one it came from.
    pub onto: Option<String>,
}

/// `POST /sessions/{id}/land`.
pub async fn land(State(app): State<App>, Path(id): Path<String>, Body(Land { onto }): Body<Land>) -> Answer {
    let task = Task::new("ace-worktree", &["land"]).option("--onto", onto.as_deref()).with(&id);
    act(&app, &id, task).await.map(Json)
}

/// `DELETE /sessions/{id}/worktree`.
pub async fn remove_worktree(
    State(app): State<App>,
    Path(id): Path<String>,
    Ask(Force { force }): Ask<Force>,
) -> Answer {
    let task = Task::new("ace-worktree", &["remove"]).flag("--force", force).with(&id);
    act(&app, &id, task).await.map(Json)
}

/// Of which repository.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Prune {
    /// Its folder.
    pub repository: String,
    /// Only say what would go.
    #[serde(default)]
    pub dry_run: bool,
}

/// `POST /worktrees/prune`.
pub async fn prune(State(app): State<App>, Body(prune): Body<Prune>) -> Answer {
    let place = PathBuf::from(&prune.repository);
    if !place.is_absolute() || !place.is_dir() {
        return Err(Problem::usage(format!("'{}' is no folder", prune.repository)));
    }
    let task = Task::new("ace-worktree", &["prune"]).flag("--dry-run", prune.dry_run).at(place).fine(&[0, 1]);
    let said = task.run(&app).await?;
    let text = Some(said.text());
    Ok(Json(Done { ok: said.exit == 0, command: task.typed(), text, ..Done::default() }))
}
