//! The read tool: lines of a text file, as they are, page by page; pictures as they are, notebooks as text.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use ace_schema::data::Code;
use ace_schema::limits;

use super::{image, told};
use crate::bench::Job;
use crate::call::{Completed, Failed};
use crate::capture::{Capture, whole_characters};
use crate::fence::Fence;
use crate::names::{number, shown};

/// A page with its last line fits what an outcome tells whole: the model goes on by offset and finds no hole in the middle.
const PAGE_BYTES: usize = limits::OUTPUT_HEAD_BYTES + limits::OUTPUT_TAIL_BYTES - 256;
/// How far into a file a NUL is looked for.
const SNIFF_BYTES: usize = 8 * 1024;

pub(crate) fn run(job: Job<'_>) -> Result<Completed, Failed> {
    let text = job.args.text("path").unwrap_or_default();
    let first = positive(&job, "offset")?.unwrap_or(1);
    let most = positive(&job, "limit")?.unwrap_or(limits::READ_LINES as u64);
    let fence = Fence::open(&job.bench.place)?;
    let (mut file, stat) = fence.read(text)?;
    let size = u64::try_from(stat.st_size).unwrap_or(0);
    let io = |e: std::io::Error| {
        Failed::new(Code::Io, format!("cannot read {}: {}", shown(text), e.to_string().to_lowercase()))
    };

    let mut chunk = vec![0_u8; 64 * 1024];
    let n = file.read(&mut chunk).map_err(io)?;
    let begin = chunk[..n].to_vec();
    if let Some(seen) = image::look(&job, &begin, &mut file, size) {
        return seen;
    }
    if memchr::memchr(0, &begin[..n.min(SNIFF_BYTES)]).is_some() {
        let what = format!("binary file: {}, {} bytes, {}", shown(text), number(size), sniff(&begin));
        return Err(Failed::new(Code::Arguments, what));
    }
    let mut input: Box<dyn Read> = match notebook(text, &begin, &mut file, size).map_err(io)? {
        Some(cells) => Box::new(std::io::Cursor::new(cells)),
        None => Box::new(std::io::Cursor::new(begin).chain(file).take(limits::READ_SCAN_BYTES)),
    };
    let mut page = Page { first, most, line: 1, start: 0, last: 0, cut: false, full: false, bytes: Vec::new() };
    let (mut scanned, mut open_line) = (0_u64, false);
    loop {
        job.cancel.check()?;
        let n = input.read(&mut chunk).map_err(io)?;
        let chunk = &chunk[..n];
        let Some(last) = chunk.last() else { break };
        scanned += n as u64;
        open_line = *last != b'\n';
        page.take(chunk);
    }
    page.close(open_line);
    // `line` is the line after the last line feed; it counts only if something stands in it.
    let total = page.line - u64::from(!open_line);
    let counted = scanned < limits::READ_SCAN_BYTES;
    if first > 1 && first > total {
        let far = if counted { "the end" } else { "what is read of a file this long; try sed -n in the shell" };
        return Err(Failed::new(
            Code::Arguments,
            format!("offset {first} lies beyond {far}: {} has {total} lines", shown(text)),
        ));
    }
    let mut capture = Capture::new(job.bench, job.id);
    capture.push(&page.bytes);
    if total == 0 {
        capture.push(b"[the file is empty]\n");
    } else if first > 1 || page.last < total || page.cut || !counted {
        if !page.bytes.ends_with(b"\n") {
            capture.push(b"\n");
        }
        capture.push(page.note(total, counted).as_bytes());
    }
    let mut output = capture.finish();
    output.truncated |= page.cut || (page.full && job.args.number("limit").is_none()) || !counted;
    Ok(told(output))
}

/// The cells of a notebook; `None` if it is something else, and then the file stands where it stood.
fn notebook(path: &str, begin: &[u8], file: &mut File, size: u64) -> std::io::Result<Option<String>> {
    if !path.ends_with(".ipynb") || size > limits::NOTEBOOK_BYTES {
        return Ok(None);
    }
    let mut bytes = begin.to_vec();
    file.by_ref().take(limits::NOTEBOOK_BYTES).read_to_end(&mut bytes)?;
    let cells = super::notebook::text(&bytes);
    if cells.is_none() {
        file.seek(SeekFrom::Start(begin.len() as u64))?;
    }
    Ok(cells)
}

fn positive(job: &Job<'_>, name: &str) -> Result<Option<u64>, Failed> {
    match job.args.number(name) {
        None => Ok(None),
        Some(n) if n > 0 => Ok(Some(n.unsigned_abs())),
        Some(_) => Err(Failed::new(Code::Arguments, format!("{name} counts from 1"))),
    }
}

/// The lines asked for, as far as they fit.
struct Page {
    first: u64,
    most: u64,
    /// Number of the line the next byte belongs to.
    line: u64,
    /// Where that line begins in `bytes`.
    start: usize,
    /// The last line in `bytes`, once it is full.
    last: u64,
    /// The last line is there in part.
    cut: bool,
    full: bool,
    bytes: Vec<u8>,
}

impl Page {
    fn take(&mut self, chunk: &[u8]) {
        let mut rest = chunk;
        while !self.full && !rest.is_empty() {
            let end = memchr::memchr(b'\n', rest).map(|i| i + 1);
            let (piece, after) = rest.split_at(end.unwrap_or(rest.len()));
            rest = after;
            if self.line >= self.first {
                self.add(piece);
            }
            if end.is_some() {
                self.line += 1;
                self.start = self.bytes.len();
                if !self.full && self.line >= self.first.saturating_add(self.most) {
                    self.full = true;
                    self.last = self.line - 1;
                }
            }
        }
        // The rest is only counted.
        self.line += memchr::memchr_iter(b'\n', rest).count() as u64;
    }

    fn add(&mut self, piece: &[u8]) {
        let room = PAGE_BYTES - self.bytes.len();
        if piece.len() <= room {
            self.bytes.extend_from_slice(piece);
            return;
        }
        self.full = true;
        if self.line > self.first {
            self.bytes.truncate(self.start);
            self.last = self.line - 1;
        } else {
            // A line longer than a page: as much as fits.
            self.bytes.extend_from_slice(&piece[..room]);
            self.bytes.truncate(whole_characters(&self.bytes));
            self.last = self.line;
            self.cut = true;
        }
    }

    fn close(&mut self, open_line: bool) {
        if !self.full {
            self.last = self.line - u64::from(!open_line);
        }
    }

    fn note(&self, total: u64, counted: bool) -> String {
        let more = if counted { "" } else { "more than " };
        let range = format!("lines {}-{} of {more}{total}", self.first, self.last);
        if self.cut {
            let next = self.last + 1;
            format!(
                "[{range}; line {} goes on: grep or cut -c in the shell show the rest; next offset {next}]\n",
                self.last
            )
        } else if self.last < total || !counted {
            format!("[{range}; go on with offset {}]\n", self.last + 1)
        } else {
            format!("[{range}]\n")
        }
    }
}

/// What a binary file seems to be, by its first bytes.
fn sniff(bytes: &[u8]) -> &'static str {
    const KINDS: &[(&[u8], &str)] = &[
        (b"\x89PNG\r\n\x1a\n", "PNG image"),
        (b"\xff\xd8\xff", "JPEG image"),
        (b"GIF8", "GIF image"),
        (b"BM", "BMP image"),
        (b"%PDF-", "PDF document"),
        (b"PK\x03\x04", "ZIP archive"),
        (b"\x1f\x8b", "gzip data"),
        (b"\x28\xb5\x2f\xfd", "zstd data"),
        (b"\xfd7zXZ\0", "xz data"),
        (b"BZh", "bzip2 data"),
        (b"7z\xbc\xaf\x27\x1c", "7z archive"),
        (b"\x7fELF", "ELF program or library"),
        (b"\xcf\xfa\xed\xfe", "Mach-O program or library"),
        (b"MZ", "Windows program"),
        (b"\0asm", "WebAssembly module"),
        (b"\xca\xfe\xba\xbe", "Java class or universal Mach-O"),
        (b"SQLite format 3\0", "SQLite database"),
        (b"OggS", "Ogg media"),
        (b"\0\0\x01\0", "icon"),
        (b"wOF2", "WOFF2 font"),
        (b"\xff\xfe", "UTF-16 text; iconv -f UTF-16 in the shell converts it"),
        (b"\xfe\xff", "UTF-16 text; iconv -f UTF-16 in the shell converts it"),
    ];
    match KINDS.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        Some((_, name)) => name,
        None if bytes.get(8..12) == Some(b"WEBP") => "WebP image",
        None if bytes.get(4..8) == Some(b"ftyp") => "MP4 or similar media",
        None if bytes.get(257..262) == Some(b"ustar") => "tar archive",
        None => "unknown type",
    }
}
