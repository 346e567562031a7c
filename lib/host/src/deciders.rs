//! Starts programs that are heard: deciders over a call, and hooks. Each gets the request on stdin, a time limit and a process group of its own;
//! what its answer means is `ace-permissions`'s to say.

use ace_permissions::decider::Ended;
use ace_schema::limits::DECIDER_BYTES;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use std::io::{Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// How long outputs are awaited once all who wrote them are gone.
const LINGER: Duration = Duration::from_secs(1);

/// How a program that is heard is started.
#[derive(Debug, Clone)]
pub struct Start<'a> {
    /// Program and arguments.
    pub argv: &'a [String],
    /// The person's own work tree, where files are looked for that it names: what an agent has changed in its worktree is never
    /// started.
    pub root: &'a Path,
    /// Where it stands.
    pub cwd: &'a Path,
    /// How long it may take, ms.
    pub ms: u64,
    /// All of its environment; `None` for our own.
    pub env: Option<&'a [(String, String)]>,
}

impl Start<'_> {
    /// A decider: it stands in the person's own work tree.
    #[must_use]
    pub fn decider<'a>(argv: &'a [String], ms: u64, root: &'a Path) -> Start<'a> {
        Start { argv, root, cwd: root, ms, env: None }
    }
}

/// The name under which people know a program that is heard.
#[must_use]
pub fn name(argv: &[String]) -> &str {
    argv.first().map_or("", |program| program.rsplit('/').next().unwrap_or(program))
}

/// Starts one program, tells it `request` and gives what became of it.
#[must_use]
pub fn ask(start: &Start<'_>, request: &str) -> Ended {
    let Some((program, args)) = start.argv.split_first() else {
        return Ended::NotStarted("it has no program".to_owned());
    };
    let own = |word: &String| named(start.root, word).unwrap_or_else(|| PathBuf::from(word));
    let program = if program.contains('/') { start.root.join(program) } else { PathBuf::from(program) };
    let mut command = Command::new(program);
    if let Some(env) = start.env {
        command.env_clear().envs(env.iter().map(|(name, value)| (name, value)));
    }
    let started = command
        .args(args.iter().map(own))
        .current_dir(start.cwd)
        .env(PROJECT, start.root)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn();
    match started {
        Ok(child) => wait(child, request, start.ms),
        Err(e) => Ended::NotStarted(e.to_string()),
    }
}

/// The variable that such hooks find their own files by.
const PROJECT: &str = "CLAUDE_PROJECT_DIR";

/// The file of the project that a word of a command names, if it names one.
fn named(root: &Path, word: &str) -> Option<PathBuf> {
    let spelled = [format!("${PROJECT}/"), format!("${{{PROJECT}}}/")];
    let word = spelled.iter().find_map(|start| word.strip_prefix(start.as_str())).unwrap_or(word);
    // An option, or what leads out of the project by itself, is what it says.
    if word.is_empty() || word.starts_with('-') {
        return None;
    }
    let path = root.join(word);
    path.is_file().then_some(path)
}

/// Every file that a command names: its words, and the words of scripts that stand in one. Whoever trusts the command trusts these.
#[must_use]
pub fn files(root: &Path, argv: &[String]) -> Vec<(String, PathBuf)> {
    let breaks = |c: char| c.is_whitespace() || "'\";|&()<>=`,".contains(c);
    let inner = argv.iter().filter(|word| word.contains(breaks)).flat_map(|word| {
        // `"$DIR"/x` is one word in two pieces.
        let bare = word.replace(['"', '\''], "");
        bare.split(breaks).map(str::to_owned).collect::<Vec<_>>()
    });
    let all = argv.iter().cloned().chain(inner);
    let mut found: Vec<(String, PathBuf)> =
        all.filter_map(|word| named(root, &word).map(|path| (word, path))).collect();
    found.dedup();
    found
}

fn wait(mut child: Child, request: &str, ms: u64) -> Ended {
    let until = Instant::now() + Duration::from_millis(ms);
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
        let argv = ["sh".to_owned(), "-c".to_owned(), script.to_owned()];
        ask(&Start::decider(&argv, 500, Path::new("/")), "{\"tool_name\":\"Bash\"}")
    }

    #[test]
    fn p25_it_is_told_answers_and_is_not_waited_for_forever() {
        let exit =
            |status, stdout: &str, stderr: &str| Ended::Exit { status, stdout: stdout.into(), stderr: stderr.into() };
        assert_eq!(sh("cat"), exit(Some(0), "{\"tool_name\":\"Bash\"}\n", ""));
        assert_eq!(sh("echo no >&2; exit 2"), exit(Some(2), "", "no\n"));
        assert_eq!(sh("kill -9 $$"), exit(None, "", ""));
        assert!(matches!(ask(&Start::decider(&["./none".to_owned()], 500, Path::new("/")), ""), Ended::NotStarted(_)));
        assert_eq!(sh("sleep 1000"), Ended::Late);
    }

    #[test]
    fn p45_the_files_that_a_command_names_are_the_projects_own() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join(".claude/hooks")).unwrap();
        for file in ["check.sh", ".claude/hooks/fmt.py"] {
            std::fs::write(root.path().join(file), "true").unwrap();
        }
        let names = |argv: &[&str]| -> Vec<String> {
            let argv: Vec<String> = argv.iter().map(|w| (*w).to_owned()).collect();
            let below = |path: PathBuf| path.strip_prefix(root.path()).unwrap().display().to_string();
            files(root.path(), &argv).into_iter().map(|(_, path)| below(path)).collect()
        };
        assert_eq!(names(&["sh", "./check.sh"]), ["check.sh"]);
        assert_eq!(names(&["sh", "-c", "./check.sh; true"]), ["check.sh"]);
        assert_eq!(names(&["sh", "-c", "cd /;check.sh|cat"]), ["check.sh"]);
        let spelled = "\"$CLAUDE_PROJECT_DIR\"/.claude/hooks/fmt.py --all";
        assert_eq!(names(&["sh", "-c", spelled]), [".claude/hooks/fmt.py"]);
        assert_eq!(names(&["python3", "${CLAUDE_PROJECT_DIR}/check.sh"]), ["check.sh"]);
        assert!(names(&["make", "check", "-f"]).is_empty());
    }
}
