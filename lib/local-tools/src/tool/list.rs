//! The list tool: what a folder holds, one name a line.

use std::collections::BinaryHeap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;

use ace_schema::limits;
use rustix::fs::{AtFlags, Dir, FileType};

use super::told;
use crate::bench::Job;
use crate::beneath::kind;
use crate::call::{Completed, Failed};
use crate::capture::Capture;
use crate::fence::{Fence, failed};
use crate::names::{number, shown_path};

pub(crate) fn run(job: Job<'_>) -> Result<Completed, Failed> {
    let text = job.args.text("path").unwrap_or(".");
    let fence = Fence::open(&job.bench.place)?;
    let folder = fence.folder(text)?;
    let entries = Dir::read_from(&folder).map_err(|e| failed(e, text))?;
    // The first names in order, whatever order the disk has, without holding all of them.
    let mut names: BinaryHeap<OsString> = BinaryHeap::new();
    let mut total = 0_u64;
    for entry in entries {
        job.cancel.check()?;
        let name = entry.map_err(|e| failed(e, text))?.file_name().to_bytes().to_vec();
        if name == b"." || name == b".." {
            continue;
        }
        total += 1;
        names.push(OsString::from_vec(name));
        if names.len() > limits::MATCHES {
            names.pop();
        }
    }
    let mut capture = Capture::new(job.bench, job.id);
    for name in names.into_sorted_vec() {
        let shown = shown_path(Path::new(&name));
        let line = match rustix::fs::statat(&folder, &name, AtFlags::SYMLINK_NOFOLLOW) {
            // Removed meanwhile.
            Err(_) => continue,
            Ok(stat) => match kind(&stat) {
                FileType::Directory => format!("{shown}/\n"),
                FileType::RegularFile => format!("{shown}  {} B\n", number(u64::try_from(stat.st_size).unwrap_or(0))),
                FileType::Symlink => {
                    let end = rustix::fs::readlinkat(&folder, &name, Vec::new())
                        .map(|end| OsString::from_vec(end.into_bytes()));
                    format!("{shown} -> {}\n", end.map_or_else(|_| "?".to_owned(), |end| shown_path(Path::new(&end))))
                }
                FileType::Fifo => format!("{shown}  pipe\n"),
                FileType::Socket => format!("{shown}  socket\n"),
                _ => format!("{shown}  device\n"),
            },
        };
        capture.push(line.as_bytes());
    }
    if total > limits::MATCHES as u64 {
        capture.push(format!("[{} more; glob finds by pattern]\n", number(total - limits::MATCHES as u64)).as_bytes());
    } else if total == 0 {
        capture.push(b"[the folder is empty]\n");
    }
    Ok(told(capture.finish()))
}
