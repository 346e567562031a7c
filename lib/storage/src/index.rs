//! The index of a home: what is known of each session up to some byte of its log, and the words in it. A projection: delete it and
//! it is made again; it never holds up an append, and whoever cannot open it reads the logs instead.
//!
//! What a row says about a session is the caller's text: this room knows no turn.

use rusqlite::{Connection, ErrorCode, OpenFlags, params};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Changes with every change of the tables: an index of another version is made again.
const VERSION: i64 = 1;

/// How long a writer waits for another before it goes on without the index.
const PATIENCE: Duration = Duration::from_millis(200);

const TABLES: &str = "
    CREATE TABLE sessions (id TEXT PRIMARY KEY, bytes INTEGER NOT NULL, facts TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE read (id TEXT PRIMARY KEY, bytes INTEGER NOT NULL) WITHOUT ROWID;
    CREATE VIRTUAL TABLE words USING fts5(text, session UNINDEXED, seq UNINDEXED, type UNINDEXED, tokenize = 'unicode61');
";

/// What is known of one session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its id.
    pub id: String,
    /// Bytes of its log that this covers.
    pub bytes: u64,
    /// What the caller knows, as it wrote it.
    pub facts: String,
}

/// One place where words were found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// Session id.
    pub session: String,
    /// The record.
    pub seq: u64,
    /// Its type.
    pub ty: String,
    /// The text around, the words between `\u{1}` and `\u{2}`.
    pub around: String,
}

/// A text to be found again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    /// The record.
    pub seq: u64,
    /// Its type.
    pub ty: String,
    /// The text.
    pub text: String,
}

/// An open index.
#[derive(Debug)]
pub struct Index {
    db: Connection,
}

impl Index {
    /// Opens the index of a home; one that is missing, damaged or of another version is made anew. `None` if it cannot be had at
    /// all (a read-only home, another program at it for too long): the logs are then all there is.
    #[must_use]
    pub fn open(home: &Path) -> Option<Self> {
        let path = home.join("index.db");
        match Self::try_open(&path) {
            Ok(index) => Some(index),
            Err(e) if is_busy(&e) => None,
            Err(_) => {
                remove(&path);
                Self::try_open(&path).ok()
            }
        }
    }

    fn try_open(path: &PathBuf) -> rusqlite::Result<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut db = Connection::open_with_flags(path, flags)?;
        db.busy_timeout(PATIENCE)?;
        // It can always be made again, so it need not survive a power cut.
        db.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;")?;
        let version: i64 = db.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        match version {
            VERSION => {
                // A damaged file often opens well and fails at the first look.
                db.query_row("SELECT count(*) FROM read", [], |row| row.get::<_, i64>(0))?;
            }
            0 => {
                let tx = db.transaction()?;
                tx.execute_batch(TABLES)?;
                tx.pragma_update(None, "user_version", VERSION)?;
                tx.commit()?;
            }
            _ => return Err(rusqlite::Error::InvalidQuery),
        }
        Ok(Self { db })
    }

    /// Everything known, by session.
    ///
    /// # Errors
    /// The index cannot be read; remove it with [`Index::forget`] and go on without.
    pub fn rows(&self) -> Result<HashMap<String, Row>, IndexError> {
        let mut all = HashMap::new();
        self.each(|id, bytes, facts| {
            all.insert(id.to_owned(), Row { id: id.to_owned(), bytes, facts: facts.to_owned() });
        })?;
        Ok(all)
    }

    /// Hands on everything known, the newest session first: its id, the bytes of its log that are covered, and the caller's text.
    ///
    /// # Errors
    /// The index cannot be read; what was handed on before holds.
    pub fn each(&self, mut take: impl FnMut(&str, u64, &str)) -> Result<(), IndexError> {
        let mut query = self.db.prepare("SELECT id, bytes, facts FROM sessions ORDER BY id DESC")?;
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            let text = |column| row.get_ref(column).map(|value| value.as_str().unwrap_or_default());
            take(text(0)?, bytes(row.get(1)?), text(2)?);
        }
        Ok(())
    }

    /// Writes rows, and forgets the sessions that are no longer there.
    ///
    /// # Errors
    /// The index cannot be written.
    pub fn put(&mut self, rows: &[Row], gone: &[String]) -> Result<(), IndexError> {
        let tx = self.db.transaction()?;
        for row in rows {
            let known = i64::try_from(row.bytes).unwrap_or(i64::MAX);
            tx.prepare_cached("INSERT OR REPLACE INTO sessions VALUES (?1, ?2, ?3)")?
                .execute(params![row.id, known, row.facts])?;
        }
        for id in gone {
            tx.execute("DELETE FROM sessions WHERE id = ?1", [id])?;
            tx.execute("DELETE FROM read WHERE id = ?1", [id])?;
            tx.execute("DELETE FROM words WHERE session = ?1", [id])?;
        }
        tx.commit()?;
        Ok(())
    }

    /// Up to which byte of each log its words are in the index.
    ///
    /// # Errors
    /// The index cannot be read.
    pub fn read_up_to(&self) -> Result<HashMap<String, u64>, IndexError> {
        let mut query = self.db.prepare("SELECT id, bytes FROM read")?;
        let rows = query.query_map([], |row| Ok((row.get::<_, String>(0)?, bytes(row.get(1)?))))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Adds the words of a log up to byte `to`.
    ///
    /// # Errors
    /// The index cannot be written.
    pub fn add_words(&mut self, session: &str, words: &[Words], to: u64) -> Result<(), IndexError> {
        let tx = self.db.transaction()?;
        for one in words {
            let seq = i64::try_from(one.seq).unwrap_or(i64::MAX);
            tx.prepare_cached("INSERT INTO words (text, session, seq, type) VALUES (?1, ?2, ?3, ?4)")?
                .execute(params![one.text, session, seq, one.ty])?;
        }
        let to = i64::try_from(to).unwrap_or(i64::MAX);
        tx.execute("INSERT OR REPLACE INTO read VALUES (?1, ?2)", params![session, to])?;
        tx.commit()?;
        Ok(())
    }

    /// Where all of these words stand, the newest sessions first. Every word is taken as it is: no query language.
    ///
    /// # Errors
    /// The index cannot be read.
    pub fn search(&self, words: &str, most: usize) -> Result<Vec<Hit>, IndexError> {
        let quoted: Vec<String> = words.split_whitespace().map(|w| format!("\"{}\"", w.replace('"', "\"\""))).collect();
        if quoted.is_empty() {
            return Ok(Vec::new());
        }
        let mut query = self.db.prepare(
            "SELECT session, seq, type, snippet(words, 0, char(1), char(2), '…', 16) FROM words
             WHERE words MATCH ?1 ORDER BY session DESC, CAST(seq AS INTEGER) LIMIT ?2",
        )?;
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let hits = query.query_map(params![quoted.join(" "), most], |row| {
            Ok(Hit { session: row.get(0)?, seq: bytes(row.get(1)?), ty: row.get(2)?, around: row.get(3)? })
        })?;
        Ok(hits.collect::<rusqlite::Result<_>>()?)
    }

    /// Removes the index of a home; it will be made again.
    pub fn forget(home: &Path) {
        remove(&home.join("index.db"));
    }
}

/// The index does not answer. Nothing is lost: the logs say the same.
#[derive(Debug, thiserror::Error)]
#[error("the index does not answer: {0}")]
pub struct IndexError(#[from] rusqlite::Error);

fn bytes(n: i64) -> u64 {
    u64::try_from(n).unwrap_or(0)
}

fn is_busy(e: &rusqlite::Error) -> bool {
    matches!(e.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

fn remove(path: &Path) {
    for ending in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        // What is not there need not be removed; what cannot be is found out by the next open.
        let _ = std::fs::remove_file(PathBuf::from(name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: &str, facts: &str) -> Row {
        Row { id: id.to_owned(), bytes: 7, facts: facts.to_owned() }
    }

    fn filled(home: &Path) -> Index {
        let mut index = Index::open(home).unwrap();
        index.put(&[row("a", "one"), row("b", "two")], &[]).unwrap();
        let words = Words { seq: 3, ty: "user.message".into(), text: "fix the Überlauf in \"median\"".into() };
        index.add_words("a", &[words], 90).unwrap();
        index
    }

    #[test]
    fn rows_and_words_come_back_and_go_with_their_session() {
        let home = tempfile::tempdir().unwrap();
        let mut index = filled(home.path());
        index.put(&[row("b", "three")], &[]).unwrap();
        assert_eq!(index.rows().unwrap()["b"].facts, "three");
        assert_eq!(index.read_up_to().unwrap()["a"], 90);
        let hits = index.search("überlauf median", 10).unwrap();
        assert_eq!((hits.len(), hits[0].seq, hits[0].session.as_str()), (1, 3, "a"));
        for odd in ["\"", "a OR", "NEAR(", "*", "", "  ", "-x", "col:x"] {
            assert!(index.search(odd, 10).is_ok(), "{odd:?}");
        }
        index.put(&[], &["a".to_owned()]).unwrap();
        assert!(index.search("median", 10).unwrap().is_empty());
        assert_eq!(index.rows().unwrap().len(), 1);
    }

    #[test]
    fn f20_a_deleted_damaged_older_or_newer_index_is_made_again() {
        let home = tempfile::tempdir().unwrap();
        drop(filled(home.path()));
        let path = home.path().join("index.db");
        for damage in 0..5 {
            match damage {
                0 => std::fs::remove_file(&path).unwrap(),
                1 => std::fs::write(&path, b"not a database at all, just words").unwrap(),
                2 => std::fs::write(&path, b"").unwrap(),
                3 => Connection::open(&path).unwrap().pragma_update(None, "user_version", VERSION + 1).unwrap(),
                _ => {
                    let mut bytes = std::fs::read(&path).unwrap();
                    bytes.truncate(bytes.len() / 2);
                    std::fs::write(&path, bytes).unwrap();
                    let _ = std::fs::remove_file(home.path().join("index.db-wal"));
                }
            }
            let index = Index::open(home.path()).unwrap();
            assert!(index.rows().is_ok_and(|rows| rows.is_empty()), "damage {damage}");
            drop(index);
            drop(filled(home.path()));
        }
    }

    #[test]
    fn f20_an_index_that_another_holds_is_done_without() {
        let home = tempfile::tempdir().unwrap();
        drop(filled(home.path()));
        let other = Connection::open(home.path().join("index.db")).unwrap();
        other.execute_batch("BEGIN EXCLUSIVE").unwrap();
        let index = Index::open(home.path());
        let written = index.map(|mut i| i.put(&[row("c", "x")], &[]).is_ok());
        assert!(written != Some(true));
        other.execute_batch("COMMIT").unwrap();
        assert_eq!(Index::open(home.path()).unwrap().rows().unwrap().len(), 2);
    }

    #[test]
    fn a_home_that_cannot_be_written_has_no_index() {
        assert!(Index::open(Path::new("/proc/nowhere")).is_none());
    }
}
