//! Names of sessions, each for one: a name is held from the moment it is chosen until its session is there. It must never know
//! what a session is for.

use std::collections::HashSet;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::PathBuf;

use crate::home::{Home, SessionRef};

/// A name that nobody else can take as long as this is held. Whoever is killed lets go of it.
#[derive(Debug)]
pub struct HeldName {
    name: String,
    path: PathBuf,
    _lock: File,
}

impl HeldName {
    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for HeldName {
    fn drop(&mut self) {
        // While it is still locked: who has opened it meanwhile sees that it is gone from its place.
        let _ = fs::remove_file(&self.path);
    }
}

impl Home {
    /// The name, or the name with the first number behind it, that no session was created with and nobody holds; held from now on.
    /// It has to fit a file's name. What sessions were renamed to later is not looked for: that would read every log to its end,
    /// and a first name is found before a later one anyway.
    ///
    /// # Errors
    /// The home cannot be read or written.
    pub fn hold_name(&self, wanted: &str) -> io::Result<HeldName> {
        let folder = self.path().join("names");
        DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        let numbered = (2..).map(|n: u32| format!("{wanted}-{n}"));
        let mut taken = self.taken(wanted)?;
        for name in std::iter::once(wanted.to_owned()).chain(numbered) {
            if taken.contains(&name) {
                continue;
            }
            let path = folder.join(&name);
            let Some(lock) = lock(&path)? else { continue };
            let held = HeldName { name, path, _lock: lock };
            // Its last holder may have made a session of that name since we looked.
            taken = self.taken(wanted)?;
            if !taken.contains(&held.name) {
                return Ok(held);
            }
        }
        Err(io::Error::other("no name is free"))
    }

    fn taken(&self, wanted: &str) -> io::Result<HashSet<String>> {
        let names = self.sessions()?;
        Ok(names.iter().filter_map(SessionRef::first_name).filter(|name| name.starts_with(wanted)).collect())
    }
}

/// The file, made and locked; `None` if another holds it.
fn lock(path: &PathBuf) -> io::Result<Option<File>> {
    loop {
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(e)) => return Err(e),
        }
        // Its last holder may have removed it between our two steps: a lock on what has no place holds nothing.
        let ours = file.metadata()?;
        match fs::metadata(path) {
            Ok(there) if (there.ino(), there.dev()) == (ours.ino(), ours.dev()) => return Ok(Some(file)),
            Ok(_) => {}
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => return Err(e),
        }
    }
}
