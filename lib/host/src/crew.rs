//! The filters at work: each with its pen, its feed and the thread that records what it sends back.

use ace_storage::{Nib, Pen};
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use ace_schema::limits;

use crate::feed::Feed;
use crate::gate::Gates;
use crate::hub::start_catching_up;
use crate::stage::{Stage, Started, start};
use crate::star::{News, Plan, Shared, StarError, lock};

/// Exit codes after which starting again cannot help: usage, not events, no provider, I/O, credentials, configuration.
const HOPELESS: [i32; 6] = [2, 65, 69, 74, 77, 78];

/// How long filters may take to finish once their input has ended.
const FAREWELL: Duration = Duration::from_secs(5);

/// What has become of a filter whose output ended.
pub enum Fate {
    /// It ended as it should.
    Ended,
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
    done: bool,
}

/// All filters of one star.
pub struct Crew {
    members: Vec<Member>,
    gates: Option<Arc<Gates>>,
    leaving: bool,
    stderr: std::io::PipeWriter,
}

impl Crew {
    /// Starts every stage of the plan.
    pub fn start(shared: &Arc<Shared>, plan: &Plan) -> Result<Self, StarError> {
        let (reader, stderr) = std::io::pipe()?;
        let news = shared.news.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(reader.take(u64::MAX)).split(b'\n').map_while(Result::ok) {
                let _ = news.send(News::Note(String::from_utf8_lossy(&line).into_owned()));
            }
        });
        let gates = Gates::start(shared, plan)?;
        let mut crew = Self { members: Vec::new(), gates, leaving: false, stderr };
        for stage in &plan.stages {
            let member = crew.hire(stage.clone(), 0, crew.members.len(), shared, plan)?;
            crew.members.push(member);
        }
        Ok(crew)
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
        let pen = lock(&shared.log).open_pen(stage.kind)?;
        let nib = pen.nib();
        let stderr = Stdio::from(self.stderr.try_clone()?);
        let started = with_pen(pen, || start(&stage, &plan.programs, stderr))
            .map_err(|source| StarError::Start { program: program.clone(), source })?;
        let Started { child, stdin, stdout } = started;
        let (feed, backlog) = Feed::new(stdin)?;
        lock(&shared.hub).set(at, feed);
        let follow = plan.log.follow(0)?;
        start_catching_up(&shared.hub, at, backlog, follow);
        let (shared, gates) = (shared.clone(), self.gates.clone());
        let collector = std::thread::spawn(move || {
            collect(stdout, nib, &program, &shared, gates.as_deref());
            let _ = shared.news.send(News::Gone(at, generation));
        });
        Ok(Member { stage, child, nib, generation, collector: Some(collector), falls: Vec::new(), done: false })
    }

    /// Looks what became of a filter whose output ended.
    pub fn bury(&mut self, at: usize, generation: u64) -> Result<Option<Fate>, StarError> {
        let leaving = self.leaving;
        let Some(member) = self.members.get_mut(at).filter(|m| m.generation == generation && !m.done) else {
            return Ok(None);
        };
        let status = member.child.wait()?;
        member.done = true;
        if leaving {
            return Ok(Some(Fate::Ended));
        }
        let program = member.stage.argv[0].clone();
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
        self.leaving = true;
        for member in self.members.iter().filter(|m| !m.done) {
            signal(&member.child, rustix::process::Signal::TERM);
        }
    }

    /// Waits for all filters, whose input has ended; who takes too long is killed.
    pub fn join(mut self, shared: &Shared) {
        self.leaving = true;
        let deadline = Instant::now() + FAREWELL;
        for member in &mut self.members {
            while !member.done && member.child.try_wait().is_ok_and(|s| s.is_none()) {
                if Instant::now() > deadline {
                    signal(&member.child, rustix::process::Signal::KILL);
                    break;
                }
                std::thread::sleep(Duration::from_micros(200));
            }
            let finished = member.child.wait().is_ok_and(|s| s.success());
            if let Some(collector) = member.collector.take() {
                let _ = collector.join();
            }
            // Who finished has closed what it held; who did not is left for the next runner to see.
            if finished {
                let _ = lock(&shared.log).forget_pen(member.nib.number);
            }
        }
        if let Some(gates) = &self.gates {
            gates.close();
        }
    }
}

fn signal(child: &Child, signal: rustix::process::Signal) {
    if let Some(pid) = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw) {
        // The filter leads its own group: whatever it has started goes with it.
        let _ = rustix::process::kill_process_group(pid, signal);
    }
}

/// Starts a filter that inherits the pen: as long as it lives the pen is held, and not a moment longer.
pub fn with_pen(pen: Pen, start: impl FnOnce() -> std::io::Result<Started>) -> std::io::Result<Started> {
    rustix::io::fcntl_setfd(pen.fd(), rustix::io::FdFlags::empty())?;
    let started = start();
    rustix::io::fcntl_setfd(pen.fd(), rustix::io::FdFlags::CLOEXEC)?;
    if started.is_ok() {
        pen.leave();
    }
    started
}

/// Records what one filter sends, chunk by chunk, until its output ends.
pub fn collect(mut stdout: impl Read, nib: Nib, program: &str, shared: &Shared, gates: Option<&Gates>) {
    let mut lines = ace_pipe::Lines::default();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let n = match stdout.read(&mut buffer) {
            Ok(0) => return,
            Ok(n) => n,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(_) => return,
        };
        let whole = lines.push(&buffer[..n]);
        if whole.is_empty() {
            continue;
        }
        let taken = match gates {
            Some(gates) => gates.pass(nib, whole),
            None => shared.append(nib, whole, program),
        };
        if let Err(e) = taken {
            let _ = shared.news.send(News::Failed(e));
            return;
        }
    }
}
