//! Sessions of another home: staged beside the others, looked through, and renamed in as a whole. They are to be looked at: nobody
//! runs, writes or goes on from one, since what their records name (folders, rights) was said elsewhere.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use ace_schema::id;

use crate::blobs::sync_folder;
use crate::home::Home;
use crate::log::Log;
use crate::verify::Report;

/// The file in a session's folder that says so.
const MARK: &str = "foreign";

/// Whether the session in that folder came from another home.
#[must_use]
pub fn is_foreign(folder: &Path) -> bool {
    folder.join(MARK).exists()
}

/// Refuses what must not be done with one.
pub(crate) fn refuse(folder: &Path) -> io::Result<()> {
    match is_foreign(folder) {
        true => Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "it came from another home: it is to be looked at, not to go on",
        )),
        false => Ok(()),
    }
}

/// A home in a new or empty folder whose sessions are looked at while their logs grow by [`grow`]; what they name is read from
/// `from`, by links.
///
/// # Errors
/// The folder holds something, or the disk's.
pub fn beside(from: &Home, folder: &Path) -> io::Result<Home> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    if fs::read_dir(folder)?.next().is_some() {
        return Err(io::Error::from(io::ErrorKind::DirectoryNotEmpty));
    }
    let from = fs::canonicalize(from.path())?;
    for name in ["blobs", "git"] {
        std::os::unix::fs::symlink(from.join(name), folder.join(name))?;
    }
    Ok(Home::at(folder))
}

/// The log of a session in such a home, empty, to be written line by line.
///
/// # Errors
/// The id is none, or the disk's.
pub fn grow(home: &Home, session: &str) -> io::Result<File> {
    if !id::is_session(session) {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "no id of a session"));
    }
    let folder = home.session(session);
    DirBuilder::new().recursive(true).mode(0o700).create(folder.join("pens"))?;
    File::create(folder.join(MARK))?;
    OpenOptions::new().append(true).create_new(true).mode(0o600).open(folder.join("log.jsonl"))
}

/// Sessions on their way in. Dropped before [`Stage::adopt`], nothing of them is left.
#[derive(Debug)]
pub struct Stage {
    home: Home,
    folder: PathBuf,
    ids: Vec<String>,
    log: Option<BufWriter<File>>,
}

impl Stage {
    /// An empty one.
    ///
    /// # Errors
    /// The home cannot be written.
    pub fn new(home: &Home, unique: u64) -> io::Result<Self> {
        let folder = home.path().join("sessions").join(format!(".unpack-{unique:016x}"));
        DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        Ok(Self { home: home.clone(), folder, ids: Vec::new(), log: None })
    }

    /// Its folder, for what else is needed on the way.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Begins the next session, whose lines follow.
    ///
    /// # Errors
    /// The id is none, came already, or the disk's.
    pub fn begin(&mut self, session: &str) -> io::Result<()> {
        self.close()?;
        if !id::is_session(session) || self.ids.iter().any(|known| known == session) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "no id of a session"));
        }
        let folder = self.folder.join(session);
        DirBuilder::new().mode(0o700).create(&folder)?;
        DirBuilder::new().mode(0o700).create(folder.join("pens"))?;
        File::create(folder.join(MARK))?.sync_all()?;
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(folder.join("log.jsonl"))?;
        self.log = Some(BufWriter::with_capacity(1 << 20, file));
        self.ids.push(session.to_owned());
        Ok(())
    }

    /// The next line of it, with its LF.
    ///
    /// # Errors
    /// No session was begun, or the disk's.
    pub fn line(&mut self, line: &[u8]) -> io::Result<()> {
        self.log.as_mut().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))?.write_all(line)
    }

    fn close(&mut self) -> io::Result<()> {
        match self.log.take() {
            Some(log) => log.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all(),
            None => Ok(()),
        }
    }

    /// The log of a staged session.
    #[must_use]
    pub fn log(&self, session: &str) -> Log {
        Log::at(self.folder.join(session)).with_blobs(self.home.blobs())
    }

    /// Looks through all of them: chains, blobs, what each goes on from.
    ///
    /// # Errors
    /// Reading failed.
    pub fn verify(&mut self) -> io::Result<Vec<(String, Report)>> {
        self.close()?;
        self.ids.iter().map(|session| Ok((session.clone(), self.log(session).verify()?))).collect()
    }

    /// Renames those in that are not here yet; how many that were. One that is here with other records is refused.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`], or the disk's.
    pub fn adopt(mut self) -> io::Result<usize> {
        self.close()?;
        let place = |session: &str| self.home.session(session);
        for session in self.ids.iter().filter(|session| place(session).exists()) {
            let (ours, theirs) = (place(session).join("log.jsonl"), self.folder.join(session).join("log.jsonl"));
            // One that went on here has theirs as its beginning.
            if !fs::read(&ours)?.starts_with(&fs::read(&theirs)?) {
                return Err(io::Error::new(io::ErrorKind::AlreadyExists, format!("another '{session}' is here")));
            }
        }
        let mut adopted = 0;
        for session in self.ids.iter().filter(|session| !place(session).exists()) {
            fs::rename(self.folder.join(session), place(session))?;
            adopted += 1;
        }
        sync_folder(&self.home.path().join("sessions"))?;
        Ok(adopted)
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // What is left was not adopted.
        let _ = fs::remove_dir_all(&self.folder);
    }
}
