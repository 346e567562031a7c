//! What the server does by the person's own hands, and knows only through them.

use ace_cli::Complaint;
use ace_front::{Opening, redaction};
use ace_web::{Code, Person, Problem};

/// The person who started the server.
pub struct Hands(pub Opening);

/// A complaint as a problem: the same words, the same code.
pub fn problem(complaint: &Complaint) -> Problem {
    let problem = Problem::new(Code::of_exit(i32::from(complaint.exit.number())), complaint.what.clone());
    match &complaint.hint {
        Some(hint) => problem.hint(hint.clone()),
        None => problem,
    }
}

impl Person for Hands {
    fn policy(&self) -> Result<ace_redact::Policy, Problem> {
        redaction::policy(&self.0).map_err(|e| problem(&e))
    }
}
