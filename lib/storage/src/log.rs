//! Where the parts of one session lie. It must never open one by itself.

use std::io;
use std::path::{Path, PathBuf};

use crate::append::Appender;
use crate::blobs::Blobs;
use crate::clock::Clock;
use crate::follow::Follower;
use crate::pens::Runner;
use crate::store::AppendError;
use crate::verify::{self, Anchor, Report};

/// One session by its place: a session folder, or a bare log file, which can only be read.
#[derive(Debug, Clone)]
pub struct Log {
    folder: Option<PathBuf>,
    file: PathBuf,
    blobs: Blobs,
}

impl Log {
    /// The log at a session folder, its `log.jsonl`, or any file of lines. Its blobs are taken to lie in the home around it.
    #[must_use]
    pub fn at(path: impl AsRef<Path>) -> Self {
        let path = path.as_ref();
        let (folder, file) = if path.file_name().is_some_and(|name| name == "log.jsonl") {
            let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
            (Some(folder.to_owned()), path.to_owned())
        } else if path.is_file() {
            (None, path.to_owned())
        } else {
            (Some(path.to_owned()), path.join("log.jsonl"))
        };
        let blobs = folder.as_deref().unwrap_or(path).join("../../blobs");
        Self { folder, file, blobs: Blobs::at(blobs) }
    }

    /// The same with its blobs elsewhere.
    #[must_use]
    pub fn with_blobs(self, blobs: Blobs) -> Self {
        Self { blobs, ..self }
    }

    /// The file of lines.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The session folder; `None` for a bare file.
    #[must_use]
    pub fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    /// A file in the session folder.
    pub(crate) fn beside(&self, name: &str) -> Option<PathBuf> {
        self.folder.as_ref().map(|folder| folder.join(name))
    }

    /// The blobs its lines name.
    #[must_use]
    pub fn blobs(&self) -> &Blobs {
        &self.blobs
    }

    /// Its own first line, without those of sessions it was forked from; `None` if it has no whole line.
    ///
    /// # Errors
    /// Reading failed.
    pub fn first_line(&self) -> io::Result<Option<Vec<u8>>> {
        crate::find::first_line(&self.file)
    }

    /// Opens it for appending.
    ///
    /// # Errors
    /// See [`Appender::open`].
    pub fn append(&self, clock: Clock) -> Result<Appender, AppendError> {
        Appender::open(self, clock)
    }

    /// Opens it for reading from the record `from` on (0 or 1: all, those of its ancestors first if it was forked).
    ///
    /// # Errors
    /// See [`Follower::open`].
    pub fn follow(&self, from: u64) -> io::Result<Follower> {
        Follower::open(self, from)
    }

    /// Checks every line and every blob it names.
    ///
    /// # Errors
    /// Reading failed; damage is no error but in the report.
    pub fn verify(&self) -> io::Result<Report> {
        verify::verify(self, None)
    }

    /// The same, and whether the log still holds a record that was noted elsewhere. One of an ancestor is not looked for.
    ///
    /// # Errors
    /// As [`verify`](Self::verify).
    pub fn verify_against(&self, anchor: &Anchor) -> io::Result<Report> {
        verify::verify(self, Some(anchor))
    }

    /// Takes the lock of the session's one runner; `None` if it is taken.
    ///
    /// # Errors
    /// The lock file cannot be made or locked.
    pub fn runner(&self) -> io::Result<Option<Runner>> {
        let folder = self.folder().ok_or(io::ErrorKind::NotADirectory)?;
        Runner::take(folder)
    }
}
