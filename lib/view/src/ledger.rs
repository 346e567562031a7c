//! The record added up for people: open calls, outcomes, cost, changes, and the time that was worked or waited.
//! It takes every number from the lines and must never ask a clock.

use std::collections::{BTreeMap, HashMap};

use ace_schema::Line;
use ace_schema::data::{
    Code, EffectCompleted, HookCompleted, MessageVetted, ModelCompleted, ModelFailed, PermissionRequested,
    PermissionResolved, ToolCall, ToolCompleted, ToolFailed, TurnFailed,
};
use ace_schema::hook::Verdict;
use ace_schema::limits::VIEW_PATHS;
use ace_schema::message::Usage;
use ace_schema::permission::Decision;
use ace_schema::ty;

use crate::step::{Call, End, Step, is_failure, outcome};
use crate::time::{between, moment};

/// The sums so far.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    /// The turn of the last line that had one.
    pub turn: u32,
    /// Model calls that have ended.
    pub model_calls: u64,
    /// Tool calls that have ended or were refused.
    pub tool_calls: u64,
    /// Of these, how many did not end well, by word: cancelled, failed, refused, stopped, unknown.
    pub outcomes: BTreeMap<&'static str, u64>,
    /// Tokens.
    pub usage: Usage,
    /// Tokens of the last answer and of all that it was given.
    pub context: u64,
    /// Micro-dollars of all calls that have a price.
    pub spent: u64,
    /// Some call has no price.
    pub unpriced: bool,
    /// A limit was reached.
    pub exceeded: bool,
    /// How the last turn ended, if it has.
    pub end: Option<End>,
    /// Seq of the last record.
    pub seq: u64,
    changed: Vec<(String, u64, u64)>,
    paths: HashMap<String, usize>,
    more: (u64, u64, u64),
    calls: BTreeMap<u64, Call>,
    names: HashMap<String, u64>,
    next: u64,
    ordinal: u64,
    worked: u64,
    waited: u64,
    working: Option<i64>,
    waiting: Option<i64>,
    last: i64,
    asking: Option<(String, i64)>,
    /// A turn runs.
    turning: bool,
}

impl Ledger {
    /// Cost in micro-dollars; `None` if any of it is unknown.
    #[must_use]
    pub fn cost(&self) -> Option<u64> {
        (!self.unpriced).then_some(self.spent)
    }

    /// Input tokens of all kinds.
    #[must_use]
    pub fn input(&self) -> u64 {
        self.usage.input.saturating_add(self.usage.cache_read).saturating_add(self.usage.cache_write)
    }

    /// Files changed with lines added and removed, in the order of their first change (at most `VIEW_PATHS` of them).
    #[must_use]
    pub fn changed(&self) -> &[(String, u64, u64)] {
        &self.changed
    }

    /// Files changed, lines added, lines removed.
    #[must_use]
    pub fn changes(&self) -> (u64, u64, u64) {
        let (files, added, removed) = self.more;
        self.changed
            .iter()
            .fold((files + self.changed.len() as u64, added, removed), |(f, a, r), (_, added, removed)| {
                (f, a.saturating_add(*added), r.saturating_add(*removed))
            })
    }

    /// Ms of work up to the last line, without waiting for a person; and ms of that waiting.
    #[must_use]
    pub fn wall(&self) -> (u64, u64) {
        let open = |since: Option<i64>| since.map_or(0, |from| between(from, self.last));
        let waited = self.waited.saturating_add(open(self.waiting));
        (self.worked.saturating_add(open(self.working)).saturating_sub(waited), waited)
    }

    /// Calls that run, oldest first.
    pub fn running(&self) -> impl Iterator<Item = &Call> {
        self.calls.values().filter(|c| c.started.is_some())
    }

    /// Calls that wait for a person, oldest first.
    pub fn waiting(&self) -> impl Iterator<Item = &Call> {
        self.calls.values().filter(|c| c.asked.is_some())
    }

    /// When the open model call was claimed, ms since 1970.
    #[must_use]
    pub fn model_since(&self) -> Option<i64> {
        self.asking.as_ref().map(|(_, at)| *at)
    }

    /// Whether the model call that this line was caused by is open. Chalk that lost the race with its record is not shown again.
    #[must_use]
    pub fn is_asking(&self, line: &Line) -> bool {
        self.asking.as_ref().is_some_and(|(claim, _)| line.cause.is_empty() || *claim == *line.cause)
    }

    /// Takes the next recorded line. Drafts, chalk and control lines, unknown types and payloads of another shape are `Other`.
    pub fn fold(&mut self, line: &Line) -> Step {
        let Some(seq) = line.seq else { return Step::Other };
        if line.ty == ty::SESSION_CREATED {
            // What a fork's past has cost and changed is counted where it happened.
            *self = Self::default();
        }
        self.seq = seq;
        let now = moment(&line.ts).unwrap_or(self.last);
        if self.last == 0 || matches!(&*line.ty, ty::USER_MESSAGE | ty::SESSION_CREATED | ty::TURN_STARTED) {
            self.working.get_or_insert(now);
        }
        self.last = now;
        if line.turn > 0 {
            self.turn = line.turn;
        }
        self.step(line, seq, now).unwrap_or(Step::Other)
    }

    fn step(&mut self, line: &Line, seq: u64, now: i64) -> Option<Step> {
        Some(match &*line.ty {
            ty::SESSION_CREATED => Step::Created(line.data().ok()?),
            ty::USER_MESSAGE => Step::Said(line.data().ok()?),
            ty::TURN_STARTED => {
                self.calls.clear();
                self.names.clear();
                (self.ordinal, self.end, self.exceeded, self.turning) = (0, None, false, true);
                Step::TurnStarted
            }
            ty::MODEL_REQUESTED => {
                self.asking.get_or_insert((line.id.to_string(), now));
                Step::ModelAsked
            }
            ty::MODEL_CALL => {
                let call: ToolCall = line.data().ok()?;
                self.ordinal += 1;
                self.next += 1;
                self.calls.insert(self.next, Call::of(line, &call, self.ordinal));
                self.name(&line.id, self.next);
                Step::Called(self.calls.get(&self.next)?.clone())
            }
            ty::MODEL_COMPLETED => {
                let done: ModelCompleted = line.data().ok()?;
                self.answered(&done);
                Step::Answered(Box::new(done))
            }
            ty::MODEL_FAILED => {
                let failed: ModelFailed = line.data().ok()?;
                self.asking = None;
                self.model_calls += 1;
                self.spent = self.spent.saturating_add(failed.cost.unwrap_or(0));
                // What had begun to arrive was paid for, whatever it was.
                let silent = failed.text.is_empty() && failed.dropped_call.is_empty() && failed.usage.is_none();
                self.unpriced |= failed.cost.is_none() && !silent;
                self.used(&failed.usage.unwrap_or_default());
                Step::AnswerFailed(failed)
            }
            ty::PERMISSION_REQUESTED => {
                let asked: PermissionRequested = line.data().ok()?;
                let call = self.find(&line.cause)?;
                call.asked = Some((seq, asked));
                let call = call.clone();
                self.waiting.get_or_insert(now);
                Step::Asked(call)
            }
            ty::EFFECT_COMPLETED => {
                let tried: Box<EffectCompleted> = line.data().ok()?;
                let call = self.find(&tried.call)?;
                call.tried = Some((seq, tried));
                Step::Tried(call.clone())
            }
            ty::EFFECT_FAILED => Step::Untried(line.data().ok()?),
            ty::PERMISSION_RESOLVED => self.decide(line, line.data().ok()?, now),
            ty::TOOL_STARTED => {
                let order = *self.names.get(&*line.cause)?;
                self.name(&line.id, order);
                let call = self.calls.get_mut(&order)?;
                call.started = Some(now);
                Step::Started(call.clone())
            }
            ty::TOOL_COMPLETED => {
                let ran: ToolCompleted = line.data().ok()?;
                let call = self.close(&line.cause);
                self.tool_calls += 1;
                if is_failure(&ran) {
                    self.ended_badly("failed");
                }
                for file in &ran.changed {
                    self.change(&file.path, file.added, file.removed);
                }
                Step::Ran { call, ran: Box::new(ran) }
            }
            ty::TOOL_FAILED => {
                let broke: Box<ToolFailed> = line.data().ok()?;
                let call = self.close(&line.cause);
                self.tool_calls += 1;
                self.ended_badly(outcome(&broke.code));
                Step::Broke { call, broke }
            }
            ty::SESSION_COMPACTED => Step::Compacted(line.data().ok()?),
            ty::BUDGET_WARNED | ty::BUDGET_EXCEEDED => {
                let exceeded = line.ty == ty::BUDGET_EXCEEDED;
                self.exceeded |= exceeded;
                Step::Budget { exceeded, budget: line.data().ok()? }
            }
            ty::MESSAGE_VETTED => match line.data::<MessageVetted>().ok()? {
                vetted if vetted.verdict == Verdict::Passes => Step::Other,
                vetted => {
                    if !self.turning {
                        let (code, message) = (Code::Hook, vetted.why.clone());
                        let _ = self.finish(End::Failed(TurnFailed { code, message, hint: String::new() }), now);
                    }
                    Step::Unsaid(vetted)
                }
            },
            ty::HOOK_COMPLETED => match line.data::<HookCompleted>().ok()? {
                held if held.verdict == Verdict::Blocks => Step::Held(held),
                _ => Step::Other,
            },
            ty::TURN_COMPLETED => self.finish(End::Completed, now),
            ty::TURN_FAILED => self.finish(End::Failed(line.data().ok()?), now),
            ty::TURN_CANCELLED => self.finish(End::Cancelled(line.data().unwrap_or_default()), now),
            _ => Step::Other,
        })
    }

    /// Starts the sums afresh after history that a person has seen before; what is open stays known.
    pub fn forget_sums(&mut self) {
        let old = std::mem::take(self);
        *self = Self {
            turn: old.turn,
            seq: old.seq,
            calls: old.calls,
            names: old.names,
            next: old.next,
            ordinal: old.ordinal,
            asking: old.asking,
            turning: old.turning,
            end: old.end,
            ..Self::default()
        };
    }

    fn answered(&mut self, done: &ModelCompleted) {
        self.asking = None;
        self.model_calls += 1;
        let parts = [done.usage.input, done.usage.cache_read, done.usage.cache_write, done.usage.output];
        self.context = parts.into_iter().fold(0, u64::saturating_add);
        self.used(&done.usage);
        match done.cost {
            Some(cost) => self.spent = self.spent.saturating_add(cost),
            None => self.unpriced = true,
        }
    }

    fn used(&mut self, add: &Usage) {
        self.usage = crate::cost::sum(&self.usage, add);
    }

    fn decide(&mut self, line: &Line, decided: PermissionResolved, now: i64) -> Step {
        let asked = self.find(&line.cause).is_some_and(|call| call.asked.take().is_some());
        if asked && self.waiting().next().is_none() {
            self.stop_waiting(now);
        }
        let call = if decided.decision == Decision::Deny {
            self.tool_calls += 1;
            self.ended_badly("refused");
            self.close(&line.cause)
        } else {
            if let Some(order) = self.names.get(&*line.cause).copied() {
                self.name(&line.id, order);
            }
            self.find(&line.cause).cloned().unwrap_or_default()
        };
        Step::Decided { call, decided: Box::new(decided), asked }
    }

    fn finish(&mut self, end: End, now: i64) -> Step {
        if self.end.is_none() || !self.turning {
            self.end = Some(end.clone());
        }
        self.turning = false;
        self.stop_waiting(now);
        for call in self.calls.values_mut() {
            call.asked = None;
        }
        if let Some(from) = self.working.take() {
            self.worked = self.worked.saturating_add(between(from, now));
        }
        self.asking = None;
        Step::Ended(end)
    }

    fn ended_badly(&mut self, word: &'static str) {
        *self.outcomes.entry(word).or_default() += 1;
    }

    fn stop_waiting(&mut self, now: i64) {
        if let Some(from) = self.waiting.take() {
            self.waited = self.waited.saturating_add(between(from, now));
        }
    }

    fn change(&mut self, path: &str, added: u64, removed: u64) {
        if let Some((_, a, r)) = self.paths.get(path).and_then(|i| self.changed.get_mut(*i)) {
            (*a, *r) = (a.saturating_add(added), r.saturating_add(removed));
        } else if self.changed.len() < VIEW_PATHS {
            self.paths.insert(path.to_owned(), self.changed.len());
            self.changed.push((path.to_owned(), added, removed));
        } else {
            let (files, a, r) = self.more;
            self.more = (files + 1, a.saturating_add(added), r.saturating_add(removed));
        }
    }

    fn name(&mut self, id: &str, order: u64) {
        self.names.insert(id.to_owned(), order);
        if let Some(call) = self.calls.get_mut(&order) {
            call.names.push(id.to_owned());
        }
    }

    fn find(&mut self, id: &str) -> Option<&mut Call> {
        let order = self.names.get(id)?;
        self.calls.get_mut(order)
    }

    fn close(&mut self, id: &str) -> Call {
        let call = self.names.get(id).copied().and_then(|order| self.calls.remove(&order)).unwrap_or_default();
        for name in &call.names {
            self.names.remove(name);
        }
        call
    }
}
