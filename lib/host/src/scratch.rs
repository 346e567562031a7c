//! A worktree for trying something on the recorded states of a session, which goes when it is dropped. It belongs to no session.

use ace_storage::{Clock, Home};
use ace_worktree as git;
use std::path::Path;

/// A worktree that is made for a purpose and goes with it: it is never finished, so that one whose maker is killed leaves nothing
/// that looks like work.
pub struct Scratch {
    lens: git::Lens,
    making: git::Making,
}

impl Scratch {
    /// Makes one of the repository at `root`, from the commit `base` (HEAD without one), on a branch like `name`.
    ///
    /// # Errors
    /// The repository is gone, or the worktree cannot be made; nothing is left behind.
    pub fn make(
        home: &Home,
        pool: &git::Pool,
        (root, base): (&Path, Option<&str>),
        name: &str,
        (clock, random): (&Clock, u64),
    ) -> Result<Self, git::Error> {
        let gone = || git::Error::NotARepository { path: root.to_owned() };
        let repository = git::discover(root)?.ok_or_else(gone)?;
        let id = ace_schema::id::session(u64::try_from(clock.now()).unwrap_or(0), random);
        let folder = root.file_name().map_or_else(|| "work".into(), std::ffi::OsStr::to_owned);
        let path = home.worktree(&id).join(folder);
        let making = git::begin(&repository, name, &path, base, git::Carry::Leave)?;
        let ground = git::Ground::of(&making.created().place)?;
        let lens = git::Lens::open(pool, &ground, None)?;
        Ok(Self { lens, making })
    }

    /// Brings the files of a recorded state back.
    ///
    /// # Errors
    /// The state is not kept, or the files cannot be written.
    pub fn restore(&mut self, state: &str) -> Result<(), git::Error> {
        self.lens.restore(state).map(drop)
    }

    /// Its folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.making.created().place.path
    }
}
