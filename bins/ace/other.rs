//! Words that are not the front's own: it becomes the program that is meant.

use ace_cli::{Complaint, Exit};
use ace_host::Programs;
use std::os::unix::process::CommandExt;

use crate::PROGRAM;

/// A verb of the table, or a program `ace-WORD`: becomes that program.
pub fn other(words: &[std::ffi::OsString]) -> Result<Exit, Complaint> {
    let word = words.first().map(|w| w.to_string_lossy().into_owned()).unwrap_or_default();
    let (program, args) = ace_cli::suite::resolve(&word);
    let args: Vec<_> = args.iter().map(std::ffi::OsString::from).chain(words[1..].iter().cloned()).collect();
    Err(become_it(&program, &args).unwrap_or_else(|| ace_cli::suite::unknown(&word)))
}

/// Becomes that program; `None` as an error if there is none.
fn become_it(program: &str, args: &[std::ffi::OsString]) -> Option<Complaint> {
    let error = std::process::Command::new(Programs::beside_this().find(program)).args(args).exec();
    let found = error.kind() != std::io::ErrorKind::NotFound;
    found.then(|| Complaint::io(PROGRAM, &format!("cannot start '{program}'"), &error))
}

/// Becomes a program of the suite.
pub fn become_program(program: &str, args: &[std::ffi::OsString]) -> Result<Exit, Complaint> {
    Err(become_it(program, args).unwrap_or_else(|| {
        Complaint::new(PROGRAM, Exit::Io, format!("there is no '{program}' beside this program or on the PATH"))
    }))
}
