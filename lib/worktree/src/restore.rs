//! A work tree brought back to a recorded state: only what differs is touched, deletions included. Whatever is not part of the
//! state now (ignored files, repositories within) stays, and when it is in the way nothing is changed at all. No link is followed,
//! so that nothing outside the work tree is ever written.

use std::collections::BTreeSet;
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};

use gix::bstr::{BStr, BString, ByteSlice};
use gix::objs::tree::{EntryKind, EntryMode};
use rustix::fs::{AtFlags, Mode, OFlags, mkdirat, openat, renameat, statat, symlinkat, unlinkat};
use rustix::io::Errno;

use ace_schema::limits::worktree as limits;

use crate::diff::{Differs, compare};
use crate::error::Error;
use crate::lens::{Lens, Look};
use crate::pass::{filters, open_root, open_within};
use crate::pool;
use crate::tree::native;

/// What was brought back.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Restored {
    /// The tree now, 40 hexadecimal digits.
    pub tree: String,
    /// Files that were written.
    pub written: usize,
    /// Files that were removed.
    pub removed: usize,
}

impl Lens {
    /// Makes the work tree what `state` (a tree or commit of the pool) says. Look first, and record what was seen: the state before
    /// is then kept. Killed in the middle, it can be called again.
    ///
    /// # Errors
    /// [`Error::InTheWay`] and [`Error::BadRevision`], with nothing changed; [`Error::Io`], [`Error::Git`].
    pub fn restore(&mut self, state: &str) -> Result<Restored, Error> {
        let what = "compare trees";
        let target = pool::tree(&self.repo, state)?;
        self.look()?;
        let changes = {
            let old = self.repo.find_tree(self.tree).map_err(Error::git(what))?;
            let new = self.repo.find_tree(target).map_err(Error::git(what))?;
            compare(&self.repo, &old, &new)?
        };
        // A submodule's own files are nobody's here.
        let is_file = |side: &Option<(EntryMode, gix::ObjectId)>| side.is_some_and(|(mode, _)| !mode.is_commit());
        let changes: Vec<Differs> = changes.into_iter().filter(|c| is_file(&c.old) || is_file(&c.new)).collect();
        if let Some(change) = changes.iter().find(|change| !is_lawful(change.path.as_bstr())) {
            // No look has written this: the tree was forged.
            return Err(Error::git("bring back a file")(format!("the name {:?}", change.path)));
        }
        let hand = Hand { lens: self, root: open_root(&self.ground.root)? };
        hand.check(&changes)?;
        let gone: Vec<&Differs> = changes.iter().filter(|c| is_file(&c.old) && !is_file(&c.new)).collect();
        let come: Vec<&Differs> = changes.iter().filter(|c| is_file(&c.new)).collect();
        hand.remove(&gone)?;
        hand.write(&come)?;
        let (written, removed) = (come.len(), gone.len());
        let now: Look = self.look()?;
        Ok(Restored { tree: now.tree, written, removed })
    }
}

struct Hand<'l> {
    lens: &'l Lens,
    root: OwnedFd,
}

/// Whether no part of the path is empty, leads upwards or into a git folder, in whatever case.
fn is_lawful(path: &BStr) -> bool {
    path.split_str("/")
        .all(|part| !part.is_empty() && part != b"." && part != b".." && !part.eq_ignore_ascii_case(b".git"))
}

/// The folder of a path and its last part.
fn split(path: &BStr) -> (&BStr, &BStr) {
    path.rfind_byte(b'/').map_or((b"".as_bstr(), path), |at| (path[..at].as_bstr(), path[at + 1..].as_bstr()))
}

impl Hand<'_> {
    fn io(path: &BStr) -> impl FnOnce(Errno) -> Error {
        let path = native(&path.to_owned()).unwrap_or_default();
        move |errno| Error::io(path)(errno.into())
    }

    /// The folder of that path; `None` when there is none.
    fn folder(&self, path: &BStr) -> Result<Option<OwnedFd>, Error> {
        let mut fd = self.root.try_clone().map_err(Error::io(&self.lens.ground.root))?;
        for part in path.split_str("/").filter(|part| !part.is_empty()) {
            fd = match open_within(&fd, part.as_bstr()) {
                Ok(inner) => inner,
                Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok(None),
                Err(e) => return Err(Self::io(path)(e)),
            };
        }
        Ok(Some(fd))
    }

    /// Refuses when a new file's place, or a folder above it, is taken by something that is not part of the state.
    fn check(&self, changes: &[Differs]) -> Result<(), Error> {
        let leaves: BTreeSet<&BStr> =
            changes.iter().filter(|c| c.old.is_some() && c.new.is_none()).map(|c| c.path.as_bstr()).collect();
        let mut taken: BTreeSet<BString> = BTreeSet::new();
        for change in changes.iter().filter(|c| c.new.is_some()) {
            let mut fd = self.root.try_clone().map_err(Error::io(&self.lens.ground.root))?;
            let mut at = 0;
            let path = change.path.as_bstr();
            while let Some(end) = path[at..].find_byte(b'/').map(|n| at + n) {
                match open_within(&fd, path[at..end].as_bstr()) {
                    Ok(inner) => fd = inner,
                    Err(Errno::NOENT) => break,
                    Err(Errno::NOTDIR | Errno::LOOP) if leaves.contains(path[..end].as_bstr()) => break,
                    Err(Errno::NOTDIR | Errno::LOOP) => {
                        taken.insert(path[..end].into());
                        break;
                    }
                    Err(e) => return Err(Self::io(path)(e)),
                }
                at = end + 1;
            }
            let is_last = path[at..].find_byte(b'/').is_none();
            if is_last && change.old.is_none() && self.is_taken(&fd, path, at, changes)? {
                taken.insert(path.into());
            }
        }
        if taken.is_empty() {
            return Ok(());
        }
        let paths = taken.iter().take(limits::NAMED_PATHS).map(native).collect::<Result<_, _>>()?;
        Err(Error::InTheWay { paths })
    }

    /// Whether a new file finds something in its place. A folder whose every file goes is no obstacle, one that holds more is.
    fn is_taken(&self, fd: &OwnedFd, path: &BStr, at: usize, changes: &[Differs]) -> Result<bool, Error> {
        let Ok(stat) = statat(fd, path[at..].as_bytes(), AtFlags::SYMLINK_NOFOLLOW) else { return Ok(false) };
        if rustix::fs::FileType::from_raw_mode(stat.st_mode) != rustix::fs::FileType::Directory {
            return Ok(true);
        }
        let mut below = path.to_owned();
        below.push(b'/');
        let goes: BTreeSet<&BStr> = changes
            .iter()
            .filter(|c| c.new.is_none() && c.path.starts_with(&below))
            .map(|c| c.path.as_bstr())
            .collect();
        let mut folders = vec![below];
        while let Some(folder) = folders.pop() {
            let Some(fd) = self.folder(folder.as_bstr())? else { continue };
            for entry in rustix::fs::Dir::read_from(&fd).map_err(Self::io(folder.as_bstr()))? {
                let entry = entry.map_err(Self::io(folder.as_bstr()))?;
                let name = entry.file_name().to_bytes();
                if name == b"." || name == b".." {
                    continue;
                }
                let mut full = folder.clone();
                full.extend_from_slice(name);
                if open_within(&fd, name.as_bstr()).is_ok() {
                    full.push(b'/');
                    folders.push(full);
                } else if !goes.contains(full.as_bstr()) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    fn remove(&self, gone: &[&Differs]) -> Result<(), Error> {
        // The deepest first, so that folders are empty when their turn comes.
        for change in gone.iter().rev() {
            let path = change.path.as_bstr();
            let (mut above, name) = split(path);
            let Some(fd) = self.folder(above)? else { continue };
            match unlinkat(&fd, name.as_bytes(), AtFlags::empty()) {
                Ok(()) | Err(Errno::NOENT) => {}
                Err(e) => return Err(Self::io(path)(e)),
            }
            while !above.is_empty() {
                let (outer, name) = split(above);
                let Some(fd) = self.folder(outer)? else { break };
                if unlinkat(&fd, name.as_bytes(), AtFlags::REMOVEDIR).is_err() {
                    break;
                }
                above = outer;
            }
        }
        Ok(())
    }

    fn write(&self, come: &[&Differs]) -> Result<(), Error> {
        let what = "read a file";
        let mut filters = filters(&self.lens.repo)?;
        // What decides over the others' line ends comes first.
        let is_attributes = |change: &&&Differs| change.path.ends_with(b".gitattributes");
        for change in come.iter().filter(is_attributes).chain(come.iter().filter(|c| !is_attributes(c))) {
            let Some((mode, id)) = change.new else { continue };
            let path = change.path.as_bstr();
            let blob = self.lens.repo.find_blob(id).map_err(Error::git(what))?;
            let fd = self.make_folder(split(path).0)?;
            if mode.kind() == EntryKind::Link {
                self.put_link(&fd, path, &blob.data)?;
                continue;
            }
            let mut out = filters
                .convert_to_worktree(
                    &blob.data,
                    path,
                    gix::filter::plumbing::pipeline::convert::to_worktree::Options::default(),
                )
                .map_err(Error::git(what))?;
            let mut bytes = Vec::new();
            std::io::copy(&mut out, &mut bytes).map_err(Error::git(what))?;
            self.put_file(&fd, path, &bytes, mode.kind() == EntryKind::BlobExecutable)?;
        }
        Ok(())
    }

    /// The folder of that path, made on the way.
    fn make_folder(&self, path: &BStr) -> Result<OwnedFd, Error> {
        let mut fd = self.root.try_clone().map_err(Error::io(&self.lens.ground.root))?;
        for part in path.split_str("/").filter(|part| !part.is_empty()) {
            match mkdirat(&fd, part, Mode::from_raw_mode(0o777)) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(e) => return Err(Self::io(path)(e)),
            }
            fd = open_within(&fd, part.as_bstr()).map_err(Self::io(path))?;
        }
        Ok(fd)
    }

    /// Written aside and renamed, so that a file is the old or the new one, never half of it.
    fn put_file(&self, fd: impl AsFd, path: &BStr, bytes: &[u8], runs: bool) -> Result<(), Error> {
        let aside = aside(path);
        let mode = Mode::from_raw_mode(if runs { 0o777 } else { 0o666 });
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let _ = unlinkat(&fd, aside.as_bytes(), AtFlags::empty());
        let file = openat(&fd, aside.as_bytes(), flags, mode).map_err(Self::io(path))?;
        std::fs::File::from(file).write_all(bytes).map_err(Error::io(native(&path.to_owned())?))?;
        self.settle(fd, &aside, path)
    }

    fn put_link(&self, fd: impl AsFd, path: &BStr, target: &[u8]) -> Result<(), Error> {
        let aside = aside(path);
        let _ = unlinkat(&fd, aside.as_bytes(), AtFlags::empty());
        symlinkat(target, &fd, aside.as_bytes()).map_err(Self::io(path))?;
        self.settle(fd, &aside, path)
    }

    fn settle(&self, fd: impl AsFd, aside: &str, path: &BStr) -> Result<(), Error> {
        let name = split(path).1;
        let renamed = match renameat(&fd, aside, &fd, name.as_bytes()) {
            // An empty folder stands there: to git that is nothing. What holds ignored files was refused before.
            Err(Errno::ISDIR | Errno::EXIST | Errno::NOTEMPTY) => unlinkat(&fd, name.as_bytes(), AtFlags::REMOVEDIR)
                .and_then(|()| renameat(&fd, aside, &fd, name.as_bytes())),
            done => done,
        };
        renamed.map_err(|errno| {
            let _ = unlinkat(&fd, aside, AtFlags::empty());
            Self::io(path)(errno)
        })
    }
}

/// The name under which a file is written before it takes its place: short, whatever the file's own name is.
fn aside(path: &BStr) -> String {
    let mut sum: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in path.iter() {
        sum = (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    }
    format!(".ace-{sum:016x}.new")
}
