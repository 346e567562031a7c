//! The private git folder in which the states of a repository's work trees are kept: one for each repository, under the home of
//! `ace`. Its configuration is pristine, it reads the repository's own objects as alternates and never writes to them.

use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use gix::bstr::ByteSlice;

use ace_schema::limits::worktree as limits;

use crate::diff::{self, Diff};
use crate::error::Error;
use crate::repository;

/// The settings of the repository that say how content becomes a file: data, and nothing that names a program.
const SETTINGS: &[&str] = &["core.autocrlf", "core.eol", "core.ignoreCase"];

/// The whole configuration.
const CONFIG: &str =
    "[core]\n\trepositoryformatversion = 0\n\tbare = true\n\tlogAllRefUpdates = false\n[gc]\n\tauto = 0\n";

/// The states of one repository.
#[derive(Clone, Debug)]
pub struct Pool {
    folder: PathBuf,
    common_dir: PathBuf,
}

impl Pool {
    /// The pool for the repository whose shared git folder is `common_dir`, in the folder of pools `pools`; made if it is not
    /// there. Two who make it at once get the same one.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Git`] when the path cannot be written as an alternate.
    pub fn open(pools: &Path, common_dir: &Path) -> Result<Self, Error> {
        let folder = pools.join(key(common_dir)?);
        let pool = Self { folder, common_dir: common_dir.to_owned() };
        if !pool.folder.join("HEAD").exists() {
            pool.make(pools)?;
        }
        Ok(pool)
    }

    fn make(&self, pools: &Path) -> Result<(), Error> {
        let mut folders = std::fs::DirBuilder::new();
        folders.recursive(true).mode(0o700);
        folders.create(pools).map_err(Error::io(pools))?;
        let aside = pools.join(format!(".new-{}-{}", std::process::id(), crate::note::nanoseconds_now()));
        let made = self.write(&folders, &aside);
        let made = made.and_then(|()| std::fs::rename(&aside, &self.folder).map_err(Error::io(&self.folder)));
        if made.is_err() {
            let _ = std::fs::remove_dir_all(&aside);
        }
        // Somebody else was faster: theirs is as good.
        if self.folder.join("HEAD").exists() { Ok(()) } else { made }
    }

    fn write(&self, folders: &std::fs::DirBuilder, aside: &Path) -> Result<(), Error> {
        for name in ["objects/info", "objects/pack", "refs/heads", "info"] {
            folders.create(aside.join(name)).map_err(Error::io(aside))?;
        }
        let objects = self.common_dir.join("objects");
        let mut alternate = gix::path::into_bstr(objects).map_err(Error::git("name the objects"))?.into_owned();
        if alternate.contains(&b'\n') || alternate.starts_with(b"\"") || alternate.starts_with(b"#") {
            return Err(Error::git("name the objects")("the repository's path has a line end or begins oddly"));
        }
        alternate.push(b'\n');
        if !self.common_dir.join("objects").is_dir() {
            // States that came from elsewhere, of a repository that is not here.
            alternate.clear();
        }
        let files: [(&str, &[u8]); 3] = [
            ("objects/info/alternates", &alternate),
            ("config", CONFIG.as_bytes()),
            ("HEAD", b"ref: refs/heads/none\n"),
        ];
        for (name, text) in files {
            let path = aside.join(name);
            let mut options = std::fs::OpenOptions::new();
            let mut file = options.write(true).create_new(true).mode(0o600).open(&path).map_err(Error::io(&path))?;
            file.write_all(text).and_then(|()| file.sync_all()).map_err(Error::io(&path))?;
        }
        Ok(())
    }

    /// The pool in that folder, if it is one of ours.
    pub(crate) fn at(folder: &Path) -> Option<Self> {
        let alternate = read_small(&folder.join("objects/info/alternates"))?;
        let objects = gix::path::from_byte_slice(alternate.trim_ascii_end()).ok()?;
        let common_dir = objects.parent()?.to_owned();
        let is_ours = folder.file_name().is_some_and(|name| key(&common_dir).is_ok_and(|key| *name == *key));
        (is_ours && folder.join("HEAD").exists()).then(|| Self { folder: folder.to_owned(), common_dir })
    }

    /// The pool of a repository that may be gone; `None` if there never was one.
    #[must_use]
    pub fn existing(pools: &Path, common_dir: &Path) -> Option<Self> {
        let folder = pools.join(key(common_dir).ok()?);
        folder.join("HEAD").exists().then(|| Self { folder, common_dir: common_dir.to_owned() })
    }

    /// The pool's own folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// As long as the file is open nothing is taken out of the pool.
    pub(crate) fn hold(&self) -> Result<std::fs::File, Error> {
        let path = self.folder.join("HEAD");
        let file = std::fs::File::open(&path).map_err(Error::io(&path))?;
        file.lock_shared().map_err(Error::io(&path))?;
        Ok(file)
    }

    /// The folder of the repository that it belongs to.
    #[must_use]
    pub fn common_dir(&self) -> &Path {
        &self.common_dir
    }

    /// Opens it around the work tree at `root`, with the data settings of `like`.
    pub(crate) fn around(&self, root: &Path, like: &gix::Repository) -> Result<gix::Repository, Error> {
        self.take_excludes();
        let config = like.config_snapshot();
        let value = |key: &&str| config.string(*key).map(|value| format!("{key}={}", value.to_str_lossy()));
        let settings = SETTINGS.iter().filter_map(value).filter(|setting| !setting.contains('\n')).collect();
        let mut repo = repository::open_with(&self.folder, Some(root), settings)?;
        // One look reads the same few objects again and again, and the next begins with them.
        repo.object_cache_size(limits::OBJECT_CACHE_BYTES);
        Ok(repo)
    }

    /// Opens it without a work tree.
    pub(crate) fn bare(&self) -> Result<gix::Repository, Error> {
        repository::open(&self.folder, None)
    }

    /// The repository's own list of ignored names holds for its states as well.
    fn take_excludes(&self) {
        let name = "info/exclude";
        let own = read_small(&self.common_dir.join(name)).unwrap_or_default();
        let path = self.folder.join(name);
        if read_small(&path).unwrap_or_default() != own {
            // Whoever loses a race writes the same bytes.
            let _ = std::fs::write(path, own);
        }
    }

    /// What differs between two states or commits, of 40 hexadecimal digits each.
    ///
    /// # Errors
    /// [`Error::BadRevision`] when one is not there, [`Error::Git`].
    pub fn diff(&self, old: &str, new: &str) -> Result<Diff, Error> {
        let repo = self.bare()?;
        let (old, new) = (tree(&repo, old)?, tree(&repo, new)?);
        diff::between(&repo, old, new)
    }

    /// The tree of a state or commit; [`Error::BadRevision`] when it is not there.
    ///
    /// # Errors
    /// As said, and [`Error::Git`].
    pub fn tree(&self, state: &str) -> Result<String, Error> {
        Ok(tree(&self.bare()?, state)?.to_hex().to_string())
    }
}

/// The tree that an id of a tree or commit names.
pub(crate) fn tree(repo: &gix::Repository, id: &str) -> Result<gix::ObjectId, Error> {
    let bad = || Error::BadRevision { rev: id.to_owned() };
    let id = gix::ObjectId::from_hex(id.as_bytes()).map_err(|_| bad())?;
    if id == gix::ObjectId::empty_tree(repo.object_hash()) {
        return Ok(id);
    }
    Ok(repo.find_object(id).map_err(|_| bad())?.peel_to_tree().map_err(|_| bad())?.id)
}

/// A name for the path: the first 16 digits of its hash.
fn key(common_dir: &Path) -> Result<String, Error> {
    use std::os::unix::ffi::OsStrExt;
    let mut hasher = gix::hash::hasher(gix::hash::Kind::Sha1);
    hasher.update(common_dir.as_os_str().as_bytes());
    let id = hasher.try_finalize().map_err(Error::git("name the pool"))?;
    Ok(id.to_hex_with_len(16).to_string())
}

/// The bytes of a small plain file.
fn read_small(path: &Path) -> Option<Vec<u8>> {
    if !path.symlink_metadata().ok()?.is_file() {
        return None;
    }
    let mut bytes = Vec::new();
    std::fs::File::open(path).ok()?.take(limits::HOOK_BYTES).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}
