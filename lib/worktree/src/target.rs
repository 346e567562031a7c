//! The user's own work tree, as the place where a branch lands. It must never be changed before it is
//! known that nothing in it is in the way, and it is put back when git or a hook refuses.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use ace_schema::limits::worktree as limits;
use gix::bstr::{BString, ByteSlice};

use crate::commit::not_busy;
use crate::conflict;
use crate::diff::{Differs, compare};
use crate::error::Error;
use crate::git::{Git, Hooks};
use crate::land::How;
use crate::repository::Repository;
use crate::scan::{self, Kind};
use crate::tree::native;

/// The tree of a commit.
pub(crate) fn tree_of(repo: &gix::Repository, commit: gix::ObjectId) -> Result<gix::ObjectId, Error> {
    let what = "read a commit";
    let commit = repo.find_commit(commit).map_err(Error::git(what))?;
    Ok(commit.tree_id().map_err(Error::git(what))?.detach())
}

/// The user's tree, ready to take something.
pub(crate) struct Target<'a> {
    pub repo: &'a gix::Repository,
    git: Git<'a>,
    pub head: gix::ObjectId,
    pub branch: String,
}

impl<'a> Target<'a> {
    pub(crate) fn of(repo: &'a Repository) -> Result<Self, Error> {
        let root = repo.facts().root.as_deref().ok_or(Error::Bare)?;
        let inner = &repo.inner;
        not_busy(inner)?;
        let head = inner.head_id().map_err(|_| Error::Unborn)?.detach();
        let branch = inner.head_name().map_err(Error::git("read HEAD"))?;
        let branch = branch.ok_or_else(|| Error::ForeignHead { head: head.to_hex().to_string() })?;
        let branch = branch.shorten().to_str_lossy().into_owned();
        Ok(Self { repo: inner, git: Git { git_dir: &repo.facts().git_dir, root }, head, branch })
    }

    /// The tree a merge with `tip` gives; nothing but objects is written to find out.
    pub(crate) fn merged(&self, tip: gix::ObjectId) -> Result<gix::ObjectId, Error> {
        let fork = self.repo.merge_base(self.head, tip).ok().flatten().map(|id| id.detach());
        match self.merge_trees(None, self.head, tip)? {
            Ok(tree) => Ok(tree),
            Err(found) => Err(conflict::told(self.repo, found, self.head, fork)?),
        }
    }

    /// The tree of a three-way merge, or the paths that conflict with how they do. `base` is theirs where git finds none itself.
    pub(crate) fn merge_trees(
        &self,
        base: Option<gix::ObjectId>,
        ours: gix::ObjectId,
        theirs: gix::ObjectId,
    ) -> Result<Result<gix::ObjectId, BTreeMap<BString, String>>, Error> {
        let what = "merge";
        let (ours, theirs) = (ours.to_hex().to_string(), theirs.to_hex().to_string());
        let mut args = vec!["merge-tree", "--write-tree", "--name-only", "--messages", "-z"];
        let base = base.map(|base| format!("--merge-base={}", base.to_hex()));
        args.extend(base.as_deref());
        args.extend([ours.as_str(), theirs.as_str()]);
        let said = self.git.run(Hooks::Skip, &args)?;
        let mut parts = said.stdout.split(|byte| *byte == 0);
        let tree = parts.next().unwrap_or_default();
        match said.code {
            Some(0) => gix::ObjectId::from_hex(tree.trim()).map(Ok).map_err(Error::git(what)),
            Some(1) => Ok(Err(conflict::read(parts))),
            _ => Err(Error::git(what)(said.reason())),
        }
    }

    /// Counts the files that will change, and refuses when anything uncommitted of the user's is in the
    /// way: changed, untracked or ignored. A commit is made only when nothing else is staged.
    pub(crate) fn room_for(&self, result: gix::ObjectId, fast_forward: bool) -> Result<usize, Error> {
        let what = "compare trees";
        let old = tree_of(self.repo, self.head)?;
        let old = self.repo.find_tree(old).map_err(Error::git(what))?;
        let new = self.repo.find_tree(result).map_err(Error::git(what))?;
        let touched = compare(self.repo, &old, &new)?;
        let mut in_the_way: BTreeSet<BString> = scan::scan(self.repo)?
            .paths
            .into_iter()
            .filter(|(path, kind)| {
                (*kind == Kind::Staged && !fast_forward) || touched.iter().any(|change| overlap(&change.path, path))
            })
            .map(|(path, _)| path)
            .collect();
        for change in touched.iter().filter(|change| change.old.is_none()) {
            if let Some(path) = self.occupied(&old, change)? {
                in_the_way.insert(path);
            }
        }
        if in_the_way.is_empty() {
            return Ok(touched.len());
        }
        let paths = in_the_way.iter().take(limits::NAMED_PATHS).map(native).collect::<Result<_, _>>()?;
        Err(Error::Dirty { paths })
    }

    /// What is on disk where a new file will be: git would silently replace an ignored one.
    fn occupied(&self, old: &gix::Tree<'_>, change: &Differs) -> Result<Option<BString>, Error> {
        let path = native(&change.path)?;
        for part in path.ancestors().filter(|part| !part.as_os_str().is_empty()) {
            let known = old.lookup_entry_by_path(part).map_err(Error::git("read a tree"))?.is_some();
            let there = self.git.root.join(part).symlink_metadata();
            let in_the_way = there
                .is_ok_and(|meta| if part == path { !is_empty(self.git.root, part, &meta) } else { !meta.is_dir() });
            if in_the_way && !known {
                return Ok(Some(change.path.clone()));
            }
        }
        Ok(None)
    }

    /// Lets git do it; if git or a hook refuses, everything is put back.
    pub(crate) fn bring(&self, how: How, fast_forward: bool, tip: gix::ObjectId, message: &str) -> Result<(), Error> {
        let what = "merge";
        let tip = tip.to_hex().to_string();
        let message = message.replace('\0', "");
        if fast_forward {
            let args = ["merge", "--quiet", "--ff-only", "--no-stat", "--no-overwrite-ignore", &tip];
            return self.git.run(Hooks::Skip, &args)?.ok(what).map(|_| ());
        }
        if how == How::Squash {
            let said = self.git.run(Hooks::Skip, &["merge", "--quiet", "--squash", "--no-stat", &tip])?;
            let said = match said.code {
                Some(0) => self.git.run(Hooks::Run, &["commit", "--quiet", "--no-edit", "-m", &message])?,
                _ => said,
            };
            if said.code != Some(0) {
                self.git.run(Hooks::Skip, &["reset", "--quiet", "--merge", "HEAD"])?.ok("put back")?;
            }
            return said.ok(what).map(|_| ());
        }
        let args = ["merge", "--quiet", "--no-ff", "--no-edit", "--no-stat", "-m", &message, &tip];
        let said = self.git.run(Hooks::Run, &args)?;
        if said.code != Some(0) && self.repo.state().is_some() {
            self.git.run(Hooks::Skip, &["merge", "--abort"])?.ok("put back")?;
        }
        said.ok(what).map(|_| ())
    }
}

/// Whether one path is the other or lies in it.
fn overlap(left: &[u8], right: &[u8]) -> bool {
    let within = |inner: &[u8], outer: &[u8]| {
        inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
    };
    within(left, right) || within(right, left)
}

/// Whether git may put a file there: an empty folder is nothing to git.
fn is_empty(root: &Path, path: &Path, meta: &std::fs::Metadata) -> bool {
    meta.is_dir() && std::fs::read_dir(root.join(path)).is_ok_and(|mut dir| dir.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::overlap;

    #[test]
    fn a_path_overlaps_itself_and_what_lies_in_it() {
        assert!(overlap(b"a/b", b"a/b"));
        assert!(overlap(b"a/b", b"a"));
        assert!(overlap(b"a", b"a/b"));
        assert!(!overlap(b"ab", b"a"));
    }
}
