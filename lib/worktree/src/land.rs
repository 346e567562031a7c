//! A worktree's branch, brought into the branch the user stands on. It must never lose a line of the
//! user's: whatever is in the way is named, and everything stays as it was.

use gix::bstr::ByteSlice;

use crate::commit::{commit_all, own_branch};
use crate::error::Error;
use crate::identity::Identity;
use crate::linked::Place;
use crate::note::Note;
use crate::repository::Repository;
use crate::target::{Target, tree_of};

/// How a branch lands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// Forward when the user's branch did not move, else by a merge commit in the user's name.
    Merge,
    /// As one commit in the user's name.
    Squash,
    /// Not at all: what is uncommitted in the worktree is committed, and the branch is left to the user.
    Branch,
}

/// What landed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Landed {
    /// The worktree's branch, without `refs/heads/`.
    pub branch: String,
    /// The branch it landed on, without `refs/heads/`; none for [`How::Branch`].
    pub onto: Option<String>,
    /// The commit that holds the work now, 40 hexadecimal digits.
    pub commit: String,
    /// Whether the user's branch only moved forward.
    pub fast_forward: bool,
    /// Files that changed in the user's tree; zero when all of it was there already.
    pub files: usize,
}

/// Commits what is uncommitted at `place` (in the name of `author`), then brings its branch into the
/// branch that is checked out in `repo` (in its main work tree, if `repo` is the worktree itself). A merge or squash commit is made by the `git` program in the
/// user's name, with `message`, so the user's hooks and signature apply; otherwise no program of the
/// user's or the repository's is started.
///
/// # Errors
/// [`Error::Dirty`] when uncommitted or untracked files of the user's are in the way,
/// [`Error::Conflicts`] when both sides changed the same lines: the user's tree is as it was.
/// [`Error::Bare`], [`Error::ForeignHead`] (the user's HEAD is detached, or the worktree's is not ours),
/// [`Error::Busy`], [`Error::PointerChanged`], [`Error::Io`], [`Error::Git`].
pub fn land(repo: &Repository, place: &Place, how: How, message: &str, author: &Identity) -> Result<Landed, Error> {
<<<<<<< HEAD
=======
    let main;
    let repo = if repo.facts().root.as_ref() == Some(&place.path) {
        main = repo.main()?;
        &main
    } else {
        repo
    };
>>>>>>> worktree
    let target = match how {
        How::Branch => None,
        How::Merge | How::Squash => Some(Target::of(repo)?),
    };
    commit_all(place, message, author)?;
    let work = place.open()?;
    let branch = own_branch(&work)?.shorten().to_str_lossy().into_owned();
    let tip = work.head_id().map_err(|_| Error::Unborn)?.detach();
    let mut landed = Landed {
        branch,
        onto: target.as_ref().map(|target| target.branch.clone()),
        commit: tip.to_hex().to_string(),
        fast_forward: false,
        files: 0,
    };
    let Some(target) = target else {
        return Ok(landed);
    };
    let fork = target.repo.merge_base(target.head, tip).map_err(Error::git("find the fork"))?.map(|id| id.detach());
    if fork == Some(tip) {
        landed.commit = target.head.to_hex().to_string();
        return Ok(landed);
    }
    landed.fast_forward = how == How::Merge && fork == Some(target.head);
    let result = if fork == Some(target.head) { tree_of(target.repo, tip)? } else { target.merged(tip)? };
    landed.files = target.room_for(result, landed.fast_forward)?;
    target.bring(how, landed.fast_forward, tip, message)?;
    landed.commit = target.repo.head_id().map_err(|_| Error::Unborn)?.to_hex().to_string();
    if how == How::Squash
        && let Some(note) = Note::read(&place.git_dir)
    {
        // The commits themselves are in no branch but their own: only this says that nothing is lost.
        Note { landed: Some(tip.to_hex().to_string()), ..note }.write(&place.git_dir)?;
    }
    Ok(landed)
}
<<<<<<< HEAD

fn tree_of(repo: &gix::Repository, commit: gix::ObjectId) -> Result<gix::ObjectId, Error> {
    let what = "read a commit";
    let commit = repo.find_commit(commit).map_err(Error::git(what))?;
    Ok(commit.tree_id().map_err(Error::git(what))?.detach())
}

/// The user's tree, ready to take something.
struct Target<'a> {
    repo: &'a gix::Repository,
    git: Git<'a>,
    head: gix::ObjectId,
    branch: String,
}

impl<'a> Target<'a> {
    fn of(repo: &'a Repository) -> Result<Self, Error> {
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
    fn merged(&self, tip: gix::ObjectId) -> Result<gix::ObjectId, Error> {
        let what = "merge";
        let (ours, theirs) = (self.head.to_hex().to_string(), tip.to_hex().to_string());
        let args = ["merge-tree", "--write-tree", "--name-only", "--no-messages", "-z", &ours, &theirs];
        let said = self.git.run(Hooks::Skip, &args)?;
        let mut parts = said.stdout.split(|byte| *byte == 0);
        let tree = parts.next().unwrap_or_default();
        match said.code {
            Some(0) => gix::ObjectId::from_hex(tree.trim()).map_err(Error::git(what)),
            Some(1) => {
                let named: BTreeSet<BString> = parts.filter(|path| !path.is_empty()).map(BString::from).collect();
                Err(Error::Conflicts {
                    paths: named.iter().take(limits::NAMED_PATHS).map(native).collect::<Result<_, _>>()?,
                })
            }
            _ => Err(Error::git(what)(said.reason())),
        }
    }

    /// Counts the files that will change, and refuses when anything uncommitted of the user's is in the
    /// way: changed, untracked or ignored. A commit is made only when nothing else is staged.
    fn room_for(&self, result: gix::ObjectId, fast_forward: bool) -> Result<usize, Error> {
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
    fn bring(&self, how: How, fast_forward: bool, tip: gix::ObjectId, message: &str) -> Result<(), Error> {
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
=======
>>>>>>> worktree
