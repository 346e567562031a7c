//! What a command could really be behind keywords, assignments and wrappers, and the scripts that hide in its strings.

use std::cell::Cell;

use ace_schema::limits::{SHELL_READ_BYTES, SHELL_WRAPPED};

use crate::shell::{Command, Script, Word, parse};

/// Programs that bring something from the network to stdout or a file.
const DOWNLOADERS: &[&str] = &[
    "curl",
    "wget",
    "wget2",
    "fetch",
    "aria2c",
    "http",
    "https",
    "xh",
    "xhs",
    "curlie",
    "lwp-request",
    "lwp-download",
    "lynx",
    "w3m",
];
/// Shells.
const SHELLS: &[&str] =
    &["sh", "bash", "zsh", "dash", "ksh", "mksh", "ash", "fish", "csh", "tcsh", "rbash", "pwsh", "nu", "xonsh"];
/// Other interpreters; versions may follow (`python3.12`).
const INTERPRETERS: &[&str] =
    &["python", "pypy", "perl", "node", "nodejs", "ruby", "php", "lua", "luajit", "deno", "bun", "tclsh", "rscript"];
/// Programs that start the program named behind their options.
const WRAPPERS: &[&str] = &[
    "sudo",
    "doas",
    "su",
    "env",
    "command",
    "builtin",
    "exec",
    "nohup",
    "nice",
    "ionice",
    "time",
    "timeout",
    "stdbuf",
    "setsid",
    "busybox",
    "toybox",
    "xargs",
    "parallel",
    "chroot",
    "unshare",
    "nsenter",
    "strace",
    "ltrace",
    "script",
    "watch",
    "flock",
    "ssh",
    "docker",
    "podman",
    "kubectl",
    "systemd-run",
    "runuser",
    "chpst",
    "taskset",
    "chrt",
    "numactl",
    "caffeinate",
    "firejail",
    "bwrap",
    "uv",
    "npx",
    "find",
    "fd",
    "entr",
    "torsocks",
    "proxychains",
    "rlwrap",
    "unbuffer",
    "catchsegv",
    "linux32",
    "linux64",
    "setarch",
];
/// Words of the shell's own before a command.
const KEYWORDS: &[&str] =
    &["if", "then", "else", "elif", "while", "until", "do", "!", "{", "time", "coproc", "in", "noglob", "nocorrect"];

/// What is left to be read.
pub struct Budget {
    left: Cell<usize>,
    unread: Cell<bool>,
}

impl Budget {
    /// A whole one.
    pub fn new() -> Self {
        Self { left: Cell::new(SHELL_READ_BYTES), unread: Cell::new(false) }
    }

    /// The script in a string; an empty one when there was too much before it. What cannot be read to its end is remembered.
    pub fn parse(&self, text: &str) -> Script {
        let cost = text.len() + 64;
        if self.left.get() < cost {
            self.give_up();
            return Script::default();
        }
        self.left.set(self.left.get() - cost);
        let script = parse(text);
        if !script.whole {
            self.give_up();
        }
        script
    }

    /// Something was left unread.
    pub fn give_up(&self) {
        self.unread.set(true);
    }

    /// Whether anything was.
    pub fn is_unread(&self) -> bool {
        self.unread.get()
    }
}

/// One way to read a command: a program and its arguments.
#[derive(Debug)]
pub struct View<'a> {
    /// Name of the program without folders, small letters; empty if the shell makes it up.
    pub name: String,
    /// The word that is the program.
    pub program: &'a Word,
    /// What follows.
    pub args: &'a [Word],
    /// The wrapper it was found behind.
    pub behind: Option<String>,
}

/// The command as it stands, and behind a wrapper every program it could start.
pub fn views(command: &Command) -> Vec<View<'_>> {
    let words = &command.words;
    let first = words.iter().take_while(|w| is_prefix(w)).count();
    let Some(program) = words.get(first) else { return Vec::new() };
    let view = |at: usize, behind: Option<String>| View {
        name: name(&words[at]),
        program: &words[at],
        args: &words[at + 1..],
        behind,
    };
    let mut views = vec![view(first, None)];
    let wrapper = name(program);
    if WRAPPERS.contains(&wrapper.as_str()) {
        let behind = (first + 1..words.len()).filter(|at| !words[*at].text.starts_with('-') && !is_prefix(&words[*at]));
        views.extend(behind.take(SHELL_WRAPPED).map(|at| view(at, Some(wrapper.clone()))));
    }
    views
}

/// Whether a wrapper has more behind it than is looked at.
pub fn is_crowded(command: &Command) -> bool {
    views(command).len() > SHELL_WRAPPED
}

/// Keywords and assignments.
fn is_prefix(word: &Word) -> bool {
    let assigns = word.text.split_once('=').is_some_and(|(key, _)| {
        !key.is_empty() && key.trim_end_matches('+').bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    });
    assigns || (!word.dynamic && KEYWORDS.contains(&word.text.as_str()))
}

/// The name of a program, whatever folder or invisible characters stand around it; empty if the shell makes it up.
pub fn name(word: &Word) -> String {
    if word.dynamic || word.text.contains(['*', '?', '[', '{']) {
        return String::new();
    }
    let base = word.text.rsplit('/').next().unwrap_or_default();
    base.chars()
        .filter(|c| !c.is_whitespace() && !c.is_control() && !is_invisible(*c))
        .collect::<String>()
        .to_lowercase()
}

fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// Every word of a command, those of redirections and here-texts too.
pub fn all(command: &Command) -> impl Iterator<Item = &Word> {
    command.words.iter().chain(command.redirects.iter().map(|r| &r.target)).chain(&command.here)
}

pub fn is_downloader(name: &str) -> bool {
    DOWNLOADERS.contains(&name)
}

pub fn is_shell(name: &str) -> bool {
    SHELLS.contains(&name)
}

pub fn is_interpreter(name: &str) -> bool {
    is_shell(name)
        || INTERPRETERS.contains(&name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.' || c == '-'))
}

/// Where an interpreter takes its code from.
pub enum Code<'a> {
    /// An argument is the code.
    Text(&'a Word),
    /// An argument names the file.
    File(&'a Word),
    /// Its stdin.
    Stdin,
    /// Nowhere: it prints a version or runs a module.
    Other,
}

/// Where the interpreter of this view takes its code from.
pub fn code<'a>(view: &View<'a>) -> Code<'a> {
    let shell = is_shell(&view.name);
    let mut args = view.args.iter();
    while let Some(word) = args.next() {
        let text = word.text.as_str();
        let short = text.strip_prefix('-').filter(|t| !t.starts_with('-') && !t.is_empty());
        match short {
            _ if matches!(text, "-" | "/dev/stdin" | "/dev/fd/0" | "/proc/self/fd/0") => return Code::Stdin,
            Some(cluster) if gives_code(view, shell, cluster) => {
                return match args.next() {
                    Some(code) => Code::Text(code),
                    // `-e'code'`: the code is glued on.
                    None => Code::Text(word),
                };
            }
            Some(cluster) if shell && cluster.contains('s') => return Code::Stdin,
            Some("m") if view.name.starts_with("python") => return Code::Other,
            Some("o" | "O") if shell => {
                args.next();
            }
            None if matches!(text, "--eval" | "--print") => return args.next().map_or(Code::Stdin, Code::Text),
            None if matches!(text, "--rcfile" | "--init-file") => {
                args.next();
            }
            None if matches!(text, "--version" | "--help") => return Code::Other,
            None if text.starts_with('-') || (shell && text.starts_with('+')) => {}
            None if view.name == "deno" && matches!(text, "run" | "eval") => {}
            None => return Code::File(word),
            Some(_) => {}
        }
    }
    Code::Stdin
}

/// Whether a cluster of short options says that the next argument is code.
fn gives_code(view: &View<'_>, shell: bool, cluster: &str) -> bool {
    match view.name.as_str() {
        _ if shell => cluster.contains('c'),
        name if name.starts_with("python") || name.starts_with("pypy") => cluster.ends_with('c'),
        "php" => cluster.contains('r'),
        "node" | "nodejs" | "bun" => matches!(cluster, "e" | "p" | "pe"),
        _ => cluster.contains(['e', 'E']),
    }
}

/// The scripts in the strings of a command, each once.
pub fn all_scripts(command: &Command) -> Vec<String> {
    let mut texts: Vec<String> = views(command).iter().flat_map(|v| scripts(v, command)).collect();
    texts.sort_unstable();
    texts.dedup();
    texts
}

/// The scripts in the strings of a view: `sh -c`, `eval`, `trap`, here-documents of shells, commands for other machines.
fn scripts(view: &View<'_>, command: &Command) -> Vec<String> {
    let joined = |words: &[Word]| words.iter().map(|w| w.text.as_str()).collect::<Vec<_>>().join(" ");
    let mut out = Vec::new();
    match view.name.as_str() {
        "eval" => out.push(joined(view.args)),
        "trap" => out.extend(view.args.first().map(|w| w.text.clone())),
        "ssh" | "su" | "watch" | "parallel" | "env" | "find" | "script" => {
            out.extend(view.args.iter().filter(|w| w.text.contains(' ')).map(|w| w.text.clone()));
        }
        shell if is_shell(shell) => match code(view) {
            Code::Text(word) => out.push(word.text.clone()),
            Code::Stdin => out.extend(command.here.iter().map(|w| w.text.clone())),
            Code::File(_) | Code::Other => {}
        },
        _ => {}
    }
    out
}
