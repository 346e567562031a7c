//! The client against a scripted provider on a real socket: here how answers come through and how they end.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

mod retries;
mod scripted;
mod wires;
mod words;

use std::time::{Duration, Instant};

use ace_model_gateway::{Ask, Client, Done, Event, Failure, Options, Provider, Secret, Settings, Transcript};
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
        options: Options::default(),
    }
}

/// As the defaults, but nothing waits longer than a test should.
fn quick() -> Settings {
    Settings {
        connect: Duration::from_millis(500),
        start: Duration::from_millis(900),
        idle: Duration::from_millis(400),
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
    let ask = Ask { model: "gpt-5", system: "s", tools: "", schema: "", session: "06fz3k9q2mtw8c1d", output: None };
    let mut transcript = Transcript::new(provider, "gpt-5");
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
fn an_answer_that_is_not_streamed_counts_too() {
    let body = r#"{"choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}]}"#;
    run(vec![whole("200 OK", "content-type: application/json\r\n", body)]).0.is_hi(0);
    let (heard, _) =
        run(vec![whole("200 OK", "content-type: application/json\r\n", r#"{"error":{"message":"no","code":400}}"#)]);
    assert_eq!(heard.failure().message, "'mock' refused the request (400): no");
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
fn silence_ends_an_answer() {
    let (heard, _) = run(vec![vec![Step::Hang]]);
    assert_eq!(heard.failure().code, Code::Timeout);
    assert_eq!(heard.failure().message, "'mock' was silent for 900 ms");
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
    let mut steps = vec![Step::Send(head()), Step::Wait(500)];
    for data in [HI, HI, HI, HI, STOP, DONE] {
        steps.extend([Step::Send(chunk(&format!("data: {data}\n\n"))), Step::Wait(150)]);
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
        let server = Server::start(vec![steps]);
        let patient = Settings { start: Duration::from_secs(30), idle: Duration::from_secs(30), ..quick() };
        let begun = Instant::now();
        runtime().block_on(ask_with(&Client::new(patient), &provider(&server.base))).is_hi(0);
        assert!(begun.elapsed() < Duration::from_secs(5), "{data:?} took {:?}", begun.elapsed());
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
