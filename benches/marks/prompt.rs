//! What a person waits for: the prompt, a key on the screen while an answer streams, and the list of many sessions.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::process::Child;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use ace_schema::{Drafter, Kind, id, ty};
use ace_storage::{Clock, Home};

use crate::scene::{Scene, program};
use crate::table::{Table, median, ms, quantile, timed};

/// Sessions of a list, deltas a second of an answer, and how long it streams, s.
const SESSIONS: usize = 10_000;
const RATE: u64 = 200;
const STREAMS: u64 = 8;
/// Keys that nothing else on the screen contains.
const KEYS: &str = "αβγδεζηθικλμνξοπρστυφχψω";
/// The mark of the prompt, bold; the cursor waits after it.
const READY: &str = "\x1b[1m> ";

/// The prompt, the echo and the list.
pub fn measure(table: &mut Table) {
    prompt(table);
    list(table);
}

/// `ace` on a terminal that only takes and answers bytes.
struct Screen {
    child: Child,
    input: std::fs::File,
    output: Receiver<(Instant, Vec<u8>)>,
    seen: Vec<u8>,
}

impl Screen {
    fn open(scene: &Scene, address: SocketAddr) -> Self {
        let config = scene.path("prompt.toml");
        let provider = "[providers.test]\nwire = \"openai-chat\"\napi_key_env = \"TEST_KEY\"";
        std::fs::write(&config, format!("model = \"test/m\"\n{provider}\nbase_url = \"http://{address}/v1\"\n"))
            .unwrap();
        let (pty, pts) = pty_process::blocking::open().unwrap();
        pty.resize(pty_process::Size::new(40, 100)).unwrap();
        let mut ace = pty_process::blocking::Command::new(program("ace")).env_clear();
        for (name, value) in [
            ("PATH", std::env::var_os("PATH").unwrap_or_default()),
            ("HOME", scene.path("home").into()),
            ("ACE_HOME", scene.path("ace").into()),
            ("ACE_CONFIG", config.into()),
            ("USER", "bench".into()),
            ("LANG", "C.UTF-8".into()),
            ("TERM", "xterm-256color".into()),
            ("TEST_KEY", "sk-test-0123456789".into()),
        ] {
            ace = ace.env(name, value);
        }
        let child = ace.current_dir(scene.path("project")).spawn(pts).unwrap();
        let input = std::fs::File::from(pty.as_fd().try_clone_to_owned().unwrap());
        let (mut answers, mut reader) = (input.try_clone().unwrap(), input.try_clone().unwrap());
        let (tell, output) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 1 << 16];
            // A terminal whose last program has gone reads as an error.
            while let Ok(n @ 1..) = reader.read(&mut buffer) {
                let bytes = buffer[..n].to_vec();
                if find(&bytes, "\x1b[6n") {
                    let _ = answers.write_all(b"\x1b[1;1R");
                }
                if tell.send((Instant::now(), bytes)).is_err() {
                    break;
                }
            }
        });
        Self { child, input, output, seen: Vec::new() }
    }

    /// When these words are on the screen for the first time since the last look.
    fn shows(&mut self, what: &str) -> Instant {
        self.seen.clear();
        loop {
            let said = self.output.recv_timeout(Duration::from_secs(20));
            let (at, bytes) = said.unwrap_or_else(|_| panic!("no {what:?} in {}", String::from_utf8_lossy(&self.seen)));
            self.seen.extend(bytes);
            if find(&self.seen, what) {
                return at;
            }
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn find(bytes: &[u8], what: &str) -> bool {
    bytes.windows(what.len()).any(|w| w == what.as_bytes())
}

fn prompt(table: &mut Table) {
    let scene = Scene::new(10);
    let address = dripping();
    let mut ready = Vec::new();
    for _ in 0..20 {
        let start = Instant::now();
        let mut screen = Screen::open(&scene, address);
        ready.push(ms(screen.shows(READY) - start));
    }
    table.most("the prompt is ready", median(&ready), 15.0, "ms").beside(crate::start::spawn_true(), "start of 'true'");
    let mut screen = Screen::open(&scene, address);
    screen.shows(READY);
    screen.input.write_all(b"tell me much\r").unwrap();
    screen.shows("drop");
    let mut times = Vec::new();
    for (n, key) in KEYS.chars().enumerate() {
        // In no step with the deltas.
        std::thread::sleep(Duration::from_millis(97 + n as u64 % 7 * 5));
        let key = key.to_string();
        let start = Instant::now();
        screen.input.write_all(key.as_bytes()).unwrap();
        times.push(ms(screen.shows(&key) - start));
    }
    table.most(format!("key to echo at {RATE} deltas a second"), median(&times), 10.0, "ms");
    table.tell("the same, p90", quantile(&times, 0.9), "ms");
}

/// A model that answers every request with small deltas, evenly, for some seconds.
fn dripping() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A client that hangs up is done.
            std::thread::spawn(move || drop(drip(stream)));
        }
    });
    address
}

fn drip(mut stream: TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    // The request is small: what it asks for does not matter.
    let _ = stream.read(&mut [0; 1 << 16])?;
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")?;
    for n in 0..RATE * STREAMS {
        let word = if n % 12 == 11 { "drop\\n\\n" } else { "drop " };
        let delta = format!(r#"{{"id":"c","choices":[{{"index":0,"delta":{{"content":"{word}"}}}}]}}"#);
        stream.write_all(format!("data: {delta}\n\n").as_bytes())?;
        std::thread::sleep(Duration::from_micros(1_000_000 / RATE));
    }
    stream.write_all(
        b"data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n",
    )
}

/// `ace ls` of a home with many sessions: the first time reads every log, later ones ask the index.
fn list(table: &mut Table) {
    let scene = Scene::new(1);
    let home = Home::at(scene.path("ace"));
    let mut drafter = Drafter::new("bench", 5);
    let now = u64::try_from(Clock::System.now()).unwrap();
    let first = id::session(now, 1);
    drafter.set_session(&first);
    let cwd = scene.path("project").display().to_string();
    let data = serde_json::json!({"name": "one-of-many", "cwd": cwd, "model": "test/m"});
    let draft = drafter.draft(0, "", ty::SESSION_CREATED, &data).1;
    home.create(&first, Kind::Person, &draft, &Clock::System).unwrap();
    let log = std::fs::read_to_string(home.log(&first).file()).unwrap();
    for n in 2..=SESSIONS as u64 {
        let id = id::session(now + n, n);
        let folder = scene.path("ace/sessions").join(&id);
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("log.jsonl"), log.replace(&first, &id)).unwrap();
    }
    let ls = || timed(|| assert!(scene.command("ace", &["ls"]).status().unwrap().success()));
    table.tell(format!("ace ls of {SESSIONS} sessions, without an index"), ls(), "ms");
    let times: Vec<f64> = (0..10).map(|_| ls()).collect();
    let bare = timed(|| {
        for folder in std::fs::read_dir(scene.path("ace/sessions")).unwrap().flatten() {
            std::fs::metadata(folder.path().join("log.jsonl")).unwrap();
        }
    });
    table
        .most(format!("ace ls of {SESSIONS} sessions"), median(&times), 50.0, "ms")
        .beside(bare, "a stat of every log");
}
