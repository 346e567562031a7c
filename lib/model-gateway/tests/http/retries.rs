//! What is asked again, how often, and what is not.

use super::*;

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
    for data in [[CALL, "{oops", STOP, DONE], [CALL, STOP, "{oops", DONE]] {
        let (heard, _) = run(vec![events(&data)]);
        assert_eq!((&heard.failure().code, heard.calls), (&Code::Format, 0));
    }
}

#[test]
fn a_provider_that_hangs_up_without_a_word_is_asked_again_at_once() {
    let (heard, server) = run(vec![vec![], events(&[HI, STOP, DONE])]);
    heard.is_hi(1);
    assert_eq!((heard.notes.len(), server.seen().len()), (0, 2));
    let (heard, server) = run(vec![vec![]]);
    assert_eq!(heard.failure().code, Code::Unreachable);
    assert!(heard.failure().message.starts_with("'mock' hung up before it answered: "), "{heard:?}");
    assert_eq!((heard.notes.len(), server.seen().len()), (2, 4), "only the first time without a word");
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
