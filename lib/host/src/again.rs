//! A filter of today on an old log: fed line by line as if each were the present, and listened to. What it drafts is recorded
//! nowhere, so that it never reads a claim of its own back and nothing it does has an effect.

use ace_schema::{Line, draft, ty};

use crate::laws::subject::Subject;

/// What stands behind each line, so that whatever the line led to comes out before the next. It is a draft, which nobody reads.
const FENCE: &[u8] =
    b"{\"v\":1,\"id\":\"fence-1\",\"session\":\"\",\"by\":\"ace-replay\",\"type\":\"replay.fence\",\"data\":{}}\n";

/// The drafts of a filter, each with the number of the recorded line it came after. `goes_on` is asked before each line.
///
/// # Errors
/// In words: it cannot be started, does not hand lines on, falls, or was stopped.
pub fn again(
    argv: &[String],
    lines: &[&[u8]],
    mut goes_on: impl FnMut(usize) -> bool,
) -> Result<Vec<(u64, Vec<u8>)>, String> {
    let mut subject = Subject::start(argv)?;
    let live = draft::control(ty::LOG_LIVE);
    for (at, line) in lines.iter().enumerate() {
        if !goes_on(at) {
            return Err("stopped".to_owned());
        }
        subject.pass(&[line, &b"\n"[..]].concat())?;
        if at == 0 {
            subject.pass(&live)?;
        }
        subject.pass(FENCE)?;
    }
    let output = subject.output()?;
    let (mut after, mut drafts) = (0, Vec::new());
    for bytes in ace_storage::split(&output) {
        let Ok(line) = Line::parse(bytes) else { continue };
        match line.seq {
            Some(seq) => after = seq,
            None if line.class() == ace_schema::Class::Stone && line.ty != "replay.fence" => {
                drafts.push((after, bytes.to_vec()));
            }
            None => {}
        }
    }
    Ok(drafts)
}
