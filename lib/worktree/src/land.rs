//! A worktree's branch, brought into the branch the user stands on. It must never lose a line of the
//! user's: whatever is in the way is named, and everything stays as it was.

use gix::bstr::ByteSlice;

use crate::commit::{commit_all, own_branch, with_trailer};
use crate::error::Error;
use crate::git::{Git, Hooks};
use crate::identity::Identity;
use crate::linked::Place;
use crate::note::Note;
use crate::rebase;
use crate::repository::Repository;
use crate::target::{Target, tree_of};

/// How a branch lands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// Forward when the user's branch did not move, else by a merge commit in the user's name.
    Merge,
    /// As one commit in the user's name.
    Squash,
    /// Its commits one by one on top of the user's; merges among them hold nothing and are left out.
    Rebase,
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
    /// The commit the worktree's branch stands on.
    pub tip: String,
    /// Whether the user's branch only moved forward.
    pub fast_forward: bool,
    /// Files that changed in the user's tree; zero when all of it was there already.
    pub files: usize,
}

/// What commits of a session say.
#[derive(Clone, Copy, Debug)]
pub struct Words<'a> {
    /// The message of the commit that is made.
    pub message: &'a str,
    /// A line put below every message that is written, `Key: value`; empty for none.
    pub trailer: &'a str,
    /// In whose name.
    pub author: &'a Identity,
}

/// Commits what is uncommitted at `place`, then brings its branch into the branch that is checked out in `repo` (in its main
/// work tree, if `repo` is the worktree itself). A merge or squash commit is made by the `git` program in the user's name, so the
/// user's hooks and signature apply; otherwise nothing the user or the repository configured is started.
///
/// # Errors
/// [`Error::Dirty`] when uncommitted or untracked files of the user's are in the way,
/// [`Error::Conflicts`] and [`Error::Unfit`] when both sides do not fit together: the user's tree is as it was.
/// [`Error::Bare`], [`Error::ForeignHead`] (the user's HEAD is detached, or the worktree's is not ours),
/// [`Error::Busy`], [`Error::PointerChanged`], [`Error::Io`], [`Error::Git`].
pub fn land(repo: &Repository, place: &Place, how: How, words: Words<'_>) -> Result<Landed, Error> {
    let main;
    let repo = if repo.facts().root.as_ref() == Some(&place.path) {
        main = repo.main()?;
        &main
    } else {
        repo
    };
    let target = match how {
        How::Branch => None,
        How::Merge | How::Squash | How::Rebase => Some(Target::of(repo)?),
    };
    let message = with_trailer(words.message, words.trailer);
    commit_all(place, &message, words.author)?;
    let work = place.open()?;
    let branch = own_branch(&work)?.shorten().to_str_lossy().into_owned();
    let tip = work.head_id().map_err(|_| Error::Unborn)?.detach();
    let mut landed = Landed {
        branch,
        onto: target.as_ref().map(|target| target.branch.clone()),
        commit: tip.to_hex().to_string(),
        tip: tip.to_hex().to_string(),
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
    let is_behind = fork == Some(target.head);
    landed.fast_forward = how == How::Rebase || how == How::Merge && is_behind;
    let goal = match how {
        How::Rebase if !is_behind => rebase::replant(&target, fork, tip, (words.trailer, words.author))?,
        _ => tip,
    };
    let result = if is_behind || how == How::Rebase { tree_of(target.repo, goal)? } else { target.merged(tip)? };
    let is_there = result == tree_of(target.repo, target.head)?;
    if is_there && (how == How::Squash || goal == target.head) {
        // All of it has landed as other commits.
        landed.commit = target.head.to_hex().to_string();
        return Ok(landed);
    }
    landed.files = target.room_for(result, landed.fast_forward)?;
    target.bring(how, landed.fast_forward, goal, &message)?;
    landed.commit = target.repo.head_id().map_err(|_| Error::Unborn)?.to_hex().to_string();
    if matches!(how, How::Squash | How::Rebase)
        && let Some(note) = Note::read(&place.git_dir)
    {
        // The commits themselves are in no branch but their own: only this says that nothing is lost.
        Note { landed: Some(landed.tip.clone()), ..note }.write(&place.git_dir)?;
    }
    Ok(landed)
}

/// The commits of `branch` since `base` as patches that `git am` takes, in their order, binary files included.
///
/// # Errors
/// [`Error::Bare`], [`Error::TooMuch`], [`Error::Git`].
pub fn patches(repo: &Repository, base: &str, tip: &str) -> Result<Vec<u8>, Error> {
    let root = repo.facts().root.as_deref().ok_or(Error::Bare)?;
    let git = Git { git_dir: &repo.facts().git_dir, root };
    let span = format!("{base}..{tip}");
    let args =
        ["format-patch", "--stdout", "--binary", "--no-signature", "--no-ext-diff", "--no-textconv", "--no-color"];
    let limit = ace_schema::limits::worktree::PATCH_BYTES as u64;
    let said = git.run_keeping(Hooks::Skip, &[&args[..], &[&span]].concat(), limit)?.ok("write the patches")?;
    if said.stdout.len() as u64 == limit {
        return Err(Error::TooMuch { what: "bytes of patches", limit });
    }
    Ok(said.stdout)
}
