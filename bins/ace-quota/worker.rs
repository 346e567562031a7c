//! The thread that speaks to the ledger: others may hold it for a while, and the reader never waits.

use ace_config::Quota as Limited;
use ace_front::Opening;
use ace_host::Spending;
use ace_host::spending::{Request, Reserved, Warning};
use ace_pipe::Out;
use ace_quota::Closed;
use ace_schema::data::{Budget, Limits};
use ace_schema::{Drafter, id, ty};
use ace_storage::{Home, QuotaError};
use std::collections::BTreeSet;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::{PROGRAM, words};

/// A context that wants its reservation.
pub struct Wanted {
    /// What the ledger is asked.
    pub request: Request,
    /// Turn.
    pub turn: u32,
    /// `provider/name`.
    pub model: String,
    /// How to go on with the session, up to its flags; empty for a stream without a log, with which nobody can.
    pub go_on: String,
    /// Warnings that are recorded.
    pub warned: BTreeSet<String>,
}

/// What the ledger is told or asked.
pub enum Job {
    /// Something has ended.
    Close {
        /// What.
        closed: Closed,
        /// With a turn: contexts whose calls are under way.
        open: Vec<String>,
        /// The limits of the session.
        limits: Box<Limits>,
        /// Warnings that are recorded.
        warned: BTreeSet<String>,
        /// The turn that runs.
        turn: Option<u32>,
        /// Ms since 1970.
        now: i64,
    },
    /// A context wants its reservation.
    Reserve(Box<Wanted>),
}

/// The handle on the thread.
pub struct Worker {
    jobs: Sender<Job>,
    open: Arc<(Mutex<usize>, Condvar)>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Worker {
    /// Starts the thread.
    pub fn start(opening: &Opening, random: u64, out: Out) -> std::io::Result<Self> {
        let (jobs, inbox) = channel();
        let open: Arc<(Mutex<usize>, Condvar)> = Arc::default();
        let counter = open.clone();
        let desk = Clerk {
            home: opening.home().clone(),
            limited: opening.settings.config.quota.clone(),
            spending: None,
            drafter: Drafter::new(PROGRAM, random),
            out,
            told: BTreeSet::new(),
            complained: false,
        };
        std::thread::Builder::new().name("ledger".to_owned()).spawn(move || desk.work(&inbox, &counter))?;
        Ok(Self { jobs, open })
    }

    /// Hands a job to the thread, which does them in order.
    pub fn send(&self, job: Job) {
        *lock(&self.open.0) += 1;
        // The thread lives as long as this handle does.
        let _ = self.jobs.send(job);
    }

    /// Whether all jobs are done; waits for it at most this long.
    pub fn is_idle(&self, patience: Duration) -> bool {
        let open = lock(&self.open.0);
        let (open, _) =
            self.open.1.wait_timeout_while(open, patience, |n| *n > 0).unwrap_or_else(PoisonError::into_inner);
        *open == 0
    }
}

/// What the thread keeps.
struct Clerk {
    home: Home,
    limited: Limited,
    spending: Option<Spending>,
    drafter: Drafter,
    out: Out,
    told: BTreeSet<String>,
    complained: bool,
}

impl Clerk {
    fn work(mut self, inbox: &Receiver<Job>, open: &(Mutex<usize>, Condvar)) {
        for job in inbox {
            let drafts = match job {
                Job::Reserve(wanted) => self.reserve(&wanted),
                Job::Close { closed, open, limits, warned, turn, now } => {
                    match self.close(&closed, &open, &limits, now) {
                        Ok(warnings) => match (turn, &closed) {
                            (Some(turn), Closed::Call(call)) => {
                                self.drafter.set_session(&call.session);
                                self.warn(&warnings, &warned, turn)
                            }
                            _ => Vec::new(),
                        },
                        Err(e) => {
                            // The next one to read this session's log enters it.
                            if !std::mem::replace(&mut self.complained, true) {
                                self.out.note(&format!("cannot enter what was spent: {e}"));
                            }
                            Vec::new()
                        }
                    }
                }
            };
            // A closed output is noticed by the filter's loop.
            let _ = self.out.write(&drafts);
            *lock(&open.0) -= 1;
            open.1.notify_all();
        }
    }

    fn spending(&mut self) -> Result<&mut Spending, QuotaError> {
        if self.spending.is_none() {
            self.spending = Some(Spending::open(&self.home, &self.limited)?);
        }
        self.spending.as_mut().ok_or(QuotaError::Busy)
    }

    fn close(
        &mut self,
        closed: &Closed,
        open: &[String],
        limits: &Limits,
        now: i64,
    ) -> Result<Vec<Warning>, QuotaError> {
        let spending = self.spending()?;
        if let Closed::Turn(session) = closed {
            spending.release_others(session, open)?;
        }
        spending.close(closed, limits, now)
    }

    fn reserve(&mut self, wanted: &Wanted) -> Vec<u8> {
        let request = &wanted.request;
        self.drafter.set_session(&request.session);
        let key = (wanted.turn, request.context.as_str());
        let stray = request.limits.groups.iter().find(|g| !self.limited.groups.contains_key(*g));
        let answered = match stray {
            // Nothing limits a group that nobody has configured: a slip of the finger must not open the purse.
            Some(group) => Ok(Err(words::no_group(group, &wanted.go_on))),
            None => self.spending().and_then(|s| s.reserve(request)).map(Ok),
        };
        let (data, mut drafts) = match answered {
            Ok(Ok((reserved, warnings))) => (Ok(reserved), self.warn(&warnings, &wanted.warned, key.0)),
            Ok(Err(budget)) => (Err(budget), Vec::new()),
            Err(e) => (Err(words::no_ledger(&e, &wanted.go_on)), Vec::new()),
        };
        let hold = id::hold(&request.context);
        let line = match data {
            Ok(Reserved::Granted(terms)) => self.drafter.line(&hold, key.0, key.1, ty::BUDGET_RESERVED, &terms),
            Ok(Reserved::Refused(refused)) => {
                let data = words::exceeded(&refused, &wanted.go_on, &wanted.model);
                self.drafter.line(&hold, key.0, key.1, ty::BUDGET_EXCEEDED, &data)
            }
            Err(data) => self.drafter.line(&hold, key.0, key.1, ty::BUDGET_EXCEEDED, &data),
        };
        drafts.extend(line);
        drafts
    }

    /// Each warning once. Which call it comes with depends on others; its turn does not.
    fn warn(&mut self, warnings: &[Warning], warned: &BTreeSet<String>, turn: u32) -> Vec<u8> {
        let mut drafts = Vec::new();
        for warning in warnings {
            let scope = &warning.scope;
            let whose = words::whose(scope);
            let name = if whose.is_empty() { "session".to_owned() } else { format!("{whose} {}", scope.period) };
            let allowed = scope.allowed.of(warning.kind).unwrap_or(0);
            let id = id::warning(name.trim(), warning.kind.name(), allowed);
            if warned.contains(&id) || !self.told.insert(id.clone()) {
                continue;
            }
            let data = Budget {
                limit: warning.kind.name().to_owned(),
                allowed,
                used: warning.used,
                scope: whose,
                ..Budget::default()
            };
            drafts.extend(self.drafter.line(&id, turn, &id::turn(turn), ty::BUDGET_WARNED, &data));
        }
        drafts
    }
}
