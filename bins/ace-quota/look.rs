//! How limits stand: an exit status and a line for scripts, a table for people.

use ace_cli::quota::Money;
use ace_cli::{Complaint, Exit, SessionAddress, When};
use ace_front::answer::state_of;
use ace_front::{Opening, clock, listing};
use ace_host::Spending;
use ace_host::spending::{group, scopes};
use ace_quota::{Kind, Scope, Standing};
use ace_schema::data::Limits;
use ace_storage::{Quota, QuotaError};
use ace_view::list::{Limit, limits};
use ace_view::{Mark, render};
use std::io::Write;

use crate::{PROGRAM, words};

fn print(text: &str) -> Result<(), Complaint> {
    let mut stdout = std::io::stdout().lock();
    let printed = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    printed.map_err(|e| Complaint::io(PROGRAM, "cannot print", &e))
}

fn no_ledger(e: &QuotaError) -> Complaint {
    let complaint = Complaint::new(PROGRAM, Exit::Io, format!("cannot tell what was spent: {e}"));
    match e {
        QuotaError::Sql(_) => complaint.hint("ace-quota rebuild tells it anew from the logs, while nothing runs"),
        _ => complaint,
    }
}

/// The scopes that were asked for: those of a session, of groups, of the day and the month.
fn wanted(
    opening: &Opening,
    groups: &[String],
    session: Option<&SessionAddress>,
    now: i64,
) -> Result<Vec<Scope>, Complaint> {
    let limited = &opening.settings.config.quota;
    let mut all = Vec::new();
    if let Some(session) = session {
        let log = opening.log(&opening.find(session)?);
        let (state, _) = state_of(&log).map_err(|e| Complaint::io(PROGRAM, "cannot read the log", &e))?;
        all.extend(scopes(limited, &state.family, &state.limits, now));
    }
    for name in groups {
        if !limited.groups.contains_key(name) {
            return Err(ace_front::words::no_group(PROGRAM, limited, name));
        }
        all.push(group(limited, name, now));
    }
    if session.is_none() && groups.is_empty() {
        let both = Limits { shared: true, ..Limits::default() };
        all.extend(scopes(limited, "", &both, now));
    }
    Ok(all)
}

fn standings(opening: &Opening, scopes: &[Scope], now: i64) -> Result<Vec<Standing>, Complaint> {
    let mut spending = Spending::open(opening.home(), &opening.settings.config.quota).map_err(|e| no_ledger(&e))?;
    spending.reconcile(now).map_err(|e| no_ledger(&e))?;
    spending.standings(scopes).map_err(|e| no_ledger(&e))
}

/// Whether so much is left in all of them.
pub fn check(
    opening: &Opening,
    groups: &[String],
    session: Option<&SessionAddress>,
    amount: Option<Money>,
) -> Result<Exit, Complaint> {
    let now = clock().now();
    let scopes = wanted(opening, groups, session, now)?;
    let mut told = Vec::new();
    let mut within = true;
    for standing in standings(opening, &scopes, now)? {
        for kind in Kind::ALL {
            let Some(left) = standing.left(kind) else { continue };
            let least = match (kind, amount) {
                (Kind::Money, Some(Money(n))) => n,
                _ => 1,
            };
            within &= left >= least;
            let whose = words::whose(&standing.scope);
            let whose = if whose.is_empty() { "session".to_owned() } else { whose };
            let allowed = words::limit(kind, standing.scope.allowed.of(kind).unwrap_or(0));
            told.push(format!("{whose}: {} of {allowed} left", words::amount(kind, left)));
        }
    }
    let line = if told.is_empty() { "no limit".to_owned() } else { told.join(", ") };
    print(&format!("{line}\n"))?;
    Ok(if within { Exit::Done } else { Exit::Limit })
}

/// Every limit as a row.
pub fn show(opening: &Opening, session: Option<&SessionAddress>, json: bool, color: When) -> Result<Exit, Complaint> {
    let now = clock().now();
    let groups: Vec<String> = match session {
        Some(_) => Vec::new(),
        None => opening.settings.config.quota.groups.keys().cloned().collect(),
    };
    let mut scopes = wanted(opening, &groups, session, now)?;
    if session.is_none() && !groups.is_empty() {
        scopes.extend(wanted(opening, &[], None, now)?);
    }
    let standings = standings(opening, &scopes, now)?;
    if json {
        let lines: String = standings.iter().flat_map(rows).map(|(s, kind, allowed)| line(s, kind, allowed)).collect();
        print(&lines)?;
        return Ok(Exit::Done);
    }
    let style = listing(color);
    let table: Vec<Limit> = standings.iter().flat_map(rows).map(|(s, kind, allowed)| row(s, kind, allowed)).collect();
    if table.is_empty() {
        print("no limit is set; [quota] in ace-config(5) tells how\n")?;
        return Ok(Exit::Done);
    }
    print(&limits(&table, &style).iter().map(|t| render(t, &style) + "\n").collect::<String>())?;
    Ok(Exit::Done)
}

fn rows(standing: &Standing) -> impl Iterator<Item = (&Standing, Kind, u64)> {
    Kind::ALL.into_iter().filter_map(move |kind| Some((standing, kind, standing.scope.allowed.of(kind)?)))
}

fn line(s: &Standing, kind: Kind, allowed: u64) -> String {
    let value = serde_json::json!({
        "scope": s.scope.name, "period": s.scope.period, "limit": kind.name(), "allowed": allowed,
        "used": s.settled.of(kind), "reserved": s.reserved.of(kind), "left": s.left(kind),
        "estimated_micro_usd": s.settled.estimated, "unpriced_calls": s.settled.unpriced,
    });
    format!("{value}\n")
}

fn row(s: &Standing, kind: Kind, allowed: u64) -> Limit {
    let (used, reserved) = (s.settled.of(kind), s.reserved.of(kind));
    let share = u128::from(used.saturating_add(reserved)) * 100;
    let mark = match s.left(kind) {
        Some(0) => Mark::Failed,
        _ if share >= u128::from(allowed) * 80 => Mark::Warns,
        _ => Mark::Done,
    };
    Limit {
        mark,
        whose: s.scope.name.clone(),
        period: if s.scope.period.is_empty() { "-".to_owned() } else { s.scope.period.clone() },
        used: words::amount(kind, used),
        reserved: if reserved == 0 { "-".to_owned() } else { words::amount(kind, reserved) },
        limit: words::limit(kind, allowed),
        parts: (used, reserved, allowed),
    }
}

/// Removes the ledger and tells it anew.
pub fn rebuild(opening: &Opening) -> Result<Exit, Complaint> {
    let io = |e| Complaint::io(PROGRAM, "cannot rebuild the ledger", &e);
    for one in opening.home().sessions().map_err(io)? {
        if opening.home().log(&one.id).is_held().map_err(io)? {
            let what = format!("session {} runs, and what is set aside for it would be lost", one.id);
            return Err(Complaint::new(PROGRAM, Exit::Busy, what).hint("when nothing runs: ace-quota rebuild"));
        }
    }
    Quota::forget(opening.home().path()).map_err(io)?;
    Spending::open(opening.home(), &opening.settings.config.quota).map_err(|e| no_ledger(&e))?;
    Ok(Exit::Done)
}
