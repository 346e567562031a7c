//! The formats that vendors have given their keys: how each begins, what it is made of, how long it is. A table: to add a vendor is
//! to add a line. Lengths are those of the vendors' own documents and secret-scanning pages; an open end is bounded by [`LONGEST`].

/// Longest token that is read, bytes.
pub(crate) const LONGEST: usize = 4096;

/// What a token is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// Letters and digits.
    Alnum,
    /// The same with `_`.
    Word,
    /// The same with `_` and `-`.
    Url,
    /// The same with `.` too.
    Dotted,
    /// Small hexadecimal.
    Hex,
    /// Capital letters and digits.
    Upper,
    /// Standard base64.
    Base64,
}

impl Class {
    pub fn holds(self, b: u8) -> bool {
        match self {
            Self::Alnum => b.is_ascii_alphanumeric(),
            Self::Word => b.is_ascii_alphanumeric() || b == b'_',
            Self::Url => b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'),
            Self::Dotted => b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'),
            Self::Hex => b.is_ascii_digit() || matches!(b, b'a'..=b'f'),
            Self::Upper => b.is_ascii_uppercase() || b.is_ascii_digit(),
            Self::Base64 => b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'='),
        }
    }
}

/// One format.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Format {
    /// Name in the placeholder.
    pub rule: &'static str,
    /// How it begins.
    pub prefix: &'static str,
    /// What follows.
    pub class: Class,
    /// Fewest bytes that follow.
    pub min: usize,
    /// Most bytes that follow; a longer run is something else.
    pub max: usize,
    /// What follows must look random: the prefix is one that words begin with too.
    pub random: bool,
}

const fn sure(rule: &'static str, prefix: &'static str, class: Class, min: usize, max: usize) -> Format {
    Format { rule, prefix, class, min, max, random: false }
}

const fn likely(rule: &'static str, prefix: &'static str, class: Class, min: usize, max: usize) -> Format {
    Format { rule, prefix, class, min, max, random: true }
}

use Class::{Alnum, Base64, Dotted, Hex, Upper, Url, Word};

/// The formats.
pub(crate) const FORMATS: &[Format] = &[
    sure("anthropic", "sk-ant-", Url, 20, LONGEST),
    likely("openai", "sk-", Url, 20, LONGEST),
    sure("openrouter", "sk-or-v1-", Hex, 40, 64),
    sure("google", "AIza", Url, 35, 35),
    likely("google", "ya29.", Dotted, 30, LONGEST),
    sure("google", "GOCSPX-", Url, 28, 28),
    sure("github", "ghp_", Alnum, 36, 255),
    sure("github", "gho_", Alnum, 36, 255),
    sure("github", "ghu_", Alnum, 36, 255),
    sure("github", "ghs_", Alnum, 36, 255),
    sure("github", "ghr_", Alnum, 36, 255),
    sure("github", "github_pat_", Word, 60, 255),
    sure("gitlab", "glpat-", Dotted, 20, 300),
    sure("gitlab", "gldt-", Dotted, 20, 300),
    sure("gitlab", "glrt-", Dotted, 20, 300),
    sure("gitlab", "glptt-", Dotted, 20, 300),
    sure("gitlab", "glcbt-", Dotted, 20, 300),
    sure("gitlab", "glsoat-", Dotted, 20, 300),
    sure("gitlab", "glft-", Dotted, 20, 300),
    sure("gitlab", "gloas-", Dotted, 20, 300),
    sure("gitlab", "glagent-", Dotted, 20, 300),
    likely("slack", "xoxb-", Url, 20, 300),
    likely("slack", "xoxp-", Url, 20, 300),
    likely("slack", "xoxa-", Url, 20, 300),
    likely("slack", "xoxr-", Url, 20, 300),
    likely("slack", "xoxs-", Url, 20, 300),
    likely("slack", "xoxc-", Url, 20, 300),
    likely("slack", "xoxd-", Url, 20, 300),
    likely("slack", "xoxe-", Url, 20, 300),
    likely("slack", "xapp-", Url, 20, 300),
    sure("slack-webhook", "hooks.slack.com/services/", Base64, 30, 120),
    sure("discord-webhook", "discord.com/api/webhooks/", Base64, 30, 140),
    sure("aws", "AKIA", Upper, 16, 16),
    sure("aws", "ASIA", Upper, 16, 16),
    sure("npm", "npm_", Alnum, 36, 36),
    sure("pypi", "pypi-AgEIcHlwaS5vcmc", Url, 50, 400),
    sure("pypi", "pypi-AgENdGVzdC5weXBpLm9yZw", Url, 50, 400),
    likely("crates-io", "cio", Alnum, 32, 32),
    sure("rubygems", "rubygems_", Hex, 48, 48),
    likely("huggingface", "hf_", Alnum, 30, 60),
    sure("huggingface", "api_org_", Alnum, 30, 60),
    sure("stripe", "sk_live_", Alnum, 16, 255),
    sure("stripe", "sk_test_", Alnum, 16, 255),
    sure("stripe", "rk_live_", Alnum, 16, 255),
    sure("stripe", "rk_test_", Alnum, 16, 255),
    likely("stripe", "whsec_", Base64, 24, 255),
    sure("sendgrid", "SG.", Dotted, 60, 70),
    sure("digitalocean", "dop_v1_", Hex, 64, 64),
    sure("digitalocean", "doo_v1_", Hex, 64, 64),
    sure("digitalocean", "dor_v1_", Hex, 64, 64),
    sure("databricks", "dapi", Hex, 32, 32),
    sure("linear", "lin_api_", Alnum, 40, 60),
    likely("notion", "ntn_", Alnum, 40, 60),
    likely("figma", "figd_", Url, 30, 80),
    sure("postman", "PMAK-", Url, 50, 80),
    sure("shopify", "shpat_", Hex, 32, 32),
    sure("shopify", "shpca_", Hex, 32, 32),
    sure("shopify", "shppa_", Hex, 32, 32),
    sure("shopify", "shpss_", Hex, 32, 32),
    sure("square", "sq0atp-", Url, 22, 60),
    sure("square", "sq0csp-", Url, 40, 60),
    sure("newrelic", "NRAK-", Upper, 27, 27),
    likely("sentry", "sntrys_", Base64, 50, 400),
    sure("sentry", "sntryu_", Hex, 64, 64),
    likely("grafana", "glsa_", Word, 32, 60),
    likely("grafana", "glc_", Base64, 32, 400),
    sure("doppler", "dp.pt.", Alnum, 40, 44),
    sure("doppler", "dp.st.", Dotted, 40, 90),
    likely("planetscale", "pscale_tkn_", Dotted, 32, 64),
    likely("planetscale", "pscale_pw_", Dotted, 32, 64),
    sure("pulumi", "pul-", Hex, 40, 40),
    likely("vault", "hvs.", Url, 24, 300),
    likely("vault", "hvb.", Url, 24, 400),
    sure("age", "AGE-SECRET-KEY-1", Upper, 58, 58),
    likely("groq", "gsk_", Alnum, 40, 80),
    likely("xai", "xai-", Alnum, 60, 120),
    likely("perplexity", "pplx-", Alnum, 40, 80),
    likely("replicate", "r8_", Alnum, 37, 40),
    likely("nvidia", "nvapi-", Url, 50, 90),
    likely("cerebras", "csk-", Alnum, 40, 60),
    likely("tavily", "tvly-", Url, 20, 60),
    sure("firecrawl", "fc-", Hex, 32, 32),
    likely("langsmith", "lsv2_pt_", Word, 40, 60),
    likely("langsmith", "lsv2_sk_", Word, 40, 60),
    sure("supabase", "sbp_", Hex, 40, 40),
    likely("supabase", "sb_secret_", Url, 20, 60),
    likely("docker", "dckr_pat_", Url, 24, 60),
    likely("docker", "dckr_oat_", Url, 24, 60),
    sure("atlassian", "ATATT3", Base64, 60, 400),
    sure("atlassian", "ATCTT3", Base64, 60, 400),
    likely("telegram", ":AA", Url, 33, 33),
    likely("fly", "fo1_", Url, 40, 80),
];

/// Names of all rules, in the order of their first format; those that are no format last.
#[must_use]
pub fn names() -> Vec<&'static str> {
    let mut names: Vec<&str> = Vec::new();
    let others = [JWT, PEM, URL, HEADER, ASSIGNED, OWN];
    for name in FORMATS.iter().map(|f| f.rule).chain(others) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// A JSON Web Token.
pub(crate) const JWT: &str = "jwt";
/// A private key in PEM.
pub(crate) const PEM: &str = "private-key";
/// The password of an address.
pub(crate) const URL: &str = "url-password";
/// What a header authorises with.
pub(crate) const HEADER: &str = "authorization";
/// A random value that is assigned to a name that says it is secret.
pub(crate) const ASSIGNED: &str = "assigned";
/// A prefix of the user's own.
pub(crate) const OWN: &str = "own";

/// Whether bytes look drawn at random, as keys do and words do not: letters and digits change places often, and no example says
/// that it is one.
pub(crate) fn is_random(token: &[u8], changes: usize) -> bool {
    let kinds: Vec<bool> = token.iter().filter(|b| b.is_ascii_alphanumeric()).map(u8::is_ascii_digit).collect();
    kinds.windows(2).filter(|pair| pair[0] != pair[1]).count() >= changes && is_real(token)
}

/// Whether a token is more than a stand-in for one: `xxxx`, `****`, `AKIAIOSFODNN7EXAMPLE`.
pub(crate) fn is_real(token: &[u8]) -> bool {
    let mut seen = [false; 256];
    token.iter().for_each(|b| seen[usize::from(*b)] = true);
    let distinct = seen.iter().filter(|s| **s).count();
    let lower = token.to_ascii_lowercase();
    let has = |word: &[u8]| lower.windows(word.len()).any(|w| w == word);
    distinct >= 6 && !has(b"example") && !has(b"xxxx") && !has(b"placeholder") && !has(b"your")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_prefix_stands_twice_and_lengths_are_in_order() {
        for (i, format) in FORMATS.iter().enumerate() {
            assert!(FORMATS[..i].iter().all(|f| f.prefix != format.prefix), "{}", format.prefix);
            assert!(format.min <= format.max && format.max <= LONGEST && format.prefix.len() >= 3);
        }
        assert!(names().contains(&"github") && names().contains(&JWT));
    }

    #[test]
    fn stand_ins_are_no_keys() {
        assert!(!is_real(b"AKIAIOSFODNN7EXAMPLE") && !is_real(b"xxxxxxxxxxxxxxxxxxxx") && !is_real(b"aaaaabbbbb"));
        assert!(is_random(b"3kTz9fQp1LmW8vRb2XyN", 3) && !is_random(b"next_page_token_v2", 3));
    }
}
