//! The request: every hop judged before it is made, the answer bounded in time and bytes.

use std::error::Error as _;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use ace_schema::limits;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION};
use reqwest::{Client, Response, Url};

use crate::address::{Guard, Hosts, is_public};
use crate::page;

const AGENT: &str = concat!("ace/", env!("CARGO_PKG_VERSION"));

/// Why there is no page. The words are for the model and for people.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Refused {
    /// Not an address that could be fetched.
    #[error("not a web address: {0}")]
    Address(String),
    /// A name or address that is not of the public net.
    #[error("{host} is at {address}, which is not of the public net")]
    Private {
        /// The host as it was asked for.
        host: String,
        /// Where it is.
        address: IpAddr,
    },
    /// More redirects than are followed.
    #[error("more than {} redirects", limits::REDIRECTS)]
    Redirects,
    /// The server says no.
    #[error("the server answers {status}{}", .title.as_ref().map(|t| format!(": {t}")).unwrap_or_default())]
    Status {
        /// The status code.
        status: u16,
        /// What the page calls itself.
        title: Option<String>,
    },
    /// Neither text nor a picture.
    #[error("a page of the type {0} cannot be shown as text")]
    Media(String),
    /// It took too long.
    #[error("no answer within {} s", limits::FETCH_MS / 1000)]
    Time,
    /// The connection failed.
    #[error("cannot fetch: {0}")]
    Network(String),
}

/// What was fetched.
#[derive(Debug, Clone)]
pub struct Page {
    /// Where it was found in the end.
    pub url: String,
    /// Its media type, without parameters.
    pub media: String,
    /// What it holds.
    pub body: Body,
    /// It was longer than is read.
    pub cut: bool,
}

/// The content of a page.
#[derive(Debug, Clone)]
pub enum Body {
    /// Text; HTML as Markdown.
    Text(String),
    /// A picture as it came.
    Image(Vec<u8>),
}

/// Fetches pages. It sends no cookie and no credential, and asks no proxy.
#[derive(Debug)]
pub struct Fetcher {
    private: Arc<Hosts>,
}

impl Fetcher {
    /// A fetcher that reaches the public net and these hosts.
    #[must_use]
    pub fn new(private: Hosts) -> Self {
        Self { private: Arc::new(private) }
    }

    /// The page at `address`, redirects followed.
    ///
    /// # Errors
    /// See [`Refused`].
    pub async fn get(&self, address: &str) -> Result<Page, Refused> {
        let patience = Duration::from_millis(limits::FETCH_MS);
        tokio::time::timeout(patience, self.follow(address)).await.map_err(|_| Refused::Time)?
    }

    async fn follow(&self, address: &str) -> Result<Page, Refused> {
        let mut url = judged(address, &self.private)?;
        for _ in 0..=limits::REDIRECTS {
            let response = self.ask(&url).await?;
            if !response.status().is_redirection() {
                return read(response).await;
            }
            let next = response.headers().get(LOCATION).and_then(|to| to.to_str().ok());
            let next = next.ok_or_else(|| Refused::Network("a redirect that leads nowhere".to_owned()))?;
            let next = url.join(next).map_err(|e| Refused::Address(e.to_string()))?;
            url = judged(next.as_str(), &self.private)?;
        }
        Err(Refused::Redirects)
    }

    async fn ask(&self, url: &Url) -> Result<Response, Refused> {
        let port = url.port_or_known_default().unwrap_or_default();
        let client = Client::builder()
            .user_agent(AGENT)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .connect_timeout(Duration::from_millis(limits::CONNECT_MS))
            .default_headers(headers())
            .dns_resolver(Arc::new(Guard { private: Arc::clone(&self.private), port }))
            .build()
            .map_err(|e| Refused::Network(cause(&e)))?;
        client.get(url.clone()).send().await.map_err(|e| refusal(&e))
    }
}

fn headers() -> HeaderMap {
    let wanted = "text/markdown, text/html;q=0.9, text/plain;q=0.9, application/json;q=0.9, */*;q=0.5";
    HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(wanted))])
}

/// The address, if it may be asked at all. What is written as a number is known here; names are known when they are resolved.
fn judged(address: &str, private: &Hosts) -> Result<Url, Refused> {
    let bad = |why: &str| Refused::Address(why.to_owned());
    if address.len() > limits::URL_BYTES {
        return Err(bad("longer than any is"));
    }
    if address.contains('\0') || address.bytes().any(|b| b.is_ascii_control()) {
        return Err(bad("it holds control characters"));
    }
    let url = Url::parse(address.trim()).map_err(|e| Refused::Address(e.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(Refused::Address(format!("{}: only http and https", url.scheme())));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(bad("it carries a user name or password"));
    }
    let host = url.host_str().ok_or_else(|| bad("it names no host"))?;
    let plain = host.trim_matches(['[', ']']);
    if let Ok(address) = plain.parse::<IpAddr>()
        && !is_public(address)
        && !private.hold(plain, url.port_or_known_default().unwrap_or_default())
    {
        return Err(Refused::Private { host: plain.to_owned(), address });
    }
    Ok(url)
}

/// The refusal behind a failed request: our own if the resolver said it.
fn refusal(error: &reqwest::Error) -> Refused {
    let mut source = error.source();
    while let Some(inner) = source {
        if let Some(refused) = inner.downcast_ref::<Refused>() {
            return refused.clone();
        }
        source = inner.source();
    }
    if error.is_timeout() { Refused::Time } else { Refused::Network(cause(error)) }
}

/// The innermost words.
fn cause(error: &reqwest::Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        words = inner.to_string();
        source = inner.source();
    }
    words.to_lowercase()
}

async fn read(mut response: Response) -> Result<Page, Refused> {
    let url = response.url().to_string();
    let status = response.status();
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default().to_owned();
    let mut bytes = Vec::new();
    let mut cut = false;
    // Counted as unpacked: a small answer may hold any amount.
    while let Some(chunk) = response.chunk().await.map_err(|e| refusal(&e))? {
        let room = limits::FETCH_BYTES - bytes.len();
        bytes.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if chunk.len() > room {
            cut = true;
            break;
        }
    }
    let media = page::media(&kind, &bytes);
    if !status.is_success() {
        let title = page::is_html(&media).then(|| page::title(&page::decoded(&bytes, &kind))).flatten();
        return Err(Refused::Status { status: status.as_u16(), title });
    }
    let body = match media.as_str() {
        "image/png" | "image/jpeg" | "image/gif" | "image/webp" if !cut => Body::Image(bytes),
        media if page::is_html(media) => Body::Text(page::markdown(page::decoded(&bytes, &kind))),
        media if page::is_text(media) => Body::Text(page::decoded(&bytes, &kind)),
        other => return Err(Refused::Media(other.to_owned())),
    };
    Ok(Page { url, media, body, cut })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f19_addresses_are_judged_before_anything_is_asked() {
        let none = Hosts::default();
        for (address, why) in [
            ("http://127.1/", "127.0.0.1"),
            ("http://0x7f.1/", "127.0.0.1"),
            ("http://2130706433/", "127.0.0.1"),
            ("http://0177.0.0.1/", "127.0.0.1"),
            ("http://[::]/", "::"),
            ("http://[::ffff:169.254.169.254]/latest/meta-data", "not of the public net"),
            ("http://169.254.169.254/", "not of the public net"),
            ("http://10.0.0.1:80/", "not of the public net"),
            ("gopher://example.com/", "only http and https"),
            ("file:///etc/passwd", "only http and https"),
            ("http://user:word@example.com/", "user name or password"),
            ("http://example.com@127.0.0.1/", "user name or password"),
            ("http://exa\0mple.com/", "control characters"),
            ("http://a\r\nHost: b/", "control characters"),
            ("not an address", "not a web address"),
            ("http://", "not a web address"),
        ] {
            let told = judged(address, &none).expect_err(address).to_string();
            assert!(told.contains(why), "{address}: {told}");
        }
        for address in [
            "https://example.com/a?b#c",
            "http://8.8.8.8/",
            "https://xn--bcher-kva.example/",
            "https://bücher.example/",
        ] {
            assert!(judged(address, &none).is_ok(), "{address}");
        }
        assert!(judged("http://10.0.0.1:81/", &Hosts::new(["10.0.0.1:81".to_owned()])).is_ok());
    }
}
