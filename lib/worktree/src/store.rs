//! A store in which the tools of a session put what they stage and commit, and how that comes into the repository. Whoever writes to
//! a repository's objects could destroy all of them, and whoever writes beside its branches could move any; so tools see this folder
//! in their place, and what they leave in it is taken over one object at a time. It must never believe what it finds there: nothing
//! is read through a link, every object gets the name its content has, and only the session's own branch moves.
//!
//! | folder | stands for |
//! |---|---|
//! | `objects` | the repository's objects, which it reads as alternates at `shared` |
//! | `heads` | the folder of the session's branch, with no other branch in it |
//! | `logs` | the folder of that branch's log |
//! | `shared` | empty: where a view shows the repository's own objects |

use std::collections::HashSet;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use gix::ObjectId;
use gix::bstr::ByteSlice;
use gix::objs::Kind;
use gix::refs::Target;
use gix::refs::transaction::{Change, LogChange, PreviousValue, RefEdit, RefLog};
use gix::zlib::{Decompress, FlushDecompress, Status};
use rustix::fs::{AtFlags, CWD, Mode, OFlags};

use ace_schema::limits::worktree as limits;

use crate::error::Error;
use crate::linked::{Place, read_pointer};

/// Bytes of an object's own header at most: its kind and its length.
const HEADER: usize = 32;

/// The store of one session.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
    place: Place,
    /// `refs/heads/ace/…`.
    branch: String,
    /// Where the branch stood when store and repository were last the same.
    last: ObjectId,
    /// What was seen at the last look and could not be taken over: it is not tried, and not told, again.
    refused: Option<ObjectId>,
}

impl Store {
    /// The store of a session's worktree on `branch` (without `refs/heads/`), in `folder`; made if it is not there, and then its
    /// branch stands where the repository's does.
    ///
    /// # Errors
    /// [`Error::PointerChanged`]; [`Error::ForeignHead`] when the branch is none of ours; [`Error::Io`], [`Error::Git`].
    pub fn open(folder: &Path, place: &Place, branch: &str) -> Result<Self, Error> {
        let foreign = || Error::ForeignHead { head: branch.to_owned() };
        let own = branch.strip_prefix("ace/").filter(|name| !name.is_empty() && !name.contains('/'));
        own.ok_or_else(foreign)?;
        let repo = place.open()?;
        let branch = format!("refs/heads/{branch}");
        let last = tip(&repo, &branch)?.ok_or_else(foreign)?;
        let common = place.common_dir()?.to_owned();
        let mut folders = std::fs::DirBuilder::new();
        folders.recursive(true).mode(0o700);
        for name in ["objects/info", "objects/pack", "heads", "logs", "shared"] {
            folders.create(folder.join(name)).map_err(Error::io(folder))?;
        }
        let logs = common.join("logs/refs/heads/ace");
        std::fs::create_dir_all(&logs).map_err(Error::io(&logs))?;
        let store = Self { folder: folder.to_owned(), place: place.clone(), branch, last, refused: None };
        store.name_alternates(&common)?;
        if store.head().is_none() {
            store.put_head()?;
        }
        Ok(store)
    }

    fn name_alternates(&self, common: &Path) -> Result<(), Error> {
        let mut lines = self.folder.join("shared").into_os_string().into_encoded_bytes();
        lines.push(b'\n');
        // Relative ones mean another folder from here.
        let objects = common.join("objects");
        for line in read_pointer(&objects.join("info/alternates")).unwrap_or_default().lines() {
            if let Some(path) = gix::path::from_byte_slice(line).ok().and_then(|p| objects.join(p).canonicalize().ok())
            {
                lines.extend(path.into_os_string().into_encoded_bytes());
                lines.push(b'\n');
            }
        }
        self.replace("objects/info", "alternates", &lines)
    }

    fn name(&self) -> &str {
        self.branch.rsplit('/').next().unwrap_or_default()
    }

    /// Where the tools' branch stands; `None` if they have made something else of it.
    fn head(&self) -> Option<ObjectId> {
        let folder = open_folder(CWD, self.folder.join("heads")).ok()?;
        let mut text = String::new();
        let most = limits::POINTER_BYTES;
        open_file(&folder, Path::new(self.name())).ok()?.take(most).read_to_string(&mut text).ok()?;
        ObjectId::from_hex(text.trim_end().as_bytes()).ok()
    }

    fn put_head(&self) -> Result<(), Error> {
        self.replace("heads", self.name(), format!("{}\n", self.last.to_hex()).as_bytes())
    }

    /// Puts a file in the place of whatever stands there. The folder belongs to the tools, so nothing in it is followed.
    fn replace(&self, folder: &str, name: &str, text: &[u8]) -> Result<(), Error> {
        let path = self.folder.join(folder);
        let write = || -> std::io::Result<()> {
            let folder = open_folder(CWD, &path)?;
            let aside = format!("{name}.ace-{}", std::process::id());
            let _ = rustix::fs::unlinkat(&folder, &aside, AtFlags::empty());
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let file = rustix::fs::openat(&folder, &aside, flags, Mode::RUSR | Mode::WUSR)?;
            File::from(file).write_all(text)?;
            Ok(rustix::fs::renameat(&folder, &aside, &folder, name)?)
        };
        write().map_err(Error::io(&path))
    }

    /// Lets the tools see where a person has moved the branch since.
    ///
    /// # Errors
    /// [`Error::PointerChanged`], [`Error::Io`], [`Error::Git`].
    pub fn refresh(&mut self) -> Result<(), Error> {
        let Some(now) = tip(&self.place.open()?, &self.branch)? else { return Ok(()) };
        if now != self.last {
            self.last = now;
            self.put_head()?;
        }
        Ok(())
    }

    /// Takes over what was staged and committed since the last look. Whether there was anything.
    ///
    /// # Errors
    /// [`Error::TooMuch`]; [`Error::Git`] when a commit lacks something, or the branch was moved meanwhile: it stays where it was,
    /// and the same is not tried again. [`Error::PointerChanged`], [`Error::Io`].
    pub fn adopt(&mut self) -> Result<bool, Error> {
        let head = self.head().filter(|head| *head != self.last && self.refused != Some(*head));
        let loose = self.loose()?;
        if head.is_none() && loose.is_empty() {
            return Ok(false);
        }
        let repo = self.place.open()?;
        let mut new = HashSet::new();
        let mut room = limits::ADOPT_BYTES;
        for (folder, name, id) in &loose {
            if !repo.has_object(id) {
                let (kind, data) = read(folder, name, &mut room)?;
                let found = gix::objs::Write::write_buf(&repo.objects, kind, &data);
                if found.map_err(Error::git("keep an object"))? != *id {
                    return Err(Error::git("take over an object")(format!("{id} is not what its name says")));
                }
                new.insert(*id);
            }
            // It is found in the repository now.
            let _ = rustix::fs::unlinkat(folder, name, AtFlags::empty());
        }
        let Some(head) = head else { return Ok(true) };
        let moved = is_whole(&repo, head, &new).and_then(|()| self.advance(&repo, head));
        match moved {
            Ok(()) => self.last = head,
            Err(_) => self.refused = Some(head),
        }
        moved.map(|()| true)
    }

    /// The loose objects of the store: their folder, their name in it, their id.
    fn loose(&self) -> Result<Vec<(std::rc::Rc<OwnedFd>, String, ObjectId)>, Error> {
        let path = self.folder.join("objects");
        let list = |folder: &OwnedFd| -> std::io::Result<Vec<String>> {
            let names = rustix::fs::Dir::read_from(folder)?.filter_map(Result::ok);
            Ok(names.filter_map(|entry| entry.file_name().to_str().ok().map(str::to_owned)).collect())
        };
        let is_hex = |name: &String, len: usize| name.len() == len && name.bytes().all(|b| b.is_ascii_hexdigit());
        let objects = open_folder(CWD, &path).map_err(Error::io(&path))?;
        let rest = self.last.to_hex().to_string().len() - 2;
        let mut found = Vec::new();
        for prefix in list(&objects).map_err(Error::io(&path))?.into_iter().filter(|name| is_hex(name, 2)) {
            // What is no folder holds no objects.
            let Ok(folder) = open_folder(&objects, &prefix).map(std::rc::Rc::new) else { continue };
            for name in list(&folder).unwrap_or_default().into_iter().filter(|name| is_hex(name, rest)) {
                if found.len() >= limits::ADOPT_OBJECTS {
                    return Err(Error::TooMuch { what: "new objects of git", limit: limits::ADOPT_OBJECTS as u64 });
                }
                if let Ok(id) = ObjectId::from_hex(format!("{prefix}{name}").as_bytes()) {
                    found.push((folder.clone(), name, id));
                }
            }
        }
        Ok(found)
    }

    fn advance(&self, repo: &gix::Repository, head: ObjectId) -> Result<(), Error> {
        let what = "move the branch";
        let log = LogChange {
            mode: RefLog::AndReference,
            force_create_reflog: false,
            message: "commit: by the session's tools".into(),
        };
        let expected = PreviousValue::MustExistAndMatch(Target::Object(self.last));
        let change = Change::Update { log, expected, new: Target::Object(head) };
        let name = self.branch.as_str().try_into().map_err(Error::git(what))?;
        repo.edit_reference(RefEdit { change, name, deref: false }).map(|_| ()).map_err(Error::git(what))
    }
}

/// Where a branch stands; `None` if it is gone.
fn tip(repo: &gix::Repository, branch: &str) -> Result<Option<ObjectId>, Error> {
    let found = repo.try_find_reference(branch).map_err(Error::git("read the branch"))?;
    Ok(found.and_then(|found| found.target().try_id().map(ToOwned::to_owned)))
}

/// Whether everything that a commit is made of is there. What was there before is whole by itself.
fn is_whole(repo: &gix::Repository, head: ObjectId, new: &HashSet<ObjectId>) -> Result<(), Error> {
    let what = "take over a commit";
    let mut seen = HashSet::new();
    let mut left = vec![(head, Kind::Commit)];
    while let Some((id, kind)) = left.pop() {
        if !seen.insert(id) {
            continue;
        }
        if !new.contains(&id) {
            let known = repo.find_header(id).map_err(|_| Error::git(what)(format!("{id} is missing")))?;
            if known.kind() != kind {
                return Err(Error::git(what)(format!("{id} is of another kind")));
            }
            continue;
        }
        let object = repo.find_object(id).map_err(Error::git(what))?;
        if object.kind != kind {
            return Err(Error::git(what)(format!("{id} is of another kind")));
        }
        match kind {
            Kind::Commit => {
                let commit = object.try_into_commit().map_err(Error::git(what))?;
                left.push((commit.tree_id().map_err(Error::git(what))?.detach(), Kind::Tree));
                left.extend(commit.parent_ids().map(|id| (id.detach(), Kind::Commit)));
            }
            Kind::Tree => {
                for entry in object.into_tree().iter() {
                    let entry = entry.map_err(Error::git(what))?;
                    let mode = entry.mode();
                    let kind = if mode.is_tree() { Kind::Tree } else { Kind::Blob };
                    // The commit of another repository is not here.
                    if !mode.is_commit() {
                        left.push((entry.object_id(), kind));
                    }
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// A loose object: its kind and its content, unpacked no further than there is room.
fn read(folder: &OwnedFd, name: &str, room: &mut u64) -> Result<(Kind, Vec<u8>), Error> {
    let damaged = |why: &str| Error::git("read an object")(format!("{name}: {why}"));
    let mut file = open_file(folder, Path::new(name)).map_err(|e| damaged(&e.to_string()))?;
    let most = usize::try_from((*room).min(limits::FILE_BYTES)).unwrap_or(usize::MAX);
    let mut all = Vec::new();
    let (mut input, mut output) = (vec![0; 64 << 10], vec![0; 64 << 10]);
    let mut state = Decompress::new();
    'file: loop {
        let n = file.read(&mut input).map_err(|e| damaged(&e.to_string()))?;
        let mut rest = &input[..n];
        loop {
            let (read, written) = (state.total_in(), state.total_out());
            let status =
                state.decompress(rest, &mut output, FlushDecompress::None).map_err(|e| damaged(&e.to_string()))?;
            let taken = usize::try_from(state.total_in() - read).unwrap_or(usize::MAX);
            let made = usize::try_from(state.total_out() - written).unwrap_or(usize::MAX);
            rest = &rest[taken.min(rest.len())..];
            all.extend_from_slice(&output[..made.min(output.len())]);
            if all.len() > most + HEADER {
                return Err(Error::TooMuch { what: "bytes of new objects", limit: limits::ADOPT_BYTES });
            }
            match status {
                Status::StreamEnd => break 'file,
                _ if taken == 0 && made == 0 => break,
                _ => {}
            }
        }
        if n == 0 {
            return Err(damaged("it is cut short"));
        }
    }
    let head = &all[..all.len().min(HEADER)];
    let (kind, size, from) = gix::objs::decode::loose_header(head).map_err(|e| damaged(&e.to_string()))?;
    let data = all.split_off(from.min(all.len()));
    if data.len() as u64 != size {
        return Err(damaged("it is not as long as it says"));
    }
    *room = room.saturating_sub(size);
    Ok((kind, data))
}

fn open_folder(at: impl std::os::fd::AsFd, path: impl rustix::path::Arg) -> std::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(rustix::fs::openat(at, path, flags, Mode::empty())?)
}

/// A plain file; nothing else is opened for good.
fn open_file(folder: &OwnedFd, name: &Path) -> std::io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::openat(folder, name, flags, Mode::empty())?);
    if file.metadata()?.is_file() { Ok(file) } else { Err(std::io::ErrorKind::InvalidInput.into()) }
}
