//! `rm-root`: recursive removal of the root, a home, or everything around the worktree.

use super::Sure;
use super::words::View;
use crate::path::resolve;
use crate::shell::Word;

/// Folders of the system under the root: without one of them there is no machine.
const SYSTEM: &[&str] =
    &["bin", "boot", "dev", "etc", "home", "lib", "lib64", "opt", "proc", "root", "sbin", "srv", "sys", "usr", "var"];

/// Where a `cd` leads: `true` to a place of which everything is too much; `None` if the view is no `cd`.
pub fn goes_away(view: &View<'_>, cwd: &str) -> Option<bool> {
    let to = || view.args.iter().find(|w| !w.text.starts_with('-'));
    matches!(view.name.as_str(), "cd" | "pushd").then(|| to().is_none_or(|word| target(word, cwd) == Sure::Yes))
}

/// Whether the view is such a removal; `away` says that the command has left for the root or a home before.
pub fn removes_root(view: &View<'_>, cwd: &str, away: bool) -> Sure {
    if view.name != "rm" {
        return Sure::No;
    }
    let ends = view.args.iter().position(|w| w.text == "--").unwrap_or(view.args.len());
    let is_option = |(at, word): &(usize, &Word)| *at < ends && word.text.starts_with('-') && word.text.len() > 1;
    let recursive = |word: &Word| match word.text.strip_prefix("--") {
        Some(long) => !long.is_empty() && "recursive".starts_with(long),
        None => word.text.contains(['r', 'R']),
    };
    let args = || view.args.iter().enumerate();
    // Options that the shell makes up could hold the letter.
    if !args().any(|a| is_option(&a) && recursive(a.1)) {
        return Sure::No;
    }
    let all_here =
        |word: &Word| away && !word.text.is_empty() && word.text.chars().all(|c| matches!(c, '.' | '/' | '*'));
    let judge = |word: &Word| if all_here(word) { Sure::Yes } else { target(word, cwd) };
    args().filter(|a| !is_option(a)).map(|(_, word)| judge(word)).max().unwrap_or(Sure::No)
}

fn target(word: &Word, cwd: &str) -> Sure {
    let text = word.text.as_str();
    for home in ["$HOME", "${HOME}", "~"] {
        match text.strip_prefix(home) {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => return around(&format!("/home{rest}"), "/home"),
            _ => {}
        }
    }
    if !word.inner.is_empty() {
        // A substitution and nothing behind it that narrows: if it is empty, the root is left.
        return if text.starts_with('/') && around(text, cwd) == Sure::Yes { Sure::Maybe } else { Sure::No };
    }
    if let Some(rest) = variable(text) {
        return if around(rest, "/") == Sure::Yes && rest.starts_with('/') { Sure::Maybe } else { Sure::No };
    }
    around(text, cwd)
}

/// What stands behind a leading variable; one with a check of its own (`${X:?}`) is taken as set.
fn variable(text: &str) -> Option<&str> {
    let rest = text.strip_prefix('$')?;
    if let Some(braced) = rest.strip_prefix('{') {
        let (name, rest) = braced.split_once('}')?;
        return Some(if name.contains('?') { "" } else { rest });
    }
    Some(rest.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_'))
}

/// Whether a path is the root or strictly around `cwd`; a wildcard at its end stands for all of its folder.
fn around(path: &str, cwd: &str) -> Sure {
    let wild = |last: &str| {
        !last.is_empty()
            && last.chars().all(|c| matches!(c, '*' | '.' | '?' | '{' | '}' | ',' | '[' | ']' | '!'))
            && last.contains(['*', '?'])
    };
    let trimmed = path.trim_end_matches('/');
    let (folder, all) = match trimmed.rsplit_once('/') {
        Some(("", last)) if wild(last) => ("/", true),
        Some((folder, last)) if wild(last) => (folder, true),
        _ if path.starts_with('/') && trimmed.is_empty() => ("/", false),
        _ => (path, false),
    };
    if folder.is_empty() || (!folder.starts_with('/') && !cwd.starts_with('/')) {
        return Sure::No;
    }
    let Some(target) = resolve(folder, cwd) else { return Sure::Yes };
    let here = resolve(cwd, "/").unwrap_or_default();
    // The home itself is judged with itself as the place: there the folder counts too.
    let home = cwd == "/home" && path.starts_with("/home");
    let above = here.starts_with(&target) && (target.len() < here.len() || home || (all && here.is_empty()));
    let system = matches!(target.as_slice(), [only] if SYSTEM.contains(only)) && !home;
    super::yes(target.is_empty() || above || system)
}
