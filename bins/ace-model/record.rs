//! `--record DIR`: every answer is kept as it came, to be played again as `recorded/DIR`.

use ace_cli::{Complaint, Exit};
use ace_model_gateway::{Failure, Tape, cassette};
use ace_schema::limits;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;

use crate::PROGRAM;

/// A recording in the making. It holds its file open, so that it needs no further right.
pub struct Recorder {
    file: File,
    /// Number of the next answer; `None` if there is none yet and any may be the first.
    next: Option<usize>,
    bytes: u64,
}

/// Makes the folder, before rights are given up.
pub fn folder(path: &Path) -> Result<(), Complaint> {
    std::fs::create_dir_all(path)
        .map_err(|e| Complaint::io(PROGRAM, &format!("cannot record into '{}'", path.display()), &e))
}

impl Recorder {
    /// Goes on with the recording in `path`, or begins one.
    pub fn open(path: &Path) -> Result<Self, Complaint> {
        let file = path.join(cassette::FILE);
        let name = file.display().to_string();
        let cannot = |e| Complaint::io(PROGRAM, &format!("cannot record into '{name}'"), &e);
        let next = match std::fs::metadata(&file) {
            Ok(meta) if meta.len() > 0 => {
                let there = cassette::load(&name, |path| std::fs::read_to_string(path));
                let there = there.map_err(|e| Complaint::new(PROGRAM, Exit::Config, e.to_string()))?;
                (!there.is_empty()).then(|| there.next())
            }
            _ => None,
        };
        let mut file = OpenOptions::new().create(true).append(true).open(&file).map_err(cannot)?;
        let mut bytes = file.metadata().map_err(cannot)?.len();
        if bytes == 0 {
            let head = cassette::head("");
            file.write_all(head.as_bytes()).map_err(cannot)?;
            bytes = head.len() as u64;
        }
        Ok(Self { file, next, bytes })
    }

    /// Why answer number `answer` cannot be recorded, if it cannot.
    pub fn refuses(&self, answer: usize) -> Option<String> {
        match self.next {
            _ if self.bytes >= limits::CASSETTE_BYTES => {
                Some(format!("the recording is full: it holds {} bytes", self.bytes))
            }
            Some(next) if next != answer => Some(format!(
                "the recording goes on with answer {}, this is answer {}: record into another folder",
                next + 1,
                answer + 1
            )),
            _ => None,
        }
    }

    /// Keeps an answer: all of it or nothing, since a crash may come at any time.
    pub fn keep(
        &mut self,
        tape: Tape,
        answer: usize,
        (model, wire): (&str, &str),
        failure: Option<&Failure>,
    ) -> std::io::Result<()> {
        let rows = tape.rows(answer, model, wire, failure);
        self.file.write_all(rows.as_bytes())?;
        self.bytes += rows.len() as u64;
        self.next = Some(answer + 1);
        Ok(())
    }
}
