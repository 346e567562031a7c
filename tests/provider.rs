//! What the other end of the wire can do to a run: each case ends with its own exit, one line, and a record that says the same.

use crate::run::shell;
use crate::server::{Reply, Server};
use crate::suite::{Run, World};
use ace_schema::data::SessionConfigured;
use std::sync::atomic::{AtomicUsize, Ordering};

fn go(model: Server) -> (World, Run) {
    let world = World::with_model(model).repository(&[]);
    let run = world.run("ace", &["run", "--mode", "auto", "go"]);
    (world, run)
}

fn http(status: &str, media: &str, body: &str) -> Reply {
    Reply::Http(format!(
        "HTTP/1.1 {status}\r\ncontent-type: {media}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    ))
}

/// A failed turn: exit, words, and a record that ends with the same code. Nothing stands on stdout.
#[track_caller]
fn fails((world, run): (World, Run), exit: i32, code: &str, says: &[&str]) -> World {
    let run = run.fails(exit, says);
    assert_eq!(run.stdout, "");
    let log = world.log("@only");
    let last = log.last().unwrap();
    assert_eq!((&last["type"], &last["data"]["code"]), (&"turn.failed".into(), &code.into()), "{last}");
    let message = last["data"]["message"].as_str().unwrap();
    assert_eq!(run.stderr.matches(message).count(), 1, "said once: {message}\n{}", run.stderr);
    world
}

#[test]
fn a_provider_that_is_not_there_is_named_with_its_host_and_a_hint() {
    let world = World::new().repository(&[]);
    // A port that was free a moment ago, and that nobody else is given while it is bound without a listener.
    let held = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let place = held.local_addr().unwrap();
    drop(held);
    world.config(&format!(
        "model = \"local/m\"\n[providers.local]\nwire = \"openai-chat\"\nbase_url = \"http://{place}/v1\"\n"
    ));
    let run = world.run("ace", &["run", "go"]);
    let says = [
        &*format!("ace-model: cannot reach 'local' at {place}: connection refused\n"),
        "hint: start it, or check base_url in [providers.local]",
    ];
    let _ = fails((world, run), 69, "unreachable", &says);
}

#[test]
fn without_a_key_it_says_which_variable_is_missing() {
    let world = World::with_model(Server::start(vec![Reply::Text("ok")])).repository(&[]);
    let says = "ace-model: no key for 'test': TEST_KEY is not set\nhint: export TEST_KEY=...\n";
    let run = world.sh("unset TEST_KEY; ace run go").fails(77, &[]);
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", says));
    assert!(world.sessions().is_empty() && !world.git(&["branch"]).contains("ace/"), "nothing was made");
    // A chain may have its ace-model elsewhere, so a session can be made; the one that misses the key says so.
    let run = world.sh("unset TEST_KEY; ace-session run \"$(ace-session new go)\"");
    let world = fails((world, run), 77, "credentials", &[says]);
    assert!(world.model.as_ref().unwrap().bodies().is_empty(), "nothing was sent");
}

#[test]
fn a_refused_key_is_told_from_a_missing_one() {
    let body = r#"{"error":{"message":"Incorrect API key provided: sk-test-0123456789"}}"#;
    let world = go(Server::start(vec![http("401 Unauthorized", "application/json", body)]));
    let world = fails(world, 77, "credentials", &["ace-model: 'test' refused the key (401)"]);
    assert_eq!(crate::suite::files_with(&world.ace_home(), "sk-test-0123456789"), Vec::<String>::new());
}

#[test]
fn a_web_page_in_place_of_a_stream_is_called_that() {
    let page = http("200 OK", "text/html", "<html><body>Sign in</body></html>");
    let _ = fails(go(Server::start(vec![page])), 1, "format", &["'test' answered with a web page (HTML)", "base_url"]);
}

#[test]
fn a_wrong_path_names_the_address_and_where_it_stands() {
    let world = go(Server::start(vec![http("404 Not Found", "text/plain", "404 page not found")]));
    let _ = fails(world, 78, "config", &["'test' has nothing at http://127.0.0.1:", "base_url in [providers.test]"]);
}

#[test]
fn a_call_that_was_cut_off_is_never_run() {
    let begun = "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"x\",\"type\":\"function\",\"function\":{\"name\":\"shell\",\"arguments\":\"{\\\"command\\\":\\\"touch made\\\"}\"}}]},\"finish_reason\":null}]}\n\n";
    let world = fails(go(Server::start(vec![Reply::Raw(begun.to_owned())])), 1, "cut", &["'test' was cut off"]);
    assert!(!world.place("@only").join("made").exists());
    assert!(!world.types("@only").iter().any(|t| t == "tool.started" || t == "model.tool_call_requested"));
    assert_eq!(world.last("@only", "model.failed")["dropped_call"], "shell");
}

#[test]
fn an_error_in_the_middle_of_a_stream_ends_the_turn_and_keeps_what_was_said() {
    let stream = "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Half of\"},\"finish_reason\":null}]}\n\n\
                  data: {\"error\":{\"message\":\"the model fell over\",\"code\":400}}\n\n";
    let (world, run) = go(Server::start(vec![Reply::Raw(stream.to_owned())]));
    let _ = run.fails(1, &["the model fell over"]);
    assert_eq!(world.last("@only", "model.failed")["text"], "Half of");
    assert_eq!(world.types("@only").last().unwrap(), "turn.failed");
}

#[test]
fn a_busy_provider_is_asked_again() {
    let asked = AtomicUsize::new(0);
    let busy = Reply::Http(
        "HTTP/1.1 429 Too Many Requests\r\nretry-after: 0\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_owned(),
    );
    let model = Server::by(move |_| match asked.fetch_add(1, Ordering::SeqCst) {
        0 => busy.clone(),
        _ => Reply::Text("At last."),
    });
    let (world, run) = go(model);
    assert_eq!(run.done().stdout, "At last.\n");
    assert_eq!(world.model.as_ref().unwrap().heads().len(), 2);
    assert_eq!(world.types("@only").iter().filter(|t| *t == "model.requested").count(), 1, "one claim, two attempts");
}

#[test]
fn the_key_does_not_follow_to_another_host() {
    let thief = Server::start(vec![Reply::Text("mine now")]);
    let to = format!("http://{}/v1/chat/completions", thief.address);
    let reply =
        format!("HTTP/1.1 307 Temporary Redirect\r\nlocation: {to}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    let _ = fails(go(Server::start(vec![Reply::Http(reply)])), 78, "config", &["never followed with a key"]);
    assert!(thief.heads().is_empty(), "{:?}", thief.heads());
}

#[test]
fn a_failed_turn_says_how_to_go_on_and_going_on_works() {
    let asked = AtomicUsize::new(0);
    let model = Server::by(move |_| match asked.fetch_add(1, Ordering::SeqCst) {
        0 => http("400 Bad Request", "application/json", r#"{"error":{"message":"no"}}"#),
        _ => Reply::Text("Now it works."),
    });
    let (world, run) = go(model);
    let world = fails((world, run), 1, "refused", &["ace-model: 'test' refused the request (400): no"]);
    let run = world.sh("ace say go 'once more' && ace resume go").done();
    assert_eq!(run.stdout, "Now it works.\n");
}

#[test]
fn words_of_a_provider_cannot_paint_the_terminal() {
    let body = "{\"error\":{\"message\":\"\\u001b[31mred\\u001b]0;title\\u0007\"}}";
    let (_, run) = go(Server::start(vec![http("400 Bad Request", "application/json", body)]));
    assert!(!run.fails(1, &["red"]).stderr.contains('\x1b'));
    let (_, run) =
        go(Server::start(vec![Reply::Calls("", vec![shell("printf '\\033[31mred'; exit 1")]), Reply::Text("ok")]));
    assert!(!run.done().stderr.contains('\x1b'));
}

fn recorded(wire: &str, name: &str) -> Reply {
    let file = crate::generated::root(&format!("fixtures/providers/{wire}/{name}.sse"));
    Reply::Raw(std::fs::read_to_string(file).unwrap())
}

/// What one provider has signed comes back to it after a turn at another, which never sees it; all of it through the log. The
/// other's encrypted reasoning stays the other's.
#[test]
fn a_session_switches_its_provider_and_returns() {
    let signing = Server::by(|answers| recorded("anthropic", if answers == 0 { "thinking-tool" } else { "plain" }));
    let other = Server::by(|_| recorded("openai-responses", "raw-reasoning"));
    let world = World::new().repository(&[]);
    world.config(&format!(
        "model = \"a/m\"\n[providers.a]\nwire = \"anthropic\"\nbase_url = \"{}\"\n[providers.b]\nwire = \"openai-responses\"\nbase_url = \"{}\"\n",
        signing.url(),
        other.url()
    ));
    let run = world.run("ace", &["run", "--mode", "auto", "--name", "s", "go"]).done();
    assert_eq!(run.stdout, "Grüße 🦀!\n");
    const SIGNATURE: &str = "EqoBCkgIARAB+/=";
    const ENCRYPTED: &str = "\"encrypted_content\":\"e\"";
    let body = &signing.bodies()[1];
    let thinking = body.find(SIGNATURE).unwrap();
    assert!(thinking < body.find("tool_use").unwrap(), "thinking stands before the call it led to: {body}");
    let log = ace_storage::Log::at(world.log_file("@only"));
    let session = world.log("@only")[0]["session"].as_str().unwrap().to_owned();
    for model in ["b/m", "a/m", "b/m"] {
        let change = SessionConfigured { model: Some(model.to_owned()), ..SessionConfigured::default() };
        ace_front::say::configure(&log, &session, &change).unwrap();
        let _ = world.sh("ace say s 'and on' && ace resume s").done();
    }
    let (back, there) = (signing.bodies(), other.bodies());
    assert_eq!((back.len(), there.len()), (3, 2));
    assert!(back[2].contains(SIGNATURE) && !back[2].contains(ENCRYPTED), "{}", back[2]);
    assert!(there.iter().all(|body| !body.contains(SIGNATURE)), "{there:?}");
    assert!(!there[0].contains(ENCRYPTED) && there[1].contains(ENCRYPTED), "its own comes back: {}", there[1]);
    assert!(there.iter().chain(&back[1..]).all(|body| body.contains("call_1")), "what was done is known to both");
}

/// What is kept may be longer than a line: it lies in a blob then, and comes back whole.
#[test]
fn what_a_provider_wants_back_may_be_longer_than_a_line() {
    let signature = "c2ln".repeat(30_000);
    let long = std::fs::read_to_string(crate::generated::root("fixtures/providers/anthropic/thinking-tool.sse"))
        .unwrap()
        .replace("EqoBCkgIARAB+/=", &signature);
    let model = Server::by(move |answers| match answers {
        0 => Reply::Raw(long.clone()),
        _ => recorded("anthropic", "plain"),
    });
    let world = World::new().repository(&[]);
    world.config(&format!("model = \"a/m\"\n[providers.a]\nwire = \"anthropic\"\nbase_url = \"{}\"\n", model.url()));
    let _ = world.run("ace", &["run", "--mode", "auto", "go"]).done();
    let first = world.log("@only").into_iter().find(|l| l["type"] == "model.completed").unwrap();
    let meta = &first["data"]["_meta"];
    assert!(meta["kept"].is_null() && meta["blob"]["bytes"].as_u64() > Some(100_000), "{meta}");
    assert!(model.bodies()[1].contains(&signature), "it comes back whole");
}

/// A picture that a tool has read is shown to a model that can see, and named to one that cannot.
#[test]
fn a_picture_that_a_tool_reads_is_seen_by_the_model() {
    // The smallest PNG there is: one pixel.
    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89\0\0\0\rIDATx\x9cc\xf8\xcf\xc0\xf0\x1f\0\x05\0\x01\xff\xa7\xa5\xdb\xd0\0\0\0\0IEND\xaeB`\x82";
    for (images, shown) in [("", true), ("images = false\n", false)] {
        let look = std::fs::read_to_string(crate::generated::root("fixtures/providers/anthropic/thinking-tool.sse"))
            .unwrap()
            .replace("lib.rs", "a.png")
            .replace("src/l", "")
            .replace("ib.rs", "a.png");
        let model = Server::by(move |answers| match answers {
            0 => Reply::Raw(look.clone()),
            _ => recorded("anthropic", "plain"),
        });
        let world = World::new();
        std::fs::write(world.project().join("a.png"), PNG).unwrap();
        let world = world.repository(&[]);
        world.config(&format!(
            "model = \"a/m\"\n[providers.a]\nwire = \"anthropic\"\nbase_url = \"{}\"\n{images}",
            model.url()
        ));
        let _ = world.run("ace", &["run", "--mode", "auto", "go"]).done();
        let body = &model.bodies()[1];
        assert_eq!(
            body.contains(r#""type":"image","source":{"type":"base64","media_type":"image/png","data":"iVBOR"#),
            shown,
            "{body}"
        );
        assert_eq!(body.contains("[a picture, image/png, that this model cannot see]"), !shown, "{body}");
    }
}
