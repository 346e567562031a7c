//! The pages of `-h`: drawn from the definitions that clap parses with and from the table of the suite, so that they cannot drift.
//!
//! Clap's own templates put a head on a line of its own and know no groups of commands; these pages have heads in the left column.
//! Where a part of a page stands in the definition: description = doc comment, note beside the usage = `before_help`, examples =
//! `after_help`, exit codes = `after_long_help`, group of an argument = `help_heading`, group of a command = its
//! `subcommand_help_heading`, named but not explained = `hide_short_help`.

use clap::{Arg, ArgAction, Command};
use nu_ansi_term::{Color, Style};

use crate::suite::{Group, Kind, SUITE};
use crate::{Complaint, Exit};

/// Cells of the column of heads.
const HEAD: usize = 9;
/// Cells of the widest second column; longer cells push their explanation along.
const CELL: usize = 30;
/// Cells of a page.
const COLUMNS: usize = 80;
/// Where the note beside the usage begins.
const NOTE: usize = 39;

/// One row of a page's table: what can be typed, and what it does.
struct Row {
    group: String,
    typed: String,
    does: String,
}

/// The page of the command at `path` (program first), with its line feeds.
pub fn page(root: &Command, path: &[String], coloured: bool) -> String {
    let mut root = root.clone();
    root.build();
    let mut command = &root;
    for word in path.iter().skip(1) {
        command = command.find_subcommand(word).unwrap_or(command);
    }
    let name = if path.is_empty() { root.get_name().to_owned() } else { path.join(" ") };
    let front = command.get_name() == "ace" && path.len() < 2;
    let mut page = Page { out: String::new(), coloured };
    page.title(&name, &text(command.get_about()));
    page.usage(&name, command);
    page.examples(&text(command.get_after_help()));
    if front {
        page.table(&verbs(), HEAD);
        page.out.push('\n');
    }
    page.table(&rows(command, front), if front { 2 } else { HEAD });
    let exit = text(command.get_after_long_help());
    if !exit.is_empty() {
        page.margin("Exit", HEAD);
        page.out += &exit;
        page.out.push('\n');
    }
    if front {
        page.out += "ace help COMMAND explains one, ace help pipe the parts; ace WORD runs ace-WORD.\n";
    }
    page.out
}

/// `ace help [WORD]`.
///
/// # Errors
/// A complaint when nothing has that name.
pub fn about(word: Option<&str>, coloured: bool) -> Result<String, Complaint> {
    let (program, sub): (&str, Option<&str>) = match word {
        None => ("ace", None),
        Some("pipe") => return Ok(parts(coloured)),
        Some(word) => match SUITE.iter().find(|r| r.name == word) {
            Some(row) if row.kind == Kind::Own => ("ace", Some(row.name)),
            Some(row) => (row.program, row.args.first().copied()),
            None => match SUITE.iter().find(|r| r.name.strip_prefix("ace-") == Some(word)) {
                Some(row) => (row.program, None),
                None => return Err(unknown(word)),
            },
        },
    };
    let root = crate::command(program).ok_or_else(|| unknown(program))?;
    let path: Vec<String> = [Some(program), sub].into_iter().flatten().map(str::to_owned).collect();
    Ok(page(&root, &path, coloured))
}

fn unknown(word: &str) -> Complaint {
    let complaint = Complaint::new("ace", Exit::Usage, format!("no command '{word}'"));
    match ace_config::nearest(word, SUITE.iter().map(|r| r.name)) {
        Some(near) => complaint.hint(format!("ace help {near}")),
        None => complaint.hint("ace -h shows all"),
    }
}

/// `ace help pipe`: the programs, and how they stand in a line.
fn parts(coloured: bool) -> String {
    let mut page = Page { out: String::new(), coloured };
    page.title("ace help pipe", "the programs behind the commands");
    page.out.push('\n');
    page.examples(
        "ace -x run \"make the tests pass\"\nace-log follow S | ace-session step | ace-model | ace-permit | ace-tool |\n  ace-log append S",
    );
    let rows: Vec<Row> = SUITE
        .iter()
        .filter(|r| r.group == Group::Parts)
        .map(|r| Row { group: "Parts".to_owned(), typed: r.name.to_owned(), does: r.line.to_owned() })
        .collect();
    page.table(&rows, HEAD);
    page.out += "A line with a seq is a fact, a line without one a draft; ace-log makes facts.\n";
    page.out
}

/// The verbs of the front, a row a group.
fn verbs() -> Vec<Row> {
    let row = |group: Group| {
        let names: Vec<&str> = SUITE.iter().filter(|r| r.group == group).map(|r| r.name).collect();
        let typed = names.join(" ");
        // A long row says enough by its names.
        let fits = HEAD + typed.len() + 2 + group.gloss().len() <= COLUMNS;
        Row { group: group.label().to_owned(), typed, does: if fits { group.gloss() } else { "" }.to_owned() }
    };
    Group::VERBS.into_iter().map(row).filter(|r| !r.typed.is_empty()).collect()
}

/// Commands, then options, each group in the order of its first member.
fn rows(command: &Command, front: bool) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    let subs = listed(command).filter(|_| !front);
    rows.extend(subs.map(|s| Row {
        group: s.get_subcommand_help_heading().unwrap_or("Do").to_owned(),
        typed: with_arguments(s),
        does: text(s.get_about()),
    }));
    let head = |a: &Arg| match front {
        true => String::new(),
        false => a.get_help_heading().unwrap_or("Options").to_owned(),
    };
    let options = || command.get_arguments().filter(|a| is_option(a));
    rows.extend(options().filter(|a| !a.is_hide_short_help_set()).map(|a| Row {
        group: head(a),
        typed: option(a),
        does: text(a.get_help()),
    }));
    let brief: Vec<String> = options().filter(|a| a.is_hide_short_help_set()).map(option).collect();
    if !brief.is_empty() {
        let group = if front { String::new() } else { "Output".to_owned() };
        let version = if front { ", --version" } else { "" };
        rows.push(Row { group, typed: brief.join(", ") + version, does: String::new() });
    }
    rows
}

/// A flag or an option of the program's own that people may see.
fn is_option(arg: &Arg) -> bool {
    let own =
        !matches!(arg.get_action(), ArgAction::Help | ArgAction::HelpShort | ArgAction::HelpLong | ArgAction::Version);
    own && !arg.is_positional() && !arg.is_hide_set()
}

/// `-m, --model NAME/MODEL`; a flag that has both and is only named shows the short one.
fn option(arg: &Arg) -> String {
    let short = arg.get_short().map(|c| format!("-{c}"));
    let long = arg.get_long().map(|l| format!("--{l}"));
    let names = match (short, long) {
        (Some(short), Some(long)) if !arg.is_hide_short_help_set() => format!("{short}, {long}"),
        (Some(short), _) => short,
        (None, long) => long.unwrap_or_default(),
    };
    if arg.get_action().takes_values() { format!("{names} {}", value(arg)) } else { names }
}

fn value(arg: &Arg) -> String {
    let name = arg.get_value_names().and_then(|n| n.first()).map(|n| n.to_string());
    name.unwrap_or_else(|| arg.get_id().to_string().to_uppercase())
}

/// `follow S [--until turn|idle]`: the command with its own arguments, the optional ones while there is room.
fn with_arguments(command: &Command) -> String {
    let mut out = format!("{}{}", command.get_name(), positionals(command));
    let own = command.get_arguments().filter(|a| is_option(a) && !a.is_global_set());
    let all: String = own.map(|a| format!(" [{}]", long(a))).collect();
    match out.len() + all.len() <= CELL {
        true => out += &all,
        false => out += " [OPTIONS]",
    }
    out
}

fn long(arg: &Arg) -> String {
    let name = arg
        .get_long()
        .map_or_else(|| arg.get_short().map(|c| format!("-{c}")).unwrap_or_default(), |l| format!("--{l}"));
    if arg.get_action().takes_values() { format!("{name} {}", value(arg)) } else { name }
}

fn positionals(command: &Command) -> String {
    let one = |a: &Arg| match (a.is_last_set(), a.is_required_set()) {
        (true, _) => format!(" -- {}...", value(a)),
        (_, true) => format!(" {}", value(a)),
        (_, false) => format!(" [{}]", value(a)),
    };
    command.get_positionals().map(one).collect()
}

/// The place of the command in a usage, and the argument that all of them begin with.
fn sub_command(command: &Command) -> String {
    let subs: Vec<&Command> = listed(command).collect();
    let first = |s: &Command| s.get_positionals().next().filter(|a| a.is_required_set()).map(value);
    let shared = subs.first().and_then(|s| first(s)).filter(|f| subs.iter().all(|s| first(s).as_ref() == Some(f)));
    match (subs.is_empty(), command.is_subcommand_required_set()) {
        (true, _) => String::new(),
        (false, true) => format!(" COMMAND{}", shared.map(|s| format!(" {s}")).unwrap_or_default()),
        (false, false) => " [COMMAND]".to_owned(),
    }
}

/// The commands that people may see.
fn listed(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|s| !s.is_hide_set() && s.get_name() != "help")
}

fn text(styled: Option<&clap::builder::StyledStr>) -> String {
    styled.map(ToString::to_string).unwrap_or_default()
}

/// The first letter small, as all status text: the man pages keep the capital.
fn small(text: &str) -> String {
    let mut chars = text.chars();
    match (chars.next(), chars.clone().next()) {
        (Some(first), Some(second)) if second.is_lowercase() || second == ' ' => {
            first.to_lowercase().chain(chars).collect()
        }
        _ => text.to_owned(),
    }
}

/// A page as it grows.
struct Page {
    out: String,
    coloured: bool,
}

impl Page {
    fn paint(&self, style: Style, text: &str) -> String {
        if self.coloured && !text.is_empty() { style.paint(text).to_string() } else { text.to_owned() }
    }

    fn bold(&self, text: &str) -> String {
        self.paint(Style::new().bold(), text)
    }

    fn cyan(&self, text: &str) -> String {
        self.paint(Color::Cyan.normal(), text)
    }

    fn title(&mut self, name: &str, about: &str) {
        let line = format!("{}: {}\n", self.bold(name), small(about));
        self.out += &line;
    }

    fn usage(&mut self, name: &str, command: &Command) {
        let options = if command.get_arguments().any(is_option) { " [OPTIONS]" } else { "" };
        let line = format!("{name}{}{options}{}", sub_command(command), positionals(command));
        let note = text(command.get_before_help());
        let gap = if note.is_empty() { 0 } else { NOTE.saturating_sub("Usage: ".len() + line.len()).max(2) };
        let line = format!("{} {}{}{note}\n\n", self.bold("Usage:"), self.cyan(&line), " ".repeat(gap));
        self.out += &line;
    }

    fn examples(&mut self, examples: &str) {
        for line in examples.lines() {
            let (typed, does) = line.split_once("  ").filter(|(t, _)| !t.is_empty()).unwrap_or((line, ""));
            let gap = if does.is_empty() { "" } else { "  " };
            let line = format!("  {}{gap}{does}\n", self.cyan(typed));
            self.out += &line;
        }
        if !examples.is_empty() {
            self.out.push('\n');
        }
    }

    /// Rows by group, each group in the place of its first row; heads take `margin` cells.
    fn table(&mut self, rows: &[Row], margin: usize) {
        let explained = rows.iter().filter(|r| !r.does.is_empty()).map(|r| r.typed.len());
        let width = explained.filter(|l| *l <= CELL).max().unwrap_or(0);
        for (i, first) in rows.iter().enumerate() {
            if rows[..i].iter().any(|r| r.group == first.group) {
                continue;
            }
            for (j, row) in rows.iter().filter(|r| r.group == first.group).enumerate() {
                self.margin(if j == 0 { &row.group } else { "" }, margin);
                let gap = if row.does.is_empty() { 0 } else { width.saturating_sub(row.typed.len()) + 2 };
                let line = format!("{}{}{}\n", self.cyan(&row.typed), " ".repeat(gap), small(&row.does));
                self.out += &line;
            }
        }
    }

    fn margin(&mut self, head: &str, cells: usize) {
        let head = format!("{}{}", self.bold(head), " ".repeat(cells.saturating_sub(head.len())));
        self.out += &head;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every page there is, plain.
    fn pages() -> Vec<String> {
        let mut pages = vec![parts(false)];
        for row in SUITE.iter().filter(|r| r.group == Group::Parts) {
            let root = crate::command(row.name).unwrap();
            pages.push(page(&root, &[row.name.to_owned()], false));
            for sub in root.get_subcommands() {
                pages.push(page(&root, &[row.name.to_owned(), sub.get_name().to_owned()], false));
            }
        }
        pages
    }

    #[test]
    fn every_page_fits_its_terminal() {
        for page in pages() {
            let rows = if page.starts_with("ace: ") { 24 } else { 36 };
            assert!(page.lines().count() <= rows, "{page}");
            for line in page.lines() {
                assert!(line.chars().count() <= 80, "{line}");
                assert!(!line.ends_with(' '), "{line:?}");
            }
        }
    }

    #[test]
    fn every_page_has_a_usage_and_no_full_stop_in_its_title() {
        for page in pages().iter().skip(1) {
            assert!(page.lines().nth(1).unwrap().starts_with("Usage: ace"), "{page}");
            assert!(!page.lines().next().unwrap().ends_with('.'), "{page}");
        }
    }

    #[test]
    fn exit_codes_on_pages_exist() {
        for page in pages() {
            for line in page.lines().filter_map(|l| l.strip_prefix("Exit")) {
                for number in line.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse().ok()) {
                    assert!(Exit::from_number(number).is_some(), "{line}");
                }
            }
        }
    }

    /// Compares a page with the file beside the sources; `ACE_BLESS=1` writes it.
    fn check(path: &[&str]) {
        let page =
            page(&crate::command(path[0]).unwrap(), &path.iter().map(|p| (*p).to_owned()).collect::<Vec<_>>(), false);
        let file = format!("{}/pages/{}.txt", env!("CARGO_MANIFEST_DIR"), path.join("-"));
        if std::env::var_os("ACE_BLESS").is_some() {
            std::fs::write(&file, &page).unwrap();
        }
        assert_eq!(page, std::fs::read_to_string(&file).unwrap_or_default(), "{path:?}");
    }

    #[test]
    fn the_pages_are_these() {
        check(&["ace"]);
        check(&["ace", "run"]);
        for row in SUITE.iter().filter(|r| r.group == Group::Parts) {
            check(&[row.name]);
        }
    }

    #[test]
    fn colour_adds_nothing_but_colour() {
        let root = crate::command("ace-log").unwrap();
        let (plain, coloured) =
            (page(&root, &["ace-log".to_owned()], false), page(&root, &["ace-log".to_owned()], true));
        assert!(coloured.contains("\u{1b}[1mWrite\u{1b}[0m"));
        let mut stripped = String::new();
        for (i, part) in coloured.split("\u{1b}[").enumerate() {
            stripped += if i == 0 { part } else { part.split_once('m').unwrap().1 };
        }
        assert_eq!(stripped, plain);
    }

    #[test]
    fn help_of_a_verb_is_the_page_of_the_program_that_does_it() {
        assert!(about(Some("diff"), false).unwrap().starts_with("ace-worktree diff: "));
        assert!(about(Some("run"), false).unwrap().starts_with("ace run: "));
        assert!(about(Some("log"), false).unwrap().starts_with("ace-log show: "));
        assert!(about(Some("model"), false).unwrap().starts_with("ace-model: "));
        assert!(about(Some("pipe"), false).unwrap().contains("ace-permit"));
        assert!(about(None, false).unwrap().starts_with("ace: "));
        assert_eq!(about(Some("lnad"), false).unwrap_err().hint.as_deref(), Some("ace help land"));
    }
}
