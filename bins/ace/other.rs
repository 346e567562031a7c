//! Words that are not the front's own: it becomes the program that is meant.

use ace_cli::{Complaint, Exit};
use ace_host::Programs;
use std::os::unix::process::CommandExt;

use crate::PROGRAM;

/// A verb of the table, or a program `ace-WORD`: becomes that program.
pub fn other(words: &[std::ffi::OsString]) -> Result<Exit, Complaint> {
    let word = words.first().map(|w| w.to_string_lossy().into_owned()).unwrap_or_default();
    let (program, args) = ace_cli::suite::resolve(&word);
    let path = Programs::beside_this().find(&program);
    let error = std::process::Command::new(path).args(args).args(&words[1..]).exec();
    if error.kind() == std::io::ErrorKind::NotFound {
        return Err(ace_cli::suite::unknown(&word));
    }
    Err(Complaint::io(PROGRAM, &format!("cannot start '{program}'"), &error))
}
