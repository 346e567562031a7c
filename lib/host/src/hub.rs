//! Where recorded lines go out: one reader of the log, every filter's feed, and the one who watches.

use ace_schema::{Line, limits};
use ace_storage::{Follower, Log};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::feed::{Backlog, Feed, catch_up};
use crate::news::Teller;
use crate::star::News;

/// The reader and its audience.
pub struct Hub {
    follow: Follower,
    feeds: Vec<Feed>,
    watcher: Teller,
    /// It stopped before the end of the log, because the watcher has not heard the rest yet.
    behind: bool,
    /// Feeds that fell behind in the last pump, with what they lack and a reader that stands behind it.
    fallen: Vec<(usize, Backlog, Follower)>,
    /// Since when a feed holds lines back that are not urgent.
    holds: Option<Instant>,
}

/// How long lines that are not urgent may wait.
pub const HELD: Duration = Duration::from_millis(limits::FEED_WAITING_MS);

impl Hub {
    /// A hub whose reader stands where `follow` stands.
    pub fn new(follow: Follower, watcher: Teller) -> Self {
        Self { follow, feeds: Vec::new(), watcher, behind: false, fallen: Vec::new(), holds: None }
    }

    /// Bytes of the log handed on so far.
    pub fn position(&self) -> u64 {
        self.follow.position()
    }

    /// The feed at that place.
    pub fn feed(&mut self, at: usize) -> &mut Feed {
        &mut self.feeds[at]
    }

    /// Adds a feed, or replaces the one of a filter that was started again.
    pub fn set(&mut self, at: usize, feed: Feed) {
        if at < self.feeds.len() {
            self.feeds[at] = feed;
        } else {
            self.feeds.push(feed);
        }
    }

    /// Ends the input of every filter, which gets what waits for it before.
    pub fn close(&mut self) {
        for feed in &mut self.feeds {
            // One whose pipe is full gets no more now, as ever when its input ends.
            let _ = feed.flush();
            feed.close();
        }
    }

    /// How long the oldest of the lines that wait may still do so; `None` if none does.
    pub fn holds(&self) -> Option<Duration> {
        self.holds.map(|since| HELD.saturating_sub(since.elapsed()))
    }

    /// Hands on what waits in the feeds.
    fn flush(&mut self) -> io::Result<()> {
        self.holds = None;
        for (at, feed) in self.feeds.iter_mut().enumerate() {
            if let Some(backlog) = feed.flush() {
                self.fallen.push((at, backlog, self.follow.fork()?));
            }
        }
        Ok(())
    }

    /// Whether lines wait here until the watcher has heard what was handed on.
    pub fn is_behind(&self) -> bool {
        self.behind
    }

    /// Hands on all that is recorded by now, as far as the watcher keeps up. Whether that was all.
    ///
    /// # Errors
    /// The log cannot be read.
    pub fn pump(&mut self) -> io::Result<bool> {
        self.behind = false;
        loop {
            if !self.watcher.has_room() {
                self.behind = true;
                return Ok(false);
            }
            let lines = self.follow.read()?.to_vec();
            if lines.is_empty() {
                return Ok(true);
            }
            let read: Result<Vec<Line<'_>>, _> = ace_storage::split(&lines).map(Line::parse).collect();
            for (at, feed) in self.feeds.iter_mut().enumerate() {
                if let Some(backlog) = feed.push(&lines, read.as_deref().ok()) {
                    // It goes on where these lines end, not where this pump will: more may be read below that it is not sent.
                    self.fallen.push((at, backlog, self.follow.fork()?));
                }
            }
            self.holds = match self.feeds.iter().any(Feed::holds) {
                true => Some(self.holds.unwrap_or_else(Instant::now)),
                false => None,
            };
            self.watcher.send(News::Lines(lines));
        }
    }
}

/// Hands on all that is recorded by now and starts a thread for each filter that does not keep up. `false` if the main loop has
/// not heard enough yet to be told the rest; it goes on by itself.
///
/// # Errors
/// The log cannot be read.
pub fn pump(hub: &Arc<Mutex<Hub>>) -> io::Result<bool> {
    catching_up(hub, Hub::pump)
}

/// Hands on what has waited long enough for something urgent to come.
///
/// # Errors
/// The log cannot be read.
pub fn flush(hub: &Arc<Mutex<Hub>>) -> io::Result<()> {
    catching_up(hub, Hub::flush)
}

fn catching_up<T>(hub: &Arc<Mutex<Hub>>, work: impl FnOnce(&mut Hub) -> io::Result<T>) -> io::Result<T> {
    let (done, fallen) = {
        let mut hub = hub.lock().unwrap_or_else(PoisonError::into_inner);
        (work(&mut hub)?, std::mem::take(&mut hub.fallen))
    };
    for (at, backlog, follow) in fallen {
        start_catching_up(hub, at, backlog, follow)?;
    }
    Ok(done)
}

/// Starts the thread that catches one feed up.
///
/// # Errors
/// No thread can be had.
pub fn start_catching_up(hub: &Arc<Mutex<Hub>>, at: usize, backlog: Backlog, follow: Follower) -> io::Result<()> {
    let hub = hub.clone();
    std::thread::Builder::new().spawn(move || {
        if let Err(e) = catch_up(&hub, at, backlog, follow) {
            let hub = hub.lock().unwrap_or_else(PoisonError::into_inner);
            hub.watcher.send(News::Failed(e.into()));
        }
    })?;
    Ok(())
}

/// The bit on which the star itself waits for others; what it records itself it hands on at once.
pub const OWN_BIT: u32 = 1;

/// Wakes for lines that others recorded (another terminal, an editor) and hands them on. Ends with the process.
pub fn follow_others(hub: &Arc<Mutex<Hub>>, log: &Log) -> io::Result<()> {
    let mut waiter = log.follow(0)?.on_bit(OWN_BIT);
    waiter.skip_to_end()?;
    let hub = hub.clone();
    std::thread::Builder::new().spawn(move || {
        loop {
            let handed_on = waiter.wait(crate::star::TICK).and_then(|_| waiter.skip_to_end()).and_then(|()| pump(&hub));
            if let Err(e) = handed_on {
                // Who no longer hears of others must not go on as if they were silent.
                let hub = hub.lock().unwrap_or_else(PoisonError::into_inner);
                hub.watcher.send(News::Failed(e.into()));
                return;
            }
        }
    })?;
    Ok(())
}

/// Another star's chalk is handed on as long as this is held.
pub struct Chalking(Arc<AtomicBool>);

impl Drop for Chalking {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Hands on the chalk of the star that runs the session, for one that only watches it.
pub fn follow_chalk(hub: &Arc<Mutex<Hub>>, log: &Log, news: Teller) -> io::Result<Chalking> {
    let mut follower = log.follow(0)?.with_chalk();
    let (hub, ended) = (hub.clone(), Arc::new(AtomicBool::new(false)));
    let end = ended.clone();
    std::thread::Builder::new().spawn(move || {
        while !end.load(Ordering::Relaxed) {
            news.await_room();
            // The record of a model call comes before the pieces of its answer.
            let waited = follower.skip_to_end().and_then(|()| pump(&hub).map(drop));
            let chalk = waited.and_then(|()| follower.chalk().map(<[u8]>::to_vec));
            let Ok(chalk) = chalk else { return };
            if !chalk.is_empty() {
                news.send(News::Chalk(chalk));
            }
            if follower.wait(crate::star::TICK).is_err() {
                return;
            }
        }
    })?;
    Ok(Chalking(ended))
}
