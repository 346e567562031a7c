//! `ace-replay tools`: whether the calls of a session still come out as they did. The session itself is only read.

use ace_cli::replay::Tools;
use ace_cli::{Complaint, Exit, When};
use ace_core::{State, Until};
use ace_front::{Opening, begin, clock, interrupt, machine, random, sessions, words};
use ace_host::{Programs, Seen, Star, pool, pools};
use ace_replay::drift::{Likeness, lines as lines_of};
use ace_replay::{Call, Difference, Story, What};
use ace_schema::data::{Limits, SessionCreated, Worktree};
use ace_schema::permission::Mode;
use ace_schema::{Drafter, Kind, id, ty};
use ace_storage::Log;
use ace_view::{Mark, Role, Text};
use ace_worktree as git;
use serde_json::json;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::PROGRAM;
use crate::again::{Prompter, Wants, differences, runs};
use crate::tell::{Teller, count, flat, no};

/// Lines of a difference that are shown on each side.
const SHOWN: usize = 3;

/// The session in which the calls run again. It goes when this is dropped.
struct Rerun {
    id: String,
    name: String,
    log: Log,
    root: PathBuf,
    lens: git::Lens,
    /// The tree it begins with.
    tree: String,
    keep: bool,
}

impl Drop for Rerun {
    fn drop(&mut self) {
        if !self.keep {
            remove(&self.id);
        }
    }
}

/// Takes a session away that was made here. What cannot go is in the list of sessions.
pub fn remove(id: &str) {
    let program = Programs::beside_this().find("ace-session");
    let mut command = Command::new(program);
    command.args(["rm", "--force", id]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // ^C is for this program: what it began to take away goes.
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let _ = command.status();
}

/// Runs them and tells what differs.
pub fn tools(opening: &Opening, args: &Tools, color: When) -> Result<Exit, Complaint> {
    let name = args.session.place_text();
    let (_, all) = sessions::load_unread(opening, &args.session)?;
    let story = Story::of(&sessions::lines(opening, &args.session, &all)?);
    let upto = |call: &&Call| args.session.seq.is_none_or(|seq| call.seq <= seq);
    let calls: Vec<Call> = story.calls().filter(upto).cloned().collect();
    if calls.iter().all(|call| !runs(call)) {
        return Err(no(format!("'{name}' has run no call whose outcome is known")));
    }
    let mut rerun = make(opening, &story, args.keep, &name)?;
    let likeness = Likeness { paths: paths(opening, &story, &rerun, false), loose: args.loose };
    let mut teller = Teller::new(color);
    let mut tally = Tally::default();
    let stopped = run(opening, &story, (calls, args.json), &mut rerun, (&likeness, &mut teller, &mut tally))?;
    if stopped {
        return Ok(Exit::Cancelled);
    }
    teller.clear();
    if args.json {
        let kept = args.keep.then_some(&rerun.name);
        let sum = json!({ "calls": tally.calls, "same": tally.same, "drifted": tally.drifted, "not_run": tally.left, "session": kept });
        teller.raw(&format!("{sum}\n"))?;
    } else {
        teller.print(&[tally.text(&teller.style, args.keep.then_some(&rerun.name))])?;
    }
    Ok(if tally.drifted == 0 { Exit::Done } else { Exit::No })
}

/// What can be said of all calls.
#[derive(Default)]
struct Tally {
    calls: usize,
    same: usize,
    drifted: usize,
    left: usize,
}

impl Tally {
    fn text(&self, style: &ace_view::Style, kept: Option<&String>) -> Text {
        let (mark, verdict) = match self.drifted {
            0 => (Mark::Done, Text::of(Role::GoodBold, "no drift")),
            n => (Mark::Failed, Text::of(Role::BadBold, format!("{n} drifted"))),
        };
        let mut line = Text::marked(mark, style).and(verdict);
        line = line.plain(format!("  {}, {} the same", count(self.calls, "call"), self.same));
        if self.left > 0 {
            line = line.plain(format!(", {} not run again", self.left));
        }
        kept.map_or(line.clone(), |name| line.dim("  in ").with(Role::Typed, name))
    }
}

/// Paths of the rerun beside those of the session: its worktree, and its temporary folder by the session's id.
fn paths(opening: &Opening, story: &Story, rerun: &Rerun, back: bool) -> Vec<(String, String)> {
    let created = &story.created;
    let old_root = created.worktree.as_ref().map_or(&created.cwd, |tree| &tree.path).clone();
    let tmp = |id: &str| opening.home().path().join("tmp").join(id).display().to_string();
    let pairs = [(rerun.root.display().to_string(), old_root), (tmp(&rerun.id), tmp(&story.state.session))];
    let mut pairs: Vec<(String, String)> = pairs.into_iter().filter(|(_, old)| !old.is_empty()).collect();
    if back {
        pairs = pairs.into_iter().map(|(new, old)| (old, new)).collect();
    }
    pairs
}

/// Makes the session: a worktree with the files as they were, a log that says so.
fn make(opening: &Opening, story: &Story, keep: bool, name: &str) -> Result<Rerun, Complaint> {
    let failed = |e: git::Error| words::worktree(PROGRAM, &e);
    let outside = || no(format!("'{name}' worked outside git: nothing is recorded of its files"));
    let then = &story.created;
    let root = then.repository.as_ref().map(|r| PathBuf::from(&r.root)).ok_or_else(outside)?;
    let repository = git::discover(&root)
        .map_err(failed)?
        .ok_or_else(|| no(format!("the repository at '{}' is gone", root.display())))?;
    let pool = pool(then, &pools(opening.home())).map_err(failed)?.ok_or_else(outside)?;
    let base = then.worktree.as_ref().map(|tree| tree.base.clone());
    let base = base.or(Some(story.state.commit.clone()).filter(|commit| !commit.is_empty()));
    let id = id::session(u64::try_from(clock().now()).unwrap_or(0), random());
    let folder = root.file_name().map_or_else(|| "work".into(), std::ffi::OsStr::to_owned);
    let path = opening.home().worktree(&id).join(folder);
    let wanted: String = format!("replay-{}", story.state.name).chars().take(ace_schema::limits::NAME_BYTES).collect();
    let held = opening.home().hold_name(&wanted).map_err(|e| Complaint::io(PROGRAM, "cannot make a session", &e))?;
    // It goes again unless it is finished.
    let making = git::begin(&repository, held.name(), &path, base.as_deref(), git::Carry::Leave).map_err(failed)?;
    let made = making.created().clone();
    let ground = git::Ground::of(&made.place).map_err(failed)?;
    let mut lens = git::Lens::open(&pool, &ground, None).map_err(failed)?;
    let first = if story.first.is_empty() { made.base_commit.clone() } else { story.first.clone() };
    let tree = match then.worktree {
        Some(_) => pool.tree(&made.base_commit).map_err(failed)?,
        None => lens.restore(&first).map_err(failed)?.tree,
    };
    let created = SessionCreated {
        name: held.name().to_owned(),
        owner: opening.person(),
        host: machine(),
        cwd: made.place.path.display().to_string(),
        worktree: Some(Worktree {
            path: made.place.path.display().to_string(),
            git_dir: made.place.git_dir.display().to_string(),
            branch: made.branch.clone(),
            base: made.base_commit.clone(),
            from: String::new(),
            variables: Vec::new(),
        }),
        model: "recorded/replay".to_owned(),
        limits: Limits::default(),
        // They act outside of the worktree, and were told of these calls already.
        hooks: Vec::new(),
        inputs: String::new(),
        batch: None,
        forked_from: None,
        ..then.clone()
    };
    let mut drafter = Drafter::new(PROGRAM, random());
    drafter.set_session(&id);
    let (_, line) = drafter.draft(0, "", ty::SESSION_CREATED, &created);
    opening.home().create(&id, Kind::Person, &line, &clock()).map_err(|e| words::not_made(PROGRAM, &e.into()))?;
    let _ = making.finish();
    let log = opening.home().log(&id);
    Ok(Rerun { id, name: held.name().to_owned(), log, root: made.place.path.clone(), lens, tree, keep })
}

/// Runs the calls; whether a person stopped it.
fn run(
    opening: &Opening,
    story: &Story,
    (calls, json): (Vec<Call>, bool),
    rerun: &mut Rerun,
    (likeness, teller, tally): (&Likeness, &mut Teller, &mut Tally),
) -> Result<bool, Complaint> {
    let refused = |e| words::append(PROGRAM, &rerun.name, &e);
    let mut log = rerun.log.append(clock()).map_err(refused)?;
    let pen = log.open_pen(Kind::Import).map_err(refused)?;
    let mut drafter = Drafter::new(PROGRAM, random());
    drafter.set_session(&rerun.id);
    let count = calls.len();
    let said = paths(opening, story, rerun, true);
    let blobs = opening.home().blobs();
    let model = "recorded/replay".to_owned();
    let mode: Mode = story.created.mode;
    let mut prompter = Prompter::new(calls, (drafter, log, pen), blobs, said, (model, mode));
    prompter.ask_first(&mut rerun.lens, &rerun.tree).map_err(|e| e.complaint(&rerun.name))?;
    let mut plan = begin::plan(opening, rerun.log.clone(), Until::Turn)?;
    plan.stages.retain(|stage| matches!(stage.kind, Kind::Tool | Kind::Permit));
    let star = Star::open(plan, clock(), random()).map_err(|e| words::star(PROGRAM, &rerun.name, &e))?;
    let stop = star.interrupter();
    let end = star.interrupter();
    let _ = interrupt("ace-replay: killed", stop);
    let mut failed = None;
    let mut live = false;
    let lens = &mut rerun.lens;
    let first = rerun.tree.clone();
    let outcome = star.run(|seen, state| {
        match seen {
            Seen::Line(_, line) => prompter.fold(line),
            Seen::Present => live = true,
            Seen::Note(note) => {
                teller.clear();
                eprintln!("{}", flat(note));
            }
            Seen::Chalk(_) | Seen::Tick => {}
        }
        if !live || failed.is_some() {
            return;
        }
        let mut step = || {
            step(&mut prompter, (state, &first), lens, |at, call, ran| {
                let found = differences(call, ran, likeness);
                tally.calls += 1;
                match (runs(call), found.is_empty()) {
                    (false, _) => tally.left += 1,
                    (true, true) => tally.same += 1,
                    (true, false) => tally.drifted += 1,
                }
                teller.progress(&format!("{} of {count}  {} {}", at + 1, call.tool, call.subject()));
                tell(teller, call, &found, json)
            })
        };
        if let Err(e) = step() {
            failed = Some(e);
            end();
        }
    });
    if let Some(failed) = failed {
        return Err(failed.complaint(&rerun.name));
    }
    let outcome = outcome.map_err(|e| words::star(PROGRAM, &rerun.name, &e))?;
    Ok(outcome.interrupted)
}

/// Why it does not go on.
pub enum Stuck {
    Log(ace_storage::AppendError),
    Files(git::Error),
    Words(Complaint),
}

impl Stuck {
    fn complaint(self, name: &str) -> Complaint {
        match self {
            Self::Log(e) => words::append(PROGRAM, name, &e),
            Self::Files(e) => words::worktree(PROGRAM, &e),
            Self::Words(complaint) => complaint,
        }
    }
}

impl From<ace_storage::AppendError> for Stuck {
    fn from(e: ace_storage::AppendError) -> Self {
        Self::Log(e)
    }
}

impl Prompter {
    /// The first call, before anybody listens: a session without one would be over.
    fn ask_first(&mut self, lens: &mut git::Lens, tree: &str) -> Result<(), Stuck> {
        restore(self.call(0), tree, tree, lens)?;
        Ok(self.ask()?)
    }
}

/// Whatever can be done in this state.
fn step(
    prompter: &mut Prompter,
    (state, first): (&State, &str),
    lens: &mut git::Lens,
    mut told: impl FnMut(usize, &Call, &crate::again::Ran) -> Result<(), Complaint>,
) -> Result<(), Stuck> {
    if state.turn.is_none() {
        return Ok(());
    }
    loop {
        match prompter.wants(state)? {
            Wants::Patience => return Ok(()),
            Wants::Told(at, ran) => told(at, prompter.call(at), &ran).map_err(Stuck::Words)?,
            Wants::Files(at) => {
                restore(prompter.call(at), &state.tree, first, lens)?;
                prompter.ask()?;
                return Ok(());
            }
            Wants::End => {
                prompter.end()?;
                return Ok(());
            }
        }
    }
}

/// Each call begins with the files that it began with then, so that what one does otherwise is told once.
fn restore(call: &Call, now: &str, first: &str, lens: &mut git::Lens) -> Result<(), Stuck> {
    let wanted = if call.before.is_empty() { first } else { &call.before };
    let now = if now.is_empty() { first } else { now };
    if wanted != now && runs(call) {
        lens.restore(wanted).map_err(Stuck::Files)?;
    }
    Ok(())
}

fn tell(teller: &mut Teller, call: &Call, found: &[Difference], json: bool) -> Result<(), Complaint> {
    if json {
        let line = json!({
            "seq": call.ended.max(call.seq), "turn": call.turn, "tool": call.tool, "subject": call.subject(),
            "ran": runs(call), "same": runs(call) && found.is_empty(), "differences": found,
        });
        return teller.raw(&format!("{line}\n"));
    }
    if found.is_empty() {
        return Ok(());
    }
    let whats: Vec<&str> = found.iter().map(|d| d.what.name()).collect();
    let head = Text::marked(Mark::Failed, &teller.style)
        .with(Role::Bold, &call.tool)
        .plain("  ")
        .plain(flat(&call.subject()))
        .plain("  ")
        .with(Role::Bad, whats.join(", "))
        .plain("  ")
        .with(Role::Typed, format!("@{}", call.ended.max(call.seq)));
    let mut lines = vec![head];
    for difference in found {
        lines.extend(shown(difference));
    }
    teller.print(&lines)
}

fn shown(difference: &Difference) -> Vec<Text> {
    let was_now = |was: &str, now: &str| {
        let both = format!("{} -> {}", flat(was), flat(now));
        vec![Text::new().plain("    ").dim(format!("{}  ", difference.what.name())).plain(both)]
    };
    match difference.what {
        What::Output => {
            let (removed, added) = lines_of(&difference.was, &difference.now, SHOWN);
            let line = |sign, role, text: &&str| Text::new().plain("    ").with(role, format!("{sign} {}", flat(text)));
            let removed = removed.iter().map(|text| line('-', Role::Bad, text));
            removed.chain(added.iter().map(|text| line('+', Role::Good, text))).collect()
        }
        What::Tree => {
            let short = |tree: &str| if tree.is_empty() { "none".to_owned() } else { tree.chars().take(12).collect() };
            was_now(&short(&difference.was), &short(&difference.now))
        }
        _ => was_now(&difference.was, &difference.now),
    }
}
