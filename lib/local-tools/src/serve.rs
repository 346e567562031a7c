//! The loop of the worker process: orders in, answers out. Reading calls run side by side, the others one after the other;
//! the reader never waits for any of them. It knows no tool and confines nothing: whoever calls it has done so.

use std::collections::{HashMap, VecDeque};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use ace_schema::data::Code;
use ace_schema::limits;

use crate::bench::{Bench, Cancel, Place};
use crate::call::{Failed, Order, Outcome, Reply, Request};

/// Says `greeting` to the broker, answers calls until `input` ends, then kills whatever they have started. The process must be
/// made for this: it takes in the orphans of its commands and hides its memory from them.
///
/// # Errors
/// If `input` cannot be read or holds what is not an order.
pub fn serve(
    place: Place,
    greeting: &str,
    input: impl Read,
    mut output: impl Write + Send + 'static,
) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        // A command of the same user could otherwise speak in the worker's name. Where it fails the sandbox still holds.
        let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
    }
    let hello = Reply { id: GREETING, delta: Some(greeting.to_owned()), done: None };
    let mut line = serde_json::to_vec(&hello)?;
    line.push(b'\n');
    output.write_all(&line)?;
    output.flush()?;
    serve_on(Bench::leading(place), input, output)
}

/// The id under which a worker greets; no call has it.
pub(crate) const GREETING: u64 = u64::MAX;

pub(crate) fn serve_on(bench: Bench, input: impl Read, output: impl Write + Send + 'static) -> io::Result<()> {
    let floor = Arc::new(Floor {
        bench,
        output: Mutex::new(Box::new(output)),
        calls: Mutex::default(),
        reading: Lane::new(limits::PARALLEL_CALLS),
        writing: Lane::new(1),
    });
    let ended = floor.take_orders(input);
    for cancel in lock(&floor.calls).values() {
        cancel.give();
    }
    floor.reading.close();
    floor.writing.close();
    floor.bench.leash.close();
    ended
}

struct Floor {
    bench: Bench,
    output: Mutex<Box<dyn Write + Send>>,
    calls: Mutex<HashMap<u64, Arc<Cancel>>>,
    reading: Lane,
    writing: Lane,
}

/// Calls that wait for one of a few threads.
struct Lane {
    state: Mutex<Waiting>,
    wake: Condvar,
    most: usize,
}

#[derive(Default)]
struct Waiting {
    calls: VecDeque<(Request, Arc<Cancel>)>,
    threads: usize,
    idle: usize,
    closed: bool,
}

fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Floor {
    fn take_orders(self: &Arc<Self>, input: impl Read) -> io::Result<()> {
        let mut input = BufReader::with_capacity(64 * 1024, input);
        let mut line = Vec::new();
        loop {
            line.clear();
            // A large call must not cost its room for ever.
            line.shrink_to(64 * 1024);
            (&mut input).take(limits::ORDER_BYTES as u64 + 1).read_until(b'\n', &mut line)?;
            let Some(text) = line.strip_suffix(b"\n") else {
                // The end, or an order cut off by it: nothing is done on the strength of half an order.
                return if line.len() > limits::ORDER_BYTES { Err(io::ErrorKind::InvalidData.into()) } else { Ok(()) };
            };
            let order: Order = serde_json::from_slice(text)?;
            if let Some(id) = order.cancel {
                if let Some(cancel) = lock(&self.calls).get(&id) {
                    cancel.give();
                }
            } else if let (Some(id), Some(args)) = (order.id, order.args) {
                self.accept(Request { id, tool: order.tool, args });
            } else {
                return Err(io::ErrorKind::InvalidData.into());
            }
        }
    }

    fn accept(self: &Arc<Self>, request: Request) {
        let reads = ace_schema::tool::find(&request.tool).is_none_or(|tool| tool.reads);
        let cancel = Arc::new(Cancel::default());
        let id = request.id;
        lock(&self.calls).insert(id, Arc::clone(&cancel));
        let lane = if reads { &self.reading } else { &self.writing };
        let mut waiting = lock(&lane.state);
        if waiting.calls.len() >= limits::QUEUED_CALLS {
            drop(waiting);
            self.done(id, Outcome::Failed(Failed::new(Code::Limit, "too many calls wait")));
            return;
        }
        waiting.calls.push_back((request, cancel));
        if waiting.calls.len() > waiting.idle && waiting.threads < lane.most {
            let floor = Arc::clone(self);
            let started = std::thread::Builder::new().stack_size(1024 * 1024).spawn(move || floor.work(reads));
            if started.is_ok() {
                waiting.threads += 1;
            } else if waiting.threads == 0 {
                waiting.calls.pop_back();
                drop(waiting);
                self.done(id, Outcome::Failed(Failed::new(Code::Limit, "no thread to be had")));
                return;
            }
        }
        drop(waiting);
        lane.wake.notify_one();
    }

    fn work(&self, reads: bool) {
        let lane = if reads { &self.reading } else { &self.writing };
        while let Some((request, cancel)) = lane.next() {
            let id = request.id;
            let mut delta = |text: &str| self.write(&Reply { id, delta: Some(text.to_owned()), done: None });
            // A bug in one tool must not leave its call open and the others without a worker.
            let run = catch_unwind(AssertUnwindSafe(|| self.bench.execute(&request, &cancel, &mut delta)));
            let bug = || Outcome::Failed(Failed::new(Code::Other("bug".to_owned()), "the tool broke down"));
            self.done(id, run.unwrap_or_else(|_| bug()));
        }
    }

    fn done(&self, id: u64, outcome: Outcome) {
        lock(&self.calls).remove(&id);
        self.write(&Reply { id, delta: None, done: Some(outcome) });
    }

    fn write(&self, reply: &Reply) {
        let Ok(mut line) = serde_json::to_vec(reply) else { return };
        line.push(b'\n');
        let mut output = lock(&self.output);
        // If nobody listens any more, the input ends too, and that ends everything.
        let _ = output.write_all(&line).and_then(|()| output.flush());
    }
}

impl Lane {
    fn new(most: usize) -> Self {
        Self { state: Mutex::default(), wake: Condvar::new(), most }
    }

    fn next(&self) -> Option<(Request, Arc<Cancel>)> {
        let mut waiting = lock(&self.state);
        loop {
            if waiting.closed {
                return None;
            }
            if let Some(call) = waiting.calls.pop_front() {
                return Some(call);
            }
            waiting.idle += 1;
            waiting = self.wake.wait(waiting).unwrap_or_else(PoisonError::into_inner);
            waiting.idle -= 1;
        }
    }

    fn close(&self) {
        let mut waiting = lock(&self.state);
        waiting.closed = true;
        waiting.calls.clear();
        drop(waiting);
        self.wake.notify_all();
    }
}
