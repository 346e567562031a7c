//! One session of a batch: begun or gone on with, watched, judged. Its state is what its log says; this only starts what is due.

use ace_cli::Complaint;
use ace_core::{State, TurnEnd};
use ace_host::Programs;
use ace_schema::data::{Batch, CheckCompleted, Purse, ToolCompleted, UserMessage};
use ace_schema::{Line, ty};
use ace_storage::{Follower, Log};
use ace_view::Ledger;
use rustix::process::{Pid, Signal, kill_process_group};
use std::collections::BTreeMap;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Instant;

use super::Task;
use crate::begin::{self, Origin};
use crate::opening::{Opening, open};
use crate::{check, redaction, say, screen, words};

/// What is kept of what a session's program says, bytes.
const SAID_BYTES: u64 = 64 * 1024;

/// How a session is judged and gone on with.
#[derive(Debug, Clone, Default)]
pub struct Way {
    /// What judges it.
    pub checks: Vec<String>,
    /// Turns until the checks pass.
    pub rounds: u32,
    /// Begun again if it has failed.
    pub retry: bool,
    /// So many checks are enough; none for all.
    pub votes: Option<usize>,
}

/// Where a lane begins.
#[derive(Debug, Clone, Default)]
pub struct Begun {
    /// Its place among the tasks, from 1.
    pub place: u64,
    /// Its place in the batch.
    pub member: Batch,
    /// Money that all share.
    pub purse: Option<Purse>,
    /// The session that was begun before.
    pub session: Option<String>,
}

/// What came of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Every check succeeds.
    Passed,
    /// The turn has its answer, and nothing judges it.
    Done,
    /// A check does not succeed.
    Failed,
    /// The turn ended without an answer, or could not begin: why.
    Broke(String),
    /// A limit ended it: which.
    Stopped(String),
    /// A person is asked: what.
    Asks(String),
    /// It was stopped.
    Cancelled,
    /// It has changed a path that was somebody else's already: which, and the place of whose it is.
    Clashes(String, u64),
}

impl Verdict {
    /// Whether it came to a good end.
    #[must_use]
    pub fn is_good(&self) -> bool {
        matches!(self, Self::Passed | Self::Done)
    }
}

/// What is under way.
enum Work {
    /// Nothing was started yet.
    Waits,
    /// The session is made.
    Makes(JoinHandle<Result<String, Complaint>>),
    /// Its program runs.
    Runs(Child, JoinHandle<String>),
    /// Its files are judged.
    Judges(JoinHandle<Result<bool, Complaint>>),
    /// Nothing more happens.
    Over(Verdict),
}

/// One session of a batch.
pub struct Lane {
    /// Its place, from 1.
    pub n: u64,
    /// What it is to do.
    pub task: Task,
    opening: Opening,
    way: Way,
    begun: Begun,
    work: Work,
    log: Option<(Log, Follower)>,
    state: State,
    ledger: Ledger,
    checks: BTreeMap<String, bool>,
    changed: BTreeMap<String, String>,
    said: Vec<String>,
    clash: Option<(String, u64)>,
    stop: Arc<AtomicBool>,
    since: Option<Instant>,
    took: u64,
}

impl std::fmt::Debug for Lane {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lane").field("n", &self.n).field("session", &self.begun.session).finish_non_exhaustive()
    }
}

impl Lane {
    /// A lane that has started nothing. One whose session is there knows what its log says.
    ///
    /// # Errors
    /// The configuration of its session is wrong.
    pub fn new(opening: &Opening, task: Task, way: Way, begun: Begun) -> Result<Self, Complaint> {
        let own = open(opening.program, task.options.layers())?;
        let mut lane = Self {
            n: begun.place,
            task,
            opening: own,
            way,
            begun,
            work: Work::Waits,
            log: None,
            state: State::new(),
            ledger: Ledger::default(),
            checks: BTreeMap::new(),
            changed: BTreeMap::new(),
            said: Vec::new(),
            clash: None,
            stop: Arc::default(),
            since: None,
            took: 0,
        };
        lane.read()?;
        if lane.begun.session.is_some() && lane.is_ended() && (!lane.way.retry || lane.is_judged_good()) {
            lane.work = Work::Over(lane.verdict_of(None));
        }
        Ok(lane)
    }

    /// Whether a session of a batch has come to an end, and whether to a good one.
    ///
    /// # Errors
    /// Its log cannot be read.
    pub fn stands(
        opening: &Opening,
        session: &str,
        (checks, votes): (&[String], Option<usize>),
    ) -> Result<(bool, bool), Complaint> {
        let way = Way { checks: checks.to_vec(), votes, ..Way::default() };
        let begun = Begun { session: Some(session.to_owned()), ..Begun::default() };
        let lane = Self::new(opening, Task::default(), way, begun)?;
        Ok((lane.is_ended(), lane.is_ended() && lane.is_judged_good()))
    }

    /// Whether its last turn has ended and all that judges it has: nothing is left to do.
    fn is_ended(&self) -> bool {
        let judged = self.way.checks.iter().all(|check| self.checks.contains_key(check));
        self.state.is_settled()
            && match &self.state.ended {
                Some(TurnEnd::Completed) => judged,
                Some(TurnEnd::Failed { .. }) => true,
                Some(TurnEnd::Cancelled) | None => false,
            }
    }

    fn is_judged_good(&self) -> bool {
        let enough = self.way.votes.unwrap_or(self.way.checks.len());
        self.state.ended == Some(TurnEnd::Completed) && self.passed() >= enough
    }

    /// How many checks succeed.
    #[must_use]
    pub fn passed(&self) -> usize {
        self.way.checks.iter().filter(|c| self.checks.get(*c) == Some(&true)).count()
    }

    /// How many there are.
    #[must_use]
    pub fn judges(&self) -> usize {
        self.way.checks.len()
    }

    /// What came of it, once nothing more happens.
    #[must_use]
    pub fn verdict(&self) -> Option<&Verdict> {
        match &self.work {
            Work::Over(verdict) => Some(verdict),
            _ => None,
        }
    }

    /// Whether it may be begun.
    #[must_use]
    pub fn waits(&self) -> bool {
        matches!(self.work, Work::Waits)
    }

    /// Whether something of it runs.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        matches!(self.work, Work::Makes(_) | Work::Runs(..) | Work::Judges(_))
    }

    /// What its log adds up to.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// What its log says.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The session, once there is one.
    #[must_use]
    pub fn session(&self) -> Option<&str> {
        self.begun.session.as_deref()
    }

    /// How long it has run, ms: as recorded once it is over.
    #[must_use]
    pub fn wall(&self) -> u64 {
        match self.since {
            Some(since) if self.is_busy() => self.took + u64::try_from(since.elapsed().as_millis()).unwrap_or(0),
            _ => self.ledger.wall().0,
        }
    }

    /// What it does, in words.
    #[must_use]
    pub fn doing(&self) -> String {
        match &self.work {
            Work::Waits => "waits".to_owned(),
            Work::Makes(_) => "makes its worktree".to_owned(),
            Work::Judges(_) => "is judged".to_owned(),
            Work::Over(_) => String::new(),
            Work::Runs(..) => {
                let turn = format!("turn {}, call {}", self.state.turns.max(1), self.ledger.tool_calls);
                let call = self.state.calls().find(|c| matches!(c.state, ace_core::CallState::Started(_)));
                call.map_or(turn.clone(), |c| format!("{turn}  {} {}", c.tool, screen::subject(c)))
            }
        }
    }

    /// Begins it, or goes on with it.
    pub fn begin(&mut self) {
        self.since = Some(Instant::now());
        self.took = self.ledger.wall().0;
        if self.begun.session.is_some() {
            return self.go_on();
        }
        let (opening, task, begun) = (self.opening.clone(), self.task.clone(), self.begun.clone());
        let made = std::thread::Builder::new().spawn(move || {
            let origin = Origin { batch: Some(begun.member), purse: begun.purse, ..Origin::default() };
            let made = begin::made(&opening, task.prompt, &task.options, origin, None)?;
            Ok(made.id)
        });
        self.work = match made {
            Ok(thread) => Work::Makes(thread),
            Err(e) => Work::Over(Verdict::Broke(e.to_string())),
        };
    }

    /// The paths that it has changed, each with when it did first.
    #[must_use]
    pub fn changed(&self) -> &BTreeMap<String, String> {
        &self.changed
    }

    /// It has changed what is somebody else's: it is stopped.
    pub fn clash(&mut self, path: String, with: u64) {
        self.clash = Some((path, with));
        match &self.work {
            Work::Waits => self.work = Work::Over(self.verdict_of(None)),
            Work::Over(verdict) if !matches!(verdict, Verdict::Clashes(..)) => {
                self.work = Work::Over(self.verdict_of(None));
            }
            _ if !self.stop.load(Ordering::Relaxed) => self.cancel(1),
            _ => {}
        }
    }

    /// How many messages were said to it that begin so.
    #[must_use]
    pub fn heard(&self, beginning: &str) -> u64 {
        self.said.iter().filter(|text| text.starts_with(beginning)).count() as u64
    }

    /// Whether messages wait for a turn.
    #[must_use]
    pub fn has_messages(&self) -> bool {
        !self.state.waiting.is_empty()
    }

    /// Somebody else has judged it.
    pub fn judged(&mut self, verdict: Verdict) {
        self.work = Work::Over(verdict);
    }

    /// Says something to it that it goes on with.
    ///
    /// # Errors
    /// Its log does not take it.
    pub fn tell(&mut self, text: &str) -> Result<(), Complaint> {
        self.say(text)?;
        self.read()?;
        self.again();
        Ok(())
    }

    /// Goes on with what waits.
    pub fn again(&mut self) {
        self.since = Some(Instant::now());
        self.took = self.ledger.wall().0;
        self.start();
    }

    /// What is due is done: messages that wait, a turn that was stopped, checks that nobody made.
    fn go_on(&mut self) {
        let stopped = self.state.is_settled() && self.state.turns > 0 && !self.is_ended();
        let cancelled = stopped && self.state.ended == Some(TurnEnd::Cancelled);
        let retried = self.way.retry && self.is_ended() && !self.is_judged_good();
        if (cancelled || retried)
            && let Err(e) = self.say("The work was stopped. Go on with it.")
        {
            self.work = Work::Over(Verdict::Broke(e.what));
            return;
        }
        if self.state.is_settled() && self.state.ended == Some(TurnEnd::Completed) && !retried && self.way.rounds < 2 {
            return self.judge();
        }
        self.start();
    }

    fn say(&self, text: &str) -> Result<(), Complaint> {
        let Some((log, _)) = &self.log else { return Ok(()) };
        let session = &self.state.session;
        let redactor = redaction::redactor(&self.opening, session)?;
        let said = say::message(log, session, (text, &[]), &self.opening.person(), false, redactor.as_ref());
        said.map(drop).map_err(|e| words::append(self.opening.program, &self.state.name, &e))
    }

    /// Starts the session's own program.
    fn start(&mut self) {
        let Some(session) = &self.begun.session else { return };
        let mut command = Command::new(Programs::beside_this().find("ace-session"));
        command.args(["run", session]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        command.env(ace_cli::variables::PROGRESS, "0").env_remove(ace_cli::variables::ERRORS).process_group(0);
        if self.way.rounds > 1 {
            let all = self.way.checks.join(" && ");
            command.arg(format!("--until={all}")).arg(format!("--rounds={}", self.way.rounds));
        }
        let started = command.spawn().and_then(|mut child| {
            let stderr = child.stderr.take();
            let listener = std::thread::Builder::new().spawn(move || stderr.map(heard).unwrap_or_default())?;
            Ok((child, listener))
        });
        self.work = match started {
            Ok((child, listener)) => Work::Runs(child, listener),
            Err(e) => Work::Over(Verdict::Broke(e.to_string())),
        };
    }

    fn judge(&mut self) {
        let missing: Vec<String> = self.way.checks.iter().filter(|c| !self.checks.contains_key(*c)).cloned().collect();
        let (Some((log, _)), false) = (&self.log, missing.is_empty()) else {
            self.work = Work::Over(self.verdict_of(None));
            return;
        };
        let (opening, log, session, stop) =
            (self.opening.clone(), log.clone(), self.state.session.clone(), self.stop.clone());
        let judged = std::thread::Builder::new().spawn(move || {
            for command in missing {
                if check::run(&opening, &log, &session, &command, &stop)?.is_none() {
                    return Ok(false);
                }
            }
            Ok(true)
        });
        self.work = match judged {
            Ok(thread) => Work::Judges(thread),
            Err(e) => Work::Over(Verdict::Broke(e.to_string())),
        };
    }

    /// Reads what its log has grown by, and goes on with what has ended.
    ///
    /// # Errors
    /// Its log cannot be read.
    pub fn look(&mut self) -> Result<(), Complaint> {
        self.read()?;
        match std::mem::replace(&mut self.work, Work::Waits) {
            Work::Makes(thread) if thread.is_finished() => match thread.join() {
                Ok(Ok(session)) => {
                    self.begun.session = Some(session);
                    self.read()?;
                    if self.stop.load(Ordering::Relaxed) {
                        self.work = Work::Over(Verdict::Cancelled);
                    } else {
                        self.start();
                    }
                }
                Ok(Err(complaint)) => self.work = Work::Over(Verdict::Broke(complaint.what)),
                Err(_) => self.work = Work::Over(Verdict::Broke("making the session failed".to_owned())),
            },
            Work::Runs(mut child, listener) => match child.try_wait() {
                Ok(None) => self.work = Work::Runs(child, listener),
                Ok(Some(status)) => {
                    let said = listener.join().unwrap_or_default();
                    // What it wrote last may not have been there at the first look.
                    self.read()?;
                    self.ran(status.code(), &said);
                }
                Err(e) => self.work = Work::Over(Verdict::Broke(e.to_string())),
            },
            Work::Judges(thread) if thread.is_finished() => {
                let judged = thread.join();
                self.read()?;
                self.work = Work::Over(match judged {
                    Ok(Ok(true)) => self.verdict_of(None),
                    Ok(Ok(false)) => Verdict::Cancelled,
                    Ok(Err(complaint)) => Verdict::Broke(complaint.what),
                    Err(_) => Verdict::Broke("the check failed to run".to_owned()),
                });
            }
            other => self.work = other,
        }
        Ok(())
    }

    /// The session's program has ended.
    fn ran(&mut self, exit: Option<i32>, said: &str) {
        if self.state.is_settled() && self.state.ended == Some(TurnEnd::Completed) {
            return if self.stop.load(Ordering::Relaxed) {
                self.work = Work::Over(Verdict::Cancelled)
            } else {
                self.judge()
            };
        }
        let last = said.lines().rfind(|l| !l.starts_with("hint: ")).unwrap_or_default();
        let last = last.split_once(": ").map_or(last, |(_, what)| what).to_owned();
        self.work = Work::Over(self.verdict_of(Some((exit, last))));
    }

    /// What the log says of it; `ended` is the exit of its program and its last words, for what no log tells.
    fn verdict_of(&self, ended: Option<(Option<i32>, String)>) -> Verdict {
        if let Some((path, with)) = &self.clash {
            return Verdict::Clashes(path.clone(), *with);
        }
        if let Some(call) = self.state.asked().next() {
            return Verdict::Asks(format!("{} {}", call.tool, screen::subject(call)).trim_end().to_owned());
        }
        match &self.state.ended {
            Some(TurnEnd::Completed) if self.state.is_settled() => match self.way.checks.is_empty() {
                true => Verdict::Done,
                false if self.is_judged_good() => Verdict::Passed,
                false => Verdict::Failed,
            },
            Some(TurnEnd::Failed { code: ace_schema::data::Code::Limit, message, .. }) => {
                Verdict::Stopped(message.clone())
            }
            Some(TurnEnd::Failed { message, .. }) => Verdict::Broke(message.clone()),
            Some(TurnEnd::Cancelled) => Verdict::Cancelled,
            _ => match ended {
                Some((Some(130), _)) | None => Verdict::Cancelled,
                Some((_, words)) if words.is_empty() => Verdict::Broke("its program fell".to_owned()),
                Some((_, words)) => Verdict::Broke(words),
            },
        }
    }

    fn read(&mut self) -> Result<(), Complaint> {
        let program = self.opening.program;
        let cannot = |e: std::io::Error| Complaint::io(program, "cannot read a log", &e);
        if self.log.is_none()
            && let Some(session) = &self.begun.session
        {
            let log = self.opening.home().log(session).with_blobs(self.opening.home().blobs());
            let follow = log.follow(0).map_err(cannot)?;
            self.log = Some((log, follow));
        }
        let Some((_, follow)) = &mut self.log else { return Ok(()) };
        loop {
            let lines = follow.read().map_err(cannot)?;
            if lines.is_empty() {
                return Ok(());
            }
            for line in ace_storage::split(lines).filter_map(|l| Line::parse(l).ok()) {
                self.state.fold(&line);
                self.ledger.fold(&line);
                match &*line.ty {
                    // What was judged is not what is there now.
                    ty::TURN_STARTED => self.checks.clear(),
                    ty::TOOL_COMPLETED => {
                        let done = line.data::<ToolCompleted>().ok();
                        for path in done.into_iter().flat_map(|done| done.changed).map(|change| change.path) {
                            self.changed.entry(path).or_insert_with(|| line.ts.to_string());
                        }
                    }
                    ty::USER_MESSAGE => self.said.extend(line.data::<UserMessage>().ok().map(|said| said.text)),
                    ty::CHECK_COMPLETED => {
                        if let Ok(done) = line.data::<CheckCompleted>() {
                            let all = self.way.checks.join(" && ");
                            if done.command == all && done.passed {
                                self.checks.extend(self.way.checks.iter().map(|c| (c.clone(), true)));
                            }
                            self.checks.insert(done.command, done.passed);
                        }
                    }
                    _ => {}
                }
            }
        }
    }

    /// Asks it to stop; the second time its programs are ended, the third time killed. What is recorded stays.
    pub fn cancel(&mut self, asked: u32) {
        self.stop.store(true, Ordering::Relaxed);
        let Work::Runs(child, _) = &self.work else { return };
        let signal = match asked {
            0 | 1 => Signal::INT,
            2 => Signal::TERM,
            _ => Signal::KILL,
        };
        if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process_group(group, signal);
        }
    }
}

/// What a program says, its beginning; all of it is read.
fn heard(mut from: impl Read) -> String {
    let mut kept = Vec::new();
    let _ = from.by_ref().take(SAID_BYTES).read_to_end(&mut kept);
    let _ = std::io::copy(&mut from, &mut std::io::sink());
    String::from_utf8_lossy(&kept).into_owned()
}
