//! The states of files that records name: shown to git on request, and those that no record names any more taken away.

use ace_cli::{Complaint, Exit, SessionAddress};
use ace_front::Opening;
use ace_worktree as git;
use std::collections::HashSet;
use std::io::{BufRead, BufReader};
use std::path::Path;

use crate::keep::home_of;
use crate::{PROGRAM, failed, look};

/// Digits of a git id.
const ID: usize = 40;

/// Writes a session's states as commits under `refs/ace/` in the user's own repository, and prints the name.
pub fn mirror(opening: &Opening, session: &SessionAddress) -> Result<Exit, Complaint> {
    let found = opening.find(session)?;
    let cannot = |e| Complaint::io(PROGRAM, &format!("cannot read '{session}'"), &e);
    let (state, steps) = ace_host::steps(&opening.log(&found)).map_err(cannot)?;
    let nothing = || Complaint::new(PROGRAM, Exit::No, format!("nothing is recorded of the files of '{session}'"));
    let repository = home_of(&state.created)?;
    let pool = ace_host::pool(&state.created, &ace_host::pools(opening.home())).map_err(failed)?.ok_or_else(nothing)?;
    let told = |step: &ace_host::Step| {
        let what = if step.tool.is_empty() { "changed outside of calls".to_owned() } else { look::subject(step) };
        let prompt = ace_view::clean(&step.prompt);
        let message = format!("{what}\n\n{prompt}\n\nAce-Session: {}@{}", found.id, step.seq);
        git::State { tree: step.tree.clone(), message }
    };
    let states: Vec<git::State> = steps.iter().map(told).collect();
    if states.is_empty() {
        return Err(nothing());
    }
    let base = state.created.worktree.as_ref().map(|tree| tree.base.as_str());
    let base = base.or(Some(state.commit.as_str()).filter(|commit| !commit.is_empty()));
    let (name, _) = git::mirror(&repository, &pool, &found.id, base, &states).map_err(failed)?;
    look::print(format!("{name}\n").as_bytes())
}

/// Takes out of the pools what no record of this home names and is older than a day.
pub fn clean(opening: &Opening, dry_run: bool) -> Result<Exit, Complaint> {
    let home = opening.home();
    let named = named(&home.path().join("sessions"))?;
    let verb = if dry_run { "would remove" } else { "removed" };
    let (mut objects, mut bytes) = (0, 0);
    for pool in git::Pool::all(&ace_host::pools(home)).map_err(failed)? {
        match pool.clean(&named, dry_run) {
            Ok(done) => (objects, bytes) = (objects + done.objects, bytes + done.bytes),
            Err(git::Error::Busy { what }) => eprintln!("kept the states of {}: {what}", pool.common_dir().display()),
            Err(e) => return Err(failed(e)),
        }
    }
    eprintln!("{verb} {objects} objects, {bytes} bytes");
    Ok(Exit::Done)
}

/// Every id that stands in a log, whatever for: what is named once is kept.
fn named(sessions: &Path) -> Result<HashSet<String>, Complaint> {
    let cannot = |e| Complaint::io(PROGRAM, "cannot read the sessions", &e);
    let mut out = HashSet::new();
    let entries = match std::fs::read_dir(sessions) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(out),
        entries => entries.map_err(cannot)?,
    };
    for entry in entries {
        let file = entry.map_err(cannot)?.path().join("log.jsonl");
        let mut log = match std::fs::File::open(&file) {
            Err(e) if matches!(e.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => continue,
            log => BufReader::new(log.map_err(cannot)?),
        };
        let mut line = Vec::new();
        while log.read_until(b'\n', &mut line).map_err(cannot)? > 0 {
            let ids = line.split(|byte| *byte == b'"').filter(|part| part.len() == ID);
            out.extend(ids.filter_map(|id| Some(std::str::from_utf8(id).ok()?.to_owned())));
            line.clear();
        }
    }
    Ok(out)
}
