//! Whether an Ollama runs that a person did not mention, and which model it would take. One short question to this machine; nobody
//! waits for the answer longer than [`PATIENCE`].

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use serde::Deserialize;

/// How long all of it may take.
const PATIENCE: Duration = Duration::from_millis(250);
/// The most of an answer that is read, bytes.
const MOST: u64 = 256 * 1024;

#[derive(Deserialize)]
struct Tags {
    models: Vec<Tag>,
}

#[derive(Deserialize)]
struct Tag {
    name: String,
}

/// The model that was touched last at `address` (`http://host:port/…`); none if nobody answers there in time, or has a model.
pub fn model(address: &str) -> Option<String> {
    let end = Instant::now() + PATIENCE;
    let place = address.strip_prefix("http://")?.split('/').next()?;
    // A name would have to be looked up, which can take long; this machine's own is known.
    let numbers = place.replace("localhost:", "127.0.0.1:");
    let host: std::net::SocketAddr = numbers.parse().ok().or_else(|| local(place))?;
    let mut stream = TcpStream::connect_timeout(&host, PATIENCE).ok()?;
    stream.set_write_timeout(Some(PATIENCE)).ok()?;
    write!(stream, "GET /api/tags HTTP/1.0\r\nhost: {place}\r\naccept: application/json\r\n\r\n").ok()?;
    let mut answer = Vec::new();
    let mut chunk = [0; 8192];
    while (answer.len() as u64) < MOST {
        let left = end.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())?;
        stream.set_read_timeout(Some(left)).ok()?;
        match stream.read(&mut chunk).ok()? {
            0 => break,
            n => answer.extend_from_slice(&chunk[..n]),
        }
    }
    let body = answer.windows(4).position(|w| w == b"\r\n\r\n").and_then(|at| answer.get(at + 4..))?;
    let tags: Tags = serde_json::from_slice(body).ok()?;
    // Models of pictures and of meaning answer nobody.
    tags.models.into_iter().map(|tag| tag.name).find(|name| !name.contains("embed") && named(name))
}

/// The address of a name that this machine has for itself.
fn local(place: &str) -> Option<std::net::SocketAddr> {
    place.starts_with("localhost").then(|| place.to_socket_addrs().ok()?.next()).flatten()
}

/// Whether a name can stand in `ollama/NAME` and on a terminal.
fn named(name: &str) -> bool {
    (1..=128).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:/@".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    fn serve(answer: &'static str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/v1", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 1024];
            let _ = stream.read(&mut request);
            let _ = stream.write_all(answer.as_bytes());
            if answer.is_empty() {
                // Hangs until the other side goes.
                let _ = stream.read(&mut request);
            }
        });
        address
    }

    #[test]
    fn the_first_model_that_talks_is_taken() {
        let body = r#"{"models":[{"name":"nomic-embed-text:latest"},{"name":"qwen3:8b","size":1},{"name":"x"}]}"#;
        let answer: &'static str = format!("HTTP/1.0 200 OK\r\ncontent-type: json\r\n\r\n{body}").leak();
        assert_eq!(model(&serve(answer)).as_deref(), Some("qwen3:8b"));
    }

    #[test]
    fn who_is_silent_absent_or_something_else_has_none_and_nobody_waits() {
        for answer in [
            "",
            "HTTP/1.0 200 OK\r\n\r\n{\"models\":[]}",
            "HTTP/1.0 200 OK\r\n\r\n<html>",
            "rubbish",
            "HTTP/1.0 200 OK\r\n\r\n{\"models\":[{\"name\":\"\\u001b[2J\"}]}",
        ] {
            let begun = Instant::now();
            assert_eq!(model(&serve(answer)), None, "{answer:?}");
            assert!(begun.elapsed() < Duration::from_secs(5), "{answer:?}");
        }
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        for address in [
            format!("http://{free}/v1"),
            "https://x".to_owned(),
            "http://no-such-host.invalid:1/v1".to_owned(),
            String::new(),
        ] {
            assert_eq!(model(&address), None, "{address}");
        }
    }
}
