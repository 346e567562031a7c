//! Who wrote a line: the call that made it, what had been said, which model asked for it, and what that answer cost. The states of
//! sessions are walked back; it must never change one.

use ace_cli::{Complaint, Exit, SessionAddress};
use ace_host::{Step, pool, pools, steps};
use ace_schema::data::{ContextBuilt, ModelCompleted};
use ace_schema::{Line, ty};
use ace_storage::Log;
use ace_worktree as git;
use std::collections::HashMap;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::opening::Opening;
use crate::words;

/// Who wrote a line.
#[derive(Debug, Clone, Default)]
pub struct Blamed {
    /// The session's name.
    pub name: String,
    /// Its id.
    pub session: String,
    /// The record.
    pub seq: u64,
    /// Its time, as recorded.
    pub ts: String,
    /// Tool and what it was about; empty for what changed outside of calls.
    pub call: String,
    /// The turn; 0 outside turns.
    pub turn: u32,
    /// What had been said, its first line.
    pub prompt: String,
    /// `provider/model`; empty if no model asked for it.
    pub model: String,
    /// Micro-dollars of the answer that asked for it; `None` if unknown.
    pub cost: Option<u64>,
    /// The line itself.
    pub text: String,
}

/// The record that made line `line` (from 1) of a file as it is now; `None` if no session did. Without a session named, all of the
/// file's repository are asked, the newest first.
///
/// # Errors
/// In words: the file cannot be read, or lies in no repository.
pub fn blame(
    opening: &Opening,
    file: &Path,
    line: usize,
    session: Option<&SessionAddress>,
) -> Result<Option<Blamed>, Complaint> {
    let program = opening.program;
    let usage = |what: String| Complaint::new(program, Exit::Usage, what);
    let unread = |e: &std::io::Error| Complaint::io(program, &format!("cannot read '{}'", file.display()), e);
    let full = opening.cwd.join(file).canonicalize().map_err(|e| unread(&e))?;
    let bytes = std::fs::read(&full).map_err(|e| unread(&e))?;
    let Some(text) = bytes.split(|&b| b == b'\n').nth(line.wrapping_sub(1)).filter(|_| line > 0) else {
        return Err(usage(format!("'{}' has no line {line}", file.display())));
    };
    let text = String::from_utf8_lossy(text).into_owned();
    let folder = full.parent().unwrap_or(&full);
    let failed = |e: git::Error| words::worktree(program, &e);
    let found = git::discover(folder).map_err(failed)?;
    let no_repository = || usage(format!("'{}' lies in no repository", file.display()));
    let repository = found.ok_or_else(no_repository)?;
    let facts = repository.facts();
    let root = facts.root.as_ref().and_then(|root| root.canonicalize().ok()).ok_or_else(no_repository)?;
    let path = full.strip_prefix(&root).map_err(|_| no_repository())?.as_os_str().as_bytes().to_vec();
    let sought = Sought { common_dir: facts.common_dir.clone(), path, bytes, line, text };
    if let Some(session) = session {
        let log = opening.log(&opening.find(session)?);
        return sought.of(opening, &log).map_err(failed);
    }
    let home = opening.home();
    for one in home.sessions().map_err(|e| Complaint::io(program, "cannot read the sessions", &e))? {
        // A session whose states are gone wrote nothing that could be proven.
        if let Ok(Some(blamed)) = sought.of(opening, &home.log(&one.id).with_blobs(home.blobs())) {
            return Ok(Some(blamed));
        }
    }
    Ok(None)
}

/// The line whose maker is looked for.
struct Sought {
    common_dir: PathBuf,
    path: Vec<u8>,
    bytes: Vec<u8>,
    line: usize,
    text: String,
}

impl Sought {
    /// What a session has to do with it.
    fn of(&self, opening: &Opening, log: &Log) -> Result<Option<Blamed>, git::Error> {
        let io = |source| git::Error::Io { path: log.file().to_owned(), source };
        let first = log.first_line().map_err(io)?.unwrap_or_default();
        let created = Line::parse(&first)
            .ok()
            .and_then(|l| l.data::<ace_schema::data::SessionCreated>().ok())
            .unwrap_or_default();
        let Some(root) = created.repository.as_ref().map(|r| PathBuf::from(&r.root)) else { return Ok(None) };
        if git::common_dir_of(&root)? != self.common_dir {
            return Ok(None);
        }
        let (state, steps) = steps(log).map_err(io)?;
        let Some(pool) = pool(&state.created, &pools(opening.home()))? else { return Ok(None) };
        let base = state.created.worktree.as_ref().map(|tree| tree.base.clone());
        let before = usize::from(base.is_some());
        let states: Vec<String> = base.into_iter().chain(steps.iter().map(|step| step.tree.clone())).collect();
        let git::Trace::Made(at, _) = pool.trace(&states, &self.path, &self.bytes, self.line)? else { return Ok(None) };
        let Some(step) = at.checked_sub(before).and_then(|at| steps.get(at)) else { return Ok(None) };
        let (ts, model, cost) = answer(log, step.seq).map_err(io)?;
        Ok(Some(Blamed {
            name: state.name.clone(),
            session: state.session.clone(),
            seq: step.seq,
            ts,
            call: subject(step),
            turn: step.turn,
            prompt: step.prompt.clone(),
            model,
            cost,
            text: self.text.clone(),
        }))
    }
}

/// Tool and what it was about, in one line.
fn subject(step: &Step) -> String {
    let argument = ace_schema::tool::find(&step.tool).map_or("", |tool| tool.subject);
    let args: serde_json::Value = serde_json::from_str(&step.args).unwrap_or_default();
    let about = args.get(argument).and_then(serde_json::Value::as_str).unwrap_or_default();
    format!("{} {about}", step.tool).trim().to_owned()
}

/// The time of a record, and the model and cost of the answer that it goes back to.
fn answer(log: &Log, seq: u64) -> std::io::Result<(String, String, Option<u64>)> {
    let mut causes: HashMap<String, String> = HashMap::new();
    let mut models: HashMap<String, String> = HashMap::new();
    let mut costs: HashMap<String, Option<u64>> = HashMap::new();
    let (mut ts, mut last) = (String::new(), String::new());
    let mut follow = log.follow(0)?;
    loop {
        let lines = follow.read()?;
        if lines.is_empty() {
            break;
        }
        for line in ace_storage::split(lines).filter_map(|l| Line::parse(l).ok()) {
            match &*line.ty {
                ty::CONTEXT_BUILT => {
                    models.extend(line.data::<ContextBuilt>().ok().map(|built| (line.id.to_string(), built.model)));
                }
                ty::MODEL_COMPLETED => {
                    costs.extend(line.data::<ModelCompleted>().ok().map(|done| (line.cause.to_string(), done.cost)));
                }
                _ => {}
            }
            if line.seq == Some(seq) {
                (ts, last) = (line.ts.to_string(), line.id.to_string());
            }
            causes.insert(line.id.to_string(), line.cause.to_string());
        }
    }
    let mut cost = None;
    // From the outcome over the claim, the decision and the call to the request and its context.
    for _ in 0..8 {
        if let Some(known) = costs.get(&last) {
            cost = *known;
        }
        if let Some(model) = models.get(&last) {
            return Ok((ts, model.clone(), cost));
        }
        match causes.get(&last) {
            Some(cause) => last.clone_from(cause),
            None => break,
        }
    }
    Ok((ts, String::new(), cost))
}
