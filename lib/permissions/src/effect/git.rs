//! git: which verbs only look, which options make them write or run, and what cannot be brought back.

use ace_schema::permission::Risk;

use super::options::bad_option;
use super::{Effect, shown};
use crate::reading::Arg;

/// Options before the verb that change nothing but the output.
const GLOBALS: &[&str] =
    &["--no-pager", "-P", "--no-optional-locks", "--literal-pathspecs", "--no-replace-objects", "--no-advice"];

/// Options of reading verbs that write a file or run a program, long and with `=`.
const RUNS: &[&str] = &[
    "--output",
    "--ext-diff",
    "--textconv",
    "--exec",
    "--upload-pack",
    "--receive-pack",
    "--open-files-in-pager",
    "--filters",
    "--paginate",
    "--output-directory",
    "--contents",
    "--use-mailmap-file",
    "--no-index",
    "--exec-path",
    "--command",
];

/// Verbs that only look, whatever else they are given.
const READS: &[&str] = &[
    "status",
    "log",
    "show",
    "diff",
    "blame",
    "annotate",
    "shortlog",
    "rev-parse",
    "rev-list",
    "ls-files",
    "ls-tree",
    "cat-file",
    "describe",
    "name-rev",
    "merge-base",
    "for-each-ref",
    "show-ref",
    "grep",
    "whatchanged",
    "diff-tree",
    "diff-index",
    "diff-files",
    "count-objects",
    "check-ignore",
    "check-attr",
    "cherry",
    "range-diff",
    "var",
    "version",
    "help",
    "merge-tree",
    "show-branch",
    "verify-commit",
    "verify-tag",
];

const NETWORK: &[&str] = &["fetch", "pull", "push", "clone", "ls-remote", "send-email", "svn", "archive"];
const DESTRUCTIVE: &[&str] = &[
    "clean",
    "rm",
    "filter-branch",
    "filter-repo",
    "gc",
    "prune",
    "reset",
    "restore",
    "update-ref",
    "replace",
    "fast-import",
];
const RUNS_CODE: &[&str] =
    &["bisect", "difftool", "mergetool", "submodule", "hook", "maintenance", "daemon", "instaweb", "gui", "lfs"];

/// The effect of `git` with these arguments.
pub fn effect(args: &[Arg]) -> Effect {
    let globals = args.iter().take_while(|a| GLOBALS.contains(&a.text.as_str())).count();
    let Some(verb) = args.get(globals) else { return Effect::of(Risk::Read, "'git' alone prints its help") };
    let (name, rest) = (verb.text.as_str(), &args[globals + 1..]);
    if name.starts_with('-') {
        if matches!(name, "--version" | "--help") && rest.is_empty() {
            return Effect::of(Risk::Read, "'git' alone prints its help");
        }
        return Effect::with(Risk::Execute, format!("'{}' before the verb changes what git obeys", shown(name)), name);
    }
    let effect = of_verb(name, rest);
    // Reading verbs are listed, and so are the options that make them do more.
    match bad_option(rest, "", RUNS).filter(|_| effect.risk == Risk::Read) {
        Some(option) => Effect::with(
            Risk::Execute,
            format!("'{}' of 'git {name}' runs or writes something", shown(&option)),
            &option,
        ),
        None if name == "grep" && rest.iter().any(|a| a.text.starts_with("-O")) => {
            Effect::with(Risk::Execute, "'-O' of 'git grep' runs a program", "-O")
        }
        None => effect,
    }
}

fn of_verb(name: &str, rest: &[Arg]) -> Effect {
    let says = |risk, what: &str| Effect::of(risk, format!("'git {name}' {what}"));
    let text = |at: usize| rest.get(at).map_or("", |a| a.text.as_str());
    let has = |names: &[&str]| rest.iter().any(|a| names.contains(&a.text.as_str()));
    let operands = rest.iter().filter(|a| !a.text.starts_with('-')).count();
    match name {
        "push" => push(rest),
        _ if READS.contains(&name) => says(Risk::Read, "only reads"),
        "branch" | "tag" => listing(name, rest, operands),
        "remote" if rest.is_empty() || (rest.len() == 1 && matches!(text(0), "-v" | "--verbose")) => {
            says(Risk::Read, "only reads")
        }
        "stash" if matches!(text(0), "list" | "show") => says(Risk::Read, "only reads"),
        "stash" if matches!(text(0), "drop" | "clear") => says(Risk::Destructive, "drops what was put aside"),
        "reflog" if rest.is_empty() || text(0) == "show" => says(Risk::Read, "only reads"),
        "worktree" if text(0) == "list" => says(Risk::Read, "only reads"),
        "config" if reads_config(rest, operands) => says(Risk::Read, "only reads"),
        "config" => says(Risk::Execute, "changes what git runs and obeys"),
        "checkout" | "switch" if has(&["-f", "--force", "--discard-changes", "--", "."]) => {
            says(Risk::Destructive, "discards changes")
        }
        "worktree" if text(0) == "remove" => says(Risk::Destructive, "removes a worktree"),
        "reflog" => says(Risk::Destructive, "removes what could be brought back"),
        "reset" if has(&["--soft"]) || rest.is_empty() => says(Risk::Write, "changes the repository"),
        _ if DESTRUCTIVE.contains(&name) => says(Risk::Destructive, "takes away what cannot be brought back"),
        _ if NETWORK.contains(&name) || (name == "remote" && matches!(text(0), "update" | "show" | "prune")) => {
            says(Risk::Network, "reaches for other machines")
        }
        "rebase" if has(&["-x", "--exec", "-i", "--interactive"]) => says(Risk::Execute, "runs a program"),
        _ if RUNS_CODE.contains(&name) => says(Risk::Execute, "runs code"),
        "add" | "commit" | "mv" | "merge" | "rebase" | "cherry-pick" | "revert" | "stash" | "apply" | "am" | "init"
        | "notes" | "checkout" | "switch" | "worktree" | "remote" | "sparse-checkout" | "format-patch" | "bundle" => {
            says(Risk::Write, "changes the repository")
        }
        // An alias can be anything.
        _ => Effect::with(Risk::Execute, format!("'git {}' is no verb known here", shown(name)), name),
    }
}

/// `push` itself, and the ways in which it removes what others have.
fn push(rest: &[Arg]) -> Effect {
    const GRAVE: &[&str] = &["--force", "--force-with-lease", "--force-if-includes", "--delete", "--mirror", "--prune"];
    let is_grave = |a: &&Arg| {
        let text = a.text.as_str();
        let short = text.starts_with('-') && !text.starts_with("--") && text.contains(['f', 'd']);
        short || text.starts_with(['+', ':'])
    };
    let long = bad_option(rest, "", GRAVE);
    let runs = bad_option(rest, "", &["--receive-pack", "--exec"]);
    match (runs, long.or_else(|| rest.iter().find(is_grave).map(|a| a.text.clone()))) {
        (Some(option), _) => {
            Effect::with(Risk::Destructive, format!("'{}' of 'git push' runs a program", shown(&option)), &option)
        }
        (None, Some(option)) => Effect::with(Risk::Destructive, "'git push' takes away what others have", &option),
        (None, None) => Effect::of(Risk::Network, "'git push' reaches for other machines"),
    }
}

/// `branch` and `tag` list, or make, or remove.
fn listing(name: &str, rest: &[Arg], operands: usize) -> Effect {
    let removes = rest.iter().find(|a| {
        let text = a.text.as_str();
        let long = text.len() > 3 && ["--delete", "--force", "--move"].iter().any(|l| l.starts_with(text));
        long || (text.starts_with('-') && !text.starts_with("--") && text.contains(['d', 'D', 'f', 'M', 'C', 'm']))
    });
    let lists = ["--list", "-l", "--contains", "--merged", "--no-merged", "--points-at", "--show-current"];
    if let Some(option) = removes {
        return Effect::with(
            Risk::Destructive,
            format!("'git {name} {}' takes a name away", shown(&option.text)),
            &option.text,
        );
    }
    let known = [
        "-a",
        "-r",
        "-v",
        "-vv",
        "--all",
        "--remotes",
        "--verbose",
        "--no-color",
        "--column",
        "-n",
        "--sort",
        "--format",
    ];
    let is_known = |a: &Arg| {
        let text = a.text.split('=').next().unwrap_or_default();
        lists.contains(&text) || known.contains(&text)
    };
    let listed = rest.iter().any(|a| lists.contains(&a.text.split('=').next().unwrap_or_default()));
    if rest.iter().filter(|a| a.text.starts_with('-')).all(is_known) && (operands == 0 || listed) {
        return Effect::of(Risk::Read, format!("'git {name}' lists"));
    }
    Effect::of(Risk::Write, format!("'git {name}' makes or changes a name"))
}

fn reads_config(rest: &[Arg], operands: usize) -> bool {
    const READS: &[&str] =
        &["--get", "--get-all", "--get-regexp", "--list", "-l", "get", "list", "--show-origin", "--show-scope"];
    const PLAIN: &[&str] =
        &["--local", "--global", "--system", "--worktree", "--name-only", "-z", "--null", "--type", "--bool", "--int"];
    let asks = rest.iter().any(|a| READS.contains(&a.text.as_str()));
    let plain =
        |a: &Arg| !a.text.starts_with('-') || READS.contains(&a.text.as_str()) || PLAIN.contains(&a.text.as_str());
    asks && operands <= 2 && rest.iter().all(plain)
}
