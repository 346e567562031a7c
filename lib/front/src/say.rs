//! What a person says to a session that is there already: a message, that its turn shall stop, that it is configured otherwise.
//! Each is a record under a person's pen, whoever runs the session.

use ace_cli::{Complaint, Exit, When};
use ace_core::State;
use ace_host::{Picture, Said, message_drafts};
use ace_redact::Redactor;
use ace_schema::data::{MessageSteered, MessageWithdrawn, SessionConfigured, TurnCancelled, UserMessage};
use ace_schema::{Drafter, Kind, id, limits, ty};
use ace_storage::{AppendError, Log};

use crate::answer::state_of;
use crate::opening::{Opening, clock, random};
use crate::{redaction, words};

/// The program in whose name a person speaks here.
const CLIENT: &str = "ace";

/// Records drafts of a person; the seq of the last one.
pub(crate) fn record(log: &Log, drafts: &[u8]) -> Result<u64, AppendError> {
    let mut appender = log.append(clock())?;
    let pen = appender.open_pen(Kind::Person)?;
    let appended = appender.append(pen.nib(), drafts)?;
    match appended.refused.first() {
        Some(refusal) => Err(std::io::Error::other(refusal.to_string()).into()),
        None => Ok(appended.last_seq),
    }
}

/// Records a message, without the secrets that the redactor finds; its id and its seq. With `now` it steers the running turn instead of waiting for the next one.
///
/// # Errors
/// The log does not take it.
pub fn message(
    log: &Log,
    session: &str,
    (text, images): (&str, &[Picture]),
    person: &str,
    now: bool,
    redactor: Option<&Redactor>,
) -> Result<(String, u64), AppendError> {
    let clean = redactor.and_then(|redactor| redactor.text(text));
    let text = clean.as_deref().unwrap_or(text);
    let mut drafter = Drafter::new(CLIENT, random());
    drafter.set_session(session);
    let (id, drafts) =
        message_drafts(&mut drafter, Said { text, images, author: person, client: CLIENT, now, ..Said::default() });
    Ok((id, record(log, &drafts)?))
}

/// Records the order to make the conversation shorter; its id. `keep` says what the summary must hold above all, without secrets.
///
/// # Errors
/// In words: nothing is said yet, `keep` is too long, the log does not take it.
pub fn shorten(opening: &Opening, log: &Log, state: &State, keep: &str) -> Result<String, Complaint> {
    let program = opening.program;
    if state.turns == 0 {
        return Err(Complaint::new(program, Exit::No, format!("nothing is said in '{}' yet", state.name)));
    }
    let keep = redaction::said(opening, &state.session, keep.to_owned(), When::Auto)?;
    if keep.len() > limits::INLINE_BYTES {
        let what = format!("what to keep has {} bytes, the limit is {}", keep.len(), limits::INLINE_BYTES);
        return Err(Complaint::new(program, Exit::Usage, what));
    }
    let mut drafter = Drafter::new(program, random());
    drafter.set_session(&state.session);
    let (author, client) = (opening.person(), program.to_owned());
    let order = UserMessage { text: keep, author, client, compact: true, ..UserMessage::default() };
    let (id, draft) = drafter.draft(0, "", ty::USER_MESSAGE, &order);
    record(log, &draft).map(|_| id).map_err(|e| words::append(program, &state.name, &e))
}

/// Lets a message that waits steer the running turn; without a turn, or when it waits no more, that changes nothing.
///
/// # Errors
/// The log does not take it.
pub fn steer(log: &Log, session: &str, message: &str, person: &str) -> Result<u64, AppendError> {
    let mut drafter = Drafter::new(CLIENT, random());
    drafter.set_session(session);
    let (_, draft) = drafter.draft(0, message, ty::MESSAGE_STEERED, &MessageSteered { who: person.to_owned() });
    record(log, &draft)
}

/// Takes a message back that waits; `false` if it waits no more. Its record and the start of a turn have the same id, so whoever is
/// recorded first has the message.
///
/// # Errors
/// The log cannot be read or does not take it.
pub fn withdraw(log: &Log, message: &str, person: &str) -> Result<bool, AppendError> {
    let mut appender = log.append(clock())?;
    let pen = appender.open_pen(Kind::Person)?;
    loop {
        let (state, _) = state_of(log)?;
        if state.waiting.iter().all(|w| w.id != message) {
            return Ok(false);
        }
        let mut drafter = Drafter::new(CLIENT, random());
        drafter.set_session(&state.session);
        let data = MessageWithdrawn { who: person.to_owned() };
        let draft = drafter.line(&id::turn(state.ordinal + 1), 0, message, ty::MESSAGE_WITHDRAWN, &data);
        // A repeat: a turn began, on this message or on another, and the record tells which.
        if appender.append(pen.nib(), &draft)?.dropped.is_empty() {
            return Ok(true);
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use ace_core::Due;
    use ace_schema::data::{SessionCreated, TurnStarted};
    use ace_storage::Home;

    /// A session with these messages, none of them begun; its log and their ids.
    fn session(home: &Home, n: u64, messages: &[&str]) -> (Log, Vec<String>) {
        let id = id::session(1_795_156_860_000 + n, n);
        let mut drafter = Drafter::new("test", n);
        drafter.set_session(&id);
        let (_, mut drafts) = drafter.draft(0, "", ty::SESSION_CREATED, &SessionCreated::default());
        let mut ids = Vec::new();
        for text in messages {
            let (id, lines) = message_drafts(&mut drafter, Said { text, client: "test", ..Said::default() });
            drafts.extend(lines);
            ids.push(id);
        }
        home.create(&id, Kind::Person, &drafts, &clock()).unwrap();
        (home.log(&id), ids)
    }

    /// Begins the turn that is due, as `ace-session step` does from what it has read; its message.
    fn begin(log: &Log) -> Option<String> {
        let (state, _) = state_of(log).unwrap();
        let Some(Due::Turn { n, message }) = state.due().next() else { return None };
        let mut drafter = Drafter::new("ace-session", 1);
        drafter.set_session(&state.session);
        let draft = drafter.line(&id::turn(n), n, message, ty::TURN_STARTED, &TurnStarted {});
        let mut appender = log.append(clock()).unwrap();
        let pen = appender.open_pen(Kind::Step).unwrap();
        let appended = appender.append(pen.nib(), &draft).unwrap();
        appended.dropped.is_empty().then(|| message.to_owned())
    }

    #[test]
    fn of_a_turn_that_begins_and_a_message_that_is_taken_back_one_is_recorded() {
        let root = std::env::temp_dir().join(format!("ace-take-back-{}", std::process::id()));
        let home = Home::at(&root);
        for n in 0..60 {
            let (log, ids) = session(&home, n, &["first", "second"]);
            let (taken, begun) = std::thread::scope(|scope| {
                let taker = scope.spawn(|| withdraw(&log, &ids[0], "tester").unwrap());
                // Drawn again until it holds: the number may have been used up.
                let begun = std::iter::repeat_with(|| begin(&log)).find_map(|begun| begun).unwrap();
                (taker.join().unwrap(), begun)
            });
            assert_eq!(begun == ids[0], !taken, "either it was taken back, or its turn has begun");
            let (state, _) = state_of(&log).unwrap();
            assert!(state.turn.is_some() && state.waiting.iter().all(|w| w.id != ids[0]), "{}", state.summary());
            assert!(!withdraw(&log, &begun, "tester").unwrap(), "what has begun is not taken back");
        }
        std::fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn a_message_that_was_taken_back_twice_is_gone_once() {
        let root = std::env::temp_dir().join(format!("ace-taken-{}", std::process::id()));
        let home = Home::at(&root);
        let (log, ids) = session(&home, 1, &["one", "two", "three"]);
        assert!(begin(&log).is_some());
        assert!(withdraw(&log, &ids[2], "tester").unwrap());
        assert!(!withdraw(&log, &ids[2], "tester").unwrap());
        assert!(withdraw(&log, &ids[1], "tester").unwrap());
        let (state, _) = state_of(&log).unwrap();
        assert_eq!((state.turns, state.ordinal, state.waiting.len()), (1, 3, 0));
        steer(&log, &state.session, &ids[1], "tester").unwrap();
        assert_eq!(state_of(&log).unwrap().0.waiting.len(), 0, "what is gone steers nothing");
        std::fs::remove_dir_all(root).unwrap();
    }
}
