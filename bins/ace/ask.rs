//! `ace ask`: one answer, no tools, no log: three programs in a pipe.

use ace_answers::{Review, Shape};
use ace_cli::ace::{Ask, Format};
use ace_cli::{Complaint, Exit};
use ace_front::begin;
use ace_host::{Programs, clean_environment};
use ace_schema::limits;
use serde_json::Value;
use std::io::{Read, Write};
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
    if ask.gate {
        return gate(ask, &prompt);
    }
    let Some(file) = &ask.schema else { return pass(ask, None, &prompt, None) };
    let text = begin::schema(PROGRAM, Some(file))?;
    let shape = Shape::read(&text).map_err(|e| Complaint::new(PROGRAM, Exit::Usage, e.to_string()))?;
    match shaped(ask, file, &shape, &prompt)? {
        Ok(answer) => print(&format!("{answer}\n")),
        Err(exit) => Ok(exit),
    }
}

/// Asks for a verdict and findings; the exit is the verdict.
fn gate(ask: &Ask, prompt: &str) -> Result<Exit, Complaint> {
    let shape = Shape::read(ace_answers::FINDINGS).map_err(|e| Complaint::new(PROGRAM, Exit::Bug, e.to_string()))?;
    let answer = match shaped(ask, Path::new(begin::FINDINGS), &shape, &ace_answers::request(prompt))? {
        Ok(answer) => answer,
        Err(exit) => return Ok(exit),
    };
    let Some(review) = Review::of(answer) else {
        return Err(Complaint::new(PROGRAM, Exit::Bug, "the verdict cannot be read"));
    };
    print(&match ask.format.unwrap_or_default() {
        Format::Text => ace_view::clean(&review.text()).to_string(),
        Format::Sarif => review.sarif(env!("CARGO_PKG_VERSION")),
        Format::Github => review.github(),
    })?;
    Ok(if review.fails() { Exit::No } else { Exit::Done })
}

/// Asks until the answer fits, a bounded number of times; or the exit of a pipe that failed.
fn shaped(ask: &Ask, file: &Path, shape: &Shape, prompt: &str) -> Result<Result<Value, Exit>, Complaint> {
    let mut now = prompt.to_owned();
    for tries in 1..=limits::REPAIRS + 1 {
        let mut said = Vec::new();
        let exit = pass(ask, Some(file), &now, Some(&mut said))?;
        if exit != Exit::Done {
            return Ok(Err(exit));
        }
        let said = String::from_utf8_lossy(&said);
        match shape.fits(&said) {
            Ok(answer) => return Ok(Ok(answer)),
            Err(faults) if tries > limits::REPAIRS => {
                let why = faults.first().map_or("", String::as_str);
                let what = format!("the answer does not fit the schema after {tries} tries: {why}");
                return Err(Complaint::new(PROGRAM, Exit::No, what));
            }
            // There is no conversation without a log: what was said is said again.
            Err(faults) => {
                now =
                    format!("{prompt}\n\n[Your answer was:]\n{}\n\n{}", said.trim_end(), ace_answers::repair(&faults));
            }
        }
    }
    Ok(Err(Exit::No))
}

/// Runs the pipe once. What it prints goes to stdout, or into `kept`.
fn pass(ask: &Ask, schema: Option<&Path>, prompt: &str, kept: Option<&mut Vec<u8>>) -> Result<Exit, Complaint> {
    let programs = Programs::beside_this();
    let command = |program: &str, args: &[String]| {
        let mut command = Command::new(programs.find(program));
        command.args(args);
        command
    };
    let mut source = command("ace-session", &once(ask, schema, None));
    let mut source = spawn("ace-session", source.stdin(Stdio::piped()).stdout(Stdio::piped()))?;
    if let Some(mut stdin) = source.stdin.take() {
        // Its end tells if it did not take all.
        let _ = stdin.write_all(prompt.as_bytes());
    }
    // Once before the call, to set aside what it may take, and once behind it, to enter what it took.
    let quota = |before: &mut Child| {
        let mut quota = command("ace-quota", &[]);
        quota.env_clear().envs(clean_environment());
        spawn("ace-quota", quota.stdin(pipe(before)).stdout(Stdio::piped()))
    };
    let limited = is_limited(ask)?;
    let mut before = if limited { Some(quota(&mut source)?) } else { None };
    let mut model = command("ace-model", &model_arguments(ask.record.as_deref(), ask.model.as_deref()));
    let asked = pipe(before.as_mut().unwrap_or(&mut source));
    let mut model = spawn("ace-model", model.stdin(asked).stdout(Stdio::piped()))?;
    let mut behind = if limited { Some(quota(&mut model)?) } else { None };
    let mut text = command("ace-log", &["text".to_owned()]);
    text.env_clear().envs(clean_environment());
    if kept.is_some() {
        text.stdout(Stdio::piped());
    }
    let answered = pipe(behind.as_mut().unwrap_or(&mut model));
    let mut text = spawn("ace-log", text.stdin(answered).stderr(Stdio::piped()))?;
    if let (Some(kept), Some(mut stdout)) = (kept, text.stdout.take()) {
        let read = stdout.read_to_end(kept);
        read.map_err(|e| Complaint::io(PROGRAM, "cannot read the answer", &e))?;
    }
    let said = text.stderr.take();
    let first = wait(&mut source)?;
    let second = wait(&mut model)?;
    for quota in before.iter_mut().chain(&mut behind) {
        wait(quota)?;
    }
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

/// Whether limits hold for such a question.
pub fn is_limited(ask: &Ask) -> Result<bool, Complaint> {
    let opening = ace_front::open(PROGRAM, ask.limits.layers())?;
    Ok(begin::limits_of(&opening, &ask.limits)?.is_reserved())
}

fn print(text: &str) -> Result<Exit, Complaint> {
    let mut stdout = std::io::stdout().lock();
    let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    written.map(|()| Exit::Done).map_err(|e| Complaint::io(PROGRAM, "cannot print", &e))
}

/// The arguments of `ace-session` that begin such a stream.
pub fn once_arguments(ask: &Ask) -> Vec<String> {
    once(ask, ask.schema.as_deref(), ask.prompt.as_deref())
}

fn once(ask: &Ask, schema: Option<&Path>, prompt: Option<&str>) -> Vec<String> {
    let mut args = vec!["once".to_owned()];
    args.extend(ask.model.iter().map(|m| format!("--model={m}")));
    args.extend(ask.images.iter().map(|file| format!("--image={}", file.display())));
    args.extend(schema.map(|file| format!("--schema={}", file.display())));
    args.extend(ask.limits.arguments());
    if let Some(prompt) = prompt {
        args.extend(prompt.starts_with('-').then(|| "--".to_owned()));
        args.push(prompt.to_owned());
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
