//! What every filter of the suite keeps on its desk: the folded state, and a pencil that signs drafts and remembers them.

use ace_schema::{Drafter, Line};
use serde::Serialize;
use std::collections::HashSet;

use crate::State;

/// More drafts than this are never on their way at once; older marks can be forgotten, since the record tells by then.
const MARKS: usize = 1024;

/// The desk of one filter.
#[derive(Debug)]
pub struct Desk {
    /// The session as recorded so far.
    pub state: State,
    /// Writes drafts.
    pub pencil: Pencil,
}

/// Writes drafts, each conclusion once.
#[derive(Debug)]
pub struct Pencil {
    drafter: Drafter,
    drafted: HashSet<String>,
}

impl Desk {
    /// A desk for the program `by`; `random` makes its ids unique.
    #[must_use]
    pub fn new(by: &'static str, random: u64) -> Self {
        let pencil = Pencil { drafter: Drafter::new(by, random), drafted: HashSet::new() };
        Self { state: State::new(), pencil }
    }

    /// Takes in one fact.
    pub fn fold(&mut self, line: &Line) {
        // A fork's past bears the names of its ancestors; its own comes last.
        if self.pencil.drafter.session().is_empty() || line.ty == ace_schema::ty::SESSION_CREATED {
            self.pencil.drafter.set_session(&line.session);
        }
        self.state.fold(line);
    }

    /// Whether this claim was made here and has won: the fold knows the first claim of a cause only. One under a pen that was
    /// given up for gone is another's to close: nobody acts on it.
    #[must_use]
    pub fn holds(&self, claim: &str) -> bool {
        self.pencil.drafter.is_mine(claim) && self.state.claim(claim).is_some_and(|c| !c.orphaned)
    }
}

impl Pencil {
    /// Whether this conclusion is drawn here for the first time. A draft is on its way until its record is read back; drawing it
    /// again in between would only be refused.
    pub fn first(&mut self, conclusion: &str) -> bool {
        if self.drafted.len() >= MARKS {
            self.drafted.clear();
        }
        self.drafted.insert(conclusion.to_owned())
    }

    /// Whether this conclusion was drawn here already: what it takes to draw it need not be gathered again.
    #[must_use]
    pub fn knows(&self, conclusion: &str) -> bool {
        self.drafted.contains(conclusion)
    }

    /// Adds a draft under a derived id, once.
    pub fn conclude(
        &mut self,
        drafts: &mut Vec<u8>,
        id: &str,
        (turn, cause): (u32, &str),
        ty: &str,
        data: &impl Serialize,
    ) {
        if self.first(id) {
            drafts.extend(self.drafter.line(id, turn, cause, ty, data));
        }
    }

    /// Adds a claim for `cause`, once; its id is this filter's own, so that a rival's is told apart.
    pub fn claim(&mut self, drafts: &mut Vec<u8>, (turn, cause): (u32, &str), ty: &str, data: &impl Serialize) {
        if self.first(cause) {
            drafts.extend(self.write((turn, cause), ty, data).1);
        }
    }

    /// A draft under a fresh own id: the id and the line.
    pub fn write(&mut self, (turn, cause): (u32, &str), ty: &str, data: &impl Serialize) -> (String, Vec<u8>) {
        self.drafter.draft(turn, cause, ty, data)
    }
}
