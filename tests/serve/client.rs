//! A client of our server that says exactly the bytes a test wants: HTTP/1.1 and WebSocket over a socket, nothing behind it.

use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Stdio};
use std::time::Duration;

use crate::suite::World;

/// A running `ace-serve`; it is killed when this goes.
pub struct Serving {
    child: Child,
    pub address: SocketAddr,
    pub token: String,
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Serving {
    /// Starts it in a world.
    pub fn start(world: &World, more: &[&str]) -> Self {
        let mut command = world.command("ace-serve", more);
        let mut child = command.stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let (place, token) = line.trim().split_once("/#token=").unwrap_or_else(|| panic!("no link: {line:?}"));
        let address = place.rsplit('/').next().unwrap().parse().unwrap();
        Self { child, address, token: token.to_owned() }
    }

    /// The same again at the same place, after this one was killed.
    pub fn again(self, world: &World) -> Self {
        let (address, token) = (self.address, self.token.clone());
        drop(self);
        let next = Self::start(world, &["--listen", &address.to_string()]);
        assert_eq!(next.token, token, "the link stays");
        next
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// A request in the owner's name.
    pub fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[("Authorization", &self.bearer())], "")
    }

    pub fn bearer(&self) -> String {
        format!("Bearer {}", self.token)
    }

    pub fn post(&self, path: &str, body: &str) -> Answer {
        let bearer = self.bearer();
        self.ask("POST", path, &[("Authorization", &bearer), ("Content-Type", "application/json")], body)
    }

    pub fn delete(&self, path: &str) -> Answer {
        self.ask("DELETE", path, &[("Authorization", &self.bearer())], "")
    }

    /// A request with exactly these headers beside those that HTTP needs.
    pub fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut text = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\nContent-Length: {}\r\n", body.len());
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            text += &format!("Host: {}\r\n", self.address);
        }
        for (name, value) in headers {
            text += &format!("{name}: {value}\r\n");
        }
        text += "\r\n";
        self.raw(&[text.as_bytes(), body.as_bytes()].concat())
    }

    /// Sends bytes and reads an answer to its end.
    pub fn raw(&self, bytes: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        // A server that has heard enough may answer before it has read all.
        let _ = stream.write_all(bytes);
        let mut all = Vec::new();
        let _ = stream.read_to_end(&mut all);
        Answer::parse(&all)
    }

    /// A ticket, in the owner's name.
    pub fn ticket(&self, wanted: &str) -> String {
        self.post("/api/v1/tickets", wanted).json()["ticket"].as_str().unwrap().to_owned()
    }

    /// A stream of a session's events, in the owner's name.
    pub fn stream(&self, session: &str, query: &str) -> Socket {
        let ticket = self.ticket(&format!("{{\"session\":\"{session}\"}}"));
        self.socket(&format!("/api/v1/sessions/{session}/stream?{query}"), &ticket)
    }

    pub fn socket(&self, path: &str, ticket: &str) -> Socket {
        let origin = format!("http://{}", self.address);
        self.upgrade(path, &[("Origin", &origin), ("Sec-WebSocket-Protocol", &format!("ace.v1, ticket.{ticket}"))])
            .unwrap()
    }

    /// Asks for a socket; the answer where there is none.
    pub fn upgrade(&self, path: &str, headers: &[(&str, &str)]) -> Result<Socket, Answer> {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let mut text = format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
            self.address
        );
        for (name, value) in headers {
            text += &format!("{name}: {value}\r\n");
        }
        stream.write_all((text + "\r\n").as_bytes()).unwrap();
        let mut reader = BufReader::new(stream);
        let mut head = String::new();
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 || line == "\r\n" {
                break;
            }
            head += &line;
        }
        if head.starts_with("HTTP/1.1 101") {
            return Ok(Socket { reader });
        }
        let mut answer = Answer::parse(&[head.as_bytes(), b"\r\n"].concat());
        let mut body = vec![0; answer.header("content-length").and_then(|n| n.parse().ok()).unwrap_or(0)];
        let _ = reader.read_exact(&mut body);
        answer.body = body;
        Err(answer)
    }
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    fn parse(all: &[u8]) -> Self {
        let end = all.windows(4).position(|w| w == b"\r\n\r\n").map_or(all.len(), |at| at + 4);
        let head = String::from_utf8_lossy(&all[..end]).into_owned();
        let mut lines = head.lines();
        let status = lines.next().and_then(|l| l.split(' ').nth(1)).and_then(|s| s.parse().ok()).unwrap_or(0);
        let headers: Vec<(String, String)> = lines
            .filter_map(|l| l.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        let mut body = all[end..].to_vec();
        if headers.iter().any(|(n, v)| n == "transfer-encoding" && v == "chunked") {
            body = unchunked(&body);
        }
        Self { status, headers, body }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {} {}", self.status, self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// This status, and a problem of that code.
    #[track_caller]
    pub fn is_problem(&self, status: u16, code: &str) {
        assert_eq!(self.status, status, "{}", self.text());
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        assert_eq!(self.json()["code"], code, "{}", self.text());
    }

    #[track_caller]
    pub fn ok(&self) -> Value {
        assert!((200..300).contains(&self.status), "{} {}", self.status, self.text());
        self.json()
    }
}

fn unchunked(mut body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    while let Some(at) = body.windows(2).position(|w| w == b"\r\n") {
        let length = usize::from_str_radix(std::str::from_utf8(&body[..at]).unwrap_or("0"), 16).unwrap_or(0);
        if length == 0 || at + 2 + length > body.len() {
            break;
        }
        out.extend_from_slice(&body[at + 2..at + 2 + length]);
        body = &body[(at + 4 + length).min(body.len())..];
    }
    out
}

/// An open socket.
pub struct Socket {
    reader: BufReader<TcpStream>,
}

/// What came over it.
#[derive(Debug, PartialEq, Eq)]
pub enum Frame {
    Text(String),
    Bytes(Vec<u8>),
    Close(u16),
    /// The connection ended.
    End,
}

impl Socket {
    /// The next frame that is no sign of life.
    pub fn next(&mut self) -> Frame {
        loop {
            let mut head = [0; 2];
            if self.reader.read_exact(&mut head).is_err() {
                return Frame::End;
            }
            let mut length = u64::from(head[1] & 0x7f);
            if length >= 126 {
                let mut more = vec![0; if length == 126 { 2 } else { 8 }];
                self.reader.read_exact(&mut more).unwrap();
                length = more.iter().fold(0, |n, b| n << 8 | u64::from(*b));
            }
            let mut data = vec![0; usize::try_from(length).unwrap()];
            if self.reader.read_exact(&mut data).is_err() {
                return Frame::End;
            }
            match head[0] & 0xf {
                1 => return Frame::Text(String::from_utf8(data).unwrap()),
                2 => return Frame::Bytes(data),
                8 => return Frame::Close(data.get(..2).map_or(1005, |b| u16::from_be_bytes([b[0], b[1]]))),
                _ => {}
            }
        }
    }

    #[track_caller]
    pub fn json(&mut self) -> Value {
        match self.next() {
            Frame::Text(text) => serde_json::from_str(&text).unwrap(),
            other => panic!("no text: {other:?}"),
        }
    }

    /// The frame of that name, past all others.
    #[track_caller]
    pub fn frame(&mut self, name: &str) -> Value {
        loop {
            let frame = self.json();
            if frame["frame"] == name {
                return frame;
            }
        }
    }

    /// The frame of that name, past all others and all bytes.
    #[track_caller]
    pub fn frame_past_bytes(&mut self, name: &str) -> Value {
        loop {
            match self.next() {
                Frame::Bytes(_) => {}
                Frame::Text(text) => {
                    let frame: Value = serde_json::from_str(&text).unwrap();
                    if frame["frame"] == name {
                        return frame;
                    }
                }
                end => panic!("no {name}: {end:?}"),
            }
        }
    }

    /// Sends a frame, masked as clients do.
    pub fn send(&mut self, opcode: u8, data: &[u8]) -> std::io::Result<()> {
        let mut out = vec![0x80 | opcode];
        match data.len() {
            n if n < 126 => out.push(0x80 | n as u8),
            n if n < 65536 => {
                out.push(0x80 | 126);
                out.extend_from_slice(&(n as u16).to_be_bytes());
            }
            n => {
                out.push(0x80 | 127);
                out.extend_from_slice(&(n as u64).to_be_bytes());
            }
        }
        out.extend_from_slice(&[0, 0, 0, 0]);
        out.extend_from_slice(data);
        self.reader.get_mut().write_all(&out)
    }

    /// Bytes as they are.
    pub fn raw(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.reader.get_mut().write_all(bytes)
    }

    /// The numbers of all events until one of this type.
    #[track_caller]
    pub fn until(&mut self, ty: &str) -> Vec<u64> {
        let mut seen = Vec::new();
        loop {
            let frame = self.json();
            if frame["frame"] != "events" {
                continue;
            }
            for event in frame["events"].as_array().unwrap() {
                seen.push(event["seq"].as_u64().unwrap());
                if event["type"] == ty {
                    return seen;
                }
            }
        }
    }

    /// What ends it.
    pub fn end(&mut self) -> Frame {
        loop {
            match self.next() {
                Frame::Text(_) | Frame::Bytes(_) => {}
                end => return end,
            }
        }
    }
}
