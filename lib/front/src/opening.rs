//! How every program begins: settings, the home, the session that was named, and randomness.

use ace_cli::{Complaint, SessionAddress};
use ace_config::Layer;
use ace_host::{Settings, settings};
use ace_redact::Redactor;
use ace_storage::{Clock, Found, Home, Log, SessionRef};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use crate::words;

/// What a program has in hand once it has begun.
#[derive(Debug, Clone)]
pub struct Opening {
    /// The program's name, for complaints.
    pub program: &'static str,
    /// Configuration and folders.
    pub settings: Settings,
    /// Where the person stands.
    pub cwd: PathBuf,
    /// What takes secrets out here, once somebody has asked for it: its tables are made once.
    pub redactor: Arc<OnceLock<Redactor>>,
}

/// Reads settings; `flags` are their strongest layer.
///
/// # Errors
/// In words for people.
pub fn open(program: &'static str, flags: Vec<Layer>) -> Result<Opening, Complaint> {
    let cwd = std::env::current_dir().map_err(|e| Complaint::io(program, "cannot tell the current folder", &e))?;
    let settings = settings(flags, &cwd).map_err(|e| words::settings(program, &e))?;
    Ok(Opening { program, settings, cwd, redactor: Arc::default() })
}

impl Opening {
    /// The home.
    #[must_use]
    pub fn home(&self) -> &Home {
        &self.settings.home
    }

    /// The session of that address.
    ///
    /// # Errors
    /// There is none, or several.
    pub fn find(&self, address: &SessionAddress) -> Result<Found, Complaint> {
        find(self.program, self.home(), address)
    }

    /// The log of a session that was found.
    #[must_use]
    pub fn log(&self, found: &Found) -> Log {
        found.log().with_blobs(self.home().blobs())
    }

    /// What people call a session that was found: its name, or what was typed if its log does not tell.
    #[must_use]
    pub fn name(&self, found: &Found, typed: &SessionAddress) -> String {
        let session = SessionRef { id: found.id.clone(), path: found.path.clone() };
        session.name().unwrap_or_else(|| typed.place_text())
    }

    /// The name of the person, as records have it.
    #[must_use]
    pub fn person(&self) -> String {
        person()
    }
}

/// The name of the person at this terminal.
#[must_use]
pub fn person() -> String {
    ["USER", "LOGNAME"]
        .iter()
        .find_map(|n| std::env::var(n).ok().filter(|v| !v.is_empty()))
        .unwrap_or_else(|| "user".into())
}

/// The name of this machine; under `ACE_SEED` one that every machine has, so that a record can be made again elsewhere.
#[must_use]
pub fn machine() -> String {
    if std::env::var_os("ACE_SEED").is_some() {
        return "localhost".to_owned();
    }
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// The session of that address.
///
/// # Errors
/// There is none, or several.
pub fn find(program: &str, home: &Home, address: &SessionAddress) -> Result<Found, Complaint> {
    let typed = address.to_string();
    home.find(&typed).map_err(|e| words::not_found(program, &e))
}

/// Numbers that nobody else has; fixed by `ACE_SEED` so that a test can be repeated.
#[must_use]
pub fn random() -> u64 {
    if let Some(seed) = std::env::var("ACE_SEED").ok().and_then(|s| s.parse::<u64>().ok()) {
        // Each process and each call differ; the same process makes the same again.
        use std::sync::atomic::{AtomicU64, Ordering};
        static CALLS: AtomicU64 = AtomicU64::new(1);
        let n = CALLS.fetch_add(1, Ordering::Relaxed);
        let name = std::env::args_os().take(2).fold(seed, |h, a| {
            a.to_string_lossy().bytes().fold(h, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3))
        });
        return name.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(n.wrapping_mul(0xbf58_476d_1ce4_e5b9));
    }
    getrandom::u64().unwrap_or_else(|_| u64::from(std::process::id()) ^ clock_now())
}

fn clock_now() -> u64 {
    u64::try_from(Clock::System.now()).unwrap_or(0)
}

/// The clock of records: the system's, or fixed by `ACE_CLOCK` (ms since 1970) so that a test can be repeated.
#[must_use]
pub fn clock() -> Clock {
    match std::env::var("ACE_CLOCK").ok().and_then(|c| c.parse().ok()) {
        Some(ms) => Clock::fixed(ms, 1),
        None => Clock::System,
    }
}

/// What is recorded of a duration, ms: nothing where the clock is fixed.
#[must_use]
pub fn took(ms: u64) -> u64 {
    if std::env::var_os("ACE_CLOCK").is_some() { 0 } else { ms }
}

/// A path as a person would write it, with `~` for their home.
#[must_use]
pub fn shown(path: &Path) -> String {
    ace_host::Places::from_environment().shown(path)
}
