//! The write tool: a whole file, put in place at once.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use ace_schema::data::{Changed, Code};
use ace_schema::limits;
use rustix::fs::{Access, AtFlags, Mode, OFlags};
use rustix::io::Errno;

use super::compare::compare;
use crate::bench::Job;
use crate::call::{Completed, Failed, Kept};
use crate::fence::{Fence, Target, failed};
use crate::names::{count, number, shown};

/// Tells temporary names of one process apart.
static NAMES: AtomicU32 = AtomicU32::new(0);

pub(crate) fn run(job: Job<'_>) -> Result<Completed, Failed> {
    let text = job.args.text("path").unwrap_or_default();
    let content = job.args.text("content").unwrap_or_default().as_bytes();
    if content.len() as u64 > limits::EDIT_BYTES {
        return Err(Failed::new(Code::Limit, format!("content is longer than {} bytes", number(limits::EDIT_BYTES))));
    }
    let fence = Fence::open(&job.bench.place)?;
    let target = fence.target(text, true)?;
    let old = match &target.stat {
        None => Old::None,
        Some(stat) if u64::try_from(stat.st_size).unwrap_or(0) > limits::EDIT_BYTES => Old::Long,
        Some(_) => Old::Known(read(&target, text)?),
    };
    if matches!(&old, Old::Known(bytes) if bytes == content) {
        return Ok(Completed {
            output: Kept::whole("no change: the file holds this already\n".to_owned()),
            ..Completed::default()
        });
    }
    replace(&target, content, text)?;
    let lines = count(line_count(content), "line", "lines");
    let told = format!("wrote {lines}, {} bytes\n", number(content.len() as u64));
    let (changed, patch) = match &old {
        // Too long to compare: only what is there now is counted.
        Old::Long => (
            Changed { path: crate::names::shown_path(&target.below), added: line_count(content), removed: 0 },
            String::new(),
        ),
        Old::None => compare(&target.below, None, content),
        Old::Known(bytes) => compare(&target.below, Some(bytes), content),
    };
    Ok(Completed { output: Kept::whole(told), changed: vec![changed], patch, ..Completed::default() })
}

enum Old {
    None,
    Long,
    Known(Vec<u8>),
}

fn line_count(bytes: &[u8]) -> u64 {
    let ends = memchr::memchr_iter(b'\n', bytes).count() as u64;
    ends + u64::from(bytes.last().is_some_and(|last| *last != b'\n'))
}

/// What the target holds now; at most [`limits::EDIT_BYTES`] and one more.
pub(crate) fn read(target: &Target, text: &str) -> Result<Vec<u8>, Failed> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let fd = rustix::fs::openat(&target.folder, &target.name, flags, Mode::empty()).map_err(|e| failed(e, text))?;
    if !same(target, &rustix::fs::fstat(&fd).map_err(|e| failed(e, text))?) {
        return Err(moved(text));
    }
    let mut bytes = Vec::new();
    let read = File::from(fd).take(limits::EDIT_BYTES + 1).read_to_end(&mut bytes);
    read.map_err(|e| Failed::new(Code::Io, format!("cannot read {}: {}", shown(text), e.to_string().to_lowercase())))?;
    Ok(bytes)
}

/// Whether what stands there is still what was looked at.
fn same(target: &Target, now: &rustix::fs::Stat) -> bool {
    target.stat.as_ref().is_some_and(|then| {
        let key = |stat: &rustix::fs::Stat| (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime, stat.st_mtime_nsec);
        key(then) == key(now)
    })
}

fn moved(text: &str) -> Failed {
    Failed::new(Code::Io, format!("something else changed it meanwhile: {}", shown(text)))
}

/// Fails if what stands at the target is not what was looked at.
pub(crate) fn same_now(target: &Target, text: &str) -> Result<(), Failed> {
    let now = rustix::fs::statat(&target.folder, &target.name, AtFlags::SYMLINK_NOFOLLOW);
    let unmoved = match (&target.stat, now) {
        (Some(_), Ok(now)) => same(target, &now),
        (None, Err(Errno::NOENT)) => true,
        _ => false,
    };
    if unmoved { Ok(()) } else { Err(moved(text)) }
}

/// Puts `content` in the place of the target: written beside it and renamed, so that a reader sees the old or the new whole,
/// and another name of the old file keeps the old content.
pub(crate) fn replace(target: &Target, content: &[u8], text: &str) -> Result<(), Failed> {
    let mode = target.stat.as_ref().map(|stat| Mode::from_raw_mode(stat.st_mode) & Mode::from_raw_mode(0o777));
    if mode.is_some() {
        // Renaming asks only the folder; a file that is closed to writing stays so.
        rustix::fs::accessat(&target.folder, &target.name, Access::WRITE_OK, AtFlags::EACCESS)
            .map_err(|e| failed(e, text))?;
    }
    let (name, file) = beside(target, text)?;
    let written = fill(file, content, mode, text).and_then(|()| {
        same_now(target, text)?;
        rustix::fs::renameat(&target.folder, &name, &target.folder, &target.name).map_err(|e| failed(e, text))
    });
    if written.is_err() {
        // Nothing half done is left behind.
        let _ = rustix::fs::unlinkat(&target.folder, &name, AtFlags::empty());
    }
    written
}

/// A new file in the target's folder.
fn beside(target: &Target, text: &str) -> Result<(String, File), Failed> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    for _ in 0..1000 {
        let name = format!(".ace-{}-{}.tmp", std::process::id(), NAMES.fetch_add(1, Ordering::Relaxed));
        match rustix::fs::openat(&target.folder, &name, flags, Mode::from_raw_mode(0o666)) {
            Ok(fd) => return Ok((name, File::from(fd))),
            Err(Errno::EXIST) => {}
            Err(e) => return Err(failed(e, text)),
        }
    }
    Err(failed(Errno::EXIST, text))
}

fn fill(mut file: File, content: &[u8], mode: Option<Mode>, text: &str) -> Result<(), Failed> {
    file.write_all(content).map_err(|e| match Errno::from_io_error(&e) {
        Some(errno) => failed(errno, text),
        None => Failed::new(Code::Io, format!("cannot write {}", shown(text))),
    })?;
    match mode {
        Some(mode) => rustix::fs::fchmod(&file, mode).map_err(|e| failed(e, text)),
        None => Ok(()),
    }
}

/// A change of one file, as write and edit tell it.
pub(crate) fn changed(told: String, path: &Path, old: &[u8], new: &[u8]) -> Completed {
    let (changed, patch) = compare(path, Some(old), new);
    let told = format!("{told}, +{} -{}\n", changed.added, changed.removed);
    Completed { output: Kept::whole(told), changed: vec![changed], patch, ..Completed::default() }
}
