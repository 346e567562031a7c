//! Thinking that a server leaves in the text between tags, told apart. Only for servers of which that is said: anywhere else a tag is
//! text.

use ace_schema::message::Piece;

const OPEN: &str = "<think>";
const CLOSE: &str = "</think>";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Where {
    /// Nothing but white space yet.
    Before,
    /// Between the tags.
    Inside,
    /// Behind them, before the first word.
    Behind,
    /// In the answer.
    Text,
}

/// Splits text as it comes, whatever its pieces are.
#[derive(Debug)]
pub struct Think {
    place: Where,
    /// What may be the beginning of a tag.
    held: String,
}

impl Default for Think {
    fn default() -> Self {
        Self { place: Where::Before, held: String::new() }
    }
}

impl Think {
    /// Takes a piece of text.
    pub fn push(&mut self, text: &str, out: &mut Vec<Piece>) {
        self.held.push_str(text);
        loop {
            let held = std::mem::take(&mut self.held);
            match self.place {
                Where::Before => {
                    let word = held.trim_start();
                    if let Some(rest) = word.strip_prefix(OPEN) {
                        self.place = Where::Inside;
                        rest.clone_into(&mut self.held);
                    } else if OPEN.starts_with(word) {
                        self.held = held;
                        return;
                    } else {
                        self.place = Where::Text;
                        self.held = held;
                    }
                }
                Where::Inside => {
                    if let Some((thought, rest)) = held.split_once(CLOSE) {
                        reason(thought, out);
                        self.place = Where::Behind;
                        rest.clone_into(&mut self.held);
                    } else {
                        let kept = (1..CLOSE.len()).rev().find(|n| held.ends_with(&CLOSE[..*n])).unwrap_or(0);
                        let (thought, rest) = held.split_at(held.len() - kept);
                        reason(thought, out);
                        rest.clone_into(&mut self.held);
                        return;
                    }
                }
                Where::Behind => {
                    held.trim_start().clone_into(&mut self.held);
                    if self.held.is_empty() {
                        return;
                    }
                    self.place = Where::Text;
                }
                Where::Text => {
                    if !held.is_empty() {
                        out.push(Piece::Text(held));
                    }
                    return;
                }
            }
        }
    }

    /// The text has ended: what was held is what it looks like.
    pub fn finish(&mut self, out: &mut Vec<Piece>) {
        let held = std::mem::take(&mut self.held);
        match self.place {
            Where::Inside => reason(&held, out),
            _ if held.is_empty() => {}
            _ => out.push(Piece::Text(held)),
        }
    }
}

fn reason(thought: &str, out: &mut Vec<Piece>) {
    if !thought.is_empty() {
        out.push(Piece::Reasoning(thought.to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split<'a>(parts: impl IntoIterator<Item = &'a str>) -> (String, String) {
        let (mut think, mut out) = (Think::default(), Vec::new());
        for part in parts {
            think.push(part, &mut out);
        }
        think.finish(&mut out);
        let (mut reasoning, mut text) = (String::new(), String::new());
        for piece in out {
            match piece {
                Piece::Reasoning(r) => reasoning.push_str(&r),
                Piece::Text(t) => text.push_str(&t),
                other => panic!("{other:?}"),
            }
        }
        (reasoning, text)
    }

    #[test]
    fn tags_are_found_however_they_are_cut() {
        for (whole, reasoning, text) in [
            ("<think>hm</think>\n\nyes", "hm", "yes"),
            ("\n<think>\na < b </thi </think>c", "\na < b </thi ", "c"),
            ("<think></think>ok", "", "ok"),
            ("<think>never closed </th", "never closed </th", ""),
            ("no <think>tag</think>", "", "no <think>tag</think>"),
            ("<thin air", "", "<thin air"),
            ("<thi", "", "<thi"),
            ("  plain", "", "  plain"),
            ("", "", ""),
            ("<think>ü</think> <think>é", "ü", "<think>é"),
        ] {
            let want = (reasoning.to_owned(), text.to_owned());
            assert_eq!(split([whole]), want, "{whole}");
            let chars: Vec<String> = whole.chars().map(String::from).collect();
            assert_eq!(split(chars.iter().map(String::as_str)), want, "{whole}, character by character");
        }
    }
}
