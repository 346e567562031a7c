//! The states of a repository's work trees that no record names any more, taken out of their pool. It must never take what a record
//! names, what is younger than a day, or anything while somebody looks through the pool.

use std::collections::HashSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use gix::objs::Kind;
use gix::objs::tree::EntryKind;

use ace_schema::limits::worktree as limits;

use crate::error::Error;
use crate::pool::Pool;

/// What was taken out, or would be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cleaned {
    /// Objects that go.
    pub objects: usize,
    /// Bytes they take on disk.
    pub bytes: u64,
    /// Objects that stay.
    pub kept: usize,
}

impl Pool {
    /// The pools in a folder of pools.
    ///
    /// # Errors
    /// [`Error::Io`]; a folder that is no pool of ours is left out.
    pub fn all(pools: &Path) -> Result<Vec<Self>, Error> {
        let entries = match std::fs::read_dir(pools) {
            Ok(entries) => entries,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(Error::io(pools)(e)),
        };
        let mut out: Vec<Self> = entries.flatten().filter_map(|entry| Self::at(&entry.path())).collect();
        out.sort_by(|a, b| a.common_dir().cmp(b.common_dir()));
        Ok(out)
    }

    /// Takes out loose objects that none of the states (trees or commits) in `named` holds and that are older than a day. With
    /// `dry_run` they are only counted.
    ///
    /// # Errors
    /// [`Error::Busy`] while somebody looks through it, [`Error::Io`], [`Error::Git`].
    pub fn clean(&self, named: &HashSet<String>, dry_run: bool) -> Result<Cleaned, Error> {
        let _alone = self.alone()?;
        let repo = self.bare()?;
        let loose = loose(&self.folder().join("objects"))?;
        let own: HashSet<gix::ObjectId> = loose.iter().map(|(id, _)| *id).collect();
        let mut roots: Vec<gix::ObjectId> =
            named.iter().filter_map(|id| gix::ObjectId::from_hex(id.as_bytes()).ok()).collect();
        let references = repo.references().map_err(Error::git("read the references"))?;
        for mut reference in references.all().map_err(Error::git("read the references"))?.flatten() {
            roots.extend(reference.peel_to_id().ok().map(|id| id.detach()));
        }
        let has_packs = std::fs::read_dir(self.folder().join("objects/pack")).is_ok_and(|mut all| all.next().is_some());
        let kept = reached(&repo, roots, |id| has_packs || own.contains(id))?;
        let old = SystemTime::now() - Duration::from_secs(limits::STATE_GRACE_SECONDS);
        let mut out = Cleaned::default();
        for (id, path) in loose {
            let meta = path.symlink_metadata().map_err(Error::io(&path))?;
            if kept.contains(&id) || meta.modified().map_or(true, |changed| changed > old) {
                out.kept += 1;
                continue;
            }
            if !dry_run {
                std::fs::remove_file(&path).map_err(Error::io(&path))?;
            }
            out.objects += 1;
            out.bytes += std::os::unix::fs::MetadataExt::blocks(&meta) * 512;
        }
        Ok(out)
    }

    /// Waits for nobody: the pool is ours alone until the file is dropped, or it is busy.
    fn alone(&self) -> Result<File, Error> {
        let path = self.folder().join("HEAD");
        let file = File::open(&path).map_err(Error::io(&path))?;
        file.try_lock().map_err(|_| Error::Busy { what: "a session at work in this repository is".into() })?;
        Ok(file)
    }
}

/// Every loose object and its file.
fn loose(objects: &Path) -> Result<Vec<(gix::ObjectId, PathBuf)>, Error> {
    let mut out = Vec::new();
    for folder in std::fs::read_dir(objects).map_err(Error::io(objects))?.flatten() {
        let name = folder.file_name();
        let Some(start) = name.to_str().filter(|name| name.len() == 2) else { continue };
        for file in std::fs::read_dir(folder.path()).map_err(Error::io(folder.path()))?.flatten() {
            let name = file.file_name();
            let id = name.to_str().and_then(|rest| gix::ObjectId::from_hex(format!("{start}{rest}").as_bytes()).ok());
            out.extend(id.map(|id| (id, file.path())));
        }
    }
    Ok(out)
}

/// All objects of the pool's own (`is_own`) that can be reached. What the repository itself holds leads to nothing of ours.
fn reached(
    repo: &gix::Repository,
    roots: Vec<gix::ObjectId>,
    is_own: impl Fn(&gix::ObjectId) -> bool,
) -> Result<HashSet<gix::ObjectId>, Error> {
    let what = "read a state";
    let mut seen = HashSet::new();
    let mut rest = roots;
    while let Some(id) = rest.pop() {
        if !is_own(&id) || !seen.insert(id) {
            continue;
        }
        let Some(object) = repo.try_find_object(id).map_err(Error::git(what))? else { continue };
        match object.kind {
            Kind::Tree => {
                let tree = object.into_tree();
                for entry in tree.iter() {
                    let entry = entry.map_err(Error::git(what))?;
                    if entry.mode().kind() != EntryKind::Commit {
                        rest.push(entry.object_id());
                    }
                }
            }
            Kind::Commit => {
                let commit = object.into_commit();
                rest.push(commit.tree_id().map_err(Error::git(what))?.detach());
                rest.extend(commit.parent_ids().map(|id| id.detach()));
            }
            Kind::Tag => rest.extend(object.peel_tags_to_end().ok().map(|object| object.id)),
            Kind::Blob => {}
        }
    }
    Ok(seen)
}
