//! The glob tool: files by pattern, in the order of their paths.

use std::collections::BinaryHeap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ace_schema::limits;

use super::told;
use super::walk::{Pattern, Walk};
use crate::bench::Job;
use crate::call::{Completed, Failed};
use crate::capture::Capture;
use crate::fence::Fence;
use crate::names::{number, shown_path};

#[derive(Default)]
struct Found {
    /// The first in order; the last of them is on top.
    paths: BinaryHeap<PathBuf>,
    total: u64,
}

pub(crate) fn run(job: Job<'_>) -> Result<Completed, Failed> {
    let fence = Fence::open(&job.bench.place)?;
    let asked = job.args.text("pattern").unwrap_or_default();
    // A pattern with a whole path is taken relative to the folder it names.
    let (path, text) = match job.args.text("path") {
        None if Path::new(asked).is_absolute() => split(&fence, asked)?,
        path => (path.unwrap_or(".").to_owned(), asked.to_owned()),
    };
    let pattern = Pattern::new(&text, false)?;
    let walk = Walk::new(&fence, &path, job.cancel)?;
    let found: Mutex<Found> = Mutex::default();
    walk.each(&|below| {
        let relative = below.strip_prefix(&walk.start).unwrap_or(below);
        let relative = if relative.as_os_str().is_empty() { below } else { relative };
        if pattern.fits(relative) {
            let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
            found.total += 1;
            found.paths.push(below.to_owned());
            if found.paths.len() > limits::MATCHES {
                found.paths.pop();
            }
        }
    });
    job.cancel.check()?;
    let found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut capture = Capture::new(job.bench, job.id);
    for below in found.paths.into_sorted_vec() {
        capture.push(format!("{}\n", shown_path(&walk.told(&below))).as_bytes());
    }
    if found.total > limits::MATCHES as u64 {
        let more = number(found.total - limits::MATCHES as u64);
        capture.push(format!("[{more} more files match; a narrower pattern shows them]\n").as_bytes());
    }
    if found.total == 0 {
        let hint = if text.contains('/') { String::new() } else { format!("; **/{text} looks into folders too") };
        capture.push(format!("[no file matches{hint}]\n").as_bytes());
    }
    if walk.is_late() {
        capture.push(format!("[stopped after {} ms, there may be more]\n", limits::WALK_MS).as_bytes());
    }
    Ok(told(capture.finish()))
}

/// Splits an absolute pattern before its first part with a wildcard.
fn split(fence: &Fence, pattern: &str) -> Result<(String, String), Failed> {
    let plain = pattern.find(['*', '?', '[', '{']).unwrap_or(pattern.len());
    let cut = pattern[..plain].rfind('/').map_or(0, |slash| slash + 1);
    let (folder, rest) = pattern.split_at(cut);
    fence.locate(folder)?;
    Ok((folder.to_owned(), rest.to_owned()))
}
