//! The filter that is tried: fed, listened to, and ended in good time whatever it does. It must never know a law.

use ace_schema::Line;
use std::collections::HashSet;
use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::record::shortened;
use crate::stage::Programs;

/// How long a filter may take to hand on or to end, before it is called stuck.
const PATIENCE: Duration = Duration::from_secs(6);
/// Bytes of output that are kept of one run.
const OUTPUT_BYTES: usize = 64 * 1024 * 1024;
/// Bytes of what it says on stderr.
const SAID_BYTES: u64 = 64 * 1024;

/// What was wrong, and with which session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Name of the recorded session.
    pub session: &'static str,
    /// In words.
    pub what: String,
}

#[derive(Debug, Default)]
struct Heard {
    output: Vec<u8>,
    ended: bool,
}

/// A filter at work.
pub struct Subject {
    child: Child,
    stdin: Option<ChildStdin>,
    heard: Arc<(Mutex<Heard>, Condvar)>,
    said: JoinHandle<String>,
    /// Bytes of output that were looked at.
    looked: usize,
}

fn lock(heard: &Mutex<Heard>) -> MutexGuard<'_, Heard> {
    heard.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Subject {
    /// Starts it in a group of its own.
    pub fn start(argv: &[String]) -> Result<Self, String> {
        let program = argv.first().map_or("", String::as_str);
        let mut command = Command::new(Programs::beside_this().find(program));
        command.args(&argv[1..]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let mut child = command.spawn().map_err(|e| format!("cannot start '{program}': {e}"))?;
        let heard = Arc::new((Mutex::new(Heard::default()), Condvar::new()));
        if let Some(stdout) = child.stdout.take() {
            let heard = heard.clone();
            std::thread::spawn(move || listen(stdout, &heard));
        }
        let stderr = child.stderr.take();
        let said = std::thread::spawn(move || {
            let mut said = Vec::new();
            if let Some(mut stderr) = stderr {
                let _ = stderr.by_ref().take(SAID_BYTES).read_to_end(&mut said);
                let _ = std::io::copy(&mut stderr, &mut std::io::sink());
            }
            String::from_utf8_lossy(&said).trim().to_owned()
        });
        let stdin = child.stdin.take();
        Ok(Self { child, stdin, heard, said, looked: 0 })
    }

    /// Writes whole lines and waits until they have come out again.
    pub fn pass(&mut self, lines: &[u8]) -> Result<(), String> {
        let mut stdin = self.stdin.take().ok_or("its input is closed")?;
        let wanted: Vec<Vec<u8>> = lines.split_inclusive(|&b| b == b'\n').map(<[u8]>::to_vec).collect();
        let lines = lines.to_vec();
        // Who does not read must not hold up who waits for it.
        let writer = std::thread::spawn(move || {
            let written = stdin.write_all(&lines).and_then(|()| stdin.flush());
            written.map(|()| stdin)
        });
        let result = self.comes_out(&wanted);
        if result.is_err() {
            self.kill();
        }
        let written = writer.join();
        result?;
        match written {
            Ok(Ok(stdin)) => {
                self.stdin = Some(stdin);
                Ok(())
            }
            _ => Err("it reads no more".to_owned()),
        }
    }

    /// Waits until these lines have come out, with its own drafts between them.
    fn comes_out(&mut self, wanted: &[Vec<u8>]) -> Result<(), String> {
        let begun = Instant::now();
        let mut wanted = wanted.iter().peekable();
        let mut heard = lock(&self.heard.0);
        loop {
            while let Some(end) = heard.output[self.looked..].iter().position(|&b| b == b'\n') {
                let line = &heard.output[self.looked..=self.looked + end];
                if wanted.peek().is_some_and(|w| *w == line || is_record(w, line)) {
                    wanted.next();
                }
                self.looked += end + 1;
            }
            if wanted.peek().is_none() {
                return Ok(());
            }
            if heard.ended {
                return Err("it ended while its input was open".to_owned());
            }
            let Some(left) = PATIENCE.checked_sub(begun.elapsed()) else {
                let line = wanted.next().map(|l| shortened(l)).unwrap_or_default();
                return Err(format!("while its input is open this does not come out (does it buffer?): {line}"));
            };
            heard = self.heard.1.wait_timeout(heard, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Ends its input and waits for its end.
    pub fn end(mut self) -> Result<(), String> {
        self.stdin = None;
        self.finish().map(drop)
    }

    /// Ends its input: all that it has written.
    pub fn output(mut self) -> Result<Vec<u8>, String> {
        self.stdin = None;
        self.finish()
    }

    /// Waits for its end: all that it has written.
    fn finish(&mut self) -> Result<Vec<u8>, String> {
        let begun = Instant::now();
        let mut heard = lock(&self.heard.0);
        while !heard.ended {
            let Some(left) = PATIENCE.checked_sub(begun.elapsed()) else {
                drop(heard);
                self.kill();
                return Err("it does not end with its input".to_owned());
            };
            heard = self.heard.1.wait_timeout(heard, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        let output = std::mem::take(&mut heard.output);
        drop(heard);
        while begun.elapsed() < PATIENCE {
            match self.child.try_wait().map_err(|e| e.to_string())? {
                Some(status) if status.success() => return Ok(output),
                Some(status) => {
                    let said = std::mem::replace(&mut self.said, std::thread::spawn(String::new)).join();
                    let said = said.unwrap_or_default();
                    let last = said.lines().last().unwrap_or("and says nothing");
                    return Err(format!("it ends with {status}: {last}"));
                }
                None => std::thread::sleep(Duration::from_millis(1)),
            }
        }
        self.kill();
        Err("it closes its output and does not end".to_owned())
    }

    /// Ends it and all that it has started.
    fn kill(&mut self) {
        if let Some(group) = rustix::process::Pid::from_raw(i32::try_from(self.child.id()).unwrap_or(0)) {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        if self.child.try_wait().ok().flatten().is_none() {
            self.kill();
        }
        let _ = self.child.wait();
    }
}

fn listen(mut stdout: impl Read, heard: &(Mutex<Heard>, Condvar)) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = stdout.read(&mut buffer);
        let mut all = lock(&heard.0);
        match read {
            Ok(n @ 1..) if all.output.len() < OUTPUT_BYTES => all.output.extend_from_slice(&buffer[..n]),
            Ok(1..) => {}
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Ok(0) | Err(_) => all.ended = true,
        }
        heard.1.notify_all();
        if all.ended {
            return;
        }
    }
}

/// Whether both are the same record, whatever was done to it: the first law speaks of that.
fn is_record(wanted: &[u8], line: &[u8]) -> bool {
    let seq = |line| Line::parse(line).ok().and_then(|l: Line| l.seq);
    seq(wanted).is_some_and(|n| seq(line) == Some(n))
}

/// Feeds a filter in one piece: all that it has written.
pub fn feed(argv: &[String], input: &[u8]) -> Result<Vec<u8>, String> {
    let mut subject = Subject::start(argv)?;
    let (mut stdin, input) = (subject.stdin.take().ok_or("it has no input")?, input.to_vec());
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = subject.finish();
    // What it has not read is told by what does not come out.
    let _ = writer.join();
    output
}

/// Takes the drafts out of an output: what remains must be the input, byte for byte.
pub fn drafts(input: &[u8], output: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    let mut rest = input.split_inclusive(|&b| b == b'\n').enumerate().peekable();
    let mut made = Vec::new();
    for line in output.split_inclusive(|&b| b == b'\n') {
        if rest.peek().is_some_and(|(_, expected)| *expected == line) {
            rest.next();
            continue;
        }
        let next = || rest.clone().next().map(|(n, expected)| (n + 1, shortened(expected)));
        match Line::parse(line) {
            Ok(parsed) if parsed.seq.is_none() && parsed.after.is_none() && line.ends_with(b"\n") => {
                made.push(line.to_vec());
            }
            _ => {
                let Some((n, expected)) = next() else {
                    return Err(format!("neither input nor a draft: {}", shortened(line)));
                };
                return Err(format!(
                    "line {n} does not come out as it went in:\n  in   {expected}\n  out  {}",
                    differs(&expected, line)
                ));
            }
        }
    }
    match rest.next() {
        Some((n, expected)) => Err(format!("line {} does not come out: {}", n + 1, shortened(expected))),
        None => Ok(made),
    }
}

/// Lines of an output without a `seq` that were not in the input: what was added, whatever was done to the rest.
pub fn strays(input: &[u8], output: &[u8]) -> Vec<Vec<u8>> {
    let known: HashSet<&[u8]> = input.split_inclusive(|&b| b == b'\n').collect();
    let ids: HashSet<String> = known.iter().filter_map(|l| Some(Line::parse(l).ok()?.id.into_owned())).collect();
    let lines = output.split_inclusive(|&b| b == b'\n').filter(|line| !known.contains(line));
    let is_draft = |line: &&[u8]| match Line::parse(line) {
        // One that only looks different is the first law's matter, one with a taken id is not.
        Ok(parsed) => {
            parsed.seq.is_none() && parsed.after.is_none() && !(ids.contains(&*parsed.id) && is_same(&parsed, &known))
        }
        Err(_) => false,
    };
    lines.filter(is_draft).map(<[u8]>::to_vec).collect()
}

/// Whether the line is one of these, written otherwise.
fn is_same(line: &Line, known: &HashSet<&[u8]>) -> bool {
    known.iter().filter_map(|l| Line::parse(l).ok()).any(|l| l.seq.is_none() && l.id == line.id && l.ty == line.ty)
}

/// A line from where it differs on, if that is far into it.
fn differs(expected: &str, line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line.trim_ascii_end()).into_owned();
    let same = expected.chars().zip(text.chars()).take_while(|(a, b)| a == b).count();
    if same < 120 {
        shortened(line)
    } else {
        format!("… {}", text.chars().skip(same - 20).take(120).collect::<String>())
    }
}
