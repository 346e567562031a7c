//! A scripted model that costs next to nothing: it reads a request to its end without looking at it, notes the time, and answers
//! number n with answer n in one write on a connection that stays.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// One request as the server saw it.
#[derive(Clone, Copy)]
pub struct Request {
    /// Its last byte is here.
    pub arrived: Instant,
    /// Its answer goes out now.
    pub sent: Instant,
    /// Length of its body, bytes.
    pub bytes: usize,
}

/// Holds the answers to some requests back until somebody has looked around.
struct Halt {
    at: Vec<usize>,
    here: Sender<usize>,
    go: Mutex<Receiver<()>>,
}

/// A running server for one session.
pub struct Model {
    pub address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
    halted: Option<(Receiver<usize>, Sender<()>)>,
}

impl Model {
    /// Asks for `calls` shell calls, one an answer, then says that it is done.
    pub fn new(calls: usize) -> Self {
        Self::halting(calls, Vec::new())
    }

    /// The same, but the requests of these numbers (from 0) wait for [`Self::look`].
    pub fn halting(calls: usize, at: Vec<usize>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let requests: Arc<Mutex<Vec<Request>>> = Arc::default();
        let answers: Arc<Vec<Vec<u8>>> = Arc::new((0..=calls).map(|n| answer((n < calls).then_some(n))).collect());
        let ((here, arrived), (go, gone)) = (channel(), channel());
        let halt = Arc::new(Halt { at, here, go: Mutex::new(gone) });
        let log = requests.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (answers, log, halt) = (answers.clone(), log.clone(), halt.clone());
                // A client that hangs up is done.
                std::thread::spawn(move || drop(serve(stream, &answers, &log, &halt)));
            }
        });
        Self { address, requests, halted: Some((arrived, go)) }
    }

    /// Waits for the next request that is held back, lets `work` look around, and answers it.
    pub fn look<T>(&self, work: impl FnOnce(usize) -> T) -> T {
        let (arrived, go) = self.halted.as_ref().unwrap();
        let n = arrived.recv_timeout(Duration::from_secs(120)).expect("the session does not get there");
        let seen = work(n);
        go.send(()).unwrap();
        seen
    }

    /// All requests so far.
    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

fn serve(mut stream: TcpStream, answers: &[Vec<u8>], log: &Mutex<Vec<Request>>, halt: &Halt) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = vec![0; 1 << 20];
    loop {
        let Some(bytes) = read_request(&mut stream, &mut buffer)? else { return Ok(()) };
        let arrived = Instant::now();
        let n = log.lock().unwrap().len();
        if halt.at.contains(&n) {
            halt.here.send(n).map_err(std::io::Error::other)?;
            halt.go.lock().unwrap().recv().map_err(std::io::Error::other)?;
        }
        log.lock().unwrap().push(Request { arrived, sent: Instant::now(), bytes });
        stream.write_all(&answers[n.min(answers.len() - 1)])?;
    }
}

/// Reads one request; the length of its body, or nothing at the end of the connection.
fn read_request(stream: &mut TcpStream, buffer: &mut [u8]) -> std::io::Result<Option<usize>> {
    let mut got = 0;
    let head = loop {
        match stream.read(&mut buffer[got..])? {
            0 => return Ok(None),
            n => got += n,
        }
        if let Some(at) = buffer[..got].windows(4).position(|w| w == b"\r\n\r\n") {
            break at + 4;
        }
    };
    let text = String::from_utf8_lossy(&buffer[..head]).to_ascii_lowercase();
    let length = text.lines().find_map(|l| l.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
    let length = length.expect("a request with a length");
    let mut left = (head + length).saturating_sub(got);
    while left > 0 {
        let most = left.min(buffer.len());
        match stream.read(&mut buffer[..most])? {
            0 => return Ok(None),
            n => left -= n,
        }
    }
    Ok(Some(length))
}

fn answer(call: Option<usize>) -> Vec<u8> {
    let (delta, why) = match call {
        Some(n) => (
            format!(
                r#"{{"tool_calls":[{{"index":0,"id":"call_{n}","type":"function","function":{{"name":"shell","arguments":"{{\"command\":\"printf step-{n} >> steps.txt\"}}"}}}}]}}"#
            ),
            "tool_calls",
        ),
        None => (r#"{"content":"done"}"#.to_owned(), "stop"),
    };
    let event = |delta: &str, why: &str| {
        format!(
            "data: {{\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"model\":\"m\",\"choices\":[{{\"index\":0,\"delta\":{delta},\"finish_reason\":{why}}}]}}\n\n"
        )
    };
    let usage = "data: {\"id\":\"c\",\"choices\":[],\"usage\":{\"prompt_tokens\":100,\"completion_tokens\":10}}\n\n";
    let body = format!("{}{}{usage}data: [DONE]\n\n", event(&delta, "null"), event("{}", &format!("\"{why}\"")));
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    format!("{head}{:x}\r\n{body}\r\n0\r\n\r\n", body.len()).into_bytes()
}
