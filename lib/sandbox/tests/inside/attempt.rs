//! Small words for attempts: what must fail, what must work.

use std::fmt::Debug;
use std::io;
use std::process::Command;

pub type Outcome = Result<(), String>;

/// The attempt must fail.
pub fn refused<T: Debug, E: Debug>(what: &str, tried: Result<T, E>) -> Outcome {
    match tried {
        Ok(got) => Err(format!("{what} worked: {:.200}", format!("{got:?}"))),
        Err(_) => Ok(()),
    }
}

/// The attempt must work.
pub fn works<T, E: Debug>(what: &str, tried: Result<T, E>) -> Result<T, String> {
    tried.map_err(|error| format!("{what} failed: {error:?}"))
}

/// The statement must hold.
pub fn holds(what: &str, it_does: bool) -> Outcome {
    if it_does { Ok(()) } else { Err(format!("not so: {what}")) }
}

/// A system call that must fail, with `errno` if one is given.
pub fn call_refused(what: &str, result: i64, errno: Option<i32>) -> Outcome {
    let error = io::Error::last_os_error();
    if result >= 0 {
        return Err(format!("{what} worked"));
    }
    match errno {
        Some(errno) if error.raw_os_error() != Some(errno) => Err(format!("{what}: {error} instead of {errno}")),
        _ => Ok(()),
    }
}

/// Runs a shell command; its output on success.
pub fn shell(script: &str) -> Result<String, String> {
    let done = Command::new("/bin/sh").args(["-c", script]).output().map_err(|error| format!("sh: {error}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if done.status.success() {
        Ok(text(&done.stdout))
    } else {
        Err(format!("{script}: {:?} {} {}", done.status.code(), text(&done.stdout), text(&done.stderr)))
    }
}
