//! What a session has spent: a fold over its records that tells, for every model call that has ended, what it took. It must never
//! ask a clock: time is in the record.

use ace_schema::data::{
    BudgetReserved, Code, ContextBuilt, Limits, ModelCompleted, ModelFailed, SessionConfigured, SessionCreated,
};
use ace_schema::message::Usage;
use ace_schema::{Line, ty};
use std::collections::{BTreeSet, HashMap};

use crate::amount::Spent;
use crate::moment::moment;

/// A call that has ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settled {
    /// The session whose record it is.
    pub session: String,
    /// Its record.
    pub seq: u64,
    /// `2026-11-20`, the day of its record, UTC.
    pub day: String,
    /// Id of the context that was asked about.
    pub context: String,
    /// What it took.
    pub spent: Spent,
    /// The session whose limits it counts against, too.
    pub family: String,
    /// Groups, likewise.
    pub groups: Vec<String>,
}

/// What a record has closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Closed {
    /// A call.
    Call(Box<Settled>),
    /// A reservation that nobody will use: session and context.
    Reserved(String, String),
    /// A turn: every reservation of the session that no call holds is free.
    Turn(String),
}

/// The tally of a session, its ancestors included.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// The session whose limits these are.
    pub family: String,
    /// The session of the last record.
    pub session: String,
    /// Its limits now.
    pub limits: Limits,
    /// Everything that was spent.
    pub spent: Spent,
    /// Tokens of input and output of the last answer, and the context it answered: what the next request holds at least.
    pub last: Option<(u64, String)>,
    /// Turn that runs, and whether a call of it has ended.
    turn: Option<(u32, bool)>,
    /// Up to where the time of the turn is settled; how long it has waited for people since; since when it waits now.
    mark: i64,
    waited: i64,
    waiting: Option<i64>,
    asked: BTreeSet<String>,
    /// Models of contexts that wait, what is set aside for them, and the contexts of open claims.
    contexts: HashMap<String, String>,
    reserved: HashMap<String, BudgetReserved>,
    claims: HashMap<String, String>,
}

impl Tally {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Contexts of the calls that are under way.
    pub fn open(&self) -> impl Iterator<Item = &str> {
        self.claims.values().map(String::as_str)
    }

    /// What is set aside for that context and not closed yet.
    #[must_use]
    pub fn reservation(&self, context: &str) -> Option<&BudgetReserved> {
        self.reserved.get(context)
    }

    /// Whether a call of the running turn has ended.
    #[must_use]
    pub fn turn_is_counted(&self) -> bool {
        self.turn.is_some_and(|(_, counted)| counted)
    }

    /// Ms of work up to `now` that no call has settled.
    #[must_use]
    pub fn unsettled_ms(&self, now: i64) -> u64 {
        let waiting = self.waiting.map_or(0, |since| now.saturating_sub(since).max(0));
        let worked = now.saturating_sub(self.mark).saturating_sub(self.waited).saturating_sub(waiting);
        if self.turn.is_some() { u64::try_from(worked).unwrap_or(0) } else { 0 }
    }

    /// Takes in one recorded line, or any line of a stream without a log.
    pub fn fold(&mut self, line: &Line) -> Option<Closed> {
        let now = moment(&line.ts).unwrap_or(self.mark);
        if self.family.is_empty() {
            self.family = line.session.to_string();
        }
        if *line.session != *self.session {
            self.session = line.session.to_string();
        }
        match &*line.ty {
            ty::SESSION_CREATED => self.on_created(line),
            ty::SESSION_CONFIGURED => {
                if let Some(limits) = line.data::<SessionConfigured>().ok().and_then(|d| d.limits) {
                    self.limits = limits;
                }
            }
            ty::TURN_STARTED => {
                self.turn = Some((line.turn, false));
                (self.mark, self.waited, self.waiting) = (now, 0, None);
                self.asked.clear();
            }
            ty::CONTEXT_BUILT => {
                let model = line.data::<ContextBuilt>().map(|c| c.model).unwrap_or_default();
                self.contexts.insert(line.id.to_string(), model);
            }
            ty::BUDGET_RESERVED if self.contexts.contains_key(&*line.cause) => {
                if let Ok(reserved) = line.data() {
                    self.reserved.entry(line.cause.to_string()).or_insert(reserved);
                }
            }
            ty::BUDGET_RELEASED => {
                // Its cause is `hold-CONTEXT`.
                let context = line.cause.strip_prefix("hold-").unwrap_or(&line.cause);
                if !self.claims.values().any(|open| open == context) {
                    self.reserved.remove(context);
                    return Some(Closed::Reserved(self.session.clone(), context.to_owned()));
                }
            }
            ty::BUDGET_EXCEEDED => return Some(Closed::Reserved(self.session.clone(), line.cause.to_string())),
            // The first claim for a context wins.
            ty::MODEL_REQUESTED if self.contexts.remove(&*line.cause).is_some() => {
                self.claims.insert(line.id.to_string(), line.cause.to_string());
            }
            ty::MODEL_COMPLETED | ty::MODEL_FAILED => return self.on_closed(line, now),
            ty::PERMISSION_REQUESTED => {
                self.asked.insert(line.cause.to_string());
                self.waiting.get_or_insert(now);
            }
            ty::PERMISSION_RESOLVED if self.asked.remove(&*line.cause) && self.asked.is_empty() => {
                self.stop_waiting(now)
            }
            ty::TURN_COMPLETED | ty::TURN_FAILED | ty::TURN_CANCELLED => {
                self.stop_waiting(now);
                self.turn = None;
                self.contexts.clear();
                let open: BTreeSet<&String> = self.claims.values().collect();
                self.reserved.retain(|context, _| open.contains(context));
                return Some(Closed::Turn(self.session.clone()));
            }
            _ => {}
        }
        None
    }

    fn on_created(&mut self, line: &Line) {
        let Ok(created) = line.data::<SessionCreated>() else { return };
        // A fork has the limits of what it was forked from, unless it was given its own.
        if created.forked_from.is_none() || !created.limits.is_empty() {
            self.limits = created.limits;
        }
    }

    fn stop_waiting(&mut self, now: i64) {
        if let Some(since) = self.waiting.take() {
            self.waited = self.waited.saturating_add(now.saturating_sub(since).max(0));
        }
    }

    fn on_closed(&mut self, line: &Line, now: i64) -> Option<Closed> {
        // In a stream without a log nobody claims: the context itself is answered.
        let context = match self.claims.remove(&*line.cause) {
            Some(context) => context,
            None if line.seq.is_none() && self.contexts.remove(&*line.cause).is_some() => line.cause.to_string(),
            None => return None,
        };
        let reserved = self.reserved.remove(&context);
        let mut spent = match &*line.ty {
            ty::MODEL_COMPLETED => self.completed(&line.data().ok().unwrap_or_default(), reserved.as_ref(), &context),
            _ => failed(line.data().ok(), reserved.as_ref()),
        };
        spent.calls = 1;
        spent.ms = self.unsettled_ms(now);
        (self.mark, self.waited) = (now, 0);
        if self.waiting.is_some() {
            self.waiting = Some(now);
        }
        if let Some((_, counted)) = &mut self.turn {
            spent.turns = u64::from(!*counted);
            *counted = true;
        }
        self.spent = self.spent.plus(&spent);
        Some(Closed::Call(Box::new(Settled {
            session: self.session.clone(),
            seq: line.seq.unwrap_or(0),
            day: line.ts.get(..10).unwrap_or_default().to_owned(),
            context,
            spent,
            family: self.family.clone(),
            groups: self.limits.shares(),
        })))
    }

    fn completed(&mut self, done: &ModelCompleted, reserved: Option<&BudgetReserved>, context: &str) -> Spent {
        let tokens = sum(&done.usage);
        if tokens > 0 {
            self.last = Some((tokens, context.to_owned()));
        }
        let mut spent = Spent { tokens, unpriced: u64::from(done.cost.is_none()), ..Spent::default() };
        match (done.cost, reserved) {
            (Some(cost), _) => spent.money = cost,
            // It had a price when it was asked: it counts as what was set aside.
            (None, Some(r)) => spent.money = r.money,
            (None, None) => {}
        }
        if tokens == 0 {
            spent.tokens = reserved.map_or(0, |r| r.tokens);
        }
        if done.estimated || done.cost.is_none() || tokens == 0 {
            spent.estimated = spent.money;
        }
        spent
    }
}

/// A call that failed: what it says it took; nothing if nobody was reached; else, what was set aside, since it may have taken it.
fn failed(failed: Option<ModelFailed>, reserved: Option<&BudgetReserved>) -> Spent {
    let all = || {
        let money = reserved.map_or(0, |r| r.money);
        Spent { money, estimated: money, tokens: reserved.map_or(0, |r| r.tokens), ..Spent::default() }
    };
    let Some(failed) = failed else { return all() };
    let tokens = failed.usage.as_ref().map_or(0, sum);
    if let Some(cost) = failed.cost {
        return Spent { money: cost, estimated: if failed.estimated { cost } else { 0 }, tokens, ..Spent::default() };
    }
    let silent = failed.text.is_empty() && failed.dropped_call.is_empty() && failed.usage.is_none();
    let unheard =
        matches!(failed.code, Code::Unreachable | Code::Credentials | Code::Refused | Code::Config | Code::Io);
    match silent && unheard {
        true => Spent::default(),
        false => Spent { unpriced: u64::from(reserved.is_none()), ..all() },
    }
}

fn sum(usage: &Usage) -> u64 {
    [usage.input, usage.cache_read, usage.cache_write, usage.output].into_iter().fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Folds records written as `seconds cause id type data`, and gives what they closed.
    fn tell(lines: &[(u64, &str, &str, &str, &str)]) -> (Tally, Vec<Closed>) {
        let mut tally = Tally::new();
        let mut closed = Vec::new();
        for (n, (s, cause, id, ty, data)) in lines.iter().enumerate() {
            let text = format!(
                r#"{{"seq":{},"ts":"2026-11-20T06:{:02}:{:02}.000Z","prev":"","pen":1,"v":1,"id":"{id}","session":"s","turn":1,"cause":"{cause}","by":"t","type":"{ty}","data":{data}}}"#,
                n + 1,
                s / 60,
                s % 60
            );
            closed.extend(tally.fold(&Line::parse(text.as_bytes()).unwrap()));
        }
        (tally, closed)
    }

    const BEGUN: [(u64, &str, &str, &str, &str); 4] = [
        (0, "", "t", "turn.started", "{}"),
        (1, "t", "c", "context.built", r#"{"system":"","ranges":[],"model":"a/b"}"#),
        (1, "c", "hold-c", "budget.reserved", r#"{"money":900,"tokens":80}"#),
        (2, "c", "m", "model.requested", "{}"),
    ];

    fn after(end: (&'static str, &'static str)) -> Spent {
        let mut lines = BEGUN.to_vec();
        lines.push((10, "m", "x", end.0, end.1));
        match tell(&lines).1.pop() {
            Some(Closed::Call(settled)) => settled.spent,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_call_takes_what_its_record_says() {
        let spent =
            after(("model.completed", r#"{"stop":"end","usage":{"input":10,"cache_read":5,"output":3},"cost":70}"#));
        assert_eq!(
            (spent.money, spent.tokens, spent.calls, spent.turns, spent.ms, spent.estimated),
            (70, 18, 1, 1, 10_000, 0)
        );
    }

    #[test]
    fn c05_a_call_without_figures_takes_what_was_set_aside() {
        for end in [
            ("model.failed", r#"{"code":"interrupted"}"#),
            ("model.failed", r#"{"code":"cut","text":"some"}"#),
            ("model.failed", r#"{"code":7}"#),
            ("model.completed", r#"{"stop":"end"}"#),
        ] {
            let spent = after(end);
            assert_eq!((spent.money, spent.estimated, spent.tokens), (900, 900, 80), "{end:?}");
        }
        let cut =
            after(("model.failed", r#"{"code":"cut","cost":12,"estimated":true,"usage":{"input":4,"output":1}}"#));
        assert_eq!((cut.money, cut.estimated, cut.tokens), (12, 12, 5));
        assert_eq!(after(("model.failed", r#"{"code":"unreachable"}"#)).money, 0, "nobody was reached");
    }

    #[test]
    fn a_second_claim_and_an_answer_to_none_take_nothing() {
        let mut lines = BEGUN.to_vec();
        lines.push((3, "c", "rival", "model.requested", "{}"));
        lines.push((4, "rival", "x", "model.completed", r#"{"stop":"end","cost":5}"#));
        assert_eq!(tell(&lines).1, []);
    }

    #[test]
    fn time_that_waits_for_a_person_is_not_worked() {
        let mut lines = BEGUN.to_vec();
        lines.extend([
            (10, "call", "q", "permission.requested", "{}"),
            (40, "call", "a", "permission.resolved", "{}"),
            (41, "m", "x", "model.completed", r#"{"stop":"end","cost":1}"#),
        ]);
        let (tally, _) = tell(&lines);
        assert_eq!(tally.spent.ms, 11_000);
        assert_eq!(tally.unsettled_ms(moment("2026-11-20T06:00:43.000Z").unwrap()), 2_000);
    }

    #[test]
    fn what_nobody_will_use_is_free() {
        let mut lines = BEGUN[..3].to_vec();
        lines.push((3, "hold-c", "close-hold-c", "budget.released", "{}"));
        assert_eq!(tell(&lines).1, [Closed::Reserved("s".into(), "c".into())]);
        let mut lines = BEGUN[..3].to_vec();
        lines.push((3, "t", "end-1", "turn.cancelled", "{}"));
        let (tally, closed) = tell(&lines);
        assert_eq!(closed, [Closed::Turn("s".into())]);
        assert!(tally.reservation("c").is_none());
    }
}
