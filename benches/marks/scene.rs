//! A repository, a home and a configuration, and the release programs at work in them.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::model::{Model, Request};
use crate::table::ms;

/// Where the release programs lie: beside this build, or where `ACE_BENCH_PROGRAMS` says, to compare two builds.
pub fn program(name: &str) -> PathBuf {
    match std::env::var_os("ACE_BENCH_PROGRAMS") {
        Some(folder) => Path::new(&folder).join(name),
        None => Path::new(env!("CARGO_BIN_EXE_ace")).with_file_name(name),
    }
}

/// A place on the disk where the build lies, removed at the end.
pub struct Scene {
    root: tempfile::TempDir,
}

/// What a run left.
pub struct Ran {
    /// From its start to its end, ms.
    pub wall: f64,
    pub started: Instant,
    pub requests: Vec<Request>,
    /// Bytes of its log.
    pub log: u64,
}

impl Scene {
    /// A repository with this many files of some hundred bytes, committed.
    pub fn new(files: usize) -> Self {
        let root = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let scene = Self { root };
        for folder in ["home", "ace", "project"] {
            std::fs::create_dir(scene.path(folder)).unwrap();
        }
        for n in 0..files {
            let file = scene.path("project").join(format!("d{}/f{n}.txt", n % 50));
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, format!("line {n}\n").repeat(40 + n % 20)).unwrap();
        }
        for args in [
            &["init", "-q", "-b", "main"][..],
            &["config", "user.name", "Bench"],
            &["config", "user.email", "bench@example.org"],
            // Of very many files git would begin by itself, in the background, what is to be done below.
            &["config", "gc.auto", "0"],
            &["add", "-A"],
            &["commit", "-q", "--allow-empty", "-m", "first"],
            &["gc", "-q"],
        ] {
            scene.git(args);
        }
        scene
    }

    pub fn root(&self) -> &Path {
        self.root.path()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// Runs the real git in the project.
    pub fn git(&self, args: &[&str]) {
        let mut git = Command::new("git");
        assert!(self.bare(&mut git).args(args).status().unwrap().success(), "git {args:?}");
    }

    fn bare<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        command
            .env_clear()
            .env("PATH", std::env::var("PATH").unwrap_or_default())
            .env("HOME", self.path("home"))
            .env("USER", "bench")
            .env("LANG", "C.UTF-8")
            .env("ACE_HOME", self.path("ace"))
            .env("TEST_KEY", "sk-test-0123456789")
            .current_dir(self.path("project"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
    }

    /// One of our programs, in the project.
    pub fn command(&self, name: &str, args: &[&str]) -> Command {
        let mut command = Command::new(program(name));
        self.bare(&mut command).args(args).stderr(Stdio::null());
        command
    }

    /// A session against this model, begun.
    pub fn begin(&self, model: &Model, more: &[&str]) -> (Child, Instant) {
        let config = self.path(&format!("config-{}.toml", model.address.port()));
        let text = format!(
            "model = \"test/m\"\n[providers.test]\nwire = \"openai-chat\"\nbase_url = \"http://{}/v1\"\napi_key_env = \"TEST_KEY\"\n",
            model.address
        );
        std::fs::write(&config, text).unwrap();
        let mut command = self.command("ace", &["run", "--mode", "auto"]);
        command.args(more).arg("write the steps").env("ACE_CONFIG", config).stderr(Stdio::piped());
        // Each session finds the project as it was committed: what an earlier one wrote there would stand in its patches.
        let _ = std::fs::remove_file(self.path("project/steps.txt"));
        let started = Instant::now();
        (command.spawn().unwrap(), started)
    }

    /// Waits for its end and checks that it did what it was asked for.
    pub fn finish(&self, model: &Model, begun: (Child, Instant), calls: usize) -> Ran {
        let (child, started) = begun;
        let out = child.wait_with_output().unwrap();
        let wall = ms(started.elapsed());
        let said = String::from_utf8_lossy(&out.stderr);
        assert!(out.status.success(), "{}: {said}", out.status);
        let requests = model.requests();
        assert_eq!(requests.len(), calls + 1, "{said}");
        let log = self.newest_log().map_or(0, |l| std::fs::metadata(l).unwrap().len());
        Ran { wall, started, requests, log }
    }

    /// A whole session with this many calls.
    pub fn run(&self, calls: usize, more: &[&str]) -> Ran {
        let model = Model::new(calls);
        let begun = self.begin(&model, more);
        self.finish(&model, begun, calls)
    }

    /// The log of the session that was begun last.
    pub fn newest_log(&self) -> Option<PathBuf> {
        let names = std::fs::read_dir(self.path("ace/sessions")).ok()?.flatten().map(|e| e.path());
        names
            .filter(|p| !p.file_name().is_some_and(|n| n.to_string_lossy().starts_with('.')))
            .max()
            .map(|p| p.join("log.jsonl"))
    }
}

impl Ran {
    /// From the start to the first request, ms.
    pub fn first_request(&self) -> f64 {
        ms(self.requests[0].arrived - self.started)
    }

    /// From each answer to the next request, ms: a call whole.
    pub fn calls(&self) -> Vec<f64> {
        let gap = |pair: &[Request]| pair[1].arrived.saturating_duration_since(pair[0].sent);
        self.requests.windows(2).map(gap).map(|d: Duration| ms(d)).collect()
    }
}
