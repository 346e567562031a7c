//! The recording of a model's answers as lines: written from a session, and cut down answer by answer, call by call. What the rows
//! mean is `ace-model`'s; here they are JSON.

use ace_schema::data::{BlobRef, Part};
use serde_json::{Value, json};

use crate::story::Story;

/// Stands in rows for the folder that the session works in, which is another each time.
pub const WORKTREE: &str = "{worktree}";

/// Finds the text of a blob.
pub type Resolve<'a> = &'a dyn Fn(&BlobRef) -> Option<String>;

/// The rows of all answers of a session, the head first. `place` is the folder it worked in.
#[must_use]
pub fn of(story: &Story, place: &str, resolve: Resolve) -> Vec<Value> {
    let mut rows = vec![json!({ "cassette": 1, "model": story.created.model })];
    let answers = story.turns.iter().flat_map(|turn| &turn.answers);
    // One that a crash cut off is asked again: it is no answer of its own.
    let interrupted = |failed: &ace_schema::data::ModelFailed| failed.code == ace_schema::data::Code::Interrupted;
    let whole = answers.filter(|answer| !answer.failed.as_ref().is_some_and(interrupted));
    for (n, answer) in whole.enumerate() {
        if let Some(failed) = &answer.failed {
            let fail = json!({ "code": failed.code, "message": failed.message, "hint": failed.hint });
            rows.push(json!({ "answer": n, "fail": fail }));
            continue;
        }
        for part in &answer.parts {
            let row = match part {
                Part::Text(text) => json!({ "answer": n, "text": text }),
                Part::Reasoning(text) => json!({ "answer": n, "reasoning": text }),
                Part::TextBlob(blob) => json!({ "answer": n, "text": resolve(blob).unwrap_or_default() }),
                Part::ReasoningBlob(blob) => json!({ "answer": n, "reasoning": resolve(blob).unwrap_or_default() }),
            };
            rows.push(row);
        }
        for call in &answer.calls {
            let args = named(arguments(&call.data, resolve), place);
            rows.push(json!({ "answer": n, "call": { "tool": call.tool, "args": args } }));
        }
        rows.push(json!({ "answer": n, "usage": answer.usage, "stop": answer.stop }));
    }
    rows
}

/// The arguments of a call's data.
#[must_use]
pub fn arguments(data: &str, resolve: Resolve) -> Value {
    let data: Value = serde_json::from_str(data).unwrap_or_default();
    let blob = || resolve(&serde_json::from_value(data.get("blob")?.clone()).ok()?);
    match data.get("args") {
        Some(args) => args.clone(),
        None => blob().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_else(|| json!({})),
    }
}

/// The same value with every path of `place` under its stand-in.
#[must_use]
pub fn named(value: Value, place: &str) -> Value {
    within(value, &|text| if place.is_empty() { text.to_owned() } else { text.replace(place, WORKTREE) })
}

/// The rows with the stand-in filled in.
#[must_use]
pub fn placed(rows: &[Value], place: &str) -> Vec<Value> {
    rows.iter().map(|row| within(row.clone(), &|text| text.replace(WORKTREE, place))).collect()
}

fn within(value: Value, change: &dyn Fn(&str) -> String) -> Value {
    match value {
        Value::String(text) => Value::String(change(&text)),
        Value::Array(all) => Value::Array(all.into_iter().map(|v| within(v, change)).collect()),
        Value::Object(all) => Value::Object(all.into_iter().map(|(k, v)| (k, within(v, change))).collect()),
        other => other,
    }
}

/// Rows as a file has them.
#[must_use]
pub fn text(rows: &[Value]) -> String {
    rows.iter().map(|row| format!("{row}\n")).collect()
}

/// The rows in a file.
///
/// # Errors
/// The number of a line that is no JSON, from 1.
pub fn rows(text: &str) -> Result<Vec<Value>, usize> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines.map(|(at, line)| serde_json::from_str(line).map_err(|_| at + 1)).collect()
}

/// Which rows are calls.
#[must_use]
pub fn calls(rows: &[Value]) -> Vec<usize> {
    rows.iter().enumerate().filter(|(_, row)| row.get("call").is_some()).map(|(at, _)| at).collect()
}

/// The rows with only these calls. An answer that called something and now calls nothing is gone, unless it is the last.
#[must_use]
pub fn with_calls(rows: &[Value], kept: &[usize]) -> Vec<Value> {
    let number = |row: &Value| row.get("answer").and_then(Value::as_u64);
    let mut out: Vec<Value> = rows.iter().take(1).cloned().collect();
    let last = rows.iter().filter_map(number).max();
    let mut next = 0;
    let mut at = 1;
    while at < rows.len() {
        let answer = number(&rows[at]);
        let end = rows[at..].iter().position(|row| number(row) != answer).map_or(rows.len(), |n| at + n);
        let called = (at..end).any(|i| rows[i].get("call").is_some());
        let calls = (at..end).any(|i| rows[i].get("call").is_some() && kept.contains(&i));
        if !called || calls || answer == last {
            for (i, row) in rows.iter().enumerate().take(end).skip(at) {
                if row.get("call").is_some() && !kept.contains(&i) {
                    continue;
                }
                let mut row = row.clone();
                row["answer"] = json!(next);
                out.push(row);
            }
            next += 1;
        }
        at = end;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session() -> Story {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/sessions/work.jsonl");
        let text = std::fs::read(path).unwrap();
        let lines: Vec<ace_schema::Line> = text
            .split(|&b| b == b'\n')
            .filter(|l| !l.is_empty())
            .map(|l| ace_schema::Line::parse(l).unwrap())
            .collect();
        Story::of(&lines)
    }

    #[test]
    fn every_answer_ends_and_they_are_numbered_in_order() {
        let story = session();
        let rows = of(&story, "/nowhere", &|_| None);
        let ends: Vec<u64> =
            rows.iter().filter(|r| r.get("stop").is_some()).map(|r| r["answer"].as_u64().unwrap()).collect();
        assert!(!ends.is_empty() && ends == (0..ends.len() as u64).collect::<Vec<_>>());
        assert_eq!(calls(&rows).len(), story.calls().count());
        assert_eq!(super::rows(&text(&rows)).unwrap(), rows);
    }

    #[test]
    fn paths_are_named_and_placed_again() {
        let value = json!({ "command": "cd /w/a && ls /w/a/b", "n": 3, "all": ["/w/a"] });
        let named = named(value.clone(), "/w/a");
        assert_eq!(named, json!({ "command": "cd {worktree} && ls {worktree}/b", "n": 3, "all": ["{worktree}"] }));
        assert_eq!(placed(&[named], "/w/a"), [value]);
    }

    #[test]
    fn an_answer_without_its_calls_goes_and_the_last_stays() {
        let rows = vec![
            json!({ "cassette": 1 }),
            json!({ "answer": 0, "call": { "tool": "a" } }),
            json!({ "answer": 0, "stop": "tools" }),
            json!({ "answer": 1, "call": { "tool": "b" } }),
            json!({ "answer": 1, "call": { "tool": "c" } }),
            json!({ "answer": 1, "stop": "tools" }),
            json!({ "answer": 2, "text": "done" }),
            json!({ "answer": 2, "stop": "end" }),
        ];
        assert_eq!(with_calls(&rows, &calls(&rows)), rows);
        let less = with_calls(&rows, &[4]);
        assert_eq!(less[1], json!({ "answer": 0, "call": { "tool": "c" } }));
        assert_eq!(less.last().unwrap(), &json!({ "answer": 1, "stop": "end" }));
        assert_eq!(with_calls(&rows, &[]).len(), 3);
    }

    #[test]
    fn damaged_rows_are_named() {
        assert_eq!(super::rows("{}\nnonsense\n"), Err(2));
    }
}
