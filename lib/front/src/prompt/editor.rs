//! The line editor of the prompt: history, completion, more lines, pastes that are folded on the screen and whole in the message.
//! It must never know what a line means.

use ace_cli::When;
use ace_redact::Redactor;
use ace_schema::limits;
use crossterm::event::Event;
use nu_ansi_term::{Color, Style};
use reedline::{
    ColumnarMenu, EditCommand, EditMode, Emacs, FileBackedHistory, Highlighter, KeyCode, KeyModifiers, MenuBuilder,
    Prompt, PromptEditMode, PromptHistorySearch, Reedline, ReedlineEvent, ReedlineMenu, ReedlineRawEvent, Signal,
    StyledText, ValidationResult, Validator, default_emacs_keybindings,
};
use std::borrow::Cow;
use std::io::{BufRead, IsTerminal, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::completion::Words;
use super::history::Clean;
use crate::typing::FOLD;

/// What came of reading a line.
#[derive(Debug, PartialEq, Eq)]
pub enum Read {
    /// A line, or several.
    Line(String),
    /// ^C where nothing was typed.
    Interrupted,
    /// The last call's output shall be shown; what is typed stays.
    Output,
    /// ^D where nothing was typed, or the terminal is gone.
    Ended,
    /// Somebody broke in; what was typed so far.
    Broken(String),
}

/// Bytes of pasted text that one process remembers folded; what is older is forgotten.
const PASTED: usize = 4 * limits::PROMPT_BYTES;

/// Pasted text by what stands for it.
type Pastes = Arc<Mutex<Vec<(String, String)>>>;

/// The editor.
pub struct Editor {
    rich: Option<Reedline>,
    mark: Mark,
    pastes: Pastes,
    broken: Arc<AtomicBool>,
}

impl Editor {
    /// An editor whose history is that file. On a terminal that repaints nothing, a plain line.
    #[must_use]
    pub fn new(history: &Path, color: When, words: Words, redactor: Option<Redactor>) -> Self {
        let color = color.colours(true);
        let (pastes, broken) = (Pastes::default(), Arc::new(AtomicBool::new(false)));
        let is_set = |name: &str| std::env::var_os(name).is_some_and(|v| !v.is_empty());
        let plain = is_set("ACE_PLAIN") || std::env::var("TERM").is_ok_and(|t| t == "dumb");
        let rich = (!plain).then(|| rich((history, redactor), color, words, pastes.clone(), broken.clone()));
        Self { rich, mark: Mark { color }, pastes, broken }
    }

    /// What breaks in while a line is read.
    #[must_use]
    pub fn breaker(&self) -> Arc<AtomicBool> {
        self.broken.clone()
    }

    /// Puts text before the cursor, as if it had been typed.
    pub fn insert(&mut self, text: &str) {
        if let Some(rich) = &mut self.rich
            && !text.is_empty()
        {
            let shown = fold(&self.pastes, text);
            rich.run_edit_commands(&[EditCommand::InsertString(shown)]);
        }
    }

    /// Reads a line.
    pub fn read(&mut self) -> Read {
        let Some(rich) = &mut self.rich else { return plain_line(&self.mark) };
        loop {
            match rich.read_line(&self.mark) {
                Ok(Signal::Success(text)) => return Read::Line(unfold(&self.pastes, &text).replace("\\\n", "\n")),
                Ok(Signal::HostCommand(command)) if command == OUTPUT => {
                    // What is typed stands again below what is shown.
                    println!();
                    return Read::Output;
                }
                // Typed so fast that it was not seen yet.
                Ok(Signal::HostCommand(_)) if !rich.current_buffer_contents().is_empty() => {
                    rich.run_edit_commands(&[EditCommand::Clear]);
                }
                Ok(Signal::HostCommand(_) | Signal::CtrlC) => {
                    println!();
                    return Read::Interrupted;
                }
                Ok(Signal::ExternalBreak(text)) => {
                    rich.run_edit_commands(&[EditCommand::Clear]);
                    // It goes on below what comes now.
                    print!("\r\x1b[J");
                    let _ = std::io::stdout().flush();
                    return Read::Broken(unfold(&self.pastes, &text));
                }
                Ok(_) | Err(_) => return Read::Ended,
            }
        }
    }
}

fn rich(
    (history, redactor): (&Path, Option<Redactor>),
    color: bool,
    words: Words,
    pastes: Pastes,
    broken: Arc<AtomicBool>,
) -> Reedline {
    let mut keys = default_emacs_keybindings();
    let newline = ReedlineEvent::Edit(vec![EditCommand::InsertNewline]);
    keys.add_binding(KeyModifiers::ALT, KeyCode::Enter, newline.clone());
    keys.add_binding(KeyModifiers::CONTROL, KeyCode::Char('j'), newline);
    keys.add_binding(KeyModifiers::CONTROL, KeyCode::Char('o'), ReedlineEvent::ExecuteHostCommand(OUTPUT.to_owned()));
    let filled = Arc::new(AtomicBool::new(false));
    let menu = ReedlineEvent::Menu(MENU.to_owned());
    keys.add_binding(KeyModifiers::NONE, KeyCode::Tab, ReedlineEvent::UntilFound(vec![menu, ReedlineEvent::MenuNext]));
    let mut menu = ColumnarMenu::default().with_name(MENU).with_columns(1);
    if !color {
        menu = menu.with_text_style(Style::new()).with_selected_text_style(Style::new().reverse());
    }
    let mut editor = Reedline::create()
        .with_ansi_colors(color)
        .use_bracketed_paste(true)
        .with_edit_mode(Box::new(Keys { emacs: Emacs::new(keys), pastes, filled: filled.clone() }))
        .with_highlighter(Box::new(Uncoloured { filled }))
        .with_validator(Box::new(Continued))
        .with_completer(Box::new(words))
        .with_quick_completions(true)
        .with_partial_completions(true)
        .with_menu(ReedlineMenu::EngineCompleter(Box::new(menu)))
        .with_break_signal(broken);
    if make_private(history).is_ok()
        && let Ok(kept) = FileBackedHistory::with_file(limits::HISTORY_LINES, history.to_owned())
    {
        editor = editor.with_history(Box::new(Clean { kept, redactor }));
    }
    editor
}

const MENU: &str = "words";
const OUTPUT: &str = "output";

/// The file exists and nobody else can read it.
fn make_private(file: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    std::fs::OpenOptions::new().create(true).append(true).mode(0o600).open(file).map(drop)
}

/// A line where nothing is painted anew.
fn plain_line(mark: &Mark) -> Read {
    print!("{}", mark.indicator());
    let _ = std::io::stdout().flush();
    let mut line = String::new();
    match std::io::stdin().lock().read_line(&mut line) {
        Ok(n) if n > 0 && std::io::stdin().is_terminal() => Read::Line(line.trim_end().to_owned()),
        _ => Read::Ended,
    }
}

/// What stands for the text on the screen: itself, or how many lines it has.
fn fold(pastes: &Pastes, text: &str) -> String {
    let lines = text.lines().count();
    if lines < FOLD {
        return text.to_owned();
    }
    let mut pastes = pastes.lock().unwrap_or_else(PoisonError::into_inner);
    while pastes.iter().map(|(_, text)| text.len()).sum::<usize>() + text.len() > PASTED && !pastes.is_empty() {
        pastes.remove(0);
    }
    let mut name = format!("[paste {lines} lines]");
    let mut n = 1;
    while pastes.iter().any(|(known, kept)| *known == name && kept != text) {
        n += 1;
        name = format!("[paste {lines} lines, {n}]");
    }
    if !pastes.iter().any(|(known, _)| *known == name) {
        pastes.push((name.clone(), text.to_owned()));
    }
    name
}

fn unfold(pastes: &Pastes, text: &str) -> String {
    let pastes = pastes.lock().unwrap_or_else(PoisonError::into_inner);
    let mut out = String::new();
    let mut rest = text;
    // Once from left to right: what a paste itself holds is left as it is.
    while let Some(at) = rest.find("[paste ") {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let (taken, whole) = match pastes.iter().find(|(name, _)| rest.starts_with(name.as_str())) {
            Some((name, whole)) => (name.len(), whole.as_str()),
            None => (1, "["),
        };
        out.push_str(whole);
        rest = &rest[taken..];
    }
    out + rest
}

/// Emacs' keys, but for long pastes, which are folded, and ^C, which clears what is typed and otherwise is told.
struct Keys {
    emacs: Emacs,
    pastes: Pastes,
    filled: Arc<AtomicBool>,
}

impl EditMode for Keys {
    fn parse_event(&mut self, event: ReedlineRawEvent) -> ReedlineEvent {
        match event.into() {
            Event::Paste(text) => {
                // Only text: what a clipboard holds is as foreign as a file.
                let text = ace_view::clean(&text.replace("\r\n", "\n").replace('\r', "\n"));
                let text: String = text.chars().take(limits::PROMPT_BYTES).collect();
                ReedlineEvent::Edit(vec![EditCommand::InsertString(fold(&self.pastes, &text))])
            }
            Event::Key(key) if key.code == KeyCode::Char('c') && key.modifiers == KeyModifiers::CONTROL => {
                if self.filled.swap(false, Ordering::Relaxed) {
                    ReedlineEvent::Multiple(vec![ReedlineEvent::Esc, ReedlineEvent::Edit(vec![EditCommand::Clear])])
                } else {
                    ReedlineEvent::ExecuteHostCommand("interrupt".to_owned())
                }
            }
            other => match ReedlineRawEvent::try_from(other) {
                Ok(event) => self.emacs.parse_event(event),
                Err(()) => ReedlineEvent::None,
            },
        }
    }

    fn edit_mode(&self) -> PromptEditMode {
        self.emacs.edit_mode()
    }
}

/// What is typed is not coloured; whether there is anything is known from here.
struct Uncoloured {
    filled: Arc<AtomicBool>,
}

impl Highlighter for Uncoloured {
    fn highlight(&self, line: &str, _: usize) -> StyledText {
        self.filled.store(!line.is_empty(), Ordering::Relaxed);
        let mut text = StyledText::new();
        text.push((Style::new(), line.to_owned()));
        text
    }
}

/// A backslash at its end continues a line.
struct Continued;

impl Validator for Continued {
    fn validate(&self, line: &str) -> ValidationResult {
        if line.ends_with('\\') { ValidationResult::Incomplete } else { ValidationResult::Complete }
    }
}

/// `> `, and two spaces before further lines.
struct Mark {
    color: bool,
}

impl Mark {
    fn indicator(&self) -> &'static str {
        if self.color { "\x1b[1m> \x1b[0m" } else { "> " }
    }
}

impl Prompt for Mark {
    fn render_prompt_left(&self) -> Cow<'_, str> {
        "".into()
    }

    fn render_prompt_right(&self) -> Cow<'_, str> {
        "".into()
    }

    fn render_prompt_indicator(&self, _: PromptEditMode) -> Cow<'_, str> {
        self.indicator().into()
    }

    fn render_prompt_multiline_indicator(&self) -> Cow<'_, str> {
        "  ".into()
    }

    fn render_prompt_history_search_indicator(&self, search: PromptHistorySearch) -> Cow<'_, str> {
        format!("(history: {}) ", search.term).into()
    }

    fn get_prompt_color(&self) -> reedline::Color {
        reedline::Color::Reset
    }

    fn get_prompt_multiline_color(&self) -> Color {
        Color::Default
    }

    fn get_indicator_color(&self) -> reedline::Color {
        reedline::Color::Reset
    }
}

/// Breaks in.
pub fn break_in(breaker: &AtomicBool) {
    breaker.store(true, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_paste_is_folded_and_comes_back_whole() {
        let pastes = Pastes::default();
        let (short, long, other) = ("a\nb".to_owned(), "a [paste 12 lines]\n".repeat(12), "b\n".repeat(12));
        assert_eq!(fold(&pastes, &short), short);
        assert_eq!(fold(&pastes, &long), "[paste 12 lines]");
        assert_eq!(fold(&pastes, &long), "[paste 12 lines]");
        assert_eq!(fold(&pastes, &other), "[paste 12 lines, 2]");
        assert_eq!(unfold(&pastes, "see [paste 12 lines]!"), format!("see {long}!"));
        assert_eq!(unfold(&pastes, "[paste 12 lines, 2][paste 9 lines"), format!("{other}[paste 9 lines"));
    }
}
