//! The answer alone, as the model wrote it: what stdout gets when it is no terminal.
//! It must never know where blobs are kept: who calls fetches them.

use ace_schema::Line;
use ace_schema::data::{BlobRef, ModelCompleted, Part};
use ace_schema::ty;

/// The text of the last completed answer of the last turn in `lines` as Markdown source, without newlines at its end; `None` if
/// that turn has not completed. `fetch` gives the text of a blob.
pub fn answer<'a>(
    lines: impl IntoIterator<Item = &'a Line<'a>>,
    fetch: &dyn Fn(&BlobRef) -> Option<String>,
) -> Option<String> {
    let mut last: Option<ModelCompleted> = None;
    let mut done = false;
    for line in lines.into_iter().filter(|l| l.is_recorded()) {
        match &*line.ty {
            ty::TURN_STARTED => (last, done) = (None, false),
            // A summary is no answer to anybody.
            ty::MODEL_COMPLETED => {
                last = line.data().ok().filter(|done: &ModelCompleted| done.summary.is_empty()).or(last);
            }
            ty::TURN_COMPLETED => done = true,
            _ => {}
        }
    }
    last.filter(|_| done).map(|answer| text(&answer.parts, fetch))
}

/// The text parts of an answer; parts with reasoning between them stand a blank line apart.
#[must_use]
pub fn text(parts: &[Part], fetch: &dyn Fn(&BlobRef) -> Option<String>) -> String {
    let mut out = String::new();
    let mut apart = false;
    for part in parts {
        let piece = match part {
            Part::Text(text) => Some(text.clone()),
            Part::TextBlob(blob) => fetch(blob),
            Part::Reasoning(_) | Part::ReasoningBlob(_) => {
                apart = !out.is_empty();
                None
            }
        };
        if let Some(piece) = piece {
            if std::mem::take(&mut apart) {
                out.truncate(out.trim_end().len());
                out.push_str("\n\n");
            }
            out.push_str(&piece);
        }
    }
    out.truncate(out.trim_end_matches('\n').len());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_answer_of_a_turn_that_is_done() {
        let raw = [
            r#"{"seq":1,"v":1,"id":"turn-1","type":"turn.started"}"#,
            r#"{"seq":2,"v":1,"id":"a-1","type":"model.completed","data":{"stop":"tools","parts":[{"text":"first"}]}}"#,
            r#"{"seq":3,"v":1,"id":"a-2","type":"model.completed","data":{"stop":"end","parts":[{"text":"a"},{"text":"b\n"},{"reasoning":"r"},{"text_blob":{"sha":"x","bytes":1}}]}}"#,
            r#"{"seq":4,"v":1,"id":"end-1","type":"turn.completed"}"#,
        ];
        let lines: Vec<Line> = raw.iter().map(|r| Line::parse(r.as_bytes()).unwrap()).collect();
        let fetch = |_: &BlobRef| Some("c\n".to_owned());
        assert_eq!(answer(&lines, &fetch).as_deref(), Some("ab\n\nc"));
        assert_eq!(answer(&lines[..3], &fetch), None);
    }
}
