//! Takes wrappers off: `timeout 5 git status` is `git status`, and `bash -c '…'` is what stands in the string. A wrapper whose
//! options are not known, or that adds words of its own, leaves a doubt.

use ace_schema::limits::SHELL_STRINGS;

use super::{Arg, Reading, Segment, nested};

/// A wrapper that changes nothing but when and how its program runs.
struct Wrapper {
    name: &'static str,
    /// Options that take a value as the next word.
    valued: &'static [&'static str],
    /// Options that stand alone; longer ones may carry `=VALUE`.
    alone: &'static [&'static str],
    /// Words before the program: the duration of `timeout`.
    operands: usize,
}

const TRANSPARENT: &[Wrapper] = &[
    Wrapper { name: "command", valued: &[], alone: &["-p"], operands: 0 },
    Wrapper { name: "exec", valued: &[], alone: &[], operands: 0 },
    Wrapper { name: "builtin", valued: &[], alone: &[], operands: 0 },
    Wrapper { name: "nohup", valued: &[], alone: &[], operands: 0 },
    Wrapper { name: "time", valued: &[], alone: &["-p", "-v", "--portability", "--verbose"], operands: 0 },
    Wrapper { name: "nice", valued: &["-n"], alone: &["--adjustment"], operands: 0 },
    Wrapper { name: "ionice", valued: &["-c", "-n"], alone: &["-t"], operands: 0 },
    Wrapper {
        name: "timeout",
        valued: &["-s", "-k", "--signal", "--kill-after"],
        alone: &["-v", "--verbose", "--foreground", "--preserve-status", "--signal", "--kill-after"],
        operands: 1,
    },
    Wrapper {
        name: "stdbuf",
        valued: &["-i", "-o", "-e"],
        alone: &["-i0", "-o0", "-e0", "-iL", "-oL", "-eL", "--input", "--output", "--error"],
        operands: 0,
    },
    Wrapper { name: "setsid", valued: &[], alone: &["-w", "--wait"], operands: 0 },
];

/// Programs that start another and change what it means.
const OPAQUE: &[&str] = &[
    "sudo",
    "doas",
    "su",
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
    "systemd-run",
    "runuser",
    "taskset",
    "chrt",
    "firejail",
    "bwrap",
    "npx",
    "entr",
    "unbuffer",
    "rlwrap",
];

/// Takes the wrappers off every command. Scripts in strings add their own commands behind.
pub fn peel_all(reading: &mut Reading, depth: usize) {
    let mut out = Vec::with_capacity(reading.segments.len());
    let (mut doubts, mut crowded) = (Vec::new(), reading.crowded);
    for mut segment in std::mem::take(&mut reading.segments) {
        while peel(&mut segment) {}
        let script = script_of(&segment);
        if segment.fed && is_interpreter(&segment) {
            segment.doubt("feeds an interpreter");
        }
        match script {
            Some(text) if depth < SHELL_STRINGS => {
                let inner = nested(&text, depth + 1);
                doubts.extend(inner.doubts);
                crowded |= inner.crowded;
                let mut writes = (segment.writes, segment.reads);
                for mut one in inner.segments {
                    one.writes.append(&mut writes.0);
                    one.reads.append(&mut writes.1);
                    one.behind.splice(0..0, segment.behind.iter().cloned().chain([segment.words[0].text.clone()]));
                    segment.doubts.iter().for_each(|d| one.doubt(d.clone()));
                    out.push(one);
                }
            }
            Some(_) => {
                segment.doubt("nests shells too deep");
                out.push(segment);
            }
            None => out.push(segment),
        }
    }
    crowded |= out.len() > ace_schema::limits::SHELL_SEGMENTS;
    (reading.segments, reading.crowded) = (out, crowded);
    doubts.into_iter().for_each(|d| reading.note(d));
}

/// Takes one wrapper off; whether there was one.
fn peel(segment: &mut Segment) -> bool {
    if segment.behind.len() >= SHELL_STRINGS {
        segment.doubt("has too many wrappers");
        return false;
    }
    let Some(name) = system_name(segment.program()).map(str::to_owned) else { return false };
    let found = TRANSPARENT.iter().find(|w| w.name == name);
    let from = match found {
        Some(wrapper) => behind(wrapper, &segment.words),
        None if name == "env" => env(segment),
        None if OPAQUE.contains(&name.as_str()) => {
            // Where its program begins depends on options nobody here knows: it is left to the eye.
            segment.doubt(format!("runs behind '{name}'"));
            return false;
        }
        None => return false,
    };
    match from {
        Some(at) if at < segment.words.len() => {
            segment.words.drain(..at);
            segment.behind.push(name);
            if segment.words.first().is_some_and(|w| !w.is_exact()) {
                segment.doubt("makes up the program it starts");
            }
            true
        }
        // `env` and `nice` alone print; what else has nothing behind it does nothing.
        Some(_) => false,
        None => {
            segment.doubt(format!("has options of '{name}' that are not known"));
            false
        }
    }
}

/// Where the wrapped program stands; `None` if an option is not known.
fn behind(wrapper: &Wrapper, words: &[Arg]) -> Option<usize> {
    let mut at = 1;
    while let Some(word) = words.get(at).filter(|w| w.text.starts_with('-') && w.text.len() > 1) {
        let text = word.text.as_str();
        let long = text.split_once('=').map(|(name, _)| name);
        match () {
            () if !word.is_exact() => return None,
            () if text == "--" => return Some(at + 1 + wrapper.operands),
            () if long.is_some_and(|name| wrapper.alone.contains(&name)) => at += 1,
            () if wrapper.valued.contains(&text) => at += 2,
            () if wrapper.alone.contains(&text) => at += 1,
            () if wrapper.name == "nice" && text[1..].bytes().all(|b| b.is_ascii_digit()) => at += 1,
            () => return None,
        }
    }
    let operands = words.get(at..at + wrapper.operands)?;
    operands.iter().all(Arg::is_exact).then_some(at + wrapper.operands)
}

/// `env NAME=VALUE program`: what it sets is judged like an assignment; `-S` and `-C` are not followed.
fn env(segment: &mut Segment) -> Option<usize> {
    let mut at = 1;
    while let Some(word) = segment.words.get(at) {
        let text = word.text.clone();
        match text.as_str() {
            "-i" | "-" | "--ignore-environment" => at += 1,
            "-u" => at += 2,
            _ if text.starts_with("--unset=") => at += 1,
            "--" => return Some(at + 1),
            _ if text.starts_with('-') => return None,
            _ => match text.split_once('=') {
                Some((name, _)) => {
                    if !matches!(name, "LANG" | "LC_ALL" | "TZ" | "NO_COLOR" | "RUST_BACKTRACE" | "CI") {
                        segment.doubt(format!("sets the variable '{}'", crate::effect::shown(name)));
                    }
                    at += 1;
                }
                None => return Some(at),
            },
        }
    }
    Some(at)
}

/// The script in the string of `sh -c SCRIPT`, where nothing stands behind it and nothing is in doubt.
fn script_of(segment: &Segment) -> Option<String> {
    const SHELLS: &[&str] = &["sh", "bash", "dash", "zsh", "ksh"];
    if !SHELLS.contains(&system_name(segment.program())?) {
        return None;
    }
    let [_, flag, script] = segment.words.as_slice() else { return None };
    (matches!(flag.text.as_str(), "-c" | "-lc" | "-ec" | "-cl" | "-ce") && script.is_exact())
        .then(|| script.text.clone())
}

fn is_interpreter(segment: &Segment) -> bool {
    crate::denied::is_interpreter(base(segment.program()))
}

fn base(program: &str) -> &str {
    program.rsplit('/').next().unwrap_or(program)
}

/// The program's name if it is called by name alone or by the path of a system folder: what stands in another folder may be anything.
pub fn system_name(program: &str) -> Option<&str> {
    match program.rsplit_once('/') {
        None => Some(program),
        Some(("/bin" | "/usr/bin" | "/sbin" | "/usr/sbin", name)) => Some(name),
        Some(_) => None,
    }
}
