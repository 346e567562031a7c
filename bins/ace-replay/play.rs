//! A session in recorded time: painted on a terminal as it was then, its lines into a pipe.

use ace_cli::replay::Play;
use ace_cli::{Complaint, Exit, SessionAddress, When};
use ace_core::State;
use ace_front::{Interrupt, Opening, Output, Screen, interrupt, sessions, shown};
use ace_host::Seen;
use ace_replay::pace::pause;
use ace_schema::{Line, limits, ty};
use ace_storage::Home;
use ace_view::{SessionFacts, time};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fs::File;
use std::io::{IsTerminal, Read, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::PROGRAM;
use crate::tell::no;

/// How often it looks whether somebody wants it to end, while it waits.
const LOOK: Duration = Duration::from_millis(50);

/// Plays the lines from `--from` (or the line of the address) to `--to`.
pub fn play(opening: &Opening, session: &SessionAddress, args: &Play, color: When) -> Result<Exit, Complaint> {
    let (log, all) = sessions::load_unread(opening, session)?;
    let lines = sessions::lines(opening, session, &all)?;
    let last = lines.last().and_then(|line| line.seq).unwrap_or(0);
    let (from, to) = (args.from.or(session.seq).unwrap_or(1), args.to.unwrap_or(last));
    if from > last || from > to {
        let name = session.place_text();
        return Err(no(format!("nothing of '{name}' lies between @{from} and @{to}, the last line is @{last}")));
    }
    let stop = interrupt("ace-replay: stopped", || {});
    let painted = std::io::stdout().is_terminal() && !args.json && args.home.is_none();
    let mut elsewhere = args.home.as_deref().map(|folder| Elsewhere::make(opening, folder)).transpose()?;
    let raw: Vec<&[u8]> = ace_storage::split(&all).collect();
    let mut stage = if painted { Some(Stage::new(color)) } else { None };
    let mut state = State::new();
    let mut before = None;
    for (line, bytes) in lines.iter().zip(raw) {
        let seq = line.seq.unwrap_or(0);
        if seq > to {
            break;
        }
        let now = time::moment(&line.ts);
        if seq >= from {
            if seq > from && !(args.step && is_step(line)) {
                let pace = if args.step { 0.0 } else { args.speed };
                wait(
                    pause(before, now, pace, args.idle.map_or(u64::MAX, |s| s.saturating_mul(1000))),
                    &stop,
                    stage.as_mut(),
                    &state,
                );
            }
            if args.step && is_step(line) && !next_wanted(&stop) {
                break;
            }
            if stop.is_wanted() {
                break;
            }
        }
        before = now;
        state.fold(line);
        if let Some(elsewhere) = &mut elsewhere {
            elsewhere.write(line, bytes).map_err(|e| Complaint::io(PROGRAM, "cannot write the log there", &e))?;
            continue;
        }
        match &mut stage {
            Some(stage) => stage.show(bytes, line, &state, (seq >= from, now), &shown(log.file())),
            None if seq >= from => write(bytes)?,
            None => {}
        }
    }
    if let Some(stage) = &mut stage {
        // What was not played to its end has no verdict.
        if state.turn.is_some() {
            stage.screen.close();
            return Ok(if stop.is_wanted() { Exit::Cancelled } else { Exit::Done });
        }
        stage.end(&state, log.blobs()).map_err(|e| Complaint::io(PROGRAM, "cannot print", &e))?;
    }
    Ok(if stop.is_wanted() { Exit::Cancelled } else { Exit::Done })
}

/// A home of its own in which the log grows as it did then: whatever shows sessions shows it.
struct Elsewhere {
    home: Home,
    logs: HashMap<String, File>,
}

impl Elsewhere {
    fn make(opening: &Opening, folder: &Path) -> Result<Self, Complaint> {
        let home = ace_storage::beside(opening.home(), folder).map_err(|e| {
            let mut complaint = Complaint::io(PROGRAM, &format!("cannot make a home in '{}'", folder.display()), &e);
            complaint.exit = Exit::Usage;
            complaint
        })?;
        if std::io::stderr().is_terminal() {
            let words = folder.display().to_string();
            eprintln!("{PROGRAM}: watch it with: ACE_HOME={} ace serve", ace_view::clean(&words));
        }
        Ok(Self { home, logs: HashMap::new() })
    }

    /// Of a fork the lines before it are those of other sessions.
    fn write(&mut self, line: &Line<'_>, bytes: &[u8]) -> std::io::Result<()> {
        let log = match self.logs.entry(line.session.to_string()) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let log = ace_storage::grow(&self.home, entry.key())?;
                entry.insert(log)
            }
        };
        // In one piece: who reads it meanwhile finds whole lines.
        log.write_all(&[bytes, b"\n"].concat())
    }
}

fn write(bytes: &[u8]) -> Result<(), Complaint> {
    let mut stdout = std::io::stdout().lock();
    let written = stdout.write_all(bytes).and_then(|()| stdout.write_all(b"\n")).and_then(|()| stdout.flush());
    written.map_err(|e| Complaint::io(PROGRAM, "cannot print", &e))
}

/// What a person who goes step by step wants to stop at: what is seen.
fn is_step(line: &Line) -> bool {
    !matches!(
        &*line.ty,
        ty::SESSION_CREATED
            | ty::TURN_STARTED
            | ty::CONTEXT_BUILT
            | ty::MODEL_REQUESTED
            | ty::MODEL_CALL
            | ty::TOOL_DISCOVERED
            | ty::TOOL_STARTED
            | ty::BUDGET_RESERVED
            | ty::WORKTREE_SNAPSHOT
            | ty::PEN_DROPPED
    )
}

/// Waits for a key; `false` for `q`, ^D and the end of the input.
fn next_wanted(stop: &Interrupt) -> bool {
    let mut key = [0];
    loop {
        match std::io::stdin().lock().read(&mut key) {
            Ok(0) => return false,
            Ok(_) => return !matches!(key[0], b'q' | 4) && !stop.is_wanted(),
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted && !stop.is_wanted() => {}
            Err(_) => return false,
        }
    }
}

fn wait(ms: u64, stop: &Interrupt, mut stage: Option<&mut Stage>, state: &State) {
    let begun = Instant::now();
    let whole = Duration::from_millis(ms.min(limits::REPLAY_PAUSE_MS));
    while let Some(left) = whole.checked_sub(begun.elapsed()).filter(|left| !left.is_zero()) {
        if stop.is_wanted() {
            return;
        }
        std::thread::sleep(left.min(LOOK));
        if let Some(stage) = stage.as_deref_mut() {
            stage.tick(state);
        }
    }
}

/// The terminal, as it would be if the session ran now.
struct Stage {
    screen: Screen,
    begun: bool,
    ticked: Instant,
}

impl Stage {
    fn new(color: When) -> Self {
        let output = Output { color, show_prompt: true, played: true, ..Output::default() };
        Self { screen: Screen::new(output), begun: false, ticked: Instant::now() }
    }

    fn show(&mut self, bytes: &[u8], line: &Line, state: &State, (is_now, now): (bool, Option<i64>), log: &str) {
        // The head needs what the first record says.
        if is_now && !self.begun && line.ty != ty::SESSION_CREATED {
            self.begin(state, log);
        }
        if let Some(now) = now {
            self.screen.play_at(now);
        }
        self.screen.see(Seen::Line(&[bytes, b"\n"].concat(), line), state);
    }

    fn begin(&mut self, state: &State, log: &str) {
        self.begun = true;
        self.screen.see(Seen::Present, state);
        let created = &state.created;
        let facts = SessionFacts {
            name: state.name.clone(),
            model: state.model.clone(),
            mode: state.mode.name().to_owned(),
            budget: Some(state.limits.money).filter(|money| *money > 0),
            log: log.to_owned(),
            place: shown(std::path::Path::new(&created.cwd)),
            ..SessionFacts::of(created)
        };
        self.screen.begin(facts);
    }

    fn tick(&mut self, state: &State) {
        if self.ticked.elapsed() > Duration::from_millis(500) {
            self.ticked = Instant::now();
            self.screen.see(Seen::Tick, state);
        }
    }

    fn end(&mut self, state: &State, blobs: &ace_storage::Blobs) -> std::io::Result<()> {
        self.screen.end(state, &[], blobs)
    }
}
