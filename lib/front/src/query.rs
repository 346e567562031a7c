//! All logs as tables: sessions, turns, answers and calls, for questions in SQL. A log that has grown is told anew; what was told
//! before is kept beside the index and can be thrown away.

use ace_cli::{Complaint, Exit};
use ace_core::State;
use ace_schema::{Line, limits, ty};
use ace_storage::{Cell, Home, QueryError, Tables};
use ace_view::{Ledger, Step, step};
use std::collections::HashMap;

pub use ace_storage::Rows;

use crate::opening::Opening;
use crate::sessions;

/// Changes with every change of the tables.
const VERSION: i64 = 1;

/// The tables.
const SCHEMA: &str = "
CREATE TABLE sessions (session TEXT PRIMARY KEY, name TEXT, project TEXT, model TEXT, mode TEXT, created TEXT, last TEXT,
  state TEXT, turns INTEGER, calls INTEGER, errors INTEGER, input INTEGER, output INTEGER, cost INTEGER, wall_ms INTEGER,
  files INTEGER, added INTEGER, removed INTEGER, batch TEXT, parent TEXT) WITHOUT ROWID;
CREATE TABLE turns (session TEXT, turn INTEGER, seq INTEGER, ts TEXT, prompt TEXT, state TEXT);
CREATE TABLE answers (session TEXT, turn INTEGER, seq INTEGER, ts TEXT, model TEXT, input INTEGER, cached INTEGER,
  output INTEGER, cost INTEGER);
CREATE TABLE calls (session TEXT, turn INTEGER, seq INTEGER, ts TEXT, tool TEXT, subject TEXT, state TEXT, exit INTEGER,
  ms INTEGER, bytes INTEGER, added INTEGER, removed INTEGER);
CREATE TABLE checks (session TEXT, seq INTEGER, ts TEXT, command TEXT, passed INTEGER, exit INTEGER, ms INTEGER);
CREATE INDEX calls_of ON calls (session);
CREATE INDEX answers_of ON answers (session);
CREATE INDEX turns_of ON turns (session);
";

const TABLES: &[&str] = &["sessions", "turns", "answers", "calls", "checks"];

/// Bytes of a text that are told.
const TEXT_BYTES: usize = 400;

/// Answers a question over all sessions of the home.
///
/// # Errors
/// In words.
pub fn ask(opening: &Opening, sql: &str) -> Result<Rows, Complaint> {
    let program = opening.program;
    let failed = |e: QueryError| {
        let exit = match e {
            QueryError::NoQuestion | QueryError::Sql(_) => Exit::Usage,
            QueryError::TooLong => Exit::Limit,
        };
        Complaint::new(program, exit, format!("cannot answer: {e}"))
            .hint("tables: sessions, turns, answers, calls, checks; man ace-log")
    };
    let home = opening.home();
    let mut tables = Tables::open(home.path(), VERSION, SCHEMA).map_err(failed)?;
    refresh(home, &mut tables).map_err(failed)?;
    tables.ask(sql, limits::QUERY_ROWS).map_err(failed)
}

fn refresh(home: &Home, tables: &mut Tables) -> Result<(), QueryError> {
    let io = |e: std::io::Error| QueryError::Sql(e.to_string());
    let mut known = tables.taken()?;
    for one in home.sessions().map_err(io)? {
        let log = home.log(&one.id);
        let bytes = std::fs::metadata(log.file()).map_or(0, |meta| meta.len());
        if known.remove(&one.id) == Some(bytes) {
            continue;
        }
        // A log that cannot be read is left out; verify tells why.
        let Ok(rows) = rows(&log) else { continue };
        tables.put(&one.id, &rows, TABLES, bytes)?;
    }
    for gone in known.keys() {
        tables.forget(gone, TABLES)?;
    }
    Ok(())
}

fn text(text: &str) -> Cell {
    Cell::Text(text[..text.floor_char_boundary(TEXT_BYTES)].to_owned())
}

fn int(n: u64) -> Cell {
    Cell::Int(i64::try_from(n).unwrap_or(i64::MAX))
}

fn known(n: Option<u64>) -> Cell {
    n.map_or(Cell::Null, int)
}

/// Everything that a log tells; of a fork only what is its own.
fn rows(log: &ace_storage::Log) -> std::io::Result<Vec<(&'static str, Vec<Cell>)>> {
    let (mut state, mut ledger, mut rows) = (State::new(), Ledger::default(), Vec::new());
    let (mut created, mut last) = (String::new(), String::new());
    let mut calls: HashMap<String, (u64, String)> = HashMap::new();
    let mut turns: HashMap<u32, usize> = HashMap::new();
    let mut said: HashMap<String, String> = HashMap::new();
    let mut follow = log.follow(0)?;
    loop {
        let lines = follow.read()?;
        if lines.is_empty() {
            break;
        }
        for line in ace_storage::split(lines).filter_map(|l| Line::parse(l).ok()) {
            state.fold(&line);
            let step = ledger.fold(&line);
            let id = Cell::Text(line.session.to_string());
            let at = vec![
                id.clone(),
                Cell::Int(i64::from(line.turn)),
                int(line.seq.unwrap_or(0)),
                Cell::Text(line.ts.to_string()),
            ];
            last = line.ts.to_string();
            let row = |more: Vec<Cell>| [at.clone(), more].concat();
            match step {
                Step::Created(_) => {
                    // What stood before belongs to the parent.
                    rows.clear();
                    turns.clear();
                    created = line.ts.to_string();
                }
                Step::Said(message) => drop(said.insert(line.id.to_string(), message.text)),
                Step::TurnStarted => {
                    let prompt = said.remove(&*line.cause).unwrap_or_default();
                    turns.insert(line.turn, rows.len());
                    rows.push(("turns", row(vec![text(&prompt), Cell::Text("runs".into())])));
                }
                Step::Answered(done) => {
                    let usage = &done.usage;
                    let input = usage.input.saturating_add(usage.cache_read).saturating_add(usage.cache_write);
                    let model = state.model.clone();
                    rows.push((
                        "answers",
                        row(vec![
                            Cell::Text(model),
                            int(input),
                            int(usage.cache_read),
                            int(usage.output),
                            known(done.cost),
                        ]),
                    ));
                }
                Step::Called(call) => drop(calls.insert(call.id.clone(), (line.seq.unwrap_or(0), call.subject))),
                Step::Ran { call, ran } => {
                    let (added, removed) = ran.changed.iter().fold((0, 0), |(a, r), f| (a + f.added, r + f.removed));
                    let word = if step::is_failure(&ran) { "failed" } else { "done" };
                    let exit = ran.exit.map_or(Cell::Null, |code| Cell::Int(i64::from(code)));
                    let more = vec![
                        Cell::Text(call.tool),
                        text(&call.subject),
                        Cell::Text(word.into()),
                        exit,
                        int(ran.ms),
                        int(ran.output.bytes),
                        int(added),
                        int(removed),
                    ];
                    rows.push(("calls", row(more)));
                }
                Step::Broke { call, broke } => {
                    let word = step::outcome(&broke.code).to_owned();
                    let none = vec![Cell::Null, Cell::Null, Cell::Null, Cell::Int(0), Cell::Int(0)];
                    rows.push((
                        "calls",
                        row([vec![Cell::Text(call.tool), text(&call.subject), Cell::Text(word)], none].concat()),
                    ));
                }
                Step::Ended(_) => {
                    let ended = line.ty.strip_prefix("turn.").unwrap_or_default().to_owned();
                    if let Some((_, cells)) = turns.get(&line.turn).and_then(|&at| rows.get_mut(at))
                        && let Some(state) = cells.last_mut()
                    {
                        *state = Cell::Text(ended);
                    }
                }
                _ if line.ty == ty::CHECK_COMPLETED => {
                    let Ok(done) = line.data::<ace_schema::data::CheckCompleted>() else { continue };
                    let exit = done.exit.map_or(Cell::Null, |code| Cell::Int(i64::from(code)));
                    rows.push((
                        "checks",
                        vec![
                            id,
                            int(line.seq.unwrap_or(0)),
                            Cell::Text(line.ts.to_string()),
                            text(&done.command),
                            Cell::Int(i64::from(done.passed)),
                            exit,
                            int(done.ms),
                        ],
                    ));
                }
                _ => {}
            }
        }
    }
    let facts = sessions::facts(&state, &ledger, 0);
    let (files, added, removed) = ledger.changes();
    let word = |w: &str| Cell::Text(w.to_owned());
    rows.push((
        "sessions",
        vec![
            word(&state.session),
            word(&state.name),
            word(&facts.project),
            word(&state.model),
            word(state.mode.name()),
            Cell::Text(created),
            Cell::Text(last),
            text(if facts.settled { &facts.ended } else { "open" }),
            Cell::Int(i64::from(state.turns)),
            int(ledger.tool_calls),
            int(ledger.outcomes.values().sum()),
            int(ledger.input()),
            int(ledger.usage.output),
            known(ledger.cost()),
            int(ledger.wall().0),
            int(files),
            int(added),
            int(removed),
            state.created.batch.as_ref().map_or(Cell::Null, |b| word(&b.id)),
            state.created.forked_from.as_ref().map_or(Cell::Null, |f| word(&f.session)),
        ],
    ));
    Ok(rows)
}
