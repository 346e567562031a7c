//! What is due: conclusions that follow from the record and that nobody has drawn yet.

use ace_schema::data::Code;
use ace_schema::hook::Hook;
use ace_schema::limits;

use crate::state::{Call, CallState, Effect, Phase, Role, State, Turn};

/// How a turn has to be ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// It has its answer.
    Completed,
    /// It has none: kind, one line for people, what to do.
    Failed(Code, String, String),
}

/// What is known of the length of a conversation before its next context.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// Nothing: an estimate tells.
    Unknown,
    /// The provider says that it is too long.
    TooLong,
    /// A person wants it shorter.
    Ordered,
    /// It was summarized a moment ago: shorter it will not get.
    Least,
}

/// One thing that somebody should do now.
#[derive(Debug, Clone)]
pub enum Due<'a> {
    /// `ace-session step`: begin turn `n` on this message.
    Turn {
        /// Ordinal of the new turn.
        n: u32,
        /// Id of the message.
        message: &'a str,
    },
    /// `ace-session step`: build a context that follows `cause`, or make the conversation shorter first.
    Context {
        /// Turn.
        turn: u32,
        /// Id of the record it follows.
        cause: &'a str,
        /// Whether it has to be made shorter.
        length: Length,
    },
    /// `ace-session step`: the summary is there; the conversation goes on from it.
    Compact {
        /// Turn.
        turn: u32,
        /// Id of the `model.completed` that holds it.
        answer: &'a str,
    },
    /// `ace-session step`: end the turn.
    End {
        /// Turn.
        turn: u32,
        /// Id of the record that ends it.
        cause: &'a str,
        /// How.
        end: End,
    },
    /// `ace-quota`: set aside what answering the context may take, or stop the turn. Until that is recorded nobody may ask.
    Reserve {
        /// Turn.
        turn: u32,
        /// Id of `context.built`.
        context: &'a str,
    },
    /// `ace-session step`: end the turn if its answer fits the schema, else ask for it again.
    Check {
        /// Turn.
        turn: u32,
        /// Id of the answer.
        answer: &'a str,
        /// Blob of the schema.
        schema: &'a str,
        /// How often it was asked for again.
        repairs: u32,
    },
    /// `ace-permit`: let hooks hear a message before it is taken up.
    Vet {
        /// Id of the message.
        message: &'a str,
    },
    /// `ace-tool`: let hooks hear the answer before the turn ends with it.
    Hear {
        /// Turn.
        turn: u32,
        /// Id of the answer.
        answer: &'a str,
    },
    /// `ace-model`: answer the context.
    Ask {
        /// Turn.
        turn: u32,
        /// Id of `context.built`.
        context: &'a str,
    },
    /// `ace-permit`: decide on the call.
    Decide {
        /// Turn.
        turn: u32,
        /// The call.
        call: &'a Call,
    },
    /// `ace-tool`: run the call in a copy.
    Try {
        /// Turn.
        turn: u32,
        /// Id of the record that wants it.
        wanted: &'a str,
    },
    /// `ace-tool`: run the call.
    Run {
        /// Turn.
        turn: u32,
        /// Id of the decision.
        decision: &'a str,
        /// The call.
        call: &'a Call,
    },
    /// Anyone of the claim's role: close a claim whose owner is gone.
    Close {
        /// Turn.
        turn: u32,
        /// Id of the claim.
        claim: &'a str,
        /// Its role.
        role: Role,
    },
}

impl State {
    /// Everything that is due, in the order of the record. Open claims are not due: their owners are at work.
    pub fn due(&self) -> impl Iterator<Item = Due<'_>> {
        let closes =
            self.claims.iter().filter(|c| c.orphaned).map(|c| Due::Close { turn: c.turn, claim: &c.id, role: c.role });
        let vets = self.waiting.iter().filter(|w| self.is_held(w)).map(|w| Due::Vet { message: &w.id });
        closes.chain(vets).chain(self.due_turn()).chain(self.due_phase()).chain(self.due_calls())
    }

    /// A turn begins when none runs, the last one is settled, and a message waits.
    fn due_turn(&self) -> Option<Due<'_>> {
        if self.turn.is_some() || !self.claims.is_empty() {
            return None;
        }
        let message = self.waiting.front().filter(|w| !self.is_held(w))?;
        Some(Due::Turn { n: self.ordinal + 1, message: &message.id })
    }

    fn due_phase(&self) -> Option<Due<'_>> {
        let turn = self.turn.as_ref()?;
        match &turn.phase {
            Phase::Context(cause) => Some(match self.over_limit() {
                Some(end) => Due::End { turn: turn.n, cause, end },
                None => Due::Context { turn: turn.n, cause, length: turn.length() },
            }),
            Phase::Asking { context, claim: None, reserved: None, .. } if self.limits.is_reserved() => {
                Some(Due::Reserve { turn: turn.n, context })
            }
            // Whoever set it aside is gone, and others may have had it since.
            Phase::Asking { claim: None, .. } if self.claims.iter().any(|c| c.role == Role::Quota && c.orphaned) => {
                None
            }
            Phase::Asking { context, claim: None, .. } => Some(Due::Ask { turn: turn.n, context }),
            Phase::Compacting(answer) => Some(Due::Compact { turn: turn.n, answer }),
            Phase::Asking { .. } | Phase::Calls(_) => None,
            Phase::Ending { cause, failed: None } if self.is_heard_first(turn) => {
                let is_free = self.claims.iter().all(|c| c.role != Role::Hook);
                is_free.then_some(Due::Hear { turn: turn.n, answer: cause })
            }
            Phase::Ending { cause, failed: None } if !turn.schema.is_empty() && !turn.order => {
                Some(Due::Check { turn: turn.n, answer: cause, schema: &turn.schema, repairs: turn.repairs })
            }
            Phase::Ending { cause, failed } => {
                let end =
                    failed.as_ref().map_or(End::Completed, |(c, m, h)| End::Failed(c.clone(), m.clone(), h.clone()));
                Some(Due::End { turn: turn.n, cause, end })
            }
        }
    }

    /// Whether hooks have to hear the last answer before the turn ends with it.
    fn is_heard_first(&self, turn: &Turn) -> bool {
        self.hooks.contains(&Hook::Stop) && !turn.heard && !turn.order
    }

    fn over_limit(&self) -> Option<End> {
        let turn = self.turn.as_ref()?;
        let allowed = match self.limits.answers {
            0 => u64::from(limits::ANSWERS_PER_TURN),
            n => n,
        };
        (turn.answers >= allowed).then(|| {
            let answers = if turn.answers == 1 { "answer" } else { "answers" };
            let message = format!("stopped after {} model {answers}", turn.answers);
            let name = &self.name;
            End::Failed(Code::Limit, message, format!("ace say {name} \"go on\" && ace resume {name}"))
        })
    }

    /// Calls are decided at once. They run in order, except that reading ones run beside each other.
    fn due_calls(&self) -> impl Iterator<Item = Due<'_>> {
        let turn = self.turn.as_ref().filter(|t| matches!(t.phase, Phase::Calls(_)) && t.stopped.is_empty());
        turn.into_iter().flat_map(|turn| {
            turn.calls.iter().enumerate().filter_map(move |(i, call)| match &call.state {
                CallState::Requested => Some(Due::Decide { turn: turn.n, call }),
                CallState::Asked => match &call.effect {
                    // What comes before it may change what it does.
                    Effect::Wanted(wanted) if turn.calls[..i].iter().all(|c| c.state == CallState::Closed) => {
                        Some(Due::Try { turn: turn.n, wanted })
                    }
                    _ => None,
                },
                CallState::Allowed(decision) => {
                    let open = |c: &&Call| c.state != CallState::Closed;
                    let mut before = turn.calls[..i].iter().filter(open);
                    let free = if call.reads() { before.all(Call::reads) } else { before.next().is_none() };
                    free.then_some(Due::Run { turn: turn.n, decision, call })
                }
                _ => None,
            })
        })
    }
}
