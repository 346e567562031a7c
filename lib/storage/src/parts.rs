//! Blobs that arrive in parts on the stream, from programs that may not write files. It must never trust their order or length.

use std::collections::HashMap;
use std::io;
use std::os::unix::fs::FileExt;

use ace_schema::draft::BlobPartLine;
use ace_schema::limits;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use crate::blobs::{Aside, Blobs};
use crate::hash::{hex, is_sha};
use crate::store::Why;

/// Blobs that have begun to arrive, each in the file it will be.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    begun: HashMap<(u32, String), Part>,
}

#[derive(Debug)]
struct Part {
    aside: Aside,
    hasher: Sha256,
    bytes: u64,
    next: usize,
    of: usize,
}

/// What a part did.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// More parts are to come, or this one was there.
    Part,
    /// The blob is whole and on the disk.
    Whole,
}

impl Parts {
    /// Takes one part. The outer error is the disk's: the same part may be given again later. The inner one is the part's.
    pub fn take(&mut self, blobs: &Blobs, pen: u32, line: &BlobPartLine<'_>) -> io::Result<Result<Taken, Why>> {
        if !is_sha(&line.sha) {
            return Ok(Err(Why::Blob("sha is not a lower-case hex SHA-256")));
        }
        if line.of == 0 || line.part >= line.of {
            return Ok(Err(Why::Blob("part is not below of")));
        }
        if blobs.has(&line.sha) {
            self.begun.remove(&(pen, line.sha.to_string()));
            return Ok(Ok(Taken::Part));
        }
        let Ok(bytes) = STANDARD.decode(line.data.as_bytes()) else {
            return Ok(Err(Why::Blob("data is not base64")));
        };
        let key = (pen, line.sha.to_string());
        if !self.begun.contains_key(&key) {
            if line.part > 0 {
                return Ok(Err(Why::Blob("a part without the ones before it")));
            }
            if self.begun.len() >= limits::BLOBS_BEGUN {
                return Ok(Err(Why::Blob("too many blobs have begun and not ended")));
            }
            let aside = Aside::new(blobs)?;
            let part = Part { aside, hasher: Sha256::new(), bytes: 0, next: 0, of: line.of };
            self.begun.insert(key.clone(), part);
        }
        let Some(part) = self.begun.get_mut(&key) else { return Ok(Ok(Taken::Part)) };
        let taken = part.take(line.part, line.of, &bytes)?;
        if taken == Ok(true) {
            let whole = hex(&part.hasher.clone().finalize()) == line.sha;
            // Kept or not, it is over: what a failed sync has lost must not be believed at a second try.
            let kept = if whole { part.aside.keep(blobs, &line.sha) } else { Ok(()) };
            self.begun.remove(&key);
            kept?;
            return Ok(if whole { Ok(Taken::Whole) } else { Err(Why::Blob("the bytes do not have that hash")) });
        }
        if taken.is_err() {
            self.begun.remove(&key);
        }
        Ok(taken.map(|_| Taken::Part))
    }

    /// Forgets what a pen has begun.
    pub fn forget(&mut self, pen: u32) {
        self.begun.retain(|(number, _), _| *number != pen);
    }
}

impl Part {
    /// Writes one part where the last one ended; `true` when it was the last. A part that was there is passed over.
    fn take(&mut self, part: usize, of: usize, bytes: &[u8]) -> io::Result<Result<bool, Why>> {
        if of != self.of || part > self.next {
            return Ok(Err(Why::Blob("a part without the ones before it")));
        }
        if part == self.next {
            let sum = self.bytes + bytes.len() as u64;
            if sum > limits::BLOB_BYTES {
                return Ok(Err(Why::Blob("larger than a blob may be")));
            }
            self.aside.file.write_all_at(bytes, self.bytes)?;
            self.hasher.update(bytes);
            self.bytes = sum;
            self.next += 1;
        }
        Ok(Ok(self.next == self.of))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::sha256;
    use ace_schema::draft::blob_lines;
    use std::fs;

    fn pool() -> (tempfile::TempDir, Blobs) {
        let dir = tempfile::tempdir().unwrap();
        let blobs = Blobs::at(dir.path().join("blobs"));
        (dir, blobs)
    }

    fn files(blobs: &Blobs) -> usize {
        fs::read_dir(blobs.folder()).map_or(0, Iterator::count)
    }

    fn feed(parts: &mut Parts, blobs: &Blobs, pen: u32, line: &[u8]) -> Result<Taken, Why> {
        parts.take(blobs, pen, &serde_json::from_slice(line).unwrap()).unwrap()
    }

    #[test]
    fn parts_join_doubled_parts_do_not_matter_and_gaps_do() {
        let (_dir, blobs) = pool();
        let bytes: Vec<u8> = (0..limits::BLOB_PART_BYTES * 3 + 5).map(|n| (n % 251) as u8).collect();
        let sha = hex(&sha256(&bytes));
        let lines = blob_lines(&sha, &bytes, |b| STANDARD.encode(b));
        assert_eq!(lines.len(), 4);
        assert!(lines.iter().all(|l| l.len() <= limits::LINE_BYTES));
        let mut parts = Parts::default();
        assert_eq!(feed(&mut parts, &blobs, 1, &lines[0]), Ok(Taken::Part));
        assert!(feed(&mut parts, &blobs, 2, &lines[1]).is_err(), "another pen has not begun it");
        assert_eq!(feed(&mut parts, &blobs, 1, &lines[0]), Ok(Taken::Part));
        assert_eq!(feed(&mut parts, &blobs, 1, &lines[1]), Ok(Taken::Part));
        assert_eq!(feed(&mut parts, &blobs, 1, &lines[2]), Ok(Taken::Part));
        assert!(!blobs.has(&sha));
        assert_eq!(feed(&mut parts, &blobs, 1, &lines[3]), Ok(Taken::Whole));
        assert_eq!(blobs.get(&sha).unwrap(), bytes);
        assert_eq!(feed(&mut parts, &blobs, 1, &lines[3]), Ok(Taken::Part), "it is stored by now");
        assert_eq!(files(&blobs), 1);
    }

    #[test]
    fn wrong_parts_leave_nothing_behind() {
        let (_dir, blobs) = pool();
        let mut parts = Parts::default();
        let sha = "0".repeat(64);
        for bad in [
            r#"{"sha":"x","part":0,"of":1,"data":""}"#.to_string(),
            format!(r#"{{"sha":"{sha}","part":1,"of":1,"data":""}}"#),
            format!(r#"{{"sha":"{sha}","part":0,"of":0,"data":""}}"#),
            format!(r#"{{"sha":"{sha}","part":0,"of":1,"data":"***"}}"#),
            format!(r#"{{"sha":"{sha}","part":0,"of":1,"data":"aGVsbG8="}}"#),
        ] {
            assert!(feed(&mut parts, &blobs, 1, bad.as_bytes()).is_err(), "{bad}");
        }
        assert_eq!(files(&blobs), 0);
        for n in 0..limits::BLOBS_BEGUN + 1 {
            let line = format!(r#"{{"sha":"{n:064x}","part":0,"of":2,"data":"YQ=="}}"#);
            assert_eq!(feed(&mut parts, &blobs, 1, line.as_bytes()).is_ok(), n < limits::BLOBS_BEGUN);
        }
        parts.forget(1);
        assert_eq!(files(&blobs), 0);
    }

    #[test]
    fn an_empty_blob_is_a_blob() {
        let (_dir, blobs) = pool();
        let sha = hex(&sha256(b""));
        let lines = blob_lines(&sha, b"", |b| STANDARD.encode(b));
        assert_eq!(feed(&mut Parts::default(), &blobs, 1, &lines[0]), Ok(Taken::Whole));
        assert_eq!(blobs.get(&sha).unwrap(), b"");
    }
}
