//! The job tool: looks after what runs in the background.

use ace_schema::data::Code;
use ace_schema::limits;

use super::{ms, told};
use crate::bench::Job;
use crate::call::{Completed, Failed, Kept};
use crate::capture::Capture;
use crate::jobs::Running;
use crate::names::number as shown;

pub(crate) fn run(job: Job<'_>) -> Result<Completed, Failed> {
    let Some(id) = job.args.text("id") else { return Ok(told(Kept::whole(list(&job)))) };
    let number = id.trim_start_matches("job").trim().parse::<u64>().ok();
    let running = number.and_then(|number| job.bench.jobs.find(number));
    let running = running.ok_or_else(|| {
        Failed::new(Code::NotFound, format!("no job '{}'; without id they are listed", crate::names::shown(id)))
    })?;
    if let Some(text) = job.args.text("input") {
        if text.len() > limits::JOB_INPUT_BYTES {
            return Err(Failed::new(Code::Limit, format!("input is longer than {} bytes", limits::JOB_INPUT_BYTES)));
        }
        running.type_in(text)?;
    }
    if job.args.flag("kill") {
        running.kill();
    }
    if let Some(offset) = job.args.number("offset") {
        return page(&job, &running, offset.max(0).unsigned_abs());
    }
    // Something typed is answered in a moment.
    let soon = if job.args.text("input").is_some() { limits::LINGER_MS } else { 0 };
    let patience = job.args.number("wait_ms").map_or(soon, |asked| asked.max(0).unsigned_abs());
    let news = running.news(ms(patience.min(limits::JOB_WAIT_MAX_MS)), || job.cancel.is_given());
    job.cancel.check()?;
    let mut capture = Capture::new(job.bench, job.id);
    capture.push(&news.text);
    if !news.text.is_empty() && !news.text.ends_with(b"\n") {
        capture.push(b"\n");
    }
    let standing = news.ended.unwrap_or_else(|| "runs".to_owned());
    capture.push(format!("[job {} {standing}]\n", running.id).as_bytes());
    Ok(told(capture.finish()))
}

/// All that it has said, in part.
fn page(job: &Job<'_>, running: &Running, offset: u64) -> Result<Completed, Failed> {
    let page = running.page(offset)?;
    let mut capture = Capture::new(job.bench, job.id);
    capture.push(&page.text);
    if !page.text.is_empty() && !page.text.ends_with(b"\n") {
        capture.push(b"\n");
    }
    let (from, to, kept) = (shown(page.from), page.to, shown(page.kept));
    let on = if to < page.kept { format!("; ask on with offset {to}") } else { String::new() };
    capture.push(
        format!("[job {}: {}; bytes {from} to {} of {kept}{on}]\n", running.id, running.standing(), shown(to))
            .as_bytes(),
    );
    Ok(told(capture.finish()))
}

fn list(job: &Job<'_>) -> String {
    let lines = job.bench.jobs.list().into_iter().map(|running| {
        let command: String = running.command.chars().map(|c| if c.is_control() { ' ' } else { c }).take(120).collect();
        format!("job {}  {}  {command}\n", running.id, running.standing())
    });
    let text: String = lines.collect();
    if text.is_empty() { "[nothing runs in the background]\n".to_owned() } else { text }
}
