//! One form for every error and note of every program: `program: what`, then at most one hint. It never knows why something
//! failed; the words come from the program that speaks.

use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

use nu_ansi_term::{Color, Style};
use serde_json::json;

use crate::{Exit, When};

/// Why a program ends without doing what was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    /// Who speaks: `ace-log`.
    pub program: String,
    /// What failed, about whom, why: lower case, one line, no full stop.
    pub what: String,
    /// What to do, as it can be typed. May have more lines when it shows text for a file.
    pub hint: Option<String>,
    /// How the program ends.
    pub exit: Exit,
}

impl Complaint {
    /// A complaint without a hint.
    pub fn new(program: impl Into<String>, exit: Exit, what: impl Into<String>) -> Self {
        Self { program: program.into(), what: what.into(), hint: None, exit }
    }

    /// With the hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Reading or writing failed while `doing`; a reader that hung up makes a complaint that prints nothing.
    #[must_use]
    pub fn io(program: impl Into<String>, doing: &str, error: &std::io::Error) -> Self {
        Self::new(program, Exit::from(error), format!("{doing}: {}", reason(error)))
    }

    /// The text, with its line feeds.
    #[must_use]
    pub fn render(&self, coloured: bool) -> String {
        lines(&self.program, &self.what, self.hint.as_deref(), coloured, "")
    }

    /// One JSON line: `{"program","error","hint","exit","code"}`, the exit as number and as word.
    #[must_use]
    pub fn json(&self) -> String {
        let line = json!({
            "program": self.program,
            "error": self.what,
            "hint": self.hint,
            "exit": self.exit.number(),
            "code": self.exit.name(),
        });
        format!("{line}\n")
    }
}

/// Says the complaint on stderr, as a line of JSON if `ACE_ERRORS=json`, and gives the code to exit with. A closed stderr is
/// no reason to panic or to exit otherwise.
#[must_use]
pub fn complain(complaint: &Complaint, color: When) -> ExitCode {
    if complaint.exit != Exit::BrokenPipe {
        let text = match speaks_json() {
            true => complaint.json(),
            false => complaint.render(color.colours(std::io::stderr().is_terminal())),
        };
        say(&text);
    }
    complaint.exit.into()
}

/// Says on stderr what stops nothing, with a `!` before it on a terminal.
pub fn note(program: &str, what: &str, hint: Option<&str>, color: When) {
    let terminal = std::io::stderr().is_terminal();
    let text = match speaks_json() {
        true => format!("{}\n", json!({"program": program, "note": what, "hint": hint})),
        false => lines(program, what, hint, color.colours(terminal), if terminal { "! " } else { "" }),
    };
    say(&text);
}

fn speaks_json() -> bool {
    std::env::var_os(crate::variables::ERRORS).is_some_and(|v| v == "json")
}

/// One write, so that the lines of two programs never tear; nobody is left to hear of a failure.
fn say(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

fn lines(program: &str, what: &str, hint: Option<&str>, coloured: bool, mark: &str) -> String {
    let paint = |style: Style, text: &str| match coloured {
        true => style.paint(text).to_string(),
        false => text.to_owned(),
    };
    let mut out = String::new();
    if !mark.is_empty() {
        out += &paint(Color::Yellow.normal(), mark);
    }
    let _ = writeln!(out, "{}: {}", paint(Style::new().bold(), program), shown(what, false));
    if let Some(hint) = hint {
        let _ = writeln!(out, "{} {}", paint(Color::Cyan.normal(), "hint:"), shown(hint, true));
    }
    out
}

/// The text with everything that could steer a terminal or reorder a line made visible.
fn shown(text: &str, lines: bool) -> String {
    let steers = |c: char| {
        c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
    };
    let mut out = String::with_capacity(text.len());
    for c in text.trim_end_matches('\n').chars() {
        match c {
            '\n' if lines => out.push(c),
            c if steers(c) => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out
}

/// The system's words without the number, which says nothing to a person.
fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    let words = text.split(" (os error").next().unwrap_or_default();
    let mut chars = words.chars();
    // The first letter alone: names such as `EOF` keep theirs.
    match (chars.next(), chars.next()) {
        (Some(first), Some(second)) if second.is_lowercase() => {
            first.to_lowercase().to_string() + &words[first.len_utf8()..]
        }
        _ => words.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn damaged() -> Complaint {
        Complaint::new("ace-log", Exit::Damaged, "'fix' is damaged at line 17").hint("ace fork fix@16")
    }

    #[test]
    fn two_lines_plain_coloured_and_as_json() {
        assert_eq!(damaged().render(false), "ace-log: 'fix' is damaged at line 17\nhint: ace fork fix@16\n");
        assert_eq!(
            damaged().render(true),
            "\u{1b}[1mace-log\u{1b}[0m: 'fix' is damaged at line 17\n\u{1b}[36mhint:\u{1b}[0m ace fork fix@16\n"
        );
        assert_eq!(
            damaged().json(),
            "{\"program\":\"ace-log\",\"error\":\"'fix' is damaged at line 17\",\"hint\":\"ace fork fix@16\",\"exit\":65,\"code\":\"damaged\"}\n"
        );
    }

    #[test]
    fn names_cannot_steer_the_terminal_or_forge_a_second_line() {
        let text = Complaint::new("ace", Exit::No, "no session 'a\u{1b}[2Jb\nace: done\u{202e}'").render(false);
        assert_eq!(text, "ace: no session 'a\\u{1b}[2Jb\\u{a}ace: done\\u{202e}'\n");
    }

    #[test]
    fn a_hint_may_show_lines_for_a_file() {
        let text = Complaint::new("ace", Exit::Undecided, "x").hint("in rules.toml:\n  [[rule]]\n").render(false);
        assert_eq!(text, "ace: x\nhint: in rules.toml:\n  [[rule]]\n");
    }

    #[test]
    fn system_errors_lose_number_and_capital() {
        let error = std::io::Error::from_raw_os_error(28);
        assert_eq!(Complaint::io("ace-log", "cannot append", &error).what, "cannot append: no space left on device");
    }

    #[test]
    fn notes_have_a_mark_on_a_terminal_only() {
        assert_eq!(lines("ace", "not a git repository", None, false, "! "), "! ace: not a git repository\n");
        assert_eq!(lines("ace", "not a git repository", None, false, ""), "ace: not a git repository\n");
    }
}
