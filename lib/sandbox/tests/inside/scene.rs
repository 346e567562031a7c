//! The scene of every attack: a home with secrets, a repository, a worktree inside the hidden home of `ace`, listeners of the
//! host; and the runner that starts one confined process per case and watches from outside.

use std::fs;
use std::io::Read;
use std::net::{TcpListener, UdpSocket};
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ace_sandbox::{Git, Layer, Profile, Worker};
use serde::{Deserialize, Serialize};

use crate::cases::{CASES, Case};

/// How long a case may take before it counts as hung.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a confined process is told about the world outside.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Scene {
    pub root: PathBuf,
    pub namespaces: bool,
    /// No layer at all: the control that shows an attempt can succeed.
    pub bare: bool,
    /// Whether there is a Rust toolchain outside.
    pub cargo: bool,
    pub tcp: u16,
    pub udp: u16,
    pub host: i32,
    pub victim: i32,
}

impl Scene {
    pub fn home(&self) -> PathBuf {
        self.root.join("home")
    }
    pub fn ace(&self) -> PathBuf {
        self.root.join("home/.local/share/ace")
    }
    pub fn worktree(&self) -> PathBuf {
        self.ace().join("worktrees/w")
    }
    pub fn repo(&self) -> PathBuf {
        self.root.join("repo")
    }
    pub fn tmp(&self) -> PathBuf {
        self.ace().join("tmp/s")
    }
    pub fn outside(&self) -> PathBuf {
        self.root.join("outside")
    }
    pub fn path_socket(&self) -> PathBuf {
        self.repo().join(".git/daemon.sock")
    }
    pub fn abstract_name(&self) -> String {
        format!("ace-test-{}", self.host)
    }

    /// The worker's profile of this scene.
    pub fn profile(&self) -> Profile {
        let real = PathBuf::from(std::env::var_os("HOME").unwrap_or_else(|| "/".into()));
        let toolchains = [".cargo/bin", ".cargo/registry", ".rustup", ".pyenv"].map(|name| real.join(name));
        let profile = Profile::worker(&Worker {
            worktree: self.worktree(),
            git: Git::find(&self.worktree()),
            home: self.home(),
            ace_home: self.ace(),
            tmp: Some(self.tmp()),
            read: toolchains.to_vec(),
            write: Vec::new(),
            caches: Vec::new(),
        });
        if self.bare {
            let mut profile = profile;
            profile.layers.clear();
            return profile;
        }
        if self.namespaces { profile } else { profile.without_namespaces() }
    }
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
    fs::write(path, text).expect("a file");
}

fn git(dir: &Path, arguments: &[&str]) {
    let done = Command::new("git")
        .args(["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main"])
        .args(arguments)
        .current_dir(dir)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .expect("git");
    assert!(done.success(), "git {arguments:?}");
}

/// A process of the same user to be attacked. Root's gives up its capabilities first, or they alone would protect it.
fn victim() -> Child {
    let weak = Command::new("setpriv").args(["--bounding-set=-all", "--inh-caps=-all", "sleep", "300"]).spawn();
    std::thread::sleep(Duration::from_millis(20));
    if let Ok(mut child) = weak
        && matches!(child.try_wait(), Ok(None))
    {
        return child;
    }
    Command::new("sleep").arg("300").spawn().expect("a victim")
}

/// What stays open outside while a case runs.
pub struct World {
    pub scene: Scene,
    tcp: TcpListener,
    udp: UdpSocket,
    abstract_socket: UnixDatagram,
    path_socket: UnixListener,
    victim: Child,
    _dir: tempfile::TempDir,
}

impl World {
    fn build(namespaces: bool, bare: bool, below_tmp: bool) -> World {
        use std::os::linux::net::SocketAddrExt;
        // By default not in the shared temporary folder, which the view replaces; the variable builds the scene elsewhere.
        let place = std::env::var_os("ACE_TEST_PLACE").unwrap_or_else(|| env!("CARGO_TARGET_TMPDIR").into());
        let place = if below_tmp { "/tmp".into() } else { place };
        let dir = tempfile::tempdir_in(place).expect("a folder");
        let tcp = TcpListener::bind("127.0.0.1:0").expect("a listener");
        let udp = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        let victim = victim();
        let scene = Scene {
            root: dir.path().canonicalize().expect("a real path"),
            namespaces,
            bare,
            cargo: Command::new("cargo").arg("--version").output().is_ok_and(|done| done.status.success()),
            tcp: tcp.local_addr().expect("an address").port(),
            udp: udp.local_addr().expect("an address").port(),
            host: std::process::id() as i32,
            victim: victim.id() as i32,
        };
        for secret in
            [".ssh/id", ".aws/credentials", ".netrc", ".cargo/credentials.toml", ".config/gh/hosts.yml", ".bashrc"]
        {
            write(&scene.home().join(secret), "canary");
        }
        write(&scene.home().join(".cache/pip/wheel"), "canary");
        write(&scene.home().join(".cargo/bin/tool"), "#!/bin/sh\necho tool\n");
        write(&scene.ace().join("sessions/s/log.jsonl"), "canary");
        write(&scene.outside().join("file"), "canary");
        fs::create_dir_all(scene.tmp()).expect("a folder");
        fs::create_dir_all(scene.repo()).expect("a folder");
        git(&scene.repo(), &["init", "-q"]);
        write(&scene.repo().join("README"), "one\n");
        git(&scene.repo(), &["add", "."]);
        git(&scene.repo(), &["commit", "-qm", "one"]);
        let worktree = scene.worktree();
        git(&scene.repo(), &["worktree", "add", "-q", "-b", "ace/w", worktree.to_str().expect("utf-8")]);
        // Somewhere the worker can see, so that only the rule about sockets stands between.
        let path_socket = UnixListener::bind(scene.path_socket()).expect("a socket");
        let address = std::os::unix::net::SocketAddr::from_abstract_name(scene.abstract_name()).expect("a name");
        let abstract_socket = UnixDatagram::bind_addr(&address).expect("a socket");
        tcp.set_nonblocking(true).expect("nonblocking");
        udp.set_nonblocking(true).expect("nonblocking");
        abstract_socket.set_nonblocking(true).expect("nonblocking");
        path_socket.set_nonblocking(true).expect("nonblocking");
        World { scene, tcp, udp, abstract_socket, path_socket, victim, _dir: dir }
    }

    /// Whether anything from inside has arrived.
    pub fn heard(&self) -> Result<(), String> {
        let mut buffer = [0; 64];
        let arrived = [
            ("tcp", self.tcp.accept().is_ok()),
            ("udp", self.udp.recv(&mut buffer).is_ok()),
            ("an abstract socket", self.abstract_socket.recv(&mut buffer).is_ok()),
            ("a socket with a path", self.path_socket.accept().is_ok()),
        ];
        match arrived.iter().find(|(_, came)| *came) {
            Some((what, _)) => Err(format!("something came through {what}")),
            None => Ok(()),
        }
    }

    /// Starts `case` confined, with a secret in this side's environment and a descriptor left open.
    pub fn start(&self, case: &str) -> Child {
        self.start_as("--inside", case)
    }

    /// The same, by way of `flag`: `--broker` puts a confined broker between.
    pub fn start_as(&self, flag: &str, case: &str) -> Child {
        let mut command = Command::new("/proc/self/exe");
        command.args([flag, case, &serde_json::to_string(&self.scene).expect("json")]);
        let profile = self.scene.profile();
        let ours = std::env::vars_os().chain([("ACE_TEST_API_KEY".into(), "canary".into())]);
        command.env_clear().envs(ace_sandbox::environment(&self.scene.worktree(), &[], ours, profile.variables()));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("a worker")
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = self.victim.kill();
        let _ = self.victim.wait();
    }
}

/// How a case ended.
pub enum Verdict {
    Passed,
    Skipped(String),
    Failed(String),
}

/// How long entering took in this process, in µs.
pub static ENTERING: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);

/// Exit codes by which the confined side answers.
const SKIPPED: i32 = 40;
const FAILED: i32 = 41;

/// Waits for a confined process and reads its answer.
pub fn finish(mut child: Child) -> (Option<i32>, String) {
    let until = Instant::now() + PATIENCE;
    let code = loop {
        match child.try_wait().expect("a status") {
            Some(status) => break status.code(),
            None if Instant::now() > until => {
                let _ = child.kill();
                let _ = child.wait();
                return (None, "it hangs".to_owned());
            }
            None => std::thread::sleep(Duration::from_millis(2)),
        }
    };
    let mut said = String::new();
    let _ = child.stdout.take().map(|mut pipe| pipe.read_to_string(&mut said));
    let _ = child.stderr.take().map(|mut pipe| pipe.read_to_string(&mut said));
    (code, said.trim().to_owned())
}

/// Without any layer the attempt must get through; otherwise the case proves nothing.
fn control(case: &Case) -> Verdict {
    let world = World::build(false, true, case.below_tmp);
    let (code, said) = finish(world.start(case.name));
    match (code, world.heard().and_then(|()| unharmed(&world))) {
        (Some(FAILED), _) | (_, Err(_)) => Verdict::Passed,
        (code, Ok(())) => Verdict::Failed(format!("nothing got through with no layer at all: {code:?} {said}")),
    }
}

fn run(case: &Case, namespaces: bool) -> Verdict {
    let world = World::build(namespaces, false, case.below_tmp);
    if let Some(outside) = case.outside {
        return match outside(&world) {
            Ok(()) => Verdict::Passed,
            Err(why) => why
                .strip_prefix("SKIPPED ")
                .map_or_else(|| Verdict::Failed(why.clone()), |why| Verdict::Skipped(why.to_owned())),
        };
    }
    let (code, said) = finish(world.start(case.name));
    match code {
        Some(0) if case.name.starts_with("a_model") => Verdict::Passed,
        Some(0) => match world.heard().and_then(|()| unharmed(&world)) {
            Ok(()) => Verdict::Passed,
            Err(why) => Verdict::Failed(why),
        },
        Some(SKIPPED) => Verdict::Skipped(said),
        other => Verdict::Failed(format!("{other:?}: {said}")),
    }
}

/// What holds after every case: the canaries are as they were, the victim lives, git's steering files are untouched.
fn unharmed(world: &World) -> Result<(), String> {
    let scene = &world.scene;
    for path in [scene.outside().join("file"), scene.home().join(".bashrc"), scene.ace().join("sessions/s/log.jsonl")] {
        if fs::read_to_string(&path).ok().as_deref() != Some("canary") {
            return Err(format!("{} was changed", path.display()));
        }
    }
    let cached: Vec<_> = fs::read_dir(scene.home().join(".cache/pip")).expect("a cache").flatten().collect();
    if cached.len() != 1 || fs::read_to_string(cached[0].path()).ok().as_deref() != Some("canary") {
        return Err("a cache was changed".to_owned());
    }
    if fs::read_to_string(scene.repo().join("README")).ok().as_deref() != Some("one\n") {
        return Err("the repository's README was changed".to_owned());
    }
    if fs::read_dir(scene.repo().join(".git/hooks"))
        .expect("hooks")
        .flatten()
        .any(|entry| entry.file_name() == "post-commit")
    {
        return Err("a hook was planted".to_owned());
    }
    if !Path::new(&format!("/proc/{}/stat", scene.victim)).exists() {
        return Err("the victim died".to_owned());
    }
    Ok(())
}

/// The confined side: enter, then try.
fn inside(name: &str, scene: &str) -> i32 {
    let scene: Scene = serde_json::from_str(scene).expect("a scene");
    let case = CASES.iter().find(|case| case.name == name).expect("a case");
    let mut profile = scene.profile();
    (case.adapt)(&scene, &mut profile);
    let start = Instant::now();
    let confining = if profile.hosts { ace_sandbox::enter } else { ace_sandbox::confine };
    let applied = match confining(&profile) {
        Ok(applied) => applied,
        Err(refused) => {
            println!("refused: {refused}");
            return FAILED;
        }
    };
    ENTERING.store(start.elapsed().as_micros() as u64, std::sync::atomic::Ordering::Relaxed);
    if let Some(layer) = case.needs.iter().find(|layer| !scene.bare && !applied.holds(**layer)) {
        println!("no {layer} layer here ({applied})");
        return SKIPPED;
    }
    match (case.inside)(&scene, &applied) {
        Ok(()) => 0,
        Err(why) => {
            println!("{why} [{applied}]");
            FAILED
        }
    }
}

pub fn main() -> i32 {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, name, scene] = &arguments[..]
        && flag == "--inside"
    {
        return inside(name, scene);
    }
    if let [flag, name, scene] = &arguments[..]
        && flag == "--between"
    {
        return between(name, scene);
    }
    if let [flag, name, scene] = &arguments[..]
        && flag == "--broker"
    {
        return broker(name, scene);
    }
    let wanted: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
    let chosen = |name: &str| wanted.is_empty() || wanted.iter().any(|part| name.contains(part.as_str()));
    if arguments.iter().any(|argument| argument == "--list") {
        CASES.iter().for_each(|case| println!("{}: test", case.name));
        return 0;
    }
    match ace_sandbox::probe() {
        Ok(found) => println!("\nthis kernel gives: {found}; gaps: {:?}\n", found.gaps),
        Err(refused) => println!("\nthis kernel gives nothing: {refused}\n"),
    }
    // One thread only until here; the variable is for the confined side to look for.
    let mut failed = 0;
    for case in CASES.iter().filter(|case| chosen(case.name)) {
        if case.control
            && let Verdict::Failed(why) = control(case)
        {
            failed += 1;
            println!("test {} as a control ... FAILED {why}", case.name);
        }
        for namespaces in [true, false] {
            if !namespaces && !case.needs.iter().all(|layer| matches!(layer, Layer::Landlock | Layer::Seccomp)) {
                continue;
            }
            let name = if namespaces { "" } else { " without namespaces" };
            match run(case, namespaces) {
                Verdict::Passed => println!("test {}{name} ... ok", case.name),
                Verdict::Skipped(why) => println!("test {}{name} ... SKIPPED {why}", case.name),
                Verdict::Failed(why) => {
                    failed += 1;
                    println!("test {}{name} ... FAILED {why}", case.name);
                }
            }
        }
    }
    println!("\n{failed} failed");
    i32::from(failed > 0)
}

/// A confined broker that starts a worker.
fn broker(name: &str, scene: &str) -> i32 {
    match ace_sandbox::confine(&Profile::broker()) {
        Ok(applied) if applied.lacking.is_empty() => between(name, scene),
        Ok(applied) => {
            println!("the broker holds only {applied}");
            SKIPPED
        }
        Err(refused) => {
            println!("the broker: {refused}");
            FAILED
        }
    }
}

/// A process between the runner and a worker, to be killed: it starts the worker and waits.
fn between(name: &str, scene: &str) -> i32 {
    let mut command = Command::new("/proc/self/exe");
    let mut child = command.args(["--inside", name, scene]).spawn().expect("a worker");
    child.wait().expect("a status").code().unwrap_or(1)
}

/// A profile that is left as it is.
pub fn as_is(_: &Scene, _: &mut Profile) {}
