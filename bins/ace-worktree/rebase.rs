//! The steps of a session put together anew, as `git rebase -i` does with commits: left out, in another order, with steps of
//! another session.

use ace_cli::worktree::Rebase;
use ace_cli::{Complaint, Exit, SessionAddress};
use ace_front::{Opening, clock, random, words};
use ace_host::{Change, RebaseError, changes, rebase as put_together};
use std::io::{IsTerminal, Read};
use std::process::Command;

use crate::PROGRAM;
use crate::look::{print, subject};

/// What stands below the list.
const HELP: &str = "
# One line a step, done from top to bottom on the files that the session began with:
#   pick SEQ       as it was
#   drop SEQ       left out, as if the line were gone
#   graft S@SEQ    a step of another session
# Lines may change places. Nothing is erased: ace rewind brings the files back.
# An empty list does nothing.
";

/// Shows the steps, lets them be changed, and puts them together.
pub fn rebase(opening: &Opening, args: &Rebase) -> Result<Exit, Complaint> {
    let name = args.session.place_text();
    let log = opening.log(&opening.find(&args.session)?);
    let all = changes(&log).map_err(|e| Complaint::io(PROGRAM, &format!("cannot read '{name}'"), &e))?;
    if all.is_empty() {
        return Err(Complaint::new(PROGRAM, Exit::No, format!("no step of '{name}' changed a file")));
    }
    let list: String = all.iter().map(|change| format!("pick {}  {}\n", change.step.seq, about(change))).collect();
    let todo = match (&args.todo, args.drop.as_slice()) {
        (None, []) if args.interactive => edit(&(list + HELP))?,
        (None, []) => return print(list.as_bytes()),
        (Some(file), _) => read(file)?,
        (None, dropped) => {
            if let Some(stray) = dropped.iter().find(|seq| all.iter().all(|change| change.step.seq != **seq)) {
                return Err(no_step(&name, *stray));
            }
            list.lines()
                .filter(|line| !dropped.iter().any(|seq| line.starts_with(&format!("pick {seq} "))))
                .map(|line| format!("{line}\n"))
                .collect()
        }
    };
    let picked = parse(opening, &name, &all, &todo)?;
    if picked.is_empty() && args.drop.is_empty() {
        return Err(Complaint::new(PROGRAM, Exit::No, "nothing to do: the list is empty"));
    }
    let done = put_together(opening.home(), &log, &picked, &clock(), random()).map_err(|e| match e {
        RebaseError::Conflict { seq, ref paths } => {
            let shown: Vec<String> = paths.iter().take(3).map(|p| p.display().to_string()).collect();
            let what = format!("{e}: both changed {}", shown.join(", "));
            Complaint::new(PROGRAM, Exit::No, what)
                .hint(format!("nothing was changed; drop @{seq} too, or leave in what it builds on"))
        }
        RebaseError::Travel(e) => words::travel(PROGRAM, &name, &e),
    })?;
    if std::io::stderr().is_terminal() {
        let (written, removed) = done.files;
        match done.seq {
            0 => eprintln!("the files of {name} are that already"),
            seq => eprintln!(
                "@{seq}: {written} files written, {removed} removed (ace rewind {name}@{} undoes this)",
                done.from
            ),
        }
    }
    Ok(Exit::Done)
}

fn about(change: &Change) -> String {
    let words = subject(&change.step);
    if words.is_empty() { "changed outside of calls".to_owned() } else { words }
}

fn no_step(name: &str, seq: u64) -> Complaint {
    Complaint::new(PROGRAM, Exit::Usage, format!("no step @{seq} of '{name}' changed a file"))
        .hint(format!("ace rebase {name} lists them"))
}

/// The steps that a list names, in its order.
fn parse(opening: &Opening, name: &str, all: &[Change], todo: &str) -> Result<Vec<Change>, Complaint> {
    let mut picked = Vec::new();
    for line in todo.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let mut words = line.split_whitespace();
        let (verb, at) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let number = || at.trim_start_matches('@').parse::<u64>().ok();
        let own =
            |seq: u64| all.iter().find(|change| change.step.seq == seq).cloned().ok_or_else(|| no_step(name, seq));
        match (verb, number()) {
            ("pick" | "p", Some(seq)) => picked.push(own(seq)?),
            ("drop" | "d", Some(_)) => {}
            ("graft" | "g", None) => {
                let address: SessionAddress =
                    at.parse().map_err(|e| Complaint::new(PROGRAM, Exit::Usage, format!("'{at}' is no step: {e}")))?;
                let log = opening.log(&opening.find(&address)?);
                let theirs = changes(&log).map_err(|e| Complaint::io(PROGRAM, &format!("cannot read '{at}'"), &e))?;
                let seq = address.seq.unwrap_or(0);
                let found = theirs.into_iter().find(|change| change.step.seq == seq);
                picked.push(found.ok_or_else(|| no_step(&address.place_text(), seq))?);
            }
            _ => {
                let what = format!("no line of a list: '{line}'");
                return Err(Complaint::new(PROGRAM, Exit::Usage, what).hint("pick SEQ, drop SEQ, graft S@SEQ"));
            }
        }
    }
    Ok(picked)
}

fn read(file: &std::path::Path) -> Result<String, Complaint> {
    let mut text = String::new();
    let read = match file.to_str() {
        Some("-") => std::io::stdin().lock().take(1 << 20).read_to_string(&mut text),
        _ => std::fs::File::open(file).and_then(|f| f.take(1 << 20).read_to_string(&mut text)),
    };
    read.map(|_| text).map_err(|e| Complaint::io(PROGRAM, &format!("cannot read '{}'", file.display()), &e))
}

/// The list as the person's editor leaves it.
fn edit(list: &str) -> Result<String, Complaint> {
    let cannot = |e: &std::io::Error| Complaint::io(PROGRAM, "cannot edit the list", e);
    let path = std::env::temp_dir().join(format!("ace-rebase-{:016x}", random()));
    let mut options = std::fs::OpenOptions::new();
    std::os::unix::fs::OpenOptionsExt::mode(options.write(true).create_new(true), 0o600);
    let written = options.open(&path).and_then(|mut file| std::io::Write::write_all(&mut file, list.as_bytes()));
    written.map_err(|e| cannot(&e))?;
    let editor = ["VISUAL", "EDITOR"].iter().find_map(|name| std::env::var(name).ok().filter(|v| !v.is_empty()));
    // As git does: the variable may hold arguments.
    let command = format!("{} \"$@\"", editor.unwrap_or_else(|| "vi".to_owned()));
    let status = Command::new("/bin/sh").args(["-c", &command, "sh"]).arg(&path).status();
    let text = std::fs::read_to_string(&path);
    let _ = std::fs::remove_file(&path);
    match status {
        Ok(status) if status.success() => text.map_err(|e| cannot(&e)),
        Ok(_) => Err(Complaint::new(PROGRAM, Exit::No, "the editor failed: nothing was changed")),
        Err(e) => Err(cannot(&e)),
    }
}
