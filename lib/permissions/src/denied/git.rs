//! `git-hooks`: configuration and files that make git start programs by itself later.

use super::Sure;
use super::words::View;

/// Keys whose value git runs, small letters.
const KEYS: &[&str] =
    &["core.hookspath", "core.fsmonitor", "core.sshcommand", "core.gitproxy", "diff.external", "init.templatedir"];
/// Programs that write the files they name.
const WRITERS: &[&str] =
    &["cp", "mv", "tee", "install", "ln", "rsync", "sed", "touch", "chmod", "dd", "patch", "truncate", "mkdir"];

/// Whether the view sets such a key or writes such a file.
pub fn plants(view: &View<'_>) -> Sure {
    let words = || view.args.iter().map(|w| w.text.to_lowercase());
    let sets = view.name == "git" && (words().any(|w| one_off(&w)) || configures(&words().collect::<Vec<_>>()));
    let writes = WRITERS.contains(&view.name.as_str()) && words().any(|w| is_hook(&w));
    super::yes(sets || writes)
}

/// `-c key=value` in one word or behind its flag, `--config-env=key=VAR`.
fn one_off(word: &str) -> bool {
    let word = word.strip_prefix("--config-env=").or_else(|| word.strip_prefix("-c")).unwrap_or(word);
    word.split_once('=').is_some_and(|(key, value)| runs(key, value))
}

/// `git config [options] key value`: reading has no value.
fn configures(words: &[String]) -> bool {
    let Some(at) = words.iter().position(|w| w == "config") else { return false };
    let behind: Vec<&String> = words[at + 1..].iter().filter(|w| !w.starts_with('-')).collect();
    behind.windows(2).any(|pair| runs(pair[0], pair[1]))
}

/// Whether git starts the value of the key.
fn runs(key: &str, value: &str) -> bool {
    let filter = key.starts_with("filter.") && [".clean", ".smudge", ".process"].iter().any(|end| key.ends_with(end));
    let diff = key.starts_with("diff.") && [".textconv", ".command"].iter().any(|end| key.ends_with(end));
    KEYS.contains(&key) || filter || diff || (key.starts_with("alias.") && value.starts_with('!'))
}

/// A hook, or the file that says where they are.
fn is_hook(word: &str) -> bool {
    [".git/hooks", ".git/config", ".git/info/attributes"].iter().any(|p| word.contains(p))
}
