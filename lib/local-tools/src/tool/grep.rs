//! The grep tool: lines that match, in the order of paths and lines, however many threads have looked.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use ace_schema::data::Code;
use ace_schema::limits;
use grep_matcher::{LineTerminator, Matcher};
use grep_regex::{RegexMatcher, RegexMatcherBuilder};
use grep_searcher::{BinaryDetection, Searcher, SearcherBuilder, Sink, SinkMatch};

use super::told;
use super::walk::{Pattern, Walk};
use crate::bench::{Cancel, Job};
use crate::call::{Completed, Failed};
use crate::capture::Capture;
use crate::fence::Fence;
use crate::names::{count, number, shown_path};

pub(crate) fn run(job: Job<'_>) -> Result<Completed, Failed> {
    let fence = Fence::open(&job.bench.place)?;
    let matcher = RegexMatcherBuilder::new()
        .case_insensitive(job.args.flag("ignore_case"))
        .multi_line(true)
        .crlf(true)
        .build(job.args.text("pattern").unwrap_or_default())
        .map_err(|e| Failed::new(Code::Arguments, format!("pattern: {}", why(&e.to_string()))))?;
    let filter = job.args.text("glob").map(|text| Pattern::new(text, true)).transpose()?;
    let walk = Walk::new(&fence, job.args.text("path").unwrap_or("."), job.cancel)?;
    let found: Mutex<Found> = Mutex::default();
    let lock = || -> MutexGuard<'_, Found> { found.lock().unwrap_or_else(PoisonError::into_inner) };
    walk.each(&|below| {
        let relative = below.strip_prefix(&walk.start).unwrap_or(below);
        let relative = if relative.as_os_str().is_empty() { below } else { relative };
        if filter.as_ref().is_some_and(|filter| !filter.fits(relative)) {
            return;
        }
        let Some(file) = fence.reopen(walk.base, below) else { return };
        let mut hits = Hits { matcher: &matcher, cancel: job.cancel, lines: Vec::new(), total: 0, binary: false };
        let searched = SEARCHER.with_borrow_mut(|searcher| searcher.search_file(&matcher, &file, &mut hits));
        if hits.binary {
            lock().binary += 1;
        } else if searched.is_err() {
            lock().skipped += 1;
        }
        if !hits.binary && hits.total > 0 {
            lock().add(below, hits.lines, hits.total);
        }
    });
    job.cancel.check()?;
    let found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut capture = Capture::new(job.bench, job.id);
    let mut left = limits::MATCHES;
    for (below, lines) in &found.files {
        let path = shown_path(&walk.told(below));
        for (n, line) in lines.iter().take(left) {
            capture.push(format!("{path}:{n}:{line}\n").as_bytes());
        }
        left = left.saturating_sub(lines.len());
    }
    capture.push(found.notes(walk.is_late(), walk.is_folder).as_bytes());
    Ok(told(capture.finish()))
}

thread_local! {
    /// One for each thread of a walk: its buffers are as large as many a file.
    static SEARCHER: RefCell<Searcher> = RefCell::new(searcher());
}

fn searcher() -> Searcher {
    SearcherBuilder::new()
        .line_terminator(LineTerminator::crlf())
        .line_number(true)
        .binary_detection(BinaryDetection::quit(0))
        .heap_limit(Some(limits::GREP_LINE_BYTES))
        .build()
}

/// The last line of an error of the regular expression crate says what is wrong; those before draw it.
fn why(error: &str) -> String {
    error.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
}

/// Lines of all files, no more than are told.
#[derive(Default)]
struct Found {
    files: BTreeMap<PathBuf, Vec<(u64, String)>>,
    /// Lines in `files`.
    held: usize,
    total: u64,
    matched: u64,
    binary: u64,
    skipped: u64,
}

impl Found {
    fn add(&mut self, below: &Path, lines: Vec<(u64, String)>, total: u64) {
        self.total += total;
        self.matched += 1;
        self.held += lines.len();
        self.files.insert(below.to_owned(), lines);
        // The last files in order go, as long as those before them are enough.
        while let Some(last) = self.files.last_entry() {
            let lines = last.get().len();
            if self.held - lines < limits::MATCHES {
                break;
            }
            self.held -= lines;
            last.remove();
        }
    }

    fn notes(&self, late: bool, is_folder: bool) -> String {
        let mut notes = String::new();
        if self.total > limits::MATCHES as u64 {
            let all = count(self.total, "matching line", "matching lines");
            notes += &format!("[the first {} of {all} in {}]\n", limits::MATCHES, count(self.matched, "file", "files"));
        }
        if self.total == 0 {
            notes += "[no line matches]\n";
        }
        if self.binary > 0 && !is_folder {
            notes += "[the file is binary]\n";
        }
        if self.skipped > 0 {
            notes += &format!("[{} could not be searched to the end]\n", count(self.skipped, "file", "files"));
        }
        if late {
            notes += &format!("[stopped after {} ms, there may be more]\n", number(limits::WALK_MS));
        }
        notes
    }
}

/// Lines of one file.
struct Hits<'a> {
    matcher: &'a RegexMatcher,
    cancel: &'a Cancel,
    lines: Vec<(u64, String)>,
    total: u64,
    binary: bool,
}

impl Sink for Hits<'_> {
    type Error = io::Error;

    fn matched(&mut self, _searcher: &Searcher, found: &SinkMatch<'_>) -> Result<bool, io::Error> {
        let first = found.line_number().unwrap_or(0);
        for (n, line) in (first..).zip(found.lines()) {
            self.total += 1;
            if self.lines.len() < limits::MATCHES {
                self.lines.push((n, excerpt(self.matcher, line)));
            }
        }
        Ok(!self.cancel.is_given())
    }

    fn binary_data(&mut self, _searcher: &Searcher, _offset: u64) -> Result<bool, io::Error> {
        self.binary = true;
        Ok(false)
    }
}

/// A line as text; of a long one what surrounds the match.
fn excerpt(matcher: &RegexMatcher, line: &[u8]) -> String {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.len() <= limits::MATCH_LINE_BYTES {
        return String::from_utf8_lossy(line).into_owned();
    }
    let at = matcher.find(line).ok().flatten().map_or(0, |found| found.start());
    let from = at.saturating_sub(limits::MATCH_LINE_BYTES / 4).min(line.len() - limits::MATCH_LINE_BYTES);
    let is_inside = |i: &usize| line[*i] & 0xc0 == 0x80;
    let from = (from..line.len()).find(|i| !is_inside(i)).unwrap_or(from);
    let to = (from..=(from + limits::MATCH_LINE_BYTES).min(line.len() - 1))
        .rev()
        .find(|i| !is_inside(i))
        .unwrap_or(line.len());
    let to = if from + limits::MATCH_LINE_BYTES >= line.len() { line.len() } else { to };
    let (before, after) = (if from > 0 { "…" } else { "" }, if to < line.len() { "…" } else { "" });
    format!("{before}{}{after}", String::from_utf8_lossy(&line[from..to]))
}
