//! Spending: limits of sessions and of the configuration brought together with the ledger and the logs behind it.
//!
//! What was spent is told by logs, and the ledger only adds it up; what is set aside belongs to a session, and is given back or
//! charged once nobody holds a pen of that session any more. It must never ask what a model costs: worst cases come in.

use ace_config::{Amounts, Per, Quota as Limited};
use ace_quota::{
    Allowed, Ask, Closed, Refused, Scope, Settled, Spent, Standing, Tally, Verdict, Why, decide, warnings,
};
use ace_schema::data::{BudgetReserved, Limits, PURSE};
use ace_schema::{Line, limits};
use ace_storage::{Book, Home, Quota, QuotaError, split, stamp};

/// How long something is set aside for a call that no log tells of, ms: longer than any call may take.
const UNLOGGED_MS: i64 = (limits::ANSWER_START_MS as i64) * 6;

/// A call for which something is to be set aside.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The session.
    pub session: String,
    /// Id of its context.
    pub context: String,
    /// The session whose limits these are.
    pub family: String,
    /// Its limits.
    pub limits: Limits,
    /// What the call may take at most.
    pub ask: Ask,
    /// Id of the price table behind that.
    pub prices: String,
    /// Ms since 1970.
    pub now: i64,
}

/// What came of it.
#[derive(Debug, Clone)]
pub enum Reserved {
    /// It may be made, on these terms.
    Granted(BudgetReserved),
    /// It may not.
    Refused(Box<Refused>),
}

/// A limit of which most is spent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// Whose.
    pub scope: Scope,
    /// What it counts.
    pub kind: ace_quota::Kind,
    /// How much is spent.
    pub used: u64,
}

/// The ledger of a home, with the limits of the configuration.
#[derive(Debug)]
pub struct Spending {
    home: Home,
    limited: Limited,
    ledger: Quota,
}

/// Day and month of a moment, UTC.
fn periods(now: i64) -> (String, String) {
    let text = stamp(now);
    (text.get(..10).unwrap_or_default().to_owned(), text.get(..7).unwrap_or_default().to_owned())
}

fn allowed(amounts: &Amounts) -> Allowed {
    let Amounts { money, tokens, calls, turns, seconds } = *amounts;
    Allowed { money, tokens, calls, turns, seconds }
}

/// Where a session's spending of that day is added up. A group counts in every period, so that its limit can become another.
fn places(family: &str, groups: &[String], day: &str) -> Vec<(String, String)> {
    let month = day.get(..7).unwrap_or_default();
    let mut all = vec![(format!("session {family}"), String::new())];
    // The purse comes first.
    for group in groups.iter().take(limits::QUOTA_GROUPS + 1) {
        if let Some(purse) = group.strip_prefix(PURSE) {
            all.push((format!("batch {purse}"), String::new()));
            continue;
        }
        all.extend(["", day, month].map(|period| (format!("group {group}"), period.to_owned())));
    }
    all.push(("day".to_owned(), day.to_owned()));
    all.push(("month".to_owned(), month.to_owned()));
    all
}

/// The scopes in which a session's call is limited.
#[must_use]
pub fn scopes(limited: &Limited, family: &str, own: &Limits, now: i64) -> Vec<Scope> {
    let (day, month) = periods(now);
    let session =
        Allowed { money: own.money, tokens: own.tokens, calls: own.calls, turns: own.turns, seconds: own.seconds };
    let mut all =
        vec![Scope { name: format!("session {family}"), period: String::new(), allowed: session, shared: false }];
    if let Some(purse) = &own.purse {
        let allowed = Allowed { money: purse.money, ..Allowed::default() };
        all.push(Scope { name: format!("batch {}", purse.name), period: String::new(), allowed, shared: true });
    }
    for name in own.groups.iter().take(limits::QUOTA_GROUPS) {
        all.push(group(limited, name, now));
    }
    if own.shared {
        let of = |name: &str, period, amounts| Scope {
            name: name.to_owned(),
            period,
            allowed: allowed(amounts),
            shared: true,
        };
        all.push(of("day", day, &limited.day));
        all.push(of("month", month, &limited.month));
    }
    all.retain(|s| !s.allowed.is_empty());
    all
}

/// The scope of a group now; one that nobody configured has no limit.
#[must_use]
pub fn group(limited: &Limited, name: &str, now: i64) -> Scope {
    let (day, month) = periods(now);
    let found = limited.groups.get(name).copied().unwrap_or_default();
    let period = match found.per {
        Per::Day => day,
        Per::Month => month,
        Per::Ever => String::new(),
    };
    Scope { name: format!("group {name}"), period, allowed: allowed(&found.amounts), shared: true }
}

impl Spending {
    /// Opens the ledger of a home; one that is not there is told from the logs first.
    ///
    /// # Errors
    /// See [`QuotaError`].
    pub fn open(home: &Home, limited: &Limited) -> Result<Self, QuotaError> {
        let ledger = Quota::open(home.path(), |book| tell(home, book))?;
        Ok(Self { home: home.clone(), limited: limited.clone(), ledger })
    }

    /// Sets aside what a call may take, in every limit that holds, or tells which forbids it. Asked again for the same context it
    /// gives the same terms. What stands in the way of it and belongs to sessions that are gone is given back first.
    ///
    /// # Errors
    /// See [`QuotaError`].
    pub fn reserve(&mut self, request: &Request) -> Result<(Reserved, Vec<Warning>), QuotaError> {
        let (first, warnings) = self.try_reserve(request)?;
        match &first {
            Reserved::Refused(refused) if refused.why == Why::Held => {
                self.reconcile(request.now)?;
                self.try_reserve(request)
            }
            _ => Ok((first, warnings)),
        }
    }

    fn try_reserve(&mut self, request: &Request) -> Result<(Reserved, Vec<Warning>), QuotaError> {
        let scopes = scopes(&self.limited, &request.family, &request.limits, request.now);
        let key = (request.session.as_str(), request.context.as_str());
        self.ledger.with(|book| {
            let standings = standings(book, &scopes)?;
            let warnings = nearly(&standings);
            if let Some(terms) = book.held(key.0, key.1)?.and_then(|t| serde_json::from_str(&t).ok()) {
                return Ok((Reserved::Granted(terms), warnings));
            }
            match decide(&standings, &request.ask) {
                Verdict::Refused(refused) => Ok((Reserved::Refused(refused), warnings)),
                Verdict::Granted(granted) => {
                    let terms = BudgetReserved {
                        money: granted.reserve.money,
                        tokens: granted.reserve.tokens,
                        input: request.ask.input,
                        output: granted.output,
                        prices: request.prices.clone(),
                    };
                    let text = serde_json::to_string(&terms).unwrap_or_default();
                    let places = places(&request.family, &request.limits.shares(), &periods(request.now).0);
                    book.hold(key, (request.now, &text), &places, &granted.reserve)?;
                    Ok((Reserved::Granted(terms), warnings))
                }
            }
        })
    }

    /// Enters what a record has closed; the limits of which most is spent then.
    ///
    /// # Errors
    /// See [`QuotaError`].
    pub fn close(&mut self, closed: &Closed, own: &Limits, now: i64) -> Result<Vec<Warning>, QuotaError> {
        let limited = &self.limited;
        self.ledger.with(|book| match closed {
            Closed::Call(call) => {
                enter(book, call, now)?;
                Ok(nearly(&standings(book, &scopes(limited, &call.family, own, now))?))
            }
            Closed::Reserved(session, context) => book.release(session, context).map(|()| Vec::new()),
            Closed::Turn(_) => Ok(Vec::new()),
        })
    }

    /// Gives back what is set aside for other contexts of a session than these: nobody will ask about them any more.
    ///
    /// # Errors
    /// See [`QuotaError`].
    pub fn release_others(&mut self, session: &str, open: &[String]) -> Result<(), QuotaError> {
        self.ledger.with(|book| {
            for (context, _) in book.contexts(session)? {
                if !open.contains(&context) {
                    book.release(session, &context)?;
                }
            }
            Ok(())
        })
    }

    /// How these scopes stand.
    ///
    /// # Errors
    /// See [`QuotaError`].
    pub fn standings(&mut self, scopes: &[Scope]) -> Result<Vec<Standing>, QuotaError> {
        self.ledger.with(|book| standings(book, scopes))
    }

    /// Looks after sessions that hold something and are gone: what their logs tell is entered, a call in the middle of which they
    /// fell counts as all that was set aside for it, the rest is given back.
    ///
    /// # Errors
    /// See [`QuotaError`].
    pub fn reconcile(&mut self, now: i64) -> Result<(), QuotaError> {
        for session in self.ledger.with(|book| book.holders())? {
            let log = self.home.log(&session);
            let logged = log.file().exists();
            if logged && log.is_held()? {
                continue;
            }
            let (tally, calls) = if logged { fold(&self.home, &session)? } else { Default::default() };
            self.ledger.with(|book| {
                calls.iter().try_for_each(|call| enter(book, call, now))?;
                let contexts = book.contexts(&session)?;
                // Somebody may have begun again meanwhile, and what they hold is theirs.
                if logged && log.is_held()? {
                    return Ok(());
                }
                for (context, at) in contexts {
                    match logged {
                        true if tally.open().any(|open| open == context) => book.charge(&session, &context)?,
                        true => book.release(&session, &context)?,
                        false if now.saturating_sub(at) > UNLOGGED_MS => book.charge(&session, &context)?,
                        false => {}
                    }
                }
                Ok(())
            })?;
        }
        Ok(())
    }
}

fn standings(book: &Book<'_>, scopes: &[Scope]) -> Result<Vec<Standing>, QuotaError> {
    scopes.iter().map(|scope| book.standing(scope)).collect()
}

fn nearly(standings: &[Standing]) -> Vec<Warning> {
    warnings(standings).map(|(s, kind, used)| Warning { scope: s.scope.clone(), kind, used }).collect()
}

fn enter(book: &Book<'_>, call: &Settled, now: i64) -> Result<(), QuotaError> {
    // A stream without a log has no times either.
    let day = if call.day.is_empty() { periods(now).0 } else { call.day.clone() };
    book.settle(call, &places(&call.family, &call.groups, &day)).map(drop)
}

/// Everything that the log of a session tells of its calls.
fn fold(home: &Home, session: &str) -> Result<(Tally, Vec<Settled>), QuotaError> {
    let mut follow = home.log(session).follow(0)?;
    let (mut tally, mut calls) = (Tally::new(), Vec::new());
    loop {
        let lines = follow.read()?;
        if lines.is_empty() {
            return Ok((tally, calls));
        }
        for line in split(lines).filter_map(|l| Line::parse(l).ok()) {
            if let Some(Closed::Call(call)) = tally.fold(&line) {
                calls.push(*call);
            }
        }
    }
}

/// Enters what all logs of a home tell, and what is set aside in sessions that run.
fn tell(home: &Home, book: &Book<'_>) -> Result<(), QuotaError> {
    for one in home.sessions()? {
        // A log that cannot be read tells nothing; it is not this ledger's to complain of it.
        let Ok((tally, calls)) = fold(home, &one.id) else { continue };
        calls.iter().try_for_each(|call| enter(book, call, 0))?;
        for context in tally.open() {
            let Some(terms) = tally.reservation(context) else { continue };
            let text = serde_json::to_string(terms).unwrap_or_default();
            let spent = Spent { money: terms.money, tokens: terms.tokens, calls: 1, ..Spent::default() };
            let now = ace_storage::Clock::System.now();
            let places = places(&tally.family, &tally.limits.shares(), &periods(now).0);
            book.hold((&one.id, context), (now, &text), &places, &spent)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ace_config::Group;
    use ace_schema::Kind;
    use ace_storage::Clock;

    /// A home in memory where there is such a place: a sync costs nothing there.
    fn home() -> (tempfile::TempDir, Home) {
        let shm = std::path::Path::new("/dev/shm");
        let dir = if shm.is_dir() { tempfile::tempdir_in(shm) } else { tempfile::tempdir() }.unwrap();
        let home = Home::at(dir.path());
        (dir, home)
    }

    fn limited(money: u64, calls: u64) -> Limited {
        let amounts = Amounts { money, calls, ..Amounts::default() };
        let groups = [("g".to_owned(), Group { amounts, per: Per::Ever })].into();
        Limited { groups, ..Limited::default() }
    }

    /// 10 micro-dollars of input and at most 500 of output.
    fn request(session: &str, context: &str) -> Request {
        Request {
            session: session.to_owned(),
            context: context.to_owned(),
            family: session.to_owned(),
            limits: Limits { groups: vec!["g".to_owned()], ..Limits::default() },
            ask: Ask { input: 10, output: 500, input_money: Some(10), output_pico: 1_000_000, ..Ask::default() },
            prices: String::new(),
            now: 1_795_156_860_000,
        }
    }

    fn ended(session: &str, context: &str, seq: u64, money: u64) -> Closed {
        let spent = Spent { money, calls: 1, ..Spent::default() };
        let (session, context) = (session.to_owned(), context.to_owned());
        let groups = vec!["g".to_owned()];
        Closed::Call(Box::new(Settled {
            family: session.clone(),
            session,
            seq,
            context,
            spent,
            groups,
            ..Settled::default()
        }))
    }

    fn stands(spending: &mut Spending) -> Standing {
        let scope = group(&spending.limited.clone(), "g", 0);
        spending.standings(&[scope]).unwrap().remove(0)
    }

    fn granted(spending: &mut Spending, request: &Request) -> Option<BudgetReserved> {
        match spending.reserve(request).unwrap().0 {
            Reserved::Granted(terms) => Some(terms),
            Reserved::Refused(_) => None,
        }
    }

    #[test]
    fn c05_ten_thousand_calls_leave_nothing_set_aside() {
        let cycles: u64 = std::env::var("ACE_CYCLES").ok().and_then(|n| n.parse().ok()).unwrap_or(2_000);
        let (_dir, home) = home();
        let mut spending = Spending::open(&home, &limited(u64::MAX / 4, 0)).unwrap();
        let none = Limits::default();
        for n in 1..=cycles {
            let context = format!("c{n}");
            assert!(granted(&mut spending, &request("s", &context)).is_some());
            match n % 3 {
                0 => drop(spending.close(&Closed::Reserved("s".into(), context), &none, 0).unwrap()),
                1 => drop(spending.close(&ended("s", &context, n, 7), &none, 0).unwrap()),
                _ => spending.release_others("s", &[]).unwrap(),
            }
        }
        let end = stands(&mut spending);
        assert_eq!(end.reserved, Spent::default());
        assert_eq!(end.settled.calls, cycles.div_ceil(3));
        assert_eq!(end.settled.money, 7 * cycles.div_ceil(3));
    }

    #[test]
    fn c03_what_a_session_that_is_gone_had_set_aside_is_found() {
        let (_dir, home) = home();
        let mut spending = Spending::open(&home, &limited(0, 1)).unwrap();
        // A session without a log may be a question under way; only time tells.
        assert!(granted(&mut spending, &request("0000000000000000", "c")).is_some());
        assert!(granted(&mut spending, &request("0000000000000001", "c")).is_none());
        let later = Request { now: request("", "").now + UNLOGGED_MS + 1, ..request("0000000000000001", "c") };
        assert!(granted(&mut spending, &later).is_none(), "it may have been made: it counts");
        assert_eq!(stands(&mut spending).settled.calls, 1);
    }

    /// A session with a log that says nothing of a call, and a pen if it runs.
    fn session(home: &Home, id: &str) -> ace_storage::Log {
        let mut drafter = ace_schema::Drafter::new("t", 1);
        drafter.set_session(id);
        let created = serde_json::json!({"name": "n", "cwd": "/", "model": "a/b", "mode": "auto"});
        let (_, draft) = drafter.draft(0, "", ace_schema::ty::SESSION_CREATED, &created);
        home.create(id, Kind::Person, &draft, &Clock::fixed(0, 1)).unwrap();
        home.log(id)
    }

    #[test]
    fn c03_a_pen_that_is_held_keeps_what_is_set_aside_and_one_that_is_gone_gives_it_back() {
        let (_dir, home) = home();
        let id = "0000000000000002";
        let log = session(&home, id);
        let mut appender = log.append(Clock::fixed(0, 1)).unwrap();
        let pen = appender.open_pen(Kind::Quota).unwrap();
        let mut spending = Spending::open(&home, &limited(0, 1)).unwrap();
        assert!(granted(&mut spending, &request(id, "c")).is_some());
        assert!(granted(&mut spending, &request("0000000000000001", "c")).is_none(), "its holder is there");
        pen.leave();
        assert!(
            granted(&mut spending, &request("0000000000000001", "c")).is_some(),
            "nobody asked, so nothing was taken"
        );
        assert_eq!(stands(&mut spending).settled, Spent::default());
    }

    #[test]
    fn i8_the_ledger_tells_the_same_again_from_the_logs() {
        let (_dir, home) = home();
        let id = "0000000000000003";
        let log = session(&home, id);
        let mut appender = log.append(Clock::fixed(1_795_156_860_000, 1)).unwrap();
        let pen = appender.open_pen(Kind::Chain).unwrap();
        let mut drafter = ace_schema::Drafter::new("t", 2);
        drafter.set_session(id);
        let mut drafts = drafter.line("turn-1", 1, "m", ace_schema::ty::TURN_STARTED, &serde_json::json!({}));
        for n in 0..3 {
            let context = format!("ctx-{n}");
            let built = serde_json::json!({"system": "", "ranges": [], "model": "a/b"});
            drafts.extend(drafter.line(&context, 1, "turn-1", ace_schema::ty::CONTEXT_BUILT, &built));
            let (claim, line) = drafter.draft(1, &context, ace_schema::ty::MODEL_REQUESTED, &serde_json::json!({}));
            drafts.extend(line);
            let done = serde_json::json!({"stop": "end", "usage": {"input": 5, "output": 5}, "cost": 11});
            drafts.extend(drafter.draft(1, &claim, ace_schema::ty::MODEL_COMPLETED, &done).1);
        }
        assert!(appender.append(pen.nib(), &drafts).unwrap().refused.is_empty());
        drop(pen);
        let day = Limited { day: Amounts { money: 100, ..Amounts::default() }, ..Limited::default() };
        let all = Limits { shared: true, ..Limits::default() };
        let scopes = scopes(&day, "", &all, 1_795_156_860_000);
        let told = Spending::open(&home, &day).unwrap().standings(&scopes).unwrap();
        assert_eq!((told[0].settled.money, told[0].settled.calls, told[0].settled.turns), (33, 3, 1));
        Quota::forget(home.path()).unwrap();
        let again = Spending::open(&home, &day).unwrap().standings(&scopes).unwrap();
        assert_eq!(told, again);
    }

    /// I8: 64 actors on one ledger; whatever they do, and wherever they fall, spent and set aside never exceed the limit.
    #[test]
    fn i8_sixty_four_actors_never_have_more_than_there_is() {
        let rounds: u64 = std::env::var("ACE_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(3);
        for round in 0..rounds {
            let (_dir, home) = home();
            let money = 5_000 + round * 1_111;
            let mut spending = Spending::open(&home, &limited(money, 0)).unwrap();
            let mut held: Vec<Option<(String, u64)>> = vec![None; 64];
            let mut dice = 0x9e37_79b9_7f4a_7c15_u64 ^ (round + 1);
            let mut roll = |below: u64| {
                dice ^= dice << 13;
                dice ^= dice >> 7;
                dice ^= dice << 17;
                dice % below
            };
            for step in 1..400_u64 {
                let actor = usize::try_from(roll(64)).unwrap();
                let id = format!("00000000000000{actor:02}");
                match (held[actor].take(), roll(10)) {
                    (None, _) => {
                        let context = format!("c{step}");
                        held[actor] = granted(&mut spending, &request(&id, &context)).map(|t| (context, t.money));
                    }
                    // It takes at most what was set aside.
                    (Some((context, most)), 0..=4) => {
                        let closed = ended(&id, &context, step, roll(most + 1));
                        spending.close(&closed, &Limits::default(), 0).unwrap();
                        // Told again, as after a fall between the entry and its end.
                        spending.close(&closed, &Limits::default(), 0).unwrap();
                    }
                    (Some((context, _)), 5) => {
                        spending.close(&Closed::Reserved(id, context), &Limits::default(), 0).unwrap();
                    }
                    (Some((context, _)), 6) => spending.ledger.with(|b| b.charge(&id, &context)).unwrap(),
                    // It falls, and another process goes on with its ledger.
                    (Some(kept), 7) => {
                        held[actor] = Some(kept);
                        drop(spending);
                        spending = Spending::open(&home, &limited(money, 0)).unwrap();
                    }
                    (kept, _) => held[actor] = kept,
                }
                let now = stands(&mut spending);
                assert!(now.settled.money + now.reserved.money <= money, "step {step}: {now:?}");
                let sum: u64 = held.iter().flatten().map(|(_, most)| most).sum();
                assert_eq!(now.reserved.money, sum, "step {step}");
            }
        }
    }
}
