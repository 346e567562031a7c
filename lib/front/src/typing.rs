//! What a person types while a turn runs: a line below the run, and the messages that wait. It must never know who runs the turn.

use ace_core::State;
use ace_schema::limits;
use ace_view::text::plural;
use ace_view::{Role, Style, Text, visible};
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
    /// The turn shall stop.
    Stop,
    /// Words for the person.
    Tell(&'static str),
}

#[derive(Debug, Default)]
struct Typed {
    draft: Vec<u8>,
    pasting: bool,
    /// Id, seq and text of the messages that were queued here.
    queued: Vec<(String, u64, String)>,
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
    pub fn queued(&self, id: String, seq: u64, text: String) {
        self.lock().queued.push((id, seq, text));
    }

    /// Learns which messages still wait.
    pub fn watch(&self, state: &State) {
        let mut typed = self.lock();
        typed.waiting = state.waiting.len();
        typed.queued.retain(|(id, seq, _)| *seq > state.head || state.waiting.iter().any(|w| w.id == *id));
    }

    /// Takes in a key.
    pub fn key(&self, key: Key) -> Act {
        let mut typed = self.lock();
        let Typed { draft, pasting, .. } = &mut *typed;
        match key {
            Key::PasteBegin => *pasting = true,
            Key::PasteEnd => *pasting = false,
            Key::Escape => return Act::Stop,
            Key::Byte(b) if *pasting => {
                if draft.len() < limits::PROMPT_BYTES {
                    draft.push(if b == b'\r' { b'\n' } else { b });
                }
            }
            Key::AltEnter => return said(draft, true),
            Key::Byte(b'\n' | b'\r') => return said(draft, false),
            Key::Byte(0x7f | 0x08) => cut(draft, |text| text.pop().is_none()),
            Key::Byte(0x15) => draft.clear(),
            Key::Byte(0x17) => {
                cut(draft, |text| {
                    let end = text.trim_end().rfind(char::is_whitespace).map_or(0, |at| at + 1);
                    text.truncate(end);
                    true
                });
            }
            Key::Byte(b) if b >= b' ' && draft.len() < limits::PROMPT_BYTES => draft.push(b),
            Key::Byte(_) | Key::Other => {}
        }
        Act::Nothing
    }

    /// What stands below the run: the queue and the line that is typed. The last line is where the cursor stands.
    #[must_use]
    pub fn tail(&self, status: Text, style: &Style) -> Vec<Text> {
        let typed = self.lock();
        let mut out: Vec<Text> = Vec::new();
        for (_, _, text) in typed.queued.iter().take(SHOWN) {
            let first = text.lines().next().unwrap_or_default();
            out.push(Text::of(Role::Dim, "queued").to(9).and(visible(first, Role::Plain)).cut_end(style.width, style));
        }
        let waiting = typed.waiting.max(typed.queued.len());
        let queued = if waiting > 0 { format!("  {waiting} queued") } else { String::new() };
        let keys = if typed.draft.is_empty() { "Esc stops" } else { "Enter queues  Alt-Enter steers" };
        out.push(status.dim(format!("{queued}  {keys}")).cut_end(style.width, style));
        out.push(line(&String::from_utf8_lossy(&typed.draft), style));
        out
    }
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
    fn a_paste_is_one_text_however_many_lines_it_has() {
        let (typing, style) = (Typing::default(), Style { color: false, ..Style::new(40) });
        typing.key(Key::PasteBegin);
        typed(&typing, &"a line\r".repeat(20));
        typing.key(Key::PasteEnd);
        let tail = typing.tail(Text::new(), &style);
        assert_eq!(tail.last().map(Text::words), Some("> [paste 20 lines]".to_owned()));
        assert_eq!(typing.key(Key::Byte(b'\r')), Act::Say("a line\n".repeat(20).trim().to_owned(), false));
    }
}
