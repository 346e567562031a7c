//! Names of sessions, each for one: a name is held from the moment it is chosen until its session is there. It must never know
//! what a session is for.

use ace_schema::id;
use std::collections::{HashMap, HashSet};
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
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
        let path = self.path().join("names").join(KNOWN);
        let text = fs::read_to_string(&path).unwrap_or_default();
        let known: HashMap<&str, &str> = text.lines().filter_map(entry).collect();
        let mut fresh = String::new();
        let mut name_of = |one: &SessionRef| match known.get(one.id.as_str()) {
            Some(name) => Some((*name).to_owned()),
            None => {
                let name = one.first_name()?;
                fresh.push_str(&format!("\n{} {name} {END}", one.id));
                Some(name)
            }
        };
        let sessions = self.sessions()?;
        let taken = sessions.iter().filter_map(&mut name_of).filter(|name| name.starts_with(wanted)).collect();
        if !fresh.is_empty() {
            // One that cannot be written only saves nothing: the logs have it all.
            let kept = OpenOptions::new().create(true).append(true).mode(0o600).open(&path);
            let _ = kept.and_then(|mut file| file.write_all(fresh.as_bytes()));
        }
        Ok(taken)
    }
}

/// First names that were read before: a log never changes its first line. A line each: id, name, and what tells that it is whole.
const KNOWN: &str = ".known";
const END: &str = ".";

fn entry(line: &str) -> Option<(&str, &str)> {
    let mut words = line.split(' ');
    match (words.next(), words.next(), words.next(), words.next()) {
        (Some(id), Some(name), Some(END), None) if id::is_session(id) => Some((id, name)),
        _ => None,
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
