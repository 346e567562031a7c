//! What is done over HTTP: the same programs as from a terminal, the same refusals, and nothing of it lives in the server.

use super::client::{Frame, Serving};
use super::written;
use crate::server::{Reply, Server};
use crate::suite::{World, eventually};
use serde_json::{Value, json};

/// A world whose model writes a file, which is asked, and then is done.
fn asking() -> World {
    let write = ("write", json!({"path": "made.txt", "content": "one\n<script>alert(1)</script>\n"}).to_string());
    World::with_model(Server::start(vec![Reply::Calls("I write it", vec![write]), Reply::Text("done, <b>bold</b>")]))
        .repository(&[("a.txt", "one\n")])
}

fn state(serving: &Serving, id: &str) -> Value {
    serving.get(&format!("/api/v1/sessions/{id}")).ok()
}

#[track_caller]
fn reaches(serving: &Serving, id: &str, wanted: &str) -> Value {
    eventually(&format!("{id} {wanted}"), || state(serving, id)["state"] == wanted);
    state(serving, id)
}

/// Begins a session over HTTP.
fn begin(world: &World, serving: &Serving, prompt: &str) -> String {
    let body = json!({"prompt": prompt, "repository": world.project()}).to_string();
    let made = serving.post("/api/v1/sessions", &body);
    assert_eq!(made.status, 201, "{}", made.text());
    made.json()["sessions"][0].as_str().unwrap().to_owned()
}

#[test]
fn a_session_begun_and_answered_over_http_lives_without_the_server() {
    let world = asking();
    let mut serving = Serving::start(&world, &[]);
    let id = begin(&world, &serving, "-- make it");
    let waits = reaches(&serving, &id, "waits");
    let ask = &waits["questions"][0];
    assert_eq!((ask["tool"].as_str(), ask["args"]["path"].as_str()), (Some("write"), Some("made.txt")), "{ask}");
    serving = serving.again(&world);
    let call = ask["call"].as_str().unwrap();
    let decision = format!("/api/v1/sessions/{id}/calls/{call}/decision");
    for wrong in [
        "{}",
        r#"{"decision":"maybe"}"#,
        r#"{"decision":"allow","scope":"all"}"#,
        r#"{"decision":"allow","rule":"made.txt"}"#,
        r#"{"decision":"allow","scope":"session","rule":"other.txt"}"#,
    ] {
        assert_eq!(serving.post(&decision, wrong).status, 400, "{wrong}");
    }
    serving
        .post(&format!("/api/v1/sessions/{id}/calls/--help/decision"), r#"{"decision":"allow"}"#)
        .is_problem(404, "no");
    serving.post(&decision, r#"{"decision":"allow","digest":"of something else"}"#).is_problem(409, "no");
    let said =
        json!({"decision": "allow", "why": "go on", "digest": ask["digest"], "scope": "session", "rule": "*.txt"});
    let done = serving.post(&decision, &said.to_string()).ok();
    assert!(done["command"].as_str().unwrap().starts_with("ace-permit allow"), "{done}");
    reaches(&serving, &id, "done");
    serving.post(&decision, r#"{"decision":"allow"}"#).is_problem(409, "no");
    let resolved = world.last(&id, "permission.resolved");
    assert_eq!((&resolved["who"], &resolved["grant"]["paths"][0]), (&"tester".into(), &"*.txt".into()));
    assert!(world.place(&id).join("made.txt").exists());
    let list = serving.get("/api/v1/sessions").ok();
    assert_eq!((&list["sessions"][0]["changed"]["files"], &list["sessions"][0]["calls"]), (&1.into(), &1.into()));
    let verify = serving.get(&format!("/api/v1/sessions/{id}/verify")).ok();
    assert_eq!(verify["whole"], true);
    let cost = serving.get(&format!("/api/v1/sessions/{id}/cost")).ok();
    assert_eq!((cost["requests"].as_array().unwrap().len(), &cost["tools"][0]["tool"]), (2, &"write".into()));
}

#[test]
fn a_terminal_and_a_browser_share_one_session() {
    let world = asking();
    let id = world.run("ace-session", &["new", "make it"]).done().stdout.trim().to_owned();
    let serving = Serving::start(&world, &[]);
    let mut socket = serving.stream(&id, "chalk=1");
    socket.frame("live");
    let _ = world.run("ace-session", &["run", &id]).fails(3, &[]);
    socket.until("permission.requested");
    let waits = reaches(&serving, &id, "waits");
    let seq = waits["questions"][0]["seq"].as_u64().unwrap();
    let _ = world.run("ace", &["allow", &id, &format!("@{seq}")]).done();
    assert_eq!(
        socket.until("permission.resolved").last().copied(),
        Some(seq + 1),
        "seen at once, wherever it was said"
    );
    serving.post(&format!("/api/v1/sessions/{id}/resume"), "{}").ok();
    socket.until("turn.completed");
    let said = serving.post(&format!("/api/v1/sessions/{id}/messages"), r#"{"text":"again"}"#);
    assert_eq!(said.status, 201, "{}", said.text());
    let message = said.json()["message"].as_str().unwrap().to_owned();
    assert!(world.log(&id).iter().any(|l| l["id"] == *message && l["data"]["text"] == "again"));
    socket.until("turn.completed");
}

#[test]
fn messages_wait_steer_and_are_taken_back() {
    let world = World::new();
    let id = written(&world);
    let serving = Serving::start(&world, &[]);
    let waiting = state(&serving, &id)["waiting"].clone();
    assert_eq!(waiting[0]["text"], "say nothing");
    let message = waiting[0]["message"].as_str().unwrap();
    let path = format!("/api/v1/sessions/{id}/messages/{message}");
    assert_eq!(serving.delete(&path).status, 200);
    serving.delete(&path).is_problem(409, "no");
    assert!(state(&serving, &id)["waiting"].as_array().unwrap().is_empty());
    serving.post(&format!("/api/v1/sessions/{id}/messages"), r#"{"text":"  "}"#).is_problem(400, "usage");
    serving.post(&format!("/api/v1/sessions/{id}/cancel"), "{}").is_problem(409, "no");
    let configure = format!("/api/v1/sessions/{id}/configure");
    assert_eq!(serving.post(&configure, r#"{"mode":"plan"}"#).status, 200);
    assert_eq!(state(&serving, &id)["mode"], "plan");
    serving.post(&configure, r#"{"mode":"yolo"}"#).is_problem(400, "usage");
    serving.post(&configure, r#"{"model":"nobody/x"}"#).is_problem(400, "usage");
    assert_eq!(serving.post(&format!("/api/v1/sessions/{id}/archive"), "{}").status, 200);
    assert_eq!(serving.get("/api/v1/sessions").ok()["total"], 0);
    assert_eq!(serving.get("/api/v1/sessions?archived=true").ok()["total"], 1);
    let config = serving.get(&format!("/api/v1/config?session={id}")).ok();
    assert!(config["values"].as_array().unwrap().iter().any(|v| v["key"] == "mode"), "{config}");
}

#[test]
fn b14_b15_p60_files_diffs_and_pages_of_a_session_are_data() {
    let world = asking();
    let serving = Serving::start(&world, &[]);
    let id = begin(&world, &serving, "make <img src=x onerror=alert(1)>");
    let waits = reaches(&serving, &id, "waits");
    let before = waits["head"].as_u64().unwrap();
    let call = waits["questions"][0]["call"].as_str().unwrap();
    let base = format!("/api/v1/sessions/{id}");
    assert_eq!(serving.post(&format!("{base}/calls/{call}/decision"), r#"{"decision":"allow"}"#).status, 200);
    let done = reaches(&serving, &id, "done");
    let names = |at: u64| {
        let files = serving.get(&format!("{base}/tree?at={at}")).ok()["files"].clone();
        files.as_array().unwrap().iter().map(|f| f["path"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(before), ["a.txt"]);
    assert_eq!(names(done["head"].as_u64().unwrap()), ["a.txt", "made.txt"]);
    let file = serving.get(&format!("{base}/file?path=made.txt"));
    assert_eq!(
        (file.header("content-type"), file.text().lines().next()),
        (Some("text/plain; charset=utf-8"), Some("one"))
    );
    assert!(file.header("content-security-policy").unwrap().contains("sandbox"));
    serving.get(&format!("{base}/file?path=made.txt&at={before}")).is_problem(404, "no");
    for path in
        ["../a.txt", "/etc/passwd", "..%2f..%2fetc%2fpasswd", "%2e%2e/x", "a.txt%00", "", ".", ".git/config", "a.txt/x"]
    {
        serving.get(&format!("{base}/file?path={path}")).is_problem(404, "no");
    }
    let diff = serving.get(&format!("{base}/diff")).ok();
    assert_eq!(
        (&diff["files"][0]["path"], &diff["files"][0]["status"], &diff["files"][0]["added"]),
        (&"made.txt".into(), &"added".into(), &2.into())
    );
    let wrote = world.log(&id).iter().find(|l| l["type"] == "tool.completed").unwrap()["seq"].as_u64().unwrap();
    assert_eq!(serving.get(&format!("{base}/diff?seq={wrote}")).ok()["files"], diff["files"]);
    let packed = [("Authorization", &*serving.bearer()), ("Accept-Encoding", "gzip")];
    let packed = serving.ask("GET", &format!("{base}/export.html"), &packed, "");
    assert!(
        packed.status == 200 && packed.body.starts_with(&[0x1f, 0x8b]),
        "packed on the way it comes as a whole, too"
    );
    let page = serving.get(&format!("{base}/export.html?redacted=1"));
    let text = page.text();
    assert!(page.header("content-disposition").unwrap().starts_with("attachment"));
    assert!(text.contains("&lt;img src=x") && text.contains("&lt;b&gt;bold") && text.ends_with("</html>\n"), "{text}");
    for live in ["<script", "<img", "<b>bold", "src=\"", "http://", "https://"] {
        assert!(!text.contains(live), "{live}");
    }
    let system = world.last(&id, "context.built")["system"].as_str().unwrap().to_owned();
    let blob = serving.get(&format!("/api/v1/blobs/{system}"));
    assert_eq!((blob.status, blob.header("x-content-type-options")), (200, Some("nosniff")));
    for sha in ["..%2f..%2fserve%2ftoken", &"0".repeat(64), "x"] {
        serving.get(&format!("/api/v1/blobs/{sha}")).is_problem(404, "no");
    }
    let hits = serving.get("/api/v1/search?q=onerror").ok();
    assert_eq!(hits["hits"][0]["session"], *id, "{hits}");
}

#[test]
fn forks_rewinds_and_landings_are_those_of_the_terminal() {
    let world = asking();
    world.add_config("mode = \"edit\"\n");
    let text = std::fs::read_to_string(world.config_file()).unwrap();
    // A key of the top stands before the tables.
    world.config(&format!("mode = \"edit\"\n{}", text.replace("mode = \"edit\"\n", "")));
    let serving = Serving::start(&world, &[]);
    let id = begin(&world, &serving, "make it");
    let done = reaches(&serving, &id, "done");
    let base = format!("/api/v1/sessions/{id}");
    let began = done["marks"][0]["began"].as_u64().unwrap();
    let fork = serving.post(&format!("{base}/fork"), &json!({"at": began, "name": "other-way"}).to_string());
    assert_eq!(fork.status, 201, "{}", fork.text());
    let child = fork.json()["session"].as_str().unwrap().to_owned();
    assert_eq!(state(&serving, &child)["forked_from"]["session"], *id);
    let repositories = serving.get("/api/v1/repositories").ok();
    assert_eq!(repositories["repositories"][0]["sessions"], 2, "{repositories}");
    let trees = serving.get("/api/v1/worktrees").ok();
    assert!(trees["worktrees"].as_array().unwrap().iter().any(|t| t["session"] == *id), "{trees}");
    let landed = serving.post(&format!("{base}/land"), "{}");
    assert_eq!(landed.status, 200, "{}", landed.text());
    assert!(world.project().join("made.txt").exists());
    let twice = serving.post(&format!("{base}/land"), "{}");
    twice.is_problem(409, "no");
    assert!(twice.json()["detail"].as_str().unwrap().contains("nothing to land"));
    let rewound = serving.post(&format!("{base}/rewind"), &json!({"to": began}).to_string());
    assert_eq!(rewound.status, 200, "{}", rewound.text());
    assert!(!world.place(&id).join("made.txt").exists());
}

#[test]
fn b17_a_terminal_opens_only_where_that_was_said_and_keeps_its_screen() {
    let world = World::new();
    let id = written(&world);
    let closed = Serving::start(&world, &[]);
    let path = format!("/api/v1/sessions/{id}/terminals");
    closed.post(&path, "{}").is_problem(403, "credentials");
    drop(closed);
    let serving = Serving::start(&world, &["--terminal"]);
    let opened = serving.post(&path, r#"{"cols":100,"rows":30}"#).ok();
    let name = opened["terminal"].as_str().unwrap().to_owned();
    let attach = |offset: u64| {
        let ticket = serving.ticket(&json!({"terminal": name}).to_string());
        let mut socket = serving.socket(&format!("/api/v1/terminals/{name}/stream?offset={offset}"), &ticket);
        assert_eq!(socket.json()["frame"], "hello");
        socket
    };
    let mut first = attach(0);
    first.send(2, b"stty size; echo so$((6*7))me; printf '\\033]52;c;aGk=\\007'\r").unwrap();
    let mut seen = Vec::new();
    while !String::from_utf8_lossy(&seen).contains("so42me") {
        if let Frame::Bytes(bytes) = first.next() {
            seen.extend(bytes);
        }
    }
    assert!(String::from_utf8_lossy(&seen).contains("30 100"), "{}", String::from_utf8_lossy(&seen));
    drop(first);
    let mut again = attach(0);
    let mut kept = Vec::new();
    while kept.len() < seen.len() {
        if let Frame::Bytes(bytes) = again.next() {
            kept.extend(bytes);
        }
    }
    assert_eq!(kept[..seen.len()], seen, "who comes back finds the same");
    again.send(2, b"exit 3\r").unwrap();
    assert_eq!(again.frame_past_bytes("exit")["status"], 3);
    assert_eq!(serving.delete(&format!("/api/v1/terminals/{name}")).status, 204);
}
