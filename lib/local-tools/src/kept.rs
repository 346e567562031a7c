//! What a kept command leaves for the next one: its working directory and its exported variables. A command tells them when its
//! shell ends; one that is killed leaves them as they were. Nothing but kept commands ever sees them.

use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use ace_schema::limits;

use crate::bench::{Bench, Place};

/// Names the file in which a command tells its state.
pub(crate) const VARIABLE: &str = "ACE_KEPT";
/// The shell around a kept command: in the same shell, so that what it changes is there at the end.
pub(crate) const AROUND: &str = r#"trap '{ pwd -P && env -0; } >"$ACE_KEPT" 2>/dev/null' EXIT
eval "$1""#;

/// A working directory and an environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kept {
    pub cwd: PathBuf,
    pub env: Vec<(String, String)>,
}

impl Kept {
    /// Where kept commands begin.
    pub fn first(place: &Place) -> Self {
        Self { cwd: place.root.clone(), env: place.env.clone() }
    }

    /// The file for one call; a name, not a path.
    pub fn file(id: u64) -> String {
        format!(".kept-{id}")
    }

    /// What the command told at its end, if it did. The file is taken away.
    pub fn take(bench: &Bench, id: u64) -> Option<Self> {
        let path = bench.place.tmp.join(Self::file(id));
        let bytes = File::open(&path).and_then(|file| {
            let mut bytes = Vec::new();
            file.take(limits::KEPT_BYTES + 1).read_to_end(&mut bytes).map(|_| bytes)
        });
        // Gone already, or never made: both are no state.
        let _ = std::fs::remove_file(&path);
        let bytes = bytes.ok()?;
        if bytes.len() as u64 > limits::KEPT_BYTES {
            return None;
        }
        Self::read(&bytes)
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let end = memchr::memchr(b'\n', bytes)?;
        let cwd = PathBuf::from(std::ffi::OsString::from_vec(bytes[..end].to_vec()));
        let text = String::from_utf8_lossy(&bytes[end + 1..]);
        // The last one is whole only when its end is there.
        if !cwd.is_absolute() || !text.ends_with('\0') {
            return None;
        }
        let pairs = text.split('\0').filter_map(|pair| pair.split_once('='));
        let own = [VARIABLE, "_", "PWD", "OLDPWD", "SHLVL"];
        let env = pairs.filter(|(name, _)| !own.contains(name)).map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
        Some(Self { cwd, env })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_read_whole_or_not_at_all() {
        let kept = Kept::read(b"/a b\nX=1\n2\0PWD=/a b\0ACE_KEPT=/t\0E=\0").unwrap();
        assert_eq!(kept.cwd, PathBuf::from("/a b"));
        assert_eq!(kept.env, [("X".to_owned(), "1\n2".to_owned()), ("E".to_owned(), String::new())]);
        for torn in [&b"/a"[..], b"", b"/a\nX=1", b"a\nX=1\0", b"\nX=1\0"] {
            assert_eq!(Kept::read(torn), None, "{torn:?}");
        }
    }
}
