//! What a change of a file amounts to: lines added and removed, and a unified diff for people.

use ace_schema::data::Changed;
use ace_schema::limits;
use similar::{ChangeTag, TextDiff};

use super::ms;
use crate::capture::cost;
use crate::names::shown_path;

/// How long the diff may look for the shortest way; then a longer one is taken.
const DIFF_MS: u64 = 500;

/// The change of the file at `path` (below the worktree) from `old` (`None`: it is new) to `new`. The diff is empty if its JSON is
/// longer than an event holds.
pub(crate) fn compare(path: &std::path::Path, old: Option<&[u8]>, new: &[u8]) -> (Changed, String) {
    let shown = shown_path(path);
    let (before, after) = (String::from_utf8_lossy(old.unwrap_or_default()), String::from_utf8_lossy(new));
    let diff = TextDiff::configure().timeout(ms(DIFF_MS)).diff_lines(before.as_ref(), after.as_ref());
    let (mut added, mut removed) = (0, 0);
    for change in diff.iter_all_changes() {
        match change.tag() {
            ChangeTag::Insert => added += 1,
            ChangeTag::Delete => removed += 1,
            ChangeTag::Equal => {}
        }
    }
    let changed = Changed { path: shown.clone(), added, removed };
    // Not even built when it cannot fit: every changed line takes three bytes at least; binary files are not for eyes.
    let binary = |bytes: &[u8]| memchr::memchr(0, bytes).is_some();
    if (added + removed) * 3 > limits::INLINE_BYTES as u64 || binary(new) || old.is_some_and(binary) {
        return (changed, String::new());
    }
    let from = if old.is_some() { format!("a/{shown}") } else { "/dev/null".to_owned() };
    let patch = diff.unified_diff().context_radius(3).header(&from, &format!("b/{shown}")).to_string();
    let fits = cost(patch.as_bytes()) <= limits::INLINE_BYTES;
    (changed, if fits { patch } else { String::new() })
}
