//! What we remember about a worktree beside git's own files: a few lines in its git folder, which git
//! removes together with it. It must never be taken for more than a memory: commits decide.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::error::Error;
use crate::linked::read_pointer;

/// The name of the note in the worktree's git folder.
const FILE: &str = "ace";

/// A worktree's beginning and, if it landed as another commit, what of it did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Note {
    /// The commit it began at, 40 hexadecimal digits.
    pub base: String,
    /// The branch that stood there, without `refs/heads/`.
    pub from: Option<String>,
    /// Its own branch, without `refs/heads/`.
    pub branch: String,
    /// When it was made, seconds since 1970.
    pub made: u64,
    /// The tip that landed as other commits.
    pub landed: Option<String>,
    /// What of the repository could start a program when it was made: see [`crate::fingerprint`].
    pub guard: Option<String>,
    /// Ports that are its own: the first, and how many.
    pub ports: Option<(u16, u16)>,
}

impl Note {
    /// A note made now.
    pub(crate) fn now(base: String, from: Option<String>, branch: String) -> Self {
        Self { base, from, branch, made: seconds_now(), ..Self::default() }
    }

    /// Writes it in one step.
    pub(crate) fn write(&self, git_dir: &Path) -> Result<(), Error> {
        let mut text = format!("base {}\nbranch {}\nmade {}\n", self.base, self.branch, self.made);
        if let Some(from) = &self.from {
            text.push_str(&format!("from {from}\n"));
        }
        if let Some(landed) = &self.landed {
            text.push_str(&format!("landed {landed}\n"));
        }
        if let Some(guard) = &self.guard {
            text.push_str(&format!("guard {guard}\n"));
        }
        if let Some((first, count)) = self.ports {
            text.push_str(&format!("ports {first} {count}\n"));
        }
        let (path, fresh) = (git_dir.join(FILE), git_dir.join("ace.new"));
        std::fs::write(&fresh, text).map_err(Error::io(&fresh))?;
        std::fs::rename(&fresh, &path).map_err(Error::io(&path))
    }

    /// Reads it; `None` when the worktree is not one of ours.
    pub(crate) fn read(git_dir: &Path) -> Option<Self> {
        let text = String::from_utf8(read_pointer(&git_dir.join(FILE))?).ok()?;
        let mut note = Self::default();
        for (key, value) in text.lines().filter_map(|line| line.split_once(' ')) {
            match key {
                "base" => note.base = value.to_owned(),
                "branch" => note.branch = value.to_owned(),
                "from" => note.from = Some(value.to_owned()),
                "made" => note.made = value.parse().ok()?,
                "guard" => note.guard = Some(value.to_owned()),
                "landed" => note.landed = Some(value.to_owned()),
                "ports" => {
                    let pair = value.split_once(' ');
                    note.ports = pair.and_then(|(first, count)| Some((first.parse().ok()?, count.parse().ok()?)));
                }
                _ => {}
            }
        }
        (!note.branch.is_empty()).then_some(note)
    }
}

/// Seconds since 1970.
pub(crate) fn seconds_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Nanoseconds since 1970: what nobody else in this process has.
pub(crate) fn nanoseconds_now() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos())
}
