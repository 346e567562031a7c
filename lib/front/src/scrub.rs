//! What is recorded, without its secrets: lines, the blobs they name, the digests of decisions, and whatever else has another name
//! for it. It must never know where the lines come from or go to; it keeps a line as it is unless something in it must change.

use ace_redact::{Change, Place, Redactor, rewrite};
use ace_schema::data::PermissionResolved;
use ace_schema::{Line, ty};
use ace_storage::{Blobs, is_sha};
use std::collections::{HashMap, HashSet};
use std::io;

/// Where a blob's new content goes; its hash and length.
pub type Keep<'k> = Box<dyn FnMut(&[u8]) -> io::Result<(String, u64)> + 'k>;

/// Cleans the lines of one session, or of one and those that it goes on from.
pub struct Scrubber<'k> {
    redactor: Redactor,
    blobs: Blobs,
    keep: Keep<'k>,
    /// Blobs that became others: old hash to new hash and bytes.
    renamed: HashMap<String, (String, u64)>,
    /// Blobs in which nothing was found.
    clean: HashSet<String>,
    /// Digests of calls that were changed, old to new.
    digests: HashMap<String, String>,
    /// Other names by which something goes now, of the same length: states of files, hashes of lines.
    names: HashMap<String, String>,
}

impl<'k> Scrubber<'k> {
    /// One that has seen nothing.
    pub fn new(redactor: Redactor, blobs: Blobs, keep: Keep<'k>) -> Self {
        let (renamed, clean, digests, names) = (HashMap::new(), HashSet::new(), HashMap::new(), HashMap::new());
        Self { redactor, blobs, keep, renamed, clean, digests, names }
    }

    /// From now on `old` goes by another name wherever a record names it: hexadecimal digits, as many as before.
    pub fn rename(&mut self, old: String, new: String) {
        self.names.insert(old, new);
    }

    /// The blobs that became others: old hash to new hash and bytes.
    #[must_use]
    pub fn renamed(&self) -> &HashMap<String, (String, u64)> {
        &self.renamed
    }

    /// The line without its secrets; `None` if it stays.
    ///
    /// # Errors
    /// A blob cannot be read or kept.
    pub fn line(&mut self, line: &Line<'_>, bytes: &[u8]) -> io::Result<Option<Vec<u8>>> {
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
            self.string(place, text).unwrap_or_else(|e| {
                failed = Some(e);
                Change::Keep
            })
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

    fn string(&mut self, place: Place<'_>, text: &str) -> io::Result<Change> {
        if let Some(name) = self.names.get(text) {
            return Ok(Change::Text(name.clone()));
        }
        if is_sha(text) {
            return Ok(self.blob(text)?.map_or(Change::Keep, |(sha, bytes)| Change::Blob(sha, bytes)));
        }
        Ok(self.redactor.field(place.key, text).map_or(Change::Keep, Change::Text))
    }

    /// What a blob has become, if it has.
    fn blob(&mut self, sha: &str) -> io::Result<Option<(String, u64)>> {
        if let Some(known) = self.renamed.get(sha) {
            return Ok(Some(known.clone()));
        }
        if self.clean.contains(sha) || !self.blobs.has(sha) {
            return Ok(None);
        }
        // Before it is looked into: none that is damaged leads to itself.
        self.clean.insert(sha.to_owned());
        let bytes = self.blobs.get(sha).map_err(|e| io::Error::other(e.to_string()))?;
        // A whole state names further blobs, and states of files.
        let named = if bytes.first() == Some(&b'{') { self.names_within(&bytes)? } else { None };
        let redacted = self.redactor.bytes(named.as_deref().unwrap_or(&bytes));
        let Some(new) = redacted.or(named) else { return Ok(None) };
        let (new, length) = (self.keep)(&new)?;
        self.clean.remove(sha);
        self.renamed.insert(sha.to_owned(), (new.clone(), length));
        Ok(Some((new, length)))
    }

    /// A text of JSON in which everything has its new name.
    fn names_within(&mut self, bytes: &[u8]) -> io::Result<Option<Vec<u8>>> {
        let mut failed = None;
        let new = rewrite(bytes, |_, text| {
            if let Some(name) = self.names.get(text) {
                return Change::Text(name.clone());
            }
            match if is_sha(text) { self.blob(text) } else { Ok(None) } {
                Ok(found) => found.map_or(Change::Keep, |(sha, bytes)| Change::Blob(sha, bytes)),
                Err(e) => {
                    failed = Some(e);
                    Change::Keep
                }
            }
        });
        failed.map_or(Ok(new), Err)
    }
}
