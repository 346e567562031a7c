//! What a person says to a session that is there already: a message, that its turn shall stop, that it is configured otherwise.
//! Each is a record under a person's pen, whoever runs the session.

use ace_host::message_drafts;
use ace_schema::data::{SessionConfigured, TurnCancelled};
use ace_schema::{Drafter, Kind, id, ty};
use ace_storage::{AppendError, Log};

use crate::answer::state_of;
use crate::opening::{clock, random};

/// The program in whose name a person speaks here.
const CLIENT: &str = "ace";

/// Records drafts of a person; the seq of the last one.
fn record(log: &Log, drafts: &[u8]) -> Result<u64, AppendError> {
    let mut appender = log.append(clock())?;
    let pen = appender.open_pen(Kind::Person)?;
    let appended = appender.append(pen.nib(), drafts)?;
    match appended.refused.first() {
        Some(refusal) => Err(std::io::Error::other(refusal.to_string()).into()),
        None => Ok(appended.last_seq),
    }
}

/// Records a message; its id and its seq. With `now` it steers the running turn instead of waiting for the next one.
///
/// # Errors
/// The log does not take it.
pub fn message(log: &Log, session: &str, text: &str, person: &str, now: bool) -> Result<(String, u64), AppendError> {
    let mut drafter = Drafter::new(CLIENT, random());
    drafter.set_session(session);
    let (id, drafts) = message_drafts(&mut drafter, text, person, CLIENT, now);
    Ok((id, record(log, &drafts)?))
}

/// Stops the running turn, if there is one.
///
/// # Errors
/// The log cannot be read or does not take it.
pub fn cancel(log: &Log, person: &str) -> Result<(), AppendError> {
    let (state, _) = state_of(log)?;
    let Some(turn) = state.turn else { return Ok(()) };
    let mut drafter = Drafter::new(CLIENT, random());
    drafter.set_session(&state.session);
    let data = TurnCancelled { who: person.to_owned() };
    let draft = drafter.line(&id::end(turn.n), turn.n, &id::turn(turn.n), ty::TURN_CANCELLED, &data);
    record(log, &draft).map(drop)
}

/// Changes model or mode from here on.
///
/// # Errors
/// The log does not take it.
pub fn configure(log: &Log, session: &str, change: &SessionConfigured) -> Result<(), AppendError> {
    let mut drafter = Drafter::new(CLIENT, random());
    drafter.set_session(session);
    let (_, draft) = drafter.draft(0, "", ty::SESSION_CONFIGURED, change);
    record(log, &draft).map(drop)
}
