//! One reader a session for all who watch it, however many. What it reads is made into frames once and handed to everybody; a viewer
//! that does not keep up loses its place in the hand-out, never anybody else's time. The log itself is the memory behind it: who
//! comes, or comes back, reads it from there.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};

use ace_schema::limits::web as limits;
use ace_storage::{Home, Log};
use axum::extract::ws::Utf8Bytes;
use bytes::Bytes;
use tokio::sync::broadcast;

use crate::lines;
use crate::redacted::Veil;

/// How long a reader sleeps at most before it looks whether anybody still listens.
const LOOK: Duration = Duration::from_millis(500);

/// Between two frames while many listen.
const BREATH_MOST: Duration = Duration::from_millis(40);

/// What is handed to viewers.
#[derive(Debug)]
pub enum News {
    /// Recorded lines.
    Events(Batch),
    /// Chalk: lines without a number, worth nothing once the turn has ended.
    Chalk(Bytes),
    /// The session was removed, or its log cannot be read any more.
    Gone,
}

/// Recorded lines in one piece.
#[derive(Debug)]
pub struct Batch {
    /// Number of the first.
    pub first: u64,
    /// Number of the last.
    pub last: u64,
    /// The lines.
    pub lines: Bytes,
    frame: OnceLock<Utf8Bytes>,
}

impl Batch {
    /// A batch of whole recorded lines; `None` if they have no numbers.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let first = ace_storage::split(bytes).next().and_then(lines::seq_of)?;
        let last = ace_storage::split(bytes).last().and_then(lines::seq_of)?;
        Some(Self { first, last, lines: Bytes::copy_from_slice(bytes), frame: OnceLock::new() })
    }

    /// The batch as a frame of the WebSocket protocol; made once, however many take it.
    pub fn frame(&self) -> Utf8Bytes {
        self.frame.get_or_init(|| frame("events", &self.lines, self.last)).clone()
    }
}

/// `{"frame":NAME,"events":[…],"head":N}` of whole lines.
#[must_use]
pub fn frame(name: &str, bytes: &[u8], head: u64) -> Utf8Bytes {
    let mut out = Vec::with_capacity(bytes.len() + 64);
    out.extend_from_slice(b"{\"frame\":\"");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\",\"events\":[");
    for line in ace_storage::split(bytes) {
        lines::push(&mut out, line);
    }
    out.extend_from_slice(format!("],\"head\":{head}}}").as_bytes());
    // What the log keeps is JSON, which is UTF-8.
    Utf8Bytes::try_from(Bytes::from(out))
        .unwrap_or_else(|_| Utf8Bytes::from_static("{\"frame\":\"events\",\"events\":[]}"))
}

/// Cuts whole lines into pieces of at most [`limits::FRAME_BYTES`], a longer line alone.
#[must_use]
pub fn pieces(mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut all = Vec::new();
    while !bytes.is_empty() {
        let cut = match bytes.len() <= limits::FRAME_BYTES {
            true => bytes.len(),
            false => match memchr::memrchr(b'\n', &bytes[..limits::FRAME_BYTES]) {
                Some(lf) => lf + 1,
                None => memchr::memchr(b'\n', bytes).map_or(bytes.len(), |lf| lf + 1),
            },
        };
        let (piece, rest) = bytes.split_at(cut);
        all.push(piece);
        bytes = rest;
    }
    all
}

/// A session that is watched.
pub struct Watched {
    out: broadcast::Sender<Arc<News>>,
    head: AtomicU64,
}

/// One viewer's end.
pub struct Watching {
    /// What comes.
    pub news: broadcast::Receiver<Arc<News>>,
    /// Keeps the reader at work.
    watched: Arc<Watched>,
}

impl Watching {
    /// Number of the last line that was handed out.
    #[must_use]
    pub fn head(&self) -> u64 {
        self.watched.head.load(Ordering::Relaxed)
    }
}

type Key = (String, bool);

/// All that is watched.
pub struct Hub {
    home: Home,
    watched: Mutex<HashMap<Key, Weak<Watched>>>,
}

impl Hub {
    /// Nothing is watched yet.
    #[must_use]
    pub fn new(home: Home) -> Self {
        Self { home, watched: Mutex::default() }
    }

    /// Watches a session; through a veil if one is given. Whoever reads the log to its end after this call has missed nothing.
    ///
    /// # Errors
    /// The log cannot be read, or no thread can be had.
    pub fn watch(&self, session: &str, veil: Option<Arc<Veil>>) -> std::io::Result<Watching> {
        let mut all = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (session.to_owned(), veil.is_some());
        if let Some(watched) = all.get(&key).and_then(Weak::upgrade) {
            return Ok(Watching { news: watched.out.subscribe(), watched });
        }
        all.retain(|_, watched| watched.strong_count() > 0);
        let (out, news) = broadcast::channel(limits::FRAMES_WAITING);
        let watched = Arc::new(Watched { out, head: AtomicU64::new(0) });
        let log = self.home.log(session);
        let mut follower = log.follow(0)?.with_chalk();
        follower.skip_to_end()?;
        let weak = Arc::downgrade(&watched);
        std::thread::Builder::new().name("ace-follow".into()).stack_size(256 * 1024).spawn(move || {
            read(follower, &log, &weak, veil.as_deref());
        })?;
        all.insert(key, Arc::downgrade(&watched));
        Ok(Watching { news, watched })
    }
}

/// Hands on what is recorded until nobody listens any more.
fn read(mut follower: ace_storage::Follower, log: &Log, watched: &Weak<Watched>, veil: Option<&Veil>) {
    loop {
        let Some(out) = watched.upgrade() else { return };
        let began = Instant::now();
        let viewers = out.out.receiver_count();
        match hand_on(&mut follower, &out, veil) {
            Ok(true) => {}
            Ok(false) if log.file().is_file() => {
                drop(out);
                match follower.wait(LOOK) {
                    Ok(_) => continue,
                    Err(_) => return gone(watched),
                }
            }
            Ok(false) | Err(_) => return gone(watched),
        }
        drop(out);
        // The more there are, the more there is to a frame: what comes meanwhile goes in one.
        let breath = BREATH_MOST.min(Duration::from_micros(viewers as u64 * 80));
        std::thread::sleep(breath.saturating_sub(began.elapsed()));
    }
}

fn gone(watched: &Weak<Watched>) {
    if let Some(watched) = watched.upgrade() {
        // Nobody left to tell is no fault.
        let _ = watched.out.send(Arc::new(News::Gone));
    }
}

/// Hands on what there is by now; whether there was anything.
fn hand_on(follower: &mut ace_storage::Follower, out: &Watched, veil: Option<&Veil>) -> std::io::Result<bool> {
    let mut any = false;
    // The record of a model call comes before the pieces of its answer.
    loop {
        let fresh = follower.read()?;
        if fresh.is_empty() {
            break;
        }
        any = true;
        let veiled = veil.map(|veil| veil.lines(fresh));
        for piece in pieces(veiled.as_deref().unwrap_or(fresh)) {
            if let Some(batch) = Batch::of(piece) {
                out.head.store(batch.last, Ordering::Relaxed);
                let _ = out.out.send(Arc::new(News::Events(batch)));
            }
        }
    }
    let chalk = follower.chalk()?;
    if !chalk.is_empty() {
        any = true;
        let veiled = veil.map(|veil| veil.lines(chalk));
        for piece in pieces(veiled.as_deref().unwrap_or(chalk)) {
            let _ = out.out.send(Arc::new(News::Chalk(Bytes::copy_from_slice(piece))));
        }
    }
    Ok(any)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_whole_lines_and_lose_nothing() {
        let mut bytes = Vec::new();
        for n in 1..500 {
            bytes.extend_from_slice(format!("{{\"seq\":{n},\"x\":\"{}\"}}\n", "y".repeat(n * 7 % 900)).as_bytes());
        }
        let cut = pieces(&bytes);
        assert!(cut.len() > 1 && cut.iter().all(|p| p.ends_with(b"\n") && p.len() <= limits::FRAME_BYTES));
        assert_eq!(cut.concat(), bytes);
        let long = [b"{\"seq\":1,\"x\":\"", "z".repeat(limits::FRAME_BYTES).as_bytes(), b"\"}\n"].concat();
        assert_eq!(pieces(&[&long[..], &long].concat()), [&long[..], &long]);
    }

    #[test]
    fn a_frame_holds_the_lines_as_they_are() {
        let batch = Batch::of(b"{\"seq\":3,\"n\":1.50}\n{\"seq\":4}\n").unwrap();
        assert_eq!((batch.first, batch.last), (3, 4));
        assert_eq!(batch.frame().as_str(), r#"{"frame":"events","events":[{"seq":3,"n":1.50},{"seq":4}],"head":4}"#);
        assert!(Batch::of(b"{\"after\":3}\n").is_none());
    }
}
