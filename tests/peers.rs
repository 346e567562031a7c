//! Whole turns against a server that others wrote: every wire, in the vendor's own address and form. What it asserts of our
//! requests stands in its journal. Where npm is missing the tests say SKIPPED.
//!
//! It deviates from the vendors here and there (its figures, its reasons to stop, no signatures): nothing is asserted of those.

use crate::suite::World;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

/// Where it is installed, once for all runs; `None` if it cannot be.
fn installed() -> Option<&'static PathBuf> {
    static FOLDER: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    match FOLDER.get_or_init(install) {
        Ok(folder) => Some(folder),
        Err(why) => {
            println!("SKIPPED peers: {why}");
            assert!(std::env::var_os("CI").is_none(), "SKIPPED peers: {why}: CI can do better");
            None
        }
    }
}

fn install() -> Result<PathBuf, String> {
    let ours = crate::generated::root("tests/peers");
    let lock = std::fs::read_to_string(ours.join("package-lock.json")).unwrap();
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("peers");
    // The lock is copied last: where it stands, all of it is installed.
    let mark = folder.join("installed.json");
    if std::fs::read_to_string(&mark).is_ok_and(|there| there == lock) {
        return Ok(folder);
    }
    std::fs::create_dir_all(&folder).unwrap();
    for name in ["package.json", "package-lock.json"] {
        std::fs::copy(ours.join(name), folder.join(name)).unwrap();
    }
    let args = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"];
    let out = Command::new("npm").args(args).current_dir(&folder).output().map_err(|e| format!("no npm here: {e}"))?;
    if !out.status.success() {
        return Err(format!("npm cannot install it: {}", String::from_utf8_lossy(&out.stderr).trim()));
    }
    std::fs::write(&mark, lock).unwrap();
    Ok(folder)
}

/// A running peer; it ends with the test.
struct Peer {
    child: Child,
    place: String,
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Peer {
    fn start(more: &[&str]) -> Option<Self> {
        let folder = installed()?;
        let mut child = Command::new("node")
            .arg(folder.join("node_modules/@copilotkit/aimock/dist/cli.js"))
            .args(["-p", "0", "--strict", "-c", "7", "-f"])
            .arg(crate::generated::root("tests/peers/fixtures.json"))
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut said = lines.map_while(Result::ok);
        let place = said.find_map(|line| Some(line.split_once("listening on http://")?.1.to_owned())).unwrap();
        // Whatever else it says is read, so that it never waits for a reader.
        std::thread::spawn(move || said.for_each(drop));
        Some(Self { child, place })
    }

    /// Every request so far: path and body.
    fn journal(&self) -> Vec<(String, Value)> {
        let mut stream = TcpStream::connect(&self.place).unwrap();
        write!(stream, "GET /__aimock/journal HTTP/1.0\r\nhost: {}\r\n\r\n", self.place).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let answer = String::from_utf8(answer).unwrap();
        let body: Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
        let entries = body.as_array().or(body["entries"].as_array()).unwrap().clone();
        entries.into_iter().map(|e| (e["path"].as_str().unwrap().to_owned(), e["body"].clone())).collect()
    }
}

/// Wire, the base of its address, and the path that is asked.
const WIRES: &[(&str, &str, &str)] = &[
    ("openai-chat", "/v1", "/v1/chat/completions"),
    ("openai-chat", "/api/v1", "/api/v1/chat/completions"),
    ("openai-responses", "/v1", "/v1/responses"),
    ("anthropic", "", "/v1/messages"),
    ("gemini-generate", "", "/v1beta/models/mock-1:streamGenerateContent"),
    ("gemini", "", "/v1beta/interactions"),
];

fn world(peer: &Peer, wire: &str, base: &str) -> World {
    let world = World::new().repository(&[("a.txt", "grüße\n")]);
    world.config(&format!(
        "model = \"peer/mock-1\"\n[providers.peer]\nwire = \"{wire}\"\nbase_url = \"http://{}{base}\"\napi_key_env = \"TEST_KEY\"\n",
        peer.place
    ));
    world
}

#[test]
fn a_turn_with_calls_runs_on_every_wire() {
    let Some(peer) = Peer::start(&[]) else { return };
    for (wire, base, path) in WIRES {
        let world = world(&peer, wire, base);
        let before = peer.journal().len();
        let run = world.run("ace", &["run", "--mode", "auto", "list the files"]).done();
        assert_eq!(run.stdout, "There is one file, and it says grüße 🦀.\n", "{wire}");
        let types = world.types("@only");
        assert_eq!(types.iter().filter(|t| *t == "tool.completed").count(), 2, "{wire}: {types:?}");
        let asked: Vec<(String, Value)> = peer.journal().split_off(before);
        assert_eq!(asked.len(), 2, "{wire}: {asked:?}");
        for (at, body) in &asked {
            assert!(at.split('?').next() == Some(*path) || at == path, "{wire}: {at}");
            let text = body.to_string();
            assert!(!text.contains("sk-test-0123456789"), "{wire}: no key in a body");
            assert!(text.contains("\"list\"") && text.contains("\"read\""), "{wire}: the tools are offered");
        }
        let last = asked[1].1.to_string();
        assert!(last.contains("call_1") && last.contains("call_2") && last.contains("a.txt"), "{wire}: {last}");
        assert_eq!(crate::suite::files_with(&world.ace_home(), "sk-test-0123456789"), Vec::<String>::new());
    }
}

#[test]
fn a_refusal_of_the_peer_is_told_on_every_wire() {
    let Some(peer) = Peer::start(&[]) else { return };
    for (wire, base, _) in WIRES {
        let world = world(&peer, wire, base);
        let run =
            world.run("ace", &["run", "be refused"]).fails(1, &["'peer' refused the request (400): no such luck"]);
        assert_eq!(run.stdout, "", "{wire}");
    }
}

#[test]
fn f12_a_peer_that_limits_every_request_is_left_after_the_tries() {
    let Some(peer) = Peer::start(&["--chaos-ratelimit", "1"]) else { return };
    for (wire, base, _) in WIRES.iter().take(1).chain(&WIRES[3..4]) {
        let world = world(&peer, wire, base);
        let _ = world.run("ace", &["run", "talk"]).fails(69, &["'peer' is busy (429)"]);
        assert_eq!(world.last("@only", "model.failed")["code"], "unreachable", "{wire}");
    }
}

#[test]
fn f11_a_peer_that_hangs_up_in_the_middle_costs_the_turn_and_nothing_else() {
    let Some(peer) = Peer::start(&["--chaos-disconnect", "1"]) else { return };
    let world = world(&peer, "anthropic", "");
    let run = world.run("ace", &["run", "talk"]);
    assert!(matches!(run.code, Some(1 | 69)), "{run:?}");
    assert!(!world.types("@only").iter().any(|t| t == "tool.started"));
    assert_eq!(world.types("@only").last().unwrap(), "turn.failed");
}
