//! The files below a folder that no ignore file leaves out, for glob and grep. Hidden files are walked, `.git` is not, links
//! are not followed.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use ace_schema::data::Code;
use ace_schema::limits;
use globset::{GlobBuilder, GlobMatcher};
use ignore::{WalkBuilder, WalkState};

use super::ms;
use crate::bench::Cancel;
use crate::call::Failed;
use crate::fence::{Base, Fence};
use crate::names::shown;

/// Files below one place.
pub(crate) struct Walk<'a> {
    pub base: &'a Base,
    /// Where it begins, below the base.
    pub start: PathBuf,
    pub is_folder: bool,
    /// Names are told relative to the worktree, others with their whole path.
    pub short: bool,
    cancel: &'a Cancel,
    deadline: Instant,
    late: AtomicBool,
}

impl<'a> Walk<'a> {
    pub fn new(fence: &'a Fence, text: &str, cancel: &'a Cancel) -> Result<Self, Failed> {
        let (base, start, is_folder) = fence.find(text)?;
        let short = fence.shows_short(base);
        let deadline = Instant::now() + ms(limits::WALK_MS);
        Ok(Self { base, start, is_folder, short, cancel, deadline, late: AtomicBool::new(false) })
    }

    /// Calls `visit` for every file with its path below the base, on several threads at once.
    pub fn each(&self, visit: &(dyn Fn(&Path) + Sync)) {
        if !self.is_folder {
            visit(&self.start);
            return;
        }
        // From the top of the base, so that its ignore files count, but only into what is asked for.
        let reached = AtomicBool::new(self.start.as_os_str().is_empty());
        self.walk(&self.base.path, &reached, visit);
        // An ignored folder that is named is meant.
        if !reached.load(Ordering::SeqCst) {
            self.walk(&self.base.path.join(&self.start), &reached, visit);
        }
    }

    fn walk(&self, from: &Path, reached: &AtomicBool, visit: &(dyn Fn(&Path) + Sync)) {
        let start = Arc::new(self.base.path.join(&self.start));
        let wanted = Arc::clone(&start);
        let walk = WalkBuilder::new(from)
            .hidden(false)
            .parents(false)
            .git_global(false)
            .require_git(false)
            .follow_links(false)
            .threads(std::thread::available_parallelism().map_or(2, |n| n.get().min(4)))
            .filter_entry(move |entry| {
                let path = entry.path();
                entry.file_name() != OsStr::new(".git") && (path.starts_with(&*wanted) || wanted.starts_with(path))
            })
            .build_parallel();
        walk.run(|| {
            Box::new(|entry| {
                if self.stops() {
                    return WalkState::Quit;
                }
                // What cannot be read is passed over, as ignored files are.
                let Ok(entry) = entry else { return WalkState::Continue };
                if entry.path() == start.as_path() {
                    reached.store(true, Ordering::SeqCst);
                }
                let is_folder = entry.file_type().is_none_or(|kind| kind.is_dir());
                if !is_folder
                    && entry.path().starts_with(&*start)
                    && let Ok(below) = entry.path().strip_prefix(&self.base.path)
                {
                    visit(below);
                }
                WalkState::Continue
            })
        });
    }

    fn stops(&self) -> bool {
        if Instant::now() >= self.deadline {
            self.late.store(true, Ordering::SeqCst);
            return true;
        }
        self.cancel.is_given()
    }

    /// Whether the time was over before the end.
    pub fn is_late(&self) -> bool {
        self.late.load(Ordering::SeqCst)
    }

    /// A path as it is told: what `read` takes.
    pub fn told(&self, below: &Path) -> PathBuf {
        if self.short { below.to_owned() } else { self.base.path.join(below) }
    }
}

/// A file pattern. Relative to where the walk begins; with `loose` one without a slash means names at any depth.
pub(crate) struct Pattern {
    matcher: GlobMatcher,
    by_name: bool,
}

impl Pattern {
    pub fn new(text: &str, loose: bool) -> Result<Self, Failed> {
        let plain = text.strip_prefix("./").unwrap_or(text);
        if Path::new(plain).components().any(|part| part == std::path::Component::ParentDir) {
            return Err(Failed::new(Code::PathOutside, format!("a pattern looks below its path: {}", shown(text))));
        }
        let glob = GlobBuilder::new(plain).literal_separator(true).backslash_escape(true).build().map_err(|e| {
            let kind = e.kind().to_string();
            Failed::new(Code::Arguments, format!("pattern {}: {kind}", shown(text)))
        })?;
        Ok(Self { matcher: glob.compile_matcher(), by_name: loose && !plain.contains('/') })
    }

    /// Whether a path below the start of the walk fits.
    pub fn fits(&self, path: &Path) -> bool {
        if self.by_name {
            path.file_name().is_some_and(|name| self.matcher.is_match(name))
        } else {
            self.matcher.is_match(path)
        }
    }
}
