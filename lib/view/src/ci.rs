//! A run where nobody looks: one line a thing worth knowing, `ace: ` before it, no marks, nothing painted twice, nothing cut.
//! It must never ask the time: the caller says when it is.

use ace_schema::Line;
use ace_schema::permission::Decision;

use crate::clean::{clean, visible};
use crate::facts::SessionFacts;
use crate::ledger::Ledger;
use crate::step::{Call, End, Step, is_failure, outcome};
use crate::style::{Mark, Role, Style};
use crate::text::{Text, plural};
use crate::time::between;
use crate::{head, units, verdict};

/// The lines of one run for a log file.
#[derive(Debug, Clone)]
pub struct CiView {
    facts: SessionFacts,
    ledger: Ledger,
    style: Style,
    every: u64,
    first: Option<i64>,
    last: i64,
    begun: bool,
    /// Why the last answer failed and its seq, until it is known that the turn's end does not say the same.
    failure: Option<(u64, String)>,
}

impl CiView {
    /// Progress at most each `every` ms; 0 for none.
    #[must_use]
    pub fn new(style: Style, every: u64) -> Self {
        Self {
            facts: SessionFacts::default(),
            ledger: Ledger::default(),
            style,
            every,
            first: None,
            last: 0,
            begun: false,
            failure: None,
        }
    }

    /// The sums so far.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The first line. Without this call, `session.created` gives it.
    pub fn begin(&mut self, facts: &SessionFacts) -> Vec<Text> {
        self.facts = facts.clone();
        self.begun = true;
        let branch = if facts.branch.is_empty() { String::new() } else { format!("branch {}", facts.branch) };
        let off = if facts.sandbox == "off" { "sandbox off" } else { "" };
        let fields =
            [format!("session {}", facts.name), branch, facts.model.clone(), facts.mode.clone(), off.to_owned()];
        let fields: Vec<String> = fields.into_iter().filter(|f| !f.is_empty()).collect();
        self.say(&fields.join(", "))
    }

    /// The next recorded line: failures, refusals and warnings are told at once.
    pub fn recorded(&mut self, line: &Line) -> Vec<Text> {
        let Some(seq) = line.seq else { return Vec::new() };
        let step = self.ledger.fold(line);
        let mut out = match self.failure.take() {
            // Whoever started the run complains of that, once and with a hint.
            Some((_, why)) if matches!(&step, Step::Ended(End::Failed(end)) if end.message == why) => Vec::new(),
            Some((seq, why)) => self.say(&format!("@{seq} model call: {why}")),
            None => Vec::new(),
        };
        out.extend(self.step(step, seq));
        out
    }

    fn step(&mut self, step: Step, seq: u64) -> Vec<Text> {
        match step {
            Step::Created(created) if !self.begun => self.begin(&SessionFacts::of(&created)),
            Step::Ran { call, ran } if is_failure(&ran) => {
                let how = match (ran.signal, ran.exit) {
                    (Some(signal), _) => format!("signal {signal}"),
                    (None, code) => format!("exit {}", code.unwrap_or(0)),
                };
                self.tell(seq, &call, &format!("{how}, {}", units::duration(ran.ms)))
            }
            Step::Ran { call, ran } if !ran.feedback.is_empty() => {
                self.tell(seq, &call, &format!("hooks say: {}", ran.feedback.lines().next().unwrap_or_default()))
            }
            Step::Broke { call, broke } => {
                let message = if broke.message.is_empty() { String::new() } else { format!(": {}", broke.message) };
                self.tell(seq, &call, &format!("{}{message}", outcome(&broke.code)))
            }
            Step::Decided { call, decided, .. } if decided.decision == Decision::Deny => {
                let by = if decided.who == "rule" || decided.who.is_empty() {
                    format!("rule {}", decided.rule)
                } else {
                    format!("by {}", decided.who)
                };
                let why = if decided.why.is_empty() { String::new() } else { format!(": {}", decided.why) };
                self.tell(seq, &call, &format!("refused, {by}{why}"))
            }
            Step::Asked(call) => {
                let why = call.asked.as_ref().map(|(_, asked)| asked.why.clone()).unwrap_or_default();
                self.tell(seq, &call, &format!("waits for a decision: {why}"))
            }
            Step::Tried(call) => {
                let how = call.tried.as_ref().map_or_else(String::new, |(_, tried)| {
                    let exit = tried.outcome.exit.map(|exit| format!("exit {exit}, ")).unwrap_or_default();
                    format!(
                        "tried in a copy: {exit}{}",
                        crate::text::plural(tried.outcome.changed.len() as u64, "file")
                    )
                });
                self.tell(seq, &call, &format!("{how} changed"))
            }
            Step::Untried(failed) => self.say(&format!("@{seq} not tried: {}", failed.message)),
            Step::Budget { exceeded: false, budget } => {
                let words = head::budget_line(&budget, &self.style).words();
                self.say(&format!("@{seq} {}", words.trim_start_matches(['!', ' '])))
            }
            Step::Unsaid(vetted) => {
                self.say(&format!("@{seq} message refused by hook {}: {}", vetted.hook, vetted.why))
            }
            Step::Held(held) => self.say(&format!("@{seq} hook {} keeps the turn going: {}", held.hook, held.why)),
            Step::Compacted(done) => {
                let words = head::compacted(&done).words();
                self.say(&format!("@{seq} {words}"))
            }
            Step::AnswerFailed(failed) => {
                let why =
                    if failed.message.is_empty() { outcome(&failed.code).to_owned() } else { failed.message.clone() };
                self.failure = Some((seq, why));
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    /// How it stands at `now` (ms since 1970), when it is time to say so: `ace: 10 s  turn 1, call 3  shell make test  $0.0101`.
    pub fn progress(&mut self, now: i64) -> Vec<Text> {
        let first = *self.first.get_or_insert(now);
        if self.every == 0 || between(first.max(self.last), now) < self.every {
            return Vec::new();
        }
        self.last = now;
        let mut place = format!("turn {}", self.ledger.turn.max(1));
        let mut what = String::new();
        if let Some(call) = self.ledger.running().next() {
            place += &format!(", call {}", call.ordinal);
            what = format!("  {}", name(call));
        } else if self.ledger.model_since().is_some() {
            let provider = self.facts.model.split('/').next().unwrap_or_default();
            what = format!("  waits for {provider}");
        }
        let cost = if self.facts.played { units::money(0) } else { units::cost(self.ledger.cost()) };
        self.say(&format!("{}  {place}{what}  {cost}", units::seconds(between(first, now))))
    }

    /// The log's path, then the verdict, to be found by grep. Why it failed is for whoever started the run to say.
    pub fn verdict(&mut self) -> Vec<Text> {
        let (mark, word) = verdict::word(&self.ledger);
        let mut out = Vec::new();
        if !self.facts.log.is_empty() {
            out.extend(self.say(&format!("log {}", self.facts.log)));
        }
        let (worked, waited) = self.ledger.wall();
        let mut line = format!("{word} in {}", units::duration(worked));
        if waited > 0 {
            line += &format!(" (+{} waiting)", units::duration(waited));
        }
        if let (Mark::Waits, Some(call)) = (mark, self.ledger.waiting().next()) {
            let seq = call.asked.as_ref().map_or(0, |(seq, _)| *seq);
            line += &format!(", asks @{seq} {}", name(call));
        }
        let (files, ..) = self.ledger.changes();
        if files > 0 {
            line += &format!(", {} changed", plural(files, "file"));
        }
        if self.ledger.model_calls > 0 {
            let cost = if self.facts.played {
                format!("{} played from a recording", units::money(0))
            } else {
                units::cost(self.ledger.cost())
            };
            let tokens = verdict::tokens(&self.ledger);
            line += &format!(", {cost}{}{tokens}", if tokens.is_empty() { "" } else { ", " });
        }
        if !self.style.quiet || mark != Mark::Done {
            out.push(prefixed(&line));
        }
        out
    }

    fn tell(&self, seq: u64, call: &Call, what: &str) -> Vec<Text> {
        self.say(&format!("@{seq} {}: {what}", name(call)))
    }

    fn say(&self, words: &str) -> Vec<Text> {
        if self.style.quiet { Vec::new() } else { vec![prefixed(words)] }
    }
}

fn name(call: &Call) -> String {
    format!("{} {}", call.tool, call.subject).trim().to_owned()
}

fn prefixed(words: &str) -> Text {
    Text::of(Role::Plain, "ace: ").plain(visible(&clean_line(words), Role::Plain).words())
}

/// Colours and the like go, line ends stay to be shown.
fn clean_line(words: &str) -> String {
    words.split('\n').map(clean).collect::<Vec<_>>().join("\n")
}
