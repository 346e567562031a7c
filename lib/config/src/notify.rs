//! How a person is called who looks elsewhere. What a terminal understands is for others to know.

/// Messages of the desktop.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Desktop {
    /// Where the terminal is known to pass them on.
    #[default]
    Auto,
    /// None.
    Never,
    /// The sequence that iTerm2 began.
    Osc9,
    /// The sequence that rxvt-unicode began.
    Osc777,
    /// The sequence that kitty began.
    Osc99,
}

impl Desktop {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Auto, Self::Never, Self::Osc9, Self::Osc777, Self::Osc99];

    /// The name as configured.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Never => "never",
            Self::Osc9 => "osc9",
            Self::Osc777 => "osc777",
            Self::Osc99 => "osc99",
        }
    }

    /// The one of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|d| d.name() == name)
    }
}
