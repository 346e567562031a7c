//! Where a worktree's git data lies, and which of it a commit writes. It starts no git and trusts no file the agent can
//! write: a `.git` file counts only if the folder it names points back.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Bytes read of a pointer file (`.git`, `commondir`, `alternates`); git's own are one line.
const POINTER_MAX: u64 = 16 * 1024;

/// The folders of a worktree's git data, absolute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Git {
    /// This worktree's own: index, HEAD, logs. Inside the common one for a linked worktree.
    pub dir: PathBuf,
    /// What all worktrees share: objects, references, configuration, hooks.
    pub common: PathBuf,
    /// Object folders of other repositories that this one borrows from.
    pub alternates: Vec<PathBuf>,
    /// The branch checked out, `refs/heads/…`, if a commit may move it.
    pub branch: Option<String>,
}

impl Git {
    /// Looks it up from the worktree. `None` if there is none, or if the `.git` file names a folder that does not point back to
    /// this worktree. For use when the worktree is made; later the record is the better witness.
    pub fn find(worktree: &Path) -> Option<Git> {
        let entry = worktree.join(".git");
        let meta = entry.symlink_metadata().ok()?;
        let dir = if meta.is_dir() {
            entry.canonicalize().ok()?
        } else if meta.is_file() {
            let text = pointer(&entry)?;
            let dir = worktree.join(text.strip_prefix("gitdir:")?.trim()).canonicalize().ok()?;
            let back = dir.join(pointer(&dir.join("gitdir"))?.trim()).canonicalize().ok()?;
            if back != entry.canonicalize().ok()? {
                return None;
            }
            dir
        } else {
            return None;
        };
        let common = match pointer(&dir.join("commondir")) {
            Some(text) => dir.join(text.trim()).canonicalize().ok()?,
            None => dir.clone(),
        };
        let alternates = pointer(&common.join("objects/info/alternates"))
            .map(|text| {
                let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
                lines.filter_map(|line| common.join("objects").join(line).canonicalize().ok()).collect()
            })
            .unwrap_or_default();
        let branch = pointer(&dir.join("HEAD"))
            .and_then(|text| text.strip_prefix("ref:").map(|name| name.trim().to_owned()))
            .filter(|name| name.starts_with("refs/heads/") && !name.split('/').any(|part| part == ".."));
        Some(Git { dir, common, alternates, branch })
    }

    /// Everything a reading git looks at.
    pub(crate) fn folders(&self) -> Vec<PathBuf> {
        let mut folders = vec![self.common.clone(), self.dir.clone()];
        folders.extend(self.alternates.iter().cloned());
        folders
    }

    /// What steers git inside the worktree's own folder.
    pub(crate) fn commit_closed(&self) -> Vec<PathBuf> {
        let of_dir = ["config", "config.worktree", "hooks", "info", "commondir", "gitdir", "modules", "worktrees"];
        let mut paths: Vec<PathBuf> =
            of_dir.iter().filter(|name| self.dir.join(name).exists()).map(|name| self.dir.join(name)).collect();
        // A missing `config.worktree` can be brought in as well as changed.
        paths.push(self.dir.join("config.worktree"));
        paths.sort();
        paths.dedup();
        paths
    }
}

/// The text of a small pointer file; `None` if it is no such thing.
fn pointer(path: &Path) -> Option<String> {
    let meta = fs::symlink_metadata(path).ok()?;
    (meta.is_file() && meta.len() <= POINTER_MAX).then(|| fs::read_to_string(path).ok()).flatten()
}
