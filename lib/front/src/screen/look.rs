//! How a terminal looks to those who print on it: its size, its colours, its alphabet. It must never know what is printed.

use ace_cli::When;
use ace_view::Style;
use std::io::IsTerminal;

use super::Output;

fn variable_set(name: &str) -> bool {
    std::env::var_os(name).is_some_and(|v| !v.is_empty())
}

/// Columns and rows of the terminal at that end.
pub(super) fn size(aside: bool) -> (usize, usize) {
    let size = if aside {
        rustix::termios::tcgetwinsize(std::io::stderr())
    } else {
        rustix::termios::tcgetwinsize(std::io::stdout())
    };
    // A terminal that does not know its size says 0.
    let known = |n: u16, else_: usize| if n == 0 { else_ } else { usize::from(n) };
    size.map_or((80, 24), |s| (known(s.ws_col, 80), known(s.ws_row, 24)))
}

/// How the terminal at that end looks now.
pub(super) fn style(output: Output, aside: bool) -> Style {
    let (columns, _) = size(aside);
    let terminal = if aside { std::io::stderr().is_terminal() } else { std::io::stdout().is_terminal() };
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|n| std::env::var(n).ok().filter(|v| !v.is_empty()));
    let locale = locale.unwrap_or_default().to_ascii_lowercase();
    let utf8 = locale.contains("utf-8") || locale.contains("utf8");
    let mut style = Style::new(columns);
    style.color = output.color.colours(terminal);
    style.ascii = variable_set("ACE_ASCII") || !utf8;
    style.cjk = ["zh", "ja", "ko"].iter().any(|l| locale.starts_with(l));
    style.plain = !terminal || variable_set("ACE_PLAIN") || std::env::var("TERM").is_ok_and(|t| t == "dumb");
    style.reasoning = output.reasoning;
    style.quiet = output.quiet;
    style
}

/// The style for a page on stderr.
#[must_use]
pub fn on_stderr(color: When) -> Style {
    style(Output { color, ..Output::default() }, true)
}

/// The style for a listing on stdout.
#[must_use]
pub fn listing(color: When) -> Style {
    let mut style = style(Output { color, ..Output::default() }, false);
    if !std::io::stdout().is_terminal() {
        // Nobody's window limits a pipe.
        style.whole = true;
    }
    style
}

/// Columns and rows of the terminal on stderr.
#[must_use]
pub fn size_of_stderr() -> (usize, usize) {
    size(true)
}
