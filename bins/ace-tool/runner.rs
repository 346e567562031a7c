//! The thread that owns the worker: starts it once, hands it calls, turns its answers into drafts.

use ace_cli::Complaint;
use ace_config::Hooked;
use ace_front::rights;
use ace_local_tools::{Answer, Blobs, Outcome, Request, Worker};
use ace_pipe::Out;
use ace_schema::data::{
    Code, EffectCompleted, EffectFailed, HookCompleted, Output, SessionCreated, ToolCompleted, ToolDelta, ToolFailed,
};
use ace_schema::permission::{Confinement, Mode};
use ace_schema::{Drafter, ty};
use ace_worktree::{Place, Store};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::PROGRAM;
use crate::confined::{self, Reach};
use crate::egress::Egress;
use crate::hooks::{Feedback, Hooks, Where};
use crate::outcome::{Site, record, send_blobs};
use crate::states::{Seen, Since, States};
use crate::trial::{Trial, Tried, session_of, sweep};

/// How long a worker may take to get ready.
const READY: Duration = Duration::from_secs(20);

/// How long the end waits for a temporary folder to be emptied; what is left then the next end takes away.
const CLEAN: Duration = Duration::from_secs(3);

/// One call to be run.
pub struct Job {
    /// Unique in this process.
    pub id: u64,
    /// The claim that its outcome closes.
    pub claim: String,
    /// Turn.
    pub turn: u32,
    /// Tool name.
    pub tool: String,
    /// Arguments.
    pub args: Box<serde_json::value::RawValue>,
    /// Id of the call.
    pub call: String,
    /// The mode it runs in.
    pub mode: Mode,
}

/// The end of a turn that hooks are to hear.
pub struct Ending {
    /// The claim that their word closes.
    pub claim: String,
    /// Turn.
    pub turn: u32,
    /// Its mode.
    pub mode: Mode,
    /// How often they have kept it from its end.
    pub held: u32,
    /// What the model said last.
    pub last: String,
}

/// The session whose calls are run.
pub struct Session {
    /// How it was made.
    pub created: SessionCreated,
    /// Its id.
    pub id: String,
    /// The tree recorded last; empty if none was.
    pub tree: String,
    /// There is a log behind the stream, so that states are worth recording.
    pub recorded: bool,
}

/// What holds a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// Nothing.
    Open,
    /// A sandbox that has no view of its own: what lies inside a writable folder cannot be closed.
    Flat,
    /// A sandbox with a view of its own.
    View,
}

/// What holds a worker, and what it may reach all the same.
pub struct Confined {
    /// What holds it.
    pub worker: Held,
    /// What it reaches.
    pub reach: Reach,
    /// The proxy, where the profile has one.
    pub egress: Option<Egress>,
}

/// What the thread is told.
enum Order {
    /// Get the worker ready for this session.
    Ready(Box<Session>),
    Run(Job),
    /// Let hooks hear the end of a turn.
    Hear(Ending),
    /// Run a call in a copy.
    Try(Job),
    /// Take over what a call did in a copy, for this claim and turn.
    Adopt(String, u32, Box<EffectCompleted>),
    Cancel(u64),
    /// Tell what has changed since a tree.
    Diff(Job, (Since, String)),
    /// Record what came of a call that nothing was run for, once hooks have heard of it.
    Told(Job, Box<ToolCompleted>),
    /// The outcome of this claim is recorded; its whole output is this blob.
    Keep(String, String),
    /// End the worker and empty the session's temporary folder, then say so.
    Clean(Sender<()>),
}

/// The handle on the thread.
pub struct Runner {
    orders: Sender<Order>,
    stopped: Arc<AtomicU32>,
    trials: Trials,
    open: Arc<(Mutex<usize>, Condvar)>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Runner {
    /// Starts the thread. `random` makes the ids of its drafts unique.
    /// How the worker is `held`; with `recorded` false no outcome is ever read back.
    pub fn start(
        (ace_home, blobs): (PathBuf, ace_storage::Blobs),
        hooks: Arc<[Hooked]>,
        (held, recorded): (Confined, bool),
        random: u64,
        out: Out,
    ) -> Self {
        let (orders, inbox) = channel();
        let stopped: Arc<AtomicU32> = Arc::default();
        let Confined { worker: held, reach, egress } = held;
        let trials: Trials = Arc::default();
        let sandboxed = held != Held::Open;
        let inside = Reach { egress: None, ..reach.clone() };
        let hooks =
            Hooks { all: hooks, ace_home: ace_home.clone(), sandboxed, reach: inside, stopped: stopped.clone() };
        let open: Arc<(Mutex<usize>, Condvar)> = Arc::default();
        let drafter = Arc::new(Mutex::new(Drafter::new("ace-tool", random)));
        let chalker = Arc::new(Mutex::new(Drafter::new("ace-tool", random.rotate_left(17))));
        let known = trials.clone();
        let bench = Bench {
            ace_home,
            trials,
            hooks,
            blobs,
            spills: Arc::default(),
            swept: false,
            held,
            sandbox: Arc::from(reach.profile.name()),
            reach,
            egress: Arc::new(Mutex::new(egress)),
            commits: Arc::default(),
            recorded,
            drafter,
            chalker,
            out,
            open: open.clone(),
            session: None,
            states: Arc::default(),
            worker: None,
        };
        if let Err(e) = std::thread::Builder::new().spawn(move || bench.work(inbox)) {
            rights::or_end::<()>(Err(Complaint::io(PROGRAM, "cannot start a thread", &e)));
        }
        Self { orders, stopped, trials: known, open }
    }

    /// Gets a worker ready while the model still thinks.
    pub fn prepare(&self, session: Session) {
        self.tell(Order::Ready(Box::new(session)));
    }

    /// Runs a call.
    pub fn run(&self, job: Job) {
        *lock(&self.open.0) += 1;
        self.tell(Order::Run(job));
    }

    /// Lets hooks hear the end of a turn.
    pub fn hear(&self, ending: Ending) {
        *lock(&self.open.0) += 1;
        self.tell(Order::Hear(ending));
    }

    /// Runs a call in a copy; what holds on to it ends when `given_up` says so.
    pub fn try_call(&self, job: Job) {
        *lock(&self.open.0) += 1;
        // Known from here on: it may be given up before the thread comes to it.
        lock(&self.trials).insert(job.claim.clone(), Arc::default());
        self.tell(Order::Try(job));
    }

    /// Nobody waits for what is tried.
    pub fn give_up(&self, claim: &str) {
        if let Some(given_up) = lock(&self.trials).get(claim) {
            given_up.store(true, Ordering::Relaxed);
        }
    }

    /// Takes over what a call did in a copy.
    pub fn adopt(&self, claim: &str, turn: u32, effect: EffectCompleted) {
        *lock(&self.open.0) += 1;
        self.tell(Order::Adopt(claim.to_owned(), turn, Box::new(effect)));
    }

    /// A turn was stopped: hooks that run for it end.
    pub fn stop_hooks(&self, turn: u32) {
        self.stopped.fetch_max(turn, Ordering::Relaxed);
    }

    /// Tells what has changed.
    pub fn diff(&self, job: Job, since: (Since, String)) {
        *lock(&self.open.0) += 1;
        self.tell(Order::Diff(job, since));
    }

    /// Records what came of a call that nothing was run for, once hooks have heard of it.
    pub fn told(&self, job: Job, data: ToolCompleted) {
        *lock(&self.open.0) += 1;
        self.tell(Order::Told(job, Box::new(data)));
    }

    /// An outcome is recorded: the file of a long output is written from it.
    pub fn keep(&self, claim: &str, sha: &str) {
        self.tell(Order::Keep(claim.to_owned(), sha.to_owned()));
    }

    /// Stops a call; its outcome comes all the same.
    pub fn cancel(&self, id: u64) {
        self.tell(Order::Cancel(id));
    }

    /// Ends the worker and removes the session's temporary folder.
    pub fn clean(&self) {
        let (done, cleaned) = channel();
        self.tell(Order::Clean(done));
        // Whether it was done in time or not: nobody waits longer for it.
        let _ = cleaned.recv_timeout(CLEAN);
    }

    fn tell(&self, order: Order) {
        // The thread lives as long as this handle does.
        let _ = self.orders.send(order);
    }

    /// Whether no call is at work; waits for it at most this long.
    pub fn is_idle(&self, patience: Duration) -> bool {
        let open = lock(&self.open.0);
        let waited = self.open.1.wait_timeout_while(open, patience, |n| *n > 0);
        *waited.unwrap_or_else(PoisonError::into_inner).0 == 0
    }
}

/// The states of the session's files; nothing outside git, and before the session is known.
type Watch = Option<Result<States, ace_worktree::Error>>;

/// The state after a call that may have written.
fn look_after_call(watch: &mut Watch, out: &Out) -> Option<Seen> {
    match watch {
        Some(Ok(states)) => states.after_call(),
        Some(Err(e)) => {
            out.note(&States::lack(e));
            *watch = None;
            None
        }
        None => None,
    }
}

type Spills = Arc<Mutex<HashMap<String, String>>>;

/// What is being tried, by its claim, and whether it was given up.
type Trials = Arc<Mutex<HashMap<String, Arc<AtomicBool>>>>;

struct Bench {
    ace_home: PathBuf,
    trials: Trials,
    hooks: Hooks,
    blobs: ace_storage::Blobs,
    /// Names of the files of long outputs whose outcome is on its way to the record, by claim.
    spills: Spills,
    /// There is a log behind the stream, in which outcomes are read back.
    recorded: bool,
    /// What an earlier broker's workers have left was taken away.
    swept: bool,
    held: Held,
    reach: Reach,
    /// The only way out, if there is one.
    egress: Arc<Mutex<Option<Egress>>>,
    /// Where tools put what they commit, if they can.
    commits: Arc<Mutex<Option<Store>>>,
    drafter: Arc<Mutex<Drafter>>,
    /// Signs chalk: how much of it there is depends on time, which must not show in the ids of records.
    chalker: Arc<Mutex<Drafter>>,
    out: Out,
    open: Arc<(Mutex<usize>, Condvar)>,
    session: Option<(SessionCreated, String)>,
    /// Looked through by one writing call at a time; or why there is none, to be said when one would be needed.
    states: Arc<Mutex<Watch>>,
    worker: Option<Worker>,
    /// The name of the profile that outcomes record.
    sandbox: Arc<str>,
}

impl Bench {
    fn work(mut self, inbox: Receiver<Order>) {
        for order in inbox {
            match order {
                Order::Ready(session) => {
                    lock(&self.drafter).set_session(&session.id);
                    lock(&self.chalker).set_session(&session.id);
                    self.watch(&session);
                    self.session = Some((session.created, session.id));
                    // What is wrong shows with the first call, in its outcome.
                    let _ = self.ready();
                }
                Order::Run(job) => self.run(job),
                Order::Hear(ending) => self.hear(ending),
                Order::Try(job) => self.try_call(job),
                Order::Adopt(claim, turn, effect) => self.adopt(&claim, turn, *effect),
                Order::Diff(job, since) => self.diff(job, since),
                Order::Told(job, data) => self.told(job, *data),
                Order::Cancel(id) => {
                    if let Some(worker) = &self.worker {
                        worker.cancel(id);
                    }
                }
                Order::Keep(claim, sha) => {
                    let name = lock(&self.spills).remove(&claim);
                    let tmp = self.session.as_ref().map(|(_, s)| confined::tmp(&self.ace_home, s));
                    if let (Some(name), Some(tmp)) = (name, tmp)
                        && let Ok(blob) = self.blobs.path(&sha)
                    {
                        // A tool may have taken the name, or the folder away: the blob is the record.
                        let _ = confined::keep_output(&tmp, &name, &blob);
                    }
                }
                Order::Clean(done) => {
                    self.worker = None;
                    // What a job in the background has committed since.
                    if let Some(Err(e)) = lock(&self.commits).take().map(|mut store| store.adopt()) {
                        self.out.note(&format!("what tools have committed is not taken over: {e}"));
                    }
                    if let Some((_, session)) = &self.session {
                        confined::remove_tmp(&self.ace_home, session);
                    }
                    // Who asked may have gone on.
                    let _ = done.send(());
                }
            }
        }
    }

    /// Learns how the files stood when they were recorded last, while the model still thinks.
    fn watch(&self, session: &Session) {
        if session.recorded {
            let states = States::open(&session.created, &self.ace_home, &session.tree, &self.out);
            *lock(&self.states) = states.transpose();
        }
    }

    /// How the files stand before a call that may write, recorded if the record says otherwise: what a person changed meanwhile is
    /// not the call's doing.
    fn look_before(&self, turn: u32) {
        if let Some(Ok(states)) = lock(&self.states).as_mut()
            && states.is_stale()
            && let Some(snapshot) = states.outside()
        {
            let (_, line) = lock(&self.drafter).draft(turn, "", ty::WORKTREE_SNAPSHOT, &snapshot);
            // A closed output is noticed by the filter's loop.
            let _ = self.out.write(&line);
        }
    }

    /// Sees to it that there is a worker: the first, or a new one when the last has died.
    fn ready(&mut self) -> Result<(), String> {
        if self.worker.as_ref().is_some_and(Worker::is_alive) {
            return Ok(());
        }
        self.worker = None;
        let Some((created, session)) = &self.session else { return Err("no session".to_owned()) };
        if !std::mem::replace(&mut self.swept, true) {
            sweep(&self.ace_home, session);
            confined::sweep_outputs(&confined::tmp(&self.ace_home, session));
        }
        let store = self.store(created, session);
        let commits = store.is_some();
        *lock(&self.commits) = store;
        let start = || confined::start(created, session, &self.ace_home, &self.reach, commits);
        let mut worker = start()?;
        let mut greeted = worker.greeting(READY);
        // Killed before it was asked to do anything: a second one does nothing twice. One that refuses would refuse again.
        // 137 is how its leash tells that it was killed.
        let is_killed = |why: &String| why.contains("killed by signal") || why.ends_with("status 137");
        if greeted.as_ref().is_err_and(is_killed) {
            worker = start()?;
            greeted = worker.greeting(READY);
        }
        let greeting = greeted.map_err(|e| format!("no sandbox for tools: {e}"))?;
        self.sandbox = Arc::from(profile_name(&greeting, self.reach.profile));
        if let Some((_, lacking)) = greeting.split_once("; without ") {
            self.out.note(&format!("the sandbox is weaker than it should be: without {lacking}"));
        }
        self.worker = Some(worker);
        Ok(())
    }

    fn site(&self, tmp: PathBuf) -> Site {
        let root =
            self.session.as_ref().map(|(created, _)| created.worktree.as_ref().map_or(&created.cwd, |tree| &tree.path));
        Site {
            root: root.map(PathBuf::from).unwrap_or_default(),
            tmp,
            ace_home: self.ace_home.clone(),
            profile: self.reach.profile,
            sandbox: self.sandbox.clone(),
            recorded: self.recorded,
        }
    }

    /// The store for what tools commit: in a worktree of the session's own, under a view. Where it cannot be made git's data is
    /// only read.
    fn store(&self, created: &SessionCreated, session: &str) -> Option<Store> {
        let tree = created
            .worktree
            .as_ref()
            .filter(|_| self.held == Held::View && self.reach.profile != Confinement::ReadOnly)?;
        let place = Place { git_dir: PathBuf::from(&tree.git_dir), path: PathBuf::from(&tree.path) };
        match Store::open(&confined::store(&self.ace_home, session), &place, &tree.branch) {
            Ok(store) => Some(store),
            Err(e) => {
                self.out.note(&format!("tools cannot commit: {e}"));
                None
            }
        }
    }

    /// Tells what has changed. No worker is asked: the states of files are the broker's own.
    fn diff(&self, job: Job, (since, mark): (Since, String)) {
        let started = Instant::now();
        let told = match lock(&self.states).as_mut() {
            Some(Ok(states)) => states.since(since, &mark).map_err(|e| (Code::Io, e.to_string())),
            Some(Err(e)) => Err((Code::Io, States::lack(e))),
            None => Err((Code::NotFound, "outside git nothing says what has changed".to_owned())),
        };
        let ms = ace_front::took(u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX));
        match told {
            Ok(text) => {
                let output = Output { bytes: text.len() as u64, text, ..Output::default() };
                self.told(job, ToolCompleted { output, ms, ..ToolCompleted::default() });
            }
            Err((code, message)) => {
                let data = ToolFailed { code, message, ms, ..ToolFailed::default() };
                let (_, line) = lock(&self.drafter).draft(job.turn, &job.claim, ty::TOOL_FAILED, &data);
                // A closed output is noticed by the filter's loop.
                let _ = self.out.write(&line);
                done(&self.open);
            }
        }
    }

    /// Records what came of a call that no worker was asked for. Hooks hear of it first, aside.
    fn told(&self, job: Job, mut data: ToolCompleted) {
        let (out, drafter, open) = (self.out.clone(), self.drafter.clone(), self.open.clone());
        let (hooks, session) = (self.hooks.clone(), self.session.clone());
        let heard = hooks.hear_of(&job.tool);
        let mut work = move || {
            if let (true, Some((created, id))) = (heard, &session) {
                let at = Where { created, id, turn: job.turn, mode: job.mode };
                let args = serde_json::from_str(job.args.get()).unwrap_or_default();
                let feedback = hooks.after_call(at, (&job.call, &job.tool, &args), &data);
                (data.feedback, data.stops) = (feedback.told, feedback.stops);
            }
            let (_, line) = lock(&drafter).draft(job.turn, &job.claim, ty::TOOL_COMPLETED, &data);
            // A closed output is noticed by the filter's loop.
            let _ = out.write(&line);
            done(&open);
        };
        if !heard {
            return work();
        }
        if let Err(e) = std::thread::Builder::new().spawn(work) {
            rights::or_end::<()>(Err(Complaint::io(PROGRAM, "cannot start a thread", &e)));
        }
    }

    /// Runs a call in a copy, aside: a person may have answered before it is over.
    fn try_call(&mut self, job: Job) {
        let Job { id, claim, turn, tool, args, call, .. } = job;
        self.look_before(turn);
        let given_up = lock(&self.trials).get(&claim).cloned().unwrap_or_default();
        let (out, drafter, open, trials) =
            (self.out.clone(), self.drafter.clone(), self.open.clone(), self.trials.clone());
        let (ace_home, states, session) = (self.ace_home.clone(), self.states.clone(), self.session.clone());
        let (sandboxed, recorded) = (self.held != Held::Open, self.recorded);
        let reach = self.reach.clone();
        let work = move || {
            let base = match lock(&states).as_ref() {
                Some(Ok(states)) => states.tree().unwrap_or_default(),
                _ => String::new(),
            };
            let tried = match &session {
                _ if !sandboxed => Err((Code::Sandbox, "there is no sandbox to try it in".to_owned())),
                None => Err((Code::NotFound, "there is no session".to_owned())),
                Some((created, session)) => {
                    let request = Request { id, tool, args };
                    let (ace_home, claim, given_up) = (&ace_home, &claim, &given_up);
                    Trial { created, session, ace_home, reach: &reach, claim, request, given_up }.run(&base)
                }
            };
            lock(&trials).remove(&claim);
            let line = match tried {
                Ok(tried) => tell_effect(tried, (&call, base), reach.profile, &states, (recorded, &out))
                    .map(|data| lock(&drafter).draft(turn, &claim, ty::EFFECT_COMPLETED, &data).1),
                Err((code, message)) => Err((code, message)),
            };
            let line = line.unwrap_or_else(|(code, message)| {
                let data = EffectFailed { call, code, message };
                lock(&drafter).draft(turn, &claim, ty::EFFECT_FAILED, &data).1
            });
            // A closed output is noticed by the filter's loop.
            let _ = out.write(&line);
            if let Some((_, session)) = &session {
                confined::remove_tmp(&ace_home, &session_of(session));
            }
            done(&open);
        };
        if let Err(e) = std::thread::Builder::new().spawn(work) {
            rights::or_end::<()>(Err(Complaint::io(PROGRAM, "cannot start a thread", &e)));
        }
    }

    /// Makes the files what a call has made of them in a copy. Nothing is run.
    fn adopt(&self, claim: &str, turn: u32, effect: EffectCompleted) {
        let taken = match lock(&self.states).as_mut() {
            Some(Ok(states)) => states.adopt(&effect.base, &effect.outcome.tree),
            Some(Err(e)) => Err(States::lack(e)),
            None => Err("outside git nothing can be adopted".to_owned()),
        };
        let line = match taken {
            Ok(()) => lock(&self.drafter).draft(turn, claim, ty::TOOL_COMPLETED, &effect.outcome).1,
            Err(message) => {
                let data = ToolFailed { code: Code::Refused, message, ..ToolFailed::default() };
                lock(&self.drafter).draft(turn, claim, ty::TOOL_FAILED, &data).1
            }
        };
        // A closed output is noticed by the filter's loop.
        let _ = self.out.write(&line);
        done(&self.open);
    }

    /// Lets hooks hear the end of a turn, aside: nothing else runs meanwhile, but a cancellation must come through.
    fn hear(&self, ending: Ending) {
        let Ending { claim, turn, mode, held, last } = ending;
        let (out, drafter, open) = (self.out.clone(), self.drafter.clone(), self.open.clone());
        let (hooks, states, session) = (self.hooks.clone(), self.states.clone(), self.session.clone());
        let work = move || {
            let data = match &session {
                Some((created, id)) => hooks.at_end(Where { created, id, turn, mode }, held, &last),
                None => HookCompleted::failed("there is no session"),
            };
            // They may have changed files.
            let snapshot = match lock(&states).as_mut() {
                Some(Ok(states)) => states.outside(),
                _ => None,
            };
            let mut drafter = lock(&drafter);
            let seen = snapshot.map(|s| drafter.draft(turn, "", ty::WORKTREE_SNAPSHOT, &s).1).unwrap_or_default();
            let said = drafter.draft(turn, &claim, ty::HOOK_COMPLETED, &data).1;
            // A closed output is noticed by the filter's loop.
            let _ = out.write(&[seen, said].concat());
            done(&open);
        };
        if let Err(e) = std::thread::Builder::new().spawn(work) {
            rights::or_end::<()>(Err(Complaint::io(PROGRAM, "cannot start a thread", &e)));
        }
    }

    fn run(&mut self, job: Job) {
        let Job { id, claim, turn, tool, args, call, mode } = job;
        let tmp = self.session.as_ref().map_or_else(PathBuf::new, |(_, s)| confined::tmp(&self.ace_home, s));
        let (out, drafter, open) = (self.out.clone(), self.drafter.clone(), self.open.clone());
        if let Err(message) = self.ready() {
            let data = ToolFailed { code: Code::Sandbox, message, output: None, ms: 0, ..ToolFailed::default() };
            let (_, line) = lock(&drafter).draft(turn, &claim, ty::TOOL_FAILED, &data);
            let _ = out.write(&line);
            return done(&open);
        }
        let reads = ace_schema::tool::find(&tool).is_some_and(|t| t.reads);
        let states = (!reads).then(|| self.states.clone());
        if !reads {
            self.look_before(turn);
            if let Some(Err(e)) = lock(&self.commits).as_mut().map(Store::refresh) {
                self.out.note(&format!("tools do not see where their branch stands: {e}"));
            }
        }
        let commits = (!reads).then(|| self.commits.clone());
        let egress = (!reads).then(|| self.egress.clone());
        let (chalker, spills) = (self.chalker.clone(), self.spills.clone());
        let site = Arc::new(self.site(tmp));
        let heard = self.hooks.hear_of(&tool).then(|| (self.hooks.clone(), self.session.clone()));
        let heard = heard.map(|(hooks, session)| (hooks, session, call, tool.clone(), args.get().to_owned()));
        let Some(worker) = &self.worker else { return done(&open) };
        worker.call(&Request { id, tool, args }, move |answer| match answer {
            Answer::Delta(text) => {
                let (_, line) = lock(&chalker).draft(turn, &claim, ty::TOOL_DELTA, &ToolDelta { text });
                // A closed output is noticed by the filter's loop.
                let _ = out.write(&line);
            }
            Answer::Done(outcome) => {
                let (out, drafter, open) = (out.clone(), drafter.clone(), open.clone());
                let (claim, states, commits) = (claim.clone(), states.clone(), commits.clone());
                let (egress, site) = (egress.clone(), site.clone());
                let spilled = outcome.output().is_some_and(|kept| kept.spill.is_some() || !kept.images.is_empty());
                let (spills, heard) = (spills.clone(), heard.clone());
                let goes_aside = spilled || heard.is_some();
                let finish = move || {
                    if let Some(name) = outcome.output().and_then(|kept| kept.spill.clone()) {
                        lock(&spills).insert(claim.clone(), name);
                    }
                    if let Some(Err(e)) = commits.and_then(|commits| lock(&commits).as_mut().map(Store::adopt)) {
                        out.note(&format!("what tools have committed is not taken over: {e}"));
                    }
                    let feedback = match (heard, &outcome) {
                        (Some((hooks, Some((created, id)), call, tool, args)), Outcome::Completed(ran)) => {
                            let at = Where { created: &created, id: &id, turn, mode };
                            let args = serde_json::from_str(&args).unwrap_or_default();
                            let ran = ran.clone().into_event(&site.sandbox, Blobs::default());
                            hooks.after_call(at, (&call, &tool, &args), &ran)
                        }
                        _ => Feedback::default(),
                    };
                    // Nothing else runs beside a call that writes, so that what is seen now is its doing.
                    let seen = states.and_then(|states| look_after_call(&mut lock(&states), &out));
                    let contacts = egress.and_then(|egress| lock(&egress).as_mut().map(Egress::contacts));
                    let told = (seen, contacts.unwrap_or_default());
                    record((outcome, feedback), told, (turn, &claim), &site, &out, &drafter);
                    done(&open);
                };
                // Reading a long output takes its time, and so do hooks; other answers must not wait for it, if a thread can be had.
                let work = Arc::new(Mutex::new(Some(finish)));
                let aside = work.clone();
                let start = || std::thread::Builder::new().spawn(move || lock(&aside).take().map(|finish| finish()));
                if !goes_aside || start().is_err() {
                    let left = lock(&work).take();
                    if let Some(finish) = left {
                        finish();
                    }
                }
            }
        });
    }
}

/// What a trial has shown, as the record has it; what it could not run to its end is no effect.
fn tell_effect(
    tried: Tried,
    (call, base): (&str, String),
    profile: Confinement,
    states: &Mutex<Watch>,
    (recorded, out): (bool, &Out),
) -> Result<EffectCompleted, (Code, String)> {
    let Tried { outcome, greeting, tree, diff, left_out, tmp } = tried;
    let mut ran = match outcome {
        Outcome::Completed(ran) => ran,
        Outcome::Failed(failed) => return Err((failed.code, failed.message)),
    };
    ran.ms = ace_front::took(ran.ms);
    let blobs = send_blobs(&ran.output, (&tmp, recorded), out);
    let mut outcome = ran.into_event(profile_name(&greeting, profile), blobs);
    // Told by the trees alone: paths and patch are those of the copy, which are the same.
    (outcome.changed, outcome.patch) = (Vec::new(), String::new());
    if let Some(Ok(states)) = lock(states).as_ref() {
        states.of_trial(tree, &diff, &left_out).complete(&mut outcome);
    }
    Ok(EffectCompleted { call: call.to_owned(), base, outcome })
}

/// The recorded name of how a worker is confined: the profile, or what is left of it.
fn profile_name(greeting: &str, profile: Confinement) -> &str {
    match greeting {
        "off" => "off",
        whole if !whole.contains("; without ") => profile.name(),
        // Fewer layers than the profile wants: the layers themselves are the name.
        partial => partial.split(';').next().unwrap_or(partial),
    }
}

fn done(open: &(Mutex<usize>, Condvar)) {
    *lock(&open.0) -= 1;
    open.1.notify_all();
}
