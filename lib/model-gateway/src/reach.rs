//! HTTP clients by where they reach. Each is made when it is first needed, and keeps its connections.

use std::sync::OnceLock;
use std::time::Duration;

use reqwest::{Client, Url};

const AGENT: &str = concat!("ace/", env!("CARGO_PKG_VERSION"));

/// Which connections a client makes: certificates cost 2 ms to load, and a proxy has no place before this machine itself.
#[derive(Debug, Clone, Copy)]
enum Reach {
    /// `http://` to this machine: neither certificates nor proxy.
    Local = 0,
    /// `http://` elsewhere: no certificates.
    Plain = 1,
    /// `https://`: the system's certificates.
    Tls = 2,
}

impl Reach {
    fn of(url: &Url) -> Self {
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        let local = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
        match (url.scheme(), local) {
            ("https", _) => Self::Tls,
            (_, true) => Self::Local,
            _ => Self::Plain,
        }
    }

    fn build(self, connect: Duration) -> Result<Client, String> {
        let builder =
            Client::builder().user_agent(AGENT).connect_timeout(connect).redirect(reqwest::redirect::Policy::none());
        let builder = match self {
            Self::Local => builder.tls_certs_only([]).no_proxy(),
            Self::Plain => builder.tls_certs_only([]),
            Self::Tls => builder,
        };
        builder.build().map_err(|e| std::error::Error::source(&e).map_or_else(|| e.to_string(), ToString::to_string))
    }
}

/// One client for each reach.
#[derive(Debug, Default)]
pub struct Reaches([OnceLock<Result<Client, String>>; 3]);

impl Reaches {
    /// The client for this address; if a thread is making it, waits for that.
    ///
    /// # Errors
    /// In words, if there are no certificates.
    pub fn client(&self, url: &Url, connect: Duration) -> Result<&Client, String> {
        let reach = Reach::of(url);
        self.0[reach as usize].get_or_init(|| reach.build(connect)).as_ref().map_err(Clone::clone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_and_proxies_only_where_they_belong() {
        for (url, want) in [
            ("http://localhost:1/", "Local"),
            ("http://127.0.0.1/", "Local"),
            ("http://[::1]:9/", "Local"),
            ("http://box.example/", "Plain"),
            ("http://localhost.example/", "Plain"),
            ("https://localhost/", "Tls"),
        ] {
            assert_eq!(format!("{:?}", Reach::of(&Url::parse(url).unwrap())), want, "{url}");
        }
    }
}
