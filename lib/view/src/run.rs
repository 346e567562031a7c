//! A run on a terminal, as it happens: head lines, calls, the model's words, the tail that is not recorded yet, the verdict.
//! What it gives out as scrollback is final; only the tail is ever painted again. It must never know the terminal itself.

use ace_schema::Line;
use ace_schema::data::{Code, ModelCompleted, ModelDelta, ModelFailed, Part};
use ace_schema::permission::Decision;
use ace_schema::{Class, ty};

use crate::ask::{self, Question};
use crate::call::{self, CallLine};
use crate::clean::{clean, visible};
use crate::facts::{Next, SessionFacts};
use crate::head::{self, budget_line, prompt};
use crate::ledger::Ledger;
use crate::markdown::Markdown;
use crate::step::{Call, End, Step};
use crate::stream::Stream;
use crate::style::{Mark, Role, Style};
use crate::text::Text;
use crate::time::between;
use crate::{units, verdict};

/// What stood last: calls stand together, the model's words have blank lines around them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Block {
    Start,
    Head,
    Calls,
    Words,
    Thought,
    End,
}

/// A question longer than this stands in the scrollback at once: the tail must stay small.
const QUESTION_ROWS: usize = 10;
/// Silence after which the line says who is waited for, ms.
const SILENCE_MS: u64 = 10_000;

/// The screen of one run.
#[derive(Debug, Clone)]
pub struct RunView {
    /// How lines look; the width may be set anew before every line.
    pub style: Style,
    facts: SessionFacts,
    ledger: Ledger,
    markdown: Markdown,
    stream: Stream,
    /// Why the last answer failed, if that has not been said yet.
    failure: String,
    last: Block,
    blank: bool,
    begun: bool,
    ended: bool,
}

impl RunView {
    /// An empty screen.
    #[must_use]
    pub fn new(style: Style) -> Self {
        Self {
            style,
            facts: SessionFacts::default(),
            ledger: Ledger::default(),
            markdown: Markdown::default(),
            stream: Stream::default(),
            failure: String::new(),
            last: Block::Start,
            blank: false,
            begun: false,
            ended: false,
        }
    }

    /// The sums so far.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The facts the screen was begun with.
    #[must_use]
    pub fn facts(&self) -> &SessionFacts {
        &self.facts
    }

    /// The head lines. Without this call, `session.created` gives them.
    pub fn begin(&mut self, facts: &SessionFacts) -> Vec<Text> {
        self.facts = facts.clone();
        self.begun = true;
        let lines = head::head(facts, &self.style);
        self.emit(Block::Head, lines)
    }

    /// A recorded line that was on a screen before: what is open is learned, nothing is shown, and the sums start after it.
    pub fn history(&mut self, line: &Line) {
        self.ledger.fold(line);
        self.ledger.forget_sums();
    }

    /// The next recorded line: what is final scrollback now.
    pub fn recorded(&mut self, line: &Line) -> Vec<Text> {
        let Some(seq) = line.seq else { return Vec::new() };
        let step = self.ledger.fold(line);
        let mut out = self.settle(&step);
        out.extend(self.step(step, seq));
        out
    }

    /// Why the model's answer failed is said when it is known that the turn's end does not say the same.
    fn settle(&mut self, step: &Step) -> Vec<Text> {
        let said = std::mem::take(&mut self.failure);
        if said.is_empty() || matches!(step, Step::Ended(End::Failed(end)) if end.message == said) {
            return Vec::new();
        }
        let why = clean(&said).replace('\n', " ");
        let lines = Text::marked(Mark::Warns, &self.style).plain(why).wrap(self.style.width, 2);
        self.emit(Block::Calls, lines)
    }

    fn step(&mut self, step: Step, seq: u64) -> Vec<Text> {
        match step {
            Step::Created(created) if !self.begun => self.begin(&SessionFacts::of(&created)),
            Step::Said(said) if self.facts.show_prompt && !said.compact => {
                let lines = head::said(&said, &self.style);
                self.emit(Block::Words, lines)
            }
            Step::TurnStarted => {
                self.ended = false;
                Vec::new()
            }
            Step::ModelAsked => {
                self.stream = Stream { heard: self.ledger.model_since().unwrap_or(0), ..Stream::default() };
                Vec::new()
            }
            Step::Answered(done) => self.answered(&done, seq),
            Step::AnswerFailed(failed) => self.answer_failed(&failed, seq),
            Step::Asked(call) => {
                let mut lines = self.question_block(&call);
                if self.style.plain && self.facts.answerable {
                    lines.extend(self.keys(&call));
                }
                if self.style.plain || !fits_tail(&lines, &self.style) {
                    self.emit(Block::Calls, lines)
                } else {
                    Vec::new()
                }
            }
            Step::Tried(call) => {
                // Where nothing is painted anew it stands here, with the keys; else below.
                let mut lines = ask::tried(&call, &self.facts, &self.style);
                if self.style.plain && self.facts.answerable {
                    lines.extend(self.keys(&call));
                }
                if self.style.plain { self.emit(Block::Calls, lines) } else { Vec::new() }
            }
            Step::Untried(failed) => {
                let line = Text::marked(Mark::Warns, &self.style).plain("not tried: ").plain(clean(&failed.message));
                let lines = vec![call::numbered(line, seq, &self.style)];
                self.emit(Block::Calls, lines)
            }
            Step::Decided { call, decided, asked } => {
                let lines = match decided.decision {
                    _ if asked => vec![ask::answered(&call, &decided, seq, &self.facts, &self.style)],
                    Decision::Deny => call::refused(&call, &decided, seq, &self.facts, &self.style),
                    _ => return Vec::new(),
                };
                self.emit(Block::Calls, lines)
            }
            Step::Ran { call, ran } => {
                let lines = call::ran(&call, &ran, seq, &self.facts, &self.style);
                self.emit(Block::Calls, lines)
            }
            Step::Broke { call, broke } => {
                let lines = call::broke(&call, &broke, seq, &self.facts, &self.style);
                self.emit(Block::Calls, lines)
            }
            Step::Ended(End::Cancelled(_)) => {
                let line = Text::marked(Mark::Warns, &self.style).plain("cancelled");
                let lines = vec![call::numbered(line, seq, &self.style)];
                self.emit(Block::Calls, lines)
            }
            Step::Compacted(done) => {
                let line = Text::marked(Mark::Done, &self.style).and(crate::head::compacted(&done));
                let lines = vec![call::numbered(line, seq, &self.style)];
                self.emit(Block::Calls, lines)
            }
            Step::Unsaid(vetted) => {
                let lines = call::unsaid(&vetted, seq, &self.style);
                self.emit(Block::Calls, lines)
            }
            Step::Held(held) => {
                let lines = call::held(&held, seq, &self.facts, &self.style);
                self.emit(Block::Calls, lines)
            }
            // That it is spent is what the verdict says.
            Step::Budget { exceeded: false, budget } => {
                let lines = vec![call::numbered(budget_line(&budget, &self.style), seq, &self.style)];
                self.emit(Block::Calls, lines)
            }
            _ => Vec::new(),
        }
    }

    /// What a person said, as they typed it.
    pub fn said(&mut self, text: &str) -> Vec<Text> {
        let lines = prompt(text, &self.style);
        self.emit(Block::Words, lines)
    }

    /// A line of chalk that came at `now` (ms since 1970): the model's lines that are whole now.
    pub fn chalk(&mut self, line: &Line, now: i64) -> Vec<Text> {
        if line.class() != Class::Chalk || line.ty != ty::MODEL_DELTA || !self.ledger.is_asking(line) {
            return Vec::new();
        }
        let Ok(delta) = line.data::<ModelDelta>() else { return Vec::new() };
        self.stream.heard = now;
        if !delta.note.is_empty() {
            self.stream.note = delta.note;
            return Vec::new();
        }
        self.stream.note.clear();
        let mut out = Vec::new();
        if !delta.reasoning.is_empty() {
            let (since, _) = self.stream.thinking.unwrap_or((now, now));
            self.stream.thinking = Some((since, now));
            if self.style.reasoning && !self.holds() {
                let lines = self.stream.thought.push(&delta.reasoning);
                out.extend(self.thought(lines));
            } else {
                self.stream.thought.hold(&delta.reasoning);
            }
        }
        if !delta.text.is_empty() {
            if self.holds() {
                self.stream.words.hold(&delta.text);
            } else {
                let lines = self.stream.words.push(&delta.text);
                out.extend(self.thought_done(0, ""));
                out.extend(self.words(lines));
            }
        }
        if !delta.call.is_empty() {
            self.stream.call = delta.call;
        }
        out
    }

    /// What is not recorded yet, to be painted again: at most half of `rows`, but for a question, which is never cut.
    #[must_use]
    pub fn tail(&self, now: i64, rows: usize) -> Vec<Text> {
        if self.style.plain || self.style.quiet {
            return Vec::new();
        }
        let most = (rows / 2).max(2);
        let mut out = self.partial(most);
        let spoken = !out.is_empty();
        out.extend(self.running(now, most.saturating_sub(out.len()).max(2), spoken));
        out.drain(..out.len().saturating_sub(most));
        out.extend(self.open_question());
        out.into_iter().map(|line| line.cut_end(self.style.width, &self.style)).collect()
    }

    /// The open question that a person has to answer first: its call and the seq of the request.
    #[must_use]
    pub fn question(&self) -> Option<(&Call, u64)> {
        let call = self.ledger.waiting().next()?;
        Some((call, call.asked.as_ref().map_or(0, |(seq, _)| *seq)))
    }

    /// The end: verdict, changes, cost, log, and the commands to go on with (the first is what waits). With `quiet`, nothing if
    /// all went well.
    pub fn verdict(&mut self, next: &[Next]) -> Vec<Text> {
        if self.ended || (self.style.quiet && verdict::word(&self.ledger).0 == Mark::Done) {
            return Vec::new();
        }
        self.ended = true;
        let mut out = self.settle(&Step::Other);
        let lines = verdict::block(&self.facts, &self.ledger, next, &self.style);
        let loud = std::mem::take(&mut self.style.quiet);
        out.extend(self.emit(Block::End, lines));
        self.style.quiet = loud;
        out
    }

    /// A note that stops nothing, such as that 3 uncommitted files stay behind.
    pub fn note(&mut self, words: &str) -> Vec<Text> {
        let words = clean(words).replace('\n', " ");
        let lines = Text::marked(Mark::Warns, &self.style).plain(words).wrap(self.style.width, 2);
        self.emit(Block::Calls, lines)
    }

    fn holds(&self) -> bool {
        self.style.plain || self.facts.hide_answer
    }

    /// Adds the blank lines that the blocks want between them.
    fn emit(&mut self, block: Block, lines: Vec<Text>) -> Vec<Text> {
        let mut out = Vec::new();
        if self.style.quiet {
            return out;
        }
        for line in lines {
            if self.last != block {
                // Head and calls stand together; nothing stands above the first line.
                let close = self.last == Block::Start || (self.last == Block::Head && block == Block::Calls);
                self.blank = !close;
                if line.is_empty() {
                    continue;
                }
            } else if line.is_empty() {
                self.blank = true;
                continue;
            }
            if std::mem::take(&mut self.blank) {
                out.push(Text::new());
            }
            self.last = block;
            out.push(line);
        }
        out
    }

    fn words(&mut self, lines: Vec<String>) -> Vec<Text> {
        let drawn: Vec<Text> = lines.iter().flat_map(|l| self.markdown.line(l, &self.style)).collect();
        self.emit(Block::Words, drawn)
    }

    fn thought(&mut self, lines: Vec<String>) -> Vec<Text> {
        let draw = |l: &String| Text::of(Role::Dim, clean(l)).wrap(self.style.width, 0);
        let drawn = lines.iter().flat_map(draw).collect();
        self.emit(Block::Thought, drawn)
    }

    /// Reasoning has ended: its one line, or what is left of it.
    fn thought_done(&mut self, tokens: u64, whole: &str) -> Vec<Text> {
        if self.stream.thought_told || (self.stream.thinking.is_none() && tokens == 0 && whole.is_empty()) {
            return Vec::new();
        }
        self.stream.thought_told = true;
        if self.style.reasoning {
            let lines = self.stream.thought.finish(whole);
            return self.thought(lines);
        }
        let time = self.stream.thinking.map(|(from, to)| units::seconds(between(from, to)));
        let size = (tokens > 0).then(|| format!("{} tokens", units::tokens(tokens)));
        let facts: Vec<String> = time.into_iter().chain(size).collect();
        let line = Text::of(Role::Dim, format!("thought {}", facts.join(", ")).trim_end());
        self.emit(Block::Calls, vec![line])
    }

    fn answered(&mut self, done: &ModelCompleted, seq: u64) -> Vec<Text> {
        let (words, thought) = (whole(&done.parts, false), whole(&done.parts, true));
        let mut out = self.thought_done(done.usage.reasoning, &thought);
        let blob = done.parts.iter().find_map(|p| if let Part::TextBlob(blob) = p { Some(blob.bytes) } else { None });
        if self.facts.hide_answer && done.calls == 0 {
            self.stream = Stream::default();
            return out;
        }
        let unseen = self.stream.words.got.is_empty();
        let lines = self.stream.words.finish(if blob.is_some() { "" } else { &words });
        out.extend(self.words(lines));
        let rest = self.markdown.end(&self.style);
        out.extend(self.emit(Block::Words, rest));
        if let Some(bytes) = blob.filter(|_| unseen) {
            let line = Text::of(Role::Dim, format!("{} of text: ", units::bytes(bytes)))
                .and(call::show(&self.facts.name, seq));
            out.extend(self.emit(Block::Words, vec![line]));
        }
        self.stream = Stream::default();
        out
    }

    fn answer_failed(&mut self, failed: &ModelFailed, seq: u64) -> Vec<Text> {
        let mut out = self.thought_done(0, "");
        let lines = self.stream.words.finish(&failed.text);
        out.extend(self.words(lines));
        let rest = self.markdown.end(&self.style);
        out.extend(self.emit(Block::Words, rest));
        // A person's order was shown when it came.
        let cancelled = failed.code == Code::Cancelled;
        self.failure = if cancelled { String::new() } else { failed.message.clone() };
        if !failed.dropped_call.is_empty() {
            let dropped = visible(&failed.dropped_call, Role::Plain).words();
            let line = Text::marked(Mark::Warns, &self.style).plain(format!("cut off, not run: {dropped}"));
            let line = call::numbered(line, seq, &self.style);
            out.extend(self.emit(Block::Calls, vec![line]));
        } else if self.failure.is_empty() && !cancelled {
            self.failure = crate::step::outcome(&failed.code).to_owned();
        }
        self.stream = Stream::default();
        out
    }

    /// The model's line that has no end yet.
    fn partial(&self, most: usize) -> Vec<Text> {
        let text = self.stream.words.partial();
        if text.is_empty() || self.holds() {
            return Vec::new();
        }
        // Only the end is shown, so only the end is looked at.
        let keep = most * self.style.width * 4;
        let cut = text.len().saturating_sub(keep);
        let start = (cut..text.len()).find(|i| text.is_char_boundary(*i)).unwrap_or(text.len());
        let rows = if start == 0 {
            self.markdown.begun(text, &self.style)
        } else {
            crate::markdown::inline(&clean(&text[start..])).wrap(self.style.width, 0)
        };
        if rows.is_empty() {
            return Vec::new();
        }
        let skip = (rows.len() + 1).saturating_sub(most);
        let blank = self.blank || !matches!(self.last, Block::Start | Block::Words);
        blank.then(Text::new).into_iter().chain(rows.into_iter().skip(skip)).collect()
    }

    fn running(&self, now: i64, most: usize, spoken: bool) -> Vec<Text> {
        let unsandboxed = self.facts.sandbox == "off";
        let calls: Vec<&Call> = self.ledger.running().collect();
        let shown = if calls.len() > most { most - 1 } else { calls.len() };
        let mut out: Vec<Text> = calls[..shown]
            .iter()
            .map(|call| {
                let mut line = CallLine::of(Mark::Runs, call, unsandboxed);
                line.time = counting(call.started.map_or(0, |at| between(at, now)));
                line.draw(&self.style)
            })
            .collect();
        if calls.len() > shown {
            let more = units::count((calls.len() - shown) as u64);
            out.push(Text::marked(Mark::Runs, &self.style).plain(format!("{more} more running")));
        }
        if !self.stream.note.is_empty() {
            let note = clean(&self.stream.note).replace('\n', " ");
            out.push(Text::marked(Mark::Warns, &self.style).plain(note).cut_end(self.style.width, &self.style));
        } else if let Some(since) = self.ledger.model_since().filter(|_| !spoken) {
            out.extend(self.model_line(since, now));
        }
        if !out.is_empty() && !spoken && matches!(self.last, Block::Words | Block::Thought) {
            out.insert(0, Text::new());
        }
        out
    }

    /// The model's own line while no words come.
    fn model_line(&self, since: i64, now: i64) -> Option<Text> {
        let (provider, model) = self.facts.model.split_once('/').unwrap_or(("", &self.facts.model));
        let silent = between(self.stream.heard.max(since), now);
        if silent >= SILENCE_MS {
            let whom = if provider.is_empty() { model } else { provider };
            let line = Text::marked(Mark::Runs, &self.style).plain("waits for ").and(visible(whom, Role::Plain));
            return Some(line.dim(format!(" {}", units::seconds(silent))));
        }
        let time = counting(between(since, now));
        if time.is_empty() {
            return None;
        }
        let call = Call { tool: "model".to_owned(), subject: model.to_owned(), ..Call::default() };
        let mut line = CallLine::of(Mark::Runs, &call, false);
        if !self.stream.call.is_empty() {
            line.argument = line.argument.dim(", writes a call of ").and(visible(&self.stream.call, Role::Dim));
        }
        line.time = time;
        Some(line.draw(&self.style))
    }

    fn question_block(&self, call: &Call) -> Vec<Text> {
        let Some((_, asked)) = &call.asked else { return Vec::new() };
        let open = self.ledger.waiting().count();
        let at = self.ledger.waiting().position(|c| c.id == call.id).unwrap_or(0) + 1;
        ask::block(&Question { call, asked, position: (at, open), patch: None }, &self.facts, &self.style)
    }

    fn open_question(&self) -> Vec<Text> {
        let Some(call) = self.ledger.waiting().next() else { return Vec::new() };
        let lines = self.question_block(call);
        // A long one stands above, whole: what the keys are for is said again.
        let mut out = if fits_tail(&lines, &self.style) { lines } else { lines.into_iter().take(1).collect() };
        out.extend(ask::tried(call, &self.facts, &self.style));
        if matches!(self.last, Block::Words | Block::Thought) {
            out.insert(0, Text::new());
        }
        if self.facts.answerable {
            out.extend(self.keys(call));
        }
        out
    }

    /// The keys that answer this call's question.
    fn keys(&self, call: &Call) -> Vec<Text> {
        let ruled = call.asked.as_ref().is_some_and(|(_, asked)| asked.proposal.is_some());
        ask::keys_of(call, ruled, self.facts.in_project, &self.style)
    }

    /// The same tail at an open question, with other lines in place of its keys.
    #[must_use]
    pub fn with_instead(&self, mut tail: Vec<Text>, instead: Vec<Text>) -> Vec<Text> {
        if let Some(call) = self.ledger.waiting().next().filter(|_| self.facts.answerable) {
            tail.truncate(tail.len().saturating_sub(self.keys(call).len()));
        }
        tail.extend(instead.into_iter().map(|line| line.cut_end(self.style.width, &self.style)));
        tail
    }
}

/// The seconds of what runs, from the first on.
fn counting(ms: u64) -> String {
    if ms < 1000 { String::new() } else { units::seconds(ms) }
}

fn fits_tail(lines: &[Text], style: &Style) -> bool {
    lines.len() <= QUESTION_ROWS && lines.iter().all(|l| l.cells() <= style.width)
}

/// The text or reasoning of an answer, as one.
fn whole(parts: &[Part], reasoning: bool) -> String {
    parts
        .iter()
        .filter_map(|part| match part {
            Part::Text(text) if !reasoning => Some(text.as_str()),
            Part::Reasoning(text) if reasoning => Some(text.as_str()),
            _ => None,
        })
        .collect()
}
