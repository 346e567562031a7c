//! Output of a call: its head and tail in memory, the whole in a file of the session's temporary folder once it is too long
//! for a line or is not text. The file has no name before the call has ended: until then nobody could look through it for what
//! must not lie on a disk. Memory stays the same however much comes. It knows no tool.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::fd::AsRawFd;
use std::path::Path;

use ace_schema::limits::{OUTPUT_HEAD_BYTES, OUTPUT_KEPT_BYTES, OUTPUT_TAIL_BYTES};
use rustix::fs::{AtFlags, FileType, Mode, OFlags};

use crate::bench::Bench;
use crate::call::Kept;
use crate::names::number;

/// What fits is told whole.
const WHOLE_BYTES: usize = OUTPUT_HEAD_BYTES + OUTPUT_TAIL_BYTES;

pub(crate) struct Capture<'a> {
    bench: &'a Bench,
    id: u64,
    /// The whole while it is short, then its head.
    head: Vec<u8>,
    /// The latest bytes behind the head.
    tail: Vec<u8>,
    bytes: u64,
    spill: Option<Spill>,
}

struct Spill {
    /// Empty until the end, and then if no name could be had.
    name: String,
    /// `None` if there is none to be had.
    file: Option<File>,
    /// Writing failed (a full disk): what is there stays.
    full: bool,
    written: u64,
}

impl<'a> Capture<'a> {
    pub fn new(bench: &'a Bench, id: u64) -> Self {
        Self { bench, id, head: Vec::new(), tail: Vec::new(), bytes: 0, spill: None }
    }

    /// Takes the next bytes.
    pub fn push(&mut self, chunk: &[u8]) {
        self.bytes += chunk.len() as u64;
        if self.spill.is_none() {
            if self.head.len() + chunk.len() <= WHOLE_BYTES {
                self.head.extend_from_slice(chunk);
                return;
            }
            self.start_spill();
            self.tail = self.head.split_off(self.head.len().min(OUTPUT_HEAD_BYTES));
        }
        if let Some(spill) = &mut self.spill {
            spill.write(chunk);
        }
        let room = OUTPUT_HEAD_BYTES - self.head.len().min(OUTPUT_HEAD_BYTES);
        let (first, rest) = chunk.split_at(room.min(chunk.len()));
        self.head.extend_from_slice(first);
        self.tail.extend_from_slice(&rest[rest.len().saturating_sub(OUTPUT_TAIL_BYTES)..]);
        // Trimmed only when twice too long, so that many small pieces cost little each.
        if self.tail.len() > 2 * OUTPUT_TAIL_BYTES {
            self.tail.drain(..self.tail.len() - OUTPUT_TAIL_BYTES);
        }
    }

    fn start_spill(&mut self) {
        let file = nameless(&self.bench.place.tmp).ok();
        let mut spill = Spill { name: String::new(), file, full: false, written: 0 };
        spill.write(&self.head);
        self.spill = Some(spill);
    }

    /// The output as the outcome tells it.
    pub fn finish(mut self) -> Kept {
        if self.spill.is_none() {
            let clean = std::str::from_utf8(&self.head).is_ok();
            if clean && cost(&self.head) <= 2 * WHOLE_BYTES {
                let text = String::from_utf8_lossy(&self.head).into_owned();
                return Kept { text, bytes: self.bytes, ..Kept::default() };
            }
            self.start_spill();
            self.name_spill();
            if cost(&self.head) <= 2 * WHOLE_BYTES {
                let text = String::from_utf8_lossy(&self.head).into_owned();
                return Kept { text, bytes: self.bytes, truncated: true, spill: self.spill_name(), ..Kept::default() };
            }
            self.tail = self.head.split_off(self.head.len().min(OUTPUT_HEAD_BYTES));
        } else {
            self.name_spill();
        }
        let head = &self.head[..head_length(&self.head)];
        let latest = &self.tail[self.tail.len().saturating_sub(OUTPUT_TAIL_BYTES)..];
        let tail = &latest[tail_start(latest)..];
        let mut text = String::from_utf8_lossy(head).into_owned();
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        let left = self.bytes - head.len() as u64 - tail.len() as u64;
        text.push_str(&format!("[… {} bytes left out{} …]\n", number(left), self.whereabouts()));
        text.push_str(&String::from_utf8_lossy(tail));
        Kept { text, bytes: self.bytes, truncated: true, spill: self.spill_name(), ..Kept::default() }
    }

    /// Gives the file the name under which the broker takes it, which it does at once.
    fn name_spill(&mut self) {
        let Some(spill) = &mut self.spill else { return };
        if let Some(mut file) = spill.file.take()
            && let Ok(name) = name(self.bench, self.id, &mut file)
        {
            spill.name = name;
        }
    }

    fn spill_name(&self) -> Option<String> {
        self.spill.as_ref().map(|spill| spill.name.clone()).filter(|name| !name.is_empty())
    }

    /// Where the model can read and search the rest.
    fn whereabouts(&self) -> String {
        let Some(spill) = self.spill.as_ref().filter(|spill| !spill.name.is_empty()) else {
            return ", the whole could not be kept".to_owned();
        };
        let path = self.bench.place.tmp.join(&spill.name);
        let path = path.display();
        if spill.written == self.bytes {
            format!(", the whole is in {path}")
        } else {
            format!(", the first {} bytes are in {path}", number(spill.written))
        }
    }
}

impl Spill {
    fn write(&mut self, chunk: &[u8]) {
        let room = usize::try_from(OUTPUT_KEPT_BYTES - self.written).unwrap_or(usize::MAX);
        let chunk = &chunk[..chunk.len().min(room)];
        let Some(file) = self.file.as_mut().filter(|_| !self.full) else { return };
        if file.write_all(chunk).is_ok() {
            self.written += chunk.len() as u64;
        } else {
            // Part of the chunk may be there; what counts is what the file holds.
            self.written = file.metadata().map_or(self.written, |meta| meta.len().min(OUTPUT_KEPT_BYTES));
            self.full = true;
        }
    }
}

/// A file in that folder that has no name and goes with its last user.
pub(crate) fn nameless(folder: &Path) -> io::Result<File> {
    let mode = Mode::RUSR | Mode::WUSR;
    #[cfg(target_os = "linux")]
    {
        let flags = OFlags::RDWR | OFlags::TMPFILE | OFlags::CLOEXEC;
        if let Ok(fd) = rustix::fs::open(folder, flags, mode) {
            return Ok(File::from(fd));
        }
    }
    // Not every file system has them: then one whose name is taken away before anything is written.
    let place = rustix::fs::open(folder, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    for n in 1..1000 {
        let name = format!("output-0-{n}.txt");
        match rustix::fs::openat(&place, &name, flags, mode) {
            Ok(fd) => {
                rustix::fs::unlinkat(&place, &name, AtFlags::empty())?;
                return Ok(File::from(fd));
            }
            Err(rustix::io::Errno::EXIST) => {}
            Err(e) => return Err(e.into()),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// Gives a nameless file one of the names of [`create`]; copies it where the system cannot.
fn name(bench: &Bench, id: u64, file: &mut File) -> io::Result<String> {
    let folder =
        rustix::fs::open(&bench.place.tmp, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let own = format!("/proc/self/fd/{}", file.as_raw_fd());
    for name in names(id) {
        match rustix::fs::linkat(rustix::fs::CWD, &own, &folder, &name, AtFlags::SYMLINK_FOLLOW) {
            Ok(()) => {
                bench.remember_spill(&name);
                return Ok(name);
            }
            Err(rustix::io::Errno::EXIST) => {}
            Err(_) => break,
        }
    }
    let (name, mut copy) = create(bench, id)?;
    file.rewind()?;
    io::copy(&mut file.take(OUTPUT_KEPT_BYTES), &mut copy)?;
    Ok(name)
}

fn names(id: u64) -> impl Iterator<Item = String> {
    (1..1000).map(move |n| if n == 1 { format!("output-{id}.txt") } else { format!("output-{id}-{n}.txt") })
}

/// A new file `output-<id>.txt` in the temporary folder, or with a number more if that is taken: by an earlier worker of the
/// session, or by a command that lays a link there.
pub(crate) fn create(bench: &Bench, id: u64) -> io::Result<(String, File)> {
    let folder =
        rustix::fs::open(&bench.place.tmp, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    for name in names(id) {
        match rustix::fs::openat(&folder, &name, flags, Mode::RUSR | Mode::WUSR) {
            Ok(fd) => {
                bench.remember_spill(&name);
                return Ok((name, File::from(fd)));
            }
            Err(rustix::io::Errno::EXIST) => {}
            Err(e) => return Err(e.into()),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// Opens a spill file named by a worker, for the broker, which stands outside of the sandbox.
///
/// # Errors
/// If the name is not one that a worker gives, or what stands there is not a plain file with this one name: the folder
/// belongs to the tools, which may have put a link to a secret there.
pub fn open_spill(tmp: &Path, name: &str) -> io::Result<File> {
    let number = name.strip_prefix("output-").and_then(|rest| rest.strip_suffix(".txt"));
    if !number.is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit() || b == b'-')) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not the name of a kept output"));
    }
    let folder = rustix::fs::open(tmp, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    // Looked at before it is opened, since opening alone wakes who waits at a pipe.
    let plain =
        |stat: &rustix::fs::Stat| FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile && stat.st_nlink == 1;
    let refused = || io::Error::new(io::ErrorKind::PermissionDenied, "the kept output was replaced");
    if !plain(&rustix::fs::statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW)?) {
        return Err(refused());
    }
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = rustix::fs::openat(&folder, name, flags, Mode::empty())?;
    if !plain(&rustix::fs::fstat(&file)?) {
        return Err(refused());
    }
    Ok(File::from(file))
}

/// Bytes of `bytes` once they are JSON (what is not UTF-8 as its replacement).
pub(crate) fn cost(bytes: &[u8]) -> usize {
    pieces(bytes).map(|(_, cost)| cost).sum()
}

/// Each character, or broken one, with its length and its length in JSON.
fn pieces(bytes: &[u8]) -> impl Iterator<Item = (usize, usize)> + '_ {
    bytes.utf8_chunks().flat_map(|chunk| {
        let broken = chunk.invalid().len();
        let valid = chunk.valid().chars().map(|c| (c.len_utf8(), json_length(c)));
        valid.chain((broken > 0).then_some((broken, 3)))
    })
}

fn json_length(c: char) -> usize {
    match c {
        '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
        c if u32::from(c) < 0x20 => 6,
        c => c.len_utf8(),
    }
}

/// Length without the character at the end that is not whole yet.
pub(crate) fn whole_characters(bytes: &[u8]) -> usize {
    for back in 1..=bytes.len().min(3) {
        let wanted = match bytes[bytes.len() - back] {
            0x80..=0xbf => continue,
            0xc0..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xff => 4,
            _ => 1,
        };
        return if wanted > back { bytes.len() - back } else { bytes.len() };
    }
    bytes.len()
}

/// How much of a head to tell: whole characters that fit a line as JSON, up to the end of a line if one ends near.
pub(crate) fn head_length(head: &[u8]) -> usize {
    let whole = whole_characters(head);
    let (mut length, mut spent) = (0, 0);
    for (raw, json) in pieces(&head[..whole]) {
        if spent + json > 2 * OUTPUT_HEAD_BYTES {
            break;
        }
        length += raw;
        spent += json;
    }
    match memchr::memrchr(b'\n', &head[..length]) {
        Some(end) if end + 1 > length - length / 4 => end + 1,
        _ => match head[..length].iter().rposition(u8::is_ascii_whitespace) {
            // Half a word could be the half of a secret that nobody knows by its half.
            Some(gap) if gap > length - length / 4 => gap + 1,
            _ => length,
        },
    }
}

/// Where to begin telling a tail, in the same way.
fn tail_start(tail: &[u8]) -> usize {
    let first = tail.iter().take(3).take_while(|byte| **byte & 0xc0 == 0x80).count();
    let sizes: Vec<(usize, usize)> = pieces(&tail[first..]).collect();
    let (mut length, mut spent) = (0, 0);
    for (raw, json) in sizes.into_iter().rev() {
        if spent + json > 2 * OUTPUT_TAIL_BYTES {
            break;
        }
        length += raw;
        spent += json;
    }
    let start = tail.len() - length;
    match memchr::memchr(b'\n', &tail[start..]) {
        Some(end) if end + 1 < length / 4 => start + end + 1,
        _ => match tail[start..].iter().position(u8::is_ascii_whitespace) {
            Some(gap) if gap < length / 4 => start + gap,
            _ => start,
        },
    }
}
