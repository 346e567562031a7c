//! What the caller tells the views beside the log: names of the place, and what to offer next.
//! It must never know how any of it was found out.

use ace_schema::data::SessionCreated;

/// The facts in a session's first lines and in its verdict.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "each is an independent switch of the caller")]
pub struct SessionFacts {
    /// The session's name.
    pub name: String,
    /// Its branch; empty without one.
    pub branch: String,
    /// The branch it started from; empty if detached or without one.
    pub from: String,
    /// The commit it started from, any length; empty without one.
    pub base: String,
    /// `provider/model`.
    pub model: String,
    /// Name of the mode.
    pub mode: String,
    /// Name of the sandbox profile; `off` if there is none.
    pub sandbox: String,
    /// The person at this place, as decisions name them.
    pub person: String,
    /// Where calls run, as it shall be shown: `~/src/stats (worktree of fix-median)`.
    pub place: String,
    /// It is of a repository, so there is a project that a rule may be for.
    pub in_project: bool,
    /// Limit in micro-dollars, if one is set.
    pub budget: Option<u64>,
    /// Tokens that the model can take in, if that is known.
    pub window: Option<u64>,
    /// Path of the log as it shall be shown (`~` for the home); empty leaves the line out.
    pub log: String,
    /// The model is played from a recording: its cost is not paid again.
    pub played: bool,
    /// The prompt is printed: no command line above shows it.
    pub show_prompt: bool,
    /// The final answer goes elsewhere: it is left out here.
    pub hide_answer: bool,
    /// A person can answer a question here and now.
    pub answerable: bool,
}

impl SessionFacts {
    /// The facts that the session's first record holds.
    #[must_use]
    pub fn of(created: &SessionCreated) -> Self {
        let worktree = created.worktree.clone().unwrap_or_default();
        Self {
            name: created.name.clone(),
            branch: worktree.branch,
            from: worktree.from,
            base: worktree.base,
            model: created.model.clone(),
            mode: created.mode.name().to_owned(),
            sandbox: match created.sandbox.as_str() {
                _ if created.unsandboxed => "off".to_owned(),
                "" => "workspace".to_owned(),
                profile => profile.to_owned(),
            },
            person: created.owner.clone(),
            place: created.cwd.clone(),
            in_project: created.repository.is_some(),
            budget: Some(created.limits.money).filter(|money| *money > 0),
            ..Self::default()
        }
    }
}

/// A command to offer, and what it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Next {
    /// The command as typed.
    pub command: String,
    /// What it does, a few words; may be empty.
    pub about: String,
}

impl Next {
    /// A command and what it does.
    #[must_use]
    pub fn new(command: impl Into<String>, about: impl Into<String>) -> Self {
        Self { command: command.into(), about: about.into() }
    }
}
