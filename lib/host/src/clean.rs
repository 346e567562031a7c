//! The last gate before the log: every draft of every filter passes it, whatever other gates there are. It stands in the star itself,
//! which acts for the person who has the secrets and holds the pens; as a process it would add two hops to everything that is said.

use ace_redact::{Gate, GateError, Memory, Redactor, Spool};
use ace_storage::Log;
use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

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
    /// Whole lines without their secrets. What is one filter's comes back with that filter's next line at the latest.
    ///
    /// # Errors
    /// What waits cannot be kept: nothing may be recorded any more.
    pub fn pass(&mut self, lines: &[u8]) -> io::Result<Vec<u8>> {
        let mut clean = Vec::with_capacity(lines.len());
        for line in ace_storage::split(lines) {
            let mut hand_on = |bytes: &[u8]| {
                clean.extend_from_slice(bytes);
                Ok(())
            };
            self.0.line(line, &mut hand_on).map_err(|(GateError::Spool(e) | GateError::Out(e))| e)?;
        }
        Ok(clean)
    }
}
