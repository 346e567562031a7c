//! The edit tool: places of a file replaced by other texts, all or none. It guesses only where nothing can be meant but one place:
//! line ends and white space at the ends of lines.

use std::ops::Range;

use ace_schema::data::Code;
use ace_schema::limits;
use memchr::memmem;
use serde_json::Value;

use super::nearest::nearest;
use super::write::{changed, read, replace};
use crate::bench::Job;
use crate::call::{Completed, Failed, Kept};
use crate::fence::Fence;
use crate::names::{count, number, shown};

/// Places told when there are too many.
const PLACES: usize = 10;

/// One replacement that is asked for.
struct Wish<'a> {
    old: &'a str,
    new: &'a str,
    all: bool,
}

/// What is asked for: one replacement, or several.
fn wishes<'a>(job: &'a Job<'_>) -> Result<Vec<Wish<'a>>, Failed> {
    let bad = |message: String| Failed::new(Code::Arguments, message);
    let single = job.args.text("old").is_some() || job.args.text("new").is_some();
    let wishes = match job.args.list("edits") {
        Some(_) if single => return Err(bad("either old and new, or edits".to_owned())),
        Some(list) if list.is_empty() || list.len() > limits::EDITS => {
            return Err(bad(format!("edits takes 1 to {} replacements", limits::EDITS)));
        }
        Some(list) => list.iter().enumerate().map(|(n, item)| wish(item, n + 1)).collect::<Result<Vec<_>, _>>()?,
        None => {
            let text = |name: &str| job.args.text(name).ok_or_else(|| bad(format!("argument '{name}' is missing")));
            vec![Wish { old: text("old")?, new: text("new")?, all: job.args.flag("all") }]
        }
    };
    for wish in &wishes {
        if wish.old.is_empty() {
            return Err(bad("old is empty; write makes new files".to_owned()));
        }
        if wish.old == wish.new {
            return Err(bad("old and new are the same".to_owned()));
        }
    }
    Ok(wishes)
}

fn wish(item: &Value, n: usize) -> Result<Wish<'_>, Failed> {
    let bad = |message: String| Failed::new(Code::Arguments, message);
    let map = item.as_object().ok_or_else(|| bad(format!("edit {n}: wants an object with old and new")))?;
    if let Some(other) = map.keys().find(|key| !matches!(key.as_str(), "old" | "new" | "all")) {
        return Err(bad(format!("edit {n}: no argument '{}'; it takes old, new, all", shown(other))));
    }
    let text =
        |name: &str| map.get(name).and_then(Value::as_str).ok_or_else(|| bad(format!("edit {n}: '{name}' is missing")));
    Ok(Wish { old: text("old")?, new: text("new")?, all: map.get("all").and_then(Value::as_bool).unwrap_or(false) })
}

pub(crate) fn run(job: Job<'_>) -> Result<Completed, Failed> {
    let text = job.args.text("path").unwrap_or_default();
    let bad = |message: String| Failed::new(Code::Arguments, message);
    let wishes = wishes(&job)?;
    let fence = Fence::open(&job.bench.place)?;
    let target = fence.target(text, false)?;
    let Some(stat) = &target.stat else {
        return Err(Failed::new(Code::NotFound, format!("no such file: {}; write makes new files", shown(text))));
    };
    if u64::try_from(stat.st_size).unwrap_or(0) > limits::EDIT_BYTES {
        let most = number(limits::EDIT_BYTES);
        return Err(Failed::new(
            Code::Limit,
            format!("{} is longer than {most} bytes; sed in the shell edits it", shown(text)),
        ));
    }
    let bytes = read(&target, text)?;
    if memchr::memchr(0, &bytes[..bytes.len().min(8 * 1024)]).is_some() {
        return Err(bad(format!("binary file: {}", shown(text))));
    }
    let (mut after, mut told) = (bytes.clone(), Vec::new());
    for (n, wish) in wishes.iter().enumerate() {
        job.cancel.check()?;
        let next = replaced(&after, wish, text, &mut told);
        // None is done when one cannot be: which one is told.
        after = next
            .map_err(|failed| if wishes.len() > 1 { failed.preceded(&format!("edit {}: ", n + 1)) } else { failed })?;
    }
    if after == bytes {
        return Err(bad("the file would stay as it is".to_owned()));
    }
    job.cancel.check()?;
    replace(&target, &after, text)?;
    Ok(changed(told.join("; "), &target.below, &bytes, &after))
}

/// The text with one wish fulfilled, and a word on where that was.
fn replaced(bytes: &[u8], wish: &Wish<'_>, path: &str, told: &mut Vec<String>) -> Result<Vec<u8>, Failed> {
    let places = find(bytes, wish.old.as_bytes(), wish.all).map_err(|wrong| wrong.told(path, bytes, wish.old))?;
    let after = splice(bytes, &places, wish.old.as_bytes(), wish.new.as_bytes());
    if after.len() as u64 > limits::EDIT_BYTES {
        return Err(Failed::new(
            Code::Limit,
            format!("the file would be longer than {} bytes", number(limits::EDIT_BYTES)),
        ));
    }
    let line = places.first().map_or(1, |place| line_of(bytes, place.start));
    told.push(match places.len() {
        1 => format!("replaced line {line}"),
        n => format!("replaced {n} places, the first in line {line}"),
    });
    Ok(after)
}

/// Why no place was chosen.
#[derive(Debug, PartialEq, Eq)]
enum Wrong {
    Nowhere,
    /// Where it would begin, by offset; whether there are more than these.
    Many(Vec<usize>, bool),
}

/// The places to replace, in order.
fn find(bytes: &[u8], old: &[u8], all: bool) -> Result<Vec<Range<usize>>, Wrong> {
    if all {
        let places: Vec<Range<usize>> = memmem::find_iter(bytes, old).map(|at| at..at + old.len()).collect();
        if !places.is_empty() {
            return Ok(places);
        }
    }
    let exact = starts(bytes, old);
    match exact.len() {
        0 => {}
        1 => return Ok(exact.into_iter().map(|at| at..at + old.len()).collect()),
        n => return Err(Wrong::Many(exact, n > PLACES)),
    }
    let plain = Plain::new(bytes);
    let wanted = Plain::new(old).bytes;
    if wanted.iter().all(u8::is_ascii_whitespace) {
        return Err(Wrong::Nowhere);
    }
    let near = starts(&plain.bytes, &wanted);
    let places: Vec<Range<usize>> = near.iter().map(|at| plain.range(*at, wanted.len())).collect();
    match places.len() {
        0 => Err(Wrong::Nowhere),
        1 => Ok(places),
        // Only line ends may differ when all of them are meant.
        n if all
            && places.iter().all(|place| without_returns(&bytes[place.clone()]) == without_returns(old))
            && n <= PLACES =>
        {
            Ok(places)
        }
        n => Err(Wrong::Many(places.into_iter().map(|place| place.start).collect(), n > PLACES)),
    }
}

/// Where `old` begins, overlapping places included: each could be meant. One more than [`PLACES`] at most.
fn starts(bytes: &[u8], old: &[u8]) -> Vec<usize> {
    let finder = memmem::Finder::new(old);
    let mut all = Vec::new();
    let mut from = 0;
    while let Some(at) = bytes.get(from..).and_then(|rest| finder.find(rest)) {
        all.push(from + at);
        from += at + 1;
        if all.len() > PLACES {
            break;
        }
    }
    all
}

/// A text without white space at the ends of its lines, and the way back to where each byte stood.
struct Plain {
    bytes: Vec<u8>,
    origin: Vec<usize>,
}

impl Plain {
    fn new(bytes: &[u8]) -> Self {
        let mut plain = Self { bytes: Vec::with_capacity(bytes.len()), origin: Vec::with_capacity(bytes.len()) };
        let mut from = 0;
        for end in memchr::memchr_iter(b'\n', bytes).chain([bytes.len()]) {
            let line = &bytes[from..end];
            // White space behind the last line feed of a text is what stands in front of something.
            let kept = if end < bytes.len() { line.trim_ascii_end().len() } else { line.len() };
            plain.bytes.extend_from_slice(&line[..kept]);
            plain.origin.extend(from..from + kept);
            if end < bytes.len() {
                plain.bytes.push(b'\n');
                plain.origin.push(end);
            }
            from = end + 1;
        }
        plain
    }

    fn range(&self, at: usize, length: usize) -> Range<usize> {
        let start = self.origin[at];
        let last = at + length - 1;
        // White space that was passed over in front of the first byte belongs to the line before, or to this very end.
        let start = if self.bytes[at] == b'\n' && at > 0 { self.origin[at - 1] + 1 } else { start };
        start..self.origin[last] + 1
    }
}

fn without_returns(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    for (i, byte) in bytes.iter().enumerate() {
        if *byte != b'\r' || bytes.get(i + 1) != Some(&b'\n') {
            out.push(*byte);
        }
    }
    out
}

fn with_returns(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + 64);
    for byte in without_returns(bytes) {
        if byte == b'\n' {
            out.push(b'\r');
        }
        out.push(byte);
    }
    out
}

/// The text with the places replaced. Line ends of `new` become those of the file, unless `old` shows that they are meant.
fn splice(bytes: &[u8], places: &[Range<usize>], old: &[u8], new: &[u8]) -> Vec<u8> {
    let feeds = memchr::memchr_iter(b'\n', bytes).count();
    let returns = memmem::find_iter(bytes, b"\r\n").count();
    let old_returns = memmem::find(old, b"\r\n").is_some();
    let mut after = Vec::with_capacity(bytes.len() + new.len());
    let mut from = 0;
    for place in places {
        let here = &bytes[place.clone()];
        let exact = here == old;
        after.extend_from_slice(&bytes[from..place.start]);
        let here_returns = memmem::find(here, b"\r\n").is_some();
        if (feeds > 0 && returns == feeds && !old_returns) || (!exact && here_returns && !old_returns) {
            after.extend(with_returns(new));
        } else if returns == 0 && old_returns {
            after.extend(without_returns(new));
        } else {
            after.extend_from_slice(new);
        }
        from = place.end;
    }
    after.extend_from_slice(&bytes[from..]);
    after
}

fn line_of(bytes: &[u8], at: usize) -> usize {
    1 + memchr::memchr_iter(b'\n', &bytes[..at.min(bytes.len())]).count()
}

impl Wrong {
    fn told(self, path: &str, bytes: &[u8], old: &str) -> Failed {
        match self {
            Self::Many(places, more) => {
                let lines: Vec<String> = places.iter().take(PLACES).map(|at| line_of(bytes, *at).to_string()).collect();
                let n = if more { format!("more than {PLACES}") } else { places.len().to_string() };
                let message = format!(
                    "old occurs {n} times in {}, in lines {}: add lines around it to name one place, or say all: true",
                    shown(path),
                    lines.join(", ")
                );
                Failed::new(Code::Arguments, message)
            }
            Self::Nowhere => {
                let message = format!("old does not occur in {}", shown(path));
                let Some(near) = nearest(bytes, old) else { return Failed::new(Code::NotFound, message) };
                let (first, last) = (near.first + 1, near.first + near.lines.len());
                let range = if first == last { format!("line {first}") } else { format!("lines {first}-{last}") };
                let equal = count(near.equal as u64, "line is", "lines are");
                let message =
                    format!("{message}; the nearest place is {range}, where {equal} the same; it reads as shown");
                let mut shown: String = near.lines.join("\n");
                shown.push('\n');
                shown.truncate(shown.floor_char_boundary(limits::OUTPUT_HEAD_BYTES));
                Failed::new(Code::NotFound, message).with(Kept::whole(shown))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(file: &str, old: &str, new: &str, all: bool) -> Result<String, Wrong> {
        let places = find(file.as_bytes(), old.as_bytes(), all)?;
        Ok(String::from_utf8(splice(file.as_bytes(), &places, old.as_bytes(), new.as_bytes())).unwrap())
    }

    #[test]
    fn one_place_is_replaced() {
        assert_eq!(edit("a\nb\nc\n", "b\n", "B\n", false).unwrap(), "a\nB\nc\n");
        assert_eq!(edit("x aXa y", "X", "", false).unwrap(), "x aa y");
        assert_eq!(edit("a a a", "a", "b", true).unwrap(), "b b b");
    }

    #[test]
    fn more_than_one_place_is_refused_also_when_they_overlap() {
        assert_eq!(edit("a\na\n", "a", "b", false), Err(Wrong::Many(vec![0, 2], false)));
        assert_eq!(edit("aaa", "aa", "b", false), Err(Wrong::Many(vec![0, 1], false)));
        assert_eq!(edit("x", "y", "z", false), Err(Wrong::Nowhere));
        let many = "a\n".repeat(50);
        assert!(matches!(edit(&many, "a", "b", false), Err(Wrong::Many(_, true))));
    }

    #[test]
    fn line_ends_of_the_file_are_kept() {
        assert_eq!(edit("a\r\nb\r\nc\r\n", "a\nb\n", "x\ny\nz\n", false).unwrap(), "x\r\ny\r\nz\r\nc\r\n");
        assert_eq!(edit("a\r\nb\r\n", "b", "b\nc", false).unwrap(), "a\r\nb\r\nc\r\n");
        assert_eq!(edit("a\nb\n", "a\r\nb\r\n", "x\r\n", false).unwrap(), "x\n");
        // Who writes them out means them.
        assert_eq!(edit("a\r\nb\r\n", "a\r\n", "a\n", false).unwrap(), "a\nb\r\n");
        assert_eq!(edit("a\r\nb\r\na\r\nb\r\n", "a\nb\n", "x\n", true).unwrap(), "x\r\nx\r\n");
    }

    #[test]
    fn white_space_at_line_ends_may_differ_in_a_single_place() {
        assert_eq!(edit("if x {  \n  y\t\n}\n", "if x {\n  y\n}\n", "z\n", false).unwrap(), "z\n");
        assert_eq!(edit("q\na\nb\n", "a  \nb", "c", false).unwrap(), "q\nc\n");
        assert_eq!(edit("a \nb\na\t\nb\n", "a\nb\n", "c\n", false), Err(Wrong::Many(vec![0, 5], false)));
        // Indentation means something, and so does the end of a word.
        assert_eq!(edit("  a\n  b\n", "a\nb\n", "c\n", false), Err(Wrong::Nowhere));
        assert_eq!(edit("x = 10\n", "x = 1 ", "x = 2", false), Err(Wrong::Nowhere));
        assert_eq!(edit("a\n\n\nb\n", "  \n", "c", false), Err(Wrong::Nowhere));
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_asked_nothing_breaks_and_the_rest_stays(file in "[ab \r\n]{0,40}", old in "[ab \r\n]{1,6}", new in "[ab\n]{0,4}", all: bool) {
            if let Ok(places) = find(file.as_bytes(), old.as_bytes(), all) {
                let mut last = 0;
                for place in &places {
                    proptest::prop_assert!(last <= place.start && place.start <= place.end && place.end <= file.len());
                    last = place.end;
                    // What is replaced is what was asked for, but for white space at line ends.
                    let plain = |bytes: &[u8]| Plain::new(&[bytes, b"\n"].concat()).bytes;
                    proptest::prop_assert_eq!(plain(&file.as_bytes()[place.clone()]), plain(old.as_bytes()));
                }
                splice(file.as_bytes(), &places, old.as_bytes(), new.as_bytes());
            } else {
                nearest(file.as_bytes(), &old);
            }
        }
    }
}
