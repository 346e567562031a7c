//! `ace-model`: answers contexts. The one program that holds keys and reaches providers.

mod asking;
mod bill;
mod filter;
mod look;
mod record;
mod shaped;

use ace_cli::model::Command;
use ace_cli::{Complaint, Exit};
use ace_front::{ended, open, random, rights, run_filter};
use ace_model_gateway::{Pace, Settings};
use ace_pipe::Out;
use std::process::ExitCode;

const PROGRAM: &str = "ace-model";

fn main() -> ExitCode {
    match ace_cli::parse::<ace_cli::model::Model>() {
        Ok(args) => ended(run(&args), args.color),
        Err(code) => code,
    }
}

fn run(args: &ace_cli::model::Model) -> Result<Exit, Complaint> {
    let opening = open(PROGRAM, Vec::new())?;
    match &args.command {
        Some(Command::List { json }) => return look::list(&opening, *json, args.color),
        Some(Command::Check { name, json }) => {
            rights::model(&opening, args.play.as_deref(), None)?;
            return look::check(&opening, name.as_deref(), *json, args.color);
        }
        None => {}
    }
    let folder = args.record.as_deref();
    folder.map(record::folder).transpose()?;
    rights::model(&opening, args.play.as_deref(), folder)?;
    let recorder = folder.map(record::Recorder::open).transpose()?;
    let out = Out::stdout(PROGRAM);
    let settings = Settings { seed: random(), pace: pace(), ..Settings::default() };
    let providers = opening.settings.config.providers.clone();
    let find = move |name: &str, model: &str| providers.get(name).map(|found| asking::provider(found, model));
    let prices = std::sync::Arc::new(ace_front::prices(&opening));
    let asking = asking::Asking::start((settings, prices), random(), out.clone(), find, recorder)
        .map_err(|e| Complaint::io(PROGRAM, "cannot start asking", &e))?;
    let mut filter = filter::Answerer::new(random(), opening.home().blobs(), asking, out.clone());
    run_filter(PROGRAM, &mut filter, &out, args.filter.drafts_only)
}

/// A recording plays as it was recorded, unless `ACE_PACE=0`.
fn pace() -> Pace {
    if std::env::var_os("ACE_PACE").is_some_and(|p| p == "0") { Pace::AtOnce } else { Pace::Recorded }
}
