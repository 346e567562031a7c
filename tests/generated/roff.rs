//! Man page source as it grows: text in, roff out. It knows no program and no event.

/// Date of all pages; set with a release.
pub const DATE: &str = "2026-11-20";

/// A page.
pub struct Roff(String);

impl Roff {
    /// The head of a page and where it was made from.
    pub fn new(name: &str, section: u8, made: &str) -> Self {
        let title = name.to_uppercase().replace('-', "\\-");
        let version = env!("CARGO_PKG_VERSION");
        Self(format!(
            ".\\\" Made from {made} by tests/generated.rs. Do not edit: ACE_BLESS=1 rewrites it.\n.TH {title} {section} {DATE} \"ace {version}\"\n"
        ))
    }

    pub fn section(&mut self, title: &str) {
        self.0 += &format!(".SH {title}\n");
    }

    pub fn part(&mut self, title: &str) {
        self.0 += &format!(".SS {}\n", text(title).replace('"', "\\(dq"));
    }

    /// A paragraph.
    pub fn say(&mut self, words: &str) {
        self.gap();
        self.line(words);
    }

    /// Between paragraphs; a head makes its own.
    fn gap(&mut self) {
        if !self.0.lines().last().is_some_and(|l| l.starts_with(".S")) {
            self.0 += ".PP\n";
        }
    }

    /// Words with `code` in bold, in lines of the length that roff's checkers like.
    pub fn line(&mut self, words: &str) {
        let mut row = String::new();
        for word in text(words).split(' ') {
            if !row.is_empty() && row.len() + word.len() >= 78 {
                self.0 += &row;
                self.0.push('\n');
                row.clear();
            }
            if !row.is_empty() {
                row.push(' ');
            } else if word.starts_with('.') {
                row.push_str("\\&");
            }
            row += word;
        }
        self.0 += &row;
        self.0.push('\n');
    }

    /// The same as a paragraph of its own, also behind terms.
    pub fn line_apart(&mut self, words: &str) {
        self.0 += ".PP\n";
        self.line(words);
    }

    /// A term and what it is.
    pub fn term(&mut self, term: &str, words: &str) {
        self.0 += ".TP\n";
        self.0 += &format!("\\fB{}\\fR\n", text(term));
        self.line(words);
    }

    /// Lines as they are.
    pub fn example(&mut self, lines: &str) {
        self.gap();
        self.0 += ".RS 4\n.EX\n";
        for line in lines.lines() {
            self.0 += &text(line);
            self.0.push('\n');
        }
        self.0 += ".EE\n.RE\n";
    }

    /// The pages to read on, in the order of sections.
    pub fn also(&mut self, pages: &[(&str, u8)]) {
        self.section("SEE ALSO");
        let all: Vec<String> = pages.iter().map(|(name, n)| format!("\\fB{}\\fR({n})", text(name))).collect();
        self.0 += &format!("{}\n", all.join(",\n"));
    }

    pub fn end(self) -> String {
        self.0
    }
}

/// Text as roff has it: nothing in it is a command, and every sign can be copied from the page.
fn text(words: &str) -> String {
    let mut out = String::new();
    let mut bold = false;
    // Backticks mark code in doc comments, but stand for themselves in examples of shell.
    let code = words.matches('`').count().is_multiple_of(2) && !words.starts_with([' ', '{', '"']);
    for (i, c) in words.chars().enumerate() {
        match c {
            '`' if code => {
                bold = !bold;
                out += if bold { "\\fB" } else { "\\fR" };
            }
            '`' => out += "\\(ga",
            '\\' => out += "\\e",
            '-' => out += "\\-",
            '\'' => out += "\\(aq",
            '^' => out += "\\(ha",
            '~' => out += "\\(ti",
            '.' if i == 0 => out += "\\&.",
            c if c.is_ascii() => out.push(c),
            c => out += &format!("\\[u{:04X}]", u32::from(c)),
        }
    }
    out
}

/// The text of an example again, as a person would copy it from the page.
pub fn plain(roff: &str) -> String {
    let mut out = roff.to_owned();
    for (from, to) in [
        ("\\(ga", "`"),
        ("\\-", "-"),
        ("\\(aq", "'"),
        ("\\(ha", "^"),
        ("\\(ti", "~"),
        ("\\(dq", "\""),
        ("\\&", ""),
        ("\\[u2026]", "…"),
    ] {
        out = out.replace(from, to);
    }
    out.replace("\\e", "\\")
}

#[test]
fn what_goes_in_can_be_copied_out() {
    let code = "sed -n '1p' ~/x | awk '{ print \"a\\n\" }' # ^…";
    assert_eq!(plain(&text(code)), code);
    assert_eq!(plain(&text(".profile")), ".profile");
    assert_eq!(text("see `ace-log`"), "see \\fBace\\-log\\fR");
}
