//! One pass over a work tree beside what is known of it: every folder read, every known file asked for its times, and only what
//! is new or changed read. Folders are opened one within the other and no link is followed, so that no name leads outside.

use std::collections::BTreeMap;
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use gix::bstr::{BStr, BString, ByteSlice};
use gix::index::entry::Mode;
use gix::objs::tree::EntryKind;
use gix::worktree::stack::state::ignore::Source;
use rustix::fs::{AtFlags, Dir, FileType, OFlags, Stat, openat, readlinkat, statat};
use rustix::io::Errno;

use ace_schema::limits::worktree as limits;

use crate::error::Error;
use crate::lens::Folder;
use crate::tree::native;

/// The times, number and size of a file, cut to what git's index holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    changed: (u32, u32),
    modified: (u32, u32),
    inode: u32,
    size: u32,
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "cut as git cuts them")]
impl Stamp {
    fn of(stat: &Stat) -> Self {
        Self {
            changed: (stat.st_ctime as u32, stat.st_ctime_nsec as u32),
            modified: (stat.st_mtime as u32, stat.st_mtime_nsec as u32),
            inode: stat.st_ino as u32,
            size: stat.st_size as u32,
        }
    }

    pub(crate) fn of_index(stat: &gix::index::entry::Stat) -> Self {
        Self {
            changed: (stat.ctime.secs, stat.ctime.nsecs),
            modified: (stat.mtime.secs, stat.mtime.nsecs),
            inode: stat.ino,
            size: stat.size,
        }
    }

    /// Whether it was changed so shortly before `since` (seconds, nanoseconds) that a further change might not show.
    pub(crate) fn is_young(&self, since: (u32, u32)) -> bool {
        self.changed >= since || self.modified >= since
    }
}

/// A file of the state.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known {
    pub kind: EntryKind,
    pub id: gix::ObjectId,
    /// `None`: it must be read.
    pub stamp: Option<Stamp>,
    /// Sparse checkout has left it out of the work tree.
    pub sparse: bool,
    /// The pass that saw it last.
    pub seen: u32,
}

/// A file that is not in the tree although it would belong there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Relative to the root.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
}

/// Paths that differ from the tree before: their kind and content, or nothing when they are gone.
pub(crate) type Edits = BTreeMap<BString, Option<(EntryKind, gix::ObjectId)>>;

/// What a pass has found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub edits: Edits,
    pub left_out: Vec<LeftOut>,
}

/// Passes over the work tree at `root` once; `number` is another each time.
pub(crate) fn pass(repo: &gix::Repository, root: &Path, top: &mut Folder, number: u32) -> Result<Found, Error> {
    let young = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let young = young.saturating_sub(std::time::Duration::from_millis(limits::RACY_MS));
    let folder = open_root(root)?;
    let mut pass = Pass {
        repo,
        number,
        young: (u32::try_from(young.as_secs()).unwrap_or(u32::MAX), young.subsec_nanos()),
        path: BString::default(),
        found: Found::default(),
        room: limits::STATE_NEW_BYTES,
        entries: 0,
        nothing: gix::index::State::new(repo.object_hash()),
        ignores: None,
        filters: None,
    };
    pass.folder(folder, top, 0)?;
    Ok(pass.found)
}

/// The root, opened as the folder it is.
pub(crate) fn open_root(root: &Path) -> Result<OwnedFd, Error> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::open(root, flags, rustix::fs::Mode::empty()).map_err(|e| Error::io(root)(e.into()))
}

/// A folder within a folder.
pub(crate) fn open_within(folder: impl AsFd, name: &BStr) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat(folder, name.as_bytes(), flags, rustix::fs::Mode::empty())
}

struct Pass<'r> {
    repo: &'r gix::Repository,
    number: u32,
    /// Files changed since then are read again by the next pass.
    young: (u32, u32),
    /// Where it stands.
    path: BString,
    found: Found,
    /// Bytes that may still be stored.
    room: u64,
    entries: usize,
    nothing: gix::index::State,
    ignores: Option<gix::AttributeStack<'r>>,
    filters: Option<gix::filter::Pipeline<'r>>,
}

/// What stands under a name on disk.
enum There {
    File(Stat),
    Link(Stat),
    Folder,
    /// Nothing, or what git cannot hold.
    Nothing,
}

fn look_at(folder: impl AsFd, name: &BStr) -> Result<There, Errno> {
    let stat = match statat(folder, name.as_bytes(), AtFlags::SYMLINK_NOFOLLOW) {
        Err(Errno::NOENT | Errno::NOTDIR) => return Ok(There::Nothing),
        stat => stat?,
    };
    Ok(match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => There::File(stat),
        FileType::Symlink => There::Link(stat),
        FileType::Directory => There::Folder,
        _ => There::Nothing,
    })
}

impl Pass<'_> {
    fn io(&self, errno: Errno) -> Error {
        Error::io(native(&self.path).unwrap_or_default())(errno.into())
    }

    /// Runs `work` with the path of `name` in this folder.
    fn within<T>(&mut self, name: &BStr, work: impl FnOnce(&mut Self) -> T) -> T {
        let length = self.path.len();
        if length > 0 {
            self.path.push(b'/');
        }
        self.path.extend_from_slice(name);
        let done = work(self);
        self.path.truncate(length);
        done
    }

    fn folder(&mut self, fd: OwnedFd, known: &mut Folder, depth: usize) -> Result<(), Error> {
        if depth > limits::STATE_DEPTH {
            return Err(Error::TooMuch { what: "folders within folders", limit: limits::STATE_DEPTH as u64 });
        }
        known.seen = self.number;
        let mut met = (0, 0);
        let names = Dir::read_from(&fd).map_err(|e| self.io(e))?;
        for entry in names {
            let entry = match entry {
                Ok(entry) => entry,
                // Removed while it was read.
                Err(Errno::NOENT) => break,
                Err(e) => return Err(self.io(e)),
            };
            let name: &BStr = entry.file_name().to_bytes().as_bstr();
            if name == "." || name == ".." || name == ".git" {
                continue;
            }
            self.entries += 1;
            if self.entries > limits::STATE_FILES {
                return Err(Error::TooMuch { what: "files", limit: limits::STATE_FILES as u64 });
            }
            if known.files.contains_key(name) {
                met.0 += usize::from(self.file(&fd, known, name, depth)?);
            } else if known.folders.contains_key(name) {
                met.1 += usize::from(self.known_folder(&fd, known, name, depth)?);
            } else {
                self.stranger(&fd, known, name, entry.file_type(), depth)?;
            }
        }
        // Whoever was not met is gone.
        if met.0 < known.files.len() {
            self.drop_files(known);
        }
        if met.1 < known.folders.len() {
            self.drop_folders(known);
        }
        Ok(())
    }

    /// A file that is known; whether it is still one.
    fn file(&mut self, fd: &OwnedFd, known: &mut Folder, name: &BStr, depth: usize) -> Result<bool, Error> {
        let Some(file) = known.files.get_mut(name) else { return Ok(false) };
        if file.kind == EntryKind::Commit {
            file.seen = self.number;
            return Ok(true);
        }
        match look_at(fd, name).map_err(|e| self.io(e))? {
            There::File(stat) | There::Link(stat) => {
                file.seen = self.number;
                if file.stamp != Some(Stamp::of(&stat)) || file.kind != kind_of(&stat) {
                    self.within(name, |pass| pass.read(fd, known, name, &stat))?;
                }
                Ok(true)
            }
            There::Folder => {
                // A folder has taken its place.
                self.within(name, |pass| pass.found.edits.insert(pass.path.clone(), None));
                known.files.remove(name);
                self.stranger(fd, known, name, FileType::Directory, depth)?;
                Ok(false)
            }
            There::Nothing => Ok(false),
        }
    }

    /// A folder that is known; whether it is still one.
    fn known_folder(&mut self, fd: &OwnedFd, known: &mut Folder, name: &BStr, depth: usize) -> Result<bool, Error> {
        let Some(folder) = known.folders.get_mut(name) else { return Ok(false) };
        match open_within(fd, name) {
            Ok(inner) => {
                self.within(name, |pass| pass.folder(inner, folder, depth + 1))?;
                if folder.is_empty() {
                    known.folders.remove(name);
                    return Ok(false);
                }
                Ok(true)
            }
            // What cannot be read stays as it was.
            Err(Errno::ACCESS) => {
                folder.seen = self.number;
                Ok(true)
            }
            Err(Errno::NOTDIR | Errno::LOOP | Errno::NOENT) => {
                if let Some(mut gone) = known.folders.remove(name) {
                    self.within(name, |pass| pass.drop_all(&mut gone));
                }
                self.stranger(fd, known, name, FileType::Unknown, depth)?;
                Ok(false)
            }
            Err(e) => Err(self.io(e)),
        }
    }

    /// A name that the state does not know.
    fn stranger(
        &mut self,
        fd: &OwnedFd,
        known: &mut Folder,
        name: &BStr,
        kind: FileType,
        depth: usize,
    ) -> Result<(), Error> {
        let is_folder = match kind {
            FileType::Directory => true,
            FileType::RegularFile | FileType::Symlink => false,
            FileType::Unknown => match look_at(fd, name).map_err(|e| self.io(e))? {
                There::Folder => true,
                There::File(_) | There::Link(_) => false,
                There::Nothing => return Ok(()),
            },
            _ => return Ok(()),
        };
        if self.within(name, |pass| pass.is_ignored(is_folder))? {
            return Ok(());
        }
        if !is_folder {
            return match look_at(fd, name).map_err(|e| self.io(e))? {
                There::File(stat) | There::Link(stat) => self.within(name, |pass| pass.read(fd, known, name, &stat)),
                There::Folder | There::Nothing => Ok(()),
            };
        }
        let inner = match open_within(fd, name) {
            Ok(inner) => inner,
            // Gone again, or closed to us: it is no part of the state.
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::ACCESS) => return Ok(()),
            Err(e) => return Err(self.io(e)),
        };
        if statat(&inner, ".git", AtFlags::SYMLINK_NOFOLLOW).is_ok() {
            // A repository of its own.
            return Ok(());
        }
        let mut folder = Folder::default();
        self.within(name, |pass| pass.folder(inner, &mut folder, depth + 1))?;
        if !folder.is_empty() {
            known.folders.insert(name.to_owned(), folder);
        }
        Ok(())
    }

    fn is_ignored(&mut self, is_folder: bool) -> Result<bool, Error> {
        let what = "read what is ignored";
        let ignores = match &mut self.ignores {
            Some(ignores) => ignores,
            none => none.insert(
                self.repo
                    .excludes(&self.nothing, None, Source::WorktreeThenIdMappingIfNotSkipped)
                    .map_err(Error::git(what))?,
            ),
        };
        let mode = if is_folder { Mode::DIR } else { Mode::FILE };
        let place = ignores.at_entry(self.path.as_bstr(), Some(mode)).map_err(Error::git(what))?;
        Ok(place.is_excluded())
    }

    /// Stores a file or link that may have changed, as long as there is room.
    fn read(&mut self, fd: &OwnedFd, known: &mut Folder, name: &BStr, stat: &Stat) -> Result<(), Error> {
        let stamp = Stamp::of(stat);
        let size = u64::try_from(stat.st_size).unwrap_or(0);
        let kind = kind_of(stat);
        if kind != EntryKind::Link && (size > limits::STATE_FILE_BYTES || size > self.room) {
            if known.left_out.get(name) != Some(&stamp) {
                known.left_out.insert(name.to_owned(), stamp);
                self.found.left_out.push(LeftOut { path: native(&self.path)?, bytes: size });
            }
            return Ok(());
        }
        let id = match self.store(fd, name, kind, size)? {
            Some(id) => id,
            None => return Ok(()),
        };
        known.left_out.remove(name);
        let before = known.files.get(name).map(|file| (file.kind, file.id));
        if before != Some((kind, id)) {
            self.room = self.room.saturating_sub(size);
            self.found.edits.insert(self.path.clone(), Some((kind, id)));
        }
        let stamp = (!stamp.is_young(self.young)).then_some(stamp);
        known.files.insert(name.to_owned(), Known { kind, id, stamp, sparse: false, seen: self.number });
        Ok(())
    }

    /// Its content as an object; `None` when it has gone or cannot be read.
    fn store(&mut self, fd: &OwnedFd, name: &BStr, kind: EntryKind, size: u64) -> Result<Option<gix::ObjectId>, Error> {
        let what = "store a file";
        if kind == EntryKind::Link {
            let Ok(target) = readlinkat(fd, name.as_bytes(), Vec::new()) else { return Ok(None) };
            return Ok(Some(self.repo.write_blob(target.to_bytes()).map_err(Error::git(what))?.detach()));
        }
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match openat(fd, name.as_bytes(), flags, rustix::fs::Mode::empty()) {
            Ok(file) => std::fs::File::from(file),
            Err(Errno::NOENT | Errno::LOOP | Errno::ACCESS | Errno::NXIO) => return Ok(None),
            Err(e) => return Err(self.io(e)),
        };
        let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
        let path = native(&self.path)?;
        file.take(limits::STATE_FILE_BYTES).read_to_end(&mut bytes).map_err(Error::io(&path))?;
        let filters = match &mut self.filters {
            Some(filters) => filters,
            none => none.insert(filters(self.repo)?),
        };
        use gix::filter::plumbing::pipeline::convert::ToGitOutcome;
        let id = match filters.convert_to_git(bytes.as_slice(), &path, &self.nothing).map_err(Error::git(what))? {
            ToGitOutcome::Unchanged(bytes) => self.repo.write_blob(bytes),
            ToGitOutcome::Buffer(bytes) => self.repo.write_blob(bytes),
            ToGitOutcome::Process(mut from) => self.repo.write_blob_stream(&mut from),
        };
        Ok(Some(id.map_err(Error::git(what))?.detach()))
    }

    fn drop_files(&mut self, known: &mut Folder) {
        let number = self.number;
        let gone: Vec<BString> = known
            .files
            .iter()
            .filter(|(_, file)| file.seen != number && !file.sparse && file.kind != EntryKind::Commit)
            .map(|(name, _)| name.clone())
            .collect();
        for name in gone {
            known.files.remove(&name);
            self.within(name.as_bstr(), |pass| pass.found.edits.insert(pass.path.clone(), None));
        }
    }

    fn drop_folders(&mut self, known: &mut Folder) {
        let number = self.number;
        let gone: Vec<BString> =
            known.folders.iter().filter(|(_, f)| f.seen != number).map(|(name, _)| name.clone()).collect();
        for name in gone {
            if let Some(folder) = known.folders.get_mut(&name) {
                self.within(name.as_bstr(), |pass| pass.drop_all(folder));
                if folder.is_empty() {
                    known.folders.remove(&name);
                }
            }
        }
    }

    /// Everything in a folder that is no more.
    fn drop_all(&mut self, folder: &mut Folder) {
        folder.left_out.clear();
        self.drop_files(folder);
        self.drop_folders(folder);
    }
}

/// What turns content into a file and back: line ends, encodings, `$Id$`. No program is among it.
pub(crate) fn filters(repo: &gix::Repository) -> Result<gix::filter::Pipeline<'_>, Error> {
    let what = "read the attributes";
    let nothing = gix::index::State::new(repo.object_hash());
    let source = gix::worktree::stack::state::attributes::Source::WorktreeThenIdMapping;
    let attributes = repo.attributes_only(&nothing, source).map_err(Error::git(what))?;
    gix::filter::Pipeline::new(repo, attributes.detach()).map_err(Error::git(what))
}

fn kind_of(stat: &Stat) -> EntryKind {
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::Symlink => EntryKind::Link,
        _ if stat.st_mode & 0o100 != 0 => EntryKind::BlobExecutable,
        _ => EntryKind::Blob,
    }
}
