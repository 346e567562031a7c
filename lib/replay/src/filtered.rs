//! What a filter of today would have added to an old log, beside what was added then. It must never run one.

use ace_core::State;
use ace_schema::data::PermissionResolved;
use ace_schema::{Kind, Line, ty};
use serde_json::Value;

/// What a filter adds, or has added, without what is different each time.
#[derive(Debug, Clone, PartialEq)]
pub struct Addition {
    /// Type.
    pub ty: String,
    /// What it answers.
    pub cause: String,
    /// Its data.
    pub data: Value,
    /// The record before which it stood, or the record itself.
    pub seq: u64,
}

impl Addition {
    /// Of a line, recorded or drafted.
    #[must_use]
    pub fn of(line: &Line, seq: u64) -> Self {
        let text = line.data.map_or("{}", serde_json::value::RawValue::get);
        let data = serde_json::from_str(text).unwrap_or_default();
        Self { ty: line.ty.to_string(), cause: line.cause.to_string(), data, seq }
    }

    fn answers_like(&self, other: &Self) -> bool {
        self.ty == other.ty && self.cause == other.cause
    }
}

/// Whether a recorded line was added by a filter of that kind, so that today's may be expected to add it too. A person's answers
/// and what only follows from a run (outcomes, deltas) are nobody's to draw again.
#[must_use]
pub fn is_of(kind: Kind, line: &Line) -> bool {
    if !kind.may(&line.ty) {
        return false;
    }
    match &*line.ty {
        ty::PERMISSION_RESOLVED => line.data::<PermissionResolved>().is_ok_and(|d| !d.rule.is_empty()),
        ty::MODEL_CALL | ty::MODEL_COMPLETED | ty::MODEL_FAILED | ty::MODEL_DELTA => false,
        ty::TOOL_COMPLETED | ty::TOOL_FAILED | ty::TOOL_DELTA | ty::WORKTREE_SNAPSHOT => false,
        ty::USER_MESSAGE | ty::ARTIFACT_STORED => kind != Kind::Filter,
        // Whoever's types nobody knows are the filter's, if the filter is a stranger.
        _ => true,
    }
}

/// How today differs from then.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// Only today's adds it.
    Added(Addition),
    /// Only the recorded one added it.
    Missing(Addition),
    /// Both add it, with other data: then and now.
    Other(Addition, Addition),
}

/// Pairs what was added then with what is added now: by what they answer, in order.
#[must_use]
pub fn changes(then: &[Addition], now: &[Addition]) -> (usize, Vec<Change>) {
    let mut left: Vec<Option<&Addition>> = now.iter().map(Some).collect();
    let (mut same, mut found) = (0, Vec::new());
    for old in then {
        // The very same first, so that one more of a kind is told as that.
        let exact = left.iter().position(|new| new.is_some_and(|n| n.answers_like(old) && n.data == old.data));
        let at = exact.or_else(|| left.iter().position(|new| new.is_some_and(|n| n.answers_like(old))));
        match at.and_then(|at| left[at].take()) {
            Some(new) if new.data == old.data => same += 1,
            Some(new) => found.push(Change::Other(old.clone(), new.clone())),
            None => found.push(Change::Missing(old.clone())),
        }
    }
    found.extend(left.into_iter().flatten().cloned().map(Change::Added));
    found.sort_by_key(|change| match change {
        Change::Added(a) | Change::Missing(a) | Change::Other(a, _) => a.seq,
    });
    (same, found)
}

/// Paths of fields that differ, with both values: `rule`, `changed.0.path`.
#[must_use]
pub fn fields(then: &Value, now: &Value) -> Vec<(String, Value, Value)> {
    let mut found = Vec::new();
    walk(then, now, String::new(), &mut found);
    found
}

fn walk(then: &Value, now: &Value, path: String, found: &mut Vec<(String, Value, Value)>) {
    let (Value::Object(a), Value::Object(b)) = (then, now) else {
        if then != now {
            found.push((path, then.clone(), now.clone()));
        }
        return;
    };
    let names = a.keys().chain(b.keys().filter(|name| !a.contains_key(*name)));
    for name in names {
        let at = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        walk(a.get(name).unwrap_or(&Value::Null), b.get(name).unwrap_or(&Value::Null), at, found);
    }
}

/// The last record up to `to` at which the model was about to be asked, with nothing under way: `None` if there is none.
#[must_use]
pub fn asked_at(lines: &[Line], to: u64) -> Option<u64> {
    let mut state = State::new();
    let mut last = None;
    for line in lines.iter().take_while(|line| line.seq.is_none_or(|seq| seq <= to)) {
        state.fold(line);
        if is_ready(&state) {
            last = line.seq;
        }
    }
    last
}

fn is_ready(state: &State) -> bool {
    let waits = |turn: &ace_core::state::Turn| matches!(turn.phase, ace_core::Phase::Context(_)) && !turn.order;
    state.claims.is_empty() && state.turn.as_ref().is_some_and(waits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn addition(ty: &str, cause: &str, data: Value) -> Addition {
        Addition { ty: ty.into(), cause: cause.into(), data, seq: 1 }
    }

    #[test]
    fn additions_are_paired_by_what_they_answer() {
        let a = addition("x", "1", json!({ "n": 1 }));
        let b = addition("x", "2", json!({ "n": 1 }));
        let other = addition("x", "2", json!({ "n": 2 }));
        assert_eq!(changes(&[a.clone(), b.clone()], &[b.clone(), a.clone()]), (2, vec![]));
        assert_eq!(changes(std::slice::from_ref(&a), &[]), (0, vec![Change::Missing(a.clone())]));
        assert_eq!(changes(&[], std::slice::from_ref(&a)), (0, vec![Change::Added(a.clone())]));
        assert_eq!(
            changes(&[a.clone(), b.clone()], &[a.clone(), other.clone()]),
            (1, vec![Change::Other(b.clone(), other)])
        );
        assert_eq!(changes(std::slice::from_ref(&a), &[a.clone(), a.clone()]), (1, vec![Change::Added(a)]));
    }

    #[test]
    fn fields_that_differ_are_named_by_path() {
        let found = fields(&json!({ "a": 1, "b": { "c": 2 }, "d": 1 }), &json!({ "a": 1, "b": { "c": 3 }, "e": 1 }));
        let paths: Vec<&str> = found.iter().map(|(path, ..)| path.as_str()).collect();
        assert_eq!(paths, ["b.c", "d", "e"]);
    }

    #[test]
    fn the_model_is_asked_again_where_nothing_is_under_way() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/sessions/work.jsonl");
        let text = std::fs::read(path).unwrap();
        let lines: Vec<Line> =
            text.split(|&b| b == b'\n').filter(|l| !l.is_empty()).map(|l| Line::parse(l).unwrap()).collect();
        let last = lines.last().unwrap().seq.unwrap();
        let at = asked_at(&lines, last).unwrap();
        assert!(at < last);
        let next = lines.iter().find(|l| l.seq == Some(at + 1)).unwrap();
        assert_eq!(next.ty, "context.built");
        assert_eq!(asked_at(&lines, 1), None);
        let first = lines.iter().find(|l| l.ty == "turn.started").unwrap().seq.unwrap();
        assert_eq!(asked_at(&lines, first), Some(first));
    }
}
