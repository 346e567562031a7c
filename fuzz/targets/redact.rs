//! The finder of secrets: pieces give what the whole gives, and a known secret never comes through.
#![no_main]

use ace_redact::{Policy, Redactor};
use std::sync::LazyLock;

const SECRET: &str = "q7Zr2Vb9Xk4Lm8Np1Ts6";

/// Made once: its patterns take longer to build than a short text takes to read.
static REDACTOR: LazyLock<Redactor> = LazyLock::new(|| {
    let policy = Policy { values: vec![("MY_TOKEN".into(), SECRET.into())], ..Policy::default() };
    Redactor::new(&policy, "s")
});

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let Some((size, bytes)) = input.split_first() else { return };
    let run = |size: usize| {
        let (mut stream, mut out) = (REDACTOR.stream(), Vec::new());
        for piece in bytes.chunks(size) {
            out.extend(stream.push(piece));
        }
        out.extend(stream.finish());
        out
    };
    let whole = run(bytes.len().max(1));
    assert_eq!(whole, run(usize::from(*size).max(1)));
    assert!(!whole.windows(SECRET.len()).any(|w| w == SECRET.as_bytes()));
});
