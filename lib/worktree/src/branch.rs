//! The branches of worktrees: `ace/<name>`. It must never move or delete one that stands elsewhere than
//! the caller believes.

use std::path::Path;

use ace_schema::limits::worktree as limits;
use gix::bstr::ByteSlice;
use gix::refs::FullName;
use gix::refs::transaction::{Change, LogChange, PreviousValue, RefEdit, RefLog};

use crate::error::Error;
use crate::repository::Repository;

/// Makes the first free branch of this name; two callers never get the same one.
pub(crate) fn make_branch(repo: &Repository, name: &str, commit: gix::ObjectId) -> Result<FullName, Error> {
    let stem = branch_stem(name);
    for round in 1..=limits::NAME_TRIES {
        let short = if round == 1 { format!("ace/{stem}") } else { format!("ace/{stem}-{round}") };
        let taken = || Error::NameTaken { name: short.clone() };
        let full: FullName = format!("refs/heads/{short}").try_into().map_err(|_| taken())?;
        if repo.inner.try_find_reference(full.as_ref()).map_err(Error::git("look for the branch"))?.is_some() {
            continue;
        }
        match repo.inner.edit_reference(making(full.clone(), commit)) {
            Ok(_) => return Ok(full),
            Err(_) if repo.facts().common_dir.join("refs/heads/ace").is_file() => {
                return Err(Error::NameTaken { name: "ace".into() });
            }
            // Somebody else was faster, holds its lock, or has a branch below this name.
            Err(error) => match repo.facts().common_dir.join(format!("refs/heads/{short}")).try_exists() {
                Ok(true) => {}
                Ok(false) if is_contended(repo, &short) => {}
                _ => return Err(Error::git("make the branch")(error)),
            },
        }
    }
    Err(Error::NameTaken { name: format!("ace/{stem}") })
}

/// The edit by which a branch is made.
fn making(name: FullName, commit: gix::ObjectId) -> RefEdit {
    RefEdit {
        change: Change::Update {
            log: LogChange {
                mode: RefLog::AndReference,
                force_create_reflog: false,
                message: crate::remove::MADE.into(),
            },
            expected: PreviousValue::MustNotExist,
            new: gix::refs::Target::Object(commit),
        },
        name,
        deref: false,
    }
}

/// Takes the lock of a branch of ours away that somebody died over: who has the turn is the only one of us, and git holds one for no
/// longer than a moment.
pub(crate) fn free_lock(common_dir: &Path, short: &str) {
    use std::os::unix::fs::MetadataExt;
    let path = common_dir.join(format!("refs/heads/{short}.lock"));
    let seen = || path.symlink_metadata().map(|meta| (meta.ino(), meta.mtime(), meta.mtime_nsec())).ok();
    let before = seen();
    if before.is_none() {
        return;
    }
    std::thread::sleep(std::time::Duration::from_millis(limits::TORN_MS));
    if seen() == before {
        // If it cannot be removed, whoever needs the branch says so.
        let _ = std::fs::remove_file(&path);
    }
}

/// Makes a branch of exactly this name; whoever calls has the turn.
pub(crate) fn make_exactly(repo: &Repository, name: FullName, commit: gix::ObjectId) -> Result<(), Error> {
    free_lock(&repo.facts().common_dir, &name.shorten().to_str_lossy());
    repo.inner.edit_reference(making(name, commit)).map(|_| ()).map_err(Error::git("make the branch"))
}

/// Whether somebody is making this very branch now.
fn is_contended(repo: &Repository, short: &str) -> bool {
    repo.facts().common_dir.join(format!("refs/heads/{short}.lock")).exists()
}

/// A session's name as part of a branch name: what git refuses becomes a hyphen.
fn branch_stem(name: &str) -> String {
    let mut stem = String::new();
    for c in name.chars() {
        let c = if c.is_alphanumeric() || matches!(c, '_' | '.') { c } else { '-' };
        if matches!(c, '-' | '.') && stem.ends_with(['-', '.']) {
            continue;
        }
        if stem.len() + c.len_utf8() > limits::NAME_BYTES {
            break;
        }
        stem.push(c);
    }
    let mut stem = stem.trim_matches(['-', '.']);
    while let Some(shorter) = stem.strip_suffix(".lock") {
        stem = shorter.trim_end_matches(['-', '.']);
    }
    if stem.is_empty() { "session".into() } else { stem.into() }
}

/// Deletes a branch that still stands at `commit`, with its reflog.
pub(crate) fn delete_branch(repo: &gix::Repository, name: FullName, commit: gix::ObjectId) -> Result<(), Error> {
    let edit = RefEdit {
        change: Change::Delete {
            expected: PreviousValue::MustExistAndMatch(gix::refs::Target::Object(commit)),
            log: RefLog::AndReference,
        },
        name,
        deref: false,
    };
    repo.edit_reference(edit).map(|_| ()).map_err(Error::git("delete the branch"))
}

#[cfg(test)]
mod tests {
    use super::branch_stem;

    #[test]
    fn a_stem_is_short_and_never_refused_by_git() {
        assert_eq!(branch_stem(&"x".repeat(500)).len(), 60);
        assert_eq!(branch_stem("fix: the *median* (again)"), "fix-the-median-again");
        assert_eq!(branch_stem("a/b\\c\u{0}d"), "a-b-c-d");
        for odd in ["@{-1}", ".", "..", "x.lock", ".lock", "-", "\u{202e}", "a..b", "x.lock.lock", "a.lock-"] {
            let name: Result<gix::refs::FullName, _> = format!("refs/heads/ace/{}", branch_stem(odd)).try_into();
            assert!(name.is_ok(), "{odd:?} {:?}", branch_stem(odd));
        }
    }
}
