//! Whether a log is what the log wrote, and what can be saved of one that is not.

use ace_cli::log::Anchor as Wanted;
use ace_cli::{Complaint, Exit, SessionAddress, When};
use ace_front::{Opening, clock, listing, sessions, words};
use ace_storage::{Anchor, RecoverError};
use ace_view::render;
use ace_worktree as git;
use std::path::Path;

use crate::PROGRAM;
use crate::read::print;
use crate::stream::flush;

/// Whether every line and blob is what the log wrote, and the head still where it was once noted.
pub fn verify(
    opening: &Opening,
    session: &SessionAddress,
    wanted: Option<&Wanted>,
    color: When,
) -> Result<Exit, Complaint> {
    let found = opening.find(session)?;
    let log = opening.log(&found);
    let name = opening.name(&found, session);
    let anchor = wanted.and_then(|w| w.at.clone()).map(|(seq, hash)| Anchor { seq, hash });
    let report = match &anchor {
        Some(anchor) => log.verify_against(anchor),
        None => log.verify(),
    }
    .map_err(|e| Complaint::io(PROGRAM, &format!("cannot read '{name}'"), &e))?;
    let first = report.last_seq + 1 - report.lines;
    if let Some(anchor) = anchor.filter(|a| report.lines > 0 && a.seq < first) {
        let what = format!("'{name}' begins at @{first}: @{} is a line of the session it was forked from", anchor.seq);
        return Err(Complaint::new(PROGRAM, Exit::Usage, what));
    }
    if let Some(damage) = &report.damage {
        return Err(words::damaged(PROGRAM, &name, damage.line, &damage.fault));
    }
    if wanted.is_some_and(|w| w.at.is_none()) {
        print(&format!("{}:{}\n", report.last_seq, report.head))?;
        return flush();
    }
    let style = listing(color);
    for text in ace_view::list::verified(&name, report.lines, report.blobs, (report.last_seq, &report.head), &style) {
        print(&(render(&text, &style) + "\n"))?;
    }
    if report.clock_set_back > 0 {
        let what = format!("the clock was set back {} times; the order holds", report.clock_set_back);
        ace_cli::note(PROGRAM, &what, None, color);
    }
    flush()
}

/// The repository of a session.
fn repository(opening: &Opening, session: &SessionAddress) -> Result<git::Repository, Complaint> {
    let created = sessions::created(opening, session)?;
    let none = || Complaint::new(PROGRAM, Exit::No, format!("'{session}' belongs to no repository"));
    let root = created.repository.map(|r| r.root).ok_or_else(none)?;
    git::discover(Path::new(&root)).map_err(|e| words::worktree(PROGRAM, &e))?.ok_or_else(none)
}

/// Before a session's id and the number and hash of a line, in notes and trailers.
const MARK: &str = "Ace-Session: ";

/// Writes the head into a git note of a commit, once all is found whole.
pub fn note(opening: &Opening, session: &SessionAddress, commit: &str, color: When) -> Result<Exit, Complaint> {
    let found = opening.find(session)?;
    let name = opening.name(&found, session);
    let report =
        opening.log(&found).verify().map_err(|e| Complaint::io(PROGRAM, &format!("cannot read '{name}'"), &e))?;
    if let Some(damage) = &report.damage {
        return Err(words::damaged(PROGRAM, &name, damage.line, &damage.fault));
    }
    let line = format!("{MARK}{}@{} {}", found.id, report.last_seq, report.head);
    let at =
        git::attest(&repository(opening, session)?, Some(commit), &line).map_err(|e| words::worktree(PROGRAM, &e))?;
    if std::io::IsTerminal::is_terminal(&std::io::stderr()) {
        let what =
            format!("noted {name}@{} at {}: git push origin refs/notes/ace takes it along", report.last_seq, &at[..7]);
        ace_cli::note(PROGRAM, &what, None, color);
    }
    Ok(Exit::Done)
}

/// Whether every line that a note or trailer names stands as it was then.
pub fn noted(opening: &Opening, session: &SessionAddress, color: When) -> Result<Exit, Complaint> {
    let found = opening.find(session)?;
    let name = opening.name(&found, session);
    let mark = format!("{MARK}{}", found.id);
    let lines = git::attested(&repository(opening, session)?, &mark).map_err(|e| words::worktree(PROGRAM, &e))?;
    let mut any = false;
    for line in &lines {
        let Some((seq, hash)) = line
            .strip_prefix(&mark)
            .and_then(|rest| rest.strip_prefix('@'))
            .map(|rest| rest.split_once(' ').unwrap_or((rest, "")))
        else {
            continue;
        };
        let Ok(seq) = seq.parse::<u64>() else { continue };
        any = true;
        let wanted = format!("{seq}:{hash}").parse::<Wanted>();
        match wanted {
            Ok(wanted) => verify(opening, session, Some(&wanted), color).map(drop)?,
            Err(_) => {
                // A trailer alone names the line; that it is there says that nothing behind it was cut.
                let last = opening
                    .log(&found)
                    .verify()
                    .map_err(|e| Complaint::io(PROGRAM, &format!("cannot read '{name}'"), &e))?
                    .last_seq;
                if last < seq {
                    let what = format!("'{name}' was cut: it ends at @{last}, and a commit names @{seq}");
                    return Err(Complaint::new(PROGRAM, Exit::Damaged, what));
                }
            }
        }
    }
    match any {
        true => Ok(Exit::Done),
        false => Err(Complaint::new(PROGRAM, Exit::No, format!("nothing is noted of '{name}' in git"))
            .hint(format!("ace-log verify {name} --note"))),
    }
}

/// Puts a clean copy of what is proven in the place of a damaged log, or into a folder of its own.
pub fn recover(
    opening: &Opening,
    session: &SessionAddress,
    out: Option<&Path>,
    color: When,
) -> Result<Exit, Complaint> {
    let found = opening.find(session)?;
    let log = opening.log(&found);
    let name = opening.name(&found, session);
    let style = listing(color);
    let done = match out {
        Some(out) => log.recover_to(out, clock()),
        None => log.recover(clock()),
    };
    match done {
        Ok(done) => {
            let head = done.last_seq;
            let damaged = done.damaged.display().to_string();
            let aside = done.clean.join(&done.aside).display().to_string();
            for text in ace_view::list::recovered(
                &name,
                done.lines,
                head,
                (done.left, done.left_bytes),
                [&aside, &damaged],
                &style,
            ) {
                print(&(render(&text, &style) + "\n"))?;
            }
            flush()
        }
        Err(RecoverError::Whole(None)) => {
            print(&format!("'{name}' is whole: there is nothing to recover\n"))?;
            flush()
        }
        Err(RecoverError::Whole(Some(damage)) | RecoverError::Newer(damage)) => {
            Err(words::damaged(PROGRAM, &name, damage.line, &damage.fault))
        }
        Err(RecoverError::Nothing(damage)) => {
            let mut complaint = words::damaged(PROGRAM, &name, damage.line, &damage.fault);
            complaint.what += "; nothing before it is proven, and nothing was changed";
            Err(complaint)
        }
        Err(RecoverError::Busy) => {
            let complaint = Complaint::new(PROGRAM, Exit::Busy, format!("'{name}' is being written"));
            Err(complaint.hint(format!("ace cancel {name}, or take a copy: ace-log recover {name} --out FOLDER")))
        }
        Err(RecoverError::Taken(path)) => {
            Err(Complaint::new(PROGRAM, Exit::Usage, format!("'{}' is there already", path.display())))
        }
        Err(RecoverError::Io(e)) => Err(Complaint::io(PROGRAM, &format!("cannot recover '{name}'"), &e)),
        Err(RecoverError::Append(e)) => Err(words::append(PROGRAM, &name, &e)),
    }
}
