//! What of a repository could start a program, as one number: recorded when a session begins and compared
//! before git runs in the user's name. It must never interpret what it reads.

use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use ace_schema::limits::worktree as limits;
use gix::bstr::ByteSlice;

use crate::error::Error;
use crate::linked::Place;
use crate::note::Note;
use crate::repository::Repository;

/// A digest, 40 hexadecimal digits, over the repository's configuration, its hooks with their modes and its
/// private attributes. When it changed while an agent was at work, somebody should look before git runs.
///
/// # Errors
/// [`Error::Io`] when a file is there and cannot be read.
pub fn fingerprint(repo: &Repository) -> Result<String, Error> {
    let common = &repo.facts().common_dir;
    let mut files: Vec<PathBuf> = ["config", "config.worktree", "info/attributes"].map(|name| common.join(name)).into();
    files.push(repo.facts().git_dir.join("config.worktree"));
    let hooks = std::fs::read_dir(common.join("hooks")).into_iter().flatten().flatten();
    // Git starts none of its examples.
    let is_example = |path: &PathBuf| path.extension().is_some_and(|end| end == "sample");
    let mut hooks: Vec<PathBuf> =
        hooks.take(limits::HOOKS).map(|entry| entry.path()).filter(|path| !is_example(path)).collect();
    hooks.sort();
    files.extend(hooks);
    let mut hasher = gix::hash::hasher(gix::hash::Kind::Sha1);
    for file in files {
        let Some((mode, content)) = read(&file)? else { continue };
        let name = gix::path::into_bstr(file.as_path()).map_err(Error::git("read a path"))?;
        hasher.update(format!("{mode:o} {} {} ", name.len(), content.len()).as_bytes());
        hasher.update(name.as_bytes());
        hasher.update(&content);
    }
    let digest = hasher.try_finalize().map_err(Error::git("hash the configuration"))?;
    Ok(digest.to_hex().to_string())
}

/// Whether it is another one now than when that worktree was made; not known of one that was made without.
///
/// # Errors
/// See [`fingerprint`].
pub fn altered(repo: &Repository, place: &Place) -> Result<bool, Error> {
    match Note::read(&place.git_dir).and_then(|note| note.guard) {
        Some(then) => Ok(fingerprint(repo)? != then),
        None => Ok(false),
    }
}

/// A file's mode and beginning; `None` when nothing is there.
fn read(path: &Path) -> Result<Option<(u32, Vec<u8>)>, Error> {
    let Ok(meta) = path.metadata() else { return Ok(None) };
    let mut content = Vec::new();
    if meta.is_file() {
        let file = std::fs::File::open(path).map_err(Error::io(path))?;
        file.take(limits::HOOK_BYTES).read_to_end(&mut content).map_err(Error::io(path))?;
    }
    Ok(Some((meta.permissions().mode(), content)))
}
