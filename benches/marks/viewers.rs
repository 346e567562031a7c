//! A thousand viewers of one session over WebSocket while it is written: what they cost whoever appends, how soon they see it, and
//! what each holds in the server.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ace_schema::data::UserMessage;
use ace_schema::ty;
use ace_storage::Clock;
use rustix::event::{PollFd, PollFlags, poll};

use crate::scene::Scene;
use crate::store::{PERSON, session};
use crate::system::memory;
use crate::table::{Table, ms, quantile};

const VIEWERS: usize = 1000;
/// Of so many it is looked at which event has come when; the others are read all the same.
const WATCHED: usize = 50;
const EVENTS: usize = 2000;
const EVERY: Duration = Duration::from_millis(5);
/// The time of the first events is not counted: they find nothing warm.
const WARM: usize = 200;

struct Serving {
    child: Child,
    address: SocketAddr,
    token: String,
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Serving {
    fn start(scene: &Scene) -> Self {
        let mut child = scene.command("ace-serve", &[]).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let (place, token) = line.trim().split_once("/#token=").unwrap();
        let address = place.rsplit('/').next().unwrap().parse().unwrap();
        Self { child, address, token: token.to_owned() }
    }

    /// One viewer, past its history.
    fn viewer(&self, session: &str) -> TcpStream {
        let wanted = format!("{{\"session\":\"{session}\"}}");
        let text = format!(
            "POST /api/v1/tickets HTTP/1.1\r\nHost: {0}\r\nConnection: close\r\nAuthorization: Bearer {1}\r\n\
             Content-Type: application/json\r\nContent-Length: {2}\r\n\r\n{wanted}",
            self.address,
            self.token,
            wanted.len()
        );
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.write_all(text.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let ticket = answer.split("\"ticket\":\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
        let text = format!(
            "GET /api/v1/sessions/{session}/stream?tail=1 HTTP/1.1\r\nHost: {0}\r\nOrigin: http://{0}\r\nConnection: Upgrade\r\n\
             Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             Sec-WebSocket-Protocol: ace.v1, ticket.{ticket}\r\n\r\n",
            self.address
        );
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.write_all(text.as_bytes()).unwrap();
        let mut said = Vec::new();
        while !said.windows(6).any(|w| w == b"\"live\"") {
            let mut part = [0; 4096];
            let n = stream.read(&mut part).unwrap();
            assert!(n > 0, "{}", String::from_utf8_lossy(&said));
            said.extend(&part[..n]);
        }
        stream.set_nonblocking(true).unwrap();
        stream
    }
}

/// Appends so many events at their rate; how long each append took, ms, and when it was done.
fn write(scene: &Scene, random: u64, told: &Mutex<Vec<Instant>>, begun: &dyn Fn(&str)) -> Vec<f64> {
    let (home, mut drafter) = session(scene, random);
    let mut log = home.log(drafter.session()).append(Clock::System).unwrap();
    begun(drafter.session());
    let mut times = Vec::new();
    let start = Instant::now();
    for n in 0..EVENTS {
        let text = format!("mark-{n:06} {}", "x".repeat(150));
        let draft = drafter.draft(0, "", ty::USER_MESSAGE, &UserMessage { text, ..Default::default() }).1;
        std::thread::sleep((start + EVERY * n as u32).saturating_duration_since(Instant::now()));
        let began = Instant::now();
        log.append(PERSON, &draft).unwrap();
        let done = Instant::now();
        times.push(ms(done - began));
        told.lock().unwrap().push(done);
    }
    times.split_off(WARM)
}

/// Reads all viewers until told to stop; what the watched ones saw, and when.
fn look(mut viewers: Vec<TcpStream>, stop: &AtomicBool) -> Vec<(usize, Instant)> {
    let mut seen = Vec::new();
    let mut rest: Vec<Vec<u8>> = vec![Vec::new(); WATCHED];
    let mut part = vec![0; 256 * 1024];
    while !stop.load(Ordering::Relaxed) {
        let mut ready: Vec<PollFd> = viewers.iter().map(|v| PollFd::new(v, PollFlags::IN)).collect();
        let wait = rustix::event::Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
        poll(&mut ready, Some(&wait)).unwrap();
        let due: Vec<usize> =
            ready.iter().enumerate().filter(|(_, fd)| !fd.revents().is_empty()).map(|(at, _)| at).collect();
        drop(ready);
        for at in due {
            let Ok(n) = viewers[at].read(&mut part) else { continue };
            assert!(n > 0, "viewer {at} was dropped");
            let Some(rest) = rest.get_mut(at) else { continue };
            let now = Instant::now();
            rest.extend(&part[..n]);
            let marks = rest.windows(11).filter(|w| w.starts_with(b"mark-"));
            seen.extend(marks.filter_map(|w| Some((std::str::from_utf8(&w[5..]).ok()?.parse().ok()?, now))));
            // A mark may come in two parts, and is not to be found twice.
            let keep = rest.len().saturating_sub(10);
            rest.drain(..keep);
        }
    }
    seen
}

/// Everything about viewers.
pub fn measure(table: &mut Table) {
    let scene = Scene::new(1);
    let serving = Serving::start(&scene);
    std::thread::sleep(Duration::from_secs(1));
    let idle = memory(serving.child.id());
    table.most("idle server, proportional", idle.pss, 15.0, "MiB");
    let times = Mutex::new(Vec::new());
    let alone = write(&scene, 21, &times, &|_| {});
    times.lock().unwrap().clear();
    let stop = Arc::new(AtomicBool::new(false));
    let (held, looking) = (Mutex::new(0.0), Mutex::new(None));
    let with = write(&scene, 22, &times, &|session| {
        let before = memory(serving.child.id()).anonymous;
        let viewers: Vec<TcpStream> = (0..VIEWERS).map(|_| serving.viewer(session)).collect();
        *held.lock().unwrap() = before;
        let stop = stop.clone();
        *looking.lock().unwrap() = Some(std::thread::spawn(move || look(viewers, &stop)));
    });
    let after = memory(serving.child.id()).anonymous;
    std::thread::sleep(Duration::from_secs(2));
    stop.store(true, Ordering::Relaxed);
    let seen = looking.lock().unwrap().take().unwrap().join().unwrap();
    let told = times.lock().unwrap();
    let late: Vec<f64> =
        seen.iter().filter(|(n, _)| *n >= WARM).map(|(n, at)| ms(at.saturating_duration_since(told[*n]))).collect();
    assert_eq!(late.len(), (EVENTS - WARM) * WATCHED, "every event once");
    let rate = 1000 / EVERY.as_millis();
    let (p99, bare) = (quantile(&with, 0.99), quantile(&alone, 0.99));
    table
        .most(format!("{VIEWERS} viewers, {rate} events/s: append p99"), p99, bare * 1.2, "ms")
        .beside(bare, "without viewers");
    table
        .tell(format!("{VIEWERS} viewers: append, median"), quantile(&with, 0.5), "ms")
        .beside(quantile(&alone, 0.5), "without viewers");
    table.most(format!("{VIEWERS} viewers: delivery p99"), quantile(&late, 0.99), 100.0, "ms");
    table.tell(format!("{VIEWERS} viewers: delivery, median"), quantile(&late, 0.5), "ms");
    let each = (after - *held.lock().unwrap()) * 1024.0 / VIEWERS as f64;
    table.most("memory a viewer", each, 60.0, "KiB");
}
