//! Tables that people ask questions of: what a caller tells of each log, kept beside the index and as expendable. This room knows
//! no column; what a row means is the caller's.

use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, ErrorCode, OpenFlags, ToSql, params, params_from_iter};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a question waits for somebody who writes.
const PATIENCE: Duration = Duration::from_secs(5);

/// The file, in a home.
const FILE: &str = "query.db";

/// One value of a row.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Nothing.
    Null,
    /// A number.
    Int(i64),
    /// A number with a point.
    Real(f64),
    /// A text.
    Text(String),
}

impl ToSql for Cell {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Null => ToSqlOutput::Owned(Value::Null),
            Self::Int(n) => ToSqlOutput::Owned(Value::Integer(*n)),
            Self::Real(n) => ToSqlOutput::Owned(Value::Real(*n)),
            Self::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
        })
    }
}

/// What a question found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Found {
    /// Names of the columns.
    pub columns: Vec<String>,
    /// The rows.
    pub rows: Vec<Vec<Cell>>,
    /// There were more.
    pub more: bool,
}

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// It would change something, or is no question.
    #[error("only a SELECT is answered")]
    NoQuestion,
    /// It took too long.
    #[error("it takes longer than {} s", ace_schema::limits::QUERY_MS / 1000)]
    TooLong,
    /// It cannot be understood, or the tables do not answer.
    #[error("{0}")]
    Sql(String),
}

impl From<rusqlite::Error> for QueryError {
    fn from(e: rusqlite::Error) -> Self {
        match e.sqlite_error_code() {
            Some(ErrorCode::OperationInterrupted) => Self::TooLong,
            _ => Self::Sql(e.to_string()),
        }
    }
}

/// Open tables.
#[derive(Debug)]
pub struct Tables {
    db: Connection,
    path: PathBuf,
}

impl Tables {
    /// Opens the tables of a home; those that are missing, damaged or of another version are made anew by `schema`, statements of
    /// SQL. Each table of them has a column `session`.
    ///
    /// # Errors
    /// They cannot be made.
    pub fn open(home: &Path, version: i64, schema: &str) -> Result<Self, QueryError> {
        let path = home.join(FILE);
        match Self::try_open(&path, version, schema) {
            Ok(tables) => Ok(tables),
            Err(e) if matches!(e.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)) => {
                Err(e.into())
            }
            Err(_) => {
                for ending in ["", "-wal", "-shm"] {
                    // What cannot be removed is found out by the next open.
                    let _ = std::fs::remove_file(home.join(format!("{FILE}{ending}")));
                }
                Ok(Self::try_open(&path, version, schema)?)
            }
        }
    }

    fn try_open(path: &Path, version: i64, schema: &str) -> rusqlite::Result<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut db = Connection::open_with_flags(path, flags)?;
        db.busy_timeout(PATIENCE)?;
        db.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;")?;
        let found: i64 = db.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        if found == 0 {
            let tx = db.transaction()?;
            tx.execute_batch("CREATE TABLE taken (session TEXT PRIMARY KEY, bytes INTEGER NOT NULL) WITHOUT ROWID;")?;
            tx.execute_batch(schema)?;
            tx.pragma_update(None, "user_version", version)?;
            tx.commit()?;
        } else if found != version {
            return Err(rusqlite::Error::InvalidQuery);
        }
        db.query_row("SELECT count(*) FROM taken", [], |row| row.get::<_, i64>(0))?;
        Ok(Self { db, path: path.to_owned() })
    }

    /// Up to which byte each log is in the tables.
    ///
    /// # Errors
    /// They do not answer.
    pub fn taken(&self) -> Result<HashMap<String, u64>, QueryError> {
        let mut query = self.db.prepare("SELECT session, bytes FROM taken")?;
        let rows = query.query_map([], |row| Ok((row.get(0)?, u64::try_from(row.get::<_, i64>(1)?).unwrap_or(0))))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Puts the rows of a log up to byte `to` in the place of those that it had: names of tables with the values of a row each.
    ///
    /// # Errors
    /// They cannot be written.
    pub fn put(
        &mut self,
        session: &str,
        rows: &[(&str, Vec<Cell>)],
        tables: &[&str],
        to: u64,
    ) -> Result<(), QueryError> {
        let tx = self.db.transaction()?;
        for table in tables {
            tx.prepare_cached(&format!("DELETE FROM {table} WHERE session = ?1"))?.execute([session])?;
        }
        for (table, cells) in rows {
            let holes = vec!["?"; cells.len()].join(",");
            tx.prepare_cached(&format!("INSERT INTO {table} VALUES ({holes})"))?.execute(params_from_iter(cells))?;
        }
        tx.execute(
            "INSERT OR REPLACE INTO taken VALUES (?1, ?2)",
            params![session, i64::try_from(to).unwrap_or(i64::MAX)],
        )?;
        tx.commit()?;
        Ok(())
    }

    /// Forgets a session.
    ///
    /// # Errors
    /// They cannot be written.
    pub fn forget(&mut self, session: &str, tables: &[&str]) -> Result<(), QueryError> {
        let tx = self.db.transaction()?;
        for table in tables.iter().chain(&["taken"]) {
            tx.execute(&format!("DELETE FROM {table} WHERE session = ?1"), [session])?;
        }
        tx.commit()?;
        Ok(())
    }

    /// Answers one question, on a connection that can change nothing, within the limits.
    ///
    /// # Errors
    /// See [`QueryError`].
    pub fn ask(&self, sql: &str, most: usize) -> Result<Found, QueryError> {
        let db = Connection::open_with_flags(
            &self.path,
            OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )?;
        db.busy_timeout(PATIENCE)?;
        let mut query = db.prepare(sql)?;
        // ATTACH and PRAGMA read only, too, but lead elsewhere.
        let first = sql.trim_start().split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
        if !query.readonly() || !["select", "with", "values", "explain"].contains(&first.to_ascii_lowercase().as_str())
        {
            return Err(QueryError::NoQuestion);
        }
        let columns: Vec<String> = query.column_names().map(str::to_owned).collect();
        let (done, late) = std::sync::mpsc::channel::<()>();
        let handle = db.get_interrupt_handle();
        let watch = std::thread::Builder::new().spawn(move || {
            let limit = Duration::from_millis(ace_schema::limits::QUERY_MS);
            if late.recv_timeout(limit) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
                handle.interrupt();
            }
        });
        let mut found = Found { columns, ..Found::default() };
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            if found.rows.len() == most {
                found.more = true;
                break;
            }
            let cell = |i| {
                Ok(match row.get_ref(i)? {
                    ValueRef::Null => Cell::Null,
                    ValueRef::Integer(n) => Cell::Int(n),
                    ValueRef::Real(n) => Cell::Real(n),
                    ValueRef::Text(text) | ValueRef::Blob(text) => {
                        Cell::Text(String::from_utf8_lossy(text).into_owned())
                    }
                })
            };
            found.rows.push((0..found.columns.len()).map(cell).collect::<rusqlite::Result<_>>()?);
        }
        drop(done);
        drop(watch);
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMA: &str = "CREATE TABLE calls (session TEXT, tool TEXT, ms INTEGER);";

    fn filled(home: &Path) -> Tables {
        let mut tables = Tables::open(home, 1, SCHEMA).unwrap();
        let row = |tool: &str, ms| ("calls", vec![Cell::Text("a".into()), Cell::Text(tool.into()), Cell::Int(ms)]);
        tables.put("a", &[row("shell", 7), row("read", 1)], &["calls"], 90).unwrap();
        tables
    }

    #[test]
    fn rows_are_replaced_and_answered() {
        let home = tempfile::tempdir().unwrap();
        let mut tables = filled(home.path());
        let found = tables.ask("SELECT tool, sum(ms) AS ms FROM calls GROUP BY tool ORDER BY 2", 10).unwrap();
        assert_eq!(found.columns, ["tool", "ms"]);
        assert_eq!(found.rows, [[Cell::Text("read".into()), Cell::Int(1)], [Cell::Text("shell".into()), Cell::Int(7)]]);
        assert!(tables.ask("SELECT * FROM calls", 1).unwrap().more);
        tables.put("a", &[], &["calls"], 120).unwrap();
        assert_eq!((tables.ask("SELECT * FROM calls", 9).unwrap().rows.len(), tables.taken().unwrap()["a"]), (0, 120));
    }

    #[test]
    fn nothing_is_changed_and_nothing_else_is_opened_by_a_question() {
        let home = tempfile::tempdir().unwrap();
        let tables = filled(home.path());
        let other = home.path().join("other.db");
        for bad in [
            "DELETE FROM calls".to_owned(),
            "INSERT INTO calls VALUES ('x','y',1)".to_owned(),
            "PRAGMA user_version = 9".to_owned(),
            "PRAGMA table_info(calls)".to_owned(),
            format!("ATTACH DATABASE '{}' AS o", other.display()),
            "SELECT 1; DELETE FROM calls".to_owned(),
            "CREATE TABLE x (y)".to_owned(),
            "WITH x AS (SELECT 1) DELETE FROM calls".to_owned(),
            "nonsense".to_owned(),
            String::new(),
        ] {
            assert!(tables.ask(&bad, 9).is_err(), "{bad}");
        }
        assert_eq!(tables.ask("SELECT count(*) FROM calls", 9).unwrap().rows, [[Cell::Int(2)]]);
        assert!(!other.exists());
    }

    #[test]
    fn f20_tables_that_are_damaged_or_of_another_version_are_made_anew() {
        let home = tempfile::tempdir().unwrap();
        drop(filled(home.path()));
        for damage in 0..2 {
            match damage {
                0 => std::fs::write(home.path().join(FILE), b"no database").unwrap(),
                _ => Connection::open(home.path().join(FILE)).unwrap().pragma_update(None, "user_version", 7).unwrap(),
            }
            let tables = Tables::open(home.path(), 1, SCHEMA).unwrap();
            assert!(tables.taken().unwrap().is_empty());
            drop(tables);
            drop(filled(home.path()));
        }
    }
}
