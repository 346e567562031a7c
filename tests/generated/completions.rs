//! Completions for bash, zsh and fish from the definition that clap parses with. What is hidden stays hidden; the front also
//! completes its verbs that are other programs' commands.

use ace_cli::command;
use ace_cli::suite::{Kind, SUITE};
use clap::Command;
use clap_complete::{Shell, generate};

/// Shells, and the name of a program's file there.
pub fn shells(program: &str) -> [(Shell, String); 3] {
    [
        (Shell::Bash, format!("completions/bash/{program}")),
        (Shell::Zsh, format!("completions/zsh/_{program}")),
        (Shell::Fish, format!("completions/fish/{program}.fish")),
    ]
}

/// The script for a program.
pub fn script(shell: Shell, program: &str) -> String {
    let mut shown = visible(&command(program).unwrap());
    if program == "ace" {
        for row in SUITE.iter().filter(|r| r.kind == Kind::Alias) {
            let root = command(row.program).unwrap();
            let sub = row.args.first().map_or(&root, |name| root.find_subcommand(name).unwrap());
            let sub = visible(sub);
            shown = shown.subcommand(sub.name(row.name).about(row.line));
        }
    }
    let mut out = Vec::new();
    generate(shell, &mut shown, program, &mut out);
    String::from_utf8(out).unwrap()
}

/// The same command without what is hidden.
fn visible(command: &Command) -> Command {
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let args: Vec<_> = command.get_arguments().filter(|a| !a.is_hide_set()).cloned().collect();
    let subs: Vec<_> = command.get_subcommands().filter(|s| !s.is_hide_set()).map(visible).collect();
    let version = if command.get_version().is_some() { ace_cli::VERSION } else { "" };
    // Without its feature for owned strings, clap takes names that live as long as the program: a few, in a test.
    let name: &'static str = Box::leak(command.get_name().to_owned().into_boxed_str());
    let shown = Command::new(name).about(about).disable_help_subcommand(true);
    let shown = if version.is_empty() { shown } else { shown.version(version) };
    shown.args(args).subcommands(subs)
}
