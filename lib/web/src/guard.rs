//! The one door that every request passes: by what name it came, from which page, who asks, and whether they may. A route without a
//! right does not exist, so that nothing is open by oversight.

use axum::extract::{RawPathParams, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::access::{Grant, SHARE};
use crate::app::{App, Peer, Who};
use crate::origin::From;
use crate::problem::{Code, Problem};

/// Who may use a route. For a session that the grant does not reach the answer is that of one that is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// Everybody: it says nothing about anybody.
    Public,
    /// Whoever has a ticket for it, shown in the protocol; pages of our own only.
    Ticket,
    /// Whoever has any grant.
    Any,
    /// Whoever may look at the session in the path.
    Look,
    /// The owner.
    Owner,
}

impl Right {
    /// As the description of the API names it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Ticket => "ticket",
            Self::Any => "any",
            Self::Look => "look",
            Self::Owner => "owner",
        }
    }
}

/// The header that says a request was made by a script of our own page: no form and no picture can send it.
pub const OWN_HEADER: &str = "x-ace";

/// Lets a request through that has the right, with [`Who`] it is from.
pub async fn guard(
    State((app, right)): State<(App, Right)>,
    params: RawPathParams,
    mut request: Request,
    next: Next,
) -> Response {
    let session = params.iter().find(|(name, _)| *name == "id").map(|(_, id)| id.to_owned());
    let peer = request.extensions().get::<Peer>().copied().unwrap_or(Peer { address: None, tls: false });
    match admit(&app, right, peer, session.as_deref(), &request) {
        Ok(who) => {
            if let Some(who) = who {
                request.extensions_mut().insert(who);
            }
            sealed(next.run(request).await)
        }
        Err(problem) => sealed(problem.into_response()),
    }
}

/// Whether the request may pass, and whose it is.
fn admit(
    app: &App,
    right: Right,
    peer: Peer,
    session: Option<&str>,
    request: &Request,
) -> Result<Option<Who>, Problem> {
    let headers = request.headers();
    let origins = &app.options.origins;
    let Some(from) = origins.from(peer, headers) else {
        return Err(Problem::usage("this server is not known by that name").status(421));
    };
    if right == Right::Public {
        return Ok(None);
    }
    if headers.get(header::CONTENT_ENCODING).is_some_and(|v| v != "identity") {
        return Err(Problem::new(Code::Limit, "compressed requests are not taken").status(413));
    }
    if names_secret(request.uri().query().unwrap_or_default()) {
        return Err(Problem::who().hint("a token stands in the header Authorization, never in an address"));
    }
    let origin = headers.get(header::ORIGIN).map(|v| v.to_str().unwrap_or("null"));
    if origin.is_some_and(|origin| !origins.is_own(origin, &from)) {
        return Err(Problem::forbidden("another page may not do that"));
    }
    let who = |grant| Who { grant, origin: from.origin.clone() };
    if right == Right::Ticket {
        // Browsers always say from which page a socket is opened; whoever does not is none and has to.
        return match origin {
            Some(_) => Ok(Some(who(Grant::owner()))),
            None => Err(Problem::forbidden("a socket says from which page it is opened")),
        };
    }
    let grant = identify(app, headers, request.method(), origin, &from)?;
    let may = match right {
        Right::Owner => grant.is_owner(),
        Right::Look => session.is_some_and(|session| grant.reaches(session)),
        Right::Public | Right::Ticket | Right::Any => true,
    };
    if !may {
        return Err(Problem::unknown());
    }
    Ok(Some(who(grant)))
}

/// Whose request it is: by a bearer's token, or by the cookie of a login where the page is our own.
fn identify(
    app: &App,
    headers: &HeaderMap,
    method: &Method,
    origin: Option<&str>,
    from: &From,
) -> Result<Grant, Problem> {
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        let token = value.to_str().ok().and_then(|v| v.strip_prefix("Bearer "));
        if let Some(grant) = token.and_then(|token| app.access.bearer(token.trim())) {
            return Ok(grant);
        }
        // A link to one session that was guessed, has ended or was taken back is like one that never was.
        let shared = token.is_some_and(|token| token.trim().starts_with(SHARE));
        return Err(refused(app, from, shared));
    }
    let site = headers.get("sec-fetch-site").map(|v| v.as_bytes());
    let foreign = site.is_some_and(|site| site != b"same-origin" && site != b"none");
    let Some(grant) = cookies(headers, from).find_map(|value| app.access.cookie(value)) else {
        // Who shows nothing has guessed nothing.
        return Err(if headers.contains_key(header::COOKIE) { refused(app, from, false) } else { Problem::who() });
    };
    if foreign {
        return Err(Problem::forbidden("another page may not do that"));
    }
    let safe = matches!(*method, Method::GET | Method::HEAD);
    if !safe && (origin.is_none() || !headers.contains_key(OWN_HEADER)) {
        return Err(
            Problem::forbidden("who comes with a cookie has to say from which page").hint("send Origin and X-Ace: 1")
        );
    }
    Ok(grant)
}

/// A wrong token, a missing one, one that has ended: the same words, and none at all for a while where there were too many.
fn refused(app: &App, from: &From, shared: bool) -> Problem {
    match app.access.failed(from.address) {
        true => Problem::new(Code::Limit, "too many attempts").hint("wait a minute"),
        false if shared => Problem::unknown(),
        false => Problem::who(),
    }
}

/// Whether a query holds what must never stand in an address, which is kept in histories and logs.
fn names_secret(query: &str) -> bool {
    let secret =
        |name: &str| matches!(name, "token" | "access_token" | "share" | "authorization" | "bearer" | "ticket");
    query.split('&').any(|pair| secret(&pair.split('=').next().unwrap_or_default().to_ascii_lowercase()))
}

/// The names of the cookie under that origin. Cookies do not know ports, so the port stands in the name. Browsers take the first
/// kind over TLS and, as all but Safari do, on loopback; the second is for the rest of loopback.
#[must_use]
pub fn cookie_names(origin: &str) -> (String, String) {
    let port = origin.rsplit(':').next().filter(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit()));
    let port = port.unwrap_or(if origin.starts_with("https:") { "443" } else { "80" });
    (format!("__Host-ace-{port}"), format!("ace-{port}"))
}

fn cookies<'h>(headers: &'h HeaderMap, from: &From) -> impl Iterator<Item = &'h str> {
    let (host, plain) = cookie_names(&from.origin);
    let secure = from.origin.starts_with("https:");
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|v| v.to_str().ok())
        .flat_map(|v| v.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(move |(name, _)| *name == host || (!secure && *name == plain))
        .map(|(_, value)| value)
}

/// What every answer says, unless it has said otherwise.
fn sealed(mut response: Response) -> Response {
    let headers = response.headers_mut();
    let mut say = |name: HeaderName, value: &'static str| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    say(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    say(header::REFERRER_POLICY, "no-referrer");
    say(header::X_FRAME_OPTIONS, "DENY");
    say(header::CACHE_CONTROL, "no-store");
    say(header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'; sandbox");
    say(HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    say(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b20_secrets_in_addresses_are_known_by_their_names() {
        for query in ["token=x", "a=1&TOKEN=x", "access_token=", "share=x", "ticket=1"] {
            assert!(names_secret(query), "{query}");
        }
        for query in ["", "from=1", "q=token", "tokens=3"] {
            assert!(!names_secret(query), "{query}");
        }
    }

    #[test]
    fn cookies_are_found_by_port_and_the_plain_one_never_over_tls() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, "a=1; __Host-ace-4000=x; ace-4000=y; __Host-ace-4001=z".parse().unwrap());
        let at = |origin: &str| {
            let from = From { address: None, origin: origin.to_owned() };
            cookies(&headers, &from).map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(at("http://127.0.0.1:4000"), ["x", "y"]);
        assert_eq!(at("https://ace.test:4000"), ["x"]);
        assert!(at("https://ace.test").is_empty());
    }
}
