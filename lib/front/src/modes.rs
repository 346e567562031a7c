//! The modes of the terminal: keys come one by one and are not echoed while a run is painted, and every way out gives back what
//! was there before. It must never know what the keys mean.

use rustix::process::Signal;
use rustix::termios::{
    InputModes, LocalModes, OptionalActions, QueueSelector, Termios, tcflush, tcgetattr, tcgetpgrp, tcsetattr,
};
use std::io::{IsTerminal, Write};
use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, Once, PoisonError};

use crate::attend::end_all;

/// What the terminal was before; there is one terminal, and signals have to find it.
static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);
/// What it was when an editor began.
static ORIGINAL: Mutex<Option<Termios>> = Mutex::new(None);
/// The cursor stands within a line.
static WITHIN: AtomicBool = AtomicBool::new(false);
/// The process was stopped and goes on: what stands on the screen is not known any more.
static RESUMED: AtomicBool = AtomicBool::new(false);

/// The terminal that a person types on: stdin, or the other end of stdout.
fn terminal() -> Option<BorrowedFd<'static>> {
    if std::io::stdin().is_terminal() {
        return Some(rustix::stdio::stdin());
    }
    std::io::stdout().is_terminal().then(rustix::stdio::stdout)
}

/// Keys come one by one and are not echoed, until this is dropped.
#[derive(Debug)]
pub struct KeyByKey(());

impl KeyByKey {
    /// `None` if there is no terminal, another job has it, or somebody holds this already.
    #[must_use]
    pub fn begin() -> Option<Self> {
        // Not made before it is known: dropping one gives the modes back.
        set().then(|| Self(()))
    }
}

impl Drop for KeyByKey {
    fn drop(&mut self) {
        restore();
    }
}

/// Whether this job has the terminal: who reads from it, or sets modes, in the background is stopped for it.
fn is_ours(fd: BorrowedFd) -> bool {
    tcgetpgrp(fd).is_ok_and(|group| group == rustix::process::getpgrp())
}

/// Whether keys come one by one now, to whoever reads them.
pub fn are_ours() -> bool {
    BEFORE.lock().unwrap_or_else(PoisonError::into_inner).is_some() && terminal().is_some_and(is_ours)
}

fn set() -> bool {
    let Some(fd) = terminal() else { return false };
    let mut before = BEFORE.lock().unwrap_or_else(PoisonError::into_inner);
    if before.is_some() || !is_ours(fd) {
        return false;
    }
    let Ok(found) = tcgetattr(fd) else { return false };
    let mut raw = found.clone();
    raw.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
    // Enter stays what it is for an editor that comes next: a line feed would be ^J to it.
    raw.input_modes.remove(InputModes::ICRNL);
    if tcsetattr(fd, OptionalActions::Now, &raw).is_err() {
        return false;
    }
    *before = Some(found);
    true
}

fn restore() -> bool {
    let before = BEFORE.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let (Some(fd), Some(before)) = (terminal().filter(|fd| is_ours(*fd)), &before) {
        let _ = tcsetattr(fd, OptionalActions::Now, before);
    }
    before.is_some()
}

/// Lends the terminal as it was before to somebody else, and takes it again afterwards.
pub fn lend<T>(to: impl FnOnce() -> T) -> T {
    let held = restore();
    let done = to();
    if held {
        set();
    }
    done
}

/// Asks the terminal to say where a paste begins and ends, and whether its window has the person's eyes.
pub const TOLD: &str = "\x1b[?2004h\x1b[?1004h";
/// Takes that back.
pub const NOT_TOLD: &str = "\x1b[?2004l\x1b[?1004l";

/// Says whether the cursor stands within a line, so that whoever comes next begins on a clean one.
pub fn stands_within(line: bool) {
    WITHIN.store(line, Ordering::Relaxed);
}

/// Whether the process was stopped since the last call.
pub fn was_stopped() -> bool {
    RESUMED.swap(false, Ordering::Relaxed)
}

/// Forgets what was typed before.
pub fn forget_typed() {
    if let Some(fd) = terminal().filter(|fd| is_ours(*fd)) {
        let _ = tcflush(fd, QueueSelector::IFlush);
    }
}

/// Gives the terminal back, on a clean line.
pub fn leave() {
    let original = ORIGINAL.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let held = restore();
    if let (Some(fd), Some(original)) = (terminal().filter(|fd| is_ours(*fd)), &original) {
        if !held {
            let _ = tcsetattr(fd, OptionalActions::Now, original);
        }
        // Pastes are marked for an editor, not for whoever comes next.
        let _ = std::io::stderr().write_all(NOT_TOLD.as_bytes());
    }
    if WITHIN.swap(false, Ordering::Relaxed) {
        let _ = std::io::stderr().write_all(b"\n");
    }
}

/// Who is told of ^C now.
struct Target {
    /// Whether it counts.
    interrupt: Box<dyn Fn() -> bool + Send>,
    farewell: Box<dyn Fn() + Send>,
    interrupts: u32,
}

static TARGET: Mutex<Option<Target>> = Mutex::new(None);
static CATCHER: Once = Once::new();

fn aim(target: Option<Target>) {
    *TARGET.lock().unwrap_or_else(PoisonError::into_inner) = target;
    CATCHER.call_once(start_catcher);
}

/// From now on ^C goes to `interrupt`, which says whether it counts; the third that counts ends the process after `farewell` was
/// said. Whoever ends or stops the process otherwise finds the terminal as it was.
pub fn catch_signals(interrupt: impl Fn() -> bool + Send + 'static, farewell: impl Fn() + Send + 'static) {
    aim(Some(Target { interrupt: Box::new(interrupt), farewell: Box::new(farewell), interrupts: 0 }));
}

/// From now on ^C is for the programs that are started in the foreground, not for this one.
pub fn ignore_interrupts() {
    aim(None);
}

/// Remembers the modes of the terminal, for whoever ends the process while somebody else's editor has changed them.
pub fn remember() {
    *ORIGINAL.lock().unwrap_or_else(PoisonError::into_inner) = terminal().and_then(|fd| tcgetattr(fd).ok());
}

fn interrupted() {
    let mut target = TARGET.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(target) = target.as_mut() else { return };
    if target.interrupts < 2 {
        target.interrupts += u32::from((target.interrupt)());
        return;
    }
    leave();
    end_all(Signal::KILL);
    (target.farewell)();
    std::process::exit(130);
}

/// The signals of a terminal are handled for as long as the process lives.
fn start_catcher() {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGTSTP};
    let Ok(mut signals) = signal_hook::iterator::Signals::new([SIGINT, SIGTERM, SIGHUP, SIGTSTP]) else { return };
    // Without a thread signals do what they do by themselves.
    let _ = std::thread::Builder::new().spawn(move || {
        for signal in signals.forever() {
            match signal {
                SIGINT => interrupted(),
                SIGTSTP => {
                    let held = restore();
                    let _ = signal_hook::low_level::emulate_default_handler(signal);
                    RESUMED.store(true, Ordering::Relaxed);
                    if held {
                        set();
                    }
                }
                _ => {
                    leave();
                    end_all(if signal == SIGHUP { Signal::HUP } else { Signal::TERM });
                    let _ = signal_hook::low_level::emulate_default_handler(signal);
                }
            }
        }
    });
}
