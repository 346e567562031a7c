//! Pens that are gone, for whoever writes to a session without a star: the claims under them would stay open for ever.
//!
//! It never decides what a claim's outcome is: it records that nobody is left to tell, and the claim's own role closes it.

use ace_core::State;
use ace_schema::data::PenDropped;
use ace_schema::{Drafter, ty};
use ace_storage::{AppendError, Appender, Follower, Log, Nib};

/// Reads a log along and records which pens are gone.
pub struct Undertaker {
    follow: Follower,
    state: State,
    drafter: Drafter,
}

impl Undertaker {
    /// One that has read nothing yet. `random` makes its ids unique.
    ///
    /// # Errors
    /// The log cannot be opened.
    pub fn open(log: &Log, random: u64) -> std::io::Result<Self> {
        Ok(Self { follow: log.follow(0)?, state: State::new(), drafter: Drafter::new("ace-log", random) })
    }

    /// Records which pens are gone and have left a claim open.
    ///
    /// # Errors
    /// The log cannot be read, or does not take it.
    pub fn look(&mut self, log: &mut Appender) -> Result<(), AppendError> {
        self.read()?;
        let mut claims: Vec<u32> = self.state.claims.iter().filter(|c| !c.orphaned).map(|c| c.pen).collect();
        claims.extend(self.state.asks.as_ref().map(|(pen, _)| *pen));
        let mut gone = log.gone_pens()?;
        gone.extend(log.unheld(&claims)?);
        gone.sort_unstable();
        gone.dedup();
        if gone.is_empty() {
            return Ok(());
        }
        // Read after they were found: all that they have written is in it.
        self.read()?;
        for pen in gone {
            if let Some(draft) = dropped(&self.state, pen, &self.drafter) {
                log.append(Nib::KEEPER, &draft)?;
            }
            log.forget_pen(pen)?;
        }
        Ok(())
    }

    /// Whether anything is open that its owner may have left.
    pub fn has_claims(&mut self) -> std::io::Result<bool> {
        self.read()?;
        Ok(self.state.asks.is_some() || self.state.claims.iter().any(|c| !c.orphaned))
    }

    fn read(&mut self) -> std::io::Result<()> {
        loop {
            let lines = self.follow.read()?;
            if lines.is_empty() {
                self.drafter.set_session(&self.state.session);
                return Ok(());
            }
            self.state.fold_all(lines);
        }
    }
}

/// The record that a pen is gone, if it has left a claim open or was the one that is asked.
pub(crate) fn dropped(state: &State, pen: u32, drafter: &Drafter) -> Option<Vec<u8>> {
    let asks = state.asks.as_ref().is_some_and(|(asked, _)| *asked == pen);
    let left = asks || state.claims.iter().any(|c| c.pen == pen && !c.orphaned);
    left.then(|| drafter.line(&format!("drop-{pen}"), 0, "", ty::PEN_DROPPED, &PenDropped { pen }))
}
