//! Where a request goes: a configured address and the path of a wire. Knows no wire by name.

use reqwest::Url;

/// Reads an address as a configuration gives it.
///
/// # Errors
/// In words, if it is none, or holds a password.
pub fn base(text: &str) -> Result<Url, String> {
    let mut url = Url::parse(text.trim()).map_err(|e| e.to_string())?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err("it must begin with http:// or https://".into());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("a name or password has no place in it".into());
    }
    url.set_fragment(None);
    Ok(url)
}

/// `tail` under `url`, with `version` between them unless the path names a version already. A path that ends in `tail` is whole.
pub fn versioned(mut url: Url, version: &str, tail: &str) -> Url {
    let path = url.path().trim_end_matches('/').to_owned();
    let path = path.strip_suffix(&format!("/{tail}")).unwrap_or(&path);
    let path = match path.rsplit('/').next() {
        Some(last) if is_version(last) => format!("{path}/{tail}"),
        _ => format!("{path}/{version}/{tail}"),
    };
    url.set_path(&path);
    url
}

/// `v1`, `v1beta`, `v4`.
fn is_version(segment: &str) -> bool {
    segment.strip_prefix('v').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// Whether an address is of that host or one below it.
pub fn is_of(base: &str, host: &str) -> bool {
    let Some(own) = Url::parse(base).ok().and_then(|u| u.host_str().map(str::to_owned)) else { return false };
    own.strip_suffix(host).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_there_once_whether_given_or_not() {
        for (given, want) in [
            ("https://api.anthropic.com", "https://api.anthropic.com/v1/messages"),
            ("https://api.anthropic.com/", "https://api.anthropic.com/v1/messages"),
            ("https://api.anthropic.com/v1", "https://api.anthropic.com/v1/messages"),
            ("https://api.anthropic.com/v1/messages", "https://api.anthropic.com/v1/messages"),
            ("https://z.example/api/anthropic", "https://z.example/api/anthropic/v1/messages"),
            ("https://g.example/v1beta/?k=1", "https://g.example/v1beta/messages?k=1"),
            ("http://vault.example/very", "http://vault.example/very/v1/messages"),
        ] {
            assert_eq!(versioned(base(given).unwrap(), "v1", "messages").as_str(), want, "{given}");
        }
        for bad in ["", "localhost:1", "ftp://h/", "http://", "https://user:pass@h/v1", "not an address"] {
            assert!(base(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn hosts_are_told_from_their_look_alikes() {
        assert!(
            is_of("https://api.openai.com/v1", "api.openai.com")
                && is_of("https://eu.api.openai.com", "api.openai.com")
        );
        for other in ["https://api.openai.com.evil.example", "https://xapi.openai.com", "", "openai"] {
            assert!(!is_of(other, "api.openai.com"), "{other}");
        }
    }
}
