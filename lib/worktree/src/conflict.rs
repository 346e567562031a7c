//! Why two sides do not fit together, file by file, in words. It must never change anything.

use std::collections::BTreeMap;
use std::path::PathBuf;

use gix::bstr::{BString, ByteSlice};

use ace_schema::limits::worktree as limits;

use crate::error::Error;
use crate::tree::native;

/// A file on which both sides disagree.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Clash {
    /// Relative to the root.
    pub path: PathBuf,
    /// How, in git's word: `content`, `modify/delete`, `add/add`, `rename/delete`, …; empty if git does not say.
    pub how: String,
    /// The commit of the user's branch that touched the file last since both parted: its id, seven digits, and its subject. Empty
    /// when none is found.
    pub theirs: String,
}

/// What `git merge-tree -z --name-only --messages` says behind the tree: paths, an empty one, then messages of a count, that many
/// paths, a kind and a text.
pub(crate) fn read<'a>(mut parts: impl Iterator<Item = &'a [u8]>) -> BTreeMap<BString, String> {
    let mut out: BTreeMap<BString, String> = BTreeMap::new();
    for path in parts.by_ref().take_while(|path| !path.is_empty()) {
        out.insert(path.into(), String::new());
    }
    while let Some(count) = parts.next().and_then(|count| count.to_str().ok()?.parse::<usize>().ok()) {
        let paths: Vec<&[u8]> = parts.by_ref().take(count).collect();
        let _kind = parts.next();
        // The text is finer than the kind, which calls all of one file "contents".
        let text = parts.next().unwrap_or_default().to_str_lossy();
        let how = text.strip_prefix("CONFLICT (").and_then(|text| Some(text.split_once(')')?.0));
        let Some(how) = how else { continue };
        for path in paths {
            if let Some(known) = out.get_mut(path.as_bstr()).filter(|known| known.is_empty()) {
                how.clone_into(known);
            }
        }
    }
    out
}

/// The clashes as an error, with the commits of `head` that are to do with them.
pub(crate) fn told(
    repo: &gix::Repository,
    found: BTreeMap<BString, String>,
    head: gix::ObjectId,
    fork: Option<gix::ObjectId>,
) -> Result<Error, Error> {
    let mut clashes = Vec::new();
    for (path, how) in found.into_iter().take(limits::NAMED_PATHS) {
        let theirs = last_touch(repo, head, fork, &path).unwrap_or_default();
        clashes.push(Clash { path: native(&path)?, how, theirs });
    }
    Ok(Error::Conflicts { clashes })
}

/// The last commit in `fork..head` by first parents that changed a path.
fn last_touch(
    repo: &gix::Repository,
    head: gix::ObjectId,
    fork: Option<gix::ObjectId>,
    path: &BString,
) -> Option<String> {
    let native = native(path).ok()?;
    let at = |id: gix::ObjectId| {
        let tree = repo.find_commit(id).ok()?.tree().ok()?;
        Some(tree.lookup_entry_by_path(&native).ok()?.map(|entry| (entry.object_id(), entry.mode())))
    };
    let mut now = at(head)?;
    let mut id = head;
    for _ in 0..limits::AHEAD {
        if Some(id) == fork {
            return None;
        }
        let commit = repo.find_commit(id).ok()?;
        let parent = commit.parent_ids().next().map(|parent| parent.detach());
        let before = parent.and_then(at).unwrap_or_default();
        if before != now {
            let subject = commit.message().ok()?.summary().to_str_lossy().into_owned();
            return Some(format!("{} {subject}", id.to_hex_with_len(7)));
        }
        now = before;
        id = parent?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn what_git_says_is_read_file_by_file() {
        let said = b"a\0b c\0\x001\0a\0Auto-merging\0Auto-merging a\n\x001\0a\0CONFLICT (contents)\0CONFLICT (content): a\n\x001\0b c\0CONFLICT (modify/delete)\0CONFLICT (modify/delete): b c\0";
        let found = read(said.split(|byte| *byte == 0));
        let found: Vec<(String, String)> = found.into_iter().map(|(p, how)| (p.to_string(), how)).collect();
        let expected = [("a", "content"), ("b c", "modify/delete")];
        assert_eq!(found, expected.map(|(p, how)| (p.to_owned(), how.to_owned())));
        // Whatever comes, it ends.
        assert!(read(b"x\0\x009\0".split(|byte| *byte == 0)).len() == 1);
    }
}
