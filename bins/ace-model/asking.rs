//! The thread that asks providers: one request at a time, its pieces as chalk while they come, its answer as one batch of drafts.

use ace_model_gateway::{Ask, Client, Event, Failure, Options, Provider, RECORDED, Secret, Settings, Tape, Transcript};
use ace_pipe::Out;
use ace_prices::Table;
use ace_schema::data::{BlobRef, BudgetReserved, Code, ModelCompleted, ModelDelta, Part, ToolCall};
use ace_schema::message::{Extras, Message, Meta, Piece, Stop, Usage};
use ace_schema::{Drafter, draft, limits, ty};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::value::RawValue;
use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};

use crate::bill::{self, Bill};
use crate::filter::failed;
use crate::record::Recorder;
use crate::shaped;

/// One context to be answered.
pub struct Job {
    /// Session id.
    pub session: String,
    /// The claim that the answer closes (the context itself, where there is no log).
    pub claim: String,
    /// Turn.
    pub turn: u32,
    /// `provider/name`.
    pub model: String,
    /// System text.
    pub system: Arc<str>,
    /// Tool list, or empty.
    pub tools: Arc<str>,
    /// JSON Schema that the answer has to fit, or empty.
    pub schema: Arc<str>,
    /// Messages that came since the last job.
    pub news: Vec<Message>,
    /// All that came before is forgotten: the conversation was made shorter.
    pub anew: bool,
    /// What was set aside for the answer, where limits hold.
    pub reserved: Option<BudgetReserved>,
    /// Answers that the model has given in this session.
    pub answers: usize,
    /// A summary is wanted: the whole conversation as it is shown for it.
    pub summary: Option<Vec<Message>>,
}

/// The handle on the thread.
pub struct Asking {
    jobs: mpsc::UnboundedSender<(Job, oneshot::Receiver<()>)>,
    cancels: HashMap<String, oneshot::Sender<()>>,
    open: Arc<(Mutex<usize>, Condvar)>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Asking {
    /// Starts the thread. `find` turns the names of a provider and its model into
    /// the provider.
    pub fn start(
        (settings, prices): (Settings, Arc<Table>),
        random: u64,
        out: Out,
        find: impl Fn(&str, &str) -> Option<Provider> + Send + 'static,
        recorder: Option<Recorder>,
    ) -> std::io::Result<Self> {
        let (jobs, inbox) = mpsc::unbounded_channel();
        let open = Arc::new((Mutex::new(0), Condvar::new()));
        let counter = open.clone();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::Builder::new().name("asking".to_owned()).spawn(move || {
            let drafter = Drafter::new("ace-model", random);
            let chalker = Drafter::new("ace-model", random.rotate_left(17));
            let desk = Desk {
                client: Client::new(settings),
                prices,
                drafter,
                chalker,
                out,
                providers: HashMap::new(),
                recorder,
                said: Vec::new(),
            };
            runtime.block_on(desk.work(inbox, find, counter));
        })?;
        Ok(Self { jobs, cancels: HashMap::new(), open })
    }

    /// Asks as soon as the request before it is done.
    pub fn ask(&mut self, job: Job) {
        let (cancel, cancelled) = oneshot::channel();
        self.cancels.retain(|_, c| !c.is_closed());
        self.cancels.insert(job.claim.clone(), cancel);
        *lock(&self.open.0) += 1;
        // The thread lives as long as this handle does.
        let _ = self.jobs.send((job, cancelled));
    }

    /// Lets a request go: its socket closes and what had arrived is recorded.
    pub fn cancel(&mut self, claim: &str) {
        if let Some(cancel) = self.cancels.remove(claim) {
            let _ = cancel.send(());
        }
    }

    /// Whether nothing is asked any more; waits for it at most this long.
    pub fn is_idle(&self, patience: Duration) -> bool {
        let open = lock(&self.open.0);
        let (open, _) =
            self.open.1.wait_timeout_while(open, patience, |n| *n > 0).unwrap_or_else(PoisonError::into_inner);
        *open == 0
    }
}

/// What the thread keeps.
struct Desk {
    client: Client,
    prices: Arc<Table>,
    drafter: Drafter,
    /// Signs chalk: how much of it there is depends on time, which must not show in the ids of records.
    chalker: Drafter,
    out: Out,
    /// A provider and the conversation in its format, by `provider/name`: what one model has signed another cannot read.
    providers: HashMap<String, (Provider, Transcript, usize)>,
    /// The conversation.
    said: Vec<Message>,
    /// Where answers are kept as they come.
    recorder: Option<Recorder>,
}

impl Desk {
    async fn work(
        mut self,
        mut inbox: mpsc::UnboundedReceiver<(Job, oneshot::Receiver<()>)>,
        find: impl Fn(&str, &str) -> Option<Provider>,
        open: Arc<(Mutex<usize>, Condvar)>,
    ) {
        while let Some((job, cancelled)) = inbox.recv().await {
            let drafts = self.answer(job, cancelled, &find).await;
            // A closed output is noticed by the filter's loop.
            let _ = self.out.write(&drafts);
            *lock(&open.0) -= 1;
            open.1.notify_all();
        }
    }

    async fn answer(
        &mut self,
        job: Job,
        cancelled: oneshot::Receiver<()>,
        find: &impl Fn(&str, &str) -> Option<Provider>,
    ) -> Vec<u8> {
        self.drafter.set_session(&job.session);
        self.chalker.set_session(&job.session);
        if job.anew {
            self.said.clear();
            self.providers.clear();
        }
        self.said.extend(job.news);
        let (name, model) = job.model.split_once('/').unwrap_or((&job.model, ""));
        if !self.providers.contains_key(&job.model) {
            let Some(provider) = find(name, model) else {
                let data = failed(Code::Config, format!("no provider '{name}' is configured"));
                return self.drafter.draft(job.turn, &job.claim, ty::MODEL_FAILED, &data).1;
            };
            let transcript = Transcript::new(&provider, model);
            self.providers.insert(job.model.clone(), (provider, transcript, 0));
        }
        let Some((provider, transcript, told)) = self.providers.get_mut(&job.model) else { return Vec::new() };
        transcript.extend(&self.said[*told..]);
        *told = self.said.len();
        transcript.answered(job.answers);
        let shown = job.summary.as_ref().map(|shown| {
            let mut transcript = Transcript::new(provider, model);
            transcript.extend(shown);
            transcript.answered(job.answers);
            transcript
        });
        let transcript = shown.as_ref().unwrap_or(transcript);
        // A wire without a way of its own is offered a tool that takes the answer.
        let own = ace_model_gateway::find(&provider.wire).is_some_and(|wire| wire.capabilities().schema);
        let with_answer =
            if job.schema.is_empty() || own { None } else { Some(shaped::offer(&job.tools, &job.schema)) };
        let tools = with_answer.as_deref().unwrap_or(&job.tools);
        let schema = if own { &*job.schema } else { "" };
        let output = job.reserved.as_ref().map(|r| r.output).filter(|n| *n > 0);
        let ask = Ask { model, system: &job.system, tools, schema, session: &job.session, output };
        let refused = self.recorder.as_ref().and_then(|recorder| recorder.refuses(job.answers));
        if let Some(why) = refused {
            let data = failed(Code::Config, why);
            return self.drafter.draft(job.turn, &job.claim, ty::MODEL_FAILED, &data).1;
        }
        let mut tape = self.recorder.as_ref().map(|_| Tape::new());
        let start = Instant::now();
        let said = job.summary.as_ref().unwrap_or(&self.said);
        let bill = Bill {
            prices: &self.prices,
            model: &job.model,
            recorded: provider.wire == RECORDED,
            input: job.reserved.as_ref().map_or_else(|| bill::input(&job.system, tools, said), |r| r.input),
        };
        let drafters = (&mut self.drafter, &mut self.chalker);
        let heard = Mutex::new(Heard::new(self.out.clone(), drafters, (job.turn, &job.claim), bill));
        lock(&heard).sums_up = shown.is_some();
        lock(&heard).schema.clone_from(&job.schema);
        let mut on = |event| lock(&heard).take(event);
        let result = {
            let answering = self.client.answer_taped(provider, &ask, transcript, tape.as_mut(), &mut on);
            tokio::pin!(answering);
            tokio::pin!(cancelled);
            let mut tick = tokio::time::interval(Heard::RHYTHM);
            loop {
                tokio::select! {
                    biased;
                    // Only an order cancels; the end of the filter, which drops the sender, does not.
                    Ok(()) = &mut cancelled => break None,
                    result = &mut answering => break Some(result),
                    _ = tick.tick() => lock(&heard).flush(),
                }
            }
        };
        let mut heard = heard.into_inner().unwrap_or_else(PoisonError::into_inner);
        // The name of a call that is whole by now is in the record: no need to announce it.
        if result.as_ref().is_none_or(Result::is_err) || heard.has_words() {
            heard.flush();
        }
        if let (Some(recorder), Some(tape)) = (&mut self.recorder, tape) {
            let cancelled = Failure { code: Code::Cancelled, message: String::new(), hint: String::new(), retried: 0 };
            let failure = result.as_ref().map_or(Some(&cancelled), |result| result.as_ref().err());
            if let Err(e) = recorder.keep(tape, job.answers, (&job.model, &provider.wire), failure) {
                heard.fail_later(format!("cannot record: {e}"));
            }
        }
        match result {
            Some(Ok(_)) => heard.complete((provider, model), start.elapsed()),
            Some(Err(failure)) => heard.fail(failure),
            None => heard.fail_with(Code::Cancelled, String::new(), String::new()),
        }
    }
}

/// What has been heard of an answer so far.
struct Heard<'a> {
    out: Out,
    drafter: &'a mut Drafter,
    chalker: &'a mut Drafter,
    turn: u32,
    claim: &'a str,
    text: String,
    reasoning: String,
    calls: Vec<(String, String, String)>,
    /// A call that has begun and is not whole.
    begun: String,
    usage: Usage,
    extras: Extras,
    bill: Bill<'a>,
    stop: Option<Stop>,
    /// It is a summary: nobody is shown it as an answer, and calls it asks for are not what was wanted.
    sums_up: bool,
    /// The schema that it has to fit, or empty.
    schema: Arc<str>,
    /// Chalk that waits for its moment.
    chalk: ModelDelta,
    chalked: Option<Instant>,
}

impl<'a> Heard<'a> {
    const RHYTHM: Duration = Duration::from_millis(1000 / limits::DELTAS_PER_SECOND);

    fn new(
        out: Out,
        (drafter, chalker): (&'a mut Drafter, &'a mut Drafter),
        (turn, claim): (u32, &'a str),
        bill: Bill<'a>,
    ) -> Self {
        Self {
            out,
            drafter,
            chalker,
            turn,
            claim,
            text: String::new(),
            reasoning: String::new(),
            calls: Vec::new(),
            begun: String::new(),
            usage: Usage::default(),
            extras: Extras::default(),
            bill,
            stop: None,
            sums_up: false,
            schema: Arc::from(""),
            chalk: ModelDelta::default(),
            chalked: None,
        }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Piece(Piece::Text(text)) if self.sums_up => self.text.push_str(&text),
            Event::Piece(Piece::Reasoning(text)) if self.sums_up => self.reasoning.push_str(&text),
            Event::Piece(Piece::CallBegins(_) | Piece::Call { .. }) if self.sums_up => {}
            Event::Piece(Piece::Text(text)) => {
                self.text.push_str(&text);
                self.chalk.text.push_str(&text);
            }
            Event::Piece(Piece::Reasoning(text)) => {
                self.reasoning.push_str(&text);
                self.chalk.reasoning.push_str(&text);
            }
            Event::Piece(Piece::CallBegins(tool)) => {
                self.begun.clone_from(&tool);
                self.chalk.call = tool;
            }
            Event::Piece(Piece::Call { tool, args, meta }) => {
                self.begun.clear();
                self.calls.push((tool, args, meta));
            }
            Event::Piece(Piece::Usage(usage)) => self.usage = usage,
            Event::Piece(Piece::Extras(extras)) => self.extras = extras,
            Event::Piece(Piece::Stop(stop)) => self.stop = Some(stop),
            Event::Note(note) => {
                self.flush();
                self.chalk.note = note;
                self.flush();
            }
        }
        // Words are shown at once; that a call begins can wait for the next beat, by which a short one is whole.
        if self.has_words() && self.chalked.is_none_or(|t| t.elapsed() >= Self::RHYTHM) {
            self.flush();
        }
    }

    fn has_words(&self) -> bool {
        !(self.chalk.text.is_empty() && self.chalk.reasoning.is_empty())
    }

    /// Hands on the chalk that has gathered.
    fn flush(&mut self) {
        if self.chalk == ModelDelta::default() {
            return;
        }
        let mut chalk = std::mem::take(&mut self.chalk);
        // One delta is a line; a burst longer than that is several.
        while chalk.text.len() + chalk.reasoning.len() > limits::INLINE_BYTES {
            let (from, to) = if chalk.text.len() > chalk.reasoning.len() {
                (&mut chalk.text, true)
            } else {
                (&mut chalk.reasoning, false)
            };
            let cut = from.floor_char_boundary(limits::INLINE_BYTES / 2);
            let rest = from.split_off(cut);
            let head = std::mem::replace(from, rest);
            let part = if to {
                ModelDelta { text: head, ..ModelDelta::default() }
            } else {
                ModelDelta { reasoning: head, ..ModelDelta::default() }
            };
            self.write(&part);
        }
        self.write(&chalk);
        self.chalked = Some(Instant::now());
    }

    fn write(&mut self, chalk: &ModelDelta) {
        let (_, line) = self.chalker.draft(self.turn, self.claim, ty::MODEL_DELTA, chalk);
        let _ = self.out.write(&line);
    }

    /// The answer as one batch: its calls, then itself, so that no call is due before the answer is recorded.
    fn complete(mut self, of: (&Provider, &str), took: Duration) -> Vec<u8> {
        if let Some(answer) = shaped::answer(&self.calls, &self.schema) {
            self.text = answer;
            self.calls.clear();
            self.stop = Some(Stop::End);
        }
        let mut drafts = Vec::new();
        let (turn, claim) = (self.turn, self.claim);
        for (tool, args, meta) in &self.calls {
            let mut call =
                ToolCall { tool: tool.clone(), args: None, blob: None, source: Default::default(), meta: None };
            if args.len() > limits::INLINE_BYTES {
                call.blob = Some(blob(&mut drafts, args, "application/json"));
            } else {
                call.args = Some(draft::raw(args.clone()));
            }
            let extras = Extras { kept: meta.clone(), ..Extras::default() };
            call.meta = meta_of(&mut drafts, of, extras);
            drafts.extend(self.drafter.draft(turn, claim, ty::MODEL_CALL, &call).1);
        }
        let mut parts = Vec::new();
        for (text, reasoning) in [(&self.reasoning, true), (&self.text, false)] {
            if text.is_empty() {
                continue;
            }
            let long = text.len() > limits::INLINE_BYTES / 2;
            let kept = long.then(|| blob(&mut drafts, text, "text/plain"));
            parts.push(match (kept, reasoning) {
                (Some(b), true) => Part::ReasoningBlob(b),
                (Some(b), false) => Part::TextBlob(b),
                (None, true) => Part::Reasoning(text.clone()),
                (None, false) => Part::Text(text.clone()),
            });
        }
        let (parts, summary) = if self.sums_up { (Vec::new(), parts) } else { (parts, Vec::new()) };
        let billed = self.bill.of(&self.usage, self.bytes(), self.extras.cost);
        let meta = meta_of(&mut drafts, of, self.extras);
        let data = ModelCompleted {
            parts,
            summary,
            calls: self.calls.len() as u64,
            stop: self.stop.unwrap_or_default(),
            usage: billed.usage,
            cost: billed.cost,
            prices: billed.prices,
            estimated: billed.estimated,
            ms: ace_front::took(u64::try_from(took.as_millis()).unwrap_or(u64::MAX)),
            meta,
        };
        drafts.extend(self.drafter.draft(turn, claim, ty::MODEL_COMPLETED, &data).1);
        drafts
    }

    /// Bytes of all that has come.
    fn bytes(&self) -> u64 {
        let calls: usize = self.calls.iter().map(|(tool, args, meta)| tool.len() + args.len() + meta.len()).sum();
        (self.text.len() + self.reasoning.len() + self.begun.len() + calls) as u64
    }

    /// Says what did not work beside the answer, which stands.
    fn fail_later(&mut self, words: String) {
        self.take(Event::Note(words));
    }

    fn fail(self, failure: Failure) -> Vec<u8> {
        self.fail_with(failure.code, failure.message, failure.hint)
    }

    fn fail_with(self, code: Code, message: String, hint: String) -> Vec<u8> {
        let mut data = failed(code, message);
        data.hint = hint;
        // Who was never reached, or answered with a refusal, has nothing to bill.
        if self.bytes() > 0
            || self.usage != Usage::default()
            || matches!(data.code, Code::Cancelled | Code::Timeout | Code::Cut)
        {
            let billed = self.bill.of(&self.usage, self.bytes(), self.extras.cost);
            (data.usage, data.cost) = (Some(billed.usage), billed.cost);
            (data.prices, data.estimated) = (billed.prices, billed.estimated);
        }
        data.text = if self.sums_up { String::new() } else { self.text };
        let cut = data.text.floor_char_boundary(limits::INLINE_BYTES);
        data.text.truncate(cut);
        data.dropped_call = self.calls.first().map_or(self.begun, |(tool, ..)| tool.clone());
        self.drafter.draft(self.turn, self.claim, ty::MODEL_FAILED, &data).1
    }
}

/// What a provider tells or wants back beside an answer or a call; none if there is nothing.
fn meta_of(drafts: &mut Vec<u8>, (provider, model): (&Provider, &str), extras: Extras) -> Option<Box<RawValue>> {
    if extras == Extras::default() {
        return None;
    }
    let long = extras.kept.len() > limits::INLINE_BYTES / 2;
    let blob = long.then(|| blob(drafts, &extras.kept, "application/json"));
    let meta = Meta {
        wire: provider.wire.clone(),
        provider: provider.name.clone(),
        model: model.to_owned(),
        id: extras.id,
        cost: extras.cost,
        kept: (!long && !extras.kept.is_empty()).then(|| draft::raw(extras.kept)),
        blob,
    };
    serde_json::value::to_raw_value(&meta).ok()
}

/// Puts a long text ahead of the event that names it.
fn blob(drafts: &mut Vec<u8>, text: &str, media: &str) -> BlobRef {
    let sha = ace_core::digest(text.as_bytes());
    drafts.extend(draft::blob_lines(&sha, text.as_bytes(), |b| BASE64_STANDARD.encode(b)).concat());
    BlobRef { sha, bytes: text.len() as u64, media: media.to_owned() }
}

/// A configured provider with its key, as the gateway wants it for that model.
pub fn provider(configured: &ace_config::Provider, model: &str) -> Provider {
    let variable = |name: &str| std::env::var(name).ok().filter(|v| !v.is_empty());
    let key_env = configured.key_env(|name| variable(name).is_some()).unwrap_or_default().to_owned();
    let base_url = configured.address(variable);
    Provider {
        name: configured.name.clone(),
        wire: configured.wire_at(&base_url).name().to_owned(),
        base_url,
        api_key: variable(&key_env).map(|key| Secret::new(&key)),
        key_env,
        options: Options {
            version: configured.version.clone(),
            reasoning: configured.reasoning.clone(),
            think_tags: configured.think_tags,
            blind: !configured.sees(model),
        },
    }
}
