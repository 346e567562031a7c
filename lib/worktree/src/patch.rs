//! Two versions of a file as a patch that `git apply` takes. It must never look at a disk.

use std::ops::Range;

use gix::bstr::ByteSlice;
use gix::diff::blob::{Algorithm, Hunk, InternedInput, diff_with_slider_heuristics};
use gix::objs::tree::{EntryKind, EntryMode};

/// Lines shown around a change.
const CONTEXT: u32 = 3;
/// Bytes in which git looks for a zero to call a file binary.
const BINARY_PROBE: usize = 8000;

/// One version of a file.
pub(crate) struct Side {
    pub mode: EntryMode,
    pub id: gix::ObjectId,
    /// The content; for a submodule the line git shows in its place. `None` when it is too large to compare.
    pub text: Option<Vec<u8>>,
}

/// What one patch says in numbers.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub added: u32,
    pub removed: u32,
    pub binary: bool,
    pub too_large: bool,
}

/// Appends the patch from `old` to `new`, at least one of which is there.
pub(crate) fn write(out: &mut Vec<u8>, path: &[u8], old: Option<&Side>, new: Option<&Side>) -> Counts {
    if let (Some(before), Some(after)) = (old, new)
        && before.mode.kind_of_file() != after.mode.kind_of_file()
    {
        // Git, too, shows a file that became a link as one that went and one that came.
        let gone = write(out, path, old, None);
        let came = write(out, path, None, new);
        return Counts {
            added: came.added,
            removed: gone.removed,
            binary: gone.binary || came.binary,
            too_large: gone.too_large || came.too_large,
        };
    }
    header(out, path, old, new);
    let text = |side: Option<&Side>| side.map_or(Some(Vec::new()), |side| side.text.clone());
    let (Some(before), Some(after)) = (text(old), text(new)) else {
        binary(out, path, old.is_some(), new.is_some());
        return Counts { too_large: true, ..Counts::default() };
    };
    if is_binary(&before) || is_binary(&after) {
        binary(out, path, old.is_some(), new.is_some());
        return Counts { binary: true, ..Counts::default() };
    }
    if before == after {
        return Counts::default();
    }
    let tab: &[u8] = if path.contains(&b' ') { b"\t" } else { b"" };
    for (mark, side, there) in [("--- ", "a/", old.is_some()), ("+++ ", "b/", new.is_some())] {
        out.extend(mark.as_bytes());
        out.extend(if there { [&quote(side, path), tab].concat() } else { b"/dev/null".to_vec() });
        out.push(b'\n');
    }
    hunks(out, &before, &after)
}

/// Which of file, link or submodule a mode is: a change between them is no change of lines.
trait KindOfFile {
    fn kind_of_file(&self) -> u8;
}

impl KindOfFile for EntryMode {
    fn kind_of_file(&self) -> u8 {
        match self.kind() {
            EntryKind::Blob | EntryKind::BlobExecutable => 0,
            EntryKind::Link => 1,
            EntryKind::Commit => 2,
            EntryKind::Tree => 3,
        }
    }
}

/// Whether git would call this content binary.
pub(crate) fn is_binary(text: &[u8]) -> bool {
    text.iter().take(BINARY_PROBE).any(|byte| *byte == 0)
}

/// The lines above the hunks: names, modes, ids.
fn header(out: &mut Vec<u8>, path: &[u8], old: Option<&Side>, new: Option<&Side>) {
    let mode = |side: &Side| format!("{:06o}", side.mode.value());
    let id = |side: Option<&Side>| side.map_or_else(|| "0".repeat(40), |side| side.id.to_hex().to_string());
    out.extend([b"diff --git ".as_slice(), &quote("a/", path), b" ", &quote("b/", path), b"\n"].concat());
    let mut suffix = String::new();
    match (old, new) {
        (None, Some(new)) => out.extend(format!("new file mode {}\n", mode(new)).bytes()),
        (Some(old), None) => out.extend(format!("deleted file mode {}\n", mode(old)).bytes()),
        (Some(old), Some(new)) if mode(old) != mode(new) => {
            out.extend(format!("old mode {}\nnew mode {}\n", mode(old), mode(new)).bytes());
        }
        (Some(old), Some(_)) => suffix = format!(" {}", mode(old)),
        (None, None) => {}
    }
    if old.map(|old| old.id) != new.map(|new| new.id) {
        out.extend(format!("index {}..{}{suffix}\n", id(old), id(new)).bytes());
    }
}

fn binary(out: &mut Vec<u8>, path: &[u8], old: bool, new: bool) {
    let name = |side, there| {
        if there { quote(side, path) } else { b"/dev/null".to_vec() }
    };
    out.extend([b"Binary files ".as_slice(), &name("a/", old), b" and ", &name("b/", new), b" differ\n"].concat());
}

/// A path as git writes it: in quotes with octal escapes when it holds anything odd.
fn quote(side: &str, path: &[u8]) -> Vec<u8> {
    let odd = |byte: u8| byte < 0x20 || byte == 0x7f || byte == b'"' || byte == b'\\';
    if path.to_str().is_ok() && !path.iter().any(|byte| odd(*byte)) {
        return [side.as_bytes(), path].concat();
    }
    let mut out = format!("\"{side}").into_bytes();
    for &byte in path {
        match byte {
            b'"' | b'\\' => out.extend([b'\\', byte]),
            b'\n' => out.extend(b"\\n"),
            b'\t' => out.extend(b"\\t"),
            byte if odd(byte) || byte >= 0x80 => out.extend(format!("\\{byte:03o}").bytes()),
            byte => out.push(byte),
        }
    }
    out.push(b'"');
    out
}

/// The changed lines, with context.
fn hunks(out: &mut Vec<u8>, before: &[u8], after: &[u8]) -> Counts {
    let input = InternedInput::new(before, after);
    let diff = diff_with_slider_heuristics(Algorithm::Histogram, &input);
    let old: Vec<&[u8]> = input.before.iter().map(|token| input.interner[*token]).collect();
    let new: Vec<&[u8]> = input.after.iter().map(|token| input.interner[*token]).collect();
    let all: Vec<Hunk> = diff.hunks().collect();
    let near = |left: &Hunk, right: &Hunk| right.before.start - left.before.end <= 2 * CONTEXT;
    for group in all.chunk_by(near) {
        group_of(out, group, &old, &new);
    }
    Counts { added: diff.count_additions(), removed: diff.count_removals(), ..Counts::default() }
}

/// Changes so near to each other that they share their context.
fn group_of(out: &mut Vec<u8>, group: &[Hunk], old: &[&[u8]], new: &[&[u8]]) {
    let (Some(first), Some(last)) = (group.first(), group.last()) else {
        return;
    };
    let lead = first.before.start.min(CONTEXT);
    let tail = (old.len() as u32).saturating_sub(last.before.end).min(CONTEXT);
    let before = first.before.start - lead..last.before.end + tail;
    let after = first.after.start - lead..last.after.end + tail;
    out.extend(format!("@@ -{} +{} @@\n", span(&before), span(&after)).bytes());
    let mut at = before.start;
    for hunk in group {
        lines(out, b' ', old, at..hunk.before.start);
        lines(out, b'-', old, hunk.before.clone());
        lines(out, b'+', new, hunk.after.clone());
        at = hunk.before.end;
    }
    lines(out, b' ', old, at..before.end);
}

/// `start,count` as in a hunk's head: an empty span names the line before it.
fn span(range: &Range<u32>) -> String {
    match range.end - range.start {
        0 => format!("{},0", range.start),
        1 => format!("{}", range.start + 1),
        count => format!("{},{count}", range.start + 1),
    }
}

fn lines(out: &mut Vec<u8>, mark: u8, text: &[&[u8]], range: Range<u32>) {
    for line in text.get(range.start as usize..range.end as usize).unwrap_or_default() {
        out.push(mark);
        out.extend(*line);
        if line.last() != Some(&b'\n') {
            out.extend(b"\n\\ No newline at end of file\n");
        }
    }
}
