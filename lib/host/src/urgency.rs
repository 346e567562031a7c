//! Which recorded lines a filter of the suite has something to do on, and which it only has to know by then.
//!
//! A line that asks nothing of a filter need not wake it: it goes along with the next one that does, or a moment later. What is not
//! named here is urgent to all, so that a new event can be slow for nobody. It must never know what a filter does on a line.

use ace_schema::data::{ModelCompleted, PermissionRequested, PermissionResolved};
use ace_schema::permission::Decision;
use ace_schema::{Kind, Line, ty};

/// What only tells: nobody of these acts on it.
const TOLD: &[&str] = &[ty::SESSION_NAMED, ty::ARTIFACT_STORED, ty::WORKTREE_SNAPSHOT];

const STEP: &[&str] =
    &[ty::CONTEXT_BUILT, ty::MODEL_REQUESTED, ty::MODEL_CALL, ty::PERMISSION_REQUESTED, ty::TOOL_STARTED];

const MODEL: &[&str] = &[
    ty::USER_MESSAGE,
    ty::TURN_STARTED,
    ty::MODEL_CALL,
    ty::MODEL_COMPLETED,
    ty::PERMISSION_REQUESTED,
    ty::PERMISSION_RESOLVED,
    ty::TOOL_STARTED,
    ty::TOOL_COMPLETED,
    ty::TOOL_FAILED,
];

const PERMIT: &[&str] =
    &[ty::TURN_STARTED, ty::CONTEXT_BUILT, ty::MODEL_REQUESTED, ty::TOOL_STARTED, ty::TOOL_COMPLETED, ty::TOOL_FAILED];

const TOOL: &[&str] = &[ty::USER_MESSAGE, ty::TURN_STARTED, ty::CONTEXT_BUILT, ty::MODEL_REQUESTED, ty::MODEL_CALL];

/// Whether a filter of that kind may have to act on one of these lines.
pub fn is_urgent(kind: Kind, lines: &[Line<'_>]) -> bool {
    lines.iter().any(|line| acts(kind, line))
}

fn acts(kind: Kind, line: &Line<'_>) -> bool {
    let ty = &*line.ty;
    let quiet = match kind {
        Kind::Step => STEP,
        Kind::Model => MODEL,
        Kind::Permit => PERMIT,
        Kind::Tool => TOOL,
        // It counts what others do; and what a filter of the user's own waits for is not for us to say.
        _ => return true,
    };
    if quiet.contains(&ty) || TOLD.contains(&ty) {
        return false;
    }
    match (kind, ty) {
        // What was allowed is the tools' affair; an answer that calls is the judge's, one that does not may end the turn.
        (Kind::Step, ty::PERMISSION_RESOLVED) => {
            line.data::<PermissionResolved>().map_or(true, |data| data.decision != Decision::Allow)
        }
        (Kind::Step | Kind::Tool, ty::MODEL_COMPLETED) => {
            line.data::<ModelCompleted>().map_or(true, |data| data.calls == 0)
        }
        // A question is a person's affair; only what is to be seen before they answer is run.
        (Kind::Tool, ty::PERMISSION_REQUESTED) => line.data::<PermissionRequested>().map_or(true, |data| data.effect),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn urgent_to(line: &str) -> Vec<Kind> {
        let line = Line::parse(line.as_bytes()).unwrap();
        let kinds = [Kind::Step, Kind::Model, Kind::Permit, Kind::Tool, Kind::Quota, Kind::Filter];
        kinds.into_iter().filter(|kind| is_urgent(*kind, std::slice::from_ref(&line))).collect()
    }

    fn line(ty: &str, data: &str) -> String {
        format!(r#"{{"v":1,"id":"a-1","session":"s","turn":1,"by":"x","type":"{ty}","data":{data}}}"#)
    }

    #[test]
    fn a_line_wakes_those_who_act_on_it() {
        use Kind::{Filter, Model, Permit, Quota, Step, Tool};
        for (ty, data, whom) in [
            (ty::TOOL_COMPLETED, "{}", [Step, Tool].as_slice()),
            (ty::CONTEXT_BUILT, "{}", &[Model]),
            (ty::MODEL_REQUESTED, "{}", &[Model]),
            (ty::MODEL_CALL, "{}", &[Permit]),
            (ty::MODEL_COMPLETED, r#"{"stop":"tools","calls":1}"#, &[Permit]),
            (ty::MODEL_COMPLETED, r#"{"stop":"end"}"#, &[Step, Permit, Tool]),
            (ty::USER_MESSAGE, "{}", &[Step, Permit]),
            (ty::PERMISSION_RESOLVED, r#"{"decision":"allow","who":"rule","digest":""}"#, &[Permit, Tool]),
            (ty::PERMISSION_RESOLVED, r#"{"decision":"deny","who":"rule","digest":""}"#, &[Step, Permit, Tool]),
            (ty::TOOL_STARTED, "{}", &[Tool]),
            (ty::PERMISSION_REQUESTED, r#"{"addressee":"user","why":"","rule":""}"#, &[Permit]),
            (ty::PERMISSION_REQUESTED, r#"{"addressee":"user","why":"","rule":"","effect":true}"#, &[Permit, Tool]),
        ] {
            let all: Vec<Kind> = whom.iter().copied().chain([Quota, Filter]).collect();
            assert_eq!(urgent_to(&line(ty, data)), all, "{ty} {data}");
        }
    }

    #[test]
    fn what_nobody_has_named_is_urgent_to_all() {
        for ty in [ty::TURN_CANCELLED, ty::PEN_DROPPED, "some.day"] {
            assert_eq!(urgent_to(&line(ty, "{}")).len(), 6, "{ty}");
        }
    }
}
