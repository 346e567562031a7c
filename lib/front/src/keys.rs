//! Keys that answer a question: `y` once, `n` no, `N` no with words; `s`, `p` and `a` with the rule that is proposed, for the
//! session, the project, always; `e` changes that rule first; `t` has the call run in a copy, whose effect is then what is approved.
//! Typing ahead never approves: keys of the first half second after a question appears are dropped,
//! there is no default, and what lasts wants Enter right behind its key.

use ace_core::{CallState, Effect, State};
use ace_redact::Redactor;
use ace_schema::data::{BlobRef, Proposal, ToolCompleted};
use ace_schema::permission::{Decision, Scope};
use ace_schema::question::Question;
use ace_storage::Log;
use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

mod read;

use crate::answer::{AnswerError, Said, Waiting, answer_as, find_call, question_of};
use crate::modes::{self, KeyByKey, are_ours, forget_typed};
use crate::opening::{clock, random};
use crate::stage::Stage;
use crate::typing::{Act, Key, Typing};
use crate::{image, pager};
use read::next_key;

/// How long a question must have been seen before a key counts.
const SEEN: Duration = Duration::from_millis(500);
/// The key that gives no answer to what the model asks: ^N.
const NO_ANSWER: u8 = 0x0e;
/// Bytes of words for the model.
const WORDS: usize = 4096;

/// A question on the screen.
#[derive(Debug, Clone)]
struct Open {
    call: String,
    since: Instant,
    /// The words that are being typed.
    words: Option<Vec<u8>>,
    /// What the model asks, where it is no permission.
    question: Option<Question>,
    /// The answer that lasts and wants Enter now.
    lasting: Option<(Scope, Proposal)>,
    /// The effect that is shown; empty if it was not tried.
    effect: String,
    /// It is run in a copy once Enter says so.
    trying: bool,
    /// The rule as it is being changed.
    ruling: Option<Vec<u8>>,
    /// The rule as it was changed.
    rule: Option<Proposal>,
}

/// An answer that is begun.
#[derive(Debug)]
pub enum Begun {
    /// No, with these words.
    Words(String),
    /// The rule as it is being changed.
    Ruling(String),
    /// To run it in a copy.
    Trying,
    /// Yes, as far as this and with this rule.
    Rule(Scope, Proposal),
}

/// What the screen and the listener share.
#[derive(Debug, Default)]
struct Board {
    open: Option<Open>,
    /// The call that was answered last: its record may not have been seen yet.
    answered: String,
}

type Shared = Arc<Mutex<Board>>;

/// Makes the screen look again, or read a line.
pub type Tell = Box<dyn Fn(Option<String>) + Send>;

/// Listens while a question is open.
pub struct Keys {
    board: Shared,
    ended: Arc<AtomicBool>,
    /// What answers no question is a message.
    types: bool,
    listener: Option<JoinHandle<()>>,
}

impl Keys {
    /// A listener on stdin for one session. Where nothing is `painted` anew, words are typed on a line of the terminal's own.
    /// With `typing`, what answers no question is a message, and the terminal may be lent on that stage.
    #[must_use]
    pub fn new(
        (log, person, redactor): (Log, String, Option<Redactor>),
        rules: PathBuf,
        painted: bool,
        (typing, stage): (Option<Typing>, Stage),
        tell: Tell,
    ) -> Self {
        let (board, ended) = (Shared::default(), Arc::new(AtomicBool::new(false)));
        let typing = typing.filter(|_| painted);
        let types = typing.is_some();
        let listener = Listener {
            log,
            person,
            redactor,
            rules,
            painted,
            typing,
            stage,
            tell,
            board: board.clone(),
            ended: ended.clone(),
        };
        // Without a thread nobody is asked here; the question stays open for `ace-permit allow`.
        let listener = std::thread::Builder::new().spawn(move || listener.listen()).ok();
        Self { board, ended, types, listener }
    }

    /// Learns from the state which question is open, if any. A new one rings.
    pub fn watch(&self, state: &State) -> bool {
        let waiting = state.calls().find(|c| c.state == CallState::Asked);
        let mut board = lock(&self.board);
        let waiting = waiting.filter(|call| call.id != board.answered);
        if board.open.as_ref().map(|open| &open.call) == waiting.map(|call| &call.id) {
            if let (Some(open), Some(Effect::Seen(id))) = (&mut board.open, waiting.map(|call| &call.effect))
                && open.effect != *id
            {
                // What was typed before it was seen approves nothing.
                (open.effect, open.since) = (id.clone(), Instant::now());
            }
            return false;
        }
        let is_new = waiting.is_some();
        if is_new && !self.types {
            // At a prompt it goes to the line below.
            forget_typed();
        }
        board.open = waiting.map(|call| Open {
            call: call.id.clone(),
            since: Instant::now(),
            words: None,
            question: question_of(call),
            lasting: None,
            effect: if let Effect::Seen(id) = &call.effect { id.clone() } else { String::new() },
            trying: false,
            ruling: None,
            rule: None,
        });
        is_new
    }

    /// Whether what is typed answers what the model asks.
    #[must_use]
    pub fn replies(&self) -> bool {
        lock(&self.board).open.as_ref().is_some_and(|open| open.question.is_some())
    }

    /// The answer that a person has begun to give.
    #[must_use]
    pub fn begun(&self) -> Option<Begun> {
        let board = lock(&self.board);
        let open = board.open.as_ref()?;
        let words = open.words.as_ref().map(|w| Begun::Words(String::from_utf8_lossy(w).into_owned()));
        let ruling = open.ruling.as_ref().map(|w| Begun::Ruling(String::from_utf8_lossy(w).into_owned()));
        let trying = open.trying.then_some(Begun::Trying);
        words.or(ruling).or(trying).or_else(|| open.lasting.clone().map(|(scope, rule)| Begun::Rule(scope, rule)))
    }
}

fn lock(board: &Shared) -> MutexGuard<'_, Board> {
    board.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Keys {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        if let Some(listener) = self.listener.take() {
            // It looks around ten times a second; a terminal must not be left without echo.
            let _ = listener.join();
        }
    }
}

struct Listener {
    log: Log,
    person: String,
    /// Cleans what is typed.
    redactor: Option<Redactor>,
    /// The folder of the person's configuration, where their rules are kept.
    rules: PathBuf,
    painted: bool,
    typing: Option<Typing>,
    stage: Stage,
    tell: Tell,
    board: Shared,
    ended: Arc<AtomicBool>,
}

impl Listener {
    fn listen(&self) {
        let mut mode: Option<KeyByKey> = None;
        while !self.ended.load(Ordering::Relaxed) {
            let question = lock(&self.board).open.clone();
            if question.is_none() && self.typing.is_none() {
                mode = None;
                std::thread::sleep(Duration::from_millis(30));
                continue;
            }
            if mode.is_none() {
                mode = KeyByKey::begin();
            }
            if !are_ours() {
                // Another job has the terminal: its keys are not for us.
                std::thread::sleep(Duration::from_millis(100));
                continue;
            }
            let Some(key) = next_key() else { continue };
            match question {
                Some(question) if self.is_answer(&question, key) => {
                    if self.asked(&question, key) {
                        mode = None;
                        self.asked_on_line(&question, key);
                    }
                }
                _ => self.type_key(key),
            }
        }
    }

    /// Whether the key is for the question, not for the line below it: typing never approves.
    fn is_answer(&self, question: &Open, key: Key) -> bool {
        let Some(typing) = &self.typing else { return true };
        let answers = match &question.question {
            Some(_) => matches!(key, Key::Byte(NO_ANSWER | b' '..=0x7e | 0x80..)),
            None if question.effect.is_empty() => {
                matches!(key, Key::Byte(b'y' | b'n' | b'N' | b's' | b'p' | b'a' | b'e' | b't'))
            }
            None => matches!(key, Key::Byte(b'y' | b'n' | b'N' | b'v' | b'o' | b't')),
        };
        question.words.is_some()
            || question.ruling.is_some()
            || question.trying
            || question.lasting.is_some()
            || (answers && typing.is_empty() && question.since.elapsed() >= SEEN)
    }

    /// A key for a question. `true` if words are wanted on a line of the terminal's own.
    fn asked(&self, question: &Open, key: Key) -> bool {
        if question.since.elapsed() < SEEN {
            return false;
        }
        if question.words.is_some() {
            if let Some(why) = self.typed(&question.call, key) {
                self.say(question, &why);
            }
            return false;
        }
        if let Some(asked) = &question.question {
            return self.replied(question, asked, key);
        }
        if question.ruling.is_some() {
            self.ruled(&question.call, key);
            return false;
        }
        if question.trying {
            self.confirm_trial(&question.call, key);
            return false;
        }
        if let Some((scope, rule)) = &question.lasting {
            self.confirm(&question.call, key, *scope, rule);
            return false;
        }
        let is_tried = !question.effect.is_empty();
        match key {
            Key::Byte(b'v') if is_tried => self.show_effect(question, |ran| (ran.patch, ran.patch_blob)),
            Key::Byte(b'o') if is_tried => self.show_effect(question, |ran| (ran.output.text, ran.output.blob)),
            // A letter may begin a message: nothing is run on it.
            Key::Byte(b't') if self.typing.is_some() => self.change(&question.call, |open| open.trying = true),
            Key::Byte(b't') => self.try_call(&question.call),
            Key::Byte(b's') if !is_tried => self.offer(question, Scope::Session),
            Key::Byte(b'p') if !is_tried => self.offer(question, Scope::Project),
            Key::Byte(b'a') if !is_tried => self.offer(question, Scope::Always),
            Key::Byte(b'e') if !is_tried && self.painted => self.begin_rule(question),
            Key::Byte(b'y') => self.answer(&question.call, Decision::Allow, ""),
            Key::Byte(b'n') => self.answer(&question.call, Decision::Deny, ""),
            Key::Byte(b'N') if self.painted => {
                self.change(&question.call, |open| open.words = Some(Vec::new()));
            }
            Key::Byte(b'N') => return true,
            _ => {}
        }
        false
    }

    /// A key for a question of the model's. `true` if the answer is wanted on a line of the terminal's own.
    fn replied(&self, open: &Open, asked: &Question, key: Key) -> bool {
        match key {
            Key::Byte(NO_ANSWER) => self.answer(&open.call, Decision::Deny, ""),
            Key::Byte(b @ b'1'..=b'9') if usize::from(b - b'0') <= asked.choices.len() => {
                self.say(open, char::from(b).encode_utf8(&mut [0; 4]));
            }
            // Its first letter.
            Key::Byte(b @ (b'!'..=0x7e | 0x80..)) if self.painted => {
                self.change(&open.call, |open| open.words = Some(vec![b]));
            }
            Key::Byte(b'!'..=0x7e) => return true,
            _ => {}
        }
        false
    }

    /// Words typed on a line of the terminal's own.
    fn asked_on_line(&self, question: &Open, key: Key) {
        let (label, first) = match (&question.question, key) {
            (Some(_), Key::Byte(b)) => ("answer", char::from(b).to_string()),
            _ => ("no, but", String::new()),
        };
        if let Some(words) = line(label, first) {
            self.say(question, &words);
        }
    }

    /// What was typed: the answer to what the model asks, or a no to what it wants to do.
    fn say(&self, open: &Open, words: &str) {
        match &open.question {
            Some(asked) => self.answer(&open.call, Decision::Allow, &asked.answer(words)),
            None => self.answer(&open.call, Decision::Deny, words),
        }
    }

    /// Shows what would be allowed from now on, where a rule is proposed.
    fn offer(&self, open: &Open, scope: Scope) {
        let call = &open.call;
        let Ok(waiting) = find_call(&self.log, Some(call), None) else { return };
        let offered =
            open.rule.clone().or(waiting.proposal).filter(|_| scope != Scope::Project || !waiting.project.is_empty());
        let Some(rule) = offered else {
            if self.typing.is_some() {
                self.type_key(Key::Byte(letter(scope)));
            }
            return;
        };
        if !self.painted {
            let style = crate::screen::on_stderr(ace_cli::When::Auto);
            for row in ace_view::ask::lasting(scope, &rule, &style) {
                let _ = writeln!(std::io::stderr(), "{}", ace_view::render(&row, &style));
            }
        }
        self.change(call, |open| open.lasting = Some((scope, rule)));
    }

    /// Begins to change the rule that is proposed, where one is.
    fn begin_rule(&self, open: &Open) {
        let Ok(waiting) = find_call(&self.log, Some(&open.call), None) else { return };
        match open.rule.clone().or(waiting.proposal) {
            Some(rule) => self.change(&open.call, |open| open.ruling = Some(pattern_of(&rule).into_bytes())),
            None if self.typing.is_some() => self.type_key(Key::Byte(b'e')),
            None => {}
        }
    }

    /// A key while the rule is changed. One that does not cover the call is none of it: the call itself is as it was recorded, and
    /// another has to be asked for by the model.
    fn ruled(&self, call: &str, key: Key) {
        if let Some(words) = self.edited(call, key, |open| &mut open.ruling) {
            let Ok(waiting) = find_call(&self.log, Some(call), None) else { return };
            match waiting.ruled(&words, self.log.blobs()) {
                Some(rule) => self.change(call, |open| open.rule = Some(rule)),
                None => (self.tell)(Some(format!("the rule '{words}' does not cover this call"))),
            }
        }
    }

    /// The key after the one that tries: Enter does it; all else is the second letter of a message.
    fn confirm_trial(&self, call: &str, key: Key) {
        if matches!(key, Key::Focus(_)) {
            return self.type_key(key);
        }
        self.change(call, |open| open.trying = false);
        match key {
            Key::Byte(b'\n' | b'\r') => self.try_call(call),
            Key::Escape => {}
            _ => {
                self.type_key(Key::Byte(b't'));
                self.type_key(key);
            }
        }
    }

    /// Has the call run in a copy.
    fn try_call(&self, call: &str) {
        let recorded = find_call(&self.log, Some(call), None).and_then(|waiting| {
            if !waiting.call.can_be_tried() {
                return Ok(0);
            }
            let mut appender = self.log.append(clock())?;
            Ok(crate::answer::try_call(&mut appender, &waiting, &self.person, random())?)
        });
        if let Err(AnswerError::Append(e)) = recorded {
            (self.tell)(Some(format!("not recorded: {e}")));
        }
    }

    /// A text of what the call did in the copy, in the pager.
    fn show_effect(&self, open: &Open, part: impl Fn(ToolCompleted) -> (String, Option<BlobRef>)) {
        let text = crate::answer::effect_of(&self.log, &open.effect).map(|found| found.map(|e| part(e.outcome)));
        let text = match text {
            Ok(Some((_, Some(blob)))) => {
                self.log.blobs().get(&blob.sha).map(|b| String::from_utf8_lossy(&b).into_owned()).ok()
            }
            Ok(Some((text, None))) => Some(text),
            _ => None,
        };
        let told = match text {
            Some(text) if !text.is_empty() => self.page_of(&(ace_view::clean(&text) + "\n")),
            _ => Some("there is nothing to show".to_owned()),
        };
        (self.tell)(told);
    }

    /// The key after one that lasts: Enter gives that answer. At a prompt all else is the second letter of a message.
    fn confirm(&self, call: &str, key: Key, scope: Scope, rule: &Proposal) {
        match key {
            Key::Focus(_) => return self.type_key(key),
            Key::Byte(b'\n' | b'\r') => return self.allow(call, scope, rule),
            _ => self.change(call, |open| open.lasting = None),
        }
        if key != Key::Escape && self.typing.is_some() {
            self.type_key(Key::Byte(letter(scope)));
            self.type_key(key);
        }
    }

    /// A key for the line below the run.
    fn type_key(&self, key: Key) {
        let Some(typing) = &self.typing else { return };
        let failed = |e: ace_storage::AppendError| Some(format!("not recorded: {e}"));
        let act = typing.key(key);
        let images = match &act {
            Act::Say(text, _) => match image::load("ace", &image::named_in(text, &typing.folders()), Path::new("")) {
                Ok(images) => images,
                Err(complaint) => return (self.tell)(Some(complaint.what)),
            },
            _ => Vec::new(),
        };
        let told = match act {
            Act::Nothing if typing.is_pasting() => return,
            Act::Nothing => None,
            Act::Tell(words) => Some(words.to_owned()),
            Act::Stop => crate::say::cancel(&self.log, &self.person).err().and_then(failed),
            Act::Say(text, now) => {
                let said = (text.as_str(), images.as_slice());
                match crate::say::message(&self.log, &self.session(), said, &self.person, now, self.redactor.as_ref()) {
                    Ok((id, seq)) => {
                        typing.queued(id, seq, text, now);
                        None
                    }
                    Err(e) => failed(e),
                }
            }
            Act::Steer(message) => {
                crate::say::steer(&self.log, &self.session(), &message, &self.person).err().and_then(failed)
            }
            Act::TakeBack(message, text) => match crate::say::withdraw(&self.log, &message, &self.person) {
                Ok(true) => {
                    typing.taken_back(&message, &text);
                    None
                }
                Ok(false) => Some("too late: its turn has begun".to_owned()),
                Err(e) => failed(e),
            },
            Act::Output => self.page(),
            Act::Redraw => {
                self.stage.redraw();
                None
            }
        };
        (self.tell)(told);
    }

    /// The whole output of the last call in the pager; what to tell if there is none.
    fn page(&self) -> Option<String> {
        let text = match pager::last_output(&self.log) {
            Ok(Some(text)) => text,
            Ok(None) => return Some("no call has printed anything yet".to_owned()),
            Err(e) => return Some(format!("cannot read the output: {e}")),
        };
        self.page_of(&text)
    }

    /// A text in the pager; what to tell if that cannot be.
    fn page_of(&self, text: &str) -> Option<String> {
        if !self.stage.enter(|| (self.tell)(None)) {
            return Some("the screen is busy: once more".to_owned());
        }
        let told = |words: &str| {
            let _ = std::io::stderr().write_all(words.as_bytes());
        };
        told(modes::NOT_TOLD);
        let shown = modes::lend(|| pager::show(text));
        told(modes::TOLD);
        self.stage.leave();
        shown.err().map(|e| format!("cannot start the pager: {e}"))
    }

    fn session(&self) -> String {
        self.log.folder().and_then(std::path::Path::file_name).unwrap_or_default().to_string_lossy().into_owned()
    }

    /// A key while words are typed; the words, once they are whole.
    fn typed(&self, call: &str, key: Key) -> Option<String> {
        self.edited(call, key, |open| &mut open.words)
    }

    /// A key for a line that is being typed; the line, once it is whole.
    fn edited(&self, call: &str, key: Key, line: impl Fn(&mut Open) -> &mut Option<Vec<u8>>) -> Option<String> {
        let mut done = None;
        self.change(call, |open| {
            let open = line(open);
            let Some(words) = open else { return };
            match key {
                Key::Byte(b'\n' | b'\r') => {
                    let text = String::from_utf8_lossy(words).trim().to_owned();
                    *open = None;
                    done = Some(text).filter(|t| !t.is_empty());
                }
                // Back to the question.
                Key::Escape => *open = None,
                Key::Byte(0x7f | 0x08) => {
                    let text = String::from_utf8_lossy(words).into_owned();
                    let mut chars = text.chars();
                    chars.next_back();
                    *words = chars.as_str().as_bytes().to_vec();
                }
                Key::Byte(0x15) => words.clear(),
                Key::Byte(b) if b >= b' ' && words.len() < WORDS => words.push(b),
                _ => {}
            }
        });
        done
    }

    fn change(&self, call: &str, change: impl FnOnce(&mut Open)) {
        if let Some(open) = lock(&self.board).open.as_mut().filter(|open| open.call == call) {
            change(open);
        }
        (self.tell)(None);
    }

    /// Answers this call alone: with a yes come the words that were asked for, with a no the reason.
    fn answer(&self, call: &str, decision: Decision, words: &str) {
        let clean = self.redactor.as_ref().and_then(|redactor| redactor.text(words));
        let words = clean.as_deref().unwrap_or(words);
        let (why, answer) = if decision == Decision::Deny { (words, "") } else { ("", words) };
        // What is adopted is what was shown when the key was pressed.
        let effect = lock(&self.board).open.as_ref().map(|open| open.effect.clone()).unwrap_or_default();
        let _ =
            self.record(call, decision, Said { who: &self.person, why, answer, effect: &effect, ..Said::default() });
    }

    /// Allows this call and what the rule covers. What reaches further than the session becomes a rule in the person's own file.
    fn allow(&self, call: &str, scope: Scope, rule: &Proposal) {
        let said = Said { who: &self.person, scope, grant: Some(rule.clone()), ..Said::default() };
        // Recorded first: a rule must not come of an answer that was too late.
        let Some(waiting) = self.record(call, Decision::Allow, said) else { return };
        if matches!(scope, Scope::Project | Scope::Always) {
            let project = (scope == Scope::Project).then_some(waiting.project.as_str());
            if let Err(e) = ace_host::rules::remember(&self.rules, rule, project) {
                (self.tell)(Some(format!("allowed for this session; the rule is not kept: {e}")));
            }
        }
    }

    /// Records an answer; the call that it was given to, unless somebody else was faster or the log does not take it.
    fn record(&self, call: &str, decision: Decision, said: Said<'_>) -> Option<Waiting> {
        let recorded = find_call(&self.log, Some(call), None).and_then(|waiting| {
            let mut appender = self.log.append(clock())?;
            answer_as(&mut appender, &waiting, decision, said, random()).map(|_| waiting)
        });
        // If somebody else was faster, the record tells, and the screen shows it.
        if let Err(AnswerError::Append(e)) = recorded {
            (self.tell)(Some(format!("the answer is not recorded: {e}")));
            return None;
        }
        let mut board = lock(&self.board);
        call.clone_into(&mut board.answered);
        board.open = board.open.take().filter(|open| open.call != call);
        recorded.ok()
    }
}

/// What a rule says of the calls it covers, as it can be typed.
fn pattern_of(rule: &Proposal) -> String {
    if rule.command.is_empty() { rule.paths.join(" ") } else { rule.command.clone() }
}

/// The key of an answer that lasts.
fn letter(scope: Scope) -> u8 {
    match scope {
        Scope::Once => b'y',
        Scope::Session => b's',
        Scope::Project => b'p',
        Scope::Always => b'a',
    }
}

/// A line of words for the model, with the terminal's own editing.
fn line(label: &str, first: String) -> Option<String> {
    let _ = write!(std::io::stderr(), "  {label}: {first}");
    let mut line = first;
    std::io::stdin().lock().read_line(&mut line).ok()?;
    let line = line.trim();
    (!line.is_empty()).then(|| line.to_owned())
}
