//! The last gate before the log: every draft of every filter passes it, whatever other gates there are. It stands in the star itself,
//! which acts for the person who has the secrets and holds the pens; as a process it would add two hops to everything that is said.

use ace_redact::{Gate, GateError, Memory, Redactor, Spool};
use ace_storage::Log;
use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use crate::star::StarError;

/// What is gathered before it is handed on, bytes.
pub const GATHERED: usize = 256 * 1024;

/// Where parts of a blob wait, cleaned, until it is whole: a file without a name, or memory where none can be made.
#[derive(Debug)]
pub enum Kept {
    /// A file in that folder, once something waits.
    Wanted(PathBuf),
    /// The file.
    File(File),
    /// No file.
    Memory(Memory),
}

impl Kept {
    /// A file without a name in that folder: it is gone with the process, whatever ends it. It is made now, for who cannot later.
    #[must_use]
    pub fn within(folder: &Path) -> Self {
        nameless(folder).map_or_else(|_| Self::Memory(Memory::default()), Self::File)
    }
}

fn nameless(folder: &Path) -> io::Result<File> {
    let path = folder.join(format!(".redact-{}", std::process::id()));
    let file = std::fs::OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
    std::fs::remove_file(&path).map(|()| file)
}

impl Spool for Kept {
    fn write(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        if let Self::Wanted(folder) = self {
            *self = Self::within(folder);
        }
        match self {
            Self::Wanted(_) => Err(io::ErrorKind::NotFound.into()),
            Self::File(file) => file.write_all_at(bytes, at),
            Self::Memory(memory) => memory.write(at, bytes),
        }
    }

    fn read(&mut self, at: u64, bytes: &mut [u8]) -> io::Result<()> {
        match self {
            Self::Wanted(_) => Err(io::ErrorKind::UnexpectedEof.into()),
            Self::File(file) => file.read_exact_at(bytes, at),
            Self::Memory(memory) => memory.read(at, bytes),
        }
    }

    fn clear(&mut self) -> io::Result<()> {
        match self {
            Self::Wanted(_) => Ok(()),
            Self::File(file) => file.set_len(0),
            Self::Memory(memory) => memory.clear(),
        }
    }
}

/// The gate of a star.
pub(crate) struct Cleaner(Gate<Kept>);

/// The gate in front of a log; what waits in it waits beside that.
pub(crate) fn cleaner(redactor: Option<&Redactor>, log: &Log) -> Option<Mutex<Cleaner>> {
    let kept = log.folder().map_or_else(|| Kept::Memory(Memory::default()), |folder| Kept::Wanted(folder.to_owned()));
    redactor.map(|redactor| Mutex::new(Cleaner(Gate::new(redactor, "", kept))))
}

impl Cleaner {
    /// Hands on whole lines without their secrets, in pieces: a blob that has waited may be far larger than what is held at once.
    ///
    /// # Errors
    /// What waits cannot be kept, or what is done cannot be handed on: nothing may be recorded any more.
    pub fn pass(
        &mut self,
        lines: &[u8],
        mut hand_on: impl FnMut(&[u8]) -> Result<(), StarError>,
    ) -> Result<(), StarError> {
        let (mut clean, mut failed) = (Vec::with_capacity(lines.len()), None);
        for line in ace_storage::split(lines) {
            let mut gather = |bytes: &[u8]| {
                clean.extend_from_slice(bytes);
                if clean.len() >= GATHERED && clean.ends_with(b"\n") {
                    let handed = hand_on(&clean);
                    clean.clear();
                    handed.map_err(|e| {
                        failed = Some(e);
                        io::Error::other("not handed on")
                    })?;
                }
                Ok(())
            };
            if let Err(GateError::Spool(e) | GateError::Out(e)) = self.0.line(line, &mut gather) {
                return Err(failed.unwrap_or(e.into()));
            }
        }
        if clean.is_empty() { Ok(()) } else { hand_on(&clean) }
    }
}
