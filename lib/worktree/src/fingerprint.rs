//! What of a repository could start a program, as one number: recorded when a session begins and compared
//! before git runs in the user's name. It must never act on what it reads.

use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use ace_schema::limits::worktree as limits;
use gix::bstr::{BStr, ByteSlice};

use crate::error::Error;
use crate::linked::Place;
use crate::note::Note;
use crate::repository::Repository;

/// A digest, 40 hexadecimal digits, over the repository's configuration (but for who the person is and where branches and remotes
/// are, which change in the course of work), its hooks with their modes and its private attributes. When it changed while an agent was at work, somebody should look before git runs.
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
        let Some((mode, mut content)) = read(&file)? else { continue };
        if file.file_name().is_some_and(|name| name == "config" || name == "config.worktree") {
            content = starting(content);
        }
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

/// What of a configuration could start a program; all of it where it does not read as one.
fn starting(content: Vec<u8>) -> Vec<u8> {
    let Ok(config) = gix::config::File::try_from(content.as_bstr()) else { return content };
    let mut kept = Vec::new();
    for section in config.sections() {
        let header = section.header();
        for (key, value) in section.body() {
            if !is_of_work(header.name(), &key, value.as_bstr()) {
                kept.extend_from_slice(&header.to_bstring());
                kept.extend_from_slice(format!("\n{}={} ", key.to_ascii_lowercase(), value.len()).as_bytes());
                kept.extend_from_slice(&value);
            }
        }
    }
    kept
}

/// Whether a value says who the person is, or where a branch or a remote is. An address with `::` names a program.
fn is_of_work(section: &BStr, key: &str, value: &BStr) -> bool {
    let keys: &[&str] = match section.to_ascii_lowercase().as_slice() {
        b"user" => &["name", "email"],
        b"branch" => &["remote", "pushremote", "merge", "rebase", "description"],
        b"remote" => &["url", "pushurl", "fetch"],
        _ => &[],
    };
    keys.iter().any(|known| key.eq_ignore_ascii_case(known)) && !value.contains_str("::")
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
