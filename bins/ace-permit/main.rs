//! `ace-permit`: decides each call; a person's answer from anywhere; and what rules mean, said without a session.

mod answers;
mod ask;
mod deciders;
mod explain;
mod filter;
mod past;

use ace_cli::permit::Command;
use ace_cli::{Complaint, Exit};
use ace_front::{ended, open, random, rights, run_filter};
use ace_pipe::Out;
use ace_schema::permission::{Decision, Scope};
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
            match filter::heard(&opening).next() {
                None => rights::permit(&opening)?,
                Some(_) => rights::permit_with_deciders(&opening)?,
            }
            let out = Out::stdout(PROGRAM);
            let mut filter = filter::Permit::new(random(), opening, out.clone());
            run_filter(PROGRAM, &mut filter, &out, args.filter.drafts_only)
        }
        Some(Command::Allow(allow)) => {
            let scope = match (allow.for_session, allow.project, allow.always) {
                (true, ..) => Scope::Session,
                (_, true, _) => Scope::Project,
                (.., true) => Scope::Always,
                _ => Scope::Once,
            };
            let words = answers::Words { reply: allow.reply.as_deref(), rule: allow.rule.as_deref() };
            answers::say(&opening, &allow.answer, (Decision::Allow, words), scope)
        }
        Some(Command::Ask(asked)) => ask::answer_all(&opening, asked),
        Some(Command::Deny(answer)) => {
            answers::say(&opening, answer, (Decision::Deny, answers::Words::default()), Scope::Once)
        }
        Some(Command::Effect(waiting)) => answers::try_call(&opening, waiting),
        Some(Command::Explain(asked)) => explain::explain(&opening, asked),
        Some(Command::Test(test)) => explain::test(&opening, test.file.as_deref()),
        Some(Command::Try(tried)) => past::try_rules(&opening, &tried.rules, &tried.logs),
        Some(Command::Learn(learn)) => past::learn(&opening, &learn.logs),
    }
}
