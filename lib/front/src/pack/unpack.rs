//! A packed session that comes in: looked through as it is read, kept as a whole or not at all.

use ace_cli::{Complaint, Exit};
use ace_host::pools;
use ace_schema::limits;
use ace_storage::{Blobs, Stage, hex, is_sha, sha256};
use ace_worktree as git;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;
use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, Read, Seek, Write};
use std::path::PathBuf;

use super::{END, GIT, HEAD, LOG, VERSION, named, nameless};
use crate::opening::{Opening, random};

/// What came in.
#[derive(Debug)]
pub struct Unpacked {
    /// The session.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Sessions that were not here yet.
    pub new: usize,
    /// Records of the session itself.
    pub lines: u64,
    /// States of files came along.
    pub files: bool,
    /// Secrets were taken out where it was packed: its chain is another than the one there.
    pub scrubbed: bool,
}

/// Takes a file in. Nothing is kept of one that is not whole, but blobs, which are what their names say.
///
/// # Errors
/// In words.
pub fn unpack(opening: &Opening, from: impl BufRead) -> Result<Unpacked, Complaint> {
    let program = opening.program;
    let bad = |what: String| Complaint::new(program, Exit::Damaged, format!("cannot unpack: {what}"));
    let io = |e: std::io::Error| match e.kind() {
        std::io::ErrorKind::InvalidData => bad(e.to_string()),
        std::io::ErrorKind::AlreadyExists => Complaint::new(program, Exit::Usage, format!("cannot unpack: {e}")),
        _ => Complaint::io(program, "cannot unpack", &e),
    };
    let home = opening.home();
    let mut stage = Stage::new(home, random()).map_err(io)?;
    let read = Reader {
        stage: &mut stage,
        blobs: home.blobs(),
        parts: HashMap::new(),
        head: None,
        log: None,
        git: None,
        taken: 0,
    }
    .all(from);
    let (head, git) = read.map_err(io)?;
    let id = head["session"].as_str().unwrap_or_default().to_owned();
    let mut lines = 0;
    for (session, report) in stage.verify().map_err(io)? {
        if let Some(damage) = &report.damage {
            return Err(bad(format!("session {session}, line {}: {}", damage.line, damage.fault)));
        }
        if session == id {
            lines = report.lines;
        }
    }
    if lines == 0 {
        return Err(bad("it has no log of its session".to_owned()));
    }
    let log = stage.log(&id);
    let (created, ids) = named(&log).map_err(io)?;
    let files = git.is_some();
    if let (Some(git), Some(repository)) = (git, &created.repository) {
        let root = PathBuf::from(&repository.root);
        let scratch = stage.folder().to_owned();
        let pool = git::Pool::open(&pools(home), &git::common_dir_of(&root).unwrap_or_else(|_| root.join(".git")));
        let taken =
            pool.and_then(|pool| pool.unpack(git, limits::PACK_BYTES).and_then(|()| pool.holds(&ids, &scratch)));
        taken.map_err(|e| bad(e.to_string()))?;
    }
    let new = stage.adopt().map_err(io)?;
    Ok(Unpacked { name: created.name, id, new, lines, files, scrubbed: head.get("taken").is_some() })
}

/// One pass over a file that comes in.
struct Reader<'a> {
    stage: &'a mut Stage,
    blobs: Blobs,
    parts: HashMap<String, (u64, Vec<u8>)>,
    head: Option<Value>,
    log: Option<String>,
    git: Option<File>,
    taken: u64,
}

/// What a line of the archive says, as far as it is asked here.
#[derive(serde::Deserialize, Default)]
#[serde(default)]
struct Said {
    #[serde(rename = "type")]
    ty: String,
    v: u64,
    session: String,
    sha: String,
    part: u64,
    of: u64,
    data: Value,
    lines: u64,
    sha256: String,
}

impl Reader<'_> {
    fn all(mut self, mut from: impl BufRead) -> std::io::Result<(Value, Option<File>)> {
        let invalid = |what: &str| std::io::Error::new(std::io::ErrorKind::InvalidData, what.to_owned());
        let mut digester = ace_core::Digester::default();
        let mut lines = 0u64;
        let mut line = Vec::new();
        loop {
            line.clear();
            let most = limits::LINE_BYTES as u64 + 1;
            let n = (&mut from).take(most).read_until(b'\n', &mut line)? as u64;
            self.taken += n;
            if n == 0 {
                return Err(invalid("it ends before its last line"));
            }
            if n == most || line.last() != Some(&b'\n') {
                return Err(invalid("a line is longer than a record"));
            }
            if self.taken > limits::PACK_BYTES {
                return Err(invalid("it is larger than a session may be"));
            }
            let said: Said = serde_json::from_slice(&line).map_err(|_| invalid("a line is no JSON object"))?;
            if said.ty == END {
                let whole = said.lines == lines && said.sha256 == digester.finish();
                let head = self.head.take().filter(|_| whole && self.parts.is_empty());
                if let Some(git) = &mut self.git {
                    git.rewind()?;
                }
                return head.map(|head| (head, self.git)).ok_or_else(|| invalid("it is not what was packed"));
            }
            digester.update(&line);
            lines += 1;
            self.one(&line, said)?;
        }
    }

    fn one(&mut self, line: &[u8], said: Said) -> std::io::Result<()> {
        let invalid = |what: &str| std::io::Error::new(std::io::ErrorKind::InvalidData, what.to_owned());
        if self.head.is_none() {
            return match said.ty == HEAD && said.v == VERSION {
                true => {
                    self.head = serde_json::from_slice(line).ok();
                    Ok(())
                }
                false if said.ty == HEAD => Err(invalid("it needs a newer ace")),
                false => Err(invalid("it is no packed session")),
            };
        }
        match said.ty.as_str() {
            LOG => {
                self.log = Some(said.session.clone());
                self.stage.begin(&said.session)
            }
            GIT => {
                let bytes = decode(&said.data)?;
                if self.git.is_none() {
                    self.git = Some(nameless(self.stage.folder())?);
                }
                self.git.as_mut().map_or(Ok(()), |file| file.write_all(&bytes))
            }
            ace_schema::ty::LOG_BLOB if self.log.is_none() => self.blob(&said),
            // A record: that it is one of this session is for verify to say.
            _ => self.stage.line(line),
        }
    }

    fn blob(&mut self, said: &Said) -> std::io::Result<()> {
        let invalid = |what: &str| std::io::Error::new(std::io::ErrorKind::InvalidData, what.to_owned());
        let (next, bytes) = self.parts.entry(said.sha.clone()).or_default();
        if !is_sha(&said.sha) || *next != said.part || said.part >= said.of {
            return Err(invalid("the parts of a blob are not in order"));
        }
        *next += 1;
        bytes.extend(decode(&said.data)?);
        if bytes.len() as u64 > limits::BLOB_BYTES {
            return Err(invalid("a blob is larger than one may be"));
        }
        if said.part + 1 < said.of {
            return Ok(());
        }
        let (_, bytes) = self.parts.remove(&said.sha).unwrap_or_default();
        if hex(&sha256(&bytes)) != said.sha {
            return Err(invalid("a blob is not what its name says"));
        }
        self.blobs.put(&bytes, "").map(drop).map_err(std::io::Error::other)
    }
}

fn decode(data: &Value) -> std::io::Result<Vec<u8>> {
    let text = data.as_str().unwrap_or_default();
    BASE64_STANDARD.decode(text).map_err(|e| std::io::Error::new(std::io::ErrorKind::InvalidData, e))
}
