//! A scripted model: the true wire format over real HTTP, on loopback. It answers by what the request holds (how many answers the
//! conversation has already), so that a repeated request after a crash gets the same answer.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// One answer.
#[derive(Clone)]
pub enum Reply {
    /// Text, in so many pieces as there are words.
    Text(&'static str),
    /// Text (may be empty) and calls: tool name and arguments.
    Calls(&'static str, Vec<(&'static str, String)>),
    /// These bytes after the head of a 200 event stream, then the end of the connection.
    Raw(String),
    /// A whole HTTP response.
    Http(String),
    /// The begin of a text, then silence until the other side goes.
    Hang(&'static str),
}

/// A running server; it ends with the test.
pub struct Server {
    pub address: SocketAddr,
    bodies: Arc<Mutex<Vec<String>>>,
    heads: Arc<Mutex<Vec<String>>>,
    open: Arc<AtomicUsize>,
}

impl Server {
    /// Answers request number n of a conversation with reply n; beyond the end, with the last one.
    pub fn start(replies: Vec<Reply>) -> Self {
        Self::by(move |answers| replies[answers.min(replies.len() - 1)].clone())
    }

    /// Answers by how many answers the conversation holds already.
    pub fn by(script: impl Fn(usize) -> Reply + Send + Sync + 'static) -> Self {
        Self::reading(move |body| script(body.matches(r#""role":"assistant""#).count()))
    }

    /// Answers by the whole body of the request.
    pub fn reading(script: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (bodies, heads) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(Vec::new())));
        let open = Arc::new(AtomicUsize::new(0));
        let script = Arc::new(script);
        let (b, h, o) = (bodies.clone(), heads.clone(), open.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (script, b, h, o) = (script.clone(), b.clone(), h.clone(), o.clone());
                std::thread::spawn(move || {
                    o.fetch_add(1, Ordering::SeqCst);
                    let _ = serve(stream, &*script, &b, &h);
                    o.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self { address, bodies, heads, open }
    }

    /// The base URL as a vendor's own client would take it.
    pub fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Bodies of all requests so far.
    pub fn bodies(&self) -> Vec<String> {
        self.bodies.lock().unwrap().clone()
    }

    /// Heads of all requests so far.
    pub fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }

    /// Connections that are open now.
    pub fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }
}

fn serve(
    stream: TcpStream,
    script: &dyn Fn(&str) -> Reply,
    bodies: &Mutex<Vec<String>>,
    heads: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut writer = stream.try_clone()?;
    let mut reader = BufReader::new(stream);
    loop {
        let mut head = String::new();
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            if line == "\r\n" {
                break;
            }
            head.push_str(&line);
        }
        let length = head
            .lines()
            .find_map(|l| {
                l.to_ascii_lowercase().strip_prefix("content-length:").map(|v| v.trim().parse::<usize>().unwrap())
            })
            .unwrap_or(0);
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let body = String::from_utf8(body).unwrap();
        heads.lock().unwrap().push(head);
        bodies.lock().unwrap().push(body.clone());
        let keep = reply(&mut writer, script(&body))?;
        if !keep {
            return Ok(());
        }
    }
}

fn chunk(writer: &mut TcpStream, data: &str) -> std::io::Result<()> {
    write!(writer, "{:x}\r\n{data}\r\n", data.len())
}

fn event(delta: &str, finish: &str) -> String {
    format!(
        "data: {{\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"model\":\"scripted\",\"choices\":[{{\"index\":0,\"delta\":{delta},\"finish_reason\":{finish}}}]}}\n\n"
    )
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

/// Writes one reply; `false` if the connection ends with it.
fn reply(writer: &mut TcpStream, reply: Reply) -> std::io::Result<bool> {
    let (text, calls) = match reply {
        Reply::Http(whole) => {
            writer.write_all(whole.as_bytes())?;
            return Ok(false);
        }
        Reply::Raw(raw) => {
            writer.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")?;
            writer.write_all(raw.as_bytes())?;
            return Ok(false);
        }
        Reply::Hang(text) => {
            writer.write_all(HEAD.as_bytes())?;
            chunk(writer, &event(&format!("{{\"content\":{}}}", quoted(text)), "null"))?;
            let mut rest = [0; 64];
            // Nothing more comes; when the other side closes, this read ends.
            let _ = writer.set_read_timeout(Some(Duration::from_secs(60)));
            let _ = writer.read(&mut rest);
            return Ok(false);
        }
        Reply::Text(text) => (text, Vec::new()),
        Reply::Calls(text, calls) => (text, calls),
    };
    // One write for the whole answer: what is measured is the other side.
    let mut out = HEAD.as_bytes().to_vec();
    let mut push = |data: String| out.extend(format!("{:x}\r\n{data}\r\n", data.len()).into_bytes());
    for word in text.split_inclusive(' ') {
        push(event(&format!("{{\"content\":{}}}", quoted(word)), "null"));
    }
    for (i, (tool, args)) in calls.iter().enumerate() {
        let call = format!(
            "{{\"tool_calls\":[{{\"index\":{i},\"id\":\"call_{i}\",\"type\":\"function\",\"function\":{{\"name\":\"{tool}\",\"arguments\":{}}}}}]}}",
            quoted(args)
        );
        push(event(&call, "null"));
    }
    push(event("{}", if calls.is_empty() { "\"stop\"" } else { "\"tool_calls\"" }));
    push("data: {\"id\":\"c1\",\"choices\":[],\"usage\":{\"prompt_tokens\":100,\"completion_tokens\":10,\"prompt_tokens_details\":{\"cached_tokens\":60}}}\n\n".to_owned());
    push("data: [DONE]\n\n".to_owned());
    out.extend_from_slice(b"0\r\n\r\n");
    writer.write_all(&out)?;
    Ok(true)
}
