//! The way out of a sandbox whose tools may reach some hosts: an HTTP proxy that asks for every connection whether its host is
//! among them, resolves it once, and connects to just the address it has looked at. It reads nothing of what goes through a tunnel.
//!
//! Invariant: no byte leaves before the host was found among the allowed and its address among the public ones.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use ace_schema::limits;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONNECTION, HOST, HeaderName, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER, UPGRADE};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use crate::address::{Hosts, is_public};

/// Which hosts may be reached.
#[derive(Debug, Clone, Default)]
pub struct Egress {
    listed: Vec<String>,
    private: Hosts,
}

/// Why a host is not reached. The words are for people and for the model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Closed {
    /// It is not among the allowed ones.
    #[error("not among the allowed hosts")]
    Unlisted,
    /// It is not of the public net.
    #[error("at {0}, which is not of the public net")]
    Private(IpAddr),
    /// It is no host.
    #[error("not a host")]
    NoHost,
    /// It cannot be found or reached.
    #[error("{0}")]
    Unreachable(String),
}

impl Egress {
    /// A way to these hosts: `example.org`, `*.example.org` for all below it, `example.org:8443` for one port; to all public ones if
    /// there is none. A private address is reached only if just this host is among them.
    #[must_use]
    pub fn new(hosts: &[String]) -> Self {
        let listed = hosts.iter().map(|host| host.trim_end_matches('.').to_ascii_lowercase()).collect();
        let single = hosts.iter().filter(|host| !host.starts_with("*.")).cloned();
        Self { listed, private: Hosts::new(single) }
    }

    /// Whether this host may be reached, as far as its name tells.
    fn lists(&self, host: &str, port: u16) -> bool {
        let is = |listed: &String| {
            let (name, of) = match listed.rsplit_once(':') {
                Some((name, of)) if of.parse::<u16>().is_ok() && !name.ends_with(':') => (name, Some(of)),
                _ => (listed.as_str(), None),
            };
            let fits = match name.strip_prefix("*.") {
                Some(above) => host.strip_suffix(above).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.')),
                None => host == name.trim_matches(['[', ']']),
            };
            fits && of.is_none_or(|of| of == port.to_string())
        };
        self.listed.is_empty() || self.listed.iter().any(is)
    }

    /// The addresses of a host that may be reached.
    ///
    /// # Errors
    /// See [`Closed`].
    pub async fn judge(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, Closed> {
        let host = plain(host, port).ok_or(Closed::NoHost)?;
        if !self.lists(&host, port) {
            return Err(Closed::Unlisted);
        }
        let known = self.private.hold(&host, port);
        let found: Vec<SocketAddr> = match host.parse::<IpAddr>() {
            Ok(address) => vec![SocketAddr::new(address, port)],
            Err(_) => {
                let found = tokio::net::lookup_host((host.as_str(), port)).await;
                found.map_err(|e| Closed::Unreachable(e.to_string().to_lowercase()))?.collect()
            }
        };
        // One private address among public ones is how a name is turned against its reader.
        match found.iter().find(|found| !is_public(found.ip())) {
            Some(closed) if !known => Err(Closed::Private(closed.ip())),
            _ => Ok(found),
        }
    }
}

/// A host as every parser reads it: small letters, an address in its usual form, no dot at the end.
fn plain(host: &str, port: u16) -> Option<String> {
    let host = if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host.to_owned() };
    let url = reqwest::Url::parse(&format!("http://{host}:{port}/")).ok()?;
    let is_bare = url.username().is_empty() && url.password().is_none() && url.path() == "/" && url.query().is_none();
    let host = url.host_str().filter(|_| is_bare)?.trim_end_matches('.').trim_matches(['[', ']']).to_owned();
    (!host.is_empty()).then_some(host)
}

/// What became of a connection that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    /// Host and port, as asked for.
    pub host: String,
    /// Why it was not reached.
    pub closed: Option<Closed>,
}

type Body = BoxBody<Bytes, hyper::Error>;
type Tell = Arc<dyn Fn(&Contact) + Send + Sync>;

struct Gate {
    egress: Egress,
    tell: Tell,
}

/// Serves everyone who connects to `listener`, for as long as it lives. `tell` hears of every contact before whoever asked for it does.
pub async fn serve(listener: TcpListener, egress: Egress, tell: impl Fn(&Contact) + Send + Sync + 'static) {
    let gate = Arc::new(Gate { egress, tell: Arc::new(tell) });
    let places = Arc::new(Semaphore::new(limits::PROXY_CONNECTIONS));
    loop {
        let Ok(place) = places.clone().acquire_owned().await else { return };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(_) => {
                // No descriptors are left, for the moment.
                tokio::time::sleep(Duration::from_millis(20)).await;
                continue;
            }
        };
        let gate = gate.clone();
        tokio::spawn(async move {
            let place = Arc::new(place);
            let held = place.clone();
            let service = service_fn(move |request| answer(gate.clone(), request, held.clone()));
            let connection = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            // Whoever hangs up in between needs no answer.
            let _ = connection.with_upgrades().await;
            drop(place);
        });
    }
}

/// One request: a tunnel, or a page over plain HTTP. `place` is held as long as a tunnel lasts.
async fn answer<P: Send + Sync + 'static>(
    gate: Arc<Gate>,
    request: Request<Incoming>,
    place: Arc<P>,
) -> Result<Response<Body>, Infallible> {
    let is_tunnel = request.method() == Method::CONNECT;
    let uri = request.uri();
    let host = uri.host().map(str::to_owned);
    let port = uri.port_u16().or((!is_tunnel).then_some(80));
    let is_plain = is_tunnel || uri.scheme_str() == Some("http");
    let (Some(host), Some(port), true) = (host, port, is_plain) else {
        return Ok(said(StatusCode::BAD_REQUEST, "this is a proxy: CONNECT host:port, or a whole http:// address\n"));
    };
    let name = format!("{host}:{port}");
    match connect(&gate.egress, &host, port).await {
        Ok(stream) => {
            (gate.tell)(&Contact { host: name, closed: None });
            if is_tunnel { Ok(tunnel(request, stream, place)) } else { Ok(pass(request, stream).await) }
        }
        Err(closed) => {
            let is_refused = !matches!(closed, Closed::Unreachable(_));
            let text = format!("{name} is not reached: {closed}\n");
            (gate.tell)(&Contact { host: name, closed: Some(closed) });
            Ok(said(if is_refused { StatusCode::FORBIDDEN } else { StatusCode::BAD_GATEWAY }, &text))
        }
    }
}

/// A connection to one of the very addresses that were looked at.
async fn connect(egress: &Egress, host: &str, port: u16) -> Result<TcpStream, Closed> {
    let patience = Duration::from_millis(limits::CONNECT_MS);
    let mut why = Closed::Unreachable("no address".to_owned());
    for address in egress.judge(host, port).await? {
        why = match tokio::time::timeout(patience, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(e)) => Closed::Unreachable(e.to_string().to_lowercase()),
            Err(_) => Closed::Unreachable(format!("no answer within {} s", limits::CONNECT_MS / 1000)),
        };
    }
    Err(why)
}

fn tunnel<P: Send + Sync + 'static>(
    request: Request<Incoming>,
    mut stream: TcpStream,
    place: Arc<P>,
) -> Response<Body> {
    tokio::spawn(async move {
        if let Ok(asked) = hyper::upgrade::on(request).await {
            // Either end may hang up at any time.
            let _ = tokio::io::copy_bidirectional(&mut TokioIo::new(asked), &mut stream).await;
        }
        drop(place);
    });
    Response::new(empty())
}

/// Headers that are for the proxy and not for the host (RFC 9110, 7.6.1).
const HOPS: [HeaderName; 6] = [CONNECTION, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER, UPGRADE];

async fn pass(mut request: Request<Incoming>, stream: TcpStream) -> Response<Body> {
    let bad = |e: hyper::Error| said(StatusCode::BAD_GATEWAY, &format!("{e}\n"));
    let (mut sender, connection) = match hyper::client::conn::http1::handshake(TokioIo::new(stream)).await {
        Ok(both) => both,
        Err(e) => return bad(e),
    };
    tokio::spawn(async move {
        // What goes wrong shows in the answer.
        let _ = connection.await;
    });
    let authority = request.uri().authority().map(|a| a.as_str().rsplit('@').next().unwrap_or_default().to_owned());
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let named = authority.and_then(|a| a.parse().ok());
    let (Some(host), Ok(path)) = (named, path.parse::<Uri>()) else {
        return said(StatusCode::BAD_REQUEST, "not an address\n");
    };
    for name in
        HOPS.into_iter().chain([HeaderName::from_static("proxy-connection"), HeaderName::from_static("keep-alive")])
    {
        request.headers_mut().remove(name);
    }
    // What the host is called was judged; what the request calls it was not.
    request.headers_mut().insert(HOST, host);
    *request.uri_mut() = path;
    match sender.send_request(request).await {
        Ok(answer) => answer.map(BodyExt::boxed),
        Err(e) => bad(e),
    }
}

fn empty() -> Body {
    http_body_util::Empty::new().map_err(|never| match never {}).boxed()
}

fn said(status: StatusCode, text: &str) -> Response<Body> {
    let body = Full::new(Bytes::from(text.to_owned())).map_err(|never| match never {}).boxed();
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(hosts: &[&str], host: &str, port: u16) -> Result<Vec<SocketAddr>, Closed> {
        let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(Egress::new(&hosts).judge(host, port))
    }

    #[test]
    fn p41_only_listed_hosts_are_reached_and_names_are_whole() {
        let hosts = ["8.8.8.8", "*.example.org", "9.9.9.9:443"];
        assert!(judged(&hosts, "8.8.8.8", 1).is_ok() && judged(&hosts, "9.9.9.9", 443).is_ok());
        for (host, port) in [
            ("9.9.9.9", 80),
            ("1.1.1.1", 443),
            ("example.org", 443),
            ("evilexample.org", 443),
            ("x.example.org.evil", 443),
        ] {
            assert_eq!(judged(&hosts, host, port), Err(Closed::Unlisted), "{host}");
        }
        let egress = Egress::new(&hosts.map(str::to_owned));
        assert!(egress.lists("a.example.org", 443) && egress.lists("a.b.example.org", 80));
    }

    #[test]
    fn p41_hosts_in_disguise_are_what_they_are() {
        for host in
            ["127.1", "0x7f.1", "2130706433", "0177.0.0.1", "[::1]", "::1", "::ffff:10.0.0.1", "169.254.169.254"]
        {
            assert!(matches!(judged(&[], host, 80), Err(Closed::Private(_))), "{host}");
        }
        for host in ["a@b", "a/b", "a b", "evil\0.example.org", "a?b", "a#b", "", "[", "a\\b"] {
            let said = judged(&["*.example.org"], host, 80);
            assert!(matches!(said, Err(Closed::NoHost | Closed::Unlisted)), "{host:?} {said:?}");
        }
        assert_eq!(plain("EXAMPLE.org.", 80).as_deref(), Some("example.org"));
    }

    #[test]
    fn p41_a_private_host_is_reached_only_by_its_own_name() {
        assert!(judged(&["127.0.0.1:80"], "127.0.0.1", 80).is_ok());
        assert!(judged(&["localhost"], "localhost", 80).is_ok());
        assert!(matches!(
            judged(&["*.localhost"], "x.localhost", 80),
            Err(Closed::Private(_) | Closed::Unreachable(_))
        ));
        assert_eq!(judged(&["127.0.0.1:80"], "127.0.0.1", 81), Err(Closed::Unlisted));
    }
}
