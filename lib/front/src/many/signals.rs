//! ^C for many: the first asks all to stop, the second ends their programs, the third kills. It must never know who they are.

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// How often somebody wanted it to stop.
#[derive(Debug, Clone)]
pub struct Stop(Arc<AtomicU32>);

impl Stop {
    /// From now on signals are counted.
    pub fn catch() -> Self {
        let count = Arc::new(AtomicU32::new(0));
        let theirs = count.clone();
        // Without a thread signals do what they do by themselves.
        if let Ok(mut signals) = signal_hook::iterator::Signals::new([SIGINT, SIGTERM, SIGHUP]) {
            let _ = std::thread::Builder::new().spawn(move || {
                for _ in signals.forever() {
                    theirs.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        Self(count)
    }

    /// How often.
    pub fn asked(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }
}
