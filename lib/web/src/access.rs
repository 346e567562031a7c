//! Who may: the token of the link, the logins of browsers, share links, and tickets for streams. Secrets are kept as hashes but for
//! the token itself, which has to be shown again. What is kept here is no truth of a session: lose it, and a new link is all it takes.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::net::IpAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;

use ace_schema::limits::web as limits;
use ace_storage::{Clock, hex, sha256};

/// What a request may reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Everything: who started the server.
    Owner,
    /// One session, to look at.
    Share {
        /// The share link.
        share: String,
        /// Its session.
        session: String,
    },
}

/// What somebody showed and what it is good for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// What it reaches.
    pub scope: Scope,
    /// When it ends, ms since 1970.
    pub until: Option<i64>,
    /// Hash of the login's cookie, if it came by one.
    pub login: Option<String>,
}

impl Grant {
    /// The one who started the server.
    #[must_use]
    pub fn owner() -> Self {
        Self { scope: Scope::Owner, until: None, login: None }
    }

    /// Whether it is the owner's.
    #[must_use]
    pub fn is_owner(&self) -> bool {
        self.scope == Scope::Owner
    }

    /// Whether it reaches that session.
    #[must_use]
    pub fn reaches(&self, session: &str) -> bool {
        match &self.scope {
            Scope::Owner => true,
            Scope::Share { session: own, .. } => own == session,
        }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Login {
    key: String,
    until: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    share: Option<String>,
}

/// A link to one session, to look at.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Share {
    /// Its name, by which it is revoked.
    pub share: String,
    /// The session.
    pub session: String,
    /// When it was made, ms since 1970.
    pub created_ms: i64,
    /// When it ends, ms since 1970.
    pub expires_ms: i64,
    /// How often it was opened.
    pub opened: u64,
    /// Who made it.
    pub by: String,
    /// Hash of its token.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    key: String,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Kept {
    logins: Vec<Login>,
    shares: Vec<Share>,
}

/// What a ticket opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Door {
    /// The events of a session.
    Session(String),
    /// The list of sessions.
    List,
    /// A terminal.
    Terminal(String),
}

struct Ticket {
    door: Door,
    grant: Grant,
    until: Instant,
}

/// The keys of one server.
pub struct Access {
    folder: PathBuf,
    token: String,
    kept: Mutex<Kept>,
    tickets: Mutex<HashMap<String, Ticket>>,
    failures: Mutex<HashMap<IpAddr, (u32, Instant)>>,
    changed: watch::Sender<u64>,
}

fn now() -> i64 {
    Clock::System.now()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How the token of a share link begins.
pub const SHARE: &str = "share_";

/// 256 random bits as text.
fn secret() -> io::Result<String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(bytes))
}

fn key_of(secret: &str) -> String {
    hex(&sha256(secret.as_bytes()))
}

/// Whether two hashes are equal, in a time that does not tell where they differ.
fn same(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.bytes().zip(b.bytes()).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
}

impl Access {
    /// The keys kept in the folder `serve` of the home; made at the first start, and anew with `renew`, which ends every login.
    ///
    /// # Errors
    /// They cannot be read or written, or there is no randomness.
    pub fn open(home: &Path, renew: bool) -> io::Result<Self> {
        let folder = home.join("serve");
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        let file = folder.join("token");
        let kept = match std::fs::read_to_string(&file) {
            Ok(text) => Some(text.trim().to_owned()).filter(|token| token.len() == 43),
            Err(e) if e.kind() == io::ErrorKind::NotFound => None,
            Err(e) => return Err(e),
        };
        let grants = match std::fs::read(folder.join("grants.json")) {
            Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or_default(),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Kept::default(),
            Err(e) => return Err(e),
        };
        let (token, grants) = match kept.filter(|_| !renew) {
            Some(token) => (token, grants),
            None => {
                let token = secret()?;
                write(&file, token.as_bytes())?;
                (token, Kept { logins: Vec::new(), ..grants })
            }
        };
        let access = Self {
            folder,
            token,
            kept: Mutex::new(grants),
            tickets: Mutex::default(),
            failures: Mutex::default(),
            changed: watch::Sender::new(0),
        };
        access.change(|_| ())?;
        Ok(access)
    }

    /// The token of the link.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Changes what is kept and brings it to the disk.
    fn change<T>(&self, with: impl FnOnce(&mut Kept) -> T) -> io::Result<T> {
        let mut kept = lock(&self.kept);
        let now = now();
        kept.shares.retain(|share| share.expires_ms > now);
        let shares: Vec<String> = kept.shares.iter().map(|s| s.share.clone()).collect();
        kept.logins.retain(|l| l.until > now && l.share.as_ref().is_none_or(|s| shares.contains(s)));
        let done = with(&mut kept);
        let text = serde_json::to_vec(&*kept).map_err(io::Error::other)?;
        write(&self.folder.join("grants.json"), &text)?;
        drop(kept);
        self.changed.send_modify(|n| *n += 1);
        Ok(done)
    }

    /// Tells every time a grant may have ended.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// What a bearer's token is good for.
    #[must_use]
    pub fn bearer(&self, token: &str) -> Option<Grant> {
        let key = key_of(token);
        if same(&key, &key_of(&self.token)) {
            return Some(Grant::owner());
        }
        let kept = lock(&self.kept);
        let share = kept.shares.iter().find(|s| same(&s.key, &key) && s.expires_ms > now())?;
        Some(grant_of(share, None))
    }

    /// What a login's cookie is good for.
    #[must_use]
    pub fn cookie(&self, value: &str) -> Option<Grant> {
        let key = key_of(value);
        let kept = lock(&self.kept);
        let login = kept.logins.iter().find(|l| same(&l.key, &key) && l.until > now())?;
        match &login.share {
            None => Some(Grant { until: Some(login.until), login: Some(key), ..Grant::owner() }),
            Some(id) => {
                let share = kept.shares.iter().find(|s| s.share == *id && s.expires_ms > now())?;
                Some(grant_of(share, Some(key)))
            }
        }
    }

    /// Whether a grant is still good.
    #[must_use]
    pub fn holds(&self, grant: &Grant) -> bool {
        if grant.until.is_some_and(|until| until <= now()) {
            return false;
        }
        let kept = lock(&self.kept);
        let logged_in = grant.login.as_ref().is_none_or(|key| kept.logins.iter().any(|l| l.key == *key));
        let shared = match &grant.scope {
            Scope::Owner => true,
            Scope::Share { share, .. } => kept.shares.iter().any(|s| s.share == *share),
        };
        logged_in && shared
    }

    /// A new login with the rights of `grant`: the cookie's value, never one that was there before.
    ///
    /// # Errors
    /// It cannot be kept.
    pub fn login(&self, grant: &Grant) -> io::Result<String> {
        let value = secret()?;
        let share = match &grant.scope {
            Scope::Owner => None,
            Scope::Share { share, .. } => Some(share.clone()),
        };
        let until = now() + limits::LOGIN_MS;
        self.change(|kept| {
            if let Some(share) = kept.shares.iter_mut().find(|s| Some(&s.share) == share.as_ref()) {
                share.opened += 1;
            }
            if kept.logins.len() >= limits::LOGINS {
                kept.logins.remove(0);
            }
            kept.logins.push(Login { key: key_of(&value), until, share });
        })?;
        Ok(value)
    }

    /// Ends a login.
    ///
    /// # Errors
    /// That cannot be kept.
    pub fn logout(&self, grant: &Grant) -> io::Result<()> {
        self.change(|kept| kept.logins.retain(|l| Some(&l.key) != grant.login.as_ref()))
    }

    /// A new link to look at one session: itself, and its token, which nobody is told again.
    ///
    /// # Errors
    /// It cannot be kept, or there are too many.
    pub fn share(&self, session: &str, seconds: u64, by: &str) -> io::Result<(Share, String)> {
        let (token, id) = (format!("{SHARE}{}", secret()?), secret()?);
        let ms = i64::try_from(seconds.saturating_mul(1000)).unwrap_or(i64::MAX).min(limits::SHARE_MS);
        let share = Share {
            share: id[..16].to_owned(),
            session: session.to_owned(),
            created_ms: now(),
            expires_ms: now() + ms,
            opened: 0,
            by: by.to_owned(),
            key: key_of(&token),
        };
        let kept = self.change(|kept| {
            let fits = kept.shares.len() < limits::SHARES;
            if fits {
                kept.shares.push(share.clone());
            }
            fits
        })?;
        match kept {
            true => Ok((share, token)),
            false => Err(io::Error::other("too many share links")),
        }
    }

    /// The share links there are, of one session or all.
    #[must_use]
    pub fn shares(&self, session: Option<&str>) -> Vec<Share> {
        let fits = |share: &&Share| share.expires_ms > now() && session.is_none_or(|s| s == share.session);
        lock(&self.kept).shares.iter().filter(fits).map(|s| Share { key: String::new(), ..s.clone() }).collect()
    }

    /// Takes a share link back; whether there was one. Its streams end.
    ///
    /// # Errors
    /// That cannot be kept.
    pub fn revoke(&self, share: &str) -> io::Result<bool> {
        self.change(|kept| {
            let before = kept.shares.len();
            kept.shares.retain(|s| s.share != share);
            kept.logins.retain(|l| l.share.as_deref() != Some(share));
            kept.shares.len() < before
        })
    }

    /// A ticket for one stream, good once and for half a minute.
    ///
    /// # Errors
    /// There is no randomness.
    pub fn ticket(&self, door: Door, grant: &Grant) -> io::Result<String> {
        let value = secret()?;
        let mut tickets = lock(&self.tickets);
        tickets.retain(|_, t| t.until > Instant::now());
        if tickets.len() >= limits::TICKETS {
            return Err(io::Error::other("too many tickets"));
        }
        let until = Instant::now() + Duration::from_secs(limits::TICKET_SECONDS);
        tickets.insert(key_of(&value), Ticket { door, grant: grant.clone(), until });
        Ok(value)
    }

    /// What a ticket opens that door for; whatever it was, it is gone then.
    #[must_use]
    pub fn redeem(&self, ticket: &str, door: &Door) -> Option<Grant> {
        let ticket = lock(&self.tickets).remove(&key_of(ticket))?;
        (ticket.door == *door && ticket.until > Instant::now() && self.holds(&ticket.grant)).then_some(ticket.grant)
    }

    /// Counts a failed attempt; whether there were too many from there.
    pub fn failed(&self, address: Option<IpAddr>) -> bool {
        let Some(address) = address else { return false };
        let mut failures = lock(&self.failures);
        if failures.len() >= limits::FAILING_ADDRESSES {
            failures.retain(|_, (_, since)| since.elapsed() < limits::FAILURE_WINDOW);
            if failures.len() >= limits::FAILING_ADDRESSES {
                return true;
            }
        }
        let (count, since) = failures.entry(address).or_insert((0, Instant::now()));
        if since.elapsed() >= limits::FAILURE_WINDOW {
            (*count, *since) = (0, Instant::now());
        }
        *count = count.saturating_add(1);
        *count > limits::FAILURES
    }
}

fn grant_of(share: &Share, login: Option<String>) -> Grant {
    let scope = Scope::Share { share: share.share.clone(), session: share.session.clone() };
    Grant { scope, until: Some(share.expires_ms), login }
}

/// Writes a file as a whole, for its owner alone.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let aside = path.with_extension(format!("new-{}", std::process::id()));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&aside)?;
    file.write_all(bytes)?;
    std::fs::rename(&aside, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> (tempfile::TempDir, Access) {
        let home = tempfile::tempdir().unwrap();
        let access = Access::open(home.path(), false).unwrap();
        (home, access)
    }

    #[test]
    fn the_token_stays_over_restarts_and_changes_when_asked() {
        let (home, access) = place();
        let (token, cookie) = (access.token().to_owned(), access.login(&Grant::owner()).unwrap());
        let again = Access::open(home.path(), false).unwrap();
        assert_eq!(again.token(), token);
        assert!(again.cookie(&cookie).is_some_and(|g| g.is_owner()));
        let renewed = Access::open(home.path(), true).unwrap();
        assert!(renewed.token() != token && renewed.bearer(&token).is_none() && renewed.cookie(&cookie).is_none());
        let kept = std::fs::read_to_string(home.path().join("serve/grants.json")).unwrap();
        assert!(!kept.contains(&cookie));
    }

    #[test]
    fn b08_a_login_never_takes_a_value_that_was_there() {
        let (_home, access) = place();
        let values: Vec<_> = (0..3).map(|_| access.login(&Grant::owner()).unwrap()).collect();
        assert!(values[0] != values[1] && values[1] != values[2]);
        assert!(access.cookie("preset").is_none());
        let first = access.cookie(&values[0]).unwrap();
        access.logout(&first).unwrap();
        assert!(!access.holds(&first) && access.cookie(&values[1]).is_some());
    }

    #[test]
    fn b29_a_share_reaches_one_session_until_it_ends_or_is_taken_back() {
        let (_home, access) = place();
        let (share, token) = access.share("s1", 60, "mira").unwrap();
        let grant = access.bearer(&token).unwrap();
        assert!(grant.reaches("s1") && !grant.reaches("s2") && !grant.is_owner());
        let login = access.cookie(&access.login(&grant).unwrap()).unwrap();
        assert_eq!(login.scope, grant.scope);
        assert_eq!(access.shares(Some("s1"))[0].opened, 1);
        assert!(access.revoke(&share.share).unwrap() && !access.revoke(&share.share).unwrap());
        assert!(!access.holds(&grant) && !access.holds(&login) && access.bearer(&token).is_none());
        let (_, token) = access.share("s1", 0, "mira").unwrap();
        assert!(access.bearer(&token).is_none(), "it has ended at once");
    }

    #[test]
    fn b04_a_ticket_opens_its_own_door_once() {
        let (_home, access) = place();
        let door = |s: &str| Door::Session(s.to_owned());
        let ticket = access.ticket(door("a"), &Grant::owner()).unwrap();
        assert!(access.redeem(&ticket, &door("a")).is_some());
        assert!(access.redeem(&ticket, &door("a")).is_none(), "used");
        let ticket = access.ticket(door("a"), &Grant::owner()).unwrap();
        assert!(access.redeem(&ticket, &door("b")).is_none(), "another session's");
        assert!(access.redeem(&ticket, &door("a")).is_none(), "gone by the attempt");
        let ticket = access.ticket(Door::List, &Grant::owner()).unwrap();
        lock(&access.tickets).values_mut().for_each(|t| t.until = Instant::now());
        assert!(access.redeem(&ticket, &Door::List).is_none(), "too old");
    }

    #[test]
    fn b10_how_wrong_a_token_is_does_not_show_in_the_time_it_takes() {
        let (_home, access) = place();
        let token = access.token().to_owned();
        let swap = |at: usize| {
            let other = if token.as_bytes()[at] == b'A' { 'B' } else { 'A' };
            format!("{}{other}{}", &token[..at], &token[at + 1..])
        };
        let (early, late) = (swap(0), swap(42));
        let take = |token: &str| {
            let began = Instant::now();
            assert!(access.bearer(std::hint::black_box(token)).is_none());
            began.elapsed().as_nanos() as f64
        };
        // Welch's t over what is not an outlier, in turns so that a busy machine is busy for both. Chance alone goes beyond 4.5 once in
        // a hundred thousand times; a difference that is there goes beyond it every time.
        let t = || {
            let mut times = [Vec::new(), Vec::new()];
            for _ in 0..20_000 {
                times[0].push(take(&early));
                times[1].push(take(&late));
            }
            let [a, b] = times.map(|mut of| {
                of.sort_by(f64::total_cmp);
                of.truncate(18_000);
                let n = of.len() as f64;
                let mean = of.iter().sum::<f64>() / n;
                (mean, of.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0) / n)
            });
            ((a.0 - b.0) / (a.1 + b.1).sqrt()).abs()
        };
        assert!((0..10).any(|_| t() < 4.5));
        assert!(same("ab", "ab") && !same("ab", "ac") && !same("ab", "abc") && !same("", "a"));
    }

    #[test]
    fn b11_failures_are_counted_by_address() {
        let (_home, access) = place();
        let (one, two): (IpAddr, IpAddr) = ([10, 0, 0, 1].into(), [10, 0, 0, 2].into());
        for _ in 0..limits::FAILURES {
            assert!(!access.failed(Some(one)));
        }
        assert!(access.failed(Some(one)) && !access.failed(Some(two)));
        assert!(access.bearer(access.token()).is_some(), "who knows the token is let in all the same");
    }
}
