//! What is said when an answer does not come, and that the key is never in it.

use std::io::Write as _;

use super::*;

#[test]
fn a_refused_key_is_never_shown_even_if_the_provider_shows_it() {
    let body = format!(
        r#"{{"error":{{"message":"Incorrect API key provided: {KEY}\u0007. See\nhttps://x","code":"invalid_api_key"}}}}"#
    );
    let (heard, _) = run(vec![whole("401 Unauthorized", "content-type: application/json\r\n", &body)]);
    let failure = heard.failure();
    assert_eq!(failure.message, "'mock' refused the key (401): Incorrect API key provided: [key]. See https://x");
    assert_eq!(failure.hint, "export MOCK_API_KEY=..., with a key that 'mock' takes");
    // As plain text, in a stream, and in the target of a redirect.
    let (heard, _) = run(vec![whole("400 Bad", "", &format!("no {KEY}"))]);
    assert_eq!(heard.failure().message, "'mock' refused the request (400): no [key]");
    let (heard, _) = run(vec![events(&[&format!(r#"{{"error":{{"message":"{KEY}","code":"x"}}}}"#)])]);
    assert_eq!(heard.failure().message, "'mock' refused the request: [key]");
    let (heard, _) = run(vec![whole("302 Found", &format!("location: http://{KEY}.example/\r\n"), "")]);
    assert!(heard.failure().message.contains("[key].example"), "{}", heard.failure().message);
}

#[test]
fn no_redirect_is_followed() {
    for status in ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"] {
        let other = Server::start(vec![events(&[HI, STOP, DONE])]);
        let to = other.base.replace("127.0.0.1", "localhost");
        let (heard, _) = run(vec![whole(status, &format!("location: {to}/v1/chat/completions\r\n"), "")]);
        assert_eq!(heard.failure().code, Code::Config, "{status}");
        assert!(heard.failure().message.contains("http://localhost"), "{}", heard.failure().message);
        assert_eq!(heard.failure().hint, "check base_url in [providers.mock]");
        assert!(other.seen().is_empty(), "{status} was followed");
    }
}

#[test]
fn a_web_page_is_named_as_such() {
    let page = "<!DOCTYPE html><html><body>Welcome</body></html>";
    let (heard, server) = run(vec![whole("200 OK", "content-type: text/html\r\n", page)]);
    assert_eq!(heard.failure().code, Code::Format);
    assert_eq!(heard.failure().message, "'mock' answered with a web page (HTML), not an event stream");
    assert_eq!(heard.failure().hint, "check base_url in [providers.mock]");
    assert_eq!(server.seen().len(), 1);
    let (heard, _) = run(vec![whole("404 Not Found", "content-type: text/html\r\n", page)]);
    assert_eq!(heard.failure().code, Code::Config);
    assert!(
        heard.failure().message.ends_with("/v1/chat/completions (404): a web page (HTML)"),
        "{}",
        heard.failure().message
    );
    let (heard, _) = run(vec![whole("200 OK", "content-type: text/plain\r\n", "OK")]);
    assert_eq!(heard.failure().message, "'mock' answered with text/plain, not an event stream");
}

#[test]
fn an_unknown_model_and_a_full_context() {
    let body = r#"{"error":{"message":"model \"gpt-5\" not found, try pulling it first","type":"api_error"}}"#;
    let (heard, _) = run(vec![whole("404 Not Found", "", body)]);
    assert_eq!(heard.failure().code, Code::NotFound);
    assert!(heard.failure().message.starts_with("'mock' has no model 'gpt-5' (404): "));
    let body = r#"{"error":{"message":"This model's maximum context length is 8192 tokens.","code":"context_length_exceeded"}}"#;
    let (heard, _) = run(vec![whole("400 Bad Request", "", body)]);
    assert_eq!(heard.failure().code, Code::Context);
    assert!(heard.failure().message.starts_with("the context is too long for 'mock/gpt-5' (400): "));
}

#[test]
fn nobody_at_home() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let heard = ask(&provider(&format!("http://{free}/v1")));
    assert_eq!((&heard.failure().code, heard.failure().retried), (&Code::Unreachable, 3));
    assert_eq!(heard.failure().message, format!("cannot reach 'mock' at {free}: connection refused"));
    assert!(heard.notes[0].starts_with("mock out of reach (connection refused), try 2 of 4 in "), "{:?}", heard.notes);
    let heard = ask(&provider("http://no-such-host.invalid:8/v1"));
    assert_eq!(heard.failure().code, Code::Unreachable);
    assert!(heard.failure().message.starts_with("cannot reach 'mock' at no-such-host.invalid:8: "), "{:?}", heard);
}

#[test]
fn a_server_that_speaks_no_tls_cannot_be_trusted() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let place = listener.local_addr().unwrap();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
        // Until the client hangs up, so that it reads this and no reset.
        drop(std::io::copy(&mut stream, &mut std::io::sink()));
    });
    let heard = ask(&provider(&format!("https://{place}")));
    server.join().unwrap();
    assert_eq!((&heard.failure().code, heard.failure().retried), (&Code::Unreachable, 0), "{heard:?}");
    assert!(heard.failure().message.starts_with(&format!("cannot trust 'mock' at {place}: ")), "{heard:?}");
}

#[test]
fn what_is_wrong_before_anything_is_sent() {
    let cases = [
        (
            Provider { api_key: None, ..provider("http://h") },
            Code::Credentials,
            "no key for 'mock': MOCK_API_KEY is not set",
        ),
        (
            Provider { api_key: Some(Secret::new("a\nb")), ..provider("http://h") },
            Code::Credentials,
            "the key for 'mock' holds characters that no header may carry",
        ),
        (
            Provider { wire: "morse".into(), ..provider("http://h") },
            Code::Config,
            "unknown wire 'morse' of provider 'mock'",
        ),
        (provider("h:1"), Code::Config, "base_url of 'mock' is no address: it must begin with http:// or https://"),
        (
            provider("http://a:b@h/"),
            Code::Config,
            "base_url of 'mock' is no address: a name or password has no place in it",
        ),
    ];
    for (provider, code, message) in cases {
        let heard = ask(&provider);
        assert_eq!((&heard.failure().code, heard.failure().message.as_str()), (&code, message));
    }
    assert_eq!(ask(&Provider { api_key: None, ..provider("http://h") }).failure().hint, "export MOCK_API_KEY=...");
}
