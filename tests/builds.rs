//! Projects as they are, with dependencies that lie in the person's shared caches, are built in the default profile without a
//! network: what a tool must write into a cache it can write, and the person's cache stays as it was.

use crate::pages::there;
use crate::run::shell;
use crate::server::{Reply, Server};
use crate::suite::{World, files, finish};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A file of a cache: where it lies, and what is in it.
type Cache = BTreeMap<PathBuf, Vec<u8>>;

fn cached(folder: &Path) -> Cache {
    files(folder).into_iter().map(|path| (path.clone(), std::fs::read(&path).unwrap())).collect()
}

/// Lets a model run this command in mode auto; what it is told of it. The folders are as they were.
fn build(world: World, command: &'static str, caches: &[&str]) -> String {
    let all = || caches.iter().map(|name| cached(&world.path("home").join(name))).collect::<Vec<_>>();
    let before = all();
    assert!(before.iter().all(|cache| !cache.is_empty()), "the caches are there");
    let model = Server::start(vec![Reply::Calls("", vec![shell(command)]), Reply::Text("done")]);
    world.use_model(&model);
    let run = finish(world.command("ace", &["run", "--mode", "auto", "build it"]).spawn().unwrap(), None).done();
    assert_eq!(run.stdout, "done\n", "{}", run.stderr);
    assert!(before == all(), "a shared cache was changed");
    let done =
        world.log("@only").into_iter().find(|l| matches!(l["type"].as_str(), Some("tool.completed" | "tool.failed")));
    let data = done.unwrap()["data"].clone();
    assert_eq!((&data["exit"], &data["sandbox"]), (&0.into(), &"workspace".into()), "{data}");
    data["output"]["text"].as_str().unwrap().to_owned()
}

/// What the person who runs the tests has in such a folder: by this variable, or below their home.
fn own(variable: &str, name: &str) -> Option<PathBuf> {
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(name));
    std::env::var_os(variable).map(PathBuf::from).or_else(home).filter(|folder| folder.is_dir())
}

/// A world in which python is found where whoever runs the tests has it.
fn with_python(mut world: World) -> World {
    world.env.extend(own("PYENV_ROOT", ".pyenv").map(|root| ("PYENV_ROOT", root.display().to_string())));
    world
}

/// Runs a command outside, in this folder of the world.
fn outside(world: &World, folder: &str, script: &str) {
    let mut command = world.shell(script);
    std::fs::create_dir_all(world.path(folder)).unwrap();
    let run = finish(command.current_dir(world.path(folder)).spawn().unwrap(), None);
    assert_eq!(run.code, Some(0), "{script}: {run:?}");
}

#[test]
fn cargo_unpacks_a_crate_that_was_only_downloaded() {
    let (Some(cargo), Some(rustup)) = (own("CARGO_HOME", ".cargo"), own("RUSTUP_HOME", ".rustup")) else {
        return println!("SKIPPED cargo in the sandbox: no toolchain of rustup here");
    };
    let lock = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.lock")).unwrap();
    let version = lock.split("name = \"memchr\"\nversion = \"").nth(1).unwrap().split('"').next().unwrap();
    let manifest = format!(
        "[package]\nname = \"x\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[dependencies]\nmemchr = \"={version}\"\n[workspace]\n"
    );
    let mut world = World::new().repository(&[
        ("Cargo.toml", &manifest),
        ("src/main.rs", "fn main() { println!(\"found at {:?}\", memchr::memchr(b'b', b\"ab\")); }\n"),
    ]);
    // Of the real registry just this crate, and nothing unpacked.
    let kept = |path: &Path| {
        let name = path.to_string_lossy();
        name.ends_with("/memchr")
            || name.ends_with("index.crates.io/config.json")
            || name.contains("/config.json")
            || name.ends_with(&format!("/memchr-{version}.crate"))
    };
    for part in ["registry/index", "registry/cache"] {
        for file in files(&cargo.join(part)).into_iter().filter(|file| kept(file)) {
            let to = world.path("home/.cargo").join(file.strip_prefix(&cargo).unwrap());
            std::fs::create_dir_all(to.parent().unwrap()).unwrap();
            std::fs::copy(&file, to).unwrap();
        }
    }
    world.env.push(("RUSTUP_HOME", rustup.display().to_string()));
    let told = build(world, "cargo run --offline -q", &[".cargo/registry"]);
    assert!(told.contains("found at Some(1)"), "{told}");
}

/// A module as a proxy serves it: three files and an archive.
const MODULE: &str = r#"
import os, zipfile
base = "proxy/example.org/dep/@v"
os.makedirs(base)
open(base + "/list", "w").write("v1.0.0\n")
open(base + "/v1.0.0.info", "w").write('{"Version":"v1.0.0","Time":"2026-01-01T00:00:00Z"}')
open(base + "/v1.0.0.mod", "w").write("module example.org/dep\n")
with zipfile.ZipFile(base + "/v1.0.0.zip", "w") as z:
    z.writestr("example.org/dep@v1.0.0/go.mod", "module example.org/dep\n")
    z.writestr("example.org/dep@v1.0.0/dep.go", 'package dep\n\nfunc Word() string { return "found" }\n')
"#;

#[test]
fn go_builds_with_a_module_of_the_cache() {
    if !there("go", "go in the sandbox") || !there("python3", "go in the sandbox") {
        return;
    }
    let main = "package main\n\nimport \"example.org/dep\"\n\nfunc main() { println(dep.Word()) }\n";
    let mut world = with_python(World::new())
        .repository(&[("go.mod", "module x\n\ngo 1.16\n\nrequire example.org/dep v1.0.0\n"), ("main.go", main)]);
    std::fs::write(world.path("module.py"), MODULE).unwrap();
    outside(&world, ".", "python3 module.py");
    // As a person would have: built once, so that everything needed is in the caches.
    let proxy = world.path("proxy").display().to_string();
    outside(
        &world,
        "project",
        &format!(
            "GOPROXY=file://{proxy} GONOSUMDB=* GONOSUMCHECK=1 GOFLAGS=-mod=mod GOSUMDB=off go run . && git add -A && git commit -qm sums"
        ),
    );
    world.env.push(("GOFLAGS", "-mod=mod".to_owned()));
    let told = build(world, "go vet . && go run . 2>&1", &["go/pkg", ".cache/go-build"]);
    assert!(told.contains("found"), "{told}");
}

/// A registry with one package.
pub const REGISTRY: &str = r#"
import base64, hashlib, http.server, io, json, tarfile
def entry(tar, name, text):
    info = tarfile.TarInfo("package/" + name)
    info.size = len(text)
    tar.addfile(info, io.BytesIO(text))
data = io.BytesIO()
with tarfile.open(fileobj=data, mode="w:gz") as tar:
    entry(tar, "package.json", b'{"name":"dep","version":"1.0.0","main":"index.js"}')
    entry(tar, "index.js", b'module.exports = () => "found";')
data = data.getvalue()
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        host = "http://" + self.headers["host"]
        dist = {"tarball": host + "/dep/-/dep-1.0.0.tgz", "integrity": "sha512-" + base64.b64encode(hashlib.sha512(data).digest()).decode(), "shasum": hashlib.sha1(data).hexdigest()}
        version = {"name": "dep", "version": "1.0.0", "main": "index.js", "dist": dist}
        meta = json.dumps({"name": "dep", "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0": version}}).encode()
        body = data if self.path.endswith(".tgz") else meta
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *words):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
print(server.server_port, flush=True)
server.serve_forever()
"#;

/// Something that serves on a port of its own until it is dropped.
pub struct Served {
    child: Child,
    pub port: u16,
}

impl Served {
    /// Starts a script of python that prints its port.
    pub fn start(script: &str, args: &[&str]) -> Served {
        use std::io::BufRead;
        let mut child = Command::new("python3")
            .args(["-c", script])
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut port = String::new();
        std::io::BufReader::new(child.stdout.take().unwrap()).read_line(&mut port).unwrap();
        Served { port: port.trim().parse().unwrap(), child }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn npm_installs_from_its_cache() {
    if !there("npm", "npm in the sandbox") || !there("python3", "npm in the sandbox") {
        return;
    }
    let package = r#"{"name":"x","version":"1.0.0","dependencies":{"dep":"1.0.0"},"scripts":{"build":"node -p \"require('dep')()\""}}"#;
    let world = World::new().repository(&[("package.json", package), (".gitignore", "node_modules\n")]);
    let registry = Served::start(REGISTRY, &[]);
    let install = format!(
        "npm install --registry http://127.0.0.1:{} --no-audit --no-fund --no-update-notifier && rm -r node_modules && git add -A && git commit -qm lock",
        registry.port
    );
    outside(&world, "project", &install);
    drop(registry);
    let told = build(world, "npm ci --offline --no-audit --no-fund && npm run -s build", &[".npm/_cacache"]);
    assert!(told.contains("found"), "{told}");
}

/// A wheel in the current folder.
const WHEEL: &str = r#"
import zipfile
with zipfile.ZipFile("dep-1.0-py3-none-any.whl", "w") as z:
    z.writestr("dep.py", "word = 'found'\n")
    z.writestr("dep-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: dep\nVersion: 1.0\n")
    z.writestr("dep-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    z.writestr("dep-1.0.dist-info/RECORD", "dep.py,,\ndep-1.0.dist-info/METADATA,,\ndep-1.0.dist-info/WHEEL,,\ndep-1.0.dist-info/RECORD,,\n")
"#;

#[test]
fn pip_installs_from_the_persons_wheels() {
    let has_venv = Command::new("python3").args(["-c", "import venv, ensurepip"]).stderr(Stdio::null()).status();
    if !there("python3", "pip in the sandbox") || !has_venv.is_ok_and(|status| status.success()) {
        return println!("SKIPPED pip in the sandbox: no python3 with venv here");
    }
    let world = with_python(World::new())
        .repository(&[("main.py", "import dep\nprint(dep.word)\n"), (".gitignore", ".venv\n")]);
    std::fs::write(world.path("wheel.py"), WHEEL).unwrap();
    outside(&world, "home/.cache/pip/wheelhouse", "python3 ../../../../wheel.py");
    let told = build(
        world,
        "python3 -m venv .venv && .venv/bin/pip install -q --no-index --find-links ~/.cache/pip/wheelhouse dep && \
         .venv/bin/python main.py && .venv/bin/pip cache dir",
        &[".cache/pip"],
    );
    assert!(told.contains("found") && told.contains(".cache/pip"), "{told}");
}

#[test]
fn make_builds_with_a_library_of_the_home() {
    if !there("make", "make in the sandbox") || !there("cc", "make in the sandbox") {
        return;
    }
    let makefile = "prog: prog.c\n\tcc -I$(HOME)/.local/lib/dep -o prog prog.c\n\t./prog\n";
    let world = World::new().repository(&[
        ("Makefile", makefile),
        ("prog.c", "#include <stdio.h>\n#include <dep.h>\nint main(void) { puts(WORD); return 0; }\n"),
    ]);
    outside(&world, "home/.local/lib/dep", "echo '#define WORD \"found\"' > dep.h");
    let told = build(world, "make", &[".local/lib"]);
    assert!(told.contains("found"), "{told}");
}
