//! Payloads too large for a line, kept under their own hash. It must never know which event names them.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use ace_schema::data::BlobRef;
use ace_schema::limits;
use sha2::{Digest, Sha256};

use crate::hash::{hex, is_sha, sha256};

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

    /// Its folder, there or not.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
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
pub(crate) struct Aside {
    pub file: File,
    path: PathBuf,
}

impl Aside {
    pub fn new(blobs: &Blobs) -> io::Result<Self> {
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

    pub fn keep(&mut self, blobs: &Blobs, sha: &str) -> io::Result<()> {
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
