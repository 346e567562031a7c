//! What a repository may start: nothing, until a person has looked at it and said so. Trust is bound to the exact bytes of the
//! project's file, so that an edit, by whomever, asks again; and it lies in the ace home, which no tool can reach.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// The file below the ace home: one line a project, digest and path.
const FILE: &str = "trust";

/// Projects remembered at most; the oldest go first.
const PROJECTS: usize = 10_000;

/// What was said about projects.
#[derive(Debug, Default)]
pub struct Trust {
    path: PathBuf,
    /// Digest of the trusted text by the path of the project's file.
    said: BTreeMap<String, String>,
}

impl Trust {
    /// Reads what was said; a home without the file has said nothing.
    ///
    /// # Errors
    /// The file is there and cannot be read.
    pub fn read(ace_home: &Path) -> io::Result<Self> {
        let path = ace_home.join(FILE);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == io::ErrorKind::NotFound => String::new(),
            Err(e) => return Err(e),
        };
        let said = text.lines().filter_map(|l| l.split_once(' ')).map(|(d, p)| (unescaped(p), d.to_owned())).collect();
        Ok(Self { path, said })
    }

    /// Whether exactly this text of that file is trusted.
    #[must_use]
    pub fn holds(&self, file: &Path, text: &str) -> bool {
        self.said.get(&key(file)).is_some_and(|digest| *digest == ace_core::digest(text.as_bytes()))
    }

    /// Trusts exactly this text of that file.
    ///
    /// # Errors
    /// It cannot be written down.
    pub fn give(&mut self, file: &Path, text: &str) -> io::Result<()> {
        if self.said.len() >= PROJECTS {
            self.said.pop_first();
        }
        self.said.insert(key(file), ace_core::digest(text.as_bytes()));
        self.write()
    }

    /// Takes trust back; whether there was any.
    ///
    /// # Errors
    /// It cannot be written down.
    pub fn take_back(&mut self, file: &Path) -> io::Result<bool> {
        let had = self.said.remove(&key(file)).is_some();
        if had {
            self.write()?;
        }
        Ok(had)
    }

    fn write(&self) -> io::Result<()> {
        use std::io::Write;
        use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
        if let Some(folder) = self.path.parent() {
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        let aside = self.path.with_extension(format!("new-{}", std::process::id()));
        let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&aside)?;
        for (path, digest) in &self.said {
            writeln!(file, "{digest} {}", escaped(path))?;
        }
        file.sync_all()?;
        std::fs::rename(aside, &self.path)
    }
}

fn key(file: &Path) -> String {
    let real = file.canonicalize().unwrap_or_else(|_| file.to_owned());
    real.display().to_string()
}

fn escaped(path: &str) -> String {
    path.replace('\\', "\\\\").replace('\n', "\\n")
}

fn unescaped(path: &str) -> String {
    let mut out = String::new();
    let mut chars = path.chars();
    while let Some(c) = chars.next() {
        match (c, c == '\\') {
            (_, true) => match chars.next() {
                Some('n') => out.push('\n'),
                Some(other) => out.push(other),
                None => out.push(c),
            },
            (c, false) => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p45_trust_is_of_exact_bytes_and_an_edit_asks_again() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("odd\nname\\.toml");
        std::fs::write(&file, "a").unwrap();
        let mut trust = Trust::read(home.path()).unwrap();
        assert!(!trust.holds(&file, "a"));
        trust.give(&file, "a").unwrap();
        let mut again = Trust::read(home.path()).unwrap();
        assert!(again.holds(&file, "a") && !again.holds(&file, "a "));
        assert!(again.take_back(&file).unwrap() && !again.take_back(&file).unwrap());
        assert!(!Trust::read(home.path()).unwrap().holds(&file, "a"));
    }
}
