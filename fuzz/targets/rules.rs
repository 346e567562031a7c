//! A rule file: read or refused with a problem that says so.
#![no_main]

use ace_permissions::{Layer, RuleText, Rulebook};

libfuzzer_sys::fuzz_target!(|text: &str| {
    let texts = [RuleText { layer: Layer::User, file: "rules.toml".into(), text: text.into() }];
    if let Err(problems) = Rulebook::read(&texts) {
        assert!(!problems.is_empty());
    }
});
