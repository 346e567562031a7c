//! `ace ask`: one answer, no tools, no log: three programs in a pipe.

use ace_cli::ace::Ask;
use ace_cli::{Complaint, Exit};
use ace_front::begin;
use ace_host::{Programs, clean_environment};
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::PROGRAM;

/// Runs the pipe; its exit is that of the last program, or of the first if it failed.
pub fn ask(ask: &Ask) -> Result<Exit, Complaint> {
    // Read here, so that whoever was called is who complains.
    let prompt = begin::prompt(PROGRAM, ask.prompt.as_deref())?;
    if prompt.trim().is_empty() {
        return Err(
            Complaint::new(PROGRAM, Exit::Usage, "nothing to ask: the prompt is empty").hint("ace ask -h shows how")
        );
    }
    let programs = Programs::beside_this();
    let command = |program: &str, args: &[String]| {
        let mut command = Command::new(programs.find(program));
        command.args(args);
        command
    };
    let mut source =
        command("ace-session", &once_arguments(&Ask { prompt: None, model: ask.model.clone(), record: None }));
    let mut source = spawn("ace-session", source.stdin(Stdio::piped()).stdout(Stdio::piped()))?;
    if let Some(mut stdin) = source.stdin.take() {
        // Its end tells if it did not take all.
        let _ = stdin.write_all(prompt.as_bytes());
    }
    let mut model = command("ace-model", &model_arguments(ask.record.as_deref(), ask.model.as_deref()));
    let mut model = spawn("ace-model", model.stdin(pipe(&mut source)).stdout(Stdio::piped()))?;
    let mut text = command("ace-log", &["text".to_owned()]);
    text.env_clear().envs(clean_environment());
    let mut text = spawn("ace-log", text.stdin(pipe(&mut model)).stderr(Stdio::piped()))?;
    let said = text.stderr.take();
    let first = wait(&mut source)?;
    let second = wait(&mut model)?;
    let words = said.and_then(|mut s| std::io::read_to_string(&mut s).ok()).unwrap_or_default();
    let last = wait(&mut text)?;
    // Whoever failed first has said why; those behind it only saw an empty stream.
    if first != Exit::Done {
        return Ok(first);
    }
    if second != Exit::Done {
        return Ok(second);
    }
    eprint!("{words}");
    Ok(last)
}

/// The arguments of `ace-session` that begin such a stream.
pub fn once_arguments(ask: &Ask) -> Vec<String> {
    let mut args = vec!["once".to_owned()];
    args.extend(ask.model.iter().map(|m| format!("--model={m}")));
    if let Some(prompt) = &ask.prompt {
        args.extend(prompt.starts_with('-').then(|| "--".to_owned()));
        args.push(prompt.clone());
    }
    args
}

/// The arguments of `ace-model`: which recording it writes, and which it may read.
pub fn model_arguments(record: Option<&Path>, model: Option<&str>) -> Vec<String> {
    let record = record.map(|folder| format!("--record={}", folder.display()));
    let play = model.and_then(begin::played).map(|path| format!("--play={path}"));
    record.into_iter().chain(play).collect()
}

fn spawn(program: &str, command: &mut Command) -> Result<Child, Complaint> {
    command.spawn().map_err(|e| Complaint::io(PROGRAM, &format!("cannot start '{program}'"), &e))
}

fn pipe(child: &mut Child) -> Stdio {
    child.stdout.take().map_or_else(Stdio::null, Stdio::from)
}

fn wait(child: &mut Child) -> Result<Exit, Complaint> {
    let status = child.wait().map_err(|e| Complaint::io(PROGRAM, "cannot wait for the pipe", &e))?;
    Ok(status.code().and_then(|c| u8::try_from(c).ok()).and_then(Exit::from_number).unwrap_or(Exit::No))
}
