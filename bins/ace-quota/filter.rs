//! `ace-quota` as a filter: every context gets its reservation, or its end. What a call may take is told from what it will hold;
//! the ledger is [`crate::worker`]'s.

use ace_core::{Desk, Due, Phase, Role, Transcript};
use ace_front::{Opening, clock};
use ace_host::spending::Request;
use ace_pipe::{Filter, Out};
use ace_prices::{Service, Table, worst};
use ace_quota::{Ask, Closed, Tally};
use ace_schema::data::{BlobRef, BudgetReleased};
use ace_schema::draft::BlobPartLine;
use ace_schema::limits::{QUOTA_BYTES_PER_TOKEN, QUOTA_MESSAGE_TOKENS};
use ace_schema::message::Message;
use ace_schema::{Line, id, ty};
use ace_storage::{Blobs, Clock};
use std::collections::HashMap;
use std::time::Duration;

use crate::PROGRAM;
use crate::worker::{Job, Wanted, Worker};

/// What the last answer told of how many tokens a conversation has.
struct Measured {
    model: String,
    tokens: u64,
    /// Messages up to and with that answer.
    messages: usize,
}

/// Keeps a session within its limits.
pub struct Keeper {
    desk: Desk,
    tally: Tally,
    transcript: Transcript,
    blobs: Blobs,
    /// Bytes of blobs that travel in a stream without a log.
    travelling: HashMap<String, u64>,
    prices: Table,
    clock: Clock,
    worker: Worker,
    out: Out,
    measured: Option<Measured>,
    /// What history and the last chunk have closed, not told to the ledger yet.
    closed: Vec<Closed>,
}

impl Keeper {
    /// Starts its thread; the ledger is opened when it is needed first.
    pub fn start(opening: &Opening, random: u64, out: Out) -> std::io::Result<Self> {
        let worker = Worker::start(opening, random.rotate_left(17), out.clone())?;
        Ok(Self {
            desk: Desk::new(PROGRAM, random),
            tally: Tally::new(),
            transcript: Transcript::new(),
            blobs: opening.home().blobs(),
            travelling: HashMap::new(),
            prices: ace_front::prices(opening),
            clock: clock(),
            worker,
            out,
            measured: None,
            closed: Vec::new(),
        })
    }

    /// Tokens that the context may hold, rather too many: what the last answer measured and what came since, or all of it by its
    /// bytes.
    fn input(&self, model: &str, system: &str, tools: &str) -> u64 {
        let messages = self.transcript.messages();
        let tokens = |bytes: u64| bytes.div_ceil(QUOTA_BYTES_PER_TOKEN);
        let (begin, from) = match &self.measured {
            Some(m) if m.model == model => (m.tokens, m.messages),
            _ => (tokens(self.bytes(system)).saturating_add(tokens(self.bytes(tools))), 0),
        };
        let new = messages.iter().skip(from).map(|m| tokens(size(m)) + QUOTA_MESSAGE_TOKENS);
        new.fold(begin.saturating_add(QUOTA_MESSAGE_TOKENS), u64::saturating_add)
    }

    fn bytes(&self, sha: &str) -> u64 {
        let known = self.travelling.get(sha).copied();
        known.or_else(|| self.blobs.get(sha).ok().map(|b| b.len() as u64)).unwrap_or(0)
    }

    fn ask(&self, now: i64) -> Option<(Ask, String)> {
        let Phase::Asking { model, system, tools, .. } = &self.desk.state.turn.as_ref()?.phase else { return None };
        let input = self.input(model, system, tools);
        // A recording costs nothing, whatever it answers.
        let recorded = model.starts_with("recorded/");
        let priced = self.prices.find(model);
        let output = self.prices.limits(model).map_or(0, |l| l.output);
        let rates = priced.map(|m| m.worst_rates(input, Service::Usual));
        let input_money = if recorded { Some(0) } else { priced.map(|m| worst(m, input, 0, Service::Usual)) };
        let output_pico = rates.filter(|_| !recorded).map_or(0, |r| r.worst_output());
        let begins_turn = !self.tally.turn_is_counted();
        let ms = self.tally.unsettled_ms(now);
        Some((Ask { input, output, input_money, output_pico, begins_turn, ms }, model.clone()))
    }

    fn reserve(&mut self, turn: u32, context: String) {
        let now = self.clock.now();
        let Some((ask, model)) = self.ask(now) else { return };
        let state = &self.desk.state;
        let request = Request {
            session: state.session.clone(),
            context,
            family: state.family.clone(),
            limits: state.limits.clone(),
            ask,
            prices: self.prices.id().to_owned(),
            now,
        };
        let name = &state.name;
        let go_on =
            if state.unrecorded { String::new() } else { format!("ace say {name} \"go on\" && ace resume {name}") };
        let wanted = Wanted { request, turn, model, go_on, warned: state.warned.clone() };
        self.worker.send(Job::Reserve(Box::new(wanted)));
    }

    /// Tells the ledger what was closed. A session that has never had limits leaves the ledger alone.
    fn settle(&mut self) {
        let closed = std::mem::take(&mut self.closed);
        let state = &self.desk.state;
        if !state.limits.is_reserved() {
            return;
        }
        // A warning is for a turn that runs: over a finished session there is nothing left to say.
        let turn = state.turn.as_ref().map(|t| t.n);
        for closed in closed {
            let open = match &closed {
                Closed::Turn(_) => self.tally.open().map(str::to_owned).collect(),
                _ => Vec::new(),
            };
            let (limits, warned) = (Box::new(state.limits.clone()), state.warned.clone());
            self.worker.send(Job::Close { closed, open, limits, warned, turn, now: self.clock.now() });
        }
    }
}

/// Bytes of a message on the wire, about.
fn size(message: &Message) -> u64 {
    ace_core::compaction::bytes(std::slice::from_ref(message))
}

impl Filter for Keeper {
    fn fold(&mut self, line: &Line) {
        let asked = self.desk.state.turn.as_ref().and_then(|t| match &t.phase {
            Phase::Asking { model, .. } => Some(model.clone()),
            _ => None,
        });
        self.desk.fold(line);
        let blobs = &self.blobs;
        self.transcript
            .fold(line, &|b: &BlobRef| blobs.get(&b.sha).ok().map(|b| String::from_utf8_lossy(&b).into_owned()));
        let closed = self.tally.fold(line);
        if let (Some(Closed::Call(_)), Some(model), ty::MODEL_COMPLETED) = (&closed, asked, &*line.ty)
            && let Some((tokens, _)) = self.tally.last
        {
            let messages = self.transcript.messages();
            let results = messages.iter().rev().take_while(|m| matches!(m, Message::Result { .. })).count();
            self.measured = Some(Measured { model, tokens, messages: messages.len() - results });
        }
        self.closed.extend(closed);
    }

    fn due(&mut self, drafts: &mut Vec<u8>) {
        self.settle();
        let mut reserve = None;
        for due in self.desk.state.due() {
            match due {
                Due::Reserve { turn, context } => reserve = Some((turn, context.to_owned())),
                Due::Close { turn, claim, role: Role::Quota } => {
                    let data = BudgetReleased {};
                    self.desk.pencil.conclude(drafts, &id::close(claim), (turn, claim), ty::BUDGET_RELEASED, &data);
                }
                _ => {}
            }
        }
        if let Some((turn, context)) = reserve
            && self.desk.pencil.first(&context)
        {
            self.reserve(turn, context);
        }
    }

    fn unrecorded(&mut self) -> Result<(), String> {
        self.desk.state.unrecorded = true;
        Ok(())
    }

    fn blob(&mut self, part: &BlobPartLine) {
        // Base64 has four letters for three bytes.
        *self.travelling.entry(part.sha.to_string()).or_default() += part.data.len() as u64 * 3 / 4;
    }

    fn finish(&mut self) {
        self.settle();
        while !self.worker.is_idle(Duration::from_millis(20)) {
            if self.out.is_broken() {
                return;
            }
        }
    }
}
