//! A worktree, a temporary folder and a secret beside them, and short ways to make calls.

use std::path::PathBuf;
use std::process::Command;

use ace_local_tools::{Bench, Cancel, Completed, Failed, Outcome, Place, Request, Worker};
use ace_schema::data::Code;
use serde_json::{Value, value::to_raw_value};
use tempfile::TempDir;

pub const SECRET: &str = "the secret of the house";

pub struct Scene {
    pub bench: Bench,
    pub place: Place,
    /// Outside of the worktree.
    pub secret: PathBuf,
    pub root: PathBuf,
    pub _home: TempDir,
}

pub fn request(id: u64, tool: &str, args: &Value) -> Request {
    Request { id, tool: tool.to_owned(), args: to_raw_value(args).unwrap() }
}

impl Scene {
    pub fn new() -> Self {
        let home = TempDir::new().unwrap();
        let (root, tmp, secret) = (home.path().join("tree"), home.path().join("tmp"), home.path().join("secret"));
        std::fs::create_dir(&root).unwrap();
        std::fs::create_dir(&tmp).unwrap();
        std::fs::write(&secret, SECRET).unwrap();
        let env = vec![("PATH".to_owned(), "/usr/bin:/bin".to_owned()), ("LANG".to_owned(), "C.UTF-8".to_owned())];
        let place = Place { root: root.clone(), tmp, env, unsandboxed: true };
        Self { bench: Bench::new(place.clone()), place, secret, root, _home: home }
    }

    pub fn file(&self, path: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    pub fn text(&self, path: &str) -> String {
        std::fs::read_to_string(self.root.join(path)).unwrap()
    }

    pub fn call(&self, tool: &str, args: Value) -> Outcome {
        self.bench.execute(&request(1, tool, &args), &Cancel::default(), &mut |_| {})
    }

    pub fn done(&self, tool: &str, args: Value) -> Completed {
        completed(self.call(tool, args))
    }

    /// The output's text.
    pub fn told(&self, tool: &str, args: Value) -> String {
        self.done(tool, args).output.text
    }

    pub fn failed(&self, tool: &str, args: Value) -> Failed {
        failed(self.call(tool, args))
    }

    /// Expects a refusal that holds no byte of the secret.
    pub fn outside(&self, tool: &str, args: Value) {
        let shown = args.to_string();
        let failed = self.failed(tool, args);
        assert_eq!(failed.code, Code::PathOutside, "{tool} {shown}: {}", failed.message);
        assert!(!format!("{failed:?}").contains(SECRET));
    }

    /// A worker process of its own, without a sandbox.
    pub fn worker(&self) -> Worker {
        let example = std::env::current_exe().unwrap().parent().unwrap().parent().unwrap().join("examples/worker");
        assert!(example.exists(), "built by `cargo test` together with the tests: {}", example.display());
        let mut command = Command::new(example);
        command.arg(serde_json::to_string(&self.place).unwrap());
        Worker::start(command).unwrap()
    }
}

pub fn completed(outcome: Outcome) -> Completed {
    match outcome {
        Outcome::Completed(done) => done,
        Outcome::Failed(failed) => panic!("{failed:?}"),
    }
}

pub fn failed(outcome: Outcome) -> Failed {
    match outcome {
        Outcome::Failed(failed) => {
            assert!(!failed.message.contains('\n'));
            failed
        }
        Outcome::Completed(done) => panic!("{done:?}"),
    }
}
