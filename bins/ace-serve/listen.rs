//! Where the server listens, what it prints, and when it ends.

use ace_cli::serve::Serve;
use ace_cli::{Complaint, Exit};
use ace_web::{App, Options, server};
use std::io::{self, Write};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::{PROGRAM, assets};

/// Refuses what would open sessions to a network in clear.
pub fn check(args: &Serve) -> Result<(), Complaint> {
    let public = !args.listen.ip().is_loopback() && args.unix.is_none();
    if public && args.tls_cert.is_none() {
        let what = format!("'{}' is open to others, and nothing would be encrypted", args.listen);
        return Err(Complaint::new(PROGRAM, Exit::Usage, what)
            .hint("add --tls-cert and --tls-key, or stay on 127.0.0.1 behind a proxy or ssh -L"));
    }
    match args.dev_origin.as_deref().map(|origin| origin.split_once("://")) {
        None | Some(Some(("http" | "https", _))) => Ok(()),
        Some(_) => Err(Complaint::new(PROGRAM, Exit::Usage, "an origin is like http://localhost:5173")),
    }
}

/// As many files as the system lets us have: each viewer is one, and the usual limit is for programs that have few.
fn raise_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let held = getrlimit(Resource::Nofile);
    // Where it cannot be raised, fewer can look on at once.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: held.maximum, maximum: held.maximum });
}

/// Serves until a signal comes.
pub async fn serve(args: &Serve, mut options: Options, build: impl FnOnce(Options) -> App) -> Result<Exit, Complaint> {
    raise_limit();
    let (door, link) = match &args.unix {
        Some(path) => {
            let door = server::unix(path).map_err(|e| taken(&path.display().to_string(), &e))?;
            (door, format!("http+unix://{}", path.display()))
        }
        None => {
            let keys = args.tls_cert.as_deref().zip(args.tls_key.as_deref());
            let bound = server::tcp(args.listen, keys).await;
            let (door, address) = bound.map_err(|e| taken(&args.listen.to_string(), &e))?;
            options.origins.port = Some(address.port());
            let scheme = if keys.is_some() { "https" } else { "http" };
            let host = options.origins.hosts.first().filter(|_| keys.is_some()).cloned();
            (door, format!("{scheme}://{}", host.unwrap_or_else(|| address.to_string())))
        }
    };
    if !assets::is_there() {
        let hint = "with Node there, 'make ui' makes it; the API is whole";
        ace_cli::note(PROGRAM, "built without the browser's part", Some(hint), args.color);
    }
    let app = build(options);
    let line = format!("{link}/#token={}\n", app.access.token());
    let mut stdout = io::stdout().lock();
    stdout
        .write_all(line.as_bytes())
        .and_then(|()| stdout.flush())
        .map_err(|e| Complaint::io(PROGRAM, "cannot print the link", &e))?;
    drop(stdout);
    let (tell, told) = watch::channel(false);
    let cannot = |e: io::Error| Complaint::io(PROGRAM, "cannot wait for signals", &e);
    let mut term = signal(SignalKind::terminate()).map_err(cannot)?;
    let mut int = signal(SignalKind::interrupt()).map_err(cannot)?;
    let mut hup = signal(SignalKind::hangup()).map_err(cannot)?;
    tokio::spawn(async move {
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
            _ = hup.recv() => {}
        }
        let _ = tell.send(true);
    });
    server::serve(app, vec![door], told).await;
    if let Some(path) = &args.unix {
        let _ = std::fs::remove_file(path);
    }
    Ok(Exit::Done)
}

fn taken(place: &str, e: &io::Error) -> Complaint {
    match e.kind() {
        io::ErrorKind::AddrInUse => Complaint::new(PROGRAM, Exit::Busy, format!("'{place}' is taken"))
            .hint("another port, or 127.0.0.1:0 for any that is free"),
        _ => Complaint::io(PROGRAM, &format!("cannot listen on '{place}'"), e),
    }
}
