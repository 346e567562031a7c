//! What a line may look like: the roles of its spans, the six marks, and what the place it is shown in can do.
//! It must never know which terminal that is.

use nu_ansi_term::{Color, Style as Sgr};

/// The meaning of a span. Four of the eight ANSI colours, bold and dim, foreground only.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Role {
    /// Plain.
    #[default]
    Plain,
    /// Names and verdicts: bold.
    Bold,
    /// What may be skipped: dim.
    Dim,
    /// Succeeded, added: green.
    Good,
    /// Failed, removed, damaged, destructive: red.
    Bad,
    /// A boundary (waits, refused, warned, dirty, unsandboxed, unpriced): yellow.
    Edge,
    /// What can be typed or quoted (commands, code, `@23`, hints): cyan.
    Typed,
    /// A good verdict: bold green.
    GoodBold,
    /// A bad verdict: bold red.
    BadBold,
    /// A boundary that must not be missed: bold yellow.
    EdgeBold,
}

impl Role {
    /// The select-graphic-rendition of this role.
    #[must_use]
    pub fn sgr(self) -> Sgr {
        match self {
            Self::Plain => Sgr::new(),
            Self::Bold => Sgr::new().bold(),
            Self::Dim => Sgr::new().dimmed(),
            Self::Good => Color::Green.normal(),
            Self::Bad => Color::Red.normal(),
            Self::Edge => Color::Yellow.normal(),
            Self::Typed => Color::Cyan.normal(),
            Self::GoodBold => Color::Green.bold(),
            Self::BadBold => Color::Red.bold(),
            Self::EdgeBold => Color::Yellow.bold(),
        }
    }

    /// The same meaning as a verdict: its bold form, where there is one.
    #[must_use]
    pub fn bold(self) -> Self {
        match self {
            Self::Good => Self::GoodBold,
            Self::Bad => Self::BadBold,
            Self::Edge => Self::EdgeBold,
            Self::Plain => Self::Bold,
            other => other,
        }
    }
}

/// The six marks, one cell each, always in column 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// Waits for a person.
    Waits,
    /// Runs.
    Runs,
    /// Done.
    Done,
    /// Failed.
    Failed,
    /// Refused.
    Refused,
    /// A warning.
    Warns,
}

impl Mark {
    /// All marks, in the order of the manual.
    pub const ALL: [Self; 6] = [Self::Waits, Self::Runs, Self::Done, Self::Failed, Self::Refused, Self::Warns];

    /// The character, one cell wide.
    #[must_use]
    pub fn glyph(self, ascii: bool) -> &'static str {
        let (unicode, plain) = match self {
            Self::Waits => ("?", "?"),
            Self::Runs => ("▸", ">"),
            Self::Done => ("✓", "+"),
            Self::Failed => ("✗", "x"),
            Self::Refused => ("⊘", "-"),
            Self::Warns => ("!", "!"),
        };
        if ascii { plain } else { unicode }
    }

    /// Its colour.
    #[must_use]
    pub fn role(self) -> Role {
        match self {
            Self::Waits | Self::Refused | Self::Warns => Role::Edge,
            Self::Runs => Role::Typed,
            Self::Done => Role::Good,
            Self::Failed => Role::Bad,
        }
    }
}

/// The widest layout, cells.
pub const WIDEST: usize = 100;
/// The narrowest layout, cells: less is treated as this, and the terminal wraps.
pub const NARROWEST: usize = 20;

/// What the place can do, and how much a person wants to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "each is an independent switch of a person")]
pub struct Style {
    /// Escape sequences for colour.
    pub color: bool,
    /// The place shows no Unicode: marks in ASCII, `$` for the ellipsis.
    pub ascii: bool,
    /// The place draws ambiguous characters two cells wide: `$` for the ellipsis.
    pub cjk: bool,
    /// Cells of the layout, see [`Style::new`].
    pub width: usize,
    /// Nothing is repainted: a line comes when it has its number.
    pub plain: bool,
    /// Reasoning is shown whole.
    pub reasoning: bool,
    /// Errors only.
    pub quiet: bool,
    /// Nothing is cut: what is too long makes its line longer.
    pub whole: bool,
}

impl Style {
    /// The style of a colour terminal with so many columns (at most [`WIDEST`] are used).
    #[must_use]
    pub fn new(columns: usize) -> Self {
        Self {
            color: true,
            ascii: false,
            cjk: false,
            width: columns.clamp(NARROWEST, WIDEST),
            plain: false,
            reasoning: false,
            quiet: false,
            whole: false,
        }
    }

    /// What stands where text is cut, one cell.
    #[must_use]
    pub fn ellipsis(&self) -> &'static str {
        if self.ascii || self.cjk { "$" } else { "…" }
    }

    /// The character of a mark.
    #[must_use]
    pub fn glyph(&self, mark: Mark) -> &'static str {
        mark.glyph(self.ascii)
    }
}
