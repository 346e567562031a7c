//! Pieces of output while a call runs: few enough to follow, however fast it writes. What is left out here is in the output.

use std::time::{Duration, Instant};

use ace_schema::limits::{DELTA_BYTES, DELTAS_PER_SECOND};

use crate::capture::whole_characters;

const PAUSE: Duration = Duration::from_millis(1000 / DELTAS_PER_SECOND);

pub(crate) struct Deltas<'a> {
    sink: &'a mut dyn FnMut(&str),
    waiting: Vec<u8>,
    last: Option<Instant>,
}

impl<'a> Deltas<'a> {
    pub fn new(sink: &'a mut dyn FnMut(&str)) -> Self {
        Self { sink, waiting: Vec::new(), last: None }
    }

    /// Takes output; of a flood the latest.
    pub fn push(&mut self, chunk: &[u8]) {
        self.waiting.extend_from_slice(&chunk[chunk.len().saturating_sub(DELTA_BYTES + 1)..]);
        if self.waiting.len() > DELTA_BYTES {
            // From the next gap on: half a word could be the half of a secret that nobody knows by its half.
            let from = self.waiting.len() - DELTA_BYTES;
            let gap = self.waiting[from..].iter().position(u8::is_ascii_whitespace);
            self.waiting.drain(..gap.map_or(self.waiting.len(), |gap| from + gap));
        }
    }

    /// How long until the next piece may go; `None` if none waits.
    pub fn due(&self) -> Option<Duration> {
        let since = self.last.map_or(PAUSE, |last| last.elapsed());
        (whole_characters(&self.waiting) > 0).then(|| PAUSE.saturating_sub(since))
    }

    /// Sends what waits, if it may go. A character that is not whole yet waits on.
    pub fn send(&mut self) {
        if self.due() != Some(Duration::ZERO) {
            return;
        }
        let whole = whole_characters(&self.waiting);
        let rest = self.waiting.split_off(whole);
        let mut text = String::from_utf8_lossy(&self.waiting).into_owned();
        // Replacements are longer than what they replace.
        if text.len() > DELTA_BYTES {
            let from = text.ceil_char_boundary(text.len() - DELTA_BYTES);
            text.drain(..from);
        }
        (self.sink)(&text);
        self.waiting = rest;
        self.last = Some(Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f14_a_flood_is_joined_and_its_latest_is_shown() {
        let mut seen: Vec<String> = Vec::new();
        let mut sink = |text: &str| seen.push(text.to_owned());
        let mut deltas = Deltas::new(&mut sink);
        deltas.push(b"first");
        deltas.send();
        for n in 0..10_000 {
            deltas.push(format!("line {n}\n").as_bytes());
            deltas.send();
        }
        std::thread::sleep(PAUSE);
        deltas.send();
        assert_eq!(deltas.due(), None);
        assert!(seen.len() < 20, "{}", seen.len());
        assert_eq!(seen[0], "first");
        let last = seen.last().unwrap();
        assert!(last.ends_with("line 9999\n") && last.len() <= DELTA_BYTES);
    }

    #[test]
    fn a_cut_character_waits_for_its_end() {
        let mut seen = String::new();
        let mut sink = |text: &str| seen.push_str(text);
        let mut deltas = Deltas::new(&mut sink);
        let text = "aé€😀".as_bytes();
        for byte in text {
            deltas.push(&[*byte]);
            deltas.send();
            std::thread::sleep(PAUSE);
        }
        deltas.send();
        assert_eq!(seen, "aé€😀");
    }
}
