//! `ace demo`: a whole session on a small real repository, with a recorded model in place of a paid one. All else is what every
//! session is: the same programs, a worktree, decisions, a sandbox, a log.

use ace_cli::ace::Ace;
use ace_cli::{Complaint, Exit, SessionOptions, When};
use ace_config::Layer;
use ace_core::Until;
use ace_front::{Output, Screen, begin, listing, open, shown, watch, words};
use ace_view::{Role, SessionFacts, Text, render};
use ace_worktree as git;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::PROGRAM;

const PROMPT: &str = "make the tests pass";

/// The repository, file by file.
const FILES: &[(&str, &str)] = &[
    ("README.md", include_str!("../../fixtures/repos/demo/README.md")),
    ("Makefile", include_str!("../../fixtures/repos/demo/Makefile")),
    ("median.awk", include_str!("../../fixtures/repos/demo/median.awk")),
    ("tests/even.sh", include_str!("../../fixtures/repos/demo/tests/even.sh")),
    ("tests/odd.sh", include_str!("../../fixtures/repos/demo/tests/odd.sh")),
];

/// Makes the repository, runs the session, lands its branch.
pub fn demo(args: &Ace) -> Result<Exit, Complaint> {
    let repository = repository().map_err(|e| Complaint::io(PROGRAM, "cannot make the demo's repository", &e))?;
    std::env::set_current_dir(&repository)
        .map_err(|e| Complaint::io(PROGRAM, "cannot enter the demo's repository", &e))?;
    let flags = vec![Layer::flag("demo", "model", "recorded/demo"), Layer::flag("demo", "mode", "auto")];
    let opening = open(PROGRAM, flags)?;
    let options = SessionOptions {
        name: Some("fix-median".to_owned()),
        unsandboxed: !has_sandbox(),
        ..SessionOptions::default()
    };
    let made = begin::make(&opening, PROMPT.to_owned(), &options, args.color)?;
    let log = opening.home().log(&made.id);
    let output = Output { color: args.color, show_prompt: true, played: true, ..Output::default() };
    let facts = SessionFacts { log: shown(log.file()), place: shown(&repository), ..SessionFacts::of(&made.created) };
    let plan = begin::plan(&opening, log, Until::Idle)?;
    let front = called();
    say(&format!("a recorded model at work on a real repository: {}", shown(&repository)), args.color);
    say("", args.color);
    let exit = watch(PROGRAM, plan, Screen::new(output), move |_| facts, |_, _| Vec::new())?;
    if exit == Exit::Done {
        land(&opening, &made, args.color)?;
    }
    next(&made.created.name, first_edit(&opening, &made), &front, args.color);
    Ok(exit)
}

fn has_sandbox() -> bool {
    ace_sandbox::probe().is_ok_and(|a| a.holds(ace_sandbox::Layer::Landlock) && a.holds(ace_sandbox::Layer::Seccomp))
}

/// Writes the files and commits them, with the real git and nobody's configuration.
fn repository() -> std::io::Result<PathBuf> {
    let folder = std::env::temp_dir().join(format!("ace-demo-{:06x}", ace_front::random() & 0xff_ffff)).join("stats");
    std::fs::create_dir_all(&folder)?;
    for (name, text) in FILES {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
        std::fs::write(path, text)?;
    }
    let identity = ["-c", "user.name=ace demo", "-c", "user.email=demo@localhost"];
    for args in [
        &["init", "-q", "-b", "main"][..],
        &["add", "-A"],
        &["commit", "-q", "-m", "a median that is wrong half of the time"],
    ] {
        let done = Command::new("git")
            .args(identity)
            .args(args)
            .current_dir(&folder)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .output()?;
        if !done.status.success() {
            return Err(std::io::Error::other(String::from_utf8_lossy(&done.stderr).trim().to_owned()));
        }
    }
    Ok(folder)
}

/// Brings the branch to main, as `ace land` would.
fn land(opening: &ace_front::Opening, made: &ace_host::Made, color: When) -> Result<(), Complaint> {
    let failed = |e: git::Error| words::worktree(PROGRAM, &e);
    let (Some(tree), Ok(Some(repository))) = (&made.created.worktree, git::discover(&opening.cwd)) else {
        return Ok(());
    };
    let place = git::Place { git_dir: PathBuf::from(&tree.git_dir), path: PathBuf::from(&tree.path) };
    let author = git::Identity { name: "ace demo".to_owned(), email: "demo@localhost".to_owned() };
    let words = git::Words { message: "median: an even count has two middles", trailer: "", author: &author };
    let landed = git::land(&repository, &place, git::How::Merge, words).map_err(failed)?;
    let onto = landed.onto.unwrap_or_default();
    say("", color);
    say(
        &format!("landed {} on {onto}: {} file changed, and there 'make test' says:", landed.branch, landed.files),
        color,
    );
    let test = Command::new("make")
        .arg("test")
        .current_dir(&opening.cwd)
        // A make around this one must not tell this one how to speak.
        .env_remove("MAKEFLAGS")
        .env_remove("MAKELEVEL")
        .output();
    let said = test.map(|t| String::from_utf8_lossy(&t.stdout).into_owned()).unwrap_or_default();
    said.lines().for_each(|l| say(&format!("  {l}"), color));
    Ok(())
}

/// Prints a line, wrapped where the terminal ends. A reader that has gone is no reason to stop.
fn say(line: &str, color: When) {
    let style = listing(color);
    let text = Text::of(Role::Plain, ace_view::clean(line));
    let out: String = text.wrap(style.width, 0).iter().map(|l| render(l, &style) + "\n").collect();
    let _ = std::io::stdout().lock().write_all(out.as_bytes());
}

/// How `ace` is called from where the person stands.
fn called() -> String {
    let Ok(exe) = std::env::current_exe() else { return PROGRAM.to_owned() };
    let on_path = std::env::var_os("PATH").is_some_and(|p| std::env::split_paths(&p).any(|d| d.join(PROGRAM) == exe));
    if on_path { PROGRAM.to_owned() } else { shown(&exe) }
}

/// What to try next, wherever the story itself was told. `edit` is the record of the call that changed something.
fn next(name: &str, edit: Option<u64>, ace: &str, color: When) {
    let at = edit.map(|seq| format!("@{seq}")).unwrap_or_default();
    let commands = [
        (format!("diff {name}"), "what changed"),
        (format!("show {name}"), "what happened, turn by turn"),
        (format!("fork {name}{at}"), "another session from there, files too"),
        (format!("bisect {name} --good-after -- make test"), "which step mended it"),
    ];
    let style = listing(color);
    let widest = commands.iter().map(|(command, _)| command.len()).max().unwrap_or(0);
    say("", color);
    for (at, (command, about)) in commands.into_iter().enumerate() {
        let label = if at == 0 { "  next  " } else { "        " };
        let gap = widest - command.len() + 2;
        let line = Text::of(Role::Dim, label).with(Role::Typed, format!("{ace} {command}")).gap(gap).plain(about);
        let _ = std::io::stdout().lock().write_all((render(&line, &style) + "\n").as_bytes());
    }
}

/// The record of the first call that changed a file.
fn first_edit(opening: &ace_front::Opening, made: &ace_host::Made) -> Option<u64> {
    let (_, steps) = ace_host::steps(&opening.home().log(&made.id)).ok()?;
    let edit = steps.windows(2).find(|pair| pair[0].tree != pair[1].tree)?;
    Some(edit[1].seq)
}
