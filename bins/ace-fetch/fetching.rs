//! The thread that fetches: a few pages at once, each outcome one batch of drafts. It knows no rule and no turn machine.

use ace_fetch::{Body, Fetcher, Page, Refused};
use ace_pipe::Out;
use ace_schema::data::{BlobRef, Code, Output, ToolCompleted, ToolFailed};
use ace_schema::{Drafter, draft, limits, ty};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, mpsc, oneshot};

/// The profile that outcomes record: the network, and no file.
const PROFILE: &str = "network";
/// What one call tells; the model asks on by offset.
const PAGE_BYTES: usize = limits::OUTPUT_HEAD_BYTES + limits::OUTPUT_TAIL_BYTES - 512;

/// One page that is wanted.
pub struct Job {
    /// Session id.
    pub session: String,
    /// The claim that the outcome closes.
    pub claim: String,
    /// Turn.
    pub turn: u32,
    /// Its address.
    pub url: String,
    /// The first byte of its text that is wanted.
    pub offset: usize,
}

/// The handle on the thread.
pub struct Fetching {
    jobs: mpsc::UnboundedSender<(Job, oneshot::Receiver<()>)>,
    cancels: HashMap<String, oneshot::Sender<()>>,
    open: Arc<(Mutex<usize>, Condvar)>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Fetching {
    /// Starts the thread. `random` makes the ids of its drafts unique.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub fn start(fetcher: Fetcher, random: u64, out: Out) -> std::io::Result<Self> {
        let (jobs, mut inbox) = mpsc::unbounded_channel::<(Job, oneshot::Receiver<()>)>();
        let open = Arc::new((Mutex::new(0), Condvar::new()));
        let counter = Arc::clone(&open);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::Builder::new().name("fetching".to_owned()).spawn(move || {
            let drafter = Arc::new(Mutex::new(Drafter::new(crate::PROGRAM, random)));
            let (fetcher, places) = (Arc::new(fetcher), Arc::new(Semaphore::new(limits::FETCHES)));
            runtime.block_on(async move {
                let mut tasks = tokio::task::JoinSet::new();
                while let Some((job, cancelled)) = inbox.recv().await {
                    lock(&drafter).set_session(&job.session);
                    let (fetcher, places, drafter) = (Arc::clone(&fetcher), Arc::clone(&places), Arc::clone(&drafter));
                    let (out, counter) = (out.clone(), Arc::clone(&counter));
                    tasks.spawn(async move {
                        let place = places.acquire().await;
                        let drafts = fetch(&fetcher, &job, cancelled, &drafter).await;
                        drop(place);
                        // A closed output is noticed by the filter's loop.
                        let _ = out.write(&drafts);
                        *lock(&counter.0) -= 1;
                        counter.1.notify_all();
                    });
                }
                while tasks.join_next().await.is_some() {}
            });
        })?;
        Ok(Self { jobs, cancels: HashMap::new(), open })
    }

    /// Fetches a page as soon as there is a place.
    pub fn fetch(&mut self, job: Job) {
        let (cancel, cancelled) = oneshot::channel();
        self.cancels.retain(|_, c| !c.is_closed());
        self.cancels.insert(job.claim.clone(), cancel);
        *lock(&self.open.0) += 1;
        // The thread lives as long as this handle does.
        let _ = self.jobs.send((job, cancelled));
    }

    /// Lets a page go.
    pub fn cancel(&mut self, claim: &str) {
        if let Some(cancel) = self.cancels.remove(claim) {
            let _ = cancel.send(());
        }
    }

    /// Whether nothing is fetched any more; waits for it at most this long.
    pub fn is_idle(&self, patience: Duration) -> bool {
        let waited = self.open.1.wait_timeout_while(lock(&self.open.0), patience, |n| *n > 0);
        *waited.unwrap_or_else(PoisonError::into_inner).0 == 0
    }
}

async fn fetch(fetcher: &Fetcher, job: &Job, cancelled: oneshot::Receiver<()>, drafter: &Mutex<Drafter>) -> Vec<u8> {
    let begin = Instant::now();
    let result = tokio::select! {
        biased;
        // Only an order cancels; the end of the filter, which drops the sender, does not.
        Ok(()) = cancelled => None,
        result = fetcher.get(&job.url) => Some(result),
    };
    let ms = ace_front::took(u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX));
    let failed = |code, message: String| ToolFailed { code, message, ms, ..ToolFailed::default() };
    let failure = match result {
        Some(Ok(page)) => {
            let (mut drafts, output) = told(page, job.offset);
            let done = ToolCompleted { output, ms, sandbox: PROFILE.to_owned(), ..ToolCompleted::default() };
            drafts.extend(lock(drafter).draft(job.turn, &job.claim, ty::TOOL_COMPLETED, &done).1);
            return drafts;
        }
        Some(Err(refused)) => failed(code(&refused), refused.to_string()),
        None => failed(Code::Cancelled, "cancelled".to_owned()),
    };
    lock(drafter).draft(job.turn, &job.claim, ty::TOOL_FAILED, &failure).1
}

fn code(refused: &Refused) -> Code {
    match refused {
        Refused::Address(_) => Code::Arguments,
        Refused::Private { .. } | Refused::Redirects | Refused::Media(_) => Code::Refused,
        Refused::Status { .. } => Code::NotFound,
        Refused::Time => Code::Timeout,
        Refused::Network(_) => Code::Unreachable,
    }
}

/// The page as an output, behind the parts of its blob: all of a text that is told in part, a picture whole.
fn told(page: Page, offset: usize) -> (Vec<u8>, Output) {
    let blob = |bytes: &[u8], media: &str| {
        let sha = ace_core::digest(bytes);
        let parts = draft::blob_lines(&sha, bytes, |b| BASE64_STANDARD.encode(b)).concat();
        (parts, BlobRef { sha, bytes: bytes.len() as u64, media: media.to_owned() })
    };
    match page.body {
        Body::Image(bytes) => {
            let (parts, image) = blob(&bytes, &page.media);
            let text = format!("[{}, {} bytes, from {}]\n", page.media, bytes.len(), page.url);
            let bytes = text.len() as u64;
            (parts, Output { text, bytes, images: vec![image], ..Output::default() })
        }
        Body::Text(text) => {
            let from = text.floor_char_boundary(offset.min(text.len()));
            let to = text.floor_char_boundary((from + PAGE_BYTES).min(text.len()));
            let mut shown = format!("[{}]\n{}", page.url, &text[from..to]);
            if !shown.ends_with('\n') {
                shown.push('\n');
            }
            let cut = if page.cut { "; the page is longer than is read" } else { "" };
            if to < text.len() {
                shown.push_str(&format!("[bytes {from}-{to} of {}; go on with offset {to}{cut}]\n", text.len()));
            } else if page.cut || from > 0 {
                shown.push_str(&format!("[bytes {from}-{to} of {}{cut}]\n", text.len()));
            }
            let truncated = from > 0 || to < text.len() || page.cut;
            let bytes = text.len() as u64;
            let (parts, whole) = if truncated {
                blob(text.as_bytes(), "text/markdown")
            } else {
                (Vec::new(), BlobRef { sha: String::new(), bytes: 0, media: String::new() })
            };
            let blob = truncated.then_some(whole);
            (parts, Output { text: shown, bytes, truncated, blob, ..Output::default() })
        }
    }
}
