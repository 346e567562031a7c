//! A session as one file, and back.

use ace_cli::{Complaint, Exit, SessionAddress, When};
use ace_front::pack::{self, Want};
use ace_front::{Opening, words};
use std::io::{BufReader, IsTerminal};
use std::path::Path;

use crate::{PROGRAM, print};

/// Writes a session to stdout.
pub fn pack(opening: &Opening, session: &SessionAddress, want: Want, color: When) -> Result<Exit, Complaint> {
    let found = opening.find(session)?;
    let (log, name) = (opening.log(&found), opening.name(&found, session));
    let report = log.verify().map_err(|e| Complaint::io(PROGRAM, &format!("cannot read '{name}'"), &e))?;
    if let Some(damage) = &report.damage {
        return Err(words::damaged(PROGRAM, &name, damage.line, &damage.fault));
    }
    let stdout = std::io::BufWriter::with_capacity(1 << 18, std::io::stdout().lock());
    if let Some(taken) = pack::pack(opening, &log, &name, want, stdout)? {
        let counted = [(taken.lines, "record"), (taken.blobs as u64, "blob"), (taken.files as u64, "file")];
        let parts = counted
            .iter()
            .filter(|(n, _)| *n > 0)
            .map(|(n, what)| format!("{n} {what}{}", if *n == 1 { "" } else { "s" }));
        let what =
            format!("secrets were taken out of {}: it is a chain of its own", parts.collect::<Vec<_>>().join(", "));
        ace_cli::note(PROGRAM, &what, Some("--raw packs all as it is"), color);
    }
    Ok(Exit::Done)
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
        let what = if done.scrubbed { format!("{what}, without the secrets of where it was packed") } else { what };
        let hint = format!("ace show {}; it is to be looked at, not to go on", ace_view::clean(&done.name));
        ace_cli::note(PROGRAM, &format!("'{}': {what}", ace_view::clean(&done.name)), Some(&hint), color);
    }
    print(&format!("{}\n", done.id))
}
