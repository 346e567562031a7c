//! The states of a session as commits in the user's own repository, under `refs/ace/`: for `git log`, `git show`, and to be pushed,
//! when somebody asks for it. It must never touch a branch, a tag, the index or a file.

use std::collections::HashSet;

use gix::objs::Write;
use gix::objs::tree::EntryKind;
use gix::refs::FullName;
use gix::refs::Target;
use gix::refs::transaction::{Change, LogChange, PreviousValue, RefEdit, RefLog};

use crate::commit::signature;
use crate::error::Error;
use crate::identity::Identity;
use crate::pool::{self, Pool};
use crate::repository::Repository;

/// A state to be mirrored, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// The tree.
    pub tree: String,
    /// What the commit says.
    pub message: String,
}

/// Writes the states as a line of commits, on top of `base`, and lets `refs/ace/<name>` stand on the last; its name, and how many
/// objects were copied.
///
/// # Errors
/// [`Error::BadRevision`] when a state is not in the pool, [`Error::NameTaken`], [`Error::Git`].
pub fn mirror(
    repo: &Repository,
    pool: &Pool,
    name: &str,
    base: Option<&str>,
    states: &[State],
) -> Result<(String, usize), Error> {
    let what = "mirror the states";
    let full: FullName =
        format!("refs/ace/{name}").try_into().map_err(|_| Error::NameTaken { name: name.to_owned() })?;
    let from = pool.bare()?;
    let (mut seen, mut copied) = (HashSet::new(), 0);
    let mut parent = base.and_then(|base| repo.commit(Some(base)).ok());
    let nobody = signature(&Identity { name: "ace".into(), email: "ace@localhost".into() });
    for state in states {
        let tree = pool::tree(&from, &state.tree)?;
        copied += copy(&from, &repo.inner, tree, &mut seen)?;
        let commit = gix::objs::Commit {
            tree,
            parents: parent.into_iter().collect(),
            author: nobody.clone(),
            committer: nobody.clone(),
            encoding: None,
            message: format!("{}\n", state.message.trim()).into(),
            extra_headers: Vec::new(),
        };
        parent = Some(repo.inner.write_object(&commit).map_err(Error::git(what))?.detach());
    }
    let Some(last) = parent else { return Err(Error::Beyond { what: "there is no state to mirror".into() }) };
    let edit = RefEdit {
        change: Change::Update {
            log: LogChange { mode: RefLog::AndReference, force_create_reflog: false, message: "ace: mirror".into() },
            expected: PreviousValue::Any,
            new: Target::Object(last),
        },
        name: full.clone(),
        deref: false,
    };
    repo.inner.edit_reference(edit).map_err(Error::git(what))?;
    Ok((full.to_string(), copied))
}

/// Copies a tree and what it holds, as far as the repository has it not.
fn copy(
    from: &gix::Repository,
    to: &gix::Repository,
    tree: gix::ObjectId,
    seen: &mut HashSet<gix::ObjectId>,
) -> Result<usize, Error> {
    let what = "mirror the states";
    let (mut rest, mut lacking) = (vec![tree], Vec::new());
    while let Some(id) = rest.pop() {
        if !seen.insert(id) || to.has_object(id) {
            continue;
        }
        let object = from.find_object(id).map_err(Error::git(what))?;
        lacking.push(id);
        if object.kind == gix::objs::Kind::Tree {
            for entry in object.into_tree().iter() {
                let entry = entry.map_err(Error::git(what))?;
                if entry.mode().kind() != EntryKind::Commit {
                    rest.push(entry.object_id());
                }
            }
        }
    }
    // What a tree holds comes before it: one that is there is there whole, whenever this was killed.
    for id in lacking.iter().rev() {
        let object = from.find_object(*id).map_err(Error::git(what))?;
        to.objects.write_buf(object.kind, &object.data).map_err(Error::git(what))?;
    }
    Ok(lacking.len())
}
