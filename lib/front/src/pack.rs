//! A session as one file, and back: JSON Lines, as all else. The logs it is made of, byte for byte, their blobs, and the states of
//! its files as a bundle of git. Secrets are taken out on the way: what held one is another then, by name and by chain. It holds no path, mode or link to be obeyed: whatever comes in is checked by hash before it is kept.

use ace_cli::{Complaint, Exit};
use ace_host::{pool, pools, steps};
use ace_redact::Redactor;
use ace_schema::data::SessionCreated;
use ace_schema::{Line, draft, limits};
use ace_storage::{Home, Log, is_sha};
use ace_worktree as git;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::io::{Read, Seek, Write};
use std::path::Path;

mod clean;
mod unpack;

pub use clean::Taken;
pub use unpack::{Unpacked, unpack};

use clean::Spool;

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
    /// Secrets stay in.
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

/// Writes a session as one file. What was taken out of it, if something was.
///
/// # Errors
/// In words.
pub fn pack(opening: &Opening, log: &Log, name: &str, want: Want, to: impl Write) -> Result<Option<Taken>, Complaint> {
    let program = opening.program;
    let cannot = |e: std::io::Error| Complaint::io(program, &format!("cannot pack '{name}'"), &e);
    let home = opening.home();
    let chain = chain(home, log).map_err(cannot)?;
    let id = chain.last().map(|(id, _)| id.clone()).unwrap_or_default();
    let mut texts = Vec::new();
    for (session, log) in &chain {
        texts.push((session.clone(), own_lines(log).map_err(cannot)?));
    }
    let redactor = if want.raw { None } else { Some(Redactor::new(&redaction::policy(opening)?, &id)) };
    let mut states = if want.no_files { None } else { States::of(opening, log, name)? };
    let spool = Spool::new(nameless(home.path()).map_err(cannot)?);
    let mut taken = Taken::default();
    let mut called = name.to_owned();
    if let Some(redactor) = redactor {
        let renamed = match &mut states {
            Some(states) => states.clean(program, name, &redactor, &mut taken)?,
            None => HashMap::new(),
        };
        called = redactor.text(name).unwrap_or(called);
        clean::clean(&mut texts, (redactor, log.blobs()), (renamed, &spool), &mut taken).map_err(cannot)?;
    }
    let bundle = states.map(|states| states.bundle(opening, &id)).transpose()?;
    let mut blobs = BTreeSet::new();
    for (_, text) in &texts {
        look(text, &mut blobs, &|sha| spool.get(sha, log.blobs())).map_err(cannot)?;
    }
    let mut out = Out { to, digester: ace_core::Digester::default(), lines: 0 };
    let ids: Vec<&String> = chain.iter().map(|(id, _)| id).collect();
    let mut head = json!({"type": HEAD, "v": VERSION, "session": id, "name": called, "sessions": ids, "blobs": blobs.len(), "files": bundle.is_some()});
    if taken != Taken::default() {
        head["taken"] = json!({"lines": taken.lines, "blobs": taken.blobs, "files": taken.files});
    }
    let written = (|| {
        out.value(&head)?;
        for sha in &blobs {
            let bytes = spool.get(sha, log.blobs())?.unwrap_or_default();
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
        if let Some(mut bundle) = bundle {
            let mut part = vec![0; limits::BLOB_PART_BYTES];
            loop {
                let n = fill(&mut bundle, &mut part)?;
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
    written.map_err(cannot)?;
    Ok(Some(taken).filter(|taken| *taken != Taken::default()))
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

/// Finds the blobs that some text names, in quotes, and those that they name themselves.
fn look(
    text: &[u8],
    found: &mut BTreeSet<String>,
    get: &impl Fn(&str) -> std::io::Result<Option<Vec<u8>>>,
) -> std::io::Result<()> {
    for word in text.split(|&b| matches!(b, b'"' | b'\n')).filter(|word| word.len() == 64) {
        let sha = String::from_utf8_lossy(word).into_owned();
        if !is_sha(&sha) || found.contains(&sha) {
            continue;
        }
        if let Some(bytes) = get(&sha)? {
            found.insert(sha);
            // A whole state names further ones.
            if bytes.first() == Some(&b'{') {
                look(&bytes, found, get)?;
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

/// The states of its files, where they are kept.
struct States {
    pool: git::Pool,
    ids: Vec<String>,
}

impl States {
    /// `None` outside git.
    fn of(opening: &Opening, log: &Log, name: &str) -> Result<Option<Self>, Complaint> {
        let program = opening.program;
        let cannot = |e: std::io::Error| Complaint::io(program, &format!("cannot pack '{name}'"), &e);
        let (created, ids) = named(log).map_err(cannot)?;
        let pool = pool(&created, &pools(opening.home())).map_err(|e| words::worktree(program, &e))?;
        Ok(pool.filter(|_| !ids.is_empty()).map(|pool| Self { pool, ids }))
    }

    /// Writes them anew without secrets; the new names of those that held some.
    fn clean(
        &mut self,
        program: &str,
        name: &str,
        redactor: &Redactor,
        taken: &mut Taken,
    ) -> Result<HashMap<String, String>, Complaint> {
        let done = self.pool.rewrite(&self.ids, &mut clean::Files(redactor));
        let done = done.map_err(|e| words::worktree(program, &e))?;
        if let Some(file) = done.refused {
            let file = redactor.text(&file).unwrap_or(file);
            let what = format!(
                "'{name}' holds a file whose name is a secret, '{}': nothing was packed",
                ace_view::clean(&file)
            );
            return Err(
                Complaint::new(program, Exit::No, what).hint("--no-files leaves files out, --raw packs all as it is")
            );
        }
        taken.files = done.files;
        for id in &mut self.ids {
            if let Some(new) = done.renamed.get(id) {
                new.clone_into(id);
            }
        }
        Ok(done.renamed)
    }

    /// All of them as a bundle of git, in a file without a name.
    fn bundle(&self, opening: &Opening, session: &str) -> Result<File, Complaint> {
        let cannot = |e: std::io::Error| Complaint::io(opening.program, "cannot pack the states of files", &e);
        let scratch = opening.home().path();
        let mut file = nameless(scratch).map_err(cannot)?;
        let bundled = self.pool.bundle(&self.ids, session, &mut file, scratch);
        bundled.map_err(|e| words::worktree(opening.program, &e))?;
        file.rewind().map_err(cannot)?;
        Ok(file)
    }
}

fn nameless(folder: &Path) -> std::io::Result<File> {
    let path = folder.join(format!(".pack-{}-{:016x}", std::process::id(), random()));
    let file = File::options().read(true).write(true).create_new(true).open(&path)?;
    std::fs::remove_file(path)?;
    Ok(file)
}
