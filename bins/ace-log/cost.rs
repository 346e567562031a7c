//! `ace-log cost`, which `ace cost` is: what sessions cost, by turn and model.

use ace_cli::log::Since;
use ace_cli::{Complaint, Exit, SessionAddress, When};
use ace_front::sessions::{self, load};
use ace_front::{Opening, clock, listing};
use ace_schema::Line;
use ace_schema::data::SessionNamed;
use ace_schema::ty;
use ace_storage::split;
use ace_view::cost::{Costs, Row, table};
use ace_view::render;

use crate::read::print;
use crate::stream::flush;

/// By turn for one session; by session for many.
pub fn cost(
    opening: &Opening,
    session: &[SessionAddress],
    since: Option<&Since>,
    project: Option<&str>,
    (json, color): (bool, When),
) -> Result<Exit, Complaint> {
    let prices = ace_front::prices(opening);
    let mut costs = Costs::default();
    let addresses = match session {
        [] => chosen(opening, since, project)?,
        some => some.to_vec(),
    };
    let turns = session.len() == 1;
    for address in &addresses {
        let (_, all) = load(opening, address)?;
        let lines = || split(&all).filter_map(|l| Line::parse(l).ok());
        let name = if turns { None } else { lines().filter_map(|l| name_in(&l)).last() };
        lines().for_each(|line| costs.fold(&line, name.as_deref(), &prices));
    }
    if json {
        costs.rows.iter().map(|row| line(row, turns)).try_for_each(|text| print(&text))?;
        return flush();
    }
    if costs.rows.is_empty() {
        print("no model was asked\n")?;
        return flush();
    }
    let style = listing(color);
    let head = if turns { "TURN" } else { "SESSION" };
    table(&costs, head, &style).iter().try_for_each(|text| print(&(render(text, &style) + "\n")))?;
    flush()
}

/// The sessions with records since then, and of that project.
fn chosen(opening: &Opening, since: Option<&Since>, project: Option<&str>) -> Result<Vec<SessionAddress>, Complaint> {
    let now = clock().now();
    let from = match since {
        None => i64::MIN,
        Some(Since::Ago(ms)) => now.saturating_sub(i64::try_from(*ms).unwrap_or(i64::MAX)),
        Some(Since::Day(day)) => ace_view::time::moment(&format!("{day}T00:00:00.000Z")).unwrap_or(i64::MIN),
    };
    let all = sessions::list(opening, true)?;
    let fits = |s: &sessions::Session| s.last >= from && project.is_none_or(|p| s.row.project == p);
    Ok(all.iter().filter(|s| !s.damaged && fits(s)).filter_map(|s| s.id.parse().ok()).collect())
}

fn name_in(line: &Line) -> Option<String> {
    matches!(&*line.ty, ty::SESSION_CREATED | ty::SESSION_NAMED)
        .then(|| line.data::<SessionNamed>().ok().map(|named| named.name))
        .flatten()
}

/// A row as JSON, units spelled out in the names.
fn line(row: &Row, turns: bool) -> String {
    let of = if turns { "turn" } else { "session" };
    let name = if turns { serde_json::json!(row.of.parse::<u32>().unwrap_or(0)) } else { serde_json::json!(row.of) };
    let cost = if row.unpriced > 0 && row.cost == 0 { None } else { Some(row.cost) };
    let value = serde_json::json!({
        of: name, "model": row.model, "calls": row.calls, "input_tokens": row.usage.input,
        "cache_read_tokens": row.usage.cache_read, "cache_write_tokens": row.usage.cache_write,
        "output_tokens": row.usage.output, "reasoning_tokens": row.usage.reasoning, "cost_micro_usd": cost,
        "without_cache_micro_usd": row.without, "unpriced_calls": row.unpriced, "estimated_calls": row.estimated,
    });
    format!("{value}\n")
}
