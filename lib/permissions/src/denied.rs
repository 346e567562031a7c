//! What no mode lifts: a handful of commands that are refused wherever they hide, in pipes, substitutions, wrappers and nested shells.
//!
//! A rule that cannot tell says so, and the call is asked. Whether a rule fires never depends on the mode.

mod download;
pub mod each;
mod git;
mod remove;
mod words;

use ace_schema::limits::SHELL_STRINGS;

use crate::shell::{Command, Pipeline, Script};
use words::{Budget, View, views};
pub use words::{is_interpreter, name};

/// A rule that is built in.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its id, as recorded.
    pub name: &'static str,
    /// Its reason, lower case, no full stop.
    pub why: &'static str,
}

/// Something from the network straight into an interpreter.
pub const PIPE_TO_SHELL: Rule = Rule { name: "pipe-to-shell", why: "runs what it downloads, unseen" };
/// Recursive removal of the root, a home or everything around the worktree.
pub const REMOVE_ROOT: Rule = Rule { name: "rm-root", why: "removes everything, not only the work" };
/// What git runs by itself later.
pub const GIT_HOOKS: Rule = Rule { name: "git-hooks", why: "plants what git runs later, unseen" };
/// Writing where git and ace believe what they find.
pub const PATH_PROTECTED: Rule = Rule { name: "path-protected", why: "git and ace believe what stands there" };
/// Writing a disk without its file system.
pub const RAW_DISK: Rule = Rule { name: "raw-disk", why: "overwrites a disk beneath its files" };

/// What was found in a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// It is that.
    Denied(&'static Rule),
    /// It may be that.
    Doubt(&'static Rule),
}

/// How sure a rule is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Sure {
    No,
    Maybe,
    Yes,
}

/// The gravest finding in a command line, if there is any.
pub fn find(command: &str, cwd: &str) -> Option<Finding> {
    let mut judge = Judge { cwd, found: None, budget: Budget::new(), away: false };
    let script = judge.budget.parse(command);
    judge.script(&script, 0);
    if judge.budget.is_unread() {
        judge.unread(command);
    }
    judge.found
}

struct Judge<'a> {
    cwd: &'a str,
    found: Option<Finding>,
    budget: Budget,
    /// A `cd` left the worktree for a place where `*` is everything.
    away: bool,
}

impl Judge<'_> {
    /// A refusal stays; a doubt gives way to it.
    fn say(&mut self, rule: &'static Rule, sure: Sure) {
        match (sure, self.found) {
            (Sure::No, _) | (_, Some(Finding::Denied(_))) | (Sure::Maybe, Some(_)) => {}
            (Sure::Yes, _) => self.found = Some(Finding::Denied(rule)),
            (Sure::Maybe, None) => self.found = Some(Finding::Doubt(rule)),
        }
    }

    fn script(&mut self, script: &Script, depth: usize) {
        if depth > SHELL_STRINGS {
            return self.say(&PIPE_TO_SHELL, Sure::Maybe);
        }
        self.say(&PIPE_TO_SHELL, download::runs(script, &self.budget));
        for pipeline in &script.pipelines {
            self.echoed(pipeline, depth);
            for command in &pipeline.commands {
                self.command(command, depth);
            }
        }
    }

    fn command(&mut self, command: &Command, depth: usize) {
        for inner in command.group.iter().chain(words::all(command).flat_map(|w| &w.inner)) {
            self.script(inner, depth + 1);
        }
        for redirect in command.redirects.iter().filter(|r| r.writes) {
            let target = &redirect.target.text;
            self.say(&RAW_DISK, yes(is_disk(target)));
            self.say(&PATH_PROTECTED, yes(crate::path::names_protected(target)));
        }
        for view in views(command) {
            self.away = remove::goes_away(&view, self.cwd).unwrap_or(self.away);
            self.say(&REMOVE_ROOT, remove::removes_root(&view, self.cwd, self.away));
            self.say(&GIT_HOOKS, git::plants(&view));
            self.say(&RAW_DISK, yes(writes_disk(&view)));
        }
        for text in words::all_scripts(command) {
            let script = self.budget.parse(&text);
            self.script(&script, depth + 1);
        }
        if words::is_crowded(command) {
            self.budget.give_up();
        }
    }

    /// What is echoed into a shell is a script as well.
    fn echoed(&mut self, pipeline: &Pipeline, depth: usize) {
        for (at, command) in pipeline.commands.iter().enumerate() {
            let echoes = |v: &View<'_>| matches!(v.name.as_str(), "echo" | "printf");
            let Some(view) = views(command).into_iter().find(echoes) else { continue };
            if pipeline.commands[at + 1..].iter().any(|c| download::reads_script(c, &self.budget)) {
                let text = view.args.iter().map(|w| w.text.as_str()).collect::<Vec<_>>().join(" ");
                let script = self.budget.parse(&text);
                self.script(&script, depth + 1);
            }
        }
    }

    /// What could not be read to its end: if the words of the whole command could make a rule fire, somebody is asked.
    fn unread(&mut self, text: &str) {
        let splits = |c: char| c.is_whitespace() || "|&;()<>`\"'{}$=,".contains(c);
        let words: Vec<String> =
            text.split(splits).filter_map(|w| w.rsplit('/').next()).map(str::to_lowercase).collect();
        let any = |test: fn(&str) -> bool| words.iter().any(|w| test(w));
        if any(words::is_downloader) && any(words::is_interpreter) {
            self.say(&PIPE_TO_SHELL, Sure::Maybe);
        }
        if any(|w| w == "rm") && any(|w| w.starts_with('-') && w.contains('r')) && text.contains(['/', '~', '$']) {
            self.say(&REMOVE_ROOT, Sure::Maybe);
        }
    }
}

fn yes(found: bool) -> Sure {
    if found { Sure::Yes } else { Sure::No }
}

/// A whole disk or a part of one.
fn is_disk(path: &str) -> bool {
    const DISKS: &[&str] = &["sd", "hd", "vd", "xvd", "nvme", "mmcblk", "disk", "rdisk", "mapper/", "dm-", "md"];
    path.strip_prefix("/dev/").is_some_and(|name| DISKS.iter().any(|d| name.starts_with(d)))
}

fn writes_disk(view: &View<'_>) -> bool {
    let writes = matches!(view.name.as_str(), "cp" | "tee" | "shred" | "wipefs" | "truncate" | "install");
    match view.name.as_str() {
        "dd" => view.args.iter().any(|w| w.text.strip_prefix("of=").is_some_and(is_disk)),
        name if name == "mkfs" || name.starts_with("mkfs.") || name == "mkswap" => true,
        _ => writes && view.args.iter().any(|w| is_disk(&w.text)),
    }
}
