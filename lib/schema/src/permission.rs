//! Decisions, modes and scopes.

use serde::{Deserialize, Serialize};

/// What may happen to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// It may run.
    Allow,
    /// It may not.
    Deny,
    /// Somebody has to say.
    Ask,
}

/// How much runs without asking. In the log, so that a restart keeps it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Reading tools only.
    Plan,
    /// Reading is free; edits and commands are asked.
    #[default]
    Ask,
    /// Edits in the worktree are free too.
    Edit,
    /// All inside the sandbox is free; what would leave it asks.
    Auto,
}

impl Mode {
    /// All modes, from the narrowest.
    pub const ALL: [Self; 4] = [Self::Plan, Self::Ask, Self::Edit, Self::Auto];

    /// The name as typed.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Ask => "ask",
            Self::Edit => "edit",
            Self::Auto => "auto",
        }
    }

    /// The mode of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|m| m.name() == name)
    }
}

/// What tools may reach: the profile of their sandbox.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confinement {
    /// The worktree is read, nothing but the temporary folder is written, no network.
    ReadOnly,
    /// The worktree is written, no network.
    #[default]
    Workspace,
    /// The same with a way to some hosts, or to all public ones.
    Network,
    /// No sandbox.
    Off,
}

impl Confinement {
    /// All profiles, from the narrowest.
    pub const ALL: [Self; 4] = [Self::ReadOnly, Self::Workspace, Self::Network, Self::Off];

    /// The name as typed and recorded.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ReadOnly => "read-only",
            Self::Workspace => "workspace",
            Self::Network => "network",
            Self::Off => "off",
        }
    }

    /// The profile of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.name() == name)
    }
}

/// How far a decision reaches.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// This call.
    #[default]
    Once,
    /// This session.
    Session,
    /// This project.
    Project,
    /// Everywhere.
    Always,
}

impl Scope {
    /// Whether it is this call alone.
    #[must_use]
    pub fn is_once(&self) -> bool {
        *self == Self::Once
    }
}

/// What a call could do at worst, from the lightest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Risk {
    /// Looks at files and changes nothing.
    #[default]
    Read,
    /// Creates or changes files.
    Write,
    /// Starts code whose doing is not known.
    Execute,
    /// Reaches for other machines.
    Network,
    /// Takes away what cannot be brought back, or acts as somebody else.
    Destructive,
}

impl Risk {
    /// All classes, from the lightest.
    pub const ALL: [Self; 5] = [Self::Read, Self::Write, Self::Execute, Self::Network, Self::Destructive];

    /// The name as written in rules.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Execute => "execute",
            Self::Network => "network",
            Self::Destructive => "destructive",
        }
    }
}
