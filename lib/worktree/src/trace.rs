//! Where a line of a file comes from: states of a work tree are walked back from the newest, and the line is followed through each
//! change until one of them has made it. It must never know whose states they are.

use gix::bstr::ByteSlice;
use gix::diff::blob::{Algorithm, InternedInput, diff_with_slider_heuristics};

use ace_schema::limits::worktree as limits;

use crate::error::Error;
use crate::pool::{Pool, tree};

/// What a walk has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trace {
    /// It was there in the first state.
    Older,
    /// The change to this state made it: its place in the list, and the line's number there, from 1.
    Made(usize, usize),
    /// It is in none of the states: somebody wrote it later, or elsewhere.
    Newer,
}

impl Pool {
    /// Follows line `line` (from 1) of `text`, the file at `path` as it is now, back through `states`, the oldest first.
    ///
    /// # Errors
    /// [`Error::BadRevision`] when a state is not there, [`Error::Git`].
    pub fn trace(&self, states: &[String], path: &[u8], text: &[u8], line: usize) -> Result<Trace, Error> {
        let repo = self.bare()?;
        let mut now = (text.to_vec(), line);
        for at in (0..states.len()).rev() {
            let old = file(&repo, &states[at], path)?.unwrap_or_default();
            match before(&old, &now.0, now.1) {
                Some(line) => now = (old, line),
                None if at + 1 == states.len() => return Ok(Trace::Newer),
                None => return Ok(Trace::Made(at + 1, now.1)),
            }
        }
        Ok(if states.is_empty() { Trace::Newer } else { Trace::Older })
    }
}

fn file(repo: &gix::Repository, state: &str, path: &[u8]) -> Result<Option<Vec<u8>>, Error> {
    let what = "read a file of a state";
    let tree = repo.find_tree(tree(repo, state)?).map_err(Error::git(what))?;
    let entry = tree.lookup_entry(path.split_str("/")).map_err(Error::git(what))?;
    let Some(entry) = entry.filter(|entry| entry.mode().is_blob()) else { return Ok(None) };
    let header = repo.find_header(entry.object_id()).map_err(Error::git(what))?;
    if header.size() > limits::DIFF_FILE_BYTES {
        return Ok(None);
    }
    Ok(Some(entry.object().map_err(Error::git(what))?.detach().data))
}

/// The number that line `line` of `new` has in `old`; `None` if the change made it.
fn before(old: &[u8], new: &[u8], line: usize) -> Option<usize> {
    let wanted = u32::try_from(line.checked_sub(1)?).ok()?;
    if old == new {
        return Some(line);
    }
    let input = InternedInput::new(old, new);
    if wanted as usize >= input.after.len() {
        return None;
    }
    let mut shift = 0i64;
    for hunk in diff_with_slider_heuristics(Algorithm::Histogram, &input).hunks() {
        if hunk.after.contains(&wanted) {
            return None;
        }
        if hunk.after.start > wanted {
            break;
        }
        shift += i64::from(hunk.before.end - hunk.before.start) - i64::from(hunk.after.end - hunk.after.start);
    }
    usize::try_from(i64::from(wanted) + shift + 1).ok()
}

#[cfg(test)]
mod tests {
    use super::before;

    #[test]
    fn a_line_is_followed_through_a_change() {
        let (old, new) = (b"a\nb\nc\nd\n", b"a\nnew\nb\nD\nd\n");
        assert_eq!(before(old, new, 1), Some(1));
        assert_eq!(before(old, new, 2), None);
        assert_eq!(before(old, new, 3), Some(2));
        assert_eq!(before(old, new, 4), None);
        assert_eq!(before(old, new, 5), Some(4));
        assert_eq!(before(old, new, 6), None);
        assert_eq!(before(old, new, 0), None);
        assert_eq!(before(b"", b"x\n", 1), None);
    }
}
