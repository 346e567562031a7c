//! Every wire on a bad network: what a socket shows is the same whatever is spoken over it.

use std::path::Path;

use super::*;

/// Wire, a plain stream of its fixtures, one that breaks off in a call, and one that reports an error after some text.
const WIRES: &[(&str, &str, &str)] = &[
    ("openai-chat", "cut-in-call", "openrouter-error"),
    ("openai-responses", "cut-after-call", "error-flat-after-call"),
    ("anthropic", "cut-in-call", "error-after-text"),
    ("gemini-generate", "cut-after-call", "error-mid-stream"),
    ("gemini", "cut-after-call", "error-after-call"),
];

fn stream(wire: &str, name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/providers");
    std::fs::read_to_string(folder.join(wire).join(format!("{name}.sse"))).unwrap()
}

fn of(wire: &str, base: &str) -> Provider {
    Provider { wire: wire.into(), ..provider(base) }
}

fn sent(text: &str) -> Vec<Step> {
    vec![Step::Send(head()), Step::Send(chunk(text)), Step::Send(end()), Step::Keep]
}

fn run_on(wire: &str, scripts: Vec<Vec<Step>>) -> (Heard, Server) {
    let server = Server::start(scripts);
    (ask(&of(wire, &server.base)), server)
}

#[test]
fn f12_every_wire_waits_as_it_is_told_and_asks_again_with_the_same_bytes() {
    for (wire, ..) in WIRES {
        for (status, headers) in [
            ("429 Too Many Requests", "retry-after: 0\r\n"),
            ("503 Unavailable", "retry-after-ms: 2\r\n"),
            ("529 Overloaded", ""),
            ("500 Oops", "x-should-retry: true\r\n"),
            ("429 Too Many Requests", "retry-after: Sun, 06 Nov 1994 08:49:37 GMT\r\n"),
        ] {
            let (heard, server) = run_on(wire, vec![whole(status, headers, "{}"), sent(&stream(wire, "plain"))]);
            assert_eq!(heard.result, Ok(Done { retried: 1 }), "{wire} {status}: {heard:?}");
            assert_eq!((heard.notes.len(), heard.stop), (1, Some(Stop::End)), "{wire} {status}");
            let seen = server.seen();
            assert!(seen[0].body == seen[1].body && seen[0].head == seen[1].head, "{wire}: the same bytes");
        }
    }
}

#[test]
fn f12_an_absurd_wait_is_bounded_and_what_the_error_itself_says_is_obeyed() {
    let told = r#"{"error":{"code":429,"status":"RESOURCE_EXHAUSTED","message":"quota","details":[
        {"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"0.004s"}]}}"#;
    let (heard, _) = run_on("gemini", vec![whole("429 Limit", "", told), sent(&stream("gemini", "plain"))]);
    assert_eq!(heard.notes, ["mock busy (429), try 2 of 4 in 4 ms"]);
    let day = told.replace(
        "google.rpc.RetryInfo\",\"retryDelay\":\"0.004s\"",
        "google.rpc.QuotaFailure\",\"violations\":[{\"quotaId\":\"XPerDayPerProject\"}]",
    );
    let (heard, server) = run_on("gemini", vec![whole("429 Limit", "", &day)]);
    assert_eq!((heard.failure().code.clone(), server.seen().len()), (Code::Refused, 1));
    assert!(heard.failure().message.starts_with("the quota at 'mock' is used up (429)"), "{}", heard.failure().message);
}

#[test]
fn money_is_asked_for_once_on_every_wire() {
    for (wire, status, body) in [
        ("openai-chat", "402 Payment Required", r#"{"error":{"code":402,"message":"no credit"}}"#),
        ("openai-responses", "429 Limit", r#"{"error":{"code":"insufficient_quota","message":"x"}}"#),
        ("anthropic", "402 Payment Required", r#"{"type":"error","error":{"type":"billing_error","message":"x"}}"#),
        (
            "anthropic",
            "429 Limit",
            r#"{"type":"error","error":{"type":"rate_limit_error","message":"x","details":{"error_code":"enforced_spend_limit_reached"}}}"#,
        ),
    ] {
        let (heard, server) = run_on(wire, vec![whole(status, "retry-after: 0\r\n", body)]);
        assert_eq!((heard.failure().code.clone(), server.seen().len()), (Code::Refused, 1), "{wire} {status}");
    }
}

#[test]
fn a_full_context_has_its_own_code_on_every_wire() {
    for (wire, status, body) in [
        ("openai-chat", "400 Bad", r#"{"error":{"code":"context_length_exceeded","message":"x"}}"#),
        ("openai-responses", "400 Bad", r#"{"error":{"code":"context_length_exceeded","message":"x"}}"#),
        (
            "anthropic",
            "400 Bad",
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 9 tokens > 8 maximum"}}"#,
        ),
        (
            "gemini",
            "400 Bad",
            r#"{"error":{"code":400,"status":"INVALID_ARGUMENT","message":"The input token count (9) exceeds the maximum number of tokens allowed (8)."}}"#,
        ),
    ] {
        let (heard, server) = run_on(wire, vec![whole(status, "", body)]);
        assert_eq!((heard.failure().code.clone(), server.seen().len()), (Code::Context, 1), "{wire}");
    }
    let (heard, _) = run_on("openai-responses", vec![sent(&stream("openai-responses", "failed-context"))]);
    assert_eq!(heard.failure().code, Code::Context);
}

#[test]
fn f11_what_breaks_off_or_fails_gives_no_call_on_any_wire() {
    for (wire, cut, error) in WIRES {
        for name in [cut, error] {
            let (heard, _) = run_on(wire, vec![sent(&stream(wire, name))]);
            assert!(heard.result.is_err() && heard.calls == 0, "{wire}/{name}: {heard:?}");
        }
        let mut hangs = vec![Step::Send(head()), Step::Send(chunk(&stream(wire, cut))), Step::Hang];
        let (heard, server) = run_on(wire, vec![hangs.clone()]);
        assert_eq!((heard.failure().code.clone(), heard.calls), (Code::Timeout, 0), "{wire}: {heard:?}");
        assert!(server.sees_gone(1), "{wire}: the socket is closed");
        // The connection falls.
        hangs.pop();
        let (heard, _) = run_on(wire, vec![hangs]);
        assert_eq!((heard.failure().code.clone(), heard.calls), (Code::Cut, 0), "{wire}: {heard:?}");
    }
}

#[test]
fn f11_a_page_is_called_a_page_on_every_wire() {
    for (wire, ..) in WIRES {
        let page = whole("200 OK", "content-type: text/html\r\n", "<!doctype html><p>Sign in");
        let (heard, _) = run_on(wire, vec![page]);
        assert_eq!(heard.failure().message, "'mock' answered with a web page (HTML), not an event stream", "{wire}");
    }
}

#[test]
fn c16_no_wire_takes_its_key_to_another_host() {
    for (wire, ..) in WIRES {
        for status in ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"] {
            let other = Server::start(vec![sent(&stream(wire, "plain"))]);
            let to = other.base.replace("127.0.0.1", "localhost");
            let (heard, _) = run_on(wire, vec![whole(status, &format!("location: {to}/elsewhere\r\n"), "")]);
            assert_eq!(heard.failure().code, Code::Config, "{wire} {status}");
            assert!(other.seen().is_empty(), "{wire} {status} was followed");
        }
    }
}

#[test]
fn c11_a_key_that_comes_back_is_shown_nowhere_on_any_wire() {
    for (wire, ..) in WIRES {
        for body in [
            format!(r#"{{"error":{{"message":"bad key {KEY}","type":"authentication_error"}}}}"#),
            format!(r#"{{"error":{{"status":"UNAUTHENTICATED","message":"x{KEY}x"}}}}"#),
            format!("<html>{KEY}"),
            KEY.to_owned(),
        ] {
            // That the key is nowhere in what is heard is checked by `ask`.
            let (heard, _) = run_on(wire, vec![whole("401 Unauthorized", "", &body)]);
            assert_eq!(heard.failure().code, Code::Credentials, "{wire}");
        }
    }
}

#[test]
fn a_cancelled_answer_closes_its_socket_within_a_tenth_of_a_second_on_every_wire() {
    for (wire, cut, _) in WIRES {
        let hangs = vec![Step::Send(head()), Step::Send(chunk(&stream(wire, cut))), Step::Hang];
        let server = Server::start(vec![hangs]);
        let client = Client::new(Settings { idle: Duration::from_secs(60), start: Duration::from_secs(60), ..quick() });
        let provider = of(wire, &server.base);
        runtime().block_on(async {
            let answer = ask_with(&client, &provider);
            assert!(tokio::time::timeout(Duration::from_millis(80), answer).await.is_err(), "{wire} hangs");
            let begun = Instant::now();
            // The runtime goes on, as it does in a program that lives.
            while !server.sees_gone_now() && begun.elapsed() < Duration::from_secs(5) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            // A loaded machine may look late; what is closed late is not closed by the drop.
            assert!(begun.elapsed() < Duration::from_millis(1000), "{wire}: {:?}", begun.elapsed());
            println!("{wire}: closed after {:?}", begun.elapsed());
        });
    }
}

#[test]
fn one_connection_serves_a_session_on_every_wire() {
    for (wire, ..) in WIRES {
        let server = Server::start(vec![sent(&stream(wire, "plain"))]);
        let (client, provider) = (Client::new(quick()), of(wire, &server.base));
        let runtime = runtime();
        for _ in 0..3 {
            assert!(runtime.block_on(ask_with(&client, &provider)).result.is_ok(), "{wire}");
        }
        let connections: Vec<usize> = server.seen().iter().map(|s| s.connection).collect();
        assert_eq!(connections, [0; 3], "{wire}");
    }
}
