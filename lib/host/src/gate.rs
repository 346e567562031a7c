//! Gates: programs of the user's own between all filters and the log, which may rewrite or hold back drafts.
//!
//! They stand in one chain. What comes out is matched to the pen of the filter it came from by the id's prefix, or by the whole id
//! where the id is derived; what matches nothing is refused, so that a gate cannot speak for a filter that said nothing.

use ace_schema::{Class, Line, id, limits, ty};
use ace_storage::Nib;
use rustix::process::{Pid, Signal, kill_process_group};
use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::crew::LINGER;
use crate::stage::clean_environment;
use crate::star::{News, Plan, Shared, StarError, lock};

/// The gate of the suite.
pub const REDACT: &str = "ace-redact";

/// Drafts on their way through the gates whose pen is remembered by their whole id.
const DERIVED_ON_THE_WAY: usize = 4096;

/// Writers that are known by their prefixes.
const PREFIXES: usize = 4096;

/// The chain of gates.
pub struct Gates {
    entry: Mutex<Option<ChildStdin>>,
    routes: Mutex<Routes>,
    children: Mutex<Vec<Child>>,
    recorder: Mutex<Option<std::thread::JoinHandle<()>>>,
}

#[derive(Default)]
struct Routes {
    prefixes: HashMap<String, Nib>,
    derived: HashMap<String, Nib>,
}

impl Routes {
    /// Learns whose the drafts are, and gives those lines alone that are for the log: what a filter hands back of what it has read
    /// is none of them.
    fn learn<'l>(&mut self, nib: Nib, lines: &'l [u8]) -> Vec<&'l [u8]> {
        let mut drafts = Vec::new();
        for bytes in lines.split_inclusive(|&b| b == b'\n') {
            let line = Line::parse(bytes.strip_suffix(b"\n").unwrap_or(bytes));
            let is_draft =
                |line: &Line| !line.is_recorded() && (line.class() != Class::Control || line.ty == ty::LOG_BLOB);
            // What is no event is refused behind the gates, by its line.
            if line.as_ref().map_or(true, is_draft) {
                drafts.push(bytes);
            }
            let Ok(line) = line else { continue };
            if line.is_recorded() {
                continue;
            }
            if let Some(prefix) = id::prefix(&line.id) {
                // A filter has one for each time it was started. One that makes up more is not heard under them.
                if !self.prefixes.contains_key(prefix) && self.prefixes.len() < PREFIXES {
                    self.prefixes.insert(prefix.to_owned(), nib);
                }
            } else if !line.id.is_empty() {
                if self.derived.len() >= DERIVED_ON_THE_WAY {
                    self.derived.clear();
                }
                self.derived.insert(line.id.to_string(), nib);
            }
        }
        drafts
    }

    fn find(&self, line: &Line) -> Option<Nib> {
        match id::prefix(&line.id) {
            Some(prefix) => self.prefixes.get(prefix).copied(),
            None => self.derived.get(line.id.as_ref()).copied(),
        }
    }
}

impl Gates {
    /// Starts the plan's gates; `None` if it has none.
    pub fn start(shared: &Arc<Shared>, plan: &Plan) -> Result<Option<Arc<Self>>, StarError> {
        let mut children = Vec::new();
        let mut entry = None;
        let mut last: Option<std::process::ChildStdout> = None;
        let session = lock(&shared.log).opened()?.session().to_owned();
        for argv in plan.gates.iter().take(limits::USER_FILTERS + 1).filter(|a| !a.is_empty()) {
            let mut command = Command::new(plan.programs.find(&argv[0]));
            command.args(&argv[1..]).stdout(Stdio::piped());
            if argv[0] == REDACT {
                // It cannot find what it does not know: beside the model's program it alone gets the secrets.
                command.args(["--session", &session]);
            } else {
                command.env_clear().envs(clean_environment());
            }
            // A group of its own: it ends with all it has started, and an interrupt at the terminal is not for it.
            command.process_group(0);
            command.stdin(last.take().map_or_else(Stdio::piped, Stdio::from));
            let mut child = command.spawn().map_err(|source| StarError::Start { program: argv[0].clone(), source })?;
            entry = entry.or_else(|| child.stdin.take());
            last = child.stdout.take();
            children.push(child);
        }
        let Some(exit) = last else { return Ok(None) };
        let gates = Arc::new(Self {
            entry: Mutex::new(entry),
            routes: Mutex::default(),
            children: Mutex::new(children),
            recorder: Mutex::new(None),
        });
        let (shared, reader) = (shared.clone(), gates.clone());
        *lock(&gates.recorder) = Some(std::thread::Builder::new().spawn(move || reader.record(exit, &shared))?);
        Ok(Some(gates))
    }

    /// Sends drafts into the first gate.
    pub fn pass(&self, nib: Nib, drafts: &[u8]) -> Result<(), StarError> {
        let drafts = lock(&self.routes).learn(nib, drafts).concat();
        match lock(&self.entry).as_mut() {
            Some(entry) => Ok(entry.write_all(&drafts)?),
            None => Ok(()),
        }
    }

    fn record(&self, mut exit: impl Read, shared: &Shared) {
        let mut lines = ace_pipe::Lines::default();
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(n @ 1..) = exit.read(&mut buffer) {
            shared.news.await_room();
            let Ok(whole) = lines.push(&buffer[..n]).map(<[u8]>::to_vec) else {
                // Nothing else it says can be told apart from that line.
                let source = io::Error::new(io::ErrorKind::InvalidData, "a gate sends a line without an end");
                shared.news.send(News::Failed(source.into()));
                return;
            };
            if let Err(e) = self.route(&whole, shared) {
                shared.news.send(News::Failed(e));
                return;
            }
        }
        // Nobody has asked the gates to end: what the filters say would go nowhere, and the session would wait for it for ever.
        if lock(&self.entry).is_some() {
            let source = io::Error::other("a gate has ended, and nothing passes any more");
            shared.news.send(News::Failed(source.into()));
        }
    }

    /// Records runs of lines of the same pen together, so that a batch stays a batch. Parts of blobs bear no id and belong to nobody;
    /// all of them go under one pen, since what follows them may come later than they do.
    fn route(&self, whole: &[u8], shared: &Shared) -> Result<(), StarError> {
        let mut batch: Vec<u8> = Vec::new();
        let mut pen: Option<Nib> = None;
        for line in whole.split_inclusive(|&b| b == b'\n') {
            let found = match Line::parse(line.strip_suffix(b"\n").unwrap_or(line)) {
                Ok(parsed) if parsed.ty == ty::LOG_BLOB => Some(Nib::KEEPER),
                Ok(parsed) => match lock(&self.routes).find(&parsed) {
                    Some(nib) => Some(nib),
                    None => {
                        let note = format!("refused from a gate: '{}' is of no filter", parsed.id);
                        shared.news.send(News::Note(note));
                        continue;
                    }
                },
                Err(why) => {
                    shared.news.send(News::Note(format!("refused from a gate: {why}")));
                    continue;
                }
            };
            if pen.is_some() && found != pen {
                self.flush(&mut batch, pen, shared)?;
            }
            pen = found.or(pen);
            batch.extend_from_slice(line);
        }
        self.flush(&mut batch, pen, shared)
    }

    fn flush(&self, batch: &mut Vec<u8>, pen: Option<Nib>, shared: &Shared) -> Result<(), StarError> {
        let lines = std::mem::take(batch);
        match pen {
            Some(nib) if !lines.is_empty() => shared.record(nib, &lines, "a gate").map(drop),
            _ => Ok(()),
        }
    }

    /// No more drafts come: waits for the gates to hand on what they hold, but not for ever.
    pub fn close(&self, farewell: Duration) {
        lock(&self.entry).take();
        let recorder = lock(&self.recorder).take();
        let begin = Instant::now();
        let mut children = lock(&self.children);
        let is_heard = || recorder.as_ref().is_some_and(|r| !r.is_finished());
        let mut all_ended = || children.iter_mut().all(|c| !matches!(c.try_wait(), Ok(None)));
        // Once its words are heard no more, or all are recorded, nothing is lost with a gate that stays.
        while is_heard() && begin.elapsed() < farewell || !all_ended() && begin.elapsed() < LINGER {
            std::thread::sleep(Duration::from_micros(200));
        }
        for child in children.iter_mut() {
            if matches!(child.try_wait(), Ok(None)) {
                let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
                let _ = group.map(|group| kill_process_group(group, Signal::KILL));
                let _ = child.wait();
            }
        }
        let killed = Instant::now();
        // Something a gate has started may hold its output for ever.
        while is_heard() && killed.elapsed() < LINGER {
            std::thread::sleep(Duration::from_micros(200));
        }
    }
}
