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
/// branch that is checked out in `repo` (in its main work tree, if `repo` is the worktree itself). A
/// merge or squash commit is made by the `git` program in the user's name, with `message`, so the user's
/// hooks and signature apply; otherwise nothing the user or the repository configured is started.
///
/// # Errors
/// [`Error::Dirty`] when uncommitted or untracked files of the user's are in the way,
/// [`Error::Conflicts`] when both sides changed the same lines: the user's tree is as it was.
/// [`Error::Bare`], [`Error::ForeignHead`] (the user's HEAD is detached, or the worktree's is not ours),
/// [`Error::Busy`], [`Error::PointerChanged`], [`Error::Io`], [`Error::Git`].
pub fn land(repo: &Repository, place: &Place, how: How, message: &str, author: &Identity) -> Result<Landed, Error> {
    let main;
    let repo = if repo.facts().root.as_ref() == Some(&place.path) {
        main = repo.main()?;
        &main
    } else {
        repo
    };
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
