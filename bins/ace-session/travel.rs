//! Back and sideways: a session with the past of another, and one that goes on from where it was.

use ace_cli::{Complaint, Exit, SessionAddress, When};
use ace_front::{Opening, begin, clock, machine, random, redaction, sessions, words};
use ace_host::{NewFork, Rewound, fork as make, rewind as go_back, undo as take_back};
use std::io::IsTerminal;

use crate::{PROGRAM, print};

/// Makes a session that goes on from that record, and prints its id.
pub fn fork(
    opening: &Opening,
    session: &SessionAddress,
    prompt: Option<&str>,
    name: Option<&str>,
    json: bool,
) -> Result<Exit, Complaint> {
    let found = opening.find(session)?;
    let prompt = prompt.map_or_else(|| Ok(String::new()), |prompt| begin::prompt(PROGRAM, Some(prompt)))?;
    let new = NewFork {
        seq: session.seq,
        name: redaction::name(opening, name.unwrap_or_default())?,
        prompt: redaction::said(opening, &found.id, prompt, When::Auto)?,
        owner: opening.person(),
        host: machine(),
        client: PROGRAM.to_owned(),
        cwd: opening.cwd.clone(),
        wishes: opening.settings.config.worktree.clone(),
        ..NewFork::default()
    };
    let made = make(opening.home(), &opening.log(&found), &new, &clock(), (random(), random()))
        .map_err(|e| words::travel(PROGRAM, &session.place_text(), &e))?;
    for note in &made.notes {
        let (what, hint) = words::note(note);
        ace_cli::note(PROGRAM, &what, hint, When::Auto);
    }
    if !json {
        return print(&format!("{}\n", made.id));
    }
    let tree = made.created.worktree.as_ref();
    let line = serde_json::json!({
        "id": made.id, "name": made.created.name, "log": made.folder.join("log.jsonl").display().to_string(),
        "worktree": tree.map(|t| &t.path), "branch": tree.map(|t| &t.branch), "forked_from": made.created.forked_from,
    });
    print(&format!("{line}\n"))
}

/// Moves conversation and files back to that record.
pub fn rewind(opening: &Opening, session: &SessionAddress) -> Result<Exit, Complaint> {
    let name = session.place_text();
    let Some(to) = session.seq else {
        return Err(Complaint::new(PROGRAM, Exit::Usage, "which line to go back to?")
            .hint(format!("ace rewind {name}@LINE; ace undo {name} takes back the last turn")));
    };
    let log = opening.log(&opening.find(session)?);
    let done = go_back(opening.home(), &log, to, &opening.person(), &clock(), random());
    tell(&name, done.map_err(|e| words::travel(PROGRAM, &name, &e))?)
}

/// Takes the last turn back.
pub fn undo(opening: &Opening, session: &SessionAddress) -> Result<Exit, Complaint> {
    let name = session.place_text();
    let log = opening.log(&opening.find(session)?);
    let done = take_back(opening.home(), &log, &opening.person(), &clock(), random());
    tell(&name, done.map_err(|e| words::travel(PROGRAM, &name, &e))?)
}

/// What was done, where a person looks; a script reads the exit.
fn tell(name: &str, done: Rewound) -> Result<Exit, Complaint> {
    if std::io::stderr().is_terminal() {
        eprintln!("{}", sessions::went_back(name, &done));
    }
    Ok(Exit::Done)
}
