//! An old log without its secrets: the same records in a new chain, the blobs they name, and the digests of decisions.

use ace_cli::{Complaint, Exit, SessionAddress};
use ace_front::scrub::Scrubber;
use ace_front::{Opening, clock, redaction, words};
use ace_redact::Redactor;
use ace_schema::Line;
use ace_schema::data::SessionCreated;
use ace_storage::{Blobs, RecoverError};
use std::collections::HashMap;
use std::io;

use crate::PROGRAM;
use crate::read::print;
use crate::stream::flush;

/// Writes the log anew; with `remove` nothing of the old one is kept.
pub fn scrub(opening: &Opening, session: &SessionAddress, remove: bool) -> Result<Exit, Complaint> {
    let found = opening.find(session)?;
    let (log, name) = (opening.log(&found), session.to_string());
    let cannot = |e: &io::Error| Complaint::io(PROGRAM, &format!("cannot scrub '{name}'"), e);
    let children = children(opening, &found.id).map_err(|e| cannot(&e))?;
    if let Some(child) = children.first() {
        let what = format!("'{child}' goes on from a line of '{name}', whose hash would be another");
        return Err(
            Complaint::new(PROGRAM, Exit::Usage, what).hint(format!("scrub it, then remove it: ace rm {child}"))
        );
    }
    let redactor = Redactor::new(&redaction::policy(opening)?, &found.id);
    let blobs = log.blobs();
    let keep = |new: &[u8]| {
        let kept = blobs.put(new, "").map_err(|e| io::Error::other(e.to_string()))?;
        Ok((kept.sha, kept.bytes))
    };
    let mut scrubber = Scrubber::new(redactor, blobs.clone(), Box::new(keep));
    let done = match log.scrub(&clock(), |line, bytes| scrubber.line(line, bytes)) {
        Ok(done) => done,
        Err(RecoverError::Busy) => {
            let complaint = Complaint::new(PROGRAM, Exit::Busy, format!("'{name}' is being written"));
            return Err(complaint.hint(format!("ace cancel {name}")));
        }
        Err(RecoverError::Nothing(damage)) => return Err(words::damaged(PROGRAM, &name, damage.line, &damage.fault)),
        Err(RecoverError::Io(e)) => return Err(cannot(&e)),
        Err(e) => return Err(cannot(&io::Error::other(e.to_string()))),
    };
    let Some(done) = done else {
        print(&format!("'{name}' holds no secret that is known here: nothing was changed\n"))?;
        return flush();
    };
    // The index holds words of the old log; it is made anew from what is there.
    for file in ["index.db", "index.db-wal", "index.db-shm"] {
        let _ = std::fs::remove_file(opening.home().path().join(file));
    }
    let renamed = scrubber.renamed();
    let blobs = renamed.len();
    print(&format!("'{name}': {} of {} lines and {blobs} blobs say something else now\n", done.changed, done.lines))?;
    print(&format!("  a new chain: anchors that were noted before do not hold; its head is {}\n", done.head))?;
    if remove {
        std::fs::remove_dir_all(&done.old).map_err(|e| cannot(&e))?;
        let left = remove_blobs(opening, log.blobs(), renamed).map_err(|e| cannot(&e))?;
        print(&format!("  removed: the old log, and {} of {blobs} old blobs\n", blobs - left))?;
    } else {
        print(&format!("  the old log, with its secrets: {}\n", done.old.display()))?;
        print("  its old blobs are kept too; --remove keeps neither\n")?;
    }
    flush()
}

/// Names of sessions that were forked from this one.
fn children(opening: &Opening, id: &str) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for other in opening.home().sessions()? {
        let first = std::fs::read(opening.home().log(&other.id).file()).unwrap_or_default();
        let first = first.split(|&b| b == b'\n').next().unwrap_or_default();
        let created = Line::parse(first).ok().and_then(|line| line.data::<SessionCreated>().ok());
        names.extend(created.filter(|c| c.forked_from.as_ref().is_some_and(|from| from.session == id)).map(|c| c.name));
    }
    Ok(names)
}

/// Removes old blobs that no other log names; how many stay.
fn remove_blobs(opening: &Opening, blobs: &Blobs, renamed: &HashMap<String, (String, u64)>) -> io::Result<usize> {
    let mut gone: Vec<&String> = renamed.keys().collect();
    for other in opening.home().sessions()? {
        let text = std::fs::read(opening.home().log(&other.id).file()).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        gone.retain(|sha| !text.contains(sha.as_str()));
    }
    for sha in &gone {
        if let Ok(path) = blobs.path(sha) {
            std::fs::remove_file(path)?;
        }
    }
    Ok(renamed.len() - gone.len())
}
