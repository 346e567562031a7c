//! ^C for programs that work in steps: a flag that they look at between two of them, so that they end in order.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::modes::catch_signals;

/// Whether a person wants it to end.
#[derive(Debug, Clone, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Whether ^C was pressed.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// As if it were pressed now.
    pub fn want(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// From now on ^C sets the flag and runs `also`; the third ends the process at once, after `left` was said.
#[must_use]
pub fn interrupt(left: &'static str, also: impl Fn() + Send + 'static) -> Interrupt {
    let wanted = Interrupt::default();
    let flag = wanted.clone();
    let told = move || {
        flag.want();
        also();
        true
    };
    catch_signals(told, move || {
        use std::io::Write;
        let _ = writeln!(std::io::stderr(), "{left}");
    });
    wanted
}
