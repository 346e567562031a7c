//! The star: one process that keeps a session going.
//!
//! It follows the log once, feeds every filter, and records what each sends back with that filter's own pen, so that a filter can
//! neither forge another's words nor reach the log. It holds no state that is not in the log: kill it at any point and the next
//! one goes on. It never writes to a filter while the log is locked.

use ace_core::{CallState, Phase, State, Until};
use ace_schema::data::{PenDropped, TurnCancelled};
use ace_schema::{Drafter, Kind, Line, id, limits, ty};
use ace_storage::{AppendError, Appender, Clock, Log, Nib};
use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::crew::{Crew, Fate};
use crate::hub::{Chalking, Hub, OWN_BIT, follow_chalk, follow_others, pump};
use crate::stage::{Programs, Stage};

/// How often the star looks around when nothing happens.
pub const TICK: Duration = Duration::from_millis(500);

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
    /// Recorded lines, whole; the session's history comes first.
    Lines(&'a [u8]),
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
    /// Where programs are found.
    pub programs: Programs,
    /// When to leave.
    pub until: Until,
    /// Name of the person, for what is recorded in their name.
    pub person: String,
}

/// The log and who is fed from it; shared by all threads of a star.
pub(crate) struct Shared {
    pub log: Mutex<Appender>,
    pub hub: Arc<Mutex<Hub>>,
    pub news: Sender<News>,
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    /// Records drafts under a pen and hands on what was recorded.
    pub fn append(&self, pen: Nib, drafts: &[u8], whose: &str) -> Result<(), StarError> {
        let appended = lock(&self.log).append(pen, drafts)?;
        // The last piece of an answer often comes with the record of the whole: it is seen before it, as it was sent.
        if !appended.chalk.is_empty() {
            let _ = self.news.send(News::Chalk(appended.chalk));
        }
        if !appended.lines.is_empty() {
            pump(&self.hub)?;
        }
        for refusal in appended.refused {
            let _ = self.news.send(News::Note(format!("refused from {whose}: {refusal}")));
        }
        Ok(())
    }
}

/// A session's supervisor.
pub struct Star {
    plan: Plan,
    shared: Arc<Shared>,
    news: Receiver<News>,
    state: State,
    drafter: Drafter,
    interrupts: u32,
    /// Since when something is due that nobody has claimed, and whether that was said.
    idle: Option<(Instant, bool)>,
}

impl Star {
    /// Opens the session's log. Nothing is started yet.
    ///
    /// # Errors
    /// The log cannot be opened, or is damaged.
    pub fn open(plan: Plan, clock: Clock, random: u64) -> Result<Self, StarError> {
        let (sender, news) = channel();
        let mut log = plan.log.append(clock)?;
        log.spare(OWN_BIT);
        let hub = Arc::new(Mutex::new(Hub::new(plan.log.follow(0)?, sender.clone())));
        follow_others(&hub, &plan.log)?;
        let shared = Arc::new(Shared { log: Mutex::new(log), hub, news: sender });
        let drafter = Drafter::new("ace", random);
        Ok(Self { plan, shared, news, state: State::new(), drafter, interrupts: 0, idle: None })
    }

    /// A handle by which a signal or another thread can stop the run.
    pub fn interrupter(&self) -> impl Fn() + Send + use<> {
        let news = self.shared.news.clone();
        move || {
            let _ = news.send(News::Interrupt);
        }
    }

    /// A handle by which another thread makes the watcher look again, or read a line for people.
    pub fn teller(&self) -> impl Fn(Option<String>) + Send + use<> {
        let news = self.shared.news.clone();
        move |note| {
            let _ = news.send(note.map_or(News::Nudge, News::Note));
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
        pump(&self.shared.hub)?;
        self.drain(&mut seen)?;
        self.drafter.set_session(&self.state.session.clone());
        seen(Seen::Present, &self.state);
        let mut runner = None;
        let mut chalk: Option<Chalking> = None;
        while !self.plan.until.is_reached(&self.state) && runner.is_none() {
            runner = self.plan.log.runner()?;
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
        self.drop_gone_pens()?;
        self.drain(seen)?;
        let mut crew = Crew::start(&self.shared, &self.plan)?;
        let ended = loop {
            if self.plan.until.is_reached(&self.state) || (self.interrupts > 0 && self.is_stopped()) {
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
        crew.join(&self.shared);
        // What the filters said last is part of the record, and of what is seen.
        let rest = self.drain(seen);
        ended.and(rest).map(|()| self.outcome())
    }

    /// After ^C: the turn has ended and everybody has closed what they held.
    fn is_stopped(&self) -> bool {
        self.state.turn.is_none() && self.state.claims.is_empty()
    }

    /// One piece of news, or a look around.
    fn turn(&mut self, seen: &mut impl FnMut(Seen, &State), crew: Option<&mut Crew>) -> Result<(), StarError> {
        match self.news.recv_timeout(TICK) {
            Ok(news) => self.hear(news, seen, crew),
            Err(RecvTimeoutError::Timeout) => {
                self.look_around(crew.is_some());
                seen(Seen::Tick, &self.state);
                Ok(())
            }
            // This star holds a sender itself.
            Err(RecvTimeoutError::Disconnected) => Ok(()),
        }
    }

    /// All news that is there already.
    fn drain(&mut self, seen: &mut impl FnMut(Seen, &State)) -> Result<(), StarError> {
        while let Ok(news) = self.news.try_recv() {
            self.hear(news, seen, None)?;
        }
        Ok(())
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
                for line in lines.split_inclusive(|&b| b == b'\n') {
                    if let Ok(parsed) = Line::parse(line.strip_suffix(b"\n").unwrap_or(line)) {
                        self.state.fold(&parsed);
                    }
                    seen(Seen::Lines(line), &self.state);
                }
            }
            News::Chalk(chalk) => seen(Seen::Chalk(&chalk), &self.state),
            News::Note(note) => seen(Seen::Note(&note), &self.state),
            News::Interrupt => self.interrupt(crew)?,
            News::Nudge => seen(Seen::Tick, &self.state),
            News::Failed(e) => return Err(e),
            News::Gone(at, generation) => {
                if let Some(crew) = crew
                    && let Some(Fate::Fallen { pen, program }) = crew.bury(at, generation)?
                {
                    seen(Seen::Note(&format!("{program} fell and is started again")), &self.state);
                    self.drop_pen(pen)?;
                    crew.restart(at, &self.shared, &self.plan)?;
                }
            }
        }
        Ok(())
    }

    /// The first ^C is an order in the log; the second ends the programs; the third is the shell's own.
    fn interrupt(&mut self, crew: Option<&mut Crew>) -> Result<(), StarError> {
        self.interrupts += 1;
        match (&self.state.turn, self.interrupts) {
            (Some(turn), 1) => {
                let n = turn.n;
                let data = TurnCancelled { who: self.plan.person.clone() };
                let draft = self.drafter.line(&id::end(n), n, &id::turn(n), ty::TURN_CANCELLED, &data);
                let pen = lock(&self.shared.log).open_pen(Kind::Person)?;
                self.shared.append(pen.nib(), &draft, "ace")
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

    /// Pens whose holders are gone: what they had claimed will not be closed by them.
    fn drop_gone_pens(&mut self) -> Result<(), StarError> {
        let gone = lock(&self.shared.log).gone_pens()?;
        for pen in gone {
            self.drop_pen(pen)?;
        }
        Ok(())
    }

    /// Records that a pen is gone, if it has left a claim open, and forgets it. All that the pen has written is folded by now: the
    /// news of its end comes after the news of its lines.
    fn drop_pen(&mut self, pen: u32) -> Result<(), StarError> {
        if let Some(draft) = dropped(&self.state, pen, &self.drafter) {
            self.shared.append(Nib::KEEPER, &draft, "ace")?;
        }
        lock(&self.shared.log).forget_pen(pen)?;
        Ok(())
    }

    /// Says aloud when something is due and nobody takes it up: a session must never hang in silence.
    fn look_around(&mut self, leads: bool) {
        let waits = self.state.due().next().is_some();
        match &mut self.idle {
            None if waits && leads => self.idle = Some((Instant::now(), false)),
            Some((since, said)) if waits && !*said && since.elapsed() > Duration::from_millis(limits::UNCLAIMED_MS) => {
                *said = true;
                let note = format!("{} is due and nobody takes it up", what_is_due(&self.state));
                let _ = self.shared.news.send(News::Note(note));
            }
            Some(_) if !waits => self.idle = None,
            _ => {}
        }
    }
}

/// The record that a pen is gone, if it has left a claim open.
fn dropped(state: &State, pen: u32, drafter: &Drafter) -> Option<Vec<u8>> {
    let left = state.claims.iter().any(|c| c.pen == pen && !c.orphaned);
    left.then(|| drafter.line(&format!("drop-{pen}"), 0, "", ty::PEN_DROPPED, &PenDropped { pen }))
}

/// Records which pens are gone, for whoever writes to a session without a star: their claims would stay open for ever.
///
/// # Errors
/// The log does not take it.
pub fn drop_gone_pens(log: &mut Appender, state: &State, random: u64) -> Result<(), AppendError> {
    let mut drafter = Drafter::new("ace-log", random);
    drafter.set_session(&state.session);
    for pen in log.gone_pens()? {
        if let Some(draft) = dropped(state, pen, &drafter) {
            log.append(Nib::KEEPER, &draft)?;
        }
        log.forget_pen(pen)?;
    }
    Ok(())
}

fn what_is_due(state: &State) -> &'static str {
    match state.turn.as_ref().map(|t| &t.phase) {
        None => "a turn",
        Some(Phase::Context(_)) => "a context",
        Some(Phase::Asking { .. }) => "a model call",
        Some(Phase::Ending { .. }) => "the turn's end",
        Some(Phase::Calls(_)) => {
            let undecided = state.calls().any(|c| c.state == CallState::Requested);
            if undecided { "a decision" } else { "a tool call" }
        }
    }
}
