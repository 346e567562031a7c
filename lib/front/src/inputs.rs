//! What a run depends on, as one digest: the files it names, the prompt, the model, the tools. And the run before that had the
//! same, so that a session can be an ordinary target of `make`. It must never run anything.

use ace_cli::{Complaint, Exit};
use ace_core::{Digester, State, TurnEnd, digest};
use ace_schema::data::{CheckCompleted, SessionCreated};
use ace_schema::{Line, limits, tool, ty};
use ace_storage::{Log, SessionRef};
use globset::{GlobBuilder, GlobSetBuilder};
use std::collections::BTreeMap;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::opening::Opening;

/// The digest of everything that would make a run another one. `more` holds what was typed beside the prompt.
///
/// # Errors
/// A pattern is none, matches nothing, or a file cannot be read.
pub fn of(
    opening: &Opening,
    patterns: &[String],
    prompt: &str,
    model: &str,
    more: &[String],
) -> Result<String, Complaint> {
    let files = files(opening, patterns)?;
    let mut text = String::new();
    let tools: String = tool::TOOLS.iter().map(|t| format!("{}{}{}", t.name, t.description, t.parameters)).collect();
    let config = opening.settings.config.canonical();
    let parts = [env!("CARGO_PKG_VERSION"), prompt, model, &tools, &config];
    for part in parts.into_iter().chain(more.iter().map(String::as_str)) {
        text.push_str(&digest(part.as_bytes()));
    }
    for (path, what) in files {
        text.push_str(&format!("\n{what} {}", digest(path.as_os_str().as_bytes())));
    }
    Ok(digest(text.as_bytes()))
}

/// The files that the patterns name, relative to where the person stands, each with its mode and the digest of its content.
fn files(opening: &Opening, patterns: &[String]) -> Result<BTreeMap<PathBuf, String>, Complaint> {
    let program = opening.program;
    let usage = |what: String| Complaint::new(program, Exit::Usage, what);
    let mut found = BTreeMap::new();
    let mut take = |path: &Path| -> Result<(), Complaint> {
        let full = opening.cwd.join(path);
        let cannot = |e: &std::io::Error| Complaint::io(program, &format!("cannot read '{}'", path.display()), e);
        let meta = full.symlink_metadata().map_err(|e| cannot(&e))?;
        let what = if meta.is_symlink() {
            let to = std::fs::read_link(&full).map_err(|e| cannot(&e))?;
            format!("link {}", digest(to.as_os_str().as_bytes()))
        } else {
            let content = content(&full).map_err(|e| cannot(&e))?;
            format!("{} {content}", if meta.permissions().mode() & 0o111 == 0 { "file" } else { "program" })
        };
        found.insert(path.to_owned(), what);
        if found.len() > limits::INPUT_FILES {
            return Err(usage(format!("more than {} files as inputs, the limit", limits::INPUT_FILES)));
        }
        Ok(())
    };
    for pattern in patterns {
        let path = Path::new(pattern);
        // Named as it is: also when git ignores it.
        if opening.cwd.join(path).is_file() {
            take(path)?;
            continue;
        }
        let folder = opening.cwd.join(path).is_dir();
        let wanted = if folder { format!("{}/**", pattern.trim_end_matches('/')) } else { pattern.clone() };
        let wanted = wanted.strip_prefix("./").unwrap_or(&wanted);
        let glob = GlobBuilder::new(wanted)
            .literal_separator(true)
            .build()
            .map_err(|e| usage(format!("'{pattern}' is no pattern: {e}")))?;
        let set = GlobSetBuilder::new().add(glob).build().map_err(|e| usage(e.to_string()))?;
        let mut any = false;
        let walk = ignore::WalkBuilder::new(&opening.cwd)
            .hidden(false)
            .require_git(false)
            .filter_entry(|e| e.file_name() != ".git")
            .build();
        for entry in walk.filter_map(Result::ok) {
            let below = entry.path().strip_prefix(&opening.cwd).unwrap_or(entry.path());
            if entry.file_type().is_some_and(|t| !t.is_dir()) && set.is_match(below) {
                any = true;
                take(below)?;
            }
        }
        if !any {
            let complaint = usage(format!("no file matches '{pattern}'"));
            return Err(complaint.hint("inputs are patterns relative to this folder: 'src/**/*.rs'"));
        }
    }
    Ok(found)
}

/// The digest of a file, read in pieces.
fn content(path: &Path) -> std::io::Result<String> {
    let mut file = std::fs::File::open(path)?;
    let mut digester = Digester::default();
    let mut piece = vec![0; 64 * 1024];
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(digester.finish()),
            n => digester.update(&piece[..n]),
        }
    }
}

/// The newest session with that digest that came to a good end: with an answer, and with the check passed if there is one.
///
/// # Errors
/// The home cannot be read.
pub fn done_before(
    opening: &Opening,
    inputs: &str,
    check: Option<&str>,
) -> Result<Option<(SessionRef, Log)>, Complaint> {
    let home = opening.home();
    let all = home.sessions().map_err(|e| Complaint::io(opening.program, "cannot read the sessions", &e))?;
    for one in all {
        let log = home.log(&one.id).with_blobs(home.blobs());
        let first = log.first_line().ok().flatten().unwrap_or_default();
        let same =
            Line::parse(&first).ok().and_then(|l| l.data::<SessionCreated>().ok()).is_some_and(|c| c.inputs == inputs);
        if same && ended_well(&log, check).unwrap_or(false) {
            return Ok(Some((one, log)));
        }
    }
    Ok(None)
}

fn ended_well(log: &Log, check: Option<&str>) -> std::io::Result<bool> {
    let mut state = State::new();
    let mut passed = check.is_none();
    let mut follow = log.follow(0)?;
    loop {
        let lines = follow.read()?;
        if lines.is_empty() {
            return Ok(passed && state.is_settled() && state.ended == Some(TurnEnd::Completed));
        }
        for line in ace_storage::split(lines).filter_map(|l| Line::parse(l).ok()) {
            state.fold(&line);
            if line.ty == ty::CHECK_COMPLETED
                && let (Some(check), Ok(done)) = (check, line.data::<CheckCompleted>())
                && done.command == check
            {
                passed = done.passed;
            }
        }
    }
}

/// The last answer of a session, as a pipe gets it.
///
/// # Errors
/// Reading failed.
pub fn answer(log: &Log) -> std::io::Result<Option<String>> {
    let mut turn: Vec<Vec<u8>> = Vec::new();
    let mut follow = log.follow(0)?;
    loop {
        let lines = follow.read()?;
        if lines.is_empty() {
            break;
        }
        for bytes in ace_storage::split(lines) {
            match Line::parse(bytes).map(|l| l.ty.to_string()).unwrap_or_default().as_str() {
                ty::TURN_STARTED => turn = vec![bytes.to_vec()],
                ty::MODEL_COMPLETED => {
                    turn.truncate(1);
                    turn.push(bytes.to_vec());
                }
                ty::TURN_COMPLETED => turn.push(bytes.to_vec()),
                _ => {}
            }
        }
    }
    let fetch =
        |b: &ace_schema::data::BlobRef| log.blobs().get(&b.sha).ok().map(|b| String::from_utf8_lossy(&b).into_owned());
    let parsed: Vec<Line> = turn.iter().filter_map(|l| Line::parse(l).ok()).collect();
    Ok(ace_view::answer(&parsed, &fetch))
}
