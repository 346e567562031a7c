//! Errors and notes as lines: `program: what failed 'about whom': why`, then at most one hint. The words are chosen beside the program
//! that speaks; they are never cut or wrapped here: the terminal does that.

use crate::clean::visible;
use crate::style::{Mark, Role, Style};
use crate::text::Text;

/// An error: the program bold, `hint:` cyan, the rest plain. `hint` may have several lines (a rule to paste) or be empty.
#[must_use]
pub fn error(program: &str, words: &str, hint: &str) -> Vec<Text> {
    let head = Text::of(Role::Bold, program).plain(": ").and(visible(words, Role::Plain));
    std::iter::once(head).chain(hinted(hint)).collect()
}

/// A note that stops nothing: the same with a yellow `!` before it.
#[must_use]
pub fn note(program: &str, words: &str, hint: &str, style: &Style) -> Vec<Text> {
    let mut lines = error(program, words, hint).into_iter();
    let head = lines.next().map(|line| Text::marked(Mark::Warns, style).and(line));
    head.into_iter().chain(lines).collect()
}

fn hinted(hint: &str) -> impl Iterator<Item = Text> {
    hint.lines().enumerate().map(|(i, line)| {
        let head = if i == 0 { Text::of(Role::Typed, "hint:").plain(" ") } else { Text::new() };
        head.and(visible(line, Role::Plain))
    })
}

/// What stands on the terminal of somebody who has no model yet. `file` is where a configuration would stand.
#[must_use]
pub fn no_model(file: &str, style: &Style) -> Vec<Text> {
    let mut out = Text::of(Role::Bold, "ace has no model yet.").plain(" Three ways in:").wrap(style.width, 0);
    for (typed, about) in [
        ("export OPENAI_API_KEY=...", "or ANTHROPIC_, GEMINI_, OPENROUTER_".to_owned()),
        ("ollama serve", "a model on this machine: -m ollama/MODEL".to_owned()),
        ("model = \"NAME/MODEL\"", format!("any compatible server, in {file}")),
    ] {
        let head = Text::new().gap(2).with(Role::Typed, typed);
        // An address is never broken, and a path is one.
        let line = head.clone().to(31).gap(2).dim(&about);
        if line.cells() <= style.width {
            out.push(line);
        } else {
            out.push(head);
            out.extend(Text::new().gap(6).dim(&about).wrap(style.width, 6));
        }
    }
    let demo = Text::of(Role::Plain, "No key at hand? ").with(Role::Typed, "ace demo");
    out.extend(demo.plain(" plays a recorded session, here, in a minute, for $0.").wrap(style.width, 0));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_and_notes_have_one_form() {
        let style = Style { color: false, ..Style::new(80) };
        let shown = |lines: Vec<Text>| lines.iter().map(|l| crate::render(l, &style)).collect::<Vec<_>>();
        let got = error("ace", "no session 'fix-medain\u{1b}[2J'", "did you mean 'fix-median'? ace ls shows all");
        assert_eq!(
            shown(got),
            ["ace: no session 'fix-medain\\u{1b}[2J'", "hint: did you mean 'fix-median'? ace ls shows all"]
        );
        let got = note("ace", "not a git repository: works in place", "", &style);
        assert_eq!(shown(got), ["! ace: not a git repository: works in place"]);
    }
}
