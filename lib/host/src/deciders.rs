//! Starts deciders: programs that are asked about a call. Each gets the request on stdin, a time limit and a process group of its own;
//! what its answer means is `ace-permissions`'s to say.

use ace_permissions::decider::Ended;
use ace_schema::limits::{DECIDER_BYTES, DECIDER_MS};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use std::io::{Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// How long outputs are awaited once all who wrote them are gone.
const LINGER: Duration = Duration::from_secs(1);

/// Asks one decider. A program named by a path is looked for below `root`, the person's own work tree: what an agent has changed in
/// its worktree is never started.
#[must_use]
pub fn ask(argv: &[String], root: &Path, request: &str) -> Ended {
    let Some((program, args)) = argv.split_first() else { return Ended::NotStarted("it has no program".to_owned()) };
    let program = if program.contains('/') { root.join(program) } else { PathBuf::from(program) };
    let started = Command::new(program)
        .args(args)
        .current_dir(root)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn();
    match started {
        Ok(child) => wait(child, request),
        Err(e) => Ended::NotStarted(e.to_string()),
    }
}

fn wait(mut child: Child, request: &str) -> Ended {
    let until = Instant::now() + Duration::from_millis(DECIDER_MS);
    if let Some(mut stdin) = child.stdin.take() {
        let request = format!("{request}\n");
        // Who does not read it has decided without it.
        std::thread::spawn(move || drop(stdin.write_all(request.as_bytes())));
    }
    let (stdout, stderr) = (collect(child.stdout.take()), collect(child.stderr.take()));
    let left = || until.saturating_duration_since(Instant::now());
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    // Looked at, not taken away yet: its number names the group until then.
    let has_ended = |pid| {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        !matches!(waitid(WaitId::Pid(pid), options), Ok(None))
    };
    while !pid.is_none_or(has_ended) && !left().is_zero() {
        std::thread::sleep(Duration::from_millis(2));
    }
    let in_time = pid.is_none_or(has_ended);
    // Nothing that it started goes on, and nobody holds its outputs open.
    if let Some(group) = pid {
        let _ = kill_process_group(group, Signal::KILL);
    }
    let status = child.wait().ok();
    let text = |from: &Receiver<Vec<u8>>| from.recv_timeout(LINGER).unwrap_or_default();
    match status {
        Some(status) if in_time => Ended::Exit {
            status: status.code().filter(|_| status.signal().is_none()),
            stdout: String::from_utf8_lossy(&text(&stdout)).into_owned(),
            stderr: String::from_utf8_lossy(&text(&stderr)).into_owned(),
        },
        _ => Ended::Late,
    }
}

/// What comes out, up to the limit; the rest is read and forgotten.
fn collect(from: Option<impl Read + Send + 'static>) -> Receiver<Vec<u8>> {
    let (done, out) = channel();
    if let Some(mut from) = from {
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            let _ = from.by_ref().take(DECIDER_BYTES).read_to_end(&mut bytes);
            let _ = done.send(bytes);
            let _ = std::io::copy(&mut from, &mut std::io::sink());
        });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Ended {
        ask(&["sh".to_owned(), "-c".to_owned(), script.to_owned()], Path::new("/"), "{\"tool_name\":\"Bash\"}")
    }

    #[test]
    fn p25_it_is_told_answers_and_is_not_waited_for_forever() {
        let exit =
            |status, stdout: &str, stderr: &str| Ended::Exit { status, stdout: stdout.into(), stderr: stderr.into() };
        assert_eq!(sh("cat"), exit(Some(0), "{\"tool_name\":\"Bash\"}\n", ""));
        assert_eq!(sh("echo no >&2; exit 2"), exit(Some(2), "", "no\n"));
        assert_eq!(sh("kill -9 $$"), exit(None, "", ""));
        assert!(matches!(ask(&["./none".to_owned()], Path::new("/"), ""), Ended::NotStarted(_)));
        assert_eq!(sh("sleep 1000"), Ended::Late);
    }
}
