//! Who has the terminal: the run that is painted on it, or a program that was lent it for a while. It must never know what either
//! shows.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long the painter may take to clear its lines away.
const CLEARS: Duration = Duration::from_secs(5);

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Has {
    #[default]
    Painter,
    /// Somebody wants it: the painter shall clear its lines away.
    Wanted,
    /// Somebody has it.
    Guest,
}

#[derive(Debug, Default)]
struct State {
    has: Has,
    redraw: bool,
}

/// Shared by the painter and whoever may want the terminal.
#[derive(Debug, Clone, Default)]
pub struct Stage(Arc<(Mutex<State>, Condvar)>);

impl Stage {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks for the terminal, `nudge`s the painter, and waits until it is free. `false` if the painter does not leave it.
    #[must_use]
    pub fn enter(&self, nudge: impl FnOnce()) -> bool {
        self.state().has = Has::Wanted;
        nudge();
        let wanted = |state: &mut State| state.has == Has::Wanted;
        let waited = self.0.1.wait_timeout_while(self.state(), CLEARS, wanted);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if state.has == Has::Wanted {
            state.has = Has::Painter;
            return false;
        }
        true
    }

    /// Gives the terminal back to the painter.
    pub fn leave(&self) {
        self.state().has = Has::Painter;
    }

    /// For the painter: whether it has to clear its lines away now.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        self.state().has == Has::Wanted
    }

    /// For the painter: its lines are gone.
    pub fn make_room(&self) {
        self.state().has = Has::Guest;
        self.0.1.notify_all();
    }

    /// Whether a guest has the terminal.
    #[must_use]
    pub fn is_lent(&self) -> bool {
        self.state().has == Has::Guest
    }

    /// Asks the painter to paint everything anew.
    pub fn redraw(&self) {
        self.state().redraw = true;
    }

    /// For the painter: whether it was asked to since the last call.
    #[must_use]
    pub fn take_redraw(&self) -> bool {
        std::mem::take(&mut self.state().redraw)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_comes_when_the_painter_has_made_room() {
        let stage = Stage::default();
        let painter = stage.clone();
        let entered = stage.enter(|| {
            assert!(painter.is_wanted() && !painter.is_lent());
            painter.make_room();
        });
        assert!(entered && stage.is_lent());
        stage.leave();
        assert!(!stage.is_lent() && !stage.is_wanted());
        stage.redraw();
        assert!(painter.take_redraw() && !painter.take_redraw());
    }
}
