//! A line of a log: it is read or refused, and its data with it.
#![no_main]

use ace_schema::Line;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(line) = Line::parse(bytes) {
        let _ = (line.class(), line.is_recorded());
        let _ = line.data::<serde_json::Value>();
        let _ = line.data::<ace_schema::data::SessionCreated>();
        let _ = line.data::<ace_schema::data::UserMessage>();
    }
});
