//! The server, as browsers, scripts and attackers meet it: the real program, real sessions, real HTTP.

mod acting;
mod client;
mod fuzz;
mod guarded;
mod proxy;

use crate::generated::same;
use crate::server::{Reply, Server};
use crate::suite::{World, eventually};
use client::{Frame, Serving};
use serde_json::Value;

/// A world with one finished session, its id, and a server.
fn served() -> (World, String, Serving) {
    let world = World::with_model(Server::start(vec![Reply::Text("forty two")])).repository(&[("a.txt", "one\n")]);
    let _ = world.run("ace", &["run", "what is six times seven"]).done();
    let id = world.sessions().remove(0);
    let serving = Serving::start(&world, &[]);
    (world, id, serving)
}

/// A session whose log anybody can add to, and its world.
fn written(world: &World) -> String {
    world
        .run("ace-session", &["new", "--no-worktree", "-m", "ollama/none", "say nothing"])
        .done()
        .stdout
        .trim()
        .to_owned()
}

/// Adds messages to a log, as another terminal would.
fn say(world: &World, session: &str, count: usize) {
    let script = format!("for i in $(seq {count}); do ace-session say {session} \"message $i\"; done");
    let _ = world.sh(&script).done();
}

#[test]
fn the_description_is_made_of_the_routes() {
    same("bins/ace-serve/openapi.json", &ace_web::openapi::text());
}

#[test]
fn b13_every_route_says_who_may_use_it_and_the_owners_routes_are_closed_to_all_others() {
    let (world, id, serving) = served();
    let share = serving.post(&format!("/api/v1/sessions/{id}/shares"), "{}").ok();
    let shared = format!("Bearer {}", share["url"].as_str().unwrap().split_once("#share=").unwrap().1);
    for route in ace_web::routes() {
        let path = format!("/api/v1{}", route.path.replace("{id}", &id).replace("{seq}", "1").replace("{share}", "x"));
        let path = path.replace("{sha}", &"0".repeat(64)).replace(['{', '}'], "");
        let method = route.method.as_str();
        let bare = serving.ask(method, &path, &[], "");
        let with = || serving.ask(method, &path, &[("Authorization", &shared)], "");
        match route.right {
            ace_web::Right::Public => assert_eq!(bare.status, 200, "{path}"),
            ace_web::Right::Ticket => assert_eq!((bare.status, with().status), (403, 403), "{path}"),
            ace_web::Right::Any | ace_web::Right::Look => assert_eq!(bare.status, 401, "{method} {path}"),
            ace_web::Right::Owner => {
                assert_eq!(bare.status, 401, "{method} {path}");
                with().is_problem(404, "no");
            }
        }
    }
    assert_eq!(world.sessions(), [id], "nobody did anything");
}

#[test]
fn sessions_events_and_health_are_read_with_curl() {
    let (world, id, serving) = served();
    let health = serving.ask("GET", "/health", &[], "").ok();
    assert_eq!((&health["status"], &health["home_writable"]), (&"ok".into(), &true.into()));
    let list = serving.get("/api/v1/sessions").ok();
    let card = &list["sessions"][0];
    assert_eq!(
        (card["id"].as_str(), card["state"].as_str(), list["total"].as_u64()),
        (Some(&*id), Some("done"), Some(1))
    );
    assert_eq!((card["project"].as_str(), card["turns"].as_u64()), (Some("project"), Some(1)));
    assert_eq!(serving.get("/api/v1/sessions?q=no-such-word").ok()["total"], 0);
    let log = world.log(&id);
    let events = serving.get(&format!("/api/v1/sessions/{id}/events")).ok();
    assert_eq!(events["events"].as_array().unwrap(), &log);
    let some = serving.get(&format!("/api/v1/sessions/{id}/events?from=3&limit=2")).ok();
    assert_eq!((&some["events"][0], &some["events"][1], &some["next"]), (&log[2], &log[3], &5.into()));
    let tail = serving.get(&format!("/api/v1/sessions/{id}/events?tail=1")).ok();
    assert_eq!(tail["events"][0], *log.last().unwrap());
    let typed = serving.get(&format!("/api/v1/sessions/{id}/events?type=turn.started,turn.completed")).ok();
    assert_eq!(typed["events"].as_array().unwrap().len(), 2);
    assert_eq!(serving.get(&format!("/api/v1/sessions/{id}/events/2")).ok(), log[1]);
    serving.get(&format!("/api/v1/sessions/{id}/events/999")).is_problem(404, "no");
    serving.get("/api/v1/sessions/0000000000000000").is_problem(404, "no");
    let bearer = serving.bearer();
    let headers = [("Authorization", &*bearer), ("Accept", "application/x-ndjson")];
    let raw = serving.ask("GET", &format!("/api/v1/sessions/{id}/events"), &headers, "");
    assert_eq!(raw.text(), std::fs::read_to_string(world.log_file(&id)).unwrap(), "the very bytes");
    let outline = serving.get(&format!("/api/v1/sessions/{id}/outline")).ok();
    assert_eq!(outline["rows"]["type"].as_array().unwrap().len(), log.len());
    let session = serving.get(&format!("/api/v1/sessions/{id}")).ok();
    assert_eq!((session["state"].as_str(), session["marks"][0]["end"].as_str()), (Some("done"), Some("completed")));
    let began = session["marks"][0]["began"].as_u64().unwrap();
    let then = serving.get(&format!("/api/v1/sessions/{id}?at={began}")).ok();
    assert_eq!((then["state"].as_str(), then["head"].as_u64()), (Some("running"), Some(began)));
    let sse = format!(
        "curl -sN --max-time 20 -H 'Authorization: {bearer}' 'http://{}/api/v1/sessions/{id}/sse?after=2' | sed -n '/^event: live/q;p' | grep -c '^id: '",
        serving.address
    );
    assert_eq!(world.sh(&sse).stdout.trim(), (log.len() - 2).to_string());
}

#[test]
fn b01_b02_p58_another_page_can_do_nothing_with_a_browsers_cookie() {
    let (_world, id, serving) = served();
    let login = serving.post("/api/v1/login", "");
    let cookies: Vec<&str> = login.headers.iter().filter(|(n, _)| n == "set-cookie").map(|(_, v)| v.as_str()).collect();
    let port = serving.address.port();
    assert!(
        cookies[0].starts_with(&format!("__Host-ace-{port}="))
            && cookies.iter().all(|c| c.contains("HttpOnly; SameSite=Strict"))
    );
    let cookie = cookies[0].split(';').next().unwrap();
    let own = format!("http://{}", serving.address);
    let read = serving.ask("GET", "/api/v1/sessions", &[("Cookie", cookie)], "");
    assert_eq!(read.status, 200, "a picture or a download comes with the cookie alone");
    let share = format!("/api/v1/sessions/{id}/shares");
    let json = ("Content-Type", "application/json");
    for headers in [
        &[("Cookie", cookie), ("Origin", "http://evil.test"), ("X-Ace", "1"), json][..],
        &[("Cookie", cookie), ("Origin", "null"), ("X-Ace", "1"), json],
        &[("Cookie", cookie), ("X-Ace", "1"), json],
        &[("Cookie", cookie), ("Origin", &own), json],
        &[("Authorization", &serving.bearer()), ("Origin", "http://evil.test"), json],
    ] {
        serving.ask("POST", &share, headers, "{}").is_problem(403, "credentials");
    }
    for site in ["cross-site", "same-site"] {
        serving
            .ask("GET", "/api/v1/sessions", &[("Cookie", cookie), ("Sec-Fetch-Site", site)], "")
            .is_problem(403, "credentials");
    }
    assert!(serving.get("/api/v1/shares").ok()["shares"].as_array().unwrap().is_empty(), "nothing was changed");
    let own = [("Cookie", cookie), ("Origin", &*own), ("X-Ace", "1"), json];
    assert_eq!(serving.ask("POST", &share, &own, "{}").status, 201);
}

#[test]
fn b03_b04_a_socket_opens_for_our_own_page_with_a_fresh_ticket_of_its_own() {
    let (world, id, serving) = served();
    let other = written(&world);
    let path = format!("/api/v1/sessions/{id}/stream");
    let own = format!("http://{}", serving.address);
    let ticket = serving.ticket(&format!("{{\"session\":\"{id}\"}}"));
    let protocol = format!("ace.v1, ticket.{ticket}");
    for origin in [Some("http://evil.test"), Some("null"), None] {
        let mut headers = vec![("Sec-WebSocket-Protocol", &*protocol)];
        headers.extend(origin.map(|origin| ("Origin", origin)));
        serving.upgrade(&path, &headers).err().unwrap().is_problem(403, "credentials");
    }
    let mut socket = serving.upgrade(&path, &[("Origin", &own), ("Sec-WebSocket-Protocol", &protocol)]).unwrap();
    assert_eq!(socket.json()["frame"], "hello", "the refused ones have not used it up");
    let closed = |path: &str, ticket: &str| serving.socket(path, ticket).end();
    assert_eq!(closed(&path, &ticket), Frame::Close(4401), "used");
    assert_eq!(closed(&path, "x"), Frame::Close(4401));
    let foreign = serving.ticket(&format!("{{\"session\":\"{other}\"}}"));
    assert_eq!(closed(&path, &foreign), Frame::Close(4401), "another session's");
    assert_eq!(serving.upgrade(&path, &[("Origin", &own)]).unwrap().end(), Frame::Close(4401));
    let query = format!("{path}?ticket={}", serving.ticket(&format!("{{\"session\":\"{id}\"}}")));
    serving.upgrade(&query, &[("Origin", &own)]).err().unwrap().is_problem(401, "credentials");
}

#[test]
fn b05_p58_a_name_that_is_not_ours_gets_no_answer() {
    let (_world, _, serving) = served();
    let bearer = serving.bearer();
    for path in ["/", "/health", "/api/v1/sessions"] {
        for host in ["evil.test", "evil.test:80", "127.0.0.1.evil.test"] {
            let answer = serving.ask("GET", path, &[("Host", host), ("Authorization", &bearer)], "");
            assert_eq!(answer.status, 421, "{path} as {host}");
        }
    }
    let local = format!("localhost:{}", serving.address.port());
    assert_eq!(serving.ask("GET", "/health", &[("Host", &local)], "").status, 200);
}

#[test]
fn b06_b20_p59_forwarded_words_and_tokens_in_addresses_are_not_believed() {
    let (world, _, serving) = served();
    let token = serving.token.clone();
    for query in [format!("token={token}"), format!("access_token={token}"), format!("a=1&Token={token}")] {
        serving.ask("GET", &format!("/api/v1/sessions?{query}"), &[], "").is_problem(401, "credentials");
        serving.get(&format!("/api/v1/sessions?{query}")).is_problem(401, "credentials");
    }
    let bearer = serving.bearer();
    let said = [("Authorization", &*bearer), ("X-Forwarded-For", "203.0.113.7"), ("X-Forwarded-Proto", "https")];
    let plain = serving.ask("POST", "/api/v1/login", &said, "");
    assert_eq!(plain.headers.iter().filter(|(n, _)| n == "set-cookie").count(), 2, "still http to us");
    world.add_config("[serve]\nhosts = [\"ace.test\"]\ntrusted_proxies = [\"127.0.0.0/8\"]\n");
    let serving = Serving::start(&world, &[]);
    let through = [("Host", "ace.test"), ("X-Forwarded-Proto", "https"), ("Authorization", &*bearer)];
    let login = serving.ask("POST", "/api/v1/login", &through, "");
    let cookies: Vec<_> = login.headers.iter().filter(|(n, _)| n == "set-cookie").collect();
    assert!(cookies.len() == 1 && cookies[0].1.starts_with("__Host-ace-443="), "{cookies:?}");
    let own = [&through[..], &[("Origin", "https://ace.test")]].concat();
    assert_eq!(serving.ask("POST", "/api/v1/login", &own, "").status, 200);
    for wrong in ["", "Bearer", "Bearer x", "Basic eDp5", &format!("Bearer {}", &token[..42])] {
        serving.ask("GET", "/api/v1/me", &[("Authorization", wrong)], "").is_problem(401, "credentials");
    }
}

#[test]
fn b07_p58_no_address_of_a_network_is_bound_in_clear() {
    let world = World::new();
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:80"] {
        let _ = world
            .run("ace-serve", &["--listen", address])
            .fails(2, &["is open to others", "hint: add --tls-cert and --tls-key"]);
    }
    assert!(!world.ace_home().join("serve").exists());
}

#[test]
fn b08_b09_logins_are_new_and_end_with_all_their_streams() {
    let (_world, id, serving) = served();
    let (bearer, own) = (serving.bearer(), format!("http://{}", serving.address));
    let port = serving.address.port();
    let preset = format!("__Host-ace-{port}=preset");
    let login = serving.ask("POST", "/api/v1/login", &[("Authorization", &bearer), ("Cookie", &preset)], "");
    let cookie = login.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    assert_ne!(cookie, preset);
    serving.ask("GET", "/api/v1/me", &[("Cookie", &preset)], "").is_problem(401, "credentials");
    let page = [("Cookie", &*cookie), ("Origin", &own), ("X-Ace", "1"), ("Content-Type", "application/json")];
    serving.ask("POST", "/api/v1/login", &page, "{}").is_problem(401, "credentials");
    let ticket = serving.ask("POST", "/api/v1/tickets", &page, &format!("{{\"session\":\"{id}\"}}")).ok();
    let mut socket = serving.socket(&format!("/api/v1/sessions/{id}/stream"), ticket["ticket"].as_str().unwrap());
    socket.frame("live");
    let began = std::time::Instant::now();
    assert_eq!(serving.ask("POST", "/api/v1/logout", &page, "{}").status, 204);
    assert_eq!(socket.end(), Frame::Close(4403));
    assert!(began.elapsed() < std::time::Duration::from_secs(10));
    serving.ask("GET", "/api/v1/me", &page, "").is_problem(401, "credentials");
}

#[test]
fn b24_b25_bodies_that_make_no_sense_are_refused_and_nothing_falls() {
    let (_world, id, serving) = served();
    let path = format!("/api/v1/sessions/{id}/shares");
    let deep = "[".repeat(100_000);
    let long = format!("{{\"expires_in\":1,\"x\":\"{}\"}}", "y".repeat(2 << 20));
    for (body, status) in [
        (deep.as_str(), 400),
        ("{\"expires_in\":1,\"expires_in\":2}", 400),
        ("{\"expires_in\":1e999}", 400),
        ("{\"expires_in\":\"\\ud800\"}", 400),
        ("\u{feff}{}", 400),
        ("{\"expires_in\":-1}", 400),
        ("null", 400),
        ("{\"expires_in\":0}", 400),
        (&long, 413),
    ] {
        let answer = serving.post(&path, body);
        assert_eq!(answer.status, status, "{} {}", &body[..body.len().min(40)], answer.text());
    }
    let bearer = serving.bearer();
    let packed = [("Authorization", &*bearer), ("Content-Type", "application/json"), ("Content-Encoding", "gzip")];
    serving.ask("POST", &path, &packed, "x").is_problem(413, "limit");
    serving
        .ask("POST", &path, &[("Authorization", &bearer), ("Content-Type", "text/plain")], "{}")
        .is_problem(415, "usage");
    assert_eq!(serving.get("/api/v1/me").status, 200);
}

#[test]
fn b14_b27_paths_lead_nowhere_else() {
    let (world, id, serving) = served();
    let secret = world.path("config.toml");
    std::fs::write(world.ace_home().join("secret.txt"), "a secret").unwrap();
    for path in [
        "/..%2f..%2f..%2fsecret.txt".to_owned(),
        "/assets/../../../secret.txt".to_owned(),
        "/assets/..%5c..%5csecret.txt".to_owned(),
        "/%2e%2e/%2e%2e/secret.txt".to_owned(),
        "/%252e%252e/secret.txt".to_owned(),
        "/..;/secret.txt".to_owned(),
        format!("/{}", secret.display()),
        "/api/v1/sessions/..%2f..%2fsecret.txt/events".to_owned(),
        format!("/api/v1/sessions/{id}%2f../events"),
        format!("/api/v1/sessions/{id}%00/events"),
        "/secret.txt%00.html".to_owned(),
    ] {
        let answer = serving.get(&path);
        assert!(answer.status == 404 || answer.status == 400, "{path}: {} {}", answer.status, answer.text());
        assert!(!answer.text().contains("a secret"));
    }
    let next = serving.get("//evil.test/?next=//evil.test");
    assert!(next.header("location").is_none() && next.status < 300, "the server sends nobody anywhere");
}

#[test]
fn b31_b32_p56_answers_are_sealed_and_errors_say_no_more_than_they_must() {
    let (world, id, serving) = served();
    for path in ["/", "/api/v1/sessions", "/api/v1/nowhere", "/health"] {
        let answer = serving.get(path);
        let policy = answer.header("content-security-policy").unwrap_or_else(|| panic!("no policy on {path}"));
        assert!(policy.contains("frame-ancestors 'none'") && policy.starts_with("default-src 'none'"), "{policy}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
        assert_eq!(answer.header("x-frame-options"), Some("DENY"));
        assert!(answer.header("access-control-allow-origin").is_none());
    }
    let root = world.path("").display().to_string();
    for path in [
        "/api/v1/nowhere",
        "/api/v1/sessions/x",
        "/api/v1/sessions?limit=x",
        &format!("/api/v1/sessions/{id}/events/x"),
    ] {
        let answer = serving.get(path);
        assert!((400..500).contains(&answer.status), "{path}: {}", answer.status);
        assert!(!answer.text().contains(&root) && !answer.text().contains("panicked"), "{}", answer.text());
    }
    let page = serving.ask("GET", "/gone.html", &[("Accept", "text/html")], "");
    assert!(page.status == 404 && page.header("content-type").unwrap().starts_with("text/html"));
}

#[test]
fn b29_a_share_shows_one_session_without_secrets_until_it_is_taken_back() {
    let model = Server::start(vec![Reply::Text("mail mira@example.org about it")]);
    let world = World::with_model(model).repository(&[("a.txt", "one\n")]);
    let _ = world.run("ace", &["run", "who is asked"]).done();
    let id = world.sessions().remove(0);
    let other = written(&world);
    let serving = Serving::start(&world, &[]);
    let made = serving.post(&format!("/api/v1/sessions/{id}/shares"), "{\"expires_in\":600}").ok();
    let token = made["url"].as_str().unwrap().split_once("#share=").unwrap().1.to_owned();
    let bearer = format!("Bearer {token}");
    let shared = |method: &str, path: &str| {
        serving.ask(method, path, &[("Authorization", &bearer), ("Content-Type", "application/json")], "")
    };
    assert_eq!(shared("GET", "/api/v1/me").ok()["scope"], "share");
    let events = shared("GET", &format!("/api/v1/sessions/{id}/events"));
    assert_eq!(events.ok()["head"], world.log(&id).len());
    let text = events.text() + &shared("GET", &format!("/api/v1/sessions/{id}")).text();
    let root = world.path("").display().to_string();
    assert!(
        !text.contains("mira@example.org") && text.contains("email") && !text.contains(root.trim_end_matches('/')),
        "{text}"
    );
    for (method, path) in [
        ("GET", "/api/v1/sessions".to_owned()),
        ("GET", format!("/api/v1/sessions/{other}/events")),
        ("GET", format!("/api/v1/sessions/{other}")),
        ("POST", format!("/api/v1/sessions/{id}/shares")),
        ("DELETE", format!("/api/v1/shares/{}", made["share"].as_str().unwrap())),
        ("GET", "/api/v1/shares".to_owned()),
    ] {
        let answer = shared(method, &path);
        let unknown = serving.get("/api/v1/sessions/0000000000000000");
        assert_eq!((answer.status, answer.body), (404, unknown.body), "{method} {path}");
    }
    serving
        .ask("GET", &format!("/api/v1/sessions/{id}"), &[("Authorization", "Bearer share_guessed")], "")
        .is_problem(404, "no");
    let wanted = format!("{{\"session\":\"{id}\"}}");
    let json = ("Content-Type", "application/json");
    let ticket = serving.ask("POST", "/api/v1/tickets", &[("Authorization", &bearer), json], &wanted).ok();
    let mut socket = serving.socket(&format!("/api/v1/sessions/{id}/stream"), ticket["ticket"].as_str().unwrap());
    let seen = socket.frame("events").to_string();
    assert!(!seen.contains("mira@example.org"));
    socket.frame("live");
    let began = std::time::Instant::now();
    assert_eq!(serving.delete(&format!("/api/v1/shares/{}", made["share"].as_str().unwrap())).status, 204);
    assert_eq!(socket.end(), Frame::Close(4403));
    assert!(began.elapsed() < std::time::Duration::from_secs(10));
    serving.ask("GET", &format!("/api/v1/sessions/{id}"), &[("Authorization", &bearer)], "").is_problem(404, "no");
}

#[test]
fn b22_a_viewer_that_says_too_much_is_shown_out() {
    let (_world, id, serving) = served();
    let mut huge = serving.stream(&id, "");
    huge.frame("live");
    // The head of a frame of a gibibyte.
    huge.raw(&[0x81, 0xff, 0, 0, 0, 0, 0x40, 0, 0, 0, 0, 0, 0, 0]).unwrap();
    assert_eq!(huge.end(), Frame::Close(1009));
    let mut many = serving.stream(&id, "");
    many.frame("live");
    for _ in 0..2_000 {
        if many.send(9, b"").is_err() {
            break;
        }
    }
    assert!(matches!(many.end(), Frame::Close(1008) | Frame::End));
    assert_eq!(serving.get("/api/v1/me").status, 200);
}

#[test]
fn b23_who_never_finishes_to_ask_holds_up_nobody() {
    use std::io::Write;
    let (_world, _, serving) = served();
    let mut slow: Vec<_> = (0..200).map(|_| std::net::TcpStream::connect(serving.address).unwrap()).collect();
    for stream in &mut slow {
        stream.write_all(b"GET / HTTP/1.1\r\nHost: x").unwrap();
    }
    let began = std::time::Instant::now();
    assert_eq!(serving.ask("GET", "/health", &[], "").status, 200);
    assert!(began.elapsed() < std::time::Duration::from_secs(5));
    let huge = format!("GET / HTTP/1.1\r\nHost: {}\r\nX: {}\r\n\r\n", serving.address, "y".repeat(1 << 20));
    assert!([0, 400, 431].contains(&serving.raw(huge.as_bytes()).status));
}

#[test]
fn what_is_recorded_reaches_every_viewer_once_and_in_order_whoever_records_it() {
    let world = World::new();
    let id = written(&world);
    let serving = Serving::start(&world, &[]);
    let mut socket = serving.stream(&id, "");
    assert_eq!(socket.json()["head"], 2);
    socket.frame("live");
    say(&world, &id, 5);
    let mut seen = Vec::new();
    while seen.len() < 5 {
        let frame = socket.frame("events");
        seen.extend(frame["events"].as_array().unwrap().iter().map(|e| e["seq"].as_u64().unwrap()));
    }
    assert_eq!(seen, [3, 4, 5, 6, 7]);
    let mut late = serving.stream(&id, "after=4");
    assert_eq!(late.until("user.message"), [5]);
    let log = world.log(&id);
    let mut sure = serving.stream(&id, &format!("after=4&id={}", log[3]["id"].as_str().unwrap()));
    assert_eq!(sure.until("user.message"), [5]);
    for (query, reason) in [("after=99", "ahead"), ("after=4&id=other-1", "rewritten")] {
        let mut lost = serving.stream(&id, query);
        assert_eq!(lost.frame("lost")["reason"], reason);
        assert_eq!(lost.end(), Frame::Close(4409));
    }
    let mut list = serving.socket("/api/v1/stream", &serving.ticket("{\"list\":true}"));
    let all = list.frame("cards");
    assert_eq!((&all["complete"], all["cards"][0]["head"].as_u64()), (&Value::Bool(true), Some(7)));
    say(&world, &id, 1);
    assert_eq!(list.frame("cards")["cards"][0]["head"], 8);
    let _ = world.run("ace-session", &["rm", "--force", &id]).done();
    assert_eq!(list.frame("cards")["removed"][0], *id);
    assert_eq!(socket.end(), Frame::Close(4404));
}

#[test]
fn b21_a_viewer_that_does_not_read_is_dropped_and_slows_nobody() {
    let world = World::new();
    let id = written(&world);
    let serving = Serving::start(&world, &[]);
    let mut idle = serving.stream(&id, "");
    idle.frame("live");
    let mut quick = serving.stream(&id, "");
    quick.frame("live");
    // Much more than sockets hold on the way.
    let text = "x".repeat(20_000);
    let script = format!(
        "for i in $(seq 40); do for j in 1 2 3 4 5 6 7 8; do echo {text} | ace-session say {id} & done; wait; done"
    );
    let writing = world.shell(&script).spawn().unwrap();
    let mut seen: Vec<u64> = Vec::new();
    while seen.len() < 320 {
        let frame = quick.frame("events");
        seen.extend(frame["events"].as_array().unwrap().iter().map(|e| e["seq"].as_u64().unwrap()));
    }
    let _ = crate::suite::finish(writing, None).done();
    assert_eq!(seen, (3..323).collect::<Vec<_>>(), "who reads gets all of it");
    // It may have fitted on the way; then it was not slow. If not, it goes on where it was dropped.
    let mut had: Vec<u64> = Vec::new();
    let resume = loop {
        match idle.next() {
            Frame::Text(text) => {
                let frame: Value = serde_json::from_str(&text).unwrap();
                had.extend(frame["events"].as_array().into_iter().flatten().map(|e| e["seq"].as_u64().unwrap()));
                if frame["frame"] == "lost" {
                    break frame["resume"].as_u64().unwrap();
                }
            }
            Frame::Bytes(_) => {}
            Frame::Close(_) | Frame::End => break had.last().copied().unwrap_or(2),
        }
        if had.last() == Some(&322) {
            break 322;
        }
    };
    if resume < 322 {
        let mut again = serving.stream(&id, &format!("after={resume}"));
        while had.last() != Some(&322) {
            let frame = again.frame("events");
            had.extend(frame["events"].as_array().unwrap().iter().map(|e| e["seq"].as_u64().unwrap()));
        }
    }
    assert_eq!(had, (3..323).collect::<Vec<_>>());
}

#[test]
fn the_server_is_killed_while_a_session_is_written_and_viewers_lose_and_repeat_nothing() {
    let kills: usize = std::env::var("ACE_TEST_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(10);
    let world = World::new();
    let id = written(&world);
    let mut serving = Serving::start(&world, &[]);
    let script = format!("while ! [ -e stop ]; do ace-session say {id} more; done");
    let writing = world.shell(&script).spawn().unwrap();
    let mut seen: Vec<u64> = vec![];
    for _ in 0..kills {
        let mut socket = serving.stream(&id, &format!("after={}", seen.last().copied().unwrap_or(0)));
        let wanted = seen.len() + 3;
        while seen.len() < wanted {
            let frame = socket.frame("events");
            seen.extend(frame["events"].as_array().unwrap().iter().map(|e| e["seq"].as_u64().unwrap()));
        }
        serving = serving.again(&world);
    }
    std::fs::write(world.project().join("stop"), "").unwrap();
    let _ = crate::suite::finish(writing, None).done();
    let mut socket = serving.stream(&id, &format!("after={}", seen.last().unwrap()));
    let last = world.log(&id).len() as u64;
    while seen.last() != Some(&last) {
        let frame = socket.frame("events");
        seen.extend(frame["events"].as_array().unwrap().iter().map(|e| e["seq"].as_u64().unwrap()));
    }
    assert_eq!(seen, (1..=last).collect::<Vec<_>>(), "every record once");
    eventually("the log is whole", || world.run("ace-log", &["verify", &id]).code == Some(0));
}

#[test]
fn a_unix_socket_serves_its_owner() {
    let world = World::new();
    written(&world);
    let path = world.path("ace.sock");
    let mut child = world.command("ace-serve", &["--unix", path.to_str().unwrap()]).spawn().unwrap();
    eventually("it listens", || path.exists());
    let script = "curl -s --unix-socket \"$0\" -H \"Authorization: Bearer $(cat \"$ACE_HOME/serve/token\")\" http://ace/api/v1/sessions";
    let script = script.replace("$0", path.to_str().unwrap());
    let text = world.sh(&script).stdout;
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(text.contains("\"total\":1"), "{text}");
    use std::os::unix::fs::PermissionsExt;
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
}
