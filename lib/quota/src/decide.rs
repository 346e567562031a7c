//! Whether a call fits, and how long its answer may be. Pure: standings in, verdict out.

use ace_schema::limits::{QUOTA_OUTPUT_LEAST, QUOTA_WARN_PERCENT};

use crate::amount::{Allowed, Kind, Spent};

/// Whose limits: a session's, a group's, a day's or a month's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    /// `session ID`, `group NAME`, `day`, `month`: where the ledger adds up.
    pub name: String,
    /// The time it counts for, `2026-11-20` or `2026-11`; empty for all time.
    pub period: String,
    /// How much.
    pub allowed: Allowed,
    /// Others spend from it too.
    pub shared: bool,
}

/// A scope and how it stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// Whose.
    pub scope: Scope,
    /// Spent for good.
    pub settled: Spent,
    /// Set aside for calls under way.
    pub reserved: Spent,
}

impl Standing {
    /// What is left of that kind; `None` without a limit.
    #[must_use]
    pub fn left(&self, kind: Kind) -> Option<u64> {
        let taken = self.settled.of(kind).saturating_add(self.reserved.of(kind));
        self.scope.allowed.of(kind).map(|allowed| allowed.saturating_sub(taken))
    }
}

/// A call that wants to be made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ask {
    /// Tokens of input, rather too many.
    pub input: u64,
    /// Tokens the model can give; 0 if nobody knows.
    pub output: u64,
    /// What that input may cost at most, micro-dollars; `None` if the model has no price.
    pub input_money: Option<u64>,
    /// What a token of output may cost at most, pico-dollars.
    pub output_pico: u64,
    /// It is the first of its turn.
    pub begins_turn: bool,
    /// Ms of work that no call has settled yet.
    pub ms: u64,
}

impl Ask {
    /// What the call costs at most if its answer has so many tokens.
    fn money(&self, output: u64) -> u64 {
        let pico = u128::from(output) * u128::from(self.output_pico);
        let output = u64::try_from(pico.div_ceil(1_000_000)).unwrap_or(u64::MAX);
        self.input_money.unwrap_or(0).saturating_add(output)
    }

    /// How many tokens an answer may have for that much money, all the input paid; `None` if not even that.
    fn affords(&self, money: u64) -> Option<u64> {
        let left = money.checked_sub(self.input_money.unwrap_or(0))?;
        let tokens = (u128::from(left) * 1_000_000).checked_div(u128::from(self.output_pico));
        Some(tokens.map_or(u64::MAX, |t| u64::try_from(t).unwrap_or(u64::MAX)))
    }
}

/// A call that may be made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Granted {
    /// What is set aside for it.
    pub reserve: Spent,
    /// Tokens its answer may have; 0 leaves it to the model.
    pub output: u64,
}

/// Why a call may not be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// It may take more than is left.
    Exceeds,
    /// It would fit if nothing were set aside for others.
    Held,
    /// The model has no price, so that no limit of money can hold.
    Unpriced,
}

/// A call that may not be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The standing that forbids it.
    pub standing: Standing,
    /// Which of its limits.
    pub kind: Kind,
    /// The least that the call may take.
    pub next: u64,
    /// Why.
    pub why: Why,
}

/// What comes of an ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It may be made.
    Granted(Granted),
    /// It may not.
    Refused(Box<Refused>),
}

/// Decides on a call against every limit that holds. The answer is kept as short as what is left allows; of what others spend from
/// as well, it takes no more than half of what is left, so that one long answer does not keep everybody else out.
#[must_use]
pub fn decide(standings: &[Standing], ask: &Ask) -> Verdict {
    // Not longer than the model can, and never so short that the money would be wasted.
    let least = if ask.output == 0 { QUOTA_OUTPUT_LEAST } else { ask.output.min(QUOTA_OUTPUT_LEAST) };
    let (mut most, mut fair) = (u64::MAX, u64::MAX);
    for standing in standings {
        for kind in Kind::ALL {
            let Some(left) = standing.left(kind) else { continue };
            let next = match kind {
                Kind::Money => ask.money(least),
                Kind::Tokens => ask.input.saturating_add(least),
                Kind::Calls => 1,
                Kind::Turns => u64::from(ask.begins_turn),
                Kind::Seconds => 1,
            };
            let refuse = |why| Verdict::Refused(Box::new(Refused { standing: standing.clone(), kind, next, why }));
            if kind == Kind::Money && ask.input_money.is_none() {
                return refuse(Why::Unpriced);
            }
            let late = kind == Kind::Seconds && {
                let ms = standing.settled.ms.saturating_add(ask.ms);
                standing.scope.allowed.seconds.saturating_mul(1000) <= ms
            };
            if next > left || late {
                let settled = standing.settled.of(kind);
                let alone = standing.scope.allowed.of(kind).unwrap_or(0).saturating_sub(settled);
                return refuse(if next <= alone && !late { Why::Held } else { Why::Exceeds });
            }
            let room = |left: u64| match kind {
                Kind::Money => ask.affords(left),
                Kind::Tokens => left.checked_sub(ask.input),
                _ => Some(u64::MAX),
            };
            most = most.min(room(left).unwrap_or(0));
            let part = if standing.scope.shared { left / 2 } else { left };
            fair = fair.min(room(part).unwrap_or(0));
        }
    }
    let wanted = if ask.output == 0 { u64::MAX } else { ask.output };
    let tokens = wanted.min(fair).max(least).min(most);
    let known = tokens < u64::MAX;
    let reserve = Spent {
        money: if known { ask.money(tokens) } else { ask.input_money.unwrap_or(0) },
        tokens: ask.input.saturating_add(if known { tokens } else { 0 }),
        calls: 1,
        turns: u64::from(ask.begins_turn),
        ..Spent::default()
    };
    // The model's own end needs no saying; some servers refuse it beside a long prompt.
    Verdict::Granted(Granted { reserve, output: if known && tokens < wanted { tokens } else { 0 } })
}

/// The limits of which most is spent: standing, kind, what is used.
pub fn warnings(standings: &[Standing]) -> impl Iterator<Item = (&Standing, Kind, u64)> {
    standings.iter().flat_map(|s| {
        Kind::ALL.into_iter().filter_map(move |kind| {
            let (allowed, used) = (s.scope.allowed.of(kind)?, s.settled.of(kind));
            let share = u128::from(used) * 100;
            (share >= u128::from(allowed) * u128::from(QUOTA_WARN_PERCENT)).then_some((s, kind, used))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn standing(allowed: Allowed, settled: Spent, shared: bool) -> Standing {
        let scope = Scope { name: "group x".into(), period: String::new(), allowed, shared };
        Standing { scope, settled, reserved: Spent::default() }
    }

    fn money(money: u64) -> Allowed {
        Allowed { money, ..Allowed::default() }
    }

    /// 10 micro-dollars of input, and a micro-dollar a token of output.
    const ASK: Ask =
        Ask { input: 100, output: 10_000, input_money: Some(10), output_pico: 1_000_000, begins_turn: true, ms: 0 };

    fn granted(standings: &[Standing]) -> Granted {
        match decide(standings, &ASK) {
            Verdict::Granted(granted) => granted,
            Verdict::Refused(refused) => panic!("{refused:?}"),
        }
    }

    fn refused(standings: &[Standing], ask: &Ask) -> (Kind, Why, u64) {
        match decide(standings, ask) {
            Verdict::Refused(r) => (r.kind, r.why, r.next),
            Verdict::Granted(granted) => panic!("{granted:?}"),
        }
    }

    #[test]
    fn the_worst_case_is_set_aside_and_a_short_purse_shortens_the_answer() {
        let all = granted(&[standing(money(1_000_000), Spent::default(), false)]);
        assert_eq!((all.reserve.money, all.output), (10_010, 0), "the model's own end needs no saying");
        let short = granted(&[standing(money(2_010), Spent::default(), false)]);
        assert_eq!((short.reserve.money, short.output), (2_010, 2_000));
        let fair = granted(&[standing(money(4_010), Spent::default(), true)]);
        assert_eq!((fair.reserve.money, fair.output), (2_005, 1_995), "half of it is for the others");
        let last = granted(&[standing(money(522), Spent::default(), true)]);
        assert_eq!((last.reserve.money, last.output), (522, 512), "unless that were too short to be of use");
        assert_eq!(refused(&[standing(money(521), Spent::default(), false)], &ASK), (Kind::Money, Why::Exceeds, 522));
    }

    #[test]
    fn what_is_held_for_others_is_told_from_what_is_spent() {
        let mut s = standing(money(1000), Spent { money: 400, ..Spent::default() }, true);
        s.reserved.money = 500;
        assert_eq!(refused(&[s.clone()], &ASK).1, Why::Held);
        s.settled.money = 600;
        assert_eq!(refused(&[s], &ASK).1, Why::Exceeds);
    }

    #[test]
    fn c04_a_model_without_a_price_is_not_asked_on_a_budget_of_money() {
        let ask = Ask { input_money: None, ..ASK };
        assert_eq!(refused(&[standing(money(u64::MAX), Spent::default(), false)], &ask).1, Why::Unpriced);
        let tokens = Allowed { tokens: 5_000, ..Allowed::default() };
        let Verdict::Granted(g) = decide(&[standing(tokens, Spent::default(), false)], &Ask { output: 0, ..ask })
        else {
            panic!("tokens can be counted")
        };
        assert_eq!((g.output, g.reserve.tokens), (4_900, 5_000), "without max_tokens it could be anything: it is said");
    }

    #[test]
    fn calls_turns_and_time_have_their_ends() {
        let one = |allowed, settled, ask: &Ask| refused(&[standing(allowed, settled, false)], ask).0;
        let calls = Allowed { calls: 4, ..Allowed::default() };
        assert_eq!(one(calls, Spent { calls: 4, ..Spent::default() }, &ASK), Kind::Calls);
        let turns = Allowed { turns: 1, ..Allowed::default() };
        assert_eq!(one(turns, Spent { turns: 1, ..Spent::default() }, &ASK), Kind::Turns);
        let going_on = Ask { begins_turn: false, ..ASK };
        let s = standing(turns, Spent { turns: 1, ..Spent::default() }, false);
        assert!(matches!(decide(&[s], &going_on), Verdict::Granted(_)), "a turn that has begun goes on");
        let seconds = Allowed { seconds: 60, ..Allowed::default() };
        assert_eq!(one(seconds, Spent { ms: 30_000, ..Spent::default() }, &Ask { ms: 30_000, ..ASK }), Kind::Seconds);
        let early = standing(seconds, Spent { ms: 30_000, ..Spent::default() }, false);
        assert!(matches!(decide(&[early], &Ask { ms: 29_999, ..ASK }), Verdict::Granted(_)));
    }

    #[test]
    fn a_warning_comes_at_four_fifths() {
        let at = |used| warnings(&[standing(money(1000), Spent { money: used, ..Spent::default() }, false)]).count();
        assert_eq!((at(799), at(800), at(2000)), (0, 1, 1));
    }

    proptest! {
        /// C04, I8: whatever is granted fits into what is left of every limit, and no answer within the grant costs more.
        #[test]
        fn c04_what_is_granted_fits_every_limit(
            limits in prop::collection::vec((1u64..1_000_000, 1u64..1_000_000, 0u64..500_000, 0u64..500_000, any::<bool>()), 0..4),
            input in 0u64..100_000, output in 0u64..200_000, input_money in 0u64..100_000, output_pico in 0u64..200_000_000,
        ) {
            let standings: Vec<Standing> = limits.into_iter().map(|(m, t, settled, reserved, shared)| Standing {
                scope: Scope { allowed: Allowed { money: m, tokens: t, ..Allowed::default() }, shared, ..Scope::default() },
                settled: Spent { money: settled, tokens: settled, ..Spent::default() },
                reserved: Spent { money: reserved, tokens: reserved, ..Spent::default() },
            }).collect();
            let ask = Ask { input, output, input_money: Some(input_money), output_pico, ..Ask::default() };
            if let Verdict::Granted(g) = decide(&standings, &ask) {
                for s in &standings {
                    for kind in [Kind::Money, Kind::Tokens] {
                        prop_assert!(g.reserve.of(kind) <= s.left(kind).unwrap());
                    }
                }
                let most = if g.output > 0 { g.output } else { output };
                prop_assert!(standings.is_empty() || ask.money(most) <= g.reserve.money);
            }
        }
    }
}
