//! `ace-fetch`: pages of the web as text, for a session or for a person. It has the network and no file, and holds no key.

mod fetching;
mod filter;
mod proxy;

use ace_cli::{Complaint, Exit};
use ace_fetch::{Body, Fetcher, Hosts, Refused};
use ace_front::{ended, open, random, rights, run_filter};
use ace_pipe::Out;
use std::io::Write;
use std::process::ExitCode;

const PROGRAM: &str = "ace-fetch";

fn main() -> ExitCode {
    match ace_cli::parse::<ace_cli::fetch::Fetch>() {
        Ok(args) => ended(run(&args), args.color),
        Err(code) => code,
    }
}

fn run(args: &ace_cli::fetch::Fetch) -> Result<Exit, Complaint> {
    if args.proxy {
        return proxy::run(&args.host).map(|()| Exit::Done);
    }
    let opening = open(PROGRAM, Vec::new())?;
    rights::leave_secrets(&opening)?;
    rights::fetch(&opening)?;
    let fetcher = Fetcher::new(Hosts::default());
    match &args.url {
        Some(url) => print(&fetcher, url),
        None => {
            let out = Out::stdout(PROGRAM);
            let fetching = fetching::Fetching::start(fetcher, random(), out.clone())
                .map_err(|e| Complaint::io(PROGRAM, "cannot start fetching", &e))?;
            let mut filter = filter::Fetches::new(random(), fetching, out.clone(), args.unrecorded);
            run_filter(PROGRAM, &mut filter, &out, args.filter.drafts_only)
        }
    }
}

/// One page for a person.
fn print(fetcher: &Fetcher, url: &str) -> Result<Exit, Complaint> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|e| Complaint::io(PROGRAM, "cannot start", &e))?;
    let page = runtime.block_on(fetcher.get(url)).map_err(|refused| {
        let exit = match refused {
            Refused::Address(_) => Exit::Usage,
            Refused::Network(_) | Refused::Time => Exit::Unreachable,
            _ => Exit::No,
        };
        Complaint::new(PROGRAM, exit, refused.to_string())
    })?;
    let bytes = match &page.body {
        Body::Text(text) => text.as_bytes(),
        Body::Image(bytes) => bytes,
    };
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(e) if e.kind() == std::io::ErrorKind::BrokenPipe => Ok(Exit::BrokenPipe),
        Err(e) => Err(Complaint::io(PROGRAM, "cannot write", &e)),
        Ok(()) => Ok(Exit::Done),
    }
}
