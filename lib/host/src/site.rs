//! Where the files of a session lie, as its record has it, and the pool that keeps their states. It looks at no file.

use ace_schema::data::SessionCreated;
use ace_storage::Home;
use ace_worktree as git;
use std::path::{Path, PathBuf};

/// The folder of pools in a home.
#[must_use]
pub fn pools(home: &Home) -> PathBuf {
    home.path().join("git")
}

/// A session's work tree, its own or the user's.
#[derive(Debug, Clone)]
pub struct Site {
    /// The work tree.
    pub ground: git::Ground,
    /// Its states.
    pub pool: git::Pool,
    /// The commit that a worktree of the session's own began at.
    pub base: Option<String>,
}

impl Site {
    /// The site of a session that was made so; `None` outside git.
    ///
    /// # Errors
    /// The links of its worktree were changed, the worktree is gone, or git's data cannot be read.
    pub fn of(created: &SessionCreated, pools: &Path) -> Result<Option<Self>, git::Error> {
        let (ground, base) = match (&created.worktree, &created.repository) {
            (Some(tree), _) => {
                let place = git::Place { git_dir: PathBuf::from(&tree.git_dir), path: PathBuf::from(&tree.path) };
                (git::Ground::of(&place)?, Some(tree.base.clone()))
            }
            (None, Some(repository)) => {
                let found = git::discover(Path::new(&repository.root))?;
                let Some(ground) = found.as_ref().and_then(git::Ground::around) else { return Ok(None) };
                (ground, None)
            }
            (None, None) => return Ok(None),
        };
        let pool = git::Pool::open(pools, &ground.common_dir)?;
        Ok(Some(Self { ground, pool, base }))
    }
}

/// The pool of a session whose worktree may be gone; `None` outside git.
///
/// # Errors
/// The repository is gone or cannot be read.
pub fn pool(created: &SessionCreated, pools: &Path) -> Result<Option<git::Pool>, git::Error> {
    let Some(repository) = &created.repository else { return Ok(None) };
    let root = Path::new(&repository.root);
    match git::common_dir_of(root) {
        Ok(common_dir) => git::Pool::open(pools, &common_dir).map(Some),
        // Its states may have come from another machine, or be all that is left.
        Err(e) => git::Pool::existing(pools, &root.join(".git")).map(Some).ok_or(e),
    }
}
