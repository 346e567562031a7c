//! A new worktree on a new branch, or nothing at all. It must never change the tree it is made from.
//!
//! Until its maker says that it is finished it bears a mark: should they die before, what they leave is known to be nobody's.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use gix::bstr::ByteSlice;
use gix::refs::FullName;
use gix::worktree::add::{Head, PrepareCheckout};

use ace_schema::limits::worktree as limits;

use crate::branch::{delete_branch, make_branch};
use crate::carry;
use crate::error::Error;
use crate::fingerprint::fingerprint;
use crate::linked::{Place, read_pointer};
use crate::list::places;
use crate::making::Mark;
use crate::note::Note;
use crate::remove::{Force, remove};
use crate::repository::{self, Repository};

/// Whether uncommitted work comes along.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Carry {
    /// It stays behind.
    #[default]
    Leave,
    /// Uncommitted tracked changes and untracked files that are not ignored are copied.
    Bring,
}

/// A worktree that is ready. `place` is what later calls want: keep it, the worktree cannot be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Created {
    /// Its root and its git folder.
    pub place: Place,
    /// Its branch, without `refs/heads/`.
    pub branch: String,
    /// The commit it began at, 40 hexadecimal digits.
    pub base_commit: String,
    /// Files and deletions that came along.
    pub carried: usize,
    /// Untracked repositories that did not come along, relative to the root.
    pub left_behind: Vec<PathBuf>,
}

/// A worktree that is being made: it has its files, and is taken back as if it had never been unless it is finished.
#[derive(Debug)]
#[must_use = "it is taken back when it is dropped"]
pub struct Making {
    created: Created,
    undo: Undo,
    mark: Option<Mark>,
}

impl Making {
    /// The worktree.
    #[must_use]
    pub fn created(&self) -> &Created {
        &self.created
    }

    /// Ports that no other worktree of this repository has, side by side; `is_free` says whether one can be used now.
    ///
    /// # Errors
    /// [`Error::TooMuch`] when there are none left, [`Error::Busy`], [`Error::Io`].
    pub fn reserve_ports(&self, count: u16, is_free: impl Fn(u16) -> bool) -> Result<Vec<u16>, Error> {
        let common = &self.undo.repo.facts().common_dir;
        let _turn = wait_for_turn(common)?;
        let notes = places(common)?.into_iter().filter_map(|place| Note::read(&place.git_dir)?.ports);
        let taken: Vec<(u16, u16)> = notes.collect();
        let (low, high) = limits::PORTS;
        // Worktrees of other repositories begin elsewhere, more often than not.
        let seed = common.as_os_str().as_encoded_bytes().iter();
        let seed = seed.fold(0u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(*byte)));
        let span = u32::from(high - low);
        for step in 0..span {
            let first = low + u16::try_from((seed % span + step) % span).unwrap_or(0);
            let Some(end) = first.checked_add(count).filter(|end| *end <= high) else { continue };
            let meets = |(other, many): &(u16, u16)| first < other.saturating_add(*many) && *other < end;
            if taken.iter().any(meets) || !(first..end).all(&is_free) {
                continue;
            }
            let git_dir = &self.created.place.git_dir;
            if let Some(note) = Note::read(git_dir) {
                Note { ports: Some((first, count)), ..note }.write(git_dir)?;
            }
            return Ok((first..end).collect());
        }
        Err(Error::TooMuch { what: "ports", limit: u64::from(span) })
    }

    /// From now on it is somebody's.
    #[must_use]
    pub fn finish(mut self) -> Created {
        self.undo.done = true;
        if let Some(mark) = self.mark.take() {
            mark.clear();
        }
        self.created.clone()
    }
}

impl Drop for Making {
    fn drop(&mut self) {
        if !self.undo.done {
            // Folders without rights too; what it leaves, the undoing takes.
            let _ = remove(&self.undo.repo, &self.created.place.path, Force::Yes);
        }
    }
}

/// Makes a worktree at `path` with the branch `ace/<name>` (`-2`, `-3`, … if taken) from `base` (any
/// revision; HEAD if none). The folders above `path` are made when missing. On failure no branch,
/// no git folder and no folder is left behind.
///
/// # Errors
/// [`Error::Unborn`], [`Error::BadRevision`], [`Error::NameTaken`], [`Error::Occupied`],
/// [`Error::CarryBase`], [`Error::Bare`] (nothing to carry from), [`Error::Io`], [`Error::Git`].
pub fn create(repo: &Repository, name: &str, path: &Path, base: Option<&str>, carry: Carry) -> Result<Created, Error> {
    Ok(begin(repo, name, path, base, carry)?.finish())
}

/// The same, for who has more to do before the worktree counts.
///
/// # Errors
/// See [`create`].
pub fn begin(repo: &Repository, name: &str, path: &Path, base: Option<&str>, carry: Carry) -> Result<Making, Error> {
    let commit = repo.commit(base)?;
    if carry == Carry::Bring && repo.inner.head_id().ok().map(|id| id.detach()) != Some(commit) {
        return Err(Error::CarryBase);
    }
    if !is_free(path) {
        return Err(Error::Occupied { path: path.to_owned() });
    }
    let mut undo = Undo::new(repo, path);
    let turn = wait_for_turn(&repo.facts().common_dir)?;
    clear_torn(&repo.facts().common_dir);
    let branch = make_branch(repo, name, commit)?;
    undo.branch = Some((branch.clone(), commit));
    let prepared = prepare(repo, path, commit, &branch)?;
    let base_commit = commit.to_hex().to_string();
    let branch = branch.shorten().to_str_lossy().into_owned();
    // Before the files: should we die among them, the rest is known to be ours.
    let mark = Mark::put(prepared.repo().git_dir())?;
    let note = Note::now(base_commit.clone(), repo.facts().branch.clone(), branch.clone());
    // What cannot be read now cannot be compared later: it is no reason to make no worktree.
    let note = Note { guard: fingerprint(repo).ok(), ..note };
    note.write(prepared.repo().git_dir())?;
    // The files are written by all callers at once.
    drop(turn);
    let place = check_out(prepared, path)?;
    undo.place = Some(place.clone());
    let carried = match carry {
        Carry::Leave => carry::Carried::default(),
        Carry::Bring => carry::carry(&repo.inner, &place.path)?,
    };
    let created = Created { place, branch, base_commit, carried: carried.paths, left_behind: carried.left_behind };
    Ok(Making { created, undo, mark: Some(mark) })
}

/// Whether a worktree can be made here: nothing there, or an empty folder.
pub(crate) fn is_free(path: &Path) -> bool {
    match path.symlink_metadata() {
        Err(_) => true,
        Ok(meta) => meta.is_dir() && std::fs::read_dir(path).is_ok_and(|mut dir| dir.next().is_none()),
    }
}

/// Waits until no other `create` is choosing a branch or registering a worktree here: the library looks
/// before it takes a reference's lock, so two could get the same one. The lock goes with the file.
pub(crate) fn wait_for_turn(common_dir: &Path) -> Result<File, Error> {
    let folder = File::open(common_dir).map_err(Error::io(common_dir))?;
    let began = Instant::now();
    loop {
        match folder.try_lock() {
            Ok(()) => return Ok(folder),
            Err(TryLockError::WouldBlock) if began.elapsed() < Duration::from_millis(limits::TURN_MS) => {
                std::thread::sleep(Duration::from_micros(500));
            }
            Err(TryLockError::WouldBlock) => {
                return Err(Error::Busy { what: "making another worktree".into() });
            }
            Err(TryLockError::Error(source)) => {
                return Err(Error::Io { path: common_dir.to_owned(), source });
            }
        }
    }
}

/// The files without which a registration is none, and git itself stops at it.
const REGISTRATION: [&str; 3] = ["gitdir", "commondir", "HEAD"];

/// Whether HEAD is the null id that stands there until the worktree gets its commit.
fn is_at_nothing(folder: &Path) -> bool {
    read_pointer(&folder.join("HEAD")).is_some_and(|head| !head.is_empty() && head.iter().all(|digit| *digit == b'0'))
}

/// Takes away registrations whose maker was killed while writing them: neither the library nor git goes on beside one. It is called
/// by who has the turn, so that none of ours is just being written; git writes its own in one go, so that one that stays torn and
/// has no index is nobody's any more.
pub(crate) fn clear_torn(common_dir: &Path) {
    let is_whole = |path: PathBuf| path.symlink_metadata().is_ok_and(|meta| meta.is_file() && meta.len() > 0);
    let is_torn = |folder: &PathBuf| {
        folder.is_dir()
            && !folder.join("index").exists()
            && (REGISTRATION.iter().any(|name| !is_whole(folder.join(name)))
                || is_at_nothing(folder)
                || is_unnamed(folder))
    };
    let all = std::fs::read_dir(common_dir.join("worktrees")).into_iter().flatten().flatten().map(|entry| entry.path());
    let torn: Vec<PathBuf> = all.filter(is_torn).collect();
    if torn.is_empty() {
        return;
    }
    std::thread::sleep(Duration::from_millis(limits::TORN_MS));
    for folder in torn.iter().filter(|folder| is_torn(folder)) {
        let root = root_of(folder);
        // If it cannot be removed, the library says what is wrong.
        let _ = std::fs::remove_dir_all(folder);
        if let Some(root) = root.filter(|root| is_bare_of_files(root)) {
            let _ = std::fs::remove_file(root.join(".git"));
            let _ = std::fs::remove_dir(root);
        }
    }
}

/// The root that a registration names.
fn root_of(folder: &Path) -> Option<PathBuf> {
    let dot_git = read_pointer(&folder.join("gitdir"))?;
    let root = gix::path::from_byte_slice(&dot_git).ok()?.parent()?.to_owned();
    root.is_absolute().then_some(root)
}

/// Whether a folder holds nothing, or a `.git` file alone.
fn is_bare_of_files(root: &Path) -> bool {
    let is_link =
        |entry: std::fs::DirEntry| entry.file_name() == ".git" && entry.file_type().is_ok_and(|t| t.is_file());
    std::fs::read_dir(root).is_ok_and(|all| all.flatten().all(is_link))
}

/// Whether it is a registration of ours whose maker died before the note was there: locked as all that is being made, begun in our
/// name, without a file.
fn is_unnamed(folder: &Path) -> bool {
    let in_our_name = |log: Vec<u8>| log.contains_str(repository::COMMITTER);
    Note::read(folder).is_none()
        && read_pointer(&folder.join("locked")).is_some_and(|why| why == b"initializing")
        && read_pointer(&folder.join("logs/HEAD")).is_some_and(in_our_name)
        && root_of(folder).is_none_or(|root| root.symlink_metadata().is_err() || is_bare_of_files(&root))
}

/// Registers the worktree; dropping the result unregisters it.
fn prepare(repo: &Repository, path: &Path, commit: gix::ObjectId, branch: &FullName) -> Result<PrepareCheckout, Error> {
    // `repo` may itself be a linked worktree: the settings of the shared folder count.
    // The first line of its log is in our name: by that a torn one is known to be ours.
    let name = ["user.name=ace", "user.email=ace@localhost"].map(str::to_owned);
    let source = repository::open_with(&repo.facts().common_dir, None, name.to_vec())?;
    // Detached, because to attach it the library would first open every other worktree to see whether the
    // branch is checked out there: it is not, we just made it.
    let prepared = source
        .prepare_add_worktree(path, Head::Detached(commit), &AtomicBool::new(false))
        .map_err(Error::git("make the worktree"))?;
    let head = prepared.repo().git_dir().join("HEAD");
    let line = [b"ref: ", branch.as_bstr().as_bytes(), b"\n"].concat();
    std::fs::write(&head, line).map_err(Error::io(&head))?;
    Ok(prepared)
}

/// Writes its files, on all cores, and its index; unregisters it if anything fails.
fn check_out(prepared: PrepareCheckout, path: &Path) -> Result<Place, Error> {
    let (made, outcome) =
        prepared.checkout(gix::progress::Discard, &AtomicBool::new(false)).map_err(Error::git("make the worktree"))?;
    let path = path.canonicalize().map_err(Error::io(path))?;
    let place = Place { git_dir: made.git_dir().to_owned(), path };
    if let Some(lost) = outcome.errors.into_iter().next() {
        take_back(&place);
        return Err(Error::git("write a file")(format!("{}: {}", lost.path, lost.error)));
    }
    if let Some(collision) = outcome.collisions.into_iter().next() {
        take_back(&place);
        return Err(Error::git("write a file")(format!("{} is there twice", collision.path)));
    }
    Ok(place)
}

/// Removes what a half-made worktree left on disk.
fn take_back(place: &Place) {
    let _ = std::fs::remove_dir_all(&place.path);
    let _ = std::fs::remove_dir_all(&place.git_dir);
}

/// Takes everything back on drop, unless `done`.
#[derive(Debug)]
struct Undo {
    repo: Repository,
    branch: Option<(FullName, gix::ObjectId)>,
    place: Option<Place>,
    path: PathBuf,
    /// Folders above the worktree that were not there before, innermost first.
    parents: Vec<PathBuf>,
    done: bool,
}

impl Undo {
    fn new(repo: &Repository, path: &Path) -> Self {
        let missing = |folder: &&Path| !folder.as_os_str().is_empty() && !folder.exists();
        let parents = path.ancestors().skip(1).take_while(missing).map(Path::to_owned).collect();
        Self { repo: repo.clone(), branch: None, place: None, path: path.to_owned(), parents, done: false }
    }
}

impl Drop for Undo {
    fn drop(&mut self) {
        if self.done {
            return;
        }
        if let Some(place) = &self.place {
            take_back(place);
        }
        let _ = std::fs::remove_dir(&self.path);
        if let Some((name, commit)) = self.branch.take() {
            let _ = delete_branch(&self.repo.inner, name, commit);
        }
        for folder in &self.parents {
            // Only as long as nobody else put something there.
            if std::fs::remove_dir(folder).is_err() {
                break;
            }
        }
    }
}
