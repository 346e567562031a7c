//! The patch tool: several files changed at once, or none. Where a part goes is looked for by its lines; a number in a patch only
//! chooses among places that fit, and nothing is done where more than one place could be meant.

use std::ops::Range;

use ace_schema::data::{Changed, Code};
use ace_schema::limits;
use ace_schema::patch::{self, Change, FilePatch, Hunk, Sign};
use rustix::fs::AtFlags;

use super::compare::compare;
use super::write::{read, replace, same_now};
use crate::bench::Job;
use crate::call::{Completed, Failed, Kept};
use crate::capture::cost;
use crate::fence::{Fence, Target, failed};
use crate::names::{count, number, shown, shown_path};

/// Places told when there are too many.
const PLACES: usize = 10;

pub(crate) fn run(job: Job<'_>) -> Result<Completed, Failed> {
    let text = job.args.text("patch").unwrap_or_default();
    let files = patch::parse(text).map_err(|e| Failed::new(Code::Arguments, format!("patch: {e}")))?;
    let fence = Fence::open(&job.bench.place)?;
    // Everything is worked out before the first file is touched.
    let mut steps = Vec::with_capacity(files.len());
    for file in &files {
        job.cancel.check()?;
        steps.push(Step::plan(&fence, file)?);
    }
    job.cancel.check()?;
    let mut told = String::new();
    let (mut changed, mut diff) = (Vec::new(), String::new());
    for (done, step) in steps.iter().enumerate() {
        step.apply().map_err(|failed| partly(failed, done, &told))?;
        told.push_str(&step.told());
        for (change, text) in step.changes() {
            changed.push(change);
            diff.push_str(&text);
        }
    }
    if cost(diff.as_bytes()) > limits::INLINE_BYTES {
        diff.clear();
    }
    Ok(Completed { output: Kept::whole(told), changed, patch: diff, ..Completed::default() })
}

/// A disk that fails in the middle: what is done stays done, and is told.
fn partly(failed: Failed, done: usize, told: &str) -> Failed {
    if done == 0 {
        return failed;
    }
    let message = format!("{}; {} changed before that", failed.message, count(done as u64, "file was", "files were"));
    Failed::new(failed.code, message).with(Kept::whole(told.to_owned()))
}

/// One file, worked out.
enum Step {
    Add { target: Target, text: String, path: String },
    Delete { target: Target, old: Vec<u8>, path: String },
    Update { target: Target, old: Vec<u8>, new: Vec<u8>, path: String, moved: Option<Box<(Target, String)>> },
}

impl Step {
    fn plan(fence: &Fence, file: &FilePatch) -> Result<Self, Failed> {
        let path = file.path.clone();
        if let Change::Add(text) = &file.change {
            let target = fence.target(&path, true)?;
            if target.stat.is_some() {
                return Err(Failed::new(Code::Arguments, format!("is there already: {}; update it", shown(&path))));
            }
            return Ok(Self::Add { target, text: text.clone(), path });
        }
        let target = fence.target(&path, false)?;
        let Some(stat) = &target.stat else {
            return Err(Failed::new(Code::NotFound, format!("no such file: {}", shown(&path))));
        };
        if u64::try_from(stat.st_size).unwrap_or(0) > limits::EDIT_BYTES {
            let most = number(limits::EDIT_BYTES);
            return Err(Failed::new(Code::Limit, format!("{} is longer than {most} bytes", shown(&path))));
        }
        let old = read(&target, &path)?;
        let Change::Update { to, hunks } = &file.change else { return Ok(Self::Delete { target, old, path }) };
        let new = apply(&old, hunks, &path)?;
        let moved = match to {
            None => None,
            Some(to) => {
                let there = fence.target(to, true)?;
                if there.stat.is_some() {
                    return Err(Failed::new(Code::Arguments, format!("is there already: {}", shown(to))));
                }
                Some(Box::new((there, to.clone())))
            }
        };
        Ok(Self::Update { target, old, new, path, moved })
    }

    fn apply(&self) -> Result<(), Failed> {
        match self {
            Self::Add { target, text, path } => replace(target, text.as_bytes(), path),
            Self::Delete { target, path, .. } => remove(target, path),
            Self::Update { target, new, path, moved: None, .. } => replace(target, new, path),
            Self::Update { target, new, path, moved: Some(moved), .. } => {
                replace(&moved.0, new, &moved.1)?;
                remove(target, path)
            }
        }
    }

    fn told(&self) -> String {
        match self {
            Self::Add { path, .. } => format!("added {}\n", shown(path)),
            Self::Delete { path, .. } => format!("deleted {}\n", shown(path)),
            Self::Update { path, moved: None, .. } => format!("changed {}\n", shown(path)),
            Self::Update { path, moved: Some(moved), .. } => format!("moved {} to {}\n", shown(path), shown(&moved.1)),
        }
    }

    fn changes(&self) -> Vec<(Changed, String)> {
        let gone = |target: &Target, old: &[u8]| {
            let (change, text) = compare(&target.below, Some(old), b"");
            (change, text.replacen(&format!("+++ b/{}", shown_path(&target.below)), "+++ /dev/null", 1))
        };
        match self {
            Self::Add { target, text, .. } => vec![compare(&target.below, None, text.as_bytes())],
            Self::Delete { target, old, .. } => vec![gone(target, old)],
            Self::Update { target, old, new, moved: None, .. } => vec![compare(&target.below, Some(old), new)],
            Self::Update { target, old, new, moved: Some(moved), .. } => {
                vec![gone(target, old), compare(&moved.0.below, None, new)]
            }
        }
    }
}

fn remove(target: &Target, path: &str) -> Result<(), Failed> {
    same_now(target, path)?;
    rustix::fs::unlinkat(&target.folder, &target.name, AtFlags::empty()).map_err(|e| failed(e, path))
}

/// The file with all parts replaced.
fn apply(old: &[u8], hunks: &[Hunk], path: &str) -> Result<Vec<u8>, Failed> {
    if memchr::memchr(0, &old[..old.len().min(8 * 1024)]).is_some() {
        return Err(Failed::new(Code::Arguments, format!("binary file: {}", shown(path))));
    }
    let lines = Lines::of(old);
    let mut out = Vec::with_capacity(old.len() + 256);
    let mut from = 0;
    for (n, hunk) in hunks.iter().enumerate() {
        let place = place(&lines, hunk, from).map_err(|wrong| wrong.told(path, n + 1, hunk))?;
        out.extend_from_slice(lines.bytes(from..place.start));
        lines.rewrite(&mut out, hunk, &place);
        from = place.end;
    }
    out.extend_from_slice(lines.bytes(from..lines.len()));
    if out.len() as u64 > limits::EDIT_BYTES {
        let most = number(limits::EDIT_BYTES);
        return Err(Failed::new(Code::Limit, format!("{} would be longer than {most} bytes", shown(path))));
    }
    Ok(out)
}

/// A file line by line, each with its own line end.
struct Lines<'a> {
    bytes: &'a [u8],
    /// Where each line begins, and the end.
    starts: Vec<usize>,
    /// Lines end in CR LF.
    returns: bool,
}

impl<'a> Lines<'a> {
    fn of(bytes: &'a [u8]) -> Self {
        let mut starts = vec![0];
        starts.extend(memchr::memchr_iter(b'\n', bytes).map(|at| at + 1));
        if starts.last() != Some(&bytes.len()) {
            starts.push(bytes.len());
        }
        let returns = memchr::memchr(b'\n', bytes).is_some_and(|at| at > 0 && bytes[at - 1] == b'\r');
        Self { bytes, starts, returns }
    }

    fn len(&self) -> usize {
        self.starts.len() - 1
    }

    fn bytes(&self, range: Range<usize>) -> &'a [u8] {
        &self.bytes[self.starts[range.start]..self.starts[range.end]]
    }

    /// A line without its end.
    fn line(&self, n: usize) -> &'a [u8] {
        let line = self.bytes(n..n + 1);
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        line.strip_suffix(b"\r").unwrap_or(line)
    }

    fn fits(&self, n: usize, wanted: &[&str], loose: bool) -> bool {
        n + wanted.len() <= self.len()
            && wanted.iter().enumerate().all(|(i, wanted)| {
                let here = self.line(n + i);
                here == wanted.trim_end_matches('\r').as_bytes()
                    || (loose && here.trim_ascii_end() == wanted.as_bytes().trim_ascii_end())
            })
    }

    /// What stands in the place of a part: kept lines as the file has them, new ones with its line ends.
    fn rewrite(&self, out: &mut Vec<u8>, hunk: &Hunk, place: &Range<usize>) {
        let mut at = place.start;
        for (sign, text) in &hunk.lines {
            match sign {
                Sign::Keep => {
                    end_line(out, self.returns);
                    out.extend_from_slice(self.bytes(at..at + 1));
                    at += 1;
                }
                Sign::Remove => at += 1,
                Sign::Add => {
                    end_line(out, self.returns);
                    out.extend_from_slice(text.trim_end_matches('\r').as_bytes());
                    out.extend_from_slice(if self.returns { b"\r\n" } else { b"\n" });
                }
            }
        }
        // A file whose last line had no end keeps having none.
        let open = place.end == self.len() && !self.bytes.is_empty() && self.bytes.last() != Some(&b'\n');
        if open && hunk.lines.last().is_some_and(|(sign, _)| *sign == Sign::Add) {
            let end = if self.returns { 2 } else { 1 };
            out.truncate(out.len().saturating_sub(end));
        }
    }
}

/// Ends a last line that had no end, before something is put behind it.
fn end_line(out: &mut Vec<u8>, returns: bool) {
    if out.last().is_some_and(|last| *last != b'\n') {
        out.extend_from_slice(if returns { b"\r\n" } else { b"\n" });
    }
}

/// Why no place was chosen.
enum Wrong {
    Anchor(String),
    Nowhere,
    /// The first lines of the places, from 1.
    Many(Vec<usize>),
}

/// Where a part goes, behind `from`.
fn place(lines: &Lines<'_>, hunk: &Hunk, from: usize) -> Result<Range<usize>, Wrong> {
    let wanted: Vec<&str> = hunk.before().collect();
    let mut from = from;
    for anchor in &hunk.anchors {
        let fits = |n: &usize| {
            let line = String::from_utf8_lossy(lines.line(*n));
            line.trim() == anchor || line.contains(anchor.as_str())
        };
        from = (from..lines.len()).find(fits).ok_or_else(|| Wrong::Anchor(anchor.clone()))? + 1;
    }
    if wanted.is_empty() {
        // Nothing but new lines: behind the anchor, at the line that is named, or at the end.
        let at = match hunk.line {
            _ if !hunk.anchors.is_empty() => from,
            Some(line) => line.max(from).min(lines.len()),
            None => lines.len(),
        };
        return Ok(at..at);
    }
    for loose in [false, true] {
        let mut places: Vec<usize> = Vec::new();
        for n in from..(lines.len() + 1).saturating_sub(wanted.len()) {
            if lines.fits(n, &wanted, loose) && (!hunk.at_end || n + wanted.len() == lines.len()) {
                places.push(n);
                if places.len() > PLACES {
                    break;
                }
            }
        }
        let named = hunk.line.and_then(|line| places.iter().find(|at| **at + 1 == line));
        let chosen = match (places.as_slice(), named) {
            ([], _) => continue,
            (_, Some(named)) => *named,
            ([one], None) => *one,
            // What an anchor names is the first place behind it.
            ([first, ..], None) if !hunk.anchors.is_empty() => *first,
            (many, None) => return Err(Wrong::Many(many.iter().map(|at| at + 1).collect())),
        };
        return Ok(chosen..chosen + wanted.len());
    }
    Err(Wrong::Nowhere)
}

impl Wrong {
    fn told(self, path: &str, n: usize, hunk: &Hunk) -> Failed {
        let path = shown(path);
        let first: String =
            hunk.before().find(|line| !line.trim().is_empty()).unwrap_or_default().chars().take(80).collect();
        match self {
            Self::Anchor(anchor) => {
                let anchor: String = anchor.chars().take(80).collect();
                Failed::new(Code::NotFound, format!("{path}, part {n}: no line holds '{}' (@@)", shown(&anchor)))
            }
            Self::Nowhere => Failed::new(
                Code::NotFound,
                format!(
                    "{path}, part {n}: its lines do not stand there as written, beginning with '{}'; read the file again",
                    shown(&first)
                ),
            ),
            Self::Many(places) => {
                let lines: Vec<String> = places.iter().take(PLACES).map(ToString::to_string).collect();
                let lines = lines.join(", ");
                Failed::new(
                    Code::Arguments,
                    format!("{path}, part {n} fits in lines {lines}: add lines around it, or an @@ line"),
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patched(file: &str, text: &str) -> Result<String, String> {
        let files = patch::parse(text).map_err(|e| e.to_string())?;
        let Change::Update { hunks, .. } = &files[0].change else { panic!("{files:?}") };
        apply(file.as_bytes(), hunks, "f").map(|new| String::from_utf8(new).unwrap()).map_err(|failed| failed.message)
    }

    fn envelope(body: &str) -> String {
        format!("*** Begin Patch\n*** Update File: f\n{body}*** End Patch\n")
    }

    #[test]
    fn parts_are_found_by_their_lines() {
        let file = "a\nb\nc\nd\n";
        assert_eq!(patched(file, &envelope(" b\n-c\n+C\n+C2\n")).unwrap(), "a\nb\nC\nC2\nd\n");
        assert_eq!(patched(file, &envelope("@@\n-a\n+A\n@@\n-d\n")).unwrap(), "A\nb\nc\n");
        // Wrong numbers do no harm while one place fits.
        assert_eq!(patched(file, "--- a/f\n+++ b/f\n@@ -77,2 +90,2 @@\n b\n-c\n+x\n").unwrap(), "a\nb\nx\nd\n");
    }

    #[test]
    fn more_than_one_place_needs_a_name() {
        let file = "fn a() {\n  x\n}\nfn b() {\n  x\n}\n";
        assert!(patched(file, &envelope("-  x\n+  y\n")).unwrap_err().contains("fits in lines 2, 5"));
        assert_eq!(
            patched(file, &envelope("@@ fn b()\n-  x\n+  y\n")).unwrap(),
            "fn a() {\n  x\n}\nfn b() {\n  y\n}\n"
        );
        let unified = "--- a/f\n+++ b/f\n@@ -5 +5 @@\n-  x\n+  y\n";
        assert_eq!(patched(file, unified).unwrap(), "fn a() {\n  x\n}\nfn b() {\n  y\n}\n");
        assert!(patched(file, &envelope("@@ fn c()\n-  x\n")).unwrap_err().contains("no line holds 'fn c()'"));
        assert!(patched(file, &envelope("-  z\n+y\n")).unwrap_err().contains("do not stand there"));
    }

    #[test]
    fn line_ends_and_open_ends_are_kept() {
        assert_eq!(patched("a\r\nb\r\n", &envelope(" a\n-b\n+c\n+d\n")).unwrap(), "a\r\nc\r\nd\r\n");
        assert_eq!(patched("a\nb", &envelope("-b\n+c\n")).unwrap(), "a\nc");
        assert_eq!(patched("a\nb", &envelope(" b\n+c\n")).unwrap(), "a\nb\nc");
        assert_eq!(patched("a  \nb\n", &envelope(" a\n-b\n+c\n")).unwrap(), "a  \nc\n");
        assert_eq!(patched("", &envelope("+x\n")).unwrap(), "x\n");
        assert_eq!(patched("x\nx\n", &envelope("-x\n+y\n*** End of File\n")).unwrap(), "x\ny\n");
    }

    proptest::proptest! {
        #[test]
        fn a_diff_made_by_the_library_turns_old_into_new(old in "([ab]{0,2}\n){0,12}", new in "([ab]{0,2}\n){0,12}") {
            let diff = similar::TextDiff::from_lines(&old, &new).unified_diff().header("a/f", "b/f").to_string();
            if !diff.is_empty() && !old.is_empty() && !new.is_empty() {
                proptest::prop_assert_eq!(patched(&old, &diff).unwrap(), new);
            }
        }

        #[test]
        fn whatever_is_written_nothing_breaks(file in "[ab \r\n]{0,30}", text in "(\\*\\*\\* |@@ |[-+ ])?[ab]{0,2}\n(@@|[-+ ][ab]?\n){0,8}") {
            if let Ok(hunks) = patch::parse(&envelope(&text)) && let Change::Update { hunks, .. } = &hunks[0].change {
                let _ = apply(file.as_bytes(), hunks, "f");
            }
        }
    }
}
