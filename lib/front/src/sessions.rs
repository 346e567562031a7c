//! The sessions of a home as rows of a table: how each stands, what it cost, what it changed.

use ace_cli::{Complaint, SessionAddress};
use ace_core::{CallState, State, TurnEnd};
use ace_schema::Line;
use ace_storage::{Follower, Log};
use ace_view::list::Row;
use ace_view::{Ledger, Mark};

use crate::opening::{Opening, clock};

/// One session.
#[derive(Debug)]
pub struct Session {
    /// Its id.
    pub id: String,
    /// As a row.
    pub row: Row,
    /// Its log file.
    pub log: String,
    /// `provider/model`.
    pub model: String,
}

impl Session {
    /// As one line of JSON, units spelled out in the names.
    #[must_use]
    pub fn json(&self) -> String {
        let (files, added, removed) = self.row.changed;
        serde_json::json!({
            "id": self.id, "name": self.row.name, "state": self.row.state, "project": self.row.project, "model": self.model,
            "cost_micro_usd": self.row.cost, "files_changed": files, "lines_added": added, "lines_removed": removed,
            "age_ms": self.row.age, "log": self.log,
        })
        .to_string()
    }
}

/// All sessions: who waits for a person first, then newest. A log that cannot be read is shown as damaged.
///
/// # Errors
/// The home cannot be read.
pub fn list(opening: &Opening) -> Result<Vec<Session>, Complaint> {
    let home = opening.home();
    let refs = home.sessions().map_err(|e| Complaint::io(opening.program, "cannot read the sessions", &e))?;
    let now = clock().now();
    let mut all: Vec<Session> = refs.into_iter().map(|r| one(&home.log(&r.id), r.id, now)).collect();
    // The home gives newest first; those who wait for a person come before all others.
    all.sort_by_key(|s| s.row.mark != Mark::Waits);
    Ok(all)
}

/// How one session stands.
fn one(log: &Log, id: String, now: i64) -> Session {
    let file = log.file().display().to_string();
    match fold(log) {
        Ok((state, ledger, last)) => {
            let (mark, words) = stands(&state, log);
            let project = state.created.repository.as_ref().map_or(&state.created.cwd, |r| &r.root);
            let row = Row {
                mark,
                name: state.name.clone(),
                state: words,
                project: project.rsplit('/').next().unwrap_or_default().to_owned(),
                model: state.model.rsplit('/').next().unwrap_or_default().to_owned(),
                cost: ledger.cost(),
                changed: ledger.changes(),
                age: u64::try_from(now.saturating_sub(last)).unwrap_or(0),
            };
            Session { id, row, log: file, model: state.model }
        }
        Err(_) => {
            let row = Row {
                mark: Mark::Failed,
                name: id.clone(),
                state: "damaged: ace verify tells where".to_owned(),
                project: String::new(),
                model: String::new(),
                cost: None,
                changed: (0, 0, 0),
                age: 0,
            };
            Session { id, row, log: file, model: String::new() }
        }
    }
}

fn fold(log: &Log) -> std::io::Result<(State, Ledger, i64)> {
    let (mut state, mut ledger, mut last) = (State::new(), Ledger::default(), 0);
    let mut follow: Follower = log.follow(0)?;
    loop {
        let lines = follow.read()?;
        if lines.is_empty() {
            break;
        }
        for bytes in ace_storage::split(lines) {
            let line = Line::parse(bytes).map_err(|e| std::io::Error::new(std::io::ErrorKind::InvalidData, e))?;
            state.fold(&line);
            ledger.fold(&line);
            last = ace_view::time::moment(&line.ts).unwrap_or(last);
        }
    }
    Ok((state, ledger, last))
}

/// Mark and words for how a session stands.
#[must_use]
pub fn stands(state: &State, log: &Log) -> (Mark, String) {
    if let Some(call) = state.calls().find(|c| c.state == CallState::Asked) {
        let subject = crate::screen::subject(call);
        return (Mark::Waits, format!("asks: {} {subject}", call.tool));
    }
    let runs = log.folder().and_then(ace_storage::Runner::holder).is_some();
    if state.turn.is_some() || !state.is_settled() {
        return match runs {
            true => (Mark::Runs, format!("turn {}", state.turns.max(1))),
            false => (Mark::Warns, "stopped in mid-turn: ace resume goes on".to_owned()),
        };
    }
    match &state.ended {
        Some(TurnEnd::Completed) => (Mark::Done, "done".to_owned()),
        Some(TurnEnd::Cancelled) => (Mark::Warns, "cancelled".to_owned()),
        Some(TurnEnd::Failed { message, .. }) => (Mark::Failed, format!("failed: {message}")),
        None => (Mark::Done, "new".to_owned()),
    }
}

/// Every recorded byte of a session.
///
/// # Errors
/// In words.
pub fn load(opening: &Opening, session: &SessionAddress) -> Result<(Log, Vec<u8>), Complaint> {
    let log = opening.log(&opening.find(session)?);
    let cannot = |e| Complaint::io(opening.program, "cannot read the log", &e);
    let mut follow = log.follow(0).map_err(cannot)?;
    let mut all = Vec::new();
    loop {
        let lines = follow.read().map_err(cannot)?;
        if lines.is_empty() {
            break;
        }
        all.extend_from_slice(lines);
    }
    for (n, bytes) in ace_storage::split(&all).enumerate() {
        if let Err(e) = Line::parse(bytes) {
            let fault = ace_storage::Fault::Line(e);
            return Err(crate::words::damaged(opening.program, &session.to_string(), n as u64 + 1, &fault));
        }
    }
    Ok((log, all))
}

/// The first record of a session.
///
/// # Errors
/// In words.
pub fn created(opening: &Opening, session: &SessionAddress) -> Result<ace_schema::data::SessionCreated, Complaint> {
    let (_, all) = load(opening, session)?;
    let first = ace_storage::split(&all).next().unwrap_or_default();
    let read = Line::parse(first).and_then(|l| l.data());
    read.map_err(|e| crate::words::damaged(opening.program, &session.to_string(), 1, &ace_storage::Fault::Line(e)))
}

/// The first line of a session's first message, for a commit.
///
/// # Errors
/// In words.
pub fn first_message(opening: &Opening, session: &SessionAddress) -> Result<String, Complaint> {
    let (_, all) = load(opening, session)?;
    let said = ace_storage::split(&all)
        .filter_map(|l| Line::parse(l).ok())
        .find(|l| l.ty == ace_schema::ty::USER_MESSAGE)
        .and_then(|l| l.data::<ace_schema::data::UserMessage>().ok());
    let text = said.map(|m| m.text).unwrap_or_default();
    let line: String = text.lines().next().unwrap_or("a session of ace").chars().take(72).collect();
    Ok(if line.trim().is_empty() { "a session of ace".to_owned() } else { line })
}
