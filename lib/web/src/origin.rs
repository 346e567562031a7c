//! Where requests may come from: hosts by which the server is known, origins of its own pages, proxies that may speak for others.
//! A page on the web can make a browser send anything here; what it cannot is choose `Host` and `Origin`.

use axum::http::{HeaderMap, header};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::app::Peer;

/// Addresses that share their first bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

impl Network {
    /// `10.0.0.0/8`, or one address.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse().ok()?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(most);
        (bits <= most).then_some(Self { address, bits })
    }

    /// Whether the address is one of them.
    #[must_use]
    pub fn holds(&self, address: IpAddr) -> bool {
        match (self.address, plain(address)) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let shift = 32 - u32::from(self.bits);
                shift == 32 || own.to_bits() >> shift == other.to_bits() >> shift
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let shift = 128 - u32::from(self.bits);
                shift == 128 || own.to_bits() >> shift == other.to_bits() >> shift
            }
            _ => false,
        }
    }
}

/// An IPv4 address written as IPv6 is one.
fn plain(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(six) => six.to_ipv4_mapped().map_or(address, IpAddr::V4),
        four @ IpAddr::V4(_) => four,
    }
}

/// Who may ask.
#[derive(Debug, Clone, Default)]
pub struct Origins {
    /// Names by which the server is known besides those of loopback, `ace.example.org`, with the port if it is not that of the scheme.
    pub hosts: Vec<String>,
    /// Proxies whose word on client and scheme is taken.
    pub proxies: Vec<Network>,
    /// One more origin, for developing the user interface: `http://localhost:5173`.
    pub development: Option<String>,
    /// Port it listens on; none for a Unix socket alone.
    pub port: Option<u16>,
    /// It listens on loopback, so that loopback's names are its own.
    pub loopback: bool,
}

/// What a request says of where it comes from, after what may be believed was believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct From {
    /// The client.
    pub address: Option<IpAddr>,
    /// `http://host`: how the client reaches us.
    pub origin: String,
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).and_then(|v| v.to_str().ok())
}

impl Origins {
    /// Who asks and how they reach us; `None` if they use a name that is not ours.
    #[must_use]
    pub fn from(&self, peer: Peer, headers: &HeaderMap) -> Option<From> {
        let proxied = peer.address.is_none_or(|a| self.proxies.iter().any(|p| p.holds(a))) && !self.proxies.is_empty();
        let said = |name| text(headers, name).filter(|_| proxied);
        let mut hosts = headers.get_all(header::HOST).iter();
        let (Some(host), None) = (hosts.next().and_then(|v| v.to_str().ok()), hosts.next()) else { return None };
        let host = host.to_ascii_lowercase();
        if !self.knows(peer, &host) {
            return None;
        }
        let tls = match said("x-forwarded-proto") {
            Some(scheme) => scheme.eq_ignore_ascii_case("https"),
            None => peer.tls,
        };
        // The last address that is not a proxy's of ours: what stands before it anybody may have written.
        let hops = said("x-forwarded-for").into_iter().flat_map(|list| list.rsplit(','));
        let client = hops
            .map_while(|hop| hop.trim().parse::<IpAddr>().ok())
            .find(|hop| !self.proxies.iter().any(|p| p.holds(*hop)));
        Some(From {
            address: client.or(peer.address).map(plain),
            origin: format!("{}://{host}", if tls { "https" } else { "http" }),
        })
    }

    fn knows(&self, peer: Peer, host: &str) -> bool {
        if self.hosts.iter().any(|known| known.eq_ignore_ascii_case(host)) {
            return true;
        }
        if self.development.as_deref().and_then(|d| d.split_once("://")).is_some_and(|(_, name)| name == host) {
            return true;
        }
        // No name leads to a Unix socket: whoever is there was let in by the file system.
        if peer.address.is_none() {
            return true;
        }
        let (name, port) = split(host);
        let port = port.or(Some(if peer.tls { 443 } else { 80 }));
        let ours = match name.trim_matches(['[', ']']).parse::<IpAddr>() {
            Ok(IpAddr::V4(Ipv4Addr::LOCALHOST)) | Ok(IpAddr::V6(Ipv6Addr::LOCALHOST)) => true,
            // An address is no name: nobody can make it point elsewhere.
            Ok(_) => !self.loopback,
            Err(_) => name == "localhost" && self.loopback,
        };
        ours && port == self.port
    }

    /// Whether an `Origin` is that of our own pages.
    #[must_use]
    pub fn is_own(&self, origin: &str, from: &From) -> bool {
        origin.eq_ignore_ascii_case(&from.origin) || self.development.as_deref() == Some(origin)
    }
}

fn split(host: &str) -> (&str, Option<u16>) {
    match host.rsplit_once(':') {
        Some((name, port)) if !name.ends_with(':') && (!name.contains(':') || name.ends_with(']')) => {
            (name, port.parse().ok())
        }
        _ => (host, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut all = HeaderMap::new();
        for (name, value) in pairs {
            all.append(*name, value.parse().unwrap());
        }
        all
    }

    fn peer(address: &str) -> Peer {
        Peer { address: Some(address.parse().unwrap()), tls: false }
    }

    fn loopback() -> Origins {
        Origins { port: Some(4000), loopback: true, ..Origins::default() }
    }

    #[test]
    fn b05_p58_only_names_of_ours_are_answered() {
        let here = loopback();
        let ask = |host: &str| here.from(peer("127.0.0.1"), &headers(&[("host", host)]));
        for host in ["127.0.0.1:4000", "localhost:4000", "LocalHost:4000", "[::1]:4000"] {
            assert!(ask(host).is_some(), "{host}");
        }
        for host in [
            "evil.test",
            "evil.test:4000",
            "127.0.0.1",
            "127.0.0.1:4001",
            "10.0.0.1:4000",
            "localhost.evil.test:4000",
            "",
        ] {
            assert!(ask(host).is_none(), "{host}");
        }
        assert!(here.from(peer("127.0.0.1"), &headers(&[])).is_none());
        assert!(here.from(peer("127.0.0.1"), &headers(&[("host", "localhost:4000"), ("host", "evil.test")])).is_none());
        let unix = Peer { address: None, tls: false };
        assert!(here.from(unix, &headers(&[("host", "anything")])).is_some());
    }

    #[test]
    fn b06_a_strangers_word_on_client_and_scheme_is_not_taken() {
        let said = [
            ("host", "ace.example.org"),
            ("x-forwarded-for", "6.6.6.6, 203.0.113.7, 10.1.2.3"),
            ("x-forwarded-proto", "https"),
        ];
        let mut origins = Origins { hosts: vec!["ace.example.org".into()], ..loopback() };
        let from = origins.from(peer("127.0.0.1"), &headers(&said)).unwrap();
        assert_eq!((from.address, from.origin.as_str()), ("127.0.0.1".parse().ok(), "http://ace.example.org"));
        origins.proxies = vec![Network::parse("127.0.0.1").unwrap(), Network::parse("10.0.0.0/8").unwrap()];
        let from = origins.from(peer("127.0.0.1"), &headers(&said)).unwrap();
        assert_eq!((from.address, from.origin.as_str()), ("203.0.113.7".parse().ok(), "https://ace.example.org"));
        let from = origins.from(peer("192.0.2.1"), &headers(&said)).unwrap();
        assert_eq!((from.address, from.origin.as_str()), ("192.0.2.1".parse().ok(), "http://ace.example.org"));
        for odd in ["", "x", "999.1.1.1", ",,,", "10.0.0.1,"] {
            let odd = [("host", "ace.example.org"), ("x-forwarded-for", odd)];
            assert!(origins.from(peer("127.0.0.1"), &headers(&odd)).is_some());
        }
    }

    #[test]
    fn b01_an_origin_is_own_as_a_whole() {
        let origins = Origins { development: Some("http://localhost:5173".into()), ..loopback() };
        let from = From { address: None, origin: "http://127.0.0.1:4000".into() };
        for (origin, own) in [
            ("http://127.0.0.1:4000", true),
            ("http://localhost:5173", true),
            ("http://127.0.0.1:4001", false),
            ("https://127.0.0.1:4000", false),
            ("http://127.0.0.1:4000.evil.test", false),
            ("null", false),
            ("", false),
        ] {
            assert_eq!(origins.is_own(origin, &from), own, "{origin}");
        }
    }

    #[test]
    fn networks_are_read_and_hold_what_they_say() {
        for bad in ["", "10.0.0.0/33", "x/8", "10.0.0.0/", "::/129", "10.0.0.0/-1"] {
            assert_eq!(Network::parse(bad), None, "{bad}");
        }
        let all = Network::parse("0.0.0.0/0").unwrap();
        assert!(all.holds([1, 2, 3, 4].into()) && !all.holds("::1".parse().unwrap()));
        let ten = Network::parse("10.0.0.0/8").unwrap();
        assert!(ten.holds("::ffff:10.9.9.9".parse().unwrap()) && !ten.holds([11, 0, 0, 1].into()));
    }
}
