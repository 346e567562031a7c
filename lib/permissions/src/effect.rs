//! What a command could do at worst: its risk class with the reason, and arguments that make a harmless-looking command run or
//! write something. One table a kind of program; what no table names runs code that nobody here knows.

mod git;
mod options;
mod tables;

use ace_schema::permission::Risk;

use crate::reading::{Arg, Segment, system_name};
use options::{Bad, bad_option};

/// What a command could do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    /// The class.
    pub risk: Risk,
    /// Why, lower case, no full stop: `'rm' removes files`.
    pub why: String,
    /// An argument that an open rule (`git log ...`) must not cover unless it names it.
    pub hazard: Option<String>,
}

impl Effect {
    fn of(risk: Risk, why: impl Into<String>) -> Self {
        Self { risk, why: why.into(), hazard: None }
    }

    fn with(risk: Risk, why: impl Into<String>, hazard: &str) -> Self {
        Self { risk, why: why.into(), hazard: Some(hazard.to_owned()) }
    }

    /// The graver of two.
    #[must_use]
    pub fn worse(self, other: Self) -> Self {
        let hazard = self.hazard.clone().or_else(|| other.hazard.clone());
        let graver = if other.risk > self.risk { other } else { self };
        Self { hazard, ..graver }
    }
}

/// The effect of one command with its redirections.
#[must_use]
pub fn of(segment: &Segment) -> Effect {
    let mut effect = program(&segment.words);
    if segment.moved && system_name(segment.program()) == Some("git") {
        effect = effect.worse(Effect::with(Risk::Execute, "git in another folder obeys the configuration there", "cd"));
    }
    if let Some(target) = segment.writes.iter().find(|w| !is_nowhere(&w.text)) {
        effect = effect.worse(Effect::of(Risk::Write, format!("writes '{}'", shown(&target.text))));
    }
    if let Some(doubt) = segment.doubts.first() {
        effect = effect.worse(Effect::of(Risk::Execute, doubt.clone()));
    }
    effect
}

/// A word of a command as a reason may show it: short, and nothing in it that does not show.
pub(crate) fn shown(text: &str) -> String {
    let mut out: String = text.chars().take(40).flat_map(char::escape_debug).collect();
    if text.chars().count() > 40 {
        out.push('…');
    }
    out
}

/// Whether a redirection there changes nothing.
pub(crate) fn is_nowhere(path: &str) -> bool {
    matches!(path, "/dev/null" | "/dev/stdout" | "/dev/stderr" | "/dev/tty")
}

fn program(words: &[Arg]) -> Effect {
    let Some(first) = words.first() else { return Effect::of(Risk::Execute, "starts no program by name") };
    let Some(name) = system_name(&first.text) else {
        return Effect::of(Risk::Execute, format!("runs '{}'", shown(&first.text)));
    };
    let args = &words[1..];
    if name == "git" {
        return git::effect(args);
    }
    if let Some(row) = tables::READERS.iter().find(|r| r.name == name) {
        return reader(row, args);
    }
    match name {
        "sed" => sed(args),
        "find" => find(args),
        "tar" => tar(args),
        "dd" if args.iter().any(|a| a.text.starts_with("of=")) => {
            Effect::of(Risk::Destructive, "'dd' overwrites its target")
        }
        _ => by_name(name, args),
    }
}

/// Programs of which only some arguments do more than look.
fn reader(row: &tables::Reader, args: &[Arg]) -> Effect {
    let Bad { letters, long } = row.bad;
    if let Some(option) = bad_option(args, letters, long) {
        let why = format!("'{}' of '{}' runs or writes something", shown(&option), row.name);
        return Effect::with(Risk::Execute, why, &option);
    }
    let operands = args.iter().filter(|a| !a.text.starts_with('-') || a.text == "-").count();
    if operands > row.operands {
        return Effect::with(Risk::Write, format!("'{}' writes its last file", row.name), &args[args.len() - 1].text);
    }
    Effect::of(Risk::Read, format!("'{}' only reads", row.name))
}

fn by_name(name: &str, args: &[Arg]) -> Effect {
    let told = shown(name);
    let first = args.iter().find(|a| !a.text.starts_with(['-', '+'])).map_or("", |a| a.text.as_str());
    if tables::DESTRUCTIVE.contains(&name) || name.starts_with("mkfs.") {
        return Effect::of(Risk::Destructive, format!("'{told}' takes away what cannot be brought back"));
    }
    if tables::PRIVILEGED.contains(&name) {
        return Effect::of(Risk::Destructive, format!("'{told}' acts as another user"));
    }
    let pair = |table: &[(&str, &[&str])]| table.iter().any(|(n, subs)| *n == name && subs.contains(&first));
    if pair(tables::DESTRUCTIVE_VERBS) {
        return Effect::of(Risk::Destructive, format!("'{name} {first}' takes away what cannot be brought back"));
    }
    if tables::NETWORK.contains(&name) {
        return Effect::of(Risk::Network, format!("'{told}' reaches for other machines"));
    }
    if pair(tables::NETWORK_VERBS) {
        return Effect::of(Risk::Network, format!("'{name} {first}' reaches for other machines"));
    }
    if tables::WRITERS.contains(&name) {
        return Effect::of(Risk::Write, format!("'{told}' writes files"));
    }
    Effect::of(Risk::Execute, format!("'{told}' runs code"))
}

/// Only `sed -n NUMBERp` is known to read: scripts can write (`w`), run (`e`) and change in place.
fn sed(args: &[Arg]) -> Effect {
    let in_place = args.iter().find(|a| {
        let text = a.text.as_str();
        text == "--in-place"
            || text.starts_with("--in-place=")
            || ("--in-place".starts_with(text) && text.len() > 3)
            || (text.starts_with('-') && !text.starts_with("--") && text.contains('i'))
    });
    if let Some(option) = in_place {
        return Effect::with(Risk::Write, "'sed' changes files in place", &option.text);
    }
    let quiet = args.first().is_some_and(|a| a.text == "-n");
    let script = args.get(1).map_or("", |a| a.text.as_str());
    let plain = |text: &str| {
        text.strip_suffix('p').is_some_and(|r| {
            !r.is_empty()
                && r.split(',').count() <= 2
                && r.split(',').all(|n| n == "$" || (!n.is_empty() && n.bytes().all(|b| b.is_ascii_digit())))
        })
    };
    let only_files = args.iter().skip(2).all(|a| !a.text.starts_with('-'));
    if quiet && plain(script) && only_files {
        return Effect::of(Risk::Read, "'sed -n' with line numbers only prints");
    }
    Effect::with(Risk::Execute, "a script of 'sed' can write files and run programs", script)
}

fn find(args: &[Arg]) -> Effect {
    const RUNS: &[&str] = &["-exec", "-execdir", "-ok", "-okdir"];
    const WRITES: &[&str] = &["-fls", "-fprint", "-fprint0", "-fprintf"];
    let has = |names: &[&str]| args.iter().find(|a| names.contains(&a.text.as_str())).map(|a| a.text.clone());
    if let Some(option) = has(&["-delete"]) {
        return Effect::with(Risk::Destructive, "'find -delete' removes files", &option);
    }
    if let Some(at) = args.iter().position(|a| RUNS.contains(&a.text.as_str())) {
        let inner = program(&args[at + 1..]);
        let why = format!("'find {}' runs a program: {}", args[at].text, inner.why);
        return Effect::with(inner.risk.max(Risk::Execute), why, &args[at].text);
    }
    if let Some(option) = has(WRITES) {
        return Effect::with(Risk::Write, format!("'find {option}' writes a file"), &option);
    }
    Effect::of(Risk::Read, "'find' without actions only looks")
}

/// `tar -tf FILE` reads; every other way writes, and some options run programs.
fn tar(args: &[Arg]) -> Effect {
    const RUNS: &[&str] = &[
        "--checkpoint-action",
        "--use-compress-program",
        "--to-command",
        "--info-script",
        "--new-volume-script",
        "--rmt-command",
        "--rsh-command",
        "--transform",
        "--xform",
    ];
    if let Some(option) = bad_option(args, "IF", RUNS) {
        return Effect::with(Risk::Execute, format!("'{}' of 'tar' runs a program", shown(&option)), &option);
    }
    let lists = matches!(
        args.first().map(|a| a.text.as_str()),
        Some("tf" | "tvf" | "-tf" | "-tvf" | "tzf" | "-tzf" | "-tvzf" | "-tzvf")
    );
    if lists && args.len() == 2 {
        return Effect::of(Risk::Read, "'tar -t' lists an archive");
    }
    Effect::of(Risk::Write, "'tar' writes files")
}
