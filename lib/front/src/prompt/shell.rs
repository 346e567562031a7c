//! A person's own command: their shell, their rights, their terminal. What it printed can go with the next message.

use ace_schema::limits;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

/// Runs a command in a folder, shows what it prints, and says both as the context of a message.
///
/// # Errors
/// It cannot be started.
pub fn run(command: &str, folder: &Path) -> std::io::Result<String> {
    let shell = std::env::var_os("SHELL").filter(|s| !s.is_empty()).unwrap_or_else(|| "sh".into());
    let (mut reader, writer) = std::io::pipe()?;
    let mut started = Command::new(shell);
    started.args(["-c", command]).current_dir(folder);
    started.stdin(Stdio::inherit()).stdout(writer.try_clone()?).stderr(writer);
    let mut child = started.spawn()?;
    // It holds the writing ends: the pipe would never end.
    drop(started);
    let mut kept = Kept::default();
    let mut buf = [0; 8192];
    let mut stdout = std::io::stdout().lock();
    loop {
        match reader.read(&mut buf) {
            Ok(0) => break,
            Ok(n) => {
                let _ = stdout.write_all(&buf[..n]).and_then(|()| stdout.flush());
                kept.push(&buf[..n]);
            }
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    let status = child.wait()?;
    if !kept.ends_a_line() {
        let _ = stdout.write_all(b"\n");
    }
    Ok(format!("$ {command}\n{}[{status}]", kept.text()))
}

/// The begin and the end of an output.
#[derive(Default)]
struct Kept {
    head: Vec<u8>,
    tail: Vec<u8>,
    all: usize,
}

/// Bytes of each.
const HALF: usize = limits::OWN_OUTPUT_BYTES / 2;

impl Kept {
    fn push(&mut self, bytes: &[u8]) {
        self.all += bytes.len();
        let room = HALF.saturating_sub(self.head.len()).min(bytes.len());
        self.head.extend_from_slice(&bytes[..room]);
        self.tail.extend_from_slice(&bytes[room..]);
        let over = self.tail.len().saturating_sub(HALF);
        self.tail.drain(..over);
    }

    fn ends_a_line(&self) -> bool {
        self.all == 0 || self.tail.last().or(self.head.last()) == Some(&b'\n')
    }

    fn text(&self) -> String {
        let left_out = self.all - self.head.len() - self.tail.len();
        let between = if left_out > 0 { format!("\n[{left_out} bytes left out]\n") } else { String::new() };
        let (head, tail) = (String::from_utf8_lossy(&self.head), String::from_utf8_lossy(&self.tail));
        let mut text = ace_view::clean(&format!("{head}{between}{tail}"));
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_output_keeps_its_begin_and_its_end() {
        let mut kept = Kept::default();
        kept.push(b"begin\n");
        (0..1000).for_each(|_| kept.push(&[b'x'; 100]));
        kept.push(b"\nend");
        let text = kept.text();
        assert!(text.starts_with("begin\n") && text.ends_with("\nend\n") && text.contains("bytes left out]"));
        assert!(text.len() < limits::OWN_OUTPUT_BYTES + 100);
        assert!(!kept.ends_a_line());
    }
}
