//! Pens: a number for every writer of a session, and a lock that tells whether the writer is still there. It must never read
//! the log.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use ace_schema::{Kind, limits};

use crate::store::{AppendError, Nib};

/// The file in `pens/` that holds the last number given out.
const LAST: &str = "last";

/// A pen in use. Dropped, its file is removed: the work under it has come to an end. Killed, its file stays without a lock and
/// tells others that the work under it is gone.
#[derive(Debug)]
pub struct Pen {
    nib: Nib,
    file: File,
    path: PathBuf,
    left: bool,
}

impl Pen {
    /// Its number and kind, for [`Store::append`](crate::Store::append).
    #[must_use]
    pub fn nib(&self) -> Nib {
        self.nib
    }

    /// Its number.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.nib.number
    }

    /// The open file that holds the lock. A child that inherits it (clear its close-on-exec flag) holds the lock as well, so
    /// that the pen counts as gone only when both are.
    #[must_use]
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    /// Lets go without removing the file: whoever looks next finds the pen gone and records it.
    pub fn leave(mut self) {
        self.left = true;
    }
}

impl Drop for Pen {
    fn drop(&mut self) {
        if !self.left {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn number(name: &std::ffi::OsStr) -> Option<u32> {
    let name = name.to_str()?;
    let number: u32 = name.parse().ok()?;
    (number.to_string() == name).then_some(number)
}

fn numbers(folder: &Path) -> io::Result<Vec<u32>> {
    match fs::read_dir(folder) {
        Ok(entries) => {
            let mut all: Vec<u32> = entries.flatten().filter_map(|e| number(&e.file_name())).collect();
            all.sort_unstable();
            Ok(all)
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(e) => Err(e),
    }
}

/// Opens a pen that had no holder before. `used`: the highest number any record bears. Call it with the append lock held.
pub(crate) fn open(folder: &Path, kind: Kind, used: u32) -> Result<Pen, AppendError> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let there = numbers(folder)?;
    if there.len() >= limits::PENS {
        return Err(AppendError::Pens);
    }
    let last = fs::read_to_string(folder.join(LAST)).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0);
    let highest = used.max(last).max(there.last().copied().unwrap_or(0)).max(Nib::FIRST);
    let number = highest.checked_add(1).ok_or(AppendError::Pens)?;
    write_last(folder, number)?;
    let path = folder.join(number.to_string());
    let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
    let mut pen = Pen { nib: Nib { number, kind }, file, path, left: false };
    lock(&pen.file)?;
    let name = serde_json::to_string(&kind).map_err(io::Error::from)?;
    pen.file.write_all(format!("{name}\n").as_bytes())?;
    Ok(pen)
}

fn write_last(folder: &Path, number: u32) -> io::Result<()> {
    let aside = folder.join("last.new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&aside)?;
    file.write_all(number.to_string().as_bytes())?;
    fs::rename(aside, folder.join(LAST))
}

/// Pens whose lock nobody holds. Call it with the append lock held, or a pen just being opened counts.
pub(crate) fn gone(folder: &Path) -> io::Result<Vec<u32>> {
    unheld(folder, &numbers(folder)?)
}

/// Those of these pens whose lock nobody holds; a pen without a file has no holder either. Call it with the append lock held.
pub(crate) fn unheld(folder: &Path, pens: &[u32]) -> io::Result<Vec<u32>> {
    let mut gone = Vec::new();
    for &number in pens {
        let file = match File::open(folder.join(number.to_string())) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                gone.push(number);
                continue;
            }
            Err(e) => return Err(e),
        };
        match file.try_lock() {
            Ok(()) => gone.push(number),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(e)) => return Err(e),
        }
    }
    Ok(gone)
}

/// Whether anybody holds a pen. Call it with the append lock held.
pub(crate) fn are_held(folder: &Path) -> io::Result<bool> {
    Ok(gone(folder)?.len() < numbers(folder)?.len())
}

/// Copies the numbers that were given out and the pens whose end nobody has recorded.
pub(crate) fn copy(from: &Path, to: &Path) -> io::Result<()> {
    if let Ok(last) = fs::read(from.join(LAST)) {
        fs::write(to.join(LAST), last)?;
    }
    for number in numbers(from).unwrap_or_default() {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to.join(number.to_string()))?;
        file.write_all(&fs::read(from.join(number.to_string())).unwrap_or_default())?;
    }
    Ok(())
}

pub(crate) fn remove(folder: &Path, number: u32) -> io::Result<()> {
    match fs::remove_file(folder.join(number.to_string())) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

/// Takes a lock, however often a signal comes in between.
pub(crate) fn lock(file: &File) -> io::Result<()> {
    loop {
        match file.lock() {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

/// Gives a lock back, likewise: on some file systems that may be interrupted as well.
pub(crate) fn unlock(file: &File) -> io::Result<()> {
    loop {
        match file.unlock() {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

/// The one star of a session: a kernel lock, which falls with its process.
#[derive(Debug)]
pub struct Runner {
    file: File,
}

impl Runner {
    /// Takes the lock in a session's folder; `None` if another process has it.
    ///
    /// # Errors
    /// The file cannot be made or locked.
    pub fn take(folder: &Path) -> io::Result<Option<Self>> {
        crate::foreign::refuse(folder)?;
        let path = folder.join("runner");
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(e)) => return Err(e),
        }
        // The number is for people; a full disk must not keep the session from running.
        let _ = file.set_len(0).and_then(|()| (&file).write_all(std::process::id().to_string().as_bytes()));
        Ok(Some(Self { file }))
    }

    /// The process that runs the session, if one does.
    #[must_use]
    pub fn holder(folder: &Path) -> Option<u32> {
        let path = folder.join("runner");
        let file = File::open(&path).ok()?;
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => fs::read_to_string(path).ok()?.trim().parse().ok(),
            _ => None,
        }
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        let _ = self.file.set_len(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOBODY: [u32; 0] = [];

    #[test]
    fn numbers_are_never_given_twice() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("pens");
        let a = open(&folder, Kind::Model, 0).unwrap();
        assert_eq!((a.number(), a.nib().kind), (2, Kind::Model));
        drop(a);
        assert_eq!(numbers(&folder).unwrap(), NOBODY);
        let b = open(&folder, Kind::Tool, 0).unwrap();
        assert_eq!(b.number(), 3);
        fs::remove_file(folder.join(LAST)).unwrap();
        assert_eq!(open(&folder, Kind::Tool, 0).unwrap().number(), 4, "the folder knows 3");
        fs::remove_file(folder.join(LAST)).unwrap();
        drop(b);
        assert_eq!(open(&folder, Kind::Tool, 17).unwrap().number(), 18, "the log knows 17");
        fs::write(folder.join(LAST), u32::MAX.to_string()).unwrap();
        assert!(matches!(open(&folder, Kind::Tool, 0), Err(AppendError::Pens)));
    }

    #[test]
    fn a_pen_is_gone_when_its_last_holder_is() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("pens");
        assert_eq!(gone(&folder).unwrap(), NOBODY);
        let (a, b) = (open(&folder, Kind::Model, 0).unwrap(), open(&folder, Kind::Tool, 0).unwrap());
        fs::write(folder.join("no number"), "").unwrap();
        fs::write(folder.join("007"), "").unwrap();
        assert_eq!(gone(&folder).unwrap(), NOBODY);
        let inherited = a.fd().try_clone_to_owned().unwrap();
        let number = a.number();
        a.leave();
        assert_eq!(gone(&folder).unwrap(), NOBODY, "an inherited descriptor still holds it");
        drop(inherited);
        assert_eq!(gone(&folder).unwrap(), [number]);
        assert_eq!(unheld(&folder, &[number, b.number()]).unwrap(), [number]);
        remove(&folder, number).unwrap();
        remove(&folder, number).unwrap();
        assert_eq!(unheld(&folder, &[number, b.number()]).unwrap(), [number], "without a file there is no holder");
        assert_eq!(gone(&folder).unwrap(), NOBODY);
        drop(b);
    }

    #[test]
    fn pens_have_a_limit() {
        let dir = tempfile::tempdir().unwrap();
        let pens: Vec<_> = (0..limits::PENS).map(|_| open(dir.path(), Kind::Filter, 0).unwrap()).collect();
        assert!(matches!(open(dir.path(), Kind::Filter, 0), Err(AppendError::Pens)));
        drop(pens);
        assert!(open(dir.path(), Kind::Filter, 0).is_ok());
    }

    #[test]
    fn f03_one_star_a_session() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Runner::holder(dir.path()), None);
        let first = Runner::take(dir.path()).unwrap().unwrap();
        assert!(Runner::take(dir.path()).unwrap().is_none());
        assert_eq!(Runner::holder(dir.path()), Some(std::process::id()));
        drop(first);
        assert_eq!(Runner::holder(dir.path()), None);
        assert!(Runner::take(dir.path()).unwrap().is_some());
    }
}
