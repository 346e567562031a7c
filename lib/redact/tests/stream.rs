//! A text in pieces gives what the whole gives, however it is cut, and never shows a secret meanwhile.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a test says what went wrong by failing")]

use ace_redact::{Personal, Policy, Redactor};
use proptest::prelude::*;

const KEY: &str = "q7Zr2Vb9Xk4Lm8Np1Ts6Wd3Yf5Hj0GcQ";

fn redactor() -> Redactor {
    let values =
        vec![("MY_TOKEN".to_owned(), "zebra 42 Quartz é".to_owned()), ("B_KEY".to_owned(), format!("ghp_{KEY} x1"))];
    Redactor::new(&Policy { values, personal: Personal::ALL.to_vec(), ..Policy::default() }, "s")
}

/// Texts of pieces that secrets are made of, whole and broken.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just(format!("sk-ant-{KEY}")),
        Just(format!("sk-{KEY}")),
        Just("sk-".into()),
        Just("sk-a".into()),
        Just("ghp_".into()),
        Just(format!("ghp_{KEY}Ab12")),
        Just(format!("ghp_{KEY} x1")),
        Just(KEY.to_owned()),
        Just("zebra 42 Quartz é".into()),
        Just("zebra 42 ".into()),
        Just("password".into()),
        Just("token".into()),
        Just("Authorization: Bearer ".into()),
        Just("=".into()),
        Just(": \"".into()),
        Just("\"".into()),
        Just(" ".into()),
        Just("\n".into()),
        Just("\\n".into()),
        Just("\u{1b}[31m".into()),
        Just("\u{1b}]0;t\u{7}".into()),
        Just("\u{1b}".into()),
        Just("\u{1b}[".into()),
        Just("\u{1b}(".into()),
        Just("\u{1b}]2;".into()),
        Just("\u{7}".into()),
        Just("\u{200b}".into()),
        Just("é".into()),
        Just("https://u:".into()),
        Just("@h".into()),
        Just("eyJ".into()),
        Just(format!("eyJ{KEY}.eyJ{KEY}.{KEY}")),
        Just("-----BEGIN RSA PRIVATE KEY-----\n".into()),
        Just(format!("{KEY}{KEY}\n")),
        Just("-----END RSA PRIVATE KEY-----".into()),
        Just("4111 1111 1111 1111".into()),
        Just("41".into()),
        Just("DE89 3704 0044 0532 0130 00".into()),
        Just("AKIAQ7ZR2VB9XK4LM2NP".into()),
        "[a-z0-9 .:/=\"-]{0,6}",
    ];
    proptest::collection::vec(piece, 0..14).prop_map(|all| all.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: std::env::var("ACE_CASES").ok().and_then(|c| c.parse().ok()).unwrap_or(600), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a30_any_cutting_gives_what_the_whole_gives(text in pieces(), cuts in proptest::collection::vec(1_usize..40, 1..60)) {
        let redactor = redactor();
        let whole = redactor.bytes(text.as_bytes()).unwrap_or_else(|| text.clone().into_bytes());
        let (mut stream, mut out, mut at) = (redactor.stream(), Vec::new(), 0);
        for cut in cuts.iter().cycle() {
            if at >= text.len() { break }
            let end = (at + cut).min(text.len());
            out.extend(stream.push(&text.as_bytes()[at..end]));
            prop_assert!(whole.starts_with(&out), "{:?} is not how {:?} begins", String::from_utf8_lossy(&out), String::from_utf8_lossy(&whole));
            at = end;
        }
        out.extend(stream.finish());
        prop_assert_eq!(String::from_utf8_lossy(&out), String::from_utf8_lossy(&whole));
        prop_assert!(std::str::from_utf8(&out).is_ok());
    }

    /// Who watches sees each letter at once; of a secret at most its first two.
    #[test]
    fn a30_an_eager_stream_shows_no_secret_and_keeps_back_no_plain_text(text in pieces(), cuts in proptest::collection::vec(1_usize..9, 1..60)) {
        let redactor = redactor();
        let clean = redactor.bytes(text.as_bytes());
        let (mut stream, mut out, mut at) = (redactor.stream().eager(), Vec::new(), 0);
        for cut in cuts.iter().cycle() {
            if at >= text.len() { break }
            let end = (at + cut).min(text.len());
            out.extend(stream.push(&text.as_bytes()[at..end]));
            at = end;
        }
        out.extend(stream.finish());
        match clean {
            None => prop_assert_eq!(String::from_utf8_lossy(&out), text),
            Some(clean) => {
                let (out, clean) = (String::from_utf8_lossy(&out).into_owned(), String::from_utf8_lossy(&clean).into_owned());
                for secret in [KEY, "zebra 42 Quartz é"] {
                    prop_assert!(clean.contains(secret) || !out.contains(secret), "{}", out);
                }
            }
        }
    }

    #[test]
    fn any_bytes_pass_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), cut in 0_usize..200) {
        let redactor = redactor();
        let whole = redactor.bytes(&bytes).unwrap_or_else(|| bytes.clone());
        let mut stream = redactor.stream();
        let (a, b) = bytes.split_at(cut.min(bytes.len()));
        prop_assert_eq!([stream.push(a), stream.push(b), stream.finish()].concat(), whole);
    }
}

#[test]
fn plain_text_waits_for_nothing_and_a_key_for_its_end() {
    let mut stream = redactor().stream();
    assert_eq!(stream.push(b"Hello, Wo"), b"Hello, Wo");
    assert_eq!(stream.push(b"rld. The key is sk-"), b"rld. The key is ");
    assert_eq!(stream.push(KEY.as_bytes()), b"");
    let rest = String::from_utf8(stream.push(b", says p")).unwrap();
    assert!(rest.starts_with("‹redacted:openai#") && rest.ends_with("›, says "), "{rest}");
    assert_eq!((stream.finish(), stream.found()), (b"p".to_vec(), 1));
}

#[test]
fn what_waits_is_bounded() {
    let mut stream = redactor().stream();
    let flood = "-----BEGIN RSA PRIVATE KEY-----\n".to_owned() + &"sk-".repeat(200_000);
    let (mut most, mut out) = (0, 0);
    for piece in flood.as_bytes().chunks(1000) {
        out += stream.push(piece).len();
        most = most.max(out);
    }
    assert!(flood.len() - out < 64 * 1024, "{} bytes wait", flood.len() - out);
    assert!(most > 0);
}

/// Time on what is made to be slow grows with its length alone.
#[test]
fn hostile_texts_take_linear_time() {
    let redactor = redactor();
    for unit in [
        "sk-",
        "-----BEGIN RSA PRIVATE KEY-----",
        "://a:",
        "password=",
        "token: \"",
        "eyJa.",
        "41",
        "\u{1b}[",
        "\u{1b}]",
        "zebra 42 ",
    ] {
        let text = unit.repeat(200_000 / unit.len());
        let start = std::time::Instant::now();
        let _ = redactor.bytes(text.as_bytes());
        // A hundred times what it takes; what is quadratic takes a thousand times that.
        assert!(start.elapsed().as_secs() < 20, "{unit:?}: {:?}", start.elapsed());
    }
}
