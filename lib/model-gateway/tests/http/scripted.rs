//! A provider that follows a script, on a socket of this machine: for tests of what only a socket shows.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// One step of an answer.
#[derive(Clone)]
pub enum Step {
    /// Send bytes.
    Send(Vec<u8>),
    /// Wait, ms.
    Wait(u64),
    /// Send these bytes again and again every so many ms, until the other side is gone.
    Repeat(Vec<u8>, u64),
    /// Send nothing more and wait until the other side is gone.
    Hang,
    /// Read the next request of this connection.
    Keep,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Number of the connection, from 0.
    pub connection: usize,
    /// Request line and headers, lower case.
    pub head: String,
    /// Body.
    pub body: Vec<u8>,
}

/// What a server has seen so far.
#[derive(Default)]
struct Record {
    seen: Vec<Seen>,
    /// Connections that the client closed while they hung.
    gone: usize,
}

/// The server; it lives as long as the test.
pub struct Server {
    /// `http://127.0.0.1:PORT`.
    pub base: String,
    record: Arc<Mutex<Record>>,
}

impl Server {
    /// Answers the n-th request with the n-th script, and the last one from then on.
    pub fn start(scripts: Vec<Vec<Step>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let record = Arc::new(Mutex::new(Record::default()));
        let shared = Arc::clone(&record);
        thread::spawn(move || {
            for (connection, stream) in listener.incoming().enumerate() {
                let (scripts, record) = (scripts.clone(), Arc::clone(&shared));
                thread::spawn(move || drop(serve(stream.unwrap(), connection, &scripts, &record)));
            }
        });
        Self { base, record }
    }

    /// Requests so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.record.lock().unwrap().seen.clone()
    }

    /// Whether the client has closed a hanging connection.
    pub fn sees_gone_now(&self) -> bool {
        self.record.lock().unwrap().gone > 0
    }

    /// Waits until the client has closed so many hanging connections; false after a second.
    pub fn sees_gone(&self, count: usize) -> bool {
        (0..100).any(|_| {
            thread::sleep(Duration::from_millis(10));
            self.record.lock().unwrap().gone >= count
        })
    }
}

fn serve(stream: TcpStream, connection: usize, scripts: &[Vec<Step>], record: &Mutex<Record>) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut writer = stream.try_clone()?;
    let mut reader = BufReader::new(stream);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head)? == 0 {
                return Ok(());
            }
        }
        let head = head.to_lowercase();
        let length =
            head.split("content-length: ").nth(1).and_then(|l| l.lines().next()).map_or(0, |l| l.parse().unwrap());
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let number = {
            let mut record = record.lock().unwrap();
            record.seen.push(Seen { connection, head, body });
            record.seen.len() - 1
        };
        let mut keep = false;
        for step in &scripts[number.min(scripts.len() - 1)] {
            match step {
                Step::Send(bytes) => writer.write_all(bytes)?,
                Step::Wait(ms) => thread::sleep(Duration::from_millis(*ms)),
                Step::Repeat(bytes, ms) => {
                    while writer.write_all(bytes).is_ok() {
                        thread::sleep(Duration::from_millis(*ms));
                    }
                }
                Step::Hang => {
                    let end = reader.read(&mut [0; 16]);
                    record.lock().unwrap().gone += usize::from(matches!(end, Ok(0) | Err(_)));
                }
                Step::Keep => keep = true,
            }
        }
        if !keep {
            return Ok(());
        }
    }
}

/// One chunk of a chunked body.
pub fn chunk(data: &str) -> Vec<u8> {
    format!("{:x}\r\n{data}\r\n", data.len()).into_bytes()
}

/// Head of a 200 with a chunked event stream.
pub fn head() -> Vec<u8> {
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n".to_vec()
}

/// The end of a chunked body.
pub fn end() -> Vec<u8> {
    b"0\r\n\r\n".to_vec()
}

/// A whole answer with a length; the connection stays.
pub fn whole(status: &str, headers: &str, body: &str) -> Vec<Step> {
    let text = format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n{body}", body.len());
    vec![Step::Send(text.into_bytes()), Step::Keep]
}

/// A streamed answer of these events; the connection stays.
pub fn events(data: &[&str]) -> Vec<Step> {
    let mut steps = vec![Step::Send(head())];
    steps.extend(data.iter().map(|d| Step::Send(chunk(&format!("data: {d}\n\n")))));
    steps.extend([Step::Send(end()), Step::Keep]);
    steps
}
