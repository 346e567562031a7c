//! The builder of every pipeline test: an empty world with its own home and a cleared environment, in which the real programs run.
//! A run expects nothing on stderr unless it says otherwise.

use crate::server::Server;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Longest time any one run may take before the test calls it a hang.
const PATIENCE: Duration = Duration::from_secs(60);

/// A temporary home, configuration and project.
pub struct World {
    root: tempfile::TempDir,
    pub model: Option<Server>,
    /// Further variables of every program.
    pub env: Vec<(&'static str, String)>,
}

/// What a run left.
#[derive(Debug)]
#[must_use = "check what the run left"]
pub struct Run {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl World {
    /// An empty project folder outside git, no model.
    pub fn new() -> Self {
        Self::beneath(tempfile::tempdir().unwrap())
    }

    /// The same at a path that is the same each time, for runs whose records hold paths. What lay there is gone.
    pub fn at(path: &Path) -> Self {
        let _ = std::fs::remove_dir_all(path);
        let folder = path.parent().unwrap();
        std::fs::create_dir_all(folder).unwrap();
        let name = path.file_name().unwrap();
        Self::beneath(tempfile::Builder::new().prefix(name).rand_bytes(0).tempdir_in(folder).unwrap())
    }

    fn beneath(root: tempfile::TempDir) -> Self {
        for folder in ["home", "ace", "project"] {
            std::fs::create_dir(root.path().join(folder)).unwrap();
        }
        Self { root, model: None, env: Vec::new() }
    }

    /// The same with a scripted model as `test/scripted`.
    pub fn with_model(model: Server) -> Self {
        Self::new().serve(model)
    }

    /// Takes a scripted model as `test/scripted`, whose script may know this world's paths.
    pub fn serve(self, model: Server) -> Self {
        let mut world = self;
        world.use_model(&model);
        world.model = Some(model);
        world
    }

    /// Configures a scripted model that somebody else keeps.
    pub fn use_model(&self, model: &Server) {
        let config = format!(
            "model = \"test/scripted\"\n[providers.test]\nwire = \"openai-chat\"\nbase_url = \"{}\"\napi_key_env = \"TEST_KEY\"\n",
            model.url()
        );
        self.config(&config);
    }

    pub fn config(&self, text: &str) {
        std::fs::write(self.config_file(), text).unwrap();
    }

    pub fn add_config(&self, text: &str) {
        let old = std::fs::read_to_string(self.config_file()).unwrap_or_default();
        self.config(&(old + text));
    }

    pub fn config_file(&self) -> PathBuf {
        self.root.path().join("config.toml")
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    pub fn project(&self) -> PathBuf {
        self.path("project")
    }

    pub fn ace_home(&self) -> PathBuf {
        self.path("ace")
    }

    /// Makes the project a repository with these files in its first commit.
    pub fn repository(self, files: &[(&str, &str)]) -> Self {
        for (name, text) in files {
            let path = self.project().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        for args in [
            &["init", "-q", "-b", "main"][..],
            &["config", "user.name", "Test"],
            &["config", "user.email", "test@example.org"],
            &["add", "-A"],
            &["commit", "-q", "--allow-empty", "-m", "first"],
        ] {
            self.git(args);
        }
        self
    }

    /// Runs the real git in the project.
    pub fn git(&self, args: &[&str]) -> String {
        let mut command = Command::new("git");
        // The same commits each time.
        let date = "2026-11-20T06:00:00Z";
        command.args(args);
        let command = self.bare(&mut command).env("GIT_AUTHOR_DATE", date).env("GIT_COMMITTER_DATE", date);
        let out = command.output().unwrap();
        assert!(out.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).unwrap()
    }

    fn bare<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        let path = programs();
        command
            .env_clear()
            .env("PATH", format!("{}:{}", path.display(), std::env::var("PATH").unwrap_or_default()))
            .env("HOME", self.path("home"))
            .env("USER", "tester")
            .env("LANG", "C.UTF-8")
            .env("ACE_HOME", self.ace_home())
            .env("ACE_CONFIG", self.config_file())
            .env("ACE_RECORDINGS", self.root.path())
            .env("TEST_KEY", "sk-test-0123456789")
            // Whatever runs on the machine of a developer is not there.
            .env("OLLAMA_HOST", "127.0.0.1:1")
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .current_dir(self.project())
    }

    /// One of our programs, in the project, without input.
    pub fn command(&self, program: &str, args: &[&str]) -> Command {
        let mut command = Command::new(programs().join(program));
        self.bare(&mut command).args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// A shell script in the project, with our programs on PATH.
    pub fn sh(&self, script: &str) -> Run {
        finish(self.shell(script).spawn().unwrap(), None)
    }

    /// The same, not yet started.
    pub fn shell(&self, script: &str) -> Command {
        let mut command = Command::new("sh");
        self.bare(&mut command).args(["-c", script]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.process_group(0);
        command
    }

    pub fn run(&self, program: &str, args: &[&str]) -> Run {
        finish(self.command(program, args).spawn().unwrap(), None)
    }

    /// The same with these bytes on stdin.
    pub fn feed(&self, program: &str, args: &[&str], input: &[u8]) -> Run {
        finish(self.command(program, args).stdin(Stdio::piped()).spawn().unwrap(), Some(input.to_vec()))
    }

    /// The lines of a session's log.
    pub fn log(&self, session: &str) -> Vec<serde_json::Value> {
        let text = std::fs::read_to_string(self.log_file(session)).unwrap();
        text.lines().map(|l| serde_json::from_str(l).unwrap()).collect()
    }

    /// The log file of a session; `@only` is the only one there is.
    pub fn log_file(&self, session: &str) -> PathBuf {
        let sessions = self.ace_home().join("sessions");
        let id = if session == "@only" {
            let mut all = folders(&sessions);
            assert_eq!(all.len(), 1, "{all:?}");
            all.remove(0)
        } else {
            session.to_owned()
        };
        sessions.join(id).join("log.jsonl")
    }

    /// Ids of all sessions, in the order of their making.
    pub fn sessions(&self) -> Vec<String> {
        folders(&self.ace_home().join("sessions"))
    }

    /// The first line's data: how the session was made.
    pub fn created(&self, session: &str) -> serde_json::Value {
        self.log(session)[0]["data"].clone()
    }

    /// The data of the last recorded event of this type.
    #[track_caller]
    pub fn last(&self, session: &str, ty: &str) -> serde_json::Value {
        let found = self.log(session).into_iter().rfind(|l| l["type"] == ty);
        found.unwrap_or_else(|| panic!("no {ty} in {:?}", self.types(session)))["data"].clone()
    }

    /// Folder the session's tools work in.
    pub fn place(&self, session: &str) -> PathBuf {
        PathBuf::from(self.created(session)["cwd"].as_str().unwrap())
    }

    /// A program as a user of bash would see it fail in a pipe: the script, with `set -o pipefail`.
    pub fn bash(&self, script: &str) -> Run {
        let mut command = Command::new("bash");
        let script = format!("set -o pipefail\n{script}");
        command.process_group(0);
        self.bare(&mut command)
            .args(["-c", &script])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        finish(command.spawn().unwrap(), None)
    }

    /// Types of the recorded events, in order.
    pub fn types(&self, session: &str) -> Vec<String> {
        self.log(session).iter().map(|l| l["type"].as_str().unwrap().to_owned()).collect()
    }
}

/// Names in a folder, without those that begin with a dot.
pub fn folders(path: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(path) else { return Vec::new() };
    let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|n| !n.starts_with('.'));
    names.sort();
    names
}

/// Where the built programs lie.
pub fn programs() -> PathBuf {
    match std::env::var_os("ACE_TEST_PROGRAMS") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_BIN_EXE_ace")).parent().unwrap().to_owned(),
    }
}

/// Waits for a child with a limit, feeding and draining it meanwhile.
pub fn finish(mut child: Child, input: Option<Vec<u8>>) -> Run {
    if let (Some(input), Some(mut stdin)) = (input, child.stdin.take()) {
        std::thread::spawn(move || {
            use std::io::Write;
            // The child may end before it has read all.
            let _ = stdin.write_all(&input);
        });
    }
    let id = child.id();
    let (tell, told) = std::sync::mpsc::channel::<()>();
    let watch = std::thread::spawn(move || {
        if told.recv_timeout(PATIENCE) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
            // A shell leads its own group: what it started holds its output open.
            let _ = Command::new("kill").args(["-9", "--", &format!("-{id}"), &id.to_string()]).status();
            return true;
        }
        false
    });
    let out: Output = child.wait_with_output().unwrap();
    let _ = tell.send(());
    let run = Run {
        code: out.status.code(),
        stdout: String::from_utf8_lossy(&out.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&out.stderr).into_owned(),
    };
    assert!(!watch.join().unwrap(), "hung for {PATIENCE:?}: {run:?}");
    run
}

impl Run {
    /// Exit 0 and silence on stderr.
    #[track_caller]
    pub fn ok(self) -> String {
        assert_eq!((self.code, self.stderr.as_str()), (Some(0), ""), "stdout: {}", self.stdout);
        self.stdout
    }

    /// Exit 0, whatever stands on stderr.
    #[track_caller]
    pub fn done(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:?}");
        self
    }

    /// This exit code, and stderr holds each of these.
    #[track_caller]
    pub fn fails(self, code: i32, says: &[&str]) -> Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        for text in says {
            assert!(self.stderr.contains(text), "not on stderr: {text:?}\n{}", self.stderr);
        }
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
        self
    }
}

/// Waits until the condition holds.
#[track_caller]
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(20), "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// All files below a folder.
pub fn files(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(root).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => found.extend(files(&entry.path())),
            Ok(kind) if kind.is_file() => found.push(entry.path()),
            _ => {}
        }
    }
    found
}

/// The file of that name below a folder.
pub fn find_file(root: &Path, name: &str) -> Option<PathBuf> {
    files(root).into_iter().find(|f| f.file_name().is_some_and(|n| n == name))
}

/// Files below a folder that hold these bytes.
pub fn files_with(root: &Path, text: &str) -> Vec<String> {
    let holds = |f: &PathBuf| std::fs::read(f).is_ok_and(|b| b.windows(text.len()).any(|w| w == text.as_bytes()));
    files(root).into_iter().filter(holds).map(|f| f.display().to_string()).collect()
}
