//! The finder of secrets: pieces give what the whole gives, and a known secret never comes through.
#![no_main]

use ace_redact::{Policy, Redactor};

const SECRET: &str = "q7Zr2Vb9Xk4Lm8Np1Ts6";

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let Some((size, bytes)) = input.split_first() else { return };
    let policy = Policy { values: vec![("MY_TOKEN".into(), SECRET.into())], ..Policy::default() };
    let redactor = Redactor::new(&policy, "s");
    let run = |size: usize| {
        let (mut stream, mut out) = (redactor.stream(), Vec::new());
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
