//! What a session is without its secrets: its lines in a chain of their own, its blobs, its files.

use ace_redact::Redactor;
use ace_schema::{Line, limits};
use ace_storage::{Blobs, hex, sha256};
use std::cell::RefCell;
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Error, ErrorKind, Read, Seek, SeekFrom, Write};

use crate::scrub::Scrubber;

/// In how many places something was taken out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Taken {
    /// Records that say something else.
    pub lines: u64,
    /// Blobs that do.
    pub blobs: usize,
    /// Contents of files that do.
    pub files: usize,
}

/// Where a content stands in the file: from which byte, and how many.
type Stretch = (u64, u64);

/// The new contents of blobs, in a file without a name: those of the home stay what they are.
pub(super) struct Spool(RefCell<(File, HashMap<String, Stretch>)>);

impl Spool {
    pub(super) fn new(file: File) -> Self {
        Self(RefCell::new((file, HashMap::new())))
    }

    fn put(&self, bytes: &[u8]) -> io::Result<(String, u64)> {
        let (sha, length) = (hex(&sha256(bytes)), bytes.len() as u64);
        let mut held = self.0.borrow_mut();
        let (file, known) = &mut *held;
        if !known.contains_key(&sha) {
            let at = file.seek(SeekFrom::End(0))?;
            file.write_all(bytes)?;
            known.insert(sha.clone(), (at, length));
        }
        Ok((sha, length))
    }

    /// The content that goes by this name, here or among those blobs.
    pub(super) fn get(&self, sha: &str, blobs: &Blobs) -> io::Result<Option<Vec<u8>>> {
        let mut held = self.0.borrow_mut();
        let (file, known) = &mut *held;
        let Some((at, length)) = known.get(sha) else {
            return if blobs.has(sha) { blobs.get(sha).map(Some).map_err(Error::other) } else { Ok(None) };
        };
        file.seek(SeekFrom::Start(*at))?;
        let mut bytes = vec![0; usize::try_from(*length).map_err(Error::other)?];
        file.read_exact(&mut bytes)?;
        Ok(Some(bytes))
    }
}

/// Takes secrets out of the lines of the sessions, the oldest first; from the first that changes on they are a new chain. `renamed`
/// are the states of files that have become others.
pub(super) fn clean(
    texts: &mut [(String, Vec<u8>)],
    (redactor, blobs): (Redactor, &Blobs),
    (renamed, spool): (HashMap<String, String>, &Spool),
    taken: &mut Taken,
) -> io::Result<()> {
    let mut scrubber = Scrubber::new(redactor, blobs.clone(), Box::new(|bytes: &[u8]| spool.put(bytes)));
    for (old, new) in renamed {
        scrubber.rename(old, new);
    }
    // What each line's hash has become; the first line of a fork names one of the session before it.
    let mut heads: HashMap<String, String> = HashMap::new();
    for (_, text) in texts {
        let mut out = Vec::with_capacity(text.len());
        for bytes in text.split_inclusive(|&b| b == b'\n').map(|line| line.strip_suffix(b"\n").unwrap_or(line)) {
            let line = Line::parse(bytes).map_err(|e| Error::new(ErrorKind::InvalidData, e.to_string()))?;
            let mut new = scrubber.line(&line, bytes)?;
            taken.lines += u64::from(new.is_some());
            if let Some(head) = heads.get(&*line.prev) {
                new = Some(follow(new.unwrap_or_else(|| bytes.to_vec()), &line.prev, head)?);
            }
            if let Some(new) = &new {
                if new.len() >= limits::LINE_BYTES {
                    return Err(Error::new(ErrorKind::InvalidData, "without its secrets a record is too long"));
                }
                let (old, new) = (hex(&sha256(bytes)), hex(&sha256(new)));
                scrubber.rename(old.clone(), new.clone());
                heads.insert(old, new);
            }
            out.extend_from_slice(new.as_deref().unwrap_or(bytes));
            out.push(b'\n');
        }
        *text = out;
    }
    taken.blobs = scrubber.renamed().len();
    Ok(())
}

/// The line behind another one than before.
fn follow(mut line: Vec<u8>, old: &str, new: &str) -> io::Result<Vec<u8>> {
    let mark = format!("\"prev\":\"{old}\"");
    let at = line.windows(mark.len()).position(|w| w == mark.as_bytes());
    let at = at.ok_or(Error::from(ErrorKind::InvalidData))? + "\"prev\":\"".len();
    line[at..at + old.len()].copy_from_slice(new.as_bytes());
    Ok(line)
}

/// Takes secrets out of what files hold.
pub(super) struct Files<'r>(pub(super) &'r Redactor);

impl ace_worktree::Editor for Files<'_> {
    fn content(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        self.0.bytes(bytes)
    }

    fn may_be_named(&mut self, name: &[u8]) -> bool {
        self.0.bytes(name).is_none()
    }

    fn message(&mut self, text: &[u8]) -> Option<Vec<u8>> {
        self.0.bytes(text)
    }
}
