//! An old log without its secrets: the same records in a new chain, the blobs they name, and the digests of decisions.

use ace_cli::{Complaint, Exit, SessionAddress};
use ace_front::{Opening, clock, redaction, words};
use ace_redact::{Change, Redactor, rewrite};
use ace_schema::data::{PermissionResolved, SessionCreated};
use ace_schema::{Line, ty};
use ace_storage::{Blobs, RecoverError, is_sha};
use std::collections::{HashMap, HashSet};
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
    let mut scrubber = Scrubber {
        redactor,
        blobs: log.blobs().clone(),
        renamed: HashMap::new(),
        clean: HashSet::new(),
        digests: HashMap::new(),
    };
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
    let blobs = scrubber.renamed.len();
    print(&format!("'{name}': {} of {} lines and {blobs} blobs say something else now\n", done.changed, done.lines))?;
    print(&format!("  a new chain: anchors that were noted before do not hold; its head is {}\n", done.head))?;
    if remove {
        std::fs::remove_dir_all(&done.old).map_err(|e| cannot(&e))?;
        let left = remove_blobs(opening, &scrubber).map_err(|e| cannot(&e))?;
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
fn remove_blobs(opening: &Opening, scrubber: &Scrubber) -> io::Result<usize> {
    let mut gone: Vec<&String> = scrubber.renamed.keys().collect();
    for other in opening.home().sessions()? {
        let text = std::fs::read(opening.home().log(&other.id).file()).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        gone.retain(|sha| !text.contains(sha.as_str()));
    }
    for sha in &gone {
        if let Ok(path) = scrubber.blobs.path(sha) {
            std::fs::remove_file(path)?;
        }
    }
    Ok(scrubber.renamed.len() - gone.len())
}

struct Scrubber {
    redactor: Redactor,
    blobs: Blobs,
    /// Blobs that became others: old hash to new hash and bytes.
    renamed: HashMap<String, (String, u64)>,
    /// Blobs in which nothing was found.
    clean: HashSet<String>,
    /// Digests of calls that were changed, old to new.
    digests: HashMap<String, String>,
}

impl Scrubber {
    fn line(&mut self, line: &Line<'_>, bytes: &[u8]) -> io::Result<Option<Vec<u8>>> {
        let decided = (line.ty == ty::PERMISSION_RESOLVED).then(|| line.data::<PermissionResolved>().ok()).flatten();
        let mut failed = None;
        let new = rewrite(bytes, |place, text| {
            if place.depth < 2 {
                return Change::Keep;
            }
            if decided.as_ref().is_some_and(|d| d.digest == text)
                && let Some(digest) = self.digests.get(text)
            {
                return Change::Text(digest.clone());
            }
            if is_sha(text) {
                return match self.blob(text) {
                    Ok(Some((sha, bytes))) => Change::Blob(sha, bytes),
                    Ok(None) => Change::Keep,
                    Err(e) => {
                        failed = Some(e);
                        Change::Keep
                    }
                };
            }
            self.redactor.field(place.key, text).map_or(Change::Keep, Change::Text)
        });
        if let Some(e) = failed {
            return Err(e);
        }
        if line.ty == ty::MODEL_CALL
            && let Some(new) = &new
            && let (Some(old), Some(now)) = (line.data, Line::parse(new).ok().and_then(|l| l.data))
        {
            let digest = |text: &str| ace_core::digest(text.as_bytes());
            self.digests.insert(digest(old.get()), digest(now.get()));
        }
        Ok(new)
    }

    /// What a blob has become, if it has.
    fn blob(&mut self, sha: &str) -> io::Result<Option<(String, u64)>> {
        if let Some(known) = self.renamed.get(sha) {
            return Ok(Some(known.clone()));
        }
        if self.clean.contains(sha) || !self.blobs.has(sha) {
            return Ok(None);
        }
        let bytes = self.blobs.get(sha).map_err(|e| io::Error::other(e.to_string()))?;
        let Some(new) = self.redactor.bytes(&bytes) else {
            self.clean.insert(sha.to_owned());
            return Ok(None);
        };
        let kept = self.blobs.put(&new, "").map_err(|e| io::Error::other(e.to_string()))?;
        self.renamed.insert(sha.to_owned(), (kept.sha.clone(), kept.bytes));
        Ok(Some((kept.sha, kept.bytes)))
    }
}
