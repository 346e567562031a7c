//! Under TLS: of its own, and behind nginx as ace-proxy(7) has it; and where the proxy is none of those that are believed.

use super::client::Serving;
use super::served;
use crate::suite::{World, eventually};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// Whether a program is there; in CI it has to be.
fn has(program: &str) -> bool {
    let script = format!("PATH=$PATH:/usr/sbin command -v {program}");
    let found = Command::new("sh").args(["-c", &script]).stdout(Stdio::null()).status();
    if !found.is_ok_and(|status| status.success()) {
        println!("SKIPPED proxy: no {program} here");
        assert!(std::env::var_os("CI").is_none(), "SKIPPED proxy: no {program} here: CI can do better");
        return false;
    }
    true
}

/// A certificate for the names of the tests, and its key.
fn certificate(world: &World) -> (PathBuf, PathBuf) {
    let (cert, key) = (world.path("cert.pem"), world.path("key.pem"));
    let made = world.sh(&format!(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=ace.example.org \
         -addext subjectAltName=DNS:ace.example.org,DNS:localhost,IP:127.0.0.1 -keyout {} -out {} 2>&1",
        key.display(),
        cert.display()
    ));
    assert!(cert.is_file(), "{made:?}");
    (cert, key)
}

/// What curl prints, with the certificate that a client here believes.
fn curl(world: &World, address: &str, rest: &str) -> String {
    let cert = world.path("cert.pem");
    let port = address.rsplit(':').next().unwrap();
    world
        .sh(&format!(
            "curl -s --http1.1 --max-time 60 --cacert {} --resolve ace.example.org:{port}:127.0.0.1 {rest}",
            cert.display()
        ))
        .stdout
}

#[test]
fn tls_of_its_own_opens_a_network_address() {
    if !has("openssl") || !has("curl") {
        return;
    }
    let (world, id, serving) = served();
    drop(serving);
    let (cert, key) = certificate(&world);
    let keys = ["--tls-cert", cert.to_str().unwrap(), "--tls-key", key.to_str().unwrap()];
    let serving = Serving::start(&world, &keys);
    let (bearer, at) = (serving.bearer(), serving.address.to_string());
    let me = curl(&world, &at, &format!("-H 'Authorization: {bearer}' https://{at}/api/v1/me"));
    assert!(me.contains("\"scope\":\"owner\""), "{me}");
    let login =
        curl(&world, &at, &format!("-X POST -D - -o /dev/null -H 'Authorization: {bearer}' https://{at}/api/v1/login"));
    let cookies: Vec<&str> = login.lines().filter(|l| l.to_ascii_lowercase().starts_with("set-cookie:")).collect();
    assert!(cookies.len() == 1 && cookies[0].contains("__Host-ace-") && cookies[0].contains("; Secure"), "{login}");
    let events = curl(&world, &at, &format!("-H 'Authorization: {bearer}' https://{at}/api/v1/sessions/{id}/events"));
    assert!(events.contains("session.created"), "{events}");
    // Without TLS there is no answer, and with it any address may be listened on.
    assert_eq!(serving.ask("GET", "/health", &[], "").status, 0);
    drop(serving);
    let public = Serving::start(&world, &[&keys[..], &["--listen", "0.0.0.0:0"]].concat());
    let at = format!("127.0.0.1:{}", public.address.port());
    assert!(curl(&world, &at, &format!("https://{at}/health")).contains("\"ok\""));
}

/// nginx at work; it ends with this.
struct Nginx(Child);

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        let _ = self.0.wait();
    }
}

/// The example of the page, with this test's names in place of its own.
fn nginx(world: &World, port: u16, behind: SocketAddr) -> Nginx {
    let page = std::fs::read_to_string(crate::generated::root("man/ace-proxy.7")).unwrap();
    let example = page.split(".EX\n").find(|part| part.contains("proxy_pass")).unwrap();
    let example = example.split(".EE").next().unwrap().replace("\\-", "-").replace("\\(aq", "'");
    let (cert, key) = (world.path("cert.pem"), world.path("key.pem"));
    let server = example
        .replace("listen 443 ssl", &format!("listen 127.0.0.1:{port} ssl"))
        .replace("/etc/ssl/ace.pem", cert.to_str().unwrap())
        .replace("/etc/ssl/ace.key", key.to_str().unwrap())
        .replace("127.0.0.1:4000", &behind.to_string());
    let folder = world.path("nginx");
    std::fs::create_dir_all(&folder).unwrap();
    let place = folder.display();
    let paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let paths: String = paths.iter().map(|name| format!("{name}_temp_path {place}/{name};\n")).collect();
    let user = if rustix::process::geteuid().is_root() { "user root;\n" } else { "" };
    let text =
        format!("{user}daemon off;\npid {place}/pid;\nevents {{}}\nhttp {{\naccess_log off;\n{paths}{server}\n}}\n");
    std::fs::write(folder.join("nginx.conf"), text).unwrap();
    let mut command = Command::new("sh");
    let script = format!("PATH=$PATH:/usr/sbin exec nginx -e {place}/error.log -p {place} -c {place}/nginx.conf");
    let child = command.args(["-c", &script]).stdin(Stdio::null()).spawn().unwrap();
    let nginx = Nginx(child);
    eventually("nginx answers", || TcpStream::connect(("127.0.0.1", port)).is_ok());
    nginx
}

/// A world behind nginx: its address as clients know it.
fn proxied(believed: bool) -> (World, String, Serving, String, Nginx) {
    let (world, id, serving) = served();
    drop(serving);
    certificate(&world);
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let proxies = if believed { "trusted_proxies = [\"127.0.0.1\"]\n" } else { "" };
    world.add_config(&format!("[serve]\nhosts = [\"ace.example.org:{port}\"]\n{proxies}"));
    let serving = Serving::start(&world, &[]);
    let nginx = nginx(&world, port, serving.address);
    (world, id, serving, format!("ace.example.org:{port}"), nginx)
}

#[test]
fn b06_behind_a_proxy_that_is_believed_browsers_come_by_its_name_and_tls() {
    if !["nginx", "openssl", "curl"].into_iter().all(has) {
        return;
    }
    let (world, id, serving, at, _nginx) = proxied(true);
    let bearer = serving.bearer();
    assert!(curl(&world, &at, &format!("https://{at}/health")).contains("\"ok\""));
    let login = format!("-X POST -D - -o /dev/null -H 'Authorization: {bearer}' https://{at}/api/v1/login");
    let own = curl(&world, &at, &format!("-H 'Origin: https://{at}' {login}"));
    let cookies: Vec<&str> = own.lines().filter(|l| l.to_ascii_lowercase().starts_with("set-cookie:")).collect();
    assert!(own.contains(" 200 ") && cookies.len() == 1 && cookies[0].contains("; Secure"), "{own}");
    assert!(curl(&world, &at, &format!("-H 'Origin: https://evil.test' {login}")).contains(" 403 "));
    // Streams come through as they are said.
    let head = world.log(&id).len();
    let sse = format!(
        "-N -H 'Authorization: {bearer}' 'https://{at}/api/v1/sessions/{id}/sse?after=0' | sed -n '/^event: live/q;p' | grep -c '^id: '"
    );
    assert_eq!(curl(&world, &at, &sse).trim(), head.to_string());
    let ticket = serving.ticket(&format!("{{\"session\":\"{id}\"}}"));
    let socket = format!(
        "--max-time 3 -o /dev/null -w '%{{http_code}}' -H 'Connection: Upgrade' -H 'Upgrade: websocket' -H 'Origin: https://{at}' -H 'Sec-WebSocket-Version: 13' \
         -H 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==' -H 'Sec-WebSocket-Protocol: ace.v1, ticket.{ticket}' https://{at}/api/v1/sessions/{id}/stream"
    );
    assert_eq!(curl(&world, &at, &socket), "101");
}

#[test]
fn b06_behind_a_proxy_that_is_not_believed_nobody_comes_over_tls() {
    if !["nginx", "openssl", "curl"].into_iter().all(has) {
        return;
    }
    let (world, _, serving, at, _nginx) = proxied(false);
    let login = format!("-X POST -D - -o /dev/null -H 'Authorization: {}' https://{at}/api/v1/login", serving.bearer());
    let own = curl(&world, &at, &format!("-H 'Origin: https://{at}' {login}"));
    assert!(own.contains(" 403 "), "{own}");
    let plain = curl(&world, &at, &login);
    assert_eq!(
        plain.lines().filter(|l| l.to_ascii_lowercase().starts_with("set-cookie:")).count(),
        2,
        "still http to us: {plain}"
    );
}
