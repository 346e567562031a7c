//! All sessions as cards. What a log said when it was read last is kept in an index that may be deleted; logs that grow are read on
//! from where they were left, so that a look costs what is new.

use std::collections::HashMap;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::sync::{Mutex, PoisonError};

use ace_schema::id;
use ace_schema::limits::web as limits;
use ace_storage::{Follower, Home, Index, IndexRow, Log};

use crate::card::{Card, Fold, Stand, stand};

/// Bytes of a log that a card covers, and the card.
struct Known {
    bytes: u64,
    card: Card,
}

/// A session that grows.
struct Growing {
    fold: Fold,
    follow: Follower,
    /// The file it reads: one that was written anew is another.
    file: u64,
    used: u64,
}

#[derive(Default)]
struct Inner {
    known: HashMap<String, Known>,
    growing: HashMap<String, Growing>,
    index: Option<Index>,
    began: bool,
    uses: u64,
}

/// The sessions of a home.
pub struct Board {
    home: Home,
    inner: Mutex<Inner>,
}

impl Board {
    /// The sessions of that home; nothing is read yet.
    #[must_use]
    pub fn new(home: Home) -> Self {
        Self { home, inner: Mutex::default() }
    }

    /// The log of that id; `None` for what is no id or not there.
    #[must_use]
    pub fn log(&self, session: &str) -> Option<Log> {
        let log = id::is_session(session).then(|| self.home.log(session))?;
        log.file().is_file().then_some(log)
    }

    /// Every session, who waits for a person longest first, then the one that spoke last.
    ///
    /// # Errors
    /// The home cannot be read.
    pub fn cards(&self) -> io::Result<Vec<Card>> {
        let all = self.home.sessions()?;
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.begin(&self.home);
        let (mut fresh, mut cards) = (Vec::new(), Vec::with_capacity(all.len()));
        for one in &all {
            let log = self.home.log(&one.id);
            let bytes = std::fs::metadata(log.file()).map_or(0, |m| m.len());
            if inner.known.get(&one.id).is_none_or(|known| known.bytes != bytes) {
                let card = inner.read(&one.id, &log);
                fresh.push(IndexRow {
                    id: one.id.clone(),
                    bytes,
                    facts: serde_json::to_string(&card).unwrap_or_default(),
                });
                inner.known.insert(one.id.clone(), Known { bytes, card });
            }
            let Some(known) = inner.known.get(&one.id) else { continue };
            let mut card = known.card.clone();
            if card.state != Stand::Damaged {
                stand(&mut card, Some(&log));
            }
            cards.push(card);
        }
        let there: std::collections::HashSet<&str> = all.iter().map(|one| one.id.as_str()).collect();
        let gone: Vec<String> = inner.known.keys().filter(|id| !there.contains(id.as_str())).cloned().collect();
        for id in &gone {
            inner.known.remove(id);
            inner.growing.remove(id);
        }
        if let Some(index) = inner.index.as_mut().filter(|_| !fresh.is_empty() || !gone.is_empty()) {
            // An index that takes nothing is as good as none.
            let _ = index.put(&fresh, &gone);
        }
        drop(inner);
        cards.sort_by(|a, b| {
            let waits = |c: &Card| c.asks.first().map(|ask| ask.since.clone());
            match (waits(a), waits(b)) {
                (Some(a), Some(b)) => a.cmp(&b),
                (Some(_), None) => std::cmp::Ordering::Less,
                (None, Some(_)) => std::cmp::Ordering::Greater,
                (None, None) => b.last.cmp(&a.last),
            }
        });
        Ok(cards)
    }

    /// One session as it is now.
    ///
    /// # Errors
    /// Its log cannot be read.
    pub fn with<T>(&self, session: &str, log: &Log, look: impl FnOnce(&Fold) -> T) -> io::Result<T> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.grow(session, log).map(look)
    }
}

impl Inner {
    fn begin(&mut self, home: &Home) {
        if std::mem::replace(&mut self.began, true) {
            return;
        }
        self.index = Index::open(&home.path().join("serve"));
        let rows = self.index.as_ref().and_then(|index| index.rows().ok()).unwrap_or_default();
        for (id, row) in rows {
            if let Ok(card) = serde_json::from_str(&row.facts) {
                self.known.insert(id, Known { bytes: row.bytes, card });
            }
        }
    }

    fn read(&mut self, id: &str, log: &Log) -> Card {
        let seen = self.known.contains_key(id);
        let card = match seen {
            // It has grown since it was looked at, so it will again.
            true => self.grow(id, log).map(|fold| fold.card(id, log, true)),
            false => Fold::of(log, None).map(|fold| fold.card(id, log, true)),
        };
        card.unwrap_or_else(|_| {
            self.growing.remove(id);
            let detail = "damaged: ace verify tells where".to_owned();
            Card { id: id.to_owned(), name: id.to_owned(), state: Stand::Damaged, detail, ..Card::default() }
        })
    }

    fn grow(&mut self, id: &str, log: &Log) -> io::Result<&Fold> {
        self.uses += 1;
        let file = std::fs::metadata(log.file())?.ino();
        if self.growing.get(id).is_some_and(|growing| growing.file != file) {
            self.growing.remove(id);
        }
        if !self.growing.contains_key(id) {
            if self.growing.len() >= limits::FOLDS {
                let oldest = self.growing.iter().min_by_key(|(_, g)| g.used).map(|(id, _)| id.clone());
                oldest.map(|id| self.growing.remove(&id));
            }
            let fold = Fold { state: ace_core::State::new(), ..Fold::default() };
            self.growing.insert(id.to_owned(), Growing { fold, follow: log.follow(0)?, file, used: 0 });
        }
        let uses = self.uses;
        let growing = self.growing.get_mut(id).ok_or(io::ErrorKind::NotFound)?;
        growing.used = uses;
        loop {
            let lines = growing.follow.read()?;
            if lines.is_empty() {
                return Ok(&growing.fold);
            }
            growing.fold.take(lines)?;
        }
    }
}
