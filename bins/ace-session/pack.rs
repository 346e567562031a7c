//! A session as one file, and back.

use ace_cli::{Complaint, Exit, SessionAddress, When};
use ace_front::pack::{self, Want};
use ace_front::{Opening, words};
use std::io::{BufReader, IsTerminal};
use std::path::Path;

use crate::{PROGRAM, print};

/// Writes a session to stdout.
pub fn pack(opening: &Opening, session: &SessionAddress, want: Want) -> Result<Exit, Complaint> {
    let found = opening.find(session)?;
    let (log, name) = (opening.log(&found), opening.name(&found, session));
    let report = log.verify().map_err(|e| Complaint::io(PROGRAM, &format!("cannot read '{name}'"), &e))?;
    if let Some(damage) = &report.damage {
        return Err(words::damaged(PROGRAM, &name, damage.line, &damage.fault));
    }
    let stdout = std::io::BufWriter::with_capacity(1 << 18, std::io::stdout().lock());
    pack::pack(opening, &log, &name, want, stdout).map(|()| Exit::Done)
}

/// Takes one in, from a file or stdin, and prints its id.
pub fn unpack(opening: &Opening, file: Option<&Path>, color: When) -> Result<Exit, Complaint> {
    let done = match file {
        Some(file) => {
            let cannot = |e| Complaint::io(PROGRAM, &format!("cannot read '{}'", file.display()), &e);
            pack::unpack(opening, BufReader::with_capacity(1 << 18, std::fs::File::open(file).map_err(cannot)?))?
        }
        None => pack::unpack(opening, BufReader::with_capacity(1 << 18, std::io::stdin().lock()))?,
    };
    if std::io::stderr().is_terminal() {
        let what = if done.new == 0 { "is here already".to_owned() } else { format!("{} records", done.lines) };
        let hint = format!("ace show {}; it is to be looked at, not to go on", ace_view::clean(&done.name));
        ace_cli::note(PROGRAM, &format!("'{}': {what}", ace_view::clean(&done.name)), Some(&hint), color);
    }
    print(&format!("{}\n", done.id))
}
