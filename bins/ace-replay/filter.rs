//! `ace-replay S -- FILTER`: what a filter of today would have added to that log, beside what was added then.

use ace_cli::replay::Play;
use ace_cli::{Complaint, Exit, SessionAddress, When};
use ace_front::{Opening, interrupt, sessions};
use ace_host::again::again;
use ace_host::kind_of;
use ace_replay::filtered::{Addition, Change, changes, fields, is_of};
use ace_schema::Line;
use ace_view::{Mark, Role, Text};
use serde_json::{Value, json};

use crate::PROGRAM;
use crate::tell::{Teller, count, flat, no};

/// Programs that do more than draft: their effects are not only in the record.
const NOT_HERE: [&str; 3] = ["ace-tool", "ace-fetch", "ace-quota"];

/// Feeds the filter and compares.
pub fn filter(opening: &Opening, session: &SessionAddress, args: &Play, color: When) -> Result<Exit, Complaint> {
    let name = args.filter.first().map_or("", |a| a.rsplit('/').next().unwrap_or(a));
    if NOT_HERE.contains(&name) {
        let what = format!("'{name}' has effects beside the record, so it is not run on an old log");
        return Err(Complaint::new(PROGRAM, Exit::Usage, what)
            .hint(format!("ace-replay tools {} runs the calls again", session.place_text())));
    }
    let (_, all) = sessions::load_unread(opening, session)?;
    let lines = sessions::lines(opening, session, &all)?;
    let (from, to) = (args.from.unwrap_or(1), args.to.or(session.seq).unwrap_or(u64::MAX));
    let until = lines.iter().take_while(|line| line.seq.is_none_or(|seq| seq <= to)).count();
    let raw: Vec<&[u8]> = ace_storage::split(&all).take(until).collect();
    let kind = kind_of(&args.filter);
    let mut teller = Teller::new(color);
    let stop = interrupt("ace-replay: killed", || {});
    let drafts = again(&args.filter, &raw, |at| {
        if at % 16 == 0 {
            teller.progress(&format!("{at} of {until} lines"));
        }
        !stop.is_wanted()
    });
    teller.clear();
    let drafts = match drafts {
        Ok(drafts) => drafts,
        Err(_) if stop.is_wanted() => return Ok(Exit::Cancelled),
        Err(why) => {
            let complaint = no(format!("'{}': {why}", args.filter[0]));
            let buffers = why.contains("does it buffer?");
            return Err(if buffers {
                complaint.hint("awk -W interactive, jq --unbuffered, sed -u hand on at once")
            } else {
                complaint
            });
        }
    };
    let within = |addition: &Addition| addition.seq >= from;
    let now: Vec<Addition> = drafts
        .iter()
        .filter_map(|(after, bytes)| Some(Addition::of(&Line::parse(bytes).ok()?, *after)))
        .filter(within)
        .collect();
    let mine = |line: &&Line| is_of(kind, line);
    let then: Vec<Addition> = lines[..until]
        .iter()
        .filter(mine)
        .map(|line| Addition::of(line, line.seq.unwrap_or(0)))
        .filter(within)
        .collect();
    let (same, found) = changes(&then, &now);
    for change in &found {
        if args.json {
            teller.raw(&format!("{}\n", as_json(change)))?;
        } else {
            let lines = told(change, &teller);
            teller.print(&lines)?;
        }
    }
    if args.json {
        teller.raw(&format!("{}\n", json!({ "same": same, "changes": found.len() })))?;
    } else {
        let (mark, role) = if found.is_empty() { (Mark::Done, Role::GoodBold) } else { (Mark::Failed, Role::BadBold) };
        let verdict = if found.is_empty() { "no difference".to_owned() } else { count(found.len(), "difference") };
        let line = Text::marked(mark, &teller.style).with(role, verdict).plain(format!("  {same} the same"));
        teller.print(&[line])?;
    }
    Ok(if found.is_empty() { Exit::Done } else { Exit::No })
}

fn as_json(change: &Change) -> Value {
    match change {
        Change::Added(a) => json!({ "change": "added", "after": a.seq, "type": a.ty, "cause": a.cause, "now": a.data }),
        Change::Missing(a) => {
            json!({ "change": "missing", "seq": a.seq, "type": a.ty, "cause": a.cause, "was": a.data })
        }
        Change::Other(a, b) => {
            json!({ "change": "other", "seq": a.seq, "type": a.ty, "cause": a.cause, "was": a.data, "now": b.data })
        }
    }
}

/// `- @23  permission.resolved`, and the fields that differ.
fn told(change: &Change, teller: &Teller) -> Vec<Text> {
    let head = |sign: &str, role, a: &Addition| {
        Text::of(role, sign).plain(" ").with(Role::Typed, format!("@{}", a.seq)).plain("  ").with(Role::Bold, &a.ty)
    };
    let field = |(path, was, now): (String, Value, Value)| {
        Text::new().plain("    ").dim(format!("{path}  ")).plain(format!("{} -> {}", short(&was), short(&now)))
    };
    let mut lines = match change {
        Change::Added(a) => vec![head("+", Role::Good, a).plain("  ").plain(short(&a.data))],
        Change::Missing(a) => vec![head("-", Role::Bad, a).plain("  ").plain(short(&a.data))],
        Change::Other(a, b) => {
            let mut lines = vec![head("~", Role::Edge, a)];
            lines.extend(fields(&a.data, &b.data).into_iter().map(field));
            lines
        }
    };
    lines = lines.into_iter().map(|line| line.cut_end(teller.style.width, &teller.style)).collect();
    lines
}

fn short(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::String(text) => flat(text),
        other => flat(&other.to_string()),
    }
}
