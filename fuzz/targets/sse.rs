//! A provider's stream: however it is cut it gives the same events, and no wire's decoder falls over them.
#![no_main]

use ace_model_gateway::{Options, Provider, Sse, TooLong, find, names};

/// The first byte says how long the pieces are, the rest is the stream.
fn events<'a>(parts: impl Iterator<Item = &'a [u8]>) -> Result<Vec<String>, TooLong> {
    let (mut sse, mut all) = (Sse::new(1 << 16), Vec::new());
    let mut take = |data: &str| -> Result<(), TooLong> {
        all.push(data.to_owned());
        Ok(())
    };
    for part in parts {
        sse.push(part, &mut take)?;
    }
    sse.finish(&mut take)?;
    Ok(all)
}

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let Some((size, stream)) = input.split_first() else { return };
    let whole = events(std::iter::once(stream));
    let parts = events(stream.chunks(usize::from(*size).max(1)));
    assert_eq!(whole, parts);
    for wire in names() {
        let provider = Provider {
            name: "p".into(),
            wire: (*wire).into(),
            base_url: "http://127.0.0.1:1".into(),
            api_key: None,
            key_env: String::new(),
            options: Options::default(),
        };
        let Some(found) = find(wire) else { continue };
        let (mut decoder, mut out) = (found.decoder(&provider), Vec::new());
        for data in whole.iter().flatten() {
            if decoder.push(data, &mut out).is_err() {
                break;
            }
        }
        let _ = decoder.finish(&mut out);
    }
});
