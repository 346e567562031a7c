//! What one viewer of a session gets, in order: history from its cursor, then what is recorded, with no gap and no repeat; or that
//! its cursor is lost, and from where to go on. How it is sent is another's matter.

use std::sync::Arc;

use ace_schema::{Line, limits};
use ace_storage::{Follower, Log};
use bytes::Bytes;
use tokio::sync::broadcast::error::RecvError;

use crate::hub::{Batch, Hub, News, Watching, pieces};
use crate::problem::Problem;
use crate::redacted::Veil;

/// Where a viewer stands.
#[derive(Debug, Clone, Default)]
pub struct Cursor {
    /// The last record it has; 0 for none.
    pub after: u64,
    /// That record's id, if it wants to be sure that it is of this log.
    pub id: String,
    /// It wants the last so many records only.
    pub tail: Option<u64>,
    /// It wants chalk.
    pub chalk: bool,
}

/// Why a cursor is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lost {
    /// The viewer did not keep up.
    Slow,
    /// The log does not reach that far.
    Ahead,
    /// The record there is another.
    Rewritten,
}

impl Lost {
    /// As frames say it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Slow => "slow",
            Self::Ahead => "ahead",
            Self::Rewritten => "rewritten",
        }
    }
}

/// What comes next.
#[derive(Debug)]
pub enum Next {
    /// Recorded lines.
    Events(Arc<News>),
    /// Recorded lines that were read for this viewer alone.
    Own(Batch),
    /// History has ended; the last record so far.
    Live(u64),
    /// Chalk.
    Chalk(Bytes),
    /// It ends here: why, where to go on, and the last record there is.
    Lost(Lost, u64, u64),
    /// The session was removed.
    Gone,
}

/// One viewer.
pub struct Viewer {
    log: Log,
    veil: Option<Arc<Veil>>,
    watching: Watching,
    /// The last record it was given.
    cursor: u64,
    chalk: bool,
    /// It does not stand where the hand-out stands.
    behind: bool,
    history: Option<Follower>,
    ready: std::collections::VecDeque<Batch>,
    live: bool,
    lost: Option<(Lost, u64)>,
}

/// Number of the last record of a log: read from its end.
///
/// # Errors
/// Reading failed.
pub fn head(log: &Log) -> std::io::Result<u64> {
    use std::os::unix::fs::FileExt;
    let file = std::fs::File::open(log.file())?;
    let len = file.metadata()?.len();
    // A line and the beginning of one that is being written.
    let from = len.saturating_sub(2 * limits::LINE_BYTES as u64);
    let mut bytes = vec![0; usize::try_from(len - from).unwrap_or(0)];
    file.read_exact_at(&mut bytes, from)?;
    let whole = memchr::memrchr(b'\n', &bytes).map_or(0, |lf| lf + 1);
    let last = ace_storage::split(&bytes[..whole]).last().and_then(crate::lines::seq_of);
    Ok(last.unwrap_or(0))
}

/// The id of a record.
fn id_of(log: &Log, seq: u64) -> std::io::Result<Option<String>> {
    let mut follow = log.follow(seq)?;
    let lines = follow.read()?;
    let first = ace_storage::split(lines).next().and_then(|l| Line::parse(l).ok());
    Ok(first.filter(|l| l.seq == Some(seq)).map(|l| l.id.into_owned()))
}

impl Viewer {
    /// A viewer with that cursor, and the last record there is. Reads the disk.
    ///
    /// # Errors
    /// The log cannot be read.
    pub fn new(
        hub: &Hub,
        session: &str,
        log: Log,
        veil: Option<Arc<Veil>>,
        from: &Cursor,
    ) -> std::io::Result<(Self, u64)> {
        let watching = hub.watch(session, veil.clone())?;
        let head = head(&log)?;
        let mut cursor = from.after;
        let mut lost = None;
        if from.after > head {
            lost = Some((Lost::Ahead, 0));
        } else if !from.id.is_empty() && from.after > 0 && id_of(&log, from.after)?.as_deref() != Some(&from.id) {
            lost = Some((Lost::Rewritten, 0));
        }
        if let Some(tail) = from.tail {
            cursor = cursor.max(head.saturating_sub(tail));
        }
        let history = Some(log.follow(cursor + 1)?);
        let behind = true;
        let viewer = Self {
            log,
            veil,
            watching,
            cursor,
            chalk: from.chalk,
            behind,
            history,
            ready: std::collections::VecDeque::new(),
            live: false,
            lost,
        };
        Ok((viewer, head))
    }

    /// The last record it was given.
    #[must_use]
    pub fn cursor(&self) -> u64 {
        self.cursor
    }

    /// What comes next. May be dropped while it waits, and asked again.
    ///
    /// # Errors
    /// The log cannot be read any more.
    pub async fn next(&mut self) -> Result<Next, Problem> {
        if let Some((lost, resume)) = self.lost {
            return Ok(Next::Lost(lost, resume, self.watching.head().max(self.cursor)));
        }
        loop {
            if let Some(batch) = self.ready.pop_front() {
                self.cursor = batch.last;
                return Ok(Next::Own(batch));
            }
            if let Some(next) = self.past().await? {
                return Ok(next);
            }
            if !self.ready.is_empty() {
                continue;
            }
            let news = match self.watching.news.recv().await {
                Ok(news) => news,
                Err(RecvError::Lagged(_)) => {
                    self.lost = Some((Lost::Slow, self.cursor));
                    return Ok(Next::Lost(Lost::Slow, self.cursor, self.watching.head().max(self.cursor)));
                }
                Err(RecvError::Closed) => return Ok(Next::Gone),
            };
            match &*news {
                News::Gone => return Ok(Next::Gone),
                News::Chalk(lines) if self.chalk => return Ok(Next::Chalk(lines.clone())),
                News::Chalk(_) => {}
                News::Events(batch) if batch.last <= self.cursor => {}
                News::Events(batch) if batch.first == self.cursor + 1 => {
                    self.cursor = batch.last;
                    return Ok(Next::Events(news));
                }
                // It begins before or behind where this viewer stands: the log has what lies between.
                News::Events(_) => self.behind = true,
            }
        }
    }

    /// Reads a piece of history, if this viewer is still in it.
    async fn past(&mut self) -> Result<Option<Next>, Problem> {
        if !self.behind {
            return Ok(None);
        }
        let (history, log, from) = (self.history.take(), self.log.clone(), self.cursor + 1);
        let veil = self.veil.clone();
        // Given up while it reads, it begins again from the cursor.
        let (history, batches) = crate::app::blocking(move || {
            let cannot = |e: std::io::Error| Problem::io("cannot read the log", &e);
            let mut history = history.map_or_else(|| log.follow(from), Ok).map_err(cannot)?;
            let lines = history.read().map_err(cannot)?;
            let veiled = veil.map(|veil| veil.lines(lines));
            let pieces = pieces(veiled.as_deref().unwrap_or(lines));
            let batches: Vec<Batch> = pieces.into_iter().filter_map(Batch::of).collect();
            Ok((history, batches))
        })
        .await?;
        if !batches.is_empty() {
            self.ready.extend(batches);
            self.history = Some(history);
            return Ok(None);
        }
        if self.live {
            self.behind = false;
            return Ok(None);
        }
        self.live = true;
        // While it read, more may have been handed out than is kept; what of it is not read yet is read next.
        self.watching.news = self.watching.news.resubscribe();
        self.history = Some(history);
        Ok(Some(Next::Live(self.cursor)))
    }
}
