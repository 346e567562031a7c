//! Fetching from a real server on this machine, which has to be named for it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that breaks has failed")]

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ace_fetch::{Body, Fetcher, Hosts, Refused};

/// A server that answers by path; how often it was asked.
fn serve(answer: impl Fn(&str, u16) -> Vec<u8> + Send + 'static) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            count.fetch_add(1, Ordering::SeqCst);
            let mut head = [0; 4096];
            let n = stream.read(&mut head).unwrap_or(0);
            let text = String::from_utf8_lossy(&head[..n]).into_owned();
            let path = text.split(' ').nth(1).unwrap_or("/").to_owned();
            // The reader may have left.
            let _ = stream.write_all(&answer(&path, port));
        }
    });
    (port, asked)
}

fn ok(kind: &str, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

fn to(place: &str) -> Vec<u8> {
    format!("HTTP/1.1 302 Found\r\nlocation: {place}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").into_bytes()
}

fn get(port: u16, address: &str) -> Result<ace_fetch::Page, Refused> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let fetcher = Fetcher::new(Hosts::new([format!("127.0.0.1:{port}")]));
    runtime.block_on(fetcher.get(address))
}

fn text(page: ace_fetch::Page) -> String {
    match page.body {
        Body::Text(text) => text,
        Body::Image(bytes) => panic!("{} bytes", bytes.len()),
    }
}

#[test]
fn a_page_is_fetched_through_its_redirects() {
    let (port, asked) = serve(|path, _| match path {
        "/a" => to("/b"),
        "/b" => ok("text/html", "<h1>Here</h1>"),
        _ => ok("text/plain", "?"),
    });
    let page = get(port, &format!("http://127.0.0.1:{port}/a")).unwrap();
    assert_eq!((page.url.as_str(), page.media.as_str()), (format!("http://127.0.0.1:{port}/b").as_str(), "text/html"));
    assert_eq!(text(page), "# Here\n");
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

#[test]
fn f19_p41_a_private_host_is_never_asked_directly_or_by_a_redirect() {
    let (inner, asked) = serve(|_, _| ok("text/plain", "secret"));
    let (port, _) = serve(move |path, _| match path {
        "/name" => to(&format!("http://localhost:{inner}/")),
        "/dot" => to(&format!("http://localhost.:{inner}/")),
        "/odd" => to(&format!("http://127.1:{inner}/")),
        "/file" => to("file:///etc/passwd"),
        _ => to(&format!("http://127.0.0.1:{inner}/")),
    });
    assert!(get(port, &format!("http://127.0.0.1:{port}/dot")).is_err());
    for path in ["name", "odd", "number"] {
        let refused = get(port, &format!("http://127.0.0.1:{port}/{path}")).unwrap_err();
        assert!(matches!(refused, Refused::Private { .. }), "{path}: {refused}");
    }
    assert!(matches!(get(port, &format!("http://127.0.0.1:{port}/file")), Err(Refused::Address(_))));
    assert!(matches!(get(1, &format!("http://localhost:{inner}/")), Err(Refused::Private { .. })));
    assert_eq!(asked.load(Ordering::SeqCst), 0);
}

#[test]
fn f19_redirects_have_an_end() {
    let (port, asked) = serve(|_, port| to(&format!("http://127.0.0.1:{port}/again")));
    assert!(matches!(get(port, &format!("http://127.0.0.1:{port}/")), Err(Refused::Redirects)));
    assert_eq!(asked.load(Ordering::SeqCst), ace_schema::limits::REDIRECTS + 1);
}

#[test]
fn f15_a_flood_is_cut() {
    let (port, _) = serve(|_, _| {
        let mut answer = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nconnection: close\r\n\r\n".to_vec();
        answer.resize(answer.len() + 3 * ace_schema::limits::FETCH_BYTES, b'x');
        answer
    });
    let page = get(port, &format!("http://127.0.0.1:{port}/")).unwrap();
    assert!(page.cut);
    assert_eq!(text(page).len(), ace_schema::limits::FETCH_BYTES);
}

#[test]
fn what_is_no_page_is_told() {
    let (port, _) = serve(|path, _| match path {
        "/pdf" => ok("application/pdf", "%PDF"),
        "/png" => ok("image/png", "\u{1}"),
        _ => {
            b"HTTP/1.1 404 Not Found\r\ncontent-type: text/html\r\nconnection: close\r\n\r\n<title>No such page</title>"
                .to_vec()
        }
    });
    let ask = |path: &str| get(port, &format!("http://127.0.0.1:{port}{path}"));
    assert_eq!(ask("/pdf").unwrap_err().to_string(), "a page of the type application/pdf cannot be shown as text");
    assert_eq!(ask("/x").unwrap_err().to_string(), "the server answers 404: No such page");
    assert!(matches!(ask("/png").unwrap().body, Body::Image(_)));
    assert!(matches!(get(9, "http://127.0.0.1:9/"), Err(Refused::Network(_))));
}
