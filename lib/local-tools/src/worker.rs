//! The broker's end of the line to a worker process. It stands outside of the sandbox, so it believes nothing the worker
//! sends beyond its shape: lines and fields are bounded, and one bad line ends the worker.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use ace_schema::data::Code;
use ace_schema::limits;

use crate::call::{Answer, Failed, Outcome, Reply, Request};
use crate::serve::GREETING;

type Sink = Arc<Mutex<dyn FnMut(Answer) + Send>>;

/// A running worker process. Dropping it ends the process and everything its calls have started.
pub struct Worker {
    stdin: Mutex<Option<ChildStdin>>,
    shared: Arc<Shared>,
    reader: Option<JoinHandle<()>>,
}

struct Shared {
    calls: Mutex<Calls>,
    /// Rings when the worker has greeted, or is gone.
    greeted: Condvar,
    child: Mutex<Child>,
    pid: u32,
}

#[derive(Default)]
struct Calls {
    greeting: Option<String>,
    sinks: HashMap<u64, Sink>,
    /// Why nothing more will be answered.
    gone: Option<String>,
}

fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Worker {
    /// Starts the process of `command`, which must end in [`crate::serve`]. Its stdin and stdout become the line; stderr and
    /// environment are as the caller prepared them.
    ///
    /// # Errors
    /// If the process cannot be started.
    pub fn start(mut command: Command) -> io::Result<Self> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let stdin = child.stdin.take();
        let stdout = child.stdout.take();
        let pid = child.id();
        let shared =
            Arc::new(Shared { calls: Mutex::default(), greeted: Condvar::new(), child: Mutex::new(child), pid });
        let listen = |stdout| {
            let shared = Arc::clone(&shared);
            std::thread::Builder::new().spawn(move || shared.listen(stdout))
        };
        let reader = stdout.map(listen).transpose()?;
        Ok(Self { stdin: Mutex::new(stdin), shared, reader })
    }

    /// What the worker says of itself (how it is confined) once it is ready.
    ///
    /// # Errors
    /// It ended instead, or did not say anything for `patience`: why, in words.
    pub fn greeting(&self, patience: Duration) -> Result<String, String> {
        let calls = lock(&self.shared.calls);
        let waits = |calls: &mut Calls| calls.greeting.is_none() && calls.gone.is_none();
        let greeted = &self.shared.greeted;
        let (calls, _) = greeted.wait_timeout_while(calls, patience, waits).unwrap_or_else(PoisonError::into_inner);
        let why = || calls.gone.clone().unwrap_or_else(|| "the worker does not get ready".to_owned());
        calls.greeting.clone().ok_or_else(why)
    }

    /// Sends a call. `sink` gets its answers, on the thread that reads the line, so it must not wait; the last one, and
    /// exactly one, is [`Answer::Done`]: also when the worker is gone or dies, then as failed with code `interrupted`.
    pub fn call(&self, request: &Request, sink: impl FnMut(Answer) + Send + 'static) {
        let sink: Sink = Arc::new(Mutex::new(sink));
        let line = encode(request);
        let refused = {
            let mut calls = lock(&self.shared.calls);
            if let Some(why) = &calls.gone {
                Some(Failed::new(Code::Interrupted, why.clone()))
            } else if line.len() > limits::ORDER_BYTES {
                Some(Failed::new(Code::Limit, format!("arguments are longer than {} bytes", limits::ANSWER_BYTES)))
            } else if request.id == GREETING {
                Some(Failed::new(Code::Limit, "this id is kept for the greeting"))
            } else if let Entry::Vacant(free) = calls.sinks.entry(request.id) {
                free.insert(Arc::clone(&sink));
                None
            } else {
                Some(Failed::new(Code::Limit, format!("call {} is already running", request.id)))
            }
        };
        if let Some(failed) = refused {
            (lock(&sink))(Answer::Done(Outcome::Failed(failed)));
        } else if !self.send(&line) {
            // The reader sees the end of the line too; whoever takes the sink out first answers.
            self.shared.answer_gone(request.id);
        }
    }

    /// Sends a call and waits for its outcome. `delta` gets pieces of output meanwhile.
    pub fn run(&self, request: &Request, mut delta: impl FnMut(&str)) -> Outcome {
        let (sender, answers) = std::sync::mpsc::channel();
        self.call(request, move |answer| drop(sender.send(answer)));
        for answer in answers {
            match answer {
                Answer::Delta(text) => delta(&text),
                Answer::Done(outcome) => return outcome,
            }
        }
        Outcome::Failed(Failed::new(Code::Interrupted, "the worker is gone"))
    }

    /// Orders a call to stop; its answer comes all the same.
    pub fn cancel(&self, id: u64) {
        self.send(format!("{{\"cancel\":{id}}}\n").as_bytes());
    }

    /// Whether the worker still answers.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        lock(&self.shared.calls).gone.is_none()
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.shared.pid
    }

    fn send(&self, line: &[u8]) -> bool {
        let mut stdin = lock(&self.stdin);
        let sent = stdin.as_mut().is_some_and(|stdin| stdin.write_all(line).and_then(|()| stdin.flush()).is_ok());
        if !sent {
            *stdin = None;
        }
        sent
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // The end of its input tells the worker to kill what it runs; one that does not listen is killed itself.
        *lock(&self.stdin) = None;
        let deadline = Instant::now() + Duration::from_millis(1000);
        loop {
            let ended = matches!(lock(&self.shared.child).try_wait(), Ok(Some(_)) | Err(_));
            if ended {
                break;
            }
            if Instant::now() >= deadline {
                self.shared.kill();
                break;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        if let Some(reader) = self.reader.take()
            && reader.is_finished()
        {
            // Not waited for otherwise: a sink may own this very worker.
            let _ = reader.join();
        }
    }
}

impl Shared {
    fn listen(&self, stdout: ChildStdout) {
        let mut input = BufReader::with_capacity(64 * 1024, stdout);
        let mut line = Vec::new();
        let why = loop {
            line.clear();
            match (&mut input).take(limits::REPLY_BYTES as u64).read_until(b'\n', &mut line) {
                Ok(0) | Err(_) => break None,
                Ok(_) => {}
            }
            let Some(reply) = line.strip_suffix(b"\n").and_then(|line| serde_json::from_slice::<Reply>(line).ok())
            else {
                break Some("the worker sent what no worker sends, and was ended");
            };
            self.hand_on(reply);
        };
        let why = match why {
            Some(why) => {
                self.kill();
                why.to_owned()
            }
            None => self.epitaph(),
        };
        let left: Vec<Sink> = {
            let mut calls = lock(&self.calls);
            calls.gone = Some(why.clone());
            self.greeted.notify_all();
            calls.sinks.drain().map(|(_, sink)| sink).collect()
        };
        for sink in left {
            (lock(&sink))(Answer::Done(Outcome::Failed(Failed::new(Code::Interrupted, why.clone()))));
        }
    }

    fn hand_on(&self, reply: Reply) {
        if reply.id == GREETING {
            let mut calls = lock(&self.calls);
            calls.greeting = calls.greeting.take().or(reply.delta);
            self.greeted.notify_all();
            return;
        }
        let sink = {
            let mut calls = lock(&self.calls);
            if reply.done.is_some() { calls.sinks.remove(&reply.id) } else { calls.sinks.get(&reply.id).cloned() }
        };
        let Some(sink) = sink else { return };
        let answer = match (reply.done, reply.delta) {
            (Some(outcome), _) => Answer::Done(outcome.bounded()),
            (None, Some(mut text)) => {
                text.truncate(text.floor_char_boundary(limits::DELTA_BYTES));
                Answer::Delta(text)
            }
            (None, None) => return,
        };
        (lock(&sink))(answer);
    }

    fn answer_gone(&self, id: u64) {
        let (sink, why) = {
            let mut calls = lock(&self.calls);
            (calls.sinks.remove(&id), calls.gone.clone())
        };
        if let Some(sink) = sink {
            let why = why.unwrap_or_else(|| "the worker takes no more calls".to_owned());
            (lock(&sink))(Answer::Done(Outcome::Failed(Failed::new(Code::Interrupted, why))));
        }
    }

    /// How the process ended, once its line is closed.
    fn epitaph(&self) -> String {
        use std::os::unix::process::ExitStatusExt;
        for _ in 0..100 {
            match lock(&self.child).try_wait() {
                Ok(Some(status)) => {
                    return match (status.signal(), status.code()) {
                        (Some(signal), _) => format!("the worker was killed by signal {signal}"),
                        (None, Some(code)) => format!("the worker ended with status {code}"),
                        (None, None) => "the worker ended".to_owned(),
                    };
                }
                Ok(None) => std::thread::sleep(Duration::from_millis(2)),
                Err(_) => break,
            }
        }
        // A closed line with a living process behind it is of no use to anyone.
        self.kill();
        "the worker closed its line".to_owned()
    }

    fn kill(&self) {
        let mut child = lock(&self.child);
        // It may be gone already.
        let _ = child.kill();
        let _ = child.wait();
    }
}

fn encode(request: &Request) -> Vec<u8> {
    let mut line = serde_json::to_vec(request).unwrap_or_default();
    // A line feed can stand only between the tokens of the arguments, where a space means the same.
    for byte in &mut line {
        if *byte == b'\n' {
            *byte = b' ';
        }
    }
    line.push(b'\n');
    line
}
