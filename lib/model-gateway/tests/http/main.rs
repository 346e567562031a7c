//! The client against a scripted provider on a real socket: what is retried, what is not, what is said, and that the key stays.

mod scripted;

use std::io::Write as _;
use std::time::{Duration, Instant};

use ace_model_gateway::{Ask, Client, Done, Event, Failure, Provider, Secret, Settings, Transcript};
use ace_schema::data::Code;
use ace_schema::message::{Message, Piece, Stop};
use scripted::{Server, Step, chunk, end, events, head, whole};

const KEY: &str = "sk-test-0123456789abcdef";
const HI: &str = r#"{"choices":[{"index":0,"delta":{"content":"hi"},"finish_reason":null}]}"#;
const STOP: &str = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;
const CALL: &str = r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"shell","arguments":"{\"command\":\"ls\"}"}}]}}]}"#;
const DONE: &str = "[DONE]";

fn provider(base: &str) -> Provider {
    Provider {
        name: "mock".into(),
        wire: "openai-chat".into(),
        base_url: base.into(),
        api_key: Some(Secret::new(KEY)),
        key_env: "MOCK_API_KEY".into(),
    }
}

/// As the defaults, but nothing waits longer than a test should.
fn quick() -> Settings {
    Settings {
        connect: Duration::from_millis(500),
        start: Duration::from_millis(400),
        idle: Duration::from_millis(150),
        tail: Duration::from_millis(150),
        backoff: Duration::from_millis(2),
        ..Settings::default()
    }
}

#[derive(Debug)]
struct Heard {
    result: Result<Done, Failure>,
    text: String,
    notes: Vec<String>,
    calls: usize,
    stop: Option<Stop>,
}

impl Heard {
    fn failure(&self) -> &Failure {
        self.result.as_ref().unwrap_err()
    }

    /// An answer that said "hi" and ended well, after so many repetitions.
    fn is_hi(&self, retried: u32) {
        assert_eq!(self.result, Ok(Done { retried }), "{self:?}");
        assert_eq!((self.text.as_str(), self.stop), ("hi", Some(Stop::End)));
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

async fn ask_with(client: &Client, provider: &Provider) -> Heard {
    let ask = Ask { model: "gpt-5", system: "s", tools: "", session: "06fz3k9q2mtw8c1d" };
    let mut transcript = Transcript::new(provider);
    transcript.push(&Message::User("go".into()));
    let mut heard =
        Heard { result: Ok(Done { retried: 99 }), text: String::new(), notes: vec![], calls: 0, stop: None };
    let result = client
        .answer(provider, &ask, &transcript, &mut |event| match event {
            Event::Note(note) => heard.notes.push(note),
            Event::Piece(Piece::Text(text)) => heard.text.push_str(&text),
            Event::Piece(Piece::Call { .. }) => heard.calls += 1,
            Event::Piece(Piece::Stop(stop)) => heard.stop = Some(stop),
            Event::Piece(_) => {}
        })
        .await;
    Heard { result, ..heard }
}

fn ask(provider: &Provider) -> Heard {
    let heard = runtime().block_on(ask_with(&Client::new(quick()), provider));
    let all = format!("{heard:?}");
    assert!(!all.contains(KEY), "the key is in {all}");
    heard
}

fn run(scripts: Vec<Vec<Step>>) -> (Heard, Server) {
    let server = Server::start(scripts);
    (ask(&provider(&server.base)), server)
}

#[test]
fn an_answer_comes_through_however_its_bytes_are_written() {
    let text = format!("data: {HI}\r\n\r\n: comment\n\ndata: {STOP}\n\ndata: {DONE}\n\n");
    let (heard, server) = run(vec![events(&[HI, STOP, DONE])]);
    heard.is_hi(0);
    let seen = &server.seen()[0];
    assert!(seen.head.starts_with("post /v1/chat/completions http/1.1\r\n"), "{}", seen.head);
    assert!(seen.head.contains(&format!("authorization: bearer {KEY}\r\n")));
    assert!(seen.head.contains("user-agent: ace/") && seen.head.contains("accept: text/event-stream\r\n"));
    assert!(seen.body.starts_with(b"{\"model\":\"gpt-5\",\"stream\":true"));
    for size in [1, 2, 7] {
        let mut steps = vec![Step::Send(head())];
        let wire: Vec<u8> = text.as_bytes().chunks(size).flat_map(|c| chunk(std::str::from_utf8(c).unwrap())).collect();
        for bytes in wire.chunks(5) {
            steps.push(Step::Send(bytes.to_vec()));
        }
        steps.push(Step::Send(end()));
        run(vec![steps]).0.is_hi(0);
    }
}

#[test]
fn a_provider_without_a_key_gets_no_header() {
    let server = Server::start(vec![events(&[HI, STOP, DONE])]);
    ask(&Provider { api_key: None, key_env: String::new(), ..provider(&server.base) }).is_hi(0);
    assert!(!server.seen()[0].head.contains("authorization"));
}

#[test]
fn a_busy_provider_is_asked_again_with_the_same_bytes() {
    let busy = whole("529 Overloaded", "retry-after-ms: 3\r\n", r#"{"error":{"message":"overloaded"}}"#);
    let limited = whole("429 Too Many Requests", "retry-after: 0\r\n", r#"{"error":{"code":"rate_limit_exceeded"}}"#);
    let (heard, server) = run(vec![busy, limited, events(&[HI, STOP, DONE])]);
    heard.is_hi(2);
    assert_eq!(heard.notes, ["mock busy (529), try 2 of 4 in 3 ms", "mock busy (429), try 3 of 4 in 0 ms"]);
    let seen = server.seen();
    assert!(seen.len() == 3 && seen.iter().all(|s| s.body == seen[0].body && s.head == seen[0].head));
}

#[test]
fn a_provider_that_stays_busy_is_left_after_four_tries() {
    let (heard, server) = run(vec![whole("503 Unavailable", "", "<html>busy</html>")]);
    assert_eq!((&heard.failure().code, heard.failure().retried), (&Code::Unreachable, 3));
    assert_eq!(heard.failure().message, "'mock' is busy (503): a web page (HTML)");
    assert_eq!((server.seen().len(), heard.notes.len()), (4, 3));
}

#[test]
fn what_another_try_cannot_mend_is_not_tried() {
    let quota = r#"{"error":{"message":"You exceeded your current quota","type":"insufficient_quota","code":"insufficient_quota"}}"#;
    for (status, headers, body, code) in [
        ("429 Too Many Requests", "", quota, Code::Refused),
        ("402 Payment Required", "", "", Code::Refused),
        ("400 Bad Request", "", "{}", Code::Refused),
        ("401 Unauthorized", "", "", Code::Credentials),
        ("500 Oops", "x-should-retry: false\r\n", "", Code::Unreachable),
    ] {
        let (heard, server) = run(vec![whole(status, headers, body)]);
        assert_eq!(heard.failure().code, code, "{status}");
        assert_eq!((server.seen().len(), heard.failure().retried, heard.notes.len()), (1, 0, 0), "{status}");
    }
}

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
fn an_answer_that_is_not_streamed_counts_too() {
    let body = r#"{"choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}]}"#;
    run(vec![whole("200 OK", "content-type: application/json\r\n", body)]).0.is_hi(0);
    let (heard, _) =
        run(vec![whole("200 OK", "content-type: application/json\r\n", r#"{"error":{"message":"no","code":400}}"#)]);
    assert_eq!(heard.failure().message, "'mock' refused the request (400): no");
}

#[test]
fn an_unknown_model_and_a_full_context() {
    let body = r#"{"error":{"message":"model \"gpt-5\" not found, try pulling it first","type":"api_error"}}"#;
    let (heard, _) = run(vec![whole("404 Not Found", "", body)]);
    assert_eq!(heard.failure().code, Code::NotFound);
    assert!(heard.failure().message.starts_with("'mock' has no model 'gpt-5' (404): "));
    let body = r#"{"error":{"message":"This model's maximum context length is 8192 tokens.","code":"context_length_exceeded"}}"#;
    let (heard, _) = run(vec![whole("400 Bad Request", "", body)]);
    assert_eq!(heard.failure().code, Code::Limit);
    assert!(heard.failure().message.starts_with("the context is too long for 'mock/gpt-5' (400): "));
}

#[test]
fn a_stream_that_is_cut_keeps_its_text_and_gives_no_call() {
    for ending in [vec![Step::Send(end())], vec![]] {
        let mut steps = vec![Step::Send(head()), Step::Send(chunk(&format!("data: {HI}\n\ndata: {CALL}\n\n")))];
        steps.extend(ending);
        let (heard, server) = run(vec![steps]);
        assert_eq!(heard.failure().code, Code::Cut, "{heard:?}");
        assert!(heard.failure().message.starts_with("the stream of 'mock' was cut off"));
        assert_eq!((heard.text.as_str(), heard.calls, server.seen().len()), ("hi", 0, 1));
    }
}

#[test]
fn a_stream_that_is_cut_before_anything_came_is_asked_for_again() {
    for nothing in
        [vec![Step::Send(head())], vec![Step::Send(head()), Step::Send(chunk(": wait\n\n")), Step::Send(end())]]
    {
        let (heard, _) = run(vec![nothing, events(&[HI, STOP, DONE])]);
        heard.is_hi(1);
        assert!(heard.notes[0].starts_with("mock cut off, try 2 of 4 in "), "{:?}", heard.notes);
    }
}

#[test]
fn an_error_inside_a_stream_is_one_and_tried_again_only_before_anything_came() {
    let error = r#"{"error":{"code":503,"message":"no capacity"}}"#;
    let (heard, _) = run(vec![events(&[error]), events(&[HI, STOP, DONE])]);
    heard.is_hi(1);
    let (heard, server) = run(vec![events(&[HI, error]), events(&[HI, STOP, DONE])]);
    assert_eq!(heard.failure().code, Code::Unreachable);
    assert_eq!(heard.failure().message, "'mock' is busy (503): no capacity");
    assert_eq!((heard.text.as_str(), server.seen().len()), ("hi", 1));
    let (heard, _) = run(vec![events(&[CALL, "{oops", STOP, DONE])]);
    assert_eq!((&heard.failure().code, heard.calls), (&Code::Format, 0));
}

#[test]
fn silence_ends_an_answer() {
    let (heard, _) = run(vec![vec![Step::Hang]]);
    assert_eq!(heard.failure().code, Code::Timeout);
    assert_eq!(heard.failure().message, "'mock' was silent for 400 ms");
    let (heard, server) =
        run(vec![vec![Step::Send(head()), Step::Send(chunk(&format!("data: {HI}\n\n"))), Step::Hang]]);
    assert_eq!((&heard.failure().code, heard.text.as_str()), (&Code::Timeout, "hi"));
    assert!(server.sees_gone(1), "the socket is closed");
    let comments = vec![Step::Send(head()), Step::Repeat(chunk(": still here\n\n"), 10)];
    let (heard, _) = run(vec![comments]);
    assert_eq!(heard.failure().code, Code::Timeout, "comments keep no answer alive for ever");
}

#[test]
fn slow_is_not_silent() {
    let mut steps = vec![Step::Send(head()), Step::Wait(250)];
    for data in [HI, HI, HI, HI, STOP, DONE] {
        steps.extend([Step::Send(chunk(&format!("data: {data}\n\n"))), Step::Wait(60)]);
    }
    let (heard, _) = run(vec![steps]);
    assert_eq!((heard.result, heard.text.as_str()), (Ok(Done { retried: 0 }), "hihihihi"));
}

#[test]
fn an_end_that_was_said_needs_no_end_of_the_connection() {
    for data in [vec![HI, STOP, DONE], vec![HI, STOP], vec![HI, DONE]] {
        let mut steps = vec![Step::Send(head())];
        steps.extend(data.iter().map(|d| Step::Send(chunk(&format!("data: {d}\n\n")))));
        steps.push(Step::Hang);
        let begun = Instant::now();
        run(vec![steps]).0.is_hi(0);
        assert!(begun.elapsed() < Duration::from_millis(350), "{data:?} took {:?}", begun.elapsed());
    }
}

#[test]
fn a_dropped_answer_closes_its_socket() {
    let server =
        Server::start(vec![vec![Step::Send(head()), Step::Send(chunk(&format!("data: {HI}\n\n"))), Step::Hang]]);
    let client = Client::new(Settings { idle: Duration::from_secs(60), ..quick() });
    let provider = provider(&server.base);
    runtime().block_on(async {
        let answer = ask_with(&client, &provider);
        assert!(tokio::time::timeout(Duration::from_millis(100), answer).await.is_err(), "it hangs");
        // The runtime goes on, as it does in a program that lives.
        for _ in 0..20 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert!(server.sees_gone(1), "the socket is closed");
    });
}

#[test]
fn one_connection_serves_a_session() {
    let server = Server::start(vec![events(&[HI, STOP, DONE]), whole("400 Bad", "", "no"), events(&[HI, STOP, DONE])]);
    let (client, provider) = (Client::new(quick()), provider(&server.base));
    // One runtime entered once an answer, as a program does that waits for its input in between.
    let runtime = runtime();
    for _ in 0..5 {
        drop(runtime.block_on(ask_with(&client, &provider)));
    }
    let connections: Vec<usize> = server.seen().iter().map(|s| s.connection).collect();
    assert_eq!(connections, [0; 5]);
}

#[test]
fn a_kept_connection_that_was_closed_meanwhile_is_no_failure() {
    let mut closing = events(&[HI, STOP, DONE]);
    closing.pop();
    let server = Server::start(vec![closing]);
    let (client, provider) = (Client::new(quick()), provider(&server.base));
    let runtime = runtime();
    for _ in 0..4 {
        let heard = runtime.block_on(ask_with(&client, &provider));
        assert_eq!(heard.text, "hi");
        assert_eq!(heard.notes, [""; 0]);
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(server.seen().len(), 4, "nothing was asked twice");
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

#[test]
fn a_huge_event_passes_and_an_endless_one_does_not() {
    let event = |mib: usize| {
        let data = format!(r#"{{"choices":[{{"delta":{{"content":"hi"}},"pad":"{}"}}]}}"#, "x".repeat(mib << 20));
        vec![
            Step::Send(head()),
            Step::Send(chunk(&format!("data: {data}\n\ndata: {STOP}\n\ndata: [DONE]\n\n"))),
            Step::Send(end()),
        ]
    };
    let patient = Settings { start: Duration::from_secs(20), idle: Duration::from_secs(20), ..quick() };
    let ask = |mib| {
        let server = Server::start(vec![event(mib)]);
        runtime().block_on(ask_with(&Client::new(patient), &provider(&server.base)))
    };
    ask(10).is_hi(0);
    assert_eq!(ask(17).failure().code, Code::Limit);
}

#[test]
fn warming_up_makes_a_client_and_no_noise() {
    let server = Server::start(vec![events(&[HI, STOP, DONE])]);
    let client = Client::new(quick());
    let provider = provider(&server.base);
    client.warm(&provider);
    client.warm(&Provider { base_url: "https://h".into(), ..provider.clone() });
    client.warm(&Provider::recorded());
    runtime().block_on(ask_with(&client, &provider)).is_hi(0);
}
