//! `man/PROGRAM.1` from the definition that clap parses with, the table of the suite, the exits and the variables.

use super::roff::Roff;
use ace_cli::suite::{Group, Kind, Row, SUITE};
use ace_cli::variables::VARIABLES;
use ace_cli::{Exit, command};
use clap::{Arg, ArgAction, Command};

/// Rows of programs, each with its own page.
pub fn programs() -> impl Iterator<Item = &'static Row> {
    SUITE.iter().filter(|r| r.group == Group::Parts)
}

/// The page of a program.
pub fn page(row: &Row) -> String {
    let mut root = command(row.name).unwrap();
    root.build();
    let mut page = Roff::new(row.name, 1, "lib/cli");
    page.section("NAME");
    page.line(&format!("{} - {}", row.name, row.line));
    page.section("SYNOPSIS");
    page.line(&format!("`{}{}`", row.name, usage(&root)));
    page.section("EXAMPLES");
    page.example(&words(root.get_after_help()));
    page.section("DESCRIPTION");
    page.say(&format!("{}.", words(root.get_about())));
    page.say(kind(row.kind));
    let note = words(root.get_before_help());
    if !note.is_empty() {
        page.say(&format!("{}.", capital(&note)));
    }
    commands(&mut page, row.name, &root);
    if row.kind == Kind::Front {
        verbs(&mut page);
    }
    page.section("OPTIONS");
    arguments(&mut page, &root, |_| true);
    page.term("-h, --help", "Say how it is used. Behind a command: how that command is used");
    page.term("-V, --version", "Say the version");
    exits(&mut page, &root);
    environment(&mut page, row);
    let mut also: Vec<(&str, u8)> = programs().filter(|r| r.name != row.name).map(|r| (r.name, 1)).collect();
    also.extend([
        ("ace-config", 5),
        ("ace-log", 5),
        ("ace-rules", 5),
        ("ace", 7),
        ("ace-events", 7),
        ("ace-pipe", 7),
        ("ace-tools", 7),
    ]);
    page.also(&also);
    page.end()
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Front => {
            "What it does is done by the programs below, in a pipe; `ace -x` prints that pipe instead of running it. A word it does not know runs `ace-WORD`."
        }
        Kind::Filter => {
            "A filter: it reads events on standard input, passes every line on as it is, and adds drafts of its own. The rules of such a filter are in ace-pipe(7), the events in ace-events(7)."
        }
        Kind::Source => {
            "It begins streams of events and, as `step`, is a filter that takes turns. The rules of a filter are in ace-pipe(7), the events in ace-events(7)."
        }
        Kind::Keeper => {
            "The only program that writes a log. The format is in ace-log(5); a line without a seq is a draft, and append makes it a fact."
        }
        _ => "It stands beside the pipe and may be called by hand.",
    }
}

/// The commands that people may see.
fn listed(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|s| !s.is_hide_set() && (s.get_name() != "help" || has_own_help(s)))
}

/// The front's own `help` takes a word of ours; the one clap adds is left out.
fn has_own_help(sub: &Command) -> bool {
    sub.get_positionals().any(|p| p.get_id() == "word")
}

fn commands(page: &mut Roff, name: &str, root: &Command) {
    if listed(root).next().is_none() {
        return;
    }
    page.section("COMMANDS");
    for sub in listed(root) {
        page.part(&format!("{name} {}{}", sub.get_name(), usage(sub)));
        let note = words(sub.get_before_help());
        let note = if note.is_empty() { note } else { format!(" {}.", capital(&note)) };
        page.line(&format!("{}.{note}", words(sub.get_about())));
        arguments(page, sub, |a| !a.is_global_set());
        let example = words(sub.get_after_help());
        if !example.is_empty() {
            page.example(&example);
        }
    }
}

fn verbs(page: &mut Roff) {
    page.section("VERBS OF OTHER PROGRAMS");
    for row in SUITE.iter().filter(|r| r.kind == Kind::Alias) {
        page.term(&format!("ace {}", row.name), &format!("{}: {} {}", row.line, row.program, row.args.join(" ")));
    }
}

fn is_own(arg: &Arg) -> bool {
    let ours =
        !matches!(arg.get_action(), ArgAction::Help | ArgAction::HelpShort | ArgAction::HelpLong | ArgAction::Version);
    ours && !arg.is_hide_set()
}

fn arguments(page: &mut Roff, command: &Command, wanted: impl Fn(&Arg) -> bool) {
    for arg in command.get_arguments().filter(|a| is_own(a) && wanted(a)) {
        page.term(&typed(arg), &format!("{}.", words(arg.get_help())));
    }
}

fn value(arg: &Arg) -> String {
    let name = arg.get_value_names().and_then(|n| n.first()).map(ToString::to_string);
    name.unwrap_or_else(|| arg.get_id().to_string().to_uppercase())
}

/// `-m, --model NAME/MODEL`, or a positional's name.
fn typed(arg: &Arg) -> String {
    if arg.is_positional() {
        return value(arg);
    }
    let names = [arg.get_short().map(|c| format!("-{c}")), arg.get_long().map(|l| format!("--{l}"))];
    let names: Vec<String> = names.into_iter().flatten().collect();
    let value = if arg.get_action().takes_values() { format!(" {}", value(arg)) } else { String::new() };
    names.join(", ") + &value
}

/// What stands behind the name: options, positionals, the place of a command.
fn usage(command: &Command) -> String {
    let mut out = String::new();
    for arg in command.get_arguments().filter(|a| is_own(a) && !a.is_positional() && !a.is_global_set()) {
        let name = arg.get_long().map_or_else(|| format!("-{}", arg.get_short().unwrap()), |l| format!("--{l}"));
        let value = if arg.get_action().takes_values() { format!(" {}", value(arg)) } else { String::new() };
        out += &format!(" [{name}{value}]");
    }
    for arg in command.get_positionals() {
        out += &match (arg.is_last_set(), arg.is_required_set()) {
            (true, _) => format!(" -- {}...", value(arg)),
            (_, true) => format!(" {}", value(arg)),
            (_, false) => format!(" [{}]", value(arg)),
        };
    }
    match (listed(command).next().is_some(), command.is_subcommand_required_set()) {
        (false, _) => {}
        (true, true) => out += " COMMAND ...",
        (true, false) => out += " [COMMAND ...]",
    }
    out
}

fn exits(page: &mut Roff, root: &Command) {
    page.section("EXIT STATUS");
    let own = words(root.get_after_long_help());
    if !own.is_empty() {
        page.say(&format!("In short: {own}. In all programs:"));
    }
    for exit in Exit::ALL {
        page.term(&exit.number().to_string(), &format!("{} ({}).", exit.meaning(), exit.name()));
    }
}

/// The front reads all; keys concern the model's program alone, the screen only the front.
fn environment(page: &mut Roff, row: &Row) {
    page.section("ENVIRONMENT");
    let front = row.kind == Kind::Front;
    for variable in VARIABLES {
        let everywhere = ["ACE_", "XDG_", "NO_COLOR", "TERM"];
        let shown = match variable.name {
            "ACE_PROGRESS" | "ACE_ASCII" | "ACE_PLAIN" | "ACE_BLESS" => front,
            "ACE_PACE" => front || row.name == "ace-model",
            name if !everywhere.iter().any(|e| name.starts_with(e)) => front || row.name == "ace-model",
            _ => true,
        };
        if shown {
            page.term(variable.name, &format!("{}.", variable.line));
        }
    }
}

fn capital(words: &str) -> String {
    let mut chars = words.chars();
    chars.next().map_or_else(String::new, |c| c.to_uppercase().chain(chars).collect())
}

fn words(styled: Option<&clap::builder::StyledStr>) -> String {
    styled.map(ToString::to_string).unwrap_or_default()
}
