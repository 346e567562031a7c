//! Gates: programs of the user's own between all filters and the log, which may rewrite or hold back drafts.
//!
//! They stand in one chain. What comes out is matched to the pen of the filter it came from by the id's prefix, or by the whole id
//! where the id is derived; what matches nothing is refused, so that a gate cannot speak for a filter that said nothing.

use ace_schema::{Line, id, limits, ty};
use ace_storage::Nib;
use std::collections::HashMap;
use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};

use crate::stage::clean_environment;
use crate::star::{News, Plan, Shared, StarError, lock};

/// Drafts on their way through the gates whose pen is remembered by their whole id.
const DERIVED_ON_THE_WAY: usize = 4096;

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
    fn learn(&mut self, nib: Nib, lines: &[u8]) {
        for line in lines.split(|&b| b == b'\n') {
            let Ok(line) = Line::parse(line) else { continue };
            if let Some(prefix) = id::prefix(&line.id) {
                if !self.prefixes.contains_key(prefix) {
                    self.prefixes.insert(prefix.to_owned(), nib);
                }
            } else if !line.id.is_empty() {
                if self.derived.len() >= DERIVED_ON_THE_WAY {
                    self.derived.clear();
                }
                self.derived.insert(line.id.to_string(), nib);
            }
        }
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
        for argv in plan.gates.iter().take(limits::USER_FILTERS).filter(|a| !a.is_empty()) {
            let mut command = Command::new(plan.programs.find(&argv[0]));
            command.args(&argv[1..]).env_clear().envs(clean_environment()).stdout(Stdio::piped());
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
        *lock(&gates.recorder) = Some(std::thread::spawn(move || reader.record(exit, &shared)));
        Ok(Some(gates))
    }

    /// Sends drafts into the first gate.
    pub fn pass(&self, nib: Nib, drafts: &[u8]) -> Result<(), StarError> {
        lock(&self.routes).learn(nib, drafts);
        match lock(&self.entry).as_mut() {
            Some(entry) => Ok(entry.write_all(drafts)?),
            None => Ok(()),
        }
    }

    fn record(&self, mut exit: impl Read, shared: &Shared) {
        let mut lines = ace_pipe::Lines::default();
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(n @ 1..) = exit.read(&mut buffer) {
            let whole = lines.push(&buffer[..n]).to_vec();
            if let Err(e) = self.route(&whole, shared) {
                let _ = shared.news.send(News::Failed(e));
                return;
            }
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
                        let _ = shared.news.send(News::Note(note));
                        continue;
                    }
                },
                Err(why) => {
                    let _ = shared.news.send(News::Note(format!("refused from a gate: {why}")));
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
            Some(nib) if !lines.is_empty() => shared.append(nib, &lines, "a gate").map(drop),
            _ => Ok(()),
        }
    }

    /// No more drafts come: waits for the gates to hand on what they hold.
    pub fn close(&self) {
        lock(&self.entry).take();
        let recorder = lock(&self.recorder).take();
        if let Some(recorder) = recorder {
            let _ = recorder.join();
        }
        for child in lock(&self.children).iter_mut() {
            let _ = child.wait();
        }
    }
}
