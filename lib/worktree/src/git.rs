//! The `git` program, for what is done in the user's own name in the user's own tree. It must never be
//! started in a worktree of ours, find a repository by itself, or run what a work tree names.

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use ace_schema::limits::worktree as limits;

use crate::error::Error;

/// The name git knows the empty tree by. Attributes are read from it, that is: there are none, and no
/// file in a work tree can choose a filter or a merge program.
const EMPTY_TREE: &str = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";

/// Whether the user's hooks run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hooks {
    /// They do: a commit is made in the user's name.
    Run,
    /// They do not: files and a branch are only moved.
    Skip,
}

/// A git folder with its work tree.
pub(crate) struct Git<'a> {
    pub git_dir: &'a Path,
    pub root: &'a Path,
}

/// How a run ended.
pub(crate) struct Said {
    pub code: Option<i32>,
    pub stdout: Vec<u8>,
    pub stderr: String,
}

impl Said {
    /// Refuses unless the run ended well.
    pub(crate) fn ok(self, what: &'static str) -> Result<Self, Error> {
        if self.code == Some(0) { Ok(self) } else { Err(Error::git(what)(self.reason())) }
    }

    /// What git, or a hook, said about it, in one line.
    pub(crate) fn reason(&self) -> String {
        let said = self.stderr.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("hint:"));
        let said: Vec<&str> = said.take(limits::GIT_SAYS_LINES).collect();
        if said.is_empty() { format!("git ended with {:?}", self.code) } else { said.join("; ") }
    }
}

impl Git<'_> {
    /// Runs git without a terminal, with the repository named and no `GIT_*` variable of the caller's.
    pub(crate) fn run(&self, hooks: Hooks, args: &[&str]) -> Result<Said, Error> {
        self.run_keeping(hooks, args, limits::GIT_SAYS_BYTES)
    }

    /// The same, keeping so many bytes of what it prints.
    pub(crate) fn run_keeping(&self, hooks: Hooks, args: &[&str], bytes: u64) -> Result<Said, Error> {
        let mut settings = self.without_filters()?;
        settings.extend(
            [
                ("core.fsmonitor", "false"),
                ("core.attributesFile", "/dev/null"),
                ("core.untrackedCache", "false"),
                ("diff.external", ""),
                ("gc.auto", "0"),
                ("maintenance.auto", "false"),
                ("merge.default", "text"),
                ("merge.verifySignatures", "false"),
                ("submodule.recurse", "false"),
                ("advice.mergeConflict", "false"),
            ]
            .map(|(key, value)| (key.to_owned(), value.to_owned())),
        );
        if hooks == Hooks::Skip {
            settings.push(("core.hooksPath".into(), "/dev/null".into()));
        }
        let mut command = self.command(args);
        command.env("GIT_CONFIG_COUNT", settings.len().to_string());
        for (n, (key, value)) in settings.iter().enumerate() {
            command.env(format!("GIT_CONFIG_KEY_{n}"), key).env(format!("GIT_CONFIG_VALUE_{n}"), value);
        }
        say_keeping(&mut command, bytes)
    }

    /// Settings that switch off every filter which the repository's own configuration defines: attributes
    /// beside it (`info/attributes`) could still choose one. The user's own files are left as they are.
    fn without_filters(&self) -> Result<Vec<(String, String)>, Error> {
        let said = say(&mut self.command(&["config", "--list", "--show-scope", "--name-only", "-z"]))?;
        let said = said.ok("read the configuration")?;
        let text = String::from_utf8_lossy(&said.stdout).into_owned();
        let mut out = Vec::new();
        let mut parts = text.split('\0');
        while let (Some(scope), Some(key)) = (parts.next(), parts.next()) {
            let driver = key.strip_prefix("filter.").and_then(|rest| rest.rsplit_once('.'));
            if let (true, Some((driver, _))) = (matches!(scope, "local" | "worktree"), driver) {
                for (name, value) in [("clean", ""), ("smudge", ""), ("process", ""), ("required", "false")] {
                    out.push((format!("filter.{driver}.{name}"), value.to_owned()));
                }
            }
        }
        Ok(out)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new("git");
        command.arg("--no-pager").arg("--git-dir").arg(self.git_dir).arg("--work-tree").arg(self.root);
        command.args(args).current_dir(self.root).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let ours = |name: &str| name.starts_with("GIT_") || matches!(name, "BASH_ENV" | "ENV");
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_none_or(ours) {
                command.env_remove(name);
            }
        }
        command
            .env("GIT_ATTR_SOURCE", EMPTY_TREE)
            .env("GIT_EDITOR", ":")
            .env("GIT_NO_LAZY_FETCH", "1")
            .env("GIT_OPTIONAL_LOCKS", "0")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("LC_ALL", "C");
        command
    }
}

/// Runs it to the end, and keeps the beginning of what it says.
fn say(command: &mut Command) -> Result<Said, Error> {
    say_keeping(command, limits::GIT_SAYS_BYTES)
}

fn say_keeping(command: &mut Command, bytes: u64) -> Result<Said, Error> {
    let mut child: Child = command.spawn().map_err(Error::git("start git"))?;
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let errors =
        std::thread::Builder::new().spawn(move || err.map(|err| keep(err, limits::GIT_SAYS_BYTES)).unwrap_or_default());
    let errors = errors.map_err(Error::git("listen to git"))?;
    let stdout = out.map(|out| keep(out, bytes)).unwrap_or_default();
    let stderr = errors.join().unwrap_or_default();
    let status = child.wait().map_err(Error::git("wait for git"))?;
    Ok(Said { code: status.code(), stdout, stderr: String::from_utf8_lossy(&stderr).into_owned() })
}

/// Reads to the end, so that git never waits for us, and keeps what fits.
fn keep(mut from: impl Read, bytes: u64) -> Vec<u8> {
    let mut out = Vec::new();
    let _ = from.by_ref().take(bytes).read_to_end(&mut out);
    let _ = std::io::copy(&mut from, &mut std::io::sink());
    out
}
