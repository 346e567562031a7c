//! What is a secret and what is not, as a table. Keys are put together here, so that no scanner of sources stumbles over this file.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a test says what went wrong by failing")]

use ace_redact::{Personal, Policy, Redactor};
use ace_schema::redaction;

fn redactor() -> Redactor {
    let values =
        [("DEPLOY_TOKEN", "zebra-42-Quartz"), ("STAGE_PASSWORD", "he said \"42\" aloud"), ("REGION_KEY", "us-east-1")];
    let values = values.map(|(n, v)| (n.to_owned(), v.to_owned())).to_vec();
    Redactor::new(&Policy { values, prefixes: vec!["acme_".into()], ..Policy::default() }, "s")
}

/// Characters as if drawn at random, the same each time.
fn random(alphabet: &str, n: usize) -> String {
    let signs: Vec<char> = alphabet.chars().collect();
    let mut state = 0x9e37_79b9_u64 + n as u64;
    (0..n)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            signs[(state >> 33) as usize % signs.len()]
        })
        .collect()
}

const ALNUM: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
const HEX: &str = "0123456789abcdef";
const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// A secret and the rule that has to find it.
fn secrets() -> Vec<(&'static str, String)> {
    let alnum = |prefix: &str, n| format!("{prefix}{}", random(ALNUM, n));
    let hex = |prefix: &str, n| format!("{prefix}{}", random(HEX, n));
    let jwt = ["eyJhbGciOiJIUzI1NiJ9", "eyJzdWIiOiIxMjM0NTY3ODkwIn0", &random(ALNUM, 43)].join(".");
    let body: Vec<String> = (0..4).map(|n| random(ALNUM, 64 - n)).collect();
    let pem = |label: &str| format!("-----BEGIN {label}-----\n{}\n-----END {label}-----", body.join("\n"));
    vec![
        ("anthropic", alnum("sk-ant-api03-", 90)),
        ("openai", alnum("sk-proj-", 80)),
        ("openai", alnum("sk-", 48)),
        ("google", alnum("AIza", 35)),
        ("github", alnum("ghp_", 36)),
        ("github", alnum("gho_", 36)),
        ("github", format!("github_pat_{}_{}", random(ALNUM, 22), random(ALNUM, 59))),
        ("gitlab", alnum("glpat-", 20)),
        ("slack", format!("xoxb-{}-{}-{}", random("0123456789", 12), random("0123456789", 13), random(ALNUM, 24))),
        ("aws", format!("AKIA{}", random(UPPER, 16))),
        ("npm", alnum("npm_", 36)),
        ("pypi", alnum("pypi-AgEIcHlwaS5vcmc", 120)),
        ("huggingface", alnum("hf_", 34)),
        ("stripe", alnum("sk_live_", 24)),
        ("digitalocean", hex("dop_v1_", 64)),
        ("own", alnum("acme_", 20)),
        ("jwt", jwt),
        ("private-key", pem("RSA PRIVATE KEY")),
        ("private-key", pem("OPENSSH PRIVATE KEY")),
        ("DEPLOY_TOKEN", "zebra-42-Quartz".to_owned()),
    ]
}

fn clean(text: &str) -> String {
    redactor().text(text).unwrap_or_else(|| text.to_owned())
}

#[test]
fn p54_known_keys_are_found_wherever_they_stand() {
    for (rule, secret) in secrets() {
        for (before, after) in [
            ("", ""),
            ("key: ", "\n"),
            ("\"", "\""),
            ("(", ")"),
            ("x=", "&y=1"),
            ("\\n", ", then"),
            ("%3D", " "),
            ("`", "`."),
        ] {
            let text = format!("{before}{secret}{after}");
            let out = clean(&text);
            assert!(!out.contains(&secret[12..]), "{rule}: {text} became {out}");
            assert!(out.contains(&format!("{}{rule}#", redaction::OPEN)), "{rule}: {text} became {out}");
            assert!(out.starts_with(before) && out.ends_with(after), "{rule}: {text} became {out}");
        }
    }
}

#[test]
fn p54_values_that_a_name_makes_secret_are_found() {
    let (key, hex) = (random(ALNUM, 40), random(HEX, 32));
    let basic = "dXNlcjpodW50ZXIyaHVudGVyMg==";
    for text in [
        format!("AWS_SECRET_ACCESS_KEY={key}"),
        format!("aws_secret_access_key = {key}\n"),
        format!("\"client_secret\": \"{key}\","),
        format!("{{\\\"apiKey\\\": \\\"{key}\\\"}}"),
        format!("password: {key}"),
        format!("token := '{key}'"),
        format!("config['secret_key'] => \"{hex}\""),
        format!("curl -H 'Authorization: Bearer {key}' http://x"),
        format!("headers = {{\"Authorization\": \"Bearer {key}\"}}"),
        format!("Authorization: Basic {basic}"),
        format!("authorization: token {key}"),
        format!("bearer {key}"),
        format!("deploy --token {key} --verbose"),
        format!("https://me:{key}@git.corp.net/x"),
        "postgres://app:s3cr3t-pw@db.internal:5432/app".to_owned(),
        "DB_PASSWORD=Tr0ub4dor&3x".to_owned(),
        "password = \"Tr0ub4dor-3x\"".to_owned(),
        format!("Server=db;User Id=sa;Password={hex}!;"),
        format!("DefaultEndpointsProtocol=https;AccountKey={key}{key}8==;"),
    ] {
        let out = clean(&text);
        assert!(redaction::holds(&out), "{text}");
        for secret in [&key, &hex, basic, "s3cr3t-pw", "Tr0ub4dor"] {
            assert!(!out.contains(secret), "{text} became {out}");
        }
    }
}

#[test]
fn a_value_that_json_escapes_is_found_in_both_forms() {
    for text in ["he said \"42\" aloud", "x: he said \\\"42\\\" aloud!"] {
        assert!(clean(text).contains("STAGE_PASSWORD#"), "{text}");
    }
    assert_eq!(clean("in us-east-1"), "in us-east-1", "a region is no secret, whatever its variable is called");
}

#[test]
fn fields_that_their_name_makes_secret() {
    let redactor = redactor();
    let key = random(ALNUM, 24);
    assert!(redactor.field("api_token", &key).is_some());
    for (name, value) in [
        ("content", key.as_str()),
        ("token", "next_page_token_v2"),
        ("api_key", "${API_KEY}"),
        ("password", "changeme"),
    ] {
        assert_eq!(redactor.field(name, value), None, "{name}");
    }
}

#[test]
fn what_is_no_secret_stays() {
    let (sha, sha1) = (random(HEX, 64), random(HEX, 40));
    for text in [
        "hi",
        "listening on 127.0.0.1:8080, [::1]:443 and 2001:db8::8a2e:370:7334",
        "2026-11-20T06:41:00.123Z 1763620860123456789 +49 170 1234567",
        "550e8400-e29b-41d4-a716-446655440000 request_token: 550e8400-e29b-41d4-a716-446655440000",
        "sk-fading-circle12-sk-circle-delay sk-learn task-runner-2024-fix",
        "ghp_short AKIAIOSFODNN7EXAMPLE npm_config_registry npm_lifecycle_event hf_hub_download(repo)",
        "http://localhost:3000/a@b https://user@host/x ssh://git@github.com:22/x git@github.com:a/b.git",
        "postgres://postgres:postgres@localhost/db mysql://root:password@db redis://:****@x https://u:$PASS@h https://${U}:${P}@h",
        "let token = self.tokens.next_token2(); token: String, secret: Option<Secret>, password = getpass()",
        "max_tokens: 4096, tokenizer = \"cl100k_base\", pad_token = '<pad>', eos_token=\"</s>\"",
        "password: required, PASSWORD=changeme, password = \"password123\", \"secret\": \"my-secret-name-1\"",
        "Authorization: Bearer <token>, Authorization: Bearer $TOKEN, bearer token authentication",
        "-----BEGIN PUBLIC KEY----- -----BEGIN CERTIFICATE----- \"-----BEGIN RSA PRIVATE KEY-----\"",
        "starts_with(\"-----BEGIN PRIVATE KEY-----\") && ends_with(\"-----END PRIVATE KEY-----\")",
        "eyJ eyJhbGciOi \"eyJ\" data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAA",
        "sk-ant-... sk-proj-xxxxxxxxxxxxxxxxxxxxxxxx sk-your-key-here-1234567890 ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "4111111111111111 DE89370400440532013000 000-00-0000",
        "export API_KEY=\"$(cat key)\" api_key = os.environ[\"KEY1\"] apiKey: process.env.API_KEY_2",
        "access_key: path/to/some/file/name_1 secret = \"projects/p1/secrets/s2/versions/3\"",
    ] {
        assert_eq!(clean(text), text);
    }
    for text in [
        format!("commit {sha1}\nsha256:{sha} \"integrity\": \"sha512-{}==\"", random(ALNUM, 86)),
        format!("checksum = \"{sha}\" digest={sha} etag: W/\"{sha1}\" prev\":\"{sha}\""),
        format!("Cargo.lock: {} go.sum h1:{}=", random(HEX, 16), random(ALNUM, 43)),
    ] {
        assert_eq!(clean(&text), text);
    }
}

#[test]
fn personal_data_is_found_only_where_asked_for() {
    let with = Redactor::new(&Policy { personal: Personal::ALL.to_vec(), ..Policy::default() }, "s");
    let text = "card 4111 1111 1111 1111, iban DE89 3704 0044 0532 0130 00; order 4111111111111112 at 1763620860123.";
    let out = with.text(text).unwrap();
    assert!(out.contains("card ‹redacted:card#") && out.contains("iban ‹redacted:iban#"), "{out}");
    assert!(out.ends_with("›; order 4111111111111112 at 1763620860123."), "{out}");
    assert_eq!(clean(text), text);
}

#[test]
fn rules_can_be_left_out() {
    let policy = Policy { left_out: vec!["aws".into(), "assigned".into()], ..Policy::default() };
    let redactor = Redactor::new(&policy, "s");
    let text = format!("AKIA{} token={}", random(UPPER, 16), random(ALNUM, 30));
    assert_eq!(redactor.text(&text), None);
    assert!(redactor.text(&format!("glpat-{}", random(ALNUM, 20))).is_some());
}

/// The documented limits: what was encoded, reversed or wrapped is not found, and this says which.
#[test]
fn a30_an_encoded_secret_is_a_documented_limit() {
    use base64::Engine;
    let secret = format!("glpat-{}", random(ALNUM, 20));
    let base64 = base64::prelude::BASE64_STANDARD.encode(&secret);
    let hex: String = secret.bytes().map(|b| format!("{b:02x}")).collect();
    let reversed: String = secret.chars().rev().collect();
    let wrapped = format!("{}\n{}", &secret[..15], &secret[15..]);
    for text in [base64, hex, reversed, wrapped] {
        assert_eq!(clean(&text), text, "found by now: the manual can promise more");
    }
    // What is encoded by a header's own rule is known by the header.
    assert!(redaction::holds(&clean("Authorization: Basic Z2xwYXQtQWxhZGRpbjpvcGVuIHNlc2FtZQ==")));
}

#[test]
fn a30_terminal_codes_and_marks_of_no_width_do_not_hide_a_secret() {
    for (rule, secret) in secrets() {
        for code in ["\u{1b}[31m", "\u{1b}[0;1;4m", "\u{1b}]8;;http://x\u{7}", "\u{200b}", "\u{8}", "\u{1b}(B"] {
            let at = secret.char_indices().nth(secret.len() / 2).unwrap().0;
            let text = format!("{code}{}{code}{}{code} rest", &secret[..at], &secret[at..]);
            let out = clean(&text);
            assert!(!out.contains(&secret[at..]) && out.ends_with("rest"), "{rule}: {text:?} became {out:?}");
        }
    }
}

#[test]
fn a30_a_secret_that_a_terminal_would_swallow_is_found() {
    for (rule, secret) in secrets() {
        for (before, after) in [
            ("\u{1b}", ""),
            ("\u{1b}(", ""),
            ("\u{1b}[", ""),
            ("\u{1b}[1;", ""),
            ("\u{1b}]0;", "\u{7}"),
            ("\u{1b}]8;;", "\u{1b}\\link\u{1b}]8;;\u{1b}\\"),
            ("\u{1b}P", "\u{1b}\\"),
            ("\u{1b}_", ""),
        ] {
            let text = format!("a {before}{secret}{after} rest");
            let out = clean(&text);
            assert!(!out.contains(&secret) && out.ends_with("rest"), "{rule}: {text:?} became {out:?}");
        }
    }
}
