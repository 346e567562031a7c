//! A worktree that is gone, or whose links are broken, as its session's record has it. It must never touch a file that is there,
//! nor a registration that is somebody else's; killed in the middle, it can be called again.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use gix::bstr::ByteSlice;
use gix::refs::FullName;

use ace_schema::limits::worktree as limits;

use crate::branch::make_exactly;
use crate::create::{clear_torn, wait_for_turn};
use crate::error::Error;
use crate::ground::Ground;
use crate::lens::Lens;
use crate::linked::{Place, read_pointer};
use crate::list::places;
use crate::note::Note;
use crate::pool::Pool;
use crate::repository::{self, Repository};

/// What is recorded of a worktree.
#[derive(Clone, Copy, Debug)]
pub struct Lost<'a> {
    /// Where it was.
    pub place: &'a Place,
    /// Its branch, without `refs/heads/`.
    pub branch: &'a str,
    /// The commit it began at.
    pub base: &'a str,
    /// The branch that stood there then, without `refs/heads/`; empty for none.
    pub from: &'a str,
    /// The tree recorded last; none if no state was recorded.
    pub tree: Option<&'a str>,
    /// The commit HEAD stood on when a state was recorded last; none if that is not known.
    pub commit: Option<&'a str>,
}

/// What was had back.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recovered {
    /// Where it is; its git folder may be another one, when the old name was given away.
    pub place: Place,
    /// Files that were written; none when only the links were set right and all files were there.
    pub files: usize,
    /// Whether its branch had to be made again.
    pub branch_made: bool,
}

/// A file in the git folder for as long as the files are being brought back.
const MARK: &str = "ace.recovering";

/// Makes the worktree what its record says: links, branch, index and files. `None` when nothing is wrong with it.
///
/// # Errors
/// [`Error::Beyond`] when its branch is checked out elsewhere, another repository lies in its place, or the commit it stood on is
/// gone; [`Error::BadRevision`] when its last state is not in the pool; [`Error::Io`], [`Error::Git`].
pub fn recover(repo: &Repository, pool: &Pool, lost: Lost<'_>) -> Result<Option<Recovered>, Error> {
    let common = &repo.facts().common_dir;
    let state = match lost.tree {
        Some(tree) => Some(pool.tree(tree)?),
        None => None,
    };
    let turn = wait_for_turn(common)?;
    clear_torn(common);
    let git_dir = registration(common, &lost)?;
    let place = Place { git_dir, path: lost.place.path.clone() };
    let is_cut = place.git_dir.join(MARK).exists();
    let has_files = holds_files(&place.path);
    if has_files && !is_cut && place.verify().is_ok() {
        return Ok(None);
    }
    let branch_made = branch(repo, &place, &lost)?;
    register(&place, &lost, !has_files || is_cut)?;
    drop(turn);
    let mut files = 0;
    if !has_files || is_cut {
        files = bring_back(&place, pool, state.as_deref(), has_files)?;
        let mark = place.git_dir.join(MARK);
        std::fs::remove_file(&mark).map_err(Error::io(&mark))?;
    } else {
        mend_index(&place)?;
    }
    Ok(Some(Recovered { place, files, branch_made }))
}

/// The git folder to use: one that is registered for this very worktree, else the recorded name if it is free, else one like it.
fn registration(common: &Path, lost: &Lost<'_>) -> Result<PathBuf, Error> {
    let is_ours = |git_dir: &Path| Note::read(git_dir).is_some_and(|note| note.branch == lost.branch);
    let known = places(common)?.into_iter().find(|p| p.path == lost.place.path && is_ours(&p.git_dir));
    if let Some(known) = known {
        return Ok(known.git_dir);
    }
    // Only within this repository, whatever the record says.
    let folder = common.join("worktrees");
    let name =
        lost.place.git_dir.file_name().ok_or_else(|| Error::PointerChanged { path: lost.place.git_dir.clone() })?;
    let free = |git_dir: &Path| {
        let unfinished = !git_dir.join("gitdir").exists() && is_ours(git_dir);
        git_dir.symlink_metadata().is_err() || unfinished
    };
    for round in 0..limits::NAME_TRIES {
        let mut name = name.to_owned();
        if round > 0 {
            name.push(format!("-{round}"));
        }
        let git_dir = folder.join(name);
        if free(&git_dir) {
            return Ok(git_dir);
        }
    }
    Err(Error::NameTaken { name: lost.branch.to_owned() })
}

/// Whether anything but a link to a repository is there.
fn holds_files(root: &Path) -> bool {
    std::fs::read_dir(root).is_ok_and(|all| all.flatten().any(|entry| entry.file_name() != ".git"))
}

/// Sees to it that the branch is there and checked out nowhere else; whether it had to be made.
fn branch(repo: &Repository, place: &Place, lost: &Lost<'_>) -> Result<bool, Error> {
    let beyond = |what: String| Error::Beyond { what };
    let bad = || beyond(format!("'{}' is no branch of ours", lost.branch));
    if !lost.branch.starts_with("ace/") {
        return Err(bad());
    }
    let name: FullName = format!("refs/heads/{}", lost.branch).try_into().map_err(|_| bad())?;
    let line = [b"ref: ", name.as_bstr().as_bytes()].concat();
    let common = &repo.facts().common_dir;
    let others = places(common)?.into_iter().filter(|other| other.git_dir != place.git_dir);
    let heads = others.map(|other| (other.git_dir, other.path)).chain([(common.clone(), common.clone())]);
    for (git_dir, path) in heads {
        if read_pointer(&git_dir.join("HEAD")).is_some_and(|head| head == line) {
            return Err(beyond(format!("'{}' is checked out in {}", lost.branch, path.display())));
        }
    }
    if repo.inner.try_find_reference(name.as_ref()).map_err(Error::git("look for the branch"))?.is_some() {
        return Ok(false);
    }
    let stood = [lost.commit, Some(lost.base)].into_iter().flatten();
    let commit = stood.into_iter().find_map(|id| repo.commit(Some(id)).ok());
    let commit = commit.ok_or_else(|| beyond(format!("the commit '{}' began at is gone", lost.branch)))?;
    make_exactly(repo, name, commit)?;
    Ok(true)
}

/// Writes what git and we know of a worktree, in such an order that what is cut short is begun anew.
fn register(place: &Place, lost: &Lost<'_>, fills: bool) -> Result<(), Error> {
    let git_dir = &place.git_dir;
    std::fs::create_dir_all(git_dir).map_err(Error::io(git_dir))?;
    if Note::read(git_dir).is_none() {
        let from = (!lost.from.is_empty()).then(|| lost.from.to_owned());
        Note::now(lost.base.to_owned(), from, lost.branch.to_owned()).write(git_dir)?;
    }
    let put = |path: PathBuf, text: &[u8]| {
        if read_pointer(&path).is_some_and(|there| there == text.trim_ascii_end()) {
            return Ok(());
        }
        // Written aside, so that it is the old or the new one; a link in its place is replaced, not followed.
        let fresh = path.with_file_name(format!("{}.new", path.file_name().unwrap_or_default().to_string_lossy()));
        let written = std::fs::write(&fresh, text).and_then(|()| std::fs::rename(&fresh, &path));
        written.map_err(Error::io(&path))
    };
    if fills {
        put(git_dir.join(MARK), b"\n")?;
        // Of one who died over the index: nobody else is at work where no files are.
        let _ = std::fs::remove_file(git_dir.join("index.lock"));
    }
    if read_pointer(&git_dir.join("locked")).is_some_and(|reason| reason == b"initializing") {
        // Of the making that was never finished; what cannot be removed keeps it from going, no more.
        let _ = std::fs::remove_file(git_dir.join("locked"));
    }
    let of = |path: &Path| gix::path::into_bstr(path).map(|p| p.into_owned()).map_err(Error::git("name a path"));
    let dot_git = place.path.join(".git");
    if dot_git.symlink_metadata().is_ok_and(|meta| meta.is_dir()) {
        return Err(Error::Beyond { what: format!("a repository of its own lies in {}", place.path.display()) });
    }
    let relative = format!("ref: refs/heads/{}\n", lost.branch);
    if read_pointer(&git_dir.join("HEAD")).is_none_or(|head| head.is_empty()) {
        put(git_dir.join("HEAD"), relative.as_bytes())?;
    }
    put(git_dir.join("commondir"), b"../..\n")?;
    put(git_dir.join("gitdir"), &[of(&dot_git)?.as_bytes(), b"\n"].concat())?;
    std::fs::create_dir_all(&place.path).map_err(Error::io(&place.path))?;
    put(dot_git, &[b"gitdir: ".as_slice(), of(git_dir)?.as_bytes(), b"\n"].concat())?;
    place.verify()
}

/// Brings all files back: those of the commit on all cores, then what is different in the state recorded last.
fn bring_back(place: &Place, pool: &Pool, state: Option<&str>, has_some: bool) -> Result<usize, Error> {
    let what = "bring back the files";
    let work = repository::open(&place.git_dir, Some(&place.path))?;
    let mut files = 0;
    if !has_some {
        let index = place.git_dir.join("index");
        match std::fs::remove_file(&index) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(Error::io(&index)(e)),
            _ => {}
        }
        let tree = work.worktree().ok_or(Error::Bare)?;
        let out = tree.checkout(gix::progress::Discard, &AtomicBool::new(false)).map_err(Error::git(what))?;
        if let Some(lost) = out.errors.into_iter().next() {
            return Err(Error::git(what)(format!("{}: {}", lost.path, lost.error)));
        }
        files = out.files_updated;
    } else {
        mend_index(place)?;
    }
    let head = work.head_tree_id().map_err(Error::git(what))?.to_hex().to_string();
    let mut lens = Lens::open(pool, &Ground::of(place)?, None)?;
    let restored = lens.restore(state.unwrap_or(&head))?;
    Ok(files.max(restored.written + restored.removed))
}

/// An index of HEAD's tree where there is none: git then asks the files themselves.
fn mend_index(place: &Place) -> Result<(), Error> {
    let what = "write the index";
    if place.git_dir.join("index").exists() {
        return Ok(());
    }
    let work = place.open()?;
    let tree = work.head_tree_id().map_err(Error::git(what))?.detach();
    let mut index = work.index_from_tree(&tree).map_err(Error::git(what))?;
    index.write(gix::index::write::Options::default()).map_err(Error::git(what))
}
