//! Amounts: what was spent, and how much may be. It must never know whose.

/// What a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Micro-dollars.
    Money,
    /// Tokens of all kinds.
    Tokens,
    /// Model calls.
    Calls,
    /// Turns.
    Turns,
    /// Seconds of work.
    Seconds,
}

impl Kind {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 5] = [Self::Money, Self::Tokens, Self::Calls, Self::Turns, Self::Seconds];

    /// As records and the configuration spell it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Money => "money",
            Self::Tokens => "tokens",
            Self::Calls => "calls",
            Self::Turns => "turns",
            Self::Seconds => "seconds",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|k| k.name() == name)
    }
}

/// What was spent, or is set aside.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spent {
    /// Micro-dollars.
    pub money: u64,
    /// Of these, an estimate: no figures came.
    pub estimated: u64,
    /// Tokens of all kinds.
    pub tokens: u64,
    /// Model calls.
    pub calls: u64,
    /// Turns.
    pub turns: u64,
    /// Ms of work.
    pub ms: u64,
    /// Calls that have no price.
    pub unpriced: u64,
}

impl Spent {
    /// Both together.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        Self {
            money: self.money.saturating_add(other.money),
            estimated: self.estimated.saturating_add(other.estimated),
            tokens: self.tokens.saturating_add(other.tokens),
            calls: self.calls.saturating_add(other.calls),
            turns: self.turns.saturating_add(other.turns),
            ms: self.ms.saturating_add(other.ms),
            unpriced: self.unpriced.saturating_add(other.unpriced),
        }
    }

    /// How much of that kind.
    #[must_use]
    pub fn of(&self, kind: Kind) -> u64 {
        match kind {
            Kind::Money => self.money,
            Kind::Tokens => self.tokens,
            Kind::Calls => self.calls,
            Kind::Turns => self.turns,
            Kind::Seconds => self.ms / 1000,
        }
    }
}

/// How much may be spent; 0 is no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Allowed {
    /// Micro-dollars.
    pub money: u64,
    /// Tokens of all kinds.
    pub tokens: u64,
    /// Model calls.
    pub calls: u64,
    /// Turns.
    pub turns: u64,
    /// Seconds of work.
    pub seconds: u64,
}

impl Allowed {
    /// The limit of that kind, if there is one.
    #[must_use]
    pub fn of(&self, kind: Kind) -> Option<u64> {
        let n = match kind {
            Kind::Money => self.money,
            Kind::Tokens => self.tokens,
            Kind::Calls => self.calls,
            Kind::Turns => self.turns,
            Kind::Seconds => self.seconds,
        };
        (n > 0).then_some(n)
    }

    /// Sets the limit of that kind.
    pub fn set(&mut self, kind: Kind, n: u64) {
        *match kind {
            Kind::Money => &mut self.money,
            Kind::Tokens => &mut self.tokens,
            Kind::Calls => &mut self.calls,
            Kind::Turns => &mut self.turns,
            Kind::Seconds => &mut self.seconds,
        } = n;
    }

    /// Whether nothing is limited.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
