//! The filters at work: each with its pen, its feed and the thread that records what it sends back.

use ace_core::{CallState, Due, Phase, State};
use ace_schema::Kind;
use ace_storage::{Nib, Pen};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, waitid};
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use ace_schema::limits;

use crate::feed::Feed;
use crate::gate::Gates;
use crate::hub::start_catching_up;
use crate::stage::{Begins, Stage, Started, start};
use crate::star::{News, Plan, Shared, StarError, lock};

/// Exit codes after which starting again cannot help: usage, not events, no provider, I/O, credentials, configuration.
const HOPELESS: [i32; 6] = [2, 65, 69, 74, 77, 78];

/// How long filters may take to finish once their input has ended.
const FAREWELL: Duration = Duration::from_secs(5);

/// The same for filters of the user's own, which hold nothing that has to be closed: one that does not listen delays nobody for long,
/// and one that was slow to start still says what it has to say.
const OWN_FAREWELL: Duration = Duration::from_secs(2);

/// The same for all when they were asked to end now.
const HURRIED_FAREWELL: Duration = Duration::from_millis(500);

/// How long the output of a filter that has ended is still read when something it started holds the pipe.
pub const LINGER: Duration = Duration::from_millis(limits::LINGER_MS);

/// What has become of a filter whose output ended.
pub enum Fate {
    /// It ended as it should: it was asked to, or is a filter of the user's own that has said all it had to say.
    Ended {
        /// Its name, if nobody had asked it to end.
        unasked: Option<String>,
    },
    /// It fell; its pen may have left claims open.
    Fallen {
        /// Number of its pen.
        pen: u32,
        /// Its name.
        program: String,
    },
}

struct Member {
    stage: Stage,
    child: Child,
    nib: Nib,
    generation: u64,
    collector: Option<JoinHandle<()>>,
    falls: Vec<Instant>,
    /// When its process was seen ended while its output had not.
    ended: Option<Instant>,
    /// It flooded: starting it again would only flood again.
    flooded: Arc<AtomicBool>,
    done: bool,
}

/// The end of a pipe to be a program's stderr; what comes out of it is told to people, line by line, up to so many a second.
fn listen(shared: &Shared) -> std::io::Result<std::io::PipeWriter> {
    let (reader, writer) = std::io::pipe()?;
    let news = shared.news.clone();
    std::thread::Builder::new().spawn(move || {
        let tell = |words: String| {
            news.await_room();
            news.send(News::Note(words));
        };
        let mut reader = BufReader::new(reader);
        let mut line = Vec::new();
        let (mut since, mut told) = (Instant::now(), 0);
        // A line without an end is told in pieces: nobody's memory is filled by another's words.
        while (&mut reader).take(limits::MESSAGE_BYTES as u64).read_until(b'\n', &mut line).is_ok_and(|n| n > 0) {
            if since.elapsed() > Duration::from_secs(1) {
                (since, told) = (Instant::now(), 0);
            }
            told += 1;
            match told {
                0..=limits::NOTES_PER_SECOND => tell(String::from_utf8_lossy(line.trim_ascii_end()).into_owned()),
                _ if told == limits::NOTES_PER_SECOND + 1 => {
                    tell("(much more is said here than can be shown)".to_owned())
                }
                // Who is loud waits.
                _ => std::thread::sleep(Duration::from_millis(1)),
            }
            line.clear();
        }
    })?;
    Ok(writer)
}

/// All filters of one star.
pub struct Crew {
    members: Vec<Member>,
    /// Stages that nothing has called for yet.
    waiting: Vec<Stage>,
    gates: Option<Arc<Gates>>,
    leaving: bool,
    /// All were asked to end now.
    hurried: bool,
    stderr: std::io::PipeWriter,
}

impl Crew {
    /// Starts every stage of the plan.
    pub fn start(shared: &Arc<Shared>, plan: &Plan) -> Result<Self, StarError> {
        let stderr = listen(shared)?;
        let gates = Gates::start(shared, plan)?;
        let (waiting, stages): (Vec<Stage>, Vec<Stage>) =
            plan.stages.iter().cloned().partition(|stage| stage.begins != Begins::AtOnce);
        let mut crew = Self { members: Vec::new(), waiting, gates, leaving: false, hurried: false, stderr };
        for stage in stages {
            let member = crew.hire(stage, 0, crew.members.len(), shared, plan)?;
            crew.members.push(member);
        }
        Ok(crew)
    }

    /// Starts the stages that this state calls for.
    pub fn summon(&mut self, state: &State, shared: &Arc<Shared>, plan: &Plan) -> Result<(), StarError> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let phase = state.turn.as_ref().map(|turn| &turn.phase);
        let wanted = |stage: &Stage| match stage.begins {
            Begins::AtOnce => true,
            Begins::Asking => {
                // What is said has to be heard by hooks before a turn takes it up.
                let vets = state.due().any(|due| matches!(due, Due::Vet { .. }));
                vets || !matches!(phase, None | Some(Phase::Context(_))) || state.calls().next().is_some()
            }
            Begins::Called => {
                state.calls().any(|call| matches!(call.state, CallState::Allowed(_)) && call.program() == stage.argv[0])
            }
        };
        while let Some(at) = self.waiting.iter().position(wanted) {
            let stage = self.waiting.remove(at);
            let member = self.hire(stage, 0, self.members.len(), shared, plan)?;
            self.members.push(member);
        }
        Ok(())
    }

    /// Starts one stage more.
    pub fn add(&mut self, stage: Stage, shared: &Arc<Shared>, plan: &Plan) -> Result<(), StarError> {
        let member = self.hire(stage, 0, self.members.len(), shared, plan)?;
        self.members.push(member);
        Ok(())
    }

    fn hire(
        &self,
        stage: Stage,
        generation: u64,
        at: usize,
        shared: &Arc<Shared>,
        plan: &Plan,
    ) -> Result<Member, StarError> {
        let program = stage.argv[0].clone();
        let pen = lock(&shared.log).opened()?.open_pen(stage.kind)?;
        let nib = pen.nib();
        // The suite's own share one way to be heard; one of the user's own cannot drown them.
        let stderr = match stage.kind {
            Kind::Filter => listen(shared)?,
            _ => self.stderr.try_clone()?,
        };
        let stderr = Stdio::from(stderr);
        let (started, pen) = with_pen(pen, || start(&stage, &plan.programs, stderr))
            .map_err(|source| StarError::Start { program: program.clone(), source })?;
        let Started { child, stdin, stdout } = started;
        let (feed, backlog) = Feed::new(stdin, stage.kind)?;
        lock(&shared.hub).set(at, feed);
        let follow = plan.log.follow(0)?;
        start_catching_up(&shared.hub, at, backlog, follow)?;
        let (shared, gates, pid) = (shared.clone(), self.gates.clone(), pid_of(&child));
        let flooded: Arc<AtomicBool> = Arc::default();
        let floods = flooded.clone();
        let collector = std::thread::Builder::new().spawn(move || {
            if collect(stdout, nib, &program, &shared, gates.as_deref()) && nib.kind == Kind::Filter {
                floods.store(true, Ordering::Relaxed);
                let _ = pid.map(|pid| rustix::process::kill_process_group(pid, Signal::KILL));
            }
            // One that only watches may have closed its output.
            await_end(pid);
            pen.leave();
            shared.news.send(News::Gone(at, generation));
        })?;
        let (collector, falls) = (Some(collector), Vec::new());
        Ok(Member { stage, child, nib, generation, collector, falls, ended: None, flooded, done: false })
    }

    /// Finds filters that have ended while something they started still holds their output, so that nobody tells of their end.
    pub fn look_around(&mut self, shared: &Shared) {
        for (at, member) in self.members.iter_mut().enumerate().filter(|(_, m)| !m.done) {
            match member.ended {
                None if has_ended(&member.child) => member.ended = Some(Instant::now()),
                Some(since) if since.elapsed() > LINGER => {
                    shared.news.send(News::Gone(at, member.generation));
                }
                _ => {}
            }
        }
    }

    /// Numbers of the pens whose filters are at work.
    pub fn pens(&self) -> impl Iterator<Item = u32> {
        self.members.iter().filter(|m| !m.done).map(|m| m.nib.number)
    }

    /// Looks what became of a filter whose process and output have ended.
    pub fn bury(&mut self, at: usize, generation: u64) -> Result<Option<Fate>, StarError> {
        let leaving = self.leaving;
        let Some(member) = self.members.get_mut(at).filter(|m| m.generation == generation && !m.done) else {
            return Ok(None);
        };
        let status = member.child.wait()?;
        member.done = true;
        if leaving || member.flooded.load(Ordering::Relaxed) {
            return Ok(Some(Fate::Ended { unasked: None }));
        }
        let program = member.stage.argv[0].clone();
        if status.success() && member.stage.kind == Kind::Filter {
            return Ok(Some(Fate::Ended { unasked: Some(program) }));
        }
        if let Some(code) = status.code().filter(|c| HOPELESS.contains(c)) {
            return Err(StarError::Ended { program, code });
        }
        Ok(Some(Fate::Fallen { pen: member.nib.number, program }))
    }

    /// Starts a fallen filter again, unless it falls too often.
    pub fn restart(&mut self, at: usize, shared: &Arc<Shared>, plan: &Plan) -> Result<(), StarError> {
        let window = Duration::from_millis(limits::RESTART_WINDOW_MS);
        let old = &mut self.members[at];
        let mut falls = std::mem::take(&mut old.falls);
        falls.retain(|t| t.elapsed() < window);
        falls.push(Instant::now());
        if falls.len() >= limits::RESTARTS as usize {
            return Err(StarError::Falls { program: old.stage.argv[0].clone() });
        }
        let (stage, generation) = (old.stage.clone(), old.generation + 1);
        let mut member = self.hire(stage, generation, at, shared, plan)?;
        member.falls = falls;
        self.members[at] = member;
        Ok(())
    }

    /// Asks every filter to end now.
    pub fn terminate(&mut self) {
        (self.leaving, self.hurried) = (true, true);
        for member in self.members.iter().filter(|m| !m.done) {
            member.signal(Signal::TERM);
        }
    }

    /// Waits for all filters, whose input has ended; who takes too long is killed. Their pens.
    pub fn join(mut self) -> Vec<u32> {
        self.leaving = true;
        let begin = Instant::now();
        // The user's own first: they have the least time.
        for own in [true, false] {
            for member in self.members.iter_mut().filter(|m| (m.stage.kind == Kind::Filter) == own) {
                let farewell = match (self.hurried, own) {
                    (true, _) => HURRIED_FAREWELL,
                    (_, true) => OWN_FAREWELL,
                    (..) => FAREWELL,
                };
                member.see_off(begin, farewell);
            }
        }
        if let Some(gates) = &self.gates {
            gates.close(if self.hurried { OWN_FAREWELL } else { FAREWELL });
        }
        self.members.iter().map(|m| m.nib.number).collect()
    }
}

impl Member {
    /// Waits for its end, hurries it on when its time is over, and reads what it said last.
    fn see_off(&mut self, begin: Instant, farewell: Duration) {
        let own = self.stage.kind == Kind::Filter;
        let mut asked = false;
        while !self.done && !has_ended(&self.child) {
            let waited = begin.elapsed();
            if waited > farewell + LINGER {
                self.signal(Signal::KILL);
                break;
            }
            if waited > farewell && !asked {
                asked = true;
                self.signal(Signal::TERM);
            }
            std::thread::sleep(Duration::from_micros(200));
        }
        if own {
            // What it has left in its group ends with it. It is not reaped yet, so the number is still its own.
            self.signal(Signal::KILL);
        }
        let _ = self.child.wait();
        if let Some(collector) = self.collector.take() {
            let ended = Instant::now();
            // Something it started may hold its output for ever.
            while !collector.is_finished() && ended.elapsed() < LINGER {
                std::thread::sleep(Duration::from_micros(200));
            }
        }
    }

    /// A filter of the user's own leads its group, and whatever it has started goes with it. The suite's own end what they have
    /// started by themselves: a worker that is struck as well could no longer do it.
    fn signal(&self, signal: Signal) {
        let Some(pid) = pid_of(&self.child).filter(|_| !self.done) else { return };
        let _ = match self.stage.kind {
            Kind::Filter => rustix::process::kill_process_group(pid, signal),
            _ => rustix::process::kill_process(pid, signal),
        };
    }
}

fn pid_of(child: &Child) -> Option<Pid> {
    i32::try_from(child.id()).ok().and_then(Pid::from_raw)
}

/// Whether a child has ended. It stays unreaped, so that its number is not another's yet.
fn has_ended(child: &Child) -> bool {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    pid_of(child).is_none_or(|pid| !matches!(waitid(WaitId::Pid(pid), options), Ok(None)))
}

/// Sleeps until a child has ended or was reaped.
fn await_end(pid: Option<Pid>) {
    let Some(pid) = pid else { return };
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    while waitid(WaitId::Pid(pid), options).is_err_and(|e| e == rustix::io::Errno::INTR) {}
}

/// Starts a filter that inherits the pen. It is held as long as the filter lives, and by whoever holds what comes back until all
/// that the filter has said is recorded: a pen that is gone says no more.
pub fn with_pen(pen: Pen, start: impl FnOnce() -> std::io::Result<Started>) -> std::io::Result<(Started, Pen)> {
    rustix::io::fcntl_setfd(pen.fd(), rustix::io::FdFlags::empty())?;
    let started = start();
    rustix::io::fcntl_setfd(pen.fd(), rustix::io::FdFlags::CLOEXEC)?;
    started.map(|started| (started, pen))
}

/// Records what one filter sends, chunk by chunk, until its output ends. One that floods with what is no event is no longer heard.
/// Whether it did.
pub fn collect(mut stdout: impl Read, nib: Nib, program: &str, shared: &Shared, gates: Option<&Gates>) -> bool {
    let mut lines = ace_pipe::Lines::default();
    let mut buffer = vec![0; 64 * 1024];
    let mut refused = 0;
    loop {
        let n = match stdout.read(&mut buffer) {
            Ok(0) => return false,
            Ok(n) => n,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(_) => return false,
        };
        // No lock is held here: a filter is held back when people cannot read what the session says, and nobody else is.
        shared.news.await_room();
        let Ok(whole) = lines.push(&buffer[..n]) else {
            shared.news.send(News::Note(format!("'{program}' sends a line without an end, and is no longer heard")));
            return true;
        };
        let taken = match gates {
            _ if whole.is_empty() => Ok(0),
            Some(gates) => gates.pass(nib, whole).map(|()| 0),
            None => shared.record(nib, whole, program),
        };
        match taken {
            Ok(more) => refused += more,
            Err(e) => {
                shared.news.send(News::Failed(e));
                return false;
            }
        }
        if refused > limits::LINES_REFUSED || lines.rest().len() > limits::LINE_BYTES {
            shared.news.send(News::Note(format!("'{program}' sends what is no event, and is no longer heard")));
            return true;
        }
    }
}
