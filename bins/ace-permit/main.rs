//! `ace-permit`: decides each call; and a person's answer from anywhere.

mod filter;

use ace_cli::permit::{Answer, Command};
use ace_cli::{CallAddress, Complaint, Exit};
use ace_front::{AnswerError, Opening, ended, open, random, redaction, rights, run_filter, words};
use ace_pipe::Out;
use ace_schema::permission::Decision;
use std::process::ExitCode;

const PROGRAM: &str = "ace-permit";

fn main() -> ExitCode {
    match ace_cli::parse::<ace_cli::permit::Permit>() {
        Ok(args) => ended(run(&args), args.color),
        Err(code) => code,
    }
}

fn run(args: &ace_cli::permit::Permit) -> Result<Exit, Complaint> {
    let opening = open(PROGRAM, Vec::new())?;
    match &args.command {
        None => {
            rights::leave_secrets(&opening)?;
            rights::permit(&opening)?;
            let out = Out::stdout(PROGRAM);
            let home = opening.home();
            let mut filter = filter::Permit::new(random(), home.blobs(), home.path().to_owned());
            run_filter(PROGRAM, &mut filter, &out, args.filter.drafts_only)
        }
        Some(Command::Allow(answer)) => say(&opening, answer, Decision::Allow),
        Some(Command::Deny(answer)) => say(&opening, answer, Decision::Deny),
    }
}

/// Records a person's answer.
fn say(opening: &Opening, said: &Answer, decision: Decision) -> Result<Exit, Complaint> {
    let found = opening.find(&said.session)?;
    let log = opening.log(&found);
    let (by_id, by_line) = match &said.call {
        CallAddress::Id(id) => (Some(id.as_str()), None),
        CallAddress::Seq(line) => (None, Some(*line)),
    };
    let typed = match &said.call {
        CallAddress::Id(id) => id.clone(),
        CallAddress::Seq(line) => format!("@{line}"),
    };
    let name = said.session.to_string();
    let not_said = |e| match e {
        AnswerError::NotWaiting(lines) => {
            let complaint = Complaint::new(PROGRAM, Exit::No, format!("nothing waits under '{typed}' in '{name}'"));
            match lines.first() {
                Some(line) => complaint.hint(format!("what waits: {PROGRAM} allow {name} @{line}")),
                None => complaint,
            }
        }
        AnswerError::TooLate => Complaint::new(PROGRAM, Exit::No, format!("'{typed}' was answered before")),
        AnswerError::Append(e) => words::append(PROGRAM, &name, &e),
    };
    let waiting = ace_front::find_call(&log, by_id, by_line).map_err(not_said)?;
    let mut appender = log.append(ace_front::clock()).map_err(|e| words::append(PROGRAM, &name, &e))?;
    let why = redaction::cleaned(opening, &said.why.clone().unwrap_or_default())?;
    ace_front::answer(&mut appender, &waiting, (decision, &opening.person(), &why), random()).map_err(not_said)?;
    Ok(Exit::Done)
}
