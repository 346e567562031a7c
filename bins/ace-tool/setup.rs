//! The commands that set up a new worktree, run one after the other by a worker as any tool's would be: confined, without keys, and
//! without a network. What they say goes to stderr as it comes.

use ace_cli::{Complaint, Exit};
use ace_front::Opening;
use ace_local_tools::{Answer, Outcome, Request};
use ace_schema::data::SessionCreated;
use ace_schema::limits;
use ace_schema::permission::Confinement;
use serde::Deserialize;
use std::io::Read;
use std::sync::mpsc::channel;
use std::time::Duration;

use crate::confined::Reach;
use crate::{PROGRAM, confined};

/// How long a worker may take to get ready.
const READY: Duration = Duration::from_secs(20);

/// What stands on stdin: the session to be, and its commands.
#[derive(Deserialize)]
struct Order {
    session: String,
    created: SessionCreated,
    commands: Vec<Vec<String>>,
}

/// Runs them until one fails.
pub fn set_up(opening: &Opening, unsandboxed: bool) -> Result<Exit, Complaint> {
    let mut text = String::new();
    let read = std::io::stdin().take(limits::UNFINISHED_BYTES as u64).read_to_string(&mut text);
    read.map_err(|e| Complaint::io(PROGRAM, "cannot read stdin", &e))?;
    let usage = |_| Complaint::new(PROGRAM, Exit::Usage, "a setup is ordered by whoever makes a worktree");
    let order: Order = serde_json::from_str(&text).map_err(usage)?;
    let no = |what: String| Complaint::new(PROGRAM, Exit::No, what);
    let home = opening.home().path();
    let profile = if unsandboxed { Confinement::Off } else { Confinement::Workspace };
    let reach = Reach { profile, more: opening.settings.config.sandbox.clone(), egress: None };
    let worker = confined::start(&order.created, &order.session, home, &reach, false).map_err(no)?;
    let refused = |e| {
        Complaint::new(PROGRAM, Exit::Config, format!("no sandbox for the setup: {e}"))
            .hint("--unsandboxed runs it, and all tools, without one")
    };
    worker.greeting(READY).map_err(refused)?;
    let mut done = Ok(Exit::Done);
    for (n, words) in order.commands.iter().enumerate() {
        let line: Vec<String> = words.iter().map(|word| quoted(word)).collect();
        let args = serde_json::json!({"command": line.join(" "), "timeout_ms": limits::SHELL_MAX_MS});
        let args = serde_json::value::to_raw_value(&args).map_err(|e| no(e.to_string()))?;
        let (sender, answers) = channel();
        worker.call(&Request { id: n as u64 + 1, tool: "shell".to_owned(), args }, move |answer| {
            // Nobody waits any more only when this process ends.
            let _ = sender.send(answer);
        });
        let outcome = answers.into_iter().find_map(|answer| match answer {
            Answer::Delta(text) => {
                eprint!("{}", ace_view::clean(&text));
                None
            }
            Answer::Done(outcome) => Some(outcome),
        });
        let shown = ace_view::clean(&words.join(" ")).replace('\n', " ");
        let why = match outcome {
            Some(Outcome::Completed(ended)) if ended.exit == Some(0) => continue,
            Some(Outcome::Completed(ended)) => match (ended.exit, ended.signal) {
                (Some(exit), _) => format!("ended with exit {exit}"),
                (None, signal) => format!("was killed by signal {}", signal.unwrap_or_default()),
            },
            Some(Outcome::Failed(failed)) => failed.message,
            None => "was cut off".to_owned(),
        };
        done = Err(no(format!("setup '{shown}' {why}")));
        break;
    }
    drop(worker);
    confined::remove_tmp(home, &order.session);
    done
}

/// A word as the shell takes it.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}
