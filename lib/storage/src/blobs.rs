//! Payloads too large for a line, kept under their own hash. It must never know which event names them.

use std::collections::HashMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use ace_schema::data::BlobRef;
use ace_schema::draft::BlobPartLine;
use ace_schema::limits;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use crate::hash::{hex, is_sha, sha256};
use crate::store::Why;

/// A pool of blobs, shared by all sessions of a home.
#[derive(Debug, Clone)]
pub struct Blobs {
    folder: PathBuf,
}

/// Why a blob cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// The name is not a SHA-256 in lower-case hex.
    #[error("not the name of a blob")]
    Name,
    /// It is not stored.
    #[error("blob {0} is not stored")]
    Missing(String),
    /// Its bytes do not have that hash.
    #[error("blob {0} is damaged")]
    Damaged(String),
    /// It is larger than a blob may be, bytes.
    #[error("blob of {0} bytes, the limit is {limit}", limit = limits::BLOB_BYTES)]
    TooLarge(u64),
    /// Reading or writing failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Blobs {
    /// The pool in that folder, which need not be there yet.
    #[must_use]
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// Where a blob of that name lies, stored or not.
    ///
    /// # Errors
    /// [`BlobError::Name`].
    pub fn path(&self, sha: &str) -> Result<PathBuf, BlobError> {
        if is_sha(sha) { Ok(self.folder.join(sha)) } else { Err(BlobError::Name) }
    }

    /// Whether it is stored. Its bytes are not read.
    #[must_use]
    pub fn has(&self, sha: &str) -> bool {
        self.path(sha).is_ok_and(|p| p.is_file())
    }

    /// The bytes of a blob, checked against its name.
    ///
    /// # Errors
    /// Any [`BlobError`].
    pub fn get(&self, sha: &str) -> Result<Vec<u8>, BlobError> {
        let file = self.open(sha)?;
        let bytes = file.metadata()?.len();
        if bytes > limits::BLOB_BYTES {
            return Err(BlobError::TooLarge(bytes));
        }
        let mut out = Vec::with_capacity(usize::try_from(bytes).unwrap_or(0));
        file.take(limits::BLOB_BYTES + 1).read_to_end(&mut out)?;
        if hex(&sha256(&out)) == sha { Ok(out) } else { Err(BlobError::Damaged(sha.to_owned())) }
    }

    /// The length of a blob after its bytes were checked, without keeping them.
    ///
    /// # Errors
    /// Any [`BlobError`].
    pub fn check(&self, sha: &str) -> Result<u64, BlobError> {
        let mut file = self.open(sha)?;
        let mut hasher = Sha256::new();
        let mut buf = vec![0; 128 * 1024];
        let mut bytes = 0;
        loop {
            match file.read(&mut buf) {
                Ok(0) => break,
                Ok(n) => {
                    hasher.update(&buf[..n]);
                    bytes += n as u64;
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e.into()),
            }
        }
        if hex(&hasher.finalize()) == sha { Ok(bytes) } else { Err(BlobError::Damaged(sha.to_owned())) }
    }

    fn open(&self, sha: &str) -> Result<File, BlobError> {
        File::open(self.path(sha)?).map_err(|e| match e.kind() {
            io::ErrorKind::NotFound => BlobError::Missing(sha.to_owned()),
            _ => e.into(),
        })
    }

    /// Stores bytes; when it returns they are on the disk. Stored ones are left alone.
    ///
    /// # Errors
    /// [`BlobError::TooLarge`], or writing failed; nothing is stored under the name then.
    pub fn put(&self, bytes: &[u8], media: &str) -> Result<BlobRef, BlobError> {
        let len = bytes.len() as u64;
        if len > limits::BLOB_BYTES {
            return Err(BlobError::TooLarge(len));
        }
        let sha = hex(&sha256(bytes));
        if !self.has(&sha) {
            let mut draft = Aside::new(self)?;
            draft.file.write_all(bytes)?;
            draft.keep(self, &sha)?;
        }
        Ok(BlobRef { sha, bytes: len, media: media.to_owned() })
    }

    fn make(&self) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)
    }
}

/// A file being written, gone again unless it is kept.
#[derive(Debug)]
struct Aside {
    file: File,
    path: PathBuf,
}

impl Aside {
    fn new(blobs: &Blobs) -> io::Result<Self> {
        let open = || -> io::Result<Self> {
            let path = blobs.folder.join(format!(".new-{:016x}", random()));
            let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
            Ok(Self { file, path })
        };
        match open() {
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                blobs.make()?;
                open()
            }
            done => done,
        }
    }

    fn keep(&mut self, blobs: &Blobs, sha: &str) -> io::Result<()> {
        self.file.sync_all()?;
        fs::rename(&self.path, blobs.folder.join(sha))?;
        sync_folder(&blobs.folder)
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        // Kept files have another name by now.
        let _ = fs::remove_file(&self.path);
    }
}

/// A number nobody can guess; from the clock where the system has none.
pub(crate) fn random() -> u64 {
    let mut bytes = [0; 8];
    match getrandom::fill(&mut bytes) {
        Ok(()) => u64::from_le_bytes(bytes),
        Err(_) => crate::clock::Clock::System.now() as u64 ^ u64::from(std::process::id()),
    }
}

/// Makes names in a folder last.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Blobs that arrive in parts, each in the file it will be.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    begun: HashMap<(u32, String), Part>,
}

#[derive(Debug)]
struct Part {
    aside: Aside,
    hasher: Sha256,
    bytes: u64,
    next: usize,
    of: usize,
}

/// What a part did.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// More parts are to come, or this one was there.
    Part,
    /// The blob is whole and on the disk.
    Whole,
}

impl Parts {
    /// Takes one part. The outer error is the disk's: the same part may be given again later. The inner one is the part's.
    pub fn take(&mut self, blobs: &Blobs, pen: u32, line: &BlobPartLine<'_>) -> io::Result<Result<Taken, Why>> {
        if !is_sha(&line.sha) {
            return Ok(Err(Why::Blob("sha is not a lower-case hex SHA-256")));
        }
        if line.of == 0 || line.part >= line.of {
            return Ok(Err(Why::Blob("part is not below of")));
        }
        if blobs.has(&line.sha) {
            self.begun.remove(&(pen, line.sha.to_string()));
            return Ok(Ok(Taken::Part));
        }
        let Ok(bytes) = STANDARD.decode(line.data.as_bytes()) else {
            return Ok(Err(Why::Blob("data is not base64")));
        };
        let key = (pen, line.sha.to_string());
        if !self.begun.contains_key(&key) {
            if line.part > 0 {
                return Ok(Err(Why::Blob("a part without the ones before it")));
            }
            if self.begun.len() >= limits::BLOBS_BEGUN {
                return Ok(Err(Why::Blob("too many blobs have begun and not ended")));
            }
            let aside = Aside::new(blobs)?;
            let part = Part { aside, hasher: Sha256::new(), bytes: 0, next: 0, of: line.of };
            self.begun.insert(key.clone(), part);
        }
        let Some(part) = self.begun.get_mut(&key) else { return Ok(Ok(Taken::Part)) };
        let taken = part.take(line.part, line.of, &bytes)?;
        if taken == Ok(true) {
            let whole = hex(&part.hasher.clone().finalize()) == line.sha;
            // Kept or not, it is over: what a failed sync has lost must not be believed at a second try.
            let kept = if whole { part.aside.keep(blobs, &line.sha) } else { Ok(()) };
            self.begun.remove(&key);
            kept?;
            return Ok(if whole { Ok(Taken::Whole) } else { Err(Why::Blob("the bytes do not have that hash")) });
        }
        if taken.is_err() {
            self.begun.remove(&key);
        }
        Ok(taken.map(|_| Taken::Part))
    }

    /// Forgets what a pen has begun.
    pub fn forget(&mut self, pen: u32) {
        self.begun.retain(|(number, _), _| *number != pen);
    }
}

impl Part {
    /// Writes one part where the last one ended; `true` when it was the last. A part that was there is passed over.
    fn take(&mut self, part: usize, of: usize, bytes: &[u8]) -> io::Result<Result<bool, Why>> {
        if of != self.of || part > self.next {
            return Ok(Err(Why::Blob("a part without the ones before it")));
        }
        if part == self.next {
            let sum = self.bytes + bytes.len() as u64;
            if sum > limits::BLOB_BYTES {
                return Ok(Err(Why::Blob("larger than a blob may be")));
            }
            self.aside.file.write_all_at(bytes, self.bytes)?;
            self.hasher.update(bytes);
            self.bytes = sum;
            self.next += 1;
        }
        Ok(Ok(self.next == self.of))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ace_schema::draft::blob_lines;

    fn pool() -> (tempfile::TempDir, Blobs) {
        let dir = tempfile::tempdir().unwrap();
        let blobs = Blobs::at(dir.path().join("blobs"));
        (dir, blobs)
    }

    fn files(blobs: &Blobs) -> usize {
        fs::read_dir(&blobs.folder).map_or(0, Iterator::count)
    }

    #[test]
    fn what_is_put_can_be_got_and_damage_is_seen() {
        let (_dir, blobs) = pool();
        let name = blobs.put(b"hello", "text/plain").unwrap();
        assert_eq!(blobs.put(b"hello", "").unwrap().sha, name.sha);
        assert_eq!((blobs.get(&name.sha).unwrap(), blobs.check(&name.sha).unwrap()), (b"hello".to_vec(), 5));
        assert_eq!(files(&blobs), 1);
        fs::write(blobs.path(&name.sha).unwrap(), b"hellO").unwrap();
        assert!(matches!(blobs.get(&name.sha), Err(BlobError::Damaged(_))));
        assert!(matches!(blobs.check(&name.sha), Err(BlobError::Damaged(_))));
        assert!(matches!(blobs.get(&"0".repeat(64)), Err(BlobError::Missing(_))));
        assert!(matches!(blobs.get("../../etc/passwd"), Err(BlobError::Name)));
    }

    fn feed(parts: &mut Parts, blobs: &Blobs, pen: u32, line: &[u8]) -> Result<Taken, Why> {
        parts.take(blobs, pen, &serde_json::from_slice(line).unwrap()).unwrap()
    }

    #[test]
    fn parts_join_doubled_parts_do_not_matter_and_gaps_do() {
        let (_dir, blobs) = pool();
        let bytes: Vec<u8> = (0..limits::BLOB_PART_BYTES * 3 + 5).map(|n| (n % 251) as u8).collect();
        let sha = hex(&sha256(&bytes));
        let lines = blob_lines(&sha, &bytes, |b| STANDARD.encode(b));
        assert_eq!(lines.len(), 4);
        assert!(lines.iter().all(|l| l.len() <= limits::LINE_BYTES));
        let mut parts = Parts::default();
        assert_eq!(feed(&mut parts, &blobs, 1, &lines[0]), Ok(Taken::Part));
        assert!(feed(&mut parts, &blobs, 2, &lines[1]).is_err(), "another pen has not begun it");
        assert_eq!(feed(&mut parts, &blobs, 1, &lines[0]), Ok(Taken::Part));
        assert_eq!(feed(&mut parts, &blobs, 1, &lines[1]), Ok(Taken::Part));
        assert_eq!(feed(&mut parts, &blobs, 1, &lines[2]), Ok(Taken::Part));
        assert!(!blobs.has(&sha));
        assert_eq!(feed(&mut parts, &blobs, 1, &lines[3]), Ok(Taken::Whole));
        assert_eq!(blobs.get(&sha).unwrap(), bytes);
        assert_eq!(feed(&mut parts, &blobs, 1, &lines[3]), Ok(Taken::Part), "it is stored by now");
        assert_eq!(files(&blobs), 1);
    }

    #[test]
    fn wrong_parts_leave_nothing_behind() {
        let (_dir, blobs) = pool();
        let mut parts = Parts::default();
        let sha = "0".repeat(64);
        for bad in [
            r#"{"sha":"x","part":0,"of":1,"data":""}"#.to_string(),
            format!(r#"{{"sha":"{sha}","part":1,"of":1,"data":""}}"#),
            format!(r#"{{"sha":"{sha}","part":0,"of":0,"data":""}}"#),
            format!(r#"{{"sha":"{sha}","part":0,"of":1,"data":"***"}}"#),
            format!(r#"{{"sha":"{sha}","part":0,"of":1,"data":"aGVsbG8="}}"#),
        ] {
            assert!(feed(&mut parts, &blobs, 1, bad.as_bytes()).is_err(), "{bad}");
        }
        assert_eq!(files(&blobs), 0);
        for n in 0..limits::BLOBS_BEGUN + 1 {
            let line = format!(r#"{{"sha":"{n:064x}","part":0,"of":2,"data":"YQ=="}}"#);
            assert_eq!(feed(&mut parts, &blobs, 1, line.as_bytes()).is_ok(), n < limits::BLOBS_BEGUN);
        }
        parts.forget(1);
        assert_eq!(files(&blobs), 0);
    }

    #[test]
    fn an_empty_blob_is_a_blob() {
        let (_dir, blobs) = pool();
        let sha = hex(&sha256(b""));
        let lines = blob_lines(&sha, b"", |b| STANDARD.encode(b));
        assert_eq!(feed(&mut Parts::default(), &blobs, 1, &lines[0]), Ok(Taken::Whole));
        assert_eq!(blobs.get(&sha).unwrap(), b"");
    }
}
