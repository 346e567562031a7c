//! Who may write what: one table. The log refuses a type that the kind of a pen may not record.

use crate::event::ty;
use serde::{Deserialize, Serialize};

/// The kind of program that a pen was opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The log itself and its runner.
    Keeper,
    /// `ace-session step`.
    Step,
    /// `ace-model` or `ace-agent`.
    Model,
    /// `ace-permit`.
    Permit,
    /// `ace-tool`.
    Tool,
    /// `ace-quota`.
    Quota,
    /// A person, through any client.
    Person,
    /// A filter of the user's own.
    Filter,
    /// The stages of one typed chain, which share a pen and trust each other.
    Chain,
    /// A program that brings a foreign history.
    Import,
}

const STEP: &[&str] =
    &[ty::TURN_STARTED, ty::TURN_COMPLETED, ty::TURN_FAILED, ty::CONTEXT_BUILT, ty::SESSION_COMPACTED];
const MODEL: &[&str] = &[ty::MODEL_REQUESTED, ty::MODEL_DELTA, ty::MODEL_CALL, ty::MODEL_COMPLETED, ty::MODEL_FAILED];
const PERMIT: &[&str] = &[ty::PERMISSION_REQUESTED, ty::PERMISSION_RESOLVED, ty::MESSAGE_VETTED];
const TOOL: &[&str] = &[
    ty::TOOL_DISCOVERED,
    ty::TOOL_STARTED,
    ty::TOOL_DELTA,
    ty::TOOL_COMPLETED,
    ty::TOOL_FAILED,
    ty::EFFECT_STARTED,
    ty::EFFECT_COMPLETED,
    ty::EFFECT_FAILED,
    ty::HOOK_STARTED,
    ty::HOOK_COMPLETED,
    ty::ARTIFACT_STORED,
    ty::WORKTREE_SNAPSHOT,
];
const QUOTA: &[&str] = &[ty::BUDGET_RESERVED, ty::BUDGET_RELEASED, ty::BUDGET_WARNED, ty::BUDGET_EXCEEDED];
const PERSON: &[&str] = &[
    ty::SESSION_CREATED,
    ty::SESSION_NAMED,
    ty::SESSION_ARCHIVED,
    ty::SESSION_CONFIGURED,
    ty::SESSION_REWOUND,
    ty::USER_MESSAGE,
    ty::MESSAGE_STEERED,
    ty::MESSAGE_WITHDRAWN,
    ty::TURN_CANCELLED,
    ty::PERMISSION_RESOLVED,
    ty::EFFECT_REQUESTED,
    ty::CHECK_COMPLETED,
    ty::WORKTREE_CREATED,
    ty::WORKTREE_SNAPSHOT,
    ty::WORKTREE_LANDED,
    ty::WORKTREE_REMOVED,
    ty::SCENARIO_COMPLETED,
];
const KEEPER: &[&str] = &[ty::PEN_DROPPED, ty::LOG_RECOVERED, ty::LOG_REFUSED];

impl Kind {
    /// Whether a pen of this kind may write an event of that type. Types that no table names belong to users' own filters and
    /// to the typed chain.
    #[must_use]
    pub fn may(self, name: &str) -> bool {
        match self {
            Self::Keeper => KEEPER.contains(&name),
            Self::Step => STEP.contains(&name),
            Self::Model => MODEL.contains(&name),
            Self::Permit => PERMIT.contains(&name),
            Self::Tool => TOOL.contains(&name),
            Self::Quota => QUOTA.contains(&name),
            Self::Person => PERSON.contains(&name),
            Self::Filter => name == ty::USER_MESSAGE || name == ty::ARTIFACT_STORED || !is_known(name),
            Self::Chain => {
                [STEP, MODEL, PERMIT, TOOL, QUOTA].iter().any(|t| t.contains(&name)) || Self::Filter.may(name)
            }
            Self::Import => !KEEPER.contains(&name),
        }
    }
}

fn is_known(name: &str) -> bool {
    crate::event::find(name).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Class, EVENTS};

    #[test]
    fn no_machine_pen_records_a_decision_or_a_message_of_a_person() {
        for kind in [Kind::Model, Kind::Tool, Kind::Step, Kind::Quota, Kind::Keeper] {
            assert!(!kind.may(ty::PERMISSION_RESOLVED), "{kind:?}");
            assert!(!kind.may(ty::USER_MESSAGE), "{kind:?}");
            assert!(!kind.may(ty::MESSAGE_VETTED), "{kind:?}");
        }
        for kind in [Kind::Model, Kind::Tool, Kind::Step, Kind::Permit, Kind::Person, Kind::Filter] {
            assert!(!kind.may(ty::BUDGET_RESERVED), "{kind:?} grants itself no money");
        }
        assert!(!Kind::Filter.may(ty::PERMISSION_RESOLVED));
        assert!(Kind::Filter.may("lint.found"));
        assert!(!Kind::Model.may("lint.found"));
    }

    #[test]
    fn every_recorded_type_has_a_writer_and_control_lines_have_none() {
        let kinds = [Kind::Keeper, Kind::Step, Kind::Model, Kind::Permit, Kind::Tool, Kind::Quota, Kind::Person];
        for event in EVENTS {
            let someone = kinds.iter().any(|k| k.may(event.name));
            assert_eq!(someone, event.class != Class::Control, "{}", event.name);
        }
    }
}
