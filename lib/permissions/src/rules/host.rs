//! Host patterns: a name, or `*.` and a name for what lies below it.

/// One pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    name: String,
    below: bool,
}

impl Host {
    /// Reads a pattern; `allows` says whether its rule allows, which all hosts at once never may.
    pub fn parse(text: &str, allows: bool) -> Result<Self, String> {
        let plain = |name: &str| {
            !name.is_empty()
                && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b':' | b'[' | b']'))
        };
        let lower = text.to_ascii_lowercase();
        match lower.strip_prefix("*.") {
            _ if lower == "*" && !allows => Ok(Self { name: String::new(), below: true }),
            _ if lower == "*" => Err("all hosts at once cannot be allowed".to_owned()),
            Some(name) if plain(name) && (name.contains('.') || !allows) => {
                Ok(Self { name: name.to_owned(), below: true })
            }
            None if plain(&lower) => Ok(Self { name: lower, below: false }),
            _ => Err(format!("'{text}' is no host: a name, or '*.' and a name")),
        }
    }

    /// As a rule has it.
    pub fn text(&self) -> String {
        if self.below { format!("*.{}", self.name) } else { self.name.clone() }
    }

    /// Whether it is, or lies below, that host.
    pub fn covers(&self, host: &str) -> bool {
        if self.name.is_empty() {
            return true;
        }
        match self.below {
            true => host.strip_suffix(&self.name).is_some_and(|rest| rest.ends_with('.') && rest.len() > 1),
            false => host == self.name,
        }
    }

    /// Whether both stand for some host.
    pub fn meets(&self, other: &Self) -> bool {
        let inside = |outer: &Self, inner: &Self| match outer.below {
            true => outer.covers(&inner.name) || (inner.below && outer.name == inner.name),
            false => outer.name == inner.name && !inner.below,
        };
        inside(self, other) || (other.below && inside(other, self))
    }

    /// Whether a text could name it, in whatever spelling.
    pub fn is_in(&self, text: &str) -> bool {
        !self.name.is_empty() && text.to_ascii_lowercase().contains(&self.name)
    }
}

/// The host of an address as a rule would name it. `None` if it is written in a way that not everybody reads alike: with a user, with
/// escapes, with other letters or in numbers other than four decimals.
pub fn of_url(url: &str) -> Option<String> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))?;
    let authority = rest.split(['/', '?', '#']).next()?;
    if authority.is_empty() || !authority.is_ascii() || authority.contains(['@', '%', '\\', ' ']) {
        return None;
    }
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if !authority.ends_with(']') && port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => authority,
    };
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let numbers =
        |h: &str| h.split('.').all(|p| !p.is_empty() && (p.bytes().all(|b| b.is_ascii_digit()) || p.starts_with("0x")));
    if host.is_empty() || (numbers(&host) && host.parse::<std::net::Ipv4Addr>().is_err()) {
        return None;
    }
    Some(host)
}
