//! The sessions of a home as rows of a table: how each stands, what it cost, what it changed. Logs that have not grown since the
//! last look are taken from the index; without an index every log is read.

use ace_cli::{Complaint, SessionAddress};
use ace_core::{CallState, State, TurnEnd};
use ace_schema::{Line, LineError};
use ace_storage::{Follower, Home, Index, IndexRow, Log};
use ace_view::list::Row;
use ace_view::{Ledger, Mark, Style, Text, render};
use serde::Deserialize;

use crate::opening::{Opening, clock};

/// What a log says about its session; kept in the index as a JSON array of these fields.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// Name.
    pub name: String,
    /// Last part of the project's path.
    pub project: String,
    /// `provider/model`.
    pub model: String,
    /// Micro-dollars; absent if any part is unpriced.
    pub cost: Option<u64>,
    /// Files changed, lines added, lines removed.
    pub changed: (u64, u64, u64),
    /// Time of the last record, ms since 1970.
    pub last: i64,
    /// Ordinal of the last turn.
    pub turn: u32,
    /// The question that waits, in words; empty if none.
    pub asks: String,
    /// Nothing is under way.
    pub settled: bool,
    /// How the last turn ended: `done`, `cancelled`, `failed: …`, `new`.
    pub ended: String,
    /// It was put away.
    pub archived: bool,
    /// The log cannot be read.
    pub damaged: bool,
}

impl Facts {
    /// As the index keeps it: ten thousand of them are read at once, and a name at each field would be most of it.
    fn text(&self) -> String {
        let Self { name, project, model, cost, changed, last, turn, asks, settled, ended, archived, damaged } = self;
        let fields = (name, project, model, cost, changed, last, turn, asks, settled, ended, archived, damaged);
        serde_json::to_string(&fields).unwrap_or_default()
    }
}

/// One session.
#[derive(Debug)]
pub struct Session {
    /// Its id.
    pub id: String,
    /// As a row.
    pub row: Row,
    /// Time of the last record, ms since 1970.
    pub last: i64,
    /// It was put away.
    pub archived: bool,
    /// Its log cannot be read.
    pub damaged: bool,
}

impl Session {
    /// As one line of JSON, units spelled out in the names.
    #[must_use]
    pub fn json(&self, home: &Home) -> String {
        let (files, added, removed) = self.row.changed;
        serde_json::json!({
            "id": self.id, "name": self.row.name, "state": self.row.state, "project": self.row.project,
            "model": self.row.model, "cost_micro_usd": self.row.cost, "files_changed": files, "lines_added": added,
            "lines_removed": removed, "age_ms": self.row.age, "archived": self.archived,
            "log": home.log(&self.id).file().display().to_string(),
        })
        .to_string()
    }
}

/// The least of a log that a thread of its own reads, bytes.
const SHARE_BYTES: usize = 4 << 20;

/// All sessions, archived ones only with `all`: who waits for a person first, then newest. A log that cannot be read is shown as
/// damaged.
///
/// # Errors
/// The home cannot be read.
pub fn list(opening: &Opening, all: bool) -> Result<Vec<Session>, Complaint> {
    let home = opening.home();
    // The index is read while the folder is.
    let (index, listed) = both(
        || home.path().join("sessions").is_dir().then(|| Index::open(home.path())).flatten().map(|i| (known(&i), i)),
        || home.session_ids().map(|ids| (in_parallel(&ids, |part| home.log_bytes(part)), ids)),
    );
    let (bytes, ids) = listed.map_err(|e| Complaint::io(opening.program, "cannot read the sessions", &e))?;
    let (known, mut index) = index.map_or_else(Default::default, |(known, index)| (known, Some(index)));
    // Both in the same order: what the index knows and nobody has any more lies between.
    let (mut known, mut gone) = (known.into_iter().peekable(), Vec::new());
    let mut stale = Vec::new();
    let mut met: Vec<(String, Option<Facts>)> = Vec::with_capacity(ids.len());
    for (id, bytes) in ids.into_iter().zip(bytes) {
        while let Some(lost) = known.next_if(|one| one.id > id) {
            gone.push(lost.id);
        }
        let same = known.next_if(|one| one.id == id).filter(|one| one.bytes == bytes && bytes > 0);
        let facts = same.and_then(|one| one.facts);
        if facts.is_none() {
            stale.push((id.clone(), bytes));
        }
        met.push((id, facts));
    }
    gone.extend(known.map(|one| one.id));
    let read = in_parallel(&stale, |part| part.iter().map(|(id, _)| read(&home.log(id))).collect());
    if let Some(index) = index.as_mut().filter(|_| !stale.is_empty() || !gone.is_empty()) {
        let row = |((id, bytes), facts): (&(String, u64), &Facts)| IndexRow {
            id: id.clone(),
            bytes: *bytes,
            facts: facts.text(),
        };
        let rows: Vec<IndexRow> = stale.iter().zip(&read).map(row).collect();
        gone.retain(|id| !home.session(id).exists());
        // An index that takes nothing is as good as none.
        let _ = index.put(&rows, &gone);
    }
    let (mut read, now) = (read.into_iter(), clock().now());
    let mut sessions = Vec::with_capacity(met.len());
    for (id, facts) in met {
        let facts = facts.or_else(|| read.next()).unwrap_or_default();
        if all || !facts.archived {
            sessions.push(session(home, id, facts, now));
        }
    }
    sessions.sort_by_key(|s| s.row.mark != Mark::Waits);
    Ok(sessions)
}

/// What the index knows of a session.
struct Known {
    id: String,
    /// Bytes of its log that are covered.
    bytes: u64,
    /// `None` if it was written by another version.
    facts: Option<Facts>,
}

/// Everything that the index knows, the newest session first.
fn known(index: &Index) -> Vec<Known> {
    let mut all = Vec::new();
    let each = index.each(|id, bytes, facts| {
        all.push(Known { id: id.to_owned(), bytes, facts: serde_json::from_str(facts).ok() });
    });
    // Half an index is none: what it does not say would be taken for lost.
    if each.is_ok() { all } else { Vec::new() }
}

/// Two things at once; one after the other where no thread can be had.
fn both<A: Send, B>(a: impl Fn() -> A + Sync, b: impl FnOnce() -> B) -> (A, B) {
    std::thread::scope(|scope| {
        let a = &a;
        let started = std::thread::Builder::new().spawn_scoped(scope, a);
        let b = b();
        (started.ok().and_then(|thread| thread.join().ok()).unwrap_or_else(a), b)
    })
}

/// Fewest things that a thread of its own is worth.
const SHARE: usize = 256;

/// What `work` makes of each part of many things, in their order; a part for each core.
pub(crate) fn in_parallel<T: Sync, R: Send>(all: &[T], work: impl Fn(&[T]) -> Vec<R> + Sync) -> Vec<R> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let share = all.len().div_ceil(cores).max(SHARE);
    let mut parts = all.chunks(share);
    let Some(first) = parts.next() else { return Vec::new() };
    std::thread::scope(|scope| {
        let work = &work;
        let start = |part| (part, std::thread::Builder::new().spawn_scoped(scope, move || work(part)));
        let started: Vec<_> = parts.map(start).collect();
        let mut done = work(first);
        for (part, thread) in started {
            // Where no thread can be had, or one is lost, it is done here.
            done.extend(thread.ok().and_then(|thread| thread.join().ok()).unwrap_or_else(|| work(part)));
        }
        done
    })
}

fn session(home: &Home, id: String, facts: Facts, now: i64) -> Session {
    let (mark, state) = stands(&facts, || home.log(&id));
    let row = Row {
        mark,
        name: if facts.name.is_empty() { id.clone() } else { facts.name },
        state,
        project: facts.project,
        model: facts.model,
        cost: facts.cost,
        changed: facts.changed,
        age: u64::try_from(now.saturating_sub(facts.last)).unwrap_or(0),
    };
    Session { id, row, last: facts.last, archived: facts.archived, damaged: facts.damaged }
}

/// Sessions as a table with a line that sums them up.
#[must_use]
pub fn table(sessions: Vec<Session>, style: &Style) -> String {
    let rows: Vec<Row> = sessions.into_iter().map(|session| session.row).collect();
    let table = ace_view::list::session_table(style);
    let widths = table.fit(&in_parallel(&rows, |part| vec![table.measure(part)]));
    let line = |text: Text| render(&text, style) + "\n";
    let drawn = in_parallel(&rows, |part| vec![table.draw(part, &widths).map(line).collect::<String>()]);
    let head = (!rows.is_empty()).then(|| line(table.head(&widths)));
    head.into_iter().chain(drawn).chain(ace_view::list::session_sum(&rows, style).into_iter().map(line)).collect()
}

/// What a log says. One that cannot be read says that it is damaged.
fn read(log: &Log) -> Facts {
    let Ok((state, ledger, last)) = fold(log) else { return Facts { damaged: true, ..Facts::default() } };
    facts(&state, &ledger, last)
}

/// What a state says.
#[must_use]
pub fn facts(state: &State, ledger: &Ledger, last: i64) -> Facts {
    let project = state.created.repository.as_ref().map_or(&state.created.cwd, |r| &r.root);
    let asks = state.calls().find(|c| c.state == CallState::Asked);
    Facts {
        name: state.name.clone(),
        project: project.trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_owned(),
        model: state.model.clone(),
        cost: ledger.cost(),
        changed: ledger.changes(),
        last,
        turn: state.turns,
        asks: asks.map(|c| format!("{} {}", c.tool, crate::screen::subject(c))).unwrap_or_default(),
        settled: state.is_settled(),
        ended: match &state.ended {
            Some(TurnEnd::Completed) => "done".to_owned(),
            Some(TurnEnd::Cancelled) => "cancelled".to_owned(),
            Some(TurnEnd::Failed { message, .. }) => format!("failed: {message}"),
            None => "new".to_owned(),
        },
        archived: state.archived,
        damaged: false,
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

/// Mark and words for how a session stands now: what its log says, and whether anybody runs it.
#[must_use]
pub fn stands(facts: &Facts, log: impl FnOnce() -> Log) -> (Mark, String) {
    if facts.damaged {
        return (Mark::Failed, "damaged: ace verify tells where".to_owned());
    }
    if !facts.asks.is_empty() {
        return (Mark::Waits, format!("asks: {}", facts.asks));
    }
    if !facts.settled {
        return match log().folder().and_then(ace_storage::Runner::holder) {
            Some(_) => (Mark::Runs, format!("turn {}", facts.turn.max(1))),
            None if facts.turn == 0 => (Mark::Warns, "not begun: ace resume begins".to_owned()),
            None => (Mark::Warns, "stopped in mid-turn: ace resume goes on".to_owned()),
        };
    }
    let mark = match facts.ended.as_str() {
        "done" | "new" => Mark::Done,
        "cancelled" => Mark::Warns,
        _ => Mark::Failed,
    };
    (mark, facts.ended.clone())
}

/// Every recorded byte of a session.
///
/// # Errors
/// In words.
pub fn load(opening: &Opening, session: &SessionAddress) -> Result<(Log, Vec<u8>), Complaint> {
    let (log, all) = load_unread(opening, session)?;
    let _ = lines(opening, session, &all)?;
    Ok((log, all))
}

/// The same, not looked at yet.
///
/// # Errors
/// In words.
pub fn load_unread(opening: &Opening, session: &SessionAddress) -> Result<(Log, Vec<u8>), Complaint> {
    let log = opening.log(&opening.find(session)?);
    let cannot = |e| Complaint::io(opening.program, "cannot read the log", &e);
    let mut follow = log.follow(0).map_err(cannot)?;
    let bytes = std::fs::metadata(log.file()).map_or(0, |meta| meta.len());
    let mut all = Vec::with_capacity(usize::try_from(bytes).unwrap_or(0));
    loop {
        let lines = follow.read().map_err(cannot)?;
        if lines.is_empty() {
            break;
        }
        all.extend_from_slice(lines);
    }
    Ok((log, all))
}

/// A log's bytes as lines, each read once; a long log by several threads.
///
/// # Errors
/// In words: the first that is none.
pub fn lines<'a>(opening: &Opening, session: &SessionAddress, all: &'a [u8]) -> Result<Vec<Line<'a>>, Complaint> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let share = (all.len() / cores.max(1)).max(SHARE_BYTES);
    let mut rest = all;
    let mut parts = Vec::new();
    while !rest.is_empty() {
        let end = rest
            .get(share..)
            .and_then(|tail| tail.iter().position(|&b| b == b'\n'))
            .map_or(rest.len(), |at| share + at + 1);
        let (part, more) = rest.split_at(end);
        parts.push(part);
        rest = more;
    }
    let read = |part: &'a [u8]| -> Result<Vec<Line<'a>>, (usize, LineError)> {
        ace_storage::split(part).enumerate().map(|(n, bytes)| Line::parse(bytes).map_err(|e| (n, e))).collect()
    };
    let mut done = Vec::new();
    std::thread::scope(|scope| {
        let last = parts.pop();
        let start = |part| (part, std::thread::Builder::new().spawn_scoped(scope, move || read(part)));
        let started: Vec<_> = parts.into_iter().map(start).collect();
        let last = last.map(read);
        for (part, thread) in started {
            // Where no thread can be had, or one is lost, it is done here.
            done.push(thread.ok().and_then(|thread| thread.join().ok()).unwrap_or_else(|| read(part)));
        }
        done.extend(last);
    });
    let mut lines = Vec::new();
    for part in done {
        match part {
            Ok(more) if lines.is_empty() => lines = more,
            Ok(more) => lines.extend(more),
            Err((n, e)) => {
                let (at, fault) = ((lines.len() + n) as u64 + 1, ace_storage::Fault::Line(e));
                return Err(crate::words::damaged(opening.program, &session.to_string(), at, &fault));
            }
        }
    }
    Ok(lines)
}

/// The lines a record needs to be understood: those of its turn.
pub fn around<'l, 'a>(lines: &'l [Line<'a>], seq: u64) -> Vec<&'l Line<'a>> {
    let turn = lines.iter().find(|line| line.seq == Some(seq)).map(|line| line.turn);
    lines.iter().filter(|line| Some(line.turn) == turn).collect()
}

/// How a session was made, its worktree as recorded last.
///
/// # Errors
/// In words.
pub fn created(opening: &Opening, session: &SessionAddress) -> Result<ace_schema::data::SessionCreated, Complaint> {
    let log = opening.log(&opening.find(session)?);
    let cannot = |e| Complaint::io(opening.program, "cannot read the log", &e);
    let first = log.first_line().map_err(cannot)?.unwrap_or_default();
    let read = Line::parse(&first).and_then(|l| l.data());
    let mut created: ace_schema::data::SessionCreated = read
        .map_err(|e| crate::words::damaged(opening.program, &session.to_string(), 1, &ace_storage::Fault::Line(e)))?;
    // A worktree that was had back may have another git folder than the first; only then is the rest worth reading.
    let is_elsewhere = |tree: &ace_schema::data::Worktree| {
        let pointer = std::fs::read_to_string(std::path::Path::new(&tree.git_dir).join("gitdir")).unwrap_or_default();
        pointer.trim_end() != format!("{}/.git", tree.path)
    };
    if created.worktree.as_ref().is_some_and(is_elsewhere)
        && let Ok((state, _, _)) = fold(&log)
    {
        created.worktree = state.created.worktree;
    }
    Ok(created)
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

/// What going back has done, and how to undo it, in one line.
#[must_use]
pub fn went_back(name: &str, done: &ace_host::Rewound) -> String {
    let plural = |n: usize| if n == 1 { "1 file".to_owned() } else { format!("{n} files") };
    let files = match done.files {
        None => "; files are not recorded here and stay".to_owned(),
        Some((0, 0)) => "; no file differs".to_owned(),
        Some((written, 0)) => format!("; {} brought back", plural(written)),
        Some((0, removed)) => format!("; {} removed", plural(removed)),
        Some((written, removed)) => format!("; {} brought back, {} removed", plural(written), plural(removed)),
    };
    format!("{name} is back at @{}{files} (ace rewind {name}@{} undoes this)", done.to, done.from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_come_back_from_the_index_field_by_field() {
        let facts = Facts {
            name: "a".into(),
            project: "b".into(),
            model: "c/d".into(),
            cost: Some(1),
            changed: (2, 3, 4),
            last: 5,
            turn: 6,
            asks: "e".into(),
            settled: true,
            ended: "f".into(),
            archived: true,
            damaged: false,
        };
        assert_eq!(serde_json::from_str::<Facts>(&facts.text()).unwrap(), facts);
        let other = Facts { cost: None, archived: false, damaged: true, ..facts };
        assert_eq!(serde_json::from_str::<Facts>(&other.text()).unwrap(), other);
    }
}
