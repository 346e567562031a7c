//! Text from models, tools, files and names, made safe for a terminal: control sequences go, or are shown.
//! It must never know whose text it is.

use crate::style::Role;
use crate::text::Text;

/// Cells between tab stops.
const TAB: usize = 4;

/// The text without control sequences (CSI, OSC, DCS and their kin, C0, C1), without bidi and invisible characters. Newlines stay;
/// of a line that was overwritten by carriage returns the last state stays; tabs become spaces. One string in, one string out: a
/// sequence ends at the end of its line at the latest, so that no text can swallow what follows it.
#[must_use]
pub fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (i, line) in text.split('\n').enumerate() {
        if i > 0 {
            out.push('\n');
        }
        clean_line(line, &mut out);
    }
    out
}

fn clean_line(line: &str, out: &mut String) {
    let start = out.len();
    let mut chars = line.trim_end_matches('\r').chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => skip_escape(&mut chars),
            '\u{9b}' => skip_csi(&mut chars),
            '\u{90}' | '\u{98}' | '\u{9d}'..='\u{9f}' => skip_string(&mut chars),
            '\r' => out.truncate(start),
            '\u{8}' => {
                if out.len() > start {
                    out.pop();
                    // A joiner joins nothing any more.
                    out.truncate(start + out[start..].trim_end_matches('\u{200d}').len());
                }
            }
            '\t' => {
                let column = crate::text::cells(&out[start..]);
                out.extend(std::iter::repeat_n(' ', TAB - column % TAB));
            }
            '\u{2028}' | '\u{2029}' => out.push(' '),
            // A joiner is needed inside emoji and nowhere else that a terminal draws well.
            '\u{200d}' => {
                if out[start..].chars().next_back().is_some_and(is_pictograph)
                    && chars.peek().copied().is_some_and(is_pictograph)
                {
                    out.push(c);
                }
            }
            c if c.is_control() || is_invisible(c) => {}
            c => out.push(c),
        }
    }
}

type Chars<'a> = std::iter::Peekable<std::str::Chars<'a>>;

fn skip_escape(chars: &mut Chars) {
    match chars.peek() {
        Some('[') => {
            chars.next();
            skip_csi(chars);
        }
        Some(']' | 'P' | 'X' | '^' | '_') => {
            chars.next();
            skip_string(chars);
        }
        Some(' '..='/') => {
            while chars.next_if(|c| (' '..='/').contains(c)).is_some() {}
            chars.next_if(|c| ('0'..='~').contains(c));
        }
        Some('0'..='~') => {
            chars.next();
        }
        _ => {}
    }
}

/// Parameters and intermediates, then one final character.
fn skip_csi(chars: &mut Chars) {
    while chars.next_if(|c| (' '..='?').contains(c)).is_some() {}
    chars.next_if(|c| ('@'..='~').contains(c));
}

/// Up to BEL, ST or the end of the line.
fn skip_string(chars: &mut Chars) {
    while let Some(c) = chars.next() {
        match c {
            '\u{7}' | '\u{9c}' => return,
            '\u{1b}' => {
                chars.next_if_eq(&'\\');
                return;
            }
            _ => {}
        }
    }
}

fn is_pictograph(c: char) -> bool {
    matches!(c, '\u{2190}'..='\u{2bff}' | '\u{fe0f}' | '\u{1f000}'..='\u{1faff}')
}

/// Characters that move, hide or reorder others: bidi controls, zero-width, fillers, tags, and selectors that carry hidden bytes.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0d}'
        | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

/// A command, path or name on one line, whole: what `clean` would take away, line ends, tabs and spaces other than the ASCII one
/// are shown as `\n`, `\u{202e}` in red.
#[must_use]
pub fn visible(text: &str, role: Role) -> Text {
    // Nearly every name and path is of this kind.
    if text.bytes().all(|b| matches!(b, b' '..=b'~')) {
        return Text::of(role, text);
    }
    let mut out = Text::new();
    for c in text.chars() {
        match c {
            '\n' | '\t' | '\r' => out.push(Role::Bad, c.escape_default().to_string()),
            c if c.is_control() || is_invisible(c) || (c.is_whitespace() && c != ' ') => {
                out.push(Role::Bad, c.escape_unicode().to_string());
            }
            c => out.push(role, c.encode_utf8(&mut [0; 4])),
        }
    }
    out
}

/// The same for text of several lines: line ends stay, the rest is shown.
#[must_use]
pub fn visible_lines(text: &str, role: Role) -> Vec<Text> {
    text.split('\n').map(|line| visible(line, role)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_and_hidden_characters_go() {
        for (dirty, want) in [
            ("plain é 日 text", "plain é 日 text"),
            ("\u{1b}[31mred\u{1b}[0m", "red"),
            ("\u{1b}[?1049h\u{1b}[2Jx", "x"),
            ("\u{9b}31mx", "x"),
            ("a\u{1b}]52;c;aGk=\u{7}b", "ab"),
            ("a\u{1b}]8;;javascript:x\u{1b}\\link\u{1b}]8;;\u{1b}\\b", "alinkb"),
            ("\u{9d}0;title\u{9c}b", "b"),
            ("a\u{1b}P+q\u{1b}\\b", "ab"),
            ("a\u{1b}]0;never ends\nnext", "a\nnext"),
            ("\u{1b}(0x\u{1b}cy\u{1b}", "xy"),
            ("10 %\r 50 %\r100 %\r\ndone\r\n", "100 %\ndone\n"),
            ("a\tb\tc", "a   b   c"),
            ("ab\u{8}c\u{7}\u{0}", "ac"),
            ("\u{8}a", "a"),
            ("a\u{202e}b\u{2066}c\u{200b}d\u{feff}\u{e0041}e", "abcde"),
            ("👩\u{200d}💻 a\u{200d}b", "👩\u{200d}💻 ab"),
        ] {
            assert_eq!(clean(dirty), want, "{dirty:?}");
        }
    }

    #[test]
    fn names_show_what_they_hide() {
        let text = visible("rm \u{202e}txt.sh\u{a0}\n\u{1b}[1m", Role::Plain);
        assert_eq!(text.words(), "rm \\u{202e}txt.sh\\u{a0}\\n\\u{1b}[1m");
        assert_eq!(text.0[1], (Role::Bad, "\\u{202e}".to_owned()));
    }
}
