//! Between runs: two sessions side by side, who wrote a line, questions over all sessions.

use ace_cli::log::FileLine;
use ace_cli::{Complaint, Exit, SessionAddress, When};
use ace_front::{Opening, blame as who, listing, query as tables, sessions};
use ace_storage::Cell;
use ace_view::table::{Column, Table};
use ace_view::{Role, Text, logdiff, render, time, units, visible};

use crate::PROGRAM;
use crate::read::print;
use crate::stream::flush;

/// What two sessions did differently, turn by turn; 1 if anything.
pub fn diff(
    opening: &Opening,
    a: &SessionAddress,
    b: &SessionAddress,
    whole: bool,
    (json, color): (bool, When),
) -> Result<Exit, Complaint> {
    let turns = |session: &SessionAddress| -> Result<Vec<logdiff::Turn>, Complaint> {
        let (_, all) = sessions::load_unread(opening, session)?;
        Ok(logdiff::turns(&sessions::lines(opening, session, &all)?))
    };
    let (old, new) = (turns(a)?, turns(b)?);
    let changes = logdiff::changes(&old, &new);
    let differ = changes.iter().any(|change| change.sign != ' ');
    if json {
        for change in changes.iter().filter(|c| whole || c.sign != ' ') {
            let side = |(seq, words): &(u64, String)| match words.is_empty() {
                true => serde_json::Value::Null,
                false => serde_json::json!({"seq": (*seq > 0).then_some(seq), "words": words}),
            };
            let line = serde_json::json!({
                "turn": change.turn, "sign": change.sign.to_string(), "what": change.what, "old": side(&change.old), "new": side(&change.new),
            });
            print(&format!("{line}\n"))?;
        }
    } else {
        let style = listing(color);
        for text in logdiff::lines(&changes, whole, &style) {
            print(&(render(&text, &style) + "\n"))?;
        }
        if differ {
            let line = format!("cost    {} and {}", logdiff::cost(&old), logdiff::cost(&new));
            print(&(render(&Text::of(Role::Dim, line), &style) + "\n"))?;
        }
    }
    flush()?;
    Ok(if differ { Exit::No } else { Exit::Done })
}

/// The record that made a line of a file; 1 if no session did.
pub fn blame(
    opening: &Opening,
    at: &FileLine,
    session: Option<&SessionAddress>,
    (json, color): (bool, When),
) -> Result<Exit, Complaint> {
    let Some(found) = who::blame(opening, &at.file, at.line, session)? else {
        let what = format!("no session wrote line {} of '{}'", at.line, at.file.display());
        return Err(Complaint::new(PROGRAM, Exit::No, what).hint("git blame tells of commits"));
    };
    if json {
        let line = serde_json::json!({
            "session": found.session, "name": found.name, "seq": found.seq, "ts": found.ts, "call": found.call, "turn": found.turn,
            "prompt": found.prompt, "model": found.model, "cost_micro_usd": found.cost, "text": found.text,
        });
        print(&format!("{line}\n"))?;
        return flush();
    }
    let style = listing(color);
    let zone = jiff::tz::TimeZone::system();
    let call = if found.call.is_empty() { "changed outside of calls" } else { found.call.as_str() };
    let mut lines = vec![
        visible(&format!("{}@{}", found.name, found.seq), Role::Typed)
            .gap(2)
            .and(visible(call, Role::Bold))
            .gap(2)
            .dim(time::day_and_minute(&found.ts, &zone)),
    ];
    if found.turn > 0 {
        lines.push(Text::of(Role::Dim, format!("  turn {}  ", found.turn)).and(visible(&found.prompt, Role::Plain)));
    }
    if !found.model.is_empty() {
        lines.push(
            Text::of(Role::Dim, "  model   ")
                .and(visible(&found.model, Role::Plain))
                .gap(2)
                .plain(units::cost(found.cost)),
        );
    }
    lines.push(Text::of(Role::Dim, format!("  {:>6}  ", at.line)).and(visible(&found.text, Role::Plain)));
    for line in lines {
        print(&(render(&line.cut_end(style.width, &style), &style) + "\n"))?;
    }
    flush()
}

/// The answer to a question over all sessions; 1 if nothing is found.
pub fn query(opening: &Opening, sql: &str, (json, color): (bool, When)) -> Result<Exit, Complaint> {
    let found = tables::ask(opening, sql)?;
    if json {
        for row in &found.rows {
            let fields = found.columns.iter().cloned().zip(row.iter().map(value));
            print(&format!("{}\n", serde_json::Value::Object(fields.collect())))?;
        }
    } else {
        let numbers = |i: usize| found.rows.iter().all(|row| !matches!(row.get(i), Some(Cell::Text(_))));
        let columns = (0..found.columns.len()).map(|i| if numbers(i) { Column::number("") } else { Column::text("") });
        let mut table = Table::new(columns.collect());
        table.row(Text::new(), found.columns.iter().map(|name| visible(&name.to_uppercase(), Role::Dim)).collect());
        for row in &found.rows {
            table.row(Text::new(), row.iter().map(|cell| visible(&shown(cell), Role::Plain)).collect());
        }
        let style = listing(color);
        for text in table.draw_bare(&style) {
            print(&(render(&text, &style) + "\n"))?;
        }
    }
    if found.more {
        let what = format!("only the first {} rows are shown", found.rows.len());
        ace_cli::note(PROGRAM, &what, Some("LIMIT, or a narrower WHERE"), color);
    }
    flush()?;
    Ok(if found.rows.is_empty() { Exit::No } else { Exit::Done })
}

fn value(cell: &Cell) -> serde_json::Value {
    match cell {
        Cell::Null => serde_json::Value::Null,
        Cell::Int(n) => (*n).into(),
        Cell::Real(n) => serde_json::json!(n),
        Cell::Text(text) => text.as_str().into(),
    }
}

fn shown(cell: &Cell) -> String {
    match cell {
        Cell::Null => "-".to_owned(),
        Cell::Int(n) => n.to_string(),
        Cell::Real(n) => format!("{n}"),
        Cell::Text(text) => text.replace('\n', " "),
    }
}
