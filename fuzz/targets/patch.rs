//! A patch: every part of it names a path, and none is named twice.
#![no_main]

use ace_schema::patch::{parse, paths};

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok(files) = parse(text) {
        let mut named: Vec<&str> = files.iter().flat_map(paths).collect();
        assert!(!named.is_empty());
        let all = named.len();
        named.sort_unstable();
        named.dedup();
        assert_eq!(named.len(), all);
    }
});
