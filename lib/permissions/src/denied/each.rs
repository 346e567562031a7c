//! Every program that a command line could start, wherever it hides, for rules that deny or ask: rather one too many than one too few.

use ace_schema::limits::SHELL_STRINGS;

use super::words::{self, Budget, views};
use crate::shell::{Command, Script, Word};

/// Who is told.
pub trait Visitor {
    /// A program by its name in small letters (empty if the shell makes it up) and its arguments.
    fn program(&mut self, name: &str, args: &[Word]);
    /// A word of any kind: an argument, the target of a redirection, a here-text.
    fn word(&mut self, word: &Word);
    /// The target of a redirection that writes.
    fn written(&mut self, word: &Word);
}

/// Tells of everything; `false` if something was left unread.
pub fn each(command: &str, visitor: &mut impl Visitor) -> bool {
    let budget = Budget::new();
    let script = budget.parse(command);
    walk(&script, 0, &budget, visitor);
    !budget.is_unread()
}

fn walk(script: &Script, depth: usize, budget: &Budget, visitor: &mut impl Visitor) {
    if depth > SHELL_STRINGS {
        return budget.give_up();
    }
    script.pipelines.iter().flat_map(|p| &p.commands).for_each(|c| one(c, depth, budget, visitor));
}

fn one(command: &Command, depth: usize, budget: &Budget, visitor: &mut impl Visitor) {
    for view in views(command) {
        visitor.program(&view.name, view.args);
    }
    command.redirects.iter().filter(|r| r.writes).for_each(|r| visitor.written(&r.target));
    words::all(command).for_each(|w| visitor.word(w));
    for inner in command.group.iter().chain(words::all(command).flat_map(|w| &w.inner)) {
        walk(inner, depth + 1, budget, visitor);
    }
    for text in words::all_scripts(command) {
        let script = budget.parse(&text);
        walk(&script, depth + 1, budget, visitor);
    }
    if words::is_crowded(command) {
        budget.give_up();
    }
}
