//! Unified diffs as numbered lines: line number, sign, text. It must never know where a patch came from.

use crate::clean::visible;
use crate::style::{Role, Style};
use crate::text::Text;
use ace_schema::patch::{Change, FilePatch};

/// Cells in front of the sign: the line number stands right in them.
const NUMBER: usize = 7;

/// One line of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// ` `, `-`, `+`, or `#` for a file's name.
    pub sign: char,
    /// Its number in the old file for `-`, in the new one otherwise; 0 if unknown.
    pub number: u64,
    /// Its text without the sign.
    pub text: String,
}

/// The rows of a unified diff, with one line of context around changes. Names of files stand in it when there are several.
#[must_use]
pub fn rows(patch: &str) -> Vec<Row> {
    let mut out: Vec<Row> = Vec::new();
    let (mut old, mut new, mut left) = (0u64, 0u64, (0u64, 0u64));
    for line in patch.lines() {
        if left == (0, 0) {
            if let Some(hunk) = line.strip_prefix("@@ ") {
                (old, new, left) = header(hunk);
            } else if let Some(name) = line.strip_prefix("+++ ") {
                let name = name.strip_prefix("b/").unwrap_or(name);
                out.push(Row { sign: '#', number: 0, text: name.to_owned() });
            }
            continue;
        }
        let (sign, text) = match line.chars().next() {
            Some(c @ (' ' | '-' | '+')) => (c, &line[1..]),
            None => (' ', ""),
            Some(_) => continue,
        };
        let number = if sign == '-' { old } else { new };
        if sign != '+' {
            (old, left.0) = (old.saturating_add(1), left.0.saturating_sub(1));
        }
        if sign != '-' {
            (new, left.1) = (new.saturating_add(1), left.1.saturating_sub(1));
        }
        out.push(Row { sign, number, text: text.to_owned() });
    }
    if out.iter().filter(|r| r.sign == '#').count() == 1 {
        out.retain(|r| r.sign != '#');
    }
    trim(out)
}

/// `-7,3 +7,3 @@ …` as first old line, first new line, and how many of each follow.
fn header(hunk: &str) -> (u64, u64, (u64, u64)) {
    let mut sides = hunk.split(' ').map(|side| {
        let (start, lines) = side.get(1..).unwrap_or("").split_once(',').unwrap_or((side.get(1..).unwrap_or(""), "1"));
        (start.parse().unwrap_or(0), lines.parse().unwrap_or(0))
    });
    let (old, new) = (sides.next().unwrap_or((0, 0)), sides.next().unwrap_or((0, 0)));
    (old.0, new.0, (old.1, new.1))
}

/// Leaves one line of context on either side of a change.
fn trim(rows: Vec<Row>) -> Vec<Row> {
    let near = |i: usize| {
        let change = |j: usize| rows.get(j).is_some_and(|r| matches!(r.sign, '-' | '+'));
        rows[i].sign != ' ' || change(i + 1) || (i > 0 && change(i - 1))
    };
    let keep: Vec<bool> = (0..rows.len()).map(near).collect();
    rows.into_iter().zip(keep).filter_map(|(row, keep)| keep.then_some(row)).collect()
}

/// What an edit would do, from its own words alone (no line numbers).
#[must_use]
pub fn between(old: &str, new: &str) -> Vec<Row> {
    let diff = similar::TextDiff::from_lines(old, new);
    let rows = diff
        .iter_all_changes()
        .map(|change| {
            let sign = match change.tag() {
                similar::ChangeTag::Equal => ' ',
                similar::ChangeTag::Delete => '-',
                similar::ChangeTag::Insert => '+',
            };
            Row { sign, number: 0, text: change.value().trim_end_matches('\n').to_owned() }
        })
        .collect();
    trim(rows)
}

/// The rows of what a patch call would do, by its own words: numbers and lines that it does not name are not known.
#[must_use]
pub fn of_patch(files: &[FilePatch]) -> Vec<Row> {
    let row = |sign, text: &str| Row { sign, number: 0, text: text.to_owned() };
    let mut out = Vec::new();
    for file in files {
        match &file.change {
            Change::Add(text) => {
                out.push(row('#', &format!("{} (new)", file.path)));
                out.extend(text.lines().map(|line| row('+', line)));
            }
            Change::Delete => out.push(row('#', &format!("{} (deleted)", file.path))),
            Change::Update { to, hunks } => {
                let moved = to.as_ref().map_or(String::new(), |to| format!(" (moved to {to})"));
                out.push(row('#', &format!("{}{moved}", file.path)));
                for (sign, text) in hunks.iter().flat_map(|hunk| &hunk.lines) {
                    out.push(row([' ', '-', '+'][*sign as usize], text));
                }
            }
        }
    }
    out
}

/// Lines added and removed.
#[must_use]
pub fn count(rows: &[Row]) -> (u64, u64) {
    let of = |sign| rows.iter().filter(|r| r.sign == sign).count() as u64;
    (of('+'), of('-'))
}

/// One row: number, sign, text. Long ones are cut unless `whole`.
#[must_use]
pub fn draw(row: &Row, whole: bool, style: &Style) -> Text {
    if row.sign == '#' {
        return Text::new().gap(4).and(visible(&row.text, Role::Bold)).cut_middle(style.width, style);
    }
    let role = match row.sign {
        '+' => Role::Good,
        '-' => Role::Bad,
        _ => Role::Dim,
    };
    let number = if row.number == 0 { String::new() } else { row.number.to_string() };
    let text = visible(&row.text.replace('\t', "    "), role);
    let line = Text::of(Role::Dim, format!("{number:>NUMBER$} ")).with(role, format!("{} ", row.sign)).and(text);
    if whole { line } else { line.cut_end(style.width, style) }
}

/// `+5 -1`, green and red; a side that is nothing is left out.
#[must_use]
pub fn counts(added: u64, removed: u64) -> Text {
    let mut out = Text::new();
    if added > 0 || removed == 0 {
        out.push(Role::Good, format!("+{}", crate::units::count(added)));
    }
    if removed > 0 {
        if added > 0 {
            out.push(Role::Plain, " ");
        }
        out.push(Role::Bad, format!("-{}", crate::units::count(removed)));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATCH: &str = "--- a/median.awk\n+++ b/median.awk\n@@ -5,5 +5,5 @@\n a\n b\n END {\n-  x\n+  y\n }\n c\n";

    #[test]
    fn rows_are_numbered_by_their_own_file_with_one_line_of_context() {
        let got: Vec<_> = rows(PATCH).into_iter().map(|r| (r.sign, r.number, r.text)).collect();
        let want = [(' ', 7, "END {"), ('-', 8, "  x"), ('+', 8, "  y"), (' ', 9, "}")];
        assert_eq!(got, want.map(|(s, n, t)| (s, n, t.to_owned())));
        let lines: Vec<_> = rows(PATCH).iter().map(|r| draw(r, false, &Style::new(80)).words()).collect();
        assert_eq!(lines, ["      7   END {", "      8 -   x", "      8 +   y", "      9   }"]);
    }

    #[test]
    fn a_patch_is_told_by_its_own_words() {
        let text = "*** Begin Patch\n*** Add File: n\n+1\n*** Update File: a\n*** Move to: b\n x\n-y\n+z\n*** Delete File: d\n*** End Patch\n";
        let rows = of_patch(&ace_schema::patch::parse(text).unwrap());
        let told: Vec<String> = rows.iter().map(|row| format!("{}{}", row.sign, row.text)).collect();
        assert_eq!(told, ["#n (new)", "+1", "#a (moved to b)", " x", "-y", "+z", "#d (deleted)"]);
        assert_eq!(count(&rows), (2, 1));
    }

    #[test]
    fn removed_lines_that_look_like_headers_are_lines() {
        let got = rows("--- a\n+++ b\n@@ -1,2 +1 @@\n--- old\n-@@ x\n+++ new\n");
        assert_eq!(got.iter().map(|r| r.sign).collect::<String>(), "--+");
        assert_eq!(got[0].text, "-- old");
    }

    #[test]
    fn several_files_are_named_and_nonsense_is_nothing() {
        let two = format!("{PATCH}--- a/b\n+++ b/b\n@@ -1 +1 @@\n-1\n+2\n");
        assert_eq!(rows(&two).iter().filter(|r| r.sign == '#').count(), 2);
        for nonsense in ["", "@@", "@@ \n", "@@ -a,b +é @@\nx", "@@ -1,9999999999999999999999 +1 @@\n+"] {
            assert!(rows(nonsense).len() <= 1, "{nonsense:?}");
        }
    }

    #[test]
    fn counts_leave_out_what_is_nothing() {
        for (a, r, want) in [(5, 1, "+5 -1"), (5, 0, "+5"), (0, 1, "-1"), (0, 0, "+0")] {
            assert_eq!(counts(a, r).words(), want);
        }
        assert_eq!(count(&between("a\nb\n", "a\nc\nd\n")), (2, 1));
    }
}
