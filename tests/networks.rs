//! The way to a provider as machines have it: proxies, exceptions from them, and certificates that only this machine knows.

use crate::pages::there;
use crate::server::{Reply, Server};
use crate::suite::World;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

/// A world whose provider has a name that nobody can look up.
fn elsewhere(scheme: &str) -> World {
    let world = World::new().repository(&[]);
    world.config(&format!(
        "model = \"far/m\"\n[providers.far]\nwire = \"openai-chat\"\nbase_url = \"{scheme}://models.invalid/v1\"\napi_key_env = \"TEST_KEY\"\n"
    ));
    world
}

#[test]
fn a_proxy_of_the_environment_is_asked_and_its_exceptions_are_kept() {
    let proxy = Server::start(vec![Reply::Text("Through the proxy.")]);
    let mut world = elsewhere("http");
    world.env = vec![("http_proxy", format!("http://{}", proxy.address))];
    assert_eq!(world.run("ace", &["run", "go"]).done().stdout, "Through the proxy.\n");
    assert!(proxy.heads()[0].starts_with("POST http://models.invalid/v1/chat/completions "), "{}", proxy.heads()[0]);
    world.env.push(("no_proxy", "models.invalid".to_owned()));
    let _ = world.run("ace", &["run", "again"]).fails(69, &["cannot reach 'far' at models.invalid:80"]);
    assert_eq!(proxy.heads().len(), 1, "the exception is kept");
}

#[test]
fn a_proxy_that_is_not_there_is_a_provider_out_of_reach() {
    let mut world = elsewhere("https");
    world.env = vec![("HTTPS_PROXY", "http://127.0.0.1:1".to_owned())];
    let _ = world.run("ace", &["run", "go"]).fails(69, &["cannot reach 'far' at models.invalid:443"]);
}

/// A server over TLS with a certificate of its own, which answers everything with one event stream.
const TLS: &str = r#"
import http.server, ssl, sys
class Answer(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        body = b'data: {"choices":[{"index":0,"delta":{"content":"Trusted."},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *words):
        pass
server = http.server.HTTPServer(("127.0.0.1", 0), Answer)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_port, flush=True)
server.serve_forever()
"#;

#[test]
fn a_certificate_of_ones_own_is_trusted_where_the_environment_names_it_and_nowhere_else() {
    if !there("openssl", "certificates of one's own") || !there("python3", "certificates of one's own") {
        return;
    }
    let mut world = World::new().repository(&[]);
    let path = |name: &str| world.path(name).display().to_string();
    let (key, certificate, authority) = (path("key.pem"), path("own.pem"), path("authority.pem"));
    let request = |more: &[&str]| {
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"])
            .args(more)
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    };
    let authority_key = path("authority.key");
    request(&["-subj", "/CN=An authority of ones own", "-keyout", &authority_key, "-out", &authority]);
    request(&[
        "-CA",
        &authority,
        "-CAkey",
        &authority_key,
        "-subj",
        "/CN=localhost",
        "-addext",
        "basicConstraints=critical,CA:FALSE",
        "-addext",
        "subjectAltName=DNS:localhost",
        "-keyout",
        &key,
        "-out",
        &certificate,
    ]);
    let mut server = Command::new("python3")
        .args(["-c", TLS])
        .args([&certificate, &key])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut port = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut port).unwrap();
    world.config(&format!(
        "model = \"own/m\"\n[providers.own]\nwire = \"openai-chat\"\nbase_url = \"https://localhost:{}/v1\"\napi_key_env = \"TEST_KEY\"\n",
        port.trim()
    ));
    let stranger = world.run("ace", &["run", "go"]);
    world.env = vec![("SSL_CERT_FILE", authority.clone())];
    let known = world.run("ace", &["run", "go on"]);
    server.kill().unwrap();
    server.wait().unwrap();
    let _ = stranger.fails(69, &["cannot trust 'own' at localhost:"]);
    assert_eq!(known.done().stdout, "Trusted.\n");
}
