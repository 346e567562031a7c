//! Where the files of rules lie, and how an answer becomes a rule in the person's own file. What rules mean is `ace-permissions`'s;
//! nothing is ever written into a repository.

use ace_permissions::{About, CallFacts, Layer, Mode, Problem, RuleText, Rulebook, decide_by};
use ace_schema::data::{Proposal, ToolCall};
use ace_schema::limits::RULES_BYTES;
use ace_storage::Blobs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// The operator's file.
pub const OPERATOR_RULES: &str = "/etc/ace/rules.toml";

/// The name of a file of rules beside a configuration.
pub const RULES_FILE: &str = "rules.toml";

/// Why there are no rules.
#[derive(Debug, thiserror::Error)]
pub enum RulesError {
    /// A file is there and cannot be read.
    #[error("cannot read '{file}': {source}")]
    Read {
        /// The file.
        file: String,
        /// Why.
        source: io::Error,
    },
    /// What a file says is wrong: no call is decided by half of the rules.
    #[error("{}", .0.first().map_or_else(String::new, ToString::to_string))]
    Problems(Vec<Problem>),
    /// The person's file cannot be written.
    #[error("cannot write '{file}': {source}")]
    Write {
        /// The file.
        file: String,
        /// Why.
        source: io::Error,
    },
    /// There is nothing a rule could say, or nowhere to write it.
    #[error("{0}")]
    Nothing(&'static str),
}

/// The file of the person's own rules; `user` is the folder of their configuration.
#[must_use]
pub fn user_rules(user: &Path) -> Option<PathBuf> {
    user.is_absolute().then(|| user.join(RULES_FILE))
}

/// All rules in force for a project, the strongest layer first. `root` is the root of the person's own work tree.
///
/// # Errors
/// See [`RulesError`].
pub fn rulebook(user: &Path, root: Option<&Path>) -> Result<Rulebook, RulesError> {
    let files = [
        (Layer::Operator, Some(PathBuf::from(OPERATOR_RULES))),
        (Layer::User, user_rules(user)),
        (Layer::Project, root.filter(|r| r.is_absolute()).map(|root| root.join(".ace").join(RULES_FILE))),
    ];
    let mut texts = Vec::new();
    for (layer, file) in files {
        if let Some(text) = file.map(|file| read(layer, &file)).transpose()?.flatten() {
            texts.push(text);
        }
    }
    Rulebook::read(&texts).map_err(RulesError::Problems)
}

/// One file of rules; `None` if there is none.
///
/// # Errors
/// It is there and cannot be read.
pub fn read(layer: Layer, file: &Path) -> Result<Option<RuleText>, RulesError> {
    let name = file.display().to_string();
    let fail = |source| RulesError::Read { file: name.clone(), source };
    let opened = match std::fs::File::open(file) {
        Ok(opened) => opened,
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => return Ok(None),
        Err(e) => return Err(fail(e)),
    };
    let mut text = String::new();
    opened.take(RULES_BYTES as u64 + 1).read_to_string(&mut text).map_err(fail)?;
    Ok(Some(RuleText { layer, file: name.clone(), text }))
}

/// Whether a rule for such calls would allow this one; `data` is what its record says, with long arguments among the blobs, `cwd`
/// where it would run.
#[must_use]
pub fn covers(rule: &Proposal, data: &str, blobs: &Blobs, cwd: &str) -> bool {
    const ID: &str = "typed";
    let mut book = Rulebook::default();
    let Ok(call) = serde_json::from_str::<ToolCall>(data) else { return false };
    let args: Option<serde_json::Value> = match &call.blob {
        Some(blob) => blobs.get(&blob.sha).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()),
        None => call.args.and_then(|raw| serde_json::from_str(raw.get()).ok()),
    };
    let args = args.unwrap_or_default();
    let facts = CallFacts { tool: &call.tool, args: &args, cwd, tmp: "", sandboxed: true, unsandboxed: false };
    book.grant(rule, ID) && decide_by(&book, Mode::Ask, &facts, &About::default()).rule == ID
}

/// Adds what a person granted to their own file, for one project or for all. The name of the rule and the file.
///
/// # Errors
/// See [`RulesError`]; the file is then as it was.
pub fn remember(user: &Path, grant: &Proposal, project: Option<&str>) -> Result<(String, PathBuf), RulesError> {
    let file = user_rules(user).ok_or(RulesError::Nothing("no place for rules: neither ACE_CONFIG nor HOME is set"))?;
    let name = file.display().to_string();
    let fail = |source| RulesError::Write { file: name.clone(), source };
    let old = read(Layer::User, &file)?.map_or_else(String::new, |t| t.text);
    let book = Rulebook::read(&[RuleText { layer: Layer::User, file: name.clone(), text: old.clone() }])
        .map_err(RulesError::Problems)?;
    let number = (1..).find(|n| !book.rules().iter().any(|r| r.id == format!("granted-{n}"))).unwrap_or(1);
    let id = format!("granted-{number}");
    let gap = if old.is_empty() || old.ends_with("\n\n") {
        ""
    } else if old.ends_with('\n') {
        "\n"
    } else {
        "\n\n"
    };
    let new = format!("{old}{gap}{}", toml(grant, &id, project));
    Rulebook::read(&[RuleText { layer: Layer::User, file: name.clone(), text: new.clone() }])
        .map_err(RulesError::Problems)?;
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder).map_err(fail)?;
    }
    let aside = file.with_extension(format!("new-{}", std::process::id()));
    let write = || {
        let mut out = std::fs::File::create(&aside)?;
        out.write_all(new.as_bytes())?;
        out.sync_all()?;
        std::fs::rename(&aside, &file)
    };
    write().map_err(fail)?;
    Ok((id, file))
}

/// A grant as a person would have written it.
#[must_use]
pub fn toml(grant: &Proposal, id: &str, project: Option<&str>) -> String {
    let quoted = |text: &str| ace_config::quoted(text);
    let mut out = format!("[[rule]]\nid = {}\ntool = {}\n", quoted(id), quoted(&grant.tool));
    if !grant.command.is_empty() {
        out += &format!("command = {}\n", quoted(&grant.command));
    }
    if !grant.paths.is_empty() {
        let paths: Vec<String> = grant.paths.iter().map(|p| quoted(p)).collect();
        out += &format!("paths = [{}]\n", paths.join(", "));
    }
    if let Some(project) = project {
        out += &format!("project = {}\n", quoted(project));
    }
    out + "decision = \"allow\"\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(command: &str) -> Proposal {
        Proposal { tool: "shell".to_owned(), command: command.to_owned(), paths: Vec::new() }
    }

    #[test]
    fn p20_a_grant_becomes_a_rule_in_the_persons_own_file() {
        let user = tempfile::tempdir().unwrap();
        let file = user.path().join(RULES_FILE);
        std::fs::write(&file, "# mine\n[[rule]]\nid = 'a'\ntool = 'read'\npaths = '.env'\ndecision = 'deny'").unwrap();
        let (id, _) = remember(user.path(), &grant("cargo add ..."), None).unwrap();
        assert_eq!(id, "granted-1");
        let (id, _) = remember(user.path(), &grant("echo 'a \"b\" \\'"), Some("/p")).unwrap();
        assert_eq!(id, "granted-2");
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.starts_with("# mine\n") && text.contains("\n\n[[rule]]\nid = \"granted-1\"\ntool = \"shell\"\ncommand = \"cargo add ...\"\ndecision = \"allow\"\n"), "{text}");
        assert_eq!(rulebook(user.path(), None).unwrap().rules().len(), 3);
        std::fs::write(&file, "[[rule]]\n").unwrap();
        assert!(remember(user.path(), &grant("x"), None).is_err(), "a broken file stays as it is");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "[[rule]]\n");
        assert!(remember(Path::new(""), &grant("x"), None).is_err(), "never beside the project");
    }
}
