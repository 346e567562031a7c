//! A long text on a page of its own: the person's pager. It must never know what the text is about.

use ace_schema::data::{Output, ToolCompleted, ToolFailed};
use ace_schema::{Line, ty};
use ace_storage::Log;
use std::io::{ErrorKind, Write};
use std::process::{Command, Stdio};

/// What a shell exits with when there is no such program.
const NO_PROGRAM: i32 = 127;

/// The pager: as `PAGER` has it, else `less`; `None` if the person wants none.
fn pager() -> Option<String> {
    match std::env::var("PAGER") {
        Ok(pager) if pager.trim() == "cat" => None,
        Ok(pager) if !pager.trim().is_empty() => Some(pager),
        _ => Some("less".to_owned()),
    }
}

/// A shell that runs the pager, its stdin to be given.
#[must_use]
pub fn command() -> Option<Command> {
    let mut command = Command::new("sh");
    command.args(["-c", &pager()?]);
    if std::env::var_os("LESS").is_none() {
        command.env("LESS", "FRX");
    }
    Some(command)
}

/// Shows a text in the pager, or prints it where there is none.
///
/// # Errors
/// The pager cannot be started, or the text not printed.
pub fn show(text: &str) -> std::io::Result<()> {
    let print = || {
        let mut stdout = std::io::stdout().lock();
        stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush())
    };
    let Some(mut command) = command() else { return print() };
    let mut child = command.stdin(Stdio::piped()).spawn()?;
    let written = child.stdin.take().map_or(Ok(()), |mut stdin| stdin.write_all(text.as_bytes()));
    let status = child.wait()?;
    if status.code() == Some(NO_PROGRAM) {
        return print();
    }
    match written {
        // A person need not read to the end.
        Err(e) if e.kind() != ErrorKind::BrokenPipe => Err(e),
        _ => Ok(()),
    }
}

/// The whole output of the last call that has one, for people: without control sequences, ending with a line.
///
/// # Errors
/// The log or the blob cannot be read.
pub fn last_output(log: &Log) -> std::io::Result<Option<String>> {
    let mut follow = log.follow(0)?;
    let mut last: Option<Output> = None;
    loop {
        let lines = follow.read()?;
        if lines.is_empty() {
            break;
        }
        for line in ace_storage::split(lines).filter_map(|l| Line::parse(l).ok()) {
            let output = match &*line.ty {
                ty::TOOL_COMPLETED => line.data::<ToolCompleted>().ok().map(|d| d.output),
                ty::TOOL_FAILED => line.data::<ToolFailed>().ok().and_then(|d| d.output),
                _ => None,
            };
            last = output.filter(|o| !o.text.is_empty() || o.blob.is_some()).or(last);
        }
    }
    let Some(output) = last else { return Ok(None) };
    let text = match &output.blob {
        Some(blob) => {
            let bytes = log.blobs().get(&blob.sha).map_err(std::io::Error::other)?;
            String::from_utf8_lossy(&bytes).into_owned()
        }
        None => output.text,
    };
    let mut text = ace_view::clean(&text);
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(Some(text))
}
