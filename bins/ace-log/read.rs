//! What `ace-log` shows people: a line a record, and the answers.

use ace_cli::{Complaint, Exit, SessionAddress, When};
use ace_front::sessions::{around, lines, load, load_unread};
use ace_front::{Opening, listing};
use ace_schema::data::{BlobRef, ModelCompleted};
use ace_schema::{Line, ty};
use ace_storage::split;
use ace_view::table::{Column, Table};
use ace_view::{Role, Text, render, show::record, visible};
use jiff::tz::TimeZone;
use std::io::Write;

use crate::PROGRAM;
use crate::stream::flush;

/// Prints text as it stands.
pub fn print(text: &str) -> Result<(), Complaint> {
    std::io::stdout().lock().write_all(text.as_bytes()).map_err(|e| Complaint::io(PROGRAM, "cannot print", &e))
}

/// A line a record; or one record whole.
pub fn show(opening: &Opening, session: &SessionAddress, verbose: bool, color: When) -> Result<Exit, Complaint> {
    let (_, all) = load_unread(opening, session)?;
    let lines = lines(opening, session, &all)?;
    let style = listing(color);
    if let Some(seq) = session.seq {
        let Some(texts) = record(around(&lines, seq), seq, &style) else {
            let last = lines.last().and_then(|l| l.seq).unwrap_or(0);
            let what = format!("'{}' has no line {seq}, the last is @{last}", session.place_text());
            return Err(Complaint::new(PROGRAM, Exit::No, what));
        };
        texts.iter().try_for_each(|t| print(&(render(t, &style) + "\n")))?;
        return flush();
    }
    let zone = TimeZone::system();
    let mut view = ace_view::log::LogView::default();
    for line in &lines {
        for text in view.record(line, &zone, verbose, &style) {
            print(&(render(&text, &style) + "\n"))?;
        }
    }
    flush()
}

/// The answers alone, a blank line between them.
pub fn text(opening: &Opening, session: &SessionAddress) -> Result<Exit, Complaint> {
    let (log, all) = load(opening, session)?;
    let fetch = |b: &BlobRef| log.blobs().get(&b.sha).ok().map(|b| String::from_utf8_lossy(&b).into_owned());
    let mut any = false;
    let mut failed = false;
    for line in split(&all).filter_map(|l| Line::parse(l).ok()) {
        match &*line.ty {
            ty::MODEL_COMPLETED => {
                let Ok(done) = line.data::<ModelCompleted>() else { continue };
                let text = ace_view::answer::text(&done.parts, &fetch);
                if !text.is_empty() {
                    print(&format!("{}{}\n", if any { "\n" } else { "" }, text.trim_end()))?;
                    any = true;
                }
            }
            ty::TURN_COMPLETED => failed = false,
            ty::TURN_FAILED | ty::TURN_CANCELLED => failed = true,
            _ => {}
        }
    }
    flush()?;
    Ok(if failed { Exit::No } else { Exit::Done })
}

/// Where words stand, over all sessions: `NAME@SEQ`, the type, the text around; 1 if they stand nowhere.
pub fn search(opening: &Opening, words: &str, json: bool, color: When) -> Result<Exit, Complaint> {
    let hits = ace_front::search::search(opening, words)?;
    let style = listing(color);
    let mut table = Table::new(vec![Column::text("WHERE"), Column::text("EVENT"), Column::text("AROUND").grows()]);
    for (name, hit) in &hits {
        let around = ace_view::clean(&hit.around.replace(['\u{1}', '\u{2}'], "")).replace(['\n', '\t'], " ");
        if json {
            let line = serde_json::json!({"session": name, "id": hit.session, "seq": hit.seq, "type": hit.ty, "around": around});
            print(&format!("{line}\n"))?;
        } else {
            let place = visible(&format!("{name}@{}", hit.seq), Role::Typed);
            table.row(Text::new(), vec![place, Text::of(Role::Dim, &hit.ty), Text::new().plain(around)]);
        }
    }
    if !json && !hits.is_empty() {
        table.draw(&style).iter().try_for_each(|t| print(&(render(t, &style) + "\n")))?;
    }
    flush()?;
    Ok(if hits.is_empty() { Exit::No } else { Exit::Done })
}
