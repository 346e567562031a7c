//! What can go wrong with a worktree, as data. It must never know how an error is shown.

use std::path::{Path, PathBuf};

/// A refusal or failure. Nothing is left half done behind any of them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no repository at or above this folder.
    #[error("not a git repository: {}", path.display())]
    NotARepository {
        /// Where the search began.
        path: PathBuf,
    },
    /// The repository has no commit yet, so there is nothing to begin from.
    #[error("no commit yet")]
    Unborn,
    /// The repository has no work tree.
    #[error("a bare repository has no work tree")]
    Bare,
    /// This names no commit.
    #[error("no commit '{rev}'")]
    BadRevision {
        /// The revision as it was given.
        rev: String,
    },
    /// No branch of this name can be made.
    #[error("cannot make a branch '{name}'")]
    NameTaken {
        /// The branch, without `refs/heads/`.
        name: String,
    },
    /// The folder for a new worktree is there already and not empty.
    #[error("in use: {}", path.display())]
    Occupied {
        /// The folder.
        path: PathBuf,
    },
    /// Uncommitted changes are carried only to a worktree that begins at the commit they were made on.
    #[error("changes can be carried only to HEAD")]
    CarryBase,
    /// Uncommitted changes are in the way, and would be lost.
    #[error("{} uncommitted files in the way", paths.len())]
    Dirty {
        /// The files, relative to the root of the work tree; the first hundred.
        paths: Vec<PathBuf>,
    },
    /// Something that no recorded state holds (an ignored file, for instance) stands where a file has to come; nothing was changed.
    #[error("{} files in the way that no record holds", paths.len())]
    InTheWay {
        /// The paths, relative to the root of the work tree; the first hundred.
        paths: Vec<PathBuf>,
    },
    /// The two sides do not fit together; nothing was changed.
    #[error("{} files conflict", clashes.len())]
    Conflicts {
        /// The files, the first hundred.
        clashes: Vec<crate::Clash>,
    },
    /// The session's commits and the user's do not fit together one by one; nothing was changed.
    #[error("commit {commit} does not fit: {} files conflict", clashes.len())]
    Unfit {
        /// The commit that could not be planted anew: its id, seven digits, and its subject.
        commit: String,
        /// The files, the first hundred.
        clashes: Vec<crate::Clash>,
    },
    /// There is no remote to push to.
    #[error("no remote '{name}'")]
    NoRemote {
        /// Its name; empty when the repository has none at all.
        name: String,
    },
    /// The work of a session cannot be had back: what is missing, in words.
    #[error("{what}")]
    Beyond {
        /// What is missing.
        what: String,
    },
    /// The branch holds commits that are nowhere else.
    #[error("{ahead} commits of '{branch}' are nowhere else")]
    Unmerged {
        /// The branch, without `refs/heads/`.
        branch: String,
        /// Its commits that would be lost; counted up to a limit.
        ahead: usize,
    },
    /// The links between a worktree and its repository are not the ones that were made: somebody
    /// rewrote them. Nothing was read through them and no git was started there.
    #[error("the link between {} and its repository was changed", path.display())]
    PointerChanged {
        /// The file that does not say what it should.
        path: PathBuf,
    },
    /// The worktree is locked.
    #[error("locked: {reason}")]
    Locked {
        /// Why, in the words of who locked it; may be empty.
        reason: String,
    },
    /// Another worktree lies inside this one.
    #[error("another worktree lies in it: {}", path.display())]
    Nested {
        /// The inner one.
        path: PathBuf,
    },
    /// No worktree of ours is at this path.
    #[error("no worktree at {}", path.display())]
    NoWorktree {
        /// The path.
        path: PathBuf,
    },
    /// HEAD does not stand on a branch as the work needs it to.
    #[error("HEAD is at '{head}'")]
    ForeignHead {
        /// The branch or commit HEAD stands on.
        head: String,
    },
    /// A merge, rebase or the like is in progress there.
    #[error("{what} in progress")]
    Busy {
        /// What is in progress, in a word or two.
        what: String,
    },
    /// More than a limit of this crate allows.
    #[error("more than {limit} {what}")]
    TooMuch {
        /// What there is too much of.
        what: &'static str,
        /// The limit.
        limit: u64,
    },
    /// The file system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Git, the library or the program, refused.
    #[error("{what}: {}", causes(source.as_ref()))]
    Git {
        /// What was being done, in a few words.
        what: &'static str,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Error {
    /// The file system refused at `path`.
    pub(crate) fn io(path: impl AsRef<Path>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.as_ref().to_owned();
        move |source| Error::Io { path, source }
    }

    /// Git refused while doing `what`.
    pub(crate) fn git<E>(what: &'static str) -> impl FnOnce(E) -> Self
    where
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        move |source| Error::Git { what, source: source.into() }
    }
}

/// What went wrong, down to its root: the outermost words alone rarely say what to do.
fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut words = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let told = cause.to_string();
        if !words.contains(&told) {
            words = format!("{words}: {told}");
        }
        next = cause.source();
    }
    words
}
