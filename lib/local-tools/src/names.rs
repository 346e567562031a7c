//! Names as people and models may see them, and the names that no tool writes to. It touches no file.

use std::ffi::OsStr;
use std::fmt::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// A file name or path for a listing: as it is, or quoted with escapes when it would not survive as one line of text.
pub(crate) fn shown_path(path: &Path) -> String {
    shown_bytes(path.as_os_str().as_bytes())
}

/// A text that came from a model, for a message.
pub(crate) fn shown(text: &str) -> String {
    shown_bytes(text.as_bytes())
}

fn shown_bytes(bytes: &[u8]) -> String {
    if let Ok(text) = std::str::from_utf8(bytes)
        && !text.is_empty()
        && !text.starts_with('"')
        && text.chars().all(|c| !is_deceptive(c))
    {
        return text.to_owned();
    }
    let mut out = String::from("\"");
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '"' | '\\' => out.extend(['\\', c]),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                c if is_deceptive(c) => {
                    let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
                }
                c => out.push(c),
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out.push('"');
    out
}

/// Control characters, and those without width or that turn the direction of text.
fn is_deceptive(c: char) -> bool {
    c.is_control() || is_unseen(c)
}

fn is_unseen(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{e0000}'..='\u{e0fff}')
}

/// Whether some file system takes this name for `.git`: other case, characters it leaves out, stream suffixes, trailing dots
/// and spaces, the short name.
pub(crate) fn is_git(name: &OsStr) -> bool {
    let text = String::from_utf8_lossy(name.as_bytes());
    let plain: String = text.chars().filter(|c| !is_unseen(*c)).flat_map(char::to_lowercase).collect();
    let stem = plain.split(':').next().unwrap_or_default().trim_end_matches(['.', ' ']);
    stem == ".git" || stem == "git~1"
}

/// Whether a path has `.git`, or what passes for it, anywhere.
pub(crate) fn names_git(path: &Path) -> bool {
    path.components().any(|part| is_git(part.as_os_str()))
}

/// `, did you mean 'path'?` if one of the known names is close, else nothing.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let short: String = name.chars().take(64).collect();
    let close = known.map(|other| (strsim::damerau_levenshtein(&short, other), other)).min();
    match close {
        Some((distance, other)) if distance <= 1 + other.len() / 4 => format!(", did you mean '{other}'?"),
        _ => String::new(),
    }
}

/// A whole number with commas from 10,000 on.
pub(crate) fn number(n: u64) -> String {
    let digits = n.to_string();
    if n < 10_000 {
        return digits;
    }
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 line`, `12 lines`.
pub(crate) fn count(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", number(n), if n == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a07_whatever_passes_for_git_is_git() {
        for name in [
            ".git",
            ".GIT",
            ".Git",
            ".gi\u{200c}t",
            ".git::$INDEX_ALLOCATION",
            ".git:x",
            ".git.",
            ".git ",
            ".git. .",
            "GIT~1",
        ] {
            assert!(is_git(OsStr::new(name)), "{name:?}");
        }
        for name in [".gitignore", ".github", "git", ".git2", "a.git", ".gitmodules", ".got"] {
            assert!(!is_git(OsStr::new(name)), "{name:?}");
        }
        assert!(names_git(Path::new("a/.GIT/config")));
        assert!(!names_git(Path::new("a/.github/config")));
    }

    #[test]
    fn a38_names_stay_one_line() {
        assert_eq!(shown("plain name-$(id) é"), "plain name-$(id) é");
        assert_eq!(shown("a\nb"), "\"a\\nb\"");
        assert_eq!(shown_bytes(b"caf\xe9"), "\"caf\\xe9\"");
        assert_eq!(shown("a\u{202e}b\\"), "\"a\\u{202e}b\\\\\"");
        assert_eq!(shown("\"q"), "\"\\\"q\"");
    }

    #[test]
    fn numbers_have_commas_from_ten_thousand() {
        assert_eq!([number(0), number(9999), number(10_000), number(1_234_567)], ["0", "9999", "10,000", "1,234,567"]);
        assert_eq!(count(1, "line", "lines"), "1 line");
    }
}
