//! The star: one process that keeps a session going.
//!
//! It follows the log once, feeds every filter, and records what each sends back with that filter's own pen, so that a filter can
//! neither forge another's words nor reach the log. It holds no state that is not in the log: kill it at any point and the next
//! one goes on. It never writes to a filter while the log is locked.

use ace_core::{CallState, Phase, State, Until};
use ace_schema::data::{SessionConfigured, SessionCreated, TurnCancelled};
use ace_schema::hook::Hook;
use ace_schema::{Drafter, Kind, Line, id, limits, ty};
use ace_storage::{AppendError, Appender, Clock, Fault, Log, Nib};
use std::io;
use std::path::PathBuf;
use std::sync::mpsc::RecvTimeoutError;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::clean::{Cleaner, cleaner};
use crate::crew::{Crew, Fate};
use crate::hub::{Chalking, Hub, OWN_BIT, flush, follow_chalk, follow_others, pump};
use crate::news::{Ear, Teller, queue};
use crate::pens::dropped;
use crate::rounds::Rounds;
use crate::stage::{Programs, Stage, quota};

/// How often the star looks around when nothing happens.
pub const TICK: Duration = Duration::from_millis(500);

/// Refused lines of one batch that are told one by one.
const REFUSALS_TOLD: usize = 8;

/// What the star tells its main loop.
#[derive(Debug)]
pub enum News {
    /// Recorded lines, whole.
    Lines(Vec<u8>),
    /// Chalk, stamped.
    Chalk(Vec<u8>),
    /// A line that a filter or the log wants people to read.
    Note(String),
    /// The output of filter `n`, started as number `generation`, has ended.
    Gone(usize, u64),
    /// A person wants it to stop.
    Interrupt,
    /// Whoever watches wants to paint again.
    Nudge,
    /// The log cannot be written or read.
    Failed(StarError),
}

/// What a client sees of a run.
#[derive(Debug)]
pub enum Seen<'a> {
    /// A recorded line with its LF, and the same read; the session's history comes first.
    Line(&'a [u8], &'a Line<'a>),
    /// History has been shown; what follows happens now.
    Present,
    /// Chalk.
    Chalk(&'a [u8]),
    /// A line for people.
    Note(&'a str),
    /// Nothing happened for a while; a chance to repaint.
    Tick,
}

/// How a run ended.
#[derive(Debug)]
pub struct Outcome {
    /// The state at its end.
    pub state: State,
    /// A person stopped it.
    pub interrupted: bool,
}

/// Why a run could not go on. The session is as the log says; run it again.
#[derive(Debug, thiserror::Error)]
pub enum StarError {
    /// The log refuses.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// Reading, writing or starting failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A program of the pipeline cannot be started.
    #[error("cannot start '{program}': {source}")]
    Start {
        /// Its name.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// A program ended by itself with an exit code that starting it again cannot help.
    #[error("'{program}' ended with exit {code}")]
    Ended {
        /// Its name.
        program: String,
        /// Its exit code.
        code: i32,
    },
    /// A program falls again and again.
    #[error("'{program}' fell {} times in {} s", limits::RESTARTS, limits::RESTART_WINDOW_MS / 1000)]
    Falls {
        /// Its name.
        program: String,
    },
}

/// What a star is started with.
pub struct Plan {
    /// The session's log.
    pub log: Log,
    /// The pipeline.
    pub stages: Vec<Stage>,
    /// Gates between the filters and the log.
    pub gates: Vec<Vec<String>>,
    /// Cleans what filters draft before it is recorded, and what programs say to people, which is shown and may be kept by whoever
    /// shows it.
    pub redactor: Option<ace_redact::Redactor>,
    /// Where programs are found.
    pub programs: Programs,
    /// When to leave.
    pub until: Until,
    /// Run the session if nobody does; otherwise only watch.
    pub leads: bool,
    /// Name of the person, for what is recorded in their name.
    pub person: String,
    /// Folder of their configuration, where the rules that they grant are kept.
    pub rules: PathBuf,
    /// Hooks that the configuration wants the session to wait for.
    pub hooks: Vec<Hook>,
}

impl Plan {
    /// Whether a filter of that kind is among the stages.
    fn has(&self, kind: Kind) -> bool {
        self.stages.iter().any(|s| s.kind == kind)
    }
}

/// The writing end of the log, opened when something is to be written: that reads the log through, and a session with nothing to
/// do needs none of it.
pub(crate) struct Book {
    log: Log,
    clock: Clock,
    open: Option<Appender>,
}

impl Book {
    pub fn of(log: &Log, clock: Clock) -> Self {
        Self { log: log.clone(), clock, open: None }
    }

    /// The appender.
    ///
    /// # Errors
    /// The log cannot be opened, or is damaged.
    pub fn opened(&mut self) -> Result<&mut Appender, AppendError> {
        if self.open.is_none() {
            let mut log = self.log.append(self.clock.clone())?;
            log.spare(OWN_BIT);
            self.open = Some(log);
        }
        self.open.as_mut().ok_or(AppendError::Gone)
    }
}

/// The log and who is fed from it; shared by all threads of a star.
pub(crate) struct Shared {
    pub log: Mutex<Book>,
    pub hub: Arc<Mutex<Hub>>,
    pub news: Teller,
    pub cleaner: Option<Mutex<Cleaner>>,
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    /// Records what a filter drafts, without its secrets. How many lines of it were refused.
    pub fn record(&self, pen: Nib, drafts: &[u8], whose: &str) -> Result<usize, StarError> {
        match &self.cleaner {
            None => self.append(pen, drafts, whose),
            Some(cleaner) => {
                let mut refused = 0;
                lock(cleaner).pass(drafts, |clean| {
                    refused += self.append(pen, clean, whose)?;
                    Ok(())
                })?;
                Ok(refused)
            }
        }
    }

    /// Records drafts under a pen and hands on what was recorded. How many of them were refused. Whoever is not the main loop
    /// waits for room in the queue before.
    pub fn append(&self, pen: Nib, drafts: &[u8], whose: &str) -> Result<usize, StarError> {
        let appended = lock(&self.log).opened()?.append(pen, drafts)?;
        // The last piece of an answer often comes with the record of the whole: it is seen before it, as it was sent.
        if !appended.chalk.is_empty() {
            self.news.send(News::Chalk(appended.chalk));
        }
        if !appended.lines.is_empty() {
            pump(&self.hub)?;
        }
        let refused = appended.refused.len();
        for refusal in appended.refused.into_iter().take(REFUSALS_TOLD) {
            self.news.send(News::Note(format!("refused from {whose}: {refusal}")));
        }
        if refused > REFUSALS_TOLD {
            let more = refused - REFUSALS_TOLD;
            self.news.send(News::Note(format!("refused from {whose}: {more} lines more")));
        }
        Ok(refused)
    }
}

/// A session's supervisor.
pub struct Star {
    plan: Plan,
    shared: Arc<Shared>,
    news: Ear,
    state: State,
    drafter: Drafter,
    interrupts: u32,
    /// Lines heard so far.
    lines: u64,
    /// Batches heard so far.
    rounds: Rounds,
    /// When it last looked around.
    looked: Instant,
    /// Since when something is due that nobody has claimed, and whether that was said.
    idle: Option<(Instant, bool)>,
}

impl Star {
    /// Opens the session's log. Nothing is started yet.
    ///
    /// # Errors
    /// The log cannot be opened, or is damaged.
    pub fn open(plan: Plan, clock: Clock, random: u64) -> Result<Self, StarError> {
        let (sender, news) = queue();
        let log = Book::of(&plan.log, clock);
        let hub = Arc::new(Mutex::new(Hub::new(plan.log.follow(0)?, sender.clone())));
        follow_others(&hub, &plan.log)?;
        let cleaner = cleaner(plan.redactor.as_ref(), &plan.log);
        let shared = Arc::new(Shared { log: Mutex::new(log), hub, news: sender, cleaner });
        let drafter = Drafter::new("ace", random);
        Ok(Self {
            plan,
            shared,
            news,
            state: State::new(),
            drafter,
            interrupts: 0,
            lines: 0,
            rounds: Rounds::default(),
            looked: Instant::now(),
            idle: None,
        })
    }

    /// A handle by which a signal or another thread can stop the run.
    pub fn interrupter(&self) -> impl Fn() + Send + use<> {
        let news = self.shared.news.clone();
        move || {
            news.send(News::Interrupt);
        }
    }

    /// A handle by which another thread makes the watcher look again, or read a line for people.
    pub fn teller(&self) -> impl Fn(Option<String>) + Send + use<> {
        let news = self.shared.news.clone();
        move |note| {
            news.send(note.map_or(News::Nudge, News::Note));
        }
    }

    /// The state up to what was seen last.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Runs until the plan's end is reached. If another star runs this session, watches, and takes over when it falls.
    ///
    /// # Errors
    /// See [`StarError`]; the session stays as its log says.
    pub fn run(mut self, mut seen: impl FnMut(Seen, &State)) -> Result<Outcome, StarError> {
        self.catch_up(&mut seen, None)?;
        self.drafter.set_session(&self.state.session.clone());
        seen(Seen::Present, &self.state);
        let mut runner = None;
        let mut chalk: Option<Chalking> = None;
        while !self.is_over() && runner.is_none() {
            runner = if self.plan.leads { self.plan.log.runner()? } else { None };
            if runner.is_none() {
                if chalk.is_none() {
                    chalk = Some(follow_chalk(&self.shared.hub, &self.plan.log, self.shared.news.clone())?);
                }
                self.turn(&mut seen, None)?;
            }
        }
        drop(chalk);
        let Some(runner) = runner else { return Ok(self.outcome()) };
        let ended = self.lead(&mut seen);
        drop(runner);
        ended
    }

    fn outcome(self) -> Outcome {
        Outcome { interrupted: self.interrupts > 0, state: self.state }
    }

    /// This star is the one: settles what a crash left, starts the filters, runs.
    fn lead(mut self, seen: &mut impl FnMut(Seen, &State)) -> Result<Outcome, StarError> {
        let gone = lock(&self.shared.log).opened()?.gone_pens()?;
        self.drop_pens(&gone, seen, None)?;
        // What the star before this one recorded last may not have been heard yet; perhaps nothing is left to do.
        self.catch_up(seen, None)?;
        if self.is_over() {
            return Ok(self.outcome());
        }
        self.configure_hooks(seen)?;
        if self.state.limits.is_reserved() && !self.plan.has(Kind::Quota) {
            self.plan.stages.push(quota());
        }
        let mut crew = Crew::start(&self.shared, &self.plan)?;
        crew.summon(&self.state, &self.shared, &self.plan)?;
        let ended = loop {
            if self.is_over() {
                break Ok(());
            }
            if let Err(e) = self.turn(seen, Some(&mut crew)) {
                break Err(e);
            }
        };
        lock(&self.shared.hub).close();
        if ended.is_err() || self.interrupts > 1 {
            crew.terminate();
        }
        // They are waited for by the loop that would make room for them.
        self.news.open();
        let pens = crew.join();
        // What the filters said last is part of the record, and of what is seen.
        let rest = self.catch_up(seen, None);
        for pen in pens {
            // Who has left something open is left for the next runner to see.
            if self.state.claims.iter().all(|c| c.pen != pen) {
                let _ = lock(&self.shared.log).opened().map(|log| log.forget_pen(pen));
            }
        }
        ended.and(rest).map(|()| self.outcome())
    }

    /// What the plan waits for has come about; or, after ^C, the turn has ended and everybody has closed what they held; or a
    /// person will not wait for that.
    fn is_over(&self) -> bool {
        let stopped = self.state.turn.is_none() && self.state.claims.is_empty();
        self.plan.until.is_reached(&self.state) || self.interrupts > 1 || (self.interrupts > 0 && stopped)
    }

    /// All that is recorded by now, piece by piece: a long history is never held as a whole.
    fn catch_up(&mut self, seen: &mut impl FnMut(Seen, &State), mut crew: Option<&mut Crew>) -> Result<(), StarError> {
        loop {
            let reached = pump(&self.shared.hub)?;
            self.drain(seen, crew.as_deref_mut())?;
            if reached {
                return Ok(());
            }
        }
    }

    /// One piece of news, or a look around.
    fn turn(&mut self, seen: &mut impl FnMut(Seen, &State), mut crew: Option<&mut Crew>) -> Result<(), StarError> {
        if lock(&self.shared.hub).is_behind() {
            pump(&self.shared.hub)?;
        }
        let held = lock(&self.shared.hub).holds();
        if held.is_some_and(|left| left.is_zero()) {
            flush(&self.shared.hub)?;
            return Ok(());
        }
        match self.news.hear(held.unwrap_or(TICK)) {
            Ok(news) => self.hear(news, seen, crew.as_deref_mut())?,
            Err(RecvTimeoutError::Timeout) if held.is_some() => flush(&self.shared.hub)?,
            Err(RecvTimeoutError::Timeout) => seen(Seen::Tick, &self.state),
            // This star holds a sender itself.
            Err(RecvTimeoutError::Disconnected) => {}
        }
        // Also when there is always some news: chalk and notes of one must not hide the silence of another.
        if self.looked.elapsed() < TICK {
            return Ok(());
        }
        self.looked = Instant::now();
        if let Some(crew) = crew {
            self.say_what_waits();
            crew.look_around(&self.shared);
            // Limits that were set while it runs.
            if self.state.limits.is_reserved() && !self.plan.has(Kind::Quota) {
                self.plan.stages.push(quota());
                crew.add(quota(), &self.shared, &self.plan)?;
            }
            self.drop_strangers(seen, crew)?;
        }
        Ok(())
    }

    /// All news that is there already.
    fn drain(&mut self, seen: &mut impl FnMut(Seen, &State), mut crew: Option<&mut Crew>) -> Result<(), StarError> {
        while let Some(news) = self.news.hear_now() {
            self.hear(news, seen, crew.as_deref_mut())?;
        }
        Ok(())
    }

    /// Folds a recorded line. Whoever goes on from a log must not pass by what is wrong with it; that the lines continue each
    /// other's hashes is for `verify` to tell.
    fn take<'l>(&mut self, bytes: &'l [u8]) -> Result<Line<'l>, StarError> {
        let (at, expected) = (self.lines + 1, self.state.head + 1);
        let damaged = |fault| StarError::Append(AppendError::Damaged { line: at, fault });
        let line = Line::parse(bytes).map_err(|e| damaged(Fault::Line(e)))?;
        let found = line.seq.unwrap_or(0);
        // The first line of a fork goes on from its parent's number.
        let forked = || line.data::<SessionCreated>().ok().and_then(|d| d.forked_from).map(|from| from.seq + 1);
        if found != expected && (self.lines > 0 || forked() != Some(found)) {
            return Err(damaged(Fault::Seq { expected, found }));
        }
        self.state.fold(&line);
        self.lines = at;
        Ok(line)
    }

    fn hear(
        &mut self,
        news: News,
        seen: &mut impl FnMut(Seen, &State),
        crew: Option<&mut Crew>,
    ) -> Result<(), StarError> {
        match news {
            News::Lines(lines) => {
                self.idle = None;
                self.rounds.count();
                for bytes in lines.split_inclusive(|&b| b == b'\n') {
                    let line = self.take(bytes.strip_suffix(b"\n").unwrap_or(bytes))?;
                    seen(Seen::Line(bytes, &line), &self.state);
                }
                if let Some(crew) = crew {
                    crew.summon(&self.state, &self.shared, &self.plan)?;
                }
            }
            News::Chalk(chalk) => seen(Seen::Chalk(&chalk), &self.state),
            News::Note(note) => {
                let clean = self.plan.redactor.as_ref().and_then(|redactor| redactor.text(&note));
                seen(Seen::Note(clean.as_deref().unwrap_or(&note)), &self.state);
            }
            News::Interrupt => self.interrupt(crew)?,
            News::Nudge => seen(Seen::Tick, &self.state),
            News::Failed(e) => return Err(e),
            News::Gone(at, generation) => {
                let Some(crew) = crew else { return Ok(()) };
                match crew.bury(at, generation)? {
                    Some(Fate::Fallen { pen, program }) => {
                        seen(Seen::Note(&format!("{program} fell and is started again")), &self.state);
                        self.drop_pen(pen)?;
                        crew.restart(at, &self.shared, &self.plan)?;
                    }
                    Some(Fate::Ended { unasked: Some(program) }) => {
                        seen(Seen::Note(&format!("{program} has ended; the session goes on without it")), &self.state);
                    }
                    Some(Fate::Ended { unasked: None }) | None => {}
                }
            }
        }
        Ok(())
    }

    /// The first ^C is an order in the log; the second ends the programs; the third is the shell's own.
    fn interrupt(&mut self, crew: Option<&mut Crew>) -> Result<(), StarError> {
        if !self.plan.leads {
            // Who only watches leaves; what is watched goes on.
            self.interrupts = 2;
            return Ok(());
        }
        self.interrupts += 1;
        match (&self.state.turn, self.interrupts) {
            (Some(turn), 1) => {
                let n = turn.n;
                let data = TurnCancelled { who: self.plan.person.clone() };
                let draft = self.drafter.line(&id::end(n), n, &id::turn(n), ty::TURN_CANCELLED, &data);
                let pen = lock(&self.shared.log).opened()?.open_pen(Kind::Person)?;
                self.shared.append(pen.nib(), &draft, "ace").map(drop)
            }
            (_, 1) => Ok(()),
            (_, 2) => {
                if let Some(crew) = crew {
                    crew.terminate();
                }
                Ok(())
            }
            _ => std::process::exit(130),
        }
    }

    /// Records which hooks the session waits for from here on, where the configuration is another than it was: a filter that has
    /// heard them only then must not be overtaken by one that does not know of them.
    fn configure_hooks(&mut self, seen: &mut impl FnMut(Seen, &State)) -> Result<(), StarError> {
        if self.plan.hooks == self.state.hooks {
            return Ok(());
        }
        let data = SessionConfigured { hooks: Some(self.plan.hooks.clone()), ..SessionConfigured::default() };
        let (_, draft) = self.drafter.draft(0, "", ty::SESSION_CONFIGURED, &data);
        let pen = lock(&self.shared.log).opened()?.open_pen(Kind::Person)?;
        self.shared.append(pen.nib(), &draft, "ace")?;
        self.catch_up(seen, None)
    }

    /// Pens that were found gone: what they had claimed will not be closed by their holders. All that they ever wrote stood in the
    /// log when they were found, but it may not have been heard yet.
    fn drop_pens(
        &mut self,
        gone: &[u32],
        seen: &mut impl FnMut(Seen, &State),
        crew: Option<&mut Crew>,
    ) -> Result<(), StarError> {
        if gone.is_empty() {
            return Ok(());
        }
        self.catch_up(seen, crew)?;
        gone.iter().try_for_each(|&pen| self.drop_pen(pen))
    }

    /// Open claims of others than this star's own filters: rivals that were joined, and filters of a star that was killed, which
    /// may end later than their star. Nobody tells of their end, nor of that of a client which is asked.
    fn drop_strangers(&mut self, seen: &mut impl FnMut(Seen, &State), crew: &mut Crew) -> Result<(), StarError> {
        let strange = |pen: &u32| !crew.pens().any(|own| own == *pen);
        let asked = self.state.asks.iter().map(|(pen, _)| *pen);
        let strangers: Vec<u32> =
            self.state.claims.iter().filter(|c| !c.orphaned).map(|c| c.pen).chain(asked).filter(strange).collect();
        if strangers.is_empty() {
            return Ok(());
        }
        let gone = lock(&self.shared.log).opened()?.unheld(&strangers)?;
        self.drop_pens(&gone, seen, Some(crew))
    }

    /// Records that a pen is gone, if it has left a claim open, and forgets it. All that the pen has written is folded by now: the
    /// news of its end comes after the news of its lines.
    fn drop_pen(&mut self, pen: u32) -> Result<(), StarError> {
        if let Some(draft) = dropped(&self.state, pen, &self.drafter) {
            self.shared.append(Nib::KEEPER, &draft, "ace")?;
        }
        lock(&self.shared.log).opened()?.forget_pen(pen)?;
        Ok(())
    }

    /// Says aloud when something is due and nobody takes it up: a session must never hang in silence.
    fn say_what_waits(&mut self) {
        let waits = self.state.due().next().is_some();
        match &mut self.idle {
            None if waits => self.idle = Some((Instant::now(), false)),
            Some((since, said)) if waits && !*said && since.elapsed() > Duration::from_millis(limits::UNCLAIMED_MS) => {
                *said = true;
                let note = format!("{} is due and nobody takes it up", what_is_due(&self.state));
                self.shared.news.send(News::Note(note));
            }
            Some(_) if !waits => self.idle = None,
            _ => {}
        }
    }
}

fn what_is_due(state: &State) -> &'static str {
    match state.turn.as_ref().map(|t| &t.phase) {
        None => "a turn",
        Some(Phase::Context(_)) => "a context",
        Some(Phase::Asking { claim: None, reserved: None, .. }) if state.limits.is_reserved() => "a reservation",
        Some(Phase::Asking { .. }) => "a model call",
        Some(Phase::Compacting(_)) => "a compaction",
        Some(Phase::Ending { .. }) => "the turn's end",
        Some(Phase::Calls(_)) => {
            let undecided = state.calls().any(|c| c.state == CallState::Requested);
            if undecided { "a decision" } else { "a tool call" }
        }
    }
}
