//! Everything in a worktree as one commit on its branch. It must never run a hook or a filter, and never
//! move a branch that is not ours.

use std::path::PathBuf;

use gix::bstr::{BStr, ByteSlice};
use gix::index::entry::{Flags, Stat};
use gix::refs::Target;
use gix::refs::transaction::{Change, LogChange, PreviousValue, RefEdit, RefLog};

use crate::error::Error;
use crate::identity::Identity;
use crate::linked::Place;
use crate::scan;
use crate::tree::{self, Entries, Keep, native};

/// A commit that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Committed {
    /// Its id, 40 hexadecimal digits.
    pub commit: String,
    /// Files it changed.
    pub files: usize,
    /// Repositories within the worktree, which were left out, relative to the root.
    pub nested: Vec<PathBuf>,
}

/// Commits all changes, untracked files that are not ignored and deletions on the worktree's branch;
/// `None` if there is nothing to commit. Git finds the worktree clean after it.
///
/// # Errors
/// [`Error::PointerChanged`]; [`Error::ForeignHead`] when HEAD is not on a branch below `ace/`;
/// [`Error::Busy`] in the middle of a merge or the like; [`Error::TooMuch`], [`Error::Io`], [`Error::Git`].
pub fn commit_all(place: &Place, message: &str, author: &Identity) -> Result<Option<Committed>, Error> {
    let what = "commit";
    let repo = place.open()?;
    own_branch(&repo)?;
    not_busy(&repo)?;
    let head = repo.head_id().map_err(|_| Error::Unborn)?.detach();
    let scan = scan::scan(&repo)?;
    let snapshot = tree::snapshot(&repo, &scan, Keep::all())?;
    if repo.head_tree_id().map_err(Error::git(what))? == snapshot.tree {
        if !scan.paths.is_empty() {
            // Killed between the branch and the index, or changed back: the index says so from now on.
            write_index(&repo, snapshot.tree, &snapshot.entries)?;
        }
        return Ok(None);
    }
    let signature = signature(author);
    let message = clean(message);
    let commit = gix::objs::Commit {
        tree: snapshot.tree,
        parents: [head].into_iter().collect(),
        author: signature.clone(),
        committer: signature,
        encoding: None,
        message: format!("{message}\n").into(),
        extra_headers: Vec::new(),
    };
    let commit = repo.write_object(&commit).map_err(Error::git(what))?.detach();
    move_head(&repo, head, commit, message.lines().next().unwrap_or_default())?;
    write_index(&repo, snapshot.tree, &snapshot.entries)?;
    Ok(Some(Committed {
        commit: commit.to_hex().to_string(),
        files: snapshot.entries.len(),
        nested: scan.nested.iter().map(native).collect::<Result<_, _>>()?,
    }))
}

/// The worktree's branch, which must be one of ours and no other name for another: whoever works in it
/// could have pointed HEAD, or the branch itself, at the user's own.
pub(crate) fn own_branch(repo: &gix::Repository) -> Result<gix::refs::FullName, Error> {
    let what = "read HEAD";
    let short = |name: &gix::refs::FullNameRef| name.shorten().to_str_lossy().into_owned();
    let Some(name) = repo.head_name().map_err(Error::git(what))? else {
        let head = repo.head_id().map_err(Error::git(what))?;
        return Err(Error::ForeignHead { head: head.to_hex().to_string() });
    };
    if !name.as_bstr().starts_with(b"refs/heads/ace/") {
        return Err(Error::ForeignHead { head: short(name.as_ref()) });
    }
    let found = repo.try_find_reference(name.as_ref()).map_err(Error::git(what))?;
    match found.as_ref().map(gix::Reference::target) {
        Some(gix::refs::TargetRef::Symbolic(other)) => Err(Error::ForeignHead { head: short(other) }),
        Some(gix::refs::TargetRef::Object(_)) => Ok(name),
        None => Err(Error::Unborn),
    }
}

/// Refuses in the middle of a merge, rebase or the like.
pub(crate) fn not_busy(repo: &gix::Repository) -> Result<(), Error> {
    match repo.state() {
        None => Ok(()),
        Some(state) => Err(Error::Busy { what: format!("{state:?}").to_lowercase() }),
    }
}

pub(crate) fn signature(who: &Identity) -> gix::actor::Signature {
    let plain =
        |text: &str| -> String { text.chars().filter(|c| !matches!(c, '<' | '>') && !c.is_control()).collect() };
    gix::actor::Signature {
        name: plain(&who.name).trim().into(),
        email: plain(&who.email).trim().into(),
        time: gix::date::Time::now_utc(),
    }
}

/// A message git takes: no zero bytes, no blank lines around it, never empty.
fn clean(message: &str) -> String {
    let message = message.replace('\0', "");
    let message = message.trim();
    if message.is_empty() { "work of a session".into() } else { message.into() }
}

/// The message with a trailer in its last paragraph, if that has one, or in one of its own; only once.
pub(crate) fn with_trailer(message: &str, trailer: &str) -> String {
    let message = clean(message);
    if trailer.is_empty() || message.lines().any(|line| line == trailer) {
        return message;
    }
    let last = message.rsplit("\n\n").next().unwrap_or_default();
    let is_trailer = |line: &str| {
        let key = line.split_once(": ").map(|(key, _)| key);
        key.is_some_and(|key| !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'))
    };
    let joins = message.contains("\n\n") && last.lines().all(is_trailer);
    format!("{message}{}{trailer}", if joins { "\n" } else { "\n\n" })
}

/// Moves the branch below HEAD, unless somebody else moved it meanwhile.
fn move_head(repo: &gix::Repository, from: gix::ObjectId, to: gix::ObjectId, subject: &str) -> Result<(), Error> {
    let edit = RefEdit {
        change: Change::Update {
            log: LogChange {
                mode: RefLog::AndReference,
                force_create_reflog: false,
                message: format!("commit: {subject}").into(),
            },
            expected: PreviousValue::MustExistAndMatch(Target::Object(from)),
            new: Target::Object(to),
        },
        name: "HEAD".try_into().map_err(Error::git("name HEAD"))?,
        deref: true,
    };
    repo.edit_reference(edit).map(|_| ()).map_err(Error::git("move the branch"))
}

/// Writes an index that says the work tree is the commit, with the times files had before they were read:
/// what changed since then is seen as changed.
fn write_index(repo: &gix::Repository, tree: gix::ObjectId, entries: &Entries) -> Result<(), Error> {
    let what = "write the index";
    let old = repo.index_or_empty().map_err(Error::git(what))?;
    let mut index = repo.index_from_tree(&tree).map_err(Error::git(what))?;
    for (entry, path) in index.entries_mut_with_paths() {
        if let Some(made) = entries.get(path) {
            entry.stat = made.as_ref().and_then(|made| made.stat).unwrap_or_default();
        } else if let Some(known) = known(&old, path).filter(|known| known.id == entry.id && known.mode == entry.mode) {
            entry.stat = known.stat;
            entry.flags |= known.flags & (Flags::SKIP_WORKTREE | Flags::EXTENDED);
        }
    }
    index.write(gix::index::write::Options::default()).map_err(Error::git(what))
}

fn known<'a>(index: &'a gix::index::State, path: &BStr) -> Option<&'a gix::index::Entry> {
    index.entry_by_path(path)
}

/// The stat of a file as the index keeps it.
pub(crate) fn stat(path: &std::path::Path) -> Option<Stat> {
    Stat::from_fs(&gix::index::fs::Metadata::from_path_no_follow(path).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::with_trailer;

    #[test]
    fn a_trailer_stands_in_the_last_paragraph_once() {
        let with = |message| with_trailer(message, "Ace-Session: x@3");
        assert_eq!(with("fix"), "fix\n\nAce-Session: x@3");
        assert_eq!(with("fix\n\nwhy: so\nand more"), "fix\n\nwhy: so\nand more\n\nAce-Session: x@3");
        assert_eq!(with("fix\n\nSigned-off-by: Uma"), "fix\n\nSigned-off-by: Uma\nAce-Session: x@3");
        assert_eq!(with(&with("fix: it")), "fix: it\n\nAce-Session: x@3");
        assert_eq!(with_trailer("fix", ""), "fix");
    }
}
