//! What a person says to a session that is there already: a message, or that it shall stop.

use ace_cli::{Complaint, Exit, SessionAddress, When};
use ace_front::answer::state_of;
use ace_front::{Opening, begin, clock, image, random, redaction, say, words};
use ace_host::{Said, message_drafts};
use ace_schema::data::{TurnCancelled, UserMessage};
use ace_schema::{Drafter, Kind, Line, id, limits, ty};
use ace_storage::Log;
use std::path::PathBuf;

use crate::PROGRAM;

/// Queues a message, or steers the running turn.
pub fn say(
    opening: &Opening,
    session: &SessionAddress,
    (text, images): (Option<&str>, &[PathBuf]),
    now: bool,
) -> Result<Exit, Complaint> {
    let text = match text {
        Some(text) => text.to_owned(),
        None => begin::prompt(PROGRAM, None)?,
    };
    let images = image::load(PROGRAM, images, &opening.cwd)?;
    if text.trim().is_empty() && images.is_empty() && now {
        return steer(opening, session);
    }
    if text.trim().is_empty() && images.is_empty() {
        return Err(Complaint::new(PROGRAM, Exit::Usage, "nothing to say: the message is empty"));
    }
    if text.len() > limits::PROMPT_BYTES {
        let what = format!("the message has {} bytes, the limit is {}", text.len(), limits::PROMPT_BYTES);
        return Err(Complaint::new(PROGRAM, Exit::Usage, what));
    }
    let found = opening.find(session)?;
    let text = redaction::said(opening, &found.id, text, When::Auto)?;
    let mut drafter = Drafter::new(PROGRAM, random());
    drafter.set_session(&found.id);
    let author = opening.person();
    let said = Said { text: &text, images: &images, author: &author, client: PROGRAM, now, ..Said::default() };
    let (_, drafts) = message_drafts(&mut drafter, said);
    record(opening, session, &drafts)
}

/// Queues the order to make the conversation shorter; `keep` says what the summary must hold above all.
pub fn compact(opening: &Opening, session: &SessionAddress, keep: Option<&str>) -> Result<Exit, Complaint> {
    let log = opening.log(&opening.find(session)?);
    let (state, _) = state_of(&log).map_err(|e| Complaint::io(PROGRAM, "cannot read the log", &e))?;
    say::shorten(opening, &log, &state, keep.unwrap_or_default()).map(|_| Exit::Done)
}

/// The log of a session, and the newest message that waits there: its id and its text. `steering` ones have said so already.
fn newest(opening: &Opening, session: &SessionAddress, steering: bool) -> Result<(Log, String, String), Complaint> {
    let found = opening.find(session)?;
    let log = opening.log(&found);
    let cannot = |e: std::io::Error| Complaint::io(PROGRAM, "cannot read the log", &e);
    let (state, _) = state_of(&log).map_err(cannot)?;
    let Some(waiting) = state.waiting.iter().rev().find(|w| steering || !w.now) else {
        return Err(Complaint::new(PROGRAM, Exit::No, format!("no message waits in '{}'", state.name)));
    };
    let (_, all) = ace_front::sessions::load(opening, session)?;
    let said = ace_storage::split(&all)
        .filter_map(|l| Line::parse(l).ok())
        .find(|l| l.id == waiting.id && l.ty == ty::USER_MESSAGE)
        .and_then(|l| l.data::<UserMessage>().ok())
        .unwrap_or_default();
    let text = match &said.blob {
        Some(blob) => log.blobs().get(&blob.sha).map_or_else(
            |e| Err(Complaint::new(PROGRAM, Exit::Damaged, format!("cannot read the message: {e}"))),
            |bytes| Ok(String::from_utf8_lossy(&bytes).into_owned()),
        )?,
        None => said.text,
    };
    Ok((log, waiting.id.clone(), text))
}

/// The newest message that waits steers the running turn.
fn steer(opening: &Opening, session: &SessionAddress) -> Result<Exit, Complaint> {
    let (log, message, _) = newest(opening, session, false)?;
    let (state, _) = state_of(&log).map_err(|e| Complaint::io(PROGRAM, "cannot read the log", &e))?;
    if state.turn.is_none() {
        return Err(Complaint::new(PROGRAM, Exit::No, format!("no turn runs in '{}'", state.name)));
    }
    let steered = say::steer(&log, &state.session, &message, &opening.person());
    steered.map(|_| Exit::Done).map_err(|e| words::append(PROGRAM, &state.name, &e))
}

/// Takes back the newest message that waits and prints it.
pub fn unsay(opening: &Opening, session: &SessionAddress) -> Result<Exit, Complaint> {
    let (log, message, text) = newest(opening, session, true)?;
    let taken = say::withdraw(&log, &message, &opening.person());
    match taken.map_err(|e| words::append(PROGRAM, &session.to_string(), &e))? {
        true => crate::print(&(text.trim_end().to_owned() + "\n")),
        false => Err(Complaint::new(PROGRAM, Exit::No, "too late: its turn has begun")),
    }
}

/// Stops the running turn; what was said is kept.
pub fn cancel(opening: &Opening, session: &SessionAddress) -> Result<Exit, Complaint> {
    let found = opening.find(session)?;
    let (state, _) = state_of(&opening.log(&found)).map_err(|e| Complaint::io(PROGRAM, "cannot read the log", &e))?;
    let Some(turn) = state.turn else {
        return Err(Complaint::new(PROGRAM, Exit::No, format!("no turn runs in '{session}'")));
    };
    let mut drafter = Drafter::new(PROGRAM, random());
    drafter.set_session(&found.id);
    let data = TurnCancelled { who: opening.person() };
    let line = drafter.line(&id::end(turn.n), turn.n, &id::turn(turn.n), ty::TURN_CANCELLED, &data);
    record(opening, session, &line)
}

pub fn record(opening: &Opening, session: &SessionAddress, drafts: &[u8]) -> Result<Exit, Complaint> {
    let name = session.to_string();
    let refused = |e| words::append(PROGRAM, &name, &e);
    let log = opening.log(&opening.find(session)?);
    let mut appender = log.append(clock()).map_err(refused)?;
    let pen = appender.open_pen(Kind::Person).map_err(refused)?;
    let appended = appender.append(pen.nib(), drafts).map_err(refused)?;
    match appended.refused.first() {
        Some(refusal) => Err(Complaint::new(PROGRAM, Exit::Bug, format!("the log refused it: {refusal}"))),
        None => Ok(Exit::Done),
    }
}
