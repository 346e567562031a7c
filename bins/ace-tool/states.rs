//! The state of the work tree beside each record: looked at after every call that may have changed files, kept in the private git
//! folder of the repository. Outside git nothing is recorded: there is nothing that says which files are worth keeping.

use ace_core::digest;
use ace_host::Site;
use ace_pipe::Out;
use ace_schema::data::{BlobRef, Changed, LeftOut, SessionCreated, ToolCompleted, ToolFailed, WorktreeSnapshot};
use ace_schema::{draft, limits};
use ace_worktree::{Diff, Ground, Lens, Look};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use std::path::Path;
use std::time::{Duration, Instant};

/// The lens on a session's work tree, as long as it works.
pub struct States {
    lens: Lens,
    ground: Ground,
    out: Out,
    /// The tree recorded last; `None` before the first record, where nothing else says how the files stood.
    recorded: Option<String>,
    /// When it looked last.
    looked: Option<Instant>,
    /// What went wrong was said once.
    said: bool,
    /// The tree that a worktree of the session's own began with.
    base: Option<String>,
}

/// From where on changes are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// The turn that runs.
    Turn,
    /// The session.
    Session,
}

impl Since {
    /// As the arguments of a call have it.
    pub fn of(args: &str) -> Self {
        let args: serde_json::Value = serde_json::from_str(args).unwrap_or_default();
        if args.get("since").is_some_and(|since| since == "session") { Self::Session } else { Self::Turn }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Turn => "turn",
            Self::Session => "session",
        }
    }
}

/// What a look says for a record.
#[derive(Default)]
pub struct Seen {
    tree: String,
    changed: Vec<Changed>,
    changed_more: u64,
    patch: String,
    patch_blob: Option<BlobRef>,
    left_out: Vec<LeftOut>,
}

impl States {
    /// The lens for a session, whose last recorded tree is `last`; `None` outside git.
    ///
    /// # Errors
    /// Git's data cannot be read, or the worktree is gone.
    pub fn open(
        created: &SessionCreated,
        ace_home: &Path,
        last: &str,
        out: &Out,
    ) -> Result<Option<Self>, ace_worktree::Error> {
        let Some(Site { ground, pool, base }) = Site::of(created, &ace_home.join("git"))? else { return Ok(None) };
        let base = base.map(|base| pool.tree(&base)).transpose()?;
        let recorded = if last.is_empty() { base.clone() } else { Some(last.to_owned()) };
        let lens = Lens::open(&pool, &ground, recorded.as_deref())?;
        Ok(Some(Self { lens, ground, out: out.clone(), recorded, looked: None, said: false, base }))
    }

    /// Looks outside a call: what to record, if the state is another than the one recorded last.
    pub fn outside(&mut self) -> Option<WorktreeSnapshot> {
        let look = self.look()?;
        let first = self.recorded.is_none();
        if self.recorded.as_ref() == Some(&look.tree) {
            return None;
        }
        let before = self.recorded.replace(look.tree.clone());
        let diff = before.and_then(|before| self.lens.diff(&before, &look.tree).ok());
        let (changed, changed_more) = diff.as_ref().map(changed).unwrap_or_default();
        Some(WorktreeSnapshot {
            tree: look.tree,
            commit: self.ground.head().ok().flatten().unwrap_or_default(),
            why: if first { "base" } else { "outside" }.to_owned(),
            changed,
            changed_more,
            left_out: left_out(&look.left_out),
        })
    }

    /// What is said, once, where states cannot be recorded.
    pub fn lack(e: &ace_worktree::Error) -> String {
        format!("the state of files is not recorded: {e}")
    }

    /// Looks after a call. The parts of a patch too long for a line are sent ahead.
    pub fn after_call(&mut self) -> Option<Seen> {
        let look = self.look()?;
        let mut seen = Seen { left_out: left_out(&look.left_out), tree: look.tree.clone(), ..Seen::default() };
        self.recorded = Some(look.tree.clone());
        if look.is_new() {
            match self.lens.diff(&look.before, &look.tree) {
                Ok(diff) => self.describe(&diff, &mut seen),
                Err(e) => self.say(&e),
            }
        }
        Some(seen)
    }

    /// What differs now from the tree `mark`, told for the model. Nothing of it is a record: that of the next call that writes
    /// finds the same.
    pub fn since(&mut self, since: Since, mark: &str) -> Result<String, ace_worktree::Error> {
        let began = match (since, &self.base) {
            (Since::Session, Some(base)) => base,
            // Before the first record of all, a turn began as the session did.
            (Since::Turn, Some(base)) if mark.is_empty() => base,
            _ if mark.is_empty() => return Ok("[no call has written anything yet]\n".to_owned()),
            _ => mark,
        };
        let began = began.to_owned();
        let now = self.lens.look()?.tree;
        Ok(tell(&self.lens.diff(&began, &now)?, since))
    }

    /// Whether the last look is so long ago that somebody else may have changed something since.
    pub fn is_stale(&self) -> bool {
        self.looked.is_none_or(|at| at.elapsed() > Duration::from_millis(limits::worktree::LOOK_AGAIN_MS))
    }

    fn look(&mut self) -> Option<Look> {
        self.looked = Some(Instant::now());
        match self.lens.look() {
            Ok(look) => Some(look),
            Err(e) => {
                self.say(&e);
                None
            }
        }
    }

    fn say(&mut self, e: &ace_worktree::Error) {
        if !std::mem::replace(&mut self.said, true) {
            self.out.note(&Self::lack(e));
        }
    }

    /// The tree recorded last.
    pub fn tree(&self) -> Option<String> {
        self.recorded.clone()
    }

    /// What the record says of a call that was tried in a copy.
    pub fn of_trial(&self, tree: String, diff: &Diff, left: &[ace_worktree::LeftOut]) -> Seen {
        let mut seen = Seen { tree, left_out: left_out(left), ..Seen::default() };
        self.describe(diff, &mut seen);
        seen
    }

    /// Makes the files what they were in the copy, if they are still what was copied.
    ///
    /// # Errors
    /// In words; where they are others by now nothing was changed.
    pub fn adopt(&mut self, base: &str, tree: &str) -> Result<(), String> {
        let now = self.lens.look().map_err(|e| e.to_string())?.tree;
        if now != base {
            return Err("files have changed since it was tried, and nothing was adopted: try it again".to_owned());
        }
        let now = self.lens.restore(tree).map_err(|e| e.to_string())?.tree;
        (self.looked, self.recorded) = (Some(Instant::now()), Some(now.clone()));
        if now == tree { Ok(()) } else { Err(format!("files became {now} and not {tree}")) }
    }

    fn describe(&self, diff: &Diff, seen: &mut Seen) {
        (seen.changed, seen.changed_more) = changed(diff);
        // Whole files only: half of a patch applies nowhere.
        let fits = diff.files.iter().map(|f| f.patch.end).take_while(|end| *end <= limits::worktree::STATE_PATCH_BYTES);
        let patch = &diff.patch[..fits.max().unwrap_or(0)];
        match std::str::from_utf8(patch) {
            Ok(text) if json_bytes(text) <= limits::worktree::STATE_PATCH_INLINE => seen.patch = text.to_owned(),
            _ if patch.is_empty() => {}
            _ => {
                let sha = digest(patch);
                for line in draft::blob_lines(&sha, patch, |bytes| BASE64_STANDARD.encode(bytes)) {
                    // A closed output is noticed by the filter's loop.
                    let _ = self.out.write(&line);
                }
                let media = "text/x-diff".to_owned();
                seen.patch_blob = Some(BlobRef { sha, bytes: patch.len() as u64, media });
            }
        }
    }
}

/// A difference in words: the files, then the patch as far as it fits.
fn tell(diff: &Diff, since: Since) -> String {
    let since = since.name();
    if diff.files.is_empty() {
        return format!("[nothing has changed since the {since} began]\n");
    }
    let mut out = format!("[changed since the {since} began:]\n");
    let (files, more) = changed(diff);
    for file in &files {
        out += &format!("{}  +{} -{}\n", file.path, file.added, file.removed);
    }
    if more > 0 {
        out += &format!("[… and {more} more]\n");
    }
    out.push('\n');
    let fits = diff.files.iter().map(|f| f.patch.end).take_while(|end| *end <= limits::DIFF_BYTES);
    let end = fits.max().unwrap_or(0);
    out += &String::from_utf8_lossy(&diff.patch[..end]);
    if end < diff.patch.len() {
        let left = diff.files.iter().filter(|f| f.patch.end > end).count();
        out += &format!("[… the patches of {left} of {} files are left out: read them]\n", diff.files.len());
    }
    out
}

/// Bytes of a text as JSON.
fn json_bytes(text: &str) -> usize {
    serde_json::to_string(text).map_or(usize::MAX, |json| json.len())
}

/// The changed files, as far as their names fit, and how many more.
fn changed(diff: &Diff) -> (Vec<Changed>, u64) {
    let mut room = limits::worktree::STATE_NAMES_BYTES;
    let mut all = Vec::new();
    for file in &diff.files {
        let path = file.path.to_string_lossy().into_owned();
        let Some(left) = room.checked_sub(json_bytes(&path)) else { break };
        room = left;
        all.push(Changed { path, added: u64::from(file.added), removed: u64::from(file.removed) });
    }
    let more = diff.files.len() - all.len();
    (all, more as u64)
}

/// The same for files that are left out; those without room are counted by nobody, since each is named when it changes.
fn left_out(files: &[ace_worktree::LeftOut]) -> Vec<LeftOut> {
    let mut room = limits::worktree::STATE_NAMES_BYTES;
    let named = files.iter().map(|f| LeftOut { path: f.path.to_string_lossy().into_owned(), bytes: f.bytes });
    named
        .take_while(|file| match room.checked_sub(json_bytes(&file.path)) {
            Some(left) => {
                room = left;
                true
            }
            None => false,
        })
        .collect()
}

impl Seen {
    /// Puts it beside the output. What the tool itself says of its change is as true, and shorter.
    pub fn complete(self, done: &mut ToolCompleted) {
        (done.tree, done.left_out) = (self.tree, self.left_out);
        if done.changed.is_empty() {
            (done.changed, done.changed_more) = (self.changed, self.changed_more);
        }
        if done.patch.is_empty() {
            (done.patch, done.patch_blob) = (self.patch, self.patch_blob);
        }
    }

    /// The same beside a failure.
    pub fn fail(self, failed: &mut ToolFailed) {
        (failed.tree, failed.left_out) = (self.tree, self.left_out);
        (failed.changed, failed.changed_more) = (self.changed, self.changed_more);
        (failed.patch, failed.patch_blob) = (self.patch, self.patch_blob);
    }
}
