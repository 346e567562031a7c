//! What a person types while a turn runs: a line below the run, and the messages that wait. It must never know who runs the turn.

use ace_core::State;
use ace_schema::limits;
use ace_view::text::plural;
use ace_view::{Role, Style, Text, visible};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Lines of a draft from which on it is folded on the screen.
pub const FOLD: usize = 12;
/// Queued messages that are shown one by one.
const SHOWN: usize = 3;

/// A key as a terminal sends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// A byte of text, or a control character.
    Byte(u8),
    /// The escape key alone.
    Escape,
    /// Alt and Enter.
    AltEnter,
    /// The arrow up.
    Up,
    /// The window that this terminal is has the person's eyes, or has them no more.
    Focus(bool),
    /// What follows is pasted.
    PasteBegin,
    /// What was pasted ends.
    PasteEnd,
    /// Any other key.
    Other,
}

/// What a key asks for.
#[derive(Debug, PartialEq, Eq)]
pub enum Act {
    /// To be painted at most.
    Nothing,
    /// A message; with `true` it steers the running turn.
    Say(String, bool),
    /// The message of that id shall steer the running turn.
    Steer(String),
    /// The message of that id shall be taken back; its text.
    TakeBack(String, String),
    /// The turn shall stop.
    Stop,
    /// The whole output of the last call shall be shown.
    Output,
    /// The screen shall be painted anew.
    Redraw,
    /// Words for the person.
    Tell(&'static str),
}

/// A message that was recorded from here and that no turn has taken up.
#[derive(Debug)]
struct Queued {
    id: String,
    seq: u64,
    text: String,
    /// It steers the running turn.
    now: bool,
}

#[derive(Debug, Default)]
struct Typed {
    /// Where files are that are named here.
    folders: Vec<PathBuf>,
    draft: Vec<u8>,
    pasting: bool,
    /// Nobody looks at this terminal, as far as it tells.
    away: bool,
    queued: Vec<Queued>,
    /// Messages that wait, whoever said them.
    waiting: usize,
}

/// The line below a run, shared by the screen and whoever reads keys.
#[derive(Debug, Clone, Default)]
pub struct Typing(Arc<Mutex<Typed>>);

impl Typing {
    fn lock(&self) -> MutexGuard<'_, Typed> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A line on which this stands already.
    #[must_use]
    pub fn begin(text: &str) -> Self {
        let typing = Self::default();
        text.as_bytes().clone_into(&mut typing.lock().draft);
        typing
    }

    /// Files that are named are looked for there.
    #[must_use]
    pub fn in_folders(self, folders: Vec<PathBuf>) -> Self {
        self.lock().folders = folders;
        self
    }

    /// Where files are that are named here.
    #[must_use]
    pub fn folders(&self) -> Vec<PathBuf> {
        self.lock().folders.clone()
    }

    /// Whether nothing is typed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lock().draft.is_empty()
    }

    /// Whether a paste is on its way.
    #[must_use]
    pub fn is_pasting(&self) -> bool {
        self.lock().pasting
    }

    /// Takes what is typed away.
    #[must_use]
    pub fn take(&self) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut self.lock().draft)).into_owned()
    }

    /// Remembers a message that was recorded.
    pub fn queued(&self, id: String, seq: u64, text: String, now: bool) {
        self.lock().queued.push(Queued { id, seq, text, now });
    }

    /// A message was taken back: it is typed again, before what is typed by now.
    pub fn taken_back(&self, id: &str, text: &str) {
        let mut typed = self.lock();
        typed.queued.retain(|q| q.id != id);
        let rest = std::mem::take(&mut typed.draft);
        typed.draft = [text.as_bytes(), &rest].concat();
    }

    /// Whether the person looks elsewhere, as far as the terminal tells.
    #[must_use]
    pub fn is_away(&self) -> bool {
        self.lock().away
    }

    /// Learns which messages still wait.
    pub fn watch(&self, state: &State) {
        let mut typed = self.lock();
        typed.waiting = state.waiting.len();
        typed.queued.retain_mut(|queued| match state.waiting.iter().find(|w| w.id == queued.id) {
            Some(waiting) => {
                queued.now |= waiting.now;
                true
            }
            None => queued.seq > state.head,
        });
    }

    /// Takes in a key.
    pub fn key(&self, key: Key) -> Act {
        let mut typed = self.lock();
        let Typed { draft, pasting, away, queued, .. } = &mut *typed;
        let newest = |steering: bool| queued.iter().rev().find(|q| steering || !q.now);
        match key {
            Key::Focus(here) => *away = !here,
            Key::PasteBegin => *pasting = true,
            Key::PasteEnd => *pasting = false,
            Key::Escape => return Act::Stop,
            Key::Byte(b) if *pasting => {
                if draft.len() < limits::PROMPT_BYTES {
                    draft.push(if b == b'\r' { b'\n' } else { b });
                }
            }
            Key::Byte(b'\n' | b'\r') | Key::AltEnter if draft.is_empty() => {
                return newest(false).map_or(Act::Nothing, |q| Act::Steer(q.id.clone()));
            }
            Key::Up if draft.is_empty() => {
                return newest(true).map_or(Act::Nothing, |q| Act::TakeBack(q.id.clone(), q.text.clone()));
            }
            Key::AltEnter => return said(draft, true),
            Key::Byte(b'\n' | b'\r') => return said(draft, false),
            Key::Byte(0x7f | 0x08) => cut(draft, |text| text.pop().is_none()),
            Key::Byte(0x15) => draft.clear(),
            Key::Byte(0x0f) => return Act::Output,
            Key::Byte(0x0c) => return Act::Redraw,
            Key::Byte(0x17) => {
                cut(draft, |text| {
                    let end = text.trim_end().rfind(char::is_whitespace).map_or(0, |at| at + 1);
                    text.truncate(end);
                    true
                });
            }
            Key::Byte(b) if b >= b' ' && draft.len() < limits::PROMPT_BYTES => draft.push(b),
            Key::Byte(_) | Key::Up | Key::Other => {}
        }
        Act::Nothing
    }

    /// What stands below the run: the queue and the line that is typed. The last line is where the cursor stands.
    #[must_use]
    pub fn tail(&self, status: &[Text], style: &Style) -> Vec<Text> {
        let typed = self.lock();
        let mut out: Vec<Text> = Vec::new();
        let keys = if typed.draft.is_empty() { typed.keys() } else { "" };
        for (i, queued) in typed.queued.iter().enumerate().skip(typed.queued.len().saturating_sub(SHOWN)) {
            let last = i + 1 == typed.queued.len();
            out.push(queued.line(if last { keys } else { "" }, style));
        }
        let waiting = typed.waiting.max(typed.queued.len());
        let queued = (waiting > 0).then(|| Text::of(Role::Dim, format!("{waiting} queued")));
        let keys = if typed.draft.is_empty() { "Esc stops" } else { "Enter queues  Alt-Enter steers" };
        out.push(stands(status, queued, Text::of(Role::Dim, keys), style));
        out.push(line(&String::from_utf8_lossy(&typed.draft), style));
        out
    }
}

impl Typed {
    /// What the keys do to the newest message while nothing is typed.
    fn keys(&self) -> &'static str {
        if self.queued.iter().any(|q| !q.now) { "Enter: now  Up: edit" } else { "Up: edit" }
    }
}

impl Queued {
    fn line(&self, keys: &str, style: &Style) -> Text {
        let label = if self.now { "steers" } else { "queued" };
        let first = self.text.lines().next().unwrap_or_default();
        let text = Text::of(Role::Dim, label).to(9).and(visible(first, Role::Plain));
        edges(text, Text::of(Role::Typed, keys), style)
    }
}

/// How the session stands, the queue behind it, the keys at the right edge. What does not fit is left out, the last field first.
fn stands(status: &[Text], queued: Option<Text>, keys: Text, style: &Style) -> Text {
    let mut fields = status.to_vec();
    let joined = |fields: &[Text]| {
        let all = fields.iter().chain(&queued).cloned();
        all.reduce(|left, right| left.gap(2).and(right)).unwrap_or_default()
    };
    while fields.len() > 1 && joined(&fields).cells() + 2 + keys.cells() > style.width {
        fields.pop();
    }
    edges(joined(&fields), keys, style)
}

/// Text left, text at the right edge; if both do not fit, the left one is cut.
fn edges(left: Text, right: Text, style: &Style) -> Text {
    if right.is_empty() {
        return left.cut_end(style.width, style);
    }
    let room = style.width.saturating_sub(right.cells());
    left.cut_end(room.saturating_sub(2), style).to(room).and(right)
}

/// The line that is typed: its end, if it is too long.
fn line(draft: &str, style: &Style) -> Text {
    let lines = draft.lines().count();
    let shown =
        if lines >= FOLD { format!("[paste {}]", plural(lines as u64, "line")) } else { draft.replace('\n', " ") };
    let room = style.width.saturating_sub(4);
    let mut from = shown.len();
    for (at, _) in shown.char_indices().rev() {
        if ace_view::text::cells(&shown[at..]) > room {
            break;
        }
        from = at;
    }
    Text::of(Role::Bold, "> ").and(visible(&shown[from..], Role::Plain))
}

fn said(draft: &mut Vec<u8>, now: bool) -> Act {
    let text = String::from_utf8_lossy(draft).trim().to_owned();
    if text.is_empty() {
        draft.clear();
        return Act::Nothing;
    }
    if let Some(words) = text.strip_prefix("/now ").map(str::trim).filter(|w| !w.is_empty()) {
        draft.clear();
        return Act::Say(words.to_owned(), true);
    }
    if text.starts_with(['/', '!']) && !text.contains('\n') && !text[1..].contains('/') {
        return Act::Tell("commands wait until the turn has ended; /now TEXT steers it");
    }
    draft.clear();
    Act::Say(text, now)
}

fn cut(draft: &mut Vec<u8>, cut: impl FnOnce(&mut String) -> bool) {
    let mut text = String::from_utf8_lossy(draft).into_owned();
    cut(&mut text);
    *draft = text.into_bytes();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(typing: &Typing, text: &str) {
        text.bytes().for_each(|b| assert_eq!(typing.key(Key::Byte(b)), Act::Nothing));
    }

    #[test]
    fn enter_queues_and_alt_enter_steers() {
        let typing = Typing::default();
        assert_eq!(typing.key(Key::Byte(b'\n')), Act::Nothing);
        typed(&typing, "größer");
        typing.key(Key::Byte(0x7f));
        typing.key(Key::Byte(0x7f));
        assert_eq!(typing.key(Key::Byte(b'\n')), Act::Say("größ".to_owned(), false));
        typed(&typing, "one two");
        typing.key(Key::Byte(0x17));
        assert_eq!(typing.key(Key::AltEnter), Act::Say("one".to_owned(), true));
        typed(&typing, "/now stop that");
        assert_eq!(typing.key(Key::Byte(b'\n')), Act::Say("stop that".to_owned(), true));
        typed(&typing, "/cost");
        assert!(matches!(typing.key(Key::Byte(b'\n')), Act::Tell(_)));
        assert_eq!(typing.take(), "/cost");
        assert_eq!(typing.key(Key::Escape), Act::Stop);
    }

    #[test]
    fn with_nothing_typed_enter_steers_with_the_newest_and_up_takes_it_back() {
        let typing = Typing::default();
        assert_eq!(typing.key(Key::Up), Act::Nothing);
        typing.queued("a".to_owned(), 7, "one".to_owned(), false);
        typing.queued("b".to_owned(), 8, "two".to_owned(), false);
        assert_eq!(typing.key(Key::Byte(b'\r')), Act::Steer("b".to_owned()));
        typing.queued("c".to_owned(), 9, "three".to_owned(), true);
        assert_eq!(typing.key(Key::Byte(b'\r')), Act::Steer("b".to_owned()), "what steers need not be told again");
        assert_eq!(typing.key(Key::Up), Act::TakeBack("c".to_owned(), "three".to_owned()));
        typed(&typing, "x");
        assert_eq!(typing.key(Key::Up), Act::Nothing);
        typing.taken_back("c", "three");
        assert_eq!(typing.take(), "threex");
        assert_eq!(typing.key(Key::Up), Act::TakeBack("b".to_owned(), "two".to_owned()));
        assert!(!typing.is_away());
        typing.key(Key::Focus(false));
        assert!(typing.is_away());
    }

    #[test]
    fn the_queue_and_the_status_fit_any_width() {
        for width in [20, 40, 80] {
            let (typing, style) = (Typing::default(), Style { color: false, ..Style::new(width) });
            typing.queued("a".to_owned(), 7, "add a test for the empty list".to_owned(), false);
            let tail =
                typing.tail(&["> fix-median", "turn 2", "ask", "$0.0412"].map(|f| Text::of(Role::Plain, f)), &style);
            assert!(tail.iter().all(|l| l.cells() <= width), "{tail:?}");
            assert!(tail[0].words().ends_with("Up: edit") && tail[1].words().ends_with("Esc stops"), "{tail:?}");
        }
    }

    #[test]
    fn a_paste_is_one_text_however_many_lines_it_has() {
        let (typing, style) = (Typing::default(), Style { color: false, ..Style::new(40) });
        typing.key(Key::PasteBegin);
        typed(&typing, &"a line\r".repeat(20));
        typing.key(Key::PasteEnd);
        let tail = typing.tail(&[], &style);
        assert_eq!(tail.last().map(Text::words), Some("> [paste 20 lines]".to_owned()));
        assert_eq!(typing.key(Key::Byte(b'\r')), Act::Say("a line\n".repeat(20).trim().to_owned(), false));
    }
}
