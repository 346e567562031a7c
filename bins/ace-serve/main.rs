//! `ace-serve`: the workspace in a browser, and the API behind it.

mod assets;
mod hands;
mod listen;

use ace_cli::serve::Serve;
use ace_cli::{Complaint, Exit};
use ace_front::{ended, machine, open};
use ace_host::Programs;
use ace_web::{Access, Inside, Network, Options, Origins};
use std::process::ExitCode;
use std::sync::Arc;

const PROGRAM: &str = "ace-serve";

fn main() -> ExitCode {
    match ace_cli::parse::<Serve>() {
        Ok(args) => ended(run(&args), args.color),
        Err(code) => code,
    }
}

fn run(args: &Serve) -> Result<Exit, Complaint> {
    listen::check(args)?;
    let opening = open(PROGRAM, Vec::new())?;
    let home = opening.home().clone();
    let access = Access::open(home.path(), args.new_token)
        .map_err(|e| Complaint::io(PROGRAM, "cannot keep who may come", &e))?;
    let config = &opening.settings.config;
    let origins = Origins {
        hosts: config.serve_hosts.clone(),
        proxies: config.serve_proxies.iter().filter_map(|p| Network::parse(p)).collect(),
        development: args.dev_origin.clone(),
        port: None,
        loopback: args.listen.ip().is_loopback(),
    };
    let options = Options {
        programs: Programs::beside_this(),
        person: opening.person(),
        host: machine(),
        commit: option_env!("ACE_COMMIT").unwrap_or_default().to_owned(),
        origins,
        place: std::env::current_dir().unwrap_or_default(),
        terminal: args.terminal,
        hands: Box::new(hands::Hands(opening)),
        assets: assets::asset,
        home,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(std::thread::available_parallelism().map_or(1, std::num::NonZero::get).min(4))
        .max_blocking_threads(64)
        .enable_all()
        .build()
        .map_err(|e| Complaint::io(PROGRAM, "cannot start", &e))?;
    runtime.block_on(listen::serve(args, options, |options| Arc::new(Inside::new(options, access))))
}
