//! `pipe-to-shell`: something from the network straight into an interpreter, by a pipe, a substitution or a file in between.

use ace_schema::limits::SHELL_STRINGS;

use super::Sure;
use super::words::{self, Budget, Code, View, code, views};
use crate::shell::{Command, Pipeline, Script, Word};

/// Words that begin a compound command, and those that end one.
const BEGINS: &[&str] = &["{", "while", "until", "for", "if", "case", "select"];
const ENDS: &[&str] = &["}", "done", "fi", "esac"];

/// Whether the script runs what it downloads. Scripts inside its words are judged by whoever walks them.
pub fn runs(script: &Script, budget: &Budget) -> Sure {
    let mut sure = Sure::No;
    // A compound command is many pipelines here: what feeds it feeds them, and what they download leaves by its last word.
    let (mut inside, mut downloaded) = (false, false);
    let mut files: Vec<&str> = Vec::new();
    for pipeline in &script.pipelines {
        let mut fed = inside;
        for command in &pipeline.commands {
            let first = command.words.first().map(|w| w.text.as_str()).unwrap_or_default();
            fed |= ENDS.contains(&first) && downloaded;
            inside &= !ENDS.contains(&first);
            sure = sure.max(takes_code(command, &files, budget));
            if fed {
                sure = sure.max(runs_stdin(command, 0, budget)).max(hands_on(command, budget));
                inside |= BEGINS.contains(&first);
            }
            if downloads(command, 0, budget) {
                (fed, downloaded) = (true, true);
                sure = sure.max(hands_on(command, budget));
                files.extend(saved(command));
            }
        }
        files.extend(pipeline_file(pipeline, budget));
    }
    sure
}

/// Whether the command, or a script inside it, brings something from the network.
fn downloads(command: &Command, depth: usize, budget: &Budget) -> bool {
    if depth > SHELL_STRINGS {
        return false;
    }
    let inner = command
        .group
        .iter()
        .chain(words::all(command).flat_map(|w| &w.inner))
        .any(|s| any_downloads(s, depth + 1, budget));
    let nested = || words::all_scripts(command).iter().any(|s| any_downloads(&budget.parse(s), depth + 1, budget));
    inner || views(command).iter().any(|v| words::is_downloader(&v.name)) || nested()
}

fn any_downloads(script: &Script, depth: usize, budget: &Budget) -> bool {
    script.pipelines.iter().flat_map(|p| &p.commands).any(|c| downloads(c, depth, budget))
}

fn brings(word: &Word, budget: &Budget) -> bool {
    word.inner.iter().any(|s| any_downloads(s, 1, budget))
}

/// Whether the command runs its stdin as code.
fn runs_stdin(command: &Command, depth: usize, budget: &Budget) -> Sure {
    if depth > SHELL_STRINGS {
        return Sure::Maybe;
    }
    let group = command.group.as_ref().map_or(Sure::No, |s| any_runs_stdin(s, depth + 1, budget));
    views(command).iter().map(|v| view_runs_stdin(v, depth, budget)).fold(group, Sure::max)
}

/// Programs that are no interpreters and yet run what they read: a login shell, here or elsewhere, a queue of commands, a makefile.
fn hands_to_shell(name: &str, args: &[Word]) -> bool {
    let has = |flags: &[&str]| args.iter().any(|w| flags.contains(&w.text.as_str()));
    match name {
        "sudo" | "doas" => has(&["-s", "-i", "--shell", "--login"]),
        "su" => !has(&["-c", "--command"]),
        "at" | "batch" => !has(&["-f"]),
        "ssh" => args.iter().filter(|w| !w.text.starts_with('-')).count() == 1,
        "crontab" => has(&["-"]),
        "make" | "gmake" | "awk" | "gawk" | "mawk" => has(&["-", "-f-", "/dev/stdin"]),
        _ => false,
    }
}

/// Whether the command may run its stdin as code.
pub fn reads_script(command: &Command, budget: &Budget) -> bool {
    runs_stdin(command, 0, budget) != Sure::No
}

fn any_runs_stdin(script: &Script, depth: usize, budget: &Budget) -> Sure {
    script.pipelines.iter().flat_map(|p| &p.commands).map(|c| runs_stdin(c, depth, budget)).max().unwrap_or(Sure::No)
}

fn view_runs_stdin(view: &View<'_>, depth: usize, budget: &Budget) -> Sure {
    let reads_stdin = |w: &Word| matches!(w.text.as_str(), "/dev/stdin" | "/dev/fd/0" | "/proc/self/fd/0");
    match view.name.as_str() {
        // The shell makes the program up: it could be any. Behind a wrapper such words are mostly arguments.
        "" if view.behind.is_none() => Sure::Maybe,
        "source" | "." => super::yes(view.args.first().is_some_and(reads_stdin)),
        "eval" => {
            if view.args.iter().any(|w| w.dynamic) {
                Sure::Maybe
            } else {
                Sure::No
            }
        }
        name if words::is_interpreter(name) => match code(view) {
            // Its arguments come from stdin, and so may the code.
            _ if view.behind.as_deref().is_some_and(|b| matches!(b, "xargs" | "parallel")) => Sure::Maybe,
            Code::Stdin => Sure::Yes,
            Code::Text(word) if words::is_shell(name) => match word.dynamic {
                true => Sure::Maybe,
                false => any_runs_stdin(&budget.parse(&word.text), depth + 1, budget),
            },
            Code::Text(word) => {
                let runs = ["exec", "eval", "compile", "system", "spawn"].iter().any(|f| word.text.contains(f));
                if runs || word.dynamic { Sure::Maybe } else { Sure::No }
            }
            // `bash <(cat)` reads it by another name.
            Code::File(word) if !word.inner.is_empty() => Sure::Maybe,
            Code::File(_) | Code::Other => Sure::No,
        },
        name => super::yes(hands_to_shell(name, view.args)),
    }
}

/// Whether a command that is fed hands its input to an interpreter inside its own words: `tee >(sh)`.
fn hands_on(command: &Command, budget: &Budget) -> Sure {
    words::all(command)
        .flat_map(|w| &w.inner)
        .map(|s| any_runs_stdin(s, 1, budget))
        .filter(|s| *s == Sure::Yes)
        .max()
        .unwrap_or(Sure::No)
}

/// Whether the code of the command is a download: `sh -c "$(curl …)"`, `bash <(curl …)`, `sh <<< "$(curl …)"`, or a file just saved.
fn takes_code(command: &Command, files: &[&str], budget: &Budget) -> Sure {
    let given = command
        .here
        .iter()
        .chain(command.redirects.iter().filter(|r| !r.writes).map(|r| &r.target))
        .any(|w| brings(w, budget));
    let saved = |word: &Word| !word.text.is_empty() && files.iter().any(|f| base(f) == base(&word.text));
    let judge = |view: &View<'_>| match view.name.as_str() {
        "eval" => view.args.iter().any(|w| brings(w, budget)),
        "source" | "." => view.args.first().is_some_and(|w| brings(w, budget) || saved(w)),
        name if words::is_interpreter(name) => match code(view) {
            Code::Text(word) => brings(word, budget),
            Code::File(word) => brings(word, budget) || saved(word),
            Code::Stdin => given,
            Code::Other => false,
        },
        _ if view.behind.is_none() => {
            brings(view.program, budget) || (view.program.text.contains('/') && saved(view.program))
        }
        _ => false,
    };
    super::yes(views(command).iter().any(judge))
}

/// The files a download is saved under: `-o FILE`, `> FILE`, `-O` with the last part of the address.
fn saved(command: &Command) -> Vec<&str> {
    let mut files: Vec<&str> = command.redirects.iter().filter(|r| r.writes).map(|r| r.target.text.as_str()).collect();
    let mut words = command.words.iter().map(|w| w.text.as_str());
    let mut own_name = false;
    while let Some(word) = words.next() {
        match word {
            "-o" | "--output" | "--output-document" | "--out" => files.extend(words.next()),
            "-O" | "--remote-name" => own_name = true,
            _ if word.contains("://") => files.push(word),
            _ => {
                let glued = word.strip_prefix("--output=").or_else(|| word.strip_prefix("--output-document="));
                let cluster = word.strip_prefix('-').filter(|w| !w.starts_with('-') && w.ends_with(['o', 'O']));
                files.extend(glued);
                if cluster.is_some() || own_name {
                    files.extend(if cluster.is_some() { words.next() } else { Some(word) });
                    own_name = false;
                }
            }
        }
    }
    files.retain(|f| !matches!(*f, "" | "-" | "/dev/null" | "1" | "2"));
    files
}

/// `curl … | tee FILE`, `curl … | tar > FILE`: a file written behind a download.
fn pipeline_file<'a>(pipeline: &'a Pipeline, budget: &Budget) -> Vec<&'a str> {
    let Some(at) = pipeline.commands.iter().position(|c| downloads(c, 0, budget)) else { return Vec::new() };
    let behind = &pipeline.commands[at + 1..];
    let redirected = behind.iter().flat_map(|c| &c.redirects).filter(|r| r.writes).map(|r| r.target.text.as_str());
    let tee = behind.iter().flat_map(views).filter(|v| v.name == "tee").flat_map(|v| v.args).map(|w| w.text.as_str());
    redirected.chain(tee).filter(|f| !f.starts_with('-') && !matches!(*f, "/dev/null" | "1" | "2")).collect()
}

fn base(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
