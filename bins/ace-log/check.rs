//! Whether a log is what the log wrote, and what can be saved of one that is not.

use ace_cli::log::Anchor as Wanted;
use ace_cli::{Complaint, Exit, SessionAddress, When};
use ace_front::{Opening, clock, listing, words};
use ace_storage::{Anchor, RecoverError};
use ace_view::render;
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
