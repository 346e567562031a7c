//! A branch's commits planted anew on another commit, one by one, in objects alone: no work tree is touched, no hook runs, and the
//! branch itself stays where it is. It must never leave a commit out that says something.

use gix::bstr::ByteSlice;

use ace_schema::limits::worktree as limits;

use crate::commit::{signature, with_trailer};
use crate::conflict;
use crate::error::Error;
use crate::identity::Identity;
use crate::target::{Target, tree_of};

/// Plants the commits of `fork..tip` on the target's HEAD; the last of the new ones. What a commit changes may be there already: then
/// it is not made again. `trailer` is put below each message.
pub(crate) fn replant(
    target: &Target<'_>,
    fork: Option<gix::ObjectId>,
    tip: gix::ObjectId,
    (trailer, committer): (&str, &Identity),
) -> Result<gix::ObjectId, Error> {
    let what = "read a commit";
    let repo = target.repo;
    let mut onto = target.head;
    for id in in_order(repo, target.head, tip)? {
        let commit = repo.find_commit(id).map_err(Error::git(what))?;
        let parent = commit.parent_ids().next().map(|id| id.detach());
        let base = match parent {
            Some(parent) => parent,
            None => empty_commit(repo)?,
        };
        let tree = match target.merge_trees(Some(base), onto, id)? {
            Ok(tree) => tree,
            Err(found) => {
                let subject = commit.message().map_err(Error::git(what))?.summary().to_str_lossy().into_owned();
                let Error::Conflicts { clashes } = conflict::told(repo, found, target.head, fork)? else { continue };
                return Err(Error::Unfit { commit: format!("{} {subject}", id.to_hex_with_len(7)), clashes });
            }
        };
        if tree == tree_of(repo, onto)? {
            continue;
        }
        let old = commit.decode().map_err(Error::git(what))?;
        let message = with_trailer(&old.message.to_str_lossy(), trailer);
        let fresh = gix::objs::Commit {
            tree,
            parents: [onto].into_iter().collect(),
            author: old.author().map_err(Error::git(what))?.to_owned().map_err(Error::git(what))?,
            committer: signature(committer),
            encoding: old.encoding.map(ToOwned::to_owned),
            message: format!("{message}\n").into(),
            // A signature would not be one of the new commit.
            extra_headers: Vec::new(),
        };
        onto = repo.write_object(&fresh).map_err(Error::git("write a commit"))?.detach();
    }
    Ok(onto)
}

/// The commits of `tip` that `head` has not, the oldest first; merges hold nothing of their own.
fn in_order(repo: &gix::Repository, head: gix::ObjectId, tip: gix::ObjectId) -> Result<Vec<gix::ObjectId>, Error> {
    let what = "walk history";
    let order = gix::revision::walk::Sorting::ByCommitTime(gix::traverse::commit::simple::CommitTimeOrder::NewestFirst);
    let walk = repo.rev_walk([tip]).with_hidden([head]).sorting(order).all().map_err(Error::git(what))?;
    let mut found = Vec::new();
    for commit in walk {
        let commit = commit.map_err(Error::git(what))?;
        if found.len() == limits::REBASE_COMMITS {
            return Err(Error::TooMuch { what: "commits to rebase", limit: limits::REBASE_COMMITS as u64 });
        }
        if commit.parent_ids.len() < 2 {
            found.push((commit.id, commit.parent_ids.first().copied()));
        }
    }
    // By time they are almost in order; a commit always comes behind its parent, whatever the clocks said.
    let mut out: Vec<gix::ObjectId> = Vec::with_capacity(found.len());
    let mut rest: Vec<_> = found.into_iter().rev().collect();
    while !rest.is_empty() {
        let waits = |parent: Option<gix::ObjectId>| rest.iter().any(|(id, _)| Some(*id) == parent);
        let (next, later): (Vec<_>, Vec<_>) = rest.iter().copied().partition(|(_, parent)| !waits(*parent));
        if next.is_empty() {
            out.extend(later.into_iter().map(|(id, _)| id));
            break;
        }
        out.extend(next.into_iter().map(|(id, _)| id));
        rest = later;
    }
    Ok(out)
}

/// A commit without a file, as the base of one that has no parent.
fn empty_commit(repo: &gix::Repository) -> Result<gix::ObjectId, Error> {
    let what = "write a commit";
    let tree = repo.write_object(gix::objs::Tree::empty()).map_err(Error::git(what))?.detach();
    let nobody = signature(&Identity { name: "ace".into(), email: "ace@localhost".into() });
    let commit = gix::objs::Commit {
        tree,
        parents: std::iter::empty().collect(),
        author: nobody.clone(),
        committer: nobody,
        encoding: None,
        message: "nothing\n".into(),
        extra_headers: Vec::new(),
    };
    Ok(repo.write_object(&commit).map_err(Error::git(what))?.detach())
}
