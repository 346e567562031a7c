//! The repository around a folder: its facts, and the one way in which we open any repository.
//! It must never start a program, read the environment or trust the repository's own settings.

use std::path::{Path, PathBuf};

use gix::bstr::ByteSlice;
use gix::sec::Trust;

use ace_schema::limits::worktree as limits;

use crate::error::Error;
use crate::scan::{self, Kind};

/// In whose name references are moved where nobody's name is known.
pub(crate) const COMMITTER: &str = "ace <ace@localhost>";

/// A repository, open.
#[derive(Clone, Debug)]
pub struct Repository {
    pub(crate) inner: gix::Repository,
    facts: Facts,
}

/// What is cheap to know about a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Facts {
    /// The root of the work tree, absolute; none when bare.
    pub root: Option<PathBuf>,
    /// The git folder of this work tree, absolute.
    pub git_dir: PathBuf,
    /// The git folder that all work trees share, absolute; the same as `git_dir` in the main one.
    pub common_dir: PathBuf,
    /// The commit HEAD stands on, 40 hexadecimal digits; none when unborn.
    pub head: Option<String>,
    /// The branch HEAD stands on, without `refs/heads/`; none when detached.
    pub branch: Option<String>,
    /// Whether the branch has no commit yet.
    pub unborn: bool,
    /// Whether there is no work tree.
    pub bare: bool,
}

impl Facts {
    /// The first seven digits of the commit HEAD stands on.
    #[must_use]
    pub fn head_short(&self) -> Option<&str> {
        self.head.as_deref().map(|id| id.get(..7).unwrap_or(id))
    }
}

/// How much is uncommitted in a work tree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Changed {
    /// Tracked files that differ from HEAD, staged or not.
    pub tracked: usize,
    /// Files that are neither tracked nor ignored.
    pub untracked: usize,
}

impl Changed {
    /// Whether nothing is uncommitted.
    #[must_use]
    pub fn is_clean(self) -> bool {
        self.tracked + self.untracked == 0
    }
}

/// Finds the repository at or above `cwd`; `None` if there is none.
///
/// # Errors
/// [`Error::Git`] when there is one that cannot be read.
pub fn discover(cwd: &Path) -> Result<Option<Repository>, Error> {
    let found = match gix::discover::upwards(cwd) {
        Ok((found, _trust)) => found,
        Err(error) => {
            return match std::fs::metadata(cwd) {
                Err(source) => Err(Error::Io { path: cwd.to_owned(), source }),
                Ok(_) if is_absent(&error) => Ok(None),
                Ok(_) => Err(Error::git("look for a repository")(error)),
            };
        }
    };
    let (git_dir, root) = found.into_repository_and_work_tree_directories();
    let git_dir = git_dir.canonicalize().map_err(Error::io(&git_dir))?;
    let root = root.map(|root| root.canonicalize().map_err(Error::io(&root))).transpose()?;
    let inner = open(&git_dir, root.as_deref())?;
    Repository::new(inner).map(Some)
}

/// Whether `error` only says that no repository is there.
fn is_absent(error: &gix::Error) -> bool {
    use gix::discover::upwards::Error as E;
    matches!(
        error.downcast_any_ref::<E>(),
        Some(
            E::NoGitRepository { .. }
                | E::NoGitRepositoryWithinCeiling { .. }
                | E::NoGitRepositoryWithinFs { .. }
                | E::NoTrustedGitRepository { .. }
        )
    )
}

/// Opens `git_dir` without trusting it: only settings that are data count, no `GIT_*` variable, no
/// user or system file, and a `core.worktree` of its own never moves the work tree away from `root`.
pub(crate) fn open(git_dir: &Path, root: Option<&Path>) -> Result<gix::Repository, Error> {
    open_with(git_dir, root, Vec::new())
}

/// The same with further settings.
pub(crate) fn open_with(git_dir: &Path, root: Option<&Path>, settings: Vec<String>) -> Result<gix::Repository, Error> {
    let options = gix::open::Options::isolated()
        // Reduced trust is what keeps filters, commands and file names from the repository's own
        // configuration out; the filter says the same again, should a version change its mind.
        .with(Trust::Reduced)
        .filter_config_section(|meta| meta.source.kind() != gix::config::source::Kind::Repository)
        .open_path_as_is(true)
        .config_overrides(
            [
                format!("gitoxide.objects.allocLimitIfReducedTrust={}", limits::OBJECT_BYTES),
                "gitoxide.committer.nameFallback=ace".into(),
                "gitoxide.committer.emailFallback=ace@localhost".into(),
                "worktree.useRelativePaths=false".into(),
                "core.trustCTime=true".into(),
                "core.checkStat=default".into(),
            ]
            .into_iter()
            .chain(settings),
        );
    let mut repo = options.open(git_dir).map_err(Error::git("open the repository"))?.to_thread_local();
    repo.set_workdir(root.map(Path::to_owned)).map_err(Error::git("open the work tree"))?;
    Ok(repo)
}

impl Repository {
    fn new(inner: gix::Repository) -> Result<Self, Error> {
        let head = inner.head().map_err(Error::git("read HEAD"))?;
        let branch = head.referent_name().map(|name| name.shorten().to_str_lossy().into_owned());
        let unborn = head.is_unborn();
        let facts = Facts {
            root: inner.workdir().map(Path::to_owned),
            git_dir: inner.git_dir().to_owned(),
            common_dir: inner.common_dir().canonicalize().map_err(Error::io(inner.common_dir()))?,
            head: head.id().map(|id| id.to_hex().to_string()),
            branch,
            unborn,
            bare: inner.workdir().is_none(),
        };
        drop(head);
        Ok(Self { inner, facts })
    }

    /// What was true when the repository was opened.
    #[must_use]
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// The repository of the main work tree; itself, if this is it.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Git`].
    pub fn main(&self) -> Result<Self, Error> {
        let common = &self.facts.common_dir;
        let root = common.parent().filter(|_| common.file_name() == Some(".git".as_ref()));
        Self::new(open(common, root)?)
    }

    /// The first commit reachable from HEAD by first parents: the same in every clone, so it names
    /// the project. `None` when unborn, or when history is longer than we walk.
    ///
    /// # Errors
    /// [`Error::Git`] when history cannot be read.
    pub fn root_commit(&self) -> Result<Option<String>, Error> {
        let Ok(head) = self.inner.head_id() else {
            return Ok(None);
        };
        let walk =
            self.inner.rev_walk([head.detach()]).first_parent_only().all().map_err(Error::git("walk history"))?;
        let mut last = None;
        for (step, commit) in walk.enumerate() {
            if step == limits::ROOT_STEPS {
                return Ok(None);
            }
            last = Some(commit.map_err(Error::git("walk history"))?.id);
        }
        Ok(last.map(|id| id.to_hex().to_string()))
    }

    /// Counts what is uncommitted; costs a pass over the work tree.
    ///
    /// # Errors
    /// [`Error::Bare`], [`Error::Git`].
    pub fn changed(&self) -> Result<Changed, Error> {
        let scan = scan::scan(&self.inner)?;
        Ok(scan.counts())
    }

    /// The commit a revision names; HEAD when none is given.
    pub(crate) fn commit(&self, rev: Option<&str>) -> Result<gix::ObjectId, Error> {
        let Some(rev) = rev else {
            return Ok(self.inner.head_id().map_err(|_| Error::Unborn)?.detach());
        };
        let bad = || Error::BadRevision { rev: rev.to_owned() };
        let id = self.inner.rev_parse_single(rev).map_err(|_| bad())?;
        let commit = id.object().and_then(|object| object.peel_to_commit());
        Ok(commit.map_err(|_| bad())?.id)
    }
}

impl scan::Scan {
    /// The same as numbers.
    pub(crate) fn counts(&self) -> Changed {
        let untracked = self.paths.values().filter(|kind| **kind == Kind::Untracked).count();
        Changed { tracked: self.paths.len() - untracked, untracked: untracked + self.nested.len() }
    }
}
