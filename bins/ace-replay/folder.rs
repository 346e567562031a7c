//! A scenario's folder: read, written, copied. What it means is `ace_replay::scenario`'s.

use ace_cli::{Complaint, Exit};
use ace_replay::cassette;
use ace_replay::scenario::{CASSETTE, FILE, Scenario};
use ace_schema::limits;
use ace_storage::{hex, sha256};
use serde_json::Value;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::PROGRAM;

/// A scenario as its folder has it.
#[derive(Debug, Clone)]
pub struct Folder {
    pub path: PathBuf,
    /// Name of the folder.
    pub name: String,
    pub scenario: Scenario,
    /// The rows of its recorded model.
    pub rows: Vec<Value>,
    /// Every file below it, relative, in order.
    pub files: Vec<PathBuf>,
    /// Hex SHA-256 over all of them.
    pub digest: String,
}

/// A complaint about the folder itself.
fn wrong(path: &Path, why: impl std::fmt::Display) -> Complaint {
    Complaint::new(PROGRAM, Exit::Usage, format!("'{}': {why}", path.display()))
}

/// Reads one.
pub fn read(path: &Path) -> Result<Folder, Complaint> {
    let text = limited(&path.join(FILE), limits::SCENARIO_BYTES).map_err(|e| wrong(&path.join(FILE), e))?;
    let text = String::from_utf8(text).map_err(|_| wrong(&path.join(FILE), "not UTF-8"))?;
    let scenario = Scenario::parse(&text).map_err(|e| wrong(&path.join(FILE), e))?;
    let cassette_file = path.join(CASSETTE);
    let text = limited(&cassette_file, limits::CASSETTE_BYTES).map_err(|e| wrong(&cassette_file, e))?;
    let text = String::from_utf8(text).map_err(|_| wrong(&cassette_file, "not UTF-8"))?;
    let rows = cassette::rows(&text).map_err(|line| wrong(&cassette_file, format!("line {line} is no JSON")))?;
    let files = files(path).map_err(|e| wrong(path, e))?;
    let digest = digest(path, &files).map_err(|e| wrong(path, e))?;
    let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let name = real.file_name().map_or_else(|| "scenario".to_owned(), |n| n.to_string_lossy().into_owned());
    Ok(Folder { path: path.to_owned(), name, scenario, rows, files, digest })
}

/// All scenarios of these folders: each one itself, or what lies in it.
pub fn all(folders: &[PathBuf]) -> Result<Vec<PathBuf>, Complaint> {
    let mut found = Vec::new();
    for folder in folders {
        if folder.join(FILE).is_file() {
            found.push(folder.clone());
            continue;
        }
        let entries = std::fs::read_dir(folder).map_err(|e| wrong(folder, e))?;
        let mut inner: Vec<PathBuf> =
            entries.flatten().map(|entry| entry.path()).filter(|path| path.join(FILE).is_file()).collect();
        inner.sort();
        if inner.is_empty() {
            return Err(wrong(folder, format!("no scenario here: neither it nor a folder in it holds {FILE}"))
                .hint("ace-replay distil S DIR makes one of a session"));
        }
        found.extend(inner);
    }
    if found.len() > limits::SCENARIOS {
        let what = format!("{} scenarios, the limit is {}", found.len(), limits::SCENARIOS);
        return Err(Complaint::new(PROGRAM, Exit::Usage, what));
    }
    Ok(found)
}

/// A file of at most so many bytes.
pub fn limited(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(io::Error::other(format!("more than {most} bytes")));
    }
    Ok(bytes)
}

/// Every file below a folder, relative, in order; links are named and not followed.
pub fn files(root: &Path) -> io::Result<Vec<PathBuf>> {
    let (mut found, mut open, mut bytes) = (Vec::new(), vec![PathBuf::new()], 0);
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(root.join(&folder))? {
            let entry = entry?;
            let path = folder.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                open.push(path);
                continue;
            }
            bytes += entry.metadata()?.len();
            found.push(path);
            if found.len() > limits::SCENARIO_FILES || bytes > limits::SCENARIO_FILES_BYTES {
                let (files, most) = (limits::SCENARIO_FILES, limits::SCENARIO_FILES_BYTES);
                return Err(io::Error::other(format!("more than {files} files or {most} bytes")));
            }
        }
    }
    found.sort();
    Ok(found)
}

fn digest(root: &Path, files: &[PathBuf]) -> io::Result<String> {
    let mut list = String::new();
    for path in files {
        let whole = root.join(path);
        let bytes = match whole.symlink_metadata()?.is_symlink() {
            true => whole.read_link()?.into_os_string().into_encoded_bytes(),
            false => std::fs::read(&whole)?,
        };
        list += &format!("{} {}\n", hex(&sha256(&bytes)), path.display());
    }
    Ok(hex(&sha256(list.as_bytes())))
}

/// Copies one file or link with its mode; folders on the way are made.
pub fn copy(from: &Path, to: &Path) -> io::Result<()> {
    if let Some(folder) = to.parent() {
        std::fs::create_dir_all(folder)?;
    }
    if from.symlink_metadata()?.is_symlink() {
        return std::os::unix::fs::symlink(from.read_link()?, to);
    }
    std::fs::copy(from, to).map(drop)
}

/// Copies all below a folder, if it is there.
pub fn copy_all(from: &Path, to: &Path) -> io::Result<()> {
    std::fs::create_dir_all(to)?;
    if !from.is_dir() {
        return Ok(());
    }
    files(from)?.iter().try_for_each(|path| copy(&from.join(path), &to.join(path)))
}
