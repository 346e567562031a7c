//! A session as one file, and back: JSON Lines, as all else. The logs it is made of, byte for byte, their blobs, and the states of
//! its files as a pack of git. It holds no path, mode or link to be obeyed: whatever comes in is checked by hash before it is kept.

use ace_cli::{Complaint, Exit};
use ace_host::{pool, pools, steps};
use ace_redact::Redactor;
use ace_schema::data::SessionCreated;
use ace_schema::{Line, draft, limits};
use ace_storage::{Blobs, Home, Log, Stage, hex, is_sha, sha256};
use ace_worktree as git;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::io::{BufRead, Read, Seek, Write};
use std::path::{Path, PathBuf};

use crate::opening::{Opening, random};
use crate::{redaction, words};

/// The version of the form.
const VERSION: u64 = 1;

/// The type of the first line, of the one before a log, of those with the pack, of the last.
const HEAD: &str = "pack.head";
const LOG: &str = "pack.log";
const GIT: &str = "pack.git";
const END: &str = "pack.end";

/// What goes in.
#[derive(Debug, Clone, Copy, Default)]
pub struct Want {
    /// Also what holds secrets.
    pub raw: bool,
    /// Without the states of files.
    pub no_files: bool,
}

/// Counts and hashes what is written.
struct Out<W: Write> {
    to: W,
    digester: ace_core::Digester,
    lines: u64,
}

impl<W: Write> Out<W> {
    fn line(&mut self, line: &[u8]) -> std::io::Result<()> {
        self.digester.update(line);
        self.lines += 1;
        self.to.write_all(line)
    }

    fn value(&mut self, value: &Value) -> std::io::Result<()> {
        self.line(format!("{value}\n").as_bytes())
    }
}

/// Writes a session as one file.
///
/// # Errors
/// In words; nothing that holds a secret is written unless that is wanted.
pub fn pack(opening: &Opening, log: &Log, name: &str, want: Want, to: impl Write) -> Result<(), Complaint> {
    let program = opening.program;
    let cannot = |e: std::io::Error| Complaint::io(program, &format!("cannot pack '{name}'"), &e);
    let home = opening.home();
    let chain = chain(home, log).map_err(cannot)?;
    let redactor =
        if want.raw { None } else { Some(Redactor::new(&redaction::policy(opening)?, &chain[chain.len() - 1].0)) };
    let mut blobs = BTreeSet::new();
    let mut texts = Vec::new();
    for (session, log) in &chain {
        let text = own_lines(log).map_err(cannot)?;
        look(&text, &mut blobs, log.blobs(), redactor.as_ref()).map_err(|e| secret(program, name, &e))?;
        texts.push((session.clone(), text));
    }
    let packed = if want.no_files { None } else { states(opening, log, name, redactor.as_ref())? };
    let mut out = Out { to, digester: ace_core::Digester::default(), lines: 0 };
    let ids: Vec<&String> = chain.iter().map(|(id, _)| id).collect();
    let head = json!({"type": HEAD, "v": VERSION, "session": ids.last(), "name": name, "sessions": ids, "blobs": blobs.len(), "files": packed.is_some()});
    let written = (|| {
        out.value(&head)?;
        for sha in &blobs {
            let bytes = log.blobs().get(sha).map_err(std::io::Error::other)?;
            for line in draft::blob_lines(sha, &bytes, |b| BASE64_STANDARD.encode(b)) {
                out.line(&line)?;
            }
        }
        for (session, text) in &texts {
            out.value(&json!({"type": LOG, "session": session}))?;
            for line in text.split_inclusive(|&b| b == b'\n') {
                out.line(line)?;
            }
        }
        if let Some(mut packed) = packed {
            let mut part = vec![0; limits::BLOB_PART_BYTES];
            loop {
                let n = fill(&mut packed, &mut part)?;
                if n == 0 {
                    break;
                }
                out.value(&json!({"type": GIT, "data": BASE64_STANDARD.encode(&part[..n])}))?;
            }
        }
        let end = json!({"type": END, "lines": out.lines, "sha256": out.digester.clone().finish()});
        out.value(&end)?;
        out.to.flush()
    })();
    written.map_err(cannot)
}

/// Reads until the part is full or nothing is left.
fn fill(from: &mut impl Read, part: &mut [u8]) -> std::io::Result<usize> {
    let mut have = 0;
    while have < part.len() {
        match from.read(&mut part[have..])? {
            0 => break,
            n => have += n,
        }
    }
    Ok(have)
}

/// The session and those that it goes on from, the oldest first.
fn chain(home: &Home, log: &Log) -> std::io::Result<Vec<(String, Log)>> {
    let mut all = Vec::new();
    let mut log = log.clone();
    loop {
        let first = log.first_line()?.unwrap_or_default();
        let line = Line::parse(&first).map_err(|e| std::io::Error::new(std::io::ErrorKind::InvalidData, e))?;
        let id = line.session.to_string();
        let from = line.data::<SessionCreated>().ok().and_then(|created| created.forked_from);
        all.push((id, log));
        match from {
            Some(from) if all.len() < limits::ANCESTORS => log = home.log(&from.session).with_blobs(home.blobs()),
            _ => break,
        }
    }
    all.reverse();
    Ok(all)
}

/// The whole lines of a log that are its own.
fn own_lines(log: &Log) -> std::io::Result<Vec<u8>> {
    let mut text = std::fs::read(log.file())?;
    let end = text.iter().rposition(|&b| b == b'\n').map_or(0, |at| at + 1);
    text.truncate(end);
    Ok(text)
}

/// Something that must not leave: where it is.
struct Secret(String);

fn secret(program: &str, name: &str, found: &Secret) -> Complaint {
    Complaint::new(program, Exit::No, format!("'{name}' holds a secret in {}: nothing was packed", found.0)).hint(
        format!(
            "ace-log scrub {name} takes secrets out of a log; --no-files leaves files out, --raw packs all as it is"
        ),
    )
}

/// Finds the blobs that some text names, and what must not leave.
fn look(text: &[u8], found: &mut BTreeSet<String>, blobs: &Blobs, redactor: Option<&Redactor>) -> Result<(), Secret> {
    let mut new = Vec::new();
    for (n, line) in text.split(|&b| b == b'\n').enumerate() {
        if let Some(redactor) = redactor
            && ace_redact::rewrite(line, |place, text| match place.depth < 2 || is_sha(text) {
                true => ace_redact::Change::Keep,
                false => redactor.field(place.key, text).map_or(ace_redact::Change::Keep, ace_redact::Change::Text),
            })
            .is_some()
        {
            return Err(Secret(format!("line {}", n + 1)));
        }
        // What stands in quotes and is the name of a blob here.
        for word in line.split(|&b| b == b'"').filter(|w| w.len() == 64) {
            let sha = String::from_utf8_lossy(word).into_owned();
            if is_sha(&sha) && blobs.has(&sha) && found.insert(sha.clone()) {
                new.push(sha);
            }
        }
    }
    for sha in new {
        let bytes = blobs.get(&sha).unwrap_or_default();
        if redactor.is_some_and(|redactor| redactor.bytes(&bytes).is_some()) {
            return Err(Secret(format!("blob {}", &sha[..12])));
        }
        // A whole state names further ones.
        if bytes.first() == Some(&b'{') {
            look_in(&bytes, found, blobs, redactor)?;
        }
    }
    Ok(())
}

fn look_in(
    bytes: &[u8],
    found: &mut BTreeSet<String>,
    blobs: &Blobs,
    redactor: Option<&Redactor>,
) -> Result<(), Secret> {
    for word in bytes.split(|&b| b == b'"').filter(|w| w.len() == 64) {
        let sha = String::from_utf8_lossy(word).into_owned();
        if is_sha(&sha) && blobs.has(&sha) && found.insert(sha.clone()) {
            let bytes = blobs.get(&sha).unwrap_or_default();
            if redactor.is_some_and(|redactor| redactor.bytes(&bytes).is_some()) {
                return Err(Secret(format!("blob {}", &sha[..12])));
            }
        }
    }
    Ok(())
}

/// The states that the session's records name and the commit that it began at.
fn named(log: &Log) -> std::io::Result<(SessionCreated, Vec<String>)> {
    let (state, steps) = steps(log)?;
    let mut ids: BTreeSet<String> = steps.into_iter().map(|step| step.tree).collect();
    ids.extend(state.created.worktree.as_ref().map(|tree| tree.base.clone()));
    Ok((state.created, ids.into_iter().filter(|id| !id.is_empty()).collect()))
}

/// The pack of its states, in a file without a name; `None` outside git.
fn states(opening: &Opening, log: &Log, name: &str, redactor: Option<&Redactor>) -> Result<Option<File>, Complaint> {
    let program = opening.program;
    let cannot = |e: std::io::Error| Complaint::io(program, &format!("cannot pack '{name}'"), &e);
    let failed = |e: git::Error| words::worktree(program, &e);
    let (created, ids) = named(log).map_err(cannot)?;
    let Some(pool) = pool(&created, &pools(opening.home())).map_err(failed)?.filter(|_| !ids.is_empty()) else {
        return Ok(None);
    };
    if let Some(redactor) = redactor {
        let holds =
            |path: &[u8], bytes: &[u8]| redactor.bytes(bytes).map(|_| String::from_utf8_lossy(path).into_owned());
        if let Some(path) = pool.first_file(&ids, holds).map_err(failed)? {
            return Err(secret(program, name, &Secret(format!("the file '{path}'"))));
        }
    }
    let scratch = opening.home().path();
    let mut file = nameless(scratch).map_err(cannot)?;
    pool.pack(&ids, &file, scratch).map_err(failed)?;
    file.rewind().map_err(cannot)?;
    Ok(Some(file))
}

fn nameless(folder: &Path) -> std::io::Result<File> {
    let path = folder.join(format!(".pack-{}-{:016x}", std::process::id(), random()));
    let file = File::options().read(true).write(true).create_new(true).open(&path)?;
    std::fs::remove_file(path)?;
    Ok(file)
}

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
    Ok(Unpacked { name: created.name, id, new, lines, files })
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
