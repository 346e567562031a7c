//! Arguments that more than one program takes. They are values only; what they do is decided elsewhere.

use ace_schema::limits::{ANSWERS_PER_TURN_MOST, ROUNDS_MOST};
use ace_schema::permission::{Confinement, Mode};
use clap::Args;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use std::path::PathBuf;

/// What a new session is like.
#[derive(Debug, Clone, Default, Args)]
pub struct SessionOptions {
    /// Provider and model
    #[arg(short, long, value_name = "NAME/MODEL", help_heading = "Model")]
    pub model: Option<String>,
    /// Show a picture, again for each
    #[arg(long = "image", value_name = "FILE", help_heading = "Model")]
    pub images: Vec<PathBuf>,
    /// The answer is JSON that fits FILE
    #[arg(long, value_name = "FILE", help_heading = "Model")]
    pub schema: Option<PathBuf>,
    /// plan, ask (default), edit, auto
    #[arg(long, value_name = "MODE", value_parser = modes(), hide_possible_values = true, help_heading = "Rights")]
    pub mode: Option<Mode>,
    /// read-only, workspace (default), network, off
    #[arg(long, value_name = "PROFILE", value_parser = profiles(), hide_possible_values = true, help_heading = "Rights")]
    pub sandbox: Option<Confinement>,
    /// Tools without a sandbox, recorded
    #[arg(long, help_heading = "Rights", conflicts_with = "sandbox")]
    pub unsandboxed: bool,
    /// Of session and branch
    #[arg(long, value_name = "NAME", help_heading = "Place")]
    pub name: Option<String>,
    /// The worktree starts there (default HEAD)
    #[arg(long, value_name = "REV", help_heading = "Place", conflicts_with = "no_worktree")]
    pub base: Option<String>,
    /// Bring uncommitted changes along
    #[arg(long, help_heading = "Place", conflicts_with = "no_worktree")]
    pub carry: bool,
    /// Work in place
    #[arg(long, help_heading = "Place")]
    pub no_worktree: bool,
    /// Stop after N model answers
    #[arg(long, value_name = "N", help_heading = "Limits", value_parser = clap::value_parser!(u32).range(1..=i64::from(ANSWERS_PER_TURN_MOST)))]
    pub max_turns: Option<u32>,
    /// Of money, groups and time.
    #[command(flatten)]
    pub limits: crate::quota::Limits,
}

impl SessionOptions {
    /// The layers of configuration that these flags are: (flag, key, value as TOML has it).
    #[must_use]
    pub fn layers(&self) -> Vec<ace_config::Layer> {
        let mut layers = Vec::new();
        if let Some(model) = &self.model {
            layers.push(ace_config::Layer::flag("--model", "model", model));
        }
        if let Some(mode) = self.mode {
            layers.push(ace_config::Layer::flag("--mode", "mode", mode.name()));
        }
        if let Some(profile) = self.sandbox {
            layers.push(ace_config::Layer::flag("--sandbox", "sandbox.profile", profile.name()));
        }
        if let Some(answers) = self.max_turns {
            layers.push(ace_config::Layer::flag("--max-turns", "limits.answers", &answers.to_string()));
        }
        layers.extend(self.limits.layers());
        layers
    }

    /// The flags again, to hand them to `ace-session new`.
    #[must_use]
    pub fn arguments(&self) -> Vec<String> {
        let mut out = Vec::new();
        let mut pair = |flag: &str, value: Option<&str>| out.extend(value.map(|v| format!("{flag}={v}")));
        pair("--model", self.model.as_deref());
        pair("--schema", self.schema.as_ref().map(|p| p.display().to_string()).as_deref());
        pair("--mode", self.mode.map(Mode::name));
        pair("--sandbox", self.sandbox.map(Confinement::name));
        pair("--name", self.name.as_deref());
        pair("--base", self.base.as_deref());
        pair("--max-turns", self.max_turns.map(|n| n.to_string()).as_deref());
        out.extend(self.images.iter().map(|file| format!("--image={}", file.display())));
        for (flag, on) in
            [("--carry", self.carry), ("--no-worktree", self.no_worktree), ("--unsandboxed", self.unsandboxed)]
        {
            out.extend(on.then(|| flag.to_owned()));
        }
        out.extend(self.limits.arguments());
        out
    }
}

/// What turns follow each other for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct Goal {
    /// Go on, turn by turn, until CMD succeeds
    #[arg(long, value_name = "CMD", help_heading = "Limits")]
    pub until: Option<String>,
    /// Turns for that (default 10)
    #[arg(long, value_name = "N", requires = "until", help_heading = "Limits", value_parser = clap::value_parser!(u32).range(1..=i64::from(ROUNDS_MOST)))]
    pub rounds: Option<u32>,
}

/// What every filter takes.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct Filter {
    /// Send back own drafts alone
    #[arg(long)]
    pub drafts_only: bool,
}

/// Reads a mode; its names are shown when a wrong one is typed.
pub(crate) fn modes() -> impl TypedValueParser<Value = Mode> {
    PossibleValuesParser::new(Mode::ALL.map(Mode::name)).map(|name| Mode::parse(&name).unwrap_or_default())
}

/// Reads the profile of a sandbox.
fn profiles() -> impl TypedValueParser<Value = Confinement> {
    PossibleValuesParser::new(Confinement::ALL.map(Confinement::name))
        .map(|name| Confinement::parse(&name).unwrap_or_default())
}

/// The prompt: the argument, what came on stdin, or both (`git diff | ace ask "review this"`); `None` if neither says anything.
#[must_use]
pub fn join_prompt(argument: Option<&str>, stdin: Option<&str>) -> Option<String> {
    let parts: Vec<&str> =
        [argument, stdin].into_iter().flatten().map(str::trim_end).filter(|p| !p.trim().is_empty()).collect();
    (!parts.is_empty()).then(|| parts.join("\n\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_is_the_argument_stdin_or_both() {
        assert_eq!(join_prompt(Some("fix it"), None).as_deref(), Some("fix it"));
        assert_eq!(join_prompt(None, Some("  indented\n\n")).as_deref(), Some("  indented"));
        assert_eq!(join_prompt(Some("review"), Some("+a\n-b\n")).as_deref(), Some("review\n\n+a\n-b"));
        assert_eq!(join_prompt(Some(" "), Some("\n")), None);
    }

    #[test]
    fn flags_survive_being_handed_on() {
        let typed = [
            "--model=openai/x",
            "--mode=auto",
            "--name=a",
            "--base=main",
            "--max-turns=3",
            "--carry",
            "--unsandboxed",
            "--budget=0.50",
            "--group=ci",
            "--max-time=90s",
        ];
        let line = ["ace-session", "new"].iter().chain(&typed).map(std::ffi::OsString::from).collect();
        let session = crate::parse_from::<crate::session::Session>(line).unwrap();
        let crate::session::Command::New { options, .. } = session.command else { panic!("not new") };
        assert_eq!(options.arguments(), typed);
        assert_eq!(options.layers().len(), 5);
    }
}
