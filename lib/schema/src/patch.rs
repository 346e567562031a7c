//! The text that the patch tool takes: what it does to which files. Two forms are understood, the envelope `*** Begin Patch` (V4A)
//! and unified diffs as git and diff print them. It reads text alone and knows no disk; whoever judges a patch and whoever applies
//! it read it here, so that both see the same files.

use std::fmt;

use crate::limits;

/// What happens to one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilePatch {
    /// The file, as written in the patch; for a unified diff without its `a/` or `b/`.
    pub path: String,
    /// What happens to it.
    pub change: Change,
}

/// A kind of change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A new file with this text.
    Add(String),
    /// It goes away.
    Delete,
    /// Parts of it are replaced, and it may move.
    Update {
        /// Its new path, if it moves.
        to: Option<String>,
        /// Parts, in the order of the file.
        hunks: Vec<Hunk>,
    },
}

/// One part of a file that is replaced.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hunk {
    /// Lines to be found one after the other in front of the part (`@@ fn name`).
    pub anchors: Vec<String>,
    /// The first line as the patch counts it, from 1. Models count badly: it only chooses among places that fit.
    pub line: Option<usize>,
    /// The part reaches the end of the file.
    pub at_end: bool,
    /// Lines in order, without their line ends.
    pub lines: Vec<(Sign, String)>,
}

/// What a line of a hunk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// Stands in the file before and after.
    Keep,
    /// Only before.
    Remove,
    /// Only after.
    Add,
}

impl Hunk {
    /// The lines that stand in the file before.
    pub fn before(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().filter(|(sign, _)| *sign != Sign::Add).map(|(_, line)| line.as_str())
    }

    fn is_idle(&self) -> bool {
        self.lines.iter().all(|(sign, _)| *sign == Sign::Keep)
    }
}

/// Why a text is no patch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoPatch {
    /// The line, from 1; 0 for the whole text.
    pub line: usize,
    /// What is wrong, in words.
    pub why: String,
}

impl fmt::Display for NoPatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => f.write_str(&self.why),
            line => write!(f, "line {line}: {}", self.why),
        }
    }
}

fn wrong(line: usize, why: impl Into<String>) -> NoPatch {
    NoPatch { line, why: why.into() }
}

const BEGIN: &str = "*** Begin Patch";
const END: &str = "*** End Patch";

/// Reads a patch. The files are told in its order; one named twice is refused, because the second part would be read against what
/// the first has made.
///
/// # Errors
/// The text has neither form, names no file, or breaks off.
pub fn parse(text: &str) -> Result<Vec<FilePatch>, NoPatch> {
    let lines: Vec<&str> = text.lines().collect();
    let files = match lines.iter().position(|line| line.trim_end() == BEGIN) {
        Some(begin) => envelope(&lines, begin + 1)?,
        None => unified(&lines)?,
    };
    if files.is_empty() {
        return Err(wrong(0, "no file is named: begin with '*** Begin Patch' or with '--- a/…' and '+++ b/…'"));
    }
    if files.len() > limits::PATCH_FILES {
        return Err(wrong(0, format!("more than {} files", limits::PATCH_FILES)));
    }
    let mut named: Vec<&str> = files.iter().flat_map(paths).collect();
    named.sort_unstable();
    if let Some(twice) = named.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(wrong(0, format!("{} is named twice; put its changes into one part", twice[0])));
    }
    Ok(files)
}

/// Every path that a part of a patch writes to or takes away.
pub fn paths(file: &FilePatch) -> impl Iterator<Item = &str> {
    let to = match &file.change {
        Change::Update { to, .. } => to.as_deref(),
        Change::Add(_) | Change::Delete => None,
    };
    std::iter::once(file.path.as_str()).chain(to)
}

fn named(line: usize, path: &str) -> Result<String, NoPatch> {
    let path = path.trim();
    if path.is_empty() { Err(wrong(line, "a file without a name")) } else { Ok(path.to_owned()) }
}

/// The V4A form, from the line behind its first.
fn envelope(lines: &[&str], from: usize) -> Result<Vec<FilePatch>, NoPatch> {
    let mut files: Vec<FilePatch> = Vec::new();
    for (at, line) in lines.iter().enumerate().skip(from) {
        let (n, line) = (at + 1, *line);
        if line.trim_end() == END {
            return finished(files, n);
        }
        if let Some(path) = line.strip_prefix("*** Add File:") {
            files.push(FilePatch { path: named(n, path)?, change: Change::Add(String::new()) });
        } else if let Some(path) = line.strip_prefix("*** Delete File:") {
            files.push(FilePatch { path: named(n, path)?, change: Change::Delete });
        } else if let Some(path) = line.strip_prefix("*** Update File:") {
            files.push(FilePatch { path: named(n, path)?, change: Change::Update { to: None, hunks: Vec::new() } });
        } else if let Some(file) = files.last_mut() {
            file_line(file, n, line)?;
        } else if !line.trim().is_empty() {
            return Err(wrong(n, "expected '*** Add File:', '*** Update File:' or '*** Delete File:'"));
        }
    }
    Err(wrong(lines.len(), "the patch breaks off: '*** End Patch' is missing"))
}

/// One line below the head of a file in the V4A form.
fn file_line(file: &mut FilePatch, n: usize, line: &str) -> Result<(), NoPatch> {
    match &mut file.change {
        Change::Add(text) => {
            let Some(rest) = line.strip_prefix('+') else {
                return if line.is_empty() { Ok(()) } else { Err(wrong(n, "a line of a new file begins with '+'")) };
            };
            text.push_str(rest);
            text.push('\n');
            Ok(())
        }
        Change::Delete if line.trim().is_empty() => Ok(()),
        Change::Delete => Err(wrong(n, "a deleted file has no lines")),
        Change::Update { to, hunks } => update_line(to, hunks, n, line),
    }
}

fn update_line(to: &mut Option<String>, hunks: &mut Vec<Hunk>, n: usize, line: &str) -> Result<(), NoPatch> {
    if let Some(path) = line.strip_prefix("*** Move to:") {
        if !hunks.is_empty() || to.is_some() {
            return Err(wrong(n, "'*** Move to:' stands right below '*** Update File:', once"));
        }
        *to = Some(named(n, path)?);
    } else if line.trim_end() == "*** End of File" {
        match hunks.last_mut() {
            Some(hunk) => hunk.at_end = true,
            None => return Err(wrong(n, "'*** End of File' ends a part, and there is none")),
        }
    } else if let Some(anchor) = line.strip_prefix("@@") {
        let anchor = anchor.trim().to_owned();
        // Several in a row name places within places.
        match hunks.last_mut() {
            Some(hunk) if hunk.lines.is_empty() && !anchor.is_empty() => hunk.anchors.push(anchor),
            _ => hunks.push(Hunk {
                anchors: Some(anchor).into_iter().filter(|a| !a.is_empty()).collect(),
                ..Hunk::default()
            }),
        }
    } else {
        if hunks.last().is_none_or(|hunk| hunk.at_end) {
            hunks.push(Hunk::default());
        }
        let signed = signed(n, line)?;
        if let Some(hunk) = hunks.last_mut() {
            hunk.lines.push(signed);
        }
    }
    Ok(())
}

fn signed(n: usize, line: &str) -> Result<(Sign, String), NoPatch> {
    match line.as_bytes().first() {
        // Some models leave out the space in front of an empty line.
        None => Ok((Sign::Keep, String::new())),
        Some(b' ') => Ok((Sign::Keep, line[1..].to_owned())),
        Some(b'+') => Ok((Sign::Add, line[1..].to_owned())),
        Some(b'-') => Ok((Sign::Remove, line[1..].to_owned())),
        Some(_) => Err(wrong(n, "a line begins with ' ', '+' or '-'")),
    }
}

fn finished(mut files: Vec<FilePatch>, n: usize) -> Result<Vec<FilePatch>, NoPatch> {
    for file in &mut files {
        if let Change::Update { to, hunks } = &mut file.change {
            hunks.retain(|hunk| !hunk.is_idle());
            if hunks.is_empty() && to.is_none() {
                return Err(wrong(n, format!("nothing changes in {}", file.path)));
            }
        }
    }
    Ok(files)
}

/// A file of a unified diff while its head is read.
#[derive(Default)]
struct Head {
    old: Option<String>,
    new: Option<String>,
    moved: Option<(String, String)>,
    is_new: bool,
    is_gone: bool,
}

fn unified(lines: &[&str]) -> Result<Vec<FilePatch>, NoPatch> {
    let mut files: Vec<FilePatch> = Vec::new();
    let (mut head, mut hunks) = (Head::default(), Vec::new());
    let mut at = 0;
    while at < lines.len() {
        let (n, line) = (at + 1, lines[at]);
        at += 1;
        let next_is_new = lines.get(at).is_some_and(|next| next.starts_with("+++ "));
        if let Some(rest) = line.strip_prefix("diff --git ") {
            close(&mut files, &mut head, &mut hunks, n)?;
            head = Head::default();
            // An empty file that comes or goes is named here alone.
            if let Some((a, b)) = rest.split_once(" b/") {
                head.moved = Some((plain(a), b.trim_end().to_owned()));
            }
        } else if line.starts_with("Binary files ") || line.starts_with("GIT binary patch") {
            return Err(wrong(n, "a binary file cannot be patched as text"));
        } else if line.starts_with("new file mode") {
            head.is_new = true;
        } else if line.starts_with("deleted file mode") {
            head.is_gone = true;
        } else if let Some(path) = line.strip_prefix("rename from ") {
            head.old = Some(path.trim_end().to_owned());
        } else if let Some(path) = line.strip_prefix("rename to ") {
            head.new = Some(path.trim_end().to_owned());
        } else if let (Some(old), true) = (line.strip_prefix("--- "), next_is_new) {
            // The names below a `diff --git` are those of its file; below a complete one they begin the next.
            let of_this = head.moved.is_some() && head.old.as_ref().is_none_or(|known| *known == plain(old));
            if !hunks.is_empty() || !of_this {
                close(&mut files, &mut head, &mut hunks, n)?;
                head = Head::default();
            }
            let new = lines[at].strip_prefix("+++ ").unwrap_or_default();
            at += 1;
            (head.is_new, head.is_gone) = (head.is_new || is_null(old), head.is_gone || is_null(new));
            (head.old, head.new) = (Some(plain(old)), Some(plain(new)));
        } else if let Some(range) = line.strip_prefix("@@ ") {
            let (hunk, behind) = unified_hunk(lines, at, n, range)?;
            hunks.push(hunk);
            at = behind;
        }
        // What else stands between files (index lines, a mail's text) means nothing.
    }
    close(&mut files, &mut head, &mut hunks, lines.len())?;
    Ok(files)
}

fn is_null(path: &str) -> bool {
    path.split('\t').next().unwrap_or_default().trim() == "/dev/null"
}

/// A path as a unified diff writes it: without `a/` or `b/` and without the time behind a tab.
fn plain(path: &str) -> String {
    let path = path.split('\t').next().unwrap_or_default().trim_end();
    path.strip_prefix("a/").or_else(|| path.strip_prefix("b/")).unwrap_or(path).to_owned()
}

/// The lines of a hunk whose head said how many there are; the numbers are believed only as far as the lines agree, since models
/// miscount: it ends where a line is none of a hunk.
fn unified_hunk(lines: &[&str], from: usize, n: usize, range: &str) -> Result<(Hunk, usize), NoPatch> {
    let old = range.split(' ').find_map(|part| part.strip_prefix('-'));
    let line = old.and_then(|old| old.split(',').next()?.parse::<usize>().ok());
    let mut hunk = Hunk { line, ..Hunk::default() };
    let mut at = from;
    while let Some(line) = lines.get(at) {
        let starts_file = line.starts_with("--- ") && lines.get(at + 1).is_some_and(|next| next.starts_with("+++ "));
        if starts_file || line.starts_with("@@ ") || line.starts_with("diff --git ") {
            break;
        }
        match line.as_bytes().first() {
            Some(b'\\') => {}
            // The last line of a text may be the end of a here-document.
            None if at + 1 == lines.len() => {}
            None | Some(b' ' | b'+' | b'-') => hunk.lines.push(signed(at + 1, line)?),
            Some(_) => break,
        }
        at += 1;
    }
    if hunk.is_idle() {
        return Err(wrong(n, "a part that changes nothing"));
    }
    Ok((hunk, at))
}

fn close(files: &mut Vec<FilePatch>, head: &mut Head, hunks: &mut Vec<Hunk>, n: usize) -> Result<(), NoPatch> {
    let head = std::mem::take(head);
    let hunks = std::mem::take(hunks);
    let Some((old, new)) = head.old.zip(head.new).or(head.moved) else {
        return if hunks.is_empty() {
            Ok(())
        } else {
            Err(wrong(n, "a part without a file: '--- a/…' and '+++ b/…' are missing"))
        };
    };
    let change = if head.is_new {
        let added = hunks.iter().flat_map(|hunk| &hunk.lines).filter(|(sign, _)| *sign == Sign::Add);
        Change::Add(added.map(|(_, line)| format!("{line}\n")).collect())
    } else if head.is_gone {
        Change::Delete
    } else {
        let to = (old != new).then(|| new.clone());
        if hunks.is_empty() && to.is_none() {
            return Err(wrong(n, format!("nothing changes in {old}")));
        }
        Change::Update { to, hunks }
    };
    let path = named(n, if head.is_new { &new } else { &old })?;
    files.push(FilePatch { path, change });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn update(file: &FilePatch) -> (&Option<String>, &[Hunk]) {
        match &file.change {
            Change::Update { to, hunks } => (to, hunks),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_envelope_is_read() {
        let text = "*** Begin Patch\n*** Add File: a/new.txt\n+one\n+\n*** Update File: b.rs\n*** Move to: c.rs\n@@ impl X\n@@ fn y\n keep\n-old\n+new\n@@\n-last\n*** End of File\n*** Delete File: d\n*** End Patch\n";
        let files = parse(text).unwrap();
        assert_eq!(files[0], FilePatch { path: "a/new.txt".into(), change: Change::Add("one\n\n".into()) });
        let (to, hunks) = update(&files[1]);
        assert_eq!(to.as_deref(), Some("c.rs"));
        assert_eq!(hunks[0].anchors, ["impl X", "fn y"]);
        assert_eq!(hunks[0].before().collect::<Vec<_>>(), ["keep", "old"]);
        assert!(hunks[1].at_end && !hunks[0].at_end);
        assert_eq!(files[2].change, Change::Delete);
        assert_eq!(files.iter().flat_map(paths).collect::<Vec<_>>(), ["a/new.txt", "b.rs", "c.rs", "d"]);
    }

    #[test]
    fn a_unified_diff_is_read() {
        let text = "diff --git a/x b/x\nindex 1..2 100644\n--- a/x\n+++ b/x\n@@ -3,2 +3,2 @@ fn f\n keep\n-old\n+new\n@@ -9 +9 @@\n-a\n+b\n\\ No newline at end of file\ndiff --git a/e b/e\nnew file mode 100644\ndiff --git a/p b/q\nsimilarity index 100%\nrename from p\nrename to q\n--- a/gone\t2026-11-20\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n--- /dev/null\n+++ b/n\n@@ -0,0 +1,2 @@\n+1\n+2\n";
        let files = parse(text).unwrap();
        let told: Vec<&str> = files.iter().flat_map(paths).collect();
        assert_eq!(told, ["x", "e", "p", "q", "gone", "n"]);
        let (_, hunks) = update(&files[0]);
        assert_eq!((hunks.len(), hunks[0].line, hunks[1].line), (2, Some(3), Some(9)));
        assert_eq!(files[1].change, Change::Add(String::new()));
        assert_eq!(files[3].change, Change::Delete);
        assert_eq!(files[4].change, Change::Add("1\n2\n".into()));
    }

    #[test]
    fn a_removed_line_of_dashes_is_not_a_file() {
        let files = parse("--- a/x\n+++ b/x\n@@ -1,2 +1,1 @@\n--- old rule\n keep\n").unwrap();
        let (_, hunks) = update(&files[0]);
        assert_eq!(hunks[0].before().collect::<Vec<_>>(), ["-- old rule", "keep"]);
    }

    #[test]
    fn what_is_no_patch_is_told_with_its_line() {
        for (text, why) in [
            ("", "no file is named"),
            ("hello\nworld\n", "no file is named"),
            ("*** Begin Patch\n*** Update File: a\n-x\n+y\n", "breaks off"),
            ("*** Begin Patch\nnonsense\n*** End Patch\n", "line 2: expected"),
            ("*** Begin Patch\n*** Add File: a\nx\n*** End Patch\n", "line 3: a line of a new file"),
            ("*** Begin Patch\n*** Add File:  \n+x\n*** End Patch\n", "without a name"),
            ("*** Begin Patch\n*** Update File: a\n x\n*** End Patch\n", "nothing changes in a"),
            ("*** Begin Patch\n*** Delete File: a\n*** Delete File: a\n*** End Patch\n", "named twice"),
            ("@@ -1 +1 @@\n-a\n+b\n", "without a file"),
            ("diff --git a/x b/x\nBinary files a/x and b/x differ\n", "binary"),
        ] {
            let told = parse(text).unwrap_err().to_string();
            assert!(told.contains(why), "{text:?}: {told}");
        }
    }

    #[test]
    fn any_text_has_an_answer() {
        // Every cut and every doubled line of a good patch: an answer, never a panic.
        let good = "*** Begin Patch\n*** Update File: é.rs\n*** Move to: c\n@@ f\n a\n-b\n+ü\n*** End of File\n*** End Patch\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n";
        for end in (0..=good.len()).filter(|end| good.is_char_boundary(*end)) {
            let _ = parse(&good[..end]);
            let _ = parse(&good[end..]);
        }
    }
}
