//! One filter on a log: the star's own way with one child, for filters behind ssh, in awk, or in a second terminal.

use ace_core::State;
use ace_redact::Redactor;
use ace_schema::Kind;
use ace_storage::{Clock, Log};
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use crate::clean::cleaner;
use crate::crew::{collect, with_pen};
use crate::feed::Feed;
use crate::hub::{Hub, follow_others, pump, start_catching_up};
use crate::news::queue;
use crate::stage::{Programs, Stage, Started, start};
use crate::star::{Book, News, Shared, StarError, lock};

/// What a filter may write, told by its program: the suite's own by their names, all others as a user's filter.
#[must_use]
pub fn kind_of(argv: &[String]) -> Kind {
    let name = argv.first().map_or("", |a| a.rsplit('/').next().unwrap_or(a));
    match (name, argv.get(1).map(String::as_str)) {
        ("ace-session", Some("step")) => Kind::Step,
        ("ace-model" | "ace-agent", _) => Kind::Model,
        ("ace-permit", None) => Kind::Permit,
        ("ace-permit", Some(flag)) if flag.starts_with('-') => Kind::Permit,
        ("ace-tool" | "ace-fetch", _) => Kind::Tool,
        ("ace-quota", None) => Kind::Quota,
        ("ace-quota", Some(flag)) if flag.starts_with('-') => Kind::Quota,
        _ => Kind::Filter,
    }
}

/// Runs a filter on a log until the filter ends; what it drafts goes through the redactor, and `note` gets what the log refuses. The
/// filter's exit code.
///
/// # Errors
/// See [`StarError`].
pub fn join(
    log: &Log,
    stage: &Stage,
    redactor: Option<&Redactor>,
    clock: Clock,
    mut note: impl FnMut(String),
) -> Result<i32, StarError> {
    let (sender, news) = queue();
    let book = Book::of(log, clock);
    let hub = Arc::new(Mutex::new(Hub::new(log.follow(0)?, sender.clone())));
    follow_others(&hub, log)?;
    let shared = Arc::new(Shared { log: Mutex::new(book), hub, news: sender, cleaner: cleaner(redactor, log) });
    let pen = lock(&shared.log).opened()?.open_pen(stage.kind)?;
    let nib = pen.nib();
    let program = stage.argv[0].clone();
    let (started, pen) = with_pen(pen, || start(stage, &Programs::beside_this(), Stdio::inherit()))
        .map_err(|source| StarError::Start { program: program.clone(), source })?;
    let Started { mut child, stdin, stdout } = started;
    let (feed, backlog) = Feed::new(stdin, Kind::Filter)?;
    lock(&shared.hub).set(0, feed);
    start_catching_up(&shared.hub, 0, backlog, log.follow(0)?)?;
    let theirs = shared.clone();
    std::thread::Builder::new().spawn(move || {
        collect(stdout, nib, &program, &theirs, None);
        pen.leave();
        theirs.news.send(News::Gone(0, 0));
    })?;
    let mut state = State::new();
    loop {
        if lock(&shared.hub).is_behind() {
            pump(&shared.hub)?;
        }
        let Ok(news) = news.listen() else { break };
        match news {
            News::Note(words) => note(words),
            News::Failed(e) => return Err(e),
            News::Gone(..) => break,
            News::Lines(lines) => state.fold_all(&lines),
            News::Chalk(_) | News::Interrupt | News::Nudge => {}
        }
    }
    let status = child.wait()?;
    // What it has left open is for a runner to see.
    if state.claims.iter().all(|c| c.pen != nib.number) {
        lock(&shared.log).opened()?.forget_pen(nib.number)?;
    }
    Ok(status.code().unwrap_or(1))
}
