//! What a repository may start: nothing, until a person has looked at it and said so. Trust is bound to the exact bytes of the
//! project's file, so that an edit, by whomever, asks again; and it lies in the ace home, which no tool can reach.

use ace_config::{Layer, LayerName, load};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use crate::deciders::files;

/// The file below the ace home: one line a project, digest and path.
const FILE: &str = "trust";

/// Projects remembered at most; the oldest go first.
const PROJECTS: usize = 10_000;

/// A program of the project is hashed up to this size, bytes.
const PROGRAM_BYTES: u64 = 64 * 1024 * 1024;

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

    /// Whether exactly this text of that file is trusted, and the project's own programs that it names are what they were then.
    #[must_use]
    pub fn holds(&self, file: &Path, text: &str) -> bool {
        self.said.get(&key(file)).is_some_and(|digest| *digest == fingerprint(file, text))
    }

    /// Trusts exactly this text of that file.
    ///
    /// # Errors
    /// It cannot be written down.
    pub fn give(&mut self, file: &Path, text: &str) -> io::Result<()> {
        if self.said.len() >= PROJECTS {
            self.said.pop_first();
        }
        self.said.insert(key(file), fingerprint(file, text));
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

/// The commands that a project's file would start once it is trusted; none if it cannot be read.
#[must_use]
pub fn commands(file: &str, text: &str) -> Vec<Vec<String>> {
    let mut layer = Layer::file(LayerName::Project, file, text);
    layer.trusted = true;
    let all = |c: ace_config::Config| {
        let hooks = c.hooks.into_iter().map(|hooked| hooked.argv);
        c.filters.into_iter().chain(c.gates).chain(hooks).chain(c.worktree.setup).collect()
    };
    load(&[layer]).map(all).unwrap_or_default()
}

/// Digest over the text and over every file of the project that its commands name: a script that changes is a new program.
fn fingerprint(file: &Path, text: &str) -> String {
    let mut digester = ace_core::Digester::default();
    digester.update(text.as_bytes());
    let root = file.parent().and_then(Path::parent).unwrap_or(Path::new("."));
    // In the order in which they would start.
    let named = commands("", text).into_iter().flat_map(|argv| files(root, &argv));
    for (word, path) in named {
        // Too large or not readable counts as its own state, which a later change of it does not match either.
        let state = match std::fs::metadata(&path) {
            Ok(meta) if meta.is_file() && meta.len() <= PROGRAM_BYTES => std::fs::read(&path).ok(),
            Ok(meta) if meta.is_file() => Some(format!("{} bytes {:?}", meta.len(), meta.modified().ok()).into_bytes()),
            _ => None,
        };
        if let Some(bytes) = state {
            digester.update(word.as_bytes());
            digester.update(ace_core::digest(&bytes).as_bytes());
        }
    }
    digester.finish()
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
        let script = file.parent().unwrap().join("lint.sh");
        std::fs::create_dir(home.path().join(".ace")).unwrap();
        let config = home.path().join(".ace/config.toml");
        std::fs::write(&script, "true").unwrap();
        let text = "pipeline.filters = [['./lint.sh']]";
        again.give(&config, text).unwrap();
        assert!(again.holds(&config, text));
        std::fs::write(&script, "false").unwrap();
        assert!(!again.holds(&config, text), "a script that changes is a new program");
        assert!(again.take_back(&file).unwrap() && !again.take_back(&file).unwrap());
        assert!(!Trust::read(home.path()).unwrap().holds(&file, "a"));
    }
}
