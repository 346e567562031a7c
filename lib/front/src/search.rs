//! Words found again over all sessions: what people said, what models answered, what was called and what came out.

use ace_cli::Complaint;
use ace_schema::data::{ModelCompleted, Part, ToolCall, ToolCompleted, UserMessage};
use ace_schema::{Line, ty};
use ace_storage::{Hit, Home, Index, Log, Words};
use std::collections::HashMap;
use std::io::{IsTerminal, Read, Seek, SeekFrom, Write};

use crate::opening::Opening;

/// Bytes of one record's text that are kept for searching.
const TEXT_BYTES: usize = 16 * 1024;
/// Bytes of a log that are taken in at once.
const STEP_BYTES: u64 = 8 * 1024 * 1024;
/// How many places a search shows.
pub const HITS: usize = 200;

/// The places where all of these words stand, newest sessions first; with each session's name.
///
/// # Errors
/// There is no index and none can be made.
pub fn search(opening: &Opening, words: &str) -> Result<Vec<(String, Hit)>, Complaint> {
    let home = opening.home();
    let no_index = |why: &str| {
        Complaint::new(opening.program, ace_cli::Exit::Io, format!("cannot search: {why}"))
            .hint("ace-log cat S | grep finds words in one session")
    };
    let mut index =
        Index::open(home.path()).ok_or_else(|| no_index("the index is held by another, or cannot be made"))?;
    refresh(home, &mut index).map_err(|e| no_index(&e.to_string()))?;
    let hits = index.search(words, HITS).map_err(|e| no_index(&e.to_string()))?;
    let mut names: HashMap<String, String> = HashMap::new();
    Ok(hits
        .into_iter()
        .map(|hit| {
            let named = || {
                let path = home.session(&hit.session);
                ace_storage::SessionRef { id: hit.session.clone(), path }.name().unwrap_or_else(|| hit.session.clone())
            };
            (names.entry(hit.session.clone()).or_insert_with(named).clone(), hit)
        })
        .collect())
}

/// Takes in what logs have grown by. Long work says so on a terminal.
fn refresh(home: &Home, index: &mut Index) -> Result<(), Box<dyn std::error::Error>> {
    let known = index.read_up_to()?;
    let mut told = false;
    for one in home.sessions()? {
        let log = home.log(&one.id);
        let mut from = known.get(&one.id).copied().unwrap_or(0);
        // A log that cannot be read is left out; verify tells why.
        while let Ok(Some((words, to))) = take(&log, from) {
            if to - from > STEP_BYTES / 2 && std::io::stderr().is_terminal() {
                let _ = write!(std::io::stderr(), "\r\x1b[Kreading {} for the first time", one.id);
                told = true;
            }
            index.add_words(&one.id, &words, to)?;
            from = to;
        }
    }
    if told {
        let _ = write!(std::io::stderr(), "\r\x1b[K");
    }
    Ok(())
}

/// The words of the next lines from this byte on, and where they end; `None` if there are no more whole lines.
fn take(log: &Log, from: u64) -> std::io::Result<Option<(Vec<Words>, u64)>> {
    let mut file = std::fs::File::open(log.file())?;
    if file.metadata()?.len() <= from {
        return Ok(None);
    }
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(STEP_BYTES).read_to_end(&mut bytes)?;
    let Some(end) = bytes.iter().rposition(|&b| b == b'\n') else { return Ok(None) };
    let words = ace_storage::split(&bytes[..=end]).filter_map(|l| words_of(&Line::parse(l).ok()?)).collect();
    Ok(Some((words, from + end as u64 + 1)))
}

/// What can be found again in a record.
fn words_of(line: &Line) -> Option<Words> {
    let mut text = match &*line.ty {
        ty::USER_MESSAGE => line.data::<UserMessage>().ok()?.text,
        ty::MODEL_COMPLETED => {
            let said = line.data::<ModelCompleted>().ok()?.parts.into_iter().filter_map(|p| match p {
                Part::Text(text) => Some(text),
                _ => None,
            });
            said.collect::<Vec<_>>().join("\n")
        }
        ty::MODEL_CALL => {
            let call = line.data::<ToolCall>().ok()?;
            format!("{} {}", call.tool, call.args.map(|a| a.get().to_owned()).unwrap_or_default())
        }
        ty::TOOL_COMPLETED => line.data::<ToolCompleted>().ok()?.output.text,
        _ => return None,
    };
    if text.trim().is_empty() {
        return None;
    }
    text.truncate(text.floor_char_boundary(TEXT_BYTES));
    Some(Words { seq: line.seq?, ty: line.ty.to_string(), text })
}
