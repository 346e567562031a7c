//! What every request has at hand.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use ace_host::Programs;
use ace_schema::data::SessionConfigured;
use ace_storage::Home;
use tokio::sync::Semaphore;

use crate::access::{Access, Grant};
use crate::board::Board;
use crate::hub::Hub;
use crate::origin::Origins;
use crate::problem::Problem;
use crate::redacted::Veils;

/// What is a person's own, and not the server's to know.
pub trait Person: Send + Sync {
    /// Lets a message that waits steer the running turn.
    ///
    /// # Errors
    /// In words.
    fn steer(&self, session: &str, message: &str) -> Result<(), Problem>;

    /// Takes a message back; whether it still waited.
    ///
    /// # Errors
    /// In words.
    fn withdraw(&self, session: &str, message: &str) -> Result<bool, Problem>;

    /// Changes model or mode.
    ///
    /// # Errors
    /// In words.
    fn configure(&self, session: &str, change: &SessionConfigured) -> Result<(), Problem>;

    /// Orders the conversation to be made shorter.
    ///
    /// # Errors
    /// In words.
    fn shorten(&self, session: &str, keep: &str) -> Result<(), Problem>;

    /// What is configured in a folder, and who said so: `{"values": […], "problems": […], "providers": […]}`.
    ///
    /// # Errors
    /// In words.
    fn config(&self, place: &std::path::Path) -> Result<serde_json::Value, Problem>;

    /// What is taken out of what others are shown: all that is never recorded, and personal data too.
    ///
    /// # Errors
    /// In words.
    fn policy(&self) -> Result<ace_redact::Policy, Problem>;
}

/// One file of the user interface.
pub struct Asset {
    /// Its bytes.
    pub bytes: std::borrow::Cow<'static, [u8]>,
    /// Its media type.
    pub media: String,
}

/// What a server is to be like.
pub struct Options {
    /// Where sessions lie.
    pub home: Home,
    /// The suite's programs.
    pub programs: Programs,
    /// The person in whose name it acts.
    pub person: String,
    /// This machine.
    pub host: String,
    /// Git commit it was built from; empty if unknown.
    pub commit: String,
    /// Who may ask.
    pub origins: Origins,
    /// Where it was started: its scenarios are offered, too.
    pub place: PathBuf,
    /// A terminal may be opened.
    pub terminal: bool,
    /// What a person does by hand.
    pub hands: Box<dyn Person>,
    /// The user interface, by path; `None` for what is not there.
    pub assets: fn(&str) -> Option<Asset>,
}

/// The server's inside. Nothing in it is the truth of any session.
pub struct Inside {
    /// What it was told.
    pub options: Options,
    /// Who may.
    pub access: Access,
    /// Sessions as cards.
    pub board: Board,
    /// Streams.
    pub hub: Arc<Hub>,
    /// What shared views leave out.
    pub veils: Veils,
    /// Programs that act at once.
    pub acts: Semaphore,
    /// Scenarios that were run.
    pub runs: crate::scenarios::Runs,
    /// Terminals.
    pub terminals: crate::terminal::Terminals,
}

/// Shared by all requests.
pub type App = Arc<Inside>;

/// From where a connection came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// Its address; none on a Unix socket.
    pub address: Option<IpAddr>,
    /// It speaks TLS.
    pub tls: bool,
}

/// Who asks, once that is known.
#[derive(Debug, Clone)]
pub struct Who {
    /// What they may.
    pub grant: Grant,
    /// The origin under which they reach us, `http://127.0.0.1:1234`.
    pub origin: String,
}

impl Inside {
    /// An inside for these options.
    #[must_use]
    pub fn new(options: Options, access: Access) -> Self {
        let home = options.home.clone();
        Self {
            access,
            board: Board::new(home.clone()),
            hub: Arc::new(Hub::new(home)),
            veils: Veils::default(),
            acts: Semaphore::new(ace_schema::limits::web::ACTS),
            runs: crate::scenarios::Runs::default(),
            terminals: crate::terminal::Terminals::default(),
            options,
        }
    }

    /// The folder of the server's own files.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        self.options.home.path().join("serve")
    }
}

/// Does what may wait for the disk, off the threads that serve.
///
/// # Errors
/// What `work` says; a fault where it fell.
pub async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| Err(Problem::new(crate::problem::Code::Bug, "the work was given up")))
}
