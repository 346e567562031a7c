//! A command is started: in its own group, with nothing inherited, with a pipe or a terminal for its output. It knows no call and
//! no limit of time.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use ace_schema::data::Code;
use rustix::process::Pid;

use crate::bench::Bench;
use crate::call::Failed;

/// With a slash in it the standard library need not look it up in a changed PATH, and can use `posix_spawn`.
const SHELL: &str = "/bin/sh";
/// Rows and columns of a terminal that nobody looks at.
const ROWS: u16 = 50;
const COLUMNS: u16 = 120;

/// What to start.
pub(crate) struct Start<'a> {
    pub command: &'a str,
    /// What runs first and holds `command` as `$1`; nothing for the command alone.
    pub around: Option<&'a str>,
    pub cwd: &'a Path,
    pub env: &'a [(String, String)],
    /// One more variable.
    pub extra: Option<(&'a str, &'a str)>,
    /// With a terminal instead of a pipe.
    pub terminal: bool,
    /// Something may be typed into it.
    pub input: bool,
}

/// A running command.
pub(crate) struct Started {
    pub child: Child,
    pub pid: Pid,
    /// Its output and errors.
    pub output: File,
    /// What it reads, if that was asked for.
    pub input: Option<File>,
}

impl Start<'_> {
    fn arguments(&self) -> Vec<&str> {
        match self.around {
            None => vec!["-c", self.command],
            Some(around) => vec!["-c", around, "sh", self.command],
        }
    }

    /// Starts it.
    pub fn run(&self, bench: &Bench) -> Result<Started, Failed> {
        let io = |e: std::io::Error| match std::fs::metadata(self.cwd) {
            Err(_) if self.cwd == bench.place.root => Failed::new(Code::NotFound, "the worktree is gone"),
            Err(_) => Failed::new(Code::NotFound, "the working directory is gone"),
            Ok(_) => Failed::new(Code::Io, format!("cannot start sh: {}", e.to_string().to_lowercase())),
        };
        let mut ends = None;
        let started = bench.leash.start(|| {
            let (child, output, input) = if self.terminal { self.on_terminal()? } else { self.on_pipe()? };
            ends = Some((output, input));
            let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
            pid.map(|pid| (child, pid)).ok_or_else(|| std::io::Error::other("no process id"))
        });
        let child = started.ok_or_else(|| Failed::new(Code::Cancelled, "the worker is ending"))?.map_err(io)?;
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let (Some(pid), Some((output, input))) = (pid, ends) else {
            return Err(Failed::new(Code::Io, "no process id"));
        };
        Ok(Started { child, pid, output, input })
    }

    fn on_pipe(&self) -> std::io::Result<(Child, File, Option<File>)> {
        let (pipe, writer) = std::io::pipe()?;
        let mut sh = Command::new(SHELL);
        sh.args(self.arguments()).current_dir(self.cwd).env_clear().process_group(0);
        sh.envs(self.env.iter().map(|(name, value)| (name, value))).envs(self.extra);
        let mut input = None;
        if self.input {
            let (reader, writer) = std::io::pipe()?;
            sh.stdin(reader);
            input = Some(File::from(OwnedFd::from(writer)));
        } else {
            sh.stdin(Stdio::null());
        }
        sh.stdout(writer.try_clone()?).stderr(writer);
        let child = sh.spawn()?;
        // `sh` holds the writing ends until here; as long as one is open here, the pipe would never end.
        drop(sh);
        Ok((child, File::from(OwnedFd::from(pipe)), input))
    }

    fn on_terminal(&self) -> std::io::Result<(Child, File, Option<File>)> {
        let io = |e: pty_process::Error| match e {
            pty_process::Error::Io(e) => e,
            other => std::io::Error::other(other.to_string()),
        };
        let (pty, pts) = pty_process::blocking::open().map_err(io)?;
        pty.resize(pty_process::Size::new(ROWS, COLUMNS)).map_err(io)?;
        let mut sh = pty_process::blocking::Command::new(SHELL);
        sh = sh.args(self.arguments()).current_dir(self.cwd).env_clear();
        sh = sh.envs(self.env.iter().map(|(name, value)| (name, value)));
        if !self.env.iter().any(|(name, _)| name == "TERM") {
            sh = sh.env("TERM", "xterm");
        }
        sh = sh.envs(self.extra);
        let child = sh.spawn(pts).map_err(io)?;
        let output = File::from(OwnedFd::from(pty));
        let input = if self.input { Some(output.try_clone()?) } else { None };
        Ok((child, output, input))
    }
}
