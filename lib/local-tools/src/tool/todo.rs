//! The todo tool: the steps of a longer piece of work, as the model writes them down. The record of the call is the list; nothing
//! else is kept.

use ace_schema::data::Code;
use ace_schema::limits;
use serde_json::Value;

use super::told;
use crate::bench::Job;
use crate::call::{Completed, Failed, Kept};

pub(crate) fn run(job: Job<'_>) -> Result<Completed, Failed> {
    let items = job.args.list("items").unwrap_or_default();
    if items.len() > limits::TODO_ITEMS {
        return Err(Failed::new(Code::Limit, format!("more than {} items", limits::TODO_ITEMS)));
    }
    let mut out = String::new();
    let mut done = 0;
    for (n, item) in items.iter().enumerate() {
        let (mark, text) = line(item, n + 1)?;
        done += usize::from(mark == 'x');
        out.push_str(&format!("[{mark}] {text}\n"));
    }
    out.push_str(&format!("{done} of {} done\n", items.len()));
    Ok(told(Kept::whole(out)))
}

/// The mark and the text of one item.
fn line(item: &Value, n: usize) -> Result<(char, String), Failed> {
    let bad = |what: &str| Failed::new(Code::Arguments, format!("item {n}: {what}"));
    let text = item.get("text").and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty());
    let text = text.ok_or_else(|| bad("text is missing"))?;
    let mark = match item.get("state").and_then(Value::as_str) {
        Some("open") => ' ',
        Some("doing") => '>',
        Some("done") => 'x',
        _ => return Err(bad("state is open, doing or done")),
    };
    // One line an item, whatever the model wrote.
    let mut text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    text.truncate(text.floor_char_boundary(limits::MESSAGE_BYTES));
    Ok((mark, text))
}
