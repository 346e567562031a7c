//! A batch of drafts as it comes in, read once. It must never know what is recorded already.

use ace_schema::draft::BlobPartLine;
use ace_schema::{Class, Line, LineError, limits, ty};

use crate::lines;
use crate::store::{Refusal, Why};

/// One line of a batch, read once.
#[derive(Debug)]
pub(crate) enum Item<'a> {
    Stone(usize, &'a [u8], Line<'a>),
    Chalk(usize, &'a [u8], Line<'a>),
    Part(usize, BlobPartLine<'a>),
    Refused(Refusal),
}

/// Reads a batch: what is recorded already and what only speaks about the stream is left out.
pub(crate) fn sort(drafts: &[u8]) -> Vec<Item<'_>> {
    lines::split(drafts).enumerate().filter_map(|(at, bytes)| item(at, bytes)).collect()
}

fn item(at: usize, bytes: &[u8]) -> Option<Item<'_>> {
    let refuse = |why| Some(Item::Refused(Refusal { line: at, id: String::new(), ty: String::new(), why }));
    // Fields nobody reads may hold bytes that are no text, which the parser would not notice.
    if bytes.len() <= limits::LINE_BYTES && std::str::from_utf8(bytes).is_err() {
        return refuse(LineError::NotAnEvent("not UTF-8".into()).into());
    }
    let line = match parse(bytes) {
        Ok(line) => line,
        Err(e) => return refuse(e.into()),
    };
    if line.is_recorded() {
        return None;
    }
    match line.class() {
        Class::Stone => Some(Item::Stone(at, bytes, line)),
        Class::Chalk => Some(Item::Chalk(at, bytes, line)),
        Class::Control if line.ty != ty::LOG_BLOB => None,
        Class::Control => match serde_json::from_slice(bytes) {
            Ok(part) => Some(Item::Part(at, part)),
            Err(_) => refuse(Why::Blob("needs sha, part, of and data")),
        },
    }
}

/// Reads an envelope. An array of the right values would read as one too, but no array is a line.
pub(crate) fn parse(bytes: &[u8]) -> Result<Line<'_>, LineError> {
    let line = Line::parse(bytes)?;
    if bytes.trim_ascii_start().first() != Some(&b'{') {
        return Err(LineError::NotAnEvent("not an object".into()));
    }
    Ok(line)
}

/// Whether a derived id is one that conclusions of this type have; a foreign one would have the true conclusion dropped.
pub(crate) fn shape_fits(id: &str, name: &str) -> bool {
    let types: &[&str] = match id.split_once('-').map(|(head, _)| head) {
        Some("turn") => &[ty::TURN_STARTED, ty::MESSAGE_WITHDRAWN],
        Some("ctx") => &[ty::CONTEXT_BUILT],
        Some("end") => &[ty::TURN_COMPLETED, ty::TURN_FAILED, ty::TURN_CANCELLED],
        Some("answer") => &[ty::PERMISSION_RESOLVED],
        Some("ask") => &[ty::PERMISSION_REQUESTED],
        Some("vet") => &[ty::MESSAGE_VETTED],
        Some("close") => &[
            ty::MODEL_COMPLETED,
            ty::MODEL_FAILED,
            ty::TOOL_COMPLETED,
            ty::TOOL_FAILED,
            ty::HOOK_COMPLETED,
            ty::EFFECT_FAILED,
        ],
        Some("compact") => &[ty::SESSION_COMPACTED],
        Some("drop") => &[ty::PEN_DROPPED],
        _ => return true,
    };
    types.contains(&name)
}
