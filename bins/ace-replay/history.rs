//! How scenarios came out so far: records in a log of their own, beside the sessions and kept by the same keeper.

use ace_cli::replay::History;
use ace_cli::{Complaint, Exit, When};
use ace_front::{Opening, clock, machine, random, words};
use ace_schema::data::{Passed, ScenarioCompleted, SessionCreated};
use ace_schema::permission::Mode;
use ace_schema::{Drafter, Kind, Line, id, limits, ty};
use ace_storage::{Home, Log};
use ace_view::{Mark, Role, Text, units};
use std::collections::BTreeMap;

use crate::PROGRAM;
use crate::folder::Folder;
use crate::tell::{Teller, count, flat, no};
use crate::world::{Outcome, short};

/// Where the logs of results lie.
fn home(opening: &Opening) -> Home {
    Home::at(opening.home().path().join("scenarios"))
}

/// What is recorded of one.
pub fn result(folder: &Folder, outcome: &Outcome) -> ScenarioCompleted {
    let verdict = match (&outcome.error, outcome.failures.is_empty()) {
        (Some(_), _) => Passed::Broken,
        (None, true) => Passed::Passed,
        (None, false) => Passed::Failed,
    };
    let failures = outcome.failures.iter().map(|failure| failure.words.clone()).chain(outcome.error.clone());
    ScenarioCompleted {
        name: folder.name.clone(),
        digest: folder.digest.clone(),
        verdict,
        failures: failures.take(limits::SCENARIO_FAILURES).map(|words| short(&words)).collect(),
        events: outcome.events,
        ms: ace_front::took(outcome.ms),
        version: ace_cli::VERSION.to_owned(),
    }
}

/// Records results.
pub fn record(opening: &Opening, results: &[ScenarioCompleted]) -> Result<(), Complaint> {
    let refused = |e| words::append(PROGRAM, "the history of scenarios", &e);
    let home = home(opening);
    let log = match newest(&home) {
        Some(log) => log,
        None => begin(opening, &home)?,
    };
    let mut log = log.append(clock()).map_err(refused)?;
    let pen = log.open_pen(Kind::Person).map_err(refused)?;
    let mut drafter = Drafter::new(PROGRAM, random());
    drafter.set_session(log.session());
    let drafts: Vec<u8> =
        results.iter().flat_map(|result| drafter.draft(0, "", ty::SCENARIO_COMPLETED, result).1).collect();
    log.append(pen.nib(), &drafts).map(drop).map_err(refused)
}

/// The log that is written to: the last one, as long as there is room.
fn newest(home: &Home) -> Option<Log> {
    let log = home.log(&home.sessions().ok()?.first()?.id);
    let head = log.append(clock()).ok()?.last_seq();
    (head < limits::SCENARIO_RECORDS).then_some(log)
}

fn begin(opening: &Opening, home: &Home) -> Result<Log, Complaint> {
    let id = id::session(u64::try_from(clock().now()).unwrap_or(0), random());
    let mut drafter = Drafter::new(PROGRAM, random());
    drafter.set_session(&id);
    let created = SessionCreated {
        name: "scenarios".to_owned(),
        owner: opening.person(),
        host: machine(),
        cwd: home.path().display().to_string(),
        model: "recorded/scenarios".to_owned(),
        mode: Mode::Plan,
        ..SessionCreated::default()
    };
    let (_, line) = drafter.draft(0, "", ty::SESSION_CREATED, &created);
    home.create(&id, Kind::Person, &line, &clock()).map_err(|e| words::not_made(PROGRAM, &e.into()))?;
    Ok(home.log(&id))
}

/// Every result, oldest first, with its line.
fn results(opening: &Opening) -> Result<Vec<(String, ScenarioCompleted)>, Complaint> {
    let cannot = |e| Complaint::io(PROGRAM, "cannot read the history", &e);
    let home = home(opening);
    let mut all = Vec::new();
    for session in home.sessions().map_err(cannot)?.iter().rev() {
        let mut follow = home.log(&session.id).follow(0).map_err(cannot)?;
        loop {
            let lines = follow.read().map_err(cannot)?;
            if lines.is_empty() {
                break;
            }
            let parsed = ace_storage::split(lines).filter_map(|bytes| Some((bytes, Line::parse(bytes).ok()?)));
            all.extend(
                parsed
                    .filter(|(_, line)| line.ty == ty::SCENARIO_COMPLETED)
                    .filter_map(|(bytes, line)| Some((String::from_utf8_lossy(bytes).into_owned(), line.data().ok()?))),
            );
        }
    }
    Ok(all)
}

/// `ace-replay history`: a line a scenario, or the records.
pub fn show(opening: &Opening, args: &History, color: When) -> Result<Exit, Complaint> {
    let mut all = results(opening)?;
    if let Some(name) = &args.name {
        all.retain(|(_, result)| result.name == *name);
    }
    if all.is_empty() {
        let whose = args.name.as_ref().map_or_else(String::new, |name| format!(" of '{name}'"));
        return Err(no(format!("no results{whose} are recorded")).hint("ace-replay check DIR records them"));
    }
    let mut teller = Teller::new(color);
    if args.json {
        teller.raw(&all.iter().map(|(line, _)| format!("{line}\n")).collect::<String>())?;
        return Ok(Exit::Done);
    }
    let mut named: BTreeMap<&str, Vec<&ScenarioCompleted>> = BTreeMap::new();
    for (_, result) in &all {
        named.entry(&result.name).or_default().push(result);
    }
    let widest = named.keys().map(|name| name.chars().count()).max().unwrap_or(0).min(40);
    for (name, results) in named {
        let passed = results.iter().filter(|r| r.verdict == Passed::Passed).count();
        let Some(last) = results.last() else { continue };
        let mark = if last.verdict == Passed::Passed { Mark::Done } else { Mark::Failed };
        let mut line = Text::marked(mark, &teller.style).with(Role::Bold, flat(name)).to(widest + 4);
        line = line.plain(format!("{passed} of {} passed", results.len()));
        line = line.plain("  ").dim(format!("last {}", units::duration(last.ms)));
        if let Some(why) = last.failures.first() {
            line = line.plain("  ").with(Role::Bad, flat(why));
        }
        let line = line.cut_end(teller.style.width, &teller.style);
        teller.print(&[line])?;
    }
    let line = Text::of(Role::Dim, count(all.len(), "result"));
    teller.print(&[line])?;
    Ok(Exit::Done)
}
