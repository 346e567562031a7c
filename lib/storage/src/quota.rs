//! The ledger that all sessions of a home share: what was spent in each limit's scope, and what is set aside for calls under way.
//!
//! Every change is one transaction that nobody else can come between, so that of many processes the last one finds what all before
//! it have taken. What was spent can be told again from the logs; what is set aside belongs to a session, and whoever finds that
//! nobody holds a pen of that session any more gives it back. It knows no event: callers say what a record means.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ace_quota::{Scope, Settled, Spent, Standing};
use ace_schema::limits;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, Row, Transaction, TransactionBehavior, params};

/// Changes with every change of the tables.
const VERSION: i64 = 1;

const TABLES: &str = "
    CREATE TABLE totals (scope TEXT NOT NULL, period TEXT NOT NULL, money INTEGER NOT NULL, estimated INTEGER NOT NULL,
        tokens INTEGER NOT NULL, calls INTEGER NOT NULL, turns INTEGER NOT NULL, ms INTEGER NOT NULL,
        unpriced INTEGER NOT NULL, PRIMARY KEY (scope, period)) WITHOUT ROWID;
    CREATE TABLE holds (session TEXT NOT NULL, context TEXT NOT NULL, scope TEXT NOT NULL, period TEXT NOT NULL,
        at INTEGER NOT NULL, terms TEXT NOT NULL, money INTEGER NOT NULL, tokens INTEGER NOT NULL, calls INTEGER NOT NULL,
        turns INTEGER NOT NULL, PRIMARY KEY (session, context, scope, period)) WITHOUT ROWID;
    CREATE INDEX held ON holds (scope, period);
    CREATE TABLE seen (session TEXT PRIMARY KEY, seq INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE charged (session TEXT NOT NULL, context TEXT NOT NULL, PRIMARY KEY (session, context)) WITHOUT ROWID;
";

/// Why the ledger does not answer. Whoever cannot reach it makes no call.
#[derive(Debug, thiserror::Error)]
pub enum QuotaError {
    /// Others hold it for too long.
    #[error("others hold the ledger for more than {} s", limits::QUOTA_PATIENCE_MS / 1000)]
    Busy,
    /// It is of a newer version, or no ledger.
    #[error("the ledger is of version {0}, this is version {VERSION}")]
    Version(i64),
    /// It cannot be read or written.
    #[error("the ledger does not answer: {0}")]
    Sql(rusqlite::Error),
    /// Its folder cannot be made, or a log cannot be read.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl From<rusqlite::Error> for QuotaError {
    fn from(e: rusqlite::Error) -> Self {
        match e.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy,
            _ => Self::Sql(e),
        }
    }
}

/// An open ledger.
#[derive(Debug)]
pub struct Quota {
    db: Connection,
}

impl Quota {
    /// The folder of a home's ledger.
    #[must_use]
    pub fn folder(home: &Path) -> PathBuf {
        home.join("quota")
    }

    /// Makes that folder, so that rights to it can be given.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn make_folder(home: &Path) -> io::Result<PathBuf> {
        let folder = Self::folder(home);
        DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        Ok(folder)
    }

    /// Opens the ledger of a home. One that is not there yet is begun, and `fill` enters what the logs tell, all of it or nothing.
    ///
    /// # Errors
    /// See [`QuotaError`]; a damaged ledger is not replaced in silence, since what is set aside in it would be lost.
    pub fn open(home: &Path, fill: impl FnOnce(&Book<'_>) -> Result<(), QuotaError>) -> Result<Self, QuotaError> {
        let path = Self::make_folder(home)?.join("ledger.db");
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut db = Connection::open_with_flags(path, flags)?;
        db.busy_timeout(Duration::from_millis(limits::QUOTA_PATIENCE_MS))?;
        db.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;")?;
        let version = |db: &Connection| db.query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0));
        if version(&db)? == 0 {
            let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            // Another one may have begun it meanwhile.
            if version(&tx)? == 0 {
                tx.execute_batch(TABLES)?;
                fill(&Book { tx: &tx })?;
                tx.pragma_update(None, "user_version", VERSION)?;
            }
            tx.commit()?;
        }
        match version(&db)? {
            VERSION => Ok(Self { db }),
            other => Err(QuotaError::Version(other)),
        }
    }

    /// Removes the ledger; the next to open it tells it again from the logs.
    ///
    /// # Errors
    /// It cannot be removed.
    pub fn forget(home: &Path) -> io::Result<()> {
        for ending in ["ledger.db", "ledger.db-wal", "ledger.db-shm"] {
            match std::fs::remove_file(Self::folder(home).join(ending)) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
                _ => {}
            }
        }
        Ok(())
    }

    /// One transaction that nobody comes between; on error nothing of it is kept.
    ///
    /// # Errors
    /// See [`QuotaError`].
    pub fn with<T>(&mut self, act: impl FnOnce(&Book<'_>) -> Result<T, QuotaError>) -> Result<T, QuotaError> {
        let tx = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let result = act(&Book { tx: &tx })?;
        tx.commit()?;
        Ok(result)
    }
}

/// The ledger inside a transaction.
#[derive(Debug)]
pub struct Book<'a> {
    tx: &'a Transaction<'a>,
}

fn sql(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

fn number(row: &Row<'_>, at: usize) -> rusqlite::Result<u64> {
    Ok(u64::try_from(row.get::<_, i64>(at)?).unwrap_or(0))
}

/// `money, estimated, tokens, calls, turns, ms, unpriced` from that column on.
fn spent(row: &Row<'_>, at: usize) -> rusqlite::Result<Spent> {
    let n = |i: usize| number(row, at + i);
    Ok(Spent { money: n(0)?, estimated: n(1)?, tokens: n(2)?, calls: n(3)?, turns: n(4)?, ms: n(5)?, unpriced: n(6)? })
}

impl Book<'_> {
    /// How a scope stands.
    ///
    /// # Errors
    /// See [`QuotaError`].
    pub fn standing(&self, scope: &Scope) -> Result<Standing, QuotaError> {
        let settled = self
            .tx
            .prepare_cached(
                "SELECT money, estimated, tokens, calls, turns, ms, unpriced FROM totals WHERE scope = ?1 AND period = ?2",
            )?
            .query_row(params![scope.name, scope.period], |row| spent(row, 0))
            .optional()?
            .unwrap_or_default();
        let reserved = self
            .tx
            .prepare_cached(
                "SELECT total(money), total(tokens), total(calls), total(turns) FROM holds WHERE scope = ?1 AND period = ?2",
            )?
            .query_row(params![scope.name, scope.period], |row| {
                // The sums are floats so that they cannot overflow; the parts are far below what a float holds exactly.
                #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "sums of numbers from 0")]
                let n = |i: usize| row.get::<_, f64>(i).map(|n| n as u64);
                Ok(Spent { money: n(0)?, tokens: n(1)?, calls: n(2)?, turns: n(3)?, ..Spent::default() })
            })?;
        Ok(Standing { scope: scope.clone(), settled, reserved })
    }

    /// The terms under which something is set aside for that context already.
    ///
    /// # Errors
    /// See [`QuotaError`].
    pub fn held(&self, session: &str, context: &str) -> Result<Option<String>, QuotaError> {
        let mut query =
            self.tx.prepare_cached("SELECT terms FROM holds WHERE session = ?1 AND context = ?2 LIMIT 1")?;
        Ok(query.query_row([session, context], |row| row.get(0)).optional()?)
    }

    /// Sets something aside for a context in all these scopes (name and period), once. `at` is ms since 1970.
    ///
    /// # Errors
    /// See [`QuotaError`].
    pub fn hold(
        &self,
        (session, context): (&str, &str),
        (at, terms): (i64, &str),
        scopes: &[(String, String)],
        spent: &Spent,
    ) -> Result<(), QuotaError> {
        let mut insert =
            self.tx.prepare_cached("INSERT OR IGNORE INTO holds VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)")?;
        for (scope, period) in scopes {
            let (money, tokens, calls, turns) =
                (sql(spent.money), sql(spent.tokens), sql(spent.calls), sql(spent.turns));
            insert.execute(params![session, context, scope, period, at, terms, money, tokens, calls, turns])?;
        }
        Ok(())
    }

    /// Enters a call that has ended, in all these scopes, and gives back what was set aside for it. Each is entered once: `false`
    /// if it was entered before.
    ///
    /// # Errors
    /// See [`QuotaError`].
    pub fn settle(&self, call: &Settled, scopes: &[(String, String)]) -> Result<bool, QuotaError> {
        let (session, context) = (call.session.as_str(), call.context.as_str());
        let charged =
            self.tx.execute("DELETE FROM charged WHERE session = ?1 AND context = ?2", [session, context])? > 0;
        if call.seq == 0 {
            // No log tells it again, so it counts only against what was set aside.
            if self.held(session, context)?.is_none() {
                return Ok(false);
            }
        } else if call.seq <= self.seen(session)? {
            return Ok(false);
        } else {
            self.tx
                .prepare_cached("INSERT OR REPLACE INTO seen VALUES (?1, ?2)")?
                .execute(params![session, sql(call.seq)])?;
        }
        self.release(session, context)?;
        if charged {
            return Ok(false);
        }
        scopes.iter().try_for_each(|(scope, period)| self.add(scope, period, &call.spent))?;
        Ok(true)
    }

    fn add(&self, scope: &str, period: &str, s: &Spent) -> Result<(), QuotaError> {
        // A sum that no integer holds any more stays at the largest: it never begins again below.
        const MOST: &str = "9223372036854775807";
        let column =
            |c: &str| format!("{c} = CASE WHEN {c} > {MOST} - excluded.{c} THEN {MOST} ELSE {c} + excluded.{c} END");
        let columns = ["money", "estimated", "tokens", "calls", "turns", "ms", "unpriced"].map(column).join(", ");
        let query = format!(
            "INSERT INTO totals VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT (scope, period) DO UPDATE SET {columns}"
        );
        let n = [s.money, s.estimated, s.tokens, s.calls, s.turns, s.ms, s.unpriced].map(sql);
        self.tx.prepare_cached(&query)?.execute(params![scope, period, n[0], n[1], n[2], n[3], n[4], n[5], n[6]])?;
        Ok(())
    }

    /// The session is gone in the middle of a call: it may have taken all that was set aside for it, and counts as that. When its
    /// end is recorded later, it is not entered again.
    ///
    /// # Errors
    /// See [`QuotaError`].
    pub fn charge(&self, session: &str, context: &str) -> Result<(), QuotaError> {
        let mut query = self.tx.prepare_cached(
            "SELECT scope, period, money, tokens, calls, turns FROM holds WHERE session = ?1 AND context = ?2",
        )?;
        let rows = query.query_map([session, context], |row| {
            let money = number(row, 2)?;
            let (tokens, calls, turns) = (number(row, 3)?, number(row, 4)?, number(row, 5)?);
            let spent = Spent { money, estimated: money, tokens, calls, turns, ..Spent::default() };
            Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, spent))
        })?;
        let rows: Vec<_> = rows.collect::<rusqlite::Result<_>>()?;
        if rows.is_empty() {
            return Ok(());
        }
        rows.iter().try_for_each(|(scope, period, spent)| self.add(scope, period, spent))?;
        self.tx.execute("INSERT OR IGNORE INTO charged VALUES (?1, ?2)", [session, context])?;
        self.release(session, context)
    }

    /// Gives back what was set aside for a context.
    ///
    /// # Errors
    /// See [`QuotaError`].
    pub fn release(&self, session: &str, context: &str) -> Result<(), QuotaError> {
        self.tx.prepare_cached("DELETE FROM holds WHERE session = ?1 AND context = ?2")?.execute([session, context])?;
        Ok(())
    }

    /// For which contexts of a session something is set aside, and since when.
    ///
    /// # Errors
    /// See [`QuotaError`].
    pub fn contexts(&self, session: &str) -> Result<Vec<(String, i64)>, QuotaError> {
        let mut query = self.tx.prepare_cached("SELECT DISTINCT context, at FROM holds WHERE session = ?1")?;
        let rows = query.query_map([session], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// The sessions for which something is set aside.
    ///
    /// # Errors
    /// See [`QuotaError`].
    pub fn holders(&self) -> Result<Vec<String>, QuotaError> {
        let mut query = self.tx.prepare_cached("SELECT DISTINCT session FROM holds")?;
        let rows = query.query_map([], |row| row.get(0))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Up to which record of a session its calls are entered.
    ///
    /// # Errors
    /// See [`QuotaError`].
    pub fn seen(&self, session: &str) -> Result<u64, QuotaError> {
        let mut query = self.tx.prepare_cached("SELECT seq FROM seen WHERE session = ?1")?;
        Ok(query.query_row([session], |row| number(row, 0)).optional()?.unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ace_quota::Allowed;

    fn open(home: &Path) -> Quota {
        Quota::open(home, |_| Ok(())).unwrap()
    }

    fn scopes() -> Vec<(String, String)> {
        vec![("group g".into(), String::new()), ("day".into(), "2026-11-20".into())]
    }

    fn group() -> Scope {
        Scope { name: "group g".into(), allowed: Allowed { money: 100, ..Allowed::default() }, ..Scope::default() }
    }

    fn spent(money: u64) -> Spent {
        Spent { money, tokens: money, calls: 1, turns: 1, ..Spent::default() }
    }

    fn ended(session: &str, seq: u64, context: &str, money: u64) -> Settled {
        let (session, context) = (session.to_owned(), context.to_owned());
        Settled { session, seq, context, spent: spent(money), ..Settled::default() }
    }

    fn stands(quota: &mut Quota) -> (u64, u64) {
        let s = quota.with(|b| b.standing(&group())).unwrap();
        (s.settled.money, s.reserved.money)
    }

    #[test]
    fn what_is_set_aside_becomes_what_was_spent_once() {
        let home = tempfile::tempdir().unwrap();
        let mut quota = open(home.path());
        quota.with(|b| b.hold(("s", "c"), (1, "terms"), &scopes(), &spent(60))).unwrap();
        quota.with(|b| b.hold(("s", "c"), (2, "again"), &scopes(), &spent(90))).unwrap();
        assert_eq!(stands(&mut quota), (0, 60), "a rival's second hold is the first");
        assert_eq!(quota.with(|b| b.held("s", "c")).unwrap().as_deref(), Some("terms"));
        assert!(quota.with(|b| b.settle(&ended("s", 9, "c", 25), &scopes())).unwrap());
        assert!(!quota.with(|b| b.settle(&ended("s", 9, "c", 25), &scopes())).unwrap());
        assert_eq!(stands(&mut quota), (25, 0));
        drop(quota);
        assert_eq!(stands(&mut open(home.path())), (25, 0), "another process finds the same");
    }

    #[test]
    fn c05_a_session_that_is_gone_counts_as_its_worst_and_its_late_record_as_nothing() {
        let home = tempfile::tempdir().unwrap();
        let mut quota = open(home.path());
        quota.with(|b| b.hold(("s", "c"), (1, ""), &scopes(), &spent(60))).unwrap();
        quota.with(|b| b.charge("s", "c")).unwrap();
        quota.with(|b| b.charge("s", "c")).unwrap();
        assert_eq!(stands(&mut quota), (60, 0));
        assert!(!quota.with(|b| b.settle(&ended("s", 3, "c", 60), &scopes())).unwrap());
        assert_eq!(stands(&mut quota), (60, 0));
        assert!(quota.with(|b| b.settle(&ended("s", 8, "d", 7), &scopes())).unwrap());
        assert_eq!(stands(&mut quota), (67, 0));
    }

    #[test]
    fn an_error_in_the_middle_leaves_nothing_half_done() {
        let home = tempfile::tempdir().unwrap();
        let mut quota = open(home.path());
        let failed = quota.with(|b| {
            b.hold(("s", "c"), (1, ""), &scopes(), &spent(60))?;
            Err::<(), _>(QuotaError::Version(7))
        });
        assert!(failed.is_err());
        assert_eq!(stands(&mut quota), (0, 0));
        quota.with(|b| b.settle(&ended("s", 1, "c", u64::MAX), &scopes())).unwrap();
        quota.with(|b| b.settle(&ended("s", 2, "d", 5), &scopes())).unwrap();
        assert_eq!(stands(&mut quota).0, i64::MAX as u64, "a sum never begins again below");
    }

    #[test]
    fn c06_a_ledger_that_cannot_be_had_is_an_error_and_never_an_empty_one() {
        let home = tempfile::tempdir().unwrap();
        let mut quota = open(home.path());
        quota.with(|b| b.settle(&ended("s", 1, "c", 5), &scopes())).unwrap();
        drop(quota);
        let path = home.path().join("quota/ledger.db");
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, b"no ledger at all, just words that are long enough to be read as a page").unwrap();
        assert!(matches!(Quota::open(home.path(), |_| Ok(())), Err(QuotaError::Sql(_))));
        std::fs::write(&path, whole).unwrap();
        Connection::open(&path).unwrap().pragma_update(None, "user_version", VERSION + 1).unwrap();
        assert!(matches!(Quota::open(home.path(), |_| Ok(())), Err(QuotaError::Version(2))));
        assert!(matches!(Quota::open(Path::new("/proc/nowhere"), |_| Ok(())), Err(QuotaError::Io(_))));
    }

    #[test]
    fn a_new_ledger_is_filled_whole_or_not_at_all() {
        let home = tempfile::tempdir().unwrap();
        let half = Quota::open(home.path(), |b| {
            b.settle(&ended("s", 1, "c", 5), &scopes())?;
            Err(QuotaError::Io(io::Error::other("a log that cannot be read")))
        });
        assert!(half.is_err());
        let mut quota = Quota::open(home.path(), |b| b.settle(&ended("s", 4, "c", 6), &scopes()).map(drop)).unwrap();
        assert_eq!(stands(&mut quota), (6, 0));
        drop(quota);
        let mut again = Quota::open(home.path(), |_| Err(QuotaError::Version(0))).unwrap();
        assert_eq!(stands(&mut again), (6, 0), "one that is there is not filled again");
        drop(again);
        Quota::forget(home.path()).unwrap();
        Quota::forget(home.path()).unwrap();
        assert_eq!(stands(&mut open(home.path())), (0, 0));
    }
}
