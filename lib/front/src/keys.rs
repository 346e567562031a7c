//! Keys that answer a question: `y` once, `n` no, `N` no with words. Typing ahead never approves: keys of the first half second
//! after a question appears are dropped, and there is no default.

use ace_core::{CallState, State};
use ace_redact::Redactor;
use ace_schema::permission::Decision;
use ace_schema::question::Question;
use ace_storage::Log;
use std::io::{BufRead, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

mod read;

use crate::answer::{AnswerError, Said, answer_as, find_call, question_of};
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
        });
        is_new
    }

    /// Whether what is typed answers what the model asks.
    #[must_use]
    pub fn replies(&self) -> bool {
        lock(&self.board).open.as_ref().is_some_and(|open| open.question.is_some())
    }

    /// The words that a person is typing.
    #[must_use]
    pub fn words(&self) -> Option<String> {
        let board = lock(&self.board);
        board.open.as_ref()?.words.as_ref().map(|w| String::from_utf8_lossy(w).into_owned())
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
            None => matches!(key, Key::Byte(b'y' | b'n' | b'N')),
        };
        question.words.is_some() || (answers && typing.is_empty() && question.since.elapsed() >= SEEN)
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
        match key {
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
        if !self.stage.enter(|| (self.tell)(None)) {
            return Some("the screen is busy: ^O again".to_owned());
        }
        let told = |words: &str| {
            let _ = std::io::stderr().write_all(words.as_bytes());
        };
        told(modes::NOT_TOLD);
        let shown = modes::lend(|| pager::show(&text));
        told(modes::TOLD);
        self.stage.leave();
        shown.err().map(|e| format!("cannot start the pager: {e}"))
    }

    fn session(&self) -> String {
        self.log.folder().and_then(std::path::Path::file_name).unwrap_or_default().to_string_lossy().into_owned()
    }

    /// A key while words are typed; the words, once they are whole.
    fn typed(&self, call: &str, key: Key) -> Option<String> {
        let mut done = None;
        self.change(call, |open| {
            let Some(words) = &mut open.words else { return };
            match key {
                Key::Byte(b'\n' | b'\r') => {
                    let text = String::from_utf8_lossy(words).trim().to_owned();
                    open.words = None;
                    done = Some(text).filter(|t| !t.is_empty());
                }
                // Back to the question.
                Key::Escape => open.words = None,
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

    fn answer(&self, call: &str, decision: Decision, words: &str) {
        let clean = self.redactor.as_ref().and_then(|redactor| redactor.text(words));
        let words = clean.as_deref().unwrap_or(words);
        let (why, answer) = if decision == Decision::Deny { (words, "") } else { ("", words) };
        let said = Said { who: &self.person, why, answer, ..Said::default() };
        let recorded = find_call(&self.log, Some(call), None).and_then(|waiting| {
            let mut appender = self.log.append(clock())?;
            answer_as(&mut appender, &waiting, decision, said, random())
        });
        // If somebody else was faster, the record tells, and the screen shows it.
        if let Err(AnswerError::Append(e)) = recorded {
            (self.tell)(Some(format!("the answer is not recorded: {e}")));
            return;
        }
        let mut board = lock(&self.board);
        call.clone_into(&mut board.answered);
        board.open = board.open.take().filter(|open| open.call != call);
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
