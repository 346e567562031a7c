//! Keys as a terminal sends them, one by one. It must never know what they mean.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::time::Duration;

use crate::typing::Key;

/// How long the rest of a key's sequence may take.
const SEQUENCE: Duration = Duration::from_millis(50);

/// The next key, if one comes within a tenth of a second.
pub fn next_key() -> Option<Key> {
    let first = byte(Duration::from_millis(100))?;
    if first != 0x1b {
        return Some(Key::Byte(first));
    }
    match byte(SEQUENCE) {
        None => Some(Key::Escape),
        Some(b'\n' | b'\r') => Some(Key::AltEnter),
        Some(b'[' | b'O') => {
            let mut sequence = Vec::new();
            while let Some(b) = byte(SEQUENCE) {
                sequence.push(b);
                if (0x40..=0x7e).contains(&b) || sequence.len() > 16 {
                    break;
                }
            }
            Some(match &*sequence {
                b"200~" => Key::PasteBegin,
                b"201~" => Key::PasteEnd,
                b"A" => Key::Up,
                b"I" => Key::Focus(true),
                b"O" => Key::Focus(false),
                _ => Key::Other,
            })
        }
        Some(_) => Some(Key::Other),
    }
}

fn byte(within: Duration) -> Option<u8> {
    let stdin = rustix::stdio::stdin();
    let mut fds = [PollFd::new(&stdin, PollFlags::IN)];
    let wait = Timespec { tv_sec: 0, tv_nsec: i64::from(within.subsec_nanos()) };
    if poll(&mut fds, Some(&wait)).ok()? == 0 {
        return None;
    }
    // Byte by byte from the terminal itself: what a buffer has taken no poll tells of.
    let mut byte = [0];
    match rustix::io::read(stdin, &mut byte) {
        Ok(1) => Some(byte[0]),
        _ => {
            // The terminal is gone: no key will come any more.
            std::thread::sleep(Duration::from_millis(100));
            None
        }
    }
}
